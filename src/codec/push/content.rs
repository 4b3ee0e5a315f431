//! What the body of a push says, by its content type (WAP-235-PushOTA-20010425-a).

use super::provisioning::{Provisioning, SecurityMethod};
use super::service::{CacheOperation, EmailNotification, ServiceIndication, ServiceLoading};
use super::tree::Element;
use super::vocabulary::{
    CACHE_OPERATION, EMAIL_NOTIFICATION, OTA_SETTINGS, PROVISIONING, SERVICE_INDICATION,
    SERVICE_LOADING, Vocabulary,
};
use super::wbxml::{self, Head};
use super::{Push, xml};
use crate::codec::wsp::{ContentType, Warnings};
use crate::codec::{DecodeError, Decoded};

/// What the body of a push says, where it is a document that is read here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A text with a link.
    ServiceIndication(ServiceIndication),
    /// A link to be loaded.
    ServiceLoading(ServiceLoading),
    /// Links that the cache must forget.
    CacheOperation(CacheOperation),
    /// There is mail.
    EmailNotification(EmailNotification),
    /// Settings.
    Provisioning(Provisioning),
}

/// How a document is written.
#[derive(Clone, Copy)]
enum Form {
    Binary(&'static Vocabulary),
    Text,
}

fn form_of(content_type: &ContentType) -> Option<Form> {
    Some(match content_type.media_type.as_str() {
        "application/vnd.wap.sic" => Form::Binary(&SERVICE_INDICATION),
        "application/vnd.wap.slc" => Form::Binary(&SERVICE_LOADING),
        "application/vnd.wap.coc" => Form::Binary(&CACHE_OPERATION),
        "application/vnd.wap.emn+wbxml" => Form::Binary(&EMAIL_NOTIFICATION),
        "application/vnd.wap.connectivity-wbxml" => Form::Binary(&PROVISIONING),
        "application/x-wap-prov.browser-settings" | "application/x-wap-prov.browser-bookmarks" => {
            Form::Binary(&OTA_SETTINGS)
        }
        "text/vnd.wap.si"
        | "text/vnd.wap.sl"
        | "text/vnd.wap.co"
        | "text/vnd.wap.emn+xml"
        | "text/vnd.wap.connectivity-xml" => Form::Text,
        _ => return None,
    })
}

/// The document in the body; offsets are those of the body.
pub(super) struct Document {
    /// What stands in front of a binary one.
    pub(super) head: Option<Head>,
    pub(super) root: Element,
}

/// Reads the document in the body; none when it is no document that is read here.
pub(super) fn document(push: &Push) -> Option<Result<Decoded<Document>, DecodeError>> {
    Some(match form_of(&push.content_type)? {
        Form::Binary(vocabulary) => wbxml::read(&push.body, vocabulary).map(|decoded| Decoded {
            value: Document { head: Some(decoded.value.head), root: decoded.value.root },
            warnings: decoded.warnings,
        }),
        Form::Text => {
            let charset = push.content_type.charset.as_deref();
            xml::read(&push.body, charset).map(|decoded| Decoded {
                value: Document { head: None, root: decoded.value },
                warnings: decoded.warnings,
            })
        }
    })
}

impl Push {
    /// What the body says, where it is a Service Indication or Loading, a Cache Operation, an
    /// e-mail notification or a document with settings; none for any other. Offsets in warnings
    /// and errors are those of the body.
    ///
    /// # Errors
    /// When the document cannot be read from its beginning, exceeds a limit ([`super::MAX_WBXML_DEPTH`],
    /// [`super::MAX_WBXML_ITEMS`], [`super::MAX_WBXML_TEXT`], [`super::MAX_STRING_TABLE`]), or is
    /// another one than the content type says.
    pub fn content(&self) -> Result<Option<Decoded<Content>>, DecodeError> {
        let Some(read) = document(self) else { return Ok(None) };
        let Decoded { value, warnings } = read?;
        let root = &value.root;
        let mut more = Warnings::new();
        let content = match root.name.as_str() {
            "sl" => Content::ServiceLoading(ServiceLoading::from_tree(root, &mut more)?),
            "co" => Content::CacheOperation(CacheOperation::from_tree(root)?),
            "emn" => Content::EmailNotification(EmailNotification::from_tree(root, &mut more)?),
            "wap-provisioningdoc" | "CHARACTERISTIC-LIST" => {
                Content::Provisioning(Provisioning::from_tree(root, self.security()))
            }
            _ => Content::ServiceIndication(ServiceIndication::from_tree(root, &mut more)?),
        };
        let mut warnings = warnings;
        warnings.extend(more.into_sorted());
        warnings.sort_by_key(|warning| warning.offset);
        Ok(Some(Decoded { value: content, warnings }))
    }

