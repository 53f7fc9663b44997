//! `koinon operator show`.

use clap::Args;
use koinon_chain::OperatorRecord;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::network::NetworkArgs;
use crate::network::Signing;

#[derive(Args, Debug)]
pub(crate) struct OperatorShowArgs {
    /// Name or address of the operator
    operator: String,

    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, args: OperatorShowArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let block = contracts.chain().block_number().await?;
    let view = contracts.at(block);
    let operators = view.operators().await?;
    let account = args.operator.parse().ok();
    let exact = |operator: &&OperatorRecord| {
        operator.name == args.operator || Some(operator.account) == account
    };
    let short =
        |operator: &&OperatorRecord| operator.name.split('@').next() == Some(&args.operator[..]);
    let mut found: Vec<&OperatorRecord> = operators.iter().filter(exact).collect();
    if found.is_empty() {
        found = operators.iter().filter(short).collect();
    }
    let operator = match &found[..] {
        [operator] => *operator,
        [] => {
            let error = CommandError::failed(format!("no operator {}", args.operator));
            return Err(error.hint("`koinon operator list` shows all"));
        }
        // Names are free: `alice@else` must not pass for `alice@myDapp`.
        several => {
            let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
            let text = format!("several operators are called {}", args.operator);
            return Err(CommandError::failed(text).hint(format!("there are {}", names.join(", "))));
        }
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
