//! A modem that hangs, vanishes, comes back under another name, forgets its settings, loses its
//! power or its SIM: each is brought back by the least that works, and nothing is lost.

use std::time::Duration;

use mm1gate::gateway::ModemView;
use mm1gate::model::Random;
use mm1gate::modem::{Registration, Rung, StepResult};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, Timing};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message};
use crate::usb_bus::{Bus, counted};

const SECOND: &str = "+447700900002";

/// What a quick stick takes.
const STICK: Timing = Timing {
    reply: Duration::from_millis(15),
    register: Duration::from_secs(4),
    dial: Duration::from_millis(900),
    submit: Duration::ZERO,
    up_rate: Some(20_000),
    down_rate: Some(60_000),
};

fn view(rig: &Rig) -> ModemView {
    rig.gateway.modems().remove(0)
}

fn rungs(rig: &Rig) -> Vec<Rung> {
    view(rig).steps.iter().map(|step| step.rung).collect()
}

async fn until_ready(rig: &Rig, limit: Duration) -> Duration {
    let start = tokio::time::Instant::now();
    while view(rig).condition != "ready" {
        assert!(start.elapsed() < limit, "{:#?}", view(rig));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    start.elapsed()
}

async fn until_not_ready(rig: &Rig, limit: Duration) {
    let start = tokio::time::Instant::now();
    while view(rig).condition == "ready" {
        assert!(start.elapsed() < limit, "{:#?}", view(rig));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn stick() -> (Rig, Bus) {
    let (rig, bus) = Rig::on_usb(Ports::Two, STICK, None).await;
    until_ready(&rig, Duration::from_secs(60)).await;
    (rig, bus)
}

#[tokio::test(start_paused = true)]
async fn stick_that_hangs_every_forty_minutes_recovers_within_ninety_seconds() {
    let (rig, bus) = stick().await;
    let random = Random::seeded(7);
    let mut ids = Vec::new();
    let mut times = Vec::new();
    for _ in 0..36 {
        let pause = 35 * 60 + random.below(10 * 60);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        rig.operator.faults().set(Fault::ModemSilent {});
        ids.push(rig.gateway.accept(message(2_000)).await.unwrap());
        rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
        let hung = tokio::time::Instant::now();
        until_not_ready(&rig, Duration::from_secs(200)).await;
        until_ready(&rig, Duration::from_secs(200)).await;
        times.push(hung.elapsed());
        let limit = Duration::from_secs(90);
        let delivered = tokio::time::timeout(limit, rig.until(ids.last().unwrap(), &["sent"]));
        delivered.await.expect("what waited is sent as soon as the modem is back");
    }
    times.sort();
    #[expect(clippy::print_stdout, reason = "the figure that the test is about")]
    {
        println!(
            "from hanging to ready: median {:?}, 95th percentile {:?}, longest {:?}",
            times[18], times[34], times[35]
        );
    }
    assert!(times[34] < Duration::from_secs(90), "{times:?}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.operator.mmsc().journal().acknowledged(), 36);
    let counts = view(&rig).recovery;
    assert_eq!((counts.losses, counts.recoveries, bus.resets()), (36, 36, 36));
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn silent_stick_is_reset_only_after_gentler_ways_and_found_under_its_new_name() {
    let (rig, bus) = stick().await;
    let before = bus.names(0).unwrap();
    rig.operator.faults().set(Fault::ModemSilent {});
    until_not_ready(&rig, Duration::from_secs(60)).await;
    until_ready(&rig, Duration::from_secs(120)).await;
    assert_ne!(bus.names(0).unwrap(), before);
    let steps = view(&rig).steps;
    let told: Vec<_> = steps.iter().map(|step| (step.rung, step.result.as_str())).collect();
    assert_eq!(
        told,
        [
            (Rung::Reopen, "failed"),
            (Rung::OtherPort, "not-possible"),
            (Rung::Restart, "not-possible"),
            (Rung::UsbReset, "worked"),
        ]
    );
    assert!(steps.iter().all(|step| step.cause.code == "modem-silent"), "{steps:#?}");
    let view = view(&rig);
    assert_eq!((view.recovery.losses, view.recovery.recoveries), (1, 1));
    assert_eq!(view.last_error.map(|(_, fault)| fault.code).as_deref(), Some("modem-silent"));
    assert_eq!(view.fault, None);
}

#[tokio::test(start_paused = true)]
async fn settings_lost_without_a_word_are_sent_again_and_nothing_else_is_done() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, STICK, |_| {}).await;
    until_ready(&rig, Duration::from_secs(60)).await;
    rig.operator.modem().power_cycle();
    tokio::time::sleep(Duration::from_secs(20)).await;
    until_ready(&rig, Duration::from_secs(60)).await;
    let view = view(&rig);
    let told: Vec<_> = view.steps.iter().map(|it| (it.rung, it.cause.code.as_str())).collect();
    assert_eq!(told, [(Rung::Initialise, "settings-lost")]);
    rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
    rig.inbound_until(&["acknowledged"]).await;
}

#[tokio::test(start_paused = true)]
async fn unplugged_stick_is_waited_for_and_used_as_soon_as_it_is_back() {
    let (rig, bus) = stick().await;
    bus.unplug(0);
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let waiting = view(&rig);
    assert_eq!(waiting.condition, "waiting");
    assert!(waiting.fault.is_some_and(|fault| fault.remedy.contains("plug")));
    assert_eq!(bus.resets(), 0);
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    bus.plug(0);
    tokio::time::timeout(Duration::from_secs(60), rig.until(&id, &["sent"])).await.unwrap();
    assert_eq!(rungs(&rig), []);
}

#[tokio::test(start_paused = true)]
async fn stick_unplugged_at_any_moment_loses_nothing_and_repeats_nothing() {
    for seed in 1..=8_u64 {
        let (rig, bus) = stick().await;
        let random = Random::seeded(seed);
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(rig.gateway.accept(message(30_000)).await.unwrap());
            rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
            tokio::time::sleep(Duration::from_millis(random.below(9_000))).await;
            bus.replug(0, Duration::from_secs(8 + random.below(52)));
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        for id in &ids {
            rig.until(id, &["sent", "unknown"]).await;
        }
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        let journal = rig.operator.mmsc().journal();
        let times = counted(journal.submitted_ids().into_iter().map(str::to_owned));
        assert!(times.values().all(|count| *count == 1), "seed {seed}: {times:?}");
        assert_eq!(rig.inbox().await.len(), 6, "seed {seed}");
        assert_eq!(journal.acknowledged(), 6, "seed {seed}");
        assert_eq!(journal.of(EntryKind::RefusedSubmission).count(), 0, "seed {seed}");
        assert_eq!(bus.resets(), 0, "seed {seed}: {:#?}", view(&rig).steps);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stick_that_comes_back_as_a_cd_rom_is_explained_and_waited_for() {
    let (rig, bus) = stick().await;
    bus.comes_back_as_storage(Some(Duration::from_secs(40)));
    bus.replug(0, Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(25)).await;
    let fault = view(&rig).fault.expect("said what it is");
    assert_eq!(fault.code, "modem-in-storage-mode", "{fault:?}");
    assert!(fault.remedy.contains("usb-modeswitch") || fault.remedy.contains("usb_modeswitch"));
    until_ready(&rig, Duration::from_secs(60)).await;
    assert_eq!(bus.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn stick_that_stays_a_cd_rom_is_reset_once() {
    let (rig, bus) = stick().await;
    bus.comes_back_as_storage(Some(Duration::from_secs(3_600)));
    bus.replug(0, Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(60)).await;
    bus.comes_back_as_storage(None);
    until_ready(&rig, Duration::from_secs(180)).await;
    assert_eq!(bus.resets(), 1);
}

#[tokio::test(start_paused = true)]
async fn brown_out_on_dialling_is_named_and_not_repeated_without_a_pause() {
    let (rig, bus) = stick().await;
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    for _ in 0..3 {
        let calls = rig.operator.modem().state().calls;
        let mut waited = Duration::ZERO;
        while rig.operator.modem().state().calls == calls {
            tokio::time::sleep(Duration::from_millis(50)).await;
            waited += Duration::from_millis(50);
            assert!(waited < Duration::from_secs(1_200), "{:#?}", view(&rig));
        }
        bus.replug(0, Duration::from_secs(9));
        tokio::time::sleep(Duration::from_secs(2)).await;
        let view = view(&rig);
        let (_, fault) = view.last_error.expect("told");
        assert_eq!(fault.code, "brown-out");
        assert!(fault.remedy.contains("power"), "{fault:?}");
    }
    assert_eq!(view(&rig).recovery.brown_outs, 3);
    rig.until(&id, &["sent"]).await;
    assert_eq!(bus.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn dead_modem_is_not_worked_to_death_and_serves_when_it_lives_again() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, STICK, |_| {}).await;
    until_ready(&rig, Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::ModemSilent {});
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let octets = view(&rig).octets.0;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    let dead = view(&rig);
    // An `AT` every twenty seconds, and a few steps more.
    assert!(dead.octets.0 - octets < 100_000, "{} octets", dead.octets.0 - octets);
    assert!(dead.recovery.steps.iter().sum::<u64>() < 250, "{:?}", dead.recovery);
    let possible =
        dead.steps.iter().filter(|step| !matches!(step.result, StepResult::NotPossible(_)));
    assert!(possible.clone().all(|step| step.rung == Rung::Reopen), "{:#?}", dead.steps);
    assert_eq!(rig.view(&id).await.summary.state.as_str(), "queued");
    rig.operator.faults().clear_all();
    tokio::time::timeout(Duration::from_secs(90), rig.until(&id, &["sent"])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dead_stick_is_reset_a_few_times_a_day_and_where_that_is_forbidden_says_so() {
    let (rig, bus) = stick().await;
    bus.deny_resets();
    rig.operator.faults().set(Fault::ModemSilent {});
    tokio::time::sleep(Duration::from_secs(300)).await;
    let denied = view(&rig).steps.into_iter().find_map(|step| match step.result {
        StepResult::NotPossible(reason) if step.rung == Rung::UsbReset => Some(reason),
        _ => None,
    });
    assert!(denied.is_some_and(|reason| reason.contains("permission")));
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(bus.opens() < 25_000, "{}", bus.opens());
    assert_eq!(bus.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn sim_that_was_never_ready_is_no_reason_to_restart_the_modem() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, STICK, |operator| {
        operator.faults().set(Fault::SimBusy {});
    })
    .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    // A SIM that never was there is no reason to restart a modem.
    assert_eq!(rungs(&rig), []);
    rig.operator.faults().clear_all();
    until_ready(&rig, Duration::from_secs(90)).await;
}

#[tokio::test(start_paused = true)]
async fn slow_modem_that_lives_is_left_alone() {
    let slow =
        Timing { reply: Duration::from_millis(2_400), dial: Duration::from_secs(80), ..STICK };
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, slow, |_| {}).await;
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(rungs(&rig), []);
    assert_eq!(view(&rig).recovery.losses, 0);
}

#[tokio::test(start_paused = true)]
async fn lost_coverage_is_shown_and_what_waited_goes_out_when_it_is_back() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, STICK, |_| {}).await;
    until_ready(&rig, Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::NoCoverage {});
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    let lost = view(&rig);
    assert_eq!(lost.condition, "waiting");
    assert_eq!(lost.registration, Some(Registration::Searching));
    assert_eq!(lost.fault.map(|fault| fault.code).as_deref(), Some("not-registered"));
    assert_eq!(rungs(&rig), []);
    rig.operator.faults().clear_all();
    tokio::time::timeout(Duration::from_secs(60), rig.until(&id, &["sent"])).await.unwrap();
    until_ready(&rig, Duration::from_secs(60)).await;
    assert_eq!(view(&rig).fault, None);
}

#[tokio::test(start_paused = true)]
async fn swapped_sims_take_what_is_theirs_along() {
    let (rig, bus) = Rig::on_usb(Ports::Two, STICK, Some(SECOND)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    // Announced on the first SIM, and cannot be fetched before the swap.
    rig.operator.faults().set(Fault::MmscHttpStatus { status: 503 });
    rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(rig.inbox().await.len(), 1);
    bus.swap();
    rig.operator.faults().clear_all();
    let view = rig.inbound_until(&["acknowledged"]).await;
    assert_eq!(view.summary.modem.as_deref(), Some("second"));
    // The same announcement again, now read in the other modem.
    rig.operator.faults().set(Fault::DuplicateNotification {});
    rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.inbox().await.len(), 2);
    assert!(rig.gateway.modems().iter().all(|modem| modem.condition == "ready"));
}

#[tokio::test(start_paused = true)]
async fn refused_pin_is_never_tried_again_over_restarts_nor_is_another_while_two_are_left() {
    let mut rig = Rig::locked("1234", "9999").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let failed = view(&rig);
    assert_eq!(failed.condition, "failed");
    assert_eq!(failed.fault.as_ref().map(|fault| fault.code.as_str()), Some("pin-wrong"));
    assert_eq!(rig.operator.modem().state().pin_tries, 2);
    for _ in 0..4 {
        rig.restart().await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(rig.operator.modem().state().pin_tries, 2);
    }
    rig.reconfigure(|config| {
        config.modems[0].pin = Some(mm1gate::model::redact::Secret::new("1234"));
    })
    .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let failed = view(&rig);
    assert_eq!(failed.fault.as_ref().map(|it| it.code.as_str()), Some("pin-too-few-attempts"));
    assert_eq!(rig.operator.modem().state().pin_tries, 2);
}

#[tokio::test(start_paused = true)]
async fn locked_stick_gets_its_pin_after_every_reset() {
    let rig = Rig::locked("1234", "1234").await;
    until_ready(&rig, Duration::from_secs(60)).await;
    for _ in 0..3 {
        rig.operator.modem().power_cycle();
        tokio::time::sleep(Duration::from_secs(400)).await;
        until_ready(&rig, Duration::from_secs(60)).await;
    }
    assert_eq!(rig.operator.modem().state().pin_tries, 3);
    assert_eq!(rungs(&rig), [Rung::Initialise; 3]);
}

#[tokio::test(start_paused = true)]
async fn sim_whose_pin_was_changed_to_a_refused_one_is_opened_after_its_owner_says_so() {
    let mut rig = Rig::locked("1234", "9999").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let fault = view(&rig).fault.expect("refused");
    assert!(fault.remedy.contains("mm1gate modem retry-pin"), "{fault:?}");
    // Forgetting alone is not enough: the SIM has two attempts left.
    // By its ICCID and by its place.
    assert_eq!(rig.forget_pins().await, 2);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let code = view(&rig).fault.map(|fault| fault.code);
    assert_eq!(code.as_deref(), Some("pin-too-few-attempts"));
    assert_eq!(rig.operator.modem().state().pin_tries, 2);
}
