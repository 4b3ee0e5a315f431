//! Retrievals and acknowledgements against a scripted far end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mm1gate::codec::mms::{Body, MmsStatus};
use mm1gate::mm1::{Client, Identity, MAX_MESSAGE, Mm1Error, Retrieved, Target, TransportError};
use mm1gate::model::{Explain, Retry, Stage, StageSink};
use mm1gate::operators::Settings;

use crate::mm1_rig::{Peers, TestNet, network, settings, stages};

/// M-Retrieve.conf by hand: `fields` behind the version, then multipart/mixed of one text part.
fn retrieve_conf(fields: &[u8], text: &[u8]) -> Vec<u8> {
    let mut pdu = b"\x8C\x84\x8D\x92".to_vec();
    pdu.extend_from_slice(fields);
    // Content-Type: application/vnd.wap.multipart.mixed; one entry.
    pdu.extend_from_slice(b"\x84\xA3\x01");
    // Its headers: text/plain; charset=utf-8 (length, type, charset parameter).
    pdu.push(4);
    let length = text.len();
    if length >= 128 * 128 {
        pdu.push(0x80 | (length >> 14) as u8);
    }
    if length >= 128 {
        pdu.push(0x80 | (length >> 7 & 0x7F) as u8);
    }
    pdu.push((length & 0x7F) as u8);
    pdu.extend_from_slice(b"\x03\x83\x81\xEA");
    pdu.extend_from_slice(text);
    pdu
}

/// Transaction-Id, Message-ID, Date and From of an ordinary message.
const ORDINARY: &[u8] = b"\x98T9\0\x8Bid-9\0\x85\x04\x65\x00\x00\x00\
      \x89\x19\x80+447700900123/TYPE=PLMN\0";

fn ordinary(text: &[u8]) -> Vec<u8> {
    retrieve_conf(ORDINARY, text)
}

async fn fetch<F: Future<Output = ()>>(
    settings: Settings,
    location: &str,
    script: impl FnOnce(Peers) -> F,
) -> Result<Retrieved, Mm1Error> {
    let (net, peers) = network();
    let client = Client::new(net, settings, Identity::default());
    let quiet = StageSink::none();
    let (outcome, ()) = tokio::join!(client.retrieve(location, "T9", &quiet), script(peers));
    outcome
}

/// Fetches from a far end that writes `reply` and closes.
async fn fetched(reply: Vec<u8>) -> Result<Retrieved, Mm1Error> {
    fetch(settings(), "http://mmsr5/m?id=9", |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write_if_open(&reply).await;
    })
    .await
}

fn http(status: &str, pdu: &[u8]) -> Vec<u8> {
    let mut reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/vnd.wap.mms-message\r\n\
         Content-Length: {}\r\n\r\n",
        pdu.len()
    )
    .into_bytes();
    reply.extend_from_slice(pdu);
    reply
}

