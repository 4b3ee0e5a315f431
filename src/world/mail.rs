//! What came, as e-mail: composed anew for each attempt under the same Message-Id, and handed to the
//! mail server (RFC 5321). A refusal of a mail with 5yz is final; whatever else goes wrong, the login
//! among it, is tried again.

use std::time::{Duration, SystemTime};

use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use sha2::{Digest, Sha256};

use super::{event, runner};
use crate::gateway::{Gateway, MailConfig, SmtpConfig, SmtpTls};
use crate::model::MessageId;
use crate::store::{Delivery, StoreError};

/// How long the server may take for each of its answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long handing over one mail may take in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(300);
/// Octets of a mail besides its parts: heads, boundaries and the text about it.
const OVERHEAD: usize = 4 * 1024;
/// Characters of a subject.
const MAX_SUBJECT: usize = 200;
/// Octets of a text that stand in the mail itself.
const MAX_TEXT: usize = 64 * 1024;

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MailError {
    /// The three digits of the server's reply.
    pub(super) code: Option<u16>,
    /// For people, with the server's own words.
    pub(super) reason: String,
    /// The server refuses this mail for good.
    pub(super) is_final: bool,
}

/// The id of the endpoint of one address; the address itself is nobody's business in a log.
pub(super) fn endpoint_id(name: &str, address: &str) -> String {
    let hash = hex::encode(Sha256::digest(address.as_bytes()));
    format!("mail:{name}:{}", hash.get(..8).unwrap_or_default())
}

/// Hands what is told of an event to the mail server; answers what that said.
///
/// # Errors
/// [`MailError`].
pub(super) async fn deliver(
    gateway: &Gateway,
    smtp: &SmtpConfig,
    mail: &MailConfig,
    to: &str,
    delivery: &Delivery,
) -> Result<(u16, String), MailError> {
    let later = |reason: String| MailError { code: None, reason, is_final: false };
    let letter = Letter::gather(gateway, delivery).await.map_err(|it| later(it.to_string()))?;
    let octets = letter.compose(smtp, mail, to).map_err(later)?;
    match tokio::time::timeout(TOTAL_LIMIT, hand_over(smtp, to, &octets)).await {
        Ok(result) => result,
        Err(_) => {
            Err(later(format!("{}: not done within {} s", smtp.server, TOTAL_LIMIT.as_secs())))
        }
    }
}

async fn hand_over(smtp: &SmtpConfig, to: &str, octets: &[u8]) -> Result<(u16, String), MailError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| MailError {
        code: None,
        reason: format!("{} port {}, {what}: {error}", smtp.server, smtp.port),
        is_final: false,
    };
    let parameters = || {
        let mut builder = TlsParameters::builder(smtp.server.clone());
        for authority in &smtp.authorities {
            builder = builder.add_root_certificate(Certificate::from_der(authority.clone())?);
        }
        builder.build_rustls()
    };
    let parameters = match smtp.tls {
        SmtpTls::None => None,
        SmtpTls::Implicit | SmtpTls::StartTls => {
            Some(parameters().map_err(|error| failed("its certificate", &error))?)
        }
    };
    let (at_once, after) = match smtp.tls {
        SmtpTls::Implicit => (parameters, None),
        _ => (None, parameters),
    };
    let from: Address = smtp.from.parse().map_err(|error| failed("the sender", &error))?;
    let recipient: Address = to.parse().map_err(|error| failed("the recipient", &error))?;
    let envelope = Envelope::new(Some(from), vec![recipient])
        .map_err(|error| failed("the addresses", &error))?;
    let hello = client_id();
    let server = (smtp.server.as_str(), smtp.port);
    let answered = |what: &str, error: lettre::transport::smtp::Error, is_final: bool| MailError {
        code: error.status().map(Into::into),
        is_final: is_final && error.is_permanent(),
        ..failed(what, &error)
    };
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(server, Some(ANSWER_LIMIT), &hello, at_once, None)
            .await
            .map_err(|error| answered("connecting", error, false))?;
    if let Some(parameters) = after {
        connection
            .starttls(parameters, &hello)
            .await
            .map_err(|error| answered("STARTTLS", error, false))?;
    }
    if let Some((user, password)) = &smtp.login {
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        if let Err(error) =
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await
        {
            connection.abort().await;
            return Err(answered("the login (user and password under [smtp])", error, false));
        }
    }
    let said = connection
        .send(&envelope, octets)
        .await
        .map_err(|error| answered("the mail", error, true))?;
    // It has it: how it says goodbye changes nothing.
    connection.abort().await;
    Ok((said.code().into(), said.message().collect::<Vec<_>>().join(" ")))
}

/// How this machine calls itself: by its whole name, else by an address literal, as those must who
/// have none (RFC 5321 clause 4.1.4).
fn client_id() -> ClientId {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    if name.contains('.') && name.chars().all(plain) {
        ClientId::Domain(name)
    } else {
        ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST)
    }
}

