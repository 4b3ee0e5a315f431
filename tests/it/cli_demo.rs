//! `mm1gate demo --once`: the whole way over real pseudo-terminals, as a newcomer runs it.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use sha2::Digest;

use crate::cli_basics::{mm1gate, run};

fn sha256(octets: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(octets))
}

#[test]
fn picture_goes_out_and_another_comes_in_with_the_hashes_of_what_was_sent() {
    let home = tempfile::tempdir().expect("a folder");
    let keep = home.path().join("kept");
    let mut command = mm1gate(home.path());
    let (exit, out, err) = run(command
        .env("TMPDIR", home.path())
        .args(["demo", "--once", "--json", "--keep", "kept"]));
    assert_eq!(exit, 0, "{err}");
    assert_eq!(out.lines().count(), 1, "exactly one object: {out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["outbound"]["state"], "delivered");
    assert_eq!(report["inbound"]["state"], "acknowledged");
    for way in ["outbound", "inbound"] {
        assert!(report[way]["id"].as_str().is_some_and(|id| id.starts_with("msg_")), "{report}");
    }
    let sent = std::fs::read(keep.join("sent.jpg")).expect("the picture that went out");
    let received = std::fs::read(keep.join("received.jpg")).expect("the picture that came in");
    assert_ne!(sent, received, "the phone answers with a picture of its own");
    assert_eq!(report["outbound"]["sha256"], sha256(&sent));
    assert_eq!(report["inbound"]["sha256"], sha256(&received));
    assert!(sent.len() > 200_000 && received.len() > 100_000);
    let (bytes_out, bytes_in) = (
        report["bytes_out"].as_u64().expect("a number"),
        report["bytes_in"].as_u64().expect("one"),
    );
    assert!(bytes_out > sent.len() as u64 && bytes_in > received.len() as u64, "{report}");
    assert!(report["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report}");

    for stage in ["data call connected", "IP address", "100 %", "the MMSC answered", "SMS taken"] {
        assert!(err.contains(stage), "no '{stage}' in\n{err}");
    }
    let capture = keep.join("demo.pcapng");
    let mode = std::fs::metadata(&capture).expect("the capture").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let octets = std::fs::read(&capture).expect("the capture");
    assert_eq!(&octets[..4], [0x0a, 0x0d, 0x0d, 0x0a], "pcapng");
    assert!(octets.len() > sent.len() + received.len());
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("the folder").flatten().collect();
    assert_eq!(left.len(), 1, "only what was to be kept is left: {left:?}");
}

#[test]
fn own_photo_is_sent_and_stages_are_the_result_without_json() {
    let home = tempfile::tempdir().expect("a folder");
    let photo = home.path().join("mine.png");
    std::fs::write(&photo, crate::api_rig::PNG).expect("a file");
    let (exit, out, err) =
        run(mm1gate(home.path()).args(["demo", "--once", "--photo", "mine.png"]));
    assert_eq!(exit, 0, "{out}{err}");
    assert!(out.contains(&sha256(crate::api_rig::PNG)), "{out}");
    assert!(out.contains("Both pictures arrived"), "{out}");
    assert!(out.contains("delivered") && out.contains("acknowledged"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn unusable_photo_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("text.jpg"), "no picture").expect("a file");
    for (photo, code, sentence) in
        [("none.jpg", 66, "none.jpg: no such file"), ("text.jpg", 65, "text.jpg is not a picture")]
    {
        let (exit, out, err) = run(mm1gate(home.path()).args(["demo", "--once", "--photo", photo]));
        assert_eq!((exit, out.as_str()), (code, ""), "{err}");
        assert!(err.contains(sentence) && err.contains("\nTry: "), "{err}");
    }
}
