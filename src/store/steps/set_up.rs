//! What SIMs tell of their operators, and the way to the MMSC that is used for each.

pub(in crate::store) const SET_UP: &str = "
CREATE TABLE set_up (
    -- IMSI, or what stands for it.
    sim        TEXT PRIMARY KEY NOT NULL,
    mnc_length INTEGER,
    -- Empty: the SIM has none; null: it could not be read.
    spn        TEXT,
    gid1       TEXT,
    number     TEXT,
    -- Access point, MMSC and proxy of the set-up that has worked.
    way        TEXT,
    noted_at   INTEGER NOT NULL
) STRICT;
";
