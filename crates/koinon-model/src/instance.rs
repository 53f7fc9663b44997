//! The instance: a service with every slot filled in.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::id::Epoch;
use crate::id::Revision;
use crate::id::Slot;
use crate::representation::ElementId;
use crate::representation::Representation;
use crate::value::Value;

/// A service with every slot filled in by a concrete node. Vacant slots have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// The service's name.
    pub service: String,
    /// The revision it was made from.
    pub revision: Revision,
    /// The epoch whose allocation fills it.
    pub epoch: Epoch,
    /// Nodes by slot.
    pub nodes: BTreeMap<Slot, AssignedNode>,
    /// The graph of the service with these nodes, their operators' accounts and their
    /// relationships. Plans are made between two of these.
    pub representation: Representation,
    /// Places per group, by node set.
    pub sizes: BTreeMap<String, u32>,
}

/// A concrete node. Its agent picks a free port for each port of 0; everything else is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedNode {
    /// Its id in the representation.
    pub element: ElementId,
    /// Its node template.
    pub template: String,
    /// The type of the template.
    pub node_type: String,
    /// Its number among all nodes of the template, from 0 (`$node_index`).
    pub index: u64,
    /// The operator's account.
    pub operator: Address,
    /// The operator's name.
    pub operator_name: String,
    /// Properties, evaluated.
    pub properties: BTreeMap<String, Value>,
    /// Environment of its process.
    pub environment: BTreeMap<String, String>,
    /// Arguments of its program.
    pub arguments: Vec<String>,
    /// Artifacts by name.
    pub artifacts: BTreeMap<String, AssignedArtifact>,
    /// Name of the artifact that is the node's program.
    pub program: String,
    /// Ports in the order of the template.
    pub ports: Vec<Port>,
    /// The probe of its health.
    pub probe: Probe,
    /// Whether it is started again when its process ends by itself.
    pub restart: RestartPolicy,
}

/// A content-addressed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignedArtifact {
    /// The artifact's type.
    pub artifact_type: String,
    /// The IPFS CID, version 1 in base32.
    pub cid: String,
    /// Its name in the node's working directory.
    pub file_name: String,
    /// Size in bytes, if declared; an agent rejects a file of a different size.
    pub size: Option<u64>,
}

/// A port a node listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The name the node knows it by.
    pub name: String,
    /// The port inside the node's own network, where it has one.
    pub target: u16,
    /// The port others reach it at; 0 lets the agent pick a free one.
    pub published: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An HTTP health probe: GET of a path, answered with 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The port's name.
    pub port: String,
    /// The path, such as `/health`.
    pub path: String,
    /// Milliseconds an answer may take.
    pub timeout: u64,
}

/// Whether a node is started again when its process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// It is started again, with growing delays up to a limit.
    Always,
    /// It stays stopped.
    Never,
}

impl Instance {
    /// Keeps the nodes of one operator only; the representation stays whole.
    #[must_use]
    pub fn slice(mut self, operator: Address) -> Self {
        self.nodes.retain(|_, node| node.operator == operator);
        self
    }

    /// Returns the id of the node in a slot. A slot that the service does not have, or no longer
    /// has, gets an id from the slot's name.
    pub fn element(&self, slot: &Slot) -> ElementId {
        let set = slot.set.as_str();
        let place = self
            .sizes
            .get(set)
            .filter(|size| slot.place < **size)
            .and_then(|size| slot.group.checked_mul(*size)?.checked_add(slot.place));
        let service = &self.representation.service;
        match place {
            Some(index) => ElementId::node(service, set, index),
            None => ElementId::node(service, &slot.to_string(), 0),
        }
    }
}
