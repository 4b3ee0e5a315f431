//! tshark reads what we write: every PDU (OMA-TS-MMS_ENC-V1_3 clause 6) without a malformed octet,
//! with the same fields in the same order and nothing besides, and with the same values.
//!
//! Limits of tshark 4.0: texts with a charset are shown octet by octet (their octets are compared
//! in `tshark_mms_fields`); fields of MMS 1.2 have names and no values; M-Mbox-Delete.conf it leaves
//! undecoded from its first counted value; of the PDUs of 1.3 it knows the fields and no names.

use mm1gate::codec::mms::{self, Pdu, ReadStatus, message_type};

use crate::pdml::Item;
use crate::{pdus, tshark};

/// The lines of the header fields, in order.
fn lines(tree: &Item) -> Vec<&str> {
    let fields = tree.items.iter().filter(|item| item.name.starts_with("mmse."));
    fields.map(Item::line).collect()
}

/// Fails when there is an octet before the body that belongs to no field, or to two.
fn assert_covered(pdu: &[u8], tree: &Item) {
    let fields = tree.items.iter().filter(|item| item.name.starts_with("mmse."));
    let octets: Vec<u8> = fields.flat_map(|field| field.octets.iter().copied()).collect();
    assert_eq!(hex::encode(&pdu[..octets.len()]), hex::encode(&octets));
    let rest = &pdu[octets.len()..];
    match tree.items.iter().find(|item| item.name == "wsp.header.content_type") {
        None => assert!(rest.is_empty(), "{}", hex::encode(rest)),
        Some(content_type) => {
            assert_eq!(rest[0], 0x84);
            assert!(rest[1..].starts_with(&content_type.octets));
            let data = tree.all("wsp.post.data");
            assert_eq!(data.len(), 1, "{}", tree.text());
            assert_eq!(data[0].size, rest.len() - 1 - content_type.octets.len());
        }
    }
}

