//! Every PDU of OMA-TS-MMS_ENC-V1_3 as the specification writes it, `tests/vectors/mms`: its fields as
//! they are typed, and the same octets back where the order is ours.

use bytes::Bytes;
use mm1gate::codec::Decoded;
use mm1gate::codec::mms::{
    self, Body, Content, Counted, ElementDescriptor, Expiry, Form, From, Generic, Header,
    HeaderName, MmFlags, Pdu, Totals, Value, field,
};
use mm1gate::codec::wsp::ContentType;
use mm1gate::model::{Address, Timestamp};

use crate::vectors::octets;

/// The PDU of a vector that has nothing odd: no warning, and written as it was.
fn plain(name: &str) -> Pdu {
    let octets = octets("mms", name);
    let Decoded { value, warnings } = mms::decode(&octets).unwrap();
    assert_eq!(warnings, [], "{name}");
    assert_eq!(value.encode(), octets, "{name}");
    let list = Generic::decode(&octets).unwrap();
    assert_eq!((list.value.headers, list.warnings), (value.headers(), vec![]), "{name}");
    value
}

/// What a PDU says beside its Transaction-Id and version, as people read it.
fn said(pdu: &Pdu) -> Vec<String> {
    let apart = [field::TRANSACTION_ID, field::MMS_VERSION];
    pdu.headers()
        .iter()
        .filter(|header| !header.name.field().is_some_and(|field| apart.contains(&field)))
        .map(|header| format!("{}: {}", header.name.json_name(), header.text()))
        .collect()
}

fn number(text: &str) -> Address {
    Address::Msisdn(text.into())
}

fn flag(operation: u8, keyword: &str) -> MmFlags {
    MmFlags { operation, keyword: keyword.into() }
}

const URL: &str = "http://mmsc.example/m?id=7";

#[test]
fn every_pdu_of_the_specification_has_its_vector() {
    let mut names: Vec<_> = [
        "send-req-as-specified",
        "send-conf-lack-of-prepaid",
        "notification-plain",
        "notifyresp-ind",
        "retrieve-plain",
        "acknowledge-ind",
        "delivery-ind-1-3",
        "read-rec-ind",
        "read-orig-ind",
        "forward-req",
        "forward-conf",
        "mbox-store-req",
        "mbox-store-conf",
        "mbox-view-req",
        "mbox-view-conf",
        "mbox-upload-req",
        "mbox-upload-conf",
        "mbox-delete-req",
        "mbox-delete-conf",
        "mbox-descr",
        "delete-req",
        "delete-conf",
        "cancel-req",
        "cancel-conf",
    ]
    .map(|name| mms::decode(&octets("mms", name)).unwrap().value.message_type())
    .to_vec();
    names.sort_unstable();
    assert_eq!(names, (0x80..=0x97).collect::<Vec<u8>>());
}

#[test]
fn answers_and_reports_are_read() {
    assert_eq!(
        said(&plain("notifyresp-ind")),
        ["status: Retrieved (0x81)", "report-allowed: Yes (0x80)"]
    );
    assert_eq!(said(&plain("acknowledge-ind")), ["report-allowed: No (0x81)"]);
    let Pdu::DeliveryInd(delivery) = plain("delivery-ind-1-3") else { panic!("another PDU") };
    assert_eq!(delivery.status, mms::MmsStatus::UNREACHABLE);
    assert_eq!(
        delivery.extra,
        [Header::new(field::STATUS_TEXT, Value::Encoded("Phone is off".into()))]
    );
    let Pdu::ReadRecInd(read) = plain("read-rec-ind") else { panic!("another PDU") };
    assert_eq!((read.read_status, read.from), (mms::ReadStatus::READ, Some(From::InsertAddress)));
    let Pdu::ReadOrigInd(unread) = plain("read-orig-ind") else { panic!("another PDU") };
    assert_eq!(unread.read_status, mms::ReadStatus::DELETED_UNREAD);
    assert_eq!(unread.from, Some(From::Address(number("+447700900124"))));
}

#[test]
fn forwarding_is_read() {
    let Pdu::ForwardReq(request) = plain("forward-req") else { panic!("another PDU") };
    assert_eq!(request.transaction_id, "T7");
    assert_eq!(request.from, Some(From::InsertAddress));
    assert_eq!(request.to, [number("+447700900123")]);
    assert_eq!(request.cc, [Address::Email("shop@example.com".into())]);
    assert_eq!(request.expiry, Some(Expiry::After(std::time::Duration::from_secs(3600))));
    assert_eq!(request.delivery_time, Some(Expiry::At(Timestamp::from_secs(0x6A00_0010))));
    let flags =
        [request.report_allowed, request.delivery_report, request.read_report, request.store];
    assert_eq!(flags, [Some(true), Some(true), Some(false), Some(true)]);
    assert_eq!(request.mm_state, Some(mms::MmState::SENT));
    assert_eq!(request.mm_flags, [flag(0x80, "work")]);
    assert_eq!((request.content_location.as_str(), request.extra.len()), (URL, 0));

    let Pdu::ForwardConf(answer) = plain("forward-conf") else { panic!("another PDU") };
    assert_eq!(answer.response_status, mms::ResponseStatus::OK);
    assert_eq!(answer.response_text.as_deref(), Some("Sent on"));
    assert_eq!(answer.message_id.as_deref(), Some("m-1@mmsc"));
    assert_eq!(answer.content_location.as_deref(), Some(URL));
    assert_eq!(answer.store_status, Some(mms::StoreStatus::SUCCESS));
    assert_eq!((answer.store_status_text.as_deref(), answer.extra.len()), (Some("Kept"), 0));
}

