//! From the outbox to the endpoints: one task hands events on, tells what is due and writes down how
//! that went. What it was telling when the process ended is told again, under the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{HookError, HookRequest};
use super::runner::{self, EX_TEMPFAIL};
use super::schedule::{self, DISABLE_AFTER};
use super::sign::sign;
use super::{Deps, event, folder, mail};
use crate::gateway::{Event, Gateway, MailConfig, ModemView, WorldConfig};
use crate::model::{Clock, Fault, Timestamp};
use crate::store::{
    Attempt, AttemptResult, Delivery, Endpoint, EndpointKind, NewEvent, StoreError,
};

/// Events handed on before the endpoints have their turn.
const BATCH: usize = 64;
/// How often the outbox is looked at when nothing announces itself.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Attempts of a mail after which somebody should look; before that, greylisting is likely.
const MAIL_PATIENCE: u32 = 3;
/// How long to wait when the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// How an attempt went, in the words of all kinds of endpoints.
pub(super) struct Outcome {
    status: Option<i32>,
    error: Option<String>,
    response: Option<String>,
    verdict: Verdict,
}

/// What an endpoint's answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Taken,
    /// Later, and not before this pause if it was named.
    Later(Option<Duration>),
    /// It will never take this event.
    Refused,
    /// It wants nothing any more.
    Gone,
}

/// A finished attempt.
struct Told {
    delivery: Delivery,
    at: Timestamp,
    took: Duration,
    outcome: Outcome,
}

pub(super) async fn run(gateway: Gateway, deps: Deps, stop: CancellationToken) {
    let mut events = gateway.subscribe();
    let mut under_way = UnderWay::default();
    let mut modems = BTreeMap::new();
    // How each is, once after every start: whether that is known before or after this does not
    // matter.
    tell_modems(&gateway, &mut modems, &deps.clock).await;
    loop {
        let wait = match round(&gateway, &deps, &mut under_way).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "events wait, since the store fails");
                STORE_PAUSE
            }
        };
        let bell = gateway.store().outbox_bell();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(told) = under_way.tasks.join_next() => {
                if let Ok(told) = told
                    && let Err(error) = settle(&gateway, &deps, &mut under_way, told).await
                {
                    // It is told once more: the same id lets the endpoint know it again.
                    tracing::error!(%error, "how an event was told could not be stored");
                }
            }
            change = modem_change(&mut events) => match change {
                Ok((modem, at)) => tell_modem(&gateway, &mut modems, &modem, at).await,
                Err(RecvError::Lagged(_)) => tell_modems(&gateway, &mut modems, &deps.clock).await,
                Err(RecvError::Closed) => return,
            },
            () = bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Deliveries that are being told.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Told>,
    ids: BTreeSet<i64>,
    by_endpoint: BTreeMap<String, usize>,
}

/// Hands on what is new and begins to tell what is due; answers how long to wait for more.
async fn round(
    gateway: &Gateway,
    deps: &Deps,
    under_way: &mut UnderWay,
) -> Result<Duration, StoreError> {
    let store = gateway.store();
    loop {
        let events = store.outbox(BATCH).await?;
        for event in &events {
            let at = event.at.unwrap_or_else(|| deps.clock.now());
            let body = event::body(gateway, event, at).await?;
            let id = event::id(at, &deps.random);
            store.hand_on(event.seq, id, body, deps.clock.now()).await?;
        }
        if events.len() < BATCH {
            break;
        }
    }
    let now = deps.clock.now();
    for endpoint in store.endpoints().await? {
        let busy = under_way.by_endpoint.get(&endpoint.id).copied().unwrap_or(0);
        let most = if endpoint.ordered { 1 } else { endpoint.concurrency.max(1) };
        if busy >= most {
            continue;
        }
        for delivery in store.due_deliveries(&endpoint, most + busy, now).await? {
            let busy = under_way.by_endpoint.entry(endpoint.id.clone()).or_default();
            if *busy >= most || !under_way.ids.insert(delivery.id) {
                continue;
            }
            *busy += 1;
            let (gateway, deps, endpoint) = (gateway.clone(), deps.clone(), endpoint.clone());
            under_way.tasks.spawn(async move {
                let at = deps.clock.now();
                let outcome = tell(&gateway, &deps, &endpoint, &delivery, at).await;
                Told { delivery, at, took: deps.clock.now().since(at), outcome }
            });
        }
    }
    let next = store.next_delivery_after(now).await?;
    Ok(next.map_or(LOOK_EVERY, |at| at.since(now).min(LOOK_EVERY)))
}

