//! Finds the name for a hint "did you mean".

/// Longer names get no suggestion: people's names are short, and hostile long ones take time.
const MAX_NAME_BYTES: usize = 64;

/// Returns the nearest name if it is near enough for a typing error; of equally near names the
/// first in the alphabet.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let letters = letters(name);
    let others = names.into_iter().filter(|other| other.len() <= MAX_NAME_BYTES && *other != name);
    // Compare sets of letters first, which excludes most names at once: a typing error changes at
    // most two letters of the set.
    let others = others.filter(|other| {
        name.contains(':')
            || other.contains(':')
            || (letters ^ self::letters(other)).count_ones() as usize <= 2 * limit
    });
    let best = others.map(|other| (typing_errors(name, other, limit), other)).min()?;
    (best.0 <= limit).then_some(best.1)
}

/// Returns the set of a name's letters as 64 bits, case ignored; some letters share a bit.
fn letters(name: &str) -> u64 {
    name.chars().flat_map(char::to_lowercase).fold(0, |set, letter| set | 1 << (letter as u32 % 64))
}

/// Returns the number of typing errors between two names. A missing, superfluous or wrong namespace
/// (`ns:Name`) counts as one error, however long it is. Above the limit, the result is any number
/// above it.
fn typing_errors(name: &str, other: &str, limit: usize) -> usize {
    let whole = distance(name, other, limit);
    let prefix = |name: &str| name.rsplit_once(':').map_or(0, |(namespace, _)| namespace.len() + 1);
    let (left, right) = (prefix(name), prefix(other));
    if left == 0 && right == 0 {
        return whole;
    }
    whole.min(1 + distance(&name[left..], &other[right..], limit))
}

/// Returns the Damerau-Levenshtein distance with no letter moved twice (optimal string alignment),
/// case ignored. Above the limit, the result is any number above it.
fn distance(left: &str, right: &str, limit: usize) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    // Three rows are enough: a transposition looks two rows back.
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut row = above.clone();
    for (i, a) in left.iter().enumerate() {
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = above[j] + usize::from(a != b);
            row[j + 1] = substituted.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        std::mem::swap(&mut before, &mut above);
        std::mem::swap(&mut above, &mut row);
        // Each number of a later row is at least the smallest of the two rows before it.
        let least = above.iter().chain(&before).min().copied().unwrap_or(0);
        if i > 0 && least > limit {
            return least;
        }
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["properties", "requirements", "type"];
        assert_eq!(nearest("propertis", names), Some("properties"));
        assert_eq!(nearest("tpye", names), Some("type"));
        assert_eq!(nearest("typ", names), Some("type"));
        assert_eq!(nearest("Type", names), Some("type"));
        assert_eq!(nearest("zebra", names), None);
    }

    #[test]
    fn a_wrong_namespace_is_one_typing_error() {
        let names = ["tosca:Compute", "Storage", "net:Port"];
        assert_eq!(nearest("Compute", names), Some("tosca:Compute"));
        assert_eq!(nearest("Comptue", names), Some("tosca:Compute"));
        assert_eq!(nearest("toska:Compute", names), Some("tosca:Compute"));
        assert_eq!(nearest("tosca:Storage", names), Some("Storage"));
        assert_eq!(nearest("tosca:Network", names), None);
    }

    #[test]
    fn distances_count_insertions_deletions_substitutions_and_transpositions() {
        assert_eq!(distance("", "", 9), 0);
        assert_eq!(distance("abc", "", 9), 3);
        assert_eq!(distance("", "abc", 9), 3);
        assert_eq!(distance("kitten", "sitting", 9), 3);
        assert_eq!(distance("ab", "ba", 9), 1);
        assert_eq!(distance("abcd", "badc", 9), 2);
        assert!(distance("abcdefgh", "stuvwxyz", 3) > 3);
    }
}
