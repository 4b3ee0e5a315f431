//! What the subscriber sends: a text of any length or a datagram for a port, as SMS-SUBMITs
//! (3GPP TS 23.040 clause 9.2.2.2).

use bytes::Bytes;

use super::{
    ConcatReference, Dcs, EncodeError, Language, MessageClass, Ports, SmsAddress, Submit, UserData,
    ValidityPeriod, split_datagram, split_text,
};

/// A message to be submitted, in as many parts as it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsSubmit {
    destination: SmsAddress,
    content: Content,
    languages: Vec<Language>,
    reference: ConcatReference,
    class: Option<MessageClass>,
    validity: ValidityPeriod,
    pid: u8,
    status_report: bool,
    reject_duplicates: bool,
    reply_path: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Datagram(Ports, Bytes),
}

impl SmsSubmit {
    /// A text, in the alphabet that [`split_text`] finds.
    #[must_use]
    pub fn text(destination: SmsAddress, text: impl Into<String>) -> Self {
        Self::new(destination, Content::Text(text.into()))
    }

    /// 8-bit data from one port to another.
    #[must_use]
    pub fn datagram(destination: SmsAddress, ports: Ports, payload: Bytes) -> Self {
        Self::new(destination, Content::Datagram(ports, payload))
    }

    const fn new(destination: SmsAddress, content: Content) -> Self {
        Self {
            destination,
            content,
            languages: Vec::new(),
            reference: ConcatReference::Narrow(0),
            class: None,
            validity: ValidityPeriod::None,
            pid: 0,
            status_report: false,
            reject_duplicates: false,
            reply_path: false,
        }
    }

    /// Languages whose shift tables the recipient is known to have; none unless said.
    #[must_use]
    pub fn languages(mut self, languages: &[Language]) -> Self {
        self.languages = languages.to_vec();
        self
    }

    /// The reference that joins the parts: another one for each message to the same recipient.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<ConcatReference>) -> Self {
        self.reference = reference.into();
        self
    }

    /// The message class; none unless said.
    #[must_use]
    pub const fn class(mut self, class: MessageClass) -> Self {
        self.class = Some(class);
        self
    }

    /// How long the service centre tries; as it likes unless said.
    #[must_use]
    pub const fn validity(mut self, validity: ValidityPeriod) -> Self {
        self.validity = validity;
        self
    }

    /// TP-Protocol-Identifier; 0 unless said.
    #[must_use]
    pub const fn protocol_identifier(mut self, pid: u8) -> Self {
        self.pid = pid;
        self
    }

    /// Asks for an SMS-STATUS-REPORT on each part.
    #[must_use]
    pub const fn request_status_report(mut self) -> Self {
        self.status_report = true;
        self
    }

    /// Asks the service centre to refuse a second message with the same reference.
    #[must_use]
    pub const fn reject_duplicates(mut self) -> Self {
        self.reject_duplicates = true;
        self
    }

    /// Lets the recipient answer through the same service centre.
    #[must_use]
    pub const fn reply_path(mut self) -> Self {
        self.reply_path = true;
        self
    }

    /// The SMS-SUBMITs, in order; TP-Message-Reference is left to the modem.
    ///
    /// # Errors
    /// [`EncodeError::TooManyParts`] above [`super::MAX_PARTS`].
    pub fn parts(&self) -> Result<Vec<Submit>, EncodeError> {
        let parts: Vec<(Dcs, UserData)> = match &self.content {
            Content::Text(text) => split_text(text, &self.languages, self.reference)?,
            Content::Datagram(ports, payload) => split_datagram(payload, *ports, self.reference)?
                .into_iter()
                .map(|data| (Dcs::OCTETS, data))
                .collect(),
        };
        Ok(parts
            .into_iter()
            .map(|(dcs, data)| {
                let classed = self.class.and_then(|class| dcs.with_class(class)).unwrap_or(dcs);
                let mut submit = Submit::new(self.destination.clone(), classed, data);
                submit.validity = self.validity;
                submit.pid = self.pid;
                submit.status_report = self.status_report;
                submit.reject_duplicates = self.reject_duplicates;
                submit.reply_path = self.reply_path;
                submit
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::codec::sms::{Tpdu, join_text};

    #[test]
    fn every_option_stands_in_every_part() {
        let text = "Grüße 😀 ".repeat(20);
        let message = SmsSubmit::text(SmsAddress::from_text("+447700900123"), &text)
            .reference(0x1234_u16)
            .class(MessageClass::Flash)
            .validity(ValidityPeriod::relative(Duration::from_secs(24 * 3600)))
            .protocol_identifier(0x41)
            .request_status_report()
            .reject_duplicates()
            .reply_path();
        let parts = message.parts().unwrap();
        assert!(parts.len() > 1);
        for part in &parts {
            let octets = part.encode().unwrap();
            // SMS-SUBMIT with TP-RD, a relative TP-VP, TP-SRR, TP-UDHI and TP-RP.
            assert_eq!(octets[0], 0x01 | 0x04 | 0x10 | 0x20 | 0x40 | 0x80);
            assert_eq!((part.dcs.0, part.pid), (0x18, 0x41));
            assert_eq!(part.validity, ValidityPeriod::Relative(167));
            let decoded = Tpdu::from_mobile(&octets).unwrap();
            assert_eq!((decoded.value, decoded.warnings), (Tpdu::Submit(part.clone()), vec![]));
        }
        let joined = join_text(parts.iter().map(|part| (part.dcs, &part.user_data)));
        assert_eq!(joined.unwrap(), text);
    }

    #[test]
    fn datagram_for_a_port_is_data() {
        let ports = Ports { destination: 2948, source: 9200, wide: true };
        let payload = Bytes::from(vec![7; 200]);
        let message = SmsSubmit::datagram(SmsAddress::from_text("12345"), ports, payload.clone());
        let parts = message.languages(&[Language::Urdu]).class(MessageClass::MobileEquipment);
        let parts = parts.parts().unwrap();
        assert_eq!(parts.iter().map(|part| part.dcs.0).collect::<Vec<_>>(), [0x15, 0x15]);
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.user_data.octets()).collect();
        assert_eq!(joined, payload);
    }

    #[test]
    fn plain_short_text_has_no_header() {
        let parts = SmsSubmit::text(SmsAddress::from_text("12345"), "hi").parts().unwrap();
        assert_eq!(parts[0].encode().unwrap()[0], 0x01);
        assert_eq!(parts.len(), 1);
    }
}
