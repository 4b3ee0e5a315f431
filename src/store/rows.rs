//! Values of the domain as columns and back, and the rows that several files write.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::engine::Failure;
use super::{Change, StoreError};
use crate::model::{
    Address, Direction, Fault, InboundState, Kind, MediaType, MessageId, OutboundState, Part,
    State, Timestamp,
};

/// Longest preview of a text part, characters.
pub(super) const PREVIEW_CHARS: usize = 200;

/// A size or position as a column: SQLite's integers have a sign.
pub(super) fn column(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column as a size or position.
pub(super) fn size(column: i64) -> usize {
    usize::try_from(column).unwrap_or(0)
}

/// A column that counts without a bound.
pub(super) fn unsigned(column: i64) -> u64 {
    u64::try_from(column).unwrap_or(0)
}

/// A column that does not hold what this program wrote there.
pub(super) fn damaged(what: &str) -> Failure {
    Failure::Store(StoreError::NotFound { what: format!("usable {what} in its row") })
}

pub(super) fn fault_json(fault: Option<&Fault>) -> Option<String> {
    fault.and_then(|fault| serde_json::to_string(fault).ok())
}

pub(super) fn fault_from(json: Option<String>) -> Option<Fault> {
    json.and_then(|json| serde_json::from_str(&json).ok())
}

pub(super) fn message_id(text: &str) -> Result<MessageId, Failure> {
    text.parse().map_err(|_| damaged("message id"))
}

pub(super) fn out_state(text: &str) -> Result<OutboundState, Failure> {
    text.parse().map_err(|_| damaged("state"))
}

pub(super) fn in_state(text: &str) -> Result<InboundState, Failure> {
    text.parse().map_err(|_| damaged("state"))
}

pub(super) fn kind_of(text: &str) -> Result<Kind, Failure> {
    Kind::parse(text).ok_or_else(|| damaged("kind"))
}

pub(super) fn state_of(direction: &str, state: &str) -> Result<State, Failure> {
    if direction == Direction::Inbound.as_str() {
        Ok(State::In(in_state(state)?))
    } else {
        Ok(State::Out(out_state(state)?))
    }
}

pub(super) fn addresses_json(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses.iter().map(Address::to_wire).collect();
    serde_json::to_string(&texts).unwrap_or_else(|_| "[]".to_owned())
}

pub(super) fn addresses_from(json: &str) -> Vec<Address> {
    let texts: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    texts.iter().map(|text| Address::from_wire(text)).collect()
}

/// Numbers of segments as a column; none when there are none.
pub(super) fn numbers_json(numbers: &[u8]) -> Option<String> {
    if numbers.is_empty() {
        return None;
    }
    serde_json::to_string(numbers).ok()
}

pub(super) fn numbers_from(json: Option<&str>) -> Vec<u8> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

pub(super) fn digest(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

pub(super) fn sha256_hex(octets: &[u8]) -> String {
    hex::encode(digest(octets))
}

/// A new line of the timeline.
pub(super) struct Entry<'a> {
    pub(super) message: &'a str,
    pub(super) at: Timestamp,
    pub(super) recipient: Option<&'a Address>,
    pub(super) state: &'a str,
    pub(super) text: &'a str,
    pub(super) fault: Option<&'a Fault>,
}

pub(super) fn tell(db: &Connection, entry: &Entry<'_>) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO timeline (message_id, at, recipient, state, text, fault, cause, verbatim, modem,
                               attempt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                 coalesce(
                     (SELECT submission.modem
                      FROM recipient JOIN submission ON submission.id = submission_id
                      WHERE ?3 IS NOT NULL AND recipient.message_id = ?1 AND address = ?3),
                     (SELECT modem FROM message WHERE id = ?1)),
                 nullif(coalesce(
                     (SELECT max(attempts) FROM submission
                      WHERE message_id = ?1 AND (?3 IS NULL OR id IN (
                          SELECT submission_id FROM recipient
                          WHERE message_id = ?1 AND address = ?3))),
                     (SELECT attempts FROM inbound WHERE message_id = ?1)), 0))",
    )?
    .execute(params![
        entry.message,
        entry.at.as_millis(),
        entry.recipient.map(Address::to_wire),
        entry.state,
        entry.text,
        fault_json(entry.fault),
        entry.fault.map(|fault| &fault.code),
        entry.fault.and_then(|fault| fault.verbatim.as_ref()),
    ])?;
    Ok(())
}

