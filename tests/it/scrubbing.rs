//! What `hil` takes out of a transcript before anybody may see it, tried with everything that
//! modems say of a person, and in pieces as a serial port hands them over.

use std::time::Duration;

use mm1gate::codec::sms::{SmsAddress, SmsSubmit, Tpdu, join_smsc, split_smsc};

use crate::hil::scrub::{MARK, Scrubber, Secrets};
use crate::hil::transcript::{Event, PortName, Transcript, What};

const OWN: &str = "+4791234567";

fn secrets() -> Secrets {
    Secrets {
        numbers: vec![OWN.to_owned()],
        pin: Some("4711".to_owned()),
        words: vec!["someone".to_owned(), "Geheim7".to_owned(), "Kurz".to_owned(), String::new()],
    }
}

/// Octets of one direction, cut into events of at most `size` octets.
fn transcript(sent: bool, octets: &[u8], size: usize) -> Transcript {
    let pieces = octets.chunks(size).enumerate().map(|(at, piece)| Event {
        at: Duration::from_millis(at as u64),
        port: PortName::Data,
        what: if sent { What::Sent(piece.to_vec()) } else { What::Received(piece.to_vec()) },
    });
    let facts = [("apn".to_owned(), "mms.example".to_owned())].into();
    Transcript { facts, events: pieces.collect() }
}

/// What is left of a line, however it came; the same as often as it is asked.
fn scrubbed(sent: bool, line: &str) -> String {
    let octets = format!("\r\n{line}\r\n").into_bytes();
    let of = |size: usize| {
        let transcript = transcript(sent, &octets, size);
        let clean = Scrubber::new(secrets()).scrub(&transcript).unwrap();
        let sizes =
            |it: &Transcript| it.events.iter().map(|it| size_of(&it.what)).collect::<Vec<_>>();
        assert_eq!(sizes(&clean), sizes(&transcript), "{line}");
        let pieces = clean.events.iter().flat_map(|event| match &event.what {
            What::Sent(octets) | What::Received(octets) => octets.clone(),
            _ => Vec::new(),
        });
        String::from_utf8(pieces.collect()).unwrap()
    };
    let whole = of(octets.len());
    for size in [1, 3, 64] {
        assert_eq!(of(size), whole, "in pieces of {size}");
    }
    whole.trim().to_owned()
}

fn size_of(what: &What) -> usize {
    match what {
        What::Sent(octets) | What::Received(octets) => octets.len(),
        _ => 0,
    }
}

fn heard(line: &str) -> String {
    scrubbed(false, line)
}

/// The fixed part of what is looked for: no run of these digits is left.
#[track_caller]
fn assert_gone(line: &str, private: &[&str]) {
    let clean = heard(line);
    assert_eq!(clean.len(), line.len());
    for word in private {
        assert!(!clean.contains(word), "{word} is still in {clean:?}");
    }
}

#[test]
fn numbers_of_any_length_and_form_are_replaced() {
    assert_gone("+CNUM: \"Anna Muster\",\"+4791234567\",145", &["Anna", "Muster", "4791234567"]);
    // National, with eight digits, without a plus.
    assert_gone("+CNUM: \"\",\"91234567\",129", &["91234567"]);
    assert_gone("+CLIP: \"40506070\",129,\"\",0,\"Bente\",0", &["40506070", "Bente"]);
    assert_gone("RING from 91234567", &["91234567"]);
    assert_gone("call +49 (151) 234-567-89 back", &["151", "234", "567"]);
    assert_gone("+CPBR: 3,\"+15550001111\",145,\"Doctor\"", &["5550001111", "Doctor"]);
    assert_gone("+CSCA: \"+4792001000\",145", &["4792001000"]);
    assert_gone("+CCFC: 1,7,\"+4520304\",145", &["4520304"]);
}

