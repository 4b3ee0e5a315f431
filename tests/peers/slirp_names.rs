//! Names asked through PPP and slirp of a name server written by hand (RFC 1035), in a namespace
//! with a resolv.conf of its own: slirp tells the first server of that file by IPCP (RFC 1877) and
//! stands for it as 10.0.2.3.

use std::convert::Infallible;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::bearer::BearerConfig;
use mm1gate::mm1::{Client, Identity, SubmitOutcome};
use mm1gate::model::StageSink;
use mm1gate::net::{Net, NetError};
use mm1gate::operators::Settings;
use tokio::time::timeout;

use crate::namespace::{inside, sh};
use crate::origin::Origin;
use crate::slirp_link::{HOST, LIMIT, Up, up_with};
use crate::support::Scratch;

/// The name server, an address of the namespace's loopback.
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
/// slirp's own name for it.
const ALIAS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);

/// `name` in labels, as a question has it.
fn labels(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.') {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets
}

/// Response: recursion desired and available.
const OK: [u8; 2] = [0x81, 0x80];
const TRUNCATED: [u8; 2] = [0x83, 0x80];
const NAME_ERROR: [u8; 2] = [0x81, 0x83];

/// The answer to `query`: the addresses of `mmsc.example` and `long.example`, the latter over TCP
/// alone; `no-v4.example` has none; there are no other names.
fn answer(query: &[u8], over_tcp: bool) -> Vec<u8> {
    let question = &query[12..];
    let (flags, addresses): (_, Vec<[u8; 4]>) = if question.starts_with(&labels("mmsc.example")) {
        (OK, vec![HOST])
    } else if question.starts_with(&labels("long.example")) {
        match over_tcp {
            false => (TRUNCATED, Vec::new()),
            true => (OK, (1..=12).map(|last| [198, 51, 100, last]).collect()),
        }
    } else if question.starts_with(&labels("no-v4.example")) {
        (OK, Vec::new())
    } else {
        (NAME_ERROR, Vec::new())
    };
    let mut reply = query[..2].to_vec();
    reply.extend_from_slice(&flags);
    reply.extend_from_slice(&[0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    reply.extend_from_slice(question);
    for address in addresses {
        reply.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend_from_slice(&address);
    }
    reply
}

/// What the name server was asked, in order.
type Asked = Arc<Mutex<Vec<Vec<u8>>>>;

/// Serves names on [`SERVER`] until the process ends.
fn name_server() -> Asked {
    let asked = Asked::default();
    let socket = UdpSocket::bind((SERVER, 53)).expect("the name server's port");
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut octets = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut octets) {
            let query = &octets[..length];
            log.lock().unwrap().push(query.to_vec());
            let _ = socket.send_to(&answer(query, false), from);
        }
    });
    let listener = TcpListener::bind((SERVER, 53)).expect("the name server's port for TCP");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query).unwrap();
            let reply = answer(&query, true);
            stream.write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&reply).unwrap();
        }
    });
    asked
}

/// Makes the name server the one that slirp finds.
fn resolv_conf(folder: &Scratch) {
    let path = folder.path().join("resolv.conf");
    fs::write(&path, format!("nameserver {SERVER}\n")).unwrap();
    // Where the file is a link, as systemd makes it, the mount is on what it leads to.
    sh(&format!(
        "ip addr add {SERVER}/32 dev lo
        mount --bind {} \"$(readlink -f /etc/resolv.conf)\"",
        path.display()
    ));
}

/// A bearer through slirp that knows `name_servers` beforehand.
async fn bearer(name_servers: Vec<IpAddr>) -> Up {
    let config = BearerConfig { name_servers, ..BearerConfig::default() };
    up_with(&["asyncmap 0"], None, config).await.expect("PPP is up")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn check_names(net: &dyn Net) {
    let resolve = |name| net.resolve(name, LIMIT);
    assert_eq!(resolve("mmsc.example").await.unwrap(), [IpAddr::from(HOST)]);
    let unknown = |name: &str| Err(NetError::NameNotFound { name: name.to_owned() });
    assert_eq!(resolve("nobody.example").await, unknown("nobody.example"));
    assert_eq!(resolve("no-v4.example").await, unknown("no-v4.example"));
    let many = resolve("long.example").await.unwrap();
    assert_eq!(many.len(), 12, "over TCP: {many:?}");
}

#[test]
#[ignore = "needs slirp, unshare, ip"]
fn server_that_slirp_tells_by_ipcp_is_asked_and_the_message_goes_to_what_it_names() {
    if !inside(
        "slirp_names::server_that_slirp_tells_by_ipcp_is_asked_and_the_message_goes_to_what_it_names",
    ) {
        return;
    }
    let folder = Scratch::new("slirp-names");
    resolv_conf(&folder);
    let asked = name_server();
    let origin = Origin::start(Vec::new());
    runtime().block_on(async {
        let up = bearer(Vec::new()).await;
        check_names(&*up.bearer.net()).await;
        let question = [labels("mmsc.example"), vec![0, 1, 0, 1]].concat();
        let first = asked.lock().unwrap().first().cloned().expect("it was asked");
        assert_eq!(&first[2..], [&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat());

        let mmsc = format!("http://mmsc.example:{}/mms", origin.address.port());
        let settings = Settings { mmsc, ..Settings::default() };
        let client = Client::new(up.bearer.net(), settings, Identity::default());
        let pdu = b"\x8C\x80\x98T1\0\x8D\x92the rest".to_vec();
        let hook = || async { Ok::<(), Infallible>(()) };
        let sent = client.submit(pdu.into(), "T1", hook, &StageSink::none()).await;
        assert!(matches!(sent, Ok(SubmitOutcome::Accepted { .. })), "{sent:?}");
        assert_eq!(origin.posted(0x80).len(), 1);
        up.bearer.down().await;
    });
}

#[test]
#[ignore = "needs slirp, unshare, ip"]
fn server_that_slirp_stands_for_is_asked_and_its_silence_is_told() {
    if !inside("slirp_names::server_that_slirp_stands_for_is_asked_and_its_silence_is_told") {
        return;
    }
    let folder = Scratch::new("slirp-alias");
    resolv_conf(&folder);
    runtime().block_on(async {
        let up = bearer(vec![ALIAS.into()]).await;
        let net = up.bearer.net();
        // Nothing listens there yet: slirp drops what the kernel refuses.
        let silent = net.resolve("mmsc.example", Duration::from_secs(6)).await;
        assert_eq!(silent, Err(NetError::NameServerSilent { name: "mmsc.example".into() }));
        let asked = name_server();
        timeout(LIMIT * 2, check_names(&*net)).await.expect("in time");
        assert!(!asked.lock().unwrap().is_empty());
        up.bearer.down().await;
    });
}
