//! SMS TPDUs as `decode` tells them (3GPP TS 23.040): every segment by itself, and what those of one
//! message give together, in whatever order they came.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::decode_input::{Form, Input, Line};
use super::decode_kinds;
use super::decode_report::{BodyReport, Failure, Report, View};
use crate::codec::push;
use crate::codec::sms::{
    self, Alphabet, Dcs, Deliver, Direction, Scts, SmsAddress, StatusReport, Submit, Tpdu,
    UserData, join_text, outline_with_smsc, split_smsc, status_name,
};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded, Node, Warning};
use crate::proto::sms_reassembly::{Datagram, Fragment, FragmentKey, Piece};

/// Octets of the longest TPDU with the longest service centre address in front.
const MAX_PLAUSIBLE: usize = 176 + 12;
/// Most TPDUs of one input.
pub(super) const MAX_TPDUS: usize = 10_000;

/// One line as a TPDU.
struct Segment {
    report: Report,
    piece: Option<Piece>,
    submit: bool,
    user_data: Option<(Dcs, UserData)>,
    text: Option<String>,
}

impl Segment {
    /// Whether it carries just these octets.
    fn has(&self, data: &Bytes) -> bool {
        matches!(&self.piece, Some(Piece::Part(fragment)) if fragment.data == *data)
    }
}

/// Segments that belong together.
struct Message {
    first: Fragment,
    segments: Vec<(u8, Segment)>,
}

/// Every line a TPDU.
pub(super) fn report(input: &Input) -> Report {
    let mut messages: Vec<Result<Message, Segment>> = Vec::new();
    let mut places: BTreeMap<(bool, FragmentKey), Vec<usize>> = BTreeMap::new();
    for line in input.lines.iter().take(MAX_TPDUS) {
        let mut segment = segment(input.form, line);
        let Some(Piece::Part(fragment)) = &segment.piece else {
            messages.push(Err(segment));
            continue;
        };
        let fragment = fragment.clone();
        let sequence = fragment.sequence;
        let known = places.entry((segment.submit, fragment.key())).or_default();
        let mut home = None;
        for at in known.iter().copied() {
            let Some(Ok(message)) = messages.get(at) else { continue };
            match message.segments.iter().find(|(number, _)| *number == sequence) {
                None => home = Some(at),
                Some((_, twin)) if twin.has(&fragment.data) => {
                    let text = format!("part {sequence} came twice");
                    segment.report.warnings.push(Warning::forgiven("concatenation", 0, text));
                    home = Some(at);
                }
                // The same number with other octets: a message that uses the reference again.
                Some(_) => continue,
            }
            break;
        }
        match home.and_then(|at| messages.get_mut(at)) {
            Some(Ok(message)) => message.segments.push((sequence, segment)),
            _ => {
                known.push(messages.len());
                let segments = vec![(sequence, segment)];
                messages.push(Ok(Message { first: fragment, segments }));
            }
        }
    }
    let mut reports: Vec<Report> = messages
        .into_iter()
        .map(|message| match message {
            Ok(message) => joined(message),
            Err(segment) => whole(segment),
        })
        .collect();
    let mut report = match (reports.pop(), reports.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            reports.push(last);
            let list = Some(("messages", reports));
            Report { kind: "tpdu", list, ..Report::default() }
        }
        (None, _) => {
            let failure = Failure::new("TPDU", 0, "there is no TPDU in it");
            Report::failed("tpdu", failure)
        }
    };
    for (number, text) in &input.unread {
        let text = format!("line {number}: {text}");
        report.warnings.push(Warning::not_understood("TPDU", 0, text));
    }
    if input.lines.len() > MAX_TPDUS {
        let text = format!("only the first {MAX_TPDUS} of {} TPDUs are read", input.lines.len());
        report.warnings.push(Warning::not_understood("TPDU", 0, text));
    }
    report
}

/// A message of one segment.
fn whole(segment: Segment) -> Report {
    let Segment { mut report, piece, text, .. } = segment;
    if let Some(Piece::Whole(datagram)) = piece {
        let mut message = Report {
            pdu: report.pdu.clone(),
            headers: report.headers.clone(),
            ..Report::default()
        };
        message.kind = "tpdu";
        message.warnings = std::mem::take(&mut report.warnings);
        message.view = report.view.take();
        let view = message.view.as_ref().map(|view| view.octets.clone());
        carry(&mut message, &datagram, text.is_none(), view.as_ref());
        report.headers.shift_remove("text");
        report.headers.shift_remove("data");
        message.list = Some(("segments", vec![report]));
        return message;
    }
    report
}

