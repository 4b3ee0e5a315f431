//! Short messages on their way out: typed at a prompt, stored or sent, and sent from a storage
//! (3GPP TS 27.005 clauses 3.5 and 4.3 to 4.5).

use bytes::Bytes;

use super::command::{Arg, Op};
use super::failure::{
    CMS_INVALID_INDEX, CMS_INVALID_PDU, CMS_INVALID_TEXT_MODE, CMS_NO_SERVICE, CMS_NOT_ALLOWED,
    CMS_NOT_SUPPORTED, CMS_STORAGE_FULL,
};
use super::sms::index_of;
use super::storage::{Status, Stored};
use super::text_mode::{self, CommandFields};
use super::{Cx, Failure, Purpose, Shared, Step};
use crate::codec::sms::{SmsAddress, Tpdu, split_smsc};
use crate::sim::fault::Fault;

/// Octets of the longest TPDU: SMS-SUBMIT with a validity period of 7 octets (TS 23.040 clause
/// 9.2.2.2).
const MAX_TPDU: usize = 13 + 7 + 1 + 140 + 4;

/// What an SMS prompt takes.
#[derive(Debug)]
pub(super) enum Entry {
    /// A PDU whose TPDU has so many octets.
    Pdu(usize),
    /// A text for this destination; a stored one may have none yet.
    Text(Option<SmsAddress>),
    /// The data of an SMS-COMMAND.
    Command(CommandFields),
}

impl Entry {
    /// Lines are typed, rather than digits of a PDU.
    pub(super) const fn is_text(&self) -> bool {
        !matches!(self, Self::Pdu(_))
    }
}

/// `+CMGS`, `+CMGW` and `+CMGC`
pub(super) fn prompt(cx: &Cx<'_>, name: &str, op: &Op) -> Step {
    match entry(cx, name, op) {
        Ok(Some((entry, purpose))) => {
            let stays = matches!(purpose, Purpose::Store(_));
            if stays || cx.shared.has_service(cx.state) {
                Step::Prompt { entry, purpose }
            } else {
                Step::Fail(CMS_NO_SERVICE)
            }
        }
        Ok(None) => Step::Done,
        Err(failure) => Step::Fail(failure),
    }
}

fn entry(cx: &Cx<'_>, name: &str, op: &Op) -> Result<Option<(Entry, Purpose)>, Failure> {
    let settings = cx.state.settings(cx.port);
    let set = settings.charset;
    let args = match op {
        Op::Test => return Ok(None),
        Op::Set(args) => args.as_slice(),
        // A text may be stored for nobody in particular.
        Op::Run if name == "+CMGW" && settings.text.on => &[],
        Op::Run | Op::Read => return Err(CMS_NOT_SUPPORTED),
    };
    let purpose = match name {
        "+CMGS" => Purpose::Send,
        "+CMGC" => Purpose::Command,
        _ => {
            let status = args.get(if settings.text.on { 2 } else { 1 });
            let status = status.filter(|arg| !arg.text.is_empty());
            let status = status.map_or(Some(Status::Unsent), |arg| {
                if settings.text.on {
                    Status::from_words(&arg.text)
                } else {
                    arg.number().and_then(Status::from_number)
                }
            });
            let wrong = if settings.text.on { CMS_INVALID_TEXT_MODE } else { CMS_INVALID_PDU };
            Purpose::Store(status.ok_or(wrong)?)
        }
    };
    let entry = match (settings.text.on, purpose) {
        (false, _) => match index_of(args) {
            Some(length @ 1..=MAX_TPDU) => Entry::Pdu(length),
            _ => return Err(CMS_INVALID_PDU),
        },
        (true, Purpose::Command) => Entry::Command(CommandFields::given(set, args)?),
        (true, Purpose::Store(_)) if args.first().is_none_or(|arg| arg.text.is_empty()) => {
            Entry::Text(None)
        }
        (true, _) => Entry::Text(Some(text_mode::address(set, args.first(), args.get(1))?)),
    };
    Ok(Some((entry, purpose)))
}

/// `+CMSS=<index>[,<da>[,<toda>]]`
pub(super) fn send_stored(cx: &mut Cx<'_>, op: &Op) -> Step {
    let Op::Set(args) = op else {
        return if *op == Op::Test { Step::Done } else { Step::Fail(CMS_NOT_SUPPORTED) };
    };
    match send_from_storage(cx, args) {
        Ok(reference) => {
            cx.say(format!("+CMSS: {reference}"));
            Step::Done
        }
        Err(failure) => Step::Fail(failure),
    }
}

