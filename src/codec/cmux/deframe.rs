//! Octets of a line to frames, and to the text outside them (3GPP TS 27.010 clause 5.2).

use memchr::memchr;

use super::fcs::{INITIAL, fcs8};
use super::frame::{Behind, FLAG, Frame, FrameType, parse};

/// Octets of a text line that are kept together; a longer line comes in pieces.
pub const MAX_TEXT: usize = 256;

/// Octets taken at once; with the longest frame the most that is held.
const PIECE: usize = 4096;

/// Begins and ends frames of the advanced option (clause 5.3).
const ADVANCED_FLAG: u8 = 0x7E;

/// What came out of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deframed<'a> {
    /// A frame whose FCS is right.
    Frame(Frame<'a>),
    /// Octets outside frames up to a line end or a flag: what a modem says that has left the
    /// multiplexer, or noise. Without line ends, never empty.
    Text(&'a [u8]),
    /// A frame that was dropped.
    Bad(FrameError),
}

/// Why a frame was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The FCS does not match.
    #[error("the checksum does not match")]
    BadChecksum,
    /// Its length leads to something else than a flag: octets were lost.
    #[error("the frame does not end where its length says")]
    Unclosed,
    /// Longer than the limit.
    #[error("the frame is too long")]
    TooLong,
    /// The peer uses the advanced option.
    #[error("this is a frame of the advanced option")]
    Advanced,
}

/// Cuts a line's octets into frames; keeps its place between calls.
#[derive(Debug, Clone)]
pub struct Deframer {
    /// From the flag that may begin a frame on.
    buffer: Vec<u8>,
    text: Vec<u8>,
    limit: usize,
}

impl Deframer {
    /// Takes frames of at most `limit` octets of information.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), text: Vec::new(), limit }
    }

    /// Takes octets in any pieces and calls `sink` for everything that is complete.
    pub fn feed(&mut self, octets: &[u8], mut sink: impl FnMut(Deframed<'_>)) {
        for piece in octets.chunks(PIECE) {
            self.buffer.extend_from_slice(piece);
            self.scan(&mut sink);
        }
    }

    /// Whether a frame has begun and not ended: behind a flag stands something that may be one.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.buffer.len() > 1
    }

    /// The rest of the frame that has begun will not come: looks for others in what did.
    pub fn give_up(&mut self, mut sink: impl FnMut(Deframed<'_>)) {
        if self.is_inside() {
            sink(Deframed::Bad(FrameError::Unclosed));
            self.buffer.remove(0);
            self.scan(&mut sink);
        }
    }

    fn scan(&mut self, sink: &mut impl FnMut(Deframed<'_>)) {
        let Self { buffer, text, limit } = self;
        let mut at = 0;
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            let Some(start) = memchr(FLAG, rest) else {
                outside(rest, text, sink);
                at = buffer.len();
                break;
            };
            let (before, rest) = rest.split_at(start);
            outside(before, text, sink);
            at += start;
            // One of many flags; the last one begins the frame.
            let behind = rest.get(1..).unwrap_or_default();
            if behind.first() == Some(&FLAG) {
                end_text(text, sink);
                at += 1;
                continue;
            }
            let error = match parse(behind, *limit) {
                Behind::Unfinished => break,
                Behind::Frame(frame, length) => {
                    end_text(text, sink);
                    sink(Deframed::Frame(frame));
                    // Its last flag may begin the next one.
                    at += 1 + length;
                    continue;
                }
                Behind::Nothing => None,
                Behind::TooLong => Some(FrameError::TooLong),
                Behind::Unclosed => Some(FrameError::Unclosed),
                Behind::BadChecksum => Some(FrameError::BadChecksum),
            };
            end_text(text, sink);
            if let Some(error) = error {
                sink(Deframed::Bad(error));
            }
            at += 1;
        }
        buffer.drain(..at);
    }
}

