//! What programs for other gateways send, taken as it is: the form of NowSMS at `POST /`, and the
//! CGI programs `sendmms` of Mbuni and `sendsms` of Kannel.
//!
//! The password is a token; the name beside it means nothing. What such a request asks for and this
//! gateway does not do is refused, not left out silently. Answers have the form that those programs
//! look for.

use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use super::auth::{self, Caller, Refusal, Scope};
use super::endpoint::Endpoint;
use super::intake::{self, Draft, MAX_BODY, RawPart};
use super::problem::Problem;
use super::{Context, body, query};
use crate::model::{Priority, Timestamp};
use crate::store::Acceptance;

/// Most fields of one request.
const MAX_FIELDS: usize = 64;

/// The paths of the other gateways.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let form = || {
        json!({ "required": true, "content": {
            "multipart/form-data": { "schema": { "type": "object" } },
            "application/x-www-form-urlencoded": { "schema": { "type": "object" } },
        } })
    };
    // Refusals are told in the words that those programs show.
    let refused = || {
        json!({ "description": "Refused; nothing was taken.", "content": {
            "text/plain": { "schema": { "type": "string" } },
            "application/problem+json": { "schema": super::endpoint::reference("Problem") },
        } })
    };
    let text = |description: &str| {
        json!({ "description": description, "content": {
            "text/plain": { "schema": { "type": "string" } } } })
    };
    let mut all = vec![
        Endpoint::post("/", Scope::MessagesSend, nowsms)
            .named("nowsms", "Hand in a message as to NowSMS: PhoneNumber, MMSText, MMSFile, ...")
            .body(form())
            .response(200, text("`MessageID=...` for each recipient.")),
    ];
    for (method, id) in [(Method::GET, "sendmms"), (Method::POST, "sendmmsForm")] {
        let endpoint = Endpoint::unguarded(method.clone(), "/cgi-bin/sendmms", sendmms)
            .named(id, "Hand in an MMS as to Mbuni: username, password (a token), to, text, ...")
            .response(200, text("`Accepted: ID`."))
            .otherwise(refused());
        all.push(if method == Method::POST { endpoint.body(form()) } else { endpoint });
    }
    for (method, id) in [(Method::GET, "sendsms"), (Method::POST, "sendsmsForm")] {
        let endpoint = Endpoint::unguarded(method.clone(), "/cgi-bin/sendsms", sendsms)
            .named(id, "Hand in an SMS as to Kannel: username, password (a token), to, text")
            .response(202, text("`0: Accepted for delivery`."))
            .otherwise(refused());
        all.push(if method == Method::POST { endpoint.body(form()) } else { endpoint });
    }
    all
}

/// One field of a form or a query.
struct Field {
    name: String,
    filename: Option<String>,
    media_type: Option<String>,
    body: Bytes,
}

impl Field {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn is_on(&self) -> bool {
        !matches!(self.text().trim().to_ascii_lowercase().as_str(), "" | "no" | "false" | "0")
    }
}

async fn nowsms(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    let caller = request.extensions().get::<Caller>().cloned();
    let fields = fields(request).await?;
    let mut draft = Draft::default();
    for field in &fields {
        let pointer = format!("/{}", field.name);
        match field.name.as_str() {
            "PhoneNumber" => {
                for number in field.text().split([',', ';']).filter(|it| !it.trim().is_empty()) {
                    draft.recipient(&pointer, number);
                }
            }
            "MMSSubject" => draft.subject(&pointer, &field.text()),
            "MMSText" => draft.text(&pointer, &field.text()),
            "Text" => {
                draft.kind(&pointer, "sms");
                draft.text(&pointer, &field.text());
            }
            "MMSFile" => file(&mut draft, &pointer, field),
            "MMSDeliveryReport" | "ReceiptRequested" => {
                draft.delivery_report = Some(field.is_on());
            }
            // The SIM's own number stands as sender; the rest changes nothing that arrives.
            "MMSFrom" | "Sender" | "Submit" | "ContinueURL" | "CharSet" => {}
            "MMSPriority" => priority(&mut draft, field, ["low", "normal", "high"]),
            "MMSMessageClass" => only(&mut draft, field, "personal"),
            "MMSBCC" | "MMSReadReport" | "MMSForwardLock" | "DRMRestrict" => {
                only(&mut draft, field, "no");
            }
            _ => unknown(&mut draft, field),
        }
    }
    let mut message = draft.finish()?;
    if let Some(caller) = caller {
        message.origin = caller.origin(&context.gateway);
    }
    let recipients = message.to.clone();
    let taken = context.gateway.submit(message).await?;
    let id = &taken.id;
    let lines: String = recipients
        .iter()
        .map(|to| match taken.refused.iter().find(|(address, _)| address == to) {
            Some((_, fault)) => format!("Recipient={to}, Error={}\r\n", fault.summary),
            None => format!("MessageID={id}, Recipient={to}\r\n"),
        })
        .collect();
    Ok(plain(StatusCode::OK, format!("Message Submitted\r\n{lines}")))
}

