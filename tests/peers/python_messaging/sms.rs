//! SMS both ways (3GPP TS 23.040, 23.038): what we write as service centre, and what
//! python-messaging writes as phone.
//!
//! Where python-messaging differs from the specification, the rest is compared:
//! * of an alphanumeric address it takes the octets and not the semi-octets that are used (clause
//!   9.1.2.3), so that a name of seven letters, which leaves seven bits over, gains an `@`;
//! * of a status report's times it does not take the zone (clause 9.2.3.11);
//! * user data of no length it refuses;
//! * in its own texts of several parts an escape may be cut from its septet (clause 9.2.3.24.1
//!   forbids that), and characters beyond the basic plane it cannot write.

use mm1gate::codec::sms::{
    Body, Concat, ConcatReference, Deliver, InformationElement, PORT_WAP_PUSH, PORT_WAP_WSP, Ports,
    Scts, SmsAddress, StatusReport, Submit, Tpdu, Udh, UserData, ValidityPeriod, from_hex,
    join_smsc, port_addressed_delivers, split_smsc, to_hex,
};
use mm1gate::model::Timestamp;
use serde_json::{Value, json};

use super::ask;
use crate::pdus::noise;

/// 2026-11-21 10:20:30 UTC.
const TIME: Timestamp = Timestamp::from_secs(1_795_256_430);

const SENDER: &str = "+447700900123";
const SMSC: &str = "+447700900999";

/// Every character of the default alphabet and of its extension (3GPP TS 23.038 clause 6.2.1).
const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "^{}\\[~]|€";

fn with_smsc(tpdu: &[u8]) -> String {
    let smsc = SmsAddress::from_text(SMSC);
    to_hex(&join_smsc(Some(&smsc), tpdu).expect("the address fits"))
}

/// What python-messaging reads in each of these.
fn read(delivers: &[Deliver]) -> Vec<Value> {
    let question = |deliver: &Deliver| {
        let tpdu = deliver.encode().expect("it fits");
        json!({ "do": "sms-deliver", "octets": with_smsc(&tpdu) })
    };
    ask(&delivers.iter().map(question).collect::<Vec<_>>())
}

fn deliver(sender: &str, text: &str, scts: Scts) -> Deliver {
    let (dcs, data) = UserData::from_text(text);
    Deliver::new(SmsAddress::from_text(sender), dcs, scts, data)
}

#[test]
#[ignore = "needs python-messaging"]
fn texts_of_every_alphabet_and_length_are_read_alike() {
    let mut texts: Vec<String> = vec![
        EXTENSION.into(),
        "Grüße, 5 € {x}".into(),
        "日本語".into(),
        "Ελληνικά με τόνους".into(),
        "a picture 🖼 beyond the basic plane".into(),
        "я".repeat(70),
        "€".repeat(80),
    ];
    texts.extend(DEFAULT_ALPHABET.chars().chain(EXTENSION.chars()).map(String::from));
    texts.push(DEFAULT_ALPHABET.into());
    texts.extend((1..=160).map(|length| DEFAULT_ALPHABET.chars().cycle().take(length).collect()));
    let scts = Scts::new(TIME, 0);
    let delivers: Vec<_> = texts.iter().map(|text| deliver(SENDER, text, scts)).collect();
    for (text, answer) in texts.iter().zip(read(&delivers)) {
        assert_eq!(answer["text"], **text, "{answer}");
        let plain = text.chars().all(|c| DEFAULT_ALPHABET.contains(c) || EXTENSION.contains(c));
        assert_eq!(answer["fmt"], if plain { 0 } else { 8 }, "{answer}");
        assert_eq!([&answer["number"], &answer["csca"]], [SENDER, SMSC], "{answer}");
    }
}

