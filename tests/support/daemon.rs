//! The daemon as its users start it, ended with the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A daemon that runs on `gate.toml` in its home, where it listens on any free port.
pub(crate) struct Daemon {
    child: Child,
    /// Host and port of its page.
    pub(crate) page: String,
}

impl Daemon {
    /// Starts it and waits until it says where its page is; it logs at this level.
    pub(crate) fn start(home: &Path, log: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mm1gate"))
            .env_clear()
            .env("HOME", home)
            .current_dir(home)
            .args(["--log", log, "serve", "--config", "gate.toml"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the daemon starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let page = lines
            .by_ref()
            .map(|line| line.expect("a line"))
            .find_map(|line| {
                let rest = line.split_once("http://")?.1;
                Some(rest.split('/').next().unwrap_or_default().to_owned())
            })
            .expect("it says where the page is");
        // The pipe must not fill up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, page }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an init system does; its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        let status = self.child.wait().expect("it ends");
        status.code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
