//! Where the ports of a configured modem are now. Names of ttys change with every reset, so they
//! are looked up at each opening: by the stable name, or by the socket and interface where the
//! modem was last. A port that meanwhile belongs to another device is never taken for it.

use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::roles::{Candidate, CandidatePort, candidates};
use super::{UsbBus, UsbDevice, UsbInterface};
use crate::model::{Blame, Explain, Layer, Retry};
use crate::modem::profile::{Profiles, UsbMode};

/// Modems named in one error.
const MAX_NAMED: usize = 8;

/// How the configuration names a modem's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// `auto`: the only modem that is plugged in.
    Auto,
    /// `usb:1-1.4`, or `usb:1-1.4/03` for one interface: whatever modem is in this socket.
    Socket {
        /// The socket, see [`UsbDevice::path`].
        path: String,
        /// `bInterfaceNumber`, hexadecimal in text; none leaves the choice to the profile.
        interface: Option<u8>,
    },
    /// The path of a serial port, best one below `/dev/serial`.
    Port(String),
}

impl FromStr for Binding {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some(socket) = text.strip_prefix("usb:") {
            let (path, interface) = match socket.split_once('/') {
                Some((path, number)) => {
                    let number = (number.len() == 2).then(|| u8::from_str_radix(number, 16).ok());
                    (path, Some(number.flatten().ok_or(EXPECTED)?))
                }
                None => (socket, None),
            };
            if !super::sysfs::is_socket(path) {
                return Err(EXPECTED);
            }
            return Ok(Self::Socket { path: path.to_owned(), interface });
        }
        if text.starts_with('/') && !text.contains('\0') {
            return Ok(Self::Port(text.to_owned()));
        }
        Err(EXPECTED)
    }
}

const EXPECTED: &str = "\"auto\" for the only modem, the full path of a serial port, for example \
                        \"/dev/serial/by-id/usb-...-if03-port0\" or \"/dev/ttyUSB2\", or a socket \
                        such as \"usb:1-1.4\"";

/// The ports of a modem as they are called now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The port that dials.
    pub dial: String,
    /// A second port for commands.
    pub control: Option<String>,
    /// Other ports of the same modem that take AT commands, for when those two are stuck.
    pub spare: Vec<String>,
    /// The device; none when the port is no USB port.
    pub device: Option<UsbDevice>,
    /// The profile that lists the device's identity.
    pub profile: Option<String>,
}

/// Why a modem's ports cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unbound {
    /// No modem at all.
    #[error("no modem is plugged in")]
    NoModem,
    /// `auto`, and several to choose from.
    #[error("several modems are plugged in: {}", list(choices))]
    Several {
        /// Device and socket of each.
        choices: Vec<String>,
    },
    /// The configured one is absent.
    #[error("the modem at {port} is not plugged in{}", match present.as_slice() { [] => String::new(), present => format!("; there is {}", list(present)) })]
    Absent {
        /// As configured.
        port: String,
        /// Modems that are there.
        present: Vec<String>,
    },
    /// The device is there, in a shape that has no port that dials.
    #[error("{device} {}", in_words(*mode))]
    Mode {
        /// Device and socket.
        device: String,
        /// The shape.
        mode: UsbMode,
        /// What to do about it.
        way_out: String,
    },
    /// The device is there, and this kind cannot be used.
    #[error("{device} cannot be used: {reason}")]
    Refused {
        /// Device and socket.
        device: String,
        /// Why, and the way out.
        reason: String,
    },
    /// The device is there, and no driver has made serial ports of it.
    #[error("{device} has no serial port")]
    NoPort {
        /// Device and socket.
        device: String,
        /// `vid` and `pid` in hexadecimal.
        id: (String, String),
    },
    /// The device is there without the configured interface.
    #[error("{device} has no serial port at interface {interface:02x} now")]
    NoInterface {
        /// Device and socket.
        device: String,
        /// `bInterfaceNumber`
        interface: u8,
    },
    /// No profile knows the device: its ports must be asked.
    #[error("{device} is not known; which of its ports takes AT commands must be asked")]
    Unidentified {
        /// Device and socket.
        device: String,
        /// Its ports.
        ports: Vec<String>,
    },
}

