//! Policy: which job, on which modem, when; the life of a message; limits; events.
//!
//! May use: every room named before it.
//!
//! `accept` makes a message durable and answers. One worker a modem (`line`) claims what is due
//! (`outbound`, `inbound`), shares one data call among all of it and records every outcome
//! before anything is acknowledged. `reader` takes short messages
//! from the modem and `push` files them. `policy` and `schedule` decide, without I/O.

mod accept;
mod accept_text;
mod alarms;
mod breaker;
mod calling;
mod carrier;
mod clock;
pub mod config;
mod data_use;
mod encode;
mod error;
mod events;
mod failover;
mod figures;
mod forward;
mod gate;
mod inbound;
mod limits;
mod line;
mod live;
mod loss;
mod modem_view;
mod opt_out;
mod outbound;
mod pausing;
mod pins;
mod plan;
mod policy;
mod push;
mod quiet;
mod reader;
mod reload;
mod retrieval;
mod routing;
mod schedule;
mod set_up;
mod shift;
mod sim_name;
mod test_text;
mod texts;
mod upkeep;
mod way;
mod worker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::codec::sms::Language;
use crate::model::{
    Address, Clock, Explain, InboundState, MessageId, NewMessage, Once, OutboundState, Part,
    Random, StageSink, State, Tap, Timestamp,
};
use crate::modem::usb::UsbBus;
use crate::modem::{PinMemory, PortOpener};
use crate::operators::table::Table;
use crate::store::{
    Acceptance, AccessBook, AckKind, Filter, MessageView, NewAck, Owner, PinBook, Probe, Queue,
    READ_STATUS_READ, Removal, Store, StoreError, Summary,
};
use line::Line;

pub use crate::modem::{RecoveryStep, Registration, Rung, StepResult, UnreadableSms};
pub use accept_text::TextCost;
pub use alarms::{ALARM_GATEWAY, modem_scope};
pub use breaker::BreakerPolicy;
pub use config::{
    ApiPolicy, Config, ConfigError, DataPolicy, FolderConfig, HookConfig, MailConfig, ModemConfig,
    Retention, SendingPolicy, SmtpConfig, SmtpTls, Timing, TlsFiles, WorldConfig, check_event,
};
pub use data_use::{CAP_WARNING_PERCENT, DataView, megabytes};
pub use error::{AcceptError, ActionError, StartError};
pub use events::{DeviceView, Event, ModemView, Outcome};
pub use figures::{Counts, Figures};
pub use gate::OptedOut;
pub use limits::{LIMIT_NAMES, Limits};
pub use modem_view::{PortSharing, STORAGE_ALARM_PERCENT, SimView, StorageView};
pub use opt_out::{START_WORDS, STOP_WORDS, Words};
pub use pausing::{LimitView, MAX_REASON};
pub use quiet::QuietHours;
pub use retrieval::ReceivingPolicy;
pub use routing::{Pattern, SendRoute, Strategy};
pub use test_text::{TEST_LIFE, TestError, TestText};
pub use way::{RouteAnswer, RouteModem, RouteView};

/// What the gateway is handed instead of reaching for it by itself, so that tests can hold time
/// still and put a virtual modem behind the port.
#[derive(Clone)]
pub struct Deps {
    /// Opens serial ports.
    pub ports: Arc<dyn PortOpener>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random numbers.
    pub random: Random,
    /// Sees every octet on the ports.
    pub tap: Arc<dyn Tap>,
    /// Knows what is plugged in.
    pub usb: Arc<dyn UsbBus>,
    /// Watches the store's commits.
    pub probe: Arc<dyn Probe>,
}

/// The running gateway; clones share it.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    core: Core,
    config: Config,
    world: live::Live<WorldConfig>,
    access: AccessBook,
    lines: Vec<Line>,
    stop: CancellationToken,
    tasks: TaskTracker,
    owner: Mutex<Option<Owner>>,
}

/// What every worker shares.
#[derive(Clone)]
struct Core {
    store: Store,
    pins: Arc<dyn PinMemory>,
    clock: Clock,
    random: Random,
    events: events::Events,
    figures: Arc<Figures>,
    timing: Timing,
    data: DataPolicy,
    /// Where settings for MMS are looked up.
    operators: Table<'static>,
    sending: live::Live<SendingPolicy>,
    resend_unknown: bool,
    receiving: live::Live<ReceivingPolicy>,
    /// Languages whose tables a text may use.
    sms_languages: Arc<[Language]>,
    /// Joins the parts of the next long text: another one for each.
    sms_reference: Arc<AtomicU8>,
    /// Who holds it files short messages, or says whose they are.
    filing: Arc<tokio::sync::Mutex<()>>,
    /// Who holds it to read ends what is too late; who holds it to write sets the clock.
    setting_clock: Arc<tokio::sync::RwLock<()>>,
}

