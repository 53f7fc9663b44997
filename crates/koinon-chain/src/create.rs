//! Creating a service, and finding those of a chain.

use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::primitives::aliases::U48;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolEvent;
use koinon_bindings::Artifacts;
use koinon_bindings::Blobs;
use koinon_bindings::Core;
use koinon_bindings::Governance;
use koinon_bindings::Identity;
use koinon_bindings::Mapper;
use koinon_bindings::Security;
use koinon_bindings::Stake;
use koinon_bindings::Templates;
use koinon_bindings::Timelock;
use koinon_bindings::Topology;
use koinon_model::Governance as GovernanceSettings;
use serde::Serialize;

use crate::client::Chain;
use crate::contracts::Contracts;
use crate::error::ChainError;
use crate::registry::ModuleAddresses;
use crate::registry::ServiceContract;

/// The settings that a service is created with; everything else comes by vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSettings {
    /// The service's name.
    pub name: String,
    /// The rules of its votes until a vote changes them.
    pub governance: GovernanceSettings,
    /// Wei of one stake.
    pub denomination: U256,
    /// A store of values to share; `None` deploys a new one.
    pub blobs: Option<Address>,
}

/// A service just created.
#[derive(Clone, Debug)]
pub struct CreatedService {
    /// Its contracts.
    pub contracts: Contracts,
    /// The block of the first deployment.
    pub block: u64,
    /// The gas of all deployments.
    pub gas: u64,
}

/// A service found on a chain by its creation event. Anyone can emit such an event: verify before
/// trusting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundService {
    /// The address of its Core.
    pub address: Address,
    /// Its name.
    pub name: String,
    /// The account that created it.
    pub creator: Address,
    /// The block it was created in.
    pub block: u64,
}

/// The contracts in the order of deployment. Their addresses follow from it.
const DEPLOYMENT_ORDER: [ServiceContract; 11] = [
    ServiceContract::Blobs,
    ServiceContract::Stake,
    ServiceContract::Timelock,
    ServiceContract::Governance,
    ServiceContract::Core,
    ServiceContract::Identity,
    ServiceContract::Artifacts,
    ServiceContract::Topology,
    ServiceContract::Templates,
    ServiceContract::Mapper,
    ServiceContract::Security,
];

impl Contracts {
    /// Deploys the contracts of a new service from the signing account.
    ///
    /// Every address follows from the account's nonce, so each constructor gets the addresses of
    /// the other contracts, and nobody ever holds a power to complete or alter the service. Nothing
    /// else may be sent from the account meanwhile.
    ///
    /// # Errors
    /// As [`Chain::transfer`]; [`ChainError::NoService`] if the account sent something else
    /// meanwhile. What was deployed until then is unused and harmless.
    pub async fn create(
        chain: Chain,
        settings: &CreateSettings,
    ) -> Result<CreatedService, ChainError> {
        let action = "create the service";
        let sender = chain.sender().ok_or(ChainError::NoSigner { action: action.to_owned() })?;
        let nonce = chain
            .provider()
            .get_transaction_count(sender)
            .pending()
            .await
            .map_err(|error| ChainError::rpc(action, error))?;
        let order = match settings.blobs {
            None => &DEPLOYMENT_ORDER[..],
            Some(_) => &DEPLOYMENT_ORDER[1..],
        };
        let predicted: Vec<(ServiceContract, Address)> = order
            .iter()
            .zip(nonce..)
            .map(|(contract, nonce)| (*contract, sender.create(nonce)))
            .collect();
        let contracts = contracts_at(chain.clone(), &predicted, settings.blobs);
        let mut pipeline = chain.pipeline();
        for (contract, _) in &predicted {
            let request = deployment(&contracts, *contract, settings);
            pipeline.send(action, request, Chain::GAS_MARGIN).await?;
        }
        let sent = pipeline.finish().await?;
        for ((_, address), (_, receipt)) in predicted.iter().zip(&sent) {
            if receipt.contract_address != Some(*address) {
                // The account sent something else: the contracts do not know each other.
                return Err(ChainError::NoService(contracts.core));
            }
        }
        let block = sent.iter().map(|(sent, _)| sent.block).min();
        let block = block.expect("BUG: the order of deployment is not empty");
        Ok(CreatedService { contracts, block, gas: sent.iter().map(|(sent, _)| sent.gas).sum() })
    }
}

