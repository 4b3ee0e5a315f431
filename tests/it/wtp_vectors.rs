//! WTP datagrams made by hand, `tests/vectors/wtp`: what peers write, what a link makes of it, and how
//! it is read.

use std::collections::BTreeSet;

use bytes::Bytes;
use mm1gate::codec::wsp::pdu::AbortReason;
use mm1gate::codec::wtp::{
    self, Abort, Body, MAX_CONCATENATED_PDUS, MAX_TPIS, Pdu, ProviderReason, Tid, Tpi, Trailer,
    TransactionClass, TransactionOption, decode_datagram,
};
use mm1gate::codec::{DecodeError, DecodeErrorKind};

use crate::vectors::{names, octets, places};

/// A vector with one PDU: the value, and each warning as field, offset and whether it was
/// understood.
struct Whole {
    name: &'static str,
    pdu: Pdu,
    warnings: Vec<(&'static str, usize, bool)>,
    /// Whether the octets are those that we write for the value.
    as_written: bool,
}

impl Whole {
    fn new(name: &'static str, tid: u16, body: Body, tpis: Vec<Tpi>) -> Self {
        let pdu = Pdu { tid: Tid(tid), body, tpis };
        Self { name, pdu, warnings: Vec::new(), as_written: true }
    }

    fn warned(mut self, field: &'static str, offset: usize, understood: bool) -> Self {
        self.warnings.push((field, offset, understood));
        self
    }

