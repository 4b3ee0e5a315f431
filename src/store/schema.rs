//! The tables, and how an older file becomes a newer one (`PRAGMA user_version`).

use std::path::Path;

use rusqlite::{Connection, params};

use super::engine::database_error;
use super::{StoreError, accounts, alarms, idempotency, rows, steps, view};
use crate::model::{MessageId, Timestamp};

/// One step for each version; what has been released is never changed, only followed.
const STEPS: &[Step] = &[
    Step::Sql(V1),
    Step::Sql(V2),
    Step::Code(plain_sms),
    Step::Sql(PINS_AND_HOLDS),
    Step::Sql(STORAGES),
    Step::Sql(DATA_CALLS),
    Step::Sql(ROUTES),
    Step::Sql(steps::OUTBOX),
    Step::Sql(alarms::STEP),
    Step::Sql(steps::CLOCK),
    Step::Sql(accounts::TABLES),
    Step::Sql(idempotency::TABLES),
    Step::Sql(view::INDEXES),
    Step::Sql(steps::QUEUE),
    Step::Sql(steps::LIVES),
    Step::Sql(steps::RETENTION),
    Step::Sql(steps::QUEUES),
    Step::Sql(steps::DROPPED),
    Step::Sql(steps::FORWARD),
    Step::Sql(steps::OF_ACCOUNT),
    Step::Sql(steps::SET_UP),
    Step::Sql(steps::MEDIA),
];

