//! TP-User-Data: header, fill bits and body (3GPP TS 23.040 clauses 9.2.3.16 and 9.2.3.24).

use bytes::Bytes;

use super::alphabet::{decode_gsm7, encode_gsm7, pack, unpack};
use super::reader::Reader;
use super::{Alphabet, Dcs, EncodeError, MAX_USER_DATA, Shift, Udh};
use crate::codec::{DecodeError, Warning};

/// The user data of one TPDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserData {
    /// The header; empty when the TP-UDHI bit is off.
    pub udh: Udh,
    /// What follows the header.
    pub body: Body,
}

/// What follows the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// 8-bit data, UCS2 text or compressed text.
    Octets(Bytes),
    /// Unpacked septets of the GSM 7-bit alphabet, one to an octet.
    Septets(Vec<u8>),
}

impl Body {
    /// Units of UCS2, in the order of the network.
    pub(super) fn ucs2(units: &[u16]) -> Self {
        let mut octets = Vec::with_capacity(units.len() * 2);
        for unit in units {
            octets.extend_from_slice(&unit.to_be_bytes());
        }
        Self::Octets(octets.into())
    }
}

/// UCS2, in practice UTF-16, to text in linear time. A byte order mark at the beginning and half a
/// unit at the end are left out.
pub(super) fn decode_ucs2(octets: &[u8]) -> String {
    encoding_rs::UTF_16BE
        .decode_with_bom_removal(octets.get(..octets.len() & !1).unwrap_or_default())
        .0
        .into_owned()
}

impl Default for UserData {
    fn default() -> Self {
        Self { udh: Udh::default(), body: Body::Octets(Bytes::new()) }
    }
}

impl UserData {
    /// Text without header, in the GSM alphabet when it fits and UCS2 otherwise, with the coding
    /// scheme that says so.
    #[must_use]
    pub fn from_text(text: &str) -> (Dcs, Self) {
        let (dcs, body) = match encode_gsm7(text, Shift::default()) {
            Some(septets) => (Dcs::GSM7, Body::Septets(septets)),
            None => {
                let units: Vec<u16> = text.encode_utf16().collect();
                (Dcs::UCS2, Body::ucs2(&units))
            }
        };
        (dcs, Self { udh: Udh::default(), body })
    }

    /// The body as text; none when the coding scheme says that it is data. Septets are read by the
    /// tables that the header names. A character above the Basic Multilingual Plane is two units
    /// of UCS2; half of one, as at the end of a part, becomes U+FFFD: [`super::join_text`] reads
    /// parts together.
    #[must_use]
    pub fn text(&self, dcs: Dcs) -> Option<String> {
        match (&self.body, dcs.alphabet()) {
            (Body::Septets(septets), _) => Some(decode_gsm7(septets, self.udh.shift())),
            (Body::Octets(octets), Alphabet::Ucs2) => Some(decode_ucs2(octets)),
            _ => None,
        }
    }

    /// The body's octets; septets stay one to an octet.
    #[must_use]
    pub fn octets(&self) -> Bytes {
        match &self.body {
            Body::Octets(octets) => octets.clone(),
            Body::Septets(septets) => septets.clone().into(),
        }
    }

    /// Reads the length and everything behind it. TP-UDL is believed where the octets reach, since
    /// padding behind the data occurs; what is there is taken where they do not.
    pub(super) fn read(
        has_header: bool,
        dcs: Dcs,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let length_at = reader.offset();
        let length = usize::from(reader.octet("TP-UDL")?);
        let offset = reader.offset();
        let present = reader.rest();
        let septets = dcs.alphabet() == Alphabet::Gsm7;
        let announced = if septets { (length * 7).div_ceil(8) } else { length };
        // Some count the octets of packed text. Padding behind text that is counted rightly looks
        // alike, but is all zeros or all ones.
        let behind = present.get(announced..).unwrap_or_default();
        let in_octets = septets
            && length == present.len()
            && behind.iter().any(|octet| !matches!(octet, 0 | 0xff));
        let (length, announced) =
            if in_octets { (present.len() * 8 / 7, present.len()) } else { (length, announced) };
        if in_octets {
            let text = "counts octets where septets are due";
            warnings.push(Warning::forgiven("TP-UDL", length_at, text));
        } else if announced != present.len() {
            let there = present.len();
            let text = format!("announces {announced} octets of user data, {there} are there");
            // What is behind counts for nothing; what is not there is lost.
            warnings.push(if announced < there {
                Warning::forgiven("TP-UDL", length_at, text)
            } else {
                Warning::not_understood("TP-UDL", length_at, text)
            });
        } else if announced > MAX_USER_DATA {
            let text = format!("{announced} octets of user data, {MAX_USER_DATA} fit into one SMS");
            warnings.push(Warning::forgiven("TP-UDL", length_at, text));
        }
        let data = present.get(..announced).unwrap_or(present);
        let (udh, header_length) = match data.first() {
            Some(header_length) if has_header => {
                let announced = usize::from(*header_length);
                if announced == 0 {
                    let text = "a header without elements";
                    warnings.push(Warning::forgiven("TP-UDHL", offset, text));
                }
                let header = data.get(1..=announced).unwrap_or_else(|| {
                    warnings.push(Warning::forgiven(
                        "TP-UDHL",
                        offset,
                        format!("announces {announced} octets, more than there are"),
                    ));
                    data.get(1..).unwrap_or_default()
                });
                (Udh::read(header, offset + 1, warnings), header.len() + 1)
            }
            None if has_header => {
                let text = "announced by TP-UDHI, but there is no user data";
                warnings.push(Warning::forgiven("TP-UDHL", offset, text));
                (Udh::default(), 0)
            }
            _ => (Udh::default(), 0),
        };
        let body = if septets {
            let header_septets = (header_length * 8).div_ceil(7);
            let count = length.saturating_sub(header_septets);
            let mut septets = unpack(data, header_septets * 7, count);
            // Seven octets hold eight septets; whoever counts octets cannot say that there are seven.
            if in_octets && length.is_multiple_of(8) && septets.last() == Some(&0) {
                septets.pop();
            }
            Body::Septets(septets)
        } else {
            let octets = data.get(header_length..).unwrap_or_default();
            if dcs.alphabet() == Alphabet::Ucs2 && octets.len() % 2 == 1 {
                let at = offset + data.len() - 1;
                warnings.push(Warning::forgiven("TP-UD", at, "half a unit of UCS2"));
            }
            Body::Octets(Bytes::copy_from_slice(octets))
        };
        Ok(Self { udh, body })
    }

    /// Writes length, header and body.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut data = Vec::new();
        if !self.udh.is_empty() {
            let header = self.udh.octets();
            let too_long = EncodeError::TooLong { octets: header.len() + 1 };
            data.push(u8::try_from(header.len()).map_err(|_| too_long)?);
            data.extend(header);
        }
        let length = match &self.body {
            Body::Octets(octets) => {
                data.extend_from_slice(octets);
                data.len()
            }
            Body::Septets(septets) => {
                let header_septets = (data.len() * 8).div_ceil(7);
                let fill = header_septets * 7 - data.len() * 8;
                data.extend(pack(septets, fill));
                header_septets + septets.len()
            }
        };
        let too_long = EncodeError::TooLong { octets: data.len() };
        if data.len() > MAX_USER_DATA {
            return Err(too_long);
        }
        out.push(u8::try_from(length).map_err(|_| too_long)?);
        out.extend(data);
        Ok(())
    }
}
