//! PDUs to octets (OMA-TS-MMS_ENC-V1_3 clause 6): Message-Type, Transaction-Id and MMS-Version
//! first, Content-Type last, all else in the order in which every MMSC has seen it.

use bytes::Bytes;

use super::fields::{self, Known};
use super::{
    AcknowledgeInd, Body, DeliveryInd, Expiry, From, MessageClass, NotificationInd, NotifyRespInd,
    Pdu, Priority, RawHeader, ReadRecInd, RetrieveConf, SendConf, SendReq, Version,
};
use crate::codec::wsp::{
    ContentType, put_encoded_string, put_long_integer, put_multipart, put_text_string,
    put_with_length,
};
use crate::model::{Address, Timestamp};

/// The octets of one PDU.
pub(super) fn encode(pdu: &Pdu) -> Bytes {
    let mut out = Writer { octets: Vec::with_capacity(256 + body_length(pdu)) };
    out.octet(&fields::MESSAGE_TYPE, pdu.message_type());
    match pdu {
        Pdu::SendReq(value) => send_req(&mut out, value),
        Pdu::SendConf(value) => send_conf(&mut out, value),
        Pdu::NotificationInd(value) => notification_ind(&mut out, value),
        Pdu::NotifyRespInd(value) => notify_resp_ind(&mut out, value),
        Pdu::RetrieveConf(value) => retrieve_conf(&mut out, value),
        Pdu::AcknowledgeInd(value) => acknowledge_ind(&mut out, value),
        Pdu::DeliveryInd(value) => delivery_ind(&mut out, value),
        Pdu::ReadRecInd(value) | Pdu::ReadOrigInd(value) => read_ind(&mut out, value),
    }
    Bytes::from(out.octets)
}

fn body_length(pdu: &Pdu) -> usize {
    let body = match pdu {
        Pdu::SendReq(value) => &value.body,
        Pdu::RetrieveConf(value) => &value.body,
        _ => return 0,
    };
    match body {
        Body::Single(octets) => octets.len(),
        Body::Multipart(parts) => parts.iter().map(|part| part.body.len() + 192).sum(),
    }
}

fn send_req(out: &mut Writer, value: &SendReq) {
    out.text(&fields::TRANSACTION_ID, &value.transaction_id);
    out.version(value.version);
    out.date(&fields::DATE, value.date);
    out.from(Some(&value.from));
    out.addresses(&fields::TO, &value.to);
    out.addresses(&fields::CC, &value.cc);
    out.addresses(&fields::BCC, &value.bcc);
    out.encoded(&fields::SUBJECT, value.subject.as_deref());
    out.message_class(value.message_class.as_ref());
    out.expiry(&fields::EXPIRY, value.expiry);
    out.expiry(&fields::DELIVERY_TIME, value.delivery_time);
    out.priority(value.priority);
    out.flag(&fields::SENDER_VISIBILITY, value.sender_visibility_hide);
    out.flag(&fields::DELIVERY_REPORT, value.delivery_report);
    out.flag(&fields::READ_REPORT, value.read_report);
    out.extra(&value.extra);
    out.content(&value.content_type, &value.body);
}

fn send_conf(out: &mut Writer, value: &SendConf) {
    out.optional_text(&fields::TRANSACTION_ID, value.transaction_id.as_deref());
    out.version(value.version);
    out.octet(&fields::RESPONSE_STATUS, value.response_status.0);
    out.encoded(&fields::RESPONSE_TEXT, value.response_text.as_deref());
    out.optional_text(&fields::MESSAGE_ID, value.message_id.as_deref());
    out.extra(&value.extra);
}

fn notification_ind(out: &mut Writer, value: &NotificationInd) {
    out.text(&fields::TRANSACTION_ID, &value.transaction_id);
    out.version(value.version);
    out.from(value.from.as_ref());
    out.encoded(&fields::SUBJECT, value.subject.as_deref());
    out.flag(&fields::DELIVERY_REPORT, value.delivery_report);
    out.message_class(value.message_class.as_ref());
    out.priority(value.priority);
    if let Some(size) = value.message_size {
        out.long_integer(&fields::MESSAGE_SIZE, size);
    }
    out.expiry(&fields::EXPIRY, value.expiry);
    out.extra(&value.extra);
    out.text(&fields::CONTENT_LOCATION, &value.content_location);
}

fn notify_resp_ind(out: &mut Writer, value: &NotifyRespInd) {
    out.text(&fields::TRANSACTION_ID, &value.transaction_id);
    out.version(value.version);
    out.octet(&fields::STATUS, value.status.0);
    out.flag(&fields::REPORT_ALLOWED, value.report_allowed);
    out.extra(&value.extra);
}

fn retrieve_conf(out: &mut Writer, value: &RetrieveConf) {
    out.optional_text(&fields::TRANSACTION_ID, value.transaction_id.as_deref());
    out.version(value.version);
    out.optional_text(&fields::MESSAGE_ID, value.message_id.as_deref());
    out.date(&fields::DATE, value.date);
    out.from(value.from.as_ref());
    out.addresses(&fields::TO, &value.to);
    out.addresses(&fields::CC, &value.cc);
    out.encoded(&fields::SUBJECT, value.subject.as_deref());
    out.message_class(value.message_class.as_ref());
    out.priority(value.priority);
    out.flag(&fields::DELIVERY_REPORT, value.delivery_report);
    out.flag(&fields::READ_REPORT, value.read_report);
    if let Some(status) = value.retrieve_status {
        out.octet(&fields::RETRIEVE_STATUS, status.0);
    }
    out.encoded(&fields::RETRIEVE_TEXT, value.retrieve_text.as_deref());
    out.extra(&value.extra);
    out.content(&value.content_type, &value.body);
}

