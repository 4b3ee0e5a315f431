//! `[[route]]`: which messages go by which modems.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, value};
use crate::gateway::routing::{Pattern, SendRoute, Strategy};
use crate::model::Address;

/// Most routes.
const MAX_ROUTES: usize = 100;
/// Most patterns, senders, accounts or modems of one route.
const MAX_LIST: usize = 1_000;
/// Longest time until a message goes by another modem, minutes: a week.
const MAX_MINUTES: u64 = 10_080;
/// Longest name, characters.
const MAX_NAME: usize = 32;

/// One `[[route]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    name: Option<String>,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default)]
    modems: Vec<String>,
    strategy: Option<String>,
    failover_after_minutes: Option<i64>,
    #[serde(default)]
    default: bool,
}

/// Checks all of them; `modems` are the names of the modems that there are.
pub(super) fn check(
    file: &str,
    raw: Vec<RawRoute>,
    modems: &[&str],
) -> Result<Vec<SendRoute>, ConfigError> {
    if raw.len() > MAX_ROUTES {
        let count = raw.len().to_string();
        return Err(value(file, "[[route]]".to_owned(), &count, "at most 100 routes"));
    }
    let mut routes: Vec<SendRoute> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let route = one(file, index, raw, modems)?;
        apart(file, index, &route, &routes)?;
        routes.push(route);
    }
    Ok(routes)
}

fn one(file: &str, index: usize, raw: RawRoute, modems: &[&str]) -> Result<SendRoute, ConfigError> {
    let key = |name: &str| format!("route[{index}].{name}");
    for (name, list) in
        [("to", &raw.to), ("from", &raw.from), ("accounts", &raw.accounts), ("modems", &raw.modems)]
    {
        if list.len() > MAX_LIST {
            let count = list.len().to_string();
            return Err(value(file, key(name), &count, "at most 1000 entries"));
        }
    }
    let missing = |name: &str, expected: &str| ConfigError::Missing {
        file: file.to_owned(),
        key: key(name),
        expected: expected.to_owned(),
    };
    let expected = "a name to know it by, for example \"germany\"";
    let name = raw.name.ok_or_else(|| missing("name", expected))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let expected = "letters, digits, '-', '_' and '.', at most 32";
        return Err(value(file, key("name"), &name, expected));
    }
    if raw.modems.is_empty() {
        return Err(missing("modems", "name the modems that messages go by on this route"));
    }
    for (at, modem) in raw.modems.iter().enumerate() {
        let expected = if !modems.contains(&modem.as_str()) {
            format!("there is no modem of this name; there are: {}", modems.join(", "))
        } else if raw.modems.get(..at).is_some_and(|before| before.contains(modem)) {
            "it is named twice".to_owned()
        } else {
            continue;
        };
        return Err(value(file, key(&format!("modems[{at}]")), modem, &expected));
    }
    let to = each(
        file,
        &raw.to,
        |at| key(&format!("to[{at}]")),
        |text| text.parse::<Pattern>().map_err(str::to_owned),
    )?;
    let from = each(
        file,
        &raw.from,
        |at| key(&format!("from[{at}]")),
        |text| Address::parse_recipient(text).map_err(|error| format!("a phone number: {error}")),
    )?;
    let accounts = each(
        file,
        &raw.accounts,
        |at| key(&format!("accounts[{at}]")),
        |text| {
            let text = text.trim();
            if text.is_empty() {
                Err("the name of an account".to_owned())
            } else {
                Ok(text.to_owned())
            }
        },
    )?;
    let strategy = match raw.strategy.as_deref() {
        None => Strategy::default(),
        Some(text) => Strategy::parse(text).ok_or_else(|| {
            let expected = "\"least-loaded\" or \"sticky-sender\"";
            value(file, key("strategy"), text, expected)
        })?,
    };
    let failover = match raw.failover_after_minutes.map(u64::try_from) {
        None | Some(Ok(0)) => None,
        Some(Ok(minutes)) if minutes <= MAX_MINUTES => Some(Duration::from_secs(minutes * 60)),
        Some(_) => {
            let minutes = raw.failover_after_minutes.unwrap_or_default().to_string();
            let expected = "a number of minutes from 1 to 10080, or 0 for never";
            return Err(value(file, key("failover_after_minutes"), &minutes, expected));
        }
    };
    if failover.is_some() && raw.modems.len() == 1 {
        let minutes = raw.failover_after_minutes.unwrap_or_default().to_string();
        let expected = "with one modem there is no other to go by: leave it out, or name a second";
        return Err(value(file, key("failover_after_minutes"), &minutes, expected));
    }
    let default = raw.default;
    Ok(SendRoute { name, to, from, accounts, modems: raw.modems, strategy, failover, default })
}

