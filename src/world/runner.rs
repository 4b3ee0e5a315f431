//! Programs that are run for events: no shell, the event as JSON on standard input and in short in the
//! environment, the parts of a message as files for as long as it runs. When its time is over the whole
//! process group is killed.

use std::future::Future;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::{FusedFuture, FutureExt};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::event;
use crate::gateway::{Gateway, HookConfig};
use crate::model::{MediaType, MessageId, Random};
use crate::store::Delivery;

/// The exit code by which a program asks to be run once more (`sysexits.h`).
pub(super) const EX_TEMPFAIL: i32 = 75;
/// Octets of a program's words that are kept.
const MAX_OUTPUT: usize = 1_024;
/// Octets of one variable of the environment; the whole text is in the JSON.
const MAX_VARIABLE: usize = 32 * 1024;
/// How long what a program has said may take to arrive after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Name of the folder for parts inside the data folder.
const FOLDER: &str = "hooks";

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables beside PATH, HOME, LANG and TZ of this process; nothing else is handed on.
    pub variables: Vec<(String, String)>,
    /// What it reads.
    pub input: String,
    /// How long it may run.
    pub timeout: Duration,
    /// Files that lie in `folder` while it runs.
    pub files: Vec<(PathBuf, bytes::Bytes)>,
    /// A folder of its own, its working folder too, removed when it has ended.
    pub folder: PathBuf,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookExit {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// The beginning of what it said on standard output and standard error.
    pub output: String,
}

/// Runs programs.
pub trait HookRunner: Send + Sync {
    /// Runs one to its end, or to the end of its time.
    fn run(
        &self,
        command: HookCommand,
    ) -> Pin<Box<dyn Future<Output = Result<HookExit, String>> + Send + '_>>;
}

/// On this machine.
#[derive(Debug)]
pub struct SystemRunner;

/// What is run for an event.
pub(super) async fn command(
    gateway: &Gateway,
    hook: &HookConfig,
    delivery: &Delivery,
    random: &Random,
) -> Result<HookCommand, String> {
    let folder = gateway.data_dir().join(FOLDER).join(hex::encode(random.array::<8>()));
    let mut variables = vec![
        ("MMS_EVENT".to_owned(), delivery.kind.clone()),
        ("MMS_EVENT_ID".to_owned(), delivery.event_id.clone()),
    ];
    let mut set = |name: &str, value: String| {
        // A NUL would end the variable; the JSON has it.
        let mut value = value.replace('\0', "\u{fffd}");
        let mut end = value.len().min(MAX_VARIABLE);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        value.truncate(end);
        variables.push((name.to_owned(), value));
    };
    let mut files = Vec::new();
    let id: Option<MessageId> = delivery.message.as_deref().and_then(|id| id.parse().ok());
    let failed = |error: crate::store::StoreError| error.to_string();
    let view = match &id {
        Some(id) => gateway.message(id).await.map_err(failed)?,
        None => None,
    };
    if let Some(view) = view {
        let summary = &view.summary;
        set("MMS_ID", summary.id.to_string());
        set("MMS_FROM", summary.from.as_ref().map_or_else(String::new, ToString::to_string));
        let sent_to = summary.recipients.iter().map(|it| it.address.to_string());
        let addressed = view.inbound_to.iter().map(ToString::to_string);
        set("MMS_TO", sent_to.chain(addressed).collect::<Vec<_>>().join(","));
        set("MMS_SUBJECT", summary.subject.clone().unwrap_or_default());
        let text = event::text(gateway, &view).await.map_err(failed)?;
        set("MMS_TEXT", text.or_else(|| summary.text.clone()).unwrap_or_default());
        set("MMS_PART_COUNT", summary.parts.len().to_string());
        for (number, info) in (1..).zip(&summary.parts) {
            let Some(part) = gateway.part(&summary.id, info.index).await.map_err(failed)? else {
                continue;
            };
            // A name of our own: what a sender calls a file is no path.
            let path = folder.join(format!("part{number}.{}", extension(&info.media_type)));
            set(&format!("MMS_PART_{number}_PATH"), path.display().to_string());
            set(&format!("MMS_PART_{number}_TYPE"), info.media_type.to_string());
            files.push((path, part.body));
        }
    }
    Ok(HookCommand {
        command: hook.command.clone(),
        variables,
        input: delivery.body.clone(),
        timeout: hook.timeout,
        files,
        folder,
    })
}

