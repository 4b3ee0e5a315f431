//! Any PDU (OMA-TS-MMS_ENC-V1_3 clause 6): between octets, values and lists of header fields.

use bytes::Bytes;

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::{Body, Content};
use super::{
    AcknowledgeInd, CancelConf, CancelReq, DeleteConf, DeleteReq, DeliveryInd, ForwardConf,
    ForwardReq, Header, MAX_FIELDS, MboxDescr, MboxStoreConf, MboxStoreReq, MboxUploadConf,
    MboxUploadReq, MboxViewConf, MboxViewReq, NotificationInd, NotifyRespInd, ReadRecInd,
    RetrieveConf, SendConf, SendReq, content, field, message_type, required, write,
};
use crate::codec::wsp::{ContentType, Reader};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Any PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the PDUs of the specification")]
#[non_exhaustive]
pub enum Pdu {
    SendReq(SendReq),
    SendConf(SendConf),
    NotificationInd(NotificationInd),
    NotifyRespInd(NotifyRespInd),
    RetrieveConf(RetrieveConf),
    AcknowledgeInd(AcknowledgeInd),
    DeliveryInd(DeliveryInd),
    ReadRecInd(ReadRecInd),
    ReadOrigInd(ReadRecInd),
    ForwardReq(ForwardReq),
    ForwardConf(ForwardConf),
    MboxStoreReq(MboxStoreReq),
    MboxStoreConf(MboxStoreConf),
    MboxViewReq(MboxViewReq),
    MboxViewConf(MboxViewConf),
    MboxUploadReq(MboxUploadReq),
    MboxUploadConf(MboxUploadConf),
    MboxDeleteReq(DeleteReq),
    MboxDeleteConf(DeleteConf),
    MboxDescr(MboxDescr),
    DeleteReq(DeleteReq),
    DeleteConf(DeleteConf),
    CancelReq(CancelReq),
    CancelConf(CancelConf),
}

/// Decodes one PDU; the bodies of its parts are slices of `octets`.
///
/// # Errors
/// When the octets are no PDU of the specification, or lack what makes it usable: the status of a
/// confirmation, Transaction-Id and Content-Location of a notification, and so on. A body that is cut
/// off is an error too.
pub fn decode(octets: &Bytes) -> Result<Decoded<Pdu>, DecodeError> {
    let mut fields = Fields::split(Reader::new(octets))?;
    let Some(kind) = fields.message_type else { return Err(no_pdu(&fields, octets)) };
    if field::MESSAGE_TYPE.token_name(kind).is_none() {
        return Err(DecodeError {
            field: field::MESSAGE_TYPE.name,
            offset: fields.message_type_at,
            kind: DecodeErrorKind::UnexpectedPdu(kind),
        });
    }
    let content = match fields.content {
        Some(at) if has_body(kind) => Some(content::read(octets, at, &mut fields.warnings)?),
        Some(at) => {
            let name = field::CONTENT_TYPE.name;
            fields.warnings.note(name, at, "this PDU has no body; left out");
            None
        }
        None => None,
    };
    fields.note_stray_transaction_id();
    match Pdu::read(kind, &mut fields, content) {
        Ok(value) => {
            required::note_absent(&value, &mut fields);
            Ok(Decoded { value, warnings: fields.warnings.into_sorted() })
        }
        Err(Missing(field)) => Err(fields.broken.unwrap_or(DecodeError {
            field: field.name,
            offset: 0,
            kind: DecodeErrorKind::MissingField,
        })),
    }
}

/// The error for octets without X-Mms-Message-Type: an error page of a portal, as a rule.
pub(super) fn no_pdu(fields: &Fields<'_>, octets: &Bytes) -> DecodeError {
    let mut begin = [b' '; 24];
    for (shown, octet) in begin.iter_mut().zip(octets) {
        *shown = *octet;
    }
    let textual = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    let kind = if !octets.is_empty() && begin.iter().all(textual) {
        DecodeErrorKind::NotMms { begin }
    } else if let Some(broken) = &fields.broken {
        return broken.clone();
    } else {
        DecodeErrorKind::MissingField
    };
    DecodeError { field: field::MESSAGE_TYPE.name, offset: 0, kind }
}

