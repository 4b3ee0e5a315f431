//! Which set-ups fit a SIM: by its IMSI, and by what tells virtual operators apart that share a
//! network (3GPP TS 31.102: `EF_AD`, `EF_SPN`, `EF_GID1`).

use std::fmt;

use super::countries::{countries, usual_mnc_length};
use super::table::{Code, CodeKind, Condition, Network, Setup, Table};
use crate::model::redact;

/// What a SIM tells of itself. `Debug` redacts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sim {
    /// Its IMSI, 6 to 15 digits; or a PLMN of five or six digits, where nothing else is known.
    pub imsi: String,
    /// Digits of its MNC by `EF_AD`: 2 or 3. None: not told.
    pub mnc_length: Option<u8>,
    /// The service provider's name; empty when the SIM has none. None: not read.
    pub spn: Option<String>,
    /// The group identifier in hexadecimal digits; empty when the SIM has none. None: not read.
    pub gid1: Option<String>,
    /// The SIM's own number. None: not read.
    pub iccid: Option<String>,
}

/// What was found for a SIM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'t> {
    /// Its network, if the table has it; the likelier one where the MNC may have two or three digits.
    pub network: Option<Network<'t>>,
    /// The country of the IMSI, where the MCC is assigned.
    pub country: Option<&'static str>,
    /// Set-ups in the order to try, without those that are for others and without two that would
    /// dial alike.
    pub candidates: Vec<Candidate<'t>>,
    /// More than one would do as well as the first: a person may know better.
    pub ambiguous: bool,
}

/// A set-up that may be the SIM's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'t> {
    /// The network that it belongs to.
    pub network: Network<'t>,
    /// The set-up.
    pub setup: Setup<'t>,
    /// Why it stands where it does.
    pub why: Why,
}

/// Why a set-up is a candidate, the best reason first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The SIM is of the virtual operator that it is for.
    Matched(String),
    /// It is called like the SIM's provider.
    Named(String),
    /// It is for every SIM of the network.
    Network,
    /// It is for a virtual operator, and the SIM does not tell what would show whether it is one's.
    Untold(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched(what) => write!(f, "the SIM's {what}"),
            Self::Named(name) => write!(f, "its name has the SIM's \"{name}\" in it"),
            Self::Network => f.write_str("for SIMs of this network"),
            Self::Untold(what) => {
                write!(f, "only for SIMs with {what}, which this one does not tell")
            }
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("imsi", &redact::number(&self.imsi))
            .field("mnc_length", &self.mnc_length)
            .field("spn", &self.spn)
            .field("gid1", &self.gid1)
            .field("iccid", &self.iccid.as_deref().map(redact::number))
            .finish()
    }
}

impl Sim {
    /// A SIM of which the IMSI alone is known.
    #[must_use]
    pub fn of(imsi: impl Into<String>) -> Self {
        Self { imsi: imsi.into(), ..Self::default() }
    }

    /// The PLMNs that may be its own, the likeliest first; none for what is no IMSI.
    fn plmns(&self) -> Vec<&str> {
        let imsi = self.imsi.as_str();
        if !(5..=15).contains(&imsi.len()) || !imsi.bytes().all(|octet| octet.is_ascii_digit()) {
            return Vec::new();
        }
        if imsi.len() <= 6 {
            // A PLMN by itself.
            return vec![imsi];
        }
        // Some SIMs tell a wrong length: the other one is what remains where that leads nowhere.
        let first = match self.mnc_length {
            Some(length @ (2 | 3)) => usize::from(length),
            _ => usual_mnc_length(imsi.get(..3).unwrap_or_default()),
        };
        [first, 5 - first].iter().filter_map(|length| imsi.get(..3 + length)).collect()
    }

    /// Whether it is one of those that a set-up is for; none when it does not tell.
    fn meets(&self, condition: &Condition<'_>) -> Option<bool> {
        match condition {
            Condition::Spn(name) => self.spn.as_ref().map(|spn| same_name(spn, name)),
            Condition::Gid1(begin) => self.gid1.as_ref().map(|gid| same_group(gid, begin)),
            Condition::Imsi(begin) if self.imsi.len() < begin.len() => None,
            Condition::Imsi(begin) => Some(begins(&self.imsi, begin)),
            Condition::Iccid(begin) => self.iccid.as_ref().map(|iccid| begins(iccid, begin)),
        }
    }

    fn judge(&self, setup: &Setup<'_>) -> Option<Why> {
        let spn = self.spn.as_deref().map(str::trim).filter(|spn| !spn.is_empty());
        match &setup.condition {
            None => Some(match spn {
                Some(spn) if names(setup.name, spn) => Why::Named(spn.to_owned()),
                _ => Why::Network,
            }),
            Some(condition) => match self.meets(condition) {
                Some(true) => Some(Why::Matched(condition.to_string())),
                Some(false) => None,
                None => Some(Why::Untold(condition.to_string())),
            },
        }
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spn(name) => write!(f, "provider name \"{name}\""),
            Self::Gid1(gid) => write!(f, "group identifier {gid}"),
            // What is published is no subscriber's number.
            Self::Imsi(begin) => write!(f, "IMSI that begins with {begin}"),
            Self::Iccid(begin) => write!(f, "ICCID that begins with {begin}"),
        }
    }
}

