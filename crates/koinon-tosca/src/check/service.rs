//! Templates, groups, policies and outputs against their types.

use super::eval::Scope;
use super::graph::NOTHING;
use super::program::Program;
use super::types::Base;
use super::types::IMPLICIT;
use super::value::effective;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::diag::article;
use crate::grammar::Assigned;
use crate::grammar::Capability;
use crate::grammar::Directive;
use crate::grammar::Expr;
use crate::grammar::Group;
use crate::grammar::Interface;
use crate::grammar::InterfaceValues;
use crate::grammar::Named;
use crate::grammar::NodeTemplate;
use crate::grammar::OperationValues;
use crate::grammar::Policy;
use crate::grammar::Properties;
use crate::grammar::Requirement;
use crate::grammar::RequirementType;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::Target;
use crate::grammar::TypeDef;
use crate::grammar::TypeId;
use crate::grammar::Word;

use std::collections::BTreeMap;
use std::sync::Arc;

/// Interfaces by name.
type Interfaces<'a> = BTreeMap<&'a str, Arc<Interface<'a>>>;

impl<'a> Program<'a> {
    /// Checks the service template before its requirements are resolved: names, types, counts.
    pub(crate) fn check_template(&self) {
        let template = self.template;
        for node in template.nodes.values() {
            self.check_node(node);
        }
        for relationship in template.relationships.values() {
            let name = relationship.relationship_type;
            let Some(id) = self.faults.keep(self.types.find(Section::Relationship, name)) else {
                continue;
            };
            let def = self.types.def(id);
            let of = (name.text, name.span);
            let scope = Scope::in_type(name.text);
            self.check_values(&def.properties, &relationship.properties, of, scope);
            self.check_attributes(
                &def.attributes,
                &def.properties,
                &relationship.attributes,
                name.text,
            );
            self.check_interfaces(&def.interfaces, &relationship.interfaces, None, name.text);
        }
        for group in template.groups.values() {
            self.check_group(group);
        }
        for policy in template.policies.values() {
            self.check_policy(policy);
        }
        self.check_workflows();
        self.check_substitution();
        for function in &template.functions {
            for signature in &function.signatures {
                let all = signature.arguments.iter().chain(&signature.optional);
                for schema in all.chain(&signature.result) {
                    super::definitions::check_schema(
                        self.types,
                        schema,
                        function.name,
                        self.faults,
                    );
                }
            }
        }
    }

    /// Evaluates every value of the graph, once its requirements are resolved as far as they can be.
    pub(crate) fn check_graph(&self) {
        for at in 0..self.graph.len() {
            self.evaluate_node(at);
        }
        for relationship in self.graph.relationships() {
            for name in relationship.properties.keys() {
                drop(self.relationship_property(&relationship, name));
            }
            if let Some(assignment) = relationship.assignment {
                let scope = Scope::relationship(&relationship, "relationship");
                self.evaluate_values(relationship.attributes, &assignment.attributes, scope);
                let known = &relationship.def.interfaces;
                self.evaluate_interfaces(known, &assignment.interfaces, scope);
            }
        }
        for (name, output) in &self.template.outputs {
            self.check_parameter(output);
            match &output.value {
                // An output may well be known only at run time.
                Some(value) => {
                    drop(self.typed(value, &output.schema, Scope::of(name)));
                }
                None => {
                    let message = format!("expected `value` in output `{name}`");
                    self.faults.push(Fault::new(Code::MissingKey, output.name.span, message));
                }
            }
        }
    }

