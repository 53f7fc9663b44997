//! Blocks, fee history and the small methods.

use alloy::eips::BlockId;
use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U64;
use alloy::primitives::U256;
use alloy::primitives::keccak256;
use alloy::providers::Provider;
use alloy::rpc::types::EIP1186AccountProofResponse;
use alloy::sol_types::SolCall;
use alloy_trie::Nibbles;
use alloy_trie::TrieAccount;
use alloy_trie::proof::verify_proof;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use super::block_hash;
use super::without;
use crate::common;
use crate::common::Probe;
use crate::common::signer;

/// Fields that depend on the clock or the state commitment.
const FREE: &[&str] = &[
    "hash",
    "parentHash",
    "stateRoot",
    "timestamp",
    "mixHash",
    "blockHash",
    "blockTimestamp",
    "extraData",
    "size",
    "totalDifficulty",
    "difficulty",
];

fn block_transcript(mut block: Value) -> Value {
    let Value::Object(members) = &mut block else { return block };
    for free in FREE {
        members.remove(*free);
    }
    // Transactions keep their hashes.
    members["transactions"] =
        without(members["transactions"].take(), &["blockHash", "blockTimestamp"]);
    block
}

pub(super) async fn lookups(s: &Subject) -> Value {
    let receipt = s.poke(Probe::countCall { n: U256::from(2) }.abi_encode()).await;
    let (number, hash) = (U64::from(receipt.block_number.unwrap()), block_hash(&receipt));
    let rpc = async |method, params| s.rpc(method, params).await.unwrap();
    let full = rpc("eth_getBlockByNumber", json!([number, true])).await;
    let by_hash = rpc("eth_getBlockByHash", json!([hash, true])).await;
    assert_eq!(full, by_hash);
    let light = rpc("eth_getBlockByHash", json!([hash, false])).await;
    assert_eq!(light["transactions"], json!([receipt.transaction_hash]));
    let parent = U64::from(receipt.block_number.unwrap() - 1);
    let parent = rpc("eth_getBlockByNumber", json!([parent, false])).await;
    assert_eq!(full["parentHash"], parent["hash"]);
    assert!(full["timestamp"].as_str() >= parent["timestamp"].as_str());
    let by_index = rpc("eth_getTransactionByBlockNumberAndIndex", json!([number, "0x0"])).await;
    let by_hash_index = rpc("eth_getTransactionByBlockHashAndIndex", json!([hash, "0x0"])).await;
    assert_eq!(by_index, by_hash_index);
    assert_eq!(by_index, full["transactions"][0]);
    let receipts = rpc("eth_getBlockReceipts", json!([number])).await;
    let single = rpc("eth_getTransactionReceipt", json!([receipt.transaction_hash])).await;
    assert_eq!(receipts, json!([single]));
    let nowhere = B256::repeat_byte(3);
    let genesis = rpc("eth_getBlockByNumber", json!(["earliest", false])).await;
    let uncles = s.rpc("eth_getUncleCountByBlockHash", json!([nowhere])).await;
    // As geth, nothing where there is no block; anvil takes it for an error.
    assert!(s.anvil || uncles.unwrap().is_null());
    json!([
        block_transcript(full),
        block_transcript(light),
        rpc("eth_getBlockTransactionCountByNumber", json!([number])).await,
        rpc("eth_getBlockTransactionCountByHash", json!([hash])).await,
        rpc("eth_getUncleCountByBlockNumber", json!([number])).await,
        rpc("eth_getUncleCountByBlockHash", json!([hash])).await,
        rpc("eth_getRawTransactionByHash", json!([receipt.transaction_hash])).await,
        genesis["number"],
        genesis["transactions"],
        rpc("eth_getBlockByNumber", json!(["0xffffff", false])).await,
        rpc("eth_getBlockByHash", json!([nowhere, false])).await,
        rpc("eth_getTransactionByHash", json!([nowhere])).await,
        rpc("eth_getTransactionReceipt", json!([nowhere])).await,
        rpc("eth_getTransactionByBlockNumberAndIndex", json!([number, "0x7"])).await,
    ])
}

