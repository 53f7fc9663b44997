//! Kills a real process under load, again and again: no acknowledged transaction may be missing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::env;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use common::Probe;
use common::config;
use common::embedded_provider;
use common::sign;
use common::signer;
use common::tx;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;

const KILLS: usize = 40;
const DIR: &str = "KOINON_EVM_CRASH_DIR";

fn on_disk(dir: &Path) -> Config {
    Config { dir: Some(dir.to_owned()), ..config() }
}

fn probe() -> Address {
    signer(0).address().create(0)
}

/// The process that is killed: it does nothing unless the test below starts it. It prints each
/// transaction once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_process_entry() {
    let Some(dir) = env::var_os(DIR) else { return };
    let chain = EmbeddedChain::open(on_disk(&PathBuf::from(dir))).unwrap();
    let provider = embedded_provider(&chain);
    if provider.get_code_at(probe()).await.unwrap().is_empty() {
        common::deploy(&provider).await;
    }
    let mut senders = tokio::task::JoinSet::new();
    for account in 0..3 {
        senders.spawn(increment_forever(provider.clone(), account));
    }
    senders.spawn(queue_forever(provider));
    senders.join_all().await;
}

async fn acknowledged(provider: &DynProvider, account: usize, nonce: u64) {
    let call =
        tx(nonce, Some(probe()), Probe::incrementCall {}.abi_encode()).with_gas_limit(100_000);
    let raw = sign(&signer(account), call).await;
    let sent = provider.send_raw_transaction(&raw).await.unwrap();
    let line = format!("acknowledged {:x}\n", sent.tx_hash());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

async fn increment_forever(provider: DynProvider, account: usize) {
    let mut nonce = provider.get_transaction_count(signer(account).address()).await.unwrap();
    loop {
        acknowledged(&provider, account, nonce).await;
        nonce += 1;
    }
}

/// Account 3 never sends nonce 0, so all its transactions wait.
async fn queue_forever(provider: DynProvider) {
    for nonce in 1..=1000 {
        let call =
            tx(nonce, Some(probe()), Probe::incrementCall {}.abi_encode()).with_gas_limit(100_000);
        let raw = sign(&signer(3), call).await;
        let hash = alloy::primitives::keccak256(&raw);
        if provider.get_transaction_by_hash(hash).await.unwrap().is_none() {
            drop(provider.send_raw_transaction(&raw).await.unwrap());
            let line = format!("acknowledged {hash:x}\n");
            std::io::stdout().write_all(line.as_bytes()).unwrap();
        }
        tokio::task::yield_now().await;
    }
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<B256> = Vec::new();
    // A small generator, so that a failure can be repeated: Knuth's MMIX constants.
    let mut seed: u64 = 42;
    for round in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lines_before_kill = (seed >> 33) as usize % 150;
        let found = run_and_kill(dir.path(), lines_before_kill);
        all.extend(found);
        check(dir.path(), &all, round).await;
    }
    assert!(all.len() > KILLS, "only {} transactions were acknowledged", all.len());
    println!("{KILLS} kills, {} acknowledged transactions, none lost", all.len());
}

/// Starts the child process, kills it after some acknowledgements, and returns all of them.
fn run_and_kill(dir: &Path, lines_before_kill: usize) -> Vec<B256> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_process_entry", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut found = Vec::new();
    let mut killed = false;
    loop {
        if found.len() >= lines_before_kill && !killed {
            child.kill().unwrap();
            killed = true;
        }
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if line.is_empty() {
            break;
        }
        // The last line may be cut short by the kill.
        if let (Some((_, hash)), true) = (line.split_once("acknowledged "), line.ends_with('\n')) {
            found.push(hash.trim().parse().unwrap());
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child process ended by itself");
    found
}

async fn check(dir: &Path, all: &[B256], round: usize) {
    let chain = EmbeddedChain::open(on_disk(dir)).unwrap();
    let provider = embedded_provider(&chain);
    for hash in all {
        let tx = provider.get_transaction_by_hash(*hash).await.unwrap();
        let tx = tx.unwrap_or_else(|| panic!("round {round}: {hash} is lost"));
        if tx.inner.signer() == signer(3).address() {
            assert_eq!(tx.block_number, None);
        } else {
            let receipt = provider.get_transaction_receipt(*hash).await.unwrap().unwrap();
            assert!(receipt.status());
        }
    }
    // Every transaction but the deployment counts one up.
    let mut sent = 0;
    for account in 0..3 {
        sent += provider.get_transaction_count(signer(account).address()).await.unwrap();
    }
    if sent > 0 {
        let counter = Probe::new(probe(), &provider).counter().call().await.unwrap();
        assert_eq!(counter, U256::from(sent - 1), "round {round}");
    }
    chain.close();
}
