//! What happens to a modem by itself: faults that wait for no command, and what follows when the
//! time of a fault begins or ends.

use std::sync::{Arc, Weak};

use super::Shared;
use super::state::{PortSettings, State};
use crate::sim::fault::Fault;

/// Follows the switches until the modem stops.
pub(super) async fn watch(modem: Weak<Shared>) {
    let Some((mut changes, stop)) =
        modem.upgrade().map(|shared| (shared.faults.changes(), shared.stop.clone()))
    else {
        return;
    };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = changes.next() => {}
        }
        let Some(shared) = modem.upgrade() else { return };
        while let Some(event) = shared.faults.due_event() {
            shared.happen(&event);
        }
        shared.settle();
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
            _ => self.reset(),
        }
    }

    /// The network may have come or gone, and messages may fit again.
    fn settle(&self) {
        let mut state = self.lock();
        if state.told_registration != Some(self.registration(&state)) {
            self.tell_registration(&mut state);
        }
        drop(state);
        self.fetch_sms();
    }

    /// What a restart forgets, without the restart.
    fn forget_settings(&self) {
        let fresh = State::power_on(&self.config, &self.subscriber);
        let mut state = self.lock();
        state.ports = [PortSettings::default(), PortSettings::default()];
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
}
