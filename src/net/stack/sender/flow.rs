//! One connection's segments from the moment smoltcp made them until the far end has them: which are
//! lost (RFC 2018, RFC 6298, RFC 8985 RACK-TLP, RFC 5682), and which leaves next.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::packet::{Seen, before, payload, refresh, with_more, without_front};
use super::path::{Departure, Path};

/// What a receiver may wait before it acknowledges a single segment (RFC 1122 clause 4.2.3.2 allows
/// 500 ms, what is in use keeps to 200).
const DELAYED_ACK: Duration = Duration::from_millis(200);

/// When the tail is probed as long as no payload was acknowledged: what is known of a SYN's delay says
/// nothing of a full segment's.
const FIRST_PROBE: Duration = Duration::from_secs(1);

/// Acknowledgements of the same octet that mean a loss where the far end names no ranges
/// (RFC 5681 clause 3.2).
const DUPLICATES: u32 = 3;

/// Times that the retransmission time-out is doubled at most.
const MAX_BACKOFF: u32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Never sent.
    Waiting,
    OnTheWay,
    /// To be sent again.
    Lost,
    /// Named by the far end, though something before it is missing.
    There,
}

#[derive(Debug)]
struct Segment {
    seq: u32,
    end: u32,
    /// The last number is a FIN.
    fin: bool,
    packet: Vec<u8>,
    place: Place,
    departure: Option<Departure>,
    sent_again: bool,
}

impl Segment {
    fn octets(&self) -> u64 {
        u64::from(self.end.wrapping_sub(self.seq))
    }
}

/// The time-out that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    /// Something that left before what has arrived may still come.
    Reorder,
    /// The last segments may be lost with nobody to tell (RFC 8985 clause 7).
    Probe,
    /// The time-out may have been too early: what arrives next tells (RFC 5682).
    Doubt,
    Rto,
}

/// A connection that sends.
#[derive(Debug)]
pub(super) struct Flow {
    path: Path,
    isn: u32,
    segments: VecDeque<Segment>,
    /// The lowest number that is not acknowledged.
    una: u32,
    /// Behind the highest number that has left.
    left: u32,
    /// Most octets of payload that smoltcp has put into a segment.
    largest: usize,
    /// What the last segment of ours acknowledges, and its window.
    ack: u32,
    window: u16,
    /// When our SYN left first: one that was sent again too early would measure nothing, and for the
    /// bound of a time-out the longer of the two is right.
    syn_at: Option<Instant>,
    in_flight: u64,
    /// The far end names the ranges that it has.
    sack: bool,
    duplicates: u32,
    /// Where a loss was noticed last without ranges.
    recovery: Option<u32>,
    /// The latest departure of what is known to have arrived, and its end.
    newest: Option<(Instant, u32)>,
    backoff: u32,
    /// Since the time-out nothing has arrived.
    timed_out: bool,
    /// When something arrived that a time-out had sent again.
    doubt: Option<Instant>,
    /// A probe of the tail is out.
    probed: bool,
    alarm: Option<(Instant, Alarm)>,
    /// Last sign of life, for the one who removes flows.
    pub(super) used: Instant,
}

impl Flow {
    /// A connection whose SYN is `seen`.
    pub(super) fn new(now: Instant, seen: &Seen, mss: usize) -> Self {
        let isn = seen.seq;
        Self {
            path: Path::new(now, mss),
            isn,
            segments: VecDeque::new(),
            una: isn.wrapping_add(1),
            left: isn.wrapping_add(1),
            largest: 0,
            ack: 0,
            window: 0,
            syn_at: Some(now),
            in_flight: 0,
            // With an acknowledgement in it, it is the answer to the far end's SYN.
            sack: seen.ack.is_some() && seen.sack_permitted,
            duplicates: 0,
            recovery: None,
            newest: None,
            backoff: 0,
            timed_out: false,
            doubt: None,
            probed: false,
            alarm: None,
            used: now,
        }
    }

    /// Whether the connection is the one whose SYN had that number.
    pub(super) const fn began_with(&self, isn: u32) -> bool {
        self.isn == isn
    }

    /// Octets that have left at least once and are not acknowledged; a FIN counts as one.
    pub(super) const fn unacknowledged(&self) -> u64 {
        if before(self.una, self.left) { self.left.wrapping_sub(self.una) as u64 } else { 0 }
    }

    /// Whether this acknowledges more than what has left.
    pub(super) const fn has_not_sent(&self, ack: u32) -> bool {
        before(self.left, ack)
    }

    /// What every segment of ours says of the other direction.
    pub(super) fn note(&mut self, seen: &Seen) {
        if let Some(ack) = seen.ack {
            self.ack = ack;
            self.window = seen.window;
        }
    }

