//! The connection to a chain: requests, transactions and their receipts.

use std::time::Duration;

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
use serde::Serialize;
use tokio::time::Instant;

use crate::error::ChainError;
use crate::revert::Revert;

/// A connection to a chain, with the account that signs, if any.
#[derive(Clone, Debug)]
pub struct Chain {
    provider: DynProvider,
    sender: Option<Address>,
}

/// A transaction that was mined and did not revert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SentTransaction {
    /// The hash of the signed transaction.
    pub hash: B256,
    /// The number of its block.
    pub block: u64,
    /// The gas it used.
    pub gas: u64,
}

impl Chain {
    /// The time for an answer to a request over HTTP.
    const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
    /// The number of times that another holder of the key may use a nonce first.
    const MAX_NONCE_RACES: u32 = 10;
    /// The most gas of one transaction (EIP-7825).
    const MAX_GAS: u64 = 16_777_216;
    /// Gas to spare beyond the estimate and a quarter of it. The estimate is made on the newest
    /// block, where a checkpoint written in that block is updated; a block later the same
    /// checkpoint is a new slot, 20,000 gas dearer. No call of ours writes more than five.
    pub(crate) const GAS_MARGIN: u64 = 100_000;
    /// The time for a transaction to be mined.
    const RECEIPT_TIMEOUT: Duration = Duration::from_secs(180);
    /// The longest pause between two requests for a receipt.
    const MAX_POLL_INTERVAL: Duration = Duration::from_millis(500);

    /// Connects to a node by its URL.
    ///
    /// # Errors
    /// [`ChainError::Url`] for a URL that cannot be used, [`ChainError::Rpc`] if a WebSocket cannot
    /// be opened.
    pub async fn connect(url: &str, signer: Option<PrivateKeySigner>) -> Result<Self, ChainError> {
        let unusable = || ChainError::Url { url: url.to_owned() };
        if url.starts_with("ws://") || url.starts_with("wss://") {
            let client = RpcClient::builder()
                .pubsub(WsConnect::new(url))
                .await
                .map_err(|error| ChainError::rpc("connect", error))?;
            return Ok(Self::from_client(client, signer));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(unusable());
        }
        let parsed = url.parse().map_err(|_| unusable())?;
        let http = reqwest::Client::builder()
            .timeout(Self::REQUEST_TIMEOUT)
            .build()
            .map_err(|_| unusable())?;
        // Marked as local so that alloy does not poll: `receipt` does.
        Ok(Self::from_client(RpcClient::new(Http::with_client(http, parsed), true), signer))
    }

