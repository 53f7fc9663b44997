//! The chain up to its last durable block: state, blocks and indexes.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::consensus::Header;
use alloy_primitives::B256;
use alloy_primitives::map::HashMap;

use crate::block::Block;
use crate::journal::BlockLocation;
use crate::logs::LogIndex;
use crate::state::State;
use crate::state::StateDiff;

/// The most bytes of decoded blocks kept in memory, by encoded size, if the log has them too.
const MAX_RECENT_BYTES: usize = 128 << 20;

/// The most hashes of accepted transactions kept for `eth_newPendingTransactionFilter`.
const MAX_ANNOUNCED: usize = 8192;

/// The published chain. The producer extends it block by block; all others read it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) state: State,
    pub(crate) logs: LogIndex,
    /// The header of block 0.
    pub(crate) genesis: Option<Header>,
    hashes: Vec<B256>,
    places: Vec<Option<BlockLocation>>,
    numbers: HashMap<B256, u64>,
    txs: HashMap<B256, (u64, usize)>,
    recent: VecDeque<(Arc<Block>, usize)>,
    recent_bytes: usize,
    announced: VecDeque<B256>,
    announced_end: u64,
}

/// Where to find a block.
#[derive(Debug)]
pub(crate) enum BlockSource {
    /// In memory.
    Memory(Arc<Block>),
    /// In the log.
    Disk(BlockLocation),
}

/// A block that does not continue the chain it is in.
#[derive(Debug, thiserror::Error)]
#[error("block {number} does not follow its predecessor: {what}")]
pub struct BrokenChain {
    /// The block that does not fit.
    pub number: u64,
    /// Which link is broken.
    pub what: &'static str,
}

impl Ledger {
    /// Checks that a block from the log continues the chain, given the state root that its changes
    /// lead to.
    pub(crate) fn check(&self, block: &Block, state_root: B256) -> Result<(), BrokenChain> {
        let number = block.number();
        let broken = |what| Err(BrokenChain { number, what });
        if number != self.hashes.len() as u64 {
            return broken("its number is not the next one");
        }
        let parent_hash = self.recent.back().map_or(B256::ZERO, |(head, _)| head.hash());
        if block.header.parent_hash != parent_hash {
            return broken("its parent hash differs");
        }
        if block.header.state_root != state_root {
            return broken("its state root differs");
        }
        Ok(())
    }

    /// Adds a durable block.
    pub(crate) fn apply(
        &mut self,
        block: Arc<Block>,
        diff: &StateDiff,
        place: Option<BlockLocation>,
        len: usize,
    ) -> Result<(), BrokenChain> {
        let number = block.number();
        let bad_code = |_| BrokenChain { number, what: "its code is invalid" };
        self.state.apply(number, diff).map_err(bad_code)?;
        self.logs.add(&block);
        if number == 0 {
            self.genesis = Some(block.header.inner().clone());
        }
        self.hashes.push(block.hash());
        self.places.push(place);
        self.numbers.insert(block.hash(), number);
        for (index, tx) in block.txs.iter().enumerate() {
            self.txs.insert(*tx.tx_hash(), (number, index));
        }
        self.recent.push_back((block, len));
        self.recent_bytes += len;
        if place.is_some() {
            self.forget_old_blocks();
        }
        Ok(())
    }

    fn forget_old_blocks(&mut self) {
        while self.recent_bytes > MAX_RECENT_BYTES && self.recent.len() > 1 {
            if let Some((_, len)) = self.recent.pop_front() {
                self.recent_bytes -= len;
            }
        }
    }

    /// Returns the last block. A ledger is published only with its genesis in it.
    pub(crate) fn head(&self) -> Arc<Block> {
        let (head, _) = self.recent.back().expect("BUG: a published ledger has a genesis block");
        Arc::clone(head)
    }

