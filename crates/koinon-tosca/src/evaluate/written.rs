//! Expressions as they read in TOSCA 2.0.

use koinon_model::Value;

use crate::grammar::Expr;
use crate::grammar::ExprKind;

/// Returns a literal value in which no text reads as a function.
pub(crate) fn escaped(value: &Value) -> Value {
    let text = |text: &str| {
        if text.starts_with('$') { format!("${text}") } else { text.to_owned() }
    };
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::List(items) => Value::List(items.iter().map(escaped).collect()),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| (text(key), escaped(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Returns an expression as TOSCA 2.0 writes it.
pub(crate) fn written(expr: &Expr<'_>) -> Value {
    match &expr.kind {
        ExprKind::Null | ExprKind::Faulty => Value::Null,
        ExprKind::Bool(value) => Value::Bool(*value),
        ExprKind::Number(number) => Value::Number(number.clone()),
        ExprKind::Text(text) => escaped(&Value::string(text)),
        ExprKind::List(items) => Value::List(items.iter().map(written).collect()),
        ExprKind::Map(entries) => entries
            .iter()
            .map(|(key, value)| {
                let key = match written(key) {
                    Value::String(key) => key,
                    other => other.to_json(),
                };
                (key, written(value))
            })
            .collect(),
        ExprKind::Call(function, arguments) => {
            let arguments = arguments.iter().map(written).collect();
            Value::from([(format!("${}", function.name()).as_str(), Value::List(arguments))])
        }
        ExprKind::Custom(name, arguments) => {
            Value::from([(format!("${}", name.text).as_str(), written(arguments))])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_escaped() {
        let value = Value::from([("$a", Value::from("$b"))]);
        assert_eq!(escaped(&value).to_json(), r#"{"$$a":"$$b"}"#);
    }
}
