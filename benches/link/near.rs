//! Our end: the port as the product opens it, the bearer, and the request as the product makes it.

#![expect(clippy::disallowed_methods, reason = "the time on the line is real")]

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mm1gate::bearer::{Bearer, BearerConfig, CallLabel};
use mm1gate::mm1::{Client, Identity, SubmitOutcome};
use mm1gate::model::{Clock, NoTap, Random, StageSink};
use mm1gate::modem::{PortOpener, SystemPorts};
use mm1gate::net::Net;
use mm1gate::operators::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::far::{self, Far};
use crate::line::{Line, Way};

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// An M-Send.req goes out; otherwise a body comes in.
    pub(crate) post: bool,
    pub(crate) octets: usize,
}

/// What came out.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Of the thread that is our end: bearer, TCP, HTTP.
    pub(crate) cpu: Duration,
    pub(crate) peer: &'static str,
    pub(crate) congestion: String,
    /// Octets on the line during the request, framing included.
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// Runs one request on a fresh line and a fresh connection.
pub(crate) fn run(
    up: Way,
    down: Way,
    seed: u64,
    request: Request,
    own_peer: bool,
) -> Result<Measured, String> {
    let line = Line::new(up, down, seed).map_err(|error| error.to_string())?;
    let far = Far::start(&line.far, own_peer)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let near = line.near.to_string_lossy().into_owned();
    // As in the product, in a task: each wake-up of the future that blocks the thread is a system call.
    let request = async move { tokio::time::timeout(LIMIT, measure(&near, seed, request)).await };
    let measured = runtime
        .block_on(runtime.spawn(request))
        .map_err(|error| error.to_string())?
        .unwrap_or_else(|_| Err(format!("not done after {} s", LIMIT.as_secs())))?;
    Ok(Measured { peer: far.peer(), congestion: far.congestion().to_owned(), ..measured })
}

async fn measure(port: &str, seed: u64, request: Request) -> Result<Measured, String> {
    let ports = SystemPorts;
    let stream = ports.open(port).await.map_err(|error| error.to_string())?;
    let config = BearerConfig { mtu: 1500, ..BearerConfig::default() };
    let label = CallLabel { modem: "bench".to_owned(), call: 1 };
    let stages = StageSink::none();
    let random = Random::seeded(seed + 1000);
    let bearer = Bearer::up(
        stream,
        config,
        label,
        Arc::new(NoTap),
        Clock::system(),
        random.clone(),
        stages.clone(),
    )
    .await
    .map_err(|failed| failed.error.to_string())?;
    let net = bearer.net();
    let mut body = vec![0; request.octets];
    random.fill(&mut body);
    // The last frames of the negotiation are off the line.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let counters = bearer.counters();
    let before = (counters.sent(), counters.received(), cpu());
    let begin = Instant::now();
    if request.post {
        post(net, body.into(), &stages).await?;
    } else {
        get(net, request.octets).await?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Measured {
        seconds,
        cpu: cpu().saturating_sub(before.2),
        peer: "",
        congestion: String::new(),
        sent: counters.sent() - before.0,
        received: counters.received() - before.1,
    })
}

/// As the gateway submits, with a file synchronised to disk where it commits the release.
async fn post(net: Arc<dyn Net>, body: Bytes, stages: &StageSink) -> Result<(), String> {
    let settings = Settings {
        mmsc: format!("http://{}/mms", Ipv4Addr::from(far::ADDRESS)),
        proxy: None,
        ..Settings::default()
    };
    let client = Client::new(net, settings, Identity::default());
    let hook = || async {
        tokio::task::spawn_blocking(|| {
            let mut file = tempfile::tempfile()?;
            file.write_all(&[1; 512])?;
            file.sync_all()
        })
        .await
        .map_err(std::io::Error::other)?
    };
    match client.submit(body, "T1", hook, stages).await {
        Ok(SubmitOutcome::Accepted { .. }) => Ok(()),
        Ok(other) => Err(format!("{other:?}")),
        Err(error) => Err(error.to_string()),
    }
}

async fn get(net: Arc<dyn Net>, octets: usize) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let to = SocketAddr::new(IpAddr::from(far::ADDRESS), 80);
    let mut stream = net.connect(to, LIMIT).await.map_err(|error| error.to_string())?;
    let head = format!(
        "GET /mms?octets={octets} HTTP/1.1\r\nHost: 10.64.0.1\r\nUser-Agent: mm1gate\r\n\
         Accept: application/vnd.wap.mms-message, */*\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(text)?;
    let mut read = Vec::with_capacity(octets + 1024);
    let mut wanted = usize::MAX;
    while read.len() < wanted {
        if stream.read_buf(&mut read).await.map_err(text)? == 0 {
            return Err(format!("the connection ended after {} octets", read.len()));
        }
        if wanted == usize::MAX
            && let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n")
        {
            wanted = end + 4 + octets;
        }
    }
    Ok(())
}

/// Time on a processor of this thread.
fn cpu() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
