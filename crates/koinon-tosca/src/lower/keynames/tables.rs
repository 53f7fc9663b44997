//! The tables.

use super::Entity;
use super::Key;
use super::Kind;
use super::Rule;
use super::Short;
use super::Special;
use super::entity;
use super::key;
use super::with;
use crate::keynames as later;
use crate::lower::Version;

use Kind::Kept;
use Kind::List;
use Kind::Map;
use Kind::Nothing;
use Kind::One;
use Kind::Sequence;
use Kind::Special as Own;
use Kind::Text;
use Kind::Value;
use Kind::Values;
use Kind::Words;
use Version::V1_1;
use Version::V1_2;
use Version::V1_3;

const DESCRIPTION: Key = key("description", Text, "What it is, for people.");
const METADATA: Key = key("metadata", Kind::Metadata, "Anything about it, for tools.");
const DERIVED_FROM: Key = key("derived_from", Text, "The type it derives from.");
const TYPE_VERSION: Key = key("version", Kind::Any, "The version of the type.");
const PROPERTIES: Key = key("properties", Map(&PROPERTY), "Properties, its desired state.");
const ATTRIBUTES: Key = key("attributes", Map(&ATTRIBUTE), "Attributes, its actual state.");
const PROPERTY_VALUES: Key = key("properties", Values, "Values of properties.");
const ATTRIBUTE_VALUES: Key = key("attributes", Values, "Values of attributes.");
const CONSTRAINTS: Key =
    key("constraints", Own(Special::Constraints), "What its values must pass.")
        .becomes("validation");
const ENTRY_SCHEMA: Key = key("entry_schema", One(&SCHEMA), "What entries of a list or map are.");
const KEY_SCHEMA: Key = key("key_schema", One(&SCHEMA), "What keys of a map are.").since(V1_3);
const STATUS: Key = key("status", Nothing, "Whether it is supported, or will go.");

/// A service template, which is a whole file.
pub(crate) static FILE: Entity = with(
    entity(
        "service template",
        &[
            key("tosca_definitions_version", Own(Special::Version), "The version of TOSCA.").must(),
            key("namespace", Nothing, "The namespace of its types."),
            key("namespace_uri", Nothing, "The namespace of its types."),
            key("tosca_default_namespace", Nothing, "The namespace of its types.").until(V1_1),
            METADATA,
            DESCRIPTION,
            key("dsl_definitions", Kind::Any, "YAML to be used by aliases."),
            key("repositories", Map(&REPOSITORY), "Where artifacts and imports come from."),
            key("imports", Own(Special::Imports), "Files whose types it uses."),
            key("artifact_types", Map(&ARTIFACT_TYPE), "Types of artifacts."),
            key("data_types", Map(&DATA_TYPE), "Types of values."),
            key("capability_types", Map(&CAPABILITY_TYPE), "Types of capabilities."),
            key("interface_types", Map(&INTERFACE_TYPE), "Types of interfaces."),
            key("relationship_types", Map(&RELATIONSHIP_TYPE), "Types of relationships."),
            key("node_types", Map(&NODE_TYPE), "Types of nodes."),
            key("group_types", Map(&GROUP_TYPE), "Types of groups."),
            key("policy_types", Map(&POLICY_TYPE), "Types of policies."),
            key("topology_template", One(&TOPOLOGY), "What is to be deployed.")
                .becomes("service_template"),
        ],
    ),
    Short::None,
    Rule::File,
);

