//! What a chain is made of: its identity, its genesis balances and when it makes blocks.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, U256};

/// The chain id used when none is given: the one geth's and ganache's private networks made common.
pub const DEFAULT_CHAIN_ID: u64 = 1337;

/// Gas a block may use when nothing else is said: the limit of the public network in 2026.
pub const DEFAULT_BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Settings of one chain, read once when it is opened.
///
/// `chain_id`, `accounts`, `genesis_timestamp` and `block_gas_limit` are written into the genesis
/// of a new chain. An existing directory keeps its own: see [`crate::OpenError::Genesis`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of the chain's files, made if absent. `None` keeps the chain in memory only.
    pub dir: Option<PathBuf>,
    /// Chain id of EIP-155.
    pub chain_id: u64,
    /// Balances at genesis, in wei.
    pub accounts: BTreeMap<Address, U256>,
    /// Makes a block at least this often, even an empty one.
    pub block_interval: Option<Duration>,
    /// Makes a block as soon as a transaction can run.
    pub mine_on_demand: bool,
    /// Gas a block may use.
    pub block_gas_limit: u64,
    /// Receives the priority fees and is what the COINBASE opcode answers.
    pub beneficiary: Address,
    /// Where block timestamps come from.
    pub clock: Clock,
}

impl Default for Config {
    /// A chain in memory, mining on demand, with nobody funded.
    fn default() -> Self {
        Self {
            dir: None,
            chain_id: DEFAULT_CHAIN_ID,
            accounts: BTreeMap::new(),
            block_interval: None,
            mine_on_demand: true,
            block_gas_limit: DEFAULT_BLOCK_GAS_LIMIT,
            beneficiary: Address::ZERO,
            clock: Clock::System,
        }
    }
}

/// A source of block timestamps.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's clock.
    System,
    /// Seconds since the epoch, moved by whoever holds the other end.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Seconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        match self {
            // A clock set before 1970 gives 0; blocks then repeat their parent's timestamp.
            Self::System => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
            }
            Self::Manual(seconds) => seconds.load(Ordering::Relaxed),
        }
    }
}