/// How files of this type end.
pub(super) fn extension(media_type: &MediaType) -> &'static str {
    match media_type.as_str() {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "text/plain" => "txt",
        "application/smil" => "smil",
        "audio/amr" => "amr",
        "video/3gpp" => "3gp",
        "video/mp4" => "mp4",
        "text/x-vcard" => "vcf",
        _ => "bin",
    }
}

impl HookRunner for SystemRunner {
    fn run(
        &self,
        command: HookCommand,
    ) -> Pin<Box<dyn Future<Output = Result<HookExit, String>> + Send + '_>> {
        Box::pin(async move {
            let folder = Folder(command.folder.clone());
            let files = command.files.clone();
            let made = folder.0.clone();
            tokio::task::spawn_blocking(move || lay_out(&made, &files))
                .await
                .map_err(|error| error.to_string())?
                .map_err(|error| format!("{}: {error}", folder.0.display()))?;
            let exit = run(&command).await;
            drop(folder);
            exit
        })
    }
}

/// Removed with what is in it, also when whoever waits goes away.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes what runs left behind that the end of this process cut short: parts of messages.
pub(super) fn clean_up(data_dir: &Path) {
    let folder = data_dir.join(FOLDER);
    if let Err(error) = std::fs::remove_dir_all(&folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "left behind by programs, not removed");
    }
}

fn lay_out(folder: &Path, files: &[(PathBuf, bytes::Bytes)]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for (path, octets) in files {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        std::io::Write::write_all(&mut file, octets)?;
    }
    Ok(())
}

/// The group of a program that runs; whatever is left of it is killed when this is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // An empty group is no error worth a word.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn run(command: &HookCommand) -> Result<HookExit, String> {
    let [program, arguments @ ..] = &command.command[..] else {
        return Err("there is no program".to_owned());
    };
    let mut process = Command::new(program);
    process.args(arguments).current_dir(&command.folder).env_clear();
    for name in ["PATH", "HOME", "LANG", "TZ"] {
        if let Some(value) = std::env::var_os(name) {
            process.env(name, value);
        }
    }
    process
        .envs(command.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = process.spawn().map_err(|error| format!("{program}: {error}"))?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let group = Group(id);
    match tokio::time::timeout(command.timeout, attend(&mut child, group, &command.input)).await {
        Ok(exit) => exit.map_err(|error| format!("{program}: {error}")),
        Err(_) => {
            let _ = child.wait().await;
            Ok(HookExit {
                code: None,
                output: format!("killed after {} s", command.timeout.as_secs()),
            })
        }
    }
}

/// Gives a program what it reads, takes what it says, and waits for its end, with which all that it
/// has started ends too.
async fn attend(child: &mut Child, group: Group, input: &str) -> std::io::Result<HookExit> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program need not read it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let status = {
        let pipes = async {
            tokio::join!(feed, listen(stdout, &mut said), listen(stderr, &mut complained))
        };
        let mut pipes = pin!(pipes.fuse());
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                _ = &mut pipes, if !pipes.is_terminated() => {}
            }
        };
        drop(group);
        if !pipes.is_terminated() {
            // What was written is in the pipe; who left the group and holds it open is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, pipes).await;
        }
        status
    };
    said.extend_from_slice(&complained);
    said.truncate(MAX_OUTPUT);
    Ok(HookExit { code: status.code(), output: String::from_utf8_lossy(&said).into_owned() })
}

/// Keeps the beginning and reads the rest away, so that nobody blocks on a full pipe.
async fn listen(source: Option<impl tokio::io::AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut source) = source else { return };
    let mut block = [0; 4_096];
    while let Ok(count @ 1..) = source.read(&mut block).await {
        let room = MAX_OUTPUT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&block[..room]);
    }
}
