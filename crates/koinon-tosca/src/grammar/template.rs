//! Templates of nodes and relationships, groups and policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::artifact::ArtifactDefinition;
use super::artifact::ImplementationDefinition;
use super::artifact::read_artifacts;
use super::artifact::read_implementation;
use super::assignments::ValueAssignments;
use super::assignments::read_assignments;
use super::copy::Copied;
use super::expr::Expr;
use super::expr::read_expr;
use super::fields::EntityFields;
use super::fields::NamedMap;
use super::fields::Word;
use super::fields::read_fields;
use super::fields::read_named_list;
use super::fields::read_named_map;
use super::fields::text_of;
use super::fields::wrong_kind;
use super::workflow::TriggerDefinition;
use super::workflow::read_triggers;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// A way to get the nodes of a template (csd07 7.2.1).
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
    /// In the order of trial. Without directives, nodes are created.
    pub(crate) directives: Vec<(Directive, Word<'a>)>,
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) attributes: ValueAssignments<'a>,
    pub(crate) capabilities: NamedMap<'a, CapabilityAssignment<'a>>,
    pub(crate) requirements: Vec<RequirementAssignment<'a>>,
    pub(crate) interfaces: NamedMap<'a, InterfaceAssignment<'a>>,
    pub(crate) artifacts: NamedMap<'a, ArtifactDefinition<'a>>,
    pub(crate) count: Option<Box<Expr<'a>>>,
    pub(crate) filter: Option<Box<Expr<'a>>>,
}

impl<'a> NodeTemplate<'a> {
    /// Returns the empty template of a node that is made elsewhere.
    pub(crate) fn reference(name: Word<'a>) -> Self {
        Self {
            name,
            node_type: Word { text: "", span: name.span },
            directives: Vec::new(),
            properties: NamedMap::new(),
            attributes: NamedMap::new(),
            capabilities: NamedMap::new(),
            requirements: Vec::new(),
            interfaces: NamedMap::new(),
            artifacts: NamedMap::new(),
            count: None,
            filter: None,
        }
    }

    /// Returns whether nodes may come from this directive.
    pub(crate) fn has(&self, directive: Directive) -> bool {
        self.directives.iter().any(|(one, _)| *one == directive)
            || (directive == Directive::Create && self.directives.is_empty())
    }
}

/// A capability assignment.
#[derive(Clone, Debug)]
pub(crate) struct CapabilityAssignment<'a> {
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) attributes: ValueAssignments<'a>,
}

/// A requirement assignment.
#[derive(Clone, Debug)]
pub(crate) struct RequirementAssignment<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) node: Option<RequirementTarget<'a>>,
    pub(crate) capability: Option<Word<'a>>,
    /// A relationship type, or a relationship template.
    pub(crate) relationship: Option<Word<'a>>,
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) attributes: ValueAssignments<'a>,
    pub(crate) interfaces: NamedMap<'a, InterfaceAssignment<'a>>,
    pub(crate) allocation: ValueAssignments<'a>,
    pub(crate) count: Option<Box<Expr<'a>>>,
    pub(crate) filter: Option<Box<Expr<'a>>>,
    pub(crate) directives: Vec<Word<'a>>,
    pub(crate) optional: bool,
}

/// The target of a requirement: a node template or type, with the index of one node of a template.
#[derive(Clone, Debug)]
pub(crate) struct RequirementTarget<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) index: Option<Box<Expr<'a>>>,
}

/// An interface assignment.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceAssignment<'a> {
    pub(crate) inputs: ValueAssignments<'a>,
    pub(crate) operations: NamedMap<'a, OperationAssignment<'a>>,
    pub(crate) notifications: NamedMap<'a, OperationAssignment<'a>>,
}

/// An operation or notification assignment.
#[derive(Clone, Debug, Default)]
pub(crate) struct OperationAssignment<'a> {
    pub(crate) inputs: ValueAssignments<'a>,
    pub(crate) outputs: ValueAssignments<'a>,
    pub(crate) implementation: Option<ImplementationDefinition<'a>>,
}

/// A relationship template.
#[derive(Clone, Debug)]
pub(crate) struct RelationshipTemplate<'a> {
    pub(crate) relationship_type: Word<'a>,
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) attributes: ValueAssignments<'a>,
    pub(crate) interfaces: NamedMap<'a, InterfaceAssignment<'a>>,
}

