//! The machines of WTP and WSP in both roles: whatever datagrams come, they come to rest, and hold
//! no more than their limits.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mm1gate::codec::wsp::ContentType;
use mm1gate::codec::wsp::pdu::{EntityHeaders, Pdu, PostMethod};
use mm1gate::codec::wtp::{Body, Pdu as WtpPdu, Tid, Trailer};
use mm1gate::proto::wsp::{Offer, Output, Server, Session};
use mm1gate::proto::wtp::Config;

/// Outputs asked for at once; a machine that has more never comes to rest.
const MAX_OUTPUTS: usize = 4_000;
/// Time-outs that are followed; a peer that never answers is given up long before.
const MAX_TIMEOUTS: usize = 2_000;
/// Longest datagram that a link without fragments carries, octets.
const MTU: usize = 1400;

/// The octets as datagrams, each behind its length in one octet: to a client that has asked for a
/// session, to one that has it and sends a message in segments, and to a gateway.
pub(crate) fn check(octets: &[u8]) {
    let now = tokio::time::Instant::now().into_std();
    let datagrams = datagrams(octets);
    let config = Config { max_message: 4_096, segment: 60, ..Config::default() };

    let mut asking = session(config, now);
    play(now, &datagrams, &mut Machine::Client(&mut asking));

    let mut sending = session(config, now);
    drain(now, &mut Machine::Client(&mut sending));
    let (capabilities, headers) = (Vec::new(), Vec::new());
    let data = Pdu::ConnectReply { session_id: 1, capabilities, headers }.encode();
    let body = Body::Result { trailer: Trailer::LastOfMessage, retransmission: false, data };
    sending.handle_datagram(now, &WtpPdu::new(Tid(0x8001), body).encode());
    drain(now, &mut Machine::Client(&mut sending));
    assert!(sending.is_ready());
    let entity = EntityHeaders::new(ContentType::new("application/vnd.wap.mms-message"));
    let (method, uri) = (PostMethod::POST, Bytes::from_static(b"http://m/"));
    let data = Bytes::from(vec![0; 500]);
    let post = Pdu::Post { method, uri, entity: Some(entity), data };
    sending.method(now, &post, true).expect("it fits");
    play(now, &datagrams, &mut Machine::Client(&mut sending));

    for verify in [false, true] {
        let mut server = Server::new(Config { verify, ..config }, 1, 4_096);
        play(now, &datagrams, &mut Machine::Gateway(&mut server));
    }
}

fn session(config: Config, now: Instant) -> Session {
    let mut session = Session::new(config, 1);
    let offer = Offer { client_sdu: 4_096, server_sdu: 4_096, headers: Vec::new() };
    session.connect(now, offer).expect("a new one");
    session
}

fn datagrams(mut octets: &[u8]) -> Vec<Bytes> {
    let mut datagrams = Vec::new();
    while let Some((length, rest)) = octets.split_first() {
        let (one, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        datagrams.push(Bytes::copy_from_slice(one));
        octets = rest;
    }
    datagrams
}

enum Machine<'a> {
    Client(&'a mut Session),
    Gateway(&'a mut Server),
}

/// Hands over the datagrams, half a second apart, then lets time pass until nothing is due.
fn play(start: Instant, datagrams: &[Bytes], machine: &mut Machine<'_>) {
    let mut now = start;
    drain(now, machine);
    for datagram in datagrams {
        now += Duration::from_millis(500);
        match machine {
            Machine::Client(session) => {
                session.handle_timeout(now);
                session.handle_datagram(now, datagram);
            }
            Machine::Gateway(server) => {
                server.handle_timeout(now);
                server.handle_datagram(now, datagram);
            }
        }
        drain(now, machine);
    }
    for _ in 0..MAX_TIMEOUTS {
        let Some(at) = drain(now, machine) else { return };
        now = now.max(at);
        match machine {
            Machine::Client(session) => session.handle_timeout(now),
            Machine::Gateway(server) => server.handle_timeout(now),
        }
    }
    panic!("time-outs without end");
}

/// When the machine wants to be called again.
fn drain(now: Instant, machine: &mut Machine<'_>) -> Option<Instant> {
    for _ in 0..MAX_OUTPUTS {
        match machine {
            Machine::Client(session) => match session.poll_output(now) {
                Output::Transmit(octets) => assert!(octets.len() <= MTU),
                Output::Event(_) => {}
                Output::Timeout(at) => return Some(at),
                Output::Idle => return None,
            },
            Machine::Gateway(server) => match server.poll_output(now) {
                Output::Transmit(octets) => assert!(octets.len() <= MTU),
                Output::Event(_) => {}
                Output::Timeout(at) => return Some(at),
                Output::Idle => return None,
            },
        }
    }
    panic!("outputs without end");
}
