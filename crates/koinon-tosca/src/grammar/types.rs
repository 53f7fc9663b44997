//! Type definitions of all eight sections.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::read_expr;
use super::fields::Fields;
use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::fields::named_list;
use super::fields::wrong_kind;
use super::schema::Property;
use super::schema::Schema;
use super::schema::read_properties;
use super::schema::read_schema;
use super::template::Artifact;
use super::template::read_artifacts;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// The kinds of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Artifact,
    Data,
    Capability,
    Interface,
    Relationship,
    Node,
    Group,
    Policy,
}

impl Section {
    pub(crate) const ALL: [Self; 8] = [
        Self::Artifact,
        Self::Data,
        Self::Capability,
        Self::Interface,
        Self::Relationship,
        Self::Node,
        Self::Group,
        Self::Policy,
    ];

    /// Returns the keyname in files.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Artifact => "artifact_types",
            Self::Data => "data_types",
            Self::Capability => "capability_types",
            Self::Interface => "interface_types",
            Self::Relationship => "relationship_types",
            Self::Node => "node_types",
            Self::Group => "group_types",
            Self::Policy => "policy_types",
        }
    }

    /// Returns what one of its types is called.
    pub(crate) const fn noun(self) -> &'static str {
        match self {
            Self::Artifact => "artifact type",
            Self::Data => "data type",
            Self::Capability => "capability type",
            Self::Interface => "interface type",
            Self::Relationship => "relationship type",
            Self::Node => "node type",
            Self::Group => "group type",
            Self::Policy => "policy type",
        }
    }

    /// Returns the keynames of its types, and those that are not supported yet.
    const fn keynames(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Artifact => (&["mime_type", "file_ext", "properties"], &[]),
            Self::Data => (
                &[
                    "validation",
                    "properties",
                    "key_schema",
                    "entry_schema",
                    "units",
                    "prefixes",
                    "canonical_unit",
                    "data_type",
                ],
                &[],
            ),
            Self::Capability => (
                &[
                    "properties",
                    "attributes",
                    "valid_source_node_types",
                    "valid_relationship_types",
                ],
                &[],
            ),
            Self::Interface => (&["inputs", "operations"], &["notifications"]),
            Self::Relationship => (
                &[
                    "properties",
                    "attributes",
                    "interfaces",
                    "valid_capability_types",
                    "valid_target_node_types",
                    "valid_source_node_types",
                ],
                &[],
            ),
            Self::Node => (
                &[
                    "properties",
                    "attributes",
                    "capabilities",
                    "requirements",
                    "interfaces",
                    "artifacts",
                ],
                &[],
            ),
            Self::Group => (&["properties", "attributes", "members"], &[]),
            Self::Policy => (&["properties", "targets"], &["triggers"]),
        }
    }
}

/// A type definition. Before resolution it holds what it says itself; after, what it inherits as well.
#[derive(Clone, Debug)]
pub(crate) struct TypeDef<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) section: Section,
    /// The profile it belongs to, if any.
    pub(crate) profile: Option<&'static str>,
    pub(crate) parent: Option<Word<'a>>,
    /// Names of itself and its ancestors, nearest first. Filled by resolution.
    pub(crate) chain: Vec<&'a str>,
    pub(crate) properties: BTreeMap<&'a str, Property<'a>>,
    pub(crate) attributes: BTreeMap<&'a str, Property<'a>>,
    pub(crate) capabilities: BTreeMap<&'a str, Capability<'a>>,
    pub(crate) requirements: BTreeMap<&'a str, RequirementType<'a>>,
    pub(crate) interfaces: BTreeMap<&'a str, Interface<'a>>,
    pub(crate) artifacts: BTreeMap<&'a str, Artifact<'a>>,
    /// Lists of type names, by keyname: `members`, `targets`, `valid_…`.
    pub(crate) lists: BTreeMap<&'static str, Vec<Word<'a>>>,
    /// Validation, key and entry schema of a data type.
    pub(crate) schema: Schema<'a>,
    /// `units`, `prefixes`, `canonical_unit` and `data_type` of a scalar type.
    pub(crate) units: BTreeMap<&'static str, Yaml<'a>>,
    /// Inputs of all operations of an interface type.
    pub(crate) inputs: BTreeMap<&'a str, Property<'a>>,
    pub(crate) operations: BTreeMap<&'a str, Operation<'a>>,
}

/// A capability of a node type.
#[derive(Clone, Debug)]
pub(crate) struct Capability<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) capability_type: Option<Word<'a>>,
    /// Refinements; after resolution all properties.
    pub(crate) properties: BTreeMap<&'a str, Property<'a>>,
    pub(crate) attributes: BTreeMap<&'a str, Property<'a>>,
    pub(crate) lists: BTreeMap<&'static str, Vec<Word<'a>>>,
}

/// A requirement of a node type.
#[derive(Clone, Debug)]
pub(crate) struct RequirementType<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) capability: Option<Word<'a>>,
    pub(crate) relationship: Option<Word<'a>>,
    pub(crate) node: Option<Word<'a>>,
    /// Fewest and most relationships; no most if unbounded.
    pub(crate) count: Option<(u64, Option<u64>)>,
}

