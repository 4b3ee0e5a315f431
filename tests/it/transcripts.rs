//! Every committed transcript of `hil/` is played back: the driver of today sends what it sent
//! then, however the answers are cut.

use std::fs;
use std::path::{Path, PathBuf};

use mm1gate::modem::Profiles;

use crate::hil::replay::Chunking;
use crate::hil::transcript::Transcript;
use crate::hil::{scrub, specimen, transcript};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hil/transcripts")
}

fn transcripts() -> Vec<(String, Transcript)> {
    let mut found = Vec::new();
    for rig in fs::read_dir(folder()).unwrap().flatten().filter(|it| it.path().is_dir()) {
        for file in fs::read_dir(rig.path()).unwrap().flatten() {
            let path = file.path();
            let name = path.strip_prefix(folder()).unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap();
            let read = Transcript::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read.to_text(), text, "{name} is not in the form that is written");
            found.push((name, read));
        }
    }
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    found
}

#[test]
fn each_is_played_back_octet_by_octet_by_line_and_all_at_once() {
    let all = transcripts();
    assert!(all.len() >= 15, "only {} transcripts", all.len());
    let mut faults = Vec::new();
    for (name, transcript) in all {
        for chunking in [Chunking::Octets, Chunking::Lines, Chunking::Whole] {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            if let Err(fault) = runtime.block_on(specimen::replay(&transcript, chunking)) {
                faults.push(format!("{name}, {chunking:?}: {fault}"));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "the driver does otherwise than recorded. If that is meant, record the virtual ones anew: \
         cargo test --test hil -- --record hil/transcripts\n{}",
        faults.join("\n")
    );
}

#[test]
fn a_driver_that_sends_something_else_is_noticed() {
    let (name, mut transcript) =
        transcripts().into_iter().find(|(name, _)| name.contains("sms_to_oneself")).unwrap();
    let sent = transcript.events.iter_mut().filter_map(|event| match &mut event.what {
        transcript::What::Sent(octets) => Some(octets),
        _ => None,
    });
    let last = sent.last().unwrap();
    *last = last.iter().map(u8::to_ascii_lowercase).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let played = runtime.block_on(specimen::replay(&transcript, Chunking::Whole));
    let fault = played.expect_err(&name);
    assert!(fault.contains("the driver sends"), "{fault}");
}

#[test]
fn profile_counts_as_verified_by_transcripts_of_hardware_only() {
    for profile in Profiles::embedded().iter() {
        for name in &profile.evidence.verified {
            let path = folder().join(name);
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {name}: {error}", profile.name));
            let transcript = Transcript::parse(&text).unwrap();
            assert_eq!(transcript.fact("hardware"), "yes", "{}: {name}", profile.name);
        }
    }
}

#[test]
fn every_octet_survives_the_text_form() {
    transcript::check().unwrap();
}

#[test]
fn scrubbing_takes_what_is_private_and_keeps_lengths() {
    scrub::check().unwrap();
}
