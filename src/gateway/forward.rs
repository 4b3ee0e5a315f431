//! Sending on a message that is still at the MMSC, without fetching it: M-Forward.req
//! (OMA-TS-MMS_ENC-V1_3 clause 6.5, 3GPP TS 23.140 clause 8.1.5). It is a message of its own, which
//! goes by the SIM that the other one lies there for, or not at all.

use bytes::Bytes;

use super::accept::{self, MAX_RECIPIENTS};
use super::breaker::{self, Word};
use super::gate::{OPTED_OUT, OptedOut};
use super::line::Line;
use super::policy::{self, SendVerdict};
use super::way::{check_numbers, country, no_settings};
use super::{AcceptError, ActionError, Core, Gateway, encode, to_the_end};
use crate::codec::mms::{ForwardReq, Pdu, Version};
use crate::mm1::{Mm1Error, SubmitOutcome};
use crate::model::{
    Address, Blame, Explain, Fault, InboundState, Layer, MessageId, NewMessage, Retry, State,
    TransactionId,
};
use crate::operators::Settings;
use crate::store::{
    Acceptance, AckKind, Announced, NewAck, NewOutbound, NewSubmission, StoreError, Way,
};

/// The request came with MMS 1.1.
const SINCE: Version = Version { major: 1, minor: 1 };

impl Gateway {
    /// Has the MMSC send an announced message on to the recipients of `wish`, of which only these,
    /// the reports, the priority, the reference, `group` and the origin count. It stays where it is
    /// here: whoever wants it as well fetches it.
    ///
    /// # Errors
    /// [`ActionError`] when it is not at the MMSC any more, is here, or the message is refused; nothing
    /// was stored then.
    pub async fn forward(
        &self,
        id: &MessageId,
        wish: NewMessage,
    ) -> Result<Acceptance, ActionError> {
        let (gateway, id) = (self.clone(), id.clone());
        to_the_end(async move { gateway.forward_now(&id, wish).await }).await
    }

    async fn forward_now(
        &self,
        id: &MessageId,
        mut wish: NewMessage,
    ) -> Result<Acceptance, ActionError> {
        let core = &self.inner.core;
        if let Some(once) = wish.origin.once.clone() {
            let account = wish.origin.account.clone();
            if let Some(mut taken) = core.store.taken_before(account, once, core.now()).await? {
                taken.refused = core.store.refused(&taken.id, OPTED_OUT).await?;
                return Ok(taken);
            }
        }
        let state = self.state(id).await?;
        let Some(announced) = core.store.announced(id).await? else {
            return Err(wrong(id, state, "only an announced MMS can be forwarded; send it anew"));
        };
        if let Some(reason) = why_not(&announced) {
            return Err(wrong(id, state, reason));
        }
        check(&mut wish)?;
        let blocked = core.opted_out(&wish.to).await?;
        if blocked.len() == wish.to.len() {
            return Err(AcceptError::OptedOut(blocked).into());
        }
        let Some(line) = self.line_of(&announced) else {
            let reason =
                "the SIM that it lies at the MMSC for is in none of the modems; put it back";
            return Err(wrong(id, state, reason));
        };
        let modem = line.config().name.clone();
        if !wish.origin.may_use(&modem) {
            return Err(AcceptError::ModemNotAllowed {
                account: wish.origin.account.unwrap_or_default(),
                allowed: wish.origin.modems.join(", "),
            }
            .into());
        }
        check_numbers(&wish.to, country(line))?;
        let now = core.now();
        let usual = now.plus(core.timing.give_up_after);
        // Later than that there is nothing to forward, where our clock can tell.
        let last = announced.expires_at.filter(|at| core.clock.is_synchronised() && now < *at);
        let way = Way {
            modem: modem.clone(),
            sim: Some(announced.sim.clone()),
            route: None,
            why: Some(format!("by modem {modem}, whose SIM it was announced to")),
            remember: false,
            own_sim: true,
        };
        let new = NewOutbound {
            id: MessageId::generate(&core.clock, &core.random),
            subject: announced.subject.clone(),
            client_ref: wish.client_ref.clone(),
            origin: wish.origin.clone(),
            parts: Vec::new(),
            expires_at: last.map_or(usual, |last| usual.min(last)),
            end_named: false,
            priority: wish.priority,
            send_at: None,
            forwards: Some(id.clone()),
            submissions: submissions(core, line, &announced, &wish, &blocked, &way)?,
        };
        let mut taken = core.store.accept(new, now).await?;
        taken.refused = blocked.iter().map(|it| (it.address.clone(), it.to_fault())).collect();
        if let Some(change) = core.store.defer(id, core.now()).await? {
            core.events.change(&change);
        }
        accept::told(core, &taken, &[line]);
        Ok(taken)
    }

