//! Evaluation of expressions, as far as everything they need is known.

use koinon_model::Value;

use super::functions::apply;
use super::graph::Relationship;
use super::program::Program;
use super::types::Base;
use super::units::Units;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Schema;
use crate::grammar::Signature;
use crate::grammar::TypeId;
use crate::grammar::Word;

/// Most values that may wait for each other.
const MAX_DEPTH: u32 = 128;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// An input has no value yet.
    Input,
    /// A relationship it leads over is not there, or not yet.
    Later,
    /// It is known only once the service runs.
    RunTime(Span),
    /// Too many others wait for it: it has to be evaluated first, by itself.
    Deep,
    /// A fault was made of it.
    Reported,
}

/// A value, with its data type if that is known: numbers with units need it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) value: Value,
    pub(crate) of: Option<TypeId>,
}

impl From<Value> for Known {
    fn from(value: Value) -> Self {
        Self { value, of: None }
    }
}

/// What `SELF` is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Own<'s, 'a> {
    #[default]
    Nothing,
    /// The node with this number.
    Node(u32),
    Relationship(&'s Relationship<'a>),
}

/// Where an expression stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope<'s, 'a> {
    /// What it belongs to.
    pub(crate) own: Own<'s, 'a>,
    /// The value a validation clause is about.
    pub(super) tested: Option<Tested<'s>>,
    /// The number of the relationship, where there is none yet.
    pub(super) relationship_index: Option<u64>,
    /// Whether it stands in a type, whose nodes are not there yet.
    pub(super) open: bool,
    /// Whether it is a validation clause of a type, which is about values that are not there yet.
    pub(super) clause: bool,
    /// Inputs of the workflow it stands in, which are not known before it runs.
    pub(super) workflow: Option<&'s crate::grammar::Properties<'a>>,
    /// What the value is for, in messages.
    pub(crate) what: &'s str,
    pub(super) depth: u32,
}

/// A value under validation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tested<'s> {
    pub(super) value: &'s Value,
    pub(super) base: Base,
    pub(super) of: TypeId,
    pub(super) units: Option<&'s Units>,
}

impl<'s, 'a> Scope<'s, 'a> {
    /// The scope of a value of the service itself.
    pub(crate) fn of(what: &'s str) -> Self {
        Self { what, ..Self::default() }
    }

    /// The scope of a value in a type.
    pub(super) fn in_type(what: &'s str) -> Self {
        Self { what, open: true, ..Self::default() }
    }

    /// The scope of a node's value.
    pub(crate) fn node(node: u32, what: &'s str) -> Self {
        Self { own: Own::Node(node), what, ..Self::default() }
    }

    /// The scope of a relationship's value.
    pub(super) fn relationship(relationship: &'s Relationship<'a>, what: &'s str) -> Self {
        Self { own: Own::Relationship(relationship), what, ..Self::default() }
    }
}

impl Halt {
    /// Returns the reason that matters more.
    pub(super) fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Deep, _) | (_, Self::Deep) => Self::Deep,
            (Self::Reported, _) | (_, Self::Reported) => Self::Reported,
            (Self::RunTime(span), _) | (_, Self::RunTime(span)) => Self::RunTime(span),
            (Self::Later, _) | (_, Self::Later) => Self::Later,
            (Self::Input, Self::Input) => Self::Input,
        }
    }
}

