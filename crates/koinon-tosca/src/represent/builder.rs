//! The representation, section by section.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use koinon_model::representation as model;
use koinon_model::representation::ElementId;
use koinon_model::representation::PolicyVerdict;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;

use super::ids::ElementIds;
use super::lines::LineIndex;
use super::workflows::trigger_value;
use super::workflows::workflow_value;
use crate::evaluate::PathPlace;
use crate::evaluate::Scope;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;
use crate::keynames::TypeKind;
use crate::program::GraphRelationship;
use crate::program::NodeNumber;
use crate::program::Program;

pub(crate) struct RepresentationBuilder<'p, 'a> {
    pub(crate) program: &'p Program<'a>,
    pub(crate) lines: &'p LineIndex<'p>,
    /// Names that repeat, shared.
    pub(super) names: RefCell<HashMap<&'p str, Arc<str>>>,
    /// Capabilities that are equal for every node, by the address of their definition.
    pub(super) capabilities: RefCell<HashMap<usize, Arc<model::Capability>>>,
    /// Attribute defaults that are equal for every element, by the address of their expression.
    pub(super) defaults: RefCell<HashMap<usize, model::Property>>,
    /// Attributes whose values are all in `defaults`, by the address of their definitions.
    pub(super) attributes: RefCell<HashMap<usize, Arc<model::Properties>>>,
}

impl<'p, 'a> RepresentationBuilder<'p, 'a> {
    pub(crate) fn new(program: &'p Program<'a>, lines: &'p LineIndex<'p>) -> Self {
        Self {
            program,
            lines,
            names: RefCell::default(),
            capabilities: RefCell::default(),
            defaults: RefCell::default(),
            attributes: RefCell::default(),
        }
    }

    /// Makes the representation without its sources. `ids` is called after the nodes are made.
    pub(crate) fn representation(&self, ids: impl FnOnce() -> ElementIds) -> Representation {
        let program = self.program;
        let inputs = program.inputs.iter();
        let mut used = Vec::new();
        let relationships = program.graph.relationships();
        let mut numbers = self.represented_nodes(&relationships);
        numbers.sort_by_cached_key(|at| self.sort_key(*at));
        let mut nodes = self.nodes(&numbers, &mut used);
        let ids = ids();
        program.graph.name(&ids.nodes);
        for (node, at) in nodes.iter_mut().zip(numbers) {
            node.id = ids.nodes[at.position()];
        }
        let places: HashMap<ElementId, usize> =
            nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        let place = |id: &ElementId| places.get(id).copied().unwrap_or(usize::MAX);
        let mut order: Vec<_> = relationships.iter().zip(ids.relationships).collect();
        order.sort_by_cached_key(|(one, _)| {
            let source = place(&ids.nodes[one.source.position()]);
            (source, one.definition.name.text, one.index)
        });
        let mut made = Vec::with_capacity(order.len());
        for (relationship, (id, candidates)) in order {
            made.push(self.relationship(relationship, id, candidates, &mut used));
        }
        let workflows = program.template.workflows.iter();
        let mut result = Representation {
            service: program.name.as_str().into(),
            sources: Vec::new(),
            inputs: inputs.map(|(name, value)| (Arc::from(*name), value.clone())).collect(),
            seed: program.seed,
            types: BTreeMap::new(),
            nodes,
            relationships: made,
            groups: self.groups(&mut used),
            policies: self.policies(&mut used),
            outputs: self.outputs(),
            workflows: workflows
                .map(|(name, workflow)| (name.text.into(), workflow_value(workflow)))
                .collect(),
            substitutions: BTreeMap::new(),
            unresolved: self.unresolved(),
        };
        result.types = self.ancestors(used);
        self.nest_services(&mut result, &places);
        result.unresolved.sort_by(|one, other| {
            (place(&one.source), &one.requirement, one.index).cmp(&(
                place(&other.source),
                &other.requirement,
                other.index,
            ))
        });
        result
    }

    fn nodes(&self, numbers: &[NodeNumber], used: &mut Vec<TypeId>) -> Vec<model::Node> {
        let mut nodes = Vec::with_capacity(self.program.graph.numbers().len());
        for at in numbers {
            nodes.push(match &self.program.graph.node(*at).referenced {
                None => self.node(*at, used),
                Some(referenced) => self.reference(*at, referenced, used),
            });
        }
        nodes
    }

    fn groups(&self, used: &mut Vec<TypeId>) -> BTreeMap<Arc<str>, model::Group> {
        let types = self.program.types;
        let mut groups = BTreeMap::new();
        for (name, group) in self.program.template.groups.iter() {
            let Some(id) = types.lookup(TypeKind::Group, group.group_type) else { continue };
            used.push(id);
            let def = types.def(id);
            let scope = Scope::of("group");
            let group = model::Group {
                group_type: self.type_name(id),
                properties: self.values(&def.properties, &group.properties, scope),
                attributes: self.attributes(&def.attributes, &group.attributes, scope),
                members: self.members(&group.members),
            };
            groups.insert(name.text.into(), group);
        }
        groups
    }

