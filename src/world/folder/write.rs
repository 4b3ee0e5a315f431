//! Writing what came into a folder: whole, under a hidden name first, and once.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::scan::plain;
use super::text::one_line;
use super::{INCOMING, REPORT};
use crate::gateway::{FolderConfig, Gateway};
use crate::model::MessageId;
use crate::store::{Delivery, StoreError};
use crate::world::{event, runner};

/// Most messages that wait in a folder to be taken away by their reader.
const MAX_WAITING: usize = 10_000;
/// Longest name of a part.
const MAX_NAME: usize = 60;

/// A file to be written.
#[derive(Debug, Clone)]
pub(super) struct NewFile {
    pub(super) name: String,
    pub(super) octets: Bytes,
}

/// What is written of an event.
#[derive(Debug)]
pub(super) struct Event {
    /// The same however often it is told.
    name: String,
    /// A message with its parts, or a report.
    is_message: bool,
    files: Vec<NewFile>,
}

impl Event {
    /// Collects what there is to write.
    pub(super) async fn gather(gateway: &Gateway, delivery: &Delivery) -> Result<Self, StoreError> {
        let is_message =
            matches!(&*delivery.kind, "message.received" | "message.missed" | "sms.received");
        let json: serde_json::Value = serde_json::from_str(&delivery.body).unwrap_or_default();
        let mut head = format!("Event: {}\nTime: {}\n", delivery.kind, delivery.event_at);
        let mut line = |name: &str, value: &str| {
            let value = one_line(value);
            if !value.is_empty() {
                head.push_str(&format!("{name}: {value}\n"));
            }
        };
        let (mut text, mut files) = (String::new(), Vec::new());
        let id: Option<MessageId> = delivery.message.as_deref().and_then(|id| id.parse().ok());
        let view = match &id {
            Some(id) => gateway.message(id).await?,
            None => None,
        };
        if let Some(view) = &view {
            let summary = &view.summary;
            line("Message-Id", summary.id.as_str());
            line("Type", summary.kind.as_str());
            line("From", &summary.from.as_ref().map(ToString::to_string).unwrap_or_default());
            let to: Vec<String> = view.inbound_to.iter().map(ToString::to_string).collect();
            line("To", &to.join(", "));
            line("Sent", &summary.sent_at.map(|at| at.to_string()).unwrap_or_default());
            line("Modem", summary.modem.as_deref().unwrap_or_default());
            line("Subject", summary.subject.as_deref().unwrap_or_default());
            line("Reference", summary.client_ref.as_deref().unwrap_or_default());
            if is_message {
                let whole = event::text(gateway, view).await?;
                text = whole.or_else(|| summary.text.clone()).unwrap_or_default();
                for (number, info) in (1..).zip(&summary.parts) {
                    let Some(part) = gateway.part(&summary.id, info.index).await? else { continue };
                    let named = info.name.as_deref().map(|name| plain(name, MAX_NAME));
                    let name = named
                        .filter(|name| !name.is_empty())
                        .unwrap_or_else(|| format!("part.{}", runner::extension(&info.media_type)));
                    let name = format!("{number:02}-{name}");
                    line("Part", &format!("{name} {}", info.media_type));
                    files.push(NewFile { name, octets: part.body });
                }
            }
        } else if let Some(id) = &id {
            line("Message-Id", id.as_str());
        }
        for (name, field) in [("Recipient", "recipient"), ("Status", "state")] {
            line(name, json["data"][field].as_str().unwrap_or_default());
        }
        let time: String = delivery
            .event_at
            .to_string()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(15)
            .collect();
        let name = format!("{time}-{}", plain(&delivery.event_id, MAX_NAME));
        let octets = Bytes::from(format!("{head}\n{text}"));
        files.push(NewFile { name: "message.txt".to_owned(), octets });
        let octets = Bytes::from(delivery.body.clone());
        files.push(NewFile { name: "event.json".to_owned(), octets });
        Ok(Self { name, is_message, files })
    }

    /// Writes it, unless it is there already.
    pub(super) fn write(mut self, config: &FolderConfig) -> Result<(), String> {
        let folder = config.path.join(if self.is_message { INCOMING } else { REPORT });
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        if !self.is_message {
            // A report is one file; its JSON is in the history.
            let Some(text) = self.files.iter_mut().find(|file| file.name == "message.txt") else {
                return Ok(());
            };
            text.name = format!("{}.txt", self.name);
            has_room(&folder)?;
            return text.clone().put(&folder, config).map_err(failed);
        }
        let target = folder.join(&self.name);
        if target.symlink_metadata().is_ok() {
            return Ok(());
        }
        has_room(&folder)?;
        let hidden = folder.join(format!(".{}.tmp", self.name));
        // Of an attempt that was cut short.
        if let Err(error) = fs::remove_dir_all(&hidden)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(failed(error));
        }
        self.lay_out(&hidden, config)
            .and_then(|()| fs::rename(&hidden, &target))
            .map_err(failed)?;
        sync(&folder).map_err(failed)
    }

    fn lay_out(&self, hidden: &Path, config: &FolderConfig) -> std::io::Result<()> {
        let mode = if config.group_access { 0o770 } else { 0o700 };
        fs::DirBuilder::new().mode(mode).create(hidden)?;
        fs::set_permissions(hidden, fs::Permissions::from_mode(mode))?;
        for file in &self.files {
            file.create(&hidden.join(&file.name), config)?;
        }
        sync(hidden)
    }
}

impl NewFile {
    /// Writes it whole, in place of one of the same name.
    pub(super) fn put(&self, folder: &Path, config: &FolderConfig) -> std::io::Result<()> {
        let hidden: PathBuf = folder.join(format!(".{}.tmp", self.name));
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.create(&hidden, config)?;
        fs::rename(&hidden, folder.join(&self.name))?;
        sync(folder)
    }

    fn create(&self, path: &Path, config: &FolderConfig) -> std::io::Result<()> {
        let mode = if config.group_access { 0o660 } else { 0o600 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(&self.octets)?;
        file.sync_all()
    }
}

fn has_room(folder: &Path) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if entries.take(MAX_WAITING).count() == MAX_WAITING {
        return Err(format!(
            "{} messages wait in {}, and nobody takes them away",
            MAX_WAITING,
            folder.display()
        ));
    }
    Ok(())
}

/// Makes names that were written last.
fn sync(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
