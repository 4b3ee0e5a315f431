//! SMS-STATUS-REPORT (3GPP TS 23.040 clause 9.2.2.3).

use super::reader::Reader;
use super::{Dcs, EncodeError, Scts, SmsAddress, UserData};
use crate::codec::{DecodeError, Warning};

const MORE_MESSAGES: u8 = 0x04;
const HEADER: u8 = 0x40;
const PI_PID: u8 = 0x01;
const PI_DCS: u8 = 0x02;
const PI_UDL: u8 = 0x04;

/// What became of a message that the subscriber sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The first octet with its flags.
    pub first_octet: u8,
    /// TP-Message-Reference of the message.
    pub message_reference: u8,
    /// TP-Recipient-Address.
    pub recipient: SmsAddress,
    /// TP-Service-Centre-Time-Stamp of the message.
    pub scts: Scts,
    /// TP-Discharge-Time.
    pub discharge_time: Scts,
    /// TP-Status (clause 9.2.3.15).
    pub status: u8,
    /// TP-Parameter-Indicator, when something follows the status.
    pub parameters: Option<u8>,
    /// TP-Protocol-Identifier.
    pub pid: Option<u8>,
    /// TP-Data-Coding-Scheme.
    pub dcs: Option<Dcs>,
    /// TP-User-Data.
    pub user_data: Option<UserData>,
}

impl StatusReport {
    /// A report without the optional fields.
    #[must_use]
    pub const fn new(
        message_reference: u8,
        recipient: SmsAddress,
        scts: Scts,
        discharge_time: Scts,
        status: u8,
    ) -> Self {
        Self {
            first_octet: 0b10 | MORE_MESSAGES,
            message_reference,
            recipient,
            scts,
            discharge_time,
            status,
            parameters: None,
            pid: None,
            dcs: None,
            user_data: None,
        }
    }

    /// The TPDU without SMSC prefix.
    ///
    /// # Errors
    /// When the address or the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = vec![self.first_octet, self.message_reference];
        self.recipient.write(&mut out)?;
        out.extend(self.scts.0);
        out.extend(self.discharge_time.0);
        out.push(self.status);
        out.extend(self.parameters);
        out.extend(self.pid);
        out.extend(self.dcs.map(|dcs| dcs.0));
        if let Some(data) = &self.user_data {
            data.write(&mut out)?;
        }
        Ok(out)
    }

    pub(super) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let message_reference = reader.octet("TP-MR")?;
        let recipient = SmsAddress::read("TP-RA", reader)?;
        let scts = Scts(reader.array("TP-SCTS")?);
        let discharge_time = Scts(reader.array("TP-DT")?);
        let status = reader.octet("TP-ST")?;
        let mut report = Self::new(message_reference, recipient, scts, discharge_time, status);
        report.first_octet = first_octet;
        if reader.is_empty() {
            return Ok(report);
        }
        let parameters = reader.octet("TP-PI")?;
        report.parameters = Some(parameters);
        // Some service centres leave padding here; a field that is not there is a warning, since
        // the status itself is known by now.
        let mut optional = |bit: u8, field: &'static str| {
            if parameters & bit == 0 {
                return None;
            }
            let offset = reader.offset();
            let octet = reader.octet(field).ok();
            if octet.is_none() {
                warnings.push(Warning::forgiven(
                    field,
                    offset,
                    "announced by TP-PI, but not there",
                ));
            }
            octet
        };
        report.pid = optional(PI_PID, "TP-PID");
        report.dcs = optional(PI_DCS, "TP-DCS").map(Dcs);
        if parameters & PI_UDL != 0 && !reader.is_empty() {
            let dcs = report.dcs.unwrap_or(Dcs::GSM7);
            report.user_data =
                Some(UserData::read(first_octet & HEADER != 0, dcs, reader, warnings)?);
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use crate::codec::sms::{Tpdu, from_hex};

    #[test]
    fn report_with_and_without_parameters() {
        for hex in [
            "06 2A 0C 91 447700091032 60504030201080 60504030301080 00",
            "06 2A 0C 91 447700091032 60504030201080 60504030301080 00 00",
            "46 2A 0C 91 447700091032 60504030201080 60504030301080 30 07 00 04 03 02 70 00",
        ] {
            let octets = from_hex(hex).unwrap();
            let decoded = Tpdu::from_network(&octets).unwrap();
            assert_eq!(decoded.warnings, []);
            let Tpdu::StatusReport(report) = decoded.value else { panic!("{:?}", decoded.value) };
            assert_eq!(report.message_reference, 0x2a);
            assert_eq!(report.encode().unwrap(), octets);
        }
    }

    #[test]
    fn announced_field_that_is_missing_is_a_warning() {
        let octets =
            from_hex("06 2A 0C 91 447700091032 60504030201080 60504030301080 00 03").unwrap();
        let decoded = Tpdu::from_network(&octets).unwrap();
        assert_eq!(decoded.warnings.len(), 2);
    }
}
