//! The cases, in the order in which they run: from what costs nothing to what needs a human.

mod calls;
mod identity;
mod messages;
mod pictures;

use std::future::Future;
use std::pin::Pin;

use mm1gate::model::Clock;

use super::bench::{Outcome, Stop};
use super::rig::Rig;

type Run = for<'a> fn(&'a Rig, Clock) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Why it cannot run on a rig, if so.
    pub(crate) cannot: fn(&Rig) -> Option<String>,
    /// Whether its transcript can be played back: nothing in data mode matters to it.
    pub(crate) replays: bool,
    pub(crate) run: Run,
}

macro_rules! case {
    ($name:literal, $cannot:expr, $replays:literal, $run:path) => {
        Case {
            name: $name,
            cannot: $cannot,
            replays: $replays,
            run: |rig, clock| Box::pin($run(rig, clock)),
        }
    };
}

/// All of them.
pub(crate) const CASES: &[Case] = &[
    case!("identify", |_| None, true, identity::identify),
    case!("registration", |_| None, true, identity::registration),
    case!("storages", |_| None, true, messages::storages),
    case!("sms_to_oneself", |rig| sms(rig, 1), true, messages::to_oneself),
    case!("sms_of_several_parts", |rig| sms(rig, 3), true, messages::several_parts),
    case!("sms_of_class_0", |rig| sms(rig, 1), true, messages::class_0),
    case!("status_report", |rig| sms(rig, 1), true, messages::status_report),
    case!("deletions_among_others", |rig| sms(rig, 2), true, messages::deletions),
    case!("dial_and_hang_up", |rig| calls(rig, 3), true, calls::dial_and_hang_up),
    case!("sms_beside_a_call", beside, true, calls::sms_beside_a_call),
    case!(
        "sms_after_a_call",
        |rig| calls(rig, 1).or_else(|| sms(rig, 1)),
        true,
        calls::sms_after_a_call
    ),
    case!("mms_to_oneself", mms, false, pictures::to_oneself),
    case!("unplugged_and_back", human, false, identity::unplugged_and_back),
];

fn sms(rig: &Rig, count: u32) -> Option<String> {
    let allowed = rig.budget.sms;
    (allowed < count).then(|| format!("it takes {count} SMS, the rig file allows {allowed}"))
}

fn calls(rig: &Rig, count: u32) -> Option<String> {
    let allowed = rig.budget.calls;
    (allowed < count).then(|| format!("it takes {count} data calls, the rig file allows {allowed}"))
}

fn beside(rig: &Rig) -> Option<String> {
    let one_port = rig.modem().control_port.is_none();
    let reason = one_port.then(|| "the rig has one port, which the call holds".to_owned());
    reason.or_else(|| calls(rig, 1)).or_else(|| sms(rig, 1))
}

fn mms(rig: &Rig) -> Option<String> {
    let allowed = rig.budget.mms;
    let forbidden = (allowed < 1).then(|| "it takes 1 MMS, the rig file allows none".to_owned());
    let unset = rig.modem().operator.mmsc.is_empty();
    forbidden
        .or_else(|| calls(rig, 3))
        .or_else(|| unset.then(|| "the rig file tells no mmsc".to_owned()))
}

fn human(rig: &Rig) -> Option<String> {
    if rig.is_virtual() {
        return Some("nobody can pull the plug of a virtual modem here".to_owned());
    }
    (!rig.human).then(|| "it needs somebody who pulls the plug: ask for it with --human".to_owned())
}

/// Runs one case, at most as long as the rig's patience.
pub(crate) async fn run(case: &Case, rig: &Rig, clock: Clock) -> Outcome {
    if let Some(reason) = (case.cannot)(rig) {
        return Err(Stop::Cannot(reason));
    }
    match tokio::time::timeout(rig.patience, (case.run)(rig, clock)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Stop::Failed(format!("not done after {} s", rig.patience.as_secs()))),
    }
}
