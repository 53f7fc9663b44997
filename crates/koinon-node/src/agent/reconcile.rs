//! The agent's loop.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Epoch;
use koinon_model::NodeState;
use koinon_model::Report;
use koinon_model::ReportReason;
use koinon_model::RestartPolicy;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_plan::ElementClass;
use koinon_plan::Plan;
use koinon_plan::PlanError;
use koinon_plan::Rules;
use koinon_trust::BeaconKey;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::apply::ApplyOutcome;
use super::apply::apply;
use super::chain_task::ChainTask;
use super::duties::advance_epoch;
use super::health::NodeHealth;
use super::own_nodes::OwnNodes;
use super::own_nodes::OwnPlan;
use super::probe::probe_once;
use super::reports::DueReport;
use super::reports::ReportLog;
use crate::driver::DriverError;
use crate::driver::ObservedNode;
use crate::driver::ProcessDriver;
use crate::file::write_atomically;
use crate::lock::acquire_lock;
use crate::service_at_block::ServiceAtBlock;
use crate::service_at_block::ServiceAtBlockError;

/// The configuration of an agent.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The agent's directory: its lock and the last revision it accepted.
    pub dir: PathBuf,
    /// Runs and observes the nodes.
    pub driver: ProcessDriver,
    /// The weaving rules of the profiles: the actions on nodes, and their order.
    pub rules: Rules,
    /// Interval between two reads of the chain and the nodes.
    pub poll: Duration,
    /// Interval between two probes of a running node.
    pub probe_every: Duration,
    /// The fate of the nodes when the agent is stopped.
    pub on_exit: OnExit,
}

/// The fate of an agent's nodes when the agent is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// They go on.
    Leave,
    /// They are stopped, which is reported.
    Stop,
}

/// An operator's agent.
#[derive(Debug)]
pub struct Agent {
    config: AgentConfig,
    contracts: Contracts,
    operator: Address,
    beacon: BeaconKey,
    /// The newest revision accepted; older ones are rejected.
    accepted: Revision,
    /// The nodes that should run; `None` until the chain was read.
    own: Option<OwnNodes>,
    /// The instance that was read last and cannot be run, with the time it was read.
    rejected: Option<(InstanceKey, Instant)>,
    health: BTreeMap<Slot, NodeHealth>,
    report_log: ReportLog,
    /// The transactions being sent; the loop does not wait for them.
    chain_task: Option<JoinHandle<ChainTask>>,
    chain_is_unreachable: bool,
    chain_is_behind: bool,
    _lock: File,
}

/// Identifies an instance: with the same revision and epoch it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InstanceKey {
    revision: Revision,
    epoch: Epoch,
}

/// Whether a tick reads the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadChain {
    Yes,
    No,
}

