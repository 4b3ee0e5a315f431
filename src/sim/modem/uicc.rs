//! The files of the SIM and its PIN counters as `+CRSM` and `+CSIM` show them (3GPP TS 27.007
//! clauses 8.17 and 8.18, TS 31.102 clause 4, TS 51.011 clause 9.2, ETSI TS 102 221 clause 11.1).

use super::command::{Arg, Op};
use super::failure::{INVALID_PARAMETER, NOT_SUPPORTED, SIM_NOT_INSERTED};
use super::{Cx, Step, Subscriber};
use crate::codec::sms::{Shift, encode_gsm7};

/// Elementary files that this SIM has.
const EF_LANGUAGE: u32 = 0x2f05;
const EF_ICCID: u32 = 0x2fe2;
const EF_IMSI: u32 = 0x6f07;
const EF_MSISDN: u32 = 0x6f40;
const EF_GID1: u32 = 0x6f3e;
const EF_SPN: u32 = 0x6f46;
const EF_AD: u32 = 0x6fad;
/// Files of the master file can be read before the PIN was given.
const MASTER_FILE: u32 = 0x2f00;

/// Status words (ETSI TS 102 221 clause 10.2.1).
const SW_OK: u16 = 0x9000;
const SW_WRONG_LENGTH: u16 = 0x6700;
const SW_NOT_ALLOWED: u16 = 0x6982;
const SW_FILE_NOT_FOUND: u16 = 0x6a82;
const SW_RECORD_NOT_FOUND: u16 = 0x6a83;
const SW_WRONG_OFFSET: u16 = 0x6b00;
const SW_UNKNOWN_INSTRUCTION: u16 = 0x6d00;
/// Low four bits: tries that are left.
const SW_TRIES: u16 = 0x63c0;

/// An elementary file.
enum File {
    /// Octets in a row.
    Transparent(Vec<u8>),
    /// One record of a file of records.
    Record(Vec<u8>),
}

impl Subscriber {
    /// The number of the card, 19 digits: country code and issuer of the test network 001-01.
    pub(super) fn iccid(&self) -> String {
        format!("8900101{}", self.imsi.get(3..).unwrap_or_default())
    }

    fn file(&self, id: u32) -> Option<File> {
        Some(match id {
            EF_LANGUAGE => File::Transparent(b"en".to_vec()),
            EF_ICCID => {
                let mut octets = swapped(&self.iccid());
                octets.resize(10, 0xff);
                File::Transparent(octets)
            }
            EF_IMSI => {
                // TS 24.008 clause 10.5.1.4: the first digit shares its octet with the parity.
                let parity = if self.imsi.len() % 2 == 1 { '9' } else { '1' };
                let mut octets = vec![8];
                octets.extend(swapped(&format!("{parity}{}", self.imsi)));
                octets.resize(9, 0xff);
                File::Transparent(octets)
            }
            EF_AD if self.mnc_length == 0 => File::Transparent(vec![0, 0, 0]),
            EF_AD => File::Transparent(vec![0, 0, 0, self.mnc_length]),
            EF_GID1 if !self.group.is_empty() => {
                let mut octets = hex::decode(&self.group).ok()?;
                octets.resize(octets.len().max(4), 0xff);
                File::Transparent(octets)
            }
            EF_SPN if !self.provider.is_empty() => {
                let mut octets = vec![1];
                octets.extend(alpha(&self.provider));
                octets.resize(17, 0xff);
                File::Transparent(octets)
            }
            EF_MSISDN if self.number_on_sim => {
                // Name of 14 octets, then as the numbers of the telephone book.
                let digits = self.number.trim_start_matches('+');
                let number = swapped(digits);
                let kind = if self.number.starts_with('+') { 0x91 } else { 0x81 };
                let mut octets = vec![0xff; 14];
                octets.push(u8::try_from(number.len() + 1).unwrap_or(0xff));
                octets.push(kind);
                octets.extend(number);
                octets.resize(28, 0xff);
                File::Record(octets)
            }
            _ => return None,
        })
    }
}

/// A name as SIMs hold it: in the default alphabet, an octet a character, or in UCS-2 behind 80 (TS
/// 51.011 annex B).
fn alpha(name: &str) -> Vec<u8> {
    if let Some(septets) = encode_gsm7(name, Shift::default()) {
        return septets;
    }
    [0x80].into_iter().chain(name.encode_utf16().flat_map(u16::to_be_bytes)).collect()
}

/// Digits two an octet, the first in the low half; an odd one is filled with F.
fn swapped(digits: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = digits.bytes().map(|digit| digit.wrapping_sub(b'0') & 0x0f).collect();
    nibbles
        .chunks(2)
        .map(|pair| pair.first().copied().unwrap_or(0) | pair.get(1).copied().unwrap_or(0x0f) << 4)
        .collect()
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if !matches!(name, "+CRSM" | "+CSIM") {
        return None;
    }
    if cx.shared.sim_word(cx.state) == "NOT INSERTED" {
        return Some(Step::Fail(SIM_NOT_INSERTED));
    }
    Some(match op {
        Op::Test => Step::Done,
        Op::Set(args) if name == "+CRSM" => restricted_access(cx, args),
        Op::Set(args) => generic_access(cx, args),
        _ => Step::Fail(NOT_SUPPORTED),
    })
}

