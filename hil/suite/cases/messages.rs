//! Short messages to oneself: sent, received, read and deleted for good.

use mm1gate::codec::sms::{MessageClass, SmsAddress, SmsSubmit, Tpdu};
use mm1gate::model::Clock;
use mm1gate::modem::StoredSms;
use mm1gate::proto::sms_reassembly::{Assembly, Fragment, Piece, assemble};

use crate::hil::bench::{Bench, Outcome, Stop, failed, text_of};
use crate::hil::rig::Rig;
use crate::hil::scrub::MARK;

fn oneself(rig: &Rig) -> SmsAddress {
    SmsAddress::from_text(&rig.own_number())
}

fn says<'a>(text: &'a str) -> impl Fn(&Tpdu) -> bool + 'a {
    move |tpdu| text_of(tpdu).as_deref() == Some(text)
}

/// Every storage can be looked through, and looking changes nothing.
pub(crate) async fn storages(rig: &Rig, clock: Clock) -> Outcome {
    let bench = Bench::prepare(rig, clock).await?;
    let first = bench.modem.sweep().await.map_err(failed("the first look"))?;
    let second = bench.modem.sweep().await.map_err(failed("the second look"))?;
    if let Some((storage, error)) = first.failed.iter().chain(&second.failed).next() {
        return Err(Stop::Failed(format!("storage {storage} cannot be read: {error}")));
    }
    let places = |all: &[StoredSms]| -> Vec<(String, u16)> {
        all.iter().map(|it| (it.storage.clone(), it.index)).collect()
    };
    if places(&first.found) != places(&second.found) {
        return Err(Stop::Failed("two looks found different places".to_owned()));
    }
    Ok(format!("{} messages", first.found.len()))
}

/// One text goes out, comes in, and its deletion holds.
pub(crate) async fn to_oneself(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    let text = format!("{MARK}: to oneself");
    bench.send(&SmsSubmit::text(oneself(rig), text.as_str())).await?;
    let arrived = bench.arrival("the SMS to oneself", says(&text)).await?;
    bench.delete(&arrived).await?;
    Ok(place(&arrived))
}

fn place(arrived: &crate::hil::bench::Arrived) -> String {
    match &arrived.stored {
        Some(StoredSms { storage, index, .. }) => format!("stored in {storage} at {index}"),
        None => "came directly".to_owned(),
    }
}

/// A text of several parts: each arrives, and together they are the text.
pub(crate) async fn several_parts(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    let text: String =
        (0..16).map(|line| format!("{MARK} {line:02}, of several parts; ")).collect();
    let references =
        bench.send(&SmsSubmit::text(oneself(rig), text.as_str()).reference(0x42_u8)).await?;
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut whole = String::new();
    let count = references.len();
    for _ in 0..count {
        let known: Vec<u8> = fragments.iter().map(|it| it.sequence).collect();
        let is_new = |tpdu: &Tpdu| match tpdu {
            Tpdu::Deliver(deliver) => match Piece::of(deliver) {
                Piece::Part(part) => part.reference == 0x42 && !known.contains(&part.sequence),
                Piece::Whole(_) => false,
            },
            _ => false,
        };
        let arrived = bench.arrival("a part", is_new).await?;
        if let Tpdu::Deliver(deliver) = &arrived.tpdu {
            whole.push_str(&deliver.text().unwrap_or_default());
            if let Piece::Part(part) = Piece::of(deliver) {
                fragments.push(part);
            }
        }
        bench.delete(&arrived).await?;
    }
    match assemble(&fragments) {
        Assembly::Complete(_) if whole.len() == text.len() => Ok(format!("{count} parts")),
        Assembly::Complete(_) => Err(Stop::Failed("the parts make another text".to_owned())),
        Assembly::Missing(parts) => Err(Stop::Failed(format!("parts {parts:?} are missing"))),
    }
}

/// A message of class 0, which modems do not store, is received all the same.
pub(crate) async fn class_0(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    let text = format!("{MARK}: of class 0");
    let message = SmsSubmit::text(oneself(rig), text.as_str()).class(MessageClass::Flash);
    bench.send(&message).await?;
    let arrived = bench.arrival("the SMS of class 0", says(&text)).await?;
    bench.delete(&arrived).await?;
    Ok(place(&arrived))
}

/// The network tells that a message was delivered.
pub(crate) async fn status_report(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    let text = format!("{MARK}: to be reported");
    let message = SmsSubmit::text(oneself(rig), text.as_str()).request_status_report();
    let references = bench.send(&message).await?;
    let reference = references.first().copied().flatten();
    let number = rig.own_number();
    // They come in any order.
    let (mut report, mut message) = (None, None);
    while report.is_none() || message.is_none() {
        let (no_report, no_message) = (report.is_none(), message.is_none());
        let arrived = bench
            .arrival("the message and its report", |tpdu| match tpdu {
                Tpdu::StatusReport(told) => {
                    no_report
                        && reference.is_none_or(|it| it == told.message_reference)
                        && told
                            .recipient
                            .to_address()
                            .same_party(&SmsAddress::from_text(&number).to_address())
                }
                other => no_message && says(&text)(other),
            })
            .await?;
        bench.delete(&arrived).await?;
        match &arrived.tpdu {
            Tpdu::StatusReport(told) => report = Some(told.status),
            _ => message = Some(()),
        }
    }
    match report {
        Some(0) => Ok("delivered".to_owned()),
        other => Err(Stop::Failed(format!("the report says {other:?}"))),
    }
}

/// Deleting one message leaves its neighbour, and an empty place is no error.
pub(crate) async fn deletions(rig: &Rig, clock: Clock) -> Outcome {
    let mut bench = Bench::prepare(rig, clock).await?;
    let texts = ["one of two", "the other of two"].map(|text| format!("{MARK}: {text}"));
    let mut arrived = Vec::new();
    for text in &texts {
        bench.send(&SmsSubmit::text(oneself(rig), text.as_str())).await?;
        arrived.push(bench.arrival("one of two SMS", says(text)).await?);
    }
    let [first, second] = arrived.as_slice() else { return Err(Stop::Failed("two".to_owned())) };
    bench.delete(first).await?;
    if let Some(StoredSms { storage, index, .. }) = &second.stored {
        let read = bench.modem.read_sms(storage, *index).await;
        read.map_err(failed("the neighbour of what was deleted"))?;
    }
    bench.delete(second).await?;
    bench.delete(second).await?;
    Ok(format!("{}; {}", place(first), place(second)))
}
