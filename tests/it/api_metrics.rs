//! `/metrics` over a real day of the virtual operator, read by a small strict reader of the exposition
//! format (OpenMetrics 1.0), which knows nothing of the program that writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use mm1gate::api::{self, Access};
use mm1gate::model::Fault;
use mm1gate::sim::Behaviour;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::gateway_rig::{Ports, Rig, message};

/// Every sample by its name and labels, and the type of each family.
struct Exposition {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Exposition {
    /// # Panics
    /// Where the text is none, with the line.
    fn read(text: &str) -> Self {
        let mut it = Self { samples: BTreeMap::new(), types: BTreeMap::new() };
        let (mut described, mut family) = (BTreeSet::new(), String::new());
        assert!(text.ends_with("# EOF\n"), "it has an end");
        for line in text.trim_end().lines() {
            if line == "# EOF" {
                continue;
            }
            if let Some(rest) = line.strip_prefix("# ") {
                let (word, rest) = rest.split_once(' ').expect(line);
                let (name, value) = rest.split_once(' ').expect(line);
                match word {
                    "HELP" => {
                        assert!(described.insert(name.to_owned()), "twice: {line}");
                        assert!(value.len() > 5, "{line}");
                    }
                    "TYPE" => {
                        let known = ["counter", "gauge", "histogram", "info"];
                        assert!(known.contains(&value), "{line}");
                        let former = it.types.insert(name.to_owned(), value.to_owned());
                        assert_eq!(former, None, "twice: {line}");
                        family = name.to_owned();
                    }
                    "UNIT" => assert!(name.ends_with(&format!("_{value}")), "{line}"),
                    other => panic!("{other} in {line}"),
                }
                continue;
            }
            let (sample, value) = line.rsplit_once(' ').expect(line);
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            assert!(labels.ends_with('}'), "{line}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.starts_with("mms_") && name.chars().all(plain), "{line}");
            let ending = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
            let fits = match it.types[&family].as_str() {
                "counter" => ending == "_total",
                "gauge" => ending.is_empty(),
                "info" => ending == "_info",
                _ => ["_sum", "_count", "_bucket"].contains(&ending),
            };
            assert!(fits, "{line} is no sample of a {}", it.types[&family]);
            for pair in labels.trim_end_matches('}').split("\",").filter(|it| !it.is_empty()) {
                let (label, value) = pair.split_once("=\"").expect(line);
                assert!(label.chars().all(plain), "{line}");
                let digits = value.chars().filter(char::is_ascii_digit).count();
                assert!(digits < 6, "a number of a person or a SIM: {line}");
            }
            assert_eq!(it.samples.insert(sample.to_owned(), value), None, "twice: {line}");
        }
        it
    }

    #[track_caller]
    fn of(&self, sample: &str) -> f64 {
        *self.samples.get(sample).unwrap_or_else(|| panic!("no {sample} in {:#?}", self.samples))
    }
}

async fn scrape(rig: &Rig) -> Exposition {
    let access = Access::Tcp { listen: ([127, 0, 0, 1], 8411).into() };
    let app = api::router(rig.gateway.clone(), access, CancellationToken::new());
    let request = Request::get("/metrics").header("host", "127.0.0.1:8411");
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    Exposition::read(std::str::from_utf8(&body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn figures_tell_what_was_sent_fetched_and_told_and_what_stands_in_the_way() {
    let rig = Rig::new(Ports::Two, Behaviour::SendBack).await;
    let before = scrape(&rig).await;
    assert_eq!(before.of("mms_send_duration_seconds_count"), 0.0);
    assert_eq!(before.of("mms_disk_has_room"), 1.0);
    let mut new = message(30_000);
    new.delivery_report = true;
    let id = rig.gateway.accept(new).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    rig.inbound_until(&["acknowledged"]).await;
    rig.gateway.figures().delivery("webhook", "delivered");
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let fault = |code: &str| Fault {
        layer: "gateway".to_owned(),
        code: code.to_owned(),
        summary: "wrong".to_owned(),
        verbatim: None,
        remedy: String::new(),
        blame: "gateway".to_owned(),
    };
    rig.gateway.raise_alarm("modem:desk", &fault("sim-refused")).await.unwrap();
    rig.gateway.raise_alarm("gateway", &fault("disk-full")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = scrape(&rig).await;
    assert_eq!(after.of("mms_send_duration_seconds_count"), 1.0);
    let took = after.of("mms_send_duration_seconds_sum");
    assert!(took > 0.0 && took < 320.0, "{took}");
    assert_eq!(after.of("mms_send_duration_seconds_bucket{le=\"+Inf\"}"), 1.0);
    let buckets: Vec<f64> = after
        .samples
        .iter()
        .filter(|(name, _)| name.starts_with("mms_send_duration_seconds_bucket"))
        .map(|(_, value)| *value)
        .collect();
    assert_eq!(buckets.len(), 11);
    assert!(after.of("mms_pdp_activations_total{result=\"ok\"}") >= 1.0);
    assert!(after.of("mms_ppp_negotiation_seconds_count") >= 1.0);
    for direction in ["out", "in"] {
        let octets = after.of(&format!("mms_http_bytes_total{{direction=\"{direction}\"}}"));
        assert!(octets > 30_000.0 && octets < 60_000.0, "{direction}: {octets}");
    }
    for (sample, value) in [
        ("mms_webhook_deliveries_total{kind=\"webhook\",result=\"delivered\"}", 1.0),
        ("mms_sending_paused{scope=\"desk\",by=\"person\"}", 1.0),
        ("mms_sending_paused{scope=\"desk\",by=\"sim-refused\"}", 1.0),
        ("mms_alarms{code=\"sim-refused\"}", 1.0),
        ("mms_alarms{code=\"disk-full\"}", 1.0),
        ("mms_modem_up{modem=\"desk\"}", 1.0),
    ] {
        assert_eq!(after.of(sample), value, "{sample}");
    }
    rig.gateway.stop().await;
}
