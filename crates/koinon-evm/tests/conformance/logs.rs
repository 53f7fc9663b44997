//! `eth_getLogs` and the polled filters.

use alloy::primitives::Address;
use alloy::primitives::B256;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::rpc::types::FilterChanges;
use alloy::sol_types::SolCall;
use alloy::sol_types::SolEvent;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use super::block_hash;
use super::without;
use crate::common::Probe;
use crate::common::signer;
use crate::common::word;

pub(super) async fn queries(s: &Subject) -> Value {
    let start = s.provider.get_block_number().await.unwrap() + 1;
    let counted = s.poke(Probe::countCall { n: U256::from(6) }.abi_encode()).await;
    for key in 0..4 {
        let set = Probe::setCall { key: word(key), value: vec![key as u8; 3].into() };
        s.poke(set.abi_encode()).await;
    }
    let all = Filter::new().from_block(start);
    let sender = signer(0).address().into_word();
    let filters = [
        all.clone(),
        all.clone().to_block(start),
        all.clone().from_block(start + 1).to_block(start + 2),
        all.clone().address(s.probe),
        all.clone().address(Address::repeat_byte(1)),
        all.clone().address(vec![s.probe, Address::repeat_byte(1)]),
        all.clone().event_signature(Probe::Set::SIGNATURE_HASH),
        all.clone()
            .event_signature(vec![Probe::Set::SIGNATURE_HASH, Probe::Counted::SIGNATURE_HASH]),
        all.clone().topic1(word(2)),
        all.clone().topic1(vec![word(2), word(3), word(5)]).address(s.probe),
        all.clone().event_signature(Probe::Set::SIGNATURE_HASH).topic1(word(2)).topic2(sender),
        all.clone().topic2(sender),
        all.clone().topic3(sender),
        Filter::new().at_block_hash(block_hash(&counted)),
        Filter::new().at_block_hash(block_hash(&counted)).topic1(word(4)),
        Filter::new(),
    ];
    let mut transcript = Vec::new();
    for filter in &filters {
        let logs = s.provider.get_logs(filter).await.unwrap();
        transcript.push(without(json!(logs), &["blockHash", "blockTimestamp"]));
    }
    let counts: Vec<usize> = transcript.iter().map(|logs| logs.as_array().unwrap().len()).collect();
    assert_eq!(counts, [10, 6, 2, 10, 0, 10, 4, 10, 2, 5, 1, 4, 0, 6, 1, 1]);
    let missing = Filter::new().at_block_hash(B256::repeat_byte(9));
    assert!(s.provider.get_logs(&missing).await.is_err());
    let backwards = s.rpc("eth_getLogs", json!([{ "fromBlock": "0x3", "toBlock": "0x2" }])).await;
    assert_eq!(backwards.unwrap(), json!([]));
    json!(transcript)
}

pub(super) async fn filters(s: &Subject) -> Value {
    let blocks = s.provider.new_block_filter().await.unwrap();
    let only_sets = Filter::new().address(s.probe).event_signature(Probe::Set::SIGNATURE_HASH);
    let logs = s.provider.new_filter(&only_sets).await.unwrap();
    let pending = s.provider.new_pending_transactions_filter(false).await.unwrap();
    let nothing = s.provider.get_filter_changes_dyn(blocks).await.unwrap();
    assert!(nothing.is_empty());
    let first = s.poke(Probe::setCall { key: word(5), value: vec![1].into() }.abi_encode()).await;
    let second = s.poke(Probe::incrementCall {}.abi_encode()).await;
    let seen: Vec<B256> = s.provider.get_filter_changes(blocks).await.unwrap();
    assert_eq!(seen, [block_hash(&first), block_hash(&second)]);
    let FilterChanges::Logs(found) = s.provider.get_filter_changes_dyn(logs).await.unwrap() else {
        panic!("a log filter gives logs");
    };
    assert_eq!(found.len(), 1);
    let again = s.provider.get_filter_changes_dyn(logs).await.unwrap();
    assert!(again.is_empty());
    let hashes: Vec<B256> = s.provider.get_filter_changes(pending).await.unwrap();
    assert_eq!(hashes, [first.transaction_hash, second.transaction_hash]);
    let gone = s.provider.uninstall_filter(blocks).await.unwrap();
    let twice = s.provider.uninstall_filter(blocks).await.unwrap();
    assert!(s.rpc("eth_getFilterChanges", json!([blocks])).await.is_err());
    json!([without(json!(found), &["blockHash", "blockTimestamp"]), gone, twice])
}
