//! Every decoder and outline as one function over octets, with nothing beside it that allocates.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use mm1gate::codec::mms::{self, Body};
use mm1gate::codec::ppp::{self, ControlPacket, Deframer, decode_options, split_frame};
use mm1gate::codec::push::{self, Push};
use mm1gate::codec::sms::{self, Deliver, Direction, Tpdu};
use mm1gate::codec::wsp::{
    ContentType, Reader, Warnings, charset, decode_headers, decode_multipart, flatten,
    outline_content_type, outline_headers, outline_multipart, pdu as wsp_pdu,
};
use mm1gate::codec::{at, smil, wtp};
use mm1gate::proto::at::{Channel, Input, MAX_RESPONSE_LINES, Output};
use mm1gate::proto::sms_reassembly::{Fragment, Piece, assemble};

/// One of them.
pub(crate) struct Decoder {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Bytes),
}

macro_rules! decoders {
    ($($name:literal $run:expr,)+) => {
        /// All of them.
        pub(crate) const DECODERS: &[Decoder] = &[$(Decoder { name: $name, run: $run },)+];
    };
}

decoders! {
    "mms" |input| drop(black_box(mms::decode(input))),
    "mms-outline" |input| drop(black_box(mms::outline(input))),
    "mms-parts" mms_parts,
    "content-type" content_type,
    "headers" |input| drop(black_box(decode_headers(&mut Reader::new(input), &mut Warnings::new()))),
    "headers-outline" |input| drop(black_box(outline_headers(&mut Reader::new(input)))),
    "multipart" multipart,
    "multipart-outline" |input| drop(black_box(outline_multipart(&mut Reader::new(input)))),
    "text" text,
    "push" |input| drop(black_box(Push::decode(input))),
    "push-outline" |input| drop(black_box(push::outline(input))),
    "push-binary" |input| document(input, "application/vnd.wap.sic"),
    "push-text" |input| document(input, "text/vnd.wap.si"),
    "tpdu" tpdu,
    "tpdu-outline" tpdu_outline,
    "reassembly" reassembly,
    "wtp" |input| drop(black_box(wtp::decode_datagram(input))),
    "wtp-outline" |input| drop(black_box(wtp::outline(input))),
    "wsp-pdu" |input| drop(black_box(wsp_pdu::Pdu::decode(input))),
    "wsp-pdu-outline" |input| drop(black_box(wsp_pdu::outline(input))),
    "hdlc" hdlc,
    "ppp" ppp_packets,
    "at-lines" at_lines,
    "at-channel" at_channel,
    "smil" |input| drop(black_box(smil::decode(input, None))),
    "smil-outline" |input| drop(black_box(smil::outline(input, None))),
}

/// The parts of a message, opened, with what is asked of each.
fn mms_parts(input: &Bytes) {
    let Ok(decoded) = mms::decode(input) else { return };
    if let Some((_, Body::Multipart(parts))) = decoded.value.content() {
        for part in flatten(parts) {
            black_box((part.file_name(), part.text()));
        }
    }
}

fn content_type(input: &Bytes) {
    black_box(ContentType::decode(&mut Reader::new(input), &mut Warnings::new())).ok();
    black_box(outline_content_type(&mut Reader::new(input)));
    black_box(ContentType::from_mime(&String::from_utf8_lossy(input)));
}

fn multipart(input: &Bytes) {
    let parts = decode_multipart(&mut Reader::new(input), &mut Warnings::new());
    black_box(flatten(&parts.unwrap_or_default()));
}

/// As text in charsets of each kind; one after the other, so that what is held is that of one.
fn text(input: &Bytes) {
    for name in ["utf-8", "utf-16", "utf-32", "utf-7", "shift_jis", "iso-2022-kr", "hz-gb-2312"] {
        black_box(charset::to_text(input, Some(name)));
    }
    black_box(charset::to_text(input, None));
    black_box(Reader::new(input).encoded_string("Subject", &mut Warnings::new())).ok();
}

fn document(input: &Bytes, kind: &str) {
    let content_type = ContentType::new(kind);
    let push = Push { transaction_id: 0, content_type, headers: Vec::new(), body: input.clone() };
    black_box(push.content()).ok();
}

fn tpdu(input: &Bytes) {
    for direction in [Direction::ToMobile, Direction::FromMobile] {
        black_box(Tpdu::decode(input, direction)).ok();
    }
    black_box(sms::from_hex(&String::from_utf8_lossy(input))).ok();
}

fn tpdu_outline(input: &Bytes) {
    black_box(sms::outline_with_smsc(input, Direction::ToMobile));
    black_box(sms::outline(input, Direction::FromMobile));
}

/// The octets as TPDUs, each behind its length.
fn reassembly(input: &Bytes) {
    let mut left = &input[..];
    let mut fragments: Vec<Fragment> = Vec::new();
    while let [length, rest @ ..] = left {
        let Some((tpdu, next)) = rest.split_at_checked(usize::from(*length)) else { break };
        left = next;
        if let Ok(decoded) = Deliver::decode(tpdu)
            && let Piece::Part(fragment) = Piece::of(&decoded.value)
        {
            fragments.push(fragment);
        }
    }
    black_box(assemble(&fragments));
}

fn hdlc(input: &Bytes) {
    Deframer::new(1600).feed(input, |one| {
        black_box(one);
    });
}

fn ppp_packets(input: &Bytes) {
    black_box(ppp::describe(input)).ok();
    black_box(ControlPacket::decode(input)).ok();
    black_box(decode_options(input)).ok();
    black_box(ppp::PapRequest::decode(input)).ok();
    black_box(ppp::ChapPacket::decode(input)).ok();
    black_box(ppp::auth_message(input));
    if let Ok((_, payload)) = split_frame(input) {
        black_box(ControlPacket::decode(payload)).ok();
    }
}

fn at_lines(input: &Bytes) {
    let text = String::from_utf8_lossy(input);
    // No more than a response may have.
    let lines = text.split(['\r', '\n']).take(MAX_RESPONSE_LINES).map(str::to_owned);
    let lines: Vec<String> = lines.collect();
    for line in &lines {
        black_box(at::FinalResult::parse(line));
        black_box(at::Unsolicited::parse(line, Some(line)));
        black_box(at::fields(line));
        black_box(at::is_unsolicited(line));
    }
    black_box(at::contexts(&lines));
    black_box(at::cgdcont_range(&lines, "IP"));
    black_box(at::cpms_storages(&lines));
    black_box(at::cmgl_entries(&lines));
}

fn at_channel(input: &Bytes) {
    let mut channel = Channel::new();
    for octets in input.chunks(1000) {
        channel.handle_input(START.with(|start| *start), Input::Octets(octets)).ok();
        while !matches!(channel.poll_output(), Output::Idle | Output::Timeout(_)) {}
    }
}

thread_local! {
    /// The channel wants a time; which one does not matter.
    static START: Instant = tokio::time::Instant::now().into_std();
}
