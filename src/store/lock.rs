//! One owner of the data folder: `flock` on `mm1gate.lock`, which holds the owner's process id
//! for people (design: a second process asks the first instead of touching the store).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

/// The lock file's name inside the data folder.
pub const LOCK_FILE: &str = "mm1gate.lock";

/// Holds the data folder until it is dropped, or until the process ends in any way.
#[derive(Debug)]
pub struct Owner {
    file: File,
    dir: PathBuf,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // A child process that another thread is just starting holds the same open file for a
        // moment, so closing it does not do.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Why the data folder could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnerError {
    /// Another process has it.
    #[error("the data folder {dir} is in use by another mm1gate{}", pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Taken {
        /// The folder.
        dir: String,
        /// The other process, when it has said.
        pid: Option<u32>,
    },
    /// The operating system's own words.
    #[error("the data folder {dir}: {reason}")]
    Folder {
        /// The folder.
        dir: String,
        /// What the system said.
        reason: String,
    },
}

impl Owner {
    /// Creates the folder when it is missing (mode 0700) and takes it.
    ///
    /// # Errors
    /// [`OwnerError::Taken`] names the other process.
    pub fn take(dir: &Path) -> Result<Self, OwnerError> {
        let fail = |error: std::io::Error| OwnerError::Folder {
            dir: dir.display().to_string(),
            reason: error.to_string(),
        };
        if !dir.exists() {
            let missing: Vec<&Path> = dir.ancestors().take_while(|it| !it.exists()).collect();
            DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
            // A folder is an entry of the one above it, and the power may fail.
            for parent in missing.into_iter().filter_map(Path::parent) {
                sync_folder(parent).map_err(fail)?;
            }
        }
        let mode = dir.metadata().map_err(fail)?.permissions().mode();
        if mode & 0o077 != 0 {
            // Messages and numbers are nobody else's business, whoever made the folder.
            std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700)).map_err(fail)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(LOCK_FILE))
            .map_err(fail)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut text);
                return Err(OwnerError::Taken {
                    dir: dir.display().to_string(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(error) => return Err(fail(error.into())),
        }
        file.set_len(0).map_err(fail)?;
        file.rewind().map_err(fail)?;
        writeln!(file, "{}", std::process::id()).map_err(fail)?;
        Ok(Self { file, dir: dir.to_owned() })
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Has the disk keep the entries of a folder.
pub(super) fn sync_folder(dir: &Path) -> std::io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_owner_is_told_the_process_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let first = Owner::take(&data).unwrap();
        assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let error = Owner::take(&data).unwrap_err();
        assert!(error.to_string().contains(&format!("(process {})", std::process::id())));
        drop(first);
        assert!(Owner::take(&data).is_ok());
    }

    #[test]
    fn folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Owner::take(&file.join("data")).unwrap_err();
        assert!(error.to_string().contains("file/data"), "{error}");
    }
}
