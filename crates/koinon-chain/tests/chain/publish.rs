//! Publishing objects.

use koinon_chain::SentTransaction;
use koinon_model::Object;
use koinon_model::Value;
use koinon_testkit::TestNet;

on_both_chains!(published_objects_are_not_sent_again, a_megabyte_goes_in_several_transactions);

/// The most gas of one transaction (EIP-7825).
const MAX_GAS: u64 = 16_777_216;

/// Distinct objects whose canonical JSON has `bytes` bytes.
fn objects(count: usize, bytes: usize) -> Vec<Object> {
    let object =
        |number| Object::new(Value::string(&format!("{number:0>width$}", width = bytes - 2)));
    (0..count).map(object).collect()
}

fn gas(sent: &[SentTransaction]) -> Vec<u64> {
    sent.iter().map(|sent| sent.gas).collect()
}

async fn published_objects_are_not_sent_again(net: &TestNet) {
    let contracts = net.create("publisher").await.unwrap().contracts;
    let first = objects(3, 100);
    // Equal objects are stored once.
    let twice = first.iter().chain(&first);
    assert_eq!(contracts.publish(twice).await.unwrap().len(), 1);
    assert_eq!(contracts.publish(&first).await.unwrap(), []);
    // Only the missing object is sent: one costs less gas than three.
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
    assert!(gas(&sent).iter().all(|gas| *gas <= MAX_GAS), "{:?}", gas(&sent));
    let small = objects(400, 64);
    let sent = contracts.publish(&small).await.unwrap();
    assert!(gas(&sent).iter().all(|gas| *gas <= MAX_GAS), "{:?}", gas(&sent));
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
