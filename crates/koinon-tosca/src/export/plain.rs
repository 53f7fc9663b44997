//! A document in plain TOSCA 2.0, which every processor reads: long forms, and only functions of
//! the specification.

use std::collections::BTreeMap;
use std::ptr;

use koinon_model::Value;

use crate::grammar::paper_input;
use crate::keynames;
use crate::keynames::Entity;
use crate::keynames::KeynameKind;

/// Rewrites an entity and its content without changing the meaning.
pub(super) fn entity(value: &Value, table: &'static Entity) -> Value {
    let calls = ptr::eq(table, &raw const keynames::PROPERTY)
        || ptr::eq(table, &raw const keynames::PARAMETER);
    match value {
        Value::Null => Value::Map(BTreeMap::new()),
        Value::Map(_) if calls && is_call(value) => short(value, table),
        Value::Map(entries) => {
            let mut out = BTreeMap::new();
            for (name, value) in entries {
                let kind = table.key(name).map_or(KeynameKind::Any, |row| row.kind);
                // A null has no meaning under a keyname, except as a value.
                if *value != Value::Null
                    || matches!(kind, KeynameKind::Value | KeynameKind::Condition)
                {
                    out.insert(name.clone(), field(value, kind));
                }
            }
            Value::Map(out)
        }
        _ => short(value, table),
    }
}

/// Writes the long form of a short notation, where it does not depend on other definitions.
fn short(value: &Value, table: &'static Entity) -> Value {
    let tables: [(&Entity, &str); 7] = [
        (&keynames::SCHEMA, "type"),
        (&keynames::CAPABILITY, "type"),
        (&keynames::RELATIONSHIP, "type"),
        (&keynames::REQUIREMENT, "capability"),
        (&keynames::REQUIREMENT_ASSIGNMENT, "node"),
        (&keynames::REPOSITORY, "url"),
        (&keynames::PROPERTY, "value"),
    ];
    let value = expression(value);
    match tables.iter().find(|(known, _)| ptr::eq(*known, table)) {
        Some((_, key)) => Value::from([(*key, value)]),
        None => value,
    }
}

fn field(value: &Value, kind: KeynameKind) -> Value {
    let map = |value: &Value, table| match value {
        Value::Map(entries) => {
            entries.iter().map(|(name, value)| (name.clone(), entity(value, table))).collect()
        }
        other => other.clone(),
    };
    match (kind, value) {
        (KeynameKind::One(table), value) => entity(value, table),
        (KeynameKind::Map(table), value) => map(value, table),
        (KeynameKind::Sequence(table), Value::List(items)) => {
            Value::List(items.iter().map(|item| map(item, table)).collect())
        }
        (KeynameKind::List(table), Value::List(items)) => {
            Value::List(items.iter().map(|item| entity(item, table)).collect())
        }
        (
            KeynameKind::Value
            | KeynameKind::Values
            | KeynameKind::Condition
            | KeynameKind::Special,
            value,
        ) => expression(value),
        _ => value.clone(),
    }
}

/// Rewrites an expression: the paper's `{{core.x}}` becomes a call, `$in_range` becomes
/// comparisons.
fn expression(value: &Value) -> Value {
    match value {
        Value::String(text) => match paper_input(text) {
            Some(input) => Value::from([("$get_input", input.into())]),
            None => value.clone(),
        },
        Value::List(items) => Value::List(items.iter().map(expression).collect()),
        Value::Map(entries) => match in_range(entries) {
            Some(comparisons) => comparisons,
            None => entries.iter().map(|(key, value)| (key.clone(), expression(value))).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn in_range(entries: &BTreeMap<String, Value>) -> Option<Value> {
    let arguments = entries.get("$in_range").filter(|_| entries.len() == 1)?.as_list()?;
    let [subject, bounds] = arguments else { return None };
    let [low, high] = bounds.as_list()? else { return None };
    let compare = |function: &str, bound: &Value| {
        let pair = Value::List(vec![expression(subject), expression(bound)]);
        (bound.as_str() != Some("UNBOUNDED")).then(|| Value::from([(function, pair)]))
    };
    let both = [compare("$greater_or_equal", low), compare("$less_or_equal", high)];
    let mut parts: Vec<Value> = both.into_iter().flatten().collect();
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Value::from([("$and", Value::List(parts))])),
    }
}

/// Returns whether a value is a function call.
pub(super) fn is_call(value: &Value) -> bool {
    let entry = value.as_map().filter(|map| map.len() == 1).and_then(|map| map.keys().next());
    entry.is_some_and(|key| key.starts_with('$') && !key.starts_with("$$"))
}
