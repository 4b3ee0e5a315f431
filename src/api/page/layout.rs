//! The frame of every page, and the small pieces that several pages show.

use maud::{DOCTYPE, Markup, html};

use crate::api::problem::Problem;
use crate::gateway::ModemView;
use crate::model::{Fault, InboundState, OutboundState, State, Timestamp};

/// A whole page.
pub(super) fn shell(title: &str, modems: Option<&[ModemView]>, body: &Markup) -> Markup {
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
                    @if let Some(modems) = modems {
                        (modem_strip(modems))
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
            @if problem.errors.is_empty() {
                p { (sentence(&problem.detail)) "." }
            } @else {
                ul {
                    @for error in &problem.errors { li { (sentence(&error.detail)) } }
                }
            }
            @if let Some(hint) = &problem.hint { p.muted { "Try: " (hint) "." } }
            p { a.button href="/" { "Back to the messages" } }
        }
    };
    shell(&problem.title, None, &body)
}

/// The modems' conditions.
fn modem_strip(modems: &[ModemView]) -> Markup {
    html! {
        ul #modems .modems aria-label="Modems" data-live {
            @for modem in modems {
                li.modem data-key=(modem.name) {
                    span class={ "dot " (tone_of_modem(modem)) } aria-hidden="true" {}
                    span.modem-name { (modem.name) }
                    span.modem-condition { (condition(modem.condition)) }
                    @if let Some(operator) = &modem.operator {
                        span.modem-operator { (operator) }
                    }
                    @if let Some(dbm) = modem.signal_dbm { (signal(dbm)) }
                    @if let Some(fault) = &modem.fault {
                        p.modem-fault { (sentence(&fault.summary)) ". Try: " (fault.remedy) "." }
                    }
                }
            }
            @if modems.is_empty() {
                li.modem data-key="none" {
                    span.dot.muted-dot aria-hidden="true" {}
                    span.modem-condition { "No modem is configured" }
                }
            }
        }
    }
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

/// What went wrong, in the other side's words too, and what to do.
pub(super) fn fault(fault: &Fault) -> Markup {
    html! {
        div.fault {
            p {
                strong { (sentence(&fault.summary)) "." }
                @if let Some(said) = &fault.verbatim {
                    @if !fault.summary.contains(said.as_str()) { " They said: “" (said) "”." }
                }
            }
            p { "Try: " (fault.remedy) "." }
        }
    }
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

fn condition(condition: &str) -> &str {
    match condition {
        "starting" => "starting",
        "ready" => "ready",
        "calling" => "in a data call",
        "waiting" => "waiting to try again",
        other => other,
    }
}

fn tone_of_modem(modem: &ModemView) -> &'static str {
    match modem.condition {
        "waiting" => "bad",
        _ if modem.fault.is_some() => "warn",
        "ready" => "good",
        _ => "busy",
    }
}

fn signal(dbm: i16) -> Markup {
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
}
