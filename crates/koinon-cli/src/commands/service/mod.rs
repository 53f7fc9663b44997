//! `koinon service`: create, list, show and verify services.

mod create;
mod list;
mod show;
mod verify;

use alloy::primitives::Address;
use clap::Subcommand;
use koinon_chain::Contracts;
use koinon_chain::ServiceContract;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum ServiceCommand {
    /// Deploy the contracts of a new service, with the governance of the template; a proposal then
    /// adds its content
    Create(create::ServiceCreateArgs),
    /// List the services of a chain
    List(list::ServiceListArgs),
    /// Show a service: its contracts, revision, epoch and operators
    Show(show::ServiceShowArgs),
    /// Verify that the contracts of a service have Koinon's code and refer to each other, and that
    /// only its voters have power over it
    Verify(verify::ServiceVerifyArgs),
}

pub(crate) async fn run(ui: Ui, command: ServiceCommand) -> Outcome {
    match command {
        ServiceCommand::Create(args) => create::run(ui, args).await,
        ServiceCommand::List(args) => list::run(ui, args).await,
        ServiceCommand::Show(args) => show::run(ui, args).await,
        ServiceCommand::Verify(args) => verify::run(ui, args).await,
    }
}

/// Returns the addresses of a service's contracts with their names.
fn addresses(contracts: &Contracts) -> Vec<(&'static str, Address)> {
    let roots = [ServiceContract::Core, ServiceContract::Blobs];
    let all = roots.into_iter().chain(ServiceContract::MODULES);
    all.map(|contract| (contract.name(), contracts.address(contract))).collect()
}

/// Returns the addresses of a service's contracts as a JSON object.
fn addresses_json(contracts: &Contracts) -> serde_json::Value {
    addresses(contracts).into_iter().map(|(name, address)| (name, json!(address))).collect()
}
