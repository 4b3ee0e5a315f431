//! schemathesis 4.32 as a witness of the REST API: it reads `/api/openapi.json` and asks the running
//! daemon whatever that allows and much that it forbids. The daemon's modem is unplugged.

use std::path::Path;
use std::process::Command;

use crate::support::Daemon;

const CONFIG: &str = "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
    port = \"/dev/mm1gate-no-such-port\"\n[modem.operator]\napn = \"mms.example\"\n\
    mmsc = \"http://mmsc.example/mms\"\n";

#[test]
#[ignore = "needs schemathesis"]
fn every_endpoint_answers_as_its_description_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/schemathesis/bin/schemathesis");
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("gate.toml"), CONFIG).expect("a file");
    let daemon = Daemon::start(home.path(), "error");
    let made = Command::new(env!("CARGO_BIN_EXE_mm1gate"))
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .args(["token", "create", "witness", "--scope", "admin", "--config", "gate.toml"])
        .output()
        .expect("the command runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let token = String::from_utf8(made.stdout).expect("text");
    let output = Command::new(&program)
        .current_dir(home.path())
        .args(["run", &format!("http://{}/api/openapi.json", daemon.page)])
        .args(["--header", &format!("Authorization: Bearer {}", token.trim())])
        // An event stream does not end, and a gateway without a modem is not ready.
        .args(["--exclude-path", "/api/v1/events", "--exclude-path", "/readyz"])
        // It would take its own token back.
        .args(["--exclude-operation-id", "revokeToken"])
        // Which texts are numbers no schema tells, so what fits one may be refused.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "25"])
        .args(["--generation-deterministic", "--no-color", "--workers", "2"])
        .output()
        .unwrap_or_else(|error| {
            panic!("{} (made by tests/all) does not start: {error}", program.display())
        });
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    // Every operation but the excluded ones, and some cases at all.
    assert!(told.contains("Test cases:") && told.contains(" passed"), "{told}");
}
