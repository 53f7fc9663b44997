//! The representation graph of a service, which a resolver makes from a template (TOSCA 2.0 section
//! 4.2.2).
//!
//! Plain data with one canonical JSON: keys are sorted, empty values are left out, there are no
//! floats and no times, and ids are hashes. Strings are in NFC, as [`Value::string`] makes them.
//! Equal names share one allocation (`Arc<str>`); equal attributes, capabilities and interfaces of
//! different elements may.
//!
//! The JSON has equal capabilities, equal interfaces and equal attributes of nodes and
//! relationships once: `shared` lists them in the order of their first use, and elements have a
//! position in that list, from 0: `"capabilities":{"host":3}` is `.shared.capabilities[3]`. The
//! reader also accepts values written in place.

mod entries;
mod read;
mod shared;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;
use alloy_primitives::Keccak256;
pub use entries::Entries;
pub use read::RepresentationError;

use crate::id::Digest;
use crate::id::sha256;
use crate::value::Value;

/// The version of the representation's JSON. The reader also accepts version 1, which has no
/// `shared`.
pub const FORMAT: u32 = 2;

/// A service with everything resolved: its nodes, their relationships, groups, policies and
/// outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Representation {
    /// The service's name. A substituting service is called `SERVICE/TEMPLATE/INDEX` after the
    /// node it substitutes, so that its elements get different ids.
    pub service: Arc<str>,
    /// The files it was made from, in the order they were read.
    pub sources: Vec<SourceFile>,
    /// Values of the template's inputs, defaults included.
    pub inputs: BTreeMap<Arc<str>, Value>,
    /// The seed of the choices that the template leaves to chance.
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
    /// The services that substitute nodes with the directive `substitute`.
    pub substitutions: BTreeMap<ElementId, Self>,
    /// Mandatory requirements that no node fulfils; a service with any cannot be deployed.
    pub unresolved: Vec<Unresolved>,
}

/// The id of a node or a relationship. It is the same in every version of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub B256);

/// A file that the representation was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, URI or profile name, as the author or an import named it.
    pub path: Arc<str>,
    /// The SHA-256 of its bytes.
    pub digest: Digest,
}

/// A position in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file's place among [`Representation::sources`].
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A known value, or the expression that will give it. Terms may share their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Evaluated.
    Known(Arc<Value>),
    /// A TOSCA 2.0 expression over attributes that only running nodes have. A path in it is
    /// resolved: the first argument of `$get_attribute` is an element's id, as in `{$get_attribute:
    /// ["0x…", private_address]}`.
    Pending(Arc<Value>),
}

/// The value of a property or an attribute, and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The value.
    pub value: Term,
    /// The position of the value, or of the default it comes from. It is never a difference
    /// between two elements.
    pub origin: Option<Origin>,
}

/// Properties or attributes by name.
pub type Properties = Entries<Property>;

/// Interfaces by name.
pub type Interfaces = Entries<Arc<Interface>>;

/// A node representation, or a reference to one of another service.
///
/// A reference comes from the directive `select`, or from a requirement that a node outside of the
/// service fulfils. It has the id it has in its own service, by which it is recognised, the
/// directive `select`, and the values it had when it was selected, but no interfaces and no
/// artifacts. Its template is the local name, or `SERVICE/TEMPLATE` if it has none. If a service
/// selects a node under several names, the first name counts.
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
    /// Attributes that have a value before any node runs.
    pub attributes: Arc<Properties>,
    /// Capabilities by name.
    pub capabilities: Entries<Arc<Capability>>,
    /// Artifacts by name.
    pub artifacts: Entries<Arc<Artifact>>,
    /// Interfaces with an operation that does something.
    pub interfaces: Interfaces,
    /// The name or account of the operator that runs it; `None` if no particular operator does.
    pub operator: Option<Arc<str>>,
}

/// A capability of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The full name of its type.
    pub capability_type: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes that have a value before any node runs.
    pub attributes: Properties,
    /// The remaining capacity of properties that relationships allocate from (section 8.5.5).
    pub remaining: Entries<Value>,
    /// The node of the substituting service, and its capability, that the capability is mapped to
    /// (section 15.4).
    pub inner: Option<(ElementId, Arc<str>)>,
}

/// A file that goes with a node or implements an operation (section 12.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The full name of its type.
    pub artifact_type: Arc<str>,
    /// Its URI, or its path relative to the source that names it.
    pub file: Arc<str>,
    /// The URL of its repository.
    pub repository: Option<Arc<str>>,
    /// The version its author gave it.
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
    /// Operations that do something, by name.
    pub operations: BTreeMap<Arc<str>, Operation>,
    /// Notifications by name; they have no inputs.
    pub notifications: BTreeMap<Arc<str>, Operation>,
}

/// An operation or a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Inputs by name.
    pub inputs: BTreeMap<Arc<str>, Term>,
    /// The attributes that store its outputs, by output.
    pub outputs: BTreeMap<Arc<str>, AttributePath>,
    /// Its implementation; `None` if it has none.
    pub implementation: Option<Implementation>,
    /// The workflow of the substituting service that does it instead (section 15.6): one of
    /// [`Representation::workflows`] of the representation nested under the node.
    pub workflow: Option<Arc<str>>,
}

/// The path of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath {
    /// The node or relationship; `None` is the element of the operation.
    pub element: Option<ElementId>,
    /// The capability of the node, if it is the capability's attribute.
    pub capability: Option<Arc<str>>,
    /// The attribute's name.
    pub attribute: Arc<str>,
    /// Keys and positions in its value.
    pub path: Vec<Value>,
}

