//! An operator's agent.
//!
//! | file | what |
//! |---|---|
//! | `reconcile` | the loop: read the chain, observe, plan, apply, probe, report |
//! | `own_nodes` | the operator's nodes as they should be and as they are, and the plan from one to the other |
//! | `apply` | executes a plan's steps, as many at once as their needs allow |
//! | `health` | the state of each node, from its starts, exits and probes |
//! | `probe` | sends health probes to nodes |
//! | `reports` | which states are reported |
//! | `chain_task` | transactions sent in the background |
//! | `duties` | opens and deals epochs when it is this operator's turn |
//!
//! Nodes are run and observed by the driver (`driver`), which does not know the agent.
//!
//! When an agent restarts, it acquires its directory's lock, observes the nodes that exist, and
//! plans from them to the service on chain. Besides that it keeps one fact: the last revision it
//! accepted, below which it never goes.

mod apply;
mod chain_task;
mod duties;
mod health;
mod own_nodes;
mod probe;
mod reconcile;
mod reports;

pub use probe::probe_once;
pub use reconcile::{Agent, AgentConfig, AgentError, OnExit};
