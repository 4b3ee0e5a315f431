//! The HTTP side of proxy and MMSC: one connection at a time through hyper's server, with the ways
//! in which such servers fail (RFC 9112; OMA WAP-219 for the proxy's role).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Action, MAX_BODY, MSISDN_HEADER, Mmsc, MmscReply, page};
use crate::sim::fault::Fault;

/// As whom the server speaks.
#[derive(Debug, Clone)]
pub(in crate::sim) enum Front {
    /// The WAP proxy, which knows the subscriber by the address of the call.
    Proxy {
        /// Number of the subscriber.
        msisdn: String,
    },
    /// The MMSC itself, reached through the operator's network.
    Direct {
        /// Number of the subscriber.
        msisdn: String,
    },
    /// The MMSC on a listener of the host; somebody else's proxy tells the number.
    Listener,
}

/// Serves HTTP/1.1 on one connection until it ends.
pub(in crate::sim) async fn serve_connection<S>(mmsc: Mmsc, front: Front, io: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| answer(mmsc.clone(), front.clone(), request));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(io), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

impl Mmsc {
    /// Serves the MMSC on a listener of the host, for clients that come through a proxy of
    /// their own (the header `X-WAP-Network-Client-MSISDN` tells the subscriber).
    ///
    /// # Errors
    /// When the listener cannot accept any more.
    pub async fn serve(&self, listener: tokio::net::TcpListener) -> std::io::Result<Infallible> {
        loop {
            let (stream, peer) = listener.accept().await?;
            let peer: SocketAddr = peer;
            if !peer.ip().is_loopback() {
                continue;
            }
            let mmsc = self.clone();
            let stop = self.0.stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    () = serve_connection(mmsc, Front::Listener, stream) => {}
                }
            });
        }
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
struct Closed;

async fn answer(
    mmsc: Mmsc,
    front: Front,
    request: Request<Incoming>,
) -> Result<Response<Reply>, Closed> {
    let name = format!("{} {}", request.method(), request.uri());
    let (head, mut incoming) = request.into_parts();
    let is_proxy = matches!(front, Front::Proxy { .. });
    if is_proxy && let Some(refusal) = proxy_refuses(&mmsc, &head) {
        // A proxy reads what it refuses, so that the client sees the answer.
        let _ = read(&mut incoming, &mut 0, None).await;
        return Ok(refusal.map(Reply::whole));
    }
    let length = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    let stop_at = if is_proxy {
        mmsc.faults().take(|fault| match fault {
            Fault::ProxyClosesMidRequest { after } if head.method == hyper::Method::POST => {
                Some(*after)
            }
            _ => None,
        })
    } else {
        None
    };
    let stop_at = stop_at.or_else(|| {
        let closes = head.method == hyper::Method::POST
            && mmsc.faults().strikes(&Fault::MmscClosesBeforeLast {});
        closes.then(|| length.unwrap_or(1).saturating_sub(1))
    });
    let mut reading = Reading { mmsc: &mmsc, name, octets: 0, whole: false };
    let Some(body) = read(&mut incoming, &mut reading.octets, stop_at).await else {
        return Err(Closed);
    };
    reading.whole = true;
    drop(reading);
    if is_proxy {
        let slow = mmsc.faults().take(|fault| match fault {
            Fault::ProxySlow { millis } => Some(Duration::from_millis(*millis)),
            _ => None,
        });
        tokio::time::sleep(slow.unwrap_or_default()).await;
    }
    let mut request = Request::from_parts(head, body);
    let msisdn = match front {
        Front::Proxy { msisdn } | Front::Direct { msisdn } => {
            if let Ok(value) = msisdn.parse() {
                request.headers_mut().insert(MSISDN_HEADER, value);
            }
            Some(msisdn)
        }
        Front::Listener => None,
    };
    let MmscReply { delay, action } = mmsc.handle(request, msisdn.as_deref()).await;
    tokio::time::sleep(delay).await;
    let chunk = mmsc.faults().take(|fault| match fault {
        Fault::ProxyChunks { octets } if is_proxy => Some(*octets),
        _ => None,
    });
    match action {
        Action::Answer(response) => Ok(response.map(|body| Reply::sent(body, chunk))),
        Action::Cut(response) => Ok(response.map(Reply::cut)),
        Action::Close => Err(Closed),
    }
}

