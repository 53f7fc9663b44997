//! The tables of TOSCA 2.0 (csd07).

use super::Entity;
use super::Key;
use super::Kind;
use super::Short;
use super::key;
use super::must;
use crate::grammar::Section;

use Kind::Boolean;
use Kind::Condition;
use Kind::List;
use Kind::Map;
use Kind::One;
use Kind::Sequence;
use Kind::Special;
use Kind::Text;
use Kind::Type;
use Kind::Types;
use Kind::Value;
use Kind::Values;
use Kind::Words;

const DESCRIPTION: Key = key("description", Text, "What it is, for people.");
const METADATA: Key = key("metadata", Kind::Metadata, "Anything about it, for tools.");
const VERSION: Key = key("version", Kind::Version, "The version of the type.");
const PROPERTIES: Key = key("properties", Map(&PROPERTY), "Properties, its desired state.");
const ATTRIBUTES: Key = key("attributes", Map(&ATTRIBUTE), "Attributes, its actual state.");
const PROPERTY_VALUES: Key = key("properties", Values, "Values of properties.");
const ATTRIBUTE_VALUES: Key = key("attributes", Values, "Values of attributes.");
const SOURCES: Key = key(
    "valid_source_node_types",
    Types(Section::Node),
    "Node types its relationships may come from; all if there is no list.",
);
const RELATIONSHIPS: Key = key(
    "valid_relationship_types",
    Types(Section::Relationship),
    "Relationship types that may lead to it; all if there is no list.",
);

/// A TOSCA file.
pub(crate) static FILE: Entity = Entity {
    name: "TOSCA file",
    clause: "6.1",
    doc: "Types, functions and at most one service template.",
    short: Short::None,
    keys: &[
        must("tosca_definitions_version", Text, "The version of TOSCA the file is written in."),
        DESCRIPTION,
        METADATA,
        key("dsl_definitions", Kind::Any, "A place for YAML anchors."),
        key("artifact_types", Map(&ARTIFACT_TYPE), "Artifact types."),
        key("data_types", Map(&DATA_TYPE), "Data types."),
        key("capability_types", Map(&CAPABILITY_TYPE), "Capability types."),
        key("interface_types", Map(&INTERFACE_TYPE), "Interface types."),
        key("relationship_types", Map(&RELATIONSHIP_TYPE), "Relationship types."),
        key("node_types", Map(&NODE_TYPE), "Node types."),
        key("group_types", Map(&GROUP_TYPE), "Group types."),
        key("policy_types", Map(&POLICY_TYPE), "Policy types."),
        key("repositories", Map(&REPOSITORY), "Where files and artifacts come from."),
        key("functions", Map(&FUNCTION), "Functions of one's own."),
        key("profile", Text, "The name others import these types by."),
        key("imports", List(&IMPORT), "Files and profiles whose types are used."),
        key("service_template", One(&SERVICE_TEMPLATE), "What the service consists of."),
    ],
};

/// A repository definition.
pub(crate) static REPOSITORY: Entity = Entity {
    name: "repository definition",
    clause: "6.5",
    doc: "An external place that holds TOSCA files and artifacts.",
    short: Short::Text,
    keys: &[
        DESCRIPTION,
        METADATA,
        must("url", Text, "Its address."),
        key("credential", Kind::Any, "A keyname of TOSCA 1.x without meaning in 2.0."),
    ],
};

/// An import definition.
pub(crate) static IMPORT: Entity = Entity {
    name: "import",
    clause: "6.8.1",
    doc: "A file or profile whose types are used.",
    short: Short::Text,
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
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Artifact), "The type it derives from."),
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
    doc: "What values look like.",
    short: Short::None,
    keys: &[
        key("derived_from", Type(Section::Data), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        key("validation", Condition, "What must hold of `$value`."),
        PROPERTIES,
        key("key_schema", One(&SCHEMA), "What keys of a map look like."),
        key("entry_schema", One(&SCHEMA), "What entries of a list or map look like."),
        key("data_type", Type(Section::Data), "The number of a scalar: integer or float."),
        key("units", Special, "The units of a scalar, each with its multiplier."),
        key("canonical_unit", Text, "The unit a scalar is computed and shown in."),
        key("prefixes", Special, "Prefixes of a scalar's unit, each with its multiplier."),
    ],
};

