//! WTP datagrams, and WSP PDUs in and out of sessions: what decodes can be encoded, and decodes to
//! the same again.

use bytes::Bytes;
use mm1gate::codec::wsp::pdu::{self as wsp_pdu, Unit};
use mm1gate::codec::wtp::{self, MAX_CONCATENATED_PDUS, MAX_TPIS, Pdu, decode_datagram};

use super::checks;

/// The octets as a WTP datagram and as a WSP PDU.
pub(crate) fn check(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    check_datagram(&input);
    checks::nodes(&[wsp_pdu::outline(&input)], 0, octets.len());
    match wsp_pdu::Pdu::decode(&input) {
        Ok(decoded) => {
            checks::warnings(&decoded.warnings, octets);
            if let Some(data) = decoded.value.data() {
                checks::slice_of(data, &input);
            }
            let again = checks::settles(&decoded.value, wsp_pdu::Pdu::encode, wsp_pdu::Pdu::decode);
            assert_eq!(again.value.pdu_type(), decoded.value.pdu_type());
            assert_eq!(again.value.data(), decoded.value.data());
        }
        Err(error) => checks::error(&error, octets),
    }
    checks::nodes(&[wsp_pdu::outline_unit(&input)], 0, octets.len());
    match Unit::decode(&input) {
        Ok(decoded) => {
            checks::warnings(&decoded.warnings, octets);
            let again = checks::settles(&decoded.value, Unit::encode, Unit::decode);
            assert_eq!(again.value.transaction_id, decoded.value.transaction_id);
        }
        Err(error) => checks::error(&error, octets),
    }
}

fn check_datagram(input: &Bytes) {
    checks::nodes(&wtp::outline(input), 0, input.len());
    let decoded = decode_datagram(input);
    checks::warnings(&decoded.warnings, input);
    assert!(decoded.value.len() <= MAX_CONCATENATED_PDUS + 1);
    let mut last = 0;
    for frame in &decoded.value {
        assert!(last <= frame.range.start && frame.range.start <= frame.range.end);
        assert!(frame.range.end <= input.len());
        last = frame.range.end;
        match &frame.pdu {
            Ok(pdu) => {
                if let Some(data) = pdu.body.data() {
                    checks::slice_of(data, &input.slice(frame.range.clone()));
                }
                assert!(pdu.tpis.len() <= MAX_TPIS && !pdu.body.name().is_empty());
                let again = checks::settles(pdu, Pdu::encode, Pdu::decode);
                assert_eq!(&again.value, pdu);
            }
            Err(error) => checks::error(error, input),
        }
    }
}
