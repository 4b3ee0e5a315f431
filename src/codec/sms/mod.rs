//! SMS TPDUs (3GPP TS 23.040) and their alphabets (3GPP TS 23.038).
//!
//! May use: model. The simulator encodes what the gateway decodes, so every PDU goes both ways;
//! the SMSC prefix that modems put in front of a TPDU (3GPP TS 27.005) is split off by
//! [`split_smsc`].

mod address;
mod alphabet;
mod command;
mod compose;
mod dcs;
mod deliver;
mod names;
mod national;
mod outline;
mod parameters;
mod reader;
mod report;
mod scts;
mod smsc;
mod split;
mod status_report;
mod submit;
mod udh;
mod user_data;
mod validity;

pub use address::{MAX_ADDRESS, SmsAddress};
pub use alphabet::{Shift, decode_gsm7, encode_gsm7};
pub use command::Command;
pub use compose::SmsSubmit;
pub use dcs::{Alphabet, CodingGroup, Dcs, MessageClass, MessageWaiting, WaitingKind};
pub use deliver::Deliver;
pub use names::{
    StatusOutcome, command_type_name, element_name, failure_cause_name, protocol_identifier_name,
    status_name, status_outcome,
};
pub use national::Language;
pub use outline::{Direction, outline, outline_with_smsc};
pub use parameters::Parameters;
pub use report::{DeliverReport, SubmitReport};
pub use scts::Scts;
pub use smsc::{from_hex, join_smsc, split_smsc, to_hex};
pub use split::{
    ConcatReference, MAX_PARTS, TextCoding, TextCount, count_text, join_text,
    port_addressed_delivers, split_datagram, split_text,
};
pub use status_report::StatusReport;
pub use submit::Submit;
pub use udh::{Concat, InformationElement, Ports, Udh};
pub use user_data::{Body, UserData};
pub use validity::ValidityPeriod;

use super::{DecodeError, DecodeErrorKind, Decoded, Warning};
use reader::Reader;

/// Octets of user data in one TPDU, its header included (clause 9.2.3.24).
pub const MAX_USER_DATA: usize = 140;

/// Longest TPDU that is decoded. The longest of the specification has 176 octets; some SMSCs leave
/// padding behind the user data.
pub const MAX_TPDU: usize = 512;

/// TP-Protocol-Identifier of a "Short Message Type 0": it is acknowledged, and neither shown nor
/// announced to the user (3GPP TS 23.040 clause 9.2.3.9).
pub const PID_TYPE_0: u8 = 0x40;

/// WDP port of the WAP Push connectionless session service (WAP-235).
pub const PORT_WAP_PUSH: u16 = 2948;

/// WDP port of WAP connectionless sessions, the usual source of a push.
pub const PORT_WAP_WSP: u16 = 9200;

/// One TPDU.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tpdu {
    /// SMS-DELIVER: a message for the subscriber.
    Deliver(Deliver),
    /// SMS-STATUS-REPORT: what became of a message that the subscriber sent.
    StatusReport(StatusReport),
    /// SMS-SUBMIT: a message by the subscriber, as storages of SIM and modem hold them too.
    Submit(Submit),
    /// SMS-COMMAND: what the subscriber wants done with a message that was submitted.
    Command(Command),
    /// SMS-DELIVER-REPORT: how the mobile took an SMS-DELIVER.
    DeliverReport(DeliverReport),
    /// SMS-SUBMIT-REPORT: how the service centre took an SMS-SUBMIT.
    SubmitReport(SubmitReport),
}

impl Tpdu {
    /// Decodes a TPDU that travels from the service centre to the mobile. The reserved message
    /// type 3 is read as SMS-DELIVER, as clause 9.2.3.1 says.
    ///
    /// # Errors
    /// Names the field that does not decode.
    pub fn from_network(octets: &[u8]) -> Result<Decoded<Self>, DecodeError> {
        let (mut reader, first, mut warnings) = begin(octets)?;
        let value = match first & 0b11 {
            0b01 => Self::SubmitReport(SubmitReport::read(first, &mut reader, &mut warnings)?),
            0b10 => Self::StatusReport(StatusReport::read(first, &mut reader, &mut warnings)?),
            _ => Self::Deliver(Deliver::read(first, &mut reader, &mut warnings)?),
        };
        Ok(Decoded { value, warnings })
    }

