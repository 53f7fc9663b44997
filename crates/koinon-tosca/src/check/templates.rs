//! Templates, groups and policies against their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::diag::article;
use crate::evaluate::Scope;
use crate::grammar::GroupDefinition;
use crate::grammar::InterfaceAssignment;
use crate::grammar::InterfaceDefinition;
use crate::grammar::NamedMap;
use crate::grammar::NodeTemplate;
use crate::grammar::OperationAssignment;
use crate::grammar::PolicyDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::Word;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::resolve::is_selected;
use crate::types::check_schema;

/// Definitions of interfaces by name.
pub(crate) type InterfaceDefinitions<'a> = BTreeMap<&'a str, Arc<InterfaceDefinition<'a>>>;

impl<'a> Program<'a> {
    /// Checks the service template before its requirements are resolved: names, types, counts.
    pub(crate) fn check_template(&self) {
        let template = self.template;
        for node in template.nodes.values() {
            self.check_node(node);
        }
        for relationship in template.relationships.values() {
            let name = relationship.relationship_type;
            let Some(id) = self.faults.keep(self.types.find(TypeKind::Relationship, name)) else {
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
                    check_schema(self.types, schema, function.name, self.faults);
                }
            }
        }
    }

    fn check_node(&self, node: &'a NodeTemplate<'a>) {
        let Some(id) = self.faults.keep(self.types.find(TypeKind::Node, node.node_type)) else {
            return;
        };
        let def = self.types.def(id);
        // For a selected node only the filter counts (csd07 7.2.1).
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

    /// Checks that assigned interfaces and operations are declared. Inputs and outputs may be new
    /// (csd07 11.3, 11.5).
    pub(super) fn check_interfaces(
        &self,
        definitions: &InterfaceDefinitions<'a>,
        values: &NamedMap<'a, InterfaceAssignment<'a>>,
        artifacts: Option<&[&str]>,
        of: &str,
    ) {
        for (word, values) in values.iter() {
            let Some(interface) = definitions.get(word.text) else {
                // Examples in csd07 assign undeclared interfaces to relationship templates.
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

    /// Checks that no output is mapped twice, and that mappings are paths (csd07 9.9).
    fn check_mappings(
        &self,
        definitions: &PropertyDefinitions<'a>,
        operation: &OperationAssignment<'a>,
    ) {
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

    fn check_group(&self, group: &GroupDefinition<'a>) {
        let Some(id) = self.faults.keep(self.types.find(TypeKind::Group, group.group_type)) else {
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

    fn check_policy(&self, policy: &PolicyDefinition<'a>) {
        let Some(id) = self.faults.keep(self.types.find(TypeKind::Policy, policy.policy_type))
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

    /// Checks that a member of a group or a target of a policy exists and has an allowed type.
    fn check_member(&self, word: Word<'a>, allowed: Option<&[Word<'a>]>, owner: Span) {
        let node = self.template.nodes.get(word.text).map(|node| (TypeKind::Node, node.node_type));
        let group = self.template.groups.get(word.text);
        let group = group.filter(|group| group.name.span != owner);
        let Some((section, name)) = node.or(group.map(|group| (TypeKind::Group, group.group_type)))
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
        // A group among members stands for its members, which are checked against its type.
        let nested = section == TypeKind::Group
            && !allowed.iter().any(|one| self.types.lookup(TypeKind::Group, *one).is_some());
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
