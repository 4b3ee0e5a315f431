//! The frame of every page, and the small pieces that several pages show.

use maud::{DOCTYPE, Markup, html};

use crate::api::problem::Problem;
use crate::api::query;
use crate::gateway::Registration;
use crate::gateway::{ModemView, StorageView, modem_scope};
use crate::model::{Fault, InboundState, Kind, OutboundState, State, Timestamp};
use crate::store::{Alarm, Summary};

/// The modems above a page.
#[derive(Clone, Copy)]
pub(super) enum Strip<'a> {
    /// With what is wrong with each and what to do.
    Whole(&'a [ModemView]),
    /// In a word each: the page is about something else.
    Brief(&'a [ModemView]),
    /// None.
    Without,
}

/// What a person has to see to: what, since when, what to do. What its modem says beside it anyway
/// is not said twice. With `may_end` each has a button that ends it.
pub(super) fn alarms(alarms: &[Alarm], modems: &[ModemView], may_end: bool) -> Markup {
    let is_told = |alarm: &Alarm| {
        modems.iter().any(|modem| {
            alarm.scope == modem_scope(&modem.name)
                && modem.fault.as_ref().is_some_and(|fault| fault.code == alarm.code)
        })
    };
    html! {
        section #alarms .alarms aria-label="Alarms" data-live {
            @for alarm in alarms.iter().filter(|alarm| !is_told(alarm)) {
                (alarm_item(alarm, may_end))
            }
        }
    }
}

fn alarm_item(alarm: &Alarm, may_end: bool) -> Markup {
    let (what, name) = alarm.scope.split_once(':').unwrap_or((&alarm.scope, ""));
    html! {
        article.fault.bad data-key={ (alarm.scope) " " (alarm.code) } dir="auto" {
            div.step {
                strong {
                    (icon(Icon::Alert))
                    @match what {
                        "modem" => { a href={ "/modems/" (query::encode(name)) } { "Modem " (name) } }
                        "gateway" => { "The gateway" }
                        _ => { (sentence(what)) " " (name) }
                    }
                }
                span { "since " (time(alarm.since)) }
            }
            (told(&alarm.fault))
            @if may_end {
                form.alarm-end method="post" action="/alarms/end" {
                    input type="hidden" name="scope" value=(alarm.scope);
                    input type="hidden" name="code" value=(alarm.code);
                    button.quiet { "I have seen to it" }
                }
            }
        }
    }
}

/// A whole page.
pub(super) fn shell(title: &str, modems: Strip<'_>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · mm1gate" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/style.css";
                script src="/assets/page.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" {
                        img src="/assets/icon.svg" alt="" width="28" height="28";
                        span { "mm1gate" }
                    }
                    @match modems {
                        Strip::Whole(modems) => { (modem_strip(modems, true)) }
                        Strip::Brief(modems) => { (modem_strip(modems, false)) }
                        Strip::Without => {}
                    }
                }
                main #main { (body) }
                div #notice .notice role="status" aria-live="polite" hidden {}
            }
        }
    }
}

/// A refused request as a page.
pub(super) fn problem(problem: &Problem) -> Markup {
    let body = html! {
        section.card.problem {
            p.status { (problem.status) }
            h1 { (sentence(&problem.title)) }
            @match problem.errors.as_slice() {
                [] => { p { (prose(&problem.detail)) } }
                [only] => { p { (prose(&only.detail)) } }
                several => {
                    ul {
                        @for error in several { li { (prose(&error.detail)) } }
                    }
                }
            }
            // What helps with a wrong path or method is meant for programs.
            @if let Some(hint) = problem.hint.as_ref().filter(|_| !matches!(problem.status, 404 | 405)) {
                p.muted { (prose(hint)) }
            }
            @if problem.status == 422 {
                p.muted { "Go back in your browser to correct it: your text is still there, files are not." }
            }
            p { a.button href="/" { "Back to the messages" } }
        }
    };
    shell(&problem.title, Strip::Without, &body)
}

/// The modems' conditions.
fn modem_strip(modems: &[ModemView], whole: bool) -> Markup {
    html! {
        ul #modems .modems aria-label="Modems" data-live {
            @for modem in modems { (modem_item(modem, whole)) }
            @if modems.is_empty() {
                li.modem data-key="none" {
                    span.dot.muted-dot aria-hidden="true" {}
                    span.modem-condition { "No modem is configured" }
                }
            }
        }
    }
}

