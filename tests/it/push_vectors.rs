//! WAP pushes made by hand, `tests/vectors/push`: what the field writes and how it is read.

use mm1gate::codec::Decoded;
use mm1gate::codec::mms::{self, Pdu};
use mm1gate::codec::push::{
    CacheOperation, Content, EmailNotification, LoadAction, Provisioning, Push, PushApplication,
    SecurityMethod, ServiceIndication, ServiceLoading, SignalAction, outline,
};
use mm1gate::model::Timestamp;

use crate::vectors::{names, octets, places};

fn push(name: &str) -> Decoded<Push> {
    Push::decode(&octets("push", name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_mms_push_of_the_field_is_read() {
    let mut seen = 0;
    for name in names("push").iter().filter(|name| !name.starts_with("other-")) {
        let Decoded { value, warnings } = push(name);
        assert_eq!(value.application(), PushApplication::Mms, "{name}");
        let application = value.header("x-wap-application-id");
        assert_eq!(application, Some("x-wap-application:mms.ua"), "{name}");
        let Pdu::NotificationInd(pdu) = mms::decode(&value.body).unwrap().value else {
            panic!("{name}: another PDU")
        };
        assert_eq!(pdu.content_location, "http://m/7", "{name}");
        let told = name == "header-broken" || name.starts_with("content-length");
        let expected = usize::from(told);
        assert_eq!(warnings.len(), expected, "{name}: {warnings:?}");
        if name != "header-broken" {
            assert_eq!(Push::decode(&value.encode()).unwrap().value, value, "{name}");
        }
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[test]
fn unusual_push_headers_are_kept() {
    let value = push("headers-unusual").value;
    let expected = [
        ("push-flag", "7"),
        ("encoding-version", "1.5"),
        ("x-wsp-header-5a", "0x616263"),
        ("x-wap-application-id", "x-wap-application:mms.ua"),
        ("x-own", "yes"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(value.headers, expected);
}

#[test]
fn pushes_for_other_applications_are_told_apart() {
    for (name, application) in [
        ("other-service-indication", PushApplication::ServiceIndication),
        ("other-service-loading", PushApplication::ServiceLoading),
        ("other-service-indication-as-text", PushApplication::ServiceIndication),
        ("other-service-indication-cut", PushApplication::ServiceIndication),
        ("other-service-indication-string-table", PushApplication::ServiceIndication),
        ("other-cache-operation", PushApplication::CacheOperation),
        ("other-email-notification", PushApplication::EmailNotification),
        ("other-location", PushApplication::Location),
        ("other-provisioning", PushApplication::Provisioning),
        ("other-provisioning-nokia", PushApplication::Provisioning),
        ("other-drm-rights", PushApplication::Drm),
        ("other-syncml", PushApplication::SyncMl),
    ] {
        let Decoded { value, warnings } = push(name);
        assert_eq!(value.application(), application, "{name}");
        assert_eq!(warnings, [], "{name}");
        assert_eq!(Push::decode(&value.encode()).unwrap().value, value, "{name}");
    }
}

/// 2026-11-21 10:20:30 UTC.
const CREATED: Timestamp = Timestamp::from_secs(1_795_256_430);

fn content(name: &str) -> Option<Decoded<Content>> {
    push(name).value.content().unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn documents_for_other_applications_are_read() {
    let indication = |href: &str, text: &str| ServiceIndication {
        href: Some(href.to_owned()),
        text: text.to_owned(),
        ..ServiceIndication::default()
    };
    let expected = [
        (
            "other-service-indication",
            Content::ServiceIndication(ServiceIndication {
                action: SignalAction::High,
                created: Some(CREATED),
                expires: Some(Timestamp::from_secs(1_796_083_200)),
                id: Some("n7".into()),
                ..indication("http://www.shop.com/pay/7", "Bill & more")
            }),
        ),
        (
            "other-service-indication-string-table",
            Content::ServiceIndication(indication("http://m.x/1", "hey")),
        ),
        (
            "other-service-indication-as-text",
            Content::ServiceIndication(ServiceIndication {
                action: SignalAction::Delete,
                id: Some("n7".into()),
                ..indication("http://m.x/?a=1&b=2", "")
            }),
        ),
        (
            "other-service-loading",
            Content::ServiceLoading(ServiceLoading {
                href: "https://www.bank.org/a".into(),
                action: LoadAction::ExecuteHigh,
            }),
        ),
        (
            "other-cache-operation",
            Content::CacheOperation(CacheOperation {
                objects: vec!["http://m.x/1".into()],
                services: vec!["x".into()],
            }),
        ),
        (
            "other-email-notification",
            Content::EmailNotification(EmailNotification {
                mailbox: Some("mailat:me@m.com".into()),
                timestamp: Some(Timestamp::from_secs(1_795_219_200)),
            }),
        ),
        (
            "other-provisioning",
            Content::Provisioning(Provisioning {
                security: Some(SecurityMethod::UserPin),
                names: vec!["Op MMS".into()],
                access_points: vec!["mms.op".into()],
                ..Provisioning::default()
            }),
        ),
        (
            "other-provisioning-nokia",
            Content::Provisioning(Provisioning {
                names: vec!["Op WAP".into()],
                access_points: vec!["wap.op".into()],
                proxies: vec!["10.0.0.1".into()],
                links: vec!["http://w".into()],
                ..Provisioning::default()
            }),
        ),
    ];
    for (name, expected) in expected {
        let Decoded { value, warnings } = content(name).unwrap();
        assert_eq!(value, expected, "{name}");
        assert_eq!(warnings, [], "{name}");
    }
    for name in ["other-drm-rights", "other-syncml", "other-location"] {
        assert!(content(name).is_none(), "{name}");
    }
}

#[test]
fn indication_whose_end_was_lost_keeps_what_there_is() {
    let Decoded { value, warnings } = content("other-service-indication-cut").unwrap();
    let Content::ServiceIndication(indication) = value else { panic!() };
    assert_eq!(indication.href.as_deref(), Some("http://m.x/1"));
    assert_eq!(places(&warnings), [("inline string", 16)]);
}

#[test]
fn outlines_cover_every_push_and_show_no_password() {
    for name in names("push") {
        let octets = octets("push", &name);
        let shown = outline(&octets);
        assert_eq!(shown.range, 0..octets.len(), "{name}");
        let end = shown.children.last().unwrap().range.end;
        assert_eq!(end, octets.len(), "{name}");
        assert!(!format!("{shown:?}").contains("hush"), "{name}");
    }
}
