//! Text mode: how messages are shown, and made of what the host types (3GPP TS 27.005 clause 3).

use super::command::{Arg, Op};
use super::failure::{CMS_INVALID_TEXT_MODE, CMS_NOT_SUPPORTED};
use super::receive::up_to_dcs;
use super::text::Charset;
use super::{Cx, Failure, Step};
use crate::codec::sms::{
    Alphabet, Body, Command, Dcs, Deliver, MAX_USER_DATA, Scts, Shift, SmsAddress, Submit, Tpdu,
    Udh, UserData, ValidityPeriod, encode_gsm7, to_hex,
};
use crate::model::Timestamp;

/// Octets of an SMS-SUBMIT before its destination.
const SUBMIT_HEAD: usize = 2;
/// Septets of one message.
const MAX_SEPTETS: usize = 160;

/// What `+CMGF`, `+CSMP` and `+CSDH` set on a port.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextMode {
    /// `+CMGF=1`
    pub(super) on: bool,
    /// `+CSDH=1`: the values behind the time are shown.
    detailed: bool,
    /// First octet of an SMS-SUBMIT.
    fo: u8,
    /// Relative validity period.
    vp: u8,
    pid: u8,
    dcs: u8,
}

impl Default for TextMode {
    fn default() -> Self {
        // Clause 3.5 lets the maker choose: SMS-SUBMIT with a relative validity of 24 hours.
        Self { on: false, detailed: false, fo: 17, vp: 167, pid: 0, dcs: 0 }
    }
}

/// Where a message is shown: each leaves out something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `+CMGL`
    List,
    /// `+CMGR`
    Read,
    /// `+CMT` and `+CDS`
    Routed,
}

/// `+CMGF`
pub(super) fn format(cx: &mut Cx<'_>, op: &Op) -> Step {
    let mode = &mut cx.state.settings_mut(cx.port).text;
    let on = u8::from(mode.on);
    match op {
        Op::Test => cx.say("+CMGF: (0,1)"),
        Op::Read => cx.say(format!("+CMGF: {on}")),
        Op::Run => mode.on = false,
        Op::Set(args) => match args.first().and_then(Arg::number) {
            Some(wanted @ 0..=1) => mode.on = wanted == 1,
            _ => return Step::Fail(CMS_NOT_SUPPORTED),
        },
    }
    Step::Done
}

/// `+CSDH`
pub(super) fn details(cx: &mut Cx<'_>, op: &Op) -> Step {
    let mode = &mut cx.state.settings_mut(cx.port).text;
    let detailed = u8::from(mode.detailed);
    match op {
        Op::Test => cx.say("+CSDH: (0,1)"),
        Op::Read => cx.say(format!("+CSDH: {detailed}")),
        Op::Run => mode.detailed = false,
        Op::Set(args) => match args.first().and_then(Arg::number) {
            Some(wanted @ 0..=1) => mode.detailed = wanted == 1,
            _ => return Step::Fail(CMS_NOT_SUPPORTED),
        },
    }
    Step::Done
}

/// `+CSMP`: a value that is left out stays; validity periods are relative ones.
pub(super) fn parameters(cx: &mut Cx<'_>, op: &Op) -> Step {
    let mode = &mut cx.state.settings_mut(cx.port).text;
    match op {
        Op::Test => {}
        Op::Read => {
            let TextMode { fo, vp, pid, dcs, .. } = *mode;
            cx.say(format!("+CSMP: {fo},{vp},{pid},{dcs}"));
        }
        Op::Run => *mode = TextMode { on: mode.on, detailed: mode.detailed, ..TextMode::default() },
        Op::Set(args) => {
            let mut values = [mode.fo, mode.vp, mode.pid, mode.dcs];
            if args.len() > values.len() {
                return Step::Fail(CMS_INVALID_TEXT_MODE);
            }
            for (value, arg) in values.iter_mut().zip(args) {
                if arg.text.is_empty() {
                    continue;
                }
                let Some(wanted) = arg.number().and_then(|it| u8::try_from(it).ok()) else {
                    return Step::Fail(CMS_INVALID_TEXT_MODE);
                };
                *value = wanted;
            }
            let [fo, vp, pid, dcs] = values;
            if !matches!(fo & 0b1_1000, 0 | 0b1_0000) {
                return Step::Fail(CMS_NOT_SUPPORTED);
            }
            *mode = TextMode { fo, vp, pid, dcs, ..*mode };
        }
    }
    Step::Done
}

