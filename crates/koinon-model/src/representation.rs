//! The representation graph of a service: what a resolver makes of a template (TOSCA 2.0 section 4.2.2).
//!
//! Plain data with one canonical JSON: keys sorted, nothing written that is empty, no floats, no clock, ids by hashing.
//! Strings are in NFC, as [`Value::string`] makes them. Names that repeat share one allocation (`Arc<str>`), and so
//! may attributes, capabilities and interfaces of different elements that are equal.
//!
//! In the JSON, equal capabilities, equal interfaces and equal attributes of nodes and relationships are one: `shared` lists
//! each once, in the order they are first met, and elements have the place in its list, from 0:
//! `"capabilities":{"host":3}` is `.shared.capabilities[3]`. Read are values at their own places as well.

mod entries;
mod read;
mod shared;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;
use alloy_primitives::Keccak256;

use crate::id::Digest;
use crate::id::sha256;
use crate::value::Value;

pub use entries::Entries;
pub use read::RepresentationError;

/// The version of the representation's JSON. Version 1, which is read as well, shares nothing.
pub const FORMAT: u32 = 2;

/// A service with everything resolved: nodes, the relationships between them, and what goes with both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Representation {
    /// The service's name. A substituting service is called `SERVICE/TEMPLATE/INDEX` after the node it stands for, so
    /// that its elements have ids of their own.
    pub service: Arc<str>,
    /// The files it was made from, in the order they were read.
    pub sources: Vec<Source>,
    /// Values of the template's inputs, defaults included.
    pub inputs: BTreeMap<Arc<str>, Value>,
    /// What decided where the template leaves a choice to chance.
    pub seed: Option<B256>,
    /// Every type that is named, with its ancestors, parent first.
    pub types: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// The nodes by template and index.
    pub nodes: Vec<Node>,
    /// The relationships by their source's place among the nodes, requirement and index.
    pub relationships: Vec<Relationship>,
    /// Groups by name.
    pub groups: BTreeMap<Arc<str>, Group>,
    /// Policies in the order of the template, which is the order they apply in (section 6.9.8).
    pub policies: Vec<Policy>,
    /// Outputs by name.
    pub outputs: BTreeMap<Arc<str>, Term>,
    /// Imperative workflows by name, as they are written, types and targets resolved.
    pub workflows: BTreeMap<Arc<str>, Value>,
    /// The services that stand for nodes with the directive `substitute`.
    pub substitutions: BTreeMap<ElementId, Self>,
    /// Mandatory requirements that nothing fulfils; a service with any cannot be deployed.
    pub unresolved: Vec<Unresolved>,
}

/// Names a node or a relationship of a representation: the same for the same place in every version of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub B256);

/// A file that took part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, URI or profile name, as the author or an import named it.
    pub path: Arc<str>,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
}

/// A place in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file's place among [`Representation::sources`].
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A value that is known, or the expression that will tell it. Whoever made it may share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Evaluated.
    Known(Arc<Value>),
    /// A TOSCA 2.0 expression over attributes that only running nodes have. A path in it is resolved: the first
    /// argument of `$get_attribute` is an element's id, as in `{$get_attribute: ["0x…", private_address]}`.
    Pending(Arc<Value>),
}

/// The value of a property or an attribute, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The value.
    pub value: Term,
    /// Where it, or the default it comes from, was written. It never makes an element differ from another.
    pub origin: Option<Origin>,
}

/// Properties or attributes by name.
pub type Properties = Entries<Property>;

/// Interfaces by name.
pub type Interfaces = Entries<Arc<Interface>>;

/// A node representation, or a reference to one of another service.
///
/// A reference is what the directive `select` gives, or a requirement that nodes outside of the service fulfil: it has
/// the id it has in its own service, which is how one tells, the directive `select`, and values as they were when it
/// was selected, but nothing to do: no interfaces and no artifacts. Its template is the local name, or
/// `SERVICE/TEMPLATE` if it has none. If a service selects a node under several names, the first is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// [`ElementId::node`] of the service, template and index.
    pub id: ElementId,
    /// The node template.
    pub template: Arc<str>,
    /// Its number among all nodes of the template, from 0 (`$node_index`).
    pub index: u32,
    /// The full name of its type.
    pub node_type: Arc<str>,
    /// The template's directives, in order.
    pub directives: Vec<Arc<str>>,
    /// Properties.
    pub properties: Properties,
    /// Attributes, as far as they have a value before anything runs.
    pub attributes: Arc<Properties>,
    /// Capabilities by name.
    pub capabilities: Entries<Arc<Capability>>,
    /// Artifacts by name.
    pub artifacts: Entries<Arc<Artifact>>,
    /// Interfaces that have an operation which does something.
    pub interfaces: Interfaces,
    /// Who runs it: the name or account of an operator; `None` where nobody in particular does.
    pub operator: Option<Arc<str>>,
}

