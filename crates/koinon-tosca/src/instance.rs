//! Service and allocation to instance: one concrete node per filled slot.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::Artifact;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::Node;
use koinon_model::Port;
use koinon_model::Probe;
use koinon_model::Protocol;
use koinon_model::Restart;
use koinon_model::Revision;
use koinon_model::Service;
use koinon_model::Value;
use koinon_model::representation::ElementId;
use koinon_model::representation::Representation;

use crate::check::Halt;
use crate::check::Program;
use crate::check::Scope;
use crate::check::effective;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::NodeTemplate;
use crate::grammar::Section;

/// Steps of evaluation one node may take, on average.
const STEPS_PER_NODE: u64 = 10_000;

/// Properties of a worker that have a field of their own in a node.
const FIELDS: [&str; 6] = ["program", "ports", "environment", "arguments", "probe", "restart"];

/// What all nodes of a template have in common.
struct Recipe<'a> {
    template: &'a str,
    /// The template's first node in the graph, and how many there are.
    nodes: std::ops::Range<u32>,
    node_type: &'a str,
    span: Span,
    /// Properties that are equal for all nodes.
    common: BTreeMap<String, Value>,
    /// Those of them that become fields, kept apart so that they are not copied for each node.
    fields: BTreeMap<&'a str, Value>,
    /// Names of those that are not.
    varying: Vec<&'a str>,
    /// Artifacts, if they are equal for all nodes.
    artifacts: Option<BTreeMap<String, Artifact>>,
}

/// Makes the instance.
pub(crate) fn fill(
    program: &Program<'_>,
    service: &Service,
    allocation: &Allocation,
    operators: &BTreeMap<Address, String>,
    (revision, epoch): (Revision, Epoch),
    representation: Representation,
) -> Instance {
    program.allow(allocation.slot_count().saturating_mul(STEPS_PER_NODE));
    let sizes = allocation.sets().map(|set| (set.name.as_str().to_owned(), set.size)).collect();
    let mut instance = Instance {
        service: service.name.clone(),
        revision,
        epoch,
        representation,
        sizes,
        ..Instance::default()
    };
    for set in allocation.sets() {
        let known = service.sets.iter().find(|known| known.name == set.name);
        if known.and_then(|known| known.resolve(&service.parameters)).as_ref() != Some(set) {
            let message = format!(
                "the allocation is for {} x {} nodes of `{}`, which is not what the service has",
                set.groups, set.size, set.name
            );
            program.faults.push(Fault::new(Code::Deal, program.template.span, message));
            return instance;
        }
    }
    let mut recipes: BTreeMap<String, Recipe<'_>> = BTreeMap::new();
    for set in allocation.sets() {
        let Some(recipe) = Recipe::of(program, set.name.as_str()) else { return instance };
        recipes.insert(set.name.as_str().to_owned(), recipe);
    }
    for (slot, filled) in allocation.slots() {
        let Some(filled) = filled else { continue };
        let Some(recipe) = recipes.get(slot.set.as_str()) else { continue };
        let size = instance.sizes.get(slot.set.as_str()).copied().unwrap_or(0);
        let index = u64::from(slot.group) * u64::from(size) + u64::from(slot.place);
        let Some(name) = operators.get(&filled.operator) else {
            let message = format!("operator {} has no name", filled.operator);
            program.faults.push(Fault::new(Code::Deal, program.template.span, message));
            return instance;
        };
        let element = instance.element(&slot);
        match recipe.node(program, (index, element), filled.operator, name) {
            Some(node) => {
                instance.nodes.insert(slot, node);
            }
            // Every further node would only say the same again.
            None => return instance,
        }
    }
    assign(&mut instance);
    instance
}

/// Gives the nodes of the representation their operators, and takes out those of vacant slots.
fn assign(instance: &mut Instance) {
    let Instance { nodes, representation, sizes, .. } = instance;
    let filled: BTreeMap<ElementId, Arc<str>> =
        nodes.values().map(|node| (node.element, Arc::from(node.operator.to_string()))).collect();
    let mut gone = BTreeSet::new();
    for node in &mut representation.nodes {
        node.operator = filled.get(&node.id).cloned();
        if node.operator.is_none() && sizes.contains_key(&*node.template) {
            gone.insert(node.id);
        }
    }
    let stays = |id: &ElementId| !gone.contains(id);
    representation.nodes.retain(|node| stays(&node.id));
    representation.relationships.retain(|one| stays(&one.source) && stays(&one.target));
    representation.unresolved.retain(|one| stays(&one.source));
    representation.substitutions.retain(|id, _| stays(id));
    representation.groups.values_mut().for_each(|group| group.members.retain(stays));
    representation.policies.iter_mut().for_each(|policy| policy.targets.retain(stays));
}

/// Checks that a worker's nodes can be made: its first and its last.
pub(crate) fn check_worker(program: &Program<'_>, template: &NodeTemplate<'_>) {
    let Some(recipe) = Recipe::of(program, template.name.text) else { return };
    let last = u64::from(recipe.nodes.end - recipe.nodes.start).saturating_sub(1);
    for index in [0, last] {
        let nobody = ElementId(B256::ZERO);
        if recipe.node(program, (index, nobody), Address::ZERO, "").is_none() {
            return;
        }
    }
}

