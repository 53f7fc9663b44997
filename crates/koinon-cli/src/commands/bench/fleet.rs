//! Operators by the thousand, which really join: keys, certificates, stake, applications.

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
use koinon_chain::Joining;
use koinon_chain::contracts::Stake;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;

use super::batch::MOST;
use super::batch::Terms;
use super::batch::send;
use super::ground::Ground;
use super::load::drive;
use crate::error::CommandError;
use crate::error::Outcome;
use crate::ui::Stage;

/// Operators whose transactions go out together, three each.
const TOGETHER: usize = MOST / 3;

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
    let terms = Terms::of(&ground.chain).await?;
    // The first joins alone, to see what it takes; names and certificates of the others differ by a few bytes.
    let first = ground.chain_of(fleet[0].signer.clone()).await?;
    let mut gas = [0; 3];
    for (used, request) in gas.iter_mut().zip(fleet[0].requests(contracts).await?) {
        *used = first.transfer(request).await?.gas;
    }
    let total = Arc::new(AtomicU64::new(gas.iter().sum()));
    let limits = gas.map(|gas| gas + gas / 2 + 20_000);
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
    some: &[Recruit],
    (terms, limits): (Terms, [u64; 3]),
) -> Outcome<u64> {
    let mut signed = Vec::with_capacity(some.len() * 3);
    for recruit in some {
        let requests = recruit.requests(contracts).await?.into_iter().zip(limits);
        for (nonce, (request, limit)) in (0..).zip(requests) {
            signed.push(terms.sign(&recruit.signer, request, (nonce, limit))?);
        }
    }
    send(contracts.chain(), &signed).await
}
