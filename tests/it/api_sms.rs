//! Plain SMS, modems and metrics as programs and browsers see them: the API in front of a gateway on
//! the virtual operator, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use mm1gate::api::{self, Access};
use mm1gate::codec::sms::{Deliver, MessageClass, Scts, SmsAddress, UserData, split_text};
use mm1gate::sim::{Behaviour, Fault};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

struct Api(Router);

impl Api {
    fn of(rig: &Rig) -> Self {
        let access = Access::Tcp { listen: ([127, 0, 0, 1], 8411).into() };
        Self(api::router(rig.gateway.clone(), access, CancellationToken::new()))
    }

    async fn ask(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.0.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn text(&self, path: &str) -> String {
        let request = Request::get(path).header("host", "127.0.0.1:8411");
        let (status, body) = self.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path)
            .header("host", "127.0.0.1:8411")
            .header("content-type", "application/json");
        let (status, body) = self.ask(request.body(Body::from(body.to_string())).unwrap()).await;
        (status, serde_json::from_str(&body).unwrap())
    }
}

fn from(sender: &str, words: &str, class: Option<MessageClass>, rig: &Rig) -> Vec<Bytes> {
    split_text(words, &[], 9_u8)
        .unwrap()
        .into_iter()
        .map(|(dcs, data): (_, UserData)| {
            let dcs = class.and_then(|class| dcs.with_class(class)).unwrap_or(dcs);
            let stamp = Scts::new(rig.clock.now(), 0);
            Deliver::new(SmsAddress::from_text(sender), dcs, stamp, data).encode().unwrap().into()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn texts_that_arrive_are_in_every_list() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let long = "cake ".repeat(80);
    for tpdus in [
        from("Parcel", &long, None, &rig),
        from(PHONE, "Your code is 4711", Some(MessageClass::Flash), &rig),
    ] {
        rig.operator.deliver_sms(OWN, &tpdus).unwrap();
        tokio::time::sleep(Duration::from_secs(400)).await;
    }
    let api = Api::of(&rig);
    let inbox = api.get("/api/v1/inbox?kind=sms").await;
    let list = inbox["messages"].as_array().unwrap();
    let told: Vec<Value> = list
        .iter()
        .map(|one| {
            json!([
                one["kind"],
                one["from"],
                one["text"],
                one["state"],
                one["settled"],
                one["segments"],
                one["flash"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["sms", PHONE, "Your code is 4711", "received", true, 1, true]),
            json!(["sms", "Parcel", long, "received", true, 3, null]),
        ]
    );
    assert!(list[0]["sent_at"].as_str().is_some_and(|at| at.starts_with("2026-09-21T")));
    assert_eq!(api.get("/api/v1/inbox?kind=mms").await["messages"], json!([]));
    let id = list[1]["id"].as_str().unwrap();
    let one = api.get(&format!("/api/v1/inbox/{id}")).await;
    assert_eq!(one["timeline"][0]["text"], "received and stored");
    assert_eq!(api.text(one["parts"][0]["url"].as_str().unwrap()).await, long);
    let page = api.text("/").await;
    assert!(
        page.contains("Parcel") && page.contains("Your code is 4711") && page.contains("Flash")
    );
    // Nobody can answer a name.
    let detail = api.text(&format!("/messages/{id}")).await;
    assert!(detail.contains("cake cake") && !detail.contains("Reply"));
}

#[tokio::test(start_paused = true)]
async fn text_is_handed_in_counted_and_refused_where_it_cannot_be_one() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let api = Api::of(&rig);
    let path = "/api/v1/messages";
    let new = json!({ "kind": "sms", "to": [PHONE, "+447700900124"], "text": "cake ".repeat(80) });
    let (status, accepted) = api.post(path, &new).await;
    assert_eq!((status, &accepted["kind"], &accepted["segments"]), (202, &json!("sms"), &json!(3)));
    let id = accepted["id"].as_str().unwrap().parse().unwrap();
    rig.until(&id, &["delivered"]).await;
    let shown = api.get(accepted["url"].as_str().unwrap()).await;
    assert_eq!(shown["recipients"][1]["report"], "all 3 parts received by the recipient");
    assert_eq!(shown["settled"], true);

    let count = |text: &str| json!({ "text": text });
    let (_, cost) = api.post("/api/v1/sms/count", &count("Gr\u{fc}\u{df}e")).await;
    assert_eq!(
        cost,
        json!({"segments": 1, "encoding": "gsm7", "units": 5, "left": 155, "limit": 30})
    );
    let (_, cost) = api.post("/api/v1/sms/count", &count(&"\u{1f382}".repeat(40))).await;
    assert_eq!((&cost["encoding"], &cost["segments"]), (&json!("ucs2"), &json!(2)));
    let (status, problem) = api.post("/api/v1/sms/count", &json!({ "txt": "x" })).await;
    assert_eq!((status, &problem["code"]), (422, &json!("unknown-field")));

    for (field, value, pointer, code) in [
        ("subject", json!("Hello"), "/subject", "not-in-sms"),
        ("group", json!(true), "/group", "not-in-sms"),
        ("to", json!("shop@example.com"), "/to", "no-number"),
        ("text", json!("x".repeat(153 * 30 + 1)), "/text", "text-too-long"),
        ("kind", json!("fax"), "/kind", "invalid-kind"),
    ] {
        let mut wrong = json!({ "kind": "sms", "to": PHONE, "text": "Hi" });
        wrong[field] = value;
        let (status, problem) = api.post(path, &wrong).await;
        assert_eq!(status, 422, "{problem}");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["code"]),
            (&json!(pointer), &json!(code)),
            "{problem}"
        );
        assert!(problem["detail"].as_str().unwrap().len() > 10);
    }
    assert_eq!(rig.operator.texts_of(PHONE).len(), 1);
}

/// Keys of an object that its schema does not describe.
fn undescribed(document: &Value, schema: &str, value: &Value) -> Vec<String> {
    let known = &document["components"]["schemas"][schema]["properties"];
    let object = value.as_object().expect("an object");
    object.keys().filter(|key| known.get(key).is_none()).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn modem_is_described_as_the_document_says() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.deliver_sms(OWN, &from("Parcel", "x", Some(MessageClass::Flash), &rig)).unwrap();
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    let api = Api::of(&rig);
    let document = api.get("/api/openapi.json").await;
    let modem = api.get("/api/v1/modems/desk").await;
    assert_eq!(api.get("/api/v1/modems").await["modems"][0], modem);
    assert_eq!(undescribed(&document, "Modem", &modem), Vec::<String>::new());
    for message in api.get("/api/v1/messages").await["messages"].as_array().unwrap() {
        assert_eq!(undescribed(&document, "Message", message), Vec::<String>::new());
        let one = api.get(&format!("/api/v1/messages/{}", message["id"].as_str().unwrap())).await;
        assert_eq!(undescribed(&document, "Message", &one), Vec::<String>::new());
    }
    assert_eq!((&modem["condition"], &modem["registration"]), (&json!("ready"), &json!("home")));
    assert_eq!((&modem["port_sharing"], &modem["roaming"]), (&json!("two"), &json!(false)));
    assert_eq!(modem["ports"], json!(["/dev/virtual-control", "/dev/virtual-data"]));
    assert_eq!(modem["operator"], "mm1gate virtual");
    // Whoever sees the page must not be able to copy the SIM's numbers.
    let imsi = modem["imsi"].as_str().unwrap();
    assert!(imsi.contains("****") && imsi.len() == 15, "{imsi}");
    assert!(modem["profile"].is_string() && modem["profile_reason"].is_string(), "{modem}");
    let request = Request::get("/api/v1/modems/dsek").header("host", "127.0.0.1:8411");
    let (status, body) = api.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, 404);
    assert!(body.contains("there is no modem 'dsek'; there are: desk"), "{body}");
    let page = api.text("/modems/desk").await;
    assert!(page.contains("Modem desk") && page.contains("two ports"), "{page}");
    assert!(page.contains("Data used in "), "{page}");
    assert_eq!(modem["data"]["cap_reached"], false);
    assert_eq!(undescribed(&document, "Data", &modem["data"]), Vec::<String>::new());
    assert!(api.text("/").await.contains("href=\"/modems/desk\""));
}

