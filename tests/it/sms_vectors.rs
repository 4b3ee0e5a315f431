//! TPDUs and AT dialogues made by hand, `tests/vectors/sms` and `tests/vectors/at`, and random
//! octets: what stands there is read, nothing panics, and what was read can be written again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use mm1gate::codec::at::{CommandLine, Unsolicited};
use mm1gate::codec::sms::{Deliver, Tpdu, from_hex};
use mm1gate::proto::at::{Channel, Command, Event, Input, Kind, Output};
use mm1gate::proto::sms_reassembly::{Assembly, Fragment, Piece, assemble};
use proptest::prelude::*;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The TPDUs of a file, one to a line.
fn tpdus(name: &str) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder("sms").join(format!("{name}.hex"))).unwrap();
    let lines = text.lines().filter_map(|line| line.split('#').next());
    lines.filter(|line| !line.trim().is_empty()).map(|line| from_hex(line).unwrap()).collect()
}

fn deliver(octets: &[u8]) -> (Deliver, usize) {
    let decoded = Deliver::decode(octets).unwrap();
    (decoded.value, decoded.warnings.len())
}

fn fragments(name: &str) -> Vec<Fragment> {
    let parts = tpdus(name);
    let piece = |octets: &Vec<u8>| match Piece::of(&deliver(octets).0) {
        Piece::Part(fragment) => fragment,
        other => panic!("{other:?}"),
    };
    parts.iter().map(piece).collect()
}

#[test]
fn every_tpdu_that_reads_without_warning_is_written_the_same() {
    let mut seen = 0;
    for entry in fs::read_dir(folder("sms")).unwrap().flatten() {
        let name = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
        for octets in tpdus(&name) {
            let decoded = Tpdu::from_network(&octets).unwrap();
            let again = match &decoded.value {
                Tpdu::Deliver(deliver) => deliver.encode().unwrap(),
                Tpdu::StatusReport(report) => report.encode().unwrap(),
                other => panic!("{name}: {other:?}"),
            };
            if decoded.warnings.is_empty() {
                assert_eq!(again, octets, "{name}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 7, "only {seen} TPDUs seen");
}

#[test]
fn pushes_join_whatever_the_order_of_their_elements() {
    for (name, data) in [
        ("push-ports-then-narrow-reference", &b"/TYPE=PLMN"[..]),
        ("push-wide-reference-then-ports", &[0xaa, 0xbb, 0xcc]),
    ] {
        let Assembly::Complete(whole) = assemble(&fragments(name)) else { panic!("{name}") };
        assert_eq!(whole.data, data, "{name}");
        assert_eq!((whole.destination_port, whole.source_port), (Some(2948), Some(9200)));
    }
}

#[test]
fn announced_length_is_believed_where_the_octets_reach() {
    for name in ["user-data-length-one-short", "user-data-cut"] {
        let (deliver, warnings) = deliver(&tpdus(name)[0]);
        assert_eq!((&*deliver.user_data.octets(), warnings), (&[1, 2, 3][..], 1), "{name}");
    }
}

#[test]
fn name_and_text_are_read() {
    let (named, _) = deliver(&tpdus("originator-name-type-d1")[0]);
    assert_eq!(named.originator.to_string(), "Design");
    assert_eq!(named.text().as_deref(), Some("hi"));
    let (part, _) = deliver(&tpdus("text-behind-header")[0]);
    assert_eq!(part.text().as_deref(), Some("hi"));
}

#[test]
fn impossible_parts_are_messages_of_their_own_with_a_warning() {
    for octets in tpdus("part-zero-and-beyond") {
        let (deliver, warnings) = deliver(&octets);
        assert!(matches!(Piece::of(&deliver), Piece::Whole(_)));
        assert!(warnings > 0);
    }
}

/// `\r`, `\n` and `\0` as they are written in the files.
fn unescaped(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").into_bytes()
}

fn told(event: Event) -> String {
    match event {
        Event::Response(response) => {
            let mut parts = vec![format!("answer {}", response.result)];
            parts.extend(response.lines);
            parts.join(" | ")
        }
        Event::Unsolicited(Unsolicited::Stored { storage, index }) => {
            let storage = if storage.is_empty() { "?".to_owned() } else { storage };
            let index = index.map_or_else(|| "?".to_owned(), |index| index.to_string());
            format!("stored {storage} {index}")
        }
        Event::Unsolicited(Unsolicited::Direct { pdu }) => format!("direct {pdu}"),
        Event::Unsolicited(Unsolicited::Registration(line)) => {
            format!("registration {}", line.stat)
        }
        Event::Unsolicited(Unsolicited::Other(line)) => format!("news {line}"),
        other => format!("{other:?}"),
    }
}

fn replay(command: &str, octets: &[u8], piece: usize) -> Vec<String> {
    let now = tokio::time::Instant::now().into_std();
    let mut channel = Channel::new();
    let line = CommandLine::new(command).unwrap();
    let command = Command { line, kind: Kind::Plain, timeout: Duration::from_secs(9) };
    channel.handle_input(now, Input::Command(command)).unwrap();
    let mut events = Vec::new();
    for piece in octets.chunks(piece) {
        channel.handle_input(now, Input::Octets(piece)).unwrap();
        loop {
            match channel.poll_output() {
                Output::Event(event) => events.push(told(event)),
                Output::Transmit(_) => {}
                Output::Timeout(_) | Output::Idle => break,
            }
        }
    }
    events
}

#[test]
fn dialogues_are_told_alike_in_any_pieces() {
    let mut seen = 0;
    for entry in fs::read_dir(folder("at")).unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        let of = |sign: &'static str| text.lines().filter_map(move |line| line.strip_prefix(sign));
        let command = of("> ").next().unwrap();
        let octets: Vec<u8> = of("< ").flat_map(unescaped).collect();
        let expected: Vec<&str> = of("= ").collect();
        for piece in (1..=7).chain([octets.len()]) {
            let told = replay(command, &octets, piece);
            assert_eq!(told, expected, "{} in pieces of {piece}", entry.path().display());
        }
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} dialogues seen");
}

proptest! {
    #[test]
    fn what_is_read_from_random_octets_can_be_written_and_read_again(
        octets in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for decoded in [Tpdu::from_network(&octets), Tpdu::from_mobile(&octets)] {
            let Ok(decoded) = decoded else { continue };
            let (again, mobile) = match &decoded.value {
                Tpdu::Deliver(deliver) => (deliver.encode(), false),
                Tpdu::StatusReport(report) => (report.encode(), false),
                Tpdu::Submit(submit) => (submit.encode(), true),
                _ => continue,
            };
            // Only what does not fit into one SMS cannot be written.
            let Ok(again) = again else { continue };
            let read = if mobile { Tpdu::from_mobile(&again) } else { Tpdu::from_network(&again) };
            prop_assert!(read.is_ok(), "{:?}", read);
        }
    }

    #[test]
    fn random_lines_never_stop_the_channel(
        octets in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut octets = octets;
        octets.extend(b"\r\nOK\r\n\r\nOK\r\n");
        let events = replay("AT+CMGR=1", &octets, 3);
        let answered = events.iter().any(|event| event.starts_with("answer"));
        prop_assert!(answered, "{:?}", events);
    }
}
