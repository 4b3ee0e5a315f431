//! The modem's clock, which the network sets and the host may (3GPP TS 27.007 clause 8.15).

use super::command::{Arg, Op};
use super::failure::{INVALID_PARAMETER, NOT_SUPPORTED};
use super::{Cx, Failure, Step};
use crate::codec::sms::Scts;

/// How the clock differs from the network's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SetClock {
    /// Milliseconds that it is ahead, its zone left aside.
    pub(super) ahead: i64,
    /// Quarters of an hour east of Greenwich.
    pub(super) zone: i8,
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if name != "+CCLK" {
        return None;
    }
    let done = match op {
        Op::Test => Ok(()),
        Op::Read => {
            let now = cx.shared.told_clock(cx.state);
            cx.say(format!("+CCLK: \"{now}\""));
            Ok(())
        }
        Op::Set(args) => set(cx, args),
        Op::Run => Err(NOT_SUPPORTED),
    };
    Some(match done {
        Ok(()) => Step::Done,
        Err(failure) => Step::Fail(failure),
    })
}

/// `yy/MM/dd,hh:mm:ss` and, if the host cares, the zone.
fn set(cx: &mut Cx<'_>, args: &[Arg]) -> Result<(), Failure> {
    let [Arg { text, .. }] = args else { return Err(INVALID_PARAMETER) };
    let (local, zone) = parse(text).ok_or(INVALID_PARAMETER)?;
    let ahead = local.as_millis().saturating_sub(cx.shared.clock.now().as_millis());
    cx.state.set_clock = SetClock { ahead, zone };
    Ok(())
}

fn parse(text: &str) -> Option<(crate::model::Timestamp, i8)> {
    let (date_and_time, zone) = text.split_at_checked(17)?;
    let octets = date_and_time.as_bytes();
    let separators = [(2, b'/'), (5, b'/'), (8, b','), (11, b':'), (14, b':')];
    if separators.iter().any(|(at, sign)| octets.get(*at) != Some(sign)) {
        return None;
    }
    let mut swapped = [0; 7];
    for (at, octet) in swapped.iter_mut().take(6).enumerate() {
        let digit = |at: usize| octets.get(at).filter(|it| it.is_ascii_digit()).map(|it| it & 0x0f);
        *octet = digit(3 * at)? | digit(3 * at + 1)? << 4;
    }
    // A zone of zero: the figures as they are.
    let local = Scts(swapped).timestamp()?;
    let zone = match zone {
        "" => 0,
        _ => zone.parse().ok().filter(|zone| (-47..=48).contains(zone))?,
    };
    Some((local, zone))
}
