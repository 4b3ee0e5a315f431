//! Which of the devices are modems, in what shape they present themselves, and what each of their
//! ports is for: the profiles' tables (`[[usb]]`) joined with what is plugged in. Of devices that
//! no profile knows, drivers and class codes tell what they can.

use super::{UsbDevice, UsbInterface};
use crate::modem::profile::{PortRole, Profiles, UsbMode};

/// Drivers that the kernel binds to serial ports of mobile modems only.
const MODEM_DRIVERS: &[&str] = &["option", "option1", "sierra", "qcserial", "hso"];
/// USB CDC 1.2: the communications class and subclasses; PSTN 1.2, ECM 1.2, NCM 1.0, MBIM 1.0.
const CLASS_CDC: u8 = 0x02;
const SUBCLASS_ACM: u8 = 0x02;
const SUBCLASS_ECM: u8 = 0x06;
const SUBCLASS_NCM: u8 = 0x0d;
const SUBCLASS_MBIM: u8 = 0x0e;
/// Mass storage.
const CLASS_STORAGE: u8 = 0x08;
/// RNDIS in its two forms.
const RNDIS: [(u8, u8, u8); 2] = [(0xe0, 0x01, 0x03), (0xef, 0x04, 0x01)];
/// Qualcomm's recovery mode, whatever vendor has built the chip in: its port takes raw memory
/// writes, and nothing may be sent there.
const QUALCOMM_RECOVERY: (u16, u16) = (0x05c6, 0x9008);

/// A device that is a modem, or would be one in another mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The device.
    pub device: UsbDevice,
    /// The profile that lists its identity; none when no profile does.
    pub profile: Option<String>,
    /// The model as sold, where the identity tells it.
    pub label: Option<String>,
    /// The shape it is in.
    pub mode: UsbMode,
    /// Why it cannot be used in this shape, and the way out.
    pub way_out: Option<String>,
    /// Why modems of its profile cannot be used at all.
    pub refused: Option<String>,
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
    /// The name that stays, for the configuration.
    pub stable: String,
    /// What it is for; none when only asking it can tell.
    pub role: Option<PortRole>,
}

impl CandidatePort {
    /// Whether commands may be sent there: it is known to take them, or nothing is known.
    #[must_use]
    pub const fn may_be_asked(&self) -> bool {
        matches!(self.role, None | Some(PortRole::At | PortRole::Ppp))
    }

    /// Whether it is known to take commands.
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
        let ppp = self.ports.iter().find(|it| it.role == Some(PortRole::Ppp));
        let usable = self.mode == UsbMode::Modem && self.refused.is_none();
        ppp.or_else(|| self.ports.iter().rfind(|it| it.takes_at())).filter(|_| usable)
    }

    /// A second port for commands, where there is one.
    #[must_use]
    pub fn control(&self) -> Option<&CandidatePort> {
        let dial = self.dial()?.interface;
        self.ports.iter().find(|it| it.role == Some(PortRole::At) && it.interface != dial)
    }

    /// Whether only asking its ports can tell which takes commands.
    #[must_use]
    pub fn is_unidentified(&self) -> bool {
        self.mode == UsbMode::Modem
            && self.refused.is_none()
            && self.dial().is_none()
            && self.ports.iter().any(CandidatePort::may_be_asked)
    }

    /// The device as a person calls it: the model as sold, else its own words.
    #[must_use]
    pub fn title(&self) -> String {
        let own = self.device.title();
        match &self.label {
            Some(label) if !own.contains(label.as_str()) => format!("{label}, calls itself {own}"),
            _ => own,
        }
    }
}

/// Those of the devices that are modems, or would be in another mode, by socket.
#[must_use]
pub fn candidates(devices: &[UsbDevice], profiles: &Profiles) -> Vec<Candidate> {
    devices.iter().filter_map(|device| candidate(device, profiles)).collect()
}

fn candidate(device: &UsbDevice, profiles: &Profiles) -> Option<Candidate> {
    let known = profiles.for_usb(device.vid, device.pid);
    // A line for a whole vendor tells less than what is seen of the device.
    let exact = known.filter(|it| it.entry.id.pid.is_some());
    let seen = shape_of(device);
    let mode = if (device.vid, device.pid) == QUALCOMM_RECOVERY {
        UsbMode::Bootloader
    } else {
        match (exact, seen) {
            (Some(exact), _) => exact.entry.mode,
            (None, Some(UsbMode::Modem)) => UsbMode::Modem,
            // Disks and network cards are no modems, unless a maker of modems made them.
            (None, Some(other)) if is_modem_maker(device.vid, profiles) => other,
            (None, _) => known?.entry.mode,
        }
    };
    let ports = device.interfaces.iter().filter_map(|interface| {
        let tty = interface.tty.clone()?;
        let class = (interface.class, interface.subclass, interface.protocol);
        let role = known.and_then(|it| it.entry.role(interface.number, class));
        let stable = interface.stable_tty().unwrap_or(&tty).to_owned();
        Some(CandidatePort { interface: interface.number, tty, stable, role })
    });
    let own_words = exact.filter(|it| it.entry.mode == mode).and_then(|it| it.entry.explanation());
    Some(Candidate {
        ports: ports.collect(),
        profile: known.map(|it| it.profile.name.clone()),
        label: known.and_then(|it| it.entry.label.clone()),
        way_out: own_words.or_else(|| mode.way_out()).map(str::to_owned),
        refused: known.and_then(|it| it.profile.refuse.clone()),
        mode,
        device: device.clone(),
    })
}

/// What drivers and class codes tell; none when it has nothing of a modem.
fn shape_of(device: &UsbDevice) -> Option<UsbMode> {
    let any = |fits: &dyn Fn(&UsbInterface) -> bool| device.interfaces.iter().any(fits);
    let driven = |names: &[&str]| {
        any(&|it| it.driver.as_deref().is_some_and(|driver| names.contains(&driver)))
    };
    let cdc = |subclass: u8| any(&|it| (it.class, it.subclass) == (CLASS_CDC, subclass));
    // Protocols 1 to 6 of the abstract control model are AT command sets (PSTN 1.2 table 3).
    let at_commands = |it: &UsbInterface| {
        (it.class, it.subclass) == (CLASS_CDC, SUBCLASS_ACM) && (1..=6).contains(&it.protocol)
    };
    let rndis = any(&|it| RNDIS.contains(&(it.class, it.subclass, it.protocol)));
    if driven(MODEM_DRIVERS) || any(&at_commands) {
        Some(UsbMode::Modem)
    } else if driven(&["qmi_wwan"]) {
        Some(UsbMode::Qmi)
    } else if driven(&["cdc_mbim"]) || cdc(SUBCLASS_MBIM) {
        Some(UsbMode::Mbim)
    } else if cdc(SUBCLASS_ECM) || cdc(SUBCLASS_NCM) || rndis {
        Some(UsbMode::Ecm)
    } else if any(&|it| it.class == CLASS_STORAGE) {
        Some(UsbMode::Storage)
    } else {
        None
    }
}

/// Whether the profiles list anything of this vendor.
fn is_modem_maker(vid: u16, profiles: &Profiles) -> bool {
    profiles.iter().flat_map(|it| &it.usb).any(|entry| entry.id.vid == vid)
}
