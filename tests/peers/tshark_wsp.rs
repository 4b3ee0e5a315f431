//! Our WTP and WSP PDUs as Wireshark reads them: fields, items, capabilities, headers, names of
//! codes, and segments joined again.

use std::process::Command;

use bytes::Bytes;
use mm1gate::codec::wsp::ContentType;
use mm1gate::codec::wsp::pdu::{
    self, AbortReason, Address, Assignment, BearerType, Capability, EntityHeaders, GetMethod, Pdu,
    PostMethod, ProtocolOptions, SESSION_PORT, Status, Unit, VERSION,
};
use mm1gate::codec::wtp::{
    self, Abort, Body, ProviderReason, Tid, Tpi, Trailer, TransactionClass, TransactionOption,
};

use crate::tshark::{Capture, Row, Wrap};

const CLIENT: u16 = 49_200;
const MMS: &str = "application/vnd.wap.mms-message";

/// Datagrams between a client and the port of a gateway for sessions.
fn capture<T: AsRef<[u8]>>(datagrams: &[T]) -> Capture {
    let datagrams: Vec<&[u8]> = datagrams.iter().map(AsRef::as_ref).collect();
    let capture = Capture::of_packets(Wrap::Udp(CLIENT, SESSION_PORT), &datagrams);
    capture.assert_well_formed();
    capture
}

fn invoke(trailer: Trailer, data: Bytes) -> Body {
    Body::Invoke {
        trailer,
        retransmission: false,
        version: wtp::VERSION,
        tid_new: false,
        user_acknowledgement: false,
        class: TransactionClass::Class2,
        data,
    }
}

/// A PDU of a session as the user data of a whole message, with the transaction's number as TID.
fn message(number: usize, pdu: &Pdu) -> Bytes {
    let tid = Tid::of_initiator(u16::try_from(number).expect("a few PDUs"));
    let data = pdu.encode();
    let trailer = Trailer::SarNotSupported;
    let pdu = match pdu.pdu_type() {
        0x02..=0x04 => {
            let body = Body::Result { trailer, retransmission: false, data };
            wtp::Pdu::new(tid.reversed(), body)
        }
        _ => wtp::Pdu::new(tid, invoke(trailer, data)),
    };
    pdu.encode()
}

/// The dissection of these PDUs, one row each.
fn dissect(pdus: &[Pdu], names: &[&str]) -> Vec<Row> {
    let datagrams: Vec<_> = pdus.iter().enumerate().map(|(n, pdu)| message(n + 1, pdu)).collect();
    let rows = capture(&datagrams).fields("wsp", names);
    assert_eq!(rows.len(), pdus.len());
    rows
}

fn entity(headers: &[(&str, &str)]) -> Option<EntityHeaders> {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Some(EntityHeaders { content_type: ContentType::new(MMS), headers })
}

/// An M-Send.conf with this transaction id, which is one without content.
fn send_conf(transaction_id: &str) -> Bytes {
    [b"\x8C\x81\x98", transaction_id.as_bytes(), b"\0\x8D\x90\x92\x80\x8Bid-1\0"].concat().into()
}

