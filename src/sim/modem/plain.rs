//! Settings that hosts write and read back and that change nothing here (3GPP TS 27.007, TS
//! 27.005, ITU-T V.250), and the words of vendors that the profiles send.

use super::command::Op;
use super::failure::{INVALID_PARAMETER, NOT_SUPPORTED};
use super::{Cx, Step};

/// Name, answer of the test command, value at power-on.
const REMEMBERED: &[(&str, &str, &str)] = &[
    ("+IFC", "(0-2),(0-2)", "2,2"),
    ("+ICF", "(3),(0,1)", "3,1"),
    ("+IPR", "(0,9600,19200,38400,57600,115200,230400,460800,921600)", "0"),
    ("+CRC", "(0,1)", "0"),
    ("+CR", "(0,1)", "0"),
    ("+CLIP", "(0,1)", "0"),
    ("+CMER", "(0-3),(0),(0),(0,1),(0,1)", "0,0,0,0,0"),
    ("+CGEREP", "(0-2),(0,1)", "0,0"),
    ("+CGSMS", "(0-3)", "1"),
    ("+CTZU", "(0,1)", "0"),
    ("+CTZR", "(0,1)", "0"),
    ("+CMMS", "(0-2)", "0"),
    ("+CSCB", "(0,1)", "0,\"\",\"\""),
    ("+CBST", "(0,7,71),(0),(0,1)", "0,0,1"),
    ("+CGAUTO", "(0-3)", "0"),
    ("+CGQREQ", "", ""),
    ("+CGQMIN", "", ""),
    ("+FCLASS", "(0)", "0"),
    ("+CUSD", "(0-2)", "0"),
    ("+WS46", "(12,22,25,28,31)", "25"),
];

/// Longest value remembered, octets.
const MAX_VALUE: usize = 128;

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if name == "+CCLK" {
        return Some(match op {
            Op::Test | Op::Set(_) => Step::Done,
            Op::Read => {
                let now = cx.shared.told_clock();
                cx.say(format!("+CCLK: \"{now}\""));
                Step::Done
            }
            Op::Run => Step::Fail(NOT_SUPPORTED),
        });
    }
    let (_, test, initial) = REMEMBERED.iter().find(|(known, ..)| *known == name)?;
    Some(match op {
        Op::Test => {
            cx.say(format!("{name}: {test}"));
            Step::Done
        }
        Op::Read => {
            let now = cx.state.plain.get(name).map_or(*initial, String::as_str).to_owned();
            cx.say(format!("{name}: {now}"));
            Step::Done
        }
        Op::Run => {
            cx.state.plain.remove(name);
            Step::Done
        }
        Op::Set(args) => {
            let value: Vec<String> = args
                .iter()
                .map(|arg| if arg.quoted { format!("\"{}\"", arg.text) } else { arg.text.clone() })
                .collect();
            let value = value.join(",");
            if value.len() > MAX_VALUE {
                return Some(Step::Fail(INVALID_PARAMETER));
            }
            cx.state.plain.insert(name.to_owned(), value);
            Step::Done
        }
    })
}
