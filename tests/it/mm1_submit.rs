//! Submissions against a scripted far end: what leaves when, and what each end of it means.

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::mm1::{
    Client, FINAL_BLOCK, Identity, Mm1Error, SubmitOutcome, Timeouts, TransportError,
};
use mm1gate::model::{Explain, Retry, Stage, StageSink};
use tokio::time::{Instant, sleep};

use crate::mm1_rig::{
    Peer, Peers, SEND_CONF_OK, network, octets, refusing_network, settings, stages,
};

static QUIET: LazyLock<StageSink> = LazyLock::new(StageSink::none);

type Submitted = Result<SubmitOutcome, Mm1Error>;

async fn submit(client: &Client, pdu: Bytes) -> (Submitted, bool) {
    let asked = AtomicBool::new(false);
    let released = || async {
        asked.store(true, Ordering::SeqCst);
        Ok::<(), Infallible>(())
    };
    let outcome = client.submit(pdu, "T1", released, &QUIET).await;
    (outcome, asked.load(Ordering::SeqCst))
}

/// Submits `size` octets to a far end that does what `script` says.
async fn against<F: Future<Output = ()>>(
    size: usize,
    script: impl FnOnce(Peers) -> F,
) -> (Submitted, bool) {
    let (net, peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let (outcome, ()) = tokio::join!(submit(&client, octets(size)), script(peers));
    outcome
}

/// The same with a far end that takes the whole request and then writes `reply` and closes.
async fn answered(reply: &'static [u8]) -> Submitted {
    let (outcome, asked) = against(5000, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.request().await;
        peer.write(reply).await;
    })
    .await;
    assert!(asked);
    outcome
}

fn accepted() -> SubmitOutcome {
    SubmitOutcome::Accepted { message_id: Some("id-1".into()), text: None }
}

#[tokio::test(start_paused = true)]
async fn request_to_a_proxy_is_in_absolute_form_with_host_by_name() {
    let (net, mut peers) = network();
    let mut settings = settings();
    settings.uaprof_url = "http://ua.example/p.xml".into();
    settings.uaprof_header = "Profile".into();
    settings.extra_headers = vec![("X-MDN".into(), "1{LINE1NOCC}".into())];
    let identity = Identity { own_number: Some("+15551234567".into()), imsi: None };
    let client = Client::new(net.clone(), settings, identity);
    let far = async {
        let mut peer = peers.next().await;
        assert_eq!(peer.to.to_string(), "10.0.0.1:8080", "zeros in front are decimal");
        let (head, body) = peer.request().await;
        peer.answer(SEND_CONF_OK).await;
        (head, body)
    };
    let ((outcome, _), (head, body)) = tokio::join!(submit(&client, octets(3000)), far);
    assert_eq!(outcome, Ok(accepted()));
    assert_eq!(
        head,
        "POST http://mmsc.example:8002/mms HTTP/1.1\r\n\
         Host: mmsc.example:8002\r\n\
         User-Agent: Phone/1.0\r\n\
         Accept: */*, application/vnd.wap.mms-message, application/vnd.wap.sic\r\n\
         Profile: http://ua.example/p.xml\r\n\
         X-Mdn: 15551234567\r\n\
         Content-Type: application/vnd.wap.mms-message\r\n\
         Content-Length: 3000\r\n\r\n"
    );
    assert_eq!(body, octets(3000));
    assert!(net.resolved.lock().unwrap().is_empty(), "the MMSC's name belongs to the proxy");
}

#[tokio::test(start_paused = true)]
async fn request_without_proxy_goes_to_the_resolved_host() {
    let (net, mut peers) = network();
    let mut settings = settings();
    settings.proxy = None;
    settings.connection_close = true;
    settings.content_type_charset = true;
    let client = Client::new(net.clone(), settings, Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        assert_eq!(peer.to.to_string(), "10.9.8.7:8002");
        let (head, _) = peer.request().await;
        peer.answer(SEND_CONF_OK).await;
        assert!(peer.is_closed().await);
        head
    };
    let ((outcome, _), head) = tokio::join!(submit(&client, octets(10)), far);
    assert_eq!(outcome, Ok(accepted()));
    assert!(head.starts_with("POST /mms HTTP/1.1\r\nHost: mmsc.example:8002\r\n"), "{head}");
    assert!(head.contains("\r\nConnection: close\r\n"), "{head}");
    assert!(head.contains("application/vnd.wap.mms-message; charset=utf-8\r\n"), "{head}");
    assert_eq!(*net.resolved.lock().unwrap(), ["mmsc.example"]);
}

