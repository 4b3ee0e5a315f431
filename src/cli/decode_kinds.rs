//! What octets are, told with care: by what only one kind can begin with, then by checksums,
//! lengths and times that noise does not have. What fits nothing is named as nothing.

use std::ops::Range;

use bytes::Bytes;
use clap::ValueEnum;
use serde_json::Value;

use super::decode_input::{Form, Input};
use super::decode_report::{BodyReport, Failure, Report, UNKNOWN, View, add};
use super::{decode_http, decode_mms, decode_pcapng, decode_ppp, decode_sms, decode_wap};
use crate::codec::push::{self as push_codec, Content, Push, PushApplication, SecurityMethod};
use crate::codec::{DecodeError, Node, mms, pcapng};

/// What the octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Found out from the octets
    Auto,
    /// An MMS PDU
    Mms,
    /// A WAP Push
    Push,
    /// SMS TPDUs, with or without the service centre's address
    Tpdu,
    /// HTTP messages
    Http,
    /// PPP frames with flags, or one frame without
    Ppp,
    /// A datagram of WSP without a connection, as to port 9200
    Wsp,
    /// A datagram of WTP with WSP in it, as to port 9201
    Wtp,
    /// A pcapng file as `--keep` writes it
    Pcapng,
}

/// Decodes as `kind`.
pub(super) fn decode(input: &Input, kind: Kind) -> Report {
    let all = 0..input.whole.len();
    match kind {
        Kind::Auto => recognised(input),
        Kind::Mms => mms(&input.whole, all),
        Kind::Push => push(&input.whole, all),
        Kind::Tpdu => decode_sms::report(input),
        Kind::Http => decode_http::report(&input.whole),
        Kind::Ppp => decode_ppp::report(&input.whole),
        Kind::Wsp => decode_wap::unit(&input.whole),
        Kind::Wtp => decode_wap::datagram(&input.whole),
        Kind::Pcapng => decode_pcapng::report(&input.whole),
    }
}

/// Whether the octets begin with X-Mms-Message-Type, as every MMS PDU shall.
pub(super) fn is_mms(octets: &[u8]) -> bool {
    matches!(octets, [0x8C, kind, ..] if *kind >= 0x80)
}

/// Why one kind is not it.
type Refusal = (&'static str, Failure);

fn recognised(input: &Input) -> Report {
    let octets = &input.whole;
    let all = 0..octets.len();
    if input.form == Form::Dialogue {
        return decode_sms::report(input);
    }
    if octets.is_empty() {
        return nothing(octets, "the input is empty", Vec::new());
    }
    if is_mms(octets) {
        return mms(octets, all);
    }
    if pcapng::begins(octets) {
        return decode_pcapng::report(octets);
    }
    if decode_http::begins(octets) {
        return decode_http::report(octets);
    }
    if decode_ppp::has_frame(octets) || decode_ppp::is_bare_frame(octets) {
        return decode_ppp::report(octets);
    }
    let mut tried: Vec<Refusal> = Vec::new();
    for attempt in [likely_push, likely_tpdu, likely_mms] {
        match attempt(input) {
            Ok(report) => return report,
            Err(refusal) => tried.push(refusal),
        }
    }
    let failure = if octets.contains(&0x7E) {
        Failure::new("frame", 0, "no frame whose checksum is right")
    } else {
        Failure::new("frame", 0, "neither flags nor a packet whose lengths and checksums agree")
    };
    tried.push(("ppp", failure));
    tried.push(("http", Failure::new("start line", 0, "no method and no HTTP version")));
    nothing(octets, "this is none of the kinds that are known", tried)
}

fn nothing(octets: &Bytes, text: &str, tried: Vec<Refusal>) -> Report {
    let node = Node::new("octets", 0..octets.len(), "");
    let nodes = if octets.is_empty() { Vec::new() } else { vec![node] };
    let view = Some(View { octets: octets.clone(), nodes, ..View::default() });
    Report { view, tried, ..Report::failed(UNKNOWN, Failure::new("input", 0, text)) }
}

/// A push whose headers make sense and, if it says that it carries an MMS PDU, does.
fn likely_push(input: &Input) -> Result<Report, Refusal> {
    let octets = &input.whole;
    let refuse = |field: &str, offset, text: &str| Err(("push", Failure::new(field, offset, text)));
    let decoded = match Push::decode(octets) {
        Ok(decoded) => decoded,
        Err(error) => return Err(("push", error.into())),
    };
    let media_type = decoded.value.content_type.media_type.as_str();
    let named = media_type.split_once('/').is_some_and(|(top, sub)| {
        let token = |it: &str| !it.is_empty() && it.bytes().all(is_token);
        token(top) && token(sub)
    });
    if !named {
        return refuse("Content-Type", 3, "this is no media type");
    }
    // Content types without a name and bodies without octets come from noise.
    if media_type == "application/octet-stream" || media_type.contains("x-wsp-") {
        return refuse("Content-Type", 3, "no content type that a push has");
    }
    if decoded.warnings.iter().any(|warning| !warning.understood) {
        return refuse("push headers", 3, "headers that cannot be read");
    }
    if decoded.value.body.is_empty() {
        return refuse("body", octets.len(), "a push without a body");
    }
    if media_type == mms::CONTENT_TYPE && !is_mms(&decoded.value.body) {
        let body = octets.len() - decoded.value.body.len();
        return refuse("body", body, "an MMS PDU is announced, this is none");
    }
    Ok(push(octets, 0..octets.len()))
}

const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'+' | b'_')
}

