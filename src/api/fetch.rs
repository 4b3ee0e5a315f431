//! Parts by URL: fetched before the message is accepted, from the public Internet and from the networks
//! that the owner allows.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;

use super::body;
use super::problem::FieldProblem;
use crate::model::{Network, why_not_public};
use crate::outward::{Outward, OutwardError, text_of};

/// Longest URL, octets.
pub(super) const MAX_URL: usize = 2048;
/// Largest part that is fetched, octets: no operator takes more.
const MAX_OCTETS: usize = 4 * 1024 * 1024;
/// How long one part may take, from the name to the last octet.
const TIME: Duration = Duration::from_secs(20);
/// Parts that are fetched at the same time, of all requests; each may have some megabytes.
const AT_ONCE: usize = 4;

/// Fetches parts; clones share their places.
#[derive(Clone)]
pub(super) struct Fetcher {
    outward: Outward,
    allow: Vec<Network>,
    places: Arc<Semaphore>,
}

/// What was fetched.
pub(super) struct Fetched {
    /// The first part of its Content-Type, as the server says.
    pub(super) media_type: Option<String>,
    /// The octets.
    pub(super) body: Bytes,
}

/// Why not: a code and a sentence.
type Refusal = (&'static str, String);

impl Fetcher {
    /// One that reaches the public Internet, and these networks besides.
    pub(super) fn new(allow: Vec<Network>) -> Self {
        Self { outward: Outward::default(), allow, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Fetches one part.
    ///
    /// # Errors
    /// What is wrong with the field at `pointer`.
    pub(super) async fn fetch(&self, pointer: &str, url: &str) -> Result<Fetched, FieldProblem> {
        let _place = self.places.acquire().await;
        let fetched = match tokio::time::timeout(TIME, self.get(url)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(unreachable(format!("it took more than {} s", TIME.as_secs()))),
        };
        fetched.map_err(|(code, detail)| FieldProblem::new(pointer, code, detail))
    }

    fn judge(&self, address: IpAddr) -> Result<(), String> {
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        why_not_public(address).map_or(Ok(()), |why| {
            Err(format!("{address} is {why}; part_urls_allow under [api] can name such networks"))
        })
    }

    async fn get(&self, url: &str) -> Result<Fetched, Refusal> {
        let request = Request::builder().method(Method::GET).header(header::ACCEPT, "*/*");
        let mut answer = self
            .outward
            .ask(url, request, Bytes::new(), |address, _| self.judge(address))
            .await
            .map_err(|error| match error {
                OutwardError::NotAllowed(why) => {
                    ("url-not-allowed", format!("this URL is not fetched: {why}"))
                }
                OutwardError::Unreachable(why) => unreachable(why),
            })?;
        let status = answer.response.status();
        if status.is_redirection() {
            let to = text_of(&answer.response, header::LOCATION).unwrap_or_default();
            let to = to.escape_debug();
            let detail = format!("the server answers {status} and points to '{to}'; give that URL");
            return Err(("url-redirects", detail));
        }
        if status != StatusCode::OK {
            return Err(unreachable(format!("the server answers {status}")));
        }
        if body::is_encoded(answer.response.headers()) {
            return Err(unreachable(
                "the answer is compressed, which was not asked for".to_owned(),
            ));
        }
        let media_type = answer
            .response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_owned());
        let body = Limited::new(answer.response.body_mut(), MAX_OCTETS).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let detail = format!("there are more than {MAX_OCTETS} octets behind this URL");
                ("url-too-large", detail)
            } else {
                unreachable(format!("the answer broke off: {error}"))
            }
        })?;
        Ok(Fetched { media_type, body: body.to_bytes() })
    }
}

fn unreachable(why: String) -> Refusal {
    ("url-unreachable", format!("this URL could not be fetched: {why}"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_not_public_is_never_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fetcher = Fetcher::new(Vec::new());
        for url in [
            format!("http://127.0.0.1:{port}/a.jpg"),
            format!("http://localhost:{port}/a.jpg"),
            format!("http://[::ffff:127.0.0.1]:{port}/a.jpg"),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "http://10.0.0.1/".to_owned(),
            "http://[fd00:ec2::254]/".to_owned(),
            "http://user:secret@8.8.8.8/".to_owned(),
            "file:///etc/passwd".to_owned(),
            "gopher://8.8.8.8/".to_owned(),
            "/etc/passwd".to_owned(),
            "http://".to_owned(),
        ] {
            let code = fetcher.fetch("/parts/0/url", &url).await.err().map(|it| it.code);
            assert_eq!(code.as_deref(), Some("url-not-allowed"), "{url}");
        }
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "somebody was asked");
    }

    /// What comes of this answer of a server in a network that is allowed.
    async fn answered(answer: Vec<u8>) -> Result<Fetched, Refusal> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0_u8; 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(&answer).await;
        });
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        Fetcher::new(allow).get(&format!("http://{address}/a.png")).await
    }

    #[tokio::test]
    async fn answers_are_taken_whole_or_not_at_all() {
        let good =
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nContent-Length: 3\r\n\r\nabc";
        let fetched = answered(good.to_vec()).await.ok().unwrap();
        assert_eq!(
            (&fetched.body[..], fetched.media_type.as_deref()),
            (&b"abc"[..], Some("image/png"))
        );
        let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", MAX_OCTETS + 1);
        let mut huge = huge.into_bytes();
        huge.resize(huge.len() + MAX_OCTETS + 1, 0);
        for (answer, code) in [
            (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n".to_vec(), "url-redirects"),
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), "url-unreachable"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec(), "url-unreachable"),
            (b"SSH-2.0-x\r\n".to_vec(), "url-unreachable"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
                    .to_vec(),
                "url-unreachable",
            ),
            (huge, "url-too-large"),
        ] {
            assert_eq!(answered(answer).await.err().map(|it| it.0), Some(code));
        }
    }
}
