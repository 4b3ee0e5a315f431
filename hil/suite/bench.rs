//! What cases work with: a modem that is prepared, messages that are waited for, calls with IP.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::bearer::{Bearer, BearerConfig, CallLabel};
use mm1gate::codec::sms::{SmsSubmit, Tpdu, join_smsc, split_smsc};
use mm1gate::model::{Clock, Explain, NoTap, Random, StageSink};
use mm1gate::modem::{
    DataCall, Means, Modem, ModemConfig, ModemEvent, ModemInfo, PdpAuth, PdpContext, PinMemory,
    PortSharing, ProfileChoice, StoredSms,
};
use mm1gate::proto::ppp::Credentials;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::rig::{Behind, Rig};
use super::scrub::MARK;

/// How long a message may take from the modem to the network and back.
const DELIVERY: Duration = Duration::from_secs(240);
/// How often all storages are looked through meanwhile.
const SWEEP_EVERY: Duration = Duration::from_secs(20);
/// The longest that the link may take to end by itself.
const HANG_UP: Duration = Duration::from_secs(10);

/// Where messages go that came directly and are not the suite's own: a line of hexadecimal digits
/// each, for `mm1gate decode`.
const KEPT: &str = "target/hil-kept.hex";

/// Why a case did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It cannot run on this rig.
    Cannot(String),
    /// It ran, and something is wrong.
    Failed(String),
}

/// What a case says in the end: a line for the report.
pub(crate) type Outcome = Result<String, Stop>;

/// Turns any error into a failure that says what was being done.
pub(crate) fn failed<E: std::fmt::Display>(doing: &str) -> impl Fn(E) -> Stop + '_ {
    move |error| Stop::Failed(format!("{doing}: {error}"))
}

/// A message that came in.
pub(crate) struct Arrived {
    /// As it lies in the modem; nothing when it came directly.
    pub(crate) stored: Option<StoredSms>,
    pub(crate) tpdu: Tpdu,
}

/// A rig's modem, ready for work.
pub(crate) struct Bench {
    pub(crate) rig: Rig,
    pub(crate) modem: Modem,
    pub(crate) info: ModemInfo,
    events: mpsc::Receiver<ModemEvent>,
    clock: Clock,
    random: Random,
}

impl Bench {
    /// Prepares the modem of a rig.
    pub(crate) async fn prepare(rig: &Rig, clock: Clock) -> Result<Self, Stop> {
        let settings = rig.modem();
        let profiles = rig.profiles().map_err(failed("the profiles"))?;
        let profile = match settings.profile.as_str() {
            "auto" => ProfileChoice::auto(&profiles, None),
            name => ProfileChoice::fixed(profiles.named(name).map_err(failed("the profile"))?),
        };
        let config = ModemConfig {
            name: settings.name.clone(),
            port: settings.port.clone(),
            control_port: settings.control_port.clone(),
            profile,
            pin: settings.pin.clone(),
            registration_limit: Duration::from_secs(120),
            roaming: settings.roaming,
        };
        let means = Means {
            ports: Arc::clone(&rig.ports),
            usb: Arc::clone(&rig.usb),
            pins: Arc::clone(&rig.pins) as Arc<dyn PinMemory>,
            tap: Arc::new(NoTap),
            clock,
            stages: StageSink::none(),
        };
        let (modem, events) = Modem::start(config, means);
        let info = modem.prepare().await.map_err(|error| {
            Stop::Failed(format!("preparing the modem: {error}; {}", error.remedy()))
        })?;
        if info.sharing == PortSharing::Multiplexed {
            rig.multiplexed.store(true, Ordering::Relaxed);
        }
        let random = Random::seeded(7);
        let bench = Self { rig: rig.clone(), modem, info, events, clock, random };
        bench.tidy_up().await?;
        Ok(bench)
    }

    /// How many messages in the modem are not the suite's own.
    pub(crate) async fn foreign(&self) -> Result<usize, Stop> {
        let all = self.modem.sweep().await.map_err(failed("looking through the storages"))?;
        Ok(all.found.iter().filter(|stored| !is_ours(&stored.octets)).count())
    }

