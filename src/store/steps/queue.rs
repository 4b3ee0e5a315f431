//! What decides when a message may leave: pauses, breakers, what each SIM has sent, who wants nothing
//! more, and the order of the queue.

/// `place` is the order of the queue: each step of priority counts as much as a quarter of an hour of
/// waiting, so that what is urgent overtakes and nothing waits for ever.
pub(in crate::store) const QUEUE: &str = "
CREATE TABLE line_pause (
    -- `gateway` or `modem:NAME`.
    scope    TEXT PRIMARY KEY NOT NULL,
    since    INTEGER NOT NULL,
    until_at INTEGER,
    reason   TEXT
) STRICT;

CREATE TABLE breaker (
    sim       TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('mms', 'sms')),
    -- Refusals in a row, of different submissions.
    failures  INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    -- Empty while it is closed.
    opened_at INTEGER,
    probe_at  INTEGER,
    fault     TEXT,
    PRIMARY KEY (sim, kind)
) STRICT;

CREATE TABLE sim_use (
    id         INTEGER PRIMARY KEY,
    sim        TEXT NOT NULL,
    at         INTEGER NOT NULL,
    messages   INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    octets     INTEGER NOT NULL
) STRICT;
CREATE INDEX sim_use_at ON sim_use (sim, at);

CREATE TABLE opt_out (
    address    TEXT PRIMARY KEY NOT NULL,
    -- The last nine digits of a number, by which its other forms are found.
    tail       TEXT NOT NULL,
    since      INTEGER NOT NULL,
    -- What the recipient wrote, and in which message; empty where the owner has entered it.
    word       TEXT,
    message_id TEXT
) STRICT;
CREATE INDEX opt_out_tail ON opt_out (tail);

ALTER TABLE submission ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;
-- The route whose other modems may take it over; empty: only the one that was chosen.
ALTER TABLE submission ADD COLUMN send_route TEXT;
-- Since when its modem or its SIM, or the operator behind it, has kept it from leaving.
ALTER TABLE submission ADD COLUMN held_since INTEGER;
ALTER TABLE submission ADD COLUMN place INTEGER
    GENERATED ALWAYS AS (next_attempt_at - priority * 900000) VIRTUAL;
CREATE INDEX submission_routed ON submission (modem)
    WHERE send_route IS NOT NULL AND state = 'queued';
CREATE INDEX submission_place ON submission (state, kind, modem, place);

-- By which SIM a recipient was written to last, and the modem that it was in.
CREATE TABLE sticky (
    address  TEXT PRIMARY KEY NOT NULL,
    tail     TEXT NOT NULL,
    sim      TEXT,
    modem    TEXT NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sticky_tail ON sticky (tail);
";
