//! Messages of the control channel: type, length, value (3GPP TS 27.010 clause 5.4.6).

use bytes::Bytes;

use super::frame::DLCI_BITS;
use crate::codec::{DecodeError, DecodeErrorKind};

/// Octets of the longest value taken; Test may carry anything.
pub const MAX_MESSAGE: usize = 1024;

/// Messages of one frame that are looked at.
const MAX_MESSAGES: usize = 64;

const EA: u8 = 1;
const COMMAND: u8 = 2;

/// Types without the EA and C/R bits, as clause 5.4.6.3 lists them.
mod kind {
    pub(super) const PN: u8 = 0x80;
    pub(super) const PSC: u8 = 0x40;
    pub(super) const CLD: u8 = 0xC0;
    pub(super) const TEST: u8 = 0x20;
    pub(super) const FCON: u8 = 0xA0;
    pub(super) const FCOFF: u8 = 0x60;
    pub(super) const MSC: u8 = 0xE0;
    pub(super) const NSC: u8 = 0x10;
    pub(super) const RPN: u8 = 0x90;
    pub(super) const RLS: u8 = 0x50;
    pub(super) const SNC: u8 = 0xD0;
}

/// The mnemonic of a type octet, whatever its EA and C/R bits; empty when there is none.
#[must_use]
pub const fn kind_name(octet: u8) -> &'static str {
    match octet & !(EA | COMMAND) {
        kind::PN => "PN",
        kind::PSC => "PSC",
        kind::CLD => "CLD",
        kind::TEST => "Test",
        kind::FCON => "FCon",
        kind::FCOFF => "FCoff",
        kind::MSC => "MSC",
        kind::NSC => "NSC",
        kind::RPN => "RPN",
        kind::RLS => "RLS",
        kind::SNC => "SNC",
        _ => "",
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlMessage {
    /// A command, else the response to one.
    pub command: bool,
    /// What it says.
    pub message: Message,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// PN, parameter negotiation.
    ParameterNegotiation(Parameters),
    /// PSC, power saving control.
    PowerSaving,
    /// CLD, multiplexer close down.
    CloseDown,
    /// Test, which comes back as it went.
    Test(Bytes),
    /// FCon: the sender takes frames on all channels again.
    FlowOn,
    /// FCoff: the sender takes no frames but those of the control channel.
    FlowOff,
    /// MSC, modem status.
    ModemStatus(ModemStatus),
    /// NSC: a command of this type octet is not known.
    NotSupported(u8),
    /// RPN, remote port negotiation.
    RemotePort(RemotePort),
    /// RLS, remote line status.
    LineStatus {
        /// The channel.
        dlci: u8,
        /// Bit 0: an error occurred; bits 1 to 3: overrun, parity, framing.
        status: u8,
    },
    /// SNC, service negotiation.
    Service {
        /// The channel.
        dlci: u8,
        /// Services and voice codecs; empty when it asks.
        value: Bytes,
    },
    /// Any other type.
    Other {
        /// The type octet without its EA and C/R bits.
        kind: u8,
        /// Its value.
        value: Bytes,
    },
}

/// Parameters of a channel (clause 5.4.6.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The channel.
    pub dlci: u8,
    /// Which frames carry information and the convergence layer: 0 is UIH and type 1.
    pub frame_type: u8,
    /// Priority, 0 to 63, 0 the highest.
    pub priority: u8,
    /// Acknowledgement timer T1 in hundredths of a second.
    pub t1: u8,
    /// Most octets of information in one frame.
    pub n1: u16,
    /// How often a command is sent again.
    pub n2: u8,
    /// Window of the error recovery mode.
    pub k: u8,
}

/// V.24 signals of a channel (clause 5.4.6.3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModemStatus {
    /// The channel.
    pub dlci: u8,
    /// The signals.
    pub signals: Signals,
    /// A break, when the octet for it is there.
    pub break_signal: Option<Break>,
}

/// A break signal as its four bits of length tell it, in steps of 200 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Whether there is one.
    pub present: bool,
    /// Its length, 0 to 15 steps.
    pub steps: u8,
}

/// The signals' octet without its EA bit; reserved bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals(u8);

impl Signals {
    /// Flow control: the sender cannot take frames on this channel.
    pub const FC: Self = Self(0x02);
    /// Ready to communicate: DTR from a terminal, DSR from a modem.
    pub const RTC: Self = Self(0x04);
    /// Ready to receive: RTS from a terminal, CTS from a modem.
    pub const RTR: Self = Self(0x08);
    /// Incoming call: ring indicator.
    pub const IC: Self = Self(0x40);
    /// Data valid: data carrier detect.
    pub const DV: Self = Self(0x80);

    /// Those of an octet.
    #[must_use]
    pub const fn from_octet(octet: u8) -> Self {
        Self(octet & !EA)
    }

