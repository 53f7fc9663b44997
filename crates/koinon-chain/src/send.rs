//! Sending: from a request to the receipt of its transaction.
//!
//! A transaction is signed here, so its hash is known before any node sees it: a node that took it
//! and did not answer is asked for that hash. One that is not mined for long is offered again with
//! higher fees and the same nonce, so that at most one of the two is mined.

use std::time::Duration;

use alloy::contract::CallBuilder;
use alloy::contract::CallDecoder;
use alloy::eips::BlockId;
use alloy::eips::eip1559::Eip1559Estimation;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::NetworkTransactionBuilder;
use alloy::network::TransactionBuilder;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::RpcError;
use alloy::transports::TransportErrorKind;
use futures::try_join;
use serde::Serialize;
use tokio::time::Instant;

use crate::account::Account;
use crate::client::Chain;
use crate::error::ChainError;
use crate::revert::Revert;

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

/// A transaction that a node took.
#[derive(Debug)]
struct Submitted {
    action: String,
    request: TransactionRequest,
    /// The hashes it may be mined under: one for each time that its fees were raised.
    hashes: Vec<B256>,
    /// The fees it was offered with last.
    fees: Eip1559Estimation,
    offered: Instant,
    /// Its receipt, with the number of its block.
    receipt: Option<(TransactionReceipt, u64)>,
}

/// Transactions of one account that are sent one after the other, and then awaited together.
pub(crate) struct Pipeline<'a> {
    chain: &'a Chain,
    submitted: Vec<Submitted>,
}