#[test]
#[ignore = "needs tshark"]
fn fixed_headers_of_wtp_are_the_same() {
    let tid = Tid::of_initiator(0x1234);
    let data = Pdu::Disconnect { session_id: 7 }.encode();
    let bodies = [
        Body::Invoke {
            trailer: Trailer::SarNotSupported,
            retransmission: true,
            version: 0,
            tid_new: true,
            user_acknowledgement: true,
            class: TransactionClass::Class1,
            data: data.clone(),
        },
        Body::Result { trailer: Trailer::LastOfMessage, retransmission: false, data },
        Body::Ack { retransmission: true, verify: true },
        Body::Abort(Abort::Provider(ProviderReason::NOTIMPLEMENTEDSAR)),
        Body::Abort(Abort::User(AbortReason::PEERREQ)),
        Body::SegmentedInvoke {
            trailer: Trailer::LastOfGroup,
            retransmission: false,
            psn: 200,
            data: Bytes::from_static(b"abc"),
        },
        Body::SegmentedResult {
            trailer: Trailer::NotLast,
            retransmission: true,
            psn: 255,
            data: Bytes::from_static(b"abc"),
        },
        Body::NegativeAck { retransmission: false, missing: Bytes::from_static(&[4, 6, 9]) },
    ];
    let datagrams: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| {
            let tid = if n % 2 == 0 { tid } else { tid.reversed() };
            wtp::Pdu::new(tid, body.clone()).encode()
        })
        .collect();
    let rows = capture(&datagrams).fields(
        "wtp",
        &[
            "wtp.pdu_type",
            "wtp.TID",
            "wtp.TID.response",
            "wtp.RID",
            "wtp.trailer_flags",
            "wtp.header.sequence",
        ],
    );
    let found: Vec<_> =
        rows.iter().map(|row| [0, 1, 2, 3, 4, 5].map(|n| row.all(n).join(" "))).collect();
    let expected = [
        ["0x01", "0x1234", "0", "1", "0x03", ""],
        ["0x02", "0x1234", "1", "0", "0x01", ""],
        ["0x03", "0x1234", "0", "1", "", ""],
        ["0x04", "0x1234", "1", "", "", ""],
        ["0x04", "0x1234", "0", "", "", ""],
        ["0x05", "0x1234", "1", "0", "0x02", "200"],
        ["0x06", "0x1234", "0", "1", "0x00", "255"],
        ["0x07", "0x1234", "1", "0", "", "4 6 9"],
    ]
    .map(|row| row.map(str::to_owned));
    assert_eq!(found, expected);

    let own = capture(&datagrams).fields(
        "wtp",
        &[
            "wtp.header.version",
            "wtp.header.TIDNew",
            "wtp.header.UP",
            "wtp.inv.transaction_class",
            "wtp.ack.tvetok",
            "wtp.abort.type",
            "wtp.abort.reason.provider",
            "wtp.abort.reason.user",
            "wtp.header.missing_packets",
        ],
    );
    let all = |row: usize| (0..9).map(|n| own[row].one(n).to_owned()).collect::<Vec<_>>();
    assert_eq!(all(0), ["0x00", "1", "1", "0x01", "", "", "", "", ""]);
    assert_eq!(all(2), ["", "", "", "", "1", "", "", "", ""]);
    assert_eq!(all(3), ["", "", "", "", "", "0x00", "0x04", "", ""]);
    assert_eq!(all(4), ["", "", "", "", "", "0x01", "", "0xe8", ""]);
    assert_eq!(all(7), ["", "", "", "", "", "", "", "", "3"]);
}

#[test]
#[ignore = "needs tshark"]
fn items_of_the_variable_header_are_the_same() {
    use TransactionOption::{
        CurrentTid, DelayTransmissionTimer, MaximumGroup, MaximumReceiveUnit, NoCachedTid,
        TotalMessageSize,
    };
    let options = [
        MaximumReceiveUnit(1400),
        TotalMessageSize(300_000),
        DelayTransmissionTimer(15),
        MaximumGroup(0x0102_0304),
        CurrentTid(Tid(0x1230)),
        NoCachedTid,
    ];
    let mut tpis = vec![
        Tpi::UnknownTpi { identity: 11 },
        Tpi::UnknownContent { identity: 2, first_octet: 9 },
        Tpi::Info(Bytes::from_static(b"more than three octets")),
        Tpi::PacketSequenceNumber(200),
        Tpi::SduBoundary,
        Tpi::FrameBoundary,
        Tpi::Other { identity: 9, data: Bytes::from_static(b"kept") },
    ];
    tpis.extend(options.map(Tpi::Option));
    let ack = |tpis| {
        let body = Body::Ack { retransmission: false, verify: false };
        wtp::Pdu { tid: Tid(0x8001), body, tpis }.encode()
    };
    let row = capture(&[ack(tpis.clone())])
        .only("wtp", &["wtp.tpi", "wtp.tpi.psn", "wtp.tpi.opt", "wtp.continue_flag"]);
    let identities = ["00", "00", "01", "03", "04", "05", "09", "02", "02", "02", "02", "02", "02"];
    assert_eq!(row.all(0), identities.map(|digits| format!("0x{digits}")));
    assert_eq!(row.all(1), ["200"]);
    assert_eq!(row.all(2), ["0x01", "0x02", "0x03", "0x04", "0x05", "0x06"]);
    assert_eq!(row.one(3), "1");

    // tshark's JSON keeps one of several items in a packet, so each is in one of its own.
    let capture = capture(&tpis.into_iter().map(|tpi| ack(vec![tpi])).collect::<Vec<_>>());
    assert_eq!(capture.octets("wtp", "wtp.tpi.info"), [b"more than three octets"]);
    let values = capture.octets("wtp", "wtp.tpi.opt.val");
    let expected: [&[u8]; 5] =
        [b"\x05\x78", b"\x04\x93\xE0", b"\x0F", b"\x01\x02\x03\x04", b"\x12\x30"];
    assert_eq!(values[..5], expected);
}

