//! Weaving rules: the actions for elements of a type, and their order (TOSCA 2.0 section 4.4, last
//! clause). `docs/weaving-rules.md` describes their format.

mod parse;

pub use parse::RulesError;

use std::collections::HashMap;
use std::sync::Arc;

use koinon_model::representation::Representation;

/// The weaving rules of one or more profiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) nodes: Vec<Lifecycle>,
    pub(crate) relationships: Vec<Lifecycle>,
    pub(crate) artifacts: Vec<ArtifactRule>,
}

/// The order that relationships of some types give their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) create: Option<DependencyWait>,
    pub(crate) delete: Option<DependencyWait>,
    pub(crate) replaces_source: bool,
}

/// A point of the waiting node, and the point of the other it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DependencyWait {
    pub(crate) waiting: Arc<str>,
    pub(crate) waits_for: Arc<str>,
}

/// The actions for elements of some types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    /// Whether all deletions come before any creation, if one of these elements is deleted.
    pub(crate) deletions_first: bool,
    pub(crate) types: Vec<Arc<str>>,
    pub(crate) interfaces: Vec<Arc<str>>,
    pub(crate) initial: Option<Arc<str>>,
    /// Types of the node's artifacts that are fetched before any action on it.
    pub(crate) fetch: Vec<Arc<str>>,
    pub(crate) replace: Vec<Arc<str>>,
    pub(crate) create: Vec<SequenceEntry>,
    pub(crate) modify: Vec<SequenceEntry>,
    pub(crate) delete: Vec<SequenceEntry>,
}

/// One action on an element, with its conditions and order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SequenceEntry {
    pub(crate) action: RuleAction,
    /// The element must implement one of these operations; no condition if empty.
    pub(crate) only_if: Vec<Arc<str>>,
    /// The element must implement none of these operations.
    pub(crate) unless: Vec<Arc<str>>,
    /// The end whose operator acts.
    pub(crate) at: RelationshipEnd,
    /// Points of the ends it comes after.
    pub(crate) after: Vec<(RelationshipEnd, Vec<Arc<str>>)>,
    /// Points of the ends it comes before.
    pub(crate) before: Vec<(RelationshipEnd, Vec<Arc<str>>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleAction {
    Set { state: Arc<str> },
    Call { operation: Arc<str>, undo: Vec<Arc<str>>, terms: CallTerms },
}

/// The timeout and retries of a call, and the consequence of its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTerms {
    /// Seconds it may take, if its implementation has no timeout.
    pub timeout: u64,
    /// Further tries after the first.
    pub retries: u32,
    /// The consequence if every try failed.
    pub on_failure: OnFailure,
}

/// The consequence of a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Steps that need it are not done; all others are.
    Stop,
    /// Steps that need it are done nevertheless.
    Continue,
    /// The steps that were done are undone.
    Undo,
}

/// A relationship or one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RelationshipEnd {
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

impl SequenceEntry {
    /// Returns the name of the point that is passed when the entry is done.
    pub(crate) fn point(&self) -> &Arc<str> {
        match &self.action {
            RuleAction::Set { state } => state,
            RuleAction::Call { operation, .. } => operation,
        }
    }
}

impl Rules {
    /// Adds the rules of a further profile. If both have rules for a type, those of `self` apply.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.dependencies.extend(other.dependencies);
        self.nodes.extend(other.nodes);
        self.relationships.extend(other.relationships);
        self.artifacts.extend(other.artifacts);
        self
    }
}

/// The name that stands for any type.
pub(crate) const ANY_TYPE: &str = "*";

/// Finds the rule for a type, once per type.
#[derive(Debug)]
pub(crate) struct RulesByType<'a, R> {
    rules: &'a [R],
    types: fn(&R) -> &[Arc<str>],
    known: HashMap<Arc<str>, Option<usize>>,
    /// The first types that were looked up, by allocation: equal type names share one.
    recent: Vec<(Arc<str>, Option<usize>)>,
}

/// Types that are found without hashing. Most services have no more, and going through a longer
/// list would be slower than hashing.
const MAX_RECENT_TYPES: usize = 8;

impl<'a, R> RulesByType<'a, R> {
    pub(crate) fn new(rules: &'a [R], types: fn(&R) -> &[Arc<str>]) -> Self {
        Self { rules, types, known: HashMap::new(), recent: Vec::new() }
    }

    /// Returns the rule of the type or of its nearest ancestor with a rule, or the rule for any
    /// type.
    pub(crate) fn find(&mut self, graph: &Representation, name: &Arc<str>) -> Option<&'a R> {
        if self.rules.is_empty() {
            return None;
        }
        let recent = self.recent.iter().find(|(recent, _)| Arc::ptr_eq(recent, name));
        if let Some((_, known)) = recent {
            return known.map(|at| &self.rules[at]);
        }
        let at = self.look_up(graph, name);
        if self.recent.len() < MAX_RECENT_TYPES {
            self.recent.push((Arc::clone(name), at));
        }
        at.map(|at| &self.rules[at])
    }

    fn look_up(&mut self, graph: &Representation, name: &Arc<str>) -> Option<usize> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let ancestors = graph.types.get(name).map_or(&[][..], Vec::as_slice);
        let chain = std::iter::once(&**name).chain(ancestors.iter().map(|name| &**name));
        let at = chain.chain([ANY_TYPE]).find_map(|wanted| {
            self.rules
                .iter()
                .position(|rule| (self.types)(rule).iter().any(|name| &**name == wanted))
        });
        self.known.insert(Arc::clone(name), at);
        at
    }
}

impl Default for CallTerms {
    /// Returns the terms of rules without `defaults`: an hour, the longest in the Simple Profile's
    /// examples, and one try.
    fn default() -> Self {
        Self { timeout: 3600, retries: 0, on_failure: OnFailure::Stop }
    }
}

/// Returns the position of a point in a sequence: 0 is `begin`, 1 the first entry, and `end` comes
/// after the last entry.
pub(crate) fn point(entries: &[SequenceEntry], name: &str) -> Option<usize> {
    match name {
        "begin" => Some(0),
        "end" => Some(entries.len() + 1),
        _ => entries.iter().position(|entry| &**entry.point() == name).map(|at| at + 1),
    }
}

/// Returns the last position of some points; `begin` if the sequence has none of them: they were
/// passed before.
pub(crate) fn last_point(entries: &[SequenceEntry], names: &[Arc<str>]) -> usize {
    names.iter().filter_map(|name| point(entries, name)).max().unwrap_or(0)
}

/// Returns the first position of some points; `end` if the sequence has none of them.
pub(crate) fn first_point(entries: &[SequenceEntry], names: &[Arc<str>]) -> usize {
    names.iter().filter_map(|name| point(entries, name)).min().unwrap_or(entries.len() + 1)
}