/// The number of times that another holder of the key may use a nonce first.
const MAX_NONCE_RACES: u32 = 10;
/// The number of times that a transaction is offered to a node that does not answer.
const MAX_OFFERS: u32 = 4;
/// The pause before a transaction is offered again.
const OFFER_PAUSE: Duration = Duration::from_millis(250);
/// The most gas of one transaction (EIP-7825).
pub(crate) const MAX_GAS: u64 = 16_777_216;
/// The time for a transaction to be mined.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(180);
/// The time after which a transaction that is not mined is offered with higher fees.
const RAISE_AFTER: Duration = Duration::from_secs(45);
/// Pauses between two requests for a receipt double up to this while the transaction is new, which
/// is most of what a block's time can be missed by.
const NEW_POLL_INTERVAL: Duration = Duration::from_millis(25);
/// The time for which a transaction is new.
const NEW_FOR: Duration = Duration::from_secs(4);
/// The longest pause between two requests for a receipt.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Chain {
    /// Gas to spare beyond the estimate and a quarter of it. The estimate is made on the newest
    /// block, where a checkpoint written in that block is updated; a block later the same
    /// checkpoint is a new slot, 20,000 gas dearer. No call of ours writes more than five.
    pub(crate) const GAS_MARGIN: u64 = 100_000;

    /// Sends a plain transaction, such as a transfer of currency, and waits until it is mined.
    ///
    /// # Errors
    /// As of every transaction: [`ChainError::Reverted`] with the contract's reason,
    /// [`ChainError::NotMined`] after three minutes, [`ChainError::Unanswered`] if it is not known
    /// whether a node took it, [`ChainError::NoSigner`], [`ChainError::Rpc`].
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
        let mut pipeline = self.pipeline();
        pipeline.send(action, request, gas_margin).await?;
        let mut sent = pipeline.finish().await?;
        Ok(sent.pop().expect("BUG: one was sent"))
    }

    /// Begins to send transactions without waiting for each of them.
    pub(crate) fn pipeline(&self) -> Pipeline<'_> {
        Pipeline { chain: self, submitted: Vec::new() }
    }

    /// Signs a transaction and offers it with the account's next nonce, at least `least`. Another
    /// holder of the key, such as the account's agent, may send at the same moment; the second to
    /// send uses the next nonce.
    async fn submit(
        &self,
        action: &str,
        mut request: TransactionRequest,
        least: u64,
    ) -> Result<Submitted, ChainError> {
        let account = self.account(action)?;
        let mut races = 0;
        loop {
            let nonce = self.provider().get_transaction_count(account.address()).pending();
            let (nonce, fees) =
                try_join!(nonce.into_future(), self.provider().estimate_eip1559_fees())
                    .map_err(|error| ChainError::rpc(action, error))?;
            request.set_nonce(nonce.max(least));
            let (hash, raw) = sign(action, account, &request, fees).await?;
            match self.offer(action, hash, &raw).await {
                Ok(()) => {
                    return Ok(Submitted {
                        action: action.to_owned(),
                        request,
                        hashes: vec![hash],
                        fees,
                        offered: Instant::now(),
                        receipt: None,
                    });
                }
                Err(ChainError::Rpc { source, .. })
                    if races < MAX_NONCE_RACES && is_nonce_used(&source) =>
                {
                    races += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Offers a signed transaction until a node says that it took it, or why it does not.
    async fn offer(&self, action: &str, hash: B256, raw: &Bytes) -> Result<(), ChainError> {
        for offers in 1.. {
            let Err(error) = self.provider().send_raw_transaction(raw).await else { break };
            if is_known(&error) {
                break;
            }
            let refused = error.is_error_resp();
            if refused && offers == 1 {
                return Err(ChainError::rpc(action, error));
            }
            // The node may have taken it and answered in vain.
            match self.provider().get_transaction_by_hash(hash).await {
                Ok(Some(_)) => break,
                Ok(None) if refused => return Err(ChainError::rpc(action, error)),
                Ok(None) | Err(_) if offers < MAX_OFFERS => tokio::time::sleep(OFFER_PAUSE).await,
                Ok(None) => return Err(ChainError::rpc(action, error)),
                Err(_) => {
                    return Err(ChainError::Unanswered { action: action.to_owned(), hash });
                }
            }
        }
        Ok(())
    }

    /// Waits for the receipt of a transaction, and returns it with the number of its block. A
    /// receipt without a block is of a transaction that is not mined yet.
    async fn receipt(
        &self,
        submitted: &mut Submitted,
    ) -> Result<(TransactionReceipt, u64), ChainError> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            for hash in &submitted.hashes {
                match self.provider().get_transaction_receipt(*hash).await {
                    Ok(Some(receipt)) => {
                        if let Some(block) = receipt.block_number {
                            return Ok((receipt, block));
                        }
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let error = ChainError::rpc(&submitted.action, error);
                        // Only a refusal ends it: the transaction is on its way.
                        if !error.is_unreachable() {
                            return Err(error);
                        }
                    }
                }
            }
            if started.elapsed() > RECEIPT_TIMEOUT {
                let (action, hash) = (submitted.action.clone(), submitted.hashes[0]);
                let seconds = RECEIPT_TIMEOUT.as_secs();
                return Err(ChainError::NotMined { action, hash, seconds });
            }
            if submitted.offered.elapsed() > RAISE_AFTER {
                self.raise_fees(submitted).await?;
            }
            tokio::time::sleep(pause).await;
            let is_new = started.elapsed() < NEW_FOR;
            pause = (pause * 2).min(if is_new { NEW_POLL_INTERVAL } else { MAX_POLL_INTERVAL });
        }
    }

    /// Offers a transaction again, at an eighth more: nodes take no replacement for less than a
    /// tenth. A node that refuses it, for one because the first was mined, changes nothing.
    async fn raise_fees(&self, submitted: &mut Submitted) -> Result<(), ChainError> {
        submitted.offered = Instant::now();
        let raised = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let now = self.provider().estimate_eip1559_fees().await.unwrap_or(submitted.fees);
        let fees = Eip1559Estimation {
            max_fee_per_gas: raised(submitted.fees.max_fee_per_gas).max(now.max_fee_per_gas),
            max_priority_fee_per_gas: raised(submitted.fees.max_priority_fee_per_gas)
                .max(now.max_priority_fee_per_gas),
        };
        let account = self.account(&submitted.action)?;
        let (hash, raw) = sign(&submitted.action, account, &submitted.request, fees).await?;
        match self.provider().send_raw_transaction(&raw).await {
            Err(error) if error.is_error_resp() && !is_known(&error) => {
                tracing::debug!(%error, "a transaction was not replaced");
            }
            Ok(_) | Err(_) => {
                submitted.hashes.push(hash);
                submitted.fees = fees;
            }
        }
        Ok(())
    }

    /// Finds out why a transaction of block `block` reverted; its receipt has no reason. The same
    /// call is tried on the state after the block, where earlier transactions of the block still
    /// count. If it succeeds there, a later transaction made it right again, so it is tried on the
    /// state before the block.
    async fn reverted(&self, action: &str, request: TransactionRequest, block: u64) -> ChainError {
        for number in [block, block.saturating_sub(1)] {
            let replayed =
                self.provider().call(request.clone()).block(BlockId::number(number)).await;
            if let Err(error) = replayed {
                return ChainError::rpc(action, error);
            }
        }
        let revert = Revert::Unknown(Default::default());
        ChainError::Reverted { action: action.to_owned(), revert }
    }
}

impl Pipeline<'_> {
    /// Sends a transaction without waiting for it. Its gas is estimated on the transactions that
    /// wait; where the node knows nothing of them, they are awaited first.
    pub(crate) async fn send(
        &mut self,
        action: &str,
        request: TransactionRequest,
        gas_margin: u64,
    ) -> Result<(), ChainError> {
        let mut request = request.from(self.chain.account(action)?.address());
        let waiting = self.submitted.iter().any(|one| one.receipt.is_none());
        let provider = self.chain.provider();
        let on_waiting = match waiting {
            true => provider.estimate_gas(request.clone()).block(BlockId::pending()).await.ok(),
            false => None,
        };
        let estimate = match on_waiting {
            Some(estimate) => estimate,
            None => {
                self.settle().await?;
                let estimate = provider.estimate_gas(request.clone()).await;
                estimate.map_err(|error| ChainError::rpc(action, error))?
            }
        };
        // Transactions earlier in the block can raise its gas above the estimate.
        let limit = estimate.saturating_add(estimate / 4).saturating_add(gas_margin);
        request.set_gas_limit(limit.min(MAX_GAS));
        let last = self.submitted.last().and_then(|one| one.request.nonce);
        let least = last.map_or(0, |nonce| nonce + 1);
        self.submitted.push(self.chain.submit(action, request, least).await?);
        Ok(())
    }

    /// Returns the gas that a call would use on the transactions that wait; `None` where the node
    /// gives a revert as the reason that it cannot say, or another reason than gas.
    pub(crate) async fn gas_of(&self, call: TransactionRequest) -> Option<u64> {
        let waiting = self.submitted.iter().any(|one| one.receipt.is_none());
        let block = if waiting { BlockId::pending() } else { BlockId::latest() };
        match self.chain.provider().estimate_gas(call).block(block).await {
            Ok(gas) => Some(gas),
            // Such as `gas required exceeds allowance` and `out of gas`.
            Err(error) => {
                let has_data = error.as_error_resp().is_some_and(|error| error.data.is_some());
                (!has_data && says(&error, &["gas"])).then_some(u64::MAX)
            }
        }
    }

    /// Waits for all transactions that were sent.
    async fn settle(&mut self) -> Result<(), ChainError> {
        for one in &mut self.submitted {
            if one.receipt.is_some() {
                continue;
            }
            let (receipt, block) = self.chain.receipt(one).await?;
            if !receipt.status() {
                return Err(self.chain.reverted(&one.action, one.request.clone(), block).await);
            }
            one.receipt = Some((receipt, block));
        }
        Ok(())
    }

    /// Waits for all transactions, and returns them in order.
    pub(crate) async fn finish(
        mut self,
    ) -> Result<Vec<(SentTransaction, TransactionReceipt)>, ChainError> {
        self.settle().await?;
        let receipts = self.submitted.into_iter().filter_map(|one| one.receipt);
        Ok(receipts
            .map(|(receipt, block)| {
                let hash = receipt.transaction_hash;
                (SentTransaction { hash, block, gas: receipt.gas_used }, receipt)
            })
            .collect())
    }
}

