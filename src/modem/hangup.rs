//! The ways back to command mode: after a call, and after a program that was killed in one.

use std::time::Duration;

use tokio::time::sleep;

use super::call_over::{Dialled, see_it_over};
use super::line::{Line, Reply, command};
use super::profile::HangUpStep;
use super::{ModemError, Profile, multiplex};
use crate::codec::at::FinalResult;
use crate::proto::at::{Kind, Response};

/// How long DTR stays low.
const DTR_LOW: Duration = Duration::from_secs(1);
/// How long a channel of the multiplexer may take to be closed and opened again.
const RECONNECT: Duration = Duration::from_secs(1);
/// How often the whole ladder is climbed.
const ROUNDS: usize = 3;
/// Fewer octets than this in answer to nothing may be a lonely report of a modem that is silent.
const MAX_FEW: u64 = 256;
/// How long ATH may take.
const ATH_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for a modem that has answered nothing so far.
const WAKING_ATH_TIMEOUT: Duration = Duration::from_millis(1500);

/// Tells a modem that takes commands to hang up, whether or not it holds a call.
pub(super) async fn hang_up_held(line: &mut Line) -> Result<(), ModemError> {
    line.settle().await?;
    let reply = line.run(command("ATH")?, Kind::HangUp, ATH_TIMEOUT).await?;
    if matches!(reply, Reply::TimedOut { .. }) {
        line.fall_out_of_step();
    }
    Ok(())
}

/// How far a modem has come out of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Out {
    /// It takes no commands.
    Deaf,
    /// It does, which tells nothing of the call.
    TakesCommands,
    /// It does, and has said that the call is over.
    CallOver,
}

/// Makes a modem answer that may be in the middle of a prompt and, with `calls`, in command mode or
/// in a call of a killed program.
pub(super) async fn wake(
    line: &mut Line,
    profile: &Profile,
    calls: bool,
) -> Result<(), ModemError> {
    let heard = line.heard();
    if line.sync(1).await? {
        return Ok(());
    }
    // Another program may have left it in the multiplexer, whatever the profile says: only frames
    // are heard there.
    let time = if profile.cmux.allowed { multiplex::LEAVE } else { multiplex::LEAVE_QUICKLY };
    if line.may_be_multiplexed(heard) && leave_multiplexer(line, time).await? {
        return Ok(());
    }
    // ESC leaves a prompt; the CR ends whatever was typed.
    line.write(b"\x1b\r").await?;
    // One round: people wait for the verdict, and preparing is tried again later anyhow.
    if line.sync(2).await? {
        return Ok(());
    }
    let woken = if calls {
        climb_once(line, profile, WAKING_ATH_TIMEOUT, 1).await?
    } else if profile.hangup.steps.contains(&HangUpStep::Dtr) {
        drop_dtr(line).await?
    } else {
        Out::Deaf
    };
    if woken != Out::Deaf {
        return Ok(());
    }
    let port = line.name.clone();
    Err(match line.heard() - heard {
        0..MAX_FEW => ModemError::NoAnswer { port },
        octets => ModemError::Noise { port, octets },
    })
}

/// True when the modem takes commands that was in the multiplexer.
pub(super) async fn leave_multiplexer(line: &mut Line, time: Duration) -> Result<bool, ModemError> {
    if line.port.as_mut().is_some_and(|port| port.is_channel()) {
        return Ok(false);
    }
    line.reset();
    if !multiplex::leave(line, time).await? {
        return Ok(false);
    }
    // It has not heard what was asked before.
    line.forget_unanswered();
    line.was_multiplexed = true;
    let port = &line.name;
    tracing::info!(%port, "another program has left the modem in the multiplexer; it has left it now");
    line.sync(2).await
}

