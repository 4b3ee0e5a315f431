//! systemd-analyze as the witness of the unit in `packaging`: it is understood without a complaint, and
//! what the service may do is little.

use std::process::Command;

/// The most that `systemd-analyze security` may make of it, of 10.
const MOST_EXPOSED: f64 = 2.0;

#[test]
#[ignore = "needs systemd-analyze"]
fn unit_is_understood_and_leaves_the_service_little() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/mm1gate.service");
    let text = std::fs::read_to_string(unit).expect("the unit");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("mm1gate.service");
    // The program is not installed here.
    std::fs::write(&copy, text.replace("/usr/local/bin/mm1gate", env!("CARGO_BIN_EXE_mm1gate")))
        .expect("a file");
    let ask = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&copy).output();
        let output = output.expect("systemd-analyze runs");
        let told = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&told).into_owned())
    };
    let (good, told) = ask(&["verify", "--man=no"]);
    assert!(good && told.is_empty(), "{told}");
    let (_, told) = ask(&["security", "--offline=true", "--no-pager"]);
    let level = told
        .lines()
        .find_map(|line| line.split_once("Overall exposure level for mm1gate.service: "))
        .and_then(|(_, level)| level.split(' ').next()?.parse::<f64>().ok())
        .unwrap_or_else(|| panic!("no level in {told}"));
    assert!(level <= MOST_EXPOSED, "{level}:\n{told}");
    for line in ["Type=notify", "WatchdogSec=", "CapabilityBoundingSet=\n", "ExecReload="] {
        assert!(text.contains(line), "{line}");
    }
}
