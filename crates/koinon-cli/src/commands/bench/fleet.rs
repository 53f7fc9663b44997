//! Operators by the thousand, which really join: keys, certificates, stake, applications.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use alloy::consensus::SignableTransaction;
use alloy::consensus::TxEip1559;
use alloy::eips::eip1559::Eip1559Estimation;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TransactionBuilder;
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
use alloy::sol_types::SolCall;
use anyhow::Context;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::Joining;
use koinon_chain::contracts::Stake;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;

use super::ground::Ground;
use super::load::drive;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::ui::Stage;

/// Operators whose transactions go out together; one batch of requests is three times as long.
const TOGETHER: usize = 64;
/// How long a batch may take to be mined.
const MINED_WITHIN: Duration = Duration::from_secs(180);

/// An operator that only a benchmark has.
#[derive(Debug)]
pub(super) struct Recruit {
    pub(super) signer: PrivateKeySigner,
    pub(super) beacon: BeaconKey,
    certificate: Certificate,
    key: CertificateKey,
    name: String,
    stake: u64,
}

/// What is the same for all transactions of a fleet.
#[derive(Clone, Copy, Debug)]
struct Terms {
    chain_id: u64,
    fees: Eip1559Estimation,
    /// Gas limits of staking, publishing and joining.
    gas: [u64; 3],
}

impl Recruit {
    /// Makes an operator's keys and its certificate.
    pub(super) fn new(number: usize, stake: u64) -> Outcome<Self> {
        const LIFETIME: Duration = Duration::from_secs(365 * 86_400);
        let signer = PrivateKeySigner::random();
        let secret = || PrivateKeySigner::random().to_bytes().0;
        let beacon = BeaconKey::from_bytes(&secret()).context("cannot make a beacon key")?;
        // A number this size is below the order of P-256 but for one in 2^32; then another is drawn.
        let key = loop {
            if let Ok(key) = CertificateKey::from_bytes(&secret()) {
                break key;
            }
        };
        let name = format!("operator{number}@bench");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let certificate = key.issue(&name, now, LIFETIME).context("cannot issue a certificate")?;
        Ok(Self { signer, beacon, certificate, key, name, stake })
    }

    /// Staking, publishing the certificate, joining: an account's first three transactions.
    async fn requests(&self, contracts: &Contracts) -> Outcome<[TransactionRequest; 3]> {
        let joining = Joining {
            name: &self.name,
            certificate: &self.certificate,
            key: &self.key,
            beacon: self.beacon.public(),
        };
        let deposit = TransactionRequest::default()
            .with_to(contracts.stake)
            .with_value(U256::from(self.stake))
            .with_input(Stake::depositCall {}.abi_encode());
        let [certificate, join] = contracts.join_requests(self.signer.address(), joining).await?;
        Ok([deposit, certificate, join])
    }
}

/// Makes operators, on as many threads as there are processors.
pub(super) async fn recruit(stakes: Vec<u64>) -> Outcome<Vec<Recruit>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let stakes = Arc::new(stakes);
    let share = stakes.len().div_ceil(threads).max(1);
    let tasks = (0..stakes.len()).step_by(share).map(|from| {
        let stakes = Arc::clone(&stakes);
        tokio::task::spawn_blocking(move || {
            let mine = from..(from + share).min(stakes.len());
            mine.map(|number| Recruit::new(number, stakes[number])).collect::<Outcome<Vec<_>>>()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Vec::with_capacity(stakes.len());
    for task in tasks {
        all.extend(task.await.context("cannot make keys")??);
    }
    Ok(all)
}

/// Has all of them join. Returns the gas they used.
pub(super) async fn join(
    stage: &Stage,
    ground: &Ground,
    contracts: &Contracts,
    fleet: &Arc<Vec<Recruit>>,
) -> Outcome<u64> {
    let chain_id = ground.info().await?.chain_id;
    let fees = ground.chain.provider().estimate_eip1559_fees().await;
    let fees = fees.context("cannot read the chain's fees")?;
    // The first joins alone, to see what it takes; names and certificates of the others differ by a few bytes.
    let first = ground.chain_of(fleet[0].signer.clone()).await?;
    let mut gas = [0; 3];
    for (used, request) in gas.iter_mut().zip(fleet[0].requests(contracts).await?) {
        *used = first.transfer(request).await?.gas;
    }
    let total = Arc::new(AtomicU64::new(gas.iter().sum()));
    let terms = Terms { chain_id, fees, gas: gas.map(|gas| gas + gas / 2 + 20_000) };
    let batches = (fleet.len() - 1).div_ceil(TOGETHER);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let load = drive(stage, threads * 2, batches, {
        let (contracts, fleet, total) = (contracts.clone(), Arc::clone(fleet), Arc::clone(&total));
        move |_, batch| {
            let (contracts, fleet, total) =
                (contracts.clone(), Arc::clone(&fleet), Arc::clone(&total));
            async move {
                let from = 1 + batch * TOGETHER;
                let some = &fleet[from..(from + TOGETHER).min(fleet.len())];
                let used = join_some(&contracts, some, terms).await?;
                total.fetch_add(used, Ordering::Relaxed);
                Ok(())
            }
        }
    })
    .await?;
    match load.first_failure {
        Some(failure) => Err(CommandError::failed(format!("an operator cannot join: {failure}"))),
        None => Ok(total.load(Ordering::Relaxed)),
    }
}

async fn join_some(contracts: &Contracts, some: &[Recruit], terms: Terms) -> Outcome<u64> {
    let mut signed = Vec::with_capacity(some.len() * 3);
    for recruit in some {
        let requests = recruit.requests(contracts).await?;
        for (nonce, (request, gas)) in (0..).zip(requests.into_iter().zip(terms.gas)) {
            signed.push(sign(&recruit.signer, request, nonce, (gas, terms))?);
        }
    }
    let hashes = send(contracts.chain(), &signed).await?;
    let receipts = mined(contracts.chain(), &hashes).await?;
    if let Some(failed) = receipts.iter().find(|receipt| !receipt.status()) {
        return Err(CommandError::failed(format!("{} was reverted", failed.transaction_hash)));
    }
    Ok(receipts.iter().map(|receipt| receipt.gas_used).sum())
}

fn sign(
    signer: &PrivateKeySigner,
    request: TransactionRequest,
    nonce: u64,
    (gas_limit, terms): (u64, Terms),
) -> Outcome<Bytes> {
    let mut transaction = TxEip1559 {
        chain_id: terms.chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: terms.fees.max_fee_per_gas,
        max_priority_fee_per_gas: terms.fees.max_priority_fee_per_gas,
        to: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        access_list: Default::default(),
        input: request.input.into_input().unwrap_or_default(),
    };
    let signature = signer.sign_transaction_sync(&mut transaction);
    let signature = signature.context("cannot sign a transaction")?;
    Ok(transaction.into_signed(signature).encoded_2718().into())
}

/// Sends signed transactions in one batch of requests.
async fn send(chain: &Chain, signed: &[Bytes]) -> Outcome<Vec<B256>> {
    let failed = "cannot send a batch of transactions";
    let client = chain.provider().client();
    let mut batch = BatchRequest::new(&client);
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
    loop {
        let client = chain.provider().client();
        let mut batch = BatchRequest::new(&client);
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
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
