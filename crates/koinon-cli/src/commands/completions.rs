//! `koinon completions`: completion scripts for shells.

use clap::Args;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use crate::error::Outcome;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Outcome {
    clap_complete::generate(args.shell, &mut Cli::command(), "koinon", &mut std::io::stdout());
    Ok(())
}
