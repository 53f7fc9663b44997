//! Capabilities, interfaces and relationships of node types, completed from their own types.

use std::sync::Arc;

use super::refine::inputs;
use super::refine::interface;
use super::refine::lists;
use super::refine::operations;
use super::refine::properties;
use super::table::Types;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::grammar::CapabilityDefinition;
use crate::grammar::InterfaceDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::RelationshipDefinition;
use crate::keynames;
use crate::keynames::TypeKind;

/// Completes capabilities, interfaces and relationships of node types with the definitions of their
/// types.
pub(crate) fn complete<'a>(types: &mut Types<'a>, faults: &Faults) {
    let mut completed = Vec::new();
    for (id, def) in types.iter() {
        if !matches!(def.section, TypeKind::Node | TypeKind::Relationship) {
            continue;
        }
        let mut def = def.clone();
        for capability in def.capabilities.values_mut() {
            if let Some(whole) = capability_of(types, capability, faults) {
                *capability = Arc::new(whole);
            }
        }
        for interface in def.interfaces.values_mut() {
            if let Some(whole) = interface_of(types, interface, faults) {
                *interface = Arc::new(whole);
            }
        }
        for requirement in &mut def.requirements {
            if let Some(relationship) = &requirement.relationship {
                let whole = relationship_of(types, relationship, faults);
                let mut own = (**requirement).clone();
                own.relationship = Some(Arc::new(whole));
                *requirement = Arc::new(own);
            }
        }
        completed.push((id, def));
    }
    for (id, def) in completed {
        types.replace(id, def);
    }
}

fn capability_of<'a>(
    types: &Types<'a>,
    capability: &CapabilityDefinition<'a>,
    faults: &Faults,
) -> Option<CapabilityDefinition<'a>> {
    let mut whole = capability.clone();
    let Some(name) = capability.capability_type else {
        faults.push(crate::grammar::missing("type", &keynames::CAPABILITY, capability.name.span));
        return None;
    };
    let def = types.def(faults.keep(types.find(TypeKind::Capability, name))?);
    whole.properties = refined(types, &def.properties, whole.properties, "property", faults);
    whole.attributes = refined(types, &def.attributes, whole.attributes, "attribute", faults);
    whole.lists = lists(types, &def.lists, whole.lists, faults);
    Some(whole)
}

/// Merges refinements into the definitions of a type; they may not add any.
pub(crate) fn refined<'a>(
    types: &Types<'a>,
    known: &PropertyDefinitions<'a>,
    mut own: PropertyDefinitions<'a>,
    what: &str,
    faults: &Faults,
) -> PropertyDefinitions<'a> {
    own.retain(|name, new| {
        // A definition that an inherited one refined already is known too.
        let has = known.contains_key(name);
        if !has {
            let message = format!("the type has no {what} `{name}` to refine");
            let fault = Fault::new(Code::Undeclared, new.name.span, message);
            faults.push(faults.near(fault, name, known.keys().copied()));
        }
        has
    });
    properties(types, known, own, &keynames::PROPERTY, faults)
}

fn interface_of<'a>(
    types: &Types<'a>,
    interface: &InterfaceDefinition<'a>,
    faults: &Faults,
) -> Option<InterfaceDefinition<'a>> {
    let mut whole = interface.clone();
    let Some(name) = interface.interface_type else {
        faults.push(crate::grammar::missing("type", &keynames::INTERFACE, interface.name.span));
        return None;
    };
    let def = types.def(faults.keep(types.find(TypeKind::Interface, name))?);
    for (own, known, what) in [
        (&interface.operations, &def.operations, "operation"),
        (&interface.notifications, &def.notifications, "notification"),
    ] {
        for (name, operation) in own {
            if !known.contains_key(name) {
                let message = format!("the interface's type has no {what} `{name}`");
                let fault = Fault::new(Code::Undeclared, operation.name.span, message);
                faults.push(faults.near(fault, name, known.keys().copied()));
            }
        }
    }
    // New inputs may be added here (csd07 11.2).
    whole.inputs = inputs(types, &def.inputs, whole.inputs, faults);
    whole.operations = operations(types, &def.operations, whole.operations, faults);
    whole.notifications = operations(types, &def.notifications, whole.notifications, faults);
    Some(whole)
}

pub(crate) fn relationship_of<'a>(
    types: &Types<'a>,
    relationship: &RelationshipDefinition<'a>,
    faults: &Faults,
) -> RelationshipDefinition<'a> {
    let mut whole = relationship.clone();
    // An unknown type is reported where requirements are checked.
    let def = whole.relationship_type.and_then(|name| types.get(TypeKind::Relationship, name));
    let Some(def) = def else { return whole };
    if !whole.properties.is_empty() {
        whole.properties = refined(types, &def.properties, whole.properties, "property", faults);
    }
    if !whole.attributes.is_empty() {
        whole.attributes = refined(types, &def.attributes, whole.attributes, "attribute", faults);
    }
    for (name, own) in &mut whole.interfaces {
        match def.interfaces.get(name) {
            Some(known) => *own = Arc::new(interface(types, known, own, faults)),
            None => {
                let message = format!("the relationship's type has no interface `{name}`");
                let fault = Fault::new(Code::Undeclared, own.name.span, message);
                faults.push(faults.near(fault, name, def.interfaces.keys().copied()));
            }
        }
    }
    whole
}
