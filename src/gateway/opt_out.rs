//! Who wants nothing more from us: what recipients write who do not (CTIA, Messaging Principles and
//! Best Practices, and the words of other languages), pure; and what a person
//! enters and lifts.

use super::gate::OptedOut;
use super::{Core, Gateway};
use crate::model::Address;
use crate::store::{OptOut, StoreError, Wish};

/// Longest word, characters.
const MAX_WORD: usize = 40;
/// Most words of each kind.
const MAX_WORDS: usize = 100;
/// Octets of a text that are looked at: whoever writes more does not only say STOP.
const LOOKED_AT: usize = 2_000;

/// What recipients write who want nothing more, or want it again; folded as `fold` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// No more.
    pub stop: Vec<String>,
    /// Again.
    pub start: Vec<String>,
}

/// The words for no more, unless the configuration names others.
pub const STOP_WORDS: &[&str] = &[
    "STOP",
    "STOP ALL",
    "STOPALL",
    "STOPP",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "OPT OUT",
    "OPTOUT",
    "REVOKE",
    "ARRET",
    "BAJA",
    "ABMELDEN",
];

/// The words for again.
pub const START_WORDS: &[&str] = &["START", "UNSTOP", "SUBSCRIBE", "ALTA", "ANMELDEN"];

impl Default for Words {
    fn default() -> Self {
        let of = |words: &[&str]| words.iter().map(|word| fold(word)).collect();
        Self { stop: of(STOP_WORDS), start: of(START_WORDS) }
    }
}

impl Words {
    /// Words of a configuration, or the one that cannot be used and why.
    pub(super) fn checked(words: &[String]) -> Result<Vec<String>, (String, &'static str)> {
        if words.len() > MAX_WORDS {
            return Err((words.len().to_string(), "at most 100 words"));
        }
        words
            .iter()
            .map(|word| {
                let folded = fold(word);
                if folded.is_empty() || folded.chars().count() > MAX_WORD {
                    return Err((word.clone(), "a word of 1 to 40 letters or digits"));
                }
                Ok(folded)
            })
            .collect()
    }

    /// What a text says, if it is one of the words: alone, or alone in its first line.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Wish> {
        let mut end = text.len().min(LOOKED_AT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        let first = text.lines().find(|line| !fold(line).is_empty()).unwrap_or_default();
        [text, first].iter().find_map(|text| {
            let word = fold(text);
            let out = self.stop.contains(&word);
            (out || self.start.contains(&word)).then_some(Wish { out, word })
        })
    }
}

/// A text without its dress: upper case, one blank between words, nothing but letters and digits at
/// its ends.
fn fold(text: &str) -> String {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric()).to_uppercase();
    // Letters with marks are typed without as often as with.
    let plain: String = text
        .chars()
        .map(|c| match c {
            '\u{c0}'..='\u{c5}' => 'A',
            '\u{c8}'..='\u{cb}' => 'E',
            '\u{cc}'..='\u{cf}' => 'I',
            '\u{d2}'..='\u{d6}' => 'O',
            '\u{d9}'..='\u{dc}' => 'U',
            other => other,
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Core {
    /// Those of the recipients who want nothing more.
    pub(super) async fn opted_out(&self, to: &[Address]) -> Result<Vec<OptedOut>, StoreError> {
        let entries = self.store.opted_out_of(to.to_vec()).await?;
        let found = to.iter().zip(entries).filter_map(|(address, entry)| {
            Some(OptedOut { address: address.clone(), since: entry?.since })
        });
        Ok(found.collect())
    }
}

impl Gateway {
    /// Who wants nothing more, by address behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_outs(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<OptOut>, StoreError> {
        self.inner.core.store.opt_outs(after, limit).await
    }

    /// The entry that holds for an address, in whichever form the number stands.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opted_out(&self, address: &Address) -> Result<Option<OptOut>, StoreError> {
        self.inner.core.store.opted_out(address).await
    }

    /// Sends nothing more to somebody, because the owner says so; what waits for them is not sent
    /// either. Whether that is new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_out(&self, address: Address) -> Result<bool, StoreError> {
        let since = self.now();
        let entry = OptOut { address, since, word: None, message: None };
        self.inner.core.store.opt_out(entry).await
    }

    /// Sends to somebody again, because the owner says so; what was entered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_in(&self, address: &Address) -> Result<Option<OptOut>, StoreError> {
        self.inner.core.store.opt_in(address).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_alone_counts_whatever_its_dress_and_a_sentence_does_not() {
        let words = Words::default();
        for (text, out) in [
            ("STOP", Some(true)),
            ("  stop!\u{a0}", Some(true)),
            ("\"Stop.\"", Some(true)),
            ("Stop  all", Some(true)),
            ("STOP\n\nSent from my phone", Some(true)),
            ("\n\n Arr\u{ea}t", Some(true)),
            ("start", Some(false)),
            ("Unstop", Some(false)),
            ("Can you stop by at five?", None),
            ("Stop, I will come later", None),
            ("Thanks!\nSTOP", None),
            ("don't stop", None),
            ("", None),
            ("!!!", None),
        ] {
            assert_eq!(words.find(text).map(|wish| wish.out), out, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = format!("STOP\n{}", "\u{20ac}".repeat(5_000));
        assert_eq!(Words::default().find(&text).map(|wish| wish.out), Some(true));
    }

    #[test]
    fn words_of_a_configuration_are_folded_and_checked() {
        let words = |word: &str| Words::checked(&[word.to_owned()]);
        assert_eq!(words(" fin. "), Ok(vec!["FIN".to_owned()]));
        assert!(words("...").is_err());
        assert!(words(&"x".repeat(41)).is_err());
    }
}
