//! SMS-SUBMIT (3GPP TS 23.040 clause 9.2.2.2).

use super::reader::Reader;
use super::{Dcs, EncodeError, SmsAddress, UserData, ValidityPeriod};
use crate::codec::{DecodeError, Warning};

const REJECT_DUPLICATES: u8 = 0x04;
const STATUS_REPORT: u8 = 0x20;
const HEADER: u8 = 0x40;
const REPLY_PATH: u8 = 0x80;

/// A message by the subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// TP-Reject-Duplicates.
    pub reject_duplicates: bool,
    /// TP-Status-Report-Request.
    pub status_report: bool,
    /// TP-Reply-Path.
    pub reply_path: bool,
    /// TP-Message-Reference; modems replace it.
    pub message_reference: u8,
    /// TP-Destination-Address.
    pub destination: SmsAddress,
    /// TP-Protocol-Identifier.
    pub pid: u8,
    /// TP-Data-Coding-Scheme.
    pub dcs: Dcs,
    /// TP-Validity-Period.
    pub validity: ValidityPeriod,
    /// TP-User-Data.
    pub user_data: UserData,
}

impl Submit {
    /// A plain message.
    #[must_use]
    pub const fn new(destination: SmsAddress, dcs: Dcs, user_data: UserData) -> Self {
        Self {
            reject_duplicates: false,
            status_report: false,
            reply_path: false,
            message_reference: 0,
            destination,
            pid: 0,
            dcs,
            validity: ValidityPeriod::None,
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
        let mut first = 0b01 | self.validity.format() << 3;
        for (set, bit) in [
            (self.reject_duplicates, REJECT_DUPLICATES),
            (self.status_report, STATUS_REPORT),
            (!self.user_data.udh.is_empty(), HEADER),
            (self.reply_path, REPLY_PATH),
        ] {
            first |= if set { bit } else { 0 };
        }
        let mut out = vec![first, self.message_reference];
        self.destination.write(&mut out)?;
        out.extend([self.pid, self.dcs.0]);
        out.extend(self.validity.octets());
        self.user_data.write(&mut out)?;
        Ok(out)
    }

    pub(super) fn read(
        first: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let message_reference = reader.octet("TP-MR")?;
        let destination = SmsAddress::read("TP-DA", reader, warnings)?;
        let pid = reader.octet("TP-PID")?;
        let dcs = Dcs(reader.octet("TP-DCS")?);
        let validity = ValidityPeriod::read((first >> 3) & 0b11, reader, warnings)?;
        let user_data = UserData::read(first & HEADER != 0, dcs, reader, warnings)?;
        Ok(Self {
            reject_duplicates: first & REJECT_DUPLICATES != 0,
            status_report: first & STATUS_REPORT != 0,
            reply_path: first & REPLY_PATH != 0,
            message_reference,
            destination,
            pid,
            dcs,
            validity,
            user_data,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::codec::sms::{Tpdu, from_hex};

    #[test]
    fn submit_with_each_validity_period() {
        for (first, validity) in
            [("01", ""), ("11", "AA"), ("19", "60504030201080"), ("09", "01000000000000")]
        {
            let hex =
                format!("{first} 00 0C 91 447700091032 00 00 {validity} 0A E8329BFD4697D9EC37");
            let octets = from_hex(&hex).unwrap();
            let decoded = Tpdu::from_mobile(&octets).unwrap();
            assert_eq!(decoded.warnings, []);
            let Tpdu::Submit(submit) = decoded.value else { panic!("{:?}", decoded.value) };
            assert_eq!(submit.text().as_deref(), Some("hellohello"));
            assert_eq!(submit.encode().unwrap(), octets);
        }
    }

    #[test]
    fn direction_decides_what_type_one_is() {
        let octets = from_hex("01 00 05 81 6888F8 00 00 00").unwrap();
        assert!(matches!(Tpdu::from_mobile(&octets).unwrap().value, Tpdu::Submit(_)));
        assert!(!matches!(Tpdu::from_network(&octets).map(|it| it.value), Ok(Tpdu::Submit(_))));
        assert!(Tpdu::from_mobile(&[3, 0, 5]).is_err());
    }
}
