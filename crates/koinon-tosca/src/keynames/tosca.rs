//! The tables of TOSCA 2.0 (csd07).

use KeynameKind::Boolean;
use KeynameKind::Condition;
use KeynameKind::List;
use KeynameKind::Map;
use KeynameKind::One;
use KeynameKind::Sequence;
use KeynameKind::Special;
use KeynameKind::Text;
use KeynameKind::Type;
use KeynameKind::Types;
use KeynameKind::Value;
use KeynameKind::Values;
use KeynameKind::Words;

use super::Entity;
use super::KeynameKind;
use super::KeynameRow;
use super::ShortNotation;
use super::TypeKind;
use super::key;
use super::must;

const DESCRIPTION: KeynameRow = key("description", Text, "A description for people.");
const METADATA: KeynameRow = key("metadata", KeynameKind::Metadata, "Metadata for tools.");
const VERSION: KeynameRow = key("version", KeynameKind::Version, "The version of the type.");
const PROPERTIES: KeynameRow = key("properties", Map(&PROPERTY), "Properties, its desired state.");
const ATTRIBUTES: KeynameRow = key("attributes", Map(&ATTRIBUTE), "Attributes, its actual state.");
const PROPERTY_VALUES: KeynameRow = key("properties", Values, "Values of properties.");
const ATTRIBUTE_VALUES: KeynameRow = key("attributes", Values, "Values of attributes.");
const SOURCES: KeynameRow = key(
    "valid_source_node_types",
    Types(TypeKind::Node),
    "Node types that may be the source of its relationships; all types without a list.",
);
const RELATIONSHIPS: KeynameRow = key(
    "valid_relationship_types",
    Types(TypeKind::Relationship),
    "Relationship types that may have it as their target; all types without a list.",
);

/// A TOSCA file.
pub(crate) static FILE: Entity = Entity {
    name: "TOSCA file",
    clause: "6.1",
    doc: "Types, functions and at most one service template.",
    short: ShortNotation::None,
    keys: &[
        must("tosca_definitions_version", Text, "The version of TOSCA the file is written in."),
        DESCRIPTION,
        METADATA,
        key("dsl_definitions", KeynameKind::Any, "A place for YAML anchors."),
        key("artifact_types", Map(&ARTIFACT_TYPE), "Artifact types."),
        key("data_types", Map(&DATA_TYPE), "Data types."),
        key("capability_types", Map(&CAPABILITY_TYPE), "Capability types."),
        key("interface_types", Map(&INTERFACE_TYPE), "Interface types."),
        key("relationship_types", Map(&RELATIONSHIP_TYPE), "Relationship types."),
        key("node_types", Map(&NODE_TYPE), "Node types."),
        key("group_types", Map(&GROUP_TYPE), "Group types."),
        key("policy_types", Map(&POLICY_TYPE), "Policy types."),
        key("repositories", Map(&REPOSITORY), "Sources of files and artifacts."),
        key("functions", Map(&FUNCTION), "User-defined functions."),
        key("profile", Text, "The name by which files import these types."),
        key("imports", List(&IMPORT), "Files and profiles whose types are used."),
        key("service_template", One(&SERVICE_TEMPLATE), "The parts of the service."),
    ],
};

/// A repository definition.
pub(crate) static REPOSITORY: Entity = Entity {
    name: "repository definition",
    clause: "6.5",
    doc: "An external source of TOSCA files and artifacts.",
    short: ShortNotation::Text,
    keys: &[
        DESCRIPTION,
        METADATA,
        must("url", Text, "Its address."),
        key("credential", KeynameKind::Any, "A keyname of TOSCA 1.x without meaning in 2.0."),
    ],
};

/// An import definition.
pub(crate) static IMPORT: Entity = Entity {
    name: "import",
    clause: "6.8.1",
    doc: "A file or profile whose types are used.",
    short: ShortNotation::Text,
    keys: &[
        key("url", Text, "The file: a path, or an address with a scheme."),
        key("profile", Text, "The name of the profile."),
        key("repository", Text, "The repository the path is in."),
        key("namespace", Text, "The prefix its names get."),
        DESCRIPTION,
        METADATA,
    ],
};

