//! The ratios of `benches/README.md` as a table. A target that is missed is told, never a failure: the
//! machine that runs this may be busy with other things.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::hint::black_box;

use mm1gate::codec::sms::{SmsAddress, SmsSubmit, Tpdu, join_text};
use mm1gate::codec::{cmux, mms, ppp};
use sha2::{Digest as _, Sha256};

use crate::inputs;
use crate::paired::{Work, seconds};
use crate::plain;

/// A measured ratio may be this much above a target that two equal things would just meet.
const EVEN: f64 = 1.25;

struct Line {
    name: String,
    /// Seconds of the first and of the second.
    times: [f64; 2],
    target: Target,
}

enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Line {
    fn print(&self) {
        let [first, second] = self.times;
        let ratio = first / second;
        let (reached, target) = match self.target {
            Target::AtMost(limit) => (ratio <= limit, format!("<= {limit}")),
            Target::AtLeast(limit) => (ratio >= limit, format!(">= {limit}")),
        };
        let verdict = if reached { "reached" } else { "MISSED" };
        let nanoseconds = [first, second].map(|seconds| seconds * 1e9);
        println!(
            "{:<66} {:>10.1} {:>10.1} {ratio:>7.3} {target:>8}  {verdict}",
            self.name, nanoseconds[0], nanoseconds[1]
        );
    }
}

/// Measures and prints, line by line.
pub(crate) fn print() {
    let [first, second, ratio, target] = ["first, ns", "second, ns", "ratio", "target"];
    println!("\n{:<66} {first:>10} {second:>10} {ratio:>7} {target:>8}", "first / second");
    for line in [retrieve, sizes, notification, encoding, base64, seven_bit, ucs2] {
        line().print();
    }
    for (name, accm) in inputs::ACCMS {
        frames(name, accm).iter().for_each(Line::print);
    }
    for n1 in [31, 128, 1500] {
        channels(n1).iter().for_each(Line::print);
    }
}

fn at_most(name: impl Into<String>, times: [f64; 2], limit: f64) -> Line {
    Line { name: name.into(), times, target: Target::AtMost(limit) }
}

fn retrieve() -> Line {
    let octets = inputs::retrieve_conf(300_000);
    let times = seconds([
        Work::new(|| drop(black_box(mms::decode(black_box(&octets))))),
        Work::new(|| drop(black_box(Vec::from(black_box(&octets[..]))))),
    ]);
    at_most("decode M-Retrieve.conf of 300 KB / Vec::from(slice)", times, 0.5)
}

fn sizes() -> Line {
    let [small, middle, large] = inputs::SIZES.map(inputs::retrieve_conf);
    let decode = |octets| Work::new(move || drop(black_box(mms::decode(black_box(octets)))));
    let times = seconds([decode(&small), decode(&middle), decode(&large)]);
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let fastest = times.iter().copied().fold(f64::INFINITY, f64::min);
    at_most("decode 30 KB, 300 KB, 3 MB: slowest / fastest", [slowest, fastest], EVEN)
}

fn notification() -> Line {
    let octets = inputs::notification_ind();
    let two_kilobytes = inputs::random(2048);
    let times = seconds([
        Work::new(|| drop(black_box(mms::decode(black_box(&octets))))),
        Work::new(|| {
            black_box(Sha256::digest(black_box(&two_kilobytes)));
        }),
    ]);
    at_most("decode M-Notification.ind / SHA-256 of 2 KB", times, 1.0)
}

fn encoding() -> Line {
    let octets = inputs::retrieve_conf(300_000);
    let pdu = mms::decode(&octets).expect("a PDU made by hand").value;
    let times = seconds([
        Work::new(|| drop(black_box(black_box(&pdu).encode()))),
        Work::new(|| drop(black_box(Vec::from(black_box(&octets[..]))))),
    ]);
    at_most("encode M-Retrieve.conf of 300 KB / Vec::from(slice)", times, 2.0)
}

fn base64() -> Line {
    let [one, ten, hundred] = [3_000, 30_000, 300_000].map(inputs::retrieve_conf_in_base64);
    let decode = |octets| Work::new(move || drop(black_box(mms::decode(black_box(octets)))));
    linear("base64 of 3, 30, 300 KB", [decode(&one), decode(&ten), decode(&hundred)])
}

fn seven_bit() -> Line {
    // Characters of three parts, of thirty, and of nearly as many as a message may have.
    let [one, ten, hundred] = [380, 3800, 38_000].map(|length| inputs::text('a', length));
    let there_and_back = |text| Work::new(move || sms_there_and_back(text));
    let works = [there_and_back(&one), there_and_back(&ten), there_and_back(&hundred)];
    linear("SMS of 3, 25, 249 parts in 7 bits", works)
}

fn ucs2() -> Line {
    let [one, ten, hundred] = [165, 1650, 16_500].map(|length| inputs::text('\u{416}', length));
    let there_and_back = |text| Work::new(move || sms_there_and_back(text));
    let works = [there_and_back(&one), there_and_back(&ten), there_and_back(&hundred)];
    linear("SMS of 3, 25, 247 parts in UCS2", works)
}

