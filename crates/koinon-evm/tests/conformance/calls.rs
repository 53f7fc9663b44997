//! `eth_call`, `eth_estimateGas` and reads of state, now and at past blocks.

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::sol_types::Revert;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolError;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use super::block_hash;
use super::error_transcript;
use crate::common::Probe;
use crate::common::ether;
use crate::common::probe_code;
use crate::common::signer;
use crate::common::word;

pub(super) async fn reads(s: &Subject) -> Value {
    let empty = Address::repeat_byte(0x77);
    let slot = s.provider.get_storage_at(s.probe, U256::from(2)).await.unwrap();
    let value = Probe::new(s.probe, &s.provider).get(word(1)).call().await.unwrap();
    assert_eq!(value, Bytes::from(vec![7; 100]));
    json!([
        slot,
        s.provider.get_balance(empty).await.unwrap(),
        s.provider.get_code_at(empty).await.unwrap(),
        s.provider.get_transaction_count(empty).await.unwrap(),
        s.rpc("eth_getStorageAt", json!([s.probe, "0x2", "latest"])).await.unwrap(),
        s.rpc("eth_call", json!([{ "to": empty, "data": "0x1234" }, "latest"])).await.unwrap(),
        s.rpc("eth_call", json!([{ "data": probe_code() }, "latest"])).await.unwrap(),
    ])
}

pub(super) async fn reverts(s: &Subject) -> Value {
    let mut transcript = Vec::new();
    for kind in 0..5 {
        let input = Bytes::from(Probe::failCall { kind: U256::from(kind) }.abi_encode());
        let request = json!([{ "to": s.probe, "input": input }, "latest"]);
        let called = error_transcript(s.rpc("eth_call", request.clone()).await);
        let estimated = error_transcript(s.rpc("eth_estimateGas", request).await);
        assert_eq!(called["code"], 3);
        transcript.push(json!([
            called["code"],
            called["data"],
            estimated["code"],
            estimated["data"]
        ]));
        if kind == 0 {
            let data: Bytes = serde_json::from_value(called["data"].clone()).unwrap();
            assert_eq!(Revert::abi_decode(&data).unwrap().reason, "no reason at all");
            assert_eq!(called["message"], "execution reverted: no reason at all");
        }
    }
    // A call that burns all gas fails too; every client has another code for it.
    for kind in 5..7 {
        let input = Bytes::from(Probe::failCall { kind: U256::from(kind) }.abi_encode());
        let request = json!([{ "to": s.probe, "input": input, "gas": "0x186a0" }, "latest"]);
        assert!(error_transcript(s.rpc("eth_call", request).await)["code"].is_i64());
    }
    json!(transcript)
}

pub(super) async fn estimates(s: &Subject) -> Value {
    let me = signer(0).address();
    let to = json!(s.probe);
    let call = |input: Vec<u8>| json!({ "from": me, "to": to, "input": Bytes::from(input) });
    let requests = [
        json!({ "from": me, "to": signer(1).address(), "value": "0x1" }),
        json!({ "from": me, "to": Address::repeat_byte(0x55), "value": "0x1" }),
        json!({ "from": me, "input": probe_code() }),
        call(Probe::incrementCall {}.abi_encode()),
        call(Probe::setCall { key: word(99), value: vec![1; 300].into() }.abi_encode()),
        call(Probe::setCall { key: word(1), value: Bytes::new() }.abi_encode()),
        call(Probe::setWordCall { at: U256::from(52), value: U256::ZERO }.abi_encode()),
        call(Probe::countCall { n: U256::from(20) }.abi_encode()),
        call(Probe::deepCall { n: U256::from(30) }.abi_encode()),
        call(Probe::spawnCall { salt: word(2) }.abi_encode()),
    ];
    let mut transcript = Vec::new();
    for request in requests {
        let gas = s.rpc("eth_estimateGas", json!([request])).await.unwrap();
        let gas: U256 = serde_json::from_value(gas).unwrap();
        let mut exact = request.clone();
        exact["gas"] = json!(gas);
        s.rpc("eth_call", json!([exact, "latest"])).await.unwrap();
        transcript.push(gas);
    }
    json!(transcript)
}

pub(super) async fn past_blocks(s: &Subject) -> Value {
    let set = |value: u64| Probe::setWordCall { at: U256::from(1234), value: U256::from(value) };
    let first = s.poke(set(1).abi_encode()).await;
    let second = s.poke(set(2).abi_encode()).await;
    s.poke(set(0).abi_encode()).await;
    let probe = Probe::new(s.probe, &s.provider);
    let mut values = Vec::new();
    let blocks: [BlockId; 5] = [
        BlockId::number(first.block_number.unwrap() - 1),
        BlockId::number(first.block_number.unwrap()),
        BlockId::hash(block_hash(&second)),
        BlockId::latest(),
        BlockId::pending(),
    ];
    for id in blocks {
        values.push(probe.words(U256::from(1234)).block(id).call().await.unwrap());
    }
    assert_eq!(values[..4], [0, 1, 2, 0].map(U256::from));
    let genesis = BlockId::earliest();
    let me = signer(0).address();
    let then = s.provider.get_balance(me).block_id(genesis).await.unwrap();
    assert_eq!(then, ether(10_000));
    let nonce = s.provider.get_transaction_count(me).block_id(blocks[1]).await.unwrap();
    let code = s.provider.get_code_at(s.probe).block_id(genesis).await.unwrap();
    assert_eq!(code, Bytes::new());
    let beyond = json!([{ "to": s.probe, "input": "0x61bc221a" }, "0xffffff"]);
    assert!(s.rpc("eth_call", beyond).await.is_err());
    json!([values, then, nonce, code])
}

pub(super) async fn environment(s: &Subject) -> Value {
    let head = s.provider.get_block_number().await.unwrap();
    let probe = Probe::new(s.probe, &s.provider);
    let now = probe.environment().from(signer(1).address()).call().await.unwrap();
    assert_eq!(now.number, U256::from(head));
    let block = s.provider.get_block(BlockId::number(head - 1)).await.unwrap().unwrap();
    let hash = probe.hashOf(U256::from(head - 1)).call().await.unwrap();
    assert_eq!(hash, block.header.hash);
    let future = probe.hashOf(U256::from(head + 5)).call().await.unwrap();
    assert_eq!(future, B256::ZERO);
    json!([now.basefee, now.chain, now.coinbase, now.limit, now.sender])
}

/// Creation code is limited by EIP-3860, and value by the sender's balance, also where nothing is
/// sent.
pub(super) async fn limits(s: &Subject) -> Value {
    let me = signer(0).address();
    let mut transcript = Vec::new();
    for size in [49_152_usize, 49_153, 49_154] {
        let request = json!([{ "from": me, "input": Bytes::from(vec![0; size]) }, "latest"]);
        let called = s.rpc("eth_call", request.clone()).await;
        assert_eq!(called.is_ok(), size == 49_152, "{size}: {called:?}");
        transcript.push(json!(called.is_ok()));
    }
    let sender = signer(3).address();
    let balance = s.provider.get_balance(sender).await.unwrap();
    for (over, accepted) in [(0, true), (1, false), (2, false)] {
        let value = balance + U256::from(over);
        let request = json!([{ "from": sender, "to": me, "value": value }, "latest"]);
        let called = s.rpc("eth_call", request).await;
        assert_eq!(called.is_ok(), accepted, "{over}: {called:?}");
        transcript.push(json!(accepted));
    }
    json!(transcript)
}
