//! The state machine behind an AT port (ITU-T V.250 clause 5; 3GPP TS 27.005 for prompts and
//! two-line codes).
//!
//! | state | octets | command | time-out |
//! |---|---|---|---|
//! | idle | lines are unsolicited; late results and echoes are dropped | busy, transmit | - |
//! | busy | echo dropped, lines sorted, final result ends it | [`ChannelError::Busy`] | idle |
//! | data | handed back untouched | [`ChannelError::Data`] | - |

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::codec::at::{
    CommandLine, FinalResult, Unsolicited, is_hex, is_unsolicited, registration, two_line_header,
    value_behind,
};
use crate::codec::ppp;

/// Longest line taken, in octets. A PDU line has 376, a list of networks may have two thousand.
pub const MAX_LINE: usize = 4096;

/// Most lines in one response: 1000 listed messages of two lines.
pub const MAX_RESPONSE_LINES: usize = 2000;

/// What extended codes begin with: 3GPP's and V.250's own, and those of the vendors (`#` Telit, `!`
/// Sierra, `_` Option).
const SIGNS: [char; 8] = ['+', '^', '*', '%', '$', '#', '!', '_'];

const CTRL_Z: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// A command and how it is to be treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line.
    pub line: CommandLine,
    /// What may end it.
    pub kind: Kind,
    /// How long the modem has for its final result.
    pub timeout: Duration,
}

/// What may end a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A final result other than those of calls.
    Plain,
    /// Like [`Kind::Plain`] with an answer of many lines, each of which shows that it is still
    /// coming; news of the modem do not.
    Listing {
        /// The longest the modem may take for the first line, and between two.
        pause: Duration,
    },
    /// Also CONNECT, which begins data mode, and the results of failed calls.
    Dial,
    /// Also NO CARRIER.
    HangUp,
    /// `+++`: sent without CR; answered like [`Kind::HangUp`].
    Escape,
    /// Asks for a payload by a prompt.
    Prompt {
        /// Sent behind the prompt, with Ctrl-Z at its end.
        payload: Vec<u8>,
        /// How long the modem has for its final result from then on; [`Command::timeout`] is for
        /// the prompt.
        result_within: Duration,
    },
}

/// What goes into the machine.
#[derive(Debug)]
pub enum Input<'a> {
    /// From the port.
    Octets(&'a [u8]),
    /// To be sent.
    Command(Command),
    /// The time that [`Output::Timeout`] named has come.
    Timeout,
}

/// What the machine wants; ask until [`Output::Timeout`] or [`Output::Idle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these octets.
    Transmit(Vec<u8>),
    /// Something happened.
    Event(Event),
    /// Give [`Input::Timeout`] at this time.
    Timeout(Instant),
    /// Nothing until there is input.
    Idle,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The command ended.
    Response(Response),
    /// The dialled call is up and the channel in data mode.
    Connected {
        /// What stood behind CONNECT.
        text: String,
        /// Octets behind the line that belong to the call.
        leftover: Vec<u8>,
    },
    /// The command got no final result in time. Its result may still come: the port has to be
    /// brought in step before the next command.
    TimedOut {
        /// Lines that did come.
        lines: Vec<String>,
    },
    /// The modem said something by itself.
    Unsolicited(Unsolicited),
    /// A line or a response beyond the limits was cut.
    Overflow,
}

/// The end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Information lines without echo, blank and unsolicited ones.
    pub lines: Vec<String>,
    /// The final result.
    pub result: FinalResult,
}

/// A command that cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Another command has not ended.
    #[error("another command has not ended")]
    Busy,
    /// The port is in data mode.
    #[error("the port is in data mode")]
    Data,
}

/// One AT port.
#[derive(Debug, Default)]
pub struct Channel {
    state: State,
    /// The beginning of a line.
    partial: Vec<u8>,
    /// The rest of this line is dropped.
    skipping: bool,
    /// `+CMT` and its like, waiting for the PDU.
    header: Option<String>,
    /// The payload of the last command was asked for and handed out.
    prompted: bool,
    /// The last command, whose echo may come late.
    last: String,
    /// An echo was dropped.
    echoed: bool,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Busy(Box<Running>),
    Data,
}

#[derive(Debug)]
struct Running {
    line: String,
    prefix: Option<String>,
    kind: Kind,
    prompted: bool,
    lines: Vec<String>,
    cut: bool,
    wants_pdu: bool,
    deadline: Instant,
    /// When it ends at the latest, whatever comes.
    end: Instant,
    /// Lines of the answer that have moved the deadline.
    counted: Option<usize>,
}

