//! The embedded chain: an EVM chain in this process, durable on disk, spoken to in JSON-RPC.
//!
//! [`EmbeddedChain::open`] starts it, [`EmbeddedChain::transport`] gives an alloy transport to it,
//! and [`EmbeddedChain::serve`] offers the same methods over HTTP and WebSocket to any Ethereum
//! client. revm executes; this crate adds blocks, receipts, logs, storage and the pool. It knows
//! nothing of the contracts on it.
//!
//! It is one process with one owner of the file, without consensus, peers or reorganisations:
//! right for a laptop, a test or one operator's trial. A network with several parties that do not
//! trust each other needs a real one; the same client code runs there.
//!
//! # What is like a public network
//!
//! The rules are Osaka's, with its limits on: contract size (EIP-170), creation code (EIP-3860),
//! 16,777,216 gas per transaction (EIP-7825). Legacy, EIP-2930, EIP-1559 and EIP-7702 transactions
//! are accepted; blob transactions are rejected. Header hashes, state, transaction and receipt
//! roots and logs blooms are real, BLOCKHASH answers for the last 256 blocks, and the base fee
//! fields are there.
//!
//! # What is not
//!
//! - The base fee is always 1 wei, and so is the suggested gas price; tips are paid if offered.
//!   Transactions run in order of arrival, not of price.
//! - PREVRANDAO is a hash of the parent block: predictable, so not random.
//! - Timestamps never decrease, but blocks made within a second share one.
//! - The system contracts of EIP-2935, EIP-4788, EIP-7002 and EIP-7251 are absent.
//! - `pending`, `safe` and `finalized` mean the latest block, except for the nonce, where
//!   `pending` counts waiting transactions.
//! - There are no `evm_`, `anvil_` or `txpool_` methods, of `debug_` only traces, and no filters in
//!   the in-process transport other than polled ones.
//!
//! # Durability
//!
//! A hash returned by `eth_sendRawTransaction` is an acknowledgement, and is given only when the
//! transaction is on disk: with its block if it can run at once, else, if it waits for a nonce or
//! for the next interval, in the log as a waiting transaction, which is taken up again after a
//! restart. Nothing is visible before it is durable. One block is one write and one `fdatasync`;
//! submissions that arrive during a sync share the next block.
//!
//! Storage is one append-only log of checksummed frames, rather than a key-value store: all state
//! is kept in memory anyway, so a store would be written for every slot and read only at start,
//! while the log is written once per block and replayed. A torn tail is cut off (and kept aside), a
//! log with any other damage is not opened, and a lock keeps a second process out. Memory grows
//! with history: every past value of every slot stays readable, so calls work at any past block.

#![forbid(unsafe_code)]

mod block;
mod chain;
mod config;
mod dev;
mod execute;
mod filters;
mod journal;
mod ledger;
mod logs;
mod pool;
mod producer;
mod rpc;
mod server;
mod session;
mod shared;
mod simulate;
mod state;
mod transport;
mod trie;

pub use chain::{ChainOpenError, EmbeddedChain};
pub use config::{Clock, Config, DEFAULT_BLOCK_GAS_LIMIT, DEFAULT_CHAIN_ID};
pub use dev::{DEV_CHAIN_ID, DEV_FUNDS, dev_accounts};
pub use journal::JournalError;
pub use ledger::BrokenChain;
pub use rpc::RpcError;
pub use server::Origins;
pub use transport::EmbeddedTransport;
