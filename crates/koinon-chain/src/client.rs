//! The connection to a chain.

use alloy::primitives::Address;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::providers::ProviderBuilder;
use alloy::rpc::client::RpcClient;

use crate::account::Account;
use crate::endpoint;
use crate::error::ChainError;

/// The nodes to ask, and the chain they must be of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Their URLs: `http://`, `https://`, `ws://` or `wss://`. Of several nodes, more than half
    /// must say the same.
    pub urls: Vec<String>,
    /// The chain's id (EIP-155); `None` to read whatever chain the nodes are of.
    pub chain_id: Option<u64>,
}

impl From<&str> for Endpoints {
    /// One node, of any chain.
    fn from(url: &str) -> Self {
        Self { urls: vec![url.to_owned()], chain_id: None }
    }
}

/// A connection to a chain, with the account that signs, if any.
#[derive(Clone, Debug)]
pub struct Chain {
    provider: DynProvider,
    account: Option<Account>,
}

impl Chain {
    /// Connects to the nodes of a chain. The chain's id is compared where one is expected, by
    /// `endpoints` or by the account that signs.
    ///
    /// # Errors
    /// [`ChainError::Url`] for a URL that cannot be used, [`ChainError::Rpc`] if a WebSocket cannot
    /// be opened or the chain's id cannot be read, [`ChainError::WrongChain`].
    pub async fn connect(
        endpoints: &Endpoints,
        account: Option<Account>,
    ) -> Result<Self, ChainError> {
        let client = endpoint::connect(&endpoints.urls).await?;
        let signed = account.as_ref().map(Account::chain_id);
        let chain = Self::from_client(client, account);
        let expected = endpoints.chain_id.into_iter().chain(signed);
        for expected in expected {
            chain.check_id(expected).await?;
        }
        Ok(chain)
    }

    /// Uses a client, such as one with an in-process transport.
    pub fn from_client(client: RpcClient, account: Option<Account>) -> Self {
        let builder = ProviderBuilder::new().disable_recommended_fillers();
        Self { provider: builder.connect_client(client).erased(), account }
    }

    /// Returns the provider, which reads and does not sign.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Returns the account that signs; `None` if the connection only reads.
    pub fn sender(&self) -> Option<Address> {
        self.account.as_ref().map(Account::address)
    }

    /// Returns the id of the chain that the account signs for; `None` if the connection only reads.
    pub fn signed_chain_id(&self) -> Option<u64> {
        self.account.as_ref().map(Account::chain_id)
    }

    /// Returns what signs.
    pub(crate) fn account(&self, action: &str) -> Result<&Account, ChainError> {
        self.account.as_ref().ok_or_else(|| ChainError::NoSigner { action: action.to_owned() })
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

    /// Returns the first block at whose end a contract has code; 0 where the node has no state that
    /// old.
    pub(crate) async fn coded_at(&self, contract: Address) -> Result<u64, ChainError> {
        let (mut without, mut with) = (0, self.block_number().await?);
        while without < with {
            let middle = without + (with - without) / 2;
            match self.provider.get_code_at(contract).number(middle).await {
                Ok(code) if code.is_empty() => without = middle + 1,
                Ok(_) => with = middle,
                Err(error) if error.is_error_resp() => return Ok(0),
                Err(error) => return Err(ChainError::rpc("look for the service", error)),
            }
        }
        Ok(with)
    }

    async fn check_id(&self, expected: u64) -> Result<(), ChainError> {
        let found = self.provider.get_chain_id().await;
        match found.map_err(|error| ChainError::rpc("read the chain's id", error))? {
            found if found == expected => Ok(()),
            found => Err(ChainError::WrongChain { expected, found }),
        }
    }
}
