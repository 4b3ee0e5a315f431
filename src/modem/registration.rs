//! Whether a network has let the modem in: the best of what four domains tell, and whether one of
//! those that carry packet data is among them.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::driver::Driver;
use super::{ModemError, Registration};
use crate::codec::at::{RegistrationDomain, RegistrationLine, registration, signal_dbm};

/// Pause between two questions.
const POLL: Duration = Duration::from_secs(2);
/// How long a denial must last to be believed: modems report one while they try the next network.
const DENIED_FOR: Duration = Duration::from_secs(20);
/// How long the packet domains of an attached modem must say 0 until that is taken for their habit.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// The domains in the order in which they are asked: only where the first three give no data is the
/// last one worth a question.
const DOMAINS: [(RegistrationDomain, &str); 4] = [
    (RegistrationDomain::Eps, "AT+CEREG?"),
    (RegistrationDomain::Packet, "AT+CGREG?"),
    (RegistrationDomain::Circuit, "AT+CREG?"),
    (RegistrationDomain::FiveG, "AT+C5GREG?"),
];
/// The place of [`RegistrationDomain::FiveG`] among them.
const FIVE_G: usize = 3;

/// What each domain told last.
#[derive(Debug, Default)]
pub(super) struct Known {
    stats: [Option<Registration>; 4],
    /// E-UTRAN, told by `+CEREG` or by an access technology.
    pub(super) on_lte: bool,
    /// The modem is older than 5G and does not know `+C5GREG`.
    pub(super) no_five_g: bool,
}

impl Known {
    /// The best, when a line has changed it.
    pub(super) fn update(&mut self, line: RegistrationLine) -> Option<Registration> {
        let before = self.best();
        let state = state(line.stat);
        let index = DOMAINS.iter().position(|(domain, _)| *domain == line.domain)?;
        *self.stats.get_mut(index)? = Some(state);
        // 5GS has its first bearer as EPS has.
        let evolved = matches!(line.domain, RegistrationDomain::Eps | RegistrationDomain::FiveG);
        if line.domain == RegistrationDomain::Eps || line.access.is_some() {
            self.on_lte =
                (evolved && state.carries_data()) || line.access.is_some_and(|access| access >= 7);
        }
        let best = self.best();
        (best != before).then_some(best)
    }

    /// Whether packet data would be another network's.
    pub(super) fn data_roams(&self) -> bool {
        let [_, _, circuit, _] = self.stats;
        let data = self.packet().map(|(_, stat)| stat).find(|it| it.carries_data()).or(circuit);
        data == Some(Registration::Roaming)
    }

    /// Whether a domain that carries packet data has let the modem in. One that tells of circuits
    /// alone, as GPRS modems without `+CGREG` do, is believed for data too.
    fn has_data(&self) -> bool {
        let [_, _, circuit, _] = self.stats;
        let mut packet = self.packet().map(|(_, stat)| stat).peekable();
        match packet.peek() {
            Some(_) => packet.any(Registration::carries_data),
            None => circuit.is_some_and(Registration::carries_data),
        }
    }

    /// What the domains that carry packet data tell, with the commands that told it.
    fn packet(&self) -> impl Iterator<Item = (&'static str, Registration)> {
        let told = DOMAINS.into_iter().zip(self.stats);
        told.filter(|((domain, _), _)| *domain != RegistrationDomain::Circuit)
            .filter_map(|((_, question), stat)| Some((question, stat?)))
    }

