//! The request of a webhook: where it may go, and how much of an answer is waited for and read.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header;

use crate::model::{Network, Timestamp, why_not_public};
use crate::outward::{self, Answer, Outward, Resolver};

/// How long a request may take in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// Octets of an answer that are read; whoever says more is not listened to further.
const MAX_ANSWER: usize = 16 * 1024;
/// How long the body of an answer is waited for: the status says all that matters.
const BODY_LIMIT: Duration = Duration::from_secs(5);

/// A request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// Where to.
    pub url: String,
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`
    pub at: Timestamp,
    /// `webhook-signature`
    pub signature: String,
    /// The JSON.
    pub body: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookResponse {
    /// HTTP status.
    pub status: u16,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: String,
}

/// Why there was no answer, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(pub String);

/// Sends requests of webhooks.
pub trait HookClient: Send + Sync {
    /// Sends one and waits for the answer, for a bounded time.
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>>;
}

/// Over the system's network.
#[derive(Debug)]
pub struct SystemClient {
    allow: Vec<Network>,
    allow_http: bool,
    total: Duration,
    outward: Outward,
}

impl SystemClient {
    /// A client that reaches the public Internet, and the networks of `allow` besides, and trusts
    /// Mozilla's roots.
    #[must_use]
    pub fn new(allow: Vec<Network>, allow_http: bool) -> Self {
        Self { allow, allow_http, total: TOTAL_LIMIT, outward: Outward::default() }
    }

    /// The same that trusts these authorities (DER) besides; what is none is passed over.
    #[must_use]
    pub fn trusting(mut self, authorities: &[Vec<u8>]) -> Self {
        self.outward = Outward::trusting(authorities);
        self
    }

    /// The same with another way to find addresses.
    #[must_use]
    pub fn resolving_by(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.outward = self.outward.resolving_by(resolver);
        self
    }

    /// The same with another limit for a whole request.
    #[must_use]
    pub const fn within(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Whether a request may go to this address.
    fn judge(&self, address: IpAddr, tls: bool) -> Result<(), String> {
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        if let Some(why) = why_not_public(address) {
            return Err(format!(
                "{address} is {why}; add it to allow under [webhooks] if it may be told"
            ));
        }
        if !tls && !self.allow_http {
            return Err(
                "over the Internet only https is used, since others could read along; set \
                        allow_http under [webhooks] if they may"
                    .to_owned(),
            );
        }
        Ok(())
    }

    async fn exchange(&self, request: HookRequest) -> Result<Answer, String> {
        let head = Request::post("/")
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &request.id)
            .header("webhook-timestamp", request.at.as_secs())
            .header("webhook-signature", &request.signature);
        self.outward
            .ask(&request.url, head, Bytes::from(request.body), |address, tls| {
                self.judge(address, tls)
            })
            .await
            .map_err(|error| error.to_string())
    }
}

impl HookClient for SystemClient {
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>> {
        Box::pin(async move {
            let Ok(answered) = tokio::time::timeout(self.total, self.exchange(request)).await
            else {
                return Err(HookError(format!("no answer within {} s", self.total.as_secs())));
            };
            let mut answer = answered.map_err(HookError)?;
            let head = &answer.response;
            let (status, location) =
                (head.status().as_u16(), outward::text_of(head, header::LOCATION));
            let retry_after = outward::text_of(head, header::RETRY_AFTER)
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs);
            // The status is the answer, whether or not its body comes to an end.
            let mut beginning = Vec::new();
            let body = read(answer.response.body_mut(), &mut beginning);
            let _ = tokio::time::timeout(BODY_LIMIT, body).await;
            let body = String::from_utf8_lossy(&beginning).into_owned();
            Ok(HookResponse { status, location, retry_after, body })
        })
    }
}

/// Reads until the end, a failure or [`MAX_ANSWER`].
async fn read(body: &mut Incoming, beginning: &mut Vec<u8>) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(octets) = frame.into_data() else { continue };
        let room = MAX_ANSWER.saturating_sub(beginning.len());
        beginning.extend_from_slice(octets.get(..room).unwrap_or(&octets));
        if octets.len() >= room {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_or_public_is_reached() {
        let client = SystemClient::new(vec!["192.168.1.0/24".parse().unwrap()], false);
        let judge = |text: &str, tls| client.judge(text.parse().unwrap(), tls);
        assert_eq!(judge("8.8.8.8", true), Ok(()));
        assert!(judge("8.8.8.8", false).unwrap_err().contains("https"));
        assert_eq!(judge("192.168.1.7", false), Ok(()), "the owner's own network");
        for metadata in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "127.0.0.1"]
        {
            assert!(judge(metadata, true).unwrap_err().contains("allow under [webhooks]"));
        }
    }
}
