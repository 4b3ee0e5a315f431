//! Our TPDUs as Wireshark reads them: addresses, time, header elements, texts and pushes in parts,
//! SMS-SUBMITs with their options, status reports.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::push::{LoadAction, Push, ServiceIndication, ServiceLoading, SignalAction};
use mm1gate::codec::sms::{
    ConcatReference, Deliver, Language, MessageClass, PORT_WAP_PUSH, PORT_WAP_WSP, Ports, Scts,
    SmsAddress, SmsSubmit, StatusReport, UserData, ValidityPeriod, port_addressed_delivers,
    split_text,
};
use mm1gate::codec::wsp::ContentType;
use mm1gate::model::Timestamp;

use crate::tshark::{Capture, Wrap};

/// A push of an M-Notification.ind with a Content-Location of `length` octets.
fn push(length: usize) -> Vec<u8> {
    let mut octets = vec![0x42, 0x06, 0x03, 0xbe, 0xaf, 0x84];
    // Transaction-Id and version.
    octets.extend([0x8c, 0x82, 0x98]);
    octets.extend(b"TID-0001\0");
    octets.extend([0x8d, 0x92]);
    // Message-Class personal, Message-Size 1000, Expiry in a day.
    octets.extend([0x8a, 0x80, 0x8e, 0x02, 0x03, 0xe8, 0x88, 0x05, 0x81, 0x03, 0x01, 0x51, 0x80]);
    octets.push(0x83);
    let mut location = b"http://mmsc.example/".to_vec();
    location.resize(length, b'x');
    octets.extend(location);
    octets.push(0);
    octets
}

fn scts() -> Scts {
    // 2026-11-21 10:20:30 UTC, told at +01:00.
    Scts::new(Timestamp::from_secs(1_795_256_430), 4)
}

fn delivers(length: usize, sender: &str, reference: impl Into<ConcatReference>) -> Vec<Vec<u8>> {
    let sender = SmsAddress::from_text(sender);
    port_addressed_delivers(&push(length), &sender, PORT_WAP_PUSH, PORT_WAP_WSP, reference, scts())
        .expect("the push fits")
        .iter()
        .map(|deliver| deliver.encode().expect("the part fits"))
        .collect()
}

fn capture(tpdus: &[Vec<u8>]) -> Capture {
    let tpdus: Vec<&[u8]> = tpdus.iter().map(Vec::as_slice).collect();
    Capture::of_sms_deliver(&tpdus)
}

#[test]
#[ignore = "needs tshark"]
fn single_push_is_dissected_down_to_the_notification() {
    let tpdus = delivers(60, "+447700900123", 1_u8);
    assert_eq!(tpdus.len(), 1);
    let row = capture(&tpdus).only(
        "gsm_sms",
        &[
            "gsm_sms.tp-oa",
            "gsm_sms.destination_port",
            "gsm_sms.originator_port",
            "gsm_sms.tp-dcs",
            "mmse.transaction_id",
            "mmse.content_location",
            "_ws.malformed",
        ],
    );
    assert!(row.one(0).ends_with("447700900123"), "{row:?}");
    assert_eq!((row.one(1), row.one(2)), ("2948", "9200"), "{row:?}");
    assert_eq!(row.one(4), "TID-0001");
    assert_eq!(row.one(5).len(), 60);
    assert_eq!(row.one(6), "");
}