    /// The same in words, such as `+CGREG: not registered and not searching`.
    fn packet_in_words(&self) -> String {
        let words = self.packet().map(|(question, stat)| {
            let code = question.trim_start_matches("AT").trim_end_matches('?');
            format!("{code}: {stat}")
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn is_home(&self, domain: usize) -> bool {
        self.stats.get(domain) == Some(&Some(Registration::Home))
    }

    /// What was not asked must not outlive what was.
    fn forget_from(&mut self, domain: usize) {
        self.stats.iter_mut().skip(domain).for_each(|stat| *stat = None);
    }

    fn best(&self) -> Registration {
        let rank = |state: &Registration| match state {
            Registration::Home => 0,
            Registration::Roaming => 1,
            Registration::SmsOnly => 2,
            Registration::Searching => 3,
            Registration::Denied => 4,
            Registration::EmergencyOnly => 5,
            Registration::NoCoverage => 6,
            Registration::NotRegistered => 7,
            Registration::Unknown => 8,
        };
        self.stats.iter().flatten().copied().min_by_key(rank).unwrap_or(Registration::Unknown)
    }
}

impl Driver {
    /// Asks the domains, until one says that the modem is at home and has data: nothing is better.
    pub(super) async fn ask_registration(&mut self) -> Result<Registration, ModemError> {
        Ok(self.look().await?.unwrap_or(Registration::Unknown))
    }

    /// None when the modem knows none of the questions.
    async fn look(&mut self) -> Result<Option<Registration>, ModemError> {
        let limit = self.command_timeout();
        let mut knows = false;
        self.registered.forget_from(FIVE_G);
        for (index, (_, question)) in DOMAINS.into_iter().enumerate() {
            if index == FIVE_G && (self.registered.no_five_g || self.registered.has_data()) {
                break;
            }
            let response = self.at()?.optional(question, limit).await?;
            let is_known = response.result.is_ok() || !response.result.is_unsupported();
            knows |= is_known;
            self.registered.no_five_g |= index == FIVE_G && !is_known;
            let lines = response.lines.iter().filter_map(|line| registration(line));
            for line in lines.filter(|line| line.solicited) {
                self.registered.update(line);
            }
            // Some modems answer in the form of news; they count as such.
            self.tell_news();
            if self.registered.is_home(index) && self.registered.has_data() {
                self.registered.forget_from(index + 1);
                break;
            }
        }
        Ok(knows.then(|| self.registered.best()))
    }

    /// Asks until a network lets the modem in.
    pub(super) async fn wait_for_network(
        &mut self,
        limit: Duration,
    ) -> Result<Registration, ModemError> {
        let start = Instant::now();
        let mut denied_since = None;
        loop {
            // A modem that cannot tell is tried: the call itself shows.
            let Some(state) = self.look().await? else { return Ok(Registration::Unknown) };
            if state.is_registered() {
                return Ok(state);
            }
            if state == Registration::Denied {
                let since = *denied_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= DENIED_FOR.min(limit) {
                    return Err(ModemError::RegistrationDenied);
                }
            } else {
                denied_since = None;
            }
            if start.elapsed() >= limit {
                return Err(ModemError::NotRegistered { seconds: limit.as_secs(), state });
            }
            sleep(POLL).await;
        }
    }

    /// Asks until a network lets the modem in for data: `+CGREG`, `+CEREG` or `+C5GREG`, and `+CREG`
    /// only where it is all there is. `attached`: the modem has said so itself (`+CGATT: 1`), which
    /// by TS 27.007 clause 10.1.9 is the same thing in other words; one that then goes on to say
    /// neither that it looks nor that it was refused is believed, and the call shows.
    pub(super) async fn wait_for_data(
        &mut self,
        limit: Duration,
        attached: bool,
    ) -> Result<(), ModemError> {
        let start = Instant::now();
        let mut denied_since = None;
        loop {
            let left = limit.saturating_sub(start.elapsed());
            match self.wait_for_network(left).await? {
                Registration::SmsOnly => return Err(ModemError::SmsOnly),
                // A modem that cannot tell is tried.
                Registration::Unknown => return Ok(()),
                _ if self.registered.has_data() => return Ok(()),
                _ => {}
            }
            let denied = self.registered.packet().any(|(_, stat)| stat == Registration::Denied);
            denied_since = denied.then(|| denied_since.unwrap_or_else(Instant::now));
            let silent = self.registered.packet().all(|(_, stat)| {
                matches!(stat, Registration::NotRegistered | Registration::Unknown)
            });
            if attached && silent && start.elapsed() >= SILENT_FOR.min(limit) {
                return Ok(());
            }
            let is_refused = |since: Instant| since.elapsed() >= DENIED_FOR.min(limit);
            if denied_since.is_some_and(is_refused) || start.elapsed() >= limit {
                return Err(ModemError::NotRegisteredForData {
                    seconds: start.elapsed().as_secs(),
                    told: self.registered.packet_in_words(),
                });
            }
            sleep(POLL).await;
        }
    }

    pub(super) async fn ask_signal(&mut self) -> Result<Option<i16>, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.response("AT+CSQ", limit).await?;
        Ok(signal_dbm(&response.lines))
    }
}

const fn state(stat: u8) -> Registration {
    match stat {
        // 9 and 10: without falling back to circuits for calls.
        1 | 9 => Registration::Home,
        5 | 10 => Registration::Roaming,
        6 | 7 => Registration::SmsOnly,
        8 => Registration::EmergencyOnly,
        2 => Registration::Searching,
        3 => Registration::Denied,
        4 => Registration::NoCoverage,
        0 => Registration::NotRegistered,
        _ => Registration::Unknown,
    }
}
