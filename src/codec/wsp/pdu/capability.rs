//! Capabilities of a session (WAP-230-WSP-20010705-a clause 8.3 and table 37). One that is not
//! known, or whose parameters have no known form, is kept with its octets.

use bytes::Bytes;

use super::Address;
use crate::codec::DecodeError;
use crate::codec::wsp::{Reader, Warnings, put_uintvar};

/// Most capabilities of one PDU: ten are defined, some may be offered several times.
pub const MAX_CAPABILITIES: usize = 64;
/// Most methods or code pages that one capability names; there are 32 and 112 numbers for them.
pub const MAX_ASSIGNMENTS: usize = 128;

const FIELD: &str = "Capabilities";

/// The names of table 37 by their numbers.
const NAMES: [&str; 10] = [
    "Client-SDU-Size",
    "Server-SDU-Size",
    "Protocol Options",
    "Method-MOR",
    "Push-MOR",
    "Extended Methods",
    "Header Code Pages",
    "Aliases",
    "Client-Message-Size",
    "Server-Message-Size",
];

/// What a peer offers or accepts for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// 0x00: largest SDU that the client receives, octets; 1 400 where absent.
    ClientSduSize(u32),
    /// 0x01: largest SDU that the server receives, octets; 1 400 where absent.
    ServerSduSize(u32),
    /// 0x02
    ProtocolOptions(ProtocolOptions),
    /// 0x03: method transactions at a time; 1 where absent.
    MethodMor(u8),
    /// 0x04: push transactions at a time; 1 where absent.
    PushMor(u8),
    /// 0x05 in Connect: the client's PDU types for methods by name.
    ExtendedMethods(Vec<Assignment>),
    /// 0x05 in ConnectReply: the PDU types that the server takes.
    AcceptedMethods(Vec<u8>),
    /// 0x06 in Connect: the client's numbers for header code pages by name.
    HeaderCodePages(Vec<Assignment>),
    /// 0x06 in ConnectReply: the code pages that the server takes.
    AcceptedCodePages(Vec<u8>),
    /// 0x07: further addresses of the sender.
    Aliases(Vec<Address>),
    /// 0x08: largest message that the client receives, octets; 1 400 where absent.
    ClientMessageSize(u32),
    /// 0x09: largest message that the server receives, octets; 1 400 where absent.
    ServerMessageSize(u32),
    /// By its number, up to 0x7F.
    Other {
        /// The number.
        identifier: u8,
        /// What stands behind it.
        parameters: Bytes,
    },
    /// By a name that table 37 does not have.
    Named {
        /// The name, a token of ASCII.
        identifier: String,
        /// What stands behind it.
        parameters: Bytes,
    },
}

/// The flags of Protocol Options; undefined bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProtocolOptions(pub u8);

impl ProtocolOptions {
    /// Confirmed Push Facility.
    pub const CONFIRMED_PUSH: Self = Self(0x80);
    /// Push Facility.
    pub const PUSH: Self = Self(0x40);
    /// Session Resume Facility.
    pub const SESSION_RESUME: Self = Self(0x20);
    /// Acknowledgement Headers.
    pub const ACKNOWLEDGEMENT_HEADERS: Self = Self(0x10);
    /// Large Data Transfer.
    pub const LARGE_DATA_TRANSFER: Self = Self(0x08);

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the flags that are set, with commas.
    pub(super) fn names(self) -> String {
        let names = [
            (Self::CONFIRMED_PUSH, "Confirmed Push"),
            (Self::PUSH, "Push"),
            (Self::SESSION_RESUME, "Session Resume"),
            (Self::ACKNOWLEDGEMENT_HEADERS, "Acknowledgement Headers"),
            (Self::LARGE_DATA_TRANSFER, "Large Data Transfer"),
        ];
        let set: Vec<_> =
            names.into_iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, n)| n).collect();
        if set.is_empty() { "none".to_owned() } else { set.join(", ") }
    }
}

/// A number that stands for a name during a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// PDU type of a method, or number of a code page.
    pub code: u8,
    /// Name of the method or code page; NUL cannot occur in it and is left out when written.
    pub name: String,
}

/// In which direction capabilities go; that of the reply has no names for methods and code pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// In Connect and Resume.
    Offer,
    /// In ConnectReply.
    Answer,
}

