//! Virtual phones: subscribers of the same operator that receive, answer and can be asked what
//! they got.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::lock;
use crate::codec::mms::{Body, From, MmsStatus, SendReq};
use crate::codec::wsp;
use crate::model::{Address, Timestamp};

/// What a phone makes of a message.
pub type Answer = Arc<dyn Fn(&Received) -> Option<Outgoing> + Send + Sync>;

/// What a phone does with a message that reaches it.
#[derive(Clone)]
#[non_exhaustive]
pub enum Behaviour {
    /// Retrieves it and says nothing.
    Receive,
    /// Retrieves it and sends its first picture back to the sender.
    SendBack,
    /// Retrieves it and answers what the function makes of it.
    Answer(Answer),
    /// Never retrieves it; a delivery report, if asked for, carries this status.
    Never(MmsStatus),
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Receive => "Receive",
            Self::SendBack => "SendBack",
            Self::Answer(_) => "Answer",
            Self::Never(_) => "Never",
        })
    }
}

/// One part of a message that a phone got.
#[derive(Debug, Clone, Serialize)]
pub struct ReceivedPart {
    /// `type/subtype`.
    pub content_type: String,
    /// Content-Location, else the Name parameter.
    pub name: Option<String>,
    /// Octets.
    pub size: usize,
    /// SHA-256 of the octets, lower-case hexadecimal.
    pub sha256: String,
    /// The octets.
    #[serde(skip)]
    pub body: Bytes,
}

/// A message that a phone got.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// When, RFC 3339.
    #[serde(serialize_with = "super::rfc3339")]
    pub at: Timestamp,
    /// Number of the sender.
    pub from: String,
    /// Every number in To.
    pub to: Vec<String>,
    /// Subject, if there was one.
    pub subject: Option<String>,
    /// The MMSC's Message-ID.
    pub message_id: String,
    /// Transaction-Id of the M-Send.req.
    pub transaction_id: String,
    /// Its parts in order, SMIL included.
    pub parts: Vec<ReceivedPart>,
}

impl Received {
    /// Parts that are neither SMIL nor text.
    pub fn media(&self) -> impl Iterator<Item = &ReceivedPart> {
        self.parts.iter().filter(|part| {
            !part.content_type.starts_with("text/") && part.content_type != "application/smil"
        })
    }
}

/// A part that a phone sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingPart {
    /// `type/subtype`.
    pub content_type: String,
    /// Its file name; becomes Content-Location and Content-ID.
    pub name: String,
    /// The octets.
    pub body: Bytes,
}

/// A message that a phone sends; the SMIL part is composed for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outgoing {
    /// Subject.
    pub subject: Option<String>,
    /// Text, a part of its own.
    pub text: Option<String>,
    /// Pictures and anything else.
    pub parts: Vec<OutgoingPart>,
}

/// One virtual phone; clones are the same phone.
#[derive(Debug, Clone)]
pub struct Phone(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: Address,
    behaviour: Mutex<Behaviour>,
    delay: Duration,
    received: Mutex<Vec<Received>>,
}

impl Phone {
    /// A phone with a number, for example `+447700900123`; what it does it does after `delay`.
    #[must_use]
    pub fn new(number: &str, behaviour: Behaviour, delay: Duration) -> Self {
        Self(Arc::new(Inner {
            number: Address::from_wire(number),
            behaviour: Mutex::new(behaviour),
            delay,
            received: Mutex::new(Vec::new()),
        }))
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &str {
        self.0.number.text()
    }

    /// Changes what it does from the next message on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.0.behaviour) = behaviour;
    }

    /// Everything it got, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.0.received).clone()
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.number
    }

    pub(super) fn delay(&self) -> Duration {
        self.0.delay
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        lock(&self.0.behaviour).clone()
    }

    /// Takes a message; answers what it wants to send back.
    pub(super) fn take(&self, message: Received) -> Option<Outgoing> {
        let answer = match self.behaviour() {
            Behaviour::Receive | Behaviour::Never(_) => None,
            Behaviour::SendBack => message
                .media()
                .find(|part| part.content_type.starts_with("image/"))
                .map(|picture| Outgoing {
                    subject: message.subject.as_ref().map(|subject| format!("Re: {subject}")),
                    text: Some("Here is your picture back.".to_owned()),
                    parts: vec![OutgoingPart {
                        content_type: picture.content_type.clone(),
                        name: picture.name.clone().unwrap_or_else(|| "picture".to_owned()),
                        body: picture.body.clone(),
                    }],
                }),
            Behaviour::Answer(answer) => answer(&message),
        };
        lock(&self.0.received).push(message);
        answer
    }
}