/// `+CSAS` and `+CRES` (27.005 clauses 3.3.5 and 3.3.6): the settings of texts are kept in the SIM. The
/// service centre is there anyway.
pub(super) fn profile(cx: &mut Cx<'_>, op: &Op, save: bool) -> Step {
    match op {
        Op::Test => {
            cx.say(if save { "+CSAS: (0)" } else { "+CRES: (0)" });
            return Step::Done;
        }
        Op::Run => {}
        Op::Set(args) if args.len() == 1 && args.first().and_then(Arg::number) == Some(0) => {}
        _ => return Step::Fail(CMS_NOT_SUPPORTED),
    }
    if save {
        cx.state.saved_text_mode = cx.state.settings(cx.port).text;
    } else {
        let saved = cx.state.saved_text_mode;
        let mode = &mut cx.state.settings_mut(cx.port).text;
        *mode = TextMode { on: mode.on, detailed: mode.detailed, ..saved };
    }
    Step::Done
}

/// `<da>,<toda>` or `<oa>,<tooa>` as the host gives them.
pub(super) fn address(
    set: Charset,
    number: Option<&Arg>,
    kind: Option<&Arg>,
) -> Result<SmsAddress, Failure> {
    let number = number.and_then(|arg| set.decode_number(&arg.text)).unwrap_or_default();
    let mut address = SmsAddress::from_text(&number);
    if number.is_empty() || address.is_alphanumeric() || address.text.len() > 20 {
        return Err(CMS_INVALID_TEXT_MODE);
    }
    if let Some(kind) = kind.filter(|arg| !arg.text.is_empty()) {
        let kind = kind.number().and_then(|kind| u8::try_from(kind).ok());
        address.type_of_address =
            kind.filter(|kind| kind & 0x80 != 0).ok_or(CMS_INVALID_TEXT_MODE)?;
    }
    Ok(address)
}

/// What is typed, as user data of this coding; with `header` its beginning is one.
fn user_data(set: Charset, dcs: Dcs, header: bool, typed: &[u8]) -> Result<UserData, Failure> {
    let body = if dcs.alphabet() == Alphabet::Gsm7 && !header {
        Body::Septets(septets(set, typed)?)
    } else {
        Body::Octets(hex::decode(typed).map_err(|_| CMS_INVALID_TEXT_MODE)?.into())
    };
    let fits = match &body {
        Body::Septets(septets) => septets.len() <= MAX_SEPTETS,
        Body::Octets(octets) => octets.len() <= MAX_USER_DATA,
    };
    if fits { Ok(UserData { udh: Udh::default(), body }) } else { Err(CMS_INVALID_TEXT_MODE) }
}

/// The SMS-SUBMIT of what the host typed behind the prompt.
pub(super) fn compose(
    mode: TextMode,
    set: Charset,
    destination: Option<SmsAddress>,
    typed: &[u8],
) -> Result<Vec<u8>, Failure> {
    let has_header = mode.fo & 0x40 != 0;
    let dcs = Dcs(mode.dcs);
    // Nobody yet: no digits of an unknown number.
    let nobody = || SmsAddress { type_of_address: 0x81, text: String::new() };
    let submit = Submit {
        reject_duplicates: mode.fo & 0x04 != 0,
        status_report: mode.fo & 0x20 != 0,
        reply_path: mode.fo & 0x80 != 0,
        pid: mode.pid,
        validity: match mode.fo & 0b1_1000 {
            0 => ValidityPeriod::None,
            _ => ValidityPeriod::Relative(mode.vp),
        },
        ..Submit::new(
            destination.unwrap_or_else(nobody),
            dcs,
            user_data(set, dcs, has_header, typed)?,
        )
    };
    let mut tpdu = submit.encode().map_err(|_| CMS_INVALID_TEXT_MODE)?;
    // The header was typed as the beginning of the user data.
    if let Some(first) = tpdu.first_mut().filter(|_| has_header) {
        *first |= 0x40;
    }
    Ok(tpdu)
}

