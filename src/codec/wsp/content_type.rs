//! Content types with parameters in short, general and text form (WAP-230 clause 8.4.2.24).

use std::borrow::Cow;
use std::fmt;

use super::reader::Reader;
use super::writer::{put_integer_octets, put_text_value, put_with_length};
use super::{Warnings, media_types, mime, parameter};
use crate::codec::DecodeError;
use crate::model::MediaType;

/// A Content-type-value with the parameters that MMS uses by name and all others as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype`, lower case, visible ASCII when decoded.
    pub media_type: MediaType,
    /// IANA name of the charset, lower case; `mib-N` for a number without a name.
    pub charset: Option<String>,
    /// Name parameter.
    pub name: Option<String>,
    /// Filename parameter.
    pub filename: Option<String>,
    /// Start parameter of multipart/related, as on the wire (with or without angle brackets).
    pub start: Option<String>,
    /// Type parameter of multipart/related.
    pub kind: Option<String>,
    /// Every other parameter, in order: name in lower case and value. A parameter whose number has
    /// no name is called `x-wsp-parameter-` and the number in hexadecimal.
    pub others: Vec<(String, String)>,
}

/// What content without a readable type is.
pub(super) const UNKNOWN: &str = "application/octet-stream";

impl ContentType {
    /// Without parameters.
    #[must_use]
    pub fn new(media_type: &str) -> Self {
        Self::of(MediaType::new(media_type))
    }

    const fn of(media_type: MediaType) -> Self {
        Self {
            media_type,
            charset: None,
            name: None,
            filename: None,
            start: None,
            kind: None,
            others: Vec::new(),
        }
    }

    /// Reads the MIME form, as in an HTTP header; never fails. What is no visible ASCII cannot be
    /// shown as a type and counts as `application/octet-stream`.
    #[must_use]
    pub fn from_mime(text: &str) -> Self {
        let (bare, rest) = text.split_once(';').unwrap_or((text, ""));
        let bare = bare.trim();
        let usable = !bare.is_empty() && bare.bytes().all(|octet| octet.is_ascii_graphic());
        let mut content_type = Self::new(if usable { bare } else { UNKNOWN });
        for (name, value) in mime::split(rest, ';') {
            parameter::set(&mut content_type, Cow::Owned(name), value);
        }
        content_type
    }

    /// Whether the body is a WSP multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.media_type.top() == "multipart"
            || self.media_type.as_str().starts_with("application/vnd.wap.multipart.")
    }

    /// Reads a Content-type-value: a number, a text, or either with parameters. A parameter that
    /// cannot be read ends the parameters with a warning.
    ///
    /// # Errors
    /// When its extent cannot be told.
    pub fn decode(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        const FIELD: &str = "Content-Type";
        match reader.peek() {
            Some(0..=0x1F) => {
                let start = reader.position();
                let length = reader.value_length(FIELD)?;
                let mut value = reader.sub(length, FIELD)?;
                if value.is_empty() {
                    warnings.note(FIELD, start, "an empty value");
                    return Ok(Self::new(UNKNOWN));
                }
                let mut content_type = match Self::of_media(&mut value, warnings) {
                    Ok(content_type) => content_type,
                    // The length tells where it ends all the same.
                    Err(error) => {
                        let text = format!("read as {UNKNOWN}: {}", error.kind);
                        warnings.not_understood(FIELD, error.offset, text);
                        return Ok(Self::new(UNKNOWN));
                    }
                };
                parameter::decode_all(&mut value, &mut content_type, warnings);
                Ok(content_type)
            }
            Some(short @ 0x80..) => {
                reader.u8(FIELD)?;
                Ok(Self::of_number(&[short & 0x7F]))
            }
            _ => Self::from_text(reader, warnings),
        }
    }

    /// The type inside a length: a number of any size or a text.
    fn of_media(value: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        match value.peek() {
            Some(0..=0x1F) => value.long_integer_octets("Content-Type").map(Self::of_number),
            Some(short @ 0x80..) => {
                value.u8("Content-Type")?;
                Ok(Self::of_number(&[short & 0x7F]))
            }
            _ => Self::from_text(value, warnings),
        }
    }

    fn of_number(number: &[u8]) -> Self {
        let media_type = match media_types::name_of(number) {
            Cow::Borrowed(name) => MediaType::known(name),
            Cow::Owned(name) => MediaType::new(&name),
        };
        Self::of(media_type)
    }

    fn from_text(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        let start = reader.position();
        let text = reader.text_value("Content-Type")?;
        let text = String::from_utf8_lossy(text);
        if text.contains(';') {
            warnings.note("Content-Type", start, "parameters inside the text of the type");
        }
        let content_type = Self::from_mime(&text);
        let bare = text.split(';').next().unwrap_or_default().trim();
        if !bare.eq_ignore_ascii_case(content_type.media_type.as_str()) {
            let text = format!("no media type, read as {UNKNOWN}");
            warnings.not_understood("Content-Type", start, text);
        }
        Ok(content_type)
    }

    /// All parameters, those with a place of their own first.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = [
            ("type", &self.kind),
            ("start", &self.start),
            ("charset", &self.charset),
            ("name", &self.name),
            ("filename", &self.filename),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        named.chain(self.others.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Writes the value: a number where one is registered, else text; with parameters in the
    /// general form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let parameters = parameter::encode_all(self);
        let mut value = Vec::with_capacity(parameters.len() + 8);
        match media_types::number_of(self.media_type.as_str()) {
            Some(number) => put_integer_octets(&mut value, &number),
            None => put_text_value(&mut value, self.media_type.as_str()),
        }
        // A Long-integer is allowed in the general form only.
        let short = value.first().is_some_and(|&first| first >= 0x20);
        if parameters.is_empty() && short {
            out.extend_from_slice(&value);
        } else {
            value.extend_from_slice(&parameters);
            put_with_length(out, &value);
        }
    }
}