#[tokio::test(start_paused = true)]
async fn final_block_leaves_only_after_the_hook_agreed() {
    for size in [1, FINAL_BLOCK, FINAL_BLOCK + 1, 250_000] {
        let (net, mut peers) = network();
        let client = Client::new(net, settings(), Identity::default());
        let agreed = AtomicBool::new(false);
        let hook = || async {
            sleep(Duration::from_secs(7)).await;
            agreed.store(true, Ordering::SeqCst);
            Ok::<(), Infallible>(())
        };
        let far = async {
            let mut peer = peers.next().await;
            peer.head().await;
            let mut body = peer.until_quiet(Duration::from_secs(5)).await;
            assert!(!agreed.load(Ordering::SeqCst));
            assert_eq!(body.len(), size.saturating_sub(FINAL_BLOCK));
            body.extend(peer.exactly(size.min(FINAL_BLOCK)).await);
            assert!(agreed.load(Ordering::SeqCst));
            assert_eq!(body, octets(size));
            peer.answer(SEND_CONF_OK).await;
        };
        let (outcome, ()) = tokio::join!(client.submit(octets(size), "T1", hook, &QUIET), far);
        assert_eq!(outcome, Ok(accepted()), "{size} octets");
    }
}

#[tokio::test(start_paused = true)]
async fn hook_is_not_called_while_octets_before_the_final_block_wait_here() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let asked_at = std::sync::Mutex::new(None);
    let hook = || async {
        *asked_at.lock().unwrap() = Some(Instant::now());
        Ok::<(), Infallible>(())
    };
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        // The rest does not fit the pipe before some of it is read.
        sleep(Duration::from_secs(30)).await;
        assert_eq!(*asked_at.lock().unwrap(), None);
        peer.exactly(200_000).await;
        peer.answer(SEND_CONF_OK).await;
    };
    let (outcome, ()) = tokio::join!(client.submit(octets(200_000), "T1", hook, &QUIET), far);
    assert_eq!(outcome, Ok(accepted()));
}

#[tokio::test(start_paused = true)]
async fn hook_that_refuses_keeps_the_final_block_here() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let hook = || async { Err("disk full") };
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.until_quiet(Duration::from_secs(60)).await
    };
    let (outcome, body) = tokio::join!(client.submit(octets(5000), "T1", hook, &QUIET), far);
    let error = outcome.unwrap_err();
    assert_eq!(error, Mm1Error::HeldBack { reason: "disk full".into() });
    assert!(!error.is_unknown());
    assert_eq!(body.len(), 5000 - FINAL_BLOCK);
}

#[tokio::test(start_paused = true)]
async fn connection_lost_before_release_may_be_tried_again() {
    let (outcome, asked) = against(200_000, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.exactly(100_000).await;
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Mm1Error::Transport(_)), "{error:?}");
    assert!(!error.is_unknown());
    assert_eq!(error.retry(), Retry::Soon);
    assert!(!asked);
}

#[tokio::test(start_paused = true)]
async fn connection_lost_while_the_hook_writes_waits_for_the_hook_and_is_not_unknown() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let finished = AtomicBool::new(false);
    let hook = || async {
        sleep(Duration::from_secs(5)).await;
        finished.store(true, Ordering::SeqCst);
        Ok::<(), Infallible>(())
    };
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.exactly(5000 - FINAL_BLOCK).await;
        sleep(Duration::from_secs(1)).await;
    };
    let (outcome, ()) = tokio::join!(client.submit(octets(5000), "T1", hook, &QUIET), far);
    assert!(finished.load(Ordering::SeqCst));
    assert!(!outcome.unwrap_err().is_unknown());
}

#[tokio::test(start_paused = true)]
async fn send_conf_lost_after_last_octet_is_unknown() {
    let (outcome, asked) = against(5000, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.request().await;
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Mm1Error::NoAnswer(TransportError::Closed { .. })), "{error:?}");
    assert!(error.is_unknown());
    assert_eq!(error.retry(), Retry::Never);
    assert!(asked);
}

