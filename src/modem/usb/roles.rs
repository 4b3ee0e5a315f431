//! Which of the devices are modems, in what shape they present themselves, and what each of their
//! ports is for: the profiles' tables joined with what is plugged in.

use super::{UsbDevice, UsbInterface};

/// What an interface of a modem is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRole {
    /// Takes AT commands; news and SMS belong here.
    At,
    /// Dials: AT commands, then PPP.
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

/// The shape in which a device presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// Drivers that the kernel binds to mobile modems only.
const MODEM_DRIVERS: &[&str] = &["option", "sierra", "qcserial", "hso", "option1"];
/// Communications class and its abstract control model (USB CDC 1.2, PSTN 1.2).
const CLASS_CDC: u8 = 0x02;
const SUBCLASS_ACM: u8 = 0x02;

/// A device that is a modem, or would be one in another mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The device.
    pub device: UsbDevice,
    /// The profile that lists its identity; none when no profile does.
    pub profile: Option<String>,
    /// The shape it is in.
    pub mode: UsbMode,
    /// Its serial ports, by interface.
    pub ports: Vec<CandidatePort>,
}

/// A serial port of a modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidatePort {
    /// `bInterfaceNumber`
    pub interface: u8,
    /// Its name at present, such as `/dev/ttyUSB2`.
    pub tty: String,
    /// What it is for; none when only asking it can tell.
    pub role: Option<PortRole>,
}

impl CandidatePort {
    /// Whether commands may be sent there.
    #[must_use]
    pub const fn takes_at(&self) -> bool {
        matches!(self.role, Some(PortRole::At | PortRole::Ppp))
    }
}

impl Candidate {
    /// The port that dials: the one for PPP, else the last for AT commands; none when the roles
    /// are not known.
    #[must_use]
    pub fn dial(&self) -> Option<&CandidatePort> {
        let of = |role| self.ports.iter().rfind(move |it| it.role == Some(role));
        self.ports.iter().find(|it| it.role == Some(PortRole::Ppp)).or_else(|| of(PortRole::At))
    }

    /// A second port for commands, where there is one.
    #[must_use]
    pub fn control(&self) -> Option<&CandidatePort> {
        let dial = self.dial()?.interface;
        self.ports.iter().find(|it| it.role == Some(PortRole::At) && it.interface != dial)
    }

    /// Whether only asking its ports can tell what they are for.
    #[must_use]
    pub fn is_unidentified(&self) -> bool {
        self.mode == UsbMode::Modem && self.dial().is_none() && !self.ports.is_empty()
    }
}

/// Those of the devices that are modems, or would be in another mode, by socket.
#[must_use]
pub fn candidates(devices: &[UsbDevice]) -> Vec<Candidate> {
    devices.iter().filter_map(candidate).collect()
}

fn candidate(device: &UsbDevice) -> Option<Candidate> {
    if !looks_like_modem(device) {
        return None;
    }
    let ports = device.interfaces.iter().filter_map(|interface| {
        let tty = interface.tty.clone()?;
        Some(CandidatePort { interface: interface.number, tty, role: None })
    });
    Some(Candidate {
        profile: None,
        mode: UsbMode::Modem,
        ports: ports.collect(),
        device: device.clone(),
    })
}

fn looks_like_modem(device: &UsbDevice) -> bool {
    let modem_driver = |it: &UsbInterface| {
        it.driver.as_deref().is_some_and(|driver| MODEM_DRIVERS.contains(&driver))
    };
    // Protocols 1 to 6 of the abstract control model are AT command sets.
    let at_commands = |it: &UsbInterface| {
        (it.class, it.subclass) == (CLASS_CDC, SUBCLASS_ACM) && (1..=6).contains(&it.protocol)
    };
    device.interfaces.iter().any(|it| modem_driver(it) || at_commands(it))
}
