//! A node's directory: the names of its files, and the file that says how the node was started.
//!
//! The files are written in this order, and a kill between any two leaves a directory that
//! `ProcessDriver::observe` can judge: artifacts, `representation.json`, `node.json`, and, by the
//! node's process itself, `lock`. A directory without `node.json` was never started.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use koinon_model::Digest;
use koinon_model::Slot;
use serde::Deserialize;
use serde::Serialize;

/// The directory of one node.
#[derive(Clone, Debug)]
pub(crate) struct NodeDir(PathBuf);

/// How a node is started: the content of `node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchSpec {
    pub(crate) slot: String,
    /// `TargetNode::digest` of the node.
    pub(crate) digest: Digest,
    /// The program's path in the node's directory.
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Port numbers by name.
    pub(crate) ports: BTreeMap<String, u16>,
}

impl NodeDir {
    /// Subdirectory of the node's artifacts.
    pub(crate) const ARTIFACTS: &'static str = "artifacts";
    /// The node's log files.
    pub(crate) const LOGS: [&'static str; 2] = ["stdout.log", "stderr.log"];

    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Held by the node's process for as long as it lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// JSON of a [`LaunchSpec`]; its existence makes the directory a node.
    pub(crate) fn spec(&self) -> PathBuf {
        self.0.join("node.json")
    }

    /// JSON of the representation the node was started from.
    pub(crate) fn representation(&self) -> PathBuf {
        self.0.join("representation.json")
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.0.join(Self::ARTIFACTS)
    }

    pub(crate) fn stdout_log(&self) -> PathBuf {
        self.0.join(Self::LOGS[0])
    }

    pub(crate) fn stderr_log(&self) -> PathBuf {
        self.0.join(Self::LOGS[1])
    }

    /// Reads `node.json`; `None` if it is missing or unreadable. `ProcessDriver::observe` logs the
    /// latter.
    pub(crate) fn read_spec(&self) -> Option<(Slot, LaunchSpec)> {
        let json = std::fs::read(self.spec()).ok()?;
        let spec: LaunchSpec = serde_json::from_slice(&json).ok()?;
        Some((spec.slot.parse().ok()?, spec))
    }
}
