//! `mm1gate routes`: which messages go by which modems, and which way one to somebody would go.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::CliError;
use super::session::{ConfigArg, Session};
use super::{block_on, term};
use crate::model::{Fault, Kind};

/// What to show.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate routes\n  \
    mm1gate routes --to +447700900123 --account shop\n\n\
    Routes are the tables [[route]] of the configuration; `mm1gate config example` explains them.")]
pub(super) struct Args {
    /// Which way a message to this recipient would go now; nothing is sent
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// With --to: as a plain SMS
    #[arg(long, requires = "to")]
    sms: bool,
    /// With --to: when it is to come from this number of yours
    #[arg(long, requires = "to", value_name = "NUMBER")]
    from: Option<String>,
    /// With --to: when this account hands it in
    #[arg(long, requires = "to", value_name = "NAME")]
    account: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

#[derive(Debug, Serialize, Deserialize)]
struct Routes {
    routes: Vec<Route>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Route {
    name: String,
    to: Vec<String>,
    from: Vec<String>,
    accounts: Vec<String>,
    strategy: String,
    default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failover_after_seconds: Option<u64>,
    modems: Vec<Modem>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Modem {
    name: String,
    mms: bool,
    ready: bool,
    waiting: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    modem: String,
    why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failover_after_seconds: Option<u64>,
}

/// Shows them.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    block_on(async {
        let session = Session::open_running(&args.config).await?;
        match &args.to {
            Some(to) => test(&session, args, to).await,
            None => list(&session, args).await,
        }
    })
}

async fn list(session: &Session, args: &Args) -> Result<(), CliError> {
    let list: Routes = session.client().get("/api/v1/routes").await?;
    if args.json {
        return term::json(&list);
    }
    if list.routes.is_empty() {
        return term::print("no routes are configured: any message goes by any modem that can\n");
    }
    let text: String = list.routes.iter().map(shown).collect();
    term::print(&term::plain(&text, true))
}

fn shown(route: &Route) -> String {
    let mut who = Vec::new();
    for (what, all) in [("to", &route.to), ("from", &route.from), ("of account", &route.accounts)] {
        if !all.is_empty() {
            who.push(format!("{what} {}", all.join(", ")));
        }
    }
    if route.default {
        who.push("what no other is for".to_owned());
    }
    if who.is_empty() {
        who.push("only when asked for by its name".to_owned());
    }
    let failover = route.failover_after_seconds.map_or_else(String::new, after);
    let mut text = format!("{}: {} ({}{failover})\n", route.name, who.join("; "), route.strategy);
    for modem in &route.modems {
        let state = match (&modem.fault, modem.ready) {
            (Some(fault), _) => fault.summary.as_str(),
            (None, true) => "can send",
            (None, false) => "not ready yet",
        };
        let kind = if modem.mms { "" } else { ", SMS only" };
        text.push_str(&format!("  {}: {} waiting{kind}; {state}\n", modem.name, modem.waiting));
    }
    text
}

fn after(seconds: u64) -> String {
    format!(", by another modem after {} minutes", seconds / 60)
}

async fn test(session: &Session, args: &Args, to: &str) -> Result<(), CliError> {
    let kind = if args.sms { Kind::Sms } else { Kind::Mms };
    let question = json!({
        "to": to, "kind": kind.as_str(), "from": args.from, "account": args.account,
    });
    let answer: Answer = session.client().post("/api/v1/routes/test", &question).await?;
    if args.json {
        return term::json(&answer);
    }
    let mut text = format!("{}: {}\n", answer.to, answer.why);
    if let Some(fault) = &answer.fault {
        let failover = answer.failover_after_seconds.map_or_else(String::new, after);
        text.push_str(&format!("it would wait: {}{failover}\n", fault.summary));
    }
    term::print(&term::plain(&text, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_told_with_who_goes_by_it_and_how_its_modems_are() {
        let route = Route {
            name: "germany".to_owned(),
            to: vec!["+49*".to_owned()],
            from: Vec::new(),
            accounts: vec!["shop".to_owned()],
            strategy: "sticky-sender".to_owned(),
            default: false,
            failover_after_seconds: Some(600),
            modems: vec![Modem {
                name: "desk".to_owned(),
                mms: false,
                ready: false,
                waiting: 2,
                fault: None,
            }],
        };
        assert_eq!(
            shown(&route),
            "germany: to +49*; of account shop (sticky-sender, by another modem after 10 minutes)\n  \
             desk: 2 waiting, SMS only; not ready yet\n"
        );
    }
}
