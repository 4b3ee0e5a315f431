//! `mm1gate status`: how the running gateway fares, and what a person has to see to.

use std::fmt::Write;

use serde_json::json;

use super::client::{Client, in_path};
use super::error::{CliError, Exit};
use super::session::{ConfigArg, Session};
use super::{block_on, term};
use crate::api::view::{Alarm, AlarmList, Modem, ModemList};

/// What to show.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate status\n  \
    mm1gate status --end modem:front-desk/missed-mms\n\n\
    Alarms end by themselves with their cause; --end is for those that only tell what happened.\n\
    `mm1gate doctor` looks further. Exit code 0: a gateway runs, whatever it has to tell.")]
pub(super) struct Args {
    /// End an alarm that you have seen to, as it is called here
    #[arg(long, value_name = "ALARM")]
    end: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Shows it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_running(&args.config).await?;
        let client = session.client();
        if let Some(alarm) = &args.end {
            end(client, alarm).await?;
        }
        let modems: ModemList = client.get("/api/v1/modems").await?;
        let alarms: AlarmList = client.get("/api/v1/alarms").await?;
        if args.json {
            return term::json(&json!({ "modems": modems.modems, "alarms": alarms.alarms }));
        }
        term::print(&text(&modems.modems, &alarms.alarms, term::Paint::stdout()))
    })
}

async fn end(client: &Client, alarm: &str) -> Result<(), CliError> {
    // What an alarm is about may hold slashes, its code never does.
    let Some((scope, code)) = alarm.rsplit_once('/') else {
        return Err(CliError::new(Exit::Usage, format!("'{alarm}' names no alarm")).remedy(
            "give it as `mm1gate status` shows it, for example modem:front-desk/missed-mms",
        ));
    };
    client.delete(&format!("/api/v1/alarms/{}/{}", in_path(scope), in_path(code))).await
}

fn text(modems: &[Modem], alarms: &[Alarm], paint: term::Paint) -> String {
    let mut out = String::new();
    for modem in modems {
        let name = paint.bold(&term::plain(&modem.name, false));
        let condition = match modem.condition.as_str() {
            up @ ("ready" | "calling") => paint.good(up),
            down @ ("failed" | "waiting") => paint.bad(down),
            other => paint.doubtful(other),
        };
        let _ = write!(out, "Modem {name}: {condition}");
        if let Some(operator) = &modem.operator {
            let _ = write!(out, ", {}", term::plain(operator, false));
        }
        if let Some(dbm) = modem.signal_dbm {
            let _ = write!(out, ", {dbm} dBm");
        }
        out.push('\n');
        if let Some(fault) = &modem.fault {
            let _ = writeln!(out, "{}", term::fault(fault));
        }
    }
    for alarm in alarms {
        let id = format!("{}/{}", alarm.scope, alarm.code);
        let _ = writeln!(
            out,
            "\n{} {} since {}\n{}",
            paint.bad("ALARM"),
            paint.bold(&term::plain(&id, false)),
            term::short_time(&alarm.since),
            term::fault(&alarm.fault)
        );
    }
    if alarms.is_empty() {
        out.push_str("No alarm holds.\n");
    }
    out
}
