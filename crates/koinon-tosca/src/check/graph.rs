//! The representation graph while it grows: nodes, relationships, and the values that are known of them
//! (csd07 4.2.2).

use std::borrow::Cow;
use std::cell::Cell;
use std::cell::OnceCell;
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use alloy_primitives::B256;
use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::ElementId;
use koinon_model::representation::Term;

use super::decimal::Decimal;
use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::program::Program;
use super::value::effective;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::NodeTemplate;
use crate::grammar::Properties;
use crate::grammar::Property;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;

/// No values.
pub(super) static NOTHING: Assigned<'static> = Assigned::new();

/// Most nodes of a service and those nested in it.
pub(super) const MAX_NODES: u64 = 1_000_000;

/// A value that was evaluated: nothing if there is none, or the reason that it is not known.
pub(crate) type Evaluated = Result<Option<Value>, Halt>;

/// What was evaluated where it is kept, for all who use it.
pub(super) type Kept = Result<Option<Arc<Value>>, Halt>;

/// Values that were evaluated, by capability (the node itself if there is none) and name.
type Memo<'a> = RefCell<Vec<((Option<&'a str>, &'a str), Kept)>>;

/// A node.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) template: &'a NodeTemplate<'a>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDef<'a>,
    /// Its number among the nodes of its template.
    pub(crate) index: u64,
    /// What is known of it, if it is not made here but somewhere else, and only referred to.
    pub(crate) elsewhere: Option<Box<Elsewhere<'a>>>,
    /// Its id, once it was asked for.
    pub(super) element: OnceCell<ElementId>,
    memo: Memo<'a>,
}

/// A node of another service.
#[derive(Debug)]
pub(crate) struct Elsewhere<'a> {
    pub(crate) node: Cow<'a, model::Node>,
    /// Its number in the outer service, if it is one of that which this one is nested in.
    pub(crate) outer: Option<u32>,
}

impl<'a> Node<'a> {
    /// Makes a node of this service.
    pub(super) fn new(
        template: &'a NodeTemplate<'a>,
        id: TypeId,
        def: &'a TypeDef<'a>,
        index: u64,
    ) -> Self {
        let (element, memo) = (OnceCell::new(), RefCell::default());
        Self { template, id, def, index, elsewhere: None, element, memo }
    }

    /// Makes it a reference.
    pub(super) fn elsewhere(self, elsewhere: Elsewhere<'a>) -> Self {
        Self { elsewhere: Some(Box::new(elsewhere)), ..self }
    }
}

impl Elsewhere<'_> {
    fn capability(&self, name: &str) -> Option<&model::Capability> {
        self.node.capabilities.get(name).map(|known| &**known)
    }

    /// Returns what is left of a capability's property, if something was allocated from it.
    pub(super) fn remaining(&self, capability: &str, name: &str) -> Option<&Value> {
        self.capability(capability)?.remaining.get(name)
    }
}

/// Returns what is known of a value of another service.
fn known(properties: Option<&model::Properties>, name: &str, span: Span) -> Kept {
    match properties.and_then(|properties| properties.get(name)).map(|one| &one.value) {
        Some(Term::Known(value)) => Ok(Some(Arc::clone(value))),
        Some(Term::Pending(_)) => Err(Halt::RunTime(span)),
        None => Ok(None),
    }
}

/// Returns a copy of a value that is kept.
fn copied(kept: &Kept) -> Evaluated {
    Ok(kept.as_ref().map_err(|halt| *halt)?.as_deref().cloned())
}

/// A relationship.
#[derive(Debug)]
pub(crate) struct Relationship<'a> {
    pub(crate) source: u32,
    pub(crate) target: u32,
    /// Its number among the relationships of its requirement.
    pub(crate) index: u64,
    pub(crate) definition: &'a RequirementType<'a>,
    /// The assignment; none if it is implied by the definition.
    pub(crate) assignment: Option<&'a Requirement<'a>>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDef<'a>,
    pub(crate) capability: &'a Capability<'a>,
    /// Properties and attributes with the refinements of the requirement.
    pub(crate) properties: &'a Properties<'a>,
    pub(crate) attributes: &'a Properties<'a>,
    /// Values: those of the assignment, or of the relationship template it names.
    pub(crate) values: &'a Assigned<'a>,
    /// What it takes of the capability's properties, each with the value as text.
    pub(crate) allocation: Vec<(&'a str, Decimal, Value)>,
    /// How it was chosen.
    pub(crate) chosen: Chosen,
    memo: Memo<'a>,
}

