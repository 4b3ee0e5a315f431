//! Data calls, and short messages beside and after them.

use mm1gate::codec::sms::{SmsAddress, SmsSubmit};
use mm1gate::model::Clock;
use mm1gate::modem::PortSharing;

use crate::hil::bench::{Arrived, Bench, Outcome, Stop, text_of};
use crate::hil::rig::Rig;
use crate::hil::scrub::MARK;

/// Calls in a row: what one leaves behind hinders the next.
const TIMES: usize = 3;

/// Dials, gets an address by PPP and hangs up, again and again; the modem answers after each.
pub(crate) async fn dial_and_hang_up(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    for _ in 0..TIMES {
        bench.call(async |_| Ok(())).await?;
        let registration = bench.modem.registration().await;
        registration.map_err(|error| Stop::Failed(format!("after the call: {error}")))?;
    }
    Ok(format!("{TIMES} calls"))
}

async fn exchange(bench: &mut Bench, text: &str) -> Result<Arrived, Stop> {
    let oneself = SmsAddress::from_text(&bench.rig.own_number());
    bench.send(&SmsSubmit::text(oneself, text)).await?;
    bench.arrival("the SMS", |tpdu| text_of(tpdu).as_deref() == Some(text)).await
}

/// With a second port or the multiplexer, messages go out and come in while a call is up.
pub(crate) async fn sms_beside_a_call(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    if bench.info.sharing == PortSharing::One {
        let why = "the rig has one port, which the call holds, and no multiplexer on it";
        return Err(Stop::Cannot(why.to_owned()));
    }
    bench
        .call(async |bench| {
            let arrived = exchange(bench, &format!("{MARK}: beside a call")).await?;
            bench.delete(&arrived).await
        })
        .await?;
    Ok("sent, received and deleted".to_owned())
}

/// After a call messages work as before it.
pub(crate) async fn sms_after_a_call(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    bench.call(async |_| Ok(())).await?;
    let arrived = exchange(&mut bench, &format!("{MARK}: after a call")).await?;
    bench.delete(&arrived).await?;
    Ok("sent, received and deleted".to_owned())
}
