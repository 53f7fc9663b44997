//! Several nodes, some of which lie, lag or are away.

use alloy::primitives::Address;
use alloy::providers::Provider;
use koinon_chain::Account;
use koinon_chain::Chain;
use koinon_chain::Contracts;
use koinon_chain::Endpoints;
use koinon_evm::EmbeddedChain;
use koinon_testkit::Actor;
use koinon_testkit::Backend;
use koinon_testkit::TestNet;
use serde_json::json;

use crate::hostile_node::Asked;
use crate::hostile_node::HostileNode;
use crate::hostile_node::Reply;

fn endpoints(nodes: &[&HostileNode]) -> Endpoints {
    let urls = nodes.iter().map(|node| node.url().to_owned()).collect();
    Endpoints { urls, chain_id: Some(1337) }
}

async fn honest(chain: &EmbeddedChain) -> HostileNode {
    let chain = chain.clone();
    HostileNode::start(move |_| Reply::Truth(chain.clone())).await
}

/// A node that answers one method with a value of its own.
async fn liar(chain: &EmbeddedChain, method: &'static str, lie: serde_json::Value) -> HostileNode {
    let chain = chain.clone();
    HostileNode::start(move |asked| {
        if asked.method == method {
            Reply::Result(lie.clone())
        } else {
            Reply::Truth(chain.clone())
        }
    })
    .await
}

async fn away() -> HostileNode {
    HostileNode::start(|_| Reply::Raw(Vec::new())).await
}

#[tokio::test]
async fn most_nodes_decide_and_the_others_do_not_matter() {
    let net = TestNet::start(Backend::Embedded);
    let service = net.create("agreed").await.unwrap();
    let core = service.contracts.core;
    let truth = net.embedded().unwrap();
    let expected = service.contracts.head().await.unwrap();
    let one = honest(truth).await;
    let two = honest(truth).await;
    for third in [
        honest(truth).await,
        away().await,
        liar(truth, "eth_call", json!("0x")).await,
        liar(truth, "eth_getCode", json!("0x")).await,
        liar(truth, "eth_blockNumber", json!("0xffffffff")).await,
        liar(truth, "eth_blockNumber", json!("0x0")).await,
        liar(truth, "eth_blockNumber", json!([])).await,
    ] {
        for order in [[&one, &two, &third], [&third, &one, &two]] {
            let chain = Chain::connect(&endpoints(&order), None).await.unwrap();
            let contracts = Contracts::open(chain, core).await.unwrap();
            assert_eq!(contracts.head().await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn without_most_nodes_nothing_is_believed() {
    let net = TestNet::start(Backend::Embedded);
    let truth = net.embedded().unwrap();
    let balance = async |nodes: &[&HostileNode]| {
        let chain = Chain::connect(&Endpoints { chain_id: None, ..endpoints(nodes) }, None).await;
        let provider = chain.unwrap().provider().clone();
        provider.get_balance(Address::ZERO).number(0).await.map_err(|error| error.to_string())
    };
    let one = honest(truth).await;
    let lie = liar(truth, "eth_getBalance", json!("0x1234")).await;
    let error = balance(&[&one, &lie]).await.unwrap_err();
    assert!(error.contains("the nodes do not agree on eth_getBalance"), "{error}");
    for part in [one.url(), lie.url(), "0x0", "0x1234"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let gone = away().await;
    let error = balance(&[&one, &gone]).await.unwrap_err();
    assert!(error.contains("1 of 2 nodes answered, 2 are needed"), "{error}");
    assert!(error.contains(gone.url()), "{error}");
    // Three that all say something else.
    let other = liar(truth, "eth_getBalance", json!("0x99")).await;
    let error = balance(&[&one, &lie, &other]).await.unwrap_err();
    assert!(error.contains("do not agree"), "{error}");
}

/// A node that is some blocks behind is asked what it has.
#[tokio::test]
async fn nodes_that_lag_agree_on_a_block_that_most_have() {
    let net = TestNet::start(Backend::Embedded);
    net.pass_blocks(9).await.unwrap();
    let truth = net.embedded().unwrap();
    let lagging = async |height: u64| {
        let chain = truth.clone();
        HostileNode::start(move |asked| {
            if asked.method == "eth_blockNumber" {
                return Reply::Result(json!(format!("{height:#x}")));
            }
            let mut asked: Asked = asked.clone();
            if asked.method == "eth_getBlockByNumber" && asked.params[0] == "latest" {
                asked.params[0] = json!(format!("{height:#x}"));
            }
            Reply::TruthOf(chain.clone(), asked)
        })
        .await
    };
    let (nine, seven, five) = (lagging(9).await, lagging(7).await, lagging(5).await);
    for (nodes, expected) in
        [(vec![&nine, &seven, &five], 7), (vec![&five, &seven], 5), (vec![&nine, &nine, &five], 9)]
    {
        let chain = Chain::connect(&endpoints(&nodes), None).await.unwrap();
        assert_eq!(chain.block_number().await.unwrap(), expected);
        let newest = chain.provider().get_block(Default::default()).await.unwrap().unwrap();
        assert_eq!(newest.header.number, expected);
    }
}

#[tokio::test]
async fn a_transaction_goes_to_all_and_counts_once_most_have_it() {
    let net = TestNet::start(Backend::Embedded);
    let truth = net.embedded().unwrap();
    let alice = Actor::new("alice@net");
    net.fund(alice.account(), 1).await.unwrap();
    let one = honest(truth).await;
    let two = honest(truth).await;
    // It shows nothing of what is sent.
    let blind = liar(truth, "eth_getTransactionReceipt", json!(null)).await;
    let account = || Some(Account::new(alice.signer.clone(), 1337));
    let to = alloy::rpc::types::TransactionRequest {
        to: Some(Address::ZERO.into()),
        ..Default::default()
    };
    let chain = Chain::connect(&endpoints(&[&one, &blind, &two]), account()).await.unwrap();
    let sent = chain.transfer(to.clone()).await.unwrap();
    assert_eq!(sent.block, net.chain(None).block_number().await.unwrap());

    let chain = Chain::connect(&endpoints(&[&one, &blind]), account()).await.unwrap();
    let receipt = chain.provider().get_transaction_receipt(sent.hash).await.unwrap();
    assert_eq!(receipt, None);
    let chain = Chain::connect(&endpoints(&[&one, &two]), account()).await.unwrap();
    let receipt = chain.provider().get_transaction_receipt(sent.hash).await.unwrap();
    assert_eq!(receipt.unwrap().block_number, Some(sent.block));
}

/// A revert is an answer on which nodes agree, and its reason is kept.
#[tokio::test]
async fn refusals_agree_too() {
    let net = TestNet::start(Backend::Embedded);
    let service = net.create("refused").await.unwrap();
    let truth = net.embedded().unwrap();
    let (one, two) = (honest(truth).await, honest(truth).await);
    let alice = Actor::new("alice@net");
    let account = Account::new(alice.signer.clone(), 1337);
    let chain = Chain::connect(&endpoints(&[&one, &two]), Some(account)).await.unwrap();
    let contracts = service.contracts.with_chain(chain);
    let error = contracts.leave().await.unwrap_err();
    assert!(error.revert().is_some(), "{error:?}");
}
