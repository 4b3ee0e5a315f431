//! "Did you mean": the known word nearest to a misspelt one (edit distance with swapped
//! neighbours).

/// Words longer than this are compared by their beginning.
const MAX_WORD: usize = 64;

/// The nearest of `known`, when it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().take(MAX_WORD).collect();
    let right: Vec<char> = right.to_lowercase().chars().take(MAX_WORD).collect();
    let width = right.len() + 1;
    let mut table = vec![0; (left.len() + 1) * width];
    for row in 0..=left.len() {
        for column in 0..width {
            table[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let same = left[row - 1] == right[column - 1];
                let mut best = (table[(row - 1) * width + column] + 1)
                    .min(table[row * width + column - 1] + 1)
                    .min(table[(row - 1) * width + column - 1] + usize::from(!same));
                if row > 1
                    && column > 1
                    && left[row - 1] == right[column - 2]
                    && left[row - 2] == right[column - 1]
                {
                    best = best.min(table[(row - 2) * width + column - 2] + 1);
                }
                best
            };
        }
    }
    table[left.len() * width + right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_and_missing_letters_are_near() {
        let known = || ["mmsc", "proxy", "control_port", "port"].into_iter();
        assert_eq!(nearest("mmcs", known()), Some("mmsc"));
        assert_eq!(nearest("controlport", known()), Some("control_port"));
        assert_eq!(nearest("PROXY", known()), Some("proxy"));
        assert_eq!(nearest("colour", known()), None);
    }
}
