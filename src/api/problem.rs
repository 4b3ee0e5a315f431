//! Errors of the API as `application/problem+json` (RFC 9457) with a stable `code`.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::gateway::{AcceptError, ActionError, ModemView, OptedOut, TestError};
use crate::store::StoreError;

/// Most recipients named in one refusal.
const MAX_LISTED: usize = 20;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Stable short name, kebab-case, for programs.
    pub code: Box<str>,
    /// The kind of problem in a few words.
    pub title: Box<str>,
    /// This occurrence in one sentence.
    pub detail: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is wrong with which field, when fields are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// After how many seconds the same request may be taken; told as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<NonZeroU32>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the body, or the name of the form field or parameter.
    pub pointer: String,
    /// Stable short name, kebab-case.
    pub code: String,
    /// What is wrong, in one sentence.
    pub detail: String,
}

impl FieldProblem {
    /// A field and what is wrong with it.
    pub(crate) fn new(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem of its kind; `title` names the kind, `detail` this occurrence.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status: status.as_u16(),
            code: code.into(),
            title: title.into(),
            detail: detail.into(),
            hint: None,
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds when the same request may be taken.
    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        // Whoever comes a moment too early is refused once more.
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        self.retry_after = Some(NonZeroU32::MIN.saturating_add(seconds));
        self
    }

    /// Several fields are wrong; a single one lends its code and sentence to the whole.
    pub(crate) fn fields(errors: Vec<FieldProblem>) -> Self {
        let (code, detail) = match errors.as_slice() {
            [only] => (only.code.clone(), only.detail.clone()),
            several => (
                "invalid-fields".to_owned(),
                several.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; "),
            ),
        };
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            code: code.into(),
            title: "the message cannot be taken as it is".into(),
            detail,
            hint: None,
            errors,
            retry_after: None,
        }
    }

    /// No message has this id.
    pub(crate) fn no_message(id: &str) -> Self {
        let id: String = id.chars().take(64).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "message-not-found",
            "there is no such message",
            format!("there is no message '{id}'"),
        )
        .hint("GET /api/v1/messages lists the ids")
    }

    /// No modem has this name.
    pub(crate) fn no_modem(name: &str, modems: &[ModemView]) -> Self {
        let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
        let names: Vec<&str> = modems.iter().map(|modem| &*modem.name).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "modem-not-found",
            "there is no such modem",
            format!("there is no modem '{name}'; there are: {}", names.join(", ")),
        )
        .hint("GET /api/v1/modems lists them")
    }

    /// No page or resource has this path.
    pub(crate) fn no_resource(path: &str) -> Self {
        let path: String = path.chars().take(128).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "there is nothing here",
            format!("there is nothing at '{path}'"),
        )
        .hint("the API begins at /api/v1, the page is /")
    }

    /// The path exists, the method does not.
    pub(crate) fn method(method: &str, path: &str) -> Self {
        let path: String = path.chars().take(128).collect();
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "this method is not available here",
            format!("{method} is not available at '{path}'"),
        )
        .hint("the Allow header names the methods that are")
    }

    /// The body is longer than the limit.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "the request is too large",
            format!("the request body is larger than {limit} octets"),
        )
        .hint("operators take messages of about 300 kB; send a smaller file")
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::KeyReused { .. } => {
                return Self::new(
                    StatusCode::CONFLICT,
                    "idempotency-key-reused",
                    "this Idempotency-Key belongs to another message",
                    detail,
                )
                .hint("use a new key for each message, the same one only to repeat a request");
            }
            StoreError::AccountLimit { again_at, again_in, .. } => {
                let mut problem = Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "account-limit-reached",
                    "the account has used up what it may send",
                    detail,
                );
                if let Some(wait) = again_in {
                    problem = problem.retry_after(wait);
                }
                return match again_at {
                    Some(at) => problem.hint(format!("some of it is free again at {at}")),
                    None => problem.hint("the message alone has more recipients than the limit"),
                };
            }
            StoreError::TooMany { .. } => {
                return Self::new(
                    StatusCode::CONFLICT,
                    "too-many",
                    "there are as many as there may be",
                    detail,
                )
                .hint("remove one that is not needed any more");
            }
            StoreError::Full { .. } => {
                return Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "disk-full",
                    "the disk is full",
                    format!("{detail}; nothing new is taken, what was taken goes on"),
                )
                .hint(
                    "make room on the disk of the data folder, or keep messages for a shorter time \
                     ([retention]); it is taken again by itself then",
                );
            }
            _ => {}
        }
        tracing::error!(%error, "the store failed a request");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "store-failed",
            "the message store failed",
            error.to_string(),
        )
        .hint("look at the free space and the permissions of the data folder")
    }
}

