//! The graph as a representation: canonical, whatever machine makes it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use koinon_model::Digest;
use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::Candidates;
use koinon_model::representation::Choice;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_model::representation::Verdict;
use koinon_model::sha256;

use super::eval::Halt;
use super::eval::Scope;
use super::graph::Kept;
use super::graph::NOTHING;
use super::graph::Relationship;
use super::ids::Ids;
use super::ids::Unnamed;
use super::lines::Lines;
use super::path::At;
use super::program::Program;
use super::value::effective;
use super::written::escaped;
use super::written::trigger_value;
use super::written::workflow_value;
use super::written::written;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Sources;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Named;
use crate::grammar::Properties;
use crate::grammar::Section;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;

/// Ids that take longer to make than a thread takes to start.
const WORTH_A_THREAD: usize = 1000;

/// Has the values of a program evaluated whose requirements are resolved, and makes its representation. What prevents it
/// is kept as faults.
///
/// Ids need the graph alone: another thread makes them while this one evaluates, and looks at the sources after that.
pub(crate) fn represent(
    program: &Program<'_>,
    sources: &Sources,
    evaluate: impl FnOnce(),
) -> Representation {
    let unnamed = &Unnamed::of(program);
    let hash = |named: SyncSender<Ids>| {
        // Whoever waits for them is there, unless it has panicked.
        drop(named.send(unnamed.name()));
        // What is asked next is where lines begin.
        sources.iter().for_each(|source| _ = source.lines());
        let texts = sources.iter().map(|source| source.text().as_bytes());
        texts.map(sha256).collect::<Vec<Digest>>()
    };
    std::thread::scope(|scope| {
        // Where no thread can be started, this one does it all.
        let spawn = || {
            let (named, ids) = sync_channel(1);
            let hash = move || hash(named);
            Some((std::thread::Builder::new().spawn_scoped(scope, hash).ok()?, ids))
        };
        let other = (unnamed.len() >= WORTH_A_THREAD).then(spawn).flatten();
        evaluate();
        let (digests, ids) = match other {
            Some((other, ids)) => (Err(other), ids),
            None => {
                let (named, ids) = sync_channel(1);
                (Ok(hash(named)), ids)
            }
        };
        let ids = || ids.recv().expect("the other thread has not panicked, or has said so");
        let mut result = Builder::new(program, &Lines::of(sources)).representation(ids);
        let digests = digests.unwrap_or_else(|other| {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let paths = sources.iter().map(|source| source.name().into());
        let sources = paths.zip(digests).map(|(path, digest)| model::Source { path, digest });
        put_sources(&mut result, &sources.collect::<Vec<_>>());
        result
    })
}

/// Puts the sources into a representation and those nested in it.
fn put_sources(representation: &mut Representation, sources: &[model::Source]) {
    representation.sources = sources.to_vec();
    for inner in representation.substitutions.values_mut() {
        put_sources(inner, sources);
    }
}

pub(super) struct Builder<'p, 'a> {
    pub(super) program: &'p Program<'a>,
    pub(super) lines: &'p Lines<'p>,
    /// Strings that repeat.
    names: RefCell<HashMap<&'p str, Arc<str>>>,
    /// Capabilities that are the same for every node, by the address of their definitions.
    capabilities: RefCell<HashMap<usize, Arc<model::Capability>>>,
    /// Defaults of attributes that are the same everywhere, by their address.
    defaults: RefCell<HashMap<usize, model::Property>>,
    /// The attributes of elements where all values are such defaults, by the address of their definitions.
    attributes: RefCell<HashMap<usize, Arc<model::Properties>>>,
}

impl<'p, 'a> Builder<'p, 'a> {
    pub(super) fn new(program: &'p Program<'a>, lines: &'p Lines<'p>) -> Self {
        Self {
            program,
            lines,
            names: RefCell::default(),
            capabilities: RefCell::default(),
            defaults: RefCell::default(),
            attributes: RefCell::default(),
        }
    }

    /// Makes the representation, but for its sources. Ids are asked for once the nodes are made.
    pub(super) fn representation(&self, ids: impl FnOnce() -> Ids) -> Representation {
        let program = self.program;
        let template = program.template;
        let mut result = Representation {
            service: program.name.as_str().into(),
            sources: Vec::new(),
            inputs: program
                .inputs
                .iter()
                .map(|(name, value)| (Arc::from(*name), value.clone()))
                .collect(),
            seed: program.seed,
            types: BTreeMap::new(),
            nodes: Vec::with_capacity(program.graph.len() as usize),
            relationships: Vec::new(),
            groups: BTreeMap::new(),
            policies: Vec::new(),
            outputs: BTreeMap::new(),
            workflows: BTreeMap::new(),
            substitutions: BTreeMap::new(),
            unresolved: Vec::new(),
        };
        let mut used = Vec::new();
        let relationships = program.graph.relationships();
        let mut made = self.chosen(&relationships);
        made.sort_by_cached_key(|at| self.place_of(*at));
        for at in &made {
            let node = match &program.graph.node(*at).elsewhere {
                None => self.node(*at, &mut used),
                Some(elsewhere) => self.reference(*at, elsewhere, &mut used),
            };
            result.nodes.push(node);
        }
        let ids = ids();
        program.graph.name(&ids.nodes);
        for (node, at) in result.nodes.iter_mut().zip(made) {
            node.id = ids.nodes[at as usize];
        }
        let places: HashMap<ElementId, usize> =
            result.nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        let place = |id: &ElementId| places.get(id).copied().unwrap_or(usize::MAX);
        let mut order: Vec<_> = relationships.iter().zip(ids.relationships).collect();
        order.sort_by_cached_key(|(one, _)| {
            let source = place(&ids.nodes[one.source as usize]);
            (source, one.definition.name.text, one.index)
        });
        result.relationships.reserve_exact(order.len());
        for (relationship, (id, candidates)) in order {
            let made = self.relationship(relationship, id, candidates, &mut used);
            result.relationships.push(made);
        }
        for (name, group) in template.groups.iter() {
            let Some(id) = program.types.lookup(Section::Group, group.group_type) else { continue };
            used.push(id);
            let def = program.types.def(id);
            let scope = Scope::of("group");
            let group = model::Group {
                group_type: self.type_name(id),
                properties: self.values(&def.properties, &group.properties, scope),
                attributes: self.attributes(&def.attributes, &group.attributes, scope),
                members: self.members(&group.members),
            };
            result.groups.insert(name.text.into(), group);
        }
        for (name, policy) in template.policies.iter() {
            let Some(id) = program.types.lookup(Section::Policy, policy.policy_type) else {
                continue;
            };
            used.push(id);
            let def = program.types.def(id);
            let triggers = def.triggers.iter().chain(&policy.triggers);
            result.policies.push(model::Policy {
                name: name.text.into(),
                policy_type: self.type_name(id),
                properties: self.values(&def.properties, &policy.properties, Scope::of("policy")),
                targets: self.members(&policy.targets),
                triggers: triggers
                    .map(|(name, trigger)| (Arc::from(*name), trigger_value(trigger)))
                    .collect(),
                // What a policy demands is for whoever enforces it to say.
                verdict: Verdict::Open,
            });
        }
        for (name, output) in &template.outputs {
            let Some(value) = &output.value else { continue };
            let scope = Scope::of(name);
            let term = program.typed(value, &output.schema, scope);
            result
                .outputs
                .extend(self.term(term, value, scope).map(|term| (Arc::from(*name), term)));
        }
        for (name, workflow) in template.workflows.iter() {
            result.workflows.insert(name.text.into(), workflow_value(workflow));
        }
        for unresolved in program.resolver.unresolved.borrow().iter() {
            if unresolved.optional {
                continue;
            }
            result.unresolved.push(model::Unresolved {
                source: program.element(unresolved.node),
                requirement: unresolved.requirement.into(),
                index: u32::try_from(unresolved.index).unwrap_or(u32::MAX),
                reason: unresolved.reason.clone(),
            });
        }
        used.sort_unstable();
        used.dedup();
        for id in used {
            let chain = &program.types.def(id).chain;
            let ancestors = chain.iter().skip(1).map(|id| self.type_name(*id)).collect();
            result.types.insert(self.type_name(id), ancestors);
        }
        self.nest(&mut result, &places);
        result.unresolved.sort_by(|one, other| {
            (place(&one.source), &one.requirement, one.index).cmp(&(
                place(&other.source),
                &other.requirement,
                other.index,
            ))
        });
        result
    }

    /// Returns the nodes of the graph that are nodes of the representation, in the graph's order.
    fn chosen(&self, relationships: &[Rc<Relationship<'a>>]) -> Vec<u32> {
        let graph = &self.program.graph;
        let referred: HashSet<u32> = relationships.iter().map(|one| one.target).collect();
        let mut references = HashSet::new();
        let chosen = (0..graph.len()).filter(|at| {
            let Some(elsewhere) = &graph.node(*at).elsewhere else { return true };
            // A node of the outer service is there already; one nobody refers to was only considered.
            let considered = graph.external.contains(at) && !referred.contains(at);
            elsewhere.outer.is_none() && !considered && references.insert(elsewhere.node.id)
        });
        chosen.collect()
    }

    /// Returns what nodes are sorted by: the template, and the number among its nodes.
    pub(super) fn place_of(&self, at: u32) -> (&'p str, u32) {
        let graph = &self.program.graph;
        let node = graph.node(at);
        let index = match &node.elsewhere {
            None => u32::try_from(node.index).unwrap_or(u32::MAX),
            Some(elsewhere) if graph.external.contains(&at) => elsewhere.node.index,
            Some(_) => 0,
        };
        (node.template.name.text, index)
    }

    pub(super) fn name(&self, text: &'p str) -> Arc<str> {
        self.names.borrow_mut().entry(text).or_insert_with(|| text.into()).clone()
    }

    pub(super) fn type_name(&self, id: TypeId) -> Arc<str> {
        self.name(self.program.types.full_name(id))
    }

    fn node(&self, at: u32, used: &mut Vec<TypeId>) -> model::Node {
        let program = self.program;
        let node = program.graph.node(at);
        let template = node.template;
        let (name, index) = self.place_of(at);
        used.push(node.id);
        let directives = template.directives.iter().map(|(_, word)| self.name(word.text));
        let mut result = model::Node {
            // Its id comes later.
            id: ElementId(Digest::ZERO),
            template: self.name(name),
            index,
            node_type: self.type_name(node.id),
            directives: directives.collect(),
            properties: model::Properties::with_capacity(node.def.properties.len()),
            attributes: Arc::default(),
            capabilities: Entries::with_capacity(node.def.capabilities.len()),
            artifacts: Entries::new(),
            interfaces: model::Interfaces::new(),
            operator: None,
        };
        for (name, property) in &node.def.properties {
            let Some(expr) = effective(property, &template.properties) else { continue };
            let value = program.look_at_property(at, name, Kept::clone);
            let found = self.property(value, expr, Scope::node(at, name));
            result.properties.extend(found.map(|found| (self.name(name), found)));
        }
        let scope = Scope::node(at, template.name.text);
        result.attributes = self.own_attributes(&node.def.attributes, &template.attributes, scope);
        for (name, capability) in &node.def.capabilities {
            let values = template.capabilities.get(name);
            if values.is_none()
                && let Some(known) = self.capabilities.borrow().get(&address(&**capability))
                && !program.is_taken_from(at, capability)
            {
                result.capabilities.insert(self.name(name), known.clone());
                continue;
            }
            let id = capability.capability_type;
            let Some(id) = id.and_then(|word| program.types.lookup(Section::Capability, word))
            else {
                continue;
            };
            used.push(id);
            let assigned = values.map_or(&NOTHING, |values| &values.properties);
            let mut own = model::Capability {
                capability_type: self.type_name(id),
                properties: model::Properties::with_capacity(capability.properties.len()),
                attributes: model::Properties::new(),
                remaining: Entries::new(),
                inner: None,
            };
            for (name, property) in &capability.properties {
                let Some(expr) = effective(property, assigned) else { continue };
                let value = program.look_at_capability_property(at, capability, name, Kept::clone);
                let found = self.property(value, expr, Scope::node(at, name));
                own.properties.extend(found.map(|found| (self.name(name), found)));
                let left = program.left(at, capability, name);
                own.remaining.extend(left.map(|left| (self.name(name), left)));
            }
            let assigned = values.map_or(&NOTHING, |values| &values.attributes);
            own.attributes = self.attributes(&capability.attributes, assigned, scope);
            let shared = values.is_none() && own.remaining.is_empty() && !varies(capability);
            let own = Arc::new(own);
            if shared {
                self.capabilities.borrow_mut().insert(address(&**capability), own.clone());
            }
            result.capabilities.insert(self.name(name), own);
        }
        let inherited = node.def.artifacts.values().map(|artifact| &**artifact);
        let inherited = inherited.filter(|one| !template.artifacts.contains(one.name.text));
        let all = inherited.chain(template.artifacts.iter().map(|(_, artifact)| artifact));
        result.artifacts = all
            .filter_map(|artifact| {
                let found = self.artifact(artifact, scope, used)?;
                Some((self.name(artifact.name.text), found))
            })
            .collect();
        let artifacts = (&node.def.artifacts, &template.artifacts);
        result.interfaces = self.interfaces(
            &node.def.interfaces,
            &template.interfaces,
            Some(artifacts),
            scope,
            used,
        );
        if let Some(template) = program.substituted.borrow().get(&at) {
            let definitions = &node.def.interfaces;
            result.interfaces =
                self.substituted_operations(&result.interfaces, definitions, template, used);
        }
        result
    }

    fn relationship(
        &self,
        relationship: &Relationship<'a>,
        id: ElementId,
        candidates: Option<Candidates>,
        used: &mut Vec<TypeId>,
    ) -> model::Relationship {
        let program = self.program;
        used.push(relationship.id);
        let source = program.element(relationship.source);
        let requirement = relationship.definition.name.text;
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        let scope = Scope::relationship(relationship, "relationship");
        let mut properties = model::Properties::with_capacity(relationship.properties.len());
        for (name, property) in relationship.properties {
            let Some(expr) = effective(property, relationship.values) else { continue };
            let value = program.look_at_relationship_property(relationship, name, Kept::clone);
            let found = self.property(value, expr, scope);
            properties.extend(found.map(|found| (self.name(name), found)));
        }
        let template = relationship
            .assignment
            .and_then(|one| program.template.relationships.get(one.relationship?.text));
        let none = Named::new();
        let attributes = match (template, relationship.assignment) {
            (Some(template), _) => &template.attributes,
            (None, Some(assignment)) => &assignment.attributes,
            (None, None) => &NOTHING,
        };
        let interfaces = match (template, relationship.assignment) {
            (Some(template), _) => &template.interfaces,
            (None, Some(assignment)) => &assignment.interfaces,
            (None, None) => &none,
        };
        model::Relationship {
            id,
            requirement: self.name(requirement),
            index,
            relationship_type: self.type_name(relationship.id),
            source,
            target: program.element(relationship.target),
            capability: self.name(relationship.capability.name.text),
            properties,
            attributes: self.own_attributes(relationship.attributes, attributes, scope),
            interfaces: self.interfaces(
                &relationship.def.interfaces,
                interfaces,
                None,
                scope,
                used,
            ),
            allocation: relationship
                .allocation
                .iter()
                .map(|(name, _, value)| (self.name(name), value.clone()))
                .collect(),
            choice: Choice {
                why: relationship.chosen.why,
                candidates,
                seed: relationship.chosen.seed,
            },
        }
    }

    /// Turns what evaluation gave into a property with its origin; nothing if there is none.
    fn property(
        &self,
        value: Result<Option<impl Into<Arc<Value>>>, Halt>,
        expr: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) -> Option<model::Property> {
        let value = match value {
            Ok(None) => return None,
            Ok(Some(value)) => Ok(value),
            Err(halt) => Err(halt),
        };
        let value = self.term(value, expr, scope)?;
        Some(model::Property { value, origin: self.lines.origin(expr.span) })
    }

    pub(super) fn term(
        &self,
        value: Result<impl Into<Arc<Value>>, Halt>,
        expr: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) -> Option<Term> {
        match value {
            Ok(value) => Some(Term::Known(value.into())),
            Err(Halt::RunTime(_)) => Some(Term::Pending(self.pending(expr, scope).into())),
            Err(Halt::Later) => {
                let message =
                    format!("`{}` leads over a relationship that is not there", scope.what);
                self.program.faults.push(Fault::new(Code::Path, expr.span, message));
                None
            }
            // An input without value is told at its definition.
            Err(Halt::Input | Halt::Deep | Halt::Reported) => None,
        }
    }

    fn values(
        &self,
        definitions: &'p Properties<'a>,
        values: &'p Assigned<'a>,
        scope: Scope<'_, 'a>,
    ) -> model::Properties {
        let mut all = model::Properties::with_capacity(definitions.len());
        for (name, property) in definitions {
            let Some(expr) = effective(property, values) else { continue };
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &property.schema, scope).map(Some);
            all.extend(self.property(value, expr, scope).map(|found| (self.name(name), found)));
        }
        all
    }

    /// Returns the attributes of an element that have a value before anything runs.
    fn own_attributes(
        &self,
        definitions: &'p Properties<'a>,
        values: &Assigned<'a>,
        scope: Scope<'_, 'a>,
    ) -> Arc<model::Properties> {
        if !values.is_empty() {
            return Arc::new(self.attributes(definitions, values, scope));
        }
        let known = self.attributes.borrow().get(&address(definitions)).cloned();
        if let Some(known) = known {
            return known;
        }
        let all = Arc::new(self.attributes(definitions, values, scope));
        let defaults = self.defaults.borrow();
        let mut given = definitions.values().filter_map(|one| one.default.as_ref());
        if given.all(|one| is_null(one) || defaults.contains_key(&address(one))) {
            self.attributes.borrow_mut().insert(address(definitions), Arc::clone(&all));
        }
        all
    }

    /// Returns the attributes that have a value before anything runs.
    fn attributes(
        &self,
        definitions: &'p Properties<'a>,
        values: &Assigned<'a>,
        scope: Scope<'_, 'a>,
    ) -> model::Properties {
        let given = definitions.iter().filter_map(|(name, attribute)| {
            let expr = values.get(name).or(attribute.default.as_ref())?;
            (!is_null(expr)).then_some((*name, attribute, expr))
        });
        // Most have none or one, and there are as many of these maps as elements.
        let mut all = model::Properties::with_capacity(given.clone().count());
        for (name, attribute, expr) in given {
            let known = self.defaults.borrow().get(&address(expr)).cloned();
            if let Some(known) = known {
                all.insert(self.name(name), known);
                continue;
            }
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &attribute.schema, scope).map(Some);
            let Some(found) = self.property(value, expr, scope) else { continue };
            let is_default = attribute.default.as_ref().is_some_and(|one| std::ptr::eq(one, expr));
            if is_default && self.program.is_same_everywhere(expr, &attribute.schema) {
                self.defaults.borrow_mut().insert(address(expr), found.clone());
            }
            all.insert(self.name(name), found);
        }
        all
    }

    /// Returns the nodes that names stand for: those of templates, and the members of groups, each group once.
    fn members(&self, words: &[Word<'a>]) -> Vec<ElementId> {
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
            // The nodes of all groups may be the square of what the file says.
            if program.spend(1 + (ids.len() - before) as u64, word.span).is_err() {
                break;
            }
        }
        ids.sort_unstable();
        ids
    }

    pub(super) fn id_of(&self, relationship: &Relationship<'a>) -> ElementId {
        let source = self.program.element(relationship.source);
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        ElementId::relationship(source, relationship.definition.name.text, index)
    }

    pub(super) fn place(&self, at: &At<'_, 'a>) -> (ElementId, Option<Arc<str>>) {
        match at {
            At::Node(node) => (self.program.element(*node), None),
            At::Capability(node, capability) => {
                (self.program.element(*node), Some(capability.name.text.into()))
            }
            At::Tried(one) => (self.id_of(one), None),
            At::Relationship(one) => (self.id_of(one), None),
        }
    }

    /// Writes an expression that is known at run time: what is known is replaced by its value, paths by ids.
    fn pending(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) -> Value {
        if !matches!(expr.kind, ExprKind::List(_) | ExprKind::Map(_)) {
            let (value, _) = self.program.faults.capture(|| self.program.eval(expr, scope));
            if let Ok(known) = value {
                return escaped(&known.value);
            }
        }
        match &expr.kind {
            ExprKind::List(items) => {
                Value::List(items.iter().map(|item| self.pending(item, scope)).collect())
            }
            ExprKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let key = match self.pending(key, scope) {
                        Value::String(key) => key,
                        other => other.to_json(),
                    };
                    (key, self.pending(value, scope))
                })
                .collect(),
            ExprKind::Call(
                function @ (Function::GetAttribute | Function::GetAttribute1x),
                path,
            ) => match self.program.walk(*function, path, expr.span, scope) {
                Ok(end) => {
                    let rest: Vec<Value> = end.rest.iter().map(written).collect();
                    let name = Value::from(end.name.as_str().unwrap_or_default());
                    let one = |at: &At<'_, 'a>| {
                        let (id, capability) = self.place(at);
                        let mut path = vec![Value::from(id.to_string().as_str())];
                        if let Some(capability) = capability {
                            path.push("CAPABILITY".into());
                            path.push(Value::from(&*capability));
                        }
                        path.push(name.clone());
                        path.extend(rest.iter().cloned());
                        Value::from([("$get_attribute", Value::List(path))])
                    };
                    match (end.many, end.places.as_slice()) {
                        (false, [at]) => one(at),
                        (_, all) => Value::List(all.iter().map(one).collect()),
                    }
                }
                Err(_) => written(expr),
            },
            ExprKind::Call(function, arguments) => {
                let arguments = arguments.iter().map(|one| self.pending(one, scope)).collect();
                Value::from([(format!("${}", function.name()).as_str(), Value::List(arguments))])
            }
            ExprKind::Custom(name, arguments) => {
                let arguments = self.pending(arguments, scope);
                Value::from([(format!("${}", name.text).as_str(), arguments)])
            }
            _ => written(expr),
        }
    }
}

/// Returns where a definition is, which names it for as long as the program is there.
pub(super) fn address<T>(definition: &T) -> usize {
    std::ptr::from_ref(definition) as usize
}

fn is_null(expr: &Expr<'_>) -> bool {
    matches!(expr.kind, ExprKind::Null)
}

/// Returns whether values a capability has by its definition may differ from node to node.
fn varies(capability: &Capability<'_>) -> bool {
    let all = capability.properties.values().chain(capability.attributes.values());
    let mut values = all.flat_map(|one| [&one.value, &one.default]).flatten();
    values.any(Expr::varies)
}
