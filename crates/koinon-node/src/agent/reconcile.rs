//! The agent's loop.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::Address;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_model::NodeState;
use koinon_model::Reason;
use koinon_model::Report;
use koinon_model::Restart;
use koinon_model::Revision;
use koinon_model::Slot;
use koinon_plan::Class;
use koinon_plan::Plan;
use koinon_plan::PlanError;
use koinon_plan::Rules;
use koinon_trust::BeaconKey;
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::apply::Applied;
use super::apply::apply;
use super::duties;
use super::probe::probe_once;
use super::process::DriverError;
use super::process::Observed;
use super::process::Processes;
use super::running::Desired;
use super::running::Planned;
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
    /// What is done with nodes, in which order: the weaving rules of the profiles.
    pub rules: Rules,
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
    desired: Option<Desired>,
    /// The head that was looked at last and could not be used: it is not tried again.
    refused: Option<(Revision, koinon_model::Epoch)>,
    nodes: BTreeMap<Slot, Watched>,
    reported: BTreeMap<Slot, Said>,
    /// What is being sent to the chain; the loop does not wait for it.
    errand: Option<JoinHandle<Errand>>,
    unreachable: bool,
    behind: bool,
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
    started_at: Instant,
    start_at: Instant,
}

/// What was sent to the chain, and how it went.
#[derive(Debug)]
struct Errand {
    said: BTreeMap<Slot, Said>,
    reported: Result<(), ChainError>,
    served: Result<Option<&'static str>, ChainError>,
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
    /// There is no plan.
    #[error("cannot plan")]
    Plan(#[from] PlanError),
}

impl Watched {
    /// Failed probes in a row that make a running node a failed one.
    const FAILURES: u32 = 3;
    /// How long a node may take from its start to its first answer.
    const START_WITHIN: Duration = Duration::from_secs(60);
    /// How long a node must run before its next start is as its first.
    const STABLE_AFTER: Duration = Duration::from_secs(60);

    fn new(now: Instant) -> Self {
        Self {
            state: NodeState::Unknown,
            reason: Reason::Started,
            milliseconds: 0,
            probe_at: now,
            failures: 0,
            starts: 0,
            started_at: now,
            start_at: now,
        }
    }

    /// Waits ever longer between starts: 0.2 s doubled each time, 30 s at most.
    fn started(&mut self, now: Instant) {
        let pause = Duration::from_millis(200) * 2u32.pow(self.starts.min(8));
        self.starts += 1;
        self.started_at = now;
        self.start_at = now + pause.min(Duration::from_secs(30));
        self.enter(NodeState::Starting, Reason::Started);
        self.failures = 0;
        self.probe_at = now;
    }

    /// Takes note of a probe; returns whether the node has just failed by it.
    fn probed(&mut self, answered: Option<Duration>, now: Instant, again: Duration) -> bool {
        if let Some(took) = answered {
            self.enter(NodeState::Running, Reason::ProbeAnswered);
            self.milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            self.failures = 0;
            if now >= self.started_at + Self::STABLE_AFTER {
                self.starts = 0;
            }
            self.probe_at = now + again;
            return false;
        }
        self.failures += 1;
        let starting = self.state == NodeState::Starting;
        self.probe_at = now + if starting { Agent::PROBE_STARTING } else { again };
        let failed = match self.state {
            NodeState::Starting => now >= self.started_at + Self::START_WITHIN,
            NodeState::Unknown | NodeState::Running => self.failures >= Self::FAILURES,
            NodeState::Stopped | NodeState::Failed => false,
        };
        if failed {
            self.enter(NodeState::Failed, Reason::ProbeFailed);
        }
        failed
    }

