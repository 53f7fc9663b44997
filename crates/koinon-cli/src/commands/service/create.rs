//! `koinon service create`.

use alloy::primitives::Address;
use alloy::primitives::U256;
use clap::Args;
use koinon_chain::Contracts;
use koinon_chain::CreateSettings;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Ui;
use serde_json::json;

use super::addresses_json;
use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  koinon service create service.yaml --rpc-url URL --keystore account.json --password-file pw"
)]
pub(crate) struct ServiceCreateArgs {
    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    network: NetworkArgs,

    /// Price of one stake, in wei
    #[arg(long, default_value_t = CreateSettings::DENOMINATION, value_name = "WEI")]
    denomination: U256,

    /// Store of values to share with other services; default: deploy a new one
    #[arg(long, value_name = "ADDRESS")]
    blobs: Option<Address>,
}

pub(crate) async fn run(ui: Ui, args: ServiceCreateArgs) -> Outcome {
    let service = args.template.preview()?;
    let chain = args.network.chain(Signing::Yes).await?;
    let stage = ui.stage("contracts");
    let settings = CreateSettings::for_service(&service, args.denomination, args.blobs);
    let created = Contracts::create(chain, &settings).await?;
    stage.done(&format!("{} at {}", service.name, created.contracts.core), Some(created.gas));
    if ui.json {
        ui.json(&json!({
            "service": created.contracts.core,
            "name": service.name,
            "block": created.block,
            "gas": created.gas,
            "contracts": addresses_json(&created.contracts),
        }));
    } else {
        ui.line(&created.contracts.core.to_string());
        ui.say("next: stake, then `koinon propose TEMPLATE --service ADDRESS`");
    }
    Ok(())
}