/// Finds the ports of one configured modem, time and again; remembers where it was.
pub struct Finder {
    bus: Arc<dyn UsbBus>,
    profiles: Arc<Profiles>,
    dial: Binding,
    control: Option<Binding>,
    seat: Mutex<Option<Seat>>,
}

/// Where a modem was last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seat {
    path: String,
    vid: u16,
    serial: Option<String>,
    dial: u8,
    control: Option<u8>,
}

impl Finder {
    /// For a modem with one or two configured ports.
    #[must_use]
    pub fn new(
        bus: Arc<dyn UsbBus>,
        profiles: Arc<Profiles>,
        dial: Binding,
        control: Option<Binding>,
    ) -> Self {
        Self { bus, profiles, dial, control, seat: Mutex::new(None) }
    }

    /// Where the modem's ports are now. A name that belongs to no USB device is handed back as it
    /// is; whoever opens it will tell what is wrong with it. Reads sysfs, which does not wait.
    ///
    /// # Errors
    /// [`Unbound`] says what stands in the way.
    pub fn find(&self) -> Result<Bound, Unbound> {
        let devices = self.bus.devices();
        let modems = candidates(&devices, &self.profiles);
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match &self.dial {
            Binding::Auto => self.only(&modems, seat.as_ref())?,
            Binding::Socket { path, interface } => {
                let name = format!("usb:{path}");
                let modem = modems.iter().find(|it| it.device.path == *path);
                ports_of(modem.ok_or_else(|| absent(&name, &modems))?, *interface, None)?
            }
            Binding::Port(name) => match self.named(name, &devices, &modems, seat.as_ref())? {
                Some(found) => found,
                None => {
                    let control = match &self.control {
                        Some(Binding::Port(control)) => Some(control.clone()),
                        _ => None,
                    };
                    let (device, profile) = (None, None);
                    return Ok(Bound {
                        dial: name.clone(),
                        control,
                        spare: vec![],
                        device,
                        profile,
                    });
                }
            },
        };
        // Cheap sticks of one kind all tell the same number, which then tells nothing.
        let alike = |it: &&UsbDevice| it.vid == found.seat.vid && it.serial == found.seat.serial;
        let unique = devices.iter().filter(alike).count() == 1;
        *seat = Some(Seat { serial: found.seat.serial.filter(|_| unique), ..found.seat });
        Ok(found.bound)
    }

    /// Resets the device that was found last; none when it is no USB device.
    pub fn reset(&self) -> Option<Result<(), super::UsbResetError>> {
        let seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some(self.bus.reset(&seat.path))
    }

    fn only(&self, modems: &[Candidate], seat: Option<&Seat>) -> Result<Found, Unbound> {
        if let Some(modem) = seat.and_then(|seat| seated(seat, modems)) {
            return ports_of(modem, None, None);
        }
        let usable: Vec<&Candidate> = modems.iter().filter(|it| it.dial().is_some()).collect();
        match (usable.as_slice(), modems) {
            ([one], _) => ports_of(one, None, None),
            ([], []) => Err(Unbound::NoModem),
            ([], [first, ..]) => {
                let likely = modems.iter().find(|it| it.is_unidentified()).unwrap_or(first);
                ports_of(likely, None, None)
            }
            (several, _) => Err(Unbound::Several {
                choices: several.iter().map(|it| it.device.to_string()).collect(),
            }),
        }
    }

