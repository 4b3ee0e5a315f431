//! The query of a list of messages: which, from where, how many.

use axum::http::StatusCode;
use serde_json::json;

use super::endpoint::Endpoint;
use super::intake::{MAX_CLIENT_REF, MAX_MODEM};
use super::problem::{FieldProblem, Problem};
use super::rest::{DEFAULT_LIST, MAX_LIST};
use super::{query, view};
use crate::model::{Address, Direction, InboundState, Kind, OutboundState, Timestamp};
use crate::store::Filter;

/// Every parameter; `direction` where both are listed.
const KNOWN: &[&str] = &[
    "limit",
    "after",
    "before",
    "kind",
    "state",
    "from",
    "to",
    "modem",
    "client_ref",
    "since",
    "until",
    "direction",
];

/// Reads a query; strictly, since a filter with a slip would show what was not asked for.
pub(super) fn parse(text: Option<&str>, direction: Option<Direction>) -> Result<Filter, Problem> {
    let mut filter = Filter { direction, limit: DEFAULT_LIST, ..Filter::default() };
    let known = if direction.is_some() { &KNOWN[..KNOWN.len() - 1] } else { KNOWN };
    let mut wrong = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in query::pairs(text) {
        if known.contains(&name.as_str()) {
            if seen.contains(&name) {
                let detail = format!("{name} is given more than once");
                wrong.push(FieldProblem::new(name, "repeated-parameter", detail));
                continue;
            }
            seen.push(name.clone());
        }
        if let Err((code, detail)) = one(&mut filter, &name, &value, known) {
            let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
            wrong.push(FieldProblem::new(shown, code, detail));
        }
    }
    if filter.before.is_some() && filter.newer_than.is_some() {
        let detail = "give after or before, not both";
        wrong.push(FieldProblem::new("before", "invalid-cursor", detail));
    }
    if wrong.is_empty() {
        return Ok(filter);
    }
    let mut problem = Problem::fields(wrong);
    problem.status = StatusCode::BAD_REQUEST.as_u16();
    problem.title = "the request's parameters cannot be used".into();
    Err(problem)
}

fn one(
    filter: &mut Filter,
    name: &str,
    value: &str,
    known: &[&str],
) -> Result<(), (&'static str, String)> {
    match name {
        "limit" => match value.parse::<usize>() {
            Ok(limit) if (1..=MAX_LIST).contains(&limit) => filter.limit = limit,
            _ => {
                return Err((
                    "invalid-limit",
                    format!("limit must be a number from 1 to {MAX_LIST}"),
                ));
            }
        },
        "after" | "before" => match value.parse() {
            Ok(id) if name == "after" => filter.before = Some(id),
            Ok(id) => filter.newer_than = Some(id),
            Err(error) => {
                let of = if name == "after" { "next" } else { "previous" };
                let detail = format!("{name} must be the '{of}' of an earlier answer: {error}");
                return Err(("invalid-cursor", detail));
            }
        },
        "kind" => match Kind::parse(value) {
            Some(kind) => filter.kind = Some(kind),
            None => return Err(("invalid-kind", "kind must be 'mms' or 'sms'".to_owned())),
        },
        "direction" if known.contains(&"direction") => match view::parse_direction(value) {
            Some(direction) => filter.direction = Some(direction),
            None => {
                return Err(("invalid-direction", "direction must be 'in' or 'out'".to_owned()));
            }
        },
        "state" => {
            for state in value.split(',') {
                let state =
                    states().into_iter().find(|known| *known == state).ok_or_else(|| {
                        let all = states().join(", ");
                        ("invalid-state", format!("a state, or several with commas, of: {all}"))
                    })?;
                if !filter.states.contains(&state) {
                    filter.states.push(state);
                }
            }
        }
        // Senders may be names, and what a service centre wrote is matched as it is.
        "from" => match Address::parse_recipient(value) {
            Ok(address) => filter.from = Some(address),
            Err(_) if is_short_line(value, 64) => filter.from = Some(Address::from_wire(value)),
            Err(error) => return Err(("invalid-from", format!("from: {error}"))),
        },
        "to" => match Address::parse_recipient(value) {
            Ok(address) => filter.to = Some(address),
            Err(error) => return Err(("invalid-recipient", format!("to: {error}"))),
        },
        "modem" if is_short_line(value, MAX_MODEM) => filter.modem = Some(value.to_owned()),
        "modem" => {
            let detail = format!("the name of a modem has 1 to {MAX_MODEM} characters");
            return Err(("unknown-modem", detail));
        }
        "client_ref" if is_short_line(value, MAX_CLIENT_REF) => {
            filter.client_ref = Some(value.to_owned());
        }
        "client_ref" => {
            let detail = format!("a reference has 1 to {MAX_CLIENT_REF} characters");
            return Err(("client-ref-too-long", detail));
        }
        "since" => filter.since = Some(time(name, value)?),
        "until" => filter.until = Some(time(name, value)?),
        other => {
            let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
            let detail = match crate::model::suggest::nearest(other, known.iter().copied()) {
                Some(near) => format!("there is no parameter '{shown}'; did you mean '{near}'?"),
                None => {
                    format!("there is no parameter '{shown}'; there are: {}", known.join(", "))
                }
            };
            return Err(("unknown-parameter", detail));
        }
    }
    Ok(())
}

