//! Inputs made to hurt one decoder each: many tiny things, deep nesting, sizes that are not there,
//! marks without end.

/// Makes about as many octets as asked for.
pub(crate) struct Generator {
    pub(crate) name: &'static str,
    pub(crate) make: fn(usize) -> Vec<u8>,
}

macro_rules! generators {
    ($($name:literal $make:expr,)+) => {
        /// All of them.
        pub(crate) const GENERATORS: &[Generator] =
            &[$(Generator { name: $name, make: $make },)+];
    };
}

/// A unit again and again behind a beginning, before an end.
fn filled(begin: &[u8], unit: &[u8], end: &[u8], octets: usize) -> Vec<u8> {
    let times = octets.saturating_sub(begin.len() + end.len()) / unit.len() + 1;
    [begin, &unit.repeat(times), end].concat()
}

fn uintvar(mut value: usize) -> Vec<u8> {
    let mut out = vec![u8::try_from(value & 0x7F).expect("seven bits")];
    while value > 0x7F {
        value >>= 7;
        out.insert(0, 0x80 | u8::try_from(value & 0x7F).expect("seven bits"));
    }
    out
}

/// An entry of a multipart.
fn entry(headers: &[u8], body: &[u8]) -> Vec<u8> {
    [&uintvar(headers.len()), &uintvar(body.len()), headers, body].concat()
}

const RETRIEVE_CONF: &[u8] = b"\x8C\x84\x8D\x90";
const NOTIFICATION: &[u8] = b"\x8C\x82\x98T\0\x8D\x90\x83http://a/\0";