    /// The modem that the SIM of an announced message is in, or was in last.
    fn line_of(&self, announced: &Announced) -> Option<&Line> {
        let lines = &self.inner.lines;
        let now = lines.iter().find(|line| line.sim().as_deref() == Some(&*announced.sim));
        now.or_else(|| {
            let modem = announced.modem.as_deref()?;
            lines.iter().find(|line| line.config().name == modem)
        })
    }

    /// What has a message deleted at the MMSC, where the operator of its SIM takes that.
    pub(super) async fn deletion(&self, id: &MessageId) -> Result<Option<NewAck>, StoreError> {
        let core = &self.inner.core;
        let announced = core.store.announced(id).await?;
        let line = announced.as_ref().and_then(|announced| self.line_of(announced));
        let settings = line.and_then(Line::settings);
        Ok(settings.is_some_and(|settings| settings.deletes).then(|| NewAck {
            kind: AckKind::Delete,
            transaction_id: TransactionId::generate(&core.random).as_str().to_owned(),
        }))
    }

    /// That a message may go by another modem than the one that it waits for.
    ///
    /// # Errors
    /// [`ActionError`] for one that lies at the MMSC for a certain SIM.
    pub(super) async fn goes_by_any(
        &self,
        id: &MessageId,
        state: State,
    ) -> Result<(), ActionError> {
        let view = self.inner.core.store.message(id).await?;
        if view.is_some_and(|view| view.summary.forwards.is_some()) {
            let reason = "what it forwards lies at the MMSC for one SIM; no other can do that";
            return Err(wrong(id, state, reason));
        }
        Ok(())
    }
}

fn wrong(id: &MessageId, state: State, reason: &'static str) -> ActionError {
    ActionError::WrongState { id: id.clone(), state: state.as_str(), reason }
}

/// Why a message cannot be sent on from the MMSC.
fn why_not(announced: &Announced) -> Option<&'static str> {
    match announced.state {
        _ if announced.is_here => Some("it is here: send its parts as a new message"),
        InboundState::Notified | InboundState::Deferred | InboundState::Failed => None,
        InboundState::Retrieving => {
            Some("it is being fetched; send its parts as a new message once it is here")
        }
        InboundState::Expired => Some("the MMSC has dropped it; ask its sender for it"),
        InboundState::Rejected => Some("the MMSC was told that it is not wanted"),
        _ => Some("it is not at the MMSC any more"),
    }
}