    /// As an octet, EA bit clear.
    #[must_use]
    pub const fn octet(self) -> u8 {
        self.0
    }

    /// Whether all of these are set.
    #[must_use]
    pub const fn has(self, signals: Self) -> bool {
        self.0 & signals.0 == signals.0
    }

    /// With these set or cleared.
    #[must_use]
    pub const fn with(self, signals: Self, on: bool) -> Self {
        Self(if on { self.0 | signals.0 } else { self.0 & !signals.0 })
    }
}

/// Settings of the port behind a channel (clause 5.4.6.3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePort {
    /// The channel.
    pub dlci: u8,
    /// Speed, format, flow control, XON, XOFF and the mask of what is meant; none when it asks.
    pub settings: Option<[u8; 7]>,
}

impl ControlMessage {
    /// A command.
    #[must_use]
    pub const fn command(message: Message) -> Self {
        Self { command: true, message }
    }

    /// A response.
    #[must_use]
    pub const fn response(message: Message) -> Self {
        Self { command: false, message }
    }

    /// Reads all messages of one frame of the control channel.
    ///
    /// # Errors
    /// Names the field and its offset.
    pub fn decode_all(octets: &[u8]) -> Result<Vec<Self>, DecodeError> {
        match Self::decode_leading(octets) {
            (messages, None) => Ok(messages),
            (_, Some(error)) => Err(error),
        }
    }

    /// Reads the messages of one frame up to its end or the first that is broken, and says how that
    /// one is: some modems fill their frames up behind the message.
    #[must_use]
    pub fn decode_leading(octets: &[u8]) -> (Vec<Self>, Option<DecodeError>) {
        let mut messages = Vec::new();
        let mut at = 0;
        while at < octets.len() {
            if messages.len() == MAX_MESSAGES {
                let kind = DecodeErrorKind::LimitExceeded { limit: MAX_MESSAGES };
                return (messages, Some(DecodeError { field: "Type", offset: at, kind }));
            }
            match Self::decode(octets, at) {
                Ok((message, used)) => {
                    messages.push(message);
                    at += used;
                }
                Err(error) => return (messages, Some(error)),
            }
        }
        (messages, None)
    }

    /// The message at `begin` and how many octets it takes.
    fn decode(octets: &[u8], begin: usize) -> Result<(Self, usize), DecodeError> {
        let error = |field, offset, kind| DecodeError { field, offset, kind };
        let truncated = |field, offset| error(field, offset, DecodeErrorKind::Truncated);
        let &type_octet = octets.get(begin).ok_or_else(|| truncated("Type", begin))?;
        if type_octet & EA == 0 {
            // Types of more than one octet are provided for; none is defined.
            return Err(error("Type", begin, DecodeErrorKind::InvalidValue(type_octet)));
        }
        let mut at = begin + 1;
        let mut length = 0_usize;
        let mut shift = 0;
        loop {
            let &octet = octets.get(at).ok_or_else(|| truncated("Length", at))?;
            length |= usize::from(octet >> 1) << shift;
            shift += 7;
            at += 1;
            if octet & EA == EA {
                break;
            }
            if shift > 14 {
                return Err(error(
                    "Length",
                    begin + 1,
                    DecodeErrorKind::NumberTooLarge { bits: 14 },
                ));
            }
        }
        if length > MAX_MESSAGE {
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_MESSAGE };
            return Err(error("Length", begin + 1, kind));
        }
        let value = octets.get(at..at + length).ok_or_else(|| {
            error("Value", at, DecodeErrorKind::LengthExceedsInput { declared: length })
        })?;
        let message = Message::decode(type_octet & !(EA | COMMAND), value)
            .map_err(|(offset, kind)| error("Value", at + offset, kind))?;
        let command = type_octet & COMMAND != 0;
        Ok((Self { command, message }, at + length - begin))
    }

    /// Writes the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (kind, value) = self.message.encode();
        out.push(kind | EA | if self.command { COMMAND } else { 0 });
        let length = value.len();
        if length < 0x80 {
            out.push((length as u8) << 1 | EA);
        } else {
            out.extend_from_slice(&[(length as u8) << 1, ((length >> 7) as u8) << 1 | EA]);
        }
        out.extend_from_slice(&value);
    }
}

type ValueError = (usize, DecodeErrorKind);

/// The octet that names a channel in most values.
fn channel(value: &[u8]) -> Result<u8, ValueError> {
    value.first().map(|octet| octet >> 2).ok_or((0, DecodeErrorKind::Truncated))
}

fn exactly<const N: usize>(value: &[u8]) -> Result<[u8; N], ValueError> {
    match value.split_first_chunk::<N>() {
        Some((octets, [])) => Ok(*octets),
        Some(_) => Err((N, DecodeErrorKind::TrailingData)),
        None => Err((value.len(), DecodeErrorKind::Truncated)),
    }
}