/// A group definition.
#[derive(Clone, Debug)]
pub(crate) struct GroupDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) group_type: Word<'a>,
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) attributes: ValueAssignments<'a>,
    pub(crate) members: Vec<Word<'a>>,
}

/// A policy definition.
#[derive(Clone, Debug)]
pub(crate) struct PolicyDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) policy_type: Word<'a>,
    pub(crate) properties: ValueAssignments<'a>,
    pub(crate) targets: Vec<Word<'a>>,
    pub(crate) triggers: BTreeMap<&'a str, Arc<TriggerDefinition<'a>>>,
}

fn assigned<'a>(fields: &EntityFields<'a>, key: &str, faults: &Faults) -> ValueAssignments<'a> {
    read_assignments(fields.get(key), key, faults)
}

/// Reads a node template. Where it lacks a keyname, that of `copied` counts, the template that
/// `copy` names.
pub(crate) fn read_node<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    copied: Option<Yaml<'a>>,
    faults: &Faults,
) -> Option<NodeTemplate<'a>> {
    let entity = &keynames::NODE_TEMPLATE;
    let own = read_fields(yaml, entity, name.span, faults)?;
    // Faults of the copied template are reported once, at their place.
    let silent = Faults::default();
    let copied = copied.and_then(|yaml| read_fields(yaml, entity, name.span, &silent));
    let fields = Copied { own, copied };
    // An invalid `copy` was reported already.
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
                let message = format!("unknown directive `{other}`");
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
    // csd07 7.2.1: a filter applies to selected nodes only.
    if let (Some(filter), false) = (&node.filter, node.has(Directive::Select)) {
        let message = "`node_filter` without the directive `select`";
        faults.push(Fault::new(Code::Misplaced, filter.span, message));
    }
    Some(node)
}

fn capabilities<'a>(
    fields: &Copied<'a>,
    faults: &Faults,
) -> NamedMap<'a, CapabilityAssignment<'a>> {
    let entity = &keynames::CAPABILITY_ASSIGNMENT;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = read_fields(yaml, entity, name.span, faults)?;
        directives(&fields, faults);
        let (properties, attributes) =
            (assigned(&fields, "properties", faults), assigned(&fields, "attributes", faults));
        Some((name, CapabilityAssignment { properties, attributes }))
    };
    read_named_map(fields.get("capabilities"), entity.name, faults)
        .into_iter()
        .filter_map(read)
        .collect()
}

/// Reads the directives of a capability or requirement (csd07 8.3, 8.5).
fn directives<'a>(fields: &EntityFields<'a>, faults: &Faults) -> Vec<Word<'a>> {
    let mut words = fields.words("directives").unwrap_or_default();
    words.retain(|word| {
        let known = matches!(word.text, "internal" | "external");
        if !known {
            let message = format!("unknown directive `{}` here", word.text);
            let fault = Fault::new(Code::Definition, word.span, message);
            faults.push(fault.near(word.text, ["internal", "external"]));
        }
        known
    });
    words
}

fn requirements<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<RequirementAssignment<'a>> {
    let entries = read_named_list(yaml, "requirements", faults);
    // Most nodes have one or two requirements, but a growing vector reserves four at once.
    let mut requirements = Vec::with_capacity(entries.len());
    requirements
        .extend(entries.into_iter().filter_map(|(name, yaml)| requirement(name, yaml, faults)));
    requirements
}

fn requirement<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<RequirementAssignment<'a>> {
    let mut requirement = RequirementAssignment {
        name,
        node: None,
        capability: None,
        relationship: None,
        properties: NamedMap::default(),
        attributes: NamedMap::default(),
        interfaces: NamedMap::default(),
        allocation: NamedMap::default(),
        count: None,
        filter: None,
        directives: Vec::new(),
        optional: false,
    };
    // csd07 14.3.4 also writes a node and its index without `node:`.
    if text_of(yaml).is_some() || yaml.list().is_some() {
        requirement.node = Some(target(yaml, faults)?);
        return Some(requirement);
    }
    let fields = read_fields(yaml, &keynames::REQUIREMENT_ASSIGNMENT, name.span, faults)?;
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

