//! What belongs to a SIM: its first sight, and what follows it into another modem.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::{Deliver, PID_TYPE_0, Scts, SmsAddress, SmsSubmit, UserData};
use mm1gate::gateway::Config;
use mm1gate::model::{Kind, Timestamp};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, OutgoingPart, PortRole};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture, text};

pub(crate) const SECOND: &str = "+447700900002";

fn stored(words: &str, at: Timestamp) -> Bytes {
    let (dcs, data) = UserData::from_text(words);
    let sender = SmsAddress::from_text(PHONE);
    Deliver::new(sender, dcs, Scts::new(at, 0), data).encode().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn what_a_sim_brings_along_is_shown_but_no_news() {
    let start = Timestamp::from_secs(1_790_000_000);
    let mut rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        let old = Timestamp::from_secs(start.as_secs() - 30 * 86_400);
        operator.deliver_sms(OWN, &[stored("old", old), stored("new", start)]).unwrap();
    })
    .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shown = |rig: &Rig| {
        let gateway = rig.gateway.clone();
        async move {
            let all = gateway.messages(mm1gate::store::Filter::default()).await.unwrap();
            let mut texts: Vec<_> =
                all.into_iter().map(|one| (one.text.unwrap_or_default(), one.historic)).collect();
            texts.sort();
            texts
        }
    };
    let first = [("new".to_owned(), false), ("old".to_owned(), true)];
    assert_eq!(shown(&rig).await, first);
    assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
    // Later it is known: what waited while the gateway was off is news, however long that was.
    rig.gateway.stop().await;
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    let waited = Timestamp::from_secs(start.as_secs() + 3600);
    rig.operator.deliver_sms(OWN, &[stored("waited", waited)]).unwrap();
    rig.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(shown(&rig).await[1..], [first[1].clone(), ("waited".to_owned(), false)]);
}

/// As if somebody had put each SIM into the other modem.
pub(crate) fn swap_sims(config: &mut Config) {
    let [first, second] = &mut config.modems[..] else { panic!("two modems") };
    std::mem::swap(&mut first.port, &mut second.port);
    std::mem::swap(&mut first.control_port, &mut second.control_port);
}

#[tokio::test(start_paused = true)]
async fn retrievals_reports_duplicates_and_queued_messages_follow_the_sim() {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    // The report of this one waits until the SIM has moved.
    rig.operator.report_texts(PHONE, None);
    let sent = rig.gateway.accept(text(PHONE, "first")).await.unwrap();
    let view = rig.until(&sent, &["sent"]).await;
    let from = view.summary.modem.unwrap();
    let (sim, number, other) =
        if from == "desk" { (0, OWN, "second") } else { (1, SECOND, "desk") };
    assert_eq!(sim, 0, "the first one is free");
    // Announced, not to be had; sent, not to be handed over.
    rig.operator.faults().set(Fault::DialNoCarrier {});
    let answer = Outgoing {
        text: Some("Look".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "beach.jpg".to_owned(),
            body: picture(5_000),
        }],
        ..Outgoing::default()
    };
    rig.operator.send_from_phone(PHONE, number, &answer).unwrap();
    let pending = rig.inbound_until(&["notified"]).await;
    let mms = rig.gateway.accept(message(5_000)).await.unwrap();
    let carried_by = rig.view(&mms).await.summary.modem.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    rig.reconfigure(swap_sims).await;
    rig.operator.faults().clear_all();
    let view = rig.until(&pending.summary.id, &["acknowledged"]).await;
    assert_eq!(view.summary.modem.as_deref(), Some(other));
    assert_eq!(rig.inbox().await.len(), 1);
    let view = rig.until(&mms, &["sent"]).await;
    assert_ne!(view.summary.modem.unwrap(), carried_by, "it followed its SIM");
    // Sent with the SIM that it was queued for.
    let journal = rig.operator.mmsc().journal();
    let submission = journal.of(EntryKind::Submission).next().unwrap();
    let expected = if carried_by == "desk" { OWN } else { SECOND };
    assert_eq!(submission.msisdn.as_deref(), Some(expected));

    let report = mm1gate::codec::sms::StatusReport::new(
        1,
        SmsAddress::from_text(PHONE),
        Scts::new(rig.clock.now(), 0),
        Scts::new(rig.clock.now(), 0),
        0,
    );
    rig.operator.deliver_sms(number, &[report.encode().unwrap().into()]).unwrap();
    rig.until(&sent, &["delivered"]).await;
    // The same short message once more, from the same SIM in the other modem.
    let again = stored("twice", rig.clock.now());
    for _ in 0..2 {
        rig.operator.deliver_sms(number, std::slice::from_ref(&again)).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        rig.reconfigure(swap_sims).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let texts = rig.inbox().await.into_iter().filter(|one| one.kind == Kind::Sms).count();
    assert_eq!(texts, 1);
}

