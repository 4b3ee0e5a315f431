//! Profiles: what is read, what is refused, and what is found.

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
