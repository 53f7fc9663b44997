//! Interprets a cursor's position: finds the entities around it and the definitions of their types.

use super::ResolvedFiles;
use super::cursor::CollectionPosition;
use super::cursor::Cursor;
use super::cursor::EntrySide;
use super::cursor::PathLevel;
use super::cursor::PathStep;
use super::cursor::TextLines;
use super::keyname_table::Keyname;
use super::keyname_table::KeynameContent;
use super::keyname_table::KeynameTable;
use crate::builtin::Base;
use crate::diag::Span;
use crate::grammar::CapabilityDefinition;
use crate::grammar::InterfaceDefinition;
use crate::grammar::OperationDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RelationshipDefinition;
use crate::grammar::RequirementDefinition;
use crate::grammar::Schema;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames;
use crate::keynames::KeynameKind;
use crate::keynames::ShortNotation;
use crate::keynames::TypeKind;
use crate::lower;

/// The meaning of a cursor's position.
#[derive(Debug)]
pub(super) struct CursorContext<'v> {
    /// The entities around the cursor, the file first.
    pub(super) entities: Vec<EnclosingEntity<'v>>,
    pub(super) role: WordRole<'v>,
}

/// An entity around a cursor.
#[derive(Clone, Debug)]
pub(super) struct EnclosingEntity<'v> {
    pub(super) table: KeynameTable,
    pub(super) definition: EntityDefinition<'v>,
    /// The keyname whose value contains the cursor.
    pub(super) key: Option<Keyname>,
}

/// The definition that lists the properties, capabilities and other members of an entity.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntityDefinition<'v> {
    Unknown,
    Type(TypeId),
    Capability(&'v CapabilityDefinition<'v>),
    Requirement(&'v RequirementDefinition<'v>),
    Relationship(&'v RelationshipDefinition<'v>),
    Interface(&'v InterfaceDefinition<'v>),
    Operation(&'v OperationDefinition<'v>),
}

/// The role of the word at a cursor, written or still to be written.
#[derive(Clone, Debug)]
pub(super) enum WordRole<'v> {
    /// A keyname of the innermost entity.
    Keyname,
    /// A name under the innermost entity's keyname.
    Name,
    Type(TypeKind),
    /// A string under the innermost entity's keyname.
    Text,
    Boolean,
    /// A value, with its schema if that is known.
    Value(Option<&'v Schema<'v>>),
    /// A key in a value.
    KeyOfValue(Option<&'v Schema<'v>>),
    /// An argument of a function: the function's name, the argument's number from 0, and its list.
    Argument(String, usize, Option<CollectionPosition>),
}

/// A member of a type: a property, an attribute, a capability and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeMember<'v> {
    pub(super) name: Word<'v>,
    /// The noun for its kind, such as `property`.
    pub(super) noun: &'static str,
    /// The type of the member.
    pub(super) member_type: Option<(TypeKind, Word<'v>)>,
    pub(super) schema: Option<&'v Schema<'v>>,
    pub(super) required: bool,
}

/// The content that a walk expects at its current step.
enum WalkState<'v> {
    Entity,
    Names(KeynameTable),
    Sequence(KeynameTable),
    List(KeynameTable),
    Type(TypeKind),
    Types(TypeKind),
    Words,
    Text,
    Values,
    Boolean,
    Value(Option<&'v Schema<'v>>),
    Call(String),
    Argument(String, usize, CollectionPosition),
}

/// Returns the meaning of a cursor's position; `None` where the tables say nothing.
pub(super) fn context<'v>(
    view: &'v ResolvedFiles<'v>,
    file: u32,
    lines: &TextLines<'_>,
    cursor: &Cursor<'_>,
) -> Option<CursorContext<'v>> {
    let lowered = view.version(file);
    let (table, definition) = (KeynameTable::file(lowered), EntityDefinition::Unknown);
    let entities = vec![EnclosingEntity { table, definition, key: None }];
    let mut walk = ContextWalk { view, file, lines, cursor, entities };
    let mut state = WalkState::Entity;
    for (at, level) in cursor.path.iter().enumerate() {
        state = walk.step(state, level, at)?;
    }
    let role = walk.role(state)?;
    Some(CursorContext { entities: walk.entities, role })
}

/// A walk along a cursor's path, from the root to the word.
struct ContextWalk<'w, 'v> {
    view: &'v ResolvedFiles<'v>,
    file: u32,
    lines: &'w TextLines<'w>,
    cursor: &'w Cursor<'w>,
    entities: Vec<EnclosingEntity<'v>>,
}

