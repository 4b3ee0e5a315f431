//! AT command lines and result lines (ITU-T V.250, 3GPP TS 27.007, 27.005).

mod command;

pub use command::{ArgumentError, CommandLine, MAX_COMMAND, checked, quoted};
