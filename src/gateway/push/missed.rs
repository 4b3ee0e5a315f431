//! Texts by which an operator tells that it kept an MMS for the web, since a phone did not take it: to
//! people a message is missing, and to the one who runs the gateway something is wrong between it and
//! the MMSC (mms-in-the-field: NotifyResp or Acknowledge that never arrived, a wrong access point).

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::{Blame, Explain, Layer, Retry};

/// The fault's code.
pub(in crate::gateway) const MISSED_MMS: &str = "missed-mms";

/// An MMS that the operator did not hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operator keeps an MMS for the web that should have come here")]
pub(in crate::gateway) struct MissedMms;

impl Explain for MissedMms {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        MISSED_MMS
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        "open the address in the text before it expires; that it does not happen again, look whether \
         MMSC, proxy and access point are the operator's (`mm1gate doctor`), try `ack = \"both\"` in \
         [modem.operator], and send a message with this SIM first: some operators hand MMS only to \
         those who have sent one"
            .to_owned()
    }
}

/// What such texts are known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::gateway) struct MissedPatterns {
    /// Words of the owner's, each enough with a web address.
    pub(in crate::gateway) more: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    language: Vec<Language>,
}

#[derive(Deserialize)]
struct Language {
    #[expect(dead_code, reason = "for the people who read the file")]
    name: String,
    about: Vec<String>,
    instead: Vec<String>,
}

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let file: Result<File, _> = toml::from_str(include_str!("missed-mms.toml"));
    file.map(|file| file.language).unwrap_or_default()
});

/// Fewest digits of a number that people write from.
const PERSONS_DIGITS: usize = 7;

impl MissedPatterns {
    /// Whether a text of this sender tells of an MMS on the web.
    pub(in crate::gateway) fn matches(&self, sender: &str, text: &str) -> bool {
        let digits = sender.bytes().filter(u8::is_ascii_digit).count();
        if digits >= PERSONS_DIGITS && sender.bytes().all(|it| it == b'+' || it.is_ascii_digit()) {
            return false;
        }
        let text = text.to_lowercase();
        if !has_address(&text) {
            return false;
        }
        let any = |words: &[String]| words.iter().any(|word| has_words(&text, word));
        any(&self.more)
            || LANGUAGES.iter().any(|language| any(&language.about) && any(&language.instead))
    }
}

/// A web address with or without its scheme.
fn has_address(text: &str) -> bool {
    text.contains("http://")
        || text.contains("https://")
        || text.contains("www.")
        || text.split_whitespace().any(|word| {
            let host = word.split('/').next().unwrap_or_default().trim_end_matches(['.', ',', ')']);
            host.rsplit_once('.').is_some_and(|(name, top)| {
                name.len() > 1
                    && (2..=6).contains(&top.len())
                    && top.bytes().all(|it| it.is_ascii_lowercase())
            })
        })
}

/// Whether `words` stand in the text where a word begins.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words)
        .any(|(at, _)| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_the_file_is_known_by_its_texts() {
        let known = MissedPatterns::default();
        assert!(LANGUAGES.len() > 9);
        for text in [
            "You have received a picture message. To view it go to www.example.com/mms and enter \
             1234 and the password abc",
            "Sie haben eine MMS erhalten. Abrufen unter https://mms.example.de mit Code 77aa",
            "Vous avez recu un MMS de 0600000000. Pour le consulter : http://mms.example.fr/ab",
            "Ha ricevuto un MMS. Per vederlo: www.example.it codice 11",
            "Tiene un mensaje multimedia. Para ver entre en mms.example.es clave 9",
            "Masz MMS. Zobacz na http://mms.example.pl",
            "Je hebt een MMS ontvangen. Bekijken op mms.example.nl/x",
        ] {
            assert!(known.matches("MMS", text), "{text}");
            assert!(known.matches("87676", text), "{text}");
            assert!(!known.matches("+447700900123", text), "people write of MMS too");
        }
    }

    #[test]
    fn ordinary_texts_of_operators_are_none() {
        let known = MissedPatterns::default();
        for text in [
            "Your bill is ready. View it at www.example.com/bill",
            "MMS settings will be sent to your phone",
            "New: 100 MMS for 5 EUR. Reply YES",
            "Your parcel is out for delivery. Track it at example.com/t",
        ] {
            assert!(!known.matches("INFO", text), "{text}");
        }
        let more = MissedPatterns { more: vec!["kuvaviesti".to_owned()] };
        assert!(more.matches("123", "Kuvaviesti odottaa: www.example.fi"));
        assert!(!more.matches("123", "Kuvaviesti odottaa"));
    }
}
