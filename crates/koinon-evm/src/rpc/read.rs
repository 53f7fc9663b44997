//! Methods that look up blocks, transactions and state.

use std::sync::Arc;

use alloy::consensus::BlockHeader as _;
use alloy::consensus::Transaction as _;
use alloy::eips::BlockId;
use alloy::eips::BlockNumberOrTag;
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::rpc::types as rpc;
use alloy::rpc::types::BlockTransactions;
use alloy::rpc::types::EIP1186AccountProofResponse;
use alloy::rpc::types::EIP1186StorageProof;
use alloy::rpc::types::FeeHistory;
use alloy::rpc::types::Index;
use alloy::rpc::types::serde_helpers::JsonStorageKey;
use alloy_primitives::Address;
use alloy_primitives::B256;
use alloy_primitives::Bytes;
use alloy_primitives::U64;
use alloy_primitives::U256;

use super::Answer;
use super::RpcError;
use super::params::Params;
use super::raw;
use super::word;
use crate::block::BASE_FEE;
use crate::block::Block;
use crate::ledger::Ledger;
use crate::shared::SharedChain;
use crate::trie::AccountProof;

/// The most blocks in one `eth_feeHistory`, as in geth.
const MAX_FEE_HISTORY: u64 = 1024;
/// The most slots in one `eth_getProof`, as in geth.
const MAX_PROVED_SLOTS: usize = 1024;
/// The most percentiles in one `eth_feeHistory`, as in geth.
const MAX_PERCENTILES: usize = 100;

/// Returns the number of a block; `None` if the chain does not have it.
///
/// `pending`, `safe` and `finalized` are the latest block: every visible block is final.
pub(super) fn number(ledger: &Ledger, id: BlockId) -> Option<u64> {
    let head = ledger.head_number();
    match id {
        BlockId::Hash(hash) => ledger.number(hash.block_hash),
        BlockId::Number(BlockNumberOrTag::Number(number)) => (number <= head).then_some(number),
        BlockId::Number(BlockNumberOrTag::Earliest) => Some(0),
        BlockId::Number(
            BlockNumberOrTag::Latest
            | BlockNumberOrTag::Pending
            | BlockNumberOrTag::Safe
            | BlockNumberOrTag::Finalized,
        ) => Some(head),
    }
}

fn find(shared: &SharedChain, id: BlockId) -> Result<Option<Arc<Block>>, RpcError> {
    let number = number(&shared.ledger.read(), id);
    Ok(match number {
        Some(number) => shared.block(number)?,
        None => None,
    })
}

/// Returns the block on whose state a call runs.
pub(super) fn state_block(shared: &SharedChain, id: BlockId) -> Result<Arc<Block>, RpcError> {
    find(shared, id)?.ok_or_else(|| RpcError::no_block(id))
}

fn state_number(ledger: &Ledger, p: &Params<'_>, index: usize) -> Result<u64, RpcError> {
    let id: BlockId = p.opt(index, "block")?.unwrap_or_default();
    number(ledger, id).ok_or_else(|| RpcError::no_block(id))
}

pub(super) fn balance(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let address: Address = p.get(0, "address")?;
    let ledger = shared.ledger.read();
    let at = state_number(&ledger, p, 1)?;
    raw(&ledger.state.account(address, at).map_or(U256::ZERO, |account| account.balance))
}

pub(super) fn code(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let address: Address = p.get(0, "address")?;
    let ledger = shared.ledger.read();
    let at = state_number(&ledger, p, 1)?;
    let account = ledger.state.account(address, at);
    raw(&account.map_or_else(Bytes::new, |a| ledger.state.code(a.code_hash).original_bytes()))
}

pub(super) fn storage_at(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let address: Address = p.get(0, "address")?;
    let slot: JsonStorageKey = p.get(1, "slot")?;
    let ledger = shared.ledger.read();
    let at = state_number(&ledger, p, 2)?;
    let slot = U256::from_be_bytes(slot.as_b256().0);
    raw(&word(ledger.state.slot(address, slot, at)))
}

