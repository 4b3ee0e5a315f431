//! A day with a modem that hangs every 40 minutes until somebody resets it, comes back under other
//! names and has forgotten its settings. Whatever came and went in the meantime arrives.

use std::time::Duration;

use mm1gate::model::Kind;
use mm1gate::sim::{ActiveFault, Fault, ModemConfig, Scenario, Timing, UsbShape};
use tokio::time::Instant;

use crate::judge::{self, Coming, Sent};
use crate::run::World;

/// From one hang to the next.
const EVERY: Duration = Duration::from_secs(40 * 60);
/// Hangs in a day.
const HANGS: u32 = 36;
/// What 95 of 100 recoveries have to stay below.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn modem_that_hangs_all_day_loses_nothing() {
    for control_port in [true, false] {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(day(control_port));
    }
}

async fn day(control_port: bool) {
    let hangs = (1..=HANGS).map(|number| ActiveFault {
        at: Some((EVERY * number).as_secs_f64()),
        times: Some(1),
        ..Fault::ModemHangs {}.into()
    });
    let scenario = Scenario {
        seed: Some(40),
        modem: ModemConfig {
            control_port,
            usb: UsbShape { renumbers: true, restart_seconds: 12, ..UsbShape::default() },
            timing: Timing::usb_stick(),
            ..ModemConfig::default()
        },
        faults: hangs.collect(),
        ..Scenario::default()
    };
    let world = World::start(&scenario).await;
    let start = Instant::now();
    let (mut sent, mut coming) = (Vec::<Sent>::new(), Vec::<Coming>::new());
    let mut recoveries = Vec::new();
    for hang in 1..=HANGS {
        // While all is well.
        tokio::time::sleep_until(start + EVERY * hang - Duration::from_secs(600)).await;
        sent.push(world.send(format!("well {hang}")).await);
        coming.push(world.deliver(Kind::Mms, format!("well in {hang}")));
        // A second into the hang; on every other one nothing goes out, so that nothing but the
        // silence itself tells.
        tokio::time::sleep_until(start + EVERY * hang + Duration::from_secs(1)).await;
        let hung = Instant::now();
        let first = coming.len();
        coming.push(world.deliver(Kind::Mms, format!("hung in {hang}")));
        coming.push(world.deliver(Kind::Sms, format!("hung text {hang}")));
        if hang % 2 == 0 {
            sent.push(world.send(format!("hung {hang}")).await);
        }
        let last = sent.len() - usize::from(hang % 2 == 0);
        loop {
            let verdict = world.judge(&sent[last..], &coming[first..]).await;
            assert_eq!(verdict.wrong, Vec::<String>::new(), "hang {hang}");
            if verdict.open.is_empty() {
                break;
            }
            assert!(hung.elapsed() < EVERY / 2, "hang {hang}: {:?}", verdict.open);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        recoveries.push(hung.elapsed());
    }
    tokio::time::sleep(EVERY).await;
    let verdict = world.judge(&sent, &coming).await;
    let mut wrong = [verdict.open, verdict.wrong].concat();
    wrong.extend(judge::leftovers(&world.gateway, &world.operator, &coming).await);
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(verdict.unknown, 0, "nothing was under way when the modem hung");
    report(control_port, sent.len() + coming.len(), &mut recoveries);
    world.gateway.stop().await;
}

fn report(control_port: bool, messages: usize, recoveries: &mut [Duration]) {
    recoveries.sort_unstable();
    let at = |percent: usize| recoveries[(recoveries.len() - 1) * percent / 100].as_secs();
    let ports = if control_port { "two ports" } else { "one port" };
    tell!(
        "a day with {ports}: {} hangs, {messages} of {messages} messages arrived",
        recoveries.len()
    );
    tell!(
        "seconds from a hang until what came in it had arrived: least {}, median {}, 90 % {}, 95 % {}, most {}",
        at(0),
        at(50),
        at(90),
        at(95),
        at(100)
    );
    assert!(at(95) < LIMIT.as_secs(), "{ports}: too slow: {recoveries:?}");
}
