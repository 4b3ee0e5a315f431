//! `demo --keep` leaves a capture from which a foreign program rebuilds both pictures, and in which it
//! reads the frames of the multiplexer.

use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::support::{Scratch, mm1gate};

/// The SHA-256 of every JPEG that tshark finds inside MMS PDUs, in order.
fn pictures_in(capture: &std::path::Path) -> Vec<String> {
    let out = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(["-Y", "mmse && image-jfif", "-T", "json", "-x", "--no-duplicate-keys"])
        .stderr(Stdio::piped())
        .output()
        .expect("tshark runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let frames: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON of tshark");
    let mut found = Vec::new();
    collect(&frames, "image-jfif_raw", &mut found);
    found.iter().map(|octets| hex::encode(Sha256::digest(octets))).collect()
}

/// Gathers the octets of every `key`, whose value is an array that begins with hexadecimal text.
fn collect(value: &serde_json::Value, key: &str, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, inner) in map {
                if name == key
                    && let Some(text) = inner.get(0).and_then(serde_json::Value::as_str)
                {
                    found.push(hex::decode(text).expect("hexadecimal of tshark"));
                } else {
                    collect(inner, key, found);
                }
            }
        }
        serde_json::Value::Array(list) => {
            list.iter().for_each(|inner| collect(inner, key, found));
        }
        _ => {}
    }
}

#[test]
#[ignore = "needs tshark"]
fn tshark_rebuilds_both_pictures_from_the_kept_capture() {
    let scratch = Scratch::new("capture");
    let photo = scratch.path().join("photo.jpg");
    std::fs::write(&photo, mm1gate::media::demo_photo(41, 200_000)).unwrap();
    let out = mm1gate()
        .args(["demo", "--once", "--json", "--photo"])
        .arg(&photo)
        .arg("--keep")
        .arg(scratch.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one JSON object");
    let sent = hex::encode(Sha256::digest(std::fs::read(&photo).unwrap()));
    assert_eq!(told["outbound"]["sha256"], sent.as_str());

    let captures: Vec<_> = std::fs::read_dir(scratch.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcapng"))
        .collect();
    assert_eq!(captures.len(), 1, "{captures:?}");
    let seen = pictures_in(&captures[0]);
    let received = told["inbound"]["sha256"].as_str().unwrap().to_owned();
    assert!(seen.contains(&sent), "the outgoing picture is not in {seen:?}");
    assert!(seen.contains(&received), "the incoming picture is not in {seen:?}");
    assert_ne!(sent, received);

    // The AT dialogue is there as well, on its own interface.
    let at = Command::new("tshark")
        .arg("-r")
        .arg(&captures[0])
        .args(["-Y", "frame.interface_id == 1", "-T", "fields", "-e", "frame.len"])
        .output()
        .unwrap();
    assert!(at.stdout.split(|octet| *octet == b'\n').count() > 20, "hardly any AT dialogue");
}

#[test]
#[ignore = "needs tshark"]
fn tshark_reads_the_frames_of_a_port_that_is_multiplexed() {
    let scratch = Scratch::new("frames");
    let out = mm1gate()
        .args(["demo", "--once", "--json", "--cmux", "--keep"])
        .arg(scratch.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let told: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one JSON object");
    let capture = std::fs::read_dir(scratch.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pcapng"))
        .expect("a capture");
    let fields = [
        "mux27010.direction",
        "mux27010.address.dlciaddress",
        "mux27010.checksum_correct",
        "frame.interface_id",
    ];
    let out = Command::new("tshark")
        .arg("-r")
        .arg(&capture)
        .args(["-Y", "mux27010", "-T", "fields"])
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.len() > 500, "{} frames", rows.len());
    for direction in ["0x00", "0x01"] {
        for dlci in ["0", "1", "2"] {
            let is = |row: &&Vec<&str>| row[0] == direction && row[1] == dlci;
            assert!(rows.iter().any(|row| is(&row)), "direction {direction}, channel {dlci}");
        }
    }
    assert!(rows.iter().all(|row| row[2] == "1" || row[2] == "True"), "a wrong checksum");
    assert!(rows.iter().all(|row| row[3] == "2"), "another interface");
    // The frames of the call carry what the interface of PPP shows.
    let seen = pictures_in(&capture);
    for way in ["outbound", "inbound"] {
        let sha256 = told[way]["sha256"].as_str().unwrap().to_owned();
        assert!(seen.contains(&sha256), "{way}: {seen:?}");
    }
}
