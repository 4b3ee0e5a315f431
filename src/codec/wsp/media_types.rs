//! Well-known content types (WAP-230 table 40 and OMNA's registry of WSP content types).

/// The number of each type below [`EXTENSIONS`], in order.
const WELL_KNOWN: &[&str] = &[
    "*/*",
    "text/*",
    "text/html",
    "text/plain",
    "text/x-hdml",
    "text/x-ttml",
    "text/x-vcalendar",
    "text/x-vcard",
    "text/vnd.wap.wml",
    "text/vnd.wap.wmlscript",
    "text/vnd.wap.wta-event",
    "multipart/*",
    "multipart/mixed",
    "multipart/form-data",
    "multipart/byterantes",
    "multipart/alternative",
    "application/*",
    "application/java-vm",
    "application/x-www-form-urlencoded",
    "application/x-hdmlc",
    "application/vnd.wap.wmlc",
    "application/vnd.wap.wmlscriptc",
    "application/vnd.wap.wta-eventc",
    "application/vnd.wap.uaprof",
    "application/vnd.wap.wtls-ca-certificate",
    "application/vnd.wap.wtls-user-certificate",
    "application/x-x509-ca-cert",
    "application/x-x509-user-cert",
    "image/*",
    "image/gif",
    "image/jpeg",
    "image/tiff",
    "image/png",
    "image/vnd.wap.wbmp",
    "application/vnd.wap.multipart.*",
    "application/vnd.wap.multipart.mixed",
    "application/vnd.wap.multipart.form-data",
    "application/vnd.wap.multipart.byteranges",
    "application/vnd.wap.multipart.alternative",
    "application/xml",
    "text/xml",
    "application/vnd.wap.wbxml",
    "application/x-x968-cross-cert",
    "application/x-x968-ca-cert",
    "application/x-x968-user-cert",
    "text/vnd.wap.si",
    "application/vnd.wap.sic",
    "text/vnd.wap.sl",
    "application/vnd.wap.slc",
    "text/vnd.wap.co",
    "application/vnd.wap.coc",
    "application/vnd.wap.multipart.related",
    "application/vnd.wap.sia",
    "text/vnd.wap.connectivity-xml",
    "application/vnd.wap.connectivity-wbxml",
    "application/pkcs7-mime",
    "application/vnd.wap.hashed-certificate",
    "application/vnd.wap.signed-certificate",
    "application/vnd.wap.cert-response",
    "application/xhtml+xml",
    "application/wml+xml",
    "text/css",
    "application/vnd.wap.mms-message",
    "application/vnd.wap.rollover-certificate",
    "application/vnd.wap.locc+wbxml",
    "application/vnd.wap.loc+xml",
    "application/vnd.syncml.dm+wbxml",
    "application/vnd.syncml.dm+xml",
    "application/vnd.syncml.notification",
    "application/vnd.wap.xhtml+xml",
    "application/vnd.wv.csp.cir",
    "application/vnd.oma.dd+xml",
    "application/vnd.oma.drm.message",
    "application/vnd.oma.drm.content",
    "application/vnd.oma.drm.rights+xml",
    "application/vnd.oma.drm.rights+wbxml",
    "application/vnd.wv.csp+xml",
    "application/vnd.wv.csp+wbxml",
    "application/vnd.syncml.ds.notification",
    "audio/*",
    "video/*",
    "application/vnd.oma.dd2+xml",
    "application/mikey",
    "application/vnd.oma.dcd",
    "application/vnd.oma.dcdc",
];

/// Registered numbers above the table.
const EXTENSIONS: &[(u32, &str)] = &[
    (0x55, "text/x-vmessage"),
    (0x56, "application/vnd.omads-email+wbxml"),
    (0x57, "text/x-vbookmark"),
    (0x58, "application/vnd.syncml.dm.notification"),
    (0x5A, "application/octet-stream"),
    (0x0201, "application/vnd.uplanet.cacheop-wbxml"),
    (0x0202, "application/vnd.uplanet.signal"),
    (0x0203, "application/vnd.uplanet.alert-wbxml"),
    (0x0204, "application/vnd.uplanet.list-wbxml"),
    (0x0205, "application/vnd.uplanet.listcmd-wbxml"),
    (0x0206, "application/vnd.uplanet.channel-wbxml"),
    (0x0207, "application/vnd.uplanet.provisioning-status-uri"),
    (0x0208, "x-wap.multipart/vnd.uplanet.header-set"),
    (0x0209, "application/vnd.uplanet.bearer-choice-wbxml"),
    (0x020A, "application/vnd.phonecom.mmc-wbxml"),
    (0x020B, "application/vnd.nokia.syncset+wbxml"),
    (0x020C, "image/x-up-wpng"),
    (0x0300, "application/iota.mmc-wbxml"),
    (0x0301, "application/iota.mmc-xml"),
];

/// Highest number written as one; types registered later are written as text, which older peers
/// read as well.
const LAST_WRITTEN: u32 = 0x3E;

/// Before the number of a type that no table has.
const UNKNOWN_PREFIX: &str = "application/x-wsp-type-";

/// The type of a number, lower case; `application/x-wsp-type-N` for one that no table has.
pub(super) fn name_of(number: u64) -> String {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let known = usize::try_from(number)
        .ok()
        .and_then(|index| WELL_KNOWN.get(index))
        .or_else(|| EXTENSIONS.iter().find(|(code, _)| *code == number).map(|(_, name)| name));
    known.map_or_else(|| format!("{UNKNOWN_PREFIX}{number:x}"), |name| (*name).to_owned())
}

/// The number to write for a type, if it is better written as a number.
pub(super) fn number_of(name: &str) -> Option<u32> {
    if let Some(hex) = name.strip_prefix(UNKNOWN_PREFIX) {
        return u32::from_str_radix(hex, 16)
            .ok()
            .filter(|&number| name_of(u64::from(number)) == name);
    }
    let index = WELL_KNOWN.iter().position(|known| *known == name)?;
    u32::try_from(index).ok().filter(|&number| number <= LAST_WRITTEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_mms_uses() {
        for (number, name) in [
            (0x03, "text/plain"),
            (0x1D, "image/gif"),
            (0x1E, "image/jpeg"),
            (0x20, "image/png"),
            (0x23, "application/vnd.wap.multipart.mixed"),
            (0x26, "application/vnd.wap.multipart.alternative"),
            (0x2E, "application/vnd.wap.sic"),
            (0x33, "application/vnd.wap.multipart.related"),
            (0x3E, "application/vnd.wap.mms-message"),
        ] {
            assert_eq!(name_of(number), name);
            assert_eq!(number_of(name).map(u64::from), Some(number));
        }
        assert_eq!(name_of(0x44), "application/vnd.syncml.notification");
        assert_eq!(name_of(0x54), "application/vnd.oma.dcdc");
    }

    #[test]
    fn unknown_number_survives() {
        assert_eq!(number_of(&name_of(0x59)), Some(0x59));
        assert_eq!(number_of(&name_of(0x0999)), Some(0x0999));
        assert_eq!(number_of("application/x-wsp-type-3"), None);
        assert_eq!(number_of("application/smil"), None);
    }
}
