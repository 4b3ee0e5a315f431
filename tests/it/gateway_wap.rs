//! Messages through the virtual operator's WAP 1.x gateway, over every layer: sound and damaged
//! paths, and which way is found and remembered.

use mm1gate::operators::TransportChoice;
use mm1gate::sim::{Behaviour, Fault, Outgoing, OutgoingPart, WapPath};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture};

/// The gateway's address stands as proxy, with the port of a WAP gateway.
async fn through_wap(rig: &mut Rig, port: u16, transport: TransportChoice) {
    let mut settings = rig.settings();
    if let Some((_, configured)) = &mut settings.proxy {
        *configured = port;
    }
    settings.transport = transport;
    rig.reconfigure(|config| config.modems[0].operator = Some(settings)).await;
}

fn from_phone(rig: &Rig, octets: usize) {
    let part = OutgoingPart {
        content_type: "image/jpeg".to_owned(),
        name: "beach.jpg".to_owned(),
        body: picture(octets),
    };
    let outgoing = Outgoing { subject: None, text: None, parts: vec![part] };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
}

/// What the phone got, which takes it a moment.
async fn arrived(rig: &Rig) -> bytes::Bytes {
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let received = rig.operator.phone(PHONE).unwrap().received();
    assert_eq!(received.len(), 1);
    received[0].media().next().expect("a picture").body.clone()
}

/// 290 KB up and 60 KB down, octet by octet.
async fn both_ways(rig: &Rig) {
    let id = rig.gateway.accept(message(290_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert!(arrived(rig).await == picture(290_000), "what the phone got is what was sent");
    from_phone(rig, 60_000);
    let view = rig.inbound_until(&["acknowledged"]).await;
    assert!(rig.part_named(&view, "image/jpeg").await == picture(60_000));
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.complaints, []);
    assert_eq!((journal.submitted_ids().len(), journal.acknowledged()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn messages_go_out_and_come_in_through_a_wap_gateway() {
    for port in [9201, 9200] {
        let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        through_wap(&mut rig, port, TransportChoice::Wap).await;
        both_ways(&rig).await;
        assert!(rig.operator.wap().requests() >= 3);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_path_loses_doubles_and_reorders_arrives_whole_and_once() {
    let paths = [(20, 0, 0), (0, 100, 100), (50, 50, 50), (120, 30, 80)];
    for (lost, doubled, late) in paths {
        let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        rig.operator.wap().set_path(WapPath { lost, doubled, late });
        through_wap(&mut rig, 9201, TransportChoice::Wap).await;
        both_ways(&rig).await;
        if lost > 0 {
            assert!(rig.operator.wap().lost() > 3, "{lost} per mille");
        }
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn http_at_the_gateways_host_is_preferred_and_remembered() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    through_wap(&mut rig, 9201, TransportChoice::Auto).await;
    both_ways(&rig).await;
    assert_eq!(rig.operator.wap().requests(), 0);
    let gateway = rig.operator.proxy().unwrap().ip().to_string();
    let known = format!(
        "SELECT count(*) FROM route WHERE way = 'http:8080' AND gateway = '{gateway}:9201'"
    );
    assert_eq!(rig.count(&known), 1);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn gateway_that_was_found_is_not_looked_for_again_after_a_restart() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set(Fault::ProxyRefuses {});
    through_wap(&mut rig, 9201, TransportChoice::Auto).await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.wap().requests(), 1);
    assert_eq!(rig.count("SELECT count(*) FROM route WHERE way = 'wap'"), 1);
    // HTTP would be there now, and is not asked.
    rig.operator.faults().clear_all();
    rig.restart().await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.wap().requests(), 2);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_gives_way_when_it_leads_nowhere_any_more() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    through_wap(&mut rig, 9201, TransportChoice::Auto).await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.wap().requests(), 0);
    rig.gateway.stop().await;
    rig.operator.faults().set(Fault::ProxyRefuses {});
    rig.start().await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.wap().requests(), 1);
    assert_eq!(rig.count("SELECT count(*) FROM route WHERE way = 'wap'"), 1);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn explicit_choice_wins_over_what_would_work() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set(Fault::ProxyRefuses {});
    through_wap(&mut rig, 9201, TransportChoice::Http).await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    let view = rig.view(&id).await;
    assert_eq!(view.summary.state.as_str(), "queued");
    assert_eq!(rig.operator.wap().requests(), 0);
    rig.operator.faults().clear_all();
    rig.until(&id, &["sent"]).await;
    rig.gateway.stop().await;
}