/// An SMS-DELIVER that is only stored, as from this sender.
pub(super) fn received(
    mode: TextMode,
    set: Charset,
    originator: Option<SmsAddress>,
    typed: &[u8],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let dcs = Dcs(mode.dcs);
    let originator = originator.ok_or(CMS_INVALID_TEXT_MODE)?;
    let data = user_data(set, dcs, false, typed)?;
    let deliver =
        Deliver { pid: mode.pid, ..Deliver::new(originator, dcs, Scts::new(now, 0), data) };
    deliver.encode().map_err(|_| CMS_INVALID_TEXT_MODE)
}

/// What `+CMGC` says of an SMS-COMMAND in text mode.
#[derive(Debug)]
pub(super) struct CommandFields {
    fo: u8,
    ct: u8,
    pid: u8,
    mn: u8,
    destination: SmsAddress,
}

impl CommandFields {
    /// `<fo>,<ct>[,<pid>[,<mn>[,<da>[,<toda>]]]]` (27.005 clause 3.5.5).
    pub(super) fn given(set: Charset, args: &[Arg]) -> Result<Self, Failure> {
        let octet = |at: usize, usual: Option<u8>| match args.get(at) {
            Some(arg) if !arg.text.is_empty() => {
                arg.number().and_then(|number| u8::try_from(number).ok())
            }
            _ => usual,
        };
        let fields =
            (octet(0, None), octet(1, Some(0)), octet(2, Some(0)), octet(3, Some(0)), args.get(4));
        let (Some(fo), Some(ct), Some(pid), Some(mn), da) = fields else {
            return Err(CMS_INVALID_TEXT_MODE);
        };
        Ok(Self { fo, ct, pid, mn, destination: address(set, da, args.get(5))? })
    }

    /// The TPDU with what was typed as its data, in hexadecimal digits.
    pub(super) fn compose(self, typed: &[u8]) -> Result<Vec<u8>, Failure> {
        let command = Command {
            first_octet: self.fo,
            message_reference: 0,
            pid: self.pid,
            command_type: self.ct,
            message_number: self.mn,
            destination: self.destination,
            data: hex::decode(typed).map_err(|_| CMS_INVALID_TEXT_MODE)?.into(),
        };
        command.encode().map_err(|_| CMS_INVALID_TEXT_MODE)
    }
}

/// Typed text in septets (27.005 clause 3.1, `<data>`).
fn septets(set: Charset, typed: &[u8]) -> Result<Vec<u8>, Failure> {
    let septets = match set {
        Charset::Gsm => Some(typed.to_vec()),
        Charset::Hex => hex::decode(typed).ok(),
        Charset::Ira | Charset::Ucs2 => {
            let text = String::from_utf8_lossy(typed);
            set.decode(&text).and_then(|text| encode_gsm7(&text, Shift::default()))
        }
    };
    septets
        .filter(|septets| septets.iter().all(|septet| *septet < 0x80))
        .ok_or(CMS_INVALID_TEXT_MODE)
}