generators! {
    // MMS
    "mms-short-fields" |n| filled(NOTIFICATION, b"\x8A\x80", b"", n),
    "mms-unknown-fields" |n| filled(NOTIFICATION, b"\xF0\x80", b"", n),
    "mms-recipients" |n| filled(b"\x8C\x80\x98T\0\x8D\x90", b"\x971\0", b"\x84\xA3\0", n),
    "mms-named-fields" |n| filled(NOTIFICATION, b"X\0Y\0", b"", n),
    "mms-nul-and-field" |n| filled(NOTIFICATION, b"\0\xF0\x80", b"", n),
    "mms-descriptors" |n| filled(NOTIFICATION, b"\xB2\x08a\0\x81\x81\x81\x81\x81\x81", b"", n),
    "mms-encoded-words" |n| filled(b"\x8C\x82\x98T\0\x8D\x90\x83h\0\x96", b"=?utf-8?Q?a?= ", b"\0", n),
    "mms-words-without-end" |n| filled(b"\x8C\x82\x98T\0\x8D\x90\x83h\0\x96", b"=?a?Q?b ", b"\0", n),
    "mms-subject-octets" |n| filled(b"\x8C\x82\x98T\0\x8D\x90\x83h\0\x96\x7F", b"\xE9\x80", b"\0", n),
    "mms-location-octets" |n| filled(b"\x8C\x82\x98T\0\x8D\x90\x83", b"\xEE\xBE\x80", b"\0", n),
    // Multipart
    "empty-parts" |n| empty_parts(n),
    "empty-parts-in-pdu" |n| [RETRIEVE_CONF, b"\x84\xA3", &empty_parts(n)].concat(),
    "parts-of-one-octet" |n| filled(b"\x82\x00", b"\x01\x00\x83", b"", n),
    "nested-multiparts" nested,
    "many-nested-multiparts" many_nested,
    "part-of-many-headers" |n| part_of(filled(b"\x83", b"\xB4\x81", b"", n.min(16_000)), n),
    "part-headers-of-names" |n| part_of(filled(b"\x83", b"a\0b\0", b"", n.min(16_000)), n),
    "part-in-base64" |n| part_of(b"\x83Content-Transfer-Encoding\0base64\0".to_vec(), n),
    "part-in-quoted-printable" |n| part_of(b"\x83Content-Transfer-Encoding\0quoted-printable\0".to_vec(), n),
    "text-part-of-latin" |n| [RETRIEVE_CONF, b"\x84\x03\x83\x81\x84", &vec![0xE9; n]].concat(),
    // Headers and content types
    "short-headers" |n| filled(b"", b"\xB4\x81", b"", n),
    "named-headers" |n| filled(b"", b"a\0b\0", b"", n),
    "code-page-shifts" |n| filled(b"", b"\x7F\x02\x81\x80", b"", n),
    "padded-headers" |n| filled(b"", b"\0\xB4\x81", b"", n),
    "header-names-that-are-none" |n| filled(b"", b" \0a\0", b"", n),
    "one-long-header" |n| filled(b"\x8E", b"\xE9", b"\0", n),
    "header-without-end" |n| filled(b"\x8E", b"a", b"", n),
    "challenge-of-many-parameters" |n| general(0xAD, b"\x80realm\0", b"a\0b\0", n),
    "cookie-of-many-parameters" |n| general(0xC1, b"\x90a\0b\0", b"\x87\x81", n),
    "disposition-of-many-parameters" |n| general(0xC5, b"\x81", b"\x86a\0", n),
    "cache-control-of-many-fields" |n| general(0xBD, b"\x80", b"\x83", n),
    "content-type-of-many-parameters" |n| {
        let value = filled(b"\x83", b"\x88\x81", b"", n);
        [&[0x1F][..], &uintvar(value.len()), &value].concat()
    },
    "mime-parameters" |n| filled(b"text/plain", b";a=b", b"\0", n),
    "mime-semicolons" |n| filled(b"text/plain", b";", b"\0", n),
    "mime-quotes" |n| filled(b"text/plain;a=", b"\"\\", b"\0", n),
    // Text
    "latin-octets" |n| vec![0xE9; n],
    "utf-7-shifts" |n| filled(b"", b"+AOk-", b"", n),
    "hz-shifts" |n| filled(b"", b"~{VP~}", b"", n),
    "korean-shifts" |n| filled(b"\x1B$)C", b"\x0EGQ\x0F", b"", n),
    "encoded-string" |n| {
        let value = filled(b"\xEA", b"\xC3\xA9", b"\0", n);
        [&[0x1F][..], &uintvar(value.len()), &value].concat()
    },
    // Push, WTP and WSP PDUs
    "push-of-headers" |n| {
        let headers = filled(b"\xBE", b"\xB4\x81", b"", n.min(16_000));
        [&[1, 6][..], &uintvar(headers.len()), &headers, &vec![0; n]].concat()
    },
    "wbxml-elements" |n| filled(b"\x03\x05\x6A\x00\x45", b"\x05", b"", n),
    "wbxml-unknown-attributes" |n| filled(b"\x03\x05\x6A\x00\x85", b"\x7F", b"", n),
    "wbxml-references" |n| table(b"\x45", b"\x83\x00", n),
    "wbxml-literal-names" |n| table(b"\x45", b"\x04\x00", n),
    "wbxml-attribute-of-pieces" |n| table(b"\x85\x04\x00", b"\x03\x00", n),
    "wbxml-opaque" |n| filled(b"\x03\x05\x6A\x00\x45", b"\xC3\x01A", b"", n),
    "xml-elements" |n| filled(b"<si>", b"<a/>", b"", n),
    "xml-attributes" |n| filled(b"<si ", b"a='' ", b">", n),
    "xml-entities" |n| filled(b"<si>", b"&#65;&amp;", b"</si>", n),
    "wtp-concatenated" |n| filled(b"\0", b"\x03\x18\x00\x01", b"", n),
    "wtp-items" |n| filled(b"\x88\x00\x01", b"\x80", b"", n),
    "wsp-capabilities" |n| {
        let list = filled(b"", b"\x01\x00", b"", n.min(4000));
        [&[1, 0x10][..], &uintvar(list.len()), b"\0", &list, &vec![0; n]].concat()
    },
    "wsp-get-headers" |n| {
        let headers = filled(b"", b"\x80\x81", b"", n.min(16_000));
        [&[0x40, 1][..], b"/", &headers, &vec![0; n]].concat()
    },
    // SMS
    "tpdu-of-elements" |n| {
        let begin = b"\x44\x05\x81\x68\x88\xF8\x00\x04\x62\x11\x12\x01\x02\x03\x00\x8C\x8B";
        let mut octets = filled(begin, b"\x70\x00", b"", n);
        octets.truncate(480);
        octets
    },
    "segments" segments,
    "digits" |n| filled(b"", b"00 ", b"", n),
    // HDLC and PPP
    "flags" |n| vec![0x7E; n],
    "escapes" |n| vec![0x7D; n],
    "tiny-frames" |n| filled(b"\x7E", b"a\x7E", b"", n),
    "one-endless-frame" |n| filled(b"\x7E", b"\xFF\x03", b"", n),
    "text-outside-frames" |n| filled(b"", b"a\r", b"", n),
    "ppp-options" |n| {
        let length = u16::try_from(n.min(60_000) + 4).expect("sixteen bits");
        let [high, low] = length.to_be_bytes();
        let begin = [0xFF, 0x03, 0xC0, 0x21, 1, 1, high, low];
        filled(&begin, b"\x01\x02", b"", n)
    },
    // AT
    "at-empty-lines" |n| filled(b"", b"\r\n", b"", n),
    "at-short-lines" |n| filled(b"", b"+CREG: 1\r", b"", n),
    "at-commas" |n| filled(b"+CGDCONT: ", b",", b"\r", n),
    "at-groups" |n| filled(b"+CPMS: ", b"((", b"\r", n),
    "at-ranges" |n| filled(b"+CGDCONT: (", b"1-2,", b"),\"IP\"\r", n),
    "at-listed-messages" |n| filled(b"", b"+CMGL: 1,1,,2\r00\r", b"", n),
    "at-line-without-end" |n| filled(b"", b"+CMT: ", b"", n),
    // SMIL
    "smil-tags" |n| filled(b"<smil><body>", b"<a>", b"", n),
    "smil-closed-tags" |n| filled(b"<smil><body>", b"<a/>", b"", n),
    "smil-slides" |n| filled(b"<smil><body>", b"<par/>", b"", n),
    "smil-media" |n| filled(b"<smil><body><par>", b"<img src='a'/>", b"", n),
    "smil-attributes" |n| filled(b"<smil ", b"a=b ", b">", n),
    "smil-less-than" |n| filled(b"<smil>", b"<", b"", n),
    "smil-closing-tags" |n| filled(b"<smil>", b"</a>", b"", n),
    "smil-comments-without-end" |n| filled(b"<smil>", b"<!-- ", b"", n),
    "smil-data-without-end" |n| filled(b"<smil>", b"<![CDATA[", b"", n),
    "smil-brackets" |n| filled(b"<smil>", b"<![>", b"", n),
    "smil-quotes" |n| filled(b"<smil ", b"a='=\" ", b"", n),
    "smil-references" |n| filled(b"<smil><body><img src='", b"&#65;", b"'/>", n),
    "smil-ampersands" |n| filled(b"<smil><body><img src='", b"&&", b"'/>", n),
    "smil-wide" |n| filled(b"\xFE\xFF\0<\0s\0m\0i\0l\0>", b"\x65\xE5", b"", n),
    "smil-regions" |n| filled(b"<smil><head><layout>", b"<region id='a'/>", b"", n),
}

