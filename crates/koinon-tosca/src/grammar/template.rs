//! Templates: what a service consists of.

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Fields;
use super::fields::Named;
use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::fields::named_list;
use super::fields::text_of;
use super::fields::wrong_kind;
use super::workflow::Trigger;
use super::workflow::read_triggers;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

use std::collections::BTreeMap;
use std::sync::Arc;

/// Values by name.
pub(crate) type Assigned<'a> = Named<'a, Expr<'a>>;

/// How a node comes to be (csd07 7.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    Create,
    Select,
    Substitute,
}

/// A node template.
#[derive(Clone, Debug)]
pub(crate) struct NodeTemplate<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) node_type: Word<'a>,
    /// In the order in which they are tried; create if there are none.
    pub(crate) directives: Vec<(Directive, Word<'a>)>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) capabilities: Named<'a, CapabilityValues<'a>>,
    pub(crate) requirements: Vec<Requirement<'a>>,
    pub(crate) interfaces: Named<'a, InterfaceValues<'a>>,
    pub(crate) artifacts: Named<'a, Artifact<'a>>,
    pub(crate) count: Option<Box<Expr<'a>>>,
    pub(crate) filter: Option<Box<Expr<'a>>>,
}

impl<'a> NodeTemplate<'a> {
    /// Makes the template of a node that is made elsewhere: nothing is said of it here.
    pub(crate) fn reference(name: Word<'a>) -> Self {
        Self {
            name,
            node_type: Word { text: "", span: name.span },
            directives: Vec::new(),
            properties: Named::new(),
            attributes: Named::new(),
            capabilities: Named::new(),
            requirements: Vec::new(),
            interfaces: Named::new(),
            artifacts: Named::new(),
            count: None,
            filter: None,
        }
    }

    /// Returns whether nodes may come to be this way.
    pub(crate) fn has(&self, directive: Directive) -> bool {
        self.directives.iter().any(|(one, _)| *one == directive)
            || (directive == Directive::Create && self.directives.is_empty())
    }
}

/// Values of a capability.
#[derive(Clone, Debug)]
pub(crate) struct CapabilityValues<'a> {
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
}

/// A requirement assignment.
#[derive(Clone, Debug)]
pub(crate) struct Requirement<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) node: Option<Target<'a>>,
    pub(crate) capability: Option<Word<'a>>,
    /// A relationship type, or a relationship template.
    pub(crate) relationship: Option<Word<'a>>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) interfaces: Named<'a, InterfaceValues<'a>>,
    pub(crate) allocation: Assigned<'a>,
    pub(crate) count: Option<Box<Expr<'a>>>,
    pub(crate) filter: Option<Box<Expr<'a>>>,
    pub(crate) directives: Vec<Word<'a>>,
    pub(crate) optional: bool,
}

/// The target of a requirement: a node template or type, with the index of one node of a template.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) index: Option<Box<Expr<'a>>>,
}

/// Values of an interface.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceValues<'a> {
    pub(crate) inputs: Assigned<'a>,
    pub(crate) operations: Named<'a, OperationValues<'a>>,
    pub(crate) notifications: Named<'a, OperationValues<'a>>,
}

/// Values of an operation or notification.
#[derive(Clone, Debug, Default)]
pub(crate) struct OperationValues<'a> {
    pub(crate) inputs: Assigned<'a>,
    pub(crate) outputs: Assigned<'a>,
    pub(crate) implementation: Option<Implementation<'a>>,
}

/// What does an operation.
#[derive(Clone, Debug)]
pub(crate) struct Implementation<'a> {
    pub(crate) primary: Option<ArtifactRef<'a>>,
    pub(crate) dependencies: Vec<ArtifactRef<'a>>,
    /// Seconds.
    pub(crate) timeout: Option<Expr<'a>>,
}

/// An artifact where it is used.
#[derive(Clone, Debug)]
pub(crate) enum ArtifactRef<'a> {
    /// The name of one, or the path of a file.
    Named(Word<'a>),
    /// One that is defined where it is used.
    Inline(Box<Artifact<'a>>),
}

/// An artifact definition.
#[derive(Clone, Debug)]
pub(crate) struct Artifact<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) artifact_type: Option<Word<'a>>,
    pub(crate) file: Option<Expr<'a>>,
    pub(crate) repository: Option<Word<'a>>,
    pub(crate) version: Option<Word<'a>>,
    pub(crate) checksum: Option<Expr<'a>>,
    pub(crate) checksum_algorithm: Option<Word<'a>>,
    pub(crate) properties: Assigned<'a>,
}