impl<'a> Recipe<'a> {
    fn of(program: &Program<'a>, template: &str) -> Option<Self> {
        let position = program.template.nodes.position(template)?;
        let node = program.template.nodes.get(template)?;
        let nodes = program.graph.of_template(position);
        let id = program.types.lookup(Section::Node, node.node_type)?;
        let def = program.types.def(id);
        let mut recipe = Self {
            template: node.name.text,
            nodes,
            node_type: node.node_type.text,
            span: node.name.span,
            common: BTreeMap::new(),
            fields: BTreeMap::new(),
            varying: Vec::new(),
            artifacts: None,
        };
        for (name, property) in &def.properties {
            let Some(expr) = effective(property, &node.properties) else { continue };
            if expr.varies() {
                recipe.varying.push(name);
            } else {
                let Some(value) = recipe.value(program, 0, name)? else { continue };
                if FIELDS.contains(name) {
                    recipe.fields.insert(name, value);
                } else {
                    recipe.common.insert((*name).to_owned(), value);
                }
            }
        }
        let inherited = def.artifacts.values().map(|artifact| &**artifact);
        let varies = inherited.chain(node.artifacts.values()).any(|artifact| {
            artifact.file.as_ref().is_some_and(crate::grammar::Expr::varies)
                || artifact.properties.values().any(crate::grammar::Expr::varies)
        });
        if !varies {
            recipe.artifacts = Some(recipe.artifacts_at(program, 0)?);
        }
        Some(recipe)
    }

    /// Returns the node with an index; nothing if the service has none.
    fn at(&self, index: u64) -> Option<u32> {
        let at = u32::try_from(index).ok().and_then(|index| self.nodes.start.checked_add(index))?;
        self.nodes.contains(&at).then_some(at)
    }

    /// Evaluates a property; `None` if that failed or, while inputs lack values, cannot be done yet.
    fn value(&self, program: &Program<'_>, index: u64, name: &str) -> Option<Option<Value>> {
        known(program, program.property(self.at(index)?, name), name)
    }

    fn artifacts_at(
        &self,
        program: &Program<'_>,
        index: u64,
    ) -> Option<BTreeMap<String, Artifact>> {
        let node = program.template.nodes.get(self.template)?;
        let id = program.types.lookup(Section::Node, node.node_type)?;
        let def = program.types.def(id);
        let at = self.at(index)?;
        let inherited = def.artifacts.iter().map(|(name, artifact)| (*name, &**artifact));
        let mut all: BTreeMap<&str, &crate::grammar::Artifact<'_>> = inherited.collect();
        all.extend(node.artifacts.iter().map(|(word, artifact)| (word.text, artifact)));
        let mut artifacts = BTreeMap::new();
        for (name, artifact) in all {
            let Some(word) = artifact.artifact_type else { continue };
            let Some(id) = program.types.lookup(Section::Artifact, word) else { continue };
            if !program.is_koinon(id, "Image") {
                continue;
            }
            let def = program.types.def(id);
            let value = |key: &str| {
                let property = def.properties.get(key)?;
                let Some(expr) = effective(property, &artifact.properties) else {
                    return Some(None);
                };
                let value = program.typed(expr, &property.schema, Scope::node(at, key)).map(Some);
                known(program, value, key)
            };
            let text =
                |key: &str| Some(value(key)?.and_then(|text| text.as_str().map(str::to_owned)));
            let made = Artifact {
                artifact_type: word.text.to_owned(),
                cid: text("cid")?.unwrap_or_default(),
                file_name: text("file_name")?.unwrap_or_default(),
                size: value("bytes")?.and_then(|bytes| bytes.as_u64()),
            };
            let plain = !made.file_name.is_empty()
                && !matches!(made.file_name.as_str(), "." | "..")
                && !made.file_name.contains(['/', '\\', '\0']);
            if !plain {
                let message = format!("`{}` is no plain file name", made.file_name);
                program.faults.push(Fault::new(Code::Program, artifact.name.span, message));
                return None;
            }
            artifacts.insert(name.to_owned(), made);
        }
        Some(artifacts)
    }