#[test]
#[ignore = "needs python-messaging"]
fn addresses_and_times_are_read_alike() {
    let senders = [
        SENDER,
        "+15551234567",
        "07700900123",
        "86888",
        "4321",
        "1",
        "+12345678901234567890",
        "Bank",
        "Bankin",
        "Bankino",
        "Bankinos",
        "Bankino.com",
    ];
    let zones = [0, 1, 4, 22, 39, 48, 56, -1, -12, -38, -40, -48];
    let delivers: Vec<_> = senders
        .iter()
        .zip(zones)
        .map(|(sender, zone)| deliver(sender, "hi", Scts::new(TIME, zone)))
        .collect();
    for (sender, answer) in senders.iter().zip(read(&delivers)) {
        let number = answer["number"].as_str().unwrap_or_else(|| panic!("{sender}: {answer}"));
        let gained = if *sender == "Bankino" { "@" } else { "" };
        assert_eq!(number, format!("{sender}{gained}"), "{answer}");
        assert_eq!(answer["date"], json!({ "time": TIME.as_secs() }), "{sender}: {answer}");
    }
}

#[test]
#[ignore = "needs python-messaging"]
fn parts_and_ports_are_read_alike() {
    let scts = Scts::new(TIME, 4);
    let mut delivers = Vec::new();
    let mut wanted = Vec::new();
    for (reference, wide) in [(7, false), (0xFF, false), (7, true), (0x1234, true)] {
        for (sequence, text) in [(1, "first part, "), (2, "x"), (3, "€ and the end")] {
            let concat = Concat { reference, wide, total: 3, sequence };
            let (dcs, mut data) = UserData::from_text(text);
            data.udh = Udh { elements: vec![concat.into()], rest: vec![] };
            delivers.push(Deliver::new(SmsAddress::from_text(SENDER), dcs, scts, data.clone()));
            wanted.push((json!([reference, 3, sequence]), Value::Null, json!(text)));
            // With ports before and behind: 13 octets of header end at another bit.
            let ports = Ports { destination: 2948, source: 9200, wide: true };
            let elements: [Vec<InformationElement>; 2] =
                [vec![ports.into(), concat.into()], vec![concat.into(), ports.into()]];
            for elements in elements {
                data.udh = Udh { elements, rest: vec![] };
                delivers.push(Deliver::new(SmsAddress::from_text(SENDER), dcs, scts, data.clone()));
                wanted.push((json!([reference, 3, sequence]), json!([2948, 9200]), json!(text)));
            }
        }
    }
    let payload = noise(500);
    let sender = SmsAddress::from_text("86888");
    for reference in [ConcatReference::Narrow(9), ConcatReference::Wide(0x0999)] {
        let parts = port_addressed_delivers(
            &payload,
            &sender,
            PORT_WAP_PUSH,
            PORT_WAP_WSP,
            reference,
            scts,
        );
        let parts = parts.expect("the payload fits");
        let number = match reference {
            ConcatReference::Narrow(number) => u16::from(number),
            ConcatReference::Wide(number) => number,
        };
        let mut rest = payload.clone();
        for (at, part) in parts.iter().enumerate() {
            let data = rest.split_to(part.user_data.octets().len());
            let place = json!([number, 4, at + 1]);
            wanted.push((place, json!([2948, 9200]), json!(hex::encode(data))));
        }
        assert_eq!((parts.len(), rest.len()), (4, 0));
        delivers.extend(parts);
    }
    for (wanted, answer) in wanted.into_iter().zip(read(&delivers)) {
        let place = json!([answer["ref"], answer["cnt"], answer["seq"]]);
        assert_eq!((place, answer["ports"].clone(), answer["text"].clone()), wanted, "{answer}");
    }
}

#[test]
#[ignore = "needs python-messaging"]
fn status_reports_are_read_alike() {
    let discharged = Timestamp::from_secs(TIME.as_secs() + 75);
    let statuses = [0x00, 0x01, 0x30, 0x46, 0x63];
    let questions = statuses.map(|status| {
        let report = StatusReport::new(
            200,
            SmsAddress::from_text(SENDER),
            Scts::new(TIME, 0),
            Scts::new(discharged, 0),
            status,
        );
        json!({ "do": "sms-deliver", "octets": with_smsc(&report.encode().expect("it fits")) })
    });
    for (status, answer) in statuses.iter().zip(ask(&questions)) {
        let wanted = json!({
            "recipient": SENDER,
            "scts": { "time": TIME.as_secs() },
            "dt": { "time": discharged.as_secs() },
            "status": status,
        });
        assert_eq!(answer["sr"], wanted, "{answer}");
        assert_eq!(answer["ref"], 200, "{answer}");
    }
}