    /// Uses a client, such as one with an in-process transport.
    pub fn from_client(client: RpcClient, signer: Option<PrivateKeySigner>) -> Self {
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

    /// Returns the account that signs; `None` if the connection only reads.
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
    /// As of every transaction: [`ChainError::Reverted`] with the contract's reason,
    /// [`ChainError::NotMined`] after three minutes, [`ChainError::NoSigner`],
    /// [`ChainError::Rpc`].
    pub async fn transfer(
        &self,
        request: TransactionRequest,
    ) -> Result<SentTransaction, ChainError> {
        Ok(self.send_request("transfer", request).await?.0)
    }

    /// Sends a call as a transaction and waits until it is mined; see [`Chain::transfer`].
    pub(crate) async fn send<P: Provider, D: CallDecoder>(
        &self,
        action: &str,
        call: CallBuilder<P, D>,
    ) -> Result<SentTransaction, ChainError> {
        Ok(self.send_request(action, call.into_transaction_request()).await?.0)
    }

    /// Sends a transaction and waits until it is mined; see [`Chain::transfer`].
    pub(crate) async fn send_request(
        &self,
        action: &str,
        request: TransactionRequest,
    ) -> Result<(SentTransaction, TransactionReceipt), ChainError> {
        self.send_with_margin(action, request, Self::GAS_MARGIN).await
    }

    /// Sends a transaction that may use up to `gas_margin` more than the estimate and a quarter of
    /// it, because of transactions earlier in its block.
    pub(crate) async fn send_with_margin(
        &self,
        action: &str,
        request: TransactionRequest,
        gas_margin: u64,
    ) -> Result<(SentTransaction, TransactionReceipt), ChainError> {
        let Some(sender) = self.sender else {
            return Err(ChainError::NoSigner { action: action.to_owned() });
        };
        let mut request = request.from(sender);
        let estimate = self
            .provider
            .estimate_gas(request.clone())
            .await
            .map_err(|error| ChainError::rpc(action, error))?;
        // Transactions earlier in the block can raise its gas above the estimate.
        request.set_gas_limit((estimate + estimate / 4 + gas_margin).min(Self::MAX_GAS));
        let hash = self.submit(action, sender, &request).await?;
        let (receipt, block) = self.receipt(action, hash).await?;
        if receipt.status() {
            return Ok((SentTransaction { hash, block, gas: receipt.gas_used }, receipt));
        }
        Err(self.reverted(action, request, block).await)
    }

    /// Finds out why a transaction of block `block` reverted; its receipt has no reason. The same
    /// call is tried on the state after the block, where earlier transactions of the block still
    /// count. If it succeeds there, a later transaction made it right again, so it is tried on the
    /// state before the block.
    async fn reverted(&self, action: &str, request: TransactionRequest, block: u64) -> ChainError {
        for number in [block, block.saturating_sub(1)] {
            let replayed = self.provider.call(request.clone()).block(BlockId::number(number)).await;
            if let Err(error) = replayed {
                return ChainError::rpc(action, error);
            }
        }
        let revert = Revert::Unknown(Default::default());
        ChainError::Reverted { action: action.to_owned(), revert }
    }

    /// Submits a transaction with the account's next nonce. Another holder of the key, such as the
    /// account's agent, may send at the same moment; the second to send uses the next nonce.
    async fn submit(
        &self,
        action: &str,
        sender: Address,
        request: &TransactionRequest,
    ) -> Result<B256, ChainError> {
        let mut races = 0;
        loop {
            let nonce = self
                .provider
                .get_transaction_count(sender)
                .pending()
                .await
                .map_err(|error| ChainError::rpc(action, error))?;
            match self.provider.send_transaction(request.clone().with_nonce(nonce)).await {
                Ok(pending) => return Ok(*pending.tx_hash()),
                Err(error) if races < Self::MAX_NONCE_RACES && is_nonce_used(&error) => races += 1,
                Err(error) => return Err(ChainError::rpc(action, error)),
            }
        }
    }

    /// Waits for the receipt of a transaction, and returns it with the number of its block. A
    /// receipt without a block is of a transaction that is not mined yet.
    async fn receipt(
        &self,
        action: &str,
        hash: B256,
    ) -> Result<(TransactionReceipt, u64), ChainError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            let receipt = self
                .provider
                .get_transaction_receipt(hash)
                .await
                .map_err(|error| ChainError::rpc(action, error))?;
            if let Some(receipt) = receipt
                && let Some(block) = receipt.block_number
            {
                return Ok((receipt, block));
            }
            if started.elapsed() > Self::RECEIPT_TIMEOUT {
                let seconds = Self::RECEIPT_TIMEOUT.as_secs();
                return Err(ChainError::NotMined { action: action.to_owned(), hash, seconds });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Self::MAX_POLL_INTERVAL);
        }
    }
}

/// Returns whether another transaction of the account had the nonce first. JSON-RPC has no code for
/// it; these are the words of geth, which other nodes use too.
fn is_nonce_used(error: &RpcError<TransportErrorKind>) -> bool {
    let message = error.as_error_resp().map(|response| response.message.to_lowercase());
    let known = ["nonce too low", "replacement transaction underpriced"];
    message.is_some_and(|message| known.iter().any(|known| message.contains(known)))
}
