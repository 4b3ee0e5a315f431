//! `mm1gate show`: everything about one message, and its parts as files.

use std::path::PathBuf;

use super::client::in_path;
use super::error::{CliError, Exit};
use super::save;
use super::session::{ConfigArg, Session};
use super::term::{self, Paint, plain};
use crate::api::view::{Message, WaitingFor};

/// Which message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate show msg_01k9zq4m3r8x0v5t2n7c6b1d4f --save pictures/")]
pub(super) struct Args {
    /// The message's id, as inbox and outbox print it
    id: String,
    /// Save its parts as files in this folder; files that exist are kept
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Shows the message.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    super::block_on(async {
        let session = Session::open_for_reading(&args.config).await?;
        let result = show(&session, args).await;
        session.close().await;
        result
    })
}

async fn show(session: &Session, args: &Args) -> Result<(), CliError> {
    let path = format!("/api/v1/messages/{}", in_path(&args.id));
    let message: Message = session.client().get(&path).await?;
    let mut saved = Vec::new();
    if let Some(dir) = &args.save {
        save::folder(dir)?;
        for part in &message.parts {
            let octets = session.client().octets(&part.url).await?;
            let fallback = format!("part-{}", part.index);
            let (name, kind) = (part.filename.as_deref(), &part.content_type);
            saved.push(save::save(dir, name, &fallback, kind, &octets)?);
        }
    }
    if args.json {
        let mut value = serde_json::to_value(&message)
            .map_err(|error| CliError::new(Exit::Software, error.to_string()))?;
        if args.save.is_some()
            && let Some(object) = value.as_object_mut()
        {
            let paths = saved.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
            object.insert("saved".to_owned(), paths.into());
        }
        return term::json(&value);
    }
    let mut text = describe(&message, Paint::stdout());
    for path in saved {
        text.push_str(&format!("Saved {}\n", path.display()));
    }
    term::print(&text)
}

fn describe(message: &Message, paint: Paint) -> String {
    let mut out = format!(
        "{}  {}  {}\n",
        paint.bold(&message.id),
        paint.state(&message.state),
        term::party(message)
    );
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("  {} {}\n", paint.dim(&format!("{name:<12}")), value));
        }
    };
    let detail = message.detail.as_ref();
    line("kind", Some(term::marks(message)).filter(|marks| !marks.is_empty()));
    line("sent", message.sent_at.as_deref().map(term::short_time));
    line("created", Some(term::short_time(&message.created_at)));
    line("updated", Some(term::short_time(&message.updated_at)));
    line("modem", message.modem.as_deref().map(|modem| plain(modem, false)));
    line("subject", message.subject.as_deref().map(|subject| plain(subject, false)));
    line(
        "text",
        message
            .text
            .as_deref()
            .map(|text| plain(text.trim_end(), true).replace('\n', "\n               ")),
    );
    line("reference", message.client_ref.as_deref().map(|text| plain(text, false)));
    line(
        "length",
        message.segments.filter(|segments| *segments > 1).map(|segments| format!("{segments} SMS")),
    );
    // The text of an SMS stands above already.
    for part in message.parts.iter().filter(|part| message.kind != "sms" || term::is_file(part)) {
        line(
            &format!("part {}", part.index),
            Some(format!("{}\n               sha256 {}", term::part_line(part), part.sha256)),
        );
    }
    for recipient in &message.recipients {
        let report = recipient.report.as_deref().map_or_else(String::new, |report| {
            format!(" (delivery report: {})", plain(report, false))
        });
        line(
            "recipient",
            Some(format!(
                "{}  {}{report}",
                plain(&recipient.address, false),
                paint.state(&recipient.state)
            )),
        );
    }
    line("fault", message.fault.as_ref().map(|fault| plain(&term::fault(fault), false)));
    if let Some(detail) = detail {
        line("waits for", detail.waiting_for.as_ref().map(|it| waiting(it, &message.id)));
        // Until its modem is back no time means anything.
        let next = detail.next_attempt_at.as_deref().filter(|_| detail.waiting_for.is_none());
        line("next attempt", next.map(term::short_time));
        if !detail.timeline.is_empty() {
            out.push_str(&format!("  {}\n", paint.dim("timeline")));
        }
        for entry in &detail.timeline {
            out.push_str(&format!(
                "    {}  {:<12} {}\n",
                paint.dim(&entry.at),
                entry.state,
                plain(&entry.text, false)
            ));
        }
    }
    out
}

/// The modem that a message waits for, and who else could send it.
fn waiting(waiting: &WaitingFor, id: &str) -> String {
    let since = term::short_time(&waiting.since);
    let mut text = format!("modem {}, {} since {since}", waiting.modem, waiting.condition);
    if let Some(other) = waiting.others.first() {
        text.push_str(&format!(
            "\n               mm1gate resend {id} --modem {other} sends it from another number"
        ));
    }
    plain(&text, true)
}