/// What a phone sees of an M-Send.req.
pub(super) fn received(
    request: &SendReq,
    sender: &Address,
    message_id: &str,
    at: Timestamp,
) -> Received {
    let from = match &request.from {
        From::Address(address) => address,
        From::InsertAddress => sender,
    };
    let parts = match &request.body {
        Body::Multipart(parts) => parts.iter().map(received_part).collect(),
        Body::Single(octets) => vec![ReceivedPart {
            content_type: request.content_type.media_type.to_string(),
            name: request.content_type.name.clone(),
            size: octets.len(),
            sha256: sha256(octets),
            body: octets.clone(),
        }],
    };
    Received {
        at,
        from: from.text().to_owned(),
        to: request.to.iter().chain(&request.cc).map(|to| to.text().to_owned()).collect(),
        subject: request.subject.clone(),
        message_id: message_id.to_owned(),
        transaction_id: request.transaction_id.clone(),
        parts,
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(octets: &[u8]) -> String {
    hex::encode(Sha256::digest(octets))
}

fn received_part(part: &wsp::Part) -> ReceivedPart {
    ReceivedPart {
        content_type: part.content_type.media_type.to_string(),
        name: part.content_location.clone().or_else(|| part.content_type.name.clone()),
        size: part.body.len(),
        sha256: sha256(&part.body),
        body: part.body.clone(),
    }
}

impl Outgoing {
    /// The multipart/related body: SMIL first, every other part referenced by it.
    pub(super) fn compose(&self) -> (wsp::ContentType, Vec<wsp::Part>) {
        let mut entries = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let name = safe_name(&part.name, index);
            let mut content_type = wsp::ContentType::new(&part.content_type);
            content_type.name = Some(name.clone());
            entries.push((name, content_type, part.body.clone()));
        }
        if let Some(text) = &self.text {
            let name = "text.txt".to_owned();
            let mut content_type = wsp::ContentType::new("text/plain");
            content_type.charset = Some("utf-8".to_owned());
            content_type.name = Some(name.clone());
            entries.push((name, content_type, Bytes::from(text.clone())));
        }
        let mut smil = String::from(
            "<smil><head><layout><root-layout/>\
             <region id=\"Image\" left=\"0%\" top=\"0%\" width=\"100%\" height=\"70%\"/>\
             <region id=\"Text\" left=\"0%\" top=\"70%\" width=\"100%\" height=\"30%\"/>\
             </layout></head><body><par dur=\"5000ms\">",
        );
        for (name, content_type, _) in &entries {
            let (element, region) = match content_type.media_type.top() {
                "image" => ("img", " region=\"Image\""),
                "text" => ("text", " region=\"Text\""),
                "audio" => ("audio", ""),
                "video" => ("video", " region=\"Image\""),
                _ => ("ref", ""),
            };
            smil.push_str(&format!("<{element} src=\"{name}\"{region}/>"));
        }
        smil.push_str("</par></body></smil>");
        let mut smil_type = wsp::ContentType::new("application/smil");
        smil_type.charset = Some("utf-8".to_owned());
        smil_type.name = Some("smil.xml".to_owned());
        let mut parts = vec![part(smil_type, "smil", "smil.xml", Bytes::from(smil))];
        for (name, content_type, body) in entries {
            parts.push(part(content_type, &name, &name, body));
        }
        let mut related = wsp::ContentType::new("application/vnd.wap.multipart.related");
        related.start = Some("<smil>".to_owned());
        related.kind = Some("application/smil".to_owned());
        (related, parts)
    }
}

fn part(content_type: wsp::ContentType, id: &str, location: &str, body: Bytes) -> wsp::Part {
    wsp::Part {
        content_type,
        content_id: Some(id.to_owned()),
        content_location: Some(location.to_owned()),
        headers: Vec::new(),
        body,
    }
}

fn safe_name(name: &str, index: usize) -> String {
    let plain: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .take(40)
        .collect();
    if plain.is_empty() { format!("part{index}") } else { plain }
}
