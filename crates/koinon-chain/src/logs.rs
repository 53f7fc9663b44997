//! Events of contracts, in ranges of blocks that the node answers.

use std::ops::RangeInclusive;

use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::Log;
use alloy::transports::RpcError;
use alloy::transports::TransportErrorKind;

use crate::client::Chain;
use crate::error::ChainError;

/// Blocks that are asked for at once, to begin with.
const FIRST_SPAN: u64 = 10_000;
/// The most blocks at once.
const MAX_SPAN: u64 = 1_000_000;

impl Chain {
    /// Returns the events of a range of blocks, in the order of the chain. A node that refuses
    /// that many blocks or events at once is asked for fewer.
    pub(crate) async fn logs(
        &self,
        action: &str,
        filter: &Filter,
        blocks: RangeInclusive<u64>,
    ) -> Result<Vec<Log>, ChainError> {
        let (mut from, end) = blocks.into_inner();
        let (mut span, mut most) = (FIRST_SPAN, MAX_SPAN);
        let mut all = Vec::new();
        while from <= end {
            let to = end.min(from.saturating_add(span - 1));
            let part = filter.clone().from_block(from).to_block(to);
            match self.provider().get_logs(&part).await {
                Ok(logs) => {
                    // Anything else was not asked for; the node must not choose what is counted.
                    all.extend(logs.into_iter().filter(|log| {
                        log.block_number.is_some_and(|number| (from..=to).contains(&number))
                            && !log.removed
                    }));
                    let Some(next) = to.checked_add(1) else { break };
                    from = next;
                    span = (span * 2).min(most);
                }
                Err(error) if to > from && is_refusal(&error) => {
                    // It may take as many again later, where there are fewer events.
                    most = (span / 2).max(1);
                    span = ((to - from + 1) / 4).max(1);
                }
                Err(error) => return Err(ChainError::rpc(action, error)),
            }
        }
        Ok(all)
    }
}

/// Returns whether a node answered, and fewer blocks may please it. Providers word the limits on
/// blocks, events and bytes in many ways, so any refusal counts, and a single block settles it.
fn is_refusal(error: &RpcError<TransportErrorKind>) -> bool {
    match error {
        RpcError::ErrorResp(_) => true,
        RpcError::Transport(TransportErrorKind::HttpError(error)) => {
            (400..500).contains(&error.status)
        }
        RpcError::Transport(TransportErrorKind::NonRetryable(_)) => true,
        _ => false,
    }
}