    /// Takes a segment with payload or FIN that smoltcp has made. What is here already is not taken
    /// twice: when it is to be sent again is decided here alone.
    ///
    /// # Errors
    /// The packet, for what the far end has acknowledged long ago.
    pub(super) fn offer(
        &mut self,
        now: Instant,
        seen: &Seen,
        packet: Vec<u8>,
    ) -> Result<(), Vec<u8>> {
        if !before(self.una, seen.end) {
            return Err(packet);
        }
        let next = self.segments.back().map_or(self.una, |last| last.end);
        if !before(next, seen.end) {
            return Ok(());
        }
        let mut seq = seen.seq;
        let mut packet = packet;
        if before(seq, next) {
            let skip = next.wrapping_sub(seq) as usize;
            let Some(rest) = without_front(&packet, skip) else { return Ok(()) };
            (seq, packet) = (next, rest);
        }
        if self.segments.is_empty() {
            self.used = now;
        }
        self.largest = self.largest.max(seen.payload);
        if let Some((joined, rest)) = self.fill_last(seen, &packet) {
            seq = seq.wrapping_add(joined);
            let Some(rest) = rest else { return Ok(()) };
            packet = rest;
        }
        self.segments.push_back(Segment {
            seq,
            end: seen.end,
            fin: seen.fin,
            packet,
            place: Place::Waiting,
            departure: None,
            sent_again: false,
        });
        Ok(())
    }

    /// Fills up the last segment if it is short and has not left: smoltcp makes short ones at the edge
    /// of the far end's window and at the end of each write. How many octets of `packet` it took, and
    /// what is left of it.
    fn fill_last(&mut self, seen: &Seen, packet: &[u8]) -> Option<(u32, Option<Vec<u8>>)> {
        let last = self.segments.back_mut()?;
        if last.departure.is_some() || last.fin || seen.fin {
            return None;
        }
        let octets = payload(packet)?;
        let room = self.largest.saturating_sub(usize::try_from(last.octets()).ok()?);
        let taken = room.min(octets.len());
        let front = octets.get(..taken).filter(|front| !front.is_empty())?;
        let rest = match taken == octets.len() {
            true => None,
            false => Some(without_front(packet, taken)?),
        };
        last.packet = with_more(&last.packet, front)?;
        let taken = u32::try_from(taken).ok()?;
        last.end = last.end.wrapping_add(taken);
        Some((taken, rest))
    }

