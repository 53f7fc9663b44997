//! The end of a network's processes.

use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;

use crate::local::Local;

/// Time within which a process must end: an agent stops its nodes first.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// Ends every process of the network: first `first`, then agents, nodes that are left, and the
/// chain. Returns the number of ended processes.
pub(crate) async fn end_processes(local: &Local, first: &str) -> Outcome<usize> {
    let mut locks = vec![local.run(first)];
    let others = entries(&local.dir.join("run")).into_iter();
    locks.extend(others.filter(|path| *path != local.run("chain")));
    for agent in entries(&local.dir.join("agents")) {
        locks.extend(entries(&agent.join("nodes")).into_iter().map(|node| node.join("lock")));
    }
    locks.push(local.run("chain"));
    let mut ended = 0;
    for lock in locks {
        let failed = || format!("cannot read {}", lock.display());
        let own = koinon_node::lock_holder(&lock).with_context(failed)? == Some(std::process::id());
        if own || !koinon_node::is_lock_held(&lock).with_context(failed)? {
            continue;
        }
        let gone = koinon_node::end_lock_holder(&lock, END_TIMEOUT).await;
        if !gone.with_context(|| format!("cannot end the holder of {}", lock.display()))? {
            return Err(CommandError::failed(format!(
                "the process that holds {} does not end",
                lock.display()
            )));
        }
        ended += 1;
    }
    Ok(ended)
}

/// Returns the paths in a directory; none if it does not exist.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
