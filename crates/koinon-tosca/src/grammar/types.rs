//! Type definitions of all eight sections, and functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::artifact::ArtifactDefinition;
use super::artifact::ImplementationDefinition;
use super::artifact::read_artifacts;
use super::artifact::read_implementation;
use super::expr::Expr;
use super::fields::EntityFields;
use super::fields::Word;
use super::fields::read_fields;
use super::fields::read_named_list;
use super::fields::read_named_map;
use super::schema::ParameterFlow;
use super::schema::PropertyDefinitions;
use super::schema::Schema;
use super::schema::read_attributes;
use super::schema::read_parameters;
use super::schema::read_properties;
use super::schema::read_schema;
use super::schema::read_validation;
use super::workflow::TriggerDefinition;
use super::workflow::read_triggers;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::keynames::Entity;
use crate::keynames::TypeKind;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// The index of a type among all types of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TypeId(pub(crate) u32);

/// A type definition. Before resolution it holds its own definitions; resolution adds the inherited
/// ones.
#[derive(Clone, Debug)]
pub(crate) struct TypeDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) section: TypeKind,
    /// The profile it belongs to.
    pub(crate) profile: Option<&'a str>,
    pub(crate) parent: Option<Word<'a>>,
    /// The type itself and its ancestors, nearest first. Resolution fills it.
    pub(crate) chain: Vec<TypeId>,
    pub(crate) properties: PropertyDefinitions<'a>,
    pub(crate) attributes: PropertyDefinitions<'a>,
    pub(crate) capabilities: BTreeMap<&'a str, Arc<CapabilityDefinition<'a>>>,
    /// In the order of the file; inherited requirements are first.
    pub(crate) requirements: Vec<Arc<RequirementDefinition<'a>>>,
    pub(crate) interfaces: BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>>,
    pub(crate) artifacts: BTreeMap<&'a str, Arc<ArtifactDefinition<'a>>>,
    /// Lists of type names, by keyname: `members`, `targets`, `valid_…`.
    pub(crate) lists: BTreeMap<&'static str, Arc<Vec<Word<'a>>>>,
    /// Validation, key and entry schema of a data type.
    pub(crate) schema: Schema<'a>,
    /// `units`, `prefixes`, `canonical_unit` and `data_type` of a scalar type.
    pub(crate) units: BTreeMap<&'static str, Yaml<'a>>,
    /// Inputs of all operations of an interface type.
    pub(crate) inputs: PropertyDefinitions<'a>,
    pub(crate) operations: BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
    pub(crate) notifications: BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
    pub(crate) triggers: BTreeMap<&'a str, Arc<TriggerDefinition<'a>>>,
    /// The metadata, some of which Koinon reads.
    pub(crate) metadata: Option<Yaml<'a>>,
}

impl<'a> TypeDefinition<'a> {
    /// Returns an empty definition.
    pub(crate) fn new(name: Word<'a>, section: TypeKind, profile: Option<&'a str>) -> Self {
        Self {
            name,
            section,
            profile,
            parent: None,
            chain: Vec::new(),
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
            capabilities: BTreeMap::new(),
            requirements: Vec::new(),
            interfaces: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            lists: BTreeMap::new(),
            schema: Schema::default(),
            units: BTreeMap::new(),
            inputs: BTreeMap::new(),
            operations: BTreeMap::new(),
            notifications: BTreeMap::new(),
            triggers: BTreeMap::new(),
            metadata: None,
        }
    }

    /// Returns the requirement with this name.
    pub(crate) fn requirement(&self, name: &str) -> Option<&Arc<RequirementDefinition<'a>>> {
        self.requirements.iter().find(|one| one.name.text == name)
    }
}

/// A capability definition of a node type.
#[derive(Clone, Debug)]
pub(crate) struct CapabilityDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) capability_type: Option<Word<'a>>,
    /// Refinements; after resolution all properties.
    pub(crate) properties: PropertyDefinitions<'a>,
    pub(crate) attributes: PropertyDefinitions<'a>,
    pub(crate) lists: BTreeMap<&'static str, Arc<Vec<Word<'a>>>>,
}