fn modem_item(modem: &ModemView, whole: bool) -> Markup {
    let tone = tone_of_modem(modem);
    html! {
        li class={ "modem " (tone) @if whole && is_wrong(modem) { " wrong" } } data-key=(modem.name) {
            span class={ "dot " (tone) } aria-hidden="true" {}
            a.modem-name href={ "/modems/" (query::encode(&modem.name)) } { (modem.name) }
            span.modem-condition {
                @if is_heard(modem) {
                    @if let Some(operator) = &modem.operator { (operator) " · " }
                    @if modem.registration == Some(Registration::Roaming) { "roaming · " }
                }
                (condition_of(modem))
            }
            @if let Some(dbm) = modem.signal_dbm.filter(|_| is_heard(modem)) { (signal(dbm)) }
            @if whole { (fault_of_modem(modem)) }
            @for storage in modem.storages.iter().filter(|it| whole && is_untold_alarm(modem, it)) {
                div.modem-fault {
                    p {
                        "Storage " (storage.name) " holds " (storage.used) " of " (storage.total)
                        " messages. Nothing arrives once it is full."
                    }
                }
            }
        }
    }
}

/// What is wrong with a modem, and what to do.
pub(super) fn fault_of_modem(modem: &ModemView) -> Markup {
    html! {
        @if let Some(fault) = &modem.fault {
            div.modem-fault {
                p { (prose(&fault.summary)) }
                p { (prose(&fault.remedy)) }
            }
        }
    }
}

/// A message's state as a badge.
pub(super) fn badge_of(message: &Summary) -> Markup {
    if message.kind == Kind::Sms && message.state == State::In(InboundState::Received) {
        // No acknowledgement is outstanding.
        return html! { span.badge.good title="state: received" { "Received" } };
    }
    badge(message.state)
}

/// A state as a badge.
pub(super) fn badge(state: State) -> Markup {
    let (tone, label) = words(state);
    html! { span class={ "badge " (tone) } title={ "state: " (state.as_str()) } { (label) } }
}

/// The colour and the word of a state.
pub(super) const fn words(state: State) -> (&'static str, &'static str) {
    match state {
        State::Out(state) => match state {
            OutboundState::Accepted | OutboundState::Queued => ("busy", "Queued"),
            OutboundState::Scheduled => ("busy", "Scheduled"),
            OutboundState::Sending => ("busy", "Sending"),
            OutboundState::Sent => ("good", "Sent"),
            OutboundState::Delivered => ("good", "Delivered"),
            OutboundState::Undelivered => ("bad", "Not delivered"),
            OutboundState::Expired => ("warn", "Expired"),
            OutboundState::Failed => ("bad", "Failed"),
            OutboundState::Canceled => ("idle", "Canceled"),
            OutboundState::Unknown => ("warn", "Unknown"),
        },
        State::In(state) => match state {
            InboundState::Pushed | InboundState::Notified => ("busy", "Announced"),
            InboundState::Retrieving => ("busy", "Receiving"),
            InboundState::Received => ("good", "Received, confirming"),
            InboundState::Acknowledged => ("good", "Received"),
            InboundState::Deferred => ("warn", "Left at the operator"),
            InboundState::Expired => ("warn", "Expired"),
            InboundState::Rejected => ("idle", "Rejected"),
            InboundState::Failed => ("bad", "Failed"),
        },
    }
}

/// A time that the script turns into the reader's own.
pub(super) fn time(at: Timestamp) -> Markup {
    let full = at.to_string();
    let short = full.get(..16).unwrap_or(&full).replace('T', " ");
    html! { time datetime=(full) { (short) " UTC" } }
}

/// The same with seconds, for what happens within one minute.
pub(super) fn exact_time(at: Timestamp) -> Markup {
    let full = at.to_string();
    let short = full.get(..19).unwrap_or(&full).replace('T', " ");
    html! { time datetime=(full) data-exact { (short) " UTC" } }
}

/// [`prose`] of a text that may end with a time in RFC 3339.
pub(super) fn prose_with_time(text: &str) -> Markup {
    let at = text.rsplit_once(' ').and_then(|(before, last)| {
        let at = last.parse::<jiff::Timestamp>().ok()?;
        Some((before, Timestamp::from_millis(at.as_millisecond())))
    });
    match at {
        Some((before, at)) => html! { (sentence(before)) " " (exact_time(at)) "." },
        None => prose(text),
    }
}

/// What went wrong, in the other side's words too, and what to do; as loud as `state` is bad.
pub(super) fn fault(fault: &Fault, state: State) -> Markup {
    let tone = if words(state).0 == "bad" { "bad" } else { "warn" };
    html! {
        div class={ "fault " (tone) } dir="auto" { (told(fault)) }
    }
}

fn told(fault: &Fault) -> Markup {
    html! {
        p.what {
            (prose(&fault.summary))
            @if let Some(said) = &fault.verbatim {
                @if !fault.summary.contains(said.as_str()) { " They said: “" (said) "”" }
            }
        }
        p { (prose(&fault.remedy)) }
    }
}

/// A sentence of ours for people: it begins with a capital and ends with a stop, and what stands
/// between backticks is a command.
pub(super) fn prose(text: &str) -> Markup {
    let text = sentence(text);
    let ended = text.trim_end_matches(['"', '”', '\'']).ends_with(['.', '!', '?', '…']);
    html! {
        @for (index, piece) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (piece) } } @else { (piece) }
        }
        @if !text.is_empty() && !ended { "." }
    }
}

