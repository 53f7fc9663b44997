//! What a cursor's place means: the entities around it, whose types say what may be there.

use super::View;
use super::cursor::Cursor;
use super::cursor::Holder;
use super::cursor::Level;
use super::cursor::Lines;
use super::cursor::Side;
use super::cursor::Step;
use super::table::Below;
use super::table::Keyname;
use super::table::Table;
use crate::check::Base;
use crate::diag::Span;
use crate::grammar::Capability;
use crate::grammar::Interface;
use crate::grammar::Operation;
use crate::grammar::Properties;
use crate::grammar::RelationshipDef;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeId;
use crate::grammar::Word;
use crate::keynames;
use crate::keynames::Kind;
use crate::keynames::Short;
use crate::lower;

/// What a cursor's place means.
#[derive(Debug)]
pub(super) struct Place<'v> {
    /// The entities around it, the file first.
    pub(super) frames: Vec<Frame<'v>>,
    pub(super) role: Role<'v>,
}

/// An entity around a place.
#[derive(Clone, Debug)]
pub(super) struct Frame<'v> {
    pub(super) table: Table,
    /// What says which names there are in it.
    pub(super) owner: Owner<'v>,
    /// The keyname the place is under.
    pub(super) key: Option<Keyname>,
}

/// What says which properties, capabilities and so on an entity has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'v> {
    Nobody,
    Type(TypeId),
    Capability(&'v Capability<'v>),
    Requirement(&'v RequirementType<'v>),
    Relationship(&'v RelationshipDef<'v>),
    Interface(&'v Interface<'v>),
    Operation(&'v Operation<'v>),
}

/// What the word at a place is, or may become.
#[derive(Clone, Debug)]
pub(super) enum Role<'v> {
    /// A keyname of the innermost entity.
    Keyname,
    /// A name under the innermost entity's keyname.
    Name,
    Type(Section),
    /// A string under the innermost entity's keyname.
    Text,
    Boolean,
    /// A value of a schema.
    Value(Option<&'v Schema<'v>>),
    /// A key in such a value.
    KeyOfValue(Option<&'v Schema<'v>>),
    /// An argument of a function: its number, and the list it is in.
    Argument(String, usize, Option<Holder>),
}

/// Something of a type that templates name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'v> {
    pub(super) name: Word<'v>,
    /// What it is called, such as `property`.
    pub(super) noun: &'static str,
    /// Its own type.
    pub(super) of: Option<(Section, Word<'v>)>,
    pub(super) schema: Option<&'v Schema<'v>>,
    pub(super) required: bool,
}

/// Where the walk is.
enum Under<'v> {
    Entity,
    Names(Table),
    Sequence(Table),
    List(Table),
    Type(Section),
    Types(Section),
    Words,
    Text,
    Values,
    Boolean,
    Value(Option<&'v Schema<'v>>),
    Call(String),
    Argument(String, usize, Holder),
}

/// Finds out what a cursor's place means in a file.
pub(super) fn place<'v>(
    view: &'v View<'v>,
    file: u32,
    lines: &Lines<'_>,
    cursor: &Cursor<'_>,
) -> Option<Place<'v>> {
    let lowered = view.version(file);
    let first = Frame { table: Table::file(lowered), owner: Owner::Nobody, key: None };
    let mut walk = Walk { view, file, lines, cursor, frames: vec![first] };
    let mut under = Under::Entity;
    for (at, level) in cursor.path.iter().enumerate() {
        under = walk.step(under, level, at)?;
    }
    let role = walk.role(under)?;
    Some(Place { frames: walk.frames, role })
}

struct Walk<'w, 'v> {
    view: &'v View<'v>,
    file: u32,
    lines: &'w Lines<'w>,
    cursor: &'w Cursor<'w>,
    frames: Vec<Frame<'v>>,
}

