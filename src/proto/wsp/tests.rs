//! Sessions between a client and a gateway over a path that loses nothing (WAP-230 clause 7.1).

use std::time::Instant;

use bytes::Bytes;

use super::*;
use crate::codec::wsp::ContentType;
use crate::codec::wsp::pdu::{
    AbortReason, Address, EntityHeaders, GetMethod, Pdu, PostMethod, Status,
};
use crate::codec::wtp::{Abort, Tid};
use crate::model::{Clock, Timestamp};
use crate::proto::wtp::Config;

struct Pair {
    now: Instant,
    client: Session,
    server: Server,
}

/// What one round brought: events of the client and of the server.
type Round = (Vec<SessionEvent>, Vec<ServerEvent>);

impl Pair {
    fn new(largest_sdu: u32) -> Self {
        Self {
            now: Clock::starting_at(Timestamp::default())
                .instant_of(Timestamp::default())
                .into_std(),
            client: Session::new(Config::default(), 9),
            server: Server::new(Config::default(), 9, largest_sdu),
        }
    }

    /// Until neither side has anything to send.
    fn run(&mut self) -> Round {
        let (mut told, mut asked) = (Vec::new(), Vec::new());
        loop {
            let mut moved = false;
            loop {
                match self.client.poll_output(self.now) {
                    Output::Event(event) => told.push(event),
                    Output::Transmit(octets) => {
                        moved = true;
                        self.server.handle_datagram(self.now, &octets);
                    }
                    Output::Timeout(_) | Output::Idle => break,
                }
            }
            loop {
                match self.server.poll_output(self.now) {
                    Output::Event(event) => asked.push(event),
                    Output::Transmit(octets) => {
                        moved = true;
                        self.client.handle_datagram(self.now, &octets);
                    }
                    Output::Timeout(_) | Output::Idle => break,
                }
            }
            if !moved {
                return (told, asked);
            }
        }
    }

    fn ask(&mut self) -> Tid {
        let headers = vec![("accept".to_owned(), "*/*".to_owned())];
        let offer = Offer { client_sdu: 500_000, server_sdu: 300_000, headers };
        self.client.connect(self.now, offer).unwrap();
        match self.run().1.as_slice() {
            [ServerEvent::Connect { tid }] => *tid,
            other => panic!("{other:?}"),
        }
    }

    fn connected(largest_sdu: u32) -> Self {
        let mut pair = Self::new(largest_sdu);
        let tid = pair.ask();
        pair.server.grant(pair.now, tid).unwrap();
        assert_eq!(pair.run().0, [SessionEvent::Connected]);
        pair
    }

    fn post(&mut self, octets: usize) -> Result<(), WspError> {
        let entity = EntityHeaders::new(ContentType::new("application/vnd.wap.mms-message"));
        let (method, uri) = (PostMethod::POST, Bytes::from_static(b"http://mmsc/"));
        let data = Bytes::from(vec![7; octets]);
        self.client.method(self.now, &Pdu::Post { method, uri, entity: Some(entity), data }, false)
    }

    fn get(&mut self) -> Result<(), WspError> {
        let (method, uri) = (GetMethod::GET, Bytes::from_static(b"http://mmsc/1"));
        self.client.method(self.now, &Pdu::Get { method, uri, headers: Vec::new() }, false)
    }
}

#[test]
fn request_carries_the_headers_of_its_session_and_gets_its_reply() {
    let mut pair = Pair::connected(300_000);
    pair.post(5000).unwrap();
    assert_eq!(pair.get(), Err(WspError::NotReady), "one request at a time");
    let (_, asked) = pair.run();
    let [ServerEvent::Request { tid, post, uri, headers, content_type, data }] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!((*post, &uri[..], data.len()), (Some(PostMethod::POST), &b"http://mmsc/"[..], 5000));
    assert_eq!(headers[..], [("accept".to_owned(), "*/*".to_owned())]);
    assert_eq!(content_type.as_deref(), Some("application/vnd.wap.mms-message"));
    pair.server.reply(pair.now, *tid, Status::OK, None, Bytes::from_static(b"x")).unwrap();
    let (told, _) = pair.run();
    let data = Bytes::from_static(b"x");
    assert_eq!(told, [SessionEvent::Reply { status: Status::OK, entity: None, data }]);
    pair.client.disconnect(pair.now);
    assert_eq!(pair.run().1, [ServerEvent::Disconnected]);
    assert!(!pair.client.is_ready());
}

#[test]
fn more_than_was_granted_does_not_leave() {
    let mut pair = Pair::connected(4000);
    assert!(matches!(pair.post(5000), Err(WspError::TooLong { limit: 4000, .. })));
    pair.post(3000).unwrap();
}

#[test]
fn refused_and_redirected_sessions_are_told() {
    let mut pair = Pair::new(1);
    let tid = pair.ask();
    pair.server.refuse(pair.now, tid, Status(0x63)).unwrap();
    assert_eq!(pair.run().0, [SessionEvent::Refused { status: Status(0x63) }]);
    let tid = pair.ask();
    let address = Bytes::from_static(&[10, 0, 0, 2]);
    let addresses = vec![Address { bearer_type: None, port_number: Some(9201), address }];
    pair.server.redirect(pair.now, tid, addresses.clone()).unwrap();
    assert_eq!(pair.run().0, [SessionEvent::Redirected { addresses }]);
}

#[test]
fn suspended_session_is_taken_up_again() {
    let mut pair = Pair::connected(300_000);
    pair.client.suspend(pair.now).unwrap();
    pair.run();
    assert!(pair.client.is_suspended());
    assert_eq!(pair.get(), Err(WspError::NotReady));
    pair.client.resume(pair.now).unwrap();
    assert_eq!(pair.run().0, [SessionEvent::Connected]);
    pair.get().unwrap();
    assert!(matches!(&pair.run().1[..], [ServerEvent::Request { post: None, .. }]));
}

#[test]
fn session_that_the_gateway_forgot_is_over() {
    let mut pair = Pair::connected(300_000);
    pair.client.suspend(pair.now).unwrap();
    pair.run();
    pair.server = Server::new(Config::default(), 1, 1);
    pair.client.resume(pair.now).unwrap();
    assert_eq!(pair.run().0, [SessionEvent::Disconnected]);
    let mut pair = Pair::connected(300_000);
    pair.server = Server::new(Config::default(), 1, 1);
    pair.get().unwrap();
    let aborted = WtpError::Aborted(Abort::User(AbortReason::DISCONNECT));
    assert_eq!(pair.run().0, [SessionEvent::MethodFailed(aborted.into())]);
    assert!(!pair.client.is_ready() && !pair.client.is_suspended());
    // A new one is granted.
    pair.ask();
}

#[test]
fn request_is_given_up_by_either_side() {
    let mut pair = Pair::connected(300_000);
    pair.get().unwrap();
    let ServerEvent::Request { tid, .. } = pair.run().1.remove(0) else { panic!() };
    pair.server.abort(pair.now, tid, AbortReason::CONGESTION);
    let aborted = WtpError::Aborted(Abort::User(AbortReason::CONGESTION));
    assert_eq!(pair.run().0, [SessionEvent::MethodFailed(aborted.into())]);
    pair.get().unwrap();
    pair.run();
    pair.client.abort_method(pair.now, AbortReason::USERREQ);
    pair.run();
    assert!(pair.client.is_ready());
}
