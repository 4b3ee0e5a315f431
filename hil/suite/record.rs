//! A recorder between the driver and its ports. What passes in data mode is counted only: it is
//! other people's traffic, and its TCP never comes back the same.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use mm1gate::codec::ppp::{Deframed, Deframer};
use mm1gate::modem::{OpenPort, Port, PortOpener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::transcript::{Event, PortName, What};

/// Octets of a frame that is looked at; longer ones are data all the same.
const MAX_FRAME: usize = 4096;

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
        let same = state
            .events
            .last_mut()
            .filter(|last| last.port == port && last.at.as_millis() == at.as_millis());
        match (same.map(|last| &mut last.what), what) {
            (Some(What::Sent(before)), What::Sent(more))
            | (Some(What::Received(before)), What::Received(more)) => before.extend(more),
            (_, what) => state.events.push(Event { at, port, what }),
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
    /// The name of the control port; every other one dials.
    pub(crate) control: Option<String>,
}

impl PortOpener for Recorder {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let inner = self.inner.open(name).await?;
            let is_control = self.control.as_deref() == Some(name);
            Ok(Box::new(Recorded {
                inner,
                recording: self.recording.clone(),
                port: if is_control { PortName::Control } else { PortName::Data },
                heard: Vec::new(),
                data: None,
                carrier: None,
            }) as Box<dyn Port>)
        })
    }
}

struct Recorded {
    inner: Box<dyn Port>,
    recording: Recording,
    port: PortName,
    /// The line that the modem is in the middle of.
    heard: Vec<u8>,
    /// In data mode: what tells frames from text.
    data: Option<Deframer>,
    carrier: Option<bool>,
}

impl Recorded {
    fn received(&mut self, octets: &[u8]) {
        let Some(deframer) = &mut self.data else {
            self.recording.add(self.port, What::Received(octets.to_vec()));
            for octet in octets {
                self.heard.push(*octet);
                if *octet == b'\n' {
                    let line = std::mem::take(&mut self.heard);
                    if line.starts_with(b"CONNECT") {
                        self.data = Some(Deframer::new(MAX_FRAME));
                        self.recording.add(self.port, What::Data(0, 0));
                    }
                }
            }
            return;
        };
        let mut text: Option<Vec<u8>> = None;
        deframer.feed(octets, |piece| {
            if let Deframed::Text(line) = piece {
                text = Some(line.to_vec());
            }
        });
        match text {
            Some(line) if [&b"NO CARRIER"[..], b"OK", b"ERROR"].contains(&line.as_slice()) => {
                let line = [b"\r\n", line.as_slice(), b"\r\n"].concat();
                self.recording.add(self.port, What::Received(line));
                self.data = None;
                self.heard.clear();
            }
            _ => self.recording.count(self.port, 0, octets.len()),
        }
    }

    fn sent(&self, octets: &[u8]) {
        let is_command = octets.starts_with(b"AT") || octets.starts_with(b"+++");
        if self.data.is_some() && !is_command {
            self.recording.count(self.port, octets.len(), 0);
        } else {
            self.recording.add(self.port, What::Sent(octets.to_vec()));
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
