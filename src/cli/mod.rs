//! The command line: one file per command, each with its `Args` and `run`.
//!
//! May use: anything. Results go to standard output, everything else to standard error; exit
//! codes follow sysexits(3).

mod backup;
mod cancel;
mod capture;
mod client;
mod config;
mod decode;
mod decode_dump;
mod decode_fields;
mod decode_http;
mod decode_input;
mod decode_kinds;
mod decode_mms;
mod decode_pcapng;
mod decode_ppp;
mod decode_report;
mod decode_sms;
mod decode_text;
mod decode_wap;
mod demo;
mod demo_rig;
mod doctor;
mod doctor_access;
mod doctor_machine;
mod doctor_modem;
mod doctor_view;
mod encode;
mod encode_fields;
mod encode_object;
mod encode_push;
mod encode_sms;
mod error;
mod follow;
mod forward;
mod host_clock;
mod inbox;
mod list;
mod machine;
mod modem;
mod modem_list;
mod modem_pause;
mod modem_probe;
mod modem_retry_pin;
mod modem_test;
mod modem_udev;
mod operators;
mod operators_view;
mod outbox;
mod redact;
mod resend;
mod routes;
mod save;
mod send;
mod serve;
mod session;
mod settings;
mod show;
mod simulate;
mod status;
mod supervisor;
mod term;
mod token;

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use decode::explain;
use error::{CliError, Exit};

#[derive(Parser)]
#[command(
    name = "mm1gate",
    version,
    about = "Send and receive MMS and SMS with a USB modem and an ordinary SIM",
    long_about = "Send and receive MMS and SMS with a USB modem and an ordinary SIM.\n\n\
                  No modem at hand? `mm1gate demo` shows everything with a virtual one.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    /// What to log on standard error, for example `debug` or `mm1gate::modem=trace` [default: RUST_LOG, else what suits the command]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// How to write the log: `pretty` for people, `json` with one object a line, `auto`: json where systemd's journal reads it
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "auto",
        hide_default_value = true
    )]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// As suits whoever reads it.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway: modems, web page and API
    Serve(serve::Args),
    /// Send a message
    Send(Box<send::Args>),
    /// List the messages that arrived
    Inbox(inbox::Args),
    /// List the messages that were sent or wait for it
    Outbox(outbox::Args),
    /// Show one message, and save its pictures
    Show(show::Args),
    /// Send a message once more, or by another modem
    Resend(resend::Args),
    /// Have the MMSC send on a message that was announced and not fetched
    Forward(forward::Args),
    /// Withdraw a message that has not left yet
    Cancel(cancel::Args),
    /// Show which messages go by which modems, and which way one would go
    Routes(routes::Args),
    /// Make, list and revoke tokens for the API
    Token(token::Args),
    /// Set what the holders of tokens may send, and how much
    Account(token::AccountArgs),
    /// Copy all messages into a file, while the gateway runs or not
    Backup(backup::Args),
    /// Print a configuration file to begin with, or check yours
    Config(config::Args),
    /// Show how the running gateway fares: its modems, and what a person has to see to
    Status(status::Args),
    /// Check what stands in the way of sending and receiving, and how to mend it
    Doctor(doctor::Args),
    /// Find modems, ask one for everything it tells, and test one
    Modem(modem::Args),
    /// Look operators' settings for MMS up
    Operators(operators::Args),
    /// See everything at work without a modem
    Demo(demo::Args),
    /// Decode an MMS, WAP Push, SMS or PPP file
    Decode(decode::Args),
    /// Make an MMS, WAP Push or SMS PDU from JSON and files
    Encode(encode::Args),
    /// Make a capture of the line fit to be given to somebody
    Capture(redact::command::Args),
    /// Run the virtual modem and operator on a pseudo-terminal
    Simulate(Box<simulate::Args>),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let usual = match cli.command {
        Command::Serve(_) => "mm1gate=info",
        Command::Simulate(_) => "warn",
        // These tell by themselves what stands in the way.
        _ => "error",
    };
    let result =
        log_to_stderr(cli.log.as_deref(), usual, cli.log_format).and_then(|()| match cli.command {
            Command::Serve(args) => serve::run(args),
            Command::Send(args) => send::run(&args),
            Command::Inbox(args) => inbox::run(args),
            Command::Outbox(args) => outbox::run(args),
            Command::Show(args) => show::run(&args),
            Command::Resend(args) => resend::run(&args),
            Command::Forward(args) => forward::run(&args),
            Command::Cancel(args) => cancel::run(&args),
            Command::Routes(args) => routes::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Account(args) => token::run_account(&args),
            Command::Backup(args) => backup::run(&args),
            Command::Config(args) => config::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Doctor(args) => doctor::run(args),
            Command::Modem(args) => modem::run(args),
            Command::Operators(args) => operators::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Decode(args) => decode::run(&args),
            Command::Encode(args) => encode::run(&args),
            Command::Capture(args) => redact::command::run(&args),
            Command::Simulate(args) => simulate::run(*args),
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.message.is_empty() {
                let _ = writeln!(std::io::stderr(), "{error}");
            }
            ExitCode::from(error.exit as u8)
        }
    }
}

fn log_to_stderr(filter: Option<&str>, usual: &str, format: LogFormat) -> Result<(), CliError> {
    let wanted = filter
        .map(str::to_owned)
        .or_else(|| std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty()))
        .unwrap_or_else(|| usual.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        CliError::new(Exit::Usage, format!("the log filter '{wanted}': {error}"))
            .remedy("use error, warn, info, debug or trace, or mm1gate::modem=trace")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match format {
        // systemd says so where its journal is what reads (systemd.exec(5)).
        LogFormat::Auto => {
            std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal()
        }
        format => format == LogFormat::Json,
    };
    if json {
        log.json().flatten_event(true).init();
    } else {
        let paint = std::io::stderr().is_terminal() && term::Paint::stderr().is_on();
        log.with_ansi(paint).init();
    }
    Ok(())
}

/// Runs a command's future on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::io(Exit::Software, "the runtime does not start", &error))?;
    let result = runtime.block_on(work);
    // A read of standard input that nobody waits for any more must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}
