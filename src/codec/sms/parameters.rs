//! TP-Parameter-Indicator and what it announces (3GPP TS 23.040 clause 9.2.3.27).

use super::reader::Reader;
use super::{Dcs, EncodeError, UserData};
use crate::codec::{DecodeError, Warning};

const PID: u8 = 0x01;
const DCS: u8 = 0x02;
const USER_DATA: u8 = 0x04;
const EXTENSION: u8 = 0x80;
/// TP-UDHI, in the first octet of the TPDU.
pub(super) const HEADER: u8 = 0x40;

/// The optional fields at the end of a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// The indicator: one octet, more where their extension bit is set, none when nothing follows.
    pub indicator: Vec<u8>,
    /// TP-Protocol-Identifier.
    pub pid: Option<u8>,
    /// TP-Data-Coding-Scheme.
    pub dcs: Option<Dcs>,
    /// TP-User-Data.
    pub user_data: Option<UserData>,
}

impl Parameters {
    /// No indicator and nothing behind it.
    pub const NONE: Self = Self { indicator: Vec::new(), pid: None, dcs: None, user_data: None };

    /// An indicator that announces these fields, and they.
    #[must_use]
    pub fn new(pid: Option<u8>, dcs: Option<Dcs>, user_data: Option<UserData>) -> Self {
        let mut indicator = 0;
        for (there, bit) in
            [(pid.is_some(), PID), (dcs.is_some(), DCS), (user_data.is_some(), USER_DATA)]
        {
            indicator |= if there { bit } else { 0 };
        }
        Self { indicator: vec![indicator], pid, dcs, user_data }
    }

    /// The first octet of the TPDU, its TP-UDHI as the user data has it: a header without elements
    /// is not written.
    pub(super) fn announced_in(&self, first_octet: u8) -> u8 {
        let has_header = self.user_data.as_ref().is_some_and(|data| !data.udh.is_empty());
        if has_header { first_octet | HEADER } else { first_octet & !HEADER }
    }

    /// Reads the indicator; nothing is announced where the octets end.
    pub(super) fn read_indicator(reader: &mut Reader<'_>) -> Self {
        let mut parameters = Self::NONE;
        while let Ok(octet) = reader.octet("TP-PI") {
            parameters.indicator.push(octet);
            if octet & EXTENSION == 0 {
                break;
            }
        }
        parameters
    }

    /// Reads what the indicator announced. A field that is not there is a warning, since what
    /// stands before it is known by then; octets behind the last one are one too.
    pub(super) fn read_rest(
        &mut self,
        has_header: bool,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), DecodeError> {
        let announced = self.indicator.first().copied().unwrap_or_default();
        let mut missing = |field: &'static str, offset: usize| {
            let text = "announced by TP-PI, but not there";
            warnings.push(Warning::forgiven(field, offset, text));
        };
        let mut optional = |bit: u8, field: &'static str| {
            if announced & bit == 0 {
                return None;
            }
            let offset = reader.offset();
            let octet = reader.octet(field).ok();
            if octet.is_none() {
                missing(field, offset);
            }
            octet
        };
        self.pid = optional(PID, "TP-PID");
        self.dcs = optional(DCS, "TP-DCS").map(Dcs);
        if announced & USER_DATA != 0 {
            if reader.is_empty() {
                missing("TP-UDL", reader.offset());
            } else {
                let dcs = self.dcs.unwrap_or(Dcs::GSM7);
                self.user_data = Some(UserData::read(has_header, dcs, reader, warnings)?);
            }
        }
        let offset = reader.offset();
        let left = reader.rest();
        if !left.is_empty() {
            let text = format!("{} octets are left over, passed over", left.len());
            warnings.push(Warning::forgiven("TPDU", offset, text));
        }
        Ok(())
    }

    pub(super) fn write_indicator(&self, out: &mut Vec<u8>) {
        out.extend(&self.indicator);
    }

    pub(super) fn write_rest(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend(self.pid);
        out.extend(self.dcs.map(|dcs| dcs.0));
        match &self.user_data {
            Some(data) => data.write(out),
            None => Ok(()),
        }
    }
}
