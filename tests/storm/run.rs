//! One scenario: two messages go out and three come in while things go wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::ConcatReference;
use mm1gate::gateway::{Config, Deps, Gateway, ModemConfig};
use mm1gate::model::redact::Secret;
use mm1gate::model::{
    Address, Clock, Kind, MediaType, NewMessage, NewPart, NoTap, Random, Timestamp,
};
use mm1gate::operators::{self, Settings};
use mm1gate::sim::{Auth, Behaviour, Fault, Fired, Operator, Outgoing, Scenario};
use mm1gate::store::NoProbe;

use crate::bus::VirtualBus;
use crate::doubt::Calendar;
use crate::judge::{self, Coming, Sent};
use crate::texts;

/// A virtual phone.
pub(crate) const PHONE: &str = "+447700900123";
/// How soon everything has to have arrived when the faults are over; [`patience`] says when later.
const SOON: Duration = Duration::from_secs(90);
/// How long a host waits for the result of a short message that it has handed over. Whether the
/// network has it is not known before, and modems that try again by themselves take three times the
/// 45 s of TS 24.011 clause 10 (TR1M); until then the port takes no other command (TS 27.005 clause
/// 3.5.1), so that on one port everything else waits as well.
pub(crate) const SUBMIT: Duration = Duration::from_secs(135);
/// How long a settled scenario is watched for repetitions.
const AFTERMATH: Duration = Duration::from_secs(20 * 60);
/// The same for one scenario in so many: until a part that waits for others would be shown alone.
const LONG_AFTERMATH: (u64, Duration) = (6, Duration::from_secs(70 * 60));
/// How long a scenario that is late is waited for, to tell how late it is.
const GIVE_UP: Duration = Duration::from_secs(15 * 60);
/// Messages are given within so many seconds.
const BUSY: u64 = 150;
/// Parts of a text at most.
const PARTS: u64 = 4;
/// When every world begins.
const START: Timestamp = Timestamp::from_secs(1_790_000_000);

/// What a scenario came to.
pub(crate) struct Outcome {
    pub(crate) fired: Fired,
    pub(crate) wrong: Vec<String>,
    pub(crate) settled: Option<u64>,
    pub(crate) unknown: u64,
    /// Whether data calls went through a channel of the multiplexer.
    pub(crate) multiplexed: bool,
}

/// What happens to the gateway from outside.
enum Deed {
    SendMms(String),
    /// In so many parts, with or without a report.
    SendText(String, usize, bool),
    ReceiveMms(String),
    /// One SMS-DELIVER.
    Deliver(Bytes),
}

