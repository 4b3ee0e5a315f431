//! Operators as text, JSON and configuration.

use std::fmt::Write as _;

use serde::Serialize;

use super::term;
use crate::model::redact;
use crate::operators::table::{CodeKind, Network, Setup};
use crate::operators::{Auth, Found, Settings, Sim};

/// One network on a line of JSON.
#[derive(Serialize)]
pub(super) struct Line<'t> {
    plmn: &'t str,
    country: &'t str,
    name: &'t str,
    mms: Vec<Mms<'t>>,
}

/// One set-up in it.
#[derive(Serialize, PartialEq, Eq)]
struct Mms<'t> {
    apn: &'t str,
    mmsc: &'t str,
    proxy: Option<&'t str>,
    auth: &'static str,
    max_message_size: usize,
}

impl<'t> Mms<'t> {
    fn of(network: &Network<'t>, setup: &Setup<'t>) -> Self {
        Self {
            apn: setup.apn,
            mmsc: setup.mmsc,
            proxy: setup.proxy,
            auth: auth(setup.auth),
            max_message_size: largest(network, setup),
        }
    }
}

/// What the gateway would take as the limit.
fn largest(network: &Network<'_>, setup: &Setup<'_>) -> usize {
    let told = network.traits.max_message_size.or(setup.max_message_size);
    told.unwrap_or_else(|| Settings::default().max_message_size)
}

const fn auth(auth: Auth) -> &'static str {
    match auth {
        Auth::Any => "any",
        Auth::None => "none",
        Auth::Pap => "pap",
        Auth::Chap => "chap",
    }
}

impl<'t> Line<'t> {
    pub(super) fn of(network: &Network<'t>) -> Self {
        let mut mms = Vec::new();
        for setup in &network.setups {
            let it = Mms::of(network, setup);
            // Some differ in what only a SIM of a virtual operator, or a log-in, tells apart.
            if !mms.contains(&it) {
                mms.push(it);
            }
        }
        Self { plmn: network.plmn, country: network.country, name: network.name, mms }
    }
}

/// A set-up with everything that is known of it.
#[derive(Serialize)]
pub(super) struct SetupView<'t> {
    name: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_for: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    apn: &'t str,
    mmsc: &'t str,
    proxy: Option<&'t str>,
    user: &'t str,
    password: &'t str,
    auth: &'static str,
    pdp_type: &'t str,
    shared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'t str>,
    max_message_size: usize,
}

impl<'t> SetupView<'t> {
    fn of(network: &Network<'t>, setup: &Setup<'t>, why: Option<String>) -> Self {
        Self {
            name: setup.name,
            only_for: setup.condition.map(|it| it.to_string()),
            why,
            apn: setup.apn,
            mmsc: setup.mmsc,
            proxy: setup.proxy,
            user: setup.user,
            password: setup.password,
            auth: auth(setup.auth),
            pdp_type: setup.pdp_type,
            shared: setup.shared,
            plan: setup.plan,
            max_message_size: largest(network, setup),
        }
    }
}

/// Everything that is known of a network.
#[derive(Serialize)]
pub(super) struct Whole<'t> {
    plmn: &'t str,
    country: &'t str,
    name: &'t str,
    mms: Vec<SetupView<'t>>,
    wants: Vec<String>,
    codes: Vec<CodeView<'t>>,
}

#[derive(Serialize)]
struct CodeView<'t> {
    asks_for: &'static str,
    code: &'t str,
    name: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid1: Option<&'t str>,
}

impl<'t> Whole<'t> {
    pub(super) fn of(network: &Network<'t>) -> Self {
        let setups = network.setups.iter();
        let codes = network.codes.iter();
        Self {
            plmn: network.plmn,
            country: network.country,
            name: network.name,
            mms: setups.map(|setup| SetupView::of(network, setup, None)).collect(),
            wants: wants(network),
            codes: codes
                .map(|it| CodeView {
                    asks_for: asks_for(it.kind),
                    code: it.text,
                    name: it.name,
                    gid1: it.gid1,
                })
                .collect(),
        }
    }
}

const fn asks_for(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Balance => "balance",
        CodeKind::Number => "number",
    }
}

/// The answer to a look-up.
#[derive(Serialize)]
pub(super) struct Answer<'t> {
    /// Redacted but for its network.
    imsi: String,
    plmn: Option<&'t str>,
    country: Option<&'static str>,
    name: Option<&'t str>,
    ambiguous: bool,
    candidates: Vec<SetupView<'t>>,
}

impl<'t> Answer<'t> {
    pub(super) fn of(sim: &Sim, found: &Found<'t>) -> Self {
        let candidates = found.candidates.iter();
        Self {
            imsi: shown(sim),
            plmn: found.network.as_ref().map(|it| it.plmn),
            country: found.country,
            name: found.network.as_ref().map(|it| it.name),
            ambiguous: found.ambiguous,
            candidates: candidates
                .map(|it| SetupView::of(&it.network, &it.setup, Some(it.why.to_string())))
                .collect(),
        }
    }
}