    fn enter(&mut self, state: NodeState, reason: Reason) {
        self.state = state;
        self.reason = reason;
    }
}

impl Agent {
    /// How often a starting node is probed.
    const PROBE_STARTING: Duration = Duration::from_millis(25);
    /// The longest a probe may take, whatever the template says: others wait for it.
    const PROBE_WITHIN: Duration = Duration::from_secs(10);
    /// How long the chain may take to say what should run.
    const LOOK_WITHIN: Duration = Duration::from_secs(10);
    /// How long reports wait for nodes that are starting.
    const REPORT_TOGETHER: Duration = Duration::from_secs(2);
    /// How long a stopping agent tries to say so.
    const FAREWELL_WITHIN: Duration = Duration::from_secs(5);

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
            errand: None,
            unreachable: false,
            behind: false,
            _lock: lock,
        })
    }

    /// Runs until `stop` is cancelled.
    ///
    /// # Errors
    /// [`AgentError`] for what no retry mends; a chain that does not answer is waited for.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), AgentError> {
        let mut look_at = Instant::now();
        while !stop.is_cancelled() {
            let now = Instant::now();
            let looks = now >= look_at;
            if looks {
                look_at = now + self.config.poll;
            }
            // Cancel safe: a turn cut short is a turn that crashed, and the next one takes up from there.
            tokio::select! {
                () = self.turn(looks) => {}
                () = stop.cancelled() => break,
            }
            let starting = self.nodes.values().any(|node| node.state == NodeState::Starting);
            let pause = look_at.saturating_duration_since(Instant::now());
            let pause = if starting { pause.min(Self::PROBE_STARTING) } else { pause };
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

    /// Looks at the chain, if it is time to, and at the nodes, and does what is to be done.
    async fn turn(&mut self, looks: bool) {
        let mut head = None;
        if looks {
            let looked = tokio::time::timeout(Self::LOOK_WITHIN, self.look()).await;
            let looked = looked.unwrap_or_else(|_| {
                Err(ChainError::Timeout { action: "look at the service".to_owned() })
            });
            self.note_reachability(looked.as_ref().err());
            head = looked.ok().flatten();
        }
        if let Err(error) = self.reconcile().await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the nodes are left as they are"
            );
        }
        self.probe().await;
        self.collect().await;
        if let Some(head) = head {
            self.send(head);
        }
    }

    /// Reads the head, and what should run if it moved.
    async fn look(&mut self) -> Result<Option<Head>, ChainError> {
        let head = self.contracts.head().await?;
        if head.revision < self.accepted {
            if !self.behind {
                tracing::warn!(
                    revision = %head.revision, accepted = %self.accepted,
                    "the chain is behind what this agent accepted: is it another chain? Nothing is changed"
                );
            }
            self.behind = true;
            return Ok(None);
        }
        self.behind = false;
        let place = (head.revision, head.epoch);
        let known = self.desired.as_ref().map(|known| (known.head.revision, known.head.epoch));
        if known == Some(place) || self.refused == Some(place) {
            return Ok(Some(head));
        }
        if known.map(|(revision, _)| revision) != Some(head.revision) {
            // A revision may replace modules.
            let chain = self.contracts.chain().clone();
            self.contracts = Contracts::open(chain, self.contracts.core).await?;
        }
        match desired(&self.contracts, head).await {
            Ok(Some(wanted)) => {
                if let Err(error) = self.accept(head.revision) {
                    tracing::error!(%error, "cannot write down the revision; what runs stays as it is");
                    return Ok(None);
                }
                let mine = Desired::new(head, wanted.instance, self.operator);
                tracing::info!(
                    revision = %head.revision, epoch = %head.epoch, block = head.block,
                    mine = mine.nodes.len(), "new instance"
                );
                self.desired = Some(mine);
                self.refused = None;
            }
            Ok(None) => {}
            Err(DesiredError::Chain(error)) if error.is_unreachable() => return Err(error),
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
        let Some(desired) = &self.desired else { return Ok(()) };
        let observed = self.config.processes.observe()?;
        let now = Instant::now();
        for (slot, node) in &observed {
            let watched = self.nodes.entry(slot.clone()).or_insert_with(|| Watched::new(now));
            if !node.alive && matches!(watched.state, NodeState::Running | NodeState::Starting) {
                watched.enter(NodeState::Failed, Reason::Exited);
            }
        }
        let Some(planned) = desired.plan(&observed, &self.config.processes, &self.config.rules)?
        else {
            return Ok(());
        };
        let planned = self.without_waiting(planned, &observed, now);
        if planned.plan.steps.is_empty() {
            return Ok(());
        }
        let applied = apply(&planned, &desired.nodes, &self.config.processes).await;
        log(&planned.plan, &applied);
        self.nodes.retain(|slot, _| desired.nodes.contains_key(slot));
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
        mut planned: Planned,
        observed: &BTreeMap<Slot, Observed>,
        now: Instant,
    ) -> Planned {
        let slots = &planned.slots;
        planned.plan.steps.retain(|step| {
            let Some(slot) = step.element.and_then(|element| slots.get(&element)) else {
                return true;
            };
            let alive = observed.get(slot).is_some_and(|node| node.alive);
            let due = self.nodes.get(slot).is_none_or(|node| node.start_at <= now);
            alive || due
        });
        planned
    }

    /// Probes the nodes whose time has come.
    async fn probe(&mut self) {
        let Some(desired) = &self.desired else { return };
        let now = Instant::now();
        let processes = &self.config.processes;
        let due = desired.nodes.iter().filter_map(|(slot, wanted)| {
            let node = &wanted.node;
            let watched = self.nodes.get(slot)?;
            let waiting = [NodeState::Unknown, NodeState::Starting, NodeState::Running];
            let probed = waiting.contains(&watched.state) || watched.reason == Reason::ProbeFailed;
            (probed && watched.probe_at <= now).then_some(())?;
            let endpoint = processes.endpoint(slot, &node.probe.port)?;
            Some(async move {
                let patience = Duration::from_millis(node.probe.timeout).min(Self::PROBE_WITHIN);
                let pid = processes.pid(slot);
                let answered = probe_once(&endpoint, &node.probe.path, patience).await;
                // The answer counts if the node lived all the while: else somebody else may have its port.
                let lived = pid.is_some() && pid == processes.pid(slot);
                (slot.clone(), node.restart, answered.filter(|_| lived))
            })
        });
        let results = futures::future::join_all(due).await;
        let now = Instant::now();
        let mut hung = Vec::new();
        for (slot, restart, answered) in results {
            let Some(watched) = self.nodes.get_mut(&slot) else { continue };
            if watched.probed(answered, now, self.config.probe_every) && restart == Restart::Always
            {
                hung.push(slot);
            }
        }
        for slot in hung {
            tracing::warn!(%slot, "the node does not answer: it is stopped, to be started again");
            if let Err(error) = self.config.processes.stop(&slot).await {
                tracing::error!(%slot, error = &error as &dyn std::error::Error, "cannot stop the node");
            }
        }
    }

    /// Returns what changed since the last report.
    fn due(&self, head: Head) -> Vec<(Said, Report)> {
        let Some(desired) = &self.desired else { return Vec::new() };
        if desired.head.epoch != head.epoch || desired.head.revision != head.revision {
            return Vec::new();
        }
        let mut reports = Vec::new();
        for (slot, wanted) in &desired.nodes {
            let Some(watched) = self.nodes.get(slot) else { continue };
            let port = &wanted.node.probe.port;
            let endpoint = self.config.processes.endpoint(slot, port).unwrap_or_default();
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
                let report = Report {
                    slot: slot.clone(),
                    revision: head.revision,
                    state: watched.state,
                    reason: watched.reason,
                    milliseconds: watched.milliseconds,
                    endpoint,
                };
                reports.push((said, report));
            }
        }
        reports
    }

    /// Sends what is to be said and done on the chain, in the background: mining takes its time, and nodes do not wait.
    fn send(&mut self, head: Head) {
        if self.errand.is_some() {
            return;
        }
        // Nodes started together are reported together.
        let now = Instant::now();
        let fresh = self.nodes.values().any(|node| {
            node.state == NodeState::Starting && now < node.started_at + Self::REPORT_TOGETHER
        });
        let due = if fresh { Vec::new() } else { self.due(head) };
        let (contracts, operator, beacon) =
            (self.contracts.clone(), self.operator, self.beacon.clone());
        self.errand = Some(tokio::spawn(async move {
            let reports: Vec<Report> = due.iter().map(|(_, report)| report.clone()).collect();
            let reported = contracts.report(&reports).await.map(drop);
            let said = due.into_iter().map(|(said, report)| (report.slot, said)).collect();
            let served = duties::serve(&contracts, operator, &beacon, head).await;
            Errand { said, reported, served }
        }));
    }

    /// Takes note of what the last errand came to, if it is done.
    async fn collect(&mut self) {
        let Some(errand) = self.errand.take_if(|errand| errand.is_finished()) else { return };
        let Errand { said, reported, served } = match errand.await {
            Ok(errand) => errand,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        match reported {
            Ok(()) if said.is_empty() => {}
            Ok(()) => {
                tracing::info!(reports = said.len(), "reported");
                self.reported.extend(said);
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot report"),
        }
        match served {
            Ok(Some(done)) => tracing::info!("{done}"),
            Ok(None) => {}
            // Most often another agent was faster.
            Err(error) => tracing::info!(
                error = &error as &dyn std::error::Error,
                "no epoch was opened or dealt"
            ),
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
        tracing::info!(nodes = observed.len(), "stopped all nodes");
        // Said if the chain takes it in time; the nodes are stopped either way.
        let farewell = async {
            let head = self.contracts.head().await?;
            let reports: Vec<Report> =
                self.due(head).into_iter().map(|(_, report)| report).collect();
            self.contracts.report(&reports).await
        };
        match tokio::time::timeout(Self::FAREWELL_WITHIN, farewell).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot report");
            }
            Err(_) => tracing::warn!("the chain takes too long: the stop is not reported"),
        }
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
