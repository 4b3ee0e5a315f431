//! What a SIM is called in the store: its IMSI, which some modems keep to themselves, always or while
//! the SIM is busy; then its ICCID stands for it, and without that the modem that it is in.

use super::Core;
use crate::modem::ModemInfo;
use crate::store::{Change, FormerName, StoreError};

/// Before the name of a modem that does not tell which SIM it holds, or not yet.
const MODEM: &str = "modem:";
/// Before the ICCID of a SIM whose IMSI was never told.
const CARD: &str = "iccid:";

/// What stands for whatever SIM is in this modem.
pub(super) fn unknown_in(modem: &str) -> String {
    format!("{MODEM}{modem}")
}

/// The modem whose SIM, whichever it is, goes by this name.
pub(super) fn modem_of(sim: &str) -> Option<&str> {
    sim.strip_prefix(MODEM)
}

/// The name of the SIM in a modem that is ready.
pub(super) async fn of(core: &Core, modem: &str, info: &ModemInfo) -> Result<String, StoreError> {
    if !info.imsi.is_empty() {
        return Ok(info.imsi.clone());
    }
    if info.iccid.is_empty() {
        return Ok(unknown_in(modem));
    }
    // Another modem, or this one at another time, may have told the IMSI.
    let known = core.store.sim_of_card(&info.iccid).await?;
    Ok(known.unwrap_or_else(|| format!("{CARD}{}", info.iccid)))
}

/// A SIM is in a modem: what came or went for it under another name becomes its own.
pub(super) async fn take_in(
    core: &Core,
    modem: &str,
    sim: &str,
    iccid: &str,
) -> Result<Vec<Change>, StoreError> {
    let now = core.now();
    let port = unknown_in(modem);
    let card = Some(iccid).filter(|iccid| !iccid.is_empty());
    // No message is filed under the old name meanwhile.
    let _filing = core.filing.lock().await;
    core.store.see_sim(sim, card, modem, sim == port, now).await?;
    let mut changes = Vec::new();
    if let Some(iccid) = card {
        let former = FormerName { sim: format!("{CARD}{iccid}"), same_card: true };
        changes.extend(core.store.adopt(former, sim, now).await?);
    }
    let former = FormerName { sim: port, same_card: false };
    changes.extend(core.store.adopt(former, sim, now).await?);
    Ok(changes)
}
