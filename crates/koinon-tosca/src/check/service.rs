//! Templates, groups, policies and outputs against their types.

use std::collections::BTreeMap;

use super::eval::Own;
use super::eval::Scope;
use super::program::Program;
use super::types::Base;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::article;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Group;
use crate::grammar::Interface;
use crate::grammar::InterfaceValues;
use crate::grammar::NodeTemplate;
use crate::grammar::Policy;
use crate::grammar::Property;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::Section;
use crate::grammar::Target;
use crate::grammar::TypeDef;
use crate::grammar::Word;

/// Checks the service template.
pub(crate) fn check_service(program: &Program<'_>) {
    let document = &program.document;
    for node in document.nodes.values() {
        program.check_node(node);
    }
    for template in document.relationships.values() {
        let name = template.relationship_type;
        let Some(def) = program.faults.keep(program.types.find(Section::Relationship, name)) else {
            continue;
        };
        let scope = Scope::of("relationship");
        program.check_values(&def.properties, &template.properties, (name.text, name.span), scope);
        program.check_attributes(&def.attributes, &template.attributes, name.text, scope);
        program.check_interfaces(&def.interfaces, &template.interfaces, name.text, scope);
    }
    for group in document.groups.values() {
        program.check_group(group);
    }
    for policy in document.policies.values() {
        program.check_policy(policy);
    }
    for (name, output) in &document.outputs {
        program.check_schema(&output.schema, output.name);
        match &output.value {
            // An output may well be known only at run time.
            Some(value) => {
                drop(program.typed(value, &output.schema, Scope::of(name)));
            }
            None => {
                let message = format!("expected `value` in output `{name}`");
                program.faults.push(Fault::new(Code::MissingKey, output.name.span, message));
            }
        }
    }
}

impl<'a> Program<'a> {
    fn check_node(&self, node: &NodeTemplate<'a>) {
        let Some(def) = self.faults.keep(self.types.find(Section::Node, node.node_type)) else {
            return;
        };
        let name = node.name.text;
        let count = self.count(name);
        self.check_node_at(node, def, 0);
        // What holds for the first node and the last holds for those between, as far as indexes only grow.
        if let Ok(count @ 2..) = count
            && self.faults.is_empty()
        {
            self.check_node_at(node, def, count - 1);
        }
        self.check_counts(node, def);
    }

    fn check_node_at(&self, node: &NodeTemplate<'a>, def: &TypeDef<'a>, index: u64) {
        let name = node.name.text;
        let scope = Scope::node(Own { template: name, index }, name);
        let of = (node.node_type.text, node.name.span);
        self.check_values(&def.properties, &node.properties, of, scope);
        self.check_attributes(&def.attributes, &node.attributes, of.0, scope);
        self.check_capabilities(node, def, scope);
        for requirement in &node.requirements {
            self.check_requirement(requirement, node, def, scope);
        }
        self.check_interfaces(&def.interfaces, &node.interfaces, of.0, scope);
        for artifact in node.artifacts.values() {
            self.check_artifact(artifact, scope);
        }
    }

    fn check_attributes(
        &self,
        definitions: &BTreeMap<&'a str, Property<'a>>,
        values: &Assigned<'a>,
        of: &str,
        scope: Scope<'_>,
    ) {
        for (name, (word, value)) in values {
            match definitions.get(name) {
                Some(attribute) => {
                    drop(self.typed(value, &attribute.schema, Scope { what: name, ..scope }));
                }
                None => self.undeclared("attribute", *word, of, definitions.keys().copied()),
            }
        }
    }

