//! Nodes and relationships of a representation, with their properties and attributes.

use std::sync::Arc;

use koinon_model::Digest;
use koinon_model::Value;
use koinon_model::representation as model;
use koinon_model::representation::Candidates;
use koinon_model::representation::Choice;
use koinon_model::representation::ElementId;
use koinon_model::representation::Entries;

use super::builder::RepresentationBuilder;
use crate::evaluate::Scope;
use crate::evaluate::effective;
use crate::grammar::CapabilityDefinition;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::NamedMap;
use crate::grammar::PropertyDefinitions;
use crate::grammar::TypeId;
use crate::grammar::ValueAssignments;
use crate::keynames::TypeKind;
use crate::program::GraphRelationship;
use crate::program::Halt;
use crate::program::KeptValue;
use crate::program::NO_VALUES;
use crate::program::NodeNumber;
use crate::program::address;

impl<'p, 'a> RepresentationBuilder<'p, 'a> {
    pub(crate) fn node(&self, at: NodeNumber, used: &mut Vec<TypeId>) -> model::Node {
        let program = self.program;
        let node = program.graph.node(at);
        let template = node.template;
        let (name, index) = self.sort_key(at);
        used.push(node.id);
        let directives = template.directives.iter().map(|(_, word)| self.name(word.text));
        let mut result = model::Node {
            // Ids are filled in later.
            id: ElementId(Digest::ZERO),
            template: self.name(name),
            index,
            node_type: self.type_name(node.id),
            directives: directives.collect(),
            properties: model::Properties::with_capacity(node.def.properties.len()),
            attributes: Arc::default(),
            capabilities: Entries::with_capacity(node.def.capabilities.len()),
            artifacts: Entries::new(),
            interfaces: model::Interfaces::new(),
            operator: None,
        };
        for (name, property) in &node.def.properties {
            let Some(expr) = effective(property, &template.properties) else { continue };
            let value = program.with_property(at, name, KeptValue::clone);
            let found = self.property(value, expr, Scope::node(at, name));
            result.properties.extend(found.map(|found| (self.name(name), found)));
        }
        let scope = Scope::node(at, template.name.text);
        result.attributes = self.own_attributes(&node.def.attributes, &template.attributes, scope);
        for (name, capability) in &node.def.capabilities {
            let values = template.capabilities.get(name);
            if values.is_none()
                && let Some(known) = self.capabilities.borrow().get(&address(&**capability))
                && !program.has_allocations(at, capability)
            {
                result.capabilities.insert(self.name(name), known.clone());
                continue;
            }
            let id = capability.capability_type;
            let Some(id) = id.and_then(|word| program.types.lookup(TypeKind::Capability, word))
            else {
                continue;
            };
            used.push(id);
            let assigned = values.map_or(&NO_VALUES, |values| &values.properties);
            let mut own = model::Capability {
                capability_type: self.type_name(id),
                properties: model::Properties::with_capacity(capability.properties.len()),
                attributes: model::Properties::new(),
                remaining: Entries::new(),
                inner: None,
            };
            for (name, property) in &capability.properties {
                let Some(expr) = effective(property, assigned) else { continue };
                let value =
                    program.with_capability_property(at, capability, name, KeptValue::clone);
                let found = self.property(value, expr, Scope::node(at, name));
                own.properties.extend(found.map(|found| (self.name(name), found)));
                let left = program.remaining_value(at, capability, name);
                own.remaining.extend(left.map(|left| (self.name(name), left)));
            }
            let assigned = values.map_or(&NO_VALUES, |values| &values.attributes);
            own.attributes = self.attributes(&capability.attributes, assigned, scope);
            let shared = values.is_none() && own.remaining.is_empty() && !varies(capability);
            let own = Arc::new(own);
            if shared {
                self.capabilities.borrow_mut().insert(address(&**capability), own.clone());
            }
            result.capabilities.insert(self.name(name), own);
        }
        let inherited = node.def.artifacts.values().map(|artifact| &**artifact);
        let inherited = inherited.filter(|one| !template.artifacts.contains(one.name.text));
        let all = inherited.chain(template.artifacts.iter().map(|(_, artifact)| artifact));
        result.artifacts = all
            .filter_map(|artifact| {
                let found = self.artifact(artifact, scope, used)?;
                Some((self.name(artifact.name.text), found))
            })
            .collect();
        let artifacts = (&node.def.artifacts, &template.artifacts);
        result.interfaces = self.interfaces(
            &node.def.interfaces,
            &template.interfaces,
            Some(artifacts),
            scope,
            used,
        );
        if let Some(template) = program.substituted.borrow().get(&at) {
            let definitions = &node.def.interfaces;
            result.interfaces =
                self.substituted_operations(&result.interfaces, definitions, template, used);
        }
        result
    }

