//! The MMS PDUs that foreign decoders are shown (OMA-TS-MMS_ENC-V1_3 clause 6), full of fields;
//! the tests change what they are about.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::{
    AcknowledgeInd, Body, CancelConf, CancelReq, CancelStatus, Content, Counted, DeleteConf,
    DeleteReq, DeliveryInd, Expiry, ForwardConf, ForwardReq, From, HeaderName, MboxDescr,
    MboxStoreConf, MboxStoreReq, MboxUploadConf, MboxUploadReq, MboxViewConf, MboxViewReq,
    MessageClass, MmFlags, MmState, MmsStatus, NotificationInd, NotifyRespInd, Priority,
    ReadRecInd, ReadStatus, ResponseStatus, RetrieveConf, SendConf, SendReq, StoreStatus, Totals,
    Version, field,
};
use mm1gate::codec::wsp::{ContentType, Part};
use mm1gate::model::{Address, Timestamp};

pub(crate) const DATE: Timestamp = Timestamp::from_secs(1_700_000_000);

pub(crate) const SMIL: &str = "<smil><head><layout><root-layout/></layout></head>\
    <body><par dur=\"5000ms\"><img src=\"photo.jpg\"/><text src=\"text.txt\"/></par></body></smil>";

pub(crate) fn number(text: &str) -> Address {
    Address::Msisdn(text.to_owned())
}

/// Octets of every value that no compression or text conversion would leave alone.
pub(crate) fn noise(length: usize) -> Bytes {
    let octet = |at: usize| u8::try_from((at * 7 + at / 251) % 256).unwrap_or(0);
    (0..length).map(octet).collect::<Vec<u8>>().into()
}

/// A part with the names that a presentation needs.
pub(crate) fn part(media_type: &str, name: &str, body: Bytes) -> Part {
    let mut part = Part::new(ContentType::new(media_type), body);
    part.content_type.name = Some(name.into());
    part.content_id = Some(name.split('.').next().unwrap_or(name).into());
    part.content_location = Some(name.into());
    part
}

/// A presentation, a text and a picture.
pub(crate) fn parts() -> (ContentType, Vec<Part>) {
    let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
    content_type.kind = Some("application/smil".into());
    content_type.start = Some("<smil>".into());
    let mut smil = part("application/smil", "smil.xml", Bytes::from_static(SMIL.as_bytes()));
    smil.content_type.charset = Some("utf-8".into());
    let mut text = part("text/plain", "text.txt", "Hello ελληνικά there".into());
    text.content_type.charset = Some("utf-8".into());
    text.headers.push(("content-disposition".into(), "attachment; filename=text.txt".into()));
    let photo = part("image/jpeg", "photo.jpg", noise(2_000));
    (content_type, vec![smil, text, photo])
}

pub(crate) fn send_req() -> SendReq {
    let (content_type, parts) = parts();
    SendReq {
        transaction_id: "5F3A-77".into(),
        version: Version::V1_2,
        date: Some(DATE),
        from: From::InsertAddress,
        to: vec![number("+447700900123"), Address::ShortCode("86888".into())],
        cc: vec![Address::Email("a@example.com".into())],
        bcc: vec![number("+447700900125")],
        subject: Some("Two pictures".into()),
        message_class: Some(MessageClass::Personal),
        expiry: Some(Expiry::After(Duration::from_secs(86_400))),
        delivery_time: Some(Expiry::At(DATE)),
        priority: Some(Priority::High),
        sender_visibility_hide: Some(true),
        delivery_report: Some(true),
        read_report: Some(false),
        extra: vec![],
        content_type,
        body: Body::Multipart(parts),
    }
}

pub(crate) fn send_conf() -> SendConf {
    SendConf {
        transaction_id: Some("5F3A-77".into()),
        version: Version::V1_2,
        response_status: ResponseStatus::OK,
        response_text: Some("Not today".into()),
        message_id: Some("<id-1@mmsc>".into()),
        extra: vec![],
    }
}

pub(crate) fn notification() -> NotificationInd {
    NotificationInd {
        transaction_id: "N@7".into(),
        version: Version::V1_2,
        from: Some(From::Address(number("+447700900124"))),
        subject: Some("Hi".into()),
        delivery_report: Some(false),
        message_class: Some(MessageClass::Advertisement),
        priority: Some(Priority::Low),
        message_size: Some(29_696),
        expiry: Some(Expiry::After(Duration::from_secs(3600))),
        content_location: "http://mmsc.example/m?id=7".into(),
        extra: vec![],
    }
}

