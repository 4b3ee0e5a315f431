//! Answers that are not as RFC 9112 wants them: each has one well-defined reading or is an error,
//! and no connection serves a second message after anything odd.

use std::convert::Infallible;
use std::sync::LazyLock;

use mm1gate::mm1::{Client, Identity, Mm1Error, Retrieved};
use mm1gate::model::{Explain, StageSink};

use crate::mm1_rig::{Peer, network, octets, settings};

static QUIET: LazyLock<StageSink> = LazyLock::new(StageSink::none);

const TYPE: &str = "Content-Type: application/vnd.wap.mms-message\r\n";

/// M-Retrieve.conf with a text of its own, 20 octets.
const PDU: &[u8] = b"\x8C\x84\x98T1\0\x8D\x92\x85\x01\x01\x84\x83hello!!";

/// What a second request on the same connection would be answered with: never to be believed.
const SMUGGLED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
                          Content-Length: 16\r\n\r\n\x8C\x84\x98T1\0\x8D\x92\x85\x01\x01\x84\x83bad";

/// Fetches twice. The first answer is `reply`, which the far end then leaves as it is; the second
/// request finds the same connection only if that was kept.
async fn fetched(reply: &[u8]) -> (Result<Retrieved, Mm1Error>, bool) {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let url = "http://store.example/1";
    let near = async {
        let first = client.retrieve(url, "T1", &QUIET).await;
        let second = client.retrieve(url, "T1", &QUIET).await;
        (first, second)
    };
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write_if_open(reply).await;
        let mut again = tokio::select! {
            biased;
            new = peers.next() => (new, false),
            _ = next_head(&mut peer) => (peer, true),
        };
        if !again.1 {
            again.0.head().await;
        }
        let head = format!("HTTP/1.1 200 OK\r\n{TYPE}Content-Length: {}\r\n\r\n", PDU.len());
        again.0.write_if_open(&[head.as_bytes(), PDU].concat()).await;
        again.1
    };
    let ((first, second), kept) = tokio::join!(near, far);
    assert_eq!(second.expect("the second is sound").pdu, PDU, "after {}", reply.escape_ascii());
    (first, kept)
}

/// The next request on a connection; never, when it is closed instead.
async fn next_head(peer: &mut Peer) {
    if tokio::io::AsyncReadExt::read_u8(peer).await.is_err() {
        std::future::pending::<()>().await;
    }
    peer.head().await;
}

fn whole(head: &str, body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n".as_slice(), TYPE.as_bytes(), head.as_bytes(), b"\r\n", body].concat()
}