    /// Decodes a TPDU that travels from the mobile to the service centre, or a stored message that
    /// the modem lists as sent or unsent.
    ///
    /// # Errors
    /// Names the field that does not decode, or the reserved message type 3.
    pub fn from_mobile(octets: &[u8]) -> Result<Decoded<Self>, DecodeError> {
        let (mut reader, first, mut warnings) = begin(octets)?;
        let value = match first & 0b11 {
            0b00 => Self::DeliverReport(DeliverReport::read(first, &mut reader, &mut warnings)?),
            0b01 => Self::Submit(Submit::read(first, &mut reader, &mut warnings)?),
            0b10 => Self::Command(Command::read(first, &mut reader, &mut warnings)?),
            _ => return Err(unexpected(first)),
        };
        Ok(Decoded { value, warnings })
    }

    /// Decodes a TPDU that travels in this direction.
    ///
    /// # Errors
    /// As [`Self::from_network`] and [`Self::from_mobile`].
    pub fn decode(octets: &[u8], direction: Direction) -> Result<Decoded<Self>, DecodeError> {
        match direction {
            Direction::ToMobile => Self::from_network(octets),
            Direction::FromMobile => Self::from_mobile(octets),
        }
    }

    /// The name of its kind in the specification.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deliver(_) => "SMS-DELIVER",
            Self::StatusReport(_) => "SMS-STATUS-REPORT",
            Self::Submit(_) => "SMS-SUBMIT",
            Self::Command(_) => "SMS-COMMAND",
            Self::DeliverReport(_) => "SMS-DELIVER-REPORT",
            Self::SubmitReport(_) => "SMS-SUBMIT-REPORT",
        }
    }

    /// The octets, without SMSC prefix.
    ///
    /// # Errors
    /// When the address or the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Deliver(it) => it.encode(),
            Self::StatusReport(it) => it.encode(),
            Self::Submit(it) => it.encode(),
            Self::Command(it) => it.encode(),
            Self::DeliverReport(it) => it.encode(),
            Self::SubmitReport(it) => it.encode(),
        }
    }
}

impl Deliver {
    /// Decodes one SMS-DELIVER, without SMSC prefix.
    ///
    /// # Errors
    /// Names the field that does not decode, or that this is another kind of TPDU.
    pub fn decode(octets: &[u8]) -> Result<Decoded<Self>, DecodeError> {
        let Decoded { value, warnings } = Tpdu::from_network(octets)?;
        match value {
            Tpdu::Deliver(value) => Ok(Decoded { value, warnings }),
            _ => Err(unexpected(octets.first().copied().unwrap_or_default())),
        }
    }
}

/// Why a value cannot be written as a TPDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// More user data than fits.
    #[error("{octets} octets of user data, {MAX_USER_DATA} fit into one SMS")]
    TooLong {
        /// Octets that would be needed, the header included.
        octets: usize,
    },
    /// More parts than the concatenation element can count.
    #[error("{parts} parts, a message has at most 255")]
    TooManyParts {
        /// Parts that would be needed.
        parts: usize,
    },
    /// An address with more digits or letters than fit, or with others than an address has.
    #[error("the address cannot be written in an SMS")]
    Address,
    /// A command with more data than its length octet can tell.
    #[error("{octets} octets of command data, 146 fit")]
    CommandData {
        /// Octets of data.
        octets: usize,
    },
}

fn begin(octets: &[u8]) -> Result<(Reader<'_>, u8, Vec<Warning>), DecodeError> {
    if octets.len() > MAX_TPDU {
        return Err(DecodeError {
            field: "TPDU",
            offset: MAX_TPDU,
            kind: DecodeErrorKind::LimitExceeded { limit: MAX_TPDU },
        });
    }
    let mut reader = Reader::new(octets);
    let first = reader.octet("TP-MTI")?;
    Ok((reader, first, Vec::new()))
}

fn unexpected(first: u8) -> DecodeError {
    DecodeError { field: "TP-MTI", offset: 0, kind: DecodeErrorKind::UnexpectedPdu(first & 0b11) }
}
