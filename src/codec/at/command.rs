//! Command lines: nothing received or configured gets into one unchecked (ITU-T V.250 clause 5).

use std::fmt;

/// Longest command line, its CR not counted. V.250 asks a modem for 40 characters at least; the
/// longest that is sent here holds an APN, a user name and a password.
pub const MAX_COMMAND: usize = 512;

/// Why a text may not stand in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// CR, LF, ESC, Ctrl-Z or another control character: it would end the command.
    #[error("it holds a control character")]
    Control,
    /// A quotation mark: it would end the argument.
    #[error("it holds a quotation mark")]
    Quote,
    /// Beyond ASCII.
    #[error("it holds a character that is not ASCII")]
    NotAscii,
    /// Longer than [`MAX_COMMAND`].
    #[error("it is longer than {MAX_COMMAND} characters")]
    TooLong,
}

/// One command line without its CR. `Debug` shows the command's name only, since arguments may
/// hold a PIN, a password or a number.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine(String);

impl CommandLine {
    /// Takes a line that was put together from constants and checked arguments.
    ///
    /// # Errors
    /// When it holds anything but printable ASCII.
    pub fn new(line: impl Into<String>) -> Result<Self, ArgumentError> {
        let line = line.into();
        check(&line)?;
        Ok(Self(line))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What answers and errors call it: the line up to `=` or `?`, without arguments; a dial
    /// string is cut behind `ATD`.
    #[must_use]
    pub fn name(&self) -> &str {
        let line = self.0.as_str();
        if line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ATD")) {
            return line.get(..3).unwrap_or(line);
        }
        line.split(['=', '?']).next().unwrap_or(line)
    }

    /// What an information response to it begins with: `+CREG:` for `AT+CREG?`. None for basic
    /// commands.
    #[must_use]
    pub fn response_prefix(&self) -> Option<String> {
        let name = self.name().get(2..)?;
        let extended = name.starts_with(['+', '^', '*', '%', '$', '#', '!', '_', '&']);
        (extended && !name.contains(';')).then(|| format!("{}:", name.to_ascii_uppercase()))
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        f.write_str(if self.name().len() < self.0.len() { "..." } else { "" })
    }
}

/// An argument that may stand between the quotation marks of a command.
///
/// # Errors
/// When it would end the argument or the command.
pub fn checked(argument: &str) -> Result<&str, ArgumentError> {
    check(argument)?;
    if argument.contains('"') { Err(ArgumentError::Quote) } else { Ok(argument) }
}

/// The argument with its quotation marks.
///
/// # Errors
/// When it would end the argument or the command.
pub fn quoted(argument: &str) -> Result<String, ArgumentError> {
    Ok(format!("\"{}\"", checked(argument)?))
}

fn check(text: &str) -> Result<(), ArgumentError> {
    if text.len() > MAX_COMMAND {
        return Err(ArgumentError::TooLong);
    }
    match text.chars().find(|it| !it.is_ascii_graphic() && *it != ' ') {
        None => Ok(()),
        Some(odd) if odd.is_ascii() => Err(ArgumentError::Control),
        Some(odd) if odd.is_control() => Err(ArgumentError::Control),
        Some(_) => Err(ArgumentError::NotAscii),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injection_is_refused() {
        for (text, error) in [
            ("mms\r\nAT+CFUN=0", ArgumentError::Control),
            ("mms\n", ArgumentError::Control),
            ("mms\x1a", ArgumentError::Control),
            ("mms\x1b", ArgumentError::Control),
            ("mms\0", ArgumentError::Control),
            ("mms\x7f", ArgumentError::Control),
            ("mms\",1;+CFUN=0;\"", ArgumentError::Quote),
            ("mms.ø", ArgumentError::NotAscii),
            ("mms\u{85}", ArgumentError::Control),
        ] {
            assert_eq!(quoted(text), Err(error), "{text:?}");
        }
        assert_eq!(quoted(&"x".repeat(513)), Err(ArgumentError::TooLong));
        assert_eq!(quoted("mms.example").unwrap(), "\"mms.example\"");
        assert!(CommandLine::new("AT+CPIN=\"1234\"\rATD1").is_err());
    }

    #[test]
    fn name_leaves_arguments_out() {
        let name = |line: &str| CommandLine::new(line).unwrap().name().to_owned();
        assert_eq!(name("AT+CPIN=\"1234\""), "AT+CPIN");
        assert_eq!(name("AT+CREG?"), "AT+CREG");
        assert_eq!(name("ATD*99***1#"), "ATD");
        assert_eq!(format!("{:?}", CommandLine::new("AT+CPIN=\"1234\"").unwrap()), "AT+CPIN...");
    }

    #[test]
    fn response_prefix_of_extended_commands() {
        let prefix = |line: &str| CommandLine::new(line).unwrap().response_prefix();
        assert_eq!(prefix("AT+CPMS=\"SM\"").as_deref(), Some("+CPMS:"));
        assert_eq!(prefix("AT^SYSINFO").as_deref(), Some("^SYSINFO:"));
        assert_eq!(prefix("ATI"), None);
        assert_eq!(prefix("AT"), None);
    }
}
