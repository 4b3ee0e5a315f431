//! Message storages SM and ME (3GPP TS 27.005 clauses 3.1 and 3.2.2).

use bytes::Bytes;

/// Where messages lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mem {
    /// The SIM.
    Sm,
    /// The modem's own memory.
    Me,
}

impl Mem {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sm => "SM",
            Self::Me => "ME",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "SM" => Some(Self::Sm),
            "ME" => Some(Self::Me),
            _ => None,
        }
    }
}

/// `<stat>` of a stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Unread = 0,
    Read = 1,
    Unsent = 2,
    Sent = 3,
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) status: Status,
    /// The TPDU without its SMSC address.
    pub(super) tpdu: Bytes,
}

/// One storage; the indices go from `first` to `first + capacity - 1`.
#[derive(Debug, Clone)]
pub(super) struct Storage {
    first: usize,
    slots: Vec<Option<Stored>>,
}

impl Storage {
    pub(super) fn new(first: usize, capacity: usize) -> Self {
        Self { first, slots: vec![None; capacity] }
    }

    pub(super) fn used(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    pub(super) fn total(&self) -> usize {
        self.slots.len()
    }

    /// Takes the lowest free index; nothing when full.
    pub(super) fn put(&mut self, message: Stored) -> Option<usize> {
        let free = self.slots.iter().position(Option::is_none)?;
        *self.slots.get_mut(free)? = Some(message);
        Some(self.first + free)
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut Stored> {
        self.slots.get_mut(index.checked_sub(self.first)?)?.as_mut()
    }

    pub(super) fn has_index(&self, index: usize) -> bool {
        index.checked_sub(self.first).is_some_and(|at| at < self.slots.len())
    }

    pub(super) fn delete(&mut self, index: usize) -> bool {
        let slot = index.checked_sub(self.first).and_then(|at| self.slots.get_mut(at));
        slot.is_some_and(|slot| slot.take().is_some())
    }

    /// Index and message, ascending.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Stored)> {
        let first = self.first;
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(move |(at, slot)| slot.as_mut().map(|stored| (first + at, stored)))
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Stored) -> bool) {
        for slot in &mut self.slots {
            if slot.as_ref().is_some_and(|stored| !keep(stored)) {
                *slot = None;
            }
        }
    }

    pub(super) fn first_index(&self) -> usize {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Stored {
        Stored { status: Status::Unread, tpdu: Bytes::from_static(&[4]) }
    }

    #[test]
    fn freed_index_is_used_again_and_a_full_storage_takes_nothing() {
        let mut storage = Storage::new(0, 2);
        assert_eq!(storage.put(message()), Some(0));
        assert_eq!(storage.put(message()), Some(1));
        assert_eq!(storage.put(message()), None);
        assert!(storage.delete(0));
        assert!(!storage.delete(0));
        assert_eq!(storage.put(message()), Some(0));
        assert!(!storage.has_index(2));
    }

    #[test]
    fn first_index_may_be_one() {
        let mut storage = Storage::new(1, 3);
        assert_eq!(storage.put(message()), Some(1));
        assert!(storage.at(0).is_none());
        assert!(storage.at(1).is_some());
    }
}
