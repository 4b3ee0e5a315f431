//! `mm1gate modem test`: a text to the SIM's own number that has to come back, through the running
//! gateway or with a modem that nobody uses.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::client::{Client, in_path};
use super::error::{CliError, Exit};
use super::follow::{self, Output, Progress};
use super::session::{ConfigArg, Session};
use super::{block_on, serve, term};
use crate::api::view::{Message, MessageList, Modem, TestText};
use crate::model::Address;

/// How long a modem may take to be ready: it is started, unlocked and registered meanwhile.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Between two questions.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Messages looked through for the one that came back; more do not come in between.
const LOOKED_AT: usize = 50;

/// Which modem, and how long to wait.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate modem test\n  \
    mm1gate modem test front-desk --yes --json\n  \
    mm1gate modem test /dev/ttyUSB2 --to +447700900001\n\n\
    Sends one SMS to the SIM's own number and waits until it comes back: that shows that modem, SIM\n\
    and network send and receive. It costs what one SMS costs. The text stays in the inbox.\n\
    Exit code 0: it came back.")]
pub(super) struct Args {
    /// A modem's name in the configuration, its port, or `auto` for the only one
    #[arg(default_value = "auto", value_name = "NAME|PORT")]
    modem: String,
    /// The SIM's own number, where neither the SIM nor the configuration tells it
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// Do not ask whether to send
    #[arg(long, short)]
    yes: bool,
    /// Wait no longer than this for it to come back
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(5..=600))]
    timeout: u64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// What came of it.
#[derive(Serialize)]
struct Tested {
    ok: bool,
    modem: String,
    to: String,
    text: String,
    sent_id: String,
    /// Seconds from its acceptance until the network had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_after_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_id: Option<String>,
    /// Seconds from its acceptance until it was back.
    #[serde(skip_serializing_if = "Option::is_none")]
    received_after_seconds: Option<f64>,
    /// The number that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Why it is not back.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Asks, sends and waits.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    if let Some(number) = &args.to
        && let Err(error) = Address::parse_recipient(number)
    {
        let number = term::plain(number, false);
        return Err(CliError::new(Exit::Data, format!("number '{number}': {error}"))
            .remedy("give the SIM's number in international form, such as +447700900123"));
    }
    confirm(args)?;
    block_on(async {
        let (session, name) = Session::open_on(&args.config, &args.modem).await?;
        // The modem must not be left with half a text.
        let stop = serve::stop_signal()?;
        let result = tokio::select! {
            biased;
            () = stop.cancelled(), if session.is_own() => {
                Err(CliError::new(Exit::TempFail, "interrupted"))
            }
            result = test(session.client(), &name, args) => result,
        };
        session.close().await;
        result
    })
}

