//! The transactions of MM1: M-Send, M-Forward, HTTP GET of a message, M-NotifyResp, M-Acknowledge
//! (OMA-TS-MMS_ENC-V1_3 clause 6, OMA-TS-MMS-CTR-V1_3 clause 8).

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::transport::{Answer, Call, Failure, Hook, HttpUrl, Route, Transport};
use super::{Deleted, MAX_ANSWER, MAX_MESSAGE, Mm1Error, Retrieved, Seen, SubmitOutcome, Timeouts};
use crate::codec::Decoded;
use crate::codec::mms::{
    self, AcknowledgeInd, CancelConf, CancelStatus, DeleteReq, MmsStatus, NotifyRespInd, Pdu,
    ReadRecInd, ReadStatus, ResponseStatus, SendConf, StatusClass, Version,
};
use crate::model::{Address, Stage, StageSink, Timestamp, redact};
use crate::net::Net;
use crate::operators::Settings;

/// Who the SIM is, for headers that the operator wants to see. `Debug` redacts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The SIM's own number, `+` and digits where known in full.
    pub own_number: Option<String>,
    /// Its IMSI.
    pub imsi: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("own_number", &self.own_number.as_deref().map(redact::number))
            .field("imsi", &self.imsi.as_deref().map(redact::number))
            .finish()
    }
}

/// Where an acknowledgement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// To the MMSC.
    Mmsc,
    /// To the URL of this notification's Content-Location where the operator's settings say so
    /// (`ack_to_location`), else to the MMSC.
    Location {
        /// Its X-Mms-Content-Location.
        location: &'a str,
        /// Its X-Mms-Transaction-Id, which may complete the location.
        transaction_id: &'a str,
    },
}

/// M-Delete.req came with MMS 1.3.
const DELETES_SINCE: Version = Version { major: 1, minor: 3 };

/// What M-Read-Rec.ind tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// Message-ID of M-Retrieve.conf.
    pub message_id: String,
    /// The sender of the message.
    pub to: Vec<Address>,
    /// When it was read, where that is known.
    pub date: Option<Timestamp>,
    /// Read, or deleted without that.
    pub status: ReadStatus,
}

/// The MMS client of one SIM over one network; lives as long as the data call and keeps one
/// connection open between transactions.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    mmsc: Result<HttpUrl, String>,
    append_transaction_id: bool,
    ack_to_location: bool,
    version: Version,
}

impl Client {
    /// A client that opens its first connection when it needs one.
    #[must_use]
    pub fn new(net: Arc<dyn Net>, settings: Settings, identity: Identity) -> Self {
        Self::with_route(net, settings, identity, None)
    }

    /// The same; `known` is what [`Self::worked`] told of an earlier client with these settings.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a client owns what it is made of")]
    pub fn with_route(
        net: Arc<dyn Net>,
        settings: Settings,
        identity: Identity,
        known: Option<Route>,
    ) -> Self {
        let (major, minor) = settings.mms_version;
        Self {
            transport: Transport::new(&net, &settings, &identity, known),
            mmsc: HttpUrl::parse(&settings.mmsc),
            append_transaction_id: settings.append_transaction_id,
            ack_to_location: settings.ack_to_location,
            version: Version { major, minor },
        }
    }

