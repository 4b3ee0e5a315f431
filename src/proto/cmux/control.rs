//! What the control channel says and how it is answered (3GPP TS 27.010 clause 5.4.6).

use std::time::Instant;

use bytes::Bytes;

use super::channel::{State, Waiting};
use super::mux::{Mux, again};
use super::{End, Event, Role};
use crate::codec::cmux::{
    Break, ControlMessage, FrameType, MAX_INFORMATION, Message, ModemStatus, Parameters, RemotePort,
};

/// What a port behind a channel is said to be set to: 9600 bit/s, 8N1, no flow control, the usual
/// XON and XOFF, all of it meant (clause 5.4.6.3.9). There is no such port.
const PORT: [u8; 7] = [0x03, 0x03, 0x00, 0x11, 0x13, 0x7F, 0x3F];

impl Mux {
    /// `own`: the frame has the C/R bit of this side's frames, as an echo has, and the frames of
    /// modems that set it wrongly.
    pub(super) fn control_messages(&mut self, octets: &[u8], own: bool) {
        let (messages, error) = ControlMessage::decode_leading(octets);
        self.stats.damaged += u64::from(error.is_some());
        for it in messages {
            if self.has_ended() {
                return;
            }
            if it.command && own && self.closing_down.is_some() && it.message == Message::CloseDown
            {
                // Whoever is in command mode and echoes has agreed to nothing.
                self.echo_seen = true;
            } else if it.command {
                self.asked(it.message);
            } else {
                self.answered(it.message);
            }
        }
    }

    fn asked(&mut self, message: Message) {
        let answer = match message {
            Message::Test(value) if self.probing.is_some() && value == self.probe_value() => {
                // This side's own question came back as it went.
                self.end(End::Lost);
                return;
            }
            Message::CloseDown => {
                self.control(&ControlMessage::response(Message::CloseDown));
                self.end(End::ByPeer);
                return;
            }
            Message::FlowOff => {
                self.paused_by_peer = true;
                message
            }
            Message::FlowOn => {
                self.paused_by_peer = false;
                message
            }
            Message::ModemStatus(status) => {
                self.status(status);
                Message::ModemStatus(status)
            }
            Message::ParameterNegotiation(wanted) => self.negotiate(wanted),
            Message::RemotePort(port) => Message::RemotePort(RemotePort {
                settings: Some(port.settings.unwrap_or(PORT)),
                ..port
            }),
            // That is never a question.
            Message::NotSupported(_) => return,
            Message::Test(_) | Message::LineStatus { .. } => message,
            // Neither sleeps this side nor does it offer services.
            Message::PowerSaving => not_supported(0x43),
            Message::Service { .. } => not_supported(0xD3),
            Message::Other { kind, .. } => not_supported(kind | 0x03),
        };
        self.control(&ControlMessage::response(answer));
    }

    fn answered(&mut self, message: Message) {
        match message {
            Message::ModemStatus(status) => {
                if let Some(channel) = self.channels.get_mut(&status.dlci) {
                    channel.status = None;
                }
            }
            // MSC is not known: no use to repeat it.
            Message::NotSupported(0xE3 | 0xE1) => {
                self.probing = None;
                self.channels.values_mut().for_each(|channel| channel.status = None);
            }
            Message::Test(_) | Message::NotSupported(_) => self.probing = None,
            Message::CloseDown if self.closing_down.is_some() => {
                self.end(End::ClosedDown { answered: true });
            }
            _ => {}
        }
    }

    fn status(&mut self, status: ModemStatus) {
        let Some(channel) = self.channels.get_mut(&status.dlci) else { return };
        if !matches!(channel.state, State::Open | State::Opening(_)) {
            return;
        }
        let before = channel.remote.replace(status.signals);
        if before != Some(status.signals) {
            self.event(Event::Signals { dlci: status.dlci, signals: status.signals });
        }
        if matches!(status.break_signal, Some(Break { present: true, .. })) {
            self.event(Event::Break(status.dlci));
        }
    }

    /// Takes what the other side wishes as far as this side can (clause 5.4.6.3.1).
    fn negotiate(&mut self, wanted: Parameters) -> Message {
        let limit = self.config.max_received.min(MAX_INFORMATION);
        let n1 = usize::from(wanted.n1).clamp(1, limit);
        self.channel(wanted.dlci).n1 = Some(n1);
        Message::ParameterNegotiation(Parameters {
            frame_type: 0,
            n1: u16::try_from(n1).unwrap_or(u16::MAX),
            ..wanted
        })
    }

    /// Asks whether the other side still listens, unless that is being asked.
    pub(super) fn probe(&mut self, now: Instant) {
        if self.probing.is_none() && self.closing_down.is_none() {
            self.probes = self.probes.wrapping_add(1);
            self.probing = Some(self.waiting(now, self.config.t2));
            let value = self.probe_value();
            self.control(&ControlMessage::command(Message::Test(value)));
        }
    }

    /// What the last question of this side carries: no other one does.
    fn probe_value(&self) -> Bytes {
        let role = match self.config.role {
            Role::Initiator => "te",
            Role::Responder => "ms",
        };
        format!("{role} {}", self.probes).into()
    }

    /// The other side says that its control channel is not open, where CLD is heard: whoever has
    /// begun the multiplexer did not come to open it.
    pub(super) fn open_to_close(&mut self, now: Instant) {
        if !self.opened_to_close {
            self.opened_to_close = true;
            self.closing_down = Some(self.waiting(now, self.config.t2));
            self.open(now, 0);
        }
    }

    /// Closes the control channel, which means the same as CLD (clause 5.8.2).
    fn disconnect(&mut self, now: Instant) {
        let waiting = Waiting { until: now + self.config.t2, left: 0 };
        self.channel(0).state = State::Closing(waiting);
        self.command(0, FrameType::Disc);
    }

    pub(super) fn control_timeout(&mut self, now: Instant) {
        let t2 = self.config.t2;
        if let Some(probing) = &mut self.probing {
            match again(probing, now, t2) {
                None => {}
                Some(true) => {
                    self.stats.repeated += 1;
                    let value = self.probe_value();
                    self.control(&ControlMessage::command(Message::Test(value)));
                }
                Some(false) => self.end(End::Lost),
            }
        }
        if let Some(closing) = &mut self.closing_down {
            let last = closing.left <= 1;
            match again(closing, now, t2) {
                None => {}
                // Some modems know only the other way to say it.
                Some(true) if last => self.disconnect(now),
                Some(true) => {
                    self.stats.repeated += 1;
                    self.control(&ControlMessage::command(Message::CloseDown));
                }
                Some(false) => self.end(End::ClosedDown { answered: false }),
            }
        }
    }
}

fn not_supported(type_octet: u8) -> Message {
    Message::NotSupported(type_octet)
}
