//! An instance: the service with every slot filled in.

use std::collections::BTreeMap;

use crate::id::Epoch;
use crate::id::Revision;
use crate::id::Slot;
use crate::representation::ElementId;
use crate::representation::Representation;
use crate::value::Value;
use alloy_primitives::Address;

/// The service with every slot filled in: concrete nodes. Vacant slots have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// The service's name.
    pub service: String,
    /// The revision it was made from.
    pub revision: Revision,
    /// The epoch whose allocation fills it.
    pub epoch: Epoch,
    /// Nodes by slot.
    pub nodes: BTreeMap<Slot, Node>,
    /// The same as a graph: the nodes, with their operators' accounts, what they are related to, and all else that the
    /// service has. Plans are made between these.
    pub representation: Representation,
    /// Places in a group, by node set.
    pub sizes: BTreeMap<String, u32>,
}

/// A concrete node: nothing in it is left to choose but a port of 0, which its agent picks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
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
    pub artifacts: BTreeMap<String, Artifact>,
    /// Name of the artifact that is the node's program.
    pub program: String,
    /// Ports in the order of the template.
    pub ports: Vec<Port>,
    /// How its health is probed.
    pub probe: Probe,
    /// What happens when its process ends by itself.
    pub restart: Restart,
}

/// A content-addressed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The artifact's type.
    pub artifact_type: String,
    /// The IPFS CID, version 1 in base32.
    pub cid: String,
    /// Its name in the node's working directory.
    pub file_name: String,
    /// Size in bytes, if declared; a file of another size is refused.
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

/// What happens when a node's process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// It is started again, ever later up to a limit.
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

    /// Returns the id of whatever fills a slot. A slot the service does not have, or has no more, has one of its own.
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
