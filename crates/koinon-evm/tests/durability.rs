//! A chain that was closed and opened again, and damage to its file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use common::CHAIN_ID;
use common::Probe;
use common::config;
use common::embedded_provider;
use common::ether;
use common::sign;
use common::signer;
use common::tx;
use common::word;
use koinon_evm::ChainOpenError;
use koinon_evm::Clock;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use koinon_evm::JournalError;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use serde_json::value::to_raw_value;

fn on_disk(dir: &Path) -> Config {
    let clock = Clock::Manual(AtomicU64::new(1_800_000_000).into());
    Config { dir: Some(dir.to_owned()), clock, ..config() }
}

async fn rpc(chain: &EmbeddedChain, method: &str, params: Value) -> Value {
    let params = to_raw_value(&params).unwrap();
    let answer = chain.handle(method, Some(&params)).await.unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

/// All that can be read of a chain: blocks, receipts, and the state at every block.
async fn dump(chain: &EmbeddedChain) -> Vec<Value> {
    let head: u64 = embedded_provider(chain).get_block_number().await.unwrap();
    let probe = signer(0).address().create(0);
    let mut all = Vec::new();
    for number in 0..=head {
        let at = format!("{number:#x}");
        all.push(rpc(chain, "eth_getBlockByNumber", json!([at, true])).await);
        all.push(rpc(chain, "eth_getBlockReceipts", json!([at])).await);
        all.push(rpc(chain, "eth_getCode", json!([probe, at])).await);
        for account in 0..4 {
            let address = signer(account).address();
            all.push(rpc(chain, "eth_getBalance", json!([address, at])).await);
            all.push(rpc(chain, "eth_getTransactionCount", json!([address, at])).await);
        }
        for slot in 0..4 {
            let key = json!([probe, Bytes::from(map_slot(slot).to_vec()), at]);
            all.push(rpc(chain, "eth_getStorageAt", key).await);
        }
        all.push(rpc(chain, "eth_getLogs", json!([{ "fromBlock": at, "toBlock": at }])).await);
    }
    for account in 0..4 {
        let address = signer(account).address();
        all.push(rpc(chain, "eth_getTransactionCount", json!([address, "pending"])).await);
    }
    all
}

/// Where Solidity keeps `words[key]`, the second variable of the probe.
fn map_slot(key: u64) -> alloy::primitives::B256 {
    let mut preimage = word(key).to_vec();
    preimage.extend_from_slice(word(1).as_slice());
    alloy::primitives::keccak256(preimage)
}

#[derive(Clone, Debug)]
enum Op {
    SetWord { account: usize, at: u64, value: u64 },
    Count { account: usize, n: u64 },
    Pay { from: usize, to: usize },
    Fail { account: usize, kind: u64 },
    Queue { account: usize, ahead: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0usize..3, 0u64..4, 0u64..3).prop_map(|(account, at, value)| Op::SetWord {
            account,
            at,
            value
        }),
        (0usize..3, 0u64..4).prop_map(|(account, n)| Op::Count { account, n }),
        (0usize..3, 0usize..4).prop_map(|(from, to)| Op::Pay { from, to }),
        (0usize..3, 0u64..6).prop_map(|(account, kind)| Op::Fail { account, kind }),
        (0usize..3, 1u64..4).prop_map(|(account, ahead)| Op::Queue { account, ahead }),
    ]
}

