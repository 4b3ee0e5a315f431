//! Octets of a line to frames (RFC 1662 section 4), and to the text that stands outside them.
//!
//! Modems write banners before the first frame and result codes such as `NO CARRIER` between or
//! inside frames; both are told to the caller, neither makes the deframer deaf.

use memchr::{memchr, memchr2};

use super::fcs::{GOOD, INITIAL, fcs16};

/// Flag sequence: begins and ends a frame (RFC 1662 clause 3.1).
pub const FLAG: u8 = 0x7E;
/// Control escape: the next octet is complemented in bit 6.
pub(crate) const ESCAPE: u8 = 0x7D;
/// What an escaped octet is combined with.
pub(crate) const ESCAPE_BIT: u8 = 0x20;

/// Octets of a text line that are kept together; a longer line comes in pieces. Result codes and
/// banners are shorter.
pub const MAX_TEXT: usize = 256;

/// Plain octets before an escape that are too few to be worth a search for each next one.
const SHORT_RUN: usize = 16;
/// So many such runs in a row are chance.
const FEW_RUNS: usize = 2;
/// Octets that are taken at once where escapes are frequent.
const WINDOW: usize = 512;

/// Octets of the shortest frame with its FCS: a compressed protocol and nothing else.
const MIN_FRAME: usize = 3;

/// What came out of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deframed<'a> {
    /// A frame whose FCS is right, escapes and FCS removed.
    Frame(&'a [u8]),
    /// A line of text outside frames, line ends removed, never empty.
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
    /// Longer than the limit.
    #[error("the frame is too long")]
    TooLong,
    /// Shorter than any frame.
    #[error("the frame is too short")]
    TooShort,
    /// The sender gave it up (escape and flag).
    #[error("the sender aborted the frame")]
    Aborted,
}

/// Cuts a line's octets into frames; keeps its place between calls.
#[derive(Debug, Clone)]
pub struct Deframer {
    state: State,
    buffer: Vec<u8>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No flag was seen yet, or text began where a frame should: everything is text until a flag.
    Text,
    /// Right behind a flag.
    Start,
    /// Inside a frame.
    Frame,
    /// Behind a control escape.
    Escaped,
    /// Inside a frame that is too long.
    Discard,
}

