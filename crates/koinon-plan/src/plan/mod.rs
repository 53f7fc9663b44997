//! The plan: classed elements, and a graph of steps.

mod write;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::Digest;
use koinon_model::representation::Artifact;
use koinon_model::representation::ElementId;
use koinon_model::representation::Interface;
use koinon_model::representation::Operation;
use koinon_model::sha256;

use crate::changes::ElementChange;
use crate::class::ElementClass;
use crate::rules::CallTerms;

/// The steps that turn one representation of a service into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Digest of the representation that exists; `None` if there is none yet.
    pub old: Option<Digest>,
    /// Digest of the representation that should exist.
    pub new: Digest,
    /// Whether this is the whole plan or a slice.
    pub scope: PlanScope,
    /// Every node by service, template and index, then every relationship by source, requirement
    /// and index.
    pub elements: Vec<Element>,
    /// The steps by level, those of a level in the order of their elements: an order that respects
    /// their needs.
    pub steps: Vec<Step>,
}

/// A whole plan, or the steps of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanScope {
    /// All steps.
    Whole,
    /// The steps of an operator; of `None`, those that no particular operator does.
    Slice(Option<Arc<str>>),
}

/// A node or relationship of either representation, with its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its id in the representation.
    pub id: ElementId,
    /// Its place in the service.
    pub place: ElementPlace,
    /// The full name of its type.
    pub element_type: Arc<str>,
    /// Its class: whether it is created, changed, deleted or kept.
    pub class: ElementClass,
    /// Whether it is deleted and created, because its rules cannot make its changes in place.
    pub replaced: bool,
    /// The replaced node that this element depends on, if that is why it is replaced.
    pub replaced_with: Option<ElementId>,
    /// Its operator; that of its source for a relationship.
    pub operator: Option<Arc<str>>,
    /// The differences, if both representations have it.
    pub changes: Vec<ElementChange>,
}

/// The place of an element in its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementPlace {
    /// A node.
    Node {
        /// The service: the plan's own, or one that substitutes a node of it.
        service: Arc<str>,
        /// The node template.
        template: Arc<str>,
        /// Its number among the nodes of the template, from 0.
        index: u32,
    },
    /// A relationship.
    Relationship {
        /// The node with the requirement.
        source: ElementId,
        /// The requirement.
        requirement: Arc<str>,
        /// Its number among the relationships of the requirement, from 0.
        index: u32,
        /// The node that fulfils the requirement, or did if the relationship is obsolete.
        target: ElementId,
    },
}

/// The id of a step: the id of its element, with its last two bytes replaced. They hold the pass
/// and the rules' entry, or the number of the file that is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub(crate) B256);

/// One action on one element. Steps are idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its id in the plan.
    pub id: StepId,
    /// The node or relationship; `None` for a step that only makes others wait.
    pub element: Option<ElementId>,
    /// The operator that does it; `None` if no particular one does.
    pub operator: Option<Arc<str>>,
    /// The action.
    pub action: Action,
    /// Steps that must have succeeded before, ascending.
    pub needs: Vec<StepId>,
    /// The longest chain of needs before it.
    pub level: u32,
    /// The actions that undo it, in this order; empty where nothing has to be undone.
    pub undo: Vec<Action>,
    /// Why the step is done.
    pub reason: StepReason,
}

/// Why a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepReason {
    /// The element is new.
    Novel,
    /// The element differs, see its changes.
    Modified,
    /// The element is gone.
    Obsolete,
    /// The element cannot be changed in place, or depends on an element that cannot.
    Replaced,
    /// Many steps wait for many others, and this step stands between them.
    Order,
}

/// The action of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Calls an operation.
    Call(Box<Call>),
    /// Sets the element's state.
    SetState(Arc<str>),
    /// Brings a file into the executor's store and checks it.
    Fetch(Box<PlannedFile>),
    /// Does nothing: the step is done as soon as its needs are.
    Wait,
}

/// A call of an operation that has an implementation, or that a workflow of the substituting
/// service does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The interface's name.
    pub interface: Arc<str>,
    /// The operation's name.
    pub operation: Arc<str>,
    /// The interface with the operation.
    pub(crate) defined: Arc<Interface>,
    /// The file that is run, if there is one.
    pub artifact: Option<PlannedFile>,
    /// Timeout, retries and what follows a failure.
    pub terms: CallTerms,
}

/// A file that a step fetches or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// The artifact of the representation.
    pub artifact: Arc<Artifact>,
    /// Its CID, if the rules name the property of its type that holds it.
    pub cid: Option<Arc<str>>,
    /// Its size in bytes, if the rules name the property of its type that holds it.
    pub size: Option<u64>,
}

