//! Devices joined with what the profiles tell of them: ports and their roles, shapes in which a
//! modem is none, and what `port = "auto"` makes of it.

use std::sync::Arc;

use mm1gate::model::Explain;
use mm1gate::modem::usb::{Binding, Candidate, Finder, Unbound, UsbBus, candidates};
use mm1gate::modem::{PortRole, Profiles, UsbMode};

use crate::usb_rig::{Device, EC25, Interface, UsbRig};

/// Modems as the profiles would list them, so that no change of the real ones breaks these tests.
const TABLE: &str = r#"
extends = "generic"
title = "modems of this test"
[[usb]]
id = "2c7c:0125"
label = "Quectel EC25"
ports = { "00" = "diag", "01" = "gps", "02" = "at", "03" = "ppp" }
[[usb]]
id = "12d1:1506"
ports = { "ff/02/01" = "ppp", "ff/02/02" = "at", "ff/02/03" = "diag" }
[[usb]]
id = "12d1:1f01"
mode = "storage"
[[usb]]
id = "12d1:14db"
mode = "hilink"
label = "Huawei E3372"
[[usb]]
id = "1e0e:9001"
note = "set AT+CUSBPIDSWITCH=9001,1,1"
mode = "ecm"
[[usb]]
id = "1e2d:0054"
ports = { "00" = "at" }
[evidence]
sources = ["made for this test"]
verified = []
"#;

const REFUSED: &str = r#"
extends = "generic"
title = "modems that are refused"
refuse = "it has no port that dials"
[[usb]]
id = "1199:9071"
ports = { "03" = "at" }
[evidence]
sources = ["made for this test"]
verified = []
"#;

