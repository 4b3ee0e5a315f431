//! Messages in the modem's storages: reading, deleting, and how full they are.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::driver::Driver;
use super::profile::ListMethod;
use super::{ModemError, ModemEvent, StorageUse, StoredSms};
use crate::codec::at::{CmglEntry, FinalResult, cmgr_entry, cpms_state, quoted};
use crate::codec::sms::from_hex;

/// Messages remembered by place, to tell a new one from one that was not deleted.
const MAX_REMEMBERED: usize = 4096;
/// Storages of which something is remembered, whatever names a modem gives.
const MAX_STORAGES: usize = 16;
/// How long one deletion may take.
const DELETE_TIMEOUT: Duration = Duration::from_secs(25);

/// What is known of the modem's storages.
#[derive(Debug, Default)]
pub(super) struct Storages {
    /// What `+CPMS=?` offers for each parameter.
    pub(super) offered: Vec<Vec<String>>,
    /// Where reading and deleting happens now.
    pub(super) current: Option<String>,
    /// Where new messages go.
    pub(super) receive: Option<String>,
    /// The modem does not know `+CPMS`: there is one storage, and no way to choose another.
    pub(super) single: bool,
    /// No storage for new messages has a single place.
    pub(super) placeless: bool,
    /// What was last read at each place.
    remembered: BTreeMap<(String, u16), Remembered>,
    /// How often a way of listing messages failed on this modem.
    distrust: BTreeMap<ListMethod, u32>,
    /// Messages that a storage counts and that no way of looking shows.
    phantoms: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Remembered {
    octets: Bytes,
    /// Written on the SIM by its owner, not received.
    own: bool,
}

impl Storages {
    /// Before everything is read anew.
    pub(super) fn forget(&mut self) {
        self.remembered.clear();
    }

    pub(super) fn distrust(&mut self, method: ListMethod) {
        let count = self.distrust.entry(method).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn distrusted(&self, method: ListMethod) -> u32 {
        self.distrust.get(&method).copied().unwrap_or(0)
    }

    pub(super) fn phantoms(&self, storage: &str) -> usize {
        self.phantoms.get(storage).copied().unwrap_or(0)
    }

    pub(super) fn note_phantoms(&mut self, storage: &str, count: usize) {
        if count == 0 {
            self.phantoms.remove(storage);
        } else if self.phantoms.len() < MAX_STORAGES {
            self.phantoms.insert(storage.to_owned(), count);
        }
    }
}

/// Messages and places of a storage, as far as told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) used: Option<u16>,
    pub(super) total: Option<u16>,
}

impl Driver {
    pub(super) async fn read_sms(
        &mut self,
        storage: &str,
        index: u16,
    ) -> Result<StoredSms, ModemError> {
        let storage = self.named(storage);
        self.select(&storage).await?;
        self.read_place(&storage, index).await?.ok_or(ModemError::NoSuchSms { storage, index })
    }

    pub(super) async fn delete_sms(&mut self, storage: &str, index: u16) -> Result<(), ModemError> {
        let storage = self.named(storage);
        self.select(&storage).await?;
        let place = (storage.clone(), index);
        if !self.storages.remembered.contains_key(&place)
            && self.read_place(&storage, index).await?.is_none()
        {
            return Ok(());
        }
        let before = self.storages.remembered.remove(&place);
        if before.as_ref().is_some_and(|it| it.own) {
            return Err(ModemError::OwnSms { storage, index });
        }
        let command = format!("AT+CMGD={index}");
        let result = self.at()?.response(&command, DELETE_TIMEOUT).await?.result;
        let after = self.read_place(&storage, index).await?;
        match after {
            None => Ok(()),
            Some(after) if result.is_ok() && before.is_some_and(|it| it.octets != after.octets) => {
                // The next message has taken the place already.
                self.event(ModemEvent::SmsStored { storage, index: Some(index) });
                Ok(())
            }
            Some(_) => Err(ModemError::DeleteFailed { storage, index, answer: result.to_string() }),
        }
    }

    /// A storage that the modem did not name is the one for new messages.
    fn named(&self, storage: &str) -> String {
        if !storage.is_empty() {
            return storage.to_owned();
        }
        let known = self.storages.receive.clone().or_else(|| self.storages.current.clone());
        known.unwrap_or_default()
    }

