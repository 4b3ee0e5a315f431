//! SMS TPDUs as `decode` prints them: each by itself, and what its segments give together.

use bytes::Bytes;
use serde_json::{Value, json};

use super::decode::push_report;
use super::decode_report::Report;
use crate::codec::push::{self, Push};
use crate::codec::sms::{
    Deliver, Scts, SmsAddress, StatusReport, Submit, Tpdu, UserData, split_smsc,
};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded, Warning};
use crate::proto::sms_reassembly::{Assembly, Datagram, Fragment, Piece, assemble};

/// Octets of the longest TPDU with the longest service centre address in front.
const MAX_PLAUSIBLE: usize = 176 + 12;

/// Every line a TPDU.
pub(super) fn report(lines: &[Bytes]) -> Result<Report, DecodeError> {
    let mut out = Report::new("tpdu", "SMS", Vec::new());
    let mut fragments = Vec::new();
    let mut wholes = Vec::new();
    let mut texts = Vec::new();
    for line in lines {
        let (smsc, Decoded { value, warnings }) = read(line)?;
        out.warnings.extend(warnings);
        let mut item = match &value {
            Tpdu::Deliver(deliver) => {
                texts.extend(deliver.text());
                match Piece::of(deliver) {
                    Piece::Whole(datagram) => wholes.push(datagram),
                    Piece::Part(fragment) => fragments.push(fragment),
                }
                deliver_json(deliver)
            }
            Tpdu::Submit(submit) => submit_json(submit),
            Tpdu::StatusReport(report) => status_report_json(report),
            other => json!({ "type": other.name() }),
        };
        item["smsc"] = smsc.map_or(Value::Null, |smsc| smsc.to_string().into());
        out.item("tpdu", item);
    }
    if let Some(joined) = joined(&mut out, &fragments) {
        if texts.len() == fragments.len() && joined.destination_port.is_none() {
            out.field("text", texts.concat());
        }
        wholes.push(joined);
    }
    open(&mut out, &wholes);
    Ok(out)
}

/// Whether unnamed octets are likely to be TPDUs: short enough, and with times that are times.
pub(super) fn plausible(lines: &[Bytes]) -> Result<(), DecodeError> {
    for line in lines {
        if line.len() > MAX_PLAUSIBLE {
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_PLAUSIBLE };
            return Err(DecodeError { field: "TPDU", offset: 0, kind });
        }
        let (_, Decoded { value, warnings }) = read(line)?;
        let (field, likely) = match value {
            Tpdu::Deliver(deliver) => ("TP-SCTS", is_time(deliver.scts)),
            Tpdu::StatusReport(report) => ("TP-SCTS", is_time(report.scts)),
            // There is no time in it to go by.
            other => (other.name(), warnings.is_empty()),
        };
        if !likely {
            let kind = DecodeErrorKind::InvalidValue(line.first().copied().unwrap_or_default());
            return Err(DecodeError { field, offset: 0, kind });
        }
    }
    Ok(())
}

/// Service centres without a clock write zeros.
fn is_time(scts: Scts) -> bool {
    scts.timestamp().is_some() || scts == Scts([0; 7])
}

fn joined(out: &mut Report, fragments: &[Fragment]) -> Option<Datagram> {
    if fragments.is_empty() {
        return None;
    }
    match assemble(fragments) {
        Assembly::Complete(datagram) => Some(datagram),
        Assembly::Missing(numbers) => {
            let text = format!("segments are missing: {numbers:?}");
            out.warnings.push(Warning::not_understood("concatenation", 0, text));
            None
        }
    }
}

/// The first push among the messages.
fn open(out: &mut Report, messages: &[Datagram]) {
    let ports = [Some(push::PORT), Some(push::SECURE_PORT)];
    let Some(datagram) =
        messages.iter().find(|datagram| ports.contains(&datagram.destination_port))
    else {
        return;
    };
    match Push::decode(&datagram.data) {
        Ok(decoded) => out.content = Some(Box::new(push_report(decoded))),
        Err(error) => out.warnings.push(Warning::not_understood(
            error.field,
            error.offset,
            format!("the push in it does not decode: {}", error.kind),
        )),
    }
}

/// With or without the service centre's address in front: whichever reads with less to forgive.
fn read(octets: &[u8]) -> Result<(Option<SmsAddress>, Decoded<Tpdu>), DecodeError> {
    let bare = tpdu(octets).map(|decoded| (None, decoded));
    let prefixed = split_smsc(octets).and_then(|(smsc, rest)| Ok((smsc, tpdu(rest)?)));
    match (prefixed, bare) {
        (Ok(prefixed), Ok(bare)) => {
            let plain = prefixed.1.warnings.len() <= bare.1.warnings.len();
            Ok(if plain { prefixed } else { bare })
        }
        (Ok(prefixed), Err(_)) => Ok(prefixed),
        (Err(_), bare) => bare,
    }
}

fn tpdu(octets: &[u8]) -> Result<Decoded<Tpdu>, DecodeError> {
    match octets.first() {
        None => {
            let kind = DecodeErrorKind::Truncated;
            Err(DecodeError { field: "TP-Message-Type-Indicator", offset: 0, kind })
        }
        Some(first) if first & 0b11 == 0b01 => Tpdu::from_mobile(octets),
        Some(_) => Tpdu::from_network(octets),
    }
}

fn deliver_json(deliver: &Deliver) -> Value {
    let mut value = json!({
        "type": "SMS-DELIVER",
        "originator": deliver.originator.to_string(),
        "service_centre_time": deliver.scts.timestamp().map(|at| at.to_string()),
        "protocol_identifier": deliver.pid,
        "data_coding_scheme": deliver.dcs.0,
    });
    user_data(&mut value, &deliver.user_data, deliver.text());
    value
}

fn submit_json(submit: &Submit) -> Value {
    let mut value = json!({
        "type": "SMS-SUBMIT",
        "destination": submit.destination.to_string(),
        "message_reference": submit.message_reference,
        "protocol_identifier": submit.pid,
        "data_coding_scheme": submit.dcs.0,
    });
    user_data(&mut value, &submit.user_data, submit.text());
    value
}

fn status_report_json(report: &StatusReport) -> Value {
    json!({
        "type": "SMS-STATUS-REPORT",
        "message_reference": report.message_reference,
        "recipient": report.recipient.to_string(),
        "service_centre_time": report.scts.timestamp().map(|at| at.to_string()),
        "discharge_time": report.discharge_time.timestamp().map(|at| at.to_string()),
        "status": format!("{:#04x}", report.status),
    })
}

fn user_data(value: &mut Value, data: &UserData, text: Option<String>) {
    if let Some(ports) = data.udh.ports() {
        value["destination_port"] = ports.destination.into();
        value["source_port"] = ports.source.into();
    }
    if let Some(concat) = data.udh.concat() {
        value["segment"] = format!("{} of {}", concat.sequence, concat.total).into();
        value["reference"] = concat.reference.into();
    }
    match text {
        Some(text) => value["text"] = text.into(),
        None => value["data"] = hex::encode(data.octets()).into(),
    }
}