impl Core {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Gateway {
    /// Takes the data folder, opens the store, continues what a former run left, and starts one
    /// worker a modem. A modem that cannot be reached is no error here: its worker shows why and
    /// keeps trying.
    ///
    /// # Errors
    /// [`StartError`] when the data folder or the store cannot be used.
    pub async fn start(config: Config, deps: Deps) -> Result<Self, StartError> {
        let dir = config.data_dir.clone();
        let (random, probe) = (deps.random.clone(), Arc::clone(&deps.probe));
        let (owner, store, book) = blocking(move || {
            let owner = Owner::take(&dir)?;
            let store = Store::open_probed(owner.dir(), probe)?;
            let book = PinBook::open(owner.dir(), store.clone(), &random)?;
            Ok::<_, StartError>((owner, store, book))
        })
        .await?;
        let core = Core {
            store,
            pins: Arc::new(pins::StoredPins { book, clock: deps.clock }),
            clock: deps.clock,
            random: deps.random.clone(),
            events: events::Events::new(deps.clock),
            figures: Arc::default(),
            timing: config.timing,
            data: config.data.clone(),
            operators: config.operators,
            sending: live::Live::new(sending(&config)),
            resend_unknown: config.resend_unknown,
            receiving: live::Live::new(config.receiving.clone()),
            sms_languages: config.sms_languages.clone().into(),
            sms_reference: Arc::new(AtomicU8::new(deps.random.array::<1>()[0])),
            filing: Arc::default(),
            setting_clock: Arc::default(),
        };
        let watch = clock::ClockWatch::begin(&core).await?;
        let others = config.others.iter().cloned();
        let names: Vec<String> =
            config.modems.iter().map(|modem| modem.name.clone()).chain(others).collect();
        let lost = policy::Interrupted.to_fault();
        let changes =
            core.store.recover(names.clone(), lost, core.resend_unknown, core.now()).await?;
        if !changes.is_empty() {
            tracing::info!(messages = changes.len(), "continuing what the last run left");
        }
        core.events.changes(&changes);
        let cut = core.store.end_cut_calls().await?;
        if cut > 0 {
            tracing::info!(calls = cut, "data calls of the last run have no end on record");
        }
        // Of SIMs that are in no modem any more, too: nobody else looks at what they left.
        for (sim, modem) in core.store.sims_with_pending().await? {
            if sim_name::modem_of(&sim).is_some_and(|modem| names.iter().any(|it| it == modem)) {
                // Whose they are is told when that modem is ready.
                continue;
            }
            push::Intake { core: core.clone(), modem, sim }.digest(&StageSink::none()).await?;
        }
        let access = AccessBook::open(core.store.clone()).await?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let mut lines = Vec::with_capacity(config.modems.len());
        for modem in &config.modems {
            let line = Line::new(modem.clone(), config.profile_dir.clone(), &core, &deps)?;
            line.recall_set_up().await?;
            tasks.spawn(line.clone().run(stop.clone()));
            lines.push(line);
        }
        if lines.len() > 1 {
            let (core, lines, access) = (core.clone(), lines.clone(), access.clone());
            let failover = failover::Failover { core, lines, access, seen: Mutex::default() };
            tasks.spawn(failover.run(stop.clone()));
        }
        if core.clock.is_followed() {
            tasks.spawn(watch.run(lines.clone(), stop.clone()));
        }
        tasks.close();
        let owner = Mutex::new(Some(owner));
        let world = live::Live::new(config.world.clone());
        let inner = Inner { core, config, world, access, lines, stop, tasks, owner };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes a message; on success it is durable and will be sent.
    ///
    /// # Errors
    /// [`AcceptError`]: nothing was stored.
    pub async fn accept(&self, message: NewMessage) -> Result<MessageId, AcceptError> {
        self.submit(message).await.map(|taken| taken.id)
    }

    /// The same, and tells the state in which it was taken and whether it had been before.
    ///
    /// # Errors
    /// [`AcceptError`]: nothing was stored.
    pub async fn submit(&self, message: NewMessage) -> Result<Acceptance, AcceptError> {
        let inner = Arc::clone(&self.inner);
        to_the_end(async move { accept::accept(&inner.core, &inner.lines, message).await }).await
    }

    /// The message that was taken under this key before.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when something else was, or when the store fails.
    pub async fn taken_before(
        &self,
        account: Option<String>,
        once: Once,
    ) -> Result<Option<Acceptance>, StoreError> {
        self.inner.core.store.taken_before(account, once, self.now()).await
    }

    /// Writes something that means nothing, to see whether the store can be written.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn write_something(&self) -> Result<(), StoreError> {
        self.inner.core.store.write_something(self.now()).await
    }

