//! Workflows, triggers and substitution mappings against what they name (csd07 13, 15, 16.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::eval::Scope;
use super::program::Program;
use super::substitute::dangles;
use crate::code::Code;
use crate::diag::Fault;
use crate::grammar::Activity;
use crate::grammar::Assigned;
use crate::grammar::Assignments;
use crate::grammar::Capability;
use crate::grammar::ExprKind;
use crate::grammar::Index;
use crate::grammar::MappedRequirement;
use crate::grammar::MappedTo;
use crate::grammar::MappedValue;
use crate::grammar::Properties;
use crate::grammar::Schema;
use crate::grammar::Section;
use crate::grammar::Substitution;
use crate::grammar::TypeDef;
use crate::grammar::Word;
use crate::grammar::Workflow;

impl<'a> Program<'a> {
    pub(super) fn check_workflows(&self) {
        for workflow in self.template.workflows.values() {
            self.check_parameters(&workflow.inputs, Scope::in_type(workflow.name.text));
            let scope = Scope { workflow: Some(&workflow.inputs), ..Scope::of(workflow.name.text) };
            if let Some(precondition) = &workflow.precondition {
                self.check_condition(precondition, Scope { what: "precondition", ..scope });
            }
            for (word, value) in workflow.outputs.iter() {
                let scope = Scope { what: word.text, ..scope };
                match &value.kind {
                    ExprKind::List(path) => self.check_attribute_path(path, value, scope),
                    ExprKind::Faulty => {}
                    _ => {
                        let message = "expected a path to an attribute, such as [server, address]";
                        self.faults.push(Fault::new(Code::Path, value.span, message));
                    }
                }
            }
            for step in workflow.steps.values() {
                self.check_step(workflow, step, scope);
            }
        }
        self.check_inlined();
        for policy in self.template.policies.values() {
            let inherited = self.types.get(Section::Policy, policy.policy_type);
            let inherited = inherited.into_iter().flat_map(|def| def.triggers.values());
            // A type does not know the workflows of the service; a policy does.
            for activity in policy.triggers.values().flat_map(|trigger| &trigger.action) {
                if let Activity::Inline(word, _) = activity {
                    let has = self.template.workflows.contains(word.text);
                    self.known("workflow", *word, has, self.template.workflows.names());
                }
            }
            for trigger in policy.triggers.values().chain(inherited) {
                if let Some(condition) = &trigger.condition {
                    self.check_condition(condition, Scope::in_type("condition"));
                }
                for activity in &trigger.action {
                    self.check_activity(activity, None, Scope::in_type(policy.name.text));
                }
            }
        }
    }

    fn check_step(
        &self,
        workflow: &Workflow<'a>,
        step: &crate::grammar::Step<'a>,
        scope: Scope<'_, 'a>,
    ) {
        let target = step.target;
        let node = self.template.nodes.position(target.text);
        if node.is_none() && !self.template.groups.contains(target.text) {
            let message = format!("unknown node template or group `{}`", target.text);
            let fault = Fault::new(Code::UnknownTemplate, target.span, message);
            let known = self.template.nodes.names().chain(self.template.groups.names());
            self.faults.push(self.faults.near(fault, target.text, known));
        }
        for next in step.on_success.iter().chain(&step.on_failure) {
            if !workflow.steps.contains(next.text) {
                let message =
                    format!("workflow `{}` has no step `{}`", workflow.name.text, next.text);
                let fault = Fault::new(Code::UnknownTemplate, next.span, message);
                self.faults.push(self.faults.near(fault, next.text, workflow.steps.names()));
            }
        }
        if let (Some(word), true) =
            (step.relationship, node.is_none() && self.template.groups.contains(target.text))
        {
            let message = format!("`{}` is a group, which has no requirements", target.text);
            self.faults.push(Fault::new(Code::Definition, word.span, message));
        }
        let def = node
            .and_then(|position| self.graph.of_template(position).next())
            .map(|at| self.graph.node(at).def);
        let mut of = def;
        if let (Some(requirement), Some(def)) = (step.relationship, def) {
            of = None;
            match def.requirement(requirement.text) {
                Some(found) => {
                    let word = found.relationship.as_ref().and_then(|one| one.relationship_type);
                    of = word.and_then(|word| self.types.get(Section::Relationship, word));
                }
                None => {
                    let message =
                        format!("`{}` has no requirement `{}`", def.name.text, requirement.text);
                    let fault = Fault::new(Code::Undeclared, requirement.span, message);
                    let known = def.requirements.iter().map(|one| one.name.text);
                    self.faults.push(self.faults.near(fault, requirement.text, known));
                }
            }
        }
        let at = node.and_then(|position| self.graph.of_template(position).next());
        let scope = match at {
            Some(at) => Scope { own: super::eval::Own::Node(at), ..scope },
            None => Scope { open: true, ..scope },
        };
        for clause in &step.filter {
            self.check_condition(clause, Scope { what: "filter", ..scope });
        }
        for activity in &step.activities {
            self.check_activity(activity, of, scope);
        }
    }

