//! M-Forward and M-Delete, about what the MMSC keeps for us, against a far end that plays hand-made
//! octets (OMA-TS-MMS_ENC-V1_3 clause 6).

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use mm1gate::codec::mms::ResponseStatus;
use mm1gate::mm1::{Client, Identity, Mm1Error, SubmitOutcome};
use mm1gate::model::StageSink;

use crate::mm1_rig::{SEND_CONF_OK, network, settings};
use crate::vectors::octets;

async fn forwarded(answer: &'static [u8]) -> Result<SubmitOutcome, Mm1Error> {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let request = octets("mms", "forward-req");
    let asked = AtomicBool::new(false);
    let released = || async {
        asked.store(true, Ordering::SeqCst);
        Ok::<(), Infallible>(())
    };
    let quiet = StageSink::none();
    let asking = client.forward(request.clone(), "T7", released, &quiet);
    let far = async {
        let mut peer = peers.next().await;
        let (head, body) = peer.request().await;
        assert!(head.starts_with("POST http://mmsc.example:8002/mms HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, request);
        peer.answer(answer).await;
    };
    let (outcome, ()) = tokio::join!(asking, far);
    assert!(asked.load(Ordering::SeqCst), "the release comes before the last octets");
    outcome
}

#[tokio::test(start_paused = true)]
async fn answer_to_a_forward_is_read_whichever_way_the_mmsc_gives_it() {
    let conf: &'static [u8] = Box::leak(octets("mms", "forward-conf").to_vec().into_boxed_slice());
    let text = Some("Sent on".to_owned());
    let taken = SubmitOutcome::Accepted { message_id: Some("m-1@mmsc".to_owned()), text };
    assert_eq!(forwarded(conf).await, Ok(taken));
    // An MMSC that does not know the request answers as it answers everything.
    let unsupported = b"\x8C\x81\x98T7\0\x8D\x92\x92\x88\x93No\0";
    let status = ResponseStatus(0x88);
    let refused = SubmitOutcome::Refused { status, text: Some("No".to_owned()) };
    assert_eq!(forwarded(unsupported).await, Ok(refused));
    let taken = SubmitOutcome::Accepted { message_id: Some("id-1".to_owned()), text: None };
    assert_eq!(forwarded(SEND_CONF_OK).await, Ok(taken));
    // M-Delete.conf says nothing about it.
    let other = b"\x8C\x95\x98T7\0\x8D\x93\x92\x02\x81\x80";
    let error = forwarded(other).await.unwrap_err();
    assert!(error.is_unknown(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn deletion_of_two_messages_is_one_request_with_a_status_for_each() {
    let (net, mut peers) = network();
    let client = Client::new(net, settings(), Identity::default());
    let quiet = StageSink::none();
    let locations = ["http://b/1", "http://b/2"].map(str::to_owned).to_vec();
    let asking = client.delete("T7", locations, &quiet);
    let far = async {
        let mut peer = peers.next().await;
        let (_, body) = peer.request().await;
        // Version 1.3, whatever the settings say: there is none before.
        assert_eq!(body, octets("mms", "delete-req"));
        peer.answer(&octets("mms", "delete-conf")).await;
    };
    let (told, ()) = tokio::join!(asking, far);
    let told: Vec<_> = told.unwrap().into_iter().map(Option::unwrap).collect();
    assert_eq!(told.iter().map(|one| one.status.0).collect::<Vec<_>>(), [0x80, 0xe4]);
    assert!(told.iter().all(mm1gate::mm1::Deleted::is_gone), "one was gone before");
    assert_eq!(told[1].text.as_deref(), Some("\u{e9}a"));
}