/// Returns the contracts at these addresses.
fn contracts_at(
    chain: Chain,
    addresses: &[(ServiceContract, Address)],
    shared_blobs: Option<Address>,
) -> Contracts {
    let mut modules = ModuleAddresses::default();
    let (mut core, mut blobs) = (None, shared_blobs);
    for (contract, address) in addresses {
        match contract {
            ServiceContract::Blobs => blobs = Some(*address),
            ServiceContract::Core => core = Some(*address),
            module => modules.insert(module.module_name(), *address),
        }
    }
    core.zip(blobs)
        .and_then(|(core, blobs)| Contracts::new(chain, core, blobs, modules))
        .expect("BUG: the order of deployment holds every contract")
}

/// Returns the transaction that deploys one of the contracts with the arguments of its constructor.
fn deployment(
    contracts: &Contracts,
    contract: ServiceContract,
    settings: &CreateSettings,
) -> TransactionRequest {
    let provider: &DynProvider = contracts.chain().provider();
    let rules = &settings.governance;
    let core = contracts.core;
    match contract {
        ServiceContract::Blobs => Blobs::deploy_builder(provider).into_transaction_request(),
        ServiceContract::Stake => {
            let unbonding = U256::from(rules.unbonding);
            Stake::deploy_builder(provider, settings.denomination, unbonding)
                .into_transaction_request()
        }
        ServiceContract::Timelock => {
            let governance = contracts.address(ServiceContract::Governance);
            Timelock::deploy_builder(provider, U256::from(rules.timelock), governance)
                .into_transaction_request()
        }
        ServiceContract::Governance => {
            let stake = contracts.address(ServiceContract::Stake);
            let timelock = contracts.address(ServiceContract::Timelock);
            Governance::deploy_builder(provider, stake, timelock, governor_settings(rules))
                .into_transaction_request()
        }
        ServiceContract::Core => {
            let name = settings.name.clone();
            let names = ServiceContract::MODULES.map(|module| module.module_name().to_word());
            let modules = ServiceContract::MODULES.map(|module| contracts.address(module));
            Core::deploy_builder(provider, name, contracts.blobs, names.to_vec(), modules.to_vec())
                .into_transaction_request()
        }
        ServiceContract::Identity => {
            Identity::deploy_builder(provider, core).into_transaction_request()
        }
        ServiceContract::Artifacts => {
            Artifacts::deploy_builder(provider, core).into_transaction_request()
        }
        ServiceContract::Topology => {
            Topology::deploy_builder(provider, core).into_transaction_request()
        }
        ServiceContract::Templates => {
            Templates::deploy_builder(provider, core).into_transaction_request()
        }
        ServiceContract::Mapper => {
            Mapper::deploy_builder(provider, core).into_transaction_request()
        }
        ServiceContract::Security => {
            Security::deploy_builder(provider, core).into_transaction_request()
        }
    }
}

/// Encodes the rules of votes. A number of blocks that the governor's types cannot hold, of over a
/// thousand years, becomes the largest they can.
fn governor_settings(rules: &GovernanceSettings) -> Governance::Settings {
    Governance::Settings {
        votingDelay: U48::saturating_from(rules.voting_delay),
        votingPeriod: u32::try_from(rules.voting_period).unwrap_or(u32::MAX),
        proposalThreshold: U256::from(rules.proposal_threshold),
        quorumPercent: U256::from(rules.quorum),
    }
}

/// Finds the services created from block `from` on.
///
/// # Errors
/// [`ChainError::Rpc`].
pub async fn find_services(chain: &Chain, from: u64) -> Result<Vec<FoundService>, ChainError> {
    let filter = Filter::new().event_signature(Core::ServiceCreated::SIGNATURE_HASH);
    let newest = chain.block_number().await?;
    let logs = chain.logs("find services", &filter, from..=newest).await?;
    let services = logs.iter().filter_map(|log| {
        // A foreign contract may use the same signature with other data: it is not a service.
        let event = Core::ServiceCreated::decode_log(&log.inner).ok()?;
        let block = log.block_number?;
        Some(FoundService {
            address: event.address,
            name: event.name.clone(),
            creator: event.creator,
            block,
        })
    });
    Ok(services.collect())
}
