//! `mm1gate serve`: the gateway with its modems, the page and the socket, until it is told to end.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::capture::Recording;
use super::error::{CliError, Exit};
use super::host_clock::ThisHost;
use super::{session, settings, supervisor, term};
use crate::api::Listeners;
use crate::gateway::{Config, Deps, Event, Gateway};
use crate::model::{Clock, Explain, Random, Stage, Tap};
use crate::modem::SystemPorts;
use crate::modem::usb::Sysfs;
use crate::store::NoProbe;
use crate::world::{self, World};

/// How to run.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate serve --config /etc/mm1gate/mm1gate.toml\n\n\
    It ends in order with Ctrl-C or SIGTERM: a data call is hung up, messages stay in the store.\n\
    On SIGHUP it reads the configuration anew: [sending], [limits], [[route]], [receiving], [webhooks],\n\
    [[hook]], [[folder]], [smtp], [[mail]] and [retention] hold at once; the log says what wants a restart.")]
pub(super) struct Args {
    /// Configuration file [default: $XDG_CONFIG_HOME/mm1gate/mm1gate.toml or /etc/mm1gate/mm1gate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write everything that goes over the modems' ports into this pcapng file, numbers and pictures
    /// included; `mm1gate capture redact` makes a copy without them
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

/// Runs the gateway.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    let file = settings::find(args.config.as_deref())?.ok_or_else(settings::missing)?;
    let config = session::load(&file)?;
    super::block_on(serve(file, config, args.pcap))
}

async fn serve(file: PathBuf, config: Config, pcap: Option<PathBuf>) -> Result<(), CliError> {
    let stop = stop_signal()?;
    let hang_up = hang_up_signal()?;
    let capture = Recording::begin(pcap.as_deref())?;
    let (data_dir, listen) = (config.data_dir.clone(), config.listen);
    let gateway = start_with(config, capture.tap()).await?;
    tokio::spawn(log_events(gateway.subscribe_from_start()));
    let world = start_world(&gateway).await?;
    let said = Arc::new(watch::Sender::new(String::new()));
    let reload = Reload { file, gateway: gateway.clone(), said: Arc::clone(&said) };
    let reloads = tokio::spawn(reload_on(hang_up, reload, world, stop.clone()));
    let ended = stop.clone();
    tokio::spawn(async move {
        ended.cancelled().await;
        supervisor::stopping();
    });
    let running = run_listeners(&gateway, &data_dir, listen, &said, stop.clone()).await;
    stop.cancel();
    // It ends with the world that runs then.
    let _ = reloads.await;
    gateway.stop().await;
    let written = capture.end();
    running.and(written)
}

/// Begins to tell webhooks and programs what happens.
async fn start_world(gateway: &Gateway) -> Result<World, CliError> {
    let config = gateway.world();
    let client = world::SystemClient::new(config.allow.clone(), config.allow_http);
    let deps = world::Deps {
        client: Arc::new(client.trusting(&config.authorities)),
        runner: Arc::new(world::SystemRunner),
        clock: Clock::system(),
        random: Random::from_system(),
    };
    World::start(gateway, deps).await.map_err(|error| {
        CliError::new(Exit::Io, error.to_string())
            .remedy("look at the free space and the permissions of the data folder")
    })
}

/// SIGHUP, unless this process was started in a terminal: whoever closes that wants its end.
fn hang_up_signal() -> Result<Option<Signal>, CliError> {
    if std::io::stderr().is_terminal() {
        return Ok(None);
    }
    signal(SignalKind::hangup())
        .map(Some)
        .map_err(|error| CliError::io(Exit::Software, "signals", &error))
}

/// What a reload needs.
struct Reload {
    file: PathBuf,
    gateway: Gateway,
    said: Arc<watch::Sender<String>>,
}

/// Reads the configuration anew on each SIGHUP, until the end; a file that cannot be used changes
/// nothing.
async fn reload_on(
    hang_up: Option<Signal>,
    reload: Reload,
    mut world: World,
    stop: CancellationToken,
) {
    if let Some(mut hang_up) = hang_up {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                news = hang_up.recv() => if news.is_none() { break },
            }
            supervisor::reloading();
            let status = read_anew(&reload.file, &reload.gateway, &mut world).await;
            supervisor::ready(status, &reload.said);
        }
    }
    stop.cancelled().await;
    world.stop().await;
}

