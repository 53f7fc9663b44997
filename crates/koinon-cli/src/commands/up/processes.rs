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
use tokio_util::task::TaskTracker;

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
    tasks: TaskTracker,
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
        if holder(local, &recipe)?.is_some() {
            return Ok(());
        }
        // A task of its own: a child is waited for until it holds its lock even if nobody waits here any more.
        let (its_local, its_recipe) = (local.clone(), recipe.clone());
        let started = self.tasks.spawn(async move { start(&its_local, &its_recipe).await });
        let child = started.await.context("cannot start a process")??;
        let (local, supervision) = (local.clone(), self.supervision.clone());
        self.tasks.spawn(supervise(ui, local, recipe, child, supervision));
        Ok(())
    }

    /// Lets children that end stay ended. Afterwards every child that lives holds its lock, by which it can be ended.
    pub(super) async fn stop_supervising(&self) {
        self.supervision.cancel();
        self.tasks.close();
        self.tasks.wait().await;
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
        child = loop {
            // Cancel safe: neither arm holds anything.
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            match start(&local, &recipe).await {
                Ok(next) => break next,
                Err(error) => ui.say(error.render().trim_end()),
            }
        };
    }
}

/// Starts a child and waits until it holds its lock.
async fn start(local: &Local, recipe: &Recipe) -> Outcome<Child> {
    let mut child = spawn(local, recipe)?;
    while holder(local, recipe)? != child.id() {
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            let error = CommandError::failed(format!("{} ended at once: {status}", recipe.name));
            return Err(error.hint(format!("see {}", local.log(&recipe.name).display())));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(child)
}

fn holder(local: &Local, recipe: &Recipe) -> Outcome<Option<u32>> {
    let lock = local.run(&recipe.name);
    Ok(koinon_node::holder(&lock).with_context(|| format!("cannot look at {}", lock.display()))?)
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
        // What is set for this process is not meant for others: each is told all it needs.
        .env_remove("KOINON_RPC_URL")
        .env_remove("KOINON_SERVICE")
        .env_remove("KOINON_KEYSTORE")
        .env_remove("KOINON_PASSWORD_FILE")
        .env_remove("KOINON_KEYS")
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(second)
        .process_group(0)
        .spawn();
    Ok(child.with_context(|| format!("cannot start {}", recipe.name))?)
}