/// The MIME form, as in an HTTP header.
impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.media_type.as_str().to_owned();
        mime::append(&mut text, "; ", self.parameters());
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn decode(octets: &[u8]) -> (ContentType, usize) {
        let input = Bytes::copy_from_slice(octets);
        let mut warnings = Warnings::new();
        let mut reader = Reader::new(&input);
        let value = ContentType::decode(&mut reader, &mut warnings).unwrap();
        assert!(reader.is_empty(), "left: {}", reader.remaining());
        (value, warnings.into_sorted().len())
    }

    fn encode(content_type: &ContentType) -> Vec<u8> {
        let mut out = Vec::new();
        content_type.encode(&mut out);
        out
    }

    #[test]
    fn mms_message_in_the_four_forms_of_the_field() {
        let name = "application/vnd.wap.mms-message";
        let text = [name.as_bytes(), b"\0"].concat();
        let general = [&[0x1F, 0x22][..], &text, &[0x81, 0x84]].concat();
        for octets in [text.as_slice(), &[0xBE], &[0x01, 0xBE], &general] {
            let (value, warnings) = decode(octets);
            assert_eq!((value.media_type.as_str(), warnings), (name, 0));
        }
        assert_eq!(decode(&general).0.charset.as_deref(), Some("iso-8859-1"));
    }

    #[test]
    fn multipart_related_as_phones_write_it() {
        let mut value = ContentType::new("application/vnd.wap.multipart.related");
        value.kind = Some("application/smil".into());
        value.start = Some("<smil>".into());
        let octets = encode(&value);
        assert_eq!(octets, b"\x1B\xB3\x89application/smil\0\x8A<smil>\0");
        assert_eq!(decode(&octets), (value, 0));
    }

    #[test]
    fn text_plain_with_charset_and_name() {
        let mut value = ContentType::new("text/plain");
        value.charset = Some("utf-8".into());
        value.name = Some("text_0.txt".into());
        let octets = encode(&value);
        assert_eq!(octets, b"\x0F\x83\x81\xEA\x85text_0.txt\0");
        assert_eq!(decode(&octets), (value, 0));
    }

    #[test]
    fn newer_parameter_numbers_mean_the_same() {
        let (value, _) = decode(b"\x12\x9E\x97\"a.jpg\0\x98b.jpg\0\x83\x84");
        assert_eq!(value.name.as_deref(), Some("a.jpg"));
        assert_eq!(value.filename.as_deref(), Some("b.jpg"));
        assert_eq!(value.kind.as_deref(), Some("4"));
        let (start, _) = decode(b"\x06\xB3\x99<s>\0");
        assert_eq!(start.start.as_deref(), Some("<s>"));
    }

    #[test]
    fn mime_parameters_inside_the_text_are_understood() {
        let (value, warnings) = decode(b"Text/Plain; Charset=\"UTF-8\"; name=a.txt\0");
        assert_eq!(value.media_type.as_str(), "text/plain");
        assert_eq!(value.charset.as_deref(), Some("utf-8"));
        assert_eq!(value.name.as_deref(), Some("a.txt"));
        assert_eq!(warnings, 1);
    }

    #[test]
    fn broken_parameter_leaves_the_type() {
        let (value, warnings) = decode(b"\x06\x9E\x85a.jp");
        assert_eq!(value.media_type.as_str(), "image/jpeg");
        assert_eq!(value.name, None);
        assert_eq!(warnings, 1);
    }

    #[test]
    fn shown_in_mime_form_and_read_back() {
        let mut value = ContentType::new("text/plain");
        value.charset = Some("utf-8".into());
        value.name = Some("a \"b\".txt".into());
        let text = value.to_string();
        assert_eq!(text, r#"text/plain; charset=utf-8; name="a \"b\".txt""#);
        assert_eq!(ContentType::from_mime(&text), value);
    }
}
