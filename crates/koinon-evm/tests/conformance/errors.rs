//! Rejected requests, and their errors.

use alloy::network::TransactionBuilder;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use crate::common::GWEI;
use crate::common::ether;
use crate::common::sign;
use crate::common::signer;
use crate::common::tx;

pub(super) async fn rejected_transactions(s: &Subject) -> Value {
    let account = signer(2);
    let nonce = s.nonce(2).await;
    let to = Some(signer(1).address());
    let plain = || tx(nonce, to, Bytes::new());
    s.send(2, plain()).await;
    let next = || tx(nonce + 1, to, Bytes::new());
    let poor = PrivateKeySigner::from_bytes(&[9; 32].into()).unwrap();
    let queued = sign(&account, tx(nonce + 5, to, Bytes::new())).await;
    drop(s.provider.send_raw_transaction(&queued).await.unwrap());
    let cases = [
        ("nonce too low", sign(&account, plain().with_value(U256::from(1))).await),
        ("already", queued),
        ("insufficient funds", sign(&poor, tx(0, to, Bytes::new())).await),
        ("insufficient funds", sign(&account, next().with_value(ether(20_000))).await),
        ("intrinsic gas too low", sign(&account, next().with_gas_limit(20_000)).await),
        (
            "floor data gas",
            sign(&account, next().with_input(vec![1; 5000]).with_gas_limit(110_000)).await,
        ),
        ("gas limit", sign(&account, next().with_gas_limit(60_000_001)).await),
        ("gas limit too high", sign(&account, next().with_gas_limit(16_777_217)).await),
        ("chain", sign(&account, next().with_chain_id(5)).await),
        ("max priority fee", sign(&account, next().with_max_priority_fee_per_gas(2 * GWEI)).await),
        ("initcode", sign(&account, tx(nonce + 1, None, vec![0; 49_153])).await),
        ("", vec![2, 0xc0].into()),
        ("", Bytes::new()),
        ("", Bytes::from_static(b"not a transaction")),
    ];
    let mut transcript = Vec::new();
    for (index, (text, raw)) in cases.into_iter().enumerate() {
        transcript.push(json!([index, "rejected"]));
        // Anvil accepts a transaction that does not pay the floor price of its data (EIP-7623),
        // and never mines it.
        if s.anvil && text == "floor data gas" {
            continue;
        }
        let error = s.provider.send_raw_transaction(&raw).await.map(drop).unwrap_err();
        let error = error.as_error_resp().unwrap().clone();
        // Anvil words some of these differently: compare only that it rejects them.
        let said = error.message.to_lowercase().contains(text);
        assert!(said || s.anvil, "case {index}: {error}");
    }
    assert_eq!(s.nonce(2).await, nonce + 1);
    json!(transcript)
}

pub(super) async fn bad_requests(s: &Subject) -> Value {
    let cases = [
        ("eth_noSuchMethod", json!([]), -32601),
        ("eth_getBalance", json!([]), -32602),
        ("eth_getBalance", json!(["0x12", "latest"]), -32602),
        ("eth_getBalance", json!([signer(0).address(), "soon"]), -32602),
        ("eth_getTransactionReceipt", json!(["0x1234"]), -32602),
        ("eth_call", json!(["a string", "latest"]), -32602),
        ("eth_getBlockByNumber", json!([{}, false]), -32602),
        ("eth_getLogs", json!([{ "address": 5 }]), -32602),
    ];
    let mut transcript = Vec::new();
    for (method, params, code) in cases {
        let error = s.rpc(method, params.clone()).await.unwrap_err();
        let error = error.as_error_resp().unwrap().clone();
        assert_eq!(error.code, code, "{method} {params}: {error}");
        transcript.push(error.code);
    }
    json!(transcript)
}
