//! A folder that looks like `/sys/bus/usb` and `/dev` of a machine with devices plugged in.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mm1gate::modem::usb::Sysfs;

/// A machine's USB, device nodes included. Gone with its value.
pub(crate) struct UsbRig {
    dir: tempfile::TempDir,
}

/// What is plugged in.
#[derive(Clone, Copy)]
pub(crate) struct Device<'a> {
    /// The socket, such as `1-1.4`.
    pub(crate) path: &'a str,
    /// `vid:pid`
    pub(crate) id: &'a str,
    /// Maker, product, serial number; empty for none.
    pub(crate) strings: (&'a str, &'a str, &'a str),
    /// Its interfaces.
    pub(crate) interfaces: &'a [Interface<'a>],
}

/// Number, class triple, driver, and what the driver made of it: a tty, `net:wwan0`, or nothing.
pub(crate) type Interface<'a> = (u8, &'a str, &'a str, &'a str);

/// An EC25 as it presents itself.
pub(crate) const EC25: &[Interface<'static>] = &[
    (0, "ff/ff/ff", "option", "ttyUSB0"),
    (1, "ff/00/00", "option", "ttyUSB1"),
    (2, "ff/00/00", "option", "ttyUSB2"),
    (3, "ff/00/00", "option", "ttyUSB3"),
    (4, "ff/ff/ff", "qmi_wwan", "net:wwan0"),
];

impl UsbRig {
    /// With a hub and nothing else.
    pub(crate) fn new() -> Self {
        let rig = Self { dir: tempfile::tempdir().expect("a folder") };
        for folder in ["sys/bus/usb/devices", "dev/serial/by-id", "dev/serial/by-path"] {
            fs::create_dir_all(rig.root().join(folder)).expect("a folder");
        }
        let hub = [(0, "09/00/00", "hub", "")];
        rig.plug(Device {
            path: "1-1",
            id: "05e3:0608",
            strings: ("", "USB2.0 Hub", ""),
            interfaces: &hub,
        });
        fs::write(rig.device("1-1").join("bDeviceClass"), "09\n").expect("written");
        rig
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn sysfs(&self) -> Sysfs {
        Sysfs::at(self.root())
    }

    /// A path below the root, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.root().join(name).to_str().expect("UTF-8").to_owned()
    }

    pub(crate) fn device(&self, path: &str) -> PathBuf {
        self.root().join("sys/devices/usb1").join(path)
    }

    /// Plugs a device in, with nodes that lead nowhere and the names that udev gives.
    pub(crate) fn plug(&self, device: Device<'_>) {
        let folder = self.device(device.path);
        let (vid, pid) = device.id.split_once(':').expect("vid:pid");
        let (maker, product, serial) = device.strings;
        let write = |folder: &Path, name: &str, value: &str| {
            fs::create_dir_all(folder).expect("a folder");
            fs::write(folder.join(name), format!("{value}\n")).expect("written");
        };
        for (name, value) in [
            ("idVendor", vid),
            ("idProduct", pid),
            ("manufacturer", maker),
            ("product", product),
            ("serial", serial),
            ("bDeviceClass", "00"),
            ("busnum", "1"),
            ("devnum", "7"),
            ("authorized", "1"),
        ] {
            if !value.is_empty() {
                write(&folder, name, value);
            }
        }
        let bus = self.root().join("sys/bus/usb/devices");
        symlink(&folder, bus.join(device.path)).expect("a link");
        for (number, class, driver, made) in device.interfaces {
            let name = format!("{}:1.{number:x}", device.path);
            let interface = folder.join(&name);
            write(&interface, "bInterfaceNumber", &format!("{number:02x}"));
            let names = ["bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"];
            for (file, value) in names.into_iter().zip(class.split('/')) {
                write(&interface, file, value);
            }
            symlink(&interface, bus.join(&name)).expect("a link");
            if !driver.is_empty() {
                let drivers = self.root().join("sys/bus/usb/drivers").join(driver);
                fs::create_dir_all(&drivers).expect("a folder");
                symlink(drivers, interface.join("driver")).expect("a link");
            }
            if let Some(net) = made.strip_prefix("net:") {
                fs::create_dir_all(interface.join("net").join(net)).expect("a folder");
            } else if !made.is_empty() {
                let below = if made.starts_with("ttyACM") {
                    interface.join("tty").join(made)
                } else {
                    interface.join(made).join("tty").join(made)
                };
                fs::create_dir_all(below).expect("a folder");
                // udev replaces what is no plain letter, and file names have an end.
                let plain =
                    |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
                let product = format!("{maker}_{product}_{serial}");
                let product: String = product.chars().map(plain).take(100).collect();
                let socket = device.path.split_once('-').expect("a socket").1;
                for (kind, name) in [
                    ("by-id", format!("usb-{product}-if{number:02x}-port0")),
                    ("by-path", format!("pci-0000:00:14.0-usb-0:{socket}:1.{number:x}-port0")),
                    ("by-path", format!("pci-0000:00:14.0-usbv2-0:{socket}:1.{number:x}-port0")),
                ] {
                    let link = self.root().join("dev/serial").join(kind).join(name);
                    let _ = fs::remove_file(&link);
                    symlink(format!("../../{made}"), link).expect("a link");
                }
            }
        }
    }

    /// Pulls it out.
    pub(crate) fn unplug(&self, path: &str) {
        let folder = self.device(path);
        let bus = self.root().join("sys/bus/usb/devices");
        for entry in fs::read_dir(&bus).expect("a folder").flatten() {
            let name = entry.file_name().into_string().expect("UTF-8");
            if name == path || name.starts_with(&format!("{path}:")) {
                fs::remove_file(entry.path()).expect("removed");
            }
        }
        fs::remove_dir_all(folder).expect("removed");
        // udev takes its names away as well.
        let ttys = self.ttys();
        for kind in ["by-id", "by-path"] {
            let folder = self.root().join("dev/serial").join(kind);
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let target = fs::read_link(entry.path()).expect("a link");
                let tty = target.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
                if !ttys.contains(&tty) {
                    fs::remove_file(entry.path()).expect("removed");
                }
            }
        }
    }

    fn ttys(&self) -> Vec<String> {
        use mm1gate::modem::usb::UsbBus;
        let devices = self.sysfs().devices();
        let ttys = devices.iter().flat_map(|it| &it.interfaces).filter_map(|it| it.tty.as_deref());
        ttys.filter_map(|it| Some(Path::new(it).file_name()?.to_str()?.to_owned())).collect()
    }
}
