//! Profiles: what is read, what is refused, and what is found.

use std::path::Path;
use std::time::Duration;

use super::{HangUpStep, ListMethod, OnError, PortRole, Profile, ProfileError, Profiles, Step};

const HEAD: &str = "title = \"X\"\n[evidence]\nsources = [\"a test\"]\nverified = []\n";

fn refused(text: &str) -> ProfileError {
    Profile::from_toml("x", text).unwrap_err()
}

#[test]
fn embedded_profiles_read() {
    let profile = Profile::generic();
    assert_eq!(profile.name, "generic");
    assert_eq!(profile.dial.connect_timeout, Duration::from_secs(90));
    assert_eq!(profile.hangup.steps, [HangUpStep::Dtr, HangUpStep::Escape, HangUpStep::Ath]);
    assert_eq!(profile.storage.list, [ListMethod::Cmgl, ListMethod::Cmgd, ListMethod::Cmgr]);
    assert!(!profile.is_verified());
}

#[test]
fn folder_and_program_hold_the_same_profiles() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/modem-profiles");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    let mut embedded: Vec<&str> = super::lookup::EMBEDDED.iter().map(|(name, _)| *name).collect();
    embedded.sort_unstable();
    assert_eq!(names, embedded);
}

#[test]
fn what_a_profile_does_not_say_is_taken_from_the_one_it_extends() {
    let text = format!(
        "{HEAD}[hangup]\nguard = \"700ms\"\n[append]\ninit = [{{ send = \"AT^CURC=0\", on_error = \"ignore\" }}]\n"
    );
    let profile = Profile::from_toml("x", &text).unwrap();
    let generic = Profile::generic();
    assert_eq!(profile.hangup.guard, Duration::from_millis(700));
    assert_eq!(profile.hangup.steps, generic.hangup.steps);
    assert_eq!(profile.init.len(), generic.init.len() + 1);
    assert_eq!(profile.init.last().unwrap().send.as_deref(), Some("AT^CURC=0"));
    assert_eq!((profile.name.as_str(), profile.title.as_str()), ("x", "X"));
}

#[test]
fn user_profile_may_extend_the_built_in_one_of_its_name() {
    let text = format!("extends = \"generic\"\n{HEAD}[timeouts]\ncommand = \"3s\"\n");
    let profiles = Profiles::read(&[("generic".to_owned(), text)]).unwrap();
    assert_eq!(profiles.generic().timeouts.command, Duration::from_secs(3));
    assert_eq!(profiles.generic().timeouts.list, Profile::generic().timeouts.list);
}

#[test]
fn circles_and_missing_parents_are_refused() {
    let a = ("a".to_owned(), format!("extends = \"b\"\n{HEAD}"));
    let b = ("b".to_owned(), format!("extends = \"a\"\n{HEAD}"));
    let error = Profiles::read(&[a, b]).unwrap_err();
    assert!(error.to_string().contains("in a circle"), "{error}");
    let error = refused(&format!("extends = \"nothing\"\n{HEAD}"));
    assert_eq!(
        error.to_string(),
        "modem profile x, line 1, extends: there is no profile 'nothing'"
    );
    let error = refused(&format!("extends = \"x\"\n{HEAD}"));
    assert_eq!((error.line, error.key.as_deref()), (Some(1), Some("extends")));
}

#[test]
fn complaints_name_key_line_and_the_nearest_word() {
    for (text, line, key, reason) in [
        ("[quirks]\nsend_dealy = \"1s\"", 6, "quirks.send_dealy", "did you mean 'send_delay'?"),
        ("[serial]\nbaud = \"fast\"", 6, "serial.baud", "invalid type: string"),
        ("[serial]\nbaud = 7", 6, "serial.baud", "300 to 4000000"),
        ("[hangup]\nguard = \"soon\"", 6, "hangup.guard", "\"soon\" is no duration"),
        ("[hangup]\n\nsteps = [\"dtr\", \"pull the plug\"]", 7, "hangup.steps[1]", "pull the plug"),
        ("[timeouts]\nlist = \"3000s\"", 6, "timeouts.list", "from 1ms to 600s"),
        ("[append]\ninit = [\n{ on_error = \"ignore\" }]", 7, "append.init[0]", "either"),
        (
            "[append]\ninit = [{ send = \"AT\", on_error = \"skip\" }]",
            6,
            "append.init[0].on_error",
            "\"ignore\"",
        ),
        ("[append]\nintt = []", 6, "append.intt", "did you mean 'init'?"),
        ("[dial]\ndial = []", 6, "dial.dial", "at least one"),
        ("[dial]\ndial = [\"ATD*99***{id}#\"]", 6, "dial.dial[0]", "unknown placeholder"),
        ("[dial]\ndefine = \"+CGDCONT=1\"", 6, "dial.define", "begins with AT"),
        ("[dial]\ndefine = \"AT+CGDCONT=1\\r\"", 6, "dial.define", "control character"),
        ("[[usb]]\nid = \"12d1:1506\"\nmode = \"stick\"", 7, "usb[0].mode", "expected one of"),
        ("[[usb]]\nid = \"12d1\"", 6, "usb[0].id", "no USB identity"),
        ("[storage]\nreceive = [\"sim\"]", 6, "storage.receive[0]", "two capital letters"),
    ] {
        let error = refused(&format!("{HEAD}{text}\n"));
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.reason.contains(reason), "{error}");
    }
    let error = refused("[evidence]\nsources = [\"a test\"]\nverified = []\n");
    assert_eq!(error.to_string(), "modem profile x, title: it is missing");
    let error = refused("title = \"X\"\n[[[");
    assert_eq!(error.line, Some(2));
    assert!(refused(&"#".repeat(300_000)).reason.contains("larger"));
}

