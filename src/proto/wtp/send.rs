//! A message on its way: cut into segments, sent in groups, sent again where it got lost (WAP-224
//! clauses 7.2 and 7.14).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::rtt::Rtt;
use super::{MAX_NEGATIVE_ACKS, MAX_SEGMENTS, WtpError};
use crate::codec::wtp::{Body, Pdu, Tid, Tpi, Trailer, TransactionClass, VERSION};

/// In which PDUs the segments travel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Invoke and Segmented Invoke.
    Invoke { class: TransactionClass, user_acknowledgement: bool, tid_new: bool },
    /// Result and Segmented Result.
    Result,
}

/// What came of an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It says nothing new.
    Nothing,
    /// The next group may leave.
    Group,
    /// The peer has all.
    Whole,
}

/// The message.
#[derive(Debug)]
pub(super) struct Sending {
    tid: Tid,
    form: Form,
    tpis: Vec<Tpi>,
    data: Bytes,
    segment: usize,
    /// Segments in all.
    count: usize,
    /// The group on its way: its first segment, the first that has not left, one past its last.
    first: usize,
    left: usize,
    end: usize,
    held: bool,
    retransmissions: u32,
    negative_acks: u32,
    /// When the group had left, if no packet of it left twice.
    clean_since: Option<Instant>,
    timer: Option<Instant>,
    whole: bool,
}

impl Sending {
    /// # Errors
    /// When it does not fit into [`MAX_SEGMENTS`].
    pub(super) fn new(
        tid: Tid,
        form: Form,
        tpis: Vec<Tpi>,
        data: Bytes,
        segment: usize,
        held: bool,
    ) -> Result<Self, WtpError> {
        let segment = segment.max(1);
        let count = data.len().div_ceil(segment).max(1);
        if count > MAX_SEGMENTS {
            let limit = segment.saturating_mul(MAX_SEGMENTS);
            return Err(WtpError::TooLong { octets: data.len(), limit });
        }
        Ok(Self {
            tid,
            form,
            tpis,
            data,
            segment,
            count,
            first: 0,
            left: 0,
            end: 0,
            held,
            retransmissions: 0,
            negative_acks: 0,
            clean_since: None,
            timer: None,
            whole: false,
        })
    }

    /// The packets of the next group; of a held message the last packet is not among them.
    pub(super) fn next_group(&mut self, now: Instant, group: usize, rtt: &Rtt) -> Vec<Pdu> {
        self.first = self.end;
        self.end = self.first.saturating_add(group.max(1)).min(self.count);
        self.retransmissions = 0;
        self.negative_acks = 0;
        self.leave(now, rtt)
    }

    fn leave(&mut self, now: Instant, rtt: &Rtt) -> Vec<Pdu> {
        let stop = if self.is_holding() { self.count - 1 } else { self.end };
        let pdus = (self.left..stop).map(|number| self.packet(number, false)).collect();
        self.left = self.left.max(stop);
        if self.left == self.end {
            self.clean_since = Some(now);
            self.timer = Some(now + rtt.wait(0));
        }
        pdus
    }

    /// Whether only the last packet is to leave yet, and may not.
    pub(super) const fn is_holding(&self) -> bool {
        self.held && self.end == self.count
    }

    /// Lets the last packet go; what is to be sent.
    pub(super) fn release(&mut self, now: Instant, rtt: &Rtt) -> Vec<Pdu> {
        let holding = self.is_holding();
        self.held = false;
        if holding { self.leave(now, rtt) } else { Vec::new() }
    }

    /// Takes an acknowledgement; without a number it means all.
    pub(super) fn acknowledged(&mut self, now: Instant, psn: Option<u32>, rtt: &mut Rtt) -> Heard {
        if self.whole || self.left < self.end {
            return Heard::Nothing;
        }
        let last = self.end - 1;
        let meant = match psn {
            Some(psn) => usize::try_from(psn) == Ok(last),
            None => self.end == self.count,
        };
        if !meant {
            return Heard::Nothing;
        }
        if let Some(since) = self.clean_since.take() {
            rtt.measured(now.saturating_duration_since(since));
        }
        self.timer = None;
        if self.end == self.count {
            self.whole = true;
            Heard::Whole
        } else {
            Heard::Group
        }
    }

