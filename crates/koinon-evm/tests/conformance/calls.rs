//! `eth_call`, `eth_estimateGas` and reads of state, now and at past blocks.

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::primitives::hex;
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

/// The price that a call sees is the one its transaction would pay.
pub(super) async fn gas_price(s: &Subject) -> Value {
    // GASPRICE, then BASEFEE, returned as the code of a contract that nobody makes.
    let code = Bytes::from_static(&hex!("3a5f524860205260405ff3"));
    let offers = [
        json!({ "gasPrice": "0x7" }),
        json!({ "maxFeePerGas": "0x12a05f200" }),
        json!({ "maxFeePerGas": "0x12a05f200", "maxPriorityFeePerGas": "0x0" }),
        json!({ "maxFeePerGas": "0x12a05f200", "maxPriorityFeePerGas": "0x9" }),
        json!({ "maxFeePerGas": "0x5", "maxPriorityFeePerGas": "0x5" }),
    ];
    let mut transcript = Vec::new();
    for mut offer in offers {
        offer["from"] = json!(signer(0).address());
        offer["input"] = json!(code);
        let seen = s.rpc("eth_call", json!([offer, "latest"])).await.unwrap();
        transcript.push(seen);
    }
    // Without a tip, geth takes it for 0, as we do; anvil takes the fee cap for the price.
    if s.anvil {
        transcript[1] = transcript[2].clone();
    }
    let price = |seen: &Value| U256::from_str_radix(&seen.as_str().unwrap()[2..66], 16).unwrap();
    let prices: Vec<U256> = transcript.iter().map(price).collect();
    assert_eq!(prices, [7_u64, 1, 1, 10, 5].map(U256::from));
    json!(transcript)
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

/// Calls may suppose another state and another block.
pub(super) async fn overrides(s: &Subject) -> Value {
    let empty = Address::repeat_byte(0x66);
    let (code, me) = (probe_code(), signer(0).address());
    let words = |at: u64| Bytes::from(Probe::wordsCall { at: U256::from(at) }.abi_encode());
    let read = json!({ "to": s.probe, "input": words(1234) });
    let environment = json!({ "from": me, "to": s.probe, "input": Bytes::from(Probe::environmentCall {}.abi_encode()) });
    let counter =
        json!({ "to": s.probe, "input": Bytes::from(Probe::counterCall {}.abi_encode()) });
    // PUSH0 SLOAD PUSH0 MSTORE PUSH1 32 PUSH0 RETURN: slot 0.
    let first_slot = Bytes::from_static(&hex!("5f545f5260205ff3"));
    let cases = [
        (&read, json!({}), Value::Null),
        (&read, json!({ s.probe.to_string(): {} }), Value::Null),
        (
            &json!({ "to": empty }),
            json!({ empty.to_string(): { "code": first_slot } }),
            Value::Null,
        ),
        (
            &json!({ "to": empty }),
            json!({ empty.to_string(): { "code": first_slot, "state": { word(0).to_string(): word(77) } } }),
            Value::Null,
        ),
        (
            &counter,
            json!({ s.probe.to_string(): { "stateDiff": { word(2).to_string(): word(8) } } }),
            Value::Null,
        ),
        (
            &counter,
            json!({ s.probe.to_string(): { "stateDiff": { word(9).to_string(): word(8) } } }),
            Value::Null,
        ),
        (
            &counter,
            json!({ s.probe.to_string(): { "state": { word(9).to_string(): word(8) } } }),
            Value::Null,
        ),
        // The poor can pay where they are supposed to be rich.
        (
            &json!({ "from": empty, "to": me, "value": "0x5" }),
            json!({ empty.to_string(): { "balance": "0x5" } }),
            Value::Null,
        ),
        (&json!({ "input": code }), json!({}), Value::Null),
        (&environment, json!({}), json!({ "number": "0x1234", "baseFeePerGas": "0x9" })),
    ];
    let mut transcript = Vec::new();
    for (request, state, block) in cases {
        let mut params = vec![request.clone(), json!("latest"), state.clone()];
        params.extend((!block.is_null()).then_some(block));
        let answer = s.rpc("eth_call", json!(params)).await;
        transcript.push(answer.unwrap_or_else(|error| panic!("{request} {state}: {error}")));
    }
    assert_eq!(transcript[2], json!(word(0)));
    assert_eq!(transcript[3], json!(word(77)));
    assert_eq!(transcript[4], json!(word(8)));
    assert_eq!(transcript[6], json!(word(0)));
    assert_eq!(transcript[9].as_str().unwrap()[..66], json!(word(0x1234)).as_str().unwrap()[..]);
    // Gas is estimated on the supposed state too.
    let rich = json!([{ "from": empty, "to": me, "value": "0x5" }, "latest", { empty.to_string(): { "balance": "0xde0b6b3a7640000" } }]);
    transcript.push(s.rpc("eth_estimateGas", rich).await.unwrap());
    let both = json!({ s.probe.to_string(): { "stateDiff": {}, "state": {} } });
    assert!(s.rpc("eth_call", json!([read, "latest", both])).await.is_err());
    json!(transcript)
}

pub(super) async fn access_lists(s: &Subject) -> Value {
    let call = |input: Vec<u8>| json!({ "from": signer(0).address(), "to": s.probe, "input": Bytes::from(input) });
    let set =
        |at: u64| Probe::setWordCall { at: U256::from(at), value: U256::from(3) }.abi_encode();
    let requests = [
        call(set(77)),
        call(Probe::incrementCall {}.abi_encode()),
        call(Probe::spawnCall { salt: word(3) }.abi_encode()),
        json!({ "from": signer(0).address(), "to": signer(1).address(), "value": "0x1" }),
        json!({ "from": signer(0).address(), "input": probe_code() }),
    ];
    let mut transcript = Vec::new();
    for request in requests {
        let answer = s.rpc("eth_createAccessList", json!([request, "latest"])).await.unwrap();
        let mut with_list = request.clone();
        with_list["accessList"] = answer["accessList"].clone();
        // The gas is that of the transaction with the list.
        let gas = s.rpc("eth_estimateGas", json!([with_list])).await.unwrap();
        let number =
            |value: &Value| U256::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
        assert!(number(&gas) >= number(&answer["gasUsed"]), "{request}");
        transcript.push(answer);
    }
    assert_eq!(
        transcript[1]["accessList"],
        json!([{ "address": s.probe, "storageKeys": [word(2)] }])
    );
    json!(transcript)
}
