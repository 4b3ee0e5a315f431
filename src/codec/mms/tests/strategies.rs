//! Any PDU of OMA-TS-MMS_ENC-V1_3 with any of its fields, for property tests.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::message_type as kind;
use super::super::*;
use crate::codec::wsp::{ContentType, Part};
use crate::model::Timestamp;

fn token() -> BoxedStrategy<String> {
    "[!-~]{1,40}".boxed()
}

/// Text without NUL, and without the byte order marks that say nothing in front of one: of any script,
/// with encoded words that are none, and long.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        8 => "[^\0\u{FEFF}]{1,30}",
        1 => "[ -~]{0,10}=\\?utf-8\\?[BQ]\\?[a-zA-Z0-9=]{0,8}\\?=[ -~]{0,10}",
        1 => ("[^\0\u{FEFF}]{1,9}", 1..4000_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
    .boxed()
}

/// Text of an identifier.
fn wire() -> BoxedStrategy<String> {
    prop_oneof![4 => token(), 1 => "[^\0\u{EF80}-\u{EFFF}]{1,30}"].boxed()
}

fn address() -> BoxedStrategy<String> {
    prop_oneof![
        "\\+[0-9]{5,15}/TYPE=PLMN",
        "[0-9]{3,12}",
        "[a-z]{1,8}@[a-z]{1,8}\\.example",
        "#?[A-Z][a-zA-Z ]{0,8}[a-z]",
        "10\\.0\\.[0-9]\\.1/TYPE=IPv4",
        "[a-z]{1,4}[^\0\u{FEFF}]{0,8}[a-z]",
    ]
    .boxed()
}

fn date() -> BoxedStrategy<Timestamp> {
    prop_oneof![0..=i64::from(u32::MAX), 0..=i64::MAX / 1000].prop_map(Timestamp::from_secs).boxed()
}

fn number() -> BoxedStrategy<u64> {
    prop_oneof![0..300_u64, any::<u64>()].boxed()
}

fn code_of(field: &'static Field) -> BoxedStrategy<u8> {
    let codes: Vec<u8> = field.tokens().iter().map(|(code, _)| *code).collect();
    select(codes).boxed()
}

fn counted(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    (number(), value)
        .prop_map(|(count, value)| Value::Counted { count, value: Box::new(value) })
        .boxed()
}

fn element() -> BoxedStrategy<ElementDescriptor> {
    let parameter = prop_oneof![
        "[a-z]{1,8}/[a-z]{1,8}".prop_map(|value| ("type".to_owned(), value)),
        Just(("type".to_owned(), "image/jpeg".to_owned())),
        ("x[a-z]{1,8}", wire()),
    ];
    (wire(), prop::collection::vec(parameter, 0..4))
        .prop_map(|(content_reference, parameters)| ElementDescriptor {
            content_reference,
            parameters,
        })
        .boxed()
}

