//! Well-known content types (WAP-230 table 40 and OMNA's registry of WSP content types).

use std::borrow::Cow;

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
    "multipart/byteranges",
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
    (0x0302, "application/vnd.syncml+xml"),
    (0x0303, "application/vnd.syncml+wbxml"),
    (0x0304, "text/vnd.wap.emn+xml"),
    (0x0305, "text/calendar"),
    (0x0306, "application/vnd.omads-email+xml"),
    (0x0307, "application/vnd.omads-file+xml"),
    (0x0308, "application/vnd.omads-folder+xml"),
    (0x0309, "text/directory"),
    (0x030A, "application/vnd.wap.emn+wbxml"),
    (0x030B, "application/vnd.nokia.ipdc-purchase-response"),
    (0x030C, "application/vnd.motorola.screen3+xml"),
    (0x030D, "application/vnd.motorola.screen3+gzip"),
    (0x030E, "application/vnd.cmcc.setting+wbxml"),
    (0x030F, "application/vnd.cmcc.bombing+wbxml"),
    (0x0310, "application/vnd.docomo.pf"),
    (0x0311, "application/vnd.docomo.ub"),
    (0x0312, "application/vnd.omaloc-supl-init"),
    (0x0313, "application/vnd.oma.group-usage-list+xml"),
    (0x0314, "application/oma-directory+xml"),
    (0x0315, "application/vnd.docomo.pf2"),
    (0x0316, "application/vnd.oma.drm.roap-trigger+wbxml"),
    (0x0317, "application/vnd.sbm.mid2"),
    (0x0318, "application/vnd.wmf.bootstrap"),
    (0x0319, "application/vnc.cmcc.dcd+xml"),
    (0x031A, "application/vnd.sbm.cid"),
    (0x031B, "application/vnd.oma.bcast.provisioningtrigger"),
];

/// Highest number written as one; types registered later are written as text, which older peers
/// read as well.
const LAST_WRITTEN: u8 = 0x3E;

/// Before the number of a type that no table has.
const UNKNOWN_PREFIX: &str = "application/x-wsp-type-";

/// The type of a number of any size, given in big-endian octets, lower case;
/// `application/x-wsp-type-N` with the number in hexadecimal for one that no table has.
pub(super) fn name_of(number: &[u8]) -> Cow<'static, str> {
    let first = number.iter().take_while(|&&octet| octet == 0).count();
    let significant = number.get(first..).unwrap_or_default();
    let small = (significant.len() <= 2)
        .then(|| significant.iter().fold(0, |value, &octet| (value << 8) | usize::from(octet)));
    if let Some(name) = small.and_then(known) {
        return Cow::Borrowed(name);
    }
    let digits = hex::encode(significant);
    let digits = digits.trim_start_matches('0');
    Cow::Owned(format!("{UNKNOWN_PREFIX}{}", if digits.is_empty() { "0" } else { digits }))
}

fn known(number: usize) -> Option<&'static str> {
    WELL_KNOWN.get(number).copied().or_else(|| {
        let code = u32::try_from(number).ok()?;
        EXTENSIONS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
    })
}

/// The number to write for a type, if it is better written as a number, in big-endian octets.
pub(super) fn number_of(name: &str) -> Option<Vec<u8>> {
    if let Some(digits) = name.strip_prefix(UNKNOWN_PREFIX) {
        let even = format!("{}{digits}", if digits.len() % 2 == 1 { "0" } else { "" });
        return hex::decode(even)
            .ok()
            // A Long-integer has at most 30 octets.
            .filter(|number| (1..=30).contains(&number.len()) && name_of(number) == name);
    }
    let index = WELL_KNOWN.iter().position(|known| *known == name)?;
    u8::try_from(index).ok().filter(|&number| number <= LAST_WRITTEN).map(|number| vec![number])
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
            assert_eq!(name_of(&[number]), name);
            assert_eq!(number_of(name), Some(vec![number]));
        }
        assert_eq!(name_of(&[0x44]), "application/vnd.syncml.notification");
        assert_eq!(name_of(&[0, 0, 0x54]), "application/vnd.oma.dcdc");
        assert_eq!(name_of(&[0x03, 0x12]), "application/vnd.omaloc-supl-init");
        assert_eq!(name_of(&[0x0E]), "multipart/byteranges");
    }

    #[test]
    fn unknown_number_of_any_size_survives() {
        for number in [&[0x59][..], &[0x09, 0x99], &[1, 0, 0, 0, 0], &[0xAB; 30]] {
            assert_eq!(number_of(&name_of(number)).as_deref(), Some(number));
        }
        assert_eq!(number_of("application/x-wsp-type-3"), None);
        assert_eq!(number_of("application/x-wsp-type-0059"), None);
        assert_eq!(number_of("application/x-wsp-type-5G"), None);
        assert_eq!(number_of("application/smil"), None);
    }
}
