//! Every committed transcript of `hil/` is played back: the driver of today sends what it sent
//! then, however the answers are cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mm1gate::codec::cmux::FrameType;
use mm1gate::modem::{FlowControl, Profiles, Serial};

use crate::hil::replay::Chunking;
use crate::hil::specimen;
use crate::hil::transcript::{Bare, Event, PortName, Transcript, What};

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

/// Plays a transcript back whole; how it differs.
fn fault_of(name: &str, transcript: &Transcript) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(specimen::replay(transcript, Chunking::Whole)).expect_err(name)
}

#[test]
fn a_driver_that_sends_something_else_is_noticed() {
    let all = transcripts().into_iter().filter(|(name, _)| name.contains("sms_to_oneself"));
    let mut rigs = 0;
    for (name, mut transcript) in all {
        let sent = transcript.events.iter_mut().filter_map(|event| match &mut event.what {
            What::Sent(octets) => Some(octets),
            _ => None,
        });
        let last = sent.filter(|octets| **octets != octets.to_ascii_lowercase()).last().unwrap();
        *last = last.to_ascii_lowercase();
        let fault = fault_of(&name, &transcript);
        assert!(fault.contains("the driver sends"), "{name}: {fault}");
        rigs += 1;
    }
    assert_eq!(rigs, 3);
}

#[test]
fn channel_that_is_opened_or_closed_otherwise_is_noticed() {
    let (name, recorded) = transcripts()
        .into_iter()
        .find(|(name, _)| name.contains("virtual-multiplexed/multiplexer_closed"))
        .unwrap();
    let is_frame = |event: &Event| matches!(event.what, What::Frame(Bare { sent: true, .. }));
    let frames = recorded.events.iter().filter(|event| is_frame(event)).count();
    // Twice: the control channel and two more are opened, and those two closed.
    assert_eq!(frames, 10, "{name}");
    for at in [0, 4, frames - 1] {
        let mut transcript = recorded.clone();
        let frame = transcript.events.iter_mut().filter(|event| is_frame(event)).nth(at).unwrap();
        let kind = FrameType::Dm;
        frame.what = What::Frame(Bare { sent: true, kind, poll_final: true });
        let fault = fault_of(&name, &transcript);
        assert!(fault.contains("then it sent DM/F"), "{name}, frame {at}: {fault}");
    }
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
    let octets: Vec<u8> = (0..=255).collect();
    let bare = |sent, kind, poll_final| What::Frame(Bare { sent, kind, poll_final });
    let on_port = [
        What::Sent(octets.clone()),
        What::Received(octets.clone()),
        What::Data(7, 9),
        What::Dtr(false),
        What::Dcd(true),
        What::Serial(Serial { baud: 230_400, flow_control: FlowControl::Hardware }),
        What::Mux(true),
    ];
    let in_channel = [
        bare(true, FrameType::Sabm, true),
        bare(false, FrameType::Ua, true),
        bare(false, FrameType::Dm, false),
        bare(true, FrameType::Disc, false),
        What::Sent(octets),
    ];
    let at = Duration::from_millis(61_042);
    let on_port = on_port.map(|what| Event { at, port: PortName::Control, what });
    let in_channel = in_channel.map(|what| Event { at, port: PortName::Channel(61), what });
    let facts = [("own".to_owned(), "a \"quoted\" value".to_owned())].into();
    let whole = Transcript { facts, events: on_port.into_iter().chain(in_channel).collect() };
    assert_eq!(Transcript::parse(&whole.to_text()), Ok(whole));
}

#[test]
fn line_that_is_no_event_is_told_with_its_number() {
    for line in [
        "0.000 channel-62 > \"AT\"",
        "0.000 channel-1 > SABM/F",
        "0.000 channel-1 > UIH/P",
        "0.000 data > SABM/P",
        "0.000 data mux 2",
        "0.000 data serial 9600 software",
        "0.00 data > \"AT\"",
        "0.000 data > \"AT",
        "0.000 aux > \"AT\"",
    ] {
        let error = Transcript::parse(&format!("mm1t 1\n\n{line}\n")).unwrap_err();
        assert_eq!(error, format!("line 3: not understood: {line}"));
    }
}
