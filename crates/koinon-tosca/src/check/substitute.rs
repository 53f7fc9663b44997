//! Substitution: services that stand for nodes (csd07 chapter 15).

use std::collections::BTreeMap;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::ElementId;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;

use super::eval::Halt;
use super::eval::Scope;
use super::graph::Evaluated;
use super::ids::Unnamed;
use super::program::Inputs;
use super::program::Program;
use super::program::Setting;
use super::represent::Builder;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Assignments;
use crate::grammar::Directive;
use crate::grammar::Index;
use crate::grammar::Interface;
use crate::grammar::MappedRequirement;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::NodeTemplate;
use crate::grammar::RequirementMapping;
use crate::grammar::Section;
use crate::grammar::Substitution;
use crate::grammar::Template;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;

/// Most services nested in each other. Who models deeper than this has a template that stands for a node of its own.
const MAX_NESTED: u32 = 16;

/// What requirement mappings hand on to a substituting service.
#[derive(Debug, Default)]
pub(crate) struct Mapped<'a> {
    pub(super) nodes: Vec<OuterNode<'a>>,
    /// Places among the nodes by inner node template and requirement, in the order in which they are taken.
    pub(super) requirements: BTreeMap<(&'a str, &'a str), Vec<usize>>,
    /// Places among the nodes by the node template that selects them.
    pub(super) selected: BTreeMap<&'a str, usize>,
}

/// A node of the outer service.
#[derive(Debug)]
pub(super) struct OuterNode<'a> {
    pub(super) template: &'a NodeTemplate<'a>,
    pub(super) id: TypeId,
    /// Its number among the outer nodes.
    pub(super) number: u32,
    pub(super) node: model::Node,
}

impl<'a> Program<'a> {
    /// Finds what stands for each node that is to be substituted.
    pub(crate) fn choose_substitutes(&self) {
        for at in 0..self.graph.len() {
            let node = self.graph.node(at);
            let template = node.template;
            let mut directives = template.directives.iter().map(|(directive, _)| *directive);
            let first = directives.find(|directive| *directive != Directive::Select);
            if node.elsewhere.is_some() || first != Some(Directive::Substitute) {
                continue;
            }
            match self.substitute_for(at) {
                Ok(found) => {
                    self.substituted.borrow_mut().insert(at, found);
                }
                Err(_) if template.has(Directive::Create) => {}
                Err(reason) => {
                    let mut reasons =
                        self.passed.get(template.name.text).cloned().unwrap_or_default();
                    reasons.push(format!("substitute: {reason}"));
                    self.fail(template, &reasons);
                }
            }
        }
    }

    /// Returns the first template that may stand for a node, or why there is none.
    pub(super) fn substitute_for(&self, at: u32) -> Result<&'a Template<'a>, String> {
        let node = self.graph.node(at);
        let mut reasons = Vec::new();
        for template in &self.around.substitutes {
            let Some(substitution) = &template.substitution else { continue };
            let name = template.name.map_or("a service template", |name| name.text);
            let Some(id) = self.types.lookup(Section::Node, substitution.node_type) else {
                continue;
            };
            if !self.types.derives(node.id, id) {
                reasons.push(format!("`{name}` stands for {}", substitution.node_type.text));
                continue;
            }
            if let Some(word) = self.differs(at, substitution) {
                reasons.push(format!("`{name}` has another `{}`", word.text));
                continue;
            }
            if self.passes(at, substitution.filter.as_ref()) {
                return Ok(template);
            }
            reasons.push(format!("the substitution filter of `{name}` is not true"));
        }
        if reasons.is_empty() {
            return Err("there is no service template with substitution mappings".to_owned());
        }
        Err(reasons.join(", "))
    }

