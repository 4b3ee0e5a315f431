//! `mm1gate demo`: everything without hardware. A virtual operator and its modem on real
//! pseudo-terminals, the gateway with its page, a picture out and a picture back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::demo_rig::{PHONE, Rig, TempDir};
use super::error::{CliError, Exit};
use super::follow::{Output, Progress};
use super::{serve, term};
use crate::api::Listeners;
use crate::api::view::EventItem;
use crate::gateway::{Event, Gateway};
use crate::media;
use crate::model::{
    Address, Clock, Direction, InboundState, MessageId, NewMessage, NewPart, NoTap, OutboundState,
    State, Tap,
};

/// Where the page is when nobody else is there.
const LISTEN: &str = "127.0.0.1:8411";
/// How long the round may take.
const LIMIT: Duration = Duration::from_secs(60);
/// Octets of the picture that the shop sends.
const SENT_SIZE: usize = 250_000;
/// Octets of the picture that the phone answers with.
const ANSWER_SIZE: usize = 180_000;
/// Largest photo taken from a file, octets; the virtual operator's limit is lower and is named
/// when it is met.
const MAX_PHOTO: u64 = 10 * 1024 * 1024;

/// What to show.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  mm1gate demo\n  \
    mm1gate demo --once --photo cake.jpg --keep recording/\n\n\
    Nothing leaves this machine: the operator, the modem and the phone are virtual.")]
pub(super) struct Args {
    /// End after one picture went out and one came in: 0 when both arrived as they were sent
    #[arg(long)]
    once: bool,
    /// Print one JSON object on standard output, the stages on standard error
    #[arg(long, requires = "once")]
    json: bool,
    /// Send this picture instead of a drawn one
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// Let the virtual modem have one port that it multiplexes (AT+CMUX), as modules on a serial
    /// line do
    #[arg(long)]
    cmux: bool,
    /// Keep both pictures and the modem's octets (pcapng, for Wireshark) in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Report {
    outbound: Way,
    inbound: Way,
    /// Octets written to the modem's ports.
    bytes_out: u64,
    /// Octets read from the modem's ports.
    bytes_in: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Way {
    id: String,
    state: String,
    /// Of the picture as it arrived.
    sha256: String,
    size: usize,
}

/// A message that arrived somewhere.
struct Arrived {
    id: MessageId,
    state: State,
    picture: Bytes,
}

/// Runs the demonstration.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let (photo, name) = match &args.photo {
        Some(path) => (read_photo(path)?, file_name(path)),
        None => (Bytes::from(media::demo_photo(1, SENT_SIZE)), "cake.jpg".to_owned()),
    };
    let folder = TempDir::create()?;
    let result = super::block_on(demo(args, photo, &name, folder.path()));
    drop(folder);
    result
}

async fn demo(args: &Args, photo: Bytes, name: &str, folder: &Path) -> Result<(), CliError> {
    let stop = serve::stop_signal()?;
    let capture = match &args.keep {
        Some(dir) => Some(keep_in(dir)?),
        None => None,
    };
    let mut progress = Progress::new(if args.json { Output::Notes } else { Output::Results });
    let answer = Bytes::from(media::demo_photo(2, ANSWER_SIZE));
    let rig = Rig::start(folder, answer.clone(), args.cmux)?;
    let tap: Arc<dyn Tap> = match &capture {
        Some(capture) => Arc::<Capture>::clone(capture),
        None => Arc::new(NoTap),
    };
    let gateway = serve::start_with(rig.config(), tap).await?;
    let listeners = listen(&gateway, folder, args.once).await?;
    progress.line(&format!("virtual operator and modem on {}", rig.ports()));
    progress.line(&format!("the page is at http://{}/", listeners.1));
    let serving = tokio::spawn(listeners.0.serve(gateway.clone(), stop.clone()));

    let round = Round { gateway: &gateway, rig: &rig, photo: &photo, name, answer: &answer };
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(None),
        result = round.run(&mut progress) => result.map(Some),
    };
    progress.finish();
    let result = match result {
        Ok(Some((report, received))) => {
            finish_round(args, &report, &photo, &received)?;
            if !args.once {
                stay(&gateway, listeners.1, &mut progress, &stop).await;
            }
            Ok(())
        }
        Ok(None) if args.once => Err(CliError::new(Exit::TempFail, "the demonstration was ended")),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    stop.cancel();
    let _ = serving.await;
    gateway.stop().await;
    rig.stop();
    if let (Some(capture), Some(dir)) = (capture, &args.keep) {
        capture.finish().map_err(|error| CliError::io(Exit::Io, dir.display(), &error))?;
    }
    result
}