/// A requirement definition of a node type.
#[derive(Clone, Debug)]
pub(crate) struct RequirementDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) capability: Option<Word<'a>>,
    pub(crate) relationship: Option<Arc<RelationshipDefinition<'a>>>,
    pub(crate) node: Option<Word<'a>>,
    /// Filters that must all hold: a refinement adds its filters to those of the parent.
    pub(crate) filters: Vec<Arc<Expr<'a>>>,
    /// The least and the greatest number of relationships.
    pub(crate) count: Option<(u64, Option<u64>)>,
}

impl RequirementDefinition<'_> {
    /// Returns the least and the greatest number of relationships.
    pub(crate) fn range(&self) -> (u64, Option<u64>) {
        self.count.unwrap_or((0, None))
    }
}

/// The relationship definition of a requirement.
#[derive(Clone, Debug)]
pub(crate) struct RelationshipDefinition<'a> {
    pub(crate) relationship_type: Option<Word<'a>>,
    /// Refinements; after resolution all properties.
    pub(crate) properties: PropertyDefinitions<'a>,
    pub(crate) attributes: PropertyDefinitions<'a>,
    pub(crate) interfaces: BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>>,
}

/// An interface definition of a node or relationship type.
#[derive(Clone, Debug)]
pub(crate) struct InterfaceDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) interface_type: Option<Word<'a>>,
    pub(crate) inputs: PropertyDefinitions<'a>,
    pub(crate) operations: BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
    pub(crate) notifications: BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
}

/// An operation or notification definition.
#[derive(Clone, Debug)]
pub(crate) struct OperationDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) inputs: PropertyDefinitions<'a>,
    pub(crate) outputs: PropertyDefinitions<'a>,
    pub(crate) implementation: Option<Arc<ImplementationDefinition<'a>>>,
}

/// A function definition.
#[derive(Clone, Debug)]
pub(crate) struct FunctionDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) signatures: Vec<Signature<'a>>,
}

/// A signature of a function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signature<'a> {
    pub(crate) arguments: Vec<Arc<Schema<'a>>>,
    pub(crate) optional: Vec<Arc<Schema<'a>>>,
    pub(crate) variadic: bool,
    pub(crate) result: Option<Arc<Schema<'a>>>,
}

/// Reads one type definition.
pub(crate) fn read_type<'a>(
    section: TypeKind,
    name: Word<'a>,
    yaml: Yaml<'a>,
    profile: Option<&'a str>,
    faults: &Faults,
) -> TypeDefinition<'a> {
    let mut def = TypeDefinition::new(name, section, profile);
    let entity = keynames::type_of(section);
    // `MyType:` alone defines a type with only a name.
    if yaml.scalar() == Some(Scalar::Null) && entity.short == keynames::ShortNotation::Null {
        return def;
    }
    let Some(fields) = read_fields(yaml, entity, name.span, faults) else { return def };
    def.parent = fields.word("derived_from");
    def.metadata = fields.get("metadata");
    def.properties = read_properties(fields.get("properties"), faults);
    def.attributes = read_attributes(fields.get("attributes"), faults);
    def.lists = lists(&fields);
    match section {
        TypeKind::Artifact | TypeKind::Capability | TypeKind::Group => {}
        TypeKind::Data => data_type(&mut def, &fields, faults),
        TypeKind::Interface => {
            def.inputs = read_parameters(fields.get("inputs"), ParameterFlow::Outgoing, faults);
            def.operations = operations(
                fields.get("operations"),
                &keynames::OPERATION,
                OperationOwner::InterfaceType,
                faults,
            );
            def.notifications = operations(
                fields.get("notifications"),
                &keynames::NOTIFICATION,
                OperationOwner::InterfaceType,
                faults,
            );
        }
        TypeKind::Node | TypeKind::Relationship => {
            def.capabilities = capabilities(fields.get("capabilities"), faults);
            def.requirements = requirements(fields.get("requirements"), faults);
            def.interfaces = interfaces(fields.get("interfaces"), faults);
            def.artifacts = read_artifacts(fields.get("artifacts"), faults)
                .iter()
                .map(|(name, artifact)| (name.text, Arc::new(artifact.clone())))
                .collect();
        }
        TypeKind::Policy => def.triggers = read_triggers(fields.get("triggers"), faults),
    }
    def
}

