//! What may stand at a place, by the tables of keynames of the version a file is written in.
//!
//! A file of TOSCA 1.x has tables of its own, which say what may be written; what that means is what the tables of 2.0
//! say of what it becomes, so both are walked side by side.

use crate::grammar::Section;
use crate::keynames;
use crate::keynames::Entity;
use crate::keynames::Key;
use crate::keynames::Kind;
use crate::lower::Version;
use crate::lower::keynames as old;

/// The table of an entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    /// That of 2.0.
    pub(super) entity: &'static Entity,
    /// That of 1.x, of whose files the version is.
    old: Option<(&'static old::Entity, Version)>,
}

/// A keyname as a file may write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyname {
    pub(super) name: &'static str,
    /// What it is called in 2.0.
    pub(super) becomes: &'static str,
    pub(super) doc: &'static str,
    pub(super) mandatory: bool,
    pub(super) below: Below,
}

/// What stands under a keyname.
#[derive(Clone, Copy, Debug)]
pub(super) enum Below {
    One(Table),
    Map(Table),
    Sequence(Table),
    List(Table),
    Type(Section),
    Types(Section),
    Words,
    Values,
    Value,
    Boolean,
    /// Text, or a form of its own.
    Text,
    /// Anything.
    Any,
}

impl Table {
    /// Returns the table of files.
    pub(super) fn file(version: Option<Version>) -> Self {
        Self { entity: &keynames::FILE, old: version.map(|version| (&old::FILE, version)) }
    }

    /// Returns whether it is the table of an entity.
    pub(super) fn is(self, entity: &'static Entity) -> bool {
        std::ptr::eq(self.entity, entity)
    }

    /// Returns what it is called.
    pub(super) fn name(self) -> &'static str {
        self.old.map_or(self.entity.name, |(old, _)| old.name)
    }

    /// Returns where it is specified, for people.
    pub(super) fn clause(self) -> String {
        match self.old {
            None => format!("TOSCA 2.0, {}", self.entity.clause),
            Some((_, version)) => format!("TOSCA {}", version.number()),
        }
    }

    /// Returns the section of the types it is the table of.
    pub(super) fn section(self) -> Option<Section> {
        Section::ALL.into_iter().find(|section| self.is(keynames::type_of(*section)))
    }

    /// Returns all keynames, in the order of the table.
    pub(super) fn keys(self) -> Vec<Keyname> {
        match self.old {
            None => self.entity.keys.iter().map(of_new).collect(),
            Some((old, version)) => {
                let keys = old.keys.iter().filter(|key| key.has(version));
                keys.map(|key| self.of_old(key, version)).collect()
            }
        }
    }

    /// Returns a keyname.
    pub(super) fn key(self, name: &str) -> Option<Keyname> {
        match self.old {
            None => self.entity.key(name).map(of_new),
            Some((old, version)) => {
                let key = old.key(name).filter(|key| key.has(version))?;
                Some(self.of_old(key, version))
            }
        }
    }

    /// Returns the keyname that other keys stand for: operations, which an interface of 1.x may hold by their names.
    pub(super) fn open(self) -> Option<Keyname> {
        let (old, version) = self.old.filter(|(old, _)| old.rule == old::Rule::Interface)?;
        let operation = match std::ptr::eq(old, &raw const old::INTERFACE_ASSIGNMENT) {
            true => &old::OPERATION_ASSIGNMENT,
            false => &old::OPERATION,
        };
        let key = self.entity.key("operations")?;
        let entity = entity_of(key.kind)?;
        let below = Below::Map(Self { entity, old: Some((operation, version)) });
        Some(Keyname { below, ..of_new(key) })
    }

    fn of_old(self, key: &'static old::Key, version: Version) -> Keyname {
        let new = self.entity.key(key.becomes);
        let table = |old| {
            let entity = new.and_then(|key| entity_of(key.kind))?;
            Some(Self { entity, old: Some((old, version)) })
        };
        let below = match key.kind {
            old::Kind::One(old) => table(old).map(Below::One),
            old::Kind::Map(old) => table(old).map(Below::Map),
            old::Kind::Sequence(old) => table(old).map(Below::Sequence),
            old::Kind::List(old) => table(old).map(Below::List),
            old::Kind::Special(old::Special::Imports) => table(&old::IMPORT).map(Below::List),
            old::Kind::DataType => Some(Below::Type(Section::Data)),
            old::Kind::Text => match new.map(|key| key.kind) {
                Some(Kind::Type(section)) => Some(Below::Type(section)),
                _ => Some(Below::Text),
            },
            old::Kind::Words => match new.map(|key| key.kind) {
                Some(Kind::Types(section)) => Some(Below::Types(section)),
                _ => Some(Below::Words),
            },
            old::Kind::Special(old::Special::Directives) => Some(Below::Words),
            old::Kind::Special(old::Special::Required) => Some(Below::Boolean),
            old::Kind::Special(old::Special::Version) => Some(Below::Text),
            old::Kind::Values => Some(Below::Values),
            old::Kind::Value => Some(Below::Value),
            old::Kind::Metadata
            | old::Kind::Any
            | old::Kind::Nothing
            | old::Kind::Kept
            | old::Kind::Special(_) => None,
        };
        Keyname {
            name: key.name,
            becomes: key.becomes,
            doc: key.doc,
            mandatory: key.mandatory,
            below: below.unwrap_or(Below::Any),
        }
    }
}

impl Below {
    /// Returns the table of the entities under the keyname.
    pub(super) fn table(self) -> Option<Table> {
        match self {
            Self::One(table) | Self::Map(table) | Self::Sequence(table) | Self::List(table) => {
                Some(table)
            }
            _ => None,
        }
    }
}

fn of_new(key: &'static Key) -> Keyname {
    let table = |entity| Table { entity, old: None };
    let below = match key.kind {
        Kind::One(entity) => Below::One(table(entity)),
        Kind::Map(entity) => Below::Map(table(entity)),
        Kind::Sequence(entity) => Below::Sequence(table(entity)),
        Kind::List(entity) => Below::List(table(entity)),
        Kind::Type(section) => Below::Type(section),
        Kind::Types(section) => Below::Types(section),
        Kind::Words => Below::Words,
        Kind::Values => Below::Values,
        Kind::Value | Kind::Condition => Below::Value,
        Kind::Boolean => Below::Boolean,
        Kind::Text | Kind::Special => Below::Text,
        Kind::Version | Kind::Metadata | Kind::Any => Below::Any,
    };
    let Key { name, mandatory, doc, .. } = *key;
    Keyname { name, becomes: name, doc, mandatory, below }
}

fn entity_of(kind: Kind) -> Option<&'static Entity> {
    match kind {
        Kind::One(entity) | Kind::Map(entity) | Kind::Sequence(entity) | Kind::List(entity) => {
            Some(entity)
        }
        _ => None,
    }
}
