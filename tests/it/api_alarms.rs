//! Alarms: what a person has to see to, over REST, on the page, in `doctor` and in `status`.

use axum::body::Body;
use axum::http::Request;
use mm1gate::model::{Fault, Timestamp};
use mm1gate::store::{Store, TokenRecord};
use serde_json::Value;

use crate::api_rig::{Answer, Rig};
use crate::cli_basics::{mm1gate, run};
use crate::support::Daemon;

fn fault(code: &str) -> Fault {
    Fault {
        layer: "gateway".to_owned(),
        code: code.to_owned(),
        summary: "the operator refused <b>five</b> messages".to_owned(),
        verbatim: Some("Guthaben aufgebraucht".to_owned()),
        remedy: "look at the SIM's contract".to_owned(),
        blame: "operator".to_owned(),
    }
}

async fn delete(rig: &Rig, path: &str) -> Answer {
    rig.ask(Request::delete(path).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn alarm_is_listed_until_somebody_has_seen_to_it() {
    let rig = Rig::start().await;
    rig.gateway.raise_alarm("modem:front-desk", &fault("missed-mms")).await.unwrap();
    rig.gateway
        .raise_alarm("mail:orders to a/b@example.com", &fault("mail-refused"))
        .await
        .unwrap();
    let list = rig.get("/api/v1/alarms").await.json();
    assert_eq!(list["alarms"][0]["code"], "missed-mms");
    assert_eq!(list["alarms"][0]["fault"]["remedy"], "look at the SIM's contract");
    list["alarms"][0]["since"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    delete(&rig, "/api/v1/alarms/modem:front-desk/no-such")
        .await
        .is_problem(404, "alarm-not-found");
    delete(&rig, "/api/v1/alarms/modem:other/missed-mms").await.is_problem(404, "alarm-not-found");
    assert_eq!(delete(&rig, "/api/v1/alarms/modem:front-desk/missed-mms").await.status, 204);
    let path = "/api/v1/alarms/mail%3Aorders%20to%20a%2Fb%40example.com/mail-refused";
    assert_eq!(delete(&rig, path).await.status, 204);
    assert_eq!(rig.get("/api/v1/alarms").await.json()["alarms"], serde_json::json!([]));
    rig.gateway.stop().await;
}

#[tokio::test]
async fn page_tells_alarms_with_their_remedy_and_a_button_ends_them() {
    let rig = Rig::start().await;
    let quiet = rig.get("/").await.text();
    assert!(quiet.contains("id=\"alarms\"") && !quiet.contains("/alarms/end"), "{quiet}");
    rig.gateway.raise_alarm("modem:front-desk", &fault("missed-mms")).await.unwrap();
    rig.gateway.raise_alarm("gateway", &fault("store-too-large")).await.unwrap();
    let html = rig.get("/").await.text();
    for wanted in [
        "href=\"/modems/front-desk\"",
        "The gateway",
        "The operator refused &lt;b&gt;five&lt;/b&gt; messages",
        "They said: “Guthaben aufgebraucht”",
        "Look at the SIM's contract.",
        "since <time datetime=",
        "value=\"missed-mms\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    // The modem's own page has its own and no other.
    let modem = rig.get("/modems/front-desk").await.text();
    assert!(modem.contains("missed-mms") && !modem.contains("store-too-large"), "{modem}");
    // A token that may read messages and no settings reads none of it.
    let (id, text) = rig.gateway.new_token();
    let record = TokenRecord {
        id,
        name: "reader".to_owned(),
        account: None,
        scopes: vec!["messages:read".to_owned()],
        created_at: rig.gateway.now(),
        expires_at: None,
        last_used_at: None,
    };
    rig.gateway.access().add(&text, record).await.unwrap();
    let ask = |token: String| {
        Request::get("/").header("authorization", format!("Bearer {token}")).body(Body::empty())
    };
    let html = rig.ask(ask(text.clone()).unwrap()).await;
    assert_eq!(html.status, 200);
    assert!(!html.text().contains("missed-mms"));
    let end = |token: &str| {
        Request::post("/alarms/end")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("scope=modem%3Afront-desk&code=missed-mms"))
            .unwrap()
    };
    assert_eq!(rig.ask(end(&text)).await.status, 403);
    assert_eq!(rig.gateway.alarms().await.unwrap().len(), 2);
    let (id, text) = rig.gateway.new_token();
    let record = TokenRecord {
        id,
        name: "manager".to_owned(),
        account: None,
        scopes: vec!["settings:manage".to_owned()],
        created_at: rig.gateway.now(),
        expires_at: None,
        last_used_at: None,
    };
    rig.gateway.access().add(&text, record).await.unwrap();
    for _ in 0..2 {
        let answer = rig.ask(end(&text)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, "/"),
            "twice is well"
        );
    }
    let left = rig.gateway.alarms().await.unwrap();
    assert_eq!(left.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["store-too-large"]);
    rig.gateway.stop().await;
}

/// A folder with a configuration, and these alarms in its store.
fn home(alarms: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let config = "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
        port = \"/dev/mm1gate-no-such-port\"\n";
    std::fs::write(home.path().join("gate.toml"), config).expect("a file");
    let data = home.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let store = Store::open(&data).expect("a store");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (scope, code) in alarms {
        let raised = store.raise_alarm(scope, fault(code), Timestamp::from_secs(1_790_000_000));
        assert!(runtime.block_on(raised).expect("raised"));
    }
    home
}

fn json(home: &std::path::Path, arguments: &[&str], code: i32) -> Value {
    let (exit, out, err) =
        run(mm1gate(home).args(arguments).args(["--json", "--config", "gate.toml"]));
    assert_eq!(exit, code, "{arguments:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn doctor_and_status_tell_alarms_and_one_is_ended_by_hand() {
    let home =
        home(&[("modem:desk", "missed-mms"), ("modem:gone", "missed-mms"), ("folder:gone", "x")]);
    let (exit, _, err) = run(mm1gate(home.path()).args(["status", "--config", "gate.toml"]));
    assert_eq!(exit, 69, "{err}");
    assert!(err.contains("no gateway runs") && err.contains("mm1gate serve"), "{err}");
    let _daemon = Daemon::start(home.path(), "mm1gate=info");
    // What is not configured any more has no alarms either.
    let status = json(home.path(), &["status"], 0);
    assert_eq!(status["alarms"].as_array().expect("alarms").len(), 1, "{status:#}");
    assert_eq!(status["modems"][0]["name"], "desk");
    let report = json(home.path(), &["doctor"], 69);
    let checks = report["checks"].as_array().expect("checks");
    let alarm = checks.iter().find(|it| it["name"] == "alarm").expect("a check of the alarms");
    assert_eq!(alarm["result"], "failed");
    let text = alarm["text"].as_str().expect("a text");
    assert!(
        text.starts_with("modem:desk, since 2026-09-21 14:13:20Z: the operator refused"),
        "{text}"
    );
    let fix = alarm["fix"].as_str().expect("a fix");
    assert!(
        fix.contains("contract") && fix.contains("status --end modem:desk/missed-mms"),
        "{fix}"
    );
    let arguments = ["status", "--config", "gate.toml"];
    let (exit, out, err) = run(mm1gate(home.path()).args(arguments));
    assert_eq!(exit, 0, "{err}");
    assert!(
        out.contains("Modem desk: ") && out.contains("ALARM modem:desk/missed-mms since"),
        "{out}"
    );
    for (wrong, code, says) in [
        ("missed-mms", 64, "names no alarm"),
        ("modem:desk/other", 66, "there is no alarm 'other'"),
    ] {
        let (exit, _, err) = run(mm1gate(home.path()).args(arguments).args(["--end", wrong]));
        assert!(exit == code && err.contains(says), "{exit}: {err}");
    }
    let (exit, out, err) =
        run(mm1gate(home.path()).args(arguments).args(["--end", "modem:desk/missed-mms"]));
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("No alarm holds"), "{out}");
    let report = json(home.path(), &["doctor"], 69);
    let alarm =
        report["checks"].as_array().expect("checks").iter().find(|it| it["name"] == "alarm");
    assert_eq!(alarm.expect("a check")["result"], "ok");
}
