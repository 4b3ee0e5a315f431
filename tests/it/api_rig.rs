//! A gateway whose modem is unplugged, behind the API as a function from request to answer.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use mm1gate::api::{self, Access};
use mm1gate::gateway::{Config, Deps, Gateway, ModemConfig};
use mm1gate::model::{Clock, NoTap, Random};
use mm1gate::modem::SystemPorts;
use mm1gate::modem::usb::NoUsb;
use mm1gate::operators::Settings;
use mm1gate::store::NoProbe;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// One picture element, a PNG by hand: signature, IHDR, IDAT, IEND.
pub(crate) const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0,
    0x1f, 0x00, 0x05, 0x00, 0x01, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// The rig.
pub(crate) struct Rig {
    pub(crate) shutdown: CancellationToken,
    pub(crate) gateway: Gateway,
    app: Router,
    dir: TempDir,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// That this is a problem+json with this status and code.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
    }
}

/// The modem `front-desk` that nobody has plugged in, with an operator's settings.
pub(crate) fn unplugged(dir: &Path) -> ModemConfig {
    ModemConfig {
        operator: Some(Settings {
            apn: "mms.example".to_owned(),
            mmsc: "http://mmsc.example/mms".to_owned(),
            ..Settings::default()
        }),
        ..ModemConfig::new("front-desk", dir.join("unplugged").display().to_string())
    }
}

impl Rig {
    /// Starts it on an empty data folder.
    pub(crate) async fn start() -> Self {
        Self::configured(|_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn configured(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(dir.path().join("data"));
        config.modems.push(unplugged(dir.path()));
        change(&mut config);
        let deps = Deps {
            ports: Arc::new(SystemPorts),
            clock: Clock::system(),
            random: Random::from_system(),
            tap: Arc::new(NoTap),
            usb: Arc::new(NoUsb),
            probe: Arc::new(NoProbe),
        };
        let gateway = Gateway::start(config, deps).await.expect("a gateway");
        let shutdown = CancellationToken::new();
        let access = Access::Tcp { listen: ([127, 0, 0, 1], 8411).into() };
        let app = api::router(gateway.clone(), access, shutdown.clone());
        Self { shutdown, gateway, app, dir }
    }

    /// Where it keeps its state.
    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    /// The answer as it comes.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Response {
        self.app.clone().oneshot(request).await.expect("the router does not fail")
    }

    /// Asks with a Host header as a browser on this machine sends it.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        if !parts.headers.contains_key("host") {
            parts.headers.insert("host", "127.0.0.1:8411".parse().expect("a value"));
        }
        let response = self.raw(Request::from_parts(parts, body)).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(path).header("content-type", content_type);
        self.ask(request.body(Body::from(body)).expect("a request")).await
    }

    pub(crate) async fn post_json(&self, value: &Value) -> Answer {
        self.post("/api/v1/messages", "application/json", value.to_string().into_bytes()).await
    }

    /// Sends a form as `curl -F` does: texts, then files as (name, type, octets).
    pub(crate) async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        files: &[(&str, &str, &[u8])],
    ) -> Answer {
        const BOUNDARY: &str = "------------------------d74496d66958873e";
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend_from_slice(
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                )
                .as_bytes(),
            );
        }
        for (filename, content_type, octets) in files {
            body.extend_from_slice(
                format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
                     filename=\"{filename}\"\r\nContent-Type: {content_type}\r\n\r\n"
                )
                .as_bytes(),
            );
            body.extend_from_slice(octets);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.post(path, &format!("multipart/form-data; boundary={BOUNDARY}"), body).await
    }

    /// Hands in a message and gives its id.
    pub(crate) async fn send(&self, subject: &str, file: &[u8]) -> String {
        let answer = self
            .post_form(
                "/api/v1/messages",
                &[("to", "+447700900123"), ("subject", subject), ("text", "Hello\nthere")],
                &[("a.png", "image/png", file)],
            )
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}
