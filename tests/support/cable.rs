//! A serial cable between a host and the virtual modem that outlives the host: whoever plugs in
//! next finds the modem as it was left. It keeps a record of every octet, and damages some on wish.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::model::{Clock, NoTap, StageSink, Timestamp};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{
    Means, Modem, ModemConfig, ModemEvent, OpenPort, Port, PortError, PortOpener, Profile,
    ProfileChoice, VolatilePins,
};
use mm1gate::sim::{self, Operator, PortRole, VirtualModem};
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

/// The number of the virtual modem's SIM.
pub(crate) const OWN: &str = "+447700900001";

/// The clock of both sides.
fn clock() -> Clock {
    Clock::starting_at(Timestamp::from_secs(1_790_000_000))
}

/// An operator with a modem that has one port only, and a cable on it.
pub(crate) fn one_port(timing: sim::Timing) -> (Operator, Cable) {
    let modem = sim::ModemConfig { control_port: false, timing, ..sim::ModemConfig::default() };
    let subscriber = sim::Subscriber { number: OWN.to_owned(), ..sim::Subscriber::default() };
    let operator = Operator::builder().line(subscriber, modem).clock(clock()).start();
    let cable = Cable::of(operator.modem());
    (operator, cable)
}

/// The generic profile with the multiplexer.
pub(crate) fn multiplexing() -> ProfileChoice {
    let mut profile = Profile::generic();
    profile.cmux.allowed = true;
    ProfileChoice::fixed(profile)
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

    /// Our driver at its end.
    pub(crate) fn driver(&self, profile: ProfileChoice) -> (Modem, mpsc::Receiver<ModemEvent>) {
        let config = ModemConfig {
            name: "desk".to_owned(),
            port: "cable".to_owned(),
            control_port: None,
            profile,
            pin: None,
            roaming: false,
            registration_limit: Duration::from_secs(30),
        };
        let means = Means {
            ports: Arc::new(self.clone()),
            usb: Arc::new(NoUsb),
            pins: Arc::new(VolatilePins::default()),
            tap: Arc::new(NoTap),
            clock: clock(),
            stages: StageSink::none(),
        };
        Modem::start(config, means)
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
