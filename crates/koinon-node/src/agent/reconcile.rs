//! The agent's loop.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::Instance;
use koinon_model::NodeState;
use koinon_model::ObservedNode;
use koinon_model::Reason;
use koinon_model::Report;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_plan::Class;
use koinon_plan::Plan;
use koinon_plan::Running;
use koinon_trust::BeaconKey;
use thiserror::Error;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Applied;
use super::apply::apply;
use super::duties;
use super::probe::probe_once;
use super::process::DriverError;
use super::process::Processes;
use crate::desired::DesiredError;
use crate::desired::desired;
use crate::file::hold;
use crate::file::write_whole;

/// What an agent needs.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Its directory: its lock, its nodes, the last revision it accepted.
    pub dir: PathBuf,
    /// The process driver.
    pub processes: Processes,
    /// How often it looks at the chain and its nodes.
    pub poll: Duration,
    /// How often it probes a node that runs.
    pub probe_every: Duration,
    /// What becomes of its nodes when it is stopped.
    pub on_exit: OnExit,
}

/// What becomes of an agent's nodes when it is stopped.
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
    accepted: Revision,
    /// The operator's own nodes.
    desired: Option<(Head, Instance)>,
    /// The head that was looked at last and could not be used: it is not tried again.
    refused: Option<(Revision, koinon_model::Epoch)>,
    nodes: BTreeMap<Slot, Watched>,
    reported: BTreeMap<Slot, Said>,
    unreachable: bool,
    _lock: File,
}

/// What the agent remembers of a node; losing it costs a probe.
#[derive(Clone, Debug)]
struct Watched {
    state: NodeState,
    reason: Reason,
    milliseconds: u32,
    probe_at: Instant,
    failures: u32,
    starts: u32,
    start_at: Instant,
}

/// What was reported last of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    epoch: koinon_model::Epoch,
    revision: Revision,
    state: NodeState,
    reason: Reason,
    endpoint: String,
}

/// Why an agent cannot run.
#[derive(Debug, Error)]
pub enum AgentError {
    /// Another agent uses the directory.
    #[error("another agent uses {0}")]
    Locked(PathBuf),
    /// The directory cannot be used.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of the accepted revision holds something else.
    #[error(
        "{path} does not hold a revision of service {service}: is it another service's directory?"
    )]
    Accepted {
        /// The file.
        path: PathBuf,
        /// The service.
        service: Address,
    },
    /// The connection signs nothing.
    #[error("an agent needs its operator's key")]
    NoSigner,
    /// The nodes cannot be observed.
    #[error("cannot observe the nodes")]
    Driver(#[from] DriverError),
}

impl Watched {
    fn new(now: Instant) -> Self {
        Self {
            state: NodeState::Unknown,
            reason: Reason::Started,
            milliseconds: 0,
            probe_at: now,
            failures: 0,
            starts: 0,
            start_at: now,
        }
    }

    /// Waits ever longer between starts: 0.2 s doubled each time, 30 s at most.
    fn started(&mut self, now: Instant) {
        let pause = Duration::from_millis(200) * 2u32.pow(self.starts.min(8));
        self.starts += 1;
        self.start_at = now + pause.min(Duration::from_secs(30));
        self.enter(NodeState::Starting, Reason::Started);
        self.failures = 0;
        self.probe_at = now;
    }

    fn enter(&mut self, state: NodeState, reason: Reason) {
        self.state = state;
        self.reason = reason;
    }
}

impl Agent {
    /// Failed probes in a row that make a running node a failed one.
    const FAILURES: u32 = 3;
    /// How often a starting node is probed.
    const PROBE_STARTING: Duration = Duration::from_millis(25);

