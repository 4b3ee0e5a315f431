//! Follows a message on the terminal, stage by stage, until nothing more will happen by itself.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::client::{Client, Events};
use super::error::{CliError, Exit};
use super::term::{self, Paint, plain};
use crate::api::view::{EventItem, Message};

/// How often the state is asked for when no event tells of it.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Where progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Standard output: the progress is the result.
    Results,
    /// Standard error, beside a result.
    Notes,
}

/// Prints what happens, each line with its time since the start.
pub(super) struct Progress {
    start: Instant,
    output: Output,
    interactive: bool,
    paint: Paint,
    /// An unfinished line stands on the terminal.
    open_line: bool,
    /// The transfer that is under way was told to a log already.
    told_transfer: Option<String>,
    /// The last line, which is not told twice in a row.
    last: String,
}

impl Progress {
    /// Starts the clock.
    pub(super) fn new(output: Output) -> Self {
        let results = output == Output::Results;
        Self {
            start: Instant::now(),
            output,
            interactive: term::is_interactive(results),
            paint: if results { Paint::stdout() } else { Paint::stderr() },
            open_line: false,
            told_transfer: None,
            last: String::new(),
        }
    }

    /// The time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// A line with the time before it.
    pub(super) fn line(&mut self, text: &str) {
        self.tell(&plain(text, false), false);
    }

    /// Prints an event; a transfer keeps to one line.
    pub(super) fn event(&mut self, event: &EventItem) {
        self.marked_event("", event);
    }

    /// Prints an event with a mark before it, for example the direction of the message.
    pub(super) fn marked_event(&mut self, mark: &str, event: &EventItem) {
        match event {
            EventItem::State { state, .. } => {
                let text = format!("{mark}{}", self.paint.state(state));
                self.tell(&text, false);
            }
            EventItem::Stage { stage, done: Some(done), total: Some(total), .. } if *total > 0 => {
                let percent = done.saturating_mul(100) / total;
                let verb = if stage == "downloading" { "receiving" } else { "sending" };
                let finished = done >= total;
                let text = format!("{mark}{verb} {percent:3} % of {}", term::size(*total));
                if self.interactive {
                    self.tell(&text, !finished);
                } else if finished || self.told_transfer.as_deref() != Some(stage.as_str()) {
                    // A log gets the beginning and the end.
                    self.tell(&text, false);
                }
                self.told_transfer = (!finished).then(|| stage.clone());
            }
            EventItem::Stage { text, .. } => {
                self.told_transfer = None;
                self.tell(&format!("{mark}{}", plain(text, false)), false);
            }
            EventItem::Modem { .. } | EventItem::Alarm { .. } | EventItem::Missed { .. } => {}
        }
    }

    /// Ends an unfinished line.
    pub(super) fn finish(&mut self) {
        if self.open_line {
            self.write("\n");
            self.open_line = false;
        }
    }

    fn tell(&mut self, text: &str, keep_open: bool) {
        if text == self.last && !self.open_line {
            return;
        }
        text.clone_into(&mut self.last);
        let back = if self.open_line { "\r\u{1b}[K" } else { "" };
        let end = if keep_open { "" } else { "\n" };
        let time = self.paint.dim(&term::seconds(self.elapsed()));
        self.write(&format!("{back}{time}  {text}{end}"));
        self.open_line = keep_open;
    }

    /// Whether anybody still reads it does not matter to the message.
    fn write(&self, text: &str) {
        let _ = match self.output {
            Output::Results => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            Output::Notes => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}

/// How long to wait for a message that meets an obstacle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until it is settled: the gateway goes on trying.
    Endless,
    /// Until this time has passed.
    Limit(Duration),
    /// Until the first obstacle: a person at the terminal can do something about it, and the
    /// modem is theirs again meanwhile.
    FirstObstacle,
}

/// Waits until the message is settled and returns it; `patience` ends the waiting, not the
/// sending.
pub(super) async fn until_settled(
    client: &Client,
    events: &mut Events,
    id: &str,
    progress: &mut Progress,
    patience: Patience,
) -> Result<Message, CliError> {
    let deadline = match patience {
        Patience::Limit(limit) => Some(Instant::now() + limit),
        Patience::Endless | Patience::FirstObstacle => None,
    };
    let path = format!("/api/v1/messages/{id}");
    let mut listening = true;
    let mut obstacle = None;
    loop {
        let message: Message = client.get(&path).await?;
        if message.settled {
            progress.finish();
            return Ok(message);
        }
        if message.fault != obstacle {
            obstacle.clone_from(&message.fault);
            if let Some(fault) = &obstacle {
                if patience == Patience::FirstObstacle {
                    progress.finish();
                    let error = CliError::fault(fault);
                    let mut message = plain(&error.message, false);
                    message.push_str(&format!("; message {id} is kept and not sent yet"));
                    return Err(CliError { message, ..error });
                }
                progress.line(&term::fault(fault));
            }
        }
        let pause = Instant::now() + ASK_AGAIN;
        let until = deadline.map_or(pause, |deadline| deadline.min(pause));
        while listening {
            let Ok(next) = timeout(until - Instant::now(), events.next()).await else { break };
            match next {
                Some(event) if event.message() == Some(id) => {
                    progress.event(&event);
                    if matches!(event, EventItem::State { .. }) {
                        break;
                    }
                }
                Some(EventItem::Missed { .. }) => break,
                Some(_) => {}
                None => listening = false,
            }
        }
        if !listening {
            tokio::time::sleep_until(until).await;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            progress.finish();
            let why = obstacle.map_or_else(String::new, |fault| format!(": {}", fault.summary));
            return Err(CliError::new(
                Exit::TempFail,
                format!("message {id} is still {}{}", message.state, plain(&why, false)),
            )
            .remedy(format!(
                "mm1gate show {id}; the message is safe in the store and goes on by itself"
            )));
        }
    }
}

/// Success, or the sentence why the message did not get through.
pub(super) fn verdict(message: &Message) -> Result<(), CliError> {
    if matches!(message.state.as_str(), "sent" | "delivered" | "received" | "acknowledged") {
        return Ok(());
    }
    let id = &message.id;
    if message.state == "unknown" {
        let why = message
            .fault
            .as_ref()
            .map_or_else(String::new, |fault| format!(" ({})", plain(&fault.summary, false)));
        return Err(CliError::new(
            Exit::Unavailable,
            format!("message {id} went out, but the operator's answer did not come back{why}"),
        )
        .remedy("ask the recipient before sending it again: it may have arrived"));
    }
    let fault = message
        .fault
        .as_ref()
        .or_else(|| message.recipients.iter().find_map(|recipient| recipient.fault.as_ref()));
    match fault {
        Some(fault) => {
            let mut error = CliError::fault(fault);
            error.message = plain(&error.message, false);
            Err(error)
        }
        None => Err(CliError::new(Exit::Unavailable, format!("message {id} is {}", message.state))
            .remedy(format!("see what happened: mm1gate show {id}"))),
    }
}