/// Binary XML with a string of a quarter of its octets in its table.
fn table(begin: &[u8], unit: &[u8], octets: usize) -> Vec<u8> {
    let string = vec![b'a'; (octets / 4).min(8000)];
    let head = [&b"\x03\x05\x6A"[..], &uintvar(string.len() + 1), &string, b"\0", begin].concat();
    filled(&head, unit, b"", octets)
}

/// One multipart within another to the end.
fn nested(octets: usize) -> Vec<u8> {
    let mut body = b"\x00".to_vec();
    while body.len() < octets.min(4000) {
        body = [&[1][..], &entry(b"\xA3", &body)].concat();
    }
    // As long as asked for by what the innermost cannot read.
    body.resize(octets.max(body.len()), 0);
    body
}

/// As many entries of two octets as there may be, and more behind them.
fn empty_parts(octets: usize) -> Vec<u8> {
    [uintvar((octets / 2).min(256)), vec![0; octets]].concat()
}

/// Entries that hold sixteen multiparts of sixteen entries each.
fn many_nested(octets: usize) -> Vec<u8> {
    let leaves = [&[16][..], &[0; 32]].concat();
    let inner = [&[16][..], &entry(b"\xA3", &leaves).repeat(16)].concat();
    let part = entry(b"\xA3", &inner);
    let parts = (octets / part.len()).clamp(1, 256);
    [uintvar(parts), part.repeat(parts)].concat()
}

/// A multipart of one entry with these headers, as long as asked for.
fn part_of(headers: Vec<u8>, octets: usize) -> Vec<u8> {
    [&[1][..], &entry(&headers, &vec![b'A'; octets.saturating_sub(headers.len())])].concat()
}

/// A header of the general form with a list of these.
fn general(field: u8, begin: &[u8], unit: &[u8], octets: usize) -> Vec<u8> {
    let value = filled(begin, unit, b"", octets);
    [&[field, 0x1F][..], &uintvar(value.len()), &value].concat()
}

/// Parts of a message that never becomes whole, all with the same number.
fn segments(octets: usize) -> Vec<u8> {
    let tpdu = b"\x44\x05\x81\x68\x88\xF8\x00\x04\x62\x11\x12\x01\x02\x03\x00\x07\x05\x00\x03\x2A\xFF\x01\xAA";
    let length = u8::try_from(tpdu.len()).expect("a short TPDU");
    filled(b"", &[&[length][..], tpdu].concat(), b"", octets)
}
