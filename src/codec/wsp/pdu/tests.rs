//! Properties of the WSP PDU codec (WAP-230-WSP-20010705-a clause 8.2) over random values and
//! octets.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::codec::{Node, Warning};

fn octets(most: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let one = prop_oneof![
        "[a-z]{1,12}".prop_map(|value| ("x-own".to_owned(), value)),
        "http://[a-z]{1,200}".prop_map(|value| ("referer".to_owned(), value)),
        (0..100_000_u32).prop_map(|value| ("content-length".to_owned(), value.to_string())),
        (0..8_u8).prop_map(|value| ("push-flag".to_owned(), value.to_string())),
    ];
    vec(one, 0..6)
}

fn entity() -> impl Strategy<Value = Option<EntityHeaders>> {
    let content_type = prop_oneof![
        Just(ContentType::new("application/vnd.wap.mms-message")),
        Just(ContentType::new("application/x-own")),
        Just(ContentType::from_mime("text/plain; charset=utf-8")),
    ];
    let entity = (content_type, headers());
    let entity = entity.prop_map(|(content_type, headers)| EntityHeaders { content_type, headers });
    proptest::option::of(entity)
}

fn address() -> impl Strategy<Value = Address> {
    let bearer_type = proptest::option::of(any::<u8>().prop_map(BearerType));
    (bearer_type, any::<Option<u16>>(), octets(MAX_ADDRESS_OCTETS + 1)).prop_map(
        |(bearer_type, port_number, address)| Address { bearer_type, port_number, address },
    )
}

/// Those that both sides can send.
fn capability() -> BoxedStrategy<Capability> {
    prop_oneof![
        any::<u32>().prop_map(Capability::ClientSduSize),
        any::<u32>().prop_map(Capability::ServerSduSize),
        any::<u8>().prop_map(|flags| Capability::ProtocolOptions(ProtocolOptions(flags))),
        any::<u8>().prop_map(Capability::MethodMor),
        any::<u8>().prop_map(Capability::PushMor),
        vec(address(), 0..4).prop_map(Capability::Aliases),
        any::<u32>().prop_map(Capability::ClientMessageSize),
        any::<u32>().prop_map(Capability::ServerMessageSize),
        (0x0A..=0x7F_u8, octets(40))
            .prop_map(|(identifier, parameters)| Capability::Other { identifier, parameters }),
        ("x-[a-z]{1,9}", octets(40))
            .prop_map(|(identifier, parameters)| Capability::Named { identifier, parameters }),
    ]
    .boxed()
}

fn offered() -> impl Strategy<Value = Vec<Capability>> {
    let assignments = || {
        vec((any::<u8>(), "[!-~é]{0,9}").prop_map(|(code, name)| Assignment { code, name }), 0..5)
    };
    let offers = prop_oneof![
        assignments().prop_map(Capability::ExtendedMethods),
        assignments().prop_map(Capability::HeaderCodePages),
    ];
    vec(prop_oneof![4 => capability(), 1 => offers], 0..8)
}

fn granted() -> impl Strategy<Value = Vec<Capability>> {
    let codes = || vec(any::<u8>(), 0..9);
    let answers = prop_oneof![
        codes().prop_map(Capability::AcceptedMethods),
        codes().prop_map(Capability::AcceptedCodePages),
    ];
    vec(prop_oneof![4 => capability(), 1 => answers], 0..8)
}

