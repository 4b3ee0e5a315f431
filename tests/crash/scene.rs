//! The scene: a shop sends four messages and gets three, while one is refused for the moment, one is
//! never fetched, and its server is told of everything. The gateway's process ends at the points asked
//! for and is started again two seconds later, on the folder that it left; operator, modem, phones and
//! the shop go on living.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::MmsStatus;
use mm1gate::codec::sms::{ConcatReference, Deliver, Scts, SmsAddress, split_text};
use mm1gate::gateway::{Config, Deps, Gateway, ModemConfig};
use mm1gate::model::{
    Address, Clock, Kind, MediaType, MessageId, NewMessage, NewPart, Once, Random, Timestamp,
};
use mm1gate::modem::usb::NoUsb;
use mm1gate::operators::Settings;
use mm1gate::sim::{
    self, ActiveFault, Behaviour, Fault, Operator, Outgoing, OutgoingPart, Subscriber,
};
use mm1gate::world::{self, HookCommand, HookExit, HookRunner, World};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::life::{CONTROL, Cables, Client, Life, Marks, Point};
use crate::meter::{Meter, MeterTap};
use crate::shop::{self, Shop};
use crate::verdict;

/// Number of the SIM.
pub(crate) const OWN: &str = "+447700900001";
/// A phone that takes everything.
pub(crate) const PHONE: &str = "+447700900123";
/// A phone that refuses pictures.
pub(crate) const REFUSES: &str = "+447700900124";
/// Another one that takes everything.
pub(crate) const THIRD: &str = "+447700900125";

/// The file with the marks.
pub(crate) const MARKS: &str = "marks";

/// When every world begins.
const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// From the end of a process to the next one.
const SUPERVISOR: Duration = Duration::from_secs(2);
/// How long everything may take to come to rest: behind a repetition of what the operator announces,
/// and the schedules of a few failures.
const PATIENCE: Duration = Duration::from_secs(4 * 3_600);
/// How long the scene is watched once it is at rest.
const AFTERMATH: Duration = Duration::from_secs(2 * 60);

/// What a scene came to.
pub(crate) struct Outcome {
    /// Every point was reached.
    pub(crate) reached: bool,
    /// Commits and blocks of the first process.
    pub(crate) counted: (u64, u64),
    pub(crate) unknown: usize,
    pub(crate) wrong: Vec<String>,
}

/// A message of the shop.
pub(crate) struct Order {
    /// The shop's reference, key and subject.
    pub(crate) mark: &'static str,
    pub(crate) kind: Kind,
    pub(crate) to: &'static [&'static str],
    /// Seconds from the beginning.
    at: u64,
    octets: usize,
    /// What the gateway has called it.
    pub(crate) id: Option<MessageId>,
}

/// A message for the shop.
pub(crate) struct Coming {
    pub(crate) mark: &'static str,
    pub(crate) kind: Kind,
    at: u64,
    pub(crate) text: String,
    /// SHA-256 of its picture.
    pub(crate) picture: Option<String>,
}

fn orders() -> Vec<Order> {
    let order = |mark, kind, to, at, octets| Order { mark, kind, to, at, octets, id: None };
    vec![
        order("two at once", Kind::Mms, &[PHONE, REFUSES], 10, 4_000),
        order("refused once", Kind::Mms, &[THIRD], 10, 1_500),
        order("a text in two parts", Kind::Sms, &[PHONE], 11, 220),
        order("in the next call", Kind::Mms, &[PHONE], 60, 900),
    ]
}

fn coming() -> Vec<Coming> {
    let coming = |mark, kind, at, text: String, octets: usize| Coming {
        mark,
        kind,
        at,
        text,
        picture: (octets > 0).then(|| hex::encode(Sha256::digest(picture(octets)))),
    };
    vec![
        coming("a picture", Kind::Mms, 12, "Look at this".to_owned(), INCOMING),
        coming("a text in two parts", Kind::Sms, 13, text(200), 0),
        coming("words", Kind::Mms, 40, "Is it ready?".to_owned(), 0),
    ]
}

