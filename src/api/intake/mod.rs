//! What a caller may hand in: the fields of a new message, their limits, and the one place where
//! they are checked, whether they came as JSON or as a form.

mod form;
mod forward;
mod json;
mod question;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};

use sha2::{Digest, Sha256};

use super::body;
use super::fetch::Fetcher;
use super::problem::{FieldProblem, Problem};
use crate::model::{Address, Kind, MediaType, NewMessage, NewPart, Priority, Timestamp};

pub(super) use form::{malformed, rejected};
pub(super) use forward::{forward, forward_fingerprint};
pub(super) use question::{question, wrong};

#[cfg(test)]
pub(crate) use form::FORM_FIELDS;
#[cfg(test)]
pub(crate) use forward::FORWARD_FIELDS;
#[cfg(test)]
pub(crate) use json::FIELDS;

/// Largest request body, octets: far above what any operator takes, Base64 included, and small
/// enough to hold in memory.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;
/// Most recipients of one request; each becomes a transmission of its own.
pub(crate) const MAX_RECIPIENTS: usize = 100;
/// Most parts of one message; phones show far fewer.
pub(crate) const MAX_PARTS: usize = 20;
/// Longest subject, characters; phones cut at 40 to 80.
pub(crate) const MAX_SUBJECT: usize = 256;
/// Longest text, octets of UTF-8; what is longer belongs into a file.
pub(crate) const MAX_TEXT: usize = 64 * 1024;
/// Longest file name, octets, as file systems have it.
pub(crate) const MAX_FILENAME: usize = 255;
/// Longest reference of the caller, characters.
pub(crate) const MAX_CLIENT_REF: usize = 256;
/// Longest name of a modem, characters, as the configuration has it.
pub(crate) const MAX_MODEM: usize = 32;
/// Longest media type, octets.
pub(crate) const MAX_MEDIA_TYPE: usize = 128;
/// Largest body of a request that only names something, octets.
const MAX_SMALL_BODY: usize = 64 * 1024;
/// Most complaints in one answer; more help nobody.
const MAX_COMPLAINTS: usize = 20;

/// Longest Idempotency-Key, characters.
pub(crate) const MAX_KEY: usize = 255;

/// The same as OpenAPI writes it.
pub(crate) fn key_parameter() -> serde_json::Value {
    serde_json::json!({
        "name": "Idempotency-Key", "in": "header",
        "schema": { "type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$" },
        "description": "The same message under the same key is taken once in 24 hours, \
            and answered alike; other content is refused.",
    })
}

/// The Idempotency-Key of a request.
///
/// # Errors
/// A [`Problem`] when there is one that cannot be used.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().map(str::trim).unwrap_or_default();
    let plain = text.bytes().all(|octet| octet.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX_KEY || !plain || given.next().is_some() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-idempotency-key",
            "the Idempotency-Key cannot be used",
            format!("an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters"),
        )
        .hint("use a random UUID or the number of the order"));
    }
    Ok(Some(text.to_owned()))
}

