//! `koinon allocation`: the operator of each slot, and the reason.

mod explain;
mod show;

use clap::Subcommand;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum AllocationCommand {
    /// Show every slot with its operator
    Show(show::AllocationShowArgs),
    /// Explain why an operator has a slot, and check it against the contract
    Explain(explain::AllocationExplainArgs),
}

pub(crate) async fn run(ui: Ui, command: AllocationCommand) -> Outcome {
    match command {
        AllocationCommand::Show(args) => show::run(ui, args).await,
        AllocationCommand::Explain(args) => explain::run(ui, args).await,
    }
}

/// Returns the error before the first deal.
fn nothing_dealt() -> CommandError {
    CommandError::failed("nothing is dealt yet").hint("`koinon epoch show` says what is missing")
}