/// The first line of a message: `modem` is known, and nothing has been tried yet.
pub(super) fn tell_first(
    db: &Connection,
    entry: &Entry<'_>,
    modem: Option<&str>,
) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO timeline (message_id, at, state, text, modem) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![entry.message, entry.at.as_millis(), entry.state, entry.text, modem])?;
    Ok(())
}

pub(super) fn put_parts(db: &Connection, message: &str, parts: &[Part]) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO part (message_id, position, media_type, charset, name, content_id,
                           content_location, size, sha256, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (position, part) in parts.iter().enumerate() {
        insert.execute(params![
            message,
            column(position),
            part.media_type.as_str(),
            part.charset,
            part.name,
            part.content_id,
            part.content_location,
            column(part.body.len()),
            sha256_hex(&part.body),
            &part.body[..],
        ])?;
    }
    Ok(())
}

/// The beginning of the first text part. Text is expected in UTF-8; what is not shows as U+FFFD.
pub(super) fn preview(parts: &[Part]) -> Option<String> {
    let part = parts.iter().find(|part| part.media_type == MediaType::new("text/plain"))?;
    // Four octets a character at most: enough to decode without touching a long rest.
    let head = part.body.get(..PREVIEW_CHARS * 4).unwrap_or(&part.body);
    Some(String::from_utf8_lossy(head).chars().take(PREVIEW_CHARS).collect())
}

/// The beginning of a text.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(PREVIEW_CHARS).collect()
}