/// Ends a call and makes sure that it is over; `ended` when the modem has said so itself.
pub(super) async fn hang_up(
    line: &mut Line,
    profile: &Profile,
    call: Option<Dialled>,
    ended: bool,
) -> Result<(), ModemError> {
    line.reset();
    let ended = ended || line.watch_for_no_carrier(profile.hangup.watch).await?;
    if ended && line.sync(2).await? {
        return Ok(());
    }
    match (climb(line, profile).await?, call) {
        (Out::Deaf, _) => Err(ModemError::StuckInDataMode { port: line.name.clone() }),
        (Out::TakesCommands, Some(call)) => see_it_over(line, profile, call).await,
        (Out::TakesCommands, None) | (Out::CallOver, _) => Ok(()),
    }
}

/// The profile's steps, until the modem answers `AT`.
pub(super) async fn climb(line: &mut Line, profile: &Profile) -> Result<Out, ModemError> {
    for _ in 0..ROUNDS {
        let out = climb_once(line, profile, ATH_TIMEOUT, 2).await?;
        if out != Out::Deaf {
            return Ok(out);
        }
    }
    Ok(Out::Deaf)
}

/// `ath_limit` counts only while the modem has not shown that it takes commands.
async fn climb_once(
    line: &mut Line,
    profile: &Profile,
    ath_limit: Duration,
    tries: usize,
) -> Result<Out, ModemError> {
    let mut out = Out::Deaf;
    for step in &profile.hangup.steps {
        match step {
            HangUpStep::Dtr => out = out.max(drop_dtr(line).await?),
            HangUpStep::Escape | HangUpStep::TildeEscape if out != Out::Deaf => {}
            HangUpStep::Escape => out = escape(line, "+++", profile.hangup.guard).await?,
            HangUpStep::TildeEscape => out = escape(line, "~+++", profile.hangup.guard).await?,
            HangUpStep::Ath => {
                line.reset();
                let limit = if out == Out::Deaf { ath_limit } else { ATH_TIMEOUT };
                let reply = line.run(command("ATH")?, Kind::HangUp, limit).await?;
                out = out.max(told_by(&reply));
            }
        }
    }
    if line.sync(tries).await? {
        return Ok(out.max(Out::TakesCommands));
    }
    // A channel can be taken down below whatever stands on it.
    if line.port.as_mut().is_some_and(|port| port.reconnect()) {
        line.watch_for_no_carrier(RECONNECT).await?;
        if line.sync(tries).await? {
            return Ok(Out::TakesCommands);
        }
    }
    Ok(Out::Deaf)
}

const fn told_by(reply: &Reply) -> Out {
    match reply {
        Reply::Response(Response { result: FinalResult::NoCarrier, .. }) => Out::CallOver,
        Reply::Response(_) => Out::TakesCommands,
        Reply::Connected { .. } | Reply::TimedOut { .. } => Out::Deaf,
    }
}

async fn drop_dtr(line: &mut Line) -> Result<Out, ModemError> {
    if !line.port.as_mut().is_some_and(|port| port.set_dtr(false)) {
        return Ok(Out::Deaf);
    }
    let watched = line.watch_for_no_carrier(DTR_LOW).await;
    if let Some(port) = line.port.as_mut() {
        port.set_dtr(true);
    }
    let said_so = watched?;
    sleep(Duration::from_millis(200)).await;
    Ok(match (line.sync(1).await?, said_so) {
        (false, _) => Out::Deaf,
        (true, false) => Out::TakesCommands,
        (true, true) => Out::CallOver,
    })
}

/// Silence may also mean that the modem was in command mode already.
async fn escape(line: &mut Line, text: &str, guard: Duration) -> Result<Out, ModemError> {
    if line.watch_for_no_carrier(guard).await? {
        return Ok(Out::CallOver);
    }
    line.reset();
    let limit = guard + Duration::from_secs(2);
    let reply = line.run(command(text)?, Kind::Escape, limit).await?;
    let out = told_by(&reply);
    if out == Out::Deaf {
        // In command mode the plus signs are the beginning of a line, which this ends.
        line.write(b"\r").await?;
    }
    Ok(out)
}