    /// None when the name belongs to no USB device and never did.
    fn named(
        &self,
        name: &str,
        devices: &[UsbDevice],
        modems: &[Candidate],
        seat: Option<&Seat>,
    ) -> Result<Option<Found>, Unbound> {
        let stable = name.contains("/serial/by-");
        let here = self.holder(name, devices);
        // Sticks without a serial number share one stable name: it is not followed to another one
        // while ours is there.
        let is_there = seat.is_some_and(|seat| devices.iter().any(|it| seat.is(it)));
        let here =
            here.filter(|(device, _)| seat.is_none_or(|it| it.is(device)) || (stable && !is_there));
        if let Some((device, dial)) = here {
            let control = match &self.control {
                Some(Binding::Port(control)) => self
                    .holder(control, devices)
                    .filter(|(other, _)| other.path == device.path)
                    .map(|(_, it)| it),
                _ => None,
            };
            // Where the first port is now, the second one's number may stand for it as well.
            let before = seat.and_then(|seat| seat.control);
            let control = control.map(|it| it.number).or(before);
            return Ok(Some(found(device, dial, control, modems)));
        }
        if let Some(seat) = seat {
            let Some(device) = devices.iter().find(|it| seat.is(it)) else {
                return Err(absent(name, modems));
            };
            let modem = modems.iter().find(|it| it.device.path == device.path);
            return match device.interface(seat.dial).filter(|it| it.tty.is_some()) {
                Some(dial) => Ok(Some(found(device, dial, seat.control, modems))),
                None => Err(match modem {
                    Some(modem) => shape(modem).unwrap_or_else(|| Unbound::NoInterface {
                        device: device.to_string(),
                        interface: seat.dial,
                    }),
                    None => absent(name, modems),
                }),
            };
        }
        if !stable {
            return Ok(None);
        }
        // Only a device in another shape can be the one whose stable name has gone.
        let changed = modems.iter().filter(|it| it.mode != UsbMode::Modem).find_map(shape);
        Err(changed.unwrap_or_else(|| absent(name, modems)))
    }

    /// The device and interface to which a port's name belongs.
    fn holder<'a>(
        &self,
        name: &str,
        devices: &'a [UsbDevice],
    ) -> Option<(&'a UsbDevice, &'a UsbInterface)> {
        let real = self.bus.real_name(name);
        devices.iter().find_map(|device| {
            let named = |it: &&UsbInterface| {
                let names = [&it.tty, &it.by_id, &it.by_path];
                names.into_iter().flatten().any(|it| it == name || *it == real)
            };
            Some((device, device.interfaces.iter().find(named)?))
        })
    }
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").field("dial", &self.dial).finish_non_exhaustive()
    }
}

impl Seat {
    /// The same socket, or the same serial number elsewhere.
    fn is(&self, device: &UsbDevice) -> bool {
        let same_serial = self.serial.is_some() && self.serial == device.serial;
        device.vid == self.vid && (device.path == self.path || same_serial)
    }
}

fn seated<'a>(seat: &Seat, modems: &'a [Candidate]) -> Option<&'a Candidate> {
    let in_socket = |it: &&Candidate| it.device.path == seat.path && seat.is(&it.device);
    modems.iter().find(in_socket).or_else(|| modems.iter().find(|it| seat.is(&it.device)))
}

struct Found {
    bound: Bound,
    seat: Seat,
}

/// Why a modem in this shape cannot be used; none when it can.
fn shape(modem: &Candidate) -> Option<Unbound> {
    let device = modem.device.to_string();
    if modem.mode != UsbMode::Modem {
        let way_out = modem.way_out.clone().unwrap_or_default();
        return Some(Unbound::Mode { device, mode: modem.mode, way_out });
    }
    if let Some(reason) = &modem.refused {
        return Some(Unbound::Refused { device, reason: reason.clone() });
    }
    if modem.ports.is_empty() {
        let id = (format!("{:04x}", modem.device.vid), format!("{:04x}", modem.device.pid));
        return Some(Unbound::NoPort { device, id });
    }
    let may = modem.ports.iter().filter(|it| it.may_be_asked());
    let ports = may.map(|it| it.tty.clone()).collect();
    modem.is_unidentified().then_some(Unbound::Unidentified { device, ports })
}

/// The ports by the roles that the profile gives them, or the ones asked for.
fn ports_of(modem: &Candidate, dial: Option<u8>, control: Option<u8>) -> Result<Found, Unbound> {
    let device = &modem.device;
    if let Some(number) = dial {
        let Some(dial) = device.interface(number).filter(|it| it.tty.is_some()) else {
            return Err(shape(modem).unwrap_or_else(|| Unbound::NoInterface {
                device: device.to_string(),
                interface: number,
            }));
        };
        return Ok(found(device, dial, control, std::slice::from_ref(modem)));
    }
    if let Some(reason) = shape(modem) {
        return Err(reason);
    }
    let dial = modem.dial().and_then(|it| device.interface(it.interface));
    let Some(dial) = dial else {
        // Every port it has is for something else.
        let id = (format!("{:04x}", device.vid), format!("{:04x}", device.pid));
        return Err(Unbound::NoPort { device: device.to_string(), id });
    };
    let control = modem.control().map(|it| it.interface);
    Ok(found(device, dial, control, std::slice::from_ref(modem)))
}

