//! One frame (3GPP TS 27.010 clauses 5.2.1 and 5.3.7).

use std::fmt;

use super::fcs::{GOOD, INITIAL, fcs8};

/// Begins and ends a frame; one may do both.
pub const FLAG: u8 = 0xF9;

/// Highest number of a channel (data link connection identifier). The address of channel 62 looks
/// like a flag; 63 is reserved and read all the same (clause 5.6).
pub const MAX_DLCI: u8 = 61;

/// The bits of an address that name the channel.
pub(super) const DLCI_BITS: u8 = 0x3F;

/// Octets of information that the length field can tell.
pub const MAX_INFORMATION: usize = 0x7FFF;

/// The P/F bit of the control field.
const POLL_FINAL: u8 = 0x10;

/// What a frame is, its control field without the P/F bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameType {
    /// Set asynchronous balanced mode: opens a channel.
    Sabm,
    /// Unnumbered acknowledgement.
    Ua,
    /// Disconnected mode: a channel that is not open, or is refused.
    Dm,
    /// Disconnect: closes a channel.
    Disc,
    /// Unnumbered information with header check.
    Uih,
    /// Unnumbered information, all of it checked.
    Ui,
}

impl FrameType {
    /// The type of a control field, whatever its P/F bit; none of the error recovery mode's.
    #[must_use]
    pub const fn of(control: u8) -> Option<Self> {
        Some(match control & !POLL_FINAL {
            0x2F => Self::Sabm,
            0x63 => Self::Ua,
            0x0F => Self::Dm,
            0x43 => Self::Disc,
            0xEF => Self::Uih,
            0x03 => Self::Ui,
            _ => return None,
        })
    }

    /// The control field without the P/F bit.
    #[must_use]
    pub const fn control(self) -> u8 {
        match self {
            Self::Sabm => 0x2F,
            Self::Ua => 0x63,
            Self::Dm => 0x0F,
            Self::Disc => 0x43,
            Self::Uih => 0xEF,
            Self::Ui => 0x03,
        }
    }
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The channel, 0 to [`MAX_DLCI`]; 0 is the control channel.
    pub dlci: u8,
    /// The C/R bit: set in commands of the side that started the multiplexer and in responses to it.
    pub cr: bool,
    /// What it is.
    pub kind: FrameType,
    /// The P/F bit.
    pub poll_final: bool,
    /// What it carries.
    pub information: &'a [u8],
}

impl Frame<'_> {
    /// Writes the frame with both flags and its FCS. Of the information at most
    /// [`MAX_INFORMATION`] octets, which is all that the length field can tell.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let information = self.information.get(..MAX_INFORMATION).unwrap_or(self.information);
        let address = (self.dlci & DLCI_BITS) << 2 | u8::from(self.cr) << 1 | 1;
        let control = self.kind.control() | if self.poll_final { POLL_FINAL } else { 0 };
        // Two octets when seven bits do not suffice, the low ones first.
        let length = information.len();
        let low = (length & 0x7F) as u8;
        let high = (length >> 7) as u8;
        let two = [address, control, low << 1, high];
        let one = [address, control, low << 1 | 1];
        let header = if high == 0 { &one[..] } else { &two[..] };
        let mut fcs = fcs8(INITIAL, header);
        if self.kind != FrameType::Uih {
            fcs = fcs8(fcs, information);
        }
        out.reserve(length + 7);
        out.push(FLAG);
        out.extend_from_slice(header);
        out.extend_from_slice(information);
        out.extend_from_slice(&[!fcs, FLAG]);
    }
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FrameType::Sabm => "SABM",
            FrameType::Ua => "UA",
            FrameType::Dm => "DM",
            FrameType::Disc => "DISC",
            FrameType::Uih => "UIH",
            FrameType::Ui => "UI",
        };
        write!(f, "{kind} of channel {}", self.dlci)?;
        if self.information.is_empty() {
            Ok(())
        } else {
            write!(f, ", {} octets", self.information.len())
        }
    }
}

/// What stands behind an opening flag.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Behind<'a> {
    /// A frame and its length without the flags.
    Frame(Frame<'a>, usize),
    /// Whatever comes, this is a frame whose end is not there yet.
    Unfinished,
    /// No frame begins here.
    Nothing,
    /// A frame longer than the limit.
    TooLong,
    /// A header, and no flag where the frame ends by it.
    Unclosed,
    /// The FCS does not match.
    BadChecksum,
}

/// Reads the octets behind an opening flag; `limit` counts octets of information.
pub(super) fn parse(octets: &[u8], limit: usize) -> Behind<'_> {
    let Some(&address) = octets.first() else { return Behind::Unfinished };
    if address & 1 == 0 {
        return Behind::Nothing;
    }
    let Some(&control) = octets.get(1) else { return Behind::Unfinished };
    let Some(kind) = FrameType::of(control) else { return Behind::Nothing };
    let Some(&low) = octets.get(2) else { return Behind::Unfinished };
    let (length, header) = if low & 1 == 1 {
        (usize::from(low >> 1), 3)
    } else {
        let Some(&high) = octets.get(3) else { return Behind::Unfinished };
        (usize::from(low >> 1) | usize::from(high) << 7, 4)
    };
    if length > limit {
        return Behind::TooLong;
    }
    let end = header + length;
    let Some(&flag) = octets.get(end + 1) else { return Behind::Unfinished };
    if flag != FLAG {
        return Behind::Unclosed;
    }
    let (Some(head), Some(information), Some(fcs)) =
        (octets.get(..header), octets.get(header..end), octets.get(end))
    else {
        return Behind::Unfinished;
    };
    let over_header = fcs8(INITIAL, head);
    // Modems that say UI for UIH check the header only.
    let good = fcs8(over_header, &[*fcs]) == GOOD
        || kind != FrameType::Uih && fcs8(fcs8(over_header, information), &[*fcs]) == GOOD;
    if !good {
        return Behind::BadChecksum;
    }
    let frame = Frame {
        dlci: address >> 2,
        cr: address & 2 != 0,
        kind,
        poll_final: control & POLL_FINAL != 0,
        information,
    };
    Behind::Frame(frame, end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(frame: Frame<'_>) -> String {
        let mut out = Vec::new();
        frame.encode(&mut out);
        hex::encode(out)
    }

    #[test]
    fn frames_are_those_that_modems_take() {
        let frame = |dlci, kind| Frame { dlci, cr: true, kind, poll_final: true, information: &[] };
        assert_eq!(encoded(frame(0, FrameType::Sabm)), "f9033f011cf9");
        assert_eq!(encoded(frame(1, FrameType::Sabm)), "f9073f01def9");
        assert_eq!(encoded(frame(0, FrameType::Ua)), "f9037301d7f9");
        assert_eq!(encoded(frame(0, FrameType::Disc)), "f9035301fdf9");
    }

    #[test]
    fn length_takes_a_second_octet_from_128_on() {
        for (length, header) in [(127, "f907efff"), (128, "f907ef0001"), (300, "f907ef5802")] {
            let information = vec![b'x'; length];
            let frame = Frame {
                dlci: 1,
                cr: true,
                kind: FrameType::Uih,
                poll_final: false,
                information: &information,
            };
            assert!(encoded(frame).starts_with(header), "{length}");
        }
    }
}
