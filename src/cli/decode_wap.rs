//! Datagrams between a phone and a WAP gateway (WAP-224-WTP, WAP-230-WSP): transactions and methods
//! named, what a method carries opened. They begin with numbers that anything can begin with, so
//! they are read as such on request alone.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::decode_kinds;
use super::decode_report::{BodyReport, Failure, Report, View, add, place_in};
use crate::codec::wsp::pdu::{EntityHeaders, Pdu, Unit, outline_unit};
use crate::codec::{mms, wtp};

/// A datagram of WSP without a connection.
pub(super) fn unit(octets: &Bytes) -> Report {
    let view =
        Some(View { octets: octets.clone(), nodes: vec![outline_unit(octets)], ..View::default() });
    match Unit::decode(octets) {
        Ok(decoded) => {
            let mut report = session_pdu("wsp", &decoded.value.pdu, octets);
            let id = decoded.value.transaction_id.into();
            report.headers.shift_insert(0, "transaction-id".to_owned(), id);
            report.warnings.extend(decoded.warnings);
            Report { view, ..report }
        }
        Err(error) => Report { view, ..Report::failed("wsp", error.into()) },
    }
}

/// A datagram of WTP: one PDU, or several.
pub(super) fn datagram(octets: &Bytes) -> Report {
    let decoded = wtp::decode_datagram(octets);
    let mut list: Vec<Report> = decoded
        .value
        .into_iter()
        .map(|frame| match frame.pdu {
            Ok(pdu) => transaction_pdu(&pdu, octets),
            Err(error) => Report::failed("wtp", error.into()),
        })
        .collect();
    let mut report = match (list.pop(), list.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            list.push(last);
            Report { kind: "wtp", list: Some(("messages", list)), ..Report::default() }
        }
        (None, _) => Report::failed("wtp", Failure::new("PDU Type", 0, "there is no PDU")),
    };
    report.warnings.extend(decoded.warnings);
    let nodes = wtp::outline(octets);
    report.view = Some(View { octets: octets.clone(), nodes, ..View::default() });
    report
}

fn transaction_pdu(pdu: &wtp::Pdu, octets: &Bytes) -> Report {
    let mut report = Report::new("wtp", pdu.body.name().to_lowercase().replace(' ', "-"));
    report.headers.insert("tid".to_owned(), pdu.tid.value().into());
    report.headers.insert("of-responder".to_owned(), pdu.tid.is_of_responder().into());
    report.maybe("retransmission", pdu.body.retransmission());
    report.maybe("trailer", pdu.body.trailer().map(wtp::Trailer::name));
    report.maybe("packet-sequence-number", pdu.packet_sequence_number());
    let Some(data) = pdu.body.data().filter(|data| !data.is_empty()) else { return report };
    // A whole message has a session's PDU in it; a segment has no meaning by itself.
    let whole = matches!(pdu.body, wtp::Body::Invoke { .. } | wtp::Body::Result { .. })
        && pdu.body.trailer().is_none_or(wtp::Trailer::ends_message);
    if whole {
        let base = place_in(data, octets).unwrap_or(0);
        let inner = match Pdu::decode(data) {
            Ok(decoded) => {
                let mut inner = session_pdu("wsp", &decoded.value, octets);
                let mut warnings = decoded.warnings;
                warnings.iter_mut().for_each(|warning| warning.offset += base);
                inner.warnings.extend(warnings);
                inner
            }
            Err(error) => Report::failed("wsp", Failure::from(error).shifted(base)),
        };
        report.content = Some(Box::new(inner));
    } else {
        keep(&mut report, "application/octet-stream", data);
    }
    report
}

fn keep(report: &mut Report, content_type: &str, octets: &Bytes) {
    let (content_type, octets) = (content_type.to_owned(), octets.clone());
    report.body = Some(BodyReport { name: "body", content_type, octets, file: None });
}

fn session_pdu(kind: &'static str, pdu: &Pdu, octets: &Bytes) -> Report {
    let mut report = Report::new(kind, name(pdu));
    let headers = &mut report.headers;
    match pdu {
        Pdu::Connect { headers: list, .. } => fields(headers, list),
        Pdu::ConnectReply { session_id, headers: list, .. }
        | Pdu::Resume { session_id, headers: list, .. } => {
            headers.insert("session-id".to_owned(), (*session_id).into());
            fields(headers, list);
        }
        Pdu::Disconnect { session_id } | Pdu::Suspend { session_id } => {
            headers.insert("session-id".to_owned(), (*session_id).into());
        }
        Pdu::Redirect { permanent, .. } => {
            headers.insert("permanent".to_owned(), (*permanent).into());
        }
        Pdu::Get { uri, headers: list, .. } => {
            headers.insert("uri".to_owned(), String::from_utf8_lossy(uri).into());
            fields(headers, list);
        }
        Pdu::Post { uri, entity, data, .. } => {
            headers.insert("uri".to_owned(), String::from_utf8_lossy(uri).into());
            entity_of(&mut report, entity.as_ref(), data, octets);
        }
        Pdu::Reply { status, entity, data } => {
            headers.insert("status".to_owned(), status.to_string().into());
            entity_of(&mut report, entity.as_ref(), data, octets);
        }
        Pdu::Push { entity, data } | Pdu::ConfirmedPush { entity, data } => {
            entity_of(&mut report, entity.as_ref(), data, octets);
        }
        Pdu::DataFragment { headers: list, data } => {
            fields(headers, list);
            keep(&mut report, "application/octet-stream", data);
        }
    }
    report
}

/// The name in table 34 of WAP-230, in lower case.
fn name(pdu: &Pdu) -> String {
    match pdu {
        Pdu::Connect { .. } => "connect",
        Pdu::ConnectReply { .. } => "connectreply",
        Pdu::Redirect { .. } => "redirect",
        Pdu::Reply { .. } => "reply",
        Pdu::Disconnect { .. } => "disconnect",
        Pdu::Push { .. } => "push",
        Pdu::ConfirmedPush { .. } => "confirmedpush",
        Pdu::Suspend { .. } => "suspend",
        Pdu::Resume { .. } => "resume",
        Pdu::Get { method, .. } => return method.name().to_lowercase(),
        Pdu::Post { method, .. } => return method.name().to_lowercase(),
        Pdu::DataFragment { .. } => "data-fragment",
    }
    .to_owned()
}

fn fields(headers: &mut Map<String, Value>, list: &[(String, String)]) {
    for (name, value) in list {
        add(headers, name, value);
    }
}

fn entity_of(report: &mut Report, entity: Option<&EntityHeaders>, data: &Bytes, octets: &Bytes) {
    let media_type = entity.map(|entity| entity.content_type.media_type.as_str());
    if let Some(entity) = entity {
        let content_type = entity.content_type.to_string();
        report.headers.insert("content-type".to_owned(), content_type.into());
        fields(&mut report.headers, &entity.headers);
    }
    if data.is_empty() {
        return;
    }
    match (media_type, place_in(data, octets)) {
        (Some(mms::CONTENT_TYPE), Some(at)) => {
            report.content = Some(Box::new(decode_kinds::mms(octets, at..at + data.len())));
        }
        (media_type, _) => keep(report, media_type.unwrap_or("application/octet-stream"), data),
    }
}
