//! Our pushes as tshark reads them: the headers around a notification (WAP-230 clause 8.2.4).

use mm1gate::codec::mms::Pdu;
use mm1gate::codec::push::Push;
use mm1gate::codec::wsp::ContentType;

use crate::pdus;
use crate::tshark::Capture;

#[test]
#[ignore = "needs tshark"]
fn notification_in_a_push_is_read_by_tshark() {
    let mut push = Push::mms(0x2A, Pdu::NotificationInd(pdus::notification()).encode());
    push.headers.push(("push-flag".into(), "7".into()));
    push.headers.push(("content-length".into(), push.body.len().to_string()));
    let capture = Capture::of_push(&push.encode());
    capture.assert_well_formed();
    let row = capture.only("mmse", &["mmse.message_type", "mmse.transaction_id"]);
    assert_eq!([row.one(0), row.one(1)], ["0x82", "N@7"]);
    let row = capture.only(
        "wsp",
        &[
            "wsp.TID",
            "wsp.pdu_type",
            "wsp.header.x_wap_application_id",
            "wsp.header.content_length",
        ],
    );
    assert_eq!([row.one(0), row.one(1)], ["0x2a", "0x06"]);
    assert!(row.one(2).contains("mms.ua"), "{}", row.one(2));
    assert_eq!(row.one(3), push.body.len().to_string());
}

#[test]
#[ignore = "needs tshark"]
fn push_with_long_headers_and_a_type_in_text_is_read_by_tshark() {
    let body = Pdu::NotificationInd(pdus::notification()).encode();
    let mut push = Push::mms(7, body);
    push.content_type = ContentType::new("application/x-own");
    push.headers
        .push(("x-wap-content-uri".into(), format!("http://a.example/{}", "b".repeat(120))));
    push.headers.push(("x-own".into(), "value".into()));
    let capture = Capture::of_push(&push.encode());
    capture.assert_well_formed();
    let names = ["wsp.headers_length", "wsp.header.content_type", "wsp.header.content_uri"];
    let row = capture.only("wsp", &names);
    assert!(row.one(0).parse::<usize>().is_ok_and(|length| length > 127), "{}", row.one(0));
    assert!(capture.text("wsp", "wsp").contains("application/x-own"));
    assert!(row.one(2).contains("bbbb"), "{}", row.one(2));
}
