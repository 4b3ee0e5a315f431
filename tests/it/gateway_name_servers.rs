//! An MMSC called by name on a network that tells no name server over PPP: the modem knows what the
//! network gave the context (`AT+CGCONTRDP`).

use std::time::Duration;

use mm1gate::proto::ppp::Families;
use mm1gate::sim::{Behaviour, Fault};

use crate::gateway_rig::{Ports, Rig, message};

/// Without a proxy, so that the name has to be resolved here, and without name servers over PPP.
async fn straight_to_the_mmsc(rig: &mut Rig) {
    rig.operator.faults().set(Fault::PppNoNameServers {});
    let mut settings = rig.settings();
    settings.proxy = None;
    rig.reconfigure(|config| {
        if let Some(operator) = &mut config.modems[0].operator {
            settings.pdp_type.clone_from(&operator.pdp_type);
            *operator = settings;
        }
    })
    .await;
}

async fn message_arrives(rig: &Rig) {
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
    assert!(rig.operator.faults().fired().of_group(19) > 0, "PPP told none");
}

#[tokio::test(start_paused = true)]
async fn modem_is_asked_during_the_call_where_it_has_another_port_or_channel() {
    for ports in [Ports::Two, Ports::Multiplexed] {
        let mut rig = Rig::new(ports, Behaviour::Receive).await;
        straight_to_the_mmsc(&mut rig).await;
        message_arrives(&rig).await;
        assert_eq!(rig.operator.modem().state().calls, 1, "{ports:?}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ipv6_name_server_is_read_from_sixteen_numbers() {
    let mut rig = Rig::with_versions(Families { v4: false, v6: true }, false, "IPV6").await;
    straight_to_the_mmsc(&mut rig).await;
    message_arrives(&rig).await;
    assert_eq!(rig.operator.modem().state().calls, 1);
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_port_is_asked_before_the_next_call_of_a_context_that_is_active_already() {
    let mut rig = Rig::attached_to_mms(Ports::One).await;
    straight_to_the_mmsc(&mut rig).await;
    message_arrives(&rig).await;
    assert_eq!(rig.operator.modem().state().calls, 2, "the first one knows no name server");
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_any_name_server_the_error_says_what_to_set() {
    let mut rig = Rig::new(Ports::One, Behaviour::Receive).await;
    straight_to_the_mmsc(&mut rig).await;
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    let fault = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Some(fault) = rig.view(&id).await.summary.fault {
            break fault;
        }
    };
    assert_eq!(fault.code, "name-not-resolved");
    assert!(fault.remedy.contains("name_servers"), "{}", fault.remedy);
    rig.gateway.stop().await;
}
