//! The USB devices as Linux shows them below `/sys/bus/usb/devices`
//! (Documentation/ABI/testing/sysfs-bus-usb), with the stable names that udev keeps below
//! `/dev/serial`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use nusb::MaybeFuture;

use super::{UsbBus, UsbDevice, UsbInterface, UsbResetError};

/// Octets read of one attribute; the kernel's own limit is a page.
const MAX_ATTRIBUTE: u64 = 4096;
/// Characters kept of a string that the device tells.
const MAX_STRING: usize = 128;
/// Devices, interfaces of one device, and names in one folder that are looked at.
const MAX_ENTRIES: usize = 1024;
/// Links followed from one name of a port.
const MAX_LINKS: usize = 8;
/// Class of hubs (USB-IF defined class codes).
const CLASS_HUB: u8 = 0x09;

/// The USB devices below a root folder that holds `sys` and `dev`.
#[derive(Debug, Clone)]
pub struct Sysfs {
    root: PathBuf,
}

impl Sysfs {
    /// Those of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self::at("/")
    }

    /// Those of a prepared folder; device nodes are named below it.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn folder(&self) -> PathBuf {
        self.root.join("sys/bus/usb/devices")
    }

    fn dev(&self, name: &str) -> String {
        self.root.join("dev").join(name).to_string_lossy().into_owned()
    }

    fn device(&self, path: &str, names: &StableNames) -> Option<UsbDevice> {
        let folder = self.folder().join(path);
        if number(&folder, "bDeviceClass") == Some(CLASS_HUB) {
            return None;
        }
        let mut interfaces: Vec<UsbInterface> = entries(&folder)
            .into_iter()
            .filter(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with(':')))
            .filter_map(|name| self.interface(&folder.join(name), names))
            .collect();
        interfaces.sort_by_key(|it| it.number);
        Some(UsbDevice {
            path: path.to_owned(),
            vid: id(&folder, "idVendor")?,
            pid: id(&folder, "idProduct")?,
            manufacturer: string(&folder, "manufacturer"),
            product: string(&folder, "product"),
            serial: string(&folder, "serial"),
            interfaces,
        })
    }

    fn interface(&self, folder: &Path, names: &StableNames) -> Option<UsbInterface> {
        // cdc_acm and hso put the tty into the interface, usbserial below a port of its own.
        let tty = first(&folder.join("tty"), "tty").or_else(|| {
            entries(folder)
                .into_iter()
                .filter(|name| name.starts_with("tty"))
                .find_map(|name| first(&folder.join(name).join("tty"), "tty"))
        });
        let driver = fs::read_link(folder.join("driver")).ok();
        let driver = driver.as_deref().and_then(Path::file_name).and_then(|it| it.to_str());
        Some(UsbInterface {
            number: number(folder, "bInterfaceNumber")?,
            class: number(folder, "bInterfaceClass")?,
            subclass: number(folder, "bInterfaceSubClass")?,
            protocol: number(folder, "bInterfaceProtocol")?,
            driver: driver.map(shown),
            by_id: tty.as_deref().and_then(|tty| names.by_id.get(tty).cloned()),
            by_path: tty.as_deref().and_then(|tty| names.by_path.get(tty).cloned()),
            tty: tty.map(|name| self.dev(&name)),
            net: first(&folder.join("net"), ""),
            wdm: first(&folder.join("usbmisc"), "cdc-wdm").map(|name| self.dev(&name)),
        })
    }

    /// The device's node, open for reading and writing.
    fn node(&self, folder: &Path) -> io::Result<fs::File> {
        let number = |name: &str| {
            let text = attribute(folder, name).unwrap_or_default();
            text.parse::<u16>().map_err(|_| io::Error::from(io::ErrorKind::NotFound))
        };
        let name = format!("dev/bus/usb/{:03}/{:03}", number("busnum")?, number("devnum")?);
        fs::File::options().read(true).write(true).open(self.root.join(name))
    }

    fn stable_names(&self) -> StableNames {
        let read = |kind: &str| {
            let folder = self.root.join("dev/serial").join(kind);
            let mut names = BTreeMap::new();
            for name in entries(&folder) {
                let link = folder.join(&name);
                let target = fs::read_link(&link).ok();
                let tty = target.as_deref().and_then(Path::file_name).and_then(|it| it.to_str());
                if let (Some(tty), Some(link)) = (tty, link.to_str()) {
                    // A second name of the same port, such as by-path's usbv2 form, is left out.
                    names.entry(tty.to_owned()).or_insert_with(|| link.to_owned());
                }
            }
            names
        };
        StableNames { by_id: read("by-id"), by_path: read("by-path") }
    }
}