async fn tell(
    gateway: &Gateway,
    deps: &Deps,
    endpoint: &Endpoint,
    delivery: &Delivery,
    at: Timestamp,
) -> Outcome {
    match endpoint.kind {
        EndpointKind::Webhook => webhook(deps, endpoint, delivery, at).await,
        EndpointKind::Hook => {
            let name = endpoint.id.trim_start_matches("hook:");
            let config = gateway.world();
            let Some(hook) = config.hooks.iter().find(|it| it.name == name) else {
                return Outcome::failed("it is not configured any more", Verdict::Refused);
            };
            match runner::command(gateway, hook, delivery, &deps.random).await {
                Ok(command) => program(deps.runner.run(command).await),
                Err(error) => Outcome::failed(error, Verdict::Later(None)),
            }
        }
        EndpointKind::Folder => {
            let config = gateway.world();
            let name = endpoint.id.trim_start_matches("folder:");
            let Some(folder) = config.folders.iter().find(|it| it.name == name) else {
                return Outcome::failed("it is not configured any more", Verdict::Refused);
            };
            match folder::deliver(gateway, folder, delivery).await {
                Ok(()) => {
                    Outcome { status: None, error: None, response: None, verdict: Verdict::Taken }
                }
                Err(why) => Outcome::failed(why, Verdict::Later(None)),
            }
        }
        EndpointKind::Mail => mail_to(gateway, endpoint, delivery).await,
    }
}

/// The address behind an endpoint.
fn addressee<'a>(config: &'a WorldConfig, id: &str) -> Option<(&'a MailConfig, &'a str)> {
    config.mails.iter().find_map(|mail| {
        let to = mail.to.iter().find(|to| mail::endpoint_id(&mail.name, to) == id)?;
        Some((mail, to.as_str()))
    })
}

async fn mail_to(gateway: &Gateway, endpoint: &Endpoint, delivery: &Delivery) -> Outcome {
    let config = gateway.world();
    let (Some(smtp), Some((mail, to))) = (&config.smtp, addressee(&config, &endpoint.id)) else {
        return Outcome::failed("it is not configured any more", Verdict::Refused);
    };
    match mail::deliver(gateway, smtp, mail, to, delivery).await {
        Ok((code, said)) => Outcome {
            status: Some(code.into()),
            error: None,
            response: Some(said),
            verdict: Verdict::Taken,
        },
        Err(error) => {
            let verdict = if error.is_final { Verdict::Refused } else { Verdict::Later(None) };
            Outcome { status: error.code.map(Into::into), ..Outcome::failed(error.reason, verdict) }
        }
    }
}

async fn webhook(deps: &Deps, endpoint: &Endpoint, delivery: &Delivery, at: Timestamp) -> Outcome {
    let former = endpoint.former_secret.as_ref().filter(|(_, until)| *until > at);
    let keys = [Some(&endpoint.secret[..]), former.map(|(key, _)| &key[..])];
    let request = HookRequest {
        url: endpoint.url.clone().unwrap_or_default(),
        id: delivery.event_id.clone(),
        at,
        signature: sign(keys.into_iter().flatten(), &delivery.event_id, at, &delivery.body),
        body: delivery.body.clone(),
    };
    match deps.client.post(request).await {
        Ok(answer) => {
            let status = i32::from(answer.status);
            let (verdict, error) = match answer.status {
                200..=299 => (Verdict::Taken, None),
                410 => (Verdict::Gone, Some("410: it wants no events any more".to_owned())),
                300..=399 => (
                    Verdict::Later(None),
                    Some(format!(
                        "{status}: redirects are not followed{}; give the URL that it leads to",
                        answer.location.map_or_else(String::new, |to| format!(" (to {to})"))
                    )),
                ),
                _ => (
                    Verdict::Later(answer.retry_after),
                    Some(format!("{status}: anything but 2xx counts as not taken")),
                ),
            };
            Outcome { status: Some(status), error, response: Some(answer.body), verdict }
        }
        Err(HookError(reason)) => Outcome::failed(reason, Verdict::Later(None)),
    }
}

