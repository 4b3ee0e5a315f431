//! How messages come in: service, storages and indications, chosen only from what the modem itself
//! offers (3GPP TS 27.005 clauses 3.2.1, 3.2.2 and 3.4.1).

use super::ModemError;
use super::driver::Driver;
use crate::codec::at::{
    Field, FinalResult, cnmi_ranges, cpms_state, cpms_storages, fields, quoted, value_behind,
};

/// What the modem said to `+CSMS=?` and `+CNMI=?`, and what became of it.
#[derive(Debug, Default)]
pub(super) struct Reception {
    /// Service 1 is offered: messages may be acknowledged one by one.
    offers_acknowledgement: bool,
    /// The modem waits for an acknowledgement of each direct message.
    pub(super) acknowledged: bool,
    /// Direct messages that were not acknowledged so far.
    pub(super) owed: u32,
}

/// The values of one `+CNMI`.
#[derive(Debug, Clone, Copy)]
struct Indication {
    mode: u32,
    mt: u32,
    bm: u32,
    ds: u32,
    bfr: u32,
}

impl Driver {
    /// Sets the message service up. Service 0 by default: a modem that expects acknowledgements
    /// stops delivering when one is late, so that it is asked for them only where nothing else
    /// works.
    pub(super) async fn choose_service(&mut self) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let offered = self.patient_response("AT+CSMS=?", limit).await?;
        // Huawei answers something that is no number; then nothing is known of it.
        let values = offered.lines.iter().find_map(|line| value_behind(line, "+CSMS:"));
        let values = values.map(fields).unwrap_or_default();
        let offers = |service| values.first().is_some_and(|it| it.offers(service));
        self.reception = Reception { offers_acknowledgement: offers(1), ..Reception::default() };
        if offers(1) && !offers(0) {
            // Otherwise nothing but acknowledged delivery is possible.
            return Ok(self.patient_response("AT+CSMS=1", limit).await?.result);
        }
        Ok(self.patient_response("AT+CSMS=0", limit).await?.result)
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
        // Only what a storage itself says: one that is refused or silent may have places.
        let mut places = None;
        self.storages.placeless = false;
        self.forget_looks();
        let mut takes_two = true;
        for storage in self.profile().storage.receive.clone() {
            if !receivers.contains(&storage) {
                continue;
            }
            let mut answer = None;
            let mut alone = false;
            for choice in choices(&groups, &storage, takes_two) {
                let names: Result<Vec<String>, _> =
                    choice.iter().map(|name| quoted(name)).collect();
                let Ok(names) = names else { continue };
                self.storages.current = None;
                let command = format!("AT+CPMS={}", names.join(","));
                let told = self.patient_response(&command, limit).await?;
                result = told.result.clone();
                if result.is_ok() {
                    self.storages.current = choice.first().cloned();
                    self.storages.write = choice.get(1).cloned();
                    alone = choice.len() < groups.len();
                    answer = Some(told);
                    break;
                }
                // It is not asked that again with another storage.
                takes_two = false;
            }
            let Some(answer) = answer else { continue };
            // With one parameter new messages go where they went.
            if !alone || self.storages.receive.is_none() {
                self.storages.receive = Some(storage);
            }
            let total = cpms_state(&answer.lines).last().map(|count| count.total);
            places = total.max(places);
            if total != Some(0) {
                break;
            }
        }
        self.storages.placeless = places == Some(0);
        Ok(result)
    }

    /// Asks for `+CMTI`, within what the modem offers; for the messages themselves only where the
    /// modem stores none.
    pub(super) async fn choose_indications(&mut self) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let offered = self.patient_response("AT+CNMI=?", limit).await?;
        let ranges = cnmi_ranges(&offered.lines);
        let stores = offers(&ranges, 1, 1) && !self.storages.placeless;
        let mut result = FinalResult::Error;
        if stores {
            result = self.indicate(&ranges, 1).await?;
        }
        if !result.is_ok() && self.profile().direct.allowed && offers(&ranges, 1, 2) {
            result = self.indicate_directly(&ranges).await?;
        }
        if !result.is_ok() && !stores && offers(&ranges, 1, 1) {
            // A modem that tells no places may have some all the same.
            result = self.indicate(&ranges, 1).await?;
        }
        Ok(result)
    }

    /// The last resort.
    async fn indicate_directly(&mut self, ranges: &[Field<'_>]) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let acknowledges =
            self.reception.offers_acknowledgement && self.profile().direct.acknowledge.is_some();
        let acknowledged =
            acknowledges && self.patient_response("AT+CSMS=1", limit).await?.result.is_ok();
        let result = self.indicate(ranges, 2).await?;
        if result.is_ok() {
            self.reception.acknowledged = acknowledged;
            self.reception.owed = 0;
            if !acknowledged {
                tracing::warn!(
                    modem = %self.config.name,
                    "this modem hands messages over without storing them and expects no \
                     acknowledgement: one that comes while the gateway stops is lost"
                );
            }
        } else if acknowledged {
            self.patient_response("AT+CSMS=0", limit).await?;
        }
        Ok(result)
    }

    /// Tries the profile's modes and ways of status reports, and shorter forms of the command.
    async fn indicate(&mut self, ranges: &[Field<'_>], mt: u32) -> Result<FinalResult, ModemError> {
        let limit = self.command_timeout();
        let first_of = |at: usize, wanted: [u32; 3]| {
            wanted.into_iter().find(|value| offers(ranges, at, *value)).unwrap_or(0)
        };
        // No cell broadcasts; buffered news are flushed (Cinterion offers only the other value).
        let (bm, bfr) = (first_of(2, [0, 2, 3]), first_of(4, [0, 1, 0]));
        let profile = self.profile();
        let mut result = FinalResult::Error;
        for mode in profile.storage.indications.iter().copied() {
            if !offers(ranges, 0, mode) {
                continue;
            }
            let reports = self.report_ways(ranges, &profile.storage.reports);
            for ds in &reports {
                let it = Indication { mode, mt, bm, ds: *ds, bfr };
                result = self.patient_response(&it.long(), limit).await?.result;
                if result.is_ok() {
                    return Ok(result);
                }
            }
            let it = Indication { mode, mt, bm, ds: reports.last().copied().unwrap_or(0), bfr };
            for command in [it.without_buffer(), it.short()] {
                result = self.patient_response(&command, limit).await?.result;
                if result.is_ok() {
                    return Ok(result);
                }
            }
        }
        Ok(result)
    }

    /// The ways of status reports that are worth trying, best first. Stored ones need a storage of
    /// their own: without it some modems put them among the messages, and others nowhere.
    fn report_ways(&self, ranges: &[Field<'_>], wanted: &[u32]) -> Vec<u32> {
        let stored = self.storages.offered.iter().flatten().any(|name| name == "SR");
        let mut ways: Vec<u32> =
            wanted.iter().copied().filter(|value| offers(ranges, 3, *value)).collect();
        if !stored {
            ways.sort_by_key(|value| *value == 2);
        }
        if ways.is_empty() {
            ways.push(0);
        }
        ways
    }

    /// Says that the oldest direct message is durable. A modem that refuses may have ended its
    /// deliveries (3GPP TS 27.005 clause 3.4.4), so they are set up anew.
    pub(super) async fn acknowledge(&mut self) -> Result<(), ModemError> {
        self.at()?;
        if self.reception.owed == 0 {
            return Ok(());
        }
        self.reception.owed -= 1;
        let Some(command) = self.profile().direct.acknowledge.clone() else { return Ok(()) };
        let limit = self.command_timeout();
        let answer = self.at()?.response(&command, limit).await;
        let refused = match answer {
            Ok(response) if response.result.is_ok() => return Ok(()),
            // Nothing to acknowledge: the modem has done it by itself.
            Ok(response) if response.result.cms() == Some(340) => return Ok(()),
            Ok(response) => ModemError::Refused { command, answer: response.result.to_string() },
            Err(error @ ModemError::Timeout { .. }) => error,
            Err(error) => return Err(error),
        };
        self.choose_service().await?;
        self.choose_indications().await?;
        Err(refused)
    }
}

impl Indication {
    fn long(self) -> String {
        let Self { mode, mt, bm, ds, bfr } = self;
        format!("AT+CNMI={mode},{mt},{bm},{ds},{bfr}")
    }

    fn without_buffer(self) -> String {
        let Self { mode, mt, bm, ds, .. } = self;
        format!("AT+CNMI={mode},{mt},{bm},{ds}")
    }

    fn short(self) -> String {
        format!("AT+CNMI={},{}", self.mode, self.mt)
    }
}

/// A modem that does not say what it offers may know everything.
fn offers(ranges: &[Field<'_>], at: usize, value: u32) -> bool {
    ranges.get(at).is_none_or(|it| it.offers(value))
}

/// The parameters by which new messages go to `receive`, best first. Nothing is ever written, so that
/// the storage for writing can be the other one: `+CPMS?` then counts the messages of both.
fn choices(groups: &[Vec<String>], receive: &String, takes_two: bool) -> Vec<Vec<String>> {
    let plain: Vec<String> =
        groups.iter().filter_map(|group| offered_in(group, receive)).cloned().collect();
    let other = ["SM", "ME"].iter().find(|name| *name != receive);
    let mut choices = Vec::new();
    if let ([_, write, _], [_, _, _], Some(other)) = (groups, &*plain, other)
        && takes_two
        && ["SM", "ME"].contains(&receive.as_str())
        && write.iter().any(|name| name == other)
    {
        let mut both = plain.clone();
        if let Some(write) = both.get_mut(1) {
            (*other).clone_into(write);
        }
        choices.push(both);
    }
    let first: Vec<String> = plain.iter().take(1).cloned().collect();
    let several = plain.len() > 1;
    choices.push(plain);
    if several {
        // Wavecom offers two parameters and takes one.
        choices.push(first);
    }
    choices
}

/// The wanted storage where a parameter offers it, else the first that it does.
fn offered_in<'a>(group: &'a [String], wanted: &'a String) -> Option<&'a String> {
    if group.contains(wanted) { Some(wanted) } else { group.first() }
}
