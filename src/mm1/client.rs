//! The transactions of MM1: M-Send, WSP/HTTP GET of a message, M-NotifyResp, M-Acknowledge
//! (OMA-TS-MMS_ENC-V1_3 clause 6).

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::{Mm1Error, Retrieved, SubmitOutcome, Timeouts};
use crate::codec::mms::MmsStatus;
use crate::model::{StageSink, redact};
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
    /// To the URL of this Content-Location, where the operator's settings say so
    /// (`ack_to_location`); else to the MMSC.
    Location(&'a str),
}

/// The MMS client of one SIM over one network; lives as long as the data call.
#[derive(Debug)]
pub struct Client {}

impl Client {
    /// A client that opens its first connection when it needs one.
    #[must_use]
    pub fn new(net: Arc<dyn Net>, settings: Settings, identity: Identity) -> Self {
        let _ = (net, settings, identity);
        todo!()
    }

    /// The same with other time-outs.
    #[must_use]
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        let _ = timeouts;
        self
    }

    /// Sends an encoded M-Send.req.
    ///
    /// `released` is called when the far end has acknowledged everything but the final block of
    /// the body; that block leaves only after it returned `Ok`. It is called at most once, and
    /// once called it is always awaited to its end.
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
        let _ = (pdu, transaction_id, released, stages);
        todo!()
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
        let _ = (content_location, transaction_id, stages);
        todo!()
    }

    /// Answers a notification by M-NotifyResp.ind; any 2xx completes it.
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
        let _ = (transaction_id, status, report_allowed, target, stages);
        todo!()
    }

    /// Acknowledges a retrieved message by M-Acknowledge.ind; any 2xx completes it.
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
        let _ = (transaction_id, report_allowed, target, stages);
        todo!()
    }
}
