//! SMS-COMMAND (3GPP TS 23.040 clause 9.2.2.4).

use bytes::Bytes;

use super::reader::Reader;
use super::{EncodeError, SmsAddress};
use crate::codec::{DecodeError, Warning};

/// Octets of command data that fit behind the longest address (clause 9.2.3.21).
const MAX_DATA: usize = 146;

/// What the subscriber wants done with a message that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The first octet with its flags.
    pub first_octet: u8,
    /// TP-Message-Reference of the command.
    pub message_reference: u8,
    /// TP-Protocol-Identifier.
    pub pid: u8,
    /// TP-Command-Type (clause 9.2.3.19).
    pub command_type: u8,
    /// TP-Message-Number: the reference of the message it is about.
    pub message_number: u8,
    /// TP-Destination-Address.
    pub destination: SmsAddress,
    /// TP-Command-Data.
    pub data: Bytes,
}

impl Command {
    /// The TPDU.
    ///
    /// # Errors
    /// When the address or the data does not fit.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let octets = self.data.len();
        let length = u8::try_from(octets).map_err(|_| EncodeError::CommandData { octets })?;
        if octets > MAX_DATA {
            return Err(EncodeError::CommandData { octets });
        }
        let mut out = vec![
            self.first_octet,
            self.message_reference,
            self.pid,
            self.command_type,
            self.message_number,
        ];
        self.destination.write(&mut out)?;
        out.push(length);
        out.extend_from_slice(&self.data);
        Ok(out)
    }

    pub(super) fn read(
        first_octet: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let message_reference = reader.octet("TP-MR")?;
        let pid = reader.octet("TP-PID")?;
        let command_type = reader.octet("TP-CT")?;
        let message_number = reader.octet("TP-MN")?;
        let destination = SmsAddress::read("TP-DA", reader, warnings)?;
        let offset = reader.offset();
        let announced = usize::from(reader.octet("TP-CDL")?);
        let present = reader.rest();
        if announced != present.len() {
            let text = format!("announces {announced} octets of data, {} are there", present.len());
            warnings.push(Warning::forgiven("TP-CDL", offset, text));
        }
        let data = present.get(..announced).unwrap_or(present);
        if data.len() > MAX_DATA {
            let text = format!("{} octets of data, there are at most {MAX_DATA}", data.len());
            warnings.push(Warning::forgiven("TP-CD", offset + 1, text));
        }
        Ok(Self {
            first_octet,
            message_reference,
            pid,
            command_type,
            message_number,
            destination,
            data: Bytes::copy_from_slice(data),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::codec::sms::{EncodeError, Tpdu, from_hex};

    #[test]
    fn enquiry_and_command_with_data() {
        for hex in ["22 05 00 00 2A 0C 91 447700091032 00", "02 05 00 02 2A 05 81 6888F8 02 AABB"] {
            let octets = from_hex(hex).unwrap();
            let decoded = Tpdu::from_mobile(&octets).unwrap();
            assert_eq!(decoded.warnings, []);
            assert_eq!(decoded.value.encode().unwrap(), octets);
            let Tpdu::Command(mut command) = decoded.value else { panic!() };
            assert_eq!(command.message_number, 0x2a);
            command.data = vec![0; 147].into();
            assert_eq!(command.encode(), Err(EncodeError::CommandData { octets: 147 }));
        }
    }

    #[test]
    fn more_data_than_fits_is_read_with_a_warning() {
        let mut octets = from_hex("02 05 00 02 2A 05 81 6888F8 93").unwrap();
        octets.extend([0xAA; 147]);
        let decoded = Tpdu::from_mobile(&octets).unwrap();
        let warning = &decoded.warnings[0];
        assert_eq!((&*warning.field, warning.offset), ("TP-CD", 11));
    }

    #[test]
    fn data_cut_or_padded_is_a_warning() {
        for hex in ["02 05 00 02 2A 05 81 6888F8 03 AABB", "02 05 00 02 2A 05 81 6888F8 01 AABB"] {
            let decoded = Tpdu::from_mobile(&from_hex(hex).unwrap()).unwrap();
            let warning = &decoded.warnings[0];
            assert_eq!((&*warning.field, warning.offset), ("TP-CDL", 10));
        }
    }
}
