//! The page of one modem: how it fares, what it is, how full its SIM is, and what was done for it.

use maud::{Markup, html};

use super::layout::{
    Strip, condition_of, exact_time, fault_of_modem, is_heard, is_untold_alarm, prose, sentence,
    shell, signal, time, tone_of_modem,
};
use crate::gateway::{
    CAP_WARNING_PERCENT, DataView, ModemView, PortSharing, StorageView, megabytes,
};
use crate::gateway::{RecoveryStep, Registration, Rung, StepResult};

/// Steps shown, the latest.
const SHOWN_STEPS: usize = 12;

/// The page.
pub(super) fn page(modems: &[ModemView], modem: &ModemView, alarms: &Markup) -> Markup {
    let tone = tone_of_modem(modem);
    let body = html! {
        p.back { a href="/" { "← All messages" } }
        (alarms)
        div #detail .detail data-live {
            article.card.content data-key="content" {
                header {
                    h1 { "Modem " (modem.name) }
                    div.message-foot {
                        span class={ "badge " (tone) } { (sentence(condition_of(modem))) }
                        span.muted { "since " (time(modem.since)) }
                    }
                }
                (fault_of_modem(modem))
                dl.facts {
                    (fact("Network", &network(modem)))
                    @if let Some(dbm) = modem.signal_dbm.filter(|_| is_heard(modem)) {
                        dt { "Signal" }
                        dd { (signal(dbm)) " " (dbm) " dBm" }
                    }
                    @for storage in &modem.storages {
                        dt { "Messages held in " (storage_name(&storage.name)) }
                        dd { (gauge(storage, is_untold_alarm(modem, storage))) }
                    }
                    @if let Some(data) = &modem.data {
                        dt { "Data used in " (data.month.in_words()) }
                        dd { (data_use(data)) }
                    }
                    @if let Some(sim) = &modem.sim {
                        @if !sim.imsi.is_empty() { (fact("SIM (IMSI)", &sim.imsi)) }
                        @if !sim.iccid.is_empty() { (fact("SIM card number", &sim.iccid)) }
                    }
                    @if let Some(until) = modem.until {
                        // A modem that needs somebody is only asked how it is; no PIN is tried.
                        dt { @if modem.condition == "failed" { "Looked at again" } @else { "Next attempt" } }
                        dd { "by " (exact_time(until)) }
                    }
                    @if let (Some((at, fault)), None) = (&modem.last_error, &modem.fault) {
                        dt { "Last trouble, over now" }
                        dd { (time(*at)) ": " (prose(&fault.summary)) }
                    }
                }
            }
            div.side data-key="side" {
                section.card {
                    h2 { "The device" }
                    dl {
                        @let device = &modem.device;
                        (fact("Maker and model", &format!("{} {}", device.manufacturer, device.model)))
                        (fact("Firmware", &device.revision))
                        (fact("Ports", &device.ports.join(", ")))
                        @if let Some(sharing) = device.sharing { (fact("SMS and data calls", share(sharing))) }
                        (fact("Driven as", &driven_as(modem)))
                        @if !modem.mms {
                            (fact("MMS", "no: neither the configuration nor the table of operators has settings for it"))
                        }
                    }
                }
                @if !modem.steps.is_empty() {
                    section.card {
                        h2 { "What was done for it" }
                        ol.timeline {
                            @for step in modem.steps.iter().rev().take(SHOWN_STEPS) { (step_item(step)) }
                        }
                    }
                }
            }
        }
    };
    shell(&format!("Modem {}", modem.name), Strip::Brief(modems), &body)
}

fn fact(name: &str, value: &str) -> Markup {
    html! {
        @if !value.trim().is_empty() { dt { (name) } dd { (value.trim()) } }
    }
}