/// A relationship template.
#[derive(Clone, Debug)]
pub(crate) struct RelationshipTemplate<'a> {
    pub(crate) relationship_type: Word<'a>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) interfaces: Named<'a, InterfaceValues<'a>>,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) group_type: Word<'a>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) members: Vec<Word<'a>>,
}

/// A policy.
#[derive(Clone, Debug)]
pub(crate) struct Policy<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) policy_type: Word<'a>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) targets: Vec<Word<'a>>,
    pub(crate) triggers: BTreeMap<&'a str, Arc<Trigger<'a>>>,
}

/// Reads assignments of values to names.
pub(crate) fn read_assignments<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Assigned<'a> {
    let entries = named(yaml, what, faults).into_iter();
    entries.map(|(name, value)| (name, read_expr(value, faults))).collect()
}

fn assigned<'a>(fields: &Fields<'a>, key: &str, faults: &Faults) -> Assigned<'a> {
    read_assignments(fields.get(key), key, faults)
}

/// Reads a node template. `copied` is the template named by `copy`, whose keynames count where this one has none.
pub(crate) fn read_node<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    copied: Option<Yaml<'a>>,
    faults: &Faults,
) -> Option<NodeTemplate<'a>> {
    let entity = &keynames::NODE_TEMPLATE;
    let own = fields(yaml, entity, name.span, faults)?;
    // What is wrong with the template that is copied is said once, where it stands.
    let silent = Faults::default();
    let copied = copied.and_then(|yaml| fields(yaml, entity, name.span, &silent));
    let fields = super::copy::Copied { own, copied };
    // What cannot be copied was told there.
    if !fields.has("type") && !fields.own.has("copy") {
        fields.own.require("type", entity, faults);
    }
    let mut directives = Vec::new();
    for word in fields.words("directives").unwrap_or_default() {
        let directive = match word.text {
            "create" => Directive::Create,
            "select" => Directive::Select,
            "substitute" => Directive::Substitute,
            other => {
                let message = format!("there is no directive `{other}`");
                let fault = Fault::new(Code::Definition, word.span, message);
                faults.push(fault.near(other, ["create", "select", "substitute"]));
                continue;
            }
        };
        directives.push((directive, word));
    }
    let get = |key: &str| fields.get(key);
    let node = NodeTemplate {
        name,
        node_type: fields.word("type")?,
        directives,
        properties: fields.assigned("properties", faults),
        attributes: fields.assigned("attributes", faults),
        capabilities: capabilities(&fields, faults),
        requirements: requirements(get("requirements"), faults),
        interfaces: read_interfaces(get("interfaces"), faults),
        artifacts: read_artifacts(get("artifacts"), faults),
        count: get("count").map(|count| Box::new(read_expr(count, faults))),
        filter: get("node_filter").map(|filter| Box::new(read_expr(filter, faults))),
    };
    // csd07 7.2.1: only what is selected is filtered.
    if let (Some(filter), false) = (&node.filter, node.has(Directive::Select)) {
        let message = "`node_filter` without the directive `select`";
        faults.push(Fault::new(Code::Misplaced, filter.span, message));
    }
    Some(node)
}

fn capabilities<'a>(
    fields: &super::copy::Copied<'a>,
    faults: &Faults,
) -> Named<'a, CapabilityValues<'a>> {
    let entity = &keynames::CAPABILITY_ASSIGNMENT;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = super::fields::fields(yaml, entity, name.span, faults)?;
        directives(&fields, faults);
        let (properties, attributes) =
            (assigned(&fields, "properties", faults), assigned(&fields, "attributes", faults));
        Some((name, CapabilityValues { properties, attributes }))
    };
    named(fields.get("capabilities"), entity.name, faults).into_iter().filter_map(read).collect()
}

/// Reads where nodes may come from (csd07 8.3, 8.5).
fn directives<'a>(fields: &Fields<'a>, faults: &Faults) -> Vec<Word<'a>> {
    let mut words = fields.words("directives").unwrap_or_default();
    words.retain(|word| {
        let known = matches!(word.text, "internal" | "external");
        if !known {
            let message = format!("there is no directive `{}` here", word.text);
            let fault = Fault::new(Code::Definition, word.span, message);
            faults.push(fault.near(word.text, ["internal", "external"]));
        }
        known
    });
    words
}

