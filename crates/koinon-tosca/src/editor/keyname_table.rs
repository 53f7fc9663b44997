//! The keynames that a file may contain, by the tables of its TOSCA version.
//!
//! The tables of TOSCA 1.x say what a 1.x file may contain. Its meaning comes from the tables of
//! 2.0, by the keynames that those of 1.x become. So both tables are walked side by side.

use crate::keynames;
use crate::keynames::Entity;
use crate::keynames::KeynameKind;
use crate::keynames::KeynameRow;
use crate::keynames::TypeKind;
use crate::lower::keynames as old;
use crate::profiles::ToscaVersion;

/// The table of an entity's keynames.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeynameTable {
    /// The table of 2.0.
    pub(super) entity: &'static Entity,
    /// The table of 1.x and the file's version, for a file of 1.x.
    old: Option<(&'static old::OldEntity, ToscaVersion)>,
}

/// A keyname in the version of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyname {
    pub(super) name: &'static str,
    /// The corresponding keyname of 2.0.
    pub(super) becomes: &'static str,
    pub(super) doc: &'static str,
    pub(super) mandatory: bool,
    pub(super) content: KeynameContent,
}

/// The content of a keyname's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeynameContent {
    One(KeynameTable),
    Map(KeynameTable),
    Sequence(KeynameTable),
    List(KeynameTable),
    Type(TypeKind),
    Types(TypeKind),
    Words,
    Values,
    Value,
    Boolean,
    /// Text, or a special form.
    Text,
    Any,
}

impl KeynameTable {
    /// Returns the table of a file's keynames.
    pub(super) fn file(version: Option<ToscaVersion>) -> Self {
        Self { entity: &keynames::FILE, old: version.map(|version| (&old::FILE, version)) }
    }

    /// Returns whether this is the table of the entity.
    pub(super) fn is(self, entity: &'static Entity) -> bool {
        std::ptr::eq(self.entity, entity)
    }

