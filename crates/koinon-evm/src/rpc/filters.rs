//! `eth_getLogs`, and the polled filters.

use alloy::eips::BlockId;
use alloy::eips::BlockNumberOrTag;
use alloy::rpc::types::Filter;
use alloy::rpc::types::FilterBlockOption;
use alloy::rpc::types::Log;
use alloy_primitives::B256;
use alloy_primitives::U64;

use super::Answer;
use super::RpcError;
use super::raw;
use super::read;
use crate::filters::FilterKind;
use crate::shared::SharedChain;

/// The most logs in one answer.
const MAX_LOGS: usize = 10_000;
/// The most addresses, or topics in one position, of one filter.
const MAX_ALTERNATIVES: usize = 1_000;

pub(super) fn get_logs(shared: &SharedChain, filter: &Filter) -> Answer {
    check(filter)?;
    raw(&query(shared, filter)?)
}

/// Rejects filters with more alternatives than any client needs.
pub(crate) fn check(filter: &Filter) -> Result<(), RpcError> {
    let longest = filter.topics.iter().map(|topics| topics.len()).max().unwrap_or(0);
    if longest.max(filter.address.len()) > MAX_ALTERNATIVES {
        return Err(RpcError::limit(format!(
            "invalid argument 0 (filter): more than {MAX_ALTERNATIVES} addresses or topics"
        )));
    }
    Ok(())
}

fn query(shared: &SharedChain, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    match &filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let known = shared.ledger.read().number(*hash);
            let number = known.ok_or_else(|| RpcError::no_block(hash))?;
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
            // As other nodes: a range that ends before it begins has no logs.
            if from > to {
                return Ok(Vec::new());
            }
            logs_between(shared, filter, from, to)
        }
    }
}

/// The logs of a range of blocks that match a filter's address and topics.
pub(crate) fn logs_between(
    shared: &SharedChain,
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

fn install(shared: &SharedChain, kind: FilterKind) -> Answer {
    raw(&U64::from(shared.filters.lock().install(kind)))
}

pub(super) fn new_log_filter(shared: &SharedChain, filter: Filter) -> Answer {
    check(&filter)?;
    let next = shared.ledger.read().head_number() + 1;
    install(shared, FilterKind::Logs(Box::new(filter), next))
}

pub(super) fn new_block_filter(shared: &SharedChain) -> Answer {
    let next = shared.ledger.read().head_number() + 1;
    install(shared, FilterKind::Blocks(next))
}

pub(super) fn new_pending_filter(shared: &SharedChain) -> Answer {
    let next = shared.ledger.read().announced_end();
    install(shared, FilterKind::Pending(next))
}

/// Returns the changes since the filter was last asked.
pub(super) fn changes(shared: &SharedChain, id: U64) -> Answer {
    let id = id.to::<u64>();
    // The ledger is read without holding the filters: the position moves before the answer is
    // made, so two askers never get the same change twice.
    let head = shared.ledger.read().head_number();
    let announced = shared.ledger.read().announced_end();
    let kind = {
        let mut filters = shared.filters.lock();
        let kind = filters.touch(id).ok_or_else(RpcError::no_filter)?;
        let before = kind.clone();
        match kind {
            FilterKind::Logs(_, next) | FilterKind::Blocks(next) => *next = (*next).max(head + 1),
            FilterKind::Pending(next) => *next = (*next).max(announced),
        }
        before
    };
    match kind {
        FilterKind::Logs(filter, next) => {
            let (from, to) = filter.extract_block_range();
            let (from, to) = (from.unwrap_or(0).max(next), to.unwrap_or(head).min(head));
            let logs =
                if from > to { Vec::new() } else { logs_between(shared, &filter, from, to)? };
            raw(&logs)
        }
        FilterKind::Blocks(next) => {
            let ledger = shared.ledger.read();
            raw(&(next..=head).filter_map(|number| ledger.hash(number)).collect::<Vec<B256>>())
        }
        FilterKind::Pending(next) => {
            let mut hashes = shared.ledger.read().announced_since(next);
            hashes.truncate(usize::try_from(announced - next.min(announced)).unwrap_or(usize::MAX));
            raw(&hashes)
        }
    }
}

/// All logs of a log filter's range.
pub(super) fn logs(shared: &SharedChain, id: U64) -> Answer {
    let kind = shared.filters.lock().touch(id.to::<u64>()).cloned();
    match kind {
        Some(FilterKind::Logs(filter, _)) => raw(&query(shared, &filter)?),
        Some(FilterKind::Blocks(_) | FilterKind::Pending(_)) | None => Err(RpcError::no_filter()),
    }
}

pub(super) fn uninstall(shared: &SharedChain, id: U64) -> Answer {
    raw(&shared.filters.lock().remove(id.to::<u64>()))
}
