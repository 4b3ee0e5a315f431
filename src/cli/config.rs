//! `mm1gate config`: a configuration file to begin with, every key explained, and a check of the one
//! that is there.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

use super::error::{CliError, Exit};
use super::session::ConfigArg;
use super::{session, settings, term};
use crate::gateway::{Config, SendRoute, megabytes};

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
    /// Write that file where it is looked for, unless there is one
    #[command(after_help = "Examples:\n  mm1gate config init\n  \
        sudo mm1gate config init --config /etc/mm1gate/mm1gate.toml")]
    Init(ConfigArg),
    /// Print what the gateway goes by: the file with everything it leaves out, secrets masked
    #[command(after_help = "Example:\n  mm1gate config show --config /etc/mm1gate/mm1gate.toml")]
    Show(ShowArgs),
    /// Check the configuration file; changes and starts nothing
    #[command(after_help = "Example:\n  mm1gate config check --config /etc/mm1gate/mm1gate.toml")]
    Check(ConfigArg),
}

/// Does it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::Example => term::print(EXAMPLE),
        Command::Init(args) => init(args),
        Command::Show(args) => show(args),
        Command::Check(args) => check(args),
    }
}

#[derive(clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn init(args: &ConfigArg) -> Result<(), CliError> {
    let file = args
        .config
        .clone()
        .or_else(|| settings::searched().into_iter().next())
        .ok_or_else(settings::missing)?;
    let shown = file.display().to_string();
    let failed = |error: std::io::Error| CliError::io(Exit::CantCreate, &shown, &error);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    // It is to hold PINs and passwords.
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let mut new = match opened {
        Ok(new) => new,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(CliError::new(Exit::CantCreate, format!("{shown} is there already"))
                .remedy("change that one, or name another with --config; nothing was written"));
        }
        Err(error) => return Err(failed(error)),
    };
    new.write_all(EXAMPLE.as_bytes()).and_then(|()| new.sync_all()).map_err(failed)?;
    term::print(&format!(
        "{shown} is written. Enter what your operator wants under [modem.operator], then:\n  \
         mm1gate config check --config {shown}\n"
    ))
}

fn show(args: &ShowArgs) -> Result<(), CliError> {
    let file = settings::find(args.config.config.as_deref())?.ok_or_else(settings::missing)?;
    let shown = session::load(&file)?.shown();
    if args.json {
        let json = serde_json::to_string_pretty(&shown)
            .map_err(|error| CliError::new(Exit::Software, error.to_string()))?;
        return term::print(&format!("{json}\n"));
    }
    let text = toml::to_string(&shown)
        .map_err(|error| CliError::new(Exit::Software, error.to_string()))?;
    term::print(&format!("# What holds by {}, secrets masked.\n{text}", file.display()))
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
            None if modem.mms => {
                "SMS, and MMS where the table of operators knows its SIM".to_owned()
            }
            None => "SMS only, since mms = false".to_owned(),
        };
        let cap = modem.monthly_cap.map_or_else(String::new, |cap| {
            let zone = config.data.calendar.zone();
            format!(", at most {} a month ({zone})", megabytes(cap))
        });
        out.push_str(&format!("  modem     {} on {}: {carries}{cap}\n", modem.name, modem.port));
    }
    for route in &config.sending.routes {
        out.push_str(&format!("  route     {}: {}\n", route.name, way(route)));
    }
    for folder in &config.world.folders {
        out.push_str(&format!("  folder    {} in {}\n", folder.name, folder.path.display()));
    }
    if let Some(smtp) = &config.world.smtp {
        for mail in &config.world.mails {
            let to = mail.to.join(", ");
            out.push_str(&format!("  mail      {} to {to} by {}\n", mail.name, smtp.server));
        }
    }
    out
}

/// Who goes by a route, and by which modems.
fn way(route: &SendRoute) -> String {
    let list = |all: Vec<String>| all.join(", ");
    let mut who = Vec::new();
    for (what, all) in [
        ("to", route.to.iter().map(ToString::to_string).collect::<Vec<_>>()),
        ("from", route.from.iter().map(ToString::to_string).collect()),
        ("of account", route.accounts.clone()),
    ] {
        if !all.is_empty() {
            who.push(format!("{what} {}", list(all)));
        }
    }
    if route.default {
        who.push("what no other is for".to_owned());
    }
    if who.is_empty() {
        who.push("only when asked for by its name".to_owned());
    }
    let strategy = match route.modems.len() {
        1 => String::new(),
        _ => format!(", {}", route.strategy.as_str()),
    };
    let failover = route.failover.map_or_else(String::new, |after| {
        format!(", by another one after {} minutes", after.as_secs() / 60)
    });
    format!("{}; by {}{strategy}{failover}", who.join("; "), route.modems.join(", "))
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
        complete_in_a_folder();
    }

    /// The whole example, read beside the files that it names.
    fn complete_in_a_folder() -> Config {
        // Two ports are named by their names only.
        let named = complete().replace("\nport = \"auto\"", "\nport = \"/dev/ttyUSB3\"");
        let folder = tempfile::tempdir().unwrap();
        let authority = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        std::fs::write(folder.path().join("operator-ca.pem"), authority.cert.pem()).unwrap();
        let (certificate, key) = (authority.cert.pem(), authority.signing_key.serialize_pem());
        std::fs::write(folder.path().join("gateway.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("gateway-key.pem"), key).unwrap();
        let file = folder.path().join("mm1gate.toml").display().to_string();
        Config::parse(&named, &file).expect("with every key")
    }

    #[test]
    fn what_holds_is_shown_with_every_key_and_no_secret() {
        let shown = shown_of(&complete_in_a_folder());
        for secret in ["1234", "secret", "{LINE1NOCC}@example.com", ":pcs\"", "447700900123"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        let again = shown_of(&Config::parse(EXAMPLE, "/etc/mm1gate/mm1gate.toml").unwrap());
        for (line, table) in
            [("messages_days = 400", "[retention]"), ("per_day = 1000", "[limits]")]
        {
            let from =
                again.find(&format!("{table}\n")).unwrap_or_else(|| panic!("{table} in {again}"));
            assert!(again[from..].contains(line), "{line} in {again}");
        }
    }

    fn shown_of(config: &Config) -> String {
        toml::to_string(&config.shown()).unwrap()
    }

    /// Names of the keys that the shown table of this name has.
    fn shown_keys(shown: &toml::Table, table: &str) -> Vec<String> {
        let name = table.trim_matches(['[', ']']);
        let mut at = shown;
        for piece in name.split('.').filter(|piece| !piece.is_empty()) {
            at = match &at[piece] {
                toml::Value::Table(table) => table,
                toml::Value::Array(list) => list[0].as_table().expect("a table"),
                other => panic!("{table} is {other}"),
            };
        }
        at.keys().cloned().collect()
    }

    #[test]
    fn example_explains_every_key() {
        let shown = complete_in_a_folder().shown();
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
            "[[route]]",
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
                let is_shown = shown_keys(&shown, table).iter().any(|shown| shown == key);
                assert!(is_shown, "{table} {key} is not shown by `config show`");
                keys += 1;
            }
        }
        assert!(keys > 30, "only {keys} keys were looked for");
    }
}