/// The IMSI without what tells the subscriber; a network code is nobody's.
fn shown(sim: &Sim) -> String {
    if sim.imsi.len() <= 6 { sim.imsi.clone() } else { redact::number(&sim.imsi) }
}

/// Whether a network has a word in what people know it by.
pub(super) fn speaks_of(network: &Network<'_>, word: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(word);
    network.country == word
        || network.plmn.starts_with(word)
        || has(network.name)
        || network.setups.iter().any(|it| has(it.name) || has(it.apn))
}

/// One network on a line of text, and its set-ups.
pub(super) fn line(network: &Network<'_>) -> String {
    let mut text = format!("{:6} {} {}\n", network.plmn, network.country, named(network));
    for setup in &network.setups {
        let _ = writeln!(text, "       {}", way(setup));
    }
    if network.setups.is_empty() {
        text.push_str("       no settings for MMS are known\n");
    }
    text
}

fn named<'t>(network: &Network<'t>) -> &'t str {
    if network.name.is_empty() { "(no name is known)" } else { network.name }
}

fn way(setup: &Setup<'_>) -> String {
    let proxy = setup.proxy.map_or_else(String::new, |proxy| format!(" by {proxy}"));
    let only = setup.condition.map_or_else(String::new, |it| format!(" (only for {it})"));
    format!("{}: {}{proxy}{only}", setup.apn, setup.mmsc)
}

/// Everything that is known of a network, as text.
pub(super) fn whole(network: &Network<'_>) -> String {
    let mut text = format!("{} {} {}\n", network.plmn, network.country, named(network));
    for wish in wants(network) {
        let _ = writeln!(text, "  {wish}");
    }
    for code in &network.codes {
        let whose = if code.name.is_empty() { "" } else { " of " };
        let _ = writeln!(
            text,
            "  {} asks for the {}{whose}{}",
            code.text,
            asks_for(code.kind),
            code.name
        );
    }
    for (at, setup) in network.setups.iter().enumerate() {
        let _ = writeln!(text, "\n  {}. {}", at + 1, setup.name);
        details(&mut text, setup);
    }
    if network.setups.is_empty() {
        text.push_str("\n  no settings for MMS are known\n");
    }
    text
}

fn details(text: &mut String, setup: &Setup<'_>) {
    let mut put = |key: &str, value: &str| {
        let _ = writeln!(text, "     {key:9} {value}");
    };
    put("apn", setup.apn);
    put("mmsc", setup.mmsc);
    put("proxy", setup.proxy.unwrap_or("none"));
    if !setup.user.is_empty() {
        put("user", setup.user);
        put("password", setup.password);
    }
    if setup.auth != Auth::Any {
        put("auth", auth(setup.auth));
    }
    if setup.pdp_type != "IP" {
        put("pdp_type", setup.pdp_type);
    }
    if let Some(condition) = &setup.condition {
        put("only for", &format!("SIMs with {condition}"));
    }
    if let Some(plan) = setup.plan {
        put("tariff", plan);
    }
    if setup.shared {
        put("note", "ordinary data goes by this access point too");
    }
}

/// What a network wants of messages and requests, in words.
fn wants(network: &Network<'_>) -> Vec<String> {
    let traits = &network.traits;
    let mut all = Vec::new();
    if let Some(size) = traits.max_message_size {
        all.push(format!("messages of at most {}", term::size(size as u64)));
    }
    if let Some((width, height)) = traits.max_image {
        all.push(format!("pictures of at most {width} x {height} pixels"));
    }
    if let Some(count) = traits.max_recipients {
        all.push(format!("at most {count} recipients"));
    }
    if let Some(count) = traits.max_subject {
        all.push(format!("subjects of at most {count} characters"));
    }
    if let Some(seconds) = traits.timeout_seconds {
        all.push(format!("up to {seconds} s for an answer"));
    }
    for (name, text) in &traits.headers {
        all.push(format!("request header {name}: {text}"));
    }
    if let Some(name) = traits.uaprof_header {
        all.push(format!("the UAProf document in the header {name}"));
    }
    if traits.append_transaction_id {
        all.push("the Transaction-Id appended to where a message is fetched".to_owned());
    }
    if traits.ack_to_location {
        all.push("acknowledgements where the message was fetched".to_owned());
    }
    for what in &traits.without {
        all.push(match *what {
            "mms" => "Android's messaging app offers no MMS here".to_owned(),
            "group" => "no group messages".to_owned(),
            other => format!("no {}", other.replace('-', " ")),
        });
    }
    all
}

