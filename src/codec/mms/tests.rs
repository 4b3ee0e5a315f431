//! Tests over whole PDUs: fixed octets, round trips, and input that nobody meant
//! (OMA-TS-MMS_ENC-V1_3 clause 6).

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

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
    assert_eq!(error.offset, 0);
    let error = decode(&Bytes::new()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::MissingField);
}

#[test]
fn pdu_of_unknown_type_is_named() {
    let error = decode(&Bytes::from_static(b"\x8C\x98\x98a\0\x8D\x92")).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnexpectedPdu(0x98));
}

#[test]
fn fields_without_end_are_limited() {
    let octets = [&b"\x8C\x81"[..], &b"\xF0\x80".repeat(MAX_FIELDS)].concat();
    let error = decode(&Bytes::from(octets)).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: MAX_FIELDS });
}

fn token() -> BoxedStrategy<String> {
    "[!-~]{1,40}".boxed()
}

fn text() -> BoxedStrategy<String> {
    // Without what a decoder rightly takes off: NUL, a byte order mark, encoded words.
    "[^\0\u{FEFF}=]{1,30}".prop_filter("no BOM", |text| !text.starts_with('\u{FEFF}')).boxed()
}

fn address() -> BoxedStrategy<Address> {
    prop_oneof![
        "\\+[0-9]{5,15}".prop_map(Address::Msisdn),
        "[0-9]{7,12}".prop_map(Address::Msisdn),
        "[1-9][0-9]{2,5}".prop_map(Address::ShortCode),
        "[a-z]{1,8}@[a-z]{1,8}\\.example".prop_map(Address::Email),
        "#?[A-Z][a-zA-Z ]{0,8}[a-z]".prop_map(|text| Address::Other { text, kind: None }),
        "10\\.0\\.[0-9]\\.1".prop_map(|text| Address::Other { text, kind: Some("IPv4".into()) }),
    ]
    .boxed()
}

fn from() -> BoxedStrategy<From> {
    prop_oneof![Just(From::InsertAddress), address().prop_map(From::Address)].boxed()
}

fn date() -> BoxedStrategy<Timestamp> {
    (0..=i64::from(u32::MAX)).prop_map(Timestamp::from_secs).boxed()
}

fn expiry() -> BoxedStrategy<Expiry> {
    prop_oneof![
        date().prop_map(Expiry::At),
        any::<u32>().prop_map(|secs| Expiry::After(Duration::from_secs(u64::from(secs)))),
    ]
    .boxed()
}

fn class() -> BoxedStrategy<MessageClass> {
    prop_oneof![
        Just(MessageClass::Personal),
        Just(MessageClass::Advertisement),
        Just(MessageClass::Informational),
        Just(MessageClass::Auto),
        "x-[a-z]{1,10}".prop_map(MessageClass::Other),
    ]
    .boxed()
}

fn priority() -> BoxedStrategy<Priority> {
    prop_oneof![Just(Priority::Low), Just(Priority::Normal), Just(Priority::High)].boxed()
}

fn version() -> BoxedStrategy<Version> {
    (0..8_u8, 0..16_u8).prop_map(|(major, minor)| Version { major, minor }).boxed()
}

fn status() -> BoxedStrategy<u8> {
    (0x80..=0xFF_u8).boxed()
}

/// Fields that no PDU here models: unknown numbers with each form of value, and names in text.
fn extra() -> BoxedStrategy<Vec<Header>> {
    let value = prop_oneof![
        status().prop_map(|octet| vec![octet]),
        "[ -~]{1,20}".prop_map(|text| [text.as_bytes(), b"\0"].concat()),
        prop::collection::vec(any::<u8>(), 1..60).prop_map(|octets| {
            let mut value = Vec::new();
            crate::codec::wsp::put_with_length(&mut value, &octets);
            value
        }),
    ];
    let raw = (0x40..=0x7F_u8, value)
        .prop_map(|(code, value)| Header::new(HeaderName::Number(code), Value::Raw(value.into())));
    let text = ("[A-Za-z][A-Za-z-]{1,15}", "[ -~]{0,20}")
        .prop_map(|(name, text)| Header::new(HeaderName::Text(name), Value::Text(text)));
    prop::collection::vec(prop_oneof![raw.boxed(), text.boxed()], 0..4).boxed()
}

