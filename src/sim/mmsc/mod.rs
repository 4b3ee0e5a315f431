//! The virtual MMSC: takes M-Send.req, notifies by WAP Push, serves M-Retrieve.conf, takes
//! acknowledgements and issues delivery reports (OMA-TS-MMS_ENC, OMA-TS-MMS-CTR).

mod check;
mod deliver;
mod forward;
mod http;
mod journal;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use super::fault::{Fault, Faults};
use super::lock;
use super::phone::{Phone, sha256};
use super::smsc::Smsc;
use crate::codec::mms::{
    self, Body, MmsStatus, Pdu, ResponseStatus, RetrieveConf, RetrieveStatus, SendConf, SendReq,
    Version,
};
use crate::codec::wsp::ContentType;
use crate::model::{Address, Clock, Random, Timestamp};

pub(super) use http::{Front, serve_connection};
pub use journal::{Complaint, Entry, EntryKind, Journal, StoredMessage};
use journal::{MAX_COMPLAINTS, MAX_ENTRIES};

/// The header in which the operator's proxy tells the subscriber's number.
pub(super) const MSISDN_HEADER: &str = "x-wap-network-client-msisdn";
/// Largest request body taken, octets: well above every operator's limit.
pub(super) const MAX_BODY: usize = 8 * 1024 * 1024;
/// Most recipients of one M-Send.req.
const MAX_RECIPIENTS: usize = 100;

/// How the MMSC behaves when no fault is on.
#[derive(Debug, Clone)]
pub(super) struct MmscConfig {
    /// Where M-Send.req goes; retrieval URLs lie below it.
    pub(super) url: String,
    /// Pause between two notifications of one message; never again when `None`.
    pub(super) repeat_after: Option<Duration>,
    /// Notifications of one message in all.
    pub(super) max_notifications: u32,
    /// Drops a repeated submission with the same Transaction-Id and body.
    pub(super) drops_duplicates: bool,
    /// Largest M-Send.req taken, octets; refused with 0xE5 above.
    pub(super) max_message_size: usize,
}

/// The MMSC; clones are the same.
#[derive(Clone)]
pub struct Mmsc(Arc<Inner>);

struct Inner {
    config: MmscConfig,
    faults: Faults,
    smsc: Smsc,
    clock: Clock,
    random: Random,
    stop: CancellationToken,
    subscribers: Vec<String>,
    phones: Mutex<Vec<Phone>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    complaints: Vec<Complaint>,
    stored: Vec<Kept>,
    /// SHA-256 of the body and Message-ID of every submission taken, by number and
    /// Transaction-Id.
    taken: HashMap<(String, String), (String, String)>,
    /// Transaction-Ids of the M-Cancel.req sent.
    cancelled: Vec<String>,
}

/// A message for a subscriber.
struct Kept {
    view: StoredMessage,
    conf: RetrieveConf,
    /// Who wants a delivery report: a subscriber's number.
    report_to: Option<String>,
    /// How long it can be had, and until when.
    life: (Duration, Timestamp),
}

/// What the MMSC does with a request.
#[derive(Debug)]
pub struct MmscReply {
    /// It thinks this long first.
    pub delay: Duration,
    /// Then it does this.
    pub action: Action,
}

/// The end of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// An answer.
    Answer(Response<Bytes>),
    /// An answer whose last octet never comes; the connection closes.
    Cut(Response<Bytes>),
    /// The connection closes without an answer.
    Close,
}

/// What the journal is told besides the request.
struct Outcome {
    kind: EntryKind,
    transaction_id: Option<String>,
    message: Option<String>,
    status: Option<u8>,
    response: Option<Response<Bytes>>,
}

impl Outcome {
    fn other(status: StatusCode, text: &str) -> Self {
        Self {
            kind: EntryKind::Other,
            transaction_id: None,
            message: None,
            status: None,
            response: Some(page(status, text)),
        }
    }
}

