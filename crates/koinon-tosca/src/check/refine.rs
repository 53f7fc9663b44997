//! What a derived type inherits and what it may change (csd07 5.1.3, 6.4.2 and the rules of each section).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::Capability;
use crate::grammar::Interface;
use crate::grammar::Operation;
use crate::grammar::Properties;
use crate::grammar::Property;
use crate::grammar::RelationshipDef;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;
use crate::grammar::untyped;
use crate::keynames;
use crate::keynames::Entity;

/// Lists of type names by keyname.
type Lists<'a> = BTreeMap<&'static str, Arc<Vec<Word<'a>>>>;

/// Merges a type with its parent, which is merged already.
pub(super) fn refine<'a>(
    types: &Types<'a>,
    parent: Option<&TypeDef<'a>>,
    own: TypeDef<'a>,
    faults: &Faults,
) -> TypeDef<'a> {
    let Some(parent) = parent else {
        let empty = BTreeMap::new();
        return TypeDef {
            properties: properties(types, &empty, own.properties, &keynames::PROPERTY, faults),
            attributes: properties(types, &empty, own.attributes, &keynames::ATTRIBUTE, faults),
            inputs: inputs(types, &empty, own.inputs, faults),
            ..own
        };
    };
    let mut artifacts = parent.artifacts.clone();
    artifacts.extend(own.artifacts);
    let mut triggers = parent.triggers.clone();
    for (name, trigger) in own.triggers {
        if let Some(old) = parent.triggers.get(name) {
            let message = format!("trigger `{name}` is inherited and cannot be changed");
            let fault = Fault::new(Code::Refinement, trigger.name.span, message);
            faults.push(fault.related(old.name.span, "inherited from here"));
            continue;
        }
        triggers.insert(name, trigger);
    }
    TypeDef {
        properties: properties(
            types,
            &parent.properties,
            own.properties,
            &keynames::PROPERTY,
            faults,
        ),
        attributes: properties(
            types,
            &parent.attributes,
            own.attributes,
            &keynames::ATTRIBUTE,
            faults,
        ),
        capabilities: merged(&parent.capabilities, own.capabilities, |old, new| {
            capability(types, old, new, faults)
        }),
        requirements: requirements(types, &parent.requirements, own.requirements, faults),
        interfaces: merged(&parent.interfaces, own.interfaces, |old, new| {
            interface(types, old, new, faults)
        }),
        inputs: inputs(types, &parent.inputs, own.inputs, faults),
        operations: operations(types, &parent.operations, own.operations, faults),
        notifications: operations(types, &parent.notifications, own.notifications, faults),
        schema: schema(types, &parent.schema, &own.schema, faults),
        lists: lists(types, &parent.lists, own.lists, faults),
        artifacts,
        triggers,
        ..own
    }
}

/// Merges maps: what both have goes through `refine`.
fn merged<'a, T: Clone>(
    parent: &BTreeMap<&'a str, Arc<T>>,
    own: BTreeMap<&'a str, Arc<T>>,
    refine: impl Fn(&T, &T) -> T,
) -> BTreeMap<&'a str, Arc<T>> {
    let mut all = parent.clone();
    for (name, new) in own {
        let new = match parent.get(name) {
            Some(old) => Arc::new(refine(old, &new)),
            None => new,
        };
        all.insert(name, new);
    }
    all
}

/// Merges lists of types, which may only be narrowed.
pub(super) fn lists<'a>(
    types: &Types<'a>,
    parent: &Lists<'a>,
    own: Lists<'a>,
    faults: &Faults,
) -> Lists<'a> {
    let mut all = parent.clone();
    for (key, own) in own {
        if let Some(allowed) = parent.get(key) {
            narrowed(types, key, allowed, &own, faults);
        }
        all.insert(key, own);
    }
    all
}

/// Merges property or attribute definitions. What is new must have a type.
pub(super) fn properties<'a>(
    types: &Types<'a>,
    parent: &Properties<'a>,
    own: Properties<'a>,
    entity: &Entity,
    faults: &Faults,
) -> Properties<'a> {
    let mut all = parent.clone();
    for (name, new) in own {
        let new = match parent.get(name) {
            Some(old) => Arc::new(property(types, old, &new, faults)),
            None if new.schema.data_type.is_none() => {
                let fault = if new.short {
                    let message =
                        format!("`{name}` has only a value, but refines nothing that is inherited");
                    Fault::new(Code::MissingKey, new.name.span, message)
                } else {
                    untyped(&new, entity)
                };
                faults.push(faults.near(fault, name, parent.keys().copied()));
                continue;
            }
            None => new,
        };
        all.insert(name, new);
    }
    all
}

