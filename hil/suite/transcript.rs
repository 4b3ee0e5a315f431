//! The text form of a transcript: what passed on the ports of one modem during one case.
//!
//! One event a line, times in seconds since the first: `0.120 control > "AT\r"`. The first line
//! names the format; lines without a time are facts about the rig (`own "+447700900001"`). Octets
//! are escaped as in Rust's byte strings. What passed in data mode is counted, not written down.
//! `dtr`, `dcd` and `serial` tell of the port's lines, where it has some.
//!
//! Between `data mux 1` and `data mux 0` the data port carries frames (3GPP TS 27.010, basic
//! option), one a line under the name of its channel: `1.250 channel-1 > "AT+CSQ\r"` is a UIH
//! frame, `0.140 channel-1 > SABM/P` one of another kind with its P/F bit set. Channel 0 is the
//! control channel. The C/R bits follow from the direction; frames whose checksum was wrong are
//! nobody's and left out.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use mm1gate::codec::cmux::{FrameType, MAX_DLCI};
use mm1gate::modem::{FlowControl, Serial};

/// The first line of every transcript.
const FORMAT: &str = "mm1t 1";

/// A port of the modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PortName {
    /// The one that dials.
    Data,
    /// The one for commands beside a call.
    Control,
    /// A channel of the multiplexer on the data port.
    Channel(u8),
}

impl PortName {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "data" => Some(Self::Data),
            "control" => Some(Self::Control),
            _ => {
                let dlci = text.strip_prefix("channel-")?.parse().ok()?;
                (dlci <= MAX_DLCI).then_some(Self::Channel(dlci))
            }
        }
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data => f.write_str("data"),
            Self::Control => f.write_str("control"),
            Self::Channel(dlci) => write!(f, "channel-{dlci}"),
        }
    }
}

/// A frame of the multiplexer that carries nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bare {
    /// To the modem, else from it.
    pub(crate) sent: bool,
    /// SABM, UA, DM or DISC.
    pub(crate) kind: FrameType,
    /// Its P/F bit.
    pub(crate) poll_final: bool,
}

const FLOWS: [(FlowControl, &str); 2] =
    [(FlowControl::None, "none"), (FlowControl::Hardware, "hardware")];

const BARE: [(FrameType, &str); 4] = [
    (FrameType::Sabm, "SABM"),
    (FrameType::Ua, "UA"),
    (FrameType::Dm, "DM"),
    (FrameType::Disc, "DISC"),
];

impl Bare {
    fn parse(sent: bool, text: &str) -> Option<Self> {
        let (word, poll_final) = match text.strip_suffix("/P").or_else(|| text.strip_suffix("/F")) {
            Some(word) => (word, true),
            None => (text, false),
        };
        let (kind, _) = BARE.into_iter().find(|(_, name)| *name == word)?;
        let bare = Self { sent, kind, poll_final };
        (bare.to_string() == text).then_some(bare)
    }

    /// Whether it asks; the bit is called P then, else F.
    pub(crate) fn is_command(self) -> bool {
        matches!(self.kind, FrameType::Sabm | FrameType::Disc)
    }
}

impl fmt::Display for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = BARE.into_iter().find(|(kind, _)| *kind == self.kind).map_or("?", |it| it.1);
        let bit = match (self.poll_final, self.is_command()) {
            (false, _) => "",
            (true, true) => "/P",
            (true, false) => "/F",
        };
        write!(f, "{name}{bit}")
    }
}

/// What happened on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Octets to the modem.
    Sent(Vec<u8>),
    /// Octets from the modem.
    Received(Vec<u8>),
    /// Data mode began; octets that passed in it, to the modem and from it.
    Data(u64, u64),
    /// Data Terminal Ready was set.
    Dtr(bool),
    /// Data Carrier Detect changed.
    Dcd(bool),
    /// Speed and flow control were set, and the port took them.
    Serial(Serial),
    /// The multiplexer began on this port, or ended.
    Mux(bool),
    /// A frame of the multiplexer without content.
    Frame(Bare),
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Since the first.
    pub(crate) at: Duration,
    pub(crate) port: PortName,
    pub(crate) what: What,
}