/// Sets the state of an inbound message.
pub(super) fn set_inbound(
    db: &Connection,
    id: &str,
    at: Timestamp,
    state: InboundState,
    fault: Option<&Fault>,
) -> Result<Change, Failure> {
    let before = state_before(db, id)?;
    let (kind, historic): (String, bool) = db
        .prepare_cached(
            "UPDATE message SET state = ?2, updated_at = ?3, fault = ?4 WHERE id = ?1
             RETURNING kind, historic",
        )?
        .query_row(params![id, state.as_str(), at.as_millis(), fault_json(fault)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(Change {
        id: message_id(id)?,
        kind: kind_of(&kind)?,
        direction: Direction::Inbound,
        state: State::In(state),
        historic,
        entered: before != state.as_str(),
        route: None,
    })
}

/// Recomputes the state of an outbound message from its recipients.
pub(super) fn refresh_outbound(
    db: &Connection,
    id: &str,
    at: Timestamp,
) -> Result<Change, Failure> {
    let mut select = db.prepare_cached(
        "SELECT recipient.state, recipient.fault, message.state, message.kind
         FROM message LEFT JOIN recipient ON recipient.message_id = message.id
         WHERE message.id = ?1",
    )?;
    let mut rows = select.query([id])?;
    let mut states = Vec::new();
    let mut was: Option<(String, Kind)> = None;
    while let Some(row) = rows.next()? {
        if was.is_none() {
            was = Some((row.get(2)?, kind_of(&row.get::<_, String>(3)?)?));
        }
        if let Some(state) = row.get::<_, Option<String>>(0)? {
            states.push((out_state(&state)?, row.get::<_, Option<String>>(1)?));
        }
    }
    let (before, kind) = was.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let state = aggregate(states.iter().map(|(state, _)| *state)).unwrap_or(OutboundState::Failed);
    let fault = states
        .iter()
        .find(|(of, fault)| *of == state && fault.is_some())
        .and_then(|(_, fault)| fault.as_deref());
    db.prepare_cached("UPDATE message SET state = ?2, updated_at = ?3, fault = ?4 WHERE id = ?1")?
        .execute(params![id, state.as_str(), at.as_millis(), fault])?;
    let entered = before != state.as_str();
    let state = State::Out(state);
    let route = if entered && kind.is_settled(state) { route_of(db, id)? } else { None };
    Ok(Change {
        id: message_id(id)?,
        kind,
        direction: Direction::Outbound,
        state,
        historic: false,
        entered,
        route,
    })
}

/// The route of all submissions of a message, where it is one.
fn route_of(db: &Connection, id: &str) -> Result<Option<String>, Failure> {
    let route = db
        .prepare_cached(
            "SELECT CASE WHEN min(coalesce(send_route, '')) = max(coalesce(send_route, ''))
                         THEN min(send_route) END
             FROM submission WHERE message_id = ?1",
        )?
        .query_row([id], |row| row.get(0))?;
    Ok(route)
}

fn state_before(db: &Connection, id: &str) -> Result<String, Failure> {
    let state = db
        .prepare_cached("SELECT state FROM message WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok(state)
}

/// The state of a message with several recipients: the least advanced that is not settled, else
/// the worst.
pub(super) fn aggregate(states: impl Iterator<Item = OutboundState>) -> Option<OutboundState> {
    states.min_by_key(|state| match state {
        OutboundState::Accepted => 0,
        OutboundState::Scheduled => 1,
        OutboundState::Queued => 2,
        OutboundState::Sending => 3,
        // Before `failed`: whoever sends the message again must know that it may arrive twice.
        OutboundState::Unknown => 4,
        OutboundState::Failed => 5,
        OutboundState::Undelivered => 6,
        OutboundState::Expired => 7,
        OutboundState::Canceled => 8,
        OutboundState::Sent => 9,
        OutboundState::Delivered => 10,
    })
}

/// Direction and state of a message.
pub(super) fn message_state(db: &Connection, id: &str) -> Result<Option<State>, Failure> {
    let row = db
        .prepare_cached("SELECT direction, state FROM message WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    row.map(|(direction, state)| state_of(&direction, &state)).transpose()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn message_shows_its_least_advanced_recipient_then_its_worst() {
        use OutboundState::{Canceled, Delivered, Failed, Queued, Sending, Sent, Unknown};
        let of = |states: &[OutboundState]| aggregate(states.iter().copied());
        assert_eq!(of(&[Delivered, Sending, Queued]), Some(Queued));
        assert_eq!(of(&[Delivered, Sending, Failed]), Some(Sending));
        assert_eq!(of(&[Delivered, Sent]), Some(Sent));
        assert_eq!(of(&[Delivered, Unknown, Sent]), Some(Unknown));
        assert_eq!(of(&[Failed, Unknown]), Some(Unknown), "sending it again may send it twice");
        assert_eq!(of(&[Canceled, Delivered]), Some(Canceled));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn preview_ends_between_characters() {
        let part = Part {
            media_type: MediaType::new("text/plain"),
            charset: Some("utf-8".to_owned()),
            name: None,
            content_id: None,
            content_location: None,
            body: Bytes::from("\u{20ac}".repeat(500)),
        };
        assert_eq!(preview(&[part]), Some("\u{20ac}".repeat(PREVIEW_CHARS)));
    }

    #[test]
    fn every_kind_of_address_survives_its_column() {
        for address in [
            Address::Msisdn("+447700900123".into()),
            Address::Msisdn("012".into()),
            Address::ShortCode("12345".into()),
            Address::Email("a@b.example".into()),
            Address::Other { text: "Shop".into(), kind: None },
            Address::Other { text: "10.0.0.1".into(), kind: Some("IPv4".into()) },
        ] {
            assert_eq!(addresses_from(&addresses_json(std::slice::from_ref(&address))), [address]);
        }
    }
}