/// Octets of the picture that comes in.
const INCOMING: usize = 3_000;

/// What everybody recognises as a picture and nobody can decode.
fn picture(octets: usize) -> Bytes {
    let mut body = vec![0xff, 0xd8, 0xff, 0xe0];
    body.extend((0_u8..=250).cycle().take(octets - body.len()));
    Bytes::from(body)
}

fn text(octets: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    while text.len() < octets {
        count += 1;
        text.push_str(&format!("{count:03} "));
    }
    text
}

impl Order {
    pub(crate) fn text(&self) -> String {
        text(self.octets)
    }

    fn message(&self) -> NewMessage {
        let is_mms = self.kind == Kind::Mms;
        let mut message = NewMessage {
            kind: self.kind,
            to: self.to.iter().map(|to| Address::parse_recipient(to).unwrap()).collect(),
            subject: is_mms.then(|| self.mark.to_owned()),
            text: (!is_mms).then(|| self.text()),
            delivery_report: true,
            client_ref: Some(self.mark.to_owned()),
            ..NewMessage::default()
        };
        if is_mms {
            message.parts.push(NewPart {
                media_type: Some(MediaType::new("image/jpeg")),
                name: Some("order.jpg".to_owned()),
                body: picture(self.octets),
            });
        }
        message.origin.once = Some(Once {
            key: self.mark.to_owned(),
            fingerprint: Sha256::digest(self.mark.as_bytes()).into(),
        });
        message
    }
}

/// The world around the gateway.
pub(crate) struct Scene {
    pub(crate) operator: Operator,
    pub(crate) shop: Arc<Shop>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) orders: Vec<Order>,
    pub(crate) coming: Vec<Coming>,
    clock: Clock,
    began: Instant,
    _dir: tempfile::TempDir,
    /// Where the processes have their folders.
    place: PathBuf,
    marks: Option<Marks>,
    lives: u64,
}

/// A process that runs.
pub(crate) struct Running {
    pub(crate) gateway: Gateway,
    world: World,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.world.stop().await;
        self.gateway.stop().await;
    }
}

struct NoRunner;

impl HookRunner for NoRunner {
    fn run(
        &self,
        _: HookCommand,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<HookExit, String>> + Send + '_>> {
        Box::pin(async { Err("no program is expected here".to_owned()) })
    }
}

/// Plays the scene in virtual time; the process ends at `ends`, one after the other.
pub(crate) fn play(ends: &[Point]) -> Outcome {
    // One thread for the store: what happens in which order is the same each time.
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .unwrap()
        .block_on(Scene::begin().play(ends))
}

/// Plays the scene without an end in this folder, with a mark for each promise.
pub(crate) fn play_marked(place: &Path) -> Outcome {
    let file = std::fs::File::create(place.join("life-0").join(MARKS)).unwrap();
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .unwrap()
        .block_on(async {
            let mut scene = Scene::begin();
            scene.place = place.to_owned();
            scene.marks = Some(Marks(file));
            scene.play(&[]).await
        })
}

impl Scene {
    fn begin() -> Self {
        let (clock, dir) = (Clock::starting_at(START), folder());
        let operator = Operator::builder()
            .line(
                Subscriber { number: OWN.to_owned(), ..Subscriber::default() },
                sim::ModemConfig {
                    timing: sim::Timing::usb_stick(),
                    ..sim::ModemConfig::default()
                },
            )
            .phone(PHONE, Behaviour::Receive)
            .phone(REFUSES, Behaviour::Never(MmsStatus::REJECTED))
            .phone(THIRD, Behaviour::Receive)
            .clock(clock)
            .random(Random::seeded(41))
            .start();
        let busy = Fault::MmscResponseStatus {
            status: 0xc3,
            text: Some("The service is busy for the moment".to_owned()),
        };
        operator.faults().switch(ActiveFault {
            times: Some(1),
            after_times: Some(1),
            ..busy.into()
        });
        operator.faults().set_times(Fault::MmscRefusesAcknowledgement { status: 503 }, 1);
        Self {
            operator,
            shop: Arc::default(),
            meter: Arc::default(),
            orders: orders(),
            coming: coming(),
            clock,
            began: Instant::now(),
            place: dir.path().to_owned(),
            _dir: dir,
            marks: None,
            lives: 0,
        }
    }

