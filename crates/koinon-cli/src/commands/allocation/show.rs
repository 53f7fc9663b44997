//! `koinon allocation show`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use super::nothing_dealt;
use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct AllocationShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: AllocationShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let view = contracts.at(contracts.chain().block_number().await?);
    let allocation = view.allocation().await?.ok_or_else(nothing_dealt)?;
    let names = view.names(&allocation).await?;
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
