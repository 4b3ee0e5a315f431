//! What `inbox` and `outbox` share: reading a list and printing it.

use super::error::CliError;
use super::session::{ConfigArg, Session};
use super::term::{self, Paint};
use crate::api::view::MessageList;

/// What to list.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// How many messages, the newest first
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
    /// Only messages older than this one (the `next` of an earlier list)
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Inbox,
    Outbox,
}

/// Prints the list.
pub(super) async fn run(args: Args, which: Which) -> Result<(), CliError> {
    let session = Session::open_for_reading(&args.config).await?;
    let list = read(&session, &args, which).await;
    session.close().await;
    let list = list?;
    if args.json {
        return term::json(&list);
    }
    if list.messages.is_empty() {
        term::note(match which {
            Which::Inbox => "No message has arrived yet.",
            Which::Outbox => "No message was sent yet. Try: mm1gate send --to NUMBER --text Hello",
        });
        return Ok(());
    }
    let paint = Paint::stdout();
    let mut text = String::new();
    for message in &list.messages {
        text.push_str(&term::summary(message, paint));
    }
    term::print(&text)?;
    if let Some(next) = &list.next {
        term::note(&format!("There are older ones: --after {next}"));
    }
    Ok(())
}

async fn read(session: &Session, args: &Args, which: Which) -> Result<MessageList, CliError> {
    let name = match which {
        Which::Inbox => "inbox",
        Which::Outbox => "outbox",
    };
    let mut path = format!("/api/v1/{name}?limit={}", args.limit);
    if let Some(after) = &args.after {
        path.push_str("&after=");
        path.push_str(&super::client::in_path(after));
    }
    session.client().get(&path).await
}
