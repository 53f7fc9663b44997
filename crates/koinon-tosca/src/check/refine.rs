//! What a derived type inherits and what it may change (csd07 5.1.3, 6.4.2 and the rules of each section).

use std::collections::BTreeMap;

use super::types::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::Capability;
use crate::grammar::Interface;
use crate::grammar::Operation;
use crate::grammar::Property;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::TypeDef;
use crate::grammar::Word;

/// Definitions by name.
type Properties<'a> = BTreeMap<&'a str, Property<'a>>;

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
            properties: properties(types, &empty, own.properties, faults),
            attributes: properties(types, &empty, own.attributes, faults),
            inputs: properties(types, &empty, own.inputs, faults),
            ..own
        };
    };
    let mut lists = parent.lists.clone();
    for (key, own) in own.lists {
        if let Some(allowed) = parent.lists.get(key) {
            narrowed(types, key, allowed, &own, faults);
        }
        lists.insert(key, own);
    }
    let mut artifacts = parent.artifacts.clone();
    artifacts.extend(own.artifacts);
    TypeDef {
        properties: properties(types, &parent.properties, own.properties, faults),
        attributes: properties(types, &parent.attributes, own.attributes, faults),
        capabilities: merged(&parent.capabilities, own.capabilities, |old, new| {
            capability(types, old, new, faults)
        }),
        requirements: merged(&parent.requirements, own.requirements, |old, new| {
            requirement(types, old, new, faults)
        }),
        interfaces: merged(&parent.interfaces, own.interfaces, |old, new| {
            interface(types, old, new, faults)
        }),
        inputs: properties(types, &parent.inputs, own.inputs, faults),
        operations: operations(types, &parent.operations, own.operations, faults),
        schema: schema(types, &parent.schema, own.schema, faults),
        artifacts,
        lists,
        ..own
    }
}

/// Merges maps: what both have goes through `refine`.
fn merged<'a, T: Clone>(
    parent: &BTreeMap<&'a str, T>,
    own: BTreeMap<&'a str, T>,
    refine: impl Fn(&T, T) -> T,
) -> BTreeMap<&'a str, T> {
    let mut all = parent.clone();
    for (name, new) in own {
        let new = match parent.get(name) {
            Some(old) => refine(old, new),
            None => new,
        };
        all.insert(name, new);
    }
    all
}

/// Merges property definitions. What is new must have a type.
pub(super) fn properties<'a>(
    types: &Types<'a>,
    parent: &Properties<'a>,
    own: Properties<'a>,
    faults: &Faults,
) -> Properties<'a> {
    let mut all = parent.clone();
    for (name, new) in own {
        let new = match parent.get(name) {
            Some(old) => property(types, old, new, faults),
            None if new.schema.data_type.is_none() => {
                let message = if new.short {
                    format!("`{name}` has only a value, but refines nothing that is inherited")
                } else {
                    format!("expected `type` in the definition of `{name}`")
                };
                let fault = Fault::new(Code::MissingKey, new.name.span, message);
                faults.push(fault.near(name, parent.keys().copied()));
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
    new: Property<'a>,
    faults: &Faults,
) -> Property<'a> {
    let refused = |message: String| {
        let fault = Fault::new(Code::Refinement, new.name.span, message);
        faults.push(fault.related(old.name.span, "inherited from here"));
    };
    if old.value.is_some() {
        refused(format!("the value of `{}` is fixed and cannot be refined", new.name.text));
    }
    if old.is_required() && new.required == Some(false) {
        refused(format!("`{}` is required and cannot be made optional", new.name.text));
    }
    Property {
        schema: schema(types, &old.schema, new.schema, faults),
        required: new.required.or(old.required),
        default: new.default.or_else(|| old.default.clone()),
        value: new.value.or_else(|| old.value.clone()),
        name: new.name,
        short: false,
    }
}

fn schema<'a>(types: &Types<'a>, old: &Schema<'a>, new: Schema<'a>, faults: &Faults) -> Schema<'a> {
    let mut validation = old.validation.clone();
    validation.extend(new.validation);
    let part = |old: &Option<Box<Schema<'a>>>, new: Option<Box<Schema<'a>>>| match (old, new) {
        (Some(old), Some(new)) => Some(Box::new(schema(types, old, *new, faults))),
        (old, new) => new.or_else(|| old.clone()),
    };
    Schema {
        data_type: derived(types, Section::Data, old.data_type, new.data_type, faults),
        validation,
        key: part(&old.key, new.key),
        entry: part(&old.entry, new.entry),
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
        && !types.derives(section, new.text, old.text)
        && (types.get(section, new.text).is_some() || super::types::is_builtin(new.text))
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
    new: Capability<'a>,
    faults: &Faults,
) -> Capability<'a> {
    let mut lists = old.lists.clone();
    lists.extend(new.lists);
    // Refinements are checked against the capability's type once that is known for all types.
    let mut properties = old.properties.clone();
    properties.extend(new.properties);
    let mut attributes = old.attributes.clone();
    attributes.extend(new.attributes);
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

fn requirement<'a>(
    types: &Types<'a>,
    old: &RequirementType<'a>,
    new: RequirementType<'a>,
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
    RequirementType {
        name: new.name,
        capability: derived(types, Section::Capability, old.capability, new.capability, faults),
        relationship: derived(
            types,
            Section::Relationship,
            old.relationship,
            new.relationship,
            faults,
        ),
        node: derived(types, Section::Node, old.node, new.node, faults),
        count: new.count.or(old.count),
    }
}

fn interface<'a>(
    types: &Types<'a>,
    old: &Interface<'a>,
    new: Interface<'a>,
    faults: &Faults,
) -> Interface<'a> {
    Interface {
        name: new.name,
        interface_type: derived(
            types,
            Section::Interface,
            old.interface_type,
            new.interface_type,
            faults,
        ),
        inputs: properties(types, &old.inputs, new.inputs, faults),
        operations: operations(types, &old.operations, new.operations, faults),
    }
}

/// Merges operations with their inputs.
pub(super) fn operations<'a>(
    types: &Types<'a>,
    old: &BTreeMap<&'a str, Operation<'a>>,
    new: BTreeMap<&'a str, Operation<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Operation<'a>> {
    merged(old, new, |old, new| Operation {
        name: new.name,
        inputs: properties(types, &old.inputs, new.inputs, faults),
    })
}

/// Checks that a list of types only narrows the inherited one.
pub(super) fn narrowed(
    types: &Types<'_>,
    key: &str,
    allowed: &[Word<'_>],
    own: &[Word<'_>],
    faults: &Faults,
) {
    let sections: &[Section] = match key {
        "valid_capability_types" => &[Section::Capability],
        "valid_relationship_types" => &[Section::Relationship],
        "targets" => &[Section::Node, Section::Group],
        _ => &[Section::Node],
    };
    for word in own {
        let fits = |one: &Word<'_>| {
            sections.iter().any(|section| types.derives(*section, word.text, one.text))
        };
        if !allowed.iter().any(fits) {
            let message = format!("`{key}` may only be narrowed, `{}` is new", word.text);
            faults.push(Fault::new(Code::Refinement, word.span, message));
        }
    }
}
