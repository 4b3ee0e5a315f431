//! How messages come in, and the three ways of finding them.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{Far, Ports, SILENCE, Script, bench_as, ready};
use crate::modem::{
    ModemError, ModemEvent, Profile, ProfileChoice, Profiles, StorageUse, StoredSms,
};

const PDU: &str = "000405816888F80004605040302010800101";
const HELD: &str = "\r\n+CPMS: 2,10,0,23,0,23\r\n\r\nOK\r\n";

fn places(found: &[StoredSms]) -> Vec<(&str, u16)> {
    found.iter().map(|it| (it.storage.as_str(), it.index)).collect()
}

fn read(stat: u8) -> String {
    format!("\r\n+CMGR: {stat},,17\r\n{PDU}\r\n\r\nOK\r\n")
}

fn count(far: &Far, command: &str) -> usize {
    far.commands().iter().filter(|it| *it == command).count()
}

/// A modem that offers no stored messages.
fn direct_only() -> Script {
    Script::new()
        .on("AT+CSMS=?", &["\r\n+CSMS: (0,1)\r\n\r\nOK\r\n"])
        .on("AT+CSMS=1", &["\r\n+CSMS: 1,1,1\r\n\r\nOK\r\n"])
        .on("AT+CNMI=?", &["\r\n+CNMI: (0-2),(0,2),(0),(0,1),(0,1)\r\n\r\nOK\r\n"])
        .on("AT+CNMI=2,2,0,1,0", &["OK"])
        .on("AT+CNMA", &["OK"])
}

#[tokio::test(start_paused = true)]
async fn direct_message_is_acknowledged_when_the_gateway_says_so_and_not_before() {
    let (mut bench, far) = ready(direct_only()).await;
    assert!(far.saw("AT+CSMS=1") && far.saw("AT+CNMI=2,2,0,1,0"));
    bench.modem.acknowledge_sms().await.unwrap();
    assert!(!far.saw("AT+CNMA"), "nothing came");
    far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n"));
    assert!(matches!(bench.events.recv().await, Some(ModemEvent::SmsDirect { .. })));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!far.saw("AT+CNMA"), "it is not durable yet");
    bench.modem.acknowledge_sms().await.unwrap();
    bench.modem.acknowledge_sms().await.unwrap();
    assert_eq!(count(&far, "AT+CNMA"), 1);
}

#[tokio::test(start_paused = true)]
async fn refused_acknowledgement_sets_the_reception_up_anew() {
    for answer in ["\r\n+CMS ERROR: 500\r\n", SILENCE] {
        let (mut bench, far) = ready(direct_only().on("AT+CNMA", &[answer])).await;
        far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n"));
        assert!(matches!(bench.events.recv().await, Some(ModemEvent::SmsDirect { .. })));
        bench.modem.acknowledge_sms().await.unwrap_err();
        assert_eq!(count(&far, "AT+CNMI=2,2,0,1,0"), 2);
        assert_eq!(count(&far, "AT+CSMS=1"), 2);
        far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n"));
        let mut heard = bench.events.recv().await;
        if answer == SILENCE {
            assert_eq!(heard, Some(ModemEvent::Resynced));
            heard = bench.events.recv().await;
        }
        assert!(matches!(heard, Some(ModemEvent::SmsDirect { .. })));
    }
    let expected_none = "\r\n+CMS ERROR: 340\r\n";
    let (mut bench, far) = ready(direct_only().on("AT+CNMA", &[expected_none])).await;
    far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n"));
    assert!(matches!(bench.events.recv().await, Some(ModemEvent::SmsDirect { .. })));
    bench.modem.acknowledge_sms().await.unwrap();
    assert_eq!(count(&far, "AT+CNMI=2,2,0,1,0"), 1);
}

