//! One run: a few messages go out and come in while the operator misbehaves; then it behaves, and
//! everything comes to its end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::MmsStatus;
use mm1gate::gateway::{Config, Deps, Gateway, ModemConfig};
use mm1gate::model::{
    Address, Clock, InboundState, MediaType, MessageId, NewMessage, NewPart, NoTap, Random, State,
    Timestamp,
};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::operators::{Settings, TransportChoice};
use mm1gate::sim::{
    self, Behaviour, Fired, Operator, Outgoing, OutgoingPart, PortRole, Subscriber, VirtualModem,
    WapPath,
};
use mm1gate::store::NoProbe;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::draw::{self, Dice};
use crate::judge::{self, Calendar, Coming, Sent};

/// Number of the SIM.
const OWN: &str = "+447700900001";
/// Phones: the second refuses pictures.
pub(crate) const PHONES: [&str; 2] = ["+447700900123", "+447700900124"];
const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// Messages come and go within so many seconds.
const BUSY: u64 = 120;
/// When the operator behaves again.
const CALM: Duration = Duration::from_secs(8 * 60);
/// How long everything may take then: a SIM that was refused rests for an hour, and longer each time
/// an acknowledgement was.
const PATIENCE: Duration = Duration::from_secs(8 * 3_600);
/// How long a run at rest is watched for repetitions.
const AFTERMATH: Duration = Duration::from_secs(5 * 60);
/// The same for one run in so many.
const LONG_AFTERMATH: (u64, Duration) = (10, Duration::from_secs(3_600));
/// Port of a WAP gateway with sessions.
const WAP_PORT: u16 = 9201;
const CONTROL: &str = "/dev/virtual-control";

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) fired: Fired,
    pub(crate) wrong: Vec<String>,
    pub(crate) ends: Vec<String>,
    /// Datagrams that were lost on the way through WAP.
    pub(crate) wap: Option<u64>,
    pub(crate) asked_again: u64,
}

struct Ports(VirtualModem);

impl PortOpener for Ports {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        let role = if name == CONTROL { PortRole::Control } else { PortRole::Data };
        Box::pin(async move {
            let failed = |error: std::io::Error| PortError::Io {
                port: name.to_owned(),
                text: error.to_string(),
            };
            Ok(Box::new(self.0.open(role).map_err(failed)?) as Box<dyn Port>)
        })
    }
}

enum Deed {
    Send {
        to: Vec<&'static str>,
        octets: usize,
        report: bool,
        group: bool,
    },
    /// With how many octets of picture, and whether it is announced again by another name.
    Come {
        octets: usize,
        renamed: Option<bool>,
    },
}

/// The world of one run.
pub(crate) struct World {
    pub(crate) operator: Operator,
    pub(crate) gateway: Gateway,
    pub(crate) calendar: Calendar,
    pub(crate) wap: Option<WapPath>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) coming: Vec<Coming>,
    _dir: tempfile::TempDir,
}

pub(crate) fn play(seed: u64, is_replay: bool) -> Outcome {
    if is_replay {
        let _ = tracing_subscriber::fmt().with_env_filter("mm1gate=debug").try_init();
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .unwrap()
        .block_on(run(seed, is_replay))
}

async fn run(seed: u64, is_replay: bool) -> Outcome {
    let dice = Dice(Random::seeded(seed));
    let faults = draw::faults(&dice);
    let told: Vec<String> = faults.iter().map(|it| serde_json::to_string(it).unwrap()).collect();
    let mut world = World::start(seed, &dice).await;
    for fault in faults {
        world.operator.faults().add(fault);
    }
    let begun = Instant::now();
    for (number, (at, deed)) in deeds(&dice).into_iter().enumerate() {
        tokio::time::sleep_until(begun + Duration::from_secs(at)).await;
        world.perform(format!("{seed} {number}"), deed).await;
    }
    tokio::time::sleep_until(begun + CALM).await;
    world.operator.faults().clear_all();
    world.operator.wap().set_path(WapPath::default());
    let calm = Instant::now();
    let mut verdict = judge::judge(&world).await;
    while !verdict.open.is_empty() && calm.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_secs(10).max(calm.elapsed() / 4)).await;
        verdict = judge::judge(&world).await;
    }
    let asked_again = world.ask_again().await;
    let (one_in, long) = LONG_AFTERMATH;
    tokio::time::sleep(if seed.is_multiple_of(one_in) { long } else { AFTERMATH }).await;
    let verdict = judge::judge(&world).await;
    let mut wrong = [verdict.open, verdict.wrong].concat();
    wrong.extend(judge::leftovers(&world).await);
    if !wrong.is_empty() {
        wrong.push(format!("faults: {} {:?}", told.join(" "), world.wap));
    }
    if is_replay {
        judge::tell_all(&world).await;
    }
    let fired = world.operator.faults().fired();
    let lost = world.wap.map(|_| world.operator.wap().lost());
    world.gateway.stop().await;
    world.operator.stop();
    Outcome { fired, wrong, ends: verdict.ends, wap: lost, asked_again }
}