    /// Takes the directory. `contracts` must sign as the operator.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn open(
        config: AgentConfig,
        contracts: Contracts,
        beacon: BeaconKey,
    ) -> Result<Self, AgentError> {
        let operator = contracts.chain().sender().ok_or(AgentError::NoSigner)?;
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |source| AgentError::Io { path, source }
        };
        for dir in [&config.dir, &config.processes.nodes] {
            std::fs::create_dir_all(dir).map_err(failed(dir))?;
        }
        let path = config.dir.join("lock");
        let Some(lock) = hold(&path).map_err(failed(&path))? else {
            return Err(AgentError::Locked(config.dir));
        };
        let accepted = read_accepted(&config, contracts.core)?;
        Ok(Self {
            config,
            contracts,
            operator,
            beacon,
            accepted,
            desired: None,
            refused: None,
            nodes: BTreeMap::new(),
            reported: BTreeMap::new(),
            unreachable: false,
            _lock: lock,
        })
    }

    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// [`AgentError`] for what no retry mends; a chain that does not answer is waited for.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), AgentError> {
        while !stop.is_cancelled() {
            self.turn().await?;
            let pause = if self.nodes.values().any(|node| node.state == NodeState::Starting) {
                Self::PROBE_STARTING.min(self.config.poll)
            } else {
                self.config.poll
            };
            // Cancel safe: neither arm holds anything.
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        match self.config.on_exit {
            OnExit::Leave => Ok(()),
            OnExit::Stop => self.stop_all().await,
        }
    }

    /// Looks at the chain and the nodes once, and does what is to be done.
    async fn turn(&mut self) -> Result<(), AgentError> {
        let looked = self.look().await;
        self.note_reachability(looked.as_ref().err());
        self.reconcile().await?;
        self.probe().await;
        if let Ok(Some(head)) = looked {
            self.tell(head).await;
            self.serve(head).await;
        }
        Ok(())
    }

    /// Reads the head, and what should run if it moved.
    async fn look(&mut self) -> Result<Option<Head>, ChainError> {
        let head = self.contracts.head().await?;
        if head.revision < self.accepted {
            tracing::warn!(
                revision = %head.revision, accepted = %self.accepted,
                "the chain is behind what this agent accepted: is it another chain? Nothing is changed"
            );
            return Ok(None);
        }
        let place = (head.revision, head.epoch);
        let known = self.desired.as_ref().map(|(head, _)| (head.revision, head.epoch));
        if known == Some(place) || self.refused == Some(place) {
            return Ok(Some(head));
        }
        match desired(&self.contracts, head).await {
            Ok(Some(wanted)) => {
                if let Err(error) = self.accept(head.revision) {
                    tracing::error!(%error, "cannot write down the revision; what runs stays as it is");
                    return Ok(None);
                }
                let mine = wanted.instance.slice(self.operator);
                tracing::info!(
                    revision = %head.revision, epoch = %head.epoch, block = head.block,
                    mine = mine.nodes.len(), "new instance"
                );
                self.desired = Some((head, mine));
                self.refused = None;
            }
            Ok(None) => {}
            Err(DesiredError::Chain(error)) => return Err(error),
            Err(error) => {
                self.refused = Some(place);
                tracing::error!(
                    revision = %head.revision, error = &error as &dyn std::error::Error,
                    "the revision cannot be run; what runs stays as it is"
                );
            }
        }
        Ok(Some(head))
    }

    /// Writes down the revision before anything of it is done.
    fn accept(&mut self, revision: Revision) -> std::io::Result<()> {
        if revision > self.accepted {
            let text = format!("{} {revision}\n", self.contracts.core);
            write_whole(&accepted_path(&self.config), text.as_bytes())?;
            self.accepted = revision;
        }
        Ok(())
    }

    /// Observes, plans and applies.
    async fn reconcile(&mut self) -> Result<(), AgentError> {
        let Some((_, instance)) = &self.desired else { return Ok(()) };
        let observed = self.config.processes.observe()?;
        let now = Instant::now();
        for (slot, node) in &observed {
            let watched = self.nodes.entry(slot.clone()).or_insert_with(|| Watched::new(now));
            if !node.alive && matches!(watched.state, NodeState::Running | NodeState::Starting) {
                watched.enter(NodeState::Failed, Reason::Exited);
            }
        }
        let running: Running = observed
            .iter()
            .map(|(slot, node)| ((self.operator, slot.clone()), node.clone()))
            .collect();
        let plan = koinon_plan::plan(&running, instance);
        let plan = self.without_waiting(plan, &observed, now);
        if plan.is_empty() {
            return Ok(());
        }
        let applied = apply(&plan, instance, &self.config.processes).await;
        log(&plan, &applied);
        let wanted: Vec<Slot> = instance.nodes.keys().cloned().collect();
        self.nodes.retain(|slot, _| wanted.contains(slot));
        let now = Instant::now();
        for slot in applied.started {
            self.nodes.entry(slot).or_insert_with(|| Watched::new(now)).started(now);
        }
        for failed in applied.failed {
            tracing::error!(
                slot = %failed.slot, error = &failed.error as &dyn std::error::Error, "a step failed"
            );
            let watched = self.nodes.entry(failed.slot).or_insert_with(|| Watched::new(now));
            watched.started(now);
            watched.enter(NodeState::Failed, failed.reason);
        }
        Ok(())
    }

    /// Leaves out the nodes whose next start is not due.
    fn without_waiting(
        &self,
        mut plan: Plan,
        observed: &BTreeMap<Slot, ObservedNode>,
        now: Instant,
    ) -> Plan {
        plan.steps.retain(|step| {
            let alive = observed.get(&step.slot).is_some_and(|node| node.alive);
            let due = self.nodes.get(&step.slot).is_none_or(|node| node.start_at <= now);
            alive || due
        });
        plan
    }

    /// Probes the nodes whose time has come.
    async fn probe(&mut self) {
        let Some((_, instance)) = &self.desired else { return };
        let now = Instant::now();
        let due = instance.nodes.iter().filter_map(|(slot, node)| {
            let watched = self.nodes.get(slot)?;
            let probed = matches!(
                watched.state,
                NodeState::Unknown | NodeState::Starting | NodeState::Running
            ) || watched.reason == Reason::ProbeFailed;
            (probed && watched.probe_at <= now).then_some(())?;
            let endpoint = self.config.processes.endpoint(slot, &node.probe.port)?;
            Some(async move {
                let patience = Duration::from_millis(node.probe.timeout);
                (slot.clone(), probe_once(&endpoint, &node.probe.path, patience).await)
            })
        });
        let results = futures::future::join_all(due).await;
        let now = Instant::now();
        for (slot, answered) in results {
            let Some(watched) = self.nodes.get_mut(&slot) else { continue };
            match answered {
                Some(took) => {
                    watched.enter(NodeState::Running, Reason::ProbeAnswered);
                    watched.milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
                    (watched.failures, watched.starts) = (0, 0);
                    watched.probe_at = now + self.config.probe_every;
                }
                None => {
                    watched.failures += 1;
                    let starting = watched.state == NodeState::Starting;
                    watched.probe_at =
                        now + if starting { Self::PROBE_STARTING } else { self.config.probe_every };
                    if !starting && watched.failures >= Self::FAILURES {
                        watched.enter(NodeState::Failed, Reason::ProbeFailed);
                    }
                }
            }
        }
    }

    /// Reports what changed since the last report.
    async fn tell(&mut self, head: Head) {
        let Some((at, instance)) = &self.desired else { return };
        if at.epoch != head.epoch || at.revision != head.revision {
            return;
        }
        let mut reports = Vec::new();
        for (slot, node) in instance.nodes.iter() {
            let Some(watched) = self.nodes.get(slot) else { continue };
            let endpoint =
                self.config.processes.endpoint(slot, &node.probe.port).unwrap_or_default();
            let said = Said {
                epoch: head.epoch,
                revision: head.revision,
                state: watched.state,
                reason: watched.reason,
                endpoint: endpoint.clone(),
            };
            // Starting lasts an instant: saying so would cost as much as saying that it runs.
            let settled = !matches!(watched.state, NodeState::Unknown | NodeState::Starting);
            if settled && self.reported.get(slot) != Some(&said) {
                reports.push((
                    said,
                    Report {
                        slot: slot.clone(),
                        revision: head.revision,
                        state: watched.state,
                        reason: watched.reason,
                        milliseconds: watched.milliseconds,
                        endpoint,
                    },
                ));
            }
        }
        let starting = instance.nodes.iter().any(|(slot, _)| {
            self.nodes
                .get(slot)
                .is_some_and(|node| node.state == NodeState::Starting && node.starts <= 1)
        });
        // Nodes started together are reported together.
        if reports.is_empty() || starting {
            return;
        }
        let sent: Vec<Report> = reports.iter().map(|(_, report)| report.clone()).collect();
        match self.contracts.report(&sent).await {
            Ok(_) => {
                tracing::info!(reports = sent.len(), "reported");
                self.reported.extend(reports.into_iter().map(|(said, report)| (report.slot, said)));
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot report"),
        }
    }

    /// Opens and deals epochs when it is this operator's turn.
    async fn serve(&self, head: Head) {
        match duties::serve(&self.contracts, self.operator, &self.beacon, head).await {
            Ok(Some(done)) => tracing::info!(block = head.block, "{done}"),
            Ok(None) => {}
            // Another agent was faster, or the chain is away: the next turn sees.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no epoch was opened");
            }
        }
    }

    async fn stop_all(mut self) -> Result<(), AgentError> {
        let observed = self.config.processes.observe()?;
        let stops = observed.keys().map(|slot| self.config.processes.stop(slot));
        for stopped in futures::future::join_all(stops).await {
            stopped?;
        }
        for slot in observed.keys() {
            if let Some(watched) = self.nodes.get_mut(slot) {
                watched.enter(NodeState::Stopped, Reason::AgentStopped);
            }
        }
        if let Ok(head) = self.contracts.head().await {
            self.tell(head).await;
        }
        tracing::info!(nodes = observed.len(), "stopped all nodes");
        Ok(())
    }

    fn note_reachability(&mut self, error: Option<&ChainError>) {
        match error {
            Some(error) if !self.unreachable => {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "the chain does not answer; nodes go on, and it is asked again"
                );
            }
            None if self.unreachable => tracing::info!("the chain answers again"),
            Some(_) | None => {}
        }
        self.unreachable = error.is_some();
    }
}

fn accepted_path(config: &AgentConfig) -> PathBuf {
    config.dir.join("accepted")
}

/// Reads the last accepted revision: `SERVICE REVISION`.
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

fn log(plan: &Plan, applied: &Applied) {
    tracing::info!(
        novel = plan.count(Class::Novel),
        modified = plan.count(Class::Modified),
        obsolete = plan.count(Class::Obsolete),
        unchanged = plan.count(Class::Unchanged),
        steps = applied.steps,
        failed = applied.failed.len(),
        milliseconds = u64::try_from(applied.took.as_millis()).unwrap_or(u64::MAX),
        plan = %plan.digest(),
        "applied"
    );
}