    fn evaluate_node(&self, at: u32) {
        let node = self.graph.node(at);
        if node.elsewhere.is_some() || is_selected(node.template) {
            return;
        }
        // Kept for when they are asked for, and not copied before.
        for name in node.def.properties.keys() {
            self.look_at_property(at, name, |_| ());
        }
        for capability in node.def.capabilities.values() {
            let values = node.template.capabilities.get(capability.name.text);
            let address = std::ptr::from_ref::<Capability<'a>>(capability).addr();
            let common = values.is_none().then(|| self.common.borrow().get(&address).copied());
            if common != Some(Some(true)) {
                let mut valid = true;
                for name in capability.properties.keys() {
                    valid &= self.look_at_capability_property(at, capability, name, Result::is_ok);
                }
                if common == Some(None) {
                    let common = valid && self.is_common(capability);
                    self.common.borrow_mut().insert(address, common);
                }
            }
            if let Some(values) = values {
                let scope = Scope::node(at, capability.name.text);
                self.evaluate_values(&capability.attributes, &values.attributes, scope);
            }
        }
        let scope = Scope::node(at, node.template.name.text);
        self.evaluate_values(&node.def.attributes, &node.template.attributes, scope);
        self.evaluate_interfaces(&node.def.interfaces, &node.template.interfaces, scope);
        for artifact in node.template.artifacts.values() {
            self.check_artifact(artifact, scope);
        }
    }

    /// Returns whether values a capability has by its definition, and what they must be, are the same for every node.
    fn is_common(&self, capability: &Capability<'a>) -> bool {
        capability.properties.values().all(|property| {
            let expr = effective(property, &NOTHING);
            expr.is_none_or(|expr| self.is_same_everywhere(expr, &property.schema))
        })
    }

    /// Returns whether a value, and what it must be, are the same wherever it is asked for.
    pub(super) fn is_same_everywhere(&self, expr: &Expr<'a>, schema: &Schema<'a>) -> bool {
        // What is inside of values has schemas of its own.
        let simple = self.types.shape(schema).filter(|one| {
            !matches!(one.base, Base::List | Base::Map | Base::Complex | Base::Scalar)
        });
        let Some(shape) = simple.filter(|_| !expr.varies()) else { return false };
        let mut clauses = shape.def.schema.validation.iter().chain(&schema.validation);
        !clauses.any(|clause| clause.varies())
    }

    /// Evaluates attributes or inputs; what is declared nowhere has the type its value has.
    fn evaluate_values(
        &self,
        definitions: &Properties<'a>,
        values: &Assigned<'a>,
        scope: Scope<'_, 'a>,
    ) {
        for (word, value) in values.iter() {
            // An attribute that is assigned nothing is not assigned.
            if matches!(value.kind, crate::grammar::ExprKind::Null) {
                continue;
            }
            let scope = Scope { what: word.text, ..scope };
            drop(match definitions.get(word.text) {
                Some(definition) => self.typed(value, &definition.schema, scope),
                None => self.eval(value, scope).map(|known| known.value),
            });
        }
    }

    fn evaluate_interfaces(
        &self,
        definitions: &Interfaces<'a>,
        values: &Named<'a, InterfaceValues<'a>>,
        scope: Scope<'_, 'a>,
    ) {
        for (word, values) in values.iter() {
            let Some(interface) = definitions.get(word.text) else { continue };
            self.evaluate_values(&interface.inputs, &values.inputs, scope);
            for (_, operation) in values.operations.iter().chain(values.notifications.iter()) {
                self.check_output_paths(operation, scope);
            }
            for (word, operation) in values.operations.iter() {
                let known = interface.operations.get(word.text);
                let inputs = known.map_or(&interface.inputs, |known| &known.inputs);
                for (name, value) in operation.inputs.iter() {
                    let scope = Scope { what: name.text, ..scope };
                    let definition =
                        inputs.get(name.text).or_else(|| interface.inputs.get(name.text));
                    drop(match definition {
                        Some(definition) => self.typed(value, &definition.schema, scope),
                        None => self.eval(value, scope).map(|known| known.value),
                    });
                }
            }
        }
    }

    fn check_node(&self, node: &'a NodeTemplate<'a>) {
        let Some(id) = self.faults.keep(self.types.find(Section::Node, node.node_type)) else {
            return;
        };
        let def = self.types.def(id);
        // Of a node that is selected only the filter counts (csd07 7.2.1).
        if is_selected(node) {
            return;
        }
        let of = (node.node_type.text, node.name.span);
        self.check_names(&def.properties, &node.properties, of);
        self.check_attributes(&def.attributes, &def.properties, &node.attributes, of.0);
        self.check_capabilities(node, def);
        for requirement in &node.requirements {
            self.check_requirement(requirement, node, id);
        }
        let known: Vec<&str> =
            def.artifacts.keys().copied().chain(node.artifacts.names()).collect();
        self.check_interfaces(&def.interfaces, &node.interfaces, Some(&known), of.0);
        self.check_counts(node, def);
    }

