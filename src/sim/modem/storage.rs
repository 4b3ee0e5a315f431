//! Message storages SM and ME, and MT, which is both of them (3GPP TS 27.005 clauses 3.1 and
//! 3.2.2).

use bytes::Bytes;

use super::ModemConfig;
use super::state::State;

/// Where messages lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mem {
    /// The SIM.
    Sm,
    /// The modem's own memory.
    Me,
    /// Both; the modem's own comes behind the SIM.
    Mt,
}

impl Mem {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sm => "SM",
            Self::Me => "ME",
            Self::Mt => "MT",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            // SIMCom's "preferred" storages are the same places under other names.
            "SM" | "SM_P" => Some(Self::Sm),
            "ME" | "ME_P" => Some(Self::Me),
            "MT" => Some(Self::Mt),
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

impl Status {
    pub(super) const ALL: [Self; 4] = [Self::Unread, Self::Read, Self::Unsent, Self::Sent];

    /// As text mode shows it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Unread => "REC UNREAD",
            Self::Read => "REC READ",
            Self::Unsent => "STO UNSENT",
            Self::Sent => "STO SENT",
        }
    }

    pub(super) fn from_words(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.words() == words)
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u32 == number)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) status: Status,
    /// The TPDU without its SMSC address.
    pub(super) tpdu: Bytes,
    /// Number of the service centre; empty: none was given.
    pub(super) centre: String,
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
}

impl ModemConfig {
    /// What `+CPMS=?` offers.
    pub(super) fn storages(&self) -> Vec<Mem> {
        let mut storages = vec![Mem::Sm];
        if self.me_capacity > 0 || !self.hides_empty_me {
            storages.push(Mem::Me);
        }
        if self.offers_mt {
            storages.push(Mem::Mt);
        }
        storages
    }
}

impl State {
    fn storage(&mut self, mem: Mem) -> &mut Storage {
        match mem {
            Mem::Sm | Mem::Mt => &mut self.sm,
            Mem::Me => &mut self.me,
        }
    }

    pub(super) fn used(&self, mem: Mem) -> usize {
        match mem {
            Mem::Sm => self.sm.used(),
            Mem::Me => self.me.used(),
            Mem::Mt => self.sm.used() + self.me.used(),
        }
    }

    pub(super) fn total(&self, mem: Mem) -> usize {
        match mem {
            Mem::Sm => self.sm.total(),
            Mem::Me => self.me.total(),
            Mem::Mt => self.sm.total() + self.me.total(),
        }
    }

    /// The storage and its index that an index of `mem` means, when it is one.
    pub(super) fn place_of(&self, mem: Mem, index: usize) -> Option<(Mem, usize)> {
        let behind = self.sm.total();
        match mem {
            Mem::Mt if self.sm.has_index(index) => Some((Mem::Sm, index)),
            Mem::Mt => {
                let index = index.checked_sub(behind)?;
                self.me.has_index(index).then_some((Mem::Me, index))
            }
            Mem::Sm => self.sm.has_index(index).then_some((mem, index)),
            Mem::Me => self.me.has_index(index).then_some((mem, index)),
        }
    }

    /// Stores a message: where it is announced and its index there; nothing when full.
    pub(super) fn put(&mut self, mem: Mem, message: Stored) -> Option<(Mem, usize)> {
        if mem != Mem::Mt {
            return self.storage(mem).put(message).map(|index| (mem, index));
        }
        let behind = self.sm.total();
        if let Some(index) = self.sm.put(message.clone()) {
            return Some((Mem::Mt, index));
        }
        self.me.put(message).map(|index| (Mem::Mt, index + behind))
    }

    pub(super) fn message_at(&mut self, mem: Mem, index: usize) -> Option<&mut Stored> {
        let (mem, index) = self.place_of(mem, index)?;
        self.storage(mem).at(index)
    }

    pub(super) fn delete(&mut self, mem: Mem, index: usize) {
        if let Some((mem, index)) = self.place_of(mem, index) {
            self.storage(mem).delete(index);
        }
    }

    pub(super) fn retain(&mut self, mem: Mem, keep: impl Fn(&Stored) -> bool) {
        if mem != Mem::Me {
            self.sm.retain(&keep);
        }
        if mem != Mem::Sm {
            self.me.retain(&keep);
        }
    }

    /// Index and message, ascending.
    pub(super) fn messages(&mut self, mem: Mem) -> impl Iterator<Item = (usize, &mut Stored)> {
        let behind = if mem == Mem::Mt { self.sm.total() } else { 0 };
        let sm = (mem != Mem::Me).then(|| self.sm.iter_mut());
        let me = (mem != Mem::Sm).then(|| self.me.iter_mut());
        sm.into_iter()
            .flatten()
            .chain(me.into_iter().flatten().map(move |(index, stored)| (index + behind, stored)))
    }

    /// The highest index.
    pub(super) fn last_index(&self, mem: Mem) -> usize {
        (self.sm.first + self.total(mem)).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Stored {
        Stored { status: Status::Unread, tpdu: Bytes::from_static(&[4]), centre: String::new() }
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
