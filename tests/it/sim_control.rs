//! The control API of the virtual operator, called as a service.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use mm1gate::sim::{Behaviour, Operator, control};
use serde_json::{Value, json};
use tower::ServiceExt;

const DELIVER: &str = "0405812143F500006211120000000002E834";

async fn call(operator: &Operator, method: &str, path: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "127.0.0.1:8412")
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    read(control::router(operator.clone()).oneshot(request).await.unwrap()).await
}

async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test(start_paused = true)]
async fn given_tpdu_lies_in_the_modem_with_or_without_service_centre() {
    let operator = Operator::builder().start();
    let with = format!("0791447700099099{DELIVER}");
    let body = json!({"tpdu": [DELIVER, with]}).to_string();
    let (status, answer) = call(&operator, "POST", "/sms", &body).await;
    assert_eq!((status, &answer["accepted"]), (StatusCode::ACCEPTED, &json!(2)));
    let stored = operator.modem().stored_tpdus();
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|tpdu| hex::encode_upper(tpdu) == DELIVER), "{stored:?}");
}

#[tokio::test(start_paused = true)]
async fn unusable_requests_are_explained_and_change_nothing() {
    let operator = Operator::builder().start();
    for (path, body, status, words) in [
        ("/sms", "{\"tpdu\":[\"04zz\"]}", 422, "tpdu[0] is not hexadecimal"),
        ("/sms", "{\"tpdu\":[\"040\"]}", 422, "tpdu[0] is not hexadecimal"),
        ("/sms", "{\"tpdu\":[\"ff\"]}", 422, "no SMS-DELIVER TPDU"),
        ("/sms", "{\"tpdu\":[]}", 422, "0 TPDUs"),
        ("/sms", "{\"tdpu\":[]}", 400, "unknown field `tdpu`"),
        ("/sms", "{", 400, "EOF"),
        ("/faults", "{\"fault\":\"rain\"}", 400, "unknown variant `rain`"),
        ("/mms", "{\"from\":\"+447700900002\"}", 422, "neither text nor part"),
        ("/nothing", "{}", 404, "GET / lists"),
        ("/state", "{}", 405, "GET / lists"),
    ] {
        let (got, problem) = call(&operator, "POST", path, body).await;
        assert_eq!(got.as_u16(), status, "{path} {body}: {problem}");
        assert_eq!(problem["status"], status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{body}: {detail}");
    }
    let unknown = json!({"tpdu": [DELIVER], "to": "+447700900555"}).to_string();
    assert_eq!(call(&operator, "POST", "/sms", &unknown).await.0, 404);
    assert!(operator.modem().stored_tpdus().is_empty());
    assert!(operator.faults().active().is_empty());
}

#[tokio::test(start_paused = true)]
async fn faults_are_switched_and_listed_and_cleared() {
    let operator = Operator::builder().start();
    let fault = json!({"fault": "mmsc-http-status", "status": 503, "times": 2});
    let (status, list) = call(&operator, "POST", "/faults", &fault.to_string()).await;
    assert_eq!((status, &list), (StatusCode::OK, &json!([fault])));
    let (_, state) = call(&operator, "GET", "/state", "").await;
    assert_eq!(state["faults"], list);
    let path = "/faults/mmsc-http-status";
    assert_eq!(call(&operator, "DELETE", path, "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(call(&operator, "DELETE", path, "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn message_of_a_phone_is_notified_to_the_modem() {
    let operator = Operator::builder().phone("+447700900002", Behaviour::Receive).start();
    let body = json!({"from": "+447700900002", "subject": "Hi",
        "parts": [{"type": "image/png", "name": "a.png", "base64": "iVBORw0KGgo="}]});
    let (status, answer) = call(&operator, "POST", "/mms", &body.to_string()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (_, state) = call(&operator, "GET", "/state", "").await;
    assert_eq!(state["mmsc"]["stored"][0]["token"], answer["token"]);
    assert_eq!(state["mmsc"]["stored"][0]["notified"], 1);
    assert!(state["modems"][0]["stored_sms"][0].as_u64().unwrap() >= 1);
}

#[tokio::test(start_paused = true)]
async fn page_of_a_browser_gets_nowhere() {
    let operator = Operator::builder().start();
    let ask = |host: &str, kind: &str| {
        let request = Request::post("/faults")
            .header("Host", host)
            .header("Content-Type", kind)
            .body(Body::from("{\"fault\":\"mmsc-html\"}"))
            .unwrap();
        control::router(operator.clone()).oneshot(request)
    };
    assert_eq!(ask("evil.example:8412", "application/json").await.unwrap().status(), 403);
    assert_eq!(ask("127.0.0.1:8412", "text/plain").await.unwrap().status(), 415);
    assert!(operator.faults().active().is_empty());
    assert_eq!(ask("[::1]:8412", "application/json").await.unwrap().status(), 200);
}