/// Why an agent cannot run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Another agent uses the directory.
    #[error("another agent uses {0}")]
    Locked(PathBuf),
    /// A file or directory of the agent cannot be read or created.
    #[error("cannot use {path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system call.
        #[source]
        source: std::io::Error,
    },
    /// The file of the accepted revision names another service, or no revision.
    #[error(
        "{path} does not hold a revision of service {service}: is it another service's directory?"
    )]
    Accepted {
        /// The file.
        path: PathBuf,
        /// The agent's service.
        service: Address,
    },
    /// The connection to the chain has no signer.
    #[error("an agent needs its operator's key")]
    NoSigner,
    /// The nodes cannot be observed or stopped.
    #[error("cannot observe or stop the nodes")]
    Driver(#[from] DriverError),
    /// The service's representation cannot be planned.
    #[error("cannot plan")]
    Plan(#[from] PlanError),
}

impl Agent {
    /// Upper limit of a template's probe timeout: the loop waits for probes.
    const MAX_PROBE_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long the loop waits for the chain.
    const READ_CHAIN_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long an instance that cannot be run is left alone: it may be the node's answer that was
    /// wrong, not the service.
    const REREAD_REJECTED_AFTER: Duration = Duration::from_secs(30);
    /// How long reports wait for nodes that are starting, so that nodes started together are
    /// reported together.
    const REPORT_WINDOW: Duration = Duration::from_secs(2);
    /// How long a stopping agent tries to report that its nodes are stopped.
    const FINAL_REPORT_TIMEOUT: Duration = Duration::from_secs(5);

    /// Locks the agent's directory and reads it. `contracts` must sign as the operator.
    ///
    /// # Errors
    /// [`AgentError::NoSigner`] if `contracts` cannot sign, [`AgentError::Locked`] if another agent
    /// uses the directory, [`AgentError::Accepted`] if it belongs to another service,
    /// [`AgentError::Io`].
    pub fn open(
        config: AgentConfig,
        contracts: Contracts,
        beacon: BeaconKey,
    ) -> Result<Self, AgentError> {
        let operator = contracts.chain().sender().ok_or(AgentError::NoSigner)?;
        for dir in [&config.dir, &config.driver.nodes_dir] {
            std::fs::create_dir_all(dir).map_err(io_error(dir))?;
        }
        let path = config.dir.join("lock");
        let Some(lock) = acquire_lock(&path).map_err(io_error(&path))? else {
            return Err(AgentError::Locked(config.dir));
        };
        let accepted = read_accepted(&config, contracts.core)?;
        Ok(Self {
            config,
            contracts,
            operator,
            beacon,
            accepted,
            own: None,
            rejected: None,
            health: BTreeMap::new(),
            report_log: ReportLog::default(),
            chain_task: None,
            chain_is_unreachable: false,
            chain_is_behind: false,
            _lock: lock,
        })
    }

    /// Runs until `stop` is cancelled. A chain that does not answer, and nodes that cannot be
    /// started, are tried again.
    ///
    /// # Errors
    /// [`AgentError::Driver`] if nodes cannot be stopped at the end.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), AgentError> {
        let mut next_read = Instant::now();
        while !stop.is_cancelled() {
            let now = Instant::now();
            let read_chain = if now >= next_read { ReadChain::Yes } else { ReadChain::No };
            if read_chain == ReadChain::Yes {
                next_read = now + self.config.poll;
            }
            // Cancel safe: an interrupted tick is like a crash, and the next start continues from
            // what exists.
            tokio::select! {
                () = self.tick(read_chain) => {}
                () = stop.cancelled() => break,
            }
            let until_read = next_read.saturating_duration_since(Instant::now());
            let is_starting = |node: &NodeHealth| node.state == NodeState::Starting;
            let pause = if self.health.values().any(is_starting) {
                until_read.min(NodeHealth::STARTING_PROBE_INTERVAL)
            } else {
                until_read
            };
            // Cancel safe: neither arm holds anything.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        match self.config.on_exit {
            OnExit::Leave => Ok(()),
            OnExit::Stop => self.stop_all_nodes().await,
        }
    }

    /// Reads the chain, if asked to, changes the nodes to the target, probes them, and starts the
    /// next chain task.
    async fn tick(&mut self, read_chain: ReadChain) {
        let head = match read_chain {
            ReadChain::Yes => self.read_chain_in_time().await,
            ReadChain::No => None,
        };
        if let Err(error) = self.reconcile().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the nodes are left as they are"
            );
        }
        self.probe_due_nodes().await;
        self.finish_chain_task().await;
        if let Some(head) = head {
            self.start_chain_task(head);
        }
    }

    /// Reads the chain; `None` if it does not answer, which is logged when it begins and ends.
    async fn read_chain_in_time(&mut self) -> Option<Head> {
        let read = match timeout(Self::READ_CHAIN_TIMEOUT, self.read_chain()).await {
            Ok(read) => read,
            Err(_) => Err(ChainError::Timeout { action: "read the service".to_owned() }),
        };
        self.note_reachability(read.as_ref().err());
        // An error is logged by `note_reachability`.
        read.unwrap_or_default()
    }

    /// Reads the head, and the service if its revision or epoch changed. Returns `None` if nothing
    /// may be done at this head.
    async fn read_chain(&mut self) -> Result<Option<Head>, ChainError> {
        let head = self.contracts.head().await?;
        if head.revision < self.accepted {
            if !self.chain_is_behind {
                tracing::warn!(
                    revision = %head.revision, accepted = %self.accepted,
                    "the chain is behind the revision this agent accepted: is it another chain? \
                     The nodes are left as they are"
                );
            }
            self.chain_is_behind = true;
            return Ok(None);
        }
        self.chain_is_behind = false;
        let key = InstanceKey::of(head);
        let known = self.own.as_ref().map(|own| InstanceKey::of(own.head));
        let is_rejected = self.rejected.is_some_and(|(rejected, read)| {
            rejected == key && read.elapsed() < Self::REREAD_REJECTED_AFTER
        });
        if known == Some(key) || is_rejected {
            return Ok(Some(head));
        }
        if known.map(|known| known.revision) != Some(head.revision) {
            // A revision may replace modules.
            let chain = self.contracts.chain().clone();
            self.contracts = Contracts::open(chain, self.contracts.core).await?;
        }
        match ServiceAtBlock::read(&self.contracts, head).await {
            Ok(Some(service)) => {
                if let Err(error) = self.accept_revision(head.revision) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot record the revision; the nodes are left as they are"
                    );
                    return Ok(None);
                }
                let own = OwnNodes::new(head, service.instance, self.operator);
                tracing::info!(
                    revision = %head.revision, epoch = %head.epoch, block = head.block,
                    mine = own.nodes.len(), "new instance"
                );
                self.own = Some(own);
                self.rejected = None;
            }
            Ok(None) => {}
            Err(ServiceAtBlockError::Chain(error)) if error.is_unreachable() => return Err(error),
            Err(error) => {
                self.rejected = Some((key, Instant::now()));
                tracing::error!(
                    revision = %head.revision, error = &error as &dyn std::error::Error,
                    "the revision cannot be run; the nodes are left as they are"
                );
            }
        }
        Ok(Some(head))
    }

    /// Records the revision on disk before anything of it is executed.
    fn accept_revision(&mut self, revision: Revision) -> std::io::Result<()> {
        if revision > self.accepted {
            let text = format!("{} {revision}\n", self.contracts.core);
            write_atomically(&accepted_path(&self.config), text.as_bytes())?;
            self.accepted = revision;
        }
        Ok(())
    }

    /// Observes, plans and applies.
    async fn reconcile(&mut self) -> Result<(), AgentError> {
        let Some(own) = &self.own else { return Ok(()) };
        let observed = self.config.driver.observe()?;
        let now = Instant::now();
        for (slot, node) in &observed {
            let health = self.health.entry(slot.clone()).or_insert_with(|| NodeHealth::new(now));
            if !node.alive {
                health.on_exit();
            }
        }
        let Some(planned) = own.plan(&observed, &self.config.driver, &self.config.rules)? else {
            return Ok(());
        };
        let planned = self.without_delayed_starts(planned, &observed, now);
        if planned.plan.steps.is_empty() {
            return Ok(());
        }
        let outcome = apply(&planned, &own.nodes, &self.config.driver).await;
        log_outcome(&planned.plan, &outcome);
        self.health.retain(|slot, _| own.nodes.contains_key(slot));
        let now = Instant::now();
        for slot in outcome.started {
            self.health.entry(slot).or_insert_with(|| NodeHealth::new(now)).on_start(now);
        }
        for failed in outcome.failed {
            tracing::error!(
                slot = %failed.slot, error = &failed.error as &dyn std::error::Error, "a step failed"
            );
            self.health
                .entry(failed.slot)
                .or_insert_with(|| NodeHealth::new(now))
                .on_failed_step(failed.reason, now);
        }
        Ok(())
    }

    /// Removes the steps of nodes that do not live and whose next start is not due.
    fn without_delayed_starts(
        &self,
        mut planned: OwnPlan,
        observed: &BTreeMap<Slot, ObservedNode>,
        now: Instant,
    ) -> OwnPlan {
        let slots = &planned.slots;
        planned.plan.steps.retain(|step| {
            let Some(slot) = step.element.and_then(|element| slots.get(&element)) else {
                return true;
            };
            let alive = observed.get(slot).is_some_and(|node| node.alive);
            let due = self.health.get(slot).is_none_or(|health| health.is_start_due(now));
            alive || due
        });
        planned
    }

    /// Probes the nodes whose next probe is due, and stops those that hang: the next tick starts
    /// them again.
    async fn probe_due_nodes(&mut self) {
        let Some(own) = &self.own else { return };
        let now = Instant::now();
        let driver = &self.config.driver;
        let probes = own.nodes.iter().filter_map(|(slot, target)| {
            let node = &target.node;
            if !self.health.get(slot)?.is_probe_due(now) {
                return None;
            }
            let endpoint = driver.endpoint(slot, &node.probe.port)?;
            Some(async move {
                let timeout =
                    Duration::from_millis(node.probe.timeout).min(Self::MAX_PROBE_TIMEOUT);
                let pid_before = driver.pid(slot);
                let answered = probe_once(&endpoint, &node.probe.path, timeout).await;
                // The answer counts only if the node lived before and after it: otherwise another
                // process may have answered on its port.
                let lived = pid_before.is_some() && pid_before == driver.pid(slot);
                (slot.clone(), node.restart, answered.filter(|_| lived))
            })
        });
        let results = futures::future::join_all(probes).await;
        let now = Instant::now();
        let mut hung = Vec::new();
        for (slot, restart, answered) in results {
            let Some(health) = self.health.get_mut(&slot) else { continue };
            let has_failed = health.on_probe(answered, now, self.config.probe_every);
            if has_failed && restart == RestartPolicy::Always {
                hung.push(slot);
            }
        }
        for slot in hung {
            tracing::warn!(%slot, "the node does not answer its probe: it is restarted");
            if let Err(error) = self.config.driver.stop(&slot).await {
                tracing::error!(%slot, error = &error as &dyn std::error::Error, "cannot stop the node");
            }
        }
    }

    /// Returns the reports on the nodes that should run at this head.
    fn due_reports(&self, head: Head) -> Vec<DueReport> {
        match &self.own {
            Some(own) if InstanceKey::of(own.head) == InstanceKey::of(head) => {
                self.report_log.due(own, &self.health, &self.config.driver)
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Sends reports and advances the epoch in the background, unless the last such task still
    /// runs. A transaction lasts until a block is mined, and nodes do not wait for it.
    fn start_chain_task(&mut self, head: Head) {
        if self.chain_task.is_some() {
            return;
        }
        let now = Instant::now();
        let has_just_started =
            |health: &NodeHealth| health.has_just_started(now, Self::REPORT_WINDOW);
        let due = if self.health.values().any(has_just_started) {
            Vec::new()
        } else {
            self.due_reports(head)
        };
        let (contracts, operator, beacon) =
            (self.contracts.clone(), self.operator, self.beacon.clone());
        self.chain_task = Some(tokio::spawn(async move {
            let reports: Vec<Report> = due.iter().map(|due| due.report.clone()).collect();
            let report_result = contracts.report(&reports).await.map(drop);
            let epoch_result = advance_epoch(&contracts, operator, &beacon, head).await;
            ChainTask { reports: due, report_result, epoch_result }
        }));
    }

    /// Records the outcome of the chain task, if it has finished.
    async fn finish_chain_task(&mut self) {
        let Some(task) = self.chain_task.take_if(|task| task.is_finished()) else { return };
        match task.await {
            Ok(outcome) => outcome.record(&mut self.report_log),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn stop_all_nodes(mut self) -> Result<(), AgentError> {
        let observed = self.config.driver.observe()?;
        let stops = observed.keys().map(|slot| self.config.driver.stop(slot));
        for result in futures::future::join_all(stops).await {
            result?;
        }
        for slot in observed.keys() {
            if let Some(health) = self.health.get_mut(slot) {
                health.set(NodeState::Stopped, ReportReason::AgentStopped);
            }
        }
        tracing::info!(nodes = observed.len(), "stopped all nodes");
        let final_report = async {
            let head = self.contracts.head().await?;
            let reports: Vec<Report> =
                self.due_reports(head).into_iter().map(|due| due.report).collect();
            self.contracts.report(&reports).await
        };
        // The nodes are stopped, so the agent ends well even if it cannot report it.
        match timeout(Self::FINAL_REPORT_TIMEOUT, final_report).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot report");
            }
            Err(_) => {
                tracing::warn!("the chain does not answer in time: the stop is not reported");
            }
        }
        Ok(())
    }

    /// Logs when the chain stops to answer and when it answers again.
    fn note_reachability(&mut self, error: Option<&ChainError>) {
        match error {
            Some(error) if !self.chain_is_unreachable => {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "the chain does not answer; nodes keep running, and the agent tries again"
                );
            }
            None if self.chain_is_unreachable => tracing::info!("the chain answers again"),
            Some(_) | None => {}
        }
        self.chain_is_unreachable = error.is_some();
    }
}

impl InstanceKey {
    fn of(head: Head) -> Self {
        Self { revision: head.revision, epoch: head.epoch }
    }
}

fn accepted_path(config: &AgentConfig) -> PathBuf {
    config.dir.join("accepted")
}

/// Reads the last accepted revision: `SERVICE REVISION`; 0 if none was accepted.
fn read_accepted(config: &AgentConfig, service: Address) -> Result<Revision, AgentError> {
    let path = accepted_path(config);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Revision(0)),
        Err(source) => return Err(AgentError::Io { path, source }),
    };
    let parse = || {
        let (core, revision) = text.trim().split_once(' ')?;
        let core: Address = core.parse().ok()?;
        (core == service).then_some(Revision(revision.parse().ok()?))
    };
    parse().ok_or(AgentError::Accepted { path, service })
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> AgentError + use<> {
    let path = path.to_owned();
    move |source| AgentError::Io { path, source }
}

