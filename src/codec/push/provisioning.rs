//! Settings that an operator sends: OMA Client Provisioning (OMA-WAP-TS-ProvCont-V1_1) and the
//! settings of its forerunner by Nokia and Ericsson. Recognised, and what is harmless of them is
//! told; they are never applied, and no password leaves this file.

use super::tree::Element;

/// How a provisioning document proves where it comes from (OMA-WAP-TS-ProvBoot-V1_1 clause 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityMethod {
    /// Keyed by the network, as by the IMSI.
    NetworkPin,
    /// Keyed by a PIN that the user was told.
    UserPin,
    /// Keyed by both.
    UserNetworkPin,
    /// A PIN that is a MAC itself.
    UserPinMac,
    /// A number that the specification does not know.
    Other(u8),
}

impl SecurityMethod {
    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::NetworkPin,
            1 => Self::UserPin,
            2 => Self::UserNetworkPin,
            3 => Self::UserPinMac,
            other => Self::Other(other),
        }
    }

    /// The word of the specification.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NetworkPin => "NETWPIN",
            Self::UserPin => "USERPIN",
            Self::UserNetworkPin => "USERNETWPIN",
            Self::UserPinMac => "USERPINMAC",
            Self::Other(_) => "unknown",
        }
    }
}

/// What is harmless of a document with settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provisioning {
    /// How it proves where it comes from; none when it does not.
    pub security: Option<SecurityMethod>,
    /// Names that people gave to settings.
    pub names: Vec<String>,
    /// Access point names.
    pub access_points: Vec<String>,
    /// Addresses of proxies.
    pub proxies: Vec<String>,
    /// Pages to begin with, and addresses of an MMSC.
    pub links: Vec<String>,
}

impl Provisioning {
    pub(super) fn from_tree(root: &Element, security: Option<SecurityMethod>) -> Self {
        let mut found = Self { security, ..Self::default() };
        found.walk(root);
        found
    }

    /// The tree is as deep as its limit at most.
    fn walk(&mut self, element: &Element) {
        let either = |lower: &str, upper: &str| {
            element.value(lower).or_else(|| element.value(upper)).unwrap_or_default()
        };
        let (name, value) = (either("name", "NAME"), either("value", "VALUE"));
        let list = match (name, element.value("TYPE")) {
            ("NAME" | "ISP_NAME", _) => Some(&mut self.names),
            ("NAP-ADDRESS" | "GPRS_ACCESSPOINTNAME", _) => Some(&mut self.access_points),
            ("PXADDR" | "PXADDR-FQDN" | "PROXY", _) => Some(&mut self.proxies),
            ("STARTPAGE" | "URL" | "ADDR", _) | (_, Some("URL" | "MMSURL")) => {
                Some(&mut self.links)
            }
            _ => None,
        };
        if let Some(list) = list
            && !value.is_empty()
        {
            list.push(value.to_owned());
        }
        for child in &element.children {
            self.walk(child);
        }
    }
}
