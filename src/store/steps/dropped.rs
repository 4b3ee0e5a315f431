//! What lay in folders that are watched.

pub(in crate::store) const DROPPED: &str = "
CREATE TABLE dropped (
    -- Name of the folder in the configuration.
    folder     TEXT NOT NULL,
    -- The name that the gateway gave what lay there, never used twice.
    claim      TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    -- Its fate was told there.
    told       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (folder, claim)
) STRICT, WITHOUT ROWID;
CREATE INDEX dropped_message ON dropped (message_id);
CREATE INDEX dropped_untold ON dropped (folder) WHERE NOT told;
";
