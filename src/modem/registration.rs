//! Whether a network has let the modem in: the best of what three domains tell.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::driver::Driver;
use super::{ModemError, Registration};
use crate::codec::at::{RegistrationDomain, RegistrationLine, registration, signal_dbm};

/// Pause between two questions.
const POLL: Duration = Duration::from_secs(2);
/// How long a denial must last to be believed: modems report one while they try the next network.
const DENIED_FOR: Duration = Duration::from_secs(20);

const DOMAINS: [(RegistrationDomain, &str); 3] = [
    (RegistrationDomain::Eps, "AT+CEREG?"),
    (RegistrationDomain::Packet, "AT+CGREG?"),
    (RegistrationDomain::Circuit, "AT+CREG?"),
];

/// What each domain told last.
#[derive(Debug, Default)]
pub(super) struct Known {
    stats: [Option<Registration>; 3],
    /// E-UTRAN, told by `+CEREG` or by an access technology.
    pub(super) on_lte: bool,
}

impl Known {
    /// The best, when a line has changed it.
    pub(super) fn update(&mut self, line: RegistrationLine) -> Option<Registration> {
        let before = self.best();
        let state = state(line.stat);
        let index = DOMAINS.iter().position(|(domain, _)| *domain == line.domain)?;
        *self.stats.get_mut(index)? = Some(state);
        if line.domain == RegistrationDomain::Eps || line.access.is_some() {
            self.on_lte = (line.domain == RegistrationDomain::Eps && state.carries_data())
                || line.access.is_some_and(|access| access >= 7);
        }
        let best = self.best();
        (best != before).then_some(best)
    }

    /// Whether packet data would be another network's.
    pub(super) fn data_roams(&self) -> bool {
        let [eps, packet, circuit] = self.stats;
        let data = [eps, packet].into_iter().flatten().find(|it| it.carries_data()).or(circuit);
        data == Some(Registration::Roaming)
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
            Registration::NotRegistered => 6,
            Registration::Unknown => 7,
        };
        self.stats.iter().flatten().copied().min_by_key(rank).unwrap_or(Registration::Unknown)
    }
}

impl Driver {
    /// Asks the domains, until one says that the modem is at home: nothing is better.
    pub(super) async fn ask_registration(&mut self) -> Result<Registration, ModemError> {
        Ok(self.look().await?.unwrap_or(Registration::Unknown))
    }

    /// None when the modem knows none of the questions.
    async fn look(&mut self) -> Result<Option<Registration>, ModemError> {
        let limit = self.command_timeout();
        let mut knows = false;
        for (index, (_, question)) in DOMAINS.into_iter().enumerate() {
            let response = self.at()?.optional(question, limit).await?;
            knows |= response.result.is_ok() || !response.result.is_unsupported();
            let lines = response.lines.iter().filter_map(|line| registration(line));
            for line in lines.filter(|line| line.solicited) {
                self.registered.update(line);
            }
            // Some modems answer in the form of news; they count as such.
            self.tell_news();
            if self.registered.is_home(index) {
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
        0 => Registration::NotRegistered,
        _ => Registration::Unknown,
    }
}
