//! Unstructured supplementary service data: short dialogues with the network, for a balance for
//! example (3GPP TS 27.007 clause 7.15, TS 22.090).

use super::command::{Arg, Op};
use super::failure::{INVALID_PARAMETER, NO_NETWORK, NOT_SUPPORTED};
use super::{Cx, Failure, Step};

/// Asks for the balance.
const BALANCE: &str = "*100#";
/// Asks what is wanted.
const MENU: &str = "*101#";
/// GSM 7-bit default alphabet, language unspecified (TS 23.038 clause 5).
const DCS: u8 = 15;
/// Longest text, septets (TS 23.038 clause 6.1.2.2.1).
const MAX_TEXT: usize = 182;

/// `+CUSD` and the dialogue that is going on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ussd {
    /// Answers are told.
    told: bool,
    /// The network waits for a choice.
    asked: bool,
}

/// `<m>` of the unsolicited code.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Over = 0,
    Asks = 1,
    NotSupported = 4,
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if name != "+CUSD" {
        return None;
    }
    let done = match op {
        Op::Test => {
            cx.say("+CUSD: (0-2)");
            Ok(())
        }
        Op::Read => {
            let told = u8::from(cx.state.ussd.told);
            cx.say(format!("+CUSD: {told}"));
            Ok(())
        }
        Op::Run => Err(NOT_SUPPORTED),
        Op::Set(args) => set(cx, args),
    };
    Some(match done {
        Ok(()) => Step::Done,
        Err(failure) => Step::Fail(failure),
    })
}

fn set(cx: &mut Cx<'_>, args: &[Arg]) -> Result<(), Failure> {
    match args.first().and_then(Arg::number) {
        // Ends a dialogue; what is told stays as it is.
        Some(2) => {
            cx.state.ussd.asked = false;
            return Ok(());
        }
        Some(told @ 0..=1) => cx.state.ussd.told = told == 1,
        _ => return Err(INVALID_PARAMETER),
    }
    let Some(text) = args.get(1) else { return Ok(()) };
    let set = cx.state.settings(cx.port).charset;
    let text = set.decode(&text.text).ok_or(INVALID_PARAMETER)?;
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return Err(INVALID_PARAMETER);
    }
    if let Some(trouble) = cx.shared.sim_trouble(cx.state) {
        return Err(trouble);
    }
    if !cx.shared.has_service(cx.state) {
        return Err(NO_NETWORK);
    }
    let asked = std::mem::take(&mut cx.state.ussd.asked);
    let balance = || "Your balance is 10.00".to_owned();
    let number = || format!("Your number is {}", cx.shared.subscriber.number);
    let (outcome, answer) = match (asked, text.as_str()) {
        (true, "1") | (false, BALANCE) => (Outcome::Over, balance()),
        (true, "2") => (Outcome::Over, number()),
        (true, _) => (Outcome::Over, "There is no such choice".to_owned()),
        (false, MENU) => (Outcome::Asks, "1 Balance\n2 Own number".to_owned()),
        _ => (Outcome::NotSupported, String::new()),
    };
    cx.state.ussd.asked = matches!(outcome, Outcome::Asks);
    if cx.state.ussd.told {
        let outcome = outcome as u8;
        let line = if answer.is_empty() {
            format!("+CUSD: {outcome}")
        } else {
            format!("+CUSD: {outcome},\"{}\",{DCS}", set.encode(&answer))
        };
        cx.shared.urc(cx.port, line);
    }
    Ok(())
}
