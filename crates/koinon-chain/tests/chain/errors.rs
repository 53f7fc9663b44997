//! What goes wrong between us and a node.

use alloy::primitives::Address;
use alloy::primitives::Bytes;
use alloy::primitives::U256;
use koinon_chain::Chain;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_chain::Revert;
use koinon_model::Change;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::content;

use crate::revert;

on_both_chains!(
    without_a_key_nothing_is_sent,
    nothing_is_no_service,
    a_late_revert_tells_its_reason,
);

#[tokio::test]
async fn an_url_must_be_one() {
    for url in ["", "localhost:8545", "ftp://localhost", "http://", "http://[", "ipc:/tmp/x"] {
        let error = Chain::connect(url, None).await.unwrap_err();
        assert!(matches!(&error, ChainError::Url { url: named } if named == url), "{error:?}");
        assert!(!error.is_unreachable());
    }
}

#[tokio::test]
async fn a_silent_node_is_unreachable() {
    // A port that was free a moment ago, so nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let chain = Chain::connect(&format!("http://{address}"), None).await.unwrap();
    let error = chain.block_number().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(matches!(error, ChainError::Rpc { .. }), "{error:?}");
    let error = Contracts::open(chain, Address::ZERO).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let error = Chain::connect(&format!("ws://{address}"), None).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

async fn without_a_key_nothing_is_sent(net: &TestNet) {
    let service = net.create("readers").await.unwrap();
    let actor = Actor::new("reader@net");
    let reader = service.contracts.over(net.chain(None));
    let unsigned = |error: ChainError, named: &str| {
        assert!(!error.is_unreachable());
        assert!(
            matches!(&error, ChainError::NoSigner { action } if action == named),
            "{named}: {error:?}"
        );
    };
    unsigned(
        Contracts::create(net.chain(None), &net.settings("x")).await.unwrap_err(),
        "create the service",
    );
    unsigned(reader.deposit(1).await.unwrap_err(), "stake");
    unsigned(reader.join(actor.joining()).await.unwrap_err(), "join");
    unsigned(reader.begin().await.unwrap_err(), "begin the epochs");
    unsigned(reader.update(&Change::default()).await.unwrap_err(), "update the service");
    unsigned(reader.propose(&Change::default(), "").await.unwrap_err(), "propose");
    let content = content(&[]);
    unsigned(reader.publish(content.objects.values()).await.unwrap_err(), "publish objects");
}

async fn nothing_is_no_service(net: &TestNet) {
    let nobody = Address::repeat_byte(3);
    let error = Contracts::open(net.chain(None), nobody).await.unwrap_err();
    assert!(matches!(error, ChainError::NoService(at) if at == nobody), "{error:?}");
    assert!(!error.is_unreachable());
}

/// What was fine when it was estimated may fail when it is mined; the receipt does not say why.
async fn a_late_revert_tells_its_reason(net: &TestNet) {
    let service = net.create("late").await.unwrap();
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    service.revise(&content(&[])).await.unwrap();
    service.stake(&[(&alice, 10), (&bob, 10)]).await.unwrap();
    service.by(&alice).join(alice.joining()).await.unwrap();
    net.pass_blocks(1).await.unwrap();
    // Both begin the epochs: whoever is second in the chain comes too late.
    let rivals = net.rivals([&alice, &bob]).map(|chain| service.contracts.over(chain));
    let both = async { futures::join!(rivals[0].begin(), rivals[1].begin()) };
    let (first, second) = net.share_a_block(2, both).await;
    let (sent, late) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(revert(late), reverts!(Mapper, MapperAlreadyBegun {}));
}

#[test]
fn reverts_are_decoded_and_shown() {
    assert_eq!(Revert::decode(&[]), Revert::Unknown(Bytes::new()));
    assert_eq!(Revert::decode(&[]).to_string(), "reverted without a reason");
    assert_eq!(Revert::decode(&[1, 2, 3]).to_string(), "reverted with 0x010203");
    let message = alloy::sol_types::Revert { reason: "so".to_owned() };
    let data = alloy::sol_types::SolError::abi_encode(&message);
    assert_eq!(Revert::decode(&data), Revert::Message("so".to_owned()));
    let panic = alloy::sol_types::Panic { code: U256::from(0x11) };
    let data = alloy::sol_types::SolError::abi_encode(&panic);
    assert_eq!(Revert::decode(&data), Revert::Panic(panic));
    let late =
        reverts!(Mapper, MapperTooEarly { blockNumber: U256::from(3), opensAt: U256::from(5) });
    assert_eq!(late.to_string(), "MapperTooEarly { blockNumber: 3, opensAt: 5 }");
    let begun = reverts!(Mapper, MapperAlreadyBegun {});
    assert_eq!(begun.to_string(), "MapperAlreadyBegun");
}