/// A capability type.
pub(crate) static CAPABILITY_TYPE: Entity = Entity {
    name: "capability type",
    clause: "8.1",
    doc: "Something a node offers to others.",
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Capability), "The type it derives from."),
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
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Interface), "The type it derives from."),
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
    doc: "How one node relates to another.",
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Relationship), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key(
            "valid_capability_types",
            Types(Section::Capability),
            "Capability types it may lead to; all if there is no list.",
        ),
        key(
            "valid_target_node_types",
            Types(Section::Node),
            "Node types it may lead to; all if there is no list.",
        ),
        SOURCES,
    ],
};

/// A node type.
pub(crate) static NODE_TYPE: Entity = Entity {
    name: "node type",
    clause: "7.1",
    doc: "A kind of component.",
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Node), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("capabilities", Map(&CAPABILITY), "What it offers to others."),
        key("requirements", Sequence(&REQUIREMENT), "What it needs of others."),
        key("interfaces", Map(&INTERFACE), "Its interfaces."),
        key("artifacts", Map(&ARTIFACT), "Its files."),
    ],
};

/// A group type.
pub(crate) static GROUP_TYPE: Entity = Entity {
    name: "group type",
    clause: "16.1",
    doc: "A kind of group of nodes.",
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Group), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        ATTRIBUTES,
        key("members", Types(Section::Node), "Node types its members may have."),
    ],
};

/// A policy type.
pub(crate) static POLICY_TYPE: Entity = Entity {
    name: "policy type",
    clause: "16.3",
    doc: "A kind of rule for nodes and groups.",
    short: Short::Null,
    keys: &[
        key("derived_from", Type(Section::Policy), "The type it derives from."),
        VERSION,
        METADATA,
        DESCRIPTION,
        PROPERTIES,
        key("targets", Words, "Node and group types it may be applied to."),
        key("triggers", Map(&TRIGGER), "What is done when something happens."),
    ],
};

