//! The virtual MMSC by itself: submissions, notifications as SMS TPDUs, retrieval,
//! acknowledgement, reports, and the ways in which it fails.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::{
    self, AcknowledgeInd, Body, From, MmsStatus, NotificationInd, NotifyRespInd, Pdu, SendReq,
    Version,
};
use mm1gate::codec::sms::{Deliver, PORT_WAP_PUSH};
use mm1gate::codec::wsp::{ContentType, Part};
use mm1gate::model::{Address, Random};
use mm1gate::sim::{
    Action, Behaviour, EntryKind, Fault, MmscReply, ModemConfig, Operator, Outgoing, OutgoingPart,
    Subscriber,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

const OWN: &str = "+447700900001";
const PHONE: &str = "+447700900002";
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 not much of a picture \xff\xd9";

fn send_req(id: &str, to: &str) -> SendReq {
    let part = |kind: &str, name: &str, body: &'static [u8]| Part {
        content_type: ContentType { name: Some(name.into()), ..ContentType::new(kind) },
        content_id: Some(name.into()),
        content_location: Some(name.into()),
        headers: Vec::new(),
        body: Bytes::from_static(body),
    };
    let smil = b"<smil><body><par><img src=\"a.jpg\"/></par></body></smil>";
    SendReq {
        transaction_id: id.into(),
        version: Version::V1_2,
        date: None,
        from: From::InsertAddress,
        to: vec![Address::parse_recipient(to).unwrap()],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: Some("Hello".into()),
        message_class: None,
        expiry: None,
        delivery_time: None,
        priority: None,
        sender_visibility_hide: None,
        delivery_report: Some(true),
        read_report: None,
        extra: Vec::new(),
        content_type: ContentType {
            start: Some("<smil.xml>".into()),
            kind: Some("application/smil".into()),
            ..ContentType::new("application/vnd.wap.multipart.related")
        },
        body: Body::Multipart(vec![
            part("application/smil", "smil.xml", smil),
            part("image/jpeg", "a.jpg", PICTURE),
        ]),
    }
}

fn post(pdu: Pdu) -> hyper::Request<Bytes> {
    let body = pdu.encode();
    hyper::Request::post("http://mmsc.example/mms")
        .header("Host", "mmsc.example")
        .header("User-Agent", "test")
        .header("Content-Type", mms::CONTENT_TYPE)
        .header("Content-Length", body.len())
        .body(body)
        .unwrap()
}

fn get(url: &str) -> hyper::Request<Bytes> {
    hyper::Request::get(url)
        .header("Host", "mmsc.example")
        .header("User-Agent", "test")
        .body(Bytes::new())
        .unwrap()
}

fn answer(reply: MmscReply) -> hyper::Response<Bytes> {
    match reply.action {
        Action::Answer(response) => response,
        other => panic!("{other:?}"),
    }
}

fn decoded(reply: MmscReply) -> Pdu {
    mms::decode(answer(reply).body()).unwrap().value
}

/// Takes what lies in the modem's storage as one WAP push and gives its MMS PDU.
fn pushed(operator: &Operator) -> Vec<Pdu> {
    let mut parts: Vec<Deliver> = operator
        .modem()
        .stored_tpdus()
        .iter()
        .map(|octets| Deliver::decode(octets).unwrap().value)
        .collect();
    let reference = |part: &Deliver| part.user_data.udh.concat().map(|concat| concat.reference);
    let mut found = Vec::new();
    while let Some(first) = parts.first() {
        let wanted = reference(first);
        let (mut group, rest): (Vec<Deliver>, Vec<Deliver>) =
            parts.into_iter().partition(|part| reference(part) == wanted);
        parts = rest;
        group.sort_by_key(|part| part.user_data.udh.concat().map(|concat| concat.sequence));
        for part in &group {
            assert_eq!(part.user_data.udh.ports().unwrap().destination, PORT_WAP_PUSH);
        }
        let octets: Vec<u8> = group.iter().flat_map(|part| part.user_data.octets()).collect();
        assert_eq!(octets[1], 0x06, "WSP Push");
        let body = Bytes::copy_from_slice(&octets[3 + usize::from(octets[2])..]);
        found.push(mms::decode(&body).unwrap().value);
    }
    found
}

fn notification(operator: &Operator) -> NotificationInd {
    let mut pushes = pushed(operator);
    match pushes.remove(0) {
        Pdu::NotificationInd(notification) if pushes.is_empty() => notification,
        other => panic!("{other:?} and {pushes:?}"),
    }
}

fn operator() -> Operator {
    Operator::builder()
        .phone_delay(Duration::from_millis(10))
        .phone(PHONE, Behaviour::Receive)
        .random(Random::seeded(7))
        .start()
}

fn picture() -> Outgoing {
    Outgoing {
        subject: Some("Look".into()),
        text: Some("here".into()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".into(),
            name: "b.jpg".into(),
            body: Bytes::from_static(PICTURE),
        }],
    }
}

