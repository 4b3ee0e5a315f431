//! The page: server-rendered, readable without scripts, with no request to anywhere else.

mod detail;
mod layout;
mod list;
mod modem;

use axum::Extension;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;
use serde_json::{Value, json};

use super::auth::{Caller, Scope};
use super::endpoint::{Endpoint, reference};
use super::problem::Problem;
use super::rest::{find, may_use};
use super::{Context, intake, parts, query};
use crate::gateway::{ModemView, modem_scope};
use crate::model::{Kind, MessageId};
use crate::store::Filter;

/// Messages on one page of the list.
const PAGE: usize = 30;

/// What the page may load and do: only its own files, nothing in line.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The page and its files.
pub(super) fn endpoints() -> Vec<Endpoint> {
    use Scope::{MessagesRead, MessagesSend, ModemsRead, SettingsManage};
    vec![
        Endpoint::get("/", MessagesRead, index)
            .named("page", "The page for people")
            .response(200, html_response())
            .otherwise(html_response()),
        Endpoint::post("/messages", MessagesSend, compose),
        Endpoint::get("/messages/{id}", MessagesRead, message),
        Endpoint::get("/modems/{name}", ModemsRead, one_modem),
        Endpoint::post("/alarms/end", SettingsManage, end_alarm),
        Endpoint::post("/messages/{id}/retry", MessagesSend, retry),
        Endpoint::post("/messages/{id}/cancel", MessagesSend, cancel),
        Endpoint::open("/assets/style.css", || async {
            asset("text/css; charset=utf-8", include_str!("style.css"))
        }),
        Endpoint::open("/assets/page.js", || async {
            asset("text/javascript; charset=utf-8", include_str!("page.js"))
        }),
        Endpoint::open("/assets/icon.svg", || async {
            asset("image/svg+xml", include_str!("icon.svg"))
        }),
    ]
}

fn html_response() -> Value {
    json!({ "description": "The page, or what is wrong.", "content": {
        "text/html": { "schema": { "type": "string" } },
        "application/problem+json": { "schema": reference("Problem") },
    } })
}

/// For paths that do not exist: a page for browsers, a problem for programs.
pub(super) fn not_found(request: &Request) -> Response {
    let problem = Problem::no_resource(request.uri().path());
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if wants_page && !request.uri().path().starts_with("/api/") {
        PageError(problem).into_response()
    } else {
        problem.into_response()
    }
}

/// A problem shown as a page.
struct PageError(Problem);

impl<T: Into<Problem>> From<T> for PageError {
    fn from(problem: T) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        html(self.0.status(), layout::problem(&self.0))
    }
}

async fn index(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let before = match query::value(query.as_deref(), "after") {
        None => None,
        Some(id) => Some(id.parse::<MessageId>().map_err(|_| Problem::no_message(&id))?),
    };
    let to = query::value(query.as_deref(), "to").unwrap_or_default();
    let first = before.is_none();
    let account = caller.account().map(str::to_owned);
    let wanted = Filter { before, account, limit: PAGE + 1, ..Filter::default() };
    let mut messages = context.gateway.messages(wanted).await?;
    let more = messages.len() > PAGE;
    messages.truncate(PAGE);
    let next = messages.last().filter(|_| more).map(|last| last.id.clone());
    let limit = context
        .gateway
        .config()
        .modems
        .iter()
        .filter_map(|m| m.operator.as_ref())
        .map(|it| it.max_message_size)
        .max();
    let kind = query::value(query.as_deref(), "kind").and_then(|kind| Kind::parse(&kind));
    let modems = context.gateway.modems();
    let kind = match kind.unwrap_or_default() {
        Kind::Mms if limit.is_none() && !modems.is_empty() => Kind::Sms,
        kind => kind,
    };
    let form = list::Form { to: &to, kind, limit, modems: &modems };
    let alarms = alarms(&context, &caller, &modems, None).await?;
    let page = list::page(&messages, next.as_ref(), first, &form, &alarms);
    Ok(html(StatusCode::OK, page))
}

async fn message(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let view = find(&context.gateway, &id).await?;
    parts::note_opened(&context, &id).await;
    let mut texts = Vec::new();
    for part in view.summary.parts.iter().filter(|part| detail::is_shown_as_text(part)) {
        if let Some(body) = context.gateway.part(&view.summary.id, part.index).await? {
            texts.push((part.index, detail::readable(&body)));
        }
    }
    Ok(html(StatusCode::OK, detail::page(&context.gateway.modems(), &view, &texts)))
}

async fn one_modem(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, PageError> {
    let modems = context.gateway.modems();
    let found = modems.iter().find(|modem| modem.name == name);
    let modem = found.ok_or_else(|| Problem::no_modem(&name, &modems))?;
    let scope = modem_scope(&modem.name);
    let alarms = alarms(&context, &caller, &modems, Some(&scope)).await?;
    Ok(html(StatusCode::OK, modem::page(&modems, modem, &alarms)))
}

/// What a person has to see to, for those who may know; with `scope` only what is about that.
async fn alarms(
    context: &Context,
    caller: &Caller,
    modems: &[ModemView],
    scope: Option<&str>,
) -> Result<Markup, PageError> {
    let mut found = Vec::new();
    if caller.may(Scope::SettingsRead) {
        found = context.gateway.alarms().await?;
        found.retain(|alarm| scope.is_none_or(|scope| alarm.scope == scope));
    }
    Ok(layout::alarms(&found, modems, caller.may(Scope::SettingsManage)))
}

/// The button of an alarm.
async fn end_alarm(State(context): State<Context>, body: String) -> Result<Response, PageError> {
    let field = |name: &str| query::value(Some(&body), name).unwrap_or_default();
    // Somebody else's button, or what has ended by itself meanwhile, is what was wanted.
    context.gateway.clear_alarm(&field("scope"), &field("code")).await?;
    Ok(Redirect::to("/").into_response())
}

async fn compose(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, PageError> {
    let mut message = intake::read(request).await?.fetched(&context.fetcher).await?;
    message.origin = caller.origin(&context.gateway);
    let id = context.gateway.accept(message).await?;
    Ok(Redirect::to(&format!("/messages/{id}")).into_response())
}

async fn retry(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: String,
) -> Result<Response, PageError> {
    let id: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    // The form of a button that names another modem; an URL-encoded form is written as a query is.
    match query::value(Some(&body), "modem") {
        Some(modem) => {
            may_use(&context, &caller, &modem)?;
            context.gateway.send_by(&id, &modem).await?;
        }
        None => context.gateway.retry(&id).await?,
    }
    Ok(Redirect::to(&format!("/messages/{id}")).into_response())
}

async fn cancel(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    context.gateway.cancel(&id).await?;
    Ok(Redirect::to(&format!("/messages/{id}")).into_response())
}

fn html(status: StatusCode, page: Markup) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, page.into_string()).into_response()
}

fn asset(content_type: &'static str, body: &'static str) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // The files change with the program only, and they are small.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}
