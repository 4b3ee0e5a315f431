//! Languages by their number (WAP-230 clause 8.4.2.10, table 41), as tags of ISO 639.

/// From number 0 on; 0x80 is not assigned.
const LANGUAGES: &str = "\
    * aa ab af am ar as ay az ba be bg bh bi bn bo br ca co cs cy da de dz el en eo es et eu fa fi \
    fj ur fr uz ga gd gl gn gu ha he hi hr hu hy vi id wo xh is it yo ja jw ka kk za km kn ko ks ku \
    ky zh ln lo lt lv mg mi mk ml mn mo mr ms mt my uk ne nl no oc om or pa pl ps pt qu zu rn ro ru \
    rw sa sd sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ug \
    - na fo fy ia vo ie ik yi iu kl la rm";
const NOT_ASSIGNED: &str = "-";

/// The tag of a number.
pub(super) fn tag(number: u64) -> Option<&'static str> {
    let index = usize::try_from(number).ok()?;
    LANGUAGES.split_ascii_whitespace().nth(index).filter(|tag| *tag != NOT_ASSIGNED)
}

/// The number of a tag.
pub(super) fn number(tag: &str) -> Option<u64> {
    let mut tags = LANGUAGES.split_ascii_whitespace();
    let index = tags.position(|known| known == tag && tag != NOT_ASSIGNED)?;
    u64::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_ends_of_the_table() {
        for (code, name) in
            [(0, "*"), (0x01, "aa"), (0x19, "en"), (0x58, "pl"), (0x7F, "ug"), (0x81, "na")]
        {
            assert_eq!(tag(code), Some(name));
            assert_eq!(number(name), Some(code));
        }
        assert_eq!(tag(0x8C), Some("rm"));
        assert_eq!(tag(0x80), None);
        assert_eq!(tag(0x8D), None);
        assert_eq!(number("en-us"), None);
        assert_eq!(number(""), None);
    }
}
