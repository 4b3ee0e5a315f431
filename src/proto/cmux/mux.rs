//! The machine (3GPP TS 27.010 clauses 5.4.1 to 5.4.5 and 5.8).
//!
//! | channel | SABM | UA | DM | DISC | UIH, UI | time-out |
//! |---|---|---|---|---|---|---|
//! | closed | UA, open, or DM | - | - | DM | DM | - |
//! | opening | UA, open | open | refused | DM | kept | SABM again, refused after N2 |
//! | open | UA | - | closed | UA, closed | to be read | - |
//! | closing | DM | closed | closed | UA, closed | dropped | DISC again, closed after N2 |
//!
//! Channel 0 carries the control messages; when it closes, the multiplexer is over.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::channel::{Channel, MAX_QUEUED, State, Waiting};
use super::{Config, End, Event, Input, MuxError, Output, Role, Stats};
use crate::codec::cmux::{
    ControlMessage, Deframed, Deframer, Frame, FrameError, FrameType, MAX_DLCI, MAX_INFORMATION,
    Message, ModemStatus, Signals,
};

/// Frames that wait to be sent besides those of the channels' queues; the peer asks for more.
const MAX_FRAMES: usize = 128;
/// Events that wait to be looked at.
const MAX_EVENTS: usize = 1024;
/// Silence inside a frame after which its rest will not come.
const SILENCE: Duration = Duration::from_millis(500);

/// The multiplexer.
#[derive(Debug)]
pub struct Mux {
    pub(super) config: Config,
    deframer: Deframer,
    /// By DLCI; 0 is the control channel.
    pub(super) channels: BTreeMap<u8, Channel>,
    frames: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    /// The channel whose turn is over.
    last_turn: u8,
    /// The other side takes no frames on any channel.
    pub(super) paused_by_peer: bool,
    /// CLD was sent.
    pub(super) closing_down: Option<Waiting>,
    /// The control channel was open.
    begun: bool,
    /// It is opened for CLD alone.
    pub(super) opened_to_close: bool,
    /// A Test was sent.
    pub(super) probing: Option<Waiting>,
    pub(super) probes: u32,
    /// When the line has been silent in the middle of a frame.
    silent_at: Option<Instant>,
    pub(super) echo_seen: bool,
    ended: bool,
    pub(super) stats: Stats,
}

