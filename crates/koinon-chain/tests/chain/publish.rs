//! Publishing objects.

use koinon_chain::Sent;
use koinon_model::Object;
use koinon_model::Value;
use koinon_testkit::TestNet;

on_both_chains!(publishing_twice_sends_nothing, a_megabyte_goes_in_several_transactions);

/// The most gas of one transaction (EIP-7825).
const MOST_GAS: u64 = 16_777_216;

/// Distinct objects whose canonical JSON has `bytes` bytes.
fn objects(count: usize, bytes: usize) -> Vec<Object> {
    let object =
        |number| Object::new(Value::string(&format!("{number:0>width$}", width = bytes - 2)));
    (0..count).map(object).collect()
}

fn gas(sent: &[Sent]) -> Vec<u64> {
    sent.iter().map(|sent| sent.gas).collect()
}

async fn publishing_twice_sends_nothing(net: &TestNet) {
    let contracts = net.create("publisher").await.unwrap().contracts;
    let first = objects(3, 100);
    // The same value twice is one value.
    let twice = first.iter().chain(&first);
    assert_eq!(contracts.publish(twice).await.unwrap().len(), 1);
    assert_eq!(contracts.publish(&first).await.unwrap(), []);
    // Only what is missing is sent: one value costs less than three.
    let more = objects(4, 100);
    let sent = contracts.publish(&more).await.unwrap();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].gas < 150_000, "{sent:?}");
    assert_eq!(contracts.publish(&[]).await.unwrap(), []);
}

async fn a_megabyte_goes_in_several_transactions(net: &TestNet) {
    let contracts = net.create("publisher").await.unwrap().contracts;
    let large = objects(44, Object::MAX_BYTES);
    let sent = contracts.publish(&large).await.unwrap();
    assert_eq!(sent.len(), 22, "{:?}", gas(&sent));
    assert!(gas(&sent).iter().all(|gas| *gas <= MOST_GAS), "{:?}", gas(&sent));
    let small = objects(400, 64);
    let sent = contracts.publish(&small).await.unwrap();
    assert!(gas(&sent).iter().all(|gas| *gas <= MOST_GAS), "{:?}", gas(&sent));
    assert!(sent.len() <= 3, "{:?}", gas(&sent));
    assert_eq!(contracts.publish(large.iter().chain(&small)).await.unwrap(), []);
    let object = objects(1, Object::MAX_BYTES + 1);
    let limit = alloy::primitives::U256::from(Object::MAX_BYTES);
    let size = limit + alloy::primitives::U256::ONE;
    assert_eq!(
        crate::revert(contracts.publish(&object).await),
        reverts!(Blobs, BlobsTooLarge { size: size, limit: limit })
    );
}
