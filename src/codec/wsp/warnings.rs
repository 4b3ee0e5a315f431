//! What the decoders of WAP-230 and OMA-TS-MMS_ENC values forgave, in a list that no input can make
//! grow without end.

use crate::codec::Warning;

/// Most warnings kept for one input. A PDU that needs more is garbage; the first ones tell enough.
pub const MAX_WARNINGS: usize = 128;

/// Collects [`Warning`]s while decoding.
#[derive(Debug, Default)]
pub struct Warnings(Vec<Warning>);

impl Warnings {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes that `field` at `offset` was odd and understood; beyond [`MAX_WARNINGS`] nothing is kept.
    pub fn note(&mut self, field: &str, offset: usize, text: impl Into<String>) {
        if self.0.len() < MAX_WARNINGS {
            self.0.push(Warning::forgiven(field, offset, text));
        }
    }

    /// Notes that `field` at `offset` could not be understood; the last of [`MAX_WARNINGS`] places is
    /// kept for such a one.
    pub fn not_understood(&mut self, field: &str, offset: usize, text: impl Into<String>) {
        let warning = Warning::not_understood(field, offset, text);
        if self.0.len() < MAX_WARNINGS {
            self.0.push(warning);
        } else if self.0.iter().all(|warning| warning.understood)
            && let Some(last) = self.0.last_mut()
        {
            *last = warning;
        }
    }

    /// Whether nothing remained without meaning.
    pub(super) fn all_understood(&self) -> bool {
        self.0.iter().all(|warning| warning.understood)
    }

    /// The warnings in the order of their offsets.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<Warning> {
        self.0.sort_by_key(|warning| warning.offset);
        self.0
    }
}
