//! `mm1gate operators`: the table of operators, and what it says of a SIM.

use super::error::{CliError, Exit};
use super::{operators_view as view, term};
use crate::model::redact;
use crate::operators::countries::countries;
use crate::operators::table::{Network, Table};
use crate::operators::{Sim, lookup_in};

/// What to show.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate operators lookup 26201\n  \
    mm1gate operators search telekom\n  \
    mm1gate operators show 26201 --toml\n\n\
    A modem whose configuration has no [modem.operator] uses what the table says for its SIM.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the operators whose settings for MMS are known
    List(ListArgs),
    /// Show which settings a SIM would use, and why
    Lookup(LookupArgs),
    /// Find operators by name, country, APN or network code
    Search(SearchArgs),
    /// Show everything that is known of one network
    Show(ShowArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate operators list --country de\n  \
    mm1gate operators list --json > operators.jsonl")]
struct ListArgs {
    /// Only those of this country
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate operators lookup 26201\n  \
    mm1gate operators lookup 234100000000001 --spn giffgaff\n  \
    mm1gate operators lookup 310260 --gid1 534D --json\n\n\
    `mm1gate modem probe` shows what your SIM tells. Nothing leaves this machine.")]
struct LookupArgs {
    /// The SIM's IMSI (`AT+CIMI`), its first digits, or a network code such as 26201
    #[arg(value_name = "IMSI")]
    imsi: String,
    /// Digits of the IMSI's network code (EF_AD)
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u8).range(2..=3))]
    mnc_length: Option<u8>,
    /// The provider's name on the SIM (EF_SPN); "" when it has none
    #[arg(long, value_name = "NAME")]
    spn: Option<String>,
    /// The group identifier on the SIM in hexadecimal digits (EF_GID1); "" when it has none
    #[arg(long, value_name = "HEX")]
    gid1: Option<String>,
    /// The SIM's own number
    #[arg(long, value_name = "DIGITS")]
    iccid: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate operators search vodafone\n  \
    mm1gate operators search tele2 se")]
struct SearchArgs {
    /// Words that a name, country, APN or network code must have, all of them
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mm1gate operators show 26201\n  \
    mm1gate operators show 26201 --toml >> mm1gate.toml\n\n\
    What stands under [modem.operator] in the configuration is used instead of the table.")]
struct ShowArgs {
    /// MCC and MNC, for example 26201
    #[arg(value_name = "NETWORK")]
    plmn: String,
    /// Print the table [modem.operator] of its set-up with this number instead, to be changed
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, default_missing_value = "1", conflicts_with = "json")]
    toml: Option<usize>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Lookup(args) => look_up(args),
        Command::Search(args) => search(args),
        Command::Show(args) => show(args),
    }
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let country = args.country.as_deref().map(str::to_ascii_lowercase);
    let found: Vec<Network<'_>> = networks()
        .filter(|it| !it.setups.is_empty())
        .filter(|it| country.as_deref().is_none_or(|code| code == it.country))
        .collect();
    if found.is_empty() {
        let code = country.unwrap_or_default();
        let message = format!("no operator of the country '{code}' is in the table");
        return Err(CliError::new(Exit::Data, message)
            .remedy("use the two letters of ISO 3166, for example --country de"));
    }
    print_all(&found, args.json)
}

fn search(args: &SearchArgs) -> Result<(), CliError> {
    let words: Vec<String> = args.words.iter().map(|word| word.to_lowercase()).collect();
    let found: Vec<Network<'_>> =
        networks().filter(|it| words.iter().all(|word| view::speaks_of(it, word))).collect();
    if found.is_empty() {
        let message = format!("nothing in the table has {}", quoted(&args.words));
        return Err(CliError::new(Exit::Data, message).remedy(
            "try fewer words, or write what your operator's help pages name for MMS under \
             [modem.operator]",
        ));
    }
    print_all(&found, args.json)
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" and ")
}

/// What the table has; its lines are checked when the program is made.
fn networks() -> impl Iterator<Item = Network<'static>> {
    Table::embedded().networks().filter_map(Result::ok)
}

fn print_all(found: &[Network<'_>], json: bool) -> Result<(), CliError> {
    let mut text = String::new();
    for network in found {
        if json {
            let line =
                serde_json::to_string(&view::Line::of(network)).map_err(std::io::Error::from)?;
            text.push_str(&line);
            text.push('\n');
        } else {
            text.push_str(&view::line(network));
        }
    }
    term::print(&text)
}

fn look_up(args: &LookupArgs) -> Result<(), CliError> {
    let digits: String = args.imsi.chars().filter(|it| !" -".contains(*it)).collect();
    if !(5..=15).contains(&digits.len()) || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        let message = "an IMSI has 14 or 15 digits, a network code 5 or 6";
        return Err(CliError::new(Exit::Usage, message)
            .remedy("use the number that `mm1gate modem probe` shows, or for example 26201"));
    }
    if let Some(gid) = &args.gid1
        && (gid.len() % 2 == 1 || !gid.bytes().all(|octet| octet.is_ascii_hexdigit()))
    {
        let message = format!("the group identifier '{gid}' is not hexadecimal");
        return Err(CliError::new(Exit::Usage, message).remedy("write octets, for example 42FF"));
    }
    let sim = Sim {
        imsi: digits,
        mnc_length: args.mnc_length,
        spn: args.spn.clone(),
        gid1: args.gid1.clone(),
        iccid: args.iccid.clone(),
    };
    let found = lookup_in(Table::embedded(), &sim);
    if found.candidates.is_empty() && found.network.is_none() {
        let shown = if sim.imsi.len() <= 6 { sim.imsi.clone() } else { redact::number(&sim.imsi) };
        let country = found.country.map_or_else(String::new, |code| format!(" of country {code}"));
        let message = format!("the network of {shown}{country} is not in the table");
        return Err(CliError::new(Exit::Data, message).remedy(
            "write what your operator's help pages name for MMS under [modem.operator], or \
             `mm1gate operators search` its name",
        ));
    }
    if args.json {
        return term::json(&view::Answer::of(&sim, &found));
    }
    term::print(&term::plain(&view::answer(&sim, &found), true))
}

fn show(args: &ShowArgs) -> Result<(), CliError> {
    let plmn: String = args.plmn.chars().filter(|it| !" -".contains(*it)).collect();
    let Some(network) = Table::embedded().network(&plmn) else {
        let mcc = plmn.get(..3).unwrap_or_default();
        let near = countries(mcc).next().map_or_else(
            || "`mm1gate operators search NAME` finds networks by name".to_owned(),
            |code| format!("`mm1gate operators list --country {code}` shows those of its country"),
        );
        let message = format!("the table has no network '{}'", args.plmn);
        return Err(CliError::new(Exit::Data, message).remedy(near));
    };
    if args.json {
        return term::json(&view::Whole::of(&network));
    }
    match args.toml {
        None => term::print(&view::whole(&network)),
        Some(number) => {
            let setup = number.checked_sub(1).and_then(|at| network.setups.get(at));
            let Some(setup) = setup else {
                let message = format!(
                    "{plmn} has {} set-ups for MMS, and none with the number {number}",
                    network.setups.len()
                );
                return Err(CliError::new(Exit::Data, message)
                    .remedy(format!("`mm1gate operators show {plmn}` shows them")));
            };
            term::print(&view::toml(&network, setup))
        }
    }
}
