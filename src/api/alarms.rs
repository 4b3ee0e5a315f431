//! `/alarms`: what a person has to see to, and that it was seen to.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Context;
use super::auth::Scope;
use super::endpoint::{Endpoint, reference};
use super::openapi::object;
use super::problem::Problem;
use crate::model::Fault;
use crate::store;

/// Something that a person has to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The fault's code.
    pub code: String,
    /// What it is about: `gateway`, `modem:NAME`, `webhook:ID`.
    pub scope: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// What is wrong and what to do.
    pub fault: Fault,
}

impl From<&store::Alarm> for Alarm {
    fn from(alarm: &store::Alarm) -> Self {
        Self {
            code: alarm.code.clone(),
            scope: alarm.scope.clone(),
            since: alarm.since.to_string(),
            fault: alarm.fault.clone(),
        }
    }
}

/// What a person has to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmList {
    /// The oldest first.
    pub alarms: Vec<Alarm>,
}

/// What a person has to see to.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/alarms", Scope::SettingsRead, list)
            .named("listAlarms", "What a person has to see to now, the oldest first")
            .answers(200, "All of it.", "AlarmList"),
        Endpoint::delete("/api/v1/alarms/{scope}/{code}", Scope::SettingsManage, end)
            .named(
                "endAlarm",
                "Somebody has seen to it. What still holds is raised again when it is met again; most \
                 alarms end by themselves with their cause",
            )
            .response(204, json!({ "description": "It is over." })),
    ]
}

/// The shapes of the answers here.
pub(super) fn schemas() -> Value {
    json!({
        "AlarmList": object(json!({
            "alarms": { "type": "array", "items": reference("Alarm") },
        })),
        "Alarm": object(json!({
            "code": { "type": "string" },
            "scope": { "type": "string",
                "description": "What it is about: `gateway`, `modem:NAME`, `webhook:ID`." },
            "since": { "type": "string", "format": "date-time" },
            "fault": reference("Fault"),
        })),
    })
}

async fn end(
    State(context): State<Context>,
    Path((scope, code)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let known = context.gateway.alarms().await?;
    if !known.iter().any(|alarm| alarm.scope == scope && alarm.code == code) {
        let short = |text: &str| text.chars().take(64).collect::<String>();
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "alarm-not-found",
            "there is no such alarm",
            format!("there is no alarm '{}' about '{}'", short(&code), short(&scope)),
        )
        .hint("GET /api/v1/alarms lists those that hold"));
    }
    context.gateway.clear_alarm(&scope, &code).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(context): State<Context>) -> Result<Json<AlarmList>, Problem> {
    let alarms = context.gateway.alarms().await?;
    Ok(Json(AlarmList { alarms: alarms.iter().map(Into::into).collect() }))
}