    /// The number by which a listener that comes back says what it knows.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        self.inner.core.store.last_change().await
    }

    /// The messages that changed after that number or shortly before, as events with their present
    /// state; at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changes_since(&self, number: i64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let changes = self.inner.core.store.changes_since(number, limit).await?;
        Ok(changes.into_iter().map(|(change, at)| Event::state_at(&change, at)).collect())
    }

    /// Who may use the gateway.
    #[must_use]
    pub fn access(&self) -> &AccessBook {
        &self.inner.access
    }

    /// A new token for `add` of the [`AccessBook`]: its id and the whole.
    #[must_use]
    pub fn new_token(&self) -> (String, String) {
        let random = &self.inner.core.random;
        let id = hex::encode(random.array::<4>());
        let secret = URL_SAFE_NO_PAD.encode(random.array::<32>());
        (id.clone(), format!("mm1_{id}_{secret}"))
    }

    /// Counts what a text takes as plain short message.
    #[must_use]
    pub fn text_cost(&self, text: &str) -> TextCost {
        accept_text::cost(text, &self.inner.core.sms_languages)
    }

    /// Whether this account has handed in that message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_of_account(&self, id: &MessageId, account: &str) -> Result<bool, StoreError> {
        self.inner.core.store.is_of_account(id, account).await
    }

    /// Lists messages, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages(&self, filter: Filter) -> Result<Vec<Summary>, StoreError> {
        self.inner.core.store.messages(filter).await
    }

    /// Everything about one message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageView>, StoreError> {
        self.inner.core.store.message(id).await
    }

    /// One part with its octets.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn part(&self, id: &MessageId, index: usize) -> Result<Option<Part>, StoreError> {
        self.inner.core.store.part(id, index).await
    }

    /// Sends an `unknown`, `failed` or `expired` message once more, or fetches a failed one again,
    /// because a person said so.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn retry(&self, id: &MessageId) -> Result<(), ActionError> {
        let (gateway, id) = (self.clone(), id.clone());
        to_the_end(async move { gateway.retry_now(&id).await }).await
    }

    async fn retry_now(&self, id: &MessageId) -> Result<(), ActionError> {
        let core = &self.inner.core;
        let state = self.state(id).await?;
        let until = core.now().plus(core.timing.give_up_after);
        let change = match state {
            State::Out(_) => {
                let modems = self.inner.lines.iter().map(|line| line.config().name.clone());
                core.store.send_again(id, modems.collect(), until, core.now()).await?
            }
            State::In(_) => core.store.fetch_again(id, until, core.now()).await?,
        };
        let reason = match change {
            None => self.why_not(id, why_not_again(state)).await?,
            Some(_) => "",
        };
        self.acted(id, state, change, reason)
    }

    /// Why a message cannot be sent once more, where `usual` is not the reason.
    async fn why_not(
        &self,
        id: &MessageId,
        usual: &'static str,
    ) -> Result<&'static str, ActionError> {
        let view = self.message(id).await?;
        let removed = view.is_some_and(|view| view.summary.parts_removed_at.is_some());
        Ok(if removed { "its content was removed to keep the store in bounds" } else { usual })
    }

    /// Has a message that waits, or that ended without success, sent by the modem of this name: the
    /// recipients see the number of the SIM there.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that, or the modem cannot send it.
    pub async fn send_by(&self, id: &MessageId, modem: &str) -> Result<(), ActionError> {
        let (gateway, id, modem) = (self.clone(), id.clone(), modem.to_owned());
        to_the_end(async move { gateway.send_by_now(&id, &modem).await }).await
    }

    async fn send_by_now(&self, id: &MessageId, modem: &str) -> Result<(), ActionError> {
        let core = &self.inner.core;
        let state = self.state(id).await?;
        self.goes_by_any(id, state).await?;
        let line = accept::named(&self.inner.lines, modem)?;
        let pdus = accept::for_another(core, line, id).await?;
        let until = core.now().plus(core.timing.give_up_after);
        let change = core.store.send_by(id, modem, line.sim(), pdus, until, core.now()).await?;
        let reason = match state {
            State::Out(OutboundState::Queued | OutboundState::Failed | OutboundState::Expired) => {
                "parts of it have left by the other modem"
            }
            State::In(_) => "only a message that is sent goes by another modem",
            state => why_not_again(state),
        };
        let reason = if change.is_none() { self.why_not(id, reason).await? } else { reason };
        self.acted(id, state, change, reason)
    }

    /// Sends a short text to the SIM in the modem of this name, or to `to` where the SIM does not
    /// tell its number: one that works brings it back. It is given up after
    /// [`TEST_LIFE`].
    ///
    /// # Errors
    /// [`TestError`]: nothing was sent.
    pub async fn send_test(&self, modem: &str, to: Option<Address>) -> Result<TestText, TestError> {
        let (gateway, modem) = (self.clone(), modem.to_owned());
        to_the_end(async move {
            test_text::send(&gateway.inner.core, &gateway.inner.lines, &modem, to).await
        })
        .await
    }

    /// Withdraws a message that was not released yet.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn cancel(&self, id: &MessageId) -> Result<(), ActionError> {
        let (gateway, id) = (self.clone(), id.clone());
        to_the_end(async move { gateway.cancel_now(&id).await }).await
    }

    async fn cancel_now(&self, id: &MessageId) -> Result<(), ActionError> {
        let core = &self.inner.core;
        let state = self.state(id).await?;
        let change = core.store.cancel(id, core.now()).await?;
        let reason = match state {
            State::In(_) => "only a message that is sent can be withdrawn",
            State::Out(state) if state.is_settled() => "nothing of it is left to withdraw",
            State::Out(_) => "the network has it already, or it is on the last metres to it",
        };
        self.acted(id, state, change, reason)
    }

    /// Removes a message that is settled, with its parts and its timeline; who has handed it in is
    /// looked at when `account` is given: only that account's messages are.
    ///
    /// # Errors
    /// [`ActionError`] when there is none, or when something is still to happen to it.
    pub async fn remove(&self, id: &MessageId, account: Option<&str>) -> Result<(), ActionError> {
        let state = self.state(id).await?;
        match self.inner.core.store.remove_message(id, account).await? {
            Removal::Removed => Ok(()),
            Removal::NotFound => Err(ActionError::NotFound(id.clone())),
            Removal::UnderWay => Err(ActionError::WrongState {
                id: id.clone(),
                state: state.as_str(),
                reason: match state {
                    State::In(InboundState::Notified | InboundState::Deferred) => {
                        "it lies at the MMSC; reject it first, which is told there"
                    }
                    State::In(InboundState::Rejected) => {
                        "the MMSC is still to be told that it is not wanted; wait"
                    }
                    _ => "something is still to happen to it; cancel it first, or wait",
                },
            }),
        }
    }

    /// Fetches a message that was announced and is not here, because a person said so.
    ///
    /// # Errors
    /// [`ActionError`] when it is one that is sent, or its state does not allow that.
    pub async fn retrieve(&self, id: &MessageId) -> Result<(), ActionError> {
        self.inbound_state(id, "only a message that comes in can be fetched").await?;
        self.retry(id).await
    }

    /// Has the MMSC told that a message which was announced and is not here is not wanted, or has it
    /// deleted there where the operator can do that.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn reject(&self, id: &MessageId) -> Result<(), ActionError> {
        let (gateway, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let reason = "only a message that comes in can be rejected";
            let state = gateway.inbound_state(&id, reason).await?;
            let core = &gateway.inner.core;
            let delete = gateway.deletion(&id).await?;
            let change = core.store.reject(&id, delete, core.now()).await?;
            gateway.acted(&id, state, change, "only what was announced and is not here yet can be")
        })
        .await
    }

    /// Notes that a message that came in was read; its sender is told where that asked for it. True
    /// when a report goes out.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn mark_read(&self, id: &MessageId) -> Result<bool, ActionError> {
        let (gateway, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let state = gateway.inbound_state(&id, "only a message that comes in is read").await?;
            let core = &gateway.inner.core;
            let report = core.receiving.get().delivery_reports.then(|| NewAck {
                kind: AckKind::ReadRec(READ_STATUS_READ),
                transaction_id: String::new(),
            });
            let Some(told) = core.store.mark_read(&id, report, core.now()).await? else {
                let reason = "it is not here";
                return Err(ActionError::WrongState { id, state: state.as_str(), reason });
            };
            gateway.inner.lines.iter().for_each(Line::wake);
            Ok(told)
        })
        .await
    }

    async fn inbound_state(
        &self,
        id: &MessageId,
        reason: &'static str,
    ) -> Result<State, ActionError> {
        match self.state(id).await? {
            state @ State::In(_) => Ok(state),
            state => {
                let id = id.clone();
                Err(ActionError::WrongState { id, state: state.as_str(), reason })
            }
        }
    }

    /// Every configured modem.
    #[must_use]
    pub fn modems(&self) -> Vec<ModemView> {
        self.inner.lines.iter().map(Line::view).collect()
    }

    /// Its store, for those who keep and tell what is no business of the modems.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.core.store
    }

    /// Whether the worker of every modem lives: none ends before the gateway does.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.inner.tasks.len() >= self.inner.lines.len()
    }

    /// Its source of random numbers.
    #[must_use]
    pub fn random(&self) -> &Random {
        &self.inner.core.random
    }

    /// What waits in every queue.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        self.inner.core.store.queues().await
    }

    /// How many messages reached each outcome since the start.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        self.inner.core.events.outcomes()
    }

    /// What is counted since the start.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.inner.core.figures
    }

    /// What time it is for the gateway.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.core.now()
    }

    /// Everything that happens from now on; a slow listener loses the oldest events.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.core.events.subscribe()
    }

    /// The same and everything that has happened since the start began: short messages that the last
    /// run kept and did not file have become messages by then. For one listener, the first to ask.
    #[must_use]
    pub fn subscribe_from_start(&self) -> broadcast::Receiver<Event> {
        self.inner.core.events.subscribe_from_start()
    }

    /// The configuration it was started with; see [`Gateway::world`] for a part that may change.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Whom it tells of what happens, and how long that is kept, as it is now.
    #[must_use]
    pub fn world(&self) -> Arc<WorldConfig> {
        self.inner.world.get()
    }

    /// From now on this holds instead; who tells the world begins anew to see it.
    pub fn set_world(&self, world: WorldConfig) {
        self.inner.world.set(world);
    }

    /// The folder that holds its state.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.config.data_dir
    }

    /// Ends data calls in order, closes ports and gives the data folder back.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.wait().await;
        self.inner.owner.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    async fn state(&self, id: &MessageId) -> Result<State, ActionError> {
        let state = self.inner.core.store.state(id).await?;
        state.ok_or_else(|| ActionError::NotFound(id.clone()))
    }

    fn acted(
        &self,
        id: &MessageId,
        state: State,
        change: Option<crate::store::Change>,
        reason: &'static str,
    ) -> Result<(), ActionError> {
        let Some(change) = change else {
            return Err(ActionError::WrongState { id: id.clone(), state: state.as_str(), reason });
        };
        self.inner.core.events.change(&change);
        self.inner.lines.iter().for_each(Line::wake_now);
        Ok(())
    }
}

