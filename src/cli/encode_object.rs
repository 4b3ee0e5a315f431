//! The JSON object of `encode` as octets: MMS PDUs with their parts, pushes around them. Every
//! complaint names the place in the JSON and what is expected there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::encode::Kind;
use super::error::{Exit, io_words};
use super::{encode_fields, encode_push, encode_sms};
use crate::codec::mms::{self, Body, Content, Generic, Header, HeaderName, Pdu, field};
use crate::codec::wsp::{ContentType, MAX_DEPTH, MAX_PARTS, Part, put_multipart};
use crate::media::type_for_name;
use crate::model::suggest::nearest;

/// Most octets of one part's file: above what any operator passes on.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What came out.
pub(super) enum Encoded {
    Octets(Bytes),
    /// TPDUs in hexadecimal, one a line.
    Lines(Vec<String>),
}

/// Why the JSON cannot be encoded.
#[derive(Debug)]
pub(super) struct Complaint {
    /// Place in the JSON, for example `headers.expiry.relative`; empty for the whole.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) remedy: Option<String>,
    pub(super) exit: Exit,
}

impl Complaint {
    pub(super) fn new(path: &str, text: impl Into<String>) -> Self {
        let (path, text) = (path.to_owned(), text.into());
        Self { path, text, remedy: None, exit: Exit::Data }
    }

    pub(super) fn expected(path: &str, what: &str) -> Self {
        Self::new(path, format!("{what} is expected here"))
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// Where files of parts are looked for.
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Beside the JSON.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn read(&self, place: &str, name: &str) -> Result<Bytes, Complaint> {
        let path = self.folder.join(name);
        let failed = |error: &std::io::Error| {
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NoInput,
                std::io::ErrorKind::PermissionDenied => Exit::NoPermission,
                _ => Exit::Io,
            };
            let text = format!("{}: {}", path.display(), io_words(error));
            let remedy = "paths are taken from the folder of the JSON file";
            Complaint { exit, ..Complaint::new(place, text).remedy(remedy) }
        };
        let mut octets = Vec::new();
        let mut file = File::open(&path).map_err(|error| failed(&error))?.take(MAX_FILE + 1);
        file.read_to_end(&mut octets).map_err(|error| failed(&error))?;
        if octets.len() as u64 > MAX_FILE {
            let text = format!("{} has more than {MAX_FILE} octets", path.display());
            return Err(Complaint::new(place, text));
        }
        Ok(Bytes::from(octets))
    }
}

/// The octets of the object.
pub(super) fn encode(
    json: &Value,
    wanted: Option<Kind>,
    files: &Files,
) -> Result<Encoded, Complaint> {
    let object = object_at(json, "")?;
    let kind = match object.get("kind") {
        None => wanted.ok_or_else(|| {
            Complaint::expected("kind", "\"mms\", \"push\" or \"tpdu\"")
                .remedy("say it in the JSON or by --type")
        })?,
        Some(Value::String(kind)) => match kind.as_str() {
            "mms" => Kind::Mms,
            "push" => Kind::Push,
            "tpdu" => Kind::Tpdu,
            other => {
                let text = format!("\"{other}\" cannot be encoded");
                return Err(Complaint::new("kind", text).remedy("encode makes mms, push and tpdu"));
            }
        },
        Some(_) => return Err(Complaint::expected("kind", "\"mms\", \"push\" or \"tpdu\"")),
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != kind) {
        // What is carried can be had by itself, and what carries it added.
        let text = format!("this is {}, not {}", kind.as_str(), wanted.as_str());
        return Err(Complaint::new("kind", text).remedy("leave --type out"));
    }
    if object.contains_key("error") {
        let text = "this was told of octets that do not decode; there is no PDU to encode";
        return Err(Complaint::new("error", text));
    }
    match kind {
        Kind::Mms => mms_pdu(object, "", files).map(Encoded::Octets),
        Kind::Push => encode_push::unit(object, "", files).map(Encoded::Octets),
        Kind::Tpdu => encode_sms::lines(object, files).map(Encoded::Lines),
    }
}

