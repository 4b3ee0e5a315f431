//! PDP contexts and dialling (3GPP TS 27.007 clauses 10.1.1, 10.1.10, 10.1.12, 10.1.23,
//! 10.2.1).

use std::net::IpAddr;

use super::command::{Arg, Op};
use super::failure::{INVALID_PARAMETER, NOT_SUPPORTED, OPERATION_NOT_ALLOWED};
use super::state::Context;
use super::{Cx, Failure, Shared, Step};
use crate::sim::fault::{DialForm, Fault};

const KINDS: [&str; 3] = ["IP", "IPV6", "IPV4V6"];
/// `<bearer_id>` of every context.
const BEARER: u8 = 5;
/// Longest APN, TS 23.003 clause 9.1.
const MAX_APN: usize = 100;

/// `D` with its digits.
pub(super) fn dial(cx: &Cx<'_>, text: &str) -> Step {
    let number = text.trim_start_matches(['T', 'P', 't', 'p']).trim_end_matches(';').trim();
    let Some(service) = number.strip_prefix("*99").and_then(|rest| rest.strip_suffix('#')) else {
        // Voice and circuit-switched data: there is nobody to answer.
        return Step::Fail(Failure::NoCarrier);
    };
    let form =
        if service.trim_matches('*').is_empty() { DialForm::Plain } else { DialForm::WithContext };
    if cx.shared.refuses_to_dial(form) {
        return Step::Fail(Failure::Plain);
    }
    let cid = match service {
        "" | "*" | "**" | "***" => Some(1),
        _ => service.rsplit('*').next().and_then(|cid| cid.parse().ok()),
    };
    match cid {
        Some(cid) if cx.shared.context(cx.state, cid).is_some() => Step::Dial(cid),
        Some(cid) if (1..=cx.shared.max_cid()).contains(&cid) => Step::Fail(Failure::NoCarrier),
        _ => Step::Fail(Failure::Plain),
    }
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    Some(match (name, op) {
        ("+CGDCONT", Op::Test) => {
            let most = cx.shared.max_cid();
            for kind in KINDS {
                cx.say(format!("+CGDCONT: (1-{most}),\"{kind}\",,,(0),(0)"));
            }
            Step::Done
        }
        ("+CGDCONT", Op::Read) => {
            let lines: Vec<String> = cx
                .state
                .contexts
                .iter()
                .map(|(cid, context)| {
                    format!("+CGDCONT: {cid},\"{}\",\"{}\",\"\",0,0", context.kind, context.apn)
                })
                .collect();
            lines.into_iter().for_each(|line| cx.say(line));
            Step::Done
        }
        ("+CGDCONT", Op::Set(args)) => define(cx, args),
        ("+CGACT", Op::Test) => say(cx, "+CGACT: (0,1)"),
        ("+CGACT", Op::Read) => {
            let lines: Vec<String> = cx
                .state
                .contexts
                .iter()
                .map(|(cid, context)| format!("+CGACT: {cid},{}", u8::from(context.active)))
                .collect();
            lines.into_iter().for_each(|line| cx.say(line));
            Step::Done
        }
        ("+CGACT", Op::Set(args)) => activate(cx, args),
        ("+CGPADDR", Op::Test) => {
            let cids: Vec<String> = cx.state.contexts.keys().map(ToString::to_string).collect();
            say(cx, format!("+CGPADDR: ({})", cids.join(",")))
        }
        ("+CGPADDR", Op::Run | Op::Set(_)) => {
            let cids: Vec<u8> = cx.state.contexts.keys().copied().collect();
            for cid in cids {
                cx.say(format!("+CGPADDR: {cid},\"0.0.0.0\""));
            }
            Step::Done
        }
        ("+CGCONTRDP", Op::Test) => {
            let active = cx.state.contexts.iter().filter(|(_, context)| context.active);
            let cids: Vec<String> = active.map(|(cid, _)| cid.to_string()).collect();
            say(cx, format!("+CGCONTRDP: ({})", cids.join(",")))
        }
        ("+CGCONTRDP", Op::Run) => dynamic_parameters(cx, None),
        ("+CGCONTRDP", Op::Set(args)) => match cid_of(args, 0, cx.shared.max_cid()) {
            Some(cid) if cx.state.contexts.contains_key(&cid) => dynamic_parameters(cx, Some(cid)),
            _ => Step::Fail(INVALID_PARAMETER),
        },
        ("+CGAUTH", Op::Test) => {
            let most = cx.shared.max_cid();
            say(cx, format!("+CGAUTH: (1-{most}),(0-3),64,64"))
        }
        ("+CGAUTH", Op::Read) => {
            // The password is never told, as on real modems.
            let lines: Vec<String> = cx.state.auth.values().cloned().collect();
            lines.into_iter().for_each(|line| cx.say(line));
            Step::Done
        }
        ("+CGAUTH", Op::Set(args)) => authenticate(cx, args),
        ("+CGDATA", Op::Test) => say(cx, "+CGDATA: (\"PPP\")"),
        ("+CGDATA", Op::Set(_)) if cx.shared.refuses_to_dial(DialForm::Cgdata) => {
            Step::Fail(Failure::Plain)
        }
        ("+CGDATA", Op::Set(args)) => match args.as_slice() {
            [kind, rest @ ..] if kind.text.eq_ignore_ascii_case("PPP") => {
                match rest.first().and_then(Arg::number).map_or(Ok(1), u8::try_from) {
                    Ok(cid) if cx.shared.context(cx.state, cid).is_some() => Step::Dial(cid),
                    _ => Step::Fail(OPERATION_NOT_ALLOWED),
                }
            }
            _ => Step::Fail(INVALID_PARAMETER),
        },
        ("+CGDCONT" | "+CGACT" | "+CGPADDR" | "+CGCONTRDP" | "+CGAUTH" | "+CGDATA", _) => {
            Step::Fail(NOT_SUPPORTED)
        }
        _ => return None,
    })
}

