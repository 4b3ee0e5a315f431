//! `mm1gate send`: hands a message to the running gateway, or runs one modem for it.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::capture::Recording;
use super::error::{CliError, Exit};
use super::follow::{self, Output, Patience, Progress};
use super::session::{ConfigArg, PortArgs, Session};
use super::{serve, term};
use crate::api::view::{Message, TextCost};
use crate::model::{Address, Kind};

/// Largest file taken, octets: well above every operator's limit, and it passes the API's.
const MAX_FILE: u64 = 10 * 1024 * 1024;

/// What to send, to whom, and how to wait.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate send --to +447700900123 --text 'Ready to collect' --file cake.jpg --wait\n  \
    mm1gate send --to +447700900123 --file cake.jpg --port auto\n  \
    mm1gate send --sms --to +447700900123 --text 'Your cake is ready' --wait\n  \
    mm1gate send --sms --to +447700900123 --text 'See you at ten' --send-at 2026-12-24T08:00:00Z --validity 2h")]
pub(super) struct Args {
    /// Recipient: a number in international form, a short code or an e-mail address; may be repeated
    #[arg(long, required_unless_present = "count", value_name = "NUMBER")]
    to: Vec<String>,
    /// Send a plain SMS: text and nothing else, no data call
    #[arg(long, conflicts_with_all = ["subject", "file", "group"])]
    sms: bool,
    /// With --sms: say how many SMS the text takes, and send nothing
    #[arg(long, requires = "sms", conflicts_with = "wait")]
    count: bool,
    /// Subject line
    #[arg(long)]
    subject: Option<String>,
    /// Text; `-` reads it from standard input
    #[arg(long)]
    text: Option<String>,
    /// Picture or other file; may be repeated
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// One message for all recipients, who see each other (otherwise one each)
    #[arg(long)]
    group: bool,
    /// Ask for a delivery report (an SMS asks for one unless told not to)
    #[arg(long)]
    report: bool,
    /// With --sms: ask for no delivery report
    #[arg(long, requires = "sms", conflicts_with = "report")]
    no_report: bool,
    /// Your own reference, kept with the message
    #[arg(long = "ref", value_name = "TEXT")]
    reference: Option<String>,
    /// Send by this modem of the running gateway; otherwise by any that can
    #[arg(long, value_name = "NAME", conflicts_with = "port")]
    modem: Option<String>,
    /// Send by this route of the running gateway; otherwise by the one that fits
    #[arg(long, value_name = "NAME", conflicts_with_all = ["port", "modem"])]
    route: Option<String>,
    /// Send from this number of yours: by the modem that has it as `own_number`, or a route that names it
    #[arg(long, value_name = "NUMBER", conflicts_with = "port")]
    from: Option<String>,
    /// How urgent it is: `low`, `normal` or `high`, which passes quiet hours [default: normal]
    #[arg(long, value_name = "WORD", value_parser = ["low", "normal", "high"])]
    priority: Option<String>,
    /// Not before this time, such as 2026-12-24T18:00:00Z (RFC 3339); a gateway has to run then
    #[arg(long, value_name = "TIME", conflicts_with_all = ["port", "wait"])]
    send_at: Option<String>,
    /// How long it is of use, such as 90m, 2h or 3d: not delivered later
    #[arg(long, value_name = "TIME", value_parser = validity)]
    validity: Option<u64>,
    /// Wait until the operator has it, showing each stage
    #[arg(long)]
    wait: bool,
    /// With --wait or --port: go on trying, but wait no longer than this; the message is kept
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    port: PortArgs,
}

impl Args {
    const fn kind(&self) -> Kind {
        if self.sms { Kind::Sms } else { Kind::Mms }
    }
}

/// The answer to a message that was taken.
#[derive(Deserialize)]
pub(super) struct Accepted {
    pub(super) id: String,
    pub(super) state: String,
    /// Of an SMS: how many it takes for each recipient.
    segments: Option<usize>,
    /// Who does not get it, while the others do.
    #[serde(default)]
    refused: Vec<Refused>,
}

