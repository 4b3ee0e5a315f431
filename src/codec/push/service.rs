//! Service Indication, Service Loading and Cache Operation (WAP-167-ServiceInd-20010731-a,
//! WAP-168-ServiceLoad-20010731-a, WAP-175-CacheOp-20010731-a), and E-Mail Notification
//! (OMA-WAP-TS-EMN-V1_0).

use bytes::Bytes;

use super::date;
use super::tree::Element;
use super::vocabulary::{SERVICE_INDICATION, SERVICE_LOADING, Vocabulary};
use crate::codec::wsp::{Warnings, put_uintvar};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::model::Timestamp;

/// How loudly a Service Indication is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignalAction {
    /// Not at all.
    None,
    /// When the user looks.
    Low,
    /// Without disturbing; what counts when nothing is said.
    #[default]
    Medium,
    /// At once.
    High,
    /// The indication of this id is to be deleted.
    Delete,
}

/// What is done with the link of a Service Loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadAction {
    /// Loaded without disturbing; what counts when nothing is said.
    #[default]
    ExecuteLow,
    /// Loaded at once.
    ExecuteHigh,
    /// Kept in the cache.
    Cache,
}

/// A text with a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceIndication {
    /// The link; none when only the text counts, or an indication is deleted.
    pub href: Option<String>,
    /// The text.
    pub text: String,
    /// How loudly it is told.
    pub action: SignalAction,
    /// When it was made, in whole seconds.
    pub created: Option<Timestamp>,
    /// When it is of no use any more, in whole seconds.
    pub expires: Option<Timestamp>,
    /// Tells indications apart; the link does when there is none.
    pub id: Option<String>,
}

/// A link to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLoading {
    /// The link.
    pub href: String,
    /// What is done with it.
    pub action: LoadAction,
}

/// Links that the cache must forget.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheOperation {
    /// Single objects.
    pub objects: Vec<String>,
    /// Everything that begins like these.
    pub services: Vec<String>,
}

/// There is mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailNotification {
    /// Where.
    pub mailbox: Option<String>,
    /// Since when, in whole seconds.
    pub timestamp: Option<Timestamp>,
}