fn program(exit: Result<runner::HookExit, String>) -> Outcome {
    match exit {
        Ok(exit) => {
            let (verdict, error) = match exit.code {
                Some(0) => (Verdict::Taken, None),
                Some(EX_TEMPFAIL) => {
                    (Verdict::Later(None), Some("exit code 75: it asks for another try".to_owned()))
                }
                Some(code) => (Verdict::Refused, Some(format!("exit code {code}"))),
                None => (
                    Verdict::Later(None),
                    Some("it took too long or was killed, with all it had started".to_owned()),
                ),
            };
            Outcome { status: exit.code, error, response: Some(exit.output), verdict }
        }
        Err(reason) => Outcome::failed(reason, Verdict::Later(None)),
    }
}

impl Outcome {
    fn failed(error: impl Into<String>, verdict: Verdict) -> Self {
        Self { status: None, error: Some(error.into()), response: None, verdict }
    }
}

async fn settle(
    gateway: &Gateway,
    deps: &Deps,
    under_way: &mut UnderWay,
    told: Told,
) -> Result<(), StoreError> {
    let Told { delivery, at, took, outcome } = told;
    under_way.ids.remove(&delivery.id);
    if let Some(busy) = under_way.by_endpoint.get_mut(&delivery.endpoint) {
        *busy = busy.saturating_sub(1);
    }
    let now = deps.clock.now();
    let result = match outcome.verdict {
        Verdict::Taken => AttemptResult::Delivered,
        Verdict::Refused | Verdict::Gone => AttemptResult::Failed,
        Verdict::Later(asked) => schedule::next(delivery.attempts + 1, asked, now, &deps.random)
            .map_or(AttemptResult::Failed, AttemptResult::Retry),
    };
    if let Some(error) = &outcome.error {
        let endpoint = &delivery.endpoint;
        tracing::warn!(%endpoint, event = %delivery.kind, id = %delivery.event_id, %error, "not taken");
    }
    let Outcome { status, error, response, verdict } = outcome;
    let kind = match delivery.endpoint.split_once(':') {
        Some(("hook", _)) => "hook",
        Some(("folder", _)) => "folder",
        Some(_) => "mail",
        None => "webhook",
    };
    let told = match result {
        AttemptResult::Delivered => "delivered",
        AttemptResult::Retry(_) => "retry",
        AttemptResult::Failed => "failed",
    };
    gateway.figures().delivery(kind, told);
    let attempt = Attempt { at, took, status, error: error.clone(), response };
    let store = gateway.store();
    let failing = store.settle_delivery(delivery.id, attempt, result, now).await?;
    match delivery.endpoint.split_once(':') {
        None => {}
        Some(("folder" | "mail", _)) => {
            return watch_over(gateway, &delivery, verdict, error).await;
        }
        // A program that refuses an event is not out of order, and only the configuration removes it.
        Some(_) => return Ok(()),
    }
    let why = match (verdict, failing) {
        (Verdict::Gone, _) => "it answered 410: it wants no events any more".to_owned(),
        (_, Some(since)) if now.since(since) >= DISABLE_AFTER => format!(
            "it has taken nothing since {since}; last: {}",
            error.as_deref().unwrap_or("no answer")
        ),
        _ => return Ok(()),
    };
    if store.disable_endpoint(&delivery.endpoint, why.clone(), now).await? {
        tracing::error!(endpoint = %delivery.endpoint, %why, "a webhook is switched off");
        let fault = Fault {
            layer: "gateway".to_owned(),
            code: "webhook-disabled".to_owned(),
            summary: format!("the webhook {} was switched off: {why}", delivery.endpoint),
            verbatim: error,
            remedy: "mend its receiver, then switch it on with PATCH /api/v1/webhooks/ID and \
                     {\"enabled\": true}; failed deliveries can be told again from its history"
                .to_owned(),
            blame: "caller".to_owned(),
        };
        gateway.raise_alarm(&format!("webhook:{}", delivery.endpoint), &fault).await?;
    }
    Ok(())
}

