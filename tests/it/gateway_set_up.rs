//! Modems without settings in the configuration: what the SIM tells finds them in the table of
//! operators, nothing typed.

use std::time::Duration;

use mm1gate::operators::Settings;
use mm1gate::operators::table::Table;
use mm1gate::sim::{Behaviour, Subscriber, Timing};

use crate::gateway_rig::{Ports, Rig, message};

/// The SIM of a network in the table inside the program.
fn known() -> Subscriber {
    Subscriber { imsi: "262011234567890".to_owned(), ..Subscriber::default() }
}

/// A table with these set-ups (access point, condition) for the virtual operator's MMSC.
fn table(settings: &Settings, setups: &[(&str, &str)]) -> Table<'static> {
    let proxy =
        settings.proxy.as_ref().map_or_else(|| "-".into(), |(host, port)| format!("{host}:{port}"));
    let mut text = "=00101\tzz\tExample\n?\tbalance=*100#\tname=Example\n".to_owned();
    for (apn, condition) in setups {
        let mmsc = &settings.mmsc;
        text.push_str(&format!("+\t{apn}\t{mmsc}\t{proxy}\t{condition}name={apn}\tby=l\n"));
    }
    Table::new(text.leak())
}

/// A rig whose SIM is this one and whose configuration names no operator.
async fn rig(subscriber: Subscriber, setups: &[(&str, &str)]) -> Rig {
    let mut rig = Rig::of_sim(subscriber, Timing::usb_stick()).await;
    let table = table(&rig.settings(), setups);
    rig.reconfigure(|config| {
        config.modems[0].operator = None;
        config.operators = table;
    })
    .await;
    rig
}

async fn ready(rig: &Rig) -> bool {
    for _ in 0..400 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if rig.gateway.modems()[0].condition == "ready" {
            return rig.gateway.modems()[0].mms;
        }
    }
    panic!("not ready within 20 s: {}", rig.gateway.modems()[0].condition);
}

#[tokio::test(start_paused = true)]
async fn plugged_modem_with_a_known_sim_is_ready_to_send_within_seconds() {
    let (mut rig, bus) = Rig::of_sim_on_usb(known(), Timing::usb_stick()).await;
    rig.reconfigure(|config| config.modems[0].operator = None).await;
    let begun = tokio::time::Instant::now();
    assert!(ready(&rig).await, "of a SIM that this gateway has never seen");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    bus.unplug(0);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_ne!(rig.gateway.modems()[0].condition, "ready");
    bus.plug(0);
    let plugged = tokio::time::Instant::now();
    assert!(ready(&rig).await, "it carries MMS, nothing typed");
    let took = plugged.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn message_goes_by_what_the_table_has_for_the_sim() {
    let mut rig = rig(Subscriber::default(), &[("mms.example", "")]).await;
    assert!(ready(&rig).await);
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.modem().state().calls, 1);
    // What was found is known before the modem is up again.
    rig.restart().await;
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn virtual_operators_sim_is_told_by_what_its_files_say() {
    let sims = [
        (Subscriber { group: "42".into(), ..Subscriber::default() }, "gid1=42FF\t"),
        (Subscriber { provider: "Sparrow".into(), ..Subscriber::default() }, "spn=sparrow\t"),
        (Subscriber { provider: "麻雀".into(), ..Subscriber::default() }, "spn=麻雀\t"),
        (
            Subscriber { mnc_length: 0, group: "4201".into(), ..Subscriber::default() },
            "gid1=4201\t",
        ),
    ];
    for (subscriber, condition) in sims {
        let setups =
            [("own.example", ""), ("other.example", "spn=Other\t"), ("mms.example", condition)];
        let rig = rig(subscriber, &setups).await;
        assert!(ready(&rig).await, "{condition}");
        let id = rig.gateway.accept(message(10_000)).await.unwrap();
        rig.until(&id, &["sent"]).await;
        assert_eq!(rig.operator.modem().state().calls, 1, "{condition}: the first that is dialled");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refused_access_point_leads_to_the_next_set_up_which_stays() {
    let setups = [("wrong.example", ""), ("worse.example", ""), ("mms.example", "")];
    let mut rig = rig(Subscriber::default(), &setups).await;
    assert!(ready(&rig).await);
    let id = rig.gateway.accept(message(10_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    let calls = rig.operator.modem().state().calls;
    rig.restart().await;
    assert!(ready(&rig).await);
    let begun = tokio::time::Instant::now();
    let id = rig.gateway.accept(message(10_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the one that worked is the first now");
    assert_eq!(rig.operator.modem().state().calls, calls + 1);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn mmsc_that_nobody_answers_for_leads_to_the_next_set_up() {
    let mut rig = rig(Subscriber::default(), &[("mms.example", "")]).await;
    let settings = rig.settings();
    let (host, port) = settings.proxy.clone().unwrap();
    let text = format!(
        "=00101\tzz\tExample\n\
         +\tmms.example\t{mmsc}\t{host}:{closed}\tname=Closed\tby=l\n\
         +\tmms.example\t{mmsc}\t{host}:{port}\tname=Open\tby=l\n",
        mmsc = settings.mmsc,
        closed = port + 1,
    );
    rig.reconfigure(|config| config.operators = Table::new(text.leak())).await;
    assert!(ready(&rig).await);
    let id = rig.gateway.accept(message(10_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn modem_whose_sim_nobody_knows_or_that_is_for_texts_makes_no_call() {
    let mut rig = rig(Subscriber::default(), &[]).await;
    assert!(!ready(&rig).await);
    let refused = rig.gateway.accept(message(1_000)).await.unwrap_err().to_string();
    assert!(refused.contains("none are known for its SIM"), "{refused}");
    let table = table(&rig.settings(), &[("mms.example", "")]);
    rig.reconfigure(|config| {
        config.operators = table;
        config.modems[0].mms = false;
    })
    .await;
    assert!(!ready(&rig).await, "mms = false");
    assert_eq!(rig.operator.modem().state().calls, 0);
    rig.gateway.stop().await;
}

/// What the configuration says is never overruled.
#[tokio::test(start_paused = true)]
async fn configured_operator_goes_before_the_table() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let table = table(&rig.settings(), &[("wrong.example", "")]);
    rig.reconfigure(|config| config.operators = table).await;
    assert!(ready(&rig).await);
    let id = rig.gateway.accept(message(10_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    rig.gateway.stop().await;
}