    /// Gives the modem and its ports back.
    pub(crate) async fn close(self) -> Result<(), Stop> {
        self.modem.release().await.map_err(failed("closing the ports"))
    }

    /// Deletes what earlier runs of the suite left on the SIM, and nothing else.
    async fn tidy_up(&self) -> Result<(), Stop> {
        let all = self.modem.sweep().await.map_err(failed("looking through the storages"))?;
        for stored in all.found {
            if is_ours(&stored.octets) {
                let deleted = self.modem.delete_sms(&stored).await;
                deleted.map_err(failed("deleting a message of an earlier run"))?;
            }
        }
        Ok(())
    }

    /// Sends a message in as many parts as it takes; under which TP-Message-Reference each of them
    /// went, where the modem told.
    pub(crate) async fn send(&self, message: &SmsSubmit) -> Result<Vec<Option<u8>>, Stop> {
        let parts = message.parts().map_err(failed("composing the message"))?;
        let mut references = Vec::new();
        for part in parts {
            let tpdu = part.encode().map_err(failed("composing the message"))?;
            let octets = join_smsc(None, &tpdu).map_err(failed("composing the message"))?;
            let sent = self.modem.send_sms(Bytes::from(octets)).await;
            references.push(sent.map_err(failed("sending an SMS"))?);
        }
        Ok(references)
    }

