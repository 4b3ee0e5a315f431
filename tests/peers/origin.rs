//! An MMSC written for the tests by hand, octet by octet, without this project's codecs: what it
//! accepts and what it serves follows OMA-TS-MMS_ENC-V1_3 clauses 6 and 7 and WAP-230 clause 8.5.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The MMSC; ends with the test process.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Origin {
    /// Listens on loopback and serves `picture` at every GET.
    pub(crate) fn start(picture: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                let picture = picture.clone();
                std::thread::spawn(move || serve(stream, &picture, &log));
            }
        });
        Self { address, requests }
    }

    /// Everything that arrived so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The bodies of the POSTs whose X-Mms-Message-Type is `kind`.
    pub(crate) fn posted(&self, kind: u8) -> Vec<Vec<u8>> {
        self.requests()
            .into_iter()
            .filter(|request| request.body.starts_with(&[0x8c, kind]))
            .map(|request| request.body)
            .collect()
    }
}

fn serve(mut stream: TcpStream, picture: &[u8], log: &Mutex<Vec<Request>>) {
    let mut octets = Vec::new();
    loop {
        let Some(request) = read_request(&mut stream, &mut octets) else { return };
        let answer = if request.head.starts_with("GET ") {
            retrieve_conf(picture)
        } else if request.body.starts_with(&[0x8c, 0x80, 0x98]) {
            send_conf(&request.body)
        } else {
            Vec::new()
        };
        log.lock().unwrap().push(request);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
             Content-Length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer)).is_err() {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream, octets: &mut Vec<u8>) -> Option<Request> {
    let mut block = [0; 16 * 1024];
    loop {
        if let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&octets[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())
                })
                .flatten()
                .unwrap_or(0);
            if octets.len() >= end + 4 + length {
                let body = octets[end + 4..end + 4 + length].to_vec();
                octets.drain(..end + 4 + length);
                return Some(Request { head, body });
            }
        }
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return None,
            Ok(count) => octets.extend_from_slice(&block[..count]),
        }
    }
}

/// M-Send.conf (clause 6.1.2) with the Transaction-Id of the request.
fn send_conf(request: &[u8]) -> Vec<u8> {
    let end = request.iter().position(|octet| *octet == 0).expect("a Transaction-Id");
    let mut pdu = vec![0x8c, 0x81, 0x98];
    pdu.extend_from_slice(&request[3..=end]);
    pdu.extend_from_slice(&[0x8d, 0x92, 0x92, 0x80, 0x8b]);
    pdu.extend_from_slice(b"origin-1\0");
    pdu
}

/// M-Retrieve.conf (clause 6.3): one text and one picture in multipart/mixed.
fn retrieve_conf(picture: &[u8]) -> Vec<u8> {
    let mut pdu = vec![0x8c, 0x84];
    pdu.extend_from_slice(b"\x98T-RETRIEVE\0\x8d\x92\x8borigin-2\0");
    // Date 0x67000000, From an address, Subject plain, Content-Type multipart.mixed, two entries.
    pdu.extend_from_slice(&[0x85, 0x04, 0x67, 0, 0, 0, 0x89, 25, 0x80]);
    pdu.extend_from_slice(b"+447700900456/TYPE=PLMN\0");
    pdu.extend_from_slice(b"\x96Holiday\0\x84\xa3\x02");
    // text/plain; charset=utf-8 as a general form, Content-Location.
    entry(&mut pdu, b"\x03\x83\x81\xea\x8et.txt\0", "Gr\u{fc}\u{df}e".as_bytes());
    entry(&mut pdu, b"\x9e\x8ep.jpg\0", picture);
    pdu
}

fn entry(pdu: &mut Vec<u8>, headers: &[u8], data: &[u8]) {
    uintvar(pdu, headers.len());
    uintvar(pdu, data.len());
    pdu.extend_from_slice(headers);
    pdu.extend_from_slice(data);
}

/// WAP-230 clause 8.1.2.
fn uintvar(pdu: &mut Vec<u8>, value: usize) {
    let mut shift = 28;
    let mut begun = false;
    loop {
        let group = (value >> shift & 0x7f) as u8;
        begun |= group != 0 || shift == 0;
        if begun {
            pdu.push(if shift == 0 { group } else { 0x80 | group });
        }
        if shift == 0 {
            return;
        }
        shift -= 7;
    }
}

/// The SMS-DELIVER TPDUs (3GPP TS 23.040 clause 9.2.2.1), hexadecimal, that announce `url`:
/// M-Notification.ind in a WAP Push, split by hand over as many as it takes.
pub(crate) fn notification_tpdus(transaction_id: &str, url: &str, reference: u8) -> Vec<String> {
    let mut push = vec![0x2a, 0x06, 34];
    push.extend_from_slice(b"application/vnd.wap.mms-message\0\xaf\x84");
    push.extend_from_slice(b"\x8c\x82\x98");
    push.extend_from_slice(transaction_id.as_bytes());
    push.extend_from_slice(b"\0\x8d\x92\x89\x19\x80+447700900456/TYPE=PLMN\0\x96Holiday\0\x8a\x80");
    // Message-Size 250 000, Expiry relative 86 400 s.
    push.extend_from_slice(&[0x8e, 3, 0x03, 0xd0, 0x90, 0x88, 5, 0x81, 3, 0x01, 0x51, 0x80]);
    push.extend_from_slice(b"\x83");
    push.extend_from_slice(url.as_bytes());
    push.push(0);
    let pieces: Vec<&[u8]> = push.chunks(140 - 12).collect();
    let total = u8::try_from(pieces.len()).unwrap();
    (1..)
        .zip(pieces)
        .map(|(number, piece)| {
            // First octet with UDHI and no more messages, originator +491725551234 (12 digits).
            let mut tpdu = vec![0x44, 12, 0x91, 0x94, 0x71, 0x52, 0x55, 0x21, 0x43, 0x00, 0x04];
            tpdu.extend_from_slice(&[0x62, 0x11, 0x12, 0x01, 0x02, 0x03, 0x00]);
            tpdu.push(u8::try_from(12 + piece.len()).unwrap());
            tpdu.extend_from_slice(&[0x0b, 5, 4, 0x0b, 0x84, 0x23, 0xf0, 0, 3]);
            tpdu.extend_from_slice(&[reference, total, number]);
            tpdu.extend_from_slice(piece);
            hex::encode_upper(tpdu)
        })
        .collect()
}
