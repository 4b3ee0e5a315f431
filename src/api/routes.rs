//! Which way messages go: the configured routes and how their modems are, and which way a message to
//! somebody would go.

use axum::Extension;
use axum::Json;
use axum::extract::{Request, State};
use serde_json::{Value, json};

use super::auth::{Caller, Scope};
use super::endpoint::{Endpoint, reference};
use super::openapi::object;
use super::problem::Problem;
use super::{Context, intake};
use crate::gateway::{RouteView, Strategy};
use crate::model::Origin;

/// Fields of a question.
const FIELDS: &[&str] = &["to", "kind", "from", "modem", "route", "account"];

/// Routes.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/routes", Scope::SettingsRead, list)
            .named("listRoutes", "The configured routes, and what their modems have to do")
            .answers(200, "In the order of the configuration.", "RouteList"),
        Endpoint::post("/api/v1/routes/test", Scope::SettingsRead, test)
            .named(
                "testRoute",
                "Which way a message would go now, and why; nothing is sent. What could not be sent \
                 is refused as the message would be",
            )
            .json_body("RouteQuestion")
            .answers(200, "The way.", "RouteAnswer"),
    ]
}

/// The shapes of requests and answers here.
pub(super) fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let maybe = |more: Value| {
        let mut all = json!({ "type": ["string", "null"] });
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let strategies: Vec<&str> = Strategy::ALL.iter().map(|it| it.as_str()).collect();
    let failover = json!({ "type": "integer", "minimum": 60, "description":
        "After what time a message that cannot be sent by its modem goes by another one of the \
         route; absent: it waits." });
    json!({
        "RouteList": object(json!({
            "routes": { "type": "array", "items": reference("Route") },
        })),
        "Route": object(json!({
            "name": text(),
            "to": { "type": "array", "items": { "type": "string" }, "description":
                "Patterns of recipients; the longest one that fits wins." },
            "from": texts(), "accounts": texts(),
            "strategy": { "enum": strategies }, "default": { "type": "boolean" },
            "failover_after_seconds": failover.clone(),
            "modems": { "type": "array", "items": reference("RouteModem") },
        })),
        "RouteModem": object(json!({
            "name": text(), "mms": { "type": "boolean" },
            "ready": { "type": "boolean", "description": "In service, with a SIM." },
            "waiting": count(),
            "fault": { "$ref": "#/components/schemas/Fault", "description":
                "What keeps it from sending now." },
        })),
        "RouteQuestion": { "type": "object", "additionalProperties": false, "required": ["to"],
            "properties": {
                "to": { "type": "string", "minLength": 1, "examples": ["+447700900123"] },
                "kind": { "enum": ["mms", "sms", null], "default": "mms" },
                "from": maybe(json!({ "description": "The number that is wanted as sender." })),
                "modem": maybe(json!({ "maxLength": intake::MAX_MODEM })),
                "route": maybe(json!({ "maxLength": intake::MAX_MODEM })),
                "account": maybe(json!({ "description":
                    "As if this account handed it in; unless given, whoever asks." })),
            } },
        "RouteAnswer": object(json!({
            "to": { "type": "string", "description": "The recipient as the patterns see it." },
            "route": text(), "modem": text(),
            "why": { "type": "string", "description": "In words, as the timeline would say it." },
            "fault": { "$ref": "#/components/schemas/Fault", "description":
                "What keeps that modem from sending now; the message would wait for it." },
            "failover_after_seconds": failover,
        })),
    })
}

async fn list(State(context): State<Context>) -> Result<Json<Value>, Problem> {
    let routes: Vec<Value> = context.gateway.routes().await?.iter().map(shown).collect();
    Ok(Json(json!({ "routes": routes })))
}

fn shown(view: &RouteView) -> Value {
    let route = &view.route;
    let modems: Vec<Value> = view
        .modems
        .iter()
        .map(|modem| {
            let mut shown = json!({
                "name": modem.name, "mms": modem.mms, "ready": modem.ready,
                "waiting": modem.waiting,
            });
            if let Some(fault) = &modem.fault {
                shown["fault"] = json!(fault);
            }
            shown
        })
        .collect();
    let mut shown = json!({
        "name": route.name,
        "to": route.to.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "from": route.from.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "accounts": route.accounts, "strategy": route.strategy.as_str(),
        "default": route.default, "modems": modems,
    });
    if let Some(after) = route.failover {
        shown["failover_after_seconds"] = after.as_secs().into();
    }
    shown
}

async fn test(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let question = intake::question(request, FIELDS).await?;
    let mut message = question.message;
    message.origin = caller.origin(&context.gateway);
    if let Some(name) = question.account {
        let account = context.gateway.access().account(&name).ok_or_else(|| {
            let shown: String = name.chars().take(64).flat_map(char::escape_debug).collect();
            intake::wrong("/account", "unknown-account", format!("there is no account '{shown}'"))
        })?;
        // Nobody learns more of the modems than by their own messages.
        if message.origin.account.as_ref().is_some_and(|own| *own != name) {
            let detail = "only the owner may ask for another account".to_owned();
            return Err(intake::wrong("/account", "unknown-account", detail));
        }
        message.origin =
            Origin { account: Some(name), modems: account.modems, ..Origin::default() };
    }
    let answer = context.gateway.way_of(&message).await?;
    let mut body = json!({
        "to": answer.to.to_string(), "modem": answer.modem, "why": answer.why,
    });
    if let Some(route) = answer.route {
        body["route"] = route.into();
    }
    if let Some(fault) = answer.fault {
        body["fault"] = json!(fault);
    }
    if let Some(after) = answer.failover {
        body["failover_after_seconds"] = after.as_secs().into();
    }
    Ok(Json(body))
}