/// Reads OpenMetrics text: metric and labels to value. Complains about whatever is not well formed.
fn parse_metrics(text: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut described = BTreeMap::new();
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    for line in lines {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (what, name, rest) = (words.next(), words.next(), words.next());
            match what {
                Some("TYPE") => {
                    let kinds = ["gauge", "counter", "info", "histogram"];
                    assert!(kinds.contains(&rest.unwrap()), "{line}");
                    let earlier =
                        described.insert(name.unwrap().to_owned(), rest.unwrap().to_owned());
                    assert_eq!(earlier, None, "described twice: {line}");
                }
                // OpenMetrics has the unit at the end of the name.
                Some("UNIT") => assert!(name.unwrap().ends_with(rest.unwrap()), "{line}"),
                Some("HELP") => assert!(!rest.unwrap().is_empty(), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect(line);
        let name = series.split('{').next().unwrap();
        assert!(name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_'), "{line}");
        let ends = ["_total", "_info", "_bucket", "_sum", "_count"];
        let base = ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let kind = described.get(base).unwrap_or_else(|| panic!("not described: {line}"));
        assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
        if let Some(labels) = series.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            let inside =
                labels.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect(line);
            for label in inside.split(',') {
                let (key, value) = label.split_once('=').expect(line);
                assert!(key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_'));
                assert!(
                    value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
                    "{line}"
                );
            }
        }
        let earlier = found.insert(series.to_owned(), value.parse().expect(line));
        assert_eq!(earlier, None, "told twice: {line}");
    }
    found
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_what_happened_and_no_numbers_of_people() {
    let rig = Rig::new(Ports::Two, Behaviour::SendBack).await;
    let api = Api::of(&rig);
    let before = parse_metrics(&api.text("/metrics").await);
    assert_eq!(before["mms_queue_depth{queue=\"send-sms\"}"], 0.0);
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    rig.inbound_until(&["acknowledged"]).await;
    rig.operator.deliver_sms(OWN, &from(PHONE, "Thanks", None, &rig)).unwrap();
    rig.operator.faults().set_times(Fault::SubmitRefused { cms: 21 }, 1);
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.until(&id, &["failed"]).await;
    tokio::time::sleep(Duration::from_secs(400)).await;
    rig.operator.faults().set(Fault::NoCoverage {});
    rig.gateway.accept(text(PHONE, "waits")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    let text = api.text("/metrics").await;
    let now = parse_metrics(&text);
    let messages = |direction: &str, kind: &str, result: &str| {
        let labels = format!("direction=\"{direction}\",kind=\"{kind}\",result=\"{result}\"");
        now.get(&format!("mms_messages_total{{{labels},route=\"\"}}")).copied().unwrap_or_default()
    };
    assert_eq!(messages("out", "sms", "delivered"), 1.0, "{text}");
    assert_eq!(messages("out", "sms", "failed"), 1.0);
    assert_eq!(messages("out", "mms", "sent"), 1.0);
    assert_eq!(messages("in", "mms", "acknowledged"), 1.0);
    assert_eq!(messages("in", "sms", "received"), 1.0);
    assert_eq!(now["mms_queue_depth{queue=\"send-sms\"}"], 1.0);
    assert_eq!(now["mms_queue_oldest_seconds{queue=\"send-sms\"}"], 90.0);
    assert!(now.contains_key("mms_modem_up{modem=\"desk\"}"));
    assert!(now["mms_modem_signal_dbm{modem=\"desk\"}"] < 0.0);
    assert!(now.contains_key("mms_modem_registration_state{modem=\"desk\"}"));
    for rung in ["resync", "initialise", "restart", "usb-reset"] {
        let series = format!("mms_modem_recovery_steps_total{{modem=\"desk\",step=\"{rung}\"}}");
        assert!(now.contains_key(&series), "{text}");
    }
    assert!(now["mms_modem_octets_total{modem=\"desk\",direction=\"out\"}"] > 5_000.0);
    assert!(now["mms_data_calls_total{modem=\"desk\"}"] >= 1.0);
    let carried = |way: &str| {
        now[&format!("mms_data_call_octets_total{{modem=\"desk\",direction=\"{way}\"}}")]
    };
    assert!(carried("out") > 5_000.0 && carried("in") > 5_000.0, "{text}");
    assert_eq!(now["mms_data_month_octets{modem=\"desk\"}"], carried("out") + carried("in"));
    assert_eq!(now["mms_data_month_roaming_octets{modem=\"desk\"}"], 0.0);
    assert!(!now.contains_key("mms_data_month_cap_octets{modem=\"desk\"}"));
    for number in [PHONE, OWN, "7700900", "00101"] {
        assert!(!text.contains(number.trim_start_matches('+')), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_waits_for_a_modem_says_so_and_goes_by_another_one_on_request() {
    let timing = mm1gate::sim::Timing::usb_stick();
    let (rig, bus) = Rig::on_usb(Ports::Two, timing, Some("+447700900002")).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    bus.unplug(0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let api = Api::of(&rig);
    let new = json!({ "kind": "sms", "to": PHONE, "text": "Ready", "modem": "desk" });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (status, answer) = api.post("/api/v1/messages", &new).await;
        assert_eq!(status, 202, "{answer}");
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let path = format!("/api/v1/messages/{}", ids[0]);
    let message = api.get(&path).await;
    let waits = &message["waiting_for"];
    assert_eq!(
        (&waits["modem"], &waits["others"]),
        (&json!("desk"), &json!(["second"])),
        "{message}"
    );
    assert_eq!(
        message["timeline"].as_array().unwrap().last().unwrap()["text"],
        "waits for modem desk"
    );
    let page = api.text(&format!("/messages/{}", ids[0])).await;
    assert!(page.contains("Waits for modem <a href=\"/modems/desk\">desk</a>"), "{page}");
    assert!(page.contains("Send by second") && page.contains("number of the SIM there"), "{page}");
    let (status, wrong) = api.post(&format!("{path}/retry"), &json!({ "modem": "third" })).await;
    assert_eq!((status, &wrong["code"]), (422, &json!("unknown-modem")), "{wrong}");
    let (status, wrong) = api.post(&format!("{path}/retry"), &json!({ "modme": "x" })).await;
    assert_eq!((status, &wrong["code"]), (422, &json!("unknown-field")), "{wrong}");
    let (status, moved) = api.post(&format!("{path}/retry"), &json!({ "modem": "second" })).await;
    assert_eq!((status, &moved["modem"]), (202, &json!("second")), "{moved}");
    // The button of the page.
    let form = Request::post(format!("/messages/{}/retry", ids[1]))
        .header("host", "127.0.0.1:8411")
        .header("content-type", "application/x-www-form-urlencoded");
    let (status, _) = api.ask(form.body(Body::from("modem=second")).unwrap()).await;
    assert_eq!(status, 303);
    for id in ids {
        rig.until(&id.parse().unwrap(), &["delivered"]).await;
        let message = api.get(&format!("/api/v1/messages/{id}")).await;
        assert_eq!((&message["modem"], &message["waiting_for"]), (&json!("second"), &Value::Null));
    }
}

#[tokio::test(start_paused = true)]
async fn test_of_a_modem_is_asked_for_strictly_and_comes_back() {
    let rig = Rig::nameless().await;
    let api = Api::of(&rig);
    let test = "/api/v1/modems/desk/test";
    let (status, answer) = api.post(test, &json!({})).await;
    assert_eq!((status, &answer["code"]), (409, &json!("modem-not-ready")), "{answer}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    for (path, body, status, code) in [
        ("/api/v1/modems/back/test", json!({}), 404, "modem-not-found"),
        (test, json!({}), 422, "own-number-unknown"),
        (test, json!({ "to": 5 }), 422, "invalid-type"),
        (test, json!({ "to": "12" }), 422, "invalid-recipient"),
        (test, json!({ "two": OWN }), 422, "unknown-field"),
        (test, json!([]), 400, "malformed-json"),
    ] {
        let (found, answer) = api.post(path, &body).await;
        assert_eq!((found, &answer["code"]), (status, &json!(code)), "{body}: {answer}");
    }
    let (status, sent) = api.post(test, &json!({ "to": OWN })).await;
    assert_eq!((status, &sent["modem"], &sent["to"]), (202, &json!("desk"), &json!(OWN)), "{sent}");
    rig.inbound_until(&["received"]).await;
    let inbox = api.get("/api/v1/inbox?kind=sms").await;
    assert_eq!(inbox["messages"][0]["text"], sent["text"], "{inbox}");
}

#[tokio::test(start_paused = true)]
async fn count_names_the_characters_that_make_a_text_longer() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let api = Api::of(&rig);
    let text = json!({ "text": "\u{201c}Ready\u{201d} \u{e9}" });
    let (status, cost) = api.post("/api/v1/sms/count", &text).await;
    assert_eq!(status, 200, "{cost}");
    assert_eq!(
        (&cost["encoding"], &cost["beyond"]),
        (&json!("ucs2"), &json!(["\u{201c}", "\u{201d}"]))
    );
}
