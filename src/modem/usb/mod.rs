//! USB devices of this machine: what is plugged in where, which port does what, and a reset.
//!
//! [`Sysfs`] reads `/sys/bus/usb/devices` and the stable names below `/dev/serial`, without
//! libudev. Names and strings come from the device, so they are bounded and shown without control
//! characters. Device numbers change with every reset: what stays is the socket
//! ([`UsbDevice::path`]) and the number of the interface.

mod find;
mod roles;
mod sysfs;

use std::fmt;

pub use find::{Binding, Bound, Finder, Unbound};
pub use roles::{Candidate, CandidatePort, candidates};
pub use sysfs::Sysfs;

/// One USB device, hubs left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsbDevice {
    /// The socket: bus and ports on the way, such as `1-1.4`. It stays when the device is reset
    /// or plugged into the same socket again.
    pub path: String,
    /// Vendor.
    pub vid: u16,
    /// Product.
    pub pid: u16,
    /// What the device calls its maker, at most 128 characters.
    pub manufacturer: Option<String>,
    /// What the device calls itself, at most 128 characters.
    pub product: Option<String>,
    /// Its serial number; many modems have none, or all the same.
    pub serial: Option<String>,
    /// Its interfaces in the active configuration, by number.
    pub interfaces: Vec<UsbInterface>,
}

/// One interface of a USB device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsbInterface {
    /// `bInterfaceNumber`
    pub number: u8,
    /// `bInterfaceClass`
    pub class: u8,
    /// `bInterfaceSubClass`
    pub subclass: u8,
    /// `bInterfaceProtocol`
    pub protocol: u8,
    /// The kernel's driver that has it.
    pub driver: Option<String>,
    /// Its serial port at present, such as `/dev/ttyUSB2`.
    pub tty: Option<String>,
    /// Its name below `/dev/serial/by-id`.
    pub by_id: Option<String>,
    /// Its name below `/dev/serial/by-path`.
    pub by_path: Option<String>,
    /// Its network device at present, such as `wwan0`.
    pub net: Option<String>,
    /// Its control device for QMI or MBIM at present, such as `/dev/cdc-wdm0`.
    pub wdm: Option<String>,
}

impl UsbDevice {
    /// `vid:pid` in hexadecimal, as `lsusb` shows it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:04x}:{:04x}", self.vid, self.pid)
    }

    /// What a person calls it: maker and product as the device tells them, or its id.
    #[must_use]
    pub fn title(&self) -> String {
        match (&self.manufacturer, &self.product) {
            (Some(maker), Some(product)) if product.starts_with(maker.as_str()) => product.clone(),
            (Some(maker), Some(product)) => format!("{maker} {product}"),
            (Some(name), None) | (None, Some(name)) => name.clone(),
            (None, None) => format!("USB device {}", self.id()),
        }
    }

    /// The interface with this number.
    #[must_use]
    pub fn interface(&self, number: u8) -> Option<&UsbInterface> {
        self.interfaces.iter().find(|it| it.number == number)
    }
}

impl UsbInterface {
    /// Class, subclass and protocol as `ff/01/02`.
    #[must_use]
    pub fn triple(&self) -> String {
        format!("{:02x}/{:02x}/{:02x}", self.class, self.subclass, self.protocol)
    }

    /// The most stable name of its serial port: by-id, else by-path, else the tty itself.
    #[must_use]
    pub fn stable_tty(&self) -> Option<&str> {
        self.by_id.as_deref().or(self.by_path.as_deref()).or(self.tty.as_deref())
    }
}

/// The USB devices of a machine; tests hand in their own.
pub trait UsbBus: Send + Sync {
    /// What is plugged in now, by socket. What cannot be read is left out.
    fn devices(&self) -> Vec<UsbDevice>;

    /// Resets the device in this socket; it vanishes and comes back within a minute, perhaps
    /// under other tty names. Blocks for up to some seconds.
    ///
    /// # Errors
    /// [`UsbResetError`] says what to do.
    fn reset(&self, path: &str) -> Result<(), UsbResetError>;

    /// Where the name of a port leads when it is a link; the name itself when it is none.
    fn real_name(&self, port: &str) -> String {
        port.to_owned()
    }
}

/// A machine without USB.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoUsb;

impl UsbBus for NoUsb {
    fn devices(&self) -> Vec<UsbDevice> {
        Vec::new()
    }

    fn reset(&self, path: &str) -> Result<(), UsbResetError> {
        Err(UsbResetError::Absent { path: path.to_owned() })
    }
}

/// Why a device was not reset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsbResetError {
    /// Nothing is plugged in there.
    #[error("no USB device is in socket {path}")]
    Absent {
        /// The socket.
        path: String,
    },
    /// This user may not reset it.
    #[error("no permission to reset the USB device {id} in socket {path}")]
    Denied {
        /// The socket.
        path: String,
        /// `vid:pid`.
        id: String,
    },
    /// Something else; the system's own words.
    #[error("the USB device in socket {path} cannot be reset: {text}")]
    Io {
        /// The socket.
        path: String,
        /// What the system says.
        text: String,
    },
}

impl UsbResetError {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Absent { .. } => "plug the modem in again".to_owned(),
            Self::Denied { id, .. } => {
                format!(
                    "let group dialout reset this modem with a udev rule: `mm1gate modem udev` \
                     prints it for {id}"
                )
            }
            Self::Io { .. } => "unplug the modem for ten seconds".to_owned(),
        }
    }
}

impl fmt::Display for UsbDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, socket {})", self.title(), self.id(), self.path)
    }
}