fn check(wish: &mut NewMessage) -> Result<(), AcceptError> {
    let mut seen: Vec<Address> = Vec::with_capacity(wish.to.len());
    for address in wish.to.drain(..) {
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    wish.to = seen;
    let (count, limit) = (wish.to.len(), MAX_RECIPIENTS);
    match count {
        0 => Err(AcceptError::NoRecipient),
        _ if count > limit => Err(AcceptError::TooManyRecipients { count, limit }),
        _ => Ok(()),
    }
}

/// One PDU for all: the MMSC may keep the message no longer than for the first. Those who want
/// nothing more have one each, which does not leave.
fn submissions(
    core: &Core,
    line: &Line,
    announced: &Announced,
    wish: &NewMessage,
    blocked: &[OptedOut],
    way: &Way,
) -> Result<Vec<NewSubmission>, AcceptError> {
    let config = &line.effective();
    let Some(settings) = &config.operator else { return Err(no_settings(&config.name)) };
    let why = |to: &Address| blocked.iter().find(|it| it.address == *to);
    let able: Vec<Address> = wish.to.iter().filter(|to| why(to).is_none()).cloned().collect();
    let (count, limit) = (able.len(), settings.max_recipients);
    if count > 1 && count > limit {
        return Err(AcceptError::TooManyRecipients { count, limit });
    }
    let reports = core.receiving.get().delivery_reports;
    let one = |recipients: Vec<Address>, refused: Option<Fault>| {
        let transaction_id = TransactionId::generate(&core.random);
        let mut request = ForwardReq {
            transaction_id: transaction_id.as_str().to_owned(),
            version: version(settings),
            date: core.clock.is_synchronised().then(|| core.now()),
            from: Some(encode::from(settings, config)),
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            expiry: None,
            delivery_time: None,
            report_allowed: (!reports).then_some(false),
            delivery_report: Some(wish.delivery_report),
            read_report: Some(wish.read_report),
            store: None,
            mm_state: None,
            mm_flags: Vec::new(),
            content_location: announced.content_location.clone(),
            extra: Vec::new(),
        };
        address(&mut request, recipients.clone(), wish.group);
        let (pdu, way) = (Pdu::ForwardReq(request).encode(), way.clone());
        NewSubmission { transaction_id, pdu, recipients, way, refused }
    };
    let mut all = vec![one(able, None)];
    for entry in blocked {
        all.push(one(vec![entry.address.clone()], Some(entry.to_fault())));
    }
    Ok(all)
}

fn version(settings: &Settings) -> Version {
    let version = encode::version(settings);
    if (version.major, version.minor) < (SINCE.major, SINCE.minor) { SINCE } else { version }
}

/// Several recipients see each other only where that is wanted.
fn address(request: &mut ForwardReq, recipients: Vec<Address>, group: bool) {
    let open = group || recipients.len() < 2;
    let hidden = if open { &mut request.to } else { &mut request.bcc };
    *hidden = recipients;
}

/// A stored request for these recipients instead, by another Transaction-Id where one is given.
pub(super) fn again(
    mut request: ForwardReq,
    to: Option<Vec<Address>>,
    id: Option<&TransactionId>,
) -> Bytes {
    if let Some(recipients) = to {
        let group = request.bcc.is_empty();
        (request.to, request.bcc) = (Vec::new(), Vec::new());
        address(&mut request, recipients, group);
    }
    if let Some(id) = id {
        id.as_str().clone_into(&mut request.transaction_id);
    }
    Pdu::ForwardReq(request).encode()
}

/// What the answer to M-Forward.req says about the SIM's contract: one that is taken shows that it
/// is served, a refusal may be about this request alone.
pub(super) fn word(outcome: &Result<SubmitOutcome, Mm1Error>) -> Word {
    match breaker::word_of_mms(outcome) {
        Word::Refused(_) => Word::Nothing,
        word => word,
    }
}

/// Decides about M-Forward.req as about M-Send.req, in words that say what can be done instead.
pub(super) fn verdict(outcome: Result<SubmitOutcome, Mm1Error>, released: bool) -> SendVerdict {
    if let Some(refusal) = NotForwarded::find(&outcome) {
        return SendVerdict::Failed { fault: refusal.to_fault() };
    }
    match policy::after_submit(outcome, released) {
        SendVerdict::Sent { message_id, .. } => {
            SendVerdict::Sent { message_id, text: "forwarded by the MMSC".to_owned() }
        }
        verdict => verdict,
    }
}

/// The MMSC does not send a message on that it keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum NotForwarded {
    #[error("the operator does not forward messages that it keeps: {answer}")]
    Unsupported { answer: String, text: Option<String> },
    #[error("the MMSC has the message no longer: {answer}")]
    Gone { answer: String, text: Option<String> },
}

impl NotForwarded {
    /// What an answer means that is about forwarding itself (OMA-TS-MMS_ENC-V1_3 clause 7.3.48).
    /// MMSCs that do not know the request call it unsupported, damaged or refused.
    fn find(outcome: &Result<SubmitOutcome, Mm1Error>) -> Option<Self> {
        match outcome {
            Ok(refused @ SubmitOutcome::Refused { status, text }) => {
                let answer = refused.refusal()?.to_string();
                match status.0 {
                    0x81..=0x83 | 0x88 | 0xe0..=0xe2 => {
                        Some(Self::Unsupported { answer, text: text.clone() })
                    }
                    0x85 | 0xe4 => Some(Self::Gone { answer, text: text.clone() }),
                    _ => None,
                }
            }
            Err(error @ Mm1Error::HttpStatus { seen, .. }) if matches!(seen.status, 400 | 403..=406 | 410 | 411..=417 | 422 | 501) => {
                Some(Self::Unsupported { answer: error.to_string(), text: seen.text.clone() })
            }
            _ => None,
        }
    }
}

/// The code of a refusal to forward at all.
pub(super) const NOT_SUPPORTED: &str = "forward-not-supported";

