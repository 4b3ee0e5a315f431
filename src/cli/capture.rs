//! Writes what goes over a modem's ports into a pcapng file: AT dialogue, PPP frames and, where a
//! modem has them, frames of the multiplexer. Nothing of it is hidden: whoever keeps a capture wants
//! the octets.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::codec::pcapng;
use crate::model::{Tap, TapEvent};

/// A tap whose observations a thread of its own writes to a file, so that the line never waits
/// for the disk.
pub(super) struct Capture {
    queue: Mutex<Option<Sender<Vec<u8>>>>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl Capture {
    /// Creates or empties the file; it holds numbers and pictures and is readable by its owner
    /// alone.
    pub(super) fn create(path: &Path, modem: &str) -> io::Result<Self> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (queue, blocks) = channel();
        let header = pcapng::header(modem);
        let writer = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || write_all(file, &header, &blocks))?;
        Ok(Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)) })
    }

    /// Writes what is still waiting and says how the writing went. What is observed later is
    /// dropped.
    pub(super) fn finish(&self) -> io::Result<()> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        match self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(writer) => writer
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the writer of the capture ended"))),
            None => Ok(()),
        }
    }
}

impl Tap for Capture {
    fn observe(&self, event: TapEvent<'_>) {
        let nanoseconds =
            u64::try_from(event.at.as_millis()).unwrap_or(0).saturating_mul(1_000_000);
        let comment = format!("{} call {}", event.modem, event.call);
        let block =
            pcapng::packet(event.channel, event.direction, nanoseconds, event.octets, &comment);
        if let Some(queue) = &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = queue.send(block);
        }
    }
}

fn write_all(file: File, header: &[u8], blocks: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    file.write_all(header)?;
    while let Ok(block) = blocks.recv() {
        file.write_all(&block)?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::model::{TapChannel, TapDirection, Timestamp};

    #[test]
    fn capture_is_private_and_complete() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("demo.pcapng");
        let capture = Capture::create(&path, "shop").expect("a file");
        for count in 0..100_u8 {
            capture.observe(TapEvent {
                modem: "shop",
                call: 1,
                at: Timestamp::from_secs(1),
                direction: TapDirection::Sent,
                channel: TapChannel::Ppp,
                octets: &[0xff, 0x03, count],
            });
        }
        capture.finish().expect("written");
        let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let file = std::fs::read(&path).expect("the file");
        assert_eq!(&file[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
        let found = file.windows(3).filter(|octets| octets[..2] == [0xff, 0x03]).count();
        assert_eq!(found, 100);
    }
}
