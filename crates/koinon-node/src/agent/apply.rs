//! Executes a plan's steps.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use koinon_model::ReportReason;
use koinon_model::Slot;
use koinon_plan::Action;
use koinon_plan::PlannedFile;
use koinon_plan::Step;
use koinon_plan::StepId;
use tokio::time::Instant;

use super::own_nodes::OwnPlan;
use crate::driver::DriverError;
use crate::driver::ProcessDriver;
use crate::driver::TargetNode;

/// A step that failed. The steps that need it were not executed.
#[derive(Debug)]
pub(crate) struct FailedStep {
    pub(crate) slot: Slot,
    pub(crate) reason: ReportReason,
    pub(crate) error: DriverError,
}

/// The result of executing a plan.
#[derive(Debug, Default)]
pub(crate) struct ApplyOutcome {
    pub(crate) failed: Vec<FailedStep>,
    /// Slots whose nodes were started.
    pub(crate) started: BTreeSet<Slot>,
    /// Number of steps that succeeded.
    pub(crate) steps: usize,
    pub(crate) took: Duration,
}

/// Steps executed at once: a start is short and mostly waits for the disk.
const MAX_PARALLEL_STEPS: usize = 16;

/// Executes the steps in an order that respects their needs. A failed step prevents those that need
/// it, and no others. Needs for steps of other operators count as met.
pub(crate) async fn apply(
    own_plan: &OwnPlan,
    targets: &BTreeMap<Slot, Arc<TargetNode>>,
    driver: &ProcessDriver,
) -> ApplyOutcome {
    let plan = &own_plan.plan;
    let own: BTreeSet<StepId> = plan.steps.iter().map(|step| step.id).collect();
    let begun = Instant::now();
    let mut outcome = ApplyOutcome::default();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut waiting: Vec<&Step> = plan.steps.iter().collect();
    let mut running = FuturesUnordered::new();
    loop {
        let mut later = Vec::with_capacity(waiting.len());
        for step in waiting {
            let ready = step.needs.iter().all(|need| done.contains(need) || !own.contains(need));
            if ready && running.len() < MAX_PARALLEL_STEPS {
                let slot = step.element.and_then(|element| own_plan.slots.get(&element));
                running.push(async move {
                    (step, slot, execute_step(step, slot, targets, driver).await)
                });
            } else {
                later.push(step);
            }
        }
        waiting = later;
        // When nothing runs, the steps left need a step that failed.
        let Some((step, slot, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                done.insert(step.id);
                outcome.steps += 1;
                if is_start(&step.action) {
                    outcome.started.extend(slot.cloned());
                }
            }
            Err(error) => {
                let Some(slot) = slot.cloned() else {
                    // No node's state can say it.
                    tracing::error!(
                        step = %step.id, error = &error as &dyn std::error::Error,
                        "a step that belongs to no slot failed"
                    );
                    continue;
                };
                let reason = failure_reason(&step.action);
                outcome.failed.push(FailedStep { slot, reason, error });
            }
        }
    }
    outcome.took = begun.elapsed();
    outcome
}

/// The node states that the process driver supports.
const RUNNING: &str = "running";
const ABSENT: &str = "absent";

fn is_start(action: &Action) -> bool {
    matches!(action, Action::SetState(state) if **state == *RUNNING)
}

fn failure_reason(action: &Action) -> ReportReason {
    match action {
        Action::Fetch(_) => ReportReason::ArtifactUnavailable,
        Action::SetState(_) | Action::Call(_) | Action::Wait => ReportReason::StartFailed,
    }
}

async fn execute_step(
    step: &Step,
    slot: Option<&Slot>,
    targets: &BTreeMap<Slot, Arc<TargetNode>>,
    driver: &ProcessDriver,
) -> Result<(), DriverError> {
    match &step.action {
        Action::Wait => Ok(()),
        Action::Fetch(file) => fetch(file, driver).await,
        Action::SetState(state) => match slot {
            Some(slot) => set_state(slot, state, targets, driver).await,
            None => unsupported(format!("set the state `{state}`")),
        },
        Action::Call(call) => unsupported(format!("call `{}`", call.operation)),
    }
}