/// Whether PDUs of this type can have a body.
const fn has_body(kind: u8) -> bool {
    matches!(
        kind,
        message_type::SEND_REQ
            | message_type::RETRIEVE_CONF
            | message_type::MBOX_VIEW_CONF
            | message_type::MBOX_UPLOAD_REQ
            | message_type::MBOX_DESCR
    )
}

/// Why a list of header fields makes no PDU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No PDU of the specification has this type.
    #[error("no PDU has the type {0:#04x}")]
    UnknownType(u8),
    /// A field without which the PDU means nothing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A value that the field cannot have.
    #[error("{0} cannot have this value")]
    WrongValue(String),
    /// A name that no header field can have, or that is given besides the list: X-Mms-Message-Type
    /// and Content-Type.
    #[error("{0} cannot be the name of a header field here")]
    WrongName(String),
    /// More header fields than a PDU can have.
    #[error("there are {0} header fields, more than {MAX_FIELDS}")]
    TooMany(usize),
    /// A body for a PDU that has none.
    #[error("{0} has no body")]
    NoBody(&'static str),
}

impl Pdu {
    fn read(kind: u8, fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        Ok(match kind {
            message_type::SEND_REQ => Self::SendReq(SendReq::read(fields, content)?),
            message_type::SEND_CONF => Self::SendConf(SendConf::read(fields)?),
            message_type::NOTIFICATION_IND => Self::NotificationInd(NotificationInd::read(fields)?),
            message_type::NOTIFYRESP_IND => Self::NotifyRespInd(NotifyRespInd::read(fields)?),
            message_type::RETRIEVE_CONF => Self::RetrieveConf(RetrieveConf::read(fields, content)?),
            message_type::ACKNOWLEDGE_IND => Self::AcknowledgeInd(AcknowledgeInd::read(fields)?),
            message_type::DELIVERY_IND => Self::DeliveryInd(DeliveryInd::read(fields)?),
            message_type::READ_REC_IND => Self::ReadRecInd(ReadRecInd::read(fields)?),
            message_type::READ_ORIG_IND => Self::ReadOrigInd(ReadRecInd::read(fields)?),
            message_type::FORWARD_REQ => Self::ForwardReq(ForwardReq::read(fields)?),
            message_type::FORWARD_CONF => Self::ForwardConf(ForwardConf::read(fields)?),
            message_type::MBOX_STORE_REQ => Self::MboxStoreReq(MboxStoreReq::read(fields)?),
            message_type::MBOX_STORE_CONF => Self::MboxStoreConf(MboxStoreConf::read(fields)?),
            message_type::MBOX_VIEW_REQ => Self::MboxViewReq(MboxViewReq::read(fields)?),
            message_type::MBOX_VIEW_CONF => {
                Self::MboxViewConf(MboxViewConf::read(fields, content)?)
            }
            message_type::MBOX_UPLOAD_REQ => {
                Self::MboxUploadReq(MboxUploadReq::read(fields, content)?)
            }
            message_type::MBOX_UPLOAD_CONF => Self::MboxUploadConf(MboxUploadConf::read(fields)?),
            message_type::MBOX_DELETE_REQ => Self::MboxDeleteReq(DeleteReq::read(fields)?),
            message_type::MBOX_DELETE_CONF => Self::MboxDeleteConf(DeleteConf::read(fields)?),
            message_type::MBOX_DESCR => Self::MboxDescr(MboxDescr::read(fields, content)?),
            message_type::DELETE_REQ => Self::DeleteReq(DeleteReq::read(fields)?),
            message_type::DELETE_CONF => Self::DeleteConf(DeleteConf::read(fields)?),
            message_type::CANCEL_REQ => Self::CancelReq(CancelReq::read(fields)?),
            message_type::CANCEL_CONF => Self::CancelConf(CancelConf::read(fields)?),
            _ => return Err(Missing(field::MESSAGE_TYPE)),
        })
    }

