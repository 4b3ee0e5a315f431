//! SMS-DELIVER (3GPP TS 23.040 clause 9.2.2.1).

use super::reader::Reader;
use super::{Dcs, EncodeError, Scts, SmsAddress, UserData};
use crate::codec::{DecodeError, Warning};

const MORE_MESSAGES: u8 = 0x04;
const LOOP_PREVENTION: u8 = 0x08;
const STATUS_REPORT: u8 = 0x20;
const HEADER: u8 = 0x40;
const REPLY_PATH: u8 = 0x80;

/// A message for the subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliver {
    /// More messages wait in the service centre. (The bit TP-MMS is off then.)
    pub more_messages: bool,
    /// TP-Loop-Prevention.
    pub loop_prevention: bool,
    /// TP-Status-Report-Indication.
    pub status_report: bool,
    /// TP-Reply-Path.
    pub reply_path: bool,
    /// TP-Originating-Address.
    pub originator: SmsAddress,
    /// TP-Protocol-Identifier.
    pub pid: u8,
    /// TP-Data-Coding-Scheme.
    pub dcs: Dcs,
    /// TP-Service-Centre-Time-Stamp.
    pub scts: Scts,
    /// TP-User-Data.
    pub user_data: UserData,
}

impl Deliver {
    /// A plain message with the usual flags.
    #[must_use]
    pub const fn new(originator: SmsAddress, dcs: Dcs, scts: Scts, user_data: UserData) -> Self {
        Self {
            more_messages: false,
            loop_prevention: false,
            status_report: false,
            reply_path: false,
            originator,
            pid: 0,
            dcs,
            scts,
            user_data,
        }
    }

    /// The user data as text; none when it is data.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        self.user_data.text(self.dcs)
    }

    /// The TPDU without SMSC prefix.
    ///
    /// # Errors
    /// When the address or the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut first = 0b00;
        for (set, bit) in [
            (!self.more_messages, MORE_MESSAGES),
            (self.loop_prevention, LOOP_PREVENTION),
            (self.status_report, STATUS_REPORT),
            (!self.user_data.udh.is_empty(), HEADER),
            (self.reply_path, REPLY_PATH),
        ] {
            first |= if set { bit } else { 0 };
        }
        let mut out = vec![first];
        self.originator.write(&mut out)?;
        out.extend([self.pid, self.dcs.0]);
        out.extend(self.scts.0);
        self.user_data.write(&mut out)?;
        Ok(out)
    }

    pub(super) fn read(
        first: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let originator = SmsAddress::read("TP-OA", reader, warnings)?;
        let pid = reader.octet("TP-PID")?;
        let dcs = Dcs(reader.octet("TP-DCS")?);
        let scts = Scts::read("TP-SCTS", reader, warnings)?;
        let user_data = UserData::read(first & HEADER != 0, dcs, reader, warnings)?;
        Ok(Self {
            more_messages: first & MORE_MESSAGES == 0,
            loop_prevention: first & LOOP_PREVENTION != 0,
            status_report: first & STATUS_REPORT != 0,
            reply_path: first & REPLY_PATH != 0,
            originator,
            pid,
            dcs,
            scts,
            user_data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sms::{Body, Ports, from_hex};

    fn decode(hex: &str) -> (Deliver, Vec<Warning>) {
        let decoded = Deliver::decode(&from_hex(hex).unwrap()).unwrap();
        (decoded.value, decoded.warnings)
    }

    #[test]
    fn text_in_the_default_alphabet() {
        let (deliver, warnings) =
            decode("04 0C 91 447700091032 00 00 60504030201080 0A E8329BFD4697D9EC37");
        assert_eq!(deliver.text().as_deref(), Some("hellohello"));
        assert_eq!(deliver.originator.to_string(), "+447700900123");
        assert!(!deliver.more_messages);
        assert_eq!(warnings, []);
    }

    #[test]
    fn text_behind_a_header_begins_at_a_septet_boundary() {
        // UDH of 6 octets: one fill bit, then "hi"; 7 + 2 septets.
        let (deliver, warnings) =
            decode("44 0C 91 447700091032 00 00 60504030201080 09 050003010201 D069");
        assert_eq!(deliver.text().as_deref(), Some("hi"));
        assert_eq!(warnings, []);
        assert_eq!(
            deliver.encode().unwrap(),
            from_hex("44 0C 91 447700091032 00 00 60504030201080 09 050003010201 D069").unwrap()
        );
    }

    #[test]
    fn ucs2_text() {
        let (deliver, _) = decode("04 05 81 6888F8 00 08 60504030201080 04 65E5672C");
        assert_eq!(deliver.text().as_deref(), Some("日本"));
        let (dcs, data) = UserData::from_text("日本");
        assert_eq!((dcs, data), (deliver.dcs, deliver.user_data));
    }

    #[test]
    fn push_with_ports_is_data() {
        let (deliver, warnings) =
            decode("44 05 81 6888F8 00 F5 60504030201080 0A 0605040B8423F0 010603");
        assert_eq!(deliver.text(), None);
        assert_eq!(
            deliver.user_data.udh.ports(),
            Some(Ports { destination: 2948, source: 9200, wide: true })
        );
        assert_eq!(deliver.user_data.body, Body::Octets(vec![1, 6, 3].into()));
        assert_eq!(warnings, []);
    }

    #[test]
    fn length_one_short_of_the_data_is_believed_with_a_warning() {
        let (deliver, warnings) = decode("04 05 81 6888F8 00 04 60504030201080 02 010203");
        assert_eq!(deliver.user_data.octets(), vec![1, 2]);
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].field, "TP-UDL");
    }

    #[test]
    fn length_beyond_the_data_gives_what_is_there() {
        let (deliver, warnings) = decode("04 05 81 6888F8 00 04 60504030201080 8C 010203");
        assert_eq!(deliver.user_data.octets(), vec![1, 2, 3]);
        assert_eq!(warnings.len(), 1);
        let (deliver, warnings) = decode("04 05 81 6888F8 00 00 60504030201080 A0 E8329BFD4697D9");
        assert_eq!(deliver.text().as_deref(), Some("hellohel"));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn header_longer_than_the_data_is_a_warning() {
        let (deliver, warnings) = decode("44 05 81 6888F8 00 04 60504030201080 03 FF0504");
        assert_eq!(deliver.user_data.udh.rest, [5, 4]);
        assert_eq!(deliver.user_data.octets().len(), 0);
        assert_eq!(warnings.len(), 2);
    }

    #[test]
    fn every_prefix_is_an_error_or_a_value_and_never_a_panic() {
        let octets =
            from_hex("44 0C 91 447700091032 00 00 60504030201080 09 050003010201 D069").unwrap();
        for length in 0..octets.len() {
            let decoded = Deliver::decode(&octets[..length]);
            assert_eq!(decoded.is_ok(), length > 18, "{length} octets");
        }
    }
}
