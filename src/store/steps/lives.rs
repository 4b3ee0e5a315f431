//! Steps of the schema for the lives of messages.

/// What of a message is counted from the clock of this computer, and whether that is right.
pub(in crate::store) const CLOCK: &str = "
-- Its end was counted from this computer's clock; else somebody named a date, or the clock was right.
ALTER TABLE message ADD COLUMN end_counted INTEGER NOT NULL DEFAULT 0;
-- Those to be fetched are looked through for their end before every piece of work.
CREATE INDEX message_notified ON message (expires_at) WHERE state = 'notified';

CREATE TABLE clock (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    -- Whether something kept it right when it was last looked at.
    synchronised INTEGER NOT NULL,
    -- When it was last right.
    right_at     INTEGER
) STRICT;
";
