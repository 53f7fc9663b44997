//! `eth_getLogs`, and the polled filters.

use std::{
    hash::{BuildHasher, RandomState},
    time::{Duration, Instant},
};

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    rpc::types::{Filter, FilterBlockOption, Log},
};
use alloy_primitives::{B256, U64, map::HashMap};

use super::{Answer, RpcError, raw, read};
use crate::chain::Shared;

/// Logs one answer holds at most.
const MAX_LOGS: usize = 10_000;
/// Addresses, or topics in one position, one filter holds at most.
const MAX_ALTERNATIVES: usize = 1_000;
/// Filters the chain keeps at most.
const MAX_FILTERS: usize = 10_000;
/// A filter nobody asks about for this long is forgotten, as in geth.
const FILTER_LIFE: Duration = Duration::from_secs(300);

pub(super) fn get_logs(shared: &Shared, filter: &Filter) -> Answer {
    check(filter)?;
    raw(&query(shared, filter)?)
}

/// Refuses filters with more alternatives than any client needs.
pub(crate) fn check(filter: &Filter) -> Result<(), RpcError> {
    let longest = filter.topics.iter().map(|topics| topics.len()).max().unwrap_or(0);
    if longest.max(filter.address.len()) > MAX_ALTERNATIVES {
        return Err(RpcError::limit(format!(
            "invalid argument 0 (filter): more than {MAX_ALTERNATIVES} addresses or topics"
        )));
    }
    Ok(())
}

fn query(shared: &Shared, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    match &filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = shared.ledger.read().number(*hash);
            let number = number.ok_or_else(|| RpcError::no_block(hash))?;
            logs_between(shared, filter, number, number)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let (from, to) = {
                let ledger = shared.ledger.read();
                let head = ledger.head_number();
                let bound = |block: &Option<BlockNumberOrTag>| match block {
                    Some(BlockNumberOrTag::Number(number)) => *number,
                    Some(tag) => read::number(&ledger, BlockId::Number(*tag)).unwrap_or(head),
                    None => head,
                };
                (bound(from_block), bound(to_block))
            };
            if from > to {
                return Err(RpcError::invalid_params(format!(
                    "invalid block range: from {from} to {to}"
                )));
            }
            logs_between(shared, filter, from, to)
        }
    }
}

/// The logs of a range of blocks that match a filter's address and topics.
pub(crate) fn logs_between(
    shared: &Shared,
    filter: &Filter,
    from: u64,
    to: u64,
) -> Result<Vec<Log>, RpcError> {
    let places = shared.ledger.read().logs.find(filter, from..=to, MAX_LOGS + 1);
    if places.len() > MAX_LOGS {
        return Err(RpcError::limit(format!(
            "query exceeds max results {MAX_LOGS}: narrow the block range"
        )));
    }
    let mut logs = Vec::with_capacity(places.len());
    for of_block in places.chunk_by(|a, b| a.0 == b.0) {
        let Some(block) = shared.block(of_block[0].0)? else { continue };
        logs.extend(block.rpc_logs(of_block.iter().map(|(_, index)| *index as usize)));
    }
    Ok(logs)
}

/// The filters clients have installed.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    installed: HashMap<u64, Installed>,
    /// Makes ids that other clients cannot guess.
    ids: RandomState,
    count: u64,
}

#[derive(Debug)]
struct Installed {
    kind: Kind,
    asked: Instant,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Logs, and the first block not looked at yet.
    Logs(Box<Filter>, u64),
    /// The first block not told yet.
    Blocks(u64),
    /// The first accepted transaction not told yet.
    Pending(u64),
}

impl Filters {
    fn install(&mut self, kind: Kind) -> Answer {
        let now = Instant::now();
        if self.installed.len() >= MAX_FILTERS {
            self.installed.retain(|_, filter| now.duration_since(filter.asked) < FILTER_LIFE);
        }
        if self.installed.len() >= MAX_FILTERS {
            return Err(RpcError::rejected("too many filters"));
        }
        self.count += 1;
        let id = self.ids.hash_one(self.count);
        self.installed.insert(id, Installed { kind, asked: now });
        raw(&U64::from(id))
    }

    /// A filter still alive, marked as used.
    fn touch(&mut self, id: u64) -> Result<&mut Kind, RpcError> {
        let now = Instant::now();
        let filter = self.installed.get_mut(&id).ok_or_else(RpcError::no_filter)?;
        if now.duration_since(filter.asked) >= FILTER_LIFE {
            self.installed.remove(&id);
            return Err(RpcError::no_filter());
        }
        filter.asked = now;
        Ok(&mut self.installed.get_mut(&id).ok_or_else(RpcError::no_filter)?.kind)
    }
}

pub(super) fn new_log_filter(shared: &Shared, filter: Filter) -> Answer {
    check(&filter)?;
    let next = shared.ledger.read().head_number() + 1;
    shared.filters.lock().install(Kind::Logs(Box::new(filter), next))
}

pub(super) fn new_block_filter(shared: &Shared) -> Answer {
    let next = shared.ledger.read().head_number() + 1;
    shared.filters.lock().install(Kind::Blocks(next))
}

pub(super) fn new_pending_filter(shared: &Shared) -> Answer {
    let next = shared.ledger.read().announced_end();
    shared.filters.lock().install(Kind::Pending(next))
}

/// What happened since the filter was last asked.
pub(super) fn changes(shared: &Shared, id: U64) -> Answer {
    let id = id.to::<u64>();
    // The ledger is read without holding the filters: the position moves before the answer is
    // made, so two askers never get the same change twice.
    let head = shared.ledger.read().head_number();
    let announced = shared.ledger.read().announced_end();
    let kind = {
        let mut filters = shared.filters.lock();
        let kind = filters.touch(id)?;
        let before = kind.clone();
        match kind {
            Kind::Logs(_, next) | Kind::Blocks(next) => *next = (*next).max(head + 1),
            Kind::Pending(next) => *next = (*next).max(announced),
        }
        before
    };
    match kind {
        Kind::Logs(filter, next) => {
            let (from, to) = filter.extract_block_range();
            let (from, to) = (from.unwrap_or(0).max(next), to.unwrap_or(head).min(head));
            let logs =
                if from > to { Vec::new() } else { logs_between(shared, &filter, from, to)? };
            raw(&logs)
        }
        Kind::Blocks(next) => {
            let ledger = shared.ledger.read();
            raw(&(next..=head).filter_map(|number| ledger.hash(number)).collect::<Vec<B256>>())
        }
        Kind::Pending(next) => {
            let mut hashes = shared.ledger.read().announced_since(next);
            hashes.truncate(usize::try_from(announced - next.min(announced)).unwrap_or(usize::MAX));
            raw(&hashes)
        }
    }
}

/// All logs of a log filter's range.
pub(super) fn logs(shared: &Shared, id: U64) -> Answer {
    let kind = shared.filters.lock().touch(id.to::<u64>())?.clone();
    match kind {
        Kind::Logs(filter, _) => raw(&query(shared, &filter)?),
        Kind::Blocks(_) | Kind::Pending(_) => Err(RpcError::no_filter()),
    }
}

pub(super) fn uninstall(shared: &Shared, id: U64) -> Answer {
    let removed = shared.filters.lock().installed.remove(&id.to::<u64>());
    raw(&removed.is_some())
}
