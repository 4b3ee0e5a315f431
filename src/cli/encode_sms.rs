//! SMS TPDUs of a text or a push (3GPP TS 23.040 clauses 9.2.2.1 and 9.2.2.2): as many as it takes,
//! each a line of hexadecimal digits with the service centre's address in front, as AT commands
//! carry it.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::encode_object::{Complaint, Files, join, object_at, only, push, text_of};
use crate::codec::push;
use crate::codec::sms::{
    ConcatReference, Dcs, Deliver, EncodeError, PORT_WAP_WSP, Ports, Scts, SmsAddress, SmsSubmit,
    UserData, join_smsc, split_datagram, split_text, to_hex,
};
use crate::model::Timestamp;

/// Header names that are read; the others that `decode` prints follow from the text.
const HEADERS: &[&str] = &[
    "from",
    "to",
    "smsc",
    "service-centre-time-stamp",
    "message-reference",
    "protocol-identifier",
    "data-coding-scheme",
    "alphabet",
    "destination-port",
    "source-port",
    "reference",
    "concatenation",
    "text",
    "data",
];

/// The lines of the message.
pub(super) fn lines(object: &Map<String, Value>, files: &Files) -> Result<Vec<String>, Complaint> {
    let known = ["kind", "pdu", "headers", "segments", "content", "body", "line", "warnings"];
    if object.contains_key("messages") {
        let text = "several messages; encode makes one at a time";
        return Err(Complaint::new("messages", text));
    }
    only(object, "", &known)?;
    let headers = match object.get("headers") {
        Some(headers) => object_at(headers, "headers")?,
        None => return Err(Complaint::expected("headers", "an object")),
    };
    only(headers, "headers", HEADERS)?;
    let submit = match text_of(object, "", "pdu")?.as_deref() {
        Some("sms-submit") => true,
        Some("sms-deliver") => false,
        _ => return Err(Complaint::expected("pdu", "\"sms-submit\" or \"sms-deliver\"")),
    };
    let party = address(headers, if submit { "to" } else { "from" })?;
    let smsc = text_of(headers, "headers", "smsc")?.map(|text| SmsAddress::from_text(&text));
    let reference = reference(headers)?;
    let content = content(object, headers, files)?;
    let failed = |error: EncodeError| Complaint::new("", error.to_string());
    let tpdus: Vec<Vec<u8>> = if submit {
        let message = match content {
            Message::Text(text) => SmsSubmit::text(party, text),
            Message::Datagram(ports, octets) => SmsSubmit::datagram(party, ports, octets),
        };
        let pid = small(headers, "protocol-identifier")?.unwrap_or(0);
        let message_reference = small(headers, "message-reference")?.unwrap_or(0);
        let parts = message.reference(reference).protocol_identifier(pid).parts();
        let parts = parts.map_err(failed)?.into_iter().map(|mut part| {
            part.message_reference = message_reference;
            part.encode()
        });
        parts.collect::<Result<_, _>>().map_err(failed)?
    } else {
        let scts = time(headers)?;
        let pid = small(headers, "protocol-identifier")?.unwrap_or(0);
        let parts: Vec<(Dcs, UserData)> = match content {
            Message::Text(text) => split_text(&text, &[], reference).map_err(failed)?,
            Message::Datagram(ports, octets) => split_datagram(&octets, ports, reference)
                .map_err(failed)?
                .into_iter()
                .map(|data| (Dcs::OCTETS, data))
                .collect(),
        };
        let count = parts.len();
        let delivers = parts.into_iter().enumerate().map(|(at, (dcs, data))| {
            let mut deliver = Deliver::new(party.clone(), dcs, scts, data);
            deliver.more_messages = at + 1 < count;
            deliver.pid = pid;
            deliver.encode()
        });
        delivers.collect::<Result<_, _>>().map_err(failed)?
    };
    tpdus
        .iter()
        .map(|tpdu| {
            let line = join_smsc(smsc.as_ref(), tpdu)
                .map_err(|error| Complaint::new("headers.smsc", error.to_string()))?;
            Ok(to_hex(&line))
        })
        .collect()
}

