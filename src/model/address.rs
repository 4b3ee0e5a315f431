//! Addresses of senders and recipients: MSISDN, short code, e-mail (3GPP TS 23.140 clause 8.3;
//! OMA-TS-MMS_ENC-V1_3 clause 8 for the `/TYPE=` suffix).

use std::fmt;

use super::redact;

/// Longest address taken from anyone, in octets.
pub const MAX_ADDRESS_LEN: usize = 256;

/// One party of a message.
///
/// `Display` shows the address in full and is meant for the user's own screen and API; `Debug`
/// redacts it and is what logs and traces get.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// A telephone number: digits, with a leading `+` where it is in international form.
    Msisdn(String),
    /// A short code of three to eight digits, sent unformatted.
    ShortCode(String),
    /// An e-mail address.
    Email(String),
    /// Anything else a peer wrote: alphanumeric senders, IP addresses, unknown types.
    Other {
        /// The address without its suffix.
        text: String,
        /// What followed `/TYPE=`, when there was a suffix.
        kind: Option<String>,
    },
}

/// Why a recipient typed by a person cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but blanks.
    #[error("the recipient is empty")]
    Empty,
    /// Above [`MAX_ADDRESS_LEN`].
    #[error("the recipient has {0} characters, more than {MAX_ADDRESS_LEN}")]
    TooLong(usize),
    /// A character that no telephone number has.
    #[error("{0:?} cannot be part of a phone number")]
    BadCharacter(char),
    /// E.164 allows 15 digits.
    #[error("a phone number has at most 15 digits, this one has {0}")]
    TooManyDigits(usize),
    /// Fewer than three digits.
    #[error("a phone number has at least 3 digits, this one has {0}")]
    TooFewDigits(usize),
    /// Not of the form `local@domain`.
    #[error("this is not an e-mail address")]
    BadEmail,
}

impl Address {
    /// Reads what a person typed as a recipient: blanks, dashes, dots and brackets are dropped,
    /// a leading `00` becomes `+`.
    ///
    /// # Errors
    /// [`AddressError`] names what is wrong with it.
    pub fn parse_recipient(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > MAX_ADDRESS_LEN {
            return Err(AddressError::TooLong(text.chars().count()));
        }
        if text.contains('@') {
            return if is_email(text) {
                Ok(Self::Email(text.to_owned()))
            } else {
                Err(AddressError::BadEmail)
            };
        }
        let mut digits = String::new();
        let mut international = false;
        for (position, character) in text.chars().enumerate() {
            match character {
                '+' if position == 0 => international = true,
                '0'..='9' => digits.push(character),
                ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
                other => return Err(AddressError::BadCharacter(other)),
            }
        }
        if !international && let Some(rest) = digits.strip_prefix("00") {
            digits = rest.to_owned();
            international = true;
        }
        match digits.len() {
            0..=2 => Err(AddressError::TooFewDigits(digits.len())),
            3..=15 if international => Ok(Self::Msisdn(format!("+{digits}"))),
            3..=6 if !digits.starts_with('0') => Ok(Self::ShortCode(digits)),
            3..=15 => Ok(Self::Msisdn(digits)),
            more => Err(AddressError::TooManyDigits(more)),
        }
    }

    /// Reads what a peer wrote in a PDU, with or without a `/TYPE=` suffix; never fails.
    #[must_use]
    pub fn from_wire(text: &str) -> Self {
        let text = text.trim();
        // The slash is looked for first: it is one octet, and few addresses have another.
        let suffix = |mark: &str| {
            let mut slashes = text.match_indices('/').map(|(at, _)| text.split_at(at));
            slashes.find_map(|(bare, rest)| Some((bare, rest.strip_prefix(mark)?)))
        };
        let (bare, kind) = match suffix("/TYPE=").or_else(|| suffix("/type=")) {
            Some((bare, kind)) => (bare, Some(kind)),
            None => (text, None),
        };
        let digits = bare.strip_prefix('+').unwrap_or(bare);
        let numeric = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
        // Misspelt and cut suffixes occur in the field; a number stays a number beside them.
        match kind {
            Some(kind) if kind.eq_ignore_ascii_case("PLMN") && numeric => {
                Self::Msisdn(bare.to_owned())
            }
            None if numeric && !bare.starts_with('+') && digits.len() <= 6 => {
                Self::ShortCode(bare.to_owned())
            }
            None if numeric => Self::Msisdn(bare.to_owned()),
            None if is_email(bare) => Self::Email(bare.to_owned()),
            Some(kind) if numeric && is_cut_of_plmn(kind) => Self::Msisdn(bare.to_owned()),
            kind => Self::Other { text: bare.to_owned(), kind: kind.map(str::to_owned) },
        }
    }