fn profiles() -> Arc<Profiles> {
    let own = [("table", TABLE), ("refused", REFUSED)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    Arc::new(Profiles::read(&own).unwrap())
}

fn candidate(id: &str, interfaces: &[Interface<'_>]) -> Option<Candidate> {
    let rig = UsbRig::new();
    rig.plug(Device { path: "1-1.4", id, strings: ("Maker", "Modem", ""), interfaces });
    candidates(&rig.sysfs().devices(), &profiles()).pop()
}

fn auto(rig: &UsbRig) -> Finder {
    Finder::new(Arc::new(rig.sysfs()), profiles(), Binding::Auto, None)
}

fn plug<'a>(rig: &UsbRig, path: &'a str, id: &'a str, interfaces: &'a [Interface<'a>]) {
    rig.plug(Device { path, id, strings: ("Maker", "Modem", ""), interfaces });
}

const DISK: &[Interface<'static>] = &[(0, "08/06/50", "usb-storage", "")];

#[test]
fn roles_are_given_by_interface_number() {
    let modem = candidate("2c7c:0125", EC25).unwrap();
    assert_eq!((modem.profile.as_deref(), modem.mode), (Some("table"), UsbMode::Modem));
    let roles: Vec<_> = modem.ports.iter().map(|it| it.role).collect();
    let expected = [PortRole::Diag, PortRole::Gps, PortRole::At, PortRole::Ppp].map(Some);
    assert_eq!(roles, expected);
    assert!(modem.dial().unwrap().tty.ends_with("ttyUSB3"));
    assert!(modem.control().unwrap().tty.ends_with("ttyUSB2"));
    assert!(modem.dial().unwrap().stable.contains("/by-id/"));
    assert!(!modem.ports[0].may_be_asked() && !modem.ports[1].may_be_asked());
    assert_eq!(modem.title(), "Quectel EC25, calls itself Maker Modem");
}

#[test]
fn roles_are_given_by_class_where_numbers_vary() {
    let interfaces = [
        (0, "ff/02/01", "option", "ttyUSB0"),
        (1, "ff/02/03", "option", "ttyUSB1"),
        (4, "ff/02/02", "option", "ttyUSB2"),
    ];
    let modem = candidate("12d1:1506", &interfaces).unwrap();
    assert_eq!(modem.dial().unwrap().interface, 0);
    assert_eq!(modem.control().unwrap().interface, 4);
    assert!(!modem.ports[1].may_be_asked());
}

#[test]
fn only_port_for_commands_dials_as_well() {
    let modem = candidate("1e2d:0054", &[(0, "02/02/01", "cdc_acm", "ttyACM0")]).unwrap();
    assert!(modem.dial().unwrap().tty.ends_with("ttyACM0"));
    assert_eq!(modem.control(), None);
}

#[test]
fn shapes_that_are_no_modem_are_explained_with_the_way_out() {
    let wwan = [(0, "ff/ff/ff", "qmi_wwan", "net:wwan0")];
    let mbim = [(0, "02/0e/00", "cdc_mbim", "net:wwan0")];
    let card = [(0, "02/06/00", "cdc_ether", "net:usb0")];
    let rndis = [(0, "e0/01/03", "rndis_host", "net:usb0")];
    for (id, interfaces, mode, way_out) in [
        ("12d1:1f01", DISK, UsbMode::Storage, "usb-modeswitch"),
        ("12d1:14db", &card, UsbMode::Hilink, "HiLink"),
        ("1e0e:9001", &rndis, UsbMode::Ecm, "AT+CUSBPIDSWITCH=9001,1,1"),
        // Identities that no profile lists, of makers that one lists.
        ("12d1:ffff", DISK, UsbMode::Storage, "usb-modeswitch"),
        ("2c7c:ffff", &wwan, UsbMode::Qmi, "QMI"),
        ("2c7c:fffe", &mbim, UsbMode::Mbim, "MBIM"),
        ("2c7c:fffd", &card, UsbMode::Ecm, "network card"),
    ] {
        let modem = candidate(id, interfaces).unwrap_or_else(|| panic!("{id}"));
        assert_eq!(modem.mode, mode, "{id}");
        assert!(modem.way_out.as_deref().unwrap().contains(way_out), "{id}: {:?}", modem.way_out);
        assert_eq!(modem.dial(), None, "{id}");
    }
}

#[test]
fn disks_adapters_and_cables_of_other_makers_are_no_modems() {
    for (id, interfaces) in [
        ("0781:5567", DISK),
        ("0bda:8153", &[(0, "02/06/00", "cdc_ether", "net:eth1")]),
        ("0403:6001", &[(0, "ff/ff/ff", "ftdi_sio", "ttyUSB0")]),
        ("2341:0043", &[(0, "02/02/00", "cdc_acm", "ttyACM0")]),
        ("046d:c31c", &[(0, "03/01/01", "usbhid", "")]),
    ] {
        assert_eq!(candidate(id, interfaces), None, "{id}");
    }
}

#[test]
fn recovery_mode_of_a_chip_is_never_asked() {
    let port = [(0, "ff/ff/ff", "qcserial", "ttyUSB0")];
    let modem = candidate("05c6:9008", &port).unwrap();
    assert_eq!(modem.mode, UsbMode::Bootloader);
    assert!(!modem.is_unidentified());
}

#[test]
fn modem_that_no_profile_lists_must_be_asked() {
    let ports = [(0, "ff/ff/ff", "option", "ttyUSB0"), (1, "ff/ff/ff", "option", "ttyUSB1")];
    let modem = candidate("abcd:0001", &ports).unwrap();
    assert!(modem.is_unidentified());
    let rig = UsbRig::new();
    plug(&rig, "1-2", "abcd:0001", &ports);
    let error = auto(&rig).find().unwrap_err();
    let Unbound::Unidentified { ports, .. } = &error else { panic!("{error:?}") };
    assert_eq!(ports.len(), 2);
    assert!(error.remedy().contains("modem probe"), "{}", error.remedy());
}

#[test]
fn auto_takes_the_only_modem_with_both_its_ports() {
    let rig = UsbRig::new();
    plug(&rig, "1-3", "0781:5567", DISK);
    plug(&rig, "1-1.4", "2c7c:0125", EC25);
    let bound = auto(&rig).find().unwrap();
    assert_eq!(bound.dial, rig.path("dev/ttyUSB3"));
    assert_eq!(bound.control, Some(rig.path("dev/ttyUSB2")));
    assert_eq!(bound.profile.as_deref(), Some("table"));
    assert!(bound.spare.is_empty(), "diagnosis and GPS are never touched: {:?}", bound.spare);
}

#[test]
fn auto_stays_with_its_modem_when_another_is_plugged_in() {
    let rig = UsbRig::new();
    plug(&rig, "1-1.4", "2c7c:0125", EC25);
    let finder = auto(&rig);
    let bound = finder.find().unwrap();
    let later = [(0, "02/02/01", "cdc_acm", "ttyACM0")];
    plug(&rig, "1-1.2", "1e2d:0054", &later);
    // The second one takes a name by-id over, as happens to sticks without a serial number.
    let again = finder.find().unwrap();
    assert_eq!((again.dial, again.control), (bound.dial, bound.control));
    let error = auto(&rig).find().unwrap_err();
    assert!(matches!(&error, Unbound::Several { choices } if choices.len() == 2), "{error:?}");
    assert!(error.to_string().contains("socket 1-1.2"), "{error}");
}

#[test]
fn modem_that_came_back_as_a_disk_or_a_router_is_told_as_such() {
    let rig = UsbRig::new();
    plug(&rig, "1-1.4", "12d1:1506", &[(0, "ff/02/01", "option", "ttyUSB0")]);
    let bindings = [
        Binding::Auto,
        Binding::Port(rig.path("dev/ttyUSB0")),
        Binding::Port(rig.path("dev/serial/by-id/usb-Maker_Modem_-if00-port0")),
        Binding::Socket { path: "1-1.4".to_owned(), interface: None },
        Binding::Socket { path: "1-1.4".to_owned(), interface: Some(0) },
    ];
    let finders =
        bindings.map(|binding| Finder::new(Arc::new(rig.sysfs()), profiles(), binding, None));
    for finder in &finders {
        assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB0"), "{finder:?}");
    }
    rig.unplug("1-1.4");
    plug(&rig, "1-1.4", "12d1:1f01", DISK);
    for finder in &finders {
        let error = finder.find().unwrap_err();
        assert_eq!(error.code(), "modem-in-storage-mode", "{finder:?}: {error}");
        assert!(error.remedy().contains("usb-modeswitch"));
    }
    rig.unplug("1-1.4");
    plug(&rig, "1-1.4", "12d1:14db", &[(0, "02/06/00", "cdc_ether", "net:usb0")]);
    for finder in &finders {
        assert_eq!(finder.find().unwrap_err().code(), "modem-is-hilink", "{finder:?}");
    }
    rig.unplug("1-1.4");
    for finder in &finders {
        let error = finder.find().unwrap_err();
        assert!(matches!(error, Unbound::NoModem | Unbound::Absent { .. }), "{error:?}");
    }
    plug(&rig, "1-1.4", "12d1:1506", &[(0, "ff/02/01", "option", "ttyUSB5")]);
    for finder in &finders {
        assert_eq!(finder.find().unwrap().dial, rig.path("dev/ttyUSB5"), "{finder:?}");
    }
}

#[test]
fn modem_without_a_driver_is_told_with_the_way_to_load_it() {
    let rig = UsbRig::new();
    plug(&rig, "1-1.4", "2c7c:0125", &[(3, "ff/00/00", "", "")]);
    let error = auto(&rig).find().unwrap_err();
    assert_eq!(error.code(), "modem-without-driver");
    assert!(error.remedy().contains("modprobe option") && error.remedy().contains("2c7c 0125"));
}

#[test]
fn modem_of_a_kind_that_cannot_be_used_is_refused_with_its_reason() {
    let rig = UsbRig::new();
    plug(&rig, "1-1.4", "1199:9071", &[(3, "ff/00/00", "qcserial", "ttyUSB0")]);
    let error = auto(&rig).find().unwrap_err();
    assert_eq!(error.code(), "modem-unusable");
    assert!(error.to_string().contains("no port that dials"), "{error}");
}

#[test]
fn sticks_of_one_kind_with_one_serial_number_are_told_apart_by_socket() {
    let rig = UsbRig::new();
    let clone = |path, interfaces| Device {
        path,
        id: "12d1:1506",
        strings: ("HUAWEI", "Mobile", "0123456789ABCDEF"),
        interfaces,
    };
    let first = [(0, "ff/02/01", "option", "ttyUSB0")];
    let second = [(0, "ff/02/01", "option", "ttyUSB1")];
    rig.plug(clone("1-1.1", &first));
    rig.plug(clone("1-1.2", &second));
    let finder = |path: &str| {
        let binding = Binding::Socket { path: path.to_owned(), interface: None };
        Finder::new(Arc::new(rig.sysfs()), profiles(), binding, None)
    };
    assert_eq!(finder("1-1.1").find().unwrap().dial, rig.path("dev/ttyUSB0"));
    assert_eq!(finder("1-1.2").find().unwrap().dial, rig.path("dev/ttyUSB1"));
    let by_tty = Finder::new(
        Arc::new(rig.sysfs()),
        profiles(),
        Binding::Port(rig.path("dev/ttyUSB1")),
        None,
    );
    by_tty.find().unwrap();
    rig.unplug("1-1.2");
    // The other one has the same serial number; it is not the one that was pulled out.
    assert!(matches!(by_tty.find(), Err(Unbound::Absent { .. })), "{:?}", by_tty.find());
    assert_eq!(rig.sysfs().devices().len(), 1);
}
