//! Which announced messages are fetched at once, which later and which never: by modem, sender and
//! size, as the configuration says.

use super::push::MissedPatterns;
use crate::model::Address;
use crate::store::Retrieve;

/// What is done about messages that come in. `[receiving]` in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivingPolicy {
    pub(super) usual: Retrieve,
    /// Octets above which a message that would be fetched is fetched later.
    pub(super) defer_above: Option<u64>,
    /// The first that fits counts, before the others.
    pub(super) rules: Vec<RetrievalRule>,
    /// Whether the MMSC may tell senders that their messages were fetched.
    pub(super) delivery_reports: bool,
    pub(super) missed: MissedPatterns,
}

impl Default for ReceivingPolicy {
    fn default() -> Self {
        Self {
            usual: Retrieve::Now,
            defer_above: None,
            rules: Vec::new(),
            delivery_reports: true,
            missed: MissedPatterns::default(),
        }
    }
}

/// One `[[receiving.rule]]`: what it does not name fits all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RetrievalRule {
    /// A number or address; `*` at its end stands for the rest.
    pub(super) from: Option<String>,
    pub(super) modem: Option<String>,
    /// Octets.
    pub(super) above: Option<u64>,
    pub(super) retrieve: Retrieve,
}

impl ReceivingPolicy {
    /// What is done about a message of `from` for the SIM in `modem`, of `size` octets as announced. A
    /// size or a sender that is not told fits no rule that asks for it.
    pub(super) fn decide(
        &self,
        modem: &str,
        from: Option<&Address>,
        size: Option<u64>,
    ) -> Retrieve {
        let exceeds = |limit: u64| size.is_some_and(|size| size > limit);
        let rule = self.rules.iter().find(|rule| {
            rule.modem.as_deref().is_none_or(|name| name == modem)
                && rule.above.is_none_or(exceeds)
                && rule
                    .from
                    .as_deref()
                    .is_none_or(|pattern| from.is_some_and(|from| fits(pattern, from)))
        });
        match rule {
            Some(rule) => rule.retrieve,
            None if self.usual == Retrieve::Now && self.defer_above.is_some_and(exceeds) => {
                Retrieve::Later
            }
            None => self.usual,
        }
    }
}

fn fits(pattern: &str, from: &Address) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => from.text().to_lowercase().starts_with(&begin.to_lowercase()),
        None => Address::from_wire(pattern).same_party(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_rule_that_fits_counts_then_size_then_what_is_usual() {
        let rule = |from: Option<&str>, modem: Option<&str>, above, retrieve| RetrievalRule {
            from: from.map(str::to_owned),
            modem: modem.map(str::to_owned),
            above,
            retrieve,
        };
        let policy = ReceivingPolicy {
            defer_above: Some(300_000),
            rules: vec![
                rule(Some("+447700900123"), None, None, Retrieve::Now),
                rule(Some("+44*"), None, Some(100_000), Retrieve::Later),
                rule(None, Some("shop"), None, Retrieve::Never),
            ],
            ..ReceivingPolicy::default()
        };
        let friend = Address::from_wire("+447700900123/TYPE=PLMN");
        let other = Address::from_wire("+447700900999/TYPE=PLMN");
        let mail = Address::Email("a@b.example".to_owned());
        let of = |modem, from, size| policy.decide(modem, from, size);
        assert_eq!(of("desk", Some(&friend), Some(900_000)), Retrieve::Now);
        assert_eq!(of("desk", Some(&other), Some(200_000)), Retrieve::Later);
        assert_eq!(of("desk", Some(&other), Some(99_000)), Retrieve::Now);
        assert_eq!(of("shop", Some(&other), Some(99_000)), Retrieve::Never);
        assert_eq!(of("desk", Some(&mail), Some(400_000)), Retrieve::Later);
        assert_eq!(of("desk", None, None), Retrieve::Now, "what is not told is fetched");
    }
}
