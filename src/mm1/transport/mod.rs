//! Requests and their answers over any `Net`: [`Transport`] chooses the way, `http` is HTTP/1.1
//! straight or through a proxy, `wap` WSP through a WAP 1.x gateway.

mod body;
mod connection;
mod error;
mod exchange;
mod http;
mod request;
mod route;
mod seen;
mod tls;
mod tunnel;
mod url;
mod wap;
mod watch;

pub use error::TransportError;
pub(super) use error::WANTS_LOGIN;
pub(super) use request::Call;
pub use route::Route;
pub(super) use route::Transport;
pub(super) use url::HttpUrl;

use std::time::Duration;

use bytes::Bytes;

use crate::codec::mms;
use crate::net::BoxFuture;

/// Octets at the end of a request body that wait for the caller's word. Small enough to leave in
/// one segment; a body that is not longer waits as a whole.
pub const FINAL_BLOCK: usize = 1024;
/// Largest answer to a POST, octets: an M-Send.conf is a few hundred, a portal's page is cut.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Largest retrieved message, octets: above the hard cap of common phones (8 MiB).
pub const MAX_MESSAGE: usize = 10 * 1024 * 1024;
/// Largest head of an answer, octets: proxies add fields, but never that many.
const MAX_HEAD: usize = 32 * 1024;
/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(100);
/// The same where the final block may soon be missed: two segments last longer below 100 KB/s.
const NEAR_TICK: Duration = Duration::from_millis(20);

/// How long to wait for what. Nothing limits a whole transfer: 300 KB at 3 KB/s are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a name server's answer.
    pub resolve: Duration,
    /// For a connection.
    pub connect: Duration,
    /// Without an octet acknowledged or received while one is due.
    pub stall: Duration,
    /// From the last octet acknowledged to the first of the answer: MMSCs store before they
    /// answer.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(20),
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            answer: Duration::from_secs(120),
        }
    }
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
    /// The final block of the request had been let go.
    pub(super) released: bool,
    /// Host and port that was asked, for people.
    pub(super) by: String,
}

impl Answer {
    /// Whether the body looks like an MMS PDU: announced as one, or beginning like one (operators
    /// do either without the other).
    pub(super) fn is_mms(&self) -> bool {
        match self.body.as_ref() {
            [0x8C, kind, ..] => kind & 0x80 != 0,
            [] => false,
            _ => is_mms_type(self.content_type.as_deref()) && !looks_like_markup(&self.body),
        }
    }

    /// A page for people, whatever its media type says.
    pub(super) fn is_page(&self) -> bool {
        looks_like_markup(&self.body)
    }
}

fn is_mms_type(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|text| {
        let bare = text.split(';').next().unwrap_or_default().trim();
        bare.eq_ignore_ascii_case(mms::CONTENT_TYPE)
    })
}

fn looks_like_markup(body: &[u8]) -> bool {
    body.iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b'<')
}

/// A failed exchange and what the far end can have had.
#[derive(Debug)]
pub(super) enum Failure {
    /// A setting cannot be written into a request.
    Unusable { what: String, reason: String },
    /// Not the whole request.
    Before(TransportError),
    /// Not the whole request, since the hook did not agree.
    HeldBack(String),
    /// Perhaps the whole request.
    After(TransportError),
}

/// The hook as a future; nothing happens before it is polled.
pub(super) type Hook<'a> = BoxFuture<'a, Result<(), String>>;