    fn check_activity(
        &self,
        activity: &Activity<'a>,
        target: Option<&TypeDef<'a>>,
        scope: Scope<'_, 'a>,
    ) {
        match activity {
            Activity::SetState(value) => {
                let word = Word { text: "string", span: value.span };
                let schema = Schema { data_type: Some(word), ..Schema::default() };
                drop(self.typed(value, &schema, Scope { what: "set_state", ..scope }));
            }
            Activity::Delegate(_, inputs) => {
                for value in inputs.values() {
                    drop(self.eval(value, scope));
                }
            }
            Activity::Inline(word, inputs) => {
                let Some(workflow) = self.template.workflows.get(word.text) else {
                    if !scope.open {
                        let message = format!("unknown workflow `{}`", word.text);
                        let fault = Fault::new(Code::UnknownTemplate, word.span, message);
                        self.faults.push(self.faults.near(
                            fault,
                            word.text,
                            self.template.workflows.names(),
                        ));
                    }
                    return;
                };
                self.check_call(&[&workflow.inputs], inputs, *word, scope);
            }
            Activity::CallOperation(word, inputs) => {
                self.check_operation(*word, inputs, target, scope);
            }
        }
    }

    fn check_operation(
        &self,
        word: Word<'a>,
        inputs: &Assigned<'a>,
        target: Option<&TypeDef<'a>>,
        scope: Scope<'_, 'a>,
    ) {
        let Some((interface, operation)) = word.text.rsplit_once('.') else {
            let message = format!("expected interface.operation, found `{}`", word.text);
            self.faults.push(Fault::new(Code::Definition, word.span, message));
            return;
        };
        let Some(def) = target else {
            for value in inputs.values() {
                drop(self.eval(value, scope));
            }
            return;
        };
        let Some(known) = def.interfaces.get(interface) else {
            let message = format!("`{}` has no interface `{interface}`", def.name.text);
            let fault = Fault::new(Code::Undeclared, word.span, message);
            self.faults.push(self.faults.near(fault, interface, def.interfaces.keys().copied()));
            return;
        };
        let Some(found) = known.operations.get(operation) else {
            let message = format!("interface `{interface}` has no operation `{operation}`");
            let fault = Fault::new(Code::Undeclared, word.span, message);
            self.faults.push(self.faults.near(fault, operation, known.operations.keys().copied()));
            return;
        };
        // The short notation calls it with what the template assigns (csd07 13.2.3.3).
        if !inputs.is_empty() {
            self.check_call(&[&found.inputs, &known.inputs], inputs, word, scope);
        }
    }

