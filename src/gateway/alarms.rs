//! What a person has to see to: raised and ended here, kept by the store, told as
//! [`Event::Alarm`](super::Event::Alarm).

use super::{Core, Gateway};
use crate::model::Fault;
use crate::store::{Alarm, StoreError};

/// The scope of an alarm that is about the gateway as a whole.
pub const ALARM_GATEWAY: &str = "gateway";

/// The scope of an alarm about one modem.
#[must_use]
pub fn modem_scope(name: &str) -> String {
    format!("modem:{name}")
}

impl Core {
    /// Raises an alarm; told once, however often the same is raised.
    pub(super) async fn raise(&self, scope: &str, fault: &Fault) -> Result<(), StoreError> {
        if self.store.raise_alarm(scope, fault.clone(), self.now()).await? {
            tracing::warn!(%scope, code = %fault.code, "alarm");
            self.events.alarm(scope, fault, true);
        }
        Ok(())
    }

    /// Ends an alarm; told where there was one.
    pub(super) async fn clear(&self, scope: &str, code: &str) -> Result<(), StoreError> {
        if let Some(alarm) = self.store.clear_alarm(code, scope, self.now()).await? {
            tracing::info!(%scope, %code, "alarm is over");
            self.events.alarm(scope, &alarm.fault, false);
        }
        Ok(())
    }
}

impl Gateway {
    /// What a person has to see to now, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.inner.core.store.alarms().await
    }

    /// Raises an alarm for what is outside of the modems: `scope` says what it is about
    /// (`gateway`, `webhook:ID`), the fault's code names it. Raising it again replaces its words
    /// and is told to nobody.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn raise_alarm(&self, scope: &str, fault: &Fault) -> Result<(), StoreError> {
        self.inner.core.raise(scope, fault).await
    }

    /// Ends an alarm, if there is such a one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clear_alarm(&self, scope: &str, code: &str) -> Result<(), StoreError> {
        self.inner.core.clear(scope, code).await
    }
}
