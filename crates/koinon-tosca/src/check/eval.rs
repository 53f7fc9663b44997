//! Evaluation of expressions, as far as everything they need is known.

use koinon_model::Value;

use super::functions::apply;
use super::program::Program;
use super::types::Base;
use super::units::Units;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;

/// Most values that may wait for each other.
const MAX_DEPTH: u32 = 128;

/// Why there is no value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Halt {
    /// An input has no value yet.
    Input,
    /// It is known only once the service runs.
    RunTime(Span),
    /// A fault was made of it.
    Reported,
}

/// Where an expression stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'s> {
    /// The node whose property it is.
    pub(crate) own: Option<Own<'s>>,
    /// The value a validation clause is about.
    pub(super) tested: Option<Tested<'s>>,
    /// Whether it stands in a type, whose nodes are not there yet.
    pub(super) open: bool,
    /// What the value is for, in messages.
    pub(crate) what: &'s str,
    pub(super) depth: u32,
}

/// One node of a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Own<'s> {
    pub(crate) template: &'s str,
    pub(crate) index: u64,
}

/// A value under validation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tested<'s> {
    pub(super) value: &'s Value,
    pub(super) base: Base,
    pub(super) units: Option<&'s Units>,
}

impl<'s> Scope<'s> {
    /// The scope of a value of the service itself.
    pub(crate) fn of(what: &'s str) -> Self {
        Self { what, ..Self::default() }
    }

    /// The scope of a value in a type.
    pub(super) fn in_type(what: &'s str) -> Self {
        Self { what, open: true, ..Self::default() }
    }

    /// Returns the node, or why there is none.
    pub(super) fn node_or(
        self,
        program: &Program<'_>,
        function: &str,
        span: Span,
    ) -> Result<Own<'s>, Halt> {
        self.own.ok_or_else(|| {
            if self.open {
                return Halt::Input;
            }
            let message = format!("`{function}` outside of a node template");
            program.halt(Fault::new(Code::Path, span, message))
        })
    }

    /// The scope of a node's value.
    pub(crate) fn node(own: Own<'s>, what: &'s str) -> Self {
        Self { own: Some(own), what, ..Self::default() }
    }
}

impl Halt {
    /// Returns the reason that matters more.
    pub(super) fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Reported, _) | (_, Self::Reported) => Self::Reported,
            (Self::RunTime(span), _) | (_, Self::RunTime(span)) => Self::RunTime(span),
            (Self::Input, Self::Input) => Self::Input,
        }
    }
}

impl<'a> Program<'a> {
    /// Keeps a fault and halts.
    pub(super) fn halt(&self, fault: Fault) -> Halt {
        self.faults.push(fault);
        Halt::Reported
    }

    /// Takes some of the run's steps.
    pub(super) fn spend(&self, steps: u64, span: Span) -> Result<(), Halt> {
        match self.steps.get().checked_sub(steps) {
            Some(left) => {
                self.steps.set(left);
                Ok(())
            }
            None => {
                self.steps.set(0);
                Err(self.halt(Fault::new(
                    Code::TooManySteps,
                    span,
                    "evaluation takes too many steps",
                )))
            }
        }
    }