/// The whole way of a text: into parts, onto the wire, off it and together again.
fn sms_there_and_back(text: &str) {
    let recipient = SmsAddress::from_text("+447700900123");
    let parts = SmsSubmit::text(recipient, black_box(text)).parts().expect("few enough parts");
    let read: Vec<_> = parts
        .iter()
        .map(|part| {
            let octets = part.encode().expect("a part that fits");
            match Tpdu::from_mobile(&octets).expect("a part of ours").value {
                Tpdu::Submit(submit) => submit,
                other => panic!("another TPDU: {other:?}"),
            }
        })
        .collect();
    let joined = join_text(read.iter().map(|part| (part.dcs, &part.user_data)));
    assert_eq!(joined.as_deref(), Some(text));
}

/// Works of one, ten and a hundred times the size: how much more an octet of the larger ones takes.
fn linear(name: &str, works: [Work<'_>; 3]) -> Line {
    let [one, ten, hundred] = seconds(works);
    let worst = (ten / 10.0).max(hundred / 100.0);
    at_most(format!("{name}: worst / first, each to its size"), [worst, one], EVEN)
}

fn frames(accm_name: &str, accm: u32) -> Vec<Line> {
    let packets = inputs::packets();
    let lines = inputs::lines(accm, &packets);
    let format = ppp::FrameFormat { accm, acfc: false, pfc: false };
    let (mut ours, mut plain_line) = (Vec::new(), Vec::new());
    for (packet, line) in packets.iter().zip(&lines) {
        plain::frame(accm, &HEADER, packet, &mut plain_line);
        assert_eq!(*line, plain_line, "both write the same frame");
        plain_line.clear();
    }
    let mut deframer = ppp::Deframer::new(inputs::LIMIT);
    let mut plain_frame = Vec::new();
    let mut turns = [const { Turn(0) }; 5];
    let [copied, framed, framed_plainly, deframed, deframed_plainly] = &mut turns;
    let [copy, frame, plain_framing, deframe, plain_deframing] = seconds([
        Work::new(|| drop(black_box(Vec::from(copied.next(&packets))))),
        Work::new(|| {
            ours.clear();
            format.encode(inputs::IP, framed.next(&packets), &mut ours);
        }),
        Work::new(|| {
            plain_line.clear();
            plain::frame(accm, &HEADER, framed_plainly.next(&packets), &mut plain_line);
        }),
        Work::new(|| {
            deframer.feed(deframed.next(&lines), |one| {
                black_box(&one);
            });
        }),
        Work::new(|| {
            plain_frame.clear();
            black_box(plain::deframe(deframed_plainly.next(&lines), &mut plain_frame));
        }),
    ]);
    let line = |name: &str, times, target| Line {
        name: format!("HDLC {name}, {accm_name}"),
        times,
        target,
    };
    vec![
        line("framing / Vec::from(slice)", [frame, copy], Target::AtMost(10.0)),
        line("deframing / Vec::from(slice)", [deframe, copy], Target::AtMost(10.0)),
        line("plain loop / framing", [plain_framing, frame], Target::AtLeast(4.0)),
        line("plain loop / deframing", [plain_deframing, deframe], Target::AtLeast(4.0)),
    ]
}

/// A PPP line of 300 KB in frames of the multiplexer, compared with the PPP framing that it carries.
fn channels(n1: usize) -> Vec<Line> {
    let packets: Vec<Vec<u8>> = inputs::packets().into_iter().cycle().take(200).collect();
    let format = ppp::FrameFormat { accm: 0, acfc: false, pfc: false };
    let line = inputs::lines(0, &packets).concat();
    let cut = |out: &mut Vec<u8>| {
        for information in black_box(&line).chunks(n1) {
            let kind = cmux::FrameType::Uih;
            cmux::Frame { dlci: 2, cr: true, kind, poll_final: false, information }.encode(out);
        }
    };
    let mut multiplexed = Vec::new();
    cut(&mut multiplexed);
    let (mut ppp_line, mut frames) = (Vec::new(), Vec::new());
    let mut deframer = ppp::Deframer::new(inputs::LIMIT);
    let mut channel = cmux::Deframer::new(n1);
    let [framed, put, deframed, taken] = seconds([
        Work::new(|| {
            ppp_line.clear();
            for packet in &packets {
                format.encode(inputs::IP, black_box(packet), &mut ppp_line);
            }
        }),
        Work::new(|| {
            frames.clear();
            cut(&mut frames);
        }),
        Work::new(|| {
            deframer.feed(black_box(&line), |one| {
                black_box(&one);
            });
        }),
        Work::new(|| {
            channel.feed(black_box(&multiplexed), |one| {
                black_box(&one);
            });
        }),
    ]);
    vec![
        at_most(format!("CMUX framing / HDLC framing, 300 KB, N1 {n1}"), [put, framed], 1.0),
        at_most(
            format!("CMUX deframing / HDLC deframing, 300 KB, N1 {n1}"),
            [taken, deframed],
            1.0,
        ),
        at_most(
            format!("115 200 bit/s: line with CMUX / without, 300 KB, N1 {n1}"),
            [on_the_line(&multiplexed), on_the_line(&line)],
            1.1,
        ),
    ]
}

/// Seconds that octets take on a serial line at 115 200 bit/s with its start and stop bits.
fn on_the_line(octets: &[u8]) -> f64 {
    octets.len() as f64 / 11_520.0
}

/// Address, control and protocol before each packet.
const HEADER: [u8; 4] = [0xFF, 0x03, 0x00, 0x21];

/// Goes through all frames again and again.
struct Turn(usize);

impl Turn {
    fn next<'a>(&mut self, frames: &'a [Vec<u8>]) -> &'a [u8] {
        self.0 = (self.0 + 1) % frames.len();
        black_box(&frames[self.0])
    }
}