/// SHA-256 of what is handed in, by which it is known again however it was written: a form has
/// another boundary each time.
fn fingerprint(message: &NewMessage) -> [u8; 32] {
    // Taken apart by name, so that a field that comes new is not forgotten.
    let NewMessage {
        kind,
        to,
        subject,
        text,
        parts,
        group,
        delivery_report,
        read_report,
        expires_at,
        validity,
        send_at,
        priority,
        client_ref,
        modem,
        route,
        from,
        origin: _,
    } = message;
    let mut hash = Sha256::new();
    let mut put = |octets: &[u8]| {
        hash.update(u64::try_from(octets.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(octets);
    };
    // What there may be or not: an empty text is something else than none.
    let mut maybe = |text: Option<&str>| match text {
        Some(text) => {
            put(b"1");
            put(text.as_bytes());
        }
        None => put(b"0"),
    };
    maybe(Some(kind.as_str()));
    maybe(Some(&to.len().to_string()));
    for address in to {
        maybe(Some(&address.to_wire()));
    }
    maybe(subject.as_deref());
    maybe(text.as_deref());
    maybe(Some(if *group { "group" } else { "each" }));
    maybe(Some(if *delivery_report { "report" } else { "none" }));
    maybe(Some(if *read_report { "read" } else { "none" }));
    maybe(expires_at.map(|at| at.as_millis().to_string()).as_deref());
    maybe(validity.map(|validity| validity.as_secs().to_string()).as_deref());
    maybe(send_at.map(|at| at.as_millis().to_string()).as_deref());
    maybe(Some(priority.as_str()));
    maybe(client_ref.as_deref());
    maybe(modem.as_deref());
    maybe(route.as_deref());
    maybe(from.as_ref().map(Address::to_wire).as_deref());
    for part in parts {
        let NewPart { media_type, name, body } = part;
        maybe(media_type.as_ref().map(MediaType::as_str));
        maybe(name.as_deref());
        maybe(Some(&hex::encode(Sha256::digest(body))));
    }
    hash.finalize().into()
}

/// Octets of all parts of a message that are fetched.
const MAX_FETCHED: usize = 8 * 1024 * 1024;

/// A message as it was handed in: parts that are given by URL are not here yet.
#[derive(Debug)]
pub(crate) struct Handed {
    /// The message; such parts are empty.
    pub(crate) message: NewMessage,
    /// Where they are.
    urls: Vec<PartUrl>,
}

/// Where a part is.
#[derive(Debug, Clone)]
struct PartUrl {
    /// Which part.
    index: usize,
    /// The field that says so.
    pointer: String,
    url: String,
}

impl Handed {
    /// Whether something has to be fetched.
    pub(crate) fn has_urls(&self) -> bool {
        !self.urls.is_empty()
    }

    /// SHA-256 of what was handed in, URLs as such.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(fingerprint(&self.message));
        for part in &self.urls {
            hash.update(format!("{} {}\n", part.index, part.url));
        }
        hash.finalize().into()
    }

    /// The whole message, its parts fetched.
    ///
    /// # Errors
    /// A [`Problem`] that names every part that could not be.
    pub(in crate::api) async fn fetched(
        mut self,
        fetcher: &Fetcher,
    ) -> Result<NewMessage, Problem> {
        let mut draft = Draft::default();
        let mut total = 0_usize;
        for part in &self.urls {
            let fetched = match fetcher.fetch(&part.pointer, &part.url).await {
                Ok(fetched) => fetched,
                Err(problem) => {
                    draft.complaints.push(problem);
                    continue;
                }
            };
            total = total.saturating_add(fetched.body.len());
            if total > MAX_FETCHED {
                let detail = format!("the parts have more than {MAX_FETCHED} octets together");
                draft.complain(&part.pointer, "url-too-large", detail);
                break;
            }
            if fetched.body.is_empty() {
                draft.complain(&part.pointer, "empty-part", "there is nothing behind this URL");
            }
            let Some(place) = self.message.parts.get_mut(part.index) else { continue };
            place.body = fetched.body;
            if place.media_type.is_none() {
                place.media_type = fetched
                    .media_type
                    .filter(|it| is_media_type(it) && it != "application/octet-stream")
                    .map(|it| MediaType::new(&it));
            }
        }
        if draft.complaints.is_empty() {
            return Ok(self.message);
        }
        Err(Problem::fields(draft.complaints))
    }
}

/// Reads a new message from a request, by its Content-Type.
///
/// # Errors
/// A [`Problem`] that names every field that is wrong.
pub(crate) async fn read(request: Request) -> Result<Handed, Problem> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(MediaType::new);
    match content_type.as_ref().map(MediaType::as_str) {
        Some("application/json") => {
            let body = axum::body::to_bytes(request.into_body(), MAX_BODY)
                .await
                .map_err(|error| body::unreadable(&error, MAX_BODY))?;
            json::parse(&body)
        }
        Some("multipart/form-data") => {
            form::read(request).await.map(|message| Handed { message, urls: Vec::new() })
        }
        other => {
            let found = other.map_or_else(
                || "the request has no Content-Type".to_owned(),
                |found| format!("the request is '{}'", found.escape_default()),
            );
            Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "this kind of request body is not understood",
                found,
            )
            .hint("send application/json, or a form: curl -F to=+49... -F file=@photo.jpg"))
        }
    }
}

