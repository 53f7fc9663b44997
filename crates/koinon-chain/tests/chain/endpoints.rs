//! One node that is slow, broken or hostile.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use alloy::primitives::Address;
use koinon_chain::Chain;
use koinon_chain::ChainError;
use koinon_chain::find_services;
use koinon_testkit::Backend;
use koinon_testkit::TestNet;
use serde_json::json;

use crate::hostile_node::HostileNode;
use crate::hostile_node::PATIENCE;
use crate::hostile_node::Reply;

/// Everything that an error says, with its causes.
fn whole_text(error: &ChainError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

async fn block_number(node: &HostileNode) -> Result<u64, ChainError> {
    let chain = Chain::connect(&node.url().into(), None).await.unwrap();
    tokio::time::timeout(PATIENCE, chain.block_number()).await.unwrap()
}

/// Without a limit the client would hold all of it until the machine has no memory left.
#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let node = HostileNode::start(|_| Reply::Endless).await;
    let error = block_number(&node).await.unwrap_err();
    assert!(error.is_unreachable());
    let text = whole_text(&error);
    assert!(text.contains("the node's answer is longer than 64 MiB"), "{text}");
}

#[tokio::test]
async fn an_error_shows_the_beginning_of_what_a_node_says() {
    let deep = format!("{}{}", "[".repeat(2_000_000), "]".repeat(2_000_000));
    let result = format!(r#"{{"jsonrpc":"2.0","id":0,"result":{deep}}}"#).into_bytes();
    let message = format!("\u{1b}[2J\n{}", "x".repeat(1_000_000));
    let refusal = json!({ "jsonrpc": "2.0", "id": 0, "error": { "code": 1, "message": message } });
    for (raw, unreachable) in [
        (deep.into_bytes(), true),
        (result, true),
        (b"<html>gateway</html>".to_vec(), true),
        (Vec::new(), true),
        (refusal.to_string().into_bytes(), false),
    ] {
        let node = HostileNode::start(move |_| Reply::Raw(raw.clone())).await;
        let error = block_number(&node).await.unwrap_err();
        let text = whole_text(&error);
        assert!(text.len() < 1_000, "{} bytes", text.len());
        assert!(!text.contains(['\u{1b}', '\n']), "{text}");
        assert_eq!(error.is_unreachable(), unreachable, "{text}");
    }
}

#[tokio::test]
async fn a_busy_node_is_asked_again() {
    for status in [429, 503] {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let node = HostileNode::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Busy(status, 0),
            1 => Reply::Refusal(-32_005, "Too Many Requests"),
            _ => Reply::Result(json!("0x7")),
        })
        .await;
        assert_eq!(block_number(&node).await.unwrap(), 7);
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }
    // One that is always busy is given up.
    let node = HostileNode::start(move |_| Reply::Busy(429, 0)).await;
    assert!(block_number(&node).await.unwrap_err().is_unreachable());
}

/// The node that was chosen is the node that is asked.
#[tokio::test]
async fn a_node_cannot_send_the_client_elsewhere() {
    let other = HostileNode::start(|_| Reply::Result(json!("0x7"))).await;
    let url = other.url().to_owned();
    let node = HostileNode::start(move |_| Reply::Elsewhere(url.clone())).await;
    assert!(block_number(&node).await.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn events_are_read_in_ranges_that_the_node_answers() {
    let net = TestNet::start(Backend::Embedded);
    let first = net.create("first").await.unwrap().contracts.core;
    net.pass_blocks(40).await.unwrap();
    let second = net.create("second").await.unwrap().contracts.core;
    let head = net.chain(None).block_number().await.unwrap();
    for most in [1, 7, 1_000] {
        let chain = net.embedded().unwrap().clone();
        let node = HostileNode::start(move |asked| {
            let blocks = |key: &str| {
                let text = asked.params[0][key].as_str().unwrap().trim_start_matches("0x");
                u64::from_str_radix(text, 16).unwrap()
            };
            if asked.method == "eth_getLogs" && blocks("toBlock") - blocks("fromBlock") >= most {
                return Reply::Refusal(-32_005, "query exceeds max block range");
            }
            Reply::Truth(chain.clone())
        })
        .await;
        let chain = Chain::connect(&node.url().into(), None).await.unwrap();
        let found = find_services(&chain, 0).await.unwrap();
        let found: Vec<Address> = found.iter().map(|one| one.address).collect();
        assert_eq!(found, [first, second], "{most} of {head}");
    }
}

/// Events of blocks that were not asked for, and of blocks that went away, are not counted.
#[tokio::test]
async fn events_that_were_not_asked_for_are_left_out() {
    let net = TestNet::start(Backend::Embedded);
    net.create("one").await.unwrap();
    let chain = net.chain(None);
    let head = chain.block_number().await.unwrap();
    let truth = net.embedded().unwrap().clone();
    let node = HostileNode::start(move |asked| match asked.method.as_str() {
        "eth_blockNumber" => Reply::Result(json!(format!("{:#x}", head + 1_000))),
        "eth_getLogs" => {
            let mut asked = asked.clone();
            asked.params[0]["fromBlock"] = json!("0x0");
            asked.params[0]["toBlock"] = json!("latest");
            Reply::TruthOf(truth.clone(), asked)
        }
        _ => Reply::Truth(truth.clone()),
    })
    .await;
    let chain = Chain::connect(&node.url().into(), None).await.unwrap();
    assert_eq!(find_services(&chain, head + 1).await.unwrap(), []);
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_used() {
    let node = HostileNode::start(|_| Reply::Result(json!("0x1"))).await;
    let mut endpoints = koinon_chain::Endpoints::from(node.url());
    endpoints.chain_id = Some(1337);
    let error = Chain::connect(&endpoints, None).await.unwrap_err();
    assert!(matches!(error, ChainError::WrongChain { expected: 1337, found: 1 }), "{error:?}");
    assert!(!error.is_unreachable());
}
