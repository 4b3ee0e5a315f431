//! A virtual modem on a virtual USB: it vanishes, comes back under other tty names, as a CD-ROM,
//! and forgets what a reset makes it forget. In virtual time and memory only.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use mm1gate::model::Random;
use mm1gate::modem::usb::{UsbBus, UsbDevice, UsbInterface, UsbResetError};
use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::sim::{Fault, Operator, PortRole, VirtualModem};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The interfaces of the device and their protocols: commands and dialling, as Huawei's sticks
/// have them.
const CONTROL: (u8, u8) = (1, 0x02);
const DATA: (u8, u8) = (0, 0x01);

/// What is in one socket.
struct Socket {
    path: String,
    modem: VirtualModem,
    /// Number of its first tty; none while it is away.
    tty: Option<usize>,
    /// A CD-ROM at present.
    storage: bool,
    /// Ends with the device.
    unplugged: CancellationToken,
}

/// Sockets with modems; clones are the same.
#[derive(Clone)]
pub(crate) struct Bus(Arc<Inner>);

struct Inner {
    sockets: Mutex<Vec<Socket>>,
    next_tty: Mutex<usize>,
    resets: AtomicU64,
    opens: AtomicU64,
    /// A reset is not permitted.
    denied: std::sync::atomic::AtomicBool,
    random: Random,
    storage_for: Mutex<Option<Duration>>,
    operator: Operator,
}

impl Bus {
    /// One socket a modem of the operator: 1-1, 1-2, ...; the ttys count from 0.
    pub(crate) fn new(operator: &Operator, seed: u64) -> Self {
        let bus = Self(Arc::new(Inner {
            sockets: Mutex::default(),
            next_tty: Mutex::new(0),
            resets: AtomicU64::new(0),
            opens: AtomicU64::new(0),
            denied: false.into(),
            random: Random::seeded(seed),
            storage_for: Mutex::new(None),
            operator: operator.clone(),
        }));
        for (index, modem) in operator.modems().iter().enumerate() {
            let socket = Socket {
                path: format!("1-{}", index + 1),
                modem: modem.clone(),
                tty: None,
                storage: false,
                unplugged: CancellationToken::new(),
            };
            bus.0.sockets.lock().unwrap().push(socket);
            bus.plug(index);
        }
        bus
    }

    pub(crate) fn resets(&self) -> u64 {
        self.0.resets.load(Ordering::Relaxed)
    }

    /// How often a port was opened.
    pub(crate) fn opens(&self) -> u64 {
        self.0.opens.load(Ordering::Relaxed)
    }

    pub(crate) fn deny_resets(&self) {
        self.0.denied.store(true, Ordering::Relaxed);
    }

    /// From now on it comes back as a CD-ROM for so long.
    pub(crate) fn comes_back_as_storage(&self, time: Option<Duration>) {
        *self.0.storage_for.lock().unwrap() = time;
    }

    /// Takes it out of its socket; its memory of everything but messages goes with the power.
    pub(crate) fn unplug(&self, index: usize) {
        let mut sockets = self.0.sockets.lock().unwrap();
        let socket = &mut sockets[index];
        socket.tty = None;
        socket.storage = false;
        socket.unplugged.cancel();
        let modem = socket.modem.clone();
        drop(sockets);
        self.0.operator.faults().clear(&Fault::ModemSilent {});
        modem.power_cycle();
    }

    /// Puts it back: under other names than before.
    pub(crate) fn plug(&self, index: usize) {
        let mut next = self.0.next_tty.lock().unwrap();
        let mut sockets = self.0.sockets.lock().unwrap();
        let socket = &mut sockets[index];
        socket.tty = Some(*next);
        socket.storage = false;
        socket.unplugged = CancellationToken::new();
        // Two names at a time: the next modem or the next reset takes others.
        *next = (*next + 2) % 10;
    }