impl SignalAction {
    const ALL: [(Self, &'static str); 5] = [
        (Self::None, "signal-none"),
        (Self::Low, "signal-low"),
        (Self::Medium, "signal-medium"),
        (Self::High, "signal-high"),
        (Self::Delete, "delete"),
    ];

    /// The word of the specification.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl LoadAction {
    const ALL: [(Self, &'static str); 3] = [
        (Self::ExecuteLow, "execute-low"),
        (Self::ExecuteHigh, "execute-high"),
        (Self::Cache, "cache"),
    ];

    /// The word of the specification.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl ServiceIndication {
    pub(super) fn from_tree(root: &Element, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        let indication = expect(root, "si")?
            .child("indication")
            .ok_or_else(|| missing("indication", root.range.start))?;
        Ok(Self {
            href: indication.value("href").map(str::to_owned),
            text: indication.text.trim().to_owned(),
            action: choose(indication, &SignalAction::ALL, warnings),
            created: time(indication, "created", warnings),
            expires: time(indication, "si-expires", warnings),
            id: indication.value("si-id").map(str::to_owned),
        })
    }

    /// The binary form, in UTF-8.
    #[must_use]
    pub fn to_wbxml(&self) -> Bytes {
        let mut out = vec![0x03, 0x05, UTF_8, 0x00, 0x45, 0xc6];
        let vocabulary = &SERVICE_INDICATION;
        put_attribute(&mut out, vocabulary, "action", self.action.as_str());
        for (name, at) in [("created", self.created), ("si-expires", self.expires)] {
            if let (Some(at), Some((token, _))) = (at, vocabulary.begin(name, "")) {
                let octets = date::to_opaque(at);
                out.extend([token, 0xc3]);
                put_uintvar(&mut out, u64::try_from(octets.len()).unwrap_or_default());
                out.extend(octets);
            }
        }
        for (name, value) in [("href", &self.href), ("si-id", &self.id)] {
            if let Some(value) = value {
                put_attribute(&mut out, vocabulary, name, value);
            }
        }
        out.push(END);
        put_text(&mut out, &self.text);
        out.extend([END, END]);
        out.into()
    }
}

impl ServiceLoading {
    pub(super) fn from_tree(root: &Element, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        let loading = expect(root, "sl")?;
        Ok(Self {
            href: loading
                .value("href")
                .ok_or_else(|| missing("href", loading.range.start))?
                .to_owned(),
            action: choose(loading, &LoadAction::ALL, warnings),
        })
    }

    /// The binary form, in UTF-8.
    #[must_use]
    pub fn to_wbxml(&self) -> Bytes {
        let mut out = vec![0x03, 0x06, UTF_8, 0x00, 0x85];
        put_attribute(&mut out, &SERVICE_LOADING, "action", self.action.as_str());
        put_attribute(&mut out, &SERVICE_LOADING, "href", &self.href);
        out.push(END);
        out.into()
    }
}

impl CacheOperation {
    pub(super) fn from_tree(root: &Element) -> Result<Self, DecodeError> {
        let root = expect(root, "co")?;
        let of = |name: &str| {
            let named = root.children.iter().filter(|child| child.name == name);
            named.filter_map(|child| child.value("uri")).map(str::to_owned).collect()
        };
        Ok(Self { objects: of("invalidate-object"), services: of("invalidate-service") })
    }
}

impl EmailNotification {
    pub(super) fn from_tree(root: &Element, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        let root = expect(root, "emn")?;
        Ok(Self {
            mailbox: root.value("mailbox").map(str::to_owned),
            timestamp: time(root, "timestamp", warnings),
        })
    }
}

/// MIBenum of UTF-8.
const UTF_8: u8 = 0x6a;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;

fn expect<'a>(root: &'a Element, name: &'static str) -> Result<&'a Element, DecodeError> {
    if root.name == name { Ok(root) } else { Err(missing(name, root.range.start)) }
}

const fn missing(field: &'static str, offset: usize) -> DecodeError {
    DecodeError { field, offset, kind: DecodeErrorKind::MissingField }
}

/// The action; what counts without one when it is not known.
fn choose<T: Copy + Default>(
    element: &Element,
    actions: &[(T, &'static str)],
    warnings: &mut Warnings,
) -> T {
    let Some(attribute) = element.attribute("action") else { return T::default() };
    match actions.iter().find(|(_, name)| *name == attribute.value) {
        Some((action, _)) => *action,
        None => {
            let at = attribute.range.start;
            warnings.not_understood("action", at, "no known action, the usual one counts");
            T::default()
        }
    }
}

fn time(element: &Element, name: &'static str, warnings: &mut Warnings) -> Option<Timestamp> {
    let attribute = element.attribute(name)?;
    let at = date::parse(&attribute.value);
    if at.is_none() {
        warnings.not_understood(name, attribute.range.start, "this is no time");
    }
    at
}

/// An attribute with the longest beginning that has a token, and tokens for domains in it.
fn put_attribute(out: &mut Vec<u8>, vocabulary: &Vocabulary, name: &str, value: &str) {
    let Some((token, begin)) = vocabulary.begin(name, value) else { return };
    out.push(token);
    let mut rest = value.get(begin.len()..).unwrap_or_default();
    while let Some((before, token, behind)) = vocabulary.split(rest) {
        put_text(out, before);
        out.push(token);
        rest = behind;
    }
    put_text(out, rest);
}

/// An inline string; none for no text. A NUL would end it and is left out.
fn put_text(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|octet| octet != 0) {
        out.push(STR_I);
        out.extend(text.bytes().filter(|octet| *octet != 0));
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_nothing_but_nul_is_no_text() {
        let nul = ServiceIndication { text: "\0".to_owned(), ..ServiceIndication::default() };
        assert_eq!(nul.to_wbxml(), ServiceIndication::default().to_wbxml());
    }
}
