//! Weaving rules: what is done with an element of which type, and in which order (TOSCA 2.0 section 4.4, last clause).
//!
//! Rules are data of a profile, `weaving.yaml` beside its types. This is a whole file:
//!
//! ```yaml
//! format: 1
//! # Names without a profile in this file are types of this profile.
//! profile: org.example.base:1.0
//! # If one of these elements is deleted, whether that comes before any creation (section 4.4), or only before those
//! # that touch it.
//! deletions_first: true
//! # What a call has that says nothing else: seconds, further tries, and stop, continue or undo.
//! defaults: { timeout: 600, retries: 1, on_failure: stop }
//! # Which relationships make one node wait for another, and where: a point of the one waits for a point of the other.
//! # The first entry whose type a relationship has decides; `*` is any type. Without `create` or `delete` nothing waits.
//! dependencies:
//! - types: [ HostedOn ]
//!   create: { source: begin, waits_for: end }
//!   delete: { target: begin, waits_for: end }
//!   # A source is made anew if its target is.
//!   replaces_source: true
//! # What becomes of nodes; the entry of the type nearest to the node's in its chain of ancestors decides.
//! nodes:
//! - types: [ Root ]
//!   # The interfaces that are called, by type, however they are named there; `*` is any.
//!   interfaces: [ Lifecycle ]
//!   # The state of a node nothing was done to.
//!   initial: initial
//!   # The node's artifacts that are fetched, by type, before anything is done with it, and before what it replaces goes;
//!   # `*` is any.
//!   fetch: [ Image ]
//!   # Differences that are not modified in place: the node is deleted and created. Paths as in a plan's changes.
//!   replace: [ type, properties.image ]
//!   create:
//!   # Sets the state. `if` and `unless` say of which operations the node must implement any, or none.
//!   - { set: creating, if: [ create ] }
//!   # Calls an operation, if the node implements it; others take it back.
//!   - { call: create, undo: [ delete ], timeout: 60, retries: 3, on_failure: undo }
//!   - { set: started }
//!   modify:
//!   - { call: configure, undo: [ configure ] }
//!   delete:
//!   - { call: delete, undo: [ create ] }
//! # What becomes of relationships. Here entries do not wait for each other; `after` and `before` tie them to points of
//! # their ends, or of themselves. `at` says which end's operator acts.
//! relationships:
//! - types: [ "*" ]
//!   interfaces: [ Configure ]
//!   create:
//!   - { call: add_source, at: target, after: { source: started, target: started }, before: { source: end } }
//! # Where artifact types keep what a plan says of a file.
//! artifacts:
//! - { types: [ Image ], cid: cid, size: bytes }
//! ```
//!
//! A **point** is the name of a state that is set or an operation that is called, whether it is or not, or `begin` or
//! `end`. A point is passed when the entry of that name is done, and everything before it. Of several points `after` waits
//! for the last there is, and the first there is comes after `before`. Where an end of a relationship has none of them,
//! because its rules do not or nothing is done with it, `after` is after its `begin`, and `before` before its `end`.

mod parse;

use std::collections::HashMap;
use std::sync::Arc;

use koinon_model::representation::Representation;

pub use parse::RulesError;

/// Weaving rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) nodes: Vec<Lifecycle>,
    pub(crate) relationships: Vec<Lifecycle>,
    pub(crate) artifacts: Vec<ArtifactRule>,
}

/// Which node waits for which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) create: Option<Wait>,
    pub(crate) delete: Option<Wait>,
    pub(crate) replaces_source: bool,
}

/// A point of the waiting node, and the point of the other it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) waiting: Arc<str>,
    pub(crate) waits_for: Arc<str>,
}

/// What becomes of elements of some types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// Whether every deletion comes before any creation, if one of these elements is deleted.
    pub(crate) deletions_first: bool,
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) interfaces: Vec<Arc<str>>,
    pub(crate) initial: Option<Arc<str>>,
    /// Types of the node's artifacts that are fetched before anything is done with it.
    pub(crate) fetch: Vec<Arc<str>>,
    pub(crate) replace: Vec<Arc<str>>,
    pub(crate) create: Vec<Entry>,
    pub(crate) modify: Vec<Entry>,
    pub(crate) delete: Vec<Entry>,
}

/// One thing to do with an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) act: Act,
    /// It is done only if the element implements one of these operations; empty is always.
    pub(crate) only_if: Vec<Arc<str>>,
    /// It is not done if the element implements one of these.
    pub(crate) unless: Vec<Arc<str>>,
    /// Whose operator acts.
    pub(crate) at: End,
    /// Points of the ends it comes after.
    pub(crate) after: Vec<(End, Vec<Arc<str>>)>,
    /// Points of the ends it comes before.
    pub(crate) before: Vec<(End, Vec<Arc<str>>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Set { state: Arc<str> },
    Call { operation: Arc<str>, undo: Vec<Arc<str>>, terms: Terms },
}

