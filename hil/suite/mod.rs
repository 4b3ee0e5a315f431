//! The suite: rigs, cases, and the transcripts of what passed between driver and modem. Used by
//! the runner of `hil/` and by the replay in `tests/it`.

#![allow(dead_code, reason = "the runner and the replay use different parts of it")]

pub(crate) mod bench;
pub(crate) mod cases;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod rig;
pub(crate) mod scrub;
pub(crate) mod specimen;
pub(crate) mod transcript;
pub(crate) mod virtual_rig;