    fn node(
        &self,
        program: &Program<'_>,
        (index, element): (u64, ElementId),
        operator: Address,
        operator_name: &str,
    ) -> Option<Node> {
        let mut properties = self.common.clone();
        let mut own: BTreeMap<&str, Value> = BTreeMap::new();
        for name in &self.varying {
            let Some(value) = self.value(program, index, name)? else { continue };
            if FIELDS.contains(name) {
                own.insert(name, value);
            } else {
                properties.insert((*name).to_owned(), value);
            }
        }
        let artifacts = match &self.artifacts {
            Some(artifacts) => artifacts.clone(),
            None => self.artifacts_at(program, index)?,
        };
        let field =
            |name: &str| own.get(name).or_else(|| self.fields.get(name)).unwrap_or(&Value::Null);
        let program_name = field("program").as_str().unwrap_or_default().to_owned();
        let restart = match field("restart").as_str() {
            Some("never") => Restart::Never,
            _ => Restart::Always,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let environment = field("environment").as_map().into_iter().flatten();
        let environment: BTreeMap<String, String> =
            environment.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect();
        let bad = environment.iter().find(|(key, value)| {
            key.is_empty() || key.contains(['=', '\0']) || value.contains('\0')
        });
        if let Some((key, _)) = bad {
            let span = program.property_span(self.template, "environment");
            let message = format!("`{key}` cannot be a variable of an environment");
            program.faults.push(Fault::new(Code::Program, span, message));
            return None;
        }
        let arguments = field("arguments").as_list().unwrap_or_default().iter();
        let arguments: Vec<String> = arguments.filter_map(text).collect();
        if arguments.iter().any(|argument| argument.contains('\0')) {
            let span = program.property_span(self.template, "arguments");
            let message = "an argument of a program cannot hold the character 0";
            program.faults.push(Fault::new(Code::Program, span, message));
            return None;
        }
        if !artifacts.contains_key(&program_name) {
            let span = program.property_span(self.template, "program");
            let message = format!(
                "`{}` has no artifact `{program_name}` of type Image to run",
                self.template
            );
            let fault = Fault::new(Code::Program, span, message);
            program.faults.push(fault.near(&program_name, artifacts.keys().map(String::as_str)));
            return None;
        }
        let ports = self.ports(program, field("ports"), index)?;
        let probe = self.probe(program, field("probe"), &ports)?;
        Some(Node {
            element,
            template: self.template.to_owned(),
            node_type: self.node_type.to_owned(),
            index,
            operator,
            operator_name: operator_name.to_owned(),
            properties,
            environment,
            arguments,
            artifacts,
            program: program_name,
            ports,
            probe,
            restart,
        })
    }

    fn ports(&self, program: &Program<'_>, value: &Value, index: u64) -> Option<Vec<Port>> {
        let span = program.property_span(self.template, "ports");
        let wrong = |message: String| {
            program.faults.push(Fault::new(Code::Port, span, message));
            None
        };
        let mut ports: Vec<Port> = Vec::new();
        for port in value.as_list().unwrap_or_default() {
            let text = |key: &str| port.get(key).and_then(Value::as_str).unwrap_or_default();
            let number = |key: &str| port.get(key).and_then(Value::as_u64).unwrap_or(0);
            let name = text("name").to_owned();
            if ports.iter().any(|other| other.name == name) {
                return wrong(format!("two ports are named `{name}`"));
            }
            // A first port of 0 leaves all of them to the agents.
            let first = number("published");
            let step = if first == 0 { 0 } else { number("step") };
            let published = step.saturating_mul(index).saturating_add(first);
            let (Ok(published), Ok(target)) =
                (u16::try_from(published), u16::try_from(number("target")))
            else {
                return wrong(format!(
                    "port `{name}` of node {index} would be {published}, over 65535"
                ));
            };
            let protocol = if text("protocol") == "UDP" { Protocol::Udp } else { Protocol::Tcp };
            ports.push(Port { name, target, published, protocol });
        }
        Some(ports)
    }

    fn probe(&self, program: &Program<'_>, value: &Value, ports: &[Port]) -> Option<Probe> {
        let text =
            |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let probe = Probe {
            port: text("port"),
            path: text("path"),
            timeout: value.get("timeout").and_then(Value::as_u64).unwrap_or(0),
        };
        if ports.iter().any(|port| port.name == probe.port && port.protocol == Protocol::Tcp) {
            return Some(probe);
        }
        let span = if program.has_value(self.template, "probe") {
            program.property_span(self.template, "probe")
        } else {
            self.span
        };
        let message = format!(
            "the probe needs a TCP port named `{}`, which `{}` has not",
            probe.port, self.template
        );
        let fault = Fault::new(Code::Port, span, message);
        program.faults.push(fault.near(&probe.port, ports.iter().map(|port| port.name.as_str())));
        None
    }
}

/// Returns a value that must be known before a node is made.
fn known(
    program: &Program<'_>,
    value: Result<Option<Value>, Halt>,
    name: &str,
) -> Option<Option<Value>> {
    match value {
        Ok(value) => Some(value),
        Err(Halt::Input) if program.is_complete() => {
            let message = format!("`{name}` needs an input that has no value");
            program.faults.push(Fault::new(Code::MissingInput, program.template.span, message));
            None
        }
        Err(Halt::Reported | Halt::Deep | Halt::Input) => None,
        Err(Halt::Later) => {
            let message = format!("`{name}` leads over a relationship that is not there");
            program.faults.push(Fault::new(Code::Path, program.template.span, message));
            None
        }
        Err(Halt::RunTime(span)) => {
            let message = format!("`{name}` must be known before the node runs");
            program.faults.push(Fault::new(Code::RunTimeOnly, span, message));
            None
        }
    }
}