pub(super) fn object_at<'a>(
    json: &'a Value,
    path: &str,
) -> Result<&'a Map<String, Value>, Complaint> {
    json.as_object().ok_or_else(|| Complaint::expected(path, "an object"))
}

/// Refuses keys that mean nothing here.
pub(super) fn only(
    object: &Map<String, Value>,
    path: &str,
    known: &[&str],
) -> Result<(), Complaint> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(unknown(&join(path, key), key, known.iter().copied())),
    }
}

pub(super) fn unknown<'a>(
    path: &str,
    key: &str,
    known: impl Iterator<Item = &'a str>,
) -> Complaint {
    let mut text = "there is no such key here".to_owned();
    if let Some(near) = nearest(key, known) {
        text.push_str(&format!("; did you mean '{near}'?"));
    }
    Complaint::new(path, text)
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A text, or nothing for null and for a key that is not there.
pub(super) fn text_of(
    object: &Map<String, Value>,
    path: &str,
    key: &str,
) -> Result<Option<String>, Complaint> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Complaint::expected(&join(path, key), "text or null")),
    }
}

/// An object whose keys are names of its own.
pub(super) fn map_of<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    key: &str,
) -> Result<Vec<(&'a str, &'a Value)>, Complaint> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.iter().map(|(key, it)| (key.as_str(), it)).collect()),
        Some(_) => Err(Complaint::expected(&join(path, key), "an object")),
    }
}

/// Names with texts, a list of texts for a name that is repeated.
pub(super) fn texts(
    list: &[(&str, &Value)],
    path: &str,
) -> Result<Vec<(String, String)>, Complaint> {
    let mut all = Vec::new();
    for (name, value) in list {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(*one),
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return Err(Complaint::expected(&join(path, name), "text")),
            };
            all.push(((*name).to_lowercase(), text));
        }
    }
    Ok(all)
}

/// Fields in the order of writing; all others follow as they come.
const ORDER: &[&mms::Field] = &[
    field::TRANSACTION_ID,
    field::MMS_VERSION,
    field::MESSAGE_ID,
    field::DATE,
    field::FROM,
    field::TO,
    field::CC,
    field::BCC,
    field::SUBJECT,
    field::MESSAGE_CLASS,
];

pub(super) fn mms_pdu(
    object: &Map<String, Value>,
    path: &str,
    files: &Files,
) -> Result<Bytes, Complaint> {
    only(object, path, &["kind", "pdu", "headers", "parts", "warnings"])?;
    let place = join(path, "pdu");
    let name = text_of(object, path, "pdu")?;
    let name = name.ok_or_else(|| Complaint::expected(&place, "a name such as \"m-send.req\""))?;
    let Some(kind) = field::MESSAGE_TYPE.token(&name) else {
        let names = field::MESSAGE_TYPE.tokens().iter().map(|(_, name)| *name);
        let mut text = format!("no PDU is called \"{name}\"");
        if let Some(near) = nearest(&name, names) {
            text.push_str(&format!("; did you mean \"{near}\"?"));
        }
        return Err(Complaint::new(&place, text));
    };
    let place = join(path, "headers");
    let mut headers = Vec::new();
    let mut content_type = None;
    for (name, value) in map_of(object, path, "headers")? {
        let place = join(&place, name);
        let header = HeaderName::of_json_name(name)
            .ok_or_else(|| Complaint::new(&place, "this cannot be the name of a header field"))?;
        if let HeaderName::Text(text) = &header {
            let names: Vec<String> = mms::Field::all().iter().map(|it| it.json_name()).collect();
            let near = nearest(text, names.iter().map(String::as_str));
            // A name in text is allowed; one that nearly is a field's is a slip of the pen.
            if near.is_some_and(|near| near != text) && !text.starts_with("x-") {
                return Err(unknown(&place, text, names.iter().map(String::as_str)));
            }
        }
        if header.field() == Some(field::CONTENT_TYPE) {
            let text = value.as_str().ok_or_else(|| Complaint::expected(&place, "a MIME type"))?;
            content_type = Some(ContentType::from_mime(text));
            continue;
        }
        headers.extend(encode_fields::headers(header, value).map_err(|unfit| {
            Complaint::expected(&format!("{place}{}", unfit.path), &unfit.expected)
        })?);
    }
    if Header::find(&headers, field::MMS_VERSION).is_none() {
        headers.push(Header::new(field::MMS_VERSION, mms::Value::Version(mms::Version::V1_2)));
    }
    headers.sort_by_key(|header| {
        let known = header.name.field();
        ORDER.iter().position(|field| Some(*field) == known).unwrap_or(ORDER.len())
    });
    let content = content(object, path, content_type, files)?;
    let checked = Pdu::from_headers(kind, headers.clone(), content.clone());
    checked.map_err(|error| Complaint::new(&place, error.to_string()))?;
    Ok(Generic { message_type: kind, headers, content }.encode())
}

