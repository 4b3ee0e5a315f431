//! `mm1gate simulate`: the virtual modem and operator on pseudo-terminals.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::block_on;
use super::error::{CliError, Exit};
use crate::sim::{
    Auth, Behaviour, Operator, PortRole, PtyPort, Scenario, Timing, control, split_words,
};

/// The virtual modem and operator; runs until interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate simulate --tty /tmp/modem --control 127.0.0.1:8412\n  \
    mm1gate send --port /tmp/modem --apn mms.example --mmsc http://mmsc.example/mms \\\n      --proxy 10.1.1.1:8080 --to +447700900002 --file photo.jpg\n\n\
    As the operator of your own tests:\n  \
    curl -H 'Content-Type: application/json' -d '{\"fault\":\"mmsc-http-status\",\"status\":503}' \
    http://127.0.0.1:8412/faults\n\n\
    A modem that misbehaves by a plan:\n  \
    mm1gate simulate --tty /tmp/modem --scenario bad-day.toml\n\n\
    where bad-day.toml may say, all of it optional:\n  \
    seed = 7                        # where its chances come from\n  \
    [modem]\n  \
    sm_slots = 10                   # also me_slots, first_index, offers_mt, control_port,\n  \
    \x20                               # attach_apn, connect_text, max_cid, manufacturer, model, imei\n  \
    [timing]\n  \
    dial_millis = 900               # also reply_millis, register_millis, submit_millis,\n  \
    \x20                               # up_rate and down_rate in octets per second\n  \
    [sim]\n  \
    pin = \"1234\"                    # also imsi, number, pin_tries, number_on_sim\n  \
    [network]\n  \
    auth = \"chap\"                   # also apn, user, password, repeat_seconds\n  \
    [[fault]]\n  \
    fault = \"reply-delayed\"         # see below for the names\n  \
    command = \"+CMGS\"\n  \
    millis = 135000\n  \
    times = 1                       # how often; for ever without\n  \
    [[fault]]\n  \
    fault = \"no-coverage\"\n  \
    at = 20                         # seconds after the start\n  \
    for = 30                        # seconds that it lasts\n\n\
    What is given on the command line goes before what the file says. A name that no fault has \
    is answered with all names there are.")]
pub(super) struct Args {
    /// Name for the modem's data port; made as a link to a pseudo-terminal
    #[arg(long, value_name = "PATH")]
    tty: PathBuf,
    /// Name for a second port, for AT commands during a call
    #[arg(long, value_name = "PATH")]
    control_tty: Option<PathBuf>,
    /// Be the modem of this scenario: its shape, its SIM, its network and what goes wrong when
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Be the modem of a scenario drawn from this number: some shape and several faults that all
    /// cease within four minutes
    #[arg(long, value_name = "N", conflicts_with = "scenario")]
    seed: Option<u64>,
    /// Hand data calls to this program's standard input and output (a PPP peer such as slirp);
    /// split into words, no shell
    #[arg(long, value_name = "CMD")]
    ppp_command: Option<String>,
    /// Serve the control API here (loopback only; port 0: a free one)
    #[arg(long, value_name = "ADDR")]
    control: Option<SocketAddr>,
    /// Serve the MMSC here as well (loopback only), for clients behind another proxy
    #[arg(long, value_name = "ADDR")]
    mmsc: Option<SocketAddr>,
    /// PIN that the SIM asks for
    #[arg(long, value_name = "DIGITS", value_parser = pin)]
    pin: Option<String>,
    /// IMSI of the SIM [default: 001010123456789]
    #[arg(long, value_name = "DIGITS", value_parser = imsi)]
    imsi: Option<String>,
    /// Own number of the SIM [default: +447700900001]
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    number: Option<String>,
    /// A phone of the operator that sends pictures back; may be given several times
    #[arg(long, value_name = "NUMBER", default_value = "+447700900002", value_parser = number)]
    phone: Vec<String>,
    /// Name of the access point for MMS [default: mms.example]
    #[arg(long)]
    apn: Option<String>,
    /// Authentication of the data call [default: none]
    #[arg(long, value_enum)]
    auth: Option<AuthArg>,
    /// User name for --auth
    #[arg(long)]
    user: Option<String>,
    /// Password for --auth
    #[arg(long)]
    password: Option<String>,
    /// The network sends the first PPP frame so long after CONNECT instead of waiting for the
    /// caller's
    #[arg(long, value_name = "MILLISECONDS")]
    ppp_speaks_first: Option<u32>,
    /// Slots for SMS on the SIM [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=255))]
    sim_slots: Option<u16>,
    /// Print one JSON object instead of text when ready
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AuthArg {
    None,
    Pap,
    Chap,
}

/// Runs until interrupted.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    block_on(simulate(args))
}

