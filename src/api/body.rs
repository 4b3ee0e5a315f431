//! Bodies of requests: how long they may take and how much memory all of them together may have.
//!
//! What is read here is held until its message is durable. 64 callers with 16 MB each would be a
//! gigabyte; so a large body is not read before there is room for it, and waits in its connection.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

use super::intake::MAX_BODY;
use super::problem::Problem;

/// Memory of all bodies under way together, octets. Reading a message takes up to four times its
/// body: Base64, parts, PDU.
const ROOM: usize = 32 * 1024 * 1024;
/// Bodies up to this size need no room of their own: the number of connections bounds them.
const SMALL: usize = 64 * 1024;
/// What room is counted in, octets.
const UNIT: usize = 1024;
/// How long a body may wait for room.
const ROOM_WAIT: Duration = Duration::from_secs(15);
/// Longest pause between two pieces of a body.
const PAUSE: Duration = Duration::from_secs(15);
/// How long any body may take.
const LEAST_TIME: Duration = Duration::from_secs(30);
/// Octets a second that a body must have beyond that.
const LEAST_RATE: u64 = 32 * 1024;

/// The room for bodies; clones share it.
#[derive(Clone)]
pub(super) struct Room {
    units: Arc<Semaphore>,
}

impl Room {
    /// All of it.
    pub(super) fn new() -> Self {
        Self { units: Arc::new(Semaphore::new(ROOM / UNIT)) }
    }

    /// Room for so many octets, as soon as there is some; nothing for a small body.
    async fn take(&self, octets: usize) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if octets <= SMALL {
            return Ok(None);
        }
        let units = u32::try_from(octets.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let wait = Arc::clone(&self.units).acquire_many_owned(units);
        match tokio::time::timeout(ROOM_WAIT, wait).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-busy",
                "too many large requests at once",
                format!("there was no room for a body of {octets} octets for {ROOM_WAIT:?}"),
            )
            .hint("send it again in some seconds; nothing of it was taken")),
        }
    }
}

/// Refuses what is too large, waits for room, and has what is too slow end.
pub(super) async fn bounded(State(room): State<Room>, request: Request, next: Next) -> Response {
    let Some(length) = length(request.headers(), request.body()) else {
        return next.run(request).await;
    };
    if is_encoded(request.headers()) {
        return encoded();
    }
    if length > MAX_BODY {
        return Problem::too_large(MAX_BODY).into_response();
    }
    let permit = match room.take(length).await {
        Ok(permit) => permit,
        Err(problem) => {
            let mut response = problem.into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            return response;
        }
    };
    let request = request.map(|body| Body::new(Paced::new(body, length)));
    let response = next.run(request).await;
    drop(permit);
    response
}

/// Whether the body is compressed, which could unpack to any size.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// RFC 9110 clause 12.5.3: what is understood stands in Accept-Encoding.
fn encoded() -> Response {
    let problem = Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-encoding-unsupported",
        "compressed bodies are not taken",
        "the request has a Content-Encoding",
    )
    .hint("send the body as it is, without Content-Encoding");
    let mut response = problem.into_response();
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// How long the body can be; none when there is none.
fn length(headers: &HeaderMap, body: &Body) -> Option<usize> {
    if body.is_end_stream() {
        return None;
    }
    let told = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .or_else(|| body.size_hint().exact());
    Some(match told {
        Some(octets) => usize::try_from(octets).unwrap_or(usize::MAX),
        None => MAX_BODY,
    })
}

/// Whether an error comes of a body that was too slow.
pub(super) fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(one) = cause {
        if one.is::<TooSlow>() {
            return true;
        }
        cause = one.source();
    }
    false
}

/// What to tell about a body that could not be read.
pub(super) fn unreadable(error: &(dyn Error + 'static), limit: usize) -> Problem {
    let mut cause = Some(error);
    while let Some(one) = cause {
        if one.is::<TooSlow>() {
            return Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "request-timeout",
                "the request took too long",
                one.to_string(),
            )
            .hint("send it again; nothing of it was taken");
        }
        if one.is::<http_body_util::LengthLimitError>() {
            return Problem::too_large(limit);
        }
        cause = one.source();
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "body-incomplete",
        "the request's body broke off",
        format!("the body could not be read: {error}"),
    )
    .hint("send it again; nothing of it was taken")
}

/// A body that must go on.
struct Paced {
    body: Body,
    pause: Pin<Box<Sleep>>,
    end: Instant,
}

impl Paced {
    fn new(body: Body, length: usize) -> Self {
        let octets = u64::try_from(length).unwrap_or(u64::MAX);
        let now = Instant::now();
        let end = now + LEAST_TIME + Duration::from_secs(octets / LEAST_RATE);
        Self { body, pause: Box::pin(sleep_until((now + PAUSE).min(end))), end }
    }
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        // The end counts for a body as well that never pauses.
        if Instant::now() < self.end
            && let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context)
        {
            let next = (Instant::now() + PAUSE).min(self.end);
            self.pause.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match self.pause.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(TooSlow)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug)]
struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the body paused for {} s, or came slower than {} kB a second",
            PAUSE.as_secs(),
            LEAST_RATE / 1024
        )
    }
}

impl Error for TooSlow {}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    /// A body that sends `octets` each `every`, `count` times.
    fn trickle(octets: usize, every: Duration, count: usize) -> Body {
        Body::from_stream(stream::unfold(count, move |left| async move {
            if left == 0 {
                return None;
            }
            tokio::time::sleep(every).await;
            Some((Ok::<_, std::io::Error>(vec![0_u8; octets]), left - 1))
        }))
    }

    async fn read(body: Body, length: usize) -> Result<usize, String> {
        let paced = Body::new(Paced::new(body, length));
        axum::body::to_bytes(paced, MAX_BODY)
            .await
            .map(|octets| octets.len())
            .map_err(|error| unreadable(&error, MAX_BODY).code.into())
    }

    #[tokio::test(start_paused = true)]
    async fn body_that_pauses_or_trickles_is_ended() {
        let second = Duration::from_secs(1);
        assert_eq!(read(trickle(1000, second, 20), 20_000).await, Ok(20_000));
        let pauses = trickle(1000, 16 * second, 2);
        assert_eq!(read(pauses, 2000).await, Err("request-timeout".to_owned()));
        let trickles = trickle(1, 10 * second, 1000);
        assert_eq!(read(trickles, 1000).await, Err("request-timeout".to_owned()));
        let slow = trickle(40_000, second, 400);
        assert_eq!(read(slow, 16_000_000).await, Ok(16_000_000), "above the least rate");
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_wait_for_room_and_small_ones_do_not() {
        let room = Room::new();
        let first = room.take(MAX_BODY).await.expect("room").expect("counted");
        let second = room.take(MAX_BODY).await.expect("room").expect("counted");
        assert!(room.take(SMALL).await.expect("room").is_none());
        assert_eq!(&*room.take(SMALL + 1).await.expect_err("none is left").code, "too-busy");
        drop(first);
        room.take(MAX_BODY).await.expect("room again");
        drop(second);
    }

    #[test]
    fn body_without_length_counts_as_the_largest() {
        let mut headers = HeaderMap::new();
        assert_eq!(length(&headers, &Body::empty()), None);
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(length(&headers, &endless), Some(MAX_BODY));
        headers.insert("content-length", HeaderValue::from_static("99999999999999999"));
        assert!(length(&headers, &endless).is_some_and(|length| length > MAX_BODY));
    }
}
