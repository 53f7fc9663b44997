//! The long-running parts of Koinon.
//!
//! The [`Agent`] is an operator's orchestrator: a service on chain in, running nodes out. Its loop
//! pins a block, exports, compiles, instantiates, selects the operator's slots, observes, plans,
//! applies, probes and reports. All it knows can be read again from the chain and from the
//! directories and locks of its nodes, so a kill at any moment loses nothing.
//!
//! | module | what |
//! |---|---|
//! | `agent` | the loop and its parts |
//! | `driver` | how nodes are realised: today as processes. New drivers go there |
//! | `service_at_block` | from the chain to the nodes that should run |
//! | `store` | the local artifact store |
//! | `lock`, `file` | locks that end with their process; files that are replaced as a whole |

mod agent;
mod driver;
mod file;
#[cfg(test)]
mod fixtures;
mod lock;
mod service_at_block;
mod store;

pub use agent::{Agent, AgentConfig, AgentError, OnExit, probe_once};
pub use driver::{DriverError, LaunchError, ProcessDriver, launch};
pub use file::write_atomically;
pub use lock::{acquire_lock, end_lock_holder, is_lock_held, lock_holder};
pub use service_at_block::{ServiceAtBlock, ServiceAtBlockError};
pub use store::{Store, StoreError};
