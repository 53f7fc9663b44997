//! Many transactions at once: signed here, sent in one batch of requests.

use std::time::Duration;
use std::time::Instant;

use alloy::consensus::SignableTransaction;
use alloy::consensus::TxEip1559;
use alloy::eips::eip1559::Eip1559Estimation;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::TxKind;
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Chain;

use crate::error::CommandError;
use crate::error::Outcome;

/// Transactions one batch should have at most: nodes take a hundred requests together at least.
pub(super) const MOST: usize = 100;

/// How long a batch may take to be mined.
const MINED_WITHIN: Duration = Duration::from_secs(180);
/// The longest pause between two looks for receipts.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is the same for all transactions of a chain for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    chain_id: u64,
    fees: Eip1559Estimation,
}

impl Terms {
    /// Asks the chain for them.
    pub(super) async fn of(chain: &Chain) -> Outcome<Self> {
        let chain_id = chain.provider().get_chain_id().await;
        let fees = chain.provider().estimate_eip1559_fees().await;
        Ok(Self {
            chain_id: chain_id.context("cannot read the chain's id")?,
            fees: fees.context("cannot read the chain's fees")?,
        })
    }

    /// The most wei one gas may cost; 1 at least.
    pub(super) fn price(&self) -> u128 {
        self.fees.max_fee_per_gas.max(1)
    }

    /// Signs a transaction with this nonce and gas limit.
    pub(super) fn sign(
        &self,
        signer: &PrivateKeySigner,
        request: TransactionRequest,
        (nonce, gas_limit): (u64, u64),
    ) -> Outcome<Bytes> {
        let mut transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: self.fees.max_fee_per_gas,
            max_priority_fee_per_gas: self.fees.max_priority_fee_per_gas,
            to: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            access_list: Default::default(),
            input: request.input.into_input().unwrap_or_default(),
        };
        let signature = signer.sign_transaction_sync(&mut transaction);
        let signature = signature.context("cannot sign a transaction")?;
        Ok(transaction.into_signed(signature).encoded_2718().into())
    }
}

/// Sends signed transactions together and waits until all are mined. Returns the gas they used.
pub(super) async fn send(chain: &Chain, signed: &[Bytes]) -> Outcome<u64> {
    let hashes = submit(chain, signed).await?;
    let receipts = mined(chain, &hashes).await?;
    if let Some(failed) = receipts.iter().find(|receipt| !receipt.status()) {
        return Err(CommandError::failed(format!("{} was reverted", failed.transaction_hash)));
    }
    Ok(receipts.iter().map(|receipt| receipt.gas_used).sum())
}

async fn submit(chain: &Chain, signed: &[Bytes]) -> Outcome<Vec<B256>> {
    let failed = "cannot send a batch of transactions";
    let client = chain.provider().client();
    let mut batch = BatchRequest::new(client);
    let mut answers = Vec::with_capacity(signed.len());
    for bytes in signed {
        answers
            .push(batch.add_call::<_, B256>("eth_sendRawTransaction", &(bytes,)).context(failed)?);
    }
    batch.send().await.context(failed)?;
    let mut hashes = Vec::with_capacity(signed.len());
    for answer in answers {
        hashes.push(answer.await.context(failed)?);
    }
    Ok(hashes)
}

/// Waits until all are mined.
async fn mined(chain: &Chain, hashes: &[B256]) -> Outcome<Vec<TransactionReceipt>> {
    let failed = "cannot read receipts";
    let started = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let client = chain.provider().client();
        let mut batch = BatchRequest::new(client);
        let mut answers = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let call = batch
                .add_call::<_, Option<TransactionReceipt>>("eth_getTransactionReceipt", &(hash,));
            answers.push(call.context(failed)?);
        }
        batch.send().await.context(failed)?;
        let mut receipts = Vec::with_capacity(hashes.len());
        for answer in answers {
            receipts.extend(answer.await.context(failed)?);
        }
        if receipts.len() == hashes.len() {
            return Ok(receipts);
        }
        if started.elapsed() > MINED_WITHIN {
            let missing = hashes.len() - receipts.len();
            return Err(CommandError::failed(format!("{missing} transactions were not mined")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_EVERY);
    }
}
