//! What the gateway tells while it runs, and a modem as people see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use super::data_use::DataView;
use super::modem_view::{PortSharing, SimView, StorageView};
use crate::model::{Clock, Direction, Fault, Kind, MessageId, Stage, State, Timestamp};
use crate::modem::{RecoveryCounts, RecoveryStep, Registration, Rung, UnreadableSms};
use crate::store::Change;

/// Events kept for a slow listener before it loses the oldest.
const BACKLOG: usize = 1024;

/// What happens while the gateway runs, for pages, terminals and hooks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A message reached a state.
    State {
        /// When.
        at: Timestamp,
        /// Which message.
        id: MessageId,
        /// What carries it.
        kind: Kind,
        /// Which way it goes.
        direction: Direction,
        /// The state reached.
        state: State,
        /// It was on the SIM before the gateway first saw that SIM: to be shown, but no news for
        /// whatever answers messages.
        historic: bool,
    },
    /// A step on the way.
    Stage {
        /// When.
        at: Timestamp,
        /// The modem's name.
        modem: String,
        /// The message it is about, when it is about one.
        id: Option<MessageId>,
        /// The step.
        stage: Stage,
    },
    /// A modem's condition changed.
    Modem {
        /// When.
        at: Timestamp,
        /// Its condition now.
        modem: Box<ModemView>,
    },
    /// Something that a person has to see to began or is over.
    Alarm {
        /// When.
        at: Timestamp,
        /// The fault's code.
        code: String,
        /// What it is about: `gateway`, `modem:NAME`, `webhook:ID`.
        scope: String,
        /// It began; otherwise it is over.
        raised: bool,
        /// What is, or was, wrong.
        fault: Box<Fault>,
    },
}

impl Event {
    /// That a message reached a state.
    pub(super) fn state_at(change: &Change, at: Timestamp) -> Self {
        Self::State {
            at,
            id: change.id.clone(),
            kind: change.kind,
            direction: change.direction,
            state: change.state,
            historic: change.historic,
        }
    }
}

/// A modem as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemView {
    /// Its name in the configuration.
    pub name: String,
    /// Whether the operator's settings for MMS are configured; without them it carries plain SMS.
    pub mms: bool,
    /// `starting`, `ready`, `calling`, `recovering` (see `rung`), `waiting` (for the next attempt
    /// or for the device to come back, see `until`), `failed` (a person must act, see `fault`; it
    /// is tried again all the same).
    pub condition: &'static str,
    /// Since when it is in this condition.
    pub since: Timestamp,
    /// What is being done to bring it back; only while `recovering`.
    pub rung: Option<Rung>,
    /// The next attempt at the latest; only while `waiting` or `failed`.
    pub until: Option<Timestamp>,
    /// The operator's name as the network tells it.
    pub operator: Option<String>,
    /// Signal in dBm.
    pub signal_dbm: Option<i16>,
    /// Registration with the network; none before it is known.
    pub registration: Option<Registration>,
    /// Maker, model and firmware as the modem tells them, empty when it does not.
    pub device: DeviceView,
    /// The SIM in it; none before it is known.
    pub sim: Option<SimView>,
    /// Its SMS storages, as it last told.
    pub storages: Vec<StorageView>,
    /// Messages that stay in the modem because it does not give them out.
    pub unreadable: Vec<UnreadableSms>,
    /// What its SIM has used of the month's data; none before the SIM is known.
    pub data: Option<DataView>,
    /// Data calls since the start, and octets that they sent and received.
    pub calls: (u64, u64, u64),
    /// What is wrong, when something is.
    pub fault: Option<Fault>,
    /// The last thing that went wrong with the modem or its calls and when, kept after it is over.
    pub last_error: Option<(Timestamp, Fault)>,
    /// What was done to bring it back, oldest first; at most [`crate::modem::MAX_STEPS`].
    pub steps: Vec<RecoveryStep>,
    /// The same in numbers, since the start.
    pub recovery: RecoveryCounts,
    /// Octets written to and read from its ports since the start.
    pub octets: (u64, u64),
}

