//! The long-running parts of Koinon.
//!
//! The [`Agent`] is an operator's orchestrator: desired revision in, running nodes out. Its loop pins a block, exports,
//! compiles, instantiates, takes its own slots, observes, plans, applies, probes, reports, and waits. Whatever it knows it
//! can find again: from the chain, and from the directories and locks of its nodes. A kill at any moment loses nothing.

mod agent;
mod desired;
mod file;
mod store;

pub use agent::{
    Agent, AgentConfig, AgentError, LaunchError, OnExit, Processes, launch, probe_once,
};
pub use desired::{Desired, DesiredError, desired};
pub use file::{end_holder, hold, holder, is_held, write_whole};
pub use store::{Store, StoreError};