fn data_type<'a>(def: &mut TypeDefinition<'a>, fields: &EntityFields<'a>, faults: &Faults) {
    def.schema = Schema {
        data_type: def.parent,
        validation: read_validation(fields.get("validation"), faults),
        key: read_schema(fields.get("key_schema"), faults),
        entry: read_schema(fields.get("entry_schema"), faults),
    };
    for key in ["units", "prefixes", "canonical_unit", "data_type"] {
        def.units.extend(fields.get(key).map(|value| (key, value)));
    }
}

/// Reads the lists of type names.
fn lists<'a>(fields: &EntityFields<'a>) -> BTreeMap<&'static str, Arc<Vec<Word<'a>>>> {
    const LISTS: [&str; 6] = [
        "members",
        "targets",
        "valid_capability_types",
        "valid_target_node_types",
        "valid_source_node_types",
        "valid_relationship_types",
    ];
    LISTS.into_iter().filter_map(|key| Some((key, Arc::new(fields.words(key)?)))).collect()
}

fn capabilities<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<CapabilityDefinition<'a>>> {
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let mut capability = CapabilityDefinition {
            name,
            capability_type: None,
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
            lists: BTreeMap::new(),
        };
        if let Some(text) = yaml.string() {
            capability.capability_type = Some(Word { text, span: yaml.span() });
            return Some((name.text, Arc::new(capability)));
        }
        let fields = read_fields(yaml, &keynames::CAPABILITY, name.span, faults)?;
        capability.capability_type = fields.word("type");
        capability.properties = read_properties(fields.get("properties"), faults);
        capability.attributes = read_attributes(fields.get("attributes"), faults);
        capability.lists = lists(&fields);
        Some((name.text, Arc::new(capability)))
    };
    read_named_map(yaml, keynames::CAPABILITY.name, faults).into_iter().filter_map(read).collect()
}

fn requirements<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Vec<Arc<RequirementDefinition<'a>>> {
    let mut requirements: Vec<Arc<RequirementDefinition<'_>>> = Vec::new();
    for (name, yaml) in read_named_list(yaml, "requirements", faults) {
        let Some(requirement) = requirement(name, yaml, faults) else { continue };
        if let Some(first) = requirements.iter().find(|one| one.name.text == name.text) {
            let message = format!("requirement `{}` is defined twice", name.text);
            let fault = Fault::new(Code::DuplicateName, name.span, message);
            faults.push(fault.related(first.name.span, "first defined here"));
            continue;
        }
        requirements.push(Arc::new(requirement));
    }
    requirements
}

/// Reads a requirement definition, or only its capability type, as in the official test suite.
fn requirement<'a>(
    name: Word<'a>,
    yaml: Yaml<'a>,
    faults: &Faults,
) -> Option<RequirementDefinition<'a>> {
    let mut requirement = RequirementDefinition {
        name,
        capability: None,
        relationship: None,
        node: None,
        filters: Vec::new(),
        count: None,
    };
    if let Some(text) = yaml.string() {
        requirement.capability = Some(Word { text, span: yaml.span() });
        return Some(requirement);
    }
    let fields = read_fields(yaml, &keynames::REQUIREMENT, name.span, faults)?;
    requirement.capability = fields.word("capability");
    requirement.relationship = relationship(fields.get("relationship"), faults);
    requirement.node = fields.word("node");
    requirement.filters = read_validation(fields.get("node_filter"), faults);
    let range = fields.get("count_range");
    requirement.count = range.and_then(|range| faults.keep(count_range(range)));
    Some(requirement)
}

/// Reads a relationship definition: a map, or only the name of its type.
fn relationship<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Option<Arc<RelationshipDefinition<'a>>> {
    let yaml = yaml?;
    if let Some(text) = yaml.string() {
        let relationship_type = Some(Word { text, span: yaml.span() });
        return Some(Arc::new(RelationshipDefinition {
            relationship_type,
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
            interfaces: BTreeMap::new(),
        }));
    }
    let fields = read_fields(yaml, &keynames::RELATIONSHIP, yaml.span(), faults)?;
    Some(Arc::new(RelationshipDefinition {
        relationship_type: fields.word("type"),
        properties: read_properties(fields.get("properties"), faults),
        attributes: read_attributes(fields.get("attributes"), faults),
        interfaces: interfaces(fields.get("interfaces"), faults),
    }))
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