impl Explain for NotForwarded {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unsupported { .. } => NOT_SUPPORTED,
            Self::Gone { .. } => "forward-gone",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        match self {
            Self::Unsupported { .. } => {
                "fetch the message (POST /api/v1/messages/ID/retrieve, or `mm1gate resend ID`) and \
                 send its parts as a new one; few operators can do this"
            }
            Self::Gone { .. } => {
                "ask its sender for it: it has expired, or was fetched or forwarded before"
            }
        }
        .to_owned()
    }

    fn verbatim(&self) -> Option<String> {
        match self {
            Self::Unsupported { text, .. } | Self::Gone { text, .. } => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mms::{self, ResponseStatus};
    use crate::mm1::Seen;

    fn refused(status: u8) -> Result<SubmitOutcome, Mm1Error> {
        let text = Some("Nicht unterst\u{fc}tzt".to_owned());
        Ok(SubmitOutcome::Refused { status: ResponseStatus(status), text })
    }

    fn http(status: u16) -> Result<SubmitOutcome, Mm1Error> {
        let seen = Seen { status, content_type: None, text: Some("No".to_owned()) };
        Err(Mm1Error::HttpStatus { by: "mmsc".to_owned(), seen, released: true })
    }

    fn code(outcome: Result<SubmitOutcome, Mm1Error>) -> String {
        match verdict(outcome, true) {
            SendVerdict::Sent { .. } => "sent".to_owned(),
            SendVerdict::Failed { fault } => fault.code,
            SendVerdict::Unknown { .. } => "unknown".to_owned(),
            SendVerdict::Again { .. } => "again".to_owned(),
        }
    }

    #[test]
    fn every_refusal_has_a_cause_and_what_to_do_instead() {
        for status in [0x81, 0x82, 0x83, 0x88, 0xe0, 0xe1, 0xe2] {
            assert_eq!(code(refused(status)), NOT_SUPPORTED, "{status:#x}");
        }
        for status in [400, 403, 404, 405, 415, 501] {
            assert_eq!(code(http(status)), NOT_SUPPORTED, "{status}");
        }
        for status in [0x85, 0xe4] {
            assert_eq!(code(refused(status)), "forward-gone");
        }
        assert_eq!(code(refused(0xe3)), "address-unresolved");
        assert_eq!(code(refused(0xeb)), "no-credit");
        for (status, expected) in [(500, "unknown"), (502, "unknown"), (503, "again")] {
            assert_eq!(code(http(status)), expected, "{status}");
        }
        let later = SubmitOutcome::Transient { status: ResponseStatus(0xc2), text: None };
        assert_eq!(code(Ok(later)), "again");
        match verdict(refused(0x88), true) {
            SendVerdict::Failed { fault } => {
                assert_eq!(fault.verbatim.as_deref(), Some("Nicht unterst\u{fc}tzt"));
                assert!(fault.remedy.contains("/retrieve"), "{}", fault.remedy);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn refusal_to_forward_does_not_speak_against_the_sim() {
        assert_eq!(word(&refused(0xe1)), Word::Nothing);
        assert_eq!(word(&http(403)), Word::Nothing);
        let taken = Ok(SubmitOutcome::Accepted { message_id: None, text: None });
        assert_eq!(word(&taken), Word::Served);
    }

    #[test]
    fn recipients_who_are_taken_out_leave_the_others_hidden_from_each_other() {
        let to = |digit: u8| Address::Msisdn(format!("+44770090010{digit}"));
        let mut request = ForwardReq {
            transaction_id: "T1".to_owned(),
            version: SINCE,
            date: None,
            from: None,
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            expiry: None,
            delivery_time: None,
            report_allowed: None,
            delivery_report: None,
            read_report: None,
            store: None,
            mm_state: None,
            mm_flags: Vec::new(),
            content_location: "http://mmsc.example/1".to_owned(),
            extra: Vec::new(),
        };
        address(&mut request, vec![to(1), to(2), to(3)], false);
        assert!(request.to.is_empty());
        let read = |octets: Bytes| match mms::decode(&octets).unwrap().value {
            Pdu::ForwardReq(request) => (request.transaction_id, request.to, request.bcc),
            other => panic!("{other:?}"),
        };
        let rest = read(again(request.clone(), Some(vec![to(1), to(3)]), None));
        assert_eq!(rest, ("T1".to_owned(), Vec::new(), vec![to(1), to(3)]));
        let (_, open, hidden) = read(again(request, Some(vec![to(2)]), None));
        assert_eq!((open, hidden), (vec![to(2)], Vec::new()));
    }
}
