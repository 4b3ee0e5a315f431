//! Our SMS-DELIVERs as Wireshark reads them: addresses, time, header elements, joined pushes.

use mm1gate::codec::sms::{
    ConcatReference, Deliver, PORT_WAP_PUSH, PORT_WAP_WSP, Scts, SmsAddress, UserData,
    port_addressed_delivers,
};
use mm1gate::model::Timestamp;

use crate::tshark::Capture;

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
