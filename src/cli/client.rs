//! Talks to the running daemon: HTTP over the socket in its data folder.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::error::{CliError, Exit};
use crate::api::view::EventItem;
use crate::api::{Problem, SOCKET_NAME, query};

/// How long an answer may take to begin: the daemon answers from its store.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Largest answer taken, octets: a part is smaller than any message, a list has 200 lines.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Longest line of an event stream, octets.
const MAX_EVENT_LINE: usize = 1024 * 1024;

/// A daemon that listens.
#[derive(Debug, Clone)]
pub(super) struct Client {
    socket: PathBuf,
}

impl Client {
    /// The daemon that owns `data_dir`; `None` when no process answers there.
    pub(super) async fn find(data_dir: &Path) -> Result<Option<Self>, CliError> {
        let socket = data_dir.join(SOCKET_NAME);
        match UnixStream::connect(&socket).await {
            Ok(_) => Ok(Some(Self { socket })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(CliError::new(
                Exit::NoPermission,
                format!("the gateway's socket {} belongs to another user", socket.display()),
            )
            .remedy("run this as the user that runs 'mm1gate serve', for example with sudo -u")),
            Err(error) => Err(CliError::io(Exit::Unavailable, socket.display(), &error)),
        }
    }

    /// Reads a JSON resource.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        let body = self.call(Method::GET, path, Bytes::new()).await?;
        parse(&body)
    }

    /// Reads octets.
    pub(super) async fn octets(&self, path: &str) -> Result<Bytes, CliError> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Posts JSON and reads the answer.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, CliError> {
        let body = self.call(Method::POST, path, Bytes::from(body.to_string())).await?;
        parse(&body)
    }

    /// Puts JSON and reads the answer.
    pub(super) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, CliError> {
        let body = self.call(Method::PUT, path, Bytes::from(body.to_string())).await?;
        parse(&body)
    }

    /// Deletes a resource.
    pub(super) async fn delete(&self, path: &str) -> Result<(), CliError> {
        self.call(Method::DELETE, path, Bytes::new()).await.map(drop)
    }

    /// Listens to what happens from now on.
    pub(super) async fn events(&self) -> Result<Events, CliError> {
        let response = self.request(Method::GET, "/api/v1/events", Bytes::new()).await?;
        let response = accepted(response).await?;
        Ok(Events { body: response.into_body(), buffer: BytesMut::new() })
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, CliError> {
        let response = accepted(self.request(method, path, body).await?).await?;
        read(response.into_body()).await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, CliError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| CliError::io(Exit::Unavailable, self.socket.display(), &error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        tokio::spawn(async move {
            // Its end is seen by whoever reads the answer.
            let _ = connection.await;
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| CliError::new(Exit::Software, format!("the request: {error}")))?;
        tokio::time::timeout(ANSWER_LIMIT, sender.send_request(request))
            .await
            .map_err(|_| {
                CliError::new(Exit::TempFail, "the gateway does not answer on its socket")
                    .remedy("look at its log; it may be stuck or stopping")
            })?
            .map_err(lost)
    }
}

/// What happens in the gateway, one by one.
pub(super) struct Events {
    body: Incoming,
    buffer: BytesMut,
}

impl Events {
    /// The next event; `None` when the gateway ended the stream. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Option<EventItem> {
        loop {
            while let Some(end) = self.buffer.iter().position(|octet| *octet == b'\n') {
                let line = self.buffer.split_to(end + 1);
                let data = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii);
                if let Some(event) = data.and_then(|data| serde_json::from_slice(data).ok()) {
                    return Some(event);
                }
            }
            if self.buffer.len() > MAX_EVENT_LINE {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Some(data) = frame.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }
}

async fn accepted(response: Response<Incoming>) -> Result<Response<Incoming>, CliError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let body = read(response.into_body()).await?;
    let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
        return Err(CliError::new(Exit::Software, format!("the gateway answered {status}")));
    };
    Err(refusal(status, &problem))
}

fn refusal(status: StatusCode, problem: &Problem) -> CliError {
    let exit = match (status, &*problem.code) {
        (_, "not-configured") => Exit::Config,
        (StatusCode::NOT_FOUND, _) => Exit::NoInput,
        (_, "store-failed") => Exit::Io,
        (status, _) if status.is_server_error() => Exit::Software,
        _ => Exit::Data,
    };
    let error = CliError::new(exit, problem.detail.clone());
    match (&problem.hint, &*problem.code) {
        (_, "message-not-found") => error.remedy("mm1gate inbox and mm1gate outbox list the ids"),
        (_, "alarm-not-found") => error.remedy("mm1gate status shows those that hold"),
        (_, "invalid-recipient") => {
            error.remedy("give the number in international form, such as +447700900123")
        }
        (Some(hint), _) => error.remedy(hint.clone()),
        (None, _) => error,
    }
}

async fn read(body: Incoming) -> Result<Bytes, CliError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| {
        CliError::new(Exit::TempFail, format!("the gateway's answer broke off: {error}"))
    })?;
    Ok(collected.to_bytes())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CliError> {
    serde_json::from_slice(body).map_err(|error| {
        CliError::new(Exit::Software, format!("the gateway's answer is not understood: {error}"))
            .remedy("use the same version of mm1gate for the daemon and the commands")
    })
}

fn lost(error: hyper::Error) -> CliError {
    CliError::new(Exit::TempFail, format!("the connection to the gateway broke: {error}"))
        .remedy("see whether 'mm1gate serve' still runs, then ask again")
}

/// Escapes what a person typed for use inside a path or query.
pub(super) fn in_path(text: &str) -> String {
    query::encode(&text.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_id_stays_one_path_segment() {
        assert_eq!(in_path("../modems?x=1"), "%2E%2E%2Fmodems%3Fx%3D1");
    }

    #[tokio::test]
    async fn folder_without_daemon_is_no_error() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(Client::find(dir.path()).await.expect("no error").is_none());
        drop(std::os::unix::net::UnixListener::bind(dir.path().join(SOCKET_NAME)).expect("bound"));
        assert!(Client::find(dir.path()).await.expect("no error").is_none(), "stale socket");
    }
}