    /// Makes a PDU of its header fields, in any order, and its body. A missing X-Mms-MMS-Version is
    /// taken as 1.2.
    ///
    /// # Errors
    /// [`BuildError`] names what is missing or cannot be.
    pub fn from_headers(
        message_type: u8,
        headers: Vec<Header>,
        content: Option<Content>,
    ) -> Result<Self, BuildError> {
        let name = field::MESSAGE_TYPE.token_name(message_type);
        let name = name.ok_or(BuildError::UnknownType(message_type))?;
        if content.is_some() && !has_body(message_type) {
            return Err(BuildError::NoBody(name));
        }
        let headers = super::build::checked(message_type, headers)?;
        let nothing = Bytes::new();
        let mut fields = Fields::of_headers(Reader::new(&nothing), message_type, headers);
        Self::read(message_type, &mut fields, content)
            .map_err(|Missing(field)| BuildError::Missing(field.name))
    }

    /// The header fields in the order of writing, without X-Mms-Message-Type and Content-Type.
    #[must_use]
    pub fn headers(&self) -> Vec<Header> {
        let mut out = HeaderList::default();
        match self {
            Self::SendReq(pdu) => pdu.write(&mut out),
            Self::SendConf(pdu) => pdu.write(&mut out),
            Self::NotificationInd(pdu) => pdu.write(&mut out),
            Self::NotifyRespInd(pdu) => pdu.write(&mut out),
            Self::RetrieveConf(pdu) => pdu.write(&mut out),
            Self::AcknowledgeInd(pdu) => pdu.write(&mut out),
            Self::DeliveryInd(pdu) => pdu.write(&mut out),
            Self::ReadRecInd(pdu) | Self::ReadOrigInd(pdu) => pdu.write(&mut out),
            Self::ForwardReq(pdu) => pdu.write(&mut out),
            Self::ForwardConf(pdu) => pdu.write(&mut out),
            Self::MboxStoreReq(pdu) => pdu.write(&mut out),
            Self::MboxStoreConf(pdu) => pdu.write(&mut out),
            Self::MboxViewReq(pdu) => pdu.write(&mut out),
            Self::MboxViewConf(pdu) => pdu.write(&mut out),
            Self::MboxUploadReq(pdu) => pdu.write(&mut out),
            Self::MboxUploadConf(pdu) => pdu.write(&mut out),
            Self::MboxDescr(pdu) => pdu.write(&mut out),
            Self::DeleteReq(pdu) | Self::MboxDeleteReq(pdu) => pdu.write(&mut out),
            Self::DeleteConf(pdu) | Self::MboxDeleteConf(pdu) => pdu.write(&mut out),
            Self::CancelReq(pdu) => pdu.write(&mut out),
            Self::CancelConf(pdu) => pdu.write(&mut out),
        }
        out.0
    }

    /// Content-Type and body, where the PDU has them.
    #[must_use]
    pub const fn content(&self) -> Option<(&ContentType, &Body)> {
        let content = match self {
            Self::SendReq(pdu) => return Some((&pdu.content_type, &pdu.body)),
            Self::RetrieveConf(pdu) => return Some((&pdu.content_type, &pdu.body)),
            Self::MboxUploadReq(pdu) => Some(&pdu.content),
            Self::MboxViewConf(pdu) => pdu.content.as_ref(),
            Self::MboxDescr(pdu) => pdu.content.as_ref(),
            _ => None,
        };
        match content {
            Some(content) => Some((&content.content_type, &content.body)),
            None => None,
        }
    }