/// Finds the set-ups for a SIM in the table inside the program.
#[must_use]
pub fn lookup(sim: &Sim) -> Found<'static> {
    lookup_in(Table::embedded(), sim)
}

/// Finds the set-ups for a SIM in a table. Total: whatever the SIM tells, there is an answer, if an
/// empty one.
#[must_use]
pub fn lookup_in<'t>(table: Table<'t>, sim: &Sim) -> Found<'t> {
    let plmns = sim.plmns();
    let country =
        plmns.first().and_then(|plmn| countries(plmn.get(..3)?).find(|code| *code != "-"));
    let mut networks: Vec<Network<'t>> =
        plmns.iter().filter_map(|plmn| table.network(plmn)).collect();
    // A length that the SIM tells decides, where the table has a network of that length at all.
    let told = sim.mnc_length.is_some_and(|length| {
        networks.first().is_some_and(|it| it.plmn.len() == 3 + usize::from(length))
    });
    if told {
        networks.truncate(1);
    }
    let mut ranked: Vec<(bool, usize, Candidate<'t>)> = Vec::new();
    for (place, network) in networks.iter().enumerate() {
        for setup in &network.setups {
            if let Some(why) = sim.judge(setup) {
                let wap = is_wap(setup);
                let candidate = Candidate { network: network.clone(), setup: *setup, why };
                ranked.push((wap, place, candidate));
            }
        }
    }
    let rank = |why: &Why| match why {
        Why::Matched(_) => 0_u8,
        Why::Named(_) => 1,
        Why::Network => 2,
        Why::Untold(_) => 3,
    };
    // A stable sort: the table's own order stays within a rank.
    ranked.sort_by_key(|(wap, place, it)| (*place, rank(&it.why), *wap));
    let mut candidates: Vec<Candidate<'t>> = Vec::new();
    for (_, _, candidate) in ranked {
        if !candidates.iter().any(|other| dials_alike(&other.setup, &candidate.setup)) {
            candidates.push(candidate);
        }
    }
    let best = candidates.first().map(|first| rank(&first.why));
    let ambiguous = candidates.iter().skip(1).any(|other| {
        let rank = rank(&other.why);
        Some(rank) == best || (rank == 3 && best >= Some(1))
    });
    Found { network: networks.into_iter().next(), country, candidates, ambiguous }
}

impl Found<'_> {
    /// The code that asks for the balance, if the operator has one that is known; that of the SIM's
    /// own provider where several share the network.
    #[must_use]
    pub fn code(&self, kind: CodeKind, sim: &Sim) -> Option<&Code<'_>> {
        let network = self.network.as_ref()?;
        let own = |code: &&Code<'_>| code.kind == kind;
        let group = |code: &&Code<'_>| {
            code.gid1
                .is_some_and(|begin| sim.gid1.as_ref().is_some_and(|gid| same_group(gid, begin)))
        };
        let named = |code: &&Code<'_>| {
            sim.spn.as_deref().is_some_and(|spn| names(code.name, spn)) && code.gid1.is_none()
        };
        let mut open = network.codes.iter().filter(own).filter(|code| code.gid1.is_none());
        let codes = || network.codes.iter().filter(own);
        codes()
            .find(group)
            .or_else(|| codes().find(named))
            .or_else(|| open.clone().find(|code| code.name == network.name))
            .or_else(|| open.next())
    }
}

fn is_wap(setup: &Setup<'_>) -> bool {
    setup.proxy.is_some_and(|proxy| proxy.ends_with(":9200") || proxy.ends_with(":9201"))
}

fn dials_alike(one: &Setup<'_>, other: &Setup<'_>) -> bool {
    let key = |it: &Setup<'_>| {
        (it.apn.to_ascii_lowercase(), it.mmsc.to_owned(), it.proxy.map(str::to_owned))
    };
    key(one) == key(other) && (one.user, one.password) == (other.user, other.password)
}

fn same_name(spn: &str, name: &str) -> bool {
    spn.trim().to_lowercase() == name.trim().to_lowercase()
}

/// A group identifier is filled up with FF, in the file and in some of the lists.
fn same_group(gid: &str, begin: &str) -> bool {
    let (gid, begin) = (gid.to_ascii_uppercase(), begin.to_ascii_uppercase());
    let bare = |text: &str| {
        let mut text = text;
        while let Some(rest) = text.strip_suffix("FF") {
            text = rest;
        }
        text.to_owned()
    };
    !bare(&begin).is_empty() && (gid.starts_with(&begin) || bare(&gid) == bare(&begin))
}

/// Whether a number begins so; `x` is any digit.
fn begins(number: &str, begin: &str) -> bool {
    number.len() >= begin.len()
        && begin
            .bytes()
            .zip(number.bytes())
            .all(|(wanted, digit)| wanted.eq_ignore_ascii_case(&b'x') || wanted == digit)
}

/// Words that say nothing about whose name it is.
const NO_NAME: &[&str] = &["mms", "mobile", "mobil", "telecom", "gsm", "the", "internet", "sim"];

/// Whether a set-up is called like the SIM's provider: they have a word of two letters in common.
fn names(name: &str, spn: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.chars().count() > 1 && !NO_NAME.contains(word))
            .map(str::to_owned)
            .collect()
    };
    let of_name = words(name);
    words(spn).iter().any(|word| of_name.contains(word))
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
