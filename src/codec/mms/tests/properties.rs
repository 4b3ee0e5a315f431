//! What holds for every PDU, every field and any octets (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7).

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::*;
use super::strategies::{listed, needs, pdu, pdu_of, value_of};

/// A PDU of one field.
fn alone(header: Header) -> Generic {
    Generic { message_type: message_type::SEND_CONF, headers: vec![header], content: None }
}

#[test]
fn nothing_mandatory_may_be_absent() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    for kind in message_type::SEND_REQ..=message_type::CANCEL_CONF {
        let pdu = pdu_of(kind).new_tree(&mut runner).unwrap().current();
        let content = pdu.content().map(|(content_type, body)| Content {
            content_type: content_type.clone(),
            body: body.clone(),
        });
        let (mandatory, body) = needs(kind);
        for field in mandatory {
            let mut headers = pdu.headers();
            headers.retain(|header| header.name != HeaderName::Known(field));
            let error = Pdu::from_headers(kind, headers, content.clone()).unwrap_err();
            assert_eq!(error, BuildError::Missing(field.name), "{}", pdu.name());
        }
        if body == Some(true) {
            let error = Pdu::from_headers(kind, pdu.headers(), None);
            let without_error = error.is_ok() && kind == message_type::RETRIEVE_CONF;
            assert!(
                without_error || error == Err(BuildError::Missing("Content-Type")),
                "{}",
                pdu.name()
            );
        }
    }
}

