//! The processes of a local network: its chain and its agents.

use std::ffi::OsString;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::plain;
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
    /// Cancelled when a child was given up, which was said then.
    given_up: CancellationToken,
}

/// The name and the arguments of a child.
#[derive(Clone, Debug)]
pub(super) struct ChildProcess {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
}

impl Children {
    /// Starts a child and waits until it holds its lock. A child that lives is adopted: it may have
    /// survived an earlier `up`.
    pub(super) async fn ensure(&self, ui: Ui, local: &Local, process: ChildProcess) -> Outcome {
        let mut child = None;
        if holder(local, &process)?.is_none() {
            // In a task, so that the wait for the lock goes on even if this future is dropped.
            let (task_local, task_process) = (local.clone(), process.clone());
            let start = self.tasks.spawn(async move { start(&task_local, &task_process).await });
            child = match start.await.context("cannot start a process")?? {
                Ok(child) => Some(child),
                Err(status) => {
                    let log = local.log(&process.name);
                    let text = format!("{} ended at once: {status}", process.name);
                    let error = CommandError::failed(text);
                    let words = last_line(&log).map(|words| format!("it said: {words}"));
                    let error = words.into_iter().fold(error, CommandError::hint);
                    return Err(error.hint(format!("see {}", log.display())));
                }
            };
        }
        let supervisor = Supervisor {
            ui,
            local: local.clone(),
            process,
            stop: self.supervision.clone(),
            given_up: self.given_up.clone(),
        };
        self.tasks.spawn(supervisor.run(child));
        Ok(())
    }

    /// Returns a token that is cancelled when a child ends again and again.
    pub(super) fn given_up(&self) -> CancellationToken {
        self.given_up.clone()
    }

    /// Stops starting children again. Afterwards every living child holds its lock, through which
    /// it can be ended.
    pub(super) async fn stop_supervising(&self) {
        self.supervision.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The variables that children need: where things are, how people write, and what to log.
const ENVIRONMENT: [&str; 8] =
    ["HOME", "KOINON_LOG", "LANG", "LC_ALL", "PATH", "RUST_BACKTRACE", "TMPDIR", "TZ"];

/// The exit code of an agent whose chain is away, which may come back.
const UNREACHABLE: i32 = 4;

/// Watches one child, and starts it again when it ends.
struct Supervisor {
    ui: Ui,
    local: Local,
    process: ChildProcess,
    stop: CancellationToken,
    given_up: CancellationToken,
}

impl Supervisor {
    /// A child that ends sooner has not run.
    const RAN: Duration = Duration::from_secs(10);
    /// A child that ended by itself without having run, so many times in a row, is left alone for
    /// long. One that a signal ended may be started as often as somebody does that.
    const MAX_FAILURES: u32 = 5;
    /// The pause before a child is started again that does not run: somebody has to mend it.
    const LONG_PAUSE: Duration = Duration::from_secs(30);
    /// The pause before a child is started again, and between two looks at an adopted one.
    const PAUSE: Duration = Duration::from_secs(1);

    /// Runs until it is stopped; `child` is `None` where the process was started by an earlier
    /// `up`.
    async fn run(self, mut child: Option<Child>) {
        let mut failures = 0;
        loop {
            let started = Instant::now();
            // Cancel safe: the runtime reaps a child that nobody waits for.
            let mut ended = tokio::select! {
                ended = self.end_of(&mut child) => ended,
                () = self.stop.cancelled() => return,
            };
            if started.elapsed() >= Self::RAN {
                failures = 0;
            }
            child = loop {
                let by_itself =
                    ended.and_then(|status| status.code()).is_some_and(|code| code != UNREACHABLE);
                failures = if by_itself { failures + 1 } else { 0 };
                if self.stop.is_cancelled() {
                    return;
                }
                let pause = self.say_end(ended, failures);
                // Cancel safe: neither arm holds anything.
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = self.stop.cancelled() => return,
                }
                match start(&self.local, &self.process).await {
                    Ok(Ok(next)) => break Some(next),
                    Ok(Err(status)) => ended = Some(status),
                    Err(error) => self.ui.say(error.render().trim_end()),
                }
            };
        }
    }

    /// Says how the child ended, with the last words of its log, and returns when to start it
    /// again. One that does not run at all ends a bring-up; a network that is up waits for it.
    fn say_end(&self, ended: Option<ExitStatus>, failures: u32) -> Duration {
        let name = &self.process.name;
        let how = ended.map_or_else(|| "unseen".to_owned(), |status| status.to_string());
        let path = self.local.log(name);
        let words = last_line(&path).map_or_else(String::new, |words| format!(": {words}"));
        let log = path.display();
        if failures < Self::MAX_FAILURES {
            self.ui.say(&format!("{name} ended ({how}) and is started again; see {log}{words}"));
            return Self::PAUSE;
        }
        let seconds = Self::LONG_PAUSE.as_secs();
        self.ui.say(&format!(
            "{name} ended {failures} times ({how}) and is left alone for {seconds} s; see \
             {log}{words}"
        ));
        self.given_up.cancel();
        Self::LONG_PAUSE
    }

    /// Waits for the end of the process; `None` if nobody saw how it ended.
    async fn end_of(&self, child: &mut Option<Child>) -> Option<ExitStatus> {
        if let Some(child) = child {
            return child.wait().await.ok();
        }
        // It is no child of this process: its lock says whether it lives.
        while !matches!(holder(&self.local, &self.process), Ok(None)) {
            tokio::time::sleep(Self::PAUSE).await;
        }
        None
    }
}

/// Returns the last line of a log that has words, made safe to show.
fn last_line(log: &Path) -> Option<String> {
    /// Bytes that are read from the end.
    const TAIL: u64 = 4_096;
    let mut file = File::open(log).ok()?;
    let end = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    let line = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(plain(line.trim()))
}

/// Starts a child and waits until it holds its lock; returns its status if it ended before.
async fn start(local: &Local, process: &ChildProcess) -> Outcome<Result<Child, ExitStatus>> {
    let mut child = spawn(local, process)?;
    while holder(local, process)? != child.id() {
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            return Ok(Err(status));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(Ok(child))
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
    // Neither is what the shell left open.
    close_fds::set_fds_cloexec(3, &[]);
    let kept = ENVIRONMENT.into_iter();
    let child = Command::new(program::path()?)
        .args(&process.arguments)
        .arg("--lock-file")
        .arg(local.run(&process.name))
        // Children get everything else as arguments: what is in the environment is not theirs.
        .env_clear()
        .envs(kept.filter_map(|name| Some((name, std::env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(second)
        .process_group(0)
        .spawn();
    Ok(child.with_context(|| format!("cannot start {}", process.name))?)
}