    fn undeclared<'n>(
        &self,
        what: &str,
        word: Word<'_>,
        of: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        let message = format!("{what} `{}` is not declared by {of}", word.text);
        self.faults.push(Fault::new(Code::Undeclared, word.span, message).near(word.text, known));
    }

    fn check_capabilities(&self, node: &NodeTemplate<'a>, def: &TypeDef<'a>, scope: Scope<'_>) {
        for (name, values) in &node.capabilities {
            if !def.capabilities.contains_key(name) {
                self.undeclared(
                    "capability",
                    values.name,
                    def.name.text,
                    def.capabilities.keys().copied(),
                );
            }
        }
        let empty = BTreeMap::new();
        for (name, capability) in &def.capabilities {
            let values = node.capabilities.get(name);
            let of = (*name, values.map_or(node.name.span, |values| values.name.span));
            let assigned = values.map_or(&empty, |values| &values.properties);
            self.check_values(&capability.properties, assigned, of, scope);
            let assigned = values.map_or(&empty, |values| &values.attributes);
            self.check_attributes(&capability.attributes, assigned, name, scope);
        }
    }

    fn check_interfaces(
        &self,
        definitions: &BTreeMap<&'a str, Interface<'a>>,
        values: &BTreeMap<&'a str, InterfaceValues<'a>>,
        of: &str,
        scope: Scope<'_>,
    ) {
        for (name, values) in values {
            let Some(interface) = definitions.get(name) else {
                self.undeclared("interface", values.name, of, definitions.keys().copied());
                continue;
            };
            self.check_inputs(&interface.inputs, &values.inputs, scope);
            for (name, (word, inputs)) in &values.operations {
                match interface.operations.get(name) {
                    Some(operation) => {
                        let mut known = interface.inputs.clone();
                        known.extend(operation.inputs.clone());
                        self.check_inputs(&known, inputs, scope);
                    }
                    None => {
                        self.undeclared(
                            "operation",
                            *word,
                            interface.name.text,
                            interface.operations.keys().copied(),
                        );
                    }
                }
            }
        }
    }

    /// Checks inputs of operations, of which a template may have more than its type (csd07 11.3).
    fn check_inputs(
        &self,
        definitions: &BTreeMap<&'a str, Property<'a>>,
        values: &Assigned<'a>,
        scope: Scope<'_>,
    ) {
        for (name, (_, value)) in values {
            let scope = Scope { what: name, ..scope };
            drop(match definitions.get(name) {
                Some(input) => self.typed(value, &input.schema, scope),
                None => self.eval(value, scope),
            });
        }
    }

    fn check_requirement(
        &self,
        requirement: &Requirement<'a>,
        node: &NodeTemplate<'a>,
        def: &TypeDef<'a>,
        scope: Scope<'_>,
    ) {
        let Some(definition) = def.requirements.get(requirement.name.text) else {
            let known = def.requirements.keys().copied();
            self.undeclared("requirement", requirement.name, def.name.text, known);
            return;
        };
        let target = match &requirement.node {
            Some(target) => {
                let Some(target) = self.check_target(target, definition, scope) else { return };
                Some(target)
            }
            None => definition.node.and_then(|node| self.types.get(Section::Node, node.text)),
        };
        let relationship = self.check_relationship(requirement, definition, scope);
        let Some(target) = target else { return };
        let Some(capability) = self.matching(requirement, definition, target) else { return };
        self.check_validity(requirement, relationship, (node, def), (target, capability));
        for (name, (word, value)) in &requirement.allocation {
            let property = capability.properties.get(name);
            let shape = property.and_then(|property| self.types.shape(&property.schema));
            match (property, shape.map(|shape| shape.base)) {
                (Some(property), Some(Base::Integer | Base::Float | Base::Scalar)) => {
                    drop(self.typed(value, &property.schema, Scope { what: name, ..scope }));
                }
                (Some(_), _) => {
                    let message = format!(
                        "`{name}` is no number or scalar, so nothing can be allocated from it"
                    );
                    self.faults.push(Fault::new(Code::Allocation, word.span, message));
                }
                (None, _) => {
                    let message =
                        format!("capability `{}` has no property `{name}`", capability.name.text);
                    let fault = Fault::new(Code::Allocation, word.span, message);
                    self.faults.push(fault.near(name, capability.properties.keys().copied()));
                }
            }
        }
    }

    /// Returns the type of a requirement's target: a node template's, or one that is named itself.
    fn check_target(
        &self,
        target: &Target<'a>,
        definition: &RequirementType<'a>,
        scope: Scope<'_>,
    ) -> Option<&TypeDef<'a>> {
        let name = target.name;
        let template = self.document.nodes.get(name.text);
        let def = match template {
            Some(template) => self.types.get(Section::Node, template.node_type.text)?,
            None => {
                let Some(def) = self.types.get(Section::Node, name.text) else {
                    let message = format!("unknown node template `{}`", name.text);
                    let fault = Fault::new(Code::UnknownTemplate, name.span, message);
                    self.faults.push(fault.near(name.text, self.document.nodes.keys().copied()));
                    return None;
                };
                def
            }
        };
        if let Some(wanted) = definition.node
            && !self.types.derives(Section::Node, def.name.text, wanted.text)
        {
            let message = format!("`{}` is not {}", name.text, article(wanted.text));
            let fault = Fault::new(Code::NotDerived, name.span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
        }
        if let Some(index) = &target.index {
            let value = self.eval(index, Scope { what: "index", ..scope });
            let count = template.and_then(|_| self.count(name.text).ok());
            if let (Ok(value), Some(count)) = (value, count)
                && value.as_u64().is_none_or(|at| at >= count)
            {
                let message =
                    format!("`{}` has {count} nodes and none at {}", name.text, value.to_json());
                self.faults.push(Fault::new(Code::Count, index.span, message));
            }
        }
        Some(def)
    }

    /// Returns the relationship's type.
    fn check_relationship(
        &self,
        requirement: &Requirement<'a>,
        definition: &RequirementType<'a>,
        scope: Scope<'_>,
    ) -> Option<&TypeDef<'a>> {
        let wanted = definition.relationship?;
        let def = match requirement.relationship {
            None => self.types.get(Section::Relationship, wanted.text)?,
            Some(name) => {
                let template = self.document.relationships.get(name.text);
                let type_name = match self.types.get(Section::Relationship, name.text) {
                    Some(_) => name,
                    None => template.map_or(name, |template| template.relationship_type),
                };
                self.faults.keep(self.types.find(Section::Relationship, type_name))?
            }
        };
        if let Some(name) = requirement.relationship
            && !self.types.derives(Section::Relationship, def.name.text, wanted.text)
        {
            let message = format!("`{}` is not {}", name.text, article(wanted.text));
            let fault = Fault::new(Code::NotDerived, name.span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
        }
        if let Some((word, values)) = &requirement.relationship_properties {
            self.check_values(&def.properties, values, (def.name.text, word.span), scope);
        }
        Some(def)
    }

    /// Returns the capability of the target that fits.
    fn matching<'p>(
        &'p self,
        requirement: &Requirement<'a>,
        definition: &RequirementType<'a>,
        target: &'p TypeDef<'a>,
    ) -> Option<&'p Capability<'a>> {
        let wanted = definition.capability?;
        let fits = |capability: &Capability<'a>, wanted: Word<'_>| {
            capability.name.text == wanted.text
                || capability.capability_type.is_some_and(|name| {
                    self.types.derives(Section::Capability, name.text, wanted.text)
                })
        };
        let found = target.capabilities.values().find(|capability| {
            fits(capability, wanted)
                && requirement.capability.is_none_or(|named| fits(capability, named))
        });
        if found.is_none() {
            let named = requirement.capability.unwrap_or(wanted);
            let span = match (&requirement.capability, &requirement.node) {
                (Some(named), _) => named.span,
                (None, Some(node)) => node.name.span,
                (None, None) => requirement.name.span,
            };
            let message = format!("`{}` has no capability `{}`", target.name.text, named.text);
            let fault = Fault::new(Code::Capability, span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
        }
        found
    }

    /// Checks what relationship and capability types say of the types they connect.
    fn check_validity(
        &self,
        requirement: &Requirement<'a>,
        relationship: Option<&TypeDef<'a>>,
        (node, source): (&NodeTemplate<'a>, &TypeDef<'a>),
        (target, capability): (&TypeDef<'a>, &Capability<'a>),
    ) {
        let capability_type = capability.capability_type.map_or("", |name| name.text);
        let lists = relationship.map(|def| &def.lists);
        let relationship_lists = [
            ("valid_source_node_types", Section::Node, source.name.text),
            ("valid_target_node_types", Section::Node, target.name.text),
            ("valid_capability_types", Section::Capability, capability_type),
        ];
        let capability_lists = [
            ("valid_source_node_types", Section::Node, source.name.text),
            (
                "valid_relationship_types",
                Section::Relationship,
                relationship.map_or("", |def| def.name.text),
            ),
        ];
        let relationship_lists =
            relationship_lists.into_iter().map(|(key, section, name)| (lists, key, section, name));
        let capability_lists = capability_lists
            .into_iter()
            .map(|(key, section, name)| (Some(&capability.lists), key, section, name));
        for (lists, key, section, name) in relationship_lists.chain(capability_lists) {
            let Some(allowed) = lists.and_then(|lists| lists.get(key)) else { continue };
            if !allowed.iter().any(|one| self.types.derives(section, name, one.text)) {
                let message = format!(
                    "requirement `{}` of `{}`: `{name}` is not among `{key}`",
                    requirement.name.text, node.name.text
                );
                let fault = Fault::new(Code::Relationship, requirement.name.span, message);
                self.faults.push(match allowed.first() {
                    Some(first) => fault.related(first.span, "allowed here"),
                    None => fault,
                });
            }
        }
    }

    /// Checks the number of relationships of each requirement (csd07 8.5.4).
    fn check_counts(&self, node: &NodeTemplate<'a>, def: &TypeDef<'a>) {
        for (name, definition) in &def.requirements {
            let assigned: Vec<&Requirement<'a>> =
                node.requirements.iter().filter(|one| one.name.text == *name).collect();
            let (Some(first), Some((min, max))) = (assigned.first(), definition.count) else {
                continue;
            };
            let mut sums = [0_u64, 0];
            for requirement in &assigned {
                let count = match &requirement.count {
                    None => 1,
                    Some(count) => {
                        match self.eval(count, Scope::of("count")).map(|value| value.as_u64()) {
                            Ok(Some(count)) => count,
                            Ok(None) => {
                                let message = "expected a natural number for `count`";
                                self.faults.push(Fault::new(Code::Count, count.span, message));
                                return;
                            }
                            Err(_) => return,
                        }
                    }
                };
                sums[0] = sums[0].saturating_add(count);
                if !requirement.optional {
                    sums[1] = sums[1].saturating_add(count);
                }
            }
            if sums.iter().any(|sum| *sum < min || max.is_some_and(|max| *sum > max)) {
                let upper = max.map_or("any number".to_owned(), |max| max.to_string());
                let message = format!(
                    "requirement `{name}` is made {} times, expected {min} to {upper}",
                    sums[0]
                );
                let fault = Fault::new(Code::Count, first.name.span, message);
                self.faults.push(fault.related(definition.name.span, "declared here"));
            }
        }
    }

    fn check_group(&self, group: &Group<'a>) {
        let Some(def) = self.faults.keep(self.types.find(Section::Group, group.group_type)) else {
            return;
        };
        let of = (group.group_type.text, group.group_type.span);
        self.check_values(&def.properties, &group.properties, of, Scope::of("group"));
        self.check_attributes(&def.attributes, &group.attributes, of.0, Scope::of("group"));
        for member in &group.members {
            self.check_member(*member, def.lists.get("members"), false);
        }
    }

    fn check_policy(&self, policy: &Policy<'a>) {
        let Some(def) = self.faults.keep(self.types.find(Section::Policy, policy.policy_type))
        else {
            return;
        };
        let of = (policy.policy_type.text, policy.name.span);
        self.check_values(&def.properties, &policy.properties, of, Scope::of("policy"));
        for target in &policy.targets {
            self.check_member(*target, def.lists.get("targets"), true);
        }
    }

    /// Checks a member of a group or target of a policy: it exists and has an allowed type.
    fn check_member(&self, word: Word<'a>, allowed: Option<&Vec<Word<'a>>>, groups: bool) {
        let node = self.document.nodes.get(word.text).map(|node| (Section::Node, node.node_type));
        let group = self.document.groups.get(word.text).filter(|_| groups);
        let Some((section, name)) = node.or(group.map(|group| (Section::Group, group.group_type)))
        else {
            let message = format!("unknown node template `{}`", word.text);
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            self.faults.push(fault.near(word.text, self.document.nodes.keys().copied()));
            return;
        };
        let fits = |one: &Word<'_>| self.types.derives(section, name.text, one.text);
        if let Some(allowed) = allowed
            && !allowed.iter().any(fits)
        {
            let names: Vec<&str> = allowed.iter().map(|one| one.text).collect();
            let message = format!(
                "`{}` is {}, expected {}",
                word.text,
                article(name.text),
                names.join(" or ")
            );
            self.faults.push(Fault::new(Code::Member, word.span, message));
        }
    }
}