async fn apply(chain: &EmbeddedChain, op: &Op) {
    let probe = signer(0).address().create(0);
    let (account, ahead, request) = match *op {
        Op::SetWord { account, at, value } => {
            let call = Probe::setWordCall { at: U256::from(at), value: U256::from(value) };
            (account, 0, tx(0, Some(probe), call.abi_encode()))
        }
        Op::Count { account, n } => {
            (account, 0, tx(0, Some(probe), Probe::countCall { n: U256::from(n) }.abi_encode()))
        }
        Op::Pay { from, to } => {
            (from, 0, tx(0, Some(signer(to).address()), Bytes::new()).with_value(ether(1)))
        }
        Op::Fail { account, kind } => {
            let call = Probe::failCall { kind: U256::from(kind) };
            (account, 0, tx(0, Some(probe), call.abi_encode()).with_gas_limit(90_000))
        }
        Op::Queue { account, ahead } => {
            (account, ahead, tx(0, Some(probe), Probe::incrementCall {}.abi_encode()))
        }
    };
    let provider = embedded_provider(chain);
    let next = provider.get_transaction_count(signer(account).address()).pending().await.unwrap();
    let raw = sign(&signer(account), request.with_nonce(next + ahead)).await;
    // A queued transaction with the same nonce may be in the way, which is fine too.
    drop(provider.send_raw_transaction(&raw).await);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn reloading_changes_nothing(ops in proptest::collection::vec(op(), 0..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let chain = EmbeddedChain::open(on_disk(dir.path())).unwrap();
            common::deploy(&embedded_provider(&chain)).await;
            for op in &ops {
                apply(&chain, op).await;
            }
            let before = dump(&chain).await;
            chain.close();
            let reopened = EmbeddedChain::open(on_disk(dir.path())).unwrap();
            assert_eq!(dump(&reopened).await, before);
        });
    }
}

/// Three blocks on disk, left as by a crash; returns the log's length after each.
async fn three_blocks(dir: &Path) -> Vec<u64> {
    let lengths = three_blocks_closed(dir).await;
    // A chain that is killed does not note the end of its log.
    fs::remove_file(dir.join("chain.end")).unwrap();
    lengths
}

/// Three blocks on disk, closed properly; returns the log's length after each.
async fn three_blocks_closed(dir: &Path) -> Vec<u64> {
    let log = dir.join("chain.log");
    // While the chain is open, its log ends in zeros.
    let length = || {
        let bytes = fs::read(&log).unwrap();
        bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1
    };
    let chain = EmbeddedChain::open(on_disk(dir)).unwrap();
    let mut lengths = vec![length()];
    for nonce in 0..3 {
        let raw = sign(&signer(0), tx(nonce, Some(signer(1).address()), Bytes::new())).await;
        drop(embedded_provider(&chain).send_raw_transaction(&raw).await.unwrap());
        lengths.push(length());
    }
    chain.close();
    lengths
}

/// Opens the chain, and forgets again that it was closed properly.
async fn head_after_crash(dir: &Path) -> u64 {
    let chain = EmbeddedChain::open(on_disk(dir)).unwrap();
    let head = embedded_provider(&chain).get_block_number().await.unwrap();
    chain.close();
    fs::remove_file(dir.join("chain.end")).unwrap();
    head
}

