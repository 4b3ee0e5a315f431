//! SMS TPDUs of a text or a push (3GPP TS 23.040 clauses 9.2.2.1 and 9.2.2.2): as many as it takes,
//! each a line of hexadecimal digits with the service centre's address in front, as AT commands
//! carry it.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::encode_object::{Complaint, Files, join, object_at, only, text_of};
use super::encode_push;
use crate::codec::push;
use crate::codec::sms::{
    ConcatReference, Dcs, Deliver, EncodeError, Language, MessageClass, PORT_WAP_WSP, Ports, Scts,
    SmsAddress, SmsSubmit, UserData, ValidityPeriod, join_smsc, split_datagram, split_text, to_hex,
};

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
    "message-class",
    "validity-period",
    "status-report-request",
    "reject-duplicates",
    "reply-path",
    "languages",
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
    if let Some(messages) = object.get("messages") {
        only(object, "", &["kind", "pdu", "headers", "messages", "warnings"])?;
        let list = messages.as_array();
        let list = list.ok_or_else(|| Complaint::expected("messages", "an array"))?;
        let mut lines = Vec::new();
        for (at, message) in list.iter().enumerate() {
            let place = format!("messages[{at}]");
            let inside = |mut complaint: Complaint| {
                complaint.path = if complaint.path.is_empty() {
                    place.clone()
                } else {
                    join(&place, &complaint.path)
                };
                complaint
            };
            let object = object_at(message, &place)?;
            if object.contains_key("messages") {
                return Err(Complaint::new(&place, "messages within messages"));
            }
            lines.extend(self::lines(object, files).map_err(inside)?);
        }
        return Ok(lines);
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
    let class = class(headers)?;
    let languages = languages(headers)?;
    let failed = |error: EncodeError| Complaint::new("", error.to_string());
    let tpdus: Vec<Vec<u8>> = if submit {
        let message = match content {
            Message::Text(text) => SmsSubmit::text(party, text),
            Message::Datagram(ports, octets) => SmsSubmit::datagram(party, ports, octets),
        };
        let pid = small(headers, "protocol-identifier")?.unwrap_or(0);
        let message_reference = small(headers, "message-reference")?.unwrap_or(0);
        let mut message = message
            .reference(reference)
            .protocol_identifier(pid)
            .languages(&languages)
            .validity(validity(headers)?);
        if let Some(class) = class {
            message = message.class(class);
        }
        if flag(headers, "status-report-request")? {
            message = message.request_status_report();
        }
        if flag(headers, "reject-duplicates")? {
            message = message.reject_duplicates();
        }
        if flag(headers, "reply-path")? {
            message = message.reply_path();
        }
        let parts = message.parts();
        let parts = parts.map_err(failed)?.into_iter().map(|mut part| {
            part.message_reference = message_reference;
            part.encode()
        });
        parts.collect::<Result<_, _>>().map_err(failed)?
    } else {
        let scts = time(headers)?;
        let pid = small(headers, "protocol-identifier")?.unwrap_or(0);
        let parts: Vec<(Dcs, UserData)> = match content {
            Message::Text(text) => split_text(&text, &languages, reference).map_err(failed)?,
            Message::Datagram(ports, octets) => split_datagram(&octets, ports, reference)
                .map_err(failed)?
                .into_iter()
                .map(|data| (Dcs::OCTETS, data))
                .collect(),
        };
        let count = parts.len();
        let delivers = parts.into_iter().enumerate().map(|(at, (dcs, data))| {
            let dcs = class.and_then(|class| dcs.with_class(class)).unwrap_or(dcs);
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
            let unit = encode_push::unit(object_at(content, "content")?, "content", files)?;
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

/// The message class, told by its number.
fn class(headers: &Map<String, Value>) -> Result<Option<MessageClass>, Complaint> {
    let all = [
        MessageClass::Flash,
        MessageClass::MobileEquipment,
        MessageClass::Sim,
        MessageClass::TerminalEquipment,
    ];
    let Some(number) = small(headers, "message-class")? else { return Ok(None) };
    let class = all.into_iter().find(|class| class.number() == number);
    let complaint = || Complaint::expected("headers.message-class", "a number from 0 to 3");
    class.map(Some).ok_or_else(complaint)
}

/// How long the service centre tries: seconds, rounded up to what the octet can say, or a time.
fn validity(headers: &Map<String, Value>) -> Result<ValidityPeriod, Complaint> {
    let place = "headers.validity-period";
    let object = match headers.get("validity-period") {
        None | Some(Value::Null) => return Ok(ValidityPeriod::None),
        Some(value) => object_at(value, place)?,
    };
    only(object, place, &["relative", "absolute"])?;
    if let Some(at) = encode_push::time(object, place, "absolute")? {
        return Ok(ValidityPeriod::Absolute(Scts::new(at, 0)));
    }
    let seconds = object.get("relative").and_then(Value::as_u64);
    let text = "{\"relative\": seconds} or {\"absolute\": \"2026-11-21T10:20:30Z\"}";
    let seconds = seconds.ok_or_else(|| Complaint::expected(place, text))?;
    Ok(ValidityPeriod::relative(Duration::from_secs(seconds)))
}

/// Languages whose tables may be used, by their English names.
fn languages(headers: &Map<String, Value>) -> Result<Vec<Language>, Complaint> {
    let place = "headers.languages";
    let list = match headers.get("languages") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(value) => value.as_array().ok_or_else(|| Complaint::expected(place, "an array"))?,
    };
    let known = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        Language::ALL.into_iter().find(|language| language.name().eq_ignore_ascii_case(name))
    };
    let all: Option<Vec<Language>> = list.iter().map(known).collect();
    all.ok_or_else(|| {
        let names: Vec<&str> = Language::ALL.iter().map(|language| language.name()).collect();
        Complaint::expected(place, &format!("names of {}", names.join(", ")))
    })
}

fn flag(headers: &Map<String, Value>, key: &str) -> Result<bool, Complaint> {
    match headers.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value
            .as_bool()
            .ok_or_else(|| Complaint::expected(&join("headers", key), "true or false")),
    }
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
    let at = encode_push::time(headers, "headers", "service-centre-time-stamp")?;
    Ok(at.map_or(Scts([0; 7]), |at| Scts::new(at, 0)))
}