/// An artifact type.
pub(crate) static ARTIFACT_TYPE: Entity = Entity {
    name: "artifact type",
    clause: "12.1",
    doc: "A kind of file.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Artifact), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        key("mime_type", Text, "The media type of the file."),
        key("file_ext", Words, "Extensions of the file's name."),
        PROPERTIES,
    ],
};

/// A data type.
pub(crate) static DATA_TYPE: Entity = Entity {
    name: "data type",
    clause: "9.2",
    doc: "The schema of values.",
    short: ShortNotation::None,
    keys: &[
        key("derived_from", Type(TypeKind::Data), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        key("validation", Condition, "A condition on `$value`."),
        PROPERTIES,
        key("key_schema", One(&SCHEMA), "The schema of keys of a map."),
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
        key("data_type", Type(TypeKind::Data), "The number of a scalar: integer or float."),
        key("units", Special, "The units of a scalar, each with its multiplier."),
        key("canonical_unit", Text, "The unit a scalar is computed and shown in."),
        key("prefixes", Special, "Prefixes of a scalar's unit, each with its multiplier."),
    ],
};

/// A capability type.
pub(crate) static CAPABILITY_TYPE: Entity = Entity {
    name: "capability type",
    clause: "8.1",
    doc: "A feature that a node offers to other nodes.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Capability), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        SOURCES,
        RELATIONSHIPS,
    ],
};

/// An interface type.
pub(crate) static INTERFACE_TYPE: Entity = Entity {
    name: "interface type",
    clause: "11.1",
    doc: "Operations and notifications that belong together.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Interface), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        key("inputs", Map(&PARAMETER), "Inputs of all its operations."),
        key("operations", Map(&OPERATION), "Its operations."),
        key("notifications", Map(&NOTIFICATION), "Its notifications."),
    ],
};

/// A relationship type.
pub(crate) static RELATIONSHIP_TYPE: Entity = Entity {
    name: "relationship type",
    clause: "7.3",
    doc: "A relationship between two nodes.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Relationship), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key(
            "valid_capability_types",
            Types(TypeKind::Capability),
            "Capability types that may be its target; all types without a list.",
        ),
        key(
            "valid_target_node_types",
            Types(TypeKind::Node),
            "Node types that may be its target; all types without a list.",
        ),
        SOURCES,
    ],
};

/// A node type.
pub(crate) static NODE_TYPE: Entity = Entity {
    name: "node type",
    clause: "7.1",
    doc: "A kind of component.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Node), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("capabilities", Map(&CAPABILITY), "Its capabilities."),
        key("requirements", Sequence(&REQUIREMENT), "Its requirements."),
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key("artifacts", Map(&ARTIFACT), "Its files."),
    ],
};

/// A group type.
pub(crate) static GROUP_TYPE: Entity = Entity {
    name: "group type",
    clause: "16.1",
    doc: "A kind of group of nodes.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Group), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("members", Types(TypeKind::Node), "Node types its members may have."),
    ],
};