/// The answer to a look-up, as text.
pub(super) fn answer(sim: &Sim, found: &Found<'_>) -> String {
    let mut text = match &found.network {
        Some(network) => {
            format!("{}: {} ({} {})\n", shown(sim), named(network), network.plmn, network.country)
        }
        None => format!("{}\n", shown(sim)),
    };
    if found.candidates.is_empty() {
        text.push_str(
            "no settings for MMS are known; write what the operator's help pages name for MMS under \
             [modem.operator]\n",
        );
    }
    for (at, candidate) in found.candidates.iter().enumerate() {
        let _ = writeln!(text, "\n  {}. {}: {}", at + 1, candidate.setup.name, candidate.why);
        details(&mut text, &candidate.setup);
    }
    if found.ambiguous {
        text.push_str(
            "\nSeveral would do as well as the first; they are tried in this order. Write the right \
             one under [modem.operator] if you know it.\n",
        );
    }
    text
}

/// The table `[modem.operator]` of a set-up, as the configuration reads it.
pub(super) fn toml(network: &Network<'_>, setup: &Setup<'_>) -> String {
    let quoted = |text: &str| ::toml::Value::from(text).to_string();
    let mut text = format!("# {}: {}\n[modem.operator]\n", network.plmn, setup.name);
    let mut put = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    put("apn", quoted(setup.apn));
    put("mmsc", quoted(setup.mmsc));
    put("proxy", quoted(setup.proxy.unwrap_or_default()));
    if !setup.user.is_empty() {
        put("user", quoted(setup.user));
    }
    if !setup.password.is_empty() {
        put("password", quoted(setup.password));
    }
    put("auth", quoted(auth(setup.auth)));
    put("pdp_type", quoted(setup.pdp_type));
    let traits = &network.traits;
    put("max_message_size", largest(network, setup).to_string());
    if let Some(count) = traits.max_recipients {
        put("max_recipients", count.to_string());
    }
    if let Some(name) = traits.uaprof_header {
        put("uaprof_header", quoted(name));
    }
    if traits.append_transaction_id {
        put("append_transaction_id", "true".to_owned());
    }
    if traits.ack_to_location {
        put("ack_to_location", "true".to_owned());
    }
    if !traits.headers.is_empty() {
        let pairs: Vec<String> = traits
            .headers
            .iter()
            .map(|(name, text)| format!("{} = {}", quoted(name), quoted(text)))
            .collect();
        put("extra_headers", format!("{{ {} }}", pairs.join(", ")));
        if traits.headers.iter().any(|(_, text)| text.contains("{NAI}")) {
            let suffix = traits.nai_suffix.unwrap_or_default();
            put("nai_suffix", quoted(suffix));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Config;
    use crate::operators::lookup;
    use crate::operators::table::Table;

    #[test]
    fn line_of_json_has_the_agreed_fields() {
        let network = Table::embedded().network("26201").unwrap();
        let line = serde_json::to_value(Line::of(&network)).unwrap();
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["plmn", "country", "name", "mms"]);
        let first = line["mms"][0].as_object().unwrap();
        let keys: Vec<&String> = first.keys().collect();
        assert_eq!(keys, ["apn", "mmsc", "proxy", "auth", "max_message_size"]);
        assert_eq!(first["max_message_size"], 307_200);
    }

    #[test]
    fn every_set_up_as_configuration_is_what_the_table_says() {
        for network in Table::embedded().networks().map(Result::unwrap) {
            for setup in &network.setups {
                let text = format!(
                    "data_dir = \"/d\"\n[[modem]]\nown_number = \"+447700900123\"\n{}",
                    toml(&network, setup).replace("nai_suffix", "nai = \"user\"\nnai_suffix")
                );
                let config = Config::parse(&text, "t").unwrap_or_else(|error| {
                    panic!("{}: {error}\n{text}", network.plmn);
                });
                let read = config.modems[0].operator.clone().unwrap();
                let mut told = network.settings(setup).unwrap();
                told.nai.clone_from(&read.nai);
                told.extra_headers.sort();
                assert_eq!(read, told, "{}", network.plmn);
            }
        }
    }

    #[test]
    fn answer_hides_the_subscriber_and_tells_why() {
        let sim = Sim { spn: Some("giffgaff".into()), ..Sim::of("234101234567890") };
        let found = lookup(&sim);
        let text = answer(&sim, &found);
        assert!(text.starts_with("2341*********90: O2 (23410 gb)\n"), "{text}");
        assert!(text.contains("1. giffgaff: the SIM's provider name \"giffgaff\""), "{text}");
        let json = serde_json::to_string(&Answer::of(&sim, &found)).unwrap();
        assert!(!json.contains("1234567") && json.contains("\"plmn\":\"23410\""), "{json}");
    }
}
