//! A message that arrives: segments put into their order, holes found (WAP-224 clause 7.14).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{MAX_NEGATIVE_ACKS, MAX_SEGMENTS, WtpError};
use crate::codec::wtp::Trailer;

/// What a packet or the time brought about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing to say.
    Nothing,
    /// It had come before.
    Repeated,
    /// A group is complete up to this number.
    Group(u8),
    /// The message is complete up to this number.
    Whole(u8),
    /// These are missing.
    Missing(Vec<u8>),
}

/// The message.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    /// What is in order.
    body: Vec<u8>,
    /// What came ahead of its turn, by number.
    ahead: BTreeMap<u8, Vec<u8>>,
    ahead_octets: usize,
    /// Number of the segment whose turn it is.
    next: usize,
    /// The last packet of the group, and whether it ends the message.
    end: Option<(u8, bool)>,
    negative_acks: u32,
    ask_at: Option<Instant>,
    /// The last number that was acknowledged.
    acknowledged: Option<u8>,
    whole: bool,
}

impl Receiving {
    /// Takes a packet. Octets are copied: a small segment must not keep a large datagram.
    ///
    /// # Errors
    /// When the message becomes larger than `limit`.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        psn: u8,
        trailer: Trailer,
        data: &[u8],
        limit: usize,
        patience: Duration,
    ) -> Result<Taken, WtpError> {
        let number = usize::from(psn);
        let ends_group = trailer != Trailer::NotLast;
        if self.whole || number < self.next {
            return Ok(match self.acknowledged {
                // Its acknowledgement may be lost.
                Some(acknowledged) if ends_group && psn <= acknowledged => {
                    if self.whole {
                        Taken::Repeated
                    } else {
                        Taken::Group(acknowledged)
                    }
                }
                _ => Taken::Repeated,
            });
        }
        if self.end.is_some_and(|(end, last)| last && psn > end) {
            return Ok(Taken::Repeated);
        }
        let repeated = self.ahead.contains_key(&psn);
        if !repeated {
            let octets = self.body.len().saturating_add(self.ahead_octets);
            if octets.saturating_add(data.len()) > limit {
                return Err(WtpError::TooLarge { limit });
            }
            self.ahead_octets += data.len();
            self.ahead.insert(psn, data.to_vec());
        }
        if ends_group && self.end.is_none_or(|(end, _)| psn <= end) {
            self.end = Some((psn, trailer.ends_message()));
        }
        while let Some(segment) =
            u8::try_from(self.next).ok().and_then(|next| self.ahead.remove(&next))
        {
            self.ahead_octets -= segment.len();
            self.body.extend_from_slice(&segment);
            self.next += 1;
        }
        let Some((end, last)) = self.end else {
            return Ok(if repeated { Taken::Repeated } else { Taken::Nothing });
        };
        if usize::from(end) < self.next {
            self.end = None;
            self.ask_at = None;
            self.negative_acks = 0;
            self.acknowledged = Some(end);
            self.whole = last;
            return Ok(if last { Taken::Whole(end) } else { Taken::Group(end) });
        }
        if self.ask_at.is_none() || (repeated && ends_group) {
            let soon = now + patience;
            self.ask_at = Some(self.ask_at.map_or(soon, |at| at.min(soon)));
        }
        Ok(Taken::Nothing)
    }

    /// When holes are to be told.
    pub(super) const fn timeout(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Tells the holes when it is time.
    ///
    /// # Errors
    /// When that was done often enough.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        again_after: Duration,
    ) -> Result<Taken, WtpError> {
        let (Some(at), Some((end, _))) = (self.ask_at, self.end) else {
            return Ok(Taken::Nothing);
        };
        if now < at {
            return Ok(Taken::Nothing);
        }
        if self.negative_acks >= MAX_NEGATIVE_ACKS {
            return Err(WtpError::Incomplete);
        }
        self.negative_acks += 1;
        self.ask_at = Some(now + again_after);
        let first = u8::try_from(self.next).unwrap_or(u8::MAX);
        Ok(Taken::Missing((first..=end).filter(|psn| !self.ahead.contains_key(psn)).collect()))
    }

    /// Octets that are here.
    pub(super) fn octets(&self) -> usize {
        self.body.len().saturating_add(self.ahead_octets)
    }

    /// Whether it came in segments, so that acknowledgements name them.
    pub(super) const fn is_segmented(&self) -> bool {
        self.next > 1
    }

    /// Whether all of it is here.
    pub(super) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// The number that was acknowledged last.
    pub(super) const fn last_acknowledged(&self) -> Option<u8> {
        self.acknowledged
    }

    /// The message.
    pub(super) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.body))
    }
}

const _: () = assert!(MAX_SEGMENTS == 256, "a number of eight bits cannot come twice");
