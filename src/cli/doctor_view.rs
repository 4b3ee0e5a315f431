//! The checks of `doctor` while the gateway runs: what it tells of a modem, and which check each of
//! its faults belongs to.

use super::doctor::Report;
use super::doctor_modem::{ASKED, POWER_FIX, operator, profile_check, signal, storages};
use crate::api::view::Modem;
use crate::gateway::{CAP_WARNING_PERCENT, ModemConfig, megabytes};
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
        | "modem-unusable"
        | "modem-without-driver"
        | "modem-changed"
        | "modem-unknown" => "modem-shape",
        "port-denied" => "permission",
        "port-busy" => "port-free",
        "port-not-serial" | "port-error" | "modem-silent" | "modem-noise" | "multiplexer-ended"
        | "modem-refused" | "modem-unsuitable" | "modem-timeout" | "modem-unreadable"
        | "stuck-in-data-mode" | "call-stays-up" => "port-answers",
        "no-sim" | "sim-busy" => "sim",
        "pin-needed"
        | "pin-memory"
        | "pin-malformed"
        | "pin-wrong"
        | "pin-too-few-attempts"
        | "puk-needed"
        | "sim-locked" => "pin",
        "not-registered"
        | "not-registered-for-data"
        | "registration-denied"
        | "sms-only"
        | "not-attached" => "network",
        "sms-storage-full" | "sms-delete-failed" => "storage",
        "brown-out" => "power",
        "apn-refused" | "call-failed" | "no-connect" | "no-free-context" => "operator-settings",
        _ => return None,
    })
}

/// What is told of the data that a SIM has used.
const DATA_FAULTS: [&str; 2] = ["data-cap-reached", "data-cap-near"];

/// Checks what the gateway tells of a modem.
pub(super) fn examine(view: &Modem, config: Option<&ModemConfig>, report: &mut Report) {
    // What is used of the month's data has a check of its own.
    let fault = view.fault.as_ref().filter(|it| !DATA_FAULTS.contains(&it.code.as_str()));
    let failing = fault.and_then(|it| check_of(&it.code));
    let condition = view.condition.as_str();
    let ready = matches!(condition, "ready" | "calling");
    let order: Vec<&str> = ASKED.iter().copied().chain(["power", "operator-settings"]).collect();
    // Faults of the way to the modem come before everything that is asked.
    let failed_at = failing.map(|name| order.iter().position(|it| *it == name).unwrap_or(0));
    if let (Some(fault), Some(name)) = (fault, failing)
        && !order.contains(&name)
    {
        // Seen by the gateway, whatever this process sees of the same thing.
        report.failed(name, sentence(fault), fault.remedy.clone());
    }
    for (index, name) in ASKED.into_iter().enumerate() {
        if let Some(fault) = fault.filter(|_| failing == Some(name)) {
            report.failed(name, sentence(fault), fault.remedy.clone());
            continue;
        }
        // What comes behind a fault of the way there is not known.
        let known = ready || failed_at.is_some_and(|at| index < at);
        match name {
            "signal" if view.signal_dbm.is_some() => signal(view.signal_dbm, report),
            "storage" if !view.storages.is_empty() => storage(view, report),
            "signal" | "storage" => report.not_applicable(name, "the gateway does not know yet"),
            "network" if known => network(view, report),
            "port-answers" if known => report.ok(name, format!("the gateway says: {condition}")),
            "sms" if known => report.not_applicable(
                name,
                "ask with `mm1gate modem probe` while the gateway does not run",
            ),
            _ if known => report.ok(name, "in order, says the gateway"),
            _ => report.not_applicable(name, format!("the gateway says: {condition}")),
        }
    }
    power(view, report);
    data(view, report);
    match (fault, failing) {
        (Some(fault), Some("operator-settings")) => {
            report.failed("operator-settings", sentence(fault), fault.remedy.clone());
        }
        (Some(fault), None) => {
            report.failed("gateway-fault", sentence(fault), fault.remedy.clone());
        }
        _ => {}
    }
    if let Some(profile) = &view.profile {
        let reason = view.profile_reason.as_deref().unwrap_or("of its name");
        profile_check(profile, reason, view.profile_verified, report);
    }
    operator(config, report);
}

