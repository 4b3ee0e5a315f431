//! Short messages in storages, indications and settings (3GPP TS 27.005 clauses 3 and 4); what
//! leaves is in `sms_out`, the forms of text mode in `text_mode`.

use super::command::{Arg, Op};
use super::failure::{
    CMS_INVALID_INDEX, CMS_INVALID_TEXT_MODE, CMS_NO_ACK_EXPECTED, CMS_NOT_ALLOWED,
    CMS_NOT_SUPPORTED, CMS_UNKNOWN,
};
use super::receive::pdu_text;
use super::sms_out;
use super::state::Cnmi;
use super::storage::{Mem, Status, Stored};
use super::text_mode::{self, Place};
use super::{Cx, Failure, State, Step};
use crate::codec::sms::to_hex;
use crate::sim::fault::Fault;

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if !matches!(
        name,
        "+CMGF"
            | "+CSMS"
            | "+CPMS"
            | "+CNMI"
            | "+CMGL"
            | "+CMGR"
            | "+CMGD"
            | "+CMGS"
            | "+CMGW"
            | "+CMSS"
            | "+CMGC"
            | "+CSAS"
            | "+CRES"
            | "+CNMA"
            | "+CSCA"
            | "+CSMP"
            | "+CSDH"
    ) {
        return None;
    }
    if let Some(trouble) = cx.shared.sim_trouble(cx.state) {
        return Some(Step::Fail(as_cms(trouble)));
    }
    Some(match name {
        "+CMGF" => text_mode::format(cx, op),
        "+CSMS" => service(cx, op),
        "+CPMS" => memories(cx, op),
        "+CNMI" => indications(cx, op),
        "+CMGL" => list(cx, op),
        "+CMGR" => read(cx, op),
        "+CMGD" => delete(cx, op),
        "+CMGS" | "+CMGW" | "+CMGC" => sms_out::prompt(cx, name, op),
        "+CMSS" => sms_out::send_stored(cx, op),
        "+CSAS" | "+CRES" => text_mode::profile(cx, op, name == "+CSAS"),
        "+CNMA" => acknowledge(cx, op),
        "+CSCA" => centre(cx, op),
        "+CSDH" => text_mode::details(cx, op),
        _ => text_mode::parameters(cx, op),
    })
}

/// The same trouble in the numbering of TS 27.005.
const fn as_cms(trouble: Failure) -> Failure {
    match trouble {
        Failure::Cme(10) => Failure::Cms(310),
        Failure::Cme(11) => Failure::Cms(311),
        Failure::Cme(12) => Failure::Cms(316),
        Failure::Cme(14) => Failure::Cms(314),
        other => other,
    }
}

fn say(cx: &mut Cx<'_>, line: impl Into<String>) -> Step {
    cx.say(line);
    Step::Done
}

fn service(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => say(cx, "+CSMS: (0,1)"),
        Op::Read => {
            let now = cx.state.csms;
            say(cx, format!("+CSMS: {now},1,1,1"))
        }
        Op::Run => Step::Fail(CMS_NOT_SUPPORTED),
        Op::Set(args) => match args.first().and_then(Arg::number) {
            Some(service @ 0..=1) => {
                cx.state.csms = service;
                say(cx, "+CSMS: 1,1,1")
            }
            _ => Step::Fail(CMS_NOT_SUPPORTED),
        },
    }
}

fn memories(cx: &mut Cx<'_>, op: &Op) -> Step {
    let counts = |state: &mut State, named: bool| -> String {
        let parts: Vec<String> = state
            .mems
            .map(|mem| {
                let (used, total) = (state.used(mem), state.total(mem));
                if named {
                    format!("\"{}\",{used},{total}", mem.name())
                } else {
                    format!("{used},{total}")
                }
            })
            .to_vec();
        parts.join(",")
    };
    match op {
        Op::Test => {
            let mems = cx.shared.config.storages();
            let mut names: Vec<&str> = mems.iter().map(|mem| mem.name()).collect();
            if cx.shared.faults.shows(&Fault::StorageAliases {}) {
                names.retain(|name| *name != "MT");
                names.extend(["SM_P", "ME_P", "MT"]);
            }
            let group: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            let group = group.join(",");
            say(cx, format!("+CPMS: ({group}),({group}),({group})"))
        }
        Op::Read => {
            cx.state.zte_asked = true;
            let line = counts(cx.state, true);
            say(cx, format!("+CPMS: {line}"))
        }
        Op::Run => Step::Fail(CMS_NOT_SUPPORTED),
        Op::Set(_) if cx.shared.faults.strikes(&Fault::StorageChoiceRefused {}) => {
            Step::Fail(CMS_UNKNOWN)
        }
        Op::Set(args) if args.len() <= 3 => {
            let aliases = cx.shared.faults.is_on(&Fault::StorageAliases {});
            let known = |name: &str| aliases || !name.to_ascii_uppercase().ends_with("_P");
            // One that is left out stays.
            let now = cx.state.mems;
            let named = |(arg, now): (&Arg, Mem)| match arg.text.as_str() {
                "" => Some(now),
                name => Mem::from_name(name).filter(|_| known(name)),
            };
            let wanted: Option<Vec<Mem>> = args.iter().zip(now).map(named).collect();
            let wanted = wanted.filter(|wanted| {
                let offered = cx.shared.config.storages();
                let is_offered = |mem: &Mem| offered.contains(mem) || aliases && *mem == Mem::Mt;
                wanted.iter().all(is_offered)
            });
            let Some(wanted) = wanted else { return Step::Fail(CMS_NOT_ALLOWED) };
            for (slot, mem) in cx.state.mems.iter_mut().zip(wanted) {
                *slot = mem;
            }
            let line = counts(cx.state, false);
            say(cx, format!("+CPMS: {line}"))
        }
        Op::Set(_) => Step::Fail(CMS_NOT_ALLOWED),
    }
}

