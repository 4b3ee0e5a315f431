//! From a submission to its recipients: phones at once, subscribers by notification; delivery
//! reports back (OMA-TS-MMS_ENC clauses 6.2 and 6.5, WAP-235, WAP-259).

use std::time::Duration;

use bytes::Bytes;

use super::{Kept, Mmsc, StoredMessage};
use crate::codec::mms::{
    Body, CancelReq, DeliveryInd, Expiry, From, MessageClass, MmsStatus, NotificationInd, Pdu,
    RetrieveConf, SendReq, Version,
};
use crate::codec::wsp::ContentType;
use crate::model::Address;
use crate::sim::fault::Fault;
use crate::sim::lock;
use crate::sim::phone::{self, Behaviour, Outgoing, Phone};
use crate::sim::smsc::SmsError;

/// How long the MMSC keeps a message.
const EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a message for a subscriber is made of.
struct Content {
    from: From,
    to: Vec<Address>,
    cc: Vec<Address>,
    subject: Option<String>,
    content_type: ContentType,
    body: Body,
    delivery_report: Option<bool>,
    read_report: Option<bool>,
}

impl Mmsc {
    pub(in crate::sim) fn add_phone(&self, phone: Phone) {
        lock(&self.0.phones).push(phone);
    }

    pub(in crate::sim) fn phones(&self) -> Vec<Phone> {
        lock(&self.0.phones).clone()
    }

    /// Sends a message from any address to a subscriber: stored, and notified by SMS.
    ///
    /// # Errors
    /// When no modem has that number or the network keeps no more SMS.
    pub fn send(&self, from: &str, to: &str, message: &Outgoing) -> Result<String, SmsError> {
        let to = Address::from_wire(to);
        let number = self
            .subscriber(&to)
            .ok_or_else(|| SmsError::UnknownSubscriber(to.text().to_owned()))?;
        let (content_type, parts) = message.compose();
        let content = Content {
            from: From::Address(Address::from_wire(from)),
            to: vec![to],
            cc: Vec::new(),
            subject: message.subject.clone(),
            content_type,
            body: Body::Multipart(parts),
            delivery_report: None,
            read_report: None,
        };
        self.keep(&number, content, self.token("M"), None)
    }

    /// Hands a submission to one recipient; says whether there is such a one.
    pub(super) fn route(
        &self,
        request: &SendReq,
        to: &Address,
        msisdn: &str,
        message_id: &str,
    ) -> bool {
        let sender = Address::from_wire(msisdn);
        let wants_report = request.delivery_report == Some(true);
        let phone =
            lock(&self.0.phones).iter().find(|phone| phone.address().same_party(to)).cloned();
        if let Some(phone) = phone {
            let received = phone::received(request, &sender, message_id, self.0.clock.now());
            let mmsc = self.clone();
            let report = wants_report.then(|| (msisdn.to_owned(), message_id.to_owned()));
            self.spawn(async move { mmsc.reach(phone, received, report).await });
            return true;
        }
        let Some(number) = self.subscriber(to) else { return false };
        let from = match &request.from {
            From::Address(address) => address.clone(),
            From::InsertAddress => sender,
        };
        let content = Content {
            from: From::Address(from),
            to: request.to.clone(),
            cc: request.cc.clone(),
            subject: request.subject.clone(),
            content_type: request.content_type.clone(),
            body: request.body.clone(),
            delivery_report: request.delivery_report,
            read_report: request.read_report,
        };
        let report = wants_report.then(|| msisdn.to_owned());
        self.keep(&number, content, message_id.to_owned(), report).is_ok()
    }

    fn subscriber(&self, address: &Address) -> Option<String> {
        self.0
            .subscribers
            .iter()
            .find(|number| Address::from_wire(number).same_party(address))
            .cloned()
    }

    /// A phone gets the message, reports and answers.
    async fn reach(
        &self,
        phone: Phone,
        mut received: phone::Received,
        report: Option<(String, String)>,
    ) {
        tokio::time::sleep(phone.delay()).await;
        let status = match phone.behaviour() {
            Behaviour::Never(status) => status,
            _ => MmsStatus::RETRIEVED,
        };
        if let Some((to, message_id)) = report {
            self.report(&to, &message_id, phone.address(), status);
        }
        if status != MmsStatus::RETRIEVED {
            return;
        }
        received.at = self.0.clock.now();
        let sender = received.from.clone();
        if let Some(answer) = phone.take(received)
            && let Err(error) = self.send(phone.number(), &sender, &answer)
        {
            tracing::warn!(%error, "a virtual phone's answer goes nowhere");
        }
    }

