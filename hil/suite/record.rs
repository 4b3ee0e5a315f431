//! A recorder between the driver and its ports, multiplexed ones included. What passes in data mode
//! is counted only: it is other people's traffic, and its TCP never comes back the same.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use mm1gate::codec::cmux::{self, ControlMessage, Frame, FrameType, Message};
use mm1gate::codec::ppp::{Deframed, Deframer};
use mm1gate::modem::usb::Finder;
use mm1gate::modem::{OpenPort, Port, PortOpener, Serial};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::transcript::{Bare, Event, PortName, What};

/// Octets of a frame that is looked at; longer ones are data all the same.
const MAX_FRAME: usize = 4096;
/// What the modem says when data mode is over.
const ENDS: [&[u8]; 3] = [b"NO CARRIER", b"OK", b"ERROR"];
/// What the driver says in data mode that is not PPP.
const ESCAPES: [&[u8]; 3] = [b"AT", b"+++", b"~+++"];

/// What a recording gathers; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Recording(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    began: Option<Instant>,
    events: Vec<Event>,
}

impl Recording {
    /// The events so far, in their order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
    }

    fn add(&self, port: PortName, what: What) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let began = *state.began.get_or_insert(now);
        let at = now - began;
        // In a channel a line is a frame.
        let is_channel = matches!(port, PortName::Channel(_));
        let same = state.events.last_mut().filter(|last| {
            !is_channel && last.port == port && last.at.as_millis() == at.as_millis()
        });
        match (same.map(|last| &mut last.what), what) {
            (Some(What::Sent(before)), What::Sent(more))
            | (Some(What::Received(before)), What::Received(more)) => before.extend(more),
            (_, what) => state.events.push(Event { at, port, what }),
        }
    }

    /// The multiplexer is over when the port is opened again, whatever became of it.
    fn reopened(&self, port: PortName) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mux = state.events.iter().rev().find_map(|event| match event.what {
            What::Mux(on) if event.port == port => Some(on),
            _ => None,
        });
        drop(state);
        if mux == Some(true) {
            self.add(port, What::Mux(false));
        }
    }

    /// Counts octets of the data mode that the port is in.
    fn count(&self, port: PortName, sent: usize, received: usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = state.events.iter_mut().rev().find(|it| it.port == port);
        let whole = |count| u64::try_from(count).unwrap_or(u64::MAX);
        if let Some(What::Data(to, from)) = found.map(|event| &mut event.what) {
            *to += whole(sent);
            *from += whole(received);
        }
    }
}

/// Opens the ports of another opener and records what passes.
pub(crate) struct Recorder {
    pub(crate) inner: Arc<dyn PortOpener>,
    pub(crate) recording: Recording,
    /// Tells which port is the control port; every other one dials.
    pub(crate) finder: Arc<Finder>,
}

impl PortOpener for Recorder {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let inner = self.inner.open(name).await?;
            let control = self.finder.find().ok().and_then(|bound| bound.control);
            let is_control = control.as_deref() == Some(name);
            let port = if is_control { PortName::Control } else { PortName::Data };
            self.recording.reopened(port);
            Ok(Box::new(Recorded {
                inner,
                recording: self.recording.clone(),
                port,
                talk: Talk::default(),
                mux: None,
                carrier: None,
            }) as Box<dyn Port>)
        })
    }
}

/// What is said on a port or in a channel, and whether it is in data mode.
#[derive(Default)]
struct Talk {
    /// The line that the modem is in the middle of.
    heard: Vec<u8>,
    /// In data mode: what tells frames from text.
    data: Option<Deframer>,
    /// The multiplexer was asked for.
    asked_mux: bool,
    /// The line that ended data mode was written down with its end, which is still to come.
    line_feed_follows: bool,
}

impl Talk {
    fn sent(&mut self, recording: &Recording, port: PortName, octets: &[u8]) {
        let is_command = ESCAPES.iter().any(|escape| octets.starts_with(escape));
        if self.data.is_some() && !is_command {
            recording.count(port, octets.len(), 0);
            return;
        }
        self.asked_mux = octets.starts_with(b"AT+CMUX=");
        recording.add(port, What::Sent(octets.to_vec()));
    }

