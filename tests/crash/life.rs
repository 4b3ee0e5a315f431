//! The life of one process, which ends at a chosen point: from then on nothing of it reaches the disk,
//! the line or anybody's server, whatever its memory still does.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::sim::{PortRole, VirtualModem};
use mm1gate::store::Probe;
use mm1gate::world::{HookClient, HookError, HookRequest, HookResponse};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::Notify;

use crate::shop::Shop;

/// Where a process ends; counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// This commit does not happen.
    BeforeCommit(u64),
    /// This commit is the last thing that happens; nobody hears of it.
    AfterCommit(u64),
    /// The modem gets this block of octets and nothing more.
    Block(u64),
    /// The modem gets the first half of this block.
    HalfBlock(u64),
}

/// A kind of point: its name, how one is made of its number, and one in how many is tried.
type Kind = (&'static str, fn(u64) -> Point, u64);

impl Point {
    /// The kinds, by their names; every point of a kind is tried, or one in so many.
    pub(crate) const KINDS: [Kind; 4] = [
        ("before-commit", Self::BeforeCommit, 1),
        ("after-commit", Self::AfterCommit, 1),
        ("block", Self::Block, 1),
        ("half-block", Self::HalfBlock, 3),
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::BeforeCommit(n) | Self::AfterCommit(n) | Self::Block(n) | Self::HalfBlock(n)) =
            *self;
        let (name, ..) = Self::KINDS.iter().find(|(_, kind, _)| kind(n) == *self).unwrap();
        write!(f, "{name}:{n}")
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = text.split_once(':').and_then(|(name, number)| {
            let (_, kind, _) = Self::KINDS.iter().find(|(known, ..)| *known == name)?;
            number.parse().ok().map(kind)
        });
        found.ok_or_else(|| format!("'{text}' is no point: KIND:N, such as block:17"))
    }
}

/// The host's end of a port, until the process is gone.
type Cable = Arc<Mutex<Option<DuplexStream>>>;

/// Where marks are written: a file beside the database, so that they have their place in the order of
/// everything that is written.
pub(crate) struct Marks(pub(crate) File);

/// One process.
pub(crate) struct Life {
    end: Option<Point>,
    dead: AtomicBool,
    /// The process is gone.
    pub(crate) ended: Notify,
    commits: AtomicU64,
    committing: AtomicBool,
    blocks: AtomicU64,
    cables: Mutex<Vec<Cable>>,
    pub(crate) marks: Option<Marks>,
}

impl Life {
    /// A process that ends there, or not by itself.
    pub(crate) fn new(end: Option<Point>) -> Arc<Self> {
        Arc::new(Self {
            end,
            dead: AtomicBool::new(false),
            ended: Notify::new(),
            commits: AtomicU64::new(0),
            committing: AtomicBool::new(false),
            blocks: AtomicU64::new(0),
            cables: Mutex::default(),
            marks: None,
        })
    }

    /// A process that does not end, and marks what it promises.
    pub(crate) fn marking(marks: Marks) -> Arc<Self> {
        let mut life = Self::new(None);
        Arc::get_mut(&mut life).unwrap().marks = Some(marks);
        life
    }

    /// Writes down what others count upon from now on.
    pub(crate) fn mark(&self, what: impl fmt::Display) {
        if let Some(Marks(file)) = &self.marks {
            // One write, so that it has one place among those of the database.
            (&*file).write_all(format!("{what}\n").as_bytes()).unwrap();
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Commits and blocks so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.commits.load(Ordering::SeqCst), self.blocks.load(Ordering::SeqCst))
    }

    /// Waits for a commit that was under way: it is the last.
    pub(crate) fn settle(&self) {
        while self.committing.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    /// The kernel closes what the process had open.
    fn die(&self) {
        if !self.dead.swap(true, Ordering::SeqCst) {
            for cable in self.cables.lock().unwrap().drain(..) {
                drop(cable.lock().unwrap().take());
            }
            self.ended.notify_one();
        }
    }
}

impl Probe for Life {
    fn may_commit(&self) -> bool {
        if self.is_dead() {
            return false;
        }
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        if self.end == Some(Point::BeforeCommit(number)) {
            self.die();
            return false;
        }
        self.committing.store(true, Ordering::SeqCst);
        self.mark(format_args!("begin {number}"));
        true
    }

    fn ended(&self) {
        let number = self.commits.load(Ordering::SeqCst);
        self.mark(format_args!("end {number}"));
        if self.committing.load(Ordering::SeqCst) && self.end == Some(Point::AfterCommit(number)) {
            self.die();
        }
        self.committing.store(false, Ordering::SeqCst);
    }
}

/// The ports of a virtual modem as one process has them.
pub(crate) struct Cables {
    pub(crate) life: Arc<Life>,
    pub(crate) modem: VirtualModem,
}

/// Name of the port for commands; every other name is the one that dials.
pub(crate) const CONTROL: &str = "/dev/virtual-control";

impl PortOpener for Cables {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let role = if name == CONTROL { PortRole::Control } else { PortRole::Data };
            let failed = |text: String| PortError::Io { port: name.to_owned(), text };
            if self.life.is_dead() {
                return Err(failed("the process is gone".to_owned()));
            }
            let stream = self.modem.open(role).map_err(|error| failed(error.to_string()))?;
            let cable = Arc::new(Mutex::new(Some(stream)));
            self.life.cables.lock().unwrap().push(Arc::clone(&cable));
            Ok(Box::new(Tty { life: Arc::clone(&self.life), cable }) as Box<dyn Port>)
        })
    }
}

struct Tty {
    life: Arc<Life>,
    cable: Cable,
}

impl Port for Tty {}

impl AsyncRead for Tty {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.cable.lock().unwrap().as_mut() {
            Some(stream) => Pin::new(stream).poll_read(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
}

impl AsyncWrite for Tty {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let number = self.life.blocks.load(Ordering::SeqCst) + 1;
        let half = self.life.end == Some(Point::HalfBlock(number));
        let part = if half { &octets[..octets.len() / 2] } else { octets };
        let written = {
            let mut cable = self.cable.lock().unwrap();
            let Some(stream) = cable.as_mut() else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            match part {
                [] => Poll::Ready(Ok(0)),
                part => Pin::new(stream).poll_write(cx, part),
            }
        };
        if matches!(written, Poll::Ready(Ok(_))) && !octets.is_empty() {
            self.life.blocks.store(number, Ordering::SeqCst);
            if half || self.life.end == Some(Point::Block(number)) {
                self.life.die();
                return Poll::Ready(Ok(octets.len()));
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What the process tells the shop's server.
pub(crate) struct Client {
    pub(crate) life: Arc<Life>,
    pub(crate) shop: Arc<Shop>,
}

impl HookClient for Client {
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>> {
        Box::pin(async move {
            if self.life.is_dead() {
                std::future::pending::<()>().await;
            }
            Ok(self.shop.take(request).await)
        })
    }
}