/// As a value writes a channel, with EA and the bit that is always set.
const fn named(dlci: u8) -> u8 {
    (dlci & DLCI_BITS) << 2 | COMMAND | EA
}

impl Message {
    fn decode(kind: u8, value: &[u8]) -> Result<Self, ValueError> {
        let empty = |message| match value {
            [] => Ok(message),
            _ => Err((0, DecodeErrorKind::TrailingData)),
        };
        match kind {
            kind::PN => {
                let [dlci, frame_type, priority, t1, low, high, n2, k] = exactly(value)?;
                Ok(Self::ParameterNegotiation(Parameters {
                    dlci: dlci & DLCI_BITS,
                    frame_type,
                    priority: priority & 0x3F,
                    t1,
                    n1: u16::from_le_bytes([low, high]),
                    n2,
                    k: k & 0x07,
                }))
            }
            kind::PSC => empty(Self::PowerSaving),
            kind::CLD => empty(Self::CloseDown),
            kind::TEST => Ok(Self::Test(Bytes::copy_from_slice(value))),
            kind::FCON => empty(Self::FlowOn),
            kind::FCOFF => empty(Self::FlowOff),
            kind::MSC => {
                let dlci = channel(value)?;
                let (signals, break_octet) = match value {
                    [_, signals] => (*signals, None),
                    [_, signals, octet] => (*signals, Some(*octet)),
                    [_, _, _, ..] => return Err((3, DecodeErrorKind::TrailingData)),
                    _ => return Err((1, DecodeErrorKind::Truncated)),
                };
                let break_signal = break_octet
                    .map(|octet| Break { present: octet & 0x02 != 0, steps: octet >> 4 });
                let signals = Signals::from_octet(signals);
                Ok(Self::ModemStatus(ModemStatus { dlci, signals, break_signal }))
            }
            kind::NSC => exactly::<1>(value).map(|[octet]| Self::NotSupported(octet)),
            kind::RPN => {
                let dlci = channel(value)?;
                let settings = match value.get(1..).unwrap_or_default() {
                    [] => None,
                    settings => Some(exactly(settings).map_err(|(at, kind)| (at + 1, kind))?),
                };
                Ok(Self::RemotePort(RemotePort { dlci, settings }))
            }
            kind::RLS => {
                let [dlci, status] = exactly(value)?;
                Ok(Self::LineStatus { dlci: dlci >> 2, status: status & 0x0F })
            }
            kind::SNC => {
                let dlci = channel(value)?;
                let value = Bytes::copy_from_slice(value.get(1..).unwrap_or_default());
                Ok(Self::Service { dlci, value })
            }
            kind => Ok(Self::Other { kind, value: Bytes::copy_from_slice(value) }),
        }
    }