/// A policy type.
pub(crate) static POLICY_TYPE: Entity = Entity {
    name: "policy type",
    clause: "16.3",
    doc: "A kind of rule for nodes and groups.",
    short: ShortNotation::Null,
    keys: &[
        key("derived_from", Type(TypeKind::Policy), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        key("targets", Words, "Node and group types it may apply to."),
        key("triggers", Map(&TRIGGER), "Actions on events."),
    ],
};

/// A schema definition.
pub(crate) static SCHEMA: Entity = Entity {
    name: "schema definition",
    clause: "9.3",
    doc: "The schema of keys or entries of a collection, or of arguments of a function.",
    short: ShortNotation::Text,
    keys: &[
        key("type", Type(TypeKind::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("validation", Condition, "A condition on `$value`."),
        key("key_schema", One(&SCHEMA), "The schema of keys of a map."),
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
    ],
};

/// A property definition.
pub(crate) static PROPERTY: Entity = Entity {
    name: "property definition",
    clause: "9.3",
    doc: "A named value of an entity's desired state.",
    short: ShortNotation::Value,
    keys: &[
        key("type", Type(TypeKind::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("required", Boolean, "Whether a value is required; the default is true."),
        key("default", Value, "The default value."),
        key("value", Value, "The fixed value."),
        key("status", Text, "The status of the definition."),
        key("validation", Condition, "A condition on `$value`."),
        key("key_schema", One(&SCHEMA), "The schema of keys of a map."),
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
    ],
};

/// An attribute definition.
pub(crate) static ATTRIBUTE: Entity = Entity {
    name: "attribute definition",
    clause: "9.5",
    doc: "A named value of an entity's actual state.",
    short: ShortNotation::None,
    keys: &[
        key("type", Type(TypeKind::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("default", Value, "The default value."),
        key("status", Text, "The status of the definition."),
        key("validation", Condition, "A condition on `$value`."),
        key("key_schema", One(&SCHEMA), "The schema of keys of a map."),
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
    ],
};

/// A parameter definition.
pub(crate) static PARAMETER: Entity = Entity {
    name: "parameter definition",
    clause: "9.7",
    doc: "A named value that goes into or comes out of a service, an operation or a workflow.",
    short: ShortNotation::Value,
    keys: &[
        key("type", Type(TypeKind::Data), "The data type."),
        DESCRIPTION,
        METADATA,
        key("required", Boolean, "Whether a value is required; the default is true."),
        key("default", Value, "The default value."),
        key("value", Value, "The value of an outgoing parameter."),
        key("mapping", Value, "The attribute that receives the value of an incoming parameter."),
        key("status", Text, "The status of the definition."),
        key("validation", Condition, "A condition on `$value`."),
        key("key_schema", One(&SCHEMA), "The schema of keys of a map."),
        key("entry_schema", One(&SCHEMA), "The schema of entries of a list or map."),
    ],
};

/// A capability definition.
pub(crate) static CAPABILITY: Entity = Entity {
    name: "capability definition",
    clause: "8.2",
    doc: "A feature that nodes of a type offer to other nodes.",
    short: ShortNotation::Text,
    keys: &[
        key("type", Type(TypeKind::Capability), "The capability type."),
        DESCRIPTION,
        METADATA,
        key("properties", Map(&PROPERTY), "Refinements of the type's properties."),
        key("attributes", Map(&ATTRIBUTE), "Refinements of the type's attributes."),
        SOURCES,
        RELATIONSHIPS,
    ],
};

/// A requirement definition.
pub(crate) static REQUIREMENT: Entity = Entity {
    name: "requirement definition",
    clause: "8.4",
    doc: "A need that other nodes of a service fulfill.",
    short: ShortNotation::Text,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("relationship", One(&RELATIONSHIP), "The relationship that is made."),
        key("node", Type(TypeKind::Node), "The type of the node that fulfills it."),
        key("capability", Text, "The capability type, or the capability's name in `node`."),
        key("node_filter", Condition, "A condition on the relationship."),
        key(
            "count_range",
            Special,
            "The least and the greatest number of relationships; the default is [0, UNBOUNDED].",
        ),
    ],
};

/// A relationship definition.
pub(crate) static RELATIONSHIP: Entity = Entity {
    name: "relationship definition",
    clause: "8.4",
    doc: "The relationship a requirement makes.",
    short: ShortNotation::Text,
    keys: &[
        key("type", Type(TypeKind::Relationship), "The relationship type."),
        DESCRIPTION,
        METADATA,
        key("properties", Map(&PROPERTY), "Refinements of the type's properties."),
        key("attributes", Map(&ATTRIBUTE), "Refinements of the type's attributes."),
        key("interfaces", Map(&INTERFACE), "Refinements of the type's interfaces."),
    ],
};

/// An interface definition.
pub(crate) static INTERFACE: Entity = Entity {
    name: "interface definition",
    clause: "11.2",
    doc: "An interface of nodes or relationships of a type.",
    short: ShortNotation::None,
    keys: &[
        key("type", Type(TypeKind::Interface), "The interface type."),
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "Inputs of all its operations."),
        key("operations", Map(&OPERATION), "Refinements of its operations."),
        key("notifications", Map(&NOTIFICATION), "Refinements of its notifications."),
    ],
};

/// An operation definition.
pub(crate) static OPERATION: Entity = Entity {
    name: "operation definition",
    clause: "11.4",
    doc: "An operation of a node or relationship.",
    short: ShortNotation::TextOrNull,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("implementation", One(&IMPLEMENTATION), "The artifact that implements it."),
        key("inputs", Map(&PARAMETER), "Its inputs."),
        key("outputs", Map(&PARAMETER), "Its outputs."),
    ],
};

/// A notification definition.
pub(crate) static NOTIFICATION: Entity = Entity {
    name: "notification definition",
    clause: "11.6",
    doc: "A message from a node or relationship.",
    short: ShortNotation::TextOrNull,
    keys: OPERATION.keys,
};

/// An operation or notification implementation.
pub(crate) static IMPLEMENTATION: Entity = Entity {
    name: "implementation",
    clause: "11.8",
    doc: "The artifacts of an implementation.",
    short: ShortNotation::Text,
    keys: &[
        key("primary", One(&ARTIFACT), "The artifact that is run."),
        key("dependencies", List(&ARTIFACT), "Artifacts it needs."),
        key("timeout", Value, "The time limit, in seconds."),
    ],
};

/// An artifact definition.
pub(crate) static ARTIFACT: Entity = Entity {
    name: "artifact definition",
    clause: "12.2",
    doc: "A file of a node, or one that implements an operation.",
    short: ShortNotation::Text,
    keys: &[
        key("type", Type(TypeKind::Artifact), "The artifact type."),
        key("file", Value, "The file's URI."),
        key("repository", Text, "The repository the file is in."),
        DESCRIPTION,
        METADATA,
        key("artifact_version", Text, "The file's version."),
        key("version", Text, "The file's version, in the spelling of the specification's grammar."),
        key("checksum", Value, "The file's checksum."),
        key("checksum_algorithm", Text, "The algorithm of the checksum."),
        PROPERTY_VALUES,
    ],
};

/// A function definition.
pub(crate) static FUNCTION: Entity = Entity {
    name: "function definition",
    clause: "10.4",
    doc: "A user-defined function.",
    short: ShortNotation::None,
    keys: &[
        must(
            "signatures",
            List(&SIGNATURE),
            "Its arguments and results; the first signature that fits counts.",
        ),
        DESCRIPTION,
        METADATA,
    ],
};

/// A function's signature definition.
pub(crate) static SIGNATURE: Entity = Entity {
    name: "signature definition",
    clause: "10.4",
    doc: "The arguments and the result of a function.",
    short: ShortNotation::Null,
    keys: &[
        key("arguments", List(&SCHEMA), "Mandatory arguments."),
        key("optional_arguments", List(&SCHEMA), "Optional arguments."),
        key("variadic", Boolean, "Whether the last argument may be repeated."),
        key("result", One(&SCHEMA), "The schema of its result."),
        key("implementation", One(&IMPLEMENTATION), "The artifact that computes it."),
        DESCRIPTION,
        METADATA,
    ],
};

/// A service template.
pub(crate) static SERVICE_TEMPLATE: Entity = Entity {
    name: "service template",
    clause: "6.9.1",
    doc: "The parts of a service.",
    short: ShortNotation::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "Values that are set when the service is deployed."),
        key("outputs", Map(&PARAMETER), "Values that the service returns."),
        must("node_templates", Map(&NODE_TEMPLATE), "Its nodes."),
        key("relationship_templates", Map(&RELATIONSHIP_TEMPLATE), "Its relationships."),
        key("groups", Map(&GROUP), "Groups of its nodes."),
        key("policies", Sequence(&POLICY), "Rules for its nodes and groups."),
        key("substitution_mappings", One(&SUBSTITUTION), "The nodes it can stand for."),
        key("workflows", Map(&WORKFLOW), "Imperative workflows."),
        key("functions", Map(&FUNCTION), "User-defined functions, or refinements of them."),
    ],
};

/// A node template.
pub(crate) static NODE_TEMPLATE: Entity = Entity {
    name: "node template",
    clause: "7.2",
    doc: "One or more nodes of a service.",
    short: ShortNotation::None,
    keys: &[
        key("type", Type(TypeKind::Node), "The node type."),
        DESCRIPTION,
        METADATA,
        key("directives", Words, "The ways to get its nodes: create, select, substitute."),
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("requirements", Sequence(&REQUIREMENT_ASSIGNMENT), "Assignments of its requirements."),
        key("capabilities", Map(&CAPABILITY_ASSIGNMENT), "Values of its capabilities."),
        key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Values of its interfaces."),
        key("artifacts", Map(&ARTIFACT), "Its files."),
        key("count", Value, "The number of its nodes; the default is 1."),
        key("node_filter", Condition, "A condition on selected nodes."),
        key("copy", Text, "The template whose keynames it copies."),
    ],
};

/// A relationship template.
pub(crate) static RELATIONSHIP_TEMPLATE: Entity = Entity {
    name: "relationship template",
    clause: "7.4",
    doc: "Values of relationships, for use in several requirements.",
    short: ShortNotation::None,
    keys: &[
        key("type", Type(TypeKind::Relationship), "The relationship type."),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Values of its interfaces."),
        key("copy", Text, "The template whose keynames it copies."),
    ],
};

/// A capability assignment.
pub(crate) static CAPABILITY_ASSIGNMENT: Entity = Entity {
    name: "capability assignment",
    clause: "8.3",
    doc: "Values of a node's capability.",
    short: ShortNotation::None,
    keys: &[
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("directives", Words, "The origins of its relationships: internal, external."),
    ],
};

/// A requirement assignment.
pub(crate) static REQUIREMENT_ASSIGNMENT: Entity = Entity {
    name: "requirement assignment",
    clause: "8.5",
    doc: "The target and the relationship of a node's requirement.",
    short: ShortNotation::Text,
    keys: &[
        key("node", Special, "A node template, one of its nodes as [template, index], or a type."),
        key("capability", Text, "The capability's name, or its type."),
        key(
            "relationship",
            One(&RELATIONSHIP_ASSIGNMENT),
            "Values of the relationship, its type, or a relationship template.",
        ),
        key("allocation", Values, "The amounts it uses of the capability's properties."),
        key("count", Value, "The number of its relationships; the default is 1."),
        key("node_filter", Condition, "A condition on the relationship."),
        key("directives", Words, "The origins of its target: internal, external."),
        key("optional", Boolean, "Whether it may stay unfulfilled."),
    ],
};

/// A relationship assignment.
pub(crate) static RELATIONSHIP_ASSIGNMENT: Entity = Entity {
    name: "relationship assignment",
    clause: "8.5",
    doc: "Values of the relationship a requirement makes.",
    short: ShortNotation::Text,
    keys: &[
        key("type", Type(TypeKind::Relationship), "The relationship type."),
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Values of its interfaces."),
    ],
};

/// An interface assignment.
pub(crate) static INTERFACE_ASSIGNMENT: Entity = Entity {
    name: "interface assignment",
    clause: "11.3",
    doc: "Values of an interface.",
    short: ShortNotation::None,
    keys: &[
        key("inputs", Values, "Inputs of all its operations."),
        key("operations", Map(&OPERATION_ASSIGNMENT), "Its operations."),
        key("notifications", Map(&NOTIFICATION_ASSIGNMENT), "Its notifications."),
    ],
};

/// An operation assignment.
pub(crate) static OPERATION_ASSIGNMENT: Entity = Entity {
    name: "operation assignment",
    clause: "11.5",
    doc: "Values of an operation.",
    short: ShortNotation::TextOrNull,
    keys: &[
        key("implementation", One(&IMPLEMENTATION), "The artifact that implements it."),
        key("inputs", Values, "Its inputs."),
        key("outputs", Values, "The attributes that receive its outputs."),
        DESCRIPTION,
        METADATA,
    ],
};

/// A notification assignment.
pub(crate) static NOTIFICATION_ASSIGNMENT: Entity = Entity {
    name: "notification assignment",
    clause: "11.7",
    doc: "Values of a notification.",
    short: ShortNotation::TextOrNull,
    keys: OPERATION_ASSIGNMENT.keys,
};

/// A group definition.
pub(crate) static GROUP: Entity = Entity {
    name: "group definition",
    clause: "16.2",
    doc: "A group of nodes.",
    short: ShortNotation::None,
    keys: &[
        must("type", Type(TypeKind::Group), "The group type."),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("members", Words, "Node templates and groups."),
    ],
};

/// A policy definition.
pub(crate) static POLICY: Entity = Entity {
    name: "policy definition",
    clause: "16.4",
    doc: "A rule for nodes and groups.",
    short: ShortNotation::None,
    keys: &[
        must("type", Type(TypeKind::Policy), "The policy type."),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("targets", Words, "Node templates and groups it applies to."),
        key("triggers", Map(&TRIGGER), "Actions on events."),
    ],
};

/// A trigger definition.
pub(crate) static TRIGGER: Entity = Entity {
    name: "trigger definition",
    clause: "16.5",
    doc: "Actions on events.",
    short: ShortNotation::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        must("event", Text, "The event."),
        key("condition", Condition, "The condition."),
        must("action", List(&ACTIVITY), "The activities, in order."),
    ],
};

/// A workflow definition.
pub(crate) static WORKFLOW: Entity = Entity {
    name: "workflow definition",
    clause: "13.2",
    doc: "Steps in a partial order.",
    short: ShortNotation::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "Its inputs."),
        key("precondition", Condition, "A condition before the workflow."),
        key("steps", Map(&STEP), "Its steps."),
        key("implementation", One(&IMPLEMENTATION), "A workflow in another language."),
        key("outputs", Values, "The attributes that receive its outputs."),
    ],
};