/// Who runs one modem by hand goes by that one: the routes' other modems are not here.
fn sending(config: &Config) -> SendingPolicy {
    let mut sending = config.sending.clone();
    if !config.others.is_empty() {
        sending.routes.clear();
    }
    sending
}

/// Why a person's wish to send or fetch something once more is refused.
const fn why_not_again(state: State) -> &'static str {
    match state {
        State::Out(OutboundState::Queued | OutboundState::Sending) => "it is on its way",
        State::Out(OutboundState::Scheduled) => "it waits for its time",
        State::Out(OutboundState::Canceled) => "it was withdrawn",
        State::Out(_) => "the network has it already",
        State::In(InboundState::Notified | InboundState::Retrieving) => "it is on its way",
        State::In(InboundState::Received | InboundState::Acknowledged) => "it is here already",
        State::In(_) => "there is nothing to fetch",
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("data_dir", &self.inner.config.data_dir).finish()
    }
}

/// Does all of it even when the caller goes away in the middle, as HTTP clients do: what is in the
/// store must be told to the workers as well.
async fn to_the_end<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(ending()))
}

/// Runs what blocks on a thread for that.
async fn blocking<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(ending()))
}

fn ending<E: From<StoreError>>() -> E {
    E::from(StoreError::Database {
        path: crate::store::DB_FILE.to_owned(),
        reason: "the program is ending".to_owned(),
    })
}