#[test]
#[ignore = "needs tshark"]
fn parts_of_a_push_are_joined_with_narrow_and_wide_references() {
    for reference in [ConcatReference::Narrow(0x2a), ConcatReference::Wide(0x1234)] {
        let tpdus = delivers(300, "86888", reference);
        assert_eq!(tpdus.len(), 3);
        let capture = capture(&tpdus);
        let parts = capture.fields(
            "gsm_sms",
            &[
                "gsm_sms.udh.mm.msg_parts",
                "gsm_sms.udh.mm.msg_part",
                "gsm_sms.tp-mms",
                "_ws.malformed",
            ],
        );
        let numbers: Vec<_> = parts.iter().map(|row| (row.one(0), row.one(1))).collect();
        assert_eq!(numbers, [("3", "1"), ("3", "2"), ("3", "3")], "{reference:?}");
        assert!(parts.iter().all(|row| row.one(3).is_empty()), "{reference:?}");
        let row = capture.only("mmse", &["mmse.transaction_id", "mmse.content_location"]);
        assert_eq!((row.one(0), row.one(1).len()), ("TID-0001", 300), "{reference:?}");
    }
}

#[test]
#[ignore = "needs tshark"]
fn text_name_and_time_are_read_alike() {
    let text = "Grüße, 5 € {x}";
    let (dcs, data) = UserData::from_text(text);
    let deliver = Deliver::new(SmsAddress::from_text("Bankino"), dcs, scts(), data);
    let capture = capture(&[deliver.encode().expect("it fits")]);
    let row = capture.only(
        "gsm_sms",
        &[
            "gsm_sms.tp-oa",
            "gsm_sms.sms_text",
            "gsm_sms.scts.year",
            "gsm_sms.scts.hour",
            "gsm_sms.scts.timezone",
        ],
    );
    assert_eq!(row.one(0), "Bankino", "{}", capture.text("gsm_sms", "gsm_sms"));
    assert_eq!(row.one(1), text, "{}", capture.text("gsm_sms", "gsm_sms"));
    assert_eq!((row.one(2), row.one(3)), ("26", "11"), "{row:?}");
}

/// SMS-SUBMITs, each inside an RP-DATA from the mobile (3GPP TS 24.011 clause 7.3.1.2), which says
/// in which direction they travel.
fn submits(message: &SmsSubmit) -> Capture {
    let packets: Vec<Vec<u8>> = message
        .parts()
        .expect("few parts")
        .iter()
        .map(|part| {
            let tpdu = part.encode().expect("the part fits");
            // RP-DATA, reference, no originator, the service centre +447797700088.
            let mut packet = vec![0x00, 0x01, 0x00, 0x07, 0x91];
            packet.extend([0x44, 0x77, 0x97, 0x07, 0x00, 0x88]);
            packet.push(u8::try_from(tpdu.len()).expect("a TPDU is short"));
            packet.extend(tpdu);
            packet
        })
        .collect();
    let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    Capture::of_packets(Wrap::LinkType(147), &packets)
        .with_option("uat:user_dlts:\"User 0 (DLT=147)\",\"gsm_a_rp\",\"0\",\"\",\"0\",\"\"")
        .with_option("gsm_sms.reassemble:TRUE")
}

#[test]
#[ignore = "needs tshark"]
fn submit_with_every_option_is_read_alike() {
    let message = SmsSubmit::text(SmsAddress::from_text("+447700900123"), "Grüße")
        .class(MessageClass::Sim)
        .validity(ValidityPeriod::relative(Duration::from_secs(2 * 24 * 3600)))
        .protocol_identifier(0x41)
        .request_status_report()
        .reject_duplicates()
        .reply_path();
    let capture = submits(&message);
    let row = capture.only(
        "gsm_sms",
        &[
            "gsm_sms.tp-mti",
            "gsm_sms.tp-da",
            "gsm_sms.tp-rd",
            "gsm_sms.tp-srr",
            "gsm_sms.tp-rp",
            "gsm_sms.tp-vpf",
            "gsm_sms.tp-pid",
            "gsm_sms.dcs.message_class",
            "gsm_sms.sms_text",
            "_ws.malformed",
        ],
    );
    let told = capture.text("gsm_sms", "gsm_sms");
    assert!(row.one(1).ends_with("447700900123"), "{told}");
    assert_eq!([0, 2, 3, 4, 5].map(|at| row.one(at)), ["1", "1", "1", "1", "2"], "{told}");
    assert_eq!((row.one(6), row.one(7), row.one(8)), ("65", "0x02", "Grüße"), "{told}");
    assert_eq!(row.one(9), "", "{told}");
    assert!(told.contains("TP-Validity-Period: 2 day"), "{told}");
}

