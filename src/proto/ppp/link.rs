//! The link: phases of RFC 1661 section 3, joining framing, LCP, authentication, IPCP and
//! IPv6CP.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::auth::{Auth, AuthEffect, Checker};
use super::automaton::State;
use super::config::{
    Credentials, Family, GiveUp, Input, LinkConfig, LinkError, LinkEvent, LinkStats, Output, Phase,
    Role,
};
use super::lcp::Lcp;
use super::negotiate::{Effect, Negotiator};
use super::network::{self, Layer, establish_limit};
use super::numbers::Numbers;
use crate::codec::ppp::{
    ControlPacket, Deframed, Deframer, FrameFormat, code, normalised, protocol, split_frame,
};
use crate::model::TapDirection;

/// Octets of the longest frame that is taken: some peers send more than the MRU we told, none more
/// than this.
const MAX_FRAME: usize = 4096;
/// Times that our own magic number comes back before the line counts as looped.
const MAX_ECHOES_OF_US: u32 = 4;
/// Times that LCP may be negotiated anew on one link.
const MAX_RENEGOTIATIONS: u32 = 20;
/// Terminate-Requests while LCP negotiates that are taken for leftovers of an earlier call.
const MAX_STRAY_TERMINATES: u32 = 2;
/// The result code of a modem that left data mode.
const NO_CARRIER: &str = "NO CARRIER";
/// How long the line must be silent behind `NO CARRIER` in the middle of a frame, which may as well
/// be a packet's contents.
const CARRIER_SILENCE: Duration = Duration::from_secs(1);

/// One PPP link.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    numbers: Numbers,
    phase: Phase,
    ended: bool,
    lcp: Negotiator<Lcp>,
    auth: Option<Auth>,
    auth_identifier: u8,
    layers: [Layer; 2],
    deframer: Deframer,
    format: FrameFormat,
    outputs: VecDeque<Output>,
    /// When the present phase has lasted too long.
    phase_limit: Option<Instant>,
    /// When IP must be up, however often the phases before it begin anew.
    up_by: Option<Instant>,
    carrier_check: Option<Instant>,
    next_echo: Option<Instant>,
    unanswered_echoes: u32,
    /// The peer has answered an Echo-Request.
    answers_echo: bool,
    /// The peer does not know Echo-Requests.
    refuses_echo: bool,
    negotiations: u32,
    stray_terminates: u32,
    told_authenticated: bool,
    stats: LinkStats,
}

