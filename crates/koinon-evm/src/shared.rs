//! The state of an open chain that its producer writes and every request reads.

use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use parking_lot::Mutex;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::block::Block;
use crate::execute::ChainRules;
use crate::filters::Filters;
use crate::journal::BlockArchive;
use crate::journal::JournalError;
use crate::ledger::BlockSource;
use crate::ledger::Ledger;
use crate::pool::Pool;

/// The newest published block, and how many transactions were announced; watched by those who wait
/// for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChainHead {
    pub(crate) block: u64,
    pub(crate) announced: u64,
}

/// The ledger, the pool and the filters of an open chain. A task that locks both locks the ledger
/// first, then the pool.
#[derive(Debug)]
pub(crate) struct SharedChain {
    pub(crate) ledger: RwLock<Ledger>,
    pub(crate) pool: RwLock<Pool>,
    pub(crate) filters: Mutex<Filters>,
    pub(crate) head: watch::Sender<ChainHead>,
    pub(crate) rules: ChainRules,
    pub(crate) archive: Option<BlockArchive>,
    /// Accounts that the chain signs for.
    pub(crate) unlocked: Vec<PrivateKeySigner>,
    /// Held while a transaction of an unlocked account is made.
    pub(crate) sending: tokio::sync::Mutex<()>,
    /// Why the log cannot be written any more.
    pub(crate) failure: watch::Sender<Option<String>>,
}

impl SharedChain {
    /// Returns a block by number; `None` if there is none yet.
    pub(crate) fn block(&self, number: u64) -> Result<Option<Arc<Block>>, JournalError> {
        let found = self.ledger.read().find(number);
        match (found, &self.archive) {
            (Some(BlockSource::Memory(block)), _) => Ok(Some(block)),
            (Some(BlockSource::Disk(place)), Some(archive)) => {
                archive.read(place).map(|block| Some(Arc::new(block)))
            }
            (Some(BlockSource::Disk(_)), None) | (None, _) => Ok(None),
        }
    }
}
