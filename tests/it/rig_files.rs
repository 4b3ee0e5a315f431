//! Rig files of `hil`: what is wrong in one is told with its line and key, and with what belongs
//! there.

use std::path::Path;

use crate::hil::cases::{self, CASES};
use crate::hil::rig::{Budget, Rig};

const GOOD: &str = "\
[rig]
description = \"a stick\" # with a comment

[rig.budget]
sms = 11
calls = 8

[[modem]]
name = \"desk\"
port = \"/dev/ttyUSB3\"
pin = \"0000\"
own_number = \"+447700900001\"

[modem.operator]
apn = \"mms.example\"
mmsc = \"http://mmsc.example/mms\"
";

fn parse(text: &str) -> Result<Rig, String> {
    Rig::parse(text, Path::new("desk.toml"))
}

/// The error of the good file with one line replaced.
fn error(line: &str, other: &str) -> String {
    assert!(GOOD.contains(line), "{line}");
    parse(&GOOD.replace(line, other)).map(|rig| rig.name).expect_err(other)
}

#[test]
fn good_file_is_a_rig_of_hardware_with_its_budget() {
    let rig = parse(GOOD).unwrap();
    assert_eq!(rig.name, "desk");
    assert_eq!(rig.description, "a stick");
    assert_eq!((rig.budget.sms, rig.budget.mms, rig.budget.calls), (11, 0, 8));
    assert!(!rig.is_virtual());
    assert_eq!(rig.own_number(), "+447700900001");
    assert_eq!(rig.modem().port, "/dev/ttyUSB3");
}

#[test]
fn port_that_is_left_out_or_auto_is_looked_for() {
    for port in ["", "port = \"auto\""] {
        let rig = parse(&GOOD.replace("port = \"/dev/ttyUSB3\"", port)).unwrap();
        assert_eq!(rig.modem().port, "auto");
        // On the buses of this machine, whatever they are.
        let _ = rig.finder().unwrap().find();
    }
}

#[test]
fn each_mistake_is_told_with_its_line_and_what_belongs_there() {
    for (line, other, told) in [
        (
            "sms = 11",
            "smss = 11",
            "desk.toml, line 5: unknown field `smss`, expected one of `sms`, `mms`, `calls`",
        ),
        (
            "sms = 11",
            "sms = \"eleven\"",
            "desk.toml, line 5: sms: it must be a whole number, 0 or more",
        ),
        ("sms = 11", "sms = -1", "desk.toml, line 5: sms: it must be a whole number, 0 or more"),
        (
            "description = \"a stick\"",
            "description = 7",
            "desk.toml, line 2: description: it must be a text in quotes",
        ),
        ("description = \"a stick\"", "", "desk.toml, line 1: missing field `description`"),
        (
            "port = \"/dev/ttyUSB3\"",
            "prot = \"/dev/ttyUSB3\"",
            "desk.toml, line 10: there is no key 'prot' here; did you mean 'port'?",
        ),
        (
            "port = \"/dev/ttyUSB3\"",
            "port = 3",
            "desk.toml, line 10: invalid type: integer `3`, expected a string",
        ),
        (
            "port = \"/dev/ttyUSB3\"",
            "port = \"ttyUSB3\"",
            "desk.toml, line 10: modem[0].port = \"ttyUSB3\": \"auto\" for the only modem, the full \
             path of a serial port",
        ),
        (
            "pin = \"0000\"",
            "pin = \"12a4\"",
            "desk.toml, line 11: modem[0].pin = \"***\": a PIN has 4 to 8 digits",
        ),
        (
            "pin = \"0000\"",
            "pin = 1234",
            "desk.toml, line 11: the value of pin must be a text in quotes",
        ),
        (
            "own_number = \"+447700900001\"",
            "own_number = \"Anna\"",
            "desk.toml, line 12: modem[0].own_number = \"Anna\": a phone number in international",
        ),
        (
            "own_number = \"+447700900001\"",
            "",
            "desk.toml, line 8: [[modem]] has no own_number, and the suite sends its messages \
             there: own_number = \"+447700900123\"",
        ),
        (
            "[[modem]]",
            "[[modem]]\nname = \"other\"\nport = \"/dev/ttyUSB9\"\n[[modem]]",
            "desk.toml, line 11: a second [[modem]]: a rig has one modem; take one of them out",
        ),
        (
            "name = \"desk\"",
            "profile = \"quectle\"",
            "desk.toml, line 9: modem profile quectle: there is no such profile; did you mean 'quectel'?",
        ),
        (
            "apn = \"mms.example\"",
            "apn = \"mms.example\"\nproxy = \"nowhere\"",
            "desk.toml, line 16: modem[0].operator.proxy = \"nowhere\":",
        ),
        ("[[modem]]", "[[modem]", "desk.toml, line 8: "),
        ("[rig]", "[ring]", "desk.toml, line 4: missing field `description`"),
    ] {
        let error = error(line, other);
        assert!(error.starts_with(told), "{error:?} instead of {told:?}");
        assert!(!error.contains("12a4") && !error.contains("1234"), "{error}");
    }
    let without = GOOD.split("[[modem]]").next().unwrap();
    let error = parse(without).map(|rig| rig.name).unwrap_err();
    assert!(error.starts_with("desk.toml: [[modem]] is missing: name at least one"), "{error}");
    let without = &GOOD[GOOD.find("[[modem]]").unwrap()..];
    let error = parse(without).map(|rig| rig.name).unwrap_err();
    assert!(error.starts_with("desk.toml: it has no [rig] with a description"), "{error}");
}

#[test]
fn file_that_is_not_there_names_the_example() {
    let error = Rig::load(Path::new("hil/rigs/nowhere.toml")).map(|rig| rig.name).unwrap_err();
    assert!(error.starts_with("hil/rigs/nowhere.toml: No such file or directory"), "{error}");
    assert!(error.ends_with("hil/rigs/example.toml shows a rig file"), "{error}");
}

#[test]
fn committed_example_is_a_rig_that_spends_nothing_and_says_why() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil/rigs/example.toml");
    let rig = Rig::load(&file).unwrap();
    let (sms, mms, calls) = CASES.iter().fold((0, 0, 0), |(sms, mms, calls), case| {
        (sms + case.cost.sms, mms + case.cost.mms, calls + case.cost.calls)
    });
    let text = std::fs::read_to_string(&file).unwrap();
    for (key, sum) in [("sms = 0  ", sms), ("mms = 0  ", mms), ("calls = 0", calls)] {
        let line = text.lines().find(|line| line.starts_with(key)).expect(key);
        assert!(line.contains(&format!("# {sum} for every case")), "{line}: it is {sum}");
    }
    for case in CASES {
        let why = cases::cannot(case, &rig);
        let costs = case.cost.sms + case.cost.mms + case.cost.calls > 0;
        assert_eq!(why.is_some(), costs || case.name == "unplugged_and_back", "{}", case.name);
    }
    let sends = CASES.iter().find(|case| case.name == "sms_to_oneself").unwrap();
    let why = cases::cannot(sends, &rig).unwrap();
    assert_eq!(why, "it takes 1 SMS, and sms of [rig.budget] leaves 0");
    assert_eq!(Budget::default().to_string(), "nothing");
    assert_eq!(Budget { sms: 1, mms: 0, calls: 2 }.to_string(), "1 SMS and 2 data calls");
}

#[test]
fn readme_tells_every_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hil");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    for case in CASES {
        assert!(readme.contains(&format!("`{}`", case.name)), "{} is not in it", case.name);
    }
}
