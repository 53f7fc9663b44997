//! Maps that are looked up and never iterated.

use foldhash::fast::RandomState;

/// A hash map that is fast for short keys. Its seed differs between maps and between runs, so input
/// cannot provoke collisions. Its order must never reach a result.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
