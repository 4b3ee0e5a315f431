//! The file of a scenario: tables `modem`, `timing`, `sim`, `network` and any number of `fault`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::{Network, Scenario};
use crate::sim::fault::ActiveFault;
use crate::sim::modem::{ModemConfig, Subscriber, Timing, UsbShape};
use crate::sim::operator::Auth;

/// Slots of the largest storage.
const MAX_SLOTS: usize = 255;
/// Longest file, octets.
const MAX_FILE: usize = 256 * 1024;
/// Faults in one file.
const MAX_FAULTS: usize = 1_000;
/// Longest time in a file, milliseconds: an hour.
const MAX_MILLIS: u64 = 3_600_000;

/// What is wrong with a scenario file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and with which key.
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    seed: Option<u64>,
    modem: Option<Spanned<toml::Table>>,
    timing: Option<Spanned<toml::Table>>,
    sim: Option<Spanned<toml::Table>>,
    network: Option<Spanned<toml::Table>>,
    #[serde(default)]
    fault: Vec<Spanned<toml::Table>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Modem {
    manufacturer: Option<String>,
    model: Option<String>,
    imei: Option<String>,
    control_port: Option<bool>,
    sm_slots: Option<usize>,
    me_slots: Option<usize>,
    offers_mt: Option<bool>,
    first_index: Option<usize>,
    attach_apn: Option<String>,
    connect_text: Option<String>,
    max_cid: Option<u8>,
    usb: Option<UsbShape>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    reply_millis: Option<u64>,
    register_millis: Option<u64>,
    dial_millis: Option<u64>,
    submit_millis: Option<u64>,
    up_rate: Option<u64>,
    down_rate: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sim {
    imsi: Option<String>,
    number: Option<String>,
    pin: Option<String>,
    pin_tries: Option<u8>,
    number_on_sim: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operator {
    apn: Option<String>,
    auth: Option<Auth>,
    user: Option<String>,
    password: Option<String>,
    repeat_seconds: Option<u64>,
}

pub(super) fn read(text: &str) -> Result<Scenario, ScenarioError> {
    if text.len() > MAX_FILE {
        return Err(ScenarioError {
            line: 1,
            text: format!("the file has {} octets, at most {MAX_FILE} are read", text.len()),
        });
    }
    let file: File = toml::from_str(text).map_err(|error| ScenarioError {
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        text: error.message().to_owned(),
    })?;
    let mut scenario = Scenario { seed: file.seed, ..Scenario::default() };
    if let Some(table) = file.modem {
        scenario.modem = modem(text, "modem", &table)?;
    }
    if let Some(table) = file.timing {
        scenario.modem.timing = timing(text, &table)?;
    }
    if let Some(table) = file.sim {
        scenario.subscriber = sim(text, &table)?;
    }
    if let Some(table) = file.network {
        scenario.network = network(text, &table)?;
    }
    if let Some(table) = file.fault.get(MAX_FAULTS) {
        let line = line_at(text, table.span().start);
        return Err(ScenarioError { line, text: format!("more than {MAX_FAULTS} faults") });
    }
    for table in &file.fault {
        let fault: ActiveFault = typed(text, "fault", table)?;
        check_fault(&fault).map_err(|reason| wrong(text, "fault", table, reason.0, &reason.1))?;
        scenario.faults.push(fault);
    }
    Ok(scenario)
}

fn modem(
    text: &str,
    name: &str,
    table: &Spanned<toml::Table>,
) -> Result<ModemConfig, ScenarioError> {
    let given: Modem = typed(text, name, table)?;
    let config = ModemConfig::default();
    let slots = |key: &str, value: Option<usize>, usual: usize| match value {
        Some(value) if value > MAX_SLOTS => {
            Err(wrong(text, name, table, key, &format!("{value} slots, at most {MAX_SLOTS}")))
        }
        value => Ok(value.unwrap_or(usual)),
    };
    let first_index = given.first_index.unwrap_or(config.first_index);
    if first_index > 1 {
        return Err(wrong(text, name, table, "first_index", "it is 0 or 1"));
    }
    let max_cid = given.max_cid.unwrap_or(config.max_cid);
    if !(1..=24).contains(&max_cid) {
        return Err(wrong(text, name, table, "max_cid", "it is 1 to 24"));
    }
    Ok(ModemConfig {
        sm_capacity: slots("sm_slots", given.sm_slots, config.sm_capacity)?,
        me_capacity: slots("me_slots", given.me_slots, config.me_capacity)?,
        manufacturer: given.manufacturer.unwrap_or(config.manufacturer),
        model: given.model.unwrap_or(config.model),
        imei: given.imei.unwrap_or(config.imei),
        control_port: given.control_port.unwrap_or(config.control_port),
        offers_mt: given.offers_mt.unwrap_or(config.offers_mt),
        first_index,
        attach_apn: given.attach_apn.unwrap_or(config.attach_apn),
        connect_text: given.connect_text.unwrap_or(config.connect_text),
        max_cid,
        usb: given.usb.unwrap_or(config.usb),
        ..ModemConfig::default()
    })
}

fn timing(text: &str, table: &Spanned<toml::Table>) -> Result<Timing, ScenarioError> {
    let given: Times = typed(text, "timing", table)?;
    let time = |key: &str, value: Option<u64>, usual: Duration| match value {
        Some(millis) if millis > MAX_MILLIS => {
            Err(wrong(text, "timing", table, key, &format!("at most {MAX_MILLIS} ms")))
        }
        value => Ok(value.map_or(usual, Duration::from_millis)),
    };
    let usual = Timing::usb_stick();
    Ok(Timing {
        reply: time("reply_millis", given.reply_millis, usual.reply)?,
        register: time("register_millis", given.register_millis, usual.register)?,
        dial: time("dial_millis", given.dial_millis, usual.dial)?,
        submit: time("submit_millis", given.submit_millis, usual.submit)?,
        up_rate: given.up_rate,
        down_rate: given.down_rate,
    })
}

fn sim(text: &str, table: &Spanned<toml::Table>) -> Result<Subscriber, ScenarioError> {
    let given: Sim = typed(text, "sim", table)?;
    let usual = Subscriber::default();
    let digits = |key: &str, value: &str, least: usize, most: usize| {
        if (least..=most).contains(&value.len()) && value.bytes().all(|d| d.is_ascii_digit()) {
            Ok(())
        } else {
            Err(wrong(text, "sim", table, key, &format!("{least} to {most} digits")))
        }
    };
    if let Some(imsi) = &given.imsi {
        digits("imsi", imsi, 14, 15)?;
    }
    if let Some(pin) = &given.pin {
        digits("pin", pin, 4, 8)?;
    }
    if let Some(number) = &given.number {
        digits("number", number.strip_prefix('+').unwrap_or(number), 3, 15)?;
    }
    Ok(Subscriber {
        imsi: given.imsi.unwrap_or(usual.imsi),
        number: given.number.unwrap_or(usual.number),
        pin: given.pin,
        pin_tries: given.pin_tries.unwrap_or(usual.pin_tries),
        number_on_sim: given.number_on_sim.unwrap_or(usual.number_on_sim),
        ..Subscriber::default()
    })
}

fn network(text: &str, table: &Spanned<toml::Table>) -> Result<Network, ScenarioError> {
    let given: Operator = typed(text, "network", table)?;
    let usual = Network::default();
    Ok(Network {
        apn: given.apn.unwrap_or(usual.apn),
        auth: given.auth.unwrap_or(usual.auth),
        user: given.user.unwrap_or_default(),
        password: given.password.unwrap_or_default(),
        repeat_after: match given.repeat_seconds {
            None => usual.repeat_after,
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds.min(MAX_MILLIS))),
        },
    })
}