    pub(crate) fn relationship(
        &self,
        relationship: &GraphRelationship<'a>,
        id: ElementId,
        candidates: Option<Candidates>,
        used: &mut Vec<TypeId>,
    ) -> model::Relationship {
        let program = self.program;
        used.push(relationship.id);
        let source = program.element(relationship.source);
        let requirement = relationship.definition.name.text;
        let index = u32::try_from(relationship.index).unwrap_or(u32::MAX);
        let scope = Scope::relationship(relationship, "relationship");
        let mut properties = model::Properties::with_capacity(relationship.properties.len());
        for (name, property) in relationship.properties {
            let Some(expr) = effective(property, relationship.values) else { continue };
            let value = program.with_relationship_property(relationship, name, KeptValue::clone);
            let found = self.property(value, expr, scope);
            properties.extend(found.map(|found| (self.name(name), found)));
        }
        let template = relationship
            .assignment
            .and_then(|one| program.template.relationships.get(one.relationship?.text));
        let none = NamedMap::new();
        let attributes = match (template, relationship.assignment) {
            (Some(template), _) => &template.attributes,
            (None, Some(assignment)) => &assignment.attributes,
            (None, None) => &NO_VALUES,
        };
        let interfaces = match (template, relationship.assignment) {
            (Some(template), _) => &template.interfaces,
            (None, Some(assignment)) => &assignment.interfaces,
            (None, None) => &none,
        };
        model::Relationship {
            id,
            requirement: self.name(requirement),
            index,
            relationship_type: self.type_name(relationship.id),
            source,
            target: program.element(relationship.target),
            capability: self.name(relationship.capability.name.text),
            properties,
            attributes: self.own_attributes(relationship.attributes, attributes, scope),
            interfaces: self.interfaces(
                &relationship.def.interfaces,
                interfaces,
                None,
                scope,
                used,
            ),
            allocation: relationship
                .allocation
                .iter()
                .map(|(name, _, value)| (self.name(name), value.clone()))
                .collect(),
            choice: Choice {
                why: relationship.chosen.why,
                candidates,
                seed: relationship.chosen.seed,
            },
        }
    }

    /// Returns the property of an evaluated value, with its origin; `None` if it has no value.
    pub(crate) fn property(
        &self,
        value: Result<Option<impl Into<Arc<Value>>>, Halt>,
        expr: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) -> Option<model::Property> {
        let value = match value {
            Ok(None) => return None,
            Ok(Some(value)) => Ok(value),
            Err(halt) => Err(halt),
        };
        let value = self.term(value, expr, scope)?;
        Some(model::Property { value, origin: self.lines.origin(expr.span) })
    }

    pub(crate) fn values(
        &self,
        definitions: &'p PropertyDefinitions<'a>,
        values: &'p ValueAssignments<'a>,
        scope: Scope<'_, 'a>,
    ) -> model::Properties {
        let mut all = model::Properties::with_capacity(definitions.len());
        for (name, property) in definitions {
            let Some(expr) = effective(property, values) else { continue };
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &property.schema, scope).map(Some);
            all.extend(self.property(value, expr, scope).map(|found| (self.name(name), found)));
        }
        all
    }

    /// Returns the attributes of an element with a value before run time, shared if all are
    /// defaults.
    fn own_attributes(
        &self,
        definitions: &'p PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        scope: Scope<'_, 'a>,
    ) -> Arc<model::Properties> {
        if !values.is_empty() {
            return Arc::new(self.attributes(definitions, values, scope));
        }
        let known = self.attributes.borrow().get(&address(definitions)).cloned();
        if let Some(known) = known {
            return known;
        }
        let all = Arc::new(self.attributes(definitions, values, scope));
        let defaults = self.defaults.borrow();
        let mut given = definitions.values().filter_map(|one| one.default.as_ref());
        if given.all(|one| is_null(one) || defaults.contains_key(&address(one))) {
            self.attributes.borrow_mut().insert(address(definitions), Arc::clone(&all));
        }
        all
    }

    /// Returns the attributes with a value before run time.
    pub(crate) fn attributes(
        &self,
        definitions: &'p PropertyDefinitions<'a>,
        values: &ValueAssignments<'a>,
        scope: Scope<'_, 'a>,
    ) -> model::Properties {
        let given = definitions.iter().filter_map(|(name, attribute)| {
            let expr = values.get(name).or(attribute.default.as_ref())?;
            (!is_null(expr)).then_some((*name, attribute, expr))
        });
        // Most elements have no attribute or one: count first, to allocate exactly.
        let mut all = model::Properties::with_capacity(given.clone().count());
        for (name, attribute, expr) in given {
            let known = self.defaults.borrow().get(&address(expr)).cloned();
            if let Some(known) = known {
                all.insert(self.name(name), known);
                continue;
            }
            let scope = Scope { what: name, ..scope };
            let value = self.program.typed(expr, &attribute.schema, scope).map(Some);
            let Some(found) = self.property(value, expr, scope) else { continue };
            let is_default = attribute.default.as_ref().is_some_and(|one| std::ptr::eq(one, expr));
            if is_default && self.program.is_same_everywhere(expr, &attribute.schema) {
                self.defaults.borrow_mut().insert(address(expr), found.clone());
            }
            all.insert(self.name(name), found);
        }
        all
    }
}

fn is_null(expr: &Expr<'_>) -> bool {
    matches!(expr.kind, ExprKind::Null)
}

/// Returns whether default values of a capability may differ between nodes.
fn varies(capability: &CapabilityDefinition<'_>) -> bool {
    let all = capability.properties.values().chain(capability.attributes.values());
    let mut values = all.flat_map(|one| [&one.value, &one.default]).flatten();
    values.any(Expr::varies)
}
