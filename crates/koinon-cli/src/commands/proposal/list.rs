//! `koinon proposal list`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::plain;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct ProposalListArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Look from this block on
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    from: u64,
}

pub(crate) async fn run(ui: Ui, args: ProposalListArgs) -> Outcome {
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
            state.to_string(),
            proposal.block.to_string(),
            proposal.id.to_string(),
            plain(&description),
        ]);
    }
    if ui.json {
        ui.json(&data);
    } else {
        ui.table(&rows);
    }
    Ok(())
}