/// Reads the text to be counted from a request: `{"text": "..."}`.
///
/// # Errors
/// A [`Problem`] that says what is wrong.
pub(crate) async fn text_to_count(request: Request) -> Result<String, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|error| body::unreadable(&error, MAX_BODY))?;
    let object: Option<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_slice(&body).ok();
    if let Some(name) = object.iter().flat_map(|object| object.keys()).find(|name| *name != "text")
    {
        return Err(Problem::fields(vec![unknown_field(json::pointer_of(name), name, &["text"])]));
    }
    let text = object.as_ref().and_then(|object| object.get("text")?.as_str());
    match text {
        Some(text) if text.len() <= MAX_TEXT => Ok(text.replace("\r\n", "\n")),
        Some(_) => Err(Problem::fields(vec![FieldProblem::new(
            "/text",
            "text-too-long",
            format!("the text has more than {MAX_TEXT} octets"),
        )])),
        None => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "the request body cannot be read",
            "the body is not a JSON object with a text",
        )
        .hint("for example {\"text\": \"Hello\"}")),
    }
}

/// Reads a small request body: a JSON object whose `known` fields are texts. No body at all is an
/// empty object.
///
/// # Errors
/// A [`Problem`] that names every field that is wrong.
pub(crate) async fn texts(
    request: Request,
    known: &[&str],
) -> Result<BTreeMap<String, String>, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MAX_SMALL_BODY)
        .await
        .map_err(|error| body::unreadable(&error, MAX_SMALL_BODY))?;
    if body.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut draft = Draft::default();
    let mut found = BTreeMap::new();
    for (name, value) in json::object(&body)? {
        match value {
            serde_json::Value::Null if known.contains(&name.as_str()) => {}
            serde_json::Value::String(text) if known.contains(&name.as_str()) => {
                found.insert(name, text);
            }
            _ if known.contains(&name.as_str()) => json::wrong_type(&mut draft, &name, "a text"),
            _ => {
                let complaint = unknown_field(json::pointer_of(&name), &name, known);
                draft.complain(complaint.pointer, "unknown-field", complaint.detail);
            }
        }
    }
    if draft.complaints.is_empty() { Ok(found) } else { Err(Problem::fields(draft.complaints)) }
}

/// Reads a small request body: a JSON object, and what is wrong with the names of its fields.
///
/// # Errors
/// A [`Problem`] when it is none.
pub(crate) async fn fields(
    request: Request,
    known: &[&str],
) -> Result<(serde_json::Map<String, serde_json::Value>, Vec<FieldProblem>), Problem> {
    let body = axum::body::to_bytes(request.into_body(), MAX_SMALL_BODY)
        .await
        .map_err(|error| body::unreadable(&error, MAX_SMALL_BODY))?;
    let object = json::object(&body)?;
    let complaints = object
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .take(MAX_COMPLAINTS)
        .map(|name| unknown_field(json::pointer_of(name), name, known))
        .collect();
    Ok((object, complaints))
}

/// The recipient that a field holds.
///
/// # Errors
/// A [`Problem`] when it is none.
pub(crate) fn recipient(pointer: &str, text: &str) -> Result<Address, Problem> {
    let mut draft = Draft::default();
    draft.recipient(pointer, text);
    draft.message.to.pop().ok_or_else(|| Problem::fields(draft.complaints))
}

/// A message on its way from a request body; collects everything that is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) message: NewMessage,
    /// As the caller said; what that means when nothing was said depends on the kind.
    pub(crate) delivery_report: Option<bool>,
    complaints: Vec<FieldProblem>,
    urls: Vec<PartUrl>,
}

impl Draft {
    /// A part that is to be fetched.
    fn part_url(&mut self, pointer: &str, url: &str, part: RawPart<'_>) {
        let before = self.message.parts.len();
        // Checked like any other; its octets come later.
        self.part(pointer, RawPart { body: Bytes::from_static(b"?"), ..part });
        if let Some(place) = self.message.parts.get_mut(before) {
            place.body = Bytes::new();
            let pointer = format!("{pointer}/url");
            self.urls.push(PartUrl { index: before, pointer, url: url.to_owned() });
        }
    }

