//! Expressions of any type, and calls of functions.

use koinon_model::Value;

use super::functions::apply;
use super::scope::Scope;
use super::scope::SelfElement;
use super::scope::TypedValue;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Schema;
use crate::grammar::Signature;
use crate::grammar::Word;
use crate::program::Halt;
use crate::program::Program;
use crate::program::all_or_halt;

/// The most nested calls of one expression.
const MAX_DEPTH: u32 = 128;

impl<'a> Program<'a> {
    /// Returns the scope one level deeper, or reports too many levels.
    pub(crate) fn deeper<'s>(
        &self,
        scope: Scope<'s, 'a>,
        span: Span,
    ) -> Result<Scope<'s, 'a>, Halt> {
        if scope.depth >= MAX_DEPTH {
            let message = "values depend on each other in a circle, or in too long a chain";
            return Err(self.halt(Fault::new(Code::ValueCycle, span, message)));
        }
        Ok(Scope { depth: scope.depth + 1, ..scope })
    }

    /// Evaluates an expression of any type.
    pub(crate) fn eval(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) -> Result<TypedValue, Halt> {
        self.spend(1, expr.span)?;
        match &expr.kind {
            ExprKind::Faulty => Err(Halt::Reported),
            ExprKind::Null => Ok(Value::Null.into()),
            ExprKind::Bool(value) => Ok(Value::Bool(*value).into()),
            ExprKind::Number(number) => Ok(Value::Number(number.clone()).into()),
            ExprKind::Text(text) => {
                self.spend(text.len() as u64 / BYTES_PER_STEP, expr.span)?;
                Ok(Value::String(text.clone().into_owned()).into())
            }
            ExprKind::List(items) => {
                let items = all_or_halt(items.iter().map(|item| self.eval(item, scope)))?;
                Ok(Value::List(items.into_iter().map(|item| item.value).collect()).into())
            }
            ExprKind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    Ok((self.key(key, scope)?, self.eval(value, scope)?.value))
                });
                let mut map = std::collections::BTreeMap::new();
                for (key, value) in all_or_halt(entries)? {
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
                self.spend(size(&known.value) as u64 / BYTES_PER_STEP, expr.span)?;
                Ok(known)
            }
            ExprKind::Custom(name, arguments) => {
                let scope = self.deeper(scope, expr.span)?;
                self.custom(*name, arguments, expr.span, scope)
            }
        }
    }

    /// Evaluates a key of a map, which must be a string.
    pub(crate) fn key(&self, key: &Expr<'a>, scope: Scope<'_, 'a>) -> Result<String, Halt> {
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
    ) -> Result<TypedValue, Halt> {
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
                    SelfElement::Node(node) => node,
                    SelfElement::Relationship(relationship) => relationship.source,
                    SelfElement::Nothing => {
                        return Err(self.report_outside("$node_index", span, scope));
                    }
                };
                let index = self.graph.node(node).index;
                Ok(Value::from(i64::try_from(index).unwrap_or(i64::MAX)).into())
            }
            Function::RelationshipIndex => {
                let index = match (scope.own, scope.relationship_index) {
                    (SelfElement::Relationship(relationship), _) => relationship.index,
                    (_, Some(index)) => index,
                    _ => return Err(self.report_outside("$relationship_index", span, scope)),
                };
                Ok(Value::from(i64::try_from(index).unwrap_or(i64::MAX)).into())
            }
            Function::Value => match scope.tested {
                Some(tested) => {
                    let known = TypedValue { value: tested.value.clone(), of: Some(tested.of) };
                    self.follow_keys(known, arguments, scope)
                }
                None if scope.clause => Err(Halt::Later),
                None => {
                    let message = "`$value` outside of a validation clause";
                    Err(self.halt(Fault::new(Code::Path, span, message)))
                }
            },
            _ => {
                let values = all_or_halt(arguments.iter().map(|one| self.eval(one, scope)))?;
                self.spend(comparisons(function, &values) / BYTES_PER_STEP, span)?;
                if let (Function::Matches, [_, TypedValue { value: Value::String(pattern), .. }]) =
                    (function, &values[..])
                    && !self.types.regexes.is_compiled(pattern)
                {
                    self.spend(STEPS_PER_REGEX, span)?;
                }
                let message = |message| format!("`${}`: {message}", function.name());
                apply(self.types, function, values, scope.tested)
                    .map_err(|error| self.halt(Fault::new(Code::Evaluation, span, message(error))))
            }
        }
    }

    /// Reports a function that has no meaning where it stands. In a type it gets one later.
    pub(super) fn report_outside(&self, function: &str, span: Span, scope: Scope<'_, 'a>) -> Halt {
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
    ) -> Result<TypedValue, Halt> {
        let Some((first, rest)) = arguments.split_first() else { return Err(Halt::Reported) };
        let Some(name) = first.as_str() else {
            let message = "expected the name of an input";
            return Err(self.halt(Fault::new(Code::Arguments, first.span, message)));
        };
        if scope.workflow.is_some_and(|inputs| inputs.contains_key(name)) {
            return Err(Halt::RunTime(span));
        }
        let Some(input) = self.template.inputs.get(name) else {
            // A type does not know the inputs of the service that uses it.
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
                self.follow_keys(TypedValue { value: value.clone(), of }, rest, scope)
            }
            // A required input without value is reported once, at its definition.
            None if self.is_complete() && !input.is_required() && !scope.open => {
                let message =
                    format!("input `{name}` is optional and has no value, but is needed here");
                let fault = Fault::new(Code::MissingInput, span, message);
                Err(self.halt(fault.related(input.name.span, "defined here")))
            }
            None => Err(Halt::Input),
        }
    }

    /// Checks a call of a function that is not built in. Its result is known at run time.
    fn custom(
        &self,
        name: Word<'a>,
        arguments: &Expr<'a>,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
        let local = self.template.functions.iter().find(|one| one.name.text == name.text);
        let defined = match self.types.function(name) {
            Ok(defined) => defined,
            Err(fault) => return Err(self.halt(fault)),
        };
        // The service template's signatures refine those of the type definitions, one by one (csd07
        // 10.4).
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
                format!("no signature of `${}` accepts {} arguments", name.text, given.len());
            let fault = Fault::new(Code::Arguments, span, message);
            return Err(self.halt(match defined.or(local) {
                Some(function) => fault.related(function.name.span, "defined here"),
                None => fault,
            }));
        }
        // The first signature whose types fit counts; faults of the others are dropped.
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

    /// Returns the result type of a function that is not built in, if it has one signature.
    pub(super) fn result_of(&self, name: Word<'a>) -> Option<&Schema<'a>> {
        let function = self.types.function(name).ok()??;
        match function.signatures.as_slice() {
            [one] => one.result.as_deref(),
            _ => None,
        }
    }

    /// Follows keys and indexes into a value.
    pub(super) fn follow_keys(
        &self,
        known: TypedValue,
        path: &[Expr<'a>],
        scope: Scope<'_, 'a>,
    ) -> Result<TypedValue, Halt> {
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
                let message = format!("the {} has no entry at {shown}", value.kind());
                self.halt(Fault::new(Code::Path, step.span, message))
            })?;
        }
        Ok(value.into())
    }
}

/// Returns whether a signature accepts this number of arguments (csd07 10.4).
pub(crate) fn takes(signature: &Signature<'_>, count: usize) -> bool {
    let (must, may) = (signature.arguments.len(), signature.optional.len());
    count >= must && (count <= must + may || signature.variadic)
}

/// Returns the schema of an argument; `None` if any value is accepted.
fn schema_of<'f, 'a>(signature: &'f Signature<'a>, at: usize) -> Option<&'f Schema<'a>> {
    let all = signature.arguments.iter().chain(&signature.optional);
    all.clone().nth(at).or_else(|| all.last()).map(|schema| &**schema)
}

/// Returns the most comparisons of list entries that a function makes.
fn comparisons(function: Function, values: &[TypedValue]) -> u64 {
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

/// The steps charged for compiling a regular expression.
const STEPS_PER_REGEX: u64 = 5_000;

/// The bytes copied, or values compared, in one step.
pub(crate) const BYTES_PER_STEP: u64 = 8;

/// Returns the approximate size of a value in bytes of memory.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(|item| 64 + size(item)).sum(),
        Value::Map(entries) => entries.iter().map(|(key, item)| 64 + key.len() + size(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
