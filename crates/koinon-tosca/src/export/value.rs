//! Values and calls in the words of 1.3.

use koinon_model::Value;

use super::plain::is_call;
use crate::grammar::Function;
use crate::lower::FUNCTIONS;

/// Returns the value as 1.3 writes it, if it can.
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

/// Returns whether there is a call in a value that is none itself.
pub(super) fn has_call_inside(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().any(|item| is_call(item) || has_call_inside(item)),
        Value::Map(entries) if !is_call(value) => {
            entries.values().any(|value| is_call(value) || has_call_inside(value))
        }
        _ => false,
    }
}

/// Takes the escape off a text; nothing if it is a call.
pub(super) fn literal(text: &str) -> Option<&str> {
    match text.strip_prefix('$') {
        Some(escaped) if escaped.starts_with('$') => Some(escaped),
        Some(_) => None,
        None => Some(text),
    }
}

/// Returns whether 1.3, or Koinon's reading of it, would take a literal map for a call.
fn reads_as_call(value: &Value) -> bool {
    let Some(map) = value.as_map().filter(|map| map.len() == 1) else { return false };
    map.keys().any(|key| match key.strip_prefix('$') {
        Some(later) => Function::named(later.split('$').next().unwrap_or(later)).is_some(),
        None => FUNCTIONS.iter().any(|(old, ..)| old == key),
    })
}

fn call(name: &str, arguments: &Value) -> Option<Value> {
    let row = FUNCTIONS.iter().find(|(_, plain, typed)| *plain == name || *typed == Some(name));
    let (old, plain, typed) = row?;
    let arguments = match arguments.as_list() {
        Some(list) => list.to_vec(),
        None => vec![arguments.clone()],
    };
    let arguments = match typed {
        Some(_) if *plain == name => path(&arguments)?,
        _ => arguments,
    };
    let mut written: Vec<Value> = arguments.iter().map(value).collect::<Option<_>>()?;
    let argument = match (*old, written.len()) {
        ("get_input" | "get_nodes_of_type", 1) => written.pop()?,
        // tosca-parser takes a path into an input for a mistake.
        ("get_input", _) => return None,
        _ => Value::List(written),
    };
    Some(Value::from([(*old, argument)]))
}

/// Writes a TOSCA path as 1.3 does: an entity, perhaps one of its requirements or capabilities, and names.
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