/// Returns an account and slots of it with the nodes that prove them (EIP-1186).
pub(super) fn proof(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let address: Address = p.get(0, "address")?;
    let keys: Vec<JsonStorageKey> = p.get(1, "storage keys")?;
    if keys.len() > MAX_PROVED_SLOTS {
        return Err(RpcError::limit(format!("at most {MAX_PROVED_SLOTS} storage keys")));
    }
    let slots: Vec<U256> = keys.iter().map(|key| U256::from_be_bytes(key.as_b256().0)).collect();
    let ledger = shared.ledger.read();
    let at = state_number(&ledger, p, 2)?;
    let proof = AccountProof::of(&ledger.state, at, address, &slots);
    let values = slots.iter().map(|slot| ledger.state.slot(address, *slot, at));
    let storage_proof = keys
        .into_iter()
        .zip(values)
        .zip(proof.slots)
        .map(|((key, value), proof)| EIP1186StorageProof { key, value, proof });
    raw(&EIP1186AccountProofResponse {
        address,
        balance: proof.account.balance,
        code_hash: proof.account.code_hash,
        nonce: proof.account.nonce,
        storage_hash: proof.account.storage_root,
        account_proof: proof.nodes,
        storage_proof: storage_proof.collect(),
    })
}

pub(super) fn transaction_count(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let address: Address = p.get(0, "address")?;
    let id: BlockId = p.opt(1, "block")?.unwrap_or_default();
    let ledger = shared.ledger.read();
    let at = number(&ledger, id).ok_or_else(|| RpcError::no_block(id))?;
    let nonce = ledger.state.account(address, at).map_or(0, |account| account.nonce);
    let nonce = match id.is_pending() {
        true => shared.pool.read().nonce_after(address, nonce),
        false => nonce,
    };
    raw(&U64::from(nonce))
}

pub(super) fn block(shared: &SharedChain, id: BlockId, full: bool) -> Answer {
    let Some(block) = find(shared, id)? else { return raw(&()) };
    let transactions = if full {
        let txs = (0..block.txs.len()).filter_map(|index| block.rpc_tx(index));
        BlockTransactions::Full(txs.collect())
    } else {
        BlockTransactions::Hashes(block.txs.iter().map(|tx| *tx.tx_hash()).collect())
    };
    let block: rpc::Block<rpc::Transaction> = rpc::Block::new(block.rpc_header(), transactions)
        .with_withdrawals(Some(Default::default()));
    raw(&block)
}

pub(super) fn block_transaction_count(shared: &SharedChain, id: BlockId) -> Answer {
    raw(&find(shared, id)?.map(|block| U64::from(block.txs.len())))
}

pub(super) fn transaction_by_index(shared: &SharedChain, id: BlockId, index: Index) -> Answer {
    raw(&find(shared, id)?.and_then(|block| block.rpc_tx(index.0)))
}

/// A block has no uncles: ommers ended with proof of work.
pub(super) fn uncle_count(shared: &SharedChain, id: BlockId) -> Answer {
    raw(&find(shared, id)?.map(|_| U64::ZERO))
}

/// Returns the encoded transaction of a block, or nothing where there is none.
pub(super) fn raw_transaction_by_index(shared: &SharedChain, id: BlockId, index: Index) -> Answer {
    let block = find(shared, id)?;
    let tx = block.as_ref().and_then(|block| block.txs.get(index.0));
    raw(&tx.map_or_else(Bytes::new, |tx| tx.encoded_2718().into()))
}

pub(super) fn block_receipts(shared: &SharedChain, id: BlockId) -> Answer {
    let receipts = find(shared, id)?.map(|block| {
        (0..block.txs.len()).filter_map(|index| block.rpc_receipt(index)).collect::<Vec<_>>()
    });
    raw(&receipts)
}

pub(super) fn transaction(shared: &SharedChain, hash: B256) -> Answer {
    let mined = shared.ledger.read().tx(hash);
    if let Some((number, index)) = mined {
        return raw(&shared.block(number)?.and_then(|block| block.rpc_tx(index)));
    }
    let waiting = shared.pool.read().by_hash(hash).map(|waiting| rpc::Transaction {
        inner: waiting.tx.clone(),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(waiting.tx.effective_gas_price(Some(BASE_FEE))),
        block_timestamp: None,
    });
    raw(&waiting)
}

/// Returns the encoded transaction, mined or waiting, or nothing where it is unknown.
pub(super) fn raw_transaction(shared: &SharedChain, hash: B256) -> Answer {
    let mined = shared.ledger.read().tx(hash);
    if let Some((number, index)) = mined {
        return raw_transaction_by_index(shared, BlockId::number(number), Index(index));
    }
    let pool = shared.pool.read();
    let waiting: Option<Bytes> = pool.by_hash(hash).map(|waiting| waiting.tx.encoded_2718().into());
    raw(&waiting.unwrap_or_default())
}

pub(super) fn receipt(shared: &SharedChain, hash: B256) -> Answer {
    let Some((number, index)) = shared.ledger.read().tx(hash) else { return raw(&()) };
    raw(&shared.block(number)?.and_then(|block| block.rpc_receipt(index)))
}