pub(crate) fn notify_resp() -> NotifyRespInd {
    NotifyRespInd {
        transaction_id: "N7".into(),
        version: Version::V1_2,
        status: MmsStatus::RETRIEVED,
        report_allowed: Some(true),
        extra: vec![],
    }
}

pub(crate) fn retrieve_conf() -> RetrieveConf {
    let (content_type, parts) = parts();
    RetrieveConf {
        transaction_id: Some("R1".into()),
        version: Version::V1_2,
        message_id: Some("m-1".into()),
        date: Some(DATE),
        from: Some(From::Address(number("+447700900124"))),
        to: vec![number("+447700900123"), number("+447700900126")],
        cc: vec![],
        subject: Some("Hi".into()),
        message_class: Some(MessageClass::Other("x-own".into())),
        priority: Some(Priority::Normal),
        delivery_report: Some(true),
        read_report: Some(true),
        retrieve_status: None,
        retrieve_text: None,
        extra: vec![],
        content_type,
        body: Body::Multipart(parts),
    }
}

pub(crate) fn acknowledge() -> AcknowledgeInd {
    AcknowledgeInd {
        transaction_id: "R1".into(),
        version: Version::V1_2,
        report_allowed: Some(true),
        extra: vec![],
    }
}

pub(crate) fn delivery() -> DeliveryInd {
    DeliveryInd {
        version: Version::V1_2,
        message_id: "m-1".into(),
        to: vec![number("+447700900123")],
        date: Some(DATE),
        status: MmsStatus::RETRIEVED,
        extra: vec![],
    }
}

pub(crate) fn read_report() -> ReadRecInd {
    ReadRecInd {
        version: Version::V1_2,
        message_id: "m-1".into(),
        to: vec![number("+447700900124")],
        from: Some(From::InsertAddress),
        date: Some(DATE),
        read_status: ReadStatus::READ,
        extra: vec![],
    }
}

fn flags(operation: u8, keyword: &str) -> MmFlags {
    MmFlags { operation, keyword: keyword.into() }
}

pub(crate) fn forward_req() -> ForwardReq {
    ForwardReq {
        transaction_id: "F1".into(),
        version: Version::V1_2,
        date: Some(DATE),
        from: Some(From::InsertAddress),
        to: vec![number("+447700900123")],
        cc: vec![number("+447700900124")],
        bcc: vec![number("+447700900125")],
        expiry: Some(Expiry::At(DATE)),
        delivery_time: Some(Expiry::After(Duration::from_secs(60))),
        report_allowed: Some(true),
        delivery_report: Some(false),
        read_report: Some(true),
        store: Some(true),
        mm_state: Some(MmState(0x80)),
        mm_flags: vec![flags(0x80, "shop")],
        content_location: "http://mmsc.example/m".into(),
        extra: vec![],
    }
}

pub(crate) fn forward_conf() -> ForwardConf {
    ForwardConf {
        transaction_id: Some("F1".into()),
        version: Version::V1_2,
        response_status: ResponseStatus(0xE8),
        response_text: Some("Not that one".into()),
        message_id: Some("m-2".into()),
        content_location: Some("http://mmsc.example/s".into()),
        store_status: Some(StoreStatus(0x80)),
        store_status_text: Some("kept".into()),
        extra: vec![],
    }
}

pub(crate) fn mbox_store_req() -> MboxStoreReq {
    MboxStoreReq {
        transaction_id: "S1".into(),
        version: Version::V1_2,
        content_location: "http://mmsc.example/m".into(),
        mm_state: Some(MmState(0x82)),
        mm_flags: vec![flags(0x80, "shop"), flags(0x81, "größe")],
        extra: vec![],
    }
}

pub(crate) fn mbox_store_conf() -> MboxStoreConf {
    MboxStoreConf {
        transaction_id: Some("S1".into()),
        version: Version::V1_2,
        content_location: Some("http://mmsc.example/s".into()),
        store_status: StoreStatus(0xE4),
        store_status_text: Some("full".into()),
        extra: vec![],
    }
}

