//! `mm1gate resend`: a message once more, or by another modem than the one that it waits for.

use serde_json::{Value, json};

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
    #[command(flatten)]
    which: Which,
    /// Send it by this modem; needed for a message that still waits
    #[arg(long, value_name = "NAME")]
    modem: Option<String>,
}

/// The message that something is done with.
#[derive(clap::Args)]
pub(super) struct Which {
    /// The message's id, as inbox and outbox print it
    id: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArg,
}

impl Which {
    /// Has the gateway do `action` and tells what became of the message.
    pub(super) async fn act(
        &self,
        session: &Session,
        action: &str,
        body: &Value,
    ) -> Result<(), CliError> {
        let path = format!("/api/v1/messages/{}/{action}", in_path(&self.id));
        let message: Message = session.client().post(&path, body).await?;
        if self.json {
            return term::json(&message);
        }
        let modem = message.modem.as_deref().map_or_else(String::new, |it| format!("  by {it}"));
        let modem = term::plain(&modem, false);
        term::print(&format!("{}  {}{modem}\n", message.id, message.state))
    }
}

/// Queues it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_running(&args.which.config).await?;
        args.which.act(&session, "retry", &json!({ "modem": args.modem })).await
    })
}
