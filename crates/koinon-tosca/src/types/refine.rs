//! Refinement: the definitions that a derived type inherits and may change (csd07 5.1.3, 6.4.2 and
//! the rules of each section).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::table::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::CapabilityDefinition;
use crate::grammar::InterfaceDefinition;
use crate::grammar::OperationDefinition;
use crate::grammar::PropertyDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RelationshipDefinition;
use crate::grammar::RequirementDefinition;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::Word;
use crate::grammar::untyped;
use crate::keynames;
use crate::keynames::Entity;
use crate::keynames::TypeKind;

/// Lists of type names by keyname.
pub(crate) type TypeLists<'a> = BTreeMap<&'static str, Arc<Vec<Word<'a>>>>;

/// Merges a type with its parent, which must be merged already.
pub(super) fn refine<'a>(
    types: &Types<'a>,
    parent: Option<&TypeDefinition<'a>>,
    own: TypeDefinition<'a>,
    faults: &Faults,
) -> TypeDefinition<'a> {
    let Some(parent) = parent else {
        let empty = BTreeMap::new();
        return TypeDefinition {
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
    TypeDefinition {
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

/// Merges maps. An entry of both is the result of `refine`.
pub(crate) fn merged<'a, T: Clone>(
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
pub(crate) fn lists<'a>(
    types: &Types<'a>,
    parent: &TypeLists<'a>,
    own: TypeLists<'a>,
    faults: &Faults,
) -> TypeLists<'a> {
    let mut all = parent.clone();
    for (key, own) in own {
        if let Some(allowed) = parent.get(key) {
            narrowed(types, key, allowed, &own, faults);
        }
        all.insert(key, own);
    }
    all
}

/// Merges property or attribute definitions. A new definition must have a type.
pub(crate) fn properties<'a>(
    types: &Types<'a>,
    parent: &PropertyDefinitions<'a>,
    own: PropertyDefinitions<'a>,
    entity: &Entity,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
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

/// Merges definitions of parameters, which need no type (csd07 9.7). A new parameter that is only a
/// value is a fault: it refines nothing.
pub(crate) fn inputs<'a>(
    types: &Types<'a>,
    parent: &PropertyDefinitions<'a>,
    own: PropertyDefinitions<'a>,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
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

pub(crate) fn property<'a>(
    types: &Types<'a>,
    old: &PropertyDefinition<'a>,
    new: &PropertyDefinition<'a>,
    faults: &Faults,
) -> PropertyDefinition<'a> {
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
    PropertyDefinition {
        schema: schema(types, &old.schema, &new.schema, faults),
        required: new.required.or(old.required),
        default: new.default.clone().or_else(|| old.default.clone()),
        value: new.value.clone().or_else(|| old.value.clone()),
        mapping: new.mapping.clone().or_else(|| old.mapping.clone()),
        name: new.name,
        short: false,
    }
}

pub(crate) fn schema<'a>(
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
        data_type: derived(types, TypeKind::Data, old.data_type, new.data_type, faults),
        validation,
        key: part(&old.key, &new.key),
        entry: part(&old.entry, &new.entry),
    }
}

/// Returns the refined type, which must derive from the inherited one.
pub(crate) fn derived<'a>(
    types: &Types<'a>,
    section: TypeKind,
    old: Option<Word<'a>>,
    new: Option<Word<'a>>,
    faults: &Faults,
) -> Option<Word<'a>> {
    if let (Some(old), Some(new)) = (old, new)
        // An unknown type is reported where it is written.
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

pub(crate) fn capability<'a>(
    types: &Types<'a>,
    old: &CapabilityDefinition<'a>,
    new: &CapabilityDefinition<'a>,
    faults: &Faults,
) -> CapabilityDefinition<'a> {
    let mut lists = old.lists.clone();
    lists.extend(new.lists.clone());
    // Refinements are checked against the capability's type when all types are known.
    let mut properties = old.properties.clone();
    properties.extend(new.properties.clone());
    let mut attributes = old.attributes.clone();
    attributes.extend(new.attributes.clone());
    CapabilityDefinition {
        name: new.name,
        capability_type: derived(
            types,
            TypeKind::Capability,
            old.capability_type,
            new.capability_type,
            faults,
        ),
        properties,
        attributes,
        lists,
    }
}

pub(crate) fn requirements<'a>(
    types: &Types<'a>,
    old: &[Arc<RequirementDefinition<'a>>],
    new: Vec<Arc<RequirementDefinition<'a>>>,
    faults: &Faults,
) -> Vec<Arc<RequirementDefinition<'a>>> {
    let mut all = old.to_vec();
    for new in new {
        match all.iter_mut().find(|one| one.name.text == new.name.text) {
            Some(old) => *old = Arc::new(requirement(types, old, &new, faults)),
            None => all.push(new),
        }
    }
    all
}

