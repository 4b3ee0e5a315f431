//! One control protocol at work: the automaton with its restart timer, counters and packets
//! (RFC 1661 sections 4.2 to 4.6 and 5.1 to 5.6). What the options mean is a [`Policy`].

use std::time::{Duration, Instant};

use super::automaton::{Action, Event, State};
use crate::codec::ppp::{ControlPacket, RawOption, code, decode_options, encode_options};

/// What the options of a protocol mean to us.
pub(super) trait Policy {
    /// The options of our next Configure-Request.
    fn request(&self) -> Vec<RawOption>;
    /// What to answer to the peer's.
    fn judge(&mut self, options: &[RawOption]) -> Verdict;
    /// The peer acknowledged our request. `false`: with that we cannot live, ask again.
    fn acknowledged(&mut self) -> bool;
    /// The peer would rather have these values.
    fn naked(&mut self, options: &[RawOption]);
    /// The peer does not know these options.
    fn rejected(&mut self, options: &[RawOption]);
    /// Naks of ours in a row before what is still asked for is rejected (Max-Failure, RFC 1661
    /// section 4.6).
    fn max_failure(&self) -> u32 {
        MAX_FAILURE
    }
}

/// The RFC's own value.
const MAX_FAILURE: u32 = 5;

/// The answer to a Configure-Request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Ack,
    Nak(Vec<RawOption>),
    Reject(Vec<RawOption>),
}

/// What the link has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Send(ControlPacket),
    Up,
    Down,
    Finished,
}

/// Refusals in a row that are answered at once; later ones, when they taught us nothing, after a
/// pause, because a module whose context is not up yet refuses again and again without any pause
/// of its own.
const PROMPT_REFUSALS: u32 = 3;

/// The first requests are repeated faster: a modem may lose what comes right behind CONNECT.
const EAGER: (u32, Duration) = (3, Duration::from_secs(1));

/// One control protocol.
#[derive(Debug)]
pub(super) struct Negotiator<P> {
    pub(super) policy: P,
    state: State,
    restart: Duration,
    max_configure: u32,
    max_terminate: u32,
    counter: u32,
    /// When the restart timer runs out, or when the request that was put off is due.
    deadline: Option<Instant>,
    /// The request in flight: identifier and options; taken when it was answered.
    outstanding: Option<(u8, Vec<u8>)>,
    put_off: bool,
    identifier: u8,
    requests: u32,
    refusals: u32,
    /// Naks that we sent in a row.
    naks: u32,
}