fn content(
    object: &Map<String, Value>,
    path: &str,
    content_type: Option<ContentType>,
    files: &Files,
) -> Result<Option<Content>, Complaint> {
    let place = join(path, "parts");
    let parts = match object.get("parts") {
        None | Some(Value::Null) => None,
        Some(list) => Some(parts(list, &place, files, MAX_DEPTH)?),
    };
    match (content_type, parts) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Complaint::expected(&place, "an array of parts")),
        (None, Some(parts)) if parts.is_empty() => Ok(None),
        (None, Some(parts)) => {
            // A presentation makes parts belong together.
            let smil = parts.iter().find(|part| part.content_type.media_type.is_smil());
            let kind = if smil.is_some() { "related" } else { "mixed" };
            let mut content_type =
                ContentType::new(&format!("application/vnd.wap.multipart.{kind}"));
            if let Some(smil) = smil {
                content_type.kind = Some(smil.content_type.media_type.to_string());
                content_type.start = smil.content_id.as_ref().map(|id| format!("<{id}>"));
            }
            Ok(Some(Content { content_type, body: Body::Multipart(parts) }))
        }
        (Some(content_type), Some(parts)) if content_type.is_multipart() => {
            Ok(Some(Content { content_type, body: Body::Multipart(parts) }))
        }
        (Some(content_type), Some(parts)) => match <[Part; 1]>::try_from(parts) {
            Ok([part]) => Ok(Some(Content { content_type, body: Body::Single(part.body) })),
            Err(parts) => {
                let text = format!(
                    "{} parts, but the content type {} has one",
                    parts.len(),
                    content_type.media_type
                );
                let remedy = "make the content type application/vnd.wap.multipart.mixed";
                Err(Complaint::new(&place, text).remedy(remedy))
            }
        },
    }
}

fn parts(json: &Value, path: &str, files: &Files, depth: usize) -> Result<Vec<Part>, Complaint> {
    let list = json.as_array().ok_or_else(|| Complaint::expected(path, "an array of parts"))?;
    if list.len() > MAX_PARTS {
        let text = format!("{} parts, {MAX_PARTS} are allowed", list.len());
        return Err(Complaint::new(path, text));
    }
    list.iter()
        .enumerate()
        .map(|(at, it)| part(it, &format!("{path}[{at}]"), files, depth))
        .collect()
}

/// Keys that `decode` writes for people, and that say nothing that the octets do not.
pub(super) const TOLD: [&str; 2] = ["length", "sha256"];