pub(crate) fn requirement<'a>(
    types: &Types<'a>,
    old: &RequirementDefinition<'a>,
    new: &RequirementDefinition<'a>,
    faults: &Faults,
) -> RequirementDefinition<'a> {
    if let (Some((min, max)), Some((new_min, new_max))) = (old.count, new.count) {
        let above = max.is_some_and(|max| new_max.is_none_or(|new_max| new_max > max));
        if new_min < min || above {
            let message = "the count range exceeds the inherited count range";
            let fault = Fault::new(Code::Refinement, new.name.span, message);
            faults.push(fault.related(old.name.span, "inherited from here"));
        }
    }
    let mut filters = old.filters.clone();
    filters.extend(new.filters.iter().cloned());
    let relationship = match (&old.relationship, &new.relationship) {
        (Some(old), Some(new)) => Some(Arc::new(RelationshipDefinition {
            relationship_type: derived(
                types,
                TypeKind::Relationship,
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
    RequirementDefinition {
        name: new.name,
        capability: capability_name(types, old, new, faults),
        relationship,
        node: derived(types, TypeKind::Node, old.node, new.node, faults),
        filters,
        count: new.count.or(old.count),
    }
}

fn extended<'a>(
    old: &PropertyDefinitions<'a>,
    new: &PropertyDefinitions<'a>,
) -> PropertyDefinitions<'a> {
    let mut all = old.clone();
    all.extend(new.clone());
    all
}

/// Returns the refined capability: a derived type, or the same name (csd07 8.4.1).
fn capability_name<'a>(
    types: &Types<'a>,
    old: &RequirementDefinition<'a>,
    new: &RequirementDefinition<'a>,
    faults: &Faults,
) -> Option<Word<'a>> {
    if let (Some(name), Some(renamed)) = (old.capability, new.capability)
        && types.lookup(TypeKind::Capability, name).is_none()
        && name.text != renamed.text
    {
        let message = format!("the capability name `{}` cannot be refined", name.text);
        let fault = Fault::new(Code::Refinement, renamed.span, message);
        faults.push(fault.related(name.span, "inherited from here"));
        return Some(name);
    }
    derived(types, TypeKind::Capability, old.capability, new.capability, faults)
}

pub(crate) fn interface<'a>(
    types: &Types<'a>,
    old: &InterfaceDefinition<'a>,
    new: &InterfaceDefinition<'a>,
    faults: &Faults,
) -> InterfaceDefinition<'a> {
    // New inputs may be defined by the interface's type; that is checked when all types are known.
    let mut all = old.inputs.clone();
    for (name, input) in &new.inputs {
        let input = match old.inputs.get(name) {
            Some(old) => Arc::new(property(types, old, input, faults)),
            None => input.clone(),
        };
        all.insert(name, input);
    }
    InterfaceDefinition {
        name: new.name,
        interface_type: derived(
            types,
            TypeKind::Interface,
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
pub(crate) fn operations<'a>(
    types: &Types<'a>,
    old: &BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
    new: BTreeMap<&'a str, Arc<OperationDefinition<'a>>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<OperationDefinition<'a>>> {
    merged(old, new, |old, new| operation(types, old, new, faults))
}

pub(crate) fn operation<'a>(
    types: &Types<'a>,
    old: &OperationDefinition<'a>,
    new: &OperationDefinition<'a>,
    faults: &Faults,
) -> OperationDefinition<'a> {
    let all = |old: &PropertyDefinitions<'a>, new: &PropertyDefinitions<'a>| {
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
    OperationDefinition {
        name: new.name,
        inputs: all(&old.inputs, &new.inputs),
        outputs: all(&old.outputs, &new.outputs),
        implementation: new.implementation.clone().or_else(|| old.implementation.clone()),
    }
}

/// Checks that a list of types only narrows the inherited one.
fn narrowed(types: &Types<'_>, key: &str, allowed: &[Word<'_>], own: &[Word<'_>], faults: &Faults) {
    let sections: &[TypeKind] = match key {
        "valid_capability_types" => &[TypeKind::Capability],
        "valid_relationship_types" => &[TypeKind::Relationship],
        "targets" => &[TypeKind::Node, TypeKind::Group],
        _ => &[TypeKind::Node],
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
            let message = format!("cannot add `{}` to the inherited `{key}`", word.text);
            faults.push(Fault::new(Code::Refinement, word.span, message));
        }
    }
}
