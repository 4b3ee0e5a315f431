//! The files of the SIM that tell whose it is (3GPP TS 31.102 clauses 4.2.12 `EF_SPN`, 4.2.18 `EF_AD`,
//! 4.2.10 `EF_GID1`; TS 51.011 clauses 10.3.11, 10.3.18, 10.3.8), read by `+CRSM` (TS 27.007 clause
//! 8.18).

use super::ModemError;
use super::driver::Driver;
use crate::codec::at::{fields, value_behind};
use crate::codec::sms::{Shift, decode_gsm7};

const EF_AD: u16 = 0x6fad;
const EF_SPN: u16 = 0x6f46;
const EF_GID1: u16 = 0x6f3e;

/// Longest file that is read: a record of `EF_GID1` has a few octets, `EF_SPN` 17.
const MAX_FILE: usize = 255;

/// What a SIM tells of its operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimFiles {
    /// Digits of the MNC in the IMSI: 2 or 3. None where the file does not say.
    pub mnc_length: Option<u8>,
    /// The service provider's name; empty when the SIM has none. None: it could not be read.
    pub spn: Option<String>,
    /// The group identifier in hexadecimal digits without what fills it up; empty when the SIM has
    /// none. None: it could not be read.
    pub gid1: Option<String>,
}

/// What became of an attempt to read a file.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Its octets.
    Read(Vec<u8>),
    /// The SIM has no such file.
    Absent,
    /// It has so many octets, and wants to be asked for just as many.
    Length(u8),
    /// Asked for a number of octets that it has not.
    WrongLength,
    /// The modem does not know the command, or the SIM does not let it.
    Untold,
}

impl Driver {
    /// Reads the three files; one that cannot be read is not told.
    pub(super) async fn ask_sim_files(&mut self) -> Result<SimFiles, ModemError> {
        let mnc_length = match self.read_file(EF_AD, 4).await? {
            Answer::Read(octets) => mnc_length(&octets),
            _ => None,
        };
        let spn = match self.read_file(EF_SPN, 17).await? {
            Answer::Read(octets) => Some(provider_name(&octets)),
            Answer::Absent => Some(String::new()),
            _ => None,
        };
        let gid1 = match self.read_file(EF_GID1, 0).await? {
            Answer::Read(octets) => Some(group(&octets)),
            Answer::Absent => Some(String::new()),
            _ => None,
        };
        Ok(SimFiles { mnc_length, spn, gid1 })
    }

    /// READ BINARY with the length that the file usually has (0: whatever it has); where the card
    /// wants another one it is asked for that, and where it does not say which, for the file's size.
    async fn read_file(&mut self, file: u16, usual: u8) -> Result<Answer, ModemError> {
        let length = match self.access(176, file, usual).await? {
            Answer::Length(length) => length,
            Answer::WrongLength => match self.access(192, file, 0).await? {
                Answer::Read(head) => match size(&head) {
                    Some(size) => size,
                    None => return Ok(Answer::Untold),
                },
                Answer::Length(length) => match self.access(192, file, length).await? {
                    Answer::Read(head) => match size(&head) {
                        Some(size) => size,
                        None => return Ok(Answer::Untold),
                    },
                    other => return Ok(other),
                },
                other => return Ok(other),
            },
            other => return Ok(other),
        };
        match self.access(176, file, length).await? {
            Answer::Length(_) | Answer::WrongLength => Ok(Answer::Untold),
            other => Ok(other),
        }
    }

    /// `AT+CRSM=<command>,<fileid>,0,0,<length>`.
    async fn access(&mut self, command: u8, file: u16, length: u8) -> Result<Answer, ModemError> {
        let limit = self.command_timeout();
        let text = format!("AT+CRSM={command},{file},0,0,{length}");
        let response = self.at()?.optional(&text, limit).await?;
        let told = response.lines.iter().find_map(|line| answer_in(line));
        Ok(told.unwrap_or(Answer::Untold))
    }
}

