//! How often each behaviour group, and each fault, has shown.

use std::collections::HashMap;
use std::mem::Discriminant;

use super::Fault;

/// How many behaviour groups there are.
pub const GROUPS: u8 = 27;

/// What each group is about, the first one first.
const NAMES: [&str; GROUPS as usize] = [
    "echo",
    "replies split and joined",
    "reply delays",
    "places of unsolicited codes",
    "floods and banners",
    "line ends",
    "final results",
    "joined commands",
    "SMS prompt",
    "SIM and PIN states",
    "registration",
    "SMS storages",
    "SMS indications",
    "SMS lists",
    "direct delivery and classes",
    "SMS parts and reports",
    "PDP contexts",
    "dialling",
    "PPP server",
    "leaving data mode",
    "calls that end or stall",
    "second port",
    "multiplexing",
    "flow control, speed and loss",
    "resets",
    "clocks",
    "proxy and MMSC",
];

/// What a group is about, in a few words; nothing for a number that is no group.
#[must_use]
pub fn group_name(group: u8) -> &'static str {
    let index = usize::from(group).checked_sub(1);
    index.and_then(|index| NAMES.get(index)).copied().unwrap_or_default()
}

/// Counts of what has shown.
#[derive(Debug, Clone, Default)]
pub struct Fired(HashMap<Discriminant<Fault>, Count>);

#[derive(Debug, Clone)]
struct Count {
    group: u8,
    name: String,
    times: u64,
}

impl Fired {
    /// How often a group has shown.
    #[must_use]
    pub fn of_group(&self, group: u8) -> u64 {
        self.0.values().filter(|count| count.group == group).map(|count| count.times).sum()
    }

    /// The groups that have not shown, ascending.
    #[must_use]
    pub fn never(&self) -> Vec<u8> {
        (1..=GROUPS).filter(|group| self.of_group(*group) == 0).collect()
    }

    /// How often each fault has shown, by its kebab-case name.
    #[must_use]
    pub fn by_name(&self) -> std::collections::BTreeMap<String, u64> {
        self.0.values().map(|count| (count.name.clone(), count.times)).collect()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.0 {
            self.0
                .entry(*kind)
                .and_modify(|own| own.times += count.times)
                .or_insert_with(|| count.clone());
        }
    }

    pub(super) fn count(&mut self, fault: &Fault) {
        self.0
            .entry(std::mem::discriminant(fault))
            .or_insert_with(|| Count { group: fault.group(), name: fault.name(), times: 0 })
            .times += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_two_runs_add_up_and_silent_groups_are_named() {
        let (mut one, mut two) = (Fired::default(), Fired::default());
        one.count(&Fault::SimBusy {});
        two.count(&Fault::SimBusy {});
        two.count(&Fault::SimMissing {});
        one.add(&two);
        assert_eq!(one.of_group(10), 3);
        assert_eq!(one.never().len(), usize::from(GROUPS) - 1);
        assert_eq!(group_name(10), "SIM and PIN states");
        assert_eq!((group_name(0), group_name(28)), ("", ""));
    }
}
