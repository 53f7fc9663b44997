//! The same input gives the same bytes, for any seeds of hash maps and any number of parallel runs.

use std::collections::BTreeMap;

use koinon_model::JsonLimits;
use koinon_model::Value;
use koinon_tosca::Options;
use koinon_tosca::represent;

/// The runs of each of two threads.
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
    check(include_str!("../../../../suite/peers/samples/chain-25-2.0.yaml"), BTreeMap::new());
    check(include_str!("../../../../suite/peers/samples/chain-25-1.3.yaml"), BTreeMap::new());
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
    check(include_str!("../../../../examples/sharding-network/template.yaml"), inputs.clone());
    check(include_str!("../../../../examples/sharding-network/template-1.3.yaml"), inputs);
}

/// Returns a service with a chain of values, each of which needs the one before three times, with
/// the nodes in the given order.
fn chain(order: impl Iterator<Item = usize>) -> String {
    let nodes = order.map(|at| match at {
        0 => "    n000: { type: A }\n".to_owned(),
        at => {
            let before = format!("{{ $get_property: [ n{:03}, p ] }}", at - 1);
            let sum = format!("{{ $sum: [ {before}, 1, {before} ] }}");
            format!("    n{at:03}: {{ type: A, properties: {{ p: {{ $difference: [ {sum}, {before} ] }} }} }}\n")
        }
    });
    format!(
        "tosca_definitions_version: tosca_2_0\n\
         capability_types: {{ C: {{}} }}\n\
         relationship_types: {{ R: {{}} }}\n\
         node_types:\n  \
           A:\n    \
             properties: {{ p: {{ type: integer, default: 1 }} }}\n    \
             capabilities: {{ c: {{ type: C }} }}\n    \
             requirements: [ {{ r: {{ capability: C, relationship: R, count_range: [ 0, 2 ] }} }} ]\n\
         service_template:\n  \
           node_templates:\n    \
             user: {{ type: A, requirements: [ {{ r: {{ count: 2 }} }} ] }}\n{}",
        nodes.collect::<String>()
    )
}

/// The order of a map has no meaning, so neither values that depend on each other nor candidates
/// may depend on it.
#[test]
fn the_order_of_node_templates_has_no_effect() {
    let count = 300;
    let forms =
        [chain(0..count), chain((0..count).rev()), chain((0..count).map(|at| at * 7 % count))];
    let made = forms.map(|text| {
        let files = BTreeMap::from([("template.yaml".to_owned(), text)]);
        let made = represent(&files, "template.yaml", &Options::default());
        let made = made.unwrap_or_else(|error| panic!("{error}")).representation;
        let json = Value::from_json(made.to_json().as_bytes(), JsonLimits::default());
        without_places(&json.unwrap_or_else(|error| panic!("{error}")))
    });
    assert_eq!(made[0].get("nodes").and_then(Value::as_list).map(<[Value]>::len), Some(count + 1));
    assert!(made[0] == made[1] && made[1] == made[2], "the order of node templates was told");
}

/// Removes the parts that depend on a file's text: its digest, and the places of values.
fn without_places(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let kept = map.iter().filter(|(key, _)| !["origin", "sources"].contains(&key.as_str()));
            Value::Map(kept.map(|(key, value)| (key.clone(), without_places(value))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(without_places).collect()),
        other => other.clone(),
    }
}
