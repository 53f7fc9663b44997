//! Maps that are looked up and never iterated.

use foldhash::fast::RandomState;

/// A hash map whose hashes cost little on short keys. Its seed differs from map to map and from run to run, so that input
/// cannot be made to collide; no order of it may be seen.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