impl Capability {
    /// The number in table 37; `None` for one that goes by a name.
    #[must_use]
    pub const fn identifier(&self) -> Option<u8> {
        Some(match self {
            Self::ClientSduSize(_) => 0x00,
            Self::ServerSduSize(_) => 0x01,
            Self::ProtocolOptions(_) => 0x02,
            Self::MethodMor(_) => 0x03,
            Self::PushMor(_) => 0x04,
            Self::ExtendedMethods(_) | Self::AcceptedMethods(_) => 0x05,
            Self::HeaderCodePages(_) | Self::AcceptedCodePages(_) => 0x06,
            Self::Aliases(_) => 0x07,
            Self::ClientMessageSize(_) => 0x08,
            Self::ServerMessageSize(_) => 0x09,
            Self::Other { identifier, .. } => *identifier & 0x7F,
            Self::Named { .. } => return None,
        })
    }

    /// The name in table 37, or the one it goes by.
    #[must_use]
    pub fn name(&self) -> String {
        match (self, self.identifier()) {
            (Self::Named { identifier, .. }, _) => identifier.clone(),
            (_, Some(number)) => NAMES
                .get(usize::from(number))
                .map_or_else(|| format!("capability {number:#04x}"), |name| (*name).to_owned()),
            (_, None) => String::new(),
        }
    }

    /// Reads capabilities to the end of the reader. Total: one whose extent cannot be told ends the
    /// list with a warning.
    pub(super) fn decode_all(
        reader: &mut Reader<'_>,
        side: Side,
        warnings: &mut Warnings,
    ) -> Vec<Self> {
        let mut capabilities = Vec::new();
        while !reader.is_empty() {
            let start = reader.position();
            if capabilities.len() == MAX_CAPABILITIES {
                warnings.not_understood(FIELD, start, "more capabilities than are kept");
                break;
            }
            match Self::decode(reader, side, warnings) {
                Ok(Some(capability)) => capabilities.push(capability),
                Ok(None) => {}
                Err(text) => {
                    warnings.not_understood(FIELD, start, text);
                    break;
                }
            }
        }
        capabilities
    }

    /// Reads one; `Ok(None)` for one without a readable identifier, an error where the next one
    /// begins cannot be told.
    pub(super) fn decode(
        reader: &mut Reader<'_>,
        side: Side,
        warnings: &mut Warnings,
    ) -> Result<Option<Self>, String> {
        let start = reader.position();
        let left_out = |error: DecodeError| format!("left out: {}", error.kind);
        let length = reader.uintvar(FIELD).map_err(left_out)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut value = reader.sub(length, FIELD).map_err(left_out)?;
        let identifier = match value.peek() {
            Some(0x80..) => value.u8(FIELD).map(|octet| Ok(octet & 0x7F)),
            Some(0x20..=0x7E) => value.text_string(FIELD).map(Err),
            _ => {
                warnings.not_understood(FIELD, start, "one without identifier left out");
                return Ok(None);
            }
        };
        let number = match identifier {
            Ok(Ok(number)) => number,
            Ok(Err(name)) => {
                let name = String::from_utf8_lossy(name);
                match NAMES.iter().position(|known| known.eq_ignore_ascii_case(&name)) {
                    Some(number) => u8::try_from(number).unwrap_or_default(),
                    None => {
                        let identifier = name.into_owned();
                        return Ok(Some(Self::Named { identifier, parameters: value.rest() }));
                    }
                }
            }
            Err(_) => {
                warnings.not_understood(FIELD, start, "one whose name has no end left out");
                return Ok(None);
            }
        };
        let parameters = value.clone().rest();
        let place = value.position();
        let Some(known) = Self::typed(number, &mut value, side) else {
            if usize::from(number) < NAMES.len() {
                warnings.not_understood(FIELD, place, "kept: parameters of no known form");
            }
            return Ok(Some(Self::Other { identifier: number, parameters }));
        };
        if !value.is_empty() {
            warnings.note(FIELD, value.position(), "octets behind the value passed over");
        }
        Ok(Some(known))
    }

