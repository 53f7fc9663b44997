//! Transactions on their way: nodes that lose them, and several at once.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use alloy::primitives::Address;
use alloy::primitives::U256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_testkit::Actor;
use koinon_testkit::Backend;
use koinon_testkit::TestNet;
use serde_json::Value;

use crate::hostile_node::HostileNode;
use crate::hostile_node::Reply;

fn payment() -> TransactionRequest {
    TransactionRequest {
        to: Some(Address::ZERO.into()),
        value: Some(U256::ONE),
        ..Default::default()
    }
}

async fn funded(net: &TestNet) -> Actor {
    let alice = Actor::new("alice@net");
    net.fund(alice.account(), 1).await.unwrap();
    alice
}

async fn connect(node: &HostileNode, actor: &Actor) -> Chain {
    let account = Account::new(actor.signer.clone(), 1337);
    Chain::connect(&node.url().into(), Some(account)).await.unwrap()
}

async fn count(net: &TestNet, actor: &Actor) -> u64 {
    net.chain(None).provider().get_transaction_count(actor.account()).await.unwrap()
}

/// The node takes the transaction and breaks off: it is found by its hash, not sent anew.
#[tokio::test]
async fn a_transaction_that_was_taken_without_an_answer_is_sent_once() {
    let net = TestNet::start(Backend::Embedded);
    let alice = funded(&net).await;
    let truth = net.embedded().unwrap().clone();
    let node = HostileNode::start(move |asked| match asked.method.as_str() {
        "eth_sendRawTransaction" => Reply::TruthUnsaid(truth.clone()),
        _ => Reply::Truth(truth.clone()),
    })
    .await;
    let sent = connect(&node, &alice).await.transfer(payment()).await.unwrap();
    assert_eq!(count(&net, &alice).await, 1);
    let receipt = net.chain(None).provider().get_transaction_receipt(sent.hash).await.unwrap();
    assert_eq!(receipt.unwrap().block_number, Some(sent.block));
}

/// The node loses it before it takes it: the same bytes are offered again.
#[tokio::test]
async fn a_transaction_that_was_not_taken_is_offered_again() {
    let net = TestNet::start(Backend::Embedded);
    let alice = funded(&net).await;
    let truth = net.embedded().unwrap().clone();
    let offers: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&offers);
    let node = HostileNode::start(move |asked| {
        if asked.method == "eth_sendRawTransaction" {
            let mut seen = seen.lock().unwrap();
            seen.push(asked.params.clone());
            if seen.len() < 3 {
                return Reply::Raw(b"gone".to_vec());
            }
        }
        Reply::Truth(truth.clone())
    })
    .await;
    connect(&node, &alice).await.transfer(payment()).await.unwrap();
    assert_eq!(count(&net, &alice).await, 1);
    let offers = offers.lock().unwrap();
    assert_eq!(offers.len(), 3);
    assert!(offers.iter().all(|offer| offer == &offers[0]));
}

/// A receipt that cannot be read for a while is asked for again: the transaction is on its way.
#[tokio::test]
async fn a_node_that_is_away_while_a_transaction_is_mined_is_waited_for() {
    let net = TestNet::start(Backend::Embedded);
    let alice = funded(&net).await;
    let truth = net.embedded().unwrap().clone();
    let asked_for = AtomicU32::new(0);
    let node = HostileNode::start(move |asked| {
        let is_receipt = asked.method == "eth_getTransactionReceipt";
        if is_receipt && asked_for.fetch_add(1, Ordering::Relaxed) < 5 {
            return Reply::Raw(b"gone".to_vec());
        }
        Reply::Truth(truth.clone())
    })
    .await;
    connect(&node, &alice).await.transfer(payment()).await.unwrap();
    assert_eq!(count(&net, &alice).await, 1);
}

/// The first offer is acknowledged and dropped; time jumps, as nothing else is to be done.
#[tokio::test]
async fn a_transaction_that_is_not_mined_is_offered_for_more() {
    let net = TestNet::start(Backend::Embedded);
    let alice = funded(&net).await;
    let transport = crate::dropping::Dropping::new(net.embedded().unwrap().clone());
    let offered = transport.offered();
    let account = Account::new(alice.signer.clone(), 1337);
    let chain = Chain::from_client(transport.client(), Some(account));
    tokio::time::pause();
    chain.transfer(payment()).await.unwrap();
    assert_eq!(count(&net, &alice).await, 1);
    let offered = offered.lock().unwrap();
    let [first, second] = &offered[..] else { panic!("{offered:?}") };
    assert_eq!(first.nonce, second.nonce);
    assert!(second.max_fee_per_gas >= first.max_fee_per_gas * 9 / 8);
    assert!(second.max_priority_fee_per_gas > first.max_priority_fee_per_gas);
}
