//! What octets are, told by how they begin: people's file names lie, and an MMS part whose type
//! does not fit its octets is dropped by phones.

use crate::model::MediaType;

/// Octets looked at to tell text from binary.
const TEXT_PROBE: usize = 4096;

/// The media type of `octets`; `None` when nothing known fits.
#[must_use]
pub fn sniff(octets: &[u8]) -> Option<MediaType> {
    name_of(octets).map(MediaType::new)
}

fn name_of(octets: &[u8]) -> Option<&'static str> {
    match octets {
        [0xFF, 0xD8, 0xFF, ..] => return Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => return Some("image/png"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => return Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            return Some("image/webp");
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
            return Some("audio/wav");
        }
        // The size field behind "BM" and the two reserved words keep text that begins with BM out.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => return Some("image/bmp"),
        [_, _, _, _, b'f', b't', b'y', b'p', a, b, c, d, ..] => {
            return Some(iso_media([*a, *b, *c, *d]));
        }
        [b'I', b'D', b'3', ..] => return Some("audio/mpeg"),
        // MPEG audio frame: 11 bits of sync, a layer other than "reserved", a bitrate and a rate
        // other than "bad".
        [0xFF, second, third, ..]
            if second & 0xE0 == 0xE0
                && second & 0x06 != 0
                && third & 0xF0 != 0xF0
                && third & 0x0C != 0x0C =>
        {
            return Some("audio/mpeg");
        }
        // ADTS: 12 bits of sync, layer 0.
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => return Some("audio/aac"),
        _ => {}
    }
    for (magic, name) in [
        (&b"#!AMR-WB\n"[..], "audio/amr-wb"),
        (b"#!AMR\n", "audio/amr"),
        (b"MThd\0\0\0\x06", "audio/midi"),
        (b"OggS", "audio/ogg"),
        (b"%PDF-", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
    ] {
        if octets.starts_with(magic) {
            return Some(name);
        }
    }
    if let Some(name) = text(octets) {
        return Some(name);
    }
    is_wbmp(octets).then_some("image/vnd.wap.wbmp")
}

/// ISO base media files by their major brand (3GPP TS 26.244 clause 5.3).
const fn iso_media(brand: [u8; 4]) -> &'static str {
    match &brand {
        b"3g2a" | b"3g2b" | b"3g2c" => "video/3gpp2",
        [b'3', b'g', ..] => "video/3gpp",
        b"M4A " | b"M4B " => "audio/mp4",
        b"heic" | b"heix" | b"mif1" | b"msf1" | b"hevc" => "image/heic",
        _ => "video/mp4",
    }
}

fn text(octets: &[u8]) -> Option<&'static str> {
    let probe = octets.get(..TEXT_PROBE).unwrap_or(octets);
    let readable = match std::str::from_utf8(probe) {
        Ok(text) => text,
        // The probe may end inside a character; the input may not.
        Err(error) if error.error_len().is_none() && probe.len() < octets.len() => {
            std::str::from_utf8(probe.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if readable.is_empty()
        || readable.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
    {
        return None;
    }
    let start: String = readable
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .take(256)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    if start.starts_with("begin:vcard") {
        return Some("text/x-vcard");
    }
    if start.starts_with("begin:vcalendar") {
        let is_2 = readable.to_ascii_lowercase().contains("version:2.0");
        return Some(if is_2 { "text/calendar" } else { "text/x-vcalendar" });
    }
    if start.starts_with("begin:imelody") {
        return Some("audio/imelody");
    }
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some("text/html");
    }
    if start.starts_with("<smil") || (start.starts_with("<?xml") && start.contains("<smil")) {
        return Some("application/smil");
    }
    Some("text/plain")
}

/// WBMP type 0 has no magic: two zero octets and two multi-octet integers that must fit the rest
/// exactly (WAP-237 clause 6).
fn is_wbmp(octets: &[u8]) -> bool {
    let Some(rest) = octets.strip_prefix(&[0, 0]) else { return false };
    let Some((width, rest)) = multi_octet(rest) else { return false };
    let Some((height, rest)) = multi_octet(rest) else { return false };
    width > 0 && height > 0 && rest.len() as u64 == width.div_ceil(8) * height
}

fn multi_octet(octets: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    // Two octets hold 16 383: no phone has a wider screen.
    for (position, octet) in octets.iter().take(2).enumerate() {
        value = value << 7 | u64::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Some((value, octets.get(position + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(octets: &[u8]) -> Option<String> {
        sniff(octets).map(|media_type| media_type.as_str().to_owned())
    }

    #[test]
    fn magic_octets_name_their_type() {
        for (octets, name) in [
            (&b"\xFF\xD8\xFF\xE0\0\x10JFIF"[..], "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"GIF89a....", "image/gif"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
            (b"BM\x46\0\0\0\0\0\0\0\x36\0", "image/bmp"),
            (b"\0\0\0\x18ftyp3gp5....", "video/3gpp"),
            (b"\0\0\0\x18ftyp3g2a....", "video/3gpp2"),
            (b"\0\0\0\x18ftypisom....", "video/mp4"),
            (b"\0\0\0\x18ftypM4A ....", "audio/mp4"),
            (b"#!AMR\n\x3c", "audio/amr"),
            (b"#!AMR-WB\n\x3c", "audio/amr-wb"),
            (b"ID3\x04\0", "audio/mpeg"),
            (b"\xFF\xFB\x90\x64", "audio/mpeg"),
            (b"\xFF\xF1\x50\x80", "audio/aac"),
            (b"MThd\0\0\0\x06\0\x01", "audio/midi"),
            (b"%PDF-1.7", "application/pdf"),
            (b"begin:vcard\r\nVERSION:2.1\r\n", "text/x-vcard"),
            (b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\n", "text/x-vcalendar"),
            (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "text/calendar"),
            (b"<smil><head/></smil>", "application/smil"),
            (b"<?xml version=\"1.0\"?><smil/>", "application/smil"),
            ("Gr\u{fc}\u{df}e".as_bytes(), "text/plain"),
            (b"\xEF\xBB\xBFhello", "text/plain"),
            (b"\0\0\x08\x02\xAA\x55", "image/vnd.wap.wbmp"),
        ] {
            assert_eq!(named(octets).as_deref(), Some(name), "{octets:02x?}");
        }
    }

    #[test]
    fn what_nobody_knows_stays_unnamed() {
        assert_eq!(named(b""), None);
        assert_eq!(named(b"\x00\x01\x02\x03"), None);
        assert_eq!(named(b"\xFE\xFF\x00"), None);
        assert_eq!(named(b"\0\0\x08\x02\xAA"), None, "one row short");
        assert_eq!(named(b"abc\xff"), None);
    }

    #[test]
    fn text_may_be_cut_inside_a_character_by_the_probe_but_not_by_its_end() {
        let long = format!("{}\u{20ac}{}", "x".repeat(TEXT_PROBE - 1), "y".repeat(10));
        assert_eq!(named(long.as_bytes()).as_deref(), Some("text/plain"));
        assert_eq!(named(&"\u{20ac}".as_bytes()[..2]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_survived(octets: Vec<u8>) {
            let _ = sniff(&octets);
        }
    }
}