fn relationship_values<'a>(
    yaml: Yaml<'a>,
    requirement: &mut RequirementAssignment<'a>,
    faults: &Faults,
) {
    let entity = &keynames::RELATIONSHIP_ASSIGNMENT;
    let Some(fields) = read_fields(yaml, entity, yaml.span(), faults) else { return };
    requirement.relationship = fields.word("type");
    requirement.properties = assigned(&fields, "properties", faults);
    requirement.attributes = assigned(&fields, "attributes", faults);
    requirement.interfaces = read_interfaces(fields.get("interfaces"), faults);
}

fn target<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<RequirementTarget<'a>> {
    if let Some(name) = text_of(yaml) {
        return Some(RequirementTarget { name, index: None });
    }
    let pair: Vec<Yaml<'a>> = yaml.list().into_iter().flatten().collect();
    if let [name, index] = pair.as_slice()
        && let Some(name) = text_of(*name)
    {
        return Some(RequirementTarget { name, index: Some(Box::new(read_expr(*index, faults))) });
    }
    faults.push(wrong_kind(yaml, "the target node", "name, or list of a name and an index,"));
    None
}

/// Reads interface assignments.
pub(crate) fn read_interfaces<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> NamedMap<'a, InterfaceAssignment<'a>> {
    let entity = &keynames::INTERFACE_ASSIGNMENT;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = read_fields(yaml, entity, name.span, faults)?;
        let operations = |key: &str, entity: &'static keynames::Entity| {
            let entries = read_named_map(fields.get(key), key, faults).into_iter();
            entries
                .filter_map(|(name, yaml)| Some((name, operation(name, yaml, entity, faults)?)))
                .collect()
        };
        let values = InterfaceAssignment {
            inputs: assigned(&fields, "inputs", faults),
            operations: operations("operations", &keynames::OPERATION_ASSIGNMENT),
            notifications: operations("notifications", &keynames::NOTIFICATION_ASSIGNMENT),
        };
        Some((name, values))
    };
    read_named_map(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn operation<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    entity: &'static keynames::Entity,
    faults: &Faults,
) -> Option<OperationAssignment<'a>> {
    let mut values = OperationAssignment::default();
    match yaml.scalar() {
        Some(Scalar::Null) => return Some(values),
        Some(Scalar::String(_)) => {
            values.implementation = read_implementation(yaml, faults);
            return Some(values);
        }
        _ => {}
    }
    let fields = read_fields(yaml, entity, name.span, faults)?;
    values.inputs = assigned(&fields, "inputs", faults);
    values.outputs = assigned(&fields, "outputs", faults);
    values.implementation =
        fields.get("implementation").and_then(|yaml| read_implementation(yaml, faults));
    Some(values)
}

/// Reads a relationship template. `copied` has the meaning it has in [`read_node`].
pub(crate) fn read_relationship<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    copied: Option<Yaml<'a>>,
    faults: &Faults,
) -> Option<RelationshipTemplate<'a>> {
    let entity = &keynames::RELATIONSHIP_TEMPLATE;
    let own = read_fields(yaml, entity, name.span, faults)?;
    let silent = Faults::default();
    let copied = copied.and_then(|yaml| read_fields(yaml, entity, name.span, &silent));
    let fields = Copied { own, copied };
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

/// Reads a group definition.
pub(crate) fn read_group<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<GroupDefinition<'a>> {
    let fields = read_fields(yaml, &keynames::GROUP, name.span, faults)?;
    Some(GroupDefinition {
        name,
        group_type: fields.word("type")?,
        properties: assigned(&fields, "properties", faults),
        attributes: assigned(&fields, "attributes", faults),
        members: fields.words("members").unwrap_or_default(),
    })
}

/// Reads a policy definition.
pub(crate) fn read_policy<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<PolicyDefinition<'a>> {
    let fields = read_fields(yaml, &keynames::POLICY, name.span, faults)?;
    Some(PolicyDefinition {
        name,
        policy_type: fields.word("type")?,
        properties: assigned(&fields, "properties", faults),
        targets: fields.words("targets").unwrap_or_default(),
        triggers: read_triggers(fields.get("triggers"), faults),
    })
}
