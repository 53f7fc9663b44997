//! `koinon proposal show`.

use clap::Args;
use koinon_chain::ProposalVotes;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;
use koinon_command::plain;
use serde_json::json;

use super::ProposalName;
use super::find_proposal;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::show::change::change_to_json;
use crate::show::change::show_change;

#[derive(Args, Debug)]
pub(crate) struct ProposalShowArgs {
    /// The proposal: its number, the first digits of it, or `latest`
    proposal: ProposalName,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: ProposalShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let proposal = find_proposal(&contracts, &args.proposal).await?;
    let state = contracts.proposal_state(proposal.id).await?;
    let ProposalVotes { against, in_favor: favour, abstain } =
        contracts.proposal_votes(proposal.id).await?;
    let change = proposal.change(&contracts).map_err(|error| {
        CommandError::from(anyhow::Error::from(error)).hint(
            "it does not change this service's content; read its calls with an EVM tool before voting",
        )
    })?;
    if ui.json {
        ui.json(&json!({
            "proposal": proposal.id.to_string(),
            "state": state,
            "proposer": proposal.proposer,
            "description": proposal.description.clone(),
            "vote_start": proposal.vote_start,
            "vote_end": proposal.vote_end,
            "votes": {
                "for": favour.to_string(),
                "against": against.to_string(),
                "abstain": abstain.to_string(),
            },
            "change": change_to_json(&change),
        }));
        return Ok(());
    }
    ui.line(&format!("proposal  {}", proposal.id));
    ui.line(&format!("state     {state}"));
    ui.line(&format!("proposer  {}", proposal.proposer));
    ui.line(&format!("says      {}", plain(&proposal.description)));
    ui.line(&format!("vote      blocks {} to {}", proposal.vote_start + 1, proposal.vote_end));
    ui.line(&format!("votes     {favour} for, {against} against, {abstain} abstained"));
    let old = contracts.at(proposal.block).content().await?;
    let new = contracts.now().content_after(&old, &change).await?;
    show_change(ui, &change, &old, &new);
    if let Err(error) = koinon_tosca::open(&new) {
        ui.line(&paint(Tone::Bad, "no agent can run the proposed content:"));
        ui.line(CommandError::from(error).render().trim_end());
    }
    Ok(())
}