#[test]
#[ignore = "needs tshark"]
fn joined_pdus_are_found_with_their_lengths() {
    let ack = |tid| wtp::Pdu::new(Tid(tid), Body::Ack { retransmission: false, verify: false });
    let get = Pdu::Get {
        method: GetMethod::GET,
        uri: Bytes::from("http://mmsc.example/".to_owned() + &"x".repeat(200)),
        headers: vec![],
    };
    let pdus = [ack(6).encode(), message(7, &get), ack(9).encode()];
    let datagram = wtp::encode_datagram(&pdus).expect("three short ones");
    let row = capture(&[datagram]).only("wtp", &["wtp.sub_pdu_size", "wtp.TID", "wsp.uri_length"]);
    assert_eq!(row.all(0), pdus.map(|pdu| pdu.len().to_string()));
    assert_eq!(row.all(1), ["0x0006", "0x0007", "0x0009"]);
    assert_eq!(row.all(2), ["220"]);
}

#[test]
#[ignore = "needs tshark"]
fn sessions_and_their_capabilities_are_the_same() {
    let assignment = |code, name: &str| Assignment { code, name: name.to_owned() };
    let options = ProtocolOptions::CONFIRMED_PUSH.with(ProtocolOptions::SESSION_RESUME);
    let address = Address {
        bearer_type: Some(BearerType::GSM_GPRS),
        port_number: Some(9201),
        address: Bytes::from_static(&[10, 0, 0, 1]),
    };
    let bare =
        Address { bearer_type: None, port_number: None, address: Bytes::from_static(&[1, 2, 3]) };
    let sizes = vec![
        Capability::ClientSduSize(300_000),
        Capability::ServerSduSize(1400),
        Capability::ProtocolOptions(options),
        Capability::MethodMor(10),
        Capability::PushMor(3),
        Capability::Aliases(vec![address.clone()]),
        Capability::ClientMessageSize(500_000),
        Capability::ServerMessageSize(0),
    ];
    let named = vec![
        Capability::ExtendedMethods(vec![assignment(0x50, "LIST"), assignment(0x71, "ADD")]),
        Capability::HeaderCodePages(vec![assignment(0x10, "x-own")]),
    ];
    let headers = vec![("user-agent".to_owned(), "mm1gate".to_owned())];
    let pdus = [
        Pdu::Connect { version: VERSION, capabilities: sizes.clone(), headers: headers.clone() },
        Pdu::ConnectReply { session_id: 300_131, capabilities: sizes, headers: headers.clone() },
        Pdu::ConnectReply {
            session_id: 1,
            capabilities: vec![
                Capability::AcceptedMethods(vec![0x50]),
                Capability::AcceptedCodePages(vec![0x10, 0x11]),
            ],
            headers: vec![],
        },
        Pdu::Redirect {
            permanent: true,
            reuse_security_session: true,
            addresses: vec![address, bare],
        },
        Pdu::Suspend { session_id: 300_131 },
        Pdu::Resume { session_id: 300_131, capabilities: vec![], headers },
        Pdu::Disconnect { session_id: 300_131 },
    ];
    let rows = dissect(
        &pdus,
        &[
            "wsp.pdu_type",
            "wsp.version.major",
            "wsp.server.session_id",
            "wsp.header.user_agent",
            "wsp.capability.client_sdu_size",
            "wsp.capability.server_sdu_size",
            "wsp.capability.protocol_opt",
            "wsp.capability.method_mor",
            "wsp.capability.push_mor",
            "wsp.capability.client_message_size",
            "wsp.capability.server_message_size",
            "wsp.capability.extended_method",
            "wsp.capability.code_page",
            "wsp.capability.invalid",
        ],
    );
    let row = |n: usize| (0..14).map(|c| rows[n].all(c).join(" ")).collect::<Vec<_>>();
    let granted = ["300000", "1400", "0xa0", "10", "3", "500000", "0", "", "", ""];
    assert_eq!(row(0), [&["0x01", "1", "", "mm1gate"][..], &granted].concat());
    assert_eq!(row(1), [&["0x02", "", "300131", "mm1gate"][..], &granted].concat());
    assert_eq!(row(2)[11..], ["0x50", "0x10 0x11", ""]);
    let plain = |n: usize| row(n)[..4].to_vec();
    assert_eq!(plain(4), ["0x08", "", "300131", ""]);
    assert_eq!(plain(5), ["0x09", "", "300131", "mm1gate"]);
    assert_eq!(plain(6), ["0x05", "", "300131", ""]);

    let redirect = &dissect(
        &pdus[3..4],
        &[
            "wsp.redirect.flags",
            "wsp.address.bearer_type",
            "wsp.address.port",
            "wsp.address.ipv4",
            "wsp.address.flags.length",
        ],
    )[0];
    assert_eq!(redirect.one(0), "0xc0");
    assert_eq!(redirect.all(1), ["0x0b"]);
    assert_eq!(redirect.all(2), ["9201"]);
    assert_eq!(redirect.all(3), ["10.0.0.1"]);
    assert_eq!(redirect.all(4), ["4", "3"]);

    // tshark takes the names of a Connect for numbers, so the octets are compared.
    let connect = Pdu::Connect { version: VERSION, capabilities: named, headers: vec![] };
    let section = capture(&[message(1, &connect)]).octets("wsp", "wsp.capabilities");
    assert_eq!(section, [b"\x0C\x85\x50LIST\0\x71ADD\0\x08\x86\x10x-own\0"]);
}

