//! What the outside world is to be told: events, who wants them, and how telling them went.

/// The triggers write an event in the commit of the transition itself, whichever function makes it,
/// and only while there is somebody to tell. Outbound messages tell of each recipient.
pub(in crate::store) const OUTBOX: &str = "
CREATE TABLE endpoint (
    -- whk_..., or the kind and its name in the configuration: hook:NAME.
    id             TEXT PRIMARY KEY NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('webhook', 'hook', 'folder', 'mail')),
    name           TEXT NOT NULL,
    url            TEXT,
    secret         BLOB,
    -- Signs beside the new one for a while.
    former_secret  BLOB,
    former_until   INTEGER,
    -- JSON list of event types; an empty one means all.
    events         TEXT NOT NULL DEFAULT '[]',
    -- An event waits until the one before it has been taken or given up.
    ordered        INTEGER NOT NULL DEFAULT 0,
    concurrency    INTEGER NOT NULL DEFAULT 1,
    enabled        INTEGER NOT NULL DEFAULT 1,
    created_at     INTEGER NOT NULL,
    -- Since when nothing has been taken; empty while all is well.
    failing_since  INTEGER,
    failures       INTEGER NOT NULL DEFAULT 0,
    taken_at       INTEGER,
    -- Why it does not work, or was switched off.
    reason         TEXT
) STRICT;

CREATE TABLE event (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Empty until it has been handed to those who want it.
    id         TEXT UNIQUE,
    at         INTEGER,
    type       TEXT NOT NULL,
    -- No foreign keys: an event outlives its message.
    message_id TEXT,
    recipient  TEXT,
    state      TEXT,
    -- For this one alone.
    endpoint   TEXT,
    -- What there is to say beside the message, as JSON.
    data       TEXT,
    body       TEXT
) STRICT;
CREATE INDEX event_new ON event (seq) WHERE id IS NULL;

CREATE TABLE event_delivery (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    event           INTEGER NOT NULL REFERENCES event (seq) ON DELETE CASCADE,
    endpoint        TEXT NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    state           TEXT NOT NULL DEFAULT 'pending'
                    CHECK (state IN ('pending', 'delivered', 'failed')),
    created_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    settled_at      INTEGER,
    UNIQUE (event, endpoint)
) STRICT;
CREATE INDEX event_delivery_due ON event_delivery (endpoint, state, next_attempt_at);
CREATE INDEX event_delivery_settled ON event_delivery (settled_at);

CREATE TABLE event_attempt (
    delivery INTEGER NOT NULL REFERENCES event_delivery (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    millis   INTEGER NOT NULL,
    -- HTTP status, or the exit code of a program.
    status   INTEGER,
    error    TEXT,
    response TEXT
) STRICT;
CREATE INDEX event_attempt_delivery ON event_attempt (delivery);

CREATE TRIGGER event_of_recipient AFTER UPDATE OF state ON recipient
WHEN new.state <> old.state
 AND new.state IN ('sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled', 'unknown')
 AND EXISTS (SELECT 1 FROM endpoint WHERE enabled)
BEGIN
    INSERT INTO event (type, message_id, recipient, state)
    VALUES ('message.' || new.state, new.message_id, new.address, new.state);
END;

CREATE TRIGGER event_of_inbound AFTER UPDATE OF state ON message
WHEN new.direction = 'in' AND NOT new.historic AND new.state <> old.state
 AND new.state IN ('notified', 'deferred', 'received', 'expired', 'rejected', 'failed')
 -- Fetching is tried again: nothing has been announced anew.
 AND NOT (new.state = 'notified' AND old.state <> 'pushed')
 AND EXISTS (SELECT 1 FROM endpoint WHERE enabled)
BEGIN
    INSERT INTO event (type, message_id, state)
    VALUES (
        CASE
            WHEN new.state = 'received' AND new.kind = 'sms' THEN 'sms.received'
            WHEN new.state = 'notified' THEN 'message.announced'
            ELSE 'message.' || new.state
        END,
        new.id, new.state
    );
END;
";