    /// The form that goes into a PDU: `/TYPE=PLMN` behind numbers, nothing behind e-mail and
    /// short codes.
    #[must_use]
    pub fn to_wire(&self) -> String {
        match self {
            Self::Msisdn(number) => format!("{number}/TYPE=PLMN"),
            Self::ShortCode(text) | Self::Email(text) | Self::Other { text, kind: None } => {
                text.clone()
            }
            Self::Other { text, kind: Some(kind) } => format!("{text}/TYPE={kind}"),
        }
    }

    /// The address without any suffix.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Msisdn(text)
            | Self::ShortCode(text)
            | Self::Email(text)
            | Self::Other { text, .. } => text,
        }
    }

    /// What stands behind `/TYPE=` on the wire, if anything.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Msisdn(_) => Some("PLMN"),
            Self::ShortCode(_) | Self::Email(_) => None,
            Self::Other { kind, .. } => kind.as_deref(),
        }
    }

    /// Whether both mean the same subscriber: equal text, or numbers of which one is the national
    /// form of the other (the last nine digits agree and at least one is not international).
    #[must_use]
    pub fn same_party(&self, other: &Self) -> bool {
        if self.text().eq_ignore_ascii_case(other.text()) {
            return true;
        }
        let (Self::Msisdn(left), Self::Msisdn(right)) = (self, other) else { return false };
        if left.starts_with('+') && right.starts_with('+') {
            return false;
        }
        let tail = |number: &str| -> Option<String> {
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            (digits.len() >= 9).then(|| digits[digits.len() - 9..].to_owned())
        };
        matches!((tail(left), tail(right)), (Some(left), Some(right)) if left == right)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::number(self.text()))
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty()
        && !domain.is_empty()
        && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>,;\"\\".contains(&octet))
}

fn is_cut_of_plmn(kind: &str) -> bool {
    kind.len() <= "PLMN".len() + 1
        && "PLMN".chars().next().is_some_and(|first| kind.is_empty() || kind.starts_with(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_number_loses_its_decoration() {
        assert_eq!(
            Address::parse_recipient(" +44 (7700) 900-123 "),
            Ok(Address::Msisdn("+447700900123".into()))
        );
        assert_eq!(
            Address::parse_recipient("0044 7700 900123"),
            Ok(Address::Msisdn("+447700900123".into()))
        );
        assert_eq!(
            Address::parse_recipient("07700 900123"),
            Ok(Address::Msisdn("07700900123".into()))
        );
    }

    #[test]
    fn short_code_is_left_alone() {
        assert_eq!(Address::parse_recipient("86888"), Ok(Address::ShortCode("86888".into())));
        assert_eq!(Address::ShortCode("86888".into()).to_wire(), "86888");
    }

    #[test]
    fn unusable_recipient_is_named() {
        assert_eq!(Address::parse_recipient("  "), Err(AddressError::Empty));
        assert_eq!(Address::parse_recipient("12"), Err(AddressError::TooFewDigits(2)));
        assert_eq!(Address::parse_recipient("+44abc"), Err(AddressError::BadCharacter('a')));
        assert_eq!(
            Address::parse_recipient("+1234567890123456"),
            Err(AddressError::TooManyDigits(16))
        );
        assert_eq!(Address::parse_recipient("a@"), Err(AddressError::BadEmail));
        assert_eq!(Address::parse_recipient("+44\r\nAT"), Err(AddressError::BadCharacter('\r')));
    }

    #[test]
    fn wire_suffix_is_split_off_and_put_back() {
        let number = Address::from_wire("+447700900123/TYPE=PLMN");
        assert_eq!(number, Address::Msisdn("+447700900123".into()));
        assert_eq!(number.to_wire(), "+447700900123/TYPE=PLMN");
        let ip = Address::from_wire("10.0.0.1/TYPE=IPv4");
        assert_eq!(ip.kind(), Some("IPv4"));
        assert_eq!(ip.to_wire(), "10.0.0.1/TYPE=IPv4");
        assert_eq!(Address::from_wire("shop@example.com").kind(), None);
        assert_eq!(Address::from_wire("#Info").text(), "#Info");
    }

    #[test]
    fn suffix_cut_by_an_operator_leaves_the_number() {
        assert_eq!(Address::from_wire("+447700900123/TYPE=PLM").text(), "+447700900123");
    }

    #[test]
    fn debug_hides_the_number() {
        let shown = format!("{:?}", Address::Msisdn("+447700900123".into()));
        assert!(!shown.contains("7700900"), "{shown}");
    }

    #[test]
    fn national_and_international_form_are_one_party() {
        let national = Address::Msisdn("07700900123".into());
        let international = Address::Msisdn("+447700900123".into());
        assert!(national.same_party(&international));
        assert!(!international.same_party(&Address::Msisdn("+17700900123".into())));
    }
}
