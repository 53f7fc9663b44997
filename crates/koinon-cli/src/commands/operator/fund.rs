//! `koinon operator fund`.

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::rpc::types::TransactionRequest;
use clap::Args;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct OperatorFundArgs {
    /// The account that gets the coins
    account: Address,

    /// Amount, in coins of 18 decimals
    #[arg(long, value_name = "COINS")]
    amount: u64,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: OperatorFundArgs) -> Outcome {
    let chain = args.network.chain(Signing::Yes).await?;
    let value = U256::from(args.amount) * U256::from(10).pow(U256::from(18));
    let request = TransactionRequest::default().with_to(args.account).with_value(value);
    let sent = chain.transfer(request).await?;
    if ui.json {
        ui.json(&json!({ "account": args.account, "amount": args.amount, "transaction": sent }));
    } else {
        ui.say(&format!("{} has {} more, in block {}", args.account, args.amount, sent.block));
    }
    Ok(())
}
