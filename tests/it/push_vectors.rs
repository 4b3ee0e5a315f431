//! WAP pushes made by hand, `tests/vectors/push`: what the field writes and how it is read.

use mm1gate::codec::Decoded;
use mm1gate::codec::mms::{self, Pdu};
use mm1gate::codec::push::{Push, PushApplication};

use crate::vectors::{names, octets};

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
        let expected = usize::from(name == "header-broken");
        assert_eq!(warnings.len(), expected, "{name}: {warnings:?}");
        if expected == 0 {
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
