//! `debug_traceTransaction`, `debug_traceCall` and `debug_traceBlock…`, with geth's tracers.

use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U64;
use alloy::primitives::U256;
use alloy::sol_types::SolCall;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use crate::common::Probe;
use crate::common::signer;
use crate::common::tx;
use crate::common::word;

/// Leaves the gas of the outermost call out of a call trace: geth gives the gas limit, as we do,
/// and anvil what is left of it when the code begins.
fn comparable(s: &Subject, gas_limit: u64, mut trace: Value) -> Value {
    if let Some(frame) = trace.as_object_mut().filter(|frame| frame.contains_key("type")) {
        let gas = frame.remove("gas").unwrap();
        assert!(s.anvil || gas == json!(U64::from(gas_limit)), "{gas}");
    }
    // As geth, we leave out what was not there before; anvil says that it was empty.
    if let Some(accounts) = trace.as_object_mut().filter(|_| s.anvil) {
        accounts.retain(|_, account| *account != json!({ "balance": "0x0" }));
    }
    trace
}

/// Options of each tracer that geth has and we offer.
fn tracers() -> [Value; 5] {
    [
        json!({ "tracer": "callTracer" }),
        json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } }),
        json!({ "tracer": "prestateTracer" }),
        json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }),
        json!({}),
    ]
}

pub(super) async fn of_transactions(s: &Subject) -> Value {
    let inputs = [
        Probe::setWordCall { at: U256::from(4321), value: U256::from(6) }.abi_encode(),
        Probe::countCall { n: U256::from(2) }.abi_encode(),
        Probe::spawnCall { salt: word(44) }.abi_encode(),
    ];
    let mut transcript = Vec::new();
    for input in inputs {
        let receipt = s.poke(input).await;
        for options in tracers() {
            let trace = json!([receipt.transaction_hash, options]);
            let trace = s.rpc("debug_traceTransaction", trace).await.unwrap();
            if options == json!({}) {
                assert_eq!(trace["gas"], json!(receipt.gas_used), "{trace}");
                assert_eq!(trace["failed"], false);
            }
            transcript.push(comparable(s, 3_000_000, trace));
        }
        let number = json!([U64::from(receipt.block_number.unwrap()), { "tracer": "callTracer" }]);
        let block = s.rpc("debug_traceBlockByNumber", number).await.unwrap();
        let traced = comparable(s, 3_000_000, block[0]["result"].clone());
        assert_eq!(traced, transcript[transcript.len() - 5], "{block}");
    }
    // A transaction that failed, after others of its sender.
    let fail = Probe::failCall { kind: U256::ZERO }.abi_encode();
    let nonce = s.nonce(3).await;
    let failed = s.send(3, tx(nonce, Some(s.probe), fail)).await;
    let trace = json!([failed.transaction_hash, { "tracer": "callTracer" }]);
    let trace = s.rpc("debug_traceTransaction", trace).await.unwrap();
    assert_eq!(trace["error"], "execution reverted");
    assert_eq!(trace["revertReason"], "no reason at all");
    transcript.push(comparable(s, 3_000_000, trace));
    let unknown = s.rpc("debug_traceTransaction", json!([B256::repeat_byte(5)])).await;
    // Geth says that it is not found, as we do; anvil gives an empty trace.
    assert!(unknown.is_err() || s.anvil);
    json!(transcript)
}

pub(super) async fn of_calls(s: &Subject) -> Value {
    let input = Bytes::from(Probe::deepCall { n: U256::from(2) }.abi_encode());
    let request =
        json!({ "from": signer(0).address(), "to": s.probe, "input": input, "gas": "0x30d40" });
    let mut transcript = Vec::new();
    for options in tracers() {
        let trace = s.rpc("debug_traceCall", json!([request, "latest", options])).await;
        let trace = trace.unwrap_or_else(|error| panic!("{options}: {error}"));
        transcript.push(comparable(s, 200_000, trace));
    }
    let mut supposed = json!({ "tracer": "callTracer" });
    // PUSH1 9 PUSH0 MSTORE8 PUSH1 1 PUSH0 RETURN.
    supposed["stateOverrides"] = json!({ s.probe.to_string(): { "code": "0x60095f5360015ff3" } });
    let trace = s.rpc("debug_traceCall", json!([request, "latest", supposed])).await.unwrap();
    assert_eq!(trace["output"], "0x09");
    transcript.push(comparable(s, 200_000, trace));
    if !s.anvil {
        let script = json!([request, "latest", { "tracer": "{ result: function() {} }" }]);
        let error = s.rpc("debug_traceCall", script).await.unwrap_err();
        assert_eq!(error.as_error_resp().unwrap().code, -32602);
    }
    json!(transcript)
}
