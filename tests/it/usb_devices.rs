//! What is plugged in, read from a prepared sysfs, and where a configured modem's ports are after
//! resets, renumbering and changes of shape.

use std::fs;
use std::io::Read;
use std::sync::Arc;

use mm1gate::model::Explain;
use mm1gate::modem::Profiles;
use mm1gate::modem::usb::{Binding, Finder, NoUsb, Unbound, UsbBus, UsbResetError};

use crate::usb_rig::{Device, EC25, Interface, UsbRig};

fn ec25(path: &'static str) -> Device<'static> {
    Device { path, id: "2c7c:0125", strings: ("Quectel", "EC25-EU", ""), interfaces: EC25 }
}

/// The same a second time, with other tty numbers.
const EC25_LATER: &[Interface<'static>] = &[
    (0, "ff/ff/ff", "option", "ttyUSB4"),
    (1, "ff/00/00", "option", "ttyUSB5"),
    (2, "ff/00/00", "option", "ttyUSB6"),
    (3, "ff/00/00", "option", "ttyUSB7"),
    (4, "ff/ff/ff", "qmi_wwan", "net:wwan1"),
];

fn finder(rig: &UsbRig, dial: &str, control: Option<&str>) -> Finder {
    let binding = |text: &str| text.parse::<Binding>().unwrap();
    Finder::new(Arc::new(rig.sysfs()), Profiles::embedded(), binding(dial), control.map(binding))
}

#[test]
fn modem_is_read_with_its_interfaces_and_stable_names() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    let devices = rig.sysfs().devices();
    let [modem] = devices.as_slice() else { panic!("the hub is none: {devices:?}") };
    assert_eq!((modem.id().as_str(), modem.path.as_str()), ("2c7c:0125", "1-1.4"));
    assert_eq!(modem.title(), "Quectel EC25-EU");
    assert_eq!(modem.interfaces.len(), 5);
    let at = modem.interface(2).unwrap();
    assert_eq!(at.tty.as_deref(), Some(rig.path("dev/ttyUSB2").as_str()));
    assert_eq!(at.driver.as_deref(), Some("option"));
    assert_eq!(at.triple(), "ff/00/00");
    assert!(at.by_id.as_deref().unwrap().ends_with("by-id/usb-Quectel_EC25-EU_-if02-port0"));
    assert!(at.by_path.as_deref().unwrap().contains("usb-0:1.4:1.2"), "{:?}", at.by_path);
    assert_eq!(modem.interface(4).unwrap().net.as_deref(), Some("wwan0"));
    assert_eq!(modem.interface(4).unwrap().tty, None);
}

#[test]
fn cdc_acm_has_its_tty_in_the_interface_itself() {
    let rig = UsbRig::new();
    let interfaces = [(0, "02/02/01", "cdc_acm", "ttyACM0"), (1, "0a/00/00", "cdc_acm", "")];
    let strings = ("u-blox AG", "u-blox", "");
    rig.plug(Device { path: "2-3", id: "1546:1102", strings, interfaces: &interfaces });
    let devices = rig.sysfs().devices();
    assert_eq!(devices[0].interfaces[0].tty, Some(rig.path("dev/ttyACM0")));
    assert_eq!(devices[0].title(), "u-blox AG u-blox");
}

#[test]
fn what_a_device_tells_is_bounded_and_commands_no_terminal() {
    let rig = UsbRig::new();
    let long = "x".repeat(3000);
    let strings = ("\u{1b}[2JEvil\u{202e}", long.as_str(), "a\u{0}b\u{9b}31m");
    rig.plug(Device { path: "1-2", id: "12d1:1506", strings, interfaces: &[] });
    fs::write(rig.device("1-2").join("interface"), [0xff, 0xfe]).unwrap();
    let device = rig.sysfs().devices().remove(0);
    assert_eq!(device.manufacturer.as_deref(), Some("[2JEvil"));
    assert_eq!(device.product.unwrap().len(), 128);
    assert_eq!(device.serial.as_deref(), Some("ab31m"));
}

#[test]
fn broken_entries_are_left_out_and_harm_no_other() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    rig.plug(Device { path: "1-2", id: "zz:9", strings: ("", "", ""), interfaces: &[] });
    let half = [(7, "ff/q/ff", "option", "ttyUSB9")];
    rig.plug(Device { path: "1-3", id: "12d1:1506", strings: ("", "", ""), interfaces: &half });
    fs::create_dir_all(rig.root().join("sys/bus/usb/devices/1-9/../8")).unwrap();
    let devices = rig.sysfs().devices();
    let paths: Vec<&str> = devices.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["1-1.4", "1-3"]);
    assert!(devices[1].interfaces.is_empty());
}

#[test]
fn machine_without_usb_has_no_devices() {
    let empty = tempfile::tempdir().unwrap();
    assert!(mm1gate::modem::usb::Sysfs::at(empty.path()).devices().is_empty());
}

#[test]
fn reset_without_a_node_forbids_the_device_and_allows_it_again() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    let file = rig.device("1-1.4").join("authorized");
    // A pipe shows what is written, one after the other.
    fs::remove_file(&file).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    // Open at both ends, so that no side waits for the other.
    let mut pipe = fs::File::options().read(true).write(true).open(&file).unwrap();
    rig.sysfs().reset("1-1.4").unwrap();
    let mut written = [0; 2];
    pipe.read_exact(&mut written).unwrap();
    assert_eq!(&written, b"01");
}