/// Times that cannot be; gives the key with the reason.
fn check_fault(fault: &ActiveFault) -> Result<(), (&'static str, String)> {
    for (key, value) in [("at", fault.at), ("for", fault.lasts)] {
        if value.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
            return Err((key, "seconds, 0 or more".to_owned()));
        }
    }
    if fault.times == Some(0) {
        return Err(("times", "0 times is never; leave the fault out".to_owned()));
    }
    Ok(())
}

fn typed<T: DeserializeOwned>(
    text: &str,
    name: &str,
    table: &Spanned<toml::Table>,
) -> Result<T, ScenarioError> {
    table.get_ref().clone().try_into().map_err(|error: toml::de::Error| {
        // The key stands between backticks where serde knows it.
        let message = error.message().to_owned();
        let key = message.split('`').nth(1).unwrap_or_default().to_owned();
        let key = match &key {
            key if table.get_ref().contains_key(key) => key.clone(),
            // An unknown kind of fault.
            value => table
                .get_ref()
                .iter()
                .find(|(_, found)| found.as_str() == Some(value))
                .map_or_else(String::new, |(key, _)| key.clone()),
        };
        wrong(text, name, table, &key, &message)
    })
}

/// A complaint about a key of a table.
fn wrong(
    text: &str,
    name: &str,
    table: &Spanned<toml::Table>,
    key: &str,
    reason: &str,
) -> ScenarioError {
    // The span may be that of the header alone: a table ends where the next one begins.
    let span = table.span();
    let rest = text.get(span.start..).unwrap_or_default();
    let offset = rest
        .lines()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len() + 1;
            Some((start, line))
        })
        .enumerate()
        .take_while(|(number, (_, line))| *number == 0 || !line.trim_start().starts_with('['))
        .map(|(_, found)| found)
        .find(|(_, line)| {
            let rest = line.trim_start().strip_prefix(key).map(str::trim_start);
            !key.is_empty() && rest.is_some_and(|rest| rest.starts_with('='))
        })
        .map_or(0, |(at, _)| at);
    let what = if key.is_empty() { name.to_owned() } else { format!("{name}.{key}") };
    ScenarioError { line: line_at(text, span.start + offset), text: format!("{what}: {reason}") }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::Fault;

    fn complaint(text: &str) -> (usize, String) {
        let error = read(text).expect_err("the file is wrong");
        (error.line, error.text)
    }

    #[test]
    fn every_table_is_read() {
        let scenario = read(
            r#"
            seed = 7
            [modem]
            control_port = false
            sm_slots = 10
            [timing]
            dial_millis = 900
            [sim]
            pin = "1234"
            [network]
            auth = "chap"
            user = "u"
            password = "p"
            [[fault]]
            fault = "reply-delayed"
            command = "+CMGS"
            millis = 135000
            [[fault]]
            fault = "no-coverage"
            at = 20
            for = 12.5
            "#,
        )
        .unwrap();
        assert_eq!(scenario.seed, Some(7));
        assert!(!scenario.modem.control_port);
        assert_eq!(scenario.modem.sm_capacity, 10);
        assert_eq!(scenario.modem.timing.dial, Duration::from_millis(900));
        assert_eq!(scenario.subscriber.pin.as_deref(), Some("1234"));
        assert_eq!(scenario.network.auth, Auth::Chap);
        let expected = Fault::ReplyDelayed { command: Some("+CMGS".into()), millis: 135_000 };
        assert_eq!(scenario.faults[0].fault, expected);
        assert_eq!(scenario.faults[1].lasts, Some(12.5));
        assert_eq!(scenario.ceases(), None, "the first one never does");
    }

    #[test]
    fn complaints_name_line_and_key() {
        let (line, text) = complaint("seed = 1\n[modem]\nsm_slots = 10\nsm_slot = 3\n");
        assert_eq!(line, 4);
        assert!(text.contains("modem.sm_slot") && text.contains("sm_slots"), "{text}");
        let (line, text) =
            complaint("[[fault]]\nfault = \"sim-busy\"\n\n[[fault]]\n\nfault = \"rain\"\n");
        assert_eq!(line, 6);
        assert!(text.starts_with("fault.fault: unknown variant `rain`"), "{text}");
        let (line, text) = complaint("[[fault]]\nfault = \"sim-busy\"\nat = -3\n");
        assert_eq!((line, text.as_str()), (3, "fault.at: seconds, 0 or more"));
        let (line, text) = complaint("[sim]\nnumber = \"+4\"\npin = \"12a4\"\n");
        assert_eq!((line, text.as_str()), (3, "sim.pin: 4 to 8 digits"));
        let (line, text) = complaint("[timing]\ndial_millis = 99999999999\n");
        assert_eq!((line, text.as_str()), (2, "timing.dial_millis: at most 3600000 ms"));
        let (line, text) = complaint("\n\nseed = \n");
        assert_eq!(line, 3);
        assert!(!text.is_empty());
        let (line, _) = complaint("[[fault]]\nfault = \"reply-delayed\"\n");
        assert_eq!(line, 1);
    }
}
