//! Tests over whole PDUs: fixed octets, round trips, and input that nobody meant
//! (OMA-TS-MMS_ENC-V1_3 clause 6).

mod properties;
mod strategies;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::codec::wsp::{ContentType, Part};
use crate::codec::{DecodeErrorKind, Decoded};
use crate::model::{Address, Timestamp};

fn decoded(octets: &[u8]) -> Decoded<Pdu> {
    decode(&Bytes::copy_from_slice(octets)).unwrap()
}

fn number(text: &str) -> Address {
    Address::Msisdn(text.to_owned())
}

fn send_req() -> SendReq {
    let mut smil = Part::new(ContentType::new("application/smil"), Bytes::from_static(b"<smil/>"));
    smil.content_id = Some("smil".into());
    let mut photo = Part::new(ContentType::new("image/jpeg"), Bytes::from_static(b"\xFF\xD8\xFF"));
    photo.content_location = Some("p.jpg".into());
    let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
    content_type.kind = Some("application/smil".into());
    content_type.start = Some("<smil>".into());
    SendReq {
        transaction_id: "T1".into(),
        version: Version::V1_2,
        date: Some(Timestamp::from_secs(0x6000_0000)),
        from: From::InsertAddress,
        to: vec![number("+447700900123"), Address::Email("a@example.com".into())],
        cc: vec![],
        bcc: vec![],
        subject: Some("Hi".into()),
        message_class: Some(MessageClass::Personal),
        expiry: Some(Expiry::After(Duration::from_secs(86_400))),
        delivery_time: None,
        priority: Some(Priority::Normal),
        sender_visibility_hide: None,
        delivery_report: Some(true),
        read_report: Some(false),
        extra: vec![],
        content_type,
        body: Body::Multipart(vec![smil, photo]),
    }
}

#[test]
fn send_req_is_written_in_the_order_that_every_mmsc_has_seen() {
    let octets = Pdu::SendReq(send_req()).encode();
    let expected = [
        &b"\x8C\x80\x98T1\0\x8D\x92\x85\x04\x60\x00\x00\x00\x89\x01\x81"[..],
        b"\x97+447700900123/TYPE=PLMN\0\x97a@example.com\0\x96Hi\0\x8A\x80",
        b"\x88\x05\x81\x03\x01\x51\x80\x8F\x81\x86\x80\x90\x81",
        b"\x84\x1B\xB3\x89application/smil\0\x8A<smil>\0",
        b"\x02\x1A\x07application/smil\0\xC0\"<smil>\0<smil/>\x08\x03\x9E\x8Ep.jpg\0\xFF\xD8\xFF",
    ]
    .concat();
    assert_eq!(octets, expected);
    let decoded = decoded(&octets);
    assert_eq!((decoded.value, decoded.warnings), (Pdu::SendReq(send_req()), vec![]));
}

#[test]
fn bodies_of_parts_are_slices_of_the_pdu() {
    let octets = Pdu::SendReq(send_req()).encode();
    let Pdu::SendReq(pdu) = decode(&octets).unwrap().value else { panic!("another PDU") };
    let Body::Multipart(parts) = pdu.body else { panic!("no multipart") };
    let range = octets.as_ptr_range();
    assert!(parts.iter().all(|part| range.contains(&part.body.as_ptr())));
}

#[test]
fn text_of_other_scripts_goes_out_with_charset_and_length() {
    let mut pdu = send_req();
    pdu.subject = Some("éa".into());
    let octets = Pdu::SendReq(pdu).encode();
    let subject = b"\x96\x06\xEA\x7F\xC3\xA9a\0";
    assert!(octets.windows(subject.len()).any(|window| window == subject));
}

