//! `GET /alarms`: what a person has to see to.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Context;
use super::auth::Scope;
use super::endpoint::{Endpoint, reference};
use super::openapi::object;
use super::problem::Problem;
use crate::model::Fault;
use crate::store::Alarm;

/// Something that a person has to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlarmItem {
    /// The fault's code.
    pub code: String,
    /// What it is about: `gateway`, `modem:NAME`, `webhook:ID`.
    pub scope: String,
    /// RFC 3339, UTC.
    pub since: String,
    /// What is wrong and what to do.
    pub fault: Fault,
}

impl From<&Alarm> for AlarmItem {
    fn from(alarm: &Alarm) -> Self {
        Self {
            code: alarm.code.clone(),
            scope: alarm.scope.clone(),
            since: alarm.since.to_string(),
            fault: alarm.fault.clone(),
        }
    }
}

/// The oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AlarmList {
    /// All of them.
    pub alarms: Vec<AlarmItem>,
}

/// What a person has to see to.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/alarms", Scope::SettingsRead, list)
            .named("listAlarms", "What a person has to see to now, the oldest first")
            .answers(200, "All of it.", "AlarmList"),
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

async fn list(State(context): State<Context>) -> Result<Json<AlarmList>, Problem> {
    let alarms = context.gateway.alarms().await?;
    Ok(Json(AlarmList { alarms: alarms.iter().map(Into::into).collect() }))
}
