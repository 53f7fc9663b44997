//! The plan: classed elements and a graph of steps.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use alloy_primitives::Address;
use koinon_model::Digest;
use koinon_model::Limits;
use koinon_model::Reason;
use koinon_model::Slot;
use koinon_model::Value;
use koinon_model::keccak256;
use serde::Serialize;

use crate::class::Class;
use crate::graph::Graph;

/// What to do to get from what runs to what should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Version of this format.
    pub format: u32,
    /// Every node that runs or should, by operator and slot.
    pub elements: Vec<Element>,
    /// The steps, in an order that respects their needs.
    pub steps: Vec<Step>,
}

/// A node that runs or should, and what becomes of it. A slot that moves to another operator is two elements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Element {
    /// Who runs it.
    pub operator: Address,
    /// Where.
    pub slot: Slot,
    /// What becomes of it.
    pub class: Class,
    /// Digest of the node that runs.
    pub before: Option<Digest>,
    /// Digest of the node that should.
    pub after: Option<Digest>,
}

/// Names a step: `operator:slot:action`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to do. Doing it twice is as doing it once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// Who does it.
    pub operator: Address,
    /// For which node.
    pub slot: Slot,
    /// What.
    pub action: Action,
    /// Steps that must have succeeded before.
    pub needs: BTreeSet<StepId>,
    /// The longest chain of needs before it.
    pub level: u32,
    /// What takes it back; `None` where nothing needs to be.
    pub undo: Option<Action>,
    /// Why, if it is not because the node is new or gone.
    pub reason: Option<Reason>,
}

/// An action of a driver on one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Brings the artifact into the local store and checks it against its CID.
    Fetch {
        /// The artifact.
        cid: String,
        /// Its size, if declared.
        size: Option<u64>,
    },
    /// Stops the process that runs as `node`, if it does.
    Stop {
        /// Digest of the node it was started as.
        node: Digest,
    },
    /// Removes the working directory of `node`.
    Remove {
        /// Digest of the node it was made for.
        node: Digest,
    },
    /// Makes the working directory and starts the process of `node`.
    Start {
        /// Digest of the node.
        node: Digest,
    },
}

impl Action {
    fn word(&self) -> String {
        match self {
            Self::Fetch { cid, .. } => format!("fetch:{cid}"),
            Self::Stop { .. } => "stop".to_owned(),
            Self::Remove { .. } => "remove".to_owned(),
            Self::Start { .. } => "start".to_owned(),
        }
    }
}

impl Step {
    pub(crate) fn new(
        operator: Address,
        slot: &Slot,
        action: Action,
        needs: impl IntoIterator<Item = StepId>,
    ) -> Self {
        let id = StepId(format!("{operator:#x}:{slot}:{}", action.word()));
        let needs = needs.into_iter().collect();
        Self { id, operator, slot: slot.clone(), action, needs, level: 0, undo: None, reason: None }
    }

    pub(crate) fn undone_by(mut self, action: Action) -> Self {
        self.undo = Some(action);
        self
    }

    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
}

impl Plan {
    /// Makes a plan: numbers the levels and orders the steps by level, operator and slot.
    pub(crate) fn new(elements: Vec<Element>, mut steps: Vec<Step>) -> Self {
        let mut graph = Graph::default();
        graph.points(steps.len());
        let places: BTreeMap<&StepId, u32> =
            steps.iter().zip(0..).map(|(step, place)| (&step.id, place)).collect();
        for (step, place) in steps.iter().zip(0..) {
            graph.act(place);
            for need in step.needs.iter().filter_map(|need| places.get(need)) {
                graph.edge(*need, place);
            }
        }
        let ordered = graph.order().expect("BUG: steps need only steps made before them");
        for (step, place) in steps.iter_mut().zip(0..) {
            step.level = ordered.level(place);
        }
        steps.sort_by(|a, b| (a.level, &a.id).cmp(&(b.level, &b.id)));
        Self { format: 1, elements, steps }
    }

    /// Returns whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns what one operator's agent will do.
    pub fn slice(&self, operator: Address) -> Self {
        let elements = self.elements.iter().filter(|element| element.operator == operator);
        let steps = self.steps.iter().filter(|step| step.operator == operator);
        Self {
            format: self.format,
            elements: elements.cloned().collect(),
            steps: steps.cloned().collect(),
        }
    }

    /// Returns the number of elements of a class.
    pub fn count(&self, class: Class) -> usize {
        self.elements.iter().filter(|element| element.class == class).count()
    }

    /// Writes the canonical JSON.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_vec(self).expect("a plan has string keys only");
        let value = Value::from_json(&json, Limits { bytes: usize::MAX, ..Limits::default() });
        value.expect("serde_json writes JSON of ASCII strings").to_json()
    }

    /// Returns the hash of the canonical JSON.
    pub fn digest(&self) -> Digest {
        keccak256(self.to_json().as_bytes())
    }
}
