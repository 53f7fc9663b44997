//! `koinon epoch`: looking at epochs, and moving them on by hand.

use clap::Args;
use clap::Subcommand;
use koinon_model::Epoch;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum EpochCommand {
    /// Show the epoch in force and who opens the next
    Show(ShowArgs),
    /// Do what is due: begin the epochs, open the next one as its beacon, deal (agents do this by themselves)
    Advance(AdvanceArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct AdvanceArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, command: EpochCommand) -> Outcome {
    match command {
        EpochCommand::Show(args) => show(ui, args).await,
        EpochCommand::Advance(args) => advance(ui, args).await,
    }
}

async fn show(ui: Ui, args: ShowArgs) -> Outcome {
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

async fn advance(ui: Ui, args: AdvanceArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let view = contracts.now();
    let mut gas = 0;
    if view.latest_epoch().await?.is_none() {
        gas += contracts.begin().await?.gas;
        ui.say("the epochs have begun");
    }
    let latest = view.latest_epoch().await?;
    if latest.is_some_and(|latest| latest.dealt || latest.number == Epoch(0)) {
        let next = view.next_beacon().await?;
        let Some((_, keys)) = args.network.keys()? else {
            return Err(CommandError::usage("opening an epoch needs its beacon's --keys"));
        };
        let key = keys.beacon()?;
        if key.public() != next.key {
            let error =
                CommandError::failed(format!("the next epoch is {}'s to open", next.operator));
            return Err(
                error.hint("its agent does so by itself; in a local network give --as OPERATOR")
            );
        }
        gas += contracts.open_epoch(&next, &key).await?.gas;
        ui.say("the epoch is open");
    }
    gas += contracts.deal().await?.iter().map(|sent| sent.gas).sum::<u64>();
    let current = view.current_epoch().await?;
    if ui.json {
        ui.json(&json!({ "current": current, "gas": gas }));
    } else if let Some(epoch) = current {
        ui.say(&format!(
            "epoch {} is dealt: {} operators, {} units",
            epoch.number, epoch.operators, epoch.units
        ));
    }
    Ok(())
}