fn network(view: &Modem, report: &mut Report) {
    let mut words = view.operator.clone().unwrap_or_else(|| "registered".to_owned());
    if let Some(state) = &view.registration {
        words.push_str(&format!(" ({state})"));
    }
    report.ok("network", words);
}

/// Whether the month's data suffices.
fn data(view: &Modem, report: &mut Report) {
    let name = "data";
    let Some(data) = &view.data else {
        return report.not_applicable(name, "the gateway does not know the SIM yet");
    };
    let used = data.octets_out.saturating_add(data.octets_in);
    let text = match data.cap_octets {
        Some(cap) => format!("{} of {} used in {}", megabytes(used), megabytes(cap), data.month),
        None => format!("{} used in {}, without a cap", megabytes(used), data.month),
    };
    let told = view.fault.as_ref().filter(|it| DATA_FAULTS.contains(&it.code.as_str()));
    let remedy = || {
        told.map_or_else(
            || "raise monthly_cap_mb in the configuration and restart the gateway".to_owned(),
            |fault| fault.remedy.clone(),
        )
    };
    if data.cap_reached {
        report.failed(name, text, remedy());
    } else if data.cap_octets.is_some_and(|cap| used >= cap / 100 * CAP_WARNING_PERCENT) {
        report.warning(name, text, remedy());
    } else {
        report.ok(name, text);
    }
}

/// Whether the modem lost its power when it began to send.
pub(super) fn power(view: &Modem, report: &mut Report) {
    let name = "power";
    let faults = view.fault.iter().chain(&view.last_error);
    let steps = view.recovery_steps.iter().map(|it| &it.cause);
    let told = faults.chain(steps).find(|it| it.code == "brown-out");
    match told {
        Some(fault) => report.failed(name, sentence(fault), fault.remedy.clone()),
        None if view.brown_outs > 0 => report.failed(
            name,
            format!(
                "the modem vanished {} times as it began to dial: too little power",
                view.brown_outs
            ),
            POWER_FIX,
        ),
        None => report.ok(name, "the modem has not vanished while dialling"),
    }
}

fn storage(view: &Modem, report: &mut Report) {
    let alarm = view.storages.iter().any(|it| it.alarm);
    // Nobody misses a status report.
    let places = view.unreadable_sms.iter().filter(|it| it.storage != "SR");
    let places = places.map(|it| format!("{} {} ({})", it.storage, it.index, it.answer));
    let places = places.collect::<Vec<_>>().join(", ");
    if !alarm && !places.is_empty() {
        return report.warning(
            "storage",
            format!("the modem does not give out the messages at {places}; all others come in"),
            "put the SIM into a phone, and read or delete them there",
        );
    }
    let small = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let told: Vec<Storage> = view
        .storages
        .iter()
        .map(|it| Storage { name: it.name.clone(), used: small(it.used), total: small(it.total) })
        .collect();
    storages(&told, report);
}

