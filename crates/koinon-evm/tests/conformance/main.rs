//! One suite, three chains: in process, over our HTTP server, and anvil. Each case returns a
//! transcript of the chain's answers, without the values that chains may choose freely (hashes of
//! blocks, times); the transcripts must be equal.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod blocks;
mod calls;
mod errors;
mod logs;
mod sending;
mod traces;

use std::collections::BTreeMap;

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::providers::DynProvider;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionReceipt;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::TransportError;
use common::Net;
use common::config;
use common::sign;
use common::signer;
use serde_json::Value;
use serde_json::json;

/// The chain under test, and the probe on it.
struct Subject {
    provider: DynProvider,
    probe: Address,
    anvil: bool,
}

type Tale = BTreeMap<&'static str, Value>;

async fn tell(net: &Net) -> Tale {
    let probe = common::deploy(&net.provider).await;
    let provider = net.provider.clone();
    let subject = &Subject { provider, probe, anvil: net.name == "anvil" };
    let mut transcript = Tale::new();
    macro_rules! cases {
        ($($module:ident :: $case:ident),* $(,)?) => {
            $(
                let told = $module::$case(subject).await;
                assert!(transcript.insert(concat!(stringify!($module), "::", stringify!($case)), told).is_none());
            )*
        };
    }
    cases![
        sending::deployment,
        sending::events,
        sending::value,
        sending::failures,
        sending::transaction_types,
        sending::set_code,
        sending::default_fillers,
        sending::created_by_contract,
        calls::reads,
        calls::reverts,
        calls::estimates,
        calls::past_blocks,
        calls::environment,
        calls::gas_price,
        calls::limits,
        calls::overrides,
        calls::access_lists,
        traces::of_transactions,
        traces::of_calls,
        logs::queries,
        logs::filters,
        blocks::lookups,
        blocks::fee_history,
        blocks::small_methods,
        blocks::proofs,
        blocks::batch,
        sending::nonce_gap,
        sending::replacement,
        errors::rejected_transactions,
        errors::bad_requests,
    ];
    transcript
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_three_chains_agree() {
    let embedded = tell(&Net::embedded(config())).await;
    let served = tell(&Net::served(config()).await).await;
    let anvil = tell(&Net::anvil()).await;
    let mut differences = Vec::new();
    for (case, told) in &embedded {
        for (name, other) in [("http", &served), ("anvil", &anvil)] {
            if other[case] != *told {
                differences.push(format!("{case}\n  embedded: {told}\n  {name}: {}", other[case]));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

impl Subject {
    async fn nonce(&self, account: usize) -> u64 {
        self.provider.get_transaction_count(signer(account).address()).await.unwrap()
    }

    /// Signs by hand and waits for the receipt.
    async fn send(&self, account: usize, tx: TransactionRequest) -> TransactionReceipt {
        let raw = sign(&signer(account), tx).await;
        let sent = self.provider.send_raw_transaction(&raw).await.unwrap();
        sent.get_receipt().await.unwrap()
    }

    /// Calls the probe in a transaction of account 0.
    async fn poke(&self, input: impl Into<Bytes>) -> TransactionReceipt {
        let nonce = self.nonce(0).await;
        self.send(0, common::tx(nonce, Some(self.probe), input)).await
    }

    async fn rpc(&self, method: &'static str, params: Value) -> Result<Value, TransportError> {
        self.provider.raw_request(method.into(), params).await
    }
}

/// A receipt without the block's hash and time, and without the blob price anvil adds.
fn receipt_transcript(receipt: &TransactionReceipt) -> Value {
    without(json!(receipt), &["blockHash", "blockTimestamp", "blobGasPrice"])
}

/// Removes members, at any depth.
fn without(mut value: Value, names: &[&str]) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(&name.as_str()));
            for (_, member) in members.iter_mut() {
                *member = without(member.take(), names);
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = without(item.take(), names);
            }
        }
        _ => {}
    }
    value
}

/// Code and data of an error response.
fn error_transcript<T: std::fmt::Debug>(result: Result<T, TransportError>) -> Value {
    let error = result.unwrap_err();
    let payload = error.as_error_resp().unwrap();
    json!({ "code": payload.code, "message": payload.message, "data": payload.data })
}

fn block_hash(receipt: &TransactionReceipt) -> B256 {
    receipt.block_hash.unwrap()
}
