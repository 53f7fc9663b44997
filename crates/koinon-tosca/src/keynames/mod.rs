//! The keynames of TOSCA, as data: one table per entity.
//!
//! Parser checks, completion and documentation come from these tables. No other place says what, say, a node type may
//! hold: what a reader asks for by name and no table has is a mistake that shows at once, since it never is there.

mod tosca;

pub(crate) use tosca::*;

use crate::grammar::Section;

/// An entity of the grammar: what it is called, where it is specified, what it may hold.
#[derive(Debug)]
pub(crate) struct Entity {
    /// The name in messages, such as `node template`.
    pub(crate) name: &'static str,
    /// The clause of the specification.
    pub(crate) clause: &'static str,
    /// What it is, in one sentence.
    pub(crate) doc: &'static str,
    /// Its keynames.
    pub(crate) keys: &'static [Key],
    /// What may stand in its place as a short notation.
    pub(crate) short: Short,
}

/// A keyname of an entity.
#[derive(Debug)]
pub(crate) struct Key {
    /// The keyname.
    pub(crate) name: &'static str,
    /// What stands under it.
    pub(crate) kind: Kind,
    /// Whether it must be there.
    pub(crate) mandatory: bool,
    /// What it is for, in one sentence.
    pub(crate) doc: &'static str,
}

/// What may stand under a keyname.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Boolean,
    /// A version in the form of csd07 9.1.2.3.
    Version,
    /// A map from strings to anything.
    Metadata,
    /// Anything at all; nothing reads it.
    Any,
    /// A value, in which functions may be called.
    Value,
    /// A value that gives a boolean.
    Condition,
    /// The name of a type.
    Type(Section),
    /// A list of names of types.
    Types(Section),
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
    /// Something with a form of its own, which its reader checks.
    Special,
}

/// What may stand in the place of an entity's map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// Nothing.
    None,
    /// Nothing at all: the entity is what its name says.
    Null,
    /// The name of a type or template, or a path.
    Text,
    /// Either of these.
    TextOrNull,
    /// Any value.
    Value,
}

impl Entity {
    /// Returns the keyname, if the entity has it.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, mandatory: false, doc }
}

const fn must(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, mandatory: true, doc }
}
