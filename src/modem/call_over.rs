//! Whether a call is over that the modem has agreed to end, and what is done when it is not: a call
//! that stays up unnoticed costs money, and on a modem with one port it keeps messages out.
//!
//! | sign | over | up |
//! |---|---|---|
//! | `NO CARRIER` (V.250 clause 6.1) | said | - |
//! | Data Carrier Detect, where it was low before the call | low | - |
//! | `+CGACT?` (TS 27.007 clause 10.1.10), where the context was not active before the call | 0 | 1: or the modem keeps the context |
//! | frames among the answers | - | they go on |
//! | `ATO` (V.250 clause 6.3.7): the last question, since it leads back into data mode | refused | `CONNECT` |

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::hangup::{Out, climb, hang_up_held};
use super::line::{Line, Reply, command};
use super::{ModemError, Profile};
use crate::codec::at::{active_contexts, value_behind};
use crate::proto::at::Kind;

/// How long after its OK a modem may take to end a call.
const LATE: Duration = Duration::from_millis(700);
/// How long the way back into data mode may take.
const RESUME_TIMEOUT: Duration = Duration::from_secs(5);
/// So many flags of frames in the answers to a few commands are no chance.
const FLAGS: u64 = 4;
/// How often a call is hung up that can be resumed, before what ends more than the call is sent.
const ROUNDS: usize = 2;

/// What a call was dialled on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialled {
    /// Its context.
    pub(super) cid: u8,
    /// The context was active before the call, as the default bearer of LTE is: neither a sign of
    /// the call nor ours to end.
    pub(super) was_active: bool,
    /// Data Carrier Detect was low before the call and high in it.
    pub(super) carrier_tells: bool,
}

/// What can be seen of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Over,
    /// Its frames go on, or its context is active.
    Up,
    None,
}

/// Makes sure that the call is over, on a line that takes commands.
///
/// # Errors
/// [`ModemError::CallStaysUp`] when nothing helps.
pub(super) async fn see_it_over(
    line: &mut Line,
    profile: &Profile,
    call: Dialled,
) -> Result<(), ModemError> {
    let mut flags = line.flags();
    let mut sign = look(line, profile, call, &mut flags).await?;
    if sign == Sign::Up {
        wait(line).await?;
        sign = look(line, profile, call, &mut flags).await?;
    }
    if sign == Sign::Up {
        tracing::warn!(port = %line.name, "the modem has not hung up when it was told to");
        hang_up_held(line).await?;
        sign = look(line, profile, call, &mut flags).await?;
    }
    for text in profile.hangup.force.iter().filter(|text| is_about(text, call)) {
        if sign != Sign::Up {
            break;
        }
        let text = text.replace("{cid}", &call.cid.to_string());
        line.optional(&text, profile.timeouts.deactivate).await?;
        sign = look(line, profile, call, &mut flags).await?;
    }
    if sign == Sign::Over {
        return Ok(());
    }
    for _ in 0..ROUNDS {
        if !is_held(line, call).await? {
            // The context was there before, or the modem keeps it.
            return Ok(());
        }
        match climb(line, profile).await? {
            Out::Deaf => return Err(ModemError::StuckInDataMode { port: line.name.clone() }),
            Out::CallOver => return Ok(()),
            Out::TakesCommands => {}
        }
    }
    for text in profile.hangup.force.iter().filter(|text| !text.contains("{cid}")) {
        line.optional(text, profile.timeouts.attach).await?;
    }
    if !is_held(line, call).await? {
        return Ok(());
    }
    climb(line, profile).await?;
    Err(ModemError::CallStaysUp { port: line.name.clone(), cid: call.cid })
}

/// Ends the context of a call whose own port takes no commands, from another one.
pub(super) async fn end_from_elsewhere(
    line: &mut Line,
    profile: &Profile,
    call: Dialled,
) -> Result<(), ModemError> {
    for text in profile.hangup.force.iter().filter(|text| is_about(text, call)) {
        let text = text.replace("{cid}", &call.cid.to_string());
        line.optional(&text, profile.timeouts.deactivate).await?;
    }
    Ok(())
}

/// Whether the context of a call is active that was not before it: all that another port can tell.
pub(super) async fn is_active(
    line: &mut Line,
    profile: &Profile,
    call: Dialled,
) -> Result<bool, ModemError> {
    let mut flags = line.flags();
    Ok(look(line, profile, call, &mut flags).await? == Sign::Up)
}

/// What ends the call's own context, where that is ours to end.
fn is_about(text: &str, call: Dialled) -> bool {
    text.contains("{cid}") && !call.was_active
}

/// `flags` were heard up to the last look.
async fn look(
    line: &mut Line,
    profile: &Profile,
    call: Dialled,
    flags: &mut u64,
) -> Result<Sign, ModemError> {
    let answer = line.optional("AT+CGACT?", profile.timeouts.command).await?;
    let before = std::mem::replace(flags, line.flags());
    if line.flags() - before >= FLAGS {
        return Ok(Sign::Up);
    }
    let told = answer.lines.iter().any(|it| value_behind(it, "+CGACT:").is_some());
    let active = active_contexts(&answer.lines).contains(&call.cid);
    Ok(match (told, active) {
        (true, false) => Sign::Over,
        (true, true) if !call.was_active => Sign::Up,
        _ => Sign::None,
    })
}

async fn wait(line: &mut Line) -> Result<(), ModemError> {
    let end = Instant::now() + LATE;
    while let Ok(pumped) = timeout_at(end, line.pump()).await {
        pumped?;
        if Instant::now() >= end {
            break;
        }
    }
    Ok(())
}

/// Whether the call can be gone on with; then the line is in data mode.
async fn is_held(line: &mut Line, call: Dialled) -> Result<bool, ModemError> {
    let carrier = line.port.as_mut().and_then(|port| port.carrier());
    if call.carrier_tells && carrier == Some(false) {
        return Ok(false);
    }
    line.settle().await?;
    let reply = line.run(command("ATO")?, Kind::Dial, RESUME_TIMEOUT).await?;
    line.reset();
    match reply {
        Reply::Connected { .. } => Ok(true),
        Reply::Response(_) => Ok(false),
        // It has gone there without a word, or does not know the command.
        Reply::TimedOut { .. } => Ok(!line.sync(2).await?),
    }
}
