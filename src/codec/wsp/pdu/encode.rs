//! Writing WSP PDUs (WAP-230-WSP-20010705-a clause 8.2).

use bytes::Bytes;

use super::decode::{PERMANENT_REDIRECT, REUSE_SECURITY_SESSION};
use super::{Capability, EntityHeaders, Pdu, Unit};
use crate::codec::wsp::{ContentType, put_header, put_uintvar};

/// Octets that suffice for all fields before the data in most PDUs.
const USUAL_HEAD: usize = 256;

/// Writes HeadersLen, content type and headers, as Reply, Push and Post have them.
pub fn put_entity_headers(
    out: &mut Vec<u8>,
    content_type: &ContentType,
    headers: &[(String, String)],
) {
    put_section(out, &entity_section(content_type, headers));
}

fn entity_section(content_type: &ContentType, headers: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL_HEAD);
    content_type.encode(&mut out);
    put_headers(&mut out, headers);
    out
}

impl EntityHeaders {
    fn section(entity: Option<&Self>) -> Vec<u8> {
        entity.map_or_else(Vec::new, |one| entity_section(&one.content_type, &one.headers))
    }

    fn put(entity: Option<&Self>, out: &mut Vec<u8>) {
        put_section(out, &Self::section(entity));
    }
}

impl Pdu {
    /// The octets for the user data of a WTP message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(USUAL_HEAD + self.data().map_or(0, Bytes::len));
        self.put(&mut out);
        Bytes::from(out)
    }

    /// The content, where the PDU has any.
    #[must_use]
    pub const fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Reply { data, .. }
            | Self::Push { data, .. }
            | Self::ConfirmedPush { data, .. }
            | Self::Post { data, .. }
            | Self::DataFragment { data, .. } => Some(data),
            _ => None,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.pdu_type());
        match self {
            Self::Connect { version, capabilities, headers } => {
                out.push(*version);
                put_session_fields(out, capabilities, headers);
            }
            Self::ConnectReply { session_id, capabilities, headers } => {
                put_uintvar(out, u64::from(*session_id));
                put_session_fields(out, capabilities, headers);
            }
            Self::Redirect { permanent, reuse_security_session, addresses } => {
                let permanent = if *permanent { PERMANENT_REDIRECT } else { 0 };
                let reuse = if *reuse_security_session { REUSE_SECURITY_SESSION } else { 0 };
                out.push(permanent | reuse);
                addresses.iter().for_each(|address| address.encode(out));
            }
            Self::Reply { status, entity, .. } => {
                out.push(status.0);
                EntityHeaders::put(entity.as_ref(), out);
            }
            Self::Disconnect { session_id } | Self::Suspend { session_id } => {
                put_uintvar(out, u64::from(*session_id));
            }
            Self::Push { entity, .. } | Self::ConfirmedPush { entity, .. } => {
                EntityHeaders::put(entity.as_ref(), out);
            }
            Self::Resume { session_id, capabilities, headers } => {
                put_uintvar(out, u64::from(*session_id));
                put_section(out, &capability_section(capabilities));
                put_headers(out, headers);
            }
            Self::Get { uri, headers, .. } => {
                put_section(out, uri);
                put_headers(out, headers);
            }
            Self::Post { uri, entity, .. } => {
                let section = EntityHeaders::section(entity.as_ref());
                put_length(out, uri);
                put_length(out, &section);
                out.extend_from_slice(uri);
                out.extend_from_slice(&section);
            }
            Self::DataFragment { headers, .. } => put_section(out, &header_section(headers)),
        }
        if let Some(data) = self.data() {
            out.extend_from_slice(data);
        }
    }
}

impl Unit {
    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(USUAL_HEAD + self.pdu.data().map_or(0, Bytes::len));
        out.push(self.transaction_id);
        self.pdu.put(&mut out);
        Bytes::from(out)
    }
}

fn put_length(out: &mut Vec<u8>, section: &[u8]) {
    put_uintvar(out, u64::try_from(section.len()).unwrap_or(u64::MAX));
}

/// A section behind its length.
fn put_section(out: &mut Vec<u8>, section: &[u8]) {
    put_length(out, section);
    out.extend_from_slice(section);
}

fn put_headers(out: &mut Vec<u8>, headers: &[(String, String)]) {
    for (name, value) in headers {
        put_header(out, name, value);
    }
}

fn header_section(headers: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    put_headers(&mut out, headers);
    out
}

fn capability_section(capabilities: &[Capability]) -> Vec<u8> {
    let mut out = Vec::new();
    capabilities.iter().for_each(|capability| capability.encode(&mut out));
    out
}

fn put_session_fields(
    out: &mut Vec<u8>,
    capabilities: &[Capability],
    headers: &[(String, String)],
) {
    let capabilities = capability_section(capabilities);
    let headers = header_section(headers);
    put_length(out, &capabilities);
    put_length(out, &headers);
    out.extend_from_slice(&capabilities);
    out.extend_from_slice(&headers);
}
