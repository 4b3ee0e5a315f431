//! Settings that hosts write and read back and that change nothing here (3GPP TS 27.007, TS
//! 27.005, ITU-T V.250), and the words of vendors that the profiles send.

use super::command::{Arg, Op};
use super::failure::INVALID_PARAMETER;
use super::{Cx, Step};

/// Name, answer of the test command, value at power-on. What the answer lists is what is taken.
const REMEMBERED: &[(&str, &str, &str)] = &[
    ("+IFC", "(0-2),(0-2)", "2,2"),
    // Eight data bits, no parity, one stop bit: a pseudo-terminal has no other.
    ("+ICF", "(3),(0-3)", "3,3"),
    ("+IPR", "(0,9600,19200,38400,57600,115200,230400,460800,921600)", "0"),
    ("+CRC", "(0,1)", "0"),
    ("+CR", "(0,1)", "0"),
    ("+CLIP", "(0,1)", "0"),
    ("+COLP", "(0,1)", "0"),
    ("+CCWA", "(0,1)", "0"),
    ("+CSSN", "(0,1),(0,1)", "0,0"),
    ("+CSTA", "(129,145)", "129"),
    ("+CMOD", "(0-3)", "0"),
    ("+CVHU", "(0-2)", "0"),
    ("+CSNS", "(0-7)", "0"),
    ("+CMER", "(0-3),(0),(0),(0,1),(0,1)", "0,0,0,0,0"),
    ("+CGEREP", "(0-2),(0,1)", "0,0"),
    ("+CGSMS", "(0-3)", "1"),
    ("+CTZU", "(0,1)", "0"),
    ("+CTZR", "(0,1)", "0"),
    ("+CMMS", "(0-2)", "0"),
    ("+CSCB", "(0,1)", "0,\"\",\"\""),
    ("+CBST", "(0,7,71),(0),(0,1)", "0,0,1"),
    ("+CGAUTO", "(0-3)", "0"),
    ("+CGQREQ", "\"IP\",(0-3),(0-4),(0-5),(0-9),(0-31)", ""),
    ("+CGQMIN", "\"IP\",(0-3),(0-4),(0-5),(0-9),(0-31)", ""),
    ("+FCLASS", "(0)", "0"),
    ("+WS46", "(12,22,25,28,31)", "25"),
];

/// Longest value remembered, octets.
const MAX_VALUE: usize = 128;

/// Every name here, for `+CLAC`.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    REMEMBERED.iter().map(|(name, ..)| *name)
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    let (_, test, initial) = REMEMBERED.iter().find(|(known, ..)| *known == name)?;
    let now = cx.state.plain.get(name).map_or(*initial, String::as_str).to_owned();
    Some(match op {
        Op::Test => {
            cx.say(format!("{name}: {test}"));
            Step::Done
        }
        // Never set: there is nothing to tell.
        Op::Read if now.is_empty() => Step::Done,
        Op::Read => {
            // The network offers these two services to everybody.
            let offered = if matches!(name, "+CLIP" | "+COLP") { ",1" } else { "" };
            cx.say(format!("{name}: {now}{offered}"));
            Step::Done
        }
        Op::Run => {
            cx.state.plain.remove(name);
            Step::Done
        }
        Op::Set(args) => {
            let value = merged(&now, args);
            if value.len() > MAX_VALUE || !is_offered(name, test, args) {
                return Some(Step::Fail(INVALID_PARAMETER));
            }
            cx.state.plain.insert(name.to_owned(), value);
            Step::Done
        }
    })
}

/// The values given; one that is left out stays as it is (V.250 clause 5.4.4.2).
fn merged(now: &str, args: &[Arg]) -> String {
    let mut now = now.split(',');
    let given = args.iter().map(|arg| {
        let was = now.next().unwrap_or_default();
        match arg {
            Arg { quoted: true, text } => format!("\"{text}\""),
            Arg { text, .. } if text.is_empty() => was.to_owned(),
            Arg { text, .. } => text.clone(),
        }
    });
    let given: Vec<String> = given.collect();
    given.into_iter().chain(now.map(str::to_owned)).collect::<Vec<_>>().join(",")
}

/// Whether the answer to the test command lists every value given.
fn is_offered(name: &str, test: &str, args: &[Arg]) -> bool {
    // A context identifier stands in front where a type of context does in the test; channels
    // and languages of broadcasts are free.
    if matches!(name, "+CGQREQ" | "+CGQMIN" | "+CSCB") {
        return true;
    }
    let groups: Vec<&str> = test.trim_matches(['(', ')']).split("),(").collect();
    args.len() <= groups.len()
        && args.iter().zip(groups).all(|(arg, group)| {
            let is_in = |value: u32| {
                group.split(',').any(|part| match part.split_once('-') {
                    Some((from, to)) => {
                        from.parse().is_ok_and(|from| value >= from)
                            && to.parse().is_ok_and(|to| value <= to)
                    }
                    None => part.parse() == Ok(value),
                })
            };
            arg.text.is_empty() || arg.number().is_some_and(is_in)
        })
}