impl<'v> ContextWalk<'_, 'v> {
    fn step(
        &mut self,
        state: WalkState<'v>,
        level: &PathLevel,
        at: usize,
    ) -> Option<WalkState<'v>> {
        Some(match (state, &level.step) {
            (WalkState::Entity, PathStep::Key(name)) => {
                let entity = self.entities.last_mut()?;
                if let Some(key) = entity.table.key(name) {
                    entity.key = Some(key);
                    return self.content(key, at);
                }
                let key = entity.table.implicit_key()?;
                entity.key = Some(key);
                let KeynameContent::Map(table) = key.content else { return None };
                self.enter(table, Some(name), at);
                WalkState::Entity
            }
            (WalkState::Names(table), PathStep::Key(name)) => {
                self.enter(table, Some(name), at);
                WalkState::Entity
            }
            (WalkState::Sequence(table), PathStep::Item(_)) => WalkState::Names(table),
            (WalkState::List(table), PathStep::Item(_)) => {
                self.enter(table, None, at);
                WalkState::Entity
            }
            (WalkState::Types(section), PathStep::Item(_)) => WalkState::Type(section),
            // A value of a special form consists mostly of names.
            (WalkState::Words | WalkState::Text, _) => WalkState::Text,
            (WalkState::Values, PathStep::Key(name)) => {
                let members = self.members()?;
                let found = members.into_iter().find(|member| member.name.text == name);
                WalkState::Value(found.and_then(|member| member.schema))
            }
            (WalkState::Value(schema), step) => self.within(schema, step),
            (WalkState::Call(name), PathStep::Item(number)) => {
                WalkState::Argument(name, *number, level.collection)
            }
            (WalkState::Call(_) | WalkState::Argument(..), step) => self.within(None, step),
            _ => return None,
        })
    }

    fn within(&self, schema: Option<&'v Schema<'v>>, step: &PathStep) -> WalkState<'v> {
        if let PathStep::Key(name) = step
            && self.is_call(name)
        {
            return WalkState::Call(function_name(name).to_owned());
        }
        let shape = schema.and_then(|schema| self.view.types.shape(schema));
        let inner = shape.and_then(|shape| match (shape.base, step) {
            (Base::Complex, PathStep::Key(name)) => {
                shape.def.properties.get(name.as_str()).map(|property| &property.schema)
            }
            (Base::Map, PathStep::Key(_)) | (Base::List, PathStep::Item(_)) => shape.entry,
            _ => None,
        });
        WalkState::Value(inner)
    }

    fn is_call(&self, name: &str) -> bool {
        match self.view.version(self.file) {
            None => name.starts_with('$') && !name.starts_with("$$"),
            Some(_) => lower::functions().any(|known| known == name),
        }
    }

    fn content(&mut self, key: Keyname, at: usize) -> Option<WalkState<'v>> {
        Some(match key.content {
            KeynameContent::One(table) => {
                self.enter(table, None, at);
                WalkState::Entity
            }
            KeynameContent::Map(table) => WalkState::Names(table),
            KeynameContent::Sequence(table) => WalkState::Sequence(table),
            KeynameContent::List(table) => WalkState::List(table),
            KeynameContent::Type(section) => WalkState::Type(section),
            KeynameContent::Types(section) => WalkState::Types(section),
            KeynameContent::Words => WalkState::Words,
            KeynameContent::Values => WalkState::Values,
            KeynameContent::Value => WalkState::Value(None),
            KeynameContent::Boolean => WalkState::Boolean,
            KeynameContent::Text => WalkState::Text,
            KeynameContent::Any => return None,
        })
    }

    /// Enters the entity that the step with index `at` leads to.
    fn enter(&mut self, table: KeynameTable, name: Option<&str>, at: usize) {
        let next = self.cursor.path.get(at + 1);
        let inside = next.map_or(self.cursor.collection, |level| level.collection);
        let definition = self.definition(table, name, inside);
        self.entities.push(EnclosingEntity { table, definition, key: None });
    }

    /// Returns the definition of an entity, whose map is at `inside`.
    fn definition(
        &self,
        table: KeynameTable,
        name: Option<&str>,
        inside: CollectionPosition,
    ) -> EntityDefinition<'v> {
        let types = &self.view.types;
        let word = |text| Word { text, span: Span { file: self.file, start: 0, end: 0 } };
        // A type is its own definition, with inherited members.
        let own = table.section().zip(name);
        if let Some(id) = own.and_then(|(section, name)| types.lookup(section, word(name))) {
            return EntityDefinition::Type(id);
        }
        for key in table.keys() {
            if let KeynameContent::Type(section) = key.content
                && section != TypeKind::Data
                && let Some(text) = self.lines.sibling(inside, key.name)
                && let Some(id) = types.lookup(section, word(text))
                // The type of a requirement's node does not define the requirement.
                && !table.is(&keynames::REQUIREMENT)
            {
                return EntityDefinition::Type(id);
            }
        }
        let copied = self.lines.sibling(inside, "copy").and_then(|name| self.view.node(name));
        if let Some(node) = copied.filter(|_| table.is(&keynames::NODE_TEMPLATE)) {
            return types
                .lookup(TypeKind::Node, node.node_type)
                .map_or(EntityDefinition::Unknown, EntityDefinition::Type);
        }
        let parent = self.entities.last();
        let definition = parent.and_then(|parent| self.nested_definition(parent, name));
        definition.unwrap_or(EntityDefinition::Unknown)
    }

    /// Returns the definition of an entity that its parent's definition contains.
    fn nested_definition(
        &self,
        parent: &EnclosingEntity<'v>,
        name: Option<&str>,
    ) -> Option<EntityDefinition<'v>> {
        let key = parent.key?.becomes;
        let operation = |interface: &'v InterfaceDefinition<'v>| match key {
            "operations" => interface.operations.get(name?),
            "notifications" => interface.notifications.get(name?),
            _ => None,
        };
        match parent.definition {
            EntityDefinition::Type(id) => {
                let def = self.view.types.def(id);
                match key {
                    "capabilities" => {
                        def.capabilities.get(name?).map(|one| EntityDefinition::Capability(one))
                    }
                    "requirements" => {
                        def.requirement(name?).map(|one| EntityDefinition::Requirement(one))
                    }
                    "interfaces" => {
                        def.interfaces.get(name?).map(|one| EntityDefinition::Interface(one))
                    }
                    "operations" => {
                        def.operations.get(name?).map(|one| EntityDefinition::Operation(one))
                    }
                    "notifications" => {
                        def.notifications.get(name?).map(|one| EntityDefinition::Operation(one))
                    }
                    _ => None,
                }
            }
            EntityDefinition::Requirement(requirement) if key == "relationship" => {
                requirement.relationship.as_deref().map(EntityDefinition::Relationship)
            }
            EntityDefinition::Relationship(relationship) if key == "interfaces" => {
                relationship.interfaces.get(name?).map(|one| EntityDefinition::Interface(one))
            }
            EntityDefinition::Interface(interface) => {
                operation(interface).map(|one| EntityDefinition::Operation(one))
            }
            _ => None,
        }
    }

    fn members(&self) -> Option<Vec<TypeMember<'v>>> {
        let entity = self.entities.last()?;
        Some(members(self.view, entity.definition, entity.key?.becomes))
    }

    fn role(&self, state: WalkState<'v>) -> Option<WordRole<'v>> {
        let value = self.cursor.side != EntrySide::Key;
        let key = self.cursor.side != EntrySide::Value;
        let entity = self.entities.last()?;
        Some(match state {
            WalkState::Entity if key => WordRole::Keyname,
            WalkState::Entity => return self.short_notation(entity),
            WalkState::Names(_) | WalkState::Values if key => WordRole::Name,
            WalkState::Type(section) if value => WordRole::Type(section),
            WalkState::Boolean if value => WordRole::Boolean,
            WalkState::Text if self.cursor.side == EntrySide::Key => WordRole::Name,
            WalkState::Text => WordRole::Text,
            WalkState::Value(schema) if self.cursor.side == EntrySide::Key => {
                WordRole::KeyOfValue(schema)
            }
            WalkState::Value(schema) => match schema {
                // A word alone on a line may become the key of a map.
                Some(schema) if key && self.is_map(schema) => WordRole::KeyOfValue(Some(schema)),
                schema => WordRole::Value(schema),
            },
            WalkState::Call(name) if value => WordRole::Argument(name, 0, None),
            WalkState::Argument(name, at, list) if value => {
                WordRole::Argument(name, at, Some(list))
            }
            _ => return None,
        })
    }

    fn is_map(&self, schema: &'v Schema<'v>) -> bool {
        let base = self.view.types.shape(schema).map(|shape| shape.base);
        matches!(base, Some(Base::Complex | Base::Map))
    }

    /// Returns the role of a scalar that stands for an entity's map.
    fn short_notation(&self, entity: &EnclosingEntity<'v>) -> Option<WordRole<'v>> {
        let keynames = entity.table.entity;
        if matches!(keynames.short, ShortNotation::None | ShortNotation::Null) {
            return None;
        }
        if keynames.short == ShortNotation::Value {
            return Some(WordRole::Value(None));
        }
        let typed = keynames.key("type").map(|key| key.kind);
        Some(match typed {
            Some(KeynameKind::Type(section)) if section != TypeKind::Artifact => {
                WordRole::Type(section)
            }
            _ if entity.table.is(&keynames::REQUIREMENT) => WordRole::Type(TypeKind::Capability),
            _ => WordRole::Text,
        })
    }
}

/// Returns a function's name without the `$` before it and the suffix that makes keys differ.
pub(super) fn function_name(key: &str) -> &str {
    let name = key.strip_prefix('$').unwrap_or(key);
    name.split_once('$').map_or(name, |(name, _)| name)
}

/// Returns the members that a definition lists under a keyname.
pub(super) fn members<'v>(
    view: &'v ResolvedFiles<'v>,
    definition: EntityDefinition<'v>,
    key: &str,
) -> Vec<TypeMember<'v>> {
    let empty = Vec::new;
    match definition {
        EntityDefinition::Unknown => empty(),
        EntityDefinition::Type(id) => {
            let def = view.types.def(id);
            match key {
                "properties" => values(&def.properties, "property"),
                "attributes" => values(&def.attributes, "attribute"),
                "inputs" => values(&def.inputs, "input"),
                "capabilities" => def.capabilities.values().map(|one| capability(one)).collect(),
                "requirements" => def.requirements.iter().map(|one| requirement(one)).collect(),
                "interfaces" => interfaces(def.interfaces.values().map(|one| &**one)),
                "operations" => operations(def.operations.values().map(|one| &**one), "operation"),
                "notifications" => {
                    operations(def.notifications.values().map(|one| &**one), "notification")
                }
                "artifacts" => {
                    let artifact = |one: &'v crate::grammar::ArtifactDefinition<'v>| TypeMember {
                        member_type: one.artifact_type.map(|word| (TypeKind::Artifact, word)),
                        ..named(one.name, "artifact")
                    };
                    def.artifacts.values().map(|one| artifact(one)).collect()
                }
                "triggers" => def.triggers.values().map(|one| named(one.name, "trigger")).collect(),
                _ => empty(),
            }
        }
        EntityDefinition::Capability(one) => match key {
            "properties" => values(&one.properties, "property"),
            "attributes" => values(&one.attributes, "attribute"),
            _ => empty(),
        },
        EntityDefinition::Requirement(one) if key == "allocation" => {
            let id = one.capability.and_then(|name| view.types.lookup(TypeKind::Capability, name));
            id.map_or_else(empty, |id| values(&view.types.def(id).properties, "property"))
        }
        EntityDefinition::Requirement(_) => empty(),
        EntityDefinition::Relationship(one) => match key {
            "properties" => values(&one.properties, "property"),
            "attributes" => values(&one.attributes, "attribute"),
            "interfaces" => interfaces(one.interfaces.values().map(|one| &**one)),
            _ => empty(),
        },
        EntityDefinition::Interface(one) => match key {
            "inputs" => values(&one.inputs, "input"),
            "operations" => operations(one.operations.values().map(|one| &**one), "operation"),
            "notifications" => {
                operations(one.notifications.values().map(|one| &**one), "notification")
            }
            _ => empty(),
        },
        EntityDefinition::Operation(one) => match key {
            "inputs" => values(&one.inputs, "input"),
            "outputs" => values(&one.outputs, "output"),
            _ => empty(),
        },
    }
}

