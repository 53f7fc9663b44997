//! The nodes: every one runs and answers.

use std::time::Duration;

use koinon_chain::Contracts;
use koinon_chain::ServiceStatus;
use koinon_command::Outcome;
use koinon_node::probe_once;

use super::Bringup;
use super::POLL_INTERVAL;

impl Bringup {
    /// Waits until every node is reported as running, and answers a probe from here.
    pub(super) async fn wait_for_nodes(&mut self, contracts: &Contracts) -> Outcome<ServiceStatus> {
        let stage = self.ui.stage("nodes");
        let status = loop {
            let status = ServiceStatus::read(contracts).await?;
            if status.is_running() && self.all_answer(contracts, &status).await? {
                break status;
            }
            tokio::time::sleep(POLL_INTERVAL * 5).await;
        };
        let count = status.nodes.iter().filter(|node| node.operator.is_some()).count();
        let what = format!("{count} running, {} slots vacant", status.vacancies);
        self.stages.push(stage.done(&what, None));
        Ok(status)
    }

    /// Probes every node as its template says.
    async fn all_answer(&self, contracts: &Contracts, status: &ServiceStatus) -> Outcome<bool> {
        let Some(desired) = koinon_node::ServiceAtBlock::read(contracts, status.head).await? else {
            return Ok(false);
        };
        let probes = status.nodes.iter().filter_map(|row| {
            let probe = &desired.instance.nodes.get(&row.slot)?.probe;
            let patience = Duration::from_millis(probe.timeout);
            Some(probe_once(&row.endpoint, &probe.path, patience))
        });
        Ok(futures::future::join_all(probes).await.iter().all(Option::is_some))
    }
}
