//! The keynames of TOSCA 1.0 to 1.3, as data: one table per entity, with what each becomes in 2.0.

mod tables;

pub(crate) use tables::ACTIVITY;
pub(crate) use tables::CAPABILITY_FILTER;
pub(crate) use tables::EVENT_FILTER;
pub(crate) use tables::EXTENDED_CONDITION;
pub(crate) use tables::FILE;
pub(crate) use tables::IMPORT;
pub(crate) use tables::INTERFACE_ASSIGNMENT;
pub(crate) use tables::NODE_FILTER;
pub(crate) use tables::OPERATION;
pub(crate) use tables::OPERATION_ASSIGNMENT;
pub(crate) use tables::OPERATORS;
pub(crate) use tables::PRECONDITION;

use super::Version;
use crate::keynames as later;

/// An entity of the 1.x grammar.
#[derive(Debug)]
pub(crate) struct Entity {
    /// The name in messages, such as `node template`.
    pub(crate) name: &'static str,
    /// Its keynames.
    pub(crate) keys: &'static [Key],
    /// What may stand in the place of its map.
    pub(crate) short: Short,
    /// What its map becomes as a whole.
    pub(crate) rule: Rule,
}

/// A keyname of an entity.
#[derive(Debug)]
pub(crate) struct Key {
    /// The keyname.
    pub(crate) name: &'static str,
    /// What stands under it, and with that what becomes of it.
    pub(crate) kind: Kind,
    /// The first version that has it.
    pub(crate) since: Version,
    /// The last version that has it.
    pub(crate) until: Version,
    /// Whether it must be there.
    pub(crate) mandatory: bool,
    /// Its name in 2.0.
    pub(crate) becomes: &'static str,
    /// What it is for, in one sentence.
    pub(crate) doc: &'static str,
}

/// What may stand in the place of an entity's map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// Nothing.
    None,
    /// A string.
    Text,
    /// Any value but a map, or a call: what 1.3 fixes a property to.
    Fixed,
    /// Any value.
    Value,
}

/// What an entity's map becomes as a whole, beside what its keynames become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing else.
    Same,
    /// The version and what it implies come first.
    File,
    /// Templates, even if there are none, and outputs that mappings need.
    Topology,
    /// A count range, if there is none.
    Requirement,
    /// Other keynames are operations.
    Interface,
    /// Keeps the host of its implementation.
    Operation,
    /// `type` may be left out if there is `copy`.
    Copied,
    /// Constants of the mapping go to the filter.
    Substitution,
    /// Exactly one keyname.
    Activity,
}

/// What may stand under a keyname.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A string that is the name of a data type.
    DataType,
    /// A list of strings.
    Words,
    /// A map from strings to anything.
    Metadata,
    /// Anything; it stays.
    Any,
    /// Anything; 2.0 has no place for it, and nothing is lost without it.
    Nothing,
    /// Anything; 2.0 has no place for it, so it goes into the metadata.
    Kept,
    /// A value, in which functions may be called.
    Value,
    /// A map from names to values.
    Values,
    /// An entity.
    One(&'static Entity),
    /// A map from names to entities.
    Map(&'static Entity),
    /// A list of maps with one name each.
    Sequence(&'static Entity),
    /// A list of entities.
    List(&'static Entity),
    /// A form of its own.
    Special(Special),
}

/// A form of its own under a keyname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// `tosca_definitions_version`.
    Version,
    /// A list of imports, some by name.
    Imports,
    /// Whether a value must be there: a boolean.
    Required,
    /// A list of constraint clauses.
    Constraints,
    /// How many capabilities or requirements: `[ lowest, highest ]`.
    Range,
    /// How many relationships an assignment makes.
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
    /// What must hold before a workflow.
    Preconditions,
    /// What must hold before a step.
    StepFilter,
    /// What must hold for a trigger.
    Condition,
    /// What a trigger does.
    Action,
}

/// Returns the entity of 2.0 that an entity becomes, if metadata may stand in it.
pub(crate) fn counterpart(entity: &Entity) -> Option<&'static later::Entity> {
    let pairs = tables::COUNTERPARTS.iter();
    pairs.copied().find(|(one, _)| std::ptr::eq(*one, entity)).map(|(_, becomes)| becomes)
}

impl Entity {
    /// Returns the keyname, if the entity has it in any version.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    pub(crate) fn has(&self, version: Version) -> bool {
        self.since <= version && version <= self.until
    }

    const fn must(mut self) -> Self {
        self.mandatory = true;
        self
    }

    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: Version) -> Self {
        self.until = version;
        self
    }

    const fn becomes(mut self, name: &'static str) -> Self {
        self.becomes = name;
        self
    }
}

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        since: Version::V1_0,
        until: Version::V1_3,
        mandatory: false,
        becomes: name,
        doc,
    }
}

const fn entity(name: &'static str, keys: &'static [Key]) -> Entity {
    Entity { name, keys, short: Short::None, rule: Rule::Same }
}

const fn with(mut entity: Entity, short: Short, rule: Rule) -> Entity {
    entity.short = short;
    entity.rule = rule;
    entity
}
