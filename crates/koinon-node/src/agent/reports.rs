//! Which states of nodes are reported: each change once per revision and epoch.

use std::collections::BTreeMap;

use koinon_model::Epoch;
use koinon_model::NodeState;
use koinon_model::Report;
use koinon_model::ReportReason;
use koinon_model::Revision;
use koinon_model::Slot;

use super::health::NodeHealth;
use super::own_nodes::OwnNodes;
use crate::driver::ProcessDriver;

/// The last report on each slot.
#[derive(Debug, Default)]
pub(crate) struct ReportLog(BTreeMap<Slot, LastReport>);

/// The last report on a slot, without the probe's duration: a change of that is not reported.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LastReport {
    epoch: Epoch,
    revision: Revision,
    state: NodeState,
    reason: ReportReason,
    endpoint: String,
}

/// A report to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DueReport {
    pub(crate) epoch: Epoch,
    pub(crate) report: Report,
}

impl ReportLog {
    /// Returns the reports on nodes whose state differs from their last report.
    pub(crate) fn due(
        &self,
        own: &OwnNodes,
        health: &BTreeMap<Slot, NodeHealth>,
        driver: &ProcessDriver,
    ) -> Vec<DueReport> {
        let mut due = Vec::new();
        for (slot, target) in &own.nodes {
            let Some(health) = health.get(slot).filter(|health| health.is_settled()) else {
                continue;
            };
            // The endpoint of a node that never started is empty in its reports.
            let endpoint = driver.endpoint(slot, &target.node.probe.port).unwrap_or_default();
            let report = Report {
                slot: slot.clone(),
                revision: own.head.revision,
                state: health.state,
                reason: health.reason,
                milliseconds: health.milliseconds,
                endpoint,
            };
            let candidate = DueReport { epoch: own.head.epoch, report };
            if self.0.get(slot) != Some(&LastReport::of(&candidate)) {
                due.push(candidate);
            }
        }
        due
    }

    /// Records reports that the chain has accepted.
    pub(crate) fn record(&mut self, reports: Vec<DueReport>) {
        self.0.extend(reports.into_iter().map(|due| {
            let last = LastReport::of(&due);
            (due.report.slot, last)
        }));
    }
}

impl LastReport {
    fn of(due: &DueReport) -> Self {
        let Report { revision, state, reason, .. } = due.report;
        Self { epoch: due.epoch, revision, state, reason, endpoint: due.report.endpoint.clone() }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::fixtures::driver;
    use crate::fixtures::head;
    use crate::fixtures::instance;
    use crate::fixtures::operator;
    use crate::fixtures::slot;

    #[test]
    fn a_settled_state_is_reported_once_per_revision_and_epoch() {
        let dir = tempfile::tempdir().unwrap();
        let driver = driver(dir.path());
        let mut log = ReportLog::default();
        let own = |revision, epoch| {
            OwnNodes::new(head(revision, epoch), instance(1, &[(operator(), "a")]), operator())
        };
        assert_eq!(log.due(&own(3, 2), &BTreeMap::new(), &driver), []);
        let mut health = BTreeMap::from([(slot(0, 0), NodeHealth::new(Instant::now()))]);
        for (state, reason, is_reported) in [
            (NodeState::Unknown, ReportReason::Started, false),
            (NodeState::Starting, ReportReason::Started, false),
            (NodeState::Running, ReportReason::ProbeAnswered, true),
            (NodeState::Failed, ReportReason::Exited, true),
            (NodeState::Failed, ReportReason::ProbeFailed, true),
            (NodeState::Stopped, ReportReason::AgentStopped, true),
        ] {
            let node = health.get_mut(&slot(0, 0)).unwrap();
            node.set(state, reason);
            node.milliseconds = 5;
            let report = Report {
                slot: slot(0, 0),
                revision: Revision(3),
                state,
                reason,
                milliseconds: 5,
                endpoint: String::new(),
            };
            let expected = is_reported.then_some(DueReport { epoch: Epoch(2), report });
            let due = log.due(&own(3, 2), &health, &driver);
            assert_eq!(due, Vec::from_iter(expected), "{state:?} {reason:?}");
            log.record(due);
            assert_eq!(log.due(&own(3, 2), &health, &driver), []);
        }
        // A change of the probe's duration is not reported; one of the epoch or revision is.
        health.get_mut(&slot(0, 0)).unwrap().milliseconds = 6;
        assert_eq!(log.due(&own(3, 2), &health, &driver), []);
        assert_eq!(log.due(&own(3, 3), &health, &driver).len(), 1);
        assert_eq!(log.due(&own(4, 2), &health, &driver).len(), 1);
    }
}
