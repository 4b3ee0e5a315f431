//! By what a modem is known: its USB identity with the role of each interface, and its own words.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// A USB identity and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbEntry {
    /// Vendor and product.
    pub id: UsbId,
    /// The model as sold, where the identity tells it.
    #[serde(default)]
    pub label: Option<String>,
    /// What the device is as long as it shows this identity.
    #[serde(default)]
    pub mode: UsbMode,
    /// What its interfaces are for; those that are not named are probed.
    #[serde(default)]
    pub ports: BTreeMap<PortKey, PortRole>,
    /// What a person ought to know of it, in the place of [`UsbMode::way_out`].
    #[serde(default)]
    pub note: Option<String>,
}

impl UsbEntry {
    /// What an interface is for: by its number, else by its class, subclass and protocol.
    #[must_use]
    pub fn role(&self, number: u8, class: (u8, u8, u8)) -> Option<PortRole> {
        let by_class = || self.ports.get(&PortKey::Class(class.0, class.1, class.2));
        self.ports.get(&PortKey::Number(number)).or_else(by_class).copied()
    }

    /// Why it is no modem at present and what to do about it; none for modems.
    #[must_use]
    pub fn explanation(&self) -> Option<&str> {
        self.note.as_deref().or_else(|| self.mode.way_out())
    }
}

/// `2c7c:0125`, or `0af0:*` for every product of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsbId {
    /// Vendor.
    pub vid: u16,
    /// Product; none for all of them.
    pub pid: Option<u16>,
}

impl UsbId {
    /// Whether a device shows this identity.
    #[must_use]
    pub fn covers(self, vid: u16, pid: u16) -> bool {
        self.vid == vid && self.pid.is_none_or(|it| it == pid)
    }
}

impl FromStr for UsbId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex =
            |text: &str| (text.len() == 4).then(|| u16::from_str_radix(text, 16).ok()).flatten();
        let parsed = text.split_once(':').and_then(|(vid, pid)| {
            let pid = if pid == "*" { None } else { Some(hex(pid)?) };
            Some(Self { vid: hex(vid)?, pid })
        });
        parsed.ok_or_else(|| {
            format!("\"{text}\" is no USB identity such as \"2c7c:0125\" or \"0af0:*\"")
        })
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:", self.vid)?;
        match self.pid {
            Some(pid) => write!(f, "{pid:04x}"),
            None => f.write_str("*"),
        }
    }
}

impl<'de> Deserialize<'de> for UsbId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Which interface: `"02"` by its number, `"ff/01/02"` by class, subclass and protocol, all
/// hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortKey {
    /// `bInterfaceNumber`
    Number(u8),
    /// `bInterfaceClass`, `bInterfaceSubClass`, `bInterfaceProtocol`
    Class(u8, u8, u8),
}

impl<'de> Deserialize<'de> for PortKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hex =
            |text: &str| (text.len() == 2).then(|| u8::from_str_radix(text, 16).ok()).flatten();
        let parts: Option<Vec<u8>> = text.split('/').map(hex).collect();
        match parts.as_deref() {
            Some([number]) => Ok(Self::Number(*number)),
            Some([class, subclass, protocol]) => Ok(Self::Class(*class, *subclass, *protocol)),
            _ => Err(D::Error::custom(format!(
                "\"{text}\" is no interface such as \"02\" or \"ff/01/02\" (hexadecimal)"
            ))),
        }
    }
}

/// What an interface of a modem is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortRole {
    /// AT commands; with several, the lowest interface is the best.
    At,
    /// Dials; takes AT commands too.
    Ppp,
    /// The chip maker's diagnosis: never opened.
    Diag,
    /// Positions: never opened.
    Gps,
    /// Speech: never opened.
    Audio,
    /// Something else: never opened.
    Ignore,
}

impl fmt::Display for PortRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::At => "AT",
            Self::Ppp => "PPP",
            Self::Diag => "diagnosis",
            Self::Gps => "GPS",
            Self::Audio => "audio",
            Self::Ignore => "other",
        })
    }
}

/// What a device is as long as it shows a USB identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsbMode {
    /// A modem with serial ports.
    #[default]
    Modem,
    /// A CD-ROM with the vendor's software, to be switched.
    Storage,
    /// A router with a web page, without AT.
    Hilink,
    /// Qualcomm's own protocol, without a port that dials.
    Qmi,
    /// Mobile Broadband Interface Model, without a port that dials.
    Mbim,
    /// A network card (ECM, NCM, RNDIS), without a port that dials.
    Ecm,
    /// The boot loader: its firmware does not run.
    Bootloader,
}