/// One picture out, one picture back.
struct Round<'a> {
    gateway: &'a Gateway,
    rig: &'a Rig,
    photo: &'a Bytes,
    name: &'a str,
    answer: &'a Bytes,
}

impl Round<'_> {
    async fn run(&self, progress: &mut Progress) -> Result<(Report, Bytes), CliError> {
        let deadline = Instant::now() + LIMIT;
        let mut events = self.gateway.subscribe();
        let id = self.send().await?;
        progress.line(&format!(
            "accepted: {} to the virtual phone {PHONE}",
            term::size(u64::try_from(self.photo.len()).unwrap_or(u64::MAX))
        ));
        loop {
            match tokio::time::timeout_at(deadline, events.recv()).await {
                Err(_) => return Err(self.too_late(&id).await),
                Ok(Err(RecvError::Closed)) => {
                    return Err(CliError::new(Exit::Software, "the gateway ended by itself"));
                }
                Ok(Err(RecvError::Lagged(_))) => {}
                Ok(Ok(event)) => {
                    tell(progress, &event, &id);
                    if !matches!(event, Event::State { .. }) {
                        continue;
                    }
                }
            }
            let (outbound, inbound) = (self.outbound(&id).await?, self.inbound().await?);
            if let (Some(outbound), Some(inbound)) = (outbound, inbound) {
                let seconds = progress.elapsed().as_secs_f64();
                return self.compare(outbound, inbound, seconds);
            }
        }
    }

    async fn send(&self) -> Result<MessageId, CliError> {
        let to = Address::parse_recipient(PHONE)
            .map_err(|error| CliError::new(Exit::Software, error.to_string()))?;
        let message = NewMessage {
            to: vec![to],
            subject: Some("Your cake is ready".to_owned()),
            text: Some("It looks like this. Shall we keep it for you?".to_owned()),
            parts: vec![NewPart {
                media_type: None,
                name: Some(self.name.to_owned()),
                body: self.photo.clone(),
            }],
            delivery_report: true,
            ..NewMessage::default()
        };
        self.gateway.accept(message).await.map_err(|error| {
            CliError::new(Exit::Data, format!("the photo cannot be sent: {error}"))
                .remedy("use a smaller picture, in JPEG, PNG or GIF")
        })
    }

    /// The message as the phone got it, once the delivery report is here too.
    async fn outbound(&self, id: &MessageId) -> Result<Option<Arrived>, CliError> {
        let Some(view) = self.gateway.message(id).await.map_err(store)? else { return Ok(None) };
        match view.summary.state {
            State::Out(OutboundState::Delivered) => {}
            State::Out(OutboundState::Sent) => return Ok(None),
            state if state.is_settled() => {
                return Err(ended(id, state, view.summary.fault.as_ref()));
            }
            _ => return Ok(None),
        }
        let Some(picture) = self.rig.picture_at_phone() else {
            return Err(CliError::new(
                Exit::Data,
                "the operator reports delivery, but the phone has no picture",
            ));
        };
        Ok(Some(Arrived { id: id.clone(), state: view.summary.state, picture }))
    }

    /// The phone's answer, once the MMSC knows that it is here.
    async fn inbound(&self) -> Result<Option<Arrived>, CliError> {
        let filter = crate::store::Filter {
            direction: Some(Direction::Inbound),
            limit: 1,
            ..crate::store::Filter::default()
        };
        let list = self.gateway.messages(filter).await.map_err(store)?;
        let Some(message) = list.first() else { return Ok(None) };
        match message.state {
            State::In(InboundState::Acknowledged) => {}
            state if state.is_settled() && state != State::In(InboundState::Received) => {
                return Err(ended(&message.id, state, message.fault.as_ref()));
            }
            _ => return Ok(None),
        }
        let picture = message.parts.iter().find(|part| part.media_type.top() == "image");
        let part = match picture {
            Some(part) => self.gateway.part(&message.id, part.index).await.map_err(store)?,
            None => None,
        };
        let part = part.ok_or_else(|| {
            CliError::new(Exit::Data, "the phone's answer arrived without its picture")
        })?;
        Ok(Some(Arrived { id: message.id.clone(), state: message.state, picture: part.body }))
    }

    fn compare(
        &self,
        outbound: Arrived,
        inbound: Arrived,
        seconds: f64,
    ) -> Result<(Report, Bytes), CliError> {
        for (what, sent, arrived) in [
            ("the picture on the phone", self.photo, &outbound.picture),
            ("the picture from the phone", self.answer, &inbound.picture),
        ] {
            if sha256(sent) != sha256(arrived) {
                return Err(CliError::new(
                    Exit::Data,
                    format!(
                        "{what} is not what was sent: {} octets with SHA-256 {} instead of {} \
                         with {}",
                        arrived.len(),
                        sha256(arrived),
                        sent.len(),
                        sha256(sent)
                    ),
                ));
            }
        }
        let octets = self
            .gateway
            .modems()
            .iter()
            .fold((0, 0), |sum, modem| (sum.0 + modem.octets.0, sum.1 + modem.octets.1));
        let received = inbound.picture.clone();
        let report = Report {
            outbound: outbound.report(),
            inbound: inbound.report(),
            bytes_out: octets.0,
            bytes_in: octets.1,
            seconds: (seconds * 1000.0).round() / 1000.0,
        };
        Ok((report, received))
    }

    /// Says how far it got, and what stands in the way if the gateway knows.
    async fn too_late(&self, id: &MessageId) -> CliError {
        let fault = self.gateway.modems().into_iter().find_map(|modem| modem.fault);
        let mut message =
            format!("the pictures did not both arrive within {} seconds", LIMIT.as_secs());
        if let Ok(Some(view)) = self.gateway.message(id).await {
            message
                .push_str(&format!("; the one that goes out is {}", view.summary.state.as_str()));
            if let Some(fault) = view.summary.fault.or(fault) {
                message.push_str(&format!(" ({})", fault.summary));
            }
        }
        CliError::new(Exit::TempFail, message)
            .remedy("run it again with --log mm1gate=debug and look at the last lines")
    }
}

