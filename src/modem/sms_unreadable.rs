//! Places at which a message lies that the modem does not give out, however often it is asked, while
//! those beside it can be read. They are told to people and left where they are, and asked for more
//! and more seldom.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{ModemError, UnreadableSms};

/// How many looks must fail at a place until it is told: a SIM that starts fails for a while.
const MANY_LOOKS: u32 = 3;
/// How long such a place is left alone; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10 * 60);
/// The longest such pause: another message may come to lie there.
const LONGEST_PAUSE: Duration = Duration::from_secs(4 * 3600);
/// Places remembered.
const MAX_PLACES: usize = 64;
/// Characters kept of the modem's words.
const MAX_ANSWER: usize = 80;

/// What is known of such places.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    places: BTreeMap<(String, u16), Failing>,
    /// Counts the looks through the storages.
    look: u64,
    /// The SIM in which they lie.
    imsi: String,
}

#[derive(Debug)]
struct Failing {
    looks: u32,
    /// The last of them.
    last: u64,
    /// A listing has shown that something lies there.
    listed: bool,
    answer: String,
    again: Option<Instant>,
    pause: Duration,
}

impl Unreadable {
    /// Another look begins.
    pub(super) fn begin_look(&mut self) {
        self.look = self.look.wrapping_add(1);
    }

    /// The modem holds this SIM now; other messages lie in another one.
    pub(super) fn of_sim(&mut self, imsi: &str) {
        if self.imsi != imsi {
            self.places.clear();
            imsi.clone_into(&mut self.imsi);
        }
    }

    /// The place was read, or nothing is there.
    pub(super) fn settle(&mut self, storage: &str, index: u16) {
        // The key is built only where there is something to look for.
        if !self.places.is_empty() {
            self.places.remove(&(storage.to_owned(), index));
        }
    }

    /// The place could not be read; `listed`: for certain something lies there.
    pub(super) fn note(&mut self, storage: &str, index: u16, error: &ModemError, listed: bool) {
        let place = (storage.to_owned(), index);
        if self.places.len() >= MAX_PLACES && !self.places.contains_key(&place) {
            if listed {
                self.places.retain(|_, it| it.listed);
            }
            if self.places.len() >= MAX_PLACES {
                return;
            }
        }
        let look = self.look;
        let failing = self.places.entry(place).or_insert_with(|| Failing {
            looks: 0,
            last: look.wrapping_sub(1),
            listed,
            answer: String::new(),
            again: None,
            pause: FIRST_PAUSE,
        });
        failing.listed |= listed;
        failing.answer = words(error);
        // Several ways of looking meet it in one look.
        if failing.last != look {
            failing.last = look;
            failing.looks = failing.looks.saturating_add(1);
            if failing.looks >= MANY_LOOKS {
                failing.again = Some(Instant::now() + failing.pause);
                failing.pause = (failing.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Whether this place is to be left alone for now. One of which only its odd answer is known is
    /// not: the next message may come to lie there.
    pub(super) fn rests(&self, storage: &str, index: u16) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let failing = self.places.get(&(storage.to_owned(), index));
        let again = failing.filter(|it| it.listed).and_then(|it| it.again);
        again.is_some_and(|again| Instant::now() < again)
    }

    /// What is to be told of this storage, which counts `missing` messages more than were read. Where
    /// no listing says that something lies there, a modem may just have its own word for an empty
    /// place: no more of those are believed than messages are missing.
    pub(super) fn told(&self, storage: &str, missing: usize) -> Vec<UnreadableSms> {
        let failing = || {
            self.places.iter().filter(|((name, _), it)| name == storage && it.looks >= MANY_LOOKS)
        };
        let unlisted = failing().filter(|(_, it)| !it.listed).count();
        failing()
            .filter(|(_, it)| it.listed || unlisted <= missing)
            .map(|((storage, index), it)| UnreadableSms {
                storage: storage.clone(),
                index: *index,
                looks: it.looks,
                answer: it.answer.clone(),
            })
            .collect()
    }
}

/// The modem's own words, as far as it had any.
fn words(error: &ModemError) -> String {
    let told = match error {
        ModemError::Refused { answer, .. } => answer.clone(),
        ModemError::Timeout { seconds, .. } => format!("no answer within {seconds} s"),
        ModemError::Unreadable { .. } => "something that is no message".to_owned(),
        other => other.to_string(),
    };
    told.chars().filter(|it| !it.is_control()).take(MAX_ANSWER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ModemError {
        ModemError::Refused { command: "AT+CMGR".into(), answer: "+CMS ERROR: 320".into() }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_hours_and_end_when_the_place_is_read() {
        let mut places = Unreadable::default();
        let (mut looks, start) = (0_u32, Instant::now());
        while start.elapsed() < Duration::from_secs(24 * 3600) {
            places.begin_look();
            if !places.rests("SM", 3) {
                looks += 1;
                places.note("SM", 3, &refused(), true);
                places.note("SM", 3, &refused(), false);
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert!((8..=14).contains(&looks), "{looks} looks in a day");
        assert_eq!(places.told("SM", 0)[0].answer, "+CMS ERROR: 320");
        assert!(places.told("ME", 1).is_empty());
        places.settle("SM", 3);
        assert!(places.told("SM", 1).is_empty() && !places.rests("SM", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn own_word_for_an_empty_place_is_not_taken_for_a_message() {
        let mut places = Unreadable::default();
        for _ in 0..5 {
            places.begin_look();
            (0..10).for_each(|index| places.note("SM", index, &refused(), false));
        }
        assert!(places.told("SM", 1).is_empty());
        places.of_sim("001010123456789");
        assert!(places.told("SM", 10).is_empty(), "another SIM");
    }
}
