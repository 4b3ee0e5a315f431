//! What an outcome means for a message: pure decisions, no I/O (mms-in-the-field 6.9, 6.10, 7, 8;
//! design: automatic retry only when the MMSC cannot have had the whole request, or says itself
//! that it may work later).

use crate::mm1::{Mm1Error, SubmitOutcome, TransportError};
use crate::model::{Blame, Explain, Fault, Layer, Retry};

/// What follows for a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SendVerdict {
    /// The MMSC has it.
    Sent { message_id: Option<String>, text: String },
    /// Final.
    Failed { fault: Fault },
    /// The MMSC may or may not have it; `partial`: it has it, but not for everybody.
    Unknown { message_id: Option<String>, fault: Fault, partial: bool },
    /// Try again later, same PDU, same Transaction-Id.
    Again { fault: Fault },
}

/// Decides about a submission; `released` tells whether the release of the final block is on
/// record.
pub(super) fn after_submit(
    outcome: Result<SubmitOutcome, Mm1Error>,
    released: bool,
) -> SendVerdict {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return after_error(&error, released),
    };
    let fault = outcome.refusal().map(|refusal| refusal.to_fault());
    match (outcome, fault) {
        (SubmitOutcome::Partial { message_id, .. }, Some(fault)) => {
            SendVerdict::Unknown { message_id, fault, partial: true }
        }
        (SubmitOutcome::Transient { .. }, Some(fault)) => SendVerdict::Again { fault },
        (_, Some(fault)) => SendVerdict::Failed { fault },
        (outcome, None) => {
            let (message_id, text) = match outcome {
                SubmitOutcome::Accepted { message_id, text } => (message_id, text),
                _ => (None, None),
            };
            let text = text.map_or_else(
                || "taken by the MMSC".to_owned(),
                |text| format!("taken by the MMSC: {text}"),
            );
            SendVerdict::Sent { message_id, text }
        }
    }
}

fn after_error(error: &Mm1Error, released: bool) -> SendVerdict {
    let fault = error.to_fault();
    match error {
        error if error.is_unknown() => {
            SendVerdict::Unknown { message_id: None, fault, partial: false }
        }
        // These two decided by themselves; the MMSC did not take anything.
        Mm1Error::HttpStatus { .. } if error.retry() == Retry::Never => {
            SendVerdict::Failed { fault }
        }
        Mm1Error::HttpStatus { .. } => SendVerdict::Again { fault },
        // What is on record counts, whatever the lower room believes of its own octets.
        _ if released => SendVerdict::Unknown { message_id: None, fault, partial: false },
        Mm1Error::Unusable { .. } => SendVerdict::Failed { fault },
        _ => SendVerdict::Again { fault },
    }
}

/// What follows for a retrieval without a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchVerdict {
    /// Try again later.
    Again { fault: Fault, not_found: bool },
    /// It cannot be had.
    Failed { fault: Fault },
    /// Octets came that are no message; `is_message`: that is what they want to be.
    Undecodable { fault: Fault, is_message: bool },
}

/// How often something that cannot be read is fetched before that is told to the MMSC, which then
/// forgets the message: a proxy that cuts an answer off leaves octets that do not decode as well.
const MAX_UNREADABLE: u32 = 5;
/// How often an MMSC must have said that a message is not there: proxies answer 404 for one that is
/// down, and some MMSCs notify before they have the message in place.
const MAX_NOT_FOUND: u32 = 4;

/// Decides about a retrieval, `attempt` from 1; `not_found` counts how often the MMSC said before
/// that it is not there.
pub(super) fn after_fetch(error: &Mm1Error, attempt: u32, not_found: u32) -> FetchVerdict {
    let fault = error.to_fault();
    if error.is_gone() {
        return if not_found + 1 >= MAX_NOT_FOUND {
            FetchVerdict::Failed { fault }
        } else {
            FetchVerdict::Again { fault, not_found: true }
        };
    }
    let again = match error {
        Mm1Error::Decode { .. } | Mm1Error::WrongPdu { .. } if attempt >= MAX_UNREADABLE => {
            // Whatever else came in its place says nothing about the message: the MMSC keeps it.
            let is_message = matches!(error, Mm1Error::Decode { .. });
            return FetchVerdict::Undecodable { fault, is_message };
        }
        Mm1Error::BadLocation { .. } => false,
        // It will not have shrunk by the next time, and every attempt costs the same again.
        Mm1Error::Transport(TransportError::TooLarge { .. })
        | Mm1Error::NoAnswer(TransportError::TooLarge { .. }) => false,
        Mm1Error::NotRetrieved { .. } => error.retry() != Retry::Never,
        // 3xx, 401, 403, 407 come from portals, when account or APN are wrong for the moment.
        Mm1Error::HttpStatus { seen, .. } => !matches!(seen.status, 400 | 405 | 406 | 411..=417),
        _ => true,
    };
    if again {
        FetchVerdict::Again { fault, not_found: false }
    } else {
        FetchVerdict::Failed { fault }
    }
}

