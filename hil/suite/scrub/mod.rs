//! Takes what belongs to a person out of a transcript: numbers, IMSI, IMEI, ICCID, PIN, passwords,
//! cells, addresses and texts. Each is replaced by another of the same length, the same one
//! everywhere, also inside PDUs, so that lengths and PDUs stay valid.

mod lines;
mod pdu;
mod pseudonyms;

use std::collections::BTreeMap;

use super::transcript::{PortName, Transcript, What};
use lines::Lines;
use pseudonyms::{Pseudonyms, swapped};

/// Texts with this word are the suite's own and stay.
pub(crate) const MARK: &str = "mm1gate hil";
/// Digits of a number that may not be left anywhere.
const MIN_TOLD: usize = 7;
/// Characters of a user name or password that may not be left anywhere; shorter ones are parts of
/// other words.
const MIN_WORD: usize = 4;

/// What the rig knows to be secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    /// Numbers, with or without plus: own, peer.
    pub(crate) numbers: Vec<String>,
    /// PIN.
    pub(crate) pin: Option<String>,
    /// Passwords, user names.
    pub(crate) words: Vec<String>,
}

/// Replaces consistently over one transcript.
#[derive(Default)]
pub(crate) struct Scrubber {
    numbers: Pseudonyms,
    secrets: Secrets,
}

impl Scrubber {
    pub(crate) fn new(secrets: Secrets) -> Self {
        let mut scrubber = Self { numbers: Pseudonyms::default(), secrets };
        // The rig's numbers come first, so that they are the same in all its transcripts.
        for number in &mut scrubber.secrets.numbers {
            *number = number.trim_start_matches('+').to_owned();
            scrubber.numbers.of(number);
        }
        // Lines are looked at with one character an octet.
        let words = scrubber.secrets.words.iter().filter(|word| !word.is_ascii());
        let octets: Vec<String> =
            words.map(|word| word.bytes().map(char::from).collect()).collect();
        scrubber.secrets.words.extend(octets);
        scrubber
    }

    /// The transcript without what is private.
    ///
    /// # Errors
    /// When something that the rig calls secret, or that was replaced elsewhere, is still in it.
    pub(crate) fn scrub(&mut self, transcript: &Transcript) -> Result<Transcript, String> {
        let mut clean = transcript.clone();
        let mut lines = Lines { numbers: &mut self.numbers, secrets: &self.secrets };
        for value in clean.facts.values_mut() {
            *value = lines.text(value);
        }
        // A line may have come in any pieces, in frames of several channels for example.
        for (port, sent) in streams(transcript) {
            let mut octets = lines.stream(&content(transcript, port, sent));
            for event in clean.events.iter_mut().filter(|event| event.port == port) {
                match &mut event.what {
                    What::Sent(piece) if sent => front(&mut octets, piece),
                    What::Received(piece) if !sent => front(&mut octets, piece),
                    _ => {}
                }
            }
        }
        self.look(&clean)?;
        Ok(clean)
    }

    /// Nothing that was replaced or that the rig calls secret is left, in digits, in semi-octets
    /// or in hexadecimal digits.
    fn look(&self, clean: &Transcript) -> Result<(), String> {
        let said: Vec<String> = streams(clean)
            .map(|(port, sent)| {
                content(clean, port, sent).iter().copied().map(char::from).collect()
            })
            .chain(clean.facts.values().cloned())
            .map(|text: String| text.replace(MARK, ""))
            .collect();
        let told = |word: &str| said.iter().any(|text| text.contains(word));
        for digits in self.numbers.replaced().filter(|digits| digits.len() >= MIN_TOLD) {
            let swapped = swapped(digits);
            if told(digits) || (swapped.len() >= MIN_TOLD && told(&swapped)) {
                return Err(format!("a number of {} digits would still be told", digits.len()));
            }
        }
        if self.secrets.pin.as_ref().is_some_and(|pin| told(&format!("\"{pin}\""))) {
            return Err("the PIN would still be told".to_owned());
        }
        let apn = clean.fact("apn");
        for word in self.secrets.words.iter().filter(|word| word.len() >= MIN_WORD) {
            let plain = hex::encode_upper(word);
            let wide: String = word.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
            // A part of the access point's name tells no more than that name.
            let in_apn = apn.contains(word.as_str());
            if (!in_apn && told(word)) || told(&plain) || told(&wide) {
                return Err("a user name or password would still be told".to_owned());
            }
        }
        Ok(())
    }
}

/// Every direction of every port in which text passed; the control channel has none.
fn streams(transcript: &Transcript) -> impl Iterator<Item = (PortName, bool)> {
    let all: BTreeMap<(PortName, bool), ()> = transcript
        .events
        .iter()
        .filter(|event| event.port != PortName::Channel(0))
        .flat_map(|event| [((event.port, true), ()), ((event.port, false), ())])
        .collect();
    all.into_keys()
}

fn content(transcript: &Transcript, port: PortName, sent: bool) -> Vec<u8> {
    let mut octets = Vec::new();
    for event in transcript.events.iter().filter(|event| event.port == port) {
        match &event.what {
            What::Sent(piece) if sent => octets.extend(piece),
            What::Received(piece) if !sent => octets.extend(piece),
            _ => {}
        }
    }
    octets
}

/// Moves octets from the front into a piece of the same length as before.
fn front(octets: &mut Vec<u8>, piece: &mut [u8]) {
    let count = piece.len().min(octets.len());
    for (place, octet) in piece.iter_mut().zip(octets.drain(..count)) {
        *place = octet;
    }
}
