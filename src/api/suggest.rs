//! "Did you mean": the known word nearest to a mistyped one.

/// Longest word compared, in characters: the work grows with the product of the lengths.
const MAX_WORD: usize = 40;

/// The known word within two edits (one for short words), if there is one.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(MAX_WORD + 1).collect();
    if word.len() > MAX_WORD {
        return None;
    }
    let allowed = if word.len() <= 3 { 1 } else { 2 };
    known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, two rows at a time.
fn distance(word: &[char], other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in word.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let replaced = previous[column] + usize::from(left != right);
            let best = replaced.min(previous[column + 1] + 1).min(current[column] + 1);
            current.push(best);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistake_finds_the_word() {
        let known = ["to", "subject", "text", "parts", "delivery_report"];
        assert_eq!(nearest("subjcet", &known), Some("subject"));
        assert_eq!(nearest("Text", &known), Some("text"));
        assert_eq!(nearest("part", &known), Some("parts"));
        assert_eq!(nearest("too", &known), Some("to"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest(&"x".repeat(10_000), &known), None);
    }
}
