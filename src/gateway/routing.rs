//! Which way a message goes: by which of the configured routes, and by which modem of its group.
//! Pure; `way` asks it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::model::Address;

/// A configured way for some of the messages: a group of modems, and who goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRoute {
    /// Its name.
    pub name: String,
    /// Recipients; any when empty.
    pub to: Vec<Pattern>,
    /// Numbers that a message wants as its sender; any when empty.
    pub from: Vec<Address>,
    /// Accounts that hand messages in; any when empty.
    pub accounts: Vec<String>,
    /// Names of the modems, at least one.
    pub modems: Vec<String>,
    /// Which of them.
    pub strategy: Strategy,
    /// After what time a message that its SIM cannot send goes by another one of the group; none:
    /// it waits.
    pub failover: Option<Duration>,
    /// For what no other route is for.
    pub default: bool,
}

/// How a modem of a group is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The one with the least to do.
    #[default]
    LeastLoaded,
    /// The one by which the recipient was written to before, so that they always see the same number.
    StickySender,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LeastLoaded, Self::StickySender];

    /// Its name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeastLoaded => "least-loaded",
            Self::StickySender => "sticky-sender",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == text)
    }
}

/// Longest pattern, characters.
const MAX_PATTERN: usize = 64;

/// Recipients by their beginning, middle or end: `*` stands for any characters, `?` for one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_PATTERN {
            return Err("a pattern of 1 to 64 characters, such as \"+49*\"");
        }
        if text.contains('@') {
            let plain = |c: char| c.is_ascii_graphic() && !"<>,;\"\\".contains(c);
            return match text.chars().all(plain) {
                true => Ok(Self(text.to_ascii_lowercase())),
                false => Err("a pattern for mail addresses, such as \"*@example.com\""),
            };
        }
        let digits: String = text.chars().filter(|c| !" -./()\u{a0}".contains(*c)).collect();
        let digits = match digits.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None => digits,
        };
        let rest = digits.strip_prefix('+').unwrap_or(&digits);
        if digits.is_empty() || !rest.chars().all(|c| c.is_ascii_digit() || "*?".contains(c)) {
            return Err("digits with * or ?, such as \"+49*\", or \"*@example.com\"");
        }
        Ok(Self(digits))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// How much it says, the more the better; none: it does not fit.
    fn fit(&self, address: &str) -> Option<usize> {
        let says = self.0.chars().filter(|c| *c != '*').count();
        fits(self.0.as_bytes(), address.as_bytes()).then_some(says)
    }
}

/// Whether a text fits a pattern, in time that grows with the product of both lengths at most.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Where the last star stands, and what it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                seen += 1;
            }
            Some(one) if Some(one) == text.get(seen) => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((before, taken)) => {
                    star = Some((before, taken + 1));
                    at = before + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|one| *one == b'*'))
}

/// What a route is looked for by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The recipient, in international form where that is known.
    pub(super) to: &'a Address,
    /// The number that is wanted as sender.
    pub(super) from: Option<&'a Address>,
    /// Who hands it in.
    pub(super) account: Option<&'a str>,
}

/// A route that was found, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) route: &'a SendRoute,
    /// In words, behind its name.
    pub(super) by: String,
}

/// The route that fits best: one for this sender before one for this account before the longest
/// pattern of the recipient before the default; the first of those that fit alike.
pub(super) fn find<'a>(routes: &'a [SendRoute], wanted: Wanted<'_>) -> Option<Found<'a>> {
    let mut best: Option<((bool, bool, usize), Found<'a>)> = None;
    for route in routes {
        let Some((rank, by)) = rank(route, wanted) else { continue };
        if best.as_ref().is_none_or(|(other, _)| *other < rank) {
            best = Some((rank, Found { route, by }));
        }
    }
    let default = || {
        let route = routes.iter().find(|route| route.default)?;
        Some(Found { route, by: "the default".to_owned() })
    };
    best.map(|(_, found)| found).or_else(default)
}

fn rank(route: &SendRoute, wanted: Wanted<'_>) -> Option<((bool, bool, usize), String)> {
    let mut by = Vec::new();
    let for_sender = match wanted.from {
        _ if route.from.is_empty() => false,
        Some(from) if route.from.iter().any(|own| own.same_party(from)) => {
            by.push("its sender".to_owned());
            true
        }
        _ => return None,
    };
    let for_account = match wanted.account {
        _ if route.accounts.is_empty() => false,
        Some(account) if route.accounts.iter().any(|one| one == account) => {
            by.push(format!("account {account}"));
            true
        }
        _ => return None,
    };
    let mut says = 0;
    if !route.to.is_empty() {
        let text = wanted.to.text().to_ascii_lowercase();
        let fit = route.to.iter().filter_map(|pattern| Some((pattern.fit(&text)?, pattern)));
        let (length, pattern) = fit.max_by_key(|(length, _)| *length)?;
        by.push(pattern.to_string());
        says = length + 1;
    }
    // One without any condition is the default, or only for who asks for it.
    if by.is_empty() {
        return None;
    }
    Some(((for_sender, for_account, says), by.join(", ")))
}

/// A modem that may carry a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    /// What stands in its way now, in words.
    pub(super) obstacle: Option<String>,
    /// How many messages wait for it.
    pub(super) load: usize,
}

