//! WSP PDUs made by hand, `tests/vectors/wsp_pdu`: what peers write, what is broken in it, and how it
//! is read.

use std::collections::BTreeSet;

use bytes::Bytes;
use mm1gate::codec::wsp::ContentType;
use mm1gate::codec::wsp::pdu::{
    self, Address, Assignment, BearerType, Capability, EntityHeaders, GetMethod, MAX_URI_OCTETS,
    Pdu, PostMethod, ProtocolOptions, Status, Unit, VERSION,
};
use mm1gate::codec::{DecodeError, DecodeErrorKind, Node};

use crate::vectors::{names, octets};

const MMS: &str = "application/vnd.wap.mms-message";
const APPLICATION: &str = "x-wap-application:mms.ua";

/// A vector that is read: the value, and each warning as field, offset and whether it was
/// understood.
struct Whole {
    name: &'static str,
    pdu: Pdu,
    warnings: Vec<(&'static str, usize, bool)>,
    /// Whether the octets are those that we write for the value.
    as_written: bool,
}

impl Whole {
    const fn new(name: &'static str, pdu: Pdu) -> Self {
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

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn entity(content_type: &str, headers: &[(&str, &str)]) -> Option<EntityHeaders> {
    let content_type = ContentType::new(content_type);
    Some(EntityHeaders { content_type, headers: pairs(headers) })
}

fn connect(capabilities: Vec<Capability>, headers: &[(&str, &str)]) -> Pdu {
    Pdu::Connect { version: VERSION, capabilities, headers: pairs(headers) }
}

fn address(bearer: Option<u8>, port_number: Option<u16>, octets: &'static [u8]) -> Address {
    Address { bearer_type: bearer.map(BearerType), port_number, address: slice(octets) }
}

fn assignments(list: &[(u8, &str)]) -> Vec<Assignment> {
    list.iter().map(|(code, name)| Assignment { code: *code, name: (*name).to_owned() }).collect()
}

fn session_pdus() -> Vec<Whole> {
    use Capability::{
        AcceptedCodePages, AcceptedMethods, Aliases, ClientMessageSize, ClientSduSize,
        ExtendedMethods, HeaderCodePages, MethodMor, Named, Other, PushMor, ServerMessageSize,
        ServerSduSize,
    };
    let options = ProtocolOptions::CONFIRMED_PUSH
        .with(ProtocolOptions::PUSH)
        .with(ProtocolOptions::SESSION_RESUME);
    let application = ("x-wap-application-id", APPLICATION);
    let other = |identifier, octets| Other { identifier, parameters: Bytes::from_static(octets) };
    vec![
        Whole::new(
            "connect",
            connect(
                vec![
                    ClientSduSize(300_000),
                    ServerSduSize(300_000),
                    Capability::ProtocolOptions(options),
                    MethodMor(10),
                    other(0x0A, b""),
                ],
                &[application, ("push-flag", "1")],
            ),
        ),
        Whole::new(
            "connect-with-all-capabilities",
            connect(
                vec![
                    PushMor(2),
                    ExtendedMethods(assignments(&[(0x50, "LIST"), (0x70, "ADD")])),
                    HeaderCodePages(assignments(&[(0x10, "x-own")])),
                    Aliases(vec![
                        address(Some(0x0B), Some(9201), &[10, 0, 0, 1]),
                        address(None, None, b"\xAA"),
                    ]),
                    ClientMessageSize(4096),
                    ServerMessageSize(16_384),
                    other(0x3F, b"\x01\x02"),
                ],
                &[],
            ),
        ),
        Whole::new(
            "connect-reply",
            Pdu::ConnectReply {
                session_id: 131,
                capabilities: vec![
                    ClientSduSize(1400),
                    AcceptedMethods(vec![0x50]),
                    AcceptedCodePages(vec![0x10, 0x11]),
                ],
                headers: vec![],
            },
        ),
        Whole::new(
            "capability-by-name",
            connect(
                vec![
                    MethodMor(4),
                    Named { identifier: "x-own".to_owned(), parameters: slice(b"\x09") },
                ],
                &[],
            ),
        )
        .in_our_own_form(),
        Whole::new("capability-longer-than-list", connect(vec![MethodMor(1)], &[application]))
            .warned("Capabilities", 7, false)
            .in_our_own_form(),
        Whole::new(
            "capability-broken",
            connect(
                vec![
                    other(0x03, b""),
                    other(0x05, b"\x50\x41"),
                    Capability::ProtocolOptions(ProtocolOptions::CONFIRMED_PUSH),
                    PushMor(2),
                ],
                &[],
            ),
        )
        .warned("Capabilities", 4, false)
        .warned("Capabilities", 5, false)
        .warned("Capabilities", 10, false)
        .warned("Capabilities", 12, false)
        .warned("Capabilities", 17, true)
        .warned("Capabilities", 21, true)
        .in_our_own_form(),
        Whole::new(
            "redirect",
            Pdu::Redirect {
                permanent: true,
                reuse_security_session: false,
                addresses: vec![
                    address(Some(0x0B), Some(49_153), &[10, 0, 0, 2]),
                    address(None, None, &[10, 0, 0, 3]),
                ],
            },
        ),
        Whole::new(
            "redirect-with-undefined-bits",
            Pdu::Redirect { permanent: false, reuse_security_session: true, addresses: vec![] },
        )
        .warned("Flags", 1, true)
        .in_our_own_form(),
        Whole::new("disconnect", Pdu::Disconnect { session_id: 131 }),
        Whole::new("uintvar-not-shortest", Pdu::Disconnect { session_id: 7 }).in_our_own_form(),
        Whole::new("suspend-with-octets-behind", Pdu::Suspend { session_id: 7 })
            .warned("Data", 2, false)
            .in_our_own_form(),
        Whole::new(
            "resume",
            Pdu::Resume { session_id: 131, capabilities: vec![], headers: pairs(&[application]) },
        ),
        Whole::new(
            "resume-with-capabilities",
            Pdu::Resume { session_id: 7, capabilities: vec![MethodMor(1)], headers: vec![] },
        )
        .warned("CapabilitiesLen", 2, true),
    ]
}

fn content_pdus() -> Vec<Whole> {
    let get = |code| GetMethod::new(code).unwrap();
    let post = |code| PostMethod::new(code).unwrap();
    vec![
        Whole::new(
            "reply-with-mms",
            Pdu::Reply {
                status: Status::OK,
                entity: entity(MMS, &[("content-length", "6")]),
                data: slice(b"\x8C\x81\x981\0\x8D\x90\x92\x80"),
            },
        ),
        Whole::new(
            "reply-not-acceptable",
            Pdu::Reply { status: Status(0x46), entity: None, data: Bytes::new() },
        ),
        Whole::new(
            "reply-status-unassigned",
            Pdu::Reply {
                status: Status(0x52),
                entity: entity("text/plain", &[]),
                data: slice(b"no"),
            },
        ),
        Whole::new(
            "reply-content-type-broken",
            Pdu::Reply {
                status: Status::OK,
                entity: entity("application/octet-stream", &[]),
                data: slice(b"data"),
            },
        )
        .warned("Content-Type", 3, false)
        .in_our_own_form(),
        Whole::new(
            "post-of-mms",
            Pdu::Post {
                method: PostMethod::POST,
                uri: slice(b"http://mmsc/"),
                entity: entity(MMS, &[("x-wap-application-id", APPLICATION)]),
                data: slice(b"\x8C\x83\x981\0\x8D\x90\x95\x81"),
            },
        ),
        Whole::new(
            "put-extended",
            Pdu::Post { method: post(0x71), uri: slice(b"/"), entity: None, data: slice(b"d") },
        ),
        Whole::new(
            "get",
            Pdu::Get {
                method: GetMethod::GET,
                uri: slice(b"http://mmsc/7"),
                headers: pairs(&[("accept", MMS), ("user-agent", "own")]),
            },
        ),
        Whole::new(
            "get-unassigned",
            Pdu::Get { method: get(0x4F), uri: slice(b"/"), headers: vec![] },
        ),
        Whole::new(
            "confirmed-push",
            Pdu::ConfirmedPush {
                entity: entity(MMS, &[("x-wap-application-id", APPLICATION)]),
                data: slice(b"\x8C\x82"),
            },
        ),
        Whole::new(
            "data-fragment",
            Pdu::DataFragment { headers: pairs(&[("content-length", "4")]), data: slice(b"end") },
        ),
    ]
}

#[test]
fn pdus_are_read_and_written_again() {
    for Whole { name, pdu, warnings, as_written } in
        session_pdus().into_iter().chain(content_pdus())
    {
        let octets = octets("wsp_pdu", name);
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
    }
}

fn broken_pdus() -> Vec<(&'static str, DecodeError)> {
    use DecodeErrorKind::{
        LengthExceedsInput, LimitExceeded, NumberTooLarge, Truncated, UnexpectedPdu,
    };
    let wrong = |field, offset, kind| DecodeError { field, offset, kind };
    vec![
        ("redirect-address-cut", wrong("Address", 8, LengthExceedsInput { declared: 4 })),
        ("reply-headers-beyond-pdu", wrong("HeadersLen", 2, LengthExceedsInput { declared: 128 })),
        ("post-uri-beyond-pdu", wrong("UriLen", 1, LengthExceedsInput { declared: 64 })),
        ("get-uri-too-long", wrong("URILen", 1, LimitExceeded { limit: MAX_URI_OCTETS })),
        ("uintvar-too-long", wrong("URILen", 1, NumberTooLarge { bits: 32 })),
        ("uintvar-cut", wrong("ServerSessionId", 1, Truncated)),
        ("type-reserved", wrong("Type", 0, UnexpectedPdu(0x0A))),
        ("nothing-behind-type", wrong("CapabilitiesLen", 2, Truncated)),
    ]
}

#[test]
fn what_is_no_pdu_is_refused_with_its_place() {
    for (name, error) in broken_pdus() {
        let octets = octets("wsp_pdu", name);
        assert_eq!(Pdu::decode(&octets), Err(error.clone()), "{name}");
        let outline = pdu::outline(&octets);
        let last = outline.children.last().unwrap_or(&outline);
        assert!(last.text.contains(&error.kind.to_string()), "{name}: {last:?}");
        assert_eq!(last.range.end, octets.len(), "{name}");
    }
}

#[test]
fn headers_and_capabilities_beyond_their_limits_are_refused() {
    let long = |head: &[u8], count: usize| [head, &vec![b'a'; count]].concat();
    // Two octets of uintvar reach 16 383, three are needed for one more than 16 KiB.
    for (head, field, offset, limit) in [
        (&b"\x04\x20\x81\x80\x01"[..], "HeadersLen", 2, pdu::MAX_HEADER_OCTETS),
        (b"\x01\x10\xA0\x01\x00", "CapabilitiesLen", 2, pdu::MAX_CAPABILITY_OCTETS),
        (b"\x40\x01/", "Headers", 3, pdu::MAX_HEADER_OCTETS),
        (b"\x80\x81\x80\x01", "HeadersLen", 1, pdu::MAX_HEADER_OCTETS),
    ] {
        let octets = Bytes::from(long(head, pdu::MAX_HEADER_OCTETS + 1));
        let kind = DecodeErrorKind::LimitExceeded { limit };
        assert_eq!(Pdu::decode(&octets), Err(DecodeError { field, offset, kind }));
    }
    let addresses = Bytes::from([&[0x03, 0x00][..], &[0; pdu::MAX_ADDRESSES + 1]].concat());
    let limit = pdu::MAX_ADDRESSES;
    let kind = DecodeErrorKind::LimitExceeded { limit };
    let error = DecodeError { field: "Addresses", offset: 2 + limit, kind };
    assert_eq!(Pdu::decode(&addresses), Err(error));
}

#[test]
fn capabilities_and_assignments_beyond_their_limits_are_named() {
    let one = [0x02, 0x83, 0x01].repeat(pdu::MAX_CAPABILITIES + 1);
    let length = u8::try_from(one.len() - 128).unwrap();
    let octets = Bytes::from([&[0x01, 0x10, 0x81, length, 0x00][..], &one].concat());
    let decoded = Pdu::decode(&octets).unwrap();
    let Pdu::Connect { capabilities, .. } = decoded.value else { panic!("another PDU") };
    assert_eq!(capabilities, vec![Capability::MethodMor(1); pdu::MAX_CAPABILITIES]);
    let place = 5 + 3 * pdu::MAX_CAPABILITIES;
    assert_eq!(crate::vectors::places(&decoded.warnings), [("Capabilities", place)]);

    let list = assignments(&vec![(0x50, "A"); pdu::MAX_ASSIGNMENTS + 1]);
    let octets = connect(vec![Capability::ExtendedMethods(list)], &[]).encode();
    let decoded = Pdu::decode(&octets).unwrap();
    let Pdu::Connect { capabilities, .. } = decoded.value else { panic!("another PDU") };
    assert!(matches!(capabilities[..], [Capability::Other { identifier: 5, .. }]));
    assert!(!decoded.warnings[0].understood);
}

#[test]
fn without_a_connection_a_transaction_id_leads() {
    let decoded = Unit::decode(&octets("wsp_pdu", "unit-get")).unwrap();
    let headers = pairs(&[("x-wap-application-id", APPLICATION)]);
    let pdu = Pdu::Get { method: GetMethod::GET, uri: slice(b"/"), headers };
    assert_eq!(decoded.value, Unit { transaction_id: 0x2A, pdu });
    assert_eq!(decoded.warnings, []);
    assert_eq!(Unit::decode(&decoded.value.encode()).unwrap(), decoded);

    let octets = octets("wsp_pdu", "unit-connect");
    let decoded = Unit::decode(&octets).unwrap();
    let pdu = Pdu::Disconnect { session_id: 7 };
    assert_eq!(decoded.value, Unit { transaction_id: 0x2A, pdu });
    assert_eq!(crate::vectors::places(&decoded.warnings), [("Type", 1)]);
    assert!(decoded.warnings[0].understood);
    let outline = pdu::outline_unit(&octets);
    assert_eq!(names_and_places(&outline.children)[0], ("TID", 0..1));

    let error = Unit::decode(&Bytes::new()).unwrap_err();
    assert_eq!((error.field, error.offset), ("TID", 0));
}

#[test]
fn addresses_are_given_as_ip_where_they_are() {
    let ip = address(Some(0x0B), Some(9201), &[10, 0, 0, 1]);
    assert_eq!(ip.ip(), Some("10.0.0.1".parse().unwrap()));
    assert_eq!(ip.to_string(), "GSM GPRS 10.0.0.1 port 9201");
    let six = address(None, None, &[0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(six.ip(), Some("2001:db8::1".parse().unwrap()));
    let number = address(Some(0x42), None, b"\x44\x77");
    assert_eq!((number.ip(), number.to_string()), (None, "bearer 0x42 4477".to_owned()));
}

fn names_and_places(nodes: &[Node]) -> Vec<(&str, std::ops::Range<usize>)> {
    nodes.iter().map(|node| (node.name.as_str(), node.range.clone())).collect()
}

#[test]
fn outline_covers_every_field() {
    let outline = pdu::outline(&octets("wsp_pdu", "post-of-mms"));
    assert_eq!(outline.name, "WSP Post");
    let expected = [
        ("Type", 0..1),
        ("UriLen", 1..2),
        ("HeadersLen", 2..3),
        ("URI", 3..15),
        ("Content-Type", 15..16),
        ("Headers", 16..18),
        ("Data", 18..27),
    ];
    assert_eq!(names_and_places(&outline.children), expected);
    assert_eq!(outline.children[3].text, "http://mmsc/");
    assert_eq!(names_and_places(&outline.children[5].children), [("x-wap-application-id", 16..18)]);

    let outline = pdu::outline(&octets("wsp_pdu", "connect-with-all-capabilities"));
    let list = &outline.children[4];
    let expected = [
        ("Push-MOR", 4..7),
        ("Extended Methods", 7..20),
        ("Header Code Pages", 20..29),
        ("Aliases", 29..41),
        ("Client-Message-Size", 41..45),
        ("Server-Message-Size", 45..50),
        ("capability 0x3f", 50..54),
    ];
    assert_eq!((list.name.as_str(), list.range.clone()), ("Capabilities", 4..54));
    assert_eq!(names_and_places(&list.children), expected);
    assert_eq!(list.children[1].text, "0x50 LIST, 0x70 ADD");
    assert_eq!(list.children[3].text, "GSM GPRS 10.0.0.1 port 9201, aa");
}

#[test]
fn every_vector_is_read_by_a_test() {
    let mut tested = BTreeSet::from(["unit-get", "unit-connect"]);
    tested.extend(session_pdus().iter().chain(&content_pdus()).map(|one| one.name));
    tested.extend(broken_pdus().into_iter().map(|(name, _)| name));
    let names = names("wsp_pdu");
    let known: BTreeSet<_> = names.iter().map(String::as_str).collect();
    assert_eq!(tested, known);
}
