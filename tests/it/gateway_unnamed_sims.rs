//! SIMs whose name is not known, or not yet, and storages that cannot be read, or not yet: what comes
//! for them is theirs all the same.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::{Deliver, Scts, SmsAddress, StatusReport, UserData, join_smsc};
use mm1gate::gateway::Event;
use mm1gate::model::Timestamp;
use mm1gate::modem::{OpenPort, Port, PortOpener};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, OutgoingPart, Timing};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture, text};
use crate::gateway_sims::{SECOND, swap_sims};

/// Ports of a modem that does not know some commands while `on`.
struct Reticent {
    inner: Arc<dyn PortOpener>,
    on: Arc<AtomicBool>,
    commands: &'static [&'static str],
}

impl PortOpener for Reticent {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let port = self.inner.open(name).await?;
            let on = Arc::clone(&self.on);
            Ok(Box::new(Muffled { port, on, commands: self.commands }) as Box<dyn Port>)
        })
    }
}

struct Muffled {
    port: Box<dyn Port>,
    on: Arc<AtomicBool>,
    commands: &'static [&'static str],
}

impl AsyncRead for Muffled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_read(cx, buf)
    }
}

impl AsyncWrite for Muffled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let asks = |command: &&str| octets.starts_with(command.as_bytes());
        if self.on.load(Ordering::Relaxed) && self.commands.iter().any(asks) {
            // A command that no modem knows, as long as the one that was asked.
            let mut other = octets.to_vec();
            other[3..5].copy_from_slice(b"!!");
            return Pin::new(&mut self.port).poll_write(cx, &other);
        }
        Pin::new(&mut self.port).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.port).poll_shutdown(cx)
    }
}

impl Port for Muffled {
    fn set_dtr(&mut self, on: bool) -> bool {
        self.port.set_dtr(on)
    }
}

const IMSI: &[&str] = &["AT+CIMI"];
const IMSI_AND_ICCID: &[&str] = &[
    "AT+CIMI",
    "AT+CCID",
    "AT+ICCID",
    "AT+QCCID",
    "AT^ICCID",
    "AT#CCID",
    "AT+ZGETICCID",
    "AT+CRSM",
];

/// A modem that knows none of the commands until the switch is turned.
async fn reticent(commands: &'static [&'static str]) -> (Rig, Arc<AtomicBool>) {
    let on = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&on);
    let rig = Rig::through(Ports::Two, Timing::default(), |inner| {
        Arc::new(Reticent { inner, on: switch, commands })
    })
    .await;
    (rig, on)
}

fn send(rig: &Rig, octets: usize) {
    let picture = OutgoingPart {
        content_type: "image/jpeg".to_owned(),
        name: "beach.jpg".to_owned(),
        body: picture(octets),
    };
    let outgoing = Outgoing { parts: vec![picture], ..Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
}

fn sms(rig: &Rig, words: &str) -> Bytes {
    stamped(rig.clock.now(), words)
}

fn stamped(at: Timestamp, words: &str) -> Bytes {
    let (dcs, data) = UserData::from_text(words);
    let sender = SmsAddress::from_text(PHONE);
    Deliver::new(sender, dcs, Scts::new(at, 0), data).encode().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn sms_delivered_again_before_the_sim_was_known_is_one_message_over_restarts() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.deliver_sms(OWN, &[sms(&rig, "Is it ready?")]).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.inbox().await.len(), 1);
    rig.gateway.stop().await;
    // The network has not heard that it arrived and hands it over directly at the next start.
    let again = rig.octets("SELECT octets FROM tpdu");
    rig.keep_unfiled(None, again).await;
    for _ in 0..3 {
        rig.start().await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        rig.gateway.stop().await;
    }
    rig.start().await;
    assert_eq!(rig.inbox().await.len(), 1);
    assert_eq!(rig.count("SELECT count(*) FROM tpdu WHERE state = 'pending'"), 0);
    assert_eq!(rig.count("SELECT count(*) FROM tpdu WHERE sim LIKE 'modem:%'"), 0);
}