/// What the proxy says itself instead of passing a request on.
fn proxy_refuses(mmsc: &Mmsc, head: &hyper::http::request::Parts) -> Option<Response<Bytes>> {
    let status = mmsc.faults().take(|fault| match fault {
        Fault::ProxyStatus { status } => Some(*status),
        _ => None,
    });
    if let Some(status) = status {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut refusal = page(status, "The proxy refuses");
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            refusal.headers_mut().insert(
                hyper::header::PROXY_AUTHENTICATE,
                hyper::header::HeaderValue::from_static("Basic realm=\"operator\""),
            );
        }
        return Some(refusal);
    }
    let redirect = mmsc.faults().take(|fault| match fault {
        Fault::ProxyRedirects { status } => Some(*status),
        _ => None,
    });
    if let Some(status) = redirect {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TEMPORARY_REDIRECT);
        let mut moved = page(status, "Moved");
        if let Ok(location) = format!("{}?moved", head.uri).parse() {
            moved.headers_mut().insert(hyper::header::LOCATION, location);
        }
        return Some(moved);
    }
    let name = format!("{} {}", head.method, head.uri.path());
    let Some(authority) = head.uri.authority() else {
        mmsc.complain(format!("{name}: not in absolute form, as a proxy needs it"));
        return Some(page(StatusCode::BAD_REQUEST, "A proxy needs the whole URL"));
    };
    let host = head.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !host.eq_ignore_ascii_case(authority.as_str()) {
        mmsc.complain(format!("{name}: Host is '{host}', the URL says '{authority}'"));
    }
    let own = mmsc.url().parse::<hyper::Uri>().ok();
    if own.as_ref().and_then(|own| own.authority()) != Some(authority) {
        return Some(page(StatusCode::BAD_GATEWAY, "The proxy does not know this host"));
    }
    None
}

/// Reads a body and counts its `octets`; nothing when it ended early, was too long, or should stop.
async fn read(
    incoming: &mut Incoming,
    octets: &mut usize,
    stop_at: Option<usize>,
) -> Option<Bytes> {
    let mut body = Vec::new();
    loop {
        if stop_at.is_some_and(|limit| body.len() >= limit) {
            return None;
        }
        match incoming.frame().await {
            None => return Some(Bytes::from(body)),
            Some(Err(_)) => return None,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    if body.len() + data.len() > MAX_BODY {
                        return None;
                    }
                    body.extend_from_slice(&data);
                    *octets = body.len();
                }
            }
        }
    }
}

/// A request whose body is being read: one that ends before it is whole, because the connection does
/// or the call below it, is told as unfinished.
struct Reading<'a> {
    mmsc: &'a Mmsc,
    name: String,
    octets: usize,
    whole: bool,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if !self.whole {
            self.mmsc.unfinished(std::mem::take(&mut self.name), self.octets);
        }
    }
}

/// A body: whole, in chunks, or without its last octet.
struct Reply {
    length: u64,
    /// Octets of a chunk; the length stays untold then.
    chunk: Option<usize>,
    data: Option<Bytes>,
    cut: bool,
    /// The octets before the cut have had their chance to leave.
    flushed: bool,
}

impl Reply {
    fn whole(data: Bytes) -> Self {
        Self::sent(data, None)
    }

    fn sent(data: Bytes, chunk: Option<usize>) -> Self {
        let length = data.len() as u64;
        Self { length, chunk, data: Some(data), cut: false, flushed: false }
    }

    fn cut(mut data: Bytes) -> Self {
        let length = data.len() as u64;
        data.truncate(data.len().saturating_sub(1));
        Self { length, chunk: None, data: Some(data), cut: true, flushed: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(mut data) = self.data.take().filter(|data| !data.is_empty()) {
            if let Some(chunk) = self.chunk.filter(|chunk| (1..data.len()).contains(chunk)) {
                self.data = Some(data.split_off(chunk));
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.cut {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // hyper writes out what it has before it asks again.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Closed)))
    }

    fn is_end_stream(&self) -> bool {
        !self.cut && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunk.is_some() {
            return SizeHint::default();
        }
        SizeHint::with_exact(if self.cut && self.data.is_none() { 1 } else { self.length })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::sim::{EntryKind, Operator};

    #[tokio::test(start_paused = true)]
    async fn request_that_a_call_takes_with_it_is_in_the_journal() {
        let operator = Operator::builder().start();
        let (mut near, far) = tokio::io::duplex(4_096);
        let served = serve_connection(operator.mmsc().clone(), Front::Listener, far);
        let request = b"POST /mms HTTP/1.1\r\nHost: mmsc\r\nContent-Length: 9\r\n\r\nhalf";
        near.write_all(request).await.unwrap();
        // The call ends, and with it everything above.
        tokio::time::timeout(Duration::from_secs(1), served).await.unwrap_err();
        let journal = operator.mmsc().journal();
        let unfinished: Vec<usize> =
            journal.of(EntryKind::Unfinished).map(|entry| entry.octets_in).collect();
        assert_eq!(unfinished, [4]);
    }
}