#[test]
#[ignore = "needs tshark"]
fn methods_replies_and_pushes_are_dissected_down_to_mms() {
    let uri = Bytes::from_static(b"http://mmsc.example/7?x=1");
    let headers = [("accept", MMS), ("user-agent", "mm1gate")];
    let get = |method| Pdu::Get {
        method,
        uri: uri.clone(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    };
    let post = |method| Pdu::Post {
        method,
        uri: uri.clone(),
        entity: entity(&headers),
        data: send_conf("T1"),
    };
    let mut pdus: Vec<_> =
        [0x40, 0x41, 0x42, 0x43, 0x44, 0x50, 0x5F].map(|t| get(GetMethod::new(t).unwrap())).into();
    pdus.extend([0x60, 0x61, 0x70, 0x7F].map(|t| post(PostMethod::new(t).unwrap())));
    let all = ["wsp.pdu_type", "wsp.uri", "wsp.header.accept", "wsp.header.user_agent"];
    for (row, pdu) in dissect(&pdus, &all).iter().zip(&pdus) {
        let found: Vec<_> = (0..4).map(|column| row.all(column).join(" ")).collect();
        let pdu_type = format!("{:#04x}", pdu.pdu_type());
        assert_eq!(found, [pdu_type.as_str(), "http://mmsc.example/7?x=1", MMS, "mm1gate"]);
    }

    let application = ("x-wap-application-id", "x-wap-application:mms.ua");
    let (entity, data) = (entity(&[application]), send_conf("T1"));
    let pdus = [
        post(PostMethod::POST),
        Pdu::Reply { status: Status::OK, entity: entity.clone(), data: data.clone() },
        Pdu::Push { entity: entity.clone(), data: data.clone() },
        Pdu::ConfirmedPush { entity, data },
    ];
    let names = [
        "wsp.pdu_type",
        "wsp.reply.status",
        "wsp.header.x_wap_application_id",
        "mmse.transaction_id",
    ];
    let found: Vec<_> = dissect(&pdus, &names)
        .iter()
        .map(|row| [0, 1, 2, 3].map(|n| row.all(n).join(" ")))
        .collect();
    let expected = [
        ["0x60", "", "", "T1"],
        ["0x04", "0x20", application.1, "T1"],
        ["0x06", "", application.1, "T1"],
        ["0x07", "", application.1, "T1"],
    ];
    assert_eq!(found, expected.map(|row| row.map(str::to_owned)));

    let empty = Pdu::Reply { status: Status(0x46), entity: None, data: Bytes::new() };
    let row = &dissect(&[empty], &["wsp.reply.status", "wsp.headers_length"])[0];
    assert_eq!((row.one(0), row.one(1)), ("0x46", "0"));
}

#[test]
#[ignore = "needs tshark"]
fn units_without_a_connection_are_the_same() {
    let uri = Bytes::from_static(b"http://mmsc.example/7");
    let units = [
        Unit {
            transaction_id: 0x2A,
            pdu: Pdu::Post {
                method: PostMethod::POST,
                uri,
                entity: entity(&[]),
                data: send_conf("T2"),
            },
        },
        Unit {
            transaction_id: 0xFF,
            pdu: Pdu::Reply { status: Status::OK, entity: entity(&[]), data: send_conf("T2") },
        },
    ];
    let datagrams = units.map(|unit| unit.encode());
    let datagrams: Vec<&[u8]> = datagrams.iter().map(|datagram| &datagram[..]).collect();
    let capture = Capture::of_packets(Wrap::Udp(CLIENT, pdu::CONNECTIONLESS_PORT), &datagrams);
    capture.assert_well_formed();
    let names = ["wsp.TID", "wsp.pdu_type", "wsp.uri", "wsp.reply.status", "mmse.transaction_id"];
    let rows = capture.fields("wsp", &names);
    let found: Vec<_> = rows.iter().map(|row| [0, 1, 2, 3, 4].map(|n| row.one(n))).collect();
    let expected =
        [["0x2a", "0x60", "http://mmsc.example/7", "", "T2"], ["0xff", "0x04", "", "0x20", "T2"]];
    assert_eq!(found, expected);
}

/// Cuts a message into packets of 1 000 octets, three to a group.
fn segments(tid: Tid, message: &Bytes, is_result: bool) -> Vec<Bytes> {
    let pieces: Vec<_> = message.chunks(1000).map(Bytes::copy_from_slice).collect();
    let last = pieces.len() - 1;
    let packet = |(number, data): (usize, Bytes)| {
        let retransmission = false;
        let trailer = match number {
            _ if number == last => Trailer::LastOfMessage,
            _ if number % 3 == 2 => Trailer::LastOfGroup,
            _ => Trailer::NotLast,
        };
        let psn = u8::try_from(number).expect("a short message");
        let body = match (is_result, psn) {
            (false, 0) => invoke(trailer, data),
            (true, 0) => Body::Result { trailer, retransmission, data },
            (false, _) => Body::SegmentedInvoke { trailer, retransmission, psn, data },
            (true, _) => Body::SegmentedResult { trailer, retransmission, psn, data },
        };
        let size = u32::try_from(message.len()).expect("a short message");
        let tpis = match number {
            0 => vec![Tpi::Option(TransactionOption::TotalMessageSize(size))],
            _ => vec![],
        };
        wtp::Pdu { tid, body, tpis }.encode()
    };
    pieces.into_iter().enumerate().map(packet).collect()
}

#[test]
#[ignore = "needs tshark"]
fn segments_are_joined_to_the_mms_pdu_that_was_cut() {
    // The text of the answer makes the PDU long.
    let text = "a long word of the operator ".repeat(300);
    let data = [&send_conf("T3")[..], b"\x93", text.as_bytes(), b"\0"].concat();
    let data = Bytes::from(data);
    let request = Pdu::Post {
        method: PostMethod::POST,
        uri: Bytes::from_static(b"http://mmsc.example/"),
        entity: entity(&[]),
        data: data.clone(),
    };
    let reply = Pdu::Reply { status: Status::OK, entity: entity(&[]), data };
    for (pdu, is_result) in [(request, false), (reply, true)] {
        let message = pdu.encode();
        let tid = Tid::of_initiator(0x0042);
        let packets = segments(if is_result { tid.reversed() } else { tid }, &message, is_result);
        assert_eq!(packets.len(), 9);
        let names = [
            "wsp.pdu_type",
            "wtp.fragment.count",
            "wtp.reassembled.length",
            "mmse.transaction_id",
            "mmse.response_text",
        ];
        let row = capture(&packets).only("wsp", &names);
        assert_eq!(row.one(0), format!("{:#04x}", pdu.pdu_type()));
        assert_eq!(row.one(1), "9");
        assert_eq!(row.one(2), message.len().to_string());
        assert_eq!((row.one(3), row.one(4)), ("T3", text.as_str()));
    }
}

/// The values that tshark knows for a field, as number and name.
fn known_values(field: &str) -> Vec<(u8, String)> {
    let output = Command::new("tshark").args(["-G", "values"]).output().expect("tshark starts");
    let values: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let is_value = columns.next() == Some("V") && columns.next() == Some(field);
            let number = columns.next().filter(|_| is_value)?;
            let number = match number.strip_prefix("0x") {
                Some(digits) => u8::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            Some((number, columns.next()?.to_owned()))
        })
        .collect();
    assert!(!values.is_empty(), "tshark knows no values of {field}");
    values
}

