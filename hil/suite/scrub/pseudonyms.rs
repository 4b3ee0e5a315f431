//! Other digits for digits: as many, and the same ones wherever the same ones stood.

use std::collections::BTreeMap;

/// What stands for what.
#[derive(Default)]
pub(super) struct Pseudonyms(BTreeMap<String, String>);

impl Pseudonyms {
    /// Whether these digits have others already.
    pub(super) fn knows(&self, digits: &str) -> bool {
        self.0.contains_key(digits)
    }

    /// Digits of the same length. Those that stand for others stay, and zeros.
    pub(super) fn of(&mut self, digits: &str) -> String {
        if let Some(known) = self.0.get(digits) {
            return known.clone();
        }
        let is_nobodys = digits.bytes().all(|digit| digit == b'0');
        if is_nobodys || self.0.values().any(|known| known == digits) {
            return digits.to_owned();
        }
        let count = self.0.len() + 1;
        // Numbers of the range for fiction, the test network's IMSI, the IMEI for tests.
        let prefix = match digits.len() {
            0..=9 => "90",
            15 if digits.starts_with("00499901") => "00499901",
            14..=15 => "00101",
            18.. => "8900101",
            _ => "447700900",
        };
        let room = digits.len().saturating_sub(prefix.len());
        let all = format!("{prefix}{count:0>room$}");
        let value: String = all.chars().skip(all.len().saturating_sub(digits.len())).collect();
        self.0.insert(digits.to_owned(), value.clone());
        value
    }

    /// The digits that were replaced, without those that stand for others by chance.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &str> {
        let stands = |digits: &String| self.0.values().any(|value| value == digits);
        self.0.keys().filter(move |digits| !stands(digits)).map(String::as_str)
    }
}

/// Digits as semi-octets write them, two swapped; an odd last one without its filler
/// (3GPP TS 23.040 clause 9.1.2.3).
pub(super) fn swapped(digits: &str) -> String {
    digits
        .as_bytes()
        .chunks_exact(2)
        .flat_map(|pair| [char::from(pair[1]), char::from(pair[0])])
        .collect()
}