impl Call {
    /// Returns the operation: its inputs, outputs and implementation.
    pub fn operation(&self) -> &Operation {
        self.defined
            .operations
            .get(&self.operation)
            .expect("BUG: a call is made of an operation of its interface")
    }

    /// Returns how many seconds the call may take: the implementation's timeout, or the rules'.
    pub fn timeout(&self) -> u64 {
        let declared = self.operation().implementation.as_ref().and_then(|made| made.timeout);
        declared.unwrap_or(self.terms.timeout)
    }
}

impl StepReason {
    /// Returns the word used in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Novel => "novel",
            Self::Modified => "modified",
            Self::Obsolete => "obsolete",
            Self::Replaced => "replaced",
            Self::Order => "order",
        }
    }
}

impl StepId {
    /// The byte with the pass: [`Self::DELETE`], [`Self::CREATE`], or that of a fetch.
    const PASS_BYTE: usize = 30;
    const DELETE: u8 = 0;
    const CREATE: u8 = 1;
    /// The first of the bytes that fetches have.
    const FETCH: u8 = 2;

    /// Most files that are fetched for one node: their numbers fit above [`Self::FETCH`].
    pub(crate) const MAX_FETCHES: u16 = 60_000;

    /// Names the step of an entry of the rules that delete an element.
    pub(crate) fn delete(element: ElementId, entry: u8) -> Self {
        Self::new(element, Self::DELETE, entry)
    }

    /// Names the step of an entry of the rules that create or modify an element.
    pub(crate) fn create(element: ElementId, entry: u8) -> Self {
        Self::new(element, Self::CREATE, entry)
    }

    /// Names the step that fetches a file of a node, by the file's number.
    pub(crate) fn fetch(node: ElementId, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        Self::new(node, Self::FETCH + high, low)
    }

    fn new(element: ElementId, pass: u8, number: u8) -> Self {
        let mut id = element.0;
        id[Self::PASS_BYTE] = pass;
        id[Self::PASS_BYTE + 1] = number;
        Self(id)
    }

    /// Returns whether the step belongs to the pass that deletes.
    pub(crate) fn deletes(&self) -> bool {
        self.0[Self::PASS_BYTE] == Self::DELETE
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&format_args!("{:#x}", self.0), f)
    }
}

impl Plan {
    /// Returns whether there is nothing to do and no difference.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.elements.iter().all(|element| element.class == ElementClass::Unchanged)
    }

    /// Returns the number of elements of a class.
    pub fn count(&self, class: ElementClass) -> usize {
        self.elements.iter().filter(|element| element.class == class).count()
    }

    /// Returns the operators that have a slice, in order; `None` is no particular operator.
    pub fn operators(&self) -> BTreeSet<Option<&Arc<str>>> {
        let elements = self.elements.iter().map(|element| element.operator.as_ref());
        elements.chain(self.steps.iter().map(|step| step.operator.as_ref())).collect()
    }

    /// Returns the slice of one operator. Its steps may need steps of others, which are named in
    /// their needs but are not part of the slice.
    #[must_use]
    pub fn slice(&self, operator: Option<&str>) -> Self {
        let elements =
            self.elements.iter().filter(|element| element.operator.as_deref() == operator);
        let steps = self.steps.iter().filter(|step| step.operator.as_deref() == operator);
        Self {
            scope: PlanScope::Slice(operator.map(Arc::from)),
            elements: elements.cloned().collect(),
            steps: steps.cloned().collect(),
            old: self.old,
            new: self.new,
        }
    }

    /// Returns the key under which an executor remembers that it has done a step of this plan: the
    /// step's id combined with the hash of both representations. The same step of a different plan
    /// has a different key.
    pub fn key(&self, step: StepId) -> Digest {
        step.0 ^ self.steps_key()
    }

    /// Returns the SHA-256 of the canonical JSON.
    pub fn digest(&self) -> Digest {
        sha256(self.to_json().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_have_numbers_above_those_of_both_passes() {
        let node = ElementId(koinon_model::Digest::ZERO);
        let ends = |step: StepId| [step.0[30], step.0[31]];
        assert_eq!(ends(StepId::delete(node, 7)), [0, 7]);
        assert_eq!(ends(StepId::create(node, 7)), [1, 7]);
        assert_eq!(ends(StepId::fetch(node, 7)), [2, 7]);
        assert_eq!(ends(StepId::fetch(node, 0x0107)), [3, 7]);
        assert_eq!(ends(StepId::fetch(node, StepId::MAX_FETCHES)), [0xec, 0x60]);
    }
}