#[test]
fn html_is_refused_as_no_pdu() {
    let error = decode(&Bytes::from_static(b"<html><body>Login failed</body></html>")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "X-Mms-Message-Type at octet 0: this is no MMS PDU but text that begins \
         \"<html><body>Login failed\""
    );
    let long = Bytes::from("<!DOCTYPE html>\r\n".repeat(1000));
    let error = decode(&long).unwrap_err();
    assert!(error.to_string().len() < 200, "{error}");
    let error = decode(&Bytes::new()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::MissingField);
}

#[test]
fn pdu_of_unknown_type_is_named() {
    let error = decode(&Bytes::from_static(b"\x8C\x98\x98a\0\x8D\x92")).unwrap_err();
    assert_eq!((error.offset, error.kind), (0, DecodeErrorKind::UnexpectedPdu(0x98)));
}

#[test]
fn fields_without_end_are_limited() {
    let octets = [&b"\x8C\x81"[..], &b"\xF0\x80".repeat(MAX_FIELDS)].concat();
    let error = decode(&Bytes::from(octets)).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: MAX_FIELDS });
}

#[test]
fn first_of_two_content_locations_stays_the_first() {
    let octets = b"\x8C\x82\x98T\0\x8D\x92\x83http://a/\0\x83http://b/\0";
    let pdu = decoded(&Bytes::from_static(octets)).value;
    let Pdu::NotificationInd(notification) = &pdu else { panic!("another PDU") };
    assert_eq!(notification.content_location, "http://a/");
    assert_eq!(decoded(&pdu.encode()).value, pdu);
}

#[test]
fn subject_of_a_nul_alone_goes_out_as_none() {
    let mut pdu = send_req();
    pdu.subject = Some("\0".to_owned());
    let mut without = send_req();
    without.subject = None;
    assert_eq!(Pdu::SendReq(pdu).encode(), Pdu::SendReq(without).encode());
}

#[test]
fn transaction_id_that_is_no_text_goes_back_as_it_came() {
    let octets = Bytes::from_static(b"\x8C\x82\x98\xE9T\xFF1\0\x8D\x92\x83http://m/1\0");
    let Pdu::NotificationInd(pdu) = decoded(&octets).value else { panic!("another PDU") };
    let answer = Pdu::NotifyRespInd(NotifyRespInd {
        transaction_id: pdu.transaction_id,
        version: Version::V1_2,
        status: MmsStatus::RETRIEVED,
        report_allowed: None,
        extra: vec![],
    });
    assert_eq!(answer.encode(), &b"\x8C\x83\x98\x7F\xE9T\xFF1\0\x8D\x92\x95\x81"[..]);
}

#[test]
fn fields_that_no_struct_names_go_through_it_octet_for_octet() {
    let fields = [
        &b"\xD2\x03abc"[..],
        b"\xD3\x1F\x03abc",
        b"\xD4\0",
        b"\xD5text\0",
        b"\xFF\x99",
        b"X-Own\0\x7F\x80\0",
        b"X-Own-2\0\x9C",
        b"\x8F\x85",
        b"\xAE\x02\x01\x02",
        b"\x88\x02\x99\x01",
        b"\x85\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09",
    ];
    for field in fields {
        let octets = [&b"\x8C\x85\x98T\0\x8D\x92"[..], field].concat();
        let Decoded { value, warnings } = decoded(&octets);
        assert_eq!(value.encode(), octets, "{field:02x?}");
        let text_name = field.starts_with(b"X-");
        assert_eq!(warnings.iter().any(|warning| !warning.understood), !text_name, "{field:02x?}");
    }
}

