//! The types that all other crates share. They hold values and do nothing else.
//!
//! In: bytes from a chain, a file or a peer, which are parsed here before they are used. Out:
//! canonical bytes. Left out on purpose: YAML and TOSCA (`koinon-tosca`), RPC (`koinon-chain`), IO
//! of any kind, the clock.
//!
//! | module | types |
//! |---|---|
//! | `id` | names, hashes and numbers that identify things |
//! | `value`, `json`, `writer` | values and their canonical JSON |
//! | `service` | a compiled service |
//! | `content`, `merkle` | what a service holds on chain, and its commitment |
//! | `allocation` | node sets and the deal of their slots |
//! | [`representation`] | the graph of a service, and its JSON |
//! | `instance`, `report` | an agent's nodes, and their states |
//! | `text` | harmful characters |

mod allocation;
mod content;
mod id;
mod instance;
mod json;
mod merkle;
mod report;
pub mod representation;
mod service;
mod text;
mod value;
mod writer;

pub use allocation::{
    Allocation, DealError, DealMember, DealTrace, NodeSet, SetTemplate, SlotAssignment,
};
pub use content::{
    Ban, Content, ContentChange, ContentError, Object, ObjectEdit, Permission, UpdateMode,
};
pub use id::{Digest, Epoch, InvalidName, Module, Name, Revision, Slot, keccak256, sha256};
pub use instance::{
    AssignedArtifact, AssignedNode, Instance, Port, Probe, Protocol, RestartPolicy,
};
pub use json::{JsonError, JsonLimits};
pub use merkle::commitment;
pub use report::{NodeState, Report, ReportReason};
pub use service::{Governance, OperatorTemplate, Service};
pub use text::is_harmful;
pub use value::{Number, NumberError, Value};
pub use writer::JsonWriter;
