//! Values against their types: checked, and completed with the defaults of complex types.

use std::collections::BTreeMap;

use koinon_model::Value;

use super::eval::Halt;
use super::eval::Scope;
use super::eval::Tested;
use super::program::Program;
use super::types::Base;
use super::types::Shape;
use super::units::is_base64;
use super::units::is_timestamp;
use super::units::version_key;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::diag::article;
use crate::grammar::Assigned;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::Gives;
use crate::grammar::Property;
use crate::grammar::Schema;
use crate::grammar::Section;

impl<'a> Program<'a> {
    /// Evaluates an expression that must be of a type.
    pub(crate) fn typed(
        &self,
        expr: &Expr,
        schema: &Schema<'a>,
        scope: Scope<'_>,
    ) -> Result<Value, Halt> {
        let scope = self.deeper(scope, expr.span)?;
        self.spend(1, expr.span)?;
        // An unknown type was reported where it is written; an output may have none.
        let Some(shape) = self.types.shape(schema) else { return self.eval(expr, scope) };
        let value = match (&expr.kind, shape.base) {
            (ExprKind::Faulty, _) => return Err(Halt::Reported),
            (ExprKind::Call(function, arguments), _) => {
                return match self.eval(expr, scope) {
                    Ok(value) => self.typed(&lift(value, expr.span), schema, scope),
                    Err(Halt::Reported) => Err(Halt::Reported),
                    Err(halt) => {
                        self.plausible(*function, arguments, expr.span, shape, scope)?;
                        Err(halt)
                    }
                };
            }
            (ExprKind::List(items), Base::List) => {
                let Some(entry) = shape.entry else { return self.eval(expr, scope) };
                Value::List(self.all(items.iter().map(|item| self.typed(item, entry, scope)))?)
            }
            (ExprKind::Map(entries), Base::Map) => {
                let Some(entry) = shape.entry else { return self.eval(expr, scope) };
                let typed = entries.iter().map(|(key, span, value)| {
                    if let Some(schema) = shape.key {
                        self.typed(&lift(Value::String(key.clone()), *span), schema, scope)?;
                    }
                    Ok((key.clone(), self.typed(value, entry, scope)?))
                });
                self.all(typed)?.into_iter().collect()
            }
            (ExprKind::Map(entries), Base::Complex) => {
                self.complex(entries, expr.span, shape, scope)?
            }
            (ExprKind::Value(value), base) => {
                self.scalar(value, shape).map_err(|found| {
                    self.halt(self.mismatch(base, shape.name, &found, expr.span, scope))
                })?;
                value.clone()
            }
            (ExprKind::List(_), base) => {
                return Err(self.halt(self.mismatch(base, shape.name, "a list", expr.span, scope)));
            }
            (ExprKind::Map(_), base) => {
                return Err(self.halt(self.mismatch(base, shape.name, "a map", expr.span, scope)));
            }
        };
        self.validate(&value, schema, shape, expr.span, scope)?;
        Ok(value)
    }

    /// Takes all values, or the worst reason that one is missing.
    fn all<T>(&self, values: impl Iterator<Item = Result<T, Halt>>) -> Result<Vec<T>, Halt> {
        let mut all = Vec::new();
        let mut halted = None;
        for value in values {
            match value {
                Ok(value) => all.push(value),
                Err(halt) => halted = Some(halted.map_or(halt, |one: Halt| one.worse(halt))),
            }
        }
        halted.map_or(Ok(all), Err)
    }

    fn mismatch(&self, base: Base, name: &str, found: &str, span: Span, scope: Scope<'_>) -> Fault {
        let what = scope.what;
        let message = format!("expected {} for `{what}`, found {found}", article(name));
        let fault = Fault::new(Code::Mismatch, span, message);
        if base == Base::String && !found.contains("list") && !found.contains("map") {
            return fault.hint("put it in quotes to make it a string");
        }
        fault
    }

