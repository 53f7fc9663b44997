//! The health of a node as its agent sees it: a state machine over starts, exits and probes.

use std::time::Duration;

use koinon_model::NodeState;
use koinon_model::ReportReason;
use tokio::time::Instant;

/// The health of one node. It is kept in memory only; a loss costs one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeHealth {
    pub(crate) state: NodeState,
    pub(crate) reason: ReportReason,
    /// Milliseconds that the last answered probe took.
    pub(crate) milliseconds: u32,
    next_probe: Instant,
    /// Probes in a row that were not answered.
    failed_probes: u32,
    /// Starts since the node last ran for [`NodeHealth::BACKOFF_RESET_AFTER`].
    starts: u32,
    started_at: Instant,
    next_start: Instant,
}

impl NodeHealth {
    /// Failed probes in a row that make a running node a failed one.
    const MAX_FAILED_PROBES: u32 = 3;
    /// How long a node may take from its start to its first answer.
    const START_TIMEOUT: Duration = Duration::from_secs(60);
    /// How long a node must run before its restart delay is reset.
    const BACKOFF_RESET_AFTER: Duration = Duration::from_secs(60);
    /// Delay between a node's first start and its second; it doubles with each further start.
    const MIN_RESTART_DELAY: Duration = Duration::from_millis(200);
    /// Longest delay between two starts.
    const MAX_RESTART_DELAY: Duration = Duration::from_secs(30);
    /// Pause between two probes of a starting node.
    pub(crate) const STARTING_PROBE_INTERVAL: Duration = Duration::from_millis(25);