    /// How full each storage is.
    pub(super) async fn storage_use(&mut self) -> Result<Vec<StorageUse>, ModemError> {
        let mut uses = Vec::new();
        for storage in self.storages_to_look_through() {
            let count = match self.select(&storage).await {
                Err(ModemError::Refused { .. }) => continue,
                other => other?,
            };
            if let (Some(used), Some(total)) = (count.used, count.total) {
                uses.push(StorageUse { storage, used, total });
            }
        }
        self.select_receiving().await;
        Ok(uses)
    }

    /// Some modems announce only what goes to the storage that is read.
    pub(super) async fn select_receiving(&mut self) {
        if let Some(receive) = self.storages.receive.clone() {
            let _ = self.select(&receive).await;
        }
    }

    /// Reads a place, once more when the message came damaged; none when it is empty.
    pub(super) async fn read_place(
        &mut self,
        storage: &str,
        index: u16,
    ) -> Result<Option<StoredSms>, ModemError> {
        let mut read = self.read_once(index).await?;
        if read.as_ref().is_some_and(|entry| !entry.is_whole()) {
            if read.as_ref().is_some_and(|entry| entry.in_text) {
                let limit = self.command_timeout();
                let _ = self.at()?.optional("AT+CMGF=0", limit).await?;
            }
            read = self.read_once(index).await?;
        }
        if read.as_ref().is_some_and(|entry| entry.in_text) {
            return Err(ModemError::Unreadable { command: "AT+CMGR".to_owned() });
        }
        Ok(read.map(|entry| self.stored(storage, index, entry)))
    }

    async fn read_once(&mut self, index: u16) -> Result<Option<CmglEntry>, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.response(&format!("AT+CMGR={index}"), limit).await?;
        if response.result.is_ok() {
            return Ok(cmgr_entry(&response.lines));
        }
        // 321: invalid index; the others are how some modems call an empty place.
        let empty =
            matches!(response.result.cms(), Some(300 | 302 | 304 | 305 | 321 | 322 | 500 | 512))
                || matches!(response.result.cme(), Some(3 | 21 | 22 | 50 | 100))
                || response.result == FinalResult::Error;
        if empty {
            return Ok(None);
        }
        Err(ModemError::Refused {
            command: "AT+CMGR".to_owned(),
            answer: response.result.to_string(),
        })
    }

    pub(super) fn stored(&mut self, storage: &str, index: u16, entry: CmglEntry) -> StoredSms {
        let octets: Bytes = from_hex(&entry.pdu).unwrap_or_default().into();
        let remembered = &mut self.storages.remembered;
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        // 2 and 3: stored unsent and sent.
        let own = matches!(entry.stat, 2 | 3);
        let octets_there = Remembered { octets: octets.clone(), own };
        remembered.insert((storage.to_owned(), index), octets_there);
        StoredSms { storage: storage.to_owned(), index, stat: entry.stat, octets, raw: entry.pdu }
    }

    /// Makes `storage` the one that is read and deleted from.
    pub(super) async fn select(&mut self, storage: &str) -> Result<Count, ModemError> {
        let limit = self.command_timeout();
        if storage.is_empty() || self.storages.single {
            return Ok(Count::default());
        }
        let count = |lines: &[String]| {
            let first = cpms_state(lines).into_iter().next();
            Count {
                used: first.as_ref().map(|it| it.used),
                total: first.as_ref().map(|it| it.total),
            }
        };
        if self.storages.current.as_deref() == Some(storage) {
            let response = self.at()?.response("AT+CPMS?", limit).await?;
            let state = cpms_state(&response.lines);
            // Another program, or a restart, may have changed it.
            if state.first().is_none_or(|first| first.storage == storage) {
                return Ok(count(&response.lines));
            }
        }
        let name = quoted(storage)
            .map_err(|reason| ModemError::Argument { what: "the storage's name", reason })?;
        self.storages.current = None;
        let mut response = self.at()?.response(&format!("AT+CPMS={name}"), limit).await?;
        let parameters = match self.storages.offered.len() {
            0 => 3,
            offered => offered,
        };
        if !response.result.is_ok() && parameters > 1 {
            // Some modems want every parameter.
            let receive = self.storages.receive.as_deref().unwrap_or(storage);
            let Ok(others) = quoted(receive) else { return Ok(Count::default()) };
            let more = vec![others; parameters - 1].join(",");
            response = self.at()?.response(&format!("AT+CPMS={name},{more}"), limit).await?;
        }
        if !response.result.is_ok() {
            return Err(ModemError::Refused {
                command: "AT+CPMS".to_owned(),
                answer: response.result.to_string(),
            });
        }
        self.storages.current = Some(storage.to_owned());
        Ok(count(&response.lines))
    }
}
