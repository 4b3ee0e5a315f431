//! HDLC framing in any pieces; PPP frames, control packets and their options.

use mm1gate::codec::ppp::{
    ChapPacket, ControlPacket, Deframed, Deframer, FrameError, FrameFormat, IpcpOption, LcpOption,
    MAX_TEXT, PapRequest, RawOption, auth_message, decode_options, describe, encode_options,
    normalised, split_frame,
};

use super::checks;

/// Octets of the longest frame taken.
const LIMIT: usize = 512;

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Frame(Vec<u8>),
    Text(Vec<u8>),
    Bad(FrameError),
}

fn collect(deframer: &mut Deframer, octets: &[u8], got: &mut Vec<Got>) {
    deframer.feed(octets, |one| {
        got.push(match one {
            Deframed::Frame(frame) => Got::Frame(frame.to_vec()),
            Deframed::Text(text) => Got::Text(text.to_vec()),
            Deframed::Bad(error) => Got::Bad(error),
        });
    });
}

/// In one piece, octet by octet and in uneven pieces the same comes out; every frame that comes
/// out can be sent and comes out again.
pub(crate) fn check_deframer(octets: &[u8]) {
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
    let mut given = 0;
    for one in &whole {
        match one {
            Got::Frame(frame) => {
                assert!(frame.len() + 2 <= LIMIT);
                given += frame.len();
                check_frame(frame);
            }
            Got::Text(text) => {
                assert!(!text.is_empty() && text.len() <= MAX_TEXT);
                given += text.len();
            }
            Got::Bad(_) => {}
        }
    }
    assert!(given <= octets.len(), "{given} octets out of {}", octets.len());
}

/// The octets as one frame without flags and FCS, and as each kind of packet.
pub(crate) fn check_frames(octets: &[u8]) {
    check_frame(octets);
    check_control(octets);
    let mut line = Vec::new();
    FrameFormat::default().encode(0xC021, octets, &mut line);
    let mut got = Vec::new();
    collect(&mut Deframer::new(octets.len() + 8), &line, &mut got);
    let frame = normalised(0xC021, octets);
    assert_eq!(got, [Got::Frame(frame)]);
}

fn check_frame(frame: &[u8]) {
    match describe(frame) {
        Ok(text) => assert!(!text.is_empty()),
        Err(error) => checks::error(&error, frame),
    }
    match split_frame(frame) {
        Ok((protocol, payload)) => {
            assert!(frame.ends_with(payload));
            let whole = normalised(protocol, payload);
            assert_eq!(split_frame(&whole), Ok((protocol, payload)));
            check_control(payload);
        }
        Err(error) => checks::error(&error, frame),
    }
}

fn check_control(octets: &[u8]) {
    match ControlPacket::decode(octets) {
        Ok(packet) => {
            assert_eq!(ControlPacket::decode(&packet.encode()), Ok(packet.clone()));
            assert!(octets.starts_with(&packet.encode()));
            check_options(&packet.data);
            check_authentication(&packet.data);
        }
        Err(error) => checks::error(&error, octets),
    }
    check_options(octets);
    check_authentication(octets);
}

fn check_options(octets: &[u8]) {
    match decode_options(octets) {
        Ok(options) => {
            assert!(octets.starts_with(&encode_options(&options)));
            for option in &options {
                let lcp = RawOption::from(&LcpOption::from(option.clone()));
                let ipcp = RawOption::from(&IpcpOption::from(option.clone()));
                assert_eq!((&lcp, &ipcp), (option, option));
            }
        }
        Err(error) => checks::error(&error, octets),
    }
}

fn check_authentication(octets: &[u8]) {
    match PapRequest::decode(octets) {
        Ok(request) => assert_eq!(PapRequest::decode(&request.encode()), Ok(request)),
        Err(error) => checks::error(&error, octets),
    }
    match ChapPacket::decode(octets) {
        Ok(packet) => assert_eq!(ChapPacket::decode(&packet.encode()), Ok(packet)),
        Err(error) => checks::error(&error, octets),
    }
    let _ = auth_message(octets);
}
