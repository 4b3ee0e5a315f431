//! What commands print: safe text, sizes, times, colours where a terminal wants them.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde::Serialize;

use super::error::CliError;
use crate::api::view::{Message, Part};
use crate::model::Fault;

/// Received text must not move the cursor or colour the terminal: control characters become
/// blanks, line ends stay when `lines` is set.
pub(super) fn plain(text: &str, lines: bool) -> String {
    text.chars()
        .filter(|character| *character != '\r')
        .map(|character| match character {
            '\n' if lines => '\n',
            control if control.is_control() => ' ',
            // Marks that turn the direction of text around.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
            other => other,
        })
        .collect()
}

/// Octets for people.
pub(super) fn size(octets: u64) -> String {
    match octets {
        0..=999 => format!("{octets} B"),
        1_000..=999_999 => format!("{} kB", (octets + 500) / 1_000),
        _ => format!("{}.{} MB", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

/// A duration as seconds, right-aligned for a column.
pub(super) fn seconds(elapsed: Duration) -> String {
    format!("{:8.3} s", elapsed.as_secs_f64())
}

/// Prints one JSON value on a line of its own.
pub(super) fn json(value: &impl Serialize) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Prints text on standard output.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints a line on standard error; nobody is told when that fails.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether standard output (or else standard error) is a terminal whose lines may be rewritten.
pub(super) fn is_interactive(output: bool) -> bool {
    let terminal = if output { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
    terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Colours, or none when the output is no terminal or `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Paint(bool);

impl Paint {
    /// For standard output.
    pub(super) fn stdout() -> Self {
        Self(io::stdout().is_terminal() && Self::wanted())
    }

    /// For standard error.
    pub(super) fn stderr() -> Self {
        Self(io::stderr().is_terminal() && Self::wanted())
    }

    /// Whether there are colours at all.
    pub(super) const fn is_on(self) -> bool {
        self.0
    }

    fn wanted() -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Less prominent.
    pub(super) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// More prominent.
    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// In order.
    pub(super) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// To be looked at.
    pub(super) fn doubtful(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// To be mended.
    pub(super) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// A state in its colour.
    pub(super) fn state(self, state: &str) -> String {
        let colour = match state {
            "sent" | "delivered" | "received" | "acknowledged" => "32",
            "failed" | "undelivered" => "31",
            "unknown" | "expired" | "deferred" => "33",
            "canceled" | "rejected" => "2",
            _ => "34",
        };
        self.wrap(colour, state)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A message in a few lines, as lists show it.
pub(super) fn summary(message: &Message, paint: Paint) -> String {
    let mut out = format!(
        "{}  {}  {}  {}\n",
        paint.bold(&message.id),
        paint.dim(&short_time(&message.created_at)),
        paint.state(&message.state),
        party(message),
    );
    let marks = marks(message);
    if !marks.is_empty() {
        out.insert_str(out.len() - 1, &format!("  {}", paint.dim(&marks)));
    }
    if let Some(subject) = &message.subject {
        out.push_str(&format!("    {}\n", plain(subject, false)));
    }
    if let Some(text) = message.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        out.push_str(&format!("    \"{}\"\n", plain(text, false)));
    }
    for part in message.parts.iter().filter(|part| is_file(part)) {
        out.push_str(&format!("    {}\n", part_line(part)));
    }
    if let Some(error) = &message.fault {
        out.push_str(&format!("    {}\n", plain(&fault(error), false)));
    }
    out
}

/// What is special about a message, in a word each.
pub(super) fn marks(message: &Message) -> String {
    let mut marks = Vec::new();
    if message.kind == "sms" {
        marks.push("SMS");
    }
    if message.flash {
        marks.push("flash");
    }
    if !message.missing_segments.is_empty() {
        marks.push("incomplete");
    }
    if message.historic {
        marks.push("old");
    }
    marks.join(", ")
}

/// Who it is from or to.
pub(super) fn party(message: &Message) -> String {
    if message.direction == "in" {
        let from = message.from.as_deref().unwrap_or("a hidden number");
        return format!("from {}", plain(from, false));
    }
    let to: Vec<&str> =
        message.recipients.iter().map(|recipient| recipient.address.as_str()).collect();
    format!("to {}", plain(&to.join(", "), false))
}

/// A part in one line.
pub(super) fn part_line(part: &Part) -> String {
    let name = part.filename.clone().unwrap_or_else(|| format!("part {}", part.index));
    let octets = u64::try_from(part.size).unwrap_or(u64::MAX);
    format!("{}  {}  {}", plain(&name, false), plain(&part.content_type, false), size(octets))
}

/// Whether a part is a file rather than the text or the presentation.
pub(super) fn is_file(part: &Part) -> bool {
    part.content_type != "application/smil" && part.content_type != "text/plain"
}

/// A fault in one sentence with its hint.
pub(super) fn fault(fault: &Fault) -> String {
    format!("{fault}")
}

/// `2026-11-21 02:40:11Z` of an RFC 3339 time.
pub(super) fn short_time(time: &str) -> String {
    match time.get(..19) {
        Some(head) => format!("{}Z", head.replace('T', " ")),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_text_cannot_command_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc", false), "a [2Jb c");
        assert_eq!(plain("a\r\nb", true), "a\nb");
        assert_eq!(plain("x\u{202e}y", false), "x y");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(short_time("2026-11-21T02:40:11.123Z"), "2026-11-21 02:40:11Z");
    }
}
