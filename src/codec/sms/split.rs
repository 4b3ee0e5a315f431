//! Cutting a datagram for a port into SMS-DELIVERs (WAP-259-WDP clause 6.5, 3GPP TS 23.040 clause
//! 9.2.3.24).

use bytes::Bytes;

use super::{
    Body, Concat, Dcs, Deliver, EncodeError, InformationElement, MAX_USER_DATA, Ports, Scts,
    SmsAddress, Udh, UserData,
};

/// The reference that joins the parts of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConcatReference {
    /// Information element 00.
    Narrow(u8),
    /// Information element 08.
    Wide(u16),
}

impl From<u8> for ConcatReference {
    fn from(reference: u8) -> Self {
        Self::Narrow(reference)
    }
}

impl From<u16> for ConcatReference {
    fn from(reference: u16) -> Self {
        Self::Wide(reference)
    }
}

/// Writes `payload` as 8-bit SMS-DELIVERs to `destination_port`: one when it fits, else parts with
/// a concatenation element.
///
/// # Errors
/// [`EncodeError::TooManyParts`] above 255 parts.
pub fn port_addressed_delivers(
    payload: &[u8],
    originator: &SmsAddress,
    destination_port: u16,
    source_port: u16,
    reference: impl Into<ConcatReference>,
    scts: Scts,
) -> Result<Vec<Deliver>, EncodeError> {
    let ports = Ports { destination: destination_port, source: source_port, wide: true };
    let deliver = |elements: Vec<InformationElement>, data: &[u8]| {
        let udh = Udh { elements, rest: Vec::new() };
        let body = Body::Octets(Bytes::copy_from_slice(data));
        Deliver::new(originator.clone(), Dcs::OCTETS, scts, UserData { udh, body })
    };
    // The length octet and six octets of ports.
    let alone = MAX_USER_DATA - 7;
    if payload.len() <= alone {
        return Ok(vec![deliver(vec![ports.into()], payload)]);
    }
    let reference = reference.into();
    let (room, value, wide) = match reference {
        ConcatReference::Narrow(value) => (alone - 5, u16::from(value), false),
        ConcatReference::Wide(value) => (alone - 6, value, true),
    };
    let parts = payload.len().div_ceil(room);
    let total = u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })?;
    Ok((1..=total)
        .zip(payload.chunks(room))
        .map(|(sequence, data)| {
            let concat = Concat { reference: value, wide, total, sequence };
            let mut part = deliver(vec![ports.into(), concat.into()], data);
            part.more_messages = sequence < total;
            part
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sms::{PORT_WAP_PUSH, PORT_WAP_WSP};

    fn split(length: usize, reference: impl Into<ConcatReference>) -> Vec<Deliver> {
        let payload: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let originator = SmsAddress::from_text("86888");
        let parts = port_addressed_delivers(
            &payload,
            &originator,
            PORT_WAP_PUSH,
            PORT_WAP_WSP,
            reference,
            Scts([0x62, 0x11, 0x12, 0, 0, 0, 0]),
        )
        .unwrap();
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.user_data.octets()).collect();
        assert_eq!(joined, payload);
        parts
    }

    #[test]
    fn payload_that_fits_has_no_concatenation() {
        let parts = split(133, 7_u8);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].user_data.udh.concat(), None);
        assert_eq!(parts[0].encode().unwrap().len(), 1 + 2 + 3 + 2 + 7 + 1 + 140);
    }

    #[test]
    fn longer_payload_is_cut_at_140_octets_of_user_data() {
        for (parts, wide) in [(split(134, 7_u8), false), (split(300, 0x1234_u16), true)] {
            let total = u8::try_from(parts.len()).unwrap();
            for (index, part) in parts.iter().enumerate() {
                let octets = part.encode().unwrap();
                assert_eq!(Deliver::decode(&octets).unwrap().value, *part);
                let concat = part.user_data.udh.concat().unwrap();
                assert_eq!((concat.wide, concat.total), (wide, total));
                assert_eq!(usize::from(concat.sequence), index + 1);
                let full = if wide { 127 } else { 128 };
                assert!(part.user_data.octets().len() <= full);
                assert_eq!(part.more_messages, concat.sequence < total);
            }
        }
    }

    #[test]
    fn more_than_255_parts_are_refused() {
        let originator = SmsAddress::from_text("86888");
        let scts = Scts([0; 7]);
        let error =
            port_addressed_delivers(&[0; 128 * 255 + 1], &originator, 2948, 9200, 1_u8, scts);
        assert_eq!(error, Err(EncodeError::TooManyParts { parts: 256 }));
    }
}
