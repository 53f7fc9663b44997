//! The same input gives the same bytes, whatever the hash maps of a run are seeded with and however many runs there are
//! at once.

use std::collections::BTreeMap;

use koinon_model::Value;
use koinon_tosca::Options;
use koinon_tosca::represent;

/// Runs of each of two threads.
const RUNS: usize = 50;

fn check(text: &str, inputs: BTreeMap<String, Value>) {
    let files = BTreeMap::from([("template.yaml".to_owned(), text.to_owned())]);
    let options = Options { inputs, ..Options::default() };
    let run = || {
        let made = represent(&files, "template.yaml", &options);
        made.unwrap_or_else(|error| panic!("{error}")).representation.to_json()
    };
    let first = run();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..RUNS {
                    assert!(run() == first, "two runs gave different bytes");
                }
            });
        }
    });
}

#[test]
fn a_chain_of_apps_is_represented_by_the_same_bytes() {
    check(include_str!("../../../suite/peers/samples/chain-25-2.0.yaml"), BTreeMap::new());
    check(include_str!("../../../suite/peers/samples/chain-25-1.3.yaml"), BTreeMap::new());
}

#[test]
fn the_sharding_network_is_represented_by_the_same_bytes() {
    let pem =
        |name: &str| format!("-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n");
    let names = ["alice", "bob", "carol", "dave"];
    let certificates = names.map(|name| (name, Value::string(&pem(name))));
    let image = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    let inputs = BTreeMap::from([
        ("certificates".to_owned(), Value::from(certificates)),
        ("worker_image".to_owned(), Value::string(image)),
    ]);
    check(include_str!("../../../examples/sharding-network/template.yaml"), inputs.clone());
    check(include_str!("../../../examples/sharding-network/template-1.3.yaml"), inputs);
}