impl Deframer {
    /// Takes frames of at most `limit` octets, header and FCS included.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { state: State::Text, buffer: Vec::new(), limit }
    }

    /// Takes octets in any pieces and calls `sink` for everything that is complete.
    pub fn feed(&mut self, mut octets: &[u8], mut sink: impl FnMut(Deframed<'_>)) {
        let mut short_runs = 0;
        while let Some((&first, rest)) = octets.split_first() {
            match self.state {
                State::Text => {
                    self.text(first, &mut sink);
                    octets = rest;
                }
                State::Start => match first {
                    FLAG => octets = rest,
                    // No protocol begins with these; a modem's result code does.
                    b'\r' | b'\n' => {
                        self.state = State::Text;
                        octets = rest;
                    }
                    _ => self.state = State::Frame,
                },
                State::Frame => {
                    let run = memchr2(FLAG, ESCAPE, octets).unwrap_or(octets.len());
                    let (plain, rest) = octets.split_at(run);
                    self.push(plain);
                    octets = rest;
                    if self.state == State::Frame {
                        octets = self.special_octet(octets, &mut sink);
                    }
                    short_runs = if run < SHORT_RUN { short_runs + 1 } else { 0 };
                    if self.state == State::Escaped && short_runs > FEW_RUNS {
                        octets = self.dense(octets);
                        short_runs = 0;
                    }
                    if self.state == State::Discard {
                        sink(Deframed::Bad(FrameError::TooLong));
                    }
                }
                State::Escaped => {
                    octets = rest;
                    if first == FLAG {
                        self.restart();
                        sink(Deframed::Bad(FrameError::Aborted));
                    } else {
                        self.state = State::Frame;
                        self.push(&[first ^ ESCAPE_BIT]);
                        if self.state == State::Discard {
                            sink(Deframed::Bad(FrameError::TooLong));
                        }
                    }
                }
                State::Discard => {
                    octets = rest;
                    if first == FLAG {
                        self.restart();
                    }
                }
            }
        }
    }

    /// Whether the octets of the frame that is not complete yet end with `tail`. A modem that
    /// leaves data mode in the middle of a frame writes its result code there.
    #[must_use]
    pub fn unfinished_ends_with(&self, tail: &[u8]) -> bool {
        self.state == State::Frame && self.buffer.ends_with(tail)
    }

    /// One octet outside frames.
    fn text(&mut self, octet: u8, sink: &mut impl FnMut(Deframed<'_>)) {
        let ends = matches!(octet, FLAG | b'\r' | b'\n');
        if !ends {
            self.buffer.push(octet);
        }
        if (ends || self.buffer.len() >= MAX_TEXT) && !self.buffer.is_empty() {
            sink(Deframed::Text(&self.buffer));
            self.buffer.clear();
        }
        if octet == FLAG {
            self.state = State::Start;
        }
    }

    /// The flag or escape that ends a run of plain octets, if the input has it already.
    fn special_octet<'a>(
        &mut self,
        octets: &'a [u8],
        sink: &mut impl FnMut(Deframed<'_>),
    ) -> &'a [u8] {
        let Some((&first, rest)) = octets.split_first() else { return octets };
        if first == ESCAPE {
            self.state = State::Escaped;
            return rest;
        }
        match self.buffer.split_last_chunk::<2>() {
            _ if self.buffer.len() < MIN_FRAME => sink(Deframed::Bad(FrameError::TooShort)),
            Some((frame, _)) if fcs16(INITIAL, &self.buffer) == GOOD => {
                sink(Deframed::Frame(frame));
            }
            _ => sink(Deframed::Bad(FrameError::BadChecksum)),
        }
        self.restart();
        rest
    }

    /// Behind an escape, one of many: takes what comes before the next flag while escapes are frequent.
    fn dense<'a>(&mut self, mut octets: &'a [u8]) -> &'a [u8] {
        let mut plain = [0; WINDOW + 8];
        loop {
            let window = octets.get(..WINDOW).unwrap_or(octets);
            let length = memchr(FLAG, window).unwrap_or(window.len());
            let (window, rest) = octets.split_at(length);
            let (end, escaped) = unescape(self.state == State::Escaped, window, &mut plain);
            self.state = if escaped { State::Escaped } else { State::Frame };
            self.push(plain.get(..end).unwrap_or_default());
            octets = rest;
            let frequent = length - end > WINDOW / SHORT_RUN / 2;
            if length < WINDOW || !frequent || self.state == State::Discard {
                return octets;
            }
        }
    }

    fn push(&mut self, octets: &[u8]) {
        if self.buffer.len() + octets.len() > self.limit {
            self.buffer.clear();
            self.state = State::Discard;
        } else {
            self.buffer.extend_from_slice(octets);
        }
    }

    fn restart(&mut self) {
        self.buffer.clear();
        self.state = State::Start;
    }
}

/// Takes the escapes out of at most [`WINDOW`] octets, the first of which may be escaped: how many
/// octets are left, and whether the last one escapes what follows.
///
/// Without a branch for each octet, since nothing predicts which one is escaped, and eight octets at
/// a time in one word.
fn unescape(escaped: bool, window: &[u8], plain: &mut [u8; WINDOW + 8]) -> (usize, bool) {
    let mut octets = [0; WINDOW + 1];
    octets[0] = if escaped { ESCAPE } else { 0 };
    octets[1..=window.len()].copy_from_slice(window);
    let mut values = [0; WINDOW];
    let mut bits = [0; WINDOW];
    let mut twice = false;
    for at in 0..WINDOW {
        let escaped = octets[at] == ESCAPE;
        let escape = octets[at + 1] == ESCAPE;
        let kept = u8::from(!escape);
        values[at] = (octets[at + 1] ^ (u8::from(escaped) * ESCAPE_BIT)) & kept.wrapping_neg();
        bits[at] = kept * 8;
        twice |= escaped & escape;
    }
    if twice {
        return unescape_exactly(escaped, window, plain);
    }
    let mut end = 0;
    let groups = values.chunks_exact(8).zip(bits.chunks_exact(8)).take(window.len().div_ceil(8));
    for (values, bits) in groups {
        let mut word = 0;
        let mut filled = 0;
        for (value, bits) in values.iter().zip(bits) {
            word |= u64::from(*value) << (filled & 63);
            filled += u32::from(*bits);
        }
        if let Some(place) = plain.get_mut(end..end + 8) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        end += (filled / 8) as usize;
    }
    // The zeros behind the window were taken for octets.
    let beyond = window.len().next_multiple_of(8) - window.len();
    (end - beyond, octets[window.len()] == ESCAPE)
}