    /// Gone for a time, and back.
    pub(crate) fn replug(&self, index: usize, away: Duration) {
        self.unplug(index);
        let bus = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(away).await;
            let storage = *bus.0.storage_for.lock().unwrap();
            if let Some(time) = storage {
                bus.0.sockets.lock().unwrap()[index].storage = true;
                tokio::time::sleep(time).await;
            }
            bus.plug(index);
        });
    }

    /// Swaps the modems of the first two sockets: what happens to whoever plugs them back wrongly.
    pub(crate) fn swap(&self) {
        self.unplug(0);
        self.unplug(1);
        let mut sockets = self.0.sockets.lock().unwrap();
        let (first, second) = (sockets[0].modem.clone(), sockets[1].modem.clone());
        sockets[0].modem = second;
        sockets[1].modem = first;
        drop(sockets);
        self.plug(1);
        self.plug(0);
    }

    /// The present names of the ports: dial and control.
    pub(crate) fn names(&self, index: usize) -> Option<(String, String)> {
        let tty = self.0.sockets.lock().unwrap()[index].tty?;
        Some((name(tty + 1), name(tty)))
    }
}

fn name(number: usize) -> String {
    format!("/dev/ttyUSB{number}")
}

impl UsbBus for Bus {
    fn devices(&self) -> Vec<UsbDevice> {
        let sockets = self.0.sockets.lock().unwrap();
        let present = sockets.iter().filter(|it| it.tty.is_some() || it.storage);
        present
            .map(|socket| {
                let serial = |(number, protocol), tty: usize| UsbInterface {
                    number,
                    class: 0xff,
                    subclass: 0x02,
                    protocol,
                    driver: Some("option".to_owned()),
                    tty: Some(name(tty)),
                    ..UsbInterface::default()
                };
                let disk = UsbInterface {
                    class: 0x08,
                    subclass: 0x06,
                    protocol: 0x50,
                    driver: Some("usb-storage".to_owned()),
                    ..UsbInterface::default()
                };
                UsbDevice {
                    path: socket.path.clone(),
                    vid: 0x12d1,
                    pid: if socket.tty.is_some() { 0x1506 } else { 0x14fe },
                    interfaces: match socket.tty {
                        Some(tty) => vec![serial(DATA, tty + 1), serial(CONTROL, tty)],
                        None => vec![disk],
                    },
                    ..UsbDevice::default()
                }
            })
            .collect()
    }

    fn reset(&self, path: &str) -> Result<(), UsbResetError> {
        if self.0.denied.load(Ordering::Relaxed) {
            let id = "12d1:1506".to_owned();
            return Err(UsbResetError::Denied { path: path.to_owned(), id });
        }
        let index = self.0.sockets.lock().unwrap().iter().position(|it| it.path == path);
        let Some(index) = index else {
            return Err(UsbResetError::Absent { path: path.to_owned() });
        };
        self.0.resets.fetch_add(1, Ordering::Relaxed);
        // From 8 to 60 s, as modems in the field take.
        let away = 8_000 + self.0.random.below(52_001);
        self.replug(index, Duration::from_millis(away));
        Ok(())
    }
}

impl PortOpener for Bus {
    fn open<'a>(&'a self, wanted: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            self.0.opens.fetch_add(1, Ordering::Relaxed);
            let sockets = self.0.sockets.lock().unwrap();
            let found = sockets.iter().find_map(|socket| {
                let tty = socket.tty?;
                let role = match wanted {
                    it if it == name(tty) => PortRole::Control,
                    it if it == name(tty + 1) => PortRole::Data,
                    _ => return None,
                };
                let stream = socket.modem.open(role).ok()?;
                let gone = socket.unplugged.clone();
                let ended = Box::pin(gone.clone().cancelled_owned());
                Some(Box::new(UsbPort { stream, gone, ended }) as Box<dyn Port>)
            });
            found.ok_or_else(|| PortError::Missing { port: wanted.to_owned(), present: Vec::new() })
        })
    }
}

/// A port that ends with its device.
struct UsbPort {
    stream: DuplexStream,
    gone: CancellationToken,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Port for UsbPort {}

impl AsyncRead for UsbPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for UsbPort {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gone.is_cancelled() {
            return Poll::Ready(Err(io::Error::other("Input/output error")));
        }
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How often each value occurs.
pub(crate) fn counted<T: Ord>(values: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}
