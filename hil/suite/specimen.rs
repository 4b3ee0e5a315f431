//! From a run to a transcript that may be shown, and from a transcript back to a rig.

use std::sync::Arc;

use mm1gate::model::redact::Secret;
use mm1gate::model::{Address, Clock};
use mm1gate::modem::usb::{Bound, UsbBus, UsbDevice, UsbInterface, UsbResetError};
use mm1gate::operators::Settings;

use super::bench::{Outcome, Stop};
use super::cases::{self, Case};
use super::record::{Recorder, Recording};
use super::replay::{Chunking, Replay};
use super::rig::{Behind, Rig};
use super::scrub::Scrubber;
use super::transcript::{PortName, Transcript};
use super::virtual_rig::{self, CONTROL, DATA};

/// Runs a case and keeps what passed; the transcript is without what is private.
pub(crate) async fn record(
    case: &Case,
    rig: &Rig,
    clock: Clock,
) -> (Outcome, Result<Transcript, String>) {
    let recording = Recording::default();
    let finder = match rig.finder() {
        Ok(finder) => Arc::new(finder),
        Err(words) => return (Err(Stop::Failed(words.clone())), Err(words)),
    };
    let ports = Arc::new(Recorder {
        inner: Arc::clone(&rig.ports),
        recording: recording.clone(),
        finder: Arc::clone(&finder),
    });
    let recorded = Rig { ports, ..rig.clone() };
    let outcome = cases::run(case, &recorded, clock).await;
    let events = recording.events();
    let two_ports = events.iter().any(|event| event.port == PortName::Control);
    let usb = finder.find().ok().and_then(|bound| usb_fact(&bound)).unwrap_or_default();
    let transcript = Transcript { facts: facts(case, rig, two_ports, usb), events };
    (outcome, Scrubber::new(rig.secrets()).scrub(&transcript))
}

fn facts(
    case: &Case,
    rig: &Rig,
    two_ports: bool,
    usb: String,
) -> std::collections::BTreeMap<String, String> {
    let modem = rig.modem();
    let hidden = |text: &str, sign: &str| sign.repeat(text.len());
    let pin = modem.pin.as_ref().map_or("", |pin| pin.expose());
    let settings = rig.settings();
    let ports = if two_ports { "two" } else { "one" };
    [
        ("case", case.name.to_owned()),
        ("rig", rig.name.clone()),
        ("description", rig.description.clone()),
        ("hardware", if rig.is_virtual() { "no" } else { "yes" }.to_owned()),
        ("ports", ports.to_owned()),
        ("usb", usb),
        ("profile", modem.profile.clone()),
        ("own", rig.own_number()),
        ("pin", hidden(pin, "0")),
        ("apn", settings.apn.clone()),
        ("user", hidden(&settings.user, "x")),
        ("password", hidden(settings.password.expose(), "x")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// `vid:pid/dial/control`, interfaces in hexadecimal: what chooses the profile before the first
/// octet. None for a port that is no USB device's.
fn usb_fact(bound: &Bound) -> Option<String> {
    let device = bound.device.as_ref()?;
    let number = |tty: &str| {
        let has = |it: &&UsbInterface| it.tty.as_deref() == Some(tty);
        device.interfaces.iter().find(has).map(|it| format!("/{:02x}", it.number))
    };
    let control = bound.control.as_deref().and_then(number).unwrap_or_default();
    Some(format!("{}{}{control}", device.id(), number(&bound.dial)?))
}

/// The device that a transcript was recorded from, with the names that its ports have here.
struct RecordedDevice(UsbDevice);

impl RecordedDevice {
    fn of(fact: &str) -> Option<Self> {
        let mut parts = fact.split('/');
        let (vid, pid) = parts.next()?.split_once(':')?;
        let interfaces = parts.zip([DATA, CONTROL]).map(|(number, tty)| {
            let number = u8::from_str_radix(number, 16).ok()?;
            Some(UsbInterface { number, tty: Some(tty.to_owned()), ..UsbInterface::default() })
        });
        Some(Self(UsbDevice {
            path: "1-1".to_owned(),
            vid: u16::from_str_radix(vid, 16).ok()?,
            pid: u16::from_str_radix(pid, 16).ok()?,
            interfaces: interfaces.collect::<Option<_>>()?,
            ..UsbDevice::default()
        }))
    }
}

impl UsbBus for RecordedDevice {
    fn devices(&self) -> Vec<UsbDevice> {
        vec![self.0.clone()]
    }

    fn reset(&self, path: &str) -> Result<(), UsbResetError> {
        Err(UsbResetError::Absent { path: path.to_owned() })
    }
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
    match transcript.fact("usb") {
        "" => {}
        fact => {
            let device = RecordedDevice::of(fact).ok_or_else(|| format!("usb '{fact}'?"))?;
            rig.usb = Arc::new(device);
        }
    }
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
