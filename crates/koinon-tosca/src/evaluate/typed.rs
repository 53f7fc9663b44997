//! Values against their types: checked, and completed with the defaults of complex types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use koinon_model::Value;

use super::expressions::BYTES_PER_STEP;
use super::scope::Scope;
use super::scope::TestedValue;
use crate::builtin::Base;
use crate::builtin::is_base64;
use crate::builtin::is_timestamp;
use crate::builtin::version_key;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Span;
use crate::diag::article;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::grammar::ReturnKind;
use crate::grammar::Schema;
use crate::grammar::TypeDefinition;
use crate::grammar::TypeId;
use crate::program::Halt;
use crate::program::Program;
use crate::program::all_or_halt;
use crate::types::BOOLEAN;
use crate::types::INTEGER;
use crate::types::ResolvedSchema;
use crate::types::STRING;

impl<'a> Program<'a> {
    /// Evaluates an expression whose value must match a schema.
    pub(crate) fn typed(
        &self,
        expr: &Expr<'a>,
        schema: &Schema<'a>,
        scope: Scope<'_, 'a>,
    ) -> Result<Value, Halt> {
        // An unknown type was reported where it is written; a parameter may have none.
        let Some(shape) = self.types.shape(schema) else {
            return self.eval(expr, scope).map(|known| known.value);
        };
        self.shaped(expr, schema, shape, scope)
    }

    fn shaped(
        &self,
        expr: &Expr<'a>,
        schema: &Schema<'a>,
        shape: ResolvedSchema<'_, 'a>,
        scope: Scope<'_, 'a>,
    ) -> Result<Value, Halt> {
        self.spend(1, expr.span)?;
        let wrong =
            |found: &str| self.halt(mismatch(shape.base, shape.name, found, expr.span, scope.what));
        let value = match (&expr.kind, shape.base) {
            (ExprKind::Faulty, _) => return Err(Halt::Reported),
            (ExprKind::Call(..) | ExprKind::Custom(..), _) => {
                let scope = self.deeper(scope, expr.span)?;
                return match self.eval(expr, scope) {
                    Ok(known) => {
                        let lifted = Expr::lift(known.value, expr.span);
                        self.shaped(&lifted, schema, shape, scope)
                    }
                    Err(halt @ (Halt::Deep | Halt::Reported)) => Err(halt),
                    Err(halt) => {
                        self.plausible(expr, shape, scope)?;
                        Err(halt)
                    }
                };
            }
            (ExprKind::List(items), Base::List) => {
                let scope = self.deeper(scope, expr.span)?;
                match shape.entry {
                    Some(entry) => {
                        let range = self.is_range(shape.def);
                        Value::List(all_or_halt(items.iter().map(|item| match item.as_str() {
                            Some("UNBOUNDED") if range => Ok(Value::from(i64::MAX)),
                            _ => self.typed(item, entry, scope),
                        }))?)
                    }
                    None => self.eval(expr, scope)?.value,
                }
            }
            (ExprKind::Map(entries), Base::Map) => {
                self.map(entries, shape, self.deeper(scope, expr.span)?)?
            }
            (ExprKind::Map(entries), Base::Complex) => {
                self.complex(entries, expr.span, shape, self.deeper(scope, expr.span)?)?
            }
            (ExprKind::List(_), _) => return Err(wrong("a list")),
            (ExprKind::Map(_), _) => return Err(wrong("a map")),
            (ExprKind::Null, Base::Nil) => Value::Null,
            (ExprKind::Bool(value), Base::Boolean) => Value::Bool(*value),
            (ExprKind::Number(number), Base::Float) => Value::Number(number.clone()),
            (ExprKind::Number(number), Base::Integer) => match number.as_i64() {
                Some(_) => Value::Number(number.clone()),
                None => return Err(wrong(number.as_str())),
            },
            (ExprKind::Number(number), Base::Version) => {
                return Err(wrong(&format!("the number {number}; put it in quotes")));
            }
            (ExprKind::Text(text), _) => {
                // A short expression may have a long value.
                self.spend(text.len() as u64 / BYTES_PER_STEP, expr.span)?;
                self.text(text, shape, expr.span, scope).map_err(|found| wrong(&found))?
            }
            (ExprKind::Null, _) => return Err(wrong("null")),
            (ExprKind::Bool(_), _) => return Err(wrong("a boolean")),
            (ExprKind::Number(_), _) => return Err(wrong("a number")),
        };
        self.validate(&value, schema, shape, expr.span, scope)?;
        Ok(value)
    }

    /// Returns whether a type is TOSCA 1.x's `range`, whose end may be `UNBOUNDED`: the greatest
    /// integer.
    fn is_range(&self, def: &TypeDefinition<'a>) -> bool {
        def.chain.iter().any(|id| {
            let metadata = self.types.def(*id).metadata.and_then(|metadata| metadata.map());
            metadata.into_iter().flatten().any(|(key, value)| {
                key.text() == Some("koinon.builtin") && value.text() == Some("range")
            })
        })
    }

