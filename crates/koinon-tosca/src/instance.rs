//! Service and allocation to instance: one concrete node per filled slot.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::AssignedArtifact;
use koinon_model::AssignedNode;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::Port;
use koinon_model::Probe;
use koinon_model::Protocol;
use koinon_model::RestartPolicy;
use koinon_model::Revision;
use koinon_model::Service;
use koinon_model::Value;
use koinon_model::representation::ElementId;
use koinon_model::representation::Representation;

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::evaluate::Scope;
use crate::evaluate::effective;
use crate::grammar::NodeTemplate;
use crate::keynames::TypeKind;
use crate::program::Halt;
use crate::program::NodeNumber;
use crate::program::NodeRange;
use crate::program::Program;

/// The most steps of evaluation per node, on average.
const STEPS_PER_NODE: u64 = 10_000;

/// Properties of a worker that have their own field in a node.
const FIELDS: [&str; 6] = ["program", "ports", "environment", "arguments", "probe", "restart"];

/// A service with its slots allocated, at a revision and an epoch.
pub(crate) struct AllocatedSlots<'a> {
    pub(crate) service: &'a Service,
    pub(crate) allocation: &'a Allocation,
    /// The names of all operators of the allocation.
    pub(crate) operators: &'a BTreeMap<Address, String>,
    pub(crate) revision: Revision,
    pub(crate) epoch: Epoch,
}

/// Values that all nodes of a template share.
struct NodeRecipe<'a> {
    template: &'a str,
    /// The template's nodes in the graph.
    nodes: NodeRange,
    node_type: &'a str,
    span: Span,
    /// Properties that are equal for all nodes, without those that become fields.
    common: BTreeMap<String, Value>,
    /// Properties that are equal for all nodes and become fields. They are not copied for each
    /// node.
    fields: BTreeMap<&'a str, Value>,
    /// The names of properties that may differ between nodes.
    varying: Vec<&'a str>,
    /// Artifacts, if they are equal for all nodes.
    artifacts: Option<BTreeMap<String, AssignedArtifact>>,
}

/// One node of a template, and its operator.
struct NodeSlot<'a> {
    index: u64,
    element: ElementId,
    operator: Address,
    operator_name: &'a str,
}

/// Returns the instance of allocated slots. An instance with faults lacks nodes.
pub(crate) fn fill(
    program: &Program<'_>,
    slots: &AllocatedSlots<'_>,
    representation: Representation,
) -> Instance {
    let AllocatedSlots { service, allocation, operators, revision, epoch } = *slots;
    program.add_steps(allocation.slot_count().saturating_mul(STEPS_PER_NODE));
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
                "the allocation is for {} x {} nodes of `{}`, but the service has other node sets",
                set.groups, set.size, set.name
            );
            program.faults.push(Fault::new(Code::Deal, program.template.span, message));
            return instance;
        }
    }
    let mut recipes: BTreeMap<String, NodeRecipe<'_>> = BTreeMap::new();
    for set in allocation.sets() {
        let Some(recipe) = NodeRecipe::of(program, set.name.as_str()) else { return instance };
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
        let node = NodeSlot { index, element, operator: filled.operator, operator_name: name };
        match recipe.node(program, &node) {
            Some(node) => {
                instance.nodes.insert(slot, node);
            }
            // Further nodes would only repeat the fault.
            None => return instance,
        }
    }
    assign(&mut instance);
    instance
}

/// Sets the operators of the representation's nodes, and removes the nodes of vacant slots.
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

/// Checks that the first and the last node of a worker can be made.
pub(crate) fn check_worker(program: &Program<'_>, template: &NodeTemplate<'_>) {
    let Some(recipe) = NodeRecipe::of(program, template.name.text) else { return };
    let last = (recipe.nodes.len() as u64).saturating_sub(1);
    for index in [0, last] {
        let element = ElementId(B256::ZERO);
        let node = NodeSlot { index, element, operator: Address::ZERO, operator_name: "" };
        if recipe.node(program, &node).is_none() {
            return;
        }
    }
}

