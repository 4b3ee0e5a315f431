//! MMS PDUs made by hand, `tests/vectors/mms`: what the field writes and how it is read.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::{
    self, Body, Expiry, From, Generic, Header, HeaderName, MessageClass, Pdu, RetrieveConf, Value,
};
use mm1gate::codec::wsp::{self, Part};
use mm1gate::codec::{DecodeError, DecodeErrorKind, Decoded, Warning};
use mm1gate::model::{Address, Timestamp};

use crate::vectors::{names, octets, places};

fn mms(name: &str) -> Decoded<Pdu> {
    mms::decode(&octets("mms", name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn mms_error(name: &str) -> DecodeError {
    mms::decode(&octets("mms", name)).unwrap_err()
}

fn notification(name: &str) -> (mms::NotificationInd, Vec<Warning>) {
    match mms(name) {
        Decoded { value: Pdu::NotificationInd(pdu), warnings } => {
            assert_eq!(
                pdu.content_location.split_once("//").map(|(scheme, _)| scheme),
                Some("http:")
            );
            (pdu, warnings)
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn retrieved(name: &str) -> (RetrieveConf, Vec<Warning>) {
    match mms(name) {
        Decoded { value: Pdu::RetrieveConf(pdu), warnings } => (pdu, warnings),
        other => panic!("{name}: {other:?}"),
    }
}

fn parts(name: &str) -> (Vec<Part>, Vec<Warning>) {
    let (pdu, warnings) = retrieved(name);
    match pdu.body {
        Body::Multipart(parts) => (parts, warnings),
        Body::Single(_) => panic!("{name}: a single part"),
    }
}

fn send_conf(name: &str) -> (mms::SendConf, Vec<Warning>) {
    match mms(name) {
        Decoded { value: Pdu::SendConf(pdu), warnings } => (pdu, warnings),
        other => panic!("{name}: {other:?}"),
    }
}

/// What is told of a vector: field and offset of each thing that was forgiven or not understood, or
/// of the error.
type Told = Result<&'static [(&'static str, usize)], (&'static str, usize)>;

/// The vectors of which something is told; of all others nothing is.
const TOLD: &[(&str, Told)] = &[
    (
        "broken-optional-field",
        Ok(&[
            ("X-Mms-Priority", 9),
            ("X-Mms-Expiry", 12),
            ("X-Mms-Message-Class", 43),
            ("X-Mms-Message-Size", 43),
        ]),
    ),
    ("content-location-absent", Err(("X-Mms-Content-Location", 0))),
    ("content-location-cut", Err(("X-Mms-Content-Location", 49))),
    ("expiry-absolute-zero", Ok(&[("X-Mms-Expiry", 42)])),
    ("expiry-relative-epoch", Ok(&[("X-Mms-Expiry", 42)])),
    ("from-charset-as-bare-number", Ok(&[("From", 12), ("From", 13), ("From", 36)])),
    ("from-empty-address", Ok(&[("From", 9)])),
    ("from-suffix-cut", Ok(&[("From", 11)])),
    (
        "headers-out-of-order",
        Ok(&[("X-Mms-Transaction-Id", 2), ("X-Mms-Message-Type", 36), ("X-Mms-Message-Size", 45)]),
    ),
    ("html-with-status-200", Err(("X-Mms-Message-Type", 0))),
    (
        "mbox-delete-conf-without-counts",
        Ok(&[("X-Mms-Content-Location", 9), ("X-Mms-Response-Status", 21)]),
    ),
    ("message-size-leading-zeros", Ok(&[("X-Mms-Message-Size", 38)])),
    ("message-type-not-first", Ok(&[("X-Mms-Message-Type", 8), ("Message-ID", 10)])),
    ("part-base64-cut", Ok(&[("content-transfer-encoding", 48)])),
    ("part-body-cut", Err(("part body", 60))),
    ("part-count-too-high", Ok(&[("multipart count", 53)])),
    ("part-disposition-without-length", Ok(&[("content-disposition", 58)])),
    ("part-headers-broken", Ok(&[("content-id", 58)])),
    ("recipients-in-several-forms", Ok(&[("To", 134)])),
    ("repeated-field", Ok(&[("X-Mms-Message-Class", 53)])),
    ("retrieve-error-without-content", Ok(&[("Content-Type", 6)])),
    ("retrieve-without-content", Ok(&[("Content-Type", 17)])),
    ("send-conf-reserved-permanent", Ok(&[("X-Mms-Response-Status", 9)])),
    ("send-conf-reserved-transient", Ok(&[("X-Mms-Response-Status", 9)])),
    (
        "send-conf-status-with-length",
        Ok(&[("X-Mms-MMS-Version", 0), ("X-Mms-Response-Status", 7), ("Message-ID", 9)]),
    ),
    ("send-conf-without-status", Err(("X-Mms-Response-Status", 0))),
    ("send-req-subject-empty", Ok(&[("Subject", 37)])),
    ("subject-byte-order-mark", Ok(&[("Subject", 9)])),
    ("subject-empty", Ok(&[("Subject", 36)])),
    ("subject-encoded-word", Ok(&[("Subject", 9)])),
    ("subject-encoded-word-empty", Ok(&[("Subject", 9), ("Subject", 9)])),
    ("subject-encoded-word-in-charset", Ok(&[("Subject", 9)])),
    ("subject-not-quoted", Ok(&[("Subject", 9)])),
    ("trailing-octets", Ok(&[("Bcc", 77), ("header field", 78)])),
    (
        "transaction-id-no-text",
        Ok(&[("X-Mms-Transaction-Id", 3), ("X-Mms-Message-Class", 42), ("X-Mms-Expiry", 42)]),
    ),
    ("type-suffix-misspelt", Ok(&[("From", 27), ("To", 48), ("To", 73)])),
    (
        "unknown-headers",
        Ok(&[
            ("header field", 8),
            ("header field", 10),
            ("header field", 16),
            ("header field", 21),
        ]),
    ),
    ("value-length-too-long", Err(("Subject", 6))),
    ("delivery-ind-transaction-id", Ok(&[("X-Mms-Transaction-Id", 2)])),
    (
        "only-what-matters",
        Ok(&[("X-Mms-Message-Class", 36), ("X-Mms-Message-Size", 36), ("X-Mms-Expiry", 36)]),
    ),
    ("retrieve-error-as-message", Ok(&[("Message-ID", 54)])),
    ("send-conf-ok-without-message-id", Ok(&[("Message-ID", 10)])),
];

/// Those of which something is not understood.
const NOT_UNDERSTOOD: [&str; 3] =
    ["broken-optional-field", "part-headers-broken", "unknown-headers"];

#[test]
fn every_oddity_is_told_by_field_and_offset() {
    let all = names("mms");
    assert!(TOLD.iter().all(|(name, _)| all.iter().any(|known| known == name)));
    for name in all {
        let expected = TOLD.iter().find(|(known, _)| *known == name).map(|(_, told)| *told);
        match (mms::decode(&octets("mms", &name)), expected.unwrap_or(Ok(&[]))) {
            (Ok(decoded), Ok(told)) => {
                assert_eq!(places(&decoded.warnings), told, "{name}: {:?}", decoded.warnings);
                let understood = decoded.warnings.iter().all(|warning| warning.understood);
                assert_eq!(!understood, NOT_UNDERSTOOD.contains(&name.as_str()), "{name}");
            }
            (Err(error), Err(place)) => assert_eq!((error.field, error.offset), place, "{name}"),
            (decoded, told) => panic!("{name}: {decoded:?}, not {told:?}"),
        }
    }
}

#[test]
fn every_pdu_of_the_field_survives_a_round_trip_and_any_cut() {
    for name in names("mms") {
        let octets = octets("mms", &name);
        for end in 0..octets.len() {
            let cut = octets.slice(..end);
            let _ = mms::decode(&cut);
            assert_eq!(mms::outline(&cut).range, 0..end, "{name}");
        }
        let refused = TOLD.iter().any(|(known, told)| *known == name && told.is_err());
        let first = match mms::decode(&octets) {
            Ok(first) => first.value,
            Err(error) => {
                assert!(refused, "{name}: {error}");
                continue;
            }
        };
        assert!(!refused, "{name}");
        let again = mms::decode(&first.encode()).unwrap();
        assert_eq!(again.value, first, "{name}");
        let list = Generic::decode(&octets).unwrap().value;
        let again = Generic::decode(&list.encode()).unwrap();
        assert_eq!(again.value, list, "{name}");
    }
}

#[test]
fn page_of_a_portal_is_told_by_its_beginning() {
    let error = mms_error("html-with-status-200").to_string();
    assert!(error.contains("no MMS PDU but text that begins \"<html><head>"), "{error}");
}

#[test]
fn transaction_id_of_any_octets_is_echoed() {
    let (pdu, _) = notification("transaction-id-no-text");
    let answer = Pdu::NotifyRespInd(mms::NotifyRespInd {
        transaction_id: pdu.transaction_id,
        version: mms::Version::V1_0,
        status: mms::MmsStatus::DEFERRED,
        report_allowed: None,
        extra: vec![],
    });
    assert_eq!(answer.encode(), &b"\x8C\x83\x98T\xE9\xFF1\0\x8D\x90\x95\x83"[..]);
}

#[test]
fn reserved_statuses_act_as_the_specification_says() {
    let class = |name| send_conf(name).0.response_status.class();
    assert_eq!(class("send-conf-reserved-transient"), mms::StatusClass::Transient);
    assert_eq!(class("send-conf-reserved-permanent"), mms::StatusClass::Permanent);
    let (poor, _) = send_conf("send-conf-lack-of-prepaid");
    assert_eq!(poor.response_status, mms::ResponseStatus::LACK_OF_PREPAID);
    assert_eq!(poor.response_text.as_deref(), Some("Top up"));
}

#[test]
fn numbers_with_odd_suffixes_stay_numbers_where_they_can() {
    let (pdu, _) = retrieved("type-suffix-misspelt");
    assert_eq!(pdu.from, Some(From::Address(Address::Msisdn("+447700900124".into()))));
    let texts: Vec<_> = pdu.to.iter().map(Address::text).collect();
    assert_eq!(texts, ["+447700900123", "+447700900126"]);
}

#[test]
fn notification_as_specified_gives_every_field_and_no_warning() {
    let (pdu, warnings) = notification("notification-plain");
    assert_eq!(warnings, []);
    assert_eq!(pdu.transaction_id, "T1");
    assert_eq!(pdu.version, mms::Version::V1_0);
    assert_eq!(pdu.from, Some(From::Address(Address::Msisdn("+447700900124".into()))));
    assert_eq!(pdu.message_class, Some(MessageClass::Personal));
    assert_eq!(pdu.message_size, Some(29_696));
    assert_eq!(pdu.expiry, Some(Expiry::After(Duration::from_secs(172_800))));
    assert_eq!(pdu.content_location, "http://mmsc.example/m?id=7");
}

#[test]
fn transaction_id_is_opaque() {
    assert_eq!(notification("transaction-id-at-sign").0.transaction_id, "0417@mmsc-2.example");
    assert_eq!(notification("transaction-id-sixty-characters").0.transaction_id.len(), 60);
}

#[test]
fn message_size_may_have_leading_zeros() {
    assert_eq!(notification("message-size-leading-zeros").0.message_size, Some(98_305));
}

#[test]
fn expiry_is_kept_raw_and_its_deadline_is_sane() {
    let received = Timestamp::from_secs(1_778_000_000);
    let epoch = notification("expiry-relative-epoch").0;
    assert_eq!(epoch.expiry, Some(Expiry::After(Duration::from_secs(0x4000_0000))));
    assert_eq!(epoch.deadline(received), received.plus(mms::MAX_VALIDITY));
    let zero = notification("expiry-absolute-zero").0;
    assert_eq!(zero.expiry, Some(Expiry::At(Timestamp::from_secs(0))));
    assert_eq!(zero.deadline(received), received.plus(mms::DEFAULT_VALIDITY));
    let absolute = notification("expiry-absolute").0;
    assert_eq!(absolute.deadline(received), Timestamp::from_secs(0x6A00_0000));
    let absent = notification("only-what-matters").0;
    assert_eq!(absent.deadline(received), received.plus(mms::DEFAULT_VALIDITY));
}

#[test]
fn sender_in_any_form_is_taken() {
    let from = |name| notification(name).0.from;
    let other = |text: &str| Address::Other { text: text.into(), kind: None };
    assert_eq!(from("only-what-matters"), None);
    assert_eq!(from("from-alphanumeric"), Some(From::Address(other("#Info"))));
    assert_eq!(from("from-short-code"), Some(From::Address(Address::ShortCode("80012".into()))));
    assert_eq!(from("from-empty-address"), None);
    let number = Address::Msisdn("+447700900124".into());
    assert_eq!(from("from-suffix-cut"), Some(From::Address(number.clone())));
    assert_eq!(from("from-charset-as-bare-number"), Some(From::Address(number)));
}

#[test]
fn content_location_to_be_completed_is_given_as_it_is() {
    let (pdu, _) = notification("content-location-to-be-completed");
    assert!(pdu.content_location.ends_with("message-id="));
}

#[test]
fn trailing_octets_are_forgiven() {
    let (pdu, warnings) = notification("trailing-octets");
    assert_eq!(pdu, notification("notification-plain").0);
    assert!(places(&warnings).iter().any(|(field, _)| *field == "Bcc"), "{warnings:?}");
}

#[test]
fn subject_is_read_in_every_form() {
    for (name, subject, forgiven) in [
        ("subject-length-quote", Some("Πρόσκληση στην έκθεση"), 0),
        ("subject-quote-octet", Some("Ура"), 0),
        ("subject-not-quoted", Some("Ура"), 1),
        ("subject-encoded-word-empty", None, 2),
        ("subject-encoded-word", Some("Re: Grüße"), 1),
        ("subject-encoded-word-in-charset", Some("Grüße"), 1),
        ("subject-byte-order-mark", Some("Hello"), 1),
        ("subject-empty", None, 1),
        ("subject-unknown-charset", Some("Hello"), 0),
        ("subject-ucs2", Some("Hé"), 0),
    ] {
        let (pdu, warnings) = notification(name);
        assert_eq!(pdu.subject.as_deref(), subject, "{name}");
        assert_eq!(warnings.len(), forgiven, "{name}: {warnings:?}");
    }
}

#[test]
fn broken_optional_fields_do_not_matter() {
    let (pdu, warnings) = notification("broken-optional-field");
    assert_eq!((pdu.priority, pdu.expiry), (None, None));
    assert_eq!(pdu.extra.len(), 2);
    assert_eq!(places(&warnings)[..2], [("X-Mms-Priority", 9), ("X-Mms-Expiry", 12)]);
}

#[test]
fn notification_without_its_essentials_is_refused() {
    let absent = mms_error("content-location-absent");
    assert_eq!(absent.field, "X-Mms-Content-Location");
    assert_eq!(absent.kind, DecodeErrorKind::MissingField);
    let cut = mms_error("content-location-cut");
    assert_eq!(cut.field, "X-Mms-Content-Location");
    assert_eq!(cut.kind, DecodeErrorKind::InvalidText);
    let long = mms_error("value-length-too-long");
    assert_eq!((long.field, long.offset), ("Subject", 6));
}

#[test]
fn order_of_fields_does_not_matter() {
    let (pdu, warnings) = notification("headers-out-of-order");
    assert_eq!((pdu.transaction_id.as_str(), warnings.len()), ("T1", 3));
}

#[test]
fn retrieved_message_without_status_is_good() {
    let (pdu, warnings) = retrieved("retrieve-plain");
    assert_eq!((pdu.retrieve_status, warnings.len(), pdu.is_suspect()), (None, 0, false));
    let (parts, _) = parts("retrieve-plain");
    assert_eq!(parts[0].text().as_deref(), Some("Hello"));
    assert_eq!(parts[0].content_location.as_deref(), Some("t.txt"));
}

#[test]
fn error_in_disguise_is_suspect() {
    let (pdu, _) = retrieved("retrieve-error-as-message");
    assert!(pdu.is_suspect());
}

#[test]
fn error_with_a_single_part_is_read() {
    let (pdu, warnings) = retrieved("retrieve-not-found-single-part");
    assert_eq!(pdu.retrieve_status, Some(mms::RetrieveStatus::MESSAGE_NOT_FOUND));
    assert_eq!(pdu.retrieve_text.as_deref(), Some("2007:Message gone"));
    assert_eq!(pdu.body, Body::Single(Bytes::from_static(b"Message gone")));
    assert_eq!(warnings, []);
}

#[test]
fn error_without_content_is_read() {
    let (pdu, warnings) = retrieved("retrieve-error-without-content");
    assert_eq!(pdu.retrieve_status, Some(mms::RetrieveStatus::TRANSIENT_NETWORK_PROBLEM));
    assert_eq!(pdu.body, Body::Multipart(vec![]));
    assert_eq!(places(&warnings), [("Content-Type", 6)]);
}

#[test]
fn message_without_content_is_shown_and_suspect() {
    let (pdu, _) = retrieved("retrieve-without-content");
    assert_eq!(pdu.body, Body::Single(Bytes::new()));
    assert!(pdu.is_suspect());
}

#[test]
fn odd_part_headers_spoil_no_body() {
    let (quoted, _) = parts("part-content-id-stray-quote");
    assert_eq!(quoted[0].content_id.as_deref(), Some("photo"));

    let (broken, warnings) = parts("part-headers-broken");
    assert_eq!(broken[0].content_id, None);
    assert_eq!(&broken[0].body[..], b"\xFF\xD8\xFF");
    assert_eq!(broken[1].text().as_deref(), Some("Hello"));
    assert_eq!(warnings.len(), 1);

    let (empty, _) = parts("part-content-id-empty");
    assert_eq!((&empty[0].content_id, &empty[0].content_location), (&None, &None));

    let (disposition, warnings) = parts("part-disposition-without-length");
    assert_eq!(disposition[0].header("content-disposition"), Some("attachment"));
    assert_eq!(disposition[0].content_location.as_deref(), Some("p.jpg"));
    assert_eq!(warnings.len(), 1);
}

#[test]
fn names_of_parts_are_found_wherever_they_are() {
    let (parts, _) = parts("part-names");
    let names: Vec<_> = parts.iter().map(|part| part.file_name().unwrap()).collect();
    assert_eq!(names, ["old.jpg", "new.jpg", "/tmp/spool/77/x.jpg"]);
    assert_eq!(parts[0].content_id.as_deref(), Some("one"));
    assert_eq!(parts[1].content_id.as_deref(), Some("two"));
}

#[test]
fn transfer_encodings_are_taken_off() {
    let (base64, _) = parts("part-base64");
    assert_eq!(&base64[0].body[..], b"\xFF\xD8\xFF\xE0\x00\x10");
    let (cut, _) = parts("part-base64-cut");
    assert_eq!(cut[0].text().as_deref(), Some("hi!"));
    let (quoted, _) = parts("part-quoted-printable");
    assert_eq!(quoted[0].text().as_deref(), Some("café"));
    assert!(quoted[0].headers.is_empty());
}

#[test]
fn first_of_nested_alternatives_is_taken() {
    let (parts, _) = parts("part-nested-alternative");
    assert_eq!(parts.len(), 2);
    let flat = wsp::flatten(&parts);
    assert_eq!(flat.len(), 2);
    assert_eq!(flat[0].text().as_deref(), Some("plain"));
    assert_eq!(flat[1].content_type.media_type.as_str(), "image/jpeg");
}

#[test]
fn parts_that_are_announced_may_be_absent_but_not_cut() {
    let (parts, warnings) = parts("part-count-too-high");
    assert_eq!((parts.len(), warnings.len()), (1, 1));
    let cut = mms_error("part-body-cut");
    assert_eq!(cut.field, "part body");
    assert_eq!(cut.kind, DecodeErrorKind::LengthExceedsInput { declared: 5 });
}

#[test]
fn recipients_in_every_form_are_taken() {
    let (pdu, _) = retrieved("recipients-in-several-forms");
    let texts: Vec<_> = pdu.to.iter().map(Address::text).collect();
    assert_eq!(
        texts,
        ["+447700900123", "00447700900125", "07700900126", "shop@example.com", "+447700900127"]
    );
}

#[test]
fn headers_that_nobody_knows_survive() {
    let (pdu, warnings) = retrieved("textual-headers");
    let application = |name: &str, text: &str| {
        Header::new(HeaderName::Text(name.into()), Value::Text(text.into()))
    };
    assert_eq!(
        pdu.extra,
        [application("Return-Path", "<a@example.com>"), application("X-Scanned-By", "scanner 1.2")]
    );
    assert_eq!(warnings, []);

    let (pdu, warnings) = retrieved("unknown-headers");
    let raw = |code: u8, octets: &'static [u8]| {
        Header::new(HeaderName::of_code(code), Value::Raw(Bytes::from_static(octets)))
    };
    assert_eq!(
        pdu.extra,
        [
            raw(0xE0, b"\x80"),
            raw(0xE1, b"text\0"),
            raw(0xE2, b"\x03abc"),
            raw(0xE3, b"\x1F\x03abc"),
            Header::new(mms::field::CONTENT_CLASS, Value::Token(0x83)),
        ]
    );
    assert_eq!(pdu.message_id.as_deref(), Some("m-1@mmsc"));
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(warnings.iter().all(|warning| !warning.understood));
}

#[test]
fn first_of_repeated_fields_counts() {
    let (pdu, warnings) = retrieved("repeated-field");
    assert_eq!(pdu.message_class, Some(MessageClass::Personal));
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].field, "X-Mms-Message-Class");
}

#[test]
fn delivery_report_with_a_transaction_id_is_read() {
    let Decoded { value: Pdu::DeliveryInd(pdu), warnings } = mms("delivery-ind-transaction-id")
    else {
        panic!("another PDU")
    };
    assert_eq!((pdu.status, pdu.message_id.as_str()), (mms::MmsStatus::RETRIEVED, "m-1@mmsc"));
    assert_eq!((pdu.extra.len(), places(&warnings)), (1, vec![("X-Mms-Transaction-Id", 2)]));
}

#[test]
fn status_alone_judges_a_submission() {
    let (accepted, _) = send_conf("send-conf-ok-without-message-id");
    assert_eq!(accepted.response_status.class(), mms::StatusClass::Ok);
    assert_eq!(accepted.message_id, None);
    let (denied, _) = send_conf("send-conf-denied-with-message-id");
    assert_eq!(denied.response_status.class(), mms::StatusClass::Permanent);
    assert_eq!(denied.response_text.as_deref(), Some("Услуга не подключена"));
    assert_eq!(denied.message_id.as_deref(), Some("m-1@mmsc"));
    let (wrapped, warnings) = send_conf("send-conf-status-with-length");
    assert_eq!(wrapped.response_status, mms::ResponseStatus::OK);
    assert_eq!(warnings.len(), 3);
    let error = mms_error("send-conf-without-status");
    assert_eq!(error.field, "X-Mms-Response-Status");
}

#[test]
fn status_codes_of_mms_1_0_are_permanent_but_for_the_network() {
    for (name, class) in [
        ("service-denied", mms::StatusClass::Permanent),
        ("format-corrupt", mms::StatusClass::Permanent),
        ("address-unresolved", mms::StatusClass::Permanent),
        ("network-problem", mms::StatusClass::Transient),
        ("content-not-accepted", mms::StatusClass::Permanent),
    ] {
        let (pdu, _) = send_conf(&format!("send-conf-1-0-{name}"));
        assert_eq!(pdu.response_status.class(), class, "{name}");
        assert!(pdu.response_status.name().ends_with(name.trim_start_matches("format-")), "{name}");
    }
}

#[test]
fn submissions_of_phones_are_read() {
    let Pdu::SendReq(pdu) = mms("send-req-to-before-from").value else { panic!("another PDU") };
    assert_eq!(pdu.from, From::InsertAddress);
    assert_eq!(pdu.content_type.start.as_deref(), Some("smil.xml"));
    assert_eq!(pdu.content_type.kind.as_deref(), Some("application/smil"));
    let Pdu::SendReq(pdu) = mms("send-req-subject-empty").value else { panic!("another PDU") };
    assert_eq!(pdu.subject, None);
    let octets = Pdu::SendReq(pdu).encode();
    assert!(!octets.contains(&0x96), "the empty subject is written");
}
