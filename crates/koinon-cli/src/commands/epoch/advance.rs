//! `koinon epoch advance`.

use clap::Args;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_model::Epoch;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct EpochAdvanceArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: EpochAdvanceArgs) -> Outcome {
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
