//! The parameters of a result line: comma-separated, quoted, grouped (ITU-T V.250 clause 5.4.4).

use std::ops::RangeInclusive;

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_till};
use nom::character::complete::{char, space0};
use nom::combinator::{map, opt, rest, verify};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser};

/// Most parameters read from one line; what follows is passed over.
const MAX_FIELDS: usize = 128;

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Without quotation marks or parentheses.
    pub text: &'a str,
    /// What stood around it.
    pub kind: FieldKind,
}

/// What stood around a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Nothing: a number, or nothing at all.
    Bare,
    /// Quotation marks; the closing one may be missing.
    Quoted,
    /// Parentheses: a list of values.
    Group,
}

impl<'a> Field<'a> {
    /// The parameter as a number.
    #[must_use]
    pub fn number<N: std::str::FromStr>(&self) -> Option<N> {
        self.text.trim().parse().ok()
    }

    /// The values of a group, or the one value.
    #[must_use]
    pub fn values(&self) -> Vec<Self> {
        if self.kind == FieldKind::Group { fields(self.text) } else { vec![*self] }
    }

    /// The numbers that a group of numbers and ranges holds, such as `0-3,5`; what is neither is
    /// left out.
    #[must_use]
    pub fn ranges(&self) -> Vec<RangeInclusive<u32>> {
        let range = |value: &Self| match value.text.split_once('-') {
            Some((low, high)) => Some(low.trim().parse().ok()?..=high.trim().parse().ok()?),
            None => value.number().map(|number: u32| number..=number),
        };
        self.values().iter().filter_map(range).collect()
    }

    /// Whether [`Self::ranges`] holds `wanted`.
    #[must_use]
    pub fn offers(&self, wanted: u32) -> bool {
        self.ranges().iter().any(|range| range.contains(&wanted))
    }
}

/// Cuts a parameter list; never fails, since what is no quotation and no group is a bare value.
#[must_use]
pub fn fields(list: &str) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    let mut left = list;
    while found.len() < MAX_FIELDS {
        let Ok((behind, field)) = field(left) else { break };
        found.push(field);
        match comma(behind) {
            Ok((next, _)) => left = next,
            Err(_) => break,
        }
    }
    // A list of nothing has no parameters.
    if let [only] = &*found
        && only.kind == FieldKind::Bare
        && only.text.is_empty()
    {
        found.clear();
    }
    found
}

fn comma(input: &str) -> IResult<&str, char> {
    // Text behind a closing quotation mark belongs to nothing.
    preceded(take_till(|it| it == ','), char(',')).parse(input)
}

fn field(input: &str) -> IResult<&str, Field<'_>> {
    preceded(space0, alt((quoted, group, bare))).parse(input)
}

fn quoted(input: &str) -> IResult<&str, Field<'_>> {
    let text = preceded(char('"'), alt((terminated(take_till(|it| it == '"'), char('"')), rest)));
    map(text, |text| Field { text, kind: FieldKind::Quoted }).parse(input)
}

fn group(input: &str) -> IResult<&str, Field<'_>> {
    let whole = delimited(char('('), balanced, opt(tag(")")));
    map(whole, |text| Field { text, kind: FieldKind::Group }).parse(input)
}

/// Everything up to the parenthesis that closes this group.
fn balanced(input: &str) -> IResult<&str, &str> {
    let mut depth = 0_u32;
    let mut in_quotes = false;
    for (at, character) in input.char_indices() {
        match character {
            '"' => in_quotes = !in_quotes,
            '(' if !in_quotes => depth = depth.saturating_add(1),
            ')' if !in_quotes && depth == 0 => {
                let (inside, behind) = input.split_at(at);
                return Ok((behind, inside));
            }
            ')' if !in_quotes => depth -= 1,
            _ => {}
        }
    }
    rest(input)
}

fn bare(input: &str) -> IResult<&str, Field<'_>> {
    let text = opt(verify(is_not(","), |text: &str| !text.is_empty()));
    map(text, |text: Option<&str>| Field {
        text: text.unwrap_or_default().trim(),
        kind: FieldKind::Bare,
    })
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &str) -> Vec<&str> {
        fields(list).iter().map(|field| field.text).collect()
    }

    #[test]
    fn quotes_groups_and_empty_parameters() {
        assert_eq!(texts("1,\"IP\",\"a,b\",,0"), ["1", "IP", "a,b", "", "0"]);
        assert_eq!(texts(" \"SM\", 1 ,\"MMS PUSH\",2,1"), ["SM", "1", "MMS PUSH", "2", "1"]);
        assert_eq!(texts(",-1"), ["", "-1"]);
        assert_eq!(texts(""), Vec::<&str>::new());
        assert_eq!(texts("1,"), ["1", ""]);
    }

    #[test]
    fn groups_nest_and_offer_ranges() {
        let list = fields("((\"SM\",\"BM\"),(\"SM\")),(0-3,5)");
        assert_eq!(list[0].kind, FieldKind::Group);
        let inner = list[0].values();
        assert_eq!(inner[0].values().iter().map(|it| it.text).collect::<Vec<_>>(), ["SM", "BM"]);
        assert!(list[1].offers(3) && list[1].offers(5) && !list[1].offers(4));
        assert!(fields("1")[0].offers(1));
    }

    #[test]
    fn mismatched_quotes_and_parentheses_are_taken_as_far_as_they_go() {
        assert_eq!(texts("2,1,\"00C3,\"0000"), ["2", "1", "00C3,"]);
        assert_eq!(texts("1,\"00C3"), ["1", "00C3"]);
        assert_eq!(texts("(1-3"), ["1-3"]);
        assert_eq!(texts("(\"a)\",1),2"), ["\"a)\",1", "2"]);
    }

    #[test]
    fn endless_list_is_cut() {
        assert_eq!(fields(&",".repeat(100_000)).len(), MAX_FIELDS);
        assert_eq!(fields(&"(".repeat(100_000)).len(), 1);
    }
}
