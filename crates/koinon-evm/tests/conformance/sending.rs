//! Transactions and their receipts.

use alloy::eips::eip7702::Authorization;
use alloy::network::TransactionBuilder;
use alloy::primitives::B256;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::signers::SignerSync;
use alloy::sol_types::SolCall;
use serde_json::Value;
use serde_json::json;

use super::Subject;
use super::receipt_transcript;
use crate::common::CHAIN_ID;
use crate::common::GWEI;
use crate::common::Probe;
use crate::common::ether;
use crate::common::probe_code;
use crate::common::sign;
use crate::common::signer;
use crate::common::tx;
use crate::common::word;

pub(super) async fn deployment(s: &Subject) -> Value {
    let nonce = s.nonce(0).await;
    let receipt = s.send(0, tx(nonce, None, probe_code())).await;
    let address = receipt.contract_address.unwrap();
    assert_eq!(address, signer(0).address().create(nonce));
    let code = s.provider.get_code_at(address).await.unwrap();
    json!([receipt_transcript(&receipt), code])
}

pub(super) async fn events(s: &Subject) -> Value {
    let set = Probe::setCall { key: word(1), value: vec![7; 100].into() };
    let set = s.poke(set.abi_encode()).await;
    let none = s.poke(Probe::countCall { n: U256::ZERO }.abi_encode()).await;
    let five = s.poke(Probe::countCall { n: U256::from(5) }.abi_encode()).await;
    let event = set.decoded_log::<Probe::Set>().unwrap();
    assert_eq!((event.key, event.sender), (word(1), signer(0).address()));
    assert_eq!((none.logs().len(), five.logs().len()), (0, 5));
    json!([receipt_transcript(&set), receipt_transcript(&none), receipt_transcript(&five)])
}

pub(super) async fn value(s: &Subject) -> Value {
    let to = signer(9 - 7).address();
    let before = s.provider.get_balance(to).await.unwrap();
    let nonce = s.nonce(0).await;
    let plain = s.send(0, tx(nonce, Some(to), Bytes::new()).with_value(ether(3))).await;
    let paid = s.send(0, tx(nonce + 1, Some(s.probe), Bytes::new()).with_value(ether(1))).await;
    let after = s.provider.get_balance(to).await.unwrap();
    assert_eq!(after - before, ether(3));
    assert_eq!(plain.gas_used, 21_000);
    let held = s.provider.get_balance(s.probe).await.unwrap();
    let sender = s.provider.get_balance(signer(0).address()).await.unwrap();
    json!([receipt_transcript(&plain), receipt_transcript(&paid), held, sender])
}

pub(super) async fn failures(s: &Subject) -> Value {
    let mut transcript = Vec::new();
    for kind in 0..7 {
        let fail = Probe::failCall { kind: U256::from(kind) };
        let nonce = s.nonce(0).await;
        let failing = tx(nonce, Some(s.probe), fail.abi_encode()).with_gas_limit(100_000);
        let receipt = s.send(0, failing).await;
        assert!(!receipt.status());
        transcript.push(receipt_transcript(&receipt));
    }
    // Creation code that reverts, that is invalid, and that returns too much code.
    for code in [vec![0x5f, 0x5f, 0xfd], vec![0xfe], vec![0x62, 0x00, 0x60, 0x01, 0x5f, 0xf3]] {
        let nonce = s.nonce(0).await;
        let receipt = s.send(0, tx(nonce, None, code)).await;
        assert!(!receipt.status());
        transcript.push(receipt_transcript(&receipt));
    }
    let left = s.rpc("eth_call", json!([{ "to": s.probe, "data": "0x61bc221a" }, "latest"])).await;
    json!([transcript, left.unwrap()])
}

pub(super) async fn transaction_types(s: &Subject) -> Value {
    let nonce = s.nonce(1).await;
    let call = Probe::incrementCall {}.abi_encode();
    let base = TransactionRequest::default()
        .with_chain_id(CHAIN_ID)
        .with_gas_limit(200_000)
        .with_to(s.probe)
        .with_input(call.clone());
    let legacy = base.clone().with_nonce(nonce).with_gas_price(GWEI);
    let list =
        vec![alloy::rpc::types::AccessListItem { address: s.probe, storage_keys: vec![word(2)] }];
    let listed = legacy.clone().with_nonce(nonce + 1).with_access_list(list.into());
    let dynamic = base
        .with_nonce(nonce + 2)
        .with_max_fee_per_gas(5 * GWEI)
        .with_max_priority_fee_per_gas(2 * GWEI);
    let mut transcript = Vec::new();
    for (kind, request) in [legacy, listed, dynamic].into_iter().enumerate() {
        let receipt = s.send(1, request).await;
        assert_eq!(receipt.transaction_type() as usize, kind);
        let seen = s.rpc("eth_getTransactionByHash", json!([receipt.transaction_hash])).await;
        let seen = super::without(seen.unwrap(), &["blockHash", "blockTimestamp"]);
        transcript.push(json!([receipt_transcript(&receipt), seen]));
    }
    json!(transcript)
}

