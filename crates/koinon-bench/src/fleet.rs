//! Thousands of operators with keys, certificates and stake, which join a service.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use alloy::network::TransactionBuilder;
use alloy::primitives::U256;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use anyhow::Context;
use koinon_chain::Contracts;
use koinon_chain::JoinApplication;
use koinon_chain::ServiceContract;
use koinon_chain::bindings::Stake;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::Stage;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;

use crate::batch::MAX_BATCH;
use crate::batch::NonceAndGas;
use crate::batch::SigningTerms;
use crate::batch::send;
use crate::chain::BenchChain;
use crate::load::run_load;

/// Operators whose transactions are sent in one batch, three each.
const OPERATORS_PER_BATCH: usize = MAX_BATCH / 3;

/// An operator of a benchmark.
#[derive(Debug)]
pub(crate) struct BenchOperator {
    pub(crate) signer: PrivateKeySigner,
    pub(crate) beacon: BeaconKey,
    certificate: Certificate,
    key: CertificateKey,
    name: String,
    stake: u64,
}

impl BenchOperator {
    /// Makes an operator's keys and its certificate.
    pub(crate) fn new(number: usize, stake: u64) -> Outcome<Self> {
        const LIFETIME: Duration = Duration::from_secs(365 * 86_400);
        let signer = PrivateKeySigner::random();
        let secret = || PrivateKeySigner::random().to_bytes().0;
        let beacon = BeaconKey::from_bytes(&secret()).context("cannot make a beacon key")?;
        // One in 2^32 numbers of this size is not below the order of P-256: then draw again.
        let key = loop {
            if let Ok(key) = CertificateKey::from_bytes(&secret()) {
                break key;
            }
        };
        let name = format!("operator{number}@bench");
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .context("the clock is before 1970")?;
        let certificate = key.issue(&name, now, LIFETIME).context("cannot issue a certificate")?;
        Ok(Self { signer, beacon, certificate, key, name, stake })
    }

    /// Returns the first three transactions of the account: stake, publish the certificate, join.
    async fn requests(&self, contracts: &Contracts) -> Outcome<[TransactionRequest; 3]> {
        let joining = JoinApplication {
            name: &self.name,
            certificate: &self.certificate,
            key: &self.key,
            beacon: self.beacon.public(),
        };
        let deposit = TransactionRequest::default()
            .with_to(contracts.address(ServiceContract::Stake))
            .with_value(U256::from(self.stake))
            .with_input(Stake::depositCall {}.abi_encode());
        let requests = contracts.join_requests(self.signer.address(), joining).await?;
        Ok([deposit, requests.certificate, requests.application])
    }
}

/// Makes operators, on one thread per processor.
pub(crate) async fn make_operators(stakes: Vec<u64>) -> Outcome<Vec<BenchOperator>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let stakes = Arc::new(stakes);
    let share = stakes.len().div_ceil(threads).max(1);
    let tasks = (0..stakes.len()).step_by(share).map(|from| {
        let stakes = Arc::clone(&stakes);
        tokio::task::spawn_blocking(move || {
            let mine = from..(from + share).min(stakes.len());
            mine.map(|number| BenchOperator::new(number, stakes[number]))
                .collect::<Outcome<Vec<_>>>()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Vec::with_capacity(stakes.len());
    for task in tasks {
        all.extend(task.await.context("cannot make keys")??);
    }
    Ok(all)
}

/// Lets all operators join. Returns the gas they used.
pub(crate) async fn join(
    stage: &Stage,
    bench: &BenchChain,
    contracts: &Contracts,
    fleet: &Arc<Vec<BenchOperator>>,
) -> Outcome<u64> {
    let terms = SigningTerms::read(&bench.chain).await?;
    // The first joins alone, to measure the gas; names and certificates of the others differ by a
    // few bytes.
    let first = bench.chain_of(fleet[0].signer.clone()).await?;
    let mut gas = [0; 3];
    for (used, request) in gas.iter_mut().zip(fleet[0].requests(contracts).await?) {
        *used = first.transfer(request).await?.gas;
    }
    let total = Arc::new(AtomicU64::new(gas.iter().sum()));
    let limits = gas.map(|gas| gas + gas / 2 + 20_000);
    let batches = (fleet.len() - 1).div_ceil(OPERATORS_PER_BATCH);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let load = run_load(stage, threads * 2, batches, {
        let (contracts, fleet, total) = (contracts.clone(), Arc::clone(fleet), Arc::clone(&total));
        move |_, batch| {
            let (contracts, fleet, total) =
                (contracts.clone(), Arc::clone(&fleet), Arc::clone(&total));
            async move {
                let from = 1 + batch * OPERATORS_PER_BATCH;
                let some = &fleet[from..(from + OPERATORS_PER_BATCH).min(fleet.len())];
                let used = join_some(&contracts, some, (terms, limits)).await?;
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

async fn join_some(
    contracts: &Contracts,
    some: &[BenchOperator],
    (terms, limits): (SigningTerms, [u64; 3]),
) -> Outcome<u64> {
    let mut signed = Vec::with_capacity(some.len() * 3);
    for operator in some {
        let requests = operator.requests(contracts).await?.into_iter().zip(limits);
        for (nonce, (request, limit)) in (0..).zip(requests) {
            signed.push(terms.sign(
                &operator.signer,
                request,
                NonceAndGas { nonce, gas_limit: limit },
            )?);
        }
    }
    send(contracts.chain(), &signed).await
}
