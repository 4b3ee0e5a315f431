//! What happens to a modem by itself: faults that wait for no command, floods, and what follows
//! when the time of a fault begins or ends.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::state::{AllSettings, State};
use crate::sim::fault::{DeactivationForm, Fault};
use crate::sim::lock;

/// Pause between two rounds of a flood.
const FLOOD_EVERY: Duration = Duration::from_secs(2);
/// Rounds of `+ZUSIMR:2` that a ZTE stick survives without being asked `AT+CPMS?`.
const ZTE_PATIENCE: u32 = 30;
/// How long a modem is dead that nobody resets.
const DEAD: Duration = Duration::from_secs(60 * 60);

/// Follows the switches until the modem stops.
pub(super) async fn watch(modem: Weak<Shared>) {
    let Some((mut changes, stop)) =
        modem.upgrade().map(|shared| (shared.faults.changes(), shared.stop.clone()))
    else {
        return;
    };
    let mut flood_at = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = changes.next() => {}
            () = until(flood_at) => {}
        }
        let Some(shared) = modem.upgrade() else { return };
        while let Some(event) = shared.faults.due_event() {
            shared.happen(&event);
        }
        shared.settle();
        flood_at = shared.flood(flood_at);
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    fn happen(self: &Arc<Self>, event: &Fault) {
        tracing::info!(fault = event.name(), "the virtual modem is hit");
        match event {
            Fault::EchoForgotten {} => {
                let mut state = self.lock();
                for port in &mut state.ports {
                    port.echo = true;
                }
            }
            Fault::SettingsLost {} => self.forget_settings(),
            Fault::ModemHangs {} => {
                for port in 0..self.ports.len() {
                    self.hang(port, DEAD);
                }
            }
            Fault::UsbVanishes { seconds, renumbered, as_storage } => {
                self.vanish(Duration::from_secs(*seconds), *renumbered, *as_storage);
            }
            _ => {}
        }
    }

    /// The network may have come or gone, and messages may fit again.
    fn settle(&self) {
        let mut state = self.lock();
        // A SIM that was not there when the modem started looking for a network.
        if !state.registered && !state.searching {
            self.start_searching(&mut state);
        }
        if state.told_registration != Some(self.registration(&state)) {
            self.tell_registration(&mut state);
        }
        let odd = self.faults.has(|fault| matches!(fault, Fault::OddClock { .. }));
        if odd && !std::mem::replace(&mut state.clock_told, odd) {
            self.tell_time(&state);
        }
        state.clock_told = odd;
        drop(state);
        self.fetch_sms();
    }

    /// One round of the floods that are on and due; when the next one is.
    fn flood(&self, due: Option<Instant>) -> Option<Instant> {
        let huawei = self.faults.is_on(&Fault::HuaweiFlood {});
        let zte = self.faults.is_on(&Fault::ZteFlood {}) && !self.lock().zte_asked;
        let now = Instant::now();
        match due {
            _ if !huawei && !zte => return None,
            Some(due) if due > now => return Some(due),
            _ => {}
        }
        if huawei && self.faults.shows(&Fault::HuaweiFlood {}) {
            let rounds = u64::from(self.random.u32() % 1_000);
            for line in [
                format!("^RSSI: {}", 10 + rounds % 20),
                format!("^DSFLOWRPT:{rounds:08X},00000000,00000000,00000000{rounds:08X},0,0"),
                "^HCSQ: \"LTE\",54,48,181,28".to_owned(),
                "^MODE: 5,7".to_owned(),
            ] {
                self.urc_everywhere(&line);
            }
        }
        if zte && self.faults.shows(&Fault::ZteFlood {}) {
            self.urc_everywhere("+ZUSIMR:2");
            let mut state = self.lock();
            state.zte_rounds += 1;
            let crashed = state.zte_rounds >= ZTE_PATIENCE;
            drop(state);
            if crashed {
                self.reset();
            }
        }
        Some(now + FLOOD_EVERY)
    }

    fn urc_everywhere(&self, line: &str) {
        for port in 0..self.ports.len() {
            if !self.is_online(port) {
                self.urc(port, line.to_owned());
            }
        }
    }

    /// What a restart forgets, without the restart.
    fn forget_settings(&self) {
        let fresh = State::power_on(&self.config, &self.subscriber);
        let mut state = self.lock();
        state.ports = AllSettings::default();
        state.csms = fresh.csms;
        state.cnmi = fresh.cnmi;
        state.mems = fresh.mems;
        state.cops_format = fresh.cops_format;
        state.plain = fresh.plain;
        state.auth = fresh.auth;
        if state.call.is_none() {
            state.contexts = fresh.contexts;
        }
    }

    /// The port takes octets and does nothing with them for so long.
    pub(super) fn hang(&self, port: usize, time: Duration) {
        if let Some(port) = self.ports.get(port) {
            *lock(&port.hung) = Some((Instant::now() + time, self.faults.clearings()));
        }
    }

    pub(super) fn is_hung(&self, port: usize) -> bool {
        let Some(port) = self.ports.get(port) else { return false };
        let hung = *lock(&port.hung);
        hung.is_some_and(|(until, clearings)| {
            Instant::now() < until && clearings == self.faults.clearings()
        })
    }

    /// Every port hangs: the whole modem does, and takes nothing from the network either.
    pub(super) fn is_dead(&self) -> bool {
        (0..self.ports.len()).all(|port| self.is_hung(port))
    }

    /// Nothing hangs any more.
    pub(super) fn wake_up(&self) {
        for port in &self.ports {
            *lock(&port.hung) = None;
        }
    }

    /// How the modem tells that the network took the context of the call back.
    pub(super) fn tell_deactivation(&self, form: DeactivationForm) {
        let cid = self.lock().call.as_ref().map_or(1, |call| call.cid);
        let line = match form {
            DeactivationForm::NwDeact => format!("+CGEV: NW DEACT \"IP\",\"10.64.1.2\",{cid}"),
            DeactivationForm::Huawei => format!("^PDPDEACT: {cid}"),
            DeactivationForm::PdnDeact => format!("+CGEV: ME PDN DEACT {cid}"),
            DeactivationForm::Silent => return,
        };
        if let Some(port) = self.indication_port() {
            self.urc(port, line);
        }
    }

    /// The time that the line needs for so many octets.
    pub(super) async fn pace_line(&self, octets: usize) {
        let rate = self.faults.find(|fault| match fault {
            Fault::LinePaced { rate } if *rate > 0 => Some(*rate),
            _ => None,
        });
        if let Some(rate) = rate {
            let micros = u64::try_from(octets).unwrap_or(u64::MAX).saturating_mul(1_000_000) / rate;
            tokio::time::sleep(Duration::from_micros(micros)).await;
        }
    }

    /// One of them by chance.
    pub(super) fn pick<'a>(&self, from: &[&'a str]) -> Option<&'a str> {
        let count = u64::try_from(from.len()).unwrap_or(0);
        from.get(usize::try_from(self.random.below(count)).ok()?).copied()
    }

    /// Random octets.
    pub(super) fn noise(&self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        self.random.fill(&mut octets);
        octets
    }
}
