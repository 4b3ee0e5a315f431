//! Which way requests go: HTTP, or WSP through a WAP 1.x gateway, and what was found to work.
//!
//! Published settings name the port of a WAP gateway where today's phones reach an HTTP proxy on the
//! same host. So HTTP at its usual ports is tried first, once: what answered with MMS is remembered,
//! and told to whoever keeps it beyond this call.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::http::HttpTransport;
use super::wap::WapTransport;
use super::{Answer, Call, Failure, Hook, MAX_ANSWER, Timeouts};
use crate::codec::wsp::pdu::{CONNECTIONLESS_PORT, SESSION_PORT};
use crate::mm1::Identity;
use crate::model::StageSink;
use crate::net::Net;
use crate::operators::{Settings, TransportChoice};

/// Ports of HTTP on the host of a WAP gateway, in the order in which they are tried.
const HTTP_PORTS: [u16; 2] = [8080, 80];
/// How long a port is knocked at that may lead nowhere.
const KNOCK: Duration = Duration::from_secs(10);

/// A way on which requests were answered, where the settings leave open which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// HTTP through the proxy at this port of the configured host.
    Http {
        /// TCP port.
        port: u16,
    },
    /// WSP through the configured gateway.
    Wap,
}

/// `http:8080` or `wap`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { port } => write!(f, "http:{port}"),
            Self::Wap => f.write_str("wap"),
        }
    }
}

impl FromStr for Route {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':') {
            None if text == "wap" => Ok(Self::Wap),
            Some(("http", port)) => Ok(Self::Http { port: port.parse().map_err(|_| ())? }),
            _ => Err(()),
        }
    }
}

/// Makes exchanges, whichever way the operator's settings ask for.
#[derive(Debug)]
pub(in crate::mm1) struct Transport {
    /// In the order in which they are tried; one at least.
    ways: Vec<Way>,
    /// The one that has worked.
    chosen: Mutex<Option<usize>>,
}

#[derive(Debug)]
struct Way {
    route: Route,
    kind: Kind,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are three of them in a call")]
enum Kind {
    Http(HttpTransport),
    Wap(WapTransport),
}

impl Transport {
    /// `known` is what has worked before with these settings.
    pub(in crate::mm1) fn new(
        net: &Arc<dyn Net>,
        settings: &Settings,
        identity: &Identity,
        known: Option<Route>,
    ) -> Self {
        let http = |proxy: Option<(String, u16)>| {
            let settings = Settings { proxy, ..settings.clone() };
            Kind::Http(HttpTransport::new(Arc::clone(net), &settings, identity))
        };
        let wap = |gateway: &(String, u16)| {
            let net = Arc::clone(net);
            Kind::Wap(WapTransport::new(net, gateway.clone(), settings, identity))
        };
        let is_gateway = |port: u16| matches!(port, CONNECTIONLESS_PORT | SESSION_PORT);
        let mut ways = Vec::new();
        match (&settings.proxy, settings.transport) {
            (Some(gateway), TransportChoice::Wap) => {
                ways.push(Way { route: Route::Wap, kind: wap(gateway) });
            }
            (Some(gateway @ (host, port)), choice) if is_gateway(*port) => {
                for port in HTTP_PORTS {
                    let kind = http(Some((host.clone(), port)));
                    ways.push(Way { route: Route::Http { port }, kind });
                }
                if choice == TransportChoice::Auto {
                    ways.push(Way { route: Route::Wap, kind: wap(gateway) });
                }
            }
            (proxy, _) => {
                let port = proxy.as_ref().map_or(0, |(_, port)| *port);
                ways.push(Way { route: Route::Http { port }, kind: http(proxy.clone()) });
            }
        }
        let chosen = known.and_then(|known| ways.iter().position(|way| way.route == known));
        let transport = Self { ways, chosen: Mutex::new(chosen) };
        transport.with_timeouts(Timeouts::default())
    }

    #[must_use]
    pub(in crate::mm1) fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        let alone = self.ways.len() == 1;
        let chosen = self.chosen();
        for (index, way) in self.ways.iter_mut().enumerate() {
            let mut own = timeouts;
            if !alone && chosen != Some(index) {
                own.connect = match way.kind {
                    Kind::Http(_) => timeouts.connect.min(KNOCK),
                    Kind::Wap(_) => timeouts.connect,
                };
            }
            match &mut way.kind {
                Kind::Http(http) => http.set_timeouts(own),
                Kind::Wap(wap) => wap.set_timeouts(own),
            }
        }
        self
    }

