//! `mm1gate serve` and the commands that ask it through its socket. Its modem is unplugged, so
//! messages wait.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::api_rig::PNG;
use crate::cli_basics::{mm1gate, run};
use crate::support::Daemon;

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let config = "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
        port = \"/dev/mm1gate-no-such-port\"\n[modem.operator]\napn = \"mms.example\"\n\
        mmsc = \"http://mmsc.example/mms\"\n";
    std::fs::write(home.path().join("gate.toml"), config).expect("a file");
    std::fs::write(home.path().join("a.png"), PNG).expect("a file");
    home
}

fn ok(home: &Path, arguments: &[&str]) -> String {
    let (exit, out, err) = run(mm1gate(home).args(arguments).args(["--config", "gate.toml"]));
    assert_eq!(exit, 0, "{arguments:?}: {err}");
    out
}

#[test]
fn commands_ask_the_daemon_and_then_the_store_it_left() {
    let home = home();
    let mut daemon = Daemon::start(home.path(), "mm1gate=info");
    let socket = home.path().join("data/mm1gate.sock");
    let mode = std::fs::metadata(&socket).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let sent = ok(
        home.path(),
        &[
            "send",
            "--to",
            "+447700900123",
            "--subject",
            "Cake",
            "--text",
            "Hi",
            "--file",
            "a.png",
            "--json",
        ],
    );
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    let id = sent["id"].as_str().expect("an id").to_owned();

    for while_running in [true, false] {
        if !while_running {
            assert_eq!(daemon.terminate(), Some(0), "SIGTERM is an orderly end");
            assert!(!socket.exists(), "the socket goes with the daemon");
        }
        let list: Value =
            serde_json::from_str(&ok(home.path(), &["outbox", "--json"])).expect("JSON");
        assert_eq!(list["messages"][0]["id"], id.as_str(), "{list}");
        assert!(ok(home.path(), &["outbox"]).contains("Cake"));
        let inbox: Value =
            serde_json::from_str(&ok(home.path(), &["inbox", "--json"])).expect("JSON");
        assert_eq!(inbox["messages"].as_array().map(Vec::len), Some(0));
        let shown = ok(home.path(), &["show", &id]);
        assert!(shown.contains("+447700900123") && shown.contains("timeline"), "{shown}");
        let (exit, _, err) = run(mm1gate(home.path()).args([
            "show",
            "msg_00000000000000000000000000",
            "--config",
            "gate.toml",
        ]));
        assert_eq!(exit, 66, "{err}");
    }

    ok(home.path(), &["show", &id, "--save", "saved"]);
    let saved = std::fs::read_dir(home.path().join("saved"))
        .expect("the folder")
        .flatten()
        .find(|file| file.path().extension().is_some_and(|extension| extension == "png"))
        .expect("the picture");
    assert_eq!(std::fs::read(saved.path()).expect("the file"), PNG);
}

#[test]
fn second_daemon_is_told_of_the_first() {
    let home = home();
    let daemon = Daemon::start(home.path(), "mm1gate=info");
    let (exit, _, err) = run(mm1gate(home.path()).args(["serve", "--config", "gate.toml"]));
    assert_eq!(exit, 75, "{err}");
    assert!(err.contains(&format!("process {}", daemon.id())), "{err}");
    assert!(err.contains("Try: "), "{err}");

    let busy = std::fs::read_to_string(home.path().join("gate.toml"))
        .expect("the file")
        .replace("127.0.0.1:0", &daemon.page)
        .replace("\"data\"", "\"other\"");
    std::fs::write(home.path().join("busy.toml"), busy).expect("a file");
    let (exit, _, err) = run(mm1gate(home.path()).args(["serve", "--config", "busy.toml"]));
    assert_eq!(exit, 69, "{err}");
    assert!(err.contains(&daemon.page) && err.contains("address already in use"), "{err}");
}

#[test]
fn waiting_ends_with_what_stands_in_the_way() {
    let home = home();
    let _daemon = Daemon::start(home.path(), "mm1gate=info");
    let arguments = [
        "send",
        "--to",
        "86888",
        "--text",
        "x",
        "--wait",
        "--timeout",
        "2",
        "--config",
        "gate.toml",
    ];
    let (exit, _, err) = run(mm1gate(home.path()).args(arguments));
    assert_eq!(exit, 75, "{err}");
    assert!(err.contains("still queued") || err.contains("still accepted"), "{err}");
    assert!(err.contains("safe in the store"), "{err}");
}
