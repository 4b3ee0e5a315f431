//! What a modem cannot send goes by another one of its route, where the route says so: messages of
//! which the network can have nothing, after the route's time, with the same Transaction-Id.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::line::{Line, lock};
use super::routing::{self, Candidate, SendRoute, Strategy};
use super::way::{carries, country};
use super::{Core, alarms, encode};
use crate::model::{Kind, Timestamp, is_national};
use crate::store::{AccessBook, StoreError, WAITING_BATCH, Waiting, WaitingPlace, Way};

/// How often it is looked what waits too long. The shortest time of a route is a minute.
const LOOK: Duration = Duration::from_secs(15);

/// Most batches of one queue in a look; the next one goes on behind them.
const MAX_BATCHES: usize = 10;

/// Looks after all routes.
pub(super) struct Failover {
    pub(super) core: Core,
    pub(super) lines: Vec<Line>,
    pub(super) access: AccessBook,
    /// Where the last look at a long queue of a route and a modem ended.
    pub(super) seen: Mutex<HashMap<(String, String), WaitingPlace>>,
}

impl Failover {
    pub(super) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(error) = self.look().await {
                tracing::error!("what waits cannot go another way: {error}");
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        // How long something waits is not known while the clock is being set.
        let _still = self.core.setting_clock.read().await;
        let sending = self.core.sending.get();
        if sending.routes.iter().all(|route| route.failover.is_none()) {
            return Ok(());
        }
        let now = self.core.now();
        let pauses = self.core.store.pauses(now).await?;
        if pauses.iter().any(|pause| pause.scope == alarms::ALARM_GATEWAY) {
            return Ok(());
        }
        for route in &sending.routes {
            let Some(after) = route.failover else { continue };
            for line in self.lines.iter().filter(|line| route.modems.contains(name(line))) {
                self.look_at(route, line, now.earlier(after), now).await?;
            }
        }
        Ok(())
    }

    /// Looks at what a line keeps for a route since `since`, some of it at a time: what may go no other
    /// way, however much of it there is, does not stand before what may.
    async fn look_at(
        &self,
        route: &SendRoute,
        line: &Line,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let queue = (route.name.clone(), name(line).clone());
        let mut after = self.seen().get(&queue).copied();
        for _ in 0..MAX_BATCHES {
            let waiting = self.core.store.waiting(&route.name, name(line), since, after).await?;
            for one in &waiting {
                if is_kept(line, one, now) {
                    self.another_way(route, line, one, now).await?;
                }
            }
            after = waiting.last().map(Waiting::place);
            if waiting.len() < WAITING_BATCH {
                // To its end; the next look begins anew.
                after = None;
                break;
            }
        }
        let mut seen = self.seen();
        match after {
            Some(place) => seen.insert(queue, place),
            None => seen.remove(&queue),
        };
        Ok(())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), WaitingPlace>> {
        lock(&self.seen)
    }

    async fn another_way(
        &self,
        route: &SendRoute,
        from: &Line,
        waiting: &Waiting,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut group: Vec<&Line> =
            self.lines.iter().filter(|line| self.can_take(route, from, line, waiting)).collect();
        while !group.is_empty() {
            let names: Vec<String> = group.iter().map(|line| name(line).clone()).collect();
            let loads = self.core.store.backlogs(names.clone()).await?;
            let candidates: Vec<Candidate<'_>> = names
                .iter()
                .zip(loads)
                .map(|(name, load)| Candidate { name, obstacle: None, load })
                .collect();
            let Some((index, _)) = routing::pick(&candidates, Strategy::LeastLoaded, None) else {
                return Ok(());
            };
            let line = group.remove(index);
            let pdu = match waiting.kind {
                Kind::Sms => None,
                Kind::Mms => {
                    let Some(pdu) = self.core.store.pdu(waiting.key).await? else { return Ok(()) };
                    match encode::recode(&pdu, &line.effective(), None, None) {
                        Ok(pdu) => Some(pdu),
                        Err(error) => {
                            // Its operator takes no such message; perhaps the next one's does.
                            tracing::debug!(message = %waiting.message, modem = %name(line), %error);
                            continue;
                        }
                    }
                }
            };
            let minutes = now.since(waiting.held_since.unwrap_or(waiting.due)).as_secs() / 60;
            let (to, from) = (name(line), &waiting.modem);
            let way = Way {
                modem: to.clone(),
                sim: line.sim(),
                route: Some(route.name.clone()),
                why: Some(format!(
                    "by modem {to} now (route {}): {from} has not been able to send it for \
                     {minutes} minutes",
                    route.name
                )),
                remember: false,
                own_sim: false,
            };
            if let Some(change) = self.core.store.take_over(waiting, way, pdu, now).await? {
                tracing::info!(message = %waiting.message, %from, %to, minutes, "goes another way");
                self.core.events.change(&change);
                line.wake();
            }
            return Ok(());
        }
        Ok(())
    }

    /// Whether this modem can send it now, and may.
    fn can_take(&self, route: &SendRoute, from: &Line, line: &Line, waiting: &Waiting) -> bool {
        let rights = waiting.account.as_ref().and_then(|name| self.access.account(name));
        let may = rights
            .is_none_or(|account| account.modems.is_empty() || account.modems.contains(name(line)));
        // Dialled in another country, the same digits are somebody else.
        let same_party = !waiting.recipients.iter().any(is_national)
            || matches!((country(from), country(line)), (Some(here), Some(there)) if here == there)
            || country(from).is_none() && country(line).is_none();
        name(line) != name(from)
            && route.modems.contains(name(line))
            && may
            && same_party
            && carries(line, waiting.kind)
            && line.sim().is_some()
            && line.obstacle(waiting.kind).is_none()
    }
}

fn name(line: &Line) -> &String {
    &line.config().name
}

/// Whether its modem still keeps it: what is due there and can leave is left alone.
fn is_kept(line: &Line, waiting: &Waiting, now: Timestamp) -> bool {
    let serves = line.sim().is_some() && line.obstacle(waiting.kind).is_none();
    let everywhere = waiting.fault.as_ref().is_some_and(|fault| fault.code == super::quiet::QUIET);
    match waiting.held_since {
        Some(_) => !everywhere && (!serves || now < waiting.due),
        None => !serves,
    }
}
