//! `koinon launch`: what a node's process is before it becomes the node's program.

use std::path::PathBuf;

use clap::Args;

use crate::error::Outcome;

#[derive(Args, Debug)]
pub(crate) struct LaunchArgs {
    /// The node's directory
    dir: PathBuf,
}

pub(crate) fn run(args: &LaunchArgs) -> Outcome {
    Err(anyhow::Error::from(koinon_node::launch(&args.dir)).into())
}
