//! A way through an HTTP proxy for TLS: CONNECT (RFC 9110 clause 9.3.6).

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, header, upgrade};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::body::HeldBody;
use super::connection::http1;
use super::exchange::of_hyper;
use super::{Answer, MAX_ANSWER, TransportError};
use crate::mm1::Seen;
use crate::net::Stream;

const DOING: &str = "asking the proxy for a way through";

/// Asks the proxy behind `stream`, called `proxy`, for a tunnel to `to`.
///
/// # Errors
/// When it does not agree within `limit`; its own words are kept.
pub(super) async fn open(
    stream: Stream,
    request: Request<HeldBody>,
    proxy: &str,
    to: &str,
    limit: Duration,
) -> Result<Stream, TransportError> {
    timeout(limit, ask(stream, request, proxy, to)).await.unwrap_or_else(|_| {
        Err(TransportError::Stalled {
            to: proxy.to_owned(),
            seconds: limit.as_secs(),
            doing: DOING,
        })
    })
}

async fn ask(
    stream: Stream,
    request: Request<HeldBody>,
    proxy: &str,
    to: &str,
) -> Result<Stream, TransportError> {
    let failed = |error: hyper::Error| of_hyper(&error, proxy.to_owned(), DOING);
    let (mut sender, connection) = http1().handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let asked = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(refused(response, proxy, to).await);
        }
        upgrade::on(response).await.map_err(failed)
    };
    tokio::pin!(asked);
    let mut moving = std::pin::pin!(connection.with_upgrades());
    // The connection ends by handing itself over.
    let upgraded = tokio::select! {
        biased;
        outcome = &mut asked => outcome?,
        _ = &mut moving => asked.await?,
    };
    let odd =
        |reason: &str| TransportError::NotHttp { to: proxy.to_owned(), reason: reason.to_owned() };
    let parts = upgraded
        .downcast::<TokioIo<Stream>>()
        .map_err(|_| odd("its answer to CONNECT makes no tunnel"))?;
    // A TLS server speaks second: these octets are the proxy's, behind an answer that has no body.
    if !parts.read_buf.is_empty() {
        return Err(odd("something follows its answer to CONNECT"));
    }
    Ok(parts.io.into_inner())
}

async fn refused(response: Response<Incoming>, proxy: &str, to: &str) -> TransportError {
    let (parts, mut body) = response.into_parts();
    let mut octets = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let room = MAX_ANSWER.saturating_sub(octets.len());
        let Some(data) = frame.data_ref().filter(|_| room > 0) else { break };
        octets.extend_from_slice(data.get(..room).unwrap_or(data));
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let answer = Answer {
        status: parts.status.as_u16(),
        content_type: content_type
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        body: Bytes::from(octets),
        released: false,
        by: proxy.to_owned(),
    };
    TransportError::ProxyRefused {
        proxy: answer.by.clone(),
        to: to.to_owned(),
        seen: Seen::of(&answer),
    }
}