    /// The parameter SEC of the content type of a provisioning document.
    #[must_use]
    pub fn security(&self) -> Option<SecurityMethod> {
        let others = &self.content_type.others;
        let (_, number) = others.iter().find(|(name, _)| name == "sec")?;
        number.parse().ok().map(SecurityMethod::from_number)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::codec::DecodeErrorKind;
    use crate::codec::push::{LoadAction, SignalAction};
    use crate::model::Timestamp;

    fn push(kind: &str, body: impl Into<Bytes>) -> Push {
        Push {
            transaction_id: 1,
            content_type: ContentType::new(kind),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    fn content(kind: &str, body: impl Into<Bytes>) -> Content {
        let decoded = push(kind, body).content().unwrap().unwrap();
        assert_eq!(decoded.warnings, []);
        decoded.value
    }

    #[test]
    fn both_forms_of_an_indication_say_the_same() {
        let text = "<?xml version=\"1.0\"?><si><indication href=\"http://www.shop.com/a\" \
            action=\"signal-high\" created=\"2026-11-21T10:20:30Z\" \
            si-expires=\"2026-11-22T00:00:00Z\" si-id=\"7\">Grüße</indication></si>";
        let from_text = content("text/vnd.wap.si", text);
        let Content::ServiceIndication(indication) = &from_text else { panic!("{from_text:?}") };
        assert_eq!(indication.action, SignalAction::High);
        assert_eq!(indication.text, "Grüße");
        assert_eq!(indication.id.as_deref(), Some("7"));
        let expires = indication.expires.unwrap();
        assert_eq!(expires.to_string(), "2026-11-22T00:00:00.000Z");
        let octets = indication.to_wbxml();
        assert_eq!(content("application/vnd.wap.sic", octets.clone()), from_text);
        // The domain and the beginning of the link are tokens.
        assert!(octets.windows(6).any(|window| window == b"\x0D\x03shop"));
        assert!(octets.windows(3).any(|window| window == b"\x85\x03a"));
    }

    #[test]
    fn operations_on_the_cache_and_mail() {
        let body = b"\x03\x07\x6A\x00\x45\x86\x06\x03m/1\0\x01\x87\x05\x03x\0\x01\x01";
        let expected =
            CacheOperation { objects: vec!["http://m/1".into()], services: vec!["x".into()] };
        assert_eq!(
            content("application/vnd.wap.coc", &body[..]),
            Content::CacheOperation(expected)
        );
        let body = b"\x03\x0D\x6A\x00\x85\x07\x03me@m\0\x85\x05\xC3\x04\x20\x26\x11\x21\x01";
        let Content::EmailNotification(mail) = content("application/vnd.wap.emn+wbxml", &body[..])
        else {
            panic!()
        };
        assert_eq!(mail.mailbox.as_deref(), Some("mailat:me@m.com"));
        assert!(mail.timestamp.is_some());
    }

    #[test]
    fn settings_are_told_without_their_secrets() {
        let text = "<wap-provisioningdoc><characteristic type=\"NAPDEF\">\
            <parm name=\"NAME\" value=\"Op MMS\"/><parm name=\"NAP-ADDRESS\" value=\"mms.op\"/>\
            <parm name=\"AUTHSECRET\" value=\"hush\"/></characteristic>\
            <characteristic type=\"PXPHYSICAL\"><parm name=\"PXADDR\" value=\"10.0.0.1\"/>\
            </characteristic></wap-provisioningdoc>";
        let settings = push("text/vnd.wap.connectivity-xml", text);
        let Content::Provisioning(found) = settings.content().unwrap().unwrap().value else {
            panic!()
        };
        assert_eq!(
            (found.names, found.access_points),
            (vec!["Op MMS".into()], vec!["mms.op".into()])
        );
        assert_eq!((found.proxies, found.security), (vec!["10.0.0.1".into()], None));
        let shown = format!("{:?}", crate::codec::push::outline(&settings.encode()));
        assert!(shown.contains("AUTHSECRET") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn unknown_action_and_time_are_warnings() {
        let text = "<si><indication action=\"shout\" created=\"soon\">x</indication></si>";
        let decoded = push("text/vnd.wap.si", text).content().unwrap().unwrap();
        let fields: Vec<_> = decoded.warnings.iter().map(|it| (&*it.field, it.offset)).collect();
        assert_eq!(fields, [("action", 4), ("created", 4)]);
        let Content::ServiceIndication(indication) = decoded.value else { panic!() };
        assert_eq!((indication.action, indication.created), (SignalAction::Medium, None));
    }

    #[test]
    fn another_document_than_announced_is_an_error_or_what_it_is() {
        let error = push("text/vnd.wap.si", "<wml/>").content().unwrap_err();
        assert_eq!((error.field, error.kind), ("si", DecodeErrorKind::MissingField));
        let error = push("text/vnd.wap.sl", "<sl/>").content().unwrap_err();
        assert_eq!((error.field, error.offset), ("href", 0));
        assert!(push("application/octet-stream", "x").content().unwrap().is_none());
    }

    proptest! {
        #[test]
        fn indications_come_back(
            href in prop::option::of("(https?://)?(www\\.)?[a-z.]{0,9}(\\.com/|\\.org/)?[ -~]{0,20}"),
            text in "([!-~äß日😀][ -~äß日😀]{0,30}[!-~ä])?",
            action in 0..5_usize,
            created in prop::option::of(0..4_000_000_000_i64),
            expires in prop::option::of(0..4_000_000_000_i64),
            id in prop::option::of("[ -~]{0,12}"),
        ) {
            let indication = ServiceIndication {
                href,
                text,
                action: [
                    SignalAction::None,
                    SignalAction::Low,
                    SignalAction::Medium,
                    SignalAction::High,
                    SignalAction::Delete,
                ][action],
                created: created.map(Timestamp::from_secs),
                expires: expires.map(Timestamp::from_secs),
                id,
            };
            let body = indication.to_wbxml();
            prop_assert_eq!(
                content("application/vnd.wap.sic", body),
                Content::ServiceIndication(indication)
            );
        }

        #[test]
        fn loadings_come_back(href in "[ -~ä日]{0,60}", action in 0..3_usize) {
            let action = [LoadAction::ExecuteLow, LoadAction::ExecuteHigh, LoadAction::Cache][action];
            let loading = ServiceLoading { href, action };
            let body = loading.to_wbxml();
            prop_assert_eq!(
                content("application/vnd.wap.slc", body),
                Content::ServiceLoading(loading)
            );
        }
    }
}
