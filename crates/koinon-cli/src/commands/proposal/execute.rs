//! `koinon execute`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use super::ProposalName;
use super::find_proposal;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::proposal::WaitForVote;
use crate::proposal::execute_proposal;

#[derive(Args, Debug)]
pub(crate) struct ExecuteArgs {
    /// The proposal: its number, the first digits of it, or `latest`
    proposal: ProposalName,

    #[command(flatten)]
    network: NetworkArgs,

    /// Queue it if need be, but do not wait for the end of the vote or the timelock
    #[arg(long)]
    no_wait: bool,
}

pub(crate) async fn run(ui: Ui, args: ExecuteArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let proposal = find_proposal(&contracts, &args.proposal).await?;
    let wait = if args.no_wait { WaitForVote::No } else { WaitForVote::Yes };
    let gas = execute_proposal(&contracts, &proposal, wait).await?;
    let state = contracts.proposal_state(proposal.id).await?;
    let revision = contracts.now().revision().await?;
    if ui.json {
        ui.json(
            &json!({ "proposal": proposal.id.to_string(), "state": state, "revision": revision, "gas": gas }),
        );
    } else {
        ui.say(&format!("the proposal is {state}; the service is at revision {revision}"));
    }
    Ok(())
}
