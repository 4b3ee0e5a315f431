//! Child processes that never outlive their test, and waiting with a limit.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "real processes live in real time, and a kept folder must be named"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A folder that is removed when the test passed and kept when it panicked.
pub(crate) struct Scratch(Option<tempfile::TempDir>);

impl Scratch {
    /// A new folder.
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(&format!("mm1gate-{name}-")).tempdir();
        Self(Some(folder.expect("a temporary folder")))
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.0.as_ref().expect("present until drop").path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(folder) = self.0.take()
        {
            eprintln!("kept for a look: {}", folder.keep().display());
        }
    }
}

/// The program under test.
pub(crate) fn mm1gate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mm1gate"))
}

/// A child process with its output in files.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

impl Process {
    /// Starts it; its output goes to `NAME.out` and `NAME.err` in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> Self {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.err"));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("a writable scratch folder"))
            .stderr(File::options().create(true).append(true).open(&stderr).expect("the same"))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, stdout, stderr }
    }

    /// Waits until a line of standard output satisfies `wanted`.
    pub(crate) fn wait_for_line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = std::fs::read_to_string(&self.stdout).unwrap_or_default();
            // A line counts once its end was written.
            if let Some(found) = text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .find_map(|line| wanted(line.trim_end()))
            {
                return found;
            }
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                panic!("ended with {status}:\n{text}\n{}", self.errors());
            }
            assert!(Instant::now() < deadline, "no such line:\n{text}\n{}", self.errors());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// What it wrote to standard error.
    pub(crate) fn errors(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill_9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits up to `limit`; true when it ended by itself.
    pub(crate) fn terminate(&mut self, limit: Duration) -> bool {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if !self.is_running() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() && !self.terminate(Duration::from_secs(3)) {
            self.kill_9();
        }
    }
}

/// Asks `question` every 20 ms until it answers; panics with `what` after `limit`.
pub(crate) fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut question: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "after {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