/// What the segments of one message give together.
fn joined(message: Message) -> Report {
    let Message { first, mut segments } = message;
    segments.sort_by_key(|(number, _)| *number);
    let total = first.total;
    let missing: Vec<String> = (1..=total)
        .filter(|number| segments.iter().all(|(known, _)| known != number))
        .map(|number| number.to_string())
        .collect();
    let mut once: Vec<&Segment> = Vec::new();
    let mut last = 0;
    for (number, segment) in &segments {
        if *number != last {
            once.push(segment);
        }
        last = *number;
    }
    let fragments = || {
        once.iter().filter_map(|segment| match &segment.piece {
            Some(Piece::Part(fragment)) => Some(fragment),
            _ => None,
        })
    };
    let data: Vec<u8> = fragments().flat_map(|it| it.data.iter().copied()).collect();
    let datagram = Datagram {
        originator: first.originator.clone(),
        destination_port: fragments().find_map(|it| it.destination_port),
        source_port: fragments().find_map(|it| it.source_port),
        data: Bytes::from(data),
    };
    let mut report = Report::new("tpdu", "");
    if let Some(segment) = once.first() {
        report.pdu.clone_from(&segment.report.pdu);
        report.headers = segment.report.headers.clone();
        for key in ["concatenation", "text", "data"] {
            report.headers.shift_remove(key);
        }
    }
    let text = joined_text(&once);
    let is_text = text.is_some();
    if missing.is_empty() {
        report.maybe("text", text);
        if !is_text {
            report.headers.insert("data".to_owned(), hex::encode(&datagram.data).into());
        }
        carry(&mut report, &datagram, !is_text, None);
    } else {
        report.maybe("text", text.map(|text| format!("{text} …")));
        let words = if missing.len() == 1 { "segment" } else { "segments" };
        let text = format!("{words} {} of {total} missing", missing.join(", "));
        report.warnings.push(Warning::not_understood("concatenation", 0, text));
    }
    let list = segments.into_iter().map(|(_, segment)| segment.report).collect();
    report.list = Some(("segments", list));
    report
}

/// Opens a datagram that is a push. `input` has the datagram as it is, or else its octets have been
/// joined.
fn carry(report: &mut Report, datagram: &Datagram, binary: bool, input: Option<&Bytes>) {
    let ports = [Some(push::PORT), Some(push::SECURE_PORT)];
    if ports.contains(&datagram.destination_port) {
        report.headers.shift_remove("data");
        let mut inner = match input.and_then(|input| place(&datagram.data, input).zip(Some(input)))
        {
            Some((at, input)) => decode_kinds::push(input, at..at + datagram.data.len()),
            None => {
                let mut inner = decode_kinds::push(&datagram.data, 0..datagram.data.len());
                if let Some(view) = &mut inner.view {
                    view.title = "offsets in the segments' joined user data".to_owned();
                }
                inner
            }
        };
        if datagram.destination_port == Some(push::SECURE_PORT) && inner.error.is_some() {
            let text = "sent to the port of WTLS: it may be encrypted";
            inner.warnings.push(Warning::not_understood("push", 0, text));
        }
        report.content = Some(Box::new(inner));
    } else if binary && !datagram.data.is_empty() {
        report.body = Some(BodyReport {
            name: "sms",
            content_type: "application/octet-stream".to_owned(),
            octets: datagram.data.clone(),
            file: None,
        });
    }
}

/// Where 8-bit user data stands in its TPDU: at the end, but for padding.
fn place(data: &[u8], tpdu: &[u8]) -> Option<usize> {
    if data.is_empty() {
        return None;
    }
    tpdu.windows(data.len()).rposition(|window| window == data)
}

/// The text of segments, if all of them are text.
fn joined_text(segments: &[&Segment]) -> Option<String> {
    let parts: Option<Vec<_>> =
        segments.iter().map(|it| it.user_data.as_ref().map(|(dcs, data)| (*dcs, data))).collect();
    join_text(parts?)
}

