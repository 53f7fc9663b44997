//! The connection to a chain, and the contracts of one service on it.

use std::time::Duration;
use std::time::Instant;

use alloy::contract::CallBuilder;
use alloy::contract::CallDecoder;
use alloy::eips::BlockId;
use alloy::network::EthereumWallet;
use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::providers::ProviderBuilder;
use alloy::providers::WsConnect;
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::RpcError;
use alloy::transports::TransportErrorKind;
use alloy::transports::http::Http;
use alloy::transports::http::reqwest;
use koinon_model::Module;
use serde::Serialize;

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
use crate::error::Revert;

/// A connection to a chain, with the account that signs, if any.
#[derive(Clone, Debug)]
pub struct Chain {
    provider: DynProvider,
    sender: Option<Address>,
}

/// What a transaction cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The transaction.
    pub hash: B256,
    /// The block it is in.
    pub block: u64,
    /// The gas it used.
    pub gas: u64,
}

/// The contracts of one service.
#[derive(Clone, Debug)]
pub struct Contracts {
    chain: Chain,
    /// The service's address: its Core.
    pub core: Address,
    /// The store of values.
    pub blobs: Address,
    /// The governor.
    pub governance: Address,
    /// What executes passed votes.
    pub timelock: Address,
    /// The stake vault.
    pub stake: Address,
    /// The operators.
    pub identity: Address,
    /// Artifacts.
    pub artifacts: Address,
    /// Topology.
    pub topology: Address,
    /// Templates and reports.
    pub templates: Address,
    /// Epochs and the allocation.
    pub mapper: Address,
    /// Permissions and bans.
    pub security: Address,
}

/// The contracts as they are at one block.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The contracts.
    pub contracts: &'a Contracts,
    /// The block.
    pub block: BlockId,
}

impl Chain {
    /// How long a node may take to answer a request.
    const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
    /// How often a nonce may be taken by somebody else with the same key.
    const NONCE_RACES: u32 = 10;
    /// The most gas of one transaction (EIP-7825).
    const MAX_GAS: u64 = 16_777_216;
    /// Gas to spare beyond the estimate and a quarter of it. What was written in the newest block, on which the estimate is
    /// made, is updated there; a block later the same checkpoint is a new slot, 20,000 gas dearer. No call of ours writes
    /// more than five.
    pub(crate) const ROOM: u64 = 100_000;
    /// How long a transaction may take to be mined.
    const MINED_WITHIN: Duration = Duration::from_secs(180);
    /// The longest pause between two looks for a receipt.
    const LOOK_EVERY: Duration = Duration::from_millis(500);