fn indications(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => say(cx, "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)"),
        Op::Read => {
            let Cnmi { mode, mt, bm, ds, bfr } = cx.state.cnmi;
            say(cx, format!("+CNMI: {mode},{mt},{bm},{ds},{bfr}"))
        }
        Op::Run => {
            cx.state.cnmi = Cnmi::default();
            Step::Done
        }
        Op::Set(args) => {
            let number = |at: usize| match args.get(at) {
                None => Some(0),
                Some(arg) if arg.text.is_empty() => Some(0),
                Some(arg) => arg.number(),
            };
            let wanted = (number(0), number(1), number(2), number(3), number(4));
            let (
                Some(mode @ 0..=2),
                Some(mt @ 0..=3),
                Some(bm @ (0 | 2)),
                Some(ds @ 0..=2),
                Some(bfr @ 0..=1),
            ) = wanted
            else {
                return Step::Fail(CMS_NOT_SUPPORTED);
            };
            cx.state.cnmi = Cnmi { mode, mt, bm, ds, bfr };
            cx.state.delivery_stopped = false;
            if mode != 0 {
                let kept: Vec<String> = cx.state.cnmi_kept.drain(..).collect();
                if bfr == 0 {
                    for line in kept {
                        cx.shared.urc(cx.port, line);
                    }
                }
            }
            Step::Done
        }
    }
}

fn list(cx: &mut Cx<'_>, op: &Op) -> Step {
    let settings = cx.state.settings(cx.port);
    let (mode, set) = (settings.text, settings.charset);
    let wanted = match op {
        Op::Test if mode.on => {
            let words = Status::ALL.map(|status| format!("\"{}\"", status.words()));
            return say(cx, format!("+CMGL: ({},\"ALL\")", words.join(",")));
        }
        Op::Test => return say(cx, "+CMGL: (0-4)"),
        Op::Read => return Step::Fail(CMS_NOT_SUPPORTED),
        Op::Run => 0,
        Op::Set(args) if mode.on => match args.first().and_then(|arg| selection(&arg.text)) {
            Some(wanted) => wanted,
            None => return Step::Fail(CMS_INVALID_TEXT_MODE),
        },
        Op::Set(args) => match args.first().and_then(Arg::number) {
            Some(wanted @ 0..=4) => wanted,
            _ => return Step::Fail(CMS_NOT_ALLOWED),
        },
    };
    let faults = &cx.shared.faults;
    if faults.strikes(&Fault::ListRefused {}) {
        return Step::Fail(Failure::Plain);
    }
    if faults.strikes(&Fault::ListHangs {}) {
        return Step::Hang;
    }
    let in_text = faults.shows(&Fault::ListInTextMode {});
    let mem = cx.state.mems[0];
    if cx.state.used(mem) > 0 && faults.shows(&Fault::ListEmpty {}) {
        return Step::Done;
    }
    let mut found = Vec::new();
    for (index, stored) in cx.state.messages(mem) {
        if wanted == 4 || stored.status as u32 == wanted {
            found.push((index, stored.clone()));
            if stored.status == Status::Unread {
                stored.status = Status::Read;
            }
        }
    }
    for (index, Stored { status, tpdu, centre }) in found {
        if mode.on {
            let (head, data) = text_mode::show(mode, set, Place::List, &tpdu, &centre);
            cx.say(format!("+CMGL: {index},\"{}\",{head}", status.words()));
            data.into_iter().for_each(|data| cx.say(data));
            continue;
        }
        if in_text {
            // Sender and time are of no use to whoever asked for PDUs, so they are made up.
            cx.say(format!(
                "+CMGL: {index},\"{}\",\"86888\",,\"26/11/21,15:00:00+00\"",
                status.words()
            ));
            cx.say(to_hex(tpdu.get(tpdu.len().saturating_sub(20)..).unwrap_or_default()));
            continue;
        }
        cx.say(format!("+CMGL: {index},{},,{}", status as u32, tpdu.len()));
        cx.say(pdu_text(&centre, &tpdu));
    }
    Step::Done
}

