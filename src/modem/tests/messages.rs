//! Messages in and out of the storages.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{SILENCE, Script, ready};
use crate::codec::sms::from_hex;
use crate::modem::{ModemError, ModemEvent, StoredSms};

const PDU: &str = "000405816888F80004605040302010800101";

fn listed(index: u16) -> String {
    format!("\r\n+CMGL: {index},1,,17\r\n{PDU}\r\n\r\nOK\r\n")
}

fn read() -> String {
    format!("\r\n+CMGR: 0,,17\r\n{PDU}\r\n\r\nOK\r\n")
}

/// The usual message at a place.
fn sms(storage: &str, index: u16) -> StoredSms {
    let octets = from_hex(PDU).unwrap().into();
    StoredSms { storage: storage.into(), index, stat: 1, octets, raw: PDU.into() }
}

fn stored(storage: &str, index: Option<u16>) -> Option<ModemEvent> {
    Some(ModemEvent::SmsStored { storage: storage.into(), index })
}

#[tokio::test(start_paused = true)]
async fn announcements_in_every_form_are_heard() {
    let (mut bench, far) = ready(Script::new()).await;
    far.say("\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",1,\"MMS PUSH\",2,1\r\n");
    assert_eq!(bench.events.recv().await, stored("SM", Some(1)));
    assert_eq!(bench.events.recv().await, stored("SM", Some(1)));
    far.say("\r\n+CMTI: ,-1\r\n");
    assert_eq!(bench.events.recv().await, stored("", None));
    far.say("\r\n^SMMEMFULL: \"SM\"\r\n");
    assert_eq!(bench.events.recv().await, Some(ModemEvent::SmsStorageFull));
    far.say(&format!("\r\n+CMT: ,17\r\r\n{PDU}\r\n"));
    let Some(ModemEvent::SmsDirect { octets, .. }) = bench.events.recv().await else { panic!() };
    assert_eq!(octets.len(), PDU.len() / 2);
    far.say("\r\n+CREG: 5\r\n\r\n+CGREG: 2\r\n");
    let Some(ModemEvent::Registration(_)) = bench.events.recv().await else { panic!() };
}

#[tokio::test(start_paused = true)]
async fn announcement_in_one_read_with_an_answer_is_told_at_once() {
    let answer = "\r\n+CSQ: 21,0\r\n\r\nOK\r\n\r\n+CMTI: \"SM\",3\r\n";
    let (mut bench, _far) = ready(Script::new().on("AT+CSQ", &[answer])).await;
    // The one that came with the answer in preparation.
    let _ = bench.events.recv().await;
    bench.modem.signal().await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(1), bench.events.recv()).await;
    assert_eq!(told, Ok(stored("SM", Some(3))));
}

#[tokio::test(start_paused = true)]
async fn sweep_finds_messages_of_every_storage_and_index_zero() {
    let script = Script::new().on("AT+CMGL=4", &[&listed(0), &listed(7)]);
    let (bench, far) = ready(script).await;
    let found = bench.modem.sweep().await.unwrap().found;
    let places: Vec<_> = found.iter().map(|it| (it.storage.as_str(), it.index)).collect();
    assert_eq!(places, [("SM", 0), ("ME", 7)]);
    assert!(found.iter().all(|it| it.octets.len() == 18 && it.stat == 1));
    assert!(far.saw("AT+CPMS=\"SM\"") && far.saw("AT+CPMS=\"ME\""));
}

#[tokio::test(start_paused = true)]
async fn hanging_list_falls_back_to_single_places() {
    let script = Script::new()
        .on("AT+CMGL=4", &[SILENCE])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 1,10,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"ME\"", &["\r\n+CPMS: 1,2,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (4),(0-4)\r\n\r\nOK\r\n", "ERROR"])
        .on("AT+CMGR=4", &[&read()])
        .on("AT+CMGR=0", &["\r\n+CMS ERROR: 321\r\n"])
        .on("AT+CMGR=1", &[&read()]);
    let (bench, far) = ready(script).await;
    let start = Instant::now();
    let found = bench.modem.sweep().await.unwrap().found;
    let places: Vec<_> = found.iter().map(|it| (it.storage.as_str(), it.index)).collect();
    assert_eq!(places, [("SM", 4), ("ME", 1)]);
    assert!(!far.saw("AT+CMGR=2"), "all that are counted were found");
    assert!(start.elapsed() < Duration::from_secs(260));
}

#[tokio::test(start_paused = true)]
async fn modem_that_lists_in_text_mode_is_read_place_by_place() {
    let text = "\r\n+CMGL: 3,\"REC UNREAD\",\"+44\"\r\nsome text\r\n\r\nOK\r\n";
    let script = Script::new().on("AT+CMGL=4", &[text, "OK"]).on("AT+CMGR=3", &[&read()]);
    let (bench, _far) = ready(script).await;
    let found = bench.modem.sweep().await.unwrap().found;
    assert_eq!((found.len(), found[0].octets.len()), (1, 18));
}

