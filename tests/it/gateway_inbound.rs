//! The life of a message that comes in, over every layer and a virtual operator.

use std::time::Duration;

use mm1gate::codec::push::Push;
use mm1gate::codec::sms::{
    Dcs, Deliver, PORT_WAP_PUSH, PORT_WAP_WSP, Ports as CodecPorts, Scts, SmsAddress, StatusReport,
    UserData, port_addressed_delivers, split_datagram,
};
use mm1gate::model::{InboundState, Kind, State, Timestamp};
use mm1gate::sim::{ActiveFault, Behaviour, EntryKind, Fault, Outgoing, OutgoingPart};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture};

fn outgoing(octets: usize) -> Outgoing {
    Outgoing {
        subject: Some("Holiday".to_owned()),
        text: Some("Look".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "beach.jpg".to_owned(),
            body: picture(octets),
        }],
    }
}

fn send(rig: &Rig, octets: usize) {
    rig.operator.send_from_phone(PHONE, OWN, &outgoing(octets)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn picture_comes_in_and_is_acknowledged() {
    for ports in [Ports::Two, Ports::One] {
        let rig = Rig::new(ports, Behaviour::Receive).await;
        send(&rig, 60_000);
        let view = rig.inbound_until(&["acknowledged"]).await;
        assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(60_000));
        assert_eq!(view.summary.from.map(|from| from.to_string()).as_deref(), Some(PHONE));
        assert_eq!(view.summary.subject.as_deref(), Some("Holiday"));
        assert_eq!(view.summary.text.as_deref(), Some("Look"));
        let journal = rig.operator.mmsc().journal();
        assert_eq!(journal.acknowledged(), 1);
        assert_eq!(journal.complaints, []);
        assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn picture_sent_is_answered_by_a_picture() {
    for ports in [Ports::Two, Ports::One] {
        let rig = Rig::new(ports, Behaviour::SendBack).await;
        let mut new = message(30_000);
        new.delivery_report = true;
        let id = rig.gateway.accept(new).await.unwrap();
        rig.until(&id, &["delivered"]).await;
        let view = rig.inbound_until(&["acknowledged"]).await;
        assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(30_000));
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn notification_sent_twice_is_fetched_once() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::DuplicateNotification {});
    })
    .await;
    send(&rig, 5_000);
    rig.inbound_until(&["acknowledged"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.inbox().await.len(), 1);
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::Retrieval).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_is_shown_though_its_acknowledgement_fails_and_that_is_retried() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set_times(Fault::MmscRefusesAcknowledgement { status: 500 }, 2);
    })
    .await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["received"]).await;
    assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000));
    rig.inbound_until(&["acknowledged"]).await;
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.acknowledged(), 1);
    assert_eq!(journal.of(EntryKind::Retrieval).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_is_given_up_only_when_it_is_not_found_several_times() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set_times(Fault::MmscNotFound {}, 1);
    })
    .await;
    send(&rig, 5_000);
    rig.inbound_until(&["acknowledged"]).await;

    rig.operator.faults().set(Fault::MmscNotFound {});
    send(&rig, 6_000);
    tokio::time::sleep(Duration::from_secs(400)).await;
    let newest = rig.inbox().await.remove(0);
    assert_eq!(newest.state, State::In(InboundState::Failed));
    assert_eq!(newest.fault.map(|fault| fault.code), Some("gone".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn failed_fetch_is_tried_again_until_it_works() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set_times(Fault::MmscHttpStatus { status: 500 }, 2);
    })
    .await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["acknowledged"]).await;
    assert_eq!(view.attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn message_that_waits_on_the_sim_is_fetched_at_start() {
    let mut rig = Rig::new(Ports::One, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.gateway.stop().await;
    send(&rig, 5_000);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!rig.operator.modem().stored_tpdus().is_empty());
    rig.start().await;
    rig.inbound_until(&["acknowledged"]).await;
    assert_eq!(rig.operator.modem().stored_tpdus(), Vec::<bytes::Bytes>::new());
}

#[tokio::test(start_paused = true)]
async fn odd_operators_and_modems_deliver_all_the_same() {
    for (fault, times) in [
        (Fault::MmscCutsBody {}, 1),
        (Fault::MmscWrongContentType {}, 9),
        (Fault::MmscOmitsTransactionId {}, 9),
        (Fault::MmscHtml {}, 1),
        (Fault::ProxyStatus { status: 502 }, 2),
        (Fault::ProxyRefuses {}, 2),
        (Fault::CarrierLost { after: 300 }, 1),
        (Fault::LineStall { after: 300 }, 1),
        (Fault::SmsPartsReversed {}, 9),
        (Fault::CmtiWithMmsPush {}, 9),
        (Fault::CmtiIndexGone {}, 9),
        (Fault::ModemUrcFlood {}, 9_999),
        (Fault::SimBusy {}, 2),
    ] {
        for ports in [Ports::One, Ports::Two] {
            let name = format!("{fault:?} {ports:?}");
            let rig = Rig::with(ports, Behaviour::Receive, |operator| {
                operator.faults().set_times(fault.clone(), times);
            })
            .await;
            send(&rig, 5_000);
            let view = rig.inbound_until(&["acknowledged", "failed", "expired"]).await;
            assert_eq!(view.summary.state, State::In(InboundState::Acknowledged), "{name}");
            assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000), "{name}");
            assert_eq!(rig.inbox().await.len(), 1, "{name}");
            assert_eq!(rig.operator.mmsc().journal().acknowledged(), 1, "{name}");
            rig.gateway.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn page_in_place_of_the_mmsc_is_told_again_and_an_mmsc_that_answers_with_pages_is_believed() {
    for (pages, told) in [(1, 1), (9, 0)] {
        let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
            // The first request fetches the message.
            let html = ActiveFault {
                times: Some(pages),
                after_times: Some(1),
                ..Fault::MmscHtml {}.into()
            };
            operator.faults().add(html);
        })
        .await;
        send(&rig, 5_000);
        let view = rig.inbound_until(&["acknowledged", "failed", "expired"]).await;
        assert_eq!(view.summary.state, State::In(InboundState::Acknowledged), "{pages} pages");
        assert_eq!(rig.operator.mmsc().journal().acknowledged(), told, "{pages} pages");
        rig.gateway.stop().await;
    }
}

