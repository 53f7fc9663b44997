//! The contracts of one service, and their state at one block.

use std::sync::Arc;

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use futures::try_join;
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
use koinon_model::Module;
use tokio::sync::OnceCell;

use crate::client::Chain;
use crate::error::ChainError;
use crate::registry::ModuleAddresses;
use crate::registry::ModuleName;
use crate::registry::ServiceContract;

/// The contracts of one service.
#[derive(Clone, Debug)]
pub struct Contracts {
    chain: Chain,
    /// The service's address: its Core.
    pub core: Address,
    /// The store of values.
    pub blobs: Address,
    /// Never without a module that every service has.
    modules: ModuleAddresses,
    /// The block it was created in, once it was asked for.
    created_at: Arc<OnceCell<u64>>,
}

/// The contracts as they are at one block.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The contracts.
    pub contracts: &'a Contracts,
    /// The block.
    pub block: BlockId,
}

impl Contracts {
    /// Finds the contracts of the service whose Core is at `core`.
    ///
    /// ```no_run
    /// use alloy::primitives::Address;
    /// use koinon_chain::Chain;
    /// use koinon_chain::ChainError;
    /// use koinon_chain::Contracts;
    ///
    /// async fn show(core: Address) -> Result<(), ChainError> {
    ///     let chain = Chain::connect(&"http://127.0.0.1:8545".into(), None).await?;
    ///     let contracts = Contracts::open(chain, core).await?;
    ///     let head = contracts.head().await?;
    ///     let content = contracts.at(head.block).content().await?;
    ///     println!("revision {}: {} objects", head.revision, content.objects.len());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ChainError::NoService`] if no contract there answers as a Core with every module that a
    /// service must have, [`ChainError::Rpc`].
    pub async fn open(chain: Chain, core: Address) -> Result<Self, ChainError> {
        let action = "read the service";
        let code = chain
            .provider()
            .get_code_at(core)
            .await
            .map_err(|error| ChainError::rpc(action, error))?;
        if code.is_empty() {
            return Err(ChainError::NoService(core));
        }
        let failed = |error| match ChainError::call(action, error) {
            error @ ChainError::Rpc { .. } => error,
            // Another contract, which does not answer as a Core.
            _ => ChainError::NoService(core),
        };
        let binding = Core::new(core, chain.provider().clone());
        let blobs = binding.blobs().call().await.map_err(failed)?;
        let registered = binding.modules().call().await.map_err(failed)?;
        let modules = ModuleAddresses::from_words(&registered.names, &registered.addresses);
        Self::new(chain, core, blobs, modules).ok_or(ChainError::NoService(core))
    }

    /// Returns the contracts at the addresses; `None` if a module is missing that every service
    /// must have.
    pub(crate) fn new(
        chain: Chain,
        core: Address,
        blobs: Address,
        modules: ModuleAddresses,
    ) -> Option<Self> {
        let created_at = Arc::default();
        modules.is_complete().then_some(Self { chain, core, blobs, modules, created_at })
    }

    /// Returns the connection.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns the same contracts with another connection, such as one that signs as someone else.
    pub fn with_chain(&self, chain: Chain) -> Self {
        Self { chain, ..self.clone() }
    }

    /// Returns the contracts as they are at a block.
    pub fn at(&self, block: u64) -> View<'_> {
        View { contracts: self, block: BlockId::number(block) }
    }

    /// Returns the contracts as they are now: each request reads the newest block.
    pub fn now(&self) -> View<'_> {
        View { contracts: self, block: BlockId::latest() }
    }

    /// Returns the block from which on the service has events: the one that its timelock was
    /// created in, which is before Core, or Core, where a vote has replaced the timelock since.
    ///
    /// # Errors
    /// [`ChainError::Rpc`] if the node does not answer.
    pub(crate) async fn created_at(&self) -> Result<u64, ChainError> {
        let search = async || {
            let timelock = self.address(ServiceContract::Timelock);
            let (core, timelock) =
                try_join!(self.chain.coded_at(self.core), self.chain.coded_at(timelock))?;
            Ok(core.min(timelock))
        };
        self.created_at.get_or_try_init(search).await.copied()
    }

    /// Returns the address of a contract that every service has.
    pub fn address(&self, contract: ServiceContract) -> Address {
        match contract {
            ServiceContract::Blobs => self.blobs,
            ServiceContract::Core => self.core,
            module => self
                .modules
                .get(&module.module_name())
                .expect("BUG: `Contracts::new` rejects a registry without it"),
        }
    }

    /// Returns the modules by name: those that Core named when the contracts were opened, and
    /// those registered here since.
    pub fn modules(&self) -> &ModuleAddresses {
        &self.modules
    }

    /// Returns the address of the module that is registered as `name`; `None` if there is none.
    /// Core is asked for a name it did not have when the contracts were opened: a vote may have
    /// added it since.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn address_of(&self, name: &ModuleName) -> Result<Option<Address>, ChainError> {
        if let Some(address) = self.modules.get(name) {
            return Ok(Some(address));
        }
        let address = self
            .core()
            .module(name.to_word())
            .call()
            .await
            .map_err(|error| ChainError::call("look up a module", error))?;
        Ok(Some(address).filter(|address| !address.is_zero()))
    }

    /// Registers a module for this client alone, in place of any other of that name.
    pub fn register(&mut self, name: ModuleName, address: Address) {
        self.modules.insert(name, address);
    }

    pub(crate) fn core(&self) -> Core::CoreInstance<&DynProvider> {
        Core::new(self.core, self.chain.provider())
    }

    pub(crate) fn blobs(&self) -> Blobs::BlobsInstance<&DynProvider> {
        Blobs::new(self.blobs, self.chain.provider())
    }

    pub(crate) fn governance(&self) -> Governance::GovernanceInstance<&DynProvider> {
        Governance::new(self.address(ServiceContract::Governance), self.chain.provider())
    }

    pub(crate) fn timelock(&self) -> Timelock::TimelockInstance<&DynProvider> {
        Timelock::new(self.address(ServiceContract::Timelock), self.chain.provider())
    }

    pub(crate) fn stake(&self) -> Stake::StakeInstance<&DynProvider> {
        Stake::new(self.address(ServiceContract::Stake), self.chain.provider())
    }

    pub(crate) fn identity(&self) -> Identity::IdentityInstance<&DynProvider> {
        Identity::new(self.address(ServiceContract::Identity), self.chain.provider())
    }

    pub(crate) fn topology(&self) -> Topology::TopologyInstance<&DynProvider> {
        Topology::new(self.address(ServiceContract::Topology), self.chain.provider())
    }

    pub(crate) fn templates(&self) -> Templates::TemplatesInstance<&DynProvider> {
        Templates::new(self.address(ServiceContract::Templates), self.chain.provider())
    }

    pub(crate) fn mapper(&self) -> Mapper::MapperInstance<&DynProvider> {
        Mapper::new(self.address(ServiceContract::Mapper), self.chain.provider())
    }

    pub(crate) fn security(&self) -> Security::SecurityInstance<&DynProvider> {
        Security::new(self.address(ServiceContract::Security), self.chain.provider())
    }

    /// Returns a binding with the functions that all object modules share.
    pub(crate) fn object_module(
        &self,
        module: Module,
    ) -> Artifacts::ArtifactsInstance<&DynProvider> {
        Artifacts::new(self.address(module.into()), self.chain.provider())
    }
}
