//! Messages in the modem's storages: reading, deleting, and how full they are.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::driver::Driver;
use super::profile::ListMethod;
use super::sms_unreadable::Unreadable;
use super::{ModemError, ModemEvent, StorageUse, StoredSms};
use crate::codec::at::{CmglEntry, FinalResult, cmgr_entry, cpms_state, quoted};
use crate::codec::sms::from_hex;

/// Messages remembered by place, to tell a new one from one that was not deleted.
const MAX_REMEMBERED: usize = 4096;
/// Storages of which something is remembered, whatever names a modem gives.
const MAX_STORAGES: usize = 16;
/// Places remembered at which reading hangs.
const MAX_HANGING: usize = 64;
/// How many looks in a row must miss messages that are counted, where some places gave no clear
/// answer, until that count is not believed.
const MANY_LOOKS: u32 = 3;
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
    /// Where messages would be written, which none is: named so that it is counted too.
    pub(super) write: Option<String>,
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
    /// Looks in a row at each storage that missed something and got unclear answers.
    doubts: BTreeMap<String, u32>,
    /// A place has given no clear answer since this was asked last.
    unclear: bool,
    /// Places at which reading hangs, and whether that was tried in the present sweep.
    hanging: BTreeMap<(String, u16), bool>,
    /// Places whose messages the modem does not give out.
    pub(super) unreadable: Unreadable,
}

#[derive(Debug)]
struct Remembered {
    content: Bytes,
    /// Written on the SIM by its owner, not received.
    own: bool,
}

impl Storages {
    /// Before everything is read anew, and when other messages may lie at the same places.
    pub(super) fn forget(&mut self) {
        self.remembered.clear();
        self.unclear = false;
        self.hanging.values_mut().for_each(|tried| *tried = false);
    }

    /// Whether another storage than the receiving one is being read.
    pub(super) fn is_displaced(&self) -> bool {
        !self.single && self.receive.is_some() && self.current != self.receive
    }

    /// A message of `storage` was deleted: another may come to lie at its place, and that place may
    /// have other names (`MT`, `SM_P`).
    fn forget_aliases(&mut self, storage: &str) {
        self.remembered.retain(|(name, _), _| !may_share_places(name, storage));
    }

    pub(super) fn distrust(&mut self, method: ListMethod) {
        let count = self.distrust.entry(method).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn distrusted(&self, method: ListMethod) -> u32 {
        self.distrust.get(&method).copied().unwrap_or(0)
    }

    /// Messages of a storage that were read and not deleted, and those that no way of looking
    /// shows; of both together for `MT`, which is their sum.
    pub(super) fn known(&self, storage: &str) -> u16 {
        let both = storage == "MT";
        let read = self.remembered.keys().filter(|(name, _)| both || name == storage).count();
        let hidden: usize = self
            .phantoms
            .iter()
            .filter(|(name, _)| both || *name == storage)
            .map(|(_, it)| it)
            .sum();
        u16::try_from(read.saturating_add(hidden)).unwrap_or(u16::MAX)
    }

    pub(super) fn phantoms(&self, storage: &str) -> usize {
        self.phantoms.get(storage).copied().unwrap_or(0)
    }

    /// So many of the messages that the storage counts were not found by any way of looking. Where
    /// a place gave no clear answer they may be there all the same, and only time tells.
    pub(super) fn note_phantoms(&mut self, storage: &str, count: usize) {
        let unclear = std::mem::take(&mut self.unclear);
        if count == 0 {
            self.phantoms.remove(storage);
            self.doubts.remove(storage);
            return;
        }
        if self.phantoms.len() >= MAX_STORAGES || self.doubts.len() >= MAX_STORAGES {
            return;
        }
        if unclear {
            let doubts = self.doubts.entry(storage.to_owned()).or_default();
            *doubts = doubts.saturating_add(1);
            if *doubts < MANY_LOOKS {
                return;
            }
        }
        self.phantoms.insert(storage.to_owned(), count);
    }

    /// A place gave no clear answer.
    pub(super) fn note_unclear(&mut self) {
        self.unclear = true;
    }

    /// Reading hung there.
    pub(super) fn note_hanging(&mut self, storage: &str, index: u16) {
        if self.hanging.len() < MAX_HANGING {
            self.hanging.insert((storage.to_owned(), index), true);
        }
    }

    /// The places in the order in which they are read: where reading has hung before comes last,
    /// and only once a sweep.
    pub(super) fn in_order(&self, storage: &str, places: Vec<u16>) -> Vec<u16> {
        let hangs = |index: u16| self.hanging.get(&(storage.to_owned(), index));
        let (last, mut first): (Vec<u16>, Vec<u16>) =
            places.into_iter().partition(|index| hangs(*index).is_some());
        first.extend(last.into_iter().filter(|index| hangs(*index) == Some(&false)));
        first
    }
}

/// One reading of a place.
enum Seen {
    Nothing,
    Unclear(FinalResult),
    Entry(CmglEntry),
}

/// Messages and places of a storage, as far as told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) used: Option<u16>,
    pub(super) total: Option<u16>,
}