async fn sendmms(State(context): State<Context>, request: Request) -> Result<Response, Response> {
    let (caller, fields) = signed_in(&context, request, "Authentication failed").await?;
    let mut draft = Draft::default();
    let find = |name: &str| fields.iter().find(|field| field.name == name);
    for field in &fields {
        let pointer = format!("/{}", field.name);
        match field.name.as_str() {
            "to" => words(&mut draft, &pointer, field),
            "subject" => draft.subject(&pointer, &field.text()),
            "text" => draft.text(&pointer, &field.text()),
            "content" => {
                let given = find("content_type").map(Field::text);
                let media_type = given.or_else(|| field.media_type.clone());
                let part = RawPart {
                    name: field.filename.as_deref(),
                    media_type: media_type.as_deref(),
                    body: field.body.clone(),
                };
                draft.part(&pointer, part);
            }
            "validityperiod" => minutes(&context, &mut draft, field),
            "charset" => only(&mut draft, field, "utf-8"),
            "mclass" => only(&mut draft, field, "personal"),
            "mms-direction" => only(&mut draft, field, "mt"),
            "priority" => priority(&mut draft, field, ["low", "normal", "high"]),
            "username" | "password" | "from" | "content_type" | "vasid" | "servicecode"
            | "distribution" | "allow-adaptations" | "base-url" | "charged-party" => {}
            "mmsc" => draft.modem(&pointer, &field.text()),
            _ => unknown(&mut draft, field),
        }
    }
    let taken = take(&context, &caller, draft).await.map_err(as_text)?;
    let refused: String =
        taken.refused.iter().map(|(_, fault)| format!("\r\nNot sent: {}", fault.summary)).collect();
    Ok(plain(StatusCode::OK, format!("Accepted: {}{refused}", taken.id)))
}

async fn sendsms(State(context): State<Context>, request: Request) -> Result<Response, Response> {
    let (caller, fields) = signed_in(&context, request, "Authorization failed for sendsms").await?;
    let mut draft = Draft::default();
    draft.kind("/kind", "sms");
    for field in &fields {
        let pointer = format!("/{}", field.name);
        match field.name.as_str() {
            "to" => words(&mut draft, &pointer, field),
            "text" => draft.text(&pointer, &field.text()),
            "validity" => minutes(&context, &mut draft, field),
            "charset" => only(&mut draft, field, "utf-8"),
            "smsc" => draft.modem(&pointer, &field.text()),
            // Reports are asked for anyway; the number says when they are to be told.
            "dlr-mask" => draft.delivery_report = Some(field.is_on()),
            // Kannel counts from 0, the lowest, to 3.
            "priority" => priority(&mut draft, field, ["0", "1", "2"]),
            "username" | "user" | "password" | "pass" | "from" | "coding" | "account" => {}
            _ => unknown(&mut draft, field),
        }
    }
    take(&context, &caller, draft).await.map_err(as_text)?;
    Ok(plain(StatusCode::ACCEPTED, "0: Accepted for delivery".to_owned()))
}

async fn take(context: &Context, caller: &Caller, draft: Draft) -> Result<Acceptance, Problem> {
    let mut message = draft.finish()?;
    message.origin = caller.origin(&context.gateway);
    Ok(context.gateway.submit(message).await?)
}

/// Who asks and what. A link in a web page can make a browser ask such a path, so that being on
/// this machine is not enough here: a token is always needed.
async fn signed_in(
    context: &Context,
    request: Request,
    refused: &str,
) -> Result<(Caller, Vec<Field>), Response> {
    let known = request.extensions().get::<Caller>().cloned();
    let fields = fields(request).await.map_err(as_text)?;
    let password = fields.iter().find(|field| matches!(&*field.name, "password" | "pass"));
    let caller = match (password, known) {
        (Some(password), _) => auth::by_token(&context.gateway, password.text().trim()).await,
        (None, Some(known @ (Caller::Token(_) | Caller::Owner))) => known,
        (None, _) => Caller::Nobody(Refusal::Missing),
    };
    match auth::check(&caller, Scope::MessagesSend) {
        Ok(()) => Ok((caller, fields)),
        Err(problem) => {
            let detail = problem.hint.clone().unwrap_or_default();
            Err(plain(problem.status(), format!("{refused}: {} ({detail})", problem.detail)))
        }
    }
}