/// An import.
pub(crate) static IMPORT: Entity = with(
    entity(
        "import",
        &[
            key("file", Text, "The file.").must().becomes("url"),
            key("repository", Text, "The repository it is in."),
            key("namespace_uri", Nothing, "The namespace of its types."),
            key("namespace_prefix", Text, "What comes before the names of its types.")
                .becomes("namespace"),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static REPOSITORY: Entity = with(
    entity(
        "repository",
        &[
            DESCRIPTION,
            key("url", Text, "Its address.").must(),
            key("credential", Nothing, "What to log in with."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static ARTIFACT_TYPE: Entity = entity(
    "artifact type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        key("mime_type", Text, "The MIME type of its files."),
        key("file_ext", Words, "The endings of its files."),
        PROPERTIES,
    ],
);

static DATA_TYPE: Entity = entity(
    "data type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        CONSTRAINTS,
        PROPERTIES,
        KEY_SCHEMA,
        key("entry_schema", One(&SCHEMA), "What entries of a list or map are.").since(V1_3),
    ],
);

static CAPABILITY_TYPE: Entity = entity(
    "capability type",
    &[DERIVED_FROM, TYPE_VERSION, METADATA, DESCRIPTION, PROPERTIES, ATTRIBUTES, SOURCES],
);

const SOURCES: Key = key("valid_source_types", Words, "Node types that may require it.")
    .becomes("valid_source_node_types");
const OPERATIONS: Key = key("operations", Map(&OPERATION), "What can be done.").since(V1_3);
const NOTIFICATIONS: Key = key("notifications", Map(&NOTIFICATION), "What it tells.").since(V1_3);

static INTERFACE_TYPE: Entity = with(
    entity(
        "interface type",
        &[
            DERIVED_FROM,
            TYPE_VERSION,
            METADATA,
            DESCRIPTION,
            key("inputs", Map(&PARAMETER), "Inputs of all its operations."),
            OPERATIONS,
            NOTIFICATIONS,
        ],
    ),
    Short::None,
    Rule::Interface,
);

static INTERFACE: Entity = with(
    entity(
        "interface definition",
        &[
            key("type", Text, "The interface type."),
            METADATA,
            DESCRIPTION,
            key("inputs", Map(&PARAMETER), "Inputs of all its operations."),
            OPERATIONS,
            NOTIFICATIONS,
        ],
    ),
    Short::None,
    Rule::Interface,
);

/// An operation in a type, whose inputs are definitions.
pub(crate) static OPERATION: Entity = with(
    entity(
        "operation definition",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "What is run."),
            key("inputs", Map(&PARAMETER), "What it is given."),
            key("outputs", Own(Special::OutputMappings), "Where its results go.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Operation,
);

static NOTIFICATION: Entity = with(
    entity(
        "notification definition",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "What tells it."),
            key("outputs", Own(Special::OutputMappings), "Where its values go."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

/// An interface of a template, whose operations are assignments.
pub(crate) static INTERFACE_ASSIGNMENT: Entity = with(
    entity(
        "interface assignment",
        &[
            key("type", Nothing, "The interface type, which the node type says."),
            key("description", Nothing, "What it is, for people."),
            key("inputs", Values, "Values of inputs of all its operations."),
            key("operations", Map(&OPERATION_ASSIGNMENT), "What can be done.").since(V1_3),
            key("notifications", Map(&NOTIFICATION), "What it tells.").since(V1_3),
        ],
    ),
    Short::None,
    Rule::Interface,
);

/// An operation in a template, whose inputs are values.
pub(crate) static OPERATION_ASSIGNMENT: Entity = with(
    entity(
        "operation assignment",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "What is run."),
            key("inputs", Values, "What it is given."),
            key("outputs", Own(Special::OutputMappings), "Where its results go.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Operation,
);

static IMPLEMENTATION: Entity = with(
    entity(
        "implementation",
        &[
            key("primary", One(&ARTIFACT), "The artifact that is run."),
            key("dependencies", List(&ARTIFACT), "Artifacts it needs."),
            key("timeout", Value, "The longest it may take, in seconds.").since(V1_3),
            key("operation_host", Nothing, "The node it runs on.").since(V1_3),
            // An artifact may be defined in place.
            key("type", Text, "The artifact type."),
            key("file", Text, "The artifact's file."),
            key("repository", Text, "The repository the file is in."),
            DESCRIPTION,
            key("properties", Values, "Values of the artifact's properties.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static ARTIFACT: Entity = with(
    entity(
        "artifact definition",
        &[
            key("type", Text, "The artifact type."),
            key("file", Text, "The file."),
            key("repository", Text, "The repository the file is in."),
            DESCRIPTION,
            METADATA,
            key("deploy_path", Kept, "Where the file goes on the node."),
            key("artifact_version", Kind::Any, "The version of the artifact.").since(V1_3),
            key("version", Kind::Any, "The version of the artifact.")
                .since(V1_3)
                .becomes("artifact_version"),
            key("checksum", Text, "The file's checksum.").since(V1_3),
            key("checksum_algorithm", Text, "How the checksum is made.").since(V1_3),
            key("properties", Values, "Values of properties."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static RELATIONSHIP_TYPE: Entity = entity(
    "relationship type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("interfaces", Map(&INTERFACE), "What can be done with it."),
        key("valid_target_types", Words, "Capability types it may lead to.")
            .becomes("valid_capability_types"),
    ],
);

static NODE_TYPE: Entity = entity(
    "node type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("capabilities", Map(&CAPABILITY), "What it offers."),
        key("requirements", Sequence(&REQUIREMENT), "What it needs."),
        key("interfaces", Map(&INTERFACE), "What can be done with it."),
        key("artifacts", Map(&ARTIFACT), "Files that belong to it."),
    ],
);

static GROUP_TYPE: Entity = entity(
    "group type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("members", Words, "Node types its members may be of."),
        key("requirements", Kept, "What it needs.").since(V1_1).until(V1_2),
        key("capabilities", Kept, "What it offers.").since(V1_1).until(V1_2),
        key("interfaces", Kept, "What can be done with it.").until(V1_2),
    ],
);

static POLICY_TYPE: Entity = entity(
    "policy type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        key("targets", Words, "Node and group types it may be for."),
        TRIGGERS,
    ],
);

const TRIGGERS: Key =
    key("triggers", Map(&TRIGGER), "What is done when something happens.").since(V1_1);

static PROPERTY: Entity = with(
    entity(
        "property definition",
        &[
            key("type", Kind::DataType, "Its data type."),
            DESCRIPTION,
            key("metadata", Kind::Metadata, "Anything about it, for tools.").since(V1_2),
            key("required", Own(Special::Required), "Whether it must have a value."),
            key("default", Value, "Its value if there is no other."),
            STATUS,
            CONSTRAINTS,
            KEY_SCHEMA,
            ENTRY_SCHEMA,
            key("external-schema", Kept, "A schema for its values.").since(V1_2),
            key("external_schema", Kept, "A schema for its values.").since(V1_2),
        ],
    ),
    Short::Fixed,
    Rule::Same,
);

static ATTRIBUTE: Entity = entity(
    "attribute definition",
    &[
        key("type", Kind::DataType, "Its data type."),
        DESCRIPTION,
        key("metadata", Kind::Metadata, "Anything about it, for tools.").since(V1_2),
        key("default", Value, "Its first value."),
        STATUS,
        key("constraints", Own(Special::Constraints), "What its values must pass.")
            .since(V1_3)
            .becomes("validation"),
        KEY_SCHEMA,
        ENTRY_SCHEMA,
    ],
);

/// An input or output, of a topology or an operation.
pub(crate) static PARAMETER: Entity = with(
    entity(
        "parameter definition",
        &[
            key("type", Kind::DataType, "Its data type."),
            DESCRIPTION,
            key("metadata", Kind::Metadata, "Anything about it, for tools.").since(V1_2),
            key("required", Own(Special::Required), "Whether it must have a value."),
            key("default", Value, "Its value if there is no other."),
            key("value", Value, "Its value."),
            STATUS,
            CONSTRAINTS,
            KEY_SCHEMA,
            ENTRY_SCHEMA,
            key("external-schema", Kept, "A schema for its values.").since(V1_2),
        ],
    ),
    Short::Value,
    Rule::Same,
);

static SCHEMA: Entity = with(
    entity(
        "schema",
        &[
            key("type", Kind::DataType, "The data type.").must(),
            DESCRIPTION,
            CONSTRAINTS,
            // Not the constants, which could not be made before this is.
            key("key_schema", One(&SCHEMA), "What keys of a map are.").since(V1_3),
            key("entry_schema", One(&SCHEMA), "What entries of a list or map are."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static CAPABILITY: Entity = with(
    entity(
        "capability definition",
        &[
            key("type", Text, "The capability type."),
            DESCRIPTION,
            PROPERTIES,
            ATTRIBUTES,
            SOURCES,
            key("occurrences", Kept, "How many relationships may use it."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

/// A requirement of a node type.
pub(crate) static REQUIREMENT: Entity = with(
    entity(
        "requirement definition",
        &[
            DESCRIPTION,
            METADATA,
            key("capability", Text, "The capability type, or the capability's name in `node`."),
            key("node", Text, "The type of the node that fulfills it."),
            key("relationship", One(&RELATIONSHIP), "The relationship that is made."),
            key("node_filter", Own(Special::TargetFilter), "What must hold of the target.")
                .since(V1_3),
            key("occurrences", Own(Special::Range), "Fewest and most relationships.")
                .becomes("count_range"),
        ],
    ),
    Short::Text,
    Rule::Requirement,
);

static RELATIONSHIP: Entity = with(
    entity(
        "relationship definition",
        &[
            key("type", Text, "The relationship type."),
            DESCRIPTION,
            METADATA,
            key("properties", Map(&PROPERTY), "Refinements of properties.").since(V1_3),
            key("interfaces", Map(&INTERFACE), "What can be done with it."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static TOPOLOGY: Entity = with(
    entity(
        "topology template",
        &[
            DESCRIPTION,
            METADATA,
            key("inputs", Map(&PARAMETER), "What it is given."),
            key("node_templates", Map(&NODE_TEMPLATE), "Its nodes."),
            key("relationship_templates", Map(&RELATIONSHIP_TEMPLATE), "Its relationships."),
            key("groups", Map(&GROUP), "Its groups."),
            key("policies", Sequence(&POLICY), "Its policies."),
            key("outputs", Map(&PARAMETER), "What it gives."),
            key("substitution_mappings", One(&SUBSTITUTION), "The node it can stand for."),
            key("workflows", Map(&WORKFLOW), "What is done, step by step.").since(V1_1),
        ],
    ),
    Short::None,
    Rule::Topology,
);

static NODE_TEMPLATE: Entity = with(
    entity(
        "node template",
        &[
            key("type", Text, "The node type.").must(),
            DESCRIPTION,
            METADATA,
            key("directives", Own(Special::Directives), "How it is made."),
            PROPERTY_VALUES,
            ATTRIBUTE_VALUES,
            key("requirements", Sequence(&REQUIREMENT_ASSIGNMENT), "How its needs are met."),
            key("capabilities", Map(&CAPABILITY_ASSIGNMENT), "Values of what it offers."),
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "What can be done with it."),
            key("artifacts", Map(&ARTIFACT), "Files that belong to it."),
            key("node_filter", Own(Special::NodeFilter), "What must hold of a selected node."),
            key("copy", Text, "The template it is a copy of."),
        ],
    ),
    Short::None,
    Rule::Copied,
);

static RELATIONSHIP_TEMPLATE: Entity = with(
    entity(
        "relationship template",
        &[
            key("type", Text, "The relationship type.").must(),
            key("alias", Nothing, "Another name.").until(V1_2),
            DESCRIPTION,
            METADATA,
            PROPERTY_VALUES,
            ATTRIBUTE_VALUES,
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "What can be done with it."),
            key("copy", Text, "The template it is a copy of."),
        ],
    ),
    Short::None,
    Rule::Copied,
);

static CAPABILITY_ASSIGNMENT: Entity = entity(
    "capability assignment",
    &[
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("occurrences", Nothing, "How many relationships may use it.").since(V1_3),
    ],
);

static REQUIREMENT_ASSIGNMENT: Entity = with(
    entity(
        "requirement assignment",
        &[
            key("capability", Text, "The capability's name, or its type."),
            key("node", Text, "A node template, or a node type."),
            key("relationship", One(&RELATIONSHIP_ASSIGNMENT), "Values of the relationship."),
            key("node_filter", Own(Special::TargetFilter), "What must hold of the target."),
            key("occurrences", Own(Special::Count), "How many relationships are made.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static RELATIONSHIP_ASSIGNMENT: Entity = with(
    entity(
        "relationship assignment",
        &[
            key("type", Text, "The relationship type."),
            PROPERTY_VALUES,
            key("attributes", Values, "Values of attributes.").since(V1_3),
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "What can be done with it."),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static GROUP: Entity = entity(
    "group definition",
    &[
        key("type", Text, "The group type.").must(),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("attributes", Values, "Values of attributes.").since(V1_3),
        key("members", Words, "The nodes in it."),
        key("interfaces", Kept, "What can be done with it.").until(V1_2),
    ],
);

static POLICY: Entity = entity(
    "policy definition",
    &[
        key("type", Text, "The policy type.").must(),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("targets", Words, "The nodes and groups it is for."),
        TRIGGERS,
    ],
);

static TRIGGER: Entity = entity(
    "trigger definition",
    &[
        DESCRIPTION,
        key("event", Text, "What must happen."),
        key("event_type", Text, "What must happen.").until(V1_2).becomes("event"),
        key("schedule", Kept, "When the trigger is there."),
        key("target_filter", Own(Special::Condition), "Where its condition looks."),
        key("condition", Own(Special::Condition), "What must hold."),
        key("constraint", Own(Special::Condition), "What must hold.")
            .until(V1_2)
            .becomes("condition"),
        key("period", Kept, "How long the condition must hold.").until(V1_2),
        key("evaluations", Kept, "How often the condition must hold.").until(V1_2),
        key("method", Kept, "How values are put together.").until(V1_2),
        key("action", Own(Special::Action), "What is done.").must(),
    ],
);

static WORKFLOW: Entity = entity(
    "workflow",
    &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "What it is given."),
        key("preconditions", Own(Special::Preconditions), "What must hold before.")
            .becomes("precondition"),
        key("steps", Map(&STEP), "Its steps."),
        key("implementation", One(&IMPLEMENTATION), "What is run in the place of steps.")
            .since(V1_3),
        key("outputs", Own(Special::OutputMappings), "Where its results go.").since(V1_3),
    ],
);

static STEP: Entity = entity(
    "workflow step",
    &[
        key("target", Text, "A node template or group.").must(),
        key("target_relationship", Text, "A requirement of the target."),
        key("operation_host", Kept, "The node operations run on."),
        key("filter", Own(Special::StepFilter), "What must hold of the target."),
        key("activities", List(&ACTIVITY), "What is done, in order.").must(),
        key("on_success", Kind::Any, "Steps that follow."),
        key("on_failure", Kind::Any, "Steps that follow if it fails."),
    ],
);

/// Something done in a step or by a trigger.
pub(crate) static ACTIVITY: Entity = with(
    entity(
        "activity",
        &[
            key("delegate", One(&WORKFLOW_CALL), "A workflow that others define."),
            key("set_state", Text, "The state the node is in then."),
            key("call_operation", One(&OPERATION_CALL), "An operation."),
            key("inline", One(&WORKFLOW_CALL), "A workflow of this template."),
        ],
    ),
    Short::None,
    Rule::Activity,
);

static WORKFLOW_CALL: Entity = with(
    entity(
        "workflow call",
        &[
            key("workflow", Text, "The workflow.").must().since(V1_3),
            key("inputs", Values, "What it is given.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static OPERATION_CALL: Entity = with(
    entity(
        "operation call",
        &[
            key("operation", Text, "The operation.").must().since(V1_3),
            key("inputs", Values, "What it is given.").since(V1_3),
        ],
    ),
    Short::Text,
    Rule::Same,
);

static SUBSTITUTION: Entity = with(
    entity(
        "substitution mapping",
        &[
            key("node_type", Text, "The type of node it can stand for.").must(),
            key("substitution_filter", Own(Special::SubstitutionFilter), "Which nodes.")
                .since(V1_3),
            key("properties", Own(Special::PropertyMappings), "Which property gives which input.")
                .since(V1_2),
            key(
                "attributes",
                Own(Special::AttributeMappings),
                "Which output gives which attribute.",
            )
            .since(V1_2),
            key("capabilities", Own(Special::CapabilityMappings), "Which node has the capability."),
            key("requirements", Own(Special::RequirementMappings), "Which node has the need."),
            key("interfaces", Own(Special::InterfaceMappings), "Which workflow is the operation.")
                .since(V1_2),
        ],
    ),
    Short::None,
    Rule::Substitution,
);

/// What a trigger's condition looks at.
pub(crate) static EVENT_FILTER: Entity = entity(
    "event filter",
    &[
        key("node", Text, "A node type or template.").must(),
        key("requirement", Text, "A requirement of the node."),
        key("capability", Text, "A capability of the node."),
    ],
);

/// A condition with how often it is asked.
pub(crate) static EXTENDED_CONDITION: Entity = entity(
    "condition",
    &[
        key("constraint", Kind::Any, "What must hold.").must(),
        key("period", Kept, "How long it must hold."),
        key("evaluations", Kept, "How often it must hold."),
        key("method", Kept, "How values are put together."),
    ],
);

/// What a node must be like.
pub(crate) static NODE_FILTER: Entity = entity(
    "node filter",
    &[
        key("properties", Kind::Any, "What must hold of its properties."),
        key("capabilities", Kind::Any, "What must hold of its capabilities."),
    ],
);

/// What a capability must be like.
pub(crate) static CAPABILITY_FILTER: Entity = entity(
    "capability filter",
    &[key("properties", Kind::Any, "What must hold of its properties.")],
);

/// The operators of constraint clauses; the kind is that of the operand.
pub(crate) static OPERATORS: Entity = entity(
    "constraint",
    &[
        key("equal", Value, "The value is this one.").becomes("$equal"),
        key("greater_than", Value, "The value is above.").becomes("$greater_than"),
        key("greater_or_equal", Value, "The value is not below.").becomes("$greater_or_equal"),
        key("less_than", Value, "The value is below.").becomes("$less_than"),
        key("less_or_equal", Value, "The value is not above.").becomes("$less_or_equal"),
        key("in_range", Value, "The value is neither below nor above.").becomes("$in_range"),
        key("valid_values", Value, "The value is one of these.").becomes("$valid_values"),
        key("length", Value, "The value is so long.").becomes("$equal"),
        key("min_length", Value, "The value is not shorter.").becomes("$greater_or_equal"),
        key("max_length", Value, "The value is not longer.").becomes("$less_or_equal"),
        key("pattern", Text, "All of the value matches.").becomes("$matches"),
        key("schema", Value, "The value passes a schema.").since(V1_2).becomes("$schema_1x"),
    ],
);

/// What must hold before a workflow, of one target.
pub(crate) static PRECONDITION: Entity = entity(
    "precondition",
    &[
        key("target", Text, "A node template or group.").must(),
        key("target_relationship", Text, "A requirement of the target."),
        key("condition", Kind::Any, "What must hold."),
    ],
);

/// Entities with metadata, and what they become.
pub(super) static COUNTERPARTS: [(&Entity, &later::Entity); 22] = [
    (&FILE, &later::FILE),
    (&ARTIFACT_TYPE, &later::ARTIFACT_TYPE),
    (&DATA_TYPE, &later::DATA_TYPE),
    (&CAPABILITY_TYPE, &later::CAPABILITY_TYPE),
    (&INTERFACE_TYPE, &later::INTERFACE_TYPE),
    (&RELATIONSHIP_TYPE, &later::RELATIONSHIP_TYPE),
    (&NODE_TYPE, &later::NODE_TYPE),
    (&GROUP_TYPE, &later::GROUP_TYPE),
    (&POLICY_TYPE, &later::POLICY_TYPE),
    (&PROPERTY, &later::PROPERTY),
    (&ATTRIBUTE, &later::ATTRIBUTE),
    (&PARAMETER, &later::PARAMETER),
    (&INTERFACE, &later::INTERFACE),
    (&ARTIFACT, &later::ARTIFACT),
    (&REQUIREMENT, &later::REQUIREMENT),
    (&RELATIONSHIP, &later::RELATIONSHIP),
    (&TOPOLOGY, &later::SERVICE_TEMPLATE),
    (&NODE_TEMPLATE, &later::NODE_TEMPLATE),
    (&RELATIONSHIP_TEMPLATE, &later::RELATIONSHIP_TEMPLATE),
    (&GROUP, &later::GROUP),
    (&POLICY, &later::POLICY),
    (&WORKFLOW, &later::WORKFLOW),
];