/// An interface of a node or relationship type.
#[derive(Clone, Debug)]
pub(crate) struct Interface<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) interface_type: Option<Word<'a>>,
    pub(crate) inputs: BTreeMap<&'a str, Property<'a>>,
    pub(crate) operations: BTreeMap<&'a str, Operation<'a>>,
}

/// An operation of an interface.
#[derive(Clone, Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) inputs: BTreeMap<&'a str, Property<'a>>,
}

/// Checks `description`, `metadata` and `version` where they may stand.
pub(crate) fn common(fields: &Fields<'_>, faults: &Faults) {
    fields.word("description", faults);
    fields.word("version", faults);
    if let Some(metadata) = fields.get("metadata") {
        if metadata.map().is_none() {
            faults.push(wrong_kind(metadata, "metadata", "map"));
        }
        for (key, _) in metadata.map().into_iter().flatten() {
            if key.string().is_none() {
                faults.push(wrong_kind(key, "a key of metadata", "string"));
            }
        }
    }
}

/// Reads one type definition.
pub(crate) fn read_type<'a>(
    section: Section,
    name: Word<'a>,
    yaml: Yaml<'a>,
    profile: Option<&'static str>,
    faults: &Faults,
) -> TypeDef<'a> {
    let mut def = TypeDef {
        name,
        section,
        profile,
        parent: None,
        chain: Vec::new(),
        properties: BTreeMap::new(),
        attributes: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        requirements: BTreeMap::new(),
        interfaces: BTreeMap::new(),
        artifacts: BTreeMap::new(),
        lists: BTreeMap::new(),
        schema: Schema::default(),
        units: BTreeMap::new(),
        inputs: BTreeMap::new(),
        operations: BTreeMap::new(),
    };
    // `MyType:` alone defines a type that only has a name.
    if yaml.scalar() == Some(Scalar::Null) {
        return def;
    }
    let (own, later) = section.keynames();
    let known: Vec<&str> = ["derived_from", "version", "metadata", "description"]
        .into_iter()
        .chain(own.iter().copied())
        .collect();
    let Some(fields) = fields(yaml, section.noun(), &known, later, faults) else { return def };
    common(&fields, faults);
    def.parent = fields.word("derived_from", faults);
    def.properties = read_properties(fields.get("properties"), "property definition", faults);
    def.attributes = read_properties(fields.get("attributes"), "attribute definition", faults);
    def.lists = lists(&fields, faults);
    match section {
        Section::Artifact => {
            fields.word("mime_type", faults);
            fields.words("file_ext", faults);
        }
        Section::Data => data_type(&mut def, &fields, faults),
        Section::Interface => {
            def.inputs = read_properties(fields.get("inputs"), "input definition", faults);
            def.operations = operations(fields.get("operations"), false, faults);
        }
        Section::Node | Section::Relationship => {
            def.capabilities = capabilities(fields.get("capabilities"), faults);
            def.requirements = requirements(fields.get("requirements"), faults);
            def.interfaces = interfaces(fields.get("interfaces"), faults);
            def.artifacts = read_artifacts(fields.get("artifacts"), faults);
        }
        Section::Capability | Section::Group | Section::Policy => {}
    }
    def
}

fn data_type<'a>(def: &mut TypeDef<'a>, fields: &Fields<'a>, faults: &Faults) {
    def.schema = Schema {
        data_type: def.parent,
        validation: fields
            .get("validation")
            .map(|clause| Arc::new(read_expr(clause, faults)))
            .into_iter()
            .collect(),
        key: read_schema(fields.get("key_schema"), "key_schema", faults),
        entry: read_schema(fields.get("entry_schema"), "entry_schema", faults),
    };
    for key in ["units", "prefixes", "canonical_unit", "data_type"] {
        def.units.extend(fields.get(key).map(|value| (key, value)));
    }
}

/// Reads the lists of type names.
fn lists<'a>(fields: &Fields<'a>, faults: &Faults) -> BTreeMap<&'static str, Vec<Word<'a>>> {
    const LISTS: [&str; 6] = [
        "members",
        "targets",
        "valid_capability_types",
        "valid_target_node_types",
        "valid_source_node_types",
        "valid_relationship_types",
    ];
    LISTS.into_iter().filter_map(|key| Some((key, fields.words(key, faults)?))).collect()
}

