//! What a strict MMSC looks at in a request (RFC 9110, RFC 9112, OMA-TS-MMS-CONF clauses 8 and
//! 10, OMA-TS-MMS_ENC clause 6).

use bytes::Bytes;
use hyper::Request;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT};

use crate::codec::mms::{self, Body, From, SendReq};
use crate::codec::wsp::Part;

/// Complaints about the HTTP request; `path` names it in them.
pub(super) fn http(request: &Request<Bytes>) -> Vec<String> {
    let mut found = Vec::new();
    let headers = request.headers();
    let name = format!("{} {}", request.method(), request.uri().path());
    let text = |header| headers.get(header).and_then(|value| value.to_str().ok());
    match text(USER_AGENT) {
        None => found.push(format!("{name}: no User-Agent")),
        Some(agent) if agent.trim().is_empty() => found.push(format!("{name}: empty User-Agent")),
        Some(_) => {}
    }
    if text(HOST).is_none() {
        found.push(format!("{name}: no Host"));
    }
    if request.method() == hyper::Method::POST {
        if headers.contains_key(TRANSFER_ENCODING) {
            found.push(format!("{name}: chunked request body"));
        } else if text(CONTENT_LENGTH).is_none() {
            found.push(format!("{name}: no Content-Length"));
        }
        let kind = text(CONTENT_TYPE).unwrap_or_default();
        let bare = kind.split(';').next().unwrap_or_default().trim();
        if !bare.eq_ignore_ascii_case(mms::CONTENT_TYPE) {
            found.push(format!("{name}: Content-Type is '{kind}'"));
        }
    }
    found
}

/// Complaints about an M-Send.req.
pub(super) fn send_req(request: &SendReq) -> Vec<String> {
    let mut found = Vec::new();
    let id = &request.transaction_id;
    let mut say = |text: String| found.push(format!("m-send.req {id}: {text}"));
    if id.is_empty() || !id.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
        say("the Transaction-Id has more than letters and digits".to_owned());
    }
    if request.to.is_empty() && request.cc.is_empty() && request.bcc.is_empty() {
        say("no recipient".to_owned());
    }
    if request.subject.as_deref() == Some("") {
        say("an empty Subject".to_owned());
    }
    if let From::Address(from) = &request.from
        && from.text().is_empty()
    {
        say("an empty From".to_owned());
    }
    let Body::Multipart(parts) = &request.body else { return found };
    if parts.is_empty() {
        say("a multipart without parts".to_owned());
    }
    let smil = parts.iter().find(|part| part.content_type.media_type.is_smil());
    let related = request.content_type.media_type.as_str().ends_with("related");
    match (related, smil) {
        (true, None) => say("multipart/related without SMIL".to_owned()),
        (false, Some(_)) => say("SMIL outside multipart/related".to_owned()),
        _ => {}
    }
    for (index, part) in parts.iter().enumerate() {
        if part.content_id.is_none() && part.content_location.is_none() {
            say(format!("part {index} has neither Content-ID nor Content-Location"));
        }
        if let Some(smil) = smil
            && !part.content_type.media_type.is_smil()
            && !is_referenced(part, smil)
        {
            say(format!("part {index} is not referenced by the SMIL"));
        }
    }
    if let (true, Some(smil)) = (related, smil)
        && let Some(start) = &request.content_type.start
    {
        let bare = |id: &str| id.trim_start_matches('<').trim_end_matches('>').to_owned();
        if smil.content_id.as_deref().map(bare) != Some(bare(start)) {
            say(format!("start names {start}, which is not the SMIL part"));
        }
    }
    found
}

/// Whether some `src` of the SMIL names the part by its location or Content-ID.
fn is_referenced(part: &Part, smil: &Part) -> bool {
    let text = String::from_utf8_lossy(&smil.body);
    let names = |wanted: &str| {
        ["src=\"", "src='"].iter().any(|open| {
            text.match_indices(open).any(|(at, _)| {
                let rest = text.get(at + open.len()..).unwrap_or_default();
                rest.split(['"', '\'']).next() == Some(wanted)
            })
        })
    };
    part.content_location.as_deref().is_some_and(names)
        || part.content_id.as_deref().is_some_and(|id| names(&format!("cid:{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mms::Version;
    use crate::codec::wsp::ContentType;
    use crate::model::Address;

    fn part(kind: &str, id: &str, body: &'static str) -> Part {
        Part {
            content_type: ContentType::new(kind),
            content_id: Some(id.to_owned()),
            content_location: Some(id.to_owned()),
            headers: Vec::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn request(parts: Vec<Part>) -> SendReq {
        let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
        content_type.start = Some("<smil>".to_owned());
        SendReq {
            transaction_id: "A1".to_owned(),
            version: Version::V1_2,
            date: None,
            from: From::InsertAddress,
            to: vec![Address::from_wire("+447700900002/TYPE=PLMN")],
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: None,
            message_class: None,
            expiry: None,
            delivery_time: None,
            priority: None,
            sender_visibility_hide: None,
            delivery_report: None,
            read_report: None,
            extra: Vec::new(),
            content_type,
            body: Body::Multipart(parts),
        }
    }

    #[test]
    fn part_that_the_smil_does_not_name_is_complained_about() {
        let smil = "<smil><body><par><img src=\"a.jpg\"/><text src='cid:t'/></par></body></smil>";
        let good = request(vec![
            part("application/smil", "smil", smil),
            part("image/jpeg", "a.jpg", "x"),
            part("text/plain", "t", "x"),
        ]);
        assert_eq!(send_req(&good), Vec::<String>::new());
        let bad =
            request(vec![part("application/smil", "smil", smil), part("image/jpeg", "b.jpg", "x")]);
        assert_eq!(send_req(&bad), ["m-send.req A1: part 1 is not referenced by the SMIL"]);
    }

    #[test]
    fn request_without_user_agent_and_length_is_complained_about() {
        let request =
            Request::post("http://mmsc.example/mms").body(Bytes::from_static(b"x")).unwrap();
        let found = http(&request);
        for wanted in ["no User-Agent", "no Host", "no Content-Length", "Content-Type is ''"] {
            assert!(found.iter().any(|text| text.contains(wanted)), "{wanted}: {found:?}");
        }
    }
}
