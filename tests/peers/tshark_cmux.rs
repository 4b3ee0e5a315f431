//! Wireshark's mux27010 dissector on our multiplexer: a whole session between our driver and the
//! virtual modem, both directions, frame by frame; every control message; what is damaged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::cmux::{
    Break, ControlMessage, Frame, FrameType, Message, ModemStatus, Parameters, RemotePort, Signals,
};
use mm1gate::codec::ppp::{FrameFormat, protocol};
use mm1gate::model::redact::Secret;
use mm1gate::model::{Clock, NoTap, StageSink, Timestamp};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{
    Means, Modem, ModemConfig, PdpAuth, PdpContext, PortSharing, Profile, ProfileChoice,
    VolatilePins,
};
use mm1gate::sim::{self, Operator};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::support::cable::{Cable, Record};
use crate::support::vectors;
use crate::tshark::{Capture, Row, Wrap};

/// Link type of multiplexed lines; each packet begins with the length of an extension, which is not
/// used, and the direction.
const MUX27010: u16 = 236;

const FIELDS: &[&str] = &[
    "mux27010.direction",
    "mux27010.address.dlciaddress",
    "mux27010.address.craddress",
    "mux27010.control.frametype",
    "mux27010.control.pfcontrol",
    "mux27010.length.framesize",
    "mux27010.length.framesize_ea",
    "mux27010.checksum_correct",
    "mux27010.controlchannel.frametype.command",
    "mux27010.controlchannel.frametype.crtype",
    "mux27010.controlchannel.length.length",
];

/// One frame as it stands on the line, flags included.
struct Cut {
    from_host: bool,
    octets: Vec<u8>,
}

impl Cut {
    fn information(&self) -> &[u8] {
        let header = if self.octets[3] & 1 == 1 { 4 } else { 5 };
        &self.octets[header..self.octets.len() - 2]
    }
}

/// Cuts what one side said, from its first flag on, by the length fields alone: every octet has to
/// belong to a frame.
fn cut(record: &Record, from_host: bool) -> Vec<Cut> {
    let said: Vec<u8> = record
        .iter()
        .filter(|(host, _)| *host == from_host)
        .flat_map(|(_, octets)| octets.clone())
        .collect();
    let first = said.iter().position(|octet| *octet == 0xF9).expect("a frame");
    let mut rest = &said[first..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        assert_eq!(rest[0], 0xF9, "frame {}: {rest:02x?}", frames.len());
        let low = usize::from(rest[3]);
        let length = if low & 1 == 1 {
            4 + (low >> 1)
        } else {
            5 + (low >> 1) + (usize::from(rest[4]) << 7)
        } + 2;
        assert_eq!(rest[length - 1], 0xF9);
        frames.push(Cut { from_host, octets: rest[..length].to_vec() });
        rest = &rest[length..];
    }
    frames
}

fn capture(frames: &[Cut]) -> Capture {
    let packets: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| [&[0x00, u8::from(!frame.from_host)], &frame.octets[..]].concat())
        .collect();
    let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    Capture::of_packets(Wrap::LinkType(MUX27010), &packets)
}

fn number(row: &Row, column: usize) -> usize {
    let text = row.one(column);
    match text.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap_or_else(|_| panic!("column {column}: '{text}'")),
    }
}

/// tshark's reading of each frame is ours.
fn agree(frames: &[Cut]) -> Vec<Row> {
    let rows = capture(frames).fields("mux27010", FIELDS);
    assert_eq!(rows.len(), frames.len());
    for (row, frame) in rows.iter().zip(frames) {
        let octets = &frame.octets;
        let what = format!("{octets:02x?}");
        assert_eq!(number(row, 0), usize::from(!frame.from_host), "{what}");
        assert_eq!(number(row, 1), usize::from(octets[1] >> 2), "{what}");
        assert_eq!(number(row, 2), usize::from(octets[1] >> 1 & 1), "{what}");
        assert_eq!(number(row, 3), usize::from(octets[2] & 0xEF), "{what}");
        assert_eq!(number(row, 4), usize::from(octets[2] >> 4 & 1), "{what}");
        let length = if row.one(5).is_empty() { number(row, 6) } else { number(row, 5) };
        assert_eq!(length, frame.information().len(), "{what}");
        assert_eq!(row.one(7), "1", "the checksum of {what}");
    }
    rows
}

