//! Multipart bodies (WAP-230 clause 8.5).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::content_type::{ContentType, UNKNOWN};
use super::header::{each_header, put_header};
use super::reader::Reader;
use super::writer::put_uintvar;
use super::{Warnings, charset};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Most entries of one multipart: ten times what phones and MMSCs pass on.
pub const MAX_PARTS: usize = 256;
/// Most octets of the headers of one entry: names and temporary paths of servers are long, but not
/// that long.
pub const MAX_PART_HEADER_OCTETS: usize = 16 * 1024;
/// How deep [`flatten`] goes into multiparts within multiparts.
pub const MAX_DEPTH: usize = 4;

/// One entry of a multipart body. A multipart inside it stays raw; [`flatten`] opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub content_type: ContentType,
    /// Content-ID without its angle brackets.
    pub content_id: Option<String>,
    /// Content-Location.
    pub content_location: Option<String>,
    /// Every other header, in order: name in lower case and value as text.
    pub headers: Vec<(String, String)>,
    /// The octets: a slice of the input on decode, transfer encoding taken off.
    pub body: Bytes,
}

impl Part {
    /// Without headers.
    #[must_use]
    pub const fn new(content_type: ContentType, body: Bytes) -> Self {
        Self { content_type, content_id: None, content_location: None, headers: Vec::new(), body }
    }

    /// The value of the first other header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The name for people: Name, Filename, the disposition's Filename, Content-Location,
    /// Content-ID; the first that is not empty. Never to be used as a path.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        let disposition = self.header("content-disposition").map(ContentType::from_mime);
        [
            self.content_type.name.clone(),
            self.content_type.filename.clone(),
            disposition.and_then(|value| value.filename),
            self.content_location.clone(),
            self.content_id.clone(),
        ]
        .into_iter()
        .flatten()
        .find(|name| !name.trim().is_empty())
    }

    /// The body as text, when it is of a text type (or SMIL), by its charset.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let media_type = &self.content_type.media_type;
        let textual = media_type.top() == "text" || media_type.is_smil();
        textual.then(|| charset::to_text(&self.body, self.content_type.charset.as_deref()))
    }
}

