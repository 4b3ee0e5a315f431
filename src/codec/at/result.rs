//! Final result codes (ITU-T V.250 clause 5.7.1, 3GPP TS 27.007 clause 9, 27.005 clause 3.2.5).

use std::fmt;

use nom::Parser;
use nom::bytes::complete::{tag, tag_no_case};
use nom::character::complete::space0;
use nom::combinator::{opt, rest};
use nom::sequence::preceded;

use super::names::{cme_code, cme_name, cms_code, cms_name};

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FinalResult {
    /// `OK`
    Ok,
    /// `ERROR`, without a reason.
    Error,
    /// `+CME ERROR`: equipment or network.
    Cme(ErrorReason),
    /// `+CMS ERROR`: message service.
    Cms(ErrorReason),
    /// `CONNECT`, with the text behind it.
    Connect(String),
    /// `NO CARRIER`
    NoCarrier,
    /// `BUSY`
    Busy,
    /// `NO ANSWER`
    NoAnswer,
    /// `NO DIALTONE`
    NoDialtone,
    /// One of the words by which modems say that they do not know a command.
    NotSupported(String),
}

/// What stands behind `+CME ERROR:` or `+CMS ERROR:`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorReason {
    /// The code, also where the modem gave its name.
    pub code: Option<u16>,
    /// As the modem wrote it; may be empty.
    pub text: String,
}

impl FinalResult {
    /// Reads a line; none when it is no final result.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let plain = match line {
            "OK" => Some(Self::Ok),
            "ERROR" => Some(Self::Error),
            "NO CARRIER" => Some(Self::NoCarrier),
            "BUSY" => Some(Self::Busy),
            "NO ANSWER" => Some(Self::NoAnswer),
            "NO DIALTONE" | "NO DIAL TONE" => Some(Self::NoDialtone),
            // Huawei; Samsung.
            "COMMAND NOT SUPPORT" | "COMMAND NOT SUPPORTED" | "NA" | "TOO MANY PARAMETERS" => {
                Some(Self::NotSupported(line.to_owned()))
            }
            _ => None,
        };
        if plain.is_some() {
            return plain;
        }
        if let Some(text) = behind("+CME ERROR", line) {
            return Some(Self::Cme(ErrorReason::new(text, cme_code)));
        }
        if let Some(text) = behind("+CMS ERROR", line) {
            return Some(Self::Cms(ErrorReason::new(text, cms_code)));
        }
        // Motorola; oFono names the other.
        if behind("MODEM ERROR", line).is_some() || behind("+EXT ERROR", line).is_some() {
            return Some(Self::NotSupported(line.to_owned()));
        }
        let connect = line.strip_prefix("CONNECT")?;
        (!connect.starts_with(|next: char| next.is_ascii_alphabetic()))
            .then(|| Self::Connect(connect.trim_start_matches([' ', '/', ':']).trim().to_owned()))
    }

    /// Whether the command did what it should.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    /// The code of `+CME ERROR`.
    #[must_use]
    pub const fn cme(&self) -> Option<u16> {
        match self {
            Self::Cme(reason) => reason.code,
            _ => None,
        }
    }

    /// The code of `+CMS ERROR`.
    #[must_use]
    pub const fn cms(&self) -> Option<u16> {
        match self {
            Self::Cms(reason) => reason.code,
            _ => None,
        }
    }

    /// Whether the modem does not know the command or its form, rather than refusing this use.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        match self {
            Self::Error | Self::NotSupported(_) => true,
            Self::Cme(reason) => matches!(reason.code, Some(3 | 4 | 50 | 51 | 100) | None),
            Self::Cms(reason) => matches!(reason.code, Some(302..=305) | None),
            _ => false,
        }
    }

    /// Whether the SIM or the modem asks for patience (`+CME ERROR: 14`, `515`, `+CMS ERROR: 314`).
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self.cme(), Some(14 | 515)) || matches!(self.cms(), Some(314))
    }
}

impl ErrorReason {
    fn new(text: &str, code_of: fn(&str) -> Option<u16>) -> Self {
        Self { code: text.parse().ok().or_else(|| code_of(text)), text: text.to_owned() }
    }