/// A capability of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The full name of its type.
    pub capability_type: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes, as far as they have a value before anything runs.
    pub attributes: Properties,
    /// What relationships have left of the properties they allocate from (section 8.5.5).
    pub remaining: Entries<Value>,
    /// The node of the substituting service, and its capability, that stand for it (section 15.4).
    pub inner: Option<(ElementId, Arc<str>)>,
}

/// A file that goes with a node or implements an operation (section 12.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The full name of its type.
    pub artifact_type: Arc<str>,
    /// Where it is: a URI, or a path relative to the source that names it.
    pub file: Arc<str>,
    /// The URL of the repository it is in.
    pub repository: Option<Arc<str>>,
    /// Its version.
    pub version: Option<Arc<str>>,
    /// The algorithm and the checksum, if declared.
    pub checksum: Option<(Arc<str>, Arc<str>)>,
    /// Properties.
    pub properties: BTreeMap<Arc<str>, Term>,
}

/// An interface of a node or relationship. Its own inputs are inputs of every operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The full name of its type.
    pub interface_type: Arc<str>,
    /// Operations by name, those that do something.
    pub operations: BTreeMap<Arc<str>, Operation>,
    /// Notifications by name; they have no inputs.
    pub notifications: BTreeMap<Arc<str>, Operation>,
}

/// An operation or a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Inputs by name.
    pub inputs: BTreeMap<Arc<str>, Term>,
    /// The attributes its outputs are stored in, by output.
    pub outputs: BTreeMap<Arc<str>, AttributePath>,
    /// What does it.
    pub implementation: Option<Implementation>,
    /// The workflow of the substituting service that does it instead (section 15.6): one of
    /// [`Representation::workflows`] of the representation that is nested under the node.
    pub workflow: Option<Arc<str>>,
}

/// Where an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The node or relationship; `None` is the one the operation belongs to.
    pub element: Option<ElementId>,
    /// The capability of the node, if it is the capability's attribute.
    pub capability: Option<Arc<str>>,
    /// The attribute.
    pub attribute: Arc<str>,
    /// Keys and positions inside its value.
    pub path: Vec<Value>,
}

/// How an operation is done (section 11.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Implementation {
    /// What is run.
    pub primary: Option<Arc<Artifact>>,
    /// What has to be there for it.
    pub dependencies: Vec<Arc<Artifact>>,
    /// Seconds it may take.
    pub timeout: Option<u64>,
    /// Where it runs (`operation_host` of TOSCA 1.3).
    pub host: Option<Arc<str>>,
}

/// A relationship representation: one requirement of a node, fulfilled by a capability of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// [`ElementId::relationship`] of the source, requirement and index.
    pub id: ElementId,
    /// The requirement's name.
    pub requirement: Arc<str>,
    /// Its number among the source's relationships of that requirement, from 0 (`$relationship_index`).
    pub index: u32,
    /// The full name of its type.
    pub relationship_type: Arc<str>,
    /// The node that requires.
    pub source: ElementId,
    /// The node that fulfils: one of this representation, of one it is nested in, or of another service, which has a
    /// reference among the nodes then.
    pub target: ElementId,
    /// The target's capability.
    pub capability: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes, as far as they have a value before anything runs.
    pub attributes: Arc<Properties>,
    /// Interfaces that have an operation which does something.
    pub interfaces: Interfaces,
    /// What it takes of the capability's properties (`allocation`).
    pub allocation: Entries<Value>,
    /// How the target was chosen.
    pub choice: Choice,
}

/// How a relationship's target was chosen among its candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Why this one.
    pub why: Why,
    /// The nodes that were considered until it was found, unless it was the only one.
    pub candidates: Option<Candidates>,
    /// What decided, if chance did.
    pub seed: Option<B256>,
}

/// The nodes that were considered for a relationship, its target among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// How many; two at least.
    pub count: u32,
    /// The Keccak-256 of their ids, in the order they were considered.
    pub digest: Digest,
}

/// Why a candidate was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The template names the node.
    Named,
    /// It was the only candidate.
    Only,
    /// It was the first in the order of templates and indices.
    First,
    /// The index of the source decides: matched pairs, full mesh.
    Index,
    /// The seed decided.
    Seed,
    /// A substitution mapping hands the requirement on.
    Mapping,
    /// An allocation that was made elsewhere says so, such as the deal of an epoch.
    Allocation,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The full name of its type.
    pub group_type: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes, as far as they have a value before anything runs.
    pub attributes: Properties,
    /// The members' ids, ascending.
    pub members: Vec<ElementId>,
}

/// A policy and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// The full name of its type.
    pub policy_type: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// The nodes it applies to, members of groups included, ascending.
    pub targets: Vec<ElementId>,
    /// Triggers by name, as they are written, targets resolved.
    pub triggers: BTreeMap<Arc<str>, Value>,
    /// Whether the representation obeys it.
    pub verdict: Verdict,
}

