//! Messages in the modem's storages: where new ones go, how they are announced, reading,
//! deleting, and the sweep that finds those that nobody announced.

use std::collections::BTreeMap;

use bytes::Bytes;
use std::time::Duration;

use super::driver::Driver;
use super::{ModemError, ModemEvent, StoredSms, hangup};
use crate::codec::at::{
    CmglEntry, FinalResult, cmgl_entries, cmgr_entry, cnmi_ranges, cpms_state, cpms_storages,
    fields, quoted, value_behind,
};
use crate::codec::sms::from_hex;

/// Messages remembered by place, to tell a new one from one that was not deleted.
const MAX_REMEMBERED: usize = 4096;
/// Places looked at one by one, whatever total the modem claims.
const MAX_PLACES: u16 = 512;
/// How long one deletion may take.
const DELETE_TIMEOUT: Duration = Duration::from_secs(25);

/// What is known of the modem's storages.
#[derive(Debug, Default)]
pub(super) struct Storages {
    /// What `+CPMS=?` offers for each parameter.
    offered: Vec<Vec<String>>,
    /// Where reading and deleting happens now.
    current: Option<String>,
    /// Where new messages go.
    receive: Option<String>,
    /// The modem does not know `+CPMS`: there is one storage, and no way to choose another.
    single: bool,
    /// The octets last read at each place.
    remembered: BTreeMap<(String, u16), Bytes>,
}

/// Messages and places of a storage, as far as told.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    used: Option<u16>,
    total: Option<u16>,
}

