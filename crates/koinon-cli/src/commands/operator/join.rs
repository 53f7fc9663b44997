//! `koinon operator join`.

use clap::Args;
use koinon_chain::JoinApplication;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
#[command(after_help = "Example:
  koinon key new ./erin --name erin@myDapp
  koinon operator fund ACCOUNT --amount 1 --as alice      in a local network
  koinon operator join --keys ./erin --stake 500 --service ADDRESS --rpc-url URL")]
pub(crate) struct OperatorJoinArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Total stake of the operator; the command deposits the difference
    #[arg(long, default_value_t = 0)]
    stake: u64,
}

pub(crate) async fn run(ui: Ui, args: OperatorJoinArgs) -> Outcome {
    let Some((_, keys)) = args.network.keys()? else {
        return Err(CommandError::usage("joining needs --keys")
            .hint("`koinon key new DIR --name NAME` makes them"));
    };
    let contracts = args.network.contracts(Signing::Yes).await?;
    let account = keys.signer()?.address();
    let has = contracts.now().stake_of(account).await?;
    if has < args.stake {
        contracts.deposit(args.stake - has).await?;
        ui.say(&format!("staked {}", args.stake - has));
    }
    let (certificate, key, beacon) = (keys.certificate()?, keys.certificate_key()?, keys.beacon()?);
    let name = certificate.common_name();
    let joining =
        JoinApplication { name, certificate: &certificate, key: &key, beacon: beacon.public() };
    let sent = contracts.join(joining).await?;
    if ui.json {
        ui.json(&json!({ "operator": account, "name": name, "transaction": sent }));
    } else {
        ui.say(&format!(
            "{name} joined in block {}; nodes come with the deals of later epochs",
            sent.block
        ));
    }
    Ok(())
}
