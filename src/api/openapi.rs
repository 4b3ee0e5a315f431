//! The description of the REST API for programs (OpenAPI 3.1.0).

use serde_json::{Value, json};

use super::intake::{
    MAX_CLIENT_REF, MAX_FILENAME, MAX_MODEM, MAX_PARTS, MAX_RECIPIENTS, MAX_SUBJECT,
};
use super::rest::{DEFAULT_LIST, MAX_LIST};
use crate::model::{InboundState, OutboundState};

/// The whole document.
pub(super) fn document() -> Value {
    let (mut paths, mut schemas) = (paths(), schemas());
    super::alarms::describe(&mut paths, &mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mm1gate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Send and receive MMS and SMS through a modem. Errors are \
                application/problem+json (RFC 9457) with a stable `code`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "Refused; nothing was changed.",
                    "content": { "application/problem+json": { "schema": reference("Problem") } },
                },
            },
        },
    })
}

fn paths() -> Value {
    let mut all = json!({
        "/api/v1/messages": {
            "get": list("listMessages", "Messages of both directions, newest first", true),
            "post": {
                "operationId": "sendMessage",
                "summary": "Hand in a message; it is durable when the answer arrives",
                "requestBody": { "required": true, "content": {
                    "application/json": { "schema": reference("NewMessage") },
                    "multipart/form-data": { "schema": reference("NewMessageForm") },
                }},
                "responses": {
                    "202": {
                        "description": "Accepted and stored; it will be sent.",
                        "headers": { "Location": { "schema": { "type": "string" } } },
                        "content": { "application/json": { "schema": reference("Accepted") } },
                    },
                    "default": problem(),
                },
            },
        },
        "/api/v1/messages/{id}": { "get": message("getMessage", "One message") },
        "/api/v1/messages/{id}/events": { "get": operation(
            "getTimeline", "What happened to a message, oldest first", &["id"], "Timeline",
        )},
        "/api/v1/messages/{id}/parts/{index}": { "get": octets(
            "downloadPart", "The octets of a part", "*/*",
        )},
        "/api/v1/messages/{id}/parts/{index}/thumbnail": { "get": octets(
            "getThumbnail", "A small picture of a part", "image/jpeg",
        )},
        "/api/v1/inbox": { "get": list("listInbox", "Messages that arrived, newest first", false) },
        "/api/v1/inbox/{id}": { "get": message("getInboxMessage", "A message that arrived") },
        "/api/v1/outbox": { "get": list("listOutbox", "Messages sent, newest first", false) },
        "/api/v1/outbox/{id}": { "get": message("getOutboxMessage", "A message sent") },
        "/api/v1/modems": {
            "get": operation("listModems", "Every configured modem", &[], "ModemList"),
        },
        "/api/v1/modems/{name}": {
            "get": operation("getModem", "One modem", &["name"], "Modem"),
        },
        "/api/v1/modems/{name}/test": { "post": {
            "operationId": "testModem",
            "summary": "Send a short text to the SIM's own number; it comes back into the inbox",
            "parameters": in_path(&["name"]),
            "requestBody": small_body("to",
                "The SIM's number, where neither the SIM nor the configuration tells it."),
            "responses": {
                "202": { "description": "On its way; costs one SMS.", "content": {
                    "application/json": { "schema": reference("TestText") },
                }},
                "default": problem(),
            },
        }},
        "/api/v1/sms/count": { "post": {
            "operationId": "countSms",
            "summary": "What a text would take as SMS; nothing is sent",
            "requestBody": { "required": true, "content": {
                "application/json": { "schema": { "type": "object", "required": ["text"],
                    "properties": { "text": { "type": "string" } } } },
            }},
            "responses": {
                "200": { "description": "Counted.", "content": {
                    "application/json": { "schema": reference("TextCost") },
                }},
                "default": problem(),
            },
        }},
        "/metrics": { "get": {
            "operationId": "metrics",
            "summary": "Figures for Prometheus",
            "responses": {
                "200": { "description": "OpenMetrics 1.0.", "content": {
                    "application/openmetrics-text": { "schema": { "type": "string" } },
                }},
                "default": problem(),
            },
        }},
        "/api/v1/events": { "get": {
            "operationId": "listen",
            "summary": "Everything that happens, as server-sent events: state, stage, modem, alarm, missed",
            "parameters": [{ "name": "message", "in": "query", "schema": { "type": "string" },
                "description": "Only what concerns this message." }],
            "responses": {
                "200": { "description": "Goes on until the gateway ends.", "content": {
                    "text/event-stream": { "schema": { "type": "string" } },
                }},
                "default": problem(),
            },
        }},
        "/healthz": { "get": {
            "operationId": "health",
            "summary": "Whether the gateway answers",
            "responses": { "200": { "description": "It does." } },
        }},
    });
    for (action, summary) in [
        (
            "retry",
            "Send an `unknown`, `failed` or `expired` message once more, or fetch one again; \
            with `modem`, also one that waits goes by that modem instead",
        ),
        ("cancel", "Withdraw a message that was not released to the operator"),
    ] {
        let mut post = operation(&format!("{action}Message"), summary, &["id"], "Message");
        let answer = post["responses"]["200"].take();
        post["responses"] = json!({ "202": answer, "default": problem() });
        if action == "retry" {
            post["requestBody"] = small_body("modem", "Name of the modem that is to send it.");
        }
        all[format!("/api/v1/messages/{{id}}/{action}")] = json!({ "post": post });
    }
    all
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let some_text = || json!({ "type": "string", "minLength": 1 });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let time = || json!({ "type": "string", "format": "date-time" });
    let many = |name: &str| json!({ "type": "array", "items": reference(name) });
    let hash = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let states: Vec<&str> = OutboundState::ALL
        .iter()
        .map(|state| state.as_str())
        .chain(InboundState::ALL.iter().map(|state| state.as_str()))
        .collect();
    json!({
        "NewMessage": {
            "type": "object", "additionalProperties": false, "required": ["to"],
            "description": "Text, parts or both.",
            "anyOf": [
                { "required": ["text"], "properties": { "text": { "minLength": 1 } } },
                { "required": ["parts"], "properties": { "parts": { "minItems": 1 } } },
            ],
            "properties": {
                "kind": { "enum": ["mms", "sms"], "default": "mms",
                    "description": "An SMS has text, and neither subject, parts nor group." },
                "to": { "oneOf": [some_text(), { "type": "array", "items": some_text(),
                    "minItems": 1, "maxItems": MAX_RECIPIENTS }],
                    "examples": ["+447700900123"] },
                "subject": { "type": "string", "maxLength": MAX_SUBJECT },
                "text": text(),
                "parts": { "type": "array", "items": reference("NewPart"), "maxItems": MAX_PARTS },
                "group": { "type": "boolean", "default": false,
                    "description": "One message for all, who see each other." },
                "delivery_report": { "type": "boolean",
                    "description": "Unless given: true for an SMS, false for an MMS." },
                "expires_at": time(),
                "client_ref": { "type": "string", "maxLength": MAX_CLIENT_REF },
                "modem": { "type": "string", "maxLength": MAX_MODEM, "description":
                    "Name of the modem that is to carry it; any that can unless given." },
            },
        },
        "NewPart": {
            "type": "object", "additionalProperties": false, "required": ["data_base64"],
            "properties": {
                "data_base64": { "type": "string", "contentEncoding": "base64" },
                "content_type": { "type": "string",
                    "description": "Found out from the octets when absent." },
                "filename": { "type": "string", "maxLength": MAX_FILENAME },
            },
        },
        "NewMessageForm": {
            "type": "object", "additionalProperties": false, "required": ["to"],
            "properties": {
                "to": { "type": "string", "minLength": 1,
                    "description": "May be repeated, or hold several separated by commas." },
                "kind": { "enum": ["mms", "sms"] }, "subject": text(), "text": text(),
                "file": { "type": "array", "items": { "type": "string", "format": "binary" } },
                "group": { "type": "boolean" }, "delivery_report": { "type": "boolean" },
                "expires_at": time(), "client_ref": text(), "modem": text(),
            },
        },
        "Accepted": object(json!({
            "id": text(), "kind": { "enum": ["mms", "sms"] }, "state": text(), "url": text(),
            "segments": count(), "encoding": { "enum": ["gsm7", "gsm7-shift", "ucs2"] },
        })),
        "TextCost": object(json!({
            "segments": count(), "encoding": { "enum": ["gsm7", "gsm7-shift", "ucs2"] },
            "units": count(), "left": count(), "limit": count(),
            "beyond": { "type": "array", "items": text(), "description":
                "The first characters that are in no alphabet for SMS and make the text longer." },
        })),
        "TestText": object(json!({
            "id": text(), "modem": text(), "to": text(), "text": text(), "url": text(),
        })),
        "MessageList": object(json!({ "messages": many("Message"), "next": text() })),
        "Message": object(json!({
            "id": text(), "kind": { "enum": ["mms", "sms"] },
            "direction": { "enum": ["out", "in"] }, "state": { "enum": states },
            "settled": { "type": "boolean" },
            "historic": { "type": "boolean",
                "description": "It was on the SIM before the gateway first saw that SIM: no news." },
            "created_at": time(), "updated_at": time(), "sent_at": time(),
            "segments": { "type": "integer", "minimum": 1,
                "description": "SMS: how many it takes on the air, for each recipient." },
            "flash": { "type": "boolean", "description": "SMS of class 0." },
            "missing_segments": { "type": "array", "items": count(),
                "description": "SMS of which parts did not come in time." },
            "from": text(), "recipients": many("Recipient"), "subject": text(), "text": text(),
            "parts": many("Part"), "modem": text(), "fault": reference("Fault"),
            "client_ref": text(), "addressed_to": { "type": "array", "items": text() },
            "transaction_id": text(), "content_location": text(), "mmsc_message_id": text(),
            "expires_at": time(), "attempts": count(), "next_attempt_at": time(),
            "waiting_for": reference("WaitingFor"), "timeline": many("TimelineItem"),
        })),
        "WaitingFor": object(json!({
            "modem": text(), "condition": text(), "since": time(),
            "others": { "type": "array", "items": text(), "description":
                "Modems that could send it, each under the number of its own SIM." },
        })),
        "Recipient": object(json!({
            "address": text(), "state": { "enum": OutboundState::ALL.iter()
                .map(|state| state.as_str()).collect::<Vec<_>>() },
            "mmsc_message_id": text(), "report": text(), "fault": reference("Fault"),
        })),
        "Part": object(json!({
            "index": count(), "content_type": text(), "filename": text(), "content_id": text(),
            "charset": text(), "size": count(), "sha256": hash, "url": text(),
        })),
        "TimelineItem": object(json!({
            "at": time(), "recipient": text(), "state": text(), "text": text(),
            "fault": reference("Fault"),
        })),
        "Timeline": object(json!({ "events": many("TimelineItem") })),
        "Modem": modem(),
        "UnreadableSms": object(json!({
            "storage": text(), "index": count(), "answer": text(),
        })),
        "Storage": object(json!({
            "name": text(), "used": count(), "total": count(), "alarm": { "type": "boolean",
                "description": "80 % or more are in use: nothing arrives once all are." },
        })),
        "Data": object(json!({
            "month": text(), "time_zone": text(), "month_ends_at": time(), "calls": count(),
            "octets_out": count(), "octets_in": count(), "roaming_calls": count(),
            "roaming_octets": count(), "cap_octets": { "type": "integer", "minimum": 1,
                "description": "Octets of both directions after which no further data call is made \
                                in this month; absent where there is no cap." },
            "cap_reached": { "type": "boolean" },
        })),
        "RecoveryStep": object(json!({
            "at": time(), "step": text(), "seconds": { "type": "number", "minimum": 0 },
            "result": { "enum": ["worked", "failed", "not-possible"] }, "reason": text(),
            "cause": reference("Fault"),
        })),
        "ModemList": object(json!({ "modems": many("Modem") })),
        "Fault": object(json!({
            "layer": text(), "code": text(), "summary": text(),
            "verbatim": { "type": ["string", "null"], "description": "The other side's words." },
            "remedy": text(), "blame": { "enum": ["caller", "operator", "modem", "gateway"] },
        })),
        "Problem": object(json!({
            "type": text(), "status": count(), "code": text(), "title": text(), "detail": text(),
            "hint": text(), "errors": many("FieldProblem"),
        })),
        "FieldProblem": object(json!({ "pointer": text(), "code": text(), "detail": text() })),
    })
}