/// What a mail says.
struct Letter {
    event_id: String,
    kind: String,
    at: SystemTime,
    message: Option<String>,
    from: Option<String>,
    subject: String,
    /// Names and values above the text.
    facts: Vec<(&'static str, String)>,
    text: String,
    attachments: Vec<(String, String, Vec<u8>)>,
}

impl Letter {
    async fn gather(gateway: &Gateway, delivery: &Delivery) -> Result<Self, StoreError> {
        let millis = u64::try_from(delivery.event_at.as_millis()).unwrap_or(0);
        let mut letter = Self {
            event_id: delivery.event_id.clone(),
            kind: delivery.kind.clone(),
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
            message: delivery.message.clone(),
            from: None,
            subject: delivery.kind.clone(),
            facts: vec![("Event", delivery.kind.clone()), ("Time", delivery.event_at.to_string())],
            text: String::new(),
            attachments: Vec::new(),
        };
        let json: serde_json::Value = serde_json::from_str(&delivery.body).unwrap_or_default();
        for (name, field) in [("Recipient", "recipient"), ("Status", "state")] {
            if let Some(value) = json["data"][field].as_str() {
                letter.facts.push((name, value.to_owned()));
            }
        }
        let id: Option<MessageId> = delivery.message.as_deref().and_then(|id| id.parse().ok());
        let view = match &id {
            Some(id) => gateway.message(id).await?,
            None => None,
        };
        let Some(view) = view else {
            let data = serde_json::to_string_pretty(&json["data"]).unwrap_or_default();
            letter.text = data.chars().take(MAX_TEXT / 4).collect();
            return Ok(letter);
        };
        let summary = &view.summary;
        let from = summary.from.as_ref().map(ToString::to_string);
        let what = summary.kind.as_str().to_ascii_uppercase();
        letter.subject = match (&from, delivery.kind.as_str()) {
            (Some(from), _) => format!("{what} from {from}"),
            (None, "message.received" | "sms.received") => format!("{what} without a sender"),
            (None, kind) => format!("{what}: {kind}"),
        };
        if let Some(subject) = &summary.subject {
            letter.subject.push_str(&format!(": {subject}"));
        }
        let to: Vec<String> = view.inbound_to.iter().map(ToString::to_string).collect();
        for (name, value) in [
            ("From", from.clone()),
            ("To", (!to.is_empty()).then(|| to.join(", "))),
            ("Subject", summary.subject.clone()),
            ("Sent", summary.sent_at.map(|at| at.to_string())),
            ("Modem", summary.modem.clone()),
            ("Message", Some(summary.id.to_string())),
        ] {
            if let Some(value) = value {
                letter.facts.push((name, value));
            }
        }
        letter.from = from;
        let whole = event::text(gateway, &view).await?;
        letter.text = whole.or_else(|| summary.text.clone()).unwrap_or_default();
        let mut text_is_told = false;
        for (number, info) in (1..).zip(&summary.parts) {
            let media_type = info.media_type.as_str();
            let is_text = media_type == "text/plain" && !text_is_told && info.size <= MAX_TEXT;
            text_is_told |= is_text;
            // How a phone lays it out on its screen says nothing in a mail.
            if is_text || media_type == "application/smil" {
                continue;
            }
            let Some(part) = gateway.part(&summary.id, info.index).await? else { continue };
            let name = info.name.as_deref().map(plain_name).filter(|name| !name.is_empty());
            let name = name
                .unwrap_or_else(|| format!("part{number}.{}", runner::extension(&info.media_type)));
            letter.attachments.push((name, media_type.to_owned(), part.body.to_vec()));
        }
        Ok(letter)
    }

    /// The mail as it goes over the wire, within its size.
    fn compose(self, smtp: &SmtpConfig, mail: &MailConfig, to: &str) -> Result<Vec<u8>, String> {
        let mut size = OVERHEAD + self.text.len() * 2;
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for (name, media_type, octets) in self.attachments {
            // Base64 with its line ends, and the head of the part.
            let encoded = octets.len().div_ceil(57) * 78 + 512;
            if size + encoded > mail.max_size {
                left_out.push(format!("{name} ({} KB)", octets.len().div_ceil(1024)));
                continue;
            }
            size += encoded;
            kept.push((name, media_type, octets));
        }
        let mut text = String::new();
        for (name, value) in &self.facts {
            text.push_str(&format!("{name}: {}\n", one_line(value)));
        }
        if !left_out.is_empty() {
            text.push_str(&format!(
                "Left out, since a mail may have {} KB (max_size_kb): {}. The gateway's page and its \
                 API have them.\n",
                mail.max_size / 1024,
                left_out.join(", ")
            ));
        }
        text.push('\n');
        text.push_str(&self.text);
        let from: Address = smtp.from.parse().map_err(|error| format!("from: {error}"))?;
        let domain = from.domain().to_owned();
        let name = self.from.as_deref().map(one_line).filter(|name| !name.is_empty());
        let to: Address = to.parse().map_err(|error| format!("to: {error}"))?;
        let subject: String = one_line(&self.subject).chars().take(MAX_SUBJECT).collect();
        let header = |name: &'static str, value: String| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
        };
        let builder = Message::builder()
            .from(Mailbox::new(name, from))
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(self.at)
            .message_id(Some(format!("<{}.{}@{domain}>", self.event_id, mail.name)))
            // Nobody's absence is to be told to the gateway (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
            .raw_header(header("X-MM1Gate-Event", self.kind))
            .raw_header(header("X-MM1Gate-Message", self.message.unwrap_or_default()));
        let plain = SinglePart::plain(text);
        let composed = if kept.is_empty() {
            builder.singlepart(plain)
        } else {
            let mut parts = MultiPart::mixed().singlepart(plain);
            for (name, media_type, octets) in kept {
                let content_type = ContentType::parse(&media_type)
                    .or_else(|_| ContentType::parse("application/octet-stream"))
                    .map_err(|error| error.to_string())?;
                parts = parts.singlepart(Attachment::new(name).body(octets, content_type));
            }
            builder.multipart(parts)
        };
        composed.map(|mail| mail.formatted()).map_err(|error| error.to_string())
    }
}

