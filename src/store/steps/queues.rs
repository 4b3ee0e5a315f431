//! What a long queue looks up at each turn.

/// Without these indexes every message that is accepted, sent or put off would read the whole queue.
/// A submission waits only where its message does (`rows::aggregate`: the least advanced counts).
pub(in crate::store) const QUEUES: &str = "
CREATE INDEX message_ends ON message (expires_at) WHERE state IN ('accepted', 'scheduled', 'queued');
CREATE INDEX submission_begins ON submission (next_attempt_at) WHERE state = 'scheduled';
CREATE INDEX submission_bound ON submission (state, kind, modem, bound_to);
";