impl<P: Policy> Negotiator<P> {
    pub(super) fn new(
        policy: P,
        restart: Duration,
        max_configure: u32,
        max_terminate: u32,
    ) -> Self {
        Self {
            policy,
            state: State::Initial,
            restart,
            max_configure,
            max_terminate,
            counter: 0,
            deadline: None,
            outstanding: None,
            put_off: false,
            identifier: 0,
            requests: 0,
            refusals: 0,
            naks: 0,
        }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) fn opened(&self) -> bool {
        self.state == State::Opened
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Naks and Rejects received in a row.
    pub(super) const fn refusals(&self) -> u32 {
        self.refusals
    }

    /// Whether the last try went without an answer.
    pub(super) const fn gave_up(&self) -> bool {
        self.counter == 0
    }

    /// An identifier for a packet outside negotiation.
    pub(super) const fn next_identifier(&mut self) -> u8 {
        self.identifier = self.identifier.wrapping_add(1);
        self.identifier
    }

    /// Begins; when `passive`, silently until the peer's first request.
    pub(super) fn open(&mut self, now: Instant, passive: bool) -> Vec<Effect> {
        self.requests = 0;
        self.refusals = 0;
        self.naks = 0;
        if passive {
            self.state = State::Stopped;
            return Vec::new();
        }
        let mut effects = self.event(now, Event::Open);
        effects.extend(self.event(now, Event::Up));
        effects
    }

    /// Ends in order.
    pub(super) fn close(&mut self, now: Instant) -> Vec<Effect> {
        self.event(now, Event::Close)
    }

    /// The layer below is gone: back to the beginning.
    pub(super) fn lower_down(&mut self, now: Instant) {
        self.event(now, Event::Down);
        self.event(now, Event::Close);
        self.outstanding = None;
    }

    /// The peer cannot live with a code or protocol of ours.
    pub(super) fn rejected_for_good(&mut self, now: Instant) -> Vec<Effect> {
        self.event(now, Event::RejectedForGood)
    }

    /// Looks at the timer.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return Vec::new();
        }
        self.deadline = None;
        if self.put_off {
            self.put_off = false;
            let mut effects = Vec::new();
            self.send_request(now, &mut effects);
            return effects;
        }
        self.event(now, if self.counter > 0 { Event::Timeout } else { Event::LastTimeout })
    }

    /// Takes a packet with one of the codes 1 to 7. What is malformed, or an answer to nothing, is
    /// dropped without a word (RFC 1661 section 5).
    pub(super) fn receive(&mut self, now: Instant, packet: &ControlPacket) -> Vec<Effect> {
        match packet.code {
            code::CONFIGURE_REQUEST => self.receive_request(now, packet),
            code::CONFIGURE_ACK => {
                let fits = self
                    .outstanding
                    .take_if(|(id, options)| *id == packet.identifier && *options == packet.data);
                if fits.is_none() {
                    return Vec::new();
                }
                if !self.policy.acknowledged() {
                    return self.refused(now, false);
                }
                self.event(now, Event::Ack)
            }
            code::CONFIGURE_NAK | code::CONFIGURE_REJECT => {
                let Ok(options) = decode_options(&packet.data) else { return Vec::new() };
                let asked = self.outstanding.take_if(|(id, _)| *id == packet.identifier);
                let Some((_, asked)) = asked else { return Vec::new() };
                if packet.code == code::CONFIGURE_NAK {
                    self.policy.naked(&options);
                } else {
                    self.policy.rejected(&options);
                }
                let learned = encode_options(&self.policy.request()) != asked;
                self.refused(now, learned)
            }
            code::TERMINATE_REQUEST => {
                let mut effects = self.event(now, Event::TerminateRequest);
                for effect in &mut effects {
                    if let Effect::Send(answer) = effect
                        && answer.code == code::TERMINATE_ACK
                    {
                        answer.identifier = packet.identifier;
                    }
                }
                effects
            }
            code::TERMINATE_ACK => self.event(now, Event::TerminateAck),
            code::CODE_REJECT => {
                let basic = packet.data.first().is_some_and(|code| (1..=7).contains(code));
                self.event(now, if basic { Event::RejectedForGood } else { Event::Rejected })
            }
            _ => Vec::new(),
        }
    }

    fn receive_request(&mut self, now: Instant, packet: &ControlPacket) -> Vec<Effect> {
        let Ok(options) = decode_options(&packet.data) else { return Vec::new() };
        if matches!(self.state, State::Initial | State::Starting) {
            return Vec::new();
        }
        let verdict = self.policy.judge(&options);
        let verdict = self.within_max_failure(verdict, &options);
        let (event, answer) = match verdict {
            Verdict::Ack => {
                (Event::GoodRequest, ControlPacket::new(code::CONFIGURE_ACK, 0, &packet.data[..]))
            }
            Verdict::Nak(options) => (
                Event::BadRequest,
                ControlPacket::new(code::CONFIGURE_NAK, 0, encode_options(&options)),
            ),
            Verdict::Reject(options) => (
                Event::BadRequest,
                ControlPacket::new(code::CONFIGURE_REJECT, 0, encode_options(&options)),
            ),
        };
        let answer = ControlPacket { identifier: packet.identifier, ..answer };
        if matches!(self.state, State::ReqSent | State::AckRcvd | State::AckSent) {
            // Who asks is alive, even if our own requests get lost; the phase has its own limit.
            self.counter = self.max_configure;
        }
        self.step(now, event, Some(answer))
    }

    /// A peer that wants the same again and again is not told a better value for ever.
    fn within_max_failure(&mut self, verdict: Verdict, asked: &[RawOption]) -> Verdict {
        let better = match verdict {
            Verdict::Nak(better) if !better.is_empty() => better,
            Verdict::Ack => {
                self.naks = 0;
                return Verdict::Ack;
            }
            other => return other,
        };
        self.naks = self.naks.saturating_add(1);
        if self.naks <= self.policy.max_failure() {
            return Verdict::Nak(better);
        }
        let named = |option: &&RawOption| better.iter().any(|it| it.kind == option.kind);
        let refused: Vec<RawOption> = asked.iter().filter(named).cloned().collect();
        if refused.is_empty() { Verdict::Nak(better) } else { Verdict::Reject(refused) }
    }

    /// A Nak or Reject came; the next request goes out at once or after a pause.
    fn refused(&mut self, now: Instant, learned: bool) -> Vec<Effect> {
        self.refusals += 1;
        if learned
            || self.refusals <= PROMPT_REFUSALS
            || !matches!(self.state, State::ReqSent | State::AckSent)
        {
            return self.event(now, Event::Nak);
        }
        self.counter = self.max_configure;
        self.put_off = true;
        self.deadline = Some(now + self.restart);
        Vec::new()
    }

    fn event(&mut self, now: Instant, event: Event) -> Vec<Effect> {
        self.step(now, event, None)
    }

    fn step(
        &mut self,
        now: Instant,
        event: Event,
        mut answer: Option<ControlPacket>,
    ) -> Vec<Effect> {
        let (next, actions) = self.state.on(event);
        self.state = next;
        let mut effects = Vec::new();
        for action in actions {
            match action {
                Action::LayerUp => {
                    self.refusals = 0;
                    effects.push(Effect::Up);
                }
                Action::LayerDown => {
                    self.requests = 0;
                    effects.push(Effect::Down);
                }
                Action::LayerFinished => effects.push(Effect::Finished),
                Action::InitCounter => {
                    let closing = matches!(next, State::Closing | State::Stopping);
                    self.counter = if closing { self.max_terminate } else { self.max_configure };
                }
                Action::ZeroCounter => {
                    self.counter = 0;
                    self.deadline = Some(now + self.restart);
                }
                Action::SendRequest => self.send_request(now, &mut effects),
                Action::SendAck | Action::SendNak => {
                    effects.extend(answer.take().map(Effect::Send));
                }
                Action::SendTerminateRequest => {
                    self.counter = self.counter.saturating_sub(1);
                    self.deadline = Some(now + self.restart);
                    self.put_off = false;
                    let identifier = self.next_identifier();
                    effects.push(Effect::Send(ControlPacket::new(
                        code::TERMINATE_REQUEST,
                        identifier,
                        [],
                    )));
                }
                Action::SendTerminateAck => {
                    // The identifier is filled in where the request is at hand.
                    effects.push(Effect::Send(ControlPacket::new(code::TERMINATE_ACK, 0, [])));
                }
            }
        }
        if !self.state.timed() {
            self.deadline = None;
            self.put_off = false;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + self.restart);
        }
        effects
    }

    fn send_request(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.counter = self.counter.saturating_sub(1);
        self.requests = self.requests.saturating_add(1);
        self.put_off = false;
        let pause = if self.requests <= EAGER.0 { EAGER.1.min(self.restart) } else { self.restart };
        self.deadline = Some(now + pause);
        let options = encode_options(&self.policy.request());
        // Repeated under its old number, it can be met by an answer that is slower than our patience
        // (RFC 1661 section 5.1).
        let repeated = self.outstanding.take().filter(|(_, before)| *before == options);
        let identifier = repeated.map_or_else(|| self.next_identifier(), |(id, _)| id);
        self.outstanding = Some((identifier, options.clone()));
        effects.push(Effect::Send(ControlPacket::new(
            code::CONFIGURE_REQUEST,
            identifier,
            options,
        )));
    }
}
