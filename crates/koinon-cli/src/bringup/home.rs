//! The directory of a network that is brought up.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use tempfile::TempDir;

use super::teardown::end_processes;
use crate::local::Local;

/// The directory of the network, locked by this process.
pub(crate) struct Home {
    pub(crate) local: Local,
    /// A directory that is removed with its owner.
    temporary: Option<TempDir>,
    /// The lock that keeps a second `up` away.
    _lock: File,
}

impl Home {
    /// Makes and locks a directory.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let dir = std::path::absolute(dir).context("cannot find the working directory")?;
        let local = Local { dir };
        local.make()?;
        let lock =
            koinon_node::acquire_lock(&local.run("up")).context("cannot lock the network")?;
        let Some(lock) = lock else {
            let error = CommandError::failed(format!("{} is up already", local.dir.display()));
            return Err(error.hint("see it with `koinon status`, end it with `koinon down`"));
        };
        Ok(Self { local, temporary: None, _lock: lock })
    }

    /// Makes a directory that `tear_down` removes.
    pub(crate) fn temporary() -> Outcome<Self> {
        let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
        let home = Self::open(dir.path())?;
        Ok(Self { temporary: Some(dir), ..home })
    }

    /// Ends all processes. If one is left, a temporary directory stays, so that it can be found.
    pub(crate) async fn tear_down(self, ui: Ui) -> Outcome {
        let stage = ui.stage("stop");
        match end_processes(&self.local, "none").await {
            Ok(0) => stage.cancel(),
            Ok(ended) => {
                stage.done(&format!("{ended} processes"), None);
            }
            Err(error) => {
                let dir = self.temporary.map_or(self.local.dir, TempDir::keep);
                let hint = format!("`koinon down --dir {}` tries again", dir.display());
                return Err(error.hint(hint));
            }
        }
        Ok(())
    }
}
