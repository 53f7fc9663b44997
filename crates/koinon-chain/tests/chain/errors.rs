//! Errors between the client and a node.

use alloy::primitives::Address;
use koinon_chain::Chain;
use koinon_chain::ChainError;
use koinon_chain::Contracts;
use koinon_model::ContentChange;
use koinon_testkit::Actor;
use koinon_testkit::TestNet;
use koinon_testkit::content;

use crate::revert;

on_both_chains!(
    without_a_key_nothing_is_sent,
    an_address_without_code_is_not_a_service,
    a_revert_after_the_estimate_has_its_reason,
);

#[tokio::test]
async fn a_url_that_cannot_be_used_is_rejected() {
    for url in ["", "localhost:8545", "ftp://localhost", "http://", "http://[", "ipc:/tmp/x"] {
        let error = Chain::connect(&url.into(), None).await.unwrap_err();
        assert!(matches!(&error, ChainError::Url { url: named } if named == url), "{error:?}");
        assert!(!error.is_unreachable());
    }
}

#[tokio::test]
async fn a_silent_node_is_unreachable() {
    // A port that was free a moment ago, so no process listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let chain = Chain::connect(&format!("http://{address}").as_str().into(), None).await.unwrap();
    let error = chain.block_number().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert!(matches!(error, ChainError::Rpc { .. }), "{error:?}");
    let error = Contracts::open(chain, Address::ZERO).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let error = Chain::connect(&format!("ws://{address}").as_str().into(), None).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

async fn without_a_key_nothing_is_sent(net: &TestNet) {
    let service = net.create("readers").await.unwrap();
    let actor = Actor::new("reader@net");
    let reader = service.contracts.with_chain(net.chain(None));
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
    unsigned(reader.join(actor.application()).await.unwrap_err(), "join");
    unsigned(reader.begin().await.unwrap_err(), "begin the epochs");
    unsigned(reader.update(&ContentChange::default()).await.unwrap_err(), "update the service");
    unsigned(reader.propose(&ContentChange::default(), "").await.unwrap_err(), "propose");
    let content = content(&[]);
    unsigned(reader.publish(content.objects.values()).await.unwrap_err(), "publish objects");
}

async fn an_address_without_code_is_not_a_service(net: &TestNet) {
    let nobody = Address::repeat_byte(3);
    let error = Contracts::open(net.chain(None), nobody).await.unwrap_err();
    assert!(matches!(error, ChainError::NoService(at) if at == nobody), "{error:?}");
    assert!(!error.is_unreachable());
}

/// A transaction that succeeds in the estimate may revert when it is mined; the receipt does not
/// say why.
async fn a_revert_after_the_estimate_has_its_reason(net: &TestNet) {
    let service = net.create("late").await.unwrap();
    let [alice, bob] = [Actor::new("alice@net"), Actor::new("bob@net")];
    service.revise(&content(&[])).await.unwrap();
    service.stake(&[(&alice, 10), (&bob, 10)]).await.unwrap();
    service.signed_by(&alice).join(alice.application()).await.unwrap();
    net.pass_blocks(1).await.unwrap();
    // Both begin the epochs: the second in the chain is too late.
    let racing = net.racing_chains([&alice, &bob]).map(|chain| service.contracts.with_chain(chain));
    let both = async { futures::join!(racing[0].begin(), racing[1].begin()) };
    let (first, second) = net.share_a_block(2, both).await;
    let (sent, late) = if first.is_ok() { (first, second) } else { (second, first) };
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(revert(late), reverts!(Mapper, MapperAlreadyBegun {}));
}
