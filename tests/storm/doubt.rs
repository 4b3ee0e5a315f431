//! When a message may end as `unknown`: something took the answer after the last octet had left, or
//! ended the line behind it. The simulator's books say what happened, and when; the gateway's
//! timeline only bounds the attempt that it speaks of.

use std::time::Duration;

use mm1gate::model::{Clock, Kind, Timestamp};
use mm1gate::sim::{EntryKind, Fault, Operator};
use mm1gate::store::MessageView;
use tokio::time::Instant;

use crate::judge::Sent;
use crate::run::SUBMIT;

/// Octets of a body that are held back until the release is on record.
const FINAL_BLOCK: usize = 1_024;

/// Of all before them, the part that the far end had at least when they were let go: one in so many.
const PART_THERE: usize = 2;

/// How long after the end of an attempt its call may take to end, which is when the MMSC notes a
/// request that stays unfinished.
const HANG_UP: Duration = Duration::from_secs(60);

/// The calendar of the virtual world, for what the simulator tells in instants.
#[derive(Clone, Copy)]
pub(crate) struct Calendar {
    clock: Clock,
    zero: Instant,
    start: Timestamp,
}

impl Calendar {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, zero: Instant::now(), start: clock.now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn date(&self, at: Instant) -> Timestamp {
        self.start.plus(at - self.zero)
    }
}

/// Whether something made it impossible to know what became of a message; else, what there was.
pub(crate) fn excuse(
    view: &MessageView,
    operator: &Operator,
    calendar: Calendar,
    sent: &Sent,
) -> Result<(), String> {
    let kind = view.summary.kind;
    let at = |state: &str| view.timeline.iter().rev().find(|it| it.state == state).map(|it| it.at);
    let (Some(begun), Some(ended)) = (at("sending"), at("unknown")) else {
        return Err("no attempt in its timeline".to_owned());
    };
    let within = |at: Timestamp| begun <= at && at <= ended;
    let noted = |at: Timestamp| begun <= at && at <= ended.plus(HANG_UP);
    let shown: Vec<(Timestamp, Fault)> = operator
        .faults()
        .shown()
        .into_iter()
        .map(|(at, fault)| (calendar.date(at), fault))
        .filter(|(at, _)| within(*at))
        .collect();
    if shown.iter().any(|(_, fault)| takes_answer(kind, fault)) {
        return Ok(());
    }
    let cut = shown.iter().any(|(_, fault)| ends_line(kind, fault));
    let names: Vec<String> =
        shown.iter().map(|(at, fault)| format!("{} at {}", fault.name(), at.as_secs())).collect();
    let told = format!(
        "between {} and {} there were only: {}",
        begun.as_secs(),
        ended.as_secs(),
        names.join(", ")
    );
    if !cut {
        return Err(told);
    }
    if kind == Kind::Mms && !arrived_enough(operator, sent, noted) {
        let had: Vec<String> = operator
            .mmsc()
            .journal()
            .entries
            .iter()
            .map(|it| format!("{:?} of {} octets at {}", it.kind, it.octets_in, it.at.as_secs()))
            .collect();
        let had = had.join(", ");
        return Err(format!("the MMSC never had half of it, only {had}; {told}"));
    }
    Ok(())
}

/// Whether the MMSC had, in that time, so much of a request that its final block may have left.
fn arrived_enough(operator: &Operator, sent: &Sent, noted: impl Fn(Timestamp) -> bool) -> bool {
    let journal = operator.mmsc().journal();
    journal.entries.iter().any(|entry| {
        let whole = match entry.kind {
            EntryKind::Submission => holds(&entry.body, sent.mark.as_bytes()),
            EntryKind::Unfinished => entry.octets_in * PART_THERE + FINAL_BLOCK >= sent.octets,
            _ => false,
        };
        whole && noted(entry.at)
    })
}

fn holds(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|window| window == mark)
}

/// Faults by which the network has the message, or may have it, and its answer does not come.
fn takes_answer(kind: Kind, fault: &Fault) -> bool {
    match kind {
        Kind::Mms => matches!(
            fault,
            Fault::ProxyStatus { status: 502 | 504 }
                | Fault::ProxySlow { .. }
                | Fault::ProxyClosesMidRequest { .. }
                | Fault::MmscHtml {}
                | Fault::MmscSendConfLost {}
                | Fault::MmscClosesBeforeLast {}
                | Fault::MmscCutsBody {}
        ),
        Kind::Sms => match fault {
            // 332 is "network timeout": the network may have it (TS 27.005 clause 3.2.5).
            Fault::SubmitUnanswered {} | Fault::SubmitRefused { cms: 332 } => true,
            Fault::ReplyDelayed { command, millis } => {
                command.as_deref() == Some("+CMGS") && Duration::from_millis(*millis) >= SUBMIT
            }
            _ => false,
        },
    }
}

/// Faults that end a line, or all that is said on it.
const fn ends_line(kind: Kind, fault: &Fault) -> bool {
    let modem = matches!(
        fault,
        Fault::ModemHangs {}
            | Fault::ModemSilent {}
            | Fault::UsbVanishes { .. }
            | Fault::ZteFlood {}
            | Fault::CmuxClosedByModem {}
    );
    modem
        || match kind {
            Kind::Mms => matches!(
                fault,
                Fault::CarrierLost { .. }
                    | Fault::CarrierLostInFrame { .. }
                    | Fault::LineStall { .. }
                    | Fault::NetworkDeactivates { .. }
                    | Fault::CoverageLost {}
                    | Fault::PppTerminates { .. }
            ),
            // A frame that is thrown away, where nothing asks for it again, has the answer.
            Kind::Sms => matches!(fault, Fault::CmuxWrongFcs {} | Fault::ControlPortBlocked {}),
        }
}