impl Link {
    /// A link that waits for [`Input::Open`]; `seed` gives magic numbers and challenges.
    #[must_use]
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let (demand, prefer) = match &config.role {
            Role::Client(client) => (None, client.prefer),
            Role::Server(server) => (server.auth, None),
        };
        let lcp_seed = u64::from(numbers.magic()) << 32 | u64::from(numbers.magic());
        let mut lcp = Lcp::new(config.mru, demand, prefer, lcp_seed);
        if let Role::Server(server) = &config.role {
            lcp.behave(&server.quirks);
        }
        let layers = Layer::both(&config, u64::from(numbers.magic()));
        let (restart, tries, farewells) =
            (config.restart, config.max_configure, config.max_terminate);
        Self {
            numbers,
            phase: Phase::Dead,
            ended: false,
            lcp: Negotiator::new(lcp, restart, tries, farewells),
            auth: None,
            auth_identifier: 0,
            layers,
            deframer: Deframer::new(MAX_FRAME),
            format: FrameFormat::default(),
            outputs: VecDeque::new(),
            phase_limit: None,
            up_by: None,
            carrier_check: None,
            next_echo: None,
            unanswered_echoes: 0,
            answers_echo: false,
            refuses_echo: false,
            negotiations: 0,
            stray_terminates: 0,
            told_authenticated: false,
            stats: LinkStats::default(),
            config,
        }
    }

    /// Takes one input at the time `now`; then poll until `Timeout` or `Idle`.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if self.ended {
            return;
        }
        match input {
            Input::Open if self.phase == Phase::Dead => {
                self.phase = Phase::Establish;
                let effects = self.lcp.open(now, self.config.passive);
                if !self.config.passive {
                    self.begin(now);
                }
                self.apply_lcp(now, effects);
            }
            Input::Octets(octets) if self.phase != Phase::Dead => self.octets(now, octets),
            Input::Packet(packet) => self.packet_out(packet),
            Input::Close => self.close(now),
            Input::LineLost => self.finish(LinkError::LineLost),
            Input::Open | Input::Octets(_) | Input::Timeout => {}
        }
        self.tick(now);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        if self.ended {
            return Output::Idle;
        }
        let auth = self.auth.as_ref().and_then(Auth::deadline);
        [
            self.lcp.deadline(),
            self.layers[0].negotiator.deadline(),
            self.layers[1].negotiator.deadline(),
            auth,
            self.phase_limit,
            self.up_by,
            self.carrier_check,
            self.next_echo,
        ]
        .into_iter()
        .flatten()
        .min()
        .map_or(Output::Idle, Output::Timeout)
    }

    /// Where the link is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Octets of the largest packet that the peer takes.
    #[must_use]
    pub fn peer_mru(&self) -> usize {
        self.lcp.policy.peer_mru()
    }

    /// Counters since the beginning.
    #[must_use]
    pub const fn stats(&self) -> LinkStats {
        self.stats
    }

    fn close(&mut self, now: Instant) {
        match self.lcp.state() {
            State::Initial | State::Starting | State::Closed | State::Stopped => {
                self.finish(LinkError::Closed);
            }
            _ => {
                self.phase = Phase::Terminate;
                self.phase_limit = None;
                let effects = self.lcp.close(now);
                self.apply_lcp(now, effects);
            }
        }
    }

    /// From now on there is a peer, or should be.
    fn begin(&mut self, now: Instant) {
        self.phase_limit = Some(now + establish_limit(&self.config));
        self.up_by = Some(now + network::whole_limit(&self.config));
    }

    fn tick(&mut self, now: Instant) {
        if self.ended {
            return;
        }
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if due(self.carrier_check) {
            self.carrier_check = None;
            self.no_carrier(NO_CARRIER);
            return;
        }
        if due(self.phase_limit) || due(self.up_by) {
            self.phase_limit = None;
            self.up_by = None;
            self.out_of_time(now);
            if self.ended {
                return;
            }
        }
        let effects = self.lcp.tick(now);
        self.apply_lcp(now, effects);
        for family in [Family::V4, Family::V6] {
            let effects = self.layer(family).negotiator.tick(now);
            self.apply_ncp(now, family, effects);
        }
        let effects = self.auth.as_mut().map(|auth| auth.tick(now)).unwrap_or_default();
        self.apply_auth(now, effects);
        if due(self.next_echo) {
            self.echo(now);
        }
    }

    fn out_of_time(&mut self, now: Instant) {
        match self.phase {
            Phase::Network | Phase::Open => {
                for family in [Family::V4, Family::V6] {
                    let layer = self.layer(family);
                    if layer.state == network::State::Pending {
                        let reason = layer.unanswered();
                        self.refuse(now, family, reason);
                    }
                }
            }
            Phase::Establish => self.finish(LinkError::NoAgreement { phase: self.phase }),
            phase => self.finish(LinkError::Timeout { phase }),
        }
    }

    fn octets(&mut self, now: Instant, octets: &[u8]) {
        let mut deframer = std::mem::replace(&mut self.deframer, Deframer::new(0));
        deframer.feed(octets, |one| match one {
            Deframed::Frame(frame) => self.frame(now, frame),
            Deframed::Text(text) => self.text(text),
            Deframed::Bad(_) => self.stats.bad_frames += 1,
        });
        let cut_off = deframer.unfinished_ends_with(b"\r\nNO CARRIER\r\n");
        self.carrier_check = cut_off.then(|| now + CARRIER_SILENCE);
        self.deframer = deframer;
    }

    fn text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text).trim().to_owned();
        if text.is_empty() || self.ended {
            return;
        }
        self.outputs.push_back(Output::Event(LinkEvent::Text(text.clone())));
        if text == NO_CARRIER {
            self.no_carrier(&text);
        }
    }

    fn no_carrier(&mut self, text: &str) {
        self.finish(if self.phase == Phase::Terminate {
            LinkError::Closed
        } else {
            LinkError::NoCarrier { text: text.to_owned() }
        });
    }

    fn frame(&mut self, now: Instant, frame: &[u8]) {
        if self.ended {
            return;
        }
        let Ok((number, payload)) = split_frame(frame) else {
            self.stats.malformed += 1;
            return;
        };
        self.stats.frames_received += 1;
        if self.config.observe {
            let seen = normalised(number, payload);
            self.outputs.push_back(Output::Frame(TapDirection::Received, seen));
        }
        self.unanswered_echoes = 0;
        match number {
            protocol::IP if self.speaks(protocol::IPCP) => self.packet_in(Family::V4, payload),
            protocol::IPV6 if self.speaks(protocol::IPV6CP) => {
                self.packet_in(Family::V6, payload);
            }
            protocol::LCP | protocol::PAP | protocol::CHAP => {
                let Ok(packet) = ControlPacket::decode(payload) else {
                    self.stats.malformed += 1;
                    return;
                };
                match number {
                    protocol::LCP => self.receive_lcp(now, &packet),
                    _ => self.receive_auth(now, number, &packet),
                }
            }
            protocol::IPCP | protocol::IPV6CP if self.speaks(number) => {
                let family = if number == protocol::IPCP { Family::V4 } else { Family::V6 };
                match ControlPacket::decode(payload) {
                    Ok(packet) => self.receive_ncp(now, family, &packet),
                    Err(_) => self.stats.malformed += 1,
                }
            }
            _ if self.lcp.opened() => {
                self.stats.unknown_protocols += 1;
                let mut data = number.to_be_bytes().to_vec();
                data.extend_from_slice(payload);
                data.truncate(self.lcp.policy.peer_mru().saturating_sub(4));
                let identifier = self.lcp.next_identifier();
                self.send_lcp(&ControlPacket::new(code::PROTOCOL_REJECT, identifier, data));
            }
            _ => self.stats.unknown_protocols += 1,
        }
    }

    /// Whether a network control protocol takes part on this link.
    fn speaks(&self, number: u16) -> bool {
        self.layers.iter().any(|layer| layer.number() == number && layer.takes_part())
    }

    fn packet_in(&mut self, family: Family, packet: &[u8]) {
        if version(packet) != Some(family) {
            self.stats.malformed += 1;
        } else if self.phase == Phase::Open && self.layer(family).state == network::State::Up {
            self.outputs.push_back(Output::Packet(packet.to_vec()));
        } else {
            self.stats.untimely += 1;
        }
    }

    fn packet_out(&mut self, packet: &[u8]) {
        let number = match version(packet) {
            Some(Family::V4) => protocol::IP,
            Some(Family::V6) => protocol::IPV6,
            None => return self.stats.malformed += 1,
        };
        let up = |layer: &Layer| {
            Some(layer.family) == version(packet) && layer.state == network::State::Up
        };
        if self.phase == Phase::Open && self.layers.iter().any(up) {
            self.send(number, packet);
        } else {
            self.stats.untimely += 1;
        }
    }

    fn receive_lcp(&mut self, now: Instant, packet: &ControlPacket) {
        let was_open = self.lcp.opened();
        match packet.code {
            code::CONFIGURE_REQUEST..=code::CODE_REJECT => {
                if self.phase_limit.is_none() && self.phase == Phase::Establish {
                    self.begin(now);
                }
                let phase = self.phase;
                if packet.code == code::CODE_REJECT
                    && packet.data.first() == Some(&code::ECHO_REQUEST)
                {
                    self.refuses_echo = true;
                    self.next_echo = None;
                }
                let effects = self.lcp.receive(now, packet);
                self.apply_lcp(now, effects);
                if packet.code == code::TERMINATE_REQUEST && phase != Phase::Terminate {
                    self.stray_terminates += 1;
                    if was_open || self.stray_terminates > MAX_STRAY_TERMINATES {
                        self.finish(LinkError::PeerTerminated { phase, message: words(packet) });
                    }
                }
                if self.lcp.policy.echoes_of_us >= MAX_ECHOES_OF_US {
                    self.finish(LinkError::LoopDetected);
                } else if self.lcp.policy.auth_unsupported {
                    self.finish(LinkError::AuthUnsupported);
                } else if self.lcp.refusals() > self.config.max_configure {
                    self.finish(LinkError::NoAgreement { phase: Phase::Establish });
                }
            }
            code::PROTOCOL_REJECT => match packet.data.as_slice() {
                [high, low, ..] if was_open => {
                    self.protocol_rejected(now, u16::from_be_bytes([*high, *low]));
                }
                _ => {}
            },
            code::ECHO_REQUEST => {
                let (magic, rest) = packet.data.split_at_checked(4).unwrap_or((&[], &[]));
                let ours = self.lcp.policy.magic().to_be_bytes();
                if !was_open {
                    return;
                }
                if ours != [0; 4] && magic == ours {
                    self.finish(LinkError::LoopDetected);
                    return;
                }
                if matches!(&self.config.role, Role::Server(server) if server.quirks.deaf_to_echo) {
                    return;
                }
                let data = [&ours[..], rest].concat();
                self.send_lcp(&ControlPacket::new(code::ECHO_REPLY, packet.identifier, data));
            }
            // It shows life, which every frame does, and that the peer's silence would tell.
            code::ECHO_REPLY => self.answers_echo = true,
            // For nobody.
            code::DISCARD_REQUEST => {}
            code::IDENTIFICATION => {
                let text = printable(packet.data.get(4..).unwrap_or_default());
                self.outputs.push_back(Output::Event(LinkEvent::Identification(text)));
            }
            code::TIME_REMAINING => {
                let (_, rest) = packet.data.split_at_checked(4).unwrap_or_default();
                let Some((seconds, text)) = rest.split_first_chunk::<4>() else { return };
                let seconds = u32::from_be_bytes(*seconds);
                let message = printable(text);
                self.outputs
                    .push_back(Output::Event(LinkEvent::TimeRemaining { seconds, message }));
            }
            _ => {
                let identifier = self.lcp.next_identifier();
                self.send_lcp(&self.code_reject(identifier, packet));
            }
        }
    }

    fn code_reject(&self, identifier: u8, packet: &ControlPacket) -> ControlPacket {
        let mut data = packet.encode();
        data.truncate(self.lcp.policy.peer_mru().saturating_sub(4));
        ControlPacket::new(code::CODE_REJECT, identifier, data)
    }

    fn protocol_rejected(&mut self, now: Instant, number: u16) {
        match number {
            protocol::IPCP => {
                self.refuse(now, Family::V4, LinkError::IpRejected { family: Family::V4 });
            }
            protocol::IPV6CP => {
                self.refuse(now, Family::V6, LinkError::IpRejected { family: Family::V6 });
            }
            protocol::PAP | protocol::CHAP if self.phase == Phase::Authenticate => {
                self.finish(LinkError::AuthUnsupported);
            }
            protocol::LCP => {
                let effects = self.lcp.rejected_for_good(now);
                self.apply_lcp(now, effects);
            }
            _ => {}
        }
    }

    fn receive_auth(&mut self, now: Instant, number: u16, packet: &ControlPacket) {
        if !matches!(self.phase, Phase::Authenticate | Phase::Network | Phase::Open) {
            return;
        }
        let effects =
            self.auth.as_mut().map(|auth| auth.receive(now, number, packet)).unwrap_or_default();
        self.apply_auth(now, effects);
    }

    fn receive_ncp(&mut self, now: Instant, family: Family, packet: &ControlPacket) {
        if self.phase == Phase::Authenticate && packet.code == code::CONFIGURE_REQUEST {
            if let Some(auth) = &mut self.auth {
                auth.presume_success();
            }
            self.apply_auth(now, Vec::new());
        }
        if !matches!(self.phase, Phase::Network | Phase::Open) {
            self.stats.untimely += 1;
            return;
        }
        let phase = self.phase;
        let limit = self.config.max_ipcp_failure;
        let layer = self.layer(family);
        if packet.code == 0 || packet.code > code::CODE_REJECT {
            let (number, identifier) = (layer.number(), layer.negotiator.next_identifier());
            let reject = self.code_reject(identifier, packet);
            self.send(number, &reject.encode());
            return;
        }
        let effects = layer.negotiator.receive(now, packet);
        self.apply_ncp(now, family, effects);
        let over = if packet.code == code::TERMINATE_REQUEST {
            Some(LinkError::PeerTerminated { phase, message: words(packet) })
        } else {
            self.layer(family).broken(limit)
        };
        if let Some(reason) = over {
            self.refuse(now, family, reason);
        }
    }

    const fn layer(&mut self, family: Family) -> &mut Layer {
        let [v4, v6] = &mut self.layers;
        match family {
            Family::V4 => v4,
            Family::V6 => v6,
        }
    }

    /// One version of IP does not come up. The link lives on when it is up in the other one, or may
    /// be soon; one that was up is missed by somebody.
    fn refuse(&mut self, now: Instant, family: Family, reason: LinkError) {
        if self.ended || !self.layer(family).takes_part() {
            return;
        }
        let layer = self.layer(family);
        layer.negotiator.lower_down(now);
        layer.state = network::State::Refused(reason.clone());
        let was_up = layer.was_up();
        let others = self.layers.iter().any(Layer::takes_part);
        if was_up || !others {
            // What became of IPv4 says more.
            let first = self.layers.iter().find_map(|layer| match &layer.state {
                network::State::Refused(reason) => Some(reason.clone()),
                _ => None,
            });
            self.finish(if was_up { reason } else { first.unwrap_or(reason) });
            return;
        }
        self.outputs.push_back(Output::Event(LinkEvent::Refused { family, reason }));
        self.relax();
    }

    /// No time limit for what is not pending.
    fn relax(&mut self) {
        if !network::any(&self.layers, &network::State::Pending) {
            self.phase_limit = None;
        }
    }

    fn apply_lcp(&mut self, now: Instant, effects: Vec<Effect>) {
        for effect in effects {
            if self.ended {
                return;
            }
            match effect {
                Effect::Send(packet) => self.send_lcp(&packet),
                Effect::Up => self.lcp_up(now),
                Effect::Down => self.lcp_down(now),
                Effect::Finished => self.finish(match self.phase {
                    Phase::Terminate => LinkError::Closed,
                    _ if self.lcp.gave_up() => LinkError::Timeout { phase: Phase::Establish },
                    _ => LinkError::NoAgreement { phase: Phase::Establish },
                }),
            }
        }
    }

    fn lcp_up(&mut self, now: Instant) {
        if self.phase == Phase::Terminate {
            return;
        }
        self.negotiations += 1;
        if self.negotiations > MAX_RENEGOTIATIONS {
            self.finish(LinkError::NoAgreement { phase: Phase::Establish });
            return;
        }
        if self.negotiations == 1 {
            self.outputs.push_back(Output::Event(LinkEvent::LcpOpen));
        }
        self.format = self.lcp.policy.format();
        self.phase = Phase::Authenticate;
        self.phase_limit = Some(now + self.config.auth_limit);
        let echo = self.config.echo.filter(|_| !self.refuses_echo);
        self.next_echo = echo.map(|echo| now + echo.interval);
        let (credentials, checker) = match &self.config.role {
            Role::Client(client) => (client.credentials.clone(), Checker::default()),
            Role::Server(server) => (
                None,
                Checker {
                    refuse_everyone: server.quirks.refuse_everyone,
                    accepted: server.accepted.clone(),
                    name: server.name.clone(),
                    refusal: server.refusal.clone(),
                },
            ),
        };
        let mut auth = Auth::new(
            self.lcp.policy.asked_of_us(),
            credentials.unwrap_or_else(|| Credentials::new("", "")),
            self.lcp.policy.asked_of_peer(),
            checker,
            self.config.restart,
            self.auth_identifier,
            &mut self.numbers,
        );
        let effects = auth.start(now);
        self.auth = Some(auth);
        self.apply_auth(now, effects);
    }

    fn lcp_down(&mut self, now: Instant) {
        for layer in &mut self.layers {
            layer.reset(now);
        }
        if let Some(auth) = self.auth.take() {
            self.auth_identifier = auth.last_identifier();
        }
        self.next_echo = None;
        self.format = FrameFormat::default();
        if self.phase != Phase::Terminate {
            self.phase = Phase::Establish;
            self.phase_limit = Some(now + establish_limit(&self.config));
            self.up_by = self.up_by.or_else(|| Some(now + network::whole_limit(&self.config)));
        }
    }

    fn apply_auth(&mut self, now: Instant, effects: Vec<AuthEffect>) {
        for effect in effects {
            match effect {
                AuthEffect::Send(number, packet) => self.send(number, &packet.encode()),
                AuthEffect::Refused(message) => {
                    self.finish(LinkError::AuthRejected { message });
                    return;
                }
            }
        }
        let Some(auth) = &self.auth else { return };
        if !self.ended && self.phase == Phase::Authenticate && auth.done() {
            if !self.told_authenticated {
                self.told_authenticated = true;
                let by = auth.by();
                self.outputs.push_back(Output::Event(LinkEvent::Authenticated { by }));
            }
            self.phase = Phase::Network;
            self.phase_limit = Some(now + self.config.ipcp_limit);
            for family in [Family::V4, Family::V6] {
                let layer = self.layer(family);
                if layer.state == network::State::Pending {
                    let effects = layer.negotiator.open(now, false);
                    self.apply_ncp(now, family, effects);
                }
            }
        }
    }

    fn apply_ncp(&mut self, now: Instant, family: Family, effects: Vec<Effect>) {
        for effect in effects {
            if self.ended {
                return;
            }
            let number = self.layer(family).number();
            match effect {
                Effect::Send(packet) => self.send(number, &packet.encode()),
                Effect::Up => self.network_up(now, family),
                Effect::Down => {
                    self.layer(family).state = network::State::Pending;
                    self.phase_limit = Some(now + self.config.ipcp_limit);
                    if !network::any(&self.layers, &network::State::Up) {
                        self.phase = Phase::Network;
                        self.up_by = Some(now + network::whole_limit(&self.config));
                    }
                }
                Effect::Finished => {
                    let reason = self.layer(family).unanswered();
                    self.refuse(now, family, reason);
                }
            }
        }
    }

    fn network_up(&mut self, now: Instant, family: Family) {
        let layer = self.layer(family);
        let sane = layer.count_up();
        let agreed = layer.negotiator.policy.agreed();
        if !sane {
            self.finish(LinkError::NoAgreement { phase: Phase::Network });
            return;
        }
        if self.phase != Phase::Open {
            self.phase = Phase::Open;
            // Whether the peer answers is worth knowing before the line may fall silent.
            self.next_echo = self.next_echo.map(|_| now);
        }
        self.up_by = None;
        self.relax();
        self.outputs.push_back(Output::Event(agreed));
    }

    fn echo(&mut self, now: Instant) {
        let Some(echo) = self.config.echo else { return };
        let limit = match echo.give_up {
            GiveUp::After(limit) => Some(limit),
            GiveUp::OnceAnsweredAfter(limit) if self.answers_echo => Some(limit),
            GiveUp::Never | GiveUp::OnceAnsweredAfter(_) => None,
        };
        if limit.is_some_and(|limit| self.unanswered_echoes >= limit) {
            self.finish(LinkError::EchoLost);
            return;
        }
        self.unanswered_echoes = self.unanswered_echoes.saturating_add(1);
        self.next_echo = Some(now + echo.interval);
        let magic = self.lcp.policy.magic().to_be_bytes();
        let identifier = self.lcp.next_identifier();
        self.send_lcp(&ControlPacket::new(code::ECHO_REQUEST, identifier, magic));
    }

    fn send_lcp(&mut self, packet: &ControlPacket) {
        self.send(protocol::LCP, &packet.encode());
    }

    fn send(&mut self, number: u16, payload: &[u8]) {
        if self.ended {
            return;
        }
        // LCP is written so that a peer which knows nothing yet understands it.
        let format = if number == protocol::LCP { FrameFormat::default() } else { self.format };
        let mut octets = Vec::new();
        format.encode(number, payload, &mut octets);
        if self.config.observe {
            let seen = normalised(number, payload);
            self.outputs.push_back(Output::Frame(TapDirection::Sent, seen));
        }
        self.stats.frames_sent += 1;
        self.outputs.push_back(Output::Transmit(octets));
    }

    /// Ends the link; a peer that still listens is told.
    fn finish(&mut self, error: LinkError) {
        if self.ended {
            return;
        }
        let peer_listens = !matches!(
            error,
            LinkError::Closed
                | LinkError::LineLost
                | LinkError::NoCarrier { .. }
                | LinkError::LoopDetected
                | LinkError::PeerTerminated { .. }
                | LinkError::Timeout { phase: Phase::Establish }
        );
        if peer_listens {
            let identifier = self.lcp.next_identifier();
            self.send_lcp(&ControlPacket::new(code::TERMINATE_REQUEST, identifier, []));
        }
        self.outputs.push_back(Output::Event(LinkEvent::Down(error)));
        self.phase = Phase::Dead;
        self.ended = true;
    }
}

/// The version of IP of a packet.
fn version(packet: &[u8]) -> Option<Family> {
    match packet.first()? >> 4 {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        _ => None,
    }
}

/// What a peer says with its Terminate-Request, if it is text.
fn words(packet: &ControlPacket) -> String {
    printable(&packet.data)
}

fn printable(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    let printable: String =
        text.chars().filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER).collect();
    printable.trim().to_owned()
}
