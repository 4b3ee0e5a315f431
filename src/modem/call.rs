//! A data call: the octet stream between CONNECT and hang-up.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};

use super::line::Shared;
use super::tail::NO_CARRIER;
use super::{ModemError, Port};
use crate::codec::ppp::FLAG;
use crate::model::TapDirection;

/// How often Data Carrier Detect is looked at.
const CARRIER_INTERVAL: Duration = Duration::from_secs(1);

/// How long no frame may end behind a `NO CARRIER` that could be the middle of one.
const QUIET: Duration = Duration::from_secs(2);

/// Why a data call ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The modem said `NO CARRIER`.
    NoCarrier,
    /// The line Data Carrier Detect dropped.
    CarrierLost,
    /// The port is gone.
    PortGone,
    /// The modem said that it has just started.
    Restarted,
    /// The network or the modem ended the context; the control port told.
    ContextEnded,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCarrier => "the modem said NO CARRIER",
            Self::CarrierLost => "the modem dropped the carrier line",
            Self::PortGone => "the modem's port has vanished",
            Self::Restarted => "the modem has restarted",
            Self::ContextEnded => "the network ended the connection",
        })
    }
}

/// Looks at a call from elsewhere; lives on after the call was given to the bearer.
#[derive(Debug, Clone)]
pub struct CallStatus(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    end: OnceLock<EndReason>,
    /// Whoever reads, to be told of an end that is heard of elsewhere.
    reader: AtomicWaker,
    sent: AtomicU64,
    received: AtomicU64,
}

impl CallStatus {
    /// Why the call ended by itself; none while it lasts and after an orderly hang-up.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        self.0.end.get().copied()
    }

    /// The end of the call, as it was heard on another port.
    pub(super) fn end(&self, reason: EndReason) {
        let _ = self.0.end.set(reason);
        self.0.reader.wake();
    }

    /// Octets sent and received since CONNECT.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        (self.0.sent.load(Ordering::Relaxed), self.0.received.load(Ordering::Relaxed))
    }
}

/// A dialled call; reads end (with [`Self::end_reason`]) when the modem ends it. Flush does
/// nothing. A call that is dropped is hung up by the driver, like one that is given to
/// [`Self::hang_up`].
pub struct DataCall {
    /// None when it went back to the driver.
    port: Option<Box<dyn Port>>,
    leftover: Vec<u8>,
    number: u64,
    cid: u8,
    /// It goes through another network.
    pub(super) roams: bool,
    /// Those that the modem told before it dialled.
    pub(super) name_servers: Vec<IpAddr>,
    status: CallStatus,
    shared: Arc<Shared>,
    returns: mpsc::UnboundedSender<Returned>,
    watch: TextWatch,
    quiet: Option<Pin<Box<Sleep>>>,
    carrier: Interval,
    had_carrier: bool,
    heard: Option<Instant>,
}

/// What the driver gets back at the end of a call.
pub(super) struct Returned {
    pub(super) port: Box<dyn Port>,
    pub(super) end: Option<EndReason>,
    /// What came behind `NO CARRIER`.
    pub(super) tail: Vec<u8>,
    /// It was left in the middle of a frame.
    pub(super) in_frame: bool,
    /// Data Carrier Detect was high in the call.
    pub(super) had_carrier: bool,
    /// When anything came last.
    pub(super) heard: Option<Instant>,
    pub(super) reply: Option<oneshot::Sender<Result<(), ModemError>>>,
}