impl<'a> NodeRecipe<'a> {
    fn of(program: &Program<'a>, template: &str) -> Option<Self> {
        let position = program.template.nodes.position(template)?;
        let node = program.template.nodes.get(template)?;
        let nodes = program.graph.of_template(position);
        let id = program.types.lookup(TypeKind::Node, node.node_type)?;
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

    /// Returns the node with an index, if the service has it.
    fn at(&self, index: u64) -> Option<NodeNumber> {
        self.nodes.get(index)
    }

    /// Evaluates a property. Returns `None` if that fails, or if it needs an input without a value.
    fn value(&self, program: &Program<'_>, index: u64, name: &str) -> Option<Option<Value>> {
        known(program, program.property(self.at(index)?, name), name)
    }

    fn artifacts_at(
        &self,
        program: &Program<'_>,
        index: u64,
    ) -> Option<BTreeMap<String, AssignedArtifact>> {
        let node = program.template.nodes.get(self.template)?;
        let id = program.types.lookup(TypeKind::Node, node.node_type)?;
        let def = program.types.def(id);
        let at = self.at(index)?;
        let inherited = def.artifacts.iter().map(|(name, artifact)| (*name, &**artifact));
        let mut all: BTreeMap<&str, &crate::grammar::ArtifactDefinition<'_>> = inherited.collect();
        all.extend(node.artifacts.iter().map(|(word, artifact)| (word.text, artifact)));
        let mut artifacts = BTreeMap::new();
        for (name, artifact) in all {
            let Some(word) = artifact.artifact_type else { continue };
            let Some(id) = program.types.lookup(TypeKind::Artifact, word) else { continue };
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
            let made = AssignedArtifact {
                artifact_type: word.text.to_owned(),
                cid: text("cid")?.unwrap_or_default(),
                file_name: text("file_name")?.unwrap_or_default(),
                size: value("bytes")?.and_then(|bytes| bytes.as_u64()),
            };
            let plain = !made.file_name.is_empty()
                && !matches!(made.file_name.as_str(), "." | "..")
                && !made.file_name.contains(['/', '\\', '\0']);
            if !plain {
                let message = format!("`{}` is not a plain file name", made.file_name);
                program.faults.push(Fault::new(Code::Program, artifact.name.span, message));
                return None;
            }
            artifacts.insert(name.to_owned(), made);
        }
        Some(artifacts)
    }

    fn node(&self, program: &Program<'_>, slot: &NodeSlot<'_>) -> Option<AssignedNode> {
        let index = slot.index;
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
        let restart = match field("restart").as_str() {
            Some("never") => RestartPolicy::Never,
            _ => RestartPolicy::Always,
        };
        let environment = self.environment(program, field("environment"))?;
        let arguments = self.arguments(program, field("arguments"))?;
        let program_name = self.program_name(program, field("program"), &artifacts)?;
        let ports = self.ports(program, field("ports"), index)?;
        let probe = self.probe(program, field("probe"), &ports)?;
        Some(AssignedNode {
            element: slot.element,
            template: self.template.to_owned(),
            node_type: self.node_type.to_owned(),
            index,
            operator: slot.operator,
            operator_name: slot.operator_name.to_owned(),
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

    fn environment(
        &self,
        program: &Program<'_>,
        value: &Value,
    ) -> Option<BTreeMap<String, String>> {
        let entries = value.as_map().into_iter().flatten();
        let environment: BTreeMap<String, String> = entries
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let bad = environment.iter().find(|(key, value)| {
            key.is_empty() || key.contains(['=', '\0']) || value.contains('\0')
        });
        if let Some((key, _)) = bad {
            let span = program.property_span(self.template, "environment");
            let message = format!("`{key}` cannot be a variable of an environment");
            program.faults.push(Fault::new(Code::Program, span, message));
            return None;
        }
        Some(environment)
    }

    fn arguments(&self, program: &Program<'_>, value: &Value) -> Option<Vec<String>> {
        let items = value.as_list().unwrap_or_default().iter();
        let arguments: Vec<String> =
            items.filter_map(|item| item.as_str().map(str::to_owned)).collect();
        if arguments.iter().any(|argument| argument.contains('\0')) {
            let span = program.property_span(self.template, "arguments");
            let message = "an argument of a program cannot contain the character 0";
            program.faults.push(Fault::new(Code::Program, span, message));
            return None;
        }
        Some(arguments)
    }

    /// Returns the name of the artifact to run.
    fn program_name(
        &self,
        program: &Program<'_>,
        value: &Value,
        artifacts: &BTreeMap<String, AssignedArtifact>,
    ) -> Option<String> {
        // Only a string passes the check of the property's type.
        let name = value.as_str().unwrap_or_default().to_owned();
        if !artifacts.contains_key(&name) {
            let span = program.property_span(self.template, "program");
            let message =
                format!("`{}` has no artifact `{name}` of type Image to run", self.template);
            let fault = Fault::new(Code::Program, span, message);
            program.faults.push(fault.near(&name, artifacts.keys().map(String::as_str)));
            return None;
        }
        Some(name)
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
            // If the first port is 0, agents choose the ports of all nodes.
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
            "the probe needs a TCP port named `{}`, which `{}` does not have",
            probe.port, self.template
        );
        let fault = Fault::new(Code::Port, span, message);
        program.faults.push(fault.near(&probe.port, ports.iter().map(|port| port.name.as_str())));
        None
    }
}

/// Returns the value of a property or artifact, which must be known before a node is made.
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
            let message = format!("`{name}` follows a relationship that does not exist");
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
