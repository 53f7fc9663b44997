//! Requirements of node templates against their definitions (csd07 8.5).

use crate::builtin::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::article;
use crate::evaluate::Scope;
use crate::grammar::CapabilityDefinition;
use crate::grammar::NodeTemplate;
use crate::grammar::RequirementAssignment;
use crate::grammar::RequirementDefinition;
use crate::grammar::RequirementTarget;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::resolve::OldLists;
use crate::types::IMPLICIT;

impl<'a> Program<'a> {
    pub(super) fn check_requirement(
        &self,
        requirement: &'a RequirementAssignment<'a>,
        node: &NodeTemplate<'a>,
        source: TypeId,
    ) {
        let def = self.types.def(source);
        let Some(definition) = def.requirement(requirement.name.text) else {
            let known = def.requirements.iter().map(|one| one.name.text);
            self.undeclared("requirement", requirement.name, def.name.text, known);
            return;
        };
        let target = match &requirement.node {
            Some(target) => match self.check_target(target, definition) {
                Some(target) => Some(target),
                None => return,
            },
            None => definition.node.and_then(|node| self.types.lookup(TypeKind::Node, node)),
        };
        if let Some(filter) = &requirement.filter {
            self.check_condition(filter, Scope::in_type("node_filter"));
        }
        let relationship = self.check_relationship(requirement, definition);
        let Some(target) = target else { return };
        let wanted = requirement.capability;
        let target_def = self.types.def(target);
        let mut fitting = self.matching(definition, wanted, target_def).peekable();
        let Some(first) = fitting.peek().copied() else {
            self.report_missing_capability(requirement, definition, target_def);
            return;
        };
        let is_allowed = |capability: &&CapabilityDefinition<'a>| {
            relationship.is_none_or(|id| self.is_allowed(source, id, target, capability))
        };
        let capability = fitting.find(is_allowed).unwrap_or(first);
        // Only a named target is the author's fault; other candidates are considered one by one.
        let named = requirement
            .node
            .as_ref()
            .is_some_and(|target| self.template.nodes.contains(target.name.text));
        if named
            && let Some(relationship) = relationship
            && let Some((key, lacking, span)) =
                self.rejecting_list(source, relationship, target, capability, OldLists::Enforce)
        {
            let fault = || {
                let message = format!(
                    "requirement `{}` of `{}`: `{}` is not in `{key}`",
                    requirement.name.text,
                    node.name.text,
                    self.types.def(lacking).name.text,
                );
                let fault = Fault::new(Code::Relationship, requirement.name.span, message);
                match span {
                    Some(span) => fault.related(span, "allowed here"),
                    None => fault,
                }
            };
            if self.is_lenient(span) {
                self.faults.warn(fault);
            } else {
                self.faults.push(fault());
            }
        }
        self.check_allocation(requirement, capability);
    }

    fn check_allocation(
        &self,
        requirement: &RequirementAssignment<'a>,
        capability: &CapabilityDefinition<'a>,
    ) {
        for (word, _) in requirement.allocation.iter() {
            let property = capability.properties.get(word.text);
            let shape = property.and_then(|property| self.types.shape(&property.schema));
            match (property, shape.map(|shape| shape.base)) {
                (Some(_), Some(Base::Integer | Base::Float | Base::Scalar)) => {}
                (Some(_), _) => {
                    let message = format!(
                        "`{}` is not a number or scalar, so nothing can be allocated from it",
                        word.text
                    );
                    self.faults.push(Fault::new(Code::Allocation, word.span, message));
                }
                (None, _) => {
                    let message = format!(
                        "capability `{}` has no property `{}`",
                        capability.name.text, word.text
                    );
                    let fault = Fault::new(Code::Allocation, word.span, message);
                    let known = capability.properties.keys().copied();
                    self.faults.push(self.faults.near(fault, word.text, known));
                }
            }
        }
    }

    fn report_missing_capability(
        &self,
        requirement: &RequirementAssignment<'a>,
        definition: &RequirementDefinition<'a>,
        target: &TypeDefinition<'a>,
    ) {
        let Some(wanted) = requirement.capability.or(definition.capability) else { return };
        let (span, named) = match (&requirement.capability, &requirement.node) {
            (Some(named), _) => (named.span, true),
            (None, Some(node)) => (node.name.span, true),
            // The type requires a capability that none of its targets has: reported at the type.
            (None, None) => (requirement.name.span, false),
        };
        let message = format!("`{}` has no capability `{}`", target.name.text, wanted.text);
        let fault = Fault::new(Code::Capability, span, message);
        let fault = match definition.capability {
            Some(word) => fault.related(word.span, "required here"),
            None => fault,
        };
        self.faults.push(if named { fault } else { fault.warning() });
    }

    /// Returns the type of a requirement's target: the type of a node template, or a type that is
    /// named.
    fn check_target(
        &self,
        target: &RequirementTarget<'a>,
        definition: &RequirementDefinition<'a>,
    ) -> Option<TypeId> {
        let name = target.name;
        let template = self.template.nodes.get(name.text);
        let id = match template {
            // An unknown type is reported at the template.
            Some(template) => self.types.lookup(TypeKind::Node, template.node_type)?,
            None => match self.types.lookup(TypeKind::Node, name) {
                Some(id) => id,
                None => {
                    let message = format!("unknown node template `{}`", name.text);
                    let fault = Fault::new(Code::UnknownTemplate, name.span, message);
                    self.faults.push(self.faults.near(
                        fault,
                        name.text,
                        self.template.nodes.names(),
                    ));
                    return None;
                }
            },
        };
        if let Some(wanted) = definition.node
            && let Some(wanted_id) = self.types.lookup(TypeKind::Node, wanted)
            && !self.types.derives(id, wanted_id)
        {
            let message = format!("`{}` is not {}", name.text, article(wanted.text));
            let fault = Fault::new(Code::NotDerived, name.span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
        }
        if let (Some(index), None) = (&target.index, template) {
            let message =
                format!("expected a node template for an index, found type `{}`", name.text);
            self.faults.push(Fault::new(Code::Count, index.span, message));
        }
        Some(id)
    }

    /// Returns the relationship's type.
    fn check_relationship(
        &self,
        requirement: &'a RequirementAssignment<'a>,
        definition: &RequirementDefinition<'a>,
    ) -> Option<TypeId> {
        let wanted = definition.relationship.as_ref().and_then(|one| one.relationship_type);
        let wanted_id = wanted.and_then(|word| self.types.lookup(TypeKind::Relationship, word));
        let id = match requirement.relationship {
            // A definition without relationship type leaves the type open.
            None if wanted.is_none() => IMPLICIT,
            None => wanted_id?,
            Some(name) => {
                let template = self.template.relationships.get(name.text);
                match self.types.lookup(TypeKind::Relationship, name) {
                    Some(id) => id,
                    // An unknown type of a template is reported at the template.
                    None => match template {
                        Some(template) => {
                            let name = template.relationship_type;
                            self.types.lookup(TypeKind::Relationship, name)?
                        }
                        None => {
                            self.faults.push(self.types.unknown(TypeKind::Relationship, name));
                            return None;
                        }
                    },
                }
            }
        };
        if let (Some(name), Some(wanted), Some(wanted_id)) =
            (requirement.relationship, wanted, wanted_id)
            && !self.types.derives(id, wanted_id)
        {
            let message = format!("`{}` is not {}", name.text, article(wanted.text));
            let fault = Fault::new(Code::NotDerived, name.span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
            // Further faults of a relationship with a wrong type would only follow from this.
            return None;
        }
        let def = self.types.def(id);
        let known = match &definition.relationship {
            Some(own) if !own.properties.is_empty() => &own.properties,
            _ => &def.properties,
        };
        let span = requirement.relationship.map_or(requirement.name.span, |word| word.span);
        let template = requirement
            .relationship
            .is_some_and(|word| self.template.relationships.contains(word.text));
        if !template {
            self.check_names(known, &requirement.properties, (def.name.text, span));
        }
        self.check_attributes(&def.attributes, known, &requirement.attributes, def.name.text);
        self.check_interfaces(&def.interfaces, &requirement.interfaces, None, def.name.text);
        Some(id)
    }

    /// Checks the number of relationships of each requirement (csd07 8.5.4).
    pub(super) fn check_counts(&self, node: &'a NodeTemplate<'a>, def: &TypeDefinition<'a>) {
        let position = self.template.nodes.position(node.name.text).unwrap_or(usize::MAX);
        let Some(first_node) = self.graph.of_template(position).next() else { return };
        for definition in &def.requirements {
            let name = definition.name.text;
            let assigned: Vec<&RequirementAssignment<'a>> =
                node.requirements.iter().filter(|one| one.name.text == name).collect();
            let (Some(first), Some((min, max))) = (assigned.first(), definition.count) else {
                continue;
            };
            let mut sums = [0_u64, 0];
            let mut known = true;
            for requirement in &assigned {
                let Ok(count) = self.requirement_count(requirement, first_node) else {
                    known = false;
                    break;
                };
                sums[0] = sums[0].saturating_add(count);
                if !requirement.optional {
                    sums[1] = sums[1].saturating_add(count);
                }
            }
            if known && sums.iter().any(|sum| *sum < min || max.is_some_and(|max| *sum > max)) {
                let range = max.map_or(format!("{min} or more"), |max| format!("{min} to {max}"));
                // Optional relationships may be missing, so the mandatory ones must reach the lower
                // bound.
                let (found, what) = match sums[1] < min && sums[0] >= min {
                    true => (sums[1], "mandatory relationships"),
                    false => (sums[0], "relationships"),
                };
                let message =
                    format!("expected {range} {what} of requirement `{name}`, found {found}");
                let fault = Fault::new(Code::Count, first.name.span, message);
                self.faults.push(fault.related(definition.name.span, "declared here"));
            }
        }
    }
}