/// Reads a multipart to the end of the reader.
///
/// Headers that cannot be read are skipped by their announced length with a warning; fewer entries
/// than announced are forgiven as well. A body that is cut off is an error, since a message that
/// did not arrive whole must not be acknowledged.
///
/// # Errors
/// `LengthExceedsInput` for a cut entry, `LimitExceeded` above [`MAX_PARTS`] or
/// [`MAX_PART_HEADER_OCTETS`], and what [`Reader::uintvar`] gives.
pub fn decode_multipart(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<Part>, DecodeError> {
    let at = reader.position();
    let announced = as_length(reader.uintvar("multipart count")?);
    if announced > MAX_PARTS {
        let kind = DecodeErrorKind::LimitExceeded { limit: MAX_PARTS };
        return Err(DecodeError { field: "multipart count", offset: at, kind });
    }
    // An entry has two octets at least.
    let mut parts = Vec::with_capacity(announced.min(reader.remaining() / 2));
    while parts.len() < announced {
        if reader.is_empty() {
            let text = format!("{announced} entries announced, there are {}", parts.len());
            warnings.note("multipart count", at, text);
            break;
        }
        parts.push(decode_part(reader, warnings)?);
    }
    if !reader.is_empty() {
        warnings.note("multipart", reader.position(), "octets behind the last entry");
    }
    Ok(parts)
}

fn as_length(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn decode_part(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Part, DecodeError> {
    let at = reader.position();
    let header_length = as_length(reader.uintvar("HeadersLen")?);
    let data_length = as_length(reader.uintvar("DataLen")?);
    if header_length > MAX_PART_HEADER_OCTETS {
        let kind = DecodeErrorKind::LimitExceeded { limit: MAX_PART_HEADER_OCTETS };
        return Err(DecodeError { field: "HeadersLen", offset: at, kind });
    }
    let mut headers = reader.sub(header_length, "part headers")?;
    let body_at = reader.position();
    let body = reader.bytes(data_length, "part body")?;

    let headers_at = headers.position();
    let content_type = if headers.is_empty() {
        warnings.note("part headers", headers_at, format!("none: read as {UNKNOWN}"));
        None
    } else {
        match ContentType::decode(&mut headers, warnings) {
            Ok(content_type) => Some(content_type),
            Err(error) => {
                let text = format!("part headers passed over: {}", error.kind);
                warnings.not_understood(error.field, error.offset, text);
                None
            }
        }
    };
    let readable = content_type.is_some();
    let mut part = Part::new(content_type.unwrap_or_else(|| ContentType::new(UNKNOWN)), body);
    if readable {
        each_header(&mut headers, warnings, |name, value| match &*name {
            "content-id" if part.content_id.is_none() => {
                part.content_id = Some(without_brackets(value)).filter(|id| !id.is_empty());
            }
            "content-location" if part.content_location.is_none() => {
                part.content_location = Some(value).filter(|location| !location.is_empty());
            }
            _ => part.headers.push((name.into_owned(), value)),
        });
    }
    take_off_transfer_encoding(&mut part, body_at, warnings);
    Ok(part)
}

/// Also forgives a stray quotation mark and a bracket on one side only.
fn without_brackets(mut id: String) -> String {
    let inner = id.trim_start().trim_start_matches('"').trim_start();
    let inner = inner.strip_prefix('<').unwrap_or(inner);
    id.drain(..id.len() - inner.len());
    let inner = id.trim_end().trim_end_matches('"').trim_end();
    id.truncate(inner.strip_suffix('>').unwrap_or(inner).len());
    id
}

const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn take_off_transfer_encoding(part: &mut Part, body_at: usize, warnings: &mut Warnings) {
    const NAME: &str = "content-transfer-encoding";
    let Some(encoding) = part.header(NAME) else { return };
    let decoded = match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => {
            let mut packed: Vec<u8> =
                part.body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
            // One character by itself holds no octet: the text was cut there.
            if packed.len() % 4 == 1 && packed.last() != Some(&b'=') {
                packed.pop();
                warnings.note(NAME, body_at, "base64 that ends within an octet, left out");
            }
            LENIENT_BASE64.decode(&packed).ok()
        }
        "quoted-printable" => Some(quoted_printable(&part.body)),
        "7bit" | "8bit" | "binary" => return,
        other => {
            let text = format!("an encoding that is not known, the body is kept in it: {other}");
            warnings.not_understood(NAME, body_at, text);
            return;
        }
    };
    match decoded {
        Some(octets) => {
            part.body = Bytes::from(octets);
            part.headers.retain(|(name, _)| name != NAME);
        }
        // Some decode the body and leave the header.
        None if part
            .body
            .iter()
            .any(|octet| !octet.is_ascii_graphic() && !octet.is_ascii_whitespace()) =>
        {
            warnings.note(NAME, body_at, "the body is not in the encoding announced but plain");
        }
        None => {
            warnings.not_understood(NAME, body_at, "the body is not in the encoding announced");
        }
    }
}

/// RFC 2045 clause 6.7; what is no escape stays, octets above 0x7F too.
pub(crate) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = match (octet, tail) {
            (b'=', [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..]) => tail,
            (b'=', &[high, low, ref tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |octet: u8| {
                    char::from(octet).to_digit(16).and_then(|d| u8::try_from(d).ok()).unwrap_or(0)
                };
                out.push(digit(high) << 4 | digit(low));
                tail
            }
            _ => {
                out.push(octet);
                tail
            }
        };
    }
    out
}

/// Writes a multipart.
pub fn put_multipart(out: &mut Vec<u8>, parts: &[Part]) {
    put_uintvar(out, u64::try_from(parts.len()).unwrap_or(u64::MAX));
    for part in parts {
        let mut headers = Vec::with_capacity(128);
        part.content_type.encode(&mut headers);
        if let Some(id) = &part.content_id {
            put_header(&mut headers, "content-id", &format!("<{id}>"));
        }
        if let Some(location) = &part.content_location {
            put_header(&mut headers, "content-location", location);
        }
        for (name, value) in &part.headers {
            put_header(&mut headers, name, value);
        }
        put_uintvar(out, u64::try_from(headers.len()).unwrap_or(u64::MAX));
        put_uintvar(out, u64::try_from(part.body.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(&headers);
        out.extend_from_slice(&part.body);
    }
}

/// Opens multiparts within multiparts, up to [`MAX_DEPTH`] and as long as there are no more than
/// [`MAX_PARTS`] in all: of alternatives the first, of all others every entry. What cannot be
/// opened, or would be too much, stays as it is.
///
/// Each depth reads every octet once at most.
#[must_use]
pub fn flatten(parts: &[Part]) -> Vec<Part> {
    let mut flat = Vec::with_capacity(parts.len());
    let mut room = MAX_PARTS.saturating_sub(parts.len());
    for part in parts {
        open(part, MAX_DEPTH, &mut room, &mut flat);
    }
    flat
}

fn open(part: &Part, depth: usize, room: &mut usize, flat: &mut Vec<Part>) {
    if depth > 0 && part.content_type.is_multipart() {
        let nested = decode_multipart(&mut Reader::new(&part.body), &mut Warnings::new());
        if let Ok(nested) = nested {
            let alternative = part.content_type.media_type.as_str().ends_with("alternative");
            let count = if alternative { nested.len().min(1) } else { nested.len() };
            // They take the place of the one they were in.
            if let Some(left) = (*room + 1).checked_sub(count) {
                *room = left;
                for inner in nested.iter().take(count) {
                    open(inner, depth - 1, room, flat);
                }
                return;
            }
        }
    }
    flat.push(part.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(octets: &[u8]) -> (Result<Vec<Part>, DecodeError>, usize) {
        let input = Bytes::copy_from_slice(octets);
        let mut warnings = Warnings::new();
        let parts = decode_multipart(&mut Reader::new(&input), &mut warnings);
        (parts, warnings.into_sorted().len())
    }

    fn text_part(body: &'static [u8]) -> Part {
        Part::new(ContentType::new("text/plain"), Bytes::from_static(body))
    }

    #[test]
    fn entry_with_id_and_location() {
        let octets = b"\x01\x0F\x03\x9E\xC0\"<p1>\0\x8Ep.jpg\0\xFF\xD8\xFF";
        let mut part =
            Part::new(ContentType::new("image/jpeg"), Bytes::from_static(b"\xFF\xD8\xFF"));
        part.content_id = Some("p1".into());
        part.content_location = Some("p.jpg".into());
        let mut out = Vec::new();
        put_multipart(&mut out, std::slice::from_ref(&part));
        assert_eq!(out, octets);
        assert_eq!(decode(octets), (Ok(vec![part]), 0));
    }

    #[test]
    fn body_is_a_slice_of_the_input() {
        let input = Bytes::from_static(b"\x01\x01\x04\x9Ebody");
        let parts = decode_multipart(&mut Reader::new(&input), &mut Warnings::new()).unwrap();
        assert_eq!(parts[0].body.as_ptr(), input[4..].as_ptr());
    }

    #[test]
    fn broken_part_headers_are_skipped_by_their_length() {
        // The Content-ID has neither closing mark nor NUL inside the headers.
        let octets = b"\x02\x07\x02\x9E\xC0\"<abcAA\x01\x02\x83hi";
        let (parts, warnings) = decode(octets);
        let parts = parts.unwrap();
        assert_eq!(parts[0].content_type.media_type.as_str(), "image/jpeg");
        assert_eq!(&parts[0].body[..], b"AA");
        assert_eq!(parts[1], text_part(b"hi"));
        assert_eq!(warnings, 1);
    }

    #[test]
    fn cut_body_is_an_error() {
        let (parts, _) = decode(b"\x01\x01\x09\x83short");
        assert_eq!(
            parts.unwrap_err(),
            DecodeError {
                field: "part body",
                offset: 4,
                kind: DecodeErrorKind::LengthExceedsInput { declared: 9 }
            }
        );
    }

    #[test]
    fn too_high_a_count_is_forgiven_but_limited() {
        let (parts, warnings) = decode(b"\x05\x01\x02\x83hi");
        assert_eq!((parts.unwrap().len(), warnings), (1, 1));
        let (parts, _) = decode(b"\x8F\xFF\xFF\xFF\x7F");
        assert!(matches!(
            parts.unwrap_err().kind,
            DecodeErrorKind::LimitExceeded { limit: MAX_PARTS }
        ));
    }

    #[test]
    fn transfer_encodings_are_taken_off() {
        let octets = b"\x02\x22\x09\x83Content-Transfer-Encoding\0base64\0aGVs\r\nbG8\
            \x2C\x0B\x83Content-Transfer-Encoding\0quoted-printable\0a=3D=\r\nb=C3";
        let (parts, warnings) = decode(octets);
        let parts = parts.unwrap();
        assert_eq!(parts[0], text_part(b"hello"));
        assert_eq!(parts[1], text_part(b"a=b\xC3"));
        assert_eq!(warnings, 0);
    }

    #[test]
    fn body_not_in_its_transfer_encoding_stays() {
        let octets = b"\x01\x22\x03\x83Content-Transfer-Encoding\0base64\0\xFF\xD8\xFF";
        let (parts, warnings) = decode(octets);
        assert_eq!(&parts.unwrap()[0].body[..], b"\xFF\xD8\xFF");
        assert_eq!(warnings, 1);
    }

    #[test]
    fn first_alternative_is_taken() {
        let mut nested = Vec::new();
        put_multipart(&mut nested, &[text_part(b"plain"), text_part(b"other")]);
        let alternative = Part::new(
            ContentType::new("application/vnd.wap.multipart.alternative"),
            Bytes::from(nested),
        );
        assert_eq!(
            flatten(&[text_part(b"a"), alternative]),
            [text_part(b"a"), text_part(b"plain")]
        );
    }

    fn wrapped(body: Vec<u8>, kind: &str) -> Part {
        Part::new(ContentType::new(kind), Bytes::from(body))
    }

    fn multipart(parts: &[Part]) -> Vec<u8> {
        let mut out = Vec::new();
        put_multipart(&mut out, parts);
        out
    }

    #[test]
    fn multiparts_are_opened_to_the_limit_of_depth() {
        let mixed = "application/vnd.wap.multipart.mixed";
        let mut body = multipart(&[text_part(b"innermost")]);
        for _ in 0..MAX_DEPTH {
            body = multipart(&[wrapped(body, mixed)]);
        }
        let (parts, _) = decode(&body);
        let flat = flatten(&parts.unwrap());
        assert_eq!(flat, [text_part(b"innermost")]);
        let deeper = [wrapped(body, mixed)];
        assert!(flatten(&deeper)[0].content_type.is_multipart());
    }

    #[test]
    fn multiparts_that_would_be_too_many_parts_stay_closed() {
        let mixed = "application/vnd.wap.multipart.mixed";
        let many = vec![text_part(b""); 200];
        let parts = [wrapped(multipart(&many), mixed), wrapped(multipart(&many), mixed)];
        let flat = flatten(&parts);
        assert_eq!(flat.len(), 201);
        assert_eq!(flat[200], parts[1]);
        let full = vec![parts[0].clone(); MAX_PARTS];
        assert_eq!(flatten(&full), full);
    }

    #[test]
    fn entries_without_octets_take_no_memory_that_was_only_announced() {
        let (parts, warnings) = decode(b"\x81\x7F\0\0");
        let parts = parts.unwrap();
        assert_eq!((parts.len(), parts.capacity()), (1, 1));
        assert_eq!(parts[0].content_type.media_type.as_str(), UNKNOWN);
        assert_eq!(warnings, 2);
        let mut octets = vec![0x82, 0x00];
        octets.extend([0; 2 * MAX_PARTS]);
        assert_eq!(decode(&octets).0.unwrap().len(), MAX_PARTS);
        octets[1] = 1;
        assert!(decode(&octets).0.is_err());
    }

    #[test]
    fn headers_of_a_part_have_limits() {
        let part = |octets: usize| {
            let mut out = vec![1];
            put_uintvar(&mut out, u64::try_from(octets).unwrap());
            out.extend([0, 0x83]);
            out.resize(out.len() + octets - 1, 0xB4);
            out
        };
        let (parts, warnings) = decode(&part(MAX_PART_HEADER_OCTETS));
        assert_eq!(parts.unwrap()[0].headers.len(), crate::codec::wsp::MAX_HEADERS);
        assert_eq!(warnings, 1);
        assert_eq!(
            decode(&part(MAX_PART_HEADER_OCTETS + 1)).0.unwrap_err(),
            DecodeError {
                field: "HeadersLen",
                offset: 1,
                kind: DecodeErrorKind::LimitExceeded { limit: MAX_PART_HEADER_OCTETS }
            }
        );
    }

    #[test]
    fn sizes_of_four_gigabytes_are_not_believed() {
        let (parts, _) = decode(b"\x01\x01\x8F\xFF\xFF\xFF\x7F\x83body");
        assert_eq!(
            parts.unwrap_err(),
            DecodeError {
                field: "part body",
                offset: 8,
                kind: DecodeErrorKind::LengthExceedsInput { declared: 0xFFFF_FFFF }
            }
        );
        let (parts, _) = decode(b"\x01\x01\x90\x80\x80\x80\0\x83body");
        let error = parts.unwrap_err();
        assert_eq!(error.to_string(), "DataLen at octet 2: a number of more than 32 bits");
    }

    #[test]
    fn unknown_transfer_encoding_is_told_and_kept() {
        let octets = b"\x01\x26\x03\x83Content-Transfer-Encoding\0x-uuencode\0abc";
        let (parts, warnings) = decode(octets);
        let parts = parts.unwrap();
        assert_eq!(parts[0].header("content-transfer-encoding"), Some("x-uuencode"));
        assert_eq!((&parts[0].body[..], warnings), (&b"abc"[..], 1));
    }

    #[test]
    fn name_for_people_in_the_order_of_oma() {
        let mut part = text_part(b"x");
        assert_eq!(part.file_name(), None);
        part.content_location = Some("loc.txt".into());
        part.headers.push(("content-disposition".into(), "attachment; filename=\"d.txt\"".into()));
        assert_eq!(part.file_name().as_deref(), Some("d.txt"));
        part.content_type.filename = Some("f.txt".into());
        assert_eq!(part.file_name().as_deref(), Some("f.txt"));
        part.content_type.name = Some("n.txt".into());
        assert_eq!(part.file_name().as_deref(), Some("n.txt"));
    }
}
