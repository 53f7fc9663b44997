//! `koinon propose`: puts a change to the vote.

use clap::Args;
use koinon_chain::Contracts;
use koinon_chain::Head;
use koinon_chain::Proposal;
use serde_json::json;

use super::diff::show_moves;
use crate::change::Draft;
use crate::change::current;
use crate::change::to_json;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  koinon propose examples/sharding-network -I shards=5 --dry-run
  koinon propose examples/sharding-network -I shards=5 --as alice --description 'A fifth shard'")]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    network: NetworkArgs,

    /// What the voters are told
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,

    /// Show the change and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(ui: Ui, args: ProposeArgs) -> Outcome {
    let signing = if args.dry_run { Signing::No } else { Signing::Yes };
    let contracts = args.network.contracts(signing).await?;
    let (head, content, service) = current(&contracts).await?;
    let compiled = args.template.compile_for(service.as_ref())?;
    let draft = Draft::new(head, content, &compiled)?;
    propose_draft(ui, &contracts, &draft, &args.description, args.dry_run).await
}

/// Shows the draft and, unless it is a dry run or changes nothing, proposes it.
pub(super) async fn propose_draft(
    ui: Ui,
    contracts: &Contracts,
    draft: &Draft,
    description: &str,
    dry_run: bool,
) -> Outcome {
    if !ui.json {
        draft.show(ui);
        if let Some(moves) = draft.moves(contracts).await? {
            show_moves(ui, &moves);
        }
    }
    if draft.change.is_empty() || dry_run {
        let text = if dry_run {
            "dry run: nothing was sent"
        } else {
            "nothing differs: no proposal was made"
        };
        ui.say(text);
        if ui.json {
            ui.json(&json!({ "proposal": null, "change": to_json(&draft.change) }));
        }
        return Ok(());
    }
    let (proposal, gas) = propose(contracts, draft, description).await?;
    if ui.json {
        ui.json(&json!({
            "proposal": proposal.id.to_string(),
            "vote_start": proposal.vote_start,
            "vote_end": proposal.vote_end,
            "gas": gas,
            "change": to_json(&draft.change),
        }));
    } else {
        ui.line(&proposal.id.to_string());
        ui.say(&format!(
            "the vote lasts from block {} to {}",
            proposal.vote_start + 1,
            proposal.vote_end
        ));
        ui.say(&format!("next: koinon vote {} for", proposal.id));
    }
    Ok(())
}

/// Publishes the draft's objects and proposes its change. Returns the proposal and the gas of all.
pub(super) async fn propose(
    contracts: &Contracts,
    draft: &Draft,
    description: &str,
) -> Outcome<(Proposal, u64)> {
    let published = contracts.publish(draft.objects()).await?;
    // The governor tells proposals apart by their content: the block keeps a repeated change apart. The last words keep
    // others from proposing the same first, and then cancelling it (OpenZeppelin's Governor, `_isValidDescriptionForProposer`).
    let text = if description.is_empty() { "Change" } else { description };
    let proposer = contracts.chain().sender().unwrap_or_default();
    let Head { revision, block, .. } = draft.head;
    let description =
        format!("{text} (of revision {revision} at block {block}) #proposer={proposer:#x}");
    let (proposal, sent) = contracts.propose(&draft.change, &description).await?;
    Ok((proposal, published.iter().map(|sent| sent.gas).sum::<u64>() + sent.gas))
}