#[tokio::test(start_paused = true)]
async fn answers_cut_short_are_unknown() {
    for reply in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n\x8C\x81\x98T1\0"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\x8C\x81\x98T1\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\r\n\x8C\x81\x98T1\0",
        b"\x01\x02\x03 garbage\r\n\r\n",
    ] {
        let error = answered(reply).await.unwrap_err();
        assert!(error.is_unknown(), "{}: {error:?}", reply.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_without_length_and_in_chunks_are_read() {
    for reply in [
        &b"HTTP/1.1 200 OK\r\n\r\n\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid-1\0"[..],
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid-1\0",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
          3\r\n\x8C\x81\x98\r\nc;x=y\r\nT1\0\x8D\x92\x92\x80\x8Bid-1\r\n1\r\n\0\r\n0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid-1\0",
    ] {
        assert_eq!(answered(reply).await, Ok(accepted()), "{}", reply.escape_ascii());
    }
}

#[tokio::test(start_paused = true)]
async fn page_with_status_200_names_its_title_and_is_unknown() {
    let error = answered(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 63\r\n\r\n\
          <html><head><title>Top up now</title></head><body>x</body></ht>",
    )
    .await
    .unwrap_err();
    assert!(matches!(error, Mm1Error::NotMms { .. }), "{error:?}");
    assert!(error.is_unknown());
    assert_eq!(error.verbatim().as_deref(), Some("Top up now"));
    assert!(error.to_string().contains("Top up now"), "{error}");
    assert!(error.octets().is_some_and(|octets| octets.starts_with(b"<html>")));
}

#[tokio::test(start_paused = true)]
async fn endless_page_is_cut_and_still_names_its_title() {
    let (outcome, _) = against(10, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<title>Portal</title>")
            .await;
        let filler = [b'x'; 8000];
        for _ in 0..8 {
            peer.write(&filler).await;
        }
        peer.until_quiet(Duration::from_secs(1)).await;
    })
    .await;
    assert_eq!(outcome.unwrap_err().verbatim().as_deref(), Some("Portal"));
}

#[tokio::test(start_paused = true)]
async fn http_status_without_an_mms_answer_is_judged_by_its_number() {
    for (line, unknown, retry) in [
        ("408 Request Timeout", false, Retry::Backoff),
        ("429 Too Many Requests", false, Retry::Backoff),
        ("503 Busy", false, Retry::Backoff),
        ("403 Forbidden", false, Retry::Never),
        ("412 Precondition Failed", false, Retry::Never),
        ("302 Found", false, Retry::Never),
        ("500 Oops", true, Retry::Never),
        ("502 Bad Gateway", true, Retry::Never),
        ("504 Gateway Timeout", true, Retry::Never),
    ] {
        let reply = format!(
            "HTTP/1.1 {line}\r\nLocation: http://portal/\r\nContent-Length: 4\r\n\r\nno!\n"
        );
        let error = answered(reply.leak().as_bytes()).await.unwrap_err();
        assert!(matches!(error, Mm1Error::HttpStatus { .. }), "{line}: {error:?}");
        assert_eq!(error.is_unknown(), unknown, "{line}");
        assert_eq!(error.retry(), retry, "{line}");
        assert_eq!(error.verbatim().as_deref(), Some("no!"));
    }
}

#[tokio::test(start_paused = true)]
async fn mms_answer_counts_whatever_the_http_status() {
    let outcome = answered(
        b"HTTP/1.1 500 Oops\r\nContent-Type: application/vnd.wap.mms-message\r\n\
          Content-Length: 21\r\n\r\n\x8C\x81\x98T1\0\x8D\x92\x92\xE1\x93Barred\0\0\0\0",
    )
    .await;
    let Ok(outcome @ SubmitOutcome::Refused { .. }) = outcome else { panic!("{outcome:?}") };
    let refusal = outcome.refusal().unwrap();
    assert!(refusal.verbatim().unwrap().starts_with("Barred"));
    assert!(refusal.remedy().contains("APN"));
}

#[tokio::test(start_paused = true)]
async fn response_status_alone_decides() {
    let conf = |status: u8, tail: &[u8]| {
        let mut pdu = b"\x8C\x81\x98OTHER\0\x8D\x92\x92".to_vec();
        pdu.push(status);
        pdu.extend_from_slice(tail);
        pdu
    };
    for (pdu, expected) in [
        // Ok without a Message-ID, refused with one, and a foreign Transaction-Id.
        (conf(0x80, b""), "accepted"),
        (conf(0xE1, b"\x8Bid-1\0"), "refused"),
        (conf(0x84, b""), "refused"),
        (conf(0xEB, b""), "refused"),
        (conf(0xF7, b""), "refused"),
        (conf(0x86, b""), "transient"),
        (conf(0xC3, b""), "transient"),
        (conf(0xD9, b""), "transient"),
        (conf(0xC4, b""), "partial"),
    ] {
        let (outcome, _) = against(10, |mut peers| {
            let pdu = pdu.clone();
            async move {
                let mut peer = peers.next().await;
                peer.request().await;
                peer.answer(&pdu).await;
            }
        })
        .await;
        let outcome = outcome.unwrap();
        let found = match &outcome {
            SubmitOutcome::Accepted { .. } => "accepted",
            SubmitOutcome::Refused { .. } => "refused",
            SubmitOutcome::Transient { .. } => "transient",
            SubmitOutcome::Partial { .. } => "partial",
        };
        assert_eq!(found, expected, "{}", pdu.escape_ascii());
        let retry = outcome.refusal().map(|refusal| refusal.retry());
        assert_eq!(retry == Some(Retry::Backoff), expected == "transient");
        assert_eq!(retry.is_none(), expected == "accepted");
    }
}

#[tokio::test(start_paused = true)]
async fn another_pdu_than_send_conf_is_unknown() {
    // M-NotifyResp.ind.
    let (outcome, _) = against(10, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.request().await;
        peer.answer(b"\x8C\x83\x98T1\0\x8D\x92\x95\x81").await;
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Mm1Error::WrongPdu { .. }), "{error:?}");
    assert!(error.is_unknown());
}

