//! The figures of `/metrics` that are about sending, telling and what stands in the way.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::problem::Problem;
use crate::gateway::Gateway;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDirection {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDelivery {
    kind: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLimit {
    modem: String,
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAlarm {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPause {
    /// `gateway`, or the name of a modem.
    scope: String,
    /// `person`, or `sim-refused`: the breaker.
    by: &'static str,
}

/// The code of the alarm by which the breaker of a SIM shows.
const SIM_REFUSED: &str = "sim-refused";

/// What was counted since the start.
pub(super) fn counted(registry: &mut Registry, gateway: &Gateway) {
    let figures = gateway.figures();
    registry.register_with_unit(
        "send_duration",
        "Time from the first octet of a message to the MMSC\u{2019}s answer, of those it has taken",
        Unit::Seconds,
        figures.send_seconds.clone(),
    );
    registry.register_with_unit(
        "ppp_negotiation",
        "Time from CONNECT until IP could be used",
        Unit::Seconds,
        figures.negotiation_seconds.clone(),
    );
    let counts = figures.counts();
    let activations = Family::<OfResult, Counter>::default();
    for (result, count) in counts.activations {
        activations.get_or_create(&OfResult { result }).inc_by(count);
    }
    registry.register(
        "pdp_activations",
        "Tries to get a data context: ok, or the code of what went wrong",
        activations,
    );
    let octets = Family::<OfDirection, Counter>::default();
    for (direction, count) in counts.http_octets {
        octets.get_or_create(&OfDirection { direction }).inc_by(count);
    }
    registry.register(
        "http_bytes",
        "Octets of the PDUs that were handed to the MMSC and fetched from it",
        octets,
    );
    let deliveries = Family::<OfDelivery, Counter>::default();
    for ((kind, result), count) in counts.deliveries {
        deliveries.get_or_create(&OfDelivery { kind, result }).inc_by(count);
    }
    registry.register(
        "webhook_deliveries",
        "Attempts to tell of an event, by kind of endpoint: delivered, tried again, or given up",
        deliveries,
    );
}

/// What waits to be told, and what stands in the way.
pub(super) async fn of_now(registry: &mut Registry, gateway: &Gateway) -> Result<(), Problem> {
    let now = gateway.now();
    let waiting = Family::<OfKind, Gauge>::default();
    let oldest = Family::<OfKind, Gauge>::default();
    for (kind, count, since) in gateway.store().waiting_deliveries().await? {
        let label = OfKind { kind: kind.as_str() };
        waiting.get_or_create(&label).set(whole(count));
        oldest.get_or_create(&label).set(whole(now.since(since).as_secs()));
    }
    registry.register("webhook_waiting", "Events that wait to be told", waiting);
    registry.register("webhook_oldest_seconds", "Age of the oldest of them", oldest);
    let used = Family::<OfLimit, Gauge>::default();
    let most = Family::<OfLimit, Gauge>::default();
    for limit in gateway.limits().await? {
        let label = OfLimit { modem: limit.modem, limit: limit.name };
        // Nothing is counted for what has no limit.
        let Some(ceiling) = limit.most else { continue };
        most.get_or_create(&label).set(whole(ceiling));
        if let Some(count) = limit.used {
            used.get_or_create(&label).set(whole(count));
        }
    }
    registry.register("limit_used", "How much of a limit of the SIM is used", used);
    registry.register("limit_most", "How much it may be", most);
    let paused = Family::<OfPause, Gauge>::default();
    let name = |scope: &str| scope.strip_prefix("modem:").unwrap_or(scope).to_owned();
    for pause in gateway.pauses().await? {
        paused.get_or_create(&OfPause { scope: name(&pause.scope), by: "person" }).set(1);
    }
    let alarms = Family::<OfAlarm, Gauge>::default();
    for alarm in gateway.alarms().await? {
        if alarm.code == SIM_REFUSED {
            paused.get_or_create(&OfPause { scope: name(&alarm.scope), by: SIM_REFUSED }).set(1);
        }
        alarms.get_or_create(&OfAlarm { code: alarm.code }).inc();
    }
    registry.register("sending_paused", "Where sending rests, and by whom", paused);
    registry.register("alarms", "Alarms that hold", alarms);
    let room = Gauge::<i64>::default();
    room.set(gateway.store().has_room().into());
    registry.register("disk_has_room", "Whether new messages are taken", room);
    Ok(())
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
