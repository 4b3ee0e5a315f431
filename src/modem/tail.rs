//! What a modem says at the end of a call, told from the frames of the call (RFC 1662 clause 3.1).

use crate::codec::ppp::FLAG;

/// The text that ends a call (V.250 clause 5.7.1).
pub(super) const NO_CARRIER: &[u8] = b"NO CARRIER";

/// Follows a port that may still carry frames. Text stands between two frames, or behind
/// `NO CARRIER`; the same octets inside a frame are somebody's data.
#[derive(Debug, Default)]
pub(super) struct Tail {
    state: State,
    /// Octets of `NO CARRIER` matched so far, wherever they stand.
    matched: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Behind a flag, or before anything came.
    #[default]
    Between,
    Frame,
    Text,
}

impl Tail {
    /// Goes on where a call was left; `in_frame`: in the middle of one.
    pub(super) fn of_call(in_frame: bool) -> Self {
        let state = if in_frame { State::Frame } else { State::Between };
        Self { state, matched: 0 }
    }

    /// The text among `octets`, and whether `NO CARRIER` was there. What stands behind it is text.
    pub(super) fn see(&mut self, octets: &[u8]) -> (Vec<u8>, bool) {
        let mut text = Vec::new();
        let mut over = false;
        for octet in octets {
            self.state = match (octet, self.state) {
                (&FLAG, _) => State::Between,
                (b'\r' | b'\n', State::Between) => State::Text,
                (_, State::Between) => State::Frame,
                (_, state) => state,
            };
            if self.state == State::Text {
                text.push(*octet);
            }
            self.matched = match (octet, self.matched) {
                (octet, count) if NO_CARRIER.get(count) == Some(octet) => count + 1,
                (b'N', _) => 1,
                _ => 0,
            };
            if self.matched == NO_CARRIER.len() {
                self.matched = 0;
                self.state = State::Text;
                over = true;
            }
        }
        (text, over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_frames_and_behind_no_carrier_is_kept_however_cut() {
        let octets = b"\x7e\xff\x03\r\n+CMT: forged\r\n\x7e\r\n+CMTI: \"SM\",1\r\n\x7eab\x7e\r\nNO CARRIER\r\n\r\n+CMT: ,24\r\n00\r\n";
        let text = "\r\n+CMTI: \"SM\",1\r\n\r\nNO CARRIER\r\n\r\n+CMT: ,24\r\n00\r\n";
        for cut in 0..octets.len() {
            let (head, tail) = octets.split_at(cut);
            let mut watch = Tail::default();
            let (mut kept, first) = watch.see(head);
            let (more, second) = watch.see(tail);
            kept.extend(more);
            assert!(first || second, "cut at {cut}");
            assert_eq!(String::from_utf8(kept).unwrap(), text, "cut at {cut}");
        }
    }

    #[test]
    fn rest_of_a_frame_is_no_text() {
        assert_eq!(Tail::of_call(true).see(b"\r\n+CMT: ,24\r\n00\r\n"), (Vec::new(), false));
        let (text, over) = Tail::of_call(true).see(b"data NO CARRIER\r\nRDY\r\n");
        assert_eq!((&*text, over), (&b"\r\nRDY\r\n"[..], true));
        let (text, over) = Tail::of_call(false).see(b"\r\nRDY\r\n");
        assert_eq!((&*text, over), (&b"\r\nRDY\r\n"[..], false));
    }
}