    /// The type octet without its EA and C/R bits, and the value.
    fn encode(&self) -> (u8, Vec<u8>) {
        match self {
            Self::ParameterNegotiation(it) => {
                let [low, high] = it.n1.to_le_bytes();
                let dlci = it.dlci & DLCI_BITS;
                let (priority, k) = (it.priority & 0x3F, it.k & 0x07);
                (kind::PN, vec![dlci, it.frame_type, priority, it.t1, low, high, it.n2, k])
            }
            Self::PowerSaving => (kind::PSC, Vec::new()),
            Self::CloseDown => (kind::CLD, Vec::new()),
            Self::Test(value) => (kind::TEST, value.to_vec()),
            Self::FlowOn => (kind::FCON, Vec::new()),
            Self::FlowOff => (kind::FCOFF, Vec::new()),
            Self::ModemStatus(it) => {
                let mut value = vec![named(it.dlci)];
                match it.break_signal {
                    None => value.push(it.signals.octet() | EA),
                    Some(signal) => {
                        let present = if signal.present { 0x02 } else { 0 };
                        let steps = (signal.steps & 0x0F) << 4;
                        // The EA bit says that another octet follows.
                        value.extend_from_slice(&[it.signals.octet(), steps | present | EA]);
                    }
                }
                (kind::MSC, value)
            }
            Self::NotSupported(octet) => (kind::NSC, vec![*octet]),
            Self::RemotePort(it) => {
                let mut value = vec![named(it.dlci)];
                value.extend(it.settings.iter().flatten());
                (kind::RPN, value)
            }
            Self::LineStatus { dlci, status } => (kind::RLS, vec![named(*dlci), status & 0x0F]),
            Self::Service { dlci, value } => {
                (kind::SNC, [&[named(*dlci)], value.as_ref()].concat())
            }
            Self::Other { kind, value } => (*kind, value.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(octets: &[u8]) -> Result<Vec<ControlMessage>, DecodeError> {
        ControlMessage::decode_all(octets)
    }

    #[test]
    fn break_is_read_with_its_length() {
        let signals = Signals::RTC.with(Signals::RTR, true);
        let break_signal = Some(Break { present: true, steps: 5 });
        let status = ModemStatus { dlci: 1, signals, break_signal };
        let message = ControlMessage::command(Message::ModemStatus(status));
        let mut out = Vec::new();
        message.encode(&mut out);
        assert_eq!(out, [0xE3, 0x07, 0x07, 0x0C, 0x53]);
        assert_eq!(told(&out), Ok(vec![message]));
    }

    #[test]
    fn several_messages_in_one_frame_are_read_in_order() {
        let octets = [0xA3, 0x01, 0xE3, 0x05, 0x07, 0x0D, 0x11, 0x03, 0x27];
        let messages = told(&octets).unwrap();
        assert_eq!(messages.len(), 3);
        assert_eq!(messages[0], ControlMessage::command(Message::FlowOn));
        assert_eq!(messages[2], ControlMessage::response(Message::NotSupported(0x27)));
    }

    #[test]
    fn messages_before_a_broken_one_are_read() {
        let (messages, error) = ControlMessage::decode_leading(&[0xE3, 0x05, 0x07, 0x0D, 0, 0]);
        let signals = Signals::RTC.with(Signals::RTR, true);
        let status = ModemStatus { dlci: 1, signals, break_signal: None };
        assert_eq!(messages, [ControlMessage::command(Message::ModemStatus(status))]);
        assert_eq!(error.unwrap().offset, 4);
    }

    #[test]
    fn errors_name_field_and_place() {
        for (octets, text) in [
            (&[0xE3][..], "Length at octet 1: the input ends here"),
            (&[0xE3, 0x05, 0x07], "Value at octet 2: 2 octets are announced, more than there are"),
            (&[0xE3, 0x03, 0x07], "Value at octet 3: the input ends here"),
            (&[0xC3, 0x03, 0x00], "Value at octet 2: octets are left over"),
            (&[0xE2, 0x01], "Type at octet 0: invalid value 0xe2"),
            (&[0x23, 0x02, 0x02, 0x02, 0x03], "Length at octet 1: a number of more than 14 bits"),
            (&[0x23, 0x00, 0x21], "Length at octet 1: more than the limit of 1024"),
            (&[0x83, 0x0F, 0x01, 0, 0, 0, 0, 0, 0], "Value at octet 9: the input ends here"),
        ] {
            assert_eq!(told(octets).unwrap_err().to_string(), text, "{octets:02x?}");
        }
    }

    fn message() -> impl Strategy<Value = Message> {
        let octets = || proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
        let dlci = || 0..=DLCI_BITS;
        let signals = any::<u8>().prop_map(Signals::from_octet);
        let steps = proptest::option::of((any::<bool>(), 0..16_u8));
        prop_oneof![
            (dlci(), any::<u8>(), 0..64_u8, any::<u8>(), any::<u16>(), any::<u8>(), 0..8_u8)
                .prop_map(|(dlci, frame_type, priority, t1, n1, n2, k)| {
                    Message::ParameterNegotiation(Parameters {
                        dlci,
                        frame_type,
                        priority,
                        t1,
                        n1,
                        n2,
                        k,
                    })
                }),
            Just(Message::PowerSaving),
            Just(Message::CloseDown),
            octets().prop_map(Message::Test),
            Just(Message::FlowOn),
            Just(Message::FlowOff),
            (dlci(), signals, steps).prop_map(|(dlci, signals, steps)| {
                let break_signal = steps.map(|(present, steps)| Break { present, steps });
                Message::ModemStatus(ModemStatus { dlci, signals, break_signal })
            }),
            any::<u8>().prop_map(Message::NotSupported),
            (dlci(), proptest::option::of(any::<[u8; 7]>()))
                .prop_map(|(dlci, settings)| Message::RemotePort(RemotePort { dlci, settings })),
            (dlci(), 0..16_u8).prop_map(|(dlci, status)| Message::LineStatus { dlci, status }),
            (dlci(), octets()).prop_map(|(dlci, value)| Message::Service { dlci, value }),
            octets().prop_map(|value| Message::Other { kind: 0xF0, value }),
        ]
    }

    proptest! {
        #[test]
        fn messages_survive(messages in proptest::collection::vec((any::<bool>(), message()), 0..5)) {
            let messages: Vec<ControlMessage> =
                messages.into_iter().map(|(command, message)| ControlMessage { command, message }).collect();
            let mut octets = Vec::new();
            for message in &messages {
                message.encode(&mut octets);
            }
            prop_assert_eq!(ControlMessage::decode_all(&octets), Ok(messages));
        }
    }
}