async fn session() -> Record {
    let subscriber =
        sim::Subscriber { number: "+447700900001".to_owned(), ..sim::Subscriber::default() };
    let config = sim::ModemConfig { control_port: false, ..sim::ModemConfig::default() };
    let clock = Clock::starting_at(Timestamp::from_secs(1_790_000_000));
    let operator = Operator::builder().line(subscriber, config).clock(clock).start();
    let cable = Cable::of(operator.modem());
    let mut profile = Profile::generic();
    profile.cmux.allowed = true;
    let config = ModemConfig {
        name: "desk".to_owned(),
        port: "cable".to_owned(),
        control_port: None,
        profile: ProfileChoice::fixed(profile),
        pin: None,
        roaming: false,
        registration_limit: Duration::from_secs(30),
    };
    let (modem, events) = Modem::start(
        config,
        Means {
            ports: Arc::new(cable.clone()),
            usb: Arc::new(NoUsb),
            pins: Arc::new(VolatilePins::default()),
            tap: Arc::new(NoTap),
            clock,
            stages: StageSink::none(),
        },
    );
    assert_eq!(modem.prepare().await.unwrap().sharing, PortSharing::Multiplexed);
    let context = PdpContext {
        apn: "mms.example".to_owned(),
        pdp_type: "IP".to_owned(),
        user: String::new(),
        password: Secret::new(""),
        auth: PdpAuth::Any,
    };
    let mut call = modem.dial(&context).await.unwrap();
    let mut request = Vec::new();
    FrameFormat::default().encode(protocol::LCP, &[1, 1, 0, 4], &mut request);
    call.write_all(&request).await.unwrap();
    let mut heard = [0; 256];
    while let Ok(Ok(1..)) = timeout(Duration::from_millis(100), call.read(&mut heard)).await {}
    let text = hex::decode("0405812143F500006211120000000002E834").unwrap();
    operator.deliver_sms("+447700900001", &[Bytes::from(text)]).unwrap();
    assert_eq!(modem.sweep().await.unwrap().found.len(), 1);
    call.hang_up().await.unwrap();
    drop((modem, events));
    sleep(Duration::from_secs(10)).await;
    cable.record()
}

#[tokio::test(start_paused = true)]
#[ignore = "needs tshark"]
async fn session_is_read_by_tshark_as_by_us_frame_by_frame() {
    let record = session().await;
    let frames = [cut(&record, true), cut(&record, false)].concat_frames();
    assert!(frames.len() > 60, "{} frames", frames.len());
    let rows = agree(&frames);
    let of = |side: usize, dlci: usize, kind: usize| {
        rows.iter()
            .filter(|row| {
                number(row, 0) == side && number(row, 1) == dlci && number(row, 3) == kind
            })
            .count()
    };
    for dlci in 0..3 {
        assert_eq!((of(0, dlci, 0x2F), of(1, dlci, 0x63)), (1, if dlci == 0 { 1 } else { 2 }));
    }
    // Every frame of the control channel with its message, commands and responses.
    let messages: Vec<(usize, bool)> = rows
        .iter()
        .filter(|row| number(row, 1) == 0 && number(row, 3) == 0xEF)
        .map(|row| (number(row, 8) << 2, number(row, 9) == 1))
        .collect();
    for (kind, command) in [(0xE0, true), (0xE0, false), (0xC0, true), (0xC0, false)] {
        assert!(messages.contains(&(kind, command)), "{kind:#x} {command}: {messages:x?}");
    }
    // The carrier rises with the call.
    let carriers = capture(&frames).fields(
        "mux27010.controlchannel.value.detailedvaluemscv24.dcd == 1 && mux27010.direction == 1 \
         && mux27010.controlchannel.frametype.crtype == 1",
        &["mux27010.controlchannel.value.detailedvaluemscdlci"],
    );
    assert_eq!(carriers.len(), 1);
    assert_eq!(carriers[0].one(0), "2");
}

/// Both directions one behind the other.
trait ConcatFrames {
    fn concat_frames(self) -> Vec<Cut>;
}

impl ConcatFrames for [Vec<Cut>; 2] {
    fn concat_frames(self) -> Vec<Cut> {
        self.into_iter().flatten().collect()
    }
}

/// HDLC by hand: the frames between flags, escapes taken out, without their FCS.
fn unstuffed(octets: &[u8]) -> Vec<Vec<u8>> {
    let frames = octets.split(|octet| *octet == 0x7E).filter(|frame| frame.len() > 6);
    let plain = |frame: &[u8]| {
        let mut out = Vec::new();
        let mut escaped = false;
        for octet in frame {
            match octet {
                0x7D => escaped = true,
                octet => out.push(if std::mem::take(&mut escaped) { octet ^ 0x20 } else { *octet }),
            }
        }
        out.truncate(out.len().saturating_sub(2));
        out
    };
    frames.map(plain).collect()
}