/// EIP-7702: account 3 delegates to the probe and is then called as the probe.
pub(super) async fn set_code(s: &Subject) -> Value {
    let authority = signer(3);
    let authorization =
        Authorization { chain_id: U256::from(CHAIN_ID), address: s.probe, nonce: s.nonce(3).await };
    let signature = authority.sign_hash_sync(&authorization.signature_hash()).unwrap();
    let mut request =
        tx(s.nonce(0).await, Some(authority.address()), Probe::incrementCall {}.abi_encode());
    request.authorization_list = Some(vec![authorization.into_signed(signature)]);
    let receipt = s.send(0, request).await;
    assert!(receipt.status());
    // A call sees what its own authorizations delegate.
    let account = signer(2);
    let authorization =
        Authorization { chain_id: U256::from(CHAIN_ID), address: s.probe, nonce: s.nonce(2).await };
    let signature = account.sign_hash_sync(&authorization.signature_hash()).unwrap();
    let called = json!({
        "from": signer(0).address(),
        "to": account.address(),
        "input": Bytes::from(Probe::incrementCall {}.abi_encode()),
        "authorizationList": [authorization.into_signed(signature)],
    });
    let called = s.rpc("eth_call", json!([called, "latest"])).await.unwrap();
    assert_eq!(called, json!(B256::from(U256::from(1))));
    let code = s.provider.get_code_at(authority.address()).await.unwrap();
    assert_eq!(&code[..3], [0xef, 0x01, 0x00]);
    let counter = Probe::new(authority.address(), &s.provider).counter().call().await.unwrap();
    assert_eq!(counter, U256::from(1));
    json!([receipt_transcript(&receipt), code, s.nonce(3).await])
}

pub(super) async fn nonce_gap(s: &Subject) -> Value {
    let account = signer(1);
    let nonce = s.nonce(1).await;
    let call = Probe::incrementCall {}.abi_encode();
    let later = sign(&account, tx(nonce + 1, Some(s.probe), call.clone())).await;
    let later = *s.provider.send_raw_transaction(&later).await.unwrap().tx_hash();
    let waiting = s.provider.get_transaction_by_hash(later).await.unwrap().unwrap();
    assert_eq!(waiting.block_number, None);
    let unmined = s.provider.get_transaction_receipt(later).await.unwrap();
    assert_eq!(unmined, None);
    let pending = s.provider.get_transaction_count(account.address()).pending().await.unwrap();
    assert_eq!(pending, nonce);
    let first = s.send(1, tx(nonce, Some(s.probe), call)).await;
    let second = alloy::providers::PendingTransactionBuilder::new(s.provider.root().clone(), later);
    let second = second.get_receipt().await.unwrap();
    let pending = s.provider.get_transaction_count(account.address()).pending().await.unwrap();
    assert_eq!(pending, nonce + 2);
    json!([first.status(), second.status(), first.gas_used, second.gas_used])
}

pub(super) async fn replacement(s: &Subject) -> Value {
    let account = signer(1);
    let nonce = s.nonce(1).await;
    let with_fee = |fee: u128, at: u64| {
        tx(
            nonce + 1,
            Some(s.probe),
            Probe::setWordCall { at: U256::from(at), value: U256::from(fee) }.abi_encode(),
        )
        .with_max_fee_per_gas(fee)
        .with_max_priority_fee_per_gas(fee)
    };
    let cheap = sign(&account, with_fee(GWEI, 50)).await;
    let cheap = *s.provider.send_raw_transaction(&cheap).await.unwrap().tx_hash();
    let rival = sign(&account, with_fee(GWEI, 51)).await;
    let refused = s.provider.send_raw_transaction(&rival).await.map(drop);
    let refused = refused.unwrap_err().as_error_resp().unwrap().clone();
    assert!(refused.message.contains("replacement transaction underpriced"), "{refused}");
    let dear = sign(&account, with_fee(2 * GWEI, 52)).await;
    let dear = *s.provider.send_raw_transaction(&dear).await.unwrap().tx_hash();
    s.send(1, tx(nonce, Some(s.probe), Probe::incrementCall {}.abi_encode())).await;
    let dear = alloy::providers::PendingTransactionBuilder::new(s.provider.root().clone(), dear);
    let dear = dear.get_receipt().await.unwrap();
    let gone = s.provider.get_transaction_by_hash(cheap).await.unwrap();
    assert_eq!(gone, None);
    let probe = Probe::new(s.probe, &s.provider);
    let word = probe.words(U256::from(52)).call().await.unwrap();
    assert_eq!(word, U256::from(2 * GWEI));
    json!([refused.message, dear.effective_gas_price, s.nonce(1).await - nonce])
}

/// Sends as most programs do: alloy fills nonce, gas and fees.
pub(super) async fn default_fillers(s: &Subject) -> Value {
    let probe = Probe::new(s.probe, &s.provider);
    let sent = probe.set(word(77), Bytes::from(vec![1, 2, 3])).send().await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let got = probe.get(word(77)).call().await.unwrap();
    assert_eq!(got, Bytes::from(vec![1, 2, 3]));
    json!([receipt.status(), receipt.gas_used, receipt.logs().len()])
}

pub(super) async fn created_by_contract(s: &Subject) -> Value {
    let spawned = s.poke(Probe::spawnCall { salt: word(1) }.abi_encode()).await;
    let again = s.poke(Probe::spawnCall { salt: word(1) }.abi_encode()).await;
    assert_eq!((spawned.status(), again.status()), (true, false));
    json!([receipt_transcript(&spawned), receipt_transcript(&again)])
}
