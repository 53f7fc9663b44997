//! The filters that clients have installed and poll.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::time::Duration;
use std::time::Instant;

use alloy::rpc::types::Filter;
use alloy_primitives::map::HashMap;

/// The most filters the chain keeps.
const MAX_FILTERS: usize = 10_000;
/// A filter that nobody asks for this long is forgotten, as in geth.
const FILTER_LIFETIME: Duration = Duration::from_secs(300);

/// The installed filters by id.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    installed: HashMap<u64, InstalledFilter>,
    /// Makes ids that other clients cannot guess.
    ids: RandomState,
    count: u64,
}

#[derive(Debug)]
struct InstalledFilter {
    kind: FilterKind,
    asked: Instant,
}

/// The kind of a filter, with how far its client has been answered.
#[derive(Clone, Debug)]
pub(crate) enum FilterKind {
    /// Logs; the first block not answered yet.
    Logs(Box<Filter>, u64),
    /// Blocks; the first one not answered yet.
    Blocks(u64),
    /// Accepted transactions; the first one not answered yet.
    Pending(u64),
}

impl Filters {
    /// Installs a filter and returns its id. Where there are too many, the one asked for longest
    /// ago goes: a client that installs filters and never asks cannot keep others from it.
    pub(crate) fn install(&mut self, kind: FilterKind) -> u64 {
        let now = Instant::now();
        if self.installed.len() >= MAX_FILTERS {
            self.installed.retain(|_, filter| now.duration_since(filter.asked) < FILTER_LIFETIME);
        }
        if self.installed.len() >= MAX_FILTERS {
            let oldest = self.installed.iter().min_by_key(|(_, filter)| filter.asked);
            let oldest = oldest.map(|(id, _)| *id);
            self.installed.retain(|id, _| Some(*id) != oldest);
        }
        self.count += 1;
        let id = self.ids.hash_one(self.count);
        self.installed.insert(id, InstalledFilter { kind, asked: now });
        id
    }

    /// Returns a filter that is still alive and marks it as asked.
    pub(crate) fn touch(&mut self, id: u64) -> Option<&mut FilterKind> {
        let now = Instant::now();
        if now.duration_since(self.installed.get(&id)?.asked) >= FILTER_LIFETIME {
            self.installed.remove(&id);
            return None;
        }
        let filter = self.installed.get_mut(&id)?;
        filter.asked = now;
        Some(&mut filter.kind)
    }

    /// Removes a filter and returns whether there was one.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.installed.remove(&id).is_some()
    }
}