#[tokio::test(start_paused = true)]
async fn refusal_that_comes_before_the_body_was_taken_is_not_unknown() {
    let (outcome, asked) = against(200_000, |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await;
        peer.until_quiet(Duration::from_secs(2)).await;
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(!asked);
    assert!(!error.is_unknown());
    assert_eq!(error.retry(), Retry::Never);
    assert!(error.remedy().contains("smaller"));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_by_progress_and_not_by_total_time() {
    let limits = Timeouts {
        stall: Duration::from_secs(30),
        answer: Duration::from_secs(90),
        ..Timeouts::default()
    };
    // Slow but moving: far longer than any limit in all.
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default()).with_timeouts(limits);
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        for _ in 0..100 {
            sleep(Duration::from_secs(20)).await;
            peer.exactly(1000).await;
        }
        sleep(Duration::from_secs(80)).await;
        peer.answer(SEND_CONF_OK).await;
    };
    let ((outcome, _), ()) = tokio::join!(submit(&client, octets(100_000)), far);
    assert_eq!(outcome, Ok(accepted()));

    // Stands still inside the body, and after it.
    for (taken, seconds, unknown) in [(50_000, 30, false), (100_000, 90, true)] {
        let (net, mut peers) = network();
        let client = Client::new(net, settings(), Identity::default()).with_timeouts(limits);
        let start = Instant::now();
        let far = async {
            let mut peer = peers.next().await;
            peer.head().await;
            peer.exactly(taken).await;
            sleep(Duration::from_secs(1000)).await;
        };
        let work = async {
            let (outcome, _) = submit(&client, octets(100_000)).await;
            (outcome, start.elapsed())
        };
        let ((outcome, elapsed), ()) = tokio::join!(work, far);
        let error = outcome.unwrap_err();
        assert_eq!(error.is_unknown(), unknown, "{error}");
        assert!(error.to_string().contains(&format!("{seconds} s")), "{error}");
        assert!(elapsed.as_secs().abs_diff(seconds) <= 1, "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_is_kept_for_the_next_message() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        for _ in 0..3 {
            peer.request().await;
            peer.answer(SEND_CONF_OK).await;
        }
        assert!(peer.is_closed().await, "closed with the client");
        peers
    };
    let near = async {
        for _ in 0..3 {
            assert_eq!(submit(&client, octets(2000)).await.0, Ok(accepted()));
        }
        client.close().await;
    };
    let ((), mut peers) = tokio::join!(near, far);
    assert!(peers.none_waits(), "no second connection");
}