    pub(crate) fn complain(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(FieldProblem::new(pointer, code, detail));
        }
    }

    pub(crate) fn recipient(&mut self, pointer: &str, text: &str) {
        match Address::parse_recipient(text) {
            Ok(address) => {
                // A number given twice is one recipient, not two transmissions.
                if !self.message.to.contains(&address) {
                    self.message.to.push(address);
                }
            }
            Err(error) => {
                let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
                self.complain(
                    pointer,
                    "invalid-recipient",
                    format!("recipient '{shown}': {error}"),
                );
            }
        }
    }

    pub(crate) fn kind(&mut self, pointer: &str, text: &str) {
        match Kind::parse(text.trim()) {
            Some(kind) => self.message.kind = kind,
            None => self.complain(pointer, "invalid-kind", "kind must be 'mms' or 'sms'"),
        }
    }

    pub(crate) fn subject(&mut self, pointer: &str, text: &str) {
        let text = text.trim();
        if text.chars().count() > MAX_SUBJECT {
            let detail = format!("the subject has more than {MAX_SUBJECT} characters");
            self.complain(pointer, "subject-too-long", detail);
        } else if text.chars().any(char::is_control) {
            self.complain(pointer, "invalid-subject", "the subject must be one line of text");
        } else if !text.is_empty() {
            self.message.subject = Some(text.to_owned());
        }
    }

    pub(crate) fn text(&mut self, pointer: &str, text: &str) {
        if text.len() > MAX_TEXT {
            let detail = format!("the text has more than {MAX_TEXT} octets");
            self.complain(pointer, "text-too-long", detail);
        } else if text.contains('\0') {
            self.complain(pointer, "invalid-text", "the text holds a NUL character");
        } else if !text.trim().is_empty() {
            self.message.text = Some(text.replace("\r\n", "\n"));
        }
    }

    pub(crate) fn client_ref(&mut self, pointer: &str, text: &str) {
        if text.chars().count() > MAX_CLIENT_REF {
            let detail = format!("the reference has more than {MAX_CLIENT_REF} characters");
            self.complain(pointer, "client-ref-too-long", detail);
        } else if !text.is_empty() {
            self.message.client_ref = Some(text.to_owned());
        }
    }

    /// Which modem; an empty name, as a form sends it, means any.
    pub(crate) fn modem(&mut self, pointer: &str, text: &str) {
        let text = text.trim();
        if text.chars().count() > MAX_MODEM {
            let detail = format!("the name of a modem has at most {MAX_MODEM} characters");
            self.complain(pointer, "unknown-modem", detail);
        } else if !text.is_empty() {
            self.message.modem = Some(text.to_owned());
        }
    }

    /// Which route; an empty name means the one that fits.
    pub(crate) fn route(&mut self, pointer: &str, text: &str) {
        let text = text.trim();
        if text.chars().count() > MAX_MODEM {
            let detail = format!("the name of a route has at most {MAX_MODEM} characters");
            self.complain(pointer, "unknown-route", detail);
        } else if !text.is_empty() {
            self.message.route = Some(text.to_owned());
        }
    }

    /// The number that it is to come from; an empty one means any.
    pub(super) fn from(&mut self, pointer: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        match Address::parse_recipient(text) {
            Ok(number @ Address::Msisdn(_)) => self.message.from = Some(number),
            _ => self.complain(
                pointer,
                "unknown-sender",
                "from must be the number of one of the SIMs, such as +447700900123",
            ),
        }
    }

    /// What was found elsewhere.
    fn add(&mut self, complaint: FieldProblem) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint);
        }
    }

    pub(crate) fn send_at(&mut self, pointer: &str, text: &str) {
        match text.trim().parse::<jiff::Timestamp>() {
            Ok(at) => self.message.send_at = Some(Timestamp::from_millis(at.as_millisecond())),
            Err(_) => self.complain(
                pointer,
                "invalid-send-at",
                "send_at is not a time like 2026-12-24T18:00:00Z",
            ),
        }
    }

    pub(crate) fn priority(&mut self, pointer: &str, text: &str) {
        match Priority::parse(text.trim()) {
            Some(priority) => self.message.priority = priority,
            None => self.complain(
                pointer,
                "invalid-priority",
                "priority must be 'low', 'normal' or 'high'",
            ),
        }
    }

    pub(crate) fn validity(&mut self, pointer: &str, seconds: Option<u64>) {
        match seconds {
            Some(seconds) => self.message.validity = Some(Duration::from_secs(seconds)),
            None => self.complain(
                pointer,
                "invalid-validity",
                "validity_seconds is not a whole number of seconds",
            ),
        }
    }

    pub(crate) fn expires_at(&mut self, pointer: &str, text: &str) {
        match text.trim().parse::<jiff::Timestamp>() {
            Ok(at) => {
                self.message.expires_at = Some(Timestamp::from_millis(at.as_millisecond()));
            }
            Err(_) => self.complain(
                pointer,
                "invalid-expires-at",
                "expires_at is not a time like 2026-12-24T18:00:00Z",
            ),
        }
    }

    pub(crate) fn part(&mut self, pointer: &str, part: RawPart<'_>) {
        if self.message.parts.len() == MAX_PARTS {
            let detail = format!("more than {MAX_PARTS} files");
            self.complain(pointer, "too-many-parts", detail);
            return;
        }
        if part.body.is_empty() {
            let name = part.name.unwrap_or("the file");
            let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
            self.complain(pointer, "empty-part", format!("{shown} is empty"));
            return;
        }
        let name = match part.name.map(str::trim) {
            None | Some("") => None,
            Some(name) if name.len() > MAX_FILENAME => {
                let detail = format!("a file name has more than {MAX_FILENAME} octets");
                self.complain(pointer, "filename-too-long", detail);
                return;
            }
            Some(name) if name.chars().any(char::is_control) => {
                self.complain(pointer, "invalid-filename", "a file name holds control characters");
                return;
            }
            Some(name) => Some(last_component(name).to_owned()),
        };
        let media_type = match part.media_type.map(MediaType::new) {
            // What programs say when they do not know; the octets tell more.
            Some(unknown) if unknown.as_str() == "application/octet-stream" => None,
            Some(given) if !is_media_type(given.as_str()) => {
                self.complain(
                    pointer,
                    "invalid-content-type",
                    "content_type is not of the form 'image/jpeg'",
                );
                return;
            }
            given => given,
        };
        self.message.parts.push(NewPart { media_type, name, body: part.body });
    }

    pub(crate) fn finish(mut self) -> Result<NewMessage, Problem> {
        let bad_recipient = self.complaints.iter().any(|complaint| {
            matches!(complaint.code.as_str(), "invalid-recipient" | "invalid-type")
                && complaint.pointer.trim_start_matches('/').starts_with("to")
        });
        if self.message.to.is_empty() && !bad_recipient {
            self.complain("/to", "no-recipient", "the message has no recipient");
        }
        if self.message.to.len() > MAX_RECIPIENTS {
            let detail = format!(
                "{} recipients, more than the limit of {MAX_RECIPIENTS}",
                self.message.to.len()
            );
            self.complain("/to", "too-many-recipients", detail);
        }
        let is_sms = self.message.kind == Kind::Sms;
        // A report of a short message costs nothing as a rule, and nothing else tells its fate.
        self.message.delivery_report = self.delivery_report.unwrap_or(is_sms);
        if is_sms {
            for (field, given) in [
                ("subject", self.message.subject.is_some()),
                ("parts", !self.message.parts.is_empty()),
                ("group", self.message.group),
            ] {
                if given {
                    let detail = format!("an SMS has no {field}: it carries text and nothing else");
                    self.complain(format!("/{field}"), "not-in-sms", detail);
                }
            }
        }
        if self.complaints.is_empty() {
            if self.message.text.is_none() && self.message.parts.is_empty() {
                let detail = match self.message.kind {
                    Kind::Sms => "the SMS has no text",
                    Kind::Mms => "the message has neither text nor a file",
                };
                self.complain("", "empty-message", detail);
            } else {
                return Ok(self.message);
            }
        }
        Err(Problem::fields(self.complaints))
    }
}

/// A part as it stands in a request.
pub(crate) struct RawPart<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) media_type: Option<&'a str>,
    pub(crate) body: Bytes,
}

/// Some browsers and scripts send whole paths.
fn last_component(name: &str) -> &str {
    name.rsplit(['/', '\\']).find(|piece| !piece.is_empty()).unwrap_or(name)
}

fn is_media_type(text: &str) -> bool {
    let token = |piece: &str| {
        !piece.is_empty()
            && piece
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet))
    };
    text.len() <= MAX_MEDIA_TYPE
        && text.split_once('/').is_some_and(|(top, sub)| token(top) && token(sub))
}

fn unknown_field(pointer: String, name: &str, known: &[&str]) -> FieldProblem {
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    let detail = match crate::model::suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no field '{shown}'; did you mean '{near}'?"),
        None => format!("there is no field '{shown}'; there are: {}", known.join(", ")),
    };
    FieldProblem::new(pointer, "unknown-field", detail)
}
