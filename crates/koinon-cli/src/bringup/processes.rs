//! The processes of a local network: its chain and its agents.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use tokio::process::Child;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::local::Local;
use crate::program;

/// The child processes of `up`. Each runs this program in its own process group, holds a lock while
/// it lives, and writes a log. A child that ends is started again.
#[derive(Debug, Default)]
pub(super) struct Children {
    supervision: CancellationToken,
    tasks: TaskTracker,
}

/// The name and the arguments of a child.
#[derive(Clone, Debug)]
pub(super) struct ChildProcess {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
}

impl Children {
    /// Starts a child and waits until it holds its lock. A child that lives is left alone: it may
    /// have survived an earlier `up`.
    pub(super) async fn ensure(&self, ui: Ui, local: &Local, process: ChildProcess) -> Outcome {
        if holder(local, &process)?.is_some() {
            return Ok(());
        }
        // In a task, so that the wait for the lock goes on even if this future is dropped.
        let (task_local, task_process) = (local.clone(), process.clone());
        let start = self.tasks.spawn(async move { start(&task_local, &task_process).await });
        let child = start.await.context("cannot start a process")??;
        let (local, supervision) = (local.clone(), self.supervision.clone());
        self.tasks.spawn(supervise(ui, local, process, child, supervision));
        Ok(())
    }

    /// Stops starting children again. Afterwards every living child holds its lock, through which
    /// it can be ended.
    pub(super) async fn stop_supervising(&self) {
        self.supervision.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn supervise(
    ui: Ui,
    local: Local,
    process: ChildProcess,
    mut child: Child,
    stop: CancellationToken,
) {
    loop {
        // Cancel safe: the runtime reaps a child that nobody waits for.
        let ended = tokio::select! {
            ended = child.wait() => ended,
            () = stop.cancelled() => return,
        };
        if stop.is_cancelled() {
            return;
        }
        let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        ui.say(&format!(
            "{} ended ({how}) and is started again; see {}",
            process.name,
            local.log(&process.name).display()
        ));
        child = loop {
            // Cancel safe: neither arm holds anything.
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
            match start(&local, &process).await {
                Ok(next) => break next,
                Err(error) => ui.say(error.render().trim_end()),
            }
        };
    }
}

/// Starts a child and waits until it holds its lock.
async fn start(local: &Local, process: &ChildProcess) -> Outcome<Child> {
    let mut child = spawn(local, process)?;
    while holder(local, process)? != child.id() {
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            let error = CommandError::failed(format!("{} ended at once: {status}", process.name));
            return Err(error.hint(format!("see {}", local.log(&process.name).display())));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(child)
}

fn holder(local: &Local, process: &ChildProcess) -> Outcome<Option<u32>> {
    let lock = local.run(&process.name);
    Ok(koinon_node::lock_holder(&lock)
        .with_context(|| format!("cannot read {}", lock.display()))?)
}

fn spawn(local: &Local, process: &ChildProcess) -> Outcome<Child> {
    let log: PathBuf = local.log(&process.name);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let second = file.try_clone().context("cannot share a log")?;
    let child = Command::new(program::path()?)
        .args(&process.arguments)
        .arg("--lock-file")
        .arg(local.run(&process.name))
        // Children get everything as arguments: the settings of this process are not theirs.
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
    Ok(child.with_context(|| format!("cannot start {}", process.name))?)
}
