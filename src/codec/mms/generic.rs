//! Any PDU as the list of its header fields (OMA-TS-MMS_ENC-V1_3 clause 7), whatever its type.

use bytes::Bytes;

use super::fields::Fields;
use super::pdu::no_pdu;
use super::types::Content;
use super::{Header, content, field, write};
use crate::codec::wsp::Reader;
use crate::codec::{DecodeError, Decoded};

/// A PDU as the list of its header fields, as they stand on the wire: addresses with their `/TYPE=`,
/// every repetition, PDU types that the specification does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generic {
    /// X-Mms-Message-Type.
    pub message_type: u8,
    /// The other fields in order, without Content-Type.
    pub headers: Vec<Header>,
    /// Content-Type and body.
    pub content: Option<Content>,
}

impl Generic {
    /// Reads the fields and nothing into them: none need be there but X-Mms-Message-Type.
    ///
    /// # Errors
    /// When there is no X-Mms-Message-Type, there are more than [`MAX_FIELDS`](super::MAX_FIELDS), or
    /// the body is cut off.
    pub fn decode(octets: &Bytes) -> Result<Decoded<Self>, DecodeError> {
        let mut fields = Fields::split(Reader::new(octets))?;
        let Some(message_type) = fields.message_type else { return Err(no_pdu(&fields, octets)) };
        let content = match fields.content {
            Some(at) => Some(content::read(octets, at, &mut fields.warnings)?),
            None => None,
        };
        let value = Self { message_type, headers: fields.rest(), content };
        Ok(Decoded { value, warnings: fields.warnings.into_sorted() })
    }

    /// The octets, X-Mms-Message-Type first and the other fields in the order that they have.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        out.extend_from_slice(&[0x80 | field::MESSAGE_TYPE.code, 0x80 | self.message_type]);
        for header in &self.headers {
            write::put_header(&mut out, header);
        }
        if let Some(Content { content_type, body }) = &self.content {
            out.reserve(content::room(content_type, body));
            content::put(&mut out, content_type, body);
        }
        Bytes::from(out)
    }
}
