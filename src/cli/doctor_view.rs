//! The checks of `doctor` while the gateway runs: what it tells of a modem, and which check each of
//! its faults belongs to.

use serde_json::Value;

use super::doctor::Report;
use super::doctor_modem::{ASKED, POWER_FIX, operator, signal, storages};
use crate::gateway::ModemConfig;
use crate::model::Fault;
use crate::modem::probe::Storage;

/// Which check a fault belongs to; none for those that say nothing about modem or operator.
fn check_of(code: &str) -> Option<&'static str> {
    Some(match code {
        "port-missing" | "port-gone" | "no-modem" | "several-modems" | "modem-not-plugged-in" => {
            "modem-plugged-in"
        }
        "modem-in-storage-mode"
        | "modem-is-hilink"
        | "modem-cannot-dial"
        | "modem-in-boot-loader"
        | "modem-refused"
        | "modem-without-driver"
        | "modem-changed"
        | "modem-unknown" => "modem-shape",
        "port-denied" => "permission",
        "port-busy" => "port-free",
        "port-not-serial" | "port-error" | "modem-silent" | "modem-timeout"
        | "modem-unreadable" | "stuck-in-data-mode" => "port-answers",
        "no-sim" | "sim-busy" => "sim",
        "pin-needed"
        | "pin-malformed"
        | "pin-wrong"
        | "pin-too-few-attempts"
        | "puk-needed"
        | "sim-locked" => "pin",
        "not-registered" | "registration-denied" | "not-attached" => "network",
        "sms-storage-full" | "sms-delete-failed" => "storage",
        "brown-out" => "power",
        "apn-refused" | "call-failed" | "no-connect" | "no-free-context" => "operator-settings",
        _ => return None,
    })
}

/// Checks what the gateway tells of a modem.
pub(super) fn examine(view: &Value, config: Option<&ModemConfig>, report: &mut Report) {
    let fault: Option<Fault> = read(view, &["fault"]);
    let failing = fault.as_ref().and_then(|it| check_of(&it.code));
    let condition = view.get("condition").and_then(Value::as_str).unwrap_or("unknown");
    let ready = matches!(condition, "ready" | "calling");
    let order: Vec<&str> = ASKED.iter().copied().chain(["power", "operator-settings"]).collect();
    let failed_at = failing.map(|name| order.iter().position(|it| *it == name).unwrap_or(0));
    if let (Some(fault), Some(name)) = (&fault, failing)
        && !ASKED.contains(&name)
        && !matches!(name, "power" | "operator-settings")
    {
        // Seen by the gateway, whatever this process sees of the same thing.
        report.failed(name, sentence(fault), fault.remedy.clone());
    }
    for (index, name) in ASKED.into_iter().enumerate() {
        if failing == Some(name) {
            if let Some(fault) = &fault {
                report.failed(name, sentence(fault), fault.remedy.clone());
            }
            continue;
        }
        // What comes behind a fault of the way there is not known.
        let known = ready || failed_at.is_some_and(|at| index < at);
        match name {
            "signal" => match read::<i16>(view, &["signal_dbm"]) {
                Some(dbm) => signal(Some(dbm), report),
                None => report.not_applicable(name, "the gateway does not know yet"),
            },
            "storage" => storage(view, report),
            "network" if known => {
                let registration: Option<String> = read(view, &["registration"]);
                let operator: Option<String> = read(view, &["operator"]);
                let mut words = operator.unwrap_or_else(|| "registered".to_owned());
                if let Some(state) = registration {
                    words.push_str(&format!(" ({state})"));
                }
                report.ok(name, words);
            }
            "port-answers" if known => report.ok(name, format!("the gateway says: {condition}")),
            "sms" if known => report.not_applicable(
                name,
                "ask with `mm1gate modem probe` while the gateway does not run",
            ),
            _ if known => report.ok(name, "in order, says the gateway"),
            _ => report.not_applicable(name, format!("the gateway says: {condition}")),
        }
    }
    power(view, fault.as_ref(), report);
    if failing == Some("operator-settings")
        && let Some(fault) = &fault
    {
        report.failed("operator-settings", sentence(fault), fault.remedy.clone());
    } else if let (Some(fault), None) = (&fault, failing) {
        report.failed("gateway-fault", sentence(fault), fault.remedy.clone());
    }
    operator(config, report);
}

/// Whether the modem lost its power when it began to send.
fn power(view: &Value, fault: Option<&Fault>, report: &mut Report) {
    let name = "power";
    let last: Option<Fault> =
        read(view, &["last_error"]).or_else(|| read(view, &["last_error", "fault"]));
    let told = fault.filter(|it| it.code == "brown-out").cloned();
    let told = told.or_else(|| last.filter(|it| it.code == "brown-out"));
    let count: u64 = read(view, &["recovery", "brown_outs"]).unwrap_or(0);
    match told {
        Some(fault) => report.failed(name, sentence(&fault), fault.remedy),
        None if count > 0 => report.failed(
            name,
            format!("the modem vanished {count} times as it began to dial: too little power"),
            POWER_FIX,
        ),
        None => report.ok(name, "the modem has not vanished while dialling"),
    }
}

fn storage(view: &Value, report: &mut Report) {
    let list = view.get("storages").and_then(Value::as_array).cloned().unwrap_or_default();
    let read_one = |it: &Value| {
        let number = |key: &str| u16::try_from(it.get(key)?.as_u64()?).ok();
        let name = it.get("name")?.as_str()?.to_owned();
        Some(Storage { name, used: number("used")?, total: number("total")? })
    };
    let told: Vec<Storage> = list.iter().filter_map(read_one).collect();
    if told.is_empty() {
        report.not_applicable("storage", "the gateway does not know yet");
    } else {
        storages(&told, report);
    }
}

fn read<T: serde::de::DeserializeOwned>(view: &Value, path: &[&str]) -> Option<T> {
    let found = path.iter().try_fold(view, |value, key| value.get(key))?;
    serde_json::from_value(found.clone()).ok()
}

fn sentence(fault: &Fault) -> String {
    match &fault.verbatim {
        Some(text) if !fault.summary.contains(text.as_str()) => {
            format!("{} (they said: {text})", fault.summary)
        }
        _ => fault.summary.clone(),
    }
}