    /// What the far end says.
    pub(super) fn hear(&mut self, now: Instant, seen: &Seen) {
        self.used = now;
        if seen.syn {
            self.sack = seen.sack_permitted;
        }
        let Some(ack) = seen.ack else { return };
        let last = self.segments.back().map_or(self.una, |last| last.end);
        if before(ack, self.una) || before(last, ack) {
            return;
        }
        if let Some(at) = self.syn_at.take() {
            self.path.delay(now, now.duration_since(at));
        }
        let mut arrived = 0;
        let mut latest: Option<(Departure, u32)> = None;
        let mut first_sight = false;
        let mut notice = |segment: &Segment, in_flight: &mut u64| {
            if segment.place == Place::OnTheWay {
                *in_flight -= segment.octets();
            }
            arrived += segment.octets();
            first_sight |= !segment.sent_again;
            if let Some(departure) = segment.departure
                && latest.is_none_or(|(known, _)| departure.at >= known.at)
            {
                latest = Some((departure, segment.end));
            }
        };
        let advanced = before(self.una, ack);
        let mut measured = None;
        while let Some(segment) = self.segments.front() {
            if before(ack, segment.end) {
                break;
            }
            if segment.place != Place::There {
                notice(segment, &mut self.in_flight);
                if !segment.sent_again {
                    measured = segment.departure.map(|departure| departure.at);
                }
            }
            self.segments.pop_front();
        }
        self.una = ack;
        if let Some(segment) = self.segments.front_mut()
            && before(segment.seq, ack)
        {
            // Only the FIN may be missing, and a receiver may take a segment that begins with
            // what it has for an old one.
            let skip = ack.wrapping_sub(segment.seq);
            if let Some(rest) = without_front(&segment.packet, skip as usize) {
                segment.packet = rest;
                segment.seq = ack;
                if segment.place == Place::OnTheWay {
                    self.in_flight -= u64::from(skip);
                }
            }
        }
        for (from, to) in seen.sack.iter().flatten().copied() {
            // A range below the acknowledgement tells of something that came twice (RFC 2883).
            if !before(ack, to) || before(last, to) {
                continue;
            }
            self.sack = true;
            for segment in &mut self.segments {
                let inside = !before(segment.seq, from) && !before(to, segment.end);
                if inside && segment.place != Place::There {
                    notice(segment, &mut self.in_flight);
                    if !segment.sent_again {
                        measured = segment.departure.map(|departure| departure.at);
                    }
                    segment.place = Place::There;
                }
                // Some receivers keep the payload of a segment that came too early, not its FIN.
                let bare = segment.fin && segment.octets() > 1 && to == segment.end.wrapping_sub(1);
                if bare && !before(segment.seq, from) && segment.place != Place::There {
                    notice(segment, &mut self.in_flight);
                    let skip = to.wrapping_sub(segment.seq) as usize;
                    if let Some(rest) = without_front(&segment.packet, skip) {
                        segment.packet = rest;
                        segment.seq = to;
                    }
                    segment.place = Place::Lost;
                }
            }
        }
        if let Some(at) = measured {
            self.path.delay(now, now.duration_since(at));
        }
        if let Some((departure, end)) = latest {
            self.path.arrive(now, arrived, departure, self.in_flight);
            if measured.is_some() {
                self.backoff = 0;
            }
            self.probed = false;
            self.duplicates = 0;
            if !self.timed_out || first_sight {
                // Something that left but once has arrived: it was late, not lost.
                self.timed_out = false;
                self.doubt = None;
                let later = self.newest.is_none_or(|(at, known)| {
                    at < departure.at || (at == departure.at && before(known, end))
                });
                if later {
                    self.newest = Some((departure.at, end));
                }
            } else if self.doubt.is_none() {
                // Either of the two may be what has arrived.
                self.doubt = Some(now);
                let wait = self.path.rto() * 2_u32.pow(self.backoff.saturating_sub(1));
                self.alarm = Some((now + wait, Alarm::Doubt));
                return;
            }
        } else if seen.payload == 0 && !seen.fin && !advanced && self.in_flight > 0 {
            self.duplicates += 1;
        }
        if matches!(self.alarm, Some((_, Alarm::Doubt))) {
            if self.timed_out {
                return;
            }
            self.alarm = None;
        }
        self.find_lost(now, advanced);
        self.set_alarm(now);
    }

    fn find_lost(&mut self, now: Instant, advanced: bool) {
        if !self.sack {
            self.find_lost_by_count(advanced);
            return;
        }
        let Some((newest, newest_end)) = self.newest else { return };
        let grace = self.grace();
        let delay = self.path.smoothed().unwrap_or_default();
        let mut wait: Option<Instant> = None;
        for segment in &mut self.segments {
            let Some(departure) = segment.departure else { break };
            let earlier = departure.at < newest
                || (departure.at == newest && before(segment.end, newest_end));
            if segment.place != Place::OnTheWay || !earlier {
                continue;
            }
            let due = departure.at + delay + grace;
            if due <= now || grace.is_zero() {
                segment.place = Place::Lost;
                self.in_flight -= segment.octets();
            } else {
                wait = Some(wait.map_or(due, |known| known.max(due)));
            }
        }
        if !matches!(self.alarm, Some((_, Alarm::Doubt))) {
            self.alarm = wait.map(|at| (at, Alarm::Reorder));
        }
    }

    /// How long something may overtake: none when three segments have.
    fn grace(&self) -> Duration {
        let there = self.segments.iter().filter(|segment| segment.place == Place::There).count();
        if there >= DUPLICATES as usize {
            return Duration::ZERO;
        }
        self.path.least_delay().unwrap_or_default() / 4
    }

    fn find_lost_by_count(&mut self, advanced: bool) {
        self.alarm = None;
        if self.recovery.is_some_and(|until| !before(self.una, until)) {
            self.recovery = None;
        }
        let partial = self.recovery.is_some() && advanced;
        let begins = self.recovery.is_none() && self.duplicates >= DUPLICATES;
        if !partial && !begins {
            return;
        }
        let end = self.segments.iter().rev().find(|it| it.departure.is_some()).map(|it| it.end);
        if let Some(segment) = self.segments.front_mut().filter(|it| it.place == Place::OnTheWay) {
            segment.place = Place::Lost;
            self.in_flight -= segment.octets();
            if begins {
                self.recovery = end;
            }
        }
    }