fn log_outcome(plan: &Plan, outcome: &ApplyOutcome) {
    tracing::info!(
        novel = plan.count(ElementClass::Novel),
        modified = plan.count(ElementClass::Modified),
        obsolete = plan.count(ElementClass::Obsolete),
        unchanged = plan.count(ElementClass::Unchanged),
        steps = outcome.steps,
        failed = outcome.failed.len(),
        milliseconds = u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
        plan = %plan.digest(),
        "applied"
    );
}

#[cfg(test)]
mod tests {
    use alloy::providers::mock::Asserter;
    use koinon_model::representation::ElementId;
    use koinon_model::representation::Unresolved;

    use super::*;
    use crate::fixtures::SERVICE;
    use crate::fixtures::answer_head;
    use crate::fixtures::answer_open;
    use crate::fixtures::contracts;
    use crate::fixtures::driver;
    use crate::fixtures::head;
    use crate::fixtures::instance;
    use crate::fixtures::messages;
    use crate::fixtures::operator;
    use crate::fixtures::rules;
    use crate::fixtures::signer;
    use crate::fixtures::slot;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn config(dir: &Path) -> AgentConfig {
        AgentConfig {
            dir: dir.to_owned(),
            driver: driver(dir),
            rules: rules(),
            poll: INTERVAL,
            probe_every: INTERVAL,
            on_exit: OnExit::Stop,
        }
    }