#[test]
fn cards_and_devices_are_replaced_in_every_spelling() {
    assert_gone("234157812345678", &["234157812345678"]);
    assert_gone("+CIMI: 23415781234567", &["5781234567"]);
    assert_gone("352099001761481", &["352099001761481"]);
    assert_gone("IMEI: 35-209900-176148-1", &["209900", "176148"]);
    assert_gone("IMEI: 35 209900 176148 1", &["209900", "176148"]);
    assert_gone("+CGSN: \"3520990017614823\"", &["3520990017614823"]);
    assert_gone("A1000012345678", &["12345678"]);
    assert_gone("+CCID: 8944110068256270054F", &["8944110068256270054"]);
    assert_gone("+CCID: \"8944110068256270054F\"", &["8944110068256270054"]);
    assert_gone("898600810906F8048812", &["898600810906", "8048812"]);
    assert_gone("8944110068256270054", &["8944110068256270054"]);
    let told = heard("+CCID: \"8944110068256270054F\"");
    assert!(told.ends_with("F\"") && told.contains("\"89"), "{told}");
    // EF_ICCID as it is stored, and the same card as a number: one stands for the other.
    let stored = heard("+CRSM: 144,0,\"984411008652260750F4\"");
    assert!(!stored.contains("4411008652260750"), "{stored}");
    assert!(stored.contains("\"98") && stored.contains('F'), "{stored}");
}

#[test]
fn records_of_the_card_are_cleared() {
    assert_gone(
        "+CRSM: 144,0,\"416E6E61FFFFFFFFFF0891749721436587F9FF\"",
        &["416E6E61", "21436587"],
    );
    assert_gone("+CUSATP: \"D01A8103012103820281028D0F04416E6E61\"", &["416E6E61"]);
}

#[test]
fn cells_places_and_addresses_are_covered() {
    for line in [
        "+CREG: 2,1,\"1A2B\",\"01C3D4E5\",7",
        "+CREG: 1,\"1A2B\",\"01C3D4E5\",7",
        "+CGREG: 2,1,1A2B,01C3D4E5,7",
        "+CEREG: 2,5,\"1A2B\",\"01C3D4E5\",7,,,\"00100100\",\"00000111\"",
        "+CREG: 2,1,\"1A2B\",\"01C3D4E5,7",
        "+CPSI: LTE,Online,234-15,0x1A2B,29578213,257,EUTRAN-BAND3,1275",
        "+QENG: \"servingcell\",\"NOCONN\",\"LTE\",\"FDD\",234,15,1A2B,01C3D4E5,257",
    ] {
        assert_gone(line, &["1A2B", "01C3D4E5", "29578213"]);
    }
    assert_eq!(heard("+CREG: 2,5,\"1A2B\",\"01C3\",7"), "+CREG: 2,5,\"1111\",\"1111\",7");
    assert_eq!(heard("+CEREG: 0,11"), "+CEREG: 0,11");
    assert_gone(
        "$GPGGA,092725.00,4717.11399,N,00833.91590,E,1,08,1.01,499.6,M",
        &["4717", "00833"],
    );
    assert_gone("+CGPADDR: 1,\"10.64.212.7\"", &["64", "212"]);
    assert_gone("+CGPADDR: 1,10.64.212.7", &["64", "212"]);
    assert_gone("+CGPADDR: 1,\"32.1.13.184.0.0.0.0.0.0.0.0.0.0.5.9\"", &["32", "184"]);
    assert_gone("+CGPADDR: 1,\"2001:db8::5:9\"", &["2001", "db8", "5:9"]);
    assert_gone(
        "+CGCONTRDP: 1,5,\"mms\",\"10.64.212.7\",\"\",\"10.9.8.53\"",
        &["64.212", "9.8.53"],
    );
    assert_gone("^DHCP:0A40D407,FFFFFFF8,0140D40A,0140D40A,35080A0A,0,0,0", &["0A40D407"]);
    assert_eq!(
        heard("+CGDCONT: 1,\"IP\",\"mms.example\",\"0.0.0.0\",0,0"),
        "+CGDCONT: 1,\"IP\",\"mms.example\",\"0.0.0.0\",0,0"
    );
}