/// The request line that a fetch of `location` leads to.
async fn request_line(settings: Settings, location: &str) -> String {
    let (line, told) = tokio::sync::oneshot::channel();
    let outcome = fetch(settings, location, |mut peers| async move {
        let mut peer = peers.next().await;
        let head = peer.head().await;
        assert!(!head.contains("Content-"), "{head}");
        line.send(head.lines().next().unwrap().to_owned()).unwrap();
        peer.answer(&ordinary(b"hi")).await;
    })
    .await;
    outcome.unwrap();
    told.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn message_arrives_with_its_octets() {
    let pdu = ordinary("gr\u{fc}\u{df}e".as_bytes());
    let retrieved = fetched(http("200 OK", &pdu)).await.unwrap();
    assert_eq!(retrieved.pdu, pdu);
    assert!(!retrieved.suspicious);
    assert_eq!(retrieved.conf.value.message_id.as_deref(), Some("id-9"));
    let Body::Multipart(parts) = &retrieved.conf.value.body else { panic!("no multipart") };
    assert_eq!(parts[0].body, "gr\u{fc}\u{df}e".as_bytes());
}

#[tokio::test(start_paused = true)]
async fn location_is_asked_for_as_the_operator_wrote_it() {
    assert_eq!(
        request_line(settings(), "http://mmsr5/m?message-id=").await,
        "GET http://mmsr5/m?message-id= HTTP/1.1"
    );
    assert_eq!(
        request_line(settings(), "http://mmsr5:10021/a@b|c").await,
        "GET http://mmsr5:10021/a@b|c HTTP/1.1"
    );
    assert_eq!(
        request_line(settings(), "/got/9").await,
        "GET http://mmsc.example:8002/got/9 HTTP/1.1",
        "relative to the MMSC"
    );
}

#[tokio::test(start_paused = true)]
async fn transaction_id_completes_a_location_where_the_operator_wants_it() {
    let appending = || Settings { append_transaction_id: true, ..settings() };
    assert_eq!(
        request_line(appending(), "http://mmsr5/m?message-id=").await,
        "GET http://mmsr5/m?message-id=T9 HTTP/1.1"
    );
    assert_eq!(
        request_line(appending(), "http://mmsr5/m?message-id=7").await,
        "GET http://mmsr5/m?message-id=7 HTTP/1.1"
    );
}

#[tokio::test(start_paused = true)]
async fn retrieve_status_decides_whether_to_try_again() {
    for (status, retry, gone) in [
        (0xC0, Retry::Backoff, false),
        (0xC2, Retry::Backoff, false),
        (0xD7, Retry::Backoff, false),
        (0xE1, Retry::Never, false),
        (0xE2, Retry::Never, true),
    ] {
        let fields = [0x99, status, 0x9A, b'4', b'5', b':', b'n', b'o', 0];
        let pdu = retrieve_conf(&fields, b"sorry");
        let error = fetched(http("200 OK", &pdu)).await.unwrap_err();
        assert!(matches!(error, Mm1Error::NotRetrieved { .. }), "{error:?}");
        assert_eq!((error.retry(), error.is_gone()), (retry, gone), "{status:#x}");
        assert_eq!(error.verbatim().as_deref(), Some("45:no"));
        assert_eq!(error.octets().unwrap(), &pdu);
    }
}

#[tokio::test(start_paused = true)]
async fn error_text_dressed_up_as_a_message_is_suspicious() {
    let reply = http("200 OK", &retrieve_conf(b"", b"The message was not found"));
    assert!(fetched(reply).await.unwrap().suspicious);
    let with_id = http("200 OK", &retrieve_conf(b"\x8Bid-9\0", b"short"));
    assert!(!fetched(with_id).await.unwrap().suspicious);
    let long = http("200 OK", &retrieve_conf(b"", &[b'x'; 3000]));
    assert!(!fetched(long).await.unwrap().suspicious);
}

#[tokio::test(start_paused = true)]
async fn gone_portal_and_overload_are_told_apart() {
    let page = |status: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n\
             <title>Nothing here</title"
        )
        .into_bytes()
    };
    let gone = fetched(page("404 Not Found")).await.unwrap_err();
    assert!(gone.is_gone() && gone.retry() == Retry::Never && gone.code() == "gone");
    let busy = fetched(page("500 system failure")).await.unwrap_err();
    assert!(!busy.is_gone() && busy.retry() == Retry::Backoff && !busy.is_unknown());
    let portal = fetched(page("200 OK")).await.unwrap_err();
    assert!(matches!(portal, Mm1Error::NotMms { .. }));
    assert_eq!(portal.retry(), Retry::Backoff);
    assert!(!portal.is_unknown(), "a retrieval can always be repeated");
}

#[tokio::test(start_paused = true)]
async fn undecodable_message_keeps_its_octets() {
    // The multipart announces more than there is.
    let mut pdu = ordinary(b"hello");
    pdu.truncate(pdu.len() - 3);
    let error = fetched(http("200 OK", &pdu)).await.unwrap_err();
    let Mm1Error::Decode { octets, error: at, .. } = &error else { panic!("{error:?}") };
    assert_eq!(octets, &pdu);
    assert!(at.offset > 0);
    assert_eq!(error.retry(), Retry::Never);
}

