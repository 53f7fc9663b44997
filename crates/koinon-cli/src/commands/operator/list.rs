//! `koinon operator list`.

use clap::Args;
use koinon_chain::OperatorRecord;
use koinon_command::Outcome;
use koinon_command::Ui;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct OperatorListArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: OperatorListArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let operators = contracts.now().operators().await?;
    if ui.json {
        ui.json(&operators);
        return Ok(());
    }
    let mut rows = vec![["name", "account", "stake", "joined at"].map(ToOwned::to_owned).to_vec()];
    for operator in operators {
        let OperatorRecord { name, account, stake, joined_at, .. } = operator;
        rows.push(vec![name, account.to_string(), stake.to_string(), joined_at.to_string()]);
    }
    ui.table(&rows);
    Ok(())
}
