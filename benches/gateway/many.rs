//! Virtual modems with their operators, on pseudo-terminals, for one daemon.
//!
//! The operators work in this process, on the same processors as the daemon: what they take is missing
//! to it, so the share that is measured is less than that of a daemon alone.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::Method;
use mm1gate::model::Random;
use mm1gate::sim::{self, Behaviour, Operator, PortRole, PtyPort};
use tokio::task::JoinHandle;

use crate::daemon::{self, Daemon, ModemLine, Sync};
use crate::load::Client;

/// Octets a second of each line.
const RATE: u64 = 40_000;
/// Octets of each message, and how many go through each modem.
const OCTETS: usize = 200_000;
const MESSAGES: usize = 3;
const PHONE: &str = "+447700900123";
/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(240);

/// A modem and the operator of its SIM.
pub(crate) struct Modem {
    operator: Operator,
    servers: Vec<JoinHandle<()>>,
    line: ModemLine,
}

impl Modem {
    /// Powers one on; its ports are links in `folder`.
    pub(crate) async fn start(folder: &Path, index: usize) -> Result<Self, String> {
        let number = format!("+4477009{index:05}");
        let imsi = format!("2341500000{index:05}");
        let subscriber =
            sim::Subscriber { number: number.clone(), imsi, ..sim::Subscriber::default() };
        let timing =
            sim::Timing { up_rate: Some(RATE), down_rate: Some(RATE), ..sim::Timing::usb_stick() };
        let modem = sim::ModemConfig { timing, ..sim::ModemConfig::default() };
        let operator =
            Operator::builder().line(subscriber, modem).phone(PHONE, Behaviour::Receive).start();
        let mut ports = Vec::new();
        let mut servers = Vec::new();
        for role in operator.modem().ports() {
            let name = match role {
                PortRole::Data => format!("data-{index}"),
                PortRole::Control => format!("control-{index}"),
            };
            let port = PtyPort::create(&folder.join(name)).map_err(|error| error.to_string())?;
            ports.push(port.link().to_owned());
            let modem = operator.modem().clone();
            servers.push(tokio::spawn(async move { port.serve(&modem, role).await }));
        }
        let mut ports = ports.into_iter();
        let line = ModemLine {
            name: format!("modem-{index}"),
            port: ports.next().unwrap_or_default(),
            control_port: ports.next(),
            number,
            mmsc: operator.mmsc_url().to_owned(),
            proxy: operator.proxy().map(|it| it.to_string()).unwrap_or_default(),
            apn: operator.apn().to_owned(),
        };
        Ok(Self { operator, servers, line })
    }

    /// How the daemon's configuration names it.
    pub(crate) fn line(&self) -> ModemLine {
        self.line.clone()
    }

    fn delivered(&self) -> usize {
        self.operator.phone(PHONE).map_or(0, |phone| phone.received().len())
    }
}

impl Drop for Modem {
    fn drop(&mut self) {
        self.operator.stop();
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

/// Waits until so many modems are ready.
pub(crate) async fn until_ready(daemon: &Daemon, modems: usize) -> Result<(), String> {
    let mut client = Client::connect(daemon.address, daemon.token.as_deref()).await?;
    let begin = Instant::now();
    loop {
        let (_, body) = client.ask(Method::GET, "/api/v1/modems", Bytes::new()).await?;
        let text = String::from_utf8_lossy(&body);
        let ready = text.matches("\"condition\":\"ready\"").count();
        if ready >= modems {
            return Ok(());
        }
        if begin.elapsed() > LIMIT {
            return Err(format!("{ready} of {modems} modems are ready"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What came of some modems at work.
struct Work {
    /// Octets of messages a second, all modems together.
    throughput: f64,
    /// The most memory that was seen, octets.
    resident: u64,
}

async fn work(count: usize) -> Result<Work, String> {
    let folder = tempfile::tempdir_in(".").map_err(|error| error.to_string())?;
    let mut modems = Vec::new();
    for index in 0..count {
        modems.push(Modem::start(folder.path(), index).await?);
    }
    let lines: Vec<ModemLine> = modems.iter().map(Modem::line).collect();
    daemon::configure(folder.path(), &lines)?;
    let daemon = Daemon::start(folder.path(), Sync::On)?;
    until_ready(&daemon, count).await?;
    let random = Random::seeded(11);
    let mut picture = vec![0; OCTETS];
    random.fill(&mut picture);
    picture[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
    let picture = BASE64_STANDARD.encode(&picture);
    let mut client = Client::connect(daemon.address, daemon.token.as_deref()).await?;
    let begin = Instant::now();
    for _ in 0..MESSAGES {
        for line in &lines {
            let body = serde_json::json!({
                "to": [PHONE], "modem": line.name,
                "parts": [{"content_type": "image/jpeg", "filename": "a.jpg", "data_base64": picture}],
            });
            let body = body.to_string().into();
            let (status, answer) = client.ask(Method::POST, "/api/v1/messages", body).await?;
            if !status.is_success() {
                return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)));
            }
        }
    }
    let mut resident = 0;
    while modems.iter().map(Modem::delivered).sum::<usize>() < MESSAGES * count {
        if begin.elapsed() > LIMIT {
            return Err("the messages were not sent in time".to_owned());
        }
        resident = resident.max(daemon.resident()?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let octets = (OCTETS * MESSAGES * count) as f64;
    let throughput = octets / begin.elapsed().as_secs_f64();
    // It hangs up first, for which its modems have to answer.
    tokio::task::spawn_blocking(move || drop(daemon)).await.map_err(|error| error.to_string())?;
    Ok(Work { throughput, resident })
}

/// One modem, then so many.
pub(crate) async fn modems(count: usize) -> Result<(), String> {
    let one = work(1).await?;
    let many = work(count).await?;
    println!(
        "{{\"case\":\"modems-{count}\",\"share\":{:.3},\"octets_per_second\":{:.0},\
         \"of_one_modem\":{:.0}}}",
        many.throughput / (one.throughput * count as f64),
        many.throughput,
        one.throughput,
    );
    println!("{{\"case\":\"rss-{count}\",\"mb\":{:.1}}}", many.resident as f64 / 1e6);
    Ok(())
}