#[tokio::test(start_paused = true)]
async fn message_cut_by_the_line_is_fetched_again() {
    let mut reply = http("200 OK", &ordinary(&[b'x'; 3000]));
    reply.truncate(reply.len() - 1000);
    let error = fetched(reply).await.unwrap_err();
    assert!(matches!(error, Mm1Error::Transport(TransportError::Closed { .. })), "{error:?}");
    assert_eq!(error.retry(), Retry::Soon);
}

#[tokio::test(start_paused = true)]
async fn message_above_the_limit_is_refused_by_its_announcement_and_by_its_length() {
    let announced = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
         Content-Length: {}\r\n\r\n\u{1}",
        MAX_MESSAGE + 1
    );
    let endless = fetch(settings(), "http://a/", |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\r\n")
            .await;
        let block = vec![0x8C; 1 << 20];
        // One block more would find nobody who reads it.
        for _ in 0..MAX_MESSAGE / block.len() {
            peer.write(&block).await;
        }
        peer.write(b"\0").await;
        assert!(peer.is_closed().await);
    })
    .await;
    for error in [fetched(announced.into_bytes()).await, endless].map(Result::unwrap_err) {
        let limit = MAX_MESSAGE;
        assert!(
            matches!(&error, Mm1Error::Transport(TransportError::TooLarge { limit: l, .. }) if *l == limit),
            "{error:?}"
        );
        assert_eq!(error.retry(), Retry::Never);
    }
}

