//! WAP Push over SMS and UDP: the connectionless push unit (WAP-235-PushOTA-20010425-a,
//! WAP-230-WSP-20010705-a clause 8.2.4.1).

mod content;
mod date;
mod outline;
mod provisioning;
mod service;
mod tree;
mod vocabulary;
mod wbxml;
mod xml;

use bytes::Bytes;

pub use content::Content;
pub use outline::outline;
pub use provisioning::{Provisioning, SecurityMethod};
pub use service::{
    CacheOperation, EmailNotification, LoadAction, ServiceIndication, ServiceLoading, SignalAction,
};
pub use wbxml::{MAX_STRING_TABLE, MAX_WBXML_DEPTH, MAX_WBXML_ITEMS, MAX_WBXML_TEXT};

use super::wsp::pdu::{self, EntityHeaders, put_entity_headers};
use super::wsp::{ContentType, Reader, Warnings, outline_headers};
use super::{DecodeError, DecodeErrorKind, Decoded};

/// UDP and SMS port of connectionless push to a client (WAP-235).
pub const PORT: u16 = 2948;
/// The same with WTLS.
pub const SECURE_PORT: u16 = 2949;

/// Most octets of content type and headers; a whole push by SMS is shorter.
pub const MAX_PUSH_HEADER_OCTETS: usize = pdu::MAX_HEADER_OCTETS;

/// PDU type of Push (WAP-230 table 34).
const PUSH: u8 = 0x06;
/// PDU type of ConfirmedPush, which has no place without a connection but looks the same.
const CONFIRMED_PUSH: u8 = 0x07;

/// A push unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Transaction Identifier, for telling repetitions apart.
    pub transaction_id: u8,
    /// What the body is.
    pub content_type: ContentType,
    /// Headers in order: name in lower case and value as text. The announced Content-Length is
    /// among them and means nothing; operators announce wrong ones.
    pub headers: Vec<(String, String)>,
    /// The octets: a slice of the input on decode.
    pub body: Bytes,
}

/// For which application a push is meant, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PushApplication {
    /// MMS: a notification, or a delivery or read report.
    Mms,
    /// Service Indication: a text with a link.
    ServiceIndication,
    /// Service Loading: a link to be opened.
    ServiceLoading,
    /// Cache Operation.
    CacheOperation,
    /// Session Initiation Application.
    SessionInitiation,
    /// Settings by OMA Client Provisioning or one of its forerunners.
    Provisioning,
    /// OMA DRM content or rights.
    Drm,
    /// SyncML device management or data synchronisation.
    SyncMl,
    /// E-mail notification.
    EmailNotification,
    /// Secure User Plane Location.
    Location,
    /// Instant messaging and presence (Wireless Village, IMPS).
    InstantMessaging,
    /// Anything else.
    Other,
}

impl PushApplication {
    /// A word for people and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mms => "mms",
            Self::ServiceIndication => "service indication",
            Self::ServiceLoading => "service loading",
            Self::CacheOperation => "cache operation",
            Self::SessionInitiation => "session initiation",
            Self::Provisioning => "provisioning",
            Self::Drm => "drm",
            Self::SyncMl => "syncml",
            Self::EmailNotification => "e-mail notification",
            Self::Location => "location",
            Self::InstantMessaging => "instant messaging",
            Self::Other => "other",
        }
    }
}

impl Push {
    /// A push of one MMS PDU, with the Application-Id of MMS.
    #[must_use]
    pub fn mms(transaction_id: u8, body: Bytes) -> Self {
        Self {
            transaction_id,
            content_type: ContentType::new(super::mms::CONTENT_TYPE),
            headers: vec![(
                "x-wap-application-id".to_owned(),
                "x-wap-application:mms.ua".to_owned(),
            )],
            body,
        }
    }

    /// Decodes a push unit; its body is a slice of `octets`.
    ///
    /// # Errors
    /// When it is no push unit, or its headers are longer than the unit or than
    /// [`MAX_PUSH_HEADER_OCTETS`], or its content type cannot be read.
    pub fn decode(octets: &Bytes) -> Result<Decoded<Self>, DecodeError> {
        let mut warnings = Warnings::new();
        let mut reader = Reader::new(octets);
        let transaction_id = reader.u8("Transaction Identifier")?;
        let at = reader.position();
        match reader.u8("PDU Type")? {
            PUSH => {}
            CONFIRMED_PUSH => {
                warnings.note("PDU Type", at, "ConfirmedPush, read as Push");
            }
            other => {
                return Err(DecodeError {
                    field: "PDU Type",
                    offset: at,
                    kind: DecodeErrorKind::UnexpectedPdu(other),
                });
            }
        }
        let at = reader.position();
        let entity = EntityHeaders::decode(&mut reader, &mut warnings)?;
        let Some(EntityHeaders { content_type, headers }) = entity else {
            let kind = DecodeErrorKind::MissingField;
            return Err(DecodeError { field: "Content-Type", offset: at, kind });
        };
        let value = Self { transaction_id, content_type, headers, body: reader.rest() };
        if let Some(announced) = value.header(CONTENT_LENGTH)
            && announced != value.body.len().to_string()
        {
            let text = format!("{announced} announced, the body has {}", value.body.len());
            let place = place_of(CONTENT_LENGTH, octets, at).unwrap_or(at);
            warnings.note(CONTENT_LENGTH, place, text);
        }
        Ok(Decoded { value, warnings: warnings.into_sorted() })
    }

