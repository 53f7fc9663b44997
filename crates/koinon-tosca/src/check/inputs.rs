//! Inputs of a service: their values, and those that are missing (csd07 9.7).

use std::collections::BTreeMap;

use koinon_model::Value;

use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::Scope;
use crate::grammar::Expr;
use crate::grammar::PropertyDefinition;
use crate::grammar::PropertyDefinitions;
use crate::grammar::ServiceTemplate;
use crate::program::Halt;
use crate::program::Program;
use crate::program::ProgramConfig;
use crate::types::check_schema;

/// Binds a template's inputs and makes its nodes.
pub(crate) fn open_program<'a>(
    template: &'a ServiceTemplate<'a>,
    name: &str,
    config: ProgramConfig<'_, 'a>,
) -> Program<'a> {
    let inputs = config.inputs;
    let mut program = Program::new(template, name, config);
    program.bind(inputs);
    program.make_nodes();
    program
}

impl<'a> Program<'a> {
    /// Binds every input to the given value, or to its default.
    pub(crate) fn bind(&mut self, given: &BTreeMap<String, Value>) {
        for name in given.keys().filter(|name| !self.template.inputs.contains_key(name.as_str())) {
            let message = format!("the service has no input `{name}`");
            let fault = Fault::new(Code::UnknownInput, self.template.span, message);
            self.faults.push(self.faults.near(fault, name, self.template.inputs.keys().copied()));
        }
        let mut values = BTreeMap::new();
        for (name, input) in &self.template.inputs {
            self.check_parameter(input);
            let scope = Scope::of(name);
            let value = match (given.get(*name), &input.default) {
                (Some(value), default) => {
                    if let Some(default) = default {
                        self.checked_default(default, input);
                    }
                    self.typed(&Expr::lift(value.clone(), input.name.span), &input.schema, scope)
                        .ok()
                }
                (None, Some(default)) => self.checked_default(default, input),
                (None, None) => None,
            };
            values.extend(value.map(|value| (*name, value)));
        }
        self.inputs = values;
    }

    fn checked_default(&self, default: &Expr<'a>, input: &PropertyDefinition<'a>) -> Option<Value> {
        match self.typed(default, &input.schema, Scope::of(input.name.text)) {
            Ok(value) => Some(value),
            Err(Halt::Reported | Halt::Deep) => None,
            Err(Halt::Input | Halt::RunTime(_) | Halt::Later) => {
                let message = "the default of an input cannot depend on other values";
                self.faults.push(Fault::new(Code::Definition, default.span, message));
                None
            }
        }
    }

    /// Reports every required input without value, unless inputs may be missing.
    pub(crate) fn check_complete(&self, given: &BTreeMap<String, Value>) {
        if !self.is_complete() {
            return;
        }
        for (name, input) in &self.template.inputs {
            let has = input.default.is_some() || given.contains_key(*name);
            if !has && input.is_required() {
                let message = format!("input `{name}` has no value");
                let fault = Fault::new(Code::MissingInput, input.name.span, message);
                let hint = format!(
                    "give it with `--input {name}=VALUE`, or in a file with `--inputs FILE`"
                );
                self.faults.push(fault.hint(hint));
            }
        }
    }

    /// Checks a parameter's schema.
    pub(super) fn check_parameter(&self, parameter: &PropertyDefinition<'a>) {
        check_schema(self.types, &parameter.schema, parameter.name, self.faults);
        self.check_clauses(&parameter.schema);
    }

    /// Checks parameters and their defaults.
    pub(super) fn check_parameters(
        &self,
        parameters: &PropertyDefinitions<'a>,
        scope: Scope<'_, 'a>,
    ) {
        for (name, parameter) in parameters {
            self.check_parameter(parameter);
            for expr in [&parameter.default, &parameter.value].into_iter().flatten() {
                drop(self.typed(expr, &parameter.schema, Scope { what: name, ..scope }));
            }
        }
    }
}
