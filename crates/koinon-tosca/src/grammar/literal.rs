//! Trees as values, without expressions.

use koinon_model::Value;

use super::fields::wrong_kind;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::yaml::Scalar;
use crate::yaml::Yaml;

/// Converts a tree to its literal value.
pub(crate) fn literal(yaml: Yaml<'_>, faults: &Faults) -> Value {
    convert(yaml, &|_| None, faults)
}

/// Converts a tree to a value. `replace` returns the value of a string that is not literal.
pub(crate) fn convert(
    yaml: Yaml<'_>,
    replace: &dyn Fn(&str) -> Option<Value>,
    faults: &Faults,
) -> Value {
    if let Some(scalar) = yaml.scalar() {
        return match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Number(number) => Value::Number(number),
            Scalar::NoNumber => {
                let message = "this number cannot be represented exactly";
                faults.push(Fault::new(Code::NoNumber, yaml.span(), message));
                Value::Null
            }
            Scalar::String(text) => replace(text).unwrap_or_else(|| Value::string(text)),
        };
    }
    if let Some(items) = yaml.list() {
        return Value::List(items.map(|item| convert(item, replace, faults)).collect());
    }
    let entries = yaml.map().into_iter().flatten().filter_map(|(key, value)| {
        let Some(name) = key.text() else {
            faults.push(wrong_kind(key, "a key", "string"));
            return None;
        };
        Some((name.to_owned(), convert(value, replace, faults)))
    });
    entries.collect()
}