fn acknowledge_ind(out: &mut Writer, value: &AcknowledgeInd) {
    out.text(&fields::TRANSACTION_ID, &value.transaction_id);
    out.version(value.version);
    out.flag(&fields::REPORT_ALLOWED, value.report_allowed);
    out.extra(&value.extra);
}

fn delivery_ind(out: &mut Writer, value: &DeliveryInd) {
    out.version(value.version);
    out.text(&fields::MESSAGE_ID, &value.message_id);
    out.addresses(&fields::TO, &value.to);
    out.date(&fields::DATE, value.date);
    out.octet(&fields::STATUS, value.status.0);
    out.extra(&value.extra);
}

fn read_ind(out: &mut Writer, value: &ReadRecInd) {
    out.version(value.version);
    out.text(&fields::MESSAGE_ID, &value.message_id);
    out.addresses(&fields::TO, &value.to);
    out.from(value.from.as_ref());
    out.date(&fields::DATE, value.date);
    out.octet(&fields::READ_STATUS, value.read_status.0);
    out.extra(&value.extra);
}

struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    fn name(&mut self, known: &Known) {
        self.octets.push(0x80 | known.code);
    }

    /// One octet; the high bit belongs to it on the wire.
    fn octet(&mut self, known: &Known, octet: u8) {
        self.name(known);
        self.octets.push(0x80 | octet);
    }

    fn flag(&mut self, known: &Known, value: Option<bool>) {
        if let Some(value) = value {
            self.octet(known, if value { 0x80 } else { 0x81 });
        }
    }

    fn version(&mut self, version: Version) {
        self.octet(&fields::VERSION, ((version.major & 0x07) << 4) | (version.minor & 0x0F));
    }

    fn text(&mut self, known: &Known, text: &str) {
        self.name(known);
        put_text_string(&mut self.octets, text);
    }

    fn optional_text(&mut self, known: &Known, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.text(known, text);
        }
    }

    /// An empty text is left out: MMSCs and phones refuse an empty Subject.
    fn encoded(&mut self, known: &Known, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.name(known);
            put_encoded_string(&mut self.octets, text);
        }
    }

    fn addresses(&mut self, known: &Known, addresses: &[Address]) {
        for address in addresses {
            self.name(known);
            put_encoded_string(&mut self.octets, &address.to_wire());
        }
    }

    fn from(&mut self, from: Option<&From>) {
        let Some(from) = from else { return };
        self.name(&fields::FROM);
        let mut value = Vec::with_capacity(32);
        match from {
            From::InsertAddress => value.push(0x81),
            From::Address(address) => {
                value.push(0x80);
                put_encoded_string(&mut value, &address.to_wire());
            }
        }
        put_with_length(&mut self.octets, &value);
    }

    fn long_integer(&mut self, known: &Known, value: u64) {
        self.name(known);
        put_long_integer(&mut self.octets, value);
    }

    fn date(&mut self, known: &Known, date: Option<Timestamp>) {
        if let Some(date) = date {
            self.long_integer(known, seconds(date));
        }
    }

    fn expiry(&mut self, known: &Known, expiry: Option<Expiry>) {
        let Some(expiry) = expiry else { return };
        let mut value = Vec::with_capacity(10);
        match expiry {
            Expiry::At(time) => {
                value.push(0x80);
                put_long_integer(&mut value, seconds(time));
            }
            Expiry::After(duration) => {
                value.push(0x81);
                put_long_integer(&mut value, duration.as_secs());
            }
        }
        self.name(known);
        put_with_length(&mut self.octets, &value);
    }

    fn message_class(&mut self, class: Option<&MessageClass>) {
        let octet = match class {
            None => return,
            Some(MessageClass::Personal) => 0x80,
            Some(MessageClass::Advertisement) => 0x81,
            Some(MessageClass::Informational) => 0x82,
            Some(MessageClass::Auto) => 0x83,
            Some(MessageClass::Other(text)) => {
                self.optional_text(&fields::MESSAGE_CLASS, Some(text));
                return;
            }
        };
        self.octet(&fields::MESSAGE_CLASS, octet);
    }

    fn priority(&mut self, priority: Option<Priority>) {
        let octet = match priority {
            None => return,
            Some(Priority::Low) => 0x80,
            Some(Priority::Normal) => 0x81,
            Some(Priority::High) => 0x82,
        };
        self.octet(&fields::PRIORITY, octet);
    }

    fn extra(&mut self, extra: &[RawHeader]) {
        for RawHeader { name, value } in extra {
            self.octets.extend_from_slice(name);
            if name.first().is_some_and(|&first| first < 0x80) {
                self.octets.push(0);
            }
            self.octets.extend_from_slice(value);
        }
    }

    fn content(&mut self, content_type: &ContentType, body: &Body) {
        self.name(&fields::CONTENT_TYPE);
        content_type.encode(&mut self.octets);
        match body {
            Body::Single(octets) => self.octets.extend_from_slice(octets),
            Body::Multipart(parts) => put_multipart(&mut self.octets, parts),
        }
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_secs()).unwrap_or(0)
}