impl UsbMode {
    /// What to do about a device that is no modem; none for modems.
    #[must_use]
    pub const fn way_out(self) -> Option<&'static str> {
        match self {
            Self::Modem => None,
            Self::Storage => Some(
                "the stick shows its CD-ROM instead of the modem: install the package \
                 usb-modeswitch and plug the stick in again",
            ),
            Self::Hilink => Some(
                "the stick is a router (HiLink): its firmware has no port for AT commands, so it \
                 cannot be used; take a stick with modem firmware, sold as \"stick\" version",
            ),
            Self::Qmi => Some(
                "the modem shows QMI ports only, which cannot dial PPP: switch its USB composition \
                 to one with a modem port, as its manual says, or take another modem",
            ),
            Self::Mbim => Some(
                "the modem shows an MBIM port only, which cannot dial PPP: switch its USB \
                 composition to one with a modem port, as its manual says, or take another modem",
            ),
            Self::Ecm => Some(
                "the modem shows itself as a network card (ECM, NCM or RNDIS) without a port that \
                 dials: switch its USB mode to one with serial ports, as its manual says",
            ),
            Self::Bootloader => Some(
                "the modem's firmware does not run, only its boot loader: unplug it for ten \
                 seconds; when that does not help its firmware must be written anew",
            ),
        }
    }
}

/// Patterns for what a modem answers to `+CGMI` and `+CGMM`: `*` stands for anything, case does
/// not count. An empty list fits everything; both empty fit nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Any of these must fit `+CGMI`.
    #[serde(default)]
    pub manufacturer: Vec<String>,
    /// Any of these must fit `+CGMM`.
    #[serde(default)]
    pub model: Vec<String>,
}

impl Identity {
    /// How well it fits: the letters that were compared, those of the model first; none when it
    /// does not.
    #[must_use]
    pub fn fits(&self, manufacturer: &str, model: &str) -> Option<(usize, usize)> {
        if self.manufacturer.is_empty() && self.model.is_empty() {
            return None;
        }
        let best = |patterns: &[String], text: &str| {
            if patterns.is_empty() {
                return Some(0);
            }
            let fitting = patterns.iter().filter(|it| glob(it, text));
            fitting.map(|it| it.chars().filter(|it| *it != '*').count()).max()
        };
        Some((best(&self.model, model)?, best(&self.manufacturer, manufacturer)?))
    }
}

/// Whether the text fits a pattern in which `*` stands for anything; linear in both, since no
/// piece is tried again further behind once the next one was found.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.trim().to_ascii_lowercase());
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(head) else { return false };
    let (middle, end) = tail.rsplit_once('*').unwrap_or(("", tail));
    for piece in middle.split('*').filter(|it| !it.is_empty()) {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_words_in_any_case() {
        assert!(glob("*quectel*", "Quectel_Ltd"));
        assert!(glob("EC2*", "EC25"));
        assert!(glob("EC2*", "ec25EFA"));
        assert!(!glob("EC2*", "BG96"));
        assert!(glob("SIM*00*R14", "SIMCOM_SIM800_R14"));
        assert!(!glob("a*a", "a"));
        assert!(glob("*", ""));
        assert!(glob("M95", " M95 "));
    }

    #[test]
    fn longer_patterns_fit_better() {
        let fits = |models: &[&str], model: &str| {
            let model_patterns = models.iter().map(|it| (*it).to_owned()).collect();
            Identity { manufacturer: vec!["*simcom*".into()], model: model_patterns }
                .fits("SIMCOM INCORPORATED", model)
        };
        assert!(fits(&["*SIM7600*"], "SIMCOM_SIM7600E-H") > fits(&["*SIM7*"], "SIMCOM_SIM7600E-H"));
        assert_eq!(fits(&["*SIM800*"], "SIMCOM_SIM7600E-H"), None);
        assert_eq!(Identity::default().fits("a", "b"), None);
    }

    #[test]
    fn interface_is_known_by_number_before_class() {
        let entry: UsbEntry = toml::from_str(
            "id = \"12d1:1506\"\nports = { \"ff/02/01\" = \"ppp\", \"00\" = \"at\" }",
        )
        .unwrap();
        assert_eq!(entry.role(0, (0xff, 2, 1)), Some(PortRole::At));
        assert_eq!(entry.role(1, (0xff, 2, 1)), Some(PortRole::Ppp));
        assert_eq!(entry.role(1, (0xff, 2, 2)), None);
        assert!(entry.id.covers(0x12d1, 0x1506) && !entry.id.covers(0x12d1, 0x1507));
    }

    #[test]
    fn bad_identities_and_interfaces_say_what_is_expected() {
        for (text, named) in [
            ("id = \"12d1\"", "no USB identity"),
            ("id = \"12d1:15\"", "no USB identity"),
            ("id = \"12d1:1506\"\nports = { \"2\" = \"at\" }", "no interface"),
            ("id = \"12d1:1506\"\nports = { \"02\" = \"modem\" }", "expected one of"),
        ] {
            let error = toml::from_str::<UsbEntry>(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