#[tokio::test(start_paused = true)]
async fn vendors_with_a_broken_acknowledgement_get_their_own_form_or_none() {
    let ports = Ports::default();
    let huawei = ProfileChoice::fixed(Profiles::embedded().named("huawei").unwrap());
    let script = direct_only().on("AT+CNMI=1,2,0,1,0", &["OK"]).on("AT+CNMA=0", &["OK"]);
    let far = ports.plug("p", script);
    let mut bench = bench_as(&ports, "p", None, None, huawei);
    bench.modem.prepare().await.unwrap();
    far.say(&format!("\r\n+CMT: ,17\r\n{PDU}\r\n"));
    assert!(matches!(bench.events.recv().await, Some(ModemEvent::SmsDirect { .. })));
    bench.modem.acknowledge_sms().await.unwrap();
    assert!(far.saw("AT+CNMA=0") && !far.saw("AT+CNMA"));
    // One that knows no acknowledgement is never asked to hand messages over.
    let simcom = ProfileChoice::fixed(Profiles::embedded().named("simcom").unwrap());
    let far = ports.plug("q", direct_only());
    let bench = bench_as(&ports, "q", None, None, simcom);
    bench.modem.prepare().await.unwrap();
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CNMI=2,2")));
}

#[tokio::test(start_paused = true)]
async fn storages_without_a_single_place_make_messages_come_directly() {
    let empty = "\r\n+CPMS: 0,0,0,0,0,0\r\n\r\nOK\r\n";
    let script = direct_only()
        .on("AT+CNMI=?", &["\r\n+CNMI: (0-2),(0-2),(0),(0,1),(0,1)\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"ME\",\"SM\",\"ME\"", &[empty])
        .on("AT+CPMS=\"SM\",\"ME\",\"SM\"", &[empty]);
    let (_bench, far) = ready(script).await;
    assert!(far.saw("AT+CNMI=2,2,0,1,0"));
}

#[tokio::test(start_paused = true)]
async fn service_that_is_no_number_is_left_alone() {
    let script = Script::new().on("AT+CSMS=?", &["\r\n+CSMS: GSM03.40,GSM03.41\r\n\r\nOK\r\n"]);
    let (_bench, far) = ready(script).await;
    assert!(!far.saw("AT+CSMS=1") && far.saw("AT+CNMI=2,1,0,1,0"));
}

#[tokio::test(start_paused = true)]
async fn mode_that_is_offered_and_then_rejected_is_passed_over() {
    let no = "\r\n+CMS ERROR: 303\r\n";
    let script = Script::new().on("AT+CNMI=2,1,0,1,0", &[no]).on("AT+CNMI=2,1,0,2,0", &["OK"]);
    let (_bench, far) = ready(script).await;
    assert!(far.saw("AT+CNMI=2,1,0,2,0"), "the way of reports was the matter");
    let script = Script::new().on("AT+CNMI=2,1,0,1,0", &[no]).on("AT+CNMI=1,1,0,1,0", &["OK"]);
    let (_bench, far) = ready(script).await;
    assert!(far.saw("AT+CNMI=1,1,0,1,0"));
}

#[tokio::test(start_paused = true)]
async fn reports_are_stored_where_there_is_a_storage_for_them() {
    let groups = "(\"SM\",\"ME\",\"SR\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")";
    let offered = format!("\r\n+CPMS: {groups}\r\n\r\nOK\r\n");
    let script = Script::new()
        .on("AT+CPMS=?", &[&offered])
        .on("AT+CPMS=\"SR\"", &["\r\n+CPMS: 1,5,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CNMI=2,1,0,2,0", &["OK"])
        .on("AT+CMGR=1", &[&read(0)]);
    let (mut bench, far) = ready(script).await;
    assert!(far.saw("AT+CNMI=2,1,0,2,0"));
    far.say("\r\n+CDSI: \"SR\",1\r\n");
    let event = bench.events.recv().await;
    assert_eq!(event, Some(ModemEvent::SmsStored { storage: "SR".into(), index: Some(1) }));
    assert_eq!(bench.modem.read_sms("SR", 1).await.unwrap().octets.len(), 18);
}

#[tokio::test(start_paused = true)]
async fn list_that_hangs_is_not_asked_first_again() {
    let script = Script::new()
        .on("AT+CMGL=4", &[SILENCE])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 1,10,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (4),(0-4)\r\n\r\nOK\r\n"])
        .on("AT+CMGR=4", &[&read(1)]);
    let (bench, far) = ready(script).await;
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 4)]);
    assert_eq!(count(&far, "AT+CMGL=4"), 1);
    let start = Instant::now();
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 4)]);
    assert_eq!(count(&far, "AT+CMGL=4"), 1);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn list_that_shows_less_than_is_counted_is_not_believed() {
    let script = Script::new()
        .on("AT+CPMS=\"SM\"", &[HELD])
        .on("AT+CMGD=?", &["\r\n+CMGD: (0,7),(0-4)\r\n\r\nOK\r\n"])
        .on("AT+CMGR=0", &[&read(1)])
        .on("AT+CMGR=7", &[&read(0)]);
    let (bench, far) = ready(script).await;
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 0), ("SM", 7)]);
    let before = count(&far, "AT+CMGL=4");
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 0), ("SM", 7)]);
    assert_eq!(count(&far, "AT+CMGL=4"), before, "it has lied");
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_counted_and_nowhere_are_looked_for_once() {
    for (empty, looks) in [("\r\n+CMS ERROR: 321\r\n", 1), ("\r\n+CMS ERROR: 500\r\n", 3)] {
        let mut script = Script::new()
            .on("AT+CPMS=\"SM\"", &[HELD])
            .on("AT+CMGD=?", &["\r\n+CMGD: (),(0-4)\r\n\r\nOK\r\n"]);
        for place in 0..=10 {
            script = script.on(&format!("AT+CMGR={place}"), &[empty]);
        }
        let (bench, far) = ready(script).await;
        for _look in 0..5 {
            assert!(bench.modem.sweep().await.unwrap().found.is_empty());
        }
        assert_eq!(count(&far, "AT+CMGR=10"), looks, "{empty}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_owner_wrote_on_the_sim_is_never_deleted() {
    for stat in [2, 3] {
        let script = Script::new().on("AT+CMGR=5", &[&read(stat)]).on("AT+CMGD=5", &["OK"]);
        let (bench, far) = ready(script).await;
        let own = bench.modem.read_sms("SM", 5).await.unwrap();
        let error = bench.modem.delete_sms(&own).await.unwrap_err();
        assert_eq!(error, ModemError::OwnSms { storage: "SM".into(), index: 5 });
        assert!(!far.saw("AT+CMGD=5"));
    }
}

#[tokio::test(start_paused = true)]
async fn room_in_each_storage_is_told() {
    let script = Script::new().on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 9,10,0,23,0,23\r\n\r\nOK\r\n"]);
    let (bench, _far) = ready(script).await;
    let uses = bench.modem.storages().await.unwrap();
    let use_of = |storage: &str, used, total| StorageUse { storage: storage.into(), used, total };
    assert_eq!(uses, [use_of("SM", 9, 10), use_of("ME", 0, 23)]);
}

#[tokio::test(start_paused = true)]
async fn profile_may_name_the_first_way_of_looking() {
    let ports = Ports::default();
    let mut profile = Profile::generic();
    profile.storage.list.reverse();
    let script = Script::new()
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 1,10,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGR=3", &[&read(1)]);
    let far = ports.plug("p", script);
    let bench = bench_as(&ports, "p", None, None, ProfileChoice::fixed(profile));
    bench.modem.prepare().await.unwrap();
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 3)]);
    assert!(!far.saw("AT+CMGL=4"));
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_refused_at_first_does_not_make_messages_come_directly() {
    let both = "\r\n+CNMI: (0-2),(0-2),(0),(0,1),(0,1)\r\n\r\nOK\r\n";
    for answer in ["\r\n+CMS ERROR: 310\r\n", "\r\n+CMS ERROR: 500\r\n", "ERROR", SILENCE] {
        let script = direct_only()
            .on("AT+CNMI=?", &[both])
            .on("AT+CPMS=\"ME\",\"SM\",\"ME\"", &[answer])
            .on("AT+CPMS=\"ME\",\"ME\",\"ME\"", &[answer])
            .on("AT+CPMS=\"ME\"", &[answer])
            .on("AT+CPMS=\"SM\",\"SM\",\"SM\"", &[answer])
            .on("AT+CPMS=\"SM\"", &[answer]);
        let (_bench, far) = ready(script).await;
        assert!(far.saw("AT+CNMI=2,1,0,1,0"), "{answer:?}");
        assert!(!far.commands().iter().any(|it| it.starts_with("AT+CNMI=2,2")), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_nobody_announced_is_counted_until_it_is_read() {
    let empty = "\r\n+CPMS: \"ME\",0,23,\"SM\",0,10,\"ME\",0,23\r\n\r\nOK\r\n";
    let one = "\r\n+CPMS: \"ME\",0,23,\"SM\",1,10,\"ME\",0,23\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CPMS?", &[empty, empty, one, one])
        .on("AT+CNMI?", &["\r\n+CNMI: 2,1,0,1,0\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 1,10,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGR=3", &[&read(2)]);
    let (bench, far) = ready(script).await;
    assert_eq!(bench.modem.unread_sms().await, Ok(0));
    assert_eq!(bench.modem.unread_sms().await, Ok(1));
    // Read, and left where it is: its owner wrote it.
    bench.modem.read_sms("SM", 3).await.unwrap();
    assert_eq!(bench.modem.unread_sms().await, Ok(0));
    assert_eq!(count(&far, "AT+CMGL=4"), 0);
}

#[tokio::test(start_paused = true)]
async fn message_that_is_counted_and_nowhere_is_not_news_for_ever() {
    let counted = "\r\n+CPMS: \"ME\",2,23,\"SM\",0,10,\"ME\",2,23\r\n\r\nOK\r\n";
    let mut script = Script::new()
        .on("AT+CPMS?", &[counted])
        .on("AT+CPMS=\"ME\"", &["\r\n+CPMS: 2,23,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (),(0-4)\r\n\r\nOK\r\n"]);
    for place in 0..=23 {
        script = script.on(&format!("AT+CMGR={place}"), &["\r\n+CMS ERROR: 321\r\n"]);
    }
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.unread_sms().await, Ok(2));
    assert!(bench.modem.sweep().await.unwrap().found.is_empty());
    assert_eq!(bench.modem.unread_sms().await, Ok(0));
}

#[tokio::test(start_paused = true)]
async fn modem_that_announces_otherwise_or_stores_elsewhere_has_lost_its_settings() {
    let told = |code: &str, value: &str| format!("\r\n{code}: {value}\r\n\r\nOK\r\n");
    let cpms = told("+CPMS", "\"ME\",0,23,\"SM\",0,10,\"ME\",0,23");
    let elsewhere = told("+CPMS", "\"SM\",0,10,\"SM\",0,10,\"SM\",0,10");
    let (cnmi, silent) = (told("+CNMI", "2,1,0,1,0"), told("+CNMI", "0,0,0,0,0"));
    let prepared = &*cnmi;
    for (cpms, cnmi, expected) in [
        ([&*cpms, &cpms, &cpms], [prepared, &cnmi, &cnmi], Ok(0)),
        ([&*cpms, &cpms, &cpms], [prepared, &cnmi, &silent], Err(ModemError::SettingsLost)),
        ([&*cpms, &cpms, &elsewhere], [prepared, &cnmi, &cnmi], Err(ModemError::SettingsLost)),
        // Who does not tell has not changed.
        ([&*cpms, &cpms, "ERROR"], [prepared, &cnmi, "ERROR"], Ok(0)),
    ] {
        let script = Script::new().on("AT+CPMS?", &cpms).on("AT+CNMI?", &cnmi);
        let (bench, _far) = ready(script).await;
        assert_eq!(bench.modem.unread_sms().await, Ok(0));
        assert_eq!(bench.modem.unread_sms().await, expected, "{cpms:?} {cnmi:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn storage_choice_that_takes_one_parameter_of_two_is_made_with_one() {
    let script = direct_only()
        .on("AT+CNMI=?", &["\r\n+CNMI: (0-2),(0-2),(0),(0,1),(0,1)\r\n\r\nOK\r\n"])
        .on("AT+CPMS=?", &["\r\n+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))\r\n\r\nOK\r\n"])
        .on("AT+CPMS?", &["\r\n+CPMS: \"SM\",0,10,\"SM\",0,10\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"SM\",\"SM\"", &["\r\n+CMS ERROR: 302\r\n"])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 0,10,0,10\r\n\r\nOK\r\n"]);
    let (_bench, far) = ready(script).await;
    assert!(far.saw("AT+CPMS=\"SM\"") && far.saw("AT+CNMI=2,1,0,1,0"));
}

#[tokio::test(start_paused = true)]
async fn message_announced_in_another_storage_leaves_the_receiving_one_selected() {
    let script = Script::new()
        .on("AT+CMGR=3", &[&read(0), "\r\n+CMS ERROR: 321\r\n"])
        .on("AT+CMGD=3", &["OK"]);
    let (bench, far) = ready(script).await;
    let sms = bench.modem.read_sms("SM", 3).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    bench.modem.delete_sms(&sms).await.unwrap();
    let before = count(&far, "AT+CPMS=\"ME\"");
    assert_eq!(before, 0, "not between the two");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count(&far, "AT+CPMS=\"ME\""), 1, "the modem announces again what goes there");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(count(&far, "AT+CPMS=\"ME\""), 1);
}

#[tokio::test(start_paused = true)]
async fn place_at_which_reading_hangs_does_not_hide_the_others() {
    let script = Script::new()
        .on("AT+CMGL=4", &[SILENCE])
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 3,10,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (1,2,3),(0-4)\r\n\r\nOK\r\n"])
        .on("AT+CMGR=1", &[&read(1)])
        .on("AT+CMGR=2", &[SILENCE])
        .on("AT+CMGR=3", &[&read(1)]);
    let (bench, far) = ready(script).await;
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 1), ("SM", 3)]);
    assert_eq!(count(&far, "AT+CMGR=2"), 1, "once a sweep is enough");
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 1), ("SM", 3)]);
    let read: Vec<String> =
        far.commands().into_iter().filter(|it| it.starts_with("AT+CMGR=")).collect();
    let again = read.iter().rposition(|it| it == "AT+CMGR=2").unwrap();
    assert!(read[again - 1] == "AT+CMGR=3", "where it hung before comes last");
}