fn each<T>(
    file: &str,
    texts: &[String],
    key: impl Fn(usize) -> String,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ConfigError> {
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| read(text).map_err(|expected| value(file, key(at), text, &expected)))
        .collect()
}

/// Whether it can be told from those before it.
fn apart(
    file: &str,
    index: usize,
    route: &SendRoute,
    before: &[SendRoute],
) -> Result<(), ConfigError> {
    let key = |name: &str| format!("route[{index}].{name}");
    for other in before {
        if other.name == route.name {
            let expected = "every route needs a name of its own";
            return Err(value(file, key("name"), &route.name, expected));
        }
        if other.default && route.default {
            let expected = format!("route \"{}\" is the default already", other.name);
            return Err(value(file, key("default"), "true", &expected));
        }
        if other.from != route.from || other.accounts != route.accounts {
            continue;
        }
        if let Some((at, pattern)) =
            route.to.iter().enumerate().find(|(_, pattern)| other.to.contains(pattern))
        {
            let expected = format!("this pattern belongs to route \"{}\" already", other.name);
            return Err(value(file, key(&format!("to[{at}]")), &pattern.to_string(), &expected));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Config;

    fn with(routes: &str) -> Result<Vec<SendRoute>, String> {
        let text = format!(
            "data_dir = \"/d\"\n{routes}\n[[modem]]\nname = \"desk\"\nport = \"/dev/ttyUSB1\"\n\
             [[modem]]\nname = \"second\"\nport = \"/dev/ttyUSB2\"\n"
        );
        Config::parse(&text, "t").map(|it| it.sending.routes).map_err(|error| error.to_string())
    }

    #[test]
    fn route_is_read_with_all_its_keys() {
        let routes = with(
            "[[route]]\nname = \"germany\"\nto = [\"0049*\"]\nfrom = [\"+447700900001\"]\n\
             accounts = [\"shop\"]\nmodems = [\"desk\", \"second\"]\nstrategy = \"sticky-sender\"\n\
             failover_after_minutes = 10\n[[route]]\nname = \"rest\"\nmodems = [\"second\"]\n\
             default = true",
        )
        .unwrap();
        assert_eq!(routes[0].to[0].to_string(), "+49*");
        assert_eq!(routes[0].strategy, Strategy::StickySender);
        assert_eq!(routes[0].failover, Some(Duration::from_secs(600)));
        assert!(routes[1].default && routes[1].failover.is_none());
    }

    #[test]
    fn route_that_cannot_be_used_is_named_with_what_is_expected() {
        let route = |keys: &str| format!("[[route]]\nname = \"a\"\n{keys}");
        let twice = |keys: &str| {
            format!(
                "{}\n[[route]]\nname = \"b\"\n{keys}",
                route("to = [\"+49*\"]\nmodems = [\"desk\"]\ndefault = true")
            )
        };
        for (text, expected) in [
            ("[[route]]\nmodems = [\"desk\"]".to_owned(), "route[0].name is missing"),
            (route(""), "route[0].modems is missing"),
            (route("modems = [\"desc\"]"), "no modem of this name; there are: desk, second"),
            (route("modems = [\"desk\", \"desk\"]"), "route[0].modems[1] = \"desk\": it is named"),
            (route("modems = [\"desk\"]\nto = [\"+49x\"]"), "route[0].to[0] = \"+49x\": digits"),
            (route("modems = [\"desk\"]\nfrom = [\"x\"]"), "route[0].from[0] = \"x\""),
            (route("modems = [\"desk\"]\nstrategy = \"best\""), "\"least-loaded\" or"),
            (
                route("modems = [\"desk\", \"second\"]\nfailover_after_minutes = 10081"),
                "from 1 to 10080",
            ),
            (route("modems = [\"desk\"]\nfailover_after_minutes = 5"), "no other to go by"),
            (route("modem = [\"desk\"]"), "did you mean 'modems'?"),
            (twice("modems = [\"desk\"]\nto = [\"+49*\"]"), "belongs to route \"a\" already"),
            (twice("modems = [\"desk\"]\ndefault = true"), "route \"a\" is the default already"),
            (twice("modems = [\"desk\"]").replace("\"b\"", "\"a\""), "a name of its own"),
        ] {
            let told = with(&text).unwrap_err();
            assert!(told.contains(expected), "{told}\n{text}");
        }
    }
}