    /// Checks a scalar; the error says what was found.
    fn scalar(&self, value: &Value, shape: Shape<'_, 'a>) -> Result<(), String> {
        let kind = || article(value.kind());
        match (shape.base, value) {
            (Base::String, Value::String(_))
            | (Base::Boolean, Value::Bool(_))
            | (Base::Nil, Value::Null)
            | (Base::Float, Value::Number(_)) => Ok(()),
            (Base::Integer, Value::Number(number)) => {
                number.as_i64().map(|_| ()).ok_or_else(|| format!("{number}"))
            }
            (Base::Bytes, Value::String(text)) if is_base64(text) => Ok(()),
            (Base::Bytes, Value::String(_)) => Err("a string that is not Base64".to_owned()),
            (Base::Timestamp, Value::String(text)) if is_timestamp(text) => Ok(()),
            (Base::Timestamp, Value::String(text)) => {
                Err(format!("`{text}`, which is not in RFC 3339"))
            }
            (Base::Version, Value::String(text)) if version_key(text).is_some() => Ok(()),
            (Base::Version, Value::String(text)) => Err(format!("`{text}`")),
            (Base::Version, Value::Number(number)) => {
                Err(format!("the number {number}; put it in quotes"))
            }
            (Base::Scalar, Value::String(text)) => match shape.units {
                Some(units) => {
                    units.amount(text).map(|_| ()).map_err(|error| format!("`{text}`: {error}"))
                }
                None => Err("a type without units".to_owned()),
            },
            _ => Err(kind()),
        }
    }

    fn complex(
        &self,
        entries: &[(String, Span, Expr)],
        span: Span,
        shape: Shape<'_, 'a>,
        scope: Scope<'_>,
    ) -> Result<Value, Halt> {
        let Some(def) = shape.def else { return Err(Halt::Reported) };
        let properties = &def.properties;
        let given = entries.iter().map(|(key, at, value)| {
            let Some(property) = properties.get(key.as_str()) else {
                let fault = undeclared(key, shape.name, *at, properties.keys().copied());
                return Err(self.halt(fault));
            };
            if let Some(fixed) = &property.value {
                return Err(self.halt(fixed_value(key, *at, fixed.span)));
            }
            Ok((key.clone(), self.typed(value, &property.schema, Scope { what: key, ..scope })?))
        });
        let given = self.all(given);
        let missing = properties
            .values()
            .filter(|property| !entries.iter().any(|(key, _, _)| key == property.name.text));
        let filled = missing.filter_map(|property| {
            let name = property.name.text;
            match property.value.as_ref().or(property.default.as_ref()) {
                Some(value) => {
                    let value = self.typed(value, &property.schema, Scope { what: name, ..scope });
                    Some(value.map(|value| (name.to_owned(), value)))
                }
                None if property.is_required() => {
                    let message = format!("expected `{name}` in a {}", shape.name);
                    let fault = Fault::new(Code::MissingValue, span, message);
                    Some(Err(self.halt(fault.related(property.name.span, "required here"))))
                }
                None => None,
            }
        });
        let filled = self.all(filled);
        Ok(given?.into_iter().chain(filled?).collect())
    }

    /// Checks the validation clauses of a type and of a definition.
    fn validate(
        &self,
        value: &Value,
        schema: &Schema<'a>,
        shape: Shape<'_, 'a>,
        span: Span,
        scope: Scope<'_>,
    ) -> Result<(), Halt> {
        let inherited = shape.def.map(|def| &def.schema.validation[..]).unwrap_or_default();
        for clause in inherited.iter().chain(&schema.validation) {
            let tested = Some(Tested { value, base: shape.base, units: shape.units });
            match self.eval(clause, Scope { tested, ..scope }) {
                Ok(Value::Bool(true)) | Err(Halt::Input | Halt::RunTime(_)) => {}
                Ok(Value::Bool(false)) => {
                    let shown = shorten(&value.to_json());
                    let message = format!("{shown} is not valid for `{}`", scope.what);
                    let fault = Fault::new(Code::Invalid, span, message);
                    return Err(self.halt(fault.related(clause.span, "this must hold")));
                }
                Ok(found) => {
                    let message =
                        format!("a validation must be a boolean, found a {}", found.kind());
                    return Err(self.halt(Fault::new(Code::Evaluation, clause.span, message)));
                }
                Err(Halt::Reported) => return Err(Halt::Reported),
            }
        }
        Ok(())
    }