fn modem() -> Value {
    let text = || json!({ "type": "string" });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let time = || json!({ "type": "string", "format": "date-time" });
    let many = |name: &str| json!({ "type": "array", "items": reference(name) });
    object(json!({
        "name": text(), "condition": { "enum": [
            "starting", "ready", "calling", "recovering", "waiting", "failed",
        ] },
        "since": time(), "recovery_step": text(), "next_attempt_at": time(),
        "operator": text(), "registration": { "enum": [
            "home", "roaming", "sms-only", "searching", "denied", "emergency-only",
            "not-registered", "no-coverage", "unknown",
        ] },
        "mms": { "type": "boolean", "description":
            "Whether the operator's settings for MMS are configured; plain SMS need none." },
        "roaming": { "type": "boolean" }, "signal_dbm": { "type": "integer" },
        "manufacturer": text(), "model": text(), "revision": text(),
        "imsi": { "type": "string", "description": "Redacted." },
        "iccid": { "type": "string", "description": "Redacted." },
        "profile": text(), "profile_reason": text(), "profile_verified": { "type": "boolean" },
        "port_sharing": { "enum": ["one", "two", "multiplexed"] },
        "ports": { "type": "array", "items": text() }, "storages": many("Storage"),
        "unreadable_sms": many("UnreadableSms"),
        "data": reference("Data"),
        "fault": reference("Fault"), "last_error": reference("Fault"), "last_error_at": time(),
        "recovery_steps": many("RecoveryStep"),
        "recovery_counts": { "type": "object", "additionalProperties": count() },
        "losses": count(), "brown_outs": count(), "octets_out": count(), "octets_in": count(),
    }))
}