/// One line as a TPDU, or why it is none.
fn segment(form: Form, line: &Line) -> Segment {
    let title = match (form, line.number) {
        (Form::Binary | Form::Base64, _) | (_, 0) => String::new(),
        (_, number) => format!("line {number}"),
    };
    let view = |nodes| Some(View { title: title.clone(), octets: line.octets.clone(), nodes });
    let (base, smsc, decoded) = match read(line) {
        Ok(found) => found,
        Err(error) => {
            let nodes = vec![outline(&line.octets, 0)];
            let mut report = Report { view: view(nodes), ..Report::failed("tpdu", error.into()) };
            if line.number > 0 {
                report.extra("line", line.number);
            }
            return Segment { report, piece: None, submit: false, user_data: None, text: None };
        }
    };
    let Decoded { value, warnings } = decoded;
    let mut report = Report::new("tpdu", value.name().to_lowercase());
    report.warnings = warnings;
    let mut report = report.shifted(base);
    if line.number > 0 {
        report.extra("line", line.number);
    }
    report.maybe("smsc", smsc.as_ref().map(SmsAddress::to_string));
    let mut text = None;
    let mut piece = None;
    let mut user_data = None;
    let headers = &mut report.headers;
    match &value {
        Tpdu::Deliver(deliver) => {
            text = deliver.text();
            user_data = Some((deliver.dcs, deliver.user_data.clone()));
            piece = Some(Piece::of(deliver));
            deliver_fields(headers, deliver, text.as_deref());
        }
        Tpdu::Submit(submit) => {
            text = submit.text();
            user_data = Some((submit.dcs, submit.user_data.clone()));
            // Parts of what was sent are joined like parts of what came, by the other party.
            let (to, data) = (submit.destination.clone(), submit.user_data.clone());
            piece = Some(Piece::of(&Deliver::new(to, submit.dcs, Scts([0; 7]), data)));
            submit_fields(headers, submit, text.as_deref());
        }
        Tpdu::StatusReport(status) => status_fields(headers, status),
        // Their fields stand in the tree.
        _ => {}
    }
    report.view = view(vec![outline(&line.octets, base)]);
    let submit = matches!(value, Tpdu::Submit(_));
    Segment { report, piece, submit, user_data, text }
}

/// The tree of a line, in which the TPDU begins at `base`.
fn outline(octets: &Bytes, base: usize) -> Node {
    let first = octets.get(base).copied().unwrap_or_default();
    let direction = if first & 0b11 == 0b01 { Direction::FromMobile } else { Direction::ToMobile };
    if base > 0 { outline_with_smsc(octets, direction) } else { sms::outline(octets, direction) }
}

type Found = (usize, Option<SmsAddress>, Decoded<Tpdu>);

/// With or without the service centre's address in front: as the modem announced it, else whichever
/// reads with less to forgive.
fn read(line: &Line) -> Result<Found, DecodeError> {
    let octets = &line.octets;
    let bare = || tpdu(octets).map(|decoded| (0, None, decoded));
    let prefixed = || {
        let (smsc, rest) = split_smsc(octets)?;
        let base = octets.len() - rest.len();
        let decoded = tpdu(rest).map_err(|mut error| {
            error.offset += base;
            error
        })?;
        Ok((base, smsc, decoded))
    };
    if let Some(announced) = line.announced {
        let behind = split_smsc(octets).map(|(_, rest)| rest.len());
        if behind == Ok(announced) {
            return prefixed();
        }
        if octets.len() == announced {
            return bare();
        }
    }
    let odd = |found: &Found| {
        let strange = found.2.warnings.iter().filter(|it| !it.understood).count();
        (!is_likely(&found.2), strange, found.2.warnings.len())
    };
    let mut found = match (prefixed(), bare()) {
        (Ok(prefixed), Ok(bare)) => {
            if odd(&prefixed) <= odd(&bare) {
                prefixed
            } else {
                bare
            }
        }
        (Ok(prefixed), Err(_)) => prefixed,
        (Err(_), Ok(bare)) => bare,
        (Err(first), Err(second)) => {
            return Err(if first.offset > second.offset { first } else { second });
        }
    };
    if let Some(announced) = line.announced {
        let text =
            format!("{announced} octets are announced, there are {}", octets.len() - found.0);
        found.2.warnings.push(Warning::forgiven("TPDU", found.0, text));
    }
    Ok(found)
}

fn tpdu(octets: &[u8]) -> Result<Decoded<Tpdu>, DecodeError> {
    match octets.first() {
        None => {
            let kind = DecodeErrorKind::Truncated;
            Err(DecodeError { field: "TP-MTI", offset: 0, kind })
        }
        Some(first) if first & 0b11 == 0b01 => Tpdu::from_mobile(octets),
        Some(_) => Tpdu::from_network(octets),
    }
}