    pub(crate) fn head_number(&self) -> u64 {
        (self.hashes.len() as u64).saturating_sub(1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(crate) fn find(&self, number: u64) -> Option<BlockSource> {
        let index = usize::try_from(number).ok()?;
        let place = self.places.get(index)?;
        let first_recent = self.hashes.len() - self.recent.len();
        if let Some(recent) = index.checked_sub(first_recent) {
            return self
                .recent
                .get(recent)
                .map(|(block, _)| BlockSource::Memory(Arc::clone(block)));
        }
        place.map(BlockSource::Disk)
    }

    pub(crate) fn hash(&self, number: u64) -> Option<B256> {
        self.hashes.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn number(&self, hash: B256) -> Option<u64> {
        self.numbers.get(&hash).copied()
    }

    /// Returns the block number and position of a transaction.
    pub(crate) fn tx(&self, hash: B256) -> Option<(u64, usize)> {
        self.txs.get(&hash).copied()
    }

    /// Records an accepted transaction.
    pub(crate) fn announce(&mut self, hash: B256) {
        self.announced.push_back(hash);
        self.announced_end += 1;
        if self.announced.len() > MAX_ANNOUNCED {
            self.announced.pop_front();
        }
    }

    pub(crate) fn announced_end(&self) -> u64 {
        self.announced_end
    }

    /// Returns the accepted transactions since a position in their sequence, as far back as kept.
    pub(crate) fn announced_since(&self, from: u64) -> Vec<B256> {
        let first = self.announced_end - self.announced.len() as u64;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        self.announced.iter().skip(skip).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use alloy::consensus::Sealed;
    use alloy_primitives::U256;

    use super::*;

    fn block(number: u64, parent_hash: B256, state_root: B256) -> Block {
        let header = Header { number, parent_hash, state_root, ..Header::default() };
        let header = Sealed::new(header);
        Block { header, txs: Vec::new(), receipts: Vec::new() }
    }

    #[test]
    fn only_a_block_that_continues_the_chain_is_accepted() {
        let (diff, wrong) = (StateDiff::default(), B256::repeat_byte(1));
        let mut ledger = Ledger::default();
        let mut parent_hash = B256::ZERO;
        for number in 0..3_u64 {
            let root = B256::with_last_byte(number as u8);
            let cases = [
                (number + 1, parent_hash, root, "its number is not the next one"),
                (number.wrapping_sub(1), parent_hash, root, "its number is not the next one"),
                (number, wrong, root, "its parent hash differs"),
                (number, parent_hash, wrong, "its state root differs"),
            ];
            for (number, parent_hash, claimed, what) in cases {
                let broken = ledger.check(&block(number, parent_hash, claimed), root).unwrap_err();
                assert_eq!((broken.number, broken.what), (number, what));
            }
            let next = block(number, parent_hash, root);
            ledger.check(&next, root).unwrap();
            parent_hash = next.hash();
            ledger.apply(Arc::new(next), &diff, None, 1).unwrap();
        }
    }

    #[test]
    fn old_blocks_are_forgotten_once_the_newest_fill_the_memory() {
        let mut ledger = Ledger::default();
        let mut parent_hash = B256::ZERO;
        for (number, len) in [1, MAX_RECENT_BYTES / 2, MAX_RECENT_BYTES / 2].into_iter().enumerate()
        {
            let next = block(number as u64, parent_hash, B256::ZERO);
            parent_hash = next.hash();
            let place = Some(BlockLocation::default());
            ledger.apply(Arc::new(next), &StateDiff::default(), place, len).unwrap();
        }
        // The two that fill it exactly are kept.
        assert!(matches!(ledger.find(0), Some(BlockSource::Disk(_))));
        for number in [1, 2] {
            assert!(matches!(ledger.find(number), Some(BlockSource::Memory(_))), "{number}");
        }
        // The newest stays, however large it is.
        let next = block(3, parent_hash, B256::ZERO);
        let huge = 2 * MAX_RECENT_BYTES;
        let place = Some(BlockLocation::default());
        ledger.apply(Arc::new(next), &StateDiff::default(), place, huge).unwrap();
        assert!(matches!(ledger.find(2), Some(BlockSource::Disk(_))));
        assert!(matches!(ledger.find(3), Some(BlockSource::Memory(_))));
        assert!(ledger.find(4).is_none());
    }

    #[test]
    fn blocks_without_a_place_in_a_file_stay_in_memory() {
        let mut ledger = Ledger::default();
        for number in 0..3 {
            let next = block(number, B256::ZERO, B256::ZERO);
            ledger.apply(Arc::new(next), &StateDiff::default(), None, MAX_RECENT_BYTES).unwrap();
        }
        assert!((0..3).all(|n| matches!(ledger.find(n), Some(BlockSource::Memory(_)))));
    }

    #[test]
    fn accepted_transactions_are_told_from_any_position_that_is_kept() {
        let mut ledger = Ledger::default();
        let hash = |index: usize| B256::from(U256::from(index));
        let all = MAX_ANNOUNCED + 2;
        for index in 0..all {
            ledger.announce(hash(index));
        }
        assert_eq!(ledger.announced_end(), all as u64);
        assert_eq!(ledger.announced_since(all as u64), [] as [B256; 0]);
        assert_eq!(ledger.announced_since(all as u64 - 2), [hash(all - 2), hash(all - 1)]);
        let kept = ledger.announced_since(0);
        assert_eq!((kept.len(), kept[0]), (MAX_ANNOUNCED, hash(2)));
        assert_eq!(ledger.announced_since(u64::MAX), [] as [B256; 0]);
    }
}
