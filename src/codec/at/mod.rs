//! AT command lines and result lines (ITU-T V.250, 3GPP TS 27.007, 27.005).
//!
//! May use: nothing but the codec's own errors. Real modems deviate in every detail; what is
//! accepted here occurs in the field.

mod addresses;
mod command;
mod fields;
mod names;
mod response;
mod result;
mod unsolicited;

pub use addresses::name_servers;
pub use command::{ArgumentError, CommandLine, MAX_COMMAND, checked, quoted};
pub use fields::{Field, FieldKind, fields};
pub use names::{cme_name, cms_name};
pub(crate) use response::is_hex;
pub use response::{
    CgdcontRange, CmglEntry, Context, Cpms, RegistrationDomain, RegistrationLine, active_contexts,
    cgdcont_range, cmgl_entries, cmgr_entry, cnmi_ranges, contexts, cpin, cpms_state,
    cpms_storages, dynamic_contexts, identity, operator, registration, signal_dbm, value_behind,
};
pub use result::{ErrorReason, FinalResult};
pub use unsolicited::{EndedContext, Unsolicited, ended_context, is_unsolicited, two_line_header};
