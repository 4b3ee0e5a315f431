//! Webhooks in virtual time: a scripted receiver behind the trait of the HTTP client, a gateway whose
//! modem is unplugged, and the reference implementation of Standard Webhooks as the witness for what
//! is signed.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::gateway::{Config, Deps, Gateway};
use mm1gate::model::{Address, Clock, MessageId, NewMessage, NoTap, Random, Timestamp};
use mm1gate::modem::SystemPorts;
use mm1gate::modem::usb::NoUsb;
use mm1gate::store::{DeliveryState, Endpoint, EndpointKind, NewEvent, NoProbe};
use mm1gate::world::{
    self, HookClient, HookCommand, HookError, HookExit, HookRequest, HookResponse, HookRunner,
    SCHEDULE, World,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::api_rig::unplugged;

const BEGIN: Timestamp = Timestamp::from_secs(1_700_000_000);
/// The event of [`Rig::cancel_one`]; a modem that is not there is one as well, whenever that shows.
const CANCELED: &str = "message.canceled";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Answers in turn, then always with the last one, and keeps what it was asked.
struct Receiver {
    answers: Mutex<VecDeque<Result<u16, &'static str>>>,
    requests: Mutex<Vec<(Timestamp, HookRequest)>>,
    takes: Duration,
    at_once: Mutex<(usize, usize)>,
    clock: Clock,
}

impl Receiver {
    fn requests(&self) -> Vec<(Timestamp, HookRequest)> {
        self.requests.lock().unwrap().clone()
    }

    fn answer(&self) -> Result<u16, &'static str> {
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0] }
    }
}

struct Client(Arc<Receiver>);

impl HookClient for Client {
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>> {
        Box::pin(async move {
            let receiver = &self.0;
            receiver.requests.lock().unwrap().push((receiver.clock.now(), request));
            {
                let mut at_once = receiver.at_once.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            tokio::time::sleep(receiver.takes).await;
            receiver.at_once.lock().unwrap().0 -= 1;
            match receiver.answer() {
                Ok(status) => Ok(HookResponse { status, ..HookResponse::default() }),
                Err(reason) => Err(HookError(reason.to_owned())),
            }
        })
    }
}

struct NoRunner;

impl HookRunner for NoRunner {
    fn run(
        &self,
        _: HookCommand,
    ) -> Pin<Box<dyn Future<Output = Result<HookExit, String>> + Send + '_>> {
        Box::pin(async { Err("no program is expected here".to_owned()) })
    }
}

struct Rig {
    gateway: Gateway,
    world: World,
    receiver: Arc<Receiver>,
    clock: Clock,
    dir: TempDir,
}

async fn gateway(dir: &Path, clock: Clock, modem: bool) -> Gateway {
    let mut config = Config::new(dir.join("data"));
    config.modems.extend(modem.then(|| unplugged(dir)));
    let deps = Deps {
        ports: Arc::new(SystemPorts),
        clock,
        random: Random::seeded(5),
        tap: Arc::new(NoTap),
        usb: Arc::new(NoUsb),
        probe: Arc::new(NoProbe),
    };
    Gateway::start(config, deps).await.expect("a gateway")
}

async fn world(gateway: &Gateway, receiver: &Arc<Receiver>, clock: Clock) -> World {
    let deps = world::Deps {
        client: Arc::new(Client(Arc::clone(receiver))),
        runner: Arc::new(NoRunner),
        clock,
        random: Random::seeded(6),
    };
    World::start(gateway, deps).await.expect("the world")
}