impl Driver {
    /// Sets the message service up (3GPP TS 27.005 clause 3.2.1).
    pub(super) async fn choose_service(&mut self) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        Ok(self.patient_response("AT+CSMS=0", limit).await?.result)
    }

    /// Says that the last direct message is durable.
    pub(super) async fn acknowledge(&mut self) -> Result<(), ModemError> {
        self.at()?;
        Ok(())
    }

    /// Directs new messages to the first storage of the profile that has places.
    pub(super) async fn choose_storage(&mut self) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let offered = self.patient_response("AT+CPMS=?", limit).await?;
        self.storages.offered = cpms_storages(&offered.lines);
        let asked = self.patient_response("AT+CPMS?", limit).await?;
        let state = cpms_state(&asked.lines);
        self.storages.single = state.is_empty()
            && self.storages.offered.is_empty()
            && offered.result.is_unsupported()
            && asked.result.is_unsupported();
        self.storages.current = state.first().map(|first| first.storage.clone());
        self.storages.receive = state.get(2).or_else(|| state.first()).map(|it| it.storage.clone());
        // With fewer than three parameters the last one offered says where new messages may go.
        let groups = self.storages.offered.clone();
        let Some(receivers) = groups.get(2).or_else(|| groups.last()) else {
            return Ok(offered.result);
        };
        let mut result = FinalResult::Ok;
        for storage in self.profile().storage.receive.clone() {
            if !receivers.contains(&storage) {
                continue;
            }
            let choice: Result<Vec<String>, _> = groups
                .iter()
                .filter_map(|group| offered_in(group, &storage))
                .map(|name| quoted(name))
                .collect();
            let Ok(choice) = choice else { continue };
            let command = format!("AT+CPMS={}", choice.join(","));
            let answer = self.patient_response(&command, limit).await?;
            result = answer.result;
            if !result.is_ok() {
                continue;
            }
            self.storages.current =
                groups.first().and_then(|group| offered_in(group, &storage)).cloned();
            self.storages.receive = Some(storage);
            let counts = cpms_state(&answer.lines);
            if counts.last().is_none_or(|count| count.total > 0) {
                break;
            }
        }
        Ok(result)
    }

    /// Asks for `+CMTI`, within what the modem offers.
    pub(super) async fn choose_indications(&mut self) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let offered = self.patient_response("AT+CNMI=?", limit).await?;
        let ranges = cnmi_ranges(&offered.lines);
        let offers = |at: usize, value: u32| ranges.get(at).is_none_or(|it| it.offers(value));
        let first_of = |at: usize, wanted: [u32; 3]| {
            wanted.into_iter().find(|value| offers(at, *value)).unwrap_or(0)
        };
        let mut result = FinalResult::Ok;
        for mode in self.profile().storage.indications.clone() {
            if !offers(0, mode) {
                continue;
            }
            // Stored and announced; no cell broadcasts; no delivery reports of SMS; buffered news
            // are flushed (Cinterion offers only the other value).
            let (bm, ds, bfr) =
                (first_of(2, [0, 2, 3]), first_of(3, [0, 2, 1]), first_of(4, [0, 1, 0]));
            for command in [
                format!("AT+CNMI={mode},1,{bm},{ds},{bfr}"),
                format!("AT+CNMI={mode},1,{bm},{ds}"),
                format!("AT+CNMI={mode},1"),
            ] {
                result = self.patient_response(&command, limit).await?.result;
                if result.is_ok() {
                    return Ok(result);
                }
            }
        }
        Ok(result)
    }

    /// Lists every storage. A storage that fails does not hide the others.
    pub(super) async fn sweep(&mut self) -> Result<Vec<StoredSms>, ModemError> {
        self.at()?;
        self.storages.remembered.clear();
        let mut names = self.storages.offered.first().cloned().unwrap_or_default();
        let both = ["SM", "ME"].iter().all(|name| names.iter().any(|it| it == name));
        // MT is the sum of both; BM holds cell broadcasts.
        names.retain(|name| name != "BM" && !(both && name == "MT"));
        if names.is_empty() {
            names.push(self.storages.current.clone().unwrap_or_default());
        }
        let mut found = Vec::new();
        let mut failed = None;
        for name in &names {
            match self.sweep_one(name).await {
                Ok(messages) => found.extend(messages),
                Err(error @ (ModemError::Port(_) | ModemError::NoAnswer { .. })) => {
                    return Err(error);
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(receive) = self.storages.receive.clone() {
            // Some modems announce only what goes to the storage that is read.
            let _ = self.select(&receive).await;
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

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
        let command = format!("AT+CMGD={index}");
        let result = self.at()?.response(&command, DELETE_TIMEOUT).await?.result;
        let after = self.read_place(&storage, index).await?;
        match after {
            None => Ok(()),
            Some(after) if result.is_ok() && before.is_some_and(|it| it != after.octets) => {
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

    async fn sweep_one(&mut self, storage: &str) -> Result<Vec<StoredSms>, ModemError> {
        let count = self.select(storage).await?;
        let limit = self.profile().timeouts.list;
        let listed = match self.at()?.response("AT+CMGL=4", limit).await {
            Ok(response) if response.result.is_ok() => Some(cmgl_entries(&response.lines)),
            Ok(_) => None,
            Err(ModemError::Timeout { .. }) => {
                let profile = self.profile();
                hangup::wake(self.at()?, &profile).await?;
                None
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        match listed {
            Some(entries) if !entries.is_empty() || count.used.unwrap_or(0) == 0 => {
                for entry in entries {
                    // Some firmware stays in text mode when it lists, and news break into lines.
                    let place = entry.index;
                    let whole = if entry.is_whole() {
                        self.stored(storage, place, entry)
                    } else {
                        match self.read_place(storage, place).await? {
                            Some(read) => read,
                            None => self.stored(storage, place, entry),
                        }
                    };
                    found.push(whole);
                }
            }
            _ => {
                let mut refused = None;
                for index in self.places(count).await? {
                    match self.read_place(storage, index).await {
                        Ok(read) => found.extend(read),
                        // One place that cannot be read does not hide the others.
                        Err(error @ ModemError::Refused { .. }) => refused = Some(error),
                        Err(error) => return Err(error),
                    }
                    if count.used.is_some_and(|used| found.len() >= usize::from(used)) {
                        break;
                    }
                }
                if let (Some(error), true) = (refused, found.is_empty()) {
                    return Err(error);
                }
            }
        }
        Ok(found)
    }

    /// The places that may hold a message: what `+CMGD=?` lists, else all of them; the first is 0
    /// on some modems and 1 on others.
    async fn places(&mut self, count: Count) -> Result<Vec<u16>, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.response("AT+CMGD=?", limit).await?;
        let listed = response.lines.iter().find_map(|line| value_behind(line, "+CMGD:"));
        let group = listed.map(fields).unwrap_or_default();
        if let (true, Some(group)) = (response.result.is_ok(), group.first()) {
            let places: Vec<u16> =
                (0..=MAX_PLACES).filter(|place| group.offers(u32::from(*place))).collect();
            if !places.is_empty() {
                return Ok(places);
            }
        }
        Ok((0..=count.total.unwrap_or(20).min(MAX_PLACES)).collect())
    }

    /// Reads a place, once more when the message came damaged; none when it is empty.
    async fn read_place(
        &mut self,
        storage: &str,
        index: u16,
    ) -> Result<Option<StoredSms>, ModemError> {
        let mut read = self.read_once(index).await?;
        if read.as_ref().is_some_and(|entry| !entry.is_whole()) {
            read = self.read_once(index).await?;
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

    fn stored(&mut self, storage: &str, index: u16, entry: CmglEntry) -> StoredSms {
        let octets: Bytes = from_hex(&entry.pdu).unwrap_or_default().into();
        let remembered = &mut self.storages.remembered;
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert((storage.to_owned(), index), octets.clone());
        StoredSms { storage: storage.to_owned(), index, stat: entry.stat, octets, raw: entry.pdu }
    }

    /// Makes `storage` the one that is read and deleted from.
    async fn select(&mut self, storage: &str) -> Result<Count, ModemError> {
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

/// The wanted storage where a parameter offers it, else the first that it does.
fn offered_in<'a>(group: &'a [String], wanted: &'a String) -> Option<&'a String> {
    if group.contains(wanted) { Some(wanted) } else { group.first() }
}