/// A crash or power failure between release and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the gateway was interrupted after the end of the message was let go, before the network answered"
)]
pub(super) struct Interrupted;

impl Explain for Interrupted {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        "interrupted-after-release"
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Gateway
    }

    fn remedy(&self) -> String {
        "ask the recipient whether it arrived; if not, retry the message".to_owned()
    }
}

/// A worker that ended without being told to: a defect of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the part of mm1gate that works this modem failed unexpectedly and is started again")]
pub(super) struct WorkerEnded;

impl Explain for WorkerEnded {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        "worker-failed"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Gateway
    }

    fn remedy(&self) -> String {
        "wait: messages stay queued; if it happens again, report it with the log around it"
            .to_owned()
    }
}

/// A modem without the operator's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "modem \"{modem}\" carries plain SMS only: the operator's settings for MMS are not configured, \
     and none are known for its SIM"
)]
pub(super) struct MmsNotConfigured {
    /// Its name.
    pub(super) modem: String,
}

impl Explain for MmsNotConfigured {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        "mms-not-configured"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        "wait until the modem is ready, when its SIM tells whose it is; or add [modem.operator] with \
         apn, mmsc and proxy, as the operator's help pages name them for MMS, and restart the gateway"
            .to_owned()
    }
}

/// What looks like a message but is probably the MMSC's error text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this may be an error text of the operator rather than a message: it has no sender and no \
     Message-ID"
)]
pub(super) struct Suspicious;

impl Explain for Suspicious {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        "suspicious-message"
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        "read it; if it is an error text, ask the sender to send the message again".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::mms::{ResponseStatus, RetrieveStatus};
    use crate::codec::{DecodeError, DecodeErrorKind};
    use crate::mm1::Seen;

