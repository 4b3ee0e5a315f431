//! A namespace of its own for a test: its own network with nothing but a loopback, and its own
//! mounts. What the test starts there is seen by nobody else and takes nobody's ports.

#![expect(
    clippy::print_stdout,
    reason = "what the test says in its namespace is for whoever reads the log"
)]

use std::process::{Command, Stdio};

/// Set inside.
const INSIDE: &str = "MM1GATE_TEST_NAMESPACE";

/// Whether this process is in a namespace of its own; else the test `name` (`module::function`) has
/// run once more in one and has passed there.
pub(crate) fn inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let root = rustix::process::geteuid().is_root();
    let output = Command::new("unshare")
        .arg(if root { "-nm" } else { "-rnm" })
        .args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(INSIDE, "yes")
        .stdin(Stdio::null())
        .output()
        .expect("unshare runs");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    // A name that fits no test would pass as well.
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    false
}

/// Runs a script that must succeed.
pub(crate) fn sh(script: &str) {
    let status = Command::new("sh").args(["-ec", script]).status().expect("sh runs");
    assert!(status.success(), "{script}");
}
