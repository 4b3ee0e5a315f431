//! A picture message to oneself with the whole gateway: sent, notified, retrieved, acknowledged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::gateway::{Deps, Gateway};
use mm1gate::model::{Address, Clock, MediaType, NewMessage, NewPart, NoTap, Random, State};
use mm1gate::store::{Filter, NoProbe};

use crate::hil::bench::{Bench, Outcome, Stop, failed};
use crate::hil::rig::Rig;
use crate::hil::scrub::MARK;

/// Octets of the picture: several TCP segments, small enough for every operator.
const PICTURE: usize = 9_000;

/// Sends one picture to the rig's own number and waits until it came back whole.
pub(crate) async fn to_oneself(rig: &Rig, clock: Clock) -> Outcome {
    // The gateway takes all that comes in, off the SIM and into its folder.
    let bench = Bench::prepare(rig, clock).await?;
    let foreign = bench.foreign().await?;
    bench.close().await?;
    if foreign > 0 && !rig.is_virtual() {
        return Err(Stop::Cannot(format!(
            "{foreign} messages that are not the suite's lie in the modem; the gateway would take \
             them: read and delete them first, for example in a phone"
        )));
    }
    let folder = tempfile::tempdir().map_err(failed("a folder for the messages"))?;
    let folder =
        if rig.is_virtual() { Folder::Passing(folder) } else { Folder::Kept(folder.keep()) };
    let mut config = rig.config.clone();
    config.data_dir = folder.path().join("data");
    let deps = Deps {
        ports: Arc::clone(&rig.ports),
        clock,
        random: Random::seeded(7),
        tap: Arc::new(NoTap),
        usb: Arc::clone(&rig.usb),
        probe: Arc::new(NoProbe),
    };
    let gateway = Gateway::start(config, deps).await.map_err(failed("starting the gateway"))?;
    let outcome = exchange(rig, &gateway).await;
    gateway.stop().await;
    // What came in meanwhile is somebody's.
    match (outcome, folder) {
        (Ok(told), Folder::Kept(path)) => Ok(format!("{told}; kept in {}", path.display())),
        (Err(Stop::Failed(why)), Folder::Kept(path)) => {
            Err(Stop::Failed(format!("{why}; what came in is kept in {}", path.display())))
        }
        (outcome, _) => outcome,
    }
}

/// Where the gateway's messages are.
enum Folder {
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

async fn exchange(rig: &Rig, gateway: &Gateway) -> Outcome {
    let mut body = vec![0xff, 0xd8, 0xff, 0xe0];
    body.extend((0_u8..=250).cycle().take(PICTURE - body.len()));
    let body = Bytes::from(body);
    let to = Address::parse_recipient(&rig.own_number()).map_err(failed("own_number"))?;
    let message = NewMessage {
        to: vec![to],
        subject: Some(MARK.to_owned()),
        parts: vec![NewPart {
            media_type: Some(MediaType::new("image/jpeg")),
            name: Some("picture.jpg".to_owned()),
            body: body.clone(),
        }],
        ..NewMessage::default()
    };
    let id = gateway.accept(message).await.map_err(failed("the gateway refuses it"))?;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let sent = gateway.message(&id).await.map_err(failed("the store"))?;
        let sent = sent.ok_or_else(|| Stop::Failed("the message is gone".to_owned()))?;
        let state = sent.summary.state.as_str();
        if ["failed", "unknown", "undelivered", "expired", "canceled"].contains(&state) {
            return Err(Stop::Failed(format!("sending ended as {state}: {:?}", sent.summary)));
        }
        let all = gateway.messages(Filter::default()).await.map_err(failed("the store"))?;
        let ours = all
            .into_iter()
            .find(|it| matches!(it.state, State::In(_)) && it.subject.as_deref() == Some(MARK));
        let Some(ours) = ours.filter(|it| it.state.as_str() == "acknowledged") else { continue };
        let picture = ours.parts.iter().find(|it| it.media_type == MediaType::new("image/jpeg"));
        let index =
            picture.ok_or_else(|| Stop::Failed("it came without picture".to_owned()))?.index;
        let part = gateway.part(&ours.id, index).await.map_err(failed("the store"))?;
        return match part {
            // Operators may shrink pictures; the virtual one does not.
            Some(part) if part.body == body => Ok(format!("{} octets, unchanged", body.len())),
            Some(part) if !rig.is_virtual() => {
                Ok(format!("{} octets of {}", part.body.len(), body.len()))
            }
            _ => Err(Stop::Failed("the picture came back changed".to_owned())),
        };
    }
}