    /// Checks inputs against the parameters of what is called: declared, of their types, none missing.
    fn check_call(
        &self,
        parameters: &[&Properties<'a>],
        inputs: &Assigned<'a>,
        of: Word<'a>,
        scope: Scope<'_, 'a>,
    ) {
        let find = |name: &str| parameters.iter().find_map(|known| known.get(name));
        for (word, value) in inputs.iter() {
            let Some(parameter) = find(word.text) else {
                let message = format!("`{}` has no input `{}`", of.text, word.text);
                let known = parameters.iter().flat_map(|known| known.keys().copied());
                let fault = Fault::new(Code::Undeclared, word.span, message);
                self.faults.push(self.faults.near(fault, word.text, known));
                continue;
            };
            let scope = Scope { what: word.text, ..scope };
            drop(self.typed(value, &parameter.schema, scope));
            // What may be missing cannot stand for what must be there (csd07 9.8).
            let optional = value
                .plain_input()
                .and_then(|name| scope.workflow?.get(name))
                .filter(|input| !input.is_required() && input.default.is_none());
            if let Some(input) = optional.filter(|_| parameter.is_required()) {
                let message = format!(
                    "`{}` is required, but input `{}` may have no value",
                    word.text, input.name.text
                );
                let fault = Fault::new(Code::MissingValue, value.span, message);
                self.faults.push(fault.related(input.name.span, "not required here"));
            }
        }
        for (at, known) in parameters.iter().enumerate() {
            for (name, parameter) in *known {
                let shadowed = parameters[..at].iter().any(|known| known.contains_key(name));
                let given = inputs.contains(name)
                    || parameter.default.is_some()
                    || parameter.value.is_some()
                    || parameter.mapping.is_some();
                if parameter.is_required() && !given && !shadowed {
                    let message =
                        format!("expected a value for `{name}`, which `{}` requires", of.text);
                    let fault = Fault::new(Code::MissingValue, of.span, message);
                    self.faults.push(fault.related(parameter.name.span, "required here"));
                }
            }
        }
    }

    pub(super) fn check_substitution(&self) {
        let Some(substitution) = &self.template.substitution else { return };
        let name = substitution.node_type;
        let Some(id) = self.faults.keep(self.types.find(Section::Node, name)) else { return };
        let def = self.types.def(id);
        if let Some(filter) = &substitution.filter {
            self.check_condition(filter, Scope::in_type("substitution_filter"));
        }
        self.check_value_mappings(substitution, def);
        for (capability, node, mapped) in &substitution.capabilities {
            let known = def.capabilities.keys().copied();
            self.known(
                "capability",
                *capability,
                def.capabilities.contains_key(capability.text),
                known,
            );
            if let Some(target) = self.mapped_node(*node) {
                let has = target.capabilities.contains_key(mapped.text);
                self.known("capability", *mapped, has, target.capabilities.keys().copied());
                let outer = def.capabilities.get(capability.text);
                let inner = target.capabilities.get(mapped.text);
                let of =
                    |one: Option<&Arc<Capability<'a>>>| one.and_then(|one| one.capability_type);
                self.check_mapped_capability(of(outer), of(inner), *mapped);
            }
        }
        for mapping in &substitution.requirements {
            let known = def.requirements.iter().map(|one| one.name.text);
            let has = def.requirement(mapping.name.text).is_some();
            self.known("requirement", mapping.name, has, known);
            for target in &mapping.targets {
                self.check_mapped_requirement(target);
                match target {
                    MappedRequirement::Node(node) => {
                        self.mapped_node(*node);
                    }
                    MappedRequirement::Requirement(node, requirement) => {
                        if let Some(target) = self.mapped_node(*node) {
                            let has = target.requirement(requirement.text).is_some();
                            let known = target.requirements.iter().map(|one| one.name.text);
                            self.known("requirement", *requirement, has, known);
                        }
                    }
                }
            }
        }
        self.check_mapping_rules(substitution, def);
        for (interface, operation, workflow) in &substitution.interfaces {
            let known = def.interfaces.get(interface.text);
            self.known("interface", *interface, known.is_some(), def.interfaces.keys().copied());
            if let Some(known) = known {
                let has = known.operations.contains_key(operation.text)
                    || known.notifications.contains_key(operation.text);
                self.known("operation", *operation, has, known.operations.keys().copied());
            }
            let has = self.template.workflows.contains(workflow.text);
            self.known("workflow", *workflow, has, self.template.workflows.names());
        }
    }

    /// Checks the rules of requirement mappings (csd07 15.5.4), and that inputs get what they need (15.2).
    fn check_mapping_rules(&self, substitution: &Substitution<'a>, def: &TypeDef<'a>) {
        let mut seen: BTreeMap<&str, (u64, u64, bool)> = BTreeMap::new();
        for mapping in &substitution.requirements {
            let name = mapping.name;
            let (total, must, unbounded) = seen.entry(name.text).or_default();
            if *unbounded {
                let message = format!("no mapping of `{}` may follow an UNBOUNDED one", name.text);
                self.faults.push(Fault::new(Code::Mapping, name.span, message));
            }
            let times = match mapping.count {
                None => 1,
                Some(Assignments::Number(times)) => times,
                Some(Assignments::Unbounded) => {
                    *unbounded = true;
                    0
                }
            };
            *total = total.saturating_add(times);
            for target in &mapping.targets {
                let MappedRequirement::Requirement(node, requirement) = target else { continue };
                let Some(template) = self.template.nodes.get(node.text) else { continue };
                let mut assigned = template
                    .requirements
                    .iter()
                    .filter(|one| one.name.text == requirement.text)
                    .peekable();
                let fulfilled =
                    assigned.peek().is_some() && assigned.all(|one| !dangles(one, self.template));
                if fulfilled {
                    let message = format!(
                        "requirement `{}` of `{}` is fulfilled in its own service",
                        requirement.text, node.text
                    );
                    self.faults.push(Fault::new(Code::Mapping, requirement.span, message));
                }
                let mandatory = self.mandatory(self.template, *node, *requirement);
                *must = must.saturating_add(mandatory.min(times));
            }
            let Some(range) = def.requirement(name.text).map(|one| one.range()) else { continue };
            if range.1.is_some_and(|most| *total > most) {
                let message = format!(
                    "`{}` is mapped {total} times, but a node has it {} times at most",
                    name.text,
                    range.1.unwrap_or_default()
                );
                self.faults.push(Fault::new(Code::Mapping, name.span, message));
            }
            // The suite's own files do this, so it is no error (15.5.4, rule 2).
            if *must > range.0 {
                let message = format!(
                    "`{}` is mapped to {must} mandatory requirements, but a node may have it {} times",
                    name.text, range.0
                );
                self.faults.push(Fault::new(Code::Mapping, name.span, message).warning());
            }
        }
        for (name, input) in &self.template.inputs {
            let mapped = substitution
                .properties
                .iter()
                .any(|(_, to)| matches!(to, MappedTo::Name(word) if word.text == *name));
            if input.is_required() && input.default.is_none() && !mapped {
                let message =
                    format!("no property is mapped to input `{name}`, which needs a value");
                let fault = Fault::new(Code::Mapping, substitution.node_type.span, message);
                self.faults.push(fault.related(input.name.span, "the input"));
            }
        }
    }

    fn check_value_mappings(&self, substitution: &Substitution<'a>, def: &TypeDef<'a>) {
        for (all, attributes) in
            [(&substitution.properties, false), (&substitution.attributes, true)]
        {
            let what = if attributes { "attribute" } else { "property" };
            for (from, to) in all {
                let (word, names): (Word<'_>, Vec<&Properties<'a>>) = match from {
                    MappedValue::Own(word) => (*word, vec![&def.properties, &def.attributes]),
                    MappedValue::Capability(capability, word) => {
                        let known = def.capabilities.get(capability.text);
                        let names = def.capabilities.keys().copied();
                        self.known("capability", *capability, known.is_some(), names);
                        let Some(known) = known else { continue };
                        (*word, vec![&known.properties, &known.attributes])
                    }
                    MappedValue::Relationship(requirement, _, word) => {
                        let known = def.requirement(requirement.text);
                        let names = def.requirements.iter().map(|one| one.name.text);
                        self.known("requirement", *requirement, known.is_some(), names);
                        let Some(known) = known else { continue };
                        let name =
                            known.relationship.as_ref().and_then(|one| one.relationship_type);
                        let of = name.and_then(|name| self.types.get(Section::Relationship, name));
                        let Some(of) = of else { continue };
                        (*word, vec![&of.properties, &of.attributes])
                    }
                };
                let has = names.iter().any(|known| known.contains_key(word.text));
                self.known(what, word, has, names.iter().flat_map(|known| known.keys().copied()));
                if let MappedTo::Name(name) = to {
                    let (known, what) = if attributes {
                        (&self.template.outputs, "output")
                    } else {
                        (&self.template.inputs, "input")
                    };
                    self.known(what, *name, known.contains_key(name.text), known.keys().copied());
                    let own = names.iter().find_map(|known| known.get(word.text));
                    let all = matches!(from, MappedValue::Relationship(_, Some(Index::All), _));
                    if let (Some(own), Some(other), false) = (own, known.get(name.text), all) {
                        let (from, to) = (&own.schema, &other.schema);
                        let schemas = if attributes { (to, from) } else { (from, to) };
                        self.check_mapped_types(schemas, *name, own);
                    }
                }
            }
        }
    }

    fn mapped_node(&self, node: Word<'a>) -> Option<&'a TypeDef<'a>> {
        let template = self.template.nodes.get(node.text);
        self.known("node template", node, template.is_some(), self.template.nodes.names());
        self.types.get(Section::Node, template?.node_type)
    }

    /// Makes a fault if something that is named is not there.
    fn known<'n>(
        &self,
        what: &str,
        word: Word<'_>,
        has: bool,
        known: impl Iterator<Item = &'n str>,
    ) {
        if !has {
            let fault = Fault::new(
                Code::UnknownTemplate,
                word.span,
                format!("unknown {what} `{}`", word.text),
            );
            self.faults.push(self.faults.near(fault, word.text, known));
        }
    }
}
