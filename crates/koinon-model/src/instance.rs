//! An instance: the service with every slot filled in.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::Serialize;

use crate::id::Digest;
use crate::id::Epoch;
use crate::id::Revision;
use crate::id::Slot;
use crate::id::keccak256;
use crate::value::Value;

/// The service with every slot filled in: concrete nodes. Vacant slots have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// The service's name.
    pub service: String,
    /// The revision it was made from.
    pub revision: Revision,
    /// The epoch whose allocation fills it.
    pub epoch: Epoch,
    /// Nodes by slot.
    pub nodes: BTreeMap<Slot, Node>,
}

/// A concrete node: nothing in it is left to choose but a port of 0, which its agent picks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An HTTP health probe: GET of a path, answered with 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The port's name.
    pub port: String,
    /// The path, such as `/health`.
    pub path: String,
    /// Milliseconds an answer may take.
    pub timeout: u64,
}

/// What happens when a node's process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// It is started again, ever later up to a limit.
    Always,
    /// It stays stopped.
    Never,
}

impl Node {
    /// Returns the digest of everything that makes it need a new process when it changes.
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a node has string keys only and no floats");
        keccak256(&json)
    }
}

impl Instance {
    /// Keeps the nodes of one operator only.
    #[must_use]
    pub fn slice(mut self, operator: Address) -> Self {
        self.nodes.retain(|_, node| node.operator == operator);
        self
    }
}
