//! The client of Koinon's contracts: create a service, publish, propose, vote, execute, read the
//! content, deal, report, verify.
//!
//! In: a provider (HTTP, or an in-process transport) and a signer. Out: the model's types, checked.
//! Everything read is hostile until parsed: blobs against their hashes, objects against the
//! canonical form, the order of a deal against its seed. Left out on purpose: the EVM engine that
//! answers, YAML, the machines of nodes.
//!
//! | module | subject |
//! |---|---|
//! | `client`, `endpoint` | the connection: the nodes, their limits, what they must agree on |
//! | `account`, `send` | transactions: signatures, nonces, fees, receipts |
//! | `logs` | events, in ranges of blocks that a node answers |
//! | `contracts`, `registry` | the contracts of one service, found by name |
//! | `create`, `verify` | deploying a service, and proving that only its voters hold powers |
//! | `content`, `publish` | objects, parameters, node sets, bans, permissions |
//! | `draft`, `proposal`, `progress` | from a change to its execution |
//! | `settings`, `status` | the settings of a service, and its state as people see it |
//! | `operators`, `epoch`, `reports` | the operators, the deal of slots to them, the states of nodes |
//! | `wire` | conversion between the model's types and those of the contracts |
//! | `error`, `revert`, `text` | failures, in words that are safe to show |

mod account;
mod client;
mod content;
mod contracts;
mod create;
mod draft;
mod endpoint;
mod epoch;
mod error;
mod logs;
mod operators;
mod progress;
mod proposal;
mod publish;
mod registry;
mod reports;
mod revert;
mod send;
mod settings;
mod status;
mod text;
mod verify;
mod wire;

pub use account::Account;
pub use client::{Chain, Endpoints};
pub use content::Head;
pub use contracts::{Contracts, View};
pub use create::{CreateSettings, CreatedService, FoundService, find_services};
pub use draft::{Draft, Moves, Proposed, Shift};
pub use epoch::{EpochRecord, NextBeacon};
pub use error::ChainError;
pub use koinon_bindings as bindings;
pub use operators::{JoinApplication, JoinRequests, OperatorRecord};
pub use progress::ProposalStep;
pub use proposal::{Proposal, ProposalState, ProposalVotes, Vote};
pub use registry::{ModuleAddresses, ModuleName, ServiceContract};
pub use reports::SlotStatus;
pub use revert::Revert;
pub use send::SentTransaction;
pub use status::{NodeStatus, OperatorStatus, OverdueEpoch, ServiceStatus};
pub use verify::{Check, CheckResult};
pub use wire::WireError;