    /// The same with other time-outs.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.transport = self.transport.with_timeouts(timeouts);
        self
    }

    /// The way on which the MMSC has answered, where the settings leave it open (a proxy with the
    /// port of a WAP gateway).
    #[must_use]
    pub fn worked(&self) -> Option<Route> {
        self.transport.worked()
    }

    /// Sends an encoded M-Send.req.
    ///
    /// `released` is called when all but the final block of the body and two segments before it has
    /// left and the far end has half of that; the final block leaves only after it returned `Ok`. It
    /// is called at most once, and once called it is awaited to its end whatever happens to the
    /// connection (unless this future itself is dropped).
    ///
    /// # Errors
    /// [`Mm1Error::is_unknown`] tells whether the MMSC may have taken the message all the same.
    pub async fn submit<R, E>(
        &self,
        pdu: Bytes,
        transaction_id: &str,
        released: impl FnOnce() -> R + Send,
        stages: &StageSink,
    ) -> Result<SubmitOutcome, Mm1Error>
    where
        R: Future<Output = Result<(), E>> + Send,
        E: fmt::Display,
    {
        let answer = self.hand_over(pdu, released, stages).await?;
        let conf = Self::pdu_of(answer, "m-send.conf", |pdu| match pdu {
            Pdu::SendConf(conf) => Some(Taken::of_send(conf)),
            _ => None,
        })?;
        Ok(conf.conf.value.outcome(transaction_id, stages))
    }

    /// Has the MMSC send on a message that it keeps for us, by an encoded M-Forward.req; `released`
    /// as for [`Self::submit`].
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn forward<R, E>(
        &self,
        pdu: Bytes,
        transaction_id: &str,
        released: impl FnOnce() -> R + Send,
        stages: &StageSink,
    ) -> Result<SubmitOutcome, Mm1Error>
    where
        R: Future<Output = Result<(), E>> + Send,
        E: fmt::Display,
    {
        let answer = self.hand_over(pdu, released, stages).await?;
        let conf = Self::pdu_of(answer, "m-forward.conf", |pdu| match pdu {
            Pdu::ForwardConf(conf) => Some(Taken {
                transaction_id: conf.transaction_id,
                status: conf.response_status,
                text: conf.response_text,
                message_id: conf.message_id,
            }),
            // An MMSC that does not know the request answers as it answers everything.
            Pdu::SendConf(conf) => Some(Taken::of_send(conf)),
            _ => None,
        })?;
        Ok(conf.conf.value.outcome(transaction_id, stages))
    }

    /// A request of which no more than one may arrive.
    async fn hand_over<R, E>(
        &self,
        pdu: Bytes,
        released: impl FnOnce() -> R + Send,
        stages: &StageSink,
    ) -> Result<Answer, Mm1Error>
    where
        R: Future<Output = Result<(), E>> + Send,
        E: fmt::Display,
    {
        let hook: Hook<'_> =
            Box::pin(async move { released().await.map_err(|error| error.to_string()) });
        let call = Call { url: self.mmsc_url()?, pdu: Some(pdu), limit: MAX_ANSWER };
        self.transport.exchange(&call, Some(hook), stages).await.map_err(failed)
    }

    /// Fetches a message that was announced with this Content-Location and Transaction-Id.
    ///
    /// # Errors
    /// [`Mm1Error`]; what came but could not be used is in [`Mm1Error::octets`].
    pub async fn retrieve(
        &self,
        content_location: &str,
        transaction_id: &str,
        stages: &StageSink,
    ) -> Result<Retrieved, Mm1Error> {
        let url = self.location_url(content_location, transaction_id)?;
        let call = Call { url, pdu: None, limit: MAX_MESSAGE };
        let answer = self.transport.exchange(&call, None, stages).await.map_err(failed)?;
        let Typed { conf, octets } = Self::pdu_of(answer, "m-retrieve.conf", |pdu| match pdu {
            Pdu::RetrieveConf(conf) => Some(conf),
            _ => None,
        })?;
        match conf.value.retrieve_status {
            Some(status) if status.class() != StatusClass::Ok => {
                stages.tell(Stage::Answered { what: status.to_string() });
                Err(Mm1Error::NotRetrieved { status, text: conf.value.retrieve_text, octets })
            }
            _ => {
                stages
                    .tell(Stage::Answered { what: format!("message of {} octets", octets.len()) });
                let suspicious = conf.value.is_suspect();
                Ok(Retrieved { pdu: octets, conf, suspicious })
            }
        }
    }

    /// Answers a notification by M-NotifyResp.ind; any 2xx without a page for people completes it.
    ///
    /// # Errors
    /// [`Mm1Error`]; sending it again does no harm.
    pub async fn notify_resp(
        &self,
        transaction_id: &str,
        status: MmsStatus,
        report_allowed: Option<bool>,
        target: Target<'_>,
        stages: &StageSink,
    ) -> Result<(), Mm1Error> {
        let pdu = Pdu::NotifyRespInd(NotifyRespInd {
            transaction_id: transaction_id.to_owned(),
            version: self.version,
            status,
            report_allowed,
            extra: Vec::new(),
        });
        self.tell(&pdu, target, stages).await
    }

    /// Acknowledges a retrieved message by M-Acknowledge.ind; any 2xx without a page for people completes it.
    ///
    /// # Errors
    /// [`Mm1Error`]; sending it again does no harm.
    pub async fn acknowledge(
        &self,
        transaction_id: &str,
        report_allowed: Option<bool>,
        target: Target<'_>,
        stages: &StageSink,
    ) -> Result<(), Mm1Error> {
        let pdu = Pdu::AcknowledgeInd(AcknowledgeInd {
            transaction_id: transaction_id.to_owned(),
            version: self.version,
            report_allowed,
            extra: Vec::new(),
        });
        self.tell(&pdu, target, stages).await
    }

    /// Has the MMSC delete messages that it keeps for us, by M-Delete.req: what it says of each, in the
    /// order of `locations`; none where it says nothing of one.
    ///
    /// # Errors
    /// [`Mm1Error`]; sending it again does no harm.
    pub async fn delete(
        &self,
        transaction_id: &str,
        locations: Vec<String>,
        stages: &StageSink,
    ) -> Result<Vec<Option<Deleted>>, Mm1Error> {
        let request = DeleteReq {
            transaction_id: transaction_id.to_owned(),
            version: if self.version.minor < 3 { DELETES_SINCE } else { self.version },
            content_location: locations.clone(),
            extra: Vec::new(),
        };
        let pdu = Pdu::DeleteReq(request).encode();
        let call = Call { url: self.mmsc_url()?, pdu: Some(pdu), limit: MAX_ANSWER };
        let answer = self.transport.exchange(&call, None, stages).await.map_err(failed)?;
        let conf = Self::pdu_of(answer, "m-delete.conf", |pdu| match pdu {
            Pdu::DeleteConf(conf) => Some(conf),
            _ => None,
        })?;
        let told = Deleted::each(&locations, &conf.conf.value);
        let done = told.iter().flatten().filter(|one| one.is_gone()).count();
        stages.tell(Stage::Answered { what: format!("{done} of {} deleted", told.len()) });
        Ok(told)
    }

    /// Answers M-Cancel.req by M-Cancel.conf; any 2xx without a page for people completes it.
    ///
    /// # Errors
    /// [`Mm1Error`]; sending it again does no harm.
    pub async fn cancel_conf(
        &self,
        transaction_id: &str,
        cancel_status: CancelStatus,
        stages: &StageSink,
    ) -> Result<(), Mm1Error> {
        let pdu = Pdu::CancelConf(CancelConf {
            transaction_id: transaction_id.to_owned(),
            version: self.version,
            cancel_status,
            extra: Vec::new(),
        });
        self.tell(&pdu, Target::Mmsc, stages).await
    }

    /// Tells the sender of a message what became of it by M-Read-Rec.ind; any 2xx without a page for people completes it.
    ///
    /// # Errors
    /// [`Mm1Error`]; sending it again tells the sender again.
    pub async fn read_report(
        &self,
        report: ReadReport,
        stages: &StageSink,
    ) -> Result<(), Mm1Error> {
        let pdu = Pdu::ReadRecInd(ReadRecInd {
            version: self.version,
            message_id: report.message_id,
            to: report.to,
            from: Some(mms::From::InsertAddress),
            date: report.date,
            read_status: report.status,
            extra: Vec::new(),
        });
        self.tell(&pdu, Target::Mmsc, stages).await
    }

    /// Ends the kept connection in order, before the call is hung up.
    pub async fn close(&self) {
        self.transport.close().await;
    }

    async fn tell(
        &self,
        pdu: &Pdu,
        target: Target<'_>,
        stages: &StageSink,
    ) -> Result<(), Mm1Error> {
        let url = match target {
            Target::Location { location, transaction_id } if self.ack_to_location => {
                self.location_url(location, transaction_id)?
            }
            _ => self.mmsc_url()?,
        };
        let call = Call { url, pdu: Some(pdu.encode()), limit: MAX_ANSWER };
        let answer = self.transport.exchange(&call, None, stages).await.map_err(failed)?;
        stages.tell(Stage::Answered { what: format!("HTTP {}", answer.status) });
        match answer.status {
            // A portal or a proxy has answered in the MMSC's place.
            200..300 if answer.is_page() => Err(not_mms(answer)),
            200..300 => Ok(()),
            _ => Err(http_status(&answer)),
        }
    }

    fn mmsc_url(&self) -> Result<HttpUrl, Mm1Error> {
        self.mmsc
            .clone()
            .map_err(|reason| Mm1Error::Unusable { what: "the MMSC's address".to_owned(), reason })
    }

    fn location_url(&self, location: &str, transaction_id: &str) -> Result<HttpUrl, Mm1Error> {
        let mut location = location.trim().to_owned();
        if self.append_transaction_id && location.ends_with('=') {
            location.push_str(transaction_id);
        }
        let joined = match &self.mmsc {
            Ok(mmsc) => mmsc.join(&location),
            // A full Content-Location needs no MMSC.
            Err(_) => HttpUrl::parse(&location),
        };
        joined.map_err(|reason| Mm1Error::BadLocation { reason })
    }

    /// The PDU in an answer, of the kind that `pick` takes.
    fn pdu_of<T>(
        answer: Answer,
        wanted: &'static str,
        pick: impl FnOnce(Pdu) -> Option<T>,
    ) -> Result<Typed<T>, Mm1Error> {
        let ok = (200..300).contains(&answer.status);
        if !answer.is_mms() {
            return Err(if ok { not_mms(answer) } else { http_status(&answer) });
        }
        let Answer { body: octets, released, .. } = answer.clone();
        let Decoded { value, warnings } = match mms::decode(&octets) {
            Ok(decoded) => decoded,
            // What is announced as MMS beside an error status need not be.
            Err(_) if !ok => return Err(http_status(&answer)),
            Err(error) => return Err(Mm1Error::Decode { error, released, octets }),
        };
        for warning in &warnings {
            tracing::debug!(field = %warning.field, offset = warning.offset, "{wanted}: odd field");
        }
        let found = value.name();
        match pick(value) {
            Some(value) => Ok(Typed { conf: Decoded { value, warnings }, octets }),
            None if !ok => Err(http_status(&answer)),
            None => Err(Mm1Error::WrongPdu { found, wanted, released, octets }),
        }
    }
}

