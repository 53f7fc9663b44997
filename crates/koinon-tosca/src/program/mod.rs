//! The data that the phases after `types` share: a service template with its types, inputs and
//! graph.
//!
//! `check` opens a [`Program`]; `resolve` adds relationships; `evaluate` keeps values where they
//! belong; `represent` reads it all. This room has data and access to it, and no rules of TOSCA.
//!
//! | file | subject |
//! |---|---|
//! | `graph` | nodes, relationships and the values that are kept with them |
//! | `halt` | reasons that an expression has no value |
//! | `others` | nodes of other services, and of the service this one is nested in |
//! | `resolver` | state of resolution: indexes of candidates, allocations, open requirements |

mod graph;
mod halt;
mod others;
mod resolver;

pub(crate) use graph::DeferredProperty;
pub(crate) use graph::DeferredValues;
pub(crate) use graph::Evaluated;
pub(crate) use graph::Graph;
pub(crate) use graph::GraphNode;
pub(crate) use graph::GraphRelationship;
pub(crate) use graph::KeptValue;
pub(crate) use graph::MAX_NODES;
pub(crate) use graph::NO_VALUES;
pub(crate) use graph::NodeNumber;
pub(crate) use graph::NodeRange;
pub(crate) use graph::ReferencedNode;
pub(crate) use graph::RelationshipDraft;
pub(crate) use graph::TargetChoice;
pub(crate) use graph::ValueMemo;
pub(crate) use graph::address;
pub(crate) use halt::Halt;
pub(crate) use halt::all_or_halt;
pub(crate) use others::MappedTargets;
pub(crate) use others::OtherNode;
pub(crate) use others::OtherNodes;
pub(crate) use others::OuterNode;
pub(crate) use others::other_template_names;
pub(crate) use resolver::CandidateOrigin;
pub(crate) use resolver::ResolverState;
pub(crate) use resolver::UnresolvedRequirement;

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::BTreeMap;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::representation::ElementId;

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Span;
use crate::grammar::ServiceTemplate;
use crate::grammar::TypeId;
use crate::hash::HashMap;
use crate::types::Types;

/// A service template with everything it uses resolved.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) template: &'a ServiceTemplate<'a>,
    pub(crate) types: &'a Types<'a>,
    /// Values of inputs that have one.
    pub(crate) inputs: BTreeMap<&'a str, Value>,
    pub(crate) graph: Graph<'a>,
    pub(crate) resolver: ResolverState<'a>,
    pub(crate) faults: &'a Faults,
    /// The service's name: ids of nodes are made of it.
    pub(crate) name: String,
    /// The seed of choices by chance, for templates whose policy asks for it.
    pub(crate) seed: Option<B256>,
    pub(crate) mode: InputMode,
    pub(crate) steps: Cell<u64>,
    /// The number of properties that are being evaluated within each other.
    pub(crate) depth: Cell<u32>,
    pub(crate) deep: DeferredValues<'a>,
    /// The number of nodes that may still be made.
    pub(crate) node_budget: Cell<u64>,
    pub(crate) other_services: &'a OtherServices<'a>,
    /// The nodes and targets that come from the outer service.
    pub(crate) mapped: MappedTargets<'a>,
    /// The number of services it is nested in.
    pub(crate) nested: u32,
    /// The service templates that stand for nodes.
    pub(crate) substituted: RefCell<BTreeMap<NodeNumber, &'a ServiceTemplate<'a>>>,
    /// The reasons that directives before `substitute` failed, by node template.
    pub(crate) failed_directives: BTreeMap<&'a str, Vec<String>>,
    /// Whether the default values of a capability are valid and equal for every node, by its
    /// address.
    pub(crate) common: RefCell<HashMap<usize, bool>>,
    /// Faults of templates whose directives all failed; reported only if the service must be
    /// complete.
    pub(crate) failed: RefCell<Vec<Fault>>,
}