/// A whole transcript.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Transcript {
    /// Facts about the rig and the recording, by name.
    pub(crate) facts: BTreeMap<String, String>,
    pub(crate) events: Vec<Event>,
}

impl Transcript {
    /// A fact, empty when it is not told.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }

    /// The text form.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{FORMAT}\n");
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name} {}", quote(value.as_bytes()));
        }
        for Event { at, port, what } in &self.events {
            let (seconds, millis) = (at.as_secs(), at.subsec_millis());
            let _ = write!(text, "{seconds}.{millis:03} {port} ");
            let _ = match what {
                What::Sent(octets) => writeln!(text, "> {}", quote(octets)),
                What::Received(octets) => writeln!(text, "< {}", quote(octets)),
                What::Data(sent, received) => writeln!(text, "data {sent} {received}"),
                What::Dtr(on) => writeln!(text, "dtr {}", u8::from(*on)),
                What::Dcd(on) => writeln!(text, "dcd {}", u8::from(*on)),
                What::Serial(serial) => {
                    let flow = FLOWS.into_iter().find(|it| it.0 == serial.flow_control);
                    writeln!(text, "serial {} {}", serial.baud, flow.map_or("?", |it| it.1))
                }
                What::Mux(on) => writeln!(text, "mux {}", u8::from(*on)),
                What::Frame(bare) => {
                    writeln!(text, "{} {bare}", if bare.sent { '>' } else { '<' })
                }
            };
        }
        text
    }

    /// Reads the text form; the error names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line) != Some(FORMAT) {
            return Err(format!("line 1: it must be '{FORMAT}'"));
        }
        let mut transcript = Self::default();
        for (at, line) in lines {
            let wrong = || format!("line {}: not understood: {line}", at + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (first, rest) = line.split_once(' ').ok_or_else(wrong)?;
            if first.starts_with(|c: char| c.is_ascii_digit()) {
                transcript.events.push(event(first, rest).ok_or_else(wrong)?);
            } else {
                let value = unquote(rest).and_then(|octets| String::from_utf8(octets).ok());
                transcript.facts.insert(first.to_owned(), value.ok_or_else(wrong)?);
            }
        }
        Ok(transcript)
    }
}

fn event(time: &str, rest: &str) -> Option<Event> {
    let (seconds, millis) = time.split_once('.')?;
    let at = Duration::from_secs(seconds.parse().ok()?)
        + Duration::from_millis(millis.parse().ok().filter(|_| millis.len() == 3)?);
    let (port, rest) = rest.split_once(' ')?;
    let port = PortName::parse(port)?;
    let (word, value) = rest.split_once(' ')?;
    let flag = || match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    };
    let is_channel = matches!(port, PortName::Channel(_));
    let what = match word {
        ">" | "<" if is_channel && !value.starts_with('"') => {
            What::Frame(Bare::parse(word == ">", value)?)
        }
        ">" => What::Sent(unquote(value)?),
        "<" => What::Received(unquote(value)?),
        "data" => {
            let (sent, received) = value.split_once(' ')?;
            What::Data(sent.parse().ok()?, received.parse().ok()?)
        }
        "dtr" => What::Dtr(flag()?),
        "dcd" => What::Dcd(flag()?),
        "mux" => What::Mux(flag()?),
        "serial" => {
            let (baud, flow) = value.split_once(' ')?;
            let (flow_control, _) = FLOWS.into_iter().find(|(_, name)| *name == flow)?;
            What::Serial(Serial { baud: baud.parse().ok()?, flow_control })
        }
        _ => return None,
    };
    Some(Event { at, port, what })
}

pub(crate) fn quote(octets: &[u8]) -> String {
    format!("\"{}\"", octets.escape_ascii())
}

fn unquote(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut octets = Vec::new();
    let mut rest = inner.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'"' => return None,
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                same @ (b'\\' | b'"' | b'\'') => same,
                _ => return None,
            },
            plain if plain.is_ascii_graphic() || plain == b' ' => plain,
            _ => return None,
        });
    }
    Some(octets)
}
