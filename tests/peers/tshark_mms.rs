//! tshark reads what we write: every PDU (OMA-TS-MMS_ENC-V1_3 clause 6) and the push around it
//! (WAP-230 clause 8.2.4) without a malformed octet and with the same values in its fields.
//!
//! Left out are the known limits of tshark 4.0: texts with a charset are shown wrongly (their
//! octets are compared instead), and Response-Status 0xEB has no name.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::{
    self, AcknowledgeInd, Body, DeliveryInd, Expiry, From, MessageClass, MmsStatus,
    NotificationInd, NotifyRespInd, Pdu, Priority, ReadRecInd, ReadStatus, ResponseStatus,
    RetrieveConf, RetrieveStatus, SendConf, SendReq, Version,
};
use mm1gate::codec::push::Push;
use mm1gate::codec::wsp::{ContentType, Part};
use mm1gate::model::{Address, Timestamp};

use crate::tshark::Capture;

const DATE: Timestamp = Timestamp::from_secs(1_700_000_000);

fn number(text: &str) -> Address {
    Address::Msisdn(text.to_owned())
}

fn posted(pdu: &Pdu) -> Capture {
    let capture = Capture::of_http_post(mms::CONTENT_TYPE, &pdu.encode());
    capture.assert_well_formed();
    capture
}

fn parts() -> (ContentType, Vec<Part>) {
    let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
    content_type.kind = Some("application/smil".into());
    content_type.start = Some("<smil>".into());
    let body = "<smil><head><layout><root-layout/></layout></head>\
                <body><par dur=\"5000ms\"><img src=\"photo.jpg\"/></par></body></smil>";
    let mut smil =
        Part::new(ContentType::new("application/smil"), Bytes::from_static(body.as_bytes()));
    smil.content_type.charset = Some("utf-8".into());
    smil.content_type.name = Some("smil.xml".into());
    smil.content_id = Some("smil".into());
    smil.content_location = Some("smil.xml".into());
    let mut text = Part::new(ContentType::new("text/plain"), Bytes::from_static(b"Hello there"));
    text.content_type.charset = Some("utf-8".into());
    text.content_type.name = Some("text.txt".into());
    text.content_id = Some("text".into());
    text.content_location = Some("text.txt".into());
    text.headers.push(("content-disposition".into(), "attachment; filename=text.txt".into()));
    let photo: Vec<u8> = (0..70_000_u32).map(|i| u8::try_from(i * 7 % 251).unwrap_or(0)).collect();
    let mut photo = Part::new(ContentType::new("application/x-photo"), Bytes::from(photo));
    photo.content_id = Some("photo".into());
    photo.content_location = Some("photo.jpg".into());
    (content_type, vec![smil, text, photo])
}

fn send_req() -> SendReq {
    let (content_type, parts) = parts();
    SendReq {
        transaction_id: "5F3A-77".into(),
        version: Version::V1_2,
        date: Some(DATE),
        from: From::InsertAddress,
        to: vec![number("+447700900123"), Address::ShortCode("86888".into())],
        cc: vec![Address::Email("a@example.com".into())],
        bcc: vec![number("+447700900125")],
        subject: Some("Two pictures".into()),
        message_class: Some(MessageClass::Personal),
        expiry: Some(Expiry::After(Duration::from_secs(86_400))),
        delivery_time: Some(Expiry::At(DATE)),
        priority: Some(Priority::High),
        sender_visibility_hide: Some(true),
        delivery_report: Some(true),
        read_report: Some(false),
        extra: vec![],
        content_type,
        body: Body::Multipart(parts),
    }
}

#[test]
#[ignore = "needs tshark"]
fn send_req_is_read_by_tshark() {
    let capture = posted(&Pdu::SendReq(send_req()));
    let row = capture.only(
        "mmse",
        &[
            "mmse.message_type",
            "mmse.transaction_id",
            "mmse.mms_version",
            "mmse.from",
            "mmse.to",
            "mmse.cc",
            "mmse.bcc",
            "mmse.subject",
            "mmse.message_class.id",
            "mmse.priority",
            "mmse.delivery_report",
            "mmse.read_report",
            "mmse.sender_visibility",
            "mmse.expiry.rel",
            "mmse.delivery_time.abs",
            "mmse.date",
        ],
    );
    assert_eq!(row.one(0), "0x80");
    assert_eq!(row.one(1), "5F3A-77");
    assert_eq!(row.one(2), "1.2");
    assert_eq!(row.one(3), "<insert address>");
    assert_eq!(row.all(4), ["+447700900123/TYPE=PLMN", "86888"]);
    assert_eq!(row.one(5), "a@example.com");
    assert_eq!(row.one(6), "+447700900125/TYPE=PLMN");
    assert_eq!(row.one(7), "Two pictures");
    assert_eq!([row.one(8), row.one(9), row.one(10)], ["0x80", "0x82", "0x80"]);
    assert_eq!([row.one(11), row.one(12)], ["0x81", "0x80"]);
    assert_eq!(row.one(13).parse::<f64>(), Ok(86_400.0));
    assert!(row.one(14).contains("Nov 14, 2023"), "{}", row.one(14));
    assert_eq!(row.one(15), row.one(14));
}

