//! The state of resolution: indexes of candidates, allocations, and open requirements.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::rc::Rc;

use koinon_model::representation::Candidate;

use super::graph::NodeNumber;
use crate::TracedRequirements;
use crate::builtin::Decimal;
use crate::diag::Span;
use crate::grammar::CapabilityDefinition;
use crate::grammar::TypeId;
use crate::hash::HashMap;

/// Nodes by required node type, capability type, and origin.
pub(crate) type CandidateLists =
    HashMap<(Option<TypeId>, Option<TypeId>, &'static [CandidateOrigin]), Rc<Vec<NodeNumber>>>;

/// Capabilities that fit, by the addresses of a requirement's definition and a node type.
pub(crate) type FittingCapabilities<'a> =
    HashMap<(usize, usize), Rc<[&'a CapabilityDefinition<'a>]>>;

/// Candidates by node, requirement and index.
pub(crate) type TracedCandidates<'a> = BTreeMap<(NodeNumber, &'a str, u64), Vec<Candidate>>;

/// The state of resolution.
#[derive(Debug, Default)]
pub(crate) struct ResolverState<'a> {
    pub(crate) lists: RefCell<CandidateLists>,
    /// The nodes of a template, by its first node.
    pub(crate) ranges: RefCell<HashMap<NodeNumber, Rc<Vec<NodeNumber>>>>,
    /// Candidates in their order by chance, by assignment.
    pub(crate) orders: RefCell<HashMap<usize, Rc<Vec<NodeNumber>>>>,
    /// Positions of candidates that can never fit, by assignment.
    pub(crate) skips: RefCell<HashMap<usize, SkippedCandidates>>,
    pub(crate) fitting: RefCell<FittingCapabilities<'a>>,
    /// Relationships of requirements with several: source, address of the definition, target.
    pub(crate) used: RefCell<HashSet<(NodeNumber, usize, NodeNumber)>>,
    /// Allocated amounts by node, capability and property.
    pub(crate) allocated: RefCell<HashMap<(NodeNumber, &'a str, &'a str), Decimal>>,
    /// Templates whose candidates are chosen by chance.
    pub(crate) random: RefCell<Vec<&'a str>>,
    pub(crate) unresolved: RefCell<Vec<UnresolvedRequirement<'a>>>,
    /// The requirements whose candidates are traced.
    pub(crate) traced: Option<TracedRequirements>,
    pub(crate) trace: RefCell<TracedCandidates<'a>>,
    pub(crate) relationships: Cell<u64>,
}

/// A requirement that nothing fulfills.
#[derive(Clone, Debug)]
pub(crate) struct UnresolvedRequirement<'a> {
    pub(crate) node: NodeNumber,
    pub(crate) requirement: &'a str,
    pub(crate) index: u64,
    pub(crate) span: Span,
    pub(crate) reason: String,
    pub(crate) optional: bool,
}

/// The service that candidates come from (csd07 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CandidateOrigin {
    Internal,
    External,
}

/// The next position that is not skipped, for each position of a list and its end.
#[derive(Debug, Default)]
pub(crate) struct SkippedCandidates(Vec<u32>);

impl SkippedCandidates {
    /// Returns the first position from this one on that is not skipped.
    pub(crate) fn next_unskipped(&mut self, mut at: usize) -> usize {
        while let Some(next) = self.0.get(at).map(|next| *next as usize)
            && next != at
        {
            // Path halving, as in a union-find structure.
            self.0[at] = self.0.get(next).copied().unwrap_or(next as u32);
            at = next;
        }
        at
    }

    pub(crate) fn skip(&mut self, at: usize, count: usize) {
        if self.0.is_empty() {
            self.0 = (0..=count as u32).collect();
        }
        self.0[at] = at as u32 + 1;
    }
}

impl<'a> ResolverState<'a> {
    /// Returns the allocated amount of a capability's property.
    pub(crate) fn allocated(
        &self,
        node: NodeNumber,
        capability: &str,
        name: &str,
    ) -> Option<Decimal> {
        self.allocated.borrow().get(&(node, capability, name)).copied()
    }

    /// Returns whether anything was allocated.
    pub(crate) fn has_allocations(&self) -> bool {
        !self.allocated.borrow().is_empty()
    }

    /// Adds an allocation.
    pub(crate) fn allocate(
        &self,
        node: NodeNumber,
        capability: &'a str,
        name: &'a str,
        amount: Decimal,
    ) {
        let mut allocated = self.allocated.borrow_mut();
        let taken = allocated.entry((node, capability, name)).or_insert_with(|| Decimal::from(0));
        // A sum never exceeds the property's value.
        *taken = taken.add(amount).unwrap_or(*taken);
    }
}
