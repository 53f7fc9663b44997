//! The states of nodes, and the reports of agents on chain.

use serde::Serialize;

use crate::id::Revision;
use crate::id::Slot;

/// A node's state, as on chain (`NodeState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// No state is known.
    #[default]
    Unknown,
    /// It was started and has not answered yet.
    Starting,
    /// It answers its probe.
    Running,
    /// It was stopped on purpose.
    Stopped,
    /// It ended by itself or does not answer.
    Failed,
}

/// Why a node is in its state: a word for programs to match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportReason {
    /// The probe was answered.
    ProbeAnswered,
    /// The process was started.
    Started,
    /// The process ended by itself.
    Exited,
    /// The probe was not answered in time, or not with 200.
    ProbeFailed,
    /// The artifact was not found or does not match its CID.
    ArtifactUnavailable,
    /// The process could not be started.
    StartFailed,
    /// The operator stopped its agent.
    AgentStopped,
}

impl ReportReason {
    /// Returns the word used on chain.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProbeAnswered => "probe_answered",
            Self::Started => "started",
            Self::Exited => "exited",
            Self::ProbeFailed => "probe_failed",
            Self::ArtifactUnavailable => "artifact_unavailable",
            Self::StartFailed => "start_failed",
            Self::AgentStopped => "agent_stopped",
        }
    }
}

/// An agent's report on one of its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The slot.
    pub slot: Slot,
    /// The revision the agent acted on.
    pub revision: Revision,
    /// The state.
    pub state: NodeState,
    /// Why the node is in this state.
    pub reason: ReportReason,
    /// Milliseconds the last probe took.
    pub milliseconds: u32,
    /// `host:port` of the probed port; empty if the node has none.
    pub endpoint: String,
}