    async fn play(mut self, ends: &[Point]) -> Outcome {
        self.deliver_in_time();
        let mut counted = None;
        let planned = ends.len() as u64;
        let mut ends = ends.iter().copied();
        let mut deaths = 0;
        let mut marks = self.marks.take();
        let running = loop {
            let end = ends.next();
            let life = marks.take().map_or_else(|| Life::new(end), Life::marking);
            let mut running = None;
            let lived = tokio::select! {
                biased;
                () = life.ended.notified() => None,
                () = self.live(&life, &mut running) => Some(()),
            };
            counted.get_or_insert_with(|| life.counted());
            match (lived, running) {
                (Some(()), Some(running)) => break running,
                (_, running) => {
                    deaths += 1;
                    self.bury(&life, running);
                }
            }
            tokio::time::sleep(SUPERVISOR).await;
        };
        let reached = deaths == planned;
        let later = verdict::judge(&self, &running.gateway, deaths).await;
        let mut wrong = [later.open, later.wrong].concat();
        wrong.extend(verdict::leftovers(&self, &running.gateway).await);
        running.stop().await;
        self.operator.stop();
        Outcome { reached, counted: counted.unwrap_or_default(), unknown: later.unknown, wrong }
    }

    /// From the start of a process to rest.
    async fn live(&mut self, life: &Arc<Life>, running: &mut Option<Running>) {
        let folder = self.folder();
        let here = loop {
            match self.start(life, folder.clone()).await {
                Ok(here) => break running.insert(here).gateway.clone(),
                // The store of a process that is gone fails.
                Err(_) if life.is_dead() => std::future::pending().await,
                Err(error) => panic!("a gateway does not start: {error}"),
            }
        };
        let known = here.store().endpoints().await.unwrap_or_default();
        for endpoint in shop::endpoints(self.clock.now()) {
            if !known.iter().any(|one| one.id == endpoint.id) {
                self.unless_dead(life, here.store().add_endpoint(endpoint).await).await;
            }
        }
        for position in 0..self.orders.len() {
            if self.orders[position].id.is_some() {
                continue;
            }
            let at = self.began + Duration::from_secs(self.orders[position].at);
            tokio::time::sleep_until(at).await;
            let taken = here.submit(self.orders[position].message()).await;
            let taken = self.unless_dead(life, taken).await;
            life.mark(format_args!("accepted {}", taken.id.as_str()));
            self.orders[position].id = Some(taken.id);
        }
        let rest = Instant::now();
        loop {
            tokio::time::sleep(Duration::from_secs(10).max(rest.elapsed() / 4)).await;
            let verdict = verdict::judge(self, &here, u64::MAX).await;
            if verdict.open.is_empty() || rest.elapsed() > PATIENCE {
                tokio::time::sleep(AFTERMATH).await;
                return;
            }
        }
    }

    /// What a process was told while it lived; nobody is told anything behind its end.
    async fn unless_dead<T, E: std::fmt::Display>(&self, life: &Life, told: Result<T, E>) -> T {
        if life.is_dead() {
            std::future::pending::<()>().await;
        }
        told.unwrap_or_else(|error| panic!("refused: {error}"))
    }