/// A value that the field can have, each code one that the specification names.
pub(super) fn value_of(field: &'static Field) -> BoxedStrategy<Value> {
    match field.form {
        Form::Text => wire().prop_map(Value::Text).boxed(),
        Form::Encoded => text().prop_map(Value::Encoded).boxed(),
        Form::Address => address().prop_map(Value::Address).boxed(),
        Form::From => {
            prop_oneof![Just(Value::InsertAddress), address().prop_map(Value::Address)].boxed()
        }
        Form::YesNo | Form::Token => code_of(field).prop_map(Value::Token).boxed(),
        Form::MessageClass => prop_oneof![
            code_of(field).prop_map(Value::Token),
            "x-[a-z]{1,10}".prop_map(Value::Text)
        ]
        .boxed(),
        Form::Version => {
            (0x80..=0xFF_u8).prop_map(|octet| Value::Version(Version::of_octet(octet))).boxed()
        }
        Form::Date => date().prop_map(Value::Date).boxed(),
        // Others are odd, though they survive.
        Form::Time => prop_oneof![
            (946_684_800..=i64::MAX / 1000)
                .prop_map(|secs| Value::Time(Expiry::At(Timestamp::from_secs(secs)))),
            (0..=MAX_VALIDITY.as_secs())
                .prop_map(|secs| Value::Time(Expiry::After(Duration::from_secs(secs)))),
        ]
        .boxed(),
        Form::Long | Form::Integer => number().prop_map(Value::Integer).boxed(),
        Form::PreviouslySentBy => counted(address().prop_map(Value::Address)),
        Form::PreviouslySentDate => counted(date().prop_map(Value::Date)),
        Form::MmFlags => (code_of(field), text())
            .prop_map(|(operation, keyword)| Value::MmFlags { operation, keyword })
            .boxed(),
        Form::Totals => (code_of(field), number())
            .prop_map(|(unit, amount)| Value::Totals { unit, amount })
            .boxed(),
        Form::FieldName => prop_oneof![
            (1..=0x3F_u8).prop_map(|code| Value::FieldName(HeaderName::of_code(code))),
            "[A-Za-z][A-Za-z-]{0,20}".prop_map(|name| Value::FieldName(HeaderName::Text(name))),
        ]
        .boxed(),
        Form::ElementDescriptor => {
            element().prop_map(|value| Value::ElementDescriptor(Box::new(value))).boxed()
        }
        Form::ContentType | Form::Opaque => Just(Value::Raw(Bytes::from_static(&[0x80]))).boxed(),
    }
}

/// The fields that stand in a list of headers and have a form.
pub(super) fn listed() -> Vec<&'static Field> {
    let apart = [field::MESSAGE_TYPE, field::CONTENT_TYPE];
    let has_form = |field: &&&Field| field.form != Form::Opaque && !apart.contains(*field);
    Field::all().iter().filter(has_form).copied().collect()
}

/// The mandatory fields of a PDU, and whether it must, may or cannot have a body.
pub(super) fn needs(message_type: u8) -> (Vec<&'static Field>, Option<bool>) {
    let id = field::TRANSACTION_ID;
    match message_type {
        kind::SEND_REQ | kind::MBOX_UPLOAD_REQ => (vec![id], Some(true)),
        kind::SEND_CONF | kind::FORWARD_CONF => (vec![field::RESPONSE_STATUS], None),
        kind::MBOX_VIEW_CONF => (vec![field::RESPONSE_STATUS], Some(false)),
        kind::NOTIFICATION_IND
        | kind::FORWARD_REQ
        | kind::MBOX_STORE_REQ
        | kind::MBOX_DELETE_REQ
        | kind::DELETE_REQ => (vec![id, field::CONTENT_LOCATION], None),
        kind::NOTIFYRESP_IND => (vec![id, field::STATUS], None),
        kind::RETRIEVE_CONF => (vec![], Some(true)),
        kind::ACKNOWLEDGE_IND | kind::MBOX_VIEW_REQ => (vec![id], None),
        kind::DELIVERY_IND => (vec![field::MESSAGE_ID, field::STATUS], None),
        kind::READ_REC_IND | kind::READ_ORIG_IND => {
            (vec![field::MESSAGE_ID, field::READ_STATUS], None)
        }
        kind::MBOX_STORE_CONF | kind::MBOX_UPLOAD_CONF => (vec![field::STORE_STATUS], None),
        kind::MBOX_DELETE_CONF | kind::DELETE_CONF => (vec![field::RESPONSE_STATUS], None),
        kind::MBOX_DESCR => (vec![], Some(false)),
        kind::CANCEL_REQ => (vec![id, field::CANCEL_ID], None),
        kind::CANCEL_CONF => (vec![id, field::CANCEL_STATUS], None),
        other => panic!("no PDU has the type {other:#x}"),
    }
}

