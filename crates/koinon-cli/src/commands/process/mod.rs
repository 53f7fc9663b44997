//! `koinon agent`, `chain`, `launch` and `worker`: the processes of a network.

pub(crate) mod agent;
pub(crate) mod chain;
pub(crate) mod launch;
pub(crate) mod worker;

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_node::OnExit;

/// The fate of the nodes when their agent stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnExitArg {
    /// Nodes go on; a later agent finds them
    Leave,
    /// Nodes are stopped
    Stop,
}

impl From<OnExitArg> for OnExit {
    fn from(on_exit: OnExitArg) -> Self {
        match on_exit {
            OnExitArg::Leave => Self::Leave,
            OnExitArg::Stop => Self::Stop,
        }
    }
}

/// Takes the lock that shows that this process lives.
fn take_lock(path: Option<&Path>) -> Outcome<Option<File>> {
    let Some(path) = path else { return Ok(None) };
    let held = koinon_node::acquire_lock(path)
        .with_context(|| format!("cannot use {}", path.display()))?;
    match held {
        Some(file) => Ok(Some(file)),
        None => Err(CommandError::failed(format!("another process holds {}", path.display()))),
    }
}
