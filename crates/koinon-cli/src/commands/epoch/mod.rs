//! `koinon epoch`: show epochs, and advance them by hand.

mod advance;
mod show;

use clap::Subcommand;
use koinon_command::Outcome;
use koinon_command::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum EpochCommand {
    /// Show the epoch in force, and the operator that opens the next epoch
    Show(show::EpochShowArgs),
    /// Take the steps that are due: begin the epochs, open the next epoch as its beacon, deal it;
    /// agents take them by themselves
    Advance(advance::EpochAdvanceArgs),
}

pub(crate) async fn run(ui: Ui, command: EpochCommand) -> Outcome {
    match command {
        EpochCommand::Show(args) => show::run(ui, args).await,
        EpochCommand::Advance(args) => advance::run(ui, args).await,
    }
}
