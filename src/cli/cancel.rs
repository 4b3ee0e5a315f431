//! `mm1gate cancel`: withdraws a message that has not left.

use serde_json::json;

use super::block_on;
use super::client::in_path;
use super::error::CliError;
use super::resend::told;
use super::session::{ConfigArg, Session};
use crate::api::view::Message;

/// Which message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate cancel msg_01k9zq4m3r8x0v5t2n7c6b1d4f")]
pub(super) struct Args {
    /// The message's id, as outbox prints it
    id: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Withdraws it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_for_reading(&args.config).await?;
        let path = format!("/api/v1/messages/{}/cancel", in_path(&args.id));
        let result = session.client().post::<Message>(&path, &json!({})).await;
        session.close().await;
        told(&result?, args.json)
    })
}