enum Message {
    Text(String),
    Datagram(Ports, Bytes),
}

fn content(
    object: &Map<String, Value>,
    headers: &Map<String, Value>,
    files: &Files,
) -> Result<Message, Complaint> {
    let text = text_of(headers, "headers", "text")?;
    let data = text_of(headers, "headers", "data")?;
    let port = |key: &str, usual: u16| match headers.get(key) {
        None | Some(Value::Null) => Ok(usual),
        Some(value) => {
            let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
            port.ok_or_else(|| {
                Complaint::expected(&join("headers", key), "a number from 0 to 65535")
            })
        }
    };
    let destination = port("destination-port", push::PORT)?;
    let source = port("source-port", PORT_WAP_WSP)?;
    let ports = Ports { destination, source, wide: true };
    match (text, data, object.get("content")) {
        (Some(text), None, None) => Ok(Message::Text(text)),
        (None, Some(digits), None) => {
            let octets = hex::decode(digits);
            let octets = octets
                .map_err(|_| Complaint::expected("headers.data", "pairs of hexadecimal digits"))?;
            if !headers.contains_key("destination-port") {
                let place = "headers.destination-port";
                return Err(Complaint::expected(place, "the port that the data is for"));
            }
            Ok(Message::Datagram(ports, Bytes::from(octets)))
        }
        (None, None, Some(content)) => {
            let unit = push(object_at(content, "content")?, "content", files)?;
            Ok(Message::Datagram(ports, unit))
        }
        (None, None, None) => {
            Err(Complaint::expected("headers.text", "text here, \"data\" or a push as \"content\""))
        }
        _ => Err(Complaint::new("", "one of headers.text, headers.data and content is allowed")),
    }
}

fn address(headers: &Map<String, Value>, key: &str) -> Result<SmsAddress, Complaint> {
    let place = join("headers", key);
    let text = match headers.get(key) {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(object)) => {
            only(object, &place, &["address", "type"])?;
            object.get("address").and_then(Value::as_str)
        }
        _ => None,
    };
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        Complaint::expected(&place, "{\"address\": \"+447700900123\"} or the number itself")
    })?;
    Ok(SmsAddress::from_text(text))
}

/// What joins the parts: as it was, else 1.
fn reference(headers: &Map<String, Value>) -> Result<ConcatReference, Complaint> {
    let (value, wide) = match headers.get("concatenation").and_then(Value::as_object) {
        Some(object) => (object.get("reference"), object.get("bits") == Some(&Value::from(16))),
        None => (headers.get("reference"), false),
    };
    let Some(value) = value else { return Ok(ConcatReference::from(1_u8)) };
    let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
    let number = number
        .ok_or_else(|| Complaint::expected("headers.reference", "a number from 0 to 65535"))?;
    Ok(match u8::try_from(number) {
        Ok(narrow) if !wide => ConcatReference::from(narrow),
        _ => ConcatReference::from(number),
    })
}

fn small(headers: &Map<String, Value>, key: &str) -> Result<Option<u8>, Complaint> {
    match headers.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
            let place = join("headers", key);
            number.map(Some).ok_or_else(|| Complaint::expected(&place, "a number from 0 to 255"))
        }
    }
}

fn time(headers: &Map<String, Value>) -> Result<Scts, Complaint> {
    let Some(text) = text_of(headers, "headers", "service-centre-time-stamp")? else {
        return Ok(Scts([0; 7]));
    };
    let at = text.parse::<jiff::Timestamp>().map_err(|_| {
        let place = "headers.service-centre-time-stamp";
        Complaint::expected(place, "a time such as \"2026-11-21T10:20:30Z\"")
    })?;
    Ok(Scts::new(Timestamp::from_millis(at.as_millisecond()), 0))
}