    /// The octets behind the answer that begins the multiplexer, when it does.
    fn received<'a>(
        &mut self,
        recording: &Recording,
        port: PortName,
        octets: &'a [u8],
    ) -> Option<&'a [u8]> {
        let Some(deframer) = &mut self.data else {
            return self.received_text(recording, port, octets);
        };
        let mut lines: Vec<Vec<u8>> = Vec::new();
        deframer.feed(octets, |piece| {
            if let Deframed::Text(line) = piece {
                lines.push(line.to_vec());
            }
        });
        let is_end = |line: &Vec<u8>| ENDS.contains(&line.as_slice());
        let Some(at) = lines.iter().position(is_end) else {
            recording.count(port, 0, octets.len());
            return None;
        };
        // Whatever the modem goes on to say is text again.
        let lines = lines.iter().skip(at);
        let text: Vec<u8> =
            lines.flat_map(|line| [b"\r\n", line.as_slice(), b"\r\n"]).flatten().copied().collect();
        recording.add(port, What::Received(text));
        self.data = None;
        self.heard.clear();
        self.line_feed_follows = !octets.ends_with(b"\n");
        None
    }

    fn received_text<'a>(
        &mut self,
        recording: &Recording,
        port: PortName,
        octets: &'a [u8],
    ) -> Option<&'a [u8]> {
        // The end of the line that ended data mode, which was written down whole.
        let was_told = std::mem::take(&mut self.line_feed_follows);
        let octets = octets.strip_prefix(b"\n").filter(|_| was_told).unwrap_or(octets);
        if octets.is_empty() {
            return None;
        }
        let (mut taken, mut connected, mut begins) = (octets.len(), false, false);
        for (at, octet) in octets.iter().enumerate() {
            self.heard.push(*octet);
            if *octet != b'\n' {
                continue;
            }
            let line = std::mem::take(&mut self.heard);
            if line.starts_with(b"CONNECT") {
                (taken, connected) = (at + 1, true);
                break;
            }
            if self.asked_mux && line == b"OK\r\n" {
                (taken, begins) = (at + 1, true);
                break;
            }
        }
        let (text, rest) = octets.split_at(taken);
        recording.add(port, What::Received(text.to_vec()));
        if connected {
            self.data = Some(Deframer::new(MAX_FRAME));
            recording.add(port, What::Data(0, 0));
            return if rest.is_empty() { None } else { self.received(recording, port, rest) };
        }
        if begins {
            self.asked_mux = false;
            recording.add(port, What::Mux(true));
        }
        begins.then_some(rest)
    }
}

/// The multiplexer on a port.
struct MuxTalk {
    from_modem: cmux::Deframer,
    to_modem: cmux::Deframer,
    channels: BTreeMap<u8, Talk>,
    /// Somebody has asked for its end.
    closing: bool,
    over: bool,
}

impl MuxTalk {
    fn new() -> Self {
        Self {
            from_modem: cmux::Deframer::new(MAX_FRAME),
            to_modem: cmux::Deframer::new(MAX_FRAME),
            channels: BTreeMap::new(),
            closing: false,
            over: false,
        }
    }

    fn pass(&mut self, recording: &Recording, sent: bool, octets: &[u8]) {
        let deframer = if sent { &mut self.to_modem } else { &mut self.from_modem };
        let mut pieces = Vec::new();
        deframer.feed(octets, |piece| match piece {
            cmux::Deframed::Frame(Frame { dlci, kind, poll_final, information, .. }) => {
                pieces.push((Some((dlci, kind, poll_final)), information.to_vec()));
            }
            cmux::Deframed::Text(line) => pieces.push((None, line.to_vec())),
            // It is nobody's, and asked for again.
            cmux::Deframed::Bad(_) => {}
        });
        for (frame, octets) in pieces {
            match frame {
                Some((dlci, kind, poll_final)) => {
                    self.frame(recording, dlci, Bare { sent, kind, poll_final }, &octets);
                }
                // What a modem says that has left the multiplexer by itself.
                None if !sent => {
                    let line = [b"\r\n", octets.as_slice(), b"\r\n"].concat();
                    recording.add(PortName::Data, What::Received(line));
                }
                None => {}
            }
        }
    }

