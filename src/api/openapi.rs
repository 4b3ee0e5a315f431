//! The description of the REST API for programs (OpenAPI 3.1.0).

use serde_json::{Value, json};

use super::endpoint::{self, reference};
use super::intake::{
    MAX_CLIENT_REF, MAX_FILENAME, MAX_MODEM, MAX_PARTS, MAX_RECIPIENTS, MAX_SUBJECT,
};
use super::{access, alarms, arrivals, fetch, health, routes, sending, webhooks};
use crate::model::{InboundState, OutboundState};

/// The whole document.
pub(super) fn document() -> Value {
    let (paths, schemas) = (endpoint::paths(&endpoint::all()), all_schemas());
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
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description":
                    "A token of `mm1gate token create`; the list beside each operation names the \
                     scope that it needs. On the loopback none is needed until the first exists." },
                "basic": { "type": "http", "scheme": "basic",
                    "description": "Any name, and a token as password." },
            },
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

fn all_schemas() -> Value {
    let mut all = schemas();
    for more in [
        access::schemas(),
        alarms::schemas(),
        arrivals::schemas(),
        sending::schemas(),
        routes::schemas(),
        health::schemas(),
        webhooks::schemas(),
    ] {
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
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
                { "required": ["text"], "properties": { "text": { "type": "string", "minLength": 1 } } },
                { "required": ["parts"], "properties": { "parts": { "type": "array", "minItems": 1 } } },
            ],
            "properties": {
                "kind": { "enum": ["mms", "sms", null], "default": "mms",
                    "description": "An SMS has text, and neither subject, parts nor group." },
                "to": { "oneOf": [some_text(), { "type": "array", "items": some_text(),
                    "minItems": 1, "maxItems": MAX_RECIPIENTS }],
                    "examples": ["+447700900123"] },
                "subject": { "type": ["string", "null"], "maxLength": MAX_SUBJECT },
                "text": { "type": ["string", "null"] },
                "parts": { "type": ["array", "null"], "items": reference("NewPart"), "maxItems": MAX_PARTS },
                "group": { "type": ["boolean", "null"], "default": false,
                    "description": "One message for all, who see each other." },
                "delivery_report": { "type": ["boolean", "null"],
                    "description": "Unless given: true for an SMS, false for an MMS." },
                "expires_at": { "type": ["string", "null"], "format": "date-time" },
                "read_report": { "type": ["boolean", "null"], "default": false, "description":
                    "Ask the recipients' phones to tell when an MMS was read." },
                "validity_seconds": { "type": ["integer", "null"], "minimum": 60,
                    "maximum": 31_622_400,
                    "description": "Instead of expires_at: from its acceptance or send_at." },
                "send_at": { "type": ["string", "null"], "format": "date-time",
                    "description": "Not before this time; at most a year ahead." },
                "priority": { "enum": ["low", "normal", "high", null], "default": "normal",
                    "description": "Its place in the queue; high passes quiet hours." },
                "client_ref": { "type": ["string", "null"], "maxLength": MAX_CLIENT_REF },
                "modem": { "type": ["string", "null"], "maxLength": MAX_MODEM, "description":
                    "Name of the modem that is to carry it; any that can unless given." },
                "route": { "type": ["string", "null"], "maxLength": MAX_MODEM, "description":
                    "Name of the route that it is to go by; the one that fits unless given." },
                "from": { "type": ["string", "null"], "description":
                    "The number of ours that it is to come from; any unless given." },
            },
        },
        "NewPart": {
            "type": "object", "additionalProperties": false,
            "oneOf": [{ "required": ["data_base64"] }, { "required": ["url"] }],
            "properties": {
                "data_base64": { "type": "string", "contentEncoding": "base64" },
                "url": { "type": "string", "format": "uri", "maxLength": fetch::MAX_URL,
                    "description": "Fetched before the answer, from the public Internet or a network that is allowed, \
                        without redirects, 4 MB at most." },
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
                "read_report": { "type": "boolean" },
                "expires_at": time(), "client_ref": text(), "modem": text(),
                "route": text(), "from": text(),
                "validity_seconds": { "type": "string", "pattern": "^[0-9]+$" },
                "send_at": time(), "priority": { "enum": ["low", "normal", "high"] },
            },
        },
        "Accepted": object(json!({
            "id": text(), "kind": { "enum": ["mms", "sms"] }, "state": text(), "url": text(),
            "segments": count(), "encoding": { "enum": ["gsm7", "gsm7-shift", "ucs2"] },
            "refused": { "type": "array", "items": reference("RefusedRecipient"), "description":
                "The recipients that it is not sent to, while the others get it." },
        })),
        "RefusedRecipient": object(json!({
            "address": text(), "code": text(), "detail": text(),
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
        "MessageList": object(json!({
            "messages": many("Message"), "next": text(), "previous": text(),
        })),
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
            "client_ref": text(), "forwards": { "type": "string", "description":
                "The announced message that the MMSC passes on unfetched." },
            "addressed_to": { "type": "array", "items": text() },
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
            "mmsc_message_id": text(), "report": text(),
            "delivered_at": time(), "read_at": time(), "fault": reference("Fault"),
            "modem": text(),
        })),
        "Part": object(json!({
            "index": count(), "content_type": text(), "filename": text(), "content_id": text(),
            "charset": text(), "size": count(), "sha256": hash, "url": text(),
            "removed_at": { "type": "string", "format": "date-time", "description":
                "When its octets were removed to keep the store in bounds; they answer 410." },
        })),
        "TimelineItem": object(json!({
            "at": time(), "recipient": text(), "state": text(), "text": text(),
            "fault": reference("Fault"), "cause": text(), "verbatim": text(), "modem": text(),
            "attempt": count(),
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