/// Whether unnamed octets are likely to be TPDUs: short enough, with addresses that are addresses
/// and times that are times.
pub(super) fn plausible(lines: &[Line]) -> Result<(), Failure> {
    for line in lines {
        if line.octets.len() > MAX_PLAUSIBLE {
            let text = format!("{} octets are more than a TPDU has", line.octets.len());
            return Err(Failure::new("TPDU", MAX_PLAUSIBLE, text));
        }
        let (base, _, decoded) = read(line)?;
        if !is_likely(&decoded) {
            let text = "read as one, its addresses, times or lengths make no sense";
            return Err(Failure::new("TPDU", base, text));
        }
    }
    if lines.is_empty() {
        return Err(Failure::new("TPDU", 0, "there is none"));
    }
    Ok(())
}

fn is_likely(decoded: &Decoded<Tpdu>) -> bool {
    // The highest bit of a type-of-address is always set.
    let is_address = |address: &SmsAddress| address.type_of_address & 0x80 != 0;
    match &decoded.value {
        Tpdu::Deliver(it) => is_address(&it.originator) && is_time(it.scts),
        Tpdu::StatusReport(it) => {
            is_address(&it.recipient) && is_time(it.scts) && is_time(it.discharge_time)
        }
        // There is no time in it to go by.
        Tpdu::Submit(it) => is_address(&it.destination) && decoded.warnings.is_empty(),
        // So little in these is certain that noise passes for them.
        _ => false,
    }
}

/// Service centres without a clock write zeros.
fn is_time(scts: Scts) -> bool {
    scts.timestamp().is_some() || scts == Scts([0; 7])
}

fn address(address: &SmsAddress) -> Value {
    let kind = match address.type_of_number() {
        1 => "international".into(),
        2 => "national".into(),
        3 => "network".into(),
        4 => "subscriber".into(),
        5 => "alphanumeric".into(),
        6 => "abbreviated".into(),
        _ => Value::Null,
    };
    json!({ "address": address.to_string(), "type": kind })
}

fn time(scts: Scts) -> Value {
    scts.timestamp().map(|at| at.to_string()).into()
}

fn deliver_fields(headers: &mut Map<String, Value>, deliver: &Deliver, text: Option<&str>) {
    headers.insert("from".to_owned(), address(&deliver.originator));
    headers.insert("service-centre-time-stamp".to_owned(), time(deliver.scts));
    coding(headers, deliver.pid, deliver.dcs);
    user_data(headers, &deliver.user_data, text);
}

fn submit_fields(headers: &mut Map<String, Value>, submit: &Submit, text: Option<&str>) {
    headers.insert("to".to_owned(), address(&submit.destination));
    headers.insert("message-reference".to_owned(), submit.message_reference.into());
    coding(headers, submit.pid, submit.dcs);
    user_data(headers, &submit.user_data, text);
}

fn status_fields(headers: &mut Map<String, Value>, report: &StatusReport) {
    headers.insert("recipient".to_owned(), address(&report.recipient));
    headers.insert("message-reference".to_owned(), report.message_reference.into());
    headers.insert("service-centre-time-stamp".to_owned(), time(report.scts));
    headers.insert("discharge-time".to_owned(), time(report.discharge_time));
    let status = format!("{} ({:#04x})", status_name(report.status), report.status);
    headers.insert("status".to_owned(), status.into());
}

fn coding(headers: &mut Map<String, Value>, pid: u8, dcs: Dcs) {
    headers.insert("protocol-identifier".to_owned(), pid.into());
    headers.insert("data-coding-scheme".to_owned(), dcs.0.into());
    let alphabet = match dcs.alphabet() {
        Alphabet::Gsm7 => "gsm7",
        Alphabet::Ucs2 => "ucs2",
        Alphabet::Octets => "8bit",
    };
    headers.insert("alphabet".to_owned(), alphabet.into());
}

fn user_data(headers: &mut Map<String, Value>, data: &UserData, text: Option<&str>) {
    if let Some(ports) = data.udh.ports() {
        headers.insert("destination-port".to_owned(), ports.destination.into());
        headers.insert("source-port".to_owned(), ports.source.into());
    }
    if let Some(concat) = data.udh.concat() {
        let value = json!({
            "reference": concat.reference,
            "bits": if concat.wide { 16 } else { 8 },
            "number": concat.sequence,
            "total": concat.total,
        });
        headers.insert("concatenation".to_owned(), value);
    }
    match text {
        Some(text) => headers.insert("text".to_owned(), text.into()),
        None => headers.insert("data".to_owned(), hex::encode(data.octets()).into()),
    };
}