/// Signs a transaction for the account's chain, and returns its hash and bytes.
async fn sign(
    action: &str,
    account: &Account,
    request: &TransactionRequest,
    fees: Eip1559Estimation,
) -> Result<(B256, Bytes), ChainError> {
    let failed = |error: &dyn std::error::Error| ChainError::Signer {
        action: action.to_owned(),
        reason: crate::text::excerpt(&error.to_string()),
    };
    let mut request = request.clone();
    request.set_chain_id(account.chain_id());
    request.set_max_fee_per_gas(fees.max_fee_per_gas);
    request.set_max_priority_fee_per_gas(fees.max_priority_fee_per_gas);
    let signed = request.build(account.wallet()).await.map_err(|error| failed(&error))?;
    Ok((*signed.tx_hash(), signed.encoded_2718().into()))
}

/// Returns whether the node had the transaction already. JSON-RPC has no code for it; these are the
/// words of geth, Nethermind, Besu and anvil.
fn is_known(error: &RpcError<TransportErrorKind>) -> bool {
    says(error, &["already known", "alreadyknown", "known transaction", "already imported"])
}

/// Returns whether another transaction of the account had the nonce first. JSON-RPC has no code for
/// it; these are the words of geth, which other nodes use too.
fn is_nonce_used(error: &RpcError<TransportErrorKind>) -> bool {
    says(error, &["nonce too low", "replacement transaction underpriced"])
}

fn says(error: &RpcError<TransportErrorKind>, words: &[&str]) -> bool {
    let message = error.as_error_resp().map(|response| response.message.to_lowercase());
    message.is_some_and(|message| words.iter().any(|words| message.contains(words)))
}