fn likely_tpdu(input: &Input) -> Result<Report, Refusal> {
    decode_sms::plausible(&input.lines).map_err(|failure| ("tpdu", failure))?;
    Ok(decode_sms::report(input))
}

/// Some MMSCs write their fields in any order: then every field has to make sense.
fn likely_mms(input: &Input) -> Result<Report, Refusal> {
    let octets = &input.whole;
    let refuse = |failure: Failure| ("mms", failure);
    if octets.first().is_none_or(|first| *first < 0x80) {
        let text = "a PDU begins with the number of a field";
        return Err(refuse(Failure::new("X-Mms-Message-Type", 0, text)));
    }
    let decoded = mms::decode(octets).map_err(|error: DecodeError| refuse(error.into()))?;
    if let Some(warning) = decoded.warnings.iter().find(|warning| !warning.understood) {
        let failure = Failure::new(&warning.field, warning.offset, warning.text.clone());
        return Err(refuse(failure));
    }
    Ok(mms(octets, 0..octets.len()))
}

/// The MMS PDU that stands at this place.
pub(super) fn mms(octets: &Bytes, range: Range<usize>) -> Report {
    decode_mms::report(octets, range)
}

/// The push that stands at this place, and what it carries.
pub(super) fn push(octets: &Bytes, range: Range<usize>) -> Report {
    let base = range.start;
    let unit = octets.slice(range.clone());
    let outline = push_codec::outline(&unit).shifted(base);
    let view = |nodes| Some(View { octets: octets.clone(), nodes, ..View::default() });
    let decoded = match Push::decode(&unit) {
        Ok(decoded) => decoded,
        Err(error) => {
            let report = Report::failed("push", error.into()).shifted(base);
            return Report { view: view(vec![outline]), ..report };
        }
    };
    let push = decoded.value;
    let mut report = Report::new("push", "push");
    report.warnings = decoded.warnings;
    report.extra("application", push.application().as_str());
    report.headers.insert("transaction-id".to_owned(), push.transaction_id.into());
    report.headers.insert("content-type".to_owned(), push.content_type.to_string().into());
    for (name, value) in &push.headers {
        add(&mut report.headers, name, value);
    }
    let mut report = report.shifted(base);
    let body = range.end - push.body.len()..range.end;
    report.content = opened(&push, octets, body).map(Box::new);
    let mut outline = outline;
    // What is opened is told once, inside.
    if let (Some(inner), Some(node)) = (&mut report.content, outline.children.last_mut()) {
        let children = std::mem::take(&mut node.children);
        inner.view.get_or_insert_with(|| View {
            octets: octets.clone(),
            nodes: children,
            ..View::default()
        });
    }
    report.view = view(vec![outline]);
    if push.application() != PushApplication::Mms {
        report.body = Some(BodyReport {
            name: "push",
            content_type: push.content_type.media_type.as_str().to_owned(),
            octets: push.body.clone(),
            file: None,
        });
    }
    report
}