proptest! {
    #[test]
    fn every_pdu_survives_a_round_trip_and_nothing_in_it_is_odd(pdu in pdu()) {
        let octets = pdu.encode();
        let decoded = decode(&octets).unwrap();
        prop_assert_eq!(&decoded.value, &pdu);
        // What was not written is told; of what was, there is nothing to tell.
        let mut told = decoded.warnings;
        told.retain(|warning| {
            !warning.text.starts_with("absent") && warning.text != "this PDU has none"
        });
        prop_assert_eq!(told, vec![]);
    }

    #[test]
    fn list_of_headers_is_the_pdu(pdu in pdu()) {
        let octets = pdu.encode();
        let list = Generic::decode(&octets).unwrap();
        prop_assert_eq!(list.warnings, vec![]);
        prop_assert_eq!(list.value.message_type, pdu.message_type());
        prop_assert_eq!(&list.value.headers, &pdu.headers());
        prop_assert_eq!(&list.value.encode(), &octets);
        let Generic { message_type, headers, content } = list.value;
        prop_assert_eq!(&Pdu::from_headers(message_type, headers, content).unwrap(), &pdu);
    }

    #[test]
    fn every_field_survives_a_round_trip_without_warning(
        header in select(listed()).prop_flat_map(|field| {
            value_of(field).prop_map(move |value| Header::new(field, value))
        }),
    ) {
        let pdu = alone(header);
        let decoded = Generic::decode(&pdu.encode()).unwrap();
        prop_assert_eq!(decoded.value, pdu);
        prop_assert_eq!(decoded.warnings, vec![]);
    }

    #[test]
    fn codes_without_a_name_survive_and_are_told(
        field in select(listed().into_iter().filter(|f| !f.tokens().is_empty()).collect::<Vec<_>>()),
        code in 0x80..=0xFF_u8,
    ) {
        let value = match field.form {
            Form::MmFlags => Value::MmFlags { operation: code, keyword: "k".into() },
            Form::Totals => Value::Totals { unit: code, amount: 7 },
            _ => Value::Token(code),
        };
        let pdu = alone(Header::new(field, value));
        let decoded = Generic::decode(&pdu.encode()).unwrap();
        prop_assert_eq!(decoded.value, pdu);
        let told: Vec<_> = decoded.warnings.iter().map(|warning| warning.field.as_str()).collect();
        prop_assert_eq!(told, vec![field.name; usize::from(!field.is_named(code))]);
        let understood = decoded.warnings.iter().all(|warning| warning.understood);
        prop_assert_eq!(understood, field.token_name(code).is_some());
    }

    #[test]
    fn identifiers_of_any_octets_go_back_as_they_came(
        id in prop::collection::vec(1..=0xFF_u8, 1..40),
    ) {
        let quote = !(0x20..0x7F).contains(&id[0]);
        let octets = [&[0x8C, 0x85, 0x98], &[0x7F][..usize::from(quote)], &id[..], &[0, 0x8D, 0x92]];
        let octets = Bytes::from(octets.concat());
        let decoded = decode(&octets).unwrap();
        prop_assert_eq!(decoded.value.encode(), octets);
        let text = std::str::from_utf8(&id).is_ok();
        prop_assert!(text || decoded.warnings.len() == 1);
        prop_assert_eq!(&wire_octets(decoded.value.transaction_id().unwrap())[..], &id[..]);
    }

    #[test]
    fn times_that_make_no_sense_survive(after in any::<u64>(), at in 0..=i64::MAX / 1000) {
        let times = [
            Expiry::After(std::time::Duration::from_secs(after)),
            Expiry::At(crate::model::Timestamp::from_secs(at)),
        ];
        for time in times {
            let pdu = alone(Header::new(field::EXPIRY, Value::Time(time)));
            prop_assert_eq!(Generic::decode(&pdu.encode()).unwrap().value, pdu);
        }
    }

    #[test]
    fn fields_without_a_name_survive_octet_for_octet(
        code in 0x40..=0x7F_u8,
        value in prop_oneof![
            (0x80..=0xFF_u8).prop_map(|octet| vec![octet]),
            "[ -~]{1,20}".prop_map(|text| [text.as_bytes(), b"\0"].concat()),
            prop::collection::vec(any::<u8>(), 0..200).prop_map(|octets| {
                let mut value = Vec::new();
                crate::codec::wsp::put_with_length(&mut value, &octets);
                value
            }),
        ],
    ) {
        let octets = [&[0x8C, 0x85, 0x98, b'T', 0, 0x8D, 0x92, 0x80 | code], &value[..]].concat();
        let decoded = decode(&Bytes::from(octets.clone())).unwrap();
        prop_assert_eq!(decoded.warnings.len(), 1);
        prop_assert_eq!((decoded.warnings[0].offset, decoded.warnings[0].understood), (7, false));
        prop_assert_eq!(decoded.value.encode(), octets);
    }

    #[test]
    fn every_cut_of_a_pdu_gives_a_value_or_an_error(pdu in pdu(), at in any::<Index>()) {
        let octets = pdu.encode();
        let cut = octets.slice(..at.index(octets.len()));
        let _ = decode(&cut);
        let _ = Generic::decode(&cut);
        covers(&cut)?;
    }

    #[test]
    fn what_is_decoded_from_a_damaged_pdu_is_stable(
        pdu in pdu(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut octets = pdu.encode().to_vec();
        for (at, octet) in damage {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let octets = Bytes::from(octets);
        covers(&octets)?;
        if let Ok(first) = decode(&octets) {
            let again = decode(&first.value.encode()).unwrap();
            prop_assert_eq!(&again.value.headers(), &first.value.headers());
            prop_assert_eq!(again.value.name(), first.value.name());
        }
        if let Ok(first) = Generic::decode(&octets) {
            let again = Generic::decode(&first.value.encode()).unwrap();
            prop_assert_eq!(again.value.headers, first.value.headers);
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        let octets = Bytes::from(octets);
        let _ = decode(&octets);
        let _ = Generic::decode(&octets);
        covers(&octets)?;
    }

    #[test]
    fn arbitrary_octets_behind_a_message_type_are_read_stably(
        kind in 0x80..=0x97_u8,
        octets in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let octets = Bytes::from([&[0x8C, kind][..], &octets].concat());
        covers(&octets)?;
        if let Ok(first) = decode(&octets) {
            let again = decode(&first.value.encode()).unwrap();
            prop_assert_eq!(again.value.headers(), first.value.headers());
        }
    }
}

/// The outline of any octets leaves none of them out.
fn covers(octets: &Bytes) -> Result<(), TestCaseError> {
    let node = outline(octets);
    let mut end = 0;
    for child in &node.children {
        prop_assert_eq!(child.range.start, end);
        prop_assert!(child.range.end > end);
        end = child.range.end;
    }
    prop_assert_eq!(end, octets.len());
    Ok(())
}