fn words(draft: &mut Draft, pointer: &str, field: &Field) {
    for number in field.text().split([' ', ',', ';']).filter(|it| !it.trim().is_empty()) {
        // Kannel writes numbers without '+' in URLs, where it would become a blank.
        draft.recipient(pointer, number);
    }
}

fn file(draft: &mut Draft, pointer: &str, field: &Field) {
    let is_url = field.filename.is_none()
        && ["http://", "https://"].iter().any(|scheme| field.body.starts_with(scheme.as_bytes()));
    if is_url {
        not_supported(draft, field, "files by URL; send the file in the form");
    } else if !field.body.is_empty() || field.filename.as_deref().is_some_and(|it| !it.is_empty()) {
        let part = RawPart {
            name: field.filename.as_deref(),
            media_type: field.media_type.as_deref(),
            body: field.body.clone(),
        };
        draft.part(pointer, part);
    }
}

/// Takes a priority by the names that its form has for low, normal and high. What Kannel has above its
/// third is high too; without one it is normal.
fn priority(draft: &mut Draft, field: &Field, names: [&str; 3]) {
    let given = field.text().trim().to_ascii_lowercase();
    let given = if given == "3" { "2" } else { given.as_str() };
    let known = [Priority::Low, Priority::Normal, Priority::High];
    match names.into_iter().zip(known).find(|(name, _)| *name == given) {
        Some((_, priority)) => draft.message.priority = priority,
        None if given.is_empty() => {}
        None => draft.complain(
            format!("/{}", field.name),
            "invalid-priority",
            format!("{} must be one of {}", field.name, names.join(", ")),
        ),
    }
}

fn minutes(context: &Context, draft: &mut Draft, field: &Field) {
    let pointer = format!("/{}", field.name);
    match field.text().trim().parse::<i64>() {
        Ok(minutes @ 1..=525_600) => {
            let now = context.gateway.now().as_millis();
            draft.message.expires_at = Some(Timestamp::from_millis(now + minutes * 60_000));
        }
        _ => draft.complain(
            pointer,
            "invalid-expires-at",
            format!("{} is a number of minutes, at most a year of them", field.name),
        ),
    }
}

/// Takes a field with its usual value only.
fn only(draft: &mut Draft, field: &Field, usual: &str) {
    let given = field.text();
    let given = given.trim();
    if !given.is_empty() && !given.eq_ignore_ascii_case(usual) {
        not_supported(draft, field, &format!("{} other than '{usual}'", field.name));
    }
}

fn unknown(draft: &mut Draft, field: &Field) {
    // An empty field asks for nothing.
    if !field.body.is_empty() {
        let shown: String = field.name.chars().take(40).flat_map(char::escape_debug).collect();
        not_supported(draft, field, &format!("the field '{shown}'"));
    }
}

fn not_supported(draft: &mut Draft, field: &Field, what: &str) {
    let pointer: String = field.name.chars().take(40).collect();
    draft.complain(
        format!("/{pointer}"),
        "not-supported",
        format!("this gateway does not do {what}"),
    );
}

async fn fields(request: Request) -> Result<Vec<Field>, Problem> {
    let of_query = |pairs: Vec<(String, String)>| {
        pairs.into_iter().map(|(name, value)| Field {
            name,
            filename: None,
            media_type: None,
            body: Bytes::from(value),
        })
    };
    let mut all: Vec<Field> = of_query(query::pairs(request.uri().query())).collect();
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return Ok(all);
    }
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match content_type.as_deref() {
        Some("multipart/form-data") => {
            let mut form = Multipart::from_request(request, &()).await.map_err(intake::rejected)?;
            while let Some(field) = form.next_field().await.map_err(intake::malformed)? {
                if all.len() == MAX_FIELDS {
                    return Err(Problem::too_large(MAX_BODY));
                }
                all.push(Field {
                    name: field.name().unwrap_or_default().to_owned(),
                    filename: field.file_name().map(str::to_owned),
                    media_type: field.content_type().map(str::to_owned),
                    body: field.bytes().await.map_err(intake::malformed)?,
                });
            }
        }
        Some("application/x-www-form-urlencoded") => {
            let octets = axum::body::to_bytes(request.into_body(), MAX_BODY)
                .await
                .map_err(|error| body::unreadable(&error, MAX_BODY))?;
            let text = String::from_utf8_lossy(&octets);
            all.extend(of_query(query::pairs(Some(&text))));
        }
        _ => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "this kind of request body is not understood",
                "the request is no form",
            )
            .hint("send multipart/form-data or application/x-www-form-urlencoded"));
        }
    }
    Ok(all)
}

fn plain(status: StatusCode, text: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

/// A problem as those programs show it to their people; a 422 is unknown to them.
fn as_text(problem: Problem) -> Response {
    let status = match problem.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        other => other,
    };
    plain(status, format!("{}: {}", problem.code, problem.detail))
}
