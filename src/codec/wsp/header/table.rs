//! Header fields of code page 1 and the words that stand for numbers in their values (WAP-230
//! table 39 and clause 8.4.2; OMNA's registries of header fields and push application ids).

/// Before the number of a field without a name.
const UNKNOWN_PREFIX: &str = "x-wsp-header-";

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text-string or Uri-value.
    Text,
    /// Text, written as a Quoted-string.
    Quoted,
    Integer,
    /// Date-value, as an HTTP-date.
    Date,
    /// Text-string or Date-value.
    TextOrDate,
    /// Token-text, or one of these by its number.
    Words(&'static [&'static str]),
    Method,
    FieldName,
    Language,
    ApplicationId,
    AcceptApplication,
    Disposition,
    /// Content-type-value; in Accept with Q among its parameters.
    Media,
    AcceptCharset,
    AcceptEncoding,
    AcceptLanguage,
    Te,
    CacheControl,
    Pragma,
    Warning,
    ProfileWarning,
    Expect,
    Credentials,
    Challenge,
    /// 16 octets, as base64.
    Digest,
    ContentRange,
    Range,
    RetryAfter,
    SetCookie,
    Cookie,
    EncodingVersion,
    /// A form of its own that is not taken apart.
    Opaque,
}

pub(super) struct Row {
    pub(super) code: u8,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

const fn row(code: u8, name: &'static str, kind: Kind) -> Row {
    Row { code, name, kind }
}

/// Content codings from number 0.
pub(super) const CODINGS: &[&str] = &["gzip", "compress", "deflate"];

/// The first row of a name is the one written, unless the value needs a later encoding version.
const TABLE: &[Row] = &[
    row(0x00, "accept", Kind::Media),
    row(0x01, "accept-charset", Kind::AcceptCharset),
    row(0x02, "accept-encoding", Kind::AcceptEncoding),
    row(0x03, "accept-language", Kind::AcceptLanguage),
    row(0x04, "accept-ranges", Kind::Words(&["none", "bytes"])),
    row(0x05, "age", Kind::Integer),
    row(0x06, "allow", Kind::Method),
    row(0x07, "authorization", Kind::Credentials),
    row(0x08, "cache-control", Kind::CacheControl),
    row(0x09, "connection", Kind::Words(&["close"])),
    row(0x0A, "content-base", Kind::Text),
    row(0x0B, "content-encoding", Kind::Words(CODINGS)),
    row(0x0C, "content-language", Kind::Language),
    row(0x0D, "content-length", Kind::Integer),
    row(0x0E, "content-location", Kind::Text),
    row(0x0F, "content-md5", Kind::Digest),
    row(0x10, "content-range", Kind::ContentRange),
    row(0x11, "content-type", Kind::Media),
    row(0x12, "date", Kind::Date),
    row(0x13, "etag", Kind::Text),
    row(0x14, "expires", Kind::Date),
    row(0x15, "from", Kind::Text),
    row(0x16, "host", Kind::Text),
    row(0x17, "if-modified-since", Kind::Date),
    row(0x18, "if-match", Kind::Text),
    row(0x19, "if-none-match", Kind::Text),
    row(0x1A, "if-range", Kind::TextOrDate),
    row(0x1B, "if-unmodified-since", Kind::Date),
    row(0x1C, "location", Kind::Text),
    row(0x1D, "last-modified", Kind::Date),
    row(0x1E, "max-forwards", Kind::Integer),
    row(0x1F, "pragma", Kind::Pragma),
    row(0x20, "proxy-authenticate", Kind::Challenge),
    row(0x21, "proxy-authorization", Kind::Credentials),
    row(0x22, "public", Kind::Method),
    row(0x23, "range", Kind::Range),
    row(0x24, "referer", Kind::Text),
    row(0x25, "retry-after", Kind::RetryAfter),
    row(0x26, "server", Kind::Text),
    row(0x27, "transfer-encoding", Kind::Words(&["chunked"])),
    row(0x28, "upgrade", Kind::Text),
    row(0x29, "user-agent", Kind::Text),
    row(0x2A, "vary", Kind::FieldName),
    row(0x2B, "via", Kind::Text),
    row(0x2C, "warning", Kind::Warning),
    row(0x2D, "www-authenticate", Kind::Challenge),
    row(0x2E, "content-disposition", Kind::Disposition),
    row(0x2F, "x-wap-application-id", Kind::ApplicationId),
    row(0x30, "x-wap-content-uri", Kind::Text),
    row(0x31, "x-wap-initiator-uri", Kind::Text),
    row(0x32, "accept-application", Kind::AcceptApplication),
    row(0x33, "bearer-indication", Kind::Integer),
    row(0x34, "push-flag", Kind::Integer),
    row(0x35, "profile", Kind::Text),
    row(0x36, "profile-diff", Kind::Opaque),
    row(0x37, "profile-warning", Kind::ProfileWarning),
    row(0x38, "expect", Kind::Expect),
    row(0x39, "te", Kind::Te),
    row(0x3A, "trailer", Kind::FieldName),
    row(0x3B, "accept-charset", Kind::AcceptCharset),
    row(0x3C, "accept-encoding", Kind::AcceptEncoding),
    row(0x3D, "cache-control", Kind::CacheControl),
    row(0x3E, "content-range", Kind::ContentRange),
    row(0x3F, "x-wap-tod", Kind::Date),
    row(0x40, "content-id", Kind::Quoted),
    row(0x41, "set-cookie", Kind::SetCookie),
    row(0x42, "cookie", Kind::Cookie),
    row(0x43, "encoding-version", Kind::EncodingVersion),
    row(0x44, "profile-warning", Kind::ProfileWarning),
    row(0x45, "content-disposition", Kind::Disposition),
    row(0x46, "x-wap-security", Kind::Words(&["close-subordinate"])),
    row(0x47, "cache-control", Kind::CacheControl),
    row(0x48, "expect", Kind::Expect),
    row(0x49, "x-wap-loc-invocation", Kind::Opaque),
    row(0x4A, "x-wap-loc-delivery", Kind::Opaque),
];

/// The field of a number.
pub(super) fn by_code(code: u8) -> Option<&'static Row> {
    TABLE.get(usize::from(code)).filter(|row| row.code == code)
}