/// Merges definitions of parameters, which need no type (csd07 9.7). A new one in a type that is only a value refines
/// nothing.
pub(super) fn inputs<'a>(
    types: &Types<'a>,
    parent: &Properties<'a>,
    own: Properties<'a>,
    faults: &Faults,
) -> Properties<'a> {
    let mut all = parent.clone();
    for (name, new) in own {
        let new = match parent.get(name) {
            Some(old) => Arc::new(property(types, old, &new, faults)),
            None if new.short && new.mapping.is_none() => {
                let message =
                    format!("`{name}` has only a value, but refines nothing that is inherited");
                let fault = Fault::new(Code::MissingKey, new.name.span, message);
                faults.push(faults.near(fault, name, parent.keys().copied()));
                continue;
            }
            None => new,
        };
        all.insert(name, new);
    }
    all
}

fn property<'a>(
    types: &Types<'a>,
    old: &Property<'a>,
    new: &Property<'a>,
    faults: &Faults,
) -> Property<'a> {
    let refused = |message: String| {
        let fault = Fault::new(Code::Refinement, new.name.span, message);
        faults.push(fault.related(old.name.span, "inherited from here"));
    };
    if old.value.is_some() {
        refused(format!("the value of `{}` is fixed and cannot be refined", new.name.text));
    }
    if old.mapping.is_some() {
        refused(format!("`{}` is mapped already and cannot be refined", new.name.text));
    }
    if old.is_required() && new.required == Some(false) {
        refused(format!("`{}` is required and cannot be made optional", new.name.text));
    }
    Property {
        schema: schema(types, &old.schema, &new.schema, faults),
        required: new.required.or(old.required),
        default: new.default.clone().or_else(|| old.default.clone()),
        value: new.value.clone().or_else(|| old.value.clone()),
        mapping: new.mapping.clone().or_else(|| old.mapping.clone()),
        name: new.name,
        short: false,
    }
}

fn schema<'a>(
    types: &Types<'a>,
    old: &Schema<'a>,
    new: &Schema<'a>,
    faults: &Faults,
) -> Schema<'a> {
    let mut validation = old.validation.clone();
    validation.extend(new.validation.iter().cloned());
    let part = |old: &Option<Arc<Schema<'a>>>, new: &Option<Arc<Schema<'a>>>| match (old, new) {
        (Some(old), Some(new)) => Some(Arc::new(schema(types, old, new, faults))),
        (old, new) => new.clone().or_else(|| old.clone()),
    };
    Schema {
        data_type: derived(types, Section::Data, old.data_type, new.data_type, faults),
        validation,
        key: part(&old.key, &new.key),
        entry: part(&old.entry, &new.entry),
    }
}

/// Returns the type a refinement gives, which must derive from the inherited one.
fn derived<'a>(
    types: &Types<'a>,
    section: Section,
    old: Option<Word<'a>>,
    new: Option<Word<'a>>,
    faults: &Faults,
) -> Option<Word<'a>> {
    if let (Some(old), Some(new)) = (old, new)
        // An unknown type is told where it is written.
        && let (Some(old_id), Some(new_id)) = (types.lookup(section, old), types.lookup(section, new))
        && !types.derives(new_id, old_id)
    {
        let message = format!("`{}` is not derived from `{}`", new.text, old.text);
        let fault = Fault::new(Code::Refinement, new.span, message);
        faults.push(fault.related(old.span, "inherited from here"));
        return Some(old);
    }
    new.or(old)
}

fn capability<'a>(
    types: &Types<'a>,
    old: &Capability<'a>,
    new: &Capability<'a>,
    faults: &Faults,
) -> Capability<'a> {
    let mut lists = old.lists.clone();
    lists.extend(new.lists.clone());
    // Refinements are checked against the capability's type once that is known for all types.
    let mut properties = old.properties.clone();
    properties.extend(new.properties.clone());
    let mut attributes = old.attributes.clone();
    attributes.extend(new.attributes.clone());
    Capability {
        name: new.name,
        capability_type: derived(
            types,
            Section::Capability,
            old.capability_type,
            new.capability_type,
            faults,
        ),
        properties,
        attributes,
        lists,
    }
}

fn requirements<'a>(
    types: &Types<'a>,
    old: &[Arc<RequirementType<'a>>],
    new: Vec<Arc<RequirementType<'a>>>,
    faults: &Faults,
) -> Vec<Arc<RequirementType<'a>>> {
    let mut all = old.to_vec();
    for new in new {
        match all.iter_mut().find(|one| one.name.text == new.name.text) {
            Some(old) => *old = Arc::new(requirement(types, old, &new, faults)),
            None => all.push(new),
        }
    }
    all
}

