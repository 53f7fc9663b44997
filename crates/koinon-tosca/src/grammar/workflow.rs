//! Triggers of policies and imperative workflows (csd07 13.2, 16.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::Expr;
use super::expr::read_expr;
use super::fields::Named;
use super::fields::Word;
use super::fields::fields;
use super::fields::named;
use super::fields::text_of;
use super::fields::wrong_kind;
use super::schema::Flow;
use super::schema::Properties;
use super::schema::read_parameters;
use super::template::Assigned;
use super::template::read_assignments;
use super::template::read_implementation;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::keynames::Entity;
use crate::yaml::Yaml;

/// A trigger of a policy.
#[derive(Clone, Debug)]
pub(crate) struct Trigger<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) event: Word<'a>,
    pub(crate) condition: Option<Expr<'a>>,
    pub(crate) action: Vec<Activity<'a>>,
}

/// Something that is done.
#[derive(Clone, Debug)]
pub(crate) enum Activity<'a> {
    /// A workflow of the orchestrator.
    Delegate(Word<'a>, Assigned<'a>),
    /// A new state of the target.
    SetState(Expr<'a>),
    /// An operation of the target, as `interface.operation`.
    CallOperation(Word<'a>, Assigned<'a>),
    /// Another workflow of the service.
    Inline(Word<'a>, Assigned<'a>),
}

/// An imperative workflow.
#[derive(Clone, Debug)]
pub(crate) struct Workflow<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) inputs: Properties<'a>,
    pub(crate) precondition: Option<Expr<'a>>,
    pub(crate) steps: Named<'a, Step<'a>>,
    pub(crate) outputs: Assigned<'a>,
}

/// A step of a workflow.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) target: Word<'a>,
    pub(crate) relationship: Option<Word<'a>>,
    pub(crate) filter: Vec<Expr<'a>>,
    pub(crate) activities: Vec<Activity<'a>>,
    pub(crate) on_success: Vec<Word<'a>>,
    pub(crate) on_failure: Vec<Word<'a>>,
}

/// Reads triggers.
pub(crate) fn read_triggers<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> BTreeMap<&'a str, Arc<Trigger<'a>>> {
    let entity = &keynames::TRIGGER;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, entity, name.span, faults)?;
        let trigger = Trigger {
            name,
            event: fields.word("event")?,
            condition: fields.get("condition").map(|condition| read_expr(condition, faults)),
            action: activities(fields.get("action"), faults),
        };
        Some((name.text, Arc::new(trigger)))
    };
    named(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

/// Reads workflows.
pub(crate) fn read_workflows<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> Named<'a, Workflow<'a>> {
    let entity = &keynames::WORKFLOW;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = fields(yaml, entity, name.span, faults)?;
        if let (Some(implementation), true) = (fields.get("implementation"), fields.has("steps")) {
            let message = "expected either `steps` or `implementation`, found both";
            faults.push(Fault::new(Code::Definition, implementation.span(), message));
        }
        let steps = named(fields.get("steps"), keynames::STEP.name, faults).into_iter();
        if let Some(implementation) = fields.get("implementation") {
            read_implementation(implementation, faults);
        }
        let workflow = Workflow {
            name,
            inputs: read_parameters(fields.get("inputs"), Flow::Incoming, faults),
            precondition: fields.get("precondition").map(|clause| read_expr(clause, faults)),
            steps: steps
                .filter_map(|(name, yaml)| Some((name, read_step(name, yaml, faults)?)))
                .collect(),
            outputs: read_assignments(fields.get("outputs"), "outputs", faults),
        };
        Some((name, workflow))
    };
    named(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn read_step<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<Step<'a>> {
    let fields = fields(yaml, &keynames::STEP, name.span, faults)?;
    let filter = fields.get("filter");
    let clauses = filter.and_then(Yaml::list).into_iter().flatten();
    let single = filter.filter(|filter| filter.list().is_none());
    // csd07 13.2.2 has both a list of names and one name.
    let steps = |key: &str| match fields.get(key) {
        None => Vec::new(),
        Some(yaml) => match (text_of(yaml), yaml.list()) {
            (Some(word), _) => vec![word],
            (None, Some(list)) => list
                .filter_map(|item| {
                    let word = text_of(item);
                    if word.is_none() {
                        faults.push(wrong_kind(item, key, "string"));
                    }
                    word
                })
                .collect(),
            (None, None) => {
                faults.push(wrong_kind(yaml, key, "list of strings"));
                Vec::new()
            }
        },
    };
    Some(Step {
        target: fields.word("target")?,
        relationship: fields.word("target_relationship"),
        filter: clauses.chain(single).map(|clause| read_expr(clause, faults)).collect(),
        activities: activities(fields.get("activities"), faults),
        on_success: steps("on_success"),
        on_failure: steps("on_failure"),
    })
}

fn activities<'a>(yaml: Option<Yaml<'a>>, faults: &Faults) -> Vec<Activity<'a>> {
    let list = yaml.and_then(Yaml::list).into_iter().flatten();
    list.filter_map(|yaml| read_activity(yaml, faults)).collect()
}

fn read_activity<'a>(yaml: Yaml<'a>, faults: &Faults) -> Option<Activity<'a>> {
    let fields = fields(yaml, &keynames::ACTIVITY, yaml.span(), faults)?;
    let keys: Vec<&str> =
        keynames::ACTIVITY.keys.iter().map(|key| key.name).filter(|key| fields.has(key)).collect();
    let [key] = keys.as_slice() else {
        // An unknown keyname was told already.
        if keys.len() > 1 || yaml.map().is_some_and(|map| map.len() == 0) {
            let message = "expected one activity: delegate, set_state, call_operation or inline";
            faults.push(Fault::new(Code::Definition, yaml.span(), message));
        }
        return None;
    };
    let value = fields.get(key)?;
    match *key {
        "set_state" => Some(Activity::SetState(read_expr(value, faults))),
        "call_operation" => {
            let (word, inputs) = called(value, &keynames::OPERATION_CALL, "operation", faults)?;
            Some(Activity::CallOperation(word, inputs))
        }
        key => {
            let (word, inputs) = called(value, &keynames::WORKFLOW_CALL, "workflow", faults)?;
            Some(match key {
                "delegate" => Activity::Delegate(word, inputs),
                _ => Activity::Inline(word, inputs),
            })
        }
    }
}

/// Reads what is called, by name or as a map with inputs.
fn called<'a>(
    yaml: Yaml<'a>,
    entity: &'static Entity,
    key: &str,
    faults: &Faults,
) -> Option<(Word<'a>, Assigned<'a>)> {
    if let Some(word) = text_of(yaml) {
        return Some((word, Named::default()));
    }
    let fields = fields(yaml, entity, yaml.span(), faults)?;
    Some((fields.word(key)?, read_assignments(fields.get("inputs"), "inputs", faults)))
}
