//! Creating a service, and finding those of a chain.

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use koinon_model::Governance as GovernanceSettings;
use serde::Serialize;

use crate::client::Chain;
use crate::client::Contracts;
use crate::client::Sent;
use crate::contracts::Artifacts;
use crate::contracts::Blobs;
use crate::contracts::Core;
use crate::contracts::Governance;
use crate::contracts::Identity;
use crate::contracts::Mapper;
use crate::contracts::Security;
use crate::contracts::Stake;
use crate::contracts::Templates;
use crate::contracts::Timelock;
use crate::contracts::Topology;
use crate::error::ChainError;

/// What a service is created with; everything else comes by vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSettings {
    /// Its name.
    pub name: String,
    /// How it is governed at first.
    pub governance: GovernanceSettings,
    /// Wei of one stake.
    pub denomination: U256,
    /// A store of values to share; without one it is deployed.
    pub blobs: Option<Address>,
}

/// A service just created.
#[derive(Clone, Debug)]
pub struct Created {
    /// Its contracts.
    pub contracts: Contracts,
    /// The block of the first deployment.
    pub block: u64,
    /// The gas of all deployments.
    pub gas: u64,
}

/// A service found on a chain by its creation event. Anyone can emit such an event: verify before trusting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundService {
    /// The address of its Core.
    pub address: Address,
    /// Its name.
    pub name: String,
    /// Who created it.
    pub creator: Address,
    /// The block it was created in.
    pub block: u64,
}

impl Contracts {
    /// Deploys the contracts of a new service from the signing account.
    ///
    /// Every address follows from the account's nonce, so each contract is told its siblings when it is made and nobody
    /// ever holds a power to complete or alter the service. Nothing else may be sent from the account meanwhile.
    ///
    /// # Errors
    /// [`ChainError`]; what was deployed until then is unused and harmless.
    pub async fn create(chain: Chain, settings: &CreateSettings) -> Result<Created, ChainError> {
        let action = "create the service";
        let sender = chain.sender().ok_or(ChainError::NoSigner { action: action.to_owned() })?;
        let provider = chain.provider().clone();
        let nonce = provider.get_transaction_count(sender).pending().await;
        let nonce = nonce.map_err(|error| ChainError::rpc(action, error))?;
        let first = nonce + u64::from(settings.blobs.is_none());
        let address = |index: u64| sender.create(first + index);
        let blobs = settings.blobs.unwrap_or_else(|| sender.create(nonce));
        let (stake, timelock, governance, core) = (address(0), address(1), address(2), address(3));
        let [identity, artifacts, topology, templates, mapper, security] =
            [4, 5, 6, 7, 8, 9].map(address);
        let contracts = Self::of(
            chain.clone(),
            [
                core, blobs, governance, timelock, stake, identity, artifacts, topology, templates,
                mapper, security,
            ],
        );

        let rules = &settings.governance;
        let governor = Governance::Settings {
            votingDelay: clamp48(rules.voting_delay),
            votingPeriod: u32::try_from(rules.voting_period).unwrap_or(u32::MAX),
            proposalThreshold: U256::from(rules.proposal_threshold),
            quorumPercent: U256::from(rules.quorum),
        };
        let names = [
            "governance",
            "timelock",
            "stake",
            "identity",
            "artifacts",
            "topology",
            "templates",
            "mapper",
            "security",
        ];
        let names = names.map(|name| B256::right_padding_from(name.as_bytes())).to_vec();
        let modules = vec![
            governance, timelock, stake, identity, artifacts, topology, templates, mapper, security,
        ];
        let unbonding = U256::from(rules.unbonding);
        let delay = U256::from(rules.timelock);

        let mut deployed = Deployed::default();
        if settings.blobs.is_none() {
            deployed.take(chain.send(action, Blobs::deploy_builder(&provider)).await?);
        }
        let call = Stake::deploy_builder(&provider, settings.denomination, unbonding);
        deployed.take(chain.send(action, call).await?);
        let call = Timelock::deploy_builder(&provider, delay, governance);
        deployed.take(chain.send(action, call).await?);
        let call = Governance::deploy_builder(&provider, stake, timelock, governor);
        deployed.take(chain.send(action, call).await?);
        let call = Core::deploy_builder(&provider, settings.name.clone(), blobs, names, modules);
        deployed.take(chain.send(action, call).await?);
        deployed.take(chain.send(action, Identity::deploy_builder(&provider, core)).await?);
        deployed.take(chain.send(action, Artifacts::deploy_builder(&provider, core)).await?);
        deployed.take(chain.send(action, Topology::deploy_builder(&provider, core)).await?);
        deployed.take(chain.send(action, Templates::deploy_builder(&provider, core)).await?);
        deployed.take(chain.send(action, Mapper::deploy_builder(&provider, core)).await?);
        deployed.take(chain.send(action, Security::deploy_builder(&provider, core)).await?);
        if deployed.last != Some(security) {
            // Something else was sent from the account: the contracts do not know each other.
            return Err(ChainError::NoService(core));
        }
        Ok(Created { contracts, block: deployed.block.unwrap_or_default(), gas: deployed.gas })
    }
}

#[derive(Default)]
struct Deployed {
    gas: u64,
    block: Option<u64>,
    last: Option<Address>,
}

impl Deployed {
    fn take(&mut self, (sent, receipt): (Sent, TransactionReceipt)) {
        self.gas += sent.gas;
        self.block.get_or_insert(sent.block);
        self.last = receipt.contract_address;
    }
}

/// Solidity's uint48.
fn clamp48(number: u64) -> alloy::primitives::aliases::U48 {
    alloy::primitives::aliases::U48::saturating_from(number)
}

/// Finds the services created from block `from` on.
///
/// # Errors
/// [`ChainError::Rpc`].
pub async fn find_services(chain: &Chain, from: u64) -> Result<Vec<FoundService>, ChainError> {
    let filter = Filter::new()
        .event_signature(Core::Created::SIGNATURE_HASH)
        .from_block(from)
        .to_block(BlockNumberOrTag::Latest);
    let logs = chain.provider().get_logs(&filter).await;
    let logs = logs.map_err(|error| ChainError::rpc("find services", error))?;
    let services = logs.iter().filter_map(|log| {
        // A foreign contract may use the same signature with other data: it is no service.
        let event = Core::Created::decode_log(&log.inner).ok()?;
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
