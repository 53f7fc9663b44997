//! Steps: commands that run one after the other, each with its time, until one fails.

use std::borrow::Cow;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

/// One command of a task.
#[derive(Clone, Debug)]
pub(crate) struct TaskStep {
    pub(crate) name: &'static str,
    /// The program and its arguments; `cargo` is the one that runs this.
    pub(crate) command: Cow<'static, str>,
    /// Relative to the repository.
    pub(crate) directory: &'static str,
    /// The advice printed when it fails.
    pub(crate) next: &'static str,
}

/// How long a step took.
pub(crate) type Time = (&'static str, Duration);

/// Runs the steps in order and returns the time of each; the first that fails is the error.
pub(crate) fn run(root: &Path, steps: &[TaskStep]) -> Result<Vec<Time>> {
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let place = format!("[{}/{}] {}", index + 1, steps.len(), step.name);
        eprintln!("\n{place}: {}", step.command);
        let start = Instant::now();
        step.run(root)?;
        let time = start.elapsed();
        eprintln!("{place} passed in {}", seconds(time));
        times.push((step.name, time));
    }
    Ok(times)
}

/// Prints the time of each step and of all.
pub(crate) fn summarize(times: &[Time]) {
    eprintln!();
    for (name, time) in times {
        eprintln!("{:>9}  {name}", seconds(*time));
    }
    eprintln!("{:>9}  in all", seconds(times.iter().map(|(_, time)| *time).sum()));
}

impl TaskStep {
    fn run(&self, root: &Path) -> Result<()> {
        let mut words = self.command.split(' ');
        let program = words.next().expect("BUG: split gives at least one word");
        let directory = root.join(self.directory);
        let status = Command::new(resolve(program, &directory))
            .args(words)
            .current_dir(&directory)
            .status()
            .with_context(|| format!("cannot start `{}`", self.command))?;
        if !status.success() {
            bail!("{} failed ({status}): {}\nnext: {}", self.name, self.command, self.next);
        }
        Ok(())
    }
}

/// Returns the path of a program: one with a slash is in the step's directory, because platforms
/// differ in where they look for a relative path.
fn resolve(program: &str, directory: &Path) -> PathBuf {
    match program {
        "cargo" => cargo(),
        _ if program.contains('/') => directory.join(program),
        _ => program.into(),
    }
}

/// Returns the cargo that runs this task.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| "cargo".into(), Into::into)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