#[test]
fn words_of_the_operator_and_of_others_are_covered() {
    assert_gone(
        "+CUSD: 0,\"Hello Anna, 12.30 EUR left on 91234567\",15",
        &["Anna", "12.30", "9123"],
    );
    assert_gone("+CUSD: 0,\"Hello\nAnna Muster\n12.30 left\",15", &["Hello", "Anna", "12.30"]);
    assert_gone("+CUSD: 0,\"00480065006C006C006F\",72", &["0048", "6C"]);
    // A modem that shows no PDUs: the text stands behind the header, in several lines.
    assert_gone(
        "+CMGR: \"REC READ\",\"+4791234567\",\"Anna\",\"26/11/21,10:00:00+04\"\r\ncome at ten\r\n\r\nor call 123",
        &["Anna", "come", "ten", "123", "9123"],
    );
    let kept = format!("+CMT: \"+4791234567\",,\"26/11/21,10:00:00+04\"\r\n{MARK}: to oneself");
    assert!(heard(&kept).ends_with(&format!("{MARK}: to oneself")));
}

#[test]
fn pin_and_password_are_covered_wherever_they_are_said() {
    for line in [
        "AT+CPIN=\"4711\"",
        "AT+CPIN=4711",
        "AT+CLCK=\"SC\",0,\"4711\"",
        "AT+CPWD=\"SC\",\"4711\",\"0815\"",
        "AT+CPIN=\"12345678\",\"4711\"",
    ] {
        for private in ["4711", "0815", "12345678"] {
            assert!(!scrubbed(true, line).contains(private), "{line}");
        }
    }
    let line = "AT+CGAUTH=2,1,\"someone\",\"Geheim7\"";
    assert_eq!(scrubbed(true, line), "AT+CGAUTH=2,1,\"xxxxxxx\",\"xxxxxxx\"");
    assert_eq!(scrubbed(true, "AT$QCPDPP=2,1,Geheim7,someone"), "AT$QCPDPP=2,1,xxxxxxx,xxxxxxx");
}

#[test]
fn what_drives_the_modem_stays_as_it_was() {
    for line in [
        "OK",
        "CONNECT 4294967295",
        "+CPMS: \"SM\",0,20,\"ME\",3,50,\"MT\",3,70",
        "+CNMI: (0-2),(0-2),(0,2),(0-2),(0,1)",
        "+CMTI: \"ME\",1",
        "+COPS: 0,0,\"Operator\",7",
        "+CCLK: \"26/11/21,10:00:00+04\"",
        "EC25EFAR06A06M4G",
        "+IPR: (),(4800,9600,19200,115200,4000000)",
        "+CMS ERROR: 321",
        "ATD*99***1#",
        "AT+CMUX=0,0,5,128,10,3,30,10,2",
    ] {
        assert_eq!(heard(line), line);
    }
}

/// An SMS-DELIVER as modems show it (3GPP TS 23.040 clause 9.2.2.1).
fn deliver(first: u8, from: &str, coding: &str, length: usize, data: &[u8]) -> String {
    let data = hex::encode_upper(data);
    format!("0791449737019037{first:02X}{from}00{coding}62111200000000{length:02X}{data}")
}

/// The TPDU of a PDU, which is one still.
fn read(pdu: &str) -> Tpdu {
    let octets = hex::decode(pdu).unwrap();
    let (_, tpdu) = split_smsc(&octets).unwrap();
    Tpdu::from_network(tpdu).unwrap().value
}