fn header(message_type: u8, field: &'static Field) -> BoxedStrategy<Header> {
    let counting = [field::CONTENT_LOCATION, field::RESPONSE_STATUS, field::RESPONSE_TEXT];
    let value = if fields::counts_in(message_type) && counting.contains(&field) {
        counted(value_of(field))
    } else if field == field::CONTENT_LOCATION {
        // A notification takes blanks off its ends.
        wire().prop_map(|text| Value::Text(format!("http://{text}/"))).boxed()
    } else {
        value_of(field)
    };
    value.prop_map(move |value| Header::new(field, value)).boxed()
}

/// Fields that may stand several times in every PDU that has them.
const REPEATED: [&Field; 6] =
    [field::TO, field::CC, field::BCC, field::MM_FLAGS, field::ATTRIBUTES, field::MBOX_TOTALS];

fn application_header() -> BoxedStrategy<Header> {
    (
        "[A-Za-z][A-Za-z-]{1,15}",
        prop_oneof![Just(String::new()), "[ -~][^\0\u{EF80}-\u{EFFF}]{0,20}"],
    )
        .prop_map(|(name, text)| Header::new(HeaderName::Text(name), Value::Text(text)))
        .boxed()
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
        prop::option::of(plain()),
        prop::option::of(token()),
        prop::collection::vec(("x-[a-z]{1,6}", plain()), 0..3),
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

/// Octets of a body.
fn octets() -> BoxedStrategy<Bytes> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from).boxed()
}

fn part() -> BoxedStrategy<Part> {
    (
        part_type(),
        prop::option::of("[a-zA-Z0-9.@_-]{1,20}"),
        prop::option::of(plain()),
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

/// Text of a content type, whose forms are tested where they are read.
fn plain() -> BoxedStrategy<String> {
    "[^\0\u{FEFF}]{1,30}".boxed()
}

fn content() -> BoxedStrategy<Content> {
    let multipart = (prop::option::of(token()), prop::collection::vec(part(), 0..5)).prop_map(
        |(start, parts)| {
            let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
            content_type.start = start;
            content_type.kind = Some("application/smil".into());
            Content { content_type, body: Body::Multipart(parts) }
        },
    );
    let single = (part_type(), octets())
        .prop_map(|(content_type, body)| Content { content_type, body: Body::Single(body) });
    prop_oneof![multipart, single].boxed()
}

/// A PDU of this type: what it must have, any other fields, and fields named by text.
pub(super) fn pdu_of(message_type: u8) -> BoxedStrategy<Pdu> {
    let (mandatory, body) = needs(message_type);
    let others: Vec<_> = listed().into_iter().filter(|field| !mandatory.contains(field)).collect();
    let mandatory: Vec<_> =
        mandatory.into_iter().map(|field| header(message_type, field)).collect();
    let chosen = prop::sample::subsequence(others, 0..12);
    let any = chosen.prop_flat_map(move |fields| {
        fields.into_iter().map(|field| header(message_type, field)).collect::<Vec<_>>()
    });
    let again = prop::collection::vec(select(&REPEATED[..]), 0..3).prop_flat_map(move |fields| {
        fields.into_iter().map(|field| header(message_type, field)).collect::<Vec<_>>()
    });
    let named = prop::collection::vec(application_header(), 0..3);
    let content = match body {
        Some(true) => content().prop_map(Some).boxed(),
        Some(false) => prop::option::of(content()).boxed(),
        None => Just(None).boxed(),
    };
    (mandatory, any, again, named, content)
        .prop_map(move |(mandatory, any, again, named, content)| {
            let headers = mandatory.into_iter().chain(any).chain(named).chain(again).collect();
            Pdu::from_headers(message_type, headers, content).unwrap()
        })
        .boxed()
}

/// A PDU of any type.
pub(super) fn pdu() -> BoxedStrategy<Pdu> {
    (kind::SEND_REQ..=kind::CANCEL_CONF).prop_flat_map(pdu_of).boxed()
}