#[tokio::test(start_paused = true)]
async fn head_above_the_limit_is_refused() {
    let mut reply = b"HTTP/1.1 200 OK\r\nX-Filler: ".to_vec();
    reply.resize(40_000, b'a');
    let error = fetched(reply).await.unwrap_err();
    assert!(matches!(error, Mm1Error::Transport(TransportError::TooLarge { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn download_that_stands_still_ends_and_one_that_moves_is_told() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let (sink, told) = stages();
    let pdu = ordinary(&[b'y'; 30_000]);
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        for block in http("200 OK", &pdu).chunks(1000) {
            tokio::time::sleep(Duration::from_secs(20)).await;
            peer.write(block).await;
        }
        peer.head().await;
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc").await;
        tokio::time::sleep(Duration::from_secs(100)).await;
    };
    let near = async {
        client.retrieve("http://a/", "T9", &sink).await.unwrap();
        client.retrieve("http://a/", "T9", &StageSink::none()).await.unwrap_err()
    };
    let (error, ()) = tokio::join!(near, far);
    assert!(matches!(error, Mm1Error::Transport(TransportError::Stalled { .. })), "{error:?}");
    let told = told.lock().unwrap();
    let size = pdu.len() as u64;
    let told: Vec<u64> = told
        .iter()
        .filter_map(|stage| match stage {
            Stage::Downloading { done, total } => {
                assert_eq!(*total, Some(size));
                Some(*done)
            }
            _ => None,
        })
        .collect();
    assert!(told.len() > 10 && told.is_sorted() && told.last() == Some(&size), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn download_that_only_drips_ends() {
    let pdu = ordinary(&[b'x'; 20_000]);
    let reply = http("200 OK", &pdu);
    let error = fetch(settings(), "http://a/", |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        for octet in reply.chunks(1).take(2_000) {
            peer.write_if_open(octet).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .unwrap_err();
    assert_eq!((error.code(), error.retry()), ("stalled", Retry::Soon), "{error:?}");
    assert!(error.to_string().contains("octets passed in 300 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn slow_download_goes_on() {
    let pdu = ordinary(&[b'x'; 200_000]);
    let reply = http("200 OK", &pdu);
    let retrieved = fetch(settings(), "http://a/", |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        for octets in reply.chunks(300) {
            peer.write_if_open(octets).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(retrieved.pdu, pdu);
}

#[tokio::test(start_paused = true)]
async fn interim_answers_without_end_are_not_read_for_ever() {
    let error = fetch(settings(), "http://a/", |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        for _ in 0..100_000 {
            peer.write_if_open(b"HTTP/1.1 103 Early Hints\r\n\r\n").await;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        peer.write_if_open(&http("200 OK", &ordinary(b"hi"))).await;
    })
    .await
    .unwrap_err();
    assert!(matches!(error, Mm1Error::Transport(TransportError::TooLarge { .. })), "{error:?}");
}

/// The request that an acknowledgement leads to when it is answered by `reply`.
async fn acknowledged<'a, F>(
    settings: Settings,
    reply: &'static str,
    work: impl FnOnce(Client) -> F + 'a,
) -> (String, Vec<u8>, Result<(), Mm1Error>)
where
    F: Future<Output = Result<(), Mm1Error>>,
{
    let (net, mut peers): (Arc<TestNet>, Peers) = network();
    let client = Client::new(net, settings, Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        let request = peer.request().await;
        peer.write(reply.as_bytes()).await;
        request
    };
    let (outcome, (head, body)) = tokio::join!(work(client), far);
    (head, body, outcome)
}

#[tokio::test(start_paused = true)]
async fn any_2xx_but_a_page_for_people_completes_a_notify_resp() {
    for (reply, completes) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 202 Accepted\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nOK", true),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n<html>", false),
    ] {
        let (head, body, outcome) = acknowledged(settings(), reply, |client| async move {
            let quiet = StageSink::none();
            client.notify_resp("T@9", MmsStatus::RETRIEVED, Some(true), Target::Mmsc, &quiet).await
        })
        .await;
        let page = matches!(outcome, Err(Mm1Error::NotMms { .. }));
        assert_eq!((outcome.is_ok(), page), (completes, !completes), "{reply}");
        assert!(head.starts_with("POST http://mmsc.example:8002/mms "), "{head}");
        assert_eq!(body, b"\x8C\x83\x98T@9\0\x8D\x92\x95\x81\x91\x80");
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_goes_to_the_location_only_where_the_operator_wants_it() {
    let location = "http://mmsr5/m?id=9";
    for (ack_to_location, target) in [(true, location), (false, "http://mmsc.example:8002/mms")] {
        let settings = Settings { ack_to_location, mms_version: (1, 0), ..settings() };
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let (head, body, outcome) = acknowledged(settings, reply, |client| async move {
            let quiet = StageSink::none();
            let target = Target::Location { location, transaction_id: "N9" };
            client.acknowledge("T9", None, target, &quiet).await
        })
        .await;
        assert_eq!(outcome, Ok(()));
        assert!(head.starts_with(&format!("POST {target} ")), "{head}");
        assert_eq!(body, b"\x8C\x85\x98T9\0\x8D\x90");
    }
}

#[tokio::test(start_paused = true)]
async fn location_that_takes_an_acknowledgement_is_completed_as_for_the_message() {
    let settings = Settings { ack_to_location: true, append_transaction_id: true, ..settings() };
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (head, _, outcome) = acknowledged(settings, reply, |client| async move {
        let quiet = StageSink::none();
        let location = "http://mmsr5/m?message-id=";
        let target = Target::Location { location, transaction_id: "N9" };
        client.acknowledge("T9", None, target, &quiet).await
    })
    .await;
    assert_eq!(outcome, Ok(()));
    assert!(head.starts_with("POST http://mmsr5/m?message-id=N9 "), "{head}");
}

#[tokio::test(start_paused = true)]
async fn failed_acknowledgement_may_be_repeated() {
    for reply in ["HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", ""] {
        let (_, _, outcome) = acknowledged(settings(), reply, |client| async move {
            let quiet = StageSink::none();
            client.notify_resp("T9", MmsStatus::RETRIEVED, None, Target::Mmsc, &quiet).await
        })
        .await;
        let error = outcome.unwrap_err();
        assert!(!error.is_unknown() && error.retry() != Retry::Never, "{error:?}");
    }
}