/// What `<stat>` in words selects; 4 is everything.
fn selection(words: &str) -> Option<u32> {
    Status::from_words(words).map(|status| status as u32).or_else(|| (words == "ALL").then_some(4))
}

pub(super) fn index_of(args: &[Arg]) -> Option<usize> {
    args.first().and_then(Arg::number).and_then(|index| usize::try_from(index).ok())
}

fn read(cx: &mut Cx<'_>, op: &Op) -> Step {
    let Op::Set(args) = op else {
        return if *op == Op::Test { Step::Done } else { Step::Fail(CMS_NOT_SUPPORTED) };
    };
    let mem = cx.state.mems[0];
    let Some(index) = index_of(args) else { return Step::Fail(CMS_INVALID_INDEX) };
    let Some(stored) = cx.state.message_at(mem, index) else {
        return Step::Fail(CMS_INVALID_INDEX);
    };
    let Stored { status, tpdu, centre } = stored.clone();
    if stored.status == Status::Unread {
        stored.status = Status::Read;
    }
    let settings = cx.state.settings(cx.port);
    if settings.text.on {
        let (mode, set) = (settings.text, settings.charset);
        let (head, data) = text_mode::show(mode, set, Place::Read, &tpdu, &centre);
        cx.say(format!("+CMGR: \"{}\",{head}", status.words()));
        data.into_iter().for_each(|data| cx.say(data));
        return Step::Done;
    }
    cx.say(format!("+CMGR: {},,{}", status as u32, tpdu.len()));
    say(cx, pdu_text(&centre, &tpdu))
}

fn delete(cx: &mut Cx<'_>, op: &Op) -> Step {
    let mem = cx.state.mems[0];
    match op {
        Op::Test => {
            let indices: Vec<String> =
                cx.state.messages(mem).map(|(index, _)| index.to_string()).collect();
            say(cx, format!("+CMGD: ({}),(0-4)", indices.join(",")))
        }
        Op::Set(args) => {
            if cx.shared.faults.strikes(&Fault::DeleteRefused {}) {
                return Step::Fail(CMS_UNKNOWN);
            }
            if cx.shared.faults.strikes(&Fault::DeletePretended {}) {
                return Step::Done;
            }
            let flag = args.get(1).map_or(Some(0), Arg::number);
            match (index_of(args), flag) {
                // An index at which nothing is deletes nothing and is no error.
                (Some(index), Some(0)) if cx.state.place_of(mem, index).is_some() => {
                    cx.state.delete(mem, index);
                    Step::Done
                }
                (Some(_), Some(flag @ 1..=4)) => {
                    let keep = |stored: &Stored| match stored.status {
                        Status::Read => false,
                        Status::Sent => flag < 2,
                        Status::Unsent => flag < 3,
                        Status::Unread => flag < 4,
                    };
                    cx.state.retain(mem, keep);
                    Step::Done
                }
                _ => Step::Fail(CMS_INVALID_INDEX),
            }
        }
        _ => Step::Fail(CMS_NOT_SUPPORTED),
    }
}

fn acknowledge(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test if cx.state.settings(cx.port).text.on => Step::Done,
        Op::Test => say(cx, "+CNMA: (0-2)"),
        Op::Run | Op::Set(_) => {
            let number = |at: usize| match op {
                Op::Set(args) => args.get(at).and_then(Arg::number),
                _ => None,
            };
            let Some(message) = cx.state.unacknowledged.take() else {
                return Step::Fail(CMS_NO_ACK_EXPECTED);
            };
            if number(0) == Some(2) {
                cx.shared.refuse(cx.state, message);
            }
            if number(1).is_some_and(|length| length > 0) { Step::AckPrompt } else { Step::Done }
        }
        Op::Read => Step::Fail(CMS_NOT_SUPPORTED),
    }
}

fn centre(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => Step::Done,
        Op::Read => {
            let set = cx.state.settings(cx.port).charset;
            let number = cx.shared.centre(cx.state);
            let kind = if number.starts_with('+') { 145 } else { 129 };
            let line = format!("+CSCA: \"{}\",{kind}", set.encode(number));
            say(cx, line)
        }
        Op::Set(args) => {
            let set = cx.state.settings(cx.port).charset;
            let number = args.first().and_then(|arg| set.decode_number(&arg.text));
            let mut number = number.unwrap_or_default();
            // <tosca>: 145 is an international number.
            if args.get(1).and_then(Arg::number) == Some(145) && !number.starts_with('+') {
                number.insert(0, '+');
            }
            let digits = number.strip_prefix('+').unwrap_or(&number);
            if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|d| d.is_ascii_digit())
            {
                return Step::Fail(Failure::Cms(330));
            }
            cx.state.smsc = number;
            Step::Done
        }
        Op::Run => Step::Fail(CMS_NOT_SUPPORTED),
    }
}
