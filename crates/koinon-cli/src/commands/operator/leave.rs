//! `koinon operator leave`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct OperatorLeaveArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Withdraw the stake that was given up earlier and is due now
    #[arg(long)]
    withdraw: bool,
}

pub(crate) async fn run(ui: Ui, args: OperatorLeaveArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::Yes).await?;
    let account = contracts.chain().sender().unwrap_or_default();
    if args.withdraw {
        let sent = contracts.withdraw().await?;
        ui.say(&format!("withdrawn in block {}", sent.block));
        return Ok(());
    }
    let operator = contracts.now().operator(account).await?;
    if operator.active {
        contracts.leave().await?;
        ui.say(&format!("{} left", operator.name));
    }
    let stake = contracts.now().stake_of(account).await?;
    if stake > 0 {
        contracts.request_withdrawal(stake).await?;
        ui.say(&format!(
            "gave up {stake} stake; withdraw it later with `koinon operator leave --withdraw`"
        ));
    }
    if ui.json {
        ui.json(&json!({ "operator": account, "stake_given_up": stake }));
    }
    Ok(())
}
