//! Every message of every storage, by whichever of three ways works on this modem (3GPP TS 27.005
//! clauses 3.4.2, 3.4.3 and 3.5.4).

use std::time::Duration;

use super::driver::Driver;
use super::profile::ListMethod;
use super::sms::{Count, Place, may_share_places};
use super::{ModemError, StoredSms, Swept, hangup};
use crate::codec::at::{cmgl_entries, fields, value_behind};

/// Places looked at one by one, whatever total the modem claims.
const MAX_PLACES: u16 = 512;
/// Places looked at where the modem tells no total: those of the largest old SIMs.
const USUAL_PLACES: u16 = 50;
/// How long a listing may pause: one that is silent for longer hangs, whatever its whole may take.
const LISTING_PAUSE: Duration = Duration::from_secs(30);
/// Messages taken from one storage at a time.
const MAX_FOUND: usize = 1024;
/// Places of one storage at which reading may hang before the rest waits for the next sweep.
const MAX_HUNG: usize = 3;

impl Driver {
    /// Lists every storage. A storage that fails neither hides the others nor is hidden by them.
    pub(super) async fn sweep(&mut self) -> Result<Swept, ModemError> {
        self.at()?;
        self.storages.forget();
        self.storages.unreadable.begin_look();
        let mut swept = Swept::default();
        for name in self.storages_to_look_through() {
            match self.sweep_one(&name).await {
                Ok(mut messages) => {
                    // One message under two names is one.
                    messages.retain(|message| !swept.found.iter().any(|it| is_same(it, message)));
                    swept.found.extend(messages);
                    let missing = self.storages.phantoms(&name);
                    swept.unreadable.extend(self.storages.unreadable.told(&name, missing));
                    swept.read.push(name);
                }
                Err(error @ (ModemError::Port(_) | ModemError::NoAnswer { .. })) => {
                    return Err(error);
                }
                Err(error) => swept.failed.push((name, error)),
            }
        }
        self.select_receiving().await;
        Ok(swept)
    }

    pub(super) fn storages_to_look_through(&self) -> Vec<String> {
        let offered = self.storages.offered.first().cloned().unwrap_or_default();
        let has = |name: &str| offered.iter().any(|it| it == name);
        let is_other_name = |name: &str| match name {
            // Cell broadcasts.
            "BM" => true,
            // The sum of both.
            "MT" => has("SM") && has("ME"),
            // SIMCom's "preferred", the same places.
            name => name.strip_suffix("_P").is_some_and(has),
        };
        let mut names: Vec<String> =
            offered.iter().filter(|name| !is_other_name(name)).cloned().collect();
        if names.is_empty() {
            names.push(self.storages.current.clone().unwrap_or_default());
        }
        names
    }

