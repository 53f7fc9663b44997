//! `koinon launch`: what a node's process is before it becomes the node's program.

use std::path::PathBuf;

use clap::Args;

use crate::error::Outcome;

/// Become the program of a node (agents run this)
#[derive(Args, Debug)]
pub(crate) struct LaunchArgs {
    /// The node's directory
    dir: PathBuf,
}

pub(crate) fn run(args: &LaunchArgs) -> Outcome {
    Err(anyhow::Error::from(koinon_node::launch(&args.dir)).into())
}