fn found(
    device: &UsbDevice,
    dial: &UsbInterface,
    control: Option<u8>,
    modems: &[Candidate],
) -> Found {
    let modem = modems.iter().find(|it| it.device.path == device.path);
    let second = control.and_then(|it| device.interface(it)).filter(|it| it.number != dial.number);
    let taken = [Some(dial.number), second.map(|it| it.number)];
    let spare = modem.map_or_else(Vec::new, |modem| {
        let others = modem.ports.iter().filter(|it| !taken.contains(&Some(it.interface)));
        others.filter(|it| CandidatePort::takes_at(it)).map(|it| it.tty.clone()).collect()
    });
    let seat = Seat {
        path: device.path.clone(),
        vid: device.vid,
        serial: device.serial.clone(),
        dial: dial.number,
        control,
    };
    let bound = Bound {
        dial: dial.tty.clone().unwrap_or_default(),
        control: second.and_then(|it| it.tty.clone()),
        spare,
        device: Some(device.clone()),
        profile: modem.and_then(|it| it.profile.clone()),
    };
    Found { bound, seat }
}

fn absent(port: &str, modems: &[Candidate]) -> Unbound {
    let present = modems.iter().take(MAX_NAMED).map(|it| it.device.to_string()).collect();
    Unbound::Absent { port: port.to_owned(), present }
}

fn list(names: &[String]) -> String {
    names.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ")
}

const fn in_words(mode: UsbMode) -> &'static str {
    match mode {
        UsbMode::Modem => "is a modem",
        UsbMode::Storage => "shows its CD-ROM instead of the modem",
        UsbMode::Hilink => "is a router (HiLink) and has no port for AT commands",
        UsbMode::Qmi => "shows QMI only, which cannot dial",
        UsbMode::Mbim => "shows MBIM only, which cannot dial",
        UsbMode::Ecm => "shows itself as a network card only, which cannot dial",
        UsbMode::Bootloader => "runs its boot loader, not its firmware",
    }
}

impl Explain for Unbound {
    fn layer(&self) -> Layer {
        Layer::Port
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoModem => "no-modem",
            Self::Several { .. } => "several-modems",
            Self::Absent { .. } => "modem-not-plugged-in",
            Self::Mode { mode, .. } => match mode {
                UsbMode::Modem | UsbMode::Storage => "modem-in-storage-mode",
                UsbMode::Hilink => "modem-is-hilink",
                UsbMode::Qmi | UsbMode::Mbim | UsbMode::Ecm => "modem-cannot-dial",
                UsbMode::Bootloader => "modem-in-boot-loader",
            },
            Self::Refused { .. } => "modem-unusable",
            Self::NoPort { .. } => "modem-without-driver",
            Self::NoInterface { .. } => "modem-changed",
            Self::Unidentified { .. } => "modem-unknown",
        }
    }

    fn retry(&self) -> Retry {
        // A person may plug or switch at any time.
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Several { .. } => Blame::Caller,
            _ => Blame::Modem,
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::NoModem => {
                "plug the modem in; when it is, look at `mm1gate modem list`".to_owned()
            }
            Self::Several { .. } => {
                "set `port` of each modem to one of the names that `mm1gate modem list` shows"
                    .to_owned()
            }
            Self::Absent { .. } => {
                "plug the modem in, or set `port` to one that `mm1gate modem list` shows".to_owned()
            }
            Self::Mode { way_out, .. } => way_out.clone(),
            Self::Refused { .. } => {
                "take another modem; the README lists those that work".to_owned()
            }
            Self::NoPort { id: (vid, pid), .. } => format!(
                "load the driver with `sudo modprobe option`; when that does not help, tell it \
                 about this modem: `echo {vid} {pid} | sudo tee \
                 /sys/bus/usb-serial/drivers/option1/new_id`"
            ),
            Self::NoInterface { .. } => {
                "the modem shows other ports than before: look at `mm1gate modem list` and set \
                 `port` anew"
                    .to_owned()
            }
            Self::Unidentified { ports, .. } => format!(
                "ask its ports one after the other, for example `mm1gate modem probe {}`, and set \
                 `port` to the one that answers",
                ports.first().map_or("PORT", String::as_str)
            ),
        }
    }
}