#[tokio::test(start_paused = true)]
async fn message_whose_place_gives_no_clear_answer_is_looked_for_again() {
    let unclear = "\r\n+CMS ERROR: 500\r\n";
    let script = Script::new()
        .on("AT+CPMS=\"SM\"", &["\r\n+CPMS: 1,2,0,23,0,23\r\n\r\nOK\r\n"])
        .on("AT+CMGD=?", &["\r\n+CMGD: (),(0-4)\r\n\r\nOK\r\n"])
        .on("AT+CMGR=1", &[unclear, unclear, &read(0)]);
    let (bench, _far) = ready(script).await;
    assert!(bench.modem.sweep().await.unwrap().found.is_empty());
    assert!(bench.modem.sweep().await.unwrap().found.is_empty());
    assert_eq!(places(&bench.modem.sweep().await.unwrap().found), [("SM", 1)]);
}

#[tokio::test(start_paused = true)]
async fn modem_that_was_just_looked_at_is_not_asked_whether_it_is_there() {
    let (bench, far) = ready(Script::new()).await;
    let before = count(&far, "AT");
    bench.modem.unread_sms().await.unwrap();
    bench.modem.check(false).await.unwrap();
    assert_eq!(count(&far, "AT"), before);
    tokio::time::sleep(Duration::from_secs(10)).await;
    bench.modem.check(false).await.unwrap();
    assert_eq!(count(&far, "AT"), before + 1);
}
