//! Substitution: services that stand for nodes (csd07 chapter 15).

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::representation as model;
use koinon_model::representation::ElementId;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;

use super::builder::RepresentationBuilder;
use super::ids::UnnamedElements;
use crate::check::open_program;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::CapabilityMapping;
use crate::grammar::InterfaceDefinition;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::OperationMapping;
use crate::grammar::RelationshipIndex;
use crate::grammar::ServiceTemplate;
use crate::grammar::SubstitutionMapping;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;
use crate::keynames::TypeKind;
use crate::program::InputMode;
use crate::program::NodeNumber;
use crate::program::Program;
use crate::program::ProgramConfig;

/// The most services nested in each other. Deeper nesting is most likely a template that stands for
/// one of its own nodes.
const MAX_NESTED: u32 = 16;

impl<'a> Program<'a> {
    /// Updates the unallocated amounts of a node's capabilities.
    pub(super) fn update_remaining(&self, number: NodeNumber, node: &mut model::Node) {
        for capability in self.graph.node(number).def.capabilities.values() {
            let Some(seen) = node.capabilities.get_mut(capability.name.text) else { continue };
            for name in capability.properties.keys() {
                if let Some(left) = self.remaining_value(number, capability, name) {
                    Arc::make_mut(seen).remaining.insert((*name).into(), left);
                }
            }
        }
    }

    /// Allocates what a nested service allocated from nodes of this one. Returns those nodes.
    fn allocate_from_outer(&self, inner: &Self) -> Vec<NodeNumber> {
        let mut touched = Vec::new();
        for at in inner.graph.numbers() {
            let node = inner.graph.node(at);
            let Some(number) = node.referenced.as_ref().and_then(|one| one.outer) else { continue };
            for capability in node.def.capabilities.values() {
                for name in capability.properties.keys() {
                    if let Some(taken) = inner.resolver.allocated(at, capability.name.text, name) {
                        self.resolver.allocate(number, capability.name.text, name, taken);
                        touched.push(number);
                    }
                }
            }
        }
        touched
    }
}

/// A service that stands for a node.
#[derive(Clone, Copy)]
struct NestedService<'n, 'a> {
    program: &'n Program<'a>,
    representation: &'n Representation,
}

/// The outer representation, with its nodes by id.
pub(crate) struct OuterRepresentation<'r> {
    pub(super) made: &'r mut Representation,
    pub(super) places: &'r HashMap<ElementId, usize>,
}

impl OuterRepresentation<'_> {
    pub(super) fn node(&self, id: ElementId) -> Option<&model::Node> {
        self.made.nodes.get(*self.places.get(&id)?)
    }

    fn node_mut(&mut self, id: ElementId) -> Option<&mut model::Node> {
        self.made.nodes.get_mut(*self.places.get(&id)?)
    }
}

impl<'p, 'a> RepresentationBuilder<'p, 'a> {
    /// Makes the services that stand for nodes, and connects each with its node.
    pub(super) fn nest_services(
        &self,
        made: &mut Representation,
        places: &HashMap<ElementId, usize>,
    ) {
        let program = self.program;
        let mut outer = OuterRepresentation { made, places };
        for (at, template) in program.substituted.borrow().iter() {
            // A fault of one nested service is likely a fault of all that are equal.
            if !program.faults.is_empty() {
                return;
            }
            self.nest_service(*at, template, &mut outer);
        }
    }

    /// Returns the operations that workflows of a substituting service implement (csd07 15.6).
    pub(super) fn substituted_operations(
        &self,
        own: &model::Interfaces,
        definitions: &'p BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>>,
        template: &ServiceTemplate<'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Interfaces {
        let mappings = template.substitution.as_ref().map_or(&[][..], |one| &one.interfaces);
        let mut all: BTreeMap<Arc<str>, model::Interface> = BTreeMap::new();
        for OperationMapping { interface, operation, workflow } in mappings {
            let Some((name, definition)) = definitions.get_key_value(interface.text) else {
                continue;
            };
            let word = definition.interface_type;
            let id = word.and_then(|word| self.program.types.lookup(TypeKind::Interface, word));
            let Some(id) = id else { continue };
            let none = BTreeMap::new();
            let known = own.get(name);
            // An operation and a notification may share a name: the workflow then implements both.
            for notification in [false, true] {
                let (declared, known) = match notification {
                    false => (&definition.operations, known.map_or(&none, |one| &one.operations)),
                    true => {
                        (&definition.notifications, known.map_or(&none, |one| &one.notifications))
                    }
                };
                let Some((operation, _)) = declared.get_key_value(operation.text) else { continue };
                used.push(id);
                let made = all.entry(self.name(name)).or_insert_with(|| model::Interface {
                    interface_type: self.type_name(id),
                    operations: BTreeMap::new(),
                    notifications: BTreeMap::new(),
                });
                let made =
                    if notification { &mut made.notifications } else { &mut made.operations };
                // The first of several mappings counts.
                made.entry(self.name(operation)).or_insert_with(|| model::Operation {
                    implementation: None,
                    workflow: Some(workflow.text.into()),
                    ..known.get(*operation).cloned().unwrap_or_default()
                });
            }
        }
        all.into_iter().map(|(name, one)| (name, Arc::new(one))).collect()
    }