impl Shared {
    fn max_cid(&self) -> u8 {
        let limited = self.faults.find(|fault| match fault {
            Fault::ContextRange { cids } => Some(*cids),
            _ => None,
        });
        limited.unwrap_or(self.config.max_cid)
    }

    fn refuses_to_dial(&self, form: DialForm) -> bool {
        let only = self.faults.find(|fault| match fault {
            Fault::DialOnly { form } => Some(*form),
            _ => None,
        });
        only.is_some_and(|only| only != form)
    }

    /// Why the network activates no context now, if so.
    pub(super) fn activation_refused(&self) -> Option<Failure> {
        self.faults.take(|fault| match fault {
            Fault::ActivationRefused { cme } => Some(Failure::Cme(*cme)),
            _ => None,
        })
    }
}

fn say(cx: &mut Cx<'_>, line: impl Into<String>) -> Step {
    cx.say(line);
    Step::Done
}

fn cid_of(args: &[Arg], at: usize, most: u8) -> Option<u8> {
    args.get(at)
        .and_then(Arg::number)
        .and_then(|cid| u8::try_from(cid).ok())
        .filter(|cid| (1..=most).contains(cid))
}

fn define(cx: &mut Cx<'_>, args: &[Arg]) -> Step {
    let Some(cid) = cid_of(args, 0, cx.shared.max_cid()) else {
        return Step::Fail(INVALID_PARAMETER);
    };
    if cx.shared.faults.strikes(&Fault::ContextRefused {}) {
        return Step::Fail(Failure::Plain);
    }
    if cx.state.contexts.get(&cid).is_some_and(|context| context.active) {
        return Step::Fail(OPERATION_NOT_ALLOWED);
    }
    let Some(kind) = args.get(1) else {
        cx.state.contexts.remove(&cid);
        return Step::Done;
    };
    let kind = kind.text.to_ascii_uppercase();
    let apn = args.get(2).map(|apn| apn.text.clone()).unwrap_or_default();
    let clean = apn.bytes().all(|octet| octet.is_ascii_graphic());
    if !KINDS.contains(&kind.as_str()) || apn.len() > MAX_APN || !clean {
        return Step::Fail(INVALID_PARAMETER);
    }
    cx.state.contexts.insert(cid, Context { kind, apn, active: false });
    Step::Done
}

fn activate(cx: &mut Cx<'_>, args: &[Arg]) -> Step {
    let Some(on @ 0..=1) = args.first().and_then(Arg::number) else {
        return Step::Fail(INVALID_PARAMETER);
    };
    if on == 1 && !cx.shared.has_service(cx.state) {
        return Step::Fail(Failure::Cme(30));
    }
    if on == 1
        && let Some(refused) = cx.shared.activation_refused()
    {
        return Step::Fail(refused);
    }
    let most = cx.shared.max_cid();
    let all: Vec<u8> = cx.state.contexts.keys().copied().collect();
    let wanted = if args.len() > 1 {
        let cids: Option<Vec<u8>> = (1..args.len()).map(|at| cid_of(args, at, most)).collect();
        let Some(cids) = cids else { return Step::Fail(INVALID_PARAMETER) };
        cids
    } else {
        all
    };
    if on == 0 && cx.shared.faults.strikes(&Fault::DeactivationIgnored {}) {
        return Step::Done;
    }
    for cid in wanted {
        let Some(context) = cx.state.contexts.get_mut(&cid) else {
            return Step::Fail(INVALID_PARAMETER);
        };
        if on == 1 && !cx.shared.calls.knows(&context.apn) {
            "requested service option not subscribed".clone_into(&mut cx.state.last_cause);
            return Step::Fail(Failure::Cme(133));
        }
        context.active = on == 1;
        if on == 0
            && let Some(call) = cx.state.call.take_if(|call| call.cid == cid)
        {
            call.ended.cancel();
        }
    }
    Step::Done
}

/// What the network gave one active context, or all: a line for each version of IP. The own address
/// is told to whoever speaks PPP alone.
fn dynamic_parameters(cx: &mut Cx<'_>, only: Option<u8>) -> Step {
    let mut lines = Vec::new();
    for (cid, context) in &cx.state.contexts {
        if !context.active || only.is_some_and(|only| only != *cid) {
            continue;
        }
        let servers = cx.shared.calls.name_servers(&context.kind);
        if servers.is_empty() {
            lines.push(format!("+CGCONTRDP: {cid},{BEARER},\"{}\"", context.apn));
        }
        for server in servers {
            let server = dotted(server);
            let apn = &context.apn;
            lines.push(format!("+CGCONTRDP: {cid},{BEARER},\"{apn}\",\"\",\"\",\"{server}\""));
        }
    }
    lines.into_iter().for_each(|line| cx.say(line));
    Step::Done
}

/// As addresses are written before `AT+CGPIAF` asks for anything else (clause 8.62).
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.octets().map(|octet| octet.to_string()).join("."),
    }
}

fn authenticate(cx: &mut Cx<'_>, args: &[Arg]) -> Step {
    let (Some(cid), Some(kind @ 0..=3)) =
        (cid_of(args, 0, cx.shared.max_cid()), args.get(1).map_or(Some(0), Arg::number))
    else {
        return Step::Fail(INVALID_PARAMETER);
    };
    let user = args.get(2).map(|user| user.text.clone()).unwrap_or_default();
    if kind == 0 {
        cx.state.auth.remove(&cid);
    } else {
        cx.state.auth.insert(cid, format!("+CGAUTH: {cid},{kind},\"{user}\",\"\""));
    }
    Step::Done
}