fn deeds(dice: &Dice) -> Vec<(u64, Deed)> {
    let octets = |most| usize::try_from(dice.between(300, most)).unwrap();
    let mut deeds = Vec::new();
    for _ in 0..dice.between(2, 3) {
        let to = if dice.one_in(3) { PHONES.to_vec() } else { vec![PHONES[0]] };
        let (report, group) = (!dice.one_in(3), dice.one_in(2));
        deeds
            .push((dice.between(5, BUSY), Deed::Send { to, octets: octets(6_000), report, group }));
    }
    for _ in 0..dice.between(2, 3) {
        let renamed = dice.one_in(4).then(|| dice.one_in(2));
        deeds.push((dice.between(5, BUSY), Deed::Come { octets: octets(3_000), renamed }));
    }
    deeds.sort_by_key(|(at, _)| *at);
    deeds
}

impl World {
    async fn start(seed: u64, dice: &Dice) -> Self {
        let clock = Clock::starting_at(START);
        let operator = Operator::builder()
            .line(
                Subscriber { number: OWN.to_owned(), ..Subscriber::default() },
                sim::ModemConfig::default(),
            )
            // A report that comes before the answer is no rarity where the MMSC is slow.
            .phone_delay(Duration::from_millis(dice.between(10, 4_000)))
            .phone(PHONES[0], Behaviour::Receive)
            .phone(PHONES[1], Behaviour::Never(MmsStatus::REJECTED))
            .clock(clock)
            .random(Random::seeded(!seed))
            .start();
        let wap = draw::wap(dice);
        operator.wap().set_path(wap.unwrap_or_default());
        let port = |usual| if wap.is_some() { WAP_PORT } else { usual };
        let dir = folder();
        let mut config = Config::new(dir.path().join("data"));
        // Nothing is wrong with the modem; it need not be asked every half minute.
        config.timing.look_every = Duration::from_secs(600);
        config.modems.push(ModemConfig {
            control_port: Some(CONTROL.to_owned()),
            operator: Some(Settings {
                apn: operator.apn().to_owned(),
                mmsc: operator.mmsc_url().to_owned(),
                proxy: operator.proxy().map(|it| (it.ip().to_string(), port(it.port()))),
                transport: if wap.is_some() { TransportChoice::Wap } else { TransportChoice::Http },
                ..Settings::default()
            }),
            ..ModemConfig::new("desk", "/dev/virtual-data")
        });
        let deps = Deps {
            ports: Arc::new(Ports(operator.modem().clone())),
            clock,
            random: Random::seeded(seed + 1_000_000),
            tap: Arc::new(NoTap),
            usb: Arc::new(NoUsb),
            probe: Arc::new(NoProbe),
        };
        let gateway = Gateway::start(config, deps).await.unwrap();
        let calendar = Calendar { zero: Instant::now(), start: clock.now() };
        let (sent, coming) = Default::default();
        Self { operator, gateway, calendar, wap, sent, coming, _dir: dir }
    }

    async fn perform(&mut self, mark: String, deed: Deed) {
        match deed {
            Deed::Send { to, octets, report, group } => {
                let message = NewMessage {
                    to: to.iter().map(|to| Address::parse_recipient(to).unwrap()).collect(),
                    subject: Some(mark.clone()),
                    parts: vec![NewPart {
                        media_type: Some(MediaType::new("image/jpeg")),
                        name: Some("p.jpg".to_owned()),
                        body: picture(octets),
                    }],
                    delivery_report: report,
                    group,
                    ..NewMessage::default()
                };
                let id = self.gateway.accept(message).await.unwrap();
                self.sent.push(Sent { id, mark, report });
            }
            Deed::Come { octets, renamed } => {
                let body = picture(octets);
                let sha256 = hex::encode(Sha256::digest(&body));
                let part = OutgoingPart {
                    content_type: "image/jpeg".to_owned(),
                    name: "p.jpg".to_owned(),
                    body,
                };
                let message =
                    Outgoing { subject: Some(mark.clone()), text: None, parts: vec![part] };
                let token = self.operator.send_from_phone(PHONES[0], OWN, &message).unwrap();
                if let Some(transaction) = renamed {
                    self.operator.mmsc().announce_renamed(&token, transaction).unwrap();
                }
                self.coming.push(Coming { mark, token, sha256 });
            }
        }
    }

    /// A person asks once more for what did not come by itself; how much came then.
    async fn ask_again(&self) -> u64 {
        let mut asked: Vec<MessageId> = Vec::new();
        for view in judge::views(&self.gateway).await {
            let state = view.summary.state;
            if state == State::In(InboundState::Failed) {
                self.gateway.retry(&view.summary.id).await.unwrap();
                asked.push(view.summary.id);
            }
        }
        let mut came = 0;
        for id in asked {
            for _ in 0..200 {
                tokio::time::sleep(Duration::from_secs(60)).await;
                let view = self.gateway.message(&id).await.unwrap().unwrap();
                if view.summary.state.is_settled() {
                    came += u64::from(view.summary.state == State::In(InboundState::Acknowledged));
                    break;
                }
            }
        }
        came
    }
}

/// What everybody recognises as a picture and nobody can decode.
fn picture(octets: usize) -> Bytes {
    let mut body = vec![0xff, 0xd8, 0xff, 0xe0];
    body.extend((0_u8..=250).cycle().take(octets));
    Bytes::from(body)
}

/// In memory where the system has such a place: nothing here is about the disk.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(dir) = tempfile::tempdir_in(memory)
    {
        return dir;
    }
    tempfile::tempdir().unwrap()
}
