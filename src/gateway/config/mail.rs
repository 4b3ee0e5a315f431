//! `[smtp]` and `[[mail]]`: the mail server, and who gets what came as e-mail.

use serde::Deserialize;

use super::world::{authorities, check_event};
use super::{ConfigError, MAX_NAME, value};
use crate::model::redact::Secret;

/// Most `[[mail]]` tables.
const MAX_MAILS: usize = 16;
/// Most addresses of one of them.
const MAX_TO: usize = 20;
/// Longest e-mail address (RFC 5321 clause 4.5.3.1.3, without its brackets).
const MAX_ADDRESS: usize = 254;
/// Longest user name or password.
const MAX_CREDENTIAL: usize = 256;
/// What is forwarded unless the owner says.
const USUAL: [&str; 3] = ["message.received", "message.missed", "sms.received"];

/// How e-mail is handed to the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Its name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How it is encrypted.
    pub tls: SmtpTls,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// The address that mail comes from.
    pub from: String,
    /// Authorities (DER) that are trusted beside Mozilla's.
    pub authorities: Vec<Vec<u8>>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// From its first octet (RFC 8314), usually at port 465.
    Implicit,
    /// After STARTTLS (RFC 3207), which must succeed.
    StartTls,
    /// Not at all.
    None,
}

/// Who gets what by e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// Its name for people.
    pub name: String,
    /// The addresses; each gets a mail of its own.
    pub to: Vec<String>,
    /// Types of events that are told.
    pub events: Vec<String>,
    /// Octets of a mail as it is sent; parts beyond are left out and named.
    pub max_size: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSmtp {
    server: Option<String>,
    port: Option<i64>,
    tls: Option<String>,
    user: Option<String>,
    password: Option<String>,
    from: Option<String>,
    ca_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMail {
    name: Option<String>,
    #[serde(default)]
    to: Vec<String>,
    events: Option<Vec<String>>,
    max_size_kb: Option<i64>,
}

pub(super) fn check(
    file: &str,
    smtp: Option<RawSmtp>,
    raw: Vec<RawMail>,
) -> Result<(Option<SmtpConfig>, Vec<MailConfig>), ConfigError> {
    let smtp = smtp.map(|smtp| check_smtp(file, smtp)).transpose()?;
    if raw.len() > MAX_MAILS {
        let expected = format!("at most {MAX_MAILS} such tables");
        return Err(value(file, "mail".to_owned(), &raw.len().to_string(), &expected));
    }
    if smtp.is_none() && !raw.is_empty() {
        return Err(ConfigError::Missing {
            file: file.to_owned(),
            key: "smtp".to_owned(),
            expected: "a table [smtp] with the mail server, since [[mail]] is to go by it"
                .to_owned(),
        });
    }
    let mut mails: Vec<MailConfig> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let mail = check_mail(file, index, raw)?;
        if mails.iter().any(|other| other.name == mail.name) {
            let expected = "every [[mail]] needs a name of its own";
            return Err(value(file, format!("mail[{index}].name"), &mail.name, expected));
        }
        mails.push(mail);
    }
    Ok((smtp, mails))
}