#[test]
fn reset_opens_the_device_node_where_there_is_one() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    fs::create_dir_all(rig.root().join("dev/bus/usb/001")).unwrap();
    fs::write(rig.root().join("dev/bus/usb/001/007"), "no USB device").unwrap();
    let error = rig.sysfs().reset("1-1.4").unwrap_err();
    assert!(matches!(error, UsbResetError::Io { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(rig.device("1-1.4").join("authorized")).unwrap(), "1\n");
}

#[test]
fn reset_takes_no_path_from_outside() {
    let rig = UsbRig::new();
    for path in ["1-9", "../../1-1", "1-1:1.0", "", "usb1", "1-"] {
        let error = rig.sysfs().reset(path).unwrap_err();
        assert!(matches!(error, UsbResetError::Absent { .. }), "{path}: {error:?}");
    }
    assert!(matches!(NoUsb.reset("1-1"), Err(UsbResetError::Absent { .. })));
}

#[test]
fn bindings_are_read_or_refused_with_what_is_expected() {
    let socket = |interface| Binding::Socket { path: "1-1.4".to_owned(), interface };
    for (text, expected) in [
        ("auto", Binding::Auto),
        ("usb:1-1.4", socket(None)),
        ("usb:1-1.4/0a", socket(Some(10))),
        ("/dev/ttyUSB2", Binding::Port("/dev/ttyUSB2".to_owned())),
    ] {
        assert_eq!(text.parse::<Binding>().unwrap(), expected, "{text}");
    }
    for text in ["", "ttyUSB2", "usb:", "usb:1-1.4/3", "usb:1-1.4/xx", "usb:../1", "Auto", "/a\0b"]
    {
        assert!(text.parse::<Binding>().unwrap_err().contains("usb:1-1.4"), "{text}");
    }
}

#[test]
fn renumbered_modem_is_found_again_in_its_socket() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    // The name that the configuration holds is one of those that change.
    let finder = finder(&rig, &rig.path("dev/ttyUSB3"), Some(&rig.path("dev/ttyUSB2")));
    let bound = finder.find().unwrap();
    assert_eq!(
        (bound.dial, bound.control),
        (rig.path("dev/ttyUSB3"), Some(rig.path("dev/ttyUSB2")))
    );
    rig.unplug("1-1.4");
    let error = finder.find().unwrap_err();
    assert_eq!(error.code(), "modem-not-plugged-in");
    assert!(error.to_string().contains("ttyUSB3"), "{error}");
    rig.plug(Device { interfaces: EC25_LATER, ..ec25("1-1.4") });
    let bound = finder.find().unwrap();
    assert_eq!(
        (bound.dial, bound.control),
        (rig.path("dev/ttyUSB7"), Some(rig.path("dev/ttyUSB6")))
    );
}

#[test]
fn port_that_belongs_to_another_modem_now_is_not_taken() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    let finder = finder(&rig, &rig.path("dev/ttyUSB3"), None);
    finder.find().unwrap();
    rig.unplug("1-1.4");
    // Another stick takes the free numbers.
    rig.plug(ec25("1-1.2"));
    let error = finder.find().unwrap_err();
    assert!(matches!(error, Unbound::Absent { .. }), "{error:?}");
    assert!(error.to_string().contains("socket 1-1.2"), "names what is there: {error}");
    rig.plug(Device { interfaces: EC25_LATER, ..ec25("1-1.4") });
    assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB7"));
}

#[test]
fn stable_name_is_followed_wherever_it_leads() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    let name = rig.path("dev/serial/by-id/usb-Quectel_EC25-EU_-if03-port0");
    let finder = finder(&rig, &name, None);
    assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB3"));
    rig.unplug("1-1.4");
    rig.plug(Device { interfaces: EC25_LATER, ..ec25("1-1.3") });
    assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB7"));
}

#[test]
fn stable_name_that_two_sticks_share_is_not_followed_to_the_other_one() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    let name = rig.path("dev/serial/by-id/usb-Quectel_EC25-EU_-if03-port0");
    let finder = finder(&rig, &name, None);
    assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB3"));
    // Plugged in later, it takes the name over.
    rig.plug(Device { interfaces: EC25_LATER, ..ec25("1-1.3") });
    assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB3"));
    assert_eq!(finder.find().unwrap().device.unwrap().path, "1-1.4");
}

#[test]
fn link_of_ones_own_is_followed_too() {
    let rig = UsbRig::new();
    rig.plug(ec25("1-1.4"));
    std::os::unix::fs::symlink("ttyUSB3", rig.root().join("dev/gsm")).unwrap();
    let bound = finder(&rig, &rig.path("dev/gsm"), None).find().unwrap();
    assert_eq!(bound.device.unwrap().path, "1-1.4");
}

#[test]
fn port_that_is_no_usb_port_is_handed_back() {
    let finder = Finder::new(
        Arc::new(NoUsb),
        Profiles::embedded(),
        Binding::Port("/dev/ttyS0".to_owned()),
        Some(Binding::Port("/dev/ttyS1".to_owned())),
    );
    let bound = finder.find().unwrap();
    assert_eq!((bound.dial.as_str(), bound.control.as_deref()), ("/dev/ttyS0", Some("/dev/ttyS1")));
    assert_eq!(bound.device, None);
    assert!(finder.reset().is_none());
}

#[test]
fn auto_without_any_modem_says_so() {
    let rig = UsbRig::new();
    let disk = [(0, "08/06/50", "usb-storage", "")];
    rig.plug(Device {
        path: "1-2",
        id: "0781:5567",
        strings: ("SanDisk", "Cruzer", "1"),
        interfaces: &disk,
    });
    let error = finder(&rig, "auto", None).find().unwrap_err();
    assert_eq!(error, Unbound::NoModem);
    assert!(error.remedy().contains("modem list"));
}