fn submit(octets: &str) -> (Option<SmsAddress>, usize, Submit) {
    let octets = from_hex(octets).expect("hexadecimal");
    let (smsc, tpdu) = split_smsc(&octets).expect("an SMSC address");
    let decoded = Tpdu::from_mobile(tpdu).expect("a TPDU");
    assert_eq!(decoded.warnings, []);
    let Tpdu::Submit(submit) = decoded.value else { panic!("{:?}", decoded.value) };
    (smsc, tpdu.len(), submit)
}

#[test]
#[ignore = "needs python-messaging"]
fn what_python_messaging_submits_is_read_alike() {
    let texts: Vec<String> = vec![
        "hello".into(),
        "x".into(),
        format!("{DEFAULT_ALPHABET}{EXTENSION}"),
        "0123456789".repeat(16),
        "0123456789".repeat(50),
        "abcdefg".repeat(60),
        "日本語".into(),
        "я".repeat(70),
        "яблоко ".repeat(40),
    ];
    let numbers = [SENDER, "86888", "07700900123"];
    let mut questions = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let mut question = json!({ "do": "sms-submit", "text": text, "ref": at * 30,
            "number": numbers[at % 3], "status_report": at % 2 == 0 });
        if at % 2 == 1 {
            question["csca"] = SMSC.into();
        }
        // Five minutes, half a day, a day, and a week (clause 9.2.3.12.1).
        if let Some(minutes) = [5, 720, 1440, 10_080].get(at) {
            question["minutes"] = (*minutes).into();
        }
        if at < 4 {
            question["class"] = at.into();
        }
        questions.push(question);
    }
    for (at, (question, answer)) in questions.iter().zip(ask(&questions)).enumerate() {
        let pdus = answer["pdus"].as_array().unwrap_or_else(|| panic!("{question}: {answer}"));
        let mut text = String::new();
        for (place, pdu) in pdus.iter().enumerate() {
            let (smsc, length, submit) = submit(pdu["octets"].as_str().unwrap());
            assert_eq!(length, pdu["length"], "{pdu}");
            assert_eq!(smsc.map(|smsc| json!(smsc.to_string())), question.get("csca").cloned());
            assert_eq!(submit.destination.to_string(), question["number"]);
            assert_eq!(submit.status_report, question["status_report"]);
            assert_eq!(submit.message_reference, question["ref"]);
            let validity = [0, 143, 167, 173].get(at).copied();
            let validity = validity.map_or(ValidityPeriod::None, ValidityPeriod::Relative);
            assert_eq!(submit.validity, validity, "{question}");
            let class = submit.dcs.class().map(|class| usize::from(class.number()));
            assert_eq!(class, (at < 4).then_some(at), "{question}");
            let concat = submit.user_data.udh.concat();
            if pdus.len() == 1 {
                assert_eq!(concat, None);
            } else {
                let concat = concat.expect("a concatenation");
                assert_eq!(concat.reference, question["ref"]);
                assert_eq!(usize::from(concat.total), pdus.len());
                assert_eq!(usize::from(concat.sequence), place + 1);
                assert!(
                    !matches!(submit.user_data.body, Body::Octets(ref data) if data.len() % 2 == 1)
                );
            }
            text += &submit.text().expect("text");
        }
        assert_eq!(question["text"], *text);
    }
}

#[test]
#[ignore = "needs python-messaging"]
fn submits_are_written_alike() {
    let texts = ["hello", "Grüße, 5 € {x}", "日本語", DEFAULT_ALPHABET];
    let question =
        |text: &&str| json!({ "do": "sms-submit", "text": text, "ref": 0, "number": SENDER });
    for (text, answer) in texts.iter().zip(ask(&texts.iter().map(question).collect::<Vec<_>>())) {
        let (dcs, data) = UserData::from_text(text);
        let ours = Submit::new(SmsAddress::from_text(SENDER), dcs, data).encode().expect("it fits");
        let without_smsc = format!("00{}", to_hex(&ours));
        assert_eq!(answer["pdus"][0]["octets"], without_smsc, "{text}");
    }
}