async fn simulate(args: Args) -> Result<(), CliError> {
    let scenario = scenario(&args)?;
    let mut builder = scenario.builder(Operator::builder());
    if let Some(millis) = args.ppp_speaks_first {
        builder = builder.speaks_first(Duration::from_millis(millis.into()));
    }
    for number in &args.phone {
        builder = builder.phone(number, Behaviour::SendBack);
    }
    if let Some(command) = &args.ppp_command {
        let words =
            split_words(command).ok().filter(|words| !words.is_empty()).ok_or_else(|| {
                CliError::new(
                    Exit::Usage,
                    format!("--ppp-command {command}: a quote is not closed, or nothing is there"),
                )
            })?;
        builder = builder.ppp_command(words);
    }
    let mmsc = listen("--mmsc", args.mmsc).await?;
    if let Some((_, address)) = &mmsc {
        builder = builder.mmsc_url(&format!("http://{address}/mms"));
    }
    let control_listener = listen("--control", args.control).await?;

    // Before anybody can see a name that has to be removed again.
    let mut interrupts = Interrupts::hear()?;
    let operator = builder.start();
    scenario.arm(operator.faults());
    let data = port(&args.tty)?;
    let control_port = args.control_tty.as_deref().map(port).transpose()?;
    let mmsc_address = mmsc.as_ref().map(|(_, address)| *address);
    let control_address = control_listener.as_ref().map(|(_, address)| *address);
    if let Some((listener, _)) = mmsc {
        let mmsc = operator.mmsc().clone();
        tokio::spawn(async move { mmsc.serve(listener).await });
    }
    if let Some((listener, _)) = control_listener {
        let router = control::router(operator.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let external = args.ppp_command.is_some();
    announce(&args, &scenario, &operator, external, control_address, mmsc_address)?;

    let modem = operator.modem();
    tokio::select! {
        biased;
        () = interrupts.one() => {}
        () = data.serve(modem, PortRole::Data) => {}
        () = serve_if(control_port.as_ref(), &operator) => {}
    }
    operator.stop();
    Ok(())
}

/// What the file or the seed says, and the options before it.
fn scenario(args: &Args) -> Result<Scenario, CliError> {
    let mut scenario = match (&args.scenario, args.seed) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| CliError::io(Exit::NoInput, path.display(), &error))?;
            Scenario::from_toml(&text).map_err(|error| {
                CliError::new(
                    Exit::Data,
                    format!("{}:{}: {}", path.display(), error.line, error.text),
                )
                .remedy("mm1gate simulate --help shows what a scenario may say")
            })?
        }
        (None, Some(seed)) => Scenario::random(seed),
        (None, None) => {
            let mut scenario = Scenario::default();
            scenario.modem.timing = Timing::usb_stick();
            scenario
        }
    };
    // Ports are what was asked for: nobody can open a second one without a name.
    scenario.modem.control_port = args.control_tty.is_some();
    scenario.modem.sm_capacity = args.sim_slots.map_or(scenario.modem.sm_capacity, usize::from);
    let sim = &mut scenario.subscriber;
    sim.imsi = args.imsi.clone().unwrap_or_else(|| sim.imsi.clone());
    sim.number = args.number.clone().unwrap_or_else(|| sim.number.clone());
    sim.pin = args.pin.clone().or_else(|| sim.pin.clone());
    let network = &mut scenario.network;
    network.apn = args.apn.clone().unwrap_or_else(|| network.apn.clone());
    network.auth = match args.auth {
        None => network.auth,
        Some(AuthArg::None) => Auth::None,
        Some(AuthArg::Pap) => Auth::Pap,
        Some(AuthArg::Chap) => Auth::Chap,
    };
    network.user = args.user.clone().unwrap_or_else(|| network.user.clone());
    network.password = args.password.clone().unwrap_or_else(|| network.password.clone());
    Ok(scenario)
}

async fn serve_if(port: Option<&PtyPort>, operator: &Operator) {
    match port {
        Some(port) => port.serve(operator.modem(), PortRole::Control).await,
        None => std::future::pending().await,
    }
}

