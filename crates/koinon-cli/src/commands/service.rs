//! `koinon service`: creating, finding, showing and verifying services.

use alloy::primitives::Address;
use alloy::primitives::U256;
use clap::Args;
use clap::Subcommand;
use koinon_chain::Check;
use koinon_chain::Contracts;
use koinon_chain::CreateSettings;
use koinon_chain::Verdict;
use koinon_chain::find_services;
use koinon_model::Service;
use serde_json::json;

use crate::change::current;
use crate::error::CommandError;
use crate::error::Kind;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::network::NetworkArgs;
use crate::network::Signing;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;
use crate::ui::thousands;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ServiceCommand {
    /// Deploy the contracts of a new service, governed as the template says; its content then takes a proposal
    Create(CreateArgs),
    /// List the services of a chain
    List(ListArgs),
    /// Show a service: its contracts, revision, epoch and operators
    Show(ShowArgs),
    /// Verify that a service's code is Koinon's, its contracts know each other, and nobody holds a power but its voters
    Verify(VerifyArgs),
}

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  koinon service create service.yaml --rpc-url URL --keystore account.json --password-file pw"
)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    template: TemplateArgs,

    #[command(flatten)]
    network: NetworkArgs,

    /// Wei of one stake
    #[arg(long, default_value = DENOMINATION, value_name = "WEI")]
    denomination: U256,

    /// A store of values to share with other services; without it one is deployed
    #[arg(long, value_name = "ADDRESS")]
    blobs: Option<Address>,
}

/// One stake is a thousandth of a coin of 18 decimals.
pub(super) const DENOMINATION: &str = "1000000000000000";

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    network: NetworkArgs,

    /// Look from this block on
    #[arg(long, default_value_t = 0, value_name = "BLOCK")]
    from: u64,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    network: NetworkArgs,
}

pub(crate) async fn run(ui: Ui, command: ServiceCommand) -> Outcome {
    match command {
        ServiceCommand::Create(args) => create(ui, args).await,
        ServiceCommand::List(args) => list(ui, args).await,
        ServiceCommand::Show(args) => show(ui, args).await,
        ServiceCommand::Verify(args) => verify(ui, args).await,
    }
}

pub(super) fn settings(
    service: &Service,
    denomination: U256,
    blobs: Option<Address>,
) -> CreateSettings {
    CreateSettings {
        name: service.name.clone(),
        governance: service.governance.clone(),
        denomination,
        blobs,
    }
}

async fn create(ui: Ui, args: CreateArgs) -> Outcome {
    let service = args.template.preview()?;
    let chain = args.network.chain(Signing::Yes).await?;
    let stage = ui.stage("contracts");
    let created =
        Contracts::create(chain, &settings(&service, args.denomination, args.blobs)).await?;
    stage.done(&format!("{} at {}", service.name, created.contracts.core), Some(created.gas));
    if ui.json {
        ui.json(&json!({
            "service": created.contracts.core,
            "name": service.name,
            "block": created.block,
            "gas": created.gas,
            "contracts": addresses(&created.contracts),
        }));
    } else {
        ui.line(&created.contracts.core.to_string());
        ui.say("next: stake, then `koinon propose TEMPLATE --service ADDRESS`");
    }
    Ok(())
}

async fn list(ui: Ui, args: ListArgs) -> Outcome {
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
            found.name,
            found.creator.to_string(),
            found.block.to_string(),
        ]);
    }
    ui.table(&rows);
    Ok(())
}

async fn show(ui: Ui, args: ShowArgs) -> Outcome {
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
            "contracts": addresses(&contracts),
            "parameters": parameters.iter().map(|(name, value)| (name.to_string(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
            "governance": governance,
            "operators": operators,
        }));
        return Ok(());
    }
    ui.line(&format!("service   {} ({name})", contracts.core));
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
        ui.line(&format!("contract  {name:<10} {}", address.as_str().unwrap_or_default()));
    }
    Ok(())
}

async fn verify(ui: Ui, args: VerifyArgs) -> Outcome {
    let contracts = args.network.contracts(Signing::No).await?;
    let mut checks = contracts.verify().await?;
    if checks.iter().all(|check| !matches!(check.verdict, Verdict::Bad(_))) {
        checks.push(check_settings(&contracts).await?);
    }
    let bad = checks.iter().filter(|check| matches!(check.verdict, Verdict::Bad(_))).count();
    if ui.json {
        ui.json(&json!({ "service": contracts.core, "verified": bad == 0, "checks": checks }));
    } else {
        for check in &checks {
            let (mark, text) = match &check.verdict {
                Verdict::Good => (paint(Tone::Good, "✔"), String::new()),
                Verdict::Known(text) => (paint(Tone::Changed, "!"), text.clone()),
                Verdict::Bad(text) => (paint(Tone::Bad, "✘"), text.clone()),
            };
            ui.line(&format!("{mark} {:<26} {text}", check.what));
        }
    }
    if bad > 0 {
        return Err(CommandError::new(
            Kind::Unhealthy,
            format!("{bad} of {} checks failed", checks.len()),
        ));
    }
    ui.say(&format!("{} {} checks hold", paint(Tone::Good, "✔"), thousands(checks.len() as u64)));
    Ok(())
}

/// Whether the service is governed as its document says. A vote on the document does not alter the governor.
async fn check_settings(contracts: &Contracts) -> Outcome<Check> {
    let now = contracts.governance_settings().await?;
    let (_, _, service) = current(contracts).await?;
    let verdict = match service.map(|service| service.governance) {
        Some(declared) if declared == now => Verdict::Good,
        Some(declared) => Verdict::Bad(format!("{now:?}, but the document says {declared:?}")),
        None => Verdict::Known(format!("{now:?}; there is no document yet")),
    };
    Ok(Check { what: "settings of Governance".to_owned(), verdict })
}

fn addresses(contracts: &Contracts) -> serde_json::Map<String, serde_json::Value> {
    let addresses = [
        ("core", contracts.core),
        ("blobs", contracts.blobs),
        ("governance", contracts.governance),
        ("timelock", contracts.timelock),
        ("stake", contracts.stake),
        ("identity", contracts.identity),
        ("artifacts", contracts.artifacts),
        ("topology", contracts.topology),
        ("templates", contracts.templates),
        ("mapper", contracts.mapper),
        ("security", contracts.security),
    ];
    addresses.into_iter().map(|(name, address)| (name.to_owned(), json!(address))).collect()
}
