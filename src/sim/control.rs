//! The control API: a small JSON service on loopback through which other programs play the
//! operator (RFC 9110, problem details after RFC 9457).

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use base64::Engine;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::fault::ActiveFault;
use super::operator::Operator;
use super::phone::{Outgoing, OutgoingPart};
use super::smsc::SmsError;
use crate::codec::sms::from_hex;

/// Octets of the largest request: a picture of a few megabytes in Base64.
const MAX_REQUEST: usize = 16 * 1024 * 1024;
/// TPDUs in one request.
const MAX_TPDUS: usize = 255;

/// The service, to be served on loopback only.
pub fn router(operator: Operator) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/state", get(state))
        .route("/sms", post(sms))
        .route("/mms", post(mms))
        .route("/faults", get(faults).post(switch_faults).delete(clear_faults))
        .route("/faults/{name}", delete(clear_fault))
        .route("/call", delete(drop_call))
        .route("/modem/power-cycle", post(power_cycle))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing here; GET / lists") })
        .method_not_allowed_fallback(|| async {
            problem(StatusCode::METHOD_NOT_ALLOWED, "not with this method; GET / lists")
        })
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(middleware::from_fn(only_loopback_names))
        .with_state(operator)
}

/// A page of a browser may reach loopback under a name of its own; that name shows in Host.
async fn only_loopback_names(headers: HeaderMap, request: Request, next: Next) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { host }
    });
    if matches!(name, "" | "127.0.0.1" | "localhost" | "[::1]") {
        next.run(request).await
    } else {
        problem(StatusCode::FORBIDDEN, "this service answers to loopback names only")
    }
}

async fn index() -> Response {
    axum::Json(json!({
        "GET /state": "modems, phones, what the MMSC saw",
        "POST /sms": {"tpdu": ["SMS-DELIVER in hexadecimal"], "to": "+447700900001 (optional)"},
        "POST /mms": {"from": "+447700900002", "to": "optional", "subject": "optional",
            "text": "optional", "parts": [{"type": "image/jpeg", "name": "a.jpg", "base64": "..."}]},
        "GET /faults": "faults that are on",
        "POST /faults": {"fault": "mmsc-http-status", "status": 503, "times": 1},
        "DELETE /faults": "switch all off",
        "DELETE /faults/{name}": "switch one off",
        "DELETE /call": "end the data call: NO CARRIER",
        "POST /modem/power-cycle": "take the power away and give it back",
    }))
    .into_response()
}

async fn state(State(operator): State<Operator>) -> Response {
    axum::Json(operator.state()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SmsRequest {
    tpdu: Vec<String>,
    #[serde(default)]
    to: Option<String>,
}

async fn sms(State(operator): State<Operator>, headers: HeaderMap, body: Bytes) -> Response {
    let request: SmsRequest = match read(&headers, &body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    if request.tpdu.is_empty() || request.tpdu.len() > MAX_TPDUS {
        return problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!("'tpdu' holds {} TPDUs, it must be 1 to {MAX_TPDUS}", request.tpdu.len()),
        );
    }
    let mut tpdus = Vec::new();
    for (index, text) in request.tpdu.iter().enumerate() {
        match from_hex(text.trim()) {
            Ok(octets) => tpdus.push(Bytes::from(octets)),
            Err(error) => {
                return problem(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    &format!("tpdu[{index}] is not hexadecimal: {error}"),
                );
            }
        }
    }
    let number = request.to.unwrap_or_else(|| operator.modem().state().number);
    match operator.deliver_sms(&number, &tpdus) {
        Ok(()) => {
            let waiting = operator
                .state()
                .modems
                .iter()
                .find(|modem| modem.number == number)
                .map_or(0, |modem| modem.waiting_sms);
            let answer = json!({"accepted": tpdus.len(), "waiting_in_network": waiting});
            (StatusCode::ACCEPTED, axum::Json(answer)).into_response()
        }
        Err(error) => sms_problem(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MmsRequest {
    from: String,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    parts: Vec<MmsPart>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MmsPart {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    base64: String,
}

async fn mms(State(operator): State<Operator>, headers: HeaderMap, body: Bytes) -> Response {
    let request: MmsRequest = match read(&headers, &body) {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let mut message =
        Outgoing { subject: request.subject, text: request.text, ..Outgoing::default() };
    for part in request.parts {
        match base64::engine::general_purpose::STANDARD.decode(&part.base64) {
            Ok(octets) => message.parts.push(OutgoingPart {
                content_type: part.kind,
                name: part.name,
                body: Bytes::from(octets),
            }),
            Err(error) => {
                let text = format!("part '{}' is not Base64: {error}", part.name);
                return problem(StatusCode::UNPROCESSABLE_ENTITY, &text);
            }
        }
    }
    if message.text.is_none() && message.parts.is_empty() {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "the message has neither text nor part");
    }
    let to = request.to.unwrap_or_else(|| operator.modem().state().number);
    match operator.send_from_phone(&request.from, &to, &message) {
        Ok(token) => (StatusCode::ACCEPTED, axum::Json(json!({ "token": token }))).into_response(),
        Err(error) => sms_problem(&error),
    }
}

async fn faults(State(operator): State<Operator>) -> Response {
    axum::Json(operator.faults().active()).into_response()
}

async fn switch_faults(
    State(operator): State<Operator>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<ActiveFault>(&headers, &body) {
        Ok(fault) => {
            operator.faults().switch(fault);
            axum::Json(operator.faults().active()).into_response()
        }
        Err(refusal) => refusal,
    }
}

async fn clear_faults(State(operator): State<Operator>) -> Response {
    operator.faults().clear_all();
    StatusCode::NO_CONTENT.into_response()
}

async fn clear_fault(State(operator): State<Operator>, Path(name): Path<String>) -> Response {
    if operator.faults().clear_name(&name) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        problem(StatusCode::NOT_FOUND, &format!("no fault '{name}' is on"))
    }
}

async fn drop_call(State(operator): State<Operator>) -> Response {
    operator.modems().iter().for_each(super::modem::VirtualModem::drop_call);
    StatusCode::NO_CONTENT.into_response()
}

async fn power_cycle(State(operator): State<Operator>) -> Response {
    operator.modems().iter().for_each(super::modem::VirtualModem::power_cycle);
    StatusCode::NO_CONTENT.into_response()
}

/// Reads JSON. Other content types are refused, since a browser sends those to any address.
#[expect(clippy::result_large_err, reason = "the refusal is the answer")]
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Response> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the header Content-Type: application/json",
        ));
    }
    serde_json::from_slice(body).map_err(|error| {
        problem(StatusCode::BAD_REQUEST, &format!("the request cannot be read: {error}"))
    })
}

fn sms_problem(error: &SmsError) -> Response {
    let status = match error {
        SmsError::UnknownSubscriber(_) => StatusCode::NOT_FOUND,
        SmsError::NotATpdu { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        SmsError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
    };
    problem(status, &error.to_string())
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
