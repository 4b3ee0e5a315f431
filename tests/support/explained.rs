//! What a message's timeline owes to people: it ends with the state that is shown, and says why, where,
//! and in whose words.

use mm1gate::model::{Address, Fault, State};
use mm1gate::store::{MessageView, TimelineEntry};

/// Ends that need a reason, unless a report of the network is the reason.
const WANT_REASON: [&str; 5] = ["failed", "expired", "unknown", "undelivered", "rejected"];
/// Codes of faults that quote somebody: a page, a status, a text.
const QUOTE: [&str; 3] = ["http-status", "not-mms", "proxy-refused"];

/// What is missing in a message's timeline.
pub(crate) fn unexplained(view: &MessageView) -> Vec<String> {
    let name = view.summary.id.as_str();
    let mut wrong = Vec::new();
    if view.timeline.windows(2).any(|two| two[0].at > two[1].at) {
        wrong.push(format!("unexplained: the timeline of {name} runs backwards"));
    }
    let last = |who: Option<&Address>| {
        view.timeline.iter().rev().find(|entry| entry.recipient.as_ref() == who)
    };
    let ends: Vec<(&str, Option<&TimelineEntry>)> = match view.summary.state {
        State::Out(_) => {
            let recipients = view.summary.recipients.iter();
            recipients.map(|it| (it.state.as_str(), last(Some(&it.address)))).collect()
        }
        State::In(state) => vec![(state.as_str(), last(None))],
    };
    for (state, entry) in ends {
        match entry {
            Some(entry) if entry.state == state && !entry.text.is_empty() => {
                if WANT_REASON.contains(&state)
                    && let Some(what) = lacks(entry)
                {
                    wrong.push(format!("unexplained: {name} is {state} without {what}: {entry:?}"));
                }
            }
            entry => wrong.push(format!(
                "unexplained: {name} is {state} and its timeline ends with {:?}",
                entry.map(|entry| (&entry.state, &entry.text))
            )),
        }
    }
    wrong
}

fn lacks(entry: &TimelineEntry) -> Option<&'static str> {
    let Some(fault) = &entry.fault else {
        // Its own words are those of the report, or of a time that was over.
        let told = entry.text.contains("report") || entry.text.contains("time was over");
        return (!told).then_some("a reason");
    };
    let Fault { layer, code, summary, remedy, blame, verbatim } = fault;
    let empty = [layer, code, summary, remedy, blame].iter().any(|text| text.is_empty());
    if empty {
        Some("all that a reason has")
    } else if entry.cause.as_ref() != Some(code) {
        Some("its cause")
    } else if QUOTE.contains(&code.as_str()) && verbatim.is_none() {
        Some("the words of the other side")
    } else {
        None
    }
}