impl Mmsc {
    pub(super) fn new(
        config: MmscConfig,
        faults: Faults,
        smsc: Smsc,
        clock: Clock,
        random: Random,
        stop: CancellationToken,
        subscribers: Vec<String>,
    ) -> Self {
        Self(Arc::new(Inner {
            config,
            faults,
            smsc,
            clock,
            random,
            stop,
            subscribers,
            phones: Mutex::default(),
            state: Mutex::default(),
        }))
    }

    /// Where M-Send.req goes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.config.url
    }

    /// A copy of what it saw.
    #[must_use]
    pub fn journal(&self) -> Journal {
        let state = lock(&self.0.state);
        Journal {
            entries: state.entries.clone(),
            complaints: state.complaints.clone(),
            stored: state.stored.iter().map(|kept| kept.view.clone()).collect(),
        }
    }

    /// Handles one whole request. `msisdn` is the subscriber as the network knows it; without
    /// one the proxy's header counts. Must be called inside a tokio runtime.
    pub async fn handle(&self, request: Request<Bytes>, msisdn: Option<&str>) -> MmscReply {
        let told = request
            .headers()
            .get(MSISDN_HEADER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        for text in check::http(&request) {
            self.complain(text);
        }
        let msisdn = msisdn.map(str::to_owned).or(told).or_else(|| {
            self.complain(format!(
                "{} {}: nobody told the subscriber's number",
                request.method(),
                request.uri().path()
            ));
            self.0.subscribers.first().cloned()
        });
        let msisdn = msisdn.unwrap_or_default();
        let outcome = self.decide(&request, &msisdn);
        let (kind, mut response) = (outcome.kind, outcome.response);
        let faults = &self.0.faults;
        let taken = matches!(kind, EntryKind::Submission | EntryKind::Forward);
        if taken && faults.strikes(&Fault::MmscSendConfLost {}) {
            response = None;
        }
        if let Some(response) = &mut response
            && faults.strikes(&Fault::MmscWrongContentType {})
        {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/plain"));
        }
        self.record(Entry {
            at: self.0.clock.now(),
            kind,
            request: format!("{} {}", request.method(), request.uri().path()),
            msisdn: Some(msisdn),
            transaction_id: outcome.transaction_id,
            message: outcome.message,
            status: outcome.status,
            http_status: response.as_ref().map(|response| response.status().as_u16()),
            octets_in: request.body().len(),
            octets_out: response.as_ref().map_or(0, |response| response.body().len()),
            body: request.into_body(),
        });
        let delay = faults
            .take(|fault| match fault {
                Fault::MmscSlow { millis } => Some(Duration::from_millis(*millis)),
                _ => None,
            })
            .unwrap_or_default();
        let action = match response {
            None => Action::Close,
            Some(response)
                if !response.body().is_empty() && faults.strikes(&Fault::MmscCutsBody {}) =>
            {
                Action::Cut(response)
            }
            Some(response) => Action::Answer(response),
        };
        MmscReply { delay, action }
    }

    fn decide(&self, request: &Request<Bytes>, msisdn: &str) -> Outcome {
        let faults = &self.0.faults;
        if faults.strikes(&Fault::MmscHtml {}) {
            return Outcome::other(StatusCode::OK, "Please top up your account");
        }
        let status = faults.take(|fault| match fault {
            Fault::MmscHttpStatus { status } => Some(*status),
            _ => None,
        });
        if let Some(status) = status {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            return Outcome::other(status, "The service is not available");
        }
        match *request.method() {
            Method::GET => self.retrieve(request.uri().path(), msisdn),
            Method::POST => match mms::decode(request.body()) {
                Ok(decoded) => {
                    for warning in decoded.warnings {
                        self.complain(format!("{}: {warning}", decoded.value.name()));
                    }
                    self.take_pdu(decoded.value, request.body(), msisdn)
                }
                Err(error) => {
                    self.complain(format!("POST without an MMS PDU: {error}"));
                    Outcome::other(StatusCode::BAD_REQUEST, "This is no MMS PDU")
                }
            },
            _ => Outcome::other(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
        }
    }

    fn take_pdu(&self, pdu: Pdu, body: &Bytes, msisdn: &str) -> Outcome {
        match pdu {
            Pdu::SendReq(request) => self.submit(&request, body, msisdn),
            Pdu::DeleteReq(request) => self.delete(&request, msisdn),
            Pdu::ForwardReq(request) => self.forward(&request, body, msisdn),
            Pdu::NotifyRespInd(ack) => self.acknowledged(
                EntryKind::NotifyResp,
                &ack.transaction_id,
                ack.status,
                ack.report_allowed,
            ),
            Pdu::AcknowledgeInd(ack) => self.acknowledged(
                EntryKind::Acknowledge,
                &ack.transaction_id,
                MmsStatus::RETRIEVED,
                ack.report_allowed,
            ),
            Pdu::ReadRecInd(report) => {
                self.check_read_report(&report, msisdn);
                Outcome {
                    kind: EntryKind::ReadReport,
                    transaction_id: None,
                    message: Some(report.message_id),
                    status: Some(report.read_status.0),
                    response: Some(empty(StatusCode::OK)),
                }
            }
            Pdu::CancelConf(conf) => {
                let asked = lock(&self.0.state).cancelled.contains(&conf.transaction_id);
                if !asked {
                    self.complain(format!(
                        "m-cancel.conf of {} without a request",
                        conf.transaction_id
                    ));
                }
                Outcome {
                    kind: EntryKind::CancelConf,
                    transaction_id: Some(conf.transaction_id),
                    message: None,
                    status: Some(conf.cancel_status.0),
                    response: Some(empty(StatusCode::OK)),
                }
            }
            other => {
                self.complain(format!("a handset sent {}", other.name()));
                Outcome::other(StatusCode::BAD_REQUEST, "Unexpected PDU")
            }
        }
    }

    fn submit(&self, request: &SendReq, body: &Bytes, msisdn: &str) -> Outcome {
        for text in check::send_req(request) {
            self.complain(text);
        }
        let refused = self.0.faults.take(|fault| match fault {
            Fault::MmscResponseStatus { status, text } => Some((*status, text.clone())),
            _ => None,
        });
        let (status, text, message_id) = match refused {
            Some((status, text)) => (ResponseStatus(status), text, None),
            None => self.accept(request, body, msisdn),
        };
        let taken = message_id.is_some();
        let mut conf = SendConf {
            transaction_id: Some(request.transaction_id.clone()),
            version: Version::V1_2,
            response_status: status,
            response_text: text,
            message_id: message_id.clone(),
            extra: Vec::new(),
        };
        if self.0.faults.strikes(&Fault::MmscOmitsTransactionId {}) {
            conf.transaction_id = None;
        }
        if self.0.faults.strikes(&Fault::MmscOmitsMessageId {}) {
            conf.message_id = None;
        }
        Outcome {
            kind: if taken { EntryKind::Submission } else { EntryKind::RefusedSubmission },
            transaction_id: Some(request.transaction_id.clone()),
            message: message_id,
            status: Some(status.0),
            response: Some(pdu(Pdu::SendConf(conf))),
        }
    }

    /// Takes a submission: status, text and, when anybody gets it, its Message-ID.
    fn accept(
        &self,
        request: &SendReq,
        body: &Bytes,
        msisdn: &str,
    ) -> (ResponseStatus, Option<String>, Option<String>) {
        let refuse = |status: u8, text: &str| (ResponseStatus(status), Some(text.to_owned()), None);
        if body.len() > self.0.config.max_message_size {
            return refuse(0xe5, "The message is too large");
        }
        let recipients: Vec<&Address> =
            request.to.iter().chain(&request.cc).chain(&request.bcc).collect();
        if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
            return refuse(0xe2, "No recipient, or too many");
        }
        let key = (msisdn.to_owned(), request.transaction_id.clone());
        let digest = sha256(body);
        let earlier = lock(&self.0.state).taken.get(&key).cloned();
        if let Some((other, message_id)) = earlier {
            if other != digest {
                self.complain(format!(
                    "m-send.req {}: the Transaction-Id was used before for another message",
                    request.transaction_id
                ));
            } else if self.0.config.drops_duplicates {
                return (ResponseStatus::OK, Some("OK".to_owned()), Some(message_id));
            }
        }
        let message_id = self.token("M");
        let reached =
            recipients.iter().filter(|to| self.route(request, to, msisdn, &message_id)).count();
        if reached == 0 {
            return refuse(0xe3, "The recipient is unknown");
        }
        lock(&self.0.state).taken.insert(key, (digest, message_id.clone()));
        let status =
            if reached == recipients.len() { ResponseStatus::OK } else { ResponseStatus(0xc4) };
        let text = if reached == recipients.len() { "OK" } else { "Some recipients are unknown" };
        (status, Some(text.to_owned()), Some(message_id))
    }

    fn retrieve(&self, path: &str, msisdn: &str) -> Outcome {
        let token = path.rsplit('/').next().unwrap_or_default().to_owned();
        if self.0.faults.strikes(&Fault::MmscNotFound {}) {
            return Outcome::other(StatusCode::NOT_FOUND, "Not found");
        }
        let mut state = lock(&self.0.state);
        let Some(kept) = state.stored.iter_mut().find(|kept| kept.view.token == token) else {
            drop(state);
            return Outcome::other(StatusCode::NOT_FOUND, "Not found");
        };
        if kept.view.recipient != msisdn {
            let recipient = kept.view.recipient.clone();
            drop(state);
            self.complain(format!("GET {path} by another subscriber than {recipient}"));
            return Outcome::other(StatusCode::FORBIDDEN, "This message is for somebody else");
        }
        if kept.view.deleted {
            drop(state);
            return Outcome::other(StatusCode::NOT_FOUND, "The message was deleted");
        }
        if kept.view.acknowledged == Some(MmsStatus::REJECTED.0) {
            drop(state);
            return Outcome::other(StatusCode::NOT_FOUND, "The message was rejected");
        }
        if kept.life.1 <= self.0.clock.now() {
            drop(state);
            return Outcome::other(StatusCode::NOT_FOUND, "The message has expired");
        }
        let mut conf = kept.conf.clone();
        kept.view.retrieved += 1;
        drop(state);
        let refused = self.0.faults.take(|fault| match fault {
            Fault::MmscRetrieveStatus { status, text } => Some((*status, text.clone())),
            _ => None,
        });
        if let Some((status, text)) = refused {
            conf.retrieve_status = Some(RetrieveStatus(status));
            conf.body = Body::Single(Bytes::from(text.clone().unwrap_or_default()));
            conf.retrieve_text = text;
            conf.content_type = ContentType::new("text/plain");
            conf.message_id = None;
        }
        if self.0.faults.strikes(&Fault::MmscOmitsTransactionId {}) {
            conf.transaction_id = None;
        }
        Outcome {
            kind: EntryKind::Retrieval,
            transaction_id: conf.transaction_id.clone(),
            message: Some(token),
            status: None,
            response: Some(pdu(Pdu::RetrieveConf(conf))),
        }
    }

    fn acknowledged(
        &self,
        kind: EntryKind,
        transaction_id: &str,
        status: MmsStatus,
        report_allowed: Option<bool>,
    ) -> Outcome {
        let refused = self.0.faults.take(|fault| match fault {
            Fault::MmscRefusesAcknowledgement { status } => Some(*status),
            _ => None,
        });
        if let Some(code) = refused {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            return Outcome::other(code, "Acknowledgement refused");
        }
        let mut state = lock(&self.0.state);
        let found = state.stored.iter_mut().find(|kept| match kind {
            EntryKind::NotifyResp => kept.view.transaction_id == transaction_id,
            _ => kept.conf.transaction_id.as_deref() == Some(transaction_id),
        });
        let mut report = None;
        let mut odd = None;
        let token = found.map(|kept| {
            if kept.view.deferred && kind == EntryKind::NotifyResp && status == MmsStatus::RETRIEVED
            {
                odd = Some("was deferred and is acknowledged by m-notifyresp.ind");
            }
            if status == MmsStatus::RETRIEVED && kept.view.retrieved == 0 {
                odd = Some("is acknowledged and was never fetched");
            }
            kept.view.deferred |= status == MmsStatus::DEFERRED;
            // Deferred only says that the notification came; it may be notified again.
            let first = kept.view.acknowledged.is_none();
            if status != MmsStatus::DEFERRED {
                kept.view.acknowledged = Some(status.0);
                if first && report_allowed != Some(false) {
                    report = kept
                        .report_to
                        .clone()
                        .map(|to| (to, kept.view.message_id.clone(), kept.view.recipient.clone()));
                }
            }
            kept.view.token.clone()
        });
        drop(state);
        if let Some(odd) = odd {
            self.complain(format!("the message of transaction {transaction_id} {odd}"));
        }
        if token.is_none() {
            self.complain(format!(
                "an acknowledgement of the unknown transaction {transaction_id}"
            ));
        }
        if let Some((to, message_id, recipient)) = report {
            self.report(&to, &message_id, &Address::from_wire(&recipient), status);
        }
        Outcome {
            kind,
            transaction_id: Some(transaction_id.to_owned()),
            message: token,
            status: Some(status.0),
            response: Some(empty(StatusCode::OK)),
        }
    }

    fn check_read_report(&self, report: &mms::ReadRecInd, msisdn: &str) {
        let state = lock(&self.0.state);
        let found = state.stored.iter().find(|kept| {
            kept.view.message_id == report.message_id && kept.view.recipient == msisdn
        });
        let odd = match found {
            None => Some("names an unknown message"),
            Some(kept) if kept.view.retrieved == 0 => Some("is about a message never fetched"),
            Some(kept) if kept.conf.read_report != Some(true) => Some("was not asked for"),
            Some(_) => None,
        };
        drop(state);
        if let Some(odd) = odd {
            self.complain(format!("m-read-rec.ind {odd}"));
        }
    }

    pub(super) fn complain(&self, text: String) {
        let at = self.0.clock.now();
        tracing::info!(complaint = %crate::model::redact::digits_in(&text), "MMSC");
        let complaints = &mut lock(&self.0.state).complaints;
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(Complaint { at, text });
        }
    }

    fn record(&self, entry: Entry) {
        let entries = &mut lock(&self.0.state).entries;
        if entries.len() == MAX_ENTRIES {
            entries.remove(0);
        }
        entries.push(entry);
    }

    /// A request that was not read to its end.
    pub(super) fn unfinished(&self, request: String, octets_in: usize) {
        self.record(Entry {
            at: self.0.clock.now(),
            kind: EntryKind::Unfinished,
            request,
            msisdn: None,
            transaction_id: None,
            message: None,
            status: None,
            http_status: None,
            octets_in,
            octets_out: 0,
            body: Bytes::new(),
        });
    }

    pub(in crate::sim) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    fn token(&self, prefix: &str) -> String {
        format!("{prefix}{}", hex::encode_upper(self.0.random.array::<10>()))
    }
}

impl std::fmt::Debug for Mmsc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mmsc").field("url", &self.0.config.url).finish_non_exhaustive()
    }
}

fn pdu(pdu: Pdu) -> Response<Bytes> {
    let mut response = Response::new(pdu.encode());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(mms::CONTENT_TYPE));
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// A page for people, as portals and proxies send it.
pub(super) fn page(status: StatusCode, text: &str) -> Response<Bytes> {
    let html = format!(
        "<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{text}</h1></body></html>"
    );
    let mut response = Response::new(Bytes::from(html));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