fn restricted_access(cx: &mut Cx<'_>, args: &[Arg]) -> Step {
    let number = |at: usize| args.get(at).map_or(Some(0), Arg::number);
    let (Some(command), Some(id), Some(p1), Some(p2), Some(p3)) =
        (number(0), number(1), number(2), number(3), number(4))
    else {
        return Step::Fail(INVALID_PARAMETER);
    };
    let is_locked = cx.shared.sim_word(cx.state) != "READY";
    let answer = if is_locked && id & 0xff00 != MASTER_FILE {
        Err(SW_NOT_ALLOWED)
    } else {
        match cx.shared.subscriber.file(id) {
            None => Err(SW_FILE_NOT_FOUND),
            Some(file) => access(&file, command, id, [p1, p2, p3]),
        }
    };
    let (status, data) = answer.map_or_else(|status| (status, None), |data| (SW_OK, Some(data)));
    let [sw1, sw2] = status.to_be_bytes();
    let data = data.map(|data| format!(",\"{}\"", hex::encode_upper(data))).unwrap_or_default();
    cx.say(format!("+CRSM: {sw1},{sw2}{data}"));
    Step::Done
}

/// READ BINARY, READ RECORD and GET RESPONSE; whatever writes is refused.
fn access(file: &File, command: u32, id: u32, p: [u32; 3]) -> Result<Vec<u8>, u16> {
    let [p1, p2, p3] = p;
    let length = usize::try_from(p3).map_err(|_| SW_WRONG_LENGTH)?;
    match (command, file) {
        (176, File::Transparent(octets)) => {
            let offset = usize::try_from(p1 << 8 | p2 & 0xff).map_err(|_| SW_WRONG_OFFSET)?;
            let rest = octets.get(offset..).ok_or(SW_WRONG_OFFSET)?;
            let length = if length == 0 { rest.len() } else { length };
            rest.get(..length).map(<[u8]>::to_vec).ok_or(SW_WRONG_LENGTH)
        }
        (178, File::Record(record)) if p1 == 1 => {
            let length = if length == 0 { record.len() } else { length };
            if length == record.len() { Ok(record.clone()) } else { Err(SW_WRONG_LENGTH) }
        }
        (178, File::Record(_)) => Err(SW_RECORD_NOT_FOUND),
        // TS 51.011 clause 9.2.1: size, identifier, an elementary file, its conditions of access,
        // its structure.
        (192, file) => {
            let (size, structure, record) = match file {
                File::Transparent(octets) => (octets.len(), 0, 0),
                File::Record(record) => (record.len(), 1, record.len()),
            };
            let size = u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes();
            let id = u16::try_from(id).unwrap_or(u16::MAX).to_be_bytes();
            let record = u8::try_from(record).unwrap_or(u8::MAX);
            let mut header = vec![0, 0, size[0], size[1], id[0], id[1], 4, 0];
            header.extend([0x11, 0xff, 0xff, 1, 2, structure, record]);
            Ok(header)
        }
        (214 | 220, _) => Err(SW_NOT_ALLOWED),
        _ => Err(SW_UNKNOWN_INSTRUCTION),
    }
}

/// `+CSIM`: an APDU as it is. VERIFY PIN and UNBLOCK PIN without data ask for the tries left
/// (ETSI TS 102 221 clauses 11.1.9 and 11.1.13), which is how hosts learn them.
fn generic_access(cx: &mut Cx<'_>, args: &[Arg]) -> Step {
    let (Some(length), Some(text)) = (args.first().and_then(Arg::number), args.get(1)) else {
        return Step::Fail(INVALID_PARAMETER);
    };
    let Ok(apdu) = hex::decode(&text.text) else { return Step::Fail(INVALID_PARAMETER) };
    if usize::try_from(length) != Ok(text.text.len()) {
        return Step::Fail(INVALID_PARAMETER);
    }
    let tries = |left: u8| SW_TRIES | u16::from(left & 0x0f);
    let status = match apdu.as_slice() {
        [_, 0x20, 0, 0x01, 0] => tries(cx.state.pin.tries),
        [_, 0x20, 0, 0x81, 0] => tries(3),
        [_, 0x2c, 0, 0x01, 0] => tries(cx.state.pin.puk_tries),
        [_, 0x2c, 0, 0x81, 0] => tries(10),
        _ => SW_UNKNOWN_INSTRUCTION,
    };
    cx.say(format!("+CSIM: 4,\"{status:04X}\""));
    Step::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: u32) -> String {
        let file = Subscriber::default().file(id).unwrap();
        let command = if matches!(file, File::Record(_)) { 178 } else { 176 };
        let p1 = u32::from(command == 178);
        hex::encode_upper(access(&file, command, id, [p1, 0, 0]).unwrap())
    }

    /// Worked by hand from TS 31.102 clauses 4.2.2, 4.2.18, 4.2.26 and ETSI TS 102 221 clause 13.2.
    #[test]
    fn files_hold_what_the_standards_put_into_them() {
        assert_eq!(read(EF_IMSI), "080910101032547698");
        assert_eq!(read(EF_ICCID), "980001010121436587F9");
        assert_eq!(read(EF_AD), "00000002");
        assert_eq!(
            read(EF_MSISDN),
            format!("{}0791447700090010{}", "FF".repeat(14), "FF".repeat(6))
        );
    }

    #[test]
    fn reading_past_the_end_is_told_and_nothing_is_written() {
        let file = Subscriber::default().file(EF_AD).unwrap();
        assert_eq!(access(&file, 176, EF_AD, [0, 0, 5]), Err(SW_WRONG_LENGTH));
        assert_eq!(access(&file, 176, EF_AD, [0, 9, 1]), Err(SW_WRONG_OFFSET));
        assert_eq!(access(&file, 176, EF_AD, [0, 3, 1]), Ok(vec![2]));
        assert_eq!(access(&file, 214, EF_AD, [0, 0, 4]), Err(SW_NOT_ALLOWED));
        assert!(Subscriber::default().file(0x6f3e).is_none());
    }
}