    /// Returns the entity's name.
    pub(super) fn name(self) -> &'static str {
        self.old.map_or(self.entity.name, |(old, _)| old.name)
    }

    /// Returns the clause that specifies the entity, for people.
    pub(super) fn clause(self) -> String {
        match self.old {
            None => format!("TOSCA 2.0, {}", self.entity.clause),
            Some((_, version)) => format!("TOSCA {}", version.number()),
        }
    }

    /// Returns the section of the types, if this is the table of a type.
    pub(super) fn section(self) -> Option<TypeKind> {
        TypeKind::ALL.into_iter().find(|section| self.is(keynames::type_of(*section)))
    }

    /// Returns all keynames, in the order of the table.
    pub(super) fn keys(self) -> Vec<Keyname> {
        match self.old {
            None => self.entity.keys.iter().map(keyname_v2).collect(),
            Some((old, version)) => {
                let keys = old.keys.iter().filter(|key| key.has(version));
                keys.map(|key| self.keyname_v1(key, version)).collect()
            }
        }
    }

    pub(super) fn key(self, name: &str) -> Option<Keyname> {
        match self.old {
            None => self.entity.key(name).map(keyname_v2),
            Some((old, version)) => {
                let key = old.key(name).filter(|key| key.has(version))?;
                Some(self.keyname_v1(key, version))
            }
        }
    }

    /// Returns the keyname that keys outside the table belong to: `operations`, because an
    /// interface of 1.x may contain operations by their names.
    pub(super) fn implicit_key(self) -> Option<Keyname> {
        let (old, version) = self.old.filter(|(old, _)| old.rule == old::MapRule::Interface)?;
        let operation = match std::ptr::eq(old, &raw const old::INTERFACE_ASSIGNMENT) {
            true => &old::OPERATION_ASSIGNMENT,
            false => &old::OPERATION,
        };
        let key = self.entity.key("operations")?;
        let entity = entity_of(key.kind)?;
        let content = KeynameContent::Map(Self { entity, old: Some((operation, version)) });
        Some(Keyname { content, ..keyname_v2(key) })
    }

    fn keyname_v1(self, key: &'static old::OldKeynameRow, version: ToscaVersion) -> Keyname {
        let new = self.entity.key(key.becomes);
        let table = |old| {
            let entity = new.and_then(|key| entity_of(key.kind))?;
            Some(Self { entity, old: Some((old, version)) })
        };
        let content = match key.kind {
            old::OldKeynameKind::One(old) => table(old).map(KeynameContent::One),
            old::OldKeynameKind::Map(old) => table(old).map(KeynameContent::Map),
            old::OldKeynameKind::Sequence(old) => table(old).map(KeynameContent::Sequence),
            old::OldKeynameKind::List(old) => table(old).map(KeynameContent::List),
            old::OldKeynameKind::Special(old::SpecialForm::Imports) => {
                table(&old::IMPORT).map(KeynameContent::List)
            }
            old::OldKeynameKind::DataType => Some(KeynameContent::Type(TypeKind::Data)),
            old::OldKeynameKind::Text => match new.map(|key| key.kind) {
                Some(KeynameKind::Type(section)) => Some(KeynameContent::Type(section)),
                _ => Some(KeynameContent::Text),
            },
            old::OldKeynameKind::Words => match new.map(|key| key.kind) {
                Some(KeynameKind::Types(section)) => Some(KeynameContent::Types(section)),
                _ => Some(KeynameContent::Words),
            },
            old::OldKeynameKind::Special(old::SpecialForm::Directives) => {
                Some(KeynameContent::Words)
            }
            old::OldKeynameKind::Special(old::SpecialForm::Required) => {
                Some(KeynameContent::Boolean)
            }
            old::OldKeynameKind::Special(old::SpecialForm::Version) => Some(KeynameContent::Text),
            old::OldKeynameKind::Values => Some(KeynameContent::Values),
            old::OldKeynameKind::Value => Some(KeynameContent::Value),
            old::OldKeynameKind::Metadata
            | old::OldKeynameKind::Any
            | old::OldKeynameKind::Nothing
            | old::OldKeynameKind::Kept
            | old::OldKeynameKind::Special(_) => None,
        };
        Keyname {
            name: key.name,
            becomes: key.becomes,
            doc: key.doc,
            mandatory: key.mandatory,
            content: content.unwrap_or(KeynameContent::Any),
        }
    }
}

impl KeynameContent {
    /// Returns the table of the entities in the value, if it contains entities.
    pub(super) fn table(self) -> Option<KeynameTable> {
        match self {
            Self::One(table) | Self::Map(table) | Self::Sequence(table) | Self::List(table) => {
                Some(table)
            }
            _ => None,
        }
    }
}

fn keyname_v2(key: &'static KeynameRow) -> Keyname {
    let table = |entity| KeynameTable { entity, old: None };
    let content = match key.kind {
        KeynameKind::One(entity) => KeynameContent::One(table(entity)),
        KeynameKind::Map(entity) => KeynameContent::Map(table(entity)),
        KeynameKind::Sequence(entity) => KeynameContent::Sequence(table(entity)),
        KeynameKind::List(entity) => KeynameContent::List(table(entity)),
        KeynameKind::Type(section) => KeynameContent::Type(section),
        KeynameKind::Types(section) => KeynameContent::Types(section),
        KeynameKind::Words => KeynameContent::Words,
        KeynameKind::Values => KeynameContent::Values,
        KeynameKind::Value | KeynameKind::Condition => KeynameContent::Value,
        KeynameKind::Boolean => KeynameContent::Boolean,
        KeynameKind::Text | KeynameKind::Special => KeynameContent::Text,
        KeynameKind::Version | KeynameKind::Metadata | KeynameKind::Any => KeynameContent::Any,
    };
    let KeynameRow { name, mandatory, doc, .. } = *key;
    Keyname { name, becomes: name, doc, mandatory, content }
}

fn entity_of(kind: KeynameKind) -> Option<&'static Entity> {
    match kind {
        KeynameKind::One(entity)
        | KeynameKind::Map(entity)
        | KeynameKind::Sequence(entity)
        | KeynameKind::List(entity) => Some(entity),
        _ => None,
    }
}
