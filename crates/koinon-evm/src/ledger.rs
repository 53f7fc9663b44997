//! Everything that is true of the chain up to its last durable block: state, blocks and indexes.

use std::{collections::VecDeque, sync::Arc};

use alloy::consensus::Header;
use alloy_primitives::{B256, map::HashMap};

use crate::{
    block::Block,
    journal::Place,
    logs::LogIndex,
    state::{State, StateDiff},
};

/// Decoded blocks kept in memory, by encoded size, when they can be read back from disk.
const RECENT_BYTES: usize = 128 << 20;

/// Hashes of accepted transactions kept for `eth_newPendingTransactionFilter`.
const ANNOUNCED: usize = 8192;

/// The published chain. The producer replaces it block by block; everyone else reads.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) state: State,
    pub(crate) logs: LogIndex,
    /// The header of block 0.
    pub(crate) genesis: Option<Header>,
    hashes: Vec<B256>,
    places: Vec<Option<Place>>,
    numbers: HashMap<B256, u64>,
    txs: HashMap<B256, (u64, usize)>,
    recent: VecDeque<(Arc<Block>, usize)>,
    recent_bytes: usize,
    announced: VecDeque<B256>,
    announced_end: u64,
}

/// Where to find a block.
#[derive(Debug)]
pub(crate) enum Found {
    /// In memory.
    Here(Arc<Block>),
    /// In the log.
    OnDisk(Place),
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
    /// Checks that a block read back continues the chain.
    pub(crate) fn check(&self, block: &Block, diff: &StateDiff) -> Result<(), BrokenChain> {
        let number = block.number();
        let broken = |what| Err(BrokenChain { number, what });
        if number != self.hashes.len() as u64 {
            return broken("its number is not the next one");
        }
        let (parent_hash, parent_root) = match self.recent.back() {
            Some((head, _)) => (head.hash(), head.header.state_root),
            None => (B256::ZERO, B256::ZERO),
        };
        if block.header.parent_hash != parent_hash {
            return broken("its parent hash differs");
        }
        if block.header.state_root != diff.commitment(parent_root) {
            return broken("its state commitment differs");
        }
        Ok(())
    }

    /// Adds a durable block.
    pub(crate) fn apply(
        &mut self,
        block: Arc<Block>,
        diff: &StateDiff,
        place: Option<Place>,
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
        while self.recent_bytes > RECENT_BYTES && self.recent.len() > 1 {
            if let Some((_, len)) = self.recent.pop_front() {
                self.recent_bytes -= len;
            }
        }
    }

    /// The last block. A ledger is published only with its genesis in it.
    pub(crate) fn head(&self) -> Arc<Block> {
        let (head, _) = self.recent.back().expect("a published ledger has a genesis block");
        Arc::clone(head)
    }

    pub(crate) fn head_number(&self) -> u64 {
        (self.hashes.len() as u64).saturating_sub(1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(crate) fn find(&self, number: u64) -> Option<Found> {
        let index = usize::try_from(number).ok()?;
        let place = self.places.get(index)?;
        let first_recent = self.hashes.len() - self.recent.len();
        if let Some(recent) = index.checked_sub(first_recent) {
            return self.recent.get(recent).map(|(block, _)| Found::Here(Arc::clone(block)));
        }
        place.map(Found::OnDisk)
    }

    pub(crate) fn hash(&self, number: u64) -> Option<B256> {
        self.hashes.get(usize::try_from(number).ok()?).copied()
    }

    pub(crate) fn number(&self, hash: B256) -> Option<u64> {
        self.numbers.get(&hash).copied()
    }

    /// Block number and position of a transaction.
    pub(crate) fn tx(&self, hash: B256) -> Option<(u64, usize)> {
        self.txs.get(&hash).copied()
    }

    /// Notes an accepted transaction.
    pub(crate) fn announce(&mut self, hash: B256) {
        self.announced.push_back(hash);
        self.announced_end += 1;
        if self.announced.len() > ANNOUNCED {
            self.announced.pop_front();
        }
    }

    pub(crate) fn announced_end(&self) -> u64 {
        self.announced_end
    }

    /// Accepted transactions since a position in their sequence, as far back as they are kept.
    pub(crate) fn announced_since(&self, from: u64) -> Vec<B256> {
        let first = self.announced_end - self.announced.len() as u64;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        self.announced.iter().skip(skip).copied().collect()
    }
}
