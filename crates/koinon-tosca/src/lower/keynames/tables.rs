//! The tables of TOSCA 1.0 to 1.3.

use OldKeynameKind::Kept;
use OldKeynameKind::List;
use OldKeynameKind::Map;
use OldKeynameKind::Nothing;
use OldKeynameKind::One;
use OldKeynameKind::Sequence;
use OldKeynameKind::Special as Own;
use OldKeynameKind::Text;
use OldKeynameKind::Value;
use OldKeynameKind::Values;
use OldKeynameKind::Words;
use ToscaVersion::V1_1;
use ToscaVersion::V1_2;
use ToscaVersion::V1_3;

use super::MapRule;
use super::OldEntity;
use super::OldKeynameKind;
use super::OldKeynameRow;
use super::OldShortNotation;
use super::SpecialForm;
use super::entity;
use super::key;
use super::with;
use crate::keynames as later;
use crate::profiles::ToscaVersion;

const DESCRIPTION: OldKeynameRow = key("description", Text, "A description for people.");
const METADATA: OldKeynameRow = key("metadata", OldKeynameKind::Metadata, "Metadata for tools.");
const DERIVED_FROM: OldKeynameRow = key("derived_from", Text, "The type it derives from.");
const TYPE_VERSION: OldKeynameRow = key("version", OldKeynameKind::Any, "The version of the type.");
const PROPERTIES: OldKeynameRow =
    key("properties", Map(&PROPERTY), "Properties, its desired state.");
const ATTRIBUTES: OldKeynameRow =
    key("attributes", Map(&ATTRIBUTE), "Attributes, its actual state.");
const PROPERTY_VALUES: OldKeynameRow = key("properties", Values, "Values of properties.");
const ATTRIBUTE_VALUES: OldKeynameRow = key("attributes", Values, "Values of attributes.");
const CONSTRAINTS: OldKeynameRow =
    key("constraints", Own(SpecialForm::Constraints), "Constraints on its values.")
        .becomes("validation");
const ENTRY_SCHEMA: OldKeynameRow =
    key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map.");
const KEY_SCHEMA: OldKeynameRow =
    key("key_schema", One(&SCHEMA), "The schema of keys of a map.").since(V1_3);
const STATUS: OldKeynameRow = key("status", Nothing, "Whether it is supported or deprecated.");

/// A service template, which is a whole file.
pub(crate) static FILE: OldEntity = with(
    entity(
        "service template",
        &[
            key("tosca_definitions_version", Own(SpecialForm::Version), "The version of TOSCA.")
                .must(),
            key("namespace", Nothing, "The namespace of its types."),
            key("namespace_uri", Nothing, "The namespace of its types."),
            key("tosca_default_namespace", Nothing, "The namespace of its types.").until(V1_1),
            METADATA,
            DESCRIPTION,
            key("dsl_definitions", OldKeynameKind::Any, "YAML that aliases refer to."),
            key("repositories", Map(&REPOSITORY), "Sources of artifacts and imports."),
            key("imports", Own(SpecialForm::Imports), "Files whose types it uses."),
            key("artifact_types", Map(&ARTIFACT_TYPE), "Types of artifacts."),
            key("data_types", Map(&DATA_TYPE), "Types of values."),
            key("capability_types", Map(&CAPABILITY_TYPE), "Types of capabilities."),
            key("interface_types", Map(&INTERFACE_TYPE), "Types of interfaces."),
            key("relationship_types", Map(&RELATIONSHIP_TYPE), "Types of relationships."),
            key("node_types", Map(&NODE_TYPE), "Types of nodes."),
            key("group_types", Map(&GROUP_TYPE), "Types of groups."),
            key("policy_types", Map(&POLICY_TYPE), "Types of policies."),
            key("topology_template", One(&TOPOLOGY), "The nodes and relationships to deploy.")
                .becomes("service_template"),
        ],
    ),
    OldShortNotation::None,
    MapRule::File,
);