/// Writes a log and asserts that it is refused, and left as it is.
fn assert_damaged(dir: &Path, bytes: &[u8], what: &str) -> u64 {
    let log = dir.join("chain.log");
    fs::write(&log, bytes).unwrap();
    let offset = match EmbeddedChain::open(on_disk(dir)) {
        Err(ChainOpenError::Journal(JournalError::Damaged { offset, .. })) => offset,
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(fs::read(&log).unwrap(), bytes, "{what}: a log that is not opened stays unchanged");
    offset
}

#[tokio::test]
async fn a_log_that_was_closed_ends_where_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("chain.log");
    let lengths = three_blocks_closed(dir.path()).await;
    let whole = fs::read(&log).unwrap();
    // A flipped bit anywhere in the last frame.
    for at in (lengths[2]..lengths[3]).step_by(5) {
        let mut damaged = whole.clone();
        damaged[at as usize] ^= 0x10;
        assert_eq!(assert_damaged(dir.path(), &damaged, &format!("byte {at}")), lengths[2]);
    }
    // Cut anywhere, down to nothing.
    for cut in (0..lengths[3]).step_by(11) {
        assert_damaged(dir.path(), &whole[..cut as usize], &format!("cut at {cut}"));
    }
    // Zeros over the last frames.
    for frame in 0..3 {
        let mut zeroed = whole.clone();
        zeroed[lengths[frame] as usize..].fill(0);
        let offset = assert_damaged(dir.path(), &zeroed, &format!("zeros from frame {frame}"));
        assert_eq!(offset, lengths[frame]);
    }
    // Another log of the same chain in its place, whole in itself.
    let other = tempfile::tempdir().unwrap();
    three_blocks_closed(other.path()).await;
    let theirs = fs::read(other.path().join("chain.log")).unwrap();
    assert_damaged(dir.path(), &theirs, "another log");
    // No log at all where there was one.
    fs::remove_file(&log).unwrap();
    let error = EmbeddedChain::open(on_disk(dir.path())).unwrap_err();
    assert!(matches!(error, ChainOpenError::Journal(JournalError::Io { .. })), "{error:?}");
    // A mark that is none.
    fs::write(&log, &whole).unwrap();
    let mark = fs::read(dir.path().join("chain.end")).unwrap();
    for damaged in [&mark[..10], &[&mark[..], &[0]].concat(), &[0; 40]] {
        fs::write(dir.path().join("chain.end"), damaged).unwrap();
        assert_damaged(dir.path(), &whole, "the mark");
    }
    fs::write(dir.path().join("chain.end"), mark).unwrap();
    // Bytes after the end are no part of it: they are set aside.
    fs::write(&log, [&whole[..], b"more"].concat()).unwrap();
    let chain = EmbeddedChain::open(on_disk(dir.path())).unwrap();
    assert_eq!(embedded_provider(&chain).get_block_number().await.unwrap(), 3);
    let aside = dir.path().join(format!("torn-{}.bin", lengths[3]));
    assert_eq!(fs::read(aside).unwrap(), b"more");
}

/// A chain whose log was emptied or cut to some bytes is not begun anew, not even after a crash.
#[tokio::test]
async fn a_directory_that_had_a_chain_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let lengths = three_blocks(dir.path()).await;
    let whole = fs::read(dir.path().join("chain.log")).unwrap();
    for cut in [0, 1, 10, 55, 56, 57, lengths[0] as usize - 1] {
        assert_damaged(dir.path(), &whole[..cut], &format!("{cut} bytes"));
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("chain.log");
    let lengths = three_blocks(dir.path()).await;
    let whole = fs::read(&log).unwrap();
    assert_eq!(whole.len() as u64, lengths[3]);
    for cut in (lengths[2]..lengths[3]).step_by(7) {
        fs::write(&log, &whole[..cut as usize]).unwrap();
        assert_eq!(head_after_crash(dir.path()).await, 2, "cut at {cut}");
        let aside = dir.path().join(format!("torn-{}.bin", lengths[2]));
        assert_eq!(aside.exists(), cut > lengths[2]);
    }
    // Right size, wrong content, as after a crash that wrote the size but not the data.
    let mut zeroed = whole.clone();
    zeroed[lengths[2] as usize..].fill(0);
    fs::write(&log, &zeroed).unwrap();
    assert_eq!(head_after_crash(dir.path()).await, 2);
    let mut half = whole;
    half[lengths[3] as usize - 40..].fill(0);
    fs::write(&log, &half).unwrap();
    assert_eq!(head_after_crash(dir.path()).await, 2);
}

#[tokio::test]
async fn damage_before_the_tail_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("chain.log");
    let lengths = three_blocks(dir.path()).await;
    let whole = fs::read(&log).unwrap();
    for at in (0..lengths[2]).step_by(13) {
        let mut damaged = whole.clone();
        damaged[at as usize] ^= 0x10;
        // The log begins with its key, before the first frame.
        let first = if at < 56 { 0 } else { 56 };
        let start = lengths.iter().rev().find(|start| **start <= at).copied().unwrap_or(first);
        assert_eq!(assert_damaged(dir.path(), &damaged, &format!("byte {at}")), start);
    }
}

