//! `koinon vote`: votes on a proposal.

use std::time::Duration;

use alloy::primitives::U256;
use clap::Args;
use clap::ValueEnum;
use koinon_chain::ProposalState;
use serde_json::json;

use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

/// How often to look whether the vote has begun.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon vote 1093…27 for --as bob")]
pub(crate) struct VoteArgs {
    /// The proposal's number
    proposal: U256,

    /// The vote
    #[arg(value_enum)]
    vote: Support,

    #[command(flatten)]
    network: NetworkArgs,

    /// Do not wait for the vote to begin
    #[arg(long)]
    no_wait: bool,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Support {
    /// For it
    For,
    /// Against it
    Against,
    /// Neither, but it counts for the quorum
    Abstain,
}

pub(crate) async fn run(ui: Ui, args: VoteArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let vote = match args.vote {
        Support::For => koinon_chain::Vote::For,
        Support::Against => koinon_chain::Vote::Against,
        Support::Abstain => koinon_chain::Vote::Abstain,
    };
    while !args.no_wait && contracts.proposal_state(args.proposal).await? == ProposalState::Pending
    {
        tokio::time::sleep(LOOK).await;
    }
    let sent = contracts.vote(args.proposal, vote).await?;
    if ui.json {
        ui.json(
            &json!({ "proposal": args.proposal.to_string(), "vote": vote, "transaction": sent }),
        );
    } else {
        ui.say(&format!("voted in block {}", sent.block));
    }
    Ok(())
}
