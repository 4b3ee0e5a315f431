//! Takes what belongs to a person out of a transcript: numbers, IMSI, IMEI, ICCID, PIN, passwords,
//! cells and texts. Each is replaced by another of the same length, the same one everywhere, also
//! inside TPDUs, so that lengths and PDUs stay valid (3GPP TS 23.040 clause 9.2).

use std::collections::BTreeMap;

use super::transcript::{Transcript, What};

/// Texts with this word are the suite's own and stay.
pub(crate) const MARK: &str = "mm1gate hil";
/// Shortest run of digits in an AT line that may be a person's.
const MIN_DIGITS: usize = 10;
/// Shortest line of hexadecimal digits that is a PDU.
const MIN_PDU: usize = 14;

/// What the rig knows to be secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    /// Numbers, with or without plus: own, peer.
    pub(crate) numbers: Vec<String>,
    /// PIN.
    pub(crate) pin: Option<String>,
    /// Passwords, user names.
    pub(crate) words: Vec<String>,
}

/// Replaces consistently over one transcript.
#[derive(Default)]
pub(crate) struct Scrubber {
    digits: BTreeMap<String, String>,
    secrets: Secrets,
}

impl Scrubber {
    pub(crate) fn new(secrets: Secrets) -> Self {
        let mut scrubber = Self { digits: BTreeMap::new(), secrets };
        // The rig's numbers come first, so that they are the same in all its transcripts.
        for number in scrubber.secrets.numbers.clone() {
            scrubber.number(&number);
        }
        scrubber
    }

    /// The transcript without what is private.
    ///
    /// # Errors
    /// When something that the rig calls secret is still in it.
    pub(crate) fn scrub(&mut self, transcript: &Transcript) -> Result<Transcript, String> {
        let mut clean = transcript.clone();
        for value in clean.facts.values_mut() {
            *value = self.text(value);
        }
        for event in &mut clean.events {
            if let What::Sent(octets) | What::Received(octets) = &mut event.what {
                *octets = self.octets(octets);
            }
        }
        self.look(&clean)?;
        Ok(clean)
    }

    fn octets(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut clean = Vec::new();
        for piece in octets.split_inclusive(|octet| matches!(octet, b'\r' | b'\n' | 0x1a)) {
            let end = piece.len() - usize::from(matches!(piece.last(), Some(b'\r' | b'\n' | 0x1a)));
            let (body, tail) = piece.split_at(end);
            match std::str::from_utf8(body) {
                Ok(text) => clean.extend(self.line(text).bytes()),
                // No modem's word: noise of the line stays.
                Err(_) => clean.extend(body),
            }
            clean.extend(tail);
        }
        clean
    }

    fn line(&mut self, text: &str) -> String {
        let is_hex = text.len() >= MIN_PDU
            && text.len().is_multiple_of(2)
            && text.bytes().all(|digit| digit.is_ascii_hexdigit())
            && (text.len() > 22 || text.bytes().any(|digit| !digit.is_ascii_digit()));
        if is_hex && let Ok(octets) = hex::decode(text) {
            return hex::encode_upper(self.pdu(&octets));
        }
        let clean = self.text(text);
        // TS 27.007 clauses 7.2, 10.1.20, 10.1.22: the area and the cell are places.
        let names = ["+CREG:", "+CGREG:", "+CEREG:"];
        if names.iter().any(|name| clean.starts_with(name)) { cells(&clean) } else { clean }
    }

