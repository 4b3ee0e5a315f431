//! Who the modem is and where it is registered.

use std::time::Duration;

use mm1gate::model::Clock;
use mm1gate::modem::ModemError;

use crate::hil::bench::{Bench, Outcome, Stop, failed};
use crate::hil::rig::Rig;

/// How long a device may take to come back.
const REPLUG: Duration = Duration::from_secs(120);

/// Maker, model, firmware, IMEI and IMSI are told, and a profile was found.
pub(crate) async fn identify(rig: &Rig, clock: Clock) -> Outcome {
    let bench = Bench::prepare(rig, clock).await?;
    let info = &bench.info;
    for (what, value) in [
        ("no manufacturer", &info.manufacturer),
        ("no model", &info.model),
        ("no firmware", &info.revision),
    ] {
        if value.is_empty() {
            return Err(Stop::Failed(what.to_owned()));
        }
    }
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if info.imei.len() < 14 || !digits(&info.imei) {
        return Err(Stop::Failed("no IMEI".to_owned()));
    }
    if !(14..=15).contains(&info.imsi.len()) || !digits(&info.imsi) {
        return Err(Stop::Failed("no IMSI".to_owned()));
    }
    Ok(format!("{} {} {}", info.manufacturer, info.model, info.revision))
}

/// The PIN is taken where one is wanted, and the network lets the SIM in.
pub(crate) async fn registration(rig: &Rig, clock: Clock) -> Outcome {
    let bench = Bench::prepare(rig, clock).await?;
    let registration = bench.modem.registration().await.map_err(failed("registration"))?;
    if !registration.is_registered() {
        return Err(Stop::Failed(format!("{registration:?}")));
    }
    let signal = bench.modem.signal().await.map_err(failed("signal"))?;
    let signal = signal.map_or_else(|| "unknown".to_owned(), |dbm| format!("{dbm} dBm"));
    let operator = bench.info.operator.as_deref().unwrap_or("a network without a name");
    Ok(format!("{registration:?}, {operator}, signal {signal}"))
}

/// A device that is pulled and plugged in again is found, and works as before.
pub(crate) async fn unplugged_and_back(rig: &Rig, clock: Clock) -> Outcome {
    let bench = Bench::prepare(rig, clock).await?;
    super::super::bench::say("pull the modem's plug now, wait ten seconds, and plug it in again");
    let deadline = tokio::time::Instant::now() + REPLUG;
    let gone = loop {
        match bench.modem.signal().await {
            Err(error @ (ModemError::Port(_) | ModemError::NotReady)) => break error,
            _ if tokio::time::Instant::now() > deadline => {
                return Err(Stop::Failed("the modem never went away".to_owned()));
            }
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    loop {
        match bench.modem.prepare().await {
            Ok(info) if info.imei == bench.info.imei => {
                return Ok(format!("it went ({gone}) and came back"));
            }
            Ok(_) => return Err(Stop::Failed("another modem came back".to_owned())),
            Err(error) if tokio::time::Instant::now() > deadline => {
                return Err(Stop::Failed(format!("it did not come back: {error}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_secs(2)).await,
        }
    }
}