#[test]
fn texts_in_every_alphabet_go_and_their_pdus_stay_whole() {
    let number = "0B915155001011F1";
    let push = hex::decode("0605040B8423F0").unwrap();
    for (first, coding, length, data) in [
        (0x04, "00", 5, hex::decode("C8329BFD06").unwrap()),
        // UCS2.
        (0x04, "08", 8, "Anna".encode_utf16().flat_map(u16::to_be_bytes).collect()),
        // 8 bit, class 1.
        (0x04, "F5", 4, b"Anna".to_vec()),
        // A WAP push: ports stay, what is pushed goes.
        (0x44, "04", 16, [push, b"From Anna".to_vec()].concat()),
        // Auto-deletion, message waiting, UCS2 of the group with a voice mail count.
        (0x04, "E0", 4, "AB".encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ] {
        let pdu = deliver(first, number, coding, length, &data);
        let clean = heard(&format!("+CMGL: 1,1,,40\r\n{pdu}"));
        let clean = clean.lines().nth(1).unwrap();
        assert_eq!(clean.len(), pdu.len());
        for private in ["5155001011F1", "449737019037", &hex::encode_upper(&data[data.len() - 4..])]
        {
            assert!(!clean.contains(private), "{private} is still in {clean}");
        }
        let Tpdu::Deliver(deliver) = read(clean) else { panic!("{clean}") };
        assert!(!deliver.text().unwrap_or_default().contains('A'), "{clean}");
        assert_eq!(clean.contains("0605040B8423F0"), first == 0x44, "{clean}");
        assert_eq!(heard(&pdu.to_lowercase()), clean.to_lowercase());
        // As an echo shows it behind the prompt.
        assert_eq!(heard(&format!("> {pdu}")), format!("> {clean}"));
    }
}

#[test]
fn senders_of_every_kind_are_replaced() {
    let data = hex::decode("C8329BFD06").unwrap();
    let of = |from: &str| heard(&deliver(0x04, from, "00", 5, &data));
    // A name; a number of odd length; signs among the digits; a short code stays.
    assert!(!of("0ED0C1BB3D0C4A97").contains("C1BB3D"));
    assert!(!of("0991214365F7").contains("214365F7"));
    assert!(!of("0A811A32547698").contains("32547698"));
    assert!(!of("0981").contains("zzz"));
    assert!(of("048121F3").contains("048121F3"));
    // The number of the rig in its international and national form.
    assert!(!of("0A917419325476").contains("7419325476"));
    assert!(!of("088119325476").contains("19325476"));
}

#[test]
fn reports_and_messages_on_their_way_out_are_covered() {
    // SMS-STATUS-REPORT (clause 9.2.2.3), without and with a text behind its parameters.
    let report = "079144973701903706420B915155001011F1621112000000006211120000000000";
    assert!(!heard(report).contains("5155001011F1"));
    let told = format!("{report}0700000441424344");
    let clean = heard(&told);
    assert!(!clean.contains("5155001011F1") && !clean.contains("41424344"), "{clean}");
    assert!(clean.starts_with("07914"), "{clean}");

    let submit = SmsSubmit::text(SmsAddress::from_text("+15550001111"), "come at ten");
    let theirs = SmsSubmit::text(SmsAddress::from_text("+15550001111"), format!("{MARK}: x"));
    for (message, stays) in [(submit, false), (theirs, true)] {
        let parts = message.parts().unwrap();
        let tpdu = parts[0].encode().unwrap();
        let pdu = hex::encode_upper(join_smsc(None, &tpdu).unwrap());
        let sent = scrubbed(true, &format!("AT+CMGS=30\r{pdu}\x1a"));
        assert!(!sent.contains("5155001011F1"), "{sent}");
        assert_eq!(sent.contains(&pdu[pdu.len() - 12..]), stays, "{sent}");
    }
}

#[test]
fn pdu_that_cannot_be_followed_loses_all_of_it() {
    let data = hex::decode("C8329BFD06").unwrap();
    let pdu = deliver(0x04, "0B915155001011F1", "00", 5, &data);
    for broken in
        [format!("{pdu}4142"), pdu[..pdu.len() - 2].to_owned(), pdu.replace("0B91", "FF91")]
    {
        let clean = heard(&broken);
        assert_eq!(clean.len(), broken.len());
        assert!(clean[2..].bytes().all(|it| it == b'0'), "{clean}");
    }
}

#[test]
fn header_elements_that_tell_of_somebody_are_cleared() {
    // A reply address (clause 9.2.3.24.17) beside the number of a part.
    let data = [hex::decode("0E00034202012207915155001011F1").unwrap(), b"Anna".to_vec()].concat();
    let pdu = deliver(0x44, "0B915155001011F1", "04", data.len(), &data);
    let clean = heard(&pdu);
    assert!(clean.contains("0003420201"), "{clean}");
    assert!(!clean.contains("51550010"), "{clean}");
}

#[test]
fn what_would_still_be_told_is_an_error() {
    let scrub = |line: &str, facts: &[(&str, &str)]| {
        let mut transcript = transcript(false, line.as_bytes(), 1000);
        for (name, value) in facts {
            transcript.facts.insert((*name).to_owned(), (*value).to_owned());
        }
        Scrubber::new(secrets()).scrub(&transcript)
    };
    for line in ["\r\nlogin as someone now\r\n", "\r\n+X: 4B75727A\r\n", "\r\nGeheim7x\r\n"] {
        let error = scrub(line, &[]).expect_err(line);
        assert_eq!(error, "a user name or password would still be told");
    }
    // The access point is often called like the user.
    scrub("\r\n+CGDCONT: 1,\"IP\",\"someone.example\"\r\n", &[("apn", "someone.example")]).unwrap();
    let clean = scrub("\r\n+CGDCONT: 1,\"IP\",\"someone\"\r\n", &[("apn", "someone")]).unwrap();
    assert_eq!(clean.fact("apn"), "xxxxxxx");
    assert!(
        clean.to_text().contains("+CGDCONT: 1,\\\"IP\\\",\\\"xxxxxxx\\\""),
        "{}",
        clean.to_text()
    );
}

#[test]
fn the_same_stands_for_the_same_in_lines_and_pdus_of_all_ports() {
    let data = hex::decode("C8329BFD06").unwrap();
    let pdu = deliver(0x04, "0B915155001011F1", "00", 5, &data);
    let port = |port, text: &str| Event {
        at: Duration::ZERO,
        port,
        what: What::Received(format!("\r\n{text}\r\n").into_bytes()),
    };
    let events = vec![
        port(PortName::Channel(1), "+CLIP: \"+15550001111\",145"),
        port(PortName::Control, &pdu),
    ];
    let clean =
        Scrubber::new(secrets()).scrub(&Transcript { facts: [].into(), events }).unwrap().to_text();
    let number = clean.split("\\\"+").nth(1).unwrap().split('\\').next().unwrap().to_owned();
    assert_eq!(number.len(), 11);
    let pairs = format!("{number}F");
    let swapped: String =
        pairs.as_bytes().chunks(2).flat_map(|it| [it[1] as char, it[0] as char]).collect();
    assert!(clean.contains(&swapped), "{swapped} is not in {clean}");
}

#[test]
fn control_channel_is_left_alone_and_lines_over_several_frames_are_not() {
    let at = Duration::ZERO;
    let octets = b"\xe3\x05\x0b\x8d352099001761481".to_vec();
    let control = Event { at, port: PortName::Channel(0), what: What::Received(octets) };
    let frame = |text: &str| Event {
        at,
        port: PortName::Channel(1),
        what: What::Received(text.as_bytes().to_vec()),
    };
    let events = vec![frame("\r\n3520990"), control.clone(), frame("01761481\r\n")];
    let clean = Scrubber::new(secrets()).scrub(&Transcript { facts: [].into(), events });
    // Nothing but a message of the multiplexer is ever in it.
    let clean = clean.unwrap();
    assert_eq!(clean.events[1], control);
    assert!(!clean.to_text().contains("\"\\r\\n3520990\""), "{}", clean.to_text());
}