/// The implementation of an operation (section 11.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Implementation {
    /// The artifact that is run.
    pub primary: Option<Arc<Artifact>>,
    /// Artifacts that it needs.
    pub dependencies: Vec<Arc<Artifact>>,
    /// Seconds it may take.
    pub timeout: Option<u64>,
    /// The host it runs on (`operation_host` of TOSCA 1.3).
    pub host: Option<Arc<str>>,
}

/// A relationship representation: a requirement of a node, fulfilled by a capability of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// [`ElementId::relationship`] of the source, requirement and index.
    pub id: ElementId,
    /// The requirement's name.
    pub requirement: Arc<str>,
    /// Its number among the source's relationships of that requirement, from 0
    /// (`$relationship_index`).
    pub index: u32,
    /// The full name of its type.
    pub relationship_type: Arc<str>,
    /// The node with the requirement.
    pub source: ElementId,
    /// The node that fulfils the requirement: a node of this representation or of one around it,
    /// or a reference to a node of another service.
    pub target: ElementId,
    /// The target's capability.
    pub capability: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes that have a value before any node runs.
    pub attributes: Arc<Properties>,
    /// Interfaces with an operation that does something.
    pub interfaces: Interfaces,
    /// Its share of the capability's properties (`allocation`).
    pub allocation: Entries<Value>,
    /// The choice of the target.
    pub choice: Choice,
}

/// The choice of a relationship's target among its candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Why this candidate was chosen.
    pub why: ChoiceReason,
    /// The candidates that were considered until the target was found; `None` if it was the only
    /// one.
    pub candidates: Option<Candidates>,
    /// The seed that decided, if chance did.
    pub seed: Option<B256>,
}

/// The nodes that were considered for a relationship, including its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// Their number; at least two.
    pub count: u32,
    /// The Keccak-256 of their ids, in the order they were considered.
    pub digest: Digest,
}

/// Why a candidate was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChoiceReason {
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
    /// A substitution mapping forwards the requirement.
    Mapping,
    /// An allocation that was made elsewhere decided, such as the deal of an epoch.
    Allocation,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The full name of its type.
    pub group_type: Arc<str>,
    /// Properties.
    pub properties: Properties,
    /// Attributes that have a value before any node runs.
    pub attributes: Properties,
    /// The members' ids, ascending.
    pub members: Vec<ElementId>,
}

/// A policy and whether the representation obeys it.
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
    pub verdict: PolicyVerdict,
}

/// Whether a representation obeys a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyVerdict {
    /// It does.
    Holds,
    /// It does not, and why.
    Broken(String),
    /// Only running nodes, or another system, can decide it.
    Open,
}

/// A requirement that no node fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The node with the requirement.
    pub source: ElementId,
    /// The requirement's name.
    pub requirement: Arc<str>,
    /// Its number among those of the name, from 0.
    pub index: u32,
    /// Why no node does.
    pub reason: String,
}

/// The findings on every candidate of some requirements. The trace is for people and is not part of
/// the representation. It is made only for requirements that were asked for, as a trace of all is
/// quadratic in size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolveTrace {
    /// Candidates in the order they were considered, by [`ElementId::relationship`], which exists
    /// for unresolved requirements too.
    pub requirements: BTreeMap<ElementId, Vec<Candidate>>,
}

/// A node that was considered for a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: ElementId,
    /// The capability that was considered; `None` if the node has none of the type.
    pub capability: Option<Arc<str>>,
    /// Why it was chosen, passed over or rejected.
    pub finding: Finding,
}

/// Why a candidate was chosen, passed over or rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is the target.
    Chosen(ChoiceReason),
    /// It fits, but another candidate was preferred.
    Passed,
    /// Its node or capability does not have the required type.
    TypeMismatch {
        /// The type the requirement asks for.
        expected: Arc<str>,
        /// The candidate's type.
        found: Arc<str>,
    },
    /// The capability does not accept sources of this type (`valid_source_node_types`).
    SourceRefused {
        /// The source's type.
        found: Arc<str>,
    },
    /// The requirement's node filter is false for it.
    FilterFalse {
        /// The clause that is false.
        clause: Value,
        /// The position of the clause.
        origin: Option<Origin>,
    },
    /// A property has too little capacity left to allocate from.
    NoCapacity {
        /// The capability's property.
        property: Arc<str>,
        /// How much is needed.
        needed: Value,
        /// How much is left.
        left: Value,
    },
    /// The same source already has a relationship to it for the same requirement.
    Used,
}

impl ElementId {
    /// Hashes the place of a node.
    pub fn node(service: &str, template: &str, index: u32) -> Self {
        hash(b"koinon.node.1", &[service.as_bytes(), template.as_bytes(), &index.to_be_bytes()])
    }

    /// Hashes the place of a relationship, or of a requirement without one.
    pub fn relationship(source: Self, requirement: &str, index: u32) -> Self {
        let fields = [source.0.as_slice(), requirement.as_bytes(), &index.to_be_bytes()];
        hash(b"koinon.relationship.1", &fields)
    }
}

/// Hashes a domain and fields, each after its length, so that different fields are different bytes.
fn hash(domain: &[u8], fields: &[&[u8]]) -> ElementId {
    let mut hasher = Keccak256::new();
    hasher.update(domain);
    for field in fields {
        hasher.update((field.len() as u32).to_be_bytes());
        hasher.update(field);
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
    /// Makes candidates from ids in the order they were considered; `None` if there are fewer than
    /// two.
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

impl ChoiceReason {
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
    /// Returns whether the type `found` is `expected` or derives from it.
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