    /// The OMA name, lower case, for example `m-send.req`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        field::MESSAGE_TYPE.token_name(self.message_type()).unwrap_or_default()
    }

    /// X-Mms-Message-Type.
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::SendReq(_) => message_type::SEND_REQ,
            Self::SendConf(_) => message_type::SEND_CONF,
            Self::NotificationInd(_) => message_type::NOTIFICATION_IND,
            Self::NotifyRespInd(_) => message_type::NOTIFYRESP_IND,
            Self::RetrieveConf(_) => message_type::RETRIEVE_CONF,
            Self::AcknowledgeInd(_) => message_type::ACKNOWLEDGE_IND,
            Self::DeliveryInd(_) => message_type::DELIVERY_IND,
            Self::ReadRecInd(_) => message_type::READ_REC_IND,
            Self::ReadOrigInd(_) => message_type::READ_ORIG_IND,
            Self::ForwardReq(_) => message_type::FORWARD_REQ,
            Self::ForwardConf(_) => message_type::FORWARD_CONF,
            Self::MboxStoreReq(_) => message_type::MBOX_STORE_REQ,
            Self::MboxStoreConf(_) => message_type::MBOX_STORE_CONF,
            Self::MboxViewReq(_) => message_type::MBOX_VIEW_REQ,
            Self::MboxViewConf(_) => message_type::MBOX_VIEW_CONF,
            Self::MboxUploadReq(_) => message_type::MBOX_UPLOAD_REQ,
            Self::MboxUploadConf(_) => message_type::MBOX_UPLOAD_CONF,
            Self::MboxDeleteReq(_) => message_type::MBOX_DELETE_REQ,
            Self::MboxDeleteConf(_) => message_type::MBOX_DELETE_CONF,
            Self::MboxDescr(_) => message_type::MBOX_DESCR,
            Self::DeleteReq(_) => message_type::DELETE_REQ,
            Self::DeleteConf(_) => message_type::DELETE_CONF,
            Self::CancelReq(_) => message_type::CANCEL_REQ,
            Self::CancelConf(_) => message_type::CANCEL_CONF,
        }
    }

    /// X-Mms-Transaction-Id, where the PDU has one.
    #[must_use]
    pub fn transaction_id(&self) -> Option<&str> {
        match self {
            Self::SendReq(pdu) => Some(&pdu.transaction_id),
            Self::NotificationInd(pdu) => Some(&pdu.transaction_id),
            Self::NotifyRespInd(pdu) => Some(&pdu.transaction_id),
            Self::AcknowledgeInd(pdu) => Some(&pdu.transaction_id),
            Self::ForwardReq(pdu) => Some(&pdu.transaction_id),
            Self::MboxStoreReq(pdu) => Some(&pdu.transaction_id),
            Self::MboxViewReq(pdu) => Some(&pdu.transaction_id),
            Self::MboxUploadReq(pdu) => Some(&pdu.transaction_id),
            Self::MboxDeleteReq(pdu) | Self::DeleteReq(pdu) => Some(&pdu.transaction_id),
            Self::CancelReq(pdu) => Some(&pdu.transaction_id),
            Self::CancelConf(pdu) => Some(&pdu.transaction_id),
            Self::SendConf(pdu) => pdu.transaction_id.as_deref(),
            Self::RetrieveConf(pdu) => pdu.transaction_id.as_deref(),
            Self::ForwardConf(pdu) => pdu.transaction_id.as_deref(),
            Self::MboxStoreConf(pdu) => pdu.transaction_id.as_deref(),
            Self::MboxViewConf(pdu) => pdu.transaction_id.as_deref(),
            Self::MboxUploadConf(pdu) => pdu.transaction_id.as_deref(),
            Self::MboxDeleteConf(pdu) | Self::DeleteConf(pdu) => pdu.transaction_id.as_deref(),
            Self::DeliveryInd(_)
            | Self::ReadRecInd(_)
            | Self::ReadOrigInd(_)
            | Self::MboxDescr(_) => None,
        }
    }

    /// The octets. Times go out in whole seconds; empty texts and NUL octets in texts are left out.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let headers = self.headers();
        let content = self.content();
        let body = content.map_or(0, |(content_type, body)| content::room(content_type, body));
        let mut out = Vec::with_capacity(headers.len() * ROOM_FOR_HEADER + body);
        out.extend_from_slice(&[0x80 | field::MESSAGE_TYPE.code, self.message_type()]);
        for header in &headers {
            write::put_header(&mut out, header);
        }
        if let Some((content_type, body)) = content {
            content::put(&mut out, content_type, body);
        }
        Bytes::from(out)
    }
}

/// Octets that a header field seldom exceeds; one that does costs an allocation.
const ROOM_FOR_HEADER: usize = 64;