impl Arrived {
    fn report(self) -> Way {
        Way {
            id: self.id.to_string(),
            state: self.state.as_str().to_owned(),
            sha256: sha256(&self.picture),
            size: self.picture.len(),
        }
    }
}

fn finish_round(
    args: &Args,
    report: &Report,
    photo: &Bytes,
    received: &Bytes,
) -> Result<(), CliError> {
    if let Some(dir) = &args.keep {
        for (name, octets) in [("sent", photo), ("received", received)] {
            let extension = media::sniff(octets).map_or("bin", |kind| media::extension_for(&kind));
            let path = dir.join(format!("{name}.{extension}"));
            std::fs::write(&path, octets)
                .map_err(|error| CliError::io(Exit::CantCreate, path.display(), &error))?;
        }
    }
    if args.json {
        return term::json(report);
    }
    let mut text = String::from("\nBoth pictures arrived as they were sent.\n");
    for (way, name) in [(&report.outbound, "out"), (&report.inbound, "in ")] {
        text.push_str(&format!(
            "  {name}  {:<12}  {:>8} octets  SHA-256 {}\n",
            way.state, way.size, way.sha256
        ));
    }
    text.push_str(&format!(
        "  {} octets written to the modem's ports, {} read, in {:.1} s\n",
        report.bytes_out, report.bytes_in, report.seconds
    ));
    if let Some(dir) = &args.keep {
        text.push_str(&format!("  kept in {}\n", dir.display()));
    }
    term::print(&text)
}

