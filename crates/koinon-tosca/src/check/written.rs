//! Expressions, triggers and workflows as they read in TOSCA 2.0, for the representation.

use std::collections::BTreeMap;

use koinon_model::Value;

use crate::grammar::Activity;
use crate::grammar::Assigned;
use crate::grammar::Expr;
use crate::grammar::ExprKind;
use crate::grammar::Trigger;
use crate::grammar::Word;
use crate::grammar::Workflow;

/// Writes a literal value so that nothing in it reads as a function.
pub(super) fn escaped(value: &Value) -> Value {
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

/// Writes an expression as it reads in TOSCA 2.0.
pub(super) fn written(expr: &Expr<'_>) -> Value {
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

fn assigned_value(values: &Assigned<'_>) -> Value {
    values.iter().map(|(word, expr)| (word.text.to_owned(), written(expr))).collect()
}

fn activity_value(activity: &Activity<'_>) -> Value {
    let call = |key: &str, what: &str, word: &Word<'_>, inputs: &Assigned<'_>| {
        let name = Value::from(word.text);
        if inputs.is_empty() {
            return Value::from([(key, name)]);
        }
        Value::from([(key, Value::from([(what, name), ("inputs", assigned_value(inputs))]))])
    };
    match activity {
        Activity::SetState(state) => Value::from([("set_state", written(state))]),
        Activity::Delegate(word, inputs) => call("delegate", "workflow", word, inputs),
        Activity::Inline(word, inputs) => call("inline", "workflow", word, inputs),
        Activity::CallOperation(word, inputs) => call("call_operation", "operation", word, inputs),
    }
}

pub(super) fn trigger_value(trigger: &Trigger<'_>) -> Value {
    let action = trigger.action.iter().map(activity_value).collect();
    let mut all = BTreeMap::from([
        ("event".to_owned(), Value::from(trigger.event.text)),
        ("action".to_owned(), Value::List(action)),
    ]);
    if let Some(condition) = &trigger.condition {
        all.insert("condition".to_owned(), written(condition));
    }
    Value::Map(all)
}

pub(super) fn workflow_value(workflow: &Workflow<'_>) -> Value {
    let words =
        |words: &[Word<'_>]| Value::List(words.iter().map(|word| Value::from(word.text)).collect());
    let mut steps = BTreeMap::new();
    for (name, step) in workflow.steps.iter() {
        let activities = step.activities.iter().map(activity_value).collect();
        let mut all = BTreeMap::from([
            ("target".to_owned(), Value::from(step.target.text)),
            ("activities".to_owned(), Value::List(activities)),
        ]);
        if let Some(relationship) = step.relationship {
            all.insert("target_relationship".to_owned(), Value::from(relationship.text));
        }
        if !step.filter.is_empty() {
            let filter = step.filter.iter().map(written).collect();
            all.insert("filter".to_owned(), Value::List(filter));
        }
        for (key, next) in [("on_success", &step.on_success), ("on_failure", &step.on_failure)] {
            if !next.is_empty() {
                all.insert(key.to_owned(), words(next));
            }
        }
        steps.insert(name.text.to_owned(), Value::Map(all));
    }
    let mut all = BTreeMap::from([("steps".to_owned(), Value::Map(steps))]);
    if let Some(precondition) = &workflow.precondition {
        all.insert("precondition".to_owned(), written(precondition));
    }
    if !workflow.outputs.is_empty() {
        all.insert("outputs".to_owned(), assigned_value(&workflow.outputs));
    }
    Value::Map(all)
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
