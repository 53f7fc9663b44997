//! Triggers and workflows as they read in TOSCA 2.0.

use std::collections::BTreeMap;

use koinon_model::Value;

use crate::evaluate::written;
use crate::grammar::Activity;
use crate::grammar::TriggerDefinition;
use crate::grammar::ValueAssignments;
use crate::grammar::Word;
use crate::grammar::WorkflowDefinition;

fn assigned_value(values: &ValueAssignments<'_>) -> Value {
    values.iter().map(|(word, expr)| (word.text.to_owned(), written(expr))).collect()
}

fn activity_value(activity: &Activity<'_>) -> Value {
    let call = |key: &str, what: &str, word: &Word<'_>, inputs: &ValueAssignments<'_>| {
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

pub(super) fn trigger_value(trigger: &TriggerDefinition<'_>) -> Value {
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

pub(super) fn workflow_value(workflow: &WorkflowDefinition<'_>) -> Value {
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