/// What was found at a place.
#[derive(Debug)]
pub(super) enum Place {
    Empty,
    /// The modem's answer means an empty place on some modems, and trouble on others.
    Unclear(FinalResult),
    Holds(StoredSms),
}

/// Whether two names of storages may be two names of one place. Only the names of physical storages
/// say that they are not (3GPP TS 27.005 clause 3.1; SIMCom adds `SM_P` and `ME_P`).
pub(super) fn may_share_places(one: &str, other: &str) -> bool {
    const PHYSICAL: [&str; 3] = ["SM", "ME", "SR"];
    one != other && !(PHYSICAL.contains(&one) && PHYSICAL.contains(&other))
}

impl StoredSms {
    /// What tells it from another message at the same place.
    pub(super) fn content(&self) -> Bytes {
        if self.octets.is_empty() {
            Bytes::copy_from_slice(self.raw.as_bytes())
        } else {
            self.octets.clone()
        }
    }

    /// Written on the SIM by its owner, not received: 2 and 3 are stored unsent and sent.
    const fn is_own(&self) -> bool {
        matches!(self.stat, 2 | 3)
    }
}

impl Driver {
    pub(super) async fn read_sms(
        &mut self,
        storage: &str,
        index: u16,
    ) -> Result<StoredSms, ModemError> {
        let storage = self.named(storage);
        self.select(&storage).await?;
        match self.read_place(&storage, index).await? {
            Place::Holds(sms) => Ok(sms),
            Place::Empty | Place::Unclear(_) => Err(ModemError::NoSuchSms { storage, index }),
        }
    }

