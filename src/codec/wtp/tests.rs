//! Properties of the WTP codec (WAP-224-WTP-20010710-a clause 8) over random values and octets.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::codec::wsp::pdu::AbortReason;

fn octets(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn option() -> impl Strategy<Value = TransactionOption> {
    prop_oneof![
        any::<u32>().prop_map(TransactionOption::MaximumReceiveUnit),
        any::<u32>().prop_map(TransactionOption::TotalMessageSize),
        any::<u32>().prop_map(TransactionOption::DelayTransmissionTimer),
        any::<u32>().prop_map(TransactionOption::MaximumGroup),
        any::<u16>().prop_map(|tid| TransactionOption::CurrentTid(Tid(tid))),
        Just(TransactionOption::NoCachedTid),
        any::<u32>().prop_map(TransactionOption::NumGroups),
        (8..=u8::MAX, octets(255))
            .prop_map(|(identity, value)| TransactionOption::Other { identity, value }),
    ]
}

fn tpi() -> impl Strategy<Value = Tpi> {
    prop_oneof![
        (0..16_u8).prop_map(|identity| Tpi::UnknownTpi { identity }),
        (0..16_u8, any::<u8>())
            .prop_map(|(identity, first_octet)| Tpi::UnknownContent { identity, first_octet }),
        octets(MAX_TPI_OCTETS + 1).prop_map(Tpi::Info),
        option().prop_map(Tpi::Option),
        (0..1_u32 << 24).prop_map(Tpi::PacketSequenceNumber),
        Just(Tpi::SduBoundary),
        Just(Tpi::FrameBoundary),
        (6..16_u8, octets(MAX_TPI_OCTETS + 1))
            .prop_map(|(identity, data)| Tpi::Other { identity, data }),
    ]
}

fn trailer() -> impl Strategy<Value = Trailer> {
    any::<u8>().prop_map(Trailer::from_octet)
}

fn body() -> BoxedStrategy<Body> {
    let invoke = (trailer(), any::<[bool; 3]>(), 0..4_u8, 0..4_u8, octets(60)).prop_map(
        |(trailer, [retransmission, tid_new, user_acknowledgement], version, class, data)| {
            let class = TransactionClass::from_octet(class);
            Body::Invoke {
                trailer,
                retransmission,
                version,
                tid_new,
                user_acknowledgement,
                class,
                data,
            }
        },
    );
    let result = (trailer(), any::<bool>(), octets(60))
        .prop_map(|(trailer, retransmission, data)| Body::Result { trailer, retransmission, data });
    let segment = || (trailer(), any::<bool>(), any::<u8>(), octets(60));
    prop_oneof![
        invoke,
        result,
        any::<[bool; 2]>()
            .prop_map(|[retransmission, verify]| Body::Ack { retransmission, verify }),
        (0..8_u8, any::<u8>()).prop_map(|(kind, reason)| Body::Abort(Abort::new(kind, reason))),
        segment().prop_map(|(trailer, retransmission, psn, data)| {
            Body::SegmentedInvoke { trailer, retransmission, psn, data }
        }),
        segment().prop_map(|(trailer, retransmission, psn, data)| {
            Body::SegmentedResult { trailer, retransmission, psn, data }
        }),
        (any::<bool>(), octets(256))
            .prop_map(|(retransmission, missing)| Body::NegativeAck { retransmission, missing }),
    ]
    .boxed()
}

fn pdu() -> impl Strategy<Value = Pdu> {
    let tpis = prop_oneof![2 => Just(Vec::new()), 3 => vec(tpi(), 0..5)];
    (any::<u16>(), body(), tpis).prop_map(|(tid, body, tpis)| Pdu { tid: Tid(tid), body, tpis })
}

proptest! {
    #[test]
    fn every_pdu_survives_its_octets(pdu in pdu()) {
        let decoded = Pdu::decode(&pdu.encode()).unwrap();
        prop_assert_eq!(decoded.value, pdu);
    }

    #[test]
    fn joined_pdus_come_apart_as_they_were(pdus in vec(pdu(), 1..6)) {
        let octets: Vec<_> = pdus.iter().map(Pdu::encode).collect();
        let datagram = encode_datagram(&octets).unwrap();
        let frames = decode_datagram(&datagram).value;
        let places: Vec<_> = frames.iter().map(|one| datagram.slice(one.range.clone())).collect();
        prop_assert_eq!(places, octets);
        let read: Vec<_> = frames.into_iter().map(|one| one.pdu.unwrap()).collect();
        prop_assert_eq!(read, pdus);
    }

    #[test]
    fn any_octets_decode_or_fail(octets in octets(200), joined in any::<bool>()) {
        let octets = if joined { [&[0][..], &octets].concat().into() } else { octets };
        for frame in decode_datagram(&octets).value {
            prop_assert!(frame.range.end <= octets.len());
            match frame.pdu {
                Ok(pdu) => prop_assert_eq!(Pdu::decode(&pdu.encode()).unwrap().value, pdu),
                Err(error) => prop_assert!(error.offset <= octets.len()),
            }
        }
        for node in outline(&octets) {
            crate::codec::wsp::pdu::tests::assert_nested(&node);
        }
    }

    #[test]
    fn a_changed_octet_decodes_or_fails(pdu in pdu(), at in any::<usize>(), with in any::<u8>()) {
        let mut octets = pdu.encode().to_vec();
        let place = at % octets.len();
        octets[place] = with;
        for node in outline(&octets.into()) {
            crate::codec::wsp::pdu::tests::assert_nested(&node);
        }
    }
}

#[test]
fn tid_tells_whose_it_is() {
    let sent = Tid::of_initiator(0x9234);
    assert_eq!((sent.0, sent.value(), sent.is_of_responder()), (0x1234, 0x1234, false));
    let answered = sent.reversed();
    assert_eq!((answered.0, answered.value(), answered.is_of_responder()), (0x9234, 0x1234, true));
    assert_eq!(answered.to_string(), "0x1234 of the responder");
    assert_eq!(answered.reversed(), sent);
    assert_eq!(Tid::peek(&[0x7F, 0x92, 0x34]), Some(answered));
    assert_eq!(Tid::peek(&[0x7F, 0x92]), None);
}

#[test]
fn reasons_have_their_names() {
    assert_eq!(ProviderReason::NOTIMPLEMENTEDESAR.name(), Some("NOTIMPLEMENTEDESAR"));
    assert_eq!(ProviderReason(0x0B).name(), None);
    let user = Abort::User(AbortReason::PEERREQ).to_string();
    assert!(user.starts_with("USER, PEERREQ"), "{user}");
    let provider = Abort::Provider(ProviderReason(0x0B)).to_string();
    assert_eq!(provider, "PROVIDER, 0x0b");
}

#[test]
fn more_missing_segments_than_can_be_named_mean_the_whole_group() {
    let body = Body::NegativeAck { retransmission: false, missing: vec![1; 256].into() };
    let octets = Pdu::new(Tid(0x8001), body).encode();
    assert_eq!(&octets[..], b"\x38\x80\x01\x00");
}

#[test]
fn sequence_numbers_reach_beyond_eight_bits() {
    let data = Bytes::new();
    let trailer = Trailer::NotLast;
    let segment = Body::SegmentedInvoke { trailer, retransmission: false, psn: 4, data };
    let mut pdu = Pdu::new(Tid(1), segment);
    assert_eq!(pdu.packet_sequence_number(), Some(4));
    pdu.tpis.push(Tpi::PacketSequenceNumber(1));
    assert_eq!(pdu.packet_sequence_number(), Some(260));
    pdu.body = Body::Ack { retransmission: false, verify: false };
    assert_eq!(pdu.packet_sequence_number(), Some(1));
    pdu.tpis.clear();
    assert_eq!(pdu.packet_sequence_number(), None);
}

#[test]
fn datagrams_that_cannot_be_are_not_made() {
    let pdu = Pdu::new(Tid(1), Body::Ack { retransmission: false, verify: false }).encode();
    assert_eq!(encode_datagram(&[]), None);
    assert_eq!(encode_datagram(std::slice::from_ref(&pdu)), Some(pdu.clone()));
    assert_eq!(encode_datagram(&vec![pdu.clone(); MAX_CONCATENATED_PDUS + 1]), None);
    let longest = Bytes::from(vec![0x10; MAX_CONCATENATED_OCTETS]);
    assert!(encode_datagram(&[pdu.clone(), longest]).is_some());
    let too_long = Bytes::from(vec![0x10; MAX_CONCATENATED_OCTETS + 1]);
    assert_eq!(encode_datagram(&[pdu, too_long]), None);
}

#[test]
fn data_is_a_slice_of_the_input() {
    let data = Bytes::from(vec![7; 1400]);
    let body = Body::Result { trailer: Trailer::NotLast, retransmission: false, data };
    let input = Pdu::new(Tid(1), body).encode();
    let pdu = Pdu::decode(&input).unwrap().value;
    let data = pdu.body.data().unwrap();
    assert!(input.as_ptr_range().contains(&data.as_ptr()));
    assert_eq!(data.len(), 1400);
}