fn requirements<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<Requirement<'a>> {
    let entries = named_list(yaml, "requirements", faults);
    // Most nodes have one or two, and a vector that grows makes room for four at once.
    let mut requirements = Vec::with_capacity(entries.len());
    requirements
        .extend(entries.into_iter().filter_map(|(name, yaml)| requirement(name, yaml, faults)));
    requirements
}

fn requirement<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<Requirement<'a>> {
    let mut requirement = Requirement {
        name,
        node: None,
        capability: None,
        relationship: None,
        properties: Named::default(),
        attributes: Named::default(),
        interfaces: Named::default(),
        allocation: Named::default(),
        count: None,
        filter: None,
        directives: Vec::new(),
        optional: false,
    };
    // csd07 14.3.4 writes a node and its index without `node:` as well.
    if text_of(yaml).is_some() || yaml.list().is_some() {
        requirement.node = Some(target(yaml, faults)?);
        return Some(requirement);
    }
    let fields = fields(yaml, &keynames::REQUIREMENT_ASSIGNMENT, name.span, faults)?;
    requirement.node = fields.get("node").and_then(|node| target(node, faults));
    requirement.capability = fields.word("capability");
    requirement.allocation = assigned(&fields, "allocation", faults);
    requirement.count = fields.get("count").map(|count| Box::new(read_expr(count, faults)));
    requirement.filter =
        fields.get("node_filter").map(|filter| Box::new(read_expr(filter, faults)));
    requirement.directives = directives(&fields, faults);
    requirement.optional = fields.boolean("optional").unwrap_or(false);
    match fields.get("relationship") {
        Some(relationship) if relationship.string().is_none() => {
            relationship_values(relationship, &mut requirement, faults);
        }
        _ => requirement.relationship = fields.word("relationship"),
    }
    Some(requirement)
}

fn relationship_values<'a>(yaml: Yaml<'a>, requirement: &mut Requirement<'a>, faults: &Faults) {
    let entity = &keynames::RELATIONSHIP_ASSIGNMENT;
    let Some(fields) = fields(yaml, entity, yaml.span(), faults) else { return };
    requirement.relationship = fields.word("type");
    requirement.properties = assigned(&fields, "properties", faults);
    requirement.attributes = assigned(&fields, "attributes", faults);
    requirement.interfaces = read_interfaces(fields.get("interfaces"), faults);
}

fn target<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<Target<'a>> {
    if let Some(name) = text_of(yaml) {
        return Some(Target { name, index: None });
    }
    let pair: Vec<Yaml<'a>> = yaml.list().into_iter().flatten().collect();
    if let [name, index] = pair.as_slice()
        && let Some(name) = text_of(*name)
    {
        return Some(Target { name, index: Some(Box::new(read_expr(*index, faults))) });
    }
    faults.push(wrong_kind(yaml, "the target node", "name, or list of a name and an index,"));
    None
}

/// Reads interface assignments.
pub(crate) fn read_interfaces<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Named<'a, InterfaceValues<'a>> {
    let entity = &keynames::INTERFACE_ASSIGNMENT;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, entity, name.span, faults)?;
        let operations = |key: &str, entity: &'static keynames::Entity| {
            let entries = named(fields.get(key), key, faults).into_iter();
            entries
                .filter_map(|(name, yaml)| Some((name, operation(name, yaml, entity, faults)?)))
                .collect()
        };
        let values = InterfaceValues {
            inputs: assigned(&fields, "inputs", faults),
            operations: operations("operations", &keynames::OPERATION_ASSIGNMENT),
            notifications: operations("notifications", &keynames::NOTIFICATION_ASSIGNMENT),
        };
        Some((name, values))
    };
    named(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn operation<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    entity: &'static keynames::Entity,
    faults: &Faults,
) -> Option<OperationValues<'a>> {
    let mut values = OperationValues::default();
    match yaml.scalar() {
        Some(Scalar::Null) => return Some(values),
        Some(Scalar::String(_)) => {
            values.implementation = read_implementation(yaml, faults);
            return Some(values);
        }
        _ => {}
    }
    let fields = fields(yaml, entity, name.span, faults)?;
    values.inputs = assigned(&fields, "inputs", faults);
    values.outputs = assigned(&fields, "outputs", faults);
    values.implementation =
        fields.get("implementation").and_then(|yaml| read_implementation(yaml, faults));
    Some(values)
}