/// What systemd shows afterwards.
async fn read_anew(file: &Path, gateway: &Gateway, world: &mut World) -> String {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "the configuration cannot be used; the one before stays in force");
            return format!("the configuration cannot be used, the one before holds: {error}");
        }
    };
    let restart = match gateway.reload(config).await {
        Ok(restart) => restart,
        Err(error) => {
            tracing::error!(%error, "what waits is judged by the new configuration in its turn");
            Vec::new()
        }
    };
    world.stop().await;
    match start_world(gateway).await {
        Ok(new) => *world = new,
        Err(error) => {
            tracing::error!(error = %error.message, "nobody is told of events until the next reload");
            return format!("webhooks, programs, folders and mail rest: {}", error.message);
        }
    }
    if restart.is_empty() {
        tracing::info!(file = %file.display(), "the configuration was read anew");
        return "the configuration was read anew".to_owned();
    }
    let restart = restart.join(", ");
    tracing::warn!(
        file = %file.display(), %restart,
        "the configuration was read anew; what has changed in these holds after a restart"
    );
    format!("the configuration was read anew; a restart is needed for {restart}")
}

async fn run_listeners(
    gateway: &Gateway,
    data_dir: &Path,
    listen: std::net::SocketAddr,
    said: &watch::Sender<String>,
    stop: CancellationToken,
) -> Result<(), CliError> {
    let mut listeners = Listeners::none();
    listeners
        .socket(data_dir)
        .map_err(|error| CliError::io(Exit::CantCreate, data_dir.display(), &error))?;
    let tls = &gateway.config().api.tls;
    if let Some(files) = tls {
        listeners.tls(files).map_err(|error| {
            CliError::io(Exit::Config, "TLS for the page and the API", &error)
                .remedy("give the certificate chain and its key in PEM format, without a password")
        })?;
    }
    let address = listeners.tcp(listen).await.map_err(|error| {
        CliError::io(Exit::Unavailable, format!("cannot listen on {listen}"), &error)
            .remedy("choose another port as listen under [api] in the configuration")
    })?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    term::note(&format!("The page is at {scheme}://{address}/ (end with Ctrl-C)."));
    if !address.ip().is_loopback() && !gateway.access().has_tokens() {
        term::note("Nobody may use it yet: `mm1gate token create NAME` makes a token.");
    }
    let status = format!("the page is at {scheme}://{address}/");
    supervisor::ready(status, said);
    tokio::spawn(supervisor::tell_alarms(gateway.clone(), said.subscribe(), stop.clone()));
    tokio::spawn(supervisor::watch(gateway.clone(), stop.clone()));
    listeners
        .serve(gateway.clone(), stop)
        .await
        .map_err(|error| CliError::io(Exit::Io, "a listener failed", &error))
}

/// Tells the log what the page shows: how messages fare, and which modem is ready.
async fn log_events(mut events: broadcast::Receiver<Event>) {
    let mut conditions = BTreeMap::new();
    loop {
        match events.recv().await {
            Ok(Event::State { id, direction, state, .. }) => {
                tracing::info!(%id, direction = direction.as_str(), "{}", state.as_str());
            }
            Ok(Event::Stage { modem, stage, .. }) => match stage {
                Stage::Uploading { .. } | Stage::Downloading { .. } => {
                    tracing::trace!(%modem, "{stage}");
                }
                stage => tracing::debug!(%modem, "{stage}"),
            },
            Ok(Event::Modem { modem, .. }) => {
                // What is wrong was told by the one who met it.
                if conditions.insert(modem.name.clone(), modem.condition) != Some(modem.condition) {
                    let operator = modem.operator.as_deref().map(tracing::field::display);
                    tracing::info!(modem = %modem.name, operator, "{}", modem.condition);
                }
            }
            // The gateway has written it itself.
            Ok(Event::Alarm { .. }) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Cancelled by the first SIGINT or SIGTERM; a second one ends the process at once.
pub(super) fn stop_signal() -> Result<CancellationToken, CliError> {
    let failed = |error: std::io::Error| CliError::io(Exit::Software, "signals", &error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let code = tokio::select! {
            biased;
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        };
        stop.cancel();
        term::note("Ending; a data call is hung up first. Once more ends at once.");
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(code);
    });
    Ok(token)
}

/// Starts the gateway on this machine's ports, with a watcher of every octet.
pub(super) async fn start_with(config: Config, tap: Arc<dyn Tap>) -> Result<Gateway, CliError> {
    let deps = Deps {
        ports: Arc::new(SystemPorts),
        clock: Clock::following(ThisHost),
        random: Random::from_system(),
        tap,
        usb: Arc::new(Sysfs::system()),
        probe: Arc::new(NoProbe),
    };
    Gateway::start(config, deps).await.map_err(|error| {
        let exit = match error.code() {
            "data-dir-taken" => Exit::TempFail,
            "data-dir-unusable" => Exit::CantCreate,
            "profile-unusable" => Exit::Config,
            _ => Exit::Io,
        };
        CliError { exit, ..CliError::fault(&error.to_fault()) }
    })
}
