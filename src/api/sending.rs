//! What people do about sending as a whole: pauses, limits, who wants nothing more.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::Scope;
use super::endpoint::{Endpoint, reference};
use super::openapi::object;
use super::problem::{FieldProblem, Problem};
use super::rest::{DEFAULT_LIST, MAX_LIST};
use super::{Context, intake, query};
use crate::gateway::{Gateway, LimitView, MAX_REASON};
use crate::model::{Address, Timestamp};
use crate::store::{OptOut, Pause};

/// What people do about sending as a whole.
pub(super) fn endpoints() -> Vec<Endpoint> {
    use Scope::{ModemsManage, ModemsRead, SettingsManage, SettingsRead};
    let rest = "Have sending rest: what is accepted stays queued, receiving goes on";
    let on = "End the pause; of a modem also the one after refusals of the operator";
    let pauses = |endpoint: Endpoint| endpoint.answers(200, "What rests now.", "PauseList");
    let body = json!({ "required": false, "content": { "application/json": {
        "schema": { "type": "object", "additionalProperties": false, "properties": {
            "until": { "type": ["string", "null"], "format": "date-time" },
            "reason": { "type": ["string", "null"], "maxLength": MAX_REASON },
        } },
    } } });
    let number = |endpoint: Endpoint| endpoint.answers(200, "The entry.", "OptOut");
    let path = "/api/v1/opt-outs/{number}";
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIST,
                        "default": DEFAULT_LIST });
    vec![
        pauses(
            Endpoint::get("/api/v1/pauses", ModemsRead, self::pauses)
                .named("listPauses", "The pauses of sending that hold now"),
        ),
        pauses(
            Endpoint::post("/api/v1/pause", ModemsManage, pause_all)
                .named("pauseSending", rest)
                .body(body.clone()),
        ),
        pauses(
            Endpoint::post("/api/v1/resume", ModemsManage, resume_all).named("resumeSending", on),
        ),
        pauses(
            Endpoint::post("/api/v1/modems/{name}/pause", ModemsManage, pause_one)
                .named("pauseModem", rest)
                .body(body),
        ),
        pauses(
            Endpoint::post("/api/v1/modems/{name}/resume", ModemsManage, resume_one)
                .named("resumeModem", on),
        ),
        Endpoint::get("/api/v1/limits", SettingsRead, limits)
            .named("listLimits", "What each SIM may send, and how much of it is used")
            .answers(200, "All of them.", "LimitList"),
        Endpoint::get("/api/v1/opt-outs", SettingsRead, list)
            .named("listOptOuts", "Who wants nothing more")
            .query("limit", &limit, "How many at most.")
            .query("after", &json!({ "type": "string" }), "The `next` of the page before.")
            .answers(200, "A page of them.", "OptOutList"),
        number(
            Endpoint::get(path, SettingsRead, one)
                .named("getOptOut", "Whether a number wants nothing more"),
        ),
        number(
            Endpoint::put(path, SettingsManage, enter)
                .named("enterOptOut", "Send nothing more to a number")
                .answers(201, "The new entry.", "OptOut"),
        ),
        number(
            Endpoint::delete(path, SettingsManage, lift)
                .named("liftOptOut", "Send to a number again"),
        ),
    ]
}