impl Rig {
    async fn new(answers: &[Result<u16, &'static str>], takes: u64) -> Self {
        Self::with(answers, takes, true).await
    }

    /// Without a modem, so that days pass quickly.
    async fn for_days(answers: &[Result<u16, &'static str>]) -> Self {
        Self::with(answers, 1, false).await
    }

    async fn with(answers: &[Result<u16, &'static str>], takes: u64, modem: bool) -> Self {
        let clock = Clock::starting_at(BEGIN);
        let dir = tempfile::tempdir().expect("a folder");
        let gateway = gateway(dir.path(), clock, modem).await;
        let receiver = Arc::new(Receiver {
            answers: Mutex::new(answers.iter().copied().collect()),
            requests: Mutex::default(),
            takes: Duration::from_secs(takes),
            at_once: Mutex::default(),
            clock,
        });
        let world = world(&gateway, &receiver, clock).await;
        Self { gateway, world, receiver, clock, dir }
    }

    /// An endpoint that wants the events named, or all.
    async fn endpoint(&self, events: &[&str], change: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = Endpoint {
            id: "whk_1".to_owned(),
            kind: EndpointKind::Webhook,
            name: "shop".to_owned(),
            url: Some("https://shop.example/mms".to_owned()),
            secret: SECRET.to_vec(),
            former_secret: None,
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ordered: false,
            concurrency: 4,
            enabled: true,
            created_at: self.clock.now(),
            failing_since: None,
            failures: 0,
            taken_at: None,
            reason: None,
        };
        change(&mut endpoint);
        self.gateway.store().add_endpoint(endpoint).await.expect("an endpoint");
    }

    /// A message that is withdrawn at once: one event.
    async fn cancel_one(&self, to: &[&str]) -> MessageId {
        let message = NewMessage {
            to: to.iter().map(|to| Address::parse_recipient(to).unwrap()).collect(),
            text: Some("Your order is ready".to_owned()),
            ..super::gateway_rig::text(to[0], "x")
        };
        let id = self.gateway.accept(message).await.expect("accepted");
        self.gateway.cancel(&id).await.expect("withdrawn");
        id
    }

    /// An event that needs no modem.
    async fn happen(&self) {
        let event = NewEvent {
            at: self.clock.now(),
            kind: "modem.up",
            message: None,
            recipient: None,
            data: None,
            endpoint: None,
        };
        self.gateway.store().tell_world(event).await.expect("written");
    }

    /// Lets time pass until this many requests were made.
    async fn until_asked(&self, count: usize) -> Vec<(Timestamp, HookRequest)> {
        for _ in 0..100_000 {
            let requests = self.receiver.requests();
            if requests.len() >= count {
                return requests;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("only {} requests came", self.receiver.requests().len());
    }

    async fn state(&self) -> Vec<(DeliveryState, u32)> {
        let found = self.gateway.store().deliveries("whk_1", None, None, 100).await.unwrap();
        found.iter().map(|delivery| (delivery.state, delivery.attempts)).collect()
    }

    async fn end(self) {
        self.world.stop().await;
        self.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn event_is_signed_as_the_reference_implementation_wants_it() {
    let rig = Rig::new(&[Ok(204)], 0).await;
    // The reference looks at the machine's own clock and takes five minutes of difference.
    rig.endpoint(&["message.canceled"], |_| {}).await;
    let id = rig.cancel_one(&["+447700900123"]).await;
    let (at, request) = rig.until_asked(1).await.remove(0);
    assert_eq!(request.at, at);
    let witness = standardwebhooks::Webhook::from_bytes(SECRET.to_vec()).unwrap();
    let expected = witness
        .sign(&request.id, request.at.as_secs(), request.body.as_bytes())
        .expect("the reference signs");
    assert_eq!(request.signature, expected);
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["type"], "message.canceled");
    assert_eq!(body["timestamp"], BEGIN.to_string());
    assert_eq!(body["data"]["message"]["id"], id.as_str());
    assert_eq!(body["data"]["recipient"], "+447700900123");
    assert_eq!(body["data"]["message"]["text"], "Your order is ready");
    assert!(request.id.starts_with("evt_"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.state().await, [(DeliveryState::Delivered, 1)]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn event_that_is_not_taken_is_told_again_for_days_under_the_same_id_and_then_given_up() {
    let rig = Rig::for_days(&[Ok(500), Err("refused"), Ok(302), Ok(429)]).await;
    rig.endpoint(&[], |_| {}).await;
    rig.happen().await;
    let attempts = SCHEDULE.len() + 1;
    let requests = rig.until_asked_for_days(attempts).await;
    assert!(requests.iter().all(|(_, request)| request.id == requests[0].1.id));
    for (pair, planned) in requests.windows(2).zip(SCHEDULE) {
        let wait = pair[1].0.since(pair[0].0).as_secs();
        assert!((*planned..=planned + planned / 10 + 13).contains(&wait), "{planned}: {wait}");
    }
    tokio::time::sleep(Duration::from_secs(2 * 86_400)).await;
    assert_eq!(rig.receiver.requests().len(), attempts, "given up");
    assert_eq!(rig.state().await, [(DeliveryState::Failed, u32::try_from(attempts).unwrap())]);
    let id = rig.gateway.store().deliveries("whk_1", None, None, 1).await.unwrap()[0].id;
    let (_, history) = rig.gateway.store().delivery(id).await.unwrap().unwrap();
    assert_eq!(history.len(), attempts);
    assert_eq!(history[1].error.as_deref(), Some("refused"));
    assert!(history[2].error.as_deref().unwrap().contains("redirects are not followed"));
    // On request it is told again, with its schedule from the beginning.
    rig.gateway.store().redeliver(id, rig.clock.now()).await.unwrap();
    let again = rig.until_asked(attempts + 1).await;
    assert_eq!(again[attempts].1.id, requests[0].1.id);
    rig.end().await;
}

impl Rig {
    async fn until_asked_for_days(&self, count: usize) -> Vec<(Timestamp, HookRequest)> {
        for _ in 0..(10 * 24 * 60) {
            if self.receiver.requests().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        let requests = self.receiver.requests();
        assert!(requests.len() >= count, "only {} requests came", requests.len());
        requests
    }
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_answers_gone_is_switched_off_with_an_alarm() {
    let rig = Rig::new(&[Ok(410)], 0).await;
    rig.endpoint(&[CANCELED], |endpoint| endpoint.concurrency = 1).await;
    rig.cancel_one(&["+447700900123", "+447700900124"]).await;
    rig.until_asked(1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let endpoint = rig.gateway.store().endpoint("whk_1").await.unwrap().unwrap();
    assert!(!endpoint.enabled);
    assert!(endpoint.reason.unwrap().contains("410"));
    assert_eq!(rig.receiver.requests().len(), 1, "nothing is told to who wants nothing");
    assert!(rig.state().await.iter().all(|(state, _)| *state == DeliveryState::Failed));
    let alarms = rig.gateway.alarms().await.unwrap();
    assert_eq!(alarms[0].fault.code, "webhook-disabled");
    assert_eq!(alarms[0].scope, "webhook:whk_1");
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_takes_nothing_for_days_is_switched_off_and_one_success_is_enough_not_to_be()
{
    for (answers, off) in [(vec![Ok(500)], true), (vec![Ok(500), Ok(500), Ok(200)], false)] {
        let rig = Rig::for_days(&answers).await;
        rig.endpoint(&[], |_| {}).await;
        for _ in 0..7 {
            rig.happen().await;
            tokio::time::sleep(Duration::from_secs(86_400)).await;
        }
        let endpoint = rig.gateway.store().endpoint("whk_1").await.unwrap().unwrap();
        assert_eq!(endpoint.enabled, !off, "{:?}", endpoint.reason);
        rig.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ordered_endpoint_hears_of_the_next_event_only_when_the_one_before_was_taken() {
    let rig = Rig::new(&[Ok(500), Ok(500), Ok(200)], 0).await;
    rig.endpoint(&[CANCELED], |endpoint| endpoint.ordered = true).await;
    let first = rig.cancel_one(&["+447700900123"]).await;
    let second = rig.cancel_one(&["+447700900124"]).await;
    let requests = rig.until_asked(4).await;
    let about: Vec<String> = requests
        .iter()
        .map(|(_, request)| {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            body["data"]["message"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let (first, second) = (first.as_str(), second.as_str());
    assert_eq!(about, [first, first, first, second]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_events_at_the_same_time_than_the_endpoint_wants() {
    let rig = Rig::new(&[Ok(200)], 10).await;
    rig.endpoint(&[CANCELED], |endpoint| endpoint.concurrency = 3).await;
    for _ in 0..10 {
        rig.cancel_one(&["+447700900123"]).await;
    }
    rig.until_asked(10).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.receiver.at_once.lock().unwrap().1, 3);
    assert_eq!(rig.receiver.requests().len(), 10, "each once");
    assert!(rig.state().await.iter().all(|it| *it == (DeliveryState::Delivered, 1)));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_being_told_when_the_gateway_ended_is_told_after_the_next_start() {
    let mut rig = Rig::new(&[Ok(200)], 20).await;
    rig.endpoint(&[CANCELED], |_| {}).await;
    rig.cancel_one(&["+447700900123"]).await;
    let before = rig.until_asked(1).await;
    rig.world.stop().await;
    rig.gateway.stop().await;
    rig.gateway = gateway(rig.dir.path(), rig.clock, true).await;
    rig.world = world(&rig.gateway, &rig.receiver, rig.clock).await;
    let after = rig.until_asked(2).await;
    assert_eq!(after[1].1.id, before[0].1.id);
    assert_eq!(after[1].1.body, before[0].1.body);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.state().await, [(DeliveryState::Delivered, 1)]);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn modem_that_is_not_there_is_told_of_once_after_each_start() {
    let mut rig = Rig::new(&[Ok(200)], 0).await;
    rig.endpoint(&["modem.up", "modem.down"], |_| {}).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let told = rig.receiver.requests().len();
    rig.world.stop().await;
    rig.gateway.stop().await;
    rig.gateway = gateway(rig.dir.path(), rig.clock, true).await;
    rig.world = world(&rig.gateway, &rig.receiver, rig.clock).await;
    let request = rig.until_asked(told + 1).await.pop().unwrap().1;
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["type"], "modem.down");
    assert_eq!(body["data"]["modem"]["name"], "front-desk");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.receiver.requests().len(), told + 1);
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_where_nobody_wants_it() {
    let rig = Rig::new(&[Ok(200)], 0).await;
    rig.cancel_one(&["+447700900123"]).await;
    assert_eq!(rig.gateway.store().outbox(10).await.unwrap(), []);
    rig.endpoint(&["message.received"], |_| {}).await;
    rig.cancel_one(&["+447700900123"]).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.gateway.store().outbox(10).await.unwrap(), []);
    assert_eq!(rig.state().await, []);
    assert!(rig.receiver.requests().is_empty());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn secret_that_was_replaced_signs_for_a_day_more() {
    let rig = Rig::new(&[Ok(200)], 0).await;
    rig.endpoint(&[CANCELED], |_| {}).await;
    let change = mm1gate::store::EndpointChange {
        secret: Some((vec![7; 32], rig.clock.now().plus(Duration::from_secs(86_400)))),
        ..Default::default()
    };
    rig.gateway.store().change_endpoint("whk_1", change, rig.clock.now()).await.unwrap();
    rig.cancel_one(&["+447700900123"]).await;
    let request = rig.until_asked(1).await.remove(0).1;
    for secret in [vec![7; 32], SECRET.to_vec()] {
        let witness = standardwebhooks::Webhook::from_bytes(secret).unwrap();
        let one = witness.sign(&request.id, request.at.as_secs(), request.body.as_bytes()).unwrap();
        assert!(request.signature.split(' ').any(|signature| signature == one));
    }
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    rig.cancel_one(&["+447700900123"]).await;
    let request = rig.until_asked(2).await.remove(1).1;
    assert_eq!(request.signature.split(' ').count(), 1);
    rig.end().await;
}
