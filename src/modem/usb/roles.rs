//! What an interface of a modem is for, and in what shape a device presents itself. Which is
//! which for a device id stands in the profiles (`[[usb]]`).

use serde::Deserialize;

/// What a port of a modem is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes AT commands; news and SMS belong here.
    At,
    /// Dials: AT commands, then PPP.
    Ppp,
    /// The maker's diagnosis (QCDM and the like): never touched.
    Diag,
    /// Position sentences (NMEA): never touched.
    Gps,
    /// Voice samples: never touched.
    Audio,
    /// A network interface.
    Net,
    /// Never touched.
    Ignore,
}

impl Role {
    /// The word used in profiles and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Ppp => "ppp",
            Self::Diag => "diag",
            Self::Gps => "gps",
            Self::Audio => "audio",
            Self::Net => "net",
            Self::Ignore => "ignore",
        }
    }

    /// Whether commands may be sent there.
    #[must_use]
    pub const fn takes_at(self) -> bool {
        matches!(self, Self::At | Self::Ppp)
    }
}

/// The shape in which a device presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Serial ports that take AT commands and dial: what this program needs.
    #[default]
    Modem,
    /// A CD-ROM or disk with drivers for another system, until it is switched.
    Storage,
    /// A router with a web page of its own; no serial port.
    Hilink,
    /// A network interface steered by QMI.
    Qmi,
    /// A network interface steered by MBIM.
    Mbim,
    /// A plain network interface (ECM, NCM or RNDIS).
    Ecm,
    /// Waiting for firmware.
    Bootloader,
}

impl Mode {
    /// The word used in profiles and results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modem => "modem",
            Self::Storage => "storage",
            Self::Hilink => "hilink",
            Self::Qmi => "qmi",
            Self::Mbim => "mbim",
            Self::Ecm => "ecm",
            Self::Bootloader => "bootloader",
        }
    }
}