#[tokio::test(start_paused = true)]
async fn message_of_a_sim_that_is_gone_is_sent_with_the_one_in_its_place() {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::NoCoverage {});
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    assert_eq!(rig.view(&id).await.summary.modem.as_deref(), Some("desk"));
    // The first SIM is in a drawer, the second in the first modem.
    rig.reconfigure(|config| {
        swap_sims(config);
        config.modems.pop();
    })
    .await;
    rig.operator.faults().clear_all();
    let start = rig.clock.now();
    rig.until(&id, &["delivered"]).await;
    assert_eq!(rig.operator.texts_of(PHONE)[0].from, SECOND);
    assert!(rig.clock.now().since(start) < Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn text_that_the_modem_cannot_delete_is_one_message_over_restarts() {
    let mut rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::DeleteRefused {});
    })
    .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.deliver_sms(OWN, &[stored("again and again", rig.clock.now())]).unwrap();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(7200)).await;
        rig.restart().await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.inbox().await.len(), 1);
    let modem = rig.gateway.modems().remove(0);
    assert_eq!(modem.fault.expect("an alarm").code, "sms-delete-failed");
    // The network delivers the same again after that, to a SIM that is free by now.
    rig.operator.faults().clear_all();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
    assert_eq!(rig.inbox().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_owner_wrote_on_the_sim_stays_there_and_is_no_message() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.stop().await;
    // A draft from a phone, and one that was sent: <stat> 2 and 3.
    let draft: Bytes = SmsSubmit::text(SmsAddress::from_text(PHONE), "buy flour")
        .parts()
        .unwrap()
        .remove(0)
        .encode()
        .unwrap()
        .into();
    let mut port = rig.operator.modem().open(PortRole::Control).unwrap();
    say(&mut port, "AT+CMGF=0\r", "OK").await;
    say(&mut port, "AT+CPMS=\"SM\",\"SM\",\"SM\"\r", "OK").await;
    for _ in 0..2 {
        say(&mut port, &format!("AT+CMGW={}\r", draft.len()), ">").await;
        say(&mut port, &format!("00{}\x1a", hex::encode_upper(&draft)), "OK").await;
    }
    say(&mut port, "AT+CMSS=1\r", "OK").await;
    drop(port);
    rig.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.deliver_sms(OWN, &[stored("Is it ready?", rig.clock.now())]).unwrap();
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.operator.modem().stored_tpdus(), [draft.clone(), draft]);
    let inbox = rig.inbox().await;
    let texts: Vec<_> = inbox.iter().filter_map(|one| one.text.as_deref()).collect();
    assert_eq!((inbox.len(), texts), (1, vec!["Is it ready?"]));
    assert_eq!(rig.gateway.modems().remove(0).fault, None);
}

/// Types at a port until it answers with `wanted`.
async fn say(port: &mut DuplexStream, octets: &str, wanted: &str) {
    port.write_all(octets.as_bytes()).await.unwrap();
    let mut told = String::new();
    while !told.contains(wanted) {
        let mut buffer = [0; 256];
        let read = tokio::time::timeout(Duration::from_secs(60), port.read(&mut buffer)).await;
        told.push_str(&String::from_utf8_lossy(&buffer[..read.expect("an answer").unwrap()]));
        assert!(!told.contains("ERROR"), "{octets}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_short_message_is_taken_from_the_modem_and_shown_to_nobody() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    for words in ["", "are you there"] {
        let (dcs, data) = UserData::from_text(words);
        let sender = SmsAddress::from_text(PHONE);
        let silent = Deliver {
            pid: PID_TYPE_0,
            ..Deliver::new(sender, dcs, Scts::new(rig.clock.now(), 0), data)
        };
        rig.operator.deliver_sms(OWN, &[silent.encode().unwrap().into()]).unwrap();
    }
    rig.operator.deliver_sms(OWN, &[stored("Hello", rig.clock.now())]).unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
    let inbox = rig.inbox().await;
    assert_eq!((inbox.len(), inbox[0].text.as_deref()), (1, Some("Hello")));
    // Its octets are kept all the same.
    assert_eq!(rig.count("SELECT count(*) FROM tpdu WHERE note LIKE 'a silent%'"), 2);
}

#[tokio::test(start_paused = true)]
async fn alarm_about_a_sim_that_is_nearly_full_stays_until_there_is_room() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.stop().await;
    // 17 of 20 places.
    let draft = SmsSubmit::text(SmsAddress::from_text(PHONE), "buy flour").parts().unwrap();
    let draft = draft[0].encode().unwrap();
    let mut port = rig.operator.modem().open(PortRole::Control).unwrap();
    say(&mut port, "AT+CMGF=0\r", "OK").await;
    say(&mut port, "AT+CPMS=\"SM\",\"SM\",\"SM\"\r", "OK").await;
    for _ in 0..17 {
        say(&mut port, &format!("AT+CMGW={}\r", draft.len()), ">").await;
        say(&mut port, &format!("00{}\x1a", hex::encode_upper(&draft)), "OK").await;
    }
    drop(port);
    let fault = |rig: &Rig| rig.gateway.modems().remove(0).fault.map(|fault| fault.code);
    rig.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let full = fault(&rig).expect("an alarm");
    for round in 0..100 {
        if round % 10 == 0 {
            let word = stored(&format!("round {round}"), rig.clock.now());
            rig.operator.deliver_sms(OWN, &[word]).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(fault(&rig).as_deref(), Some(&full[..]), "round {round}");
    }
    assert_eq!(rig.inbox().await.len(), 10);
    rig.gateway.stop().await;
    let mut port = rig.operator.modem().open(PortRole::Control).unwrap();
    say(&mut port, "AT+CPMS=\"SM\",\"SM\",\"SM\"\r", "OK").await;
    for place in 1..=4 {
        say(&mut port, &format!("AT+CMGD={place}\r"), "OK").await;
    }
    drop(port);
    rig.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(fault(&rig), None);
}
