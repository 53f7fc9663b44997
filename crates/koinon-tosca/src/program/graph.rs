//! The representation graph while it grows: nodes, relationships, and their known values (csd07
//! 4.2.2).

use std::borrow::Cow;
use std::cell::Cell;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::ElementId;

use super::halt::Halt;
use crate::builtin::Decimal;
use crate::grammar::CapabilityDefinition;
use crate::grammar::NodeTemplate;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RequirementAssignment;
use crate::grammar::RequirementDefinition;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::grammar::ValueAssignments;

/// No values.
pub(crate) static NO_VALUES: ValueAssignments<'static> = ValueAssignments::new();

/// The most nodes of a service and of all services nested in it.
pub(crate) const MAX_NODES: u64 = 1_000_000;

/// An evaluated value: `None` if there is none, or the reason that it is not known.
pub(crate) type Evaluated = Result<Option<Value>, Halt>;

/// An evaluated value that is kept and shared.
pub(crate) type KeptValue = Result<Option<Arc<Value>>, Halt>;

/// Evaluated values by capability (`None` for the element) and name.
pub(crate) type ValueMemo<'a> = RefCell<Vec<((Option<&'a str>, &'a str), KeptValue)>>;

/// The number of a node in its graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeNumber(u32);

/// The number of a relationship in its graph.
#[derive(Clone, Copy, Debug)]
struct RelationshipNumber(u32);

/// Nodes with consecutive numbers, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeRange(std::ops::Range<u32>);

impl NodeNumber {
    /// Returns the position in a list of all nodes of the graph.
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }

    /// Returns the number this many nodes later.
    pub(crate) fn after(self, count: usize) -> Self {
        Self(u32::try_from(count).map_or(u32::MAX, |count| self.0.saturating_add(count)))
    }
}

impl NodeRange {
    /// Returns whether a node is in the range.
    pub(crate) fn contains(&self, node: NodeNumber) -> bool {
        self.0.contains(&node.0)
    }

    /// Returns the number of the first node, or of the next one if the range is empty.
    pub(crate) fn start(&self) -> NodeNumber {
        NodeNumber(self.0.start)
    }

    /// Returns the node at an index of the range.
    pub(crate) fn get(&self, index: u64) -> Option<NodeNumber> {
        let number = self.0.start.checked_add(u32::try_from(index).ok()?)?;
        Some(NodeNumber(number)).filter(|number| self.contains(*number))
    }
}

impl Iterator for NodeRange {
    type Item = NodeNumber;

    fn next(&mut self) -> Option<NodeNumber> {
        self.0.next().map(NodeNumber)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for NodeRange {}

/// A node of the graph.
#[derive(Debug)]
pub(crate) struct GraphNode<'a> {
    pub(crate) template: &'a NodeTemplate<'a>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDefinition<'a>,
    /// Its index among the nodes of its template.
    pub(crate) index: u64,
    /// The known data of a node that another service made and this one refers to.
    pub(crate) referenced: Option<Box<ReferencedNode<'a>>>,
    /// Its id, computed on first use.
    pub(crate) element: OnceCell<ElementId>,
    pub(crate) memo: ValueMemo<'a>,
}

/// A node of another service.
#[derive(Debug)]
pub(crate) struct ReferencedNode<'a> {
    pub(crate) node: Cow<'a, model::Node>,
    /// Its number in the graph of the outer service, if it comes from there.
    pub(crate) outer: Option<NodeNumber>,
}

impl<'a> GraphNode<'a> {
    /// Makes a node of this service.
    pub(crate) fn new(
        template: &'a NodeTemplate<'a>,
        id: TypeId,
        def: &'a TypeDefinition<'a>,
        index: u64,
    ) -> Self {
        let (element, memo) = (OnceCell::new(), RefCell::default());
        Self { template, id, def, index, referenced: None, element, memo }
    }

    /// Makes the node a reference to another service's node.
    pub(crate) fn referenced(self, referenced: ReferencedNode<'a>) -> Self {
        Self { referenced: Some(Box::new(referenced)), ..self }
    }
}

