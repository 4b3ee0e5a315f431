//! UUCP lock files (Filesystem Hierarchy Standard 3.0 clause 5.9): how programs that know nothing
//! of `flock` leave each other's serial ports alone. Held where this user may write there.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where lock files lie.
pub(super) const FOLDER: &str = "/var/lock";

/// A lock file of ours; removed when it is dropped.
#[derive(Debug)]
pub(super) struct LockFile(PathBuf);

impl LockFile {
    /// Takes the lock of a device such as `ttyUSB2`; none where this user may not. A lock whose
    /// process has ended is taken over.
    ///
    /// # Errors
    /// The number of the process that holds it.
    pub(super) fn take(folder: &Path, device: &str) -> Result<Option<Self>, u32> {
        let path = folder.join(format!("LCK..{device}"));
        for _ in 0..2 {
            let created =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path);
            match created {
                Ok(mut file) => {
                    let written = writeln!(file, "{:>10}", std::process::id());
                    let lock = Self(path);
                    // A lock that says nothing would never be taken over.
                    return Ok(written.is_ok().then_some(lock));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    match owner(&path).filter(|process| *process != std::process::id()) {
                        Some(process) if Path::new(&format!("/proc/{process}")).exists() => {
                            return Err(process);
                        }
                        _ if fs::remove_file(&path).is_err() => return Ok(None),
                        _ => {}
                    }
                }
                Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The process number in decimal, or as four octets in the machine's order, as old programs write.
fn owner(path: &Path) -> Option<u32> {
    let octets = fs::read(path).ok()?;
    match std::str::from_utf8(&octets).ok().and_then(|text| text.trim().parse().ok()) {
        Some(process) => Some(process),
        None => Some(u32::from_ne_bytes(octets.try_into().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_of_a_living_process_is_respected_and_a_stale_one_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("LCK..ttyUSB2");
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        for octets in
            [format!("{:>10}\n", other.id()).into_bytes(), other.id().to_ne_bytes().into()]
        {
            fs::write(&path, octets).unwrap();
            assert_eq!(LockFile::take(folder.path(), "ttyUSB2").unwrap_err(), other.id());
        }
        other.kill().unwrap();
        other.wait().unwrap();
        let lock = LockFile::take(folder.path(), "ttyUSB2").unwrap().expect("stale");
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{:>10}\n", std::process::id()));
        drop(lock);
        assert!(!path.exists());
    }

    #[test]
    fn folder_that_may_not_be_written_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert!(LockFile::take(&missing, "ttyUSB2").unwrap().is_none());
    }
}