fn named<'v>(name: Word<'v>, noun: &'static str) -> TypeMember<'v> {
    TypeMember { name, noun, member_type: None, schema: None, required: false }
}

/// Returns the members that properties, attributes or parameters are.
pub(super) fn values<'v>(
    all: &'v PropertyDefinitions<'v>,
    noun: &'static str,
) -> Vec<TypeMember<'v>> {
    let member = |property: &'v crate::grammar::PropertyDefinition<'v>| TypeMember {
        member_type: property.schema.data_type.map(|word| (TypeKind::Data, word)),
        schema: Some(&property.schema),
        required: noun == "property"
            && property.is_required()
            && property.default.is_none()
            && property.value.is_none(),
        ..named(property.name, noun)
    };
    all.values().map(|property| member(property)).collect()
}

fn capability<'v>(one: &'v CapabilityDefinition<'v>) -> TypeMember<'v> {
    let member_type = one.capability_type.map(|word| (TypeKind::Capability, word));
    TypeMember { member_type, ..named(one.name, "capability") }
}

fn requirement<'v>(one: &'v RequirementDefinition<'v>) -> TypeMember<'v> {
    let capability = one.capability.map(|word| (TypeKind::Capability, word));
    let member_type = capability.or(one.node.map(|word| (TypeKind::Node, word)));
    TypeMember { member_type, required: one.range().0 > 0, ..named(one.name, "requirement") }
}

fn interfaces<'v>(all: impl Iterator<Item = &'v InterfaceDefinition<'v>>) -> Vec<TypeMember<'v>> {
    let member = |one: &'v InterfaceDefinition<'v>| TypeMember {
        member_type: one.interface_type.map(|word| (TypeKind::Interface, word)),
        ..named(one.name, "interface")
    };
    all.map(member).collect()
}

fn operations<'v>(
    all: impl Iterator<Item = &'v OperationDefinition<'v>>,
    noun: &'static str,
) -> Vec<TypeMember<'v>> {
    all.map(|one| named(one.name, noun)).collect()
}
