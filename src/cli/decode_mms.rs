//! MMS PDUs as `decode` prints them: field names of the specification in lower case, without
//! `X-Mms-`.

use super::decode_report::Report;
use crate::codec::Decoded;
use crate::codec::mms::{
    Body, Expiry, From, Header, MessageClass, Pdu, Priority, ReadRecInd, Version, field,
};
use crate::codec::wsp::{ContentType, Part};
use crate::model::{Address, Timestamp};

/// One PDU with its parts.
pub(super) fn report(decoded: Decoded<Pdu>) -> Report {
    let Decoded { value, warnings } = decoded;
    let mut out = Report::new("mms", value.name(), warnings);
    out.maybe("transaction-id", value.transaction_id());
    match value {
        Pdu::SendReq(pdu) => {
            version(&mut out, pdu.version);
            out.maybe("date", pdu.date.map(time));
            out.field("from", sender(&pdu.from));
            addresses(&mut out, "to", &pdu.to);
            addresses(&mut out, "cc", &pdu.cc);
            addresses(&mut out, "bcc", &pdu.bcc);
            out.maybe("subject", pdu.subject);
            out.maybe("message-class", pdu.message_class.map(class));
            out.maybe("expiry", pdu.expiry.map(expiry));
            out.maybe("delivery-time", pdu.delivery_time.map(expiry));
            out.maybe("priority", pdu.priority.map(priority));
            out.maybe("sender-visibility-hide", pdu.sender_visibility_hide);
            out.maybe("delivery-report", pdu.delivery_report);
            out.maybe("read-report", pdu.read_report);
            extra(&mut out, &pdu.extra);
            body(&mut out, &pdu.content_type, pdu.body);
        }
        Pdu::SendConf(pdu) => {
            version(&mut out, pdu.version);
            out.field("response-status", pdu.response_status.to_string());
            out.maybe("response-text", pdu.response_text);
            out.maybe("message-id", pdu.message_id);
            extra(&mut out, &pdu.extra);
        }
        Pdu::NotificationInd(pdu) => {
            version(&mut out, pdu.version);
            out.maybe("from", pdu.from.as_ref().map(sender));
            out.maybe("subject", pdu.subject);
            out.maybe("delivery-report", pdu.delivery_report);
            out.maybe("message-class", pdu.message_class.map(class));
            out.maybe("priority", pdu.priority.map(priority));
            out.maybe("message-size", pdu.message_size);
            out.maybe("expiry", pdu.expiry.map(expiry));
            out.field("content-location", pdu.content_location);
            extra(&mut out, &pdu.extra);
        }
        Pdu::NotifyRespInd(pdu) => {
            version(&mut out, pdu.version);
            out.field("status", pdu.status.to_string());
            out.maybe("report-allowed", pdu.report_allowed);
            extra(&mut out, &pdu.extra);
        }
        Pdu::RetrieveConf(pdu) => {
            version(&mut out, pdu.version);
            out.maybe("message-id", pdu.message_id);
            out.maybe("date", pdu.date.map(time));
            out.maybe("from", pdu.from.as_ref().map(sender));
            addresses(&mut out, "to", &pdu.to);
            addresses(&mut out, "cc", &pdu.cc);
            out.maybe("subject", pdu.subject);
            out.maybe("message-class", pdu.message_class.map(class));
            out.maybe("priority", pdu.priority.map(priority));
            out.maybe("delivery-report", pdu.delivery_report);
            out.maybe("read-report", pdu.read_report);
            out.maybe("retrieve-status", pdu.retrieve_status.map(|status| status.to_string()));
            out.maybe("retrieve-text", pdu.retrieve_text);
            extra(&mut out, &pdu.extra);
            body(&mut out, &pdu.content_type, pdu.body);
        }
        Pdu::AcknowledgeInd(pdu) => {
            version(&mut out, pdu.version);
            out.maybe("report-allowed", pdu.report_allowed);
            extra(&mut out, &pdu.extra);
        }
        Pdu::DeliveryInd(pdu) => {
            version(&mut out, pdu.version);
            out.field("message-id", pdu.message_id);
            addresses(&mut out, "to", &pdu.to);
            out.maybe("date", pdu.date.map(time));
            out.field("status", pdu.status.to_string());
            extra(&mut out, &pdu.extra);
        }
        Pdu::ReadRecInd(pdu) | Pdu::ReadOrigInd(pdu) => read_report(&mut out, pdu),
        other => {
            let headers = other.headers();
            let ids = [field::TRANSACTION_ID];
            let shown = |header: &&Header| !header.name.field().is_some_and(|f| ids.contains(&f));
            for header in headers.iter().filter(shown) {
                out.field(&header.name.json_name(), header.text());
            }
            if let Some((content_type, content)) = other.content() {
                body(&mut out, content_type, content.clone());
            }
        }
    }
    out
}

fn read_report(out: &mut Report, pdu: ReadRecInd) {
    version(out, pdu.version);
    out.field("message-id", pdu.message_id);
    addresses(out, "to", &pdu.to);
    out.maybe("from", pdu.from.as_ref().map(sender));
    out.maybe("date", pdu.date.map(time));
    out.field("read-status", pdu.read_status.to_string());
    extra(out, &pdu.extra);
}

fn version(out: &mut Report, version: Version) {
    out.field("mms-version", format!("{}.{}", version.major, version.minor));
}

fn addresses(out: &mut Report, name: &str, list: &[Address]) {
    for address in list {
        out.field(name, address.to_wire());
    }
}

fn sender(from: &From) -> String {
    match from {
        From::InsertAddress => "insert-address".to_owned(),
        From::Address(address) => address.to_wire(),
    }
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

fn expiry(expiry: Expiry) -> String {
    match expiry {
        Expiry::At(at) => at.to_string(),
        Expiry::After(duration) => format!("{} s", duration.as_secs()),
    }
}

fn class(class: MessageClass) -> String {
    match class {
        MessageClass::Personal => "personal".to_owned(),
        MessageClass::Advertisement => "advertisement".to_owned(),
        MessageClass::Informational => "informational".to_owned(),
        MessageClass::Auto => "auto".to_owned(),
        MessageClass::Other(text) => text,
    }
}

const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "low",
        Priority::Normal => "normal",
        Priority::High => "high",
    }
}

/// Fields without a member of their own.
fn extra(out: &mut Report, list: &[Header]) {
    for header in list {
        out.field(&header.name.json_name(), header.text());
    }
}

fn body(out: &mut Report, content_type: &ContentType, body: Body) {
    let mut shown = content_type.media_type.to_string();
    let known = [("start", &content_type.start), ("type", &content_type.kind)];
    for (name, value) in known {
        if let Some(value) = value {
            shown.push_str(&format!("; {name}={value}"));
        }
    }
    for (name, value) in &content_type.others {
        shown.push_str(&format!("; {name}={value}"));
    }
    out.field("content-type", shown);
    out.parts(match body {
        Body::Multipart(parts) => parts,
        Body::Single(octets) => vec![Part::new(content_type.clone(), octets)],
    });
}