#[tokio::test(start_paused = true)]
async fn submission_reaches_the_phone_and_reports_delivery() {
    let operator = operator();
    let reply = operator.mmsc().handle(post(Pdu::SendReq(send_req("A1", PHONE))), Some(OWN)).await;
    let Pdu::SendConf(conf) = decoded(reply) else { panic!() };
    assert_eq!(conf.transaction_id.as_deref(), Some("A1"));
    assert_eq!(conf.response_status.0, 0x80);
    sleep(Duration::from_secs(1)).await;
    let received = operator.phone(PHONE).unwrap().received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].from, OWN, "the MMSC fills in the sender");
    let media: Vec<_> = received[0].media().collect();
    assert_eq!(media[0].body, PICTURE);
    let [Pdu::DeliveryInd(report)] = &pushed(&operator)[..] else { panic!() };
    assert_eq!(Some(&report.message_id), conf.message_id.as_ref());
    assert_eq!(report.status, MmsStatus::RETRIEVED);
    let journal = operator.mmsc().journal();
    assert_eq!(journal.submissions("A1"), 1);
    assert_eq!(journal.complaints, []);
}

#[tokio::test(start_paused = true)]
async fn message_for_the_subscriber_is_notified_retrieved_and_acknowledged() {
    let operator = operator();
    let token = operator.send_from_phone(PHONE, OWN, &picture()).unwrap();
    let notification = notification(&operator);
    assert!(notification.content_location.ends_with(&token));
    let reply = operator.mmsc().handle(get(&notification.content_location), Some(OWN)).await;
    let Pdu::RetrieveConf(conf) = decoded(reply) else { panic!() };
    assert_eq!(conf.from, Some(From::Address(Address::Msisdn(PHONE.into()))));
    let Body::Multipart(parts) = &conf.body else { panic!() };
    assert_eq!(parts.len(), 3, "SMIL, picture, text");
    assert_eq!(parts[1].body, PICTURE);
    let ack = Pdu::NotifyRespInd(NotifyRespInd {
        transaction_id: notification.transaction_id.clone(),
        version: Version::V1_2,
        status: MmsStatus::RETRIEVED,
        report_allowed: None,
        extra: Vec::new(),
    });
    let reply = operator.mmsc().handle(post(ack), Some(OWN)).await;
    assert_eq!(answer(reply).status(), 200);
    let journal = operator.mmsc().journal();
    assert_eq!(journal.acknowledged(), 1);
    assert_eq!(journal.complaints, []);
    assert_eq!(journal.of(EntryKind::Retrieval).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn acknowledge_ind_counts_with_the_id_of_the_retrieve_conf_only() {
    let operator = operator();
    operator.send_from_phone(PHONE, OWN, &picture()).unwrap();
    let notification = notification(&operator);
    let reply = operator.mmsc().handle(get(&notification.content_location), Some(OWN)).await;
    let Pdu::RetrieveConf(conf) = decoded(reply) else { panic!() };
    for (id, acknowledged) in [(notification.transaction_id, 0), (conf.transaction_id.unwrap(), 1)]
    {
        let ack = Pdu::AcknowledgeInd(AcknowledgeInd {
            transaction_id: id,
            version: Version::V1_2,
            report_allowed: None,
            extra: Vec::new(),
        });
        operator.mmsc().handle(post(ack), Some(OWN)).await;
        assert_eq!(operator.mmsc().journal().acknowledged(), acknowledged);
    }
    assert_eq!(operator.mmsc().journal().complaints.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unacknowledged_message_is_notified_again_a_limited_number_of_times() {
    let operator = Operator::builder()
        .repeat_notifications(Some(Duration::from_secs(60)), 3)
        .phone(PHONE, Behaviour::Receive)
        .start();
    operator.send_from_phone(PHONE, OWN, &picture()).unwrap();
    assert_eq!(operator.mmsc().journal().stored[0].notified, 1);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(operator.mmsc().journal().stored[0].notified, 3);
}

#[tokio::test(start_paused = true)]
async fn second_subscriber_gets_what_the_first_sends() {
    let other = Subscriber {
        number: "+447700900003".into(),
        imsi: "001010000000003".into(),
        ..Subscriber::default()
    };
    let operator = Operator::builder()
        .line(Subscriber::default(), ModemConfig::default())
        .line(other, ModemConfig::default())
        .start();
    let request = send_req("A1", "07700900003");
    operator.mmsc().handle(post(Pdu::SendReq(request)), Some(OWN)).await;
    assert_eq!(operator.modems()[0].stored_tpdus().len(), 0);
    assert!(!operator.modems()[1].stored_tpdus().is_empty());
    let stored = operator.mmsc().journal().stored;
    assert_eq!(stored[0].recipient, "+447700900003");
    let url = format!("{}/{}", operator.mmsc_url(), stored[0].token);
    let reply = operator.mmsc().handle(get(&url), Some(OWN)).await;
    assert_eq!(answer(reply).status(), 403, "not for the sender");
}

#[tokio::test(start_paused = true)]
async fn unknown_recipient_is_refused_and_one_of_two_is_partial_success() {
    let operator = operator();
    let reply = operator
        .mmsc()
        .handle(post(Pdu::SendReq(send_req("A1", "+447700900777"))), Some(OWN))
        .await;
    let Pdu::SendConf(conf) = decoded(reply) else { panic!() };
    assert_eq!((conf.response_status.0, conf.message_id), (0xe3, None));
    let mut request = send_req("A2", PHONE);
    request.cc.push(Address::parse_recipient("+447700900777").unwrap());
    let reply = operator.mmsc().handle(post(Pdu::SendReq(request)), Some(OWN)).await;
    let Pdu::SendConf(conf) = decoded(reply) else { panic!() };
    assert_eq!(conf.response_status.0, 0xc4);
}

#[tokio::test(start_paused = true)]
async fn repeated_submission_is_counted_and_dropped_only_when_configured() {
    for (drops, arrived) in [(false, 2), (true, 1)] {
        let operator =
            Operator::builder().drops_duplicates(drops).phone(PHONE, Behaviour::Receive).start();
        for _ in 0..2 {
            let request = post(Pdu::SendReq(send_req("A1", PHONE)));
            operator.mmsc().handle(request, Some(OWN)).await;
        }
        sleep(Duration::from_secs(5)).await;
        assert_eq!(operator.phone(PHONE).unwrap().received().len(), arrived);
        assert_eq!(operator.mmsc().journal().submissions("A1"), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_mmsc_show_as_described() {
    let operator = operator();
    let mmsc = operator.mmsc();
    let send = |id: &'static str| mmsc.handle(post(Pdu::SendReq(send_req(id, PHONE))), Some(OWN));
    let faults = operator.faults();

    faults.set_times(Fault::MmscHtml {}, 1);
    let page = answer(send("H1").await);
    assert_eq!(page.status(), 200);
    assert!(page.body().starts_with(b"<!DOCTYPE html>"));

    let text = Some("No credit".to_owned());
    faults.set_times(Fault::MmscResponseStatus { status: 0xeb, text }, 1);
    let Pdu::SendConf(conf) = decoded(send("R1").await) else { panic!() };
    assert_eq!(conf.response_status.0, 0xeb);
    assert_eq!(conf.response_text.as_deref(), Some("No credit"));

    faults.set_times(Fault::MmscSendConfLost {}, 1);
    assert!(matches!(send("L1").await.action, Action::Close));
    assert_eq!(mmsc.journal().submissions("L1"), 1, "taken although nobody was told");

    faults.set_times(Fault::MmscCutsBody {}, 1);
    assert!(matches!(send("C1").await.action, Action::Cut(_)));

    faults.set_times(Fault::MmscSlow { millis: 1500 }, 1);
    assert_eq!(send("S1").await.delay, Duration::from_millis(1500));

    faults.set_times(Fault::MmscOmitsTransactionId {}, 1);
    let Pdu::SendConf(conf) = decoded(send("T1").await) else { panic!() };
    assert_eq!(conf.transaction_id, None);

    faults.set_times(Fault::MmscHttpStatus { status: 503 }, 1);
    assert_eq!(answer(send("X1").await).status(), 503);
    assert_eq!(mmsc.journal().submissions("X1"), 0);
    assert_eq!(mmsc.journal().submissions("S1"), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(operator.phone(PHONE).unwrap().received().len(), 4, "L1, C1, S1, T1");
}

/// A raw HTTP exchange over the loopback listener: all that came back until the server closed.
async fn raw(address: std::net::SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut heard)).await;
    heard
}

#[tokio::test]
async fn listener_takes_the_number_from_the_proxy_header_and_cuts_what_it_should() {
    let operator = operator();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mmsc = operator.mmsc().clone();
    tokio::spawn(async move { mmsc.serve(listener).await });

    let body = Pdu::SendReq(send_req("A1", PHONE)).encode();
    let mut request = format!(
        "POST /mms HTTP/1.1\r\nHost: {address}\r\nUser-Agent: test\r\nConnection: close\r\n\
         X-WAP-Network-Client-MSISDN: {OWN}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        mms::CONTENT_TYPE,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);

    let heard = raw(address, &request).await;
    assert!(heard.starts_with(b"HTTP/1.1 200 OK\r\n"), "{heard:?}");
    let whole = heard.len();

    operator.faults().set_times(Fault::MmscCutsBody {}, 1);
    // The date may differ, its length does not.
    assert_eq!(raw(address, &request).await.len(), whole - 1);

    operator.faults().set_times(Fault::MmscSendConfLost {}, 1);
    assert_eq!(raw(address, &request).await, b"");
    assert_eq!(operator.mmsc().journal().submissions("A1"), 3);

    operator.faults().set_times(Fault::MmscClosesBeforeLast {}, 1);
    assert_eq!(raw(address, &request).await, b"");
    let journal = operator.mmsc().journal();
    assert_eq!(journal.submissions("A1"), 3, "not taken");
    assert_eq!(journal.of(EntryKind::Unfinished).count(), 1);
    assert_eq!(journal.complaints, []);
    assert!(journal.entries.iter().all(|entry| entry.msisdn.as_deref() != Some("")));
}