impl DataCall {
    pub(super) fn new(
        port: Box<dyn Port>,
        leftover: Vec<u8>,
        cid: u8,
        shared: Arc<Shared>,
        returns: mpsc::UnboundedSender<Returned>,
    ) -> Self {
        let mut carrier = interval_at(Instant::now() + CARRIER_INTERVAL, CARRIER_INTERVAL);
        carrier.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            port: Some(port),
            leftover,
            number: shared.call.load(Ordering::Relaxed),
            cid,
            roams: false,
            name_servers: Vec::new(),
            status: CallStatus(Arc::default()),
            shared,
            returns,
            watch: TextWatch::default(),
            quiet: None,
            carrier,
            had_carrier: false,
            heard: None,
        }
    }

    /// Counts this modem's calls, from 1; the number in tap events.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Whether it goes through another network, at its prices.
    #[must_use]
    pub const fn roams(&self) -> bool {
        self.roams
    }

    /// The context identifier that was dialled.
    #[must_use]
    pub const fn cid(&self) -> u8 {
        self.cid
    }

    /// The name servers of its context, where the modem could be asked only before the call.
    #[must_use]
    pub fn name_servers(&self) -> &[IpAddr] {
        &self.name_servers
    }

    /// A handle that outlives the call.
    #[must_use]
    pub fn status(&self) -> CallStatus {
        self.status.clone()
    }

    /// Why the call ended by itself; none while it lasts.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        self.status.end_reason()
    }

    /// Ends the call in order, after PPP has ended; returns when the modem takes commands again.
    ///
    /// # Errors
    /// When the modem cannot be brought back to command mode, or is gone.
    pub async fn hang_up(mut self) -> Result<(), ModemError> {
        let (reply, answer) = oneshot::channel();
        self.give_back(Some(reply));
        answer.await.unwrap_or(Err(ModemError::Stopped))
    }

    fn give_back(&mut self, reply: Option<oneshot::Sender<Result<(), ModemError>>>) {
        if let Some(mut port) = self.port.take() {
            // The end may have come with CONNECT, and nobody has read so far.
            let unread = std::mem::take(&mut self.leftover);
            if !unread.is_empty()
                && let Sight::End(reason) = self.watch.see(&unread)
            {
                self.end(reason);
            }
            let had_carrier = self.had_carrier || port.carrier() == Some(true);
            // Without a driver there is nobody left to hang up; closing the port drops DTR.
            let _ = self.returns.send(Returned {
                port,
                end: self.end_reason(),
                had_carrier,
                heard: self.heard,
                tail: std::mem::take(&mut self.watch.behind),
                in_frame: self.watch.in_frame(),
                reply,
            });
        }
    }

    fn end(&self, reason: EndReason) {
        let _ = self.status.0.end.set(reason);
    }

    /// Octets went to the reader: looks for the end of the call among them.
    fn arrived(&mut self, octets: &[u8]) {
        self.heard = Some(Instant::now());
        match self.watch.see(octets) {
            Sight::Nothing => self.quiet = None,
            // News of the modem behind the text do not put the end off.
            Sight::Perhaps if self.quiet.is_some() => {}
            Sight::Perhaps => self.quiet = Some(Box::pin(sleep(QUIET))),
            Sight::End(reason) => self.end(reason),
        }
    }

    /// What may end a silent call.
    fn silent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(quiet) = self.quiet.as_mut()
            && quiet.as_mut().poll(cx).is_ready()
        {
            self.end(self.watch.suspicion.unwrap_or(EndReason::NoCarrier));
            return Poll::Ready(Ok(()));
        }
        while self.carrier.poll_tick(cx).is_ready() {
            match self.port.as_mut().and_then(|port| port.carrier()) {
                Some(true) => self.had_carrier = true,
                Some(false) if self.had_carrier => {
                    self.end(EndReason::CarrierLost);
                    return Poll::Ready(Ok(()));
                }
                // A modem that never raises the line tells nothing by it.
                _ => {}
            }
        }
        Poll::Pending
    }
}

impl Drop for DataCall {
    fn drop(&mut self) {
        self.give_back(None);
    }
}

