//! `koinon vote`.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use koinon_chain::ProposalState;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::plain;
use serde_json::json;

use super::ProposalName;
use super::find_proposal;
use crate::network::NetworkArgs;
use crate::network::Signing;

/// Pause between two reads of the proposal's state, until the vote begins.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon vote latest for --as bob")]
pub(crate) struct VoteArgs {
    /// The proposal: its number, the first digits of it, or `latest`
    proposal: ProposalName,

    /// The vote
    #[arg(value_enum)]
    vote: VoteArg,

    #[command(flatten)]
    network: NetworkArgs,

    /// Do not wait for the vote to begin
    #[arg(long)]
    no_wait: bool,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VoteArg {
    /// For it
    For,
    /// Against it
    Against,
    /// Neither; counts for the quorum only
    Abstain,
}

pub(crate) async fn run(ui: Ui, args: VoteArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let vote = match args.vote {
        VoteArg::For => koinon_chain::Vote::For,
        VoteArg::Against => koinon_chain::Vote::Against,
        VoteArg::Abstain => koinon_chain::Vote::Abstain,
    };
    let found = find_proposal(&contracts, &args.proposal).await?;
    // Somebody may have made another one a moment ago.
    ui.say(&format!("proposal {}: {}", found.id, plain(&found.description)));
    let proposal = found.id;
    while !args.no_wait && contracts.proposal_state(proposal).await? == ProposalState::Pending {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let sent = contracts.vote(proposal, vote).await?;
    if ui.json {
        ui.json(&json!({ "proposal": proposal.to_string(), "vote": vote, "transaction": sent }));
    } else {
        ui.say(&format!("voted in block {}", sent.block));
    }
    Ok(())
}
