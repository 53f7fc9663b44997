//! Steps: commands that run one after the other, each with its time, until one fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One command of a task.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// The program and its arguments; `cargo` is the one that runs this.
    pub(crate) command: &'static str,
    /// Relative to the repository.
    pub(crate) directory: &'static str,
    /// What to do when it fails.
    pub(crate) next: &'static str,
}

/// Runs the steps in order and prints the time of each; the first that fails is the error.
pub(crate) fn run(root: &Path, steps: &[Step]) -> Result<()> {
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        eprintln!("\n[{}/{}] {}: {}", index + 1, steps.len(), step.name, step.command);
        let start = Instant::now();
        step.run(root)?;
        let time = start.elapsed();
        eprintln!("[{}/{}] {} passed in {}", index + 1, steps.len(), step.name, seconds(time));
        times.push((step.name, time));
    }
    eprintln!();
    for (name, time) in &times {
        eprintln!("{:>9}  {name}", seconds(*time));
    }
    eprintln!("{:>9}  in all", seconds(times.iter().map(|(_, time)| *time).sum()));
    Ok(())
}

impl Step {
    fn run(&self, root: &Path) -> Result<()> {
        let mut words = self.command.split(' ');
        let program = words.next().expect("split gives at least one word");
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

/// A program with a slash is in the step's directory; whether a relative one would be found there otherwise depends on
/// the platform.
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