/// Which of the candidates, and why in words; `before`: the one by which the recipient was written to.
pub(super) fn pick(
    candidates: &[Candidate<'_>],
    strategy: Strategy,
    before: Option<&str>,
) -> Option<(usize, &'static str)> {
    if let (Strategy::StickySender, Some(before)) = (strategy, before)
        && let Some(index) = candidates.iter().position(|one| one.name == before)
    {
        return Some((index, "which the recipient knows"));
    }
    let least = |(index, one): &(usize, &Candidate<'_>)| (one.obstacle.is_some(), one.load, *index);
    let (index, best) = candidates.iter().enumerate().min_by_key(least)?;
    let free = candidates.iter().filter(|one| one.obstacle.is_none()).count();
    let why = match (candidates.len(), free) {
        (1, _) => "the only one",
        (_, 0) => "though none can send now",
        (_, 1) if best.obstacle.is_none() => "the only one that can send now",
        _ => "which has the least to do",
    };
    Some((index, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, to: &[&str]) -> SendRoute {
        SendRoute {
            name: name.to_owned(),
            to: to.iter().map(|pattern| pattern.parse().unwrap()).collect(),
            from: Vec::new(),
            accounts: Vec::new(),
            modems: vec!["desk".to_owned()],
            strategy: Strategy::LeastLoaded,
            failover: None,
            default: false,
        }
    }

    fn number(text: &str) -> Address {
        Address::parse_recipient(text).unwrap()
    }

    fn by(routes: &[SendRoute], to: &str, from: Option<&str>, account: Option<&str>) -> String {
        let (to, from) = (number(to), from.map(number));
        let wanted = Wanted { to: &to, from: from.as_ref(), account };
        find(routes, wanted).map_or_else(
            || "none".to_owned(),
            |found| format!("{}: {}", found.route.name, found.by),
        )
    }

    #[test]
    fn pattern_fits_as_people_expect() {
        for (pattern, text, expected) in [
            ("+49*", "+4915112345678", true),
            ("+49*", "+4", false),
            ("+49*", "+447700900123", false),
            ("0049*", "+4915112345678", true),
            ("+49 (151)*", "+4915112345678", true),
            ("+49151????????", "+4915112345678", true),
            ("+49151???????", "+4915112345678", false),
            ("*678", "+4915112345678", true),
            ("+49*1234*", "+4915112345678", true),
            ("*", "86888", true),
            ("*@example.com", "jo@example.com", true),
            ("*@Example.com", "jo@example.com", true),
            ("*@example.com", "jo@example.org", false),
            ("86888", "86888", true),
            ("86888", "868889", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.fit(text).is_some(), expected, "{pattern} {text}");
        }
        for wrong in ["", "  ", "+49x*", "4+9", "a b@c", &"1".repeat(65), "--"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn pattern_of_stars_costs_no_more_than_its_length() {
        let stars: Pattern = "*1".repeat(32).parse().unwrap();
        assert!(stars.fit(&"1".repeat(200)).is_some());
        assert!(stars.fit(&format!("{}2", "1".repeat(200))).is_none());
    }

    #[test]
    fn longest_pattern_wins_then_the_first_then_the_default() {
        let mut rest = route("rest", &[]);
        rest.default = true;
        let routes = [
            rest,
            route("europe", &["+3*", "+4*"]),
            route("germany", &["+49*", "+43*"]),
            route("other-germany", &["+49*"]),
            route("mail", &["*@example.com"]),
        ];
        assert_eq!(by(&routes, "+4915112345678", None, None), "germany: +49*");
        assert_eq!(by(&routes, "+447700900123", None, None), "europe: +4*");
        assert_eq!(by(&routes, "jo@example.com", None, None), "mail: *@example.com");
        assert_eq!(by(&routes, "+15551234567", None, None), "rest: the default");
        assert_eq!(by(&routes[1..], "+15551234567", None, None), "none");
    }

    #[test]
    fn sender_counts_more_than_account_and_account_more_than_recipient() {
        let mut shop = route("shop", &[]);
        shop.accounts = vec!["shop".to_owned()];
        let mut vip = route("vip", &["+44*"]);
        vip.from = vec![number("+447700900001")];
        let routes = [route("all", &["+4477009001*"]), shop, vip, route("by-name", &[])];
        let own = Some("+447700900001");
        assert_eq!(by(&routes, "+447700900123", None, None), "all: +4477009001*");
        assert_eq!(by(&routes, "+447700900123", None, Some("shop")), "shop: account shop");
        assert_eq!(by(&routes, "+447700900123", own, Some("shop")), "vip: its sender, +44*");
        assert_eq!(by(&routes, "+4915112345678", own, None), "none", "all conditions hold");
        assert_eq!(by(&routes, "+447700900123", Some("+447700900002"), None), "all: +4477009001*");
    }

    fn candidate(name: &str, obstacle: bool, load: usize) -> Candidate<'_> {
        let obstacle = obstacle.then(|| "it rests".to_owned());
        Candidate { name, obstacle, load }
    }

    #[test]
    fn one_that_can_send_comes_before_one_with_less_to_do() {
        let group = [candidate("a", true, 0), candidate("b", false, 7), candidate("c", false, 3)];
        let of = |group: &[Candidate<'_>]| pick(group, Strategy::LeastLoaded, Some("a"));
        assert_eq!(of(&group), Some((2, "which has the least to do")));
        assert_eq!(of(&group[..2]), Some((1, "the only one that can send now")));
        assert_eq!(of(&group[..1]), Some((0, "the only one")));
        let none = [candidate("a", true, 2), candidate("b", true, 1)];
        assert_eq!(of(&none), Some((1, "though none can send now")));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn recipient_keeps_the_number_it_knows_while_that_is_in_the_group() {
        let group = [candidate("a", true, 9), candidate("b", false, 0)];
        let of = |before| pick(&group, Strategy::StickySender, before);
        assert_eq!(of(Some("a")), Some((0, "which the recipient knows")));
        assert_eq!(of(Some("gone")).map(|it| it.0), Some(1));
        assert_eq!(of(None).map(|it| it.0), Some(1));
    }
}
