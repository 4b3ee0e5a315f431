//! The tables, and how an older file becomes a newer one (`PRAGMA user_version`).

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;
use super::engine::database_error;

/// One step for each version; what has been released is never changed, only followed.
const STEPS: &[&str] = &[V1, V2];

/// Brings the file to the newest version, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |error: rusqlite::Error| database_error(path, &error);
    let found: i64 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail)?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, step) in (1_i64..).zip(STEPS).filter(|(version, _)| *version > found) {
        let transaction = connection.transaction().map_err(fail)?;
        transaction.execute_batch(step).map_err(fail)?;
        transaction.pragma_update(None, "user_version", version).map_err(fail)?;
        transaction.commit().map_err(fail)?;
    }
    Ok(())
}

/// Times are milliseconds since 1970, addresses stand as in a PDU (`+447.../TYPE=PLMN`), faults
/// are JSON. `sim` is the IMSI.
const V1: &str = "
CREATE TABLE message (
    id          TEXT PRIMARY KEY NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('out', 'in')),
    state       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    sender      TEXT,
    subject     TEXT,
    preview     TEXT,
    client_ref  TEXT,
    modem       TEXT,
    fault       TEXT,
    expires_at  INTEGER
) STRICT;
CREATE INDEX message_direction ON message (direction, id);

CREATE TABLE part (
    message_id       TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    position         INTEGER NOT NULL,
    media_type       TEXT NOT NULL,
    charset          TEXT,
    name             TEXT,
    content_id       TEXT,
    content_location TEXT,
    size             INTEGER NOT NULL,
    sha256           TEXT NOT NULL,
    body             BLOB NOT NULL,
    UNIQUE (message_id, position)
) STRICT;

-- The tail that the PDUs of one message share: everything behind the last field that differs.
CREATE TABLE payload (
    message_id TEXT PRIMARY KEY NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    body       BLOB NOT NULL
) STRICT;

-- One M-Send.req each.
CREATE TABLE submission (
    id               INTEGER PRIMARY KEY,
    message_id       TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    transaction_id   TEXT NOT NULL UNIQUE,
    head             BLOB NOT NULL,
    state            TEXT NOT NULL,
    modem            TEXT NOT NULL,
    sim              TEXT,
    attempts         INTEGER NOT NULL DEFAULT 0,
    next_attempt_at  INTEGER NOT NULL,
    -- Of the attempt under way: the final block may have left.
    released_at      INTEGER,
    -- Of any attempt, for delivery reports that name an unknown Message-ID.
    last_released_at INTEGER,
    releases         INTEGER NOT NULL DEFAULT 0,
    mmsc_message_id  TEXT
) STRICT;
CREATE INDEX submission_message ON submission (message_id);
CREATE INDEX submission_due ON submission (state, modem, next_attempt_at);
CREATE INDEX submission_mmsc_message_id ON submission (mmsc_message_id);

CREATE TABLE recipient (
    id            INTEGER PRIMARY KEY,
    message_id    TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    submission_id INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL,
    address       TEXT NOT NULL,
    state         TEXT NOT NULL,
    report        TEXT,
    inferred      INTEGER NOT NULL DEFAULT 0,
    fault         TEXT,
    UNIQUE (message_id, position)
) STRICT;
CREATE INDEX recipient_submission ON recipient (submission_id);

-- What belongs to a message that we receive, from its notification to its acknowledgement.
CREATE TABLE inbound (
    message_id       TEXT PRIMARY KEY NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    sim              TEXT NOT NULL,
    transaction_id   TEXT NOT NULL,
    content_location TEXT NOT NULL,
    announced_size   INTEGER,
    attempts         INTEGER NOT NULL DEFAULT 0,
    not_found        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at  INTEGER,
    recipients       TEXT NOT NULL DEFAULT '[]',
    mmsc_message_id  TEXT,
    sent_at          INTEGER,
    -- M-Retrieve.conf as it came.
    pdu              BLOB,
    UNIQUE (sim, transaction_id, content_location)
) STRICT;
CREATE INDEX inbound_due ON inbound (sim, next_attempt_at);