/// `+CRSM: <sw1>,<sw2>[,<response>]`, the response in quotation marks or without.
fn answer_in(line: &str) -> Option<Answer> {
    let list = fields(value_behind(line, "+CRSM:")?);
    let sw1: u8 = list.first()?.text.trim().parse().ok()?;
    let sw2: u8 = list.get(1)?.text.trim().parse().ok()?;
    let text = list.get(2).map_or("", |field| field.text.trim());
    // TS 51.011 clause 9.4, ETSI TS 102 221 clause 10.2.1.
    Some(match (sw1, sw2) {
        (0x90, 0) | (0x91 | 0x92 | 0x9e | 0x9f, _) => match hex::decode(text) {
            Ok(octets) if octets.len() <= MAX_FILE => Answer::Read(octets),
            _ => Answer::Untold,
        },
        (0x6a, 0x82) | (0x94, 0x04) => Answer::Absent,
        (0x6c, length) if length > 0 => Answer::Length(length),
        (0x67, _) => Answer::WrongLength,
        _ => Answer::Untold,
    })
}

/// The size of a file in the answer to GET RESPONSE: octets 3 and 4 (TS 51.011 clause 9.2.1), or tag
/// 80 of a template with tag 62 (ETSI TS 102 221 clause 11.1.1.3).
fn size(head: &[u8]) -> Option<u8> {
    let (high, low) = if head.first() == Some(&0x62) {
        let mut rest = head.get(2..)?;
        loop {
            let (tag, length) = (*rest.first()?, usize::from(*rest.get(1)?));
            let value = rest.get(2..2 + length)?;
            if tag == 0x80 {
                break (*value.first()?, *value.get(1)?);
            }
            rest = rest.get(2 + length..)?;
        }
    } else {
        (*head.get(2)?, *head.get(3)?)
    };
    (high == 0 && low > 0).then_some(low)
}

/// The low half of the fourth octet; SIMs from before it was defined have three.
fn mnc_length(octets: &[u8]) -> Option<u8> {
    octets.get(3).map(|octet| octet & 0x0f).filter(|length| matches!(length, 2 | 3))
}

/// Behind the octet of display conditions: the default alphabet with the highest bit 0, or one of the
/// three codings of UCS-2 (TS 31.102 annex A, TS 51.011 annex B); FF fills it up.
fn provider_name(octets: &[u8]) -> String {
    let name = octets.get(1..).unwrap_or_default();
    let text = match name.first() {
        Some(0x80) => {
            let units = name.get(1..).unwrap_or_default().chunks_exact(2);
            let units: Vec<u16> = units
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .take_while(|unit| *unit != 0xffff)
                .collect();
            String::from_utf16_lossy(&units)
        }
        Some(0x81) => {
            let base = u32::from(name.get(2).copied().unwrap_or(0)) << 7;
            half_pages(name.get(1).copied(), base, name.get(3..).unwrap_or_default())
        }
        Some(0x82) => {
            let high = u32::from(name.get(2).copied().unwrap_or(0)) << 8;
            let base = high | u32::from(name.get(3).copied().unwrap_or(0));
            half_pages(name.get(1).copied(), base, name.get(4..).unwrap_or_default())
        }
        _ => {
            let end = name.iter().position(|octet| *octet == 0xff).unwrap_or(name.len());
            decode_gsm7(name.get(..end).unwrap_or_default(), Shift::default())
        }
    };
    // It is shown to people, and compared.
    text.chars().filter(|it| !it.is_control()).collect::<String>().trim().to_owned()
}

/// `count` characters: below 80 of the default alphabet, else in the half page that begins at `base`.
fn half_pages(count: Option<u8>, base: u32, octets: &[u8]) -> String {
    let octets = octets.iter().take(usize::from(count.unwrap_or(0)));
    octets
        .map(|octet| match octet {
            0x00..=0x7f => decode_gsm7(&[*octet], Shift::default()),
            _ => char::from_u32(base + u32::from(octet & 0x7f))
                .map_or_else(String::new, String::from),
        })
        .collect()
}

