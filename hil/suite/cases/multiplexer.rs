//! Into the multiplexer and out of it (3GPP TS 27.010 clause 5.8).

use std::time::Duration;

use mm1gate::model::Clock;
use mm1gate::modem::{PortError, PortSharing, Serial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::hil::bench::{Bench, Outcome, Stop, failed};
use crate::hil::rig::Rig;

/// How long the port may take to be free, and the modem to answer on it.
const LIMIT: Duration = Duration::from_secs(5);

/// The driver takes its channels down in the end, the modem then answers on the port itself, and
/// the multiplexer begins again and carries a call as before.
pub(crate) async fn closed_and_opened(rig: &Rig, clock: Clock) -> Outcome {
    for round in ["first", "again"] {
        let mut bench = Bench::prepare(rig, clock).await?;
        match (bench.info.sharing, round) {
            (PortSharing::Multiplexed, _) => {}
            (_, "first") => {
                let why = "the rig has no port that its profile lets be multiplexed";
                return Err(Stop::Cannot(why.to_owned()));
            }
            _ => return Err(Stop::Failed("the multiplexer did not begin again".to_owned())),
        }
        bench.call(async |_| Ok(())).await?;
        let port = bench.info.ports.first().cloned().unwrap_or_default();
        let profiles = rig.profiles().map_err(failed("the profiles"))?;
        let profile = profiles.named(&bench.info.profile.name).map_err(failed("the profile"))?;
        drop(bench);
        answers(rig, &port, profile.serial).await?;
    }
    Ok("closed, answered on the port, opened again".to_owned())
}

/// The modem takes commands on the port itself.
async fn answers(rig: &Rig, name: &str, serial: Serial) -> Result<(), Stop> {
    let deadline = Instant::now() + LIMIT;
    let mut port = loop {
        // The driver that was dropped has the port until it has left the multiplexer.
        sleep(Duration::from_millis(500)).await;
        match rig.ports.open(name).await {
            Ok(port) => break port,
            Err(PortError::Busy { .. }) if Instant::now() < deadline => {}
            Err(error) => return Err(failed("opening the port behind the multiplexer")(error)),
        }
    };
    port.set_serial(serial);
    port.write_all(b"AT\r").await.map_err(failed("asking behind the multiplexer"))?;
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    let deadline = Instant::now() + LIMIT;
    while !heard.ends_with(b"OK\r\n") {
        match timeout_at(deadline, port.read(&mut buffer)).await {
            Ok(Ok(count @ 1..)) => heard.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            _ => {
                let heard = heard.escape_ascii();
                let words = format!("behind the multiplexer AT is answered with \"{heard}\"");
                return Err(Stop::Failed(words));
            }
        }
    }
    // The rest of a banner is nobody's.
    let _ = timeout(Duration::from_millis(100), port.read(&mut buffer)).await;
    Ok(())
}
