//! `mm1gate resend`: a message once more, or by another modem than the one that it waits for.

use serde_json::json;

use super::client::in_path;
use super::error::CliError;
use super::session::{ConfigArg, Session};
use super::{block_on, term};
use crate::api::view::Message;

/// Which message, and by which modem.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate resend msg_01k9zq4m3r8x0v5t2n7c6b1d4f\n  \
    mm1gate resend msg_01k9zq4m3r8x0v5t2n7c6b1d4f --modem back-office\n\n\
    A message that is `unknown` may have arrived: ask the recipient first. With --modem the recipient\n\
    sees the number of the SIM in that modem; a message that waits for a modem that is away never\n\
    changes its number by itself. The gateway must run.")]
pub(super) struct Args {
    /// The message's id, as inbox and outbox print it
    id: String,
    /// Send it by this modem; needed for a message that still waits
    #[arg(long, value_name = "NAME")]
    modem: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Queues it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_running(&args.config).await?;
        let path = format!("/api/v1/messages/{}/retry", in_path(&args.id));
        let body = json!({ "modem": args.modem });
        let message = session.client().post::<Message>(&path, &body).await?;
        told(&message, args.json)
    })
}

/// What became of it.
pub(super) fn told(message: &Message, json: bool) -> Result<(), CliError> {
    if json {
        return term::json(message);
    }
    let modem = message.modem.as_deref().map_or_else(String::new, |name| format!("  by {name}"));
    term::print(&format!("{}  {}{}\n", message.id, message.state, term::plain(&modem, false)))
}
