//! `koinon service list`.

use clap::Args;
use koinon_chain::find_services;
use koinon_command::Outcome;
use koinon_command::Ui;
use koinon_command::plain;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct ServiceListArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// First block to search
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    from: u64,
}

pub(crate) async fn run(ui: Ui, args: ServiceListArgs) -> Outcome {
    let chain = args.network.chain(Signing::No).await?;
    let services = find_services(&chain, args.from).await?;
    if ui.json {
        ui.json(&services);
        return Ok(());
    }
    let mut rows = vec![["address", "name", "creator", "block"].map(ToOwned::to_owned).to_vec()];
    for found in services {
        rows.push(vec![
            found.address.to_string(),
            plain(&found.name),
            found.creator.to_string(),
            found.block.to_string(),
        ]);
    }
    ui.table(&rows);
    Ok(())
}