fn part_type() -> BoxedStrategy<ContentType> {
    (
        prop_oneof![
            Just("image/jpeg".to_owned()),
            Just("text/plain".to_owned()),
            Just("application/x-wsp-type-7b".to_owned()),
            "[a-z]{1,8}/[a-z]{1,8}",
        ],
        prop::option::of(prop_oneof![
            Just("utf-8".to_owned()),
            Just("iso-8859-1".to_owned()),
            Just("mib-4242".to_owned()),
            Just("x-odd".to_owned())
        ]),
        prop::option::of(text()),
        prop::option::of(token()),
        prop::collection::vec(("x-[a-z]{1,6}", text()), 0..3),
    )
        .prop_filter("multiparts have bodies of their own", |(media_type, ..)| {
            !media_type.starts_with("multipart/")
        })
        .prop_map(|(media_type, charset, name, filename, others)| ContentType {
            charset,
            name,
            filename,
            others,
            ..ContentType::new(&media_type)
        })
        .boxed()
}

fn octets() -> BoxedStrategy<Bytes> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from).boxed()
}

fn part() -> BoxedStrategy<Part> {
    (
        part_type(),
        prop::option::of("[a-zA-Z0-9.@_-]{1,20}"),
        prop::option::of(text()),
        prop::collection::vec(("x-[a-z]{1,6}", "[ -~]{1,20}"), 0..3),
        octets(),
    )
        .prop_map(|(content_type, content_id, content_location, headers, body)| Part {
            content_type,
            content_id,
            content_location,
            headers,
            body,
        })
        .boxed()
}

fn content() -> BoxedStrategy<(ContentType, Body)> {
    let multipart = (prop::option::of(token()), prop::collection::vec(part(), 0..5)).prop_map(
        |(start, parts)| {
            let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
            content_type.start = start;
            content_type.kind = Some("application/smil".into());
            (content_type, Body::Multipart(parts))
        },
    );
    let single = (part_type(), octets()).prop_map(|(kind, body)| (kind, Body::Single(body)));
    prop_oneof![multipart, single].boxed()
}

fn addresses() -> BoxedStrategy<Vec<Address>> {
    prop::collection::vec(address(), 0..4).boxed()
}

fn flag() -> BoxedStrategy<Option<bool>> {
    any::<Option<bool>>().boxed()
}

prop_compose! {
    fn any_send_req()(
        (transaction_id, version, date, from) in (token(), version(), prop::option::of(date()), from()),
        (to, cc, bcc) in (addresses(), addresses(), addresses()),
        subject in prop::option::of(text()),
        message_class in prop::option::of(class()),
        (expiry, delivery_time) in (prop::option::of(expiry()), prop::option::of(expiry())),
        priority in prop::option::of(priority()),
        (sender_visibility_hide, delivery_report, read_report) in (flag(), flag(), flag()),
        extra in extra(),
        (content_type, body) in content(),
    ) -> SendReq {
        SendReq {
            transaction_id, version, date, from, to, cc, bcc, subject, message_class, expiry,
            delivery_time, priority, sender_visibility_hide, delivery_report, read_report, extra,
            content_type, body,
        }
    }
}

prop_compose! {
    fn any_retrieve_conf()(
        (transaction_id, version, message_id) in
            (prop::option::of(token()), version(), prop::option::of(token())),
        (date, from) in (prop::option::of(date()), prop::option::of(from())),
        (to, cc) in (addresses(), addresses()),
        subject in prop::option::of(text()),
        message_class in prop::option::of(class()),
        priority in prop::option::of(priority()),
        (delivery_report, read_report) in (flag(), flag()),
        retrieve_status in prop::option::of(status().prop_map(RetrieveStatus)),
        retrieve_text in prop::option::of(text()),
        extra in extra(),
        (content_type, body) in content(),
    ) -> RetrieveConf {
        RetrieveConf {
            transaction_id, version, message_id, date, from, to, cc, subject, message_class,
            priority, delivery_report, read_report, retrieve_status, retrieve_text, extra,
            content_type, body,
        }
    }
}

