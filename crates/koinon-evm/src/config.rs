//! Settings of a chain: its identity, its genesis balances and when it makes blocks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;
use alloy_primitives::U256;

/// The default chain id, common for private networks of geth and ganache.
pub const DEFAULT_CHAIN_ID: u64 = 1337;

/// The default gas limit of a block: that of the public network in 2026.
pub const DEFAULT_BLOCK_GAS_LIMIT: u64 = 60_000_000;

/// Settings of one chain, read once when it is opened.
///
/// `chain_id`, `accounts`, `genesis_timestamp` and `block_gas_limit` are written into the genesis
/// of a new chain. An existing directory keeps its own: see [`crate::ChainOpenError::Genesis`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of the chain's files, created if absent. `None` keeps the chain in memory only.
    pub dir: Option<PathBuf>,
    /// Chain id of EIP-155.
    pub chain_id: u64,
    /// Balances at genesis, in wei.
    pub accounts: BTreeMap<Address, U256>,
    /// Accounts whose keys the chain holds: it signs for whoever asks (`eth_sendTransaction`).
    pub unlocked: Vec<PrivateKeySigner>,
    /// The longest time between two blocks; an empty block is made if need be.
    pub block_interval: Option<Duration>,
    /// Whether a block is made as soon as a transaction can run.
    pub mine_on_demand: bool,
    /// Gas a block may use.
    pub block_gas_limit: u64,
    /// The account that receives priority fees, which the COINBASE opcode returns.
    pub beneficiary: Address,
    /// The source of block timestamps.
    pub clock: Clock,
}

impl Default for Config {
    /// A chain in memory, mining on demand, with nobody funded.
    fn default() -> Self {
        Self {
            dir: None,
            chain_id: DEFAULT_CHAIN_ID,
            accounts: BTreeMap::new(),
            unlocked: Vec::new(),
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
    /// Seconds since the epoch, set by the holder of the other end.
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