pub(crate) fn scenario(seed: u64, is_replay: bool) -> Outcome {
    if is_replay {
        let _ = tracing_subscriber::fmt().with_env_filter("mm1gate=debug").try_init();
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(play(seed, is_replay))
}

async fn play(seed: u64, is_replay: bool) -> Outcome {
    let scenario = Scenario::random(seed);
    if is_replay {
        eprintln!("{scenario:#?}");
    }
    let world = World::start(&scenario).await;
    let mut sent = Vec::new();
    let start = tokio::time::Instant::now();
    let (text, deeds) = deeds(seed, &scenario);
    let mut coming = vec![text];
    for (at, deed) in deeds {
        tokio::time::sleep_until(start + Duration::from_secs(at)).await;
        match deed {
            Deed::SendMms(mark) => sent.push(world.send(mark).await),
            Deed::SendText(mark, parts, report) => {
                sent.push(world.send_text(mark, parts, report).await);
            }
            Deed::ReceiveMms(mark) => coming.push(world.deliver(Kind::Mms, mark)),
            Deed::Deliver(tpdu) => world.deliver_tpdu(tpdu),
        }
    }
    // Each fault ends at its own time, and what has hung by then hangs until it is reset.
    let ceases = scenario.ceases().expect("drawn faults cease");
    tokio::time::sleep_until((start + ceases).max(tokio::time::Instant::now())).await;
    let quiet = tokio::time::Instant::now();
    let mut settled = None;
    let mut verdict = world.judge(&sent, &coming).await;
    let limit = patience(&scenario);
    let mut late = Vec::new();
    while quiet.elapsed() <= GIVE_UP {
        if verdict.open.is_empty() {
            settled = Some(quiet.elapsed().as_secs());
            break;
        }
        if late.is_empty() && quiet.elapsed() > limit {
            late.clone_from(&verdict.open);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        verdict = world.judge(&sent, &coming).await;
    }
    let at_last = settled.map_or_else(|| "never".to_owned(), |at| format!("after {at} s"));
    let mut wrong: Vec<String> = late
        .iter()
        .map(|open| format!("after {} s, settled {at_last}: {open}", limit.as_secs()))
        .collect();
    let (one_in, long) = LONG_AFTERMATH;
    tokio::time::sleep(if seed.is_multiple_of(one_in) { long } else { AFTERMATH }).await;
    verdict = world.judge(&sent, &coming).await;
    wrong.append(&mut verdict.open);
    wrong.append(&mut verdict.wrong);
    wrong.append(&mut judge::leftovers(&world.gateway, &world.operator, &coming).await);
    let fired = world.operator.faults().fired();
    let multiplexed = world.operator.modem().state().channel_calls > 0;
    world.gateway.stop().await;
    world.operator.stop();
    if !wrong.is_empty() {
        let faults: Vec<String> =
            scenario.faults.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
        wrong.push(format!("faults: {}", faults.join(" ")));
    }
    Outcome { fired, wrong, settled, unknown: verdict.unknown, multiplexed }
}

/// How soon everything has to have arrived: later than [`SOON`] only where the modem keeps to itself
/// what became of a text.
fn patience(scenario: &Scenario) -> Duration {
    let unanswered = scenario.faults.iter().any(|active| match &active.fault {
        Fault::SubmitUnanswered {} => true,
        Fault::ReplyDelayed { command, .. } => command.as_deref() == Some("+CMGS"),
        _ => false,
    });
    if unanswered { SUBMIT + SOON } else { SOON }
}

/// Two messages out and three in, at times that the seed gives; the text that comes in, and what
/// happens.
fn deeds(seed: u64, scenario: &Scenario) -> (Coming, Vec<(u64, Deed)>) {
    let random = Random::seeded(!seed);
    // What happens at the prompt, or behind it, shows only with a text.
    let prompts = scenario.faults.iter().any(|it| {
        it.fault.group() == 9
            || matches!(it.fault, Fault::SubmitUnanswered {} | Fault::SubmitRefused { .. })
    });
    let parts = || usize::try_from(1 + random.below(PARTS)).unwrap();
    let second = format!("out {seed} two");
    let second = if prompts || random.below(3) == 0 {
        Deed::SendText(second, parts(), random.below(3) != 0)
    } else {
        Deed::SendMms(second)
    };
    let deeds = [
        Deed::SendMms(format!("out {seed} one")),
        second,
        Deed::ReceiveMms(format!("in {seed} one")),
        Deed::ReceiveMms(format!("in {seed} two")),
    ];
    let mut timed: Vec<(u64, Deed)> =
        deeds.into_iter().map(|deed| (random.below(BUSY), deed)).collect();
    let mark = format!("in {seed} three");
    let text = texts::wording(&mark, parts());
    let arrivals = texts::arrivals(&text, &random, START, BUSY);
    timed.extend(arrivals.into_iter().map(|(at, tpdu)| (at, Deed::Deliver(tpdu))));
    timed.sort_by_key(|(at, _)| *at);
    (Coming { kind: Kind::Sms, mark, text, token: None }, timed)
}

/// A gateway, its modem and its operator.
pub(crate) struct World {
    pub(crate) operator: Operator,
    pub(crate) gateway: Gateway,
    calendar: Calendar,
    _dir: tempfile::TempDir,
}

impl World {
    /// Powers everything on and arms the scenario's faults.
    pub(crate) async fn start(scenario: &Scenario) -> Self {
        let clock = Clock::starting_at(START);
        let builder = Operator::builder().clock(clock).phone(PHONE, Behaviour::Receive);
        let operator = scenario.builder(builder).start();
        scenario.arm(operator.faults());
        let dir = folder();
        let mut config = Config::new(dir.path().join("data"));
        let network = &scenario.network;
        config.modems.push(ModemConfig {
            pin: scenario.subscriber.pin.clone().map(Secret::new),
            roaming: true,
            operator: Some(Settings {
                apn: operator.apn().to_owned(),
                mmsc: operator.mmsc_url().to_owned(),
                proxy: operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port())),
                user: network.user.clone(),
                password: Secret::new(network.password.clone()),
                auth: match network.auth {
                    Auth::None => operators::Auth::Any,
                    Auth::Pap => operators::Auth::Pap,
                    Auth::Chap => operators::Auth::Chap,
                },
                ..Settings::default()
            }),
            ..ModemConfig::new("storm", "auto")
        });
        let bus = Arc::new(VirtualBus(operator.modem().clone()));
        let deps = Deps {
            ports: Arc::<VirtualBus>::clone(&bus),
            clock,
            random: Random::seeded(scenario.seed.unwrap_or(0)),
            tap: Arc::new(NoTap),
            usb: bus,
            probe: Arc::new(NoProbe),
        };
        let gateway = Gateway::start(config, deps).await.unwrap();
        Self { operator, gateway, calendar: Calendar::new(clock), _dir: dir }
    }

    pub(crate) async fn send(&self, mark: String) -> Sent {
        let body = picture();
        let octets = body.len();
        let message = NewMessage {
            to: vec![Address::parse_recipient(PHONE).unwrap()],
            subject: Some(mark.clone()),
            parts: vec![NewPart {
                media_type: Some(MediaType::new("image/jpeg")),
                name: Some("picture.jpg".to_owned()),
                body,
            }],
            ..NewMessage::default()
        };
        let id = self.gateway.accept(message).await.unwrap();
        Sent { id, kind: Kind::Mms, mark, text: String::new(), octets, report: false }
    }

    /// In so many parts; the phone reports whatever it gets, to whoever asks for it.
    pub(crate) async fn send_text(&self, mark: String, parts: usize, report: bool) -> Sent {
        let text = texts::wording(&mark, parts);
        let message = NewMessage {
            kind: Kind::Sms,
            to: vec![Address::parse_recipient(PHONE).unwrap()],
            text: Some(text.clone()),
            delivery_report: report,
            ..NewMessage::default()
        };
        let id = self.gateway.accept(message).await.unwrap();
        Sent { id, kind: Kind::Sms, mark, octets: text.len(), text, report }
    }

    pub(crate) fn deliver(&self, kind: Kind, mark: String) -> Coming {
        let text = texts::wording(&mark, 1);
        let token = match kind {
            Kind::Mms => {
                let message = Outgoing {
                    subject: Some(mark.clone()),
                    text: Some(text.clone()),
                    ..Outgoing::default()
                };
                Some(self.operator.send_from_phone(PHONE, &self.own(), &message).unwrap())
            }
            Kind::Sms => {
                let reference = ConcatReference::Narrow(0);
                let tpdus = texts::deliveries(&text, reference, self.calendar.now());
                tpdus.into_iter().for_each(|tpdu| self.deliver_tpdu(tpdu));
                None
            }
        };
        Coming { kind, mark, text, token }
    }

    fn deliver_tpdu(&self, tpdu: Bytes) {
        self.operator.deliver_sms(&self.own(), &[tpdu]).unwrap();
    }

    fn own(&self) -> String {
        self.operator.modem().state().number
    }

    pub(crate) async fn judge(&self, sent: &[Sent], coming: &[Coming]) -> judge::Verdict {
        judge::judge(&self.gateway, &self.operator, self.calendar, PHONE, sent, coming).await
    }
}

/// What everybody recognises as a picture and nobody can decode.
fn picture() -> Bytes {
    let mut body = vec![0xff, 0xd8, 0xff, 0xe0];
    body.extend((0_u8..=250).cycle().take(6_000));
    Bytes::from(body)
}

/// In memory where the system has such a place: what is measured is not the disk.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(dir) = tempfile::tempdir_in(memory)
    {
        return dir;
    }
    tempfile::tempdir().unwrap()
}