    /// Reads a value that is written as text. The error describes the text for `expected X, found
    /// Y`.
    pub(crate) fn text(
        &self,
        text: &str,
        shape: ResolvedSchema<'_, 'a>,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<Value, String> {
        let string = || Ok(Value::String(text.to_owned()));
        match shape.base {
            Base::String => string(),
            // JSON has no numbers for infinities and not-a-number, so they stay text.
            Base::Float if matches!(text, ".inf" | "-.inf" | ".nan") => string(),
            Base::Bytes if is_base64(text) => string(),
            Base::Bytes => Err("a string that is not Base64".to_owned()),
            Base::Timestamp if is_timestamp(text) => string(),
            Base::Timestamp => Err(format!("`{text}`, which is not in RFC 3339")),
            Base::Version if version_key(text).is_some() => string(),
            Base::Version => Err(format!("`{text}`")),
            Base::Scalar => {
                let Some(units) = shape.units else {
                    return Err("a type without units".to_owned());
                };
                let amount = units.read(text).map_err(|error| format!("`{text}`: {error}"))?;
                // The number as written must be of the scalar's data type (csd07 9.1.2.2).
                let number = crate::yaml::Scalar::plain(amount.number);
                if let crate::yaml::Scalar::Number(number) = number {
                    let def = self.types.def(units.number);
                    let schema = Schema { data_type: Some(def.name), ..Schema::default() };
                    let builtin = ResolvedSchema {
                        id: units.number,
                        name: def.name.text,
                        base: self.types.base(units.number),
                        def,
                        key: None,
                        entry: None,
                        units: None,
                    };
                    let lifted = Expr { span, kind: ExprKind::Number(number) };
                    // The fault on the whole scalar replaces the fault on its number.
                    let (checked, _) =
                        self.faults.capture(|| self.shaped(&lifted, &schema, builtin, scope));
                    if checked.is_err() {
                        return Err(format!(
                            "`{text}`, whose number is not {}",
                            article(def.name.text)
                        ));
                    }
                }
                Ok(Value::String(units.write(amount.value)))
            }
            _ => Err("a string".to_owned()),
        }
    }

    pub(crate) fn map(
        &self,
        entries: &[(Expr<'a>, Expr<'a>)],
        shape: ResolvedSchema<'_, 'a>,
        scope: Scope<'_, 'a>,
    ) -> Result<Value, Halt> {
        let typed = entries.iter().map(|(key, value)| {
            let text = self.key(key, scope)?;
            if let Some(schema) = shape.key {
                let kind = ExprKind::Text(Cow::Owned(text.clone()));
                self.typed(&Expr { span: key.span, kind }, schema, scope)?;
            }
            let value = match shape.entry {
                Some(entry) => self.typed(value, entry, scope)?,
                None => self.eval(value, scope)?.value,
            };
            Ok((text, value))
        });
        let mut map = BTreeMap::new();
        for (at, (key, value)) in all_or_halt(typed)?.into_iter().enumerate() {
            if map.contains_key(&key) {
                let message = format!("the key `{key}` occurs twice in this map");
                let span = entries.get(at).map_or(Span::default(), |(key, _)| key.span);
                return Err(self.halt(Fault::new(Code::DuplicateKey, span, message)));
            }
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }

    fn complex(
        &self,
        entries: &[(Expr<'a>, Expr<'a>)],
        span: Span,
        shape: ResolvedSchema<'_, 'a>,
        scope: Scope<'_, 'a>,
    ) -> Result<Value, Halt> {
        // Nested defaults can make a large value from a short file.
        self.spend(STEPS_PER_VALUE, span)?;
        let properties = &shape.def.properties;
        let mut keys = Vec::with_capacity(entries.len());
        for (key, _) in entries {
            keys.push(self.key(key, scope)?);
        }
        let given = entries.iter().zip(&keys).map(|((at, value), key)| {
            let Some(property) = properties.get(key.as_str()) else {
                let fault = undeclared(key, shape.name, at.span);
                let known = properties.keys().copied();
                return Err(self.halt(self.faults.near(fault, key, known)));
            };
            if let Some(fixed) = &property.value {
                return Err(self.halt(fixed_value(key, at.span, fixed.span)));
            }
            let scope = Scope { what: key, ..scope };
            Ok((key.clone(), self.typed(value, &property.schema, scope)?))
        });
        let given = all_or_halt(given);
        if matches!(given, Err(Halt::Deep)) {
            return Err(Halt::Deep);
        }
        let missing = properties
            .values()
            .filter(|property| !keys.iter().any(|key| key == property.name.text));
        let filled = missing.filter_map(|property| {
            let name = property.name.text;
            let default = property.default.as_ref().filter(|_| property.is_required());
            match property.value.as_ref().or(default) {
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
        let filled = all_or_halt(filled);
        Ok(given?.into_iter().chain(filled?).collect())
    }

    /// Checks the validation clauses of a type and of a definition.
    fn validate(
        &self,
        value: &Value,
        schema: &Schema<'a>,
        shape: ResolvedSchema<'_, 'a>,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Result<(), Halt> {
        let inherited = &shape.def.schema.validation;
        for clause in inherited.iter().chain(&schema.validation) {
            let (base, units) = (shape.base, shape.units);
            let tested = Some(TestedValue { value, base, of: shape.id, units });
            match self.eval(clause, Scope { tested, ..scope }).map(|known| known.value) {
                Ok(Value::Bool(true)) | Err(Halt::Input | Halt::RunTime(_) | Halt::Later) => {}
                Ok(Value::Bool(false)) => {
                    let shown = shorten(&value.to_json());
                    let message = format!("{shown} is not valid for `{}`", scope.what);
                    let fault = Fault::new(Code::Invalid, span, message);
                    return Err(self.halt(fault.related(clause.span, "required by this clause")));
                }
                Ok(found) => {
                    // The check of the clause reports the same fault when it can; equal faults are
                    // shown once.
                    let found = article(found.kind());
                    let fault =
                        mismatch(Base::Boolean, "boolean", &found, clause.span, "validation");
                    return Err(self.halt(fault));
                }
                Err(halt @ (Halt::Deep | Halt::Reported)) => return Err(halt),
            }
        }
        Ok(())
    }

    /// Checks that a call whose value is not known yet can be of a type.
    fn plausible(
        &self,
        expr: &Expr<'a>,
        shape: ResolvedSchema<'_, 'a>,
        scope: Scope<'_, 'a>,
    ) -> Result<(), Halt> {
        let gives: Option<TypeId> = match &expr.kind {
            ExprKind::Call(function, arguments) => match function.return_kind() {
                ReturnKind::Boolean => Some(BOOLEAN),
                ReturnKind::Integer => Some(INTEGER),
                ReturnKind::String => Some(STRING),
                ReturnKind::Any if *function == Function::GetInput && arguments.len() == 1 => {
                    let name = arguments[0].as_str();
                    let workflow = scope.workflow.and_then(|inputs| inputs.get(name?));
                    let input = workflow.or_else(|| self.template.inputs.get(name?));
                    input.and_then(|input| self.types.shape(&input.schema)).map(|one| one.id)
                }
                ReturnKind::Number => {
                    // The result is an integer, a float or a scalar.
                    let number = matches!(shape.base, Base::Integer | Base::Float | Base::Scalar);
                    if !number {
                        let found = "a number";
                        let fault = mismatch(shape.base, shape.name, found, expr.span, scope.what);
                        return Err(self.halt(fault));
                    }
                    None
                }
                ReturnKind::Any => None,
            },
            ExprKind::Custom(name, _) => {
                let result = self.result_of(*name);
                result.and_then(|schema| self.types.shape(schema)).map(|shape| shape.id)
            }
            _ => None,
        };
        let Some(gives) = gives else { return Ok(()) };
        let (given, wanted) = (self.types.base(gives), shape.base);
        let widened = wanted == Base::Float && given == Base::Integer;
        // Text may be a value of these types; that is checked when it is known.
        let text = given == Base::String
            && matches!(wanted, Base::Bytes | Base::Timestamp | Base::Version | Base::Scalar);
        let related = self.types.derives(gives, shape.id) || self.types.derives(shape.id, gives);
        if related || widened || text || (given == wanted && wanted != Base::Complex) {
            return Ok(());
        }
        let name = self.types.def(gives).name.text;
        let message = format!(
            "expected {} for `{}`, found {}",
            article(shape.name),
            scope.what,
            article(name)
        );
        Err(self.halt(Fault::new(Code::Mismatch, expr.span, message)))
    }
}

fn mismatch(base: Base, name: &str, found: &str, span: Span, what: &str) -> Fault {
    let message = format!("expected {} for `{what}`, found {found}", article(name));
    let fault = Fault::new(Code::Mismatch, span, message);
    if base == Base::String && !found.contains("list") && !found.contains("map") {
        return fault.hint("put it in quotes to make it a string");
    }
    fault
}

/// The steps charged for a value of a complex type.
const STEPS_PER_VALUE: u64 = 8;

pub(crate) fn undeclared(name: &str, of: &str, span: Span) -> Fault {
    Fault::new(Code::Undeclared, span, format!("`{name}` is not declared by {of}"))
}

pub(crate) fn fixed_value(name: &str, span: Span, fixed: Span) -> Fault {
    Fault::new(Code::Fixed, span, format!("the value of `{name}` is fixed by its type"))
        .related(fixed, "fixed here")
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
