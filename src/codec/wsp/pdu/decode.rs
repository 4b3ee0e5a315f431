//! Reading WSP PDUs (WAP-230-WSP-20010705-a clause 8.2).

use bytes::Bytes;

use super::capability::Side;
use super::{
    Address, Capability, EntityHeaders, GetMethod, MAX_CAPABILITY_OCTETS, MAX_HEADER_OCTETS,
    MAX_URI_OCTETS, Pdu, PostMethod, Status, Unit,
};
use crate::codec::wsp::{ContentType, Reader, Warnings, decode_headers};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Flag of Redirect: ask there in future too.
pub(super) const PERMANENT_REDIRECT: u8 = 0x80;
/// Flag of Redirect.
pub(super) const REUSE_SECURITY_SESSION: u8 = 0x40;

/// A length that was read and found to be within its limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    field: &'static str,
    offset: usize,
    pub(super) octets: usize,
}

impl Length {
    /// # Errors
    /// Those of a uintvar, and `LimitExceeded`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        field: &'static str,
        limit: usize,
    ) -> Result<Self, DecodeError> {
        let offset = reader.position();
        let octets = usize::try_from(reader.uintvar(field)?).unwrap_or(usize::MAX);
        if octets > limit {
            let kind = DecodeErrorKind::LimitExceeded { limit };
            return Err(DecodeError { field, offset, kind });
        }
        Ok(Self { field, offset, octets })
    }

    /// That many octets of the reader.
    ///
    /// # Errors
    /// `LengthExceedsInput`, which names the length and where it stands.
    pub(super) fn section<'a>(self, reader: &mut Reader<'a>) -> Result<Reader<'a>, DecodeError> {
        reader
            .sub(self.octets, self.field)
            .map_err(|error| DecodeError { offset: self.offset, ..error })
    }
}

impl EntityHeaders {
    /// Reads HeadersLen, content type and headers. A content type whose extent cannot be told takes
    /// the headers with it: `application/octet-stream` and a warning.
    ///
    /// # Errors
    /// When HeadersLen cannot be read, is beyond [`MAX_HEADER_OCTETS`] or beyond the input.
    pub fn decode(
        reader: &mut Reader<'_>,
        warnings: &mut Warnings,
    ) -> Result<Option<Self>, DecodeError> {
        let length = Length::read(reader, "HeadersLen", MAX_HEADER_OCTETS)?;
        let section = length.section(reader)?;
        Ok(Self::read(section, warnings))
    }

    fn read(mut section: Reader<'_>, warnings: &mut Warnings) -> Option<Self> {
        if section.is_empty() {
            return None;
        }
        match ContentType::decode(&mut section, warnings) {
            Ok(content_type) => {
                let headers = decode_headers(&mut section, warnings);
                Some(Self { content_type, headers })
            }
            Err(error) => {
                let text = format!("passed over with the headers behind it: {}", error.kind);
                warnings.not_understood(error.field, error.offset, text);
                Some(Self::new(ContentType::new("application/octet-stream")))
            }
        }
    }
}

impl Pdu {
    /// Reads the PDU of a session, the user data of a whole WTP message.
    ///
    /// # Errors
    /// When the type is none of table 34, when the PDU ends before its fields do, or a length is
    /// beyond [`MAX_URI_OCTETS`], [`MAX_HEADER_OCTETS`] or [`MAX_CAPABILITY_OCTETS`].
    pub fn decode(octets: &Bytes) -> Result<Decoded<Self>, DecodeError> {
        let mut warnings = Warnings::new();
        let value = Self::read(&mut Reader::new(octets), &mut warnings)?;
        Ok(Decoded { value, warnings: warnings.into_sorted() })
    }

