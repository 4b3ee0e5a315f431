//! Plain SMS by the commands, on a real pseudo-terminal: without settings of an operator, by the
//! configured modem, and to oneself.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use mm1gate::sim::{Fault, Subscriber};
use serde_json::Value;

use crate::bad_input::{Desk, PHONE, explained};
use crate::cli_basics::{mm1gate, run};
use crate::support::{Process, wait_until};

/// The number of the virtual SIM.
fn own() -> String {
    Subscriber::default().number
}

fn bare(desk: &Desk, arguments: &[&str]) -> (i32, String, String) {
    run(mm1gate(desk.home.path()).args(arguments))
}

fn serve(desk: &Desk) -> Process {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_mm1gate"));
    serve.args(["serve", "--config", "gate.toml"]);
    serve.env_clear().env("HOME", desk.home.path()).current_dir(desk.home.path());
    let mut serve = Process::start(&mut serve, desk.home.path(), "serve");
    wait_until("the gateway has the port", Duration::from_secs(20), || {
        assert!(serve.is_running(), "{}", serve.errors());
        let said = serve.errors();
        (said.contains("ready") && said.contains("The page is at")).then_some(())
    });
    serve
}

#[test]
fn text_by_a_port_needs_neither_configuration_nor_operator() {
    let desk = Desk::new();
    let port = desk.port();
    let (exit, out, err) =
        bare(&desk, &["send", "--sms", "--port", &port, "--to", PHONE, "--text", "Ready"]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("sent") || out.contains("delivered"), "{out}");
    assert_eq!(desk.operator.texts_of(PHONE)[0].text, "Ready");
    // What no modem can be is refused before anything is stored.
    let folder = desk.home.path().display().to_string();
    let file = desk.home.path().join("gate.toml").display().to_string();
    for wrong in [&folder, &file] {
        let arguments = ["send", "--sms", "--port", wrong, "--to", PHONE, "--text", "Ready"];
        let (exit, _, err) = bare(&desk, &arguments);
        assert_eq!(exit, 69, "{err}");
        explained(&err, "is not a serial port", "modem list");
        assert!(!err.contains("accepted"), "{err}");
    }
    // A picture does need them, and says so.
    let (exit, _, err) = bare(&desk, &["send", "--port", &port, "--to", PHONE, "--text", "Ready"]);
    assert_eq!(exit, 78, "{err}");
    explained(&err, "settings for MMS are not known", "--apn");
}

#[test]
fn port_auto_and_a_name_mean_the_configured_modem() {
    let desk = Desk::new();
    for wanted in ["auto", "desk"] {
        let (exit, _, err) = bare(
            &desk,
            &["send", "--config", "gate.toml", "--port", wanted, "--to", PHONE, "--text", "Hi"],
        );
        assert_eq!(exit, 0, "{wanted}: {err}");
    }
    let phone = desk.operator.phone(PHONE).expect("a phone");
    wait_until("both are there", Duration::from_secs(20), || {
        (phone.received().len() == 2).then_some(())
    });
}

#[test]
fn test_text_comes_back_by_a_free_port_and_by_the_gateway() {
    let desk = Desk::new();
    let mut gateway = None;
    for with_gateway in [false, true] {
        gateway = with_gateway.then(|| serve(&desk));
        let arguments = ["modem", "test", "--yes", "--json", "--config", "gate.toml"];
        let (exit, out, err) = bare(&desk, &arguments);
        assert_eq!(exit, 0, "{out}{err}");
        let told: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((&told["ok"], &told["modem"]), (&true.into(), &"desk".into()), "{told}");
        assert_eq!((&told["to"], &told["from"]), (&own().into(), &own().into()), "{told}");
        assert!(told["received_after_seconds"].as_f64().is_some(), "{told}");
    }
    // In words, and by the name of its port.
    let port = desk.port();
    let (exit, out, err) = bare(&desk, &["modem", "test", &port, "--yes", "--config", "gate.toml"]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.starts_with("Modem \"desk\" sends and receives"), "{out}");
    assert!(err.contains(&own()), "{err}");
    let (exit, _, err) = bare(&desk, &["modem", "test", "back", "--yes", "--config", "gate.toml"]);
    assert_eq!(exit, 66, "{err}");
    explained(&err, "no modem 'back'", "desk");
    assert!(gateway.is_some_and(|mut it| it.is_running()));
}