/// Each PDU and the lines that tshark shows of it.
fn pdus() -> Vec<(Pdu, &'static str)> {
    vec![
        (
            Pdu::SendReq(pdus::send_req()),
            "X-Mms-Message-Type: m-send-req (0x80)
            X-Mms-Transaction-ID: 5F3A-77
            X-Mms-MMS-Version: 1.2
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            From: <insert address>
            To: +447700900123/TYPE=PLMN
            To: 86888
            Cc: a@example.com
            Bcc: +447700900125/TYPE=PLMN
            Subject: Two pictures
            X-Mms-Message-Class: Personal (0x80)
            X-Mms-Expiry: 86400.000000000 seconds
            X-Mms-Delivery-Time: Nov 14, 2023 22:13:20.000000000 UTC
            X-Mms-Priority: High (0x82)
            Sender-Visibility: Hide (0x80)
            X-Mms-Delivery-Report: Yes (0x80)
            X-Mms-Read-Report: No (0x81)",
        ),
        (
            Pdu::SendConf(pdus::send_conf()),
            "X-Mms-Message-Type: m-send-conf (0x81)
            X-Mms-Transaction-ID: 5F3A-77
            X-Mms-MMS-Version: 1.2
            Response-Status: Ok (0x80)
            Response-Text: Not today
            Message-Id: <id-1@mmsc>",
        ),
        (
            Pdu::NotificationInd(pdus::notification()),
            "X-Mms-Message-Type: m-notification-ind (0x82)
            X-Mms-Transaction-ID: N@7
            X-Mms-MMS-Version: 1.2
            From: +447700900124/TYPE=PLMN
            Subject: Hi
            X-Mms-Delivery-Report: No (0x81)
            X-Mms-Message-Class: Advertisement (0x81)
            X-Mms-Priority: Low (0x80)
            X-Mms-Message-Size: 29696
            X-Mms-Expiry: 3600.000000000 seconds
            X-Mms-Content-Location: http://mmsc.example/m?id=7",
        ),
        (
            Pdu::NotifyRespInd(pdus::notify_resp()),
            "X-Mms-Message-Type: m-notifyresp-ind (0x83)
            X-Mms-Transaction-ID: N7
            X-Mms-MMS-Version: 1.2
            Status: Retrieved (0x81)
            X-Mms-Report-Allowed: Yes (0x80)",
        ),
        (
            Pdu::RetrieveConf(pdus::retrieve_conf()),
            "X-Mms-Message-Type: m-retrieve-conf (0x84)
            X-Mms-Transaction-ID: R1
            X-Mms-MMS-Version: 1.2
            Message-Id: m-1
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            From: +447700900124/TYPE=PLMN
            To: +447700900123/TYPE=PLMN
            To: +447700900126/TYPE=PLMN
            Subject: Hi
            X-Mms-Message-Class: x-own
            X-Mms-Priority: Normal (0x81)
            X-Mms-Delivery-Report: Yes (0x80)
            X-Mms-Read-Report: Yes (0x80)",
        ),
        (
            Pdu::AcknowledgeInd(pdus::acknowledge()),
            "X-Mms-Message-Type: m-acknowledge-ind (0x85)
            X-Mms-Transaction-ID: R1
            X-Mms-MMS-Version: 1.2
            X-Mms-Report-Allowed: Yes (0x80)",
        ),
        (
            Pdu::DeliveryInd(pdus::delivery()),
            "X-Mms-Message-Type: m-delivery-ind (0x86)
            X-Mms-MMS-Version: 1.2
            Message-Id: m-1
            To: +447700900123/TYPE=PLMN
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            Status: Retrieved (0x81)",
        ),
        (
            Pdu::ReadRecInd(pdus::read_report()),
            "X-Mms-Message-Type: m-read-rec-ind (0x87)
            X-Mms-MMS-Version: 1.2
            Message-Id: m-1
            To: +447700900124/TYPE=PLMN
            From: <insert address>
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            X-Mms-Read-Status: Read (0x80)",
        ),
        (
            Pdu::ReadOrigInd(mms::ReadRecInd {
                read_status: ReadStatus::DELETED_UNREAD,
                ..pdus::read_report()
            }),
            "X-Mms-Message-Type: m-read-orig-ind (0x88)
            X-Mms-MMS-Version: 1.2
            Message-Id: m-1
            To: +447700900124/TYPE=PLMN
            From: <insert address>
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            X-Mms-Read-Status: Deleted without being read (0x81)",
        ),
        (
            Pdu::ForwardReq(pdus::forward_req()),
            "X-Mms-Message-Type: m-forward-req (0x89)
            X-Mms-Transaction-ID: F1
            X-Mms-MMS-Version: 1.2
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            From: <insert address>
            To: +447700900123/TYPE=PLMN
            Cc: +447700900124/TYPE=PLMN
            Bcc: +447700900125/TYPE=PLMN
            X-Mms-Expiry: Nov 14, 2023 22:13:20.000000000 UTC
            X-Mms-Delivery-Time: 60.000000000 seconds
            X-Mms-Report-Allowed: Yes (0x80)
            X-Mms-Delivery-Report: No (0x81)
            X-Mms-Read-Report: Yes (0x80)
            X-Mms-Store: <Well-known value 0x80> (not decoded)
            X-Mms-MM-State: <Well-known value 0x80> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)
            X-Mms-Content-Location: http://mmsc.example/m",
        ),
        (
            Pdu::ForwardConf(pdus::forward_conf()),
            "X-Mms-Message-Type: m-forward-conf (0x8a)
            X-Mms-Transaction-ID: F1
            X-Mms-MMS-Version: 1.2
            Response-Status: Permanent: Reply charging forwarding denied (0xe8)
            Response-Text: Not that one
            Message-Id: m-2
            X-Mms-Content-Location: http://mmsc.example/s
            X-Mms-Store-Status: <Well-known value 0x80> (not decoded)
            X-Mms-Store-Status-Text: kept (Not decoded)",
        ),
        (
            Pdu::MboxStoreReq(pdus::mbox_store_req()),
            "X-Mms-Message-Type: m-mbox-store-req (0x8b)
            X-Mms-Transaction-ID: S1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/m
            X-Mms-MM-State: <Well-known value 0x82> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)",
        ),
        (
            Pdu::MboxStoreConf(pdus::mbox_store_conf()),
            "X-Mms-Message-Type: m-mbox-store-conf (0x8c)
            X-Mms-Transaction-ID: S1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/s
            X-Mms-Store-Status: <Well-known value 0xe4> (not decoded)
            X-Mms-Store-Status-Text: full (Not decoded)",
        ),
        (
            Pdu::MboxViewReq(pdus::mbox_view_req()),
            "X-Mms-Message-Type: m-mbox-view-req (0x8d)
            X-Mms-Transaction-ID: V1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/a
            X-Mms-Content-Location: http://mmsc.example/b
            X-Mms-MM-State: <Well-known value 0x82> (not decoded)
            X-Mms-MM-State: <Well-known value 0x83> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)
            X-Mms-Start: <Well-known value 0x80> (not decoded)
            X-Mms-Limit: <Value in general form> (not decoded)
            X-Mms-Attributes: <Well-known value 0x96> (not decoded)
            X-Mms-Attributes: X-Own (Not decoded)
            X-Mms-Totals: <Well-known value 0x80> (not decoded)
            X-Mms-Quotas: <Well-known value 0x81> (not decoded)",
        ),
        (
            Pdu::MboxViewConf(pdus::mbox_view_conf()),
            "X-Mms-Message-Type: m-mbox-view-conf (0x8e)
            X-Mms-Transaction-ID: V1
            X-Mms-MMS-Version: 1.2
            Response-Status: Ok (0x80)
            Response-Text: two
            X-Mms-MM-State: <Well-known value 0x82> (not decoded)
            X-Mms-Start: <Well-known value 0x81> (not decoded)
            X-Mms-Limit: <Well-known value 0x8a> (not decoded)
            X-Mms-Attributes: <Well-known value 0x85> (not decoded)
            X-Mms-Mbox-Totals: <Value in general form> (not decoded)
            X-Mms-Mbox-Totals: <Value in general form> (not decoded)
            X-Mms-Mbox-Quotas: <Value in general form> (not decoded)
            X-Mms-Message-Count: <Well-known value 0x82> (not decoded)",
        ),
        (
            Pdu::MboxUploadReq(pdus::mbox_upload_req()),
            "X-Mms-Message-Type: m-mbox-upload-req (0x8f)
            X-Mms-Transaction-ID: U1
            X-Mms-MMS-Version: 1.2
            X-Mms-MM-State: <Well-known value 0x80> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)",
        ),
        (
            Pdu::MboxUploadConf(pdus::mbox_upload_conf()),
            "X-Mms-Message-Type: m-mbox-upload-conf (0x90)
            X-Mms-Transaction-ID: U1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/u
            X-Mms-Store-Status: <Well-known value 0x80> (not decoded)
            X-Mms-Store-Status-Text: kept (Not decoded)",
        ),
        (
            Pdu::MboxDeleteReq(pdus::delete_req()),
            "X-Mms-Message-Type: m-mbox-delete-req (0x91)
            X-Mms-Transaction-ID: D1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/a
            X-Mms-Content-Location: http://mmsc.example/b",
        ),
        (
            Pdu::MboxDescr(pdus::mbox_descr()),
            "X-Mms-Message-Type: m-mbox-descr (0x93)
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/m
            Message-Id: m-1
            X-Mms-MM-State: <Well-known value 0x81> (not decoded)
            X-Mms-MM-Flags: <Value in general form> (not decoded)
            Date: Nov 14, 2023 22:13:20.000000000 UTC
            From: +447700900124/TYPE=PLMN
            To: +447700900123/TYPE=PLMN
            Cc: a@example.com
            Bcc: +447700900125/TYPE=PLMN
            X-Mms-Message-Class: Personal (0x80)
            Subject: Hi
            X-Mms-Priority: Normal (0x81)
            X-Mms-Message-Size: 2000",
        ),
        (
            Pdu::DeleteReq(pdus::delete_req()),
            "X-Mms-Message-Type: Unknown (0x94)
            X-Mms-Transaction-ID: D1
            X-Mms-MMS-Version: 1.2
            X-Mms-Content-Location: http://mmsc.example/a
            X-Mms-Content-Location: http://mmsc.example/b",
        ),
        (
            Pdu::CancelReq(pdus::cancel_req()),
            "X-Mms-Message-Type: Unknown (0x96)
            X-Mms-Transaction-ID: C1
            X-Mms-MMS-Version: 1.3
            Unknown field (0xbe): m-1 (Not decoded)",
        ),
        (
            Pdu::CancelConf(pdus::cancel_conf()),
            "X-Mms-Message-Type: Unknown (0x97)
            X-Mms-Transaction-ID: C1
            X-Mms-MMS-Version: 1.3
            Unknown field (0xbf): <Well-known value 0x80> (not decoded)",
        ),
    ]
}