impl ReferencedNode<'_> {
    pub(crate) fn capability(&self, name: &str) -> Option<&model::Capability> {
        self.node.capabilities.get(name).map(|known| &**known)
    }

    /// Returns the unallocated amount of a capability's property, if something was allocated from
    /// it.
    pub(crate) fn remaining(&self, capability: &str, name: &str) -> Option<&Value> {
        self.capability(capability)?.remaining.get(name)
    }
}

/// A relationship of the graph.
#[derive(Debug)]
pub(crate) struct GraphRelationship<'a> {
    pub(crate) source: NodeNumber,
    pub(crate) target: NodeNumber,
    /// Its index among the relationships of its requirement.
    pub(crate) index: u64,
    pub(crate) definition: &'a RequirementDefinition<'a>,
    /// The assignment; `None` if the definition implies the relationship.
    pub(crate) assignment: Option<&'a RequirementAssignment<'a>>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDefinition<'a>,
    pub(crate) capability: &'a CapabilityDefinition<'a>,
    /// Properties and attributes with the refinements of the requirement.
    pub(crate) properties: &'a PropertyDefinitions<'a>,
    pub(crate) attributes: &'a PropertyDefinitions<'a>,
    /// Values of the assignment, or of the relationship template it names.
    pub(crate) values: &'a ValueAssignments<'a>,
    /// Amounts it allocates from the capability's properties, each with the value to show.
    pub(crate) allocation: Vec<(&'a str, Decimal, Value)>,
    /// The choice of its target.
    pub(crate) chosen: TargetChoice,
    pub(crate) memo: ValueMemo<'a>,
}

/// The choice of a target among candidates. The digest of the candidates is computed later.
#[derive(Debug)]
pub(crate) struct TargetChoice {
    pub(crate) why: model::ChoiceReason,
    /// The nodes that were considered, in their order.
    pub(crate) considered: Vec<NodeNumber>,
    /// The seed, if chance decided.
    pub(crate) seed: Option<B256>,
}

/// A relationship before its capability is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelationshipDraft<'a> {
    pub(crate) source: NodeNumber,
    pub(crate) target: NodeNumber,
    pub(crate) index: u64,
    pub(crate) definition: &'a RequirementDefinition<'a>,
    pub(crate) assignment: Option<&'a RequirementAssignment<'a>>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDefinition<'a>,
    pub(crate) properties: &'a PropertyDefinitions<'a>,
    pub(crate) attributes: &'a PropertyDefinitions<'a>,
    pub(crate) values: &'a ValueAssignments<'a>,
}

impl<'a> RelationshipDraft<'a> {
    /// Makes the relationship.
    pub(crate) fn establish(
        self,
        capability: &'a CapabilityDefinition<'a>,
        allocation: Vec<(&'a str, Decimal, Value)>,
        chosen: TargetChoice,
    ) -> GraphRelationship<'a> {
        GraphRelationship {
            source: self.source,
            target: self.target,
            index: self.index,
            definition: self.definition,
            assignment: self.assignment,
            id: self.id,
            def: self.def,
            capability,
            properties: self.properties,
            attributes: self.attributes,
            values: self.values,
            allocation,
            chosen,
            memo: RefCell::default(),
        }
    }
}

/// A property whose evaluation is deferred: of a node or its capability, or of a relationship by
/// source, requirement and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DeferredProperty<'a> {
    Node(NodeNumber, Option<&'a str>, &'a str),
    Relationship(NodeNumber, &'a str, u64, &'a str),
}

/// The state of deferred evaluation, for values that nest too deep for the stack.
#[derive(Debug, Default)]
pub(crate) struct DeferredValues<'a> {
    pub(crate) next: Cell<Option<DeferredProperty<'a>>>,
    pub(crate) draining: Cell<bool>,
    /// Whether values need each other in a circle.
    pub(crate) circle: Cell<bool>,
}