impl<'v> Walk<'_, 'v> {
    fn step(&mut self, under: Under<'v>, level: &Level, at: usize) -> Option<Under<'v>> {
        Some(match (under, &level.step) {
            (Under::Entity, Step::Key(name)) => {
                let frame = self.frames.last_mut()?;
                if let Some(key) = frame.table.key(name) {
                    frame.key = Some(key);
                    return self.below(key, at);
                }
                let key = frame.table.open()?;
                frame.key = Some(key);
                let Below::Map(table) = key.below else { return None };
                self.enter(table, Some(name), at);
                Under::Entity
            }
            (Under::Names(table), Step::Key(name)) => {
                self.enter(table, Some(name), at);
                Under::Entity
            }
            (Under::Sequence(table), Step::Item(_)) => Under::Names(table),
            (Under::List(table), Step::Item(_)) => {
                self.enter(table, None, at);
                Under::Entity
            }
            (Under::Types(section), Step::Item(_)) => Under::Type(section),
            // What has a form of its own is mostly made of names.
            (Under::Words | Under::Text, _) => Under::Text,
            (Under::Values, Step::Key(name)) => {
                let members = self.members()?;
                let found = members.into_iter().find(|member| member.name.text == name);
                Under::Value(found.and_then(|member| member.schema))
            }
            (Under::Value(schema), step) => self.within(schema, step),
            (Under::Call(name), Step::Item(number)) => Under::Argument(name, *number, level.holder),
            (Under::Call(_) | Under::Argument(..), step) => self.within(None, step),
            _ => return None,
        })
    }

    fn within(&self, schema: Option<&'v Schema<'v>>, step: &Step) -> Under<'v> {
        if let Step::Key(name) = step
            && self.is_call(name)
        {
            return Under::Call(function_name(name).to_owned());
        }
        let shape = schema.and_then(|schema| self.view.types.shape(schema));
        let inner = shape.and_then(|shape| match (shape.base, step) {
            (Base::Complex, Step::Key(name)) => {
                shape.def.properties.get(name.as_str()).map(|property| &property.schema)
            }
            (Base::Map, Step::Key(_)) | (Base::List, Step::Item(_)) => shape.entry,
            _ => None,
        });
        Under::Value(inner)
    }

    fn is_call(&self, name: &str) -> bool {
        match self.view.version(self.file) {
            None => name.starts_with('$') && !name.starts_with("$$"),
            Some(_) => lower::functions().any(|known| known == name),
        }
    }

    fn below(&mut self, key: Keyname, at: usize) -> Option<Under<'v>> {
        Some(match key.below {
            Below::One(table) => {
                self.enter(table, None, at);
                Under::Entity
            }
            Below::Map(table) => Under::Names(table),
            Below::Sequence(table) => Under::Sequence(table),
            Below::List(table) => Under::List(table),
            Below::Type(section) => Under::Type(section),
            Below::Types(section) => Under::Types(section),
            Below::Words => Under::Words,
            Below::Values => Under::Values,
            Below::Value => Under::Value(None),
            Below::Boolean => Under::Boolean,
            Below::Text => Under::Text,
            Below::Any => return None,
        })
    }

    /// Goes into an entity that the step at `at` leads to.
    fn enter(&mut self, table: Table, name: Option<&str>, at: usize) {
        let inside = self.cursor.path.get(at + 1).map_or(self.cursor.holder, |level| level.holder);
        let owner = self.owner(table, name, inside);
        self.frames.push(Frame { table, owner, key: None });
    }

    fn owner(&self, table: Table, name: Option<&str>, inside: Holder) -> Owner<'v> {
        let types = &self.view.types;
        let word = |text| Word { text, span: Span { file: self.file, start: 0, end: 0 } };
        // A type says itself what it has, with what it inherits.
        let own = table.section().zip(name);
        if let Some(id) = own.and_then(|(section, name)| types.lookup(section, word(name))) {
            return Owner::Type(id);
        }
        for key in table.keys() {
            if let Below::Type(section) = key.below
                && section != Section::Data
                && let Some(text) = self.lines.sibling(inside, key.name)
                && let Some(id) = types.lookup(section, word(text))
                // A requirement's node is not the requirement.
                && !table.is(&keynames::REQUIREMENT)
            {
                return Owner::Type(id);
            }
        }
        let copied = self.lines.sibling(inside, "copy").and_then(|name| self.view.node(name));
        if let Some(node) = copied.filter(|_| table.is(&keynames::NODE_TEMPLATE)) {
            return types.lookup(Section::Node, node.node_type).map_or(Owner::Nobody, Owner::Type);
        }
        let parent = self.frames.last();
        let found = parent.and_then(|parent| self.part(parent, name));
        found.unwrap_or(Owner::Nobody)
    }

    /// Returns what a part of an entity has.
    fn part(&self, parent: &Frame<'v>, name: Option<&str>) -> Option<Owner<'v>> {
        let key = parent.key?.becomes;
        let operation = |interface: &'v Interface<'v>| match key {
            "operations" => interface.operations.get(name?),
            "notifications" => interface.notifications.get(name?),
            _ => None,
        };
        match parent.owner {
            Owner::Type(id) => {
                let def = self.view.types.def(id);
                match key {
                    "capabilities" => def.capabilities.get(name?).map(|one| Owner::Capability(one)),
                    "requirements" => def.requirement(name?).map(|one| Owner::Requirement(one)),
                    "interfaces" => def.interfaces.get(name?).map(|one| Owner::Interface(one)),
                    "operations" => def.operations.get(name?).map(|one| Owner::Operation(one)),
                    "notifications" => {
                        def.notifications.get(name?).map(|one| Owner::Operation(one))
                    }
                    _ => None,
                }
            }
            Owner::Requirement(requirement) if key == "relationship" => {
                requirement.relationship.as_deref().map(Owner::Relationship)
            }
            Owner::Relationship(relationship) if key == "interfaces" => {
                relationship.interfaces.get(name?).map(|one| Owner::Interface(one))
            }
            Owner::Interface(interface) => operation(interface).map(|one| Owner::Operation(one)),
            _ => None,
        }
    }

    fn members(&self) -> Option<Vec<Member<'v>>> {
        let frame = self.frames.last()?;
        Some(members(self.view, frame.owner, frame.key?.becomes))
    }

    fn role(&self, under: Under<'v>) -> Option<Role<'v>> {
        let value = self.cursor.side != Side::Key;
        let key = self.cursor.side != Side::Value;
        let frame = self.frames.last()?;
        Some(match under {
            Under::Entity if key => Role::Keyname,
            Under::Entity => return self.short(frame),
            Under::Names(_) | Under::Values if key => Role::Name,
            Under::Type(section) if value => Role::Type(section),
            Under::Boolean if value => Role::Boolean,
            Under::Text if self.cursor.side == Side::Key => Role::Name,
            Under::Text => Role::Text,
            Under::Value(schema) if self.cursor.side == Side::Key => Role::KeyOfValue(schema),
            Under::Value(schema) => match schema {
                // On a line of its own it may become the key of a map.
                Some(schema) if key && self.is_map(schema) => Role::KeyOfValue(Some(schema)),
                schema => Role::Value(schema),
            },
            Under::Call(name) if value => Role::Argument(name, 0, None),
            Under::Argument(name, at, holder) if value => Role::Argument(name, at, Some(holder)),
            _ => return None,
        })
    }

    fn is_map(&self, schema: &'v Schema<'v>) -> bool {
        let base = self.view.types.shape(schema).map(|shape| shape.base);
        matches!(base, Some(Base::Complex | Base::Map))
    }

    /// Returns what stands in the place of an entity's map.
    fn short(&self, frame: &Frame<'v>) -> Option<Role<'v>> {
        let entity = frame.table.entity;
        if matches!(entity.short, Short::None | Short::Null) {
            return None;
        }
        if entity.short == Short::Value {
            return Some(Role::Value(None));
        }
        let typed = entity.key("type").map(|key| key.kind);
        Some(match typed {
            Some(Kind::Type(section)) if section != Section::Artifact => Role::Type(section),
            _ if frame.table.is(&keynames::REQUIREMENT) => Role::Type(Section::Capability),
            _ => Role::Text,
        })
    }
}

/// Returns a function's name without its mark and what only makes keys differ.
pub(super) fn function_name(key: &str) -> &str {
    let name = key.strip_prefix('$').unwrap_or(key);
    name.split_once('$').map_or(name, |(name, _)| name)
}

/// Returns the names an entity may have under a keyname.
pub(super) fn members<'v>(view: &'v View<'v>, owner: Owner<'v>, key: &str) -> Vec<Member<'v>> {
    let empty = Vec::new;
    match owner {
        Owner::Nobody => empty(),
        Owner::Type(id) => {
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
                    let artifact = |one: &'v crate::grammar::Artifact<'v>| Member {
                        of: one.artifact_type.map(|word| (Section::Artifact, word)),
                        ..named(one.name, "artifact")
                    };
                    def.artifacts.values().map(|one| artifact(one)).collect()
                }
                "triggers" => def.triggers.values().map(|one| named(one.name, "trigger")).collect(),
                _ => empty(),
            }
        }
        Owner::Capability(one) => match key {
            "properties" => values(&one.properties, "property"),
            "attributes" => values(&one.attributes, "attribute"),
            _ => empty(),
        },
        Owner::Requirement(one) if key == "allocation" => {
            let id = one.capability.and_then(|name| view.types.lookup(Section::Capability, name));
            id.map_or_else(empty, |id| values(&view.types.def(id).properties, "property"))
        }
        Owner::Requirement(_) => empty(),
        Owner::Relationship(one) => match key {
            "properties" => values(&one.properties, "property"),
            "attributes" => values(&one.attributes, "attribute"),
            "interfaces" => interfaces(one.interfaces.values().map(|one| &**one)),
            _ => empty(),
        },
        Owner::Interface(one) => match key {
            "inputs" => values(&one.inputs, "input"),
            "operations" => operations(one.operations.values().map(|one| &**one), "operation"),
            "notifications" => {
                operations(one.notifications.values().map(|one| &**one), "notification")
            }
            _ => empty(),
        },
        Owner::Operation(one) => match key {
            "inputs" => values(&one.inputs, "input"),
            "outputs" => values(&one.outputs, "output"),
            _ => empty(),
        },
    }
}