/// tty name to path of the link.
struct StableNames {
    by_id: BTreeMap<String, String>,
    by_path: BTreeMap<String, String>,
}

impl UsbBus for Sysfs {
    fn devices(&self) -> Vec<UsbDevice> {
        let names = self.stable_names();
        let mut found: Vec<UsbDevice> = entries(&self.folder())
            .into_iter()
            .filter(|name| is_socket(name))
            .filter_map(|name| self.device(&name, &names))
            .collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// A reset of the port on the hub (`USBDEVFS_RESET`): what comes nearest to unplugging, and
    /// what a udev rule can permit, since it needs no more than the device node. Where the node
    /// cannot be opened, the device is forbidden and allowed again (`authorized`), which takes it
    /// from its drivers and configures it anew, without a reset of the line.
    fn reset(&self, path: &str) -> Result<(), UsbResetError> {
        let absent = || UsbResetError::Absent { path: path.to_owned() };
        if !is_socket(path) {
            return Err(absent());
        }
        let folder = self.folder().join(path);
        let (Some(vid), Some(pid)) = (id(&folder, "idVendor"), id(&folder, "idProduct")) else {
            return Err(absent());
        };
        let failed = |error: &io::Error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                UsbResetError::Denied { path: path.to_owned(), id: format!("{vid:04x}:{pid:04x}") }
            }
            _ => UsbResetError::Io { path: path.to_owned(), text: error.to_string() },
        };
        match self.node(&folder) {
            Ok(node) => reset_port(node).map_err(|error| failed(&error)),
            Err(_) => authorize_anew(&folder).map_err(|error| failed(&error)),
        }
    }

    fn real_name(&self, port: &str) -> String {
        // A link below a prepared root may lead out of it, to a pseudo-terminal.
        let mut path = PathBuf::from(port);
        for _ in 0..MAX_LINKS {
            let Ok(target) = fs::read_link(&path) else { break };
            let parent = path.parent().unwrap_or_else(|| Path::new("/"));
            path = plain(&parent.join(target));
            if path.parent() == Some(&self.root.join("dev")) {
                break;
            }
        }
        path.to_string_lossy().into_owned()
    }
}

fn reset_port(node: fs::File) -> io::Result<()> {
    let device = nusb::Device::from_fd(node.into()).wait()?;
    match device.reset().wait() {
        // It came back with other descriptors, as a new device: it was reset.
        Err(error) if error.kind() == nusb::ErrorKind::Disconnected => Ok(()),
        other => Ok(other?),
    }
}

fn authorize_anew(folder: &Path) -> io::Result<()> {
    let file = folder.join("authorized");
    let write =
        |value: &str| fs::File::options().write(true).open(&file)?.write_all(value.as_bytes());
    write("0")?;
    // Left at 0 the modem would stay away until it is plugged in again.
    write("1").or_else(|_| write("1"))
}

/// `1-1.4`: bus, then ports; root hubs (`usb1`) and interfaces (`1-1.4:1.0`) are none.
pub(super) fn is_socket(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    name.len() <= 64
        && name
            .split_once('-')
            .is_some_and(|(bus, ports)| digits(bus) && ports.split('.').all(digits))
}

/// The path without `.` and `..`, by its letters.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Names in a folder, sorted; those that are no text are left out.
fn entries(folder: &Path) -> Vec<String> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let mut names: Vec<String> = found.filter_map(|it| it.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The first name in a folder that begins so.
fn first(folder: &Path, prefix: &str) -> Option<String> {
    entries(folder).into_iter().find(|name| name.starts_with(prefix))
}

fn attribute(folder: &Path, name: &str) -> Option<String> {
    let mut octets = Vec::new();
    fs::File::open(folder.join(name)).ok()?.take(MAX_ATTRIBUTE).read_to_end(&mut octets).ok()?;
    Some(String::from_utf8_lossy(&octets).trim().to_owned())
}

fn id(folder: &Path, name: &str) -> Option<u16> {
    u16::from_str_radix(&attribute(folder, name)?, 16).ok()
}

fn number(folder: &Path, name: &str) -> Option<u8> {
    u8::from_str_radix(&attribute(folder, name)?, 16).ok()
}

fn string(folder: &Path, name: &str) -> Option<String> {
    attribute(folder, name).map(|text| shown(&text)).filter(|text| !text.is_empty())
}

/// What a device tells, fit for a terminal: no control characters, no marks that turn the writing
/// direction, a bounded length.
fn shown(text: &str) -> String {
    let harmless = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(harmless).take(MAX_STRING).collect::<String>().trim().to_owned()
}