    /// Connects to a node by its URL.
    ///
    /// # Errors
    /// [`ChainError::Url`] for a URL that is none, [`ChainError::Rpc`] if a WebSocket cannot be opened.
    pub async fn connect(url: &str, signer: Option<PrivateKeySigner>) -> Result<Self, ChainError> {
        let unusable = || ChainError::Url { url: url.to_owned() };
        if url.starts_with("ws://") || url.starts_with("wss://") {
            let client = RpcClient::builder().pubsub(WsConnect::new(url)).await;
            return Ok(Self::over(
                client.map_err(|error| ChainError::rpc("connect", error))?,
                signer,
            ));
        }
        let parsed = url.parse().map_err(|_| unusable())?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(unusable());
        }
        let http = reqwest::Client::builder().timeout(Self::ANSWERED_WITHIN).build();
        let http = http.map_err(|_| unusable())?;
        // Polling is ours: see `receipt`.
        Ok(Self::over(RpcClient::new(Http::with_client(http, parsed), true), signer))
    }

    /// Uses a client, such as one over an in-process transport.
    pub fn over(client: RpcClient, signer: Option<PrivateKeySigner>) -> Self {
        let sender = signer.as_ref().map(PrivateKeySigner::address);
        let provider = match signer {
            Some(signer) => ProviderBuilder::new()
                .wallet(EthereumWallet::new(signer))
                .connect_client(client)
                .erased(),
            None => ProviderBuilder::new().connect_client(client).erased(),
        };
        Self { provider, sender }
    }

    /// Returns the provider.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Returns the account that signs.
    pub fn sender(&self) -> Option<Address> {
        self.sender
    }

    /// Returns the number of the newest block.
    ///
    /// # Errors
    /// [`ChainError::Rpc`].
    pub async fn block_number(&self) -> Result<u64, ChainError> {
        self.provider
            .get_block_number()
            .await
            .map_err(|error| ChainError::rpc("read the block number", error))
    }

    /// Sends a plain transaction, such as a transfer of currency, and waits until it is mined.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn transfer(&self, request: TransactionRequest) -> Result<Sent, ChainError> {
        Ok(self.send_request("transfer", request).await?.0)
    }

    /// Sends a call as a transaction and waits until it is mined.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's reason, [`ChainError::NotMined`], [`ChainError::NoSigner`],
    /// [`ChainError::Rpc`].
    pub(crate) async fn send<P: Provider, D: CallDecoder>(
        &self,
        action: &str,
        call: CallBuilder<P, D>,
    ) -> Result<(Sent, TransactionReceipt), ChainError> {
        self.send_request(action, call.into_transaction_request()).await
    }

    /// Sends a transaction and waits until it is mined; see [`Chain::send`].
    pub(crate) async fn send_request(
        &self,
        action: &str,
        request: TransactionRequest,
    ) -> Result<(Sent, TransactionReceipt), ChainError> {
        self.send_with_room(action, request, Self::ROOM).await
    }

    /// Sends a transaction that others before it in its block can make dearer by up to `room` gas, beyond a quarter.
    pub(crate) async fn send_with_room(
        &self,
        action: &str,
        request: TransactionRequest,
        room: u64,
    ) -> Result<(Sent, TransactionReceipt), ChainError> {
        let Some(sender) = self.sender else {
            return Err(ChainError::NoSigner { action: action.to_owned() });
        };
        let request = request.from(sender);
        let gas = self.provider.estimate_gas(request.clone()).await;
        let gas = gas.map_err(|error| ChainError::rpc(action, error))?;
        // What others do before it in its block can make it dearer than on the state it was estimated on.
        let request = request.with_gas_limit((gas + gas / 4 + room).min(Self::MAX_GAS));
        let hash = self.submit(action, sender, &request).await?;
        let receipt = self.receipt(action, hash).await?;
        let block = receipt.block_number.unwrap_or_default();
        if receipt.status() {
            return Ok((Sent { hash, block, gas: receipt.gas_used }, receipt));
        }
        // The receipt does not say why. The same call, asked after the block, meets what stood before it in the block; if
        // that answers, what came later in the block made it right again: ask before the block.
        for block in [block, block.saturating_sub(1)] {
            let replayed = self.provider.call(request.clone()).block(BlockId::number(block)).await;
            if let Err(error) = replayed {
                return Err(ChainError::rpc(action, error));
            }
        }
        let revert = Revert::Unknown(Default::default());
        Err(ChainError::Reverted { action: action.to_owned(), revert })
    }

    /// Submits a transaction with the account's next nonce. The account may be used elsewhere at the same moment, such as
    /// by its agent: who comes second takes the next nonce.
    async fn submit(
        &self,
        action: &str,
        sender: Address,
        request: &TransactionRequest,
    ) -> Result<B256, ChainError> {
        let mut attempts = 0;
        loop {
            let nonce = self.provider.get_transaction_count(sender).pending().await;
            let nonce = nonce.map_err(|error| ChainError::rpc(action, error))?;
            match self.provider.send_transaction(request.clone().with_nonce(nonce)).await {
                Ok(pending) => return Ok(*pending.tx_hash()),
                Err(error) if attempts < Self::NONCE_RACES && is_nonce_taken(&error) => {
                    attempts += 1;
                }
                Err(error) => return Err(ChainError::rpc(action, error)),
            }
        }
    }

    async fn receipt(&self, action: &str, hash: B256) -> Result<TransactionReceipt, ChainError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            let receipt = self.provider.get_transaction_receipt(hash).await;
            if let Some(receipt) = receipt.map_err(|error| ChainError::rpc(action, error))? {
                return Ok(receipt);
            }
            if started.elapsed() > Self::MINED_WITHIN {
                let seconds = Self::MINED_WITHIN.as_secs();
                return Err(ChainError::NotMined { action: action.to_owned(), hash, seconds });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Self::LOOK_EVERY);
        }
    }
}

/// Whether another transaction of the account was faster. JSON-RPC has no code for it; these are the words of geth, which
/// others have taken over.
fn is_nonce_taken(error: &RpcError<TransportErrorKind>) -> bool {
    let said = error.as_error_resp().map(|response| response.message.to_lowercase());
    let known = ["nonce too low", "replacement transaction underpriced"];
    said.is_some_and(|said| known.iter().any(|known| said.contains(known)))
}