    /// Checks that a call whose value is not known yet can be of a type.
    fn plausible(
        &self,
        function: Function,
        arguments: &[Expr],
        span: Span,
        shape: Shape<'_, 'a>,
        scope: Scope<'_>,
    ) -> Result<(), Halt> {
        let gives = match function.gives() {
            Gives::Boolean => "boolean",
            Gives::Integer => "integer",
            Gives::Float => "float",
            Gives::String => "string",
            Gives::Any if function == Function::GetInput && arguments.len() == 1 => {
                let input = arguments[0].as_str().and_then(|name| self.document.inputs.get(name));
                let Some(data_type) = input.and_then(|input| input.schema.data_type) else {
                    return Ok(());
                };
                data_type.text
            }
            Gives::Any => return Ok(()),
        };
        let derives = |one: &str, other: &str| self.types.derives(Section::Data, one, other);
        let widened = shape.base == Base::Float && derives(gives, "integer");
        // Of text the type says nothing before its value is known.
        let text = gives == "string"
            && matches!(shape.base, Base::Bytes | Base::Timestamp | Base::Version | Base::Scalar);
        let base = shape.def.and_then(|def| def.chain.last().copied());
        if derives(gives, shape.name)
            || derives(shape.name, gives)
            || widened
            || text
            || base == Some(gives)
        {
            return Ok(());
        }
        let message = format!(
            "expected {} for `{}`, found {}",
            article(shape.name),
            scope.what,
            article(gives)
        );
        Err(self.halt(Fault::new(Code::Mismatch, span, message)))
    }

    /// Checks values against definitions: declared, not fixed, of the right type, none missing.
    pub(crate) fn check_values(
        &self,
        definitions: &BTreeMap<&'a str, Property<'a>>,
        values: &Assigned<'a>,
        of: (&str, Span),
        scope: Scope<'_>,
    ) {
        for (name, (word, _)) in values {
            if !definitions.contains_key(name) {
                self.faults.push(undeclared(name, of.0, word.span, definitions.keys().copied()));
            }
        }
        for (name, property) in definitions {
            let assigned = values.get(name);
            if let (Some((word, _)), Some(fixed)) = (assigned, &property.value) {
                self.faults.push(fixed_value(name, word.span, fixed.span));
                continue;
            }
            match effective(property, values) {
                Some(expr) => {
                    // Faults are kept; a value that is not known yet is no fault here.
                    drop(self.typed(expr, &property.schema, Scope { what: name, ..scope }));
                }
                None if property.is_required() => {
                    let message = format!("expected a value for `{name}`, which {} requires", of.0);
                    let fault = Fault::new(Code::MissingValue, of.1, message);
                    self.faults.push(fault.related(property.name.span, "required here"));
                }
                None => {}
            }
        }
    }
}

/// Returns the expression that gives a property its value.
pub(crate) fn effective<'v>(
    property: &'v Property<'_>,
    values: &'v Assigned<'_>,
) -> Option<&'v Expr> {
    let assigned = values.get(property.name.text).map(|(_, expr)| expr);
    property.value.as_deref().or(assigned).or(property.default.as_deref())
}

fn undeclared<'n>(name: &str, of: &str, span: Span, known: impl Iterator<Item = &'n str>) -> Fault {
    Fault::new(Code::Undeclared, span, format!("`{name}` is not declared by {of}"))
        .near(name, known)
}

fn fixed_value(name: &str, span: Span, fixed: Span) -> Fault {
    Fault::new(Code::Fixed, span, format!("the value of `{name}` is fixed by its type"))
        .related(fixed, "fixed here")
}

/// Makes an expression of a value; everything in it stands at one place.
pub(crate) fn lift(value: Value, span: Span) -> Expr {
    let kind = match value {
        Value::List(items) => {
            ExprKind::List(items.into_iter().map(|item| lift(item, span)).collect())
        }
        Value::Map(entries) => {
            let lifted = entries.into_iter().map(|(key, value)| (key, span, lift(value, span)));
            ExprKind::Map(lifted.collect())
        }
        scalar => ExprKind::Value(scalar),
    };
    Expr { span, kind }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
