//! `koinon allocation explain`.

use alloy::primitives::Address;
use clap::Args;
use koinon_command::CommandError;
use koinon_command::FailureKind;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_model::Slot;
use serde_json::json;

use super::nothing_dealt;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::show::allocation::show_epoch;
use crate::show::allocation::show_trace;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  koinon allocation explain worker/2/4")]
pub(crate) struct AllocationExplainArgs {
    /// The slot: SET/GROUP/PLACE
    slot: Slot,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: AllocationExplainArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let view = contracts.at(contracts.chain().block_number().await?);
    let epoch = view.current_epoch().await?.ok_or_else(nothing_dealt)?;
    let allocation = view.allocation().await?.ok_or_else(nothing_dealt)?;
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
        show_epoch(ui, &args.slot, &epoch);
        show_trace(ui, &args.slot, &allocation);
        match (filled, name) {
            (Some(filled), Some(name)) => {
                let (account, unit) = (filled.operator, filled.unit);
                ui.line(&format!("operator  {name} ({account}), its unit {unit}"));
            }
            _ => ui.line("operator  none: the slot is vacant"),
        }
        ui.line(&format!("contract  {}", if agrees { "agrees" } else { "disagrees" }));
    }
    if agrees {
        return Ok(());
    }
    Err(CommandError::new(
        FailureKind::Unhealthy,
        format!("the contract says {operator} with unit {unit}"),
    ))
}