/// Raises the alarm of a folder that cannot be written into or a mail that does not go out, and ends
/// it with the next that does.
async fn watch_over(
    gateway: &Gateway,
    delivery: &Delivery,
    verdict: Verdict,
    error: Option<String>,
) -> Result<(), StoreError> {
    const CODES: [&str; 3] = ["folder-not-written", "mail-waits", "mail-refused"];
    let scope = &delivery.endpoint;
    let is_mail = scope.starts_with("mail:");
    let code = match verdict {
        Verdict::Taken => {
            for alarm in gateway.alarms().await? {
                if alarm.scope == *scope && CODES.contains(&alarm.code.as_str()) {
                    gateway.clear_alarm(scope, &alarm.code).await?;
                }
            }
            return Ok(());
        }
        Verdict::Later(_) if is_mail && delivery.attempts + 1 < MAIL_PATIENCE => return Ok(()),
        Verdict::Later(_) if is_mail => "mail-waits",
        Verdict::Refused | Verdict::Gone if is_mail => "mail-refused",
        _ => "folder-not-written",
    };
    let why = error.unwrap_or_default();
    let (summary, remedy) = match code {
        "mail-waits" => (
            format!("e-mail does not go out: {why}"),
            "look at [smtp] in the configuration and at the mail server; what waits is tried again",
        ),
        "mail-refused" => (
            format!("the mail server refused an e-mail for good: {why}"),
            "look at the address under [[mail]] and at what the server says; the message itself is in \
             the inbox, and the mail can be told again from the history",
        ),
        _ => (
            format!("what came cannot be written into a folder: {why}"),
            "look at the folder; what waits is tried again",
        ),
    };
    let fault = Fault {
        layer: "gateway".to_owned(),
        code: code.to_owned(),
        summary,
        verbatim: Some(why),
        remedy: remedy.to_owned(),
        blame: "gateway".to_owned(),
    };
    gateway.raise_alarm(scope, &fault).await
}

/// The next change of a modem; what messages have to tell comes by the outbox.
async fn modem_change(
    events: &mut Receiver<Event>,
) -> Result<(Box<ModemView>, Timestamp), RecvError> {
    loop {
        if let Event::Modem { modem, at } = events.recv().await? {
            return Ok((modem, at));
        }
    }
}

fn is_up(modem: &ModemView) -> Option<bool> {
    match modem.condition {
        "ready" | "calling" => Some(true),
        "waiting" | "failed" => Some(false),
        // On its way to one of them.
        _ => None,
    }
}

async fn tell_modems(gateway: &Gateway, known: &mut BTreeMap<String, bool>, clock: &Clock) {
    for modem in gateway.modems() {
        tell_modem(gateway, known, &modem, clock.now()).await;
    }
}

async fn tell_modem(
    gateway: &Gateway,
    known: &mut BTreeMap<String, bool>,
    modem: &ModemView,
    at: Timestamp,
) {
    if let Some(news) = modem_news(known, modem, at)
        && let Err(error) = gateway.store().tell_world(news).await
    {
        tracing::error!(%error, "an event is lost, since the store fails");
    }
}

fn modem_news(
    known: &mut BTreeMap<String, bool>,
    modem: &ModemView,
    at: Timestamp,
) -> Option<NewEvent> {
    let up = is_up(modem)?;
    if known.insert(modem.name.clone(), up) == Some(up) {
        return None;
    }
    let data = json!({ "modem": {
        "name": modem.name, "condition": modem.condition, "fault": modem.fault,
    } });
    Some(NewEvent {
        at,
        kind: if up { "modem.up" } else { "modem.down" },
        message: None,
        recipient: None,
        data: Some(data.to_string()),
        endpoint: None,
    })
}
