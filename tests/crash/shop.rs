//! The shop's own server, which is told of events and lives on whatever happens to the gateway.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use mm1gate::model::Timestamp;
use mm1gate::store::{Endpoint, EndpointKind};
use mm1gate::world::{HookRequest, HookResponse};

/// Where events are told one after the other, and where they are told as they come.
pub(crate) const URLS: [&str; 2] = ["https://shop.example/ordered", "https://shop.example/any"];
/// The event that it refuses once at each URL.
const REFUSED_ONCE: usize = 3;
/// How long it takes for an answer.
const TAKES: Duration = Duration::from_millis(40);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) url: String,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) taken: bool,
}

#[derive(Default)]
pub(crate) struct Shop(Mutex<Vec<Told>>);

impl Shop {
    /// Everything that it was told, oldest first.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) async fn take(&self, request: HookRequest) -> HookResponse {
        let HookRequest { url, id, body, .. } = request;
        let taken = {
            let mut told = self.0.lock().unwrap();
            let here = || told.iter().filter(|one| one.url == url);
            let ids: BTreeSet<&str> = here().map(|one| one.id.as_str()).collect();
            let taken = ids.len() + 1 != REFUSED_ONCE || ids.contains(id.as_str());
            told.push(Told { url, id, body, taken });
            taken
        };
        tokio::time::sleep(TAKES).await;
        HookResponse { status: if taken { 200 } else { 503 }, ..HookResponse::default() }
    }
}

/// The shop's wishes to be told.
pub(crate) fn endpoints(at: Timestamp) -> [Endpoint; 2] {
    [true, false].map(|ordered| Endpoint {
        id: format!("whk_{}", if ordered { "ordered" } else { "any" }),
        kind: EndpointKind::Webhook,
        name: "shop".to_owned(),
        url: Some(URLS[usize::from(!ordered)].to_owned()),
        secret: b"0123456789abcdef0123456789abcdef".to_vec(),
        former_secret: None,
        events: Vec::new(),
        ordered,
        concurrency: 4,
        enabled: true,
        created_at: at,
        failing_since: None,
        failures: 0,
        taken_at: None,
        reason: None,
    })
}
