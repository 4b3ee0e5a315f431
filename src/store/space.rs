//! Room on the disk. New work is refused while little is left, so that what is under way can still be
//! brought to its end; and a file that nobody needs is given up when other programs have taken even that.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::{Store, StoreError};

/// Octets below which nothing new is taken: several hundred settlements and the largest messages that
/// are just being fetched.
pub const LEAST_ROOM: u64 = 16 * 1024 * 1024;

/// Octets above which new work is taken again; more than [`LEAST_ROOM`], so that it does not flicker.
pub const ENOUGH_ROOM: u64 = 20 * 1024 * 1024;

/// Octets that are held for the moment in which the disk is full to the last block.
const RESERVE: u64 = 4 * 1024 * 1024;

/// Name of the file that holds them.
pub const RESERVE_FILE: &str = "mm1gate.reserve";

/// What is known of the disk that the store lies on.
pub(super) struct Space {
    dir: PathBuf,
    full: AtomicBool,
}

impl Space {
    /// The disk of this folder.
    pub(super) fn of(dir: &Path) -> Self {
        let space = Self { dir: dir.to_owned(), full: AtomicBool::new(false) };
        space.look();
        if !space.is_full() {
            space.hold();
        }
        space
    }

    /// Looks how much room there is, and whether new work may be taken.
    pub(super) fn look(&self) -> bool {
        // A file system that does not tell is taken at SQLite's word.
        let Some(free) = free(&self.dir) else { return !self.is_full() };
        if self.is_full() {
            let reserve = if self.reserve().exists() { 0 } else { RESERVE };
            if free >= ENOUGH_ROOM + reserve {
                self.hold();
                self.full.store(false, Ordering::Relaxed);
                tracing::info!("the disk has room again, new messages are taken");
            }
        } else if free < LEAST_ROOM {
            self.full.store(true, Ordering::Relaxed);
            tracing::error!(free, "the disk is nearly full, new messages are refused");
        }
        !self.is_full()
    }

    /// SQLite found no room: the reserve is given up. Whether there was one.
    pub(super) fn release(&self) -> bool {
        self.full.store(true, Ordering::Relaxed);
        let released = std::fs::remove_file(self.reserve()).is_ok();
        if released {
            tracing::error!("the disk is full; the reserve serves what is under way");
        }
        released
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    fn reserve(&self) -> PathBuf {
        self.dir.join(RESERVE_FILE)
    }

    /// Without a reserve the margin of [`LEAST_ROOM`] is all there is: no reason not to run.
    fn hold(&self) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(self.reserve());
        if let Ok(file) = file
            && let Err(error) = fallocate(&file, FallocateFlags::empty(), 0, RESERVE)
        {
            tracing::debug!(%error, "no reserve on this file system");
            let _ = std::fs::remove_file(self.reserve());
        }
    }
}

/// Octets that this process may still write.
fn free(dir: &Path) -> Option<u64> {
    let disk = statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

impl Store {
    /// Whether the disk has room for new work; looks anew.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.engine.space.look()
    }

    /// Refuses new work while the disk is full.
    pub(super) fn room(&self) -> Result<(), StoreError> {
        if self.has_room() { Ok(()) } else { Err(self.engine.full()) }
    }

    /// Whether the store answers: a transaction of its own, empty, behind all that wait.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserve_is_held_given_up_once_and_held_again() {
        let dir = tempfile::tempdir().unwrap();
        let space = Space::of(dir.path());
        assert!(space.look(), "the tests need {ENOUGH_ROOM} octets in the folder for them");
        let reserve = dir.path().join(RESERVE_FILE);
        assert_eq!(std::fs::metadata(&reserve).unwrap().len(), RESERVE);
        assert!(space.release() && !reserve.exists() && space.is_full());
        assert!(!space.release(), "there is only one");
        assert!(space.look(), "the disk has room: new work is taken again");
        assert!(reserve.exists());
    }
}