/// Nodes and relationships.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    nodes: Vec<GraphNode<'a>>,
    /// The nodes of each template, by the template's position.
    pub(crate) templates: Vec<NodeRange>,
    /// The first node of the outer service; those nodes are targets of mapped requirements.
    pub(crate) outer: NodeNumber,
    /// Nodes of other services, which may fulfill requirements.
    pub(crate) external: NodeRange,
    relationships: RefCell<Vec<Rc<GraphRelationship<'a>>>>,
    /// Relationships by their source and by their target.
    outgoing: RefCell<Vec<Vec<RelationshipNumber>>>,
    incoming: RefCell<Vec<Vec<RelationshipNumber>>>,
    /// Whether resolution is finished: no requirement gets more relationships.
    pub(crate) settled: Cell<bool>,
}

impl<'a> Graph<'a> {
    pub(crate) fn node(&self, at: NodeNumber) -> &GraphNode<'a> {
        &self.nodes[at.position()]
    }

    /// Returns the numbers of all nodes.
    pub(crate) fn numbers(&self) -> NodeRange {
        NodeRange(0..self.next_number().0)
    }

    /// Returns the number that the next node gets.
    pub(crate) fn next_number(&self) -> NodeNumber {
        NodeNumber(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    /// Returns the nodes from a number to the last.
    pub(crate) fn nodes_from(&self, first: NodeNumber) -> NodeRange {
        NodeRange(first.0..self.next_number().0)
    }

    pub(crate) fn push(&mut self, node: GraphNode<'a>) {
        self.nodes.push(node);
    }

    /// Removes the nodes from this number on. Nothing may refer to them.
    pub(crate) fn truncate(&mut self, from: NodeNumber) {
        self.nodes.truncate(from.position());
    }

    /// Prepares the lists of relationships of all nodes.
    pub(crate) fn prepare(&mut self) {
        self.outgoing = RefCell::new(vec![Vec::new(); self.nodes.len()]);
        self.incoming = RefCell::new(vec![Vec::new(); self.nodes.len()]);
    }

    /// Returns the nodes of a template.
    pub(crate) fn of_template(&self, position: usize) -> NodeRange {
        self.templates.get(position).cloned().unwrap_or_default()
    }

    /// Returns the relationships of a requirement in the order of their indices.
    pub(crate) fn outgoing(
        &self,
        node: NodeNumber,
        requirement: &str,
    ) -> Vec<Rc<GraphRelationship<'a>>> {
        let relationships = self.relationships.borrow();
        let all = self.outgoing.borrow();
        let own = all.get(node.position()).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<Rc<GraphRelationship<'a>>> = own
            .iter()
            .map(|at| &relationships[at.0 as usize])
            .filter(|one| one.definition.name.text == requirement)
            .cloned()
            .collect();
        found.sort_by_key(|one| one.index);
        found
    }

    /// Returns the relationships that lead to a capability, in the order in which they were made.
    pub(crate) fn incoming(
        &self,
        node: NodeNumber,
        capability: &str,
    ) -> Vec<Rc<GraphRelationship<'a>>> {
        let relationships = self.relationships.borrow();
        let all = self.incoming.borrow();
        let own = all.get(node.position()).map(Vec::as_slice).unwrap_or_default();
        own.iter()
            .map(|at| &relationships[at.0 as usize])
            .filter(|one| one.capability.name.text == capability)
            .cloned()
            .collect()
    }

    /// Returns all relationships.
    pub(crate) fn relationships(&self) -> Vec<Rc<GraphRelationship<'a>>> {
        self.relationships.borrow().clone()
    }

    /// Keeps the ids of all nodes.
    pub(crate) fn name(&self, ids: &[ElementId]) {
        for (node, id) in self.nodes.iter().zip(ids) {
            node.element.get_or_init(|| *id);
        }
    }

    pub(crate) fn add(&self, relationship: GraphRelationship<'a>) {
        let mut all = self.relationships.borrow_mut();
        let at = RelationshipNumber(u32::try_from(all.len()).unwrap_or(u32::MAX));
        self.outgoing.borrow_mut()[relationship.source.position()].push(at);
        self.incoming.borrow_mut()[relationship.target.position()].push(at);
        all.push(Rc::new(relationship));
    }
}

/// Returns the address of a definition: its key for as long as the definitions live.
pub(crate) fn address<T>(definition: &T) -> usize {
    std::ptr::from_ref(definition) as usize
}