    fn policies(&self, used: &mut Vec<TypeId>) -> Vec<model::Policy> {
        let types = self.program.types;
        let mut policies = Vec::new();
        for (name, policy) in self.program.template.policies.iter() {
            let Some(id) = types.lookup(TypeKind::Policy, policy.policy_type) else { continue };
            used.push(id);
            let def = types.def(id);
            let triggers = def.triggers.iter().chain(&policy.triggers);
            policies.push(model::Policy {
                name: name.text.into(),
                policy_type: self.type_name(id),
                properties: self.values(&def.properties, &policy.properties, Scope::of("policy")),
                targets: self.members(&policy.targets),
                triggers: triggers
                    .map(|(name, trigger)| (Arc::from(*name), trigger_value(trigger)))
                    .collect(),
                // The processor that enforces a policy decides its verdict.
                verdict: PolicyVerdict::Open,
            });
        }
        policies
    }

    fn outputs(&self) -> BTreeMap<Arc<str>, Term> {
        let mut outputs = BTreeMap::new();
        for (name, output) in &self.program.template.outputs {
            let Some(value) = &output.value else { continue };
            let scope = Scope::of(name);
            let term = self.program.typed(value, &output.schema, scope);
            outputs.extend(self.term(term, value, scope).map(|term| (Arc::from(*name), term)));
        }
        outputs
    }

    /// Returns the mandatory requirements that nothing fulfills.
    fn unresolved(&self) -> Vec<model::Unresolved> {
        let unresolved = self.program.resolver.unresolved.borrow();
        let mandatory = unresolved.iter().filter(|one| !one.optional);
        mandatory
            .map(|one| model::Unresolved {
                source: self.program.element(one.node),
                requirement: one.requirement.into(),
                index: u32::try_from(one.index).unwrap_or(u32::MAX),
                reason: one.reason.clone(),
            })
            .collect()
    }

    /// Returns the ancestors of the used types.
    fn ancestors(&self, mut used: Vec<TypeId>) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
        used.sort_unstable();
        used.dedup();
        let ancestors = used.into_iter().map(|id| {
            let chain = &self.program.types.def(id).chain;
            let ancestors = chain.iter().skip(1).map(|id| self.type_name(*id)).collect();
            (self.type_name(id), ancestors)
        });
        ancestors.collect()
    }

    /// Returns the nodes of the graph that are nodes of the representation, in the graph's order.
    fn represented_nodes(&self, relationships: &[Rc<GraphRelationship<'a>>]) -> Vec<NodeNumber> {
        let graph = &self.program.graph;
        let referred: HashSet<NodeNumber> = relationships.iter().map(|one| one.target).collect();
        let mut references = HashSet::new();
        let chosen = (graph.numbers()).filter(|at| {
            let Some(referenced) = &graph.node(*at).referenced else { return true };
            // A node of the outer service is in the outer representation; a node without reference
            // was only considered.
            let considered = graph.external.contains(*at) && !referred.contains(at);
            referenced.outer.is_none() && !considered && references.insert(referenced.node.id)
        });
        chosen.collect()
    }

    /// Returns the sort key of a node: its template, and its index among the template's nodes.
    pub(super) fn sort_key(&self, at: NodeNumber) -> (&'p str, u32) {
        let graph = &self.program.graph;
        let node = graph.node(at);
        let index = match &node.referenced {
            None => u32::try_from(node.index).unwrap_or(u32::MAX),
            Some(referenced) if graph.external.contains(at) => referenced.node.index,
            Some(_) => 0,
        };
        (node.template.name.text, index)
    }

    pub(crate) fn name(&self, text: &'p str) -> Arc<str> {
        self.names.borrow_mut().entry(text).or_insert_with(|| text.into()).clone()
    }

    pub(crate) fn type_name(&self, id: TypeId) -> Arc<str> {
        self.name(self.program.types.full_name(id))
    }

    /// Returns the nodes of templates and of groups by name, each group once.
    pub(crate) fn members(&self, words: &[Word<'a>]) -> Vec<ElementId> {
        let program = self.program;
        let mut ids = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left: Vec<Word<'a>> = words.to_vec();
        while let Some(word) = left.pop() {
            if !seen.insert(word.text) {
                continue;
            }
            let before = ids.len();
            if let Some(position) = program.template.nodes.position(word.text) {
                ids.extend(program.graph.of_template(position).map(|at| program.element(at)));
            } else if let Some(group) = program.template.groups.get(word.text) {
                left.extend(&group.members);
            }
            // The members of nested groups can be quadratic in the size of the file.
            if program.spend(1 + (ids.len() - before) as u64, word.span).is_err() {
                break;
            }
        }
        ids.sort_unstable();
        ids
    }

    pub(super) fn id_of(&self, relationship: &GraphRelationship<'a>) -> ElementId {
        let source = self.program.element(relationship.source);
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        ElementId::relationship(source, relationship.definition.name.text, index)
    }

    pub(crate) fn place(&self, at: &PathPlace<'_, 'a>) -> (ElementId, Option<Arc<str>>) {
        match at {
            PathPlace::Node(node) => (self.program.element(*node), None),
            PathPlace::Capability(node, capability) => {
                (self.program.element(*node), Some(capability.name.text.into()))
            }
            PathPlace::Tried(one) => (self.id_of(one), None),
            PathPlace::Relationship(one) => (self.id_of(one), None),
        }
    }
}