#[test]
#[ignore = "needs tshark"]
fn parts_with_their_headers_are_read_by_tshark() {
    let capture = posted(&Pdu::SendReq(send_req()));
    let row = capture.only(
        "mmse",
        &["wsp.multipart", "wsp.header.content_location", "wsp.header.content_id", "smil.img.src"],
    );
    assert_eq!(row.one(3), "photo.jpg");
    let text = capture.text("mmse", "mmse,wsp");
    for expected in [
        "application/vnd.wap.multipart.related",
        "Type: application/smil",
        "Start: <smil>",
        "Charset: UTF-8",
        "Content-Location: photo.jpg",
        "Content-Location: text.txt",
        "text/plain",
        "70000",
    ] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
}

#[test]
#[ignore = "needs tshark"]
fn subject_of_another_script_has_the_same_octets_in_tshark() {
    for subject in
        ["Größe in ελληνικά", "Ура", "漢字 in a subject that is longer than thirty octets"]
    {
        let mut pdu = send_req();
        pdu.subject = Some(subject.into());
        let capture = posted(&Pdu::SendReq(pdu));
        let quote: &[u8] = if subject.as_bytes()[0] < 0x80 { b"" } else { b"\x7F" };
        let text = [&b"\xEA"[..], quote, subject.as_bytes(), b"\0"].concat();
        let length = u8::try_from(text.len()).unwrap();
        let prefix = if length <= 30 { vec![length] } else { vec![31, length] };
        let found = capture.octets("mmse", "mmse.subject");
        assert_eq!(found.len(), 1);
        // Some versions count the field's own number as part of it.
        let found = found[0].strip_prefix(b"\x96").unwrap_or(&found[0]);
        assert_eq!(found, [prefix, text].concat(), "{subject}");
        // What follows was found in its place.
        let row = capture.only("mmse", &["mmse.message_class.id", "mmse.to"]);
        assert_eq!((row.one(0), row.all(1).len()), ("0x80", 2));
    }
}

#[test]
#[ignore = "needs tshark"]
fn send_conf_is_read_by_tshark() {
    for status in [0x80, 0x86, 0xC4, 0xE1] {
        let capture = posted(&Pdu::SendConf(SendConf {
            transaction_id: Some("5F3A-77".into()),
            version: Version::V1_0,
            response_status: ResponseStatus(status),
            response_text: Some("Not today".into()),
            message_id: Some("<id-1@mmsc>".into()),
            extra: vec![],
        }));
        let row = capture.only(
            "mmse",
            &[
                "mmse.message_type",
                "mmse.transaction_id",
                "mmse.response_status",
                "mmse.response_text",
                "mmse.message_id",
            ],
        );
        assert_eq!(row.one(0), "0x81");
        assert_eq!(row.one(1), "5F3A-77");
        assert_eq!(row.one(2), format!("{status:#04x}"));
        assert_eq!(row.one(3), "Not today");
        assert_eq!(row.one(4), "<id-1@mmsc>");
    }
}

fn notification() -> NotificationInd {
    NotificationInd {
        transaction_id: "N@7".into(),
        version: Version::V1_2,
        from: Some(From::Address(number("+447700900124"))),
        subject: Some("Hi".into()),
        delivery_report: Some(false),
        message_class: Some(MessageClass::Advertisement),
        priority: Some(Priority::Low),
        message_size: Some(29_696),
        expiry: Some(Expiry::After(Duration::from_secs(3600))),
        content_location: "http://mmsc.example/m?id=7".into(),
        extra: vec![],
    }
}

