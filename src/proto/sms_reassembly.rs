//! Joining concatenated short messages (3GPP TS 23.040 clause 9.2.3.24.1).
//!
//! Pure functions: the store keeps the fragments, so that each can leave the SIM as soon as its
//! copy is durable, and decides how long it waits for the missing ones.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::sms::{Deliver, SmsAddress};
use crate::model::Timestamp;

/// How long the parts of one message may be apart by the service centre's clock, which stamps all
/// of them on acceptance. References wrap around after 256 messages; a part that is older belongs
/// to another message.
pub const SPREAD: Duration = Duration::from_secs(600);

/// Most messages with the same sender, reference and number of parts that a part is compared with,
/// the latest ones: what a sender repeats without end costs no more than its own reading.
pub const MAX_ALIKE: usize = 16;

/// What one SMS-DELIVER is to the reassembly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A whole message by itself.
    Whole(Datagram),
    /// One part of a message.
    Part(Fragment),
}

/// A message's octets and the ports it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// TP-Originating-Address.
    pub originator: SmsAddress,
    /// The port of the application that it is for; none without port addressing.
    pub destination_port: Option<u16>,
    /// The port that it is from.
    pub source_port: Option<u16>,
    /// The user data behind the header.
    pub data: Bytes,
}

/// One part of a message; `sequence` lies between 1 and `total`, and `total` is at least 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// TP-Originating-Address.
    pub originator: SmsAddress,
    /// The same in all parts.
    pub reference: u16,
    /// Whether the reference has 16 bits on the wire: the two kinds are counted apart.
    pub wide: bool,
    /// Parts in all.
    pub total: u8,
    /// This part, from 1.
    pub sequence: u8,
    /// The port of the application that it is for. Some senders give it in the first part only.
    pub destination_port: Option<u16>,
    /// The port that it is from.
    pub source_port: Option<u16>,
    /// The user data behind the header.
    pub data: Bytes,
}

/// Names the message that fragments belong to; its text can be stored and compared.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FragmentKey(String);

/// What fragments of one message give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assembly {
    /// All parts are there.
    Complete(Datagram),
    /// These parts are not.
    Missing(Vec<u8>),
}

impl Piece {
    /// Looks at the header of `deliver`.
    #[must_use]
    pub fn of(deliver: &Deliver) -> Self {
        let ports = deliver.user_data.udh.ports();
        let destination_port = ports.map(|ports| ports.destination);
        let source_port = ports.map(|ports| ports.source);
        let originator = deliver.originator.clone();
        let data = deliver.user_data.octets();
        let Some(concat) = deliver.user_data.udh.concat() else {
            return Self::Whole(Datagram { originator, destination_port, source_port, data });
        };
        let (sequence, total) = (concat.sequence, concat.total);
        if total == 1 {
            return Self::Whole(Datagram { originator, destination_port, source_port, data });
        }
        Self::Part(Fragment {
            originator,
            reference: concat.reference,
            wide: concat.wide,
            total,
            sequence,
            destination_port,
            source_port,
            data,
        })
    }
}

impl Fragment {
    /// The message that this belongs to: sender, reference with its width, and number of parts.
    #[must_use]
    pub fn key(&self) -> FragmentKey {
        let width = if self.wide { 'w' } else { 'n' };
        FragmentKey(format!(
            "{width}{}/{}/{:02x}/{}",
            self.reference, self.total, self.originator.type_of_address, self.originator.text
        ))
    }
}

impl FragmentKey {
    /// A key read back from the store.
    #[must_use]
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text; it holds the sender's number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FragmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::model::redact::digits_in(&self.0))
    }
}

/// Sorts parts with the same key into messages, each in the order of time. `look` tells a part and
/// its time: that of the service centre, or of its arrival where that is unknown.
///
/// Service centres reuse references, and a phone that was off gets many messages at once: stamps
/// further apart than [`SPREAD`], or two different parts with the same number, mean different
/// messages. A part that came twice stays in its message. Linear in the number of parts.
pub fn messages<T>(mut parts: Vec<T>, look: impl Fn(&T) -> (&Fragment, Timestamp)) -> Vec<Vec<T>> {
    /// A message that may still get parts.
    struct Open {
        index: usize,
        latest: Timestamp,
        by_number: BTreeMap<u8, Bytes>,
    }
    // Stable, so that parts with the same stamp stay in the order of their arrival.
    parts.sort_by_key(|part| look(part).1);
    let mut messages: Vec<Vec<T>> = Vec::new();
    let mut open: VecDeque<Open> = VecDeque::new();
    for part in parts {
        let (fragment, at) = look(&part);
        while open.front().is_some_and(|message| at.since(message.latest) > SPREAD) {
            open.pop_front();
        }
        let fits = |message: &&mut Open| {
            let there = message.by_number.get(&fragment.sequence);
            at.since(message.latest) <= SPREAD && there.is_none_or(|data| *data == fragment.data)
        };
        // The nearest in time; of several as near the first, since it has waited longest.
        let nearest = open.iter_mut().filter(fits).min_by_key(|it| at.since(it.latest));
        if let Some(message) = nearest {
            message.latest = at;
            message.by_number.insert(fragment.sequence, fragment.data.clone());
            if let Some(known) = messages.get_mut(message.index) {
                known.push(part);
            }
        } else {
            if open.len() == MAX_ALIKE {
                open.pop_front();
            }
            let by_number = BTreeMap::from([(fragment.sequence, fragment.data.clone())]);
            open.push_back(Open { index: messages.len(), latest: at, by_number });
            messages.push(vec![part]);
        }
    }
    messages
}

