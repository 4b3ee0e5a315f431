//! SMS-DELIVER-REPORT and SMS-SUBMIT-REPORT (3GPP TS 23.040 clauses 9.2.2.1a and 9.2.2.2a).
//!
//! Each has a form for an acknowledgement and one for an error, which begins with TP-FCS. The layer
//! that carries them tells which it is; here the octet itself does, since a cause is 0x80 or more
//! and no TP-PI is.

use super::parameters::HEADER;
use super::reader::Reader;
use super::{EncodeError, Parameters, Scts};
use crate::codec::{DecodeError, DecodeErrorKind, Warning};

/// Failure causes are this or more (clause 9.2.3.22).
const FIRST_CAUSE: u8 = 0x80;

/// How the mobile took an SMS-DELIVER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverReport {
    /// The first octet with its flags.
    pub first_octet: u8,
    /// TP-Failure-Cause; none when the message was taken.
    pub failure_cause: Option<u8>,
    /// TP-Parameter-Indicator and what it announces.
    pub parameters: Parameters,
}

/// How the service centre took an SMS-SUBMIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitReport {
    /// The first octet with its flags.
    pub first_octet: u8,
    /// TP-Failure-Cause; none when the message was taken.
    pub failure_cause: Option<u8>,
    /// TP-Service-Centre-Time-Stamp of the message.
    pub scts: Scts,
    /// TP-Parameter-Indicator and what it announces.
    pub parameters: Parameters,
}

impl DeliverReport {
    /// The TPDU.
    ///
    /// # Errors
    /// When the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = begin(self.first_octet, &self.parameters, self.failure_cause);
        self.parameters.write_indicator(&mut out);
        self.parameters.write_rest(&mut out)?;
        Ok(out)
    }

    pub(super) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let (failure_cause, mut parameters) = causes(reader)?;
        parameters.read_rest(first_octet & HEADER != 0, reader, warnings)?;
        let first_octet = parameters.announced_in(first_octet);
        Ok(Self { first_octet, failure_cause, parameters })
    }
}

impl SubmitReport {
    /// The TPDU.
    ///
    /// # Errors
    /// When the user data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = begin(self.first_octet, &self.parameters, self.failure_cause);
        self.parameters.write_indicator(&mut out);
        out.extend(self.scts.0);
        self.parameters.write_rest(&mut out)?;
        Ok(out)
    }

    pub(super) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let (failure_cause, mut parameters) = causes(reader)?;
        let scts = Scts::read("TP-SCTS", reader, warnings)?;
        parameters.read_rest(first_octet & HEADER != 0, reader, warnings)?;
        let first_octet = parameters.announced_in(first_octet);
        Ok(Self { first_octet, failure_cause, scts, parameters })
    }
}

fn begin(first_octet: u8, parameters: &Parameters, failure_cause: Option<u8>) -> Vec<u8> {
    let mut out = vec![parameters.announced_in(first_octet)];
    out.extend(failure_cause);
    out
}

/// TP-FCS where there is one, and TP-PI.
fn causes(reader: &mut Reader<'_>) -> Result<(Option<u8>, Parameters), DecodeError> {
    let failure_cause = reader.peek().filter(|octet| *octet >= FIRST_CAUSE);
    if failure_cause.is_some() {
        reader.octet("TP-FCS")?;
    }
    let offset = reader.offset();
    let parameters = Parameters::read_indicator(reader);
    if parameters.indicator.is_empty() {
        return Err(DecodeError { field: "TP-PI", offset, kind: DecodeErrorKind::Truncated });
    }
    Ok((failure_cause, parameters))
}

#[cfg(test)]
mod tests {
    use crate::codec::sms::{Tpdu, from_hex};

    #[test]
    fn delivery_is_acknowledged_or_refused() {
        for (hex, cause) in
            [("00 00", None), ("00 D3 00", Some(0xd3)), ("40 C2 07 7F F6 03 02 70 00", Some(0xc2))]
        {
            let octets = from_hex(hex).unwrap();
            let decoded = Tpdu::from_mobile(&octets).unwrap();
            assert_eq!(decoded.warnings, []);
            let Tpdu::DeliverReport(report) = &decoded.value else { panic!("{decoded:?}") };
            assert_eq!(report.failure_cause, cause);
            assert_eq!(decoded.value.encode().unwrap(), octets);
        }
    }

    #[test]
    fn submission_is_acknowledged_or_refused() {
        for (hex, cause) in [
            ("01 00 60504030201080", None),
            ("01 C4 00 60504030201080", Some(0xc4)),
            ("41 06 60504030201080 04 03 02 70 00", None),
        ] {
            let octets = from_hex(hex).unwrap();
            let decoded = Tpdu::from_network(&octets).unwrap();
            assert_eq!(decoded.warnings, []);
            let Tpdu::SubmitReport(report) = &decoded.value else { panic!("{decoded:?}") };
            assert_eq!(report.failure_cause, cause);
            assert_eq!(decoded.value.encode().unwrap(), octets);
        }
    }

    #[test]
    fn header_without_elements_is_not_written_and_not_announced() {
        let octets = from_hex("40 06 04 04 00 55 AA 77").unwrap();
        let report = Tpdu::from_mobile(&octets).unwrap().value;
        let written = report.encode().unwrap();
        assert_eq!(written, from_hex("00 06 04 03 55 AA 77").unwrap());
        assert_eq!(Tpdu::from_mobile(&written).unwrap().value, report);
    }

    #[test]
    fn report_without_indicator_is_cut() {
        assert_eq!(Tpdu::from_mobile(&[0]).unwrap_err().field, "TP-PI");
        assert_eq!(Tpdu::from_mobile(&[0, 0xd3]).unwrap_err().offset, 2);
    }
}
