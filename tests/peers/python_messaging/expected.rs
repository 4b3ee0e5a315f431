//! What python-messaging is expected to read in a PDU, made from the value that was encoded
//! (OMA-TS-MMS_ENC-V1_3 clause 7): names and words are its own.

use mm1gate::codec::mms::{
    Body, Expiry, From, MessageClass, Pdu, Priority, ResponseStatus, Version,
};
use mm1gate::codec::wsp::ContentType;
use mm1gate::model::{Address, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Header names and values as python-messaging calls them.
#[derive(Default)]
pub(super) struct Headers(pub(super) Vec<(&'static str, Value)>);

impl Headers {
    fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    fn text(&mut self, name: &'static str, value: Option<&str>) {
        // An empty text is not written.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.put(name, value);
        }
    }

    fn flag(&mut self, name: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    fn date(&mut self, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.put("Date", json!({ "time": value.as_secs() }));
        }
    }

    fn addresses(&mut self, name: &'static str, addresses: &[Address]) {
        for address in addresses {
            self.put(name, wire(address));
        }
    }

    fn from(&mut self, from: Option<&From>) {
        match from {
            None => {}
            Some(From::InsertAddress) => self.put("From", "<not inserted>"),
            Some(From::Address(address)) => self.put("From", wire(address)),
        }
    }

    fn class(&mut self, class: Option<&MessageClass>) {
        let class = match class {
            None => return,
            Some(MessageClass::Personal) => "Personal",
            Some(MessageClass::Advertisement) => "Advertisement",
            Some(MessageClass::Informational) => "Informational",
            Some(MessageClass::Auto) => "Auto",
            Some(MessageClass::Other(text)) => text,
        };
        self.put("Message-Class", class);
    }

    fn priority(&mut self, priority: Option<Priority>) {
        let priority = match priority {
            None => return,
            Some(Priority::Low) => "Low",
            Some(Priority::Normal) => "Normal",
            Some(Priority::High) => "High",
        };
        self.put("Priority", priority);
    }

    fn version(&mut self, version: Version) {
        self.put("MMS-Version", format!("{}.{}", version.major, version.minor));
    }
}

/// What stands in a PDU for an address (clause 8): written out, so that a fault of ours in it is
/// one of the comparison.
pub(super) fn wire(address: &Address) -> String {
    match address {
        Address::Msisdn(number) => format!("{number}/TYPE=PLMN"),
        Address::ShortCode(text) | Address::Email(text) => text.clone(),
        Address::Other { text, kind: None } => text.clone(),
        Address::Other { text, kind: Some(kind) } => format!("{text}/TYPE={kind}"),
    }
}

/// The expected headers of a PDU, and the rest of the expected answer for one with a body.
pub(super) fn expected(pdu: &Pdu) -> (Headers, Map<String, Value>) {
    let mut headers = Headers::default();
    let mut content = None;
    match pdu {
        Pdu::SendReq(pdu) => {
            headers.put("Message-Type", "m-send-req");
            headers.text("Transaction-Id", Some(&pdu.transaction_id));
            headers.version(pdu.version);
            headers.date(pdu.date);
            headers.from(Some(&pdu.from));
            headers.addresses("To", &pdu.to);
            headers.addresses("Cc", &pdu.cc);
            headers.addresses("Bcc", &pdu.bcc);
            headers.text("Subject", pdu.subject.as_deref());
            headers.class(pdu.message_class.as_ref());
            match pdu.expiry {
                None => {}
                Some(Expiry::At(time)) => headers.put("Expiry", json!({ "time": time.as_secs() })),
                Some(Expiry::After(delay)) => headers.put("Expiry", delay.as_secs()),
            }
            match pdu.delivery_time {
                None => {}
                Some(Expiry::At(time)) => {
                    headers.put("Delivery-Time", json!(["absolute", time.as_secs()]));
                }
                Some(Expiry::After(delay)) => {
                    headers.put("Delivery-Time", json!(["relative", delay.as_secs()]));
                }
            }
            headers.priority(pdu.priority);
            let visibility = pdu.sender_visibility_hide;
            headers.text(
                "Sender-Visibility",
                visibility.map(|hide| if hide { "Hide" } else { "Show" }),
            );
            headers.flag("Delivery-Report", pdu.delivery_report);
            headers.flag("Read-Reply", pdu.read_report);
            content = Some((&pdu.content_type, &pdu.body));
        }
        Pdu::SendConf(pdu) => {
            headers.put("Message-Type", "m-send-conf");
            headers.text("Transaction-Id", pdu.transaction_id.as_deref());
            headers.version(pdu.version);
            headers.put("Response-Status", response_status(pdu.response_status));
            headers.text("Response-Text", pdu.response_text.as_deref());
            headers.text("Message-ID", pdu.message_id.as_deref());
        }
        Pdu::NotificationInd(pdu) => {
            headers.put("Message-Type", "m-notification-ind");
            headers.text("Transaction-Id", Some(&pdu.transaction_id));
            headers.version(pdu.version);
            headers.from(pdu.from.as_ref());
            headers.text("Subject", pdu.subject.as_deref());
            headers.flag("Delivery-Report", pdu.delivery_report);
            headers.class(pdu.message_class.as_ref());
            headers.priority(pdu.priority);
            if let Some(size) = pdu.message_size {
                headers.put("Message-Size", size);
            }
            match pdu.expiry {
                None => {}
                Some(Expiry::At(time)) => headers.put("Expiry", json!({ "time": time.as_secs() })),
                Some(Expiry::After(delay)) => headers.put("Expiry", delay.as_secs()),
            }
            headers.text("Content-Location", Some(&pdu.content_location));
        }
        Pdu::NotifyRespInd(pdu) => {
            headers.put("Message-Type", "m-notifyresp-ind");
            headers.text("Transaction-Id", Some(&pdu.transaction_id));
            headers.version(pdu.version);
            headers.put("Status", pdu.status.name());
            headers.flag("Report-Allowed", pdu.report_allowed);
        }
        Pdu::RetrieveConf(pdu) => {
            headers.put("Message-Type", "m-retrieve-conf");
            headers.text("Transaction-Id", pdu.transaction_id.as_deref());
            headers.version(pdu.version);
            headers.text("Message-ID", pdu.message_id.as_deref());
            headers.date(pdu.date);
            headers.from(pdu.from.as_ref());
            headers.addresses("To", &pdu.to);
            headers.addresses("Cc", &pdu.cc);
            headers.text("Subject", pdu.subject.as_deref());
            headers.class(pdu.message_class.as_ref());
            headers.priority(pdu.priority);
            headers.flag("Delivery-Report", pdu.delivery_report);
            headers.flag("Read-Reply", pdu.read_report);
            content = Some((&pdu.content_type, &pdu.body));
        }
        Pdu::AcknowledgeInd(pdu) => {
            headers.put("Message-Type", "m-acknowledge-ind");
            headers.text("Transaction-Id", Some(&pdu.transaction_id));
            headers.version(pdu.version);
            headers.flag("Report-Allowed", pdu.report_allowed);
        }
        Pdu::DeliveryInd(pdu) => {
            headers.put("Message-Type", "m-delivery-ind");
            headers.version(pdu.version);
            headers.text("Message-ID", Some(&pdu.message_id));
            headers.addresses("To", &pdu.to);
            headers.date(pdu.date);
            headers.put("Status", pdu.status.name());
        }
        other => panic!("python-messaging does not know {}", other.name()),
    }
    (headers, content.map(|(kind, body)| content_of(kind, body)).unwrap_or_default())
}

fn response_status(status: ResponseStatus) -> Value {
    match status.0 {
        0x80..=0x88 => status.name().into(),
        _ => 0x81.into(),
    }
}

fn parameters(content_type: &ContentType) -> Value {
    let mut parameters = Map::new();
    for (name, value) in [
        ("Type", &content_type.kind),
        ("Start", &content_type.start),
        ("Charset", &content_type.charset),
        ("Name", &content_type.name),
        ("Filename", &content_type.filename),
    ] {
        if let Some(value) = value {
            // Names of charsets have no case; this one is written so in its table.
            let value = if value == "shift_jis" { "shift_JIS" } else { value };
            parameters.insert(name.into(), value.into());
        }
    }
    parameters.into()
}

fn octets(body: &[u8]) -> Map<String, Value> {
    let hash = hex::encode(Sha256::digest(body));
    Map::from_iter([("length".into(), body.len().into()), ("sha256".into(), hash.into())])
}

fn content_of(content_type: &ContentType, body: &Body) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert("content_type".into(), content_type.media_type.as_str().into());
    answer.insert("parameters".into(), parameters(content_type));
    match body {
        Body::Single(body) => {
            answer.insert("body".into(), octets(body).into());
        }
        Body::Multipart(parts) => {
            let parts = parts.iter().map(|part| {
                let mut one = octets(&part.body);
                let media_type = part.content_type.media_type.as_str();
                one.insert("content_type".into(), media_type.into());
                one.insert("parameters".into(), parameters(&part.content_type));
                Value::Object(one)
            });
            answer.insert("parts".into(), parts.collect());
            answer.insert("behind".into(), 0.into());
        }
    }
    answer
}
