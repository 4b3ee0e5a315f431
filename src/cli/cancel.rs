//! `mm1gate cancel`: withdraws a message that has not left.

use serde_json::json;

use super::block_on;
use super::error::CliError;
use super::resend::Which;
use super::session::Session;

/// Which message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate cancel msg_01k9zq4m3r8x0v5t2n7c6b1d4f")]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

/// Withdraws it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_for_reading(&args.which.config).await?;
        let result = args.which.act(&session, "cancel", &json!({})).await;
        session.close().await;
        result
    })
}