/// A workflow step definition.
pub(crate) static STEP: Entity = Entity {
    name: "workflow step",
    clause: "13.2.2",
    doc: "Activities on one target, in order.",
    short: ShortNotation::None,
    keys: &[
        must("target", Text, "A node template or group."),
        key("target_relationship", Text, "A requirement of the target."),
        key("filter", Special, "A condition on the target."),
        must("activities", List(&ACTIVITY), "The activities, in order."),
        key("on_success", Special, "The next steps."),
        key("on_failure", Special, "The next steps after a failure."),
        DESCRIPTION,
        METADATA,
    ],
};

/// An activity definition.
pub(crate) static ACTIVITY: Entity = Entity {
    name: "activity",
    clause: "13.2.3",
    doc: "An activity of a step or trigger.",
    short: ShortNotation::None,
    keys: &[
        key("delegate", One(&WORKFLOW_CALL), "Calls a workflow of the orchestrator."),
        key("set_state", Value, "Sets the state of the target."),
        key("call_operation", One(&OPERATION_CALL), "Calls an operation of the target."),
        key("inline", One(&WORKFLOW_CALL), "Runs another workflow of the service."),
    ],
};

/// A call of a workflow.
pub(crate) static WORKFLOW_CALL: Entity = Entity {
    name: "workflow activity",
    clause: "13.2.3.1",
    doc: "The workflow, with its inputs.",
    short: ShortNotation::Text,
    keys: &[must("workflow", Text, "The workflow."), key("inputs", Values, "Its inputs.")],
};