    fn show(
        &self,
        f: &mut fmt::Formatter<'_>,
        kind: &str,
        name_of: fn(u16) -> Option<&'static str>,
    ) -> fmt::Result {
        f.write_str(kind)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        match self.code.and_then(name_of) {
            Some(name) if !name.eq_ignore_ascii_case(&self.text) => write!(f, " ({name})"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for FinalResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Error => f.write_str("ERROR"),
            Self::Cme(reason) => reason.show(f, "+CME ERROR", cme_name),
            Self::Cms(reason) => reason.show(f, "+CMS ERROR", cms_name),
            Self::Connect(text) if text.is_empty() => f.write_str("CONNECT"),
            Self::Connect(text) => write!(f, "CONNECT {text}"),
            Self::NoCarrier => f.write_str("NO CARRIER"),
            Self::Busy => f.write_str("BUSY"),
            Self::NoAnswer => f.write_str("NO ANSWER"),
            Self::NoDialtone => f.write_str("NO DIALTONE"),
            Self::NotSupported(text) => f.write_str(text),
        }
    }
}

/// What stands behind a name, with or without colon and blank; none when another word goes on.
fn behind<'a>(name: &str, line: &'a str) -> Option<&'a str> {
    let mut after = (tag_no_case::<_, _, nom::error::Error<&str>>(name), space0, opt(tag(":")));
    let (text, (_, blank, colon)) = after.parse(line).ok()?;
    if colon.is_none() && blank.is_empty() && !text.is_empty() {
        return None;
    }
    let (_, text) = preceded(space0::<_, nom::error::Error<&str>>, rest).parse(text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_results_of_the_field() {
        let cme = |code: Option<u16>, text: &str| {
            FinalResult::Cme(ErrorReason { code, text: text.to_owned() })
        };
        let cms = |code: Option<u16>, text: &str| {
            FinalResult::Cms(ErrorReason { code, text: text.to_owned() })
        };
        let unsupported = |text: &str| FinalResult::NotSupported(text.to_owned());
        for (line, result) in [
            ("OK", FinalResult::Ok),
            ("ERROR", FinalResult::Error),
            ("+CME ERROR: 10", cme(Some(10), "10")),
            ("+CME ERROR:49", cme(Some(49), "49")),
            ("+CME ERROR: SIM busy", cme(Some(14), "SIM busy")),
            ("+CME ERROR: strange words", cme(None, "strange words")),
            ("+CME ERROR: ", cme(None, "")),
            ("+CME ERROR", cme(None, "")),
            ("+CMS ERROR: 321", cms(Some(321), "321")),
            ("+CMS ERROR: memory full", cms(Some(322), "memory full")),
            ("CONNECT", FinalResult::Connect(String::new())),
            ("CONNECT 150000000", FinalResult::Connect("150000000".to_owned())),
            ("CONNECT/460800", FinalResult::Connect("460800".to_owned())),
            ("NO CARRIER", FinalResult::NoCarrier),
            ("BUSY", FinalResult::Busy),
            ("NO ANSWER", FinalResult::NoAnswer),
            ("NO DIALTONE", FinalResult::NoDialtone),
            ("COMMAND NOT SUPPORT", unsupported("COMMAND NOT SUPPORT")),
            ("NA", unsupported("NA")),
            ("MODEM ERROR: 7", unsupported("MODEM ERROR: 7")),
            ("+EXT ERROR: 3", unsupported("+EXT ERROR: 3")),
        ] {
            assert_eq!(FinalResult::parse(line), Some(result), "{line}");
        }
        for line in ["", "OKAY", "+CMEE: 1", "NATIONAL", "CONNECTED", "+CME ERRORS", "OK?"] {
            assert_eq!(FinalResult::parse(line), None, "{line}");
        }
    }

    #[test]
    fn reason_is_shown_with_its_name() {
        let shown = |line: &str| FinalResult::parse(line).unwrap().to_string();
        assert_eq!(shown("+CME ERROR: 14"), "+CME ERROR: 14 (SIM busy)");
        assert_eq!(shown("+CME ERROR: SIM busy"), "+CME ERROR: SIM busy");
        assert_eq!(shown("+CMS ERROR:"), "+CMS ERROR");
    }

    #[test]
    fn patience_and_ignorance_are_told_apart() {
        let parse = |line: &str| FinalResult::parse(line).unwrap();
        assert!(parse("+CME ERROR: 515").is_busy());
        assert!(!parse("+CME ERROR: 515").is_unsupported());
        assert!(parse("+CMS ERROR: 303").is_unsupported());
        assert!(!parse("+CME ERROR: 10").is_unsupported());
    }
}
