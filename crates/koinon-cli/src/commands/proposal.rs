//! `koinon proposal`: looking at proposals.

use alloy::primitives::U256;
use clap::Args;
use clap::Subcommand;
use koinon_chain::Contracts;
use koinon_chain::Proposal;
use serde_json::json;

use super::execute::word;
use crate::change::show as show_change;
use crate::change::to_json;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ProposalCommand {
    /// List the proposals of a service
    List(ListArgs),
    /// Show a proposal: where it stands, its votes, and what it changes
    Show(ShowArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Look from this block on
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    from: u64,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// The proposal's number
    proposal: U256,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, command: ProposalCommand) -> Outcome {
    match command {
        ProposalCommand::List(args) => list(ui, args).await,
        ProposalCommand::Show(args) => show(ui, args).await,
    }
}

/// Finds a proposal by its number.
pub(super) async fn find(contracts: &Contracts, id: U256) -> Outcome<Proposal> {
    let proposals = contracts.proposals(0).await?;
    let found = proposals.into_iter().find(|proposal| proposal.id == id);
    found.ok_or_else(|| {
        CommandError::failed(format!("no proposal {id}")).hint("`koinon proposal list` shows all")
    })
}

async fn list(ui: Ui, args: ListArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let mut rows =
        vec![["state", "block", "proposal", "description"].map(ToOwned::to_owned).to_vec()];
    let mut data = Vec::new();
    for proposal in contracts.proposals(args.from).await? {
        let state = contracts.proposal_state(proposal.id).await?;
        let description = proposal.description.clone();
        data.push(json!({
            "proposal": proposal.id.to_string(),
            "state": state,
            "block": proposal.block,
            "proposer": proposal.proposer,
            "description": description,
        }));
        rows.push(vec![
            word(state).to_owned(),
            proposal.block.to_string(),
            proposal.id.to_string(),
            description,
        ]);
    }
    if ui.json {
        ui.json(&data);
    } else {
        ui.table(&rows);
    }
    Ok(())
}

async fn show(ui: Ui, args: ShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let proposal = find(&contracts, args.proposal).await?;
    let state = contracts.proposal_state(proposal.id).await?;
    let [against, favour, abstain] = contracts.proposal_votes(proposal.id).await?;
    let change = proposal.change(&contracts).map_err(|error| {
        let error = CommandError::from(anyhow::Error::from(error));
        error.hint("it is no change of this service's content; read its calls with an EVM tool before voting")
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
            "change": to_json(&change),
        }));
        return Ok(());
    }
    ui.line(&format!("proposal  {}", proposal.id));
    ui.line(&format!("state     {}", word(state)));
    ui.line(&format!("proposer  {}", proposal.proposer));
    ui.line(&format!("says      {}", proposal.description));
    ui.line(&format!("vote      blocks {} to {}", proposal.vote_start + 1, proposal.vote_end));
    ui.line(&format!("votes     {favour} for, {against} against, {abstain} abstained"));
    let old = contracts.at(proposal.block).content().await?;
    let new = contracts.now().changed(&old, &change).await?;
    show_change(ui, &change, &old, &new);
    if let Err(error) = koinon_tosca::open(&new) {
        let warning = format!("no agent would run what it proposes: {error}");
        ui.line(&paint(Tone::Bad, &warning));
    }
    Ok(())
}
