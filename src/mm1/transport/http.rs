//! HTTP/1.1 over any `Net` (RFC 9112): one exchange at a time on a connection that is kept for the
//! next, the final block of a body held back until it may leave.

use std::sync::{Arc, Mutex, PoisonError};

use super::connection::{Connection, Route, name_of};
use super::exchange::Exchange;
use super::request::{Heads, Prepared};
use super::tls::Tls;
use super::{Answer, Call, Failure, Hook, HttpUrl, Timeouts, tunnel};
use crate::mm1::Identity;
use crate::model::{Stage, StageSink};
use crate::net::Net;
use crate::operators::Settings;

/// Makes exchanges; keeps one idle connection.
pub(super) struct HttpTransport {
    net: Arc<dyn Net>,
    proxy: Option<(String, u16)>,
    heads: Prepared,
    timeouts: Timeouts,
    tls: Tls,
    idle: Mutex<Option<Connection>>,
    close: bool,
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTransport").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl HttpTransport {
    pub(super) fn new(net: Arc<dyn Net>, settings: &Settings, identity: &Identity) -> Self {
        Self {
            net,
            proxy: settings.proxy.clone(),
            heads: Prepared::new(settings, identity),
            timeouts: Timeouts::default(),
            tls: Tls::new(settings.trust.clone()),
            idle: Mutex::new(None),
            close: settings.connection_close,
        }
    }

    pub(super) const fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Ends the idle connection in order.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.take_idle() {
            connection.close().await;
        }
    }

    /// Makes one exchange; a hook that was called is taken out. With a hook the final block of the
    /// body leaves only after the far end has half of the request, nearly all before it has left and
    /// the hook has agreed.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let heads = self.heads.heads()?;
        let gated = hook.is_some();
        let route = Route::to(&call.url, self.proxy.as_ref());
        let kept = match self.take_idle() {
            Some(connection) if *connection.route() == route => connection.revived().await,
            Some(other) => {
                other.close().await;
                None
            }
            None => None,
        };
        if let Some(connection) = kept {
            match self.attempt(connection, heads, call, hook, stages).await {
                // The far end may have closed the kept connection while the request was on its
                // way: nothing happened there.
                Err(Failure::Before(error)) if error.nothing_came() && hook.is_some() == gated => {
                    tracing::debug!(%error, "the kept connection was stale");
                }
                outcome => return outcome,
            }
        }
        let connection = self.open(route, heads, &call.url, stages).await?;
        self.attempt(connection, heads, call, hook, stages).await
    }

    /// Opens a connection: TCP, a tunnel where a proxy stands before TLS, TLS, HTTP.
    async fn open(
        &self,
        route: Route,
        heads: &Heads,
        url: &HttpUrl,
        stages: &StageSink,
    ) -> Result<Connection, Failure> {
        let net = self.net.as_ref();
        let mut stream =
            route.stream(net, &self.timeouts, stages).await.map_err(Failure::Before)?;
        let to = route.name();
        if !url.is_secure() {
            return Connection::over(stream, route, to).await.map_err(Failure::Before);
        }
        let (host, port) = url.host_and_port();
        let far = name_of(host, port);
        if self.proxy.is_some() {
            let request = heads.tunnel(url).map_err(|reason| Failure::Unusable {
                what: "the name of the host".to_owned(),
                reason,
            })?;
            stream = tunnel::open(stream, request, &to, &far, self.timeouts.connect)
                .await
                .map_err(Failure::Before)?;
        }
        let stream = self
            .tls
            .over(stream, host, &far, self.timeouts.connect)
            .await
            .map_err(Failure::Before)?;
        stages.tell(Stage::Encrypted { with: far.clone() });
        Connection::over(stream, route, far).await.map_err(Failure::Before)
    }

    async fn attempt(
        &self,
        mut connection: Connection,
        heads: &Heads,
        call: &Call,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let done = Exchange::run(&mut connection, heads, call, hook, self.timeouts, stages).await?;
        if done.whole && !self.close {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.parked());
        } else {
            connection.close().await;
        }
        Ok(done.answer)
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
