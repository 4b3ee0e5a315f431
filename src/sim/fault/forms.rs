//! The forms in which some faults come.

use serde::{Deserialize, Serialize};

/// Where an unsolicited code stands; never between `+CMT` and its PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum UrcPlace {
    /// Before the echo of a command line.
    BeforeEcho,
    /// Between the echo and the first line of the reply.
    BeforeReply,
    /// Between the lines of `+CMGL`.
    InsideList,
    /// Behind the final result, in the same read.
    AfterResult,
}

/// What a port says when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BannerForm {
    /// `RDY` and what follows it on Quectel and SIMCom parts.
    Rdy,
    /// `^SYSSTART` of Cinterion.
    Sysstart,
    /// Random octets.
    Garbage,
    /// NUL octets.
    Nul,
    /// What text looks like at a wrong baud rate.
    WrongBaud,
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LineEndForm {
    /// LF alone.
    Lf,
    /// CR CR LF.
    CrCrLf,
    /// Blank lines before each line.
    BlankLines,
}

/// Final results beyond OK and ERROR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ResultForm {
    /// `ERROR`
    Error,
    /// `+CME ERROR: SIM busy`
    CmeText,
    /// `+CME ERROR:` and nothing.
    CmeEmpty,
    /// `+CME ERROR:49`
    CmeWithoutBlank,
    /// `+CMS ERROR: memory failure`
    CmsText,
    /// `+CMS ERROR:` and nothing.
    CmsEmpty,
    /// `COMMAND NOT SUPPORT`
    CommandNotSupport,
    /// `NA`
    Na,
    /// `MODEM ERROR: 4`
    ModemError,
    /// `+EXT ERROR: 10`
    ExtError,
    /// `NO DIALTONE`
    NoDialtone,
    /// `NO ANSWER`
    NoAnswer,
    /// `BUSY`
    Busy,
}

/// In whose words a full storage is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FullForm {
    /// `^SMMEMFULL: "SM"`
    Huawei,
    /// `^SMGO: 2`
    Cinterion,
    /// `+CIEV: "smsfull",1`
    Indicator,
}

/// Class of a message (TS 23.038 clause 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Class(u8);

impl Class {
    /// The class, 0 to 3; none beyond.
    #[must_use]
    pub const fn new(class: u8) -> Option<Self> {
        if class <= 3 { Some(Self(class)) } else { None }
    }

    /// 0 to 3.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Class {
    type Error = String;

    fn try_from(class: u8) -> Result<Self, String> {
        Self::new(class).ok_or_else(|| format!("class {class} is none of 0 to 3"))
    }
}

impl From<Class> for u8 {
    fn from(class: Class) -> Self {
        class.0
    }
}

/// Ways to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DialForm {
    /// `ATD*99***n#`
    WithContext,
    /// `ATD*99#`
    Plain,
    /// `AT+CGDATA="PPP",n`
    Cgdata,
}

/// What a PPP server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PppAuthForm {
    /// Nothing.
    None,
    /// PAP; whatever is said is right.
    Pap,
    /// CHAP with MD5; whatever is said is right.
    Chap,
}

/// Protocols that PPP servers offer without need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OfferedProtocol {
    /// Compression Control Protocol (RFC 1962).
    Ccp,
    /// IPv6 Control Protocol (RFC 5072).
    Ipv6cp,
    /// Van Jacobson compression inside IPCP (RFC 1332 clause 3.2).
    VanJacobson,
}

/// Answers to `+++`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EscapeAnswer {
    /// OK; the call is held.
    Ok,
    /// NO CARRIER; the call is over.
    NoCarrier,
    /// Nothing; the call is held.
    Silent,
}

/// How a modem tells that the network took a context back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeactivationForm {
    /// `+CGEV: NW DEACT "IP","10.0.0.1",1`
    NwDeact,
    /// `^PDPDEACT: 1`
    Huawei,
    /// `+CGEV: ME PDN DEACT 1`
    PdnDeact,
    /// NO CARRIER and nothing else.
    Silent,
}
