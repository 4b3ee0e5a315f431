//! Writes what goes over modems' ports into a pcapng file: AT dialogue, PPP frames and, where a
//! modem has them, frames of the multiplexer. Nothing of it is hidden: whoever keeps a capture wants
//! the octets (`mm1gate capture redact` hides them in a copy).
//!
//! The line never waits for the disk: what is observed waits in memory up to [`MAX_WAITING`], what
//! comes beyond that is dropped, counted, and told in the file and in the log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::fs::OFlags;

use super::error::{CliError, Exit};
use super::term;
use crate::codec::pcapng::{self, Packet};
use crate::model::{Clock, NoTap, Tap, TapChannel, TapDirection, TapEvent};

/// Octets of blocks that wait for the disk: minutes of the fastest port, should the disk stand still.
const MAX_WAITING: usize = 8 * 1024 * 1024;
/// What a waiting block takes in memory besides its octets, about.
const BLOCK_COST: usize = 64;
/// Octets that one write takes.
const WRITE_SIZE: usize = 65_536;

/// A tap whose observations a thread of its own writes to a file.
pub(super) struct Capture {
    queue: Mutex<Queue>,
    waiting: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
    limit: usize,
    clock: Clock,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

struct Queue {
    blocks: Option<Sender<Vec<u8>>>,
    /// Names of modems whose interfaces are in the file, in that order.
    modems: Vec<String>,
    /// Packets of each interface that were dropped since the last one of it, and in all.
    dropped: Vec<(u64, u64)>,
}

impl Capture {
    /// Creates or empties the file. It holds numbers and pictures and is made readable by its owner
    /// alone (mode 0600), whatever it was before.
    ///
    /// # Errors
    /// When it cannot be written, belongs to somebody else, or is no regular file, symbolic links
    /// included.
    pub(super) fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = private(path)?;
        let told = path.display().to_string();
        Self::to(file, clock, MAX_WAITING, move |error| {
            tracing::error!(
                "the capture {told} ends here, the gateway goes on without it: {error}"
            );
        })
    }

