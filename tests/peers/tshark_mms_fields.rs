//! Every header field of MMS in every form of its value (OMA-TS-MMS_ENC-V1_3 clause 7.3): the
//! octets that we write are those worked out by hand, tshark gives the field the same name and
//! value, and finds its end where it is.
//!
//! tshark 4.0 knows the values of the fields up to 0x21, the names of those up to 0x33 (it shows
//! these as not decoded), and of later ones the extent.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::{
    ElementDescriptor, Expiry, Field, Form, Generic, Header, HeaderName, Value, Version, field,
    message_type,
};
use mm1gate::model::Timestamp;

use crate::pdml::Item;
use crate::pdus::DATE;
use crate::tshark;

/// The last field whose name tshark has.
const LAST_NAMED: u8 = 0x33;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn encoded(text: &str) -> Value {
    Value::Encoded(text.into())
}

fn address(text: &str) -> Value {
    Value::Address(text.into())
}

fn after(seconds: u64) -> Value {
    Value::Time(Expiry::After(Duration::from_secs(seconds)))
}

fn at(seconds: i64) -> Value {
    Value::Time(Expiry::At(Timestamp::from_secs(seconds)))
}

fn counted(count: u64, value: Value) -> Value {
    Value::Counted { count, value: Box::new(value) }
}

fn flags(operation: u8, keyword: &str) -> Value {
    Value::MmFlags { operation, keyword: keyword.into() }
}

fn element(reference: &str, parameters: &[(&str, &str)]) -> Value {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Value::ElementDescriptor(Box::new(ElementDescriptor {
        content_reference: reference.into(),
        parameters: parameters.iter().map(own).collect(),
    }))
}

/// An M-Acknowledge.ind, which has no field of its own that another could disturb.
fn pdu(headers: Vec<Header>) -> Bytes {
    let first = [
        Header::new(field::TRANSACTION_ID, text("T")),
        Header::new(field::MMS_VERSION, Value::Version(Version::V1_2)),
    ];
    let headers = first.into_iter().chain(headers).collect();
    Generic { message_type: message_type::ACKNOWLEDGE_IND, headers, content: None }.encode()
}

/// The fields behind the first three.
fn fields(tree: &Item) -> &[Item] {
    let (first, rest) = tree.items.split_at(3);
    let names: Vec<&str> = first.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["mmse.message_type", "mmse.transaction_id", "mmse.mms_version"]);
    rest
}