#[tokio::test(start_paused = true)]
async fn message_that_is_no_pdu_is_kept_as_it_was_listed() {
    let text = "\r\n+CMGL: 3,0,,9\r\nnot a pdu\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CMGL=4", &[text, "OK"])
        .on("AT+CMGR=3", &["\r\n+CMGR: 0,,9\r\nnot a pdu\r\n\r\nOK\r\n"]);
    let (bench, _far) = ready(script).await;
    let found = bench.modem.sweep().await.unwrap().found;
    assert_eq!((found[0].octets.len(), found[0].raw.as_str()), (0, "not a pdu"));
}

#[tokio::test(start_paused = true)]
async fn one_dead_storage_does_not_hide_the_other() {
    let script = Script::new()
        .on("AT+CPMS=\"SM\"", &["\r\n+CMS ERROR: 310\r\n"])
        .on("AT+CPMS=\"SM\",\"ME\",\"ME\"", &["\r\n+CMS ERROR: 310\r\n"])
        .on("AT+CMGL=4", &[&listed(2)]);
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.sweep().await.unwrap().found.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_damaged_on_the_line_is_read_again() {
    let damaged = read().replace("1080", "10\r\n+CIEV: 1,2\r\n80");
    assert_ne!(damaged, read());
    let cut = listed(3).replace("0101\r", "\r");
    let script = Script::new().on("AT+CMGL=4", &[&cut, "OK"]).on("AT+CMGR=3", &[&damaged, &read()]);
    let (bench, _far) = ready(script).await;
    let found = bench.modem.sweep().await.unwrap().found;
    assert_eq!(found[0].octets.len(), 18);
}

#[tokio::test(start_paused = true)]
async fn announced_message_may_be_gone() {
    let script = Script::new().on("AT+CMGR=5", &["\r\n+CMS ERROR: 321\r\n"]);
    let (bench, _far) = ready(script).await;
    let error = bench.modem.read_sms("SM", 5).await.unwrap_err();
    assert_eq!(error, ModemError::NoSuchSms { storage: "SM".into(), index: 5 });
}

#[tokio::test(start_paused = true)]
async fn storage_that_the_modem_does_not_name_is_the_receiving_one() {
    let script = Script::new().on("AT+CMGR=5", &[&read()]);
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.read_sms("", 5).await.unwrap().storage, "ME");
}