/// Stays up for the page and for messages by hand.
async fn stay(
    gateway: &Gateway,
    address: SocketAddr,
    progress: &mut Progress,
    stop: &CancellationToken,
) {
    let hint = format!(
        "\nLook at http://{address}/ and send another one:\n\n  \
         curl -F to={PHONE} -F text=Hello -F file=@photo.jpg http://{address}/api/v1/messages\n\n\
         The virtual phone answers every message. End with Ctrl-C.\n\n"
    );
    if term::print(&hint).is_err() {
        return;
    }
    let mut events = gateway.subscribe();
    let mut latest = None;
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            event = next(&mut events) => event,
        };
        let Some(event) = event else { break };
        // The first thing heard of a message is a state, which tells its direction.
        if let Event::State { id, direction: Direction::Outbound, .. } = &event
            && latest.as_ref() != Some(id)
        {
            latest = Some(id.clone());
        }
        progress.marked_event(mark(&event, latest.as_ref()), &EventItem::from(&event));
    }
    progress.finish();
}

async fn next(events: &mut Receiver<Event>) -> Option<Event> {
    loop {
        match events.recv().await {
            Ok(event) => return Some(event),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn tell(progress: &mut Progress, event: &Event, outbound: &MessageId) {
    progress.marked_event(mark(event, Some(outbound)), &EventItem::from(event));
}

/// The direction of the message that an event is about.
fn mark(event: &Event, outbound: Option<&MessageId>) -> &'static str {
    match event {
        Event::State { direction: Direction::Outbound, .. } => "out  ",
        Event::State { direction: Direction::Inbound, .. } => "in   ",
        Event::Stage { id: Some(id), .. } if Some(id) == outbound => "out  ",
        Event::Stage { id: Some(_), .. } if outbound.is_some() => "in   ",
        _ => "     ",
    }
}

async fn listen(
    gateway: &Gateway,
    folder: &Path,
    once: bool,
) -> Result<(Listeners, SocketAddr), CliError> {
    let mut listeners = Listeners::none();
    listeners
        .socket(gateway.data_dir())
        .map_err(|error| CliError::io(Exit::CantCreate, folder.display(), &error))?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let usual = LISTEN.parse().unwrap_or(any);
    let address = match listeners.tcp(if once { any } else { usual }).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => listeners.tcp(any).await,
        other => other,
    };
    let address =
        address.map_err(|error| CliError::io(Exit::Unavailable, "cannot listen", &error))?;
    Ok((listeners, address))
}

fn keep_in(dir: &Path) -> Result<Arc<Capture>, CliError> {
    std::fs::create_dir_all(dir)
        .map_err(|error| CliError::io(Exit::CantCreate, dir.display(), &error))?;
    let path = dir.join("demo.pcapng");
    let capture = Capture::create(&path, Clock::system())
        .map_err(|error| CliError::io(Exit::CantCreate, path.display(), &error))?;
    Ok(Arc::new(capture))
}

fn read_photo(path: &Path) -> Result<Bytes, CliError> {
    let failed = |error: std::io::Error| {
        CliError::io(Exit::NoInput, path.display(), &error).remedy("check the path of --photo")
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() == 0 || metadata.len() > MAX_PHOTO {
        return Err(CliError::new(
            Exit::Data,
            format!("{} is no file of 1 octet to {}", path.display(), term::size(MAX_PHOTO)),
        )
        .remedy("use a picture below 300 kB"));
    }
    let octets = std::fs::read(path).map_err(failed)?;
    if media::sniff(&octets).is_none_or(|kind| kind.top() != "image") {
        return Err(CliError::new(Exit::Data, format!("{} is not a picture", path.display()))
            .remedy("use a JPEG, PNG or GIF file"));
    }
    Ok(Bytes::from(octets))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "photo".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn ended(id: &MessageId, state: State, fault: Option<&crate::model::Fault>) -> CliError {
    match fault {
        Some(fault) => CliError::fault(fault),
        None => {
            CliError::new(Exit::Unavailable, format!("message {id} ended as {}", state.as_str()))
        }
    }
}

fn store(error: crate::store::StoreError) -> CliError {
    CliError::new(Exit::Io, error.to_string())
}

fn sha256(octets: &[u8]) -> String {
    hex::encode(Sha256::digest(octets))
}
