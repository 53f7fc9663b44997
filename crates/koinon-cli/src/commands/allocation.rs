//! `koinon allocation`: who runs what, and why.

use alloy::primitives::Address;
use clap::Args;
use clap::Subcommand;
use koinon_model::Slot;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Kind;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum AllocationCommand {
    /// Show every slot with its operator
    Show(ShowArgs),
    /// Explain why an operator has a slot, and check it against the contract
    Explain(ExplainArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon allocation explain worker/2/4")]
pub(crate) struct ExplainArgs {
    /// The slot: SET/GROUP/PLACE
    slot: Slot,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, command: AllocationCommand) -> Outcome {
    match command {
        AllocationCommand::Show(args) => show(ui, args).await,
        AllocationCommand::Explain(args) => explain(ui, args).await,
    }
}

fn none_yet() -> CommandError {
    CommandError::failed("nothing is dealt yet").hint("`koinon epoch show` says what is missing")
}

async fn show(ui: Ui, args: ShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let view = contracts.at(contracts.chain().block_number().await?);
    let allocation = view.allocation().await?.ok_or_else(none_yet)?;
    let names = view.names().await?;
    let mut rows = vec![["slot", "node", "operator"].map(ToOwned::to_owned).to_vec()];
    let mut data = Vec::new();
    for (slot, filled) in allocation.slots() {
        let name = filled.and_then(|filled| names.get(&filled.operator).cloned());
        let node = filled.zip(name.clone()).map(|(filled, name)| format!("{name}/{}", filled.unit));
        let operator = filled.map(|filled| filled.operator);
        data.push(json!({ "slot": slot, "operator": operator, "name": name, "node": node }));
        let shown = operator.map_or_else(|| "vacant".to_owned(), |operator| operator.to_string());
        rows.push(vec![slot.to_string(), node.unwrap_or_else(|| "-".to_owned()), shown]);
    }
    if ui.json {
        ui.json(&data);
    } else {
        ui.table(&rows);
    }
    Ok(())
}

async fn explain(ui: Ui, args: ExplainArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let view = contracts.at(contracts.chain().block_number().await?);
    let epoch = view.current_epoch().await?.ok_or_else(none_yet)?;
    let allocation = view.allocation().await?.ok_or_else(none_yet)?;
    if !allocation.contains(&args.slot) {
        let sets: Vec<String> = allocation
            .sets()
            .map(|set| format!("{} of {} x {}", set.name, set.groups, set.size))
            .collect();
        let error = CommandError::failed(format!("no slot {}", args.slot));
        return Err(error.hint(format!("there are {}", sets.join(", "))));
    }
    let trace = allocation.explain(&args.slot);
    let filled = allocation.filled(&args.slot);
    let (operator, unit) = view.operator_of(&args.slot).await?;
    let agrees = filled.map_or((Address::ZERO, 0), |filled| (filled.operator, filled.unit))
        == (operator, unit);
    let name = match filled {
        Some(filled) => Some(view.operator(filled.operator).await?.name),
        None => None,
    };
    if ui.json {
        ui.json(&json!({
            "slot": args.slot,
            "epoch": epoch.number,
            "seed": epoch.seed,
            "slots": allocation.slot_count(),
            "units": allocation.units(),
            "trace": trace,
            "operator": filled.map(|filled| filled.operator),
            "name": name,
            "unit": filled.map(|filled| filled.unit),
            "contract_agrees": agrees,
        }));
    } else {
        ui.line(&format!("slot      {} in epoch {}", args.slot, epoch.number));
        ui.line(&format!("seed      {}, proved by {}", epoch.seed, epoch.beacon));
        if let Some(trace) = &trace {
            ui.line(&format!(
                "pick      {} of {}: turn {} of group {} is {} after the shuffle",
                trace.pick,
                allocation.slot_count(),
                args.slot.place,
                args.slot.group,
                trace.turn
            ));
            match trace.unit {
                Some(unit) => ui.line(&format!(
                    "unit      {unit} of {} = floor(({} x {} + {}) / {})",
                    allocation.units(),
                    trace.pick,
                    allocation.units(),
                    trace.offset,
                    allocation.slot_count()
                )),
                None => {
                    ui.line(&format!(
                        "unit      none: there are {} units only",
                        allocation.units()
                    ));
                }
            }
        }
        match (filled, name) {
            (Some(filled), Some(name)) => {
                ui.line(&format!(
                    "operator  {name} ({}), its unit {}",
                    filled.operator, filled.unit
                ));
            }
            _ => ui.line("operator  none: the slot is vacant"),
        }
        ui.line(&format!("contract  {}", if agrees { "agrees" } else { "says otherwise" }));
    }
    if agrees {
        return Ok(());
    }
    Err(CommandError::new(
        Kind::Unhealthy,
        format!("the contract says {operator} with unit {unit}"),
    ))
}