#[test]
#[ignore = "needs tshark"]
fn validity_periods_of_every_form_are_read_alike() {
    for (validity, format) in [
        (ValidityPeriod::None, "0"),
        (ValidityPeriod::Enhanced([0x02, 90, 0, 0, 0, 0, 0]), "1"),
        (ValidityPeriod::Relative(143), "2"),
        (ValidityPeriod::Absolute(scts()), "3"),
    ] {
        let message = SmsSubmit::text(SmsAddress::from_text("86888"), "hi").validity(validity);
        let capture = submits(&message);
        let row = capture.only("gsm_sms", &["gsm_sms.tp-vpf", "gsm_sms.sms_text", "_ws.malformed"]);
        assert_eq!([0, 1, 2].map(|at| row.one(at)), [format, "hi", ""], "{validity:?}");
    }
}

#[test]
#[ignore = "needs tshark"]
fn texts_submitted_in_parts_are_joined_to_the_same_text() {
    let latin = "Grüße, 5 € {x} ".repeat(30);
    let wide = "Привет, 日本! ".repeat(20);
    for (text, reference) in [
        (&latin, ConcatReference::Narrow(0x2a)),
        (&latin, ConcatReference::Wide(0x1234)),
        (&wide, ConcatReference::Narrow(0x2b)),
        (&wide, ConcatReference::Wide(0x1235)),
    ] {
        let message =
            SmsSubmit::text(SmsAddress::from_text("86888"), text.as_str()).reference(reference);
        let parts = message.parts().unwrap().len();
        assert!(parts > 2);
        let capture = submits(&message);
        let rows = capture.fields(
            "gsm_sms",
            &["gsm_sms.udh.mm.msg_parts", "gsm_sms.udh.mm.msg_part", "gsm_sms.sms_text"],
        );
        assert_eq!(rows.len(), parts);
        for (number, row) in (1..).zip(&rows) {
            assert_eq!(row.one(0), parts.to_string());
            assert_eq!(row.one(1), number.to_string());
        }
        // The packet that completes the message shows the text of all parts.
        let last = rows.last().unwrap();
        assert_eq!(&last.all(2).concat(), text, "{}", capture.text("gsm_sms", "gsm_sms"));
        capture.assert_well_formed();
    }
}

#[test]
#[ignore = "needs tshark"]
fn datagram_submitted_to_a_port_is_a_push() {
    let ports = Ports { destination: PORT_WAP_PUSH, source: PORT_WAP_WSP, wide: true };
    let message =
        SmsSubmit::datagram(SmsAddress::from_text("86888"), ports, Bytes::from(push(200)));
    let row = submits(&message).only("mmse", &["mmse.transaction_id", "mmse.content_location"]);
    assert_eq!((row.one(0), row.one(1).len()), ("TID-0001", 200));
}