fn capabilities<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> BTreeMap<&'a str, Capability<'a>> {
    let what = "capability definition";
    let known = [
        "type",
        "description",
        "metadata",
        "properties",
        "attributes",
        "valid_source_node_types",
        "valid_relationship_types",
    ];
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let mut capability = Capability {
            name,
            capability_type: None,
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
            lists: BTreeMap::new(),
        };
        if let Some(text) = yaml.string() {
            capability.capability_type = Some(Word { text, span: yaml.span() });
            return Some((name.text, capability));
        }
        let fields = fields(yaml, what, &known, &[], faults)?;
        common(&fields, faults);
        capability.capability_type = fields.word("type", faults);
        capability.properties =
            read_properties(fields.get("properties"), "property refinement", faults);
        capability.attributes =
            read_properties(fields.get("attributes"), "attribute refinement", faults);
        capability.lists = lists(&fields, faults);
        Some((name.text, capability))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

fn requirements<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, RequirementType<'a>> {
    let what = "requirement definition";
    let known = [
        "description",
        "metadata",
        "capability",
        "relationship",
        "node",
        "node_filter",
        "count_range",
    ];
    let mut requirements: BTreeMap<&str, RequirementType<'_>> = BTreeMap::new();
    for (name, yaml) in named_list(yaml, what, faults) {
        let Some(fields) = fields(yaml, what, &known, &[], faults) else { continue };
        common(&fields, faults);
        if let Some(filter) = fields.get("node_filter") {
            drop(read_expr(filter, faults));
        }
        let requirement = RequirementType {
            name,
            capability: fields.word("capability", faults),
            relationship: relationship(fields.get("relationship"), faults),
            node: fields.word("node", faults),
            count: fields.get("count_range").and_then(|range| faults.keep(count_range(range))),
        };
        if let Some(first) = requirements.get(name.text) {
            let message = format!("requirement `{}` is defined twice", name.text);
            let fault = Fault::new(Code::DuplicateName, name.span, message);
            faults.push(fault.related(first.name.span, "first defined here"));
            continue;
        }
        requirements.insert(name.text, requirement);
    }
    requirements
}

/// Reads a relationship definition: the name of its type, or a map with it.
fn relationship<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Option<Word<'a>> {
    let yaml = yaml?;
    if let Some(text) = yaml.string() {
        return Some(Word { text, span: yaml.span() });
    }
    let what = "relationship definition";
    let later = ["properties", "attributes", "interfaces"];
    let fields = fields(yaml, what, &["type", "description", "metadata"], &later, faults)?;
    common(&fields, faults);
    fields.mandatory("type", what, faults)
}

fn count_range(yaml: Yaml<'_>) -> Result<(u64, Option<u64>), Fault> {
    let wrong = || {
        let message = "expected a count range such as [0, 5] or [1, UNBOUNDED]";
        Fault::new(Code::WrongKind, yaml.span(), message)
    };
    let items: Vec<Yaml<'_>> = yaml.list().ok_or_else(wrong)?.collect();
    let natural = |item: &Yaml<'_>| match item.scalar() {
        Some(Scalar::Number(number)) => {
            number.as_i64().and_then(|number| u64::try_from(number).ok())
        }
        _ => None,
    };
    let [min, max] = items.as_slice() else { return Err(wrong()) };
    let min = natural(min).ok_or_else(wrong)?;
    let max = match max.string() {
        Some("UNBOUNDED") => None,
        _ => Some(natural(max).ok_or_else(wrong)?),
    };
    if max.is_some_and(|max| max < min) {
        let message = "the upper end of the count range is below the lower";
        return Err(Fault::new(Code::Definition, yaml.span(), message));
    }
    Ok((min, max))
}

fn interfaces<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> BTreeMap<&'a str, Interface<'a>> {
    let what = "interface definition";
    let known = ["type", "description", "metadata", "inputs", "operations"];
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, what, &known, &["notifications"], faults)?;
        common(&fields, faults);
        let interface = Interface {
            name,
            interface_type: fields.word("type", faults),
            inputs: read_properties(fields.get("inputs"), "input definition", faults),
            operations: operations(fields.get("operations"), true, faults),
        };
        Some((name.text, interface))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

/// Reads operation definitions; only those of node and relationship types may have an implementation.
fn operations<'a>(
    yaml: Option<Yaml<'a>>,
    implemented: bool,
    faults: &Faults,
) -> BTreeMap<&'a str, Operation<'a>> {
    let what = "operation definition";
    let mut known = vec!["description", "inputs"];
    if implemented {
        known.push("implementation");
    }
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        if yaml.scalar() == Some(Scalar::Null) || (implemented && yaml.string().is_some()) {
            return Some((name.text, Operation { name, inputs: BTreeMap::new() }));
        }
        let fields = fields(yaml, what, &known, &["outputs"], faults)?;
        common(&fields, faults);
        read_implementation(fields.get("implementation"), faults);
        let inputs = read_properties(fields.get("inputs"), "input definition", faults);
        Some((name.text, Operation { name, inputs }))
    };
    named(yaml, what, faults).into_iter().filter_map(read).collect()
}

/// Checks an implementation: the name of an artifact, or a map of such names.
pub(crate) fn read_implementation(yaml: Option<Yaml<'_>>, faults: &Faults) {
    let Some(yaml) = yaml else { return };
    if yaml.string().is_some() {
        return;
    }
    let known = ["primary", "dependencies"];
    if let Some(fields) = fields(yaml, "implementation", &known, &[], faults) {
        fields.word("primary", faults);
        fields.words("dependencies", faults);
    }
}