    /// Checks assignments of attributes, which properties are as well (csd07 9.5).
    fn check_attributes(
        &self,
        attributes: &Properties<'a>,
        properties: &Properties<'a>,
        values: &Assigned<'a>,
        of: &str,
    ) {
        for (word, _) in values.iter() {
            if !attributes.contains_key(word.text) && !properties.contains_key(word.text) {
                self.undeclared("attribute", *word, of, attributes.keys().copied());
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
        let fault = Fault::new(Code::Undeclared, word.span, message);
        self.faults.push(self.faults.near(fault, word.text, known));
    }

    fn check_capabilities(&self, node: &NodeTemplate<'a>, def: &TypeDef<'a>) {
        for (word, _) in node.capabilities.iter() {
            if !def.capabilities.contains_key(word.text) {
                let known = def.capabilities.keys().copied();
                self.undeclared("capability", *word, def.name.text, known);
            }
        }
        for (name, capability) in &def.capabilities {
            let values = node.capabilities.entry(name);
            let of = (*name, values.map_or(node.name.span, |(word, _)| word.span));
            let assigned = values.map_or(&NOTHING, |(_, values)| &values.properties);
            self.check_names(&capability.properties, assigned, of);
            let assigned = values.map_or(&NOTHING, |(_, values)| &values.attributes);
            self.check_attributes(&capability.attributes, &capability.properties, assigned, name);
        }
    }

    /// Checks the names interfaces are assigned by. Inputs and outputs may be new (csd07 11.3, 11.5).
    fn check_interfaces(
        &self,
        definitions: &Interfaces<'a>,
        values: &Named<'a, InterfaceValues<'a>>,
        artifacts: Option<&[&str]>,
        of: &str,
    ) {
        for (word, values) in values.iter() {
            let Some(interface) = definitions.get(word.text) else {
                // csd07's own examples give relationship templates interfaces their types do not have.
                let known = definitions.keys().copied();
                let message = format!("interface `{}` is not declared by {of}", word.text);
                let fault = Fault::new(Code::Undeclared, word.span, message);
                let fault = self.faults.near(fault, word.text, known);
                self.faults.push(match artifacts {
                    Some(_) => fault,
                    None => fault.warning(),
                });
                continue;
            };
            self.check_fixed(&interface.inputs, &values.inputs);
            for (all, known, what) in [
                (&values.operations, &interface.operations, "operation"),
                (&values.notifications, &interface.notifications, "notification"),
            ] {
                for (word, operation) in all.iter() {
                    if let Some(implementation) = &operation.implementation {
                        let names = artifacts.unwrap_or_default();
                        self.check_implementation(implementation, names, Scope::in_type(word.text));
                    }
                    match known.get(word.text) {
                        Some(definition) => {
                            self.check_fixed(&definition.inputs, &operation.inputs);
                            self.check_mappings(&definition.outputs, operation);
                        }
                        None => {
                            let known = known.keys().copied();
                            self.undeclared(what, *word, interface.name.text, known);
                        }
                    }
                }
            }
        }
    }

    /// Checks that no parameter is assigned whose value is fixed (csd07 9.8).
    fn check_fixed(&self, definitions: &Properties<'a>, values: &Assigned<'a>) {
        for (word, _) in values.iter() {
            let fixed = definitions.get(word.text).and_then(|one| one.value.as_ref());
            if let Some(fixed) = fixed {
                let message = format!("the value of `{}` is fixed by its type", word.text);
                let fault = Fault::new(Code::Fixed, word.span, message);
                self.faults.push(fault.related(fixed.span, "fixed here"));
            }
        }
    }

    /// Checks that no output is mapped twice, and that mappings are paths (csd07 9.9).
    fn check_mappings(&self, definitions: &Properties<'a>, operation: &OperationValues<'a>) {
        for (word, value) in operation.outputs.iter() {
            let mapped = definitions.get(word.text).and_then(|one| one.mapping.as_ref());
            if let Some(mapped) = mapped {
                let message = format!("output `{}` is mapped by its type", word.text);
                let fault = Fault::new(Code::Fixed, word.span, message);
                self.faults.push(fault.related(mapped.span, "mapped here"));
            }
            if !matches!(value.kind, crate::grammar::ExprKind::List(_)) {
                let message = "expected a path to an attribute, such as [SELF, address]";
                self.faults.push(Fault::new(Code::Path, value.span, message));
            }
        }
    }

    fn check_requirement(
        &self,
        requirement: &'a Requirement<'a>,
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
            None => definition.node.and_then(|node| self.types.lookup(Section::Node, node)),
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
            self.no_capability(requirement, definition, target_def);
            return;
        };
        let is_allowed = |capability: &&Capability<'a>| {
            relationship.is_none_or(|id| self.is_allowed(source, id, target, capability))
        };
        let capability = fitting.find(is_allowed).unwrap_or(first);
        // Only what the author named is theirs to answer for; candidates are considered one by one.
        let named = requirement
            .node
            .as_ref()
            .is_some_and(|target| self.template.nodes.contains(target.name.text));
        if named
            && let Some(relationship) = relationship
            && let Some((key, lacking, span)) =
                self.refused_by(source, relationship, target, capability, true)
        {
            let fault = || {
                let message = format!(
                    "requirement `{}` of `{}`: `{}` is not among `{key}`",
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

    fn check_allocation(&self, requirement: &Requirement<'a>, capability: &Capability<'a>) {
        for (word, _) in requirement.allocation.iter() {
            let property = capability.properties.get(word.text);
            let shape = property.and_then(|property| self.types.shape(&property.schema));
            match (property, shape.map(|shape| shape.base)) {
                (Some(_), Some(Base::Integer | Base::Float | Base::Scalar)) => {}
                (Some(_), _) => {
                    let message = format!(
                        "`{}` is no number or scalar, so nothing can be allocated from it",
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

    fn no_capability(
        &self,
        requirement: &Requirement<'a>,
        definition: &RequirementType<'a>,
        target: &TypeDef<'a>,
    ) {
        let Some(wanted) = requirement.capability.or(definition.capability) else { return };
        let (span, named) = match (&requirement.capability, &requirement.node) {
            (Some(named), _) => (named.span, true),
            (None, Some(node)) => (node.name.span, true),
            // The type itself asks for what no node of the type has: it was told there.
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

    /// Returns the type of a requirement's target: a node template's, or one that is named itself.
    fn check_target(
        &self,
        target: &Target<'a>,
        definition: &RequirementType<'a>,
    ) -> Option<TypeId> {
        let name = target.name;
        let template = self.template.nodes.get(name.text);
        let id = match template {
            // An unknown type is told at the template.
            Some(template) => self.types.lookup(Section::Node, template.node_type)?,
            None => match self.types.lookup(Section::Node, name) {
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
            && let Some(wanted_id) = self.types.lookup(Section::Node, wanted)
            && !self.types.derives(id, wanted_id)
        {
            let message = format!("`{}` is not {}", name.text, article(wanted.text));
            let fault = Fault::new(Code::NotDerived, name.span, message);
            self.faults.push(fault.related(wanted.span, "required here"));
        }
        if let (Some(index), None) = (&target.index, template) {
            let message = format!("`{}` is a type, whose nodes have no indices", name.text);
            self.faults.push(Fault::new(Code::Count, index.span, message));
        }
        Some(id)
    }

    /// Returns the relationship's type.
    fn check_relationship(
        &self,
        requirement: &'a Requirement<'a>,
        definition: &RequirementType<'a>,
    ) -> Option<TypeId> {
        let wanted = definition.relationship.as_ref().and_then(|one| one.relationship_type);
        let wanted_id = wanted.and_then(|word| self.types.lookup(Section::Relationship, word));
        let id = match requirement.relationship {
            // Types that say nothing of the relationship leave it open.
            None if wanted.is_none() => IMPLICIT,
            None => wanted_id?,
            Some(name) => {
                let template = self.template.relationships.get(name.text);
                match self.types.lookup(Section::Relationship, name) {
                    Some(id) => id,
                    // An unknown type of a template is told there.
                    None => match template {
                        Some(template) => {
                            let name = template.relationship_type;
                            self.types.lookup(Section::Relationship, name)?
                        }
                        None => {
                            self.faults.push(self.types.unknown(Section::Relationship, name));
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
            // What a relationship of another type has or lacks would only follow from this.
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
    fn check_counts(&self, node: &'a NodeTemplate<'a>, def: &TypeDef<'a>) {
        let position = self.template.nodes.position(node.name.text).unwrap_or(usize::MAX);
        let Some(first_node) = self.graph.of_template(position).next() else { return };
        for definition in &def.requirements {
            let name = definition.name.text;
            let assigned: Vec<&Requirement<'a>> =
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
                let upper = max.map_or("any number".to_owned(), |max| max.to_string());
                // What is optional may not come to be, so the least number must be there without it.
                let (made, what) = match sums[1] < min && sums[0] >= min {
                    true => (sums[1], "made without being optional"),
                    false => (sums[0], "made"),
                };
                let message = format!(
                    "requirement `{name}` is {what} {made} times, expected {min} to {upper}"
                );
                let fault = Fault::new(Code::Count, first.name.span, message);
                self.faults.push(fault.related(definition.name.span, "declared here"));
            }
        }
    }

    fn check_group(&self, group: &Group<'a>) {
        let Some(id) = self.faults.keep(self.types.find(Section::Group, group.group_type)) else {
            return;
        };
        let def = self.types.def(id);
        let of = (group.group_type.text, group.group_type.span);
        self.check_values(&def.properties, &group.properties, of, Scope::of("group"));
        self.check_attributes(&def.attributes, &def.properties, &group.attributes, of.0);
        let allowed = def.lists.get("members").map(|list| list.as_slice());
        for member in &group.members {
            self.check_member(*member, allowed, group.name.span);
        }
    }

    fn check_policy(&self, policy: &Policy<'a>) {
        let Some(id) = self.faults.keep(self.types.find(Section::Policy, policy.policy_type))
        else {
            return;
        };
        let def = self.types.def(id);
        let of = (policy.policy_type.text, policy.name.span);
        self.check_values(&def.properties, &policy.properties, of, Scope::of("policy"));
        let allowed = def.lists.get("targets").map(|list| list.as_slice());
        for target in &policy.targets {
            self.check_member(*target, allowed, policy.name.span);
        }
    }

    /// Checks a member of a group or target of a policy: it exists and has an allowed type.
    fn check_member(&self, word: Word<'a>, allowed: Option<&[Word<'a>]>, owner: Span) {
        let node = self.template.nodes.get(word.text).map(|node| (Section::Node, node.node_type));
        let group = self.template.groups.get(word.text);
        let group = group.filter(|group| group.name.span != owner);
        let Some((section, name)) = node.or(group.map(|group| (Section::Group, group.group_type)))
        else {
            let message = format!("unknown node template or group `{}`", word.text);
            let fault = Fault::new(Code::UnknownTemplate, word.span, message);
            let known = self.template.nodes.names().chain(self.template.groups.names());
            self.faults.push(self.faults.near(fault, word.text, known));
            return;
        };
        let Some(id) = self.types.lookup(section, name) else { return };
        let Some(allowed) = allowed else { return };
        let fits = |one: &Word<'_>| {
            self.types.lookup(section, *one).is_some_and(|one| self.types.derives(id, one))
        };
        // A group among members stands for its own members, which were checked against its type.
        let nested = section == Section::Group
            && !allowed.iter().any(|one| self.types.lookup(Section::Group, *one).is_some());
        if !nested && !allowed.iter().any(fits) {
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

/// Returns whether a template's nodes can only come from elsewhere.
pub(super) fn is_selected(template: &NodeTemplate<'_>) -> bool {
    let mut directives = template.directives.iter();
    !template.directives.is_empty() && directives.all(|(one, _)| *one == Directive::Select)
}