    /// Returns a property that a substitution mapping of TOSCA 1.x has a fixed value for, and the node another one.
    fn differs(&self, at: u32, substitution: &Substitution<'a>) -> Option<Word<'a>> {
        substitution.properties.iter().find_map(|(from, to)| {
            let (MappedTo::Value(expr), MappedValue::Own(word)) = (to, from) else { return None };
            let (values, _) = self.faults.capture(|| {
                let property = self.graph.node(at).def.properties.get(word.text)?;
                let fixed = self.typed(expr, &property.schema, Scope::of(word.text)).ok();
                Some((fixed, self.property(at, word.text).ok().flatten()))
            });
            values.is_none_or(|(fixed, own)| fixed.is_none() || fixed != own).then_some(*word)
        })
    }

    /// Evaluates what property mappings give to the inputs of a substituting service (csd07 15.2).
    fn inputs_for(&self, at: u32, substitution: &Substitution<'a>) -> BTreeMap<String, Value> {
        let mut inputs = BTreeMap::new();
        for (from, to) in &substitution.properties {
            let MappedTo::Name(input) = to else { continue };
            let (word, found) = self.mapped_value(at, from);
            let problem = match found {
                Ok(Some(value)) => {
                    inputs.insert(input.text.to_owned(), value);
                    continue;
                }
                Ok(None) | Err(Halt::Input | Halt::Deep | Halt::Reported) => continue,
                Err(Halt::RunTime(_)) => "is known only at run time",
                Err(Halt::Later) => "leads over a relationship that is not there",
            };
            let of = self.graph.node(at).template.name.text;
            let message = format!("`{}` of `{of}` {problem}, an input needs it", word.text);
            self.faults.push(Fault::new(Code::RunTimeOnly, input.span, message));
        }
        inputs
    }

    fn mapped_value(&self, at: u32, from: &MappedValue<'a>) -> (Word<'a>, Evaluated) {
        let def = self.graph.node(at).def;
        match from {
            // An attribute of the node has no value before it runs.
            MappedValue::Own(word) if !def.properties.contains_key(word.text) => {
                (*word, Err(Halt::RunTime(word.span)))
            }
            MappedValue::Own(word) => (*word, self.property(at, word.text)),
            MappedValue::Capability(name, word) => match def.capabilities.get(name.text) {
                Some(capability) if capability.properties.contains_key(word.text) => {
                    (*word, self.capability_property(at, capability, word.text))
                }
                Some(_) => (*word, Err(Halt::RunTime(word.span))),
                // The check of the template said that.
                None => (*word, Err(Halt::Reported)),
            },
            MappedValue::Relationship(requirement, which, word) => {
                let all = self.graph.outgoing(at, requirement.text);
                let value = |one: &super::graph::Relationship<'a>| {
                    if one.properties.contains_key(word.text) {
                        self.relationship_property(one, word.text)
                    } else {
                        Err(Halt::RunTime(word.span))
                    }
                };
                let found = match which.unwrap_or(Index::At(0)) {
                    Index::All => {
                        let values: Result<Vec<Option<Value>>, Halt> =
                            all.iter().map(|one| value(one)).collect();
                        values.map(|all| Some(Value::List(all.into_iter().flatten().collect())))
                    }
                    Index::At(index) => {
                        let index = usize::try_from(index).unwrap_or(usize::MAX);
                        all.get(index).map_or(Ok(None), |one| value(one))
                    }
                };
                (*word, found)
            }
        }
    }

