//! `koinon proposal`, `propose`, `vote` and `execute`: proposals from their making to their
//! execution.

mod list;
mod show;

pub(crate) mod execute;
pub(crate) mod propose;
pub(crate) mod vote;

use alloy::primitives::U256;
use clap::Subcommand;
use koinon_chain::Contracts;
use koinon_chain::Proposal;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ProposalCommand {
    /// List the proposals of a service
    List(list::ProposalListArgs),
    /// Show a proposal: where it stands, its votes, and what it changes
    Show(show::ProposalShowArgs),
}

pub(crate) async fn run(ui: Ui, command: ProposalCommand) -> Outcome {
    match command {
        ProposalCommand::List(args) => list::run(ui, args).await,
        ProposalCommand::Show(args) => show::run(ui, args).await,
    }
}

/// Finds a proposal by its id.
async fn find_proposal(contracts: &Contracts, id: U256) -> Outcome<Proposal> {
    contracts.proposal(id).await?.ok_or_else(|| {
        CommandError::failed(format!("no proposal {id}")).hint("`koinon proposal list` shows all")
    })
}
