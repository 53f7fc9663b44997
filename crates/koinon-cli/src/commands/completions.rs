//! `koinon completions`.

use clap::Args;
use clap::Command;
use clap::CommandFactory;
use clap_complete::Shell;
use koinon_command::Outcome;

use super::Cli;
use crate::external::SHIPPED;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs) -> Outcome {
    let external = SHIPPED.map(|shipped| Command::new(shipped.name).about(shipped.about));
    let mut command = Cli::command().subcommands(external);
    clap_complete::generate(args.shell, &mut command, "koinon", &mut std::io::stdout());
    Ok(())
}