#[tokio::test(start_paused = true)]
async fn deletion_is_verified() {
    let script = Script::new()
        .on("AT+CMGR=5", &[&read(), "\r\n+CMS ERROR: 321\r\n"])
        .on("AT+CMGD=5", &["OK"]);
    let (bench, far) = ready(script).await;
    let sms = bench.modem.read_sms("SM", 5).await.unwrap();
    bench.modem.delete_sms(&sms).await.unwrap();
    assert_eq!(far.commands().iter().filter(|it| *it == "AT+CMGR=5").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn deletion_that_does_nothing_is_an_error() {
    for answer in ["OK", "\r\n+CMS ERROR: 500\r\n"] {
        let script = Script::new().on("AT+CMGR=5", &[&read()]).on("AT+CMGD=5", &[answer]);
        let (bench, _far) = ready(script).await;
        let error = bench.modem.delete_sms(&sms("SM", 5)).await.unwrap_err();
        assert!(matches!(error, ModemError::DeleteFailed { index: 5, .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn place_taken_by_the_next_message_counts_as_deleted() {
    let next = read().replace("0101\r", "0102\r");
    let script = Script::new().on("AT+CMGR=5", &[&read(), &next]).on("AT+CMGD=5", &["OK"]);
    let (mut bench, _far) = ready(script).await;
    let sms = bench.modem.read_sms("SM", 5).await.unwrap();
    bench.modem.delete_sms(&sms).await.unwrap();
    assert_eq!(bench.events.recv().await, stored("SM", Some(5)));
}

#[tokio::test(start_paused = true)]
async fn deleting_an_empty_place_sends_no_deletion() {
    let script = Script::new().on("AT+CMGR=5", &["OK"]);
    let (bench, far) = ready(script).await;
    bench.modem.delete_sms(&sms("SM", 5)).await.unwrap();
    assert!(!far.saw("AT+CMGD=5"));
}

#[tokio::test(start_paused = true)]
async fn storage_name_from_the_air_cannot_inject_a_command() {
    let (bench, far) = ready(Script::new()).await;
    let error = bench.modem.read_sms("SM\"\rATD112;\r", 1).await.unwrap_err();
    assert!(matches!(error, ModemError::Argument { .. }));
    assert!(!far.commands().iter().any(|it| it.starts_with("ATD")));
}

#[tokio::test(start_paused = true)]
async fn modem_without_storage_choice_is_read_and_cleared() {
    let mut script = Script::new()
        .on("AT+CMGL=4", &[&listed(0), "OK"])
        .on("AT+CMGR=2", &[&read(), "\r\n+CMS ERROR: 321\r\n"])
        .on("AT+CMGR=0", &["\r\n+CMS ERROR: 321\r\n"])
        .on("AT+CMGD=0", &["OK"])
        .on("AT+CMGD=2", &["OK"]);
    for command in ["AT+CPMS=?", "AT+CPMS?", "AT+CPMS=\"SM\"", "AT+CPMS=\"ME\""] {
        script = script.on(command, &["ERROR"]);
    }
    let (bench, far) = ready(script).await;
    let found = bench.modem.sweep().await.unwrap().found;
    assert_eq!(found.len(), 1);
    bench.modem.delete_sms(&found[0]).await.unwrap();
    let announced = bench.modem.read_sms("SM", 2).await.unwrap();
    bench.modem.delete_sms(&announced).await.unwrap();
    assert!(far.saw("AT+CMGD=0") && far.saw("AT+CMGD=2"));
}

#[tokio::test(start_paused = true)]
async fn storages_that_are_busy_after_the_pin_are_waited_for() {
    let offered = "\r\n+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\n\r\nOK\r\n";
    let busy = "\r\n+CMS ERROR: 314\r\n";
    let script = Script::new()
        .on("AT+CPMS=?", &[busy, busy, offered])
        .on("AT+CPMS=\"SM\",\"SM\",\"SM\"", &[busy, "\r\n+CPMS: 0,10,0,10,0,10\r\n\r\nOK\r\n"])
        .on("AT+CNMI=2,1,0,1,0", &[busy, "OK"]);
    let (_bench, far) = ready(script).await;
    assert_eq!(far.commands().iter().filter(|it| it.starts_with("AT+CPMS=\"SM\",")).count(), 2);
    assert_eq!(far.commands().iter().filter(|it| it.starts_with("AT+CNMI=2")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_place_that_cannot_be_read_does_not_hide_the_others() {
    let script = Script::new()
        .on("AT+CMGL=4", &["ERROR"])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 2,2,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"ME\"", &["\r\n+CPMS: 0,0,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGR=0", &["\r\n+CMS ERROR: 320\r\n"])
        .on("AT+CMGR=1", &[&read(), "ERROR"]);
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.sweep().await.unwrap().found.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn modem_that_knows_only_other_modes_of_indication_is_still_set_up() {
    let script = Script::new()
        .on("AT+CNMI=?", &["\r\n+CNMI: (3),(1),(0),(0),(0)\r\n\r\nOK\r\n"])
        .on("AT+CNMI=3,1,0,0,0", &["OK"]);
    let (_bench, far) = ready(script).await;
    assert!(far.saw("AT+CNMI=3,1,0,0,0"));
}

#[tokio::test(start_paused = true)]
async fn listing_that_hangs_is_given_up_after_thirty_seconds_whatever_else_the_modem_says() {
    let script = Script::new()
        .on("AT+CMGL=4", &[SILENCE])
        .on("AT+CPMS=?", &["\r\n+CPMS: (\"ME\"),(\"ME\"),(\"ME\")\r\n\r\nOK\r\n"])
        .on("AT+CPMS?", &["\r\n+CPMS: \"ME\",1,2,\"ME\",1,2,\"ME\",1,2\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (1),(0-4)\r\n\r\nOK\r\n"])
        .on("AT+CMGR=1", &[&read()]);
    let (bench, far) = ready(script).await;
    let news = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            far.say("\r\n^RSSI:17\r\n");
        }
    });
    let begun = Instant::now();
    assert_eq!(bench.modem.sweep().await.unwrap().found.len(), 1);
    let took = begun.elapsed();
    news.abort();
    assert!((30..35).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn listing_that_flows_may_take_its_two_minutes() {
    let (bench, far) = ready(Script::new().on("AT+CMGL=4", &[SILENCE])).await;
    let slow = tokio::spawn(async move {
        for _storage in 0..2 {
            for index in 1..=5 {
                tokio::time::sleep(Duration::from_secs(21)).await;
                far.say(&format!("\r\n+CMGL: {index},1,,17\r\n{PDU}\r\n"));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            far.say("\r\nOK\r\n");
        }
    });
    let found = bench.modem.sweep().await.unwrap().found;
    slow.await.unwrap();
    assert_eq!(found.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn flood_during_a_command_does_not_push_a_direct_message_out() {
    let first = "\r\n+CSQ: 17,99\r\n\r\nOK\r\n";
    let (mut bench, far) = ready(Script::new().on("AT+CSQ", &[first, SILENCE])).await;
    while bench.events.try_recv().is_ok() {}
    let asked = tokio::spawn({
        let modem = bench.modem.clone();
        async move { modem.signal().await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    for line in 0..3000 {
        far.say(&format!("\r\n^RSSI: {line}\r\n\r\n+CREG: {}\r\n", line % 2));
    }
    far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n\r\n+CSQ: 9,0\r\n\r\nOK\r\n"));
    asked.await.unwrap().unwrap();
    // Nobody has listened meanwhile, so that the queue of events is full as well.
    let mut direct = 0;
    while let Ok(event) = bench.events.try_recv() {
        direct += usize::from(matches!(event, ModemEvent::SmsDirect { .. }));
        tokio::task::yield_now().await;
    }
    assert_eq!(direct, 1);
}