/// The field of a name in lower case.
pub(super) fn by_name(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The number under which a value goes out: the oldest that knows its form.
pub(super) fn code_for(row: &Row, text: &str, value: &[u8]) -> u8 {
    let general = value.first().is_some_and(|&first| first < 0x20);
    match row.kind {
        Kind::AcceptEncoding if general => 0x3C,
        Kind::CacheControl if general && text.starts_with("s-maxage") => 0x47,
        Kind::ContentRange if general && text.ends_with("/*") => 0x3E,
        Kind::ProfileWarning if general => 0x44,
        Kind::Expect if general => 0x48,
        _ => row.code,
    }
}

/// The name of a field by its octet on the wire, table or not.
pub(in crate::codec::wsp) fn field_name(octet: u8) -> String {
    let code = octet & 0x7F;
    by_code(code).map_or_else(|| format!("{UNKNOWN_PREFIX}{code:02x}"), |row| row.name.to_owned())
}

/// The octet on the wire of a name in lower case that [`field_name`] gives.
pub(in crate::codec::wsp) fn field_number(name: &str) -> Option<u8> {
    match unknown_code(name) {
        Some((1, code)) => Some(0x80 | code),
        Some(_) => None,
        None => by_name(name).map(|row| 0x80 | row.code),
    }
}

/// What a field without a name is called: its code page (where that is not 1) and its number.
pub(super) fn unknown_name(page: u8, code: u8) -> String {
    if page == 1 {
        format!("{UNKNOWN_PREFIX}{code:02x}")
    } else {
        format!("{UNKNOWN_PREFIX}{page:02x}-{code:02x}")
    }
}

/// The code page and number of a name that [`unknown_name`] gives.
pub(super) fn unknown_code(name: &str) -> Option<(u8, u8)> {
    let digits = name.strip_prefix(UNKNOWN_PREFIX)?;
    let (page, code) = digits.split_once('-').unwrap_or(("01", digits));
    let page = u8::from_str_radix(page, 16).ok()?;
    let code = u8::from_str_radix(code, 16).ok()?;
    let known = code > 0x7F || (page == 1 && by_code(code).is_some());
    (!known && unknown_name(page, code) == name).then_some((page, code))
}

/// Application-ids by number.
const APPLICATIONS: &[(u64, &str)] = &[
    (0x00, "x-wap-application:*"),
    (0x01, "x-wap-application:push.sia"),
    (0x02, "x-wap-application:wml.ua"),
    (0x03, "x-wap-application:wta.ua"),
    (0x04, "x-wap-application:mms.ua"),
    (0x05, "x-wap-application:push.syncml"),
    (0x06, "x-wap-application:loc.ua"),
    (0x07, "x-wap-application:syncml.dm"),
    (0x08, "x-wap-application:drm.ua"),
    (0x09, "x-wap-application:emn.ua"),
    (0x0A, "x-wap-application:wv.ua"),
    (0x8000, "x-wap-microsoft:localcontent.ua"),
    (0x8001, "x-wap-microsoft:imclient.ua"),
    (0x8002, "x-wap-docomo:imode.mail.ua"),
    (0x8003, "x-wap-docomo:imode.mr.ua"),
    (0x8004, "x-wap-docomo:imode.mf.ua"),
    (0x8005, "x-motorola:location.ua"),
    (0x8006, "x-motorola:now.ua"),
    (0x8007, "x-motorola:otaprov.ua"),
    (0x8008, "x-motorola:browser.ua"),
    (0x8009, "x-motorola:splash.ua"),
    (0x800B, "x-wap-nai:mvsw.command"),
    (0x8010, "x-wap-openwave:iota.ua"),
    (0x9000, "x-wap-docomo:imode.mail2.ua"),
    (0x9001, "x-oma-nec:otaprov.ua"),
    (0x9002, "x-oma-nokia:call.ua"),
    (0x9003, "x-oma-coremobility:sqa.ua"),
];

/// The application of a number.
pub(super) fn application(number: u64) -> Option<&'static str> {
    APPLICATIONS.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// The number of an application.
pub(super) fn application_number(name: &str) -> Option<u64> {
    APPLICATIONS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// Methods by the number of their PDU (WAP-230 table 34).
pub(super) const METHODS: &[(u8, &str)] = &[
    (0x40, "GET"),
    (0x41, "OPTIONS"),
    (0x42, "HEAD"),
    (0x43, "DELETE"),
    (0x44, "TRACE"),
    (0x60, "POST"),
    (0x61, "PUT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_up_to_the_last_is_a_field() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(row.code), index);
            assert_eq!(by_name(row.name).map(|first| first.kind), Some(row.kind));
        }
        assert_eq!(TABLE.len(), 0x4B);
    }

    #[test]
    fn names_of_unknown_fields_come_back() {
        for (page, code) in [(1, 0x4B), (1, 0x7F), (2, 0x01), (0x7F, 0x40), (0, 0)] {
            assert_eq!(unknown_code(&unknown_name(page, code)), Some((page, code)));
        }
        assert_eq!(unknown_code("x-wsp-header-0e"), None);
        assert_eq!(unknown_code("x-wsp-header-80"), None);
        assert_eq!(unknown_code("x-wsp-header-01-4b"), None);
    }
}