/// How a target was chosen among candidates, whose digest is made when there is time for it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) why: model::Why,
    /// The nodes that were considered, in their order.
    pub(crate) considered: Vec<u32>,
    /// What chance was drawn from.
    pub(crate) seed: Option<B256>,
}

/// What a relationship is made of, before its capability is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link<'a> {
    pub(crate) source: u32,
    pub(crate) target: u32,
    pub(crate) index: u64,
    pub(crate) definition: &'a RequirementType<'a>,
    pub(crate) assignment: Option<&'a Requirement<'a>>,
    pub(crate) id: TypeId,
    pub(crate) def: &'a TypeDef<'a>,
    pub(crate) properties: &'a Properties<'a>,
    pub(crate) attributes: &'a Properties<'a>,
    pub(crate) values: &'a Assigned<'a>,
}

impl<'a> Link<'a> {
    /// Makes the relationship.
    pub(crate) fn establish(
        self,
        capability: &'a Capability<'a>,
        allocation: Vec<(&'a str, Decimal, Value)>,
        chosen: Chosen,
    ) -> Relationship<'a> {
        Relationship {
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

/// Most values that wait for each other on the stack.
const MAX_WAITING: u32 = 64;

/// A property that is evaluated by itself: of a node or its capability, or of a relationship by its source, requirement
/// and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Deferred<'a> {
    Node(u32, Option<&'a str>, &'a str),
    Relationship(u32, &'a str, u64, &'a str),
}

/// What becomes of values that too many others wait for.
#[derive(Debug, Default)]
pub(super) struct Deep<'a> {
    next: Cell<Option<Deferred<'a>>>,
    draining: Cell<bool>,
    /// Whether values need each other in a circle.
    circle: Cell<bool>,
}

/// Nodes and relationships.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    /// The first node of each template, and how many there are; by the template's position.
    pub(super) templates: Vec<(u32, u32)>,
    /// The first of the nodes of the outer service, which requirements are mapped to.
    pub(super) outer: u32,
    /// Nodes of other services, which may fulfill requirements.
    pub(super) external: std::ops::Range<u32>,
    relationships: RefCell<Vec<Rc<Relationship<'a>>>>,
    /// Relationships by their source and by their target.
    outgoing: RefCell<Vec<Vec<u32>>>,
    incoming: RefCell<Vec<Vec<u32>>>,
    /// Requirements that will have no more relationships than they have.
    pub(super) settled: Cell<bool>,
}

impl<'a> Graph<'a> {
    pub(crate) fn node(&self, at: u32) -> &Node<'a> {
        &self.nodes[at as usize]
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn push(&mut self, node: Node<'a>) {
        self.nodes.push(node);
    }

    /// Forgets the nodes from this one on, which nothing refers to yet.
    pub(super) fn truncate(&mut self, len: u32) {
        self.nodes.truncate(len as usize);
    }

    /// Makes room for the relationships of all nodes.
    pub(super) fn prepare(&mut self) {
        self.outgoing = RefCell::new(vec![Vec::new(); self.nodes.len()]);
        self.incoming = RefCell::new(vec![Vec::new(); self.nodes.len()]);
    }

    /// Returns the nodes of a template.
    pub(crate) fn of_template(&self, position: usize) -> std::ops::Range<u32> {
        let (first, count) = self.templates.get(position).copied().unwrap_or_default();
        first..first + count
    }

