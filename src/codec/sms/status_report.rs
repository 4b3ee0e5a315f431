//! SMS-STATUS-REPORT (3GPP TS 23.040 clause 9.2.2.3).

use super::parameters::HEADER;
use super::reader::Reader;
use super::{EncodeError, Parameters, Scts, SmsAddress, StatusOutcome, status_outcome};
use crate::codec::{DecodeError, Warning};

const MORE_MESSAGES: u8 = 0x04;

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
    /// What follows the status.
    pub parameters: Parameters,
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
            parameters: Parameters::NONE,
        }
    }

    /// What the status says about the message.
    #[must_use]
    pub const fn outcome(&self) -> StatusOutcome {
        status_outcome(self.status)
    }

    /// The TPDU without SMSC prefix.
    ///
    /// # Errors
    /// When the address or the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let first_octet = self.parameters.announced_in(self.first_octet);
        let mut out = vec![first_octet, self.message_reference];
        self.recipient.write(&mut out)?;
        out.extend(self.scts.0);
        out.extend(self.discharge_time.0);
        out.push(self.status);
        self.parameters.write_indicator(&mut out);
        self.parameters.write_rest(&mut out)?;
        Ok(out)
    }

    pub(super) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let message_reference = reader.octet("TP-MR")?;
        let recipient = SmsAddress::read("TP-RA", reader, warnings)?;
        let scts = Scts::read("TP-SCTS", reader, warnings)?;
        let discharge_time = Scts::read("TP-DT", reader, warnings)?;
        let status = reader.octet("TP-ST")?;
        let mut report = Self::new(message_reference, recipient, scts, discharge_time, status);
        report.parameters = Parameters::read_indicator(reader);
        report.parameters.read_rest(first_octet & HEADER != 0, reader, warnings)?;
        report.first_octet = report.parameters.announced_in(first_octet);
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

    #[test]
    fn octets_behind_the_parameters_are_left_over_with_a_warning() {
        let octets =
            from_hex("06 2A 0C 91 447700091032 60504030201080 60504030301080 00 00 FF FF").unwrap();
        let decoded = Tpdu::from_network(&octets).unwrap();
        assert_eq!((&*decoded.warnings[0].field, decoded.warnings[0].offset), ("TPDU", 26));
    }
}
