//! `koinon launch`: the process of a node, before it becomes the node's program.

use std::path::PathBuf;

use clap::Args;
use koinon_command::Outcome;

#[derive(Args, Debug)]
pub(crate) struct LaunchArgs {
    /// The node's directory
    dir: PathBuf,
}

pub(crate) fn run(args: &LaunchArgs) -> Outcome {
    Err(anyhow::Error::from(koinon_node::launch(&args.dir)).into())
}