#[tokio::test]
async fn a_frame_cannot_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("chain.log");
    let lengths = three_blocks(dir.path()).await;
    let mut bytes = fs::read(&log).unwrap();
    bytes.drain(lengths[1] as usize..lengths[2] as usize);
    fs::write(&log, &bytes).unwrap();
    let error = EmbeddedChain::open(on_disk(dir.path())).unwrap_err();
    assert!(matches!(error, ChainOpenError::Journal(JournalError::Damaged { .. })), "{error:?}");
}

#[test]
fn a_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmbeddedChain::open(on_disk(dir.path())).unwrap();
    let error = EmbeddedChain::open(on_disk(dir.path())).unwrap_err();
    assert_eq!(error.to_string(), format!("{} is in use by another process", dir.path().display()));
    first.close();
    drop(EmbeddedChain::open(on_disk(dir.path())).unwrap());
}

#[test]
fn a_directory_keeps_its_genesis() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedChain::open(on_disk(dir.path())).unwrap());
    let other_id = Config { chain_id: 5, ..on_disk(dir.path()) };
    let error = EmbeddedChain::open(other_id).unwrap_err();
    let expected = format!("{} holds chain {CHAIN_ID}, not chain 5", dir.path().display());
    assert_eq!(error.to_string(), expected);
    let mut other_balances = on_disk(dir.path());
    other_balances.accounts.insert(Address::repeat_byte(1), U256::from(1));
    let error = EmbeddedChain::open(other_balances).unwrap_err();
    assert!(matches!(error, ChainOpenError::Genesis(_)), "{error:?}");
    let unasked = Config { accounts: Default::default(), ..on_disk(dir.path()) };
    drop(EmbeddedChain::open(unasked).unwrap());
}

#[test]
fn a_chain_that_never_makes_blocks_is_rejected() {
    let idle = Config { mine_on_demand: false, ..config() };
    assert!(matches!(EmbeddedChain::open(idle).unwrap_err(), ChainOpenError::NeverMines));
    let tiny = Config { block_gas_limit: 20_999, ..config() };
    assert!(matches!(
        EmbeddedChain::open(tiny).unwrap_err(),
        ChainOpenError::BlockGasLimit(20_999)
    ));
}

#[tokio::test]
async fn a_closed_chain_answers_reads_and_rejects_submissions() {
    let chain = EmbeddedChain::open(config()).unwrap();
    chain.close();
    let provider = embedded_provider(&chain);
    assert_eq!(provider.get_block_number().await.unwrap(), 0);
    let raw = sign(&signer(0), tx(0, Some(signer(1).address()), Bytes::new())).await;
    let error = provider.send_raw_transaction(&raw).await.map(drop).unwrap_err();
    assert_eq!(error.as_error_resp().unwrap().message, "the chain is closed");
}

#[tokio::test]
async fn the_interval_makes_empty_blocks_and_mines_waiting_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let slow = Config {
        mine_on_demand: false,
        block_interval: Some(Duration::from_secs(3600)),
        ..on_disk(dir.path())
    };
    let chain = EmbeddedChain::open(slow).unwrap();
    let raw = sign(&signer(0), tx(0, Some(signer(1).address()), Bytes::new())).await;
    let hash = *embedded_provider(&chain).send_raw_transaction(&raw).await.unwrap().tx_hash();
    assert_eq!(embedded_provider(&chain).get_transaction_receipt(hash).await.unwrap(), None);
    chain.close();
    let quick = Config {
        mine_on_demand: false,
        block_interval: Some(Duration::from_millis(5)),
        ..on_disk(dir.path())
    };
    let chain = EmbeddedChain::open(quick).unwrap();
    let provider = embedded_provider(&chain);
    let sent = alloy::providers::PendingTransactionBuilder::new(provider.root().clone(), hash);
    let receipt = sent.get_receipt().await.unwrap();
    assert!(receipt.status());
    // Empty blocks follow by themselves, and time never runs backwards.
    let filter = provider.new_block_filter().await.unwrap();
    let mut seen: Vec<alloy::primitives::B256> = Vec::new();
    while seen.len() < 3 {
        seen.extend(provider.get_filter_changes::<alloy::primitives::B256>(filter).await.unwrap());
        tokio::task::yield_now().await;
    }
    let block = provider.get_block_by_hash(seen[2]).await.unwrap().unwrap();
    assert_eq!((block.transactions.len(), block.header.timestamp), (0, 1_800_000_000));
}

