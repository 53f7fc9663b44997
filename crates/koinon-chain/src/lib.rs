//! The client of Koinon's contracts: create a service, publish, propose, vote, execute, export, deal, report, verify.
//!
//! In: a provider (HTTP, or an in-process transport) and a signer. Out: the model's types, checked. Everything read
//! is hostile until parsed: blobs against their hashes, objects against the canonical form, the order of a deal against
//! its seed. Left out on purpose: which EVM engine answers, YAML, what nodes run on.

mod client;
pub mod contracts;
mod create;
mod epoch;
mod error;
mod export;
mod operators;
mod proposal;
mod reports;
mod verify;
mod wire;

pub use client::{Chain, Contracts, Sent, View};
pub use create::{CreateSettings, Created, FoundService, find_services};
pub use epoch::{Beacon, EpochInfo};
pub use error::{ChainError, Revert};
pub use export::Head;
pub use operators::{Joining, OperatorInfo};
pub use proposal::{Proposal, ProposalState, Vote};
pub use reports::Status;
pub use verify::{Check, Verdict};
pub use wire::WireError;