/// A body that may be left out, of one field.
pub(super) fn small_body(field: &str, description: &str) -> Value {
    json!({ "required": false, "content": { "application/json": { "schema": {
        "type": "object", "additionalProperties": false,
        "properties": { (field): { "type": ["string", "null"], "description": description } },
    } } } })
}

pub(super) fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn problem() -> Value {
    json!({ "$ref": "#/components/responses/Problem" })
}

pub(super) fn in_path(names: &[&str]) -> Vec<Value> {
    names
        .iter()
        .map(|name| {
            let kind = if *name == "index" { "integer" } else { "string" };
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } })
        })
        .collect()
}

pub(super) fn operation(id: &str, summary: &str, parameters: &[&str], schema: &str) -> Value {
    json!({
        "operationId": id,
        "summary": summary,
        "parameters": in_path(parameters),
        "responses": {
            "200": {
                "description": "Done.",
                "content": { "application/json": { "schema": reference(schema) } },
            },
            "default": problem(),
        },
    })
}

fn message(id: &str, summary: &str) -> Value {
    operation(id, summary, &["id"], "Message")
}

fn octets(id: &str, summary: &str, content_type: &str) -> Value {
    json!({
        "operationId": id,
        "summary": summary,
        "parameters": in_path(&["id", "index"]),
        "responses": {
            "200": { "description": "The octets.", "content": { content_type: {} } },
            "default": problem(),
        },
    })
}

