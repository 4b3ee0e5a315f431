//! Identifiers that we make: message ids and Transaction-Ids.

use std::fmt;
use std::str::FromStr;

use super::{Clock, Random, Timestamp};

const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Our own id of a message, the same from acceptance or notification to the end: `msg_` and a
/// ULID in lower case, so that ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

/// What is wrong with a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 'msg_' and 26 lower-case letters and digits")]
pub struct IdError;

impl MessageId {
    /// A new id.
    #[must_use]
    pub fn generate(clock: &Clock, random: &Random) -> Self {
        Self::of(clock.now(), random.array())
    }

    /// The id of something that happened at `at`; `noise` tells it from others of that moment.
    #[must_use]
    pub fn of(at: Timestamp, noise: [u8; 10]) -> Self {
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        let mut value = u128::from(millis) << 80;
        for octet in noise.iter().rev().enumerate() {
            value |= u128::from(*octet.1) << (8 * octet.0);
        }
        let mut text = String::from("msg_");
        for position in (0..26).rev() {
            let index = usize::try_from((value >> (position * 5)) & 31).unwrap_or(0);
            text.push(char::from(CROCKFORD[index]));
        }
        Self(text)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let body = text.strip_prefix("msg_").ok_or(IdError)?;
        if body.len() == 26 && body.bytes().all(|octet| CROCKFORD.contains(&octet)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError)
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An X-Mms-Transaction-Id that we make: 128 random bits in upper-case hexadecimal, since some
/// MMSCs choke on anything but letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(String);

impl TransactionId {
    /// A new random id.
    #[must_use]
    pub fn generate(random: &Random) -> Self {
        Self(hex::encode_upper(random.array::<16>()))
    }

    /// An id read back from the store.
    #[must_use]
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn message_ids_sort_by_time_and_parse_back() {
        let random = Random::seeded(1);
        let rt = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = rt.enter();
        let earlier =
            MessageId::generate(&Clock::starting_at(Timestamp::from_secs(1_000)), &random);
        let later = MessageId::generate(&Clock::starting_at(Timestamp::from_secs(2_000)), &random);
        assert!(earlier < later);
        assert_eq!(later.as_str().parse::<MessageId>(), Ok(later.clone()));
        assert_eq!("msg_../../etc/passwd".parse::<MessageId>(), Err(IdError));
    }

    #[test]
    fn transaction_id_is_128_bits_of_hex() {
        let id = TransactionId::generate(&Random::seeded(7));
        assert_eq!(id.as_str().len(), 32);
        assert!(id.as_str().bytes().all(|octet| b"0123456789ABCDEF".contains(&octet)));
    }
}
