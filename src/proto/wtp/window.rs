//! Which transaction identifiers of a peer are new (WAP-224 clause 7.8.2).

use crate::codec::wtp::Tid;

/// Half of the 15 bits of an identifier: what lies that far ahead of the last one is new.
const WINDOW: u16 = 1 << 14;

/// The last identifier that was accepted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window(Option<u16>);

/// What an identifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It follows the last one.
    New,
    /// It does not, or maybe.
    Doubtful,
    /// Nothing is known.
    First,
}

impl Window {
    pub(super) const fn age(self, tid: Tid) -> Age {
        match self.0 {
            None => Age::First,
            Some(last) => match tid.value().wrapping_sub(last) & 0x7FFF {
                1..WINDOW => Age::New,
                _ => Age::Doubtful,
            },
        }
    }

    /// Remembers an accepted one.
    pub(super) const fn accept(&mut self, tid: Tid) {
        self.0 = Some(tid.value());
    }

    /// Forgets what is known: the peer says that its next one is lower (`TIDnew`).
    pub(super) const fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_ahead_are_new_across_the_wrap() {
        let mut window = Window::default();
        assert_eq!(window.age(Tid(5)), Age::First);
        window.accept(Tid(0x7FFE));
        assert_eq!(window.age(Tid(0x7FFE)), Age::Doubtful);
        assert_eq!(window.age(Tid(0x7FFF)), Age::New);
        assert_eq!(window.age(Tid(0x0003)), Age::New);
        assert_eq!(window.age(Tid(0x3FFD)), Age::New);
        assert_eq!(window.age(Tid(0x3FFE)), Age::Doubtful);
        assert_eq!(window.age(Tid(0x7FFD)), Age::Doubtful);
        window.forget();
        assert_eq!(window.age(Tid(0x7FFD)), Age::First);
    }
}