/// A field, a value, its octets by hand with the field's number, and the line of tshark.
type Row = (&'static Field, Value, &'static str, &'static str);

// A table is read by its columns.
#[rustfmt::skip]
fn rows() -> Vec<Row> {
    let long = "x".repeat(28);
    vec![
        (field::BCC, address("+4477/TYPE=PLMN"), "81 2b34343737 2f545950453d504c4d4e 00", "Bcc: +4477/TYPE=PLMN"),
        (field::CC, address("a@b"), "82 614062 00", "Cc: a@b"),
        (field::CONTENT_LOCATION, text("http://a/b"), "83 687474703a2f2f612f62 00", "X-Mms-Content-Location: http://a/b"),
        (field::DATE, Value::Date(DATE), "85 04 6553f100", "Date: Nov 14, 2023 22:13:20.000000000 UTC"),
        (field::DATE, Value::Date(Timestamp::from_secs(0)), "85 01 00", "Date: Jan  1, 1970 00:00:00.000000000 UTC"),
        // Beyond 31 and 32 bits; tshark takes the last four octets of a longer integer.
        (field::DATE, Value::Date(Timestamp::from_secs(0x8000_0000)), "85 04 80000000", "Date: Jan 19, 2038 03:14:08.000000000 UTC"),
        (field::DATE, Value::Date(Timestamp::from_secs(0x1_0000_0000)), "85 05 0100000000", "Date: Jan  1, 1970 00:00:00.000000000 UTC"),
        (field::DELIVERY_REPORT, Value::Token(0x80), "86 80", "X-Mms-Delivery-Report: Yes (0x80)"),
        (field::DELIVERY_TIME, at(1_700_000_000), "87 06 80 04 6553f100", "X-Mms-Delivery-Time: Nov 14, 2023 22:13:20.000000000 UTC"),
        (field::DELIVERY_TIME, after(3600), "87 04 81 02 0e10", "X-Mms-Delivery-Time: 3600.000000000 seconds"),
        (field::EXPIRY, at(0), "88 03 80 01 00", "X-Mms-Expiry: Jan  1, 1970 00:00:00.000000000 UTC"),
        (field::EXPIRY, after(5), "88 03 81 01 05", "X-Mms-Expiry: 5.000000000 seconds"),
        (field::EXPIRY, after(604_800), "88 05 81 03 093a80", "X-Mms-Expiry: 604800.000000000 seconds"),
        (field::FROM, Value::InsertAddress, "89 01 81", "From: <insert address>"),
        (field::FROM, address("86888"), "89 07 80 3836383838 00", "From: 86888"),
        (field::FROM, Value::Address(long.clone()), "89 1e 80 78787878787878787878787878787878787878787878787878787878 00", "From: xxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (field::FROM, Value::Address(format!("{long}x")), "89 1f1f 80 7878787878787878787878787878787878787878787878787878787878 00", "From: xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (field::MESSAGE_CLASS, Value::Token(0x82), "8a 82", "X-Mms-Message-Class: Informational (0x82)"),
        (field::MESSAGE_CLASS, text("x-own"), "8a 782d6f776e 00", "X-Mms-Message-Class: x-own"),
        (field::MESSAGE_ID, text("<m@1>"), "8b 3c6d40313e 00", "Message-Id: <m@1>"),
        (field::MMS_VERSION, Value::Version(Version::V1_3), "8d 93", "X-Mms-MMS-Version: 1.3"),
        (field::MESSAGE_SIZE, Value::Integer(0), "8e 01 00", "X-Mms-Message-Size: 0"),
        (field::MESSAGE_SIZE, Value::Integer(127), "8e 01 7f", "X-Mms-Message-Size: 127"),
        (field::MESSAGE_SIZE, Value::Integer(307_200), "8e 03 04b000", "X-Mms-Message-Size: 307200"),
        (field::PRIORITY, Value::Token(0x81), "8f 81", "X-Mms-Priority: Normal (0x81)"),
        (field::READ_REPORT, Value::Token(0x81), "90 81", "X-Mms-Read-Report: No (0x81)"),
        (field::REPORT_ALLOWED, Value::Token(0x80), "91 80", "X-Mms-Report-Allowed: Yes (0x80)"),
        (field::RESPONSE_STATUS, Value::Token(0xC4), "92 c4", "Response-Status: Transient: Partial success (0xc4)"),
        (field::RESPONSE_TEXT, encoded("no"), "93 6e6f 00", "Response-Text: no"),
        (field::SENDER_VISIBILITY, Value::Token(0x80), "94 80", "Sender-Visibility: Hide (0x80)"),
        (field::STATUS, Value::Token(0x87), "95 87", "Status: Unreachable (0x87)"),
        (field::SUBJECT, encoded("Hi"), "96 4869 00", "Subject: Hi"),
        // UTF-8 is MIBenum 106, 0x6A; tshark shows its octets one by one.
        (field::SUBJECT, encoded("né"), "96 05 ea 6e c3a9 00", "Subject: n\u{FFFD}\u{FFFD}"),
        (field::SUBJECT, encoded("é"), "96 05 ea 7f c3a9 00", "Subject: \\177\u{FFFD}\u{FFFD}"),
        (field::SUBJECT, encoded("éxxxxxxxxxxxxxxxxxxxxxxxxxx"), "96 1f1f ea 7f c3a9 7878787878787878787878787878787878787878787878787878 00", "Subject: \\177\u{FFFD}\u{FFFD}xxxxxxxxxxxxxxxxxxxxxxxxxx"),
        (field::TO, address("86888"), "97 3836383838 00", "To: 86888"),
        (field::TRANSACTION_ID, text("A-1"), "98 412d31 00", "X-Mms-Transaction-ID: A-1"),
        (field::RETRIEVE_STATUS, Value::Token(0xE2), "99 e2", "X-Mms-Retrieve-Status: Permanent: Message not found (0xe2)"),
        (field::RETRIEVE_TEXT, encoded("gone"), "9a 676f6e65 00", "X-Mms-Retrieve-Text: gone"),
        (field::READ_STATUS, Value::Token(0x81), "9b 81", "X-Mms-Read-Status: Deleted without being read (0x81)"),
        (field::REPLY_CHARGING, Value::Token(0x83), "9c 83", "X-Mms-Reply-Charging: Accepted text only (0x83)"),
        (field::REPLY_CHARGING_DEADLINE, after(256), "9d 04 81 02 0100", "X-Mms-Reply-Charging-Deadline: 256.000000000 seconds"),
        (field::REPLY_CHARGING_DEADLINE, at(256), "9d 04 80 02 0100", "X-Mms-Reply-Charging-Deadline: Jan  1, 1970 00:04:16.000000000 UTC"),
        (field::REPLY_CHARGING_ID, text("r1"), "9e 7231 00", "X-Mms-Reply-Charging-Id: r1"),
        (field::REPLY_CHARGING_SIZE, Value::Integer(102_400), "9f 03 019000", "X-Mms-Reply-Charging-Size: 102400"),
        (field::PREVIOUSLY_SENT_BY, counted(1, address("+4477/TYPE=PLMN")), "a0 11 81 2b34343737 2f545950453d504c4d4e 00", "+4477/TYPE=PLMN (Forwarded-count=1)"),
        (field::PREVIOUSLY_SENT_BY, counted(300, address("a@b")), "a0 07 02012c 614062 00", "a@b (Forwarded-count=300)"),
        (field::PREVIOUSLY_SENT_DATE, counted(2, Value::Date(DATE)), "a1 06 82 04 6553f100", "Nov 14, 2023 22:13:20.000000000 UTC (Forwarded-count=2)"),
        (field::STORE, Value::Token(0x80), "a2 80", "X-Mms-Store: <Well-known value 0x80> (not decoded)"),
        (field::MM_STATE, Value::Token(0x84), "a3 84", "X-Mms-MM-State: <Well-known value 0x84> (not decoded)"),
        (field::MM_FLAGS, flags(0x81, "x"), "a4 03 81 78 00", "X-Mms-MM-Flags: <Value in general form> (not decoded)"),
        (field::MM_FLAGS, flags(0x82, "é"), "a4 07 82 05 ea 7f c3a9 00", "X-Mms-MM-Flags: <Value in general form> (not decoded)"),
        (field::STORE_STATUS, Value::Token(0xE4), "a5 e4", "X-Mms-Store-Status: <Well-known value 0xe4> (not decoded)"),
        (field::STORE_STATUS_TEXT, encoded("full"), "a6 66756c6c 00", "X-Mms-Store-Status-Text: full (Not decoded)"),
        (field::STORE_STATUS_TEXT, encoded("né"), "a6 05 ea 6e c3a9 00", "X-Mms-Store-Status-Text: <Value in general form> (not decoded)"),
        (field::STORED, Value::Token(0x81), "a7 81", "X-Mms-Stored: <Well-known value 0x81> (not decoded)"),
        (field::ATTRIBUTES, Value::FieldName(HeaderName::Known(field::SUBJECT)), "a8 96", "X-Mms-Attributes: <Well-known value 0x96> (not decoded)"),
        (field::ATTRIBUTES, Value::FieldName(HeaderName::Text("X-Own".into())), "a8 582d4f776e 00", "X-Mms-Attributes: X-Own (Not decoded)"),
        (field::TOTALS, Value::Token(0x80), "a9 80", "X-Mms-Totals: <Well-known value 0x80> (not decoded)"),
        (field::MBOX_TOTALS, Value::Totals { unit: 0x80, amount: 5 }, "aa 02 80 85", "X-Mms-Mbox-Totals: <Value in general form> (not decoded)"),
        (field::MBOX_TOTALS, Value::Totals { unit: 0x81, amount: 65_536 }, "aa 05 81 03 010000", "X-Mms-Mbox-Totals: <Value in general form> (not decoded)"),
        (field::QUOTAS, Value::Token(0x81), "ab 81", "X-Mms-Quotas: <Well-known value 0x81> (not decoded)"),
        (field::MBOX_QUOTAS, Value::Totals { unit: 0x81, amount: 128 }, "ac 03 81 01 80", "X-Mms-Mbox-Quotas: <Value in general form> (not decoded)"),
        (field::MESSAGE_COUNT, Value::Integer(3), "ad 83", "X-Mms-Message-Count: <Well-known value 0x83> (not decoded)"),
        (field::MESSAGE_COUNT, Value::Integer(128), "ad 01 80", "X-Mms-Message-Count: <Value in general form> (not decoded)"),
        (field::START, Value::Integer(0), "af 80", "X-Mms-Start: <Well-known value 0x80> (not decoded)"),
        (field::DISTRIBUTION_INDICATOR, Value::Token(0x81), "b1 81", "X-Mms-Distribution-Indicator: <Well-known value 0x81> (not decoded)"),
        (field::ELEMENT_DESCRIPTOR, element("cid:1", &[]), "b2 06 6369643a31 00", "X-Mms-Element-Descriptor: <Value in general form> (not decoded)"),
        (field::ELEMENT_DESCRIPTOR, element("a", &[("type", "image/jpeg")]), "b2 04 61 00 82 9e", "X-Mms-Element-Descriptor: <Value in general form> (not decoded)"),
        (field::LIMIT, Value::Integer(10), "b3 8a", "X-Mms-Limit: <Well-known value 0x8a> (not decoded)"),
        (field::RECOMMENDED_RETRIEVAL_MODE, Value::Token(0x80), "b4 80", "Unknown field (0xb4): <Well-known value 0x80> (not decoded)"),
        (field::RECOMMENDED_RETRIEVAL_MODE_TEXT, encoded("by hand"), "b5 62792068616e64 00", "Unknown field (0xb5): by hand (Not decoded)"),
        (field::STATUS_TEXT, encoded("né"), "b6 05 ea 6e c3a9 00", "Unknown field (0xb6): <Value in general form> (not decoded)"),
        (field::APPLIC_ID, text("a.b"), "b7 612e62 00", "Unknown field (0xb7): a.b (Not decoded)"),
        (field::REPLY_APPLIC_ID, text("r"), "b8 72 00", "Unknown field (0xb8): r (Not decoded)"),
        (field::AUX_APPLIC_INFO, text("i"), "b9 69 00", "Unknown field (0xb9): i (Not decoded)"),
        (field::CONTENT_CLASS, Value::Token(0x87), "ba 87", "Unknown field (0xba): <Well-known value 0x87> (not decoded)"),
        (field::DRM_CONTENT, Value::Token(0x80), "bb 80", "Unknown field (0xbb): <Well-known value 0x80> (not decoded)"),
        (field::ADAPTATION_ALLOWED, Value::Token(0x81), "bc 81", "Unknown field (0xbc): <Well-known value 0x81> (not decoded)"),
        (field::REPLACE_ID, text("m1"), "bd 6d31 00", "Unknown field (0xbd): m1 (Not decoded)"),
        (field::CANCEL_ID, text("m2"), "be 6d32 00", "Unknown field (0xbe): m2 (Not decoded)"),
        (field::CANCEL_STATUS, Value::Token(0x81), "bf 81", "Unknown field (0xbf): <Well-known value 0x81> (not decoded)"),
    ]
}

#[test]
#[ignore = "needs tshark"]
fn every_field_and_form_is_read_alike() {
    let rows = rows();
    let pdus: Vec<Bytes> = rows
        .iter()
        .map(|(field, value, ..)| pdu(vec![Header::new(*field, value.clone())]))
        .collect();
    for ((field, value, octets, line), tree) in rows.iter().zip(tshark::mms_trees(&pdus)) {
        let [found] = fields(&tree) else { panic!("{value:?}:\n{}", tree.text()) };
        let by_hand = hex::decode(octets.replace(' ', "")).expect("hexadecimal");
        assert_eq!(hex::encode(&found.octets), hex::encode(by_hand), "{}: {value:?}", field.name);
        assert_eq!(found.line(), *line, "{}: {value:?}", field.name);
    }
    // What has no row: a body follows the one, the specification does not lay out the others.
    for field in Field::all() {
        let apart = matches!(field.form, Form::ContentType | Form::Opaque);
        let apart = apart || *field == field::MESSAGE_TYPE;
        let row = rows.iter().any(|(known, ..)| known == field);
        assert!(row != apart, "{} has no row", field.name);
    }
}

#[test]
#[ignore = "needs tshark"]
fn fields_end_where_the_next_one_begins() {
    // All values in one PDU: an extent that is read otherwise spoils the next.
    let headers: Vec<Header> =
        rows().into_iter().map(|(field, value, ..)| Header::new(field, value)).collect();
    let tree = tshark::mms_trees(&[pdu(headers)]).remove(0);
    let found: Vec<&str> = fields(&tree).iter().map(Item::line).collect();
    let wanted: Vec<&str> = rows().iter().map(|(.., line)| *line).collect();
    assert_eq!(found, wanted);
}

#[test]
#[ignore = "needs tshark"]
fn fields_without_meaning_are_passed_over() {
    let raw = |octets: &'static [u8]| Value::Raw(Bytes::from_static(octets));
    let headers = vec![
        Header { name: HeaderName::Number(0x40), value: raw(b"\x80") },
        Header { name: HeaderName::Number(0x7F), value: raw(b"text\0") },
        Header { name: HeaderName::Number(0x52), value: raw(b"\x03\x01\x02\x03") },
        Header { name: HeaderName::Text("X-Own".into()), value: text("value") },
        Header { name: field::CONTENT.into(), value: raw(b"\x81") },
        Header { name: field::ADDITIONAL_HEADERS.into(), value: raw(b"\x81") },
    ];
    let tree = tshark::mms_trees(&[pdu(headers)]).remove(0);
    let found: Vec<&str> = fields(&tree).iter().map(Item::line).collect();
    let wanted = [
        "Unknown field (0xc0): <Well-known value 0x80> (not decoded)",
        "Unknown field (0xff): text (Not decoded)",
        "Unknown field (0xd2): <Value in general form> (not decoded)",
        "X-Own: value",
        "Content: <Well-known value 0x81> (not decoded)",
        "Additional-headers: <Well-known value 0x81> (not decoded)",
    ];
    assert_eq!(found, wanted);
}

/// A name without what one side leaves out of it.
fn plain(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace("unrecognised", "unrecognized");
    let name = name.trim_start_matches("x-mms-").trim_start_matches("error-");
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Words of the specification that tshark shows otherwise.
const OTHER_WORDS: &[(&Field, std::ops::RangeInclusive<u8>, &str)] = &[
    (field::RESPONSE_STATUS, 0xEB..=0xEB, "a code of MMS 1.3"),
    (field::MESSAGE_TYPE, 0x94..=0x97, "PDUs of MMS 1.3"),
];

#[test]
#[ignore = "needs tshark"]
fn every_word_is_that_of_tshark() {
    let mut codes = Vec::new();
    for field in Field::all().iter().filter(|field| field.code <= field::PREVIOUSLY_SENT_DATE.code)
    {
        codes.extend(field.tokens().iter().map(|(code, word)| (*field, *code, *word)));
    }
    assert!(codes.len() > 80, "{}", codes.len());
    let pdus: Vec<Bytes> = codes
        .iter()
        .map(|(field, code, _)| match *field == field::MESSAGE_TYPE {
            true => Generic { message_type: *code, headers: vec![], content: None }.encode(),
            // A last octet of 0x84 would be the Content-Type field to tshark.
            false => pdu(vec![
                Header::new(*field, Value::Token(*code)),
                Header::new(field::STORE, Value::Token(0x80)),
            ]),
        })
        .collect();
    let mut faults = Vec::new();
    for ((field, code, word), tree) in codes.iter().zip(tshark::mms_trees(&pdus)) {
        let at = if *field == field::MESSAGE_TYPE { 0 } else { 3 };
        let line = tree.items[at].line();
        let (name, shown) = line.split_once(": ").expect("a name and a value");
        assert_eq!(plain(name), plain(field.name), "{line}");
        let shown = shown.strip_suffix(&format!(" ({code:#04x})")).expect("the code");
        let listed = OTHER_WORDS.iter().any(|(at, codes, _)| at == field && codes.contains(code));
        if (plain(shown) == plain(word)) == listed {
            faults.push(format!("{}: ours {word}, tshark {shown}", field.name));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
#[ignore = "needs tshark"]
fn every_field_and_code_of_tshark_is_known() {
    for (field, code, word) in tshark::mms_values() {
        // Of a pair of fields for one number, the second is that of MMS 1.0, Read-Reply.
        let name = match field.as_str() {
            "message_class.id" => "message-class".to_owned(),
            other => other.replace('_', "-"),
        };
        let ours = Field::of_name(&name).unwrap_or_else(|| panic!("{field} is no field of ours"));
        let known = ours.tokens().iter().find(|(known, _)| *known == code);
        let (_, known) = known.unwrap_or_else(|| panic!("{field} {code:#x} {word} is not known"));
        assert_eq!(plain(known), plain(&word), "{field} {code:#x}");
    }
}

#[test]
#[ignore = "needs tshark"]
fn every_name_is_that_of_tshark() {
    let numbers: Vec<&Field> = Field::all().iter().copied().filter(|f| f.code >= 0x22).collect();
    let headers = numbers
        .iter()
        .map(|field| Header::new(*field, Value::Raw(Bytes::from_static(b"\x80"))))
        .collect();
    let tree = tshark::mms_trees(&[pdu(headers)]).remove(0);
    assert_eq!(fields(&tree).len(), numbers.len());
    for (field, item) in numbers.iter().zip(fields(&tree)) {
        let (name, _) = item.line().split_once(": ").expect("a name");
        let wanted = match field.code {
            0x22..=LAST_NAMED => field.name.to_owned(),
            code => format!("Unknown field ({:#04x})", code | 0x80),
        };
        assert_eq!(plain(name), plain(&wanted), "{}", field.name);
    }
}