impl Accepted {
    /// Says who does not get it.
    pub(super) fn note_refused(&self) {
        for one in &self.refused {
            term::note(&format!("not sent: {}", term::plain(&one.detail, false)));
        }
    }

    /// The same for programs.
    pub(super) fn told(&self) -> Value {
        let mut told = json!({ "id": self.id, "state": self.state });
        if let Some(segments) = self.segments {
            told["segments"] = segments.into();
        }
        if !self.refused.is_empty() {
            told["refused"] = json!(self.refused);
        }
        told
    }
}

#[derive(Serialize, Deserialize)]
struct Refused {
    address: String,
    code: String,
    detail: String,
}

/// Sends.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    super::block_on(async {
        if args.count {
            return count(args).await;
        }
        let body = body(args)?;
        let mut recording = None;
        let session = Session::open_for_sending(&args.config, &args.port, args.kind(), || {
            let begun = Recording::begin(args.port.pcap.as_deref())?;
            Ok(recording.insert(begun).tap())
        })
        .await?;
        let result = if session.is_own() {
            // The modem must not be left in a data call.
            let stop = serve::stop_signal()?;
            let result = tokio::select! {
                biased;
                () = stop.cancelled() => Err(CliError::new(Exit::TempFail, "interrupted")),
                result = send(&session, args, &body) => result,
            };
            result.map_err(|error| match error.exit {
                Exit::TempFail => error.remedy(
                    "mm1gate serve; the message stays in the store and is sent when a gateway runs",
                ),
                _ => error,
            })
        } else {
            send(&session, args, &body).await
        };
        session.close().await;
        let written = recording.map_or(Ok(()), Recording::end);
        result.and(written)
    })
}

async fn send(session: &Session, args: &Args, body: &Value) -> Result<(), CliError> {
    let client = session.client();
    // Listening begins first, so that no stage is missed.
    let mut events = client.events().await?;
    let accepted: Accepted = client.post("/api/v1/messages", body).await?;
    accepted.note_refused();
    // Nobody would send it when this process has the modem and ends.
    if !args.wait && !session.is_own() {
        if args.json {
            return term::json(&accepted.told());
        }
        if let Some(segments) = accepted.segments.filter(|segments| *segments > 1) {
            term::note(&format!("It takes {segments} SMS for each recipient."));
        }
        return term::print(&format!("{}\n", accepted.id));
    }
    let mut progress = Progress::new(Output::Notes);
    progress.line(&match accepted.segments {
        Some(segments) if segments > 1 => {
            format!("accepted as {}, {segments} SMS for each recipient", accepted.id)
        }
        _ => format!("accepted as {}", accepted.id),
    });
    let patience = match args.timeout {
        Some(seconds) => Patience::Limit(Duration::from_secs(seconds)),
        None if session.is_own() => Patience::FirstObstacle,
        None => Patience::Endless,
    };
    let message: Message =
        follow::until_settled(client, &mut events, &accepted.id, &mut progress, patience).await?;
    if args.json {
        term::json(&message)?;
    } else {
        term::print(&format!("{}  {}\n", message.id, message.state))?;
    }
    follow::verdict(&message)
}