    /// Goes one level deeper.
    pub(super) fn deeper<'s>(&self, scope: Scope<'s>, span: Span) -> Result<Scope<'s>, Halt> {
        if scope.depth >= MAX_DEPTH {
            let message = "values depend on each other in a circle, or too deeply";
            return Err(self.halt(Fault::new(Code::ValueCycle, span, message)));
        }
        Ok(Scope { depth: scope.depth + 1, ..scope })
    }

    /// Evaluates an expression, whatever type it has.
    pub(crate) fn eval(&self, expr: &Expr, scope: Scope<'_>) -> Result<Value, Halt> {
        self.spend(1, expr.span)?;
        match &expr.kind {
            ExprKind::Faulty => Err(Halt::Reported),
            ExprKind::Value(value) => Ok(value.clone()),
            ExprKind::List(items) => Ok(Value::List(self.eval_all(items, scope)?)),
            ExprKind::Map(entries) => {
                let mut all = Vec::with_capacity(entries.len());
                let mut halted = None;
                for (key, _, value) in entries {
                    match self.eval(value, scope) {
                        Ok(value) => all.push((key.clone(), value)),
                        Err(halt) => {
                            halted = Some(halted.map_or(halt, |one: Halt| one.worse(halt)));
                        }
                    }
                }
                halted.map_or_else(|| Ok(all.into_iter().collect()), Err)
            }
            ExprKind::Call(function, arguments) => {
                let scope = self.deeper(scope, expr.span)?;
                self.call(*function, arguments, expr.span, scope)
            }
        }
    }

    /// Evaluates all, so that every fault in them is found.
    fn eval_all(&self, items: &[Expr], scope: Scope<'_>) -> Result<Vec<Value>, Halt> {
        let mut all = Vec::with_capacity(items.len());
        let mut halted = None;
        for item in items {
            match self.eval(item, scope) {
                Ok(value) => all.push(value),
                Err(halt) => halted = Some(halted.map_or(halt, |one: Halt| one.worse(halt))),
            }
        }
        halted.map_or(Ok(all), Err)
    }

    fn call(
        &self,
        function: Function,
        arguments: &[Expr],
        span: Span,
        scope: Scope<'_>,
    ) -> Result<Value, Halt> {
        match function {
            Function::GetInput => self.get_input(arguments, span, scope),
            Function::GetProperty => self.get_property(arguments, span, scope),
            Function::GetAttribute => {
                self.check_attribute(arguments, span, scope)?;
                Err(Halt::RunTime(span))
            }
            Function::NodeIndex => {
                let own = scope.node_or(self, "$node_index", span)?;
                Ok(Value::from(i64::try_from(own.index).unwrap_or(i64::MAX)))
            }
            Function::Value => match scope.tested {
                Some(tested) => {
                    let value = tested.value.clone();
                    self.nested(value, arguments, span, scope)
                }
                None => {
                    let message = "`$value` outside of a validation clause";
                    Err(self.halt(Fault::new(Code::Path, span, message)))
                }
            },
            _ => {
                let values = self.eval_all(arguments, scope)?;
                let size: usize = values.iter().map(size).sum();
                self.spend(size as u64 / 8, span)?;
                let message = |message| format!("`${}`: {message}", function.name());
                apply(function, values, scope.tested)
                    .map_err(|error| self.halt(Fault::new(Code::Evaluation, span, message(error))))
            }
        }
    }

    fn get_input(&self, arguments: &[Expr], span: Span, scope: Scope<'_>) -> Result<Value, Halt> {
        let Some((first, rest)) = arguments.split_first() else { return Err(Halt::Reported) };
        let Some(name) = first.as_str() else {
            let message = "expected the name of an input";
            return Err(self.halt(Fault::new(Code::Arguments, first.span, message)));
        };
        let Some(input) = self.document.inputs.get(name) else {
            let fault =
                Fault::new(Code::UnknownInput, first.span, format!("unknown input `{name}`"));
            return Err(self.halt(fault.near(name, self.document.inputs.keys().copied())));
        };
        match self.inputs.get(name) {
            Some(value) => self.nested(value.clone(), rest, span, scope),
            // A required input without value is told at its definition, once.
            None if self.is_complete() && !input.is_required() && !scope.open => {
                let message =
                    format!("input `{name}` is optional and has no value, but is needed here");
                let fault = Fault::new(Code::MissingInput, span, message);
                Err(self.halt(fault.related(input.name.span, "defined here")))
            }
            None => Err(Halt::Input),
        }
    }

    /// Follows keys and indexes into a value.
    pub(super) fn nested(
        &self,
        mut value: Value,
        path: &[Expr],
        span: Span,
        scope: Scope<'_>,
    ) -> Result<Value, Halt> {
        for step in path {
            let key = self.eval(step, scope)?;
            let found = match (&mut value, &key) {
                (Value::Map(map), Value::String(key)) => map.remove(key),
                (Value::List(list), Value::Number(number)) => {
                    let at = number.as_i64().and_then(|at| usize::try_from(at).ok());
                    at.filter(|at| *at < list.len()).map(|at| list.swap_remove(at))
                }
                _ => None,
            };
            value = found.ok_or_else(|| {
                let shown = key.to_json();
                let message = format!("the {} has nothing at {shown}", value.kind());
                let _: Span = span;
                self.halt(Fault::new(Code::Path, step.span, message))
            })?;
        }
        Ok(value)
    }
}

/// Returns how much a value costs to handle, about in bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(|item| 8 + size(item)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, item)| 8 + key.len() + size(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
