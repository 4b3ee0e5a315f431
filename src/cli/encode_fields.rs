//! Header fields of MMS PDUs (OMA-TS-MMS_ENC-V1_3 clause 7.3) from JSON, in the form that
//! `decode --help` documents.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::decode_fields::{HEX, is_status};
use crate::codec::mms::{
    ElementDescriptor, Expiry, Field, Form, Header, HeaderName, Value, Version,
};
use crate::model::{Address, Timestamp};

/// Why JSON is no header field: where in the value, and what is expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    pub(super) path: String,
    pub(super) expected: String,
}

impl Unfit {
    fn new(expected: impl Into<String>) -> Self {
        Self { path: String::new(), expected: expected.into() }
    }

    fn at(mut self, key: &str) -> Self {
        self.path = format!(".{key}{}", self.path);
        self
    }
}

/// The field of a name and a JSON value; several for an array.
pub(super) fn headers(name: HeaderName, json: &Json) -> Result<Vec<Header>, Unfit> {
    let known = name.field();
    let list = match json {
        Json::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_array = json.is_array();
    list.iter()
        .enumerate()
        .map(|(at, json)| {
            let value = match known {
                Some(known) => value(known, json),
                None => unknown(json),
            };
            value.map(|value| Header::new(name.clone(), value)).map_err(|mut unfit| {
                if is_array {
                    unfit.path = format!("[{at}]{}", unfit.path);
                }
                unfit
            })
        })
        .collect()
}

fn unknown(json: &Json) -> Result<Value, Unfit> {
    let text = json.as_str().ok_or_else(|| Unfit::new("text, or octets as \"0x…\""))?;
    if let Some(digits) = text.strip_prefix(HEX) {
        return octets(digits);
    }
    let mut octets = text.as_bytes().to_vec();
    if octets.first().is_none_or(|first| !(0x20..0x7F).contains(first)) || octets.contains(&0) {
        return Err(Unfit::new("text that begins with a visible ASCII character, or \"0x…\""));
    }
    octets.push(0);
    Ok(Value::Raw(Bytes::from(octets)))
}

fn octets(digits: &str) -> Result<Value, Unfit> {
    match hex::decode(digits) {
        Ok(octets) if !octets.is_empty() => Ok(Value::Raw(Bytes::from(octets))),
        _ => Err(Unfit::new("pairs of hexadecimal digits")),
    }
}

fn value(known: &'static Field, json: &Json) -> Result<Value, Unfit> {
    if let Some(object) = json.as_object() {
        if let Some(raw) = object.get("octets") {
            only(object, &["octets"])?;
            let digits =
                raw.as_str().ok_or_else(|| Unfit::new("hexadecimal digits").at("octets"))?;
            return octets(digits).map_err(|unfit| unfit.at("octets"));
        }
        if let (Some(count), Some(inner)) = (object.get("count"), object.get("value")) {
            only(object, &["count", "value"])?;
            let count = number(count).map_err(|unfit| unfit.at("count"))?;
            let inner = value(known, inner).map_err(|unfit| unfit.at("value"))?;
            return Ok(Value::Counted { count, value: Box::new(inner) });
        }
    }
    Ok(match known.form {
        Form::Text => Value::Text(text(json)?),
        Form::Encoded => Value::Encoded(text(json)?),
        Form::Address | Form::PreviouslySentBy => Value::Address(address(json)?),
        Form::From => match json {
            Json::Object(object) if object.get("address").is_some_and(Json::is_null) => {
                Value::InsertAddress
            }
            Json::String(word) if word == "insert-address" => Value::InsertAddress,
            json => Value::Address(address(json)?),
        },
        Form::YesNo | Form::Token => Value::Token(token(known, json)?),
        Form::MessageClass => match token(known, json) {
            Ok(code) => Value::Token(code),
            Err(_) => Value::Text(text(json)?),
        },
        Form::Version => Value::Version(version(json)?),
        Form::Date | Form::PreviouslySentDate => Value::Date(time(json)?),
        Form::Time => Value::Time(expiry(json)?),
        Form::Long | Form::Integer => Value::Integer(number(json)?),
        Form::MmFlags => {
            let object = object(json, &["operation", "keyword"])?;
            let operation = member(object, "operation", |it| token(known, it))?;
            Value::MmFlags { operation, keyword: member(object, "keyword", text)? }
        }
        Form::Totals => {
            let object = object(json, &["unit", "amount"])?;
            let unit = member(object, "unit", |it| token(known, it))?;
            Value::Totals { unit, amount: member(object, "amount", number)? }
        }
        Form::FieldName => {
            let name = HeaderName::of_json_name(&text(json)?);
            Value::FieldName(name.ok_or_else(|| Unfit::new("the name of a header field"))?)
        }
        Form::ElementDescriptor => {
            let object = object(json, &["content-reference", "parameters"])?;
            let content_reference = member(object, "content-reference", text)?;
            let mut parameters = Vec::new();
            for (name, json) in
                object.get("parameters").and_then(Json::as_object).into_iter().flatten()
            {
                let value = text(json).map_err(|unfit| unfit.at(name).at("parameters"))?;
                parameters.push((name.clone(), value));
            }
            Value::ElementDescriptor(Box::new(ElementDescriptor { content_reference, parameters }))
        }
        Form::ContentType | Form::Opaque => return Err(Unfit::new("{\"octets\": \"…\"}")),
    })
}

fn only(object: &Map<String, Json>, known: &[&str]) -> Result<(), Unfit> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Unfit::new(format!("no key but {}", known.join(" and "))).at(key)),
    }
}