#[test]
fn storing_is_read() {
    let Pdu::MboxStoreReq(request) = plain("mbox-store-req") else { panic!("another PDU") };
    assert_eq!((request.content_location.as_str(), request.extra.len()), (URL, 0));
    assert_eq!(request.mm_state, Some(mms::MmState::NEW));
    assert_eq!(request.mm_flags, [flag(0x80, "work"), flag(0x81, "\u{434}\u{430}")]);

    let Pdu::MboxStoreConf(full) = plain("mbox-store-conf") else { panic!("another PDU") };
    assert_eq!(full.store_status.to_string(), "Error-permanent-mmbox-full (0xe4)");
    assert_eq!(full.store_status.class(), mms::StatusClass::Permanent);
    assert_eq!(full.store_status_text.as_deref(), Some("Full"));
    assert_eq!((full.content_location.as_deref(), full.extra.len()), (Some(URL), 0));
}

#[test]
fn viewing_is_read() {
    let Pdu::MboxViewReq(request) = plain("mbox-view-req") else { panic!("another PDU") };
    assert_eq!(request.mm_state, [mms::MmState::NEW, mms::MmState::SENT]);
    assert_eq!(request.mm_flags, [flag(0x82, "work")]);
    assert_eq!((request.start, request.limit), (Some(0), Some(200)));
    assert_eq!(
        request.attributes,
        [
            HeaderName::Known(field::SUBJECT),
            HeaderName::Known(field::MESSAGE_SIZE),
            HeaderName::Text("X-Own".into())
        ]
    );
    assert_eq!((request.totals, request.quotas), (Some(true), Some(false)));
    assert_eq!((request.content_location.len(), request.extra.len()), (0, 0));

    let Pdu::MboxViewConf(answer) = plain("mbox-view-conf") else { panic!("another PDU") };
    assert_eq!(
        answer.mbox_totals,
        [Totals { unit: 0x80, amount: 5 }, Totals { unit: 0x81, amount: 65_536 }]
    );
    assert_eq!(answer.mbox_quotas, [Totals { unit: 0x80, amount: 250 }]);
    assert_eq!((answer.message_count, answer.extra.len()), (Some(1), 0));
    let Some(Content { body: Body::Multipart(parts), .. }) = answer.content else {
        panic!("no parts")
    };
    assert_eq!(parts[0].content_type.media_type.as_str(), mms::CONTENT_TYPE);
    let Pdu::MboxDescr(inner) = mms::decode(&parts[0].body).unwrap().value else {
        panic!("another PDU")
    };
    assert_eq!(inner.content_location.as_deref(), Some("http://b/1"));
    assert_eq!((inner.mm_state, inner.subject.as_deref()), (Some(mms::MmState::NEW), Some("Hi")));
    assert_eq!(inner.content, None);
}

#[test]
fn descriptions_and_uploads_are_read() {
    let Pdu::MboxDescr(message) = plain("mbox-descr") else { panic!("another PDU") };
    assert_eq!(message.message_id.as_deref(), Some("m-1@mmsc"));
    assert_eq!(message.date, Some(Timestamp::from_secs(0x6A00_0000)));
    assert_eq!(message.to, [number("+447700900123")]);
    assert_eq!(message.priority, Some(mms::Priority::High));
    assert_eq!((message.message_size, message.extra.len()), (Some(256), 0));
    let content = Content {
        content_type: ContentType::new("text/plain"),
        body: Body::Single(Bytes::from_static(b"Hello")),
    };
    assert_eq!(message.content, Some(content));

    let Pdu::MboxUploadReq(request) = plain("mbox-upload-req") else { panic!("another PDU") };
    assert_eq!(request.mm_state, Some(mms::MmState::DRAFT));
    assert_eq!((&request.mm_flags[..], request.extra.len()), (&[flag(0x80, "work")][..], 0));
    let Body::Single(inner) = request.content.body else { panic!("parts") };
    assert_eq!(mms::decode(&inner).unwrap().value.name(), "m-mbox-descr");
    assert_eq!(
        said(&plain("mbox-upload-conf")),
        [format!("content-location: {URL}"), "store-status: Success (0x80)".into()]
    );
}

