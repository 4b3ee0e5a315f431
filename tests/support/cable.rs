//! A serial cable between a host and the virtual modem that outlives the host: whoever plugs in
//! next finds the modem as it was left. It keeps a record of every octet, and damages some on wish.

use std::sync::{Arc, Mutex};

use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::sim::{PortRole, VirtualModem};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// Octets the cable holds for either side.
const BUFFER: usize = 64 * 1024;

/// What is done to octets on their way; true: from the host.
type Damage = Box<dyn FnMut(bool, &mut Vec<u8>) + Send>;

/// Which way octets went, true from the host, in the order in which they went.
pub(crate) type Record = Vec<(bool, Vec<u8>)>;

#[derive(Clone)]
pub(crate) struct Cable {
    plugs: mpsc::UnboundedSender<DuplexStream>,
    record: Arc<Mutex<Record>>,
    damage: Arc<Mutex<Option<Damage>>>,
}

impl Cable {
    /// On the data port of a modem.
    pub(crate) fn of(modem: &VirtualModem) -> Self {
        let far = modem.open(PortRole::Data).unwrap();
        let (plugs, plugged) = mpsc::unbounded_channel();
        let cable = Self { plugs, record: Arc::default(), damage: Arc::default() };
        tokio::spawn(cable.clone().carry(far, plugged));
        cable
    }

    /// The host's end; an earlier one ends.
    pub(crate) fn plug(&self) -> DuplexStream {
        let (host, near) = tokio::io::duplex(BUFFER);
        self.plugs.send(near).unwrap();
        host
    }

    /// Everything that went over the cable so far.
    pub(crate) fn record(&self) -> Record {
        self.record.lock().unwrap().clone()
    }

    /// Whether the host, or the modem, has said this.
    pub(crate) fn saw(&self, from_host: bool, text: &[u8]) -> bool {
        let octets: Vec<u8> = self
            .record()
            .into_iter()
            .filter(|(host, _)| *host == from_host)
            .flat_map(|(_, octets)| octets)
            .collect();
        octets.windows(text.len()).any(|window| window == text)
    }

    pub(crate) fn damage(&self, damage: impl FnMut(bool, &mut Vec<u8>) + Send + 'static) {
        *self.damage.lock().unwrap() = Some(Box::new(damage));
    }

    fn pass(&self, from_host: bool, octets: &[u8]) -> Vec<u8> {
        let mut octets = octets.to_vec();
        if let Some(damage) = self.damage.lock().unwrap().as_mut() {
            damage(from_host, &mut octets);
        }
        self.record.lock().unwrap().push((from_host, octets.clone()));
        octets
    }

    async fn carry(
        self,
        mut far: DuplexStream,
        mut plugged: mpsc::UnboundedReceiver<DuplexStream>,
    ) {
        let mut near: Option<DuplexStream> = None;
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                biased;
                plug = plugged.recv() => match plug {
                    Some(plug) => near = Some(plug),
                    None => return,
                },
                read = read(&mut near, &mut up) => match read {
                    Some(count) => {
                        let octets = self.pass(true, &up[..count]);
                        if far.write_all(&octets).await.is_err() {
                            return;
                        }
                    }
                    None => near = None,
                },
                read = far.read(&mut down) => {
                    let Ok(count @ 1..) = read else { return };
                    let octets = self.pass(false, &down[..count]);
                    if let Some(host) = &mut near {
                        // Nobody may be there.
                        let _ = host.write_all(&octets).await;
                    }
                }
            }
        }
    }
}

async fn read(near: &mut Option<DuplexStream>, buffer: &mut [u8]) -> Option<usize> {
    match near {
        Some(near) => near.read(buffer).await.ok().filter(|count| *count > 0),
        None => std::future::pending().await,
    }
}

impl PortOpener for Cable {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            if name != "cable" {
                return Err(PortError::Missing { port: name.to_owned(), present: Vec::new() });
            }
            Ok(Box::new(self.plug()) as Box<dyn Port>)
        })
    }
}