    fn nest_service(
        &self,
        at: NodeNumber,
        template: &'a ServiceTemplate<'a>,
        outer: &mut OuterRepresentation<'_>,
    ) {
        let program = self.program;
        let Some(substitution) = &template.substitution else { return };
        let node = program.graph.node(at);
        let (name, span) = (node.template.name.text, node.template.name.span);
        if program.nested >= MAX_NESTED {
            let message =
                format!("more than {MAX_NESTED} services are nested in each other at `{name}`");
            let fault = Fault::new(Code::Nesting, span, message);
            let fault = fault.related(template.span, "this service template stands for it");
            program.faults.push(fault);
            return;
        }
        let inputs = program.inputs_for(at, substitution);
        let config = ProgramConfig {
            types: program.types,
            other_services: program.other_services,
            faults: program.faults,
            inputs: &inputs,
            mapped: program.forward_requirements(at, template, substitution, outer),
            nested: program.nested + 1,
            mode: InputMode::Complete,
            seed: program.seed,
            steps: program.steps.get(),
            node_budget: program.node_budget.get(),
        };
        let name = format!("{}/{name}/{}", program.name, node.index);
        let mut inner = open_program(template, &name, config);
        inner.check_template();
        inner.check_complete(&inputs);
        inner.resolve(None);
        inner.check_graph();
        inner.choose_substitutes();
        inner.check_resolved();
        let ids = || UnnamedElements::of(&inner).name();
        let nested = RepresentationBuilder::new(&inner, self.lines).representation(ids);
        program.steps.set(inner.steps.get());
        program.node_budget.set(inner.node_budget.get());
        let service = NestedService { program: &inner, representation: &nested };
        self.connect(at, substitution, service, outer);
        for number in program.allocate_from_outer(&inner) {
            if let Some(node) = outer.node_mut(program.element(number)) {
                program.update_remaining(number, node);
            }
        }
        outer.made.substitutions.insert(program.element(at), nested);
    }

    /// Connects a node with the outputs and capabilities of the service that stands for it.
    fn connect(
        &self,
        at: NodeNumber,
        substitution: &SubstitutionMapping<'a>,
        service: NestedService<'_, 'a>,
        outer: &mut OuterRepresentation<'_>,
    ) {
        let NestedService { program: inner, representation: nested } = service;
        let id = self.program.element(at);
        // Grouped by capability and inserted together: each insertion alone would move all later
        // entries.
        let mut attributes: BTreeMap<Option<&str>, Vec<(Arc<str>, model::Property)>> =
            BTreeMap::new();
        for (to, from) in &substitution.attributes {
            let MappedTo::Name(output) = from else { continue };
            let Some(term) = nested.outputs.get(output.text) else { continue };
            let value = |value: Term| model::Property { value, origin: None };
            let mut own = |of, word: &Word<'_>| {
                attributes.entry(of).or_default().push((word.text.into(), value(term.clone())));
            };
            match to {
                MappedValue::Own(word) => own(None, word),
                MappedValue::Capability(name, word) => own(Some(name.text), word),
                MappedValue::Relationship(requirement, which, word) => {
                    let which = which.unwrap_or(RelationshipIndex::At(0));
                    let own =
                        outer.made.relationships.iter_mut().filter(|one| {
                            one.source == id && *one.requirement == *requirement.text
                        });
                    for relationship in own {
                        let term = match which {
                            RelationshipIndex::At(index)
                                if u64::from(relationship.index) != index =>
                            {
                                continue;
                            }
                            RelationshipIndex::At(_) => Some(term.clone()),
                            RelationshipIndex::All => item(term, relationship.index as usize),
                        };
                        let Some(term) = term else {
                            let message = format!(
                                "output `{}` has no value for relationship {} of `{}`",
                                output.text, relationship.index, requirement.text
                            );
                            let fault = Fault::new(Code::Evaluation, output.span, message);
                            self.program.faults.push(fault);
                            continue;
                        };
                        Arc::make_mut(&mut relationship.attributes)
                            .insert(word.text.into(), value(term));
                    }
                }
            }
        }
        if let Some(node) = outer.node_mut(id) {
            for (of, found) in attributes {
                let known = match of {
                    None => Some(Arc::make_mut(&mut node.attributes)),
                    Some(name) => node
                        .capabilities
                        .get_mut(name)
                        .map(|known| &mut Arc::make_mut(known).attributes),
                };
                if let Some(known) = known {
                    *known = std::mem::take(known).into_iter().chain(found).collect();
                }
            }
        }
        for CapabilityMapping { name, template, capability } in &substitution.capabilities {
            let position = inner.template.nodes.position(template.text).unwrap_or(usize::MAX);
            let first = inner.graph.of_template(position).next();
            let Some(node) = outer.node_mut(id) else { continue };
            if let (Some(known), Some(first)) = (node.capabilities.get_mut(name.text), first) {
                Arc::make_mut(known).inner = Some((inner.element(first), capability.text.into()));
            }
        }
    }
}

/// Returns one item of a list, if it is known before run time.
pub(crate) fn item(list: &Term, index: usize) -> Option<Term> {
    match list {
        Term::Known(value) => value.as_list()?.get(index).cloned().map(Arc::new).map(Term::Known),
        Term::Pending(value) => {
            value.as_list()?.get(index).cloned().map(Arc::new).map(Term::Pending)
        }
    }
}
