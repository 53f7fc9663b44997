//! Workflows and triggers against what they name (csd07 13, 16.5).

use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::evaluate::SelfElement;
use crate::grammar::Activity;
use crate::grammar::ExprKind;
use crate::grammar::PropertyDefinitions;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::ValueAssignments;
use crate::grammar::Word;
use crate::grammar::WorkflowDefinition;
use crate::keynames::TypeKind;
use crate::program::Program;
use crate::resolve::circle;

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
            let inherited = self.types.get(TypeKind::Policy, policy.policy_type);
            let inherited = inherited.into_iter().flat_map(|def| def.triggers.values());
            // A type does not know the workflows of the service; a policy does.
            for activity in policy.triggers.values().flat_map(|trigger| &trigger.action) {
                if let Activity::Inline(word, _) = activity {
                    let has = self.template.workflows.contains(word.text);
                    self.check_exists("workflow", *word, has, self.template.workflows.names());
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
        workflow: &WorkflowDefinition<'a>,
        step: &crate::grammar::WorkflowStep<'a>,
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
                    of = word.and_then(|word| self.types.get(TypeKind::Relationship, word));
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
            Some(at) => Scope { own: SelfElement::Node(at), ..scope },
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
        target: Option<&TypeDefinition<'a>>,
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
        inputs: &ValueAssignments<'a>,
        target: Option<&TypeDefinition<'a>>,
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
        // The short notation calls the operation with the inputs the template assigns (csd07
        // 13.2.3.3).
        if !inputs.is_empty() {
            self.check_call(&[&found.inputs, &known.inputs], inputs, word, scope);
        }
    }

    /// Checks the inputs of a call against its parameters: declared, of the right types, none
    /// missing.
    fn check_call(
        &self,
        parameters: &[&PropertyDefinitions<'a>],
        inputs: &ValueAssignments<'a>,
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
            // An optional input cannot be the value of a required one (csd07 9.8).
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

    /// Warns of a workflow that inlines itself, which would never end.
    fn check_inlined(&self) {
        let workflows = &self.template.workflows;
        let inlined = |workflow: &WorkflowDefinition<'a>| {
            let activities = workflow.steps.values().flat_map(|step| &step.activities);
            let names = activities.filter_map(|activity| match activity {
                Activity::Inline(word, _) => workflows.position(word.text),
                _ => None,
            });
            names.collect()
        };
        let Some(circle) = circle(&workflows.values().map(inlined).collect::<Vec<_>>()) else {
            return;
        };
        let all: Vec<Word<'a>> = workflows.values().map(|workflow| workflow.name).collect();
        let names: Vec<&str> = circle.iter().map(|at| all[*at].text).collect();
        let message = format!("workflows inline each other in a circle: {}", names.join(" -> "));
        let span = circle.first().map_or(self.template.span, |at| all[*at].span);
        // csd07 does not forbid it.
        self.faults.push(Fault::new(Code::DependencyCycle, span, message).warning());
    }
}
