//! `koinon down`: ends the processes of a local network, however it was left.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::bringup::end_processes;
use crate::local::Local;

#[derive(Args, Debug)]
pub(crate) struct DownArgs {
    /// Directory of the network
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Also remove the network's directory: chain, keys, everything
    #[arg(long)]
    purge: bool,
}

pub(crate) async fn run(ui: Ui, args: DownArgs) -> Outcome {
    let Some(local) = Local::find(args.dir.as_deref())? else {
        return Err(CommandError::usage("no local network here").hint("give --dir DIR"));
    };
    if local.record()?.is_none() {
        let error = CommandError::usage(format!("{} is not a local network", local.dir.display()));
        return Err(error.hint("a network's directory has a network.json; `koinon up` makes one"));
    }
    let ended = end_processes(&local, "up").await?;
    if args.purge {
        let removed = std::fs::remove_dir_all(&local.dir);
        removed.with_context(|| format!("cannot remove {}", local.dir.display()))?;
    }
    if ui.json {
        ui.json(&json!({ "dir": local.dir, "ended": ended, "purged": args.purge }));
    } else {
        ui.say(&format!("ended {ended} processes of {}", local.dir.display()));
    }
    Ok(())
}
