//! A compiled service.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::allocation::NodeSet;
use crate::content::Ban;
use crate::content::Permission;
use crate::id::Module;
use crate::id::Name;
use crate::value::Value;

/// One decentralised application's infrastructure, compiled: the canonical document and what follows from it.
///
/// Everything here was checked against its types. Expressions that depend on a node's index are still expressions;
/// `koinon-tosca` evaluates them when it instantiates the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The canonical TOSCA document, with the inputs' values as their defaults.
    pub document: Value,
    /// The name: metadata `template_name` of the document.
    pub name: String,
    /// Values of all inputs that have one.
    pub inputs: BTreeMap<String, Value>,
    /// Integer inputs: the parameters contracts read.
    pub parameters: BTreeMap<Name, i64>,
    /// Operators the template declares, by name of their node template.
    pub operators: BTreeMap<String, OperatorTemplate>,
    /// Node sets in the order of their names.
    pub sets: Vec<SetTemplate>,
    /// Bans its policies declare.
    pub bans: BTreeSet<Ban>,
    /// Update modes its policies declare.
    pub permissions: BTreeMap<Module, Permission>,
    /// How it is governed.
    pub governance: Governance,
}

/// An operator the template declares. It becomes one when its account joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorTemplate {
    /// The name it joins with, such as `alice@myDapp`.
    pub name: String,
    /// The stake it is expected to bring.
    pub stake: u64,
    /// Its certificate in PEM, if declared.
    pub certificate: Option<String>,
}

/// A node set: the node template that fills it, and the inputs that say how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetTemplate {
    /// Name of the node template.
    pub name: Name,
    /// The parameter that holds the number of groups.
    pub groups: Name,
    /// The parameter that holds the places per group.
    pub size: Name,
}

impl SetTemplate {
    /// Returns the set in numbers; `None` if a parameter is missing or no natural number of 32 bits.
    pub fn resolve(&self, parameters: &BTreeMap<Name, i64>) -> Option<NodeSet> {
        let number =
            |name: &Name| parameters.get(name).and_then(|value| u32::try_from(*value).ok());
        Some(NodeSet {
            name: self.name.clone(),
            groups: number(&self.groups)?,
            size: number(&self.size)?,
        })
    }
}

/// How changes are voted on. Lengths of the vote are in blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Governance {
    /// Blocks between a proposal and the start of its vote.
    pub voting_delay: u64,
    /// Blocks a vote lasts.
    pub voting_period: u64,
    /// Seconds between a vote won and its execution.
    pub timelock: u64,
    /// Percent of all stake that must take part.
    pub quorum: u8,
    /// Stake one needs to propose.
    pub proposal_threshold: u64,
    /// Blocks between giving up stake and getting it back.
    pub unbonding: u64,
}