#[test]
#[ignore = "needs tshark"]
fn codes_have_the_meaning_that_wireshark_knows() {
    let statuses = known_values("wsp.reply.status");
    for (number, name) in &statuses {
        let http = Status(*number).http().map(|http| http.to_string());
        assert_eq!(http.as_deref(), name.split(' ').next(), "{name}");
    }
    let ours = (0..=u8::MAX).filter(|number| Status(*number).http().is_some()).count();
    // Table 36 has 306 as well, which is reserved.
    assert_eq!(ours, statuses.len() + 1);

    for (number, name) in known_values("wsp.pdu_type") {
        let ours = pdu::outline(&Bytes::copy_from_slice(&[number])).name;
        match number {
            0 => assert_eq!(ours, "WSP PDU"),
            0x50..=0x5F => assert_eq!(ours, "WSP Extended Method (Get PDU)"),
            0x70..=0x7F => assert_eq!(ours, "WSP Extended Method (Post PDU)"),
            _ => assert_eq!(ours, format!("WSP {name}")),
        }
    }

    let bearers = known_values("wsp.address.bearer_type");
    for (number, name) in bearers {
        if let Some(ours) = BearerType(number).name() {
            assert_eq!(ours, name);
        }
    }

    let user = known_values("wtp.abort.reason.user");
    assert!(user.iter().all(|(number, _)| AbortReason(*number).name().is_some()), "{user:?}");
    let provider = known_values("wtp.abort.reason.provider");
    assert!(provider.iter().all(|(number, _)| ProviderReason(*number).name().is_some()));

    for (number, name) in known_values("wtp.trailer_flags") {
        let first = 0x08 | number << 1;
        let octets = Bytes::copy_from_slice(&[first, 0, 1, 2]);
        let pdu = wtp::Pdu::decode(&octets).expect("an Invoke").value;
        let ours = pdu.body.trailer().map(Trailer::name).unwrap_or_default();
        let last_word = |text: &str| text.rsplit(' ').next().unwrap_or_default().to_lowercase();
        assert_eq!(last_word(ours), last_word(&name), "{ours} and {name}");
    }
}
