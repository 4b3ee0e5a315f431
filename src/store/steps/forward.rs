//! Steps of the schema for messages that are sent on unfetched, and for those of an account.

/// M-Forward.req is a submission of a message of its own.
pub(in crate::store) const FORWARD: &str = "
-- The announced message that it passes on; that one may be removed first.
ALTER TABLE message ADD COLUMN forwards TEXT;
-- It goes by the SIM of bound_to or not at all: what it speaks of lies at the MMSC for that SIM.
ALTER TABLE submission ADD COLUMN own_sim INTEGER NOT NULL DEFAULT 0;
";

/// What an account has handed in, in the order of lists.
pub(in crate::store) const OF_ACCOUNT: &str =
    "CREATE INDEX message_of_account ON message (account, id) WHERE account IS NOT NULL;";
