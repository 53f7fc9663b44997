//! Triggers of policies and imperative workflows (csd07 13.2, 16.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::artifact::read_implementation;
use super::assignments::ValueAssignments;
use super::assignments::read_assignments;
use super::expr::Expr;
use super::expr::read_expr;
use super::fields::NamedMap;
use super::fields::Word;
use super::fields::read_fields;
use super::fields::read_named_map;
use super::fields::text_of;
use super::fields::wrong_kind;
use super::schema::ParameterFlow;
use super::schema::PropertyDefinitions;
use super::schema::read_parameters;
use crate::code::Code;
use crate::diag::Fault;
use crate::diag::Faults;
use crate::keynames;
use crate::keynames::Entity;
use crate::yaml::Yaml;

/// A trigger of a policy.
#[derive(Clone, Debug)]
pub(crate) struct TriggerDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) event: Word<'a>,
    pub(crate) condition: Option<Expr<'a>>,
    pub(crate) action: Vec<Activity<'a>>,
}

/// An activity of a workflow step or trigger.
#[derive(Clone, Debug)]
pub(crate) enum Activity<'a> {
    /// A workflow of the orchestrator.
    Delegate(Word<'a>, ValueAssignments<'a>),
    /// A new state of the target.
    SetState(Expr<'a>),
    /// An operation of the target, as `interface.operation`.
    CallOperation(Word<'a>, ValueAssignments<'a>),
    /// Another workflow of the service.
    Inline(Word<'a>, ValueAssignments<'a>),
}

/// An imperative workflow.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowDefinition<'a> {
    pub(crate) name: Word<'a>,
    pub(crate) inputs: PropertyDefinitions<'a>,
    pub(crate) precondition: Option<Expr<'a>>,
    pub(crate) steps: NamedMap<'a, WorkflowStep<'a>>,
    pub(crate) outputs: ValueAssignments<'a>,
}

/// A step of a workflow.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowStep<'a> {
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
) -> BTreeMap<&'a str, Arc<TriggerDefinition<'a>>> {
    let entity = &keynames::TRIGGER;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = read_fields(yaml, entity, name.span, faults)?;
        let trigger = TriggerDefinition {
            name,
            event: fields.word("event")?,
            condition: fields.get("condition").map(|condition| read_expr(condition, faults)),
            action: activities(fields.get("action"), faults),
        };
        Some((name.text, Arc::new(trigger)))
    };
    read_named_map(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

/// Reads workflows.
pub(crate) fn read_workflows<'a>(
    yaml: Option<Yaml<'a>>,
    faults: &Faults,
) -> NamedMap<'a, WorkflowDefinition<'a>> {
    let entity = &keynames::WORKFLOW;
    let read = |(name, yaml): (Word<'a>, Yaml<'a>)| {
        let fields = read_fields(yaml, entity, name.span, faults)?;
        if let (Some(implementation), true) = (fields.get("implementation"), fields.has("steps")) {
            let message = "expected either `steps` or `implementation`, found both";
            faults.push(Fault::new(Code::Definition, implementation.span(), message));
        }
        let steps = read_named_map(fields.get("steps"), keynames::STEP.name, faults).into_iter();
        if let Some(implementation) = fields.get("implementation") {
            read_implementation(implementation, faults);
        }
        let workflow = WorkflowDefinition {
            name,
            inputs: read_parameters(fields.get("inputs"), ParameterFlow::Incoming, faults),
            precondition: fields.get("precondition").map(|clause| read_expr(clause, faults)),
            steps: steps
                .filter_map(|(name, yaml)| Some((name, read_step(name, yaml, faults)?)))
                .collect(),
            outputs: read_assignments(fields.get("outputs"), "outputs", faults),
        };
        Some((name, workflow))
    };
    read_named_map(yaml, entity.name, faults).into_iter().filter_map(read).collect()
}

fn read_step<'a>(name: Word<'a>, yaml: Yaml<'a>, faults: &Faults) -> Option<WorkflowStep<'a>> {
    let fields = read_fields(yaml, &keynames::STEP, name.span, faults)?;
    let filter = fields.get("filter");
    let clauses = filter.and_then(Yaml::list).into_iter().flatten();
    let single = filter.filter(|filter| filter.list().is_none());
    // csd07 13.2.2 accepts a list of names and a single name.
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
    Some(WorkflowStep {
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
    let fields = read_fields(yaml, &keynames::ACTIVITY, yaml.span(), faults)?;
    let keys: Vec<&str> =
        keynames::ACTIVITY.keys.iter().map(|key| key.name).filter(|key| fields.has(key)).collect();
    let [key] = keys.as_slice() else {
        // An unknown keyname was reported already.
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

/// Reads the call of an operation or workflow: a name, or a map with inputs.
fn called<'a>(
    yaml: Yaml<'a>,
    entity: &'static Entity,
    key: &str,
    faults: &Faults,
) -> Option<(Word<'a>, ValueAssignments<'a>)> {
    if let Some(word) = text_of(yaml) {
        return Some((word, NamedMap::default()));
    }
    let fields = read_fields(yaml, entity, yaml.span(), faults)?;
    Some((fields.word(key)?, read_assignments(fields.get("inputs"), "inputs", faults)))
}
