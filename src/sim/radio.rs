//! The way between a modem and the GGSN: its delay, its rate, what it damages, and the frames that
//! PPP servers send without need (RFC 1661 clauses 5.4 to 5.9, RFC 1962, RFC 5072).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::fault::{Fault, Faults, OfferedProtocol};
use crate::codec::ppp::{
    ControlPacket, Deframed, Deframer, FLAG, FrameFormat, code, protocol, split_frame,
};
use crate::model::Random;
use crate::net::Io;

/// Octets moved at once.
const CHUNK: usize = 2048;
/// Chunks under way in one direction; more have to wait.
const IN_FLIGHT: usize = 64;
/// Octets of the longest frame.
const MAX_FRAME: usize = 4096;
/// The identifier of frames that the server's own machine knows nothing of.
const STRAY: u8 = 0xd7;

/// Whether a fault is about this way, so that a call needs it.
pub(super) const fn is_about_radio(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::NetworkSlow { .. }
            | Fault::NetworkRate { .. }
            | Fault::PacketLoss { .. }
            | Fault::PppOffers { .. }
            | Fault::PppDiscards {}
            | Fault::PppRejectsProtocol {}
            | Fault::PppTerminates { .. }
    )
}

/// Carries a call's octets both ways until either side ends.
pub(super) async fn carry(
    modem: Box<dyn Io>,
    network: Box<dyn Io>,
    faults: Faults,
    random: Random,
) {
    let (from_modem, to_modem) = tokio::io::split(modem);
    let (from_network, to_network) = tokio::io::split(network);
    let (stray, strays) = mpsc::unbounded_channel();
    let up = Way { faults: faults.clone(), random: random.clone() };
    let down = Way { faults, random };
    tokio::select! {
        biased;
        () = up.run(from_modem, to_network, Some(Watch::new(stray)), None) => {}
        () = down.run(from_network, to_modem, None, Some(strays)) => {}
    }
}

/// One direction.
struct Way {
    faults: Faults,
    random: Random,
}

impl Way {
    async fn run(
        self,
        from: ReadHalf<Box<dyn Io>>,
        to: WriteHalf<Box<dyn Io>>,
        watch: Option<Watch>,
        strays: Option<mpsc::UnboundedReceiver<Vec<u8>>>,
    ) {
        let (sender, receiver) = mpsc::channel(IN_FLIGHT);
        tokio::join!(self.take_in(from, sender, watch), self.let_out(to, receiver, strays));
    }

    async fn take_in(
        &self,
        mut from: ReadHalf<Box<dyn Io>>,
        sender: mpsc::Sender<(Instant, Vec<u8>)>,
        mut watch: Option<Watch>,
    ) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match from.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            let mut octets = buffer.get(..count).unwrap_or_default().to_vec();
            if let Some(watch) = &mut watch {
                watch.see(&octets, &self.faults);
            }
            self.damage(&mut octets);
            let slow = self.faults.find(|fault| match fault {
                Fault::NetworkSlow { rtt_millis } => Some(*rtt_millis),
                _ => None,
            });
            let due = Instant::now() + Duration::from_millis(slow.unwrap_or(0) / 2);
            if sender.send((due, octets)).await.is_err() {
                return;
            }
        }
    }

    /// A lost packet is one whose checksum does not match.
    fn damage(&self, octets: &mut [u8]) {
        let loss = |fault: &Fault| match fault {
            Fault::PacketLoss { per_mille } => Some(u64::from(*per_mille)),
            _ => None,
        };
        if self.faults.look(loss).is_some_and(|per_mille| self.random.below(1_000) < per_mille) {
            self.faults.find(loss);
            let at = self.random.below(u64::try_from(octets.len()).unwrap_or(0));
            let at = usize::try_from(at).unwrap_or(0);
            if let Some(octet) = octets.get_mut(at).filter(|octet| **octet != FLAG) {
                *octet ^= 0x20;
            }
        }
    }

    async fn let_out(
        &self,
        mut to: WriteHalf<Box<dyn Io>>,
        mut receiver: mpsc::Receiver<(Instant, Vec<u8>)>,
        mut strays: Option<mpsc::UnboundedReceiver<Vec<u8>>>,
    ) {
        let mut between_frames = true;
        loop {
            let octets = tokio::select! {
                biased;
                Some(stray) = next(&mut strays), if between_frames => stray,
                chunk = receiver.recv() => {
                    let Some((due, octets)) = chunk else { return };
                    sleep_until(due).await;
                    octets
                }
            };
            between_frames = octets.last() == Some(&FLAG);
            if to.write_all(&octets).await.is_err() || to.flush().await.is_err() {
                return;
            }
            let rate = self.faults.find(|fault| match fault {
                Fault::NetworkRate { bits } if *bits > 0 => Some(*bits),
                _ => None,
            });
            if let Some(bits) = rate {
                let micros = u64::try_from(octets.len()).unwrap_or(0) * 8_000_000 / bits;
                sleep(Duration::from_micros(micros)).await;
            }
        }
    }
}