    /// Waits for a message that `wanted` recognises; others stay where they are.
    pub(crate) async fn arrival(
        &mut self,
        what: &str,
        wanted: impl Fn(&Tpdu) -> bool,
    ) -> Result<Arrived, Stop> {
        let deadline = Instant::now() + DELIVERY;
        let mut sweep_at = Instant::now() + SWEEP_EVERY;
        loop {
            match timeout_at(sweep_at.min(deadline), self.events.recv()).await {
                Ok(Some(ModemEvent::SmsStored { storage, index: Some(index) })) => {
                    // It may be gone again, or be nobody's: the sweep finds what is there.
                    if let Ok(stored) = self.modem.read_sms(&storage, index).await
                        && let Some(tpdu) = decode(&stored.octets).filter(&wanted)
                    {
                        return Ok(Arrived { stored: Some(stored), tpdu });
                    }
                }
                Ok(Some(ModemEvent::SmsDirect { octets, .. })) => {
                    let is_wanted = decode(&octets).is_some_and(|tpdu| wanted(&tpdu));
                    // Once it is acknowledged nobody else has it.
                    if !is_wanted && !self.rig.is_virtual() {
                        keep(&octets)?;
                    }
                    self.modem.acknowledge_sms().await.map_err(failed("acknowledging"))?;
                    if let Some(tpdu) = decode(&octets).filter(&wanted) {
                        return Ok(Arrived { stored: None, tpdu });
                    }
                }
                Ok(Some(ModemEvent::Gone { error, .. })) => {
                    return Err(Stop::Failed(format!("waiting for {what}: {error}")));
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(Stop::Failed(format!("no modem, waiting for {what}"))),
                Err(_) => {
                    sweep_at = Instant::now() + SWEEP_EVERY;
                    let all = self.modem.sweep().await.map_err(failed("looking through"))?;
                    for stored in all.found {
                        if let Some(tpdu) = decode(&stored.octets).filter(&wanted) {
                            return Ok(Arrived { stored: Some(stored), tpdu });
                        }
                    }
                    if Instant::now() >= deadline {
                        let seconds = DELIVERY.as_secs();
                        return Err(Stop::Failed(format!("{what} did not come in {seconds} s")));
                    }
                }
            }
        }
    }

    /// Deletes a message and looks with eyes of its own whether it is gone.
    pub(crate) async fn delete(&self, arrived: &Arrived) -> Result<(), Stop> {
        let Some(stored) = &arrived.stored else { return Ok(()) };
        let StoredSms { storage, index, .. } = stored;
        self.modem.delete_sms(stored).await.map_err(failed("deleting"))?;
        let all = self.modem.sweep().await.map_err(failed("looking through the storages"))?;
        let is_there = |it: &&StoredSms| it.storage == *storage && it.index == *index;
        match all.found.iter().find(is_there) {
            Some(_) => Err(Stop::Failed(format!("{storage} {index} is still there"))),
            None => Ok(()),
        }
    }

    /// Dials, brings IP up, runs `work`, and takes all of it down again.
    pub(crate) async fn call<F>(&mut self, work: F) -> Result<(), Stop>
    where
        F: AsyncFnOnce(&mut Self) -> Result<(), Stop>,
    {
        let operator = self.rig.settings();
        let context = PdpContext {
            apn: operator.apn.clone(),
            pdp_type: operator.pdp_type.clone(),
            user: operator.user.clone(),
            password: operator.password.clone(),
            auth: PdpAuth::Any,
        };
        let call = self.modem.dial(&context).await.map_err(failed("dialling"))?;
        let call = if let Behind::Transcript(replay) = self.rig.behind.clone() {
            // What passed in data mode was not recorded.
            work(self).await?;
            silent(call, &replay).await
        } else {
            let config = BearerConfig {
                credentials: (!operator.user.is_empty())
                    .then(|| Credentials::new(operator.user.as_str(), operator.password.expose())),
                ..BearerConfig::default()
            };
            let label = CallLabel { modem: "rig".to_owned(), call: call.number() };
            let (tap, clock, random) = (Arc::new(NoTap), self.clock, self.random.clone());
            let up = Bearer::up(call, config, label, tap, clock, random, StageSink::none()).await;
            let bearer = up.map_err(|failure| {
                Stop::Failed(format!("IP over the data call: {}", failure.error))
            })?;
            let worked = work(self).await;
            let call = ended(bearer.down().await).await;
            worked?;
            call
        };
        call.hang_up().await.map_err(failed("hanging up"))
    }
}

/// The network may end the call when its link was taken down.
async fn ended(mut call: DataCall) -> DataCall {
    let end = async {
        let mut buffer = [0; 256];
        while matches!(call.read(&mut buffer).await, Ok(1..)) {}
    };
    let _ = timeout(HANG_UP, end).await;
    call
}

/// The same on a transcript: until it was the driver's turn, and not just for its multiplexer,
/// which answers by itself.
async fn silent(mut call: DataCall, replay: &super::replay::Replay) -> DataCall {
    let mut buffer = [0; 256];
    let mut before = None;
    loop {
        let next = replay.waits_for_driver();
        if next.is_some() && next == before {
            break;
        }
        before = next;
        match timeout(Duration::from_millis(50), call.read(&mut buffer)).await {
            Ok(Ok(1..)) | Err(_) => {}
            Ok(_) => break,
        }
    }
    call
}

/// The TPDU of a stored or direct message.
pub(crate) fn decode(octets: &Bytes) -> Option<Tpdu> {
    let (_, tpdu) = split_smsc(octets).ok()?;
    Tpdu::from_network(tpdu).ok().map(|decoded| decoded.value)
}

/// The text of a received message.
pub(crate) fn text_of(tpdu: &Tpdu) -> Option<String> {
    match tpdu {
        Tpdu::Deliver(deliver) => deliver.text(),
        _ => None,
    }
}

/// Tells the human at the rig what to do.
pub(crate) fn say(words: &str) {
    let mut out = std::io::stderr().lock();
    let _ = std::io::Write::write_all(&mut out, format!("\n>>> {words}\n").as_bytes());
}

/// Whether a message holds the suite's words.
fn is_ours(octets: &Bytes) -> bool {
    decode(octets).is_some_and(|tpdu| text_of(&tpdu).is_some_and(|text| text.contains(MARK)))
}

fn keep(octets: &[u8]) -> Result<(), Stop> {
    use std::io::Write as _;
    let doing = format!("keeping somebody's SMS in {KEPT}; it is not acknowledged");
    let mut file =
        std::fs::OpenOptions::new().create(true).append(true).open(KEPT).map_err(failed(&doing))?;
    writeln!(file, "{}", hex::encode_upper(octets)).map_err(failed(&doing))
}