    fn read(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Self, DecodeError> {
        let start = reader.position();
        let pdu = match reader.u8("Type")? {
            0x01 => {
                let version = reader.u8("Version")?;
                let SessionFields { capabilities, headers } =
                    SessionFields::read(reader, Side::Offer, warnings)?;
                Self::Connect { version, capabilities, headers }
            }
            0x02 => {
                let session_id = reader.uintvar("ServerSessionId")?;
                let SessionFields { capabilities, headers } =
                    SessionFields::read(reader, Side::Answer, warnings)?;
                Self::ConnectReply { session_id, capabilities, headers }
            }
            0x03 => redirect(reader, warnings)?,
            0x04 => {
                let status = Status(reader.u8("Status")?);
                let entity = EntityHeaders::decode(reader, warnings)?;
                Self::Reply { status, entity, data: reader.rest() }
            }
            0x05 => Self::Disconnect { session_id: reader.uintvar("ServerSessionId")? },
            0x06 => {
                let entity = EntityHeaders::decode(reader, warnings)?;
                Self::Push { entity, data: reader.rest() }
            }
            0x07 => {
                let entity = EntityHeaders::decode(reader, warnings)?;
                Self::ConfirmedPush { entity, data: reader.rest() }
            }
            0x08 => Self::Suspend { session_id: reader.uintvar("SessionId")? },
            0x09 => resume(reader, warnings)?,
            0x80 => {
                let length = Length::read(reader, "HeadersLen", MAX_HEADER_OCTETS)?;
                let headers = decode_headers(&mut length.section(reader)?, warnings);
                Self::DataFragment { headers, data: reader.rest() }
            }
            other => match (GetMethod::new(other), PostMethod::new(other)) {
                (Some(method), _) => get(method, reader, warnings)?,
                (None, Some(method)) => post(method, reader, warnings)?,
                (None, None) => {
                    let kind = DecodeErrorKind::UnexpectedPdu(other);
                    return Err(DecodeError { field: "Type", offset: start, kind });
                }
            },
        };
        if !reader.is_empty() {
            warnings.not_understood("Data", reader.position(), "octets behind the PDU passed over");
        }
        Ok(pdu)
    }
}

impl Unit {
    /// Reads a datagram of WSP without a connection.
    ///
    /// # Errors
    /// As [`Pdu::decode`].
    pub fn decode(octets: &Bytes) -> Result<Decoded<Self>, DecodeError> {
        let mut warnings = Warnings::new();
        let mut reader = Reader::new(octets);
        let transaction_id = reader.u8("TID")?;
        let pdu = Pdu::read(&mut reader, &mut warnings)?;
        if !pdu.is_connectionless() {
            warnings.note("Type", 1, "a PDU that belongs to a session");
        }
        let value = Self { transaction_id, pdu };
        Ok(Decoded { value, warnings: warnings.into_sorted() })
    }
}

/// What Connect and ConnectReply end with, behind the two lengths.
struct SessionFields {
    capabilities: Vec<Capability>,
    headers: Vec<(String, String)>,
}

impl SessionFields {
    fn read(
        reader: &mut Reader<'_>,
        side: Side,
        warnings: &mut Warnings,
    ) -> Result<Self, DecodeError> {
        let capabilities = Length::read(reader, "CapabilitiesLen", MAX_CAPABILITY_OCTETS)?;
        let headers = Length::read(reader, "HeadersLen", MAX_HEADER_OCTETS)?;
        let mut capabilities = capabilities.section(reader)?;
        let mut headers = headers.section(reader)?;
        let capabilities = Capability::decode_all(&mut capabilities, side, warnings);
        Ok(Self { capabilities, headers: decode_headers(&mut headers, warnings) })
    }
}

fn redirect(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Pdu, DecodeError> {
    let start = reader.position();
    let flags = reader.u8("Flags")?;
    if flags & !(PERMANENT_REDIRECT | REUSE_SECURITY_SESSION) != 0 {
        warnings.note("Flags", start, format!("undefined bits in {flags:#04x}"));
    }
    Ok(Pdu::Redirect {
        permanent: flags & PERMANENT_REDIRECT != 0,
        reuse_security_session: flags & REUSE_SECURITY_SESSION != 0,
        addresses: Address::decode_all(reader)?,
    })
}

fn resume(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Pdu, DecodeError> {
    let session_id = reader.uintvar("SessionId")?;
    let start = reader.position();
    let length = Length::read(reader, "CapabilitiesLen", MAX_CAPABILITY_OCTETS)?;
    if length.octets > 0 {
        warnings.note("CapabilitiesLen", start, "capabilities where none may be");
    }
    let mut capabilities = length.section(reader)?;
    let capabilities = Capability::decode_all(&mut capabilities, Side::Offer, warnings);
    let headers = remaining_headers(reader, warnings)?;
    Ok(Pdu::Resume { session_id, capabilities, headers })
}

fn get(
    method: GetMethod,
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<Pdu, DecodeError> {
    let length = Length::read(reader, "URILen", MAX_URI_OCTETS)?;
    let uri = length.section(reader)?.rest();
    let headers = remaining_headers(reader, warnings)?;
    Ok(Pdu::Get { method, uri, headers })
}

fn post(
    method: PostMethod,
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<Pdu, DecodeError> {
    let uri = Length::read(reader, "UriLen", MAX_URI_OCTETS)?;
    let headers = Length::read(reader, "HeadersLen", MAX_HEADER_OCTETS)?;
    let uri = uri.section(reader)?.rest();
    let entity = EntityHeaders::read(headers.section(reader)?, warnings);
    Ok(Pdu::Post { method, uri, entity, data: reader.rest() })
}

/// Headers that go to the end of the PDU.
fn remaining_headers(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<Vec<(String, String)>, DecodeError> {
    let limit = MAX_HEADER_OCTETS;
    let left = reader.remaining();
    if left > limit {
        return Err(reader.error("Headers", DecodeErrorKind::LimitExceeded { limit }));
    }
    Ok(decode_headers(&mut reader.sub(left, "Headers")?, warnings))
}