/// The other services a program may use.
#[derive(Debug, Default)]
pub(crate) struct OtherServices<'a> {
    /// Service templates that may stand for nodes, in the order they are tried.
    pub(crate) substitutes: Vec<&'a ServiceTemplate<'a>>,
    /// Nodes of other services.
    pub(crate) others: OtherNodes<'a>,
}

/// The parts of a program besides its template.
#[derive(Debug)]
pub(crate) struct ProgramConfig<'s, 'a> {
    pub(crate) types: &'a Types<'a>,
    pub(crate) other_services: &'a OtherServices<'a>,
    pub(crate) faults: &'a Faults,
    pub(crate) inputs: &'s BTreeMap<String, Value>,
    pub(crate) mapped: MappedTargets<'a>,
    pub(crate) nested: u32,
    pub(crate) mode: InputMode,
    pub(crate) seed: Option<B256>,
    pub(crate) steps: u64,
    pub(crate) node_budget: u64,
}

/// Whether every required input must have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputMode {
    Complete,
    Partial,
}

impl<'a> Program<'a> {
    /// Makes a program without input values and nodes.
    pub(crate) fn new(
        template: &'a ServiceTemplate<'a>,
        name: &str,
        config: ProgramConfig<'_, 'a>,
    ) -> Self {
        Self {
            template,
            types: config.types,
            inputs: BTreeMap::new(),
            graph: Graph::default(),
            resolver: ResolverState::default(),
            faults: config.faults,
            name: name.to_owned(),
            seed: config.seed,
            mode: config.mode,
            steps: Cell::new(config.steps),
            depth: Cell::new(0),
            deep: DeferredValues::default(),
            node_budget: Cell::new(config.node_budget),
            other_services: config.other_services,
            mapped: config.mapped,
            nested: config.nested,
            substituted: RefCell::default(),
            failed_directives: BTreeMap::new(),
            common: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    /// Returns whether all inputs are bound: a value that is not known now will never be.
    pub(crate) fn is_complete(&self) -> bool {
        self.mode == InputMode::Complete
    }

    /// Returns whether a type is, or derives from, a type of Koinon's profile.
    pub(crate) fn is_koinon(&self, id: TypeId, ancestor: &str) -> bool {
        let section = self.types.def(id).section;
        self.types.koinon(section, ancestor).is_some_and(|known| self.types.derives(id, known))
    }

    /// Returns whether a node template assigns a property.
    pub(crate) fn has_value(&self, template: &str, name: &str) -> bool {
        self.template.nodes.get(template).is_some_and(|node| node.properties.contains(name))
    }

    /// Adds steps of evaluation, for work whose size is known and bounded.
    pub(crate) fn add_steps(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    /// Returns the place of a property's assignment, or else of the node's name.
    pub(crate) fn property_span(&self, template: &str, name: &str) -> Span {
        let Some(node) = self.template.nodes.get(template) else { return self.template.span };
        node.properties.get(name).map_or(node.name.span, |expr| expr.span)
    }

    /// Reports a fault. Returns the halt for it.
    pub(crate) fn halt(&self, fault: Fault) -> Halt {
        self.faults.push(fault);
        Halt::Reported
    }

    /// Charges steps to the run's budget.
    pub(crate) fn spend(&self, steps: u64, span: Span) -> Result<(), Halt> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                self.steps.set(0);
                Err(self.halt(Fault::new(
                    Code::TooManySteps,
                    span,
                    "evaluation needs too many steps",
                )))
            }
        }
    }

    /// Returns the id of a node.
    pub(crate) fn element(&self, node: NodeNumber) -> ElementId {
        let node = self.graph.node(node);
        if let Some(referenced) = &node.referenced {
            return referenced.node.id;
        }
        *node.element.get_or_init(|| {
            let index = u32::try_from(node.index).unwrap_or(u32::MAX);
            ElementId::node(&self.name, node.template.name.text, index)
        })
    }
}