    /// Returns the relationships of a requirement in the order of their numbers.
    pub(crate) fn outgoing(&self, node: u32, requirement: &str) -> Vec<Rc<Relationship<'a>>> {
        let relationships = self.relationships.borrow();
        let all = self.outgoing.borrow();
        let own = all.get(node as usize).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<Rc<Relationship<'a>>> = own
            .iter()
            .map(|at| &relationships[*at as usize])
            .filter(|one| one.definition.name.text == requirement)
            .cloned()
            .collect();
        found.sort_by_key(|one| one.index);
        found
    }

    /// Returns the relationships that lead to a capability, in the order in which they were made.
    pub(crate) fn incoming(&self, node: u32, capability: &str) -> Vec<Rc<Relationship<'a>>> {
        let relationships = self.relationships.borrow();
        let all = self.incoming.borrow();
        let own = all.get(node as usize).map(Vec::as_slice).unwrap_or_default();
        own.iter()
            .map(|at| &relationships[*at as usize])
            .filter(|one| one.capability.name.text == capability)
            .cloned()
            .collect()
    }

    /// Returns all relationships.
    pub(crate) fn relationships(&self) -> Vec<Rc<Relationship<'a>>> {
        self.relationships.borrow().clone()
    }

    /// Keeps the ids of all nodes.
    pub(super) fn name(&self, ids: &[ElementId]) {
        for (node, id) in self.nodes.iter().zip(ids) {
            node.element.get_or_init(|| *id);
        }
    }

    pub(super) fn add(&self, relationship: Relationship<'a>) {
        let mut all = self.relationships.borrow_mut();
        let at = u32::try_from(all.len()).unwrap_or(u32::MAX);
        self.outgoing.borrow_mut()[relationship.source as usize].push(at);
        self.incoming.borrow_mut()[relationship.target as usize].push(at);
        all.push(Rc::new(relationship));
    }
}

impl<'a> Program<'a> {
    /// Returns how many nodes a template stands for.
    pub(crate) fn count(&self, template: &NodeTemplate<'a>) -> Result<u64, Halt> {
        let Some(count) = &template.count else { return Ok(1) };
        // The count belongs to the template, not to one of its nodes.
        let value = self.eval(count, Scope::of("count"))?.value;
        value.as_u64().ok_or_else(|| {
            let message =
                format!("expected a natural number for `count`, found {}", value.to_json());
            self.halt(Fault::new(Code::Count, count.span, message))
        })
    }

    /// Evaluates a property of a node; nothing if it has no value.
    pub(crate) fn property(&self, at: u32, name: &str) -> Evaluated {
        self.look_at_property(at, name, copied)
    }

    /// Evaluates a property of a node and looks at its value where it is kept.
    pub(super) fn look_at_property<T>(&self, at: u32, name: &str, look: impl Fn(&Kept) -> T) -> T {
        let node = self.graph.node(at);
        let Some((name, property)) = node.def.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        if let Some(elsewhere) = &node.elsewhere {
            return look(&known(Some(&elsewhere.node.properties), name, property.name.span));
        }
        let values = &node.template.properties;
        self.memoised(&node.memo, (None, name), property, values, Own::Node(at), look)
    }

    /// Evaluates a property of a capability.
    pub(crate) fn capability_property(
        &self,
        at: u32,
        capability: &'a Capability<'a>,
        name: &str,
    ) -> Evaluated {
        self.look_at_capability_property(at, capability, name, copied)
    }

    /// Evaluates a property of a capability and looks at its value where it is kept.
    pub(super) fn look_at_capability_property<T>(
        &self,
        at: u32,
        capability: &'a Capability<'a>,
        name: &str,
        look: impl Fn(&Kept) -> T,
    ) -> T {
        let node = self.graph.node(at);
        let Some((name, property)) = capability.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        if let Some(elsewhere) = &node.elsewhere {
            let of = elsewhere.capability(capability.name.text);
            return look(&known(of.map(|of| &of.properties), name, property.name.span));
        }
        let values = node.template.capabilities.get(capability.name.text);
        let values = values.map_or(&NOTHING, |values| &values.properties);
        let key = (Some(capability.name.text), *name);
        self.memoised(&node.memo, key, property, values, Own::Node(at), look)
    }

    /// Evaluates a property of a relationship.
    pub(crate) fn relationship_property(
        &self,
        relationship: &Relationship<'a>,
        name: &str,
    ) -> Evaluated {
        self.look_at_relationship_property(relationship, name, copied)
    }

    /// Evaluates a property of a relationship and looks at its value where it is kept.
    pub(super) fn look_at_relationship_property<T>(
        &self,
        relationship: &Relationship<'a>,
        name: &str,
        look: impl Fn(&Kept) -> T,
    ) -> T {
        let Some((name, property)) = relationship.properties.get_key_value(name) else {
            return look(&Err(Halt::Reported));
        };
        let own = Own::Relationship(relationship);
        let key = (None, *name);
        let (memo, values) = (&relationship.memo, relationship.values);
        self.memoised(memo, key, property, values, own, look)
    }

