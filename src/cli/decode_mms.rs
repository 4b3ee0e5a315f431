//! MMS PDUs as `decode` tells them (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7).

use std::ops::Range;

use bytes::Bytes;
use serde_json::Value;

use super::decode_fields;
use super::decode_report::{PartReport, Report, View, add_value, place_in};
use crate::codec::mms::{self, Body, Field, Generic, Header, Pdu, field};
use crate::codec::wsp::{ContentType, Part};
use crate::codec::{DecodeError, Decoded, smil};

/// The PDU that stands at this place, with its parts.
///
/// Header fields are told as they stand on the wire; of one that is repeated though it may not be,
/// the first, which counts. A PDU that lacks what makes it usable is told all the same, with its
/// error.
pub(super) fn report(octets: &Bytes, range: Range<usize>) -> Report {
    let base = range.start;
    let pdu = octets.slice(range);
    let decoded = mms::decode(&pdu);
    let mut report = match Generic::decode(&pdu) {
        Ok(generic) => described(generic, &decoded, &pdu),
        Err(_) => {
            let code = pdu.get(1).copied().filter(|_| super::decode_kinds::is_mms(&pdu));
            let name = code.and_then(|code| field::MESSAGE_TYPE.token_name(code));
            Report { kind: "mms", pdu: name.map(str::to_owned), ..Report::default() }
        }
    };
    match decoded {
        Ok(decoded) => report.warnings.splice(0..0, decoded.warnings).for_each(drop),
        Err(error) => report.error = Some(error.into()),
    }
    let mut report = report.shifted(base);
    let nodes = vec![mms::outline(&pdu).shifted(base)];
    report.view = Some(View { octets: octets.clone(), nodes, ..View::default() });
    report
}

fn described(
    generic: Decoded<Generic>,
    decoded: &Result<Decoded<Pdu>, DecodeError>,
    octets: &Bytes,
) -> Report {
    let Decoded { value: generic, warnings } = generic;
    let code = generic.message_type;
    let mut report = match field::MESSAGE_TYPE.token_name(code) {
        Some(name) => Report::new("mms", name),
        None => Report { kind: "mms", ..Report::default() },
    };
    if decoded.is_err() {
        report.warnings = warnings;
    }
    for header in &generic.headers {
        let Some((name, value)) = decode_fields::told(header) else { continue };
        match header.name.field() {
            Some(field) if decode_fields::repeats(field, code) => {
                match report.headers.get_mut(&name) {
                    Some(Value::Array(list)) => list.push(value),
                    _ => {
                        report.headers.insert(name, Value::Array(vec![value]));
                    }
                }
            }
            Some(_) => {
                report.headers.entry(name).or_insert(value);
            }
            None => add_value(&mut report.headers, &name, value),
        }
    }
    // A PDU without a version is read as one of 1.0, and told so.
    if let Ok(decoded) = decoded
        && let Some(value) = Header::find(&decoded.value.headers(), field::MMS_VERSION)
        && let Some((name, value)) = told(field::MMS_VERSION, value)
    {
        report.headers.entry(name).or_insert(value);
    }
    let content = match decoded {
        Ok(decoded) => decoded.value.content().map(|(kind, body)| (kind.clone(), body.clone())),
        Err(_) => generic.content.map(|content| (content.content_type, content.body)),
    };
    if let Some((content_type, body)) = content {
        report.headers.insert("content-type".to_owned(), content_type.to_string().into());
        let parts = parts(&content_type, body);
        presentations(&mut report, &parts, octets);
        report.parts = Some(PartReport::list(parts, octets));
    }
    report
}

fn told(field: &'static Field, value: &mms::Value) -> Option<(String, Value)> {
    decode_fields::told(&Header::new(field, value.clone()))
}

fn parts(content_type: &ContentType, body: Body) -> Vec<Part> {
    match body {
        Body::Multipart(parts) => parts,
        Body::Single(octets) => vec![Part::new(content_type.clone(), octets)],
    }
}

/// What is odd in presentations, at its place.
fn presentations(report: &mut Report, parts: &[Part], octets: &Bytes) {
    for part in parts.iter().filter(|part| part.content_type.media_type.is_smil()) {
        let charset = part.content_type.charset.as_deref();
        let base = place_in(&part.body, octets).unwrap_or(0);
        match smil::decode(&part.body, charset) {
            Ok(decoded) => report.warnings.extend(decoded.warnings.into_iter().map(|mut it| {
                it.offset += base;
                it
            })),
            Err(mut error) => {
                error.offset += base;
                report.warnings.push(crate::codec::Warning::not_understood(
                    error.field,
                    error.offset,
                    error.kind.to_string(),
                ));
            }
        }
    }
}
