//! Maps of few entries.

use std::ops::Index;
use std::sync::Arc;

/// Entries by name, in the order of the names' bytes.
///
/// A graph has hundreds of thousands of these maps, most with one to five entries. The entries are
/// in one allocation of exactly their size; a `BTreeMap` allocates room for eleven at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<V>(Vec<(Arc<str>, V)>);

impl<V> Entries<V> {
    /// Makes an empty map, without an allocation.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes an empty map with room for a number of entries.
    pub fn with_capacity(entries: usize) -> Self {
        Self(Vec::with_capacity(entries))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the entry of a name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.find(name).ok().map(|at| &self.0[at].1)
    }

    /// Returns the entry of a name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.find(name).ok().map(|at| &mut self.0[at].1)
    }

    /// Returns whether there is an entry of a name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Inserts an entry, and returns the one it replaces. An entry after all others is appended;
    /// any other moves those behind it, so collect many entries instead.
    pub fn insert(&mut self, name: Arc<str>, entry: V) -> Option<V> {
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, entry));
            return None;
        }
        match self.find(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, entry)),
            Err(at) => {
                self.0.insert(at, (name, entry));
                None
            }
        }
    }

    /// Removes an entry and returns it.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// Returns names and entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &V)> + Clone {
        self.0.iter().map(pair)
    }

    /// Returns the names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// Returns the entries in the order of their names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + Clone {
        self.0.iter().map(|(_, entry)| entry)
    }

    /// Returns the entries in the order of their names, to change them.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, entry)| entry)
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> FromIterator<(Arc<str>, V)> for Entries<V> {
    /// Collects entries in any order; of several with the same name the last is kept.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, V)>>(entries: I) -> Self {
        let mut all: Vec<(Arc<str>, V)> = entries.into_iter().collect();
        if !all.is_sorted_by(|(one, _), (next, _)| one < next) {
            all.sort_by(|(one, _), (other, _)| one.cmp(other));
            all.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    std::mem::swap(later, earlier);
                }
                same
            });
        }
        Self(all)
    }
}

impl<V, const N: usize> From<[(Arc<str>, V); N]> for Entries<V> {
    fn from(entries: [(Arc<str>, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<V> Extend<(Arc<str>, V)> for Entries<V> {
    fn extend<I: IntoIterator<Item = (Arc<str>, V)>>(&mut self, entries: I) {
        for (name, entry) in entries {
            self.insert(name, entry);
        }
    }
}

impl<V> IntoIterator for Entries<V> {
    type Item = (Arc<str>, V);
    type IntoIter = std::vec::IntoIter<(Arc<str>, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, V> IntoIterator for &'a Entries<V> {
    type Item = (&'a Arc<str>, &'a V);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'a, (Arc<str>, V)>,
        fn(&'a (Arc<str>, V)) -> (&'a Arc<str>, &'a V),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(pair)
    }
}

impl<'a, V> IntoIterator for &'a mut Entries<V> {
    type Item = (&'a Arc<str>, &'a mut V);
    type IntoIter = std::iter::Map<
        std::slice::IterMut<'a, (Arc<str>, V)>,
        fn(&'a mut (Arc<str>, V)) -> (&'a Arc<str>, &'a mut V),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut().map(|(name, entry)| (&*name, entry))
    }
}

impl<V> Index<&str> for Entries<V> {
    type Output = V;

    fn index(&self, name: &str) -> &V {
        self.get(name).expect("BUG: the map has no entry of this name")
    }
}

fn pair<V>((name, entry): &(Arc<str>, V)) -> (&Arc<str>, &V) {
    (name, entry)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_behave_as_a_btree_map(
            collected in prop::collection::vec(("[a-c]{0,2}", 0u8..9), 0..9),
            put in prop::collection::vec(("[a-c]{0,2}", 0u8..9), 0..9),
        ) {
            let named = |all: &[(String, u8)]| {
                all.iter().map(|(name, entry)| (Arc::from(name.as_str()), *entry)).collect::<Vec<_>>()
            };
            let mut entries: Entries<u8> = named(&collected).into_iter().collect();
            let mut tree: BTreeMap<Arc<str>, u8> = named(&collected).into_iter().collect();
            for (name, entry) in named(&put) {
                prop_assert_eq!(entries.get(&name), tree.get(&name));
                prop_assert_eq!(entries.insert(name.clone(), entry), tree.insert(name, entry));
            }
            prop_assert!(entries.iter().eq(&tree));
            for (name, _) in named(&put).iter().step_by(2) {
                prop_assert_eq!(entries.remove(name), tree.remove(name));
            }
            prop_assert!(entries.iter().eq(&tree));
        }
    }
}