/// What stands behind the index and the status, and the line of data; a status report has none.
/// `centre` is the address of the service centre.
pub(super) fn show(
    mode: TextMode,
    set: Charset,
    place: Place,
    tpdu: &[u8],
    centre: &str,
) -> (String, Option<String>) {
    let Some(fo) = tpdu.first().copied() else { return ("\"\",".to_owned(), Some(String::new())) };
    let decoded =
        if fo & 0b11 == 0b01 { Tpdu::from_mobile(tpdu) } else { Tpdu::from_network(tpdu) };
    let quoted = |address: &SmsAddress| format!("\"{}\"", set.encode(&address.to_string()));
    match decoded.ok().map(|decoded| decoded.value) {
        Some(Tpdu::StatusReport(report)) => {
            let (mr, st) = (report.message_reference, report.status);
            let kind = report.recipient.type_of_address;
            let (sent, done) = (time(report.scts), time(report.discharge_time));
            (format!("{fo},{mr},{},{kind},{sent},{done},{st}", quoted(&report.recipient)), None)
        }
        Some(Tpdu::Deliver(deliver)) => {
            let data = tpdu.get(up_to_dcs(tpdu) + 8..).unwrap_or_default();
            let (kind, pid, dcs) = (deliver.originator.type_of_address, deliver.pid, deliver.dcs);
            let mut head = format!("{},,{}", quoted(&deliver.originator), time(deliver.scts));
            let length = data.first().copied().unwrap_or(0);
            head.push_str(&match place {
                _ if !mode.detailed => String::new(),
                Place::List => format!(",{kind},{length}"),
                Place::Read | Place::Routed => {
                    format!(",{kind},{fo},{pid},{},{},{length}", dcs.0, service(set, centre))
                }
            });
            (head, Some(content(set, dcs, &deliver.user_data, data)))
        }
        Some(Tpdu::Submit(submit)) => {
            let (kind, pid, dcs) = (submit.destination.type_of_address, submit.pid, submit.dcs);
            let digits = tpdu.get(SUBMIT_HEAD).map_or(0, |digits| usize::from(*digits));
            let (vp, period) = match submit.validity {
                ValidityPeriod::Relative(vp) => (1, vp.to_string()),
                ValidityPeriod::None => (0, String::new()),
                ValidityPeriod::Absolute(at) => (7, time(at)),
                ValidityPeriod::Enhanced(octets) => (7, format!("\"{}\"", to_hex(&octets))),
            };
            // Type of address and digits, PID, DCS, validity.
            let data_at = SUBMIT_HEAD + 2 + digits.div_ceil(2) + 2 + vp;
            let data = tpdu.get(data_at..).unwrap_or_default();
            let length = data.first().copied().unwrap_or(0);
            let mut head = format!("{},", quoted(&submit.destination));
            if place == Place::List {
                head.push(',');
            }
            head.push_str(&match place {
                _ if !mode.detailed => String::new(),
                Place::List => format!(",{kind},{length}"),
                Place::Read | Place::Routed => format!(
                    ",{kind},{fo},{pid},{},{period},{},{length}",
                    dcs.0,
                    service(set, centre)
                ),
            });
            (head, Some(content(set, dcs, &submit.user_data, data)))
        }
        _ => ("\"\",,".to_owned(), Some(to_hex(tpdu))),
    }
}

/// `<sca>,<tosca>`
fn service(set: Charset, centre: &str) -> String {
    let kind = if centre.starts_with('+') { 145 } else { 129 };
    format!("\"{}\",{kind}", set.encode(centre))
}

/// `<data>`: text in the host's character set, anything else in hexadecimal digits. `data` begins
/// with TP-User-Data-Length.
fn content(set: Charset, dcs: Dcs, user_data: &UserData, data: &[u8]) -> String {
    match &user_data.body {
        Body::Septets(septets) if user_data.udh.is_empty() => match set {
            Charset::Gsm => septets.iter().map(|septet| char::from(*septet & 0x7f)).collect(),
            Charset::Hex => to_hex(septets),
            Charset::Ira => {
                let text = user_data.text(dcs).unwrap_or_default();
                text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
            }
            Charset::Ucs2 => set.encode(&user_data.text(dcs).unwrap_or_default()),
        },
        _ => to_hex(data.get(1..).unwrap_or_default()),
    }
}

/// `<scts>` and `<dt>`: local time and the zone in quarters of an hour.
fn time(scts: Scts) -> String {
    let digits = |octet: u8| format!("{}{}", (octet & 0x0f).min(9), (octet >> 4).min(9));
    let [year, month, day, hour, minute, second, zone] = scts.0;
    let sign = if zone & 0x08 == 0 { '+' } else { '-' };
    format!(
        "\"{}/{}/{},{}:{}:{}{sign}{}\"",
        digits(year),
        digits(month),
        digits(day),
        digits(hour),
        digits(minute),
        digits(second),
        digits(zone & !0x08)
    )
}