/// Reads an implementation: an artifact's name or path, or a map with artifacts.
pub(crate) fn read_implementation<'a>(
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<Implementation<'a>> {
    if let Some(word) = text_of(yaml) {
        let primary = Some(ArtifactRef::Named(word));
        return Some(Implementation { primary, dependencies: Vec::new(), timeout: None });
    }
    let fields = fields(yaml, &keynames::IMPLEMENTATION, yaml.span(), faults)?;
    let list = fields.get("dependencies").and_then(Yaml::list).into_iter().flatten();
    Some(Implementation {
        primary: fields.get("primary").and_then(|yaml| artifact_ref(yaml, faults)),
        dependencies: list.filter_map(|yaml| artifact_ref(yaml, faults)).collect(),
        timeout: fields.get("timeout").map(|timeout| read_expr(timeout, faults)),
    })
}

fn artifact_ref<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<ArtifactRef<'a>> {
    match text_of(yaml) {
        Some(word) => Some(ArtifactRef::Named(word)),
        None => {
            let name = Word { text: "", span: yaml.span() };
            artifact(name, yaml, faults).map(Box::new).map(ArtifactRef::Inline)
        }
    }
}

/// Reads artifact definitions.
pub(crate) fn read_artifacts<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Named<'a, Artifact<'a>> {
    let entries = named(yaml, keynames::ARTIFACT.name, faults).into_iter();
    entries.filter_map(|(name, yaml)| Some((name, artifact(name, yaml, faults)?))).collect()
}

fn artifact<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<Artifact<'a>> {
    // csd07 10.2.1.4 writes an artifact as the path of its file.
    if yaml.string().is_some() {
        let file = Some(read_expr(yaml, faults));
        return Some(Artifact {
            name,
            artifact_type: None,
            file,
            repository: None,
            version: None,
            checksum: None,
            checksum_algorithm: None,
            properties: Named::default(),
        });
    }
    let entity = &keynames::ARTIFACT;
    let fields = fields(yaml, entity, name.span, faults)?;
    fields.require("type", entity, faults);
    fields.require("file", entity, faults);
    if fields.has("checksum") && !fields.has("checksum_algorithm") {
        let span = fields.get("checksum").map_or(name.span, Yaml::span);
        let message = "expected `checksum_algorithm` beside `checksum`";
        faults.push(Fault::new(Code::MissingKey, span, message));
    }
    Some(Artifact {
        name,
        artifact_type: fields.word("type"),
        file: fields.get("file").map(|file| read_expr(file, faults)),
        repository: fields.word("repository"),
        version: fields.word("artifact_version").or_else(|| fields.word("version")),
        checksum: fields.get("checksum").map(|checksum| read_expr(checksum, faults)),
        checksum_algorithm: fields.word("checksum_algorithm"),
        properties: assigned(&fields, "properties", faults),
    })
}

/// Reads a relationship template. `copied` is as for node templates.
pub(crate) fn read_relationship<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    copied: Option<Yaml<'a>>,
    faults: &Faults,
) -> Option<RelationshipTemplate<'a>> {
    let entity = &keynames::RELATIONSHIP_TEMPLATE;
    let own = fields(yaml, entity, name.span, faults)?;
    let silent = Faults::default();
    let copied = copied.and_then(|yaml| fields(yaml, entity, name.span, &silent));
    let fields = super::copy::Copied { own, copied };
    if !fields.has("type") && !fields.own.has("copy") {
        fields.own.require("type", entity, faults);
    }
    Some(RelationshipTemplate {
        relationship_type: fields.word("type")?,
        properties: fields.assigned("properties", faults),
        attributes: fields.assigned("attributes", faults),
        interfaces: read_interfaces(fields.get("interfaces"), faults),
    })
}

/// Reads a group.
pub(crate) fn read_group<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<Group<'a>> {
    let fields = fields(yaml, &keynames::GROUP, name.span, faults)?;
    Some(Group {
        name,
        group_type: fields.word("type")?,
        properties: assigned(&fields, "properties", faults),
        attributes: assigned(&fields, "attributes", faults),
        members: fields.words("members").unwrap_or_default(),
    })
}

/// Reads a policy.
pub(crate) fn read_policy<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<Policy<'a>> {
    let fields = fields(yaml, &keynames::POLICY, name.span, faults)?;
    Some(Policy {
        name,
        policy_type: fields.word("type")?,
        properties: assigned(&fields, "properties", faults),
        targets: fields.words("targets").unwrap_or_default(),
        triggers: read_triggers(fields.get("triggers"), faults),
    })
}