/// A call of an operation.
pub(crate) static OPERATION_CALL: Entity = Entity {
    name: "call operation activity",
    clause: "13.2.3.3",
    doc: "The operation, with its inputs.",
    short: ShortNotation::Text,
    keys: &[
        must("operation", Text, "The operation, as interface.operation."),
        key("inputs", Values, "Inputs that replace those of the template."),
    ],
};

/// A substitution mapping.
pub(crate) static SUBSTITUTION: Entity = Entity {
    name: "substitution mapping",
    clause: "15.1",
    doc: "The nodes that a service template can stand for, with the mappings of their parts.",
    short: ShortNotation::None,
    keys: &[
        must("node_type", Type(TypeKind::Node), "The type of the nodes."),
        key("substitution_filter", Condition, "A condition on the nodes."),
        key("properties", Special, "The inputs that receive the node's properties."),
        key("attributes", Special, "The outputs that set the node's attributes."),
        key("capabilities", Special, "The capabilities that stand for the node's."),
        key("requirements", Special, "The requirements that receive the node's targets."),
        key("interfaces", Special, "The workflows that stand for the node's operations."),
        DESCRIPTION,
        METADATA,
    ],
};

/// The tables of the types, by section.
pub(crate) const fn type_of(section: TypeKind) -> &'static Entity {
    match section {
        TypeKind::Artifact => &ARTIFACT_TYPE,
        TypeKind::Data => &DATA_TYPE,
        TypeKind::Capability => &CAPABILITY_TYPE,
        TypeKind::Interface => &INTERFACE_TYPE,
        TypeKind::Relationship => &RELATIONSHIP_TYPE,
        TypeKind::Node => &NODE_TYPE,
        TypeKind::Group => &GROUP_TYPE,
        TypeKind::Policy => &POLICY_TYPE,
    }
}