    /// Ends idle connections and sessions in order.
    pub(in crate::mm1) async fn close(&self) {
        for way in &self.ways {
            match &way.kind {
                Kind::Http(http) => http.close().await,
                Kind::Wap(wap) => wap.close().await,
            }
        }
    }

    /// The way that has worked, where there was a choice.
    pub(in crate::mm1) fn worked(&self) -> Option<Route> {
        let chosen = self.chosen().filter(|_| self.ways.len() > 1)?;
        self.ways.get(chosen).map(|way| way.route)
    }

    fn chosen(&self) -> Option<usize> {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, index: usize) {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(index);
    }

    /// Makes one exchange. With a hook the end of the body leaves only after it has agreed; whatever
    /// ways are tried, it is called at most once.
    pub(in crate::mm1) async fn exchange(
        &self,
        call: &Call,
        hook: Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let gated = hook.is_some();
        let mut hook = hook;
        let chosen = self.chosen();
        let order = chosen.into_iter().chain((0..self.ways.len()).filter(|i| Some(*i) != chosen));
        let mut order = order.peekable();
        let mut first: Option<Result<Answer, Failure>> = None;
        while let Some(index) = order.next() {
            let Some(way) = self.ways.get(index) else { break };
            if gated && hook.is_none() {
                // Agreed already, and whoever was asked then refused the request.
                hook = Some(Box::pin(async { Ok(()) }));
            }
            let undecided = self.ways.len() > 1 && chosen != Some(index);
            let knocked = match &way.kind {
                // What takes a submission and never answers would leave in doubt what became of it.
                Kind::Http(http) if undecided && gated => {
                    let knock = Call { url: call.url.clone(), pdu: None, limit: MAX_ANSWER };
                    http.exchange(&knock, &mut None, stages).await.map(|_| ())
                }
                _ => Ok(()),
            };
            let outcome = match (knocked, &way.kind) {
                (Err(failure), _) => Err(failure),
                (Ok(()), Kind::Http(http)) => http.exchange(call, &mut hook, stages).await,
                (Ok(()), Kind::Wap(wap)) => wap.exchange(call, &mut hook, stages).await,
            };
            let elsewhere = match &outcome {
                Ok(answer) if speaks_mms(answer) => {
                    self.choose(index);
                    return outcome;
                }
                // Who has answered with MMS before may well refuse one request.
                Ok(answer) => undecided && may_be_tried_elsewhere(answer),
                Err(Failure::Before(error)) => {
                    error.is_no_way() || (undecided && !error.concerns_the_line())
                }
                Err(_) => false,
            };
            if !elsewhere {
                return outcome;
            }
            if order.peek().is_some() {
                tracing::info!(way = %way.route, "no way to the MMSC, trying the next one");
            }
            // An answer says more than that nobody answered.
            first = match (first, outcome) {
                (None | Some(Err(_)), outcome) => Some(outcome),
                (answered, _) => answered,
            };
        }
        first.unwrap_or_else(|| {
            Err(Failure::Unusable {
                what: "proxy".to_owned(),
                reason: "there is no way to the MMSC".to_owned(),
            })
        })
    }
}

/// Whether an answer is one of an MMSC: a PDU, or the empty one that acknowledgements get.
fn speaks_mms(answer: &Answer) -> bool {
    answer.is_mms() || ((200..300).contains(&answer.status) && answer.body.is_empty())
}

/// Whether the request can go another way without the risk that the MMSC has it twice: its end never
/// left, or somebody who is no MMSC refused it.
fn may_be_tried_elsewhere(answer: &Answer) -> bool {
    !answer.released || ((400..500).contains(&answer.status) && answer.status != 408)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_read_as_it_is_written() {
        for route in [Route::Wap, Route::Http { port: 80 }, Route::Http { port: 8080 }] {
            assert_eq!(route.to_string().parse(), Ok(route));
        }
        for other in ["", "http", "http:", "http:x", "wap:1", "ftp:1"] {
            assert_eq!(other.parse::<Route>(), Err(()), "{other}");
        }
    }
}
