//! Hiding personal data in logs, traces and metrics (numbers, IMSI, IMEI, PIN, passwords).

/// Keeps enough of a number to recognise it: the first four characters and the last two.
#[must_use]
pub fn number(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= 6 {
        return "*".repeat(characters.len());
    }
    let head: String = characters[..4].iter().collect();
    let tail: String = characters[characters.len() - 2..].iter().collect();
    format!("{head}{}{tail}", "*".repeat(characters.len() - 6))
}

/// Replaces every run of six or more digits (with an optional `+`) in free text.
#[must_use]
pub fn digits_in(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() || (character == '+' && run.is_empty()) {
            run.push(character);
            continue;
        }
        flush(&mut run, &mut out);
        out.push(character);
    }
    flush(&mut run, &mut out);
    out
}

fn flush(run: &mut String, out: &mut String) {
    if run.trim_start_matches('+').len() >= 6 {
        out.push_str(&number(run));
    } else {
        out.push_str(run);
    }
    run.clear();
}

/// A value that must never be printed: `Debug` shows only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "***" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_digit_runs_in_text_are_masked() {
        assert_eq!(digits_in("AT+CIMI 262011234567890 ok 42"), "AT+CIMI 2620*********90 ok 42");
        assert_eq!(digits_in("to +447700900123"), "to +447*******23");
    }

    #[test]
    fn secret_debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("1234")), "***");
    }
}