pub(super) async fn fee_history(s: &Subject) -> Value {
    let rewards = json!([10.0, 50.0, 100.0]);
    let last = s.rpc("eth_feeHistory", json!(["0x3", "latest", rewards])).await.unwrap();
    let plain = s.rpc("eth_feeHistory", json!(["0x2", "latest", []])).await.unwrap();
    let oldest = |history: &Value| history["oldestBlock"].clone();
    json!([
        oldest(&last),
        last["baseFeePerGas"],
        last["gasUsedRatio"],
        last["reward"],
        oldest(&plain),
        plain["gasUsedRatio"],
        s.rpc("eth_gasPrice", json!([])).await.unwrap().is_string(),
    ])
}

pub(super) async fn small_methods(s: &Subject) -> Value {
    let rpc = async |method, params| s.rpc(method, params).await.unwrap();
    let version = rpc("web3_clientVersion", json!([])).await;
    assert!(version.as_str().unwrap().contains('/'));
    json!([
        rpc("eth_chainId", json!([])).await,
        rpc("net_version", json!([])).await,
        rpc("eth_syncing", json!([])).await,
        rpc("net_listening", json!([])).await,
        rpc("web3_sha3", json!(["0x68656c6c6f"])).await,
        // The deployer that Foundry expects on every chain.
        rpc("eth_getCode", json!(["0x4e59b44847b379578588920cA78FbF26c0B4956C", "latest"])).await,
        rpc("eth_blockNumber", json!([])).await,
    ])
}

pub(super) async fn batch(s: &Subject) -> Value {
    let mut batch = alloy::rpc::client::BatchRequest::new(s.provider.client());
    let number = batch.add_call::<_, U64>("eth_blockNumber", &()).unwrap();
    let chain = batch.add_call::<_, U64>("eth_chainId", &()).unwrap();
    let unknown = batch.add_call::<_, U64>("eth_noSuchMethod", &()).unwrap();
    batch.send().await.unwrap();
    let unknown = unknown.await.unwrap_err().as_error_resp().unwrap().code;
    assert_eq!(unknown, -32601);
    json!([number.await.unwrap(), chain.await.unwrap(), unknown])
}

/// A proof leads from the header's state root to a value, by the nodes it gives (EIP-1186).
pub(super) async fn proofs(s: &Subject) -> Value {
    // A contract of its own: anvil keeps slots that were set to 0 in its tries, as leaves of 0.
    let probe = common::deploy(&s.provider).await;
    for input in [
        Probe::setWordCall { at: U256::from(6), value: U256::from(300) }.abi_encode(),
        Probe::incrementCall {}.abi_encode(),
    ] {
        let nonce = s.nonce(0).await;
        s.send(0, common::tx(nonce, Some(probe), input)).await;
    }
    let nobody = Address::repeat_byte(0x31);
    // The counter, which is set; a slot that is not.
    let slots = [U256::from(2), U256::from(999)];
    let keys = slots.map(B256::from);
    let mut transcript = Vec::new();
    for address in [probe, signer(0).address(), nobody] {
        let block = s.provider.get_block(BlockId::latest()).await.unwrap().unwrap();
        let proof = s.provider.get_proof(address, keys.to_vec()).await.unwrap();
        let EIP1186AccountProofResponse { nonce, balance, storage_hash, code_hash, .. } = proof;
        let storage_root = storage_hash;
        let leaf = TrieAccount { nonce, balance, storage_root, code_hash };
        let leaf = (address != nobody).then(|| alloy_rlp::encode(leaf));
        let path = Nibbles::unpack(keccak256(address));
        verify_proof(block.header.state_root, path, leaf, &proof.account_proof).unwrap();
        for (storage, slot) in proof.storage_proof.iter().zip(slots) {
            let now = s.provider.get_storage_at(address, slot).await.unwrap();
            assert_eq!(storage.value, now);
            let value = (!now.is_zero()).then(|| alloy_rlp::encode(now));
            let path = Nibbles::unpack(keccak256(B256::from(slot)));
            verify_proof(storage_root, path, value, &storage.proof).unwrap();
        }
        if address == probe {
            transcript.push(json!([storage_hash, code_hash, nonce, proof.storage_proof]));
        }
    }
    json!(transcript)
}
