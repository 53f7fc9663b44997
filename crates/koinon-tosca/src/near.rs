//! "Did you mean": the name somebody most likely meant.

/// Names longer than this get no suggestion: people's are short, and a hostile one costs.
const LONG: usize = 64;

/// Returns the nearest name, if it is near enough to be a slip; of equally near ones the first in the alphabet.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    if name.len() > LONG {
        return None;
    }
    let letters = letters(name);
    let others = names.into_iter().filter(|other| other.len() <= LONG && *other != name);
    // Most names are nowhere near, which their letters show at once: a slip adds or removes two of them at most.
    let others = others.filter(|other| {
        name.contains(':')
            || other.contains(':')
            || (letters ^ self::letters(other)).count_ones() as usize <= 2 * limit
    });
    let best = others.map(|other| (slips(name, other, limit), other)).min()?;
    (best.0 <= limit).then_some(best.1)
}

/// Returns the set of a name's letters, as bits, some letters together, case ignored.
fn letters(name: &str) -> u64 {
    name.chars().flat_map(char::to_lowercase).fold(0, |set, letter| set | 1 << (letter as u32 % 64))
}

/// Returns how many slips lead from one name to the other. A namespace (`ns:Name`) forgotten, or given where there is
/// none, is one slip, however long it is; so is another namespace. Beyond the limit any number beyond it will do.
fn slips(name: &str, other: &str, limit: usize) -> usize {
    let whole = distance(name, other, limit);
    let local = |name: &str| name.rsplit_once(':').map_or(0, |(namespace, _)| namespace.len() + 1);
    let (left, right) = (local(name), local(other));
    if left == 0 && right == 0 {
        return whole;
    }
    whole.min(1 + distance(&name[left..], &other[right..], limit))
}

/// The distance of Damerau and Levenshtein, no letter moved twice (optimal string alignment), case ignored; some number
/// beyond the limit if it is beyond.
fn distance(left: &str, right: &str, limit: usize) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    // Three rows are enough: a transposition looks two back.
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
        // Each number of a row to come is at least the least of the two rows before it.
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
    fn namespaces_are_slips() {
        let names = ["tosca:Compute", "Storage", "net:Port"];
        assert_eq!(nearest("Compute", names), Some("tosca:Compute"));
        assert_eq!(nearest("Comptue", names), Some("tosca:Compute"));
        assert_eq!(nearest("toska:Compute", names), Some("tosca:Compute"));
        assert_eq!(nearest("tosca:Storage", names), Some("Storage"));
        assert_eq!(nearest("tosca:Network", names), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "", 9), 0);
        assert_eq!(distance("abc", "", 9), 3);
        assert_eq!(distance("", "abc", 9), 3);
        assert_eq!(distance("kitten", "sitting", 9), 3);
        assert_eq!(distance("ab", "ba", 9), 1);
        assert_eq!(distance("abcd", "badc", 9), 2);
        assert!(distance("abcdefgh", "stuvwxyz", 3) > 3);
    }
}
