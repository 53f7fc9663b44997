//! Templates: what a service consists of.

use std::collections::BTreeMap;

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Fields;
use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::fields::named_list;
use super::fields::text_of;
use super::fields::wrong_kind;
use super::types::common;
use super::types::read_implementation;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// Values by name, each with the place of its name.
pub(crate) type Assigned<'a> = BTreeMap<&'a str, (Word<'a>, Expr)>;

/// A node template.
#[derive(Clone, Debug)]
pub(crate) struct NodeTemplate<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) node_type: Word<'a>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) capabilities: BTreeMap<&'a str, CapabilityValues<'a>>,
    pub(crate) requirements: Vec<Requirement<'a>>,
    pub(crate) interfaces: BTreeMap<&'a str, InterfaceValues<'a>>,
    pub(crate) artifacts: BTreeMap<&'a str, Artifact<'a>>,
    pub(crate) count: Option<Expr>,
}

/// Values of a capability.
#[derive(Clone, Debug)]
pub(crate) struct CapabilityValues<'a> {
    pub(crate) name: Word<'a>,
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
    pub(crate) relationship_properties: Option<(Word<'a>, Assigned<'a>)>,
    pub(crate) allocation: Assigned<'a>,
    pub(crate) count: Option<Expr>,
    pub(crate) optional: bool,
}

/// The target of a requirement: a node template or type, with the index of one node of a template.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) index: Option<Expr>,
}

/// Values of an interface's inputs.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceValues<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) inputs: Assigned<'a>,
    /// Inputs of each operation.
    pub(crate) operations: BTreeMap<&'a str, (Word<'a>, Assigned<'a>)>,
}

/// An artifact definition.
#[derive(Clone, Debug)]
pub(crate) struct Artifact<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) artifact_type: Word<'a>,
    pub(crate) file: Expr,
    pub(crate) properties: Assigned<'a>,
}

/// A relationship template.
#[derive(Clone, Debug)]
pub(crate) struct RelationshipTemplate<'a> {
    pub(crate) relationship_type: Word<'a>,
    pub(crate) properties: Assigned<'a>,
    pub(crate) attributes: Assigned<'a>,
    pub(crate) interfaces: BTreeMap<&'a str, InterfaceValues<'a>>,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Group<'a> {
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
}

/// Reads assignments of values to names.
pub(crate) fn read_assignments<'a>(
    yaml: Option<Yaml<'a>>,
    what: &str,
    faults: &Faults,
) -> Assigned<'a> {
    let entries = named(yaml, what, faults).into_iter();
    entries.map(|(name, value)| (name.text, (name, read_expr(value, faults)))).collect()
}

fn properties<'a>(fields: &Fields<'a>, faults: &Faults) -> Assigned<'a> {
    read_assignments(fields.get("properties"), "properties", faults)
}

fn attributes<'a>(fields: &Fields<'a>, faults: &Faults) -> Assigned<'a> {
    read_assignments(fields.get("attributes"), "attributes", faults)
}

/// Reads a node template.
pub(crate) fn read_node<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<NodeTemplate<'a>> {
    let what = "node template";
    let known = [
        "type",
        "description",
        "metadata",
        "directives",
        "properties",
        "attributes",
        "requirements",
        "capabilities",
        "interfaces",
        "artifacts",
        "count",
    ];
    let fields = fields(yaml, what, &known, &["node_filter", "copy"], faults)?;
    common(&fields, faults);
    for directive in fields.words("directives", faults).unwrap_or_default() {
        let (code, text) = match directive.text {
            "create" => continue,
            "select" | "substitute" => (Code::NotSupported, "is not supported yet"),
            _ => (Code::Definition, "does not exist"),
        };
        faults.push(Fault::new(
            code,
            directive.span,
            format!("directive `{}` {text}", directive.text),
        ));
    }
    Some(NodeTemplate {
        name,
        node_type: fields.mandatory("type", what, faults)?,
        properties: properties(&fields, faults),
        attributes: attributes(&fields, faults),
        capabilities: capabilities(fields.get("capabilities"), faults),
        requirements: requirements(fields.get("requirements"), faults),
        interfaces: interfaces(fields.get("interfaces"), faults),
        artifacts: read_artifacts(fields.get("artifacts"), faults),
        count: fields.get("count").map(|count| read_expr(count, faults)),
    })
}

fn capabilities<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, CapabilityValues<'a>> {
    let what = "capability assignment";
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, what, &["properties", "attributes"], &["directives"], faults)?;
        let (properties, attributes) = (properties(&fields, faults), attributes(&fields, faults));
        Some((name.text, CapabilityValues { name, properties, attributes }))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

fn requirements<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<Requirement<'a>> {
    let what = "requirement assignment";
    let entries = named_list(yaml, what, faults).into_iter();
    entries.filter_map(|(name, yaml)| requirement(name, yaml, what, faults)).collect()
}