fn time(name: &str, value: &str) -> Result<Timestamp, (&'static str, String)> {
    value.parse::<jiff::Timestamp>().map(|at| Timestamp::from_millis(at.as_millisecond())).map_err(
        |_| {
            let detail = format!("{name} is not a time like 2026-12-24T18:00:00Z");
            ("invalid-time", detail)
        },
    )
}

fn is_short_line(text: &str, limit: usize) -> bool {
    !text.is_empty() && text.chars().count() <= limit && !text.chars().any(char::is_control)
}

/// Every state's name, once.
fn states() -> Vec<&'static str> {
    let mut all: Vec<&str> = OutboundState::ALL.iter().map(|state| state.as_str()).collect();
    for state in InboundState::ALL.iter().map(|state| state.as_str()) {
        if !all.contains(&state) {
            all.push(state);
        }
    }
    all
}

/// Adds the parameters to the description of a list.
pub(super) fn describe(endpoint: Endpoint, direction: Option<Direction>) -> Endpoint {
    let cursor = json!({ "type": "string", "pattern": "^msg_[0-9a-hjkmnp-tv-z]{26}$" });
    let text = |most: usize| json!({ "type": "string", "minLength": 1, "maxLength": most });
    let time = json!({ "type": "string", "format": "date-time" });
    let endpoint = endpoint
        .query(
            "limit",
            &json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIST, "default": DEFAULT_LIST }),
            "How many at most.",
        )
        .query("after", &cursor, "The `next` of another page: what is older.")
        .query("before", &cursor, "The `previous` of another page: what is newer.")
        .query("kind", &json!({ "enum": ["mms", "sms"] }), "Only those.")
        .parameter(json!({
            "name": "state", "in": "query", "style": "form", "explode": false,
            "schema": { "type": "array", "minItems": 1, "items": { "enum": states() } },
            "description": "Only those in one of these states.",
        }))
        .query("from", &text(64), "Only those of this sender.")
        .query("to", &text(64), "Only those to this recipient.")
        .query("modem", &text(MAX_MODEM), "Only those that this modem carries.")
        .query("client_ref", &text(MAX_CLIENT_REF), "Only those with this reference.")
        .query("since", &time, "Only those accepted or announced then or later.")
        .query("until", &time, "Only those accepted or announced before.");
    if direction.is_some() {
        return endpoint;
    }
    endpoint.query("direction", &json!({ "enum": ["out", "in"] }), "Only those.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_read_strictly() {
        let filter = parse(Some("limit=2&direction=in"), None).expect("a filter");
        assert_eq!((filter.limit, filter.direction), (2, Some(Direction::Inbound)));
        let filter = parse(Some("state=failed,unknown,failed&from=SHOP"), None).expect("a filter");
        assert_eq!(filter.states, ["failed", "unknown"]);
        for (query, code) in [
            ("limit=0", "invalid-limit"),
            ("limit=100000", "invalid-limit"),
            ("after=7", "invalid-cursor"),
            ("direction=up", "invalid-direction"),
            ("limt=3", "unknown-parameter"),
            ("limit=3&limit=4", "repeated-parameter"),
            ("state=lost", "invalid-state"),
            ("state=", "invalid-state"),
            ("to=1", "invalid-recipient"),
            ("from=", "invalid-from"),
            ("from=a%0Ab", "invalid-from"),
            ("modem=", "unknown-modem"),
            ("client_ref=", "client-ref-too-long"),
            ("since=yesterday", "invalid-time"),
            ("until=2026", "invalid-time"),
        ] {
            assert_eq!(parse(Some(query), None).expect_err(query).code.as_ref(), code);
        }
        let both = "after=msg_00000000000000000000000000&before=msg_00000000000000000000000000";
        assert_eq!(parse(Some(both), None).expect_err(both).code.as_ref(), "invalid-cursor");
        let direction = parse(Some("direction=in"), Some(Direction::Inbound));
        assert_eq!(direction.expect_err("no such").code.as_ref(), "unknown-parameter");
    }
}