/// Whether a representation obeys a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Holds,
    /// It does not, and why.
    Broken(String),
    /// Only running nodes can tell, or another system.
    Open,
}

/// A requirement that nothing fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The node that requires.
    pub source: ElementId,
    /// The requirement's name.
    pub requirement: Arc<str>,
    /// Its number among those of the name, from 0.
    pub index: u32,
    /// Why nothing does.
    pub reason: String,
}

/// What was thought of every candidate of a requirement; it is for people and no part of the representation. A trace
/// of everything is quadratic, so it is made for the requirements somebody asks about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Candidates in the order they were considered, by [`ElementId::relationship`], which also names requirements
    /// that stayed unresolved.
    pub requirements: BTreeMap<ElementId, Vec<Candidate>>,
}

/// A node that was considered for a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: ElementId,
    /// The capability that was considered; `None` if it has none of the type.
    pub capability: Option<Arc<str>>,
    /// What came of it.
    pub finding: Finding,
}

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is the target.
    Chosen(Why),
    /// It would do, but another was preferred.
    Passed,
    /// Its node or capability type is not the required one.
    TypeMismatch {
        /// The type the requirement asks for.
        expected: Arc<str>,
        /// The type it has.
        found: Arc<str>,
    },
    /// The capability does not take sources of this type (`valid_source_node_types`).
    SourceRefused {
        /// The source's type.
        found: Arc<str>,
    },
    /// The requirement's node filter is false for it.
    FilterFalse {
        /// The clause that is false.
        clause: Value,
        /// Where the clause was written.
        origin: Option<Origin>,
    },
    /// Too little of a property is left to allocate from.
    NoCapacity {
        /// The capability's property.
        property: Arc<str>,
        /// How much is needed.
        needed: Value,
        /// How much is left.
        left: Value,
    },
    /// The same source is related to it by the same requirement already.
    Used,
}

impl ElementId {
    /// Names a node.
    pub fn node(service: &str, template: &str, index: u32) -> Self {
        hash(b"koinon.node.1", &[service.as_bytes(), template.as_bytes(), &index.to_be_bytes()])
    }

    /// Names a relationship, or the requirement that waits for one.
    pub fn relationship(source: Self, requirement: &str, index: u32) -> Self {
        let parts = [source.0.as_slice(), requirement.as_bytes(), &index.to_be_bytes()];
        hash(b"koinon.relationship.1", &parts)
    }
}

/// Hashes a domain and parts, each after its length, so that no two lists of parts are the same bytes.
fn hash(domain: &[u8], parts: &[&[u8]]) -> ElementId {
    let mut hasher = Keccak256::new();
    hasher.update(domain);
    for part in parts {
        hasher.update((part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    ElementId(hasher.finalize())
}

impl fmt::Display for ElementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&format_args!("{:#x}", self.0), f)
    }
}

impl Term {
    /// Returns the value, if it is known.
    pub fn known(&self) -> Option<&Value> {
        match self {
            Self::Known(value) => Some(value),
            Self::Pending(_) => None,
        }
    }
}

impl Property {
    /// Makes a known value without an origin.
    pub fn known(value: Value) -> Self {
        Self { value: Term::Known(Arc::new(value)), origin: None }
    }
}

impl Candidates {
    /// Makes the candidates of ids, which come in the order they were considered; `None` if there is one at most.
    pub fn of(ids: impl ExactSizeIterator<Item = ElementId>) -> Option<Self> {
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if count < 2 {
            return None;
        }
        let mut hasher = Keccak256::new();
        ids.for_each(|id| hasher.update(id.0));
        Some(Self { count, digest: hasher.finalize() })
    }
}

impl Why {
    /// All reasons.
    const ALL: [Self; 7] = [
        Self::Named,
        Self::Only,
        Self::First,
        Self::Index,
        Self::Seed,
        Self::Mapping,
        Self::Allocation,
    ];

    /// Returns the word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Only => "only",
            Self::First => "first",
            Self::Index => "index",
            Self::Seed => "seed",
            Self::Mapping => "mapping",
            Self::Allocation => "allocation",
        }
    }
}

impl Representation {
    /// Returns whether a type is another or derives from it.
    pub fn is_a(&self, found: &str, expected: &str) -> bool {
        let ancestors = self.types.get(found).map_or(&[][..], Vec::as_slice);
        found == expected || ancestors.iter().any(|ancestor| &**ancestor == expected)
    }

    /// Finds a node by template and index, in logarithmic time.
    pub fn node(&self, template: &str, index: u32) -> Option<&Node> {
        let key = |node: &Node| (&*node.template, node.index).cmp(&(template, index));
        let at = self.nodes.binary_search_by(key).ok()?;
        self.nodes.get(at)
    }

    /// Returns the SHA-256 of the canonical JSON.
    pub fn digest(&self) -> Digest {
        sha256(self.to_json().as_bytes())
    }
}