CREATE TABLE ack (
    id               INTEGER PRIMARY KEY,
    message_id       TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    sim              TEXT NOT NULL,
    kind             TEXT NOT NULL,
    status           INTEGER NOT NULL,
    transaction_id   TEXT NOT NULL,
    state            TEXT NOT NULL DEFAULT 'pending',
    attempts         INTEGER NOT NULL DEFAULT 0,
    next_attempt_at  INTEGER NOT NULL,
    fault            TEXT
) STRICT;
CREATE INDEX ack_due ON ack (state, sim, next_attempt_at);
CREATE INDEX ack_message ON ack (message_id);

-- Short messages as they came, stored before they leave the SIM.
CREATE TABLE tpdu (
    id          INTEGER PRIMARY KEY,
    sim         TEXT NOT NULL,
    modem       TEXT NOT NULL,
    slot        TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    octets      BLOB NOT NULL,
    hash        TEXT NOT NULL,
    -- pending: waits for its siblings; done: filed; undecodable, incomplete: kept as it is.
    state       TEXT NOT NULL DEFAULT 'pending',
    note        TEXT,
    push_id     INTEGER REFERENCES push (id),
    sms_id      INTEGER REFERENCES sms (id),
    UNIQUE (sim, hash)
) STRICT;
CREATE INDEX tpdu_pending ON tpdu (state, sim);

CREATE TABLE push (
    id           INTEGER PRIMARY KEY,
    sim          TEXT NOT NULL,
    received_at  INTEGER NOT NULL,
    content_type TEXT,
    octets       BLOB NOT NULL,
    message_id   TEXT REFERENCES message (id),
    note         TEXT
) STRICT;

CREATE TABLE sms (
    id          INTEGER PRIMARY KEY,
    sim         TEXT NOT NULL,
    modem       TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    sender      TEXT,
    body        TEXT,
    octets      BLOB NOT NULL
) STRICT;

-- M-Delivery.ind and M-Read-Orig.ind; recipient_id is empty until one fits.
CREATE TABLE report (
    id              INTEGER PRIMARY KEY,
    sim             TEXT NOT NULL,
    received_at     INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    mmsc_message_id TEXT NOT NULL,
    address         TEXT,
    status          TEXT NOT NULL,
    push_id         INTEGER REFERENCES push (id),
    recipient_id    INTEGER REFERENCES recipient (id)
) STRICT;
CREATE INDEX report_mmsc_message_id ON report (mmsc_message_id);
CREATE INDEX report_unmatched ON report (sim, recipient_id, received_at);

CREATE TABLE timeline (
    id         INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    at         INTEGER NOT NULL,
    recipient  TEXT,
    state      TEXT NOT NULL,
    text       TEXT NOT NULL,
    fault      TEXT
) STRICT;
CREATE INDEX timeline_message ON timeline (message_id, id);
";

/// An earlier attempt may have got through, whatever the later ones said.
const V2: &str = "
ALTER TABLE submission ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
UPDATE submission SET in_doubt = 1 WHERE state = 'unknown';
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_of_the_first_version_is_brought_up_to_date() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(V1).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        db.execute_batch(
            "INSERT INTO message (id, direction, state, created_at, updated_at)
             VALUES ('m', 'out', 'unknown', 0, 0);
             INSERT INTO submission (message_id, transaction_id, head, state, modem,
                                     next_attempt_at)
             VALUES ('m', 'a', x'', 'unknown', 'x', 0), ('m', 'b', x'', 'sent', 'x', 0);",
        )
        .unwrap();
        migrate(&mut db, Path::new("test.db")).unwrap();
        let doubtful: String = db
            .query_row("SELECT transaction_id FROM submission WHERE in_doubt", [], |row| row.get(0))
            .unwrap();
        assert_eq!(doubtful, "a");
    }
}