/// Takes all values, or the worst reason that one is missing.
pub(super) fn all<T>(values: impl Iterator<Item = Result<T, Halt>>) -> Result<Vec<T>, Halt> {
    let mut all = Vec::with_capacity(values.size_hint().0);
    let mut halted: Option<Halt> = None;
    for value in values {
        match value {
            Ok(value) => all.push(value),
            // The others would only find the same again, as many times as there are ways to it.
            Err(Halt::Deep) => return Err(Halt::Deep),
            Err(halt) => halted = Some(halted.map_or(halt, |one| one.worse(halt))),
        }
    }
    halted.map_or(Ok(all), Err)
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
    pub(super) fn deeper<'s>(
        &self,
        scope: Scope<'s, 'a>,
        span: Span,
    ) -> Result<Scope<'s, 'a>, Halt> {
        if scope.depth >= MAX_DEPTH {
            let message = "values depend on each other in a circle, or too deeply";
            return Err(self.halt(Fault::new(Code::ValueCycle, span, message)));
        }
        Ok(Scope { depth: scope.depth + 1, ..scope })
    }

    /// Evaluates an expression, whatever type it has.
    pub(crate) fn eval(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) -> Result<Known, Halt> {
        self.spend(1, expr.span)?;
        match &expr.kind {
            ExprKind::Faulty => Err(Halt::Reported),
            ExprKind::Null => Ok(Value::Null.into()),
            ExprKind::Bool(value) => Ok(Value::Bool(*value).into()),
            ExprKind::Number(number) => Ok(Value::Number(number.clone()).into()),
            ExprKind::Text(text) => {
                self.spend(text.len() as u64 / COPIED, expr.span)?;
                Ok(Value::String(text.clone().into_owned()).into())
            }
            ExprKind::List(items) => {
                let items = all(items.iter().map(|item| self.eval(item, scope)))?;
                Ok(Value::List(items.into_iter().map(|item| item.value).collect()).into())
            }
            ExprKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    Ok((self.key(key, scope)?, self.eval(value, scope)?.value))
                });
                let mut map = std::collections::BTreeMap::new();
                for (key, value) in all(entries)? {
                    if map.insert(key, value).is_some() {
                        let message = "two keys of this map are equal";
                        return Err(self.halt(Fault::new(Code::DuplicateKey, expr.span, message)));
                    }
                }
                Ok(Value::Map(map).into())
            }
            ExprKind::Call(function, arguments) => {
                let scope = self.deeper(scope, expr.span)?;
                let known = self.call(*function, arguments, expr.span, scope)?;
                self.spend(size(&known.value) as u64 / COPIED, expr.span)?;
                Ok(known)
            }
            ExprKind::Custom(name, arguments) => {
                let scope = self.deeper(scope, expr.span)?;
                self.custom(*name, arguments, expr.span, scope)
            }
        }
    }

    /// Evaluates a key of a map, which must be a string.
    pub(super) fn key(&self, key: &Expr<'a>, scope: Scope<'_, 'a>) -> Result<String, Halt> {
        if let ExprKind::Text(text) = &key.kind {
            return Ok(text.clone().into_owned());
        }
        match self.eval(key, scope)?.value {
            Value::String(text) => Ok(text),
            found => {
                let message = format!("expected a string as a key, found a {}", found.kind());
                Err(self.halt(Fault::new(Code::Evaluation, key.span, message)))
            }
        }
    }

    fn call(
        &self,
        function: Function,
        arguments: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        match function {
            Function::GetInput => self.get_input(arguments, span, scope),
            Function::GetProperty | Function::GetProperty1x => {
                self.get_property(function, arguments, span, scope)
            }
            Function::GetAttribute | Function::GetAttribute1x => {
                self.check_attribute(function, arguments, span, scope)?;
                Err(Halt::RunTime(span))
            }
            Function::GetArtifact | Function::GetArtifact1x => {
                self.get_artifact(arguments, span, scope)
            }
            Function::AvailableAllocation => self.available_allocation(arguments, span, scope),
            Function::GetOperationOutput | Function::GetNodesOfType | Function::Schema1x => {
                Err(Halt::RunTime(span))
            }
            Function::NodeIndex => {
                let node = match scope.own {
                    Own::Node(node) => node,
                    Own::Relationship(relationship) => relationship.source,
                    Own::Nothing => return Err(self.outside("$node_index", span, scope)),
                };
                let index = self.graph.node(node).index;
                Ok(Value::from(i64::try_from(index).unwrap_or(i64::MAX)).into())
            }
            Function::RelationshipIndex => {
                let index = match (scope.own, scope.relationship_index) {
                    (Own::Relationship(relationship), _) => relationship.index,
                    (_, Some(index)) => index,
                    _ => return Err(self.outside("$relationship_index", span, scope)),
                };
                Ok(Value::from(i64::try_from(index).unwrap_or(i64::MAX)).into())
            }
            Function::Value => match scope.tested {
                Some(tested) => {
                    let known = Known { value: tested.value.clone(), of: Some(tested.of) };
                    self.nested(known, arguments, scope)
                }
                None if scope.clause => Err(Halt::Later),
                None => {
                    let message = "`$value` outside of a validation clause";
                    Err(self.halt(Fault::new(Code::Path, span, message)))
                }
            },
            _ => {
                let values = all(arguments.iter().map(|one| self.eval(one, scope)))?;
                self.spend(comparisons(function, &values) / COPIED, span)?;
                if let (Function::Matches, [_, Known { value: Value::String(pattern), .. }]) =
                    (function, &values[..])
                    && !self.types.regexes.has(pattern)
                {
                    self.spend(COMPILED, span)?;
                }
                let message = |message| format!("`${}`: {message}", function.name());
                apply(self.types, function, values, scope.tested)
                    .map_err(|error| self.halt(Fault::new(Code::Evaluation, span, message(error))))
            }
        }
    }

    /// Says that a function stands where it means nothing, unless that is a type.
    pub(super) fn outside(&self, function: &str, span: Span, scope: Scope<'_, 'a>) -> Halt {
        if scope.open {
            return Halt::Later;
        }
        let message = format!("`{function}` outside of a node or relationship");
        self.halt(Fault::new(Code::Path, span, message))
    }

    fn get_input(
        &self,
        arguments: &[Expr<'a>],
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        let Some((first, rest)) = arguments.split_first() else { return Err(Halt::Reported) };
        let Some(name) = first.as_str() else {
            let message = "expected the name of an input";
            return Err(self.halt(Fault::new(Code::Arguments, first.span, message)));
        };
        if scope.workflow.is_some_and(|inputs| inputs.contains_key(name)) {
            return Err(Halt::RunTime(span));
        }
        let Some(input) = self.template.inputs.get(name) else {
            // A type does not know the service it is used in.
            if scope.open {
                return Err(Halt::Input);
            }
            let fault =
                Fault::new(Code::UnknownInput, first.span, format!("unknown input `{name}`"));
            return Err(self.halt(self.faults.near(
                fault,
                name,
                self.template.inputs.keys().copied(),
            )));
        };
        match self.inputs.get(name) {
            Some(value) => {
                let of = self.types.shape(&input.schema).map(|shape| shape.id);
                self.nested(Known { value: value.clone(), of }, rest, scope)
            }
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

    /// Checks a call of a function that is not built in. What it gives is known when the service runs.
    fn custom(
        &self,
        name: Word<'a>,
        arguments: &Expr<'a>,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        let local = self.template.functions.iter().find(|one| one.name.text == name.text);
        let defined = match self.types.function(name) {
            Ok(defined) => defined,
            Err(fault) => return Err(self.halt(fault)),
        };
        // The service template's own come after those it refines, one by one (csd07 10.4).
        let refined = defined.map_or(&[][..], |function| &function.signatures);
        let own = local.map_or(&[][..], |function| &function.signatures);
        let signatures: Vec<&Signature<'a>> =
            refined.iter().chain(own.iter().skip(refined.len())).collect();
        if defined.is_none() && local.is_none() {
            let message = format!("unknown function `${}`", name.text);
            let known = Function::ALL.iter().map(|one| one.name());
            let own = self.types.functions().iter().map(|one| one.name.text);
            let fault = Fault::new(Code::UnknownFunction, name.span, message);
            let fault = self.faults.near(fault, name.text, known.chain(own));
            let hint = format!("write `$${}` if the text is meant literally", name.text);
            return Err(self.halt(fault.hint(hint)));
        }
        let given: &[Expr<'a>] = match &arguments.kind {
            ExprKind::List(items) => items,
            ExprKind::Null => &[],
            _ => std::slice::from_ref(arguments),
        };
        let fits: Vec<&&Signature<'a>> =
            signatures.iter().filter(|signature| takes(signature, given.len())).collect();
        if fits.is_empty() {
            let message =
                format!("no signature of `${}` takes {} arguments", name.text, given.len());
            let fault = Fault::new(Code::Arguments, span, message);
            return Err(self.halt(match defined.or(local) {
                Some(function) => fault.related(function.name.span, "defined here"),
                None => fault,
            }));
        }
        // The first signature whose types fit counts; faults of the others mean nothing.
        let mut found = None;
        for signature in fits {
            let (halts, faults) = self.faults.capture(|| {
                let checks =
                    given.iter().enumerate().map(|(at, argument)| match schema_of(signature, at) {
                        Some(schema) => {
                            let what = format!("argument {} of ${}", at + 1, name.text);
                            let scope = Scope { what: &what, ..scope };
                            self.typed(argument, schema, scope).map(|_| ())
                        }
                        None => self.eval(argument, scope).map(|_| ()),
                    });
                let mut halts: Vec<Halt> = Vec::new();
                for halt in checks.filter_map(Result::err) {
                    halts.push(halt);
                    if halt == Halt::Deep {
                        break;
                    }
                }
                halts
            });
            if halts.contains(&Halt::Deep) {
                return Err(Halt::Deep);
            }
            let reported = halts.contains(&Halt::Reported);
            if !reported {
                return Err(Halt::RunTime(span));
            }
            found = found.or(Some(faults));
        }
        for fault in found.into_iter().flatten() {
            self.faults.push(fault);
        }
        Err(Halt::Reported)
    }

    /// Returns what a function that is not built in gives, if all its signatures agree on it.
    pub(super) fn result_of(&self, name: Word<'a>) -> Option<&Schema<'a>> {
        let function = self.types.function(name).ok()??;
        match function.signatures.as_slice() {
            [one] => one.result.as_deref(),
            _ => None,
        }
    }

    /// Follows keys and indexes into a value.
    pub(super) fn nested(
        &self,
        known: Known,
        path: &[Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<Known, Halt> {
        if path.is_empty() {
            return Ok(known);
        }
        let mut value = known.value;
        for step in path {
            let key = self.eval(step, scope)?.value;
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
                self.halt(Fault::new(Code::Path, step.span, message))
            })?;
        }
        Ok(value.into())
    }
}

/// Returns whether a signature takes so many arguments (csd07 10.4).
fn takes(signature: &Signature<'_>, count: usize) -> bool {
    let (must, may) = (signature.arguments.len(), signature.optional.len());
    count >= must && (count <= must + may || signature.variadic)
}

/// Returns what an argument of a signature looks like; nothing if anything will do.
fn schema_of<'f, 'a>(signature: &'f Signature<'a>, at: usize) -> Option<&'f Schema<'a>> {
    let all = signature.arguments.iter().chain(&signature.optional);
    all.clone().nth(at).or_else(|| all.last()).map(|schema| &**schema)
}

/// Returns how many entries of lists a function compares at most.
fn comparisons(function: Function, values: &[Known]) -> u64 {
    let lengths = values.iter().filter_map(|known| known.value.as_list()).map(<[Value]>::len);
    let lengths = lengths.map(|length| length as u64);
    match function {
        Function::Union | Function::Intersection => {
            let all: u64 = lengths.sum();
            all.saturating_mul(all)
        }
        Function::HasAllEntries | Function::HasAnyEntry => lengths.fold(1, u64::saturating_mul),
        _ => lengths.sum(),
    }
}

/// Steps that compiling a regular expression takes.
const COMPILED: u64 = 5_000;

/// Bytes that are copied, or values that are compared, in one step.
pub(super) const COPIED: u64 = 8;

/// Returns how much a value costs to handle, about in bytes of memory.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(|item| 64 + size(item)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, item)| 64 + key.len() + size(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
