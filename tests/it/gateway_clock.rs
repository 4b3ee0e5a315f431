//! A computer whose clock is wrong, and one whose clock is set while the gateway runs.

use std::time::Duration;

use mm1gate::codec::mms::{self, Pdu};
use mm1gate::gateway::Limits;
use mm1gate::model::{InboundState, State, Timestamp};
use mm1gate::sim::{EntryKind, Fault, Outgoing};
use mm1gate::store::MessageView;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message};

const YEAR: i64 = 365 * 86_400;

/// More than the gateway looks apart at the clock.
const A_LOOK: Duration = Duration::from_secs(15);

fn send(rig: &Rig) {
    let note = Outgoing { text: Some("Look".to_owned()), ..Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &note).unwrap();
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Seconds that a message has left, by the gateway's clock.
fn left(rig: &Rig, view: &MessageView) -> i64 {
    view.expires_at.unwrap().as_secs() - rig.gateway.now().as_secs()
}

/// The dates of the submissions that the MMSC was sent.
fn dates(rig: &Rig) -> Vec<Option<Timestamp>> {
    let journal = rig.operator.mmsc().journal();
    journal
        .of(EntryKind::Submission)
        .map(|entry| match mms::decode(&entry.body).unwrap().value {
            Pdu::SendReq(request) => request.date,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn computer_that_begins_in_1970_sends_without_date_until_its_clock_is_set() {
    let (rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
    let first = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&first, &["sent"]).await;
    host.set(0, true);
    tokio::time::sleep(A_LOOK).await;
    assert_eq!(rig.gateway.now().as_secs(), rig.clock.now().as_secs());
    let second = rig.gateway.accept(message(2_000)).await.unwrap();
    let view = rig.until(&second, &["sent"]).await;
    let [without, with] = dates(&rig)[..] else { panic!("two submissions") };
    assert_eq!(without, None);
    assert!(rig.clock.now().since(with.unwrap()) < Duration::from_secs(60));
    // What happened before is shown when it was.
    let first = rig.view(&first).await;
    assert!(first.summary.created_at < view.summary.created_at);
    assert!(rig.clock.now().since(first.summary.created_at) < Duration::from_secs(600));
    assert_eq!(rig.operator.mmsc().journal().complaints, []);
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_the_clock_is_set_is_neither_over_nor_late() {
    let (rig, host) = Rig::with_host_clock(Ports::Two, |operator| {
        operator.faults().set(Fault::MmscHttpStatus { status: 503 });
    })
    .await;
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    send(&rig);
    pass(1_200).await;
    let announced = rig.inbox().await.remove(0).id;
    let before = left(&rig, &rig.view(&id).await);
    host.set(0, true);
    tokio::time::sleep(A_LOOK).await;
    let (view, comes) = (rig.view(&id).await, rig.view(&announced).await);
    assert!(!view.summary.state.is_settled(), "{view:#?}");
    assert!(!comes.summary.state.is_settled(), "{comes:#?}");
    // As long as it would have had.
    assert!((left(&rig, &view) - before + 15).abs() <= 1, "{before} {}", left(&rig, &view));
    // The service centre's stamp and the week that the MMSC named.
    assert!((7 * 86_400 - 2_000..7 * 86_400).contains(&left(&rig, &comes)));
    rig.operator.faults().clear_all();
    rig.until(&id, &["sent"]).await;
    rig.until(&announced, &["acknowledged"]).await;
    assert!(rig.clock.now().as_secs() < 1_790_000_000 + 3 * 3_600);
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::Submission).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn clock_that_jumps_a_year_back_or_forth_stops_nothing_and_ends_nothing() {
    for jump in [-YEAR, YEAR] {
        let (rig, host) = Rig::with_host_clock(Ports::Two, |operator| {
            operator.faults().set(Fault::MmscHttpStatus { status: 503 });
        })
        .await;
        host.set(0, true);
        tokio::time::sleep(A_LOOK).await;
        let id = rig.gateway.accept(message(2_000)).await.unwrap();
        let mut named = message(2_000);
        named.expires_at = Some(rig.clock.now().plus(Duration::from_secs(3 * 3_600)));
        let named = rig.gateway.accept(named).await.unwrap();
        send(&rig);
        pass(600).await;
        let announced = rig.inbox().await.remove(0).id;
        let before = left(&rig, &rig.view(&id).await);
        let ends = rig.view(&named).await.expires_at;
        host.set(jump, true);
        tokio::time::sleep(A_LOOK).await;
        let view = rig.view(&id).await;
        assert!((left(&rig, &view) - before + 15).abs() <= 1, "{jump}");
        assert_eq!(rig.view(&named).await.expires_at, ends, "a date that the caller named");
        rig.operator.faults().clear_all();
        let at = rig.clock.now();
        rig.until(&id, &["sent"]).await;
        if jump < 0 {
            rig.until(&announced, &["acknowledged"]).await;
        }
        assert!(rig.clock.now().since(at) < Duration::from_secs(2 * 3_600), "{jump}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_waited_over_a_power_cut_outlives_a_computer_that_begins_in_1970() {
    let (mut rig, host) = Rig::with_host_clock(Ports::Two, |operator| {
        operator.faults().set(Fault::NoCoverage {});
    })
    .await;
    // Accepted while nobody knows the time, and again after NTP.
    let early = rig.gateway.accept(message(2_000)).await.unwrap();
    pass(60).await;
    rig.gateway.stop().await;
    host.set(0, true);
    rig.boot(&host).await;
    assert!(left(&rig, &rig.view(&early).await) > 23 * 3_600, "its whole life once more");
    let late = rig.gateway.accept(message(2_000)).await.unwrap();
    let ends = rig.view(&late).await.expires_at;
    pass(60).await;
    rig.gateway.stop().await;
    host.set(60 - 1_790_000_000, false);
    rig.boot(&host).await;
    // Known to be later than when it was right last.
    assert!(rig.clock.now().since(rig.gateway.now()) < Duration::from_secs(4_000));
    assert_eq!(rig.view(&late).await.expires_at, ends);
    rig.operator.faults().clear_all();
    rig.until(&early, &["sent"]).await;
    rig.until(&late, &["sent"]).await;
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::Submission).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn message_that_comes_while_the_clock_is_years_ahead_is_fetched() {
    let (rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
    host.set(10 * YEAR, false);
    tokio::time::sleep(A_LOOK).await;
    send(&rig);
    let view = rig.inbound_until(&["acknowledged", "expired"]).await;
    assert_eq!(view.summary.state, State::In(InboundState::Acknowledged));
}

#[tokio::test(start_paused = true)]
async fn limit_holds_for_its_time_whichever_way_the_clock_is_set() {
    for ahead in [2 * 86_400, -2 * 86_400] {
        let (mut rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
        host.set(ahead, true);
        rig.reconfigure(|config| {
            config.sending.limits = Limits { per_day: Some(2), ..Limits::default() };
        })
        .await;
        pass(60).await;
        for _ in 0..2 {
            let id = rig.gateway.accept(message(2_000)).await.unwrap();
            rig.until(&id, &["sent"]).await;
        }
        let third = rig.gateway.accept(message(2_000)).await.unwrap();
        pass(600).await;
        host.set(0, true);
        pass(3_600).await;
        let view = rig.view(&third).await;
        assert_eq!(view.summary.state.as_str(), "queued", "{ahead}: {view:#?}");
        let due = view.next_attempt_at.unwrap().since(rig.gateway.now());
        assert!(due < Duration::from_secs(24 * 3_600), "{ahead}: {due:?}");
        pass(due.as_secs() + 600).await;
        let view = rig.view(&third).await;
        assert_eq!(view.summary.state.as_str(), "sent", "{ahead}: {view:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn limit_of_a_run_whose_clock_was_ahead_does_not_hold_until_that_date() {
    let (mut rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
    host.set(30 * 86_400, false);
    rig.reconfigure(|config| {
        config.sending.limits = Limits { per_day: Some(1), ..Limits::default() };
    })
    .await;
    let first = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&first, &["sent"]).await;
    rig.gateway.stop().await;
    host.set(0, true);
    rig.boot(&host).await;
    pass(60).await;
    let second = rig.gateway.accept(message(2_000)).await.unwrap();
    pass(600).await;
    let view = rig.view(&second).await;
    assert_eq!(view.summary.state.as_str(), "queued");
    let due = view.next_attempt_at.unwrap().since(rig.gateway.now());
    assert!(due < Duration::from_secs(24 * 3_600), "{due:?}");
}

#[tokio::test(start_paused = true)]
async fn limit_counts_what_an_earlier_run_sent_by_a_wrong_clock_as_if_it_were_now() {
    // Ahead; as it was switched off, which is behind; and since 1970.
    for ahead in [Some(30 * 86_400), Some(-30 * 86_400), None] {
        let (mut rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
        if let Some(ahead) = ahead {
            host.set(ahead, false);
        }
        rig.reconfigure(|config| {
            config.sending.limits = Limits { per_day: Some(1), ..Limits::default() };
        })
        .await;
        let first = rig.gateway.accept(message(2_000)).await.unwrap();
        rig.until(&first, &["sent"]).await;
        rig.gateway.stop().await;
        // The next run begins as wrong, and is set right in its middle.
        rig.boot(&host).await;
        pass(60).await;
        host.set(0, true);
        pass(30).await;
        let second = rig.gateway.accept(message(2_000)).await.unwrap();
        pass(600).await;
        let view = rig.view(&second).await;
        assert_eq!(view.summary.state.as_str(), "queued", "{ahead:?}: it counts");
        let due = view.next_attempt_at.unwrap().since(rig.gateway.now());
        assert!(due < Duration::from_secs(24 * 3_600), "{ahead:?}: {due:?}");
        assert!(due > Duration::from_secs(23 * 3_600), "{ahead:?}: {due:?}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn data_counted_by_a_wrong_clock_belongs_to_the_month_that_it_is() {
    for ahead in [None, Some(60 * 86_400)] {
        let (mut rig, host) = Rig::with_host_clock(Ports::Two, |_| {}).await;
        if let Some(ahead) = ahead {
            host.set(ahead, false);
        }
        rig.reconfigure(|config| config.modems[0].monthly_cap = Some(10_000)).await;
        let first = rig.gateway.accept(message(20_000)).await.unwrap();
        rig.until(&first, &["sent"]).await;
        pass(60).await;
        let before = rig.gateway.modems().remove(0).data.unwrap();
        host.set(0, true);
        pass(30).await;
        let after = rig.gateway.modems().remove(0).data.unwrap();
        assert_ne!(before.month, after.month);
        assert_eq!((after.month.to_string(), &after.used), ("2026-09".to_owned(), &before.used));
        let second = rig.gateway.accept(message(2_000)).await.unwrap();
        pass(3_600).await;
        let fault = rig.view(&second).await.summary.fault.unwrap();
        assert_eq!(fault.code, "data-cap-reached");
    }
}
