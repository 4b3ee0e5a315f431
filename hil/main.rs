//! One suite of cases against rigs: the virtual modem in virtual time and on pseudo-terminals, and
//! real modems that a file describes. `hil/README.md` tells how a stranger runs it with a stick.

mod by_file;
#[path = "suite/mod.rs"]
mod hil;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hil::bench::{Outcome, Stop};
use hil::cases::{self, CASES, Case};
use hil::rig::Rig;
use hil::virtual_rig::Shape;
use hil::{specimen, virtual_rig};
use mm1gate::model::Clock;

const USAGE: &str = "\
cargo test --test hil                                    the virtual rigs
cargo test --test hil -- --rig FILE [--human] [CASE]...  a real modem, as the file describes it
    --record FOLDER   keep scrubbed transcripts of what passes
    --list            name the cases; with --rig, tell which would run and what they spend
A CASE is the name of one, or a part of it.";

/// What was asked for.
#[derive(Default)]
struct Asked {
    rig: Option<PathBuf>,
    record: Option<PathBuf>,
    human: bool,
    list: bool,
    /// The test harness's word for tests that are left out: there are none here.
    ignored: bool,
    names: Vec<String>,
}

fn asked(arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--rig" => asked.rig = Some(value()?.into()),
            "--record" => asked.record = Some(value()?.into()),
            "--human" => asked.human = true,
            "--list" => asked.list = true,
            "--ignored" => asked.ignored = true,
            "--help" | "-h" => return Err(USAGE.to_owned()),
            // What the other test programs of one `cargo test` understand.
            "--nocapture" | "--no-capture" | "--quiet" | "-q" | "--exact" | "--include-ignored" => {
            }
            "--test-threads" | "--color" | "--format" | "--skip" => drop(value()?),
            other if other.starts_with('-') => {
                return Err(format!("there is no option {other}\n\n{USAGE}"));
            }
            _ => asked.names.push(argument),
        }
    }
    Ok(asked)
}

fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(words.as_bytes()).and_then(|()| out.flush());
}

/// The sums of a run.
#[derive(Default)]
struct Sums {
    passed: u32,
    failed: u32,
    cannot: u32,
}

impl Sums {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Ok(told) => {
                self.passed += 1;
                say(&format!("ok: {told}\n"));
            }
            Err(Stop::Cannot(why)) => {
                self.cannot += 1;
                say(&format!("cannot run here: {why}\n"));
            }
            Err(Stop::Failed(why)) => {
                self.failed += 1;
                say(&format!("FAILED: {why}\n"));
            }
        }
    }
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(words) => {
            say(&format!("{words}\n"));
            return ExitCode::from(64);
        }
    };
    let wanted = |case: &&Case| {
        asked.names.is_empty() || asked.names.iter().any(|name| case.name.contains(name.as_str()))
    };
    let cases: Vec<&Case> = CASES.iter().filter(wanted).filter(|_| !asked.ignored).collect();
    // Without a rig the words may be meant for other test programs of the same `cargo test`.
    if cases.is_empty() && asked.rig.is_some() {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        let (asked, names) = (asked.names.join(" "), names.join(", "));
        say(&format!("no case is named like '{asked}'; there are {names}\n"));
        return ExitCode::from(64);
    }
    if asked.list && asked.rig.is_none() {
        cases.iter().for_each(|case| say(&format!("{}: test\n", case.name)));
        return ExitCode::SUCCESS;
    }
    let mut sums = Sums::default();
    match &asked.rig {
        Some(file) => match Rig::load(file) {
            Ok(rig) if asked.list => {
                would_run(&Rig { human: asked.human, ..rig }, &cases);
                return ExitCode::SUCCESS;
            }
            Ok(rig) => real(&rig, &cases, &asked, &mut sums),
            Err(words) => {
                say(&format!("{words}\n"));
                return ExitCode::from(78);
            }
        },
        None => all_virtual(&cases, &asked, &mut sums),
    }
    let Sums { passed, failed, cannot } = sums;
    let word = if failed == 0 { "ok" } else { "FAILED" };
    say(&format!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {cannot} ignored; 0 measured; \
         0 filtered out (ignored: cannot run on that rig, for the reason given)\n"
    ));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn all_virtual(cases: &[&Case], asked: &Asked, sums: &mut Sums) {
    for shape in Shape::ALL {
        for case in cases {
            // Each in a world of its own, so that a case's transcript depends on nothing else.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let (rig, operator) = virtual_rig::in_memory(shape);
                one(case, &rig, virtual_rig::clock(), asked.record.as_deref(), sums).await;
                operator.stop();
            });
        }
    }
    // The specimens of the rigs in memory are all that is kept.
    if asked.record.is_some() {
        return;
    }
    for shape in Shape::ALL {
        for case in cases {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let on_terminals = virtual_rig::on_terminals(shape, folder.path());
                let (rig, operator) = on_terminals.expect("pseudo-terminals");
                one(case, &rig, virtual_rig::clock(), None, sums).await;
                operator.stop();
            });
        }
    }
    if !cases.is_empty() {
        for shape in [Shape::TwoPorts, Shape::Multiplexed] {
            say(&format!("test {}::by_rig_file ... ", by_file::name(shape)));
            sums.count(&by_file::run(shape, cases));
        }
        for case in cases.iter().filter(|case| case.name == "unplugged_and_back") {
            say(&format!("test file-one-port::{} ... ", case.name));
            sums.count(&by_file::pulled(case));
        }
    }
}

/// What a run with these cases would do, in their order.
fn would_run(rig: &Rig, cases: &[&Case]) {
    say(&format!("{}: {}\n", rig.name, rig.description));
    let mut rig = rig.clone();
    for case in cases {
        let words = match cases::cannot(case, &rig) {
            Some(why) => format!("does not run: {why}"),
            None => format!("runs, takes {}", case.cost),
        };
        if cases::cannot(case, &rig).is_none() {
            rig.budget = rig.budget.less(case.cost);
        }
        say(&format!("{:<30} {words}\n", case.name));
    }
}

fn real(rig: &Rig, cases: &[&Case], asked: &Asked, sums: &mut Sums) {
    let mut rig = Rig { human: asked.human, ..rig.clone() };
    say(&format!("{}: {}\n", rig.name, rig.description));
    for case in cases {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let runs = one(case, &rig, Clock::system(), asked.record.as_deref(), sums);
        if runtime.block_on(runs) {
            rig.budget = rig.budget.less(case.cost);
        }
    }
}

/// Runs one case on one rig and tells what came of it; whether it could run at all.
async fn one(case: &Case, rig: &Rig, clock: Clock, record: Option<&Path>, sums: &mut Sums) -> bool {
    say(&format!("test {}::{} ... ", rig.name, case.name));
    let Some(folder) = record.filter(|_| case.replays) else {
        let outcome = cases::run(case, rig, clock).await;
        sums.count(&outcome);
        return !matches!(outcome, Err(Stop::Cannot(_)));
    };
    let (outcome, transcript) = specimen::record(case, rig, clock).await;
    sums.count(&outcome);
    if outcome.is_err() {
        return !matches!(outcome, Err(Stop::Cannot(_)));
    }
    let folder = folder.join(&rig.name);
    let file = folder.join(format!("{}.mm1t", case.name));
    let written = transcript.and_then(|transcript| {
        let write = || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&file, transcript.to_text())
        };
        write().map_err(|error| error.to_string())
    });
    if let Err(words) = written {
        sums.failed += 1;
        say(&format!("    FAILED: no transcript in {}: {words}\n", file.display()));
    }
    true
}
