//! The graph as a representation: canonical, whatever machine makes it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Arc;

use koinon_model::Value;
use koinon_model::keccak256;
use koinon_model::representation as model;
use koinon_model::representation::AttributePath;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;
use koinon_model::representation::Representation;
use koinon_model::representation::Term;
use koinon_model::representation::Verdict;

use super::eval::Halt;
use super::eval::Own;
use super::eval::Scope;
use super::graph::NOTHING;
use super::graph::Relationship;
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
use crate::grammar::Artifact;
use crate::grammar::ArtifactRef;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Implementation;
use crate::grammar::Interface;
use crate::grammar::InterfaceValues;
use crate::grammar::Named;
use crate::grammar::Operation;
use crate::grammar::OperationValues;
use crate::grammar::Properties;
use crate::grammar::Section;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::hash::HashMap;

/// Bytes that take longer to hash than a thread takes to start.
const WORTH_A_THREAD: usize = 256 << 10;

/// Makes the representation of a program whose requirements are resolved. What prevents it is kept as faults.
pub(crate) fn represent(program: &Program<'_>, sources: &Sources) -> Representation {
    let hash = || {
        let hashed = sources.iter().map(|source| model::Source {
            path: source.name().into(),
            digest: keccak256(source.text().as_bytes()),
        });
        hashed.collect::<Vec<model::Source>>()
    };
    let bytes: usize = sources.iter().map(|source| source.text().len()).sum();
    std::thread::scope(|scope| {
        let other = (bytes >= WORTH_A_THREAD)
            .then(|| std::thread::Builder::new().spawn_scoped(scope, hash).ok())
            .flatten();
        let mut result = Builder::new(program, &Lines::of(sources)).representation();
        let hashed = match other.map(std::thread::ScopedJoinHandle::join) {
            Some(Ok(hashed)) => hashed,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => hash(),
        };
        put_sources(&mut result, &hashed);
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

/// Artifacts of a node's type, and its own.
type Artifacts<'s, 'a> = (&'s BTreeMap<&'a str, Arc<Artifact<'a>>>, &'s Named<'a, Artifact<'a>>);

pub(super) struct Builder<'p, 'a> {
    pub(super) program: &'p Program<'a>,
    pub(super) lines: &'p Lines<'p>,
    /// Strings that repeat.
    names: RefCell<HashMap<&'p str, Arc<str>>>,
    /// Capabilities and interfaces that are the same for every node, by the address of their definitions.
    capabilities: RefCell<HashMap<usize, Arc<model::Capability>>>,
    interfaces: RefCell<HashMap<usize, Arc<model::Interface>>>,
}

impl<'p, 'a> Builder<'p, 'a> {
    pub(super) fn new(program: &'p Program<'a>, lines: &'p Lines<'p>) -> Self {
        Self {
            program,
            lines,
            names: RefCell::default(),
            capabilities: RefCell::default(),
            interfaces: RefCell::default(),
        }
    }

    /// Makes the representation, but for its sources.
    pub(super) fn representation(&self) -> Representation {
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
        let referred: HashSet<u32> = relationships.iter().map(|one| one.target).collect();
        let mut references = HashSet::new();
        for at in 0..program.graph.len() {
            match &program.graph.node(at).elsewhere {
                None => result.nodes.push(self.node(at, &mut used)),
                Some(elsewhere) => {
                    // A node of the outer service is there already; one nobody refers to was only considered.
                    let considered =
                        program.graph.external.contains(&at) && !referred.contains(&at);
                    if elsewhere.outer.is_none()
                        && !considered
                        && references.insert(elsewhere.node.id)
                    {
                        result.nodes.push(self.reference(at, elsewhere, &mut used));
                    }
                }
            }
        }
        for relationship in relationships {
            result.relationships.push(self.relationship(&relationship, &mut used));
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
        result
            .nodes
            .sort_by(|one, other| (&one.template, one.index).cmp(&(&other.template, other.index)));
        let places: HashMap<ElementId, usize> =
            result.nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        let place = |id: &ElementId| places.get(id).copied().unwrap_or(usize::MAX);
        result
            .relationships
            .sort_by_cached_key(|one| (place(&one.source), one.requirement.clone(), one.index));
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
        used.push(node.id);
        let directives = template.directives.iter().map(|(_, word)| self.name(word.text));
        let mut result = model::Node {
            id: program.element(at),
            template: self.name(template.name.text),
            index: u32::try_from(node.index).unwrap_or(u32::MAX),
            node_type: self.type_name(node.id),
            directives: directives.collect(),
            properties: model::Properties::new(),
            attributes: model::Properties::new(),
            capabilities: Entries::with_capacity(node.def.capabilities.len()),
            artifacts: Entries::new(),
            interfaces: model::Interfaces::new(),
            operator: None,
        };
        for (name, property) in &node.def.properties {
            let Some(expr) = effective(property, &template.properties) else { continue };
            let value = program.property(at, name);
            let found = self.property(value, expr, Scope::node(at, name));
            result.properties.extend(found.map(|found| (self.name(name), found)));
        }
        let scope = Scope::node(at, template.name.text);
        result.attributes = self.attributes(&node.def.attributes, &template.attributes, scope);
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
                properties: model::Properties::new(),
                attributes: model::Properties::new(),
                remaining: Entries::new(),
                inner: None,
            };
            for (name, property) in &capability.properties {
                let Some(expr) = effective(property, assigned) else { continue };
                let value = program.capability_property(at, capability, name);
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
            self.substitute_operations(&mut result.interfaces, template);
        }
        result
    }

    fn relationship(
        &self,
        relationship: &Relationship<'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Relationship {
        let program = self.program;
        used.push(relationship.id);
        let source = program.element(relationship.source);
        let requirement = relationship.definition.name.text;
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        let scope = Scope::relationship(relationship, "relationship");
        let mut properties = model::Properties::new();
        for (name, property) in relationship.properties {
            let Some(expr) = effective(property, relationship.values) else { continue };
            let value = program.relationship_property(relationship, name);
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
            id: ElementId::relationship(source, requirement, index),
            requirement: self.name(requirement),
            index,
            relationship_type: self.type_name(relationship.id),
            source,
            target: program.element(relationship.target),
            capability: self.name(relationship.capability.name.text),
            properties,
            attributes: self.attributes(relationship.attributes, attributes, scope),
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
            choice: relationship.choice.clone(),
        }
    }

    /// Turns what evaluation gave into a property with its origin; nothing if there is none.
    fn property(
        &self,
        value: Result<Option<Value>, Halt>,
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

    fn term(
        &self,
        value: Result<Value, Halt>,
        expr: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) -> Option<Term> {
        match value {
            Ok(value) => Some(Term::Known(value)),
            Err(Halt::RunTime(_)) => Some(Term::Pending(self.pending(expr, scope))),
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
        let mut all = model::Properties::new();
        for (name, property) in definitions {
            let Some(expr) = effective(property, values) else { continue };
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &property.schema, scope).map(Some);
            all.extend(self.property(value, expr, scope).map(|found| (self.name(name), found)));
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
        let mut all = model::Properties::new();
        for (name, attribute) in definitions {
            let expr = values.get(name).or(attribute.default.as_ref());
            let Some(expr) = expr.filter(|expr| !matches!(expr.kind, ExprKind::Null)) else {
                continue;
            };
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &attribute.schema, scope).map(Some);
            all.extend(self.property(value, expr, scope).map(|found| (self.name(name), found)));
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

    fn artifact(
        &self,
        artifact: &Artifact<'a>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> Option<Arc<model::Artifact>> {
        let program = self.program;
        let id =
            artifact.artifact_type.and_then(|word| program.types.lookup(Section::Artifact, word));
        used.extend(id);
        let text = |expr: &Expr<'a>| match program.eval(expr, Scope { what: "file", ..scope }) {
            Ok(known) => Some(match known.value {
                Value::String(text) => text,
                value => value.to_json(),
            }),
            Err(Halt::RunTime(span)) => {
                let message = "where an artifact is must be known before the service runs";
                program.faults.push(Fault::new(Code::RunTimeOnly, span, message));
                None
            }
            Err(_) => None,
        };
        let checksum = artifact.checksum.as_ref().and_then(text);
        let algorithm = artifact.checksum_algorithm.map_or("", |word| word.text);
        let mut properties = BTreeMap::new();
        if let Some(def) = id.map(|id| program.types.def(id)) {
            for (name, property) in &def.properties {
                let Some(expr) = effective(property, &artifact.properties) else { continue };
                let scope = Scope { what: name, ..scope };
                let value = program.typed(expr, &property.schema, scope);
                properties
                    .extend(self.term(value, expr, scope).map(|term| (Arc::from(*name), term)));
            }
        }
        Some(Arc::new(model::Artifact {
            artifact_type: id.map_or_else(|| "".into(), |id| self.type_name(id)),
            file: artifact.file.as_ref().and_then(text).unwrap_or_default().into(),
            repository: artifact.repository.map(|word| word.text.into()),
            version: artifact.version.map(|word| word.text.into()),
            checksum: checksum.map(|checksum| (algorithm.into(), checksum.into())),
            properties,
        }))
    }

    fn interfaces(
        &self,
        definitions: &'p BTreeMap<&'a str, Arc<Interface<'a>>>,
        values: &Named<'a, InterfaceValues<'a>>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Interfaces {
        let mut all = model::Interfaces::with_capacity(definitions.len());
        for (name, interface) in definitions {
            let word = interface.interface_type;
            let Some(id) =
                word.and_then(|word| self.program.types.lookup(Section::Interface, word))
            else {
                continue;
            };
            used.push(id);
            let values = values.get(name);
            let shared = values.is_none() && !is_implemented(interface);
            let known = self.interfaces.borrow().get(&address(&**interface)).cloned();
            if let Some(known) = known.filter(|_| shared) {
                all.insert(self.name(name), known);
                continue;
            }
            let mut operations = BTreeMap::new();
            for (name, operation) in &interface.operations {
                let own = values.and_then(|values| values.operations.get(name));
                let made =
                    self.operation(interface, operation, (values, own), artifacts, scope, used);
                operations.insert(self.name(name), made);
            }
            let mut notifications = BTreeMap::new();
            for (name, notification) in &interface.notifications {
                let own = values.and_then(|values| values.notifications.get(name));
                let made =
                    self.operation(interface, notification, (values, own), artifacts, scope, used);
                notifications.insert(self.name(name), made);
            }
            let interface_type = self.type_name(id);
            let made = Arc::new(model::Interface { interface_type, operations, notifications });
            if shared {
                self.interfaces.borrow_mut().insert(address(&**interface), made.clone());
            }
            all.insert(self.name(name), made);
        }
        all
    }

    fn operation(
        &self,
        interface: &Interface<'a>,
        operation: &Operation<'a>,
        (shared, own): (Option<&InterfaceValues<'a>>, Option<&OperationValues<'a>>),
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Operation {
        let implementation =
            own.and_then(|own| own.implementation.as_ref()).or(operation.implementation.as_deref());
        let Some(implementation) = implementation else { return model::Operation::default() };
        let mut inputs: BTreeMap<Arc<str>, Term> = BTreeMap::new();
        // What is nearer to the call counts: the template's values, then those of the types.
        for known in [&interface.inputs, &operation.inputs] {
            for (name, input) in known {
                let given = own.and_then(|own| own.inputs.get(name));
                let given = given.or_else(|| shared.and_then(|shared| shared.inputs.get(name)));
                let expr = input.value.as_ref().or(given).or(input.default.as_ref());
                let Some(expr) = expr else { continue };
                let scope = Scope { what: name, ..scope };
                let value = self.program.typed(expr, &input.schema, scope);
                inputs.extend(self.term(value, expr, scope).map(|term| (Arc::from(*name), term)));
            }
        }
        let more = [shared.map(|shared| &shared.inputs), own.map(|own| &own.inputs)];
        for (word, expr) in more.into_iter().flatten().flat_map(Named::iter) {
            let declared = interface.inputs.contains_key(word.text)
                || operation.inputs.contains_key(word.text);
            if !declared {
                let scope = Scope { what: word.text, ..scope };
                let value = self.program.eval(expr, scope).map(|known| known.value);
                inputs.extend(self.term(value, expr, scope).map(|term| (word.text.into(), term)));
            }
        }
        let mut outputs = BTreeMap::new();
        for (name, output) in &operation.outputs {
            let mapping = output.mapping.as_ref();
            outputs.extend(
                mapping.and_then(|expr| Some((Arc::from(*name), self.target(expr, scope)?))),
            );
        }
        for (word, expr) in own.into_iter().flat_map(|own| own.outputs.iter()) {
            outputs.extend(self.target(expr, scope).map(|path| (word.text.into(), path)));
        }
        let implementation = Some(self.implementation(implementation, artifacts, scope, used));
        model::Operation { inputs, outputs, implementation, workflow: None }
    }

    fn implementation(
        &self,
        implementation: &Implementation<'a>,
        artifacts: Option<Artifacts<'_, 'a>>,
        scope: Scope<'_, 'a>,
        used: &mut Vec<TypeId>,
    ) -> model::Implementation {
        let mut find = |artifact: &ArtifactRef<'a>| match artifact {
            ArtifactRef::Inline(artifact) => self.artifact(artifact, scope, used),
            ArtifactRef::Named(word) => {
                let own = artifacts.and_then(|(_, own)| own.get(word.text));
                let inherited =
                    artifacts.and_then(|(types, _)| types.get(word.text).map(|one| &**one));
                match own.or(inherited) {
                    Some(artifact) => self.artifact(artifact, scope, used),
                    // A path to a file.
                    None => Some(Arc::new(model::Artifact {
                        artifact_type: "".into(),
                        file: word.text.into(),
                        repository: None,
                        version: None,
                        checksum: None,
                        properties: BTreeMap::new(),
                    })),
                }
            }
        };
        let timeout = implementation.timeout.as_ref();
        let timeout = timeout.and_then(|expr| self.program.eval(expr, scope).ok());
        model::Implementation {
            primary: implementation.primary.as_ref().and_then(&mut find),
            dependencies: implementation.dependencies.iter().filter_map(&mut find).collect(),
            timeout: timeout.and_then(|known| known.value.as_u64()),
            host: None,
        }
    }

    /// Returns the attribute a mapping leads to.
    fn target(&self, mapping: &Expr<'a>, scope: Scope<'_, 'a>) -> Option<AttributePath> {
        let ExprKind::List(path) = &mapping.kind else { return None };
        let end = self.program.walk(Function::GetAttribute, path, mapping.span, scope).ok()?;
        let (element, capability) = self.place(end.places.first()?);
        let own = match scope.own {
            Own::Node(node) => Some(self.program.element(node)),
            Own::Relationship(one) => Some(self.id_of(one)),
            Own::Nothing => None,
        };
        Some(AttributePath {
            element: Some(element).filter(|element| Some(*element) != own),
            capability,
            attribute: end.name.as_str()?.into(),
            path: end.rest.iter().map(written).collect(),
        })
    }

    fn id_of(&self, relationship: &Relationship<'a>) -> ElementId {
        let source = self.program.element(relationship.source);
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        ElementId::relationship(source, relationship.definition.name.text, index)
    }

    fn place(&self, at: &At<'_, 'a>) -> (ElementId, Option<Arc<str>>) {
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
fn address<T>(definition: &T) -> usize {
    std::ptr::from_ref(definition) as usize
}

/// Returns whether values a capability has by its definition may differ from node to node.
fn varies(capability: &Capability<'_>) -> bool {
    let all = capability.properties.values().chain(capability.attributes.values());
    let mut values = all.flat_map(|one| [&one.value, &one.default]).flatten();
    values.any(Expr::varies)
}

/// Returns whether anything is done by an interface as it is defined.
fn is_implemented(interface: &Interface<'_>) -> bool {
    let mut all = interface.operations.values().chain(interface.notifications.values());
    all.any(|operation| operation.implementation.is_some())
}