impl fmt::Debug for DataCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataCall")
            .field("number", &self.number)
            .field("cid", &self.cid)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl AsyncRead for DataCall {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.status.0.reader.register(cx.waker());
        if this.end_reason().is_some() || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if !this.leftover.is_empty() {
            let count = this.leftover.len().min(buf.remaining());
            let octets: Vec<u8> = this.leftover.drain(..count).collect();
            buf.put_slice(&octets);
            this.status.0.received.fetch_add(len(count), Ordering::Relaxed);
            this.arrived(&octets);
            return Poll::Ready(Ok(()));
        }
        let Some(port) = this.port.as_mut() else { return Poll::Ready(Ok(())) };
        let before = buf.filled().len();
        match Pin::new(port).poll_read(cx, buf) {
            Poll::Pending => this.silent(cx),
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                let octets = buf.filled().get(before..).unwrap_or_default();
                this.shared.count(TapDirection::Received, octets.len());
                this.status.0.received.fetch_add(len(octets.len()), Ordering::Relaxed);
                this.arrived(octets);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => {
                this.end(EndReason::PortGone);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for DataCall {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if let Some(reason) = this.end_reason() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, reason.to_string())));
        }
        let Some(port) = this.port.as_mut() else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let written = std::task::ready!(Pin::new(port).poll_write(cx, octets));
        if let Ok(count) = &written {
            this.shared.count(TapDirection::Sent, *count);
            this.status.0.sent.fetch_add(len(*count), Ordering::Relaxed);
        } else {
            this.end(EndReason::PortGone);
        }
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn len(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Looks among frames for what a modem says at the end of a call. Between a flag and the first octet
/// of a frame such a text ends the call at once; elsewhere the same octets may be somebody's data,
/// and only a missing end of that frame tells.
#[derive(Debug, Default)]
struct TextWatch {
    started: bool,
    /// A frame has begun since the last flag.
    in_frame: bool,
    /// The line that goes on now, as far as it may be one of the texts.
    line: Vec<u8>,
    /// It began behind a line end.
    begun: bool,
    /// A text stood inside a frame that has not ended.
    suspicion: Option<EndReason>,
    /// What came behind the text so far.
    behind: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Sight {
    Nothing,
    Perhaps,
    End(EndReason),
}

/// What modems say at the end of a call, the last ones because they have just started.
const TEXTS: [(&[u8], EndReason); 4] = [
    (NO_CARRIER, EndReason::NoCarrier),
    (b"RDY", EndReason::Restarted),
    (b"^SYSSTART", EndReason::Restarted),
    (b"+AT: READY", EndReason::Restarted),
];
/// More than the longest of them.
const MAX_LINE: usize = 16;

/// Octets kept behind the text: more than a modem holds back.
const MAX_BEHIND: usize = 64 * 1024;

impl TextWatch {
    fn see(&mut self, octets: &[u8]) -> Sight {
        self.started |= !octets.is_empty();
        for (at, octet) in octets.iter().enumerate() {
            if self.suspicion.is_some() && self.behind.len() < MAX_BEHIND {
                self.behind.push(*octet);
            }
            match octet {
                &FLAG => {
                    (self.in_frame, self.begun, self.suspicion) = (false, false, None);
                    self.line.clear();
                    self.behind.clear();
                }
                b'\r' | b'\n' => {
                    let told = TEXTS.iter().find(|(text, _)| *text == self.line.as_slice());
                    match told {
                        Some((_, reason)) if !self.in_frame => {
                            self.behind = octets.get(at..).unwrap_or_default().to_vec();
                            return Sight::End(*reason);
                        }
                        Some((_, reason)) if self.begun => {
                            self.suspicion.get_or_insert(*reason);
                        }
                        // A part of a text is none.
                        _ => self.in_frame |= !self.line.is_empty(),
                    }
                    self.line.clear();
                    self.begun = true;
                }
                octet => {
                    if self.line.len() < MAX_LINE {
                        self.line.push(*octet);
                    }
                    self.in_frame |= !TEXTS.iter().any(|(text, _)| text.starts_with(&self.line));
                }
            }
        }
        if self.suspicion.is_some() { Sight::Perhaps } else { Sight::Nothing }
    }

    /// Whether the last octet was in the middle of a frame.
    const fn in_frame(&self) -> bool {
        self.started && self.in_frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_between_frames_ends_the_call_however_cut() {
        let octets = b"\x7e\xff\x03abc\x7e\r\nNO CARRIER\r\n";
        for cut in 0..octets.len() {
            let (head, tail) = octets.split_at(cut);
            let mut watch = TextWatch::default();
            let first = watch.see(head);
            assert!(
                first == Sight::End(EndReason::NoCarrier)
                    || watch.see(tail) == Sight::End(EndReason::NoCarrier),
                "cut at {cut}"
            );
        }
        assert_eq!(TextWatch::default().see(b"\nNO CARRIER\r"), Sight::End(EndReason::NoCarrier));
    }

    #[test]
    fn text_behind_the_end_is_kept_and_forgotten_when_it_was_data() {
        let mut watch = TextWatch::default();
        assert_eq!(
            watch.see(b"\x7eab\x7e\r\nNO CARRIER\r\n+CMTI: \"SM\",1\r\n"),
            Sight::End(EndReason::NoCarrier)
        );
        assert_eq!(watch.behind, b"\r\n+CMTI: \"SM\",1\r\n");
        let mut watch = TextWatch::default();
        assert_eq!(watch.see(b"\x7e!half\r\nNO CARRIER\r\nRDY"), Sight::Perhaps);
        assert_eq!(watch.see(b"\r\n"), Sight::Perhaps);
        assert_eq!(watch.behind, b"\nRDY\r\n");
        assert_eq!(watch.see(b"\x7e"), Sight::Nothing);
        assert!(watch.behind.is_empty());
    }

    #[test]
    fn text_inside_a_frame_is_only_a_suspicion() {
        let mut watch = TextWatch::default();
        assert_eq!(watch.see(b"\x7e!half a frame\r\nNO CARRIER\r\n"), Sight::Perhaps);
        assert_eq!(watch.see(b"was data\x7e"), Sight::Nothing);
        assert_eq!(watch.see(b"!say NO CARRIER\r\n"), Sight::Nothing);
        assert_eq!(watch.see(b"!\r\nNO CARRIER\r\nand more\x7e"), Sight::Nothing);
        assert_eq!(watch.see(b"!\r\nNO CARR"), Sight::Nothing);
        assert_eq!(watch.see(b"IER\r\n\r\n+CGEV: ME DETACH\r\n"), Sight::Perhaps);
    }

    #[test]
    fn boot_banner_ends_the_call_and_is_not_taken_from_data() {
        for banner in ["RDY", "^SYSSTART", "+AT: READY"] {
            let octets = format!("\x7eab\x7e\r\n{banner}\r\n+CFUN: 1\r\n");
            for cut in 0..octets.len() {
                let (head, tail) = octets.as_bytes().split_at(cut);
                let mut watch = TextWatch::default();
                let end = Sight::End(EndReason::Restarted);
                assert!(watch.see(head) == end || watch.see(tail) == end, "{banner} cut at {cut}");
            }
            let mut watch = TextWatch::default();
            let octets = format!("\x7e!half\r\n{banner}\r\n");
            assert_eq!(watch.see(octets.as_bytes()), Sight::Perhaps, "{banner}");
            assert_eq!(watch.suspicion, Some(EndReason::Restarted));
            assert_eq!(watch.see(b"was data\x7e"), Sight::Nothing, "{banner}");
            assert_eq!(watch.see(format!("!say {banner}\r\n").as_bytes()), Sight::Nothing);
        }
    }
}
