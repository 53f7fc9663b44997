//! The plan: classed elements and a graph of steps.

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

use crate::changes::Change;
use crate::class::Class;
use crate::rules::Terms;

/// What to do to get from one representation of a service to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Digest of the representation that is; `None` if there is nothing yet.
    pub old: Option<Digest>,
    /// Digest of the representation that should be.
    pub new: Digest,
    /// Which part of the plan this is.
    pub part: Part,
    /// Every node by service, template and index, then every relationship by source, requirement and index.
    pub elements: Vec<Element>,
    /// The steps by level, those of a level in the order of their elements: an order that respects their needs.
    pub steps: Vec<Step>,
}

/// All of a plan, or what one operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What is done by an operator, or by nobody in particular.
    Of(Option<Arc<str>>),
}

/// A node or relationship of either representation, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its id in the representation.
    pub id: ElementId,
    /// Where it is.
    pub place: Place,
    /// The full name of its type.
    pub element_type: Arc<str>,
    /// What becomes of it.
    pub class: Class,
    /// Whether it is deleted and created, because its rules do not change what differs in place.
    pub replaced: bool,
    /// The node that is replaced and cannot be without this one, if that is why.
    pub replaced_with: Option<ElementId>,
    /// Whose it is: of a relationship, its source's operator.
    pub operator: Option<Arc<str>>,
    /// What differs, if both representations have it.
    pub changes: Vec<Change>,
}

/// Where an element is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A node.
    Node {
        /// The service: the plan's own, or one that stands for a node of it.
        service: Arc<str>,
        /// The node template.
        template: Arc<str>,
        /// Its number among those of the template.
        index: u32,
    },
    /// A relationship.
    Relationship {
        /// The node that requires.
        source: ElementId,
        /// The requirement.
        requirement: Arc<str>,
        /// Its number among those of the requirement.
        index: u32,
        /// The node that fulfils; of an obsolete relationship, the one that did.
        target: ElementId,
    },
}

/// Names a step: the id of its element, the last two bytes of which are replaced by the pass and the rules' entry, or
/// the number of the file it fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub(crate) B256);

/// One thing to do. Doing it twice is as doing it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// The node or relationship; `None` if it only lets others wait.
    pub element: Option<ElementId>,
    /// Who does it; `None` if nobody in particular.
    pub operator: Option<Arc<str>>,
    /// What.
    pub action: Action,
    /// Steps that must have succeeded before, ascending.
    pub needs: Vec<StepId>,
    /// The longest chain of needs before it.
    pub level: u32,
    /// What takes it back, in this order; empty where nothing needs to be.
    pub undo: Vec<Action>,
    /// Why.
    pub reason: Reason,
}

/// Why a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The element is new.
    Novel,
    /// The element differs, see its changes.
    Modified,
    /// The element is gone.
    Obsolete,
    /// The element differs in what is not changed in place, or cannot be without one that does.
    Replaced,
    /// Many steps wait for many others, and this stands between them.
    Order,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Calls an operation.
    Call(Box<Call>),
    /// Sets the element's state.
    SetState(Arc<str>),
    /// Brings a file into the executor's store and checks it.
    Fetch(Box<File>),
    /// Nothing: it is done as soon as its needs are.
    Wait,
}

/// A call of an operation that has an implementation, or that a workflow does of the service that stands for its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The interface's name.
    pub interface: Arc<str>,
    /// The operation's name.
    pub operation: Arc<str>,
    /// The interface, which has the operation.
    pub(crate) defined: Arc<Interface>,
    /// What is run, if it is a file.
    pub artifact: Option<File>,
    /// Under which terms.
    pub terms: Terms,
}

/// A file as a plan names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What the representation says of it.
    pub artifact: Arc<Artifact>,
    /// Its CID, if the rules say where its type keeps it.
    pub cid: Option<Arc<str>>,
    /// Its size in bytes, if the rules say where its type keeps it.
    pub size: Option<u64>,
}

impl Call {
    /// Returns the operation: its inputs, outputs and implementation.
    pub fn operation(&self) -> &Operation {
        self.defined
            .operations
            .get(&self.operation)
            .expect("BUG: a call is made from its interface")
    }

    /// Returns seconds the call may take: what its implementation says, or the rules.
    pub fn timeout(&self) -> u64 {
        let declared = self.operation().implementation.as_ref().and_then(|made| made.timeout);
        declared.unwrap_or(self.terms.timeout)
    }
}

impl Reason {
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
    /// The byte that tells the passes apart, and what it is for the one that deletes.
    pub(crate) const PASS: (usize, u8) = (30, 0);

    /// Files one node may have fetched.
    pub(crate) const MOST_FETCHES: u16 = 60_000;

    /// Names the step that fetches a file of a node, by the file's number.
    pub(crate) fn fetch(node: ElementId, number: u16) -> Self {
        let mut id = node.0;
        let [high, low] = number.to_be_bytes();
        let (at, delete) = Self::PASS;
        // 0 deletes, 1 creates.
        id[at] = delete + 2 + high;
        id[31] = low;
        Self(id)
    }

    /// Returns whether the step is one of the pass that deletes.
    pub(crate) fn deletes(&self) -> bool {
        self.0[Self::PASS.0] == Self::PASS.1
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&format_args!("{:#x}", self.0), f)
    }
}

impl Plan {
    /// Returns whether nothing is to be done and nothing differs.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
            && self.elements.iter().all(|element| element.class == Class::Unchanged)
    }

    /// Returns the number of elements of a class.
    pub fn count(&self, class: Class) -> usize {
        self.elements.iter().filter(|element| element.class == class).count()
    }

    /// Returns everybody who has a slice, in order; `None` is nobody in particular.
    pub fn operators(&self) -> BTreeSet<Option<&Arc<str>>> {
        let elements = self.elements.iter().map(|element| element.operator.as_ref());
        elements.chain(self.steps.iter().map(|step| step.operator.as_ref())).collect()
    }

    /// Returns what one operator does. Its steps may need steps of others, which are named and not in it.
    #[must_use]
    pub fn slice(&self, operator: Option<&str>) -> Self {
        let elements = self.elements.iter().filter(|one| one.operator.as_deref() == operator);
        let steps = self.steps.iter().filter(|step| step.operator.as_deref() == operator);
        Self {
            part: Part::Of(operator.map(Arc::from)),
            elements: elements.cloned().collect(),
            steps: steps.cloned().collect(),
            old: self.old,
            new: self.new,
        }
    }

    /// Returns the key under which an executor remembers that it has done a step of this plan: the step's id, and the
    /// hash of both representations, combined. Another plan for the same element has another.
    pub fn key(&self, step: StepId) -> Digest {
        step.0 ^ self.steps_key()
    }

    /// Returns the SHA-256 of the canonical JSON.
    pub fn digest(&self) -> Digest {
        sha256(self.to_json().as_bytes())
    }
}