    fn to(
        file: impl Sink + 'static,
        clock: Clock,
        limit: usize,
        failed: impl Fn(&io::Error) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, blocks) = channel();
        let waiting = Arc::<AtomicUsize>::default();
        let broken = Arc::<AtomicBool>::default();
        let (left, stopped) = (Arc::clone(&waiting), Arc::clone(&broken));
        let writer = std::thread::Builder::new().name("capture".to_owned()).spawn(move || {
            let written = write_all(file, &blocks, &left);
            if let Err(error) = &written {
                stopped.store(true, Ordering::Relaxed);
                failed(error);
            }
            written
        })?;
        // Nobody takes it only if the thread is gone already, which its result tells.
        let _ = sender.send(pcapng::section(""));
        let queue = Queue { blocks: Some(sender), modems: Vec::new(), dropped: Vec::new() };
        Ok(Self {
            queue: Mutex::new(queue),
            waiting,
            broken,
            limit,
            clock,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Writes what is still waiting and says how the writing went. What is observed later is
    /// dropped.
    ///
    /// # Errors
    /// The first failure, whenever it was.
    pub(super) fn finish(&self) -> io::Result<()> {
        {
            let mut queue = self.queue();
            let now = self.clock.nanoseconds();
            let lost: Vec<(u32, u64)> =
                (0..).zip(&queue.dropped).map(|(index, (_, all))| (index, *all)).collect();
            if let Some(blocks) = queue.blocks.take() {
                for (interface, dropped) in lost {
                    let _ = blocks.send(pcapng::statistics(interface, now, dropped));
                }
            }
        }
        match self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => writer
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the writer of the capture ended"))),
            None => Ok(()),
        }
    }

    /// Packets that are not in the file because the disk was too slow.
    pub(super) fn dropped(&self) -> u64 {
        self.queue().dropped.iter().map(|(_, all)| all).sum()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a block; false when too much waits.
    fn reserve(&self, octets: usize) -> bool {
        let before = self.waiting.fetch_add(octets + BLOCK_COST, Ordering::Relaxed);
        let fits = before + octets + BLOCK_COST <= self.limit;
        if !fits {
            self.waiting.fetch_sub(octets + BLOCK_COST, Ordering::Relaxed);
        }
        fits
    }
}

impl Tap for Capture {
    fn observe(&self, event: TapEvent<'_>) {
        if self.broken.load(Ordering::Relaxed) {
            return;
        }
        let mut queue = self.queue();
        let queue = &mut *queue;
        let Some(blocks) = &queue.blocks else { return };
        let modem = match queue.modems.iter().position(|name| name == event.modem) {
            Some(index) => index,
            None => {
                // As many as are configured.
                queue.modems.push(event.modem.to_owned());
                queue.dropped.resize(queue.modems.len() * pcapng::INTERFACES as usize, (0, 0));
                let interfaces = pcapng::interfaces(event.modem);
                self.waiting.fetch_add(interfaces.len() + BLOCK_COST, Ordering::Relaxed);
                let _ = blocks.send(interfaces);
                queue.modems.len() - 1
            }
        };
        let index = modem * pcapng::INTERFACES as usize + pcapng::place(event.channel) as usize;
        let lead: &[u8] = match (event.channel, event.direction) {
            (TapChannel::Ppp | TapChannel::At, _) => &[],
            (TapChannel::Mux, TapDirection::Sent) => &[0, 0],
            (TapChannel::Mux, TapDirection::Received) => &[0, 1],
        };
        let room = pcapng::SNAP_LENGTH - lead.len();
        let captured = event.octets.get(..room).unwrap_or(event.octets);
        let Some((dropped, all)) = queue.dropped.get_mut(index) else { return };
        let block = Packet {
            interface: u32::try_from(index).unwrap_or(u32::MAX),
            nanoseconds: self.clock.nanoseconds(),
            octets: &[lead, captured].concat(),
            original: lead.len() + event.octets.len(),
            direction: Some(event.direction),
            comment: &format!("{} call {}", event.modem, event.call),
            dropped: *dropped,
        }
        .encode();
        if self.reserve(block.len()) {
            *dropped = 0;
            let _ = blocks.send(block);
            return;
        }
        *dropped += 1;
        *all += 1;
        // Each time that there are ten times as many.
        if all.checked_ilog10() != (*all - 1).checked_ilog10() {
            tracing::warn!(
                packets = *all,
                "the disk is too slow for the capture: packets are missing from it"
            );
        }
    }

    fn is_watching(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }
}

/// What `--pcap` asks for: a capture, or nothing.
pub(super) struct Recording(Option<(PathBuf, Arc<Capture>)>);

impl Recording {
    /// Makes the file, where one is named.
    pub(super) fn begin(path: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let capture = Capture::create(path, Clock::system()).map_err(|error| {
            CliError::io(Exit::CantCreate, format!("--pcap {}", path.display()), &error)
        })?;
        Ok(Self(Some((path.to_owned(), Arc::new(capture)))))
    }

    /// Who is to be told of every octet.
    pub(super) fn tap(&self) -> Arc<dyn Tap> {
        match &self.0 {
            Some((_, capture)) => Arc::<Capture>::clone(capture),
            None => Arc::new(NoTap),
        }
    }

    /// Nothing more comes: the file is complete then, or it is told what is missing.
    pub(super) fn end(self) -> Result<(), CliError> {
        let Some((path, capture)) = self.0 else { return Ok(()) };
        capture.finish().map_err(|error| {
            CliError::io(Exit::Io, format!("the capture {} is cut short", path.display()), &error)
        })?;
        let dropped = capture.dropped();
        if dropped > 0 {
            term::note(&format!(
                "{dropped} packets are missing from {}: the disk was too slow.",
                path.display()
            ));
        }
        Ok(())
    }
}

/// Opens or makes a file that only its owner reads.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why.to_owned());
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| match rustix::io::Errno::from_io_error(&error) {
            Some(rustix::io::Errno::LOOP) => {
                refused("this is a symbolic link; name the file itself")
            }
            Some(rustix::io::Errno::NXIO) => refused("this is no regular file"),
            _ => error,
        })?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused("this is no regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("this file belongs to another user, who could read what is written"));
    }
    if metadata.nlink() > 1 {
        return Err(refused("this file has other names (hard links); choose a new name"));
    }
    // Before anything is in it.
    file.set_permissions(PermissionsExt::from_mode(0o600))?;
    file.set_len(0)?;
    Ok(file)
}