#[derive(Serialize)]
struct PauseItem {
    scope: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Pause> for PauseItem {
    fn from(pause: Pause) -> Self {
        Self {
            scope: pause.scope,
            since: pause.since.to_string(),
            until: pause.until.map(|until| until.to_string()),
            reason: pause.reason,
        }
    }
}

#[derive(Serialize)]
struct LimitItem {
    modem: String,
    name: &'static str,
    window_seconds: u64,
    most: Option<u64>,
    used: Option<u64>,
}

impl From<LimitView> for LimitItem {
    fn from(view: LimitView) -> Self {
        Self {
            modem: view.modem,
            name: view.name,
            window_seconds: view.window.as_secs(),
            most: view.most,
            used: view.used,
        }
    }
}

#[derive(Serialize)]
struct OptOutItem {
    number: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<&OptOut> for OptOutItem {
    fn from(entry: &OptOut) -> Self {
        Self {
            number: entry.address.to_string(),
            since: entry.since.to_string(),
            word: entry.word.clone(),
            message: entry.message.as_ref().map(ToString::to_string),
        }
    }
}

/// The pauses that hold, and whether anything has changed.
async fn now(gateway: &Gateway) -> Result<Json<Value>, Problem> {
    let pauses: Vec<PauseItem> = gateway.pauses().await?.into_iter().map(Into::into).collect();
    Ok(Json(json!({ "pauses": pauses })))
}

async fn pauses(State(context): State<Context>) -> Result<Json<Value>, Problem> {
    now(&context.gateway).await
}

async fn pause_all(
    State(context): State<Context>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    pause(&context.gateway, None, request).await
}

async fn pause_one(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    known(&context.gateway, &name)?;
    pause(&context.gateway, Some(&name), request).await
}

async fn resume_all(State(context): State<Context>) -> Result<Json<Value>, Problem> {
    context.gateway.resume(None).await?;
    now(&context.gateway).await
}

async fn resume_one(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    known(&context.gateway, &name)?;
    context.gateway.resume(Some(&name)).await?;
    now(&context.gateway).await
}

fn known(gateway: &Gateway, name: &str) -> Result<(), Problem> {
    let modems = gateway.modems();
    if modems.iter().any(|modem| modem.name == name) {
        Ok(())
    } else {
        Err(Problem::no_modem(name, &modems))
    }
}

async fn pause(
    gateway: &Gateway,
    modem: Option<&str>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let fields = intake::texts(request, &["until", "reason"]).await?;
    let wrong = |field: &str, code, detail: String| {
        Err(Problem::fields(vec![FieldProblem::new(format!("/{field}"), code, detail)]))
    };
    let until = match fields.get("until").map(|text| text.trim().parse::<jiff::Timestamp>()) {
        None => None,
        Some(Ok(at)) => Some(Timestamp::from_millis(at.as_millisecond())),
        Some(Err(_)) => {
            let detail = "until is not a time like 2026-12-24T18:00:00Z".to_owned();
            return wrong("until", "invalid-until", detail);
        }
    };
    if until.is_some_and(|until| until <= gateway.now()) {
        return wrong("until", "invalid-until", "until is over already".to_owned());
    }
    let reason = fields.get("reason").map(|text| text.trim()).filter(|text| !text.is_empty());
    if reason.is_some_and(|it| it.chars().count() > MAX_REASON || it.chars().any(char::is_control))
    {
        let detail = format!("reason must be one line of at most {MAX_REASON} characters");
        return wrong("reason", "invalid-reason", detail);
    }
    gateway.pause(modem, until, reason.map(str::to_owned)).await?;
    now(gateway).await
}

async fn limits(State(context): State<Context>) -> Result<Json<Value>, Problem> {
    let limits: Vec<LimitItem> =
        context.gateway.limits().await?.into_iter().map(Into::into).collect();
    Ok(Json(json!({ "limits": limits })))
}

async fn list(
    State(context): State<Context>,
    RawQuery(text): RawQuery,
) -> Result<Json<Value>, Problem> {
    let (mut limit, mut after) = (DEFAULT_LIST, None);
    for (name, value) in query::pairs(text.as_deref()) {
        let bad = |code, detail: String| {
            let mut problem = Problem::fields(vec![FieldProblem::new(name.clone(), code, detail)]);
            problem.status = StatusCode::BAD_REQUEST.as_u16();
            problem.title = "the request's parameters cannot be used".into();
            problem
        };
        match name.as_str() {
            "limit" => match value.parse::<usize>() {
                Ok(given) if (1..=MAX_LIST).contains(&given) => limit = given,
                _ => {
                    let detail = format!("limit must be a number from 1 to {MAX_LIST}");
                    return Err(bad("invalid-limit", detail));
                }
            },
            "after" => match Address::parse_recipient(&value) {
                Ok(address) => after = Some(address),
                Err(error) => {
                    let detail = format!("after must be the 'next' of an earlier answer: {error}");
                    return Err(bad("invalid-cursor", detail));
                }
            },
            _ => {
                let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                let detail = format!("there is no parameter '{shown}'; there are: limit, after");
                return Err(bad("unknown-parameter", detail));
            }
        }
    }
    let mut found = context.gateway.opt_outs(after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.address.to_string());
    let items: Vec<OptOutItem> = found.iter().map(Into::into).collect();
    let mut body = json!({ "opt_outs": items });
    if let Some(next) = next {
        body["next"] = next.into();
    }
    Ok(Json(body))
}

fn address(text: &str) -> Result<Address, Problem> {
    intake::recipient("number", text)
}

fn not_there(number: &str) -> Problem {
    let number: String = number.chars().take(64).flat_map(char::escape_debug).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "opt-out-not-found",
        "this number has not opted out",
        format!("'{number}' has not asked for no more messages"),
    )
    .hint("GET /api/v1/opt-outs lists who has")
}

async fn one(
    State(context): State<Context>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Problem> {
    let found = context.gateway.opted_out(&address(&number)?).await?;
    found.map(|found| Json(json!(OptOutItem::from(&found)))).ok_or_else(|| not_there(&number))
}

async fn enter(
    State(context): State<Context>,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let address = address(&number)?;
    let new = context.gateway.opt_out(address.clone()).await?;
    let found = context.gateway.opted_out(&address).await?.ok_or_else(|| not_there(&number))?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(OptOutItem::from(&found))).into_response())
}

async fn lift(
    State(context): State<Context>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Problem> {
    let found = context.gateway.opt_in(&address(&number)?).await?;
    found.map(|found| Json(json!(OptOutItem::from(&found)))).ok_or_else(|| not_there(&number))
}

/// The shapes of the answers here.
pub(super) fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let many = |name: &str| json!({ "type": "array", "items": reference(name) });
    json!({
        "PauseList": object(json!({ "pauses": many("Pause") })),
        "Pause": object(json!({
            "scope": { "type": "string", "description": "`gateway` or `modem:NAME`." },
            "since": time(), "until": time(), "reason": text(),
        })),
        "LimitList": object(json!({ "limits": many("Limit") })),
        "Limit": object(json!({
            "modem": text(), "name": { "enum": crate::gateway::LIMIT_NAMES },
            "window_seconds": { "type": "integer" },
            "most": { "type": ["integer", "null"], "description": "null: no limit." },
            "used": { "type": ["integer", "null"], "description": "null: no SIM is known." },
        })),
        "OptOutList": object(json!({ "opt_outs": many("OptOut"), "next": text() })),
        "OptOut": object(json!({
            "number": text(), "since": time(),
            "word": { "type": "string",
                "description": "What they wrote; absent where the owner has entered it." },
            "message": { "type": "string", "description": "The message in which they did." },
        })),
    })
}
