//! Content-Type and body of a PDU (OMA-TS-MMS_ENC-V1_3 clause 7; WAP-230 clause 8.5).

use bytes::Bytes;

use super::field;
use super::types::{Body, Content};
use crate::codec::DecodeError;
use crate::codec::wsp::{ContentType, Part, Reader, Warnings, decode_multipart, put_multipart};

/// Reads the Content-type-value at `at` and what follows it.
pub(super) fn read(
    octets: &Bytes,
    at: usize,
    warnings: &mut Warnings,
) -> Result<Content, DecodeError> {
    let mut reader = Reader::between(octets, at..octets.len());
    let content_type = ContentType::decode(&mut reader, warnings)?;
    if !content_type.is_multipart() {
        return Ok(Content { content_type, body: Body::Single(reader.rest()) });
    }
    let mut raw = reader.clone();
    match decode_multipart(&mut reader, warnings) {
        Ok(parts) => Ok(Content { content_type, body: Body::Multipart(parts) }),
        // Under the Internet's names there may be an Internet multipart.
        Err(error) if content_type.media_type.top() == "multipart" => {
            let text = format!("no WSP multipart, kept whole: {error}");
            warnings.note(field::CONTENT_TYPE.name, at, text);
            Ok(Content { content_type, body: Body::Single(raw.rest()) })
        }
        Err(error) => Err(error),
    }
}

/// Writes the Content-Type field and the body.
pub(super) fn put(out: &mut Vec<u8>, content_type: &ContentType, body: &Body) {
    out.push(0x80 | field::CONTENT_TYPE.code);
    content_type.encode(out);
    match body {
        Body::Single(octets) => out.extend_from_slice(octets),
        Body::Multipart(parts) => put_multipart(out, parts),
    }
}

/// The room that [`put`] needs, so that the octets of a body are copied once: never less, except for
/// headers of parts that become longer than three times their text.
pub(super) fn room(content_type: &ContentType, body: &Body) -> usize {
    let body = match body {
        Body::Single(octets) => octets.len(),
        Body::Multipart(parts) => parts.iter().map(room_of_part).sum::<usize>() + 8,
    };
    room_of_type(content_type) + body
}

fn room_of_part(part: &Part) -> usize {
    let texts = [&part.content_id, &part.content_location];
    let texts: usize = texts.into_iter().flatten().map(|text| text.len() + 8).sum();
    let headers: usize =
        part.headers.iter().map(|(name, value)| name.len() + 3 * value.len() + 16).sum();
    room_of_type(&part.content_type) + texts + headers + part.body.len() + 16
}

fn room_of_type(value: &ContentType) -> usize {
    let named = [&value.charset, &value.name, &value.filename, &value.start, &value.kind];
    let named: usize = named.into_iter().flatten().map(|text| text.len() + 16).sum();
    let others: usize = value.others.iter().map(|(name, text)| name.len() + text.len() + 16).sum();
    value.media_type.as_str().len() + named + others + 16
}