impl From<AcceptError> for Problem {
    fn from(error: AcceptError) -> Self {
        let detail = error.to_string();
        let pointer = |pointer: &str, code: &'static str| {
            Self::fields(vec![FieldProblem::new(pointer, code, detail.clone())])
        };
        match error {
            AcceptError::NoRecipient => pointer("/to", "no-recipient"),
            AcceptError::TooManyRecipients { .. } => pointer("/to", "too-many-recipients"),
            AcceptError::Empty => pointer("", "empty-message").hint("give a text, a file or both"),
            AcceptError::Late { .. } => pointer("/expires_at", "expires-in-the-past")
                .hint("give a later time, in UTC or with its offset, or none at all"),
            AcceptError::TooLarge { .. } => pointer("/parts", "message-too-large")
                .hint("send a smaller picture, or raise max_message_size if the operator allows"),
            AcceptError::Part { .. } => pointer("/parts", "part-unusable"),
            AcceptError::NotInSms { field } => pointer(&format!("/{field}"), "not-in-sms")
                .hint("leave it out, or send an MMS (\"kind\": \"mms\")"),
            AcceptError::NoNumber { .. } => pointer("/to", "no-number")
                .hint("give a number such as +447700900123, or send an MMS"),
            AcceptError::TextTooLong { .. } => pointer("/text", "text-too-long").hint(
                "make it shorter, or send it as MMS; letters beyond the GSM alphabet more than \
                 halve what fits into one SMS",
            ),
            AcceptError::OptedOut(all) => {
                let one =
                    |it: &OptedOut| FieldProblem::new("/to", "recipient-opted-out", it.to_string());
                Self::fields(all.iter().take(MAX_LISTED).map(one).collect()).hint(
                    "respect it; DELETE /api/v1/opt-outs/NUMBER lifts it when they have changed \
                     their mind",
                )
            }
            AcceptError::NoRoute { .. } => pointer("/to", "no-route").hint(
                "add a [[route]] for such recipients to the configuration, or one with default = \
                 true; GET /api/v1/routes lists those that there are",
            ),
            AcceptError::NoSuchRoute { .. } => {
                pointer("/route", "unknown-route").hint("GET /api/v1/routes lists them")
            }
            AcceptError::RouteNotAllowed { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "route-not-allowed",
                "this account may not send by that route",
                detail,
            )
            .hint("leave the route out, or add the account to its accounts in the configuration"),
            AcceptError::ModemAndRoute => pointer("/route", "modem-and-route")
                .hint("name one of them: a modem is the whole way, a route chooses one"),
            AcceptError::UnknownSender { .. } => pointer("/from", "unknown-sender").hint(
                "give the own_number of one of the modems as the configuration has it, or leave it \
                 out",
            ),
            AcceptError::NumberAmbiguous { .. } => pointer("/to", "number-ambiguous")
                .hint("write it in international form, such as +447700900123"),
            AcceptError::NoSuchNumber { .. } => pointer("/to", "no-such-number")
                .hint("write it in international form, such as +447700900123"),
            AcceptError::Schedule { field, .. } => {
                pointer(&format!("/{field}"), "schedule-unusable")
            }
            AcceptError::NoSuchModem { .. } => {
                pointer("/modem", "unknown-modem").hint("GET /api/v1/modems lists them")
            }
            AcceptError::ModemNotAllowed { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "modem-not-allowed",
                "this account may not send by that modem",
                detail,
            )
            .hint("name one of these modems, or have the account's rights changed"),
            AcceptError::NotConfigured(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-configured",
                "the gateway is not ready to send",
                detail,
            )
            .hint("complete the configuration file and restart"),
            AcceptError::Store(error) => Self::from(error),
        }
    }
}

impl From<ActionError> for Problem {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::NotFound(id) => Self::no_message(id.as_str()),
            ActionError::Store(error) => Self::from(error),
            ActionError::Modem(error) => Self::from(error),
            other => Self::new(
                StatusCode::CONFLICT,
                "wrong-state",
                "the message's state does not allow this",
                other.to_string(),
            ),
        }
    }
}

impl From<TestError> for Problem {
    fn from(error: TestError) -> Self {
        let detail = error.to_string();
        match error {
            TestError::NotReady { fault, .. } => {
                let problem = Self::new(
                    StatusCode::CONFLICT,
                    "modem-not-ready",
                    "the modem cannot send now",
                    detail,
                );
                problem.hint(fault.map_or_else(
                    || "wait some seconds and ask again".to_owned(),
                    |fault| fault.remedy,
                ))
            }
            TestError::NumberUnknown { .. } => {
                Self::fields(vec![FieldProblem::new("/to", "own-number-unknown", detail)]).hint(
                    "give the SIM's number as \"to\", or write own_number below [[modem]] in the \
                     configuration",
                )
            }
            TestError::Refused(error) => Self::from(error),
        }
    }
}

/// A problem with the member that only identifies its kind and is never fetched.
#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    problem: &'a Problem,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = format!("urn:mm1gate:problem:{}", self.code);
        let body = serde_json::to_vec(&Wire { kind, problem: &self }).unwrap_or_default();
        let headers: [(HeaderName, HeaderValue); 2] = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (self.status(), headers, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.get()));
        }
        response
    }
}
