//! What people see of a modem's SIM, storages and ports.

use crate::model::redact;
pub use crate::modem::PortSharing;

/// From how full on a storage is worth an alarm, percent: below it there is room for the parts of
/// one long message in the smallest SIMs.
pub const STORAGE_ALARM_PERCENT: u32 = 80;

/// The SIM in a modem, fit for a screen: of each number only its ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SimView {
    /// IMSI, redacted; empty when the modem does not tell.
    pub imsi: String,
    /// ICCID, redacted; empty when the modem does not tell.
    pub iccid: String,
}

impl SimView {
    /// What the modem told.
    #[must_use]
    pub fn of(imsi: &str, iccid: &str) -> Self {
        Self { imsi: redact::number(imsi), iccid: redact::number(iccid) }
    }
}

/// How full an SMS storage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageView {
    /// Its name: `SM`, `ME`, ...
    pub name: String,
    /// Places in use.
    pub used: u32,
    /// Places in all.
    pub total: u32,
}

impl StorageView {
    /// Whether it is so full that somebody should look: nothing arrives any more once it is full.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        self.total > 0 && self.used as u64 * 100 >= self.total as u64 * STORAGE_ALARM_PERCENT as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_alarms_at_eighty_percent() {
        let storage = |used, total| StorageView { name: "SM".to_owned(), used, total };
        assert!(!storage(7, 10).is_alarming());
        assert!(storage(8, 10).is_alarming());
        assert!(storage(10, 10).is_alarming());
        // Modems tell 0/0 for a storage that is not ready.
        assert!(!storage(0, 0).is_alarming());
    }
}