#[tokio::test(start_paused = true)]
async fn lengths_that_contradict_each_other_are_no_answer() {
    for head in [
        "Content-Length: 20\r\nContent-Length: 36\r\n",
        "Content-Length: 20, 36\r\n",
        "Content-Length: -20\r\n",
        "Content-Length: +20\r\n",
        "Content-Length: 0x14\r\n",
        "Content-Length: 20 20\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Content-Length: 18446744073709551617\r\n",
        "Content-Length:\r\n",
    ] {
        let reply = [whole(head, PDU).as_slice(), SMUGGLED].concat();
        let (outcome, kept) = fetched(&reply).await;
        let error = outcome.expect_err(head);
        assert_eq!(error.code(), "not-http", "{head}: {error}");
        assert!(!kept, "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn length_said_twice_alike_is_that_length() {
    let (outcome, _) = fetched(&whole("Content-Length: 20\r\nContent-Length: 20\r\n", PDU)).await;
    assert_eq!(outcome.expect("they agree").pdu, PDU);
}

#[tokio::test(start_paused = true)]
async fn transfer_coding_beside_a_length_counts_and_what_follows_is_never_an_answer() {
    for (head, body) in [
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked(PDU)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked(PDU)),
    ] {
        let (outcome, _) = fetched(&whole(head, &body)).await;
        assert_eq!(outcome.expect(head).pdu, PDU, "{head}");
        // What stands behind it waits for no question.
        let reply = [whole(head, &body).as_slice(), SMUGGLED].concat();
        let (outcome, kept) = fetched(&reply).await;
        assert!(!kept, "{head}");
        assert_eq!(outcome.expect(head).pdu, PDU, "{head}");
    }
}

fn chunked(pdu: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", pdu.len()).as_bytes(), pdu, b"\r\n0\r\n\r\n"].concat()
}

#[tokio::test(start_paused = true)]
async fn octets_behind_an_answer_are_no_answer_to_the_next_request() {
    let reply = [whole("Content-Length: 20\r\n", PDU).as_slice(), SMUGGLED].concat();
    let (outcome, kept) = fetched(&reply).await;
    assert_eq!(outcome.expect("this one is sound").pdu, PDU);
    assert!(!kept, "the connection has said more than it was asked");
    let (outcome, kept) = fetched(&whole("Content-Length: 20\r\n", PDU)).await;
    assert_eq!(outcome.expect("nothing is odd here").pdu, PDU);
    assert!(kept, "the control: a sound connection is kept");
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_none_are_no_answer() {
    for body in [
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "\r\n0\r\n\r\n",
    ] {
        let (outcome, kept) =
            fetched_then_closed(&whole("Transfer-Encoding: chunked\r\n", body.as_bytes())).await;
        outcome.expect_err(body);
        assert!(!kept, "{body}");
    }
}

/// The same with a far end that closes after its reply.
async fn fetched_then_closed(reply: &[u8]) -> (Result<Retrieved, Mm1Error>, bool) {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write_if_open(reply).await;
        drop(peer);
    };
    let (outcome, ()) = tokio::join!(client.retrieve("http://store.example/1", "T1", &QUIET), far);
    (outcome, !peers.none_waits())
}

#[tokio::test(start_paused = true)]
async fn unknown_transfer_codings_end_with_the_connection_or_in_an_error() {
    for coding in ["identity", "gzip", "chunked, gzip", "xchunked", "\"chunked\"", "chunked\x0b"] {
        let head = format!("Transfer-Encoding: {coding}\r\nContent-Length: 5\r\n");
        let (outcome, _) = fetched_then_closed(&whole(&head, PDU)).await;
        // Five octets of the twenty would be a truncated message taken for a whole one.
        match outcome {
            Ok(retrieved) if coding != "chunked\x0b" => assert_eq!(retrieved.pdu, PDU, "{coding}"),
            // A field that is none counts as not there; the length cuts the message, which shows.
            Err(error) if coding == "chunked\x0b" => assert_eq!(error.code(), "undecodable-answer"),
            other => panic!("{coding:?}: {:?}", other.map(|it| it.pdu.len())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn heads_that_are_none_are_no_answer() {
    for reply in [
        b"HTTP/1.1 200 OK\r\nContent-\0Length: 20\r\n\r\n".as_slice(),
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 20\r\n\r\n",
        b"HTTP/1.1 20 OK\r\nContent-Length: 20\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 20\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 20\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x8C\x84\x98T1\0\x8D\x92",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let (outcome, kept) = fetched_then_closed(reply).await;
        let shown = reply.escape_ascii();
        let error = outcome.expect_err(&shown.to_string());
        assert!(
            ["not-http", "connection-lost", "not-mms"].contains(&error.code()),
            "{shown}: {error:?}"
        );
        assert!(!kept, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn bare_line_feeds_and_folded_fields_do_not_change_what_is_read() {
    let bare = format!(
        "HTTP/1.1 200 OK\nContent-Type: application/vnd.wap.mms-message\nContent-Length: {}\n\n",
        PDU.len()
    );
    let (outcome, _) = fetched(&[bare.as_bytes(), PDU].concat()).await;
    assert_eq!(outcome.expect("old gateways end lines so").pdu, PDU);

    let folded = "X-Folded: one\r\n Content-Length: 5\r\n\tTransfer-Encoding: chunked\r\n\
                  Content-Length: 20\r\n";
    let (outcome, _) = fetched(&whole(folded, PDU)).await;
    assert_eq!(outcome.expect("what is folded belongs to the field before").pdu, PDU);
}

#[tokio::test(start_paused = true)]
async fn trailers_are_passed_over() {
    let body =
        [b"14\r\n".as_slice(), PDU, b"\r\n0\r\nContent-Length: 5\r\nX-After: all\r\n\r\n"].concat();
    let (outcome, _) = fetched(&whole("Transfer-Encoding: chunked\r\n", &body)).await;
    assert_eq!(outcome.expect("the fields behind say nothing").pdu, PDU);
    let endless = [b"14\r\n".as_slice(), PDU, b"\r\n0\r\n", &b"X-A: b\r\n".repeat(20_000)].concat();
    let (outcome, kept) =
        fetched_then_closed(&whole("Transfer-Encoding: chunked\r\n", &endless)).await;
    assert!(outcome.is_err() && !kept, "trailers without end are no answer");
}

#[tokio::test(start_paused = true)]
async fn interim_answers_are_passed_over_up_to_a_limit() {
    let hundred = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let reply = [hundred.as_slice(), &whole("Content-Length: 20\r\n", PDU)].concat();
    let (outcome, _) = fetched(&reply).await;
    assert_eq!(outcome.expect("interim answers are none").pdu, PDU);
    // Nobody asked for another protocol.
    let (outcome, kept) =
        fetched_then_closed(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x8C\x84")
            .await;
    assert!(outcome.is_err() && !kept);
}

#[tokio::test(start_paused = true)]
async fn smuggled_answer_to_a_submission_is_not_taken_for_the_next_one() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let ok = crate::mm1_rig::SEND_CONF_OK;
    let far = async {
        let mut peer = peers.next().await;
        peer.request().await;
        let one = whole(&format!("Content-Length: {}\r\n", ok.len()), ok);
        // Two answers to one question: the second would say that a message was taken which the
        // MMSC has never seen.
        peer.write(&one.repeat(2)).await;
        let mut other = peers.next().await;
        other.request().await;
        other.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await;
    };
    let near = async {
        let hook = || async { Ok::<(), Infallible>(()) };
        client.submit(octets(3000), "T1", hook, &QUIET).await.unwrap();
        client.submit(octets(3000), "T2", hook, &QUIET).await
    };
    let (second, ()) = tokio::join!(near, far);
    assert_eq!(second.unwrap_err().code(), "http-status");
}
