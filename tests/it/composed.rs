//! Composed messages through the codec: what leaves is what was composed, without a complaint.

use bytes::Bytes;
use mm1gate::codec::mms::{self, Body, From, Pdu, SendReq, Version};
use mm1gate::codec::smil;
use mm1gate::media::{Composed, compose, compose_mixed, demo_photo, sniff, thumbnail};
use mm1gate::model::{Address, NewMessage, NewPart};

fn part(name: &str, body: impl Into<Bytes>) -> NewPart {
    NewPart { media_type: None, name: Some(name.to_owned()), body: body.into() }
}

fn message() -> NewMessage {
    NewMessage {
        text: Some("Zwei Bilder, Gr\u{fc}\u{df}e \u{1f600}".to_owned()),
        parts: vec![
            part("eins.jpg", demo_photo(1, 20_000)),
            part("zwei & drei \"<>.jpg", demo_photo(2, 12_000)),
            part("me.vcf", "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Shop\r\nEND:VCARD\r\n"),
            part("ton.amr", &b"#!AMR\n\x3c\x00\x01"[..]),
        ],
        ..NewMessage::default()
    }
}

fn sent_and_read(composed: &Composed) -> SendReq {
    let request = SendReq {
        transaction_id: "0123456789ABCDEF".to_owned(),
        version: Version::V1_2,
        date: None,
        from: From::InsertAddress,
        to: vec![Address::Msisdn("+447700900123".to_owned())],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: None,
        message_class: None,
        expiry: None,
        delivery_time: None,
        priority: None,
        sender_visibility_hide: None,
        delivery_report: Some(true),
        read_report: None,
        extra: Vec::new(),
        content_type: composed.content_type.clone(),
        body: Body::Multipart(composed.parts.clone()),
    };
    let decoded = mms::decode(&Pdu::SendReq(request.clone()).encode()).unwrap();
    assert!(decoded.warnings.is_empty(), "{:?}", decoded.warnings);
    let Pdu::SendReq(read) = decoded.value else { panic!("another PDU") };
    assert_eq!(read, request);
    read
}

#[test]
fn composed_message_survives_the_wire_and_references_every_part() {
    let composed = compose(&message()).unwrap();
    let Body::Multipart(parts) = sent_and_read(&composed).body else { panic!("no multipart") };
    let presentation = smil::decode(&parts[0].body, None).unwrap();
    assert_eq!(presentation.warnings, []);
    let names: Vec<_> = parts.iter().map(smil::PartNames::of).collect();
    let resolved = smil::resolve(presentation.value.sources(), &names);
    assert_eq!(resolved.unreferenced, Vec::<usize>::new());
    let mut found: Vec<_> = resolved.parts.into_iter().flatten().collect();
    found.sort_unstable();
    assert_eq!(found, [1, 2, 3, 4, 5], "each exactly once");
    assert_eq!(parts[1].text().as_deref(), message().text.as_deref());
    for (part, given) in parts[2..].iter().zip(message().parts) {
        assert_eq!(part.body, given.body);
    }
}

#[test]
fn mixed_message_survives_the_wire() {
    let composed = compose_mixed(&message()).unwrap();
    let Body::Multipart(parts) = sent_and_read(&composed).body else { panic!("no multipart") };
    assert!(parts.iter().all(|part| !part.content_type.media_type.is_smil()));
    assert_eq!(parts.len(), 5);
}

#[test]
fn drawn_photo_is_told_and_scaled_like_any_other() {
    let photo = demo_photo(3, 60_000);
    assert_eq!(sniff(&photo).unwrap().as_str(), "image/jpeg");
    let small = thumbnail(&photo, 160).unwrap();
    assert!(small.len() < photo.len() / 4);
    let picture = image::load_from_memory(&small).unwrap();
    assert_eq!(picture.width(), 160);
}
