//! Does a plan's steps.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use koinon_model::Instance;
use koinon_model::Reason;
use koinon_model::Slot;
use koinon_plan::processes::Action;
use koinon_plan::processes::Plan;
use koinon_plan::processes::Step;
use koinon_plan::processes::StepId;
use tokio::time::Instant;

use super::process::DriverError;
use super::process::Processes;

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

/// Does the steps in an order their needs allow. A failed step stops what needs it, nothing else.
pub(crate) async fn apply(plan: &Plan, new: &Instance, processes: &Processes) -> Applied {
    let begun = Instant::now();
    let mut applied = Applied::default();
    let mut done: BTreeSet<&StepId> = BTreeSet::new();
    let mut waiting: Vec<&Step> = plan.steps.iter().collect();
    let mut running = FuturesUnordered::new();
    loop {
        let mut later = Vec::with_capacity(waiting.len());
        for step in waiting {
            let ready = step.needs.iter().all(|need| done.contains(need));
            if ready && running.len() < AT_ONCE {
                running.push(async move { (step, act(step, new, processes).await) });
            } else {
                later.push(step);
            }
        }
        waiting = later;
        // What is left waits for a step that failed.
        let Some((step, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                done.insert(&step.id);
                applied.steps += 1;
                if matches!(step.action, Action::Start { .. }) {
                    applied.started.insert(step.slot.clone());
                }
            }
            Err(error) => {
                let reason = match step.action {
                    Action::Fetch { .. } => Reason::ArtifactUnavailable,
                    Action::Start { .. } | Action::Stop { .. } | Action::Remove { .. } => {
                        Reason::StartFailed
                    }
                };
                applied.failed.push(Failed { slot: step.slot.clone(), reason, error });
            }
        }
    }
    applied.took = begun.elapsed();
    applied
}

async fn act(step: &Step, new: &Instance, processes: &Processes) -> Result<(), DriverError> {
    match &step.action {
        Action::Fetch { cid, size } => processes.fetch(cid, *size).await,
        Action::Stop { .. } => processes.stop(&step.slot).await,
        Action::Remove { .. } => processes.remove(&step.slot).await,
        Action::Start { .. } => {
            let node =
                new.nodes.get(&step.slot).expect("BUG: a plan starts only what its instance has");
            processes.start(&step.slot, node).await
        }
    }
}