/// A schema definition.
pub(crate) static SCHEMA: Entity = Entity {
    name: "schema definition",
    clause: "9.3",
    doc: "What keys or entries of a collection, or arguments of a function, look like.",
    short: Short::Text,
    keys: &[
        key("type", Type(Section::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("validation", Condition, "What must hold of `$value`."),
        key("key_schema", One(&SCHEMA), "What keys of a map look like."),
        key("entry_schema", One(&SCHEMA), "What entries of a list or map look like."),
    ],
};

/// A property definition.
pub(crate) static PROPERTY: Entity = Entity {
    name: "property definition",
    clause: "9.3",
    doc: "A named value of an entity's desired state.",
    short: Short::Value,
    keys: &[
        key("type", Type(Section::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("required", Boolean, "Whether it must have a value; true if not said."),
        key("default", Value, "The value where none is assigned."),
        key("value", Value, "The fixed value."),
        key("status", Text, "How settled the definition is."),
        key("validation", Condition, "What must hold of `$value`."),
        key("key_schema", One(&SCHEMA), "What keys of a map look like."),
        key("entry_schema", One(&SCHEMA), "What entries of a list or map look like."),
    ],
};

/// An attribute definition.
pub(crate) static ATTRIBUTE: Entity = Entity {
    name: "attribute definition",
    clause: "9.5",
    doc: "A named value of an entity's actual state.",
    short: Short::None,
    keys: &[
        key("type", Type(Section::Data), "The data type; a refinement may leave it out."),
        DESCRIPTION,
        METADATA,
        key("default", Value, "The value where none is assigned."),
        key("status", Text, "How settled the definition is."),
        key("validation", Condition, "What must hold of `$value`."),
        key("key_schema", One(&SCHEMA), "What keys of a map look like."),
        key("entry_schema", One(&SCHEMA), "What entries of a list or map look like."),
    ],
};

/// A parameter definition.
pub(crate) static PARAMETER: Entity = Entity {
    name: "parameter definition",
    clause: "9.7",
    doc: "A named value that goes into or comes out of a service, an operation or a workflow.",
    short: Short::Value,
    keys: &[
        key("type", Type(Section::Data), "The data type."),
        DESCRIPTION,
        METADATA,
        key("required", Boolean, "Whether it must have a value; true if not said."),
        key("default", Value, "The value where none is given."),
        key("value", Value, "The value of one that goes out."),
        key("mapping", Value, "The attribute that takes the value of one that comes in."),
        key("status", Text, "How settled the definition is."),
        key("validation", Condition, "What must hold of `$value`."),
        key("key_schema", One(&SCHEMA), "What keys of a map look like."),
        key("entry_schema", One(&SCHEMA), "What entries of a list or map look like."),
    ],
};

/// A capability definition.
pub(crate) static CAPABILITY: Entity = Entity {
    name: "capability definition",
    clause: "8.2",
    doc: "Something nodes of a type offer to others.",
    short: Short::Text,
    keys: &[
        key("type", Type(Section::Capability), "The capability type."),
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
    doc: "Something nodes of a type need of others.",
    short: Short::Text,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("relationship", One(&RELATIONSHIP), "The relationship that is made."),
        key("node", Type(Section::Node), "The type of the node that fulfills it."),
        key("capability", Text, "The capability type, or the capability's name in `node`."),
        key("node_filter", Condition, "What must hold of the relationship that is made."),
        key("count_range", Special, "Fewest and most relationships; [0, UNBOUNDED] if not said."),
    ],
};

/// A relationship definition.
pub(crate) static RELATIONSHIP: Entity = Entity {
    name: "relationship definition",
    clause: "8.4",
    doc: "The relationship a requirement makes.",
    short: Short::Text,
    keys: &[
        key("type", Type(Section::Relationship), "The relationship type."),
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
    short: Short::None,
    keys: &[
        key("type", Type(Section::Interface), "The interface type."),
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
    doc: "Something that can be done with a node or relationship.",
    short: Short::TextOrNull,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("implementation", One(&IMPLEMENTATION), "The artifact that does it."),
        key("inputs", Map(&PARAMETER), "What goes in."),
        key("outputs", Map(&PARAMETER), "What comes out."),
    ],
};

/// A notification definition.
pub(crate) static NOTIFICATION: Entity = Entity {
    name: "notification definition",
    clause: "11.6",
    doc: "Something a node or relationship tells.",
    short: Short::TextOrNull,
    keys: OPERATION.keys,
};

/// An operation or notification implementation.
pub(crate) static IMPLEMENTATION: Entity = Entity {
    name: "implementation",
    clause: "11.8",
    doc: "The artifacts that do something.",
    short: Short::Text,
    keys: &[
        key("primary", One(&ARTIFACT), "The artifact that is run."),
        key("dependencies", List(&ARTIFACT), "Artifacts it needs."),
        key("timeout", Value, "Seconds after which it has failed."),
    ],
};

/// An artifact definition.
pub(crate) static ARTIFACT: Entity = Entity {
    name: "artifact definition",
    clause: "12.2",
    doc: "A file of a node, or one that implements an operation.",
    short: Short::Text,
    keys: &[
        key("type", Type(Section::Artifact), "The artifact type."),
        key("file", Value, "The file's URI."),
        key("repository", Text, "The repository the file is in."),
        DESCRIPTION,
        METADATA,
        key("artifact_version", Text, "The file's version."),
        key("version", Text, "The file's version, as the specification's grammar spells it."),
        key("checksum", Value, "The file's checksum."),
        key("checksum_algorithm", Text, "The algorithm of the checksum."),
        PROPERTY_VALUES,
    ],
};

/// A function definition.
pub(crate) static FUNCTION: Entity = Entity {
    name: "function definition",
    clause: "10.4",
    doc: "A function of one's own.",
    short: Short::None,
    keys: &[
        must(
            "signatures",
            List(&SIGNATURE),
            "What it takes and gives; the first that fits counts.",
        ),
        DESCRIPTION,
        METADATA,
    ],
};

/// A function's signature definition.
pub(crate) static SIGNATURE: Entity = Entity {
    name: "signature definition",
    clause: "10.4",
    doc: "Arguments a function takes, and what it gives for them.",
    short: Short::Null,
    keys: &[
        key("arguments", List(&SCHEMA), "Arguments that must be there."),
        key("optional_arguments", List(&SCHEMA), "Arguments that may follow."),
        key("variadic", Boolean, "Whether the last argument may be repeated."),
        key("result", One(&SCHEMA), "What it gives."),
        key("implementation", One(&IMPLEMENTATION), "The artifact that computes it."),
        DESCRIPTION,
        METADATA,
    ],
};

/// A service template.
pub(crate) static SERVICE_TEMPLATE: Entity = Entity {
    name: "service template",
    clause: "6.9.1",
    doc: "What a service consists of.",
    short: Short::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "Values that are given when the service is deployed."),
        key("outputs", Map(&PARAMETER), "Values the service gives."),
        must("node_templates", Map(&NODE_TEMPLATE), "Its nodes."),
        key("relationship_templates", Map(&RELATIONSHIP_TEMPLATE), "Its relationships."),
        key("groups", Map(&GROUP), "Groups of its nodes."),
        key("policies", Sequence(&POLICY), "Rules for its nodes and groups."),
        key("substitution_mappings", One(&SUBSTITUTION), "The nodes it can stand for."),
        key("workflows", Map(&WORKFLOW), "Imperative workflows."),
        key("functions", Map(&FUNCTION), "Functions of one's own, or refinements of them."),
    ],
};

/// A node template.
pub(crate) static NODE_TEMPLATE: Entity = Entity {
    name: "node template",
    clause: "7.2",
    doc: "One or more nodes of a service.",
    short: Short::None,
    keys: &[
        key("type", Type(Section::Node), "The node type."),
        DESCRIPTION,
        METADATA,
        key("directives", Words, "How nodes come to be: create, select, substitute."),
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("requirements", Sequence(&REQUIREMENT_ASSIGNMENT), "What fulfills its requirements."),
        key("capabilities", Map(&CAPABILITY_ASSIGNMENT), "Values of its capabilities."),
        key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Values of its interfaces."),
        key("artifacts", Map(&ARTIFACT), "Its files."),
        key("count", Value, "How many nodes it stands for; 1 if not said."),
        key("node_filter", Condition, "What must hold of a node that is selected."),
        key("copy", Text, "The template whose keynames it takes over."),
    ],
};

/// A relationship template.
pub(crate) static RELATIONSHIP_TEMPLATE: Entity = Entity {
    name: "relationship template",
    clause: "7.4",
    doc: "Values of relationships, to be used in several requirements.",
    short: Short::None,
    keys: &[
        key("type", Type(Section::Relationship), "The relationship type."),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("interfaces", Map(&INTERFACE_ASSIGNMENT), "Values of its interfaces."),
        key("copy", Text, "The template whose keynames it takes over."),
    ],
};

/// A capability assignment.
pub(crate) static CAPABILITY_ASSIGNMENT: Entity = Entity {
    name: "capability assignment",
    clause: "8.3",
    doc: "Values of a node's capability.",
    short: Short::None,
    keys: &[
        PROPERTY_VALUES,
        ATTRIBUTE_VALUES,
        key("directives", Words, "Where relationships may come from: internal, external."),
    ],
};

/// A requirement assignment.
pub(crate) static REQUIREMENT_ASSIGNMENT: Entity = Entity {
    name: "requirement assignment",
    clause: "8.5",
    doc: "What fulfills a node's requirement.",
    short: Short::Text,
    keys: &[
        key("node", Special, "A node template, one of its nodes as [template, index], or a type."),
        key("capability", Text, "The capability's name, or its type."),
        key(
            "relationship",
            One(&RELATIONSHIP_ASSIGNMENT),
            "Values of the relationship, its type, or a relationship template.",
        ),
        key("allocation", Values, "What it takes of the capability's properties."),
        key("count", Value, "How many relationships it makes; 1 if not said."),
        key("node_filter", Condition, "What must hold of the relationship that is made."),
        key("directives", Words, "Where nodes may come from: internal, external."),
        key("optional", Boolean, "Whether it may remain unfulfilled."),
    ],
};

/// A relationship assignment.
pub(crate) static RELATIONSHIP_ASSIGNMENT: Entity = Entity {
    name: "relationship assignment",
    clause: "8.5",
    doc: "Values of the relationship a requirement makes.",
    short: Short::Text,
    keys: &[
        key("type", Type(Section::Relationship), "The relationship type."),
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
    short: Short::None,
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
    short: Short::TextOrNull,
    keys: &[
        key("implementation", One(&IMPLEMENTATION), "The artifact that does it."),
        key("inputs", Values, "What goes in."),
        key("outputs", Values, "The attributes that take what comes out."),
        DESCRIPTION,
        METADATA,
    ],
};

/// A notification assignment.
pub(crate) static NOTIFICATION_ASSIGNMENT: Entity = Entity {
    name: "notification assignment",
    clause: "11.7",
    doc: "Values of a notification.",
    short: Short::TextOrNull,
    keys: OPERATION_ASSIGNMENT.keys,
};

/// A group definition.
pub(crate) static GROUP: Entity = Entity {
    name: "group definition",
    clause: "16.2",
    doc: "A group of nodes.",
    short: Short::None,
    keys: &[
        must("type", Type(Section::Group), "The group type."),
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
    short: Short::None,
    keys: &[
        must("type", Type(Section::Policy), "The policy type."),
        DESCRIPTION,
        METADATA,
        PROPERTY_VALUES,
        key("targets", Words, "Node templates and groups it is applied to."),
        key("triggers", Map(&TRIGGER), "What is done when something happens."),
    ],
};

/// A trigger definition.
pub(crate) static TRIGGER: Entity = Entity {
    name: "trigger definition",
    clause: "16.5",
    doc: "What is done when something happens.",
    short: Short::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        must("event", Text, "What happens."),
        key("condition", Condition, "What must hold."),
        must("action", List(&ACTIVITY), "What is done, in order."),
    ],
};

/// A workflow definition.
pub(crate) static WORKFLOW: Entity = Entity {
    name: "workflow definition",
    clause: "13.2",
    doc: "Steps to be done, each after others.",
    short: Short::None,
    keys: &[
        DESCRIPTION,
        METADATA,
        key("inputs", Map(&PARAMETER), "What goes in."),
        key("precondition", Condition, "What must hold before."),
        key("steps", Map(&STEP), "Its steps."),
        key("implementation", One(&IMPLEMENTATION), "A workflow in another language."),
        key("outputs", Values, "The attributes that take what comes out."),
    ],
};

/// A workflow step definition.
pub(crate) static STEP: Entity = Entity {
    name: "workflow step",
    clause: "13.2.2",
    doc: "Activities on one target, in order.",
    short: Short::None,
    keys: &[
        must("target", Text, "A node template or group."),
        key("target_relationship", Text, "A requirement of the target."),
        key("filter", Special, "What must hold of the target."),
        must("activities", List(&ACTIVITY), "What is done, in order."),
        key("on_success", Special, "Steps that follow."),
        key("on_failure", Special, "Steps that follow if it fails."),
        DESCRIPTION,
        METADATA,
    ],
};

/// An activity definition.
pub(crate) static ACTIVITY: Entity = Entity {
    name: "activity",
    clause: "13.2.3",
    doc: "One thing that is done.",
    short: Short::None,
    keys: &[
        key("delegate", One(&WORKFLOW_CALL), "Leaves it to a workflow of the orchestrator."),
        key("set_state", Value, "Sets the state of the target."),
        key("call_operation", One(&OPERATION_CALL), "Calls an operation of the target."),
        key("inline", One(&WORKFLOW_CALL), "Does another workflow of the service."),
    ],
};

/// A call of a workflow.
pub(crate) static WORKFLOW_CALL: Entity = Entity {
    name: "workflow activity",
    clause: "13.2.3.1",
    doc: "The workflow, with its inputs.",
    short: Short::Text,
    keys: &[must("workflow", Text, "The workflow."), key("inputs", Values, "What goes in.")],
};

/// A call of an operation.
pub(crate) static OPERATION_CALL: Entity = Entity {
    name: "call operation activity",
    clause: "13.2.3.3",
    doc: "The operation, with its inputs.",
    short: Short::Text,
    keys: &[
        must("operation", Text, "The operation, as interface.operation."),
        key("inputs", Values, "What goes in, instead of what the template assigns."),
    ],
};

/// A substitution mapping.
pub(crate) static SUBSTITUTION: Entity = Entity {
    name: "substitution mapping",
    clause: "15.1",
    doc: "The nodes a service template can stand for, and how what they have is mapped.",
    short: Short::None,
    keys: &[
        must("node_type", Type(Section::Node), "The type of the nodes."),
        key("substitution_filter", Condition, "What must hold of a node."),
        key("properties", Special, "The inputs that take the node's properties."),
        key("attributes", Special, "The outputs that give the node's attributes."),
        key("capabilities", Special, "The capabilities that stand for the node's."),
        key("requirements", Special, "The requirements that take the node's targets."),
        key("interfaces", Special, "The workflows that stand for the node's operations."),
        DESCRIPTION,
        METADATA,
    ],
};

/// The tables of the types, by section.
pub(crate) const fn type_of(section: Section) -> &'static Entity {
    match section {
        Section::Artifact => &ARTIFACT_TYPE,
        Section::Data => &DATA_TYPE,
        Section::Capability => &CAPABILITY_TYPE,
        Section::Interface => &INTERFACE_TYPE,
        Section::Relationship => &RELATIONSHIP_TYPE,
        Section::Node => &NODE_TYPE,
        Section::Group => &GROUP_TYPE,
        Section::Policy => &POLICY_TYPE,
    }
}
