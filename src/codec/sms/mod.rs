//! SMS TPDUs (3GPP TS 23.040) and their alphabets (3GPP TS 23.038).
//!
//! May use: model. The simulator encodes what the gateway decodes, so every PDU goes both ways;
//! the SMSC prefix that modems put in front of a TPDU (3GPP TS 27.005) is split off by
//! [`split_smsc`].

mod address;
mod alphabet;
mod dcs;
mod deliver;
mod reader;
mod scts;
mod smsc;
mod split;
mod status_report;
mod submit;
mod udh;
mod user_data;

pub use address::SmsAddress;
pub use alphabet::{decode_gsm7, encode_gsm7};
pub use dcs::{Alphabet, Dcs};
pub use deliver::Deliver;
pub use scts::Scts;
pub use smsc::{from_hex, join_smsc, split_smsc, to_hex};
pub use split::{ConcatReference, port_addressed_delivers};
pub use status_report::StatusReport;
pub use submit::{Submit, ValidityPeriod};
pub use udh::{Concat, InformationElement, Ports, Udh};
pub use user_data::{Body, UserData};

use super::{DecodeError, DecodeErrorKind, Decoded, Warning};
use reader::Reader;

/// Octets of user data in one TPDU, its header included (clause 9.2.3.24).
pub const MAX_USER_DATA: usize = 140;

/// Longest TPDU that is decoded. The longest of the specification has 176 octets; some SMSCs leave
/// padding behind the user data.
pub const MAX_TPDU: usize = 512;

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
            0b01 => return Err(unexpected(first)),
            0b10 => Self::StatusReport(StatusReport::read(first, &mut reader, &mut warnings)?),
            _ => Self::Deliver(Deliver::read(first, &mut reader, &mut warnings)?),
        };
        Ok(Decoded { value, warnings })
    }

    /// Decodes a TPDU that travels from the mobile to the service centre, or a stored message that
    /// the modem lists as sent or unsent.
    ///
    /// # Errors
    /// Names the field that does not decode.
    pub fn from_mobile(octets: &[u8]) -> Result<Decoded<Self>, DecodeError> {
        let (mut reader, first, mut warnings) = begin(octets)?;
        if first & 0b11 != 0b01 {
            return Err(unexpected(first));
        }
        let value = Self::Submit(Submit::read(first, &mut reader, &mut warnings)?);
        Ok(Decoded { value, warnings })
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
    /// An address with more digits or letters than fit.
    #[error("the address is too long for an SMS")]
    Address,
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
