//! Alarms stay until they are over.

use super::*;

#[tokio::test]
async fn alarm_is_new_once_keeps_its_time_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert!(store.raise_alarm("modem:m", fault("sim-paused"), NOW).await.unwrap());
    let words = Fault { summary: "other words".to_owned(), ..fault("sim-paused") };
    assert!(!store.raise_alarm("modem:m", words.clone(), later(60)).await.unwrap());
    assert!(store.raise_alarm("modem:n", fault("sim-paused"), later(90)).await.unwrap());
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    let alarms = store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 2);
    assert_eq!((alarms[0].since, &alarms[0].fault), (NOW, &words));
    let over = store.clear_alarm("sim-paused", "modem:m", later(99)).await.unwrap();
    assert_eq!(over.map(|alarm| alarm.scope), Some("modem:m".to_owned()));
    assert_eq!(store.clear_alarm("sim-paused", "modem:m", later(99)).await.unwrap(), None);
    assert_eq!(store.alarms().await.unwrap().len(), 1);
}