#[test]
fn deleting_is_read() {
    let two = ["http://b/1", "http://b/2"];
    let Pdu::MboxDeleteReq(request) = plain("mbox-delete-req") else { panic!("another PDU") };
    assert_eq!(
        (&request.content_location[..], request.extra.len()),
        (&two.map(String::from)[..], 0)
    );
    let Pdu::DeleteReq(request) = plain("delete-req") else { panic!("another PDU") };
    assert_eq!(request.content_location, two);

    for name in ["mbox-delete-conf", "delete-conf"] {
        // The counts tie values together, so their order in the PDU is free.
        let Decoded { value, warnings } = mms::decode(&octets("mms", name)).unwrap();
        assert_eq!(warnings, []);
        let (Pdu::MboxDeleteConf(answer) | Pdu::DeleteConf(answer)) = value else {
            panic!("another PDU")
        };
        let counted = |count, value: &str| Counted { count, value: value.to_owned() };
        assert_eq!(answer.content_location, [counted(1, two[0]), counted(2, two[1])]);
        let statuses: Vec<_> =
            answer.response_status.iter().map(|status| (status.count, status.value.0)).collect();
        assert_eq!(statuses, [(1, 0x80), (2, 0xE4)]);
        assert_eq!((answer.response_text, answer.extra), (vec![counted(2, "éa")], vec![]));
    }

    let bare = mms::decode(&octets("mms", "mbox-delete-conf-without-counts")).unwrap();
    let Pdu::MboxDeleteConf(answer) = bare.value else { panic!("another PDU") };
    assert_eq!(answer.content_location, [Counted { count: 0, value: two[0].to_owned() }]);
}

#[test]
fn cancelling_is_read() {
    let Pdu::CancelReq(request) = plain("cancel-req") else { panic!("another PDU") };
    assert_eq!((request.cancel_id.as_str(), request.extra.len()), ("m-1@mmsc", 0));
    let Pdu::CancelConf(answer) = plain("cancel-conf") else { panic!("another PDU") };
    assert_eq!((answer.cancel_status, answer.extra.len()), (mms::CancelStatus::RECEIVED, 0));
}

#[test]
fn fields_of_later_versions_are_typed_in_a_notification() {
    let Decoded { value: Pdu::NotificationInd(pdu), warnings } =
        mms::decode(&octets("mms", "notification-fields-1-1-to-1-3")).unwrap()
    else {
        panic!("another PDU")
    };
    assert_eq!(warnings, []);
    let value = |field| Header::find(&pdu.extra, field).cloned().unwrap();
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(value(field::STORED), Value::Token(0x80));
    assert_eq!(value(field::REPLY_CHARGING), Value::Token(0x81));
    let deadline = Expiry::At(Timestamp::from_secs(0x6A00_0000));
    assert_eq!(value(field::REPLY_CHARGING_DEADLINE), Value::Time(deadline));
    assert_eq!(value(field::REPLY_CHARGING_SIZE), Value::Integer(1024));
    assert_eq!(value(field::REPLY_CHARGING_ID), text("r-1"));
    assert_eq!(value(field::DISTRIBUTION_INDICATOR), Value::Token(0x81));
    let descriptor = ElementDescriptor {
        content_reference: "p1".into(),
        parameters: vec![("type".into(), "image/jpeg".into()), ("x".into(), "y".into())],
    };
    assert_eq!(value(field::ELEMENT_DESCRIPTOR), Value::ElementDescriptor(Box::new(descriptor)));
    assert_eq!(value(field::RECOMMENDED_RETRIEVAL_MODE), Value::Token(0x80));
    assert_eq!(value(field::RECOMMENDED_RETRIEVAL_MODE_TEXT), Value::Encoded("Roaming".into()));
    assert_eq!(value(field::APPLIC_ID), text("game.example"));
    assert_eq!(value(field::REPLY_APPLIC_ID), text("reply.example"));
    assert_eq!(value(field::AUX_APPLIC_INFO), text("level=3"));
    assert_eq!(value(field::CONTENT_CLASS), Value::Token(0x82));
    assert_eq!(value(field::DRM_CONTENT), Value::Token(0x80));
    assert_eq!(value(field::REPLACE_ID), text("m-0@mmsc"));
    assert_eq!(pdu.extra.len(), 15);
    assert!(pdu.extra.iter().all(|header| {
        header
            .name
            .field()
            .is_some_and(|field| field.form != Form::Opaque && field.since > mms::Version::V1_0)
    }));
}

#[test]
fn history_of_a_forwarded_message_is_typed() {
    let Pdu::RetrieveConf(pdu) = plain("retrieve-forwarded") else { panic!("another PDU") };
    let counted = |count, value| Value::Counted { count, value: Box::new(value) };
    let by = |text: &str| Value::Address(text.into());
    let at = |seconds| Value::Date(Timestamp::from_secs(seconds));
    assert_eq!(
        pdu.extra,
        [
            Header::new(field::PREVIOUSLY_SENT_BY, counted(1, by("+447700900125/TYPE=PLMN"))),
            Header::new(field::PREVIOUSLY_SENT_DATE, counted(1, at(0x69FF_0000))),
            Header::new(field::PREVIOUSLY_SENT_BY, counted(2, by("office@example.com"))),
            Header::new(field::PREVIOUSLY_SENT_DATE, counted(2, at(0x69FF_8000))),
            Header::new(field::MM_STATE, Value::Token(0x84)),
            Header::new(
                field::MM_FLAGS,
                Value::MmFlags { operation: 0x80, keyword: "work".into() }
            ),
        ]
    );
}