    /// Digits that may be a person's, PIN and words in a text.
    fn text(&mut self, text: &str) -> String {
        let mut clean = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let end = rest[start..]
                .find(|c: char| !c.is_ascii_digit())
                .map_or(rest.len(), |length| start + length);
            let (before, digits) = (&rest[..start], &rest[start..end]);
            clean.push_str(before);
            let is_number = before.ends_with('+') && digits.len() > 4;
            if digits.len() >= MIN_DIGITS || is_number || self.digits.contains_key(digits) {
                clean.push_str(&self.pseudonym(digits));
            } else {
                clean.push_str(digits);
            }
            rest = &rest[end..];
        }
        clean.push_str(rest);
        for word in self.secrets.words.iter().filter(|word| !word.is_empty()) {
            clean =
                clean.replace(&format!("\"{word}\""), &format!("\"{}\"", "x".repeat(word.len())));
        }
        if let Some(pin) = &self.secrets.pin {
            clean = clean.replace(&format!("\"{pin}\""), &format!("\"{}\"", "0".repeat(pin.len())));
        }
        clean
    }

    fn number(&mut self, number: &str) -> String {
        let digits = number.trim_start_matches('+').to_owned();
        self.pseudonym(&digits)
    }

    /// Digits of the same length; the same ones give the same.
    fn pseudonym(&mut self, digits: &str) -> String {
        if let Some(known) = self.digits.get(digits) {
            return known.clone();
        }
        // A second look at clean text changes nothing.
        if self.digits.values().any(|known| known == digits) {
            return digits.to_owned();
        }
        let count = self.digits.len() + 1;
        // Numbers of the range for fiction, the test network's IMSI, the IMEI for tests.
        let prefix = match digits.len() {
            0..=9 => "90",
            15 if digits.starts_with("00499901") => "00499901",
            15 => "00101",
            19.. => "8900101",
            _ => "447700900",
        };
        let room = digits.len().saturating_sub(prefix.len());
        let tail = format!("{count:0>room$}");
        let all = format!("{prefix}{tail}");
        let value: String = all.chars().skip(all.len().saturating_sub(digits.len())).collect();
        self.digits.insert(digits.to_owned(), value.clone());
        value
    }

    /// An SMSC's address and a TPDU: numbers and text replaced in place. What cannot be followed
    /// loses every octet behind its first.
    fn pdu(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut clean = octets.to_vec();
        if self.walk(&mut clean).is_none() {
            clean.iter_mut().skip(1).for_each(|octet| *octet = 0);
        }
        clean
    }

    fn walk(&mut self, octets: &mut [u8]) -> Option<()> {
        let smsc = usize::from(*octets.first()?);
        if smsc > 0 {
            let digits = (smsc - 1) * 2;
            self.semi_octets(octets.get_mut(2..=smsc)?, digits);
        }
        let tpdu = octets.get_mut(smsc + 1..)?;
        let first = *tpdu.first()?;
        // Clause 9.2.3.1: SMS-DELIVER, SMS-SUBMIT, SMS-STATUS-REPORT; the direction is told by
        // the length of what stands before the address.
        let (address, behind) = match first & 0x03 {
            0 => (1, 1 + 1 + 7),
            1 => {
                let validity = match first >> 3 & 0x03 {
                    0 => 0,
                    2 => 1,
                    _ => 7,
                };
                (2, 1 + 1 + validity)
            }
            2 => (2, 0),
            _ => return None,
        };
        let digits = usize::from(*tpdu.get(address)?);
        let kind = *tpdu.get(address + 1)?;
        let length = digits.div_ceil(2);
        let value = tpdu.get_mut(address + 2..address + 2 + length)?;
        // Clause 9.1.2.5: a name instead of digits.
        if kind >> 4 & 0x07 == 0x05 {
            value.fill(0);
        } else {
            self.semi_octets(value, digits);
        }
        if first & 0x03 == 2 {
            return Some(());
        }
        let user_data = address + 2 + length + behind;
        let dcs = *tpdu.get(address + 2 + length + 1)?;
        let has_header = first & 0x40 != 0;
        let data = tpdu.get_mut(user_data + 1..)?;
        let header = if has_header { usize::from(*data.first()?) + 1 } else { 0 };
        let is_ours = mm1gate::codec::sms::Tpdu::from_network(octets.get(smsc + 1..)?)
            .ok()
            .and_then(|tpdu| own_text(&tpdu.value))
            .or_else(|| {
                let tpdu = mm1gate::codec::sms::Tpdu::from_mobile(octets.get(smsc + 1..)?).ok()?;
                own_text(&tpdu.value)
            });
        if is_ours.is_none() {
            let data = octets.get_mut(smsc + 1 + user_data + 1..)?;
            // Zeros are '@' in 7 bit, NUL otherwise; the header with its ports stays.
            let _ = dcs;
            data.get_mut(header..)?.fill(0);
        }
        Some(())
    }

    /// Replaces the digits of an address, two an octet.
    fn semi_octets(&mut self, octets: &mut [u8], count: usize) {
        let nibbles = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]);
        let digits: String =
            nibbles.take(count).take_while(|it| *it < 10).map(|it| (b'0' + it) as char).collect();
        if digits.len() < 5 && !self.digits.contains_key(&digits) {
            // Short codes belong to nobody.
            return;
        }
        let clean = self.pseudonym(&digits);
        for (at, digit) in clean.bytes().enumerate() {
            if let Some(octet) = octets.get_mut(at / 2) {
                let value = digit.wrapping_sub(b'0') & 0x0f;
                *octet =
                    if at % 2 == 0 { *octet & 0xf0 | value } else { *octet & 0x0f | value << 4 };
            }
        }
    }

    /// Nothing that the rig calls secret is left, in digits or in semi-octets.
    fn look(&self, clean: &Transcript) -> Result<(), String> {
        let text = clean.to_text();
        for (secret, value) in &self.digits {
            if secret == value || secret.len() < 5 {
                continue;
            }
            let swapped: String = secret
                .as_bytes()
                .chunks(2)
                .filter(|pair| pair.len() == 2)
                .flat_map(|pair| [char::from(pair[1]), char::from(pair[0])])
                .collect();
            let hex = text.to_ascii_uppercase();
            if hex.contains(secret.as_str()) || (swapped.len() >= 8 && hex.contains(&swapped)) {
                return Err(format!("a number of {} digits would still be told", secret.len()));
            }
        }
        for word in self.secrets.words.iter().filter(|word| word.len() > 3) {
            if text.contains(word.as_str()) {
                return Err("a user name or password would still be told".to_owned());
            }
        }
        Ok(())
    }
}

