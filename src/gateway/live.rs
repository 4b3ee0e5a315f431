//! A part of the configuration that may be replaced while the gateway runs.

use std::sync::{Arc, PoisonError, RwLock};

/// Shared by all who go by it; each takes it anew for each decision.
#[derive(Debug)]
pub(super) struct Live<T>(Arc<RwLock<Arc<T>>>);

impl<T> Live<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// As it is now; it does not change in the caller's hand.
    pub(super) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this holds.
    pub(super) fn set(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_clone_sees_the_new_value_and_a_decision_keeps_the_old_one() {
        let (one, decided) = (Live::new(1), Live::new(1).get());
        let other = one.clone();
        one.set(2);
        assert_eq!((*other.get(), *decided), (2, 1));
    }
}
