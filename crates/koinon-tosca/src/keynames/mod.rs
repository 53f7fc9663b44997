//! The keynames of TOSCA, as data: one table per entity.
//!
//! Parser checks, completion and documentation come from these tables. They are the only place that
//! defines, for example, the keynames of a node type. A reader that asks for a keyname without a
//! row never finds it, so the mistake shows at once.

mod tosca;

pub(crate) use tosca::*;

/// An entity of the grammar, with its keynames.
#[derive(Debug)]
pub(crate) struct Entity {
    /// The name in messages, such as `node template`.
    pub(crate) name: &'static str,
    /// The clause of the specification.
    pub(crate) clause: &'static str,
    /// Its meaning, in one sentence.
    pub(crate) doc: &'static str,
    /// Its keynames.
    pub(crate) keys: &'static [KeynameRow],
    /// The short notation in the place of its map.
    pub(crate) short: ShortNotation,
}

/// A keyname of an entity.
#[derive(Debug)]
pub(crate) struct KeynameRow {
    /// The keyname.
    pub(crate) name: &'static str,
    /// The kind of its value.
    pub(crate) kind: KeynameKind,
    /// Whether it is mandatory.
    pub(crate) mandatory: bool,
    /// Its meaning, in one sentence.
    pub(crate) doc: &'static str,
}

/// The eight kinds of types, a section of a file each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TypeKind {
    Artifact,
    Data,
    Capability,
    Interface,
    Relationship,
    Node,
    Group,
    Policy,
}

impl TypeKind {
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

    /// Returns the noun for one of its types, such as `node type`.
    pub(crate) const fn noun(self) -> &'static str {
        type_of(self).name
    }
}

/// The kind of a keyname's value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeynameKind {
    /// A string.
    Text,
    /// A boolean.
    Boolean,
    /// A version in the form of csd07 9.1.2.3.
    Version,
    /// A map from strings to values of any kind.
    Metadata,
    /// A value of any kind, which nothing reads.
    Any,
    /// A value that may contain function calls.
    Value,
    /// A boolean, or a function call that returns one.
    Condition,
    /// The name of a type.
    Type(TypeKind),
    /// A list of names of types.
    Types(TypeKind),
    /// A list of strings.
    Words,
    /// A map from names to values.
    Values,
    /// An entity.
    One(&'static Entity),
    /// A map from names to entities.
    Map(&'static Entity),
    /// A list of maps with one name each, TOSCA's form of an ordered map.
    Sequence(&'static Entity),
    /// A list of entities.
    List(&'static Entity),
    /// A special form, which its reader checks.
    Special,
}

/// The short notation of an entity, in the place of its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortNotation {
    /// The entity has no short notation.
    None,
    /// An empty value: the entity has only its name.
    Null,
    /// The name of a type or template, or a path.
    Text,
    /// A text or an empty value.
    TextOrNull,
    /// Any value.
    Value,
}

impl Entity {
    /// Returns the keyname, if the entity has it.
    pub(crate) fn key(&self, name: &str) -> Option<&'static KeynameRow> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, kind: KeynameKind, doc: &'static str) -> KeynameRow {
    KeynameRow { name, kind, mandatory: false, doc }
}

const fn must(name: &'static str, kind: KeynameKind, doc: &'static str) -> KeynameRow {
    KeynameRow { name, kind, mandatory: true, doc }
}
