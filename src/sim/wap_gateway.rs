//! The operator's WAP 1.x gateway in front of its MMSC: WSP in connection mode at UDP port 9201 and
//! without a connection at 9200 (WAP-230, WAP-224), over a path that can lose, double and reorder
//! datagrams in both directions.
//!
//! It says how large a group of segments it takes, and asks a client whether a first transaction is
//! its own, as the specification has it and hardly a gateway does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use tokio::sync::mpsc;

use super::lock;
use super::mmsc::{Action, Mmsc, MmscReply};
use crate::codec::wsp::ContentType;
use crate::codec::wsp::pdu::{AbortReason, EntityHeaders, Pdu, Status, Unit};
use crate::codec::wtp::Tid;
use crate::model::Random;
use crate::net::Datagrams;
use crate::proto::wsp::{Output, Server, ServerEvent};
use crate::proto::wtp::Config;

/// Clients of one call: ports of its one address.
const MAX_CLIENTS: usize = 16;
/// Requests of one call that the MMSC works on.
const MAX_REQUESTS: usize = 16;
/// Largest SDU in either direction, octets.
const LARGEST_SDU: u32 = 640 * 1024;
/// Octets of user data in a packet.
const SEGMENT: usize = 1350;
/// Segments of a group that the gateway takes.
const GROUP: u32 = 8;

/// How the datagrams between the call and the gateway fare, per mille, in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WapPath {
    /// Lost.
    pub lost: u16,
    /// Twice there.
    pub doubled: u16,
    /// Overtaken by the next one.
    pub late: u16,
}

/// The gateway; clones are the same.
#[derive(Debug, Clone)]
pub struct WapGateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    random: Random,
    path: Mutex<WapPath>,
    requests: AtomicU64,
    lost: AtomicU64,
}

/// What a call's gateway answers to a client.
type Answered = (SocketAddr, Tid, Result<Replied, AbortReason>);

/// An answer of the MMSC in WSP's terms.
struct Replied {
    status: Status,
    entity: Option<EntityHeaders>,
    data: Bytes,
}

/// A client's request.
struct Asked {
    post: bool,
    uri: Bytes,
    headers: Vec<(String, String)>,
    content_type: Option<String>,
    data: Bytes,
}

impl WapGateway {
    pub(super) fn new(random: Random) -> Self {
        Self(Arc::new(Inner {
            random,
            path: Mutex::default(),
            requests: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }))
    }

    /// Changes what happens to datagrams from now on.
    pub fn set_path(&self, path: WapPath) {
        *lock(&self.0.path) = path;
    }