pub(super) fn sentence(fault: &Fault) -> String {
    match &fault.verbatim {
        Some(text) if !fault.summary.contains(text.as_str()) => {
            format!("{} (they said: {text})", fault.summary)
        }
        _ => fault.summary.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::doctor::{Check, Outcome};
    use super::*;
    use crate::model::Explain;
    use crate::modem::{ModemError, PortError};

    /// The checks of a view that differs in these keys from that of a modem in order.
    fn checks(keys: Value) -> Vec<Check> {
        let mut view = json!({ "name": "desk", "condition": "ready", "octets_out": 1, "octets_in": 1,
            "operator": "Example", "registration": "home", "signal_dbm": -71,
            "storages": [{ "name": "SM", "used": 1, "total": 20, "alarm": false }] });
        let Value::Object(keys) = keys else { panic!("no object") };
        view.as_object_mut().unwrap().extend(keys);
        let view: Modem = serde_json::from_value(view).unwrap();
        let mut report = Report::default();
        examine(&view, None, &mut report);
        report.checks
    }

    fn result<'a>(checks: &'a [Check], name: &str) -> &'a Check {
        checks.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("{name}: {checks:?}"))
    }

    #[test]
    fn modem_in_order_passes() {
        let checks = checks(json!({}));
        assert!(checks.iter().all(|it| it.result != Outcome::Failed), "{checks:?}");
        for name in ["port-answers", "sim", "pin", "network", "signal", "storage", "power"] {
            assert_eq!(result(&checks, name).result, Outcome::Ok, "{name}");
        }
    }

    #[test]
    fn fault_fails_its_check_and_leaves_open_what_comes_behind() {
        let text = || "x".to_owned();
        for (error, name, open) in [
            (ModemError::Port(PortError::Denied { port: text() }), "permission", "port-answers"),
            (ModemError::NoAnswer { port: text() }, "port-answers", "sim"),
            (ModemError::NoSim { answer: text() }, "sim", "pin"),
            (ModemError::PinWrong { left: Some(2) }, "pin", "network"),
            (ModemError::RegistrationDenied, "network", "sms"),
        ] {
            let fault = error.to_fault();
            let keys = json!({ "condition": "failed", "fault": fault, "signal_dbm": null });
            let checks = checks(keys);
            let found = result(&checks, name);
            assert_eq!(found.result, Outcome::Failed, "{name}: {checks:?}");
            assert_eq!(found.fix.as_deref(), Some(fault.remedy.as_str()));
            assert_eq!(result(&checks, open).result, Outcome::NotApplicable, "{open}");
        }
    }

    #[test]
    fn brown_out_is_named_while_it_lasts_and_afterwards() {
        let fault = json!({ "layer": "modem", "code": "brown-out", "summary": "the modem vanished \
            3 s after dialling", "verbatim": null, "remedy": "use a powered hub", "blame": "modem" });
        let step = json!({ "at": "2026-11-21T10:00:00Z", "step": "reopen", "seconds": 9.0,
            "result": "worked", "cause": fault });
        for keys in [
            json!({ "condition": "waiting", "fault": fault }),
            json!({ "last_error": fault }),
            json!({ "recovery_steps": [step] }),
        ] {
            let checks = checks(keys);
            let found = result(&checks, "power");
            assert_eq!(found.result, Outcome::Failed, "{checks:?}");
            assert_eq!(found.fix.as_deref(), Some("use a powered hub"));
        }
        let checks = checks(json!({ "brown_outs": 2 }));
        assert!(result(&checks, "power").text.contains("2 times"));
        assert!(result(&checks, "power").fix.as_deref().unwrap().contains("power supply"));
    }

    #[test]
    fn fault_of_no_check_is_told_all_the_same() {
        let fault = json!({ "layer": "store", "code": "odd", "summary": "odd", "verbatim": "why",
            "remedy": "look", "blame": "gateway" });
        let checks = checks(json!({ "fault": fault }));
        assert_eq!(result(&checks, "gateway-fault").text, "odd (they said: why)");
    }

    #[test]
    fn data_of_the_month_is_told_and_its_cap_warned_of() {
        let checked = |used: u64, cap: Value| {
            let reached = cap.as_u64().is_some_and(|cap| used >= cap);
            let data = json!({ "month": "2026-11", "time_zone": "UTC", "calls": 3,
                "month_ends_at": "2026-12-01T00:00:00.000Z", "octets_out": used, "octets_in": 0,
                "roaming_calls": 0, "roaming_octets": 0, "cap_octets": cap,
                "cap_reached": reached });
            let fault = json!({ "layer": "bearer", "code": "data-cap-reached", "summary": "used",
                "verbatim": null, "remedy": "raise it", "blame": "caller" });
            let checks = checks(json!({ "data": data, "fault": reached.then_some(fault) }));
            assert!(!checks.iter().any(|it| it.name == "gateway-fault"), "{checks:?}");
            let found = result(&checks, "data");
            (found.result, found.text.clone(), found.fix.clone())
        };
        let (result, text, _) = checked(3_200_000, json!(50_000_000));
        assert_eq!((result, text.as_str()), (Outcome::Ok, "3.2 MB of 50 MB used in 2026-11"));
        assert_eq!(checked(40_000_000, json!(50_000_000)).0, Outcome::Warning);
        let (result, _, fix) = checked(50_000_000, json!(50_000_000));
        assert_eq!((result, fix.as_deref()), (Outcome::Failed, Some("raise it")));
        assert!(checked(9, Value::Null).1.ends_with("without a cap"));
    }

    #[test]
    fn full_storage_of_the_view_fails() {
        let full = json!([{ "name": "SM", "used": 20, "total": 20, "alarm": true }]);
        let checks = checks(json!({ "storages": full }));
        assert_eq!(result(&checks, "storage").result, Outcome::Failed);
    }
}