    /// The packets that the peer asks for, as far as they belong to the group and have left.
    ///
    /// # Errors
    /// When it asks too often.
    pub(super) fn negative(
        &mut self,
        now: Instant,
        missing: &[u8],
        rtt: &Rtt,
    ) -> Result<Vec<Pdu>, WtpError> {
        let on_the_way = self.first..self.left;
        if self.whole || on_the_way.is_empty() {
            return Ok(Vec::new());
        }
        let mut numbers: Vec<usize> = if missing.is_empty() {
            on_the_way.collect()
        } else {
            missing.iter().map(|&psn| usize::from(psn)).filter(|n| on_the_way.contains(n)).collect()
        };
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        if self.negative_acks >= MAX_NEGATIVE_ACKS {
            return Err(WtpError::AskedTooOften);
        }
        self.negative_acks += 1;
        // The peer is there: what counts is how often it hears nothing.
        self.retransmissions = 0;
        self.clean_since = None;
        if self.timer.is_some() {
            self.timer = Some(now + rtt.wait(0));
        }
        Ok(numbers.into_iter().map(|number| self.packet(number, true)).collect())
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) const fn timeout(&self) -> Option<Instant> {
        self.timer
    }

    /// The last packet of the group once more, when nothing was heard of it.
    ///
    /// # Errors
    /// When that was done `most` times.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        most: u32,
        rtt: &Rtt,
    ) -> Result<Option<Pdu>, WtpError> {
        if self.timer.is_none_or(|at| now < at) {
            return Ok(None);
        }
        if self.retransmissions >= most {
            self.timer = None;
            return Err(WtpError::Silent(most.saturating_add(1)));
        }
        self.retransmissions += 1;
        self.clean_since = None;
        self.timer = Some(now + rtt.wait(self.retransmissions));
        Ok(Some(self.packet(self.end - 1, true)))
    }

    /// The peer lives: it asked whether the transaction is ours.
    pub(super) fn wait_anew(&mut self, now: Instant, wait: Duration) {
        self.clean_since = None;
        if self.timer.is_some() {
            self.timer = Some(now + wait);
        }
    }

    /// Nothing more is sent: the peer has answered.
    pub(super) const fn finish(&mut self) {
        self.timer = None;
        self.whole = true;
        self.clean_since = None;
    }

    /// Whether the peer has all, or has answered.
    pub(super) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the last packet has left.
    pub(super) const fn has_left(&self) -> bool {
        self.left == self.count
    }

    /// Octets, and those that the peer has.
    pub(super) fn octets(&self) -> (usize, usize) {
        let acknowledged = if self.whole && self.has_left() {
            self.data.len()
        } else {
            self.first.saturating_mul(self.segment).min(self.data.len())
        };
        (self.data.len(), acknowledged)
    }

    fn packet(&self, number: usize, retransmission: bool) -> Pdu {
        let start = number.saturating_mul(self.segment).min(self.data.len());
        let stop = start.saturating_add(self.segment).min(self.data.len());
        let data = self.data.slice(start..stop);
        let trailer = if number + 1 == self.count {
            Trailer::LastOfMessage
        } else if number + 1 == self.end {
            Trailer::LastOfGroup
        } else {
            Trailer::NotLast
        };
        let psn = u8::try_from(number).unwrap_or(u8::MAX);
        let body = match (self.form, psn) {
            (Form::Invoke { class, user_acknowledgement, tid_new }, 0) => Body::Invoke {
                trailer,
                retransmission,
                version: VERSION,
                tid_new,
                user_acknowledgement,
                class,
                data,
            },
            (Form::Invoke { .. }, _) => {
                Body::SegmentedInvoke { trailer, retransmission, psn, data }
            }
            (Form::Result, 0) => Body::Result { trailer, retransmission, data },
            (Form::Result, _) => Body::SegmentedResult { trailer, retransmission, psn, data },
        };
        let tpis = if number == 0 { self.tpis.clone() } else { Vec::new() };
        Pdu { tid: self.tid, body, tpis }
    }
}