fn named<'v>(name: Word<'v>, noun: &'static str) -> Member<'v> {
    Member { name, noun, of: None, schema: None, required: false }
}

/// Returns definitions of properties, attributes or parameters.
pub(super) fn values<'v>(all: &'v Properties<'v>, noun: &'static str) -> Vec<Member<'v>> {
    let member = |property: &'v crate::grammar::Property<'v>| Member {
        of: property.schema.data_type.map(|word| (Section::Data, word)),
        schema: Some(&property.schema),
        required: noun == "property"
            && property.is_required()
            && property.default.is_none()
            && property.value.is_none(),
        ..named(property.name, noun)
    };
    all.values().map(|property| member(property)).collect()
}

fn capability<'v>(one: &'v Capability<'v>) -> Member<'v> {
    let of = one.capability_type.map(|word| (Section::Capability, word));
    Member { of, ..named(one.name, "capability") }
}

fn requirement<'v>(one: &'v RequirementType<'v>) -> Member<'v> {
    let of = one.capability.map(|word| (Section::Capability, word));
    let of = of.or(one.node.map(|word| (Section::Node, word)));
    Member { of, required: one.range().0 > 0, ..named(one.name, "requirement") }
}

fn interfaces<'v>(all: impl Iterator<Item = &'v Interface<'v>>) -> Vec<Member<'v>> {
    let member = |one: &'v Interface<'v>| Member {
        of: one.interface_type.map(|word| (Section::Interface, word)),
        ..named(one.name, "interface")
    };
    all.map(member).collect()
}

fn operations<'v>(
    all: impl Iterator<Item = &'v Operation<'v>>,
    noun: &'static str,
) -> Vec<Member<'v>> {
    all.map(|one| named(one.name, noun)).collect()
}
