//! WSP protocol data units (WAP-230-WSP-20010705-a clause 8.2): [`Pdu`] in connection mode, where WTP
//! carries one as its user data, and [`Unit`] without a connection, where one behind a transaction
//! id is a datagram.
//!
//! URIs and data are slices of the input. What a length announces meets a limit before anything is
//! read.

mod address;
mod capability;
mod codes;
mod decode;
mod encode;
mod outline;

pub use address::{Address, BearerType, MAX_ADDRESS_OCTETS, MAX_ADDRESSES};
pub use capability::{Assignment, Capability, MAX_ASSIGNMENTS, MAX_CAPABILITIES, ProtocolOptions};
pub use codes::{AbortReason, GetMethod, PostMethod, Status};
pub use encode::put_entity_headers;
pub use outline::{outline, outline_unit};

use bytes::Bytes;

use super::ContentType;

/// UDP port of a gateway for WSP without a connection.
pub const CONNECTIONLESS_PORT: u16 = 9200;
/// UDP port of a gateway for WSP over WTP.
pub const SESSION_PORT: u16 = 9201;

/// The version that this specification gives itself in Connect: 1.0.
pub const VERSION: u8 = 0x10;

/// Most octets of a URI; RFC 9110 clause 4.1 asks for 8 000 at least.
pub const MAX_URI_OCTETS: usize = 8 * 1024;
/// Most octets of the headers of one PDU, content type included; those of the field take less than
/// one KiB.
pub const MAX_HEADER_OCTETS: usize = 16 * 1024;
/// Most octets of the capabilities of one PDU; all ten together take less than 100 in the field.
pub const MAX_CAPABILITY_OCTETS: usize = 4 * 1024;

/// A PDU. Headers are pairs as [`super::decode_headers`] gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pdu {
    /// 0x01: asks for a session.
    Connect {
        /// Major version in the high four bits, minor in the low; [`VERSION`].
        version: u8,
        /// What the client asks for.
        capabilities: Vec<Capability>,
        /// For the whole session.
        headers: Vec<(String, String)>,
    },
    /// 0x02: grants one.
    ConnectReply {
        /// The server's name for it.
        session_id: u32,
        /// What the server grants; those that it grants as asked may be absent.
        capabilities: Vec<Capability>,
        /// For the whole session.
        headers: Vec<(String, String)>,
    },
    /// 0x03: refuses one and names other addresses.
    Redirect {
        /// Whether to ask there in future too.
        permanent: bool,
        /// Whether the security session may be used there.
        reuse_security_session: bool,
        /// Where to ask.
        addresses: Vec<Address>,
    },
    /// 0x04: the answer to a method, to Resume, or to a refused Connect.
    Reply {
        /// How it went.
        status: Status,
        /// What the data is; absent in a reply without content.
        entity: Option<EntityHeaders>,
        /// The content.
        data: Bytes,
    },
    /// 0x05: ends a session.
    Disconnect {
        /// Which one.
        session_id: u32,
    },
    /// 0x06
    Push {
        /// What the data is.
        entity: Option<EntityHeaders>,
        /// The content.
        data: Bytes,
    },
    /// 0x07
    ConfirmedPush {
        /// What the data is.
        entity: Option<EntityHeaders>,
        /// The content.
        data: Bytes,
    },
    /// 0x08: lets a session rest.
    Suspend {
        /// Which one.
        session_id: u32,
    },
    /// 0x09: takes a session up again, maybe from another address.
    Resume {
        /// Which one.
        session_id: u32,
        /// Reserved; none in this version.
        capabilities: Vec<Capability>,
        /// For the whole session.
        headers: Vec<(String, String)>,
    },
    /// 0x40-0x5F: a method without content.
    Get {
        /// Which one.
        method: GetMethod,
        /// Of what, without NUL.
        uri: Bytes,
        /// Of the request.
        headers: Vec<(String, String)>,
    },
    /// 0x60-0x7F: a method with content.
    Post {
        /// Which one.
        method: PostMethod,
        /// Of what, without NUL.
        uri: Bytes,
        /// What the data is.
        entity: Option<EntityHeaders>,
        /// The content.
        data: Bytes,
    },
    /// 0x80: the last fragment of a large transfer when headers come with it.
    DataFragment {
        /// Trailers of the request or response.
        headers: Vec<(String, String)>,
        /// The rest of the content.
        data: Bytes,
    },
}

/// Content type and headers: together what HeadersLen counts in Reply, Push and Post. HeadersLen is
/// zero where they are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityHeaders {
    /// What the data is.
    pub content_type: ContentType,
    /// The others in order.
    pub headers: Vec<(String, String)>,
}

impl EntityHeaders {
    /// A content type alone.
    #[must_use]
    pub const fn new(content_type: ContentType) -> Self {
        Self { content_type, headers: Vec::new() }
    }
}

/// A PDU without a connection: a method, a Reply or a Push behind the transaction id that tells
/// which reply belongs to which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Transaction Id or Push Id.
    pub transaction_id: u8,
    /// The PDU.
    pub pdu: Pdu,
}

impl Pdu {
    /// The PDU type (table 34).
    #[must_use]
    pub const fn pdu_type(&self) -> u8 {
        match self {
            Self::Connect { .. } => 0x01,
            Self::ConnectReply { .. } => 0x02,
            Self::Redirect { .. } => 0x03,
            Self::Reply { .. } => 0x04,
            Self::Disconnect { .. } => 0x05,
            Self::Push { .. } => 0x06,
            Self::ConfirmedPush { .. } => 0x07,
            Self::Suspend { .. } => 0x08,
            Self::Resume { .. } => 0x09,
            Self::Get { method, .. } => method.pdu_type(),
            Self::Post { method, .. } => method.pdu_type(),
            Self::DataFragment { .. } => 0x80,
        }
    }

    /// Whether it can occur without a connection (clause 7.2).
    const fn is_connectionless(&self) -> bool {
        matches!(
            self,
            Self::Get { .. } | Self::Post { .. } | Self::Reply { .. } | Self::Push { .. }
        )
    }
}

#[cfg(test)]
pub(in crate::codec) mod tests;
