//! The keynames of TOSCA 1.0 to 1.3, as data: one table per entity, with the keynames of 2.0 they
//! become.

mod clauses;
mod tables;

pub(crate) use clauses::CAPABILITY_FILTER;
pub(crate) use clauses::EVENT_FILTER;
pub(crate) use clauses::EXTENDED_CONDITION;
pub(crate) use clauses::NODE_FILTER;
pub(crate) use clauses::OPERATORS;
pub(crate) use clauses::PRECONDITION;
pub(crate) use tables::ACTIVITY;
pub(crate) use tables::FILE;
pub(crate) use tables::IMPORT;
pub(crate) use tables::INTERFACE_ASSIGNMENT;
pub(crate) use tables::OPERATION;
pub(crate) use tables::OPERATION_ASSIGNMENT;

use crate::keynames as later;
use crate::profiles::ToscaVersion;

/// An entity of the 1.x grammar.
#[derive(Debug)]
pub(crate) struct OldEntity {
    /// The name in messages, such as `node template`.
    pub(crate) name: &'static str,
    /// Its keynames.
    pub(crate) keys: &'static [OldKeynameRow],
    /// The short notation in the place of its map.
    pub(crate) short: OldShortNotation,
    /// The change of the map as a whole.
    pub(crate) rule: MapRule,
}

/// A keyname of an entity.
#[derive(Debug)]
pub(crate) struct OldKeynameRow {
    /// The keyname.
    pub(crate) name: &'static str,
    /// The kind of its value, which decides the change of the value.
    pub(crate) kind: OldKeynameKind,
    /// The first version that has it.
    pub(crate) since: ToscaVersion,
    /// The last version that has it.
    pub(crate) until: ToscaVersion,
    /// Whether it is mandatory.
    pub(crate) mandatory: bool,
    /// Its name in 2.0.
    pub(crate) becomes: &'static str,
    /// Its meaning, in one sentence.
    pub(crate) doc: &'static str,
}

/// The short notation of an entity, in the place of its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldShortNotation {
    /// The entity has no short notation.
    None,
    /// A string.
    Text,
    /// The fixed value of a property in 1.3: a call, or any value but a map.
    Fixed,
    /// Any value.
    Value,
}

/// The change of an entity's map as a whole, beside the changes of its keynames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapRule {
    /// No further change.
    Same,
    /// The version and the imports it implies come first.
    File,
    /// `node_templates` is added, even if it is empty, and outputs that mappings need.
    Topology,
    /// A count range is added if it is missing.
    Requirement,
    /// Other keynames are operations.
    Interface,
    /// The host of its implementation becomes metadata.
    Operation,
    /// `type` may be left out if there is `copy`.
    Copied,
    /// Constants of the mapping become clauses of the filter.
    Substitution,
    /// There must be exactly one keyname.
    Activity,
}

/// The kind of a keyname's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OldKeynameKind {
    /// A string.
    Text,
    /// A string that is the name of a data type.
    DataType,
    /// A list of strings.
    Words,
    /// A map from strings to values of any kind.
    Metadata,
    /// A value of any kind, which does not change.
    Any,
    /// A value of any kind that 2.0 has no place for. It is dropped, since it has no effect.
    Nothing,
    /// A value of any kind that 2.0 has no place for. It becomes metadata.
    Kept,
    /// A value that may contain function calls.
    Value,
    /// A map from names to values.
    Values,
    /// An entity.
    One(&'static OldEntity),
    /// A map from names to entities.
    Map(&'static OldEntity),
    /// A list of maps with one name each.
    Sequence(&'static OldEntity),
    /// A list of entities.
    List(&'static OldEntity),
    /// A special form.
    Special(SpecialForm),
}

/// A special form of a keyname's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpecialForm {
    /// `tosca_definitions_version`.
    Version,
    /// A list of imports; some have names.
    Imports,
    /// Whether a value must be there: a boolean.
    Required,
    /// A list of constraint clauses.
    Constraints,
    /// The number of capabilities or requirements: `[ least, greatest ]`.
    Range,
    /// The number of relationships of an assignment.
    Count,
    /// Names of directives.
    Directives,
    /// A filter of a requirement's targets.
    TargetFilter,
    /// A filter of nodes to select.
    NodeFilter,
    /// A filter of nodes to substitute.
    SubstitutionFilter,
    /// From a property to an input or a constant.
    PropertyMappings,
    /// From an attribute to an output.
    AttributeMappings,
    /// From a capability to a node's.
    CapabilityMappings,
    /// From a requirement to a node's.
    RequirementMappings,
    /// From an operation to a workflow.
    InterfaceMappings,
    /// From an output to an attribute.
    OutputMappings,
    /// Conditions before a workflow.
    Preconditions,
    /// Conditions before a step.
    StepFilter,
    /// The condition of a trigger.
    Condition,
    /// The action of a trigger.
    Action,
}

/// Returns the entity of 2.0 that an entity becomes, if metadata may stand in it.
pub(crate) fn counterpart(entity: &OldEntity) -> Option<&'static later::Entity> {
    let pairs = tables::COUNTERPARTS.iter();
    pairs.copied().find(|(old, _)| std::ptr::eq(*old, entity)).map(|(_, becomes)| becomes)
}

impl OldEntity {
    /// Returns the keyname, if the entity has it in any version.
    pub(crate) fn key(&self, name: &str) -> Option<&'static OldKeynameRow> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl OldKeynameRow {
    pub(crate) fn has(&self, version: ToscaVersion) -> bool {
        self.since <= version && version <= self.until
    }

    const fn must(mut self) -> Self {
        self.mandatory = true;
        self
    }

    const fn since(mut self, version: ToscaVersion) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: ToscaVersion) -> Self {
        self.until = version;
        self
    }

    const fn becomes(mut self, name: &'static str) -> Self {
        self.becomes = name;
        self
    }
}

const fn key(name: &'static str, kind: OldKeynameKind, doc: &'static str) -> OldKeynameRow {
    OldKeynameRow {
        name,
        kind,
        since: ToscaVersion::V1_0,
        until: ToscaVersion::V1_3,
        mandatory: false,
        becomes: name,
        doc,
    }
}

const fn entity(name: &'static str, keys: &'static [OldKeynameRow]) -> OldEntity {
    OldEntity { name, keys, short: OldShortNotation::None, rule: MapRule::Same }
}

const fn with(mut entity: OldEntity, short: OldShortNotation, rule: MapRule) -> OldEntity {
    entity.short = short;
    entity.rule = rule;
    entity
}