/// What M-Send.conf and M-Forward.conf say alike.
struct Taken {
    transaction_id: Option<String>,
    status: ResponseStatus,
    text: Option<String>,
    message_id: Option<String>,
}

impl Taken {
    fn of_send(conf: SendConf) -> Self {
        Self {
            transaction_id: conf.transaction_id,
            status: conf.response_status,
            text: conf.response_text,
            message_id: conf.message_id,
        }
    }

    fn outcome(self, transaction_id: &str, stages: &StageSink) -> SubmitOutcome {
        let Self { transaction_id: answered, status, text, message_id } = self;
        if answered.is_some_and(|id| id != transaction_id) {
            tracing::warn!("the MMSC's answer carries another transaction id than the request");
        }
        stages.tell(Stage::Answered {
            what: match &text {
                Some(text) => format!("{status}: \"{text}\""),
                None => status.to_string(),
            },
        });
        match status.class() {
            StatusClass::Ok => SubmitOutcome::Accepted { message_id, text },
            StatusClass::Partial => SubmitOutcome::Partial { message_id, text },
            StatusClass::Transient => SubmitOutcome::Transient { status, text },
            StatusClass::Permanent => SubmitOutcome::Refused { status, text },
        }
    }
}

struct Typed<T> {
    conf: Decoded<T>,
    octets: Bytes,
}

fn http_status(answer: &Answer) -> Mm1Error {
    Mm1Error::HttpStatus {
        by: answer.by.clone(),
        seen: Seen::of(answer),
        released: answer.released,
    }
}

fn not_mms(answer: Answer) -> Mm1Error {
    Mm1Error::NotMms {
        seen: Seen::of(&answer),
        by: answer.by,
        released: answer.released,
        octets: answer.body,
    }
}

fn failed(failure: Failure) -> Mm1Error {
    match failure {
        Failure::Unusable { what, reason } => Mm1Error::Unusable { what, reason },
        Failure::Before(error) => Mm1Error::Transport(error),
        Failure::HeldBack(reason) => Mm1Error::HeldBack { reason },
        Failure::After(error) => Mm1Error::NoAnswer(error),
    }
}