/// The signals that end the command; heard from the moment this is made.
struct Interrupts([Signal; 3]);

impl Interrupts {
    fn hear() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::io(Exit::Software, "signals cannot be heard", &error))
        };
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn one(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

fn port(path: &Path) -> Result<PtyPort, CliError> {
    PtyPort::create(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::new(
            Exit::CantCreate,
            format!("{}: the name is taken by something that is no virtual modem", path.display()),
        )
        .remedy("choose another name, or remove it"),
        _ => CliError::io(Exit::CantCreate, path.display(), &error),
    })
}

async fn listen(
    option: &str,
    address: Option<SocketAddr>,
) -> Result<Option<(TcpListener, SocketAddr)>, CliError> {
    let Some(address) = address else { return Ok(None) };
    if !address.ip().is_loopback() {
        return Err(CliError::new(
            Exit::Usage,
            format!("{option} {address}: only loopback addresses are served"),
        )
        .remedy(format!("{option} 127.0.0.1:{}", address.port())));
    }
    let failed = |error| CliError::io(Exit::Unavailable, format!("{option} {address}"), &error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Some((listener, bound)))
}

fn announce(
    args: &Args,
    scenario: &Scenario,
    operator: &Operator,
    external: bool,
    control: Option<SocketAddr>,
    mmsc: Option<SocketAddr>,
) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let proxy = operator.proxy().filter(|_| !external).map(|proxy| proxy.to_string());
    if args.json {
        let ready = json!({
            "ready": true,
            "tty": args.tty,
            "control_tty": args.control_tty,
            "number": scenario.subscriber.number,
            "phones": args.phone,
            "apn": operator.apn(),
            "mmsc": operator.mmsc_url(),
            "proxy": proxy,
            "control": control.map(|address| format!("http://{address}")),
            "mmsc_listener": mmsc.map(|address| address.to_string()),
        });
        writeln!(out, "{ready}")?;
        return Ok(out.flush()?);
    }
    writeln!(out, "A virtual modem is at {}. To use it with mm1gate:\n", args.tty.display())?;
    writeln!(out, "[[modem]]\nname = \"virtual\"\nport = \"{}\"", args.tty.display())?;
    if let Some(path) = &args.control_tty {
        writeln!(out, "control_port = \"{}\"", path.display())?;
    }
    if scenario.subscriber.pin.is_some() {
        writeln!(
            out,
            "pin = \"...\"                 # the one given with --pin or the scenario's"
        )?;
    }
    writeln!(out, "[modem.operator]\napn = \"{}\"", operator.apn())?;
    let network = &scenario.network;
    if network.auth != Auth::None {
        let word = if network.auth == Auth::Pap { "pap" } else { "chap" };
        writeln!(out, "auth = \"{word}\"\nuser = \"{}\"", network.user)?;
        writeln!(
            out,
            "password = \"...\"            # the one given with --password or the scenario's"
        )?;
    }
    if !external || mmsc.is_some() {
        writeln!(out, "mmsc = \"{}\"", operator.mmsc_url())?;
    }
    if external {
        writeln!(out, "# and mmsc and proxy as they are reached behind the PPP program")?;
    } else {
        writeln!(out, "proxy = \"{}\"", proxy.as_deref().unwrap_or(""))?;
    }
    writeln!(out)?;
    for phone in &args.phone {
        writeln!(out, "# {phone} is a phone that sends every picture back")?;
    }
    if let Some(address) = control {
        writeln!(out, "# control API: http://{address}/")?;
    }
    writeln!(out, "ready")?;
    Ok(out.flush()?)
}

fn digits(text: &str, least: usize, most: usize, what: &str) -> Result<String, String> {
    let right = (least..=most).contains(&text.len()) && text.bytes().all(|d| d.is_ascii_digit());
    if right { Ok(text.to_owned()) } else { Err(format!("{what} has {least} to {most} digits")) }
}

fn pin(text: &str) -> Result<String, String> {
    digits(text, 4, 8, "a PIN")
}

fn imsi(text: &str) -> Result<String, String> {
    digits(text, 14, 15, "an IMSI")
}

fn number(text: &str) -> Result<String, String> {
    digits(text.strip_prefix('+').unwrap_or(text), 3, 15, "a phone number").map(|_| text.to_owned())
}