#[test]
fn refusals_may_be_named_by_code() {
    let step: Step = toml::from_str("send = \"AT+CNMI=2,1\"\non_error = { cms = [303] }").unwrap();
    assert_eq!(step.on_error, OnError::IgnoreCodes { cme: vec![], cms: vec![303] });
}

#[test]
fn profiles_are_found_by_name_usb_and_words() {
    let text = format!(
        "{HEAD}[match]\nmanufacturer = [\"acme*\"]\n[[usb]]\nid = \"1234:5678\"\nports = {{ \"02\" = \"at\" }}\n[[usb]]\nid = \"1234:*\"\n"
    );
    let profiles = Profiles::read(&[("acme".to_owned(), text)]).unwrap();
    assert_eq!(profiles.named("acme").unwrap().name, "acme");
    assert!(profiles.named("acne").unwrap_err().reason.contains("'acme'"));
    let found = profiles.for_usb(0x1234, 0x5678).unwrap();
    assert_eq!(found.entry.role(2, (0xff, 0, 0)), Some(PortRole::At));
    assert!(profiles.for_usb(0x1234, 1).unwrap().entry.ports.is_empty());
    assert!(profiles.for_usb(0xfffe, 1).is_none());
    assert_eq!(profiles.for_identity("ACME Inc", "X").unwrap().name, "acme");
    assert!(profiles.for_identity("other", "X").is_none());
}

#[test]
fn every_identity_belongs_to_one_profile() {
    let profiles = Profiles::embedded();
    let mut seen = std::collections::BTreeMap::new();
    for profile in profiles.iter() {
        for entry in &profile.usb {
            if let Some(other) = seen.insert(entry.id, profile.name.clone()) {
                panic!("{} is of {other} and of {}", entry.id, profile.name);
            }
            let has = |role| entry.ports.values().any(|it| *it == role);
            assert!(
                entry.ports.is_empty() || has(PortRole::At) || has(PortRole::Ppp),
                "{}: {} has no port that takes commands",
                profile.name,
                entry.id
            );
        }
        for record in &profile.evidence.verified {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil/transcripts");
            assert!(folder.join(record).is_file(), "{}: there is no {record}", profile.name);
            assert!(!record.starts_with("virtual"), "{}: {record} is no hardware", profile.name);
        }
        assert!(profile.notes.iter().chain(&profile.refuse).all(|it| it.len() < 200));
    }
}

#[test]
fn modems_of_the_field_are_known_by_their_words() {
    let profiles = Profiles::embedded();
    for (manufacturer, model, name) in [
        ("Quectel", "EC25", "quectel"),
        ("Quectel", "EG25", "quectel"),
        ("Quectel", "BG96", "quectel-bg9x"),
        ("Quectel_Ltd", "Quectel_M95", "quectel-m95"),
        ("Quectel", "UC20", "quectel-uc20"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "simcom"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7000G", "simcom-7000"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7070G", "simcom-7070"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "simcom-800"),
        ("INCORPORATED", "A7670E-FASE", "simcom-a76xx"),
        ("huawei", "E3372", "huawei"),
        ("HUAWEI TECHNOLOGIES CO., LTD", "E173", "huawei"),
        ("ZTE CORPORATION", "MF190", "zte"),
        ("Telit", "LE910-EUG", "telit"),
        ("Cinterion", "PLS8-E", "cinterion"),
        ("Cinterion", "PLS62-W", "cinterion-imt"),
        ("SIEMENS", "TC35i", "siemens"),
        ("Cinterion", "BGS2-W", "siemens"),
        ("u-blox", "LARA-R211", "ublox"),
        ("u-blox", "SARA-U201", "ublox-u2"),
        ("u-blox", "SARA-R410M-02B", "ublox-r4"),
        ("u-blox", "LARA-R6001D-00B", "ublox-r4"),
        ("u-blox", "SARA-R510S-01B", "ublox-r5"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM8202G", "simcom"),
        ("Sierra Wireless", "HL7800", "sierra"),
        ("Sierra Wireless, Incorporated", "MC7455", "sierra-mc7"),
        ("WAVECOM MODEM", "MULTIBAND  900E  1800", "wavecom"),
        ("Option N.V.", "GTM382", "option"),
        ("MultiTech", "MTC-H5", "multitech"),
    ] {
        let found = profiles.for_identity(manufacturer, model);
        assert_eq!(found.unwrap().name, name, "{manufacturer} {model}");
    }
    assert!(profiles.for_identity("Example", "X1").is_none());
}

#[test]
fn devices_that_are_no_modems_are_explained() {
    let profiles = Profiles::embedded();
    for (vid, pid, word) in [
        (0x12d1, 0x1f01, "usb-modeswitch"),
        (0x12d1, 0x14db, "HiLink"),
        (0x19d2, 0x2000, "CD-ROM"),
        (0x1e0e, 0x9018, "network card"),
        (0x1199, 0x9071, "QMI"),
        (0x1199, 0x9070, "boot loader"),
    ] {
        let found = profiles.for_usb(vid, pid).unwrap();
        assert_ne!(found.entry.mode, super::UsbMode::Modem);
        assert!(found.entry.explanation().unwrap().contains(word), "{vid:04x}:{pid:04x}");
    }
    let stick = profiles.for_usb(0x2c7c, 0x0125).unwrap();
    assert_eq!((stick.entry.mode, stick.entry.explanation()), (super::UsbMode::Modem, None));
    assert_eq!(stick.entry.role(3, (0xff, 0, 0)), Some(PortRole::Ppp));
    // A product of Huawei that no list names is known by its interface classes.
    let other = profiles.for_usb(0x12d1, 0xfffe).unwrap();
    assert_eq!(other.entry.role(0, (0xff, 2, 1)), Some(PortRole::Ppp));
}