    /// Distributes the targets of a node's requirements over what they are mapped to (csd07 15.5).
    fn hand_on(
        &self,
        at: u32,
        template: &'a Template<'a>,
        substitution: &'a Substitution<'a>,
        outer: &Outer<'_>,
    ) -> Mapped<'a> {
        let mut mapped = Mapped::default();
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let mut done: Vec<&str> = Vec::new();
        for mapping in &substitution.requirements {
            let name = mapping.name.text;
            if done.contains(&name) {
                continue;
            }
            done.push(name);
            let all: Vec<&RequirementMapping<'a>> =
                substitution.requirements.iter().filter(|one| one.name.text == name).collect();
            let relationships = self.graph.outgoing(at, name);
            let slots = self.slots(template, &all, relationships.len());
            for (relationship, targets) in relationships.iter().zip(slots) {
                let number = relationship.target;
                let place = match places.get(&number) {
                    Some(place) => *place,
                    None => {
                        let Some(node) = self.seen_from_inside(number, outer) else { continue };
                        let known = self.graph.node(number);
                        let (template, id) = (known.template, known.id);
                        mapped.nodes.push(OuterNode { template, id, number, node });
                        places.insert(number, mapped.nodes.len() - 1);
                        mapped.nodes.len() - 1
                    }
                };
                for target in targets {
                    match target {
                        MappedRequirement::Requirement(node, requirement) => {
                            let key = (node.text, requirement.text);
                            mapped.requirements.entry(key).or_default().push(place);
                        }
                        MappedRequirement::Node(node) => {
                            mapped.selected.entry(node.text).or_insert(place);
                        }
                    }
                }
            }
        }
        mapped
    }

    /// Returns what each of so many relationships is mapped to: mandatory requirements first (csd07 15.5.4), what takes
    /// all that are left last.
    fn slots<'s>(
        &self,
        template: &'a Template<'a>,
        mappings: &[&'s RequirementMapping<'a>],
        count: usize,
    ) -> Vec<&'s [MappedRequirement<'a>]> {
        if let [only] = mappings
            && only.count.is_none()
        {
            return vec![&only.targets; count];
        }
        let mut left: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let (mut first, mut second, mut rest) = (Vec::new(), Vec::new(), None);
        for mapping in mappings {
            let times = match mapping.count {
                None => 1,
                Some(Assignments::Number(times)) => times,
                Some(Assignments::Unbounded) => {
                    rest = rest.or(Some(mapping.targets.as_slice()));
                    continue;
                }
            };
            for _ in 0..times.min(count as u64) {
                let mut mandatory = false;
                for target in &mapping.targets {
                    match target {
                        MappedRequirement::Node(_) => mandatory = true,
                        MappedRequirement::Requirement(node, requirement) => {
                            let left = left
                                .entry((node.text, requirement.text))
                                .or_insert_with(|| self.mandatory(template, *node, *requirement));
                            mandatory |= *left > 0;
                            *left = left.saturating_sub(1);
                        }
                    }
                }
                let slots = if mandatory { &mut first } else { &mut second };
                slots.push(mapping.targets.as_slice());
            }
        }
        first.append(&mut second);
        if let Some(rest) = rest {
            first.resize(first.len().max(count), rest);
        }
        first
    }

    /// Returns how many relationships of a requirement that dangles a template must have.
    pub(super) fn mandatory(
        &self,
        template: &'a Template<'a>,
        node: Word<'a>,
        requirement: Word<'a>,
    ) -> u64 {
        let Some(node) = template.nodes.get(node.text) else { return 0 };
        let mut assigned =
            node.requirements.iter().filter(|one| one.name.text == requirement.text).peekable();
        if assigned.peek().is_some() {
            let dangling = assigned.filter(|one| !one.optional && dangles(one, template));
            return dangling
                .map(|one| one.count.as_ref().map_or(1, |count| count.as_u64().unwrap_or(1)))
                .sum();
        }
        let def = self.types.get(Section::Node, node.node_type);
        def.and_then(|def| def.requirement(requirement.text)).map_or(0, |one| one.range().0)
    }

    /// Returns a node as a service that is nested in this one sees it.
    fn seen_from_inside(&self, number: u32, outer: &Outer<'_>) -> Option<model::Node> {
        let elsewhere = self.graph.node(number).elsewhere.as_ref();
        let made = outer.node(self.element(number));
        let mut seen = made.or(elsewhere.map(|elsewhere| &*elsewhere.node))?.clone();
        self.update(number, &mut seen);
        Some(seen)
    }

    /// Writes down what is left of the capabilities of a node.
    fn update(&self, number: u32, node: &mut model::Node) {
        for capability in self.graph.node(number).def.capabilities.values() {
            let Some(seen) = node.capabilities.get_mut(capability.name.text) else { continue };
            for name in capability.properties.keys() {
                if let Some(left) = self.left(number, capability, name) {
                    Arc::make_mut(seen).remaining.insert((*name).into(), left);
                }
            }
        }
    }

    /// Takes what a nested service allocated from nodes of this one.
    fn account(&self, inner: &Self) -> Vec<u32> {
        let mut touched = Vec::new();
        for at in 0..inner.graph.len() {
            let node = inner.graph.node(at);
            let Some(number) = node.elsewhere.as_ref().and_then(|one| one.outer) else { continue };
            for capability in node.def.capabilities.values() {
                for name in capability.properties.keys() {
                    let key = (capability.name.text, *name);
                    if let Some(taken) = inner.resolver.taken(at, key) {
                        self.resolver.take(number, key, taken);
                        touched.push(number);
                    }
                }
            }
        }
        touched
    }
}

/// Returns whether an assignment leaves it open which node fulfills it.
pub(super) fn dangles(one: &crate::grammar::Requirement<'_>, template: &Template<'_>) -> bool {
    one.node.as_ref().is_none_or(|target| !template.nodes.contains(target.name.text))
}

/// A representation whose nodes are looked up.
struct Outer<'r> {
    made: &'r mut Representation,
    places: &'r HashMap<ElementId, usize>,
}

impl Outer<'_> {
    fn node(&self, id: ElementId) -> Option<&model::Node> {
        self.made.nodes.get(*self.places.get(&id)?)
    }

    fn node_mut(&mut self, id: ElementId) -> Option<&mut model::Node> {
        self.made.nodes.get_mut(*self.places.get(&id)?)
    }
}

