//! Steps of the schema for the lives of messages.

/// What of a message is counted from the clock of this computer, and whether that is right.
pub(in crate::store) const CLOCK: &str = "
-- Its end was counted from this computer's clock; else somebody named a date, or the clock was right.
ALTER TABLE message ADD COLUMN end_counted INTEGER NOT NULL DEFAULT 0;
-- Those to be fetched are looked through for their end before every piece of work.
CREATE INDEX message_announced ON message (expires_at) WHERE state IN ('notified', 'deferred');

CREATE TABLE clock (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    -- Whether something kept it right when it was last looked at.
    synchronised INTEGER NOT NULL,
    -- When it was last right.
    right_at     INTEGER
) STRICT;
";

/// What the MMSC was told of a message, and what is known of its being read.
pub(in crate::store) const LIVES: &str = "
-- The MMSC was told that it is fetched later.
ALTER TABLE inbound ADD COLUMN deferred INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbound ADD COLUMN announced_subject TEXT;
-- Its sender wants to know when it is read.
ALTER TABLE inbound ADD COLUMN read_report INTEGER NOT NULL DEFAULT 0;
ALTER TABLE inbound ADD COLUMN read_at INTEGER;
CREATE INDEX inbound_location ON inbound (sim, content_location);

-- By the first report that said so.
ALTER TABLE recipient ADD COLUMN delivered_at INTEGER;
ALTER TABLE recipient ADD COLUMN read_at INTEGER;

-- Of the transition: why in a word, by which modem, in which attempt, and what the other side said.
ALTER TABLE timeline ADD COLUMN cause TEXT;
ALTER TABLE timeline ADD COLUMN modem TEXT;
ALTER TABLE timeline ADD COLUMN attempt INTEGER;
ALTER TABLE timeline ADD COLUMN verbatim TEXT;
";
