//! Which country an MCC belongs to (ITU-T E.212).

/// One line an MCC: three digits, then its countries, the most likely one first.
const TEXT: &str = include_str!("countries.txt");

/// MCCs whose MNCs have three digits (ITU-T E.212 and its bulletins); all others have two, but for
/// India's 405, which has both.
const THREE_DIGITS: &[&str] = &[
    "302", "310", "311", "312", "313", "314", "315", "316", "334", "338", "342", "344", "346",
    "348", "352", "354", "356", "358", "360", "365", "366", "376", "708", "714", "722", "732",
    "750",
];

/// The countries of an MCC as ISO 3166-1 writes them, in small letters; none for an MCC that is not
/// assigned.
pub fn countries(mcc: &str) -> impl Iterator<Item = &'static str> + use<> {
    let line = TEXT.lines().find_map(|line| match line.split_once(' ') {
        Some((code, countries)) if code == mcc => Some(countries),
        _ => None,
    });
    line.unwrap_or_default().split(' ').filter(|code| !code.is_empty())
}

/// How many digits the MNCs of a country usually have.
#[must_use]
pub fn usual_mnc_length(mcc: &str) -> usize {
    if THREE_DIGITS.contains(&mcc) { 3 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_code_and_countries_in_order() {
        let mut before = "";
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let (mcc, rest) = line.split_once(' ').unwrap();
            assert!(mcc.len() == 3 && mcc.bytes().all(|it| it.is_ascii_digit()), "{line}");
            assert!(before < mcc, "{line}");
            before = mcc;
            for code in rest.split(' ') {
                let letters = code.len() == 2 && code.bytes().all(|it| it.is_ascii_lowercase());
                assert!(letters || (mcc == "901" && code == "-"), "{line}");
            }
        }
        for mcc in THREE_DIGITS {
            assert!(*mcc == "314" || *mcc == "315" || countries(mcc).count() > 0, "{mcc}");
        }
    }

    #[test]
    fn country_and_length_of_the_network_code_follow_from_the_mcc() {
        assert_eq!(countries("262").collect::<Vec<_>>(), ["de"]);
        assert_eq!(countries("425").collect::<Vec<_>>(), ["il", "ps"]);
        assert_eq!(countries("999").count(), 0);
        assert_eq!((usual_mnc_length("262"), usual_mnc_length("310")), (2, 3));
    }
}