/// Octets that belong to no frame.
fn outside(octets: &[u8], text: &mut Vec<u8>, sink: &mut impl FnMut(Deframed<'_>)) {
    for &octet in octets {
        if matches!(octet, b'\r' | b'\n') {
            end_text(text, sink);
            continue;
        }
        text.push(octet);
        if octet == ADVANCED_FLAG && ends_with_advanced_frame(text) {
            text.clear();
            sink(Deframed::Bad(FrameError::Advanced));
        } else if text.len() >= MAX_TEXT {
            end_text(text, sink);
        }
    }
}

fn end_text(text: &mut Vec<u8>, sink: &mut impl FnMut(Deframed<'_>)) {
    if !text.is_empty() {
        sink(Deframed::Text(text));
        text.clear();
    }
}

/// The shortest frame of the advanced option: flag, address, control, FCS, flag. A modem that was
/// set to it answers, or asks, with one of those.
fn ends_with_advanced_frame(text: &[u8]) -> bool {
    let Some([flag, address, control, fcs, _]) = text.last_chunk::<5>() else { return false };
    *flag == ADVANCED_FLAG
        && address & 1 == 1
        && FrameType::of(*control).is_some_and(|kind| kind != FrameType::Ui)
        && *fcs == !fcs8(INITIAL, &[*address, *control])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::MAX_DLCI;
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Got {
        Frame(u8, FrameType, Vec<u8>),
        Text(String),
        Bad(FrameError),
    }

    fn took(one: Deframed<'_>) -> Got {
        match one {
            Deframed::Frame(frame) => Got::Frame(frame.dlci, frame.kind, frame.information.into()),
            Deframed::Text(text) => Got::Text(String::from_utf8_lossy(text).into_owned()),
            Deframed::Bad(error) => Got::Bad(error),
        }
    }

    fn collect(deframer: &mut Deframer, octets: &[u8]) -> Vec<Got> {
        let mut got = Vec::new();
        deframer.feed(octets, |one| got.push(took(one)));
        got
    }

    fn framed(information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let kind = FrameType::Uih;
        Frame { dlci: 2, cr: true, kind, poll_final: false, information }.encode(&mut out);
        out
    }

    fn whole(information: &[u8]) -> Got {
        Got::Frame(2, FrameType::Uih, information.to_vec())
    }

    #[test]
    fn one_flag_between_two_frames_is_enough_and_many_are_not_too_many() {
        let mut deframer = Deframer::new(128);
        let line =
            [framed(b"abc"), framed(b"def")[1..].into(), vec![FLAG; 9], framed(b"")].concat();
        assert_eq!(collect(&mut deframer, &line), [whole(b"abc"), whole(b"def"), whole(b"")]);
    }

    #[test]
    fn flags_in_the_information_end_nothing() {
        let mut deframer = Deframer::new(128);
        let information = [FLAG, 0x03, 0x3F, 0x01, 0x1C, FLAG, FLAG];
        assert_eq!(collect(&mut deframer, &framed(&information)), [whole(&information)]);
    }

    #[test]
    fn wrong_checksum_costs_one_frame_only() {
        let mut deframer = Deframer::new(128);
        let mut broken = framed(b"abc");
        let at = broken.len() - 2;
        broken[at] ^= 1;
        let got = collect(&mut deframer, &[broken, framed(b"def")].concat());
        assert_eq!(got.first(), Some(&Got::Bad(FrameError::BadChecksum)));
        assert_eq!(got.last(), Some(&whole(b"def")));
        assert_eq!(got.iter().filter(|one| matches!(one, Got::Frame(..))).count(), 1);
    }

    #[test]
    fn lost_octet_costs_one_frame_only() {
        let whole_line = [framed(b"abcdefgh"), framed(b"second"), framed(b"third")].concat();
        for lost in 0..framed(b"abcdefgh").len() {
            let mut line = whole_line.clone();
            line.remove(lost);
            let mut deframer = Deframer::new(128);
            let mut got = collect(&mut deframer, &line);
            while deframer.is_inside() {
                deframer.give_up(|one| got.push(took(one)));
            }
            let frames: Vec<_> =
                got.into_iter().filter(|one| matches!(one, Got::Frame(..))).collect();
            assert_eq!(frames.last(), Some(&whole(b"third")), "octet {lost}");
            assert!(frames.contains(&whole(b"second")), "octet {lost}: {frames:?}");
        }
    }

    #[test]
    fn text_of_a_modem_that_left_is_told_line_by_line() {
        let mut deframer = Deframer::new(128);
        let text = b"\r\nRDY\r\n\r\n+CFUN: 1\r\n".to_vec();
        let line = [framed(b"abc"), text, framed(b"def")].concat();
        assert_eq!(
            collect(&mut deframer, &line),
            [whole(b"abc"), Got::Text("RDY".into()), Got::Text("+CFUN: 1".into()), whole(b"def")]
        );
    }

    #[test]
    fn silence_inside_a_frame_gives_the_frames_behind_free() {
        let mut deframer = Deframer::new(1500);
        // A header that announces far more than comes.
        let header = vec![FLAG, 0x0B, 0xEF, 0xD0, 0x07];
        let line = [header, framed(b"abc"), framed(b"def")].concat();
        assert_eq!(collect(&mut deframer, &line), []);
        assert!(deframer.is_inside());
        let mut got = Vec::new();
        deframer.give_up(|one| got.push(took(one)));
        assert_eq!(got.first(), Some(&Got::Bad(FrameError::Unclosed)));
        assert!(got.contains(&whole(b"abc")) && got.contains(&whole(b"def")), "{got:?}");
        assert!(!deframer.is_inside());
    }

    #[test]
    fn advanced_option_is_recognised() {
        let fcs = !fcs8(INITIAL, &[0x03, 0x73]);
        let line = [0x7E, 0x03, 0x73, fcs, 0x7E];
        assert_eq!(collect(&mut Deframer::new(128), &line), [Got::Bad(FrameError::Advanced)]);
    }

    #[test]
    fn frame_beyond_the_limit_is_skipped() {
        let mut deframer = Deframer::new(16);
        let got = collect(&mut deframer, &[framed(&[b'x'; 17]), framed(b"def")].concat());
        assert_eq!(got.first(), Some(&Got::Bad(FrameError::TooLong)));
        assert_eq!(got.last(), Some(&whole(b"def")));
    }

    proptest! {
        #[test]
        fn any_octets_in_any_pieces_give_the_same(octets in proptest::collection::vec(prop_oneof![2 => any::<u8>(), 2 => Just(FLAG), 1 => Just(0x03), 1 => Just(0xEF), 1 => Just(0x05)], 0..600), cut in 1..50_usize) {
            let mut pieces = Deframer::new(64);
            let at_once = collect(&mut Deframer::new(64), &octets);
            let by_pieces: Vec<Got> = octets.chunks(cut).flat_map(|piece| collect(&mut pieces, piece)).collect();
            prop_assert_eq!(at_once, by_pieces);
            prop_assert!(pieces.buffer.len() <= 64 + 8 && pieces.text.len() <= MAX_TEXT);
        }

        #[test]
        fn frames_survive_noise_between_them(dlci in 0..=MAX_DLCI, cr in any::<bool>(), kind in 0..6_usize, poll_final in any::<bool>(), information in proptest::collection::vec(any::<u8>(), 0..300), noise in proptest::collection::vec(any::<u8>(), 0..40), cut in 1..50_usize) {
            let kind = [FrameType::Sabm, FrameType::Ua, FrameType::Dm, FrameType::Disc, FrameType::Uih, FrameType::Ui][kind];
            let frame = Frame { dlci, cr, kind, poll_final, information: &information };
            let mut line = Vec::new();
            frame.encode(&mut line);
            let mut seen = 0;
            let mut deframer = Deframer::new(300);
            let noise: Vec<u8> = noise.into_iter().filter(|octet| *octet != FLAG).collect();
            for octets in [line.clone(), noise, line].concat().chunks(cut) {
                deframer.feed(octets, |one| seen += usize::from(one == Deframed::Frame(frame)));
            }
            // Noise may look like the header of a long frame.
            while deframer.is_inside() {
                deframer.give_up(|one| seen += usize::from(one == Deframed::Frame(frame)));
            }
            prop_assert_eq!(seen, 2);
        }
    }
}