/// Text that stays in its line, whoever wrote it.
fn one_line(text: &str) -> String {
    let pieces = text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    pieces.map(str::trim).filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A name that no mail program takes for a path.
fn plain_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' }
    };
    let name: String = name.chars().take(100).map(safe).collect();
    name.trim_start_matches(['.', ' ']).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp() -> SmtpConfig {
        SmtpConfig {
            server: "127.0.0.1".to_owned(),
            port: 25,
            tls: SmtpTls::None,
            login: None,
            from: "mms@shop.example".to_owned(),
            authorities: Vec::new(),
        }
    }

    fn mail(max_size: usize) -> MailConfig {
        MailConfig {
            name: "orders".to_owned(),
            to: vec!["ann@example.com".to_owned()],
            events: Vec::new(),
            max_size,
        }
    }

    fn letter(evil: &str, attachments: &[(&str, usize)]) -> Letter {
        Letter {
            event_id: "evt_1".to_owned(),
            kind: "message.received".to_owned(),
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            message: Some("msg_1".to_owned()),
            from: Some(format!("+447700900123{evil}")),
            subject: format!("MMS from +447700900123: Grüße{evil}"),
            facts: vec![("Subject", format!("Grüße{evil}"))],
            text: format!("Hello{evil}"),
            attachments: attachments
                .iter()
                .map(|(name, size)| {
                    let name = plain_name(&format!("{name}{evil}"));
                    (name, format!("image/jpeg{evil}"), vec![0xff; *size])
                })
                .collect(),
        }
    }

    #[test]
    fn no_field_of_a_message_becomes_a_header() {
        let evil = "\r\nBcc: all@example.com\r\n\r\nbody\u{2028}\u{0}\";x=y\\";
        let octets = letter(evil, &[("a.jpg", 10)]).compose(&smtp(), &mail(100_000), "a@b.example");
        let text = String::from_utf8(octets.unwrap()).expect("ASCII");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name)
            .collect();
        let known = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "X-MM1Gate-Event",
            "X-MM1Gate-Message",
            "MIME-Version",
            "Content-Type",
        ];
        for name in &names {
            assert!(known.contains(name), "{name} in {head}");
        }
        assert_eq!(names.len(), known.len(), "{head}");
        // What stands in the text of the message may stand in the text of the mail, in its own part.
        for part in text.split("\r\n--").skip(1) {
            let head = part.split("\r\n\r\n").next().unwrap_or_default();
            assert!(!head.contains("\r\nBcc:"), "{head}");
        }
        // Bare ends of line end a line for some servers (SMTP smuggling).
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
        assert!(text.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn parts_beyond_the_size_are_left_out_and_named() {
        let parts = [("small.jpg", 1_000), ("large.jpg", 60_000), ("last.jpg", 1_000)];
        let octets = letter("", &parts).compose(&smtp(), &mail(32 * 1024), "a@b.example").unwrap();
        assert!(octets.len() <= 32 * 1024, "{}", octets.len());
        let text = String::from_utf8(octets).unwrap();
        assert!(text.contains("small.jpg\"") && text.contains("last.jpg\""), "{text}");
        assert!(!text.contains("large.jpg\""));
        assert!(text.contains("large.jpg (59 KB)"), "{text}");
    }

    #[test]
    fn id_of_a_mail_is_the_same_in_every_attempt() {
        let id = || {
            let octets = letter("", &[]).compose(&smtp(), &mail(32 * 1024), "a@b.example").unwrap();
            let text = String::from_utf8(octets).unwrap();
            text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned()
        };
        assert_eq!(id(), "Message-ID: <evt_1.orders@shop.example>");
        assert_eq!(id(), id());
        assert_ne!(endpoint_id("orders", "a@b"), endpoint_id("orders", "c@d"));
    }
}