    /// Requests that came so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Datagrams that got lost so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Serves sessions of one call until its network ends.
    pub(super) async fn serve_sessions(
        self,
        mmsc: Mmsc,
        msisdn: String,
        socket: Box<dyn Datagrams>,
    ) {
        let (answer, mut answers) = mpsc::channel::<Answered>(MAX_REQUESTS);
        let mut clients: BTreeMap<SocketAddr, Server> = BTreeMap::new();
        let (mut up, mut down) = (Way::new(&self), Way::new(&self));
        loop {
            let mut due: Option<Instant> = None;
            for (peer, server) in &mut clients {
                loop {
                    match server.poll_output(now()) {
                        Output::Event(ServerEvent::Connect { tid }) => {
                            let granted = server.grant(now(), tid);
                            tracing::debug!(?granted, %peer, "WAP session");
                        }
                        Output::Event(ServerEvent::Request {
                            tid,
                            post,
                            uri,
                            headers,
                            content_type,
                            data,
                        }) => {
                            self.0.requests.fetch_add(1, Ordering::Relaxed);
                            let post = post.is_some();
                            let asked = Asked { post, uri, headers, content_type, data };
                            let (peer, answer) = (*peer, answer.clone());
                            let (mmsc, msisdn) = (mmsc.clone(), msisdn.clone());
                            tokio::spawn(async move {
                                let replied = ask(&mmsc, &msisdn, asked).await;
                                // The call may be over.
                                let _ = answer.send((peer, tid, replied)).await;
                            });
                        }
                        Output::Event(ServerEvent::Disconnected) => {}
                        Output::Transmit(octets) => {
                            for (to, octets) in down.pass((*peer, octets)) {
                                if socket.send(to, &octets).await.is_err() {
                                    return;
                                }
                            }
                        }
                        Output::Timeout(at) => {
                            due = Some(due.map_or(at, |due| due.min(at)));
                            break;
                        }
                        Output::Idle => break,
                    }
                }
            }
            tokio::select! {
                biased;
                () = until(due) => {
                    clients.values_mut().for_each(|server| server.handle_timeout(now()));
                }
                Some((peer, tid, replied)) = answers.recv() => {
                    if let Some(server) = clients.get_mut(&peer) {
                        match replied {
                            Ok(Replied { status, entity, data }) => {
                                // A client that has given up waits for nothing.
                                let _ = server.reply(now(), tid, status, entity, data);
                            }
                            Err(reason) => server.abort(now(), tid, reason),
                        }
                    }
                }
                got = socket.receive() => {
                    let Ok((octets, from)) = got else { return };
                    for (from, octets) in up.pass((from, Bytes::from(octets))) {
                        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&from) {
                            clients.retain(|_, server| !server.is_idle(now()));
                        }
                        if clients.len() < MAX_CLIENTS || clients.contains_key(&from) {
                            let server = clients.entry(from).or_insert_with(new_server);
                            server.handle_datagram(now(), &octets);
                        }
                    }
                }
            }
        }
    }

    /// Serves requests without a connection of one call until its network ends.
    pub(super) async fn serve_units(self, mmsc: Mmsc, msisdn: String, socket: Box<dyn Datagrams>) {
        let (mut up, mut down) = (Way::new(&self), Way::new(&self));
        while let Ok((octets, from)) = socket.receive().await {
            for (from, octets) in up.pass((from, Bytes::from(octets))) {
                let Ok(unit) = Unit::decode(&octets) else { continue };
                let Unit { transaction_id, pdu } = unit.value;
                let Some(asked) = Asked::of(pdu) else { continue };
                self.0.requests.fetch_add(1, Ordering::Relaxed);
                let Ok(Replied { status, entity, data }) = ask(&mmsc, &msisdn, asked).await else {
                    continue;
                };
                let mut reply =
                    Unit { transaction_id, pdu: Pdu::Reply { status, entity, data } }.encode();
                if reply.len() > socket.largest() {
                    let status = Status::from_http(413).unwrap_or(status);
                    let pdu = Pdu::Reply { status, entity: None, data: Bytes::new() };
                    reply = Unit { transaction_id, pdu }.encode();
                }
                for (to, octets) in down.pass((from, reply)) {
                    if socket.send(to, &octets).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Asked {
    fn of(pdu: Pdu) -> Option<Self> {
        match pdu {
            Pdu::Get { uri, headers, .. } => {
                let (content_type, data) = (None, Bytes::new());
                Some(Self { post: false, uri, headers, content_type, data })
            }
            Pdu::Post { uri, entity, data, .. } => {
                let content_type = entity.as_ref().map(|one| one.content_type.to_string());
                let headers = entity.map(|one| one.headers).unwrap_or_default();
                Some(Self { post: true, uri, headers, content_type, data })
            }
            _ => None,
        }
    }
}

/// One direction of the path.
struct Way {
    gateway: WapGateway,
    overtaken: Option<(SocketAddr, Bytes)>,
}

impl Way {
    fn new(gateway: &WapGateway) -> Self {
        Self { gateway: gateway.clone(), overtaken: None }
    }

    /// What arrives when this one leaves. One that nobody overtakes stays away for ever.
    fn pass(&mut self, datagram: (SocketAddr, Bytes)) -> Vec<(SocketAddr, Bytes)> {
        let path = *lock(&self.gateway.0.path);
        if path == WapPath::default() && self.overtaken.is_none() {
            return vec![datagram];
        }
        let strikes = |per_mille: u16| self.gateway.0.random.below(1000) < u64::from(per_mille);
        if strikes(path.lost) {
            self.gateway.0.lost.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let mut arrive = vec![datagram.clone()];
        if strikes(path.doubled) {
            arrive.push(datagram.clone());
        }
        match self.overtaken.take() {
            Some(late) => arrive.push(late),
            None if strikes(path.late) => {
                self.overtaken = Some(datagram);
                arrive.clear();
            }
            None => {}
        }
        arrive
    }
}

fn new_server() -> Server {
    let config = Config {
        segment: SEGMENT,
        maximum_group: u32::try_from(SEGMENT).ok().map(|octets| octets * GROUP),
        max_message: usize::try_from(LARGEST_SDU).unwrap_or(usize::MAX),
        verify: true,
        ..Config::default()
    };
    Server::new(config, 1, LARGEST_SDU)
}

/// The MMSC's answer to a request.
async fn ask(mmsc: &Mmsc, msisdn: &str, asked: Asked) -> Result<Replied, AbortReason> {
    let Some(request) = http_request(asked) else {
        let status = Status::from_http(400).unwrap_or(Status::OK);
        return Ok(Replied { status, entity: None, data: Bytes::new() });
    };
    let MmscReply { delay, action } = mmsc.handle(request, Some(msisdn)).await;
    tokio::time::sleep(delay).await;
    match action {
        Action::Answer(response) => Ok(replied(response)),
        Action::Cut(_) | Action::Close => Err(AbortReason::NETERR),
    }
}

/// The request in HTTP's terms.
fn http_request(asked: Asked) -> Option<Request<Bytes>> {
    let Asked { post, uri, headers, content_type, data } = asked;
    let uri: Uri = std::str::from_utf8(&uri).ok()?.parse().ok()?;
    let host = HeaderValue::from_str(uri.authority()?.as_str()).ok()?;
    let length = data.len();
    let mut request = Request::new(data);
    *request.uri_mut() = uri;
    let fields = request.headers_mut();
    for (name, value) in headers {
        fields.append(HeaderName::from_bytes(name.as_bytes()).ok()?, value.parse().ok()?);
    }
    fields.insert(HOST, host);
    if post {
        fields.insert(CONTENT_TYPE, content_type.unwrap_or_default().parse().ok()?);
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        *request.method_mut() = Method::POST;
    }
    Some(request)
}

fn replied(response: Response<Bytes>) -> Replied {
    let unknown = Status::from_http(502).unwrap_or(Status::OK);
    let status = Status::from_http(response.status().as_u16()).unwrap_or(unknown);
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let entity = content_type.map(|text| EntityHeaders::new(ContentType::from_mime(text)));
    Replied { status, entity, data: response.into_body() }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn until(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