impl Channel {
    /// A channel in command mode.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input.
    ///
    /// # Errors
    /// Only for a command that cannot be taken now.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) -> Result<(), ChannelError> {
        match input {
            Input::Octets(octets) => self.octets(now, octets),
            Input::Command(command) => return self.command(now, command),
            Input::Timeout => self.timeout(now),
        }
        Ok(())
    }

    /// The next thing that the machine wants.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &self.state {
            State::Busy(running) => Output::Timeout(running.deadline),
            State::Idle | State::Data => Output::Idle,
        }
    }

    /// Whether a command is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy(_))
    }

    /// Whether the payload of the last [`Kind::Prompt`] was asked for: then only a refusal says that
    /// the modem did nothing with it.
    #[must_use]
    pub const fn was_prompted(&self) -> bool {
        self.prompted
    }

    /// Whether the modem has repeated a command since this was asked last.
    pub const fn take_echoed(&mut self) -> bool {
        std::mem::replace(&mut self.echoed, false)
    }

    /// Back to command mode with nothing pending, after a call or to get in step again. Only a
    /// message whose PDU is still on its way is waited for.
    pub fn reset(&mut self) {
        let last = std::mem::take(&mut self.last);
        let header = self.header.take();
        let partial = std::mem::take(&mut self.partial);
        let partial = if header.is_some() { partial } else { Vec::new() };
        *self = Self { last, echoed: self.echoed, header, partial, ..Self::default() };
    }

    fn command(&mut self, now: Instant, command: Command) -> Result<(), ChannelError> {
        match self.state {
            State::Busy(_) => return Err(ChannelError::Busy),
            State::Data => return Err(ChannelError::Data),
            State::Idle => {}
        }
        let line = command.line.as_str().to_owned();
        let mut octets = line.clone().into_bytes();
        if command.kind != Kind::Escape {
            octets.push(b'\r');
        }
        self.outputs.push_back(Output::Transmit(octets));
        self.prompted = false;
        // What stands before the answer is noise, unless it is the middle of a line.
        self.last.clone_from(&line);
        self.state = State::Busy(Box::new(Running {
            prefix: command.line.response_prefix(),
            line,
            kind: command.kind,
            prompted: false,
            lines: Vec::new(),
            cut: false,
            wants_pdu: false,
            deadline: now + command.timeout,
            end: now + command.timeout,
            counted: None,
        }));
        self.keep_waiting(now);
        Ok(())
    }

    /// Puts the deadline of a listing off that flows.
    fn keep_waiting(&mut self, now: Instant) {
        if let State::Busy(running) = &mut self.state
            && let Kind::Listing { pause } = running.kind
            && (running.counted != Some(running.lines.len()))
        {
            running.counted = Some(running.lines.len());
            running.deadline = running.end.min(now + pause);
        }
    }

    fn timeout(&mut self, now: Instant) {
        let State::Busy(running) = &mut self.state else { return };
        if now < running.deadline {
            return;
        }
        let lines = std::mem::take(&mut running.lines);
        if matches!(running.kind, Kind::Prompt { .. }) {
            // The modem may wait for a payload that will not come.
            self.outputs.push_back(Output::Transmit(vec![ESC]));
        }
        self.state = State::Idle;
        self.event(Event::TimedOut { lines });
    }

    fn octets(&mut self, now: Instant, octets: &[u8]) {
        for (at, octet) in octets.iter().enumerate() {
            if matches!(self.state, State::Data) {
                self.leftover(octets.get(at..).unwrap_or_default());
                return;
            }
            match octet {
                // Noise of modems that wake up.
                0 => {}
                b'\r' | b'\n' => self.line_end(),
                _ if self.skipping => {}
                _ => self.partial.push(*octet),
            }
            if self.partial.len() > MAX_LINE {
                self.partial.clear();
                self.skipping = true;
                self.event(Event::Overflow);
            }
            self.look_for_prompt(now);
            self.look_for_frame();
        }
        self.keep_waiting(now);
    }

    /// Octets behind the CONNECT line go to whoever hears of the connection.
    fn leftover(&mut self, octets: &[u8]) {
        for output in self.outputs.iter_mut().rev() {
            if let Output::Event(Event::Connected { leftover, .. }) = output {
                // The line feed that ends the CONNECT line.
                let octets = match octets {
                    [b'\n', rest @ ..] if leftover.is_empty() => rest,
                    all => all,
                };
                leftover.extend(octets);
                return;
            }
        }
    }

    fn look_for_prompt(&mut self, now: Instant) {
        let State::Busy(running) = &mut self.state else { return };
        let Kind::Prompt { payload, result_within } = &running.kind else { return };
        // Asked after each octet, so that only the last one can be new.
        let begins = self.partial.last() == Some(&b'>') && self.partial.trim_ascii() == b">";
        if running.prompted || !begins {
            return;
        }
        let mut octets = payload.clone();
        octets.push(CTRL_Z);
        running.deadline = now + *result_within;
        running.prompted = true;
        self.prompted = true;
        self.partial.clear();
        self.outputs.push_back(Output::Transmit(octets));
    }

    /// Some modems begin the call without saying CONNECT: the first octets of a PPP frame tell.
    fn look_for_frame(&mut self) {
        let State::Busy(running) = &self.state else { return };
        if running.kind != Kind::Dial {
            return;
        }
        // Asked after each octet, so that only the last two can be new.
        if let [before @ .., ppp::FLAG, 0xff | 0x7d | 0xc0] = &*self.partial {
            let leftover = self.partial.split_off(before.len());
            self.connected(String::new(), leftover);
        }
    }

    fn connected(&mut self, text: String, leftover: Vec<u8>) {
        self.partial.clear();
        self.header = None;
        self.state = State::Data;
        self.event(Event::Connected { text, leftover });
    }

    fn line_end(&mut self) {
        self.skipping = false;
        let octets = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&octets);
        // Octets of a wrong speed before the first readable character.
        let line = text.trim_start_matches(|it: char| !it.is_ascii_graphic()).trim_end();
        if !line.is_empty() {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(header) = self.header.take() {
            if is_hex(line) {
                self.event(Event::Unsolicited(Unsolicited::parse(&header, Some(line))));
                return;
            }
            self.event(Event::Unsolicited(Unsolicited::parse(&header, None)));
        }
        match &self.state {
            State::Idle => self.idle_line(line),
            State::Busy(_) => self.busy_line(line),
            State::Data => {}
        }
    }

    fn idle_line(&mut self, line: &str) {
        let late = line == self.last
            || line == ">"
            || FinalResult::parse(line).is_some_and(|result| result != FinalResult::NoCarrier);
        if !late {
            self.unsolicited(line);
        }
    }

    fn busy_line(&mut self, line: &str) {
        let State::Busy(running) = &mut self.state else { return };
        if running.is_echo(line) {
            self.echoed |= line == running.line;
            return;
        }
        if running.wants_pdu && is_hex(line) {
            running.wants_pdu = false;
            self.response_line(line);
            return;
        }
        if let Some(result) = FinalResult::parse(line) {
            if running.ends_with(&result) {
                self.finish(result);
            } else if result == FinalResult::NoCarrier {
                self.unsolicited(line);
            }
            return;
        }
        let news = registration(line).is_some_and(|it| !it.solicited);
        let named = running.prefix.as_ref().is_some_and(|it| value_behind(line, it).is_some());
        if named && !news {
            running.wants_pdu = running.lists_messages();
            self.response_line(line);
        } else if news
            || is_unsolicited(line)
            || (running.prefix.is_some() && line.starts_with(SIGNS))
        {
            self.unsolicited(line);
        } else {
            self.response_line(line);
        }
    }

    fn response_line(&mut self, line: &str) {
        let State::Busy(running) = &mut self.state else { return };
        if running.lines.len() < MAX_RESPONSE_LINES {
            running.lines.push(line.to_owned());
        } else if !std::mem::replace(&mut running.cut, true) {
            self.event(Event::Overflow);
        }
    }

    fn finish(&mut self, result: FinalResult) {
        let State::Busy(running) = std::mem::take(&mut self.state) else { return };
        match result {
            FinalResult::Connect(text) => self.connected(text, Vec::new()),
            result => self.event(Event::Response(Response { lines: running.lines, result })),
        }
    }

    fn unsolicited(&mut self, line: &str) {
        if two_line_header(line) {
            self.header = Some(line.to_owned());
        } else {
            self.event(Event::Unsolicited(Unsolicited::parse(line, None)));
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

impl Running {
    fn is_echo(&self, line: &str) -> bool {
        let line = line.strip_prefix('>').map_or(line, str::trim_start);
        line.is_empty()
            || line == self.line
            || matches!(&self.kind, Kind::Prompt { payload, .. } if self.prompted
                && line.trim_end_matches('\u{1a}').as_bytes() == &**payload)
    }

    fn ends_with(&self, result: &FinalResult) -> bool {
        match result {
            FinalResult::Connect(_)
            | FinalResult::Busy
            | FinalResult::NoAnswer
            | FinalResult::NoDialtone => self.kind == Kind::Dial,
            FinalResult::NoCarrier => {
                matches!(self.kind, Kind::Dial | Kind::HangUp | Kind::Escape)
            }
            _ => true,
        }
    }

    fn lists_messages(&self) -> bool {
        matches!(self.prefix.as_deref(), Some("+CMGL:" | "+CMGR:"))
    }
}