/// Where blocks go.
trait Sink: Write + Send {
    /// Ends behind the last whole block.
    fn cut(&mut self, octets: u64) -> io::Result<()>;
}

impl Sink for File {
    fn cut(&mut self, octets: u64) -> io::Result<()> {
        self.set_len(octets)
    }
}

/// Writes whatever waits at once, so that the file is up to date whenever nothing does.
fn write_all(
    mut file: impl Sink,
    blocks: &Receiver<Vec<u8>>,
    waiting: &AtomicUsize,
) -> io::Result<()> {
    let mut whole = 0_u64;
    let mut octets = Vec::new();
    while let Ok(first) = blocks.recv() {
        octets.clear();
        let mut cost = 0;
        let mut next = Some(first);
        while let Some(block) = next {
            cost += block.len() + BLOCK_COST;
            octets.extend_from_slice(&block);
            next = (octets.len() < WRITE_SIZE).then(|| blocks.try_recv().ok()).flatten();
        }
        let written = file.write_all(&octets).and_then(|()| file.flush());
        let before = waiting.load(Ordering::Relaxed);
        waiting.fetch_sub(cost.min(before), Ordering::Relaxed);
        if let Err(error) = written {
            let _ = file.cut(whole);
            return Err(error);
        }
        whole += octets.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::model::Timestamp;

    fn event(octets: &[u8]) -> TapEvent<'_> {
        TapEvent {
            modem: "shop",
            call: 1,
            at: Timestamp::from_secs(1),
            direction: TapDirection::Sent,
            channel: TapChannel::Ppp,
            octets,
        }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("the file").permissions().mode() & 0o777
    }

    fn found(file: &[u8]) -> usize {
        file.windows(3).filter(|octets| *octets == [0xff, 0x03, 0xAB]).count()
    }

    #[test]
    fn capture_is_private_and_complete() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("demo.pcapng");
        let capture = Capture::create(&path, Clock::system()).expect("a file");
        for _ in 0..100_u8 {
            capture.observe(event(&[0xff, 0x03, 0xAB]));
        }
        capture.observe(TapEvent { modem: "second", ..event(&[0xff, 0x03, 0xAB]) });
        capture.finish().expect("written");
        assert_eq!(mode(&path), 0o600);
        let file = std::fs::read(&path).expect("the file");
        assert_eq!(&file[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
        assert_eq!(found(&file), 101);
        for name in ["shop-ppp", "shop-at", "second-ppp", "second-mux"] {
            assert!(file.windows(name.len()).any(|it| it == name.as_bytes()), "{name}");
        }
        // What comes later is not of it.
        capture.observe(event(&[0xff, 0x03, 0xAB]));
        assert_eq!(std::fs::read(&path).expect("the file"), file);
    }

    #[test]
    fn file_that_others_could_read_is_closed_to_them_and_emptied() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("old.pcapng");
        std::fs::write(&path, vec![7; 100_000]).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("a mode");
        Capture::create(&path, Clock::system()).expect("a file").finish().expect("written");
        assert_eq!(mode(&path), 0o600);
        assert!(std::fs::metadata(&path).expect("the file").len() < 1_000);
    }

    #[test]
    fn links_pipes_and_folders_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let target = dir.path().join("target");
        std::fs::write(&target, "mine").expect("a file");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
        let told = |path: &Path| match Capture::create(path, Clock::system()) {
            Ok(_) => panic!("{} was taken", path.display()),
            Err(error) => error.to_string(),
        };
        assert!(told(&link).contains("symbolic link"));
        let hard = dir.path().join("hard");
        std::fs::hard_link(&target, &hard).expect("a link");
        assert!(told(&hard).contains("hard links"));
        assert_eq!(std::fs::read(&target).expect("the file"), b"mine");
        let pipe = dir.path().join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).expect("a pipe");
        assert!(told(&pipe).contains("no regular file"));
        told(dir.path());
        told(&dir.path().join("missing/file"));
    }

    /// A disk that stands still until it is let go, or fails behind so many octets.
    struct Disk {
        octets: Arc<Mutex<Vec<u8>>>,
        gate: Option<Arc<Barrier>>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            if let Some(gate) = self.gate.take() {
                gate.wait();
            }
            let mut file = self.octets.lock().expect("the disk");
            if file.len() + octets.len() > self.room {
                // A part of it still fits.
                let fits = self.room - file.len();
                file.extend_from_slice(&octets[..fits]);
                return if fits > 0 { Ok(fits) } else { Err(io::ErrorKind::StorageFull.into()) };
            }
            file.extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Disk {
        fn cut(&mut self, octets: u64) -> io::Result<()> {
            self.octets.lock().expect("the disk").truncate(usize::try_from(octets).unwrap());
            Ok(())
        }
    }

    #[test]
    fn slow_disk_costs_packets_that_are_counted_and_never_memory_or_time() {
        let (octets, gate) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::new(Barrier::new(2)));
        let disk =
            Disk { octets: Arc::clone(&octets), gate: Some(Arc::clone(&gate)), room: usize::MAX };
        let limit = 100_000;
        let capture = Capture::to(disk, Clock::system(), limit, |_| {}).expect("a capture");
        // The disk stands still, the line does not.
        for _ in 0..10_000 {
            capture.observe(event(&[0xff, 0x03, 0xAB]));
        }
        assert!(capture.waiting.load(Ordering::Relaxed) <= limit + WRITE_SIZE);
        let dropped = capture.dropped();
        assert!((9_000..10_000).contains(&dropped), "{dropped}");
        gate.wait();
        while capture.waiting.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        capture.observe(event(&[0xff, 0x03, 0xAB]));
        capture.finish().expect("written");
        let file = octets.lock().expect("the disk");
        assert_eq!(found(&file) as u64, 10_001 - dropped);
        // The first packet behind the gap tells how many are missing, the statistics how many in all.
        let told = [&[4, 0, 8, 0][..], &dropped.to_le_bytes()].concat();
        assert!(file.windows(12).any(|it| it == told), "epb_dropcount");
        let told = [&[5, 0, 8, 0][..], &dropped.to_le_bytes()].concat();
        assert!(file.windows(12).any(|it| it == told), "isb_ifdrop");
    }

    #[test]
    fn full_disk_is_told_at_once_and_leaves_whole_blocks() {
        let octets = Arc::<Mutex<Vec<u8>>>::default();
        let disk = Disk { octets: Arc::clone(&octets), gate: None, room: 5_001 };
        let (tell, told) = channel();
        let capture = Capture::to(disk, Clock::system(), MAX_WAITING, move |error| {
            let _ = tell.send(error.kind());
        })
        .expect("a capture");
        while capture.is_watching() {
            capture.observe(event(&[0xff, 0x03, 0xAB]));
            std::thread::yield_now();
        }
        // Before anybody asks for it.
        assert_eq!(told.recv().expect("told"), io::ErrorKind::StorageFull);
        assert_eq!(capture.finish().expect_err("full").kind(), io::ErrorKind::StorageFull);
        let file = octets.lock().expect("the disk").clone();
        let mut rest = &file[..];
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[4..8].try_into().expect("a length")) as usize;
            rest = &rest[length..];
        }
        // A capture that has ended takes nothing more.
        let waiting = capture.waiting.load(Ordering::Relaxed);
        capture.observe(event(&[0xff, 0x03, 0xAB]));
        assert_eq!(capture.waiting.load(Ordering::Relaxed), waiting);
    }
}