fn object<'a>(json: &'a Json, keys: &[&str]) -> Result<&'a Map<String, Json>, Unfit> {
    let object = json
        .as_object()
        .ok_or_else(|| Unfit::new(format!("an object with {}", keys.join(" and "))))?;
    only(object, keys)?;
    Ok(object)
}

fn member<T>(
    object: &Map<String, Json>,
    key: &str,
    read: impl FnOnce(&Json) -> Result<T, Unfit>,
) -> Result<T, Unfit> {
    read(object.get(key).unwrap_or(&Json::Null)).map_err(|unfit| unfit.at(key))
}

fn text(json: &Json) -> Result<String, Unfit> {
    json.as_str().map(str::to_owned).ok_or_else(|| Unfit::new("text"))
}

fn number(json: &Json) -> Result<u64, Unfit> {
    json.as_u64().ok_or_else(|| Unfit::new("a number, 0 or above"))
}

/// An address as on the wire. Alone it is what a person writes, and numbers get their type.
fn address(json: &Json) -> Result<String, Unfit> {
    if let Some(text) = json.as_str() {
        let address = Address::parse_recipient(text);
        return Ok(address.map_or_else(|_| text.to_owned(), |address| address.to_wire()));
    }
    let object = object(json, &["address", "type"])?;
    let address = member(object, "address", text)?;
    match object.get("type") {
        None | Some(Json::Null) => Ok(address),
        Some(Json::String(kind)) if kind == "email" => Ok(address),
        Some(Json::String(kind)) => Ok(format!("{address}/TYPE={kind}")),
        Some(_) => Err(Unfit::new("\"PLMN\", \"email\", another type, or null").at("type")),
    }
}

fn token(known: &'static Field, json: &Json) -> Result<u8, Unfit> {
    let code = match json {
        Json::Bool(flag) if known.form == Form::YesNo => Some(if *flag { 0x80 } else { 0x81 }),
        Json::String(text) => {
            let code = text.rsplit_once('(').map_or(text.as_str(), |(_, code)| code);
            let code = code.trim_end_matches(')').strip_prefix(HEX);
            let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            code.filter(|code| *code >= 0x80).or_else(|| known.token(text))
        }
        _ => None,
    };
    code.ok_or_else(|| {
        if known.form == Form::YesNo {
            return Unfit::new("true or false");
        }
        let words: Vec<String> = known
            .tokens()
            .iter()
            .map(|(code, word)| {
                if is_status(known) {
                    format!("\"{word} ({code:#04x})\"")
                } else {
                    format!("\"{}\"", word.to_lowercase())
                }
            })
            .collect();
        Unfit::new(format!("one of {}", words.join(", ")))
    })
}

fn version(json: &Json) -> Result<Version, Unfit> {
    let parts = json.as_str().and_then(|text| text.split_once('.'));
    let numbers = parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match numbers {
        Some((major @ 0..=7, minor @ 0..=15)) => Ok(Version { major, minor }),
        _ => Err(Unfit::new("a version such as \"1.2\"")),
    }
}

fn time(json: &Json) -> Result<Timestamp, Unfit> {
    let read = json.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let read = read.map(|at| Timestamp::from_millis(at.as_millisecond()));
    read.ok_or_else(|| Unfit::new("a time such as \"2026-11-21T10:20:30Z\""))
}

fn expiry(json: &Json) -> Result<Expiry, Unfit> {
    let expected = || Unfit::new("{\"absolute\": \"…Z\"} or {\"relative\": seconds}");
    let object = json.as_object().filter(|object| object.len() == 1).ok_or_else(expected)?;
    if let Some(at) = object.get("absolute") {
        return time(at).map(Expiry::At).map_err(|unfit| unfit.at("absolute"));
    }
    let seconds = object.get("relative").ok_or_else(expected)?;
    let seconds = number(seconds).map_err(|unfit| unfit.at("relative"))?;
    Ok(Expiry::After(Duration::from_secs(seconds)))
}
