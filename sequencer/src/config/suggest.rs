//! The known name that somebody who mistyped most likely meant.

/// The candidate nearest to `typed`, if it is near enough to be meant.
pub(super) fn nearest<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let (distance, candidate) = candidates
        .into_iter()
        .map(|candidate| (distance(typed, candidate), candidate))
        .min()?;
    (distance <= 2 + typed.len() / 4).then_some(candidate)
}

/// Fewest insertions, deletions and substitutions of a byte that turn `left` into `right`.
fn distance(left: &str, right: &str) -> usize {
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("lisen", "listen"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_typo_is_recognised_and_nonsense_is_not() {
        let known = ["api.listen", "p2p.listen", "genesis"];
        assert_eq!(nearest("api.lisen", known), Some("api.listen"));
        assert_eq!(nearest("gensis", known), Some("genesis"));
        assert_eq!(nearest("bananas_per_second", known), None);
    }
}