impl Mux {
    /// A multiplexer whose line has just left the AT command mode.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let config = Config { n1: config.n1.clamp(1, MAX_INFORMATION), ..config };
        Self {
            config,
            deframer: Deframer::new(config.max_received.min(MAX_INFORMATION)),
            channels: BTreeMap::new(),
            frames: VecDeque::new(),
            events: VecDeque::new(),
            last_turn: 0,
            paused_by_peer: false,
            closing_down: None,
            begun: false,
            opened_to_close: false,
            probing: None,
            probes: 0,
            silent_at: None,
            echo_seen: false,
            ended: false,
            stats: Stats::default(),
        }
    }

    /// Takes one input.
    ///
    /// # Errors
    /// For a wish that cannot be fulfilled: the multiplexer has ended, or has no such channel.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) -> Result<(), MuxError> {
        match input {
            Input::Octets(octets) => self.octets(now, octets),
            Input::Timeout => self.timeout(now),
            _ if self.ended => return Err(MuxError::Ended),
            Input::Open(dlci) if dlci <= MAX_DLCI => self.open(now, dlci),
            Input::Open(dlci) => return Err(MuxError::NoChannel { dlci }),
            Input::Close(dlci) => self.close(now, dlci)?,
            Input::Signals { dlci, signals } => self.set_signals(now, dlci, signals)?,
            Input::Probe => self.probe(now),
            Input::CloseDown => self.close_down(now),
        }
        Ok(())
    }

    /// The next thing that the machine wants.
    pub fn poll_output(&mut self) -> Output {
        if let Some(event) = self.events.pop_front() {
            return Output::Event(event);
        }
        if let Some(frame) = self.frames.pop_front().or_else(|| self.next_data()) {
            self.stats.sent += 1;
            return Output::Transmit(frame);
        }
        self.next_timeout().map_or(Output::Idle, Output::Timeout)
    }

    /// The next event alone, for whoever has not written the last transmission yet.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Input::Timeout`] is to be given, if ever.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let channels = self.channels.values().filter_map(|channel| match channel.state {
            State::Opening(waiting) | State::Closing(waiting) => Some(waiting.until),
            State::Open => channel.status.map(|waiting| waiting.until),
            State::Closed => None,
        });
        let others = [self.closing_down, self.probing].into_iter().flatten();
        channels.chain(others.map(|waiting| waiting.until)).chain(self.silent_at).min()
    }

    /// Changes which channels the other side may open.
    pub fn allow_up_to(&mut self, dlci: u8) {
        self.config.max_dlci = dlci.min(MAX_DLCI);
    }

    /// Octets that [`Self::write`] would take for this channel now.
    #[must_use]
    pub fn room(&self, dlci: u8) -> usize {
        match self.channels.get(&dlci) {
            Some(channel) if dlci > 0 && channel.is_open() => {
                MAX_QUEUED.saturating_sub(channel.out.len())
            }
            _ => 0,
        }
    }

    /// Queues octets for a channel and says how many had room; none when it is not open.
    pub fn write(&mut self, dlci: u8, octets: &[u8]) -> usize {
        let count = self.room(dlci).min(octets.len());
        if let Some(channel) = self.channels.get_mut(&dlci) {
            channel.out.extend(octets.iter().take(count));
        }
        count
    }

    /// Takes at most `limit` octets that arrived on a channel; what arrived before it was closed
    /// can still be read.
    pub fn read(&mut self, now: Instant, dlci: u8, limit: usize) -> Vec<u8> {
        let Some(channel) = self.channels.get_mut(&dlci) else { return Vec::new() };
        let (octets, release) = channel.hand_out(limit);
        if release {
            self.tell_status(now, dlci);
        }
        octets
    }

    /// Octets that wait to be read from a channel.
    #[must_use]
    pub fn readable(&self, dlci: u8) -> usize {
        self.channels.get(&dlci).map_or(0, |channel| channel.received.len())
    }

    /// Whether a channel is open.
    #[must_use]
    pub fn is_open(&self, dlci: u8) -> bool {
        self.channels.get(&dlci).is_some_and(Channel::is_open)
    }

    /// Octets of a channel that wait to be sent.
    #[must_use]
    pub fn queued(&self, dlci: u8) -> usize {
        self.channels.get(&dlci).map_or(0, |channel| channel.out.len())
    }

    /// The other side's signals on a channel, once it has told them.
    #[must_use]
    pub fn remote_signals(&self, dlci: u8) -> Option<Signals> {
        self.channels.get(&dlci)?.remote
    }

    /// What went over the line so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether the multiplexer is over.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn open(&mut self, now: Instant, dlci: u8) {
        let waiting = self.waiting(now, self.config.t1);
        let channel = self.channel(dlci);
        if channel.is_open() {
            self.event(Event::Opened(dlci));
            return;
        }
        channel.received.clear();
        channel.state = State::Opening(waiting);
        self.command(dlci, FrameType::Sabm);
    }

    fn close(&mut self, now: Instant, dlci: u8) -> Result<(), MuxError> {
        let waiting = self.waiting(now, self.config.t1);
        let Some(channel) = self.channels.get_mut(&dlci) else {
            return Err(MuxError::NoChannel { dlci });
        };
        match channel.state {
            State::Closed => self.event(Event::Closed(dlci)),
            State::Closing(_) => {}
            State::Opening(_) | State::Open => {
                channel.shut();
                channel.state = State::Closing(waiting);
                self.command(dlci, FrameType::Disc);
            }
        }
        Ok(())
    }

    fn set_signals(&mut self, now: Instant, dlci: u8, signals: Signals) -> Result<(), MuxError> {
        let Some(channel) = self.channels.get_mut(&dlci) else {
            return Err(MuxError::NoChannel { dlci });
        };
        channel.signals = signals.with(Signals::FC, false);
        if channel.is_open() {
            self.tell_status(now, dlci);
        }
        Ok(())
    }

    fn close_down(&mut self, now: Instant) {
        if self.closing_down.is_some() {
            return;
        }
        let open: Vec<u8> = self
            .channels
            .iter()
            .filter(|(dlci, channel)| **dlci > 0 && channel.is_open())
            .map(|(dlci, _)| *dlci)
            .collect();
        for dlci in open {
            // Some modems stay in the multiplexer while a call holds a channel. Nobody waits for
            // the answer: the one to CLD tells.
            self.channel(dlci).shut();
            self.command(dlci, FrameType::Disc);
        }
        self.closing_down = Some(self.waiting(now, self.config.t2));
        self.control(&ControlMessage::command(Message::CloseDown));
    }

    fn octets(&mut self, now: Instant, octets: &[u8]) {
        if self.ended {
            return;
        }
        // The frames borrow the deframer, which is put back behind them.
        let mut deframer = std::mem::replace(&mut self.deframer, Deframer::new(0));
        deframer.feed(octets, |one| self.deframed(now, one));
        self.put_back(now, deframer);
    }

    fn put_back(&mut self, now: Instant, deframer: Deframer) {
        let waits = deframer.is_inside() && !self.ended;
        self.silent_at = waits.then(|| now + SILENCE);
        self.deframer = deframer;
    }

    fn deframed(&mut self, now: Instant, one: Deframed<'_>) {
        if self.ended {
            return;
        }
        match one {
            Deframed::Frame(frame) => {
                self.stats.received += 1;
                self.frame(now, frame);
            }
            Deframed::Text(text) => {
                let is_text = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
                if text.len() > 1 && text.iter().all(is_text) {
                    self.event(Event::Text(text.to_vec()));
                    if self.is_open(0) && self.config.role == Role::Initiator {
                        // The words of a modem that has restarted, or the inside of a damaged frame.
                        self.probe(now);
                    }
                }
            }
            Deframed::Bad(FrameError::Advanced) => {
                if self.is_open(0) {
                    // Noise that looks like it: the other side has answered in the basic option.
                    self.stats.damaged += 1;
                } else {
                    self.event(Event::NotOpened { dlci: 0, error: MuxError::Advanced });
                    self.end(End::Advanced);
                }
            }
            Deframed::Bad(_) => self.stats.damaged += 1,
        }
    }

    fn frame(&mut self, now: Instant, frame: Frame<'_>) {
        if frame.dlci > MAX_DLCI {
            // Nobody can have such a channel, and an answer would look like flags.
            self.stats.damaged += 1;
            return;
        }
        match frame.kind {
            FrameType::Sabm => self.sabm(now, frame),
            FrameType::Ua => self.ua(now, frame.dlci),
            FrameType::Dm => self.dm(now, frame.dlci),
            FrameType::Disc => self.disc(frame),
            FrameType::Uih | FrameType::Ui => self.information(now, frame),
        }
    }

    /// Whether a command is one of this side that comes back (clause 5.2.1.2).
    fn is_own(&self, frame: Frame<'_>) -> bool {
        frame.cr == (self.config.role == Role::Initiator)
    }

    fn sabm(&mut self, now: Instant, frame: Frame<'_>) {
        let dlci = frame.dlci;
        if self.is_own(frame) {
            // The other side is in command mode and echoes.
            self.echo_seen = true;
            return;
        }
        let state = self.channels.get(&dlci).map(|channel| channel.state);
        let allowed = match state {
            Some(State::Open | State::Opening(_)) => true,
            Some(State::Closing(_)) => false,
            // What nobody here asks for is opened by the initiator only, the control channel first.
            Some(State::Closed) | None => {
                let begun = dlci == 0 || self.is_open(0);
                self.config.role == Role::Responder && begun && dlci <= self.config.max_dlci
            }
        };
        if !allowed {
            self.respond(frame, FrameType::Dm);
            self.event(Event::Refused(dlci));
            return;
        }
        self.respond(frame, FrameType::Ua);
        if state == Some(State::Open) && dlci > 0 {
            // The other side has begun anew; what is queued belongs to what was before.
            let signals = self.channel(dlci).signals;
            self.channels.insert(dlci, Channel::new(signals));
            self.event(Event::Closed(dlci));
        }
        if state != Some(State::Open) || dlci > 0 {
            self.opened(now, dlci);
        }
    }

    fn ua(&mut self, now: Instant, dlci: u8) {
        match self.channels.get(&dlci).map(|channel| channel.state) {
            Some(State::Opening(_)) => self.opened(now, dlci),
            Some(State::Closing(_)) => self.closed(dlci, End::ClosedDown { answered: true }),
            // A second answer to a command that was sent again.
            _ => {}
        }
    }

    fn dm(&mut self, now: Instant, dlci: u8) {
        match self.channels.get(&dlci).map(|channel| channel.state) {
            Some(State::Opening(_)) => {
                self.channel(dlci).shut();
                self.event(Event::NotOpened { dlci, error: MuxError::Refused { dlci } });
            }
            Some(State::Open) => self.closed(dlci, End::Lost),
            Some(State::Closing(_) | State::Closed) | None
                if dlci == 0 && self.closing_down.is_some() && !self.begun =>
            {
                self.open_to_close(now);
            }
            Some(State::Closing(_)) => self.closed(dlci, End::ClosedDown { answered: true }),
            Some(State::Closed) | None => {}
        }
    }

    fn disc(&mut self, frame: Frame<'_>) {
        if self.is_own(frame) {
            self.echo_seen = true;
            return;
        }
        let state = self.channels.get(&frame.dlci).map(|channel| channel.state);
        if matches!(state, Some(State::Open | State::Closing(_))) {
            self.respond(frame, FrameType::Ua);
            self.closed(frame.dlci, End::ByPeer);
        } else {
            self.respond(frame, FrameType::Dm);
        }
    }

    fn information(&mut self, now: Instant, frame: Frame<'_>) {
        let dlci = frame.dlci;
        if !frame.cr && self.config.role == Role::Initiator {
            // No echo: this side's frames have the bit.
            self.probing = None;
        }
        if dlci == 0 {
            let own = self.is_own(frame);
            self.control_messages(frame.information, own);
            return;
        }
        let Some(channel) = self.channels.get_mut(&dlci) else {
            self.respond(frame, FrameType::Dm);
            return;
        };
        match channel.state {
            State::Open | State::Opening(_) => {
                let (dropped, hold) = channel.take(frame.information);
                self.stats.dropped += dropped as u64;
                if hold {
                    self.tell_status(now, dlci);
                }
                if !frame.information.is_empty() {
                    self.event(Event::Readable(dlci));
                }
            }
            State::Closing(_) => {}
            State::Closed => self.respond(frame, FrameType::Dm),
        }
    }

    fn opened(&mut self, now: Instant, dlci: u8) {
        self.channel(dlci).state = State::Open;
        self.begun |= dlci == 0;
        self.event(Event::Opened(dlci));
        if dlci == 0 && self.closing_down.is_some() {
            self.control(&ControlMessage::command(Message::CloseDown));
        } else if dlci > 0 {
            // Some modems say nothing on a channel before they know its signals.
            self.tell_status(now, dlci);
        }
    }

    fn closed(&mut self, dlci: u8, end: End) {
        self.channel(dlci).shut();
        if dlci == 0 {
            self.end(end);
        } else {
            self.event(Event::Closed(dlci));
        }
    }

    pub(super) fn end(&mut self, end: End) {
        if self.ended {
            return;
        }
        self.ended = true;
        for channel in self.channels.values_mut() {
            channel.shut();
        }
        self.closing_down = None;
        self.probing = None;
        self.silent_at = None;
        // Whatever waits to be looked at, this must be.
        self.events.push_back(Event::Ended(end));
    }

    fn timeout(&mut self, now: Instant) {
        if self.ended {
            return;
        }
        if self.silent_at.is_some_and(|at| at <= now) {
            let mut deframer = std::mem::replace(&mut self.deframer, Deframer::new(0));
            deframer.give_up(|one| self.deframed(now, one));
            self.put_back(now, deframer);
            if self.ended {
                return;
            }
        }
        let due: Vec<u8> = self.channels.keys().copied().collect();
        for dlci in due {
            self.channel_timeout(now, dlci);
        }
        self.control_timeout(now);
    }

    fn channel_timeout(&mut self, now: Instant, dlci: u8) {
        let t1 = self.config.t1;
        let t2 = self.config.t2;
        let Some(channel) = self.channels.get_mut(&dlci) else { return };
        match &mut channel.state {
            State::Opening(waiting) => match again(waiting, now, t1) {
                None => {}
                Some(true) => {
                    self.stats.repeated += 1;
                    self.command(dlci, FrameType::Sabm);
                }
                Some(false) => {
                    channel.shut();
                    let error =
                        if self.echo_seen { MuxError::Echo } else { MuxError::NoAnswer { dlci } };
                    self.event(Event::NotOpened { dlci, error });
                }
            },
            State::Closing(waiting) => match again(waiting, now, t1) {
                None => {}
                Some(true) => {
                    self.stats.repeated += 1;
                    self.command(dlci, FrameType::Disc);
                }
                Some(false) => self.closed(dlci, End::ClosedDown { answered: false }),
            },
            State::Open => {
                let Some(waiting) = &mut channel.status else { return };
                match again(waiting, now, t2) {
                    None => {}
                    Some(true) => {
                        self.stats.repeated += 1;
                        self.send_status(dlci);
                    }
                    // A modem that does not answer MSC works all the same.
                    Some(false) => channel.status = None,
                }
            }
            State::Closed => {}
        }
    }

    /// The next frame of the channels' queues, each channel in its turn.
    fn next_data(&mut self) -> Option<Vec<u8>> {
        if self.paused_by_peer || self.ended {
            return None;
        }
        let behind = self.channels.range(self.last_turn.saturating_add(1)..);
        let before = self.channels.range(..=self.last_turn);
        let ready = |(dlci, channel): &(&u8, &Channel)| **dlci > 0 && channel.may_send();
        let dlci = *behind.chain(before).find(ready)?.0;
        self.last_turn = dlci;
        let n1 = self.config.n1;
        let channel = self.channels.get_mut(&dlci)?;
        let count = channel.out.len().min(channel.n1.unwrap_or(n1));
        let information: Vec<u8> = channel.out.drain(..count).collect();
        Some(self.encoded(dlci, FrameType::Uih, false, &information))
    }

    pub(super) fn channel(&mut self, dlci: u8) -> &mut Channel {
        let signals = Signals::RTC.with(Signals::RTR, true).with(Signals::DV, true);
        let signals = match self.config.role {
            Role::Initiator => signals,
            // No carrier before a call.
            Role::Responder => signals.with(Signals::DV, false),
        };
        self.channels.entry(dlci).or_insert_with(|| Channel::new(signals))
    }

    pub(super) fn waiting(&self, now: Instant, time: Duration) -> Waiting {
        Waiting { until: now + time, left: self.config.n2 }
    }

    /// Tells the other side this side's signals, until it answers.
    fn tell_status(&mut self, now: Instant, dlci: u8) {
        let waiting = self.waiting(now, self.config.t2);
        self.channel(dlci).status = Some(waiting);
        self.send_status(dlci);
    }

    fn send_status(&mut self, dlci: u8) {
        let signals = self.channel(dlci).told_signals();
        let status = ModemStatus { dlci, signals, break_signal: None };
        self.control(&ControlMessage::command(Message::ModemStatus(status)));
    }

    /// Sends a message on the control channel.
    pub(super) fn control(&mut self, message: &ControlMessage) {
        let mut information = Vec::new();
        message.encode(&mut information);
        let frame = self.encoded(0, FrameType::Uih, false, &information);
        self.queue(frame);
    }

    pub(super) fn command(&mut self, dlci: u8, kind: FrameType) {
        let frame = self.encoded(dlci, kind, true, &[]);
        self.queue(frame);
    }

    fn respond(&mut self, to: Frame<'_>, kind: FrameType) {
        let cr = self.config.role == Role::Responder;
        let poll_final = to.poll_final;
        let mut octets = Vec::new();
        Frame { dlci: to.dlci, cr, kind, poll_final, information: &[] }.encode(&mut octets);
        self.queue(octets);
    }

    /// A frame with the C/R bit of a command.
    fn encoded(&self, dlci: u8, kind: FrameType, poll_final: bool, information: &[u8]) -> Vec<u8> {
        let cr = self.config.role == Role::Initiator;
        let mut octets = Vec::new();
        Frame { dlci, cr, kind, poll_final, information }.encode(&mut octets);
        octets
    }

    fn queue(&mut self, frame: Vec<u8>) {
        // A peer that asks faster than the line takes answers gets none to some.
        if self.frames.len() < MAX_FRAMES {
            self.frames.push_back(frame);
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        let again = matches!(event, Event::Readable(_)) && self.events.contains(&event);
        if !again && self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }
}

/// Whether a command is to be sent again, when its time has come.
pub(super) fn again(waiting: &mut Waiting, now: Instant, time: Duration) -> Option<bool> {
    if now < waiting.until {
        return None;
    }
    if waiting.left == 0 {
        return Some(false);
    }
    waiting.left -= 1;
    waiting.until = now + time;
    Some(true)
}