#[test]
fn test_text_is_sent_only_when_somebody_says_so_and_knows_where() {
    let subscriber = Subscriber { number_on_sim: false, ..Subscriber::default() };
    let desk = Desk::with(subscriber, "");
    let (exit, _, err) = bare(&desk, &["modem", "test", "--config", "gate.toml"]);
    assert_eq!(exit, 64, "{err}");
    explained(&err, "costs what an SMS costs", "--yes");
    let (exit, _, err) = bare(&desk, &["modem", "test", "--yes", "--config", "gate.toml"]);
    assert_eq!(exit, 65, "{err}");
    explained(&err, "does not tell its own number", "--to");
    // To somebody else it goes and does not come back.
    let elsewhere =
        ["modem", "test", "--yes", "--to", PHONE, "--timeout", "8", "--config", "gate.toml"];
    let (exit, _, err) = bare(&desk, &elsewhere);
    assert_eq!(exit, 75, "{err}");
    explained(&err, "did not come back", "is the number of this SIM");
    desk.operator.faults().set(Fault::SimMissing {});
    let (exit, _, err) =
        bare(&desk, &["modem", "test", "--yes", "--to", &own(), "--config", "gate.toml"]);
    assert_eq!(exit, 69, "{err}");
    explained(&err, "no SIM", "put a SIM into the modem");
}

#[test]
fn message_is_withdrawn_and_sent_again_by_commands() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::SubmitRefused { cms: 21 });
    let gateway = serve(&desk);
    let config = ["--config", "gate.toml"];
    let send = ["send", "--sms", "--to", PHONE, "--text", "Hi", "--wait"];
    let (exit, _, err) = bare(&desk, &[&send[..], &config].concat());
    assert_eq!(exit, 69, "{err}");
    let id = desk.kept()["id"].as_str().expect("an id").to_owned();
    desk.operator.faults().clear_all();
    let (exit, _, err) = bare(&desk, &["resend", &id, "--modem", "back", "--config", "gate.toml"]);
    assert_eq!(exit, 65, "{err}");
    explained(&err, "no modem 'back'; there are: desk", "");
    let (exit, out, err) = bare(&desk, &["resend", &id, "--config", "gate.toml"]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains(&id) && out.contains("by desk"), "{out}");
    wait_until("it is there", Duration::from_secs(20), || {
        (desk.operator.texts_of(PHONE).len() == 1).then_some(())
    });
    let (exit, _, err) = bare(&desk, &["cancel", &id, "--config", "gate.toml"]);
    assert_eq!(exit, 65, "{err}");
    drop(gateway);
    let (exit, _, err) = bare(&desk, &["resend", &id, "--config", "gate.toml"]);
    assert_eq!(exit, 69, "{err}");
    explained(&err, "no gateway runs", "mm1gate serve");
}

/// Runs the program as a user who owns nothing here; whoever is not root stays who he is.
fn as_nobody(desk: &Desk, arguments: &[&str]) -> (i32, String) {
    let home = desk.home.path();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(env!("CARGO_BIN_EXE_mm1gate"));
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_mm1gate"))
    };
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.join("nobody"));
    let output = command.current_dir("/").output().expect("setpriv runs");
    (output.status.code().expect("an exit code"), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn port_of_somebody_else_is_told_with_the_group_to_join() {
    let desk = Desk::new();
    let open = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    open(desk.home.path(), 0o755);
    let nobody = desk.home.path().join("nobody");
    std::fs::create_dir(&nobody).expect("a folder");
    open(&nobody, 0o777);
    let port = desk.home.path().join("modem").canonicalize().expect("a terminal");
    // Its owner has no permission either, unless it is root.
    open(&port, if rustix::process::geteuid().is_root() { 0o600 } else { 0 });
    let port = port.display().to_string();
    for arguments in [
        vec!["modem", "probe", &port],
        vec!["send", "--sms", "--port", &port, "--to", PHONE, "--text", "Hi"],
        vec!["modem", "test", &port, "--yes", "--to", PHONE],
    ] {
        let (exit, err) = as_nobody(&desk, &arguments);
        assert!(matches!(exit, 69 | 77), "{arguments:?} {exit}: {err}");
        explained(&err, "ermission", "dialout");
        assert!(err.contains(&port), "{err}");
    }
}
