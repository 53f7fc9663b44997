//! Values of a representation: known, or expressions that are known at run time.

use std::sync::Arc;

use koinon_model::Value;
use koinon_model::representation::Term;

use super::builder::RepresentationBuilder;
use crate::code::Code;
use crate::diag::Fault;
use crate::evaluate::PathPlace;
use crate::evaluate::Scope;
use crate::evaluate::escaped;
use crate::evaluate::written;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Function;
use crate::program::Halt;

impl<'p, 'a> RepresentationBuilder<'p, 'a> {
    pub(super) fn term(
        &self,
        value: Result<impl Into<Arc<Value>>, Halt>,
        expr: &Expr<'a>,
        scope: Scope<'_, 'a>,
    ) -> Option<Term> {
        match value {
            Ok(value) => Some(Term::Known(value.into())),
            Err(Halt::RunTime(_)) => Some(Term::Pending(self.pending(expr, scope).into())),
            Err(Halt::Later) => {
                let message =
                    format!("`{}` follows a relationship that does not exist", scope.what);
                self.program.faults.push(Fault::new(Code::Path, expr.span, message));
                None
            }
            // An input without value is reported at its definition.
            Err(Halt::Input | Halt::Deep | Halt::Reported) => None,
        }
    }

    /// Returns an expression for run time, with known parts replaced by their values and paths by
    /// ids.
    fn pending(&self, expr: &Expr<'a>, scope: Scope<'_, 'a>) -> Value {
        if !matches!(expr.kind, ExprKind::List(_) | ExprKind::Map(_)) {
            let (value, _) = self.program.faults.capture(|| self.program.eval(expr, scope));
            if let Ok(known) = value {
                return escaped(&known.value);
            }
        }
        match &expr.kind {
            ExprKind::List(items) => {
                Value::List(items.iter().map(|item| self.pending(item, scope)).collect())
            }
            ExprKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let key = match self.pending(key, scope) {
                        Value::String(key) => key,
                        other => other.to_json(),
                    };
                    (key, self.pending(value, scope))
                })
                .collect(),
            ExprKind::Call(
                function @ (Function::GetAttribute | Function::GetAttribute1x),
                path,
            ) => match self.program.walk(*function, path, expr.span, scope) {
                Ok(end) => {
                    let rest: Vec<Value> = end.rest.iter().map(written).collect();
                    let name = Value::from(end.name.as_str().unwrap_or_default());
                    let one = |at: &PathPlace<'_, 'a>| {
                        let (id, capability) = self.place(at);
                        let mut path = vec![Value::from(id.to_string().as_str())];
                        if let Some(capability) = capability {
                            path.push("CAPABILITY".into());
                            path.push(Value::from(&*capability));
                        }
                        path.push(name.clone());
                        path.extend(rest.iter().cloned());
                        Value::from([("$get_attribute", Value::List(path))])
                    };
                    match (end.many, end.places.as_slice()) {
                        (false, [at]) => one(at),
                        (_, all) => Value::List(all.iter().map(one).collect()),
                    }
                }
                Err(_) => written(expr),
            },
            ExprKind::Call(function, arguments) => {
                let arguments = arguments.iter().map(|one| self.pending(one, scope)).collect();
                Value::from([(format!("${}", function.name()).as_str(), Value::List(arguments))])
            }
            ExprKind::Custom(name, arguments) => {
                let arguments = self.pending(arguments, scope);
                Value::from([(format!("${}", name.text).as_str(), arguments)])
            }
            _ => written(expr),
        }
    }
}