fn assert_notification(capture: &Capture) {
    let row = capture.only(
        "mmse",
        &[
            "mmse.message_type",
            "mmse.transaction_id",
            "mmse.from",
            "mmse.subject",
            "mmse.message_class.id",
            "mmse.message_size",
            "mmse.expiry.rel",
            "mmse.content_location",
            "mmse.priority",
            "mmse.delivery_report",
        ],
    );
    assert_eq!(row.one(0), "0x82");
    assert_eq!(row.one(1), "N@7");
    assert_eq!(row.one(2), "+447700900124/TYPE=PLMN");
    assert_eq!(row.one(3), "Hi");
    assert_eq!(row.one(4), "0x81");
    assert_eq!(row.one(5), "29696");
    assert_eq!(row.one(6).parse::<f64>(), Ok(3600.0));
    assert_eq!(row.one(7), "http://mmsc.example/m?id=7");
    assert_eq!([row.one(8), row.one(9)], ["0x80", "0x81"]);
}

#[test]
#[ignore = "needs tshark"]
fn notification_in_a_push_is_read_by_tshark() {
    let mut push = Push::mms(0x2A, Pdu::NotificationInd(notification()).encode());
    push.headers.push(("push-flag".into(), "7".into()));
    push.headers.push(("content-length".into(), push.body.len().to_string()));
    let capture = Capture::of_push(&push.encode());
    capture.assert_well_formed();
    assert_notification(&capture);
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
fn notification_in_http_is_read_by_tshark() {
    assert_notification(&posted(&Pdu::NotificationInd(notification())));
}

#[test]
#[ignore = "needs tshark"]
fn notify_resp_ind_is_read_by_tshark() {
    for (status, report_allowed) in [(0x81, true), (0x83, false), (0x84, true)] {
        let capture = posted(&Pdu::NotifyRespInd(NotifyRespInd {
            transaction_id: "N7".into(),
            version: Version::V1_2,
            status: MmsStatus(status),
            report_allowed: Some(report_allowed),
            extra: vec![],
        }));
        let row = capture.only(
            "mmse",
            &["mmse.message_type", "mmse.transaction_id", "mmse.status", "mmse.report_allowed"],
        );
        let allowed = if report_allowed { "0x80" } else { "0x81" };
        assert_eq!([row.one(0), row.one(1)], ["0x83", "N7"]);
        assert_eq!([row.one(2), row.one(3)], [&format!("{status:#04x}")[..], allowed]);
    }
}

#[test]
#[ignore = "needs tshark"]
fn retrieve_conf_is_read_by_tshark() {
    let (content_type, parts) = parts();
    let capture = posted(&Pdu::RetrieveConf(RetrieveConf {
        transaction_id: Some("R1".into()),
        version: Version::V1_3,
        message_id: Some("m-1".into()),
        date: Some(DATE),
        from: Some(From::Address(number("+447700900124"))),
        to: vec![number("+447700900123"), number("+447700900126")],
        cc: vec![],
        subject: Some("Hi".into()),
        message_class: Some(MessageClass::Other("x-own".into())),
        priority: Some(Priority::Normal),
        delivery_report: Some(true),
        read_report: Some(true),
        retrieve_status: Some(RetrieveStatus::OK),
        retrieve_text: Some("fine".into()),
        extra: vec![],
        content_type,
        body: Body::Multipart(parts),
    }));
    let row = capture.only(
        "mmse",
        &[
            "mmse.message_type",
            "mmse.message_id",
            "mmse.from",
            "mmse.to",
            "mmse.retrieve_status",
            "mmse.retrieve_text",
            "mmse.message_class.str",
            "mmse.mms_version",
        ],
    );
    assert_eq!([row.one(0), row.one(1)], ["0x84", "m-1"]);
    assert_eq!(row.one(2), "+447700900124/TYPE=PLMN");
    assert_eq!(row.all(3).len(), 2);
    assert_eq!([row.one(4), row.one(5)], ["0x80", "fine"]);
    assert_eq!([row.one(6), row.one(7)], ["x-own", "1.3"]);
}

#[test]
#[ignore = "needs tshark"]
fn retrieve_conf_of_a_single_part_is_read_by_tshark() {
    let mut content_type = ContentType::new("text/plain");
    content_type.charset = Some("utf-8".into());
    let capture = posted(&Pdu::RetrieveConf(RetrieveConf {
        transaction_id: None,
        version: Version::V1_0,
        message_id: None,
        date: None,
        from: None,
        to: vec![],
        cc: vec![],
        subject: None,
        message_class: None,
        priority: None,
        delivery_report: None,
        read_report: None,
        retrieve_status: Some(RetrieveStatus::MESSAGE_NOT_FOUND),
        retrieve_text: Some("gone".into()),
        extra: vec![],
        content_type,
        body: Body::Single(Bytes::from_static(b"the message was not found")),
    }));
    let row = capture.only("mmse", &["mmse.retrieve_status", "mmse.retrieve_text"]);
    assert_eq!([row.one(0), row.one(1)], ["0xe2", "gone"]);
    let text = capture.text("mmse", "mmse,wsp");
    assert!(text.contains("Content-Type: text/plain; charset=UTF-8"), "{text}");
}

#[test]
#[ignore = "needs tshark"]
fn acknowledge_ind_is_read_by_tshark() {
    let capture = posted(&Pdu::AcknowledgeInd(AcknowledgeInd {
        transaction_id: "R1".into(),
        version: Version::V1_2,
        report_allowed: Some(true),
        extra: vec![],
    }));
    let names = ["mmse.message_type", "mmse.transaction_id", "mmse.report_allowed"];
    let row = capture.only("mmse", &names);
    assert_eq!([row.one(0), row.one(1), row.one(2)], ["0x85", "R1", "0x80"]);
}

#[test]
#[ignore = "needs tshark"]
fn delivery_ind_is_read_by_tshark() {
    let capture = posted(&Pdu::DeliveryInd(DeliveryInd {
        version: Version::V1_2,
        message_id: "m-1".into(),
        to: vec![number("+447700900123")],
        date: Some(DATE),
        status: MmsStatus::RETRIEVED,
        extra: vec![],
    }));
    let names = ["mmse.message_type", "mmse.message_id", "mmse.to", "mmse.status", "mmse.date"];
    let row = capture.only("mmse", &names);
    assert_eq!([row.one(0), row.one(1)], ["0x86", "m-1"]);
    assert_eq!([row.one(2), row.one(3)], ["+447700900123/TYPE=PLMN", "0x81"]);
    assert!(row.one(4).contains("Nov 14, 2023"));
}

#[test]
#[ignore = "needs tshark"]
fn read_reports_are_read_by_tshark() {
    let read = |read_status| ReadRecInd { read_status, ..crate::pdus::read_report() };
    for (pdu, kind, status) in [
        (Pdu::ReadRecInd(read(ReadStatus::READ)), "0x87", "0x80"),
        (Pdu::ReadOrigInd(read(ReadStatus::DELETED_UNREAD)), "0x88", "0x81"),
    ] {
        let names = ["mmse.message_type", "mmse.message_id", "mmse.read_status"];
        let row = posted(&pdu).only("mmse", &names);
        assert_eq!([row.one(0), row.one(1), row.one(2)], [kind, "m-1", status]);
    }
}

#[test]
#[ignore = "needs tshark"]
fn push_with_long_headers_and_a_type_in_text_is_read_by_tshark() {
    let body = Pdu::NotificationInd(notification()).encode();
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

/// Vectors that tshark reads otherwise, and why.
const READ_OTHERWISE: &[(&str, &str)] =
    &[("send-conf-status-with-length", "tshark takes the length for the status")];

#[test]
#[ignore = "needs tshark"]
fn vectors_mean_the_same_to_tshark() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/mms");
    let names = [
        "mmse.transaction_id",
        "mmse.content_location",
        "mmse.message_id",
        "mmse.response_status",
        "mmse.retrieve_status",
        "mmse.message_size",
    ];
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if READ_OTHERWISE.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let digits: String = text
            .lines()
            .filter_map(|line| line.split('#').next())
            .flat_map(str::split_whitespace)
            .collect();
        let octets = Bytes::from(hex::decode(digits).unwrap());
        let Ok(ours) = mms::decode(&octets) else { continue };
        let status = |octet: Option<u8>| octet.map(|octet| format!("{octet:#04x}"));
        let mut expected =
            [ours.value.transaction_id().map(str::to_owned), None, None, None, None, None];
        match ours.value {
            Pdu::NotificationInd(pdu) => {
                expected[1] = Some(pdu.content_location);
                expected[5] = pdu.message_size.map(|size| size.to_string());
            }
            Pdu::SendConf(pdu) => {
                expected[2] = pdu.message_id;
                expected[3] = status(Some(pdu.response_status.0));
            }
            Pdu::RetrieveConf(pdu) => {
                expected[2] = pdu.message_id;
                expected[4] = status(pdu.retrieve_status.map(|status| status.0));
            }
            Pdu::DeliveryInd(pdu) => expected[2] = Some(pdu.message_id),
            _ => {}
        }
        let row = Capture::of_http_post(mms::CONTENT_TYPE, &octets).only("mmse", &names);
        for (column, expected) in expected.iter().enumerate() {
            if let Some(expected) = expected {
                assert_eq!(row.one(column), expected, "{name}: {}", names[column]);
            }
        }
        compared += 1;
    }
    assert!(compared > 30, "only {compared} vectors compared");
}