#[tokio::test(start_paused = true)]
async fn mms_announced_directly_before_the_sim_was_known_is_fetched_after_a_crash() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.stop().await;
    send(&rig, 5_000);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let announced = rig.operator.modem().stored_tpdus();
    assert!(!announced.is_empty());
    for tpdu in announced {
        rig.keep_unfiled(None, join_smsc(None, &tpdu).unwrap().into()).await;
    }
    rig.start().await;
    let view = rig.inbound_until(&["acknowledged"]).await;
    assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.inbox().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn mms_announced_while_the_modem_did_not_tell_its_sim_is_fetched_when_it_does() {
    for commands in [IMSI, IMSI_AND_ICCID] {
        let (mut rig, on) = reticent(commands).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        rig.operator.faults().set(Fault::DialNoCarrier {});
        send(&rig, 5_000);
        let view = rig.inbound_until(&["notified"]).await;
        rig.gateway.stop().await;
        rig.operator.faults().clear_all();
        on.store(false, Ordering::Relaxed);
        rig.start().await;
        rig.until(&view.summary.id, &["acknowledged"]).await;
        assert_eq!(rig.inbox().await.len(), 1, "{commands:?}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sms_that_waited_is_news_though_the_modem_did_not_tell_the_sim_this_time() {
    for commands in [IMSI, IMSI_AND_ICCID] {
        let (mut rig, on) = reticent(commands).await;
        rig.gateway.stop().await;
        on.store(false, Ordering::Relaxed);
        rig.start().await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        rig.gateway.stop().await;
        let waiting = sms(&rig, "Is it ready?");
        rig.operator.deliver_sms(OWN, &[waiting]).unwrap();
        tokio::time::sleep(Duration::from_secs(86_400)).await;
        on.store(true, Ordering::Relaxed);
        rig.start().await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let inbox = rig.inbox().await;
        let found: Vec<_> = inbox.iter().map(|one| (one.text.as_deref(), one.historic)).collect();
        assert_eq!(found, [(Some("Is it ready?"), false)], "{commands:?}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn old_sms_of_a_storage_that_was_busy_at_first_are_no_news_and_that_it_was_is_shown() {
    let start = Timestamp::from_secs(1_790_000_000);
    let on = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&on);
    let rig = Rig::prepared_through(
        Ports::Two,
        Timing::default(),
        |operator| {
            let old = Timestamp::from_secs(start.as_secs() - 30 * 86_400);
            operator.deliver_sms(OWN, &[stamped(old, "old")]).unwrap();
            operator.faults().set(Fault::CmtiMissing {});
        },
        |inner| Arc::new(Reticent { inner, on: switch, commands: &["AT+CPMS=\"SM\""] }),
    )
    .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.operator.modem().state().stored_sms, [1, 0]);
    // The other storage has something that the next look finds.
    rig.operator.deliver_sms(OWN, &[sms(&rig, "new")]).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.operator.modem().state().stored_sms, [1, 0]);
    assert_eq!(rig.inbox().await.len(), 1);
    let fault = rig.gateway.modems().remove(0).fault.expect("a fault");
    assert!(fault.summary.contains("AT+CPMS=\"SM\""), "{}", fault.summary);
    on.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let mut found: Vec<_> =
        rig.inbox().await.into_iter().map(|one| (one.text.unwrap(), one.historic)).collect();
    found.sort();
    assert_eq!(found, [("new".to_owned(), false), ("old".to_owned(), true)]);
    assert_eq!(rig.gateway.modems().remove(0).fault, None);
}

#[tokio::test(start_paused = true)]
async fn message_kept_before_a_crash_is_told_when_it_is_filed_at_the_next_start() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.stop().await;
    let imsi = mm1gate::sim::Subscriber::default().imsi;
    rig.keep_unfiled(Some(&imsi), join_smsc(None, &sms(&rig, "Hello")).unwrap().into()).await;
    rig.start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut events = rig.gateway.subscribe_from_start();
    let filed = rig.inbox().await.remove(0);
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        if let Event::State { id, historic: false, .. } = event {
            assert_eq!(id, filed.id);
            told += 1;
        }
    }
    assert_eq!(told, 1);
    // Whoever comes next hears what happens from then on.
    assert!(rig.gateway.subscribe_from_start().try_recv().is_err());
}

/// The SIM is known by its ICCID alone; the other modem tells its IMSI, or does not either.
#[tokio::test(start_paused = true)]
async fn what_belongs_to_a_sim_known_by_its_iccid_alone_follows_it_into_the_other_modem() {
    for tells in [false, true] {
        let on = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&on);
        let mut rig = Rig::second_through(Ports::Two, SECOND, |inner| {
            Arc::new(Reticent { inner, on: switch, commands: IMSI })
        })
        .await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let by_card = "SELECT count(*) FROM sim WHERE id LIKE 'iccid:%'";
        assert_eq!(rig.count(by_card), 2, "each by its card");
        let first_seen = "SELECT sum(first_seen_at) FROM sim";
        let seen = rig.count(first_seen);
        // One sent text whose report is out, one received text, one MMS that is announced only, and
        // one that waits to be sent.
        rig.operator.report_texts(PHONE, None);
        let sent = rig.gateway.accept(text(PHONE, "first")).await.unwrap();
        let from = rig.until(&sent, &["sent"]).await.summary.modem.unwrap();
        assert_eq!(from, "desk", "the first one is free");
        rig.operator.faults().set(Fault::DialNoCarrier {});
        send(&rig, 5_000);
        let pending = rig.inbound_until(&["notified"]).await;
        let received = sms(&rig, "Is it ready?");
        rig.operator.deliver_sms(OWN, std::slice::from_ref(&received)).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(rig.inbox().await.len(), 2);
        let waiting = rig.gateway.accept(message(5_000)).await.unwrap();
        let carried_by = rig.view(&waiting).await.summary.modem.unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;

        on.store(!tells, Ordering::Relaxed);
        rig.reconfigure(swap_sims).await;
        rig.operator.faults().clear_all();
        let view = rig.until(&pending.summary.id, &["acknowledged"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("second"), "tells: {tells}");
        let view = rig.until(&waiting, &["sent"]).await;
        assert_ne!(view.summary.modem.unwrap(), carried_by, "it followed its SIM");
        let journal = rig.operator.mmsc().journal();
        let submission = journal.of(EntryKind::Submission).next().unwrap();
        let expected = if carried_by == "desk" { OWN } else { SECOND };
        assert_eq!(submission.msisdn.as_deref(), Some(expected));
        let at = Scts::new(rig.clock.now(), 0);
        let report = StatusReport::new(1, SmsAddress::from_text(PHONE), at, at, 0);
        rig.operator.deliver_sms(OWN, &[report.encode().unwrap().into()]).unwrap();
        rig.until(&sent, &["delivered"]).await;
        // The network has not heard that it arrived.
        rig.operator.deliver_sms(OWN, &[received]).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let inbox = rig.inbox().await;
        assert_eq!(inbox.len(), 2, "tells: {tells}: a text and an MMS, once each");
        // Since when each SIM is known decides what on it is news.
        assert_eq!(rig.count("SELECT count(*) FROM sim"), 2, "tells: {tells}");
        assert_eq!(rig.count(by_card), if tells { 0 } else { 2 });
        assert_eq!(rig.count(first_seen), seen, "tells: {tells}");
        rig.gateway.stop().await;
    }
}
