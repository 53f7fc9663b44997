//! Values and calls of TOSCA 1.3.

use koinon_model::Value;

use super::plain::is_call;
use crate::grammar::Function;
use crate::lower::OLD_FUNCTIONS;

/// Returns the value as 1.3 writes it, or nothing if 1.3 cannot express it.
pub(super) fn value(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => literal(text).map(Value::from),
        Value::List(items) => items.iter().map(self::value).collect::<Option<_>>().map(Value::List),
        Value::Map(entries) if is_call(value) => {
            let (name, arguments) = entries.iter().next()?;
            call(name, arguments)
        }
        Value::Map(entries) => {
            let written: Option<Value> = entries
                .iter()
                .map(|(key, value)| Some((literal(key)?.to_owned(), self::value(value)?)))
                .collect();
            written.filter(|written| !reads_as_call(written))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
    }
}

/// Returns whether a value contains a call but is not a call itself.
pub(super) fn has_call_inside(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(|item| is_call(item) || has_call_inside(item)),
        Value::Map(entries) if !is_call(value) => {
            entries.values().any(|value| is_call(value) || has_call_inside(value))
        }
        _ => false,
    }
}

/// Returns a text without its escape, or nothing if it is a call.
pub(super) fn literal(text: &str) -> Option<&str> {
    match text.strip_prefix('$') {
        Some(escaped) if escaped.starts_with('$') => Some(escaped),
        Some(_) => None,
        None => Some(text),
    }
}

/// Returns whether 1.3, or Koinon's reader of it, would read a literal map as a call.
fn reads_as_call(value: &Value) -> bool {
    let Some(map) = value.as_map().filter(|map| map.len() == 1) else { return false };
    map.keys().any(|key| match key.strip_prefix('$') {
        Some(later) => Function::named(later.split('$').next().unwrap_or(later)).is_some(),
        None => OLD_FUNCTIONS.iter().any(|function| function.name == key),
    })
}

fn call(name: &str, arguments: &Value) -> Option<Value> {
    let function = OLD_FUNCTIONS
        .iter()
        .find(|function| function.becomes == name || function.typed == Some(name))?;
    let arguments = match arguments.as_list() {
        Some(list) => list.to_vec(),
        None => vec![arguments.clone()],
    };
    let arguments = match function.typed {
        Some(_) if function.becomes == name => path(&arguments)?,
        _ => arguments,
    };
    let mut written: Vec<Value> = arguments.iter().map(value).collect::<Option<_>>()?;
    let argument = match (function.name, written.len()) {
        ("get_input" | "get_nodes_of_type", 1) => written.pop()?,
        // tosca-parser rejects a path into an input.
        ("get_input", _) => return None,
        _ => Value::List(written),
    };
    Some(Value::from([(function.name, argument)]))
}

/// Writes a TOSCA path as 1.3 does: an entity, one of its requirements or capabilities if the path
/// has one, and names.
fn path(steps: &[Value]) -> Option<Vec<Value>> {
    let words: Vec<Option<&str>> = steps.iter().map(Value::as_str).collect();
    let (first, rest): (&Value, &[Value]) = match words.as_slice() {
        [Some("SELF"), Some("SOURCE" | "TARGET"), ..] => (&steps[1], &steps[2..]),
        [_, ..] => (&steps[0], &steps[1..]),
        [] => return None,
    };
    let words = &words[words.len() - rest.len()..];
    let mut path = vec![first.clone()];
    match words {
        [Some("CAPABILITY"), Some(_), _, ..] => path.extend_from_slice(&rest[1..]),
        [Some("RELATIONSHIP"), Some(_), Some("TARGET"), _, ..] => {
            path.push(rest[1].clone());
            path.extend_from_slice(&rest[3..]);
        }
        _ => path.extend_from_slice(rest),
    }
    let word = |step: &Value| {
        let step = step.as_str().unwrap_or_default();
        ["SELF", "SOURCE", "TARGET", "RELATIONSHIP", "CAPABILITY", "ALL"].contains(&step)
    };
    (path.len() > 1 && !path[1..].iter().any(word)).then_some(path)
}
