//! The words of Koinon as types: what every other crate speaks of, and nothing that does anything.
//!
//! In: bytes from a chain, a file or a peer, always parsed here before anybody uses them. Out: canonical bytes.
//! Left out on purpose: YAML and TOSCA (`koinon-tosca`), RPC (`koinon-chain`), IO of any kind, the clock.

mod allocation;
mod content;
mod id;
mod instance;
mod json;
mod merkle;
mod report;
pub mod representation;
mod service;
mod value;
mod writer;

pub use allocation::{Allocation, DealError, Filled, Member, NodeSet, Trace};
pub use content::{Ban, Change, Content, ContentError, Edit, Mode, Object, Permission};
pub use id::{Digest, Epoch, InvalidName, Module, Name, Revision, Slot, keccak256, sha256};
pub use instance::{Artifact, Instance, Node, Port, Probe, Protocol, Restart};
pub use json::{JsonError, Limits};
pub use merkle::commitment;
pub use report::{NodeState, Reason, Report};
pub use service::{Governance, OperatorTemplate, Service, SetTemplate};
pub use value::{Number, NumberError, Value};
pub use writer::JsonWriter;