fn from_network(dcs: Dcs, user_data: UserData, at: Timestamp) -> Deliver {
    Deliver::new(SmsAddress::from_text("86888"), dcs, Scts::new(at, 0), user_data)
}

/// The short messages of a notification, as the service centre stamps them.
fn notified(id: &str, at: Timestamp) -> Vec<Deliver> {
    let mut mms = vec![0x8c, 0x82, 0x98];
    mms.extend(format!("{id}\0").bytes());
    mms.extend([0x8d, 0x90, 0x83]);
    mms.extend(format!("http://mmsc.example/{}/{id}\0", "m".repeat(120)).bytes());
    let push = Push::mms(1, mms.into()).encode();
    let sender = SmsAddress::from_text("86888");
    port_addressed_delivers(&push, &sender, PORT_WAP_PUSH, PORT_WAP_WSP, 7_u8, Scts::new(at, 0))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn pushes_are_notifications_and_texts_are_texts_of_all_that_a_sim_can_hold() {
    for ports in [Ports::One, Ports::Two] {
        let rig = Rig::new(ports, Behaviour::Receive).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let now = Timestamp::from_secs(1_795_256_430);
        let (first, second) =
            (notified("T1", now), notified("T2", now.plus(Duration::from_secs(9))));
        assert_eq!((first.len(), second.len()), (2, 2));
        // As some service centres code a push.
        let mut coded = notified("T3", now.plus(Duration::from_secs(60)));
        for part in &mut coded {
            part.dcs = Dcs(0xf5);
        }
        let (_, text) = UserData::from_text("Good morning");
        let application = CodecPorts { destination: 16_000, source: 9200, wide: true };
        let data = split_datagram(b"data", application, 3_u8).unwrap().remove(0);
        let mut tpdus: Vec<Vec<u8>> = [
            from_network(Dcs::GSM7, text.clone(), now),
            from_network(Dcs(0x10), text, now),
            from_network(Dcs::OCTETS, data, now),
        ]
        .into_iter()
        .chain([&first[0], &second[1], &second[0], &first[1]].map(Clone::clone))
        .chain(coded)
        .map(|deliver| deliver.encode().unwrap())
        .collect();
        let recipient = SmsAddress::from_text(PHONE);
        let report = StatusReport::new(9, recipient, Scts::new(now, 0), Scts::new(now, 0), 0);
        tpdus.push(report.encode().unwrap());
        // A part that comes late and twice.
        tpdus.push(tpdus[3].clone());
        for tpdu in tpdus {
            rig.operator.deliver_sms(OWN, &[tpdu.into()]).unwrap();
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        let mut ids = Vec::new();
        for summary in rig.inbox().await {
            ids.extend(rig.view(&summary.id).await.notification.map(|(id, _)| id));
        }
        ids.sort();
        assert_eq!(ids, ["T1", "T2", "T3"]);
        let inbox = rig.inbox().await;
        let mut texts: Vec<_> = inbox
            .iter()
            .filter(|one| one.kind == Kind::Sms)
            .map(|one| (one.text.as_deref(), one.sms.clone().unwrap().class))
            .collect();
        texts.sort();
        // Data for a port is kept as data.
        let good_morning = Some("Good morning");
        assert_eq!(texts, [(None, None), (good_morning, None), (good_morning, Some(0))]);
        assert_eq!(inbox.len(), 6);
        assert!(inbox.iter().all(|one| !one.historic));
        assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sms_that_cannot_be_deleted_is_filed_once() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::DeleteRefused {});
    })
    .await;
    send(&rig, 5_000);
    rig.inbound_until(&["acknowledged"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.inbox().await.len(), 1);
    let fault = rig.gateway.modems().remove(0).fault.expect("shown at the modem");
    assert_eq!(fault.code, "sms-delete-failed");
}

#[tokio::test(start_paused = true)]
async fn mms_announced_on_the_sim_for_years_before_the_first_start_are_not_asked_for() {
    let start = 1_790_000_000;
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        for (days, id) in [(30, "T1"), (364, "T2"), (366, "T3"), (3_000, "T4")] {
            for part in notified(id, Timestamp::from_secs(start - days * 86_400)) {
                operator.deliver_sms(OWN, &[part.encode().unwrap().into()]).unwrap();
            }
        }
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let inbox = rig.inbox().await;
    assert_eq!(inbox.len(), 4);
    for one in &inbox {
        assert_eq!((one.state, one.historic), (State::In(InboundState::Expired), true), "{one:?}");
    }
    assert_eq!(rig.operator.modem().state().calls, 0);
    assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
    // Its owner may ask for it all the same, and hears what the operator says.
    rig.gateway.retry(&inbox[0].id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(rig.operator.modem().state().calls > 0);
    assert!(rig.view(&inbox[0].id).await.attempts > 0);
}