fn body(args: &Args) -> Result<Value, CliError> {
    let mut to = Vec::new();
    for recipient in &args.to {
        // Found out here already, so that a mistyped number needs no daemon to be named.
        if let Err(error) = Address::parse_recipient(recipient) {
            return Err(CliError::new(
                Exit::Data,
                format!("recipient '{}': {error}", term::plain(recipient, false)),
            )
            .remedy("give the number in international form, such as +447700900123"));
        }
        to.push(recipient.as_str());
    }
    let text = text(args)?;
    let mut parts = Vec::new();
    for path in &args.file {
        parts.push(part(path)?);
    }
    if text.as_deref().is_none_or(|text| text.trim().is_empty()) && parts.is_empty() {
        return Err(if args.sms {
            CliError::new(Exit::Usage, "the SMS has no text").remedy("add --text 'Hello'")
        } else {
            CliError::new(Exit::Usage, "the message has neither text nor a file")
                .remedy("add --text 'Hello' or --file photo.jpg")
        });
    }
    // An SMS asks for a report unless told not to, an MMS the other way round.
    let report = if args.sms { !args.no_report } else { args.report };
    Ok(json!({
        "kind": args.kind().as_str(), "modem": args.modem, "to": to, "subject": args.subject,
        "text": text, "parts": parts, "group": args.group, "delivery_report": report,
        "client_ref": args.reference, "route": args.route, "from": args.from,
        "priority": args.priority, "send_at": args.send_at, "validity_seconds": args.validity,
    }))
}

/// Reads a time such as `90m`; seconds.
fn validity(text: &str) -> Result<u64, String> {
    let wrong = || "a number with s, m, h or d behind it, such as 90m, 2h or 3d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

fn text(args: &Args) -> Result<Option<String>, CliError> {
    if args.text.as_deref() != Some("-") {
        return Ok(args.text.clone());
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(|error| CliError::io(Exit::Io, "standard input", &error))?;
    Ok(Some(text))
}

/// Says what the text takes; nothing is sent.
async fn count(args: &Args) -> Result<(), CliError> {
    let Some(text) = text(args)? else {
        return Err(
            CliError::new(Exit::Usage, "there is no text to count").remedy("add --text 'Hello'")
        );
    };
    let session = Session::open_for_reading(&args.config).await?;
    let cost =
        session.client().post::<TextCost>("/api/v1/sms/count", &json!({ "text": text })).await;
    session.close().await;
    let cost = cost?;
    if args.json {
        return term::json(&cost);
    }
    let beyond = cost.beyond.iter().map(char::to_string).collect::<Vec<_>>().join(" ");
    let alphabet = match cost.encoding.as_str() {
        "gsm7" => "short alphabet".to_owned(),
        "gsm7-shift" => "short alphabet with a table of the language".to_owned(),
        _ if beyond.is_empty() => "long alphabet".to_owned(),
        _ => {
            format!("70 characters each instead of 160, because of {}", term::plain(&beyond, false))
        }
    };
    let too_long = if cost.segments > cost.limit {
        format!("; at most {} can be sent", cost.limit)
    } else {
        String::new()
    };
    term::print(&format!(
        "{} SMS ({alphabet}), room for {} more characters{too_long}\n",
        cost.segments, cost.left
    ))
}

fn part(path: &PathBuf) -> Result<Value, CliError> {
    let failed = |error: &std::io::Error| {
        CliError::io(Exit::NoInput, path.display(), error).remedy("check the path of --file")
    };
    let metadata = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(CliError::new(Exit::NoInput, format!("{} is not a file", path.display()))
            .remedy("check the path of --file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(CliError::new(
            Exit::Data,
            format!(
                "{} has {}, more than any operator takes",
                path.display(),
                term::size(metadata.len())
            ),
        )
        .remedy("make it smaller first; most operators take about 300 kB"));
    }
    let octets = std::fs::read(path).map_err(|error| failed(&error))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(json!({
        "filename": name,
        "data_base64": base64::engine::general_purpose::STANDARD.encode(octets),
    }))
}

#[cfg(test)]
mod tests {
    use super::validity;

    #[test]
    fn validity_is_a_number_with_its_unit() {
        for (text, expected) in [("90s", 90), ("90m", 5_400), ("2h", 7_200), ("3d", 259_200)] {
            assert_eq!(validity(text), Ok(expected));
        }
        for wrong in ["", "2", "h", "2 h", "-2h", "2w", "2\u{20ac}", "99999999999999999999d"] {
            assert!(validity(wrong).is_err(), "{wrong}");
        }
        assert!(validity(&format!("{}d", u64::MAX)).is_err());
    }
}
