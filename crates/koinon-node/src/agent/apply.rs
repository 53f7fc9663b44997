//! Does a plan's steps.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use koinon_model::Reason;
use koinon_model::Slot;
use koinon_plan::Action;
use koinon_plan::Step;
use koinon_plan::StepId;
use tokio::time::Instant;

use super::process::DriverError;
use super::process::Processes;
use super::running::Planned;
use super::running::Wanted;

/// A step that failed; what needed it was not done.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) slot: Slot,
    pub(crate) reason: Reason,
    pub(crate) error: DriverError,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) failed: Vec<Failed>,
    /// Slots whose processes were started.
    pub(crate) started: BTreeSet<Slot>,
    pub(crate) steps: usize,
    pub(crate) took: Duration,
}

/// Steps at once: starting a process is short and mostly waiting for the disk.
const AT_ONCE: usize = 16;

/// Does the steps in an order their needs allow. A failed step stops what needs it, nothing else. Steps of others are
/// not waited for.
pub(crate) async fn apply(
    planned: &Planned,
    new: &BTreeMap<Slot, Arc<Wanted>>,
    processes: &Processes,
) -> Applied {
    let plan = &planned.plan;
    let own: BTreeSet<StepId> = plan.steps.iter().map(|step| step.id).collect();
    let begun = Instant::now();
    let mut applied = Applied::default();
    let mut done: BTreeSet<StepId> = BTreeSet::new();
    let mut waiting: Vec<&Step> = plan.steps.iter().collect();
    let mut running = FuturesUnordered::new();
    loop {
        let mut later = Vec::with_capacity(waiting.len());
        for step in waiting {
            let ready = step.needs.iter().all(|need| done.contains(need) || !own.contains(need));
            if ready && running.len() < AT_ONCE {
                let slot = step.element.and_then(|element| planned.slots.get(&element));
                running.push(async move { (step, slot, act(step, slot, new, processes).await) });
            } else {
                later.push(step);
            }
        }
        waiting = later;
        // What is left waits for a step that failed.
        let Some((step, slot, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                done.insert(step.id);
                applied.steps += 1;
                if is_start(&step.action) {
                    applied.started.extend(slot.cloned());
                }
            }
            Err(error) => {
                let reason = match step.action {
                    Action::Fetch(_) => Reason::ArtifactUnavailable,
                    Action::SetState(_) | Action::Call(_) | Action::Wait => Reason::StartFailed,
                };
                let Some(slot) = slot.cloned() else { continue };
                applied.failed.push(Failed { slot, reason, error });
            }
        }
    }
    applied.took = begun.elapsed();
    applied
}

/// The states of nodes that this driver realises.
const RUNNING: &str = "running";
const ABSENT: &str = "absent";

fn is_start(action: &Action) -> bool {
    matches!(action, Action::SetState(state) if **state == *RUNNING)
}

async fn act(
    step: &Step,
    slot: Option<&Slot>,
    new: &BTreeMap<Slot, Arc<Wanted>>,
    processes: &Processes,
) -> Result<(), DriverError> {
    let cannot = |what: &str| Err(DriverError::Unknown(what.to_owned()));
    match (&step.action, slot) {
        (Action::Wait, _) => Ok(()),
        (Action::Fetch(file), _) => match &file.cid {
            Some(cid) => processes.fetch(cid, file.size).await,
            None => cannot(&format!("fetch `{}`", file.artifact.file)),
        },
        (Action::SetState(state), Some(slot)) if **state == *ABSENT => {
            processes.stop(slot).await?;
            processes.remove(slot).await
        }
        (Action::SetState(state), Some(slot)) if **state == *RUNNING => {
            let wanted = new.get(slot).expect("BUG: a plan starts only what should run");
            processes.start(slot, wanted).await
        }
        (Action::SetState(state), _) => cannot(&format!("set the state `{state}`")),
        (Action::Call(call), _) => cannot(&format!("call `{}`", call.operation)),
    }
}