fn pdu() -> BoxedStrategy<Pdu> {
    let get = (0x40..=0x5F_u8).prop_map(|code| GetMethod::new(code).unwrap());
    let post = (0x60..=0x7F_u8).prop_map(|code| PostMethod::new(code).unwrap());
    let status = any::<u8>().prop_map(Status);
    prop_oneof![
        (any::<u8>(), offered(), headers()).prop_map(|(version, capabilities, headers)| {
            Pdu::Connect { version, capabilities, headers }
        }),
        (any::<u32>(), granted(), headers()).prop_map(|(session_id, capabilities, headers)| {
            Pdu::ConnectReply { session_id, capabilities, headers }
        }),
        (any::<bool>(), any::<bool>(), vec(address(), 0..5)).prop_map(
            |(permanent, reuse_security_session, addresses)| {
                Pdu::Redirect { permanent, reuse_security_session, addresses }
            }
        ),
        (status, entity(), octets(60)).prop_map(|(status, entity, data)| Pdu::Reply {
            status,
            entity,
            data
        }),
        any::<u32>().prop_map(|session_id| Pdu::Disconnect { session_id }),
        (entity(), octets(60)).prop_map(|(entity, data)| Pdu::Push { entity, data }),
        (entity(), octets(60)).prop_map(|(entity, data)| Pdu::ConfirmedPush { entity, data }),
        any::<u32>().prop_map(|session_id| Pdu::Suspend { session_id }),
        (any::<u32>(), offered(), headers()).prop_map(|(session_id, capabilities, headers)| {
            Pdu::Resume { session_id, capabilities, headers }
        }),
        (get, octets(300), headers()).prop_map(|(method, uri, headers)| Pdu::Get {
            method,
            uri,
            headers
        }),
        (post, octets(300), entity(), octets(60))
            .prop_map(|(method, uri, entity, data)| Pdu::Post { method, uri, entity, data }),
        (headers(), octets(60)).prop_map(|(headers, data)| Pdu::DataFragment { headers, data }),
    ]
    .boxed()
}

fn not_understood(warnings: &[Warning]) -> Vec<&Warning> {
    warnings.iter().filter(|warning| !warning.understood).collect()
}

/// Every child lies inside its parent and behind its elder.
pub(in crate::codec) fn assert_nested(node: &Node) {
    let mut from = node.range.start;
    for child in &node.children {
        assert!(from <= child.range.start && child.range.end <= node.range.end, "{node:#?}");
        assert!(child.range.start <= child.range.end, "{child:#?}");
        from = child.range.end;
        assert_nested(child);
    }
}

proptest! {
    #[test]
    fn every_pdu_survives_its_octets(pdu in pdu()) {
        let decoded = Pdu::decode(&pdu.encode()).unwrap();
        prop_assert_eq!(not_understood(&decoded.warnings), Vec::<&Warning>::new());
        prop_assert_eq!(decoded.value, pdu);
    }

    #[test]
    fn every_unit_survives_its_octets(transaction_id in any::<u8>(), pdu in pdu()) {
        let unit = Unit { transaction_id, pdu };
        prop_assert_eq!(Unit::decode(&unit.encode()).unwrap().value, unit);
    }

    #[test]
    fn any_octets_decode_or_fail(octets in octets(300)) {
        let outline = outline(&octets);
        prop_assert_eq!(&outline.range, &(0..octets.len()));
        assert_nested(&outline);
        assert_nested(&outline_unit(&octets));
        if let Ok(decoded) = Pdu::decode(&octets) {
            let again = Pdu::decode(&decoded.value.encode()).unwrap();
            prop_assert_eq!(again.value.pdu_type(), decoded.value.pdu_type());
            prop_assert_eq!(again.value.data(), decoded.value.data());
        }
    }

    #[test]
    fn a_changed_octet_decodes_or_fails(pdu in pdu(), at in any::<usize>(), with in any::<u8>()) {
        let mut octets = pdu.encode().to_vec();
        let place = at % octets.len();
        octets[place] = with;
        let octets = Bytes::from(octets);
        assert_nested(&outline(&octets));
        let _ = Pdu::decode(&octets);
    }

    #[test]
    fn a_cut_pdu_decodes_or_fails_inside(pdu in pdu(), at in any::<usize>()) {
        let octets = pdu.encode();
        let octets = octets.slice(..at % octets.len());
        assert_nested(&outline(&octets));
        if let Err(error) = Pdu::decode(&octets) {
            prop_assert!(error.offset <= octets.len());
        }
    }
}

#[test]
fn data_and_uri_are_slices_of_the_input() {
    let data = Bytes::from(vec![7; 300_000]);
    let method = PostMethod::POST;
    let entity = Some(EntityHeaders::new(ContentType::new("application/vnd.wap.mms-message")));
    let input = Pdu::Post { method, uri: Bytes::from_static(b"http://m/"), entity, data }.encode();
    let Pdu::Post { uri, data, .. } = Pdu::decode(&input).unwrap().value else { panic!() };
    let inside = |part: &Bytes| input.as_ptr_range().contains(&part.as_ptr());
    assert!(inside(&uri) && inside(&data));
    assert_eq!(data.len(), 300_000);
}