    /// The octets.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.body.len() + 64);
        out.extend_from_slice(&[self.transaction_id, PUSH]);
        put_entity_headers(&mut out, &self.content_type, &self.headers);
        out.extend_from_slice(&self.body);
        Bytes::from(out)
    }

    /// The value of the first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// For which application it is meant. The content type decides: the Application-Id is often
    /// absent and sometimes wrong.
    #[must_use]
    pub fn application(&self) -> PushApplication {
        match self.content_type.media_type.as_str() {
            super::mms::CONTENT_TYPE => PushApplication::Mms,
            "text/vnd.wap.si" | "application/vnd.wap.sic" => PushApplication::ServiceIndication,
            "text/vnd.wap.sl" | "application/vnd.wap.slc" => PushApplication::ServiceLoading,
            "text/vnd.wap.co" | "application/vnd.wap.coc" => PushApplication::CacheOperation,
            "application/vnd.wap.sia" => PushApplication::SessionInitiation,
            "text/vnd.wap.connectivity-xml"
            | "application/vnd.wap.connectivity-wbxml"
            | "application/x-wap-prov.browser-settings"
            | "application/x-wap-prov.browser-bookmarks"
            | "application/x-prov.syncset+wbxml"
            | "application/x-prov.syncml+wbxml" => PushApplication::Provisioning,
            "application/vnd.wap.emn+wbxml"
            | "text/vnd.wap.emn+xml"
            | "application/vnd.omads-email+wbxml" => PushApplication::EmailNotification,
            "application/vnd.omaloc-supl-init"
            | "application/vnd.wap.locc+wbxml"
            | "application/vnd.wap.loc+xml" => PushApplication::Location,
            other if other.starts_with("application/vnd.oma.drm.") => PushApplication::Drm,
            other if other.starts_with("application/vnd.syncml") => PushApplication::SyncMl,
            other if other.starts_with("application/vnd.wv.csp") => {
                PushApplication::InstantMessaging
            }
            _ => PushApplication::Other,
        }
    }
}

const CONTENT_LENGTH: &str = "content-length";

/// Where a header begins in the octets whose HeadersLen lies at `at`.
fn place_of(name: &str, octets: &Bytes, at: usize) -> Option<usize> {
    let mut reader = Reader::between(octets, at..octets.len());
    let length = reader.uintvar("HeadersLen").ok()?;
    let mut headers = reader.sub(usize::try_from(length).ok()?, "push headers").ok()?;
    ContentType::decode(&mut headers, &mut Warnings::new()).ok()?;
    let nodes = outline_headers(&mut headers);
    nodes.iter().find(|node| node.name == name).map(|node| node.range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(octets: &[u8]) -> Decoded<Push> {
        Push::decode(&Bytes::copy_from_slice(octets)).unwrap()
    }

    #[test]
    fn mms_push_in_its_shortest_form() {
        let push = Push::mms(0x2A, Bytes::from_static(b"\x8C\x82"));
        assert_eq!(&push.encode()[..], b"\x2A\x06\x03\xBE\xAF\x84\x8C\x82");
        let decoded = decode(&push.encode());
        assert_eq!(
            (decoded.value.application(), decoded.warnings.len()),
            (PushApplication::Mms, 0)
        );
        assert_eq!(decoded.value, push);
    }

    #[test]
    fn header_length_above_127_is_read_as_uintvar() {
        let mut push = Push::mms(1, Bytes::from_static(b"body"));
        push.headers.push(("x-wap-content-uri".into(), "http://example/".repeat(12)));
        let octets = push.encode();
        assert_eq!(octets[2] & 0x80, 0x80);
        assert_eq!(decode(&octets).value, push);
    }

    #[test]
    fn wrong_content_length_is_told_and_does_not_matter() {
        for length in [&b"\x8D\xF0"[..], b"\x8D\x80", b"\x8D\x01\x70"] {
            let count = u8::try_from(length.len() + 1).unwrap();
            let octets = [&[1, 6, count, 0xBE], length, b"\x8C\x82rest"].concat();
            let decoded = decode(&octets);
            assert_eq!(&decoded.value.body[..], b"\x8C\x82rest");
            let [warning] = &decoded.warnings[..] else { panic!("{:?}", decoded.warnings) };
            assert_eq!((warning.field.as_str(), warning.offset), ("content-length", 4));
            assert!(warning.understood, "{warning}");
        }
    }

    #[test]
    fn other_applications_are_named() {
        for (octets, application) in [
            (&b"\x01\x06\x01\xAE\x02"[..], PushApplication::ServiceIndication),
            (b"\x01\x06\x01\xB0\x02", PushApplication::ServiceLoading),
            (b"\x01\x06\x01\xB6\x02", PushApplication::Provisioning),
            (b"\x01\x06\x01\xCB\x02", PushApplication::Drm),
            (b"\x01\x06\x01\xC4\x02", PushApplication::SyncMl),
            (b"\x01\x06\x01\xCE\x02", PushApplication::SyncMl),
            (b"\x01\x06\x0Cimage/x-own\0\x02", PushApplication::Other),
        ] {
            assert_eq!(decode(octets).value.application(), application, "{octets:02X?}");
        }
    }

    #[test]
    fn what_is_no_push_is_refused_with_its_place() {
        let error = |octets: &[u8]| Push::decode(&Bytes::copy_from_slice(octets)).unwrap_err();
        assert_eq!(
            error(b"\x01\x40\x03"),
            DecodeError {
                field: "PDU Type",
                offset: 1,
                kind: DecodeErrorKind::UnexpectedPdu(0x40)
            }
        );
        assert_eq!(
            error(b"\x01\x06\x20\xBE").kind,
            DecodeErrorKind::LengthExceedsInput { declared: 0x20 }
        );
        assert_eq!(error(b"\x01").kind, DecodeErrorKind::Truncated);
        assert_eq!(error(b"").field, "Transaction Identifier");
    }
}