    fn in_our_own_form(mut self) -> Self {
        self.as_written = false;
        self
    }
}

fn slice(octets: &'static [u8]) -> Bytes {
    Bytes::from_static(octets)
}

fn invoke(trailer: Trailer, data: &'static [u8]) -> Body {
    Body::Invoke {
        trailer,
        retransmission: false,
        version: wtp::VERSION,
        tid_new: false,
        user_acknowledgement: false,
        class: TransactionClass::Class2,
        data: slice(data),
    }
}

fn ack(verify: bool) -> Body {
    Body::Ack { retransmission: false, verify }
}

fn whole_pdus() -> Vec<Whole> {
    use TransactionOption::{
        CurrentTid, DelayTransmissionTimer, MaximumGroup, MaximumReceiveUnit, NoCachedTid,
        NumGroups, TotalMessageSize,
    };
    let option = Tpi::Option;
    let other = |identity, value| {
        option(TransactionOption::Other { identity, value: Bytes::from_static(value) })
    };
    let unsegmented = Trailer::SarNotSupported;
    let mut connect = invoke(unsegmented, b"\x01\x10\0\0");
    if let Body::Invoke { user_acknowledgement, .. } = &mut connect {
        *user_acknowledgement = true;
    }
    let mut first = invoke(Trailer::NotLast, b"\x60\x08\0");
    if let Body::Invoke { tid_new, .. } = &mut first {
        *tid_new = true;
    }
    let mut odd = invoke(Trailer::LastOfMessage, b"");
    if let Body::Invoke { version, class, .. } = &mut odd {
        (*version, *class) = (1, TransactionClass::Undefined);
    }
    let user_data = b"\x40\0";
    vec![
        Whole::new("invoke-class-two", 0x1234, connect, vec![]),
        Whole::new(
            "invoke-first-of-segments",
            7,
            first,
            vec![option(TotalMessageSize(300_000)), option(MaximumReceiveUnit(1400))],
        ),
        Whole::new(
            "result-again",
            0x9234,
            Body::Result {
                trailer: Trailer::LastOfMessage,
                retransmission: true,
                data: slice(b"\x04\x20\0"),
            },
            vec![],
        ),
        Whole::new("ack-of-group", 0x9234, ack(false), vec![Tpi::PacketSequenceNumber(5)]),
        Whole::new("ack-asks-for-tid", 0x9234, ack(true), vec![option(CurrentTid(Tid(0x1230)))]),
        Whole::new("ack-asks-without-tid", 0x9234, ack(true), vec![option(NoCachedTid)]),
        Whole::new("ack-with-info", 1, ack(false), vec![Tpi::Info(slice(b"hello"))]),
        Whole::new(
            "ack-slows-down",
            0x8009,
            ack(false),
            vec![
                Tpi::PacketSequenceNumber(12),
                option(DelayTransmissionTimer(15)),
                option(MaximumGroup(3840)),
                option(NumGroups(0)),
            ],
        ),
        Whole::new(
            "option-of-three-octets",
            1,
            invoke(unsegmented, user_data),
            vec![option(MaximumReceiveUnit(65_536))],
        ),
        Whole::new(
            "option-num-groups-without-value",
            1,
            invoke(unsegmented, b""),
            vec![option(NumGroups(1))],
        )
        .in_our_own_form(),
        Whole::new(
            "option-unknown",
            1,
            invoke(unsegmented, user_data),
            vec![other(0x2A, b"\xAB\xCD"), other(1, b"")],
        )
        .warned("TPI", 4, false)
        .warned("TPI", 8, false),
        Whole::new(
            "option-of-nothing",
            1,
            ack(false),
            vec![Tpi::Other { identity: 2, data: Bytes::new() }],
        )
        .warned("TPI", 3, false),
        Whole::new(
            "option-too-large",
            1,
            ack(false),
            vec![other(2, b"\x01\0\0\0\0"), option(TotalMessageSize(256))],
        )
        .warned("TPI", 3, false)
        .in_our_own_form(),
        Whole::new(
            "error-items",
            0x8001,
            ack(false),
            vec![
                Tpi::UnknownTpi { identity: 11 },
                Tpi::UnknownContent { identity: 2, first_octet: 4 },
            ],
        ),
        Whole::new(
            "error-code-unknown",
            0x8001,
            ack(false),
            vec![Tpi::Other { identity: 0, data: slice(b"\x72\x04") }],
        )
        .warned("TPI", 3, false),
        Whole::new(
            "item-unknown",
            1,
            invoke(unsegmented, user_data),
            vec![
                Tpi::Other { identity: 8, data: slice(b"\xAA\xBB") },
                Tpi::Other { identity: 15, data: slice(b"\x01\x02\x03\x04") },
            ],
        )
        .warned("TPI", 4, false)
        .warned("TPI", 7, false),
        Whole::new(
            "item-with-reserved-bits",
            0x8001,
            ack(false),
            vec![Tpi::PacketSequenceNumber(5)],
        )
        .warned("TPI", 3, true)
        .in_our_own_form(),
        Whole::new(
            "sequence-number-of-three-octets",
            7,
            Body::SegmentedInvoke {
                trailer: Trailer::LastOfGroup,
                retransmission: false,
                psn: 0xFF,
                data: slice(b"data"),
            },
            vec![Tpi::PacketSequenceNumber(0x0102), Tpi::SduBoundary, Tpi::FrameBoundary],
        ),
        Whole::new(
            "sequence-number-of-nothing",
            0x8001,
            ack(false),
            vec![Tpi::Other { identity: 3, data: Bytes::new() }],
        )
        .warned("TPI", 3, false),
        Whole::new(
            "segment",
            0x9234,
            Body::SegmentedResult {
                trailer: Trailer::NotLast,
                retransmission: false,
                psn: 3,
                data: slice(b"abc"),
            },
            vec![],
        ),
        Whole::new(
            "negative-ack",
            0x8007,
            Body::NegativeAck { retransmission: false, missing: slice(&[4, 6]) },
            vec![],
        ),
        Whole::new(
            "negative-ack-of-group",
            0x8007,
            Body::NegativeAck { retransmission: true, missing: Bytes::new() },
            vec![],
        ),
        Whole::new(
            "abort-by-provider",
            0x1234,
            Body::Abort(Abort::Provider(ProviderReason::INVALIDTID)),
            vec![],
        ),
        Whole::new(
            "abort-by-user",
            0x9234,
            Body::Abort(Abort::User(AbortReason::DISCONNECT)),
            vec![],
        ),
        Whole::new(
            "abort-of-unknown-type",
            0x9234,
            Body::Abort(Abort::Other { abort_type: 3, reason: 7 }),
            vec![],
        ),
        Whole::new(
            "abort-with-octets-behind",
            0x9234,
            Body::Abort(Abort::Provider(ProviderReason::NOTIMPLEMENTEDSAR)),
            vec![],
        )
        .warned("Data", 4, false)
        .in_our_own_form(),
        Whole::new("invoke-with-reserved-bits", 1, odd, vec![])
            .warned("RES", 3, true)
            .in_our_own_form(),
    ]
}

#[test]
fn pdus_are_read_and_written_again() {
    for Whole { name, pdu, warnings, as_written } in whole_pdus() {
        let octets = octets("wtp", name);
        let decoded = Pdu::decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(decoded.value, pdu, "{name}");
        let found: Vec<_> = decoded
            .warnings
            .iter()
            .map(|one| (one.field.as_str(), one.offset, one.understood))
            .collect();
        assert_eq!(found, warnings, "{name}");
        let written = pdu.encode();
        assert_eq!(written == octets, as_written, "{name}: {}", hex::encode(&written));
        assert_eq!(Pdu::decode(&written).unwrap().value, pdu, "{name}");
        let frames = decode_datagram(&octets).value;
        assert_eq!(frames.len(), 1, "{name}");
        assert_eq!(frames[0].pdu, Ok(pdu), "{name}");
    }
}

const fn wrong(field: &'static str, offset: usize, kind: DecodeErrorKind) -> DecodeError {
    DecodeError { field, offset, kind }
}

fn broken_pdus() -> Vec<(&'static str, DecodeError)> {
    use DecodeErrorKind::{LengthExceedsInput, LimitExceeded, Truncated, UnexpectedPdu};
    vec![
        ("item-longer-than-pdu", wrong("TPI", 3, LengthExceedsInput { declared: 32 })),
        ("items-without-end", wrong("TPI", 5, Truncated)),
        ("items-beyond-limit", wrong("TPI", 3 + MAX_TPIS, LimitExceeded { limit: MAX_TPIS })),
        (
            "negative-ack-cut",
            wrong("Number of Missing Packets", 3, LengthExceedsInput { declared: 5 }),
        ),
        ("abort-cut", wrong("Abort reason", 3, Truncated)),
        ("tid-cut", wrong("TID", 2, Truncated)),
        ("type-unknown", wrong("PDU Type", 0, UnexpectedPdu(9))),
    ]
}

#[test]
fn what_is_no_pdu_is_refused_with_its_place() {
    for (name, error) in broken_pdus() {
        let octets = octets("wtp", name);
        assert_eq!(Pdu::decode(&octets), Err(error.clone()), "{name}");
        let frames = decode_datagram(&octets).value;
        assert_eq!(frames.len(), 1, "{name}");
        assert_eq!(frames[0].pdu, Err(error), "{name}");
        assert_eq!(Tid::peek(&octets).is_some(), name != "tid-cut", "{name}");
    }
}

/// What each frame of a datagram is: a PDU's type, or an error.
fn frames(name: &str) -> Vec<(std::ops::Range<usize>, Result<u8, DecodeError>)> {
    let decoded = decode_datagram(&octets("wtp", name));
    decoded.value.into_iter().map(|one| (one.range, one.pdu.map(|p| p.body.pdu_type()))).collect()
}

#[test]
fn joined_pdus_are_taken_apart() {
    use DecodeErrorKind::{LengthExceedsInput, LimitExceeded, Truncated, UnexpectedPdu};
    let (ack, invoke) = (Ok(3), Ok(1));
    let cases = [
        ("joined", vec![(2..5, ack.clone()), (6..12, invoke.clone())]),
        ("joined-length-of-two-octets", vec![(3..9, invoke), (10..13, ack.clone())]),
        (
            "joined-beyond-datagram",
            vec![
                (2..5, ack.clone()),
                (5..10, Err(wrong("WTP PDU Length", 5, LengthExceedsInput { declared: 32 }))),
            ],
        ),
        (
            "joined-length-cut",
            vec![(2..5, ack.clone()), (5..6, Err(wrong("WTP PDU Length", 6, Truncated)))],
        ),
        (
            "joined-with-one-broken",
            vec![(2..5, Err(wrong("PDU Type", 2, UnexpectedPdu(0)))), (6..9, ack)],
        ),
        ("joined-of-nothing", vec![]),
    ];
    for (name, expected) in cases {
        assert_eq!(frames(name), expected, "{name}");
    }

    let many = frames("joined-beyond-limit");
    assert_eq!(many.len(), MAX_CONCATENATED_PDUS + 1);
    assert_eq!(many[0], (2..2, Err(wrong("PDU Type", 2, Truncated))));
    let limit = LimitExceeded { limit: MAX_CONCATENATED_PDUS };
    assert_eq!(many[MAX_CONCATENATED_PDUS].0, 65..66);
    assert_eq!(many[MAX_CONCATENATED_PDUS].1, Err(wrong("Concatenated PDUs", 65, limit)));

    let nothing = decode_datagram(&octets("wtp", "joined-of-nothing"));
    assert_eq!(places(&nothing.warnings), [("Concatenation Indicator", 0)]);
}

#[test]
fn two_joined_pdus_are_written_as_they_were_read() {
    let datagram = octets("wtp", "joined");
    let pdus: Vec<_> = decode_datagram(&datagram)
        .value
        .into_iter()
        .map(|frame| frame.pdu.unwrap().encode())
        .collect();
    assert_eq!(wtp::encode_datagram(&pdus), Some(datagram));
}

#[test]
fn outline_shows_the_wsp_pdu_of_a_whole_message_and_the_octets_of_a_segment() {
    let whole = wtp::outline(&octets("wtp", "invoke-class-two"));
    let fields: Vec<_> =
        whole[0].children.iter().map(|node| (node.name.as_str(), node.range.clone())).collect();
    let expected =
        [("PDU Type", 0..1), ("TID", 1..3), ("Invoke Flags", 3..4), ("WSP Connect", 4..8)];
    assert_eq!(fields, expected);
    let wsp: Vec<_> =
        whole[0].children[3].children.iter().map(|n| (n.name.as_str(), n.range.clone())).collect();
    let expected = [("Type", 4..5), ("Version", 5..6), ("CapabilitiesLen", 6..7)];
    assert_eq!(wsp[..3], expected);

    let first = &wtp::outline(&octets("wtp", "invoke-first-of-segments"))[0];
    let items: Vec<_> =
        first.children[3..].iter().map(|n| (n.name.as_str(), n.range.clone())).collect();
    let expected =
        [("Total Message Size", 4..10), ("Maximum Receive Unit", 10..14), ("Data", 14..17)];
    assert_eq!(items, expected);
    assert_eq!(first.children[3].text, "300000 octets");

    let joined = wtp::outline(&octets("wtp", "joined-beyond-datagram"));
    assert_eq!(joined[0].name, "WTP Ack");
    assert_eq!(joined[1].range, 5..10);
    assert!(joined[1].text.contains("WTP PDU Length at octet 5"), "{}", joined[1].text);
}

#[test]
fn every_vector_is_read_by_a_test() {
    let mut tested: BTreeSet<String> = whole_pdus().iter().map(|one| one.name.into()).collect();
    tested.extend(broken_pdus().into_iter().map(|(name, _)| name.into()));
    let rest: Vec<_> = names("wtp").into_iter().filter(|name| !tested.contains(name)).collect();
    assert!(rest.iter().all(|name| name.starts_with("joined")), "{rest:?}");
    assert_eq!(rest.len(), 7);
}