pub(super) fn fee_history(shared: &SharedChain, p: &Params<'_>) -> Answer {
    let count: U64 = p.get(0, "block count")?;
    let newest: BlockNumberOrTag = p.get(1, "newest block")?;
    let percentiles: Vec<f64> = p.opt(2, "reward percentiles")?.unwrap_or_default();
    let valid = percentiles.iter().all(|p| (0.0..=100.0).contains(p)) && percentiles.is_sorted();
    if !valid || percentiles.len() > MAX_PERCENTILES {
        return Err(RpcError::invalid_params(
            "invalid argument 2 (reward percentiles): at most 100, ascending, from 0 to 100",
        ));
    }
    let newest_id = BlockId::Number(newest);
    let known = number(&shared.ledger.read(), newest_id);
    let last = known.ok_or_else(|| RpcError::no_block(newest_id))?;
    let count = count.to::<u64>().min(MAX_FEE_HISTORY).min(last + 1);
    if count == 0 {
        return raw(&FeeHistory::default());
    }
    let mut history = FeeHistory { oldest_block: last + 1 - count, ..FeeHistory::default() };
    let mut rewards = Vec::new();
    for number in history.oldest_block..=last {
        let Some(block) = shared.block(number)? else { break };
        history.base_fee_per_gas.push(BASE_FEE.into());
        history.base_fee_per_blob_gas.push(1);
        history.blob_gas_used_ratio.push(0.0);
        let ratio = block.header.gas_used() as f64 / block.header.gas_limit() as f64;
        history.gas_used_ratio.push(ratio);
        rewards.push(reward_percentiles(&block, &percentiles));
    }
    // One more: the fee of the next block is known too.
    history.base_fee_per_gas.push(BASE_FEE.into());
    history.base_fee_per_blob_gas.push(1);
    history.reward = (!percentiles.is_empty()).then_some(rewards);
    raw(&history)
}

/// Returns the tips paid at the given percentiles of the block's gas.
fn reward_percentiles(block: &Block, percentiles: &[f64]) -> Vec<u128> {
    let paid = block.txs.iter().zip(&block.receipts);
    let mut tips: Vec<(u128, u64)> = paid
        .map(|(tx, receipt)| (tx.effective_tip_per_gas(BASE_FEE).unwrap_or(0), receipt.gas_used))
        .collect();
    tips.sort_unstable();
    let at = |percentile: f64| {
        let threshold = (block.header.gas_used() as f64 * percentile / 100.0) as u64;
        let mut sum = 0;
        let reached = tips.iter().find(|(_, gas)| {
            sum += gas;
            sum >= threshold
        });
        reached.or(tips.last()).map_or(0, |(tip, _)| *tip)
    };
    percentiles.iter().map(|percentile| at(*percentile)).collect()
}

#[cfg(test)]
mod tests {
    use alloy::consensus::Header;
    use alloy::consensus::Sealed;
    use alloy::consensus::SignableTransaction as _;
    use alloy::consensus::TxEip1559;
    use alloy::consensus::TxEnvelope;
    use alloy::consensus::transaction::Recovered;
    use alloy_primitives::Signature;

    use super::*;
    use crate::block::Receipt;

    /// Expected values by geth's rule: transactions ascend by tip, and the tip is that of the first
    /// whose gas, with the gas before it, reaches the percentile of the block's gas.
    #[test]
    fn a_percentile_of_the_gas_paid_at_most_its_tip() {
        let paid = [(3_u128, 100), (1, 200), (2, 700)];
        let tx = |tip| {
            let tx = TxEip1559 {
                max_fee_per_gas: 10,
                max_priority_fee_per_gas: tip,
                ..TxEip1559::default()
            };
            let signed = tx.into_signed(Signature::test_signature());
            Recovered::new_unchecked(TxEnvelope::from(signed), Address::ZERO)
        };
        let header = Header { gas_used: 1000, ..Header::default() };
        let block = Block {
            header: Sealed::new(header),
            txs: paid.iter().map(|(tip, _)| tx(*tip)).collect(),
            receipts: paid
                .iter()
                .map(|(_, gas)| Receipt::new(true, *gas, None, Vec::new()))
                .collect(),
        };
        let percentiles = [0.0, 20.0, 20.1, 90.0, 90.1, 100.0];
        assert_eq!(reward_percentiles(&block, &percentiles), [1, 1, 2, 2, 3, 3]);
        let empty =
            Block { header: Sealed::new(Header::default()), txs: Vec::new(), receipts: Vec::new() };
        assert_eq!(reward_percentiles(&empty, &[0.0, 50.0]), [0, 0]);
    }
}
