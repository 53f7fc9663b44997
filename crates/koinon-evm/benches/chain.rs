//! How fast the chain is: durable sends, one after another and in batches, and calls.
//!
//! `cargo bench -p koinon-evm`. Sends are to a chain on disk: each acknowledged transaction has
//! been synced.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(missing_docs, reason = "criterion_group makes public items without docs")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Duration;
use std::time::Instant;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::primitives::Bytes;
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
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use serde_json::json;
use serde_json::value::to_raw_value;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

const BATCH: u64 = 200;

struct Subject {
    runtime: Runtime,
    chain: EmbeddedChain,
    provider: DynProvider,
    probe: Address,
    _dir: tempfile::TempDir,
}

fn subject() -> Subject {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let chain = EmbeddedChain::open(Config { dir: Some(dir.path().into()), ..config() }).unwrap();
    let provider = embedded_provider(&chain);
    let probe = runtime.block_on(common::deploy(&provider));
    Subject { runtime, chain, provider, probe, _dir: dir }
}

impl Subject {
    /// Signed transactions that each write 32 bytes and log them.
    fn signed(&self, account: usize, count: u64) -> Vec<Bytes> {
        self.runtime.block_on(async {
            let address = signer(account).address();
            let first = self.provider.get_transaction_count(address).await.unwrap();
            let mut txs = Vec::new();
            for nonce in first..first + count {
                let key = common::word(nonce * 10 + account as u64);
                let input = Probe::setCall { key, value: vec![7; 32].into() }.abi_encode();
                let tx = tx(nonce, Some(self.probe), input).with_gas_limit(100_000);
                txs.push(sign(&signer(account), tx).await);
            }
            txs
        })
    }
}

fn send_and_receipt(c: &mut Criterion) {
    let s = subject();
    let mut group = c.benchmark_group("durable");
    group.throughput(Throughput::Elements(1));
    group.bench_function("send and receipt, sequential, presigned", |b| {
        b.iter_custom(|count| {
            let txs = s.signed(0, count);
            let start = Instant::now();
            s.runtime.block_on(async {
                for raw in &txs {
                    let sent = s.provider.send_raw_transaction(raw).await.unwrap();
                    let receipt = s.provider.get_transaction_receipt(*sent.tx_hash()).await;
                    assert!(receipt.unwrap().unwrap().status());
                }
            });
            start.elapsed()
        });
    });
    group.bench_function("alloy contract call, fill, sign, get_receipt", |b| {
        let probe = Probe::new(s.probe, &s.provider);
        let mut value = 0;
        b.iter(|| {
            value += 1;
            s.runtime.block_on(async {
                let call = probe.setWord(U256::from(value), U256::from(value));
                let sent = call.send().await.unwrap();
                assert!(sent.get_receipt().await.unwrap().status());
            });
        });
    });
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("200 transactions in one JSON-RPC batch", |b| {
        b.iter_custom(|count| {
            let mut taken = Duration::ZERO;
            for _ in 0..count {
                let requests: Vec<_> = s.signed(1, BATCH).into_iter().enumerate().map(|(id, raw)| {
                    json!({ "jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [raw] })
                }).collect();
                let body = serde_json::to_vec(&requests).unwrap();
                let start = Instant::now();
                let answer = s.runtime.block_on(s.chain.respond(&body));
                taken += start.elapsed();
                assert!(!String::from_utf8_lossy(&answer).contains("error"));
            }
            taken
        });
    });
    group.finish();
}

fn call(c: &mut Criterion) {
    let s = subject();
    let input = Bytes::from(Probe::wordsCall { at: U256::from(1) }.abi_encode());
    let params = to_raw_value(&json!([{ "to": s.probe, "input": input }, "latest"])).unwrap();
    let mut group = c.benchmark_group("eth_call");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one thread, handle", |b| {
        b.iter(|| s.runtime.block_on(s.chain.handle("eth_call", Some(&params))).unwrap());
    });
    group.bench_function("two threads, handle", |b| {
        b.iter_custom(|count| {
            let start = Instant::now();
            let halves: Vec<_> = (0..2)
                .map(|_| {
                    let (chain, params) = (s.chain.clone(), params.clone());
                    s.runtime.spawn(async move {
                        for _ in 0..count.div_ceil(2) {
                            chain.handle("eth_call", Some(&params)).await.unwrap();
                        }
                    })
                })
                .collect();
            s.runtime.block_on(async {
                for half in halves {
                    half.await.unwrap();
                }
            });
            start.elapsed()
        });
    });
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
}

criterion_group! { name = chain; config = settings(); targets = send_and_receipt, call }
criterion_main!(chain);
