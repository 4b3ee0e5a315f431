//! `GET /metrics`: figures for Prometheus (OpenMetrics 1.0). Labels hold names from the configuration
//! and words of ours, never numbers of people, SIMs or modems.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Context;
use super::figures;
use super::problem::Problem;
use crate::gateway::{Gateway, ModemView};
use crate::gateway::{Registration, Rung};

/// What OpenMetrics asks for.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfModem {
    modem: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStorage {
    modem: String,
    storage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStep {
    modem: String,
    step: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPort {
    modem: String,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMessage {
    direction: &'static str,
    kind: &'static str,
    result: &'static str,
    /// Empty, which Prometheus takes as absent, where there is none.
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    queue: &'static str,
}

/// Answers with the figures of this moment.
pub(super) async fn metrics(State(context): State<Context>) -> Result<Response, Problem> {
    let text = text(&context.gateway).await?;
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((kind, text).into_response())
}

async fn text(gateway: &Gateway) -> Result<String, Problem> {
    let mut registry = Registry::with_prefix("mms");
    let build = vec![("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The program", Info::new(build));
    of_modems(&mut registry, &gateway.modems());
    of_messages(&mut registry, gateway);
    of_queues(&mut registry, gateway).await?;
    figures::counted(&mut registry, gateway);
    figures::of_now(&mut registry, gateway).await?;
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = encode(&mut out, &registry);
    Ok(out)
}

fn of_modems(registry: &mut Registry, modems: &[ModemView]) {
    let up = Family::<OfModem, Gauge>::default();
    let signal = Family::<OfModem, Gauge>::default();
    let registration = Family::<OfModem, Gauge>::default();
    let roaming = Family::<OfModem, Gauge>::default();
    let used = Family::<OfStorage, Gauge>::default();
    let places = Family::<OfStorage, Gauge>::default();
    let unreadable = Family::<OfStorage, Gauge>::default();
    let steps = Family::<OfStep, Counter>::default();
    let losses = Family::<OfModem, Counter>::default();
    let recoveries = Family::<OfModem, Counter>::default();
    let brown_outs = Family::<OfModem, Counter>::default();
    let octets = Family::<OfPort, Counter>::default();
    let calls = Family::<OfModem, Counter>::default();
    let carried = Family::<OfPort, Counter>::default();
    let month = Family::<OfModem, Gauge>::default();
    let month_abroad = Family::<OfModem, Gauge>::default();
    let cap = Family::<OfModem, Gauge>::default();
    for modem in modems {
        let name = || modem.name.clone();
        let label = OfModem { modem: name() };
        up.get_or_create(&label).set(matches!(modem.condition, "ready" | "calling").into());
        if let Some(dbm) = modem.signal_dbm {
            signal.get_or_create(&label).set(dbm.into());
        }
        if let Some(state) = modem.registration {
            if let Some(stat) = stat(state) {
                registration.get_or_create(&label).set(stat);
            }
            roaming.get_or_create(&label).set((state == Registration::Roaming).into());
        }
        for storage in &modem.storages {
            let label = OfStorage { modem: name(), storage: storage_label(&storage.name) };
            // There may be several others.
            used.get_or_create(&label).inc_by(storage.used.into());
            places.get_or_create(&label).inc_by(storage.total.into());
            unreadable.get_or_create(&label).inc_by(0);
        }
        for sms in &modem.unreadable {
            let label = OfStorage { modem: name(), storage: storage_label(&sms.storage) };
            unreadable.get_or_create(&label).inc();
        }
        for (rung, count) in Rung::ALL.iter().zip(modem.recovery.steps) {
            let label = OfStep { modem: name(), step: rung.as_str() };
            steps.get_or_create(&label).inc_by(count);
        }
        losses.get_or_create(&label).inc_by(modem.recovery.losses);
        recoveries.get_or_create(&label).inc_by(modem.recovery.recoveries);
        brown_outs.get_or_create(&label).inc_by(modem.recovery.brown_outs);
        let (made, sent, received) = modem.calls;
        calls.get_or_create(&label).inc_by(made);
        for (direction, count) in [("out", sent), ("in", received)] {
            carried.get_or_create(&OfPort { modem: name(), direction }).inc_by(count);
        }
        if let Some(data) = &modem.data {
            let gauge = |octets: u64| i64::try_from(octets).unwrap_or(i64::MAX);
            month.get_or_create(&label).set(gauge(data.used.octets()));
            month_abroad.get_or_create(&label).set(gauge(data.used.roaming_octets));
            if let Some(octets) = data.cap {
                cap.get_or_create(&label).set(gauge(octets));
            }
        }
        for (direction, count) in [("out", modem.octets.0), ("in", modem.octets.1)] {
            octets.get_or_create(&OfPort { modem: name(), direction }).inc_by(count);
        }
    }
    registry.register("modem_up", "Whether the modem can be used now", up);
    registry.register("modem_signal_dbm", "Signal strength", signal);
    registry.register(
        "modem_registration_state",
        "Registration as <stat> of 3GPP TS 27.007: 0 not registered, 1 home, 2 searching, 3 denied, \
         4 no coverage, 5 roaming, 6 SMS only, 8 emergency calls only",
        registration,
    );
    registry.register("modem_roaming", "Whether it is registered with another network", roaming);
    registry.register("modem_sms_storage_used", "Places in use of an SMS storage", used);
    registry.register("modem_sms_storage_places", "Places in all of an SMS storage", places);
    registry.register(
        "modem_sms_unreadable",
        "Messages of an SMS storage that the modem does not give out",
        unreadable,
    );
    registry.register("modem_recovery_steps", "Steps taken to bring the modem back", steps);
    registry.register("modem_losses", "Times the modem was lost", losses);
    registry.register("modem_recoveries", "Times the modem came back", recoveries);
    registry.register(
        "modem_brown_outs",
        "Times the port vanished right after dialling, for want of power",
        brown_outs,
    );
    registry.register("data_calls", "Data calls since the start", calls);
    registry.register(
        "data_call_octets",
        "Octets of IP packets of data calls since the start, as operators count them",
        carried,
    );
    registry.register(
        "data_month_octets",
        "The same of the SIM in this calendar month, both directions",
        month,
    );
    registry.register(
        "data_month_roaming_octets",
        "How many of them went through another network",
        month_abroad,
    );
    registry.register(
        "data_month_cap_octets",
        "Octets of a calendar month after which no call is made",
        cap,
    );
    registry.register("modem_octets", "Octets on the modem\u{2019}s ports", octets);
}

/// `<mem>` of `+CPMS` (3GPP TS 27.005 clause 3.2.2); what else a modem says is not ours to repeat.
fn storage_label(name: &str) -> &'static str {
    const KNOWN: [&str; 6] = ["BM", "ME", "MT", "SM", "TA", "SR"];
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("other")
}

/// `<stat>` of `+CREG` (3GPP TS 27.007 clause 7.2); none where the modem tells nothing.
const fn stat(registration: Registration) -> Option<i64> {
    Some(match registration {
        Registration::NotRegistered => 0,
        Registration::Home => 1,
        Registration::Searching => 2,
        Registration::Denied => 3,
        Registration::NoCoverage => 4,
        Registration::Roaming => 5,
        Registration::SmsOnly => 6,
        Registration::EmergencyOnly => 8,
        Registration::Unknown => return None,
    })
}

fn of_messages(registry: &mut Registry, gateway: &Gateway) {
    let messages = Family::<OfMessage, Counter>::default();
    for (outcome, count) in gateway.outcomes() {
        let label = OfMessage {
            direction: outcome.direction.as_str(),
            kind: outcome.kind.as_str(),
            result: outcome.result,
            route: outcome.route.unwrap_or_default(),
        };
        messages.get_or_create(&label).inc_by(count);
    }
    registry.register("messages", "Messages that reached an outcome since the start", messages);
}

async fn of_queues(registry: &mut Registry, gateway: &Gateway) -> Result<(), Problem> {
    let depth = Family::<OfQueue, Gauge>::default();
    let oldest = Family::<OfQueue, Gauge>::default();
    let now = gateway.now();
    for queue in gateway.queues().await? {
        let label = OfQueue { queue: queue.name };
        depth.get_or_create(&label).set(i64::try_from(queue.depth).unwrap_or(i64::MAX));
        let age = queue.oldest.map_or(0, |oldest| now.since(oldest).as_secs());
        oldest.get_or_create(&label).set(i64::try_from(age).unwrap_or(i64::MAX));
    }
    registry.register("queue_depth", "What waits or is under way", depth);
    registry.register("queue_oldest_seconds", "Age of the oldest of it", oldest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_that_a_modem_made_up_is_no_label() {
        assert_eq!(storage_label("SM"), "SM");
        for odd in ["", "sm", "SM\"} 1", "+447700900123"] {
            assert_eq!(storage_label(odd), "other");
        }
    }
}
