//! The command line without a modem: help, exit codes after sysexits(3), sentences with what to
//! try.

use std::path::Path;

use assert_cmd::Command;

/// The program in an environment of its own, so that no file of the machine plays a part.
pub(crate) fn mm1gate(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mm1gate"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command.timeout(std::time::Duration::from_secs(60));
    command
}

/// What a run left behind: exit code, standard output, standard error.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("the program runs");
    (
        output.status.code().expect("the program ends by itself"),
        String::from_utf8(output.stdout).expect("UTF-8"),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}

fn fails(home: &Path, arguments: &[&str], code: i32, sentence: &str, hint: &str) {
    let (exit, out, err) = run(mm1gate(home).args(arguments));
    assert_eq!(exit, code, "{arguments:?}: {err}");
    assert!(out.is_empty(), "{arguments:?} wrote a result: {out}");
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines.len(), 2, "{arguments:?}: one sentence and one hint: {err}");
    assert!(lines[0].starts_with("mm1gate: ") && lines[0].contains(sentence), "{err}");
    assert!(lines[1].starts_with("Try: ") && lines[1].contains(hint), "{err}");
}

#[test]
fn every_command_has_help_with_an_example() {
    let home = tempfile::tempdir().expect("a folder");
    for command in [
        "serve",
        "send",
        "inbox",
        "outbox",
        "show",
        "decode",
        "encode",
        "simulate",
        "demo",
        "doctor",
        "modem list",
        "modem probe",
        "modem udev",
        "modem test",
        "modem retry-pin",
        "resend",
        "config example",
        "config check",
        "cancel",
        "routes",
        "operators list",
        "operators lookup",
        "operators search",
        "operators show",
    ] {
        let words = command.split(' ').chain(["--help"]);
        let (exit, out, err) = run(mm1gate(home.path()).args(words));
        assert_eq!((exit, err.as_str()), (0, ""), "{command}");
        assert!(out.contains("Example"), "{command} has no example:\n{out}");
        assert!(out.contains(&format!("mm1gate {command}")), "{command}:\n{out}");
    }
}

#[test]
fn results_can_be_had_as_json_from_every_command_that_prints_any() {
    let home = tempfile::tempdir().expect("a folder");
    for command in
        ["send", "inbox", "outbox", "show", "decode", "demo", "doctor", "modem list", "modem probe"]
    {
        let words = command.split(' ').chain(["--help"]);
        let (_, out, _) = run(mm1gate(home.path()).args(words));
        assert!(out.contains("--json"), "{command}:\n{out}");
    }
}

#[test]
fn misunderstood_command_line_is_usage() {
    let home = tempfile::tempdir().expect("a folder");
    for arguments in [&["serve", "--confg", "x"][..], &["sned"], &["send"], &[]] {
        let (exit, out, err) = run(mm1gate(home.path()).args(arguments));
        assert_eq!((exit, out.as_str()), (64, ""), "{arguments:?}: {err}");
    }
    let (_, _, err) = run(mm1gate(home.path()).args(["serve", "--confg", "x"]));
    assert!(err.contains("--config"), "the nearest option is named: {err}");
}

#[test]
fn missing_configuration_names_every_place_searched() {
    let home = tempfile::tempdir().expect("a folder");
    let (exit, _, err) = run(mm1gate(home.path()).arg("serve"));
    assert_eq!(exit, 78, "{err}");
    let users = home.path().join(".config/mm1gate/mm1gate.toml");
    assert!(err.contains(&users.display().to_string()), "{err}");
    assert!(err.contains("/etc/mm1gate/mm1gate.toml"), "{err}");
    fails(home.path(), &["serve", "--config", "no.toml"], 78, "no.toml does not exist", "--config");
}

#[test]
fn wrong_configuration_is_named_by_file_and_line() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("gate.toml");
    std::fs::write(&file, "[[modem]]\nport = \"/dev/ttyUSB0\"\nprofil = \"x\"\n").expect("a file");
    fails(
        home.path(),
        &["serve", "--config", "gate.toml"],
        78,
        "gate.toml, line 3: there is no key 'profil' here; did you mean 'profile'?",
        "mend",
    );
}

#[test]
fn nothing_sends_without_gateway_or_port() {
    let home = tempfile::tempdir().expect("a folder");
    let send = |more: &[&'static str]| {
        [&["send", "--to", "+447700900123", "--text", "x"][..], more].concat()
    };
    fails(home.path(), &send(&[]), 69, "no gateway runs", "mm1gate serve");
    fails(
        home.path(),
        &send(&["--port", "/dev/no-such-port"]),
        69,
        "/dev/no-such-port does not exist",
        "plug the modem in",
    );
    let rest = ["--apn", "mms", "--mmsc", "http://mmsc.example/mms"];
    let socket = [&["--port", "usb:99-9"][..], &rest].concat();
    fails(home.path(), &send(&socket), 69, "usb:99-9 is not plugged in", "modem list");
    fails(home.path(), &send(&["--port", "ttyUSB2"]), 64, "'ttyUSB2' is no port", "\"auto\"");
    fails(home.path(), &send(&["--port", "/dev/null"]), 78, "operator's settings", "--mmsc");
}

#[test]
fn unusable_input_of_send_is_named_before_anything_is_asked() {
    let home = tempfile::tempdir().expect("a folder");
    let bad_number = ["send", "--to", "+44 abc", "--text", "x"];
    fails(home.path(), &bad_number, 65, "'a' cannot be part of a phone number", "+447700900123");
    let no_file = ["send", "--to", "86888", "--file", "no.jpg"];
    fails(home.path(), &no_file, 66, "no.jpg: no such file", "path of --file");
    let folder = ["send", "--to", "86888", "--file", "."];
    fails(home.path(), &folder, 66, "is not a file", "path of --file");
    fails(home.path(), &["send", "--to", "86888"], 64, "neither text nor a file", "--text");
}

#[test]
fn lists_without_any_store_say_so() {
    let home = tempfile::tempdir().expect("a folder");
    for command in ["inbox", "outbox"] {
        fails(home.path(), &[command], 69, "no gateway runs", "mm1gate serve");
    }
    assert!(!home.path().join(".local").exists(), "looking leaves nothing behind");
}

#[test]
fn bad_log_filter_is_usage() {
    let home = tempfile::tempdir().expect("a folder");
    fails(home.path(), &["--log", "mm1gate=loud", "inbox"], 64, "mm1gate=loud", "debug");
}
