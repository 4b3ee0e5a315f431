//! Bearer addresses of Redirect and of the capability Aliases (WAP-230-WSP-20010705-a clause
//! 8.2.2.3; bearer types are those of WAP-259-WDP-20010614-a).

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;

use crate::codec::DecodeError;
use crate::codec::DecodeErrorKind::LimitExceeded;
use crate::codec::wsp::Reader;

/// Most addresses of one list: a gateway has a handful of bearers with one address each.
pub const MAX_ADDRESSES: usize = 64;
/// Most octets of one address: its length has six bits.
pub const MAX_ADDRESS_OCTETS: usize = 63;

const BEARER_TYPE_INCLUDED: u8 = 0x80;
const PORT_NUMBER_INCLUDED: u8 = 0x40;

/// One address under which a peer can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The bearer; `None` means the one in use.
    pub bearer_type: Option<BearerType>,
    /// The port; `None` means the one in use.
    pub port_number: Option<u16>,
    /// The address in the form of its bearer. What lies beyond [`MAX_ADDRESS_OCTETS`] is not
    /// written.
    pub address: Bytes,
}

/// A bearer by its number in WDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BearerType(pub u8);

impl BearerType {
    /// 0x0B
    pub const GSM_GPRS: Self = Self(0x0B);

    /// The name of a bearer that a GSM or UMTS modem can have; `None` for any other.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "IPv4",
            0x01 => "IPv6",
            0x02 => "GSM USSD",
            0x03 => "GSM SMS",
            0x0A => "GSM CSD",
            0x0B => "GSM GPRS",
            0x0C => "GSM USSD (IPv4 addresses)",
            _ => return None,
        })
    }
}

/// The name, or the bare number.
impl fmt::Display for BearerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "bearer {:#04x}", self.0),
        }
    }
}

impl Address {
    /// The address as an IP address, where it has the length of one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        if let Ok(octets) = <[u8; 4]>::try_from(&self.address[..]) {
            return Some(IpAddr::from(octets));
        }
        <[u8; 16]>::try_from(&self.address[..]).ok().map(IpAddr::from)
    }

    /// Reads one address.
    ///
    /// # Errors
    /// `Truncated` and `LengthExceedsInput`.
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.u8("Address Flags")?;
        let mut bearer_type = None;
        if flags & BEARER_TYPE_INCLUDED != 0 {
            bearer_type = Some(BearerType(reader.u8("BearerType")?));
        }
        let mut port_number = None;
        if flags & PORT_NUMBER_INCLUDED != 0 {
            let octets = [reader.u8("PortNumber")?, reader.u8("PortNumber")?];
            port_number = Some(u16::from_be_bytes(octets));
        }
        let length = usize::from(flags) & MAX_ADDRESS_OCTETS;
        let address = reader.bytes(length, "Address")?;
        Ok(Self { bearer_type, port_number, address })
    }

    /// Reads addresses to the end of the reader.
    ///
    /// # Errors
    /// As [`Self::decode`], and `LimitExceeded` beyond [`MAX_ADDRESSES`].
    pub(super) fn decode_all(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let mut addresses = Vec::new();
        while !reader.is_empty() {
            if addresses.len() == MAX_ADDRESSES {
                return Err(reader.error("Addresses", LimitExceeded { limit: MAX_ADDRESSES }));
            }
            addresses.push(Self::decode(reader)?);
        }
        Ok(addresses)
    }

    /// Writes the address.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let length = self.address.len().min(MAX_ADDRESS_OCTETS);
        let mut flags = u8::try_from(length).unwrap_or_default();
        flags |= self.bearer_type.map_or(0, |_| BEARER_TYPE_INCLUDED);
        flags |= self.port_number.map_or(0, |_| PORT_NUMBER_INCLUDED);
        out.push(flags);
        out.extend(self.bearer_type.map(|bearer| bearer.0));
        out.extend(self.port_number.into_iter().flat_map(u16::to_be_bytes));
        out.extend_from_slice(&self.address[..length]);
    }
}

/// For people: bearer, address and port as far as they are given.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(bearer) = self.bearer_type {
            write!(f, "{bearer} ")?;
        }
        match self.ip() {
            Some(ip) => write!(f, "{ip}")?,
            None => f.write_str(&hex::encode(&self.address))?,
        }
        self.port_number.map_or(Ok(()), |port| write!(f, " port {port}"))
    }
}
