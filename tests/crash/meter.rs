//! What went over the line in data calls, counted beside the gateway: what its own figures are held
//! against.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::model::{Tap, TapChannel, TapEvent};
use tokio::time::Instant;

use crate::life::Life;

/// What may be missing of a call whose process ended: the octets of so long before. The gateway
/// writes its counts down every five seconds; the sixth is for a commit that the end fell into.
const UNCOUNTED: Duration = Duration::from_secs(6);

/// The octets of all IP packets of a scene, and when processes ended.
#[derive(Default)]
pub(crate) struct Meter {
    packets: Mutex<Vec<(Instant, u64)>>,
    ends: Mutex<Vec<Instant>>,
}

/// The tap of one process; behind its end nothing is counted any more.
pub(crate) struct MeterTap {
    pub(crate) life: Arc<Life>,
    pub(crate) meter: Arc<Meter>,
}

impl Tap for MeterTap {
    fn observe(&self, event: TapEvent<'_>) {
        let ip = event.octets.strip_prefix(&[0xFF, 0x03, 0x00, 0x21]);
        if let (TapChannel::Ppp, Some(&[_, _, high, low, ..])) = (event.channel, ip)
            && !self.life.is_dead()
        {
            // The packet's own length.
            let length = u64::from(u16::from_be_bytes([high, low]));
            self.meter.packets.lock().unwrap().push((Instant::now(), length));
        }
    }
}

impl Meter {
    /// The process has ended.
    pub(crate) fn ended(&self) {
        self.ends.lock().unwrap().push(Instant::now());
    }

    /// What is wrong with what the gateway says that its SIM has used.
    pub(crate) fn complaint(&self, used: u64) -> Option<String> {
        let (packets, ends) = (self.packets.lock().unwrap(), self.ends.lock().unwrap());
        let seen: u64 = packets.iter().map(|(_, octets)| octets).sum();
        let cut: u64 = packets
            .iter()
            .filter(|(at, _)| ends.iter().any(|end| (*at..=*at + UNCOUNTED).contains(end)))
            .map(|(_, octets)| octets)
            .sum();
        let least = seen - cut;
        (!(least..=seen).contains(&used)).then(|| {
            format!(
                "the data of the month: {used} octets are counted, {seen} went over the line, and at \
                 most {cut} of them in the last {} s before an end",
                UNCOUNTED.as_secs()
            )
        })
    }
}
