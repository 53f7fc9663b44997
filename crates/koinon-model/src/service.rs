//! A compiled service.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde::Serialize;

use crate::allocation::SetTemplate;
use crate::content::Ban;
use crate::content::Permission;
use crate::id::Module;
use crate::id::Name;
use crate::value::Value;

/// The infrastructure of one decentralised application, compiled: the canonical document and the
/// facts that follow from it.
///
/// All values were checked against their types. Expressions that depend on a node's index stay
/// expressions; `koinon-tosca` evaluates them when it instantiates the service.
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
    /// The rules of its votes.
    pub governance: Governance,
}

/// An operator the template declares. It becomes an operator when its account joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorTemplate {
    /// The name it joins with, such as `alice@myDapp`.
    pub name: String,
    /// The stake it is expected to bring.
    pub stake: u64,
    /// Its certificate in PEM, if declared.
    pub certificate: Option<String>,
}

/// The rules of votes on changes.
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
    /// Stake that a proposer needs.
    pub proposal_threshold: u64,
    /// Blocks between the request to withdraw stake and its payment.
    pub unbonding: u64,
}