    /// Makes the health of a node of which nothing is known yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: NodeState::Unknown,
            reason: ReportReason::Started,
            milliseconds: 0,
            next_probe: now,
            failed_probes: 0,
            starts: 0,
            started_at: now,
            next_start: now,
        }
    }

    /// Records that the node was started.
    pub(crate) fn on_start(&mut self, now: Instant) {
        // 2^8 times the shortest delay is over the longest.
        let delay = Self::MIN_RESTART_DELAY * 2u32.pow(self.starts.min(8));
        self.starts += 1;
        self.started_at = now;
        self.next_start = now + delay.min(Self::MAX_RESTART_DELAY);
        self.set(NodeState::Starting, ReportReason::Started);
        self.failed_probes = 0;
        self.next_probe = now;
    }

    /// Records that the node could not be started or stopped; the next attempt is delayed as after
    /// a start.
    pub(crate) fn on_failed_step(&mut self, reason: ReportReason, now: Instant) {
        self.on_start(now);
        self.set(NodeState::Failed, reason);
    }

    /// Records that the node's process does not live.
    pub(crate) fn on_exit(&mut self) {
        if matches!(self.state, NodeState::Running | NodeState::Starting) {
            self.set(NodeState::Failed, ReportReason::Exited);
        }
    }

    /// Records a probe, answered after a time or not, and returns whether the node has just failed
    /// by it. `interval` is the pause until the next probe, unless the node is starting.
    pub(crate) fn on_probe(
        &mut self,
        answered: Option<Duration>,
        now: Instant,
        interval: Duration,
    ) -> bool {
        if let Some(took) = answered {
            self.set(NodeState::Running, ReportReason::ProbeAnswered);
            self.milliseconds = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
            self.failed_probes = 0;
            if now >= self.started_at + Self::BACKOFF_RESET_AFTER {
                self.starts = 0;
            }
            self.next_probe = now + interval;
            return false;
        }
        self.failed_probes += 1;
        let is_starting = self.state == NodeState::Starting;
        self.next_probe = now + if is_starting { Self::STARTING_PROBE_INTERVAL } else { interval };
        let has_failed = match self.state {
            NodeState::Starting => now >= self.started_at + Self::START_TIMEOUT,
            NodeState::Unknown | NodeState::Running => {
                self.failed_probes >= Self::MAX_FAILED_PROBES
            }
            NodeState::Stopped | NodeState::Failed => false,
        };
        if has_failed {
            self.set(NodeState::Failed, ReportReason::ProbeFailed);
        }
        has_failed
    }

    pub(crate) fn set(&mut self, state: NodeState, reason: ReportReason) {
        self.state = state;
        self.reason = reason;
    }

    /// Returns whether the node is to be probed now. A node that failed by its probes is probed
    /// further: it may recover before it is restarted, or it is not to be restarted.
    pub(crate) fn is_probe_due(&self, now: Instant) -> bool {
        let is_probed = match self.state {
            NodeState::Unknown | NodeState::Starting | NodeState::Running => true,
            NodeState::Stopped | NodeState::Failed => self.reason == ReportReason::ProbeFailed,
        };
        is_probed && self.next_probe <= now
    }

    /// Returns whether the delay before the next start is over.
    pub(crate) fn is_start_due(&self, now: Instant) -> bool {
        self.next_start <= now
    }

    /// Returns whether the node was started less than `window` ago and has not answered yet.
    pub(crate) fn has_just_started(&self, now: Instant, window: Duration) -> bool {
        self.state == NodeState::Starting && now < self.started_at + window
    }

    /// Returns whether the state is worth a report. Starting is not: it lasts an instant, and its
    /// report would cost as much as that of the state that follows.
    pub(crate) fn is_settled(&self) -> bool {
        match self.state {
            NodeState::Unknown | NodeState::Starting => false,
            NodeState::Running | NodeState::Stopped | NodeState::Failed => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBE_INTERVAL: Duration = Duration::from_secs(5);

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Start,
        FailedStep,
        Exit,
        Answered,
        Unanswered,
        Stop,
    }

    /// A state with its reason, the milliseconds from the event to the next probe, and those from
    /// the last start to the next.
    type Expected = (NodeState, ReportReason, u64, u64);

    fn apply(health: &mut NodeHealth, event: Event, now: Instant) -> bool {
        match event {
            Event::Start => health.on_start(now),
            Event::FailedStep => health.on_failed_step(ReportReason::StartFailed, now),
            Event::Exit => health.on_exit(),
            Event::Answered => {
                return health.on_probe(Some(Duration::from_millis(7)), now, PROBE_INTERVAL);
            }
            Event::Unanswered => return health.on_probe(None, now, PROBE_INTERVAL),
            Event::Stop => health.set(NodeState::Stopped, ReportReason::AgentStopped),
        }
        false
    }

    /// Sends events, each at its millisecond, and compares the health after the last. `has_failed`
    /// is what the last event returns.
    fn check(events: &[(Event, u64)], has_failed: bool, expected: Expected) {
        let origin = Instant::now();
        let mut health = NodeHealth::new(origin);
        let mut now = origin;
        let mut failed = false;
        for (event, at) in events {
            now = origin + Duration::from_millis(*at);
            failed = apply(&mut health, *event, now);
        }
        let milliseconds = |to: Instant, from: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap()
        };
        let found = (
            health.state,
            health.reason,
            milliseconds(health.next_probe, now),
            milliseconds(health.next_start, health.started_at),
        );
        assert_eq!((failed, found), (has_failed, expected), "{events:?}");
    }

    #[test]
    fn each_event_leads_to_its_state_reason_next_probe_and_next_start() {
        use Event::Answered;
        use Event::Exit;
        use Event::FailedStep;
        use Event::Start;
        use Event::Stop;
        use Event::Unanswered;
        use NodeState::Failed;
        use NodeState::Running;
        use NodeState::Starting;
        use NodeState::Stopped;
        use NodeState::Unknown;
        use ReportReason::AgentStopped;
        use ReportReason::Exited;
        use ReportReason::ProbeAnswered;
        use ReportReason::ProbeFailed;
        use ReportReason::StartFailed;
        use ReportReason::Started;

        // Of a node found running nothing is known: it is probed, and fails with the third probe.
        check(&[], false, (Unknown, Started, 0, 0));
        check(&[(Answered, 0)], false, (Running, ProbeAnswered, 5_000, 0));
        check(&[(Unanswered, 0)], false, (Unknown, Started, 5_000, 0));
        check(&[(Unanswered, 0); 2], false, (Unknown, Started, 5_000, 0));
        check(&[(Unanswered, 0); 3], true, (Failed, ProbeFailed, 5_000, 0));
        check(&[(Exit, 0)], false, (Unknown, Started, 0, 0));

        // A starting node is probed at once, then every 25 ms, and fails after 60 s.
        check(&[(Start, 0)], false, (Starting, Started, 0, 200));
        check(&[(Start, 0), (Answered, 3)], false, (Running, ProbeAnswered, 5_000, 200));
        check(&[(Start, 0), (Unanswered, 0)], false, (Starting, Started, 25, 200));
        check(&[(Start, 0), (Unanswered, 59_999)], false, (Starting, Started, 25, 200));
        check(&[(Start, 0), (Unanswered, 60_000)], true, (Failed, ProbeFailed, 25, 200));
        let many = [&[(Start, 0)][..], &[(Unanswered, 1); 9]].concat();
        check(&many, false, (Starting, Started, 25, 200));
        check(&[(Start, 0), (Exit, 9)], false, (Failed, Exited, 0, 200));

        // A running node fails with the third unanswered probe in a row.
        let running = [(Start, 0), (Answered, 0)];
        let then = |events: &[(Event, u64)]| [&running[..], events].concat();
        check(&then(&[(Unanswered, 1); 2]), false, (Running, ProbeAnswered, 5_000, 200));
        check(&then(&[(Unanswered, 1); 3]), true, (Failed, ProbeFailed, 5_000, 200));
        let interrupted = then(&[(Unanswered, 1), (Unanswered, 2), (Answered, 3), (Unanswered, 4)]);
        check(&interrupted, false, (Running, ProbeAnswered, 5_000, 200));
        check(&then(&[(Exit, 1)]), false, (Failed, Exited, 4_999, 200));
        check(&then(&[(Stop, 1)]), false, (Stopped, AgentStopped, 4_999, 200));

        // A failed or stopped node does not fail again; an answer makes it run.
        let failed = [(Start, 0), (Unanswered, 60_000)];
        check(&[&failed[..], &[(Unanswered, 60_001); 5]].concat(), false, {
            (Failed, ProbeFailed, 5_000, 200)
        });
        check(&[&failed[..], &[(Exit, 60_001)]].concat(), false, (Failed, ProbeFailed, 24, 200));
        check(&[&failed[..], &[(Answered, 60_001)]].concat(), false, {
            (Running, ProbeAnswered, 5_000, 200)
        });
        check(&then(&[(Stop, 1), (Exit, 2)]), false, (Stopped, AgentStopped, 4_998, 200));

        // A failed step delays the next start as a start does.
        check(&[(FailedStep, 0)], false, (Failed, StartFailed, 0, 200));
        check(&[(FailedStep, 0), (FailedStep, 200)], false, (Failed, StartFailed, 0, 400));
    }

    #[test]
    fn the_restart_delay_doubles_to_30_s_and_is_reset_after_running_60_s() {
        let expected = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000];
        let starts = [(Event::Start, 0); 11];
        for (count, delay) in (1..).zip(expected) {
            let state = (NodeState::Starting, ReportReason::Started, 0, delay);
            check(&starts[..count], false, state);
        }
        let after_answer_at = |at: u64, delay: u64| {
            let events = [(Event::Start, 0), (Event::Start, 0), (Event::Answered, at)];
            let events = [&events[..], &[(Event::Start, at)]].concat();
            check(&events, false, (NodeState::Starting, ReportReason::Started, 0, delay));
        };
        after_answer_at(59_999, 800);
        after_answer_at(60_000, 200);
    }

    #[test]
    fn a_probe_is_due_at_its_time_unless_the_node_was_stopped_or_exited() {
        let now = Instant::now();
        let later = now + Duration::from_millis(1);
        // In which states, for which reason, and whether it is probed.
        let cases = [
            (NodeState::Unknown, ReportReason::Started, true),
            (NodeState::Starting, ReportReason::Started, true),
            (NodeState::Running, ReportReason::ProbeAnswered, true),
            (NodeState::Failed, ReportReason::ProbeFailed, true),
            (NodeState::Failed, ReportReason::Exited, false),
            (NodeState::Failed, ReportReason::StartFailed, false),
            (NodeState::Failed, ReportReason::ArtifactUnavailable, false),
            (NodeState::Stopped, ReportReason::AgentStopped, false),
        ];
        for (state, reason, expected) in cases {
            let mut health = NodeHealth::new(now);
            health.set(state, reason);
            assert_eq!(health.is_probe_due(now), expected, "{state:?} {reason:?}");
            health.next_probe = later;
            assert!(!health.is_probe_due(now), "{state:?} {reason:?}");
        }
    }

    #[test]
    fn a_start_is_due_when_its_delay_is_over() {
        let now = Instant::now();
        let mut health = NodeHealth::new(now);
        assert!(health.is_start_due(now));
        health.on_start(now);
        assert!(!health.is_start_due(now + Duration::from_millis(199)));
        assert!(health.is_start_due(now + Duration::from_millis(200)));
    }

    #[test]
    fn reports_wait_for_a_starting_node_only_within_the_window() {
        let (now, window) = (Instant::now(), Duration::from_secs(2));
        let mut health = NodeHealth::new(now);
        assert!(!health.has_just_started(now, window));
        health.on_start(now);
        assert!(health.has_just_started(now + Duration::from_millis(1_999), window));
        assert!(!health.has_just_started(now + window, window));
        health.on_probe(Some(Duration::ZERO), now, PROBE_INTERVAL);
        assert!(!health.has_just_started(now, window));
    }

    #[test]
    fn a_probe_is_recorded_in_milliseconds() {
        let now = Instant::now();
        let mut health = NodeHealth::new(now);
        for (took, expected) in
            [(Duration::from_micros(1_999), 1), (Duration::from_secs(u64::MAX), u32::MAX)]
        {
            health.on_probe(Some(took), now, PROBE_INTERVAL);
            assert_eq!(health.milliseconds, expected);
        }
        health.on_probe(None, now, PROBE_INTERVAL);
        assert_eq!(health.milliseconds, u32::MAX);
    }
}
