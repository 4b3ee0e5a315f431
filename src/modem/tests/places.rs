//! Places of messages: what may be deleted there, and under which name they are looked at.

use super::bench::{Script, ready};
use crate::codec::sms::from_hex;
use crate::modem::{ModemError, ModemEvent, StoredSms};

const PDU: &str = "000405816888F80004605040302010800101";
const NEXT: &str = "000405816888F80004605040302010800102";
const EMPTY: &str = "\r\n+CMS ERROR: 321\r\n";

fn sms(storage: &str, index: u16) -> StoredSms {
    let octets = from_hex(PDU).unwrap().into();
    StoredSms { storage: storage.into(), index, stat: 1, octets, raw: PDU.into() }
}

fn listed(index: u16) -> String {
    format!("\r\n+CMGL: {index},1,,17\r\n{PDU}\r\n\r\nOK\r\n")
}

fn read(pdu: &str) -> String {
    format!("\r\n+CMGR: 0,,17\r\n{pdu}\r\n\r\nOK\r\n")
}

fn offering(names: &str) -> Script {
    let offered = format!("\r\n+CPMS: ({names}),({names}),({names})\r\n\r\nOK\r\n");
    let mut script = Script::new().on("AT+CPMS=?", &[&offered]);
    for name in names.split(',') {
        let answer = "\r\n+CPMS: 1,10,1,10,1,10\r\n\r\nOK\r\n";
        script = script.on(&format!("AT+CPMS={name}"), &[answer]);
    }
    script
}

fn places(found: &[StoredSms]) -> Vec<(&str, u16)> {
    found.iter().map(|it| (it.storage.as_str(), it.index)).collect()
}

fn stored(storage: &str, index: u16) -> Option<ModemEvent> {
    Some(ModemEvent::SmsStored { storage: storage.into(), index: Some(index) })
}

#[tokio::test(start_paused = true)]
async fn message_under_two_names_of_its_storage_is_found_once() {
    for (names, kept) in [
        ("\"SM\",\"ME\",\"SM_P\",\"ME_P\",\"MT\"", "SM"),
        ("\"SM_P\",\"SM\"", "SM"),
        ("\"SM\",\"MT\"", "SM"),
        ("\"MT\"", "MT"),
    ] {
        let script = offering(names).on("AT+CMGL=4", &[&listed(1)]);
        let second = "\r\n+CPMS: 0,10,0,10,0,10\r\n\r\nOK\r\n";
        let script = match names.contains("\"ME\"") {
            true => script.on("AT+CMGL=4", &[&listed(1), "OK"]).on("AT+CPMS=\"ME\"", &[second]),
            false => script,
        };
        let (bench, _far) = ready(script).await;
        assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [(kept, 1)], "{names}");
    }
}

#[tokio::test(start_paused = true)]
async fn same_message_in_two_storages_is_found_in_both() {
    let (bench, _far) = ready(Script::new().on("AT+CMGL=4", &[&listed(1)])).await;
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 1), ("ME", 1)]);
}

#[tokio::test(start_paused = true)]
async fn message_that_took_the_place_of_one_deleted_under_another_name_stays() {
    let script = offering("\"SM\",\"SM_P\",\"MT\"")
        .on("AT+CMGR=1", &[&read(PDU), &read(PDU), EMPTY, &read(NEXT)])
        .on("AT+CMGD=1", &["OK"]);
    let (mut bench, far) = ready(script).await;
    let first = bench.modem.read_sms("SM", 1).await.unwrap();
    let alias = bench.modem.read_sms("SM_P", 1).await.unwrap();
    bench.modem.delete_sms(&first).await.unwrap();
    // The network has put a waiting message into the place.
    bench.modem.delete_sms(&alias).await.unwrap();
    assert_eq!(far.commands().iter().filter(|it| *it == "AT+CMGD=1").count(), 1);
    assert_eq!(bench.events.recv().await, stored("SM_P", 1), "it is told as new");
}

#[tokio::test(start_paused = true)]
async fn deletion_from_before_a_restart_spares_the_message_at_the_same_place() {
    let script = Script::new().on("AT+CMGR=1", &[&read(PDU), &read(NEXT)]).on("AT+CMGD=1", &["OK"]);
    let (mut bench, far) = ready(script).await;
    let before = bench.modem.read_sms("ME", 1).await.unwrap();
    far.say("\r\nRDY\r\n");
    while !matches!(bench.events.recv().await, Some(ModemEvent::Gone { .. })) {}
    // What is asked waits behind the preparation.
    bench.modem.prepare().await.unwrap();
    bench.modem.delete_sms(&before).await.unwrap();
    assert!(!far.saw("AT+CMGD=1"));
    assert_eq!(bench.events.recv().await, stored("ME", 1));
}

#[tokio::test(start_paused = true)]
async fn deletion_from_before_another_sim_spares_its_messages() {
    let script = Script::new()
        .on("AT+CMGR=1", &[&read(PDU), &read(NEXT)])
        .on("AT+CMGR=2", &[EMPTY])
        .on("AT+CMGD=1", &["OK"]);
    let (bench, far) = ready(script).await;
    let before = bench.modem.read_sms("SM", 1).await.unwrap();
    bench.modem.prepare().await.unwrap();
    bench.modem.delete_sms(&before).await.unwrap();
    bench.modem.delete_sms(&sms("SM", 2)).await.unwrap();
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CMGD=")));
}

#[tokio::test(start_paused = true)]
async fn refused_deletion_is_not_believed_when_the_modem_cannot_look_either() {
    for unclear in
        ["\r\n+CMS ERROR: 500\r\n", "\r\n+CMS ERROR: 322\r\n", "\r\n+CME ERROR: 100\r\n", "ERROR"]
    {
        let script = Script::new()
            .on("AT+CMGR=5", &[&read(PDU), unclear])
            .on("AT+CMGD=5", &["\r\n+CMS ERROR: 500\r\n"]);
        let (bench, _far) = ready(script).await;
        let sms = bench.modem.read_sms("SM", 5).await.unwrap();
        let error = bench.modem.delete_sms(&sms).await.unwrap_err();
        assert!(matches!(error, ModemError::DeleteFailed { index: 5, .. }), "{unclear}: {error}");
    }
    for gone in [EMPTY, "OK"] {
        let script = Script::new()
            .on("AT+CMGR=5", &[&read(PDU), gone])
            .on("AT+CMGD=5", &["\r\n+CMS ERROR: 500\r\n"]);
        let (bench, _far) = ready(script).await;
        let sms = bench.modem.read_sms("SM", 5).await.unwrap();
        bench.modem.delete_sms(&sms).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn message_damaged_at_both_readings_is_left_where_it_is() {
    let damaged = |at: &str| read(PDU).replace(at, &format!("{at}\r\n+CIEV: 1,2\r\n"));
    let script = Script::new().on("AT+CMGR=3", &[&damaged("F8"), &damaged("6050")]);
    let (bench, far) = ready(script).await;
    let error = bench.modem.read_sms("SM", 3).await.unwrap_err();
    assert!(matches!(error, ModemError::Unreadable { .. }), "{error}");
    assert!(!far.saw("AT+CMGD=3"));
}