fn check_smtp(file: &str, raw: RawSmtp) -> Result<SmtpConfig, ConfigError> {
    let key = |name: &str| format!("smtp.{name}");
    let missing = |name: &str, expected: &str| ConfigError::Missing {
        file: file.to_owned(),
        key: key(name),
        expected: expected.to_owned(),
    };
    let server = raw
        .server
        .filter(|server| !server.is_empty())
        .ok_or_else(|| missing("server", "the mail server, for example \"mail.example.com\""))?;
    let host = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if server.len() > 253 || !server.chars().all(host) {
        let expected = "the name or the address of the server; its port stands in `port`";
        return Err(value(file, key("server"), &server, expected));
    }
    let (tls, usual) = match raw.tls.as_deref() {
        Some("tls") => (SmtpTls::Implicit, 465),
        None | Some("starttls") => (SmtpTls::StartTls, 587),
        Some("none") => (SmtpTls::None, 25),
        Some(other) => {
            let expected =
                "\"tls\" (from the beginning, port 465), \"starttls\" (port 587) or \"none\"";
            return Err(value(file, key("tls"), other, expected));
        }
    };
    let port = match raw.port {
        None => usual,
        Some(port) => u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
            value(file, key("port"), &port.to_string(), "a number from 1 to 65535")
        })?,
    };
    let tls = if raw.tls.is_none() && port == 465 { SmtpTls::Implicit } else { tls };
    let plain = |name: &str, text: String| {
        if text.is_empty() || text.len() > MAX_CREDENTIAL || text.chars().any(char::is_control) {
            let expected = format!("1 to {MAX_CREDENTIAL} octets without control characters");
            return Err(value(file, key(name), "***", &expected));
        }
        Ok(text)
    };
    let login = match (raw.user, raw.password) {
        (None, None) => None,
        (Some(user), Some(password)) => {
            Some((plain("user", user)?, Secret::new(plain("password", password)?)))
        }
        (Some(_), None) => return Err(missing("password", "user needs its password")),
        (None, Some(_)) => return Err(missing("user", "password needs its user")),
    };
    if login.is_some() && tls == SmtpTls::None {
        let expected = "\"tls\" or \"starttls\": a password is not sent for everybody to read";
        return Err(value(file, key("tls"), "none", expected));
    }
    let from = raw.from.ok_or_else(|| {
        missing("from", "the address that mail comes from, for example \"mms@shop.example\"")
    })?;
    check_address(&from).map_err(|expected| value(file, key("from"), &from, expected))?;
    let authorities = match &raw.ca_file {
        Some(name) => authorities(file, "smtp.ca_file", name)?,
        None => Vec::new(),
    };
    Ok(SmtpConfig { server, port, tls, login, from, authorities })
}

fn check_mail(file: &str, index: usize, raw: RawMail) -> Result<MailConfig, ConfigError> {
    let key = |name: &str| format!("mail[{index}].{name}");
    let name = raw.name.unwrap_or_else(|| format!("mail{}", index + 1));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let expected = "letters, digits, '-', '_' and '.', at most 32";
        return Err(value(file, key("name"), &name, expected));
    }
    if raw.to.is_empty() {
        return Err(ConfigError::Missing {
            file: file.to_owned(),
            key: key("to"),
            expected: "who gets it, for example [\"shop@example.com\"]".to_owned(),
        });
    }
    if raw.to.len() > MAX_TO {
        let expected = format!("at most {MAX_TO} addresses");
        return Err(value(file, key("to"), &raw.to.len().to_string(), &expected));
    }
    let mut to: Vec<String> = Vec::with_capacity(raw.to.len());
    for (at, address) in raw.to.into_iter().enumerate() {
        check_address(&address)
            .map_err(|expected| value(file, key(&format!("to[{at}]")), &address, expected))?;
        if !to.contains(&address) {
            to.push(address);
        }
    }
    let events = raw.events.unwrap_or_else(|| USUAL.map(str::to_owned).to_vec());
    if events.is_empty() {
        return Err(value(file, key("events"), "[]", "at least one event, or no such table"));
    }
    for (at, kind) in events.iter().enumerate() {
        check_event(kind)
            .map_err(|expected| value(file, key(&format!("events[{at}]")), kind, &expected))?;
    }
    let kilobytes = raw.max_size_kb.unwrap_or(10_240);
    let max_size = usize::try_from(kilobytes)
        .ok()
        .filter(|size| (16..=102_400).contains(size))
        .map(|size| size * 1024)
        .ok_or_else(|| {
            let expected = "a number of KB from 16 to 102400";
            value(file, key("max_size_kb"), &kilobytes.to_string(), expected)
        })?;
    Ok(MailConfig { name, to, events, max_size })
}

/// What every mail server takes; what only the rarest have, quoted names for one, is left out.
fn check_address(text: &str) -> Result<(), &'static str> {
    let expected = "one e-mail address, for example shop@example.com";
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
    let host = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let Some((local, domain)) = text.rsplit_once('@') else { return Err(expected) };
    let dotted = |text: &str| text.split('.').all(|piece| !piece.is_empty());
    let good = text.len() <= MAX_ADDRESS
        && local.len() <= 64
        && local.chars().all(atom)
        && domain.chars().all(host)
        && dotted(local)
        && dotted(domain);
    if good { Ok(()) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_single_and_plain() {
        for good in ["a@b", "shop+mms@example.com", "o'neil@example.co.uk"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in
            ["", "a", "@b", "a@", "a b@c", "a@b\r\nBcc: x@y", "a@b,c@d", "<a@b>", ".a@b", "a@b..c"]
        {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