/// It costs money, so nobody shall do it in passing.
fn confirm(args: &Args) -> Result<(), CliError> {
    if args.yes {
        return Ok(());
    }
    let to = match &args.to {
        Some(number) => term::plain(number, false),
        None => "the SIM's own number".to_owned(),
    };
    let what = format!("one SMS goes to {to}, and costs what an SMS costs");
    if !std::io::stdin().is_terminal() {
        return Err(CliError::new(Exit::Usage, what).remedy("add --yes when that is all right"));
    }
    let _ = write!(std::io::stderr(), "This is a test: {what}. Send it? [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::io(Exit::Io, "standard input", &error))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::new(Exit::Usage, "nothing was sent"))
}

async fn test(client: &Client, name: &str, args: &Args) -> Result<(), CliError> {
    let mut progress = Progress::new(Output::Notes);
    let modem = until_ready(client, name).await?;
    let network = modem.operator.as_deref().unwrap_or("a network that does not tell its name");
    progress.line(&format!("modem {name} is ready: {network}"));
    let mut events = client.events().await?;
    let path = format!("/api/v1/modems/{}/test", in_path(name));
    let sent: TestText = client.post(&path, &json!({ "to": args.to })).await.map_err(no_number)?;
    progress.line(&format!("sending \"{}\" to {}", sent.text, sent.to));
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(args.timeout);
    let mut tested = Tested {
        ok: false,
        modem: name.to_owned(),
        to: sent.to.clone(),
        text: sent.text.clone(),
        sent_id: sent.id.clone(),
        sent_after_seconds: None,
        received_id: None,
        received_after_seconds: None,
        from: None,
        error: None,
    };
    let failed = loop {
        let message: Message = client.get(&sent.url).await?;
        if tested.sent_after_seconds.is_none() && matches!(&*message.state, "sent" | "delivered") {
            tested.sent_after_seconds = Some(begun.elapsed().as_secs_f64());
            progress.line("the network has it");
        }
        if let Some(back) = came_back(client, &sent.text).await? {
            tested.received_after_seconds = Some(begun.elapsed().as_secs_f64());
            tested.from = back.from;
            tested.received_id = Some(back.id);
            progress.line("it is back");
            break None;
        }
        if let Err(error) = follow::verdict(&message)
            && message.settled
        {
            break Some(error);
        }
        if Instant::now() >= deadline {
            break Some(not_back(&tested, &message, args.timeout));
        }
        let pause = deadline.min(Instant::now() + ASK_AGAIN);
        if let Ok(None) = timeout_at(pause, events.next()).await {
            tokio::time::sleep_until(pause).await;
        }
    };
    progress.finish();
    tested.ok = failed.is_none();
    tested.error = failed.as_ref().map(|error| error.message.clone());
    if args.json {
        term::json(&tested)?;
    } else if let (None, Some(seconds)) = (&failed, tested.received_after_seconds) {
        term::print(&format!(
            "Modem \"{name}\" sends and receives: the text came back after {seconds:.0} s.\n"
        ))?;
    }
    failed.map_or(Ok(()), Err)
}

/// Waits for a modem that is being prepared; one that has trouble is not waited for.
async fn until_ready(client: &Client, name: &str) -> Result<Modem, CliError> {
    let path = format!("/api/v1/modems/{}", in_path(name));
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        let modem: Modem = client.get(&path).await?;
        match (modem.condition.as_str(), &modem.fault) {
            ("ready" | "calling", _) => return Ok(modem),
            ("waiting" | "failed", Some(fault)) => return Err(CliError::fault(fault)),
            _ if Instant::now() >= deadline => {
                let text = format!("modem {name} is still {}", modem.condition);
                return Err(CliError::new(Exit::TempFail, text)
                    .remedy("mm1gate doctor tells what stands in the way"));
            }
            _ => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

/// The message of this text in the inbox.
async fn came_back(client: &Client, text: &str) -> Result<Option<Message>, CliError> {
    let path = format!("/api/v1/inbox?kind=sms&limit={LOOKED_AT}");
    let list: MessageList = client.get(&path).await?;
    Ok(list.messages.into_iter().find(|message| message.text.as_deref() == Some(text)))
}

fn no_number(error: CliError) -> CliError {
    if error.message.contains("own number") {
        return error.remedy("give it: mm1gate modem test --to +447700900001");
    }
    error
}

fn not_back(tested: &Tested, message: &Message, seconds: u64) -> CliError {
    let to = &tested.to;
    if tested.sent_after_seconds.is_none() {
        let why = message.fault.as_ref().map_or_else(String::new, |it| format!(": {}", it.summary));
        let text =
            format!("the text to {to} has not left after {seconds} s{}", term::plain(&why, false));
        return CliError::new(Exit::TempFail, text)
            .remedy("mm1gate doctor tells what stands in the way");
    }
    CliError::new(
        Exit::TempFail,
        format!("the text to {to} has left, and did not come back within {seconds} s"),
    )
    .remedy(format!(
        "see whether {to} is the number of this SIM (mm1gate modem test --to NUMBER), and whether SMS \
         reach it: mm1gate modem probe {}",
        tested.modem
    ))
}