pub(crate) fn mbox_view_req() -> MboxViewReq {
    MboxViewReq {
        transaction_id: "V1".into(),
        version: Version::V1_2,
        content_location: vec!["http://mmsc.example/a".into(), "http://mmsc.example/b".into()],
        mm_state: vec![MmState(0x82), MmState(0x83)],
        mm_flags: vec![flags(0x82, "shop")],
        start: Some(0),
        limit: Some(200),
        attributes: vec![field::SUBJECT.into(), HeaderName::Text("X-Own".into())],
        totals: Some(true),
        quotas: Some(false),
        extra: vec![],
    }
}

pub(crate) fn mbox_view_conf() -> MboxViewConf {
    let (_, parts) = parts();
    MboxViewConf {
        transaction_id: Some("V1".into()),
        version: Version::V1_2,
        response_status: ResponseStatus::OK,
        response_text: Some("two".into()),
        content_location: vec![],
        mm_state: vec![MmState(0x82)],
        mm_flags: vec![],
        start: Some(1),
        limit: Some(10),
        attributes: vec![field::DATE.into()],
        mbox_totals: vec![Totals { unit: 0x80, amount: 2 }, Totals { unit: 0x81, amount: 307_200 }],
        mbox_quotas: vec![Totals { unit: 0x80, amount: 100 }],
        message_count: Some(2),
        extra: vec![],
        content: Some(Content {
            content_type: ContentType::new("application/vnd.wap.multipart.mixed"),
            body: Body::Multipart(parts),
        }),
    }
}

pub(crate) fn mbox_upload_req() -> MboxUploadReq {
    let (content_type, parts) = parts();
    MboxUploadReq {
        transaction_id: "U1".into(),
        version: Version::V1_2,
        mm_state: Some(MmState(0x80)),
        mm_flags: vec![flags(0x80, "shop")],
        extra: vec![],
        content: Content { content_type, body: Body::Multipart(parts) },
    }
}

pub(crate) fn mbox_upload_conf() -> MboxUploadConf {
    MboxUploadConf {
        transaction_id: Some("U1".into()),
        version: Version::V1_2,
        content_location: Some("http://mmsc.example/u".into()),
        store_status: StoreStatus(0x80),
        store_status_text: Some("kept".into()),
        extra: vec![],
    }
}

pub(crate) fn delete_req() -> DeleteReq {
    DeleteReq {
        transaction_id: "D1".into(),
        version: Version::V1_2,
        content_location: vec!["http://mmsc.example/a".into(), "http://mmsc.example/b".into()],
        extra: vec![],
    }
}

/// The answer about two messages, each with its count.
pub(crate) fn delete_conf() -> DeleteConf {
    let counted = |count, value: &str| Counted { count, value: value.to_owned() };
    let status = |count, code| Counted { count, value: ResponseStatus(code) };
    DeleteConf {
        transaction_id: Some("D1".into()),
        version: Version::V1_2,
        content_location: vec![
            counted(1, "http://mmsc.example/a"),
            counted(2, "http://mmsc.example/b"),
        ],
        response_status: vec![status(1, 0x80), status(2, 0xE4)],
        response_text: vec![counted(2, "gone")],
        extra: vec![],
    }
}

pub(crate) fn mbox_descr() -> MboxDescr {
    let (content_type, parts) = parts();
    MboxDescr {
        version: Version::V1_2,
        content_location: Some("http://mmsc.example/m".into()),
        message_id: Some("m-1".into()),
        mm_state: Some(MmState(0x81)),
        mm_flags: vec![flags(0x80, "shop")],
        date: Some(DATE),
        from: Some(From::Address(number("+447700900124"))),
        to: vec![number("+447700900123")],
        cc: vec![Address::Email("a@example.com".into())],
        bcc: vec![number("+447700900125")],
        message_class: Some(MessageClass::Personal),
        subject: Some("Hi".into()),
        priority: Some(Priority::Normal),
        message_size: Some(2_000),
        extra: vec![],
        content: Some(Content { content_type, body: Body::Multipart(parts) }),
    }
}

pub(crate) fn cancel_req() -> CancelReq {
    CancelReq {
        transaction_id: "C1".into(),
        version: Version::V1_3,
        cancel_id: "m-1".into(),
        extra: vec![],
    }
}

pub(crate) fn cancel_conf() -> CancelConf {
    CancelConf {
        transaction_id: "C1".into(),
        version: Version::V1_3,
        cancel_status: CancelStatus(0x80),
        extra: vec![],
    }
}
