//! A text to oneself: the shortest way to see that a modem, its SIM and its network both send and
//! receive.

use std::time::Duration;

use super::accept::{accept, named};
use super::line::Line;
use super::{AcceptError, Core};
use crate::model::{Address, Explain, Fault, Kind, MessageId, NewMessage};
use crate::store::StoreError;

/// After so long a test text is of no use any more: nobody waits for it.
pub const TEST_LIFE: Duration = Duration::from_secs(10 * 60);

/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKLMNPQRSTUVWXY";

/// Of them in a test text; enough to tell it from any other.
const MARKS: usize = 6;

/// A test text on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestText {
    /// The message.
    pub id: MessageId,
    /// Where it goes.
    pub to: Address,
    /// What it says; no other text says the same.
    pub text: String,
}

/// Why no test text was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// The modem cannot send now.
    #[error("modem \"{modem}\" is not ready: {}", fault.as_ref().map_or("it is being prepared", |it| it.summary.as_str()))]
    NotReady {
        /// Its name.
        modem: String,
        /// What is wrong with it, when that is known.
        fault: Option<Fault>,
    },
    /// Nobody knows where to send it.
    #[error("the SIM in modem \"{modem}\" does not tell its own number")]
    NumberUnknown {
        /// The modem's name.
        modem: String,
    },
    /// The text was not taken.
    #[error(transparent)]
    Refused(#[from] AcceptError),
}

impl From<StoreError> for TestError {
    fn from(error: StoreError) -> Self {
        Self::Refused(AcceptError::Store(error))
    }
}

/// Sends it.
pub(super) async fn send(
    core: &Core,
    lines: &[Line],
    name: &str,
    to: Option<Address>,
) -> Result<TestText, TestError> {
    let line = named(lines, name)?;
    let not_ready = |fault| TestError::NotReady { modem: name.to_owned(), fault };
    if line.sim().is_none() {
        return Err(not_ready(line.view().fault));
    }
    let to = match to.or_else(|| line.config().own_number.clone()) {
        Some(to) => to,
        None => match line.own_number().await {
            Some(Ok(Some(number))) => number,
            Some(Ok(None)) => return Err(TestError::NumberUnknown { modem: name.to_owned() }),
            Some(Err(error)) => return Err(not_ready(Some(error.to_fault()))),
            None => return Err(not_ready(None)),
        },
    };
    let mark = |_| char::from(ALPHABET[usize::try_from(core.random.below(31)).unwrap_or(0)]);
    let text = format!("mm1gate test {}", (0..MARKS).map(mark).collect::<String>());
    let message = NewMessage {
        kind: Kind::Sms,
        to: vec![to.clone()],
        text: Some(text.clone()),
        delivery_report: true,
        expires_at: Some(core.now().plus(TEST_LIFE)),
        modem: Some(name.to_owned()),
        ..NewMessage::default()
    };
    let taken = accept(core, lines, message).await?;
    Ok(TestText { id: taken.id, to, text })
}
