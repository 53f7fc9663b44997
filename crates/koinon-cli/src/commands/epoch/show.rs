//! `koinon epoch show`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_model::Epoch;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct EpochShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: EpochShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let block = contracts.chain().block_number().await?;
    let view = contracts.at(block);
    let (current, latest) = (view.current_epoch().await?, view.latest_epoch().await?);
    let next = match &latest {
        Some(latest) if latest.dealt || latest.number == Epoch(0) => {
            Some(view.next_beacon().await?)
        }
        Some(_) | None => None,
    };
    if ui.json {
        let next = next.map(|next| json!({ "beacon": next.operator, "opens_at": next.opens_at }));
        ui.json(&json!({ "block": block, "current": current, "latest": latest, "next": next }));
        return Ok(());
    }
    match &current {
        Some(epoch) => {
            ui.line(&format!("epoch     {} opened at block {}", epoch.number, epoch.opened_at));
            ui.line(&format!("seed      {}", epoch.seed));
            ui.line(&format!("beacon    {}", epoch.beacon));
            ui.line(&format!("dealt     {} operators, {} units", epoch.operators, epoch.units));
            ui.line(&format!("snapshot  block {}", epoch.snapshot));
        }
        None => ui.line("epoch     none is in force yet"),
    }
    if let Some(latest) = latest.filter(|latest| !latest.dealt && latest.number > Epoch(0)) {
        ui.line(&format!(
            "dealing   {} of {} operators of epoch {}",
            latest.operators, latest.members, latest.number
        ));
    }
    if let Some(next) = next {
        ui.line(&format!(
            "next      by {} from block {} (now {block})",
            next.operator, next.opens_at
        ));
    }
    Ok(())
}