#[test]
#[ignore = "needs tshark"]
fn every_pdu_is_read_alike() {
    let pdus = pdus();
    let octets: Vec<_> = pdus.iter().map(|(pdu, _)| pdu.encode()).collect();
    let trees = tshark::mms_trees(&octets);
    for (((pdu, wanted), octets), tree) in pdus.iter().zip(&octets).zip(&trees) {
        let wanted: Vec<&str> = wanted.lines().map(str::trim).collect();
        assert_eq!(lines(tree), wanted, "{}", pdu.name());
        assert_covered(octets, tree);
        assert_eq!(tree.size, octets.len(), "{}", pdu.name());
    }
    // The two that tshark cannot read follow.
    let types: Vec<u8> = pdus.iter().map(|(pdu, _)| pdu.message_type()).collect();
    let apart = [message_type::MBOX_DELETE_CONF, message_type::DELETE_CONF];
    let every: Vec<u8> = (0x80..=0x97).filter(|number| !apart.contains(number)).collect();
    assert_eq!(types, every);
}

#[test]
#[ignore = "needs tshark"]
fn answers_to_deletions_are_what_the_specification_lays_out() {
    // Each counted value is a Value-length, the count as an Integer-value, and the value (clause
    // 7.3 under the fields' names). tshark ends at the first one.
    let by_hand = "98443100 8d92\
         83 17 81 687474703a2f2f6d6d73632e6578616d706c652f61 00\
         83 17 82 687474703a2f2f6d6d73632e6578616d706c652f62 00\
         92 02 81 80\
         92 02 82 e4\
         93 06 82 676f6e65 00"
        .replace(' ', "");
    for (pdu, code, beginning) in [
        (Pdu::MboxDeleteConf(pdus::delete_conf()), "8c92", "m-mbox-delete-conf (0x92)"),
        (Pdu::DeleteConf(pdus::delete_conf()), "8c95", "Unknown (0x95)"),
    ] {
        let octets = pdu.encode();
        assert_eq!(hex::encode(&octets), format!("{code}{by_hand}"));
        let packets = tshark::mms_packets(&[octets]);
        let tree = tshark::mms_tree(&packets[0]);
        let wanted = [
            format!("X-Mms-Message-Type: {beginning}"),
            "X-Mms-Transaction-ID: D1".to_owned(),
            "X-Mms-MMS-Version: 1.2".to_owned(),
        ];
        assert_eq!(lines(tree)[..3], wanted, "{}", tree.text());
    }
}
