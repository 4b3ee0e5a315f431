//! How a command fails: one sentence, a hint, and an exit code after sysexits(3).

use std::fmt;
use std::io;

use crate::model::Fault;

/// Exit codes after sysexits(3), so that scripts can tell the kinds of failure apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The input was read, and not all of it was understood.
    NotUnderstood = 1,
    /// The command line cannot be understood.
    Usage = 64,
    /// The input is not what it should be, or the other side refused it for good.
    Data = 65,
    /// An input file or message does not exist.
    NoInput = 66,
    /// Something that is needed is not there: modem, daemon, operator.
    Unavailable = 69,
    /// A mistake in this program.
    Software = 70,
    /// An output file cannot be made.
    CantCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// It may work later.
    TempFail = 75,
    /// Not allowed.
    NoPermission = 77,
    /// The configuration is missing or wrong.
    Config = 78,
}

/// A command's failure as people see it.
#[derive(Debug)]
pub(crate) struct CliError {
    /// What the process ends with.
    pub(crate) exit: Exit,
    /// One sentence without a full stop: what failed, where. Empty: say nothing at all.
    pub(crate) message: String,
    /// What to do next, one sentence without a full stop.
    pub(crate) remedy: Option<String>,
}

impl CliError {
    /// A failure with its sentence.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), remedy: None }
    }

    /// The same with a hint what to do.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What a stored fault means for the terminal.
    pub(crate) fn fault(fault: &Fault) -> Self {
        let exit = match (fault.blame.as_str(), fault.layer.as_str()) {
            (_, "port" | "modem" | "bearer") => Exit::Unavailable,
            ("caller", _) | (_, "mmsc" | "message") => Exit::Data,
            (_, "store") => Exit::Io,
            ("gateway", _) => Exit::Software,
            _ => Exit::Unavailable,
        };
        let mut message = fault.summary.clone();
        if let Some(text) = &fault.verbatim
            && !message.contains(text.as_str())
        {
            message.push_str(&format!(" (they said: {text})"));
        }
        Self { exit, message, remedy: Some(fault.remedy.clone()) }
    }

    /// What an I/O error on a named thing means.
    pub(crate) fn io(exit: Exit, what: impl fmt::Display, error: &io::Error) -> Self {
        let exit =
            if error.kind() == io::ErrorKind::PermissionDenied { Exit::NoPermission } else { exit };
        Self::new(exit, format!("{what}: {}", io_words(error)))
    }
}

impl From<io::Error> for CliError {
    /// Of writing to the terminal: a reader that closed its pipe has seen enough.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Io, "");
        }
        Self::io(Exit::Io, "standard output", &error)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mm1gate: {}", self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\nTry: {remedy}")?;
        }
        Ok(())
    }
}

/// The operating system's words without "(os error 2)".
pub(crate) fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_ascii_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_prints_a_sentence_and_what_to_try() {
        let error = CliError::new(Exit::NoInput, "a.jpg: no such file").remedy("check the path");
        assert_eq!(error.to_string(), "mm1gate: a.jpg: no such file\nTry: check the path");
    }

    #[test]
    fn closed_pipe_is_silent() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.message.is_empty());
    }

    #[test]
    fn operating_system_number_is_left_out() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(io_words(&error), "no such file or directory");
    }
}
