//! `koinon down`: ends a local network, whatever is left of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::local::Local;
use crate::ui::Ui;

#[derive(Args, Debug)]
pub(crate) struct DownArgs {
    /// Directory of the network
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Remove the network's directory as well: chain, keys, everything
    #[arg(long)]
    purge: bool,
}

/// How long a process may take to end: an agent stops its nodes first.
const GRACE: Duration = Duration::from_secs(15);

pub(crate) async fn run(ui: Ui, args: DownArgs) -> Outcome {
    let Some(local) = Local::find(args.dir.as_deref())? else {
        return Err(CommandError::usage("no local network here").hint("give --dir DIR"));
    };
    if local.record()?.is_none() {
        let error = CommandError::usage(format!("{} is no local network", local.dir.display()));
        return Err(error.hint("a network's directory has a network.json; `koinon up` makes one"));
    }
    let ended = end_all(&local, "up").await?;
    if args.purge {
        let removed = std::fs::remove_dir_all(&local.dir);
        removed.with_context(|| format!("cannot remove {}", local.dir.display()))?;
    }
    if ui.json {
        ui.json(&json!({ "dir": local.dir, "ended": ended, "purged": args.purge }));
    } else {
        ui.say(&format!("ended {} processes of {}", ended, local.dir.display()));
    }
    Ok(())
}

/// Ends every process of the network: first `first`, then agents, nodes that are left, and the chain. Returns how many.
pub(super) async fn end_all(local: &Local, first: &str) -> Outcome<usize> {
    let mut locks = vec![local.run(first)];
    locks.extend(
        entries(&local.dir.join("run")).into_iter().filter(|path| *path != local.run("chain")),
    );
    for agent in entries(&local.dir.join("agents")) {
        locks.extend(entries(&agent.join("nodes")).into_iter().map(|node| node.join("lock")));
    }
    locks.push(local.run("chain"));
    let mut ended = 0;
    for lock in locks {
        let looked = || format!("cannot look at {}", lock.display());
        let own = koinon_node::holder(&lock).with_context(looked)? == Some(std::process::id());
        if own || !koinon_node::is_held(&lock).with_context(looked)? {
            continue;
        }
        let gone = koinon_node::end_holder(&lock, GRACE).await;
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

fn entries(dir: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}