/// Without the FF that fill it up.
fn group(octets: &[u8]) -> String {
    let end = octets.iter().rposition(|octet| *octet != 0xff).map_or(0, |at| at + 1);
    hex::encode_upper(octets.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_modems_write_them() {
        for (line, told) in [
            ("+CRSM: 144,0,\"00000102\"", Some(Answer::Read(vec![0, 0, 1, 2]))),
            ("+CRSM: 144,0,00000102", Some(Answer::Read(vec![0, 0, 1, 2]))),
            ("+CRSM:144, 0, \"0000ff02\"", Some(Answer::Read(vec![0, 0, 255, 2]))),
            ("+CRSM: 159,4,\"0000\"", Some(Answer::Read(vec![0, 0]))),
            ("+CRSM: 144,0", Some(Answer::Read(Vec::new()))),
            ("+CRSM: 144,0,\"0\"", Some(Answer::Untold)),
            ("+CRSM: 106,130", Some(Answer::Absent)),
            ("+CRSM: 148,4", Some(Answer::Absent)),
            ("+CRSM: 108,3", Some(Answer::Length(3))),
            ("+CRSM: 103,0,\"\"", Some(Answer::WrongLength)),
            ("+CRSM: 105,130", Some(Answer::Untold)),
            ("+CRSM: 300,0", None),
            ("+CRSM: x", None),
            ("+CPIN: READY", None),
        ] {
            assert_eq!(answer_in(line), told, "{line}");
        }
    }

    #[test]
    fn size_is_in_both_forms_of_the_answer() {
        assert_eq!(size(&[0, 0, 0, 17, 0x6f, 0x46, 4]), Some(17));
        assert_eq!(size(&hex::decode("620E8202412183026F3E80020008A503").unwrap()), Some(8));
        for bad in [&[0x62_u8, 4, 0x82, 9][..], &[0, 0, 1, 0], &[0, 0], &[], &[0x62], &[0, 0, 0, 0]]
        {
            assert_eq!(size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn length_of_the_network_code_is_told_or_not() {
        assert_eq!(mnc_length(&[0, 0, 0, 2]), Some(2));
        assert_eq!(mnc_length(&[0, 0, 1, 0xf3]), Some(3));
        for octets in [&[0_u8, 0, 0][..], &[0, 0, 0, 0], &[0, 0, 0, 15], &[]] {
            assert_eq!(mnc_length(octets), None, "{octets:?}");
        }
    }

    /// Worked by hand from TS 51.011 annex B.
    #[test]
    fn provider_name_is_read_in_every_coding() {
        for (octets, name) in [
            ("01676966666761666600FFFFFFFFFFFFFF", "giffgaff@"),
            ("0054656C6961FFFFFFFFFFFFFFFFFFFFFF", "Telia"),
            ("01804E2D56FD79FB52A8FFFFFFFFFFFFFF", "中国移动"),
            // Half page 13, and a capital phi of the default alphabet.
            ("018105139512A6D3B5", "\u{995}\u{3a6}\u{9a6}\u{9d3}\u{9b5}"),
            ("0182030400C1C2C3", "\u{441}\u{442}\u{443}"),
            ("01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", ""),
            ("01", ""),
            ("", ""),
            ("0180", ""),
            ("0181", ""),
            ("018204", ""),
        ] {
            let octets = hex::decode(octets).unwrap();
            assert_eq!(provider_name(&octets), name, "{octets:02x?}");
        }
    }

    #[test]
    fn group_is_what_is_left_without_its_filling() {
        assert_eq!(group(&[0x42, 0xff, 0xff]), "42");
        assert_eq!(group(&[0xff, 0xff]), "");
        assert_eq!(group(&[0xff, 0x01, 0xff]), "FF01");
    }
}
