//! The processes of a local network: its chain and its agents.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::process::Child;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::local::Local;
use crate::program;
use crate::ui::Ui;

/// The children of `up`. Each is this program in a process group of its own, holds a lock that says that it lives, and
/// writes a log. One that ends is started again.
#[derive(Debug, Default)]
pub(super) struct Children {
    supervision: CancellationToken,
}

/// How to start a child.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
}

impl Children {
    /// Starts a child unless it lives, such as after `up` itself was killed, and waits until it holds its lock.
    pub(super) async fn ensure(&self, ui: Ui, local: &Local, recipe: Recipe) -> Outcome {
        let lock = local.run(&recipe.name);
        let lives = || koinon_node::holder(&lock).context("cannot look for a process");
        if lives()?.is_some() {
            return Ok(());
        }
        let mut child = spawn(local, &recipe)?;
        while lives()?.is_none() {
            if let Some(status) = child.try_wait().context("cannot wait for a process")? {
                let error =
                    CommandError::failed(format!("{} ended at once: {status}", recipe.name));
                return Err(error.hint(format!("see {}", local.log(&recipe.name).display())));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (local, supervision) = (local.clone(), self.supervision.clone());
        tokio::spawn(supervise(ui, local, recipe, child, supervision));
        Ok(())
    }

    /// Lets children that end stay ended.
    pub(super) fn stop_supervising(&self) {
        self.supervision.cancel();
    }
}

async fn supervise(
    ui: Ui,
    local: Local,
    recipe: Recipe,
    mut child: Child,
    stop: CancellationToken,
) {
    loop {
        // Cancel safe: a child that is not waited for here is reaped by the runtime.
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = stop.cancelled() => return,
        };
        if stop.is_cancelled() {
            return;
        }
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        ui.say(&format!(
            "{} ended ({how}); it is started again, see {}",
            recipe.name,
            local.log(&recipe.name).display()
        ));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = stop.cancelled() => return,
        }
        match spawn(&local, &recipe) {
            Ok(next) => child = next,
            Err(error) => {
                ui.say(&error.render());
                return;
            }
        }
    }
}

fn spawn(local: &Local, recipe: &Recipe) -> Outcome<Child> {
    let log: PathBuf = local.log(&recipe.name);
    let file = OpenOptions::new().create(true).append(true).open(&log);
    let file = file.with_context(|| format!("cannot write {}", log.display()))?;
    let second = file.try_clone().context("cannot share a log")?;
    let child = Command::new(program::path()?)
        .args(&recipe.arguments)
        .arg("--lock-file")
        .arg(local.run(&recipe.name))
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(second)
        .process_group(0)
        .spawn();
    Ok(child.with_context(|| format!("cannot start {}", recipe.name))?)
}