    async fn start(&self, life: &Arc<Life>, folder: PathBuf) -> Result<Running, String> {
        let mut config = Config::new(folder);
        config.modems.push(ModemConfig {
            control_port: Some(CONTROL.to_owned()),
            operator: Some(Settings {
                apn: self.operator.apn().to_owned(),
                mmsc: self.operator.mmsc_url().to_owned(),
                proxy: self.operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port())),
                ..Settings::default()
            }),
            ..ModemConfig::new("desk", "/dev/virtual-data")
        });
        // A process draws other numbers than the one before.
        let random = Random::seeded(1_000 + self.lives);
        let modem = self.operator.modem().clone();
        let deps = Deps {
            ports: Arc::new(Cables { life: Arc::clone(life), modem }),
            clock: self.clock,
            random: random.clone(),
            tap: Arc::new(MeterTap { life: Arc::clone(life), meter: Arc::clone(&self.meter) }),
            usb: Arc::new(NoUsb),
            probe: Arc::<Life>::clone(life),
        };
        let gateway = Gateway::start(config, deps).await.map_err(|error| error.to_string())?;
        let client = Client { life: Arc::clone(life), shop: Arc::clone(&self.shop) };
        let deps = world::Deps {
            client: Arc::new(client),
            runner: Arc::new(NoRunner),
            clock: self.clock,
            random,
        };
        match World::start(&gateway, deps).await {
            Ok(world) => Ok(Running { gateway, world }),
            Err(error) => {
                tokio::spawn(async move { gateway.stop().await });
                Err(error.to_string())
            }
        }
    }

    /// Copies what the process has left; its memory is let go without a trace.
    fn bury(&mut self, life: &Life, running: Option<Running>) {
        self.meter.ended();
        life.settle();
        let from = self.folder();
        self.lives += 1;
        let to = self.folder();
        std::fs::create_dir(&to).unwrap();
        for name in ["mm1gate.db", "mm1gate.db-wal", mm1gate::store::PIN_KEY_FILE] {
            if from.join(name).exists() {
                std::fs::copy(from.join(name), to.join(name)).unwrap();
            }
        }
        if let Some(running) = running {
            tokio::spawn(running.stop());
        }
    }

    /// Of the process that lives.
    pub(crate) fn folder(&self) -> PathBuf {
        self.place.join(format!("life-{}", self.lives))
    }

    /// What the operator has for the shop comes whether or not a gateway runs.
    fn deliver_in_time(&self) {
        for one in coming() {
            let (operator, clock, at) = (self.operator.clone(), self.clock, self.began);
            let at = at + Duration::from_secs(one.at);
            tokio::spawn(async move {
                tokio::time::sleep_until(at).await;
                match one.kind {
                    Kind::Sms => {
                        let tpdus = deliveries(&one.text, clock.now());
                        operator.deliver_sms(OWN, &tpdus).unwrap();
                    }
                    Kind::Mms => {
                        let part = one.picture.is_some().then(|| OutgoingPart {
                            content_type: "image/jpeg".to_owned(),
                            name: "p.jpg".to_owned(),
                            body: picture(INCOMING),
                        });
                        let message = Outgoing {
                            subject: Some(one.mark.to_owned()),
                            text: Some(one.text),
                            parts: part.into_iter().collect(),
                        };
                        operator.send_from_phone(PHONE, OWN, &message).unwrap();
                    }
                }
            });
        }
    }
}

/// The SMS-DELIVERs of a text.
fn deliveries(text: &str, sent: Timestamp) -> Vec<Bytes> {
    let parts = split_text(text, &[], ConcatReference::Narrow(7)).unwrap();
    let deliver = |(dcs, user_data)| {
        let sender = SmsAddress::from_text(PHONE);
        Deliver::new(sender, dcs, Scts::new(sent, 0), user_data).encode().unwrap().into()
    };
    parts.into_iter().map(deliver).collect()
}

/// In memory where the system has such a place: nothing here is about the disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(dir) = tempfile::tempdir_in(memory)
    {
        return dir;
    }
    tempfile::tempdir().unwrap()
}
