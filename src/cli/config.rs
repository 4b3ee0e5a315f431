//! `mm1gate config`: a configuration file to begin with, every key explained, and a check of the one
//! that is there.

use super::error::CliError;
use super::session::ConfigArg;
use super::{session, settings, term};
use crate::gateway::{Config, megabytes};

/// Every key, each with what it means and what it is unless given.
pub(super) const EXAMPLE: &str = include_str!("example.toml");

/// What to do.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print a configuration file with every key and what it means
    #[command(after_help = "Example:\n  \
        mkdir -p ~/.config/mm1gate\n  \
        mm1gate config example > ~/.config/mm1gate/mm1gate.toml")]
    Example,
    /// Check the configuration file; changes and starts nothing
    #[command(after_help = "Example:\n  mm1gate config check --config /etc/mm1gate/mm1gate.toml")]
    Check(ConfigArg),
}

/// Does it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::Example => term::print(EXAMPLE),
        Command::Check(args) => check(args),
    }
}

fn check(args: &ConfigArg) -> Result<(), CliError> {
    let file = settings::find(args.config.as_deref())?.ok_or_else(settings::missing)?;
    let config = session::load(&file)?;
    term::print(&format!("{} is in order.\n{}", file.display(), describe(&config)))
}

fn describe(config: &Config) -> String {
    let mut out = format!("  messages  {}\n", config.data_dir.display());
    let scheme = if config.api.tls.is_some() { "https" } else { "http" };
    out.push_str(&format!("  page      {scheme}://{}/{}\n", config.listen, asks_for(config)));
    for modem in &config.modems {
        let carries = match &modem.operator {
            Some(operator) => format!("SMS, and MMS by {}", operator.apn),
            None => "SMS only, since it has no [modem.operator]".to_owned(),
        };
        let cap = modem.monthly_cap.map_or_else(String::new, |cap| {
            let zone = config.data.calendar.zone();
            format!(", at most {} a month ({zone})", megabytes(cap))
        });
        out.push_str(&format!("  modem     {} on {}: {carries}{cap}\n", modem.name, modem.port));
    }
    out
}

/// What the page and the API ask of whoever comes.
fn asks_for(config: &Config) -> String {
    let api = &config.api;
    if config.listen.ip().is_loopback() {
        let when =
            if api.require_token { "with a token" } else { "with a token once there is one" };
        return format!("  ({when})");
    }
    let by = match (&api.tls, api.trusted_proxies.as_slice()) {
        (Some(_), _) => "over TLS".to_owned(),
        (None, []) => "in clear text, for everybody on the network to read".to_owned(),
        (None, proxies) => {
            let names: Vec<String> = proxies.iter().map(ToString::to_string).collect();
            format!("by {} alone", names.join(", "))
        }
    };
    format!("  (with a token, {by})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::ConfigError;

    /// The example with every key that is commented out switched on.
    fn complete() -> String {
        let on = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || is_key(rest) => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
    }

    fn is_key(line: &str) -> bool {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'))
    }

    #[test]
    fn example_can_be_used_as_it_is_and_with_every_key() {
        let config = Config::parse(EXAMPLE, "/etc/mm1gate/mm1gate.toml").expect("as it is");
        assert_eq!(config.timing, crate::gateway::Timing::default());
        assert!(config.modems[0].operator.is_some());
        // Two ports are named by their names only.
        let named = complete().replace("\nport = \"auto\"", "\nport = \"/dev/ttyUSB3\"");
        let folder = tempfile::tempdir().unwrap();
        let authority = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        std::fs::write(folder.path().join("operator-ca.pem"), authority.cert.pem()).unwrap();
        let (certificate, key) = (authority.cert.pem(), authority.signing_key.serialize_pem());
        std::fs::write(folder.path().join("gateway.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("gateway-key.pem"), key).unwrap();
        let file = folder.path().join("mm1gate.toml").display().to_string();
        Config::parse(&named, &file).expect("with every key");
    }

    #[test]
    fn example_explains_every_key() {
        let mut keys = 0;
        for table in [
            "",
            "[api]",
            "[sending]",
            "[limits]",
            "[receiving]",
            "[data]",
            "[webhooks]",
            "[[hook]]",
            "[[folder]]",
            "[smtp]",
            "[[mail]]",
            "[retention]",
            "[[modem]]",
            "[modem.limits]",
            "[modem.operator]",
        ] {
            let before = if table.starts_with("[modem.") { "[[modem]]\n" } else { "" };
            let text = format!("{before}{table}\nno_such_key = 1\n");
            let Err(ConfigError::UnknownKey { expected, .. }) = Config::parse(&text, "t") else {
                panic!("{table} takes any key");
            };
            // The part of the example that is about this table.
            let complete = complete();
            let from = complete.find(&format!("\n{table}\n")).map_or(0, |at| at + table.len() + 2);
            let rest = &complete[from..];
            let section = &rest[..rest.find("\n[").unwrap_or(rest.len())];
            for key in expected.split(", ") {
                let is_table = complete.contains(&format!("{key}]"));
                let told = section.lines().any(|line| line.starts_with(&format!("{key} = ")));
                assert!(is_table || told, "{table} {key} is not in the example");
                keys += 1;
            }
        }
        assert!(keys > 30, "only {keys} keys were looked for");
    }
}