fn requirement<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    what: &str,
    faults: &Faults,
) -> Option<Requirement<'a>> {
    let mut requirement = Requirement {
        name,
        node: None,
        capability: None,
        relationship: None,
        relationship_properties: None,
        allocation: BTreeMap::new(),
        count: None,
        optional: false,
    };
    if let Some(node) = text_of(yaml) {
        requirement.node = Some(Target { name: node, index: None });
        return Some(requirement);
    }
    let known =
        ["node", "capability", "relationship", "allocation", "count", "node_filter", "optional"];
    let fields = fields(yaml, what, &known, &["directives"], faults)?;
    if let Some(filter) = fields.get("node_filter") {
        drop(read_expr(filter, faults));
    }
    requirement.node = fields.get("node").and_then(|node| target(node, faults));
    requirement.capability = fields.word("capability", faults);
    requirement.allocation = read_assignments(fields.get("allocation"), "allocation", faults);
    requirement.count = fields.get("count").map(|count| read_expr(count, faults));
    requirement.optional = fields.boolean("optional", faults).unwrap_or(false);
    match fields.get("relationship") {
        Some(relationship) if relationship.string().is_none() => {
            relationship_values(relationship, &mut requirement, faults);
        }
        _ => requirement.relationship = fields.word("relationship", faults),
    }
    Some(requirement)
}

fn relationship_values<'a>(yaml: Yaml<'a>, requirement: &mut Requirement<'a>, faults: &Faults) {
    let what = "relationship assignment";
    let later = ["attributes", "interfaces"];
    let Some(fields) = fields(yaml, what, &["type", "properties"], &later, faults) else { return };
    requirement.relationship = fields.word("type", faults);
    let name = Word { text: "relationship", span: yaml.span() };
    requirement.relationship_properties = Some((name, properties(&fields, faults)));
}

fn target<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<Target<'a>> {
    if let Some(name) = text_of(yaml) {
        return Some(Target { name, index: None });
    }
    let pair: Vec<Yaml<'a>> = yaml.list().into_iter().flatten().collect();
    if let [name, index] = pair.as_slice()
        && let Some(name) = text_of(*name)
    {
        return Some(Target { name, index: Some(read_expr(*index, faults)) });
    }
    faults.push(wrong_kind(yaml, "the target node", "name, or list of a name and an index,"));
    None
}

fn interfaces<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, InterfaceValues<'a>> {
    let what = "interface assignment";
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, what, &["inputs", "operations"], &["notifications"], faults)?;
        let inputs = read_assignments(fields.get("inputs"), "inputs", faults);
        let operations = named(fields.get("operations"), "operations", faults);
        let operations =
            operations.into_iter().map(|(name, yaml)| (name.text, (name, operation(yaml, faults))));
        Some((name.text, InterfaceValues { name, inputs, operations: operations.collect() }))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

fn operation<'a>(yaml: Yaml<'a>, faults: &Faults) -> Assigned<'a> {
    if matches!(yaml.scalar(), Some(Scalar::Null | Scalar::String(_))) {
        return BTreeMap::new();
    }
    let what = "operation assignment";
    let Some(fields) = fields(yaml, what, &["implementation", "inputs"], &["outputs"], faults)
    else {
        return BTreeMap::new();
    };
    read_implementation(fields.get("implementation"), faults);
    read_assignments(fields.get("inputs"), "inputs", faults)
}

/// Reads artifact definitions.
pub(crate) fn read_artifacts<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Artifact<'a>> {
    let what = "artifact definition";
    let known = [
        "type",
        "file",
        "description",
        "metadata",
        "artifact_version",
        "checksum",
        "checksum_algorithm",
        "properties",
    ];
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, what, &known, &["repository"], faults)?;
        common(&fields, faults);
        for key in ["artifact_version", "checksum", "checksum_algorithm"] {
            fields.word(key, faults);
        }
        let artifact_type = fields.mandatory("type", what, faults)?;
        let Some(file) = fields.get("file") else {
            fields.mandatory("file", what, faults);
            return None;
        };
        let (file, properties) = (read_expr(file, faults), properties(&fields, faults));
        Some((name.text, Artifact { name, artifact_type, file, properties }))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

/// Reads a relationship template.
pub(crate) fn read_relationship<'a>(
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<RelationshipTemplate<'a>> {
    let what = "relationship template";
    let known = ["type", "description", "metadata", "properties", "attributes", "interfaces"];
    let fields = fields(yaml, what, &known, &["copy"], faults)?;
    common(&fields, faults);
    Some(RelationshipTemplate {
        relationship_type: fields.mandatory("type", what, faults)?,
        properties: properties(&fields, faults),
        attributes: attributes(&fields, faults),
        interfaces: interfaces(fields.get("interfaces"), faults),
    })
}

/// Reads a group.
pub(crate) fn read_group<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<Group<'a>> {
    let known = ["type", "description", "metadata", "properties", "attributes", "members"];
    let fields = fields(yaml, "group", &known, &[], faults)?;
    common(&fields, faults);
    Some(Group {
        group_type: fields.mandatory("type", "group", faults)?,
        properties: properties(&fields, faults),
        attributes: attributes(&fields, faults),
        members: fields.words("members", faults).unwrap_or_default(),
    })
}

/// Reads a policy.
pub(crate) fn read_policy<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<Policy<'a>> {
    let known = ["type", "description", "metadata", "properties", "targets"];
    let fields = fields(yaml, "policy", &known, &["triggers"], faults)?;
    common(&fields, faults);
    Some(Policy {
        name,
        policy_type: fields.mandatory("type", "policy", faults)?,
        properties: properties(&fields, faults),
        targets: fields.words("targets", faults).unwrap_or_default(),
    })
}