impl<'p, 'a> Builder<'p, 'a> {
    /// Makes the services that stand for nodes, and connects them with the nodes they stand for.
    pub(super) fn nest(&self, made: &mut Representation, places: &HashMap<ElementId, usize>) {
        let program = self.program;
        let mut outer = Outer { made, places };
        for (at, template) in program.substituted.borrow().iter() {
            // What is wrong with one is likely wrong with all of its kind.
            if !program.faults.is_empty() {
                return;
            }
            self.nest_one(*at, template, &mut outer);
        }
    }

    /// Lets the workflows of a substituting service do what a node's own implementations would (csd07 15.6).
    pub(super) fn substituted_operations(
        &self,
        own: &model::Interfaces,
        definitions: &'p BTreeMap<&'a str, Arc<Interface<'a>>>,
        template: &Template<'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Interfaces {
        let mappings = template.substitution.as_ref().map_or(&[][..], |one| &one.interfaces);
        let mut all: BTreeMap<Arc<str>, model::Interface> = BTreeMap::new();
        for (interface, operation, workflow) in mappings {
            let Some((name, definition)) = definitions.get_key_value(interface.text) else {
                continue;
            };
            let word = definition.interface_type;
            let id = word.and_then(|word| self.program.types.lookup(Section::Interface, word));
            let Some(id) = id else { continue };
            let none = BTreeMap::new();
            let known = own.get(name);
            // An operation and a notification may have the same name: then the workflow is both.
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

    fn nest_one(&self, at: u32, template: &'a Template<'a>, outer: &mut Outer<'_>) {
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
        let setting = Setting {
            types: program.types,
            around: program.around,
            faults: program.faults,
            inputs: &inputs,
            mapped: program.hand_on(at, template, substitution, outer),
            nested: program.nested + 1,
            mode: Inputs::Complete,
            seed: program.seed,
            steps: program.steps.get(),
            room: program.room.get(),
        };
        let name = format!("{}/{name}/{}", program.name, node.index);
        let mut inner = Program::new(template, &name, setting);
        inner.check_template();
        inner.check_complete(&inputs);
        inner.resolve(None);
        inner.check_graph();
        inner.choose_substitutes();
        inner.check_resolved();
        let ids = || Unnamed::of(&inner).name();
        let nested = Builder::new(&inner, self.lines).representation(ids);
        program.steps.set(inner.steps.get());
        program.room.set(inner.room.get());
        self.connect(at, substitution, (&inner, &nested), outer);
        for number in program.account(&inner) {
            if let Some(node) = outer.node_mut(program.element(number)) {
                program.update(number, node);
            }
        }
        outer.made.substitutions.insert(program.element(at), nested);
    }

    /// Gives a node the outputs and capabilities of the service that stands for it.
    fn connect(
        &self,
        at: u32,
        substitution: &Substitution<'a>,
        (inner, nested): (&Program<'a>, &Representation),
        outer: &mut Outer<'_>,
    ) {
        let id = self.program.element(at);
        // By the capability, if it is one's: there may be many, and each alone would move those behind it.
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
                    let which = which.unwrap_or(Index::At(0));
                    let own =
                        outer.made.relationships.iter_mut().filter(|one| {
                            one.source == id && *one.requirement == *requirement.text
                        });
                    for relationship in own {
                        let term = match which {
                            Index::At(index) if u64::from(relationship.index) != index => continue,
                            Index::At(_) => Some(term.clone()),
                            Index::All => item(term, relationship.index as usize),
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
        for (name, template, capability) in &substitution.capabilities {
            let position = inner.template.nodes.position(template.text).unwrap_or(usize::MAX);
            let first = inner.graph.of_template(position).next();
            let Some(node) = outer.node_mut(id) else { continue };
            if let (Some(known), Some(first)) = (node.capabilities.get_mut(name.text), first) {
                Arc::make_mut(known).inner = Some((inner.element(first), capability.text.into()));
            }
        }
    }
}

/// Returns one item of a list, as far as that can be told before anything runs.
fn item(list: &Term, index: usize) -> Option<Term> {
    match list {
        Term::Known(value) => value.as_list()?.get(index).cloned().map(Arc::new).map(Term::Known),
        Term::Pending(value) => {
            value.as_list()?.get(index).cloned().map(Arc::new).map(Term::Pending)
        }
    }
}
