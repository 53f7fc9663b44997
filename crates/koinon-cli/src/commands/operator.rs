//! `koinon operator`: joining, leaving and looking at operators.

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::rpc::types::TransactionRequest;
use clap::Args;
use clap::Subcommand;
use koinon_chain::Joining;
use koinon_chain::OperatorInfo;
use serde_json::json;

use crate::error::CommandError;
use crate::error::Outcome;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum OperatorCommand {
    /// Stake, and join the operators with a certificate
    Join(JoinArgs),
    /// Leave the operators: no nodes from the next deal on; give up stake and withdraw it once it is due
    Leave(LeaveArgs),
    /// Give an account some of the signing account's currency, for its stake and its transactions
    Fund(FundArgs),
    /// List the operators
    List(ListArgs),
    /// Show one operator and its nodes
    Show(ShowArgs),
}

#[derive(Args, Debug)]
#[command(after_help = "Example:
  koinon key new ./erin --name erin@myDapp
  koinon operator fund ACCOUNT --amount 1 --as alice      in a local network
  koinon operator join --keys ./erin --stake 500 --service ADDRESS --rpc-url URL")]
pub(crate) struct JoinArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Stake to have in all; what is missing is staked
    #[arg(long, default_value_t = 0)]
    stake: u64,
}

#[derive(Args, Debug)]
pub(crate) struct LeaveArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Withdraw what was given up before and is due now
    #[arg(long)]
    withdraw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct FundArgs {
    /// The account
    account: Address,

    /// How much, in coins of 18 decimals
    #[arg(long, value_name = "COINS")]
    amount: u64,

    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its name or address
    operator: String,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, command: OperatorCommand) -> Outcome {
    match command {
        OperatorCommand::Join(args) => join(ui, args).await,
        OperatorCommand::Leave(args) => leave(ui, args).await,
        OperatorCommand::Fund(args) => fund(ui, args).await,
        OperatorCommand::List(args) => list(ui, args).await,
        OperatorCommand::Show(args) => show(ui, args).await,
    }
}

async fn join(ui: Ui, args: JoinArgs) -> Outcome {
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
    let joining = Joining { name, certificate: &certificate, key: &key, beacon: beacon.public() };
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

async fn leave(ui: Ui, args: LeaveArgs) -> Outcome {
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

async fn fund(ui: Ui, args: FundArgs) -> Outcome {
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

async fn list(ui: Ui, args: ListArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let operators = contracts.now().operators().await?;
    if ui.json {
        ui.json(&operators);
        return Ok(());
    }
    let mut rows = vec![["name", "account", "stake", "joined at"].map(ToOwned::to_owned).to_vec()];
    for operator in operators {
        let OperatorInfo { name, account, stake, joined_at, .. } = operator;
        rows.push(vec![name, account.to_string(), stake.to_string(), joined_at.to_string()]);
    }
    ui.table(&rows);
    Ok(())
}

async fn show(ui: Ui, args: ShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let block = contracts.chain().block_number().await?;
    let view = contracts.at(block);
    let operators = view.operators().await?;
    let account = args.operator.parse().ok();
    let found = operators
        .into_iter()
        .find(|operator| operator.name == args.operator || Some(operator.account) == account);
    let Some(operator) = found else {
        let error = CommandError::failed(format!("no operator {}", args.operator));
        return Err(error.hint("`koinon operator list` shows all"));
    };
    let slots = match view.allocation().await? {
        Some(allocation) => allocation.by_operator().remove(&operator.account).unwrap_or_default(),
        None => Vec::new(),
    };
    if ui.json {
        ui.json(&json!({ "operator": operator, "slots": slots }));
        return Ok(());
    }
    ui.line(&format!("name         {}", operator.name));
    ui.line(&format!("account      {}", operator.account));
    ui.line(&format!("stake        {}", operator.stake));
    ui.line(&format!("joined at    block {}", operator.joined_at));
    ui.line(&format!("certificate  SHA-256 {}", alloy::hex::encode(operator.fingerprint)));
    let slots: Vec<String> = slots.iter().map(ToString::to_string).collect();
    ui.line(&format!("nodes        {}: {}", slots.len(), slots.join(" ")));
    Ok(())
}