fn send_from_storage(cx: &mut Cx<'_>, args: &[Arg]) -> Result<u8, Failure> {
    if !cx.shared.has_service(cx.state) {
        return Err(CMS_NO_SERVICE);
    }
    let mem = cx.state.mems[1];
    let index = index_of(args).ok_or(CMS_INVALID_INDEX)?;
    let stored = cx.state.message_at(mem, index).cloned().ok_or(CMS_INVALID_INDEX)?;
    if !matches!(stored.status, Status::Unsent | Status::Sent) {
        return Err(CMS_NOT_ALLOWED);
    }
    let Ok(Tpdu::Submit(mut submit)) = Tpdu::from_mobile(&stored.tpdu).map(|it| it.value) else {
        return Err(CMS_NOT_ALLOWED);
    };
    let mut tpdu = stored.tpdu;
    if args.get(1).is_some_and(|arg| !arg.text.is_empty()) {
        let set = cx.state.settings(cx.port).charset;
        submit.destination = text_mode::address(set, args.get(1), args.get(2))?;
        tpdu = submit.encode().map_err(|_| CMS_INVALID_PDU)?.into();
    } else if submit.destination.text.is_empty() {
        return Err(CMS_INVALID_PDU);
    }
    let reference = cx.shared.send(&mut cx.state.message_reference, tpdu)?;
    if let Some(stored) = cx.state.message_at(mem, index) {
        stored.status = Status::Sent;
    }
    Ok(reference)
}

/// The number of the service centre and the TPDU of a PDU in hexadecimal digits, when it is as
/// long as announced.
fn typed_pdu(length: usize, typed: &[u8]) -> Result<(String, Bytes), Failure> {
    let digits: Vec<u8> =
        typed.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let octets = hex::decode(&digits).map_err(|_| CMS_INVALID_PDU)?;
    let (centre, tpdu) = split_smsc(&octets).map_err(|_| CMS_INVALID_PDU)?;
    if tpdu.len() != length {
        return Err(CMS_INVALID_PDU);
    }
    let centre = centre.map(|centre| centre.to_string()).unwrap_or_default();
    Ok((centre, Bytes::copy_from_slice(tpdu)))
}

impl Shared {
    /// Hands a message to the service centre; its reference. The modem itself looks for what came
    /// of it when the command is over.
    fn send(&self, last_reference: &mut u8, tpdu: Bytes) -> Result<u8, Failure> {
        let reference = last_reference.wrapping_add(1);
        let to = self
            .smsc
            .submit(&self.subscriber.number, tpdu, reference, self.clock.now())
            .map_err(|_| CMS_INVALID_PDU)?;
        *last_reference = reference;
        // Later: our state is locked, and the other modem locks its own.
        if let (Some(number), Ok(runtime)) = (to, tokio::runtime::Handle::try_current()) {
            let smsc = self.smsc.clone();
            runtime.spawn(async move { smsc.offer(&number) });
        }
        Ok(reference)
    }

    /// Takes what the prompt on a port got: the lines to print or the failure.
    pub(super) fn submit(
        &self,
        port: usize,
        entry: Entry,
        purpose: Purpose,
        typed: &[u8],
    ) -> Result<Vec<String>, Failure> {
        if self.faults.strikes(&Fault::PromptWrongLength {}) {
            return Err(CMS_INVALID_PDU);
        }
        let settings = self.lock().settings(port).clone();
        let (mode, set) = (settings.text, settings.charset);
        let (centre, tpdu) = match (entry, purpose) {
            (Entry::Pdu(length), _) => typed_pdu(length, typed)?,
            (Entry::Text(address), Purpose::Store(Status::Unread | Status::Read)) => {
                let now = self.clock.now();
                let tpdu = text_mode::received(mode, set, address, typed, now)?;
                (self.smsc.number().to_owned(), tpdu.into())
            }
            (Entry::Text(address), _) => {
                let tpdu = text_mode::compose(mode, set, address, typed)?;
                (self.centre(&self.lock()).to_owned(), tpdu.into())
            }
            (Entry::Command(fields), _) => (String::new(), fields.compose(typed)?.into()),
        };
        if let Purpose::Store(status) = purpose {
            let mut state = self.lock();
            let mem = state.mems[1];
            let stored = Stored { status, tpdu, centre };
            let full = self.faults.strikes(&Fault::StorageWriteRefused {}) || self.counts_as_full();
            let index = if full { None } else { state.put(mem, stored) };
            let index = index.map(|(_, index)| index).ok_or(CMS_STORAGE_FULL)?;
            return Ok(vec![format!("+CMGW: {index}")]);
        }
        // TP-MTI: 01 is SMS-SUBMIT, 10 SMS-COMMAND (TS 23.040 clause 9.2.3.1).
        let wanted = if matches!(purpose, Purpose::Command) { 0b10 } else { 0b01 };
        if tpdu.first().is_none_or(|first| first & 0b11 != wanted) {
            return Err(CMS_INVALID_PDU);
        }
        let refused = self.faults.take(|fault| match fault {
            Fault::SubmitRefused { cms } => Some(*cms),
            _ => None,
        });
        if let Some(cms) = refused {
            return Err(Failure::Cms(cms));
        }
        let reference = {
            let mut state = self.lock();
            let mut last = state.message_reference;
            let reference = self.send(&mut last, tpdu)?;
            state.message_reference = last;
            reference
        };
        // A report may be quicker than the answer.
        self.fetch_sms();
        if self.faults.strikes(&Fault::SubmitReferenceUntold {}) {
            return Ok(Vec::new());
        }
        let name = if matches!(purpose, Purpose::Command) { "+CMGC" } else { "+CMGS" };
        Ok(vec![format!("{name}: {reference}")])
    }
}
