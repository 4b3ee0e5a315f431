//! What carries a SIM's messages: a data call of ours, or an interface that the system has brought
//! up for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bearer::{Bearer, Carried};
use crate::mm1::TransportError;
use crate::model::{Blame, Explain, Fault, Layer, Retry};
use crate::modem::{DataCall, ModemError};
use crate::net::pump::LineCounters;
use crate::net::system::System;
use crate::net::{Net, NetError};

/// How often the line is listened to.
const LISTEN: Duration = Duration::from_secs(1);

/// IP for the messages of one SIM.
pub(super) enum Carrier {
    Call(Bearer<DataCall>),
    Interface(Arc<System>),
}

/// What a carrier has carried since it is used.
pub(super) enum Counter {
    Call(Carried),
    /// The interface is the SIM's: what others send over it counts too.
    Interface {
        system: Arc<System>,
        /// What its counters showed at the beginning.
        before: (u64, u64),
    },
}

impl Counter {
    /// Octets sent and received.
    pub(super) fn octets(&self) -> (u64, u64) {
        match self {
            Self::Call(carried) => carried.octets(),
            Self::Interface { system, before } => {
                let (sent, received) = system.octets();
                (sent.saturating_sub(before.0), received.saturating_sub(before.1))
            }
        }
    }
}

impl Carrier {
    pub(super) fn net(&self) -> Arc<dyn Net> {
        match self {
            Self::Call(bearer) => bearer.net(),
            Self::Interface(system) => Arc::clone(system) as Arc<dyn Net>,
        }
    }

    /// Counts from now on what counts as data.
    pub(super) fn counter(&self) -> Counter {
        match self {
            Self::Call(bearer) => Counter::Call(bearer.carried()),
            Self::Interface(system) => {
                Counter::Interface { system: Arc::clone(system), before: system.octets() }
            }
        }
    }

    /// Waits until it ends by itself.
    pub(super) async fn closed(&self) -> Fault {
        match self {
            Self::Call(bearer) => bearer.closed().await.to_fault(),
            Self::Interface(system) => NoInterface::from(system.gone().await).to_fault(),
        }
    }

    /// Whether a port is busy with it.
    pub(super) const fn is_call(&self) -> bool {
        matches!(self, Self::Call(_))
    }

    /// Ends what is ours to end.
    pub(super) async fn down(self) -> Result<(), ModemError> {
        match self {
            Self::Call(bearer) => bearer.down().await.hang_up().await,
            Self::Interface(_) => Ok(()),
        }
    }
}

/// The system's interface cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoInterface(pub(super) TransportError);

impl From<NetError> for NoInterface {
    fn from(error: NetError) -> Self {
        Self(TransportError::Net(error))
    }
}

impl Explain for NoInterface {
    fn layer(&self) -> Layer {
        Layer::Bearer
    }

    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn retry(&self) -> Retry {
        Retry::Soon
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        self.0.remedy()
    }
}

/// How long nothing has come over the line of a call. An interface of the system is none of ours to
/// hang up.
pub(super) struct Silence {
    counters: Option<LineCounters>,
    received: u64,
    since: Instant,
}

impl Silence {
    pub(super) fn of(carrier: &Carrier) -> Self {
        let counters = match carrier {
            Carrier::Call(bearer) => Some(bearer.counters()),
            Carrier::Interface(_) => None,
        };
        let received = counters.as_ref().map_or(0, LineCounters::received);
        Self { received, since: Instant::now(), counters }
    }

    /// Never ends.
    pub(super) async fn listen(&mut self) {
        loop {
            tokio::time::sleep(LISTEN).await;
            let Some(counters) = &self.counters else { continue };
            let received = counters.received();
            if std::mem::replace(&mut self.received, received) != received {
                self.since = Instant::now();
            }
        }
    }

    pub(super) fn length(&self) -> Duration {
        match &self.counters {
            Some(counters) if counters.received() == self.received => self.since.elapsed(),
            _ => Duration::ZERO,
        }
    }
}