/// What a modem is, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceView {
    /// `+CGMI`
    pub manufacturer: String,
    /// `+CGMM`
    pub model: String,
    /// `+CGMR`
    pub revision: String,
    /// The profile in use.
    pub profile: String,
    /// Why this profile: configured, matched, or the fall-back.
    pub profile_reason: String,
    /// Whether the profile rests on the record of a real modem.
    pub profile_verified: bool,
    /// How commands and data calls share its ports; none before that is known.
    pub sharing: Option<PortSharing>,
    /// The ports as they are called now, the one for commands first; empty while it is out of
    /// service.
    pub ports: Vec<String>,
}

/// Where events are told; clones tell the same listeners.
#[derive(Debug, Clone)]
pub(super) struct Events {
    sender: broadcast::Sender<Event>,
    /// Hears everything from the beginning, for the first one who wants that.
    unheard: Arc<Mutex<Option<broadcast::Receiver<Event>>>>,
    clock: Clock,
    counts: Arc<Mutex<BTreeMap<Outcome, u64>>>,
}

/// What is counted of messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// Which way.
    pub direction: Direction,
    /// What carried it.
    pub kind: Kind,
    /// The state reached, one in which nothing more happens by itself.
    pub result: &'static str,
    /// The configured route that it went by, where there is one; `other` beyond 256 names.
    pub route: Option<String>,
}

/// Names of routes that are counted apart: all that a configuration may have, several times over, since
/// they change while the gateway runs.
pub(super) const MOST_ROUTES: usize = 256;

/// What stands for the names beyond.
pub(super) const OTHER_ROUTES: &str = "other";

impl Events {
    pub(super) fn new(clock: Clock) -> Self {
        let (sender, unheard) = broadcast::channel(BACKLOG);
        let unheard = Arc::new(Mutex::new(Some(unheard)));
        Self { sender, unheard, clock, counts: Arc::default() }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// With what was told before, for the first one who asks.
    pub(super) fn subscribe_from_start(&self) -> broadcast::Receiver<Event> {
        let unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner).take();
        unheard.unwrap_or_else(|| self.sender.subscribe())
    }

    /// How many messages reached each outcome since the start.
    pub(super) fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn change(&self, change: &Change) {
        if change.entered && change.kind.is_settled(change.state) {
            let mut outcome = Outcome {
                direction: change.direction,
                kind: change.kind,
                result: change.state.as_str(),
                route: change.route.clone(),
            };
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            if outcome.route.is_some() && !counts.contains_key(&outcome) {
                let known: BTreeSet<&String> =
                    counts.keys().filter_map(|known| known.route.as_ref()).collect();
                if known.len() >= MOST_ROUTES && !outcome.route.iter().all(|it| known.contains(it))
                {
                    outcome.route = Some(OTHER_ROUTES.to_owned());
                }
            }
            *counts.entry(outcome).or_default() += 1;
        }
        self.send(Event::state_at(change, self.clock.now()));
    }

    pub(super) fn changes<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) {
        for change in changes {
            self.change(change);
        }
    }

    pub(super) fn stage(&self, modem: &str, id: Option<&MessageId>, stage: Stage) {
        self.send(Event::Stage {
            at: self.clock.now(),
            modem: modem.to_owned(),
            id: id.cloned(),
            stage,
        });
    }

    pub(super) fn modem(&self, modem: ModemView) {
        self.send(Event::Modem { at: self.clock.now(), modem: Box::new(modem) });
    }

    pub(super) fn alarm(&self, scope: &str, fault: &Fault, raised: bool) {
        self.send(Event::Alarm {
            at: self.clock.now(),
            code: fault.code.clone(),
            scope: scope.to_owned(),
            raised,
            fault: Box::new(fault.clone()),
        });
    }

    fn send(&self, event: Event) {
        // Nobody listening is no error.
        let _ = self.sender.send(event);
    }
}
