//! Arbitrary bytes: nothing panics, and everything answered is JSON-RPC.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use alloy::primitives::Bytes;
use alloy::primitives::hex;
use common::config;
use common::sign;
use common::signer;
use common::tx;
use koinon_evm::EmbeddedChain;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

const METHODS: &[&str] = &[
    "eth_call",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_getBalance",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getFilterChanges",
    "eth_getLogs",
    "eth_getStorageAt",
    "eth_getTransactionByBlockNumberAndIndex",
    "eth_getTransactionCount",
    "eth_newFilter",
    "eth_sendRawTransaction",
    "eth_subscribe",
    "eth_uninstallFilter",
    "web3_sha3",
    "nothing",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..70).prop_map(|b| hex::encode_prefixed(b).into()),
        any::<u64>().prop_map(|n| format!("{n:#x}").into()),
        prop::sample::select(vec!["latest", "pending", "earliest", "newHeads", "logs"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let names = prop::sample::select(vec![
            "to",
            "from",
            "data",
            "input",
            "gas",
            "gasPrice",
            "value",
            "nonce",
            "accessList",
            "authorizationList",
            "address",
            "topics",
            "fromBlock",
            "toBlock",
            "blockHash",
            "x",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(names.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn request() -> impl Strategy<Value = Value> {
    let params = proptest::collection::vec(json_value(), 0..4);
    (prop::sample::select(METHODS), params, json_value())
        .prop_map(|(method, params, id)| json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id }))
}

fn check(body: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let chain = EmbeddedChain::open(config()).unwrap();
    let answer = runtime.block_on(chain.respond(body));
    if !answer.is_empty() {
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let answers = answer.as_array().cloned().unwrap_or(vec![answer]);
        assert!(answers.iter().all(|one| one["jsonrpc"] == "2.0"), "{answers:?}");
        assert!(
            answers.iter().all(|one| one.get("result").is_some() != one.get("error").is_some())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn arbitrary_bytes(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&body);
    }

    #[test]
    fn arbitrary_json(body in json_value()) {
        check(&serde_json::to_vec(&body).unwrap());
    }

    #[test]
    fn arbitrary_params(body in request()) {
        check(&serde_json::to_vec(&body).unwrap());
    }

    #[test]
    fn arbitrary_batches(body in proptest::collection::vec(prop_oneof![request(), json_value()], 0..6)) {
        check(&serde_json::to_vec(&body).unwrap());
    }

    /// A valid transaction with some bytes changed.
    #[test]
    fn damaged_transactions(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let raw = runtime.block_on(sign(&signer(0), tx(0, Some(signer(1).address()), vec![1, 2, 3])));
        let mut raw = raw.to_vec();
        for (at, byte) in changes {
            let at = at.index(raw.len());
            raw[at] = byte;
        }
        let body = json!({ "id": 1, "method": "eth_sendRawTransaction", "params": [Bytes::from(raw)] });
        check(&serde_json::to_vec(&body).unwrap());
    }
}

fn answer_to(body: &[u8]) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let chain = EmbeddedChain::open(config()).unwrap();
    serde_json::from_slice(&runtime.block_on(chain.respond(body))).unwrap()
}

#[test]
fn framing_errors_have_their_codes() {
    let code = |body: &[u8]| answer_to(body)["error"]["code"].clone();
    assert_eq!(code(b"{"), -32700);
    assert_eq!(code(b"[]"), -32600);
    assert_eq!(code(b"5"), -32600);
    assert_eq!(code(b"{\"id\":1}"), -32600);
    assert_eq!(code(b"{\"id\":{},\"method\":\"eth_chainId\"}"), -32600);
    assert_eq!(code(b"{\"id\":1,\"method\":\"eth_chainId\",\"params\":{}}"), -32602);
    let padded = |count: usize| {
        let params = vec!["0"; count].join(",");
        format!("{{\"id\":1,\"method\":\"eth_chainId\",\"params\":[{params}]}}")
    };
    assert_eq!(answer_to(padded(16).as_bytes())["result"], "0x539");
    assert_eq!(code(padded(17).as_bytes()), -32602);
    let many = format!("[{}1]", "1,".repeat(1000));
    assert_eq!(code(many.as_bytes()), -32600);
    // Far deeper than any parser should follow.
    let deep = format!("{{\"id\":1,\"method\":\"eth_call\",\"params\":[{}", "[".repeat(100_000));
    assert_eq!(code(deep.as_bytes()), -32700);
    let closed = format!(
        "{{\"id\":1,\"method\":\"eth_call\",\"params\":[{}{}]}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!([json!(-32602), json!(-32700)].contains(&code(closed.as_bytes())));
}