fn list(id: &str, summary: &str, both: bool) -> Value {
    let mut get = operation(id, summary, &[], "MessageList");
    let mut parameters = vec![
        json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1,
            "maximum": MAX_LIST, "default": DEFAULT_LIST } }),
        json!({ "name": "after", "in": "query",
            "schema": { "type": "string", "pattern": "^msg_[0-9a-hjkmnp-tv-z]{26}$" },
            "description": "The `next` of the page before." }),
        json!({ "name": "kind", "in": "query", "schema": { "enum": ["mms", "sms"] } }),
    ];
    if both {
        let schema = json!({ "enum": ["out", "in"] });
        parameters.push(json!({ "name": "direction", "in": "query", "schema": schema }));
    }
    get["parameters"] = parameters.into();
    get
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::intake::{FIELDS, FORM_FIELDS};

    fn properties(document: &Value, schema: &str) -> Vec<String> {
        let properties = &document["components"]["schemas"][schema]["properties"];
        properties.as_object().expect(schema).keys().cloned().collect()
    }

    #[test]
    fn every_field_that_is_taken_is_described_and_no_other() {
        let document = document();
        for (schema, fields) in [("NewMessage", FIELDS), ("NewMessageForm", FORM_FIELDS)] {
            let mut taken: Vec<&str> = fields.to_vec();
            taken.sort_unstable();
            let mut described = properties(&document, schema);
            described.sort();
            assert_eq!(described, taken, "{schema}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut found = 0;
        for piece in text.split("\"$ref\":\"#").skip(1) {
            let pointer = piece.split('"').next().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            found += 1;
        }
        assert!(found > 20);
    }
}
