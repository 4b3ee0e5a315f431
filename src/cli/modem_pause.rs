//! `mm1gate modem pause` and `resume`: sending rests and goes on, by one modem or by all.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::in_path;
use super::error::{CliError, Exit};
use super::session::{ConfigArg, Session};
use super::{block_on, term};

/// Which modem.
#[derive(clap::Args)]
pub(super) struct Target {
    /// The modem's name in the configuration
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "NAME")]
    modem: Option<String>,
    /// All modems
    #[arg(long)]
    all: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// What rests, until when and why.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate modem pause front-desk --reason \"new antenna\"\n  \
    mm1gate modem pause --all --until 2026-12-27T08:00:00Z\n\n\
    Messages are accepted and stay queued, and receiving goes on. It survives a restart.")]
pub(super) struct PauseArgs {
    #[command(flatten)]
    target: Target,
    /// Go on by itself at this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What goes on.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate modem resume front-desk\n  \
    mm1gate modem resume --all\n\n\
    Of one modem it also ends the pause that follows when the operator has refused several messages\n\
    in a row: do so when the SIM's contract or credit is in order again.")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pauses {
    pauses: Vec<Pause>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pause {
    scope: String,
    since: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Has sending rest.
pub(super) fn pause(args: &PauseArgs) -> Result<(), CliError> {
    act(&args.target, "pause", &json!({ "until": args.until, "reason": args.reason }))
}

/// Has it go on.
pub(super) fn resume(args: &ResumeArgs) -> Result<(), CliError> {
    act(&args.target, "resume", &json!({}))
}

fn act(target: &Target, action: &str, body: &serde_json::Value) -> Result<(), CliError> {
    let path = match (&target.modem, target.all) {
        (Some(name), _) => format!("/api/v1/modems/{}/{action}", in_path(name)),
        (None, true) => format!("/api/v1/{action}"),
        (None, false) => return Err(CliError::new(Exit::Usage, "name a modem, or --all")),
    };
    let held: Pauses = block_on(async {
        let session = Session::open_running(&target.config).await?;
        session.client().post(&path, body).await
    })?;
    if target.json {
        return term::json(&held);
    }
    if held.pauses.is_empty() {
        return term::print("nothing rests\n");
    }
    let lines: String = held
        .pauses
        .iter()
        .map(|pause| {
            let until = pause.until.as_ref().map_or_else(String::new, |it| format!(" until {it}"));
            let why = pause.reason.as_ref().map_or_else(String::new, |it| format!(": {it}"));
            format!("{} rests since {}{until}{why}\n", pause.scope, pause.since)
        })
        .collect();
    term::print(&term::plain(&lines, true))
}
