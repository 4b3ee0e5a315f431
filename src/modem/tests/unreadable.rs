//! A message that cannot be read though its neighbours can: told, left alone, and no hindrance.

use std::time::Duration;

use tokio::time::sleep;

use super::bench::{Bench, Far, Ports, Script, bench};
use crate::model::Explain;
use crate::modem::Swept;

const LISTED: &str = "\r\n+CMGL: 1,1,,21\r\n0791448720003023240B914477009021F300006211122143650002E834\r\n\
    +CMGL: 2,1,,24\r\n!!garbage!!\r\n\r\nOK\r\n";

async fn modem(answers: &[&str]) -> (Bench, Far) {
    let ports = Ports::default();
    let count = "\r\n+CPMS: 2,10,2,10,2,10\r\n\r\nOK\r\n";
    let state = "\r\n+CPMS: \"SM\",2,10,\"SM\",2,10,\"SM\",2,10\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CPMS=?", &["\r\n+CPMS: (\"SM\"),(\"SM\"),(\"SM\")\r\n\r\nOK\r\n"])
        .on("AT+CPMS?", &[state])
        .on("AT+CPMS=\"SM\",\"SM\",\"SM\"", &[count])
        .on("AT+CPMS=\"SM\"", &[count])
        .on("AT+CMGL=4", &[LISTED])
        .on("AT+CMGR=2", answers);
    let far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

async fn looks(bench: &Bench, count: usize) -> Swept {
    let mut last = Swept::default();
    for _ in 0..count {
        last = bench.modem.sweep().await.unwrap();
        sleep(Duration::from_secs(60)).await;
    }
    last
}

#[tokio::test(start_paused = true)]
async fn message_that_is_never_given_out_is_named_after_three_looks_and_asked_for_seldom() {
    for (answer, words) in [
        ("\r\n+CMS ERROR: 320\r\n", "+CMS ERROR: 320"),
        ("\r\n+CMS ERROR: 500\r\n", "+CMS ERROR: 500"),
    ] {
        let (bench, far) = modem(&[answer]).await;
        let swept = looks(&bench, 2).await;
        assert!(swept.unreadable.is_empty(), "{words}: a SIM that starts fails for a while");
        let swept = looks(&bench, 3).await;
        let told = &swept.unreadable[0];
        assert_eq!((told.storage.as_str(), told.index), ("SM", 2));
        assert!(told.answer.starts_with(words), "{told:?}");
        assert_eq!(swept.unreadable.len(), 1, "{:?}", swept.unreadable);
        assert!(swept.failed.is_empty(), "{words}: {:?}", swept.failed);
        let text = told.error().to_string();
        assert!(text.contains("SM 2") && text.contains(words), "{text}");
        assert_eq!(told.error().code(), "sms-unreadable");
        // Its neighbour comes in all the same.
        assert!(swept.found.iter().any(|it| it.index == 1), "{words}: {:?}", swept.found);
        let before = far.count("AT+CMGR=2");
        looks(&bench, 240).await;
        let asked = far.count("AT+CMGR=2") - before;
        assert!(asked <= 24, "{words}: {asked} times in 240 looks");
        assert!(!far.commands().iter().any(|it| it.starts_with("AT+CMGD=2")), "never deleted");
    }
}
