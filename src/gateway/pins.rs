//! The modems' memory of PINs, in the store.

use crate::model::Clock;
use crate::model::redact::Secret;
use crate::modem::{PinAnswer, PinFate, PinMemory};
use crate::store::{PinBook, PinRecord};

/// Writes into the store what became of PINs.
pub(super) struct StoredPins {
    pub(super) book: PinBook,
    pub(super) clock: Clock,
}

impl PinMemory for StoredPins {
    fn fate<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, Option<PinFate>> {
        Box::pin(async move {
            let record = self.book.look_up(sim, pin).await.map_err(|error| error.to_string())?;
            Ok(record.map(|record| match record {
                PinRecord::Sent => PinFate::Sent,
                PinRecord::Refused => PinFate::Refused,
                PinRecord::Others(count) => PinFate::Others(count),
                PinRecord::Untold => PinFate::Untold,
            }))
        })
    }

    fn note<'a>(&'a self, sim: &'a str, pin: &'a Secret, fate: PinFate) -> PinAnswer<'a, ()> {
        let refused = fate == PinFate::Refused;
        Box::pin(async move {
            let noted = self.book.note(sim, pin, refused, self.clock.now()).await;
            noted.map_err(|error| error.to_string())
        })
    }

    fn forget<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, ()> {
        Box::pin(async move { self.book.forget(sim, pin).await.map_err(|error| error.to_string()) })
    }
}