/// Under which terms an operation is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Seconds it may take, if its implementation does not say.
    pub timeout: u64,
    /// How often it is tried again.
    pub retries: u32,
    /// What happens if it failed every time.
    pub on_failure: OnFailure,
}

/// What happens when a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// What needs it is not done; all else is.
    Stop,
    /// What needs it is done nevertheless.
    Continue,
    /// What was done is taken back.
    Undo,
}

/// An element seen from a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Itself,
    Source,
    Target,
}

/// The properties in which artifacts of some types keep their CID and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArtifactRule {
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) cid: Option<Arc<str>>,
    pub(crate) size: Option<Arc<str>>,
}

impl OnFailure {
    /// Returns the word used in rules and plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Continue => "continue",
            Self::Undo => "undo",
        }
    }
}

impl Entry {
    /// The name of the point that is passed when the entry is done.
    pub(crate) fn point(&self) -> &Arc<str> {
        match &self.act {
            Act::Set { state } => state,
            Act::Call { operation, .. } => operation,
        }
    }
}

impl Rules {
    /// Adds the rules of a further profile. Where both speak of a type, these come first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.dependencies.extend(other.dependencies);
        self.nodes.extend(other.nodes);
        self.relationships.extend(other.relationships);
        self.artifacts.extend(other.artifacts);
        self
    }
}

/// Any type.
pub(crate) const ANY: &str = "*";

/// Which rule applies to a type, found once per type.
#[derive(Debug)]
pub(crate) struct ByType<'a, R> {
    rules: &'a [R],
    types: fn(&R) -> &[Arc<str>],
    known: HashMap<Arc<str>, Option<usize>>,
    /// The last types that were asked for, by their allocation: types repeat, and share it.
    recent: Vec<(Arc<str>, Option<usize>)>,
}

/// How many types are found without hashing: more than the types of most services would be slower to go through.
const RECENT: usize = 8;

impl<'a, R> ByType<'a, R> {
    pub(crate) fn new(rules: &'a [R], types: fn(&R) -> &[Arc<str>]) -> Self {
        Self { rules, types, known: HashMap::new(), recent: Vec::new() }
    }

    /// Returns the rule of the nearest ancestor that has one, or the one for any type, and its place.
    pub(crate) fn find(
        &mut self,
        graph: &Representation,
        name: &Arc<str>,
    ) -> Option<(usize, &'a R)> {
        if self.rules.is_empty() {
            return None;
        }
        let recent = self.recent.iter().find(|(recent, _)| Arc::ptr_eq(recent, name));
        if let Some((_, known)) = recent {
            return known.map(|at| (at, &self.rules[at]));
        }
        let at = self.look_up(graph, name);
        if self.recent.len() < RECENT {
            self.recent.push((Arc::clone(name), at));
        }
        at.map(|at| (at, &self.rules[at]))
    }

    fn look_up(&mut self, graph: &Representation, name: &Arc<str>) -> Option<usize> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let ancestors = graph.types.get(name).map_or(&[][..], Vec::as_slice);
        let chain = std::iter::once(&**name).chain(ancestors.iter().map(|name| &**name));
        let at = chain.chain([ANY]).find_map(|wanted| {
            self.rules
                .iter()
                .position(|rule| (self.types)(rule).iter().any(|name| &**name == wanted))
        });
        self.known.insert(Arc::clone(name), at);
        at
    }
}

/// Terms that are given where none are.
impl Default for Terms {
    /// An hour, as the Simple Profile's examples have it at most; one try.
    fn default() -> Self {
        Self { timeout: 3600, retries: 0, on_failure: OnFailure::Stop }
    }
}

/// Where a name is among a sequence's points: 0 is `begin`, 1 the first entry, one more than there are entries is `end`.
pub(crate) fn point(entries: &[Entry], name: &str) -> Option<usize> {
    match name {
        "begin" => Some(0),
        "end" => Some(entries.len() + 1),
        _ => entries.iter().position(|entry| &**entry.point() == name).map(|at| at + 1),
    }
}

/// The last of some points that a sequence has; its `begin` if it has none: they were passed before.
pub(crate) fn last_point(entries: &[Entry], names: &[Arc<str>]) -> usize {
    names.iter().filter_map(|name| point(entries, name)).max().unwrap_or(0)
}

/// The first of some points that a sequence has; its `end` if it has none.
pub(crate) fn first_point(entries: &[Entry], names: &[Arc<str>]) -> usize {
    names.iter().filter_map(|name| point(entries, name)).min().unwrap_or(entries.len() + 1)
}