#[test]
fn headers_with_offsets_are_outlined_to_the_last_octet() {
    let octets = Pdu::SendReq(send_req()).encode();
    let node = outline(&octets);
    assert_eq!((node.name.as_str(), node.range.clone()), ("m-send.req (0x80)", 0..octets.len()));
    let shown: Vec<_> = node
        .children
        .iter()
        .map(|child| (child.name.as_str(), child.range.start, child.text.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("X-Mms-Message-Type", 0, "m-send.req (0x80)"),
            ("X-Mms-Transaction-Id", 2, "T1"),
            ("X-Mms-MMS-Version", 6, "1.2"),
            ("Date", 8, "2021-01-14T08:25:36.000Z"),
            ("From", 14, "insert-address"),
            ("To", 17, "+447700900123/TYPE=PLMN"),
            ("To", 42, "a@example.com"),
            ("Subject", 57, "Hi"),
            ("X-Mms-Message-Class", 61, "Personal (0x80)"),
            ("X-Mms-Expiry", 63, "86400 s"),
            ("X-Mms-Priority", 70, "Normal (0x81)"),
            ("X-Mms-Delivery-Report", 72, "Yes (0x80)"),
            ("X-Mms-Read-Report", 74, "No (0x81)"),
            (
                "Content-Type",
                76,
                "application/vnd.wap.multipart.related; type=\"application/smil\"; start=\"<smil>\""
            ),
            ("body", 105, "49 octets"),
        ]
    );
    let parts = &node.children.last().unwrap().children;
    assert_eq!(parts.len(), 3);
}

#[test]
fn outline_says_what_it_cannot_read() {
    let octets = Bytes::from_static(b"\x8C\x82\x98T\0\x96\x1F\x8F\xFF\xFF\xFF\x7F");
    let node = outline(&octets);
    let last = node.children.last().unwrap();
    assert_eq!(last.range, 5..octets.len());
    assert!(last.text.starts_with("not read: 4294967295 octets are announced"), "{}", last.text);
}

#[test]
fn lists_that_make_no_pdu_are_refused_with_the_reason() {
    let text = |field, text: &str| Header::new(field, Value::Text(text.into()));
    let id = || text(field::TRANSACTION_ID, "T1");
    let build = |kind, headers| Pdu::from_headers(kind, headers, None).unwrap_err();
    assert_eq!(build(0x98, vec![]), BuildError::UnknownType(0x98));
    assert_eq!(
        build(message_type::NOTIFICATION_IND, vec![id()]),
        BuildError::Missing("X-Mms-Content-Location")
    );
    assert_eq!(build(message_type::SEND_REQ, vec![id()]), BuildError::Missing("Content-Type"));
    let wrong = |header: Header| build(message_type::ACKNOWLEDGE_IND, vec![id(), header]);
    let value = |name: &str| BuildError::WrongValue(name.into());
    assert_eq!(wrong(Header::new(field::DATE, Value::Integer(1))), value("date"));
    assert_eq!(wrong(Header::new(field::STATUS, Value::Token(1))), value("status"));
    assert_eq!(
        wrong(Header::new(field::PRIORITY, Value::Raw(Bytes::from_static(b"\x80\x80")))),
        value("priority")
    );
    assert_eq!(
        wrong(Header::new(
            field::CONTENT_LOCATION,
            Value::Counted { count: 1, value: Box::new(Value::Text("u".into())) }
        )),
        value("content-location")
    );
    let name = |header| match wrong(header) {
        BuildError::WrongName(name) => name,
        other => panic!("{other}"),
    };
    assert_eq!(name(Header::new(field::MESSAGE_TYPE, Value::Token(0x80))), "message-type");
    assert_eq!(
        name(Header::new(HeaderName::Text("\u{1}".into()), Value::Text("a".into()))),
        "\u{1}"
    );
    let many = vec![Header::new(field::TO, Value::Address("a".into())); MAX_FIELDS];
    assert_eq!(build(message_type::DELIVERY_IND, many), BuildError::TooMany(MAX_FIELDS));
    let content =
        Content { content_type: ContentType::new("text/plain"), body: Body::Single(Bytes::new()) };
    assert_eq!(
        Pdu::from_headers(message_type::ACKNOWLEDGE_IND, vec![id()], Some(content)),
        Err(BuildError::NoBody("m-acknowledge.ind"))
    );
}