    /// Deletes a message that was read before, and nothing else: whatever else lies at its place by
    /// now stays there and is told as new.
    pub(super) async fn delete_sms(&mut self, sms: &StoredSms) -> Result<(), ModemError> {
        let (storage, index) = (self.named(&sms.storage), sms.index);
        self.select(&storage).await?;
        let place = (storage.clone(), index);
        let known =
            self.storages.remembered.get(&place).is_some_and(|it| it.content == sms.content());
        if !known {
            match self.read_place(&storage, index).await? {
                Place::Empty | Place::Unclear(_) => return Ok(()),
                Place::Holds(now) if now.content() != sms.content() => {
                    self.event(ModemEvent::SmsStored { storage, index: Some(index) });
                    return Ok(());
                }
                Place::Holds(_) => {}
            }
        }
        if self.storages.remembered.remove(&place).is_some_and(|it| it.own) || sms.is_own() {
            return Err(ModemError::OwnSms { storage, index });
        }
        let command = format!("AT+CMGD={index}");
        let result = self.at()?.response(&command, DELETE_TIMEOUT).await?.result;
        self.storages.forget_aliases(&storage);
        let failed = |answer: &FinalResult| {
            Err(ModemError::DeleteFailed {
                storage: storage.clone(),
                index,
                answer: answer.to_string(),
            })
        };
        match self.read_place(&storage, index).await? {
            Place::Empty => Ok(()),
            // What some modems say of an empty place others say when they cannot look.
            Place::Unclear(_) if result.is_ok() => Ok(()),
            Place::Holds(now) if now.content() != sms.content() => {
                // The next message has taken the place already.
                self.event(ModemEvent::SmsStored { storage, index: Some(index) });
                Ok(())
            }
            Place::Unclear(_) | Place::Holds(_) => failed(&result),
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

    /// Reads a place, once more when the message came damaged: what comes twice alike is what the
    /// modem has.
    pub(super) async fn read_place(
        &mut self,
        storage: &str,
        index: u16,
    ) -> Result<Place, ModemError> {
        let mut seen = self.read_once(index).await?;
        if let Seen::Entry(first) = &seen
            && !first.is_whole()
        {
            if first.in_text {
                let limit = self.command_timeout();
                let _ = self.at()?.optional("AT+CMGF=0", limit).await?;
            }
            let again = self.read_once(index).await?;
            // <stat> changes by reading.
            let alike = |it: &CmglEntry| it.pdu == first.pdu && it.length == first.length;
            let broken = |it: &CmglEntry| it.in_text || !(it.is_whole() || alike(it));
            if matches!(&again, Seen::Entry(entry) if broken(entry)) {
                return Err(ModemError::Unreadable { command: "AT+CMGR".to_owned() });
            }
            seen = again;
        }
        Ok(match seen {
            Seen::Nothing => Place::Empty,
            Seen::Unclear(answer) => Place::Unclear(answer),
            Seen::Entry(entry) => Place::Holds(self.stored(storage, index, entry)),
        })
    }

    async fn read_once(&mut self, index: u16) -> Result<Seen, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.response(&format!("AT+CMGR={index}"), limit).await?;
        let result = response.result;
        if result.is_ok() {
            return Ok(cmgr_entry(&response.lines).map_or(Seen::Nothing, Seen::Entry));
        }
        // Invalid index, by both numberings; not found.
        if result.cms() == Some(321) || matches!(result.cme(), Some(21 | 22)) {
            return Ok(Seen::Nothing);
        }
        let unclear = matches!(result.cms(), Some(300 | 302 | 304 | 305 | 322 | 500 | 512))
            || matches!(result.cme(), Some(3 | 50 | 100))
            || result == FinalResult::Error;
        if unclear {
            return Ok(Seen::Unclear(result));
        }
        Err(ModemError::Refused { command: "AT+CMGR".to_owned(), answer: result.to_string() })
    }

    pub(super) fn stored(&mut self, storage: &str, index: u16, entry: CmglEntry) -> StoredSms {
        self.storages.unreadable.settle(storage, index);
        let octets: Bytes = from_hex(&entry.pdu).unwrap_or_default().into();
        let storage = storage.to_owned();
        let sms = StoredSms { storage, index, stat: entry.stat, octets, raw: entry.pdu };
        let remembered = &mut self.storages.remembered;
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        let there = Remembered { content: sms.content(), own: sms.is_own() };
        remembered.insert((sms.storage.clone(), index), there);
        sms
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
            let write = self.storages.write.as_deref().unwrap_or(receive);
            let (Ok(receive), Ok(write)) = (quoted(receive), quoted(write)) else {
                return Ok(Count::default());
            };
            let more = if parameters == 2 { receive } else { format!("{write},{receive}") };
            response = self.at()?.response(&format!("AT+CPMS={name},{more}"), limit).await?;
        }
        if !response.result.is_ok() {
            return Err(ModemError::Refused {
                command: format!("AT+CPMS={name}"),
                answer: response.result.to_string(),
            });
        }
        self.storages.current = Some(storage.to_owned());
        Ok(count(&response.lines))
    }
}
