//! The hand-made PDUs of `tests/vectors/mms`, each with an oddity of the field, beside tshark's
//! dissection: identifiers, times, sizes, statuses, recipients and parts are the same in what we
//! decode. What tshark reads otherwise is listed with the reason, and so is what it calls malformed.

use std::collections::BTreeSet;

use mm1gate::codec::mms::{self, Body, Expiry, Generic, Header, Value, field};

use crate::pdml::Item;
use crate::support::vectors;
use crate::tshark::{mms_packets, mms_remarks, mms_tree};

/// Vectors on which tshark remarks, and why.
const REMARKED: &[(&str, &str)] = &[
    ("content-location-cut", "the text has no end"),
    ("html-with-status-200", "no PDU"),
    ("mbox-delete-conf-without-counts", "it reads no value of this PDU"),
    ("message-type-not-first", "it takes what comes first for the type"),
    ("part-content-id-empty", "the quotation mark alone is taken for the closing one"),
    ("part-content-id-stray-quote", "a Quoted-string has no closing mark"),
    ("part-count-too-high", "the parts that are announced are missing"),
    ("part-disposition-without-length", "the value has no form"),
    ("part-headers-broken", "the text has no end"),
    ("part-names", "a Content-ID that is no Quoted-string"),
    ("send-conf-1-0-address-unresolved", "a last octet 0x84 is taken for the Content-Type field"),
    ("send-conf-status-with-length", "the length of the status is taken for it"),
    ("trailing-octets", "octets that are no field"),
    ("value-length-too-long", "a length beyond the end"),
];

/// Vectors that tshark reads otherwise: the name, the field or `*` for several, and why.
const READ_OTHERWISE: &[(&str, &str, &str)] = &[
    ("broken-optional-field", "mmse.expiry.rel", "every token but absolute is relative to it"),
    ("delete-conf", "*", "a PDU of 1.3: it takes the counted values for plain ones"),
    ("headers-out-of-order", "*", "it takes what comes first for the type"),
    ("mbox-delete-conf", "*", "it does not read counted values"),
    ("message-type-not-first", "*", "it takes what comes first for the type"),
    ("part-headers-broken", "wsp.multipart", "it stops at the headers that cannot be read"),
    ("send-conf-status-with-length", "mmse.response_status", "the length is the status to it"),
];

/// Vectors that are an error to us, and why: nothing is compared.
const ERRORS: &[(&str, &str)] =
    &[("html-with-status-200", "no PDU"), ("part-body-cut", "the body did not arrive whole")];

/// What is compared of one PDU: fields by tshark's name, each with its values in order.
type Facts = Vec<(&'static str, Vec<String>)>;

/// Fields that are compared, by tshark's name.
const FIELDS: &[(&str, &field::Field)] = &[
    ("mmse.transaction_id", field::TRANSACTION_ID),
    ("mmse.content_location", field::CONTENT_LOCATION),
    ("mmse.message_id", field::MESSAGE_ID),
    ("mmse.response_status", field::RESPONSE_STATUS),
    ("mmse.retrieve_status", field::RETRIEVE_STATUS),
    ("mmse.status", field::STATUS),
    ("mmse.read_status", field::READ_STATUS),
    ("mmse.message_size", field::MESSAGE_SIZE),
    ("mmse.expiry.rel", field::EXPIRY),
    ("mmse.to", field::TO),
    ("mmse.cc", field::CC),
    ("mmse.priority", field::PRIORITY),
    ("mmse.delivery_report", field::DELIVERY_REPORT),
    ("mmse.mms_version", field::MMS_VERSION),
];

fn ours(pdu: &Generic) -> Facts {
    let mut facts: Facts = vec![("mmse.message_type", vec![format!("{:#04x}", pdu.message_type)])];
    for (name, field) in FIELDS {
        let values = pdu.headers.iter().filter(|header| header.name.field() == Some(field));
        facts.push((name, values.filter_map(shown).collect()));
    }
    let parts = match &pdu.content {
        Some(mms::Content { body: Body::Multipart(parts), .. }) => parts.len(),
        _ => 0,
    };
    facts.push(("wsp.multipart", (1..=parts).map(|number| number.to_string()).collect()));
    facts
}

/// A value as tshark shows it.
fn shown(header: &Header) -> Option<String> {
    Some(match &header.value {
        // An octet that is no text is one replacement character to tshark.
        Value::Text(text) => String::from_utf8_lossy(&mms::wire_octets(text)).into_owned(),
        Value::Encoded(text) | Value::Address(text) => text.clone(),
        Value::Token(code) => format!("{code:#04x}"),
        Value::Integer(number) => number.to_string(),
        Value::Version(version) => format!("{}.{}", version.major, version.minor),
        Value::Time(Expiry::After(delay)) => format!("{}.000000000", delay.as_secs()),
        _ => return None,
    })
}

fn theirs(tree: &Item) -> Facts {
    // A description of a message inside a body is a PDU of its own.
    let values = |name: &str| {
        let fields = tree.items.iter().filter(|item| item.name == name);
        fields.map(|item| item.show.clone()).collect()
    };
    let names = ["mmse.message_type"].into_iter().chain(FIELDS.iter().map(|(name, _)| *name));
    let mut facts: Facts = names.map(|name| (name, values(name))).collect();
    let parts = tree.shows("wsp.multipart").into_iter().map(str::to_owned);
    facts.push(("wsp.multipart", parts.collect()));
    facts
}

#[test]
#[ignore = "needs tshark"]
fn vectors_mean_the_same_to_tshark() {
    let names = vectors::names("mms");
    let octets: Vec<_> = names.iter().map(|name| vectors::octets("mms", name)).collect();
    let packets = mms_packets(&octets);
    let mut faults = Vec::new();
    let mut met = BTreeSet::new();
    let mut compared = 0;
    for ((name, octets), packet) in names.iter().zip(&octets).zip(&packets) {
        let remarks = mms_remarks(packet);
        if remarks.is_empty() == REMARKED.iter().any(|(known, _)| known == name) {
            faults.push(format!("{name}: tshark remarks {remarks:?}"));
        }
        let decoded = match Generic::decode(octets) {
            Ok(decoded) => decoded,
            Err(error) => {
                if !ERRORS.iter().any(|(known, _)| known == name) {
                    faults.push(format!("{name}: {error}"));
                }
                continue;
            }
        };
        compared += 1;
        for ((field, ours), (_, theirs)) in
            ours(&decoded.value).into_iter().zip(theirs(mms_tree(packet)))
        {
            if ours == theirs {
                continue;
            }
            let listed = READ_OTHERWISE
                .iter()
                .position(|(known, at, _)| known == name && (*at == field || *at == "*"));
            match listed {
                Some(entry) => {
                    met.insert(entry);
                }
                None => faults.push(format!("{name}: {field}: ours {ours:?}, tshark {theirs:?}")),
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(compared > 50, "only {compared} vectors compared");
    let idle: Vec<_> = (0..READ_OTHERWISE.len()).filter(|entry| !met.contains(entry)).collect();
    assert!(idle.is_empty(), "entries that do not differ: {idle:?}");
}