/// What the body of a push says, which stands at this place; none when it is nothing that is read.
pub(super) fn opened(push: &Push, octets: &Bytes, body: Range<usize>) -> Option<Report> {
    let kind = match push.application() {
        PushApplication::Mms => return Some(mms(octets, body)),
        PushApplication::ServiceIndication => "si",
        PushApplication::ServiceLoading => "sl",
        PushApplication::CacheOperation => "co",
        PushApplication::EmailNotification => "emn",
        PushApplication::Provisioning => "provisioning",
        _ => return None,
    };
    let report = match push.content() {
        Ok(None) => return None,
        Ok(Some(decoded)) => {
            let mut report = document(kind, &decoded.value);
            report.warnings = decoded.warnings;
            report
        }
        Err(error) => Report::failed(kind, error.into()),
    };
    Some(report.shifted(body.start))
}

/// A document of a push: what it says in the words of its specification.
fn document(kind: &'static str, content: &Content) -> Report {
    let named = |pdu: &str| Report::new(kind, pdu);
    let list = |texts: &[String]| Value::from(texts.to_vec());
    match content {
        Content::ServiceIndication(it) => {
            let mut report = named("service-indication");
            report.maybe("href", it.href.as_deref());
            report.maybe("text", Some(it.text.as_str()));
            report.maybe("action", Some(it.action.as_str()));
            report.maybe("created", it.created.map(|at| at.to_string()));
            report.maybe("expires", it.expires.map(|at| at.to_string()));
            report.maybe("si-id", it.id.as_deref());
            report
        }
        Content::ServiceLoading(it) => {
            let mut report = named("service-loading");
            report.maybe("href", Some(it.href.as_str()));
            report.maybe("action", Some(it.action.as_str()));
            report
        }
        Content::CacheOperation(it) => {
            let mut report = named("cache-operation");
            report.maybe("invalidate-object", Some(list(&it.objects)));
            report.maybe("invalidate-service", Some(list(&it.services)));
            report
        }
        Content::EmailNotification(it) => {
            let mut report = named("email-notification");
            report.maybe("mailbox", it.mailbox.as_deref());
            report.maybe("timestamp", it.timestamp.map(|at| at.to_string()));
            report
        }
        Content::Provisioning(it) => {
            let mut report = named("settings");
            report.maybe("security", it.security.map(SecurityMethod::as_str));
            report.maybe("names", Some(list(&it.names)));
            report.maybe("access-points", Some(list(&it.access_points)));
            report.maybe("proxies", Some(list(&it.proxies)));
            report.maybe("links", Some(list(&it.links)));
            report
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::decode::understand;
    use super::super::decode_text;
    use super::super::term::Paint;
    use super::*;
    use crate::codec::sms::{Scts, SmsAddress, join_smsc, port_addressed_delivers, to_hex};

    fn auto(text: &str) -> Value {
        understand(Bytes::copy_from_slice(text.as_bytes()), Kind::Auto).1.json()
    }

    #[test]
    fn mms_pdu_is_recognised_and_told() {
        let told = auto("8c81 985431 00 8d92 9280 8b69642d3100");
        assert_eq!((&told["kind"], &told["pdu"]), (&json!("mms"), &json!("m-send.conf")));
        assert_eq!(told["headers"]["transaction-id"], "T1");
        assert_eq!(told["headers"]["response-status"], "Ok (0x80)");
        assert_eq!(told["headers"]["message-id"], "id-1");
        assert_eq!(told["warnings"], json!([]));
    }

    #[test]
    fn parts_are_told_with_their_hash() {
        // M-Retrieve.conf, multipart/mixed, one text part "hi" in UTF-8.
        let told = auto("8c84 8d92 84a301 04 02 038381ea 6869");
        assert_eq!(
            told["parts"],
            json!([{
                "content_type": "text/plain",
                "name": null,
                "content_id": null,
                "content_location": null,
                "charset": "utf-8",
                "length": 2,
                "sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
            }])
        );
    }

    #[test]
    fn push_with_a_notification_is_opened_and_its_offsets_are_those_of_the_input() {
        // Push, content type 3E (MMS), Application-Id 4; M-Notification.ind with a NUL too many.
        let told = auto("0106 03 beaf84 8c82 985431 00 8d90 83 687474703a2f2f612f00 0000");
        assert_eq!((&told["kind"], &told["pdu"]), (&json!("push"), &json!("push")));
        assert_eq!(told["content"]["pdu"], "m-notification.ind");
        assert_eq!(told["content"]["headers"]["content-location"], "http://a/");
        assert_eq!(told["content"]["warnings"][0]["offset"], 25);
    }

    #[test]
    fn document_of_a_push_is_told_in_its_words_at_its_place() {
        // SI: action signal-high, href with "http://", a text; the indication's end is missing.
        let si = "0106 01 ae 02056a0045c6 08 0c 03 6d2f3100 01 03 70617900 01";
        let told = auto(&format!("{si} 01"));
        assert_eq!(told["content"]["kind"], "si");
        let headers = json!({ "href": "http://m/1", "text": "pay", "action": "signal-high" });
        assert_eq!(told["content"]["headers"], headers);
        assert_eq!(told["body"]["content_type"], "application/vnd.wap.sic");
        let cut = auto(si);
        let problems = [&cut["content"]["warnings"][0], &cut["content"]["error"]];
        let offset = problems.iter().find_map(|it| it["offset"].as_u64());
        assert_eq!(offset, Some(24), "{cut}");
        let (input, report) = understand(Bytes::from(format!("{si} 01")), Kind::Auto);
        let text = decode_text::render(&report, input.form.as_str(), Paint::stdout());
        assert_eq!(text.matches("href: http://m/1").count(), 1, "{text}");
    }

    #[test]
    fn disagreeing_length_is_marked_where_the_tpdu_begins() {
        let deliver =
            "07911326040000f0 000b911346610089f60000208062917314080cc8f71d14969741f977fd07";
        let told = auto(&format!("+CMGR: 0,,23\r\n{}\r\nOK\r\n", deliver.replace(' ', "")));
        let warning = &told["segments"][0]["warnings"][0];
        let warning = if warning.is_null() { &told["warnings"][0] } else { warning };
        assert_eq!((&warning["field"], &warning["offset"]), (&json!("TPDU"), &json!(8)), "{told}");
    }

    #[test]
    fn lines_that_were_announced_and_are_none_say_why() {
        let problem = |line: &str| {
            let text = format!("+CMGR: 1,,156\r\n{line}\r\nOK\r\n");
            let report = understand(Bytes::from(text), Kind::Auto).1;
            report.problems().first().map(|it| it.text.clone()).unwrap_or_default()
        };
        assert!(problem("0791447p").contains("'p' among the digits of a PDU, in their column 8"));
        assert!(problem("hello there").contains("this is none"));
        let line = "07911326040000f0000b911346610089f60000208062917314080cc8f71d14969741f977fd07";
        let text = format!("+CMGR: 1,,30\r\n{line}6\r\nOK\r\n");
        let report = understand(Bytes::from(text), Kind::Auto).1;
        assert_eq!(report.problems(), [], "a digit too many is forgiven");
        assert!(report.json().to_string().contains("single digit"));
    }

    #[test]
    fn value_that_lacks_the_form_of_its_field_is_told_as_octets() {
        // X-Mms-Priority with a text in it.
        let told = auto("8c81 985431 00 8d92 9280 8f 686900");
        assert_eq!(told["headers"]["priority"], json!({ "octets": "686900" }), "{told}");
    }

    #[test]
    fn field_that_is_repeated_is_told_once_and_warned_of() {
        let told = auto("8c81 985431 00 985432 00 8d92 9280");
        assert_eq!(told["headers"]["transaction-id"], "T1");
        let warning = &told["warnings"][0];
        assert_eq!(warning["offset"], 6, "{told}");
        assert_eq!(warning["text"], "repeated; the first one counts");
    }

    fn segments(prefixed: bool, sender: &str, reference: u8, filler: &str) -> Vec<String> {
        let pdu = format!("0106 03 beaf84 8c82 985431 00 8d90 83 {}00", filler.repeat(200));
        let push = hex::decode(pdu.replace(' ', "")).unwrap();
        let sender = SmsAddress::from_text(sender);
        let scts = Scts::new(crate::model::Timestamp::from_secs(1_790_000_000), 0);
        port_addressed_delivers(&push, &sender, 2948, 9200, reference, scts)
            .unwrap()
            .iter()
            .map(|deliver| {
                let tpdu = deliver.encode().unwrap();
                let smsc = SmsAddress::from_text("+447785016005");
                to_hex(&if prefixed { join_smsc(Some(&smsc), &tpdu).unwrap() } else { tpdu })
            })
            .collect()
    }

    #[test]
    fn segments_are_joined_in_any_order_with_and_without_service_centre() {
        for prefixed in [false, true] {
            let mut lines = segments(prefixed, "+447700900123", 7, "61");
            assert!(lines.len() > 1);
            lines.reverse();
            let told = auto(&lines.join("\n"));
            assert_eq!((&told["kind"], &told["pdu"]), (&json!("tpdu"), &json!("sms-deliver")));
            let from = json!({ "address": "+447700900123", "type": "international" });
            assert_eq!(told["headers"]["from"], from);
            assert_eq!(told["headers"]["smsc"].as_str(), prefixed.then_some("+447785016005"));
            assert_eq!(told["segments"].as_array().map(Vec::len), Some(lines.len()));
            assert_eq!(told["content"]["content"]["pdu"], "m-notification.ind", "{told}");
        }
    }

    #[test]
    fn several_messages_come_apart_even_with_one_reference() {
        let one = segments(true, "+447700900123", 7, "61");
        let two = segments(true, "+447700900123", 7, "62");
        let other = segments(true, "86888", 7, "63");
        let lines = [&one[..1], &two, &other, &one[1..], &one[..1]].concat();
        let told = auto(&lines.join("\n"));
        let messages = told["messages"].as_array().unwrap();
        let urls: Vec<&str> = messages
            .iter()
            .filter_map(|it| it["content"]["content"]["headers"]["content-location"].as_str())
            .map(|url| &url[..1])
            .collect();
        assert_eq!(messages.len(), 3, "{told}");
        assert_eq!(urls, ["a", "b", "c"], "{told}");
        assert!(told.to_string().contains("came twice"));
    }

    #[test]
    fn missing_segments_are_named() {
        let lines = segments(true, "+447700900123", 7, "61");
        let report = understand(Bytes::from(lines[0].clone()), Kind::Auto).1;
        assert!(report.problems()[0].text.contains("segment 2 of 2 missing"));
        assert!(report.content.is_none(), "no partial push is opened");
    }

    #[test]
    fn ppp_frames_are_told() {
        let told = auto("7eff7d23c0217d217d217d207d24d1b57e");
        assert_eq!(told["kind"], "ppp");
        assert!(told["items"][0]["frame"].as_str().unwrap().contains("LCP Configure-Request"));
        for bare in ["ff03c02101010004", "c02101010004"] {
            assert_eq!(auto(bare)["kind"], "ppp", "{bare}");
        }
        let broken = understand("7eff7d23c0217d217d217d207d24d1b67e".into(), Kind::Ppp).1;
        assert_eq!(broken.problems()[0].text, "the checksum does not match");
    }

    #[test]
    fn http_is_told_with_what_it_carries() {
        let body = b"\x8C\x81\x98T1\0\x8D\x92\x92\x80";
        let head = |length: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Type: {}\r\n{length}\r\n", mms::CONTENT_TYPE)
        };
        let whole = [head("Content-Length: 10\r\n").as_bytes(), body].concat();
        let until_close = [head("").as_bytes(), body].concat();
        let chunked = [
            head("Transfer-Encoding: chunked\r\n").as_bytes(),
            b"4\r\n",
            &body[..4],
            b"\r\n6;x=y\r\n",
            &body[4..],
            b"\r\n0\r\n\r\n",
        ]
        .concat();
        for dump in [&whole, &until_close, &chunked] {
            let (_, report) = understand(Bytes::copy_from_slice(dump), Kind::Auto);
            let told = report.json();
            assert_eq!((&told["kind"], &told["status"]), (&json!("http"), &json!(200)));
            assert_eq!(told["content"]["pdu"], "m-send.conf", "{told}");
            assert_eq!(report.problems(), []);
        }
        let post = b"POST http://mmsc/ HTTP/1.1\r\nHost: mmsc\r\nContent-Length: 0\r\n\r\n";
        let two = [&post[..], &whole].concat();
        let told = understand(Bytes::from(two), Kind::Auto).1.json();
        assert_eq!(told["messages"][0]["target"], "http://mmsc/");
        assert_eq!(told["messages"][1]["content"]["headers"]["transaction-id"], "T1");
    }

    #[test]
    fn html_in_the_place_of_a_pdu_is_named() {
        let page = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\n\r\n<html><title>Log\n in</title></html>",
            mms::CONTENT_TYPE
        );
        let told = auto(&page);
        assert_eq!(
            told["warnings"][0]["text"],
            "an HTML page, titled 'Log in', where an MMS PDU was announced"
        );
        assert_eq!(told["body"]["length"], 35);
    }

    #[test]
    fn broken_http_says_where() {
        for (dump, field) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "content-length"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "chunk"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "chunk"),
            ("HTTP/1.1 200 OK\r\nContent-Le", "header"),
            ("HTTP/1.1 200 OK\r\nX: y\r\nnonsense\r\nContent-Length: 1\r\n\r\na", "header"),
            ("HTTP/1.1 204 No\r\n\r\nrubbish", "body"),
        ] {
            let report = understand(Bytes::from(dump), Kind::Auto).1;
            assert_eq!(report.kind, "http");
            assert_eq!(report.problems()[0].field, field, "{dump}");
        }
    }

    #[test]
    fn octets_of_no_known_kind_are_named_as_such() {
        for noise in
            ["hello", "00", "", &"a7".repeat(300), "06ed12947c8bb6125641719c7caa00f6", "GET me"]
        {
            let report = understand(Bytes::copy_from_slice(noise.as_bytes()), Kind::Auto).1;
            assert_eq!(report.kind, UNKNOWN, "{noise}");
            assert!(!report.problems().is_empty());
        }
    }

    #[test]
    fn base64_counts_only_when_it_is_something() {
        use base64::Engine as _;
        let pdu = b"\x8C\x81\x98T1\0\x8D\x92\x92\x80";
        let text = base64::engine::general_purpose::STANDARD.encode(pdu);
        assert_eq!(auto(&text)["pdu"], "m-send.conf");
        let (input, report) =
            understand(Bytes::from("Thequickbrownfoxjumpsoverthelazydog1"), Kind::Auto);
        assert_eq!((input.form, report.kind), (Form::Binary, UNKNOWN));
    }

    #[test]
    fn what_does_not_decode_names_field_and_offset() {
        let told = auto("8c82 985431 00");
        assert_eq!(told["kind"], "mms");
        assert!(told["error"]["field"].is_string() && told["error"]["offset"].is_u64(), "{told}");
    }

    fn any_kind() -> impl Strategy<Value = Kind> {
        prop::sample::select(Kind::value_variants())
    }

    fn vectors() -> Vec<Vec<u8>> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let mut all = Vec::new();
        for kind in ["mms", "push", "sms", "ppp", "wsp", "at"] {
            for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
                let octets = std::fs::read(entry.unwrap().path()).unwrap();
                all.push(Input::new(Bytes::from(octets.clone())).whole.to_vec());
                all.push(octets);
            }
        }
        all
    }

    /// Decodes in every way that the command does.
    fn everything(octets: Vec<u8>, kind: Kind) {
        let (input, report) = understand(Bytes::from(octets), kind);
        let text = decode_text::render(&report, input.form.as_str(), Paint::stdout());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        let told = report.json();
        assert!(told["kind"].is_string() && told["warnings"].is_array());
        assert!(report.error.is_none() || told["error"]["offset"].is_u64());
    }

    proptest! {
        #[test]
        fn any_octets_are_told_or_refused(
            octets in prop::collection::vec(any::<u8>(), 0..300), kind in any_kind()
        ) {
            everything(octets, kind);
        }

        #[test]
        fn any_text_is_told_or_refused(text in "[ -~\\r\\n\u{e9}]{0,200}", kind in any_kind()) {
            everything(text.into_bytes(), kind);
        }

        #[test]
        fn damaged_vectors_are_told_or_refused(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
            kind in any_kind(),
        ) {
            let all = vectors();
            let mut octets = which.get(&all).clone();
            for (at, value) in changes {
                if !octets.is_empty() {
                    let at = at.index(octets.len());
                    octets[at] = value;
                }
            }
            octets.truncate(cut.index(octets.len() + 1).max(octets.len() / 2));
            everything(octets, kind);
        }
    }
}
