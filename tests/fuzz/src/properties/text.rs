//! Texts in any charset, encoded strings, integers and MIME forms.

use bytes::Bytes;
use mm1gate::codec::wsp::{
    ContentType, Reader, Warnings, charset, put_encoded_string, put_integer, put_text_value,
    put_uintvar,
};

use super::checks;

/// The first octets name a charset, the rest is text; the whole is each kind of value.
pub(crate) fn check(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    charsets(octets);
    encoded_string(&input);
    values(&input);
    // The MIME form leaves out what no MIME form can show, but not again and again.
    let shown = |text: &str| ContentType::from_mime(text).to_string();
    let settled = shown(&shown(&String::from_utf8_lossy(octets)));
    assert_eq!(shown(&settled), settled);
}

fn charsets(octets: &[u8]) {
    let Some((&[high, low], text)) = octets.split_first_chunk::<2>() else { return };
    let mib = u64::from(u16::from_be_bytes([high, low]));
    let name = charset::name_of(mib);
    assert_eq!(charset::mib_of(&name), Some(mib));
    for charset in [Some(name.as_str()), None] {
        let read = charset::to_text(text, charset);
        assert!(read.len() <= 3 * text.len() + 3, "{} octets of {}", read.len(), text.len());
    }
    if let Ok(plain) = std::str::from_utf8(text) {
        let bare = plain.strip_prefix('\u{FEFF}').unwrap_or(plain);
        assert_eq!(charset::to_text(text, Some("utf-8")), bare);
    }
}

fn encoded_string(input: &Bytes) {
    let mut warnings = Warnings::new();
    let mut reader = Reader::new(input);
    match reader.encoded_string("Subject", &mut warnings) {
        Ok(text) => {
            assert!(0 < reader.position() && reader.position() <= input.len());
            checks::warnings(&warnings.into_sorted(), input);
            let mut encoded = Vec::new();
            put_encoded_string(&mut encoded, &text);
            let encoded = Bytes::from(encoded);
            let mut reader = Reader::new(&encoded);
            let mut warnings = Warnings::new();
            // Only the wide charsets can carry a NUL, none a byte order mark in front.
            let again = reader.encoded_string("Subject", &mut warnings);
            let bare = text.trim_start_matches(['\0', '\u{FEFF}']).replace('\0', "");
            assert_eq!(again, Ok(bare), "{encoded:02X?}");
            assert!(reader.is_empty() && warnings.into_sorted().is_empty(), "{encoded:02X?}");
        }
        Err(error) => checks::error(&error, input),
    }
}

/// Each value is read and written again; what cannot be read moves nothing.
fn values(input: &Bytes) {
    fn read<'a, T>(
        input: &'a Bytes,
        value: impl FnOnce(&mut Reader<'a>) -> Result<T, mm1gate::codec::DecodeError>,
    ) -> Option<T> {
        let mut reader = Reader::new(input);
        match value(&mut reader) {
            Ok(value) => {
                assert!(0 < reader.position() && reader.position() <= input.len());
                Some(value)
            }
            Err(error) => {
                checks::error(&error, input);
                assert_eq!(reader.position(), 0, "moved by {error}");
                None
            }
        }
    }
    let written = |put: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        put(&mut out);
        Bytes::from(out)
    };
    if let Some(value) = read(input, |reader| reader.uintvar("value")) {
        let out = written(&|out| put_uintvar(out, u64::from(value)));
        assert_eq!(Reader::new(&out).uintvar("value"), Ok(value));
    }
    if let Some(value) = read(input, |reader| reader.integer("value")) {
        let out = written(&|out| put_integer(out, value));
        assert_eq!(Reader::new(&out).integer("value"), Ok(value));
    }
    if let Some(value) = read(input, |reader| reader.text_value("value")) {
        let text = charset::to_text(value, None);
        let text = text.trim_start_matches('\u{FEFF}');
        let out = written(&|out| put_text_value(out, text));
        let again = Reader::new(&out).text_value("value").map(<[u8]>::to_vec);
        assert_eq!(again.as_deref(), Ok(text.as_bytes()), "{out:02X?}");
    }
    read(input, |reader| reader.value_length("value"));
    read(input, |reader| reader.skip_value("value"));
}