    fn word(verdict: &SendVerdict) -> &'static str {
        match verdict {
            SendVerdict::Sent { .. } => "sent",
            SendVerdict::Failed { .. } => "failed",
            SendVerdict::Unknown { .. } => "unknown",
            SendVerdict::Again { .. } => "again",
        }
    }

    fn http(status: u16, released: bool) -> Mm1Error {
        let seen = Seen { status, content_type: None, text: None };
        Mm1Error::HttpStatus { by: "proxy".to_owned(), seen, released }
    }

    fn closed() -> TransportError {
        TransportError::Closed { to: "proxy:80".to_owned(), doing: "sending the request" }
    }

    fn undecodable(released: bool) -> Mm1Error {
        let kind = DecodeErrorKind::Truncated;
        let error = DecodeError { field: "X-Mms-Message-Type", offset: 0, kind };
        Mm1Error::Decode { error, released, octets: Bytes::new() }
    }

    #[test]
    fn mmsc_answer_decides_whatever_was_released() {
        let text = Some("their words".to_owned());
        let id = Some("id".to_owned());
        let status = ResponseStatus;
        for (outcome, expected) in [
            (SubmitOutcome::Accepted { message_id: None, text: None }, "sent"),
            (SubmitOutcome::Partial { message_id: id, text: text.clone() }, "unknown"),
            (SubmitOutcome::Transient { status: status(0xc3), text: text.clone() }, "again"),
            (SubmitOutcome::Refused { status: status(0xe1), text: text.clone() }, "failed"),
        ] {
            for released in [false, true] {
                let verdict = after_submit(Ok(outcome.clone()), released);
                assert_eq!(word(&verdict), expected);
                if let SendVerdict::Failed { fault } | SendVerdict::Again { fault } = verdict {
                    assert_eq!(fault.verbatim.as_deref(), Some("their words"));
                }
            }
        }
    }

    #[test]
    fn http_without_mms_answer_is_unknown_only_after_release() {
        for (status, before, after) in [
            (302, "failed", "failed"),
            (403, "failed", "failed"),
            (408, "again", "again"),
            (412, "failed", "failed"),
            (413, "failed", "failed"),
            (429, "again", "again"),
            (500, "again", "unknown"),
            (502, "again", "unknown"),
            (503, "again", "again"),
            (504, "again", "unknown"),
        ] {
            assert_eq!(word(&after_submit(Err(http(status, false)), false)), before, "{status}");
            assert_eq!(word(&after_submit(Err(http(status, true)), true)), after, "{status}");
        }
    }

    #[test]
    fn silence_is_unknown_only_after_release() {
        assert_eq!(word(&after_submit(Err(Mm1Error::Transport(closed())), false)), "again");
        assert_eq!(word(&after_submit(Err(Mm1Error::NoAnswer(closed())), true)), "unknown");
        // Even when the client says that the request was not complete: the release is on record.
        assert_eq!(word(&after_submit(Err(Mm1Error::Transport(closed())), true)), "unknown");
        assert_eq!(word(&after_submit(Err(undecodable(true)), true)), "unknown");
        assert_eq!(word(&after_submit(Err(undecodable(false)), false)), "again");
        let held = Mm1Error::HeldBack { reason: "disk full".to_owned() };
        assert_eq!(word(&after_submit(Err(held), false)), "again");
    }

    #[test]
    fn html_with_status_200_after_the_whole_body_is_unknown() {
        let page = |released| Mm1Error::NotMms {
            by: "proxy".to_owned(),
            seen: Seen { status: 200, content_type: Some("text/html".to_owned()), text: None },
            released,
            octets: Bytes::from_static(b"<html>"),
        };
        assert_eq!(word(&after_submit(Err(page(true)), true)), "unknown");
        assert_eq!(word(&after_submit(Err(page(false)), false)), "again");
    }

    fn fetch_word(error: &Mm1Error, not_found: u32) -> &'static str {
        match after_fetch(error, 1, not_found) {
            FetchVerdict::Again { not_found: true, .. } => "gone?",
            FetchVerdict::Again { .. } => "again",
            FetchVerdict::Failed { .. } => "failed",
            FetchVerdict::Undecodable { .. } => "undecodable",
        }
    }

    fn refused(status: u8) -> Mm1Error {
        let status = RetrieveStatus(status);
        Mm1Error::NotRetrieved { status, text: None, octets: Bytes::new() }
    }

    #[test]
    fn message_is_gone_only_when_said_several_times() {
        for error in [http(404, true), http(410, true), refused(0xe2)] {
            for before in 0..MAX_NOT_FOUND - 1 {
                assert_eq!(fetch_word(&error, before), "gone?");
            }
            assert_eq!(fetch_word(&error, MAX_NOT_FOUND - 1), "failed");
        }
    }

    #[test]
    fn retrieval_goes_on_unless_it_cannot_be_had() {
        for error in [
            http(500, true),
            http(403, true),
            http(302, true),
            refused(0xc0),
            refused(0xc1),
            Mm1Error::Transport(closed()),
            Mm1Error::NoAnswer(closed()),
        ] {
            assert_eq!(fetch_word(&error, 9), "again", "{error}");
        }
        let huge = TransportError::TooLarge { to: "proxy:80".to_owned(), limit: 1 };
        let huge = Mm1Error::NoAnswer(huge);
        for error in [http(400, true), refused(0xe1), refused(0xff), huge] {
            assert_eq!(fetch_word(&error, 0), "failed", "{error}");
        }
        // A person mends the settings; the message is still there then.
        let settings =
            Mm1Error::Unusable { what: "header x-mdn".to_owned(), reason: "no number".to_owned() };
        assert_eq!(fetch_word(&settings, 0), "again");
        let nowhere = Mm1Error::BadLocation { reason: "it names no host".to_owned() };
        assert_eq!(fetch_word(&nowhere, 0), "failed");
    }

    #[test]
    fn answer_that_cannot_be_read_is_final_only_when_it_came_several_times() {
        let (found, wanted) = ("m-send.conf", "m-retrieve.conf");
        let wrong = Mm1Error::WrongPdu { found, wanted, released: true, octets: Bytes::new() };
        for (error, expected) in [(undecodable(true), true), (wrong, false)] {
            for attempt in 1..MAX_UNREADABLE {
                let verdict = after_fetch(&error, attempt, 0);
                assert!(matches!(verdict, FetchVerdict::Again { .. }), "{verdict:?}");
            }
            match after_fetch(&error, MAX_UNREADABLE, 0) {
                FetchVerdict::Undecodable { is_message, .. } => assert_eq!(is_message, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
