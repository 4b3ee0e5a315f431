//! Folders: messages that are laid into one are taken and sent, and what comes is written there.
//!
//! What lies in `outgoing` and has stopped growing is claimed by a rename into `checked`, under a name
//! that is never used twice. That name stands in the commit that takes the message (`store/dropped`),
//! so that wherever this process ends it is taken once. When its fate is known it moves on to `sent` or
//! `failed`, and `NAME.result.txt` beside it says more. What comes (`write`) is written under a hidden
//! name and renamed when it is whole.

mod item;
mod scan;
mod text;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::{AcceptError, FolderConfig, Gateway};
use crate::model::{Clock, Dropped, Fault, MessageId, Random, Timestamp};
use crate::store::{Delivery, StoreError};
use item::Refusal;

/// Where messages to be sent are laid.
const OUTGOING: &str = "outgoing";
/// Where they are until their fate is known.
const CHECKED: &str = "checked";
/// What the network has taken.
const SENT: &str = "sent";
/// What was refused or could not be sent.
const FAILED: &str = "failed";
/// Where messages that came are written.
const INCOMING: &str = "incoming";
/// Where reports are written.
const REPORT: &str = "report";
const SUBFOLDERS: [&str; 6] = [OUTGOING, CHECKED, SENT, FAILED, INCOMING, REPORT];

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait where the folder cannot be used, or the gateway can take nothing now.
const PAUSE: Duration = Duration::from_secs(30);
/// How often `sent` and `failed` are looked through for what is past its time.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// Files that seem older are of a time when this machine had no clock: they are kept.
const FIRST_CLOCK: u64 = 1_700_000_000;
/// Messages taken in one look at most: stopping does not wait for thousands.
const MAX_TAKEN: usize = 64;
/// What was dropped and is asked after at most in one look.
const MAX_UNTOLD: usize = 1_000;

