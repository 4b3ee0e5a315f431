//! A smoltcp device that is a pair of packet queues.

use std::collections::VecDeque;

use smoltcp::phy::{
    Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken,
};
use smoltcp::time::Instant;

/// Packets that wait to be sent when the line stands still, answers to incoming packets included;
/// more are dropped, as a router would.
const MAX_QUEUED: usize = 128;

/// Two queues.
#[derive(Debug)]
pub(super) struct QueueDevice {
    mtu: usize,
    pub(super) received: VecDeque<Vec<u8>>,
    to_send: VecDeque<Vec<u8>>,
}

impl QueueDevice {
    pub(super) const fn new(mtu: usize) -> Self {
        Self { mtu, received: VecDeque::new(), to_send: VecDeque::new() }
    }

    pub(super) const fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
    }

    pub(super) fn next_to_send(&mut self) -> Option<Vec<u8>> {
        self.to_send.pop_front()
    }
}

impl Device for QueueDevice {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, ToSend<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), ToSend(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        (self.to_send.len() < MAX_QUEUED).then_some(ToSend(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        let mut checksum = ChecksumCapabilities::default();
        checksum.ipv4 = Checksum::Both;
        checksum.tcp = Checksum::Both;
        checksum.udp = Checksum::Both;
        checksum.icmpv4 = Checksum::Both;
        capabilities.checksum = checksum;
        capabilities
    }
}

/// A packet that arrived.
pub(super) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a packet.
pub(super) struct ToSend<'a>(&'a mut QueueDevice);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut packet = vec![0; length];
        let result = f(&mut packet);
        if self.0.to_send.len() < MAX_QUEUED {
            self.0.to_send.push_back(packet);
        }
        result
    }
}
