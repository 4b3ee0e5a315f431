//! TPDUs and AT dialogues made by hand, `tests/vectors/sms` and `tests/vectors/at`, and random
//! octets: what stands there is read, nothing panics, and what was read can be written again.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use mm1gate::codec::DecodeErrorKind;
use mm1gate::codec::at::{CommandLine, Unsolicited};
use mm1gate::codec::sms::{
    Dcs, Deliver, Direction, MAX_ADDRESS, Tpdu, from_hex, join_text, outline,
};
use mm1gate::proto::at::{Channel, Command, Event, Input, Kind, Output};
use mm1gate::proto::sms_reassembly::{Assembly, Fragment, Piece, assemble};
use proptest::prelude::*;

use crate::vectors::{folder, names, places};

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

/// Those whose names begin with `submit-` travel from the mobile.
fn direction(name: &str) -> Direction {
    if name.starts_with("submit-") { Direction::FromMobile } else { Direction::ToMobile }
}

/// Fields and offsets of warnings.
type Places = &'static [(&'static str, usize)];
/// What each TPDU of a file says.
type Texts = &'static [&'static str];

/// What is odd in each vector: the text of each TPDU, or the digits of its data, and the places of
/// its warnings. Those that are not here read without warning, or have a test of their own.
const ODD: &[(&str, Texts, Places)] = &[
    ("originator-too-long", &["hi"], &[("TP-OA", 1)]),
    ("language-reserved", &["a€"], &[("TP-UDH", 17)]),
    ("header-element-beyond-the-header", &["aa"], &[("TP-UDH", 22)]),
    ("header-empty", &["hi"], &[("TP-UDHL", 16)]),
    ("header-indicated-but-no-user-data", &[""], &[("TP-UDHL", 16)]),
    ("header-element-of-wrong-length", &["aa"], &[("TP-UDH", 17)]),
    ("header-longer-than-user-data", &[""], &[("TP-UDHL", 16), ("TP-UDH", 17)]),
    ("user-data-length-in-octets", &["hellohello"], &[("TP-UDL", 15)]),
    ("user-data-length-one-short", &["010203"], &[("TP-UDL", 15)]),
    ("user-data-cut", &["010203"], &[("TP-UDL", 15)]),
    ("user-data-padded", &["hi"], &[("TP-UDL", 15)]),
    ("ucs2-odd-octet", &["日"], &[("TP-UD", 18)]),
    ("time-digits-invalid", &["hi"], &[("TP-SCTS", 13)]),
    ("time-zeros", &["hi"], &[("TP-SCTS", 8)]),
    ("part-zero-and-beyond", &["aa", "aa", "aa", "aa"], &[("TP-UDH", 17); 4]),
    ("status-report-parameters-missing", &[], &[("TP-PID", 26), ("TP-DCS", 26), ("TP-UDL", 26)]),
    ("status-report-padded", &[], &[("TPDU", 26)]),
];

/// The same for those that read without warning.
const PLAIN: &[(&str, Texts)] = &[
    ("originator-name-type-d0", &["hi"]),
    ("originator-name-type-d1", &["hi"]),
    ("originator-name-padded-to-whole-octets", &["hi"]),
    ("originator-empty", &["hi"]),
    ("originator-every-digit", &["hi"]),
    ("originator-national", &["hi"]),
    ("message-waiting", &["hi"]),
    ("class-zero", &["hi"]),
    ("coding-compressed", &["010203"]),
    ("coding-reserved", &["hi"]),
    ("language-turkish-single-shift", &["ağaç"]),
    ("language-hindi-both-shifts", &["अ १"]),
    ("header-elements-repeated", &["aa"]),
    ("header-element-of-no-octets", &["aa"]),
    ("text-behind-header", &["hi"]),
    ("ucs2-surrogates-split", &["a\u{fffd}", "\u{fffd}b"]),
    ("escape-split", &["a", "eb"]),
    ("time-zone-west", &["hi"]),
    ("push-narrow-reference-then-ports", &["aabb", "cc"]),
    ("push-ports-then-wide-reference", &["aabb", "cc"]),
    ("push-ports-then-narrow-reference", &["2f545950453d50", "4c4d4e"]),
    ("push-wide-reference-then-ports", &["bbcc", "aa"]),
    ("push-segment-missing", &["aa", "cc"]),
    ("status-report", &[]),
    ("status-report-reserved-status", &[]),
    ("status-report-with-text", &["hi"]),
    ("submit-validity-forms", &["hi", "hi", "hi", "hi"]),
    ("submit-command", &[]),
    ("submit-deliver-report-refused", &[]),
    ("submission-report-refused", &[]),
];

/// The text of a TPDU, or the digits of its data.
fn said(tpdu: &Tpdu) -> Option<String> {
    let (dcs, data) = match tpdu {
        Tpdu::Deliver(it) => (it.dcs, &it.user_data),
        Tpdu::Submit(it) => (it.dcs, &it.user_data),
        Tpdu::StatusReport(it) => {
            (it.parameters.dcs.unwrap_or(Dcs::GSM7), it.parameters.user_data.as_ref()?)
        }
        _ => return None,
    };
    Some(data.text(dcs).unwrap_or_else(|| hex::encode(data.octets())))
}

