//! The tables of clauses in TOSCA 1.0 to 1.3: filters, conditions and constraints.

use OldKeynameKind::Kept;
use OldKeynameKind::Text;
use OldKeynameKind::Value;
use ToscaVersion::V1_2;

use super::OldEntity;
use super::OldKeynameKind;
use super::entity;
use super::key;
use crate::profiles::ToscaVersion;

/// The target filter of a trigger's condition.
pub(crate) static EVENT_FILTER: OldEntity = entity(
    "event filter",
    &[
        key("node", Text, "A node type or template.").must(),
        key("requirement", Text, "A requirement of the node."),
        key("capability", Text, "A capability of the node."),
    ],
);

/// A condition with the time and the number of times it must hold.
pub(crate) static EXTENDED_CONDITION: OldEntity = entity(
    "condition",
    &[
        key("constraint", OldKeynameKind::Any, "The condition.").must(),
        key("period", Kept, "The time for which it must hold."),
        key("evaluations", Kept, "The number of times that it must hold."),
        key("method", Kept, "The method that aggregates values."),
    ],
);

/// A filter of nodes.
pub(crate) static NODE_FILTER: OldEntity = entity(
    "node filter",
    &[
        key("properties", OldKeynameKind::Any, "Conditions on its properties."),
        key("capabilities", OldKeynameKind::Any, "Conditions on its capabilities."),
    ],
);

/// A filter of capabilities.
pub(crate) static CAPABILITY_FILTER: OldEntity = entity(
    "capability filter",
    &[key("properties", OldKeynameKind::Any, "Conditions on its properties.")],
);

/// The operators of constraint clauses, with the kinds of their operands.
pub(crate) static OPERATORS: OldEntity = entity(
    "constraint",
    &[
        key("equal", Value, "The value equals this value.").becomes("$equal"),
        key("greater_than", Value, "The value is above.").becomes("$greater_than"),
        key("greater_or_equal", Value, "The value is not below.").becomes("$greater_or_equal"),
        key("less_than", Value, "The value is below.").becomes("$less_than"),
        key("less_or_equal", Value, "The value is not above.").becomes("$less_or_equal"),
        key("in_range", Value, "The value is neither below nor above.").becomes("$in_range"),
        key("valid_values", Value, "The value is one of these.").becomes("$valid_values"),
        key("length", Value, "The value has this length.").becomes("$equal"),
        key("min_length", Value, "The value is not shorter.").becomes("$greater_or_equal"),
        key("max_length", Value, "The value is not longer.").becomes("$less_or_equal"),
        key("pattern", Text, "The whole value matches.").becomes("$matches"),
        key("schema", Value, "The value passes a schema.").since(V1_2).becomes("$schema_1x"),
    ],
);

/// A condition before a workflow on a single target.
pub(crate) static PRECONDITION: OldEntity = entity(
    "precondition",
    &[
        key("target", Text, "A node template or group.").must(),
        key("target_relationship", Text, "A requirement of the target."),
        key("condition", OldKeynameKind::Any, "The condition."),
    ],
);