fn own_text(tpdu: &mm1gate::codec::sms::Tpdu) -> Option<()> {
    use mm1gate::codec::sms::Tpdu;
    let text = match tpdu {
        Tpdu::Deliver(deliver) => deliver.text(),
        Tpdu::Submit(submit) => submit.text(),
        _ => None,
    };
    text.filter(|text| text.contains(MARK)).map(drop)
}

/// Every quoted value of a registration line, digit for digit.
fn cells(line: &str) -> String {
    let mut quoted = false;
    line.chars()
        .map(|c| match c {
            '"' => {
                quoted = !quoted;
                c
            }
            c if quoted && c.is_ascii_hexdigit() => '1',
            c => c,
        })
        .collect()
}

/// Private things go, in lines and inside PDUs; the suite's own texts and all lengths stay.
pub(crate) fn check() -> Result<(), String> {
    use super::transcript::{Event, PortName};
    // SMS-DELIVER from 12345678901 by way of +447802000332, 7 bit "hi" (hand-made).
    let pdu = "079144872000302304 0B91 2143658709F1 0000 62111200000000 02 E834".replace(' ', "");
    let lines = format!(
        "\r\n+CMGL: 1,1,,22\r\n{pdu}\r\n\r\nOK\r\n\r\n234157812345678\r\n+CREG: 2,1,\"1A2B\",\"01\"\r\n"
    );
    let received = What::Received(lines.clone().into_bytes());
    let sent = What::Sent(b"AT+CPIN=\"4711\"\r".to_vec());
    let events = [received, sent].map(|what| Event {
        at: std::time::Duration::ZERO,
        port: PortName::Data,
        what,
    });
    let facts = [("own".to_owned(), "+12345678901".to_owned())].into();
    let transcript = Transcript { facts, events: events.into() };
    let secrets = Secrets {
        numbers: vec!["+12345678901".to_owned()],
        pin: Some("4711".to_owned()),
        words: Vec::new(),
    };
    let clean = Scrubber::new(secrets.clone()).scrub(&transcript)?;
    let text = clean.to_text();
    for private in ["12345678901", "2143658709F1", "4711", "234157812345678", "1A2B", "E834"] {
        if text.contains(private) {
            return Err(format!("{private} is still in {text}"));
        }
    }
    let length = |transcript: &Transcript| transcript.to_text().len();
    if length(&clean) != length(&transcript) {
        return Err(format!("the length changed: {text}"));
    }
    let twice = Scrubber::new(secrets).scrub(&transcript)?;
    if twice != clean {
        return Err("another name each time".to_owned());
    }
    Ok(())
}
