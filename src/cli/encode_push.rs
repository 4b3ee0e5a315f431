//! Push units around MMS PDUs, documents and other bodies (WAP-235-PushOTA-20010425-a).

use bytes::Bytes;
use serde_json::{Map, Value};

use super::encode_object::{
    self, Complaint, Files, TOLD, join, map_of, mms_pdu, object_at, only, text_of, texts,
};
use crate::codec::push::{LoadAction, Push, ServiceIndication, ServiceLoading, SignalAction};
use crate::codec::wsp::ContentType;
use crate::model::Timestamp;

/// Content types of the documents that are written, in their binary form.
const SI: &str = "application/vnd.wap.sic";
const SL: &str = "application/vnd.wap.slc";

/// A push unit around its content.
pub(super) fn unit(
    object: &Map<String, Value>,
    path: &str,
    files: &Files,
) -> Result<Bytes, Complaint> {
    only(object, path, &["kind", "pdu", "application", "headers", "content", "body", "warnings"])?;
    let place = join(path, "headers");
    let mut transaction_id = 0;
    let mut content_type = None;
    let mut rest = Vec::new();
    for (name, value) in map_of(object, path, "headers")? {
        let place = join(&place, name);
        match name {
            "transaction-id" => {
                let id = value.as_u64().and_then(|id| u8::try_from(id).ok());
                transaction_id =
                    id.ok_or_else(|| Complaint::expected(&place, "a number from 0 to 255"))?;
            }
            "content-type" => {
                let text = value.as_str();
                let text = text.ok_or_else(|| Complaint::expected(&place, "a MIME type"))?;
                content_type = Some(ContentType::from_mime(text));
            }
            _ => rest.push((name, value)),
        }
    }
    let headers = texts(&rest, &place)?;
    let body = match (object.get("content"), object.get("body")) {
        (None, None) => {
            let place = join(path, "content");
            let text = "an MMS PDU, an \"si\" or \"sl\" here, or a \"body\"";
            return Err(Complaint::expected(&place, text));
        }
        // The octets of a body count more than what was told of them.
        (None, Some(body)) => given(body, path, files)?,
        (Some(_), Some(body)) if has_source(body) => given(body, path, files)?,
        (Some(content), _) => {
            let place = join(path, "content");
            let (kind, octets) = document(object_at(content, &place)?, &place, files)?;
            if content_type.is_none() && kind != crate::codec::mms::CONTENT_TYPE {
                content_type = Some(ContentType::new(kind));
            }
            if let Some(said) = &content_type
                && said.media_type.as_str() != kind
            {
                let place = join(path, "headers.content-type");
                let text = format!("{}, but the content is {kind}", said.media_type);
                let remedy = "leave the content type out, or give the octets as \"body\"";
                return Err(Complaint::new(&place, text).remedy(remedy));
            }
            octets
        }
    };
    let is_mms = object.contains_key("content");
    let mut push = Push::mms(transaction_id, body);
    match content_type {
        Some(content_type) => {
            push.content_type = content_type;
            push.headers = headers;
        }
        None if is_mms => push.headers.extend(headers),
        None => {
            let place = join(path, "headers.content-type");
            return Err(Complaint::expected(&place, "a MIME type"));
        }
    }
    Ok(push.encode())
}

fn has_source(body: &Value) -> bool {
    ["file", "text", "base64"].iter().any(|key| body.get(key).is_some_and(|it| !it.is_null()))
}

/// A body as it is given.
fn given(body: &Value, path: &str, files: &Files) -> Result<Bytes, Complaint> {
    let place = join(path, "body");
    let object = object_at(body, &place)?;
    let mut known = vec!["content_type", "file", "text", "base64"];
    known.extend(TOLD);
    only(object, &place, &known)?;
    let kind = text_of(object, &place, "content_type")?;
    let mut kind = ContentType::from_mime(kind.as_deref().unwrap_or_default());
    encode_object::body(object, &place, files, 0, &mut kind)
}

/// What a push carries, with its content type.
fn document(
    object: &Map<String, Value>,
    path: &str,
    files: &Files,
) -> Result<(&'static str, Bytes), Complaint> {
    let kind = text_of(object, path, "kind")?;
    let place = join(path, "headers");
    let headers: Map<String, Value> = match kind.as_deref() {
        None | Some("mms") => {
            return Ok((crate::codec::mms::CONTENT_TYPE, mms_pdu(object, path, files)?));
        }
        Some("si" | "sl") => {
            only(object, path, &["kind", "pdu", "headers", "warnings"])?;
            let list = map_of(object, path, "headers")?;
            list.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
        }
        Some(other) => {
            let text = format!("a document of kind {other:?} is not written");
            let remedy =
                "give its octets as \"body\"; decode --extract DIR saves them and names the file";
            return Err(Complaint::new(&join(path, "kind"), text).remedy(remedy));
        }
    };
    let action = text_of(&headers, &place, "action")?;
    let href = text_of(&headers, &place, "href")?;
    if kind.as_deref() == Some("sl") {
        only(&headers, &place, &["href", "action"])?;
        let all = [LoadAction::ExecuteLow, LoadAction::ExecuteHigh, LoadAction::Cache];
        let action = chosen(&all, LoadAction::as_str, action, &place)?;
        let href = href.ok_or_else(|| Complaint::expected(&join(&place, "href"), "a link"))?;
        return Ok((SL, ServiceLoading { href, action }.to_wbxml()));
    }
    only(&headers, &place, &["href", "text", "action", "created", "expires", "si-id"])?;
    let all = [
        SignalAction::None,
        SignalAction::Low,
        SignalAction::Medium,
        SignalAction::High,
        SignalAction::Delete,
    ];
    let indication = ServiceIndication {
        href,
        text: text_of(&headers, &place, "text")?.unwrap_or_default(),
        action: chosen(&all, SignalAction::as_str, action, &place)?,
        created: time(&headers, &place, "created")?,
        expires: time(&headers, &place, "expires")?,
        id: text_of(&headers, &place, "si-id")?,
    };
    Ok((SI, indication.to_wbxml()))
}

/// The action of this word; the usual one without a word.
fn chosen<T: Copy + Default>(
    all: &[T],
    word: impl Fn(T) -> &'static str,
    given: Option<String>,
    place: &str,
) -> Result<T, Complaint> {
    let Some(given) = given else { return Ok(T::default()) };
    all.iter().copied().find(|action| word(*action) == given).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|action| word(*action)).collect();
        Complaint::expected(&join(place, "action"), &format!("one of {}", words.join(", ")))
    })
}

/// A time in the form that `decode` prints.
pub(super) fn time(
    headers: &Map<String, Value>,
    place: &str,
    key: &str,
) -> Result<Option<Timestamp>, Complaint> {
    let Some(text) = text_of(headers, place, key)? else { return Ok(None) };
    let at = text.parse::<jiff::Timestamp>().map_err(|_| {
        Complaint::expected(&join(place, key), "a time such as \"2026-11-21T10:20:30Z\"")
    })?;
    Ok(Some(Timestamp::from_millis(at.as_millisecond())))
}