fn part(json: &Value, path: &str, files: &Files, depth: usize) -> Result<Part, Complaint> {
    let object = object_at(json, path)?;
    let mut known = vec![
        "content_type",
        "name",
        "content_id",
        "content_location",
        "charset",
        "parameters",
        "headers",
        "parts",
        "file",
        "text",
        "base64",
    ];
    known.extend(TOLD);
    only(object, path, &known)?;
    let file = text_of(object, path, "file")?;
    let given = text_of(object, path, "content_type")?;
    let guessed = || {
        let name = file.as_deref().and_then(type_for_name);
        name.map(|it| it.to_string())
            .or_else(|| object.contains_key("text").then(|| "text/plain".to_owned()))
    };
    let media_type = given.or_else(guessed).ok_or_else(|| {
        Complaint::expected(&join(path, "content_type"), "a type such as \"image/jpeg\"")
    })?;
    let mut content_type = ContentType::from_mime(&media_type);
    if let Some(charset) = text_of(object, path, "charset")? {
        content_type.charset = Some(charset.to_lowercase());
    }
    let place = join(path, "parameters");
    for (name, text) in texts(&map_of(object, path, "parameters")?, &place)? {
        match name.as_str() {
            "filename" => content_type.filename = Some(text),
            "start" => content_type.start = Some(text),
            "type" => content_type.kind = Some(text),
            _ => content_type.others.push((name, text)),
        }
    }
    let headers = texts(&map_of(object, path, "headers")?, &join(path, "headers"))?;
    let body = body(object, path, files, depth, &mut content_type)?;
    let mut part = Part::new(content_type, body);
    part.content_id = text_of(object, path, "content_id")?;
    part.content_location = text_of(object, path, "content_location")?;
    part.headers = headers;
    // A name that is told of another place need not be written twice.
    let name = text_of(object, path, "name")?;
    if let Some(name) = name.filter(|name| !has_name(&part, name)) {
        part.content_type.name = Some(name);
    }
    Ok(part)
}

fn has_name(part: &Part, name: &str) -> bool {
    let disposition = || {
        let value = part.header("content-disposition").map(ContentType::from_mime);
        value.and_then(|value| value.filename).as_deref() == Some(name)
    };
    match part.content_type.filename.as_deref() {
        Some(filename) => filename == name,
        None => disposition(),
    }
}

