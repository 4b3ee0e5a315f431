//! `mm1gate forward`: has the MMSC send on a message that was announced and not fetched.

use serde_json::json;

use super::client::in_path;
use super::error::CliError;
use super::send::Accepted;
use super::session::{ConfigArg, Session};
use super::{block_on, term};

/// Which message, and to whom.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate forward msg_01k9zq4m3r8x0v5t2n7c6b1d4f --to +447700900123\n\n\
    The message stays where it is and costs none of the SIM's data for its content. Few operators can\n\
    do this; where yours cannot, `mm1gate resend ID` fetches the message and `mm1gate show` saves its\n\
    files, which can be sent on then. The gateway must run.")]
pub(super) struct Args {
    /// The message's id, as inbox prints it
    id: String,
    /// To whom it goes; may be repeated
    #[arg(long, value_name = "NUMBER", required = true)]
    to: Vec<String>,
    /// Several recipients see each other
    #[arg(long)]
    group: bool,
    /// Ask the network to tell when it was delivered
    #[arg(long)]
    report: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Hands it in.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_running(&args.config).await?;
        let path = format!("/api/v1/messages/{}/forward", in_path(&args.id));
        let body = json!({ "to": args.to, "group": args.group, "delivery_report": args.report });
        let accepted: Accepted = session.client().post(&path, &body).await?;
        if args.json {
            return term::json(&accepted.told());
        }
        accepted.note_refused();
        term::print(&format!("{}  {}\n", accepted.id, accepted.state))
    })
}