    fn memoised<T>(
        &self,
        memo: &Memo<'a>,
        key: (Option<&'a str>, &'a str),
        property: &'a Property<'a>,
        values: &'a Assigned<'a>,
        own: Own<'_, 'a>,
        look: impl Fn(&Kept) -> T,
    ) -> T {
        if let Some((_, value)) = memo.borrow().iter().find(|(known, _)| *known == key) {
            return look(value);
        }
        let Some(expr) = effective(property, values) else { return look(&Ok(None)) };
        let mut value = self.evaluate(expr, property, (own, key));
        // The outermost evaluates what is too deep by itself first, and then begins again: so it does not matter which of
        // many values that need each other comes first.
        while matches!(value, Err(Halt::Deep)) && self.depth.get() == 0 && !self.deep.draining.get()
        {
            value = match self.drain() {
                Ok(()) => self.evaluate(expr, property, (own, key)),
                Err(halt) => Err(halt),
            };
        }
        // What waits for a relationship may be known next time.
        let passing = match value {
            Err(Halt::Later) => !self.graph.settled.get(),
            Err(Halt::Deep) => true,
            _ => false,
        };
        let seen = look(&value);
        if !passing {
            memo.borrow_mut().push((key, value));
        }
        seen
    }

    /// Evaluates the value that was too deep, and before it those that are too deep from there; halts where one waits for
    /// a relationship, and with it all that need it.
    fn drain(&self) -> Result<(), Halt> {
        self.deep.draining.set(true);
        let result = self.drain_waiting();
        self.deep.draining.set(false);
        result
    }

    fn drain_waiting(&self) -> Result<(), Halt> {
        let mut waiting: Vec<Deferred<'a>> = self.deep.next.take().into_iter().collect();
        let mut known: HashSet<Deferred<'a>> = waiting.iter().copied().collect();
        while let Some(last) = waiting.last() {
            let value = match last {
                Deferred::Node(at, None, name) => self.property(*at, name),
                Deferred::Node(at, Some(capability), name) => {
                    let capability = self.graph.node(*at).def.capabilities.get(capability);
                    capability.map_or(Ok(None), |of| self.capability_property(*at, of, name))
                }
                Deferred::Relationship(source, requirement, index, name) => {
                    let mut all = self.graph.outgoing(*source, requirement).into_iter();
                    let found = all.find(|one| one.index == *index);
                    found.map_or(Ok(None), |one| self.relationship_property(&one, name))
                }
            };
            match (value, self.deep.next.take()) {
                (Err(Halt::Deep), Some(next)) if known.insert(next) => waiting.push(next),
                // It needs itself: from now on what is too deep is a fault.
                (Err(Halt::Deep), _) => self.deep.circle.set(true),
                (Err(Halt::Later), _) if !self.graph.settled.get() => return Err(Halt::Later),
                _ => drop(waiting.pop()),
            }
        }
        Ok(())
    }

    fn evaluate(
        &self,
        expr: &Expr<'a>,
        property: &'a Property<'a>,
        (own, (capability, name)): (Own<'_, 'a>, (Option<&'a str>, &'a str)),
    ) -> Kept {
        let depth = self.depth.get();
        if depth >= MAX_WAITING {
            let deferred = match own {
                Own::Node(at) => Some(Deferred::Node(at, capability, name)),
                // One that is only tried cannot be found again.
                Own::Relationship(one) => {
                    let requirement = one.definition.name.text;
                    let known = self.graph.outgoing(one.source, requirement);
                    known
                        .iter()
                        .any(|other| other.index == one.index)
                        .then_some(Deferred::Relationship(one.source, requirement, one.index, name))
                }
                Own::Nothing => None,
            };
            let Some(deferred) = deferred.filter(|_| !self.deep.circle.get()) else {
                let message = "values depend on each other in a circle";
                return Err(self.halt(Fault::new(Code::ValueCycle, expr.span, message)));
            };
            self.deep.next.set(Some(deferred));
            return Err(Halt::Deep);
        }
        self.depth.set(depth + 1);
        let scope = Scope { own, ..Scope::of(name) };
        let value = self.typed(expr, &property.schema, scope);
        self.depth.set(depth);
        value.map(Arc::new).map(Some)
    }
}
