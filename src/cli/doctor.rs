//! `mm1gate doctor`: what stands between this machine and working MMS, one numbered check after the
//! other, each with what mends it.

use std::fmt::Write;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use super::doctor_access::User;
use super::doctor_machine;
use super::error::{CliError, Exit};
use super::machine::{Machine, MachineArgs};
use super::{block_on, term};

/// What to check.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate doctor\n  \
    sudo mm1gate doctor --user mm1gate\n\n\
    Nothing is changed, no PIN is entered and nothing is sent to the network. While the gateway runs,\n\
    its own view of the modem is used. Exit code 0: nothing failed.")]
pub(super) struct Args {
    #[command(flatten)]
    machine: MachineArgs,
    /// Check the permissions of this user, such as the one that runs the service [default: you]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Ok,
    /// It works, and may not for long.
    Warning,
    Failed,
    NotApplicable,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// From 1.
    pub(super) number: usize,
    /// Stable short name, kebab-case.
    pub(super) name: &'static str,
    /// The modem it is about, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) modem: Option<String>,
    pub(super) result: Outcome,
    /// What was found.
    pub(super) text: String,
    /// What mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

/// The checks so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) checks: Vec<Check>,
    /// The modem that is checked now.
    pub(super) modem: Option<String>,
}

impl Report {
    pub(super) fn ok(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(name, Outcome::Ok, text.into(), None);
    }

    pub(super) fn not_applicable(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(name, Outcome::NotApplicable, text.into(), None);
    }

    pub(super) fn warning(
        &mut self,
        name: &'static str,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(name, Outcome::Warning, text.into(), Some(fix.into()));
    }

    pub(super) fn failed(
        &mut self,
        name: &'static str,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(name, Outcome::Failed, text.into(), Some(fix.into()));
    }

    /// Whether this check was made for the present modem.
    pub(super) fn has(&self, name: &str) -> bool {
        self.checks.iter().any(|it| it.name == name && it.modem == self.modem)
    }

    fn add(&mut self, name: &'static str, result: Outcome, text: String, fix: Option<String>) {
        self.checks.push(Check {
            number: self.checks.len() + 1,
            name,
            modem: self.modem.clone(),
            result,
            text: term::plain(&text, false),
            fix,
        });
    }

    fn count(&self, result: Outcome) -> usize {
        self.checks.iter().filter(|it| it.result == result).count()
    }
}

/// Checks and prints.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    block_on(examine(args))
}

async fn examine(args: Args) -> Result<(), CliError> {
    let machine = Machine::look(&args.machine)?;
    let user = match &args.user {
        Some(name) => User::named(&machine.root, name).ok_or_else(|| {
            CliError::new(Exit::Usage, format!("there is no user '{name}' on this machine"))
                .remedy("give the name of the user that runs 'mm1gate serve'")
        })?,
        None => User::current(&machine.root),
    };
    let mut report = Report::default();
    doctor_machine::examine(&machine, &user, &mut report).await;
    let failed = report.count(Outcome::Failed);
    if args.json {
        term::json(&json!({
            "ok": failed == 0,
            "failed": failed,
            "warnings": report.count(Outcome::Warning),
            "user": user.name,
            "checks": report.checks,
        }))?;
    } else {
        term::print(&describe(&report))?;
    }
    // Everything was said already.
    if failed == 0 { Ok(()) } else { Err(CliError::new(Exit::Unavailable, "")) }
}

fn describe(report: &Report) -> String {
    let paint = term::Paint::stdout();
    let mut out = String::new();
    let mut modem = None;
    for check in &report.checks {
        if check.modem != modem {
            modem.clone_from(&check.modem);
            if let Some(name) = &modem {
                let _ = writeln!(out, "\nModem \"{name}\"");
            }
        }
        let result = match check.result {
            Outcome::Ok => paint.good("ok     "),
            Outcome::Warning => paint.doubtful("WARNING"),
            Outcome::Failed => paint.bad("FAILED "),
            Outcome::NotApplicable => paint.dim("-      "),
        };
        let title = check.name.replace('-', " ");
        let _ = writeln!(out, "{:>3}  {result}  {title:<18} {}", check.number, check.text);
        if let Some(fix) = &check.fix {
            for (index, line) in fix.lines().enumerate() {
                let head = if index == 0 { "fix it:" } else { "" };
                let _ = writeln!(out, "     {head:<7}  {line}");
            }
        }
    }
    let words = |count: usize, one: &str, many: &str| match count {
        1 => format!("One {one}"),
        count => format!("{count} {many}"),
    };
    out.push('\n');
    match (report.count(Outcome::Failed), report.count(Outcome::Warning)) {
        (0, 0) => out.push_str(
            "Everything is in order. `mm1gate modem test` sends one SMS to yourself and waits for it.\n",
        ),
        (0, warnings) => {
            let text = words(warnings, "thing may need care soon", "things may need care soon");
            let _ = writeln!(out, "Nothing failed. {text}.");
        }
        (failed, _) => {
            let text = words(failed, "thing needs mending", "things need mending");
            let _ = writeln!(out, "{text}; begin with the first.");
        }
    }
    out
}

/// The folder that must exist for another to be made, and that one itself when it is there.
pub(super) fn nearest_existing(folder: &std::path::Path) -> PathBuf {
    folder.ancestors().find(|it| it.exists()).map_or_else(|| PathBuf::from("/"), PathBuf::from)
}