#[tokio::test]
async fn transactions_that_do_not_fit_wait_for_the_next_block() {
    let small = Config { block_gas_limit: 100_000, ..config() };
    let chain = EmbeddedChain::open(small).unwrap();
    let mut batch = Vec::new();
    for nonce in 0..6 {
        let pay = tx(nonce, Some(signer(1).address()), Bytes::new()).with_gas_limit(40_000);
        let raw = sign(&signer(0), pay).await;
        batch.push(json!({ "jsonrpc": "2.0", "id": nonce, "method": "eth_sendRawTransaction", "params": [raw] }));
    }
    let answer = chain.respond(&serde_json::to_vec(&batch).unwrap()).await;
    let answer: Vec<Value> = serde_json::from_slice(&answer).unwrap();
    assert!(answer.iter().all(|answer| answer["result"].is_string()), "{answer:?}");
    // A limit of 40,000 fits as long as 21,000 per earlier transaction leave that much: 3 per
    // block.
    let head = embedded_provider(&chain).get_block_number().await.unwrap();
    assert!(head >= 2, "{head}");
    let mut counts = Vec::new();
    for number in 1..=head {
        let at = json!([format!("{number:#x}")]);
        counts.push(rpc(&chain, "eth_getBlockTransactionCountByNumber", at).await);
    }
    assert!(counts.iter().all(|count| ["0x1", "0x2", "0x3"].map(Value::from).contains(count)));
    let nonce = embedded_provider(&chain).get_transaction_count(signer(0).address()).await.unwrap();
    assert_eq!(nonce, 6);
}

/// A chain whose blocks became smaller drops what fits no block any more, and keeps the rest.
#[tokio::test]
async fn a_smaller_block_limit_drops_only_what_fits_no_block() {
    let dir = tempfile::tempdir().unwrap();
    let slow = Config {
        mine_on_demand: false,
        block_interval: Some(Duration::from_secs(3600)),
        ..on_disk(dir.path())
    };
    let chain = EmbeddedChain::open(slow).unwrap();
    let provider = embedded_provider(&chain);
    let mut hashes = Vec::new();
    for (account, limit) in [(0, 50_000), (1, 50_001), (2, 21_000)] {
        let pay = tx(0, Some(signer(3).address()), Bytes::new()).with_gas_limit(limit);
        let raw = sign(&signer(account), pay).await;
        hashes.push(*provider.send_raw_transaction(&raw).await.unwrap().tx_hash());
    }
    chain.close();
    drop((provider, chain));
    let chain = EmbeddedChain::open(Config { block_gas_limit: 50_000, ..on_disk(dir.path()) });
    let chain = chain.unwrap();
    let mut mined = Vec::new();
    for hash in hashes {
        // A transfer of nothing makes sure that the chain has looked at those that waited.
        let nonce = json!([signer(3).address(), "latest"]);
        let nonce = rpc(&chain, "eth_getTransactionCount", nonce).await;
        let nonce = u64::from_str_radix(nonce.as_str().unwrap().trim_start_matches("0x"), 16);
        let pay =
            tx(nonce.unwrap(), Some(signer(0).address()), Bytes::new()).with_gas_limit(21_000);
        let raw = sign(&signer(3), pay).await;
        rpc(&chain, "eth_sendRawTransaction", json!([raw])).await;
        mined.push(rpc(&chain, "eth_getTransactionByHash", json!([hash])).await);
    }
    assert!(mined[0]["blockNumber"].is_string(), "{mined:?}");
    assert_eq!(mined[1], Value::Null);
    assert!(mined[2]["blockNumber"].is_string(), "{mined:?}");
}
