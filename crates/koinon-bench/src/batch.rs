//! Batches of transactions, signed here and sent in one batch of requests.

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
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_chain::Chain;
use koinon_command::CommandError;
use koinon_command::Outcome;

/// Most transactions of one batch: nodes accept at least a hundred requests together.
pub(crate) const MAX_BATCH: usize = 100;

/// Time within which a batch must be mined.
const RECEIPTS_TIMEOUT: Duration = Duration::from_secs(180);
/// Longest pause between two requests for receipts.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The chain id and the fees that all transactions of a batch share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SigningTerms {
    chain_id: u64,
    fees: Eip1559Estimation,
}

/// The nonce and the gas limit of one transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NonceAndGas {
    pub(crate) nonce: u64,
    pub(crate) gas_limit: u64,
}

impl SigningTerms {
    /// Reads them from the chain.
    pub(crate) async fn read(chain: &Chain) -> Outcome<Self> {
        let provider = chain.provider();
        Ok(Self {
            chain_id: chain.signed_chain_id().context("a benchmark has an account that pays")?,
            fees: provider.estimate_eip1559_fees().await.context("cannot read the chain's fees")?,
        })
    }

    /// Returns the most wei that one gas may cost; at least 1.
    pub(crate) fn max_gas_price(&self) -> u128 {
        self.fees.max_fee_per_gas.max(1)
    }

    /// Signs a transaction.
    pub(crate) fn sign(
        &self,
        signer: &PrivateKeySigner,
        request: TransactionRequest,
        NonceAndGas { nonce, gas_limit }: NonceAndGas,
    ) -> Outcome<Bytes> {
        let mut transaction = TxEip1559 {
            chain_id: self.chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: self.fees.max_fee_per_gas,
            max_priority_fee_per_gas: self.fees.max_priority_fee_per_gas,
            to: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or(U256::ZERO),
            access_list: Default::default(),
            // A transfer has no input.
            input: request.input.into_input().unwrap_or_default(),
        };
        let signature =
            signer.sign_transaction_sync(&mut transaction).context("cannot sign a transaction")?;
        Ok(transaction.into_signed(signature).encoded_2718().into())
    }
}

/// Sends signed transactions together and waits until all are mined. Returns the gas they used.
pub(crate) async fn send(chain: &Chain, signed: &[Bytes]) -> Outcome<u64> {
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
        if started.elapsed() > RECEIPTS_TIMEOUT {
            let missing = hashes.len() - receipts.len();
            return Err(CommandError::failed(format!("{missing} transactions were not mined")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_POLL_INTERVAL);
    }
}