/// Joins fragments, given in the order of their arrival. Those of another message than the first
/// one's are passed over. Of two with the same number the later one counts: the earlier is a
/// duplicate, or belongs to an older message with the same reference.
#[must_use]
pub fn assemble(fragments: &[Fragment]) -> Assembly {
    let Some(first) = fragments.first() else { return Assembly::Missing(Vec::new()) };
    let key = first.key();
    let parts: BTreeMap<u8, &Fragment> = fragments
        .iter()
        .filter(|fragment| fragment.key() == key)
        .map(|fragment| (fragment.sequence, fragment))
        .collect();
    let missing: Vec<u8> = (1..=first.total).filter(|number| !parts.contains_key(number)).collect();
    if !missing.is_empty() {
        return Assembly::Missing(missing);
    }
    let wanted = || parts.range(1..=first.total).map(|(_, fragment)| *fragment);
    Assembly::Complete(Datagram {
        originator: first.originator.clone(),
        destination_port: wanted().find_map(|fragment| fragment.destination_port),
        source_port: wanted().find_map(|fragment| fragment.source_port),
        data: wanted().flat_map(|fragment| fragment.data.iter().copied()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sms::{Concat, ConcatReference, Scts, port_addressed_delivers};

    fn fragments(
        sender: &str,
        reference: impl Into<ConcatReference>,
        text: &[u8],
    ) -> Vec<Fragment> {
        let sender = SmsAddress::from_text(sender);
        port_addressed_delivers(text, &sender, 2948, 9200, reference, Scts([0; 7]))
            .unwrap()
            .iter()
            .map(|deliver| match Piece::of(deliver) {
                Piece::Part(fragment) => fragment,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn data_of(fragments: &[Fragment]) -> Option<Bytes> {
        match assemble(fragments) {
            Assembly::Complete(datagram) => Some(datagram.data),
            Assembly::Missing(_) => None,
        }
    }

    #[test]
    fn parts_out_of_order_and_twice_join_once() {
        let text: Vec<u8> = (0..=250).cycle().take(400).collect();
        let parts = fragments("86888", 9_u8, &text);
        let order = [3, 1, 3, 0, 2].map(|index| parts[index].clone());
        assert_eq!(data_of(&order).unwrap(), text);
        assert_eq!(assemble(&order[..3]), Assembly::Missing(vec![1, 3]));
    }

    #[test]
    fn two_senders_with_the_same_reference_stay_apart() {
        let ours = fragments("86888", 9_u8, &[1; 200]);
        let theirs = fragments("86889", 9_u8, &[2; 200]);
        assert_ne!(ours[0].key(), theirs[0].key());
        let mixed = [ours[0].clone(), theirs[1].clone(), theirs[0].clone()];
        assert_eq!(assemble(&mixed), Assembly::Missing(vec![2]));
    }

    #[test]
    fn narrow_and_wide_references_stay_apart() {
        let narrow = fragments("86888", 9_u8, &[1; 200]);
        let wide = fragments("86888", 9_u16, &[2; 200]);
        assert_ne!(narrow[0].key(), wide[0].key());
    }

    #[test]
    fn reused_reference_takes_the_later_part() {
        let old = fragments("86888", 9_u8, &[1; 200]);
        let new = fragments("86888", 9_u8, &[2; 200]);
        let arrived = [old[0].clone(), new[0].clone(), new[1].clone()];
        assert_eq!(data_of(&arrived).unwrap(), vec![2; 200]);
    }

    #[test]
    fn impossible_numbers_are_ignored_and_a_single_part_is_whole() {
        let sender = SmsAddress::from_text("86888");
        let deliver = port_addressed_delivers(&[1; 200], &sender, 2948, 9200, 9_u8, Scts([0; 7]))
            .unwrap()
            .remove(0);
        for (sequence, total) in [(0, 2), (3, 2), (0, 0), (1, 0)] {
            let mut broken = deliver.clone();
            let concat = Concat { reference: 9, wide: false, total, sequence };
            broken.user_data.udh.elements = vec![concat.into()];
            assert!(matches!(Piece::of(&broken), Piece::Whole(_)), "{sequence} of {total}");
        }
        let mut single = deliver;
        let concat = Concat { reference: 9, wide: false, total: 1, sequence: 1 };
        single.user_data.udh.elements = vec![concat.into()];
        assert!(matches!(Piece::of(&single), Piece::Whole(_)));
    }

    /// Parts at their seconds, sorted into messages: how many parts of each, and what it says.
    fn sorted(parts: Vec<(Fragment, i64)>) -> Vec<(usize, Option<Bytes>)> {
        let messages = messages(parts, |(fragment, at)| (fragment, Timestamp::from_secs(*at)));
        let told = |message: Vec<(Fragment, i64)>| {
            let fragments: Vec<Fragment> = message.into_iter().map(|(it, _)| it).collect();
            (fragments.len(), data_of(&fragments))
        };
        messages.into_iter().map(told).collect()
    }

    #[test]
    fn reference_that_wraps_around_belongs_to_another_message() {
        let [old, late] = [[1; 200], [2; 200]].map(|data| fragments("86888", 9_u8, &data));
        let parts = vec![
            (old[0].clone(), 0),
            (late[1].clone(), 3600),
            (old[1].clone(), 5),
            (late[0].clone(), 3601),
        ];
        let expected = vec![(2, Some(Bytes::from(vec![1; 200]))), (2, Some(vec![2; 200].into()))];
        assert_eq!(sorted(parts), expected);
    }

    #[test]
    fn same_part_with_other_data_begins_another_message() {
        let [one, two] = [[1; 200], [2; 200]].map(|data| fragments("86888", 9_u8, &data));
        // Within one second, the parts of both between each other.
        let parts = vec![
            (one[0].clone(), 0),
            (two[0].clone(), 0),
            (one[1].clone(), 0),
            (two[1].clone(), 0),
        ];
        let expected = vec![(2, Some(Bytes::from(vec![1; 200]))), (2, Some(vec![2; 200].into()))];
        assert_eq!(sorted(parts), expected);
    }

    #[test]
    fn part_that_comes_twice_is_a_duplicate() {
        let parts = fragments("86888", 9_u8, &[1; 200]);
        let again = vec![(parts[0].clone(), 0), (parts[0].clone(), 1), (parts[1].clone(), 2)];
        assert_eq!(sorted(again), vec![(3, Some(vec![1; 200].into()))]);
    }

    #[test]
    fn totals_that_differ_are_different_messages() {
        let mut parts = fragments("86888", 9_u8, &[1; 200]);
        parts[1].total = 3;
        assert_ne!(parts[0].key(), parts[1].key());
        assert_eq!(assemble(&parts), Assembly::Missing(vec![2]));
        parts.reverse();
        assert_eq!(assemble(&parts), Assembly::Missing(vec![1, 3]));
    }

    #[test]
    fn endless_conflicts_are_compared_with_the_latest_messages_only() {
        let part = fragments("86888", 9_u8, &[1; 200]).remove(0);
        let conflicting = |number: usize| {
            let data = Bytes::from(number.to_be_bytes().to_vec());
            (Fragment { data, ..part.clone() }, 0)
        };
        let mut parts: Vec<_> = (0..MAX_ALIKE + 1).map(conflicting).collect();
        assert_eq!(sorted(parts.clone()).len(), MAX_ALIKE + 1);
        // A duplicate of the first is too far back to be told as one, a duplicate of the second not.
        parts.push(conflicting(1));
        assert_eq!(sorted(parts.clone()).len(), MAX_ALIKE + 1);
        parts.push(conflicting(0));
        assert_eq!(sorted(parts).len(), MAX_ALIKE + 2);
        let many: Vec<_> = (0..20_000).map(conflicting).collect();
        assert_eq!(sorted(many).len(), 20_000);
    }

    #[test]
    fn longest_message_has_255_parts() {
        let text = vec![7; 128 * 255];
        let parts = fragments("86888", 9_u8, &text);
        assert_eq!(parts.len(), 255);
        assert_eq!(data_of(&parts).unwrap(), text);
    }

    #[test]
    fn ports_may_stand_in_the_first_part_only() {
        let mut parts = fragments("86888", 9_u8, &[1; 200]);
        parts[1].destination_port = None;
        parts.reverse();
        let Assembly::Complete(datagram) = assemble(&parts) else { panic!() };
        assert_eq!(datagram.destination_port, Some(2948));
    }

    #[test]
    fn key_survives_as_text() {
        let key = fragments("Shop/1:2", 9_u8, &[1; 200])[0].key();
        assert_eq!(FragmentKey::stored(key.as_str()), key);
    }
}
