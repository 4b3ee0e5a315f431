//! The clock of this computer, and whether something keeps it right (adjtimex(2): the kernel forgets
//! what NTP, PTP or a radio clock told it when that is long ago).

use crate::model::{Clock, HostClock, HostLook};

/// This computer's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThisHost;

impl HostClock for ThisHost {
    fn look(&self) -> HostLook {
        HostLook { wall: Clock::system().now(), synchronised: is_synchronised() }
    }
}

/// True where the system does not tell: a clock is right more often than not.
#[cfg(target_os = "linux")]
fn is_synchronised() -> bool {
    /// The kernel's TIME_ERROR: not synchronised.
    const TIME_ERROR: i32 = 5;
    let mut asked = rtime_clock::adjtime::Timex::new();
    match rtime_clock::adjtime::adjtimex(&mut asked) {
        Ok(state) => state != TIME_ERROR,
        Err(error) => {
            tracing::debug!("the kernel does not tell whether the clock is right: {error}");
            true
        }
    }
}

#[cfg(not(target_os = "linux"))]
const fn is_synchronised() -> bool {
    true
}
