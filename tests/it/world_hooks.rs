//! Programs that are run for events, in virtual time behind the trait of the runner, and once with
//! the real one: what their exit means, how many run at a time, and what they are given.

use std::collections::VecDeque;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::gateway::{Config, Deps, Gateway, HookConfig};
use mm1gate::model::{
    Address, Clock, MediaType, MessageId, NewMessage, NewPart, NoTap, Random, Timestamp,
};
use mm1gate::modem::SystemPorts;
use mm1gate::modem::usb::NoUsb;
use mm1gate::store::{Attempt, DeliveryState, NewEvent, NoProbe};
use mm1gate::world::{
    self, HookCommand, HookExit, HookRunner, SCHEDULE, SystemClient, SystemRunner, World,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::api_rig::{PNG, unplugged};

const BEGIN: Timestamp = Timestamp::from_secs(1_700_000_000);
const SHOP: &str = "hook:shop";

/// Ends in turn as told, then always as at last, and keeps what it was to run.
struct Runner {
    exits: Mutex<VecDeque<Result<Option<i32>, &'static str>>>,
    commands: Mutex<Vec<HookCommand>>,
    takes: Duration,
    /// How many run, and how many ran at the same time at most.
    at_once: Mutex<(usize, usize)>,
}

impl HookRunner for Runner {
    fn run(
        &self,
        command: HookCommand,
    ) -> Pin<Box<dyn Future<Output = Result<HookExit, String>> + Send + '_>> {
        Box::pin(async move {
            self.commands.lock().unwrap().push(command);
            {
                let mut at_once = self.at_once.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            tokio::time::sleep(self.takes).await;
            self.at_once.lock().unwrap().0 -= 1;
            let mut exits = self.exits.lock().unwrap();
            let exit = if exits.len() > 1 { exits.pop_front().unwrap() } else { exits[0] };
            exit.map(|code| HookExit { code, output: "said".to_owned() }).map_err(str::to_owned)
        })
    }
}

fn hook() -> HookConfig {
    HookConfig {
        name: "shop".to_owned(),
        command: vec!["/usr/local/bin/new-message".to_owned(), "--from-mm1gate".to_owned()],
        events: vec!["message.canceled".to_owned()],
        timeout: Duration::from_secs(60),
        concurrency: 1,
    }
}

async fn gateway(dir: &Path, clock: Clock, hooks: Vec<HookConfig>, modem: bool) -> Gateway {
    let mut config = Config::new(dir.join("data"));
    config.world.hooks = hooks;
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

async fn world(gateway: &Gateway, runner: Arc<dyn HookRunner>, clock: Clock) -> World {
    let deps = world::Deps {
        client: Arc::new(SystemClient::new(Vec::new(), false)),
        runner,
        clock,
        random: Random::seeded(6),
    };
    World::start(gateway, deps).await.expect("the world")
}

struct Rig {
    gateway: Gateway,
    world: World,
    runner: Arc<Runner>,
    _dir: TempDir,
}

impl Rig {
    async fn new(
        exits: &[Result<Option<i32>, &'static str>],
        takes: u64,
        hook: HookConfig,
    ) -> Self {
        Self::with(exits, takes, hook, true).await
    }

    /// Without a modem, so that days pass quickly.
    async fn for_days(exits: &[Result<Option<i32>, &'static str>]) -> Self {
        let events = vec!["modem.up".to_owned()];
        Self::with(exits, 1, HookConfig { events, ..hook() }, false).await
    }

    async fn with(
        exits: &[Result<Option<i32>, &'static str>],
        takes: u64,
        hook: HookConfig,
        modem: bool,
    ) -> Self {
        let clock = Clock::starting_at(BEGIN);
        let dir = tempfile::tempdir().expect("a folder");
        let gateway = gateway(dir.path(), clock, vec![hook], modem).await;
        let runner = Arc::new(Runner {
            exits: Mutex::new(exits.iter().copied().collect()),
            commands: Mutex::default(),
            takes: Duration::from_secs(takes),
            at_once: Mutex::default(),
        });
        let world = world(&gateway, Arc::clone(&runner) as _, clock).await;
        Self { gateway, world, runner, _dir: dir }
    }

    /// An event that needs no modem.
    async fn happen(&self) {
        let event = NewEvent {
            at: self.gateway.now(),
            kind: "modem.up",
            message: None,
            recipient: None,
            data: None,
            endpoint: None,
        };
        self.gateway.store().tell_world(event).await.expect("written");
    }

    fn runs(&self) -> Vec<HookCommand> {
        self.runner.commands.lock().unwrap().clone()
    }

    async fn until_run(&self, count: usize) {
        for _ in 0..100_000 {
            if self.runs().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("only {} runs", self.runs().len());
    }

    async fn end(self) {
        self.world.stop().await;
        self.gateway.stop().await;
    }
}

/// A message that is withdrawn at once: one event.
async fn cancel_one(gateway: &Gateway) -> MessageId {
    let message = NewMessage {
        to: vec![Address::parse_recipient("+447700900123").unwrap()],
        subject: Some("Cake".to_owned()),
        text: Some("Your $(order) is ready".to_owned()),
        parts: vec![NewPart {
            media_type: Some(MediaType::new("image/png")),
            name: Some("../../etc/passwd.png".to_owned()),
            body: PNG.into(),
        }],
        ..NewMessage::default()
    };
    let id = gateway.accept(message).await.expect("accepted");
    gateway.cancel(&id).await.expect("withdrawn");
    id
}

async fn history(gateway: &Gateway) -> (DeliveryState, Vec<Attempt>) {
    let found = gateway.store().deliveries(SHOP, None, None, 1).await.unwrap();
    let (delivery, attempts) = gateway.store().delivery(found[0].id).await.unwrap().unwrap();
    (delivery.state, attempts)
}

#[tokio::test(start_paused = true)]
async fn program_that_ends_well_is_run_once_with_the_event() {
    let rig = Rig::new(&[Ok(Some(0))], 1, hook()).await;
    let id = cancel_one(&rig.gateway).await;
    rig.until_run(1).await;
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let runs = rig.runs();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].command, hook().command);
    assert_eq!(runs[0].timeout, Duration::from_secs(60));
    let event: Value = serde_json::from_str(&runs[0].input).unwrap();
    assert_eq!(event["type"], "message.canceled");
    assert_eq!(event["data"]["message"]["id"], id.as_str());
    let (state, attempts) = history(&rig.gateway).await;
    assert_eq!((state, attempts.len()), (DeliveryState::Delivered, 1));
    assert_eq!((attempts[0].status, attempts[0].response.as_deref()), (Some(0), Some("said")));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn exit_75_a_kill_and_a_program_that_is_missing_are_tried_again() {
    let exits = [Ok(Some(75)), Ok(None), Err("/no/program: No such file"), Ok(Some(0))];
    let rig = Rig::for_days(&exits).await;
    rig.happen().await;
    rig.until_run(4).await;
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let (state, attempts) = history(&rig.gateway).await;
    assert_eq!((state, attempts.len()), (DeliveryState::Delivered, 4));
    let errors: Vec<&str> = attempts.iter().map(|it| it.error.as_deref().unwrap_or("-")).collect();
    assert!(errors[0].contains("exit code 75"), "{errors:?}");
    assert!(errors[1].contains("took too long"), "{errors:?}");
    assert_eq!((errors[2], errors[3]), ("/no/program: No such file", "-"));
    for (pair, planned) in attempts.windows(2).zip(SCHEDULE) {
        assert!(pair[1].at.since(pair[0].at).as_secs() >= *planned);
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn any_other_exit_is_final_and_the_next_event_is_told_all_the_same() {
    let rig = Rig::for_days(&[Ok(Some(1))]).await;
    for _ in 0..2 {
        rig.happen().await;
        tokio::time::sleep(Duration::from_secs(7 * 86_400)).await;
    }
    assert_eq!(rig.runs().len(), 2, "each once");
    let (state, attempts) = history(&rig.gateway).await;
    assert_eq!((state, attempts.len()), (DeliveryState::Failed, 1));
    assert_eq!(attempts[0].error.as_deref(), Some("exit code 1"));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_run_at_the_same_time_than_configured() {
    let rig = Rig::new(&[Ok(Some(0))], 30, HookConfig { concurrency: 3, ..hook() }).await;
    for _ in 0..10 {
        cancel_one(&rig.gateway).await;
    }
    rig.until_run(10).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.runner.at_once.lock().unwrap().1, 3);
    assert_eq!(rig.runs().len(), 10);
    rig.end().await;
}

#[tokio::test]
async fn real_program_gets_variables_parts_under_names_of_ours_and_the_json() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let script = dir.path().join("new-message");
    let text = format!(
        "#!/bin/sh\n{{ env | grep ^MMS_ | sort; cat \"$MMS_PART_3_PATH\" | sha256sum; ls; cat; }} \
         > {0}.new && mv {0}.new {0}\n",
        out.display()
    );
    std::fs::write(&script, text).unwrap();
    // By the shell, so that no other test's fork holds the script open for writing.
    let command = vec!["/bin/sh".to_owned(), script.display().to_string()];
    let clock = Clock::system();
    let left = dir.path().join("data/hooks/0123");
    std::fs::create_dir_all(&left).unwrap();
    let gateway = gateway(dir.path(), clock, vec![HookConfig { command, ..hook() }], true).await;
    let world = world(&gateway, Arc::new(SystemRunner), clock).await;
    assert!(!left.exists(), "what an earlier process left behind is gone");
    let id = cancel_one(&gateway).await;
    let mut said = String::new();
    for _ in 0..1_000 {
        said = std::fs::read_to_string(&out).unwrap_or_default();
        if !said.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for line in [
        "MMS_EVENT=message.canceled",
        &format!("MMS_ID={id}"),
        "MMS_TO=+447700900123",
        "MMS_SUBJECT=Cake",
        "MMS_TEXT=Your $(order) is ready",
        "MMS_PART_3_TYPE=image/png",
    ] {
        assert!(said.lines().any(|it| it == line), "{line} in {said}");
    }
    use sha2::{Digest, Sha256};
    assert!(said.contains(&hex::encode(Sha256::digest(PNG))), "{said}");
    assert!(said.lines().any(|line| line == "part3.png"), "{said}");
    let json: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(json["data"]["message"]["id"], id.as_str());
    // The JSON tells what the sender called it; nothing else does.
    let before = said.rsplit_once('\n').map_or("", |(before, _)| before);
    assert!(!before.contains(".."), "no name of a sender's is a path: {before}");
    for _ in 0..500 {
        if std::fs::read_dir(dir.path().join("data/hooks")).is_ok_and(|it| it.count() == 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(std::fs::read_dir(dir.path().join("data/hooks")).unwrap().count(), 0);
    world.stop().await;
    gateway.stop().await;
}