#[test]
#[ignore = "needs tshark"]
fn languages_of_the_shift_tables_are_named_alike() {
    // Wireshark 4.0 names the language but reads the text by the default tables.
    for language in Language::ALL {
        let text = match language {
            Language::Turkish => "ağaç",
            Language::Spanish => "cuál",
            Language::Portuguese => "não",
            Language::Bengali => "ক০",
            Language::Gujarati => "ક૦",
            Language::Hindi => "क०",
            Language::Kannada => "ಕ೦",
            Language::Malayalam => "ക൦",
            Language::Oriya => "କ୦",
            Language::Punjabi => "ਕ੦",
            Language::Tamil => "க௦",
            Language::Telugu => "క౦",
            Language::Urdu => "ک۰",
        };
        let (dcs, data) = split_text(text, &[language], 1_u8).unwrap().remove(0);
        let shift = data.udh.shift();
        assert!(shift.single.or(shift.locking).is_some(), "{language:?} is UCS2");
        let deliver = Deliver::new(SmsAddress::from_text("86888"), dcs, scts(), data);
        let capture = capture(&[deliver.encode().unwrap()]);
        let fields = ["gsm_sms.dis_iei_lang.single_shift", "gsm_sms.dis_iei_lang.locking_shift"];
        let row = capture.only("gsm_sms", &fields);
        let told = [shift.single, shift.locking]
            .map(|it| it.map_or_else(String::new, |it| it.identifier().to_string()));
        assert_eq!([row.one(0), row.one(1)], [told[0].as_str(), told[1].as_str()], "{language:?}");
        capture.assert_well_formed();
    }
}

#[test]
#[ignore = "needs tshark"]
fn status_reports_are_read_alike() {
    for (status, error, reason) in [(0x00, "0", "0"), (0x46, "2", "6"), (0x21, "1", "1")] {
        let recipient = SmsAddress::from_text("+447700900123");
        let report = StatusReport::new(0x2a, recipient, scts(), scts(), status);
        let row = capture(&[report.encode().unwrap()]).only(
            "gsm_sms",
            &[
                "gsm_sms.tp-mti",
                "gsm_sms.tp-mr",
                "gsm_sms.tp-ra",
                "gsm_sms.dis_field.st_error",
                "gsm_sms.dis.field_st_reason",
                "gsm_sms.scts.day",
                "_ws.malformed",
            ],
        );
        assert_eq!((row.one(0), row.one(1)), ("2", "42"), "{row:?}");
        assert!(row.one(2).ends_with("447700900123"), "{row:?}");
        assert_eq!((row.one(3), row.one(4)), (error, reason), "{row:?}");
        assert_eq!((row.all(5).len(), row.one(6)), (2, ""), "{row:?}");
    }
}

/// A push of this document, in SMS-DELIVERs.
fn document(kind: &str, body: Bytes) -> Capture {
    let push =
        Push { transaction_id: 1, content_type: ContentType::new(kind), headers: Vec::new(), body };
    let sender = SmsAddress::from_text("86888");
    let parts =
        port_addressed_delivers(&push.encode(), &sender, PORT_WAP_PUSH, PORT_WAP_WSP, 7_u8, scts());
    let tpdus: Vec<Vec<u8>> = parts.unwrap().iter().map(|part| part.encode().unwrap()).collect();
    capture(&tpdus)
}

#[test]
#[ignore = "needs tshark"]
fn service_indication_and_loading_are_rendered_alike() {
    let indication = ServiceIndication {
        href: Some("http://www.shop.com/pay/7".into()),
        text: "Bill".into(),
        action: SignalAction::High,
        created: Some(Timestamp::from_secs(1_795_256_430)),
        expires: Some(Timestamp::from_secs(1_796_083_200)),
        id: Some("n7".into()),
    };
    let capture = document("application/vnd.wap.sic", indication.to_wbxml());
    let told = capture.text("wbxml", "gsm_sms,wsp,wbxml");
    for part in [
        "href='http://www.'",
        "'shop'",
        "'.com/'",
        "'pay/7'",
        "action='signal-high'",
        "2026-11-21T10:20:30Z",
        "2026-12-01T00:00:00Z",
        "'n7'",
        "'Bill'",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    capture.assert_well_formed();
    let loading =
        ServiceLoading { href: "https://bank.org/a".into(), action: LoadAction::ExecuteHigh };
    let capture = document("application/vnd.wap.slc", loading.to_wbxml());
    let told = capture.text("wbxml", "gsm_sms,wsp,wbxml");
    for part in ["action='execute-high'", "href='https://'", "'bank'", "'.org/'", "'a'"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    capture.assert_well_formed();
}