fn network(modem: &ModemView) -> String {
    // What a modem said before it fell silent says nothing of now; that no network lets it in does.
    let missing = modem.registration.is_some_and(|it| !it.is_registered());
    let will_show = missing && modem.condition == "waiting" && modem.until.is_none();
    if !(is_heard(modem) || will_show) {
        return String::new();
    }
    let operator = modem.operator.as_deref().unwrap_or_default();
    let state = match modem.registration {
        None => "",
        Some(Registration::Home) => "its own network",
        Some(Registration::Roaming) => "roaming in another network: data may be expensive",
        Some(Registration::SmsOnly) => {
            "SMS only: the network gives this SIM no data, and so no MMS"
        }
        Some(Registration::EmergencyOnly) => "emergency calls only",
        Some(Registration::Searching) => "searching for a network",
        Some(Registration::Denied) => "the network denies this SIM",
        Some(Registration::NotRegistered) => "no network, and not searching",
        Some(Registration::NoCoverage) => "no coverage now",
        Some(Registration::Unknown) => "the modem does not tell its registration",
    };
    [operator, state].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

fn storage_name(name: &str) -> &str {
    match name {
        "SM" => "the SIM",
        "ME" => "the modem",
        other => other,
    }
}

/// How full a storage is, and what follows when it is nearly so unless that is told already.
fn gauge(storage: &StorageView, alarm: bool) -> Markup {
    html! {
        span.gauge {
            meter min="0" max=(storage.total) value=(storage.used)
                high=(storage.total.saturating_mul(4) / 5) optimum="0" {}
            " " (storage.used) " of " (storage.total)
        }
        @if alarm {
            p.alarm {
                "Nearly full: nothing arrives once it is. Delete messages with a phone, or restart \
                 the gateway if it should have emptied it."
            }
        }
    }
}

/// How much of the month's data is used.
fn data_use(data: &DataView) -> Markup {
    let used = data.used.octets();
    let calls = match data.used.calls {
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    html! {
        @if let Some(cap) = data.cap {
            span.gauge {
                meter min="0" max=(cap) value=(used) high=(cap / 100 * CAP_WARNING_PERCENT)
                    optimum="0" {}
                " " (megabytes(used)) " of " (megabytes(cap)) ", " (calls)
            }
        } @else {
            (megabytes(used)) ", " (calls)
        }
        @if data.used.roaming_calls > 0 {
            p.muted {
                (megabytes(data.used.roaming_octets)) " of it in other networks, "
                (data.used.roaming_calls) " of the calls"
            }
        }
    }
}

const fn share(sharing: PortSharing) -> &'static str {
    match sharing {
        PortSharing::One => "one port: SMS wait until a data call is over",
        PortSharing::Two => "two ports: SMS come in during data calls too",
        PortSharing::Multiplexed => {
            "one port with several channels: SMS come in during data calls too"
        }
    }
}

fn driven_as(modem: &ModemView) -> String {
    let device = &modem.device;
    let reason = match device.profile_reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    let verified = if device.profile_verified { "" } else { ", not yet verified with this model" };
    format!("{}{reason}{verified}", device.profile)
}

fn step_item(step: &RecoveryStep) -> Markup {
    let (tone, result) = match &step.result {
        StepResult::Worked => ("good", "it works again".to_owned()),
        StepResult::Failed(fault) => ("warn", fault.summary.clone()),
        StepResult::NotPossible(reason) => ("idle", reason.clone()),
    };
    html! {
        li class=(tone) {
            div.step {
                strong {
                    @if let StepResult::NotPossible(_) = step.result { "Not possible: " }
                    (done(step.rung))
                }
                (exact_time(step.at))
            }
            p { (prose(&step.cause.summary)) }
            p.muted { (prose(&result)) }
        }
    }
}

/// A step in words for people, which say what was tried and not that it helped.
const fn done(rung: Rung) -> &'static str {
    match rung {
        Rung::Resync => "Asking until it answers",
        Rung::Initialise => "Setting it up again",
        Rung::Reopen => "Closing and opening the port",
        Rung::OtherPort => "Taking the other port",
        Rung::Restart => "Restarting the modem",
        Rung::UsbReset => "Resetting the USB port",
    }
}