    /// The storage's messages, by the ways of the profile: those that have not failed so far come
    /// first, and the next one is tried when one hangs, is refused, or shows fewer messages than
    /// the modem counts.
    async fn sweep_one(&mut self, storage: &str) -> Result<Vec<StoredSms>, ModemError> {
        let count = self.select(storage).await?;
        let used = usize::from(count.used.unwrap_or(0));
        let expected = used.saturating_sub(self.storages.phantoms(storage));
        let mut found: Vec<StoredSms> = Vec::new();
        let mut short: Vec<ListMethod> = Vec::new();
        let mut failed = None;
        let mut worked = false;
        for method in self.methods() {
            match self.list_by(method, storage, count).await {
                Ok(messages) => {
                    worked = true;
                    for message in messages {
                        if !found.iter().any(|it| it.index == message.index) {
                            found.push(message);
                        }
                    }
                }
                Err(error @ (ModemError::Port(_) | ModemError::NoAnswer { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    self.storages.distrust(method);
                    failed = Some(error);
                    continue;
                }
            }
            if found.len() >= expected {
                // What came short before is known to hide messages.
                for method in short.drain(..) {
                    self.storages.distrust(method);
                }
                break;
            }
            short.push(method);
        }
        match failed {
            Some(error) if !worked => return Err(error),
            _ => {}
        }
        // A count that no way of looking bears out is not looked for again.
        self.storages.note_phantoms(storage, used.saturating_sub(found.len()));
        Ok(found)
    }

    /// The profile's ways, those that failed on this modem last.
    fn methods(&self) -> Vec<ListMethod> {
        let mut methods = self.profile().storage.list.clone();
        methods.sort_by_key(|method| self.storages.distrusted(*method));
        methods
    }

    async fn list_by(
        &mut self,
        method: ListMethod,
        storage: &str,
        count: Count,
    ) -> Result<Vec<StoredSms>, ModemError> {
        match method {
            ListMethod::Cmgl => self.list(storage).await,
            ListMethod::Cmgd => match self.listed_places().await? {
                Some(places) => self.read_places(storage, places, count, false).await,
                None => Err(ModemError::Unreadable { command: "AT+CMGD".to_owned() }),
            },
            ListMethod::Cmgr => {
                // The first is 0 on some modems and 1 on others.
                let last = count.total.unwrap_or(USUAL_PLACES).min(MAX_PLACES);
                self.read_places(storage, (0..=last).collect(), count, false).await
            }
        }
    }

    async fn list(&mut self, storage: &str) -> Result<Vec<StoredSms>, ModemError> {
        let limit = self.profile().timeouts.list;
        let response = match self.at()?.listing("AT+CMGL=4", limit, LISTING_PAUSE).await {
            Ok(response) => response,
            Err(error @ ModemError::Timeout { .. }) => {
                let profile = self.profile();
                hangup::wake(self.at()?, &profile, false).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        if !response.result.is_ok() {
            let (command, answer) = ("AT+CMGL".to_owned(), response.result.to_string());
            return Err(ModemError::Refused { command, answer });
        }
        let mut found = Vec::new();
        let mut damaged = Vec::new();
        for entry in cmgl_entries(&response.lines).into_iter().take(MAX_FOUND) {
            // Some firmware stays in text mode when it lists, and news break into lines.
            let place = entry.index;
            if entry.is_whole() {
                found.push(self.stored(storage, place, entry));
            } else {
                damaged.push(place);
            }
        }
        // What cannot be read by itself either stays where it is.
        match self.read_places(storage, damaged, Count::default(), true).await {
            Ok(read) => found.extend(read),
            Err(error @ (ModemError::Port(_) | ModemError::NoAnswer { .. })) => return Err(error),
            Err(error) if found.is_empty() => return Err(error),
            Err(_) => {}
        }
        Ok(found)
    }

    /// Reads the places until all that are counted were found; `listed`: something lies at each.
    async fn read_places(
        &mut self,
        storage: &str,
        places: Vec<u16>,
        count: Count,
        listed: bool,
    ) -> Result<Vec<StoredSms>, ModemError> {
        let mut found: Vec<StoredSms> = Vec::new();
        let (mut answered, mut hung, mut failed) = (false, 0, None);
        for index in self.storages.in_order(storage, places) {
            if count.used.is_some_and(|used| found.len() >= usize::from(used)) {
                break;
            }
            if self.storages.unreadable.rests(storage, index) {
                answered = true;
                continue;
            }
            let place = self.read_place(storage, index).await;
            match &place {
                Ok(Place::Holds(_) | Place::Empty) => {
                    self.storages.unreadable.settle(storage, index);
                }
                Err(error) => self.storages.unreadable.note(storage, index, error, listed),
                Ok(Place::Unclear(answer)) => {
                    let error = ModemError::Refused {
                        command: "AT+CMGR".to_owned(),
                        answer: answer.to_string(),
                    };
                    self.storages.unreadable.note(storage, index, &error, listed);
                }
            }
            match place {
                Ok(Place::Holds(sms)) => found.push(sms),
                Ok(Place::Empty) => {}
                Ok(Place::Unclear(_)) => self.storages.note_unclear(),
                // One place that cannot be read does not hide the others.
                Err(error @ (ModemError::Refused { .. } | ModemError::Unreadable { .. })) => {
                    self.storages.note_unclear();
                    failed = Some(error);
                    continue;
                }
                Err(error @ ModemError::Timeout { .. }) => {
                    self.storages.note_unclear();
                    self.storages.note_hanging(storage, index);
                    failed = Some(error);
                    hung += 1;
                    if hung >= MAX_HUNG {
                        break;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            answered = true;
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(found),
        }
    }

    /// The places that hold a message, as `+CMGD=?` tells; none when it tells no places.
    async fn listed_places(&mut self) -> Result<Option<Vec<u16>>, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.optional("AT+CMGD=?", limit).await?;
        let listed = response.lines.iter().find_map(|line| value_behind(line, "+CMGD:"));
        let (true, Some(list)) = (response.result.is_ok(), listed) else { return Ok(None) };
        let group = fields(list);
        let Some(group) = group.first() else { return Ok(None) };
        Ok(Some((0..=MAX_PLACES).filter(|place| group.offers(u32::from(*place))).collect()))
    }
}

/// Whether both may be one message at one place of two names.
fn is_same(one: &StoredSms, other: &StoredSms) -> bool {
    may_share_places(&one.storage, &other.storage) && one.content() == other.content()
}