/// An import.
pub(crate) static IMPORT: OldEntity = with(
    entity(
        "import",
        &[
            key("file", Text, "The file.").must().becomes("url"),
            key("repository", Text, "The repository it is in."),
            key("namespace_uri", Nothing, "The namespace of its types."),
            key("namespace_prefix", Text, "The prefix of the names of its types.")
                .becomes("namespace"),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static REPOSITORY: OldEntity = with(
    entity(
        "repository",
        &[
            DESCRIPTION,
            key("url", Text, "Its address.").must(),
            key("credential", Nothing, "The credentials to log in with."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static ARTIFACT_TYPE: OldEntity = entity(
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

static DATA_TYPE: OldEntity = entity(
    "data type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        CONSTRAINTS,
        PROPERTIES,
        KEY_SCHEMA,
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map.").since(V1_3),
    ],
);

static CAPABILITY_TYPE: OldEntity = entity(
    "capability type",
    &[DERIVED_FROM, TYPE_VERSION, METADATA, DESCRIPTION, PROPERTIES, ATTRIBUTES, SOURCES],
);

const SOURCES: OldKeynameRow = key("valid_source_types", Words, "Node types that may require it.")
    .becomes("valid_source_node_types");
const OPERATIONS: OldKeynameRow = key("operations", Map(&OPERATION), "Its operations.").since(V1_3);
const NOTIFICATIONS: OldKeynameRow =
    key("notifications", Map(&NOTIFICATION), "Its notifications.").since(V1_3);

static INTERFACE_TYPE: OldEntity = with(
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
    OldShortNotation::None,
    MapRule::Interface,
);

static INTERFACE: OldEntity = with(
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
    OldShortNotation::None,
    MapRule::Interface,
);

/// An operation in a type, whose inputs are definitions.
pub(crate) static OPERATION: OldEntity = with(
    entity(
        "operation definition",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "The implementation."),
            key("inputs", Map(&PARAMETER), "Its inputs."),
            key(
                "outputs",
                Own(SpecialForm::OutputMappings),
                "The attributes that receive its outputs.",
            )
            .since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Operation,
);

static NOTIFICATION: OldEntity = with(
    entity(
        "notification definition",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "The source of the notification."),
            key(
                "outputs",
                Own(SpecialForm::OutputMappings),
                "The attributes that receive its values.",
            ),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

/// An interface of a template, whose operations are assignments.
pub(crate) static INTERFACE_ASSIGNMENT: OldEntity = with(
    entity(
        "interface assignment",
        &[
            key("type", Nothing, "The interface type, as in the node type."),
            key("description", Nothing, "A description for people."),
            key("inputs", Values, "Values of inputs of all its operations."),
            key("operations", Map(&OPERATION_ASSIGNMENT), "Its operations.").since(V1_3),
            key("notifications", Map(&NOTIFICATION), "Its notifications.").since(V1_3),
        ],
    ),
    OldShortNotation::None,
    MapRule::Interface,
);

/// An operation in a template, whose inputs are values.
pub(crate) static OPERATION_ASSIGNMENT: OldEntity = with(
    entity(
        "operation assignment",
        &[
            DESCRIPTION,
            key("implementation", One(&IMPLEMENTATION), "The implementation."),
            key("inputs", Values, "Its inputs."),
            key(
                "outputs",
                Own(SpecialForm::OutputMappings),
                "The attributes that receive its outputs.",
            )
            .since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Operation,
);

static IMPLEMENTATION: OldEntity = with(
    entity(
        "implementation",
        &[
            key("primary", One(&ARTIFACT), "The artifact that is run."),
            key("dependencies", List(&ARTIFACT), "Artifacts it needs."),
            key("timeout", Value, "The time limit, in seconds.").since(V1_3),
            key("operation_host", Nothing, "The node it runs on.").since(V1_3),
            // An artifact may be defined in place.
            key("type", Text, "The artifact type."),
            key("file", Text, "The artifact's file."),
            key("repository", Text, "The repository the file is in."),
            DESCRIPTION,
            key("properties", Values, "Values of the artifact's properties.").since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static ARTIFACT: OldEntity = with(
    entity(
        "artifact definition",
        &[
            key("type", Text, "The artifact type."),
            key("file", Text, "The file."),
            key("repository", Text, "The repository the file is in."),
            DESCRIPTION,
            METADATA,
            key("deploy_path", Kept, "The path of the file on the node."),
            key("artifact_version", OldKeynameKind::Any, "The version of the artifact.")
                .since(V1_3),
            key("version", OldKeynameKind::Any, "The version of the artifact.")
                .since(V1_3)
                .becomes("artifact_version"),
            key("checksum", Text, "The file's checksum.").since(V1_3),
            key("checksum_algorithm", Text, "The algorithm of the checksum.").since(V1_3),
            key("properties", Values, "Values of properties."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static RELATIONSHIP_TYPE: OldEntity = entity(
    "relationship type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key("valid_target_types", Words, "Capability types that may be its target.")
            .becomes("valid_capability_types"),
    ],
);

static NODE_TYPE: OldEntity = entity(
    "node type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("capabilities", Map(&CAPABILITY), "Its capabilities."),
        key("requirements", Sequence(&REQUIREMENT), "Its requirements."),
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key("artifacts", Map(&ARTIFACT), "Files that belong to it."),
    ],
);

static GROUP_TYPE: OldEntity = entity(
    "group type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("members", Words, "Node types its members may have."),
        key("requirements", Kept, "Its requirements.").since(V1_1).until(V1_2),
        key("capabilities", Kept, "Its capabilities.").since(V1_1).until(V1_2),
        key("interfaces", Kept, "Its interfaces.").until(V1_2),
    ],
);

static POLICY_TYPE: OldEntity = entity(
    "policy type",
    &[
        DERIVED_FROM,
        TYPE_VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        key("targets", Words, "Node and group types it may apply to."),
        TRIGGERS,
    ],
);

const TRIGGERS: OldKeynameRow = key("triggers", Map(&TRIGGER), "Actions on events.").since(V1_1);

static PROPERTY: OldEntity = with(
    entity(
        "property definition",
        &[
            key("type", OldKeynameKind::DataType, "Its data type."),
            DESCRIPTION,
            key("metadata", OldKeynameKind::Metadata, "Metadata for tools.").since(V1_2),
            key("required", Own(SpecialForm::Required), "Whether a value is required."),
            key("default", Value, "The default value."),
            STATUS,
            CONSTRAINTS,
            KEY_SCHEMA,
            ENTRY_SCHEMA,
            key("external-schema", Kept, "A schema for its values.").since(V1_2),
            key("external_schema", Kept, "A schema for its values.").since(V1_2),
        ],
    ),
    OldShortNotation::Fixed,
    MapRule::Same,
);

static ATTRIBUTE: OldEntity = entity(
    "attribute definition",
    &[
        key("type", OldKeynameKind::DataType, "Its data type."),
        DESCRIPTION,
        key("metadata", OldKeynameKind::Metadata, "Metadata for tools.").since(V1_2),
        key("default", Value, "Its first value."),
        STATUS,
        key("constraints", Own(SpecialForm::Constraints), "Constraints on its values.")
            .since(V1_3)
            .becomes("validation"),
        KEY_SCHEMA,
        ENTRY_SCHEMA,
    ],
);

/// An input or output, of a topology or an operation.
pub(crate) static PARAMETER: OldEntity = with(
    entity(
        "parameter definition",
        &[
            key("type", OldKeynameKind::DataType, "Its data type."),
            DESCRIPTION,
            key("metadata", OldKeynameKind::Metadata, "Metadata for tools.").since(V1_2),
            key("required", Own(SpecialForm::Required), "Whether a value is required."),
            key("default", Value, "The default value."),
            key("value", Value, "Its value."),
            STATUS,
            CONSTRAINTS,
            KEY_SCHEMA,
            ENTRY_SCHEMA,
            key("external-schema", Kept, "A schema for its values.").since(V1_2),
        ],
    ),
    OldShortNotation::Value,
    MapRule::Same,
);

static SCHEMA: OldEntity = with(
    entity(
        "schema",
        &[
            key("type", OldKeynameKind::DataType, "The data type.").must(),
            DESCRIPTION,
            CONSTRAINTS,
            // Not the constants, which could not be made before this is.
            key("key_schema", One(&SCHEMA), "The schema of keys of a map.").since(V1_3),
            key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static CAPABILITY: OldEntity = with(
    entity(
        "capability definition",
        &[
            key("type", Text, "The capability type."),
            DESCRIPTION,
            PROPERTIES,
            ATTRIBUTES,
            SOURCES,
            key("occurrences", Kept, "The number of relationships that may use it."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

/// A requirement of a node type.
pub(crate) static REQUIREMENT: OldEntity = with(
    entity(
        "requirement definition",
        &[
            DESCRIPTION,
            METADATA,
            key("capability", Text, "The capability type, or the capability's name in `node`."),
            key("node", Text, "The type of the node that fulfills it."),
            key("relationship", One(&RELATIONSHIP), "The relationship that is made."),
            key("node_filter", Own(SpecialForm::TargetFilter), "A condition on the target.")
                .since(V1_3),
            key(
                "occurrences",
                Own(SpecialForm::Range),
                "The least and the greatest number of relationships.",
            )
            .becomes("count_range"),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Requirement,
);

static RELATIONSHIP: OldEntity = with(
    entity(
        "relationship definition",
        &[
            key("type", Text, "The relationship type."),
            DESCRIPTION,
            METADATA,
            key("properties", Map(&PROPERTY), "Refinements of properties.").since(V1_3),
            key("interfaces", Map(&INTERFACE), "Its interfaces."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static TOPOLOGY: OldEntity = with(
    entity(
        "topology template",
        &[
            DESCRIPTION,
            METADATA,
            key("inputs", Map(&PARAMETER), "Its inputs."),
            key("node_templates", Map(&NODE_TEMPLATE), "Its nodes."),
            key("relationship_templates", Map(&RELATIONSHIP_TEMPLATE), "Its relationships."),
            key("groups", Map(&GROUP), "Its groups."),
            key("policies", Sequence(&POLICY), "Its policies."),
            key("outputs", Map(&PARAMETER), "Its outputs."),
            key("substitution_mappings", One(&SUBSTITUTION), "The node it can stand for."),
            key("workflows", Map(&WORKFLOW), "Imperative workflows.").since(V1_1),
        ],
    ),
    OldShortNotation::None,
    MapRule::Topology,
);

static NODE_TEMPLATE: OldEntity = with(
    entity(
        "node template",
        &[
            key("type", Text, "The node type.").must(),
            DESCRIPTION,
            METADATA,
            key(
                "directives",
                Own(SpecialForm::Directives),
                "The ways to get its nodes: selectable, substitutable.",
            ),
            PROPERTY_VALUES,
            ATTRIBUTE_VALUES,
            key(
                "requirements",
                Sequence(&REQUIREMENT_ASSIGNMENT),
                "Assignments of its requirements.",
            ),
            key("capabilities", Map(&CAPABILITY_ASSIGNMENT), "Values of its capabilities."),
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Its interfaces."),
            key("artifacts", Map(&ARTIFACT), "Files that belong to it."),
            key("node_filter", Own(SpecialForm::NodeFilter), "A condition on selected nodes."),
            key("copy", Text, "The template it is a copy of."),
        ],
    ),
    OldShortNotation::None,
    MapRule::Copied,
);

static RELATIONSHIP_TEMPLATE: OldEntity = with(
    entity(
        "relationship template",
        &[
            key("type", Text, "The relationship type.").must(),
            key("alias", Nothing, "Another name.").until(V1_2),
            DESCRIPTION,
            METADATA,
            PROPERTY_VALUES,
            ATTRIBUTE_VALUES,
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Its interfaces."),
            key("copy", Text, "The template it is a copy of."),
        ],
    ),
    OldShortNotation::None,
    MapRule::Copied,
);

static CAPABILITY_ASSIGNMENT: OldEntity = entity(
    "capability assignment",
    &[
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("occurrences", Nothing, "The number of relationships that may use it.").since(V1_3),
    ],
);

static REQUIREMENT_ASSIGNMENT: OldEntity = with(
    entity(
        "requirement assignment",
        &[
            key("capability", Text, "The capability's name, or its type."),
            key("node", Text, "A node template, or a node type."),
            key("relationship", One(&RELATIONSHIP_ASSIGNMENT), "Values of the relationship."),
            key("node_filter", Own(SpecialForm::TargetFilter), "A condition on the target."),
            key("occurrences", Own(SpecialForm::Count), "The number of relationships.").since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static RELATIONSHIP_ASSIGNMENT: OldEntity = with(
    entity(
        "relationship assignment",
        &[
            key("type", Text, "The relationship type."),
            PROPERTY_VALUES,
            key("attributes", Values, "Values of attributes.").since(V1_3),
            key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Its interfaces."),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static GROUP: OldEntity = entity(
    "group definition",
    &[
        key("type", Text, "The group type.").must(),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("attributes", Values, "Values of attributes.").since(V1_3),
        key("members", Words, "Its member nodes."),
        key("interfaces", Kept, "Its interfaces.").until(V1_2),
    ],
);

static POLICY: OldEntity = entity(
    "policy definition",
    &[
        key("type", Text, "The policy type.").must(),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("targets", Words, "The nodes and groups it applies to."),
        TRIGGERS,
    ],
);

static TRIGGER: OldEntity = entity(
    "trigger definition",
    &[
        DESCRIPTION,
        key("event", Text, "The event."),
        key("event_type", Text, "The event.").until(V1_2).becomes("event"),
        key("schedule", Kept, "The time in which the trigger is active."),
        key(
            "target_filter",
            Own(SpecialForm::Condition),
            "The entity that the condition applies to.",
        ),
        key("condition", Own(SpecialForm::Condition), "The condition."),
        key("constraint", Own(SpecialForm::Condition), "The condition.")
            .until(V1_2)
            .becomes("condition"),
        key("period", Kept, "The time for which the condition must hold.").until(V1_2),
        key("evaluations", Kept, "The number of times that the condition must hold.").until(V1_2),
        key("method", Kept, "The method that aggregates values.").until(V1_2),
        key("action", Own(SpecialForm::Action), "The action.").must(),
    ],
);

static WORKFLOW: OldEntity = entity(
    "workflow",
    &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "Its inputs."),
        key("preconditions", Own(SpecialForm::Preconditions), "A condition before the workflow.")
            .becomes("precondition"),
        key("steps", Map(&STEP), "Its steps."),
        key("implementation", One(&IMPLEMENTATION), "The implementation in the place of steps.")
            .since(V1_3),
        key(
            "outputs",
            Own(SpecialForm::OutputMappings),
            "The attributes that receive its outputs.",
        )
        .since(V1_3),
    ],
);

static STEP: OldEntity = entity(
    "workflow step",
    &[
        key("target", Text, "A node template or group.").must(),
        key("target_relationship", Text, "A requirement of the target."),
        key("operation_host", Kept, "The node operations run on."),
        key("filter", Own(SpecialForm::StepFilter), "A condition on the target."),
        key("activities", List(&ACTIVITY), "The activities, in order.").must(),
        key("on_success", OldKeynameKind::Any, "The next steps."),
        key("on_failure", OldKeynameKind::Any, "The next steps after a failure."),
    ],
);

/// Something done in a step or by a trigger.
pub(crate) static ACTIVITY: OldEntity = with(
    entity(
        "activity",
        &[
            key("delegate", One(&WORKFLOW_CALL), "A workflow of the orchestrator."),
            key("set_state", Text, "The new state of the node."),
            key("call_operation", One(&OPERATION_CALL), "An operation."),
            key("inline", One(&WORKFLOW_CALL), "A workflow of this template."),
        ],
    ),
    OldShortNotation::None,
    MapRule::Activity,
);

static WORKFLOW_CALL: OldEntity = with(
    entity(
        "workflow call",
        &[
            key("workflow", Text, "The workflow.").must().since(V1_3),
            key("inputs", Values, "Its inputs.").since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static OPERATION_CALL: OldEntity = with(
    entity(
        "operation call",
        &[
            key("operation", Text, "The operation.").must().since(V1_3),
            key("inputs", Values, "Its inputs.").since(V1_3),
        ],
    ),
    OldShortNotation::Text,
    MapRule::Same,
);

static SUBSTITUTION: OldEntity = with(
    entity(
        "substitution mapping",
        &[
            key("node_type", Text, "The type of node it can stand for.").must(),
            key(
                "substitution_filter",
                Own(SpecialForm::SubstitutionFilter),
                "A condition on the nodes.",
            )
            .since(V1_3),
            key(
                "properties",
                Own(SpecialForm::PropertyMappings),
                "Properties of the node, and the inputs that receive them.",
            )
            .since(V1_2),
            key(
                "attributes",
                Own(SpecialForm::AttributeMappings),
                "Attributes of the node, and the outputs they come from.",
            )
            .since(V1_2),
            key(
                "capabilities",
                Own(SpecialForm::CapabilityMappings),
                "Capabilities of the node, and the node templates that have them.",
            ),
            key(
                "requirements",
                Own(SpecialForm::RequirementMappings),
                "Requirements of the node, and the node templates that have them.",
            ),
            key(
                "interfaces",
                Own(SpecialForm::InterfaceMappings),
                "Operations of the node, and the workflows that implement them.",
            )
            .since(V1_2),
        ],
    ),
    OldShortNotation::None,
    MapRule::Substitution,
);

/// Entities with metadata, and the entities of 2.0 they become.
pub(super) static COUNTERPARTS: [(&OldEntity, &later::Entity); 22] = [
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