impl Contracts {
    /// Finds the contracts of the service whose Core is at `core`.
    ///
    /// # Errors
    /// [`ChainError::NoService`] if there is none, [`ChainError::Rpc`].
    pub async fn open(chain: Chain, core: Address) -> Result<Self, ChainError> {
        let code = chain.provider.get_code_at(core).await;
        if code.map_err(|error| ChainError::rpc("read the service", error))?.is_empty() {
            return Err(ChainError::NoService(core));
        }
        let binding = Core::new(core, chain.provider.clone());
        let failed = |error| match ChainError::call("read the service", error) {
            error @ ChainError::Rpc { .. } => error,
            // A contract, but none that answers as a Core.
            _ => ChainError::NoService(core),
        };
        let answer = async |name: &str| -> Result<Address, ChainError> {
            let word = B256::right_padding_from(name.as_bytes());
            let found = binding.module(word).call().await;
            match found {
                Ok(found) if !found.is_zero() => Ok(found),
                Ok(_) => Err(ChainError::NoService(core)),
                Err(error) => Err(failed(error)),
            }
        };
        let blobs = binding.blobs().call().await.map_err(failed)?;
        Ok(Self {
            core,
            blobs,
            governance: answer("governance").await?,
            timelock: answer("timelock").await?,
            stake: answer("stake").await?,
            identity: answer("identity").await?,
            artifacts: answer("artifacts").await?,
            topology: answer("topology").await?,
            templates: answer("templates").await?,
            mapper: answer("mapper").await?,
            security: answer("security").await?,
            chain,
        })
    }

    pub(crate) fn of(chain: Chain, addresses: [Address; 11]) -> Self {
        let [
            core,
            blobs,
            governance,
            timelock,
            stake,
            identity,
            artifacts,
            topology,
            templates,
            mapper,
            security,
        ] = addresses;
        Self {
            chain,
            core,
            blobs,
            governance,
            timelock,
            stake,
            identity,
            artifacts,
            topology,
            templates,
            mapper,
            security,
        }
    }

    /// Returns the connection.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns the same contracts over another connection, such as one that signs as someone else.
    pub fn over(&self, chain: Chain) -> Self {
        Self { chain, ..self.clone() }
    }

    /// Returns the contracts as they are at a block.
    pub fn at(&self, block: u64) -> View<'_> {
        View { contracts: self, block: BlockId::number(block) }
    }

    /// Returns the contracts as they are now, whenever each is asked.
    pub fn now(&self) -> View<'_> {
        View { contracts: self, block: BlockId::latest() }
    }

    /// Returns the address of a module.
    pub fn module(&self, module: Module) -> Address {
        match module {
            Module::Core => self.core,
            Module::Identity => self.identity,
            Module::Artifacts => self.artifacts,
            Module::Topology => self.topology,
            Module::Templates => self.templates,
            Module::Security => self.security,
        }
    }

    pub(crate) fn core(&self) -> Core::CoreInstance<&DynProvider> {
        Core::new(self.core, &self.chain.provider)
    }

    pub(crate) fn blobs(&self) -> Blobs::BlobsInstance<&DynProvider> {
        Blobs::new(self.blobs, &self.chain.provider)
    }

    pub(crate) fn governance(&self) -> Governance::GovernanceInstance<&DynProvider> {
        Governance::new(self.governance, &self.chain.provider)
    }

    pub(crate) fn timelock(&self) -> Timelock::TimelockInstance<&DynProvider> {
        Timelock::new(self.timelock, &self.chain.provider)
    }

    pub(crate) fn stake(&self) -> Stake::StakeInstance<&DynProvider> {
        Stake::new(self.stake, &self.chain.provider)
    }

    pub(crate) fn identity(&self) -> Identity::IdentityInstance<&DynProvider> {
        Identity::new(self.identity, &self.chain.provider)
    }

    pub(crate) fn topology(&self) -> Topology::TopologyInstance<&DynProvider> {
        Topology::new(self.topology, &self.chain.provider)
    }

    pub(crate) fn templates(&self) -> Templates::TemplatesInstance<&DynProvider> {
        Templates::new(self.templates, &self.chain.provider)
    }

    pub(crate) fn mapper(&self) -> Mapper::MapperInstance<&DynProvider> {
        Mapper::new(self.mapper, &self.chain.provider)
    }

    pub(crate) fn security(&self) -> Security::SecurityInstance<&DynProvider> {
        Security::new(self.security, &self.chain.provider)
    }

    /// What all object modules share.
    pub(crate) fn object_module(
        &self,
        module: Module,
    ) -> Artifacts::ArtifactsInstance<&DynProvider> {
        Artifacts::new(self.module(module), &self.chain.provider)
    }
}
