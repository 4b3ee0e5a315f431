//! Numbers and texts inside PDUs: the address of a service centre and a TPDU as modems show and
//! take them (3GPP TS 27.005 clause 3.1, TS 23.040 clauses 9.1.2.5 and 9.2.2).

use mm1gate::codec::sms::Tpdu;

use super::MARK;
use super::pseudonyms::Pseudonyms;

/// Octets of a service centre's address, at most (TS 24.011 clause 8.2.5.1).
const MAX_SMSC: usize = 12;
/// Digits of an address, at most (TS 23.040 clause 9.1.2.5).
const MAX_DIGITS: usize = 20;
/// Digits of a number that belongs to nobody: short codes.
const SHORT_CODE: usize = 4;
/// Elements of a user data header that tell nothing of a person: parts, ports, languages.
const HARMLESS: [u8; 6] = [0x00, 0x04, 0x05, 0x08, 0x24, 0x25];

/// The PDU without numbers and texts. What cannot be followed to its very last octet loses every
/// octet behind its first.
pub(super) fn pdu(octets: &[u8], numbers: &mut Pseudonyms) -> Vec<u8> {
    // Few modems leave the service centre out.
    for with_centre in [true, false] {
        let mut clean = octets.to_vec();
        if whole(&mut clean, with_centre, numbers).is_some() {
            return clean;
        }
    }
    let mut clean = octets.to_vec();
    clean.iter_mut().skip(1).for_each(|octet| *octet = 0);
    clean
}

fn whole(octets: &mut [u8], with_centre: bool, numbers: &mut Pseudonyms) -> Option<()> {
    let mut digits = Vec::new();
    let start = if with_centre { centre(octets, &mut digits)? } else { 0 };
    let tpdu = octets.get_mut(start..)?;
    let is_ours = has_mark(tpdu);
    take_apart(tpdu, is_ours, start, &mut digits)?;
    // Only now is it sure that these were addresses.
    for (at, count) in digits {
        semi_octets(octets.get_mut(at..)?, count, numbers);
    }
    Some(())
}

/// Where semi-octets begin, and how many digits there are.
type Digits = Vec<(usize, usize)>;

/// The length of the service centre's address with its length.
fn centre(octets: &[u8], digits: &mut Digits) -> Option<usize> {
    let length = usize::from(*octets.first()?);
    if length == 0 {
        return Some(1);
    }
    let is_type = octets.get(1)? & 0x80 != 0;
    if !is_type || length > MAX_SMSC {
        return None;
    }
    digits.push((2, (length - 1) * 2));
    Some(length + 1)
}

/// Clears what a TPDU tells in words and notes where its digits are; `from` is where it begins.
fn take_apart(tpdu: &mut [u8], is_ours: bool, from: usize, digits: &mut Digits) -> Option<()> {
    let first = *tpdu.first()?;
    let mut at = match first & 0x03 {
        0 => address(tpdu, 1, from, digits)?,
        1 | 2 => address(tpdu, 2, from, digits)?,
        _ => return None,
    };
    let coding = match first & 0x03 {
        // SMS-DELIVER: TP-PID, TP-DCS, TP-SCTS.
        0 => {
            at += 9;
            *tpdu.get(at - 8)?
        }
        // SMS-SUBMIT: TP-PID, TP-DCS, TP-VP.
        1 => {
            let validity = match first >> 3 & 0x03 {
                0 => 0,
                2 => 1,
                _ => 7,
            };
            at += 2 + validity;
            *tpdu.get(at - 1 - validity)?
        }
        // SMS-STATUS-REPORT: TP-SCTS, TP-DT, TP-ST, and what TP-PI announces.
        _ => {
            at += 15;
            let Some(indicator) = tpdu.get(at).copied() else {
                return (tpdu.len() == at).then_some(());
            };
            at += 1 + usize::from(indicator & 1);
            let coding = if indicator & 2 == 0 { 0 } else { *tpdu.get(at)? };
            at += usize::from(indicator >> 1 & 1);
            if indicator & 4 == 0 {
                return (tpdu.len() == at).then_some(());
            }
            coding
        }
    };
    let length = usize::from(*tpdu.get(at)?);
    let data = tpdu.get_mut(at + 1..)?;
    let octets = if is_seven_bit(coding) { (length * 7).div_ceil(8) } else { length };
    if data.len() != octets {
        return None;
    }
    let header = if first & 0x40 != 0 { usize::from(*data.first()?) + 1 } else { 0 };
    elements(data.get_mut(..header)?)?;
    if !is_ours {
        // Zeros are '@' in the 7 bit alphabet, NUL otherwise.
        data.get_mut(header..)?.fill(0);
    }
    Some(())
}