    /// The next packet that may leave now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        let index = self.ready(now)?;
        let in_flight = self.in_flight;
        let segment = self.segments.get_mut(index)?;
        let departure = self.path.depart(now, segment.octets(), in_flight);
        segment.sent_again |= segment.departure.is_some();
        segment.departure = Some(departure);
        segment.place = Place::OnTheWay;
        self.in_flight += segment.octets();
        if before(self.left, segment.end) {
            self.left = segment.end;
        }
        let followed = index + 1 < self.segments.len() && !self.timed_out;
        let segment = self.segments.get_mut(index)?;
        refresh(&mut segment.packet, self.ack, self.window, !followed);
        let packet = segment.packet.clone();
        self.set_alarm(now);
        Some(packet)
    }

    /// Which segment is to leave and may.
    fn ready(&self, now: Instant) -> Option<usize> {
        let index = self.wanted()?;
        if self.in_flight > 0 && (self.full() || !self.path.lets_leave(now)) {
            return None;
        }
        Some(index)
    }

    fn wanted(&self) -> Option<usize> {
        let lost = self.segments.iter().position(|segment| segment.place == Place::Lost);
        lost.or_else(|| self.segments.iter().position(|it| it.place == Place::Waiting))
    }

    fn full(&self) -> bool {
        if self.timed_out {
            // Until something arrives, the one that leaves again tells as much as many.
            return !self.segments.iter().any(|segment| segment.place == Place::Lost);
        }
        let unnamed = u64::from(self.duplicates) * self.path.mss();
        let in_flight =
            if self.sack { self.in_flight } else { self.in_flight.saturating_sub(unnamed) };
        in_flight >= self.path.window()
    }

    /// When [`Self::next`] or [`Self::wake`] has something to do; nothing when only news help.
    pub(super) fn due(&self) -> Option<Instant> {
        let paced = (self.wanted().is_some() && !(self.in_flight > 0 && self.full()))
            .then(|| self.path.next_at());
        paced.into_iter().chain(self.alarm.map(|(at, _)| at)).min()
    }

    /// Time has passed.
    pub(super) fn wake(&mut self, now: Instant) {
        let Some((at, alarm)) = self.alarm else { return };
        if now < at {
            return;
        }
        match alarm {
            Alarm::Reorder => {
                self.find_lost(now, false);
                if self.alarm.is_none() {
                    self.set_alarm(now);
                }
            }
            Alarm::Probe => {
                self.probed = true;
                // The newest: its acknowledgement shows which of the others are missing.
                if let Some(segment) =
                    self.segments.iter_mut().rev().find(|it| it.place == Place::OnTheWay)
                {
                    segment.place = Place::Lost;
                    self.in_flight -= segment.octets();
                }
                self.set_alarm(now);
            }
            Alarm::Rto => {
                self.timed_out = true;
                self.backoff = (self.backoff + 1).min(MAX_BACKOFF);
                self.lose_first();
                self.duplicates = 0;
                self.recovery = None;
                self.alarm = None;
            }
            Alarm::Doubt => {
                self.alarm = None;
                let until = self.doubt.take();
                for segment in &mut self.segments {
                    let left_before =
                        segment.departure.is_some_and(|it| until.is_none_or(|at| it.at <= at));
                    if segment.place == Place::OnTheWay && left_before {
                        segment.place = Place::Lost;
                        self.in_flight -= segment.octets();
                    }
                }
                self.timed_out = false;
                self.set_alarm(now);
            }
        }
    }

    /// The first that has not arrived is to leave again.
    fn lose_first(&mut self) {
        if let Some(segment) = self.segments.iter_mut().find(|it| it.place != Place::There)
            && segment.place == Place::OnTheWay
        {
            segment.place = Place::Lost;
            self.in_flight -= segment.octets();
        }
    }

    fn set_alarm(&mut self, now: Instant) {
        if let Some((_, Alarm::Reorder | Alarm::Doubt)) = self.alarm {
            return;
        }
        let unknown = self.segments.iter().filter(|it| it.place == Place::OnTheWay).count();
        if unknown == 0 {
            self.alarm = None;
            return;
        }
        let rto = self.path.rto() * 2_u32.pow(self.backoff);
        let held = self.wanted().is_none() || self.full();
        let tail = held && !self.probed && self.sack && self.backoff == 0;
        self.alarm = Some(match self.path.smoothed() {
            Some(delay) if tail => {
                let late = if unknown == 1 { DELAYED_ACK } else { Duration::from_millis(10) };
                let wait = if self.path.has_delivered() {
                    delay * 2 + late + self.path.spacing()
                } else {
                    FIRST_PROBE
                };
                (now + wait.min(rto), Alarm::Probe)
            }
            _ => (now + rto, Alarm::Rto),
        });
    }

    /// The connection has nothing more to send though it could.
    pub(super) fn starve(&mut self) {
        if self.wanted().is_none() && !self.full() {
            self.path.starve(self.in_flight);
        }
    }
}