/// Watches one folder until the end.
pub(super) async fn watch(
    gateway: Gateway,
    config: FolderConfig,
    clock: Clock,
    random: Random,
    stop: CancellationToken,
) {
    let mut watcher = Watcher {
        scope: format!("folder:{}", config.name),
        gateway,
        config,
        clock,
        random,
        seen: scan::Seen::default(),
        later: BTreeMap::new(),
        tidied_at: None,
        alarmed: None,
    };
    loop {
        let wait = match watcher.look(&stop).await {
            Ok(()) => LOOK_EVERY,
            Err(Trouble(why)) => {
                watcher.alarm(Some(why)).await;
                PAUSE
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Writes an event into the folder; again is no harm.
///
/// # Errors
/// Why it could not be written, for people.
pub(super) async fn deliver(
    gateway: &Gateway,
    config: &FolderConfig,
    delivery: &Delivery,
) -> Result<(), String> {
    let event = write::Event::gather(gateway, delivery).await.map_err(|error| error.to_string())?;
    let config = config.clone();
    tokio::task::spawn_blocking(move || {
        prepare(&config)?;
        event.write(&config)
    })
    .await
    .map_err(|error| error.to_string())?
}

/// The folder as a whole does not work now.
struct Trouble(String);

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

struct Watcher {
    gateway: Gateway,
    config: FolderConfig,
    clock: Clock,
    random: Random,
    /// Scope of its alarm.
    scope: String,
    seen: scan::Seen,
    /// What was claimed and could not be taken for a reason that goes away, and when it is tried again.
    later: BTreeMap<String, Timestamp>,
    tidied_at: Option<Timestamp>,
    /// What the alarm says; the outer `None`: not known, as an earlier run may have raised one.
    alarmed: Option<Option<String>>,
}

impl Watcher {
    async fn look(&mut self, stop: &CancellationToken) -> Result<(), Trouble> {
        let config = self.config.clone();
        let mut seen = std::mem::take(&mut self.seen);
        let now = self.clock.now();
        let scanned = blocking(move || {
            prepare(&config)?;
            let scan = scan::scan(&config, &mut seen, now)?;
            Ok((scan, seen))
        })
        .await;
        let (scan, seen) = scanned.map_err(Trouble)?;
        self.seen = seen;
        self.alarm(None).await;
        self.tell_fates().await?;
        let mut taken = 0;
        for claim in scan.checked {
            let waits = self.later.get(&claim).is_some_and(|at| now < *at);
            if waits || stop.is_cancelled() {
                continue;
            }
            if self.gateway.store().dropped(self.dropped(&claim)).await?.is_none() {
                self.take(&claim).await?;
            }
        }
        for name in scan.settled {
            if taken == MAX_TAKEN || stop.is_cancelled() {
                break;
            }
            let claim = scan::claim_of(&name, now, &self.random);
            let (root, to) = (self.config.path.clone(), claim.clone());
            let moved = blocking(move || {
                let moved = item::rename(&root.join(OUTGOING), &name, &root.join(CHECKED), &to);
                moved.map_err(|error| format!("{}: {error}", root.join(CHECKED).display()))
            });
            match moved.await {
                Ok(true) => self.take(&claim).await?,
                // Somebody took it away.
                Ok(false) => {}
                Err(why) => return Err(Trouble(why)),
            }
            taken += 1;
        }
        if self.tidied_at.is_none_or(|at| now.since(at) >= TIDY_EVERY) {
            self.tidied_at = Some(now);
            let config = self.config.clone();
            blocking(move || tidy(&config)).await.map_err(Trouble)?;
        }
        Ok(())
    }

    fn dropped(&self, claim: &str) -> Dropped {
        Dropped { folder: self.config.name.clone(), claim: claim.to_owned() }
    }

    /// Takes what was claimed as a message, or says why not.
    async fn take(&mut self, claim: &str) -> Result<(), Trouble> {
        let (path, name) = (self.config.path.join(CHECKED), claim.to_owned());
        let read = tokio::task::spawn_blocking(move || item::read(&path, &name)).await;
        let read = read.map_err(|error| Trouble(error.to_string()))?;
        let message = read.and_then(|raw| raw.into_message(&self.gateway, &self.config));
        let mut message = match message {
            Ok(message) => message,
            Err(Refusal::Wrong(why)) => return self.refuse(claim, &why).await,
            Err(Refusal::Gone) => return Ok(()),
            Err(Refusal::Unreadable(why)) => return Err(Trouble(why)),
        };
        message.origin.dropped = Some(self.dropped(claim));
        match self.gateway.accept(message).await {
            Ok(id) => {
                self.later.remove(claim);
                tracing::info!(folder = %self.config.name, %claim, %id, "taken from a folder");
                Ok(())
            }
            Err(error) if goes_away(&error) => {
                let folder = &self.config.name;
                if !self.later.contains_key(claim) {
                    tracing::warn!(%folder, %claim, %error, "not taken yet, tried again");
                }
                self.later.insert(claim.to_owned(), self.clock.now().plus(PAUSE));
                Ok(())
            }
            Err(error) => self.refuse(claim, &error.to_string()).await,
        }
    }

    async fn refuse(&mut self, claim: &str, why: &str) -> Result<(), Trouble> {
        tracing::warn!(folder = %self.config.name, %claim, "refused, see its result in {FAILED}");
        self.later.remove(claim);
        let now = self.clock.now();
        let result = format!(
            "Status: refused\nTime: {now}\nReason: {}\nRemedy: mend it and lay it into {OUTGOING} \
             again\n",
            text::one_line(why)
        );
        self.finish(claim, FAILED, result).await
    }

    /// Moves what is settled on and says what became of it.
    async fn tell_fates(&self) -> Result<(), Trouble> {
        let untold = self.gateway.store().dropped_untold(&self.config.name, MAX_UNTOLD).await?;
        for dropped in untold.into_iter().take_while(|dropped| dropped.settled) {
            let Some(view) = self.gateway.message(&dropped.message).await? else { continue };
            let state = view.summary.state.as_str();
            let good = matches!(state, "sent" | "delivered" | "undelivered");
            let result = fate(&dropped.message, &view, self.clock.now());
            let folder = if good { SENT } else { FAILED };
            self.finish(&dropped.claim, folder, result).await?;
            self.gateway.store().dropped_told(self.dropped(&dropped.claim)).await?;
        }
        Ok(())
    }

    async fn finish(&self, claim: &str, to: &'static str, result: String) -> Result<(), Trouble> {
        let (config, claim) = (self.config.clone(), claim.to_owned());
        blocking(move || {
            let (from, to) = (config.path.join(CHECKED), config.path.join(to));
            let file = write::NewFile {
                name: format!("{claim}.result.txt"),
                octets: result.into_bytes().into(),
            };
            // The words first: what has moved is never without them.
            file.put(&to, &config).map_err(|error| format!("{}: {error}", to.display()))?;
            item::rename(&from, claim.as_ref(), &to, &claim)
                .map_err(|error| format!("{}: {error}", to.display()))
        })
        .await
        .map(|_| ())
        .map_err(Trouble)
    }

    /// Raises or clears its alarm, once for each change.
    async fn alarm(&mut self, why: Option<String>) {
        if self.alarmed.as_ref() == Some(&why) {
            return;
        }
        let told = match &why {
            Some(why) => {
                tracing::error!(folder = %self.config.name, %why, "a folder cannot be used");
                let fault = Fault {
                    layer: "gateway".to_owned(),
                    code: "folder-unusable".to_owned(),
                    summary: format!("the folder {} cannot be used: {why}", self.config.name),
                    verbatim: None,
                    remedy:
                        "look at its path, its owner and its permissions; everything goes on by \
                             itself then"
                            .to_owned(),
                    blame: "gateway".to_owned(),
                };
                self.gateway.raise_alarm(&self.scope, &fault).await
            }
            None => self.gateway.clear_alarm(&self.scope, "folder-unusable").await,
        };
        match told {
            Ok(()) => self.alarmed = Some(why),
            Err(error) => tracing::error!(%error, "the alarm of a folder"),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

/// Whether the same message can be taken later as it is.
fn goes_away(error: &AcceptError) -> bool {
    matches!(
        error,
        AcceptError::Store(
            StoreError::Full { .. } | StoreError::Database { .. } | StoreError::AccountLimit { .. }
        )
    )
}

/// What became of a message, for whoever laid it there.
fn fate(id: &MessageId, view: &crate::store::MessageView, now: Timestamp) -> String {
    let summary = &view.summary;
    let mut out = format!("Status: {}\nTime: {now}\nMessage-Id: {id}\n", summary.state.as_str());
    if let Some(modem) = &summary.modem {
        out.push_str(&format!("Modem: {modem}\n"));
    }
    for recipient in &summary.recipients {
        out.push_str(&format!("Recipient: {} {}\n", recipient.address, recipient.state.as_str()));
    }
    if let Some(fault) = &summary.fault {
        out.push_str(&format!("Reason: {}\n", text::one_line(&fault.summary)));
        if let Some(verbatim) = &fault.verbatim {
            out.push_str(&format!("Verbatim: {}\n", text::one_line(verbatim)));
        }
        if !fault.remedy.is_empty() {
            out.push_str(&format!("Remedy: {}\n", text::one_line(&fault.remedy)));
        }
    }
    out
}

/// Makes the subfolders and refuses those that others could misuse.
fn prepare(config: &FolderConfig) -> Result<(), String> {
    let mode = if config.group_access { 0o770 } else { 0o700 };
    let named = |path: &Path, why: String| format!("{}: {why}", path.display());
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(&config.path)
        .map_err(|error| named(&config.path, error.to_string()))?;
    refuse_misuse(&config.path, false)?;
    for name in SUBFOLDERS {
        let path = config.path.join(name);
        match fs::DirBuilder::new().mode(mode).create(&path) {
            Ok(()) if config.group_access => {
                // Whatever the process's umask says.
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))
                    .map_err(|error| named(&path, error.to_string()))?;
            }
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(named(&path, error.to_string())),
        }
        refuse_misuse(&path, true)?;
    }
    Ok(())
}

fn refuse_misuse(path: &Path, no_link: bool) -> Result<(), String> {
    let look = if no_link { fs::symlink_metadata(path) } else { fs::metadata(path) };
    let found = look.map_err(|error| format!("{}: {error}", path.display()))?;
    if found.is_symlink() {
        return Err(format!(
            "{} is a symbolic link; a folder of its own is needed",
            path.display()
        ));
    }
    if !found.is_dir() {
        return Err(format!("{} is no folder", path.display()));
    }
    if found.mode() & 0o002 != 0 {
        return Err(format!(
            "everybody on this machine may write into {}, and could send at your cost; take that \
             right away (chmod o-w)",
            path.display()
        ));
    }
    Ok(())
}

/// Removes what is past its time from `sent` and `failed`.
fn tidy(config: &FolderConfig) -> Result<(), String> {
    let Some(keep) = config.keep else { return Ok(()) };
    for name in [SENT, FAILED] {
        let folder: PathBuf = config.path.join(name);
        let entries = fs::read_dir(&folder).map_err(|error| error.to_string())?;
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            // Moving a file changes its ctime: since then it is here, by the machine's own clock.
            let here = Duration::from_secs(u64::try_from(found.ctime()).unwrap_or(0));
            let age = (std::time::UNIX_EPOCH + here).elapsed().unwrap_or_default();
            if here.as_secs() < FIRST_CLOCK || age <= keep {
                continue;
            }
            let removed = if found.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
            if let Err(error) = removed {
                tracing::warn!(file = %entry.path().display(), %error, "past its time, not removed");
            }
        }
    }
    Ok(())
}