    /// Stores a message for a subscriber and notifies.
    fn keep(
        &self,
        number: &str,
        content: Content,
        message_id: String,
        report_to: Option<String>,
    ) -> Result<String, SmsError> {
        let token = self.token("");
        let transaction_id = self.token("N");
        let conf = RetrieveConf {
            // Another id than the notification's, so that mixing them up shows.
            transaction_id: Some(self.token("R")),
            version: Version::V1_2,
            message_id: Some(message_id.clone()),
            date: Some(self.0.clock.now()),
            from: Some(content.from),
            to: content.to,
            cc: content.cc,
            subject: content.subject,
            message_class: Some(MessageClass::Personal),
            priority: None,
            delivery_report: content.delivery_report,
            read_report: content.read_report,
            retrieve_status: None,
            retrieve_text: None,
            extra: Vec::new(),
            content_type: content.content_type,
            body: content.body,
        };
        let view = StoredMessage {
            token: token.clone(),
            transaction_id,
            message_id,
            recipient: number.to_owned(),
            notified: 0,
            retrieved: 0,
            deferred: false,
            acknowledged: None,
            forwarded: 0,
            deleted: false,
        };
        let life = self.0.faults.take(|fault| match fault {
            Fault::MmscExpires { seconds } => Some(Duration::from_secs(*seconds)),
            _ => None,
        });
        let life = life.unwrap_or(EXPIRY);
        let life = (life, self.0.clock.now().plus(life));
        lock(&self.0.state).stored.push(Kept { view, conf, report_to, life });
        self.notify(&token)?;
        if let Some(pause) = self.0.config.repeat_after {
            let mmsc = self.clone();
            let token = token.clone();
            self.spawn(async move {
                loop {
                    tokio::time::sleep(pause).await;
                    if !mmsc.wants_notification(&token) || mmsc.notify(&token).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(token)
    }

    fn wants_notification(&self, token: &str) -> bool {
        let limit = self.0.config.max_notifications;
        lock(&self.0.state).stored.iter().any(|kept| {
            kept.view.token == token
                && kept.view.acknowledged.is_none()
                && kept.view.forwarded == 0
                && !kept.view.deleted
                && kept.view.notified < limit
        })
    }

    /// Sends M-Notification.ind for a stored message.
    ///
    /// # Errors
    /// When its subscriber has no modem, or the network keeps no more SMS.
    pub(in crate::sim) fn notify(&self, token: &str) -> Result<(), SmsError> {
        let (number, notification) = {
            let mut state = lock(&self.0.state);
            let Some(kept) = state.stored.iter_mut().find(|kept| kept.view.token == token) else {
                return Ok(());
            };
            kept.view.notified += 1;
            let conf = &kept.conf;
            let size = Pdu::RetrieveConf(conf.clone()).encode().len();
            let notification = NotificationInd {
                transaction_id: kept.view.transaction_id.clone(),
                version: Version::V1_2,
                from: conf.from.clone(),
                subject: conf.subject.clone(),
                delivery_report: conf.delivery_report,
                message_class: Some(MessageClass::Personal),
                priority: None,
                message_size: Some(size as u64),
                expiry: Some(Expiry::After(kept.life.0)),
                content_location: format!("{}/{token}", self.0.config.url),
                extra: Vec::new(),
            };
            (kept.view.recipient.clone(), notification)
        };
        let octets = Pdu::NotificationInd(notification).encode();
        let times = if self.0.faults.strikes(&Fault::DuplicateNotification {}) { 2 } else { 1 };
        for _ in 0..times {
            self.push(&number, &octets)?;
        }
        Ok(())
    }

    /// Sends M-Cancel.req for a message: one of a subscriber's by its Message-ID, or any other id.
    ///
    /// # Errors
    /// When no modem has that number or the network keeps no more SMS.
    pub fn cancel(&self, number: &str, cancel_id: &str) -> Result<(), SmsError> {
        let transaction_id = self.token("C");
        lock(&self.0.state).cancelled.push(transaction_id.clone());
        let request = Pdu::CancelReq(CancelReq {
            transaction_id,
            version: Version { major: 1, minor: 3 },
            cancel_id: cancel_id.to_owned(),
            extra: Vec::new(),
        });
        self.push(number, &request.encode())
    }

    /// Announces a stored message once more, by another name: of its Transaction-Id, or of its
    /// location.
    ///
    /// # Errors
    /// When its subscriber has no modem, or the network keeps no more SMS.
    pub fn announce_renamed(&self, token: &str, transaction: bool) -> Result<(), SmsError> {
        {
            let mut state = lock(&self.0.state);
            let Some(kept) = state.stored.iter_mut().find(|kept| kept.view.token == token) else {
                return Ok(());
            };
            if transaction {
                kept.view.transaction_id.push('b');
            } else {
                kept.view.token.push('b');
            }
        }
        let renamed = if transaction { token.to_owned() } else { format!("{token}b") };
        self.notify(&renamed)
    }

    /// Asks for a read report of a stored message.
    pub fn ask_read_report(&self, token: &str) {
        let mut state = lock(&self.0.state);
        for kept in state.stored.iter_mut().filter(|kept| kept.view.token == token) {
            kept.conf.read_report = Some(true);
        }
    }

    /// Sends M-Delivery.ind to the one who submitted.
    pub(super) fn report(
        &self,
        to: &str,
        message_id: &str,
        recipient: &Address,
        status: MmsStatus,
    ) {
        let report = Pdu::DeliveryInd(DeliveryInd {
            version: Version::V1_2,
            message_id: message_id.to_owned(),
            to: vec![recipient.clone()],
            date: Some(self.0.clock.now()),
            status,
            extra: Vec::new(),
        });
        if let Err(error) = self.push(to, &report.encode()) {
            tracing::warn!(%error, "a delivery report goes nowhere");
        }
    }

    fn push(&self, number: &str, mms: &Bytes) -> Result<(), SmsError> {
        let random = &self.0.random;
        let [tid, reference] = random.array::<2>();
        self.0.smsc.push(number, mms, tid, reference, self.0.clock.now())
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.0.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}
