//! Drivers: how nodes are realised on this machine.
//!
//! A driver makes a [`TargetNode`] run and observes what runs. There is one, [`ProcessDriver`]:
//! a node is a process. Containers or virtual machines become further files of this folder.
//!
//! | file | what |
//! |---|---|
//! | `process` | the process driver |
//! | `node_dir` | a node's directory: the names of its files, and `node.json` |
//! | `launch` | a node's process before it becomes the node's program |
//!
//! A further driver provides these functions, which the agent calls:
//!
//! | function | contract |
//! |---|---|
//! | `observe` | returns all nodes that exist, by slot: the digest each was started with, and whether it lives. It reads the machine and no list: after a crash only what exists counts |
//! | `started_as` | returns the representation a node was started from, to plan from; `None` if that is lost |
//! | `fetch` | checks that an artifact is available, before the node it replaces is stopped |
//! | `start` | starts a node unless it lives. A kill of the agent at any moment must not lead to a second start |
//! | `stop`, `remove` | end a node, and delete its files but its logs. Both are idempotent |
//! | `endpoint` | returns the address of a node's port, to probe and to report |
//! | `pid` | returns what identifies one run of a node: an answer to a probe counts only if this is the same before and after it |
//!
//! It is registered in three places. `AgentConfig::driver` (`agent/reconcile.rs`, filled in by
//! `koinon agent`) becomes an enum of the drivers; a trait is not needed. `set_state` and `fetch`
//! in `agent/apply.rs` list the states and files a driver supports, and reject the rest with
//! [`DriverError::Unsupported`]. Which node types become nodes, and with which fields, is decided
//! in `koinon_tosca::instantiate`; `PLACEHOLDER_TYPE` in `agent/own_nodes.rs` names the type that
//! runs as a process.
//!
//! Drivers do not know the agent.

mod launch;
mod node_dir;
mod process;

pub use launch::{LaunchError, launch};
pub use process::{DriverError, ProcessDriver};

use koinon_model::AssignedNode;
use koinon_model::Digest;

/// A node that should run.
#[derive(Clone, Debug)]
pub(crate) struct TargetNode {
    pub(crate) node: AssignedNode,
    /// JSON of the node's own representation, without the places in source files.
    pub(crate) representation: String,
    /// Hash of `representation`: a running node with the same digest is left alone.
    pub(crate) digest: Digest,
}

/// A node that exists on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObservedNode {
    /// [`TargetNode::digest`] of the node it was started as.
    pub(crate) digest: Digest,
    /// Whether its process lives.
    pub(crate) alive: bool,
}
