//! `GET /alarms`: what a person has to see to.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Context;
use super::openapi::{object, operation, reference};
use super::problem::Problem;
use super::rest::methods;
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

pub(super) fn routes() -> Router<Context> {
    Router::new().route("/alarms", methods(get(list)))
}

async fn list(State(context): State<Context>) -> Result<Json<AlarmList>, Problem> {
    let alarms = context.gateway.alarms().await?;
    Ok(Json(AlarmList { alarms: alarms.iter().map(Into::into).collect() }))
}

/// What the description says of it.
pub(super) fn describe(paths: &mut Value, schemas: &mut Value) {
    paths["/api/v1/alarms"] = json!({ "get": operation(
        "listAlarms", "What a person has to see to now, the oldest first", &[], "AlarmList",
    )});
    schemas["AlarmList"] =
        object(json!({ "alarms": { "type": "array", "items": reference("Alarm") } }));
    schemas["Alarm"] = object(json!({
        "code": { "type": "string" },
        "scope": { "type": "string",
            "description": "What it is about: `gateway`, `modem:NAME`, `webhook:ID`." },
        "since": { "type": "string", "format": "date-time" },
        "fault": reference("Fault"),
    }));
}