async fn fetch(file: &PlannedFile, driver: &ProcessDriver) -> Result<(), DriverError> {
    match &file.cid {
        Some(cid) => driver.fetch(cid, file.size).await,
        None => unsupported(format!("fetch `{}`", file.artifact.file)),
    }
}

async fn set_state(
    slot: &Slot,
    state: &str,
    targets: &BTreeMap<Slot, Arc<TargetNode>>,
    driver: &ProcessDriver,
) -> Result<(), DriverError> {
    match state {
        ABSENT => {
            driver.stop(slot).await?;
            driver.remove(slot).await
        }
        RUNNING => {
            let target = targets.get(slot).expect("BUG: a plan starts only target nodes");
            driver.start(slot, target).await
        }
        _ => unsupported(format!("set the state `{state}`")),
    }
}

fn unsupported(action: String) -> Result<(), DriverError> {
    Err(DriverError::Unsupported(action))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use koinon_model::Instance;
    use koinon_plan::Rules;

    use super::*;
    use crate::agent::own_nodes::OwnNodes;
    use crate::fixtures::driver;
    use crate::fixtures::head;
    use crate::fixtures::instance;
    use crate::fixtures::messages;
    use crate::fixtures::operator;
    use crate::fixtures::rules;
    use crate::fixtures::slot;

    /// Applies the plan from no nodes to those of an instance.
    async fn apply_all(dir: &Path, instance: Instance, rules: &Rules) -> ApplyOutcome {
        let driver = driver(dir);
        let own = OwnNodes::new(head(1, 1), instance, operator());
        let planned = own.plan(&BTreeMap::new(), &driver, rules).unwrap().unwrap();
        apply(&planned, &own.nodes, &driver).await
    }

    #[tokio::test]
    async fn a_failed_step_prevents_those_that_need_it_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "program").unwrap();
        let cid = driver(dir.path()).store.add(&file).unwrap();
        let workers = [(operator(), "a"), (operator(), &*cid)];
        let outcome = apply_all(dir.path(), instance(1, &workers), &rules()).await;
        let mut failed: Vec<_> =
            outcome.failed.iter().map(|it| (it.slot.clone(), it.reason)).collect();
        failed.sort();
        // The second node's file is there; it fails later, for it has no program.
        let expected = [
            (slot(0, 0), ReportReason::ArtifactUnavailable),
            (slot(1, 0), ReportReason::StartFailed),
        ];
        assert_eq!(failed, expected);
        assert_eq!((outcome.steps, outcome.started), (1, BTreeSet::new()));
        let nodes = std::fs::read_dir(dir.path().join("nodes")).unwrap();
        let nodes: Vec<_> = nodes.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(nodes, ["worker.1.0"]);
    }

    #[tokio::test]
    async fn actions_that_the_driver_does_not_support_are_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let targets = BTreeMap::new();
        let limits =
            "this driver fetches files with a CID and supports the states running and absent";
        let error = set_state(&slot(0, 0), "paused", &targets, &driver).await.unwrap_err();
        assert!(matches!(error, DriverError::Unsupported(_)), "{error:?}");
        assert_eq!(messages(&error), [format!("cannot set the state `paused`: {limits}")]);

        // Rules that do not say which property holds the CID.
        let text = include_str!("../../../../profiles/koinon/1.0/weaving.yaml");
        let text = text.replace("cid: cid, ", "");
        let rules = koinon_tosca::read_inputs("weaving.yaml", text.as_bytes()).unwrap();
        let rules = Rules::from_value(&rules.into_iter().collect()).unwrap();
        let outcome = apply_all(dir.path(), instance(1, &[(operator(), "a")]), &rules).await;
        let error = &outcome.failed[0].error;
        assert_eq!(messages(error), [format!("cannot fetch `ipfs://a`: {limits}")]);
    }

    #[tokio::test]
    async fn an_absent_node_may_be_removed_again() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        set_state(&slot(0, 0), "absent", &BTreeMap::new(), &driver).await.unwrap();
    }
}