/// Behind an address; a name in it is cleared, digits are noted.
fn address(tpdu: &mut [u8], at: usize, from: usize, digits: &mut Digits) -> Option<usize> {
    let count = usize::from(*tpdu.get(at)?);
    let kind = *tpdu.get(at + 1)?;
    if kind & 0x80 == 0 || count > MAX_DIGITS {
        return None;
    }
    let end = at + 2 + count.div_ceil(2);
    let value = tpdu.get_mut(at + 2..end)?;
    // Clause 9.1.2.5: a name in the 7 bit alphabet.
    if kind >> 4 & 0x07 == 0x05 {
        value.fill(0);
    } else {
        digits.push((from + at + 2, count));
    }
    Some(end)
}

/// Clears the elements of a user data header that may tell of somebody.
fn elements(header: &mut [u8]) -> Option<()> {
    let mut at = 1;
    while at < header.len() {
        let (element, length) = (*header.get(at)?, usize::from(*header.get(at + 1)?));
        let value = header.get_mut(at + 2..at + 2 + length)?;
        if !HARMLESS.contains(&element) {
            value.fill(0);
        }
        at += 2 + length;
    }
    Some(())
}

/// Whether TP-UDL counts septets (TS 23.038 clause 4).
const fn is_seven_bit(coding: u8) -> bool {
    match coding >> 4 {
        0x0..=0x7 => coding & 0x20 == 0 && matches!(coding >> 2 & 0x03, 0 | 3),
        0x8..=0xB | 0xE => coding >> 4 != 0xE,
        0xC | 0xD => true,
        _ => coding & 0x04 == 0,
    }
}

/// The suite's own text.
fn has_mark(tpdu: &[u8]) -> bool {
    let ways = [Tpdu::from_network(tpdu).ok(), Tpdu::from_mobile(tpdu).ok()];
    ways.into_iter().flatten().any(|decoded| {
        let text = match &decoded.value {
            Tpdu::Deliver(deliver) => deliver.text(),
            Tpdu::Submit(submit) => submit.text(),
            _ => None,
        };
        text.is_some_and(|text| text.contains(MARK))
    })
}

/// Replaces the digits of an address, two an octet; `*`, `#` and letters stay where they are.
fn semi_octets(octets: &mut [u8], count: usize, numbers: &mut Pseudonyms) {
    let nibble = |octets: &[u8], at: usize| {
        octets.get(at / 2).map(|octet| if at.is_multiple_of(2) { octet & 0x0f } else { octet >> 4 })
    };
    let mut at = 0;
    while at < count {
        let run: String = (at..count)
            .map_while(|at| nibble(octets, at).filter(|it| *it < 10))
            .map(|it| char::from(b'0' + it))
            .collect();
        // A run behind a letter belongs to the number before it.
        if run.len() > SHORT_CODE || numbers.knows(&run) || (at > 0 && !run.is_empty()) {
            for (digit, at) in numbers.of(&run).bytes().zip(at..) {
                if let Some(octet) = octets.get_mut(at / 2) {
                    let value = digit.wrapping_sub(b'0') & 0x0f;
                    let kept = if at % 2 == 0 { *octet & 0xf0 } else { *octet & 0x0f };
                    *octet = kept | if at % 2 == 0 { value } else { value << 4 };
                }
            }
        }
        at += run.len() + 1;
    }
}
