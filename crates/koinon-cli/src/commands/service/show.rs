//! `koinon service show`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::plain;
use serde_json::json;

use super::addresses;
use super::addresses_json;
use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct ServiceShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: ServiceShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let head = contracts.head().await?;
    let view = contracts.at(head.block);
    let name = view.name().await?;
    let parameters = view.parameters().await?;
    let operators = view.operators().await?;
    let governance = contracts.governance_settings().await?;
    if ui.json {
        ui.json(&json!({
            "service": contracts.core,
            "name": name,
            "block": head.block,
            "revision": head.revision,
            "epoch": head.epoch,
            "contracts": addresses_json(&contracts),
            "parameters": parameters.iter().map(|(name, value)| (name.to_string(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
            "governance": governance,
            "operators": operators,
        }));
        return Ok(());
    }
    ui.line(&format!("service   {} ({})", contracts.core, plain(&name)));
    ui.line(&format!("revision  {} at block {}, epoch {}", head.revision, head.block, head.epoch));
    ui.line(&format!("operators {}", operators.len()));
    ui.line(&format!(
        "governed  votes of {} blocks after {}, {} % quorum, timelock {} s, {} stake to propose",
        governance.voting_period,
        governance.voting_delay,
        governance.quorum,
        governance.timelock,
        governance.proposal_threshold
    ));
    for (name, value) in &parameters {
        ui.line(&format!("parameter {name} = {value}"));
    }
    for (name, address) in addresses(&contracts) {
        ui.line(&format!("contract  {name:<10} {address}"));
    }
    Ok(())
}
