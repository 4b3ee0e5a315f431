//! The multiplexer: frames in any pieces, the messages of its control channel, and both machines.

use std::time::Duration;

use mm1gate::codec::cmux::{
    ControlMessage, Deframed, Deframer, Frame, FrameError, FrameType, MAX_TEXT,
};
use mm1gate::proto::cmux::{Config, Input, MAX_RECEIVED, Mux, Output};
use tokio::time::Instant;

use super::checks;

/// Octets of information taken in one frame.
const LIMIT: usize = 256;

/// Outputs asked for at once; a machine that has more never comes to rest.
const MAX_OUTPUTS: usize = 10_000;

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Frame(u8, bool, FrameType, bool, Vec<u8>),
    Text(Vec<u8>),
    Bad(FrameError),
}

fn collect(deframer: &mut Deframer, octets: &[u8], got: &mut Vec<Got>) {
    deframer.feed(octets, |one| {
        got.push(match one {
            Deframed::Frame(it) => {
                Got::Frame(it.dlci, it.cr, it.kind, it.poll_final, it.information.to_vec())
            }
            Deframed::Text(text) => Got::Text(text.to_vec()),
            Deframed::Bad(error) => Got::Bad(error),
        });
    });
}

/// In one piece, octet by octet and in uneven pieces the same comes out; every frame that comes out
/// can be sent and comes out again; both machines take the octets and come to rest.
pub(crate) fn check(octets: &[u8]) {
    let mut whole = Vec::new();
    collect(&mut Deframer::new(LIMIT), octets, &mut whole);
    for piece in [1, 7] {
        let mut pieces = Vec::new();
        let mut deframer = Deframer::new(LIMIT);
        for octets in octets.chunks(piece) {
            collect(&mut deframer, octets, &mut pieces);
        }
        assert_eq!(whole, pieces, "in pieces of {piece}");
    }
    for one in &whole {
        match one {
            Got::Frame(dlci, cr, kind, poll_final, information) => {
                assert!(information.len() <= LIMIT);
                check_messages(information);
                let frame = Frame {
                    dlci: *dlci,
                    cr: *cr,
                    kind: *kind,
                    poll_final: *poll_final,
                    information,
                };
                let mut line = Vec::new();
                frame.encode(&mut line);
                let mut again = Vec::new();
                collect(&mut Deframer::new(LIMIT), &line, &mut again);
                assert_eq!(again.first(), Some(one), "sent again");
            }
            Got::Text(text) => assert!(!text.is_empty() && text.len() <= MAX_TEXT),
            Got::Bad(_) => {}
        }
    }
    check_messages(octets);
    check_machine(Config::responder(4), octets);
    check_machine(Config::default(), octets);
}

fn check_messages(octets: &[u8]) {
    match ControlMessage::decode_all(octets) {
        Ok(messages) => {
            let mut out = Vec::new();
            for message in &messages {
                message.encode(&mut out);
            }
            assert_eq!(ControlMessage::decode_all(&out), Ok(messages));
        }
        Err(error) => checks::error(&error, octets),
    }
}

fn check_machine(config: Config, octets: &[u8]) {
    let mut mux = Mux::new(config);
    let mut now = Instant::now().into_std();
    let _ = mux.handle_input(now, Input::Open(0));
    for piece in octets.chunks(61) {
        let _ = mux.handle_input(now, Input::Octets(piece));
        drain(&mut mux);
        now += Duration::from_millis(5);
    }
    for _ in 0..1000 {
        let Some(at) = drain(&mut mux) else { return };
        now = now.max(at);
        let _ = mux.handle_input(now, Input::Timeout);
    }
    assert_eq!(drain(&mut mux), None, "time-outs without end");
}

fn drain(mux: &mut Mux) -> Option<std::time::Instant> {
    for _ in 0..MAX_OUTPUTS {
        match mux.poll_output() {
            Output::Event(_) | Output::Transmit(_) => {}
            Output::Timeout(at) => return Some(at),
            Output::Idle => return None,
        }
        assert!((1..64).all(|dlci| mux.readable(dlci) <= MAX_RECEIVED));
    }
    panic!("outputs without end");
}