/// The same where an escape follows an escape, which no sender writes: the second one is escaped.
fn unescape_exactly(
    mut escaped: bool,
    window: &[u8],
    plain: &mut [u8; WINDOW + 8],
) -> (usize, bool) {
    let mut end = 0;
    for &octet in window {
        let escape = octet == ESCAPE && !escaped;
        if !escape {
            plain[end] = octet ^ (u8::from(escaped) * ESCAPE_BIT);
            end += 1;
        }
        escaped = escape;
    }
    (end, escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{FrameFormat, split_frame};
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Got {
        Frame(Vec<u8>),
        Text(String),
        Bad(FrameError),
    }

    fn collect(deframer: &mut Deframer, octets: &[u8]) -> Vec<Got> {
        let mut got = Vec::new();
        deframer.feed(octets, |one| {
            got.push(match one {
                Deframed::Frame(frame) => Got::Frame(frame.to_vec()),
                Deframed::Text(text) => Got::Text(String::from_utf8_lossy(text).into_owned()),
                Deframed::Bad(error) => Got::Bad(error),
            });
        });
        got
    }

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        FrameFormat::default().encode(0x0021, payload, &mut out);
        out
    }

    fn whole(payload: &[u8]) -> Got {
        Got::Frame([&[0xFF, 0x03, 0x00, 0x21], payload].concat())
    }

    #[test]
    fn banner_before_first_frame_is_text() {
        let mut deframer = Deframer::new(1600);
        let line = [b"\r\nSlirp v1.0.17\r\n[talking ppp]\r\n".as_slice(), &framed(b"abc")].concat();
        assert_eq!(
            collect(&mut deframer, &line),
            [Got::Text("Slirp v1.0.17".into()), Got::Text("[talking ppp]".into()), whole(b"abc")]
        );
    }

    #[test]
    fn no_carrier_between_frames_is_text_and_frames_go_on() {
        let mut deframer = Deframer::new(1600);
        let line = [framed(b"abc").as_slice(), b"\r\nNO CARRIER\r\n", &framed(b"def")].concat();
        assert_eq!(
            collect(&mut deframer, &line),
            [whole(b"abc"), Got::Text("NO CARRIER".into()), whole(b"def")]
        );
    }

    #[test]
    fn no_carrier_inside_a_frame_can_be_seen() {
        let mut deframer = Deframer::new(1600);
        let mut line = framed(b"a packet that is cut off");
        line.truncate(14);
        line.extend_from_slice(b"\r\nNO CARRIER\r\n");
        assert_eq!(collect(&mut deframer, &line), []);
        assert!(deframer.unfinished_ends_with(b"\r\nNO CARRIER\r\n"));
        collect(&mut deframer, b"~");
        assert!(!deframer.unfinished_ends_with(b"\r\nNO CARRIER\r\n"));
    }

    #[test]
    fn one_flag_between_two_frames_is_enough() {
        let mut deframer = Deframer::new(1600);
        let line =
            [framed(b"abc").as_slice(), framed(b"def").get(1..).unwrap_or_default()].concat();
        assert_eq!(collect(&mut deframer, &line), [whole(b"abc"), whole(b"def")]);
    }

    #[test]
    fn bad_checksum_costs_one_frame_only() {
        let mut deframer = Deframer::new(1600);
        let mut broken = framed(b"abc");
        broken[6] ^= 1;
        let line = [broken, framed(b"def")].concat();
        assert_eq!(
            collect(&mut deframer, &line),
            [Got::Bad(FrameError::BadChecksum), whole(b"def")]
        );
    }

    #[test]
    fn escape_and_flag_abort_a_frame() {
        let mut deframer = Deframer::new(1600);
        let line = [b"\x7E\xFF\x03\x00\x21ab\x7D\x7E".as_slice(), &framed(b"def")].concat();
        assert_eq!(collect(&mut deframer, &line), [Got::Bad(FrameError::Aborted), whole(b"def")]);
    }

    #[test]
    fn too_long_frame_is_skipped_to_the_next_flag() {
        let mut deframer = Deframer::new(32);
        let line = [framed(&[0x55; 60]), framed(b"def")].concat();
        assert_eq!(collect(&mut deframer, &line), [Got::Bad(FrameError::TooLong), whole(b"def")]);
        let escapes = [framed(&[0x7E; 60]), framed(b"def")].concat();
        assert_eq!(
            collect(&mut deframer, &escapes),
            [Got::Bad(FrameError::TooLong), whole(b"def")]
        );
    }

    #[test]
    fn text_without_line_end_comes_in_bounded_pieces() {
        let mut deframer = Deframer::new(1600);
        let got = collect(&mut deframer, &[b'x'; 1000]);
        assert_eq!(got.len(), 3);
        assert!(deframer.buffer.len() < MAX_TEXT);
    }

    #[test]
    fn raw_control_octets_are_taken_under_any_accm() {
        let mut deframer = Deframer::new(1600);
        let mut line = Vec::new();
        let payload: Vec<u8> = (0..0x20).collect();
        FrameFormat { accm: 0, ..FrameFormat::default() }.encode(0x0021, &payload, &mut line);
        assert_eq!(collect(&mut deframer, &line), [whole(&payload)]);
    }

    proptest! {
        #[test]
        fn any_octets_in_any_pieces_give_the_same(octets in proptest::collection::vec(prop_oneof![4 => any::<u8>(), 1 => Just(0x7E), 1 => Just(0x7D), 1 => Just(b'\r')], 0..600), cut in 1..50_usize) {
            let mut whole = Deframer::new(64);
            let mut pieces = Deframer::new(64);
            let at_once = collect(&mut whole, &octets);
            let by_pieces: Vec<Got> = octets.chunks(cut).flat_map(|piece| collect(&mut pieces, piece)).collect();
            prop_assert_eq!(at_once, by_pieces);
            prop_assert!(whole.buffer.len() <= MAX_TEXT);
        }

        #[test]
        fn frames_survive_every_format_and_cut(payload in proptest::collection::vec(any::<u8>(), 0..300), accm in any::<u32>(), acfc in any::<bool>(), pfc in any::<bool>(), ip in any::<bool>(), cut in 1..50_usize) {
            let format = FrameFormat { accm, acfc, pfc };
            let protocol = if ip { 0x0021 } else { 0xC021 };
            let mut line = Vec::new();
            format.encode(protocol, &payload, &mut line);
            let body = line.get(1..line.len() - 1).unwrap_or_default();
            prop_assert!(body.iter().all(|&octet| octet != FLAG && (octet >= 0x20 || accm >> octet & 1 == 0)));
            let mut deframer = Deframer::new(1600);
            let got: Vec<Got> = line.chunks(cut).flat_map(|piece| collect(&mut deframer, piece)).collect();
            let [Got::Frame(frame)] = got.as_slice() else { return Err(TestCaseError::fail(format!("{got:?}"))) };
            prop_assert_eq!(split_frame(frame).unwrap(), (protocol, payload.as_slice()));
        }

        #[test]
        fn frequent_escapes_are_taken_out_as_one_by_one(escaped in any::<bool>(), octets in proptest::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(0x7D)], 0..=WINDOW)) {
            let (mut at_once, mut one_by_one) = ([0; WINDOW + 8], [0; WINDOW + 8]);
            let (end, escapes) = unescape(escaped, &octets, &mut at_once);
            prop_assert_eq!((end, escapes), unescape_exactly(escaped, &octets, &mut one_by_one));
            prop_assert_eq!(&at_once[..end], &one_by_one[..end]);
        }
    }
}