fn requirement<'a>(
    types: &Types<'a>,
    old: &RequirementType<'a>,
    new: &RequirementType<'a>,
    faults: &Faults,
) -> RequirementType<'a> {
    if let (Some((min, max)), Some((new_min, new_max))) = (old.count, new.count) {
        let above = max.is_some_and(|max| new_max.is_none_or(|new_max| new_max > max));
        if new_min < min || above {
            let message = "the count range is not within the inherited one";
            let fault = Fault::new(Code::Refinement, new.name.span, message);
            faults.push(fault.related(old.name.span, "inherited from here"));
        }
    }
    let mut filters = old.filters.clone();
    filters.extend(new.filters.iter().cloned());
    let relationship = match (&old.relationship, &new.relationship) {
        (Some(old), Some(new)) => Some(Arc::new(RelationshipDef {
            relationship_type: derived(
                types,
                Section::Relationship,
                old.relationship_type,
                new.relationship_type,
                faults,
            ),
            properties: extended(&old.properties, &new.properties),
            attributes: extended(&old.attributes, &new.attributes),
            interfaces: merged(&old.interfaces, new.interfaces.clone(), |old, new| {
                interface(types, old, new, faults)
            }),
        })),
        (old, new) => new.clone().or_else(|| old.clone()),
    };
    RequirementType {
        name: new.name,
        capability: capability_name(types, old, new, faults),
        relationship,
        node: derived(types, Section::Node, old.node, new.node, faults),
        filters,
        count: new.count.or(old.count),
    }
}

fn extended<'a>(old: &Properties<'a>, new: &Properties<'a>) -> Properties<'a> {
    let mut all = old.clone();
    all.extend(new.clone());
    all
}

/// Returns the capability a refinement gives: a derived type, or the same name (csd07 8.4.1).
fn capability_name<'a>(
    types: &Types<'a>,
    old: &RequirementType<'a>,
    new: &RequirementType<'a>,
    faults: &Faults,
) -> Option<Word<'a>> {
    if let (Some(name), Some(renamed)) = (old.capability, new.capability)
        && types.lookup(Section::Capability, name).is_none()
        && name.text != renamed.text
    {
        let message = format!("capability `{}` is given by its name and cannot change", name.text);
        let fault = Fault::new(Code::Refinement, renamed.span, message);
        faults.push(fault.related(name.span, "inherited from here"));
        return Some(name);
    }
    derived(types, Section::Capability, old.capability, new.capability, faults)
}

pub(super) fn interface<'a>(
    types: &Types<'a>,
    old: &Interface<'a>,
    new: &Interface<'a>,
    faults: &Faults,
) -> Interface<'a> {
    // What is new here may be defined by the interface's type; that is checked once all types are known.
    let mut all = old.inputs.clone();
    for (name, input) in &new.inputs {
        let input = match old.inputs.get(name) {
            Some(old) => Arc::new(property(types, old, input, faults)),
            None => input.clone(),
        };
        all.insert(name, input);
    }
    Interface {
        name: new.name,
        interface_type: derived(
            types,
            Section::Interface,
            old.interface_type,
            new.interface_type,
            faults,
        ),
        inputs: all,
        operations: merged(&old.operations, new.operations.clone(), |old, new| {
            operation(types, old, new, faults)
        }),
        notifications: merged(&old.notifications, new.notifications.clone(), |old, new| {
            operation(types, old, new, faults)
        }),
    }
}

/// Merges operations with their inputs and outputs.
pub(super) fn operations<'a>(
    types: &Types<'a>,
    old: &BTreeMap<&'a str, Arc<Operation<'a>>>,
    new: BTreeMap<&'a str, Arc<Operation<'a>>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<Operation<'a>>> {
    merged(old, new, |old, new| operation(types, old, new, faults))
}

fn operation<'a>(
    types: &Types<'a>,
    old: &Operation<'a>,
    new: &Operation<'a>,
    faults: &Faults,
) -> Operation<'a> {
    let all = |old: &Properties<'a>, new: &Properties<'a>| {
        let mut all = old.clone();
        for (name, parameter) in new {
            let parameter = match old.get(name) {
                Some(old) => Arc::new(property(types, old, parameter, faults)),
                None => parameter.clone(),
            };
            all.insert(name, parameter);
        }
        all
    };
    Operation {
        name: new.name,
        inputs: all(&old.inputs, &new.inputs),
        outputs: all(&old.outputs, &new.outputs),
        implementation: new.implementation.clone().or_else(|| old.implementation.clone()),
    }
}

/// Checks that a list of types only narrows the inherited one.
fn narrowed(types: &Types<'_>, key: &str, allowed: &[Word<'_>], own: &[Word<'_>], faults: &Faults) {
    let sections: &[Section] = match key {
        "valid_capability_types" => &[Section::Capability],
        "valid_relationship_types" => &[Section::Relationship],
        "targets" => &[Section::Node, Section::Group],
        _ => &[Section::Node],
    };
    for word in own {
        let fits = |one: &Word<'_>| {
            sections.iter().any(|section| {
                match (types.lookup(*section, *word), types.lookup(*section, *one)) {
                    (Some(word), Some(one)) => types.derives(word, one),
                    _ => false,
                }
            })
        };
        if !allowed.iter().any(fits) {
            let message = format!("`{key}` may only be narrowed, `{}` is new", word.text);
            faults.push(Fault::new(Code::Refinement, word.span, message));
        }
    }
}
