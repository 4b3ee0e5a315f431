//! The virtual rigs: the virtual operator with one modem, behind memory or pseudo-terminals.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mm1gate::gateway::{Config, ModemConfig};
use mm1gate::model::redact::Secret;
use mm1gate::model::{Address, Clock, Random, Timestamp};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{OpenPort, Port, PortError, PortOpener, SystemPorts};
use mm1gate::operators::Settings;
use mm1gate::sim::{self, Operator, PortRole, PtyPort, VirtualModem};

use super::rig::{Behind, Budget, Rig};

/// Names of the ports in memory.
pub(crate) const DATA: &str = "/dev/virtual-data";
pub(crate) const CONTROL: &str = "/dev/virtual-control";
const OWN: &str = "+447700900001";
const PIN: &str = "4711";

/// What both time and chance come from on a virtual rig: the same each time.
pub(crate) fn clock() -> Clock {
    Clock::starting_at(Timestamp::from_secs(1_790_000_000))
}

/// How a virtual modem's port or ports are shared by commands and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One for each.
    TwoPorts,
    /// One, which a call holds.
    OnePort,
    /// One, with the multiplexer on it: a module of the kind whose profile allows that.
    Multiplexed,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::TwoPorts, Self::OnePort, Self::Multiplexed];

    const fn name(self) -> &'static str {
        match self {
            Self::TwoPorts => "two-ports",
            Self::OnePort => "one-port",
            Self::Multiplexed => "multiplexed",
        }
    }
}

fn operator(shape: Shape) -> Operator {
    let mut modem = sim::ModemConfig {
        control_port: shape == Shape::TwoPorts,
        timing: sim::Timing::usb_stick(),
        ..sim::ModemConfig::default()
    };
    if shape == Shape::Multiplexed {
        "SIEMENS".clone_into(&mut modem.manufacturer);
        "MC55i".clone_into(&mut modem.model);
    }
    let subscriber = sim::Subscriber {
        number: OWN.to_owned(),
        pin: Some(PIN.to_owned()),
        ..sim::Subscriber::default()
    };
    Operator::builder().line(subscriber, modem).clock(clock()).random(Random::seeded(7)).start()
}

struct Memory(VirtualModem);

impl PortOpener for Memory {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        let role = if name == CONTROL { PortRole::Control } else { PortRole::Data };
        Box::pin(async move {
            let opened = self.0.open(role);
            let stream = opened.map_err(|error| PortError::Io {
                port: name.to_owned(),
                text: error.to_string(),
            })?;
            Ok(Box::new(stream) as Box<dyn Port>)
        })
    }
}

/// A rig's configuration, on which everything is free.
pub(crate) fn rig(
    name: &str,
    behind: Behind,
    ports: Arc<dyn PortOpener>,
    data: String,
    control: Option<String>,
    settings: Settings,
) -> Rig {
    let mut config = Config::new(std::env::temp_dir());
    config.modems.push(ModemConfig {
        name: "rig".to_owned(),
        port: data,
        control_port: control,
        profile: "auto".to_owned(),
        pin: Some(Secret::new(PIN)),
        own_number: Address::parse_recipient(OWN).ok(),
        mms: true,
        operator: Some(settings),
        roaming: false,
        monthly_cap: None,
        interface: None,
    });
    Rig {
        name: name.to_owned(),
        description: "the virtual modem of this project, no hardware".to_owned(),
        budget: Budget { sms: 100, mms: 10, calls: 100 },
        behind,
        config,
        ports,
        usb: Arc::new(NoUsb),
        multiplexed: Arc::default(),
        pins: Arc::default(),
        human: false,
        patience: Duration::from_secs(600),
    }
}

fn settings(operator: &Operator) -> Settings {
    Settings {
        apn: operator.apn().to_owned(),
        mmsc: operator.mmsc_url().to_owned(),
        proxy: operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port())),
        ..Settings::default()
    }
}

/// The virtual modem in memory; for virtual time.
pub(crate) fn in_memory(shape: Shape) -> (Rig, Operator) {
    let operator = operator(shape);
    let ports = Arc::new(Memory(operator.modem().clone()));
    let name = format!("virtual-{}", shape.name());
    let control = (shape == Shape::TwoPorts).then(|| CONTROL.to_owned());
    let settings = settings(&operator);
    (rig(&name, Behind::Virtual, ports, DATA.to_owned(), control, settings), operator)
}

/// The virtual modem on pseudo-terminals in `folder`; for real time.
pub(crate) fn on_terminals(shape: Shape, folder: &Path) -> std::io::Result<(Rig, Operator)> {
    let operator = operator(shape);
    let mut names = Vec::new();
    for role in operator.modem().ports() {
        let link = folder.join(if role == PortRole::Data { "data" } else { "control" });
        let port = PtyPort::create(&link)?;
        names.push(link.display().to_string());
        let modem = operator.modem().clone();
        tokio::spawn(async move { port.serve(&modem, role).await });
    }
    let mut names = names.into_iter();
    let (data, control) = (names.next().unwrap_or_default(), names.next());
    let name = format!("terminal-{}", shape.name());
    let settings = settings(&operator);
    let ports = Arc::new(SystemPorts);
    Ok((rig(&name, Behind::Virtual, ports, data, control, settings), operator))
}
