//! The way of a stranger with a stick, without a stick: `mm1gate simulate` on pseudo-terminals, a
//! rig file for them, this program with `--rig FILE --record FOLDER`, and its transcripts played
//! back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::hil::bench::{Outcome, Stop};
use crate::hil::cases::Case;
use crate::hil::replay::Chunking;
use crate::hil::rig::Budget;
use crate::hil::specimen;
use crate::hil::transcript::Transcript;
use crate::hil::virtual_rig::Shape;
use crate::support::{Process, Scratch, mm1gate, wait_until};

const PIN: &str = "4711";
const OWN: &str = "+447700900001";
/// The network asks for these; they may be in no transcript.
const USER: &str = "shopkeeper";
const PASSWORD: &str = "Geheimnis-7";

/// What the shapes are called in the report.
pub(crate) const fn name(shape: Shape) -> &'static str {
    match shape {
        Shape::TwoPorts => "file-two-ports",
        Shape::OnePort => "file-one-port",
        Shape::Multiplexed => "file-multiplexed",
    }
}

/// Runs the cases as a process of its own that knows nothing but the rig file.
pub(crate) fn run(shape: Shape, cases: &[&Case]) -> Outcome {
    let scratch = Scratch::new(name(shape));
    let folder = scratch.path();
    let failed = |words: String| {
        // For a look: the folder goes with this function.
        let kept = std::env::temp_dir().join(format!("mm1gate-hil-{}", std::process::id()));
        let moved = std::fs::rename(folder, &kept).is_ok();
        Stop::Failed(if moved { format!("{words}\n(kept in {})", kept.display()) } else { words })
    };
    let (_simulator, ready) = simulate(shape, folder);
    let file = folder.join(format!("{}.toml", name(shape)));
    std::fs::write(&file, rig_file(&ready, cases)).map_err(|error| failed(error.to_string()))?;
    let transcripts = folder.join("transcripts");
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let output = Command::new(program)
        .arg("--rig")
        .arg(&file)
        .arg("--record")
        .arg(&transcripts)
        .args(cases.iter().map(|case| case.name))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(failed(told));
    }
    let mut cannot = 0;
    for case in cases {
        let line = told.lines().find(|line| line.contains(&format!("::{} ... ", case.name)));
        let line = line.ok_or_else(|| failed(format!("nothing about {}:\n{told}", case.name)))?;
        let runs = line.contains(" ... ok: ");
        cannot += usize::from(!runs);
        let kept = transcripts.join(name(shape)).join(format!("{}.mm1t", case.name));
        if runs && case.replays {
            played_back(&kept).map_err(|error| failed(format!("{}: {error}", kept.display())))?;
        } else if kept.exists() {
            return Err(failed(format!("{} is there all the same", kept.display())));
        }
    }
    let ran = cases.len() - cannot;
    if ran == 0 {
        return Err(Stop::Cannot("none of these cases runs on such a rig".to_owned()));
    }
    Ok(format!("{ran} cases, {cannot} cannot run there; transcripts play back"))
}

/// The case for which somebody has to pull the plug: here the simulator is ended when the words for
/// the human come, and started again.
pub(crate) fn pulled(case: &Case) -> Outcome {
    let scratch = Scratch::new("file-pulled");
    let folder = scratch.path();
    let failed = Stop::Failed;
    let (simulator, ready) = simulate(Shape::OnePort, folder);
    let file = folder.join("pulled.toml");
    std::fs::write(&file, rig_file(&ready, &[case])).map_err(|error| failed(error.to_string()))?;
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.arg("--rig").arg(&file).args(["--human", case.name]);
    let mut child = Process::start(&mut command, folder, "hil");
    wait_until("words for the human", Duration::from_secs(60), || {
        (child.errors().contains(">>> pull the modem's plug") || !child.is_running()).then_some(())
    });
    drop(simulator);
    let (_simulator, _) = simulate(Shape::OnePort, folder);
    wait_until("the end of the case", Duration::from_secs(240), || {
        (!child.is_running()).then_some(())
    });
    let told = std::fs::read_to_string(&child.stdout).unwrap_or_default();
    if told.contains("1 passed; 0 failed") && told.contains("and came back") {
        Ok("pulled and plugged in again".to_owned())
    } else {
        Err(failed(told))
    }
}

/// The simulator and what it says when it is ready.
fn simulate(shape: Shape, folder: &Path) -> (Process, Value) {
    let mut command = mm1gate();
    command.args(["simulate", "--json", "--pin", PIN, "--number", OWN, "--auth", "chap"]);
    command.args(["--user", USER, "--password", PASSWORD, "--tty"]).arg(folder.join("modem"));
    if shape == Shape::TwoPorts {
        command.arg("--control-tty").arg(folder.join("control"));
    }
    if shape == Shape::Multiplexed {
        let scenario = folder.join("scenario.toml");
        let text = "[modem]\nmanufacturer = \"SIEMENS\"\nmodel = \"MC55i\"\n";
        std::fs::write(&scenario, text).expect("a writable scratch folder");
        command.arg("--scenario").arg(scenario);
    }
    let mut process = Process::start(&mut command, folder, "simulate");
    let ready = process.wait_for_line(|line| serde_json::from_str(line).ok());
    (process, ready)
}

/// As its owner would write it, with a budget for these cases and no more.
fn rig_file(ready: &Value, cases: &[&Case]) -> String {
    let sum = |of: fn(Budget) -> u32| cases.iter().map(|case| of(case.cost)).sum::<u32>();
    let (sms, mms, calls) = (sum(|it| it.sms), sum(|it| it.mms), sum(|it| it.calls));
    let value = |key: &str| toml::Value::from(ready[key].as_str().unwrap_or_default());
    let control = match &ready["control_tty"] {
        Value::String(path) => format!("control_port = {}\n", toml::Value::from(path.as_str())),
        _ => String::new(),
    };
    format!(
        "[rig]\ndescription = \"mm1gate simulate, no hardware\"\n\n\
         [rig.budget]\nsms = {sms}\nmms = {mms}\ncalls = {calls}\n\n\
         [[modem]]\nname = \"rig\"\nport = {}\n{control}pin = \"{PIN}\"\n\
         own_number = \"{OWN}\"\n\n\
         [modem.operator]\napn = {}\nauth = \"chap\"\nuser = \"{USER}\"\n\
         password = \"{PASSWORD}\"\nmmsc = {}\nproxy = {}\n",
        value("tty"),
        value("apn"),
        value("mmsc"),
        value("proxy"),
    )
}

/// The transcript is whole, tells nothing private, and today's driver says the same again.
fn played_back(file: &PathBuf) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    for private in [PIN, USER, PASSWORD] {
        if text.contains(&format!("\"{private}\\\"")) || text.contains(&format!(" \"{private}\"")) {
            return Err(format!("{private} is in it"));
        }
    }
    let transcript = Transcript::parse(&text)?;
    for chunking in [Chunking::Octets, Chunking::Lines, Chunking::Whole] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .map_err(|error| error.to_string())?;
        let played = runtime.block_on(specimen::replay(&transcript, chunking));
        played.map_err(|fault| format!("played back in {chunking:?}: {fault}"))?;
    }
    Ok(())
}