/// The octets of a part: of exactly one source.
pub(super) fn body(
    object: &Map<String, Value>,
    path: &str,
    files: &Files,
    depth: usize,
    content_type: &mut ContentType,
) -> Result<Bytes, Complaint> {
    const SOURCES: [&str; 4] = ["file", "text", "base64", "parts"];
    let is_given = |key: &&str| object.get(*key).is_some_and(|value| !value.is_null());
    let given: Vec<&str> = SOURCES.into_iter().filter(|key| is_given(key)).collect();
    match given.as_slice() {
        ["file"] => {
            let name = text_of(object, path, "file")?.unwrap_or_default();
            files.read(&join(path, "file"), &name)
        }
        ["text"] => {
            let text = text_of(object, path, "text")?.unwrap_or_default();
            match content_type.charset.as_deref() {
                None => content_type.charset = Some("utf-8".to_owned()),
                Some("utf-8") => {}
                Some("us-ascii") if text.is_ascii() => {}
                Some(_) => {
                    let text = "a text is written in UTF-8";
                    let remedy = "leave charset out, or give the octets by base64 or file";
                    return Err(Complaint::new(&join(path, "charset"), text).remedy(remedy));
                }
            }
            Ok(Bytes::from(text))
        }
        ["base64"] => {
            let place = join(path, "base64");
            let text = text_of(object, path, "base64")?.unwrap_or_default();
            let octets = STANDARD.decode(text.trim());
            octets.map(Bytes::from).map_err(|error| Complaint::new(&place, error.to_string()))
        }
        ["parts"] => {
            let place = join(path, "parts");
            if depth == 0 {
                let text = format!("multiparts are nested more than {MAX_DEPTH} deep");
                return Err(Complaint::new(&place, text));
            }
            let Some(list) = object.get("parts") else { return Ok(Bytes::new()) };
            let mut octets = Vec::new();
            put_multipart(&mut octets, &parts(list, &place, files, depth - 1)?);
            Ok(Bytes::from(octets))
        }
        [] => Err(Complaint::new(path, "the part has no content").remedy(
            "give \"file\", \"text\" or \"base64\"; decode --extract DIR writes files and names them",
        )),
        more => {
            let text = format!("one of {} is allowed, not several", more.join(", "));
            Err(Complaint::new(path, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::decode_kinds;
    use super::*;

    fn optional(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), value]
    }

    fn address() -> impl Strategy<Value = Value> {
        prop_oneof![
            "\\+[0-9]{5,15}".prop_map(|number| json!({ "address": number, "type": "PLMN" })),
            "[a-z]{1,8}@[a-z]{1,8}".prop_map(|mail| json!({ "address": mail, "type": "email" })),
            "[1-9][0-9]{3,5}".prop_map(|code| json!({ "address": code, "type": null })),
        ]
    }

    fn headers() -> impl Strategy<Value = Value> {
        let time = 0_i64..4_000_000_000;
        let time = time.prop_map(|at| crate::model::Timestamp::from_secs(at).to_string());
        let expiry = prop_oneof![
            time.clone().prop_map(|at| json!({ "absolute": at })),
            any::<u32>().prop_map(|seconds| json!({ "relative": seconds })),
        ];
        let word = |words: &'static [&'static str]| {
            optional(prop::sample::select(words).prop_map(Value::from))
        };
        (
            "[A-Za-z0-9@._-]{1,60}",
            prop::collection::vec(address(), 1..5),
            optional("[a-zA-Zà-ÿ€α-ω][ -~à-ÿ€α-ω]{0,40}".prop_map(Value::from)),
            optional(expiry),
            optional(any::<bool>().prop_map(Value::from)),
            word(&["low", "normal", "high"]),
            word(&["personal", "advertisement", "informational", "auto"]),
            optional(time.prop_map(Value::from)),
            optional("[a-z]{1,20}".prop_map(Value::from)),
        )
            .prop_map(|(id, to, subject, expiry, report, priority, class, date, own)| {
                let all = json!({
                    "transaction-id": id, "mms-version": "1.2", "date": date,
                    "from": { "address": null, "type": "insert-address" }, "to": to,
                    "subject": subject, "expiry": expiry, "delivery-report": report,
                    "priority": priority, "message-class": class, "x-own": own,
                });
                let fields = all.as_object().into_iter().flatten();
                fields
                    .filter(|(_, value)| !value.is_null())
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            })
    }

    fn some_part() -> impl Strategy<Value = Value> {
        let name = || optional("[a-zA-Zà-ÿ][a-zA-Z0-9à-ÿ ._-]{0,20}".prop_map(Value::from));
        let types = vec!["image/jpeg", "audio/amr", "application/x-own", "text/x-vcard"];
        (
            prop::sample::select(types),
            name(),
            optional("[a-z0-9@.]{1,12}".prop_map(Value::from)),
            optional("[a-zA-Z0-9._-]{1,20}".prop_map(Value::from)),
            prop::collection::vec(any::<u8>(), 0..200),
        )
            .prop_map(|(content_type, name, id, location, body)| {
                json!({
                    "content_type": content_type, "name": name, "content_id": id,
                    "content_location": location, "charset": null, "base64": STANDARD.encode(body),
                })
            })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_told_the_same(
            headers in headers(), parts in prop::collection::vec(some_part(), 1..5)
        ) {
            let message = json!({
                "kind": "mms", "pdu": "m-send.req", "headers": headers, "parts": parts,
            });
            let encoded = encode(&message, None, &Files::new(Path::new("")));
            let Ok(Encoded::Octets(octets)) = encoded else {
                return Err(TestCaseError::fail(format!("{:?}", encoded.err())));
            };
            let report = decode_kinds::mms(&octets, 0..octets.len());
            prop_assert_eq!(report.problems(), []);
            let told = report.json();
            let mut fields = told["headers"].clone();
            let content_type = fields.as_object_mut().and_then(|it| it.shift_remove("content-type"));
            prop_assert_eq!(content_type, Some("application/vnd.wap.multipart.mixed".into()));
            prop_assert_eq!(fields, headers);
            for (at, part) in parts.iter().enumerate() {
                let again = &told["parts"][at];
                for key in ["content_type", "name", "content_id", "content_location", "charset"] {
                    prop_assert_eq!(&again[key], &part[key], "{} of part {}", key, at);
                }
                let octets = STANDARD.decode(part["base64"].as_str().unwrap_or_default());
                let octets = octets.unwrap_or_default();
                prop_assert_eq!(again["length"].as_u64(), u64::try_from(octets.len()).ok());
            }
        }
    }
}
