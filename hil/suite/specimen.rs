//! From a run to a transcript that may be shown, and from a transcript back to a rig.

use std::sync::Arc;

use mm1gate::model::redact::Secret;
use mm1gate::model::{Address, Clock};
use mm1gate::operators::Settings;

use super::bench::Outcome;
use super::cases::{self, Case};
use super::record::{Recorder, Recording};
use super::replay::{Chunking, Replay};
use super::rig::{Behind, Rig};
use super::scrub::Scrubber;
use super::transcript::Transcript;
use super::virtual_rig::{self, CONTROL, DATA};

/// Runs a case and keeps what passed; the transcript is without what is private.
pub(crate) async fn record(
    case: &Case,
    rig: &Rig,
    clock: Clock,
) -> (Outcome, Result<Transcript, String>) {
    let recording = Recording::default();
    let ports = Arc::new(Recorder {
        inner: Arc::clone(&rig.ports),
        recording: recording.clone(),
        control: rig.modem().control_port.clone(),
    });
    let recorded = Rig { ports, ..rig.clone() };
    let outcome = cases::run(case, &recorded, clock).await;
    let transcript = Transcript { facts: facts(case, rig), events: recording.events() };
    (outcome, Scrubber::new(rig.secrets()).scrub(&transcript))
}

fn facts(case: &Case, rig: &Rig) -> std::collections::BTreeMap<String, String> {
    let modem = rig.modem();
    let hidden = |text: &str, sign: &str| sign.repeat(text.len());
    let pin = modem.pin.as_ref().map_or("", |pin| pin.expose());
    let ports = if modem.control_port.is_some() { "two" } else { "one" };
    [
        ("case", case.name.to_owned()),
        ("rig", rig.name.clone()),
        ("description", rig.description.clone()),
        ("hardware", if rig.is_virtual() { "no" } else { "yes" }.to_owned()),
        ("ports", ports.to_owned()),
        ("profile", modem.profile.clone()),
        ("own", rig.own_number()),
        ("pin", hidden(pin, "0")),
        ("apn", modem.operator.apn.clone()),
        ("user", hidden(&modem.operator.user, "x")),
        ("password", hidden(modem.operator.password.expose(), "x")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Plays a transcript back: the case runs against it with the driver of today.
///
/// # Errors
/// What the driver does otherwise than recorded.
pub(crate) async fn replay(transcript: &Transcript, chunking: Chunking) -> Result<(), String> {
    let name = transcript.fact("case");
    let case = cases::CASES.iter().find(|case| case.name == name && case.replays);
    let case = case.ok_or_else(|| format!("there is no case '{name}' that can be played back"))?;
    let modem = Replay::new(transcript, chunking, CONTROL);
    let settings = Settings {
        apn: transcript.fact("apn").to_owned(),
        user: transcript.fact("user").to_owned(),
        password: Secret::new(transcript.fact("password")),
        ..Settings::default()
    };
    let control = (transcript.fact("ports") == "two").then(|| CONTROL.to_owned());
    let behind = Behind::Transcript(modem.clone());
    let ports = Arc::new(modem.clone());
    let mut rig = virtual_rig::rig(name, behind, ports, DATA.to_owned(), control, settings);
    if let Some(line) = rig.config.modems.first_mut() {
        transcript.fact("profile").clone_into(&mut line.profile);
        line.own_number = Address::parse_recipient(transcript.fact("own")).ok();
        line.pin = Some(transcript.fact("pin")).filter(|pin| !pin.is_empty()).map(Secret::new);
    }
    let outcome = cases::run(case, &rig, virtual_rig::clock()).await;
    // What the driver did otherwise explains why the case failed.
    match (modem.complaint(), outcome) {
        (Some(complaint), _) => Err(complaint),
        (None, Ok(_)) => Ok(()),
        (None, Err(stop)) => Err(format!("{stop:?}")),
    }
}