/// One message over a connection that then goes stale in the way that `stale` says, another after
/// it; how often the hook of the second was called, and its outcome.
async fn second_message<F: Future<Output = ()>>(
    stale: impl FnOnce(Peer) -> F,
) -> (Submitted, usize) {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let calls = Arc::new(AtomicUsize::new(0));
    let far = async {
        let mut peer = peers.next().await;
        peer.request().await;
        peer.answer(SEND_CONF_OK).await;
        stale(peer).await;
        let mut fresh = peers.next().await;
        fresh.request().await;
        fresh.answer(SEND_CONF_OK).await;
    };
    let near = async {
        assert_eq!(submit(&client, octets(2000)).await.0, Ok(accepted()));
        sleep(Duration::from_secs(3)).await;
        let hook = || async {
            calls.fetch_add(1, Ordering::SeqCst);
            Ok::<(), Infallible>(())
        };
        client.submit(octets(3000), "T1", hook, &QUIET).await
    };
    let (outcome, ()) = tokio::join!(near, far);
    (outcome, calls.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn stale_connection_is_replaced_before_anything_is_released() {
    let closed_while_idle = second_message(|peer| async move { drop(peer) }).await;
    assert_eq!(closed_while_idle, (Ok(accepted()), 1));
    let closed_on_the_request = second_message(|mut peer| async move {
        peer.head().await;
    })
    .await;
    assert_eq!(closed_on_the_request, (Ok(accepted()), 1));
    let idle_for_too_long = {
        let (net, mut peers) = network();
        let client = Client::new(net, settings(), Identity::default());
        let far = async {
            let mut first = peers.next().await;
            first.request().await;
            first.answer(SEND_CONF_OK).await;
            let mut second = peers.next().await;
            second.request().await;
            second.answer(SEND_CONF_OK).await;
        };
        let near = async {
            submit(&client, octets(10)).await.0.unwrap();
            sleep(Duration::from_secs(300)).await;
            submit(&client, octets(10)).await.0
        };
        tokio::join!(near, far).0
    };
    assert_eq!(idle_for_too_long, Ok(accepted()));
}

#[tokio::test(start_paused = true)]
async fn kept_connection_lost_after_release_is_unknown_and_not_repeated() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        peer.request().await;
        peer.answer(SEND_CONF_OK).await;
        peer.request().await;
        drop(peer);
        sleep(Duration::from_secs(600)).await;
        peers.none_waits()
    };
    let near = async {
        submit(&client, octets(2000)).await.0.unwrap();
        submit(&client, octets(2000)).await.0
    };
    let (outcome, alone) = tokio::join!(near, far);
    assert!(outcome.unwrap_err().is_unknown());
    assert!(alone, "nothing was sent again");
}

#[tokio::test(start_paused = true)]
async fn refused_connection_says_what_to_check() {
    let client = Client::new(refusing_network(), settings(), Identity::default());
    let (outcome, asked) = submit(&client, octets(10)).await;
    let error = outcome.unwrap_err();
    assert!(!asked);
    assert_eq!(error.retry(), Retry::Soon);
    assert!(error.to_string().contains("10.0.0.1:8080"), "{error}");
    assert!(error.remedy().contains("proxy"), "{}", error.remedy());
}

#[tokio::test(start_paused = true)]
async fn unusable_settings_are_told_before_anything_is_opened() {
    for (change, word) in [
        ((|s| s.mmsc = "ftp://mmsc/".into()) as fn(&mut mm1gate::operators::Settings), "https"),
        (|s| s.mmsc = "mmsc.example".into(), "http://"),
        (|s| s.extra_headers = vec![("X-MDN".into(), "{LINE1}".into())], "own_number"),
        (|s| s.user_agent = "a\nb".into(), "user-agent"),
    ] {
        let (net, mut peers) = network();
        let mut settings = settings();
        change(&mut settings);
        let client = Client::new(net, settings, Identity::default());
        let error = submit(&client, octets(10)).await.0.unwrap_err();
        assert!(matches!(error, Mm1Error::Unusable { .. }));
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(error.retry(), Retry::Never);
        assert!(peers.none_waits());
    }
}

#[tokio::test(start_paused = true)]
async fn upload_is_told_as_the_far_end_acknowledges_it() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let (sink, told) = stages();
    let size = 100_000;
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        for _ in 0..50 {
            sleep(Duration::from_millis(100)).await;
            peer.exactly(size / 50).await;
        }
        peer.answer(SEND_CONF_OK).await;
    };
    let hook = || async { Ok::<(), Infallible>(()) };
    let (outcome, ()) = tokio::join!(client.submit(octets(size), "T1", hook, &sink), far);
    outcome.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told[0], Stage::TcpConnected { to: "10.0.0.1:8080".into() });
    let uploads: Vec<u64> = told
        .iter()
        .filter_map(|stage| match stage {
            Stage::Uploading { done, total } => {
                assert_eq!(*total, size as u64);
                Some(*done)
            }
            _ => None,
        })
        .collect();
    assert!(uploads.is_sorted() && uploads.last() == Some(&(size as u64)), "{uploads:?}");
    assert!((8..=40).contains(&uploads.len()), "{uploads:?}");
    assert!(uploads[0] <= size as u64 / 10, "acknowledged, not handed over: {uploads:?}");
    assert!(matches!(told.last(), Some(Stage::Answered { .. })));
}