#[tokio::test(start_paused = true)]
#[ignore = "needs tshark"]
async fn ppp_inside_a_channel_is_found_by_tshark() {
    let record = session().await;
    for from_host in [true, false] {
        let frames = cut(&record, from_host);
        let inside = capture(&frames)
            .octets("mux27010.address.dlciaddress == 2", "mux27010.information_str")
            .concat();
        let packets = unstuffed(&inside);
        let packets: Vec<&[u8]> =
            packets.iter().map(Vec::as_slice).filter(|it| it.starts_with(&[0xFF, 0x03])).collect();
        assert!(!packets.is_empty(), "{inside:02x?}");
        let rows = Capture::of_packets(Wrap::LinkType(9), &packets).fields("lcp", &["ppp.code"]);
        assert!(!rows.is_empty());
    }
}

#[test]
#[ignore = "needs tshark"]
fn every_control_message_is_named_by_tshark() {
    let all = Signals::FC.with(Signals::RTC, true).with(Signals::DV, true);
    let long = "x".repeat(100);
    let messages = [
        Message::ParameterNegotiation(Parameters {
            dlci: 5,
            frame_type: 0,
            priority: 7,
            t1: 10,
            // The dissector takes the high octet for the first, the specification the low one.
            n1: 0x0101,
            n2: 3,
            k: 2,
        }),
        Message::PowerSaving,
        Message::CloseDown,
        Message::Test(long.into()),
        Message::FlowOn,
        Message::FlowOff,
        Message::ModemStatus(ModemStatus {
            dlci: 5,
            signals: all,
            break_signal: Some(Break { present: true, steps: 5 }),
        }),
        Message::NotSupported(0x43),
        Message::RemotePort(RemotePort { dlci: 5, settings: Some([7; 7]) }),
        Message::LineStatus { dlci: 5, status: 3 },
        Message::Service { dlci: 5, value: "x".into() },
    ];
    let mut frames = Vec::new();
    for message in &messages {
        for command in [true, false] {
            let mut information = Vec::new();
            ControlMessage { command, message: message.clone() }.encode(&mut information);
            let mut octets = Vec::new();
            let kind = FrameType::Uih;
            Frame { dlci: 0, cr: true, kind, poll_final: false, information: &information }
                .encode(&mut octets);
            frames.push(Cut { from_host: true, octets });
        }
    }
    let rows = agree(&frames);
    let kinds = [0x80, 0x40, 0xC0, 0x20, 0xA0, 0x60, 0xE0, 0x10, 0x90, 0x50, 0xD0];
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(number(row, 8) << 2, kinds[at / 2], "message {at}");
        assert_eq!(number(row, 9), 1 - at % 2, "message {at}");
        assert_eq!(number(row, 10) + 2, frames[at].information().len(), "message {at}");
    }
    let capture = capture(&frames);
    let pn = "mux27010.controlchannel.value.detailedvaluepn";
    let names: Vec<String> = ["dlci", "prio", "timer", "framesize", "na", "winsize"]
        .iter()
        .map(|name| format!("{pn}{name}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = capture.fields(&format!("{pn}dlci"), &names);
    for (column, value) in [5, 7, 10, 0x0101, 3, 2].into_iter().enumerate() {
        assert_eq!(number(&told[0], column), value, "{}", names[column]);
    }
    let v24 = "mux27010.controlchannel.value.detailedvaluemscv24";
    let names: Vec<String> =
        ["fc", "rtc", "rtr", "ring", "dcd"].iter().map(|name| format!("{v24}.{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = capture.fields(&format!("{v24}.fc"), &names);
    let bits: Vec<&str> = (0..5).map(|column| told[0].one(column)).collect();
    assert_eq!(bits, ["1", "1", "0", "0", "1"]);
}

#[test]
#[ignore = "needs tshark"]
fn wrong_checksum_is_seen_by_tshark_as_by_us() {
    let line = vectors::octets("cmux", "damaged");
    // The first frame of that line has a wrong FCS, the second a good one.
    let length = 9;
    let frames: Vec<Cut> = [&line[..length], &line[length..2 * length]]
        .iter()
        .map(|octets| Cut { from_host: false, octets: octets.to_vec() })
        .collect();
    let rows =
        capture(&frames).fields("mux27010", &["mux27010.checksum", "mux27010.checksum_correct"]);
    assert_ne!(rows[0].one(1), "1");
    assert_eq!(rows[1].one(1), "1");
}