    /// Reads parameters by their number; `None` where they have another form.
    fn typed(number: u8, value: &mut Reader<'_>, side: Side) -> Option<Self> {
        let numbers = |value: &mut Reader<'_>| value.rest().to_vec();
        Some(match (number, side) {
            (0x00, _) => Self::ClientSduSize(value.uintvar(FIELD).ok()?),
            (0x01, _) => Self::ServerSduSize(value.uintvar(FIELD).ok()?),
            (0x02, _) => Self::ProtocolOptions(ProtocolOptions(value.u8(FIELD).ok()?)),
            (0x03, _) => Self::MethodMor(value.u8(FIELD).ok()?),
            (0x04, _) => Self::PushMor(value.u8(FIELD).ok()?),
            (0x05, Side::Offer) => Self::ExtendedMethods(assignments(value)?),
            (0x05, Side::Answer) => Self::AcceptedMethods(numbers(value)),
            (0x06, Side::Offer) => Self::HeaderCodePages(assignments(value)?),
            (0x06, Side::Answer) => Self::AcceptedCodePages(numbers(value)),
            (0x07, _) => Self::Aliases(Address::decode_all(value).ok()?),
            (0x08, _) => Self::ClientMessageSize(value.uintvar(FIELD).ok()?),
            (0x09, _) => Self::ServerMessageSize(value.uintvar(FIELD).ok()?),
            _ => return None,
        })
    }

    /// Writes one with its length.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(8);
        if let Some(number) = self.identifier() {
            value.push(0x80 | number);
        }
        match self {
            Self::ClientSduSize(size)
            | Self::ServerSduSize(size)
            | Self::ClientMessageSize(size)
            | Self::ServerMessageSize(size) => put_uintvar(&mut value, u64::from(*size)),
            Self::ProtocolOptions(options) => value.push(options.0),
            Self::MethodMor(count) | Self::PushMor(count) => value.push(*count),
            Self::ExtendedMethods(list) | Self::HeaderCodePages(list) => {
                for assignment in list {
                    value.push(assignment.code);
                    put_name(&mut value, &assignment.name);
                }
            }
            Self::AcceptedMethods(codes) | Self::AcceptedCodePages(codes) => {
                value.extend_from_slice(codes);
            }
            Self::Aliases(addresses) => {
                addresses.iter().for_each(|address| address.encode(&mut value));
            }
            Self::Other { parameters, .. } => value.extend_from_slice(parameters),
            Self::Named { identifier, parameters } => {
                put_name(&mut value, identifier);
                value.extend_from_slice(parameters);
            }
        }
        put_uintvar(out, u64::try_from(value.len()).unwrap_or(u64::MAX));
        out.extend_from_slice(&value);
    }

    /// The value for people.
    pub(super) fn text(&self) -> String {
        match self {
            Self::ClientSduSize(size)
            | Self::ServerSduSize(size)
            | Self::ClientMessageSize(size)
            | Self::ServerMessageSize(size) => format!("{size} octets"),
            Self::ProtocolOptions(options) => options.names(),
            Self::MethodMor(count) | Self::PushMor(count) => count.to_string(),
            Self::ExtendedMethods(list) | Self::HeaderCodePages(list) => {
                let one = |a: &Assignment| format!("{:#04x} {}", a.code, a.name);
                list.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            Self::AcceptedMethods(codes) | Self::AcceptedCodePages(codes) => {
                codes.iter().map(|code| format!("{code:#04x}")).collect::<Vec<_>>().join(", ")
            }
            Self::Aliases(list) => {
                list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Self::Other { parameters, .. } | Self::Named { parameters, .. } => {
                hex::encode(parameters)
            }
        }
    }
}

/// Numbers with names up to the end; `None` where one has no end or is no UTF-8, or where there are
/// more than [`MAX_ASSIGNMENTS`].
fn assignments(value: &mut Reader<'_>) -> Option<Vec<Assignment>> {
    let mut list = Vec::new();
    while !value.is_empty() {
        if list.len() == MAX_ASSIGNMENTS {
            return None;
        }
        let code = value.u8(FIELD).ok()?;
        // No Text-string: a Quote octet would be part of the name.
        let length = value.left().iter().position(|&octet| octet == 0)?;
        let name = String::from_utf8(value.take(length, FIELD).ok()?.to_vec()).ok()?;
        value.u8(FIELD).ok()?;
        list.push(Assignment { code, name });
    }
    Some(list)
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    out.extend(name.bytes().filter(|&octet| octet != 0));
    out.push(0);
}