async fn next(strays: &mut Option<mpsc::UnboundedReceiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match strays {
        Some(strays) => strays.recv().await,
        None => None,
    }
}

/// Looks at what the host sends, for the moment to answer more than was asked.
struct Watch {
    strays: mpsc::UnboundedSender<Vec<u8>>,
    deframer: Deframer,
    octets: u64,
    greeted: bool,
}

impl Watch {
    fn new(strays: mpsc::UnboundedSender<Vec<u8>>) -> Self {
        Self { strays, deframer: Deframer::new(MAX_FRAME), octets: 0, greeted: false }
    }

    fn see(&mut self, octets: &[u8], faults: &Faults) {
        self.octets += u64::try_from(octets.len()).unwrap_or(0);
        if !self.greeted {
            let mut network = false;
            self.deframer.feed(octets, |found| {
                if let Deframed::Frame(frame) = found {
                    let is_ipcp = |(number, _)| number == protocol::IPCP;
                    network |= split_frame(frame).is_ok_and(is_ipcp);
                }
            });
            // LCP is open and whoever is dialled may say what it likes.
            if network {
                self.greeted = true;
                self.greet(faults);
            }
        }
        let total = self.octets;
        let ends = faults.take(|fault| match fault {
            Fault::PppTerminates { after } if self.greeted && total >= *after => Some(()),
            _ => None,
        });
        if ends.is_some() {
            self.send(protocol::LCP, code::TERMINATE_REQUEST, b"session time-out");
        }
    }

    fn greet(&self, faults: &Faults) {
        if faults.strikes(&Fault::PppDiscards {}) {
            self.send(protocol::LCP, code::DISCARD_REQUEST, &[1, 2, 3, 4, b'x']);
        }
        if faults.strikes(&Fault::PppRejectsProtocol {}) {
            // IPv6CP was never sent; the packet that it quotes is made up.
            self.send(protocol::LCP, code::PROTOCOL_REJECT, &[0x80, 0x57, 1, 1, 0, 4]);
        }
        if faults.strikes(&Fault::PppOffers { protocol: OfferedProtocol::Ccp }) {
            // Deflate with a window of 32 KiB (RFC 1979).
            self.send(protocol::CCP, code::CONFIGURE_REQUEST, &[26, 4, 0x78, 0]);
        }
        if faults.strikes(&Fault::PppOffers { protocol: OfferedProtocol::Ipv6cp }) {
            let identifier = [1, 10, 2, 0x50, 0, 0xff, 0xfe, 0, 0, 1];
            self.send(protocol::IPV6CP, code::CONFIGURE_REQUEST, &identifier);
        }
    }

    fn send(&self, protocol: u16, code: u8, data: &[u8]) {
        let packet = ControlPacket::new(code, STRAY, data).encode();
        let mut frame = Vec::new();
        FrameFormat::default().encode(protocol, &packet, &mut frame);
        // The other direction ends with this one.
        let _ = self.strays.send(frame);
    }
}
