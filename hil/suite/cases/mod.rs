//! The cases, in the order in which they run: from what costs nothing to what needs a human.

mod calls;
mod identity;
mod messages;
mod multiplexer;
mod pictures;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mm1gate::model::Clock;

use super::bench::{Outcome, Stop};
use super::rig::{Budget, Rig};

type Run = for<'a> fn(&'a Rig, Clock) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What it takes at most.
    pub(crate) cost: Budget,
    /// Why it cannot run on a rig that may spend that, if so.
    cannot: fn(&Rig) -> Option<&'static str>,
    /// Whether its transcript can be played back: nothing in data mode matters to it.
    pub(crate) replays: bool,
    run: Run,
}

macro_rules! case {
    ($name:literal, $cost:expr, $cannot:expr, $replays:literal, $run:path) => {
        Case {
            name: $name,
            cost: $cost,
            cannot: $cannot,
            replays: $replays,
            run: |rig, clock| Box::pin($run(rig, clock)),
        }
    };
}

const NOTHING: Budget = Budget { sms: 0, mms: 0, calls: 0 };

const fn sms(sms: u32) -> Budget {
    Budget { sms, ..NOTHING }
}

/// How long a driver that was dropped may take to leave the multiplexer.
const CLOSE_DOWN: Duration = Duration::from_secs(1);

/// All of them.
pub(crate) const CASES: &[Case] = &[
    case!("identify", NOTHING, |_| None, true, identity::identify),
    case!("registration", NOTHING, |_| None, true, identity::registration),
    case!("storages", NOTHING, |_| None, true, messages::storages),
    case!("sms_to_oneself", sms(1), |_| None, true, messages::to_oneself),
    case!("sms_of_several_parts", sms(4), |_| None, true, messages::several_parts),
    case!("sms_of_class_0", sms(1), |_| None, true, messages::class_0),
    case!("status_report", sms(1), |_| None, true, messages::status_report),
    case!("deletions_among_others", sms(2), |_| None, true, messages::deletions),
    case!(
        "dial_and_hang_up",
        Budget { calls: 3, ..NOTHING },
        |_| None,
        true,
        calls::dial_and_hang_up
    ),
    case!(
        "sms_beside_a_call",
        Budget { calls: 1, ..sms(1) },
        |_| None,
        true,
        calls::sms_beside_a_call
    ),
    case!(
        "sms_after_a_call",
        Budget { calls: 1, ..sms(1) },
        |_| None,
        true,
        calls::sms_after_a_call
    ),
    case!(
        "multiplexer_closed_and_opened",
        Budget { calls: 2, ..NOTHING },
        |_| None,
        true,
        multiplexer::closed_and_opened
    ),
    case!("mms_to_oneself", Budget { sms: 0, mms: 1, calls: 3 }, mms, false, pictures::to_oneself),
    case!("unplugged_and_back", NOTHING, human, false, identity::unplugged_and_back),
];

fn mms(rig: &Rig) -> Option<&'static str> {
    rig.settings().mmsc.is_empty().then_some("the rig file tells no mmsc")
}

fn human(rig: &Rig) -> Option<&'static str> {
    if rig.is_virtual() {
        return Some("nobody can pull the plug of a virtual modem here");
    }
    (!rig.human).then_some("it needs somebody who pulls the plug: ask for it with --human")
}

/// Why a case cannot run on a rig, if so.
pub(crate) fn cannot(case: &Case, rig: &Rig) -> Option<String> {
    if let Some(reason) = (case.cannot)(rig) {
        return Some(reason.to_owned());
    }
    let (cost, left) = (case.cost, rig.budget);
    [("SMS", cost.sms, left.sms), ("MMS", cost.mms, left.mms), ("calls", cost.calls, left.calls)]
        .into_iter()
        .find(|(_, cost, left)| cost > left)
        .map(|(what, cost, left)| {
            let key = what.to_ascii_lowercase();
            format!("it takes {cost} {what}, and {key} of [rig.budget] leaves {left}")
        })
}

/// Runs one case, at most as long as the rig's patience.
pub(crate) async fn run(case: &Case, rig: &Rig, clock: Clock) -> Outcome {
    if let Some(reason) = cannot(case, rig) {
        return Err(Stop::Cannot(reason));
    }
    let outcome = match tokio::time::timeout(rig.patience, (case.run)(rig, clock)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Stop::Failed(format!("not done after {} s", rig.patience.as_secs()))),
    };
    if rig.multiplexed.swap(false, Ordering::Relaxed) {
        // Whoever opens the port next is to find a modem that takes commands.
        tokio::time::sleep(CLOSE_DOWN).await;
    }
    outcome
}
