//! Clients that submit as fast as they are answered, each on a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to the daemon.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: Option<String>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, token: Option<&str>) -> Result<Self, String> {
        let text = |error: &dyn std::error::Error| error.to_string();
        let stream = TcpStream::connect(address).await.map_err(|error| text(&error))?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| text(&error))?;
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string(), token: token.map(str::to_owned) })
    }

    /// Sends one request and takes its whole answer.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let answer = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

/// What was accepted.
pub(crate) struct Load {
    /// Messages a second; the first second is not counted.
    pub(crate) per_second: f64,
    /// All messages.
    pub(crate) accepted: u64,
}

/// Has so many clients at once submit.
pub(crate) async fn accept(
    address: SocketAddr,
    token: Option<&str>,
    clients: usize,
    body: Bytes,
    time: Duration,
) -> Result<Load, String> {
    let (all, accepted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let begin = Instant::now() + Duration::from_secs(1);
    let end = begin + time;
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(address, token).await?;
        let (all, accepted, body) = (Arc::clone(&all), Arc::clone(&accepted), body.clone());
        tasks.push(tokio::spawn(async move {
            while Instant::now() < end {
                let (status, answer) =
                    client.ask(Method::POST, "/api/v1/messages", body.clone()).await?;
                if status != StatusCode::ACCEPTED {
                    return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)));
                }
                all.fetch_add(1, Ordering::Relaxed);
                let now = Instant::now();
                if now >= begin && now < end {
                    accepted.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await.map_err(|error| error.to_string())??;
    }
    Ok(Load {
        per_second: accepted.load(Ordering::Relaxed) as f64 / time.as_secs_f64(),
        accepted: all.load(Ordering::Relaxed),
    })
}