    async fn open(config: AgentConfig, asserter: &Asserter) -> Result<Agent, AgentError> {
        let contracts = contracts(asserter, Some(signer())).await;
        Agent::open(config, contracts, BeaconKey::from_bytes(&[1; 32]).unwrap())
    }

    /// Lists the variants: a new one does not compile until it has a name here, and a case below.
    fn variant(error: &AgentError) -> &'static str {
        match error {
            AgentError::Locked(_) => "Locked",
            AgentError::Io { .. } => "Io",
            AgentError::Accepted { .. } => "Accepted",
            AgentError::NoSigner => "NoSigner",
            AgentError::Driver(_) => "Driver",
            AgentError::Plan(_) => "Plan",
        }
    }

    #[tokio::test]
    async fn every_agent_error_is_reached() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path();
        let (shown, asserter) = (dir.display(), Asserter::new());
        let check = |error: AgentError, name: &str, expected: &[String]| {
            assert_eq!(variant(&error), name);
            assert_eq!(messages(&error), expected, "{error:?}");
        };
        let key = BeaconKey::from_bytes(&[1; 32]).unwrap();
        let unsigned = contracts(&asserter, None).await;
        let error = Agent::open(config(dir), unsigned, key).unwrap_err();
        check(error, "NoSigner", &["an agent needs its operator's key".to_owned()]);

        let mut agent = open(config(dir), &asserter).await.unwrap();
        let error = open(config(dir), &asserter).await.unwrap_err();
        check(error, "Locked", &[format!("another agent uses {shown}")]);

        let mut instance = instance(1, &[(operator(), "a")]);
        instance.representation.unresolved.push(Unresolved {
            source: ElementId(Default::default()),
            requirement: "host".into(),
            index: 0,
            reason: "no candidate".to_owned(),
        });
        agent.own = Some(OwnNodes::new(head(1, 1), instance, operator()));
        let error = agent.reconcile().await.unwrap_err();
        let AgentError::Plan(cause) = &error else { panic!("{error:?}") };
        assert!(matches!(cause, PlanError::Unresolved { .. }), "{cause:?}");
        let expected = ["cannot plan".to_owned(), cause.to_string()];
        check(error, "Plan", &expected);

        std::fs::remove_dir_all(dir.join("nodes")).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        let error = agent.run(stop).await.unwrap_err();
        let missing = "No such file or directory (os error 2)".to_owned();
        let list = format!("cannot list {shown}/nodes");
        check(error, "Driver", &["cannot observe or stop the nodes".to_owned(), list, missing]);

        std::fs::write(dir.join("accepted"), "7\n").unwrap();
        let error = open(config(dir), &asserter).await.unwrap_err();
        let text = format!(
            "{shown}/accepted does not hold a revision of service {SERVICE}: is it another \
             service's directory?"
        );
        check(error, "Accepted", &[text]);

        let below_a_file = AgentConfig { dir: dir.join("accepted/below"), ..config(dir) };
        let error = open(below_a_file, &asserter).await.unwrap_err();
        let not_a_directory = "Not a directory (os error 20)".to_owned();
        check(error, "Io", &[format!("cannot use {shown}/accepted/below"), not_a_directory]);
    }

    #[tokio::test]
    async fn an_accepted_revision_is_recorded_and_never_lowered() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("accepted");
        let mut agent = open(config(dir.path()), &Asserter::new()).await.unwrap();
        assert_eq!(agent.accepted, Revision(0));
        for (revision, recorded) in [(0, None), (7, Some(7)), (6, Some(7)), (8, Some(8))] {
            agent.accept_revision(Revision(revision)).unwrap();
            let expected = recorded.map(|recorded| format!("{SERVICE} {recorded}\n"));
            assert_eq!(std::fs::read_to_string(&file).ok(), expected);
        }
        drop(agent);
        let agent = open(config(dir.path()), &Asserter::new()).await.unwrap();
        assert_eq!(agent.accepted, Revision(8));
        let other = Address::repeat_byte(1);
        for text in ["", &format!("{SERVICE}"), &format!("{SERVICE} x"), &format!("{other} 7")] {
            std::fs::write(&file, text).unwrap();
            let error = read_accepted(&agent.config, SERVICE).unwrap_err();
            assert_eq!(variant(&error), "Accepted", "{text}");
        }
    }

    #[tokio::test]
    async fn a_chain_behind_the_accepted_revision_changes_nothing() {
        let (dir, asserter) = (tempfile::tempdir().unwrap(), Asserter::new());
        let mut agent = open(config(dir.path()), &asserter).await.unwrap();
        agent.accepted = Revision(5);
        answer_head(&asserter, 9, 4);
        assert_eq!(agent.read_chain().await.unwrap(), None);
        assert!(agent.chain_is_behind && agent.own.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_read_once_per_revision_and_epoch() {
        let (dir, asserter) = (tempfile::tempdir().unwrap(), Asserter::new());
        let mut agent = open(config(dir.path()), &asserter).await.unwrap();
        let at = |revision| Head { block: 9, ..head(revision, 0) };
        // Before the first revision there is nothing to read but the contracts.
        answer_head(&asserter, 9, 0);
        answer_open(&asserter);
        assert_eq!(agent.read_chain().await.unwrap(), Some(at(0)));
        // Neither a rejected instance nor the one in force is read again.
        agent.rejected = Some((InstanceKey::of(at(3)), Instant::now()));
        answer_head(&asserter, 9, 3);
        assert_eq!(agent.read_chain().await.unwrap(), Some(at(3)));
        // A rejected one is read again after a while: the answer may have been wrong.
        tokio::time::advance(Agent::REREAD_REJECTED_AFTER).await;
        answer_head(&asserter, 9, 3);
        assert!(agent.read_chain().await.unwrap_err().is_unreachable());
        agent.own = Some(OwnNodes::new(at(4), instance(1, &[]), operator()));
        answer_head(&asserter, 9, 4);
        assert_eq!(agent.read_chain().await.unwrap(), Some(at(4)));
        // A new one is, which this chain does not answer.
        answer_head(&asserter, 9, 5);
        assert!(agent.read_chain().await.unwrap_err().is_unreachable());
        assert_eq!(agent.accepted, Revision(0));
    }

    #[tokio::test]
    async fn an_unreachable_chain_is_noted_until_it_answers() {
        let (dir, asserter) = (tempfile::tempdir().unwrap(), Asserter::new());
        let mut agent = open(config(dir.path()), &asserter).await.unwrap();
        agent.tick(ReadChain::Yes).await;
        assert!(agent.chain_is_unreachable && agent.chain_task.is_none());
        agent.tick(ReadChain::No).await;
        assert!(agent.chain_is_unreachable);
        agent.rejected = Some((InstanceKey::of(head(3, 0)), Instant::now()));
        answer_head(&asserter, 9, 3);
        agent.tick(ReadChain::Yes).await;
        assert!(!agent.chain_is_unreachable && agent.chain_task.is_some());
    }

    #[tokio::test]
    async fn a_node_whose_artifact_is_missing_fails_and_is_not_started_before_its_delay() {
        let dir = tempfile::tempdir().unwrap();
        let mut agent = open(config(dir.path()), &Asserter::new()).await.unwrap();
        let own = OwnNodes::new(head(1, 1), instance(1, &[(operator(), "a")]), operator());
        let planned = own.plan(&BTreeMap::new(), &agent.config.driver, &agent.config.rules);
        let planned = planned.unwrap().unwrap();
        agent.own = Some(own);
        let now = Instant::now();
        let steps = |agent: &Agent, now: Instant, alive: bool| {
            let node = ObservedNode { digest: Default::default(), alive };
            let observed = BTreeMap::from([(slot(0, 0), node)]);
            agent.without_delayed_starts(planned.clone(), &observed, now).plan.steps.len()
        };
        assert_eq!(steps(&agent, now, false), 2);
        agent.reconcile().await.unwrap();
        let health = &agent.health[&slot(0, 0)];
        assert_eq!(
            (health.state, health.reason),
            (NodeState::Failed, ReportReason::ArtifactUnavailable)
        );
        assert_eq!(steps(&agent, now, false), 0);
        assert_eq!(steps(&agent, now, true), 2);
        assert_eq!(steps(&agent, Instant::now() + Duration::from_millis(200), false), 2);
    }

    #[tokio::test]
    async fn nothing_is_reported_at_a_head_that_was_not_planned_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut agent = open(config(dir.path()), &Asserter::new()).await.unwrap();
        let own = OwnNodes::new(head(3, 2), instance(1, &[(operator(), "a")]), operator());
        let mut health = NodeHealth::new(Instant::now());
        health.set(NodeState::Running, ReportReason::ProbeAnswered);
        agent.health.insert(slot(0, 0), health);
        assert_eq!(agent.due_reports(head(3, 2)).len(), 0);
        agent.own = Some(own);
        for (revision, epoch, reports) in [(3, 2, 1), (3, 3, 0), (4, 2, 0)] {
            assert_eq!(agent.due_reports(head(revision, epoch)).len(), reports);
        }
    }
}
