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
    UserData, ValidityPeriod, join_text, outline_with_smsc, split_smsc, status_name,
};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded, Node, Warning};
use crate::model::Timestamp;
use crate::proto::sms_reassembly::{self, Assembly, Datagram, Fragment, FragmentKey, Piece};

/// Octets of the longest TPDU with the longest service centre address in front.
const MAX_PLAUSIBLE: usize = 176 + 12;
/// Most TPDUs of one input.
pub(super) const MAX_TPDUS: usize = 10_000;

/// One line as a TPDU.
#[derive(Default)]
struct Segment {
    report: Report,
    piece: Option<Piece>,
    submit: bool,
    /// When the service centre took it, where it says.
    time: Option<Timestamp>,
    user_data: Option<(Dcs, UserData)>,
    text: Option<String>,
}

/// A segment of a message of several.
struct Member {
    /// Its place among the lines.
    at: usize,
    fragment: Fragment,
    /// When the service centre took it.
    time: Timestamp,
    segment: Segment,
}

/// Every line a TPDU.
pub(super) fn report(input: &Input) -> Report {
    let mut reports: Vec<(usize, Report)> = Vec::new();
    let mut alike: BTreeMap<(bool, FragmentKey), Vec<Member>> = BTreeMap::new();
    for (at, line) in input.lines.iter().take(MAX_TPDUS).enumerate() {
        let segment = segment(input.form, line);
        let Some(Piece::Part(fragment)) = &segment.piece else {
            reports.push((at, whole(segment)));
            continue;
        };
        let fragment = fragment.clone();
        let time = segment.time.unwrap_or(Timestamp::from_secs(0));
        let members = alike.entry((segment.submit, fragment.key())).or_default();
        members.push(Member { at, fragment, time, segment });
    }
    for members in alike.into_values() {
        for message in sms_reassembly::messages(members, |it| (&it.fragment, it.time)) {
            let first = message.iter().map(|member| member.at).min().unwrap_or_default();
            reports.push((first, joined(message)));
        }
    }
    // In the order of their first lines.
    reports.sort_by_key(|(at, _)| *at);
    let mut reports: Vec<Report> = reports.into_iter().map(|(_, report)| report).collect();
    let mut unread = input.unread.iter();
    let mut report = match (reports.pop(), reports.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            reports.push(last);
            let list = Some(("messages", reports));
            Report { kind: "tpdu", list, ..Report::default() }
        }
        (None, _) => {
            // Why there is none says the first line that should have been one.
            let text = unread.next().map(|(number, text)| format!("line {number}: {text}"));
            let text = text.unwrap_or_else(|| "there is no TPDU in it".to_owned());
            Report::failed("tpdu", Failure::new("TPDU", 0, text))
        }
    };
    for (number, text) in unread {
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
fn joined(mut members: Vec<Member>) -> Report {
    members.sort_by_key(|member| (member.fragment.sequence, member.at));
    let total = members.first().map_or(0, |member| member.fragment.total);
    let fragments: Vec<Fragment> = members.iter().map(|member| member.fragment.clone()).collect();
    let mut last = 0;
    for member in &mut members {
        let number = member.fragment.sequence;
        if number == last {
            let text = format!("part {number} came twice");
            let warning = Warning::forgiven("concatenation", 0, text);
            member.segment.report.warnings.push(warning);
        }
        last = number;
    }
    let mut once: Vec<&Segment> = Vec::new();
    last = 0;
    for member in &members {
        if member.fragment.sequence != last {
            once.push(&member.segment);
        }
        last = member.fragment.sequence;
    }
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
    match sms_reassembly::assemble(&fragments) {
        Assembly::Complete(datagram) => {
            report.maybe("text", text);
            if !is_text {
                report.headers.insert("data".to_owned(), hex::encode(&datagram.data).into());
            }
            carry(&mut report, &datagram, !is_text, None);
        }
        Assembly::Missing(numbers) => {
            report.maybe("text", text.map(|text| format!("{text} …")));
            let words = if numbers.len() == 1 { "segment" } else { "segments" };
            let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
            let text = format!("{words} {} of {total} missing", numbers.join(", "));
            report.warnings.push(Warning::not_understood("concatenation", 0, text));
        }
    }
    let list = members.into_iter().map(|member| member.segment.report).collect();
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
            return Segment { report, ..Segment::default() };
        }
    };
    let Decoded { value, warnings } = decoded;
    let mut report = Report::new("tpdu", value.name().to_lowercase());
    report.warnings = warnings;
    let mut report = report.shifted(base);
    if line.half {
        let text = "a single digit behind the last octet, left out";
        report.warnings.push(Warning::forgiven("TPDU", line.octets.len(), text));
    }
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
    let time = match &value {
        Tpdu::Deliver(deliver) => deliver.scts.timestamp(),
        _ => None,
    };
    Segment { report, piece, submit, time, user_data, text }
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
        // Offsets are those of the TPDU here.
        found.2.warnings.push(Warning::forgiven("TPDU", 0, text));
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
    for line in lines.iter().take(MAX_TPDUS) {
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
    for (name, set) in [
        ("status-report-request", submit.status_report),
        ("reject-duplicates", submit.reject_duplicates),
        ("reply-path", submit.reply_path),
    ] {
        if set {
            headers.insert(name.to_owned(), true.into());
        }
    }
    let validity = match &submit.validity {
        ValidityPeriod::Absolute(at) => Some(json!({ "absolute": time(*at) })),
        other => other.duration().map(|duration| json!({ "relative": duration.as_secs() })),
    };
    if let Some(validity) = validity {
        headers.insert("validity-period".to_owned(), validity);
    }
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
    if let Some(class) = dcs.class() {
        headers.insert("message-class".to_owned(), class.number().into());
    }
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
    let shift = data.udh.shift();
    let mut languages: Vec<&str> = Vec::new();
    for language in [shift.locking, shift.single].into_iter().flatten() {
        if !languages.contains(&language.name()) {
            languages.push(language.name());
        }
    }
    if !languages.is_empty() {
        headers.insert("languages".to_owned(), languages.into());
    }
    match text {
        Some(text) => headers.insert("text".to_owned(), text.into()),
        None => headers.insert("data".to_owned(), hex::encode(data.octets()).into()),
    };
}