/// A small drawing beside words that say the same.
pub(super) fn icon(icon: Icon) -> Markup {
    let path = match icon {
        Icon::Text => "M5 7h14M5 12h14M5 17h9",
        Icon::File => "M7 3h7l4 4v14H7zM14 3v4h4",
        Icon::Picture => "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
        Icon::Alert => "M12 4l9 16H3zM12 10v4M12 17v.2",
    };
    html! { svg.icon viewBox="0 0 24 24" aria-hidden="true" { path d=(path) {} } }
}

/// The drawings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    /// Lines of text.
    Text,
    /// A file.
    File,
    /// A picture.
    Picture,
    /// Something to look at.
    Alert,
}

/// Octets for people.
pub(super) fn size(octets: usize) -> String {
    match octets {
        0..=999 => format!("{octets} B"),
        1_000..=999_999 => format!("{} kB", (octets + 500) / 1_000),
        _ => format!("{}.{} MB", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}

/// Upper-cases the first letter: our errors begin in lower case.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect::<String>().trim_end_matches('.').to_owned()
    })
}

/// Whether a storage is nearly full and the modem's fault, which is shown anyhow, says otherwise or
/// speaks of another one.
pub(super) fn is_untold_alarm(modem: &ModemView, storage: &StorageView) -> bool {
    let told = modem.fault.as_ref().is_some_and(|fault| {
        fault.code == "sms-storage-full"
            && fault.summary.contains(&format!("storage {} ", storage.name))
    });
    storage.is_alarming() && !told
}

fn is_wrong(modem: &ModemView) -> bool {
    modem.fault.is_some() || modem.storages.iter().any(StorageView::is_alarming)
}

/// Whether what is known of network and signal holds now.
pub(super) fn is_heard(modem: &ModemView) -> bool {
    matches!(modem.condition, "ready" | "calling")
}

/// A modem's condition, and what it waits for.
pub(super) fn condition_of(modem: &ModemView) -> &'static str {
    let fault = modem.fault.as_ref().map_or("", |fault| fault.code.as_str());
    match (modem.condition, fault) {
        ("waiting", "not-registered" | "registration-denied") => "no network",
        // SMS go on.
        ("waiting", "roaming") => "SMS only: abroad, no data calls",
        ("waiting", "sms-only") => "SMS only: no data with this SIM",
        ("waiting", "not-registered-for-data") => "SMS only: no data network now",
        // It is looked for all the time.
        ("waiting", _) if modem.until.is_none() => "waiting until it is back",
        _ => condition(modem.condition),
    }
}

pub(super) fn condition(condition: &str) -> &'static str {
    match condition {
        "starting" => "starting",
        "ready" => "ready",
        "calling" => "in a data call",
        "recovering" => "being brought back",
        "waiting" => "waiting to try again",
        "failed" => "needs you",
        _ => "unknown",
    }
}

pub(super) fn tone_of_modem(modem: &ModemView) -> &'static str {
    match modem.condition {
        "waiting" | "failed" => "bad",
        _ if is_wrong(modem) => "warn",
        "ready" => "good",
        _ => "busy",
    }
}

pub(super) fn signal(dbm: i16) -> Markup {
    let bars = match dbm {
        ..=-110 => 0,
        -109..=-100 => 1,
        -99..=-90 => 2,
        -89..=-78 => 3,
        _ => 4,
    };
    html! {
        span.signal title={ (dbm) " dBm" } role="img" aria-label={ "Signal " (bars) " of 4, " (dbm) " dBm" } {
            @for bar in 1..=4 {
                span class={ "bar b" (bar) @if bar <= bars { " on" } } {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(size(512), "512 B");
        assert_eq!(size(250_300), "250 kB");
        assert_eq!(size(1_250_000), "1.2 MB");
    }

    #[test]
    fn errors_become_sentences() {
        assert_eq!(sentence("no answer from the modem."), "No answer from the modem");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn prose_ends_once_and_shows_commands() {
        assert_eq!(prose("look with `mm1gate decode`").0, "Look with <code>mm1gate decode</code>.");
        assert_eq!(prose("they said \"Call 150.\"").0, "They said &quot;Call 150.&quot;");
        assert_eq!(prose("<b>").0, "&lt;b&gt;.");
        assert_eq!(prose("").0, "");
    }

    #[test]
    fn time_in_a_text_is_left_to_the_script() {
        assert_eq!(
            prose_with_time("next attempt at 2026-11-21T03:54:56.923Z").0,
            "Next attempt at <time datetime=\"2026-11-21T03:54:56.923Z\" data-exact>\
             2026-11-21 03:54:56 UTC</time>."
        );
        assert_eq!(prose_with_time("attempt 1").0, "Attempt 1.");
    }
}
