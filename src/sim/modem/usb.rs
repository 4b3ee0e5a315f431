//! The modem as a USB device: its socket, its identity, its ports by name, and how it vanishes and
//! comes back under other names.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::DuplexStream;

use super::{PortRole, Shared, VirtualModem};
use crate::sim::fault::{Fault, STORAGE_SECONDS};
use crate::sim::lock;

/// How long a device that comes back as a storage stays one, until the host has switched it over.
const STORAGE_TIME: Duration = Duration::from_secs(STORAGE_SECONDS);
/// How long a reset of the bus takes.
const RESET_TIME: Duration = Duration::from_secs(8);
/// Ports that a host has names for.
const MAX_TTYS: u32 = 64;

/// What a modem looks like on the USB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsbShape {
    /// The socket, for example `1-1.4`.
    pub path: String,
    /// Vendor.
    pub vid: u16,
    /// Product as a modem.
    pub pid: u16,
    /// Product as a storage.
    pub storage_pid: u16,
    /// Number of the interface that dials.
    pub data_interface: u8,
    /// Number of the interface for commands.
    pub control_interface: u8,
    /// Number of the first `/dev/ttyUSBn`.
    pub first_tty: u32,
    /// Its ports have other names each time that it comes back.
    pub renumbers: bool,
    /// `AT+CFUN=1,1` takes it off the bus for so many seconds; 0: it stays on the bus.
    pub restart_seconds: u64,
}

impl Default for UsbShape {
    /// A Quectel EC25 in the socket 1-1.4.
    fn default() -> Self {
        Self {
            path: "1-1.4".to_owned(),
            vid: 0x2c7c,
            pid: 0x0125,
            storage_pid: 0x1001,
            data_interface: 3,
            control_interface: 2,
            first_tty: 0,
            renumbers: false,
            restart_seconds: 0,
        }
    }
}

/// What the host sees of the device now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsbView {
    /// The socket.
    pub path: String,
    /// Vendor.
    pub vid: u16,
    /// Product.
    pub pid: u16,
    /// Number of the interface, role and name of each port; none while it is a storage.
    pub ports: Vec<(u8, PortRole, String)>,
}

/// Where the device is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    present: bool,
    storage: bool,
    first_tty: u32,
    /// Counts disappearances, so that a late return of an earlier one does nothing.
    run: u64,
}

impl Place {
    pub(super) const fn new(first_tty: u32) -> Self {
        Self { present: true, storage: false, first_tty, run: 0 }
    }
}

impl VirtualModem {
    /// What the host sees of the device now; nothing while it is off the bus.
    #[must_use]
    pub fn usb(&self) -> Option<UsbView> {
        let place = *lock(&self.0.place);
        let shape = &self.0.config.usb;
        if !place.present {
            return None;
        }
        let pid = if place.storage { shape.storage_pid } else { shape.pid };
        let mut ports = Vec::new();
        if !place.storage {
            for role in self.ports() {
                let interface = match role {
                    PortRole::Data => shape.data_interface,
                    PortRole::Control => shape.control_interface,
                };
                ports.push((interface, role));
            }
            ports.sort_unstable_by_key(|(interface, _)| *interface);
        }
        let ports = (place.first_tty..)
            .zip(ports)
            .map(|(tty, (interface, role))| (interface, role, format!("/dev/ttyUSB{tty}")))
            .collect();
        Some(UsbView { path: shape.path.clone(), vid: shape.vid, pid, ports })
    }

    /// Opens the port that has this name now.
    ///
    /// # Errors
    /// When no port has it.
    pub fn open_tty(&self, name: &str) -> io::Result<DuplexStream> {
        let ports = self.usb().map(|view| view.ports).unwrap_or_default();
        let (_, role, _) = ports
            .into_iter()
            .find(|(_, _, tty)| tty == name)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        self.open(role)
    }

    /// Sets Data Terminal Ready of a port; low ends its call.
    pub fn set_dtr(&self, role: PortRole, on: bool) {
        if let Some(port) = self.0.ports.get(role.index()).filter(|_| !on) {
            port.dtr.notify_waiters();
        }
    }

    /// Data Carrier Detect of a port: a call is up there, held or not (V.250 `&C1`).
    #[must_use]
    pub fn carrier(&self, role: PortRole) -> bool {
        self.0.has_carrier(role.index())
    }

    /// The host resets the device's port of the bus. Must be called inside a tokio runtime.
    pub fn usb_reset(&self) {
        self.0.vanish(RESET_TIME, false, false);
    }
}

impl Shared {
    pub(super) fn is_present(&self) -> bool {
        let place = lock(&self.place);
        place.present && !place.storage
    }

    /// Takes the device off the bus: every port ends, and nothing but SIM and storages survives.
    /// It is back after `time`, or when the faults are cleared.
    pub(super) fn vanish(&self, time: Duration, renumbered: bool, as_storage: bool) {
        let run = {
            let mut place = lock(&self.place);
            place.present = false;
            place.storage = false;
            if renumbered || self.config.usb.renumbers {
                let ports = u32::try_from(self.ports.len()).unwrap_or(1);
                place.first_tty = (place.first_tty + ports) % MAX_TTYS;
            }
            place.run += 1;
            place.run
        };
        for port in &self.ports {
            lock(&port.session).cancel();
            port.open.store(false, Ordering::Relaxed);
            port.online.store(false, Ordering::Relaxed);
        }
        let was_locked = self.lock().locked;
        self.reset();
        // The bus gives the SIM no power cycle, unless the stick does that by itself.
        if !was_locked && !self.faults.strikes(&Fault::PinAskedAgain {}) {
            let mut state = self.lock();
            state.locked = false;
            self.start_searching(&mut state);
        }
        let Some(shared) = self.itself.upgrade() else { return };
        let come_back = async move {
            let wait = async |time| {
                tokio::select! {
                    biased;
                    () = shared.stop.cancelled() => {}
                    () = shared.faults.cleared() => {}
                    () = tokio::time::sleep(time) => {}
                }
            };
            wait(time).await;
            if as_storage && lock(&shared.place).run == run {
                {
                    let mut place = lock(&shared.place);
                    (place.present, place.storage) = (true, true);
                }
                wait(STORAGE_TIME).await;
            }
            let mut place = lock(&shared.place);
            if place.run == run {
                (place.present, place.storage) = (true, false);
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(come_back);
        } else {
            lock(&self.place).present = true;
        }
    }
}