fn interfaces<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>> {
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = read_fields(yaml, &keynames::INTERFACE, name.span, faults)?;
        let interface = InterfaceDefinition {
            name,
            interface_type: fields.word("type"),
            inputs: read_parameters(fields.get("inputs"), ParameterFlow::Outgoing, faults),
            operations: operations(
                fields.get("operations"),
                &keynames::OPERATION,
                OperationOwner::ImplementingType,
                faults,
            ),
            notifications: operations(
                fields.get("notifications"),
                &keynames::NOTIFICATION,
                OperationOwner::ImplementingType,
                faults,
            ),
        };
        Some((name.text, Arc::new(interface)))
    };
    read_named_map(yaml, keynames::INTERFACE.name, faults).into_iter().filter_map(read).collect()
}

/// The type that defines an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OperationOwner {
    InterfaceType,
    /// A node or relationship type.
    ImplementingType,
}

/// Reads operation or notification definitions. Only those of node and relationship types may have
/// an implementation and map outputs to attributes (csd07 11.1, 11.4).
fn operations<'a>(
    yaml: Option<Yaml<'a>>,
    entity: &'static Entity,
    owner: OperationOwner,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<OperationDefinition<'a>>> {
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let mut operation = OperationDefinition {
            name,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            implementation: None,
        };
        let mut implementation = None;
        match yaml.scalar() {
            Some(Scalar::Null) => {}
            Some(Scalar::String(_)) => implementation = Some(yaml),
            _ => {
                let fields = read_fields(yaml, entity, name.span, faults)?;
                implementation = fields.get("implementation");
                operation.inputs =
                    read_parameters(fields.get("inputs"), ParameterFlow::Outgoing, faults);
                operation.outputs =
                    read_parameters(fields.get("outputs"), ParameterFlow::Incoming, faults);
            }
        }
        if owner == OperationOwner::ImplementingType {
            operation.implementation =
                implementation.and_then(|yaml| read_implementation(yaml, faults)).map(Arc::new);
        } else {
            let mapped = operation.outputs.values().find_map(|output| output.mapping.as_ref());
            let places = [
                implementation.map(|yaml| (yaml.span(), "an implementation")),
                mapped.map(|mapping| (mapping.span, "a mapping to an attribute")),
            ];
            for (span, what) in places.into_iter().flatten() {
                let message = format!("an interface type cannot have {what}");
                let fault = Fault::new(Code::Misplaced, span, message);
                faults.push(fault.hint("give it in a node type, relationship type or template"));
            }
        }
        Some((name.text, Arc::new(operation)))
    };
    read_named_map(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

/// Reads function definitions.
pub(crate) fn read_functions<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Vec<FunctionDefinition<'a>> {
    let mut functions = Vec::new();
    for (name, yaml) in read_named_map(yaml, keynames::FUNCTION.name, faults) {
        if name.text.contains('$') {
            let message = format!("`{}` cannot be the name of a function", name.text);
            let fault = Fault::new(Code::InvalidName, name.span, message);
            faults.push(fault.hint("names of functions have no dollar signs"));
            continue;
        }
        let Some(fields) = read_fields(yaml, &keynames::FUNCTION, name.span, faults) else {
            continue;
        };
        let list = fields.get("signatures").and_then(Yaml::list).into_iter().flatten();
        let signatures: Vec<Signature<'_>> =
            list.filter_map(|yaml| read_signature(yaml, faults)).collect();
        if let (true, Some(yaml)) = (signatures.is_empty(), fields.get("signatures")) {
            let message = "expected one or more signatures, found none";
            faults.push(Fault::new(Code::Definition, yaml.span(), message));
        }
        functions.push(FunctionDefinition { name, signatures });
    }
    functions
}

fn read_signature<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<Signature<'a>> {
    // An empty element of a refinement keeps the signature.
    if yaml.scalar() == Some(Scalar::Null) {
        return Some(Signature::default());
    }
    let fields = read_fields(yaml, &keynames::SIGNATURE, yaml.span(), faults)?;
    let schemas = |key: &str| {
        let list = fields.get(key).and_then(Yaml::list).into_iter().flatten();
        list.filter_map(|yaml| read_schema(Some(yaml), faults)).collect()
    };
    if let Some(implementation) = fields.get("implementation") {
        read_implementation(implementation, faults);
    }
    Some(Signature {
        arguments: schemas("arguments"),
        optional: schemas("optional_arguments"),
        variadic: fields.boolean("variadic").unwrap_or(false),
        result: read_schema(fields.get("result"), faults),
    })
}
