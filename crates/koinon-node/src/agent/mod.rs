//! An operator's agent.
//!
//! | file | what |
//! |---|---|
//! | `reconcile` | the loop: head, desired, observe, plan, apply, probe, report |
//! | `running` | what should run and what runs, as representations, and the plan from one to the other |
//! | `apply` | does a plan's steps, as many at once as their needs allow |
//! | `process` | the process driver: directories, locks, processes of nodes |
//! | `launch` | what a node's process is before it becomes the node's program |
//! | `probe` | asks nodes how they are |
//! | `duties` | opens epochs and deals, when it is this operator's turn |
//!
//! What happens when an agent restarts: it takes its directory's lock, observes the nodes that are there by their
//! directories and locks (`process`), and plans from them to what the chain says (`reconcile`). There is no other
//! state that matters but the last revision it accepted, which it never goes below.

mod apply;
mod duties;
mod launch;
mod probe;
mod process;
mod reconcile;
mod running;

pub use launch::{LaunchError, launch};
pub use probe::probe_once;
pub use process::Processes;
pub use reconcile::{Agent, AgentConfig, AgentError, OnExit};