prop_compose! {
    fn any_notification_ind()(
        (transaction_id, version, content_location) in (token(), version(), token()),
        from in prop::option::of(from()),
        subject in prop::option::of(text()),
        delivery_report in flag(),
        message_class in prop::option::of(class()),
        priority in prop::option::of(priority()),
        message_size in any::<Option<u64>>(),
        expiry in prop::option::of(expiry()),
        extra in extra(),
    ) -> NotificationInd {
        NotificationInd {
            transaction_id, version, from, subject, delivery_report, message_class, priority,
            message_size, expiry, content_location, extra,
        }
    }
}

prop_compose! {
    fn any_read_ind()(
        (version, message_id, to) in (version(), token(), addresses()),
        (from, date) in (prop::option::of(from()), prop::option::of(date())),
        (read_status, extra) in (status().prop_map(ReadStatus), extra()),
    ) -> ReadRecInd {
        ReadRecInd { version, message_id, to, from, date, read_status, extra }
    }
}

fn any_small_pdu() -> BoxedStrategy<Pdu> {
    let send_conf = (
        prop::option::of(token()),
        version(),
        status(),
        prop::option::of(text()),
        prop::option::of(token()),
        extra(),
    )
        .prop_map(|(transaction_id, version, status, response_text, message_id, extra)| {
            Pdu::SendConf(SendConf {
                transaction_id,
                version,
                response_status: ResponseStatus(status),
                response_text,
                message_id,
                extra,
            })
        });
    let notify_resp = (token(), version(), status(), flag(), extra()).prop_map(
        |(transaction_id, version, status, report_allowed, extra)| {
            let status = MmsStatus(status);
            Pdu::NotifyRespInd(NotifyRespInd {
                transaction_id,
                version,
                status,
                report_allowed,
                extra,
            })
        },
    );
    let acknowledge = (token(), version(), flag(), extra()).prop_map(
        |(transaction_id, version, report_allowed, extra)| {
            Pdu::AcknowledgeInd(AcknowledgeInd { transaction_id, version, report_allowed, extra })
        },
    );
    let delivery = (version(), token(), addresses(), prop::option::of(date()), status(), extra())
        .prop_map(|(version, message_id, to, date, status, extra)| {
            let status = MmsStatus(status);
            Pdu::DeliveryInd(DeliveryInd { version, message_id, to, date, status, extra })
        });
    prop_oneof![
        send_conf.boxed(),
        notify_resp.boxed(),
        acknowledge.boxed(),
        delivery.boxed(),
        any_notification_ind().prop_map(Pdu::NotificationInd).boxed(),
        any_read_ind().prop_map(Pdu::ReadRecInd).boxed(),
        any_read_ind().prop_map(Pdu::ReadOrigInd).boxed(),
    ]
    .boxed()
}

fn any_pdu() -> BoxedStrategy<Pdu> {
    prop_oneof![
        any_send_req().prop_map(Pdu::SendReq).boxed(),
        any_retrieve_conf().prop_map(Pdu::RetrieveConf).boxed(),
        any_small_pdu(),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn every_pdu_survives_a_round_trip_without_warning(pdu in any_pdu()) {
        let octets = pdu.encode();
        let decoded = decode(&octets).unwrap();
        prop_assert_eq!(&decoded.value, &pdu);
        prop_assert!(decoded.warnings.iter().all(|warning| !warning.understood || warning.text.contains("reserved")));
    }

    #[test]
    fn every_cut_of_a_pdu_gives_a_value_or_an_error(pdu in any_pdu(), at in any::<prop::sample::Index>()) {
        let octets = pdu.encode();
        let _ = decode(&octets.slice(..at.index(octets.len())));
    }

    #[test]
    fn what_is_decoded_from_a_damaged_pdu_is_stable(
        pdu in any_pdu(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut octets = pdu.encode().to_vec();
        for (at, octet) in damage {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok(first) = decode(&Bytes::from(octets)) {
            // What was read can be written and is still a PDU of the same kind.
            let again = decode(&first.value.encode()).unwrap();
            prop_assert_eq!(again.value.name(), first.value.name());
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&Bytes::from(octets));
    }

    #[test]
    fn arbitrary_octets_behind_a_message_type_never_panic(
        kind in 0x80..=0x88_u8,
        octets in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = decode(&Bytes::from([&[0x8C, kind][..], &octets].concat()));
    }
}
