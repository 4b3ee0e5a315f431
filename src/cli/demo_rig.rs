//! What stands around the gateway in the demonstration: the virtual operator, its modem on
//! pseudo-terminals, a phone that answers, and a folder that goes when it ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::error::{CliError, Exit};
use crate::gateway::{Config, ModemConfig};
use crate::media;
use crate::model::redact::Secret;
use crate::model::{Address, MediaType, Random};
use crate::operators::{Auth, Settings};
use crate::sim::{self, Behaviour, Operator, Outgoing, OutgoingPart, PortRole, PtyPort};

/// Number of the virtual phone, from the range that Ofcom keeps for films.
pub(super) const PHONE: &str = "+447700900123";
/// Name of the modem in the gateway.
pub(super) const MODEM: &str = "front-desk";
/// Number of the shop's SIM.
const SHOP: &str = "+447700900001";
/// How long the phone looks at a picture before it answers.
const PHONE_DELAY: Duration = Duration::from_millis(400);
/// How long a data call stays up for more work: short, so that the demonstration ends soon.
const LINGER: Duration = Duration::from_millis(1500);
/// Octets per second of the line, as over a good 3G link: slow enough to see.
const LINE_RATE: u64 = 300_000;
/// What the GGSN wants to hear.
const USER: &str = "shop";
/// See [`USER`].
const PASSWORD: &str = "demo";

/// Everything virtual.
pub(super) struct Rig {
    operator: Operator,
    ports: Vec<PathBuf>,
    servers: Vec<JoinHandle<()>>,
    data_dir: PathBuf,
}

impl Rig {
    /// Powers everything on; terminals and data are in `folder`, the phone answers with `answer`.
    /// `cmux`: the modem has one port and the multiplexer.
    pub(super) fn start(folder: &Path, answer: Bytes, cmux: bool) -> Result<Self, CliError> {
        let subscriber = sim::Subscriber { number: SHOP.to_owned(), ..sim::Subscriber::default() };
        let timing = sim::Timing {
            up_rate: Some(LINE_RATE),
            down_rate: Some(LINE_RATE),
            ..sim::Timing::usb_stick()
        };
        let mut modem = sim::ModemConfig { timing, ..sim::ModemConfig::default() };
        if cmux {
            modem.control_port = false;
            "SIMCOM_Ltd".clone_into(&mut modem.manufacturer);
            "SIMCOM_SIM800L".clone_into(&mut modem.model);
        }
        let media_type = media::sniff(&answer).unwrap_or_else(|| MediaType::new("image/jpeg"));
        let behaviour = Behaviour::Answer(Arc::new({
            let content_type = media_type.to_string();
            move |message| {
                Some(Outgoing {
                    subject: message.subject.as_ref().map(|subject| format!("Re: {subject}")),
                    text: Some("Lovely, thank you! I am on my way.".to_owned()),
                    parts: vec![OutgoingPart {
                        content_type: content_type.clone(),
                        name: "on-my-way.jpg".to_owned(),
                        body: answer.clone(),
                    }],
                })
            }
        }));
        let operator = Operator::builder()
            .line(subscriber, modem)
            .phone_delay(PHONE_DELAY)
            .phone(PHONE, behaviour)
            .auth(sim::Auth::Chap, USER, PASSWORD)
            .start();
        let modem = operator.modem().clone();
        let mut rig = Self {
            operator,
            ports: Vec::new(),
            servers: Vec::new(),
            data_dir: folder.join("data"),
        };
        for role in modem.ports() {
            let name = match role {
                PortRole::Data => "data-port",
                PortRole::Control => "control-port",
            };
            let port = PtyPort::create(&folder.join(name)).map_err(|error| {
                CliError::io(Exit::Unavailable, "no pseudo-terminal for the virtual modem", &error)
            })?;
            rig.ports.push(port.link().to_owned());
            let modem = modem.clone();
            rig.servers.push(tokio::spawn(async move { port.serve(&modem, role).await }));
        }
        Ok(rig)
    }

    /// The gateway's configuration for it, as a shop would write it.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::new(&self.data_dir);
        config.timing.linger = LINGER;
        let proxy = self.operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port()));
        let mut ports = self.ports.iter().map(|port| port.display().to_string());
        let port = ports.next().unwrap_or_default();
        config.modems.push(ModemConfig {
            control_port: ports.next(),
            own_number: Some(Address::Msisdn(SHOP.to_owned())),
            operator: Some(Settings {
                apn: self.operator.apn().to_owned(),
                user: USER.to_owned(),
                password: Secret::new(PASSWORD),
                auth: Auth::Chap,
                mmsc: self.operator.mmsc_url().to_owned(),
                proxy,
                max_message_size: 600 * 1024,
                ..Settings::default()
            }),
            ..ModemConfig::new(MODEM, port)
        });
        config
    }

    /// The modem's ports, for people.
    pub(super) fn ports(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(|port| port.display().to_string()).collect();
        ports.join(" and ")
    }

    /// The picture of the last message that the phone got.
    pub(super) fn picture_at_phone(&self) -> Option<Bytes> {
        let phone = self.operator.phone(PHONE)?;
        let message = phone.received().pop()?;
        message
            .parts
            .into_iter()
            .find(|part| part.content_type.starts_with("image/"))
            .map(|part| part.body)
    }

    /// Powers everything off.
    pub(super) fn stop(&self) {
        self.operator.stop();
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

/// A folder of this run alone, removed at its end.
pub(super) struct TempDir(PathBuf);

impl TempDir {
    /// Makes it, readable by its owner alone.
    pub(super) fn create() -> Result<Self, CliError> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("mm1gate-demo-{}", hex::encode(Random::from_system().array::<6>()));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| CliError::io(Exit::CantCreate, path.display(), &error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