    fn frame(&mut self, recording: &Recording, dlci: u8, bare: Bare, octets: &[u8]) {
        let port = PortName::Channel(dlci);
        match bare.kind {
            FrameType::Uih | FrameType::Ui if dlci == 0 => {
                let what = if bare.sent { What::Sent } else { What::Received };
                recording.add(port, what(octets.to_vec()));
                for message in ControlMessage::decode_all(octets).unwrap_or_default() {
                    if message.message == Message::CloseDown {
                        self.over |= self.closing && !message.command;
                        self.closing = true;
                    }
                }
            }
            // Nothing in it: a sign of life.
            FrameType::Uih | FrameType::Ui if octets.is_empty() => {}
            FrameType::Uih | FrameType::Ui => {
                let talk = self.channels.entry(dlci).or_default();
                if bare.sent {
                    talk.sent(recording, port, octets);
                } else {
                    talk.received(recording, port, octets);
                }
            }
            FrameType::Sabm | FrameType::Ua | FrameType::Dm | FrameType::Disc => {
                self.over |= dlci == 0 && self.closing && !bare.is_command();
                self.closing |= dlci == 0 && bare.kind == FrameType::Disc;
                if bare.is_command() {
                    // Opened or closed, it is in command mode.
                    self.channels.remove(&dlci);
                }
                recording.add(port, What::Frame(bare));
            }
        }
    }
}

struct Recorded {
    inner: Box<dyn Port>,
    recording: Recording,
    port: PortName,
    talk: Talk,
    mux: Option<MuxTalk>,
    carrier: Option<bool>,
}

impl Recorded {
    fn received(&mut self, octets: &[u8]) {
        let frames = match &self.mux {
            Some(_) => Some(octets),
            None => self.talk.received(&self.recording, self.port, octets),
        };
        if let Some(frames) = frames {
            self.mux.get_or_insert_with(MuxTalk::new).pass(&self.recording, false, frames);
        }
        self.end_of_mux();
    }

    fn sent(&mut self, octets: &[u8]) {
        if let Some(mux) = &mut self.mux {
            // The modem never answered; the driver tries without.
            mux.over |= mux.closing && octets.first() != Some(&cmux::FLAG);
            if !mux.over {
                mux.pass(&self.recording, true, octets);
                self.end_of_mux();
                return;
            }
        }
        self.end_of_mux();
        self.talk.sent(&self.recording, self.port, octets);
    }

    fn end_of_mux(&mut self) {
        if self.mux.as_ref().is_some_and(|mux| mux.over) {
            self.mux = None;
            self.talk = Talk::default();
            self.recording.add(self.port, What::Mux(false));
        }
    }
}

impl Port for Recorded {
    fn set_dtr(&mut self, on: bool) -> bool {
        let has_line = self.inner.set_dtr(on);
        if has_line {
            self.recording.add(self.port, What::Dtr(on));
        }
        has_line
    }

    fn set_serial(&mut self, serial: Serial) -> bool {
        let taken = self.inner.set_serial(serial);
        if taken {
            self.recording.add(self.port, What::Serial(serial));
        }
        taken
    }

    fn carrier(&mut self) -> Option<bool> {
        let now = self.inner.carrier();
        if let Some(on) = now
            && self.carrier != now
        {
            self.carrier = now;
            self.recording.add(self.port, What::Dcd(on));
        }
        now
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let octets = buf.filled().get(before..).unwrap_or_default().to_vec();
        if !octets.is_empty() {
            self.received(&octets);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.inner).poll_write(cx, octets))?;
        self.sent(octets.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