#[test]
fn every_tpdu_reads_as_its_quirk_says() {
    let mut expected: BTreeMap<&str, (Texts, Places)> =
        ODD.iter().map(|(name, texts, places)| (*name, (*texts, *places))).collect();
    expected.extend(PLAIN.iter().map(|(name, texts)| (*name, (*texts, &[][..]))));
    let mut seen = 0;
    for name in names("sms") {
        if name == "originator-length-beyond-the-end" {
            continue;
        }
        let (texts, warned) =
            expected.get(&*name).unwrap_or_else(|| panic!("{name}: nothing is expected of it"));
        let (mut said_all, mut warned_all) = (Vec::new(), Vec::new());
        for octets in tpdus(&name) {
            let decoded = Tpdu::decode(&octets, direction(&name)).unwrap();
            said_all.extend(said(&decoded.value));
            let found = places(&decoded.warnings);
            warned_all.extend(found.iter().map(|(field, at)| ((*field).to_owned(), *at)));
            if decoded.warnings.is_empty() {
                // Padding of a name counts for nothing; all else is written as it was read.
                let again = decoded.value.encode().unwrap();
                if name == "originator-name-padded-to-whole-octets" {
                    let read = Tpdu::decode(&again, direction(&name)).unwrap().value;
                    assert_eq!(read, decoded.value);
                } else {
                    assert_eq!(again, octets, "{name}");
                }
            }
        }
        assert_eq!(said_all, *texts, "{name}");
        let warned: Vec<_> = warned.iter().map(|(field, at)| ((*field).to_owned(), *at)).collect();
        assert_eq!(warned_all, warned, "{name}");
        seen += 1;
    }
    assert_eq!(seen, expected.len());
}

#[test]
fn originators_of_every_form() {
    for (name, kind, text) in [
        ("originator-name-type-d0", 5, "Design"),
        ("originator-name-type-d1", 5, "Design"),
        ("originator-name-padded-to-whole-octets", 5, "Bankino"),
        ("originator-empty", 0, ""),
        ("originator-every-digit", 0, "*#abc"),
        ("originator-national", 2, "1234"),
        ("originator-too-long", 1, "+1234567890123456789012"),
    ] {
        let (deliver, _) = deliver(&tpdus(name)[0]);
        assert_eq!(deliver.originator.type_of_number(), kind, "{name}");
        assert_eq!(deliver.originator.to_string(), text, "{name}");
    }
    let error = Tpdu::from_network(&tpdus("originator-length-beyond-the-end")[0]).unwrap_err();
    assert_eq!((error.field, error.offset), ("TP-OA", 1));
    assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: MAX_ADDRESS });
}

#[test]
fn codings_classes_and_times_are_told() {
    for (name, text) in [
        ("message-waiting", "GSM 7-bit, voicemail waits, text may be discarded"),
        ("class-zero", "GSM 7-bit, class 0 (shown at once)"),
        ("coding-compressed", "compressed GSM 7-bit"),
        ("push-wide-reference-then-ports", "8-bit data, class 1 (mobile equipment)"),
    ] {
        assert_eq!(deliver(&tpdus(name)[0]).0.dcs.to_string(), text, "{name}");
    }
    for (name, text) in [
        ("time-zone-west", Some("2026-11-21T17:20:30.000Z")),
        ("time-digits-invalid", Some("2026-11-21T10:20:30.000Z")),
        ("time-zeros", None),
    ] {
        let at = deliver(&tpdus(name)[0]).0.scts.timestamp();
        assert_eq!(at.map(|at| at.to_string()).as_deref(), text, "{name}");
    }
}

#[test]
fn characters_that_were_cut_between_parts_are_joined() {
    for (name, text) in [("ucs2-surrogates-split", "a😀b"), ("escape-split", "a€b")] {
        let parts: Vec<Deliver> = tpdus(name).iter().map(|octets| deliver(octets).0).collect();
        let joined = join_text(parts.iter().map(|part| (part.dcs, &part.user_data)));
        assert_eq!(joined.as_deref(), Some(text), "{name}");
    }
}

#[test]
fn missing_segment_is_named() {
    assert_eq!(assemble(&fragments("push-segment-missing")), Assembly::Missing(vec![2]));
}

#[test]
fn pushes_join_whatever_the_order_of_their_elements() {
    for (name, data) in [
        ("push-ports-then-narrow-reference", &b"/TYPE=PLMN"[..]),
        ("push-wide-reference-then-ports", &[0xaa, 0xbb, 0xcc]),
        ("push-narrow-reference-then-ports", &[0xaa, 0xbb, 0xcc]),
        ("push-ports-then-wide-reference", &[0xaa, 0xbb, 0xcc]),
    ] {
        let Assembly::Complete(whole) = assemble(&fragments(name)) else { panic!("{name}") };
        assert_eq!(whole.data, data, "{name}");
        assert_eq!((whole.destination_port, whole.source_port), (Some(2948), Some(9200)));
    }
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
        for direction in [Direction::ToMobile, Direction::FromMobile] {
            let shown = outline(&octets, direction);
            prop_assert_eq!(shown.range, 0..octets.len());
            let Ok(decoded) = Tpdu::decode(&octets, direction) else { continue };
            // Only what does not fit into one SMS cannot be written.
            let Ok(again) = decoded.value.encode() else { continue };
            let read = Tpdu::decode(&again, direction);
            prop_assert!(read.is_ok(), "{:?}", read);
            // What was forgiven is written as it should have been, and reads without complaint.
            if decoded.warnings.is_empty() {
                prop_assert_eq!(read.map(|read| read.value), Ok(decoded.value));
            }
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