/// What makes a version of the one before.
enum Step {
    /// Statements.
    Sql(&'static str),
    /// Something that statements alone do not do.
    Code(fn(&Connection) -> rusqlite::Result<()>),
}

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
        match step {
            Step::Sql(statements) => transaction.execute_batch(statements).map_err(fail)?,
            Step::Code(change) => change(&transaction).map_err(fail)?,
        }
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

/// Plain short messages are messages; what belongs to a SIM is known of the SIM.
const V3: &str = "
ALTER TABLE message ADD COLUMN kind TEXT NOT NULL DEFAULT 'mms' CHECK (kind IN ('mms', 'sms'));
-- It was on the SIM before we first saw that SIM.
ALTER TABLE message ADD COLUMN historic INTEGER NOT NULL DEFAULT 0;
-- By the clock of the MMSC or the service centre.
ALTER TABLE message ADD COLUMN sent_at INTEGER;
-- Of short messages only.
ALTER TABLE message ADD COLUMN segments INTEGER;
ALTER TABLE message ADD COLUMN sms_class INTEGER;
ALTER TABLE message ADD COLUMN missing TEXT;
UPDATE message SET sent_at = (SELECT sent_at FROM inbound WHERE message_id = message.id)
WHERE direction = 'in';

ALTER TABLE sms ADD COLUMN message_id TEXT REFERENCES message (id) ON DELETE CASCADE;

-- Found by the first sweep of its SIM.
ALTER TABLE tpdu ADD COLUMN first_sweep INTEGER NOT NULL DEFAULT 0;
-- When the modem last showed it: what it cannot delete comes again and again.
ALTER TABLE tpdu ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE tpdu SET seen_at = received_at;
CREATE INDEX tpdu_seen ON tpdu (sim, seen_at);
-- Texts of which parts were missing had no view: they are looked at once more.
UPDATE tpdu SET state = 'pending', note = 'looked at once more'
WHERE state = 'incomplete' AND push_id IS NULL;

CREATE TABLE sim (
    -- IMSI, or what stands for it.
    id            TEXT PRIMARY KEY NOT NULL,
    iccid         TEXT,
    first_seen_at INTEGER NOT NULL,
    -- When all that it held at first was stored.
    swept_at      INTEGER,
    -- The modem it was in last, and when it was seen there.
    modem         TEXT,
    seen_at       INTEGER NOT NULL
) STRICT;
INSERT INTO sim (id, first_seen_at, swept_at, seen_at)
SELECT sim, min(at), min(at), max(at) FROM (
    SELECT sim, received_at AS at FROM tpdu
    UNION ALL SELECT sim, received_at FROM push
    UNION ALL SELECT sim, coalesce(last_released_at, next_attempt_at)
              FROM submission WHERE sim IS NOT NULL
) GROUP BY sim;

ALTER TABLE submission ADD COLUMN kind TEXT NOT NULL DEFAULT 'mms' CHECK (kind IN ('mms', 'sms'));
-- The SIM that a message was queued for; once tried, `sim` is the one it was last tried with.
ALTER TABLE submission ADD COLUMN bound_to TEXT;
UPDATE submission SET bound_to = sim;
DROP INDEX submission_due;
CREATE INDEX submission_due ON submission (state, kind, modem, next_attempt_at);

-- One SMS-SUBMIT each.
CREATE TABLE segment (
    id                INTEGER PRIMARY KEY,
    submission_id     INTEGER NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
    -- From 1.
    number            INTEGER NOT NULL,
    tpdu              BLOB NOT NULL,
    -- queued, sending (it may have left), sent, unknown.
    state             TEXT NOT NULL DEFAULT 'queued',
    releases          INTEGER NOT NULL DEFAULT 0,
    sim               TEXT,
    released_at       INTEGER,
    -- TP-MR, as the modem told it.
    message_reference INTEGER,
    -- TP-Status of the last report, and what it means.
    status            INTEGER,
    outcome           TEXT,
    UNIQUE (submission_id, number)
) STRICT;
CREATE INDEX segment_reference ON segment (sim, message_reference, state);

-- SMS-STATUS-REPORT; segment_id is empty until one fits.
CREATE TABLE sms_report (
    id                INTEGER PRIMARY KEY,
    sim               TEXT NOT NULL,
    received_at       INTEGER NOT NULL,
    message_reference INTEGER NOT NULL,
    address           TEXT NOT NULL,
    -- When the service centre had accepted the message.
    accepted_at       INTEGER,
    status            INTEGER NOT NULL,
    outcome           TEXT NOT NULL,
    text              TEXT NOT NULL,
    segment_id        INTEGER REFERENCES segment (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX sms_report_unmatched ON sms_report (sim, segment_id, received_at);
";

/// Version 3: the short messages of earlier versions become messages with their own ids.
fn plain_sms(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(V3)?;
    let old = db
        .prepare("SELECT id, sim, modem, received_at, sender, body, octets FROM sms ORDER BY id")?
        .query_map([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, Option<String>>(4)?,
                row.get::<_, Option<String>>(5)?,
                row.get::<_, Vec<u8>>(6)?,
            ))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (key, modem, at, sender, body, octets) in old {
        let digest = rows::digest(&[&key.to_be_bytes()[..], &octets].concat());
        let noise = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
        let id = MessageId::of(Timestamp::from_millis(at), noise);
        db.execute(
            "INSERT INTO message (id, direction, state, created_at, updated_at, sender, preview,
                                  modem, kind, segments)
             VALUES (?1, 'in', 'received', ?2, ?2, ?3, ?4, ?5, 'sms',
                     max(1, (SELECT count(*) FROM tpdu WHERE sms_id = ?6)))",
            params![id.as_str(), at, sender, body, modem, key],
        )?;
        db.execute("UPDATE sms SET message_id = ?2 WHERE id = ?1", params![key, id.as_str()])?;
        let (kind, charset, body) = match body {
            Some(text) => ("text/plain", Some("utf-8"), text.into_bytes()),
            None => ("application/octet-stream", None, octets),
        };
        db.execute(
            "INSERT INTO part (message_id, position, media_type, charset, size, sha256, body)
             VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)",
            params![
                id.as_str(),
                kind,
                charset,
                rows::column(body.len()),
                rows::sha256_hex(&body),
                body
            ],
        )?;
        db.execute(
            "INSERT INTO timeline (message_id, at, state, text)
             VALUES (?1, ?2, 'received', 'received and stored by an earlier version')",
            params![id.as_str(), at],
        )?;
    }
    Ok(())
}

/// Fates of PINs, and what waits for its modem.
const PINS_AND_HOLDS: &str = "
CREATE TABLE pin (
    -- ICCID or the place of the SIM; the PIN only as an HMAC with the key named.
    sim      TEXT NOT NULL,
    key_id   TEXT NOT NULL,
    digest   TEXT NOT NULL,
    fate     TEXT NOT NULL CHECK (fate IN ('sent', 'refused')),
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (sim, key_id, digest)
) STRICT;

CREATE TABLE held (
    what TEXT NOT NULL CHECK (what IN ('submission', 'retrieval', 'ack')),
    key  TEXT NOT NULL,
    PRIMARY KEY (what, key)
) STRICT;
";

/// What a SIM held at first is known of each storage; what was looked at once more is no news.
const STORAGES: &str = "
-- Storages whose first content was stored, until sim.swept_at says it of all.
CREATE TABLE swept_storage (
    sim     TEXT NOT NULL,
    storage TEXT NOT NULL,
    PRIMARY KEY (sim, storage)
) STRICT;

-- To be shown, but no news, whatever its time stamp.
ALTER TABLE tpdu ADD COLUMN historic INTEGER NOT NULL DEFAULT 0;
UPDATE tpdu SET historic = 1, note = NULL
WHERE state = 'pending' AND note = 'looked at once more';
";

/// What data calls cost. `counted_at`: up to when the octets of a call are known; `cut`: nobody saw
/// its end. Months are those of the owner's calendar (`2026-11`), and stay when their calls are
/// forgotten.
const DATA_CALLS: &str = "
CREATE TABLE data_call (
    id         INTEGER PRIMARY KEY,
    sim        TEXT NOT NULL,
    modem      TEXT NOT NULL,
    roaming    INTEGER NOT NULL,
    begun_at   INTEGER NOT NULL,
    counted_at INTEGER NOT NULL,
    ended_at   INTEGER,
    cut        INTEGER NOT NULL DEFAULT 0,
    octets_out INTEGER NOT NULL DEFAULT 0,
    octets_in  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX data_call_begun ON data_call (begun_at);

CREATE TABLE data_month (
    sim        TEXT NOT NULL,
    month      TEXT NOT NULL,
    roaming    INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    octets_out INTEGER NOT NULL,
    octets_in  INTEGER NOT NULL,
    PRIMARY KEY (sim, month, roaming)
) STRICT;
";

/// Which way requests reach the MMSC, where the settings leave it open.
const ROUTES: &str = "
CREATE TABLE route (
    sim      TEXT PRIMARY KEY NOT NULL,
    -- Host and port as configured.
    gateway  TEXT NOT NULL,
    way      TEXT NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;
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

    /// A message of each direction with everything that belongs to it, in columns of the first version.
    const CONTENT: &str = "
        INSERT INTO message (id, direction, state, created_at, updated_at, sender, subject)
        VALUES ('msg_00000000000000000000000001', 'out', 'sent', 1, 2, NULL, 'Hello'),
               ('msg_00000000000000000000000002', 'in', 'received', 3, 4, '+447700900123/TYPE=PLMN',
                'Reply');
        INSERT INTO part (message_id, position, media_type, size, sha256, body)
        SELECT id, 0, 'text/plain', 2, 'ab', x'4869' FROM message;
        INSERT INTO payload VALUES ('msg_00000000000000000000000001', x'00');
        INSERT INTO submission (id, message_id, transaction_id, head, state, modem, sim,
                                next_attempt_at, mmsc_message_id)
        VALUES (1, 'msg_00000000000000000000000001', 'T1', x'', 'sent', 'm', '001', 0, 'M1');
        INSERT INTO recipient (id, message_id, submission_id, position, address, state)
        VALUES (1, 'msg_00000000000000000000000001', 1, 0, '+447700900124/TYPE=PLMN', 'sent');
        INSERT INTO push (id, sim, received_at, octets, message_id)
        VALUES (1, '001', 3, x'01', 'msg_00000000000000000000000002'), (2, '001', 5, x'02', NULL);
        INSERT INTO tpdu (sim, modem, slot, received_at, octets, hash, state, push_id)
        VALUES ('001', 'm', 'SM 1', 3, x'01', 'h', 'done', 1);
        INSERT INTO inbound (message_id, sim, transaction_id, content_location, pdu)
        VALUES ('msg_00000000000000000000000002', '001', 'T2', 'http://mmsc.example/1', x'02');
        INSERT INTO ack (message_id, sim, kind, status, transaction_id, next_attempt_at)
        VALUES ('msg_00000000000000000000000002', '001', 'acknowledge', 0, 'T3', 0);
        INSERT INTO report (sim, received_at, kind, mmsc_message_id, status, push_id, recipient_id)
        VALUES ('001', 5, 'delivery', 'M1', 'retrieved', 2, 1);
        INSERT INTO timeline (message_id, at, state, text)
        SELECT id, updated_at, state, 'test' FROM message;
    ";

    /// What people and programs see of it, whatever the version.
    fn content(db: &Connection) -> Vec<String> {
        let tables = [
            "message",
            "part",
            "payload",
            "submission",
            "recipient",
            "push",
            "tpdu",
            "inbound",
            "ack",
            "report",
            "timeline",
        ];
        let mut found: Vec<String> = tables
            .iter()
            .map(|table| {
                let count: i64 = db
                    .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
                    .unwrap();
                format!("{table} {count}")
            })
            .collect();
        let heads = "SELECT id || direction || state || created_at || updated_at
                            || coalesce(sender, '') || subject FROM message ORDER BY id";
        let mut select = db.prepare(heads).unwrap();
        found.extend(select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap));
        found
    }

    fn shape(db: &Connection) -> Vec<(String, Option<String>)> {
        db.prepare("SELECT name, sql FROM sqlite_master ORDER BY name")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn file_of_every_version_keeps_what_it_holds_and_becomes_like_a_new_one() {
        let path = Path::new("test.db");
        let mut new = Connection::open_in_memory().unwrap();
        migrate(&mut new, path).unwrap();
        for version in 1..=STEPS.len() {
            let mut db = Connection::open_in_memory().unwrap();
            db.pragma_update(None, "foreign_keys", true).unwrap();
            for step in &STEPS[..version] {
                match step {
                    Step::Sql(statements) => db.execute_batch(statements).unwrap(),
                    Step::Code(change) => change(&db).unwrap(),
                }
            }
            db.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
            db.execute_batch(CONTENT).unwrap_or_else(|error| panic!("{version}: {error}"));
            let before = content(&db);
            migrate(&mut db, path).unwrap_or_else(|error| panic!("{version}: {error}"));
            assert_eq!(content(&db), before, "version {version}");
            assert_eq!(shape(&db), shape(&new), "version {version}");
            let broken: i64 = db
                .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
                .unwrap();
            let verdict: String =
                db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!((broken, &*verdict), (0, "ok"), "version {version}");
        }
    }

    #[test]
    fn short_messages_of_the_second_version_become_messages() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(V1).unwrap();
        db.execute_batch(V2).unwrap();
        db.pragma_update(None, "user_version", 2).unwrap();
        db.execute_batch(
            "INSERT INTO sms (id, sim, modem, received_at, sender, body, octets)
             VALUES (1, '001', 'x', 1700000000000, '+447700900123/TYPE=PLMN', 'Hello', x'48'),
                    (2, '001', 'x', 1700000000000, NULL, NULL, x'0102');
             INSERT INTO tpdu (sim, modem, slot, received_at, octets, hash, state, sms_id)
             VALUES ('001', 'x', 'SM 1', 1690000000000, x'00', 'a', 'done', 1),
                    ('001', 'x', 'SM 2', 1700000000000, x'01', 'b', 'done', 1),
                    ('001', 'x', 'SM 3', 1700000000000, x'02', 'c', 'incomplete', NULL),
                    ('001', 'x', 'SM 4', 1700000000000, x'03', 'd', 'undecodable', NULL);",
        )
        .unwrap();
        migrate(&mut db, Path::new("test.db")).unwrap();
        let rows: Vec<(String, String, String, Option<String>, u32, String)> = db
            .prepare(
                "SELECT message.id, kind, state, preview, segments, media_type
                 FROM message JOIN part ON part.message_id = message.id ORDER BY preview DESC",
            )
            .unwrap()
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|(_, kind, state, text, segments, media)| {
                (&kind[..], &state[..], text.as_deref(), *segments, &media[..])
            })
            .collect();
        assert_eq!(
            told,
            [
                ("sms", "received", Some("Hello"), 2, "text/plain"),
                ("sms", "received", None, 1, "application/octet-stream"),
            ]
        );
        // Lists are in the order of ids: they stand where they came.
        for (id, ..) in &rows {
            assert_eq!(
                id[..14],
                MessageId::of(Timestamp::from_millis(1_700_000_000_000), [0; 10]).as_str()[..14]
            );
            id.parse::<MessageId>().unwrap();
        }
        assert_ne!(rows[0].0, rows[1].0);
        let pending: (String, bool) = db
            .query_row(
                "SELECT group_concat(hash), min(historic) FROM tpdu WHERE state = 'pending'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        let once_more = "texts without a view are looked at once more and are no news";
        assert_eq!(pending, ("c".to_owned(), true), "{once_more}");
        // Not the first sight of this SIM: nothing that comes is old.
        let sim: (i64, bool) = db
            .query_row(
                "SELECT first_seen_at, swept_at IS NOT NULL FROM sim WHERE id = '001'",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(sim, (1_690_000_000_000, true));
    }
}
