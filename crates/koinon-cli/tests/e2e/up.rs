//! `up`: its success, its failures, and that nothing is left of it.

use std::net::TcpStream;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;
use crate::network::list;

/// The contents of an empty directory.
const NOTHING: [PathBuf; 0] = [];

#[test]
fn a_check_reports_a_healthy_network_and_leaves_nothing() {
    let network = Network::new();
    let report = network.run(["up", EXAMPLE, "--check", "--json"]).json();

    assert_healthy(&report);
    assert_eq!(report["revision"], 1);
    assert_eq!(report["epoch"], 1);
    let stages: Vec<&str> = rows(&report, "stages").map(|row| text(row, "stage")).collect();
    let expected = [
        "compile",
        "chain",
        "contracts",
        "stake",
        "propose",
        "vote",
        "execute",
        "join",
        "agents",
        "epoch",
        "nodes",
    ];
    assert_eq!(stages, expected);
    let took: u64 = rows(&report, "stages").map(|row| row["milliseconds"].as_u64().unwrap()).sum();
    let all = report["milliseconds"].as_u64().unwrap();
    assert!(took <= all && took > all / 2, "stages took {took} of {all} ms");

    network.assert_ended();
    assert_eq!(list(&network.home().join("tmp")), NOTHING);
    assert_eq!(list(&network.work()), NOTHING);
    let chain = text(&report, "rpc_url").strip_prefix("http://").unwrap();
    let nodes = rows(&report, "nodes").map(|row| text(row, "endpoint"));
    for address in nodes.chain([chain]) {
        assert!(TcpStream::connect(address).is_err(), "{address} still answers");
    }
}

/// Checks the report of the example's healthy network, on any chain.
pub(crate) fn assert_healthy(report: &Value) {
    assert_eq!(report["healthy"], true);
    assert_eq!([&report["slots"], &report["vacancies"]], [20, 0]);
    assert!(report["block"].as_u64().unwrap() > 0);
    for (name, length) in [("service", 42), ("seed", 66)] {
        let word = text(report, name);
        assert!(word.starts_with("0x") && word.len() == length, "{name} is {word}");
    }
    let operators = rows(report, "operators");
    let operators: Vec<Value> =
        operators.map(|row| json!([row["name"], row["stake"], row["units"]])).collect();
    let expected = [
        json!(["alice@myDapp", 1000, 10]),
        json!(["bob@myDapp", 800, 8]),
        json!(["carol@myDapp", 600, 6]),
        json!(["dave@myDapp", 400, 4]),
    ];
    assert_eq!(operators, expected);
    for row in rows(report, "operators") {
        let its = rows(report, "nodes").filter(|node| node["operator"] == row["name"]).count();
        // Dealt by stake: 20 slots for 28 units, rounded up or down.
        let fair = row["units"].as_u64().unwrap() as usize * 20 / 28;
        assert_eq!(row["nodes"], its);
        assert!(
            (fair..=fair + 1).contains(&its),
            "{} has {its} nodes, {fair} are fair",
            row["name"]
        );
    }
    let slots: Vec<&str> = rows(report, "nodes").map(|node| text(node, "slot")).collect();
    let expected: Vec<String> = (0..4)
        .flat_map(|group| (0..5).map(move |place| format!("worker/{group}/{place}")))
        .collect();
    assert_eq!(slots, expected);
    for node in rows(report, "nodes") {
        assert_eq!(node["state"], "running", "{node}");
        assert!(text(node, "endpoint").starts_with("127.0.0.1:"), "{node}");
        assert!(node["probe_milliseconds"].as_u64().unwrap() < 2000, "{node}");
        assert!(node["reported_at"].as_u64().unwrap() > 0, "{node}");
    }
}

#[test]
fn a_check_of_nodes_that_never_answer_fails_and_leaves_nothing() {
    let network = Network::new();
    // It runs and listens, but not on its port.
    let deaf = network.template(
        "deaf.yaml",
        &[("arguments: [ worker ]", "arguments: [ chain, --listen, \"127.0.0.1:0\" ]")],
    );
    let check = ["up", &deaf, "--check", "--json", "--timeout", "30s", "-I", "shards=1"];
    let ran = network.run([&check[..], &QUICK[..]].concat()).exits(6);
    let error = "error: not every node answered within 30.00 s\n";
    assert!(ran.stderr.contains(error), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!([&report["healthy"], &report["error"]], [&json!(false), &json!(error)]);
    let last = rows(&report, "stages").last().unwrap();
    assert_eq!(last["stage"], "epoch", "it came as far as the nodes: {report}");
    network.assert_ended();
    assert_eq!(list(&network.home().join("tmp")), NOTHING);
}

#[test]
fn a_check_stopped_at_any_time_leaves_nothing() {
    let network = Network::new();
    for timeout in ["1ms", "100ms", "300ms", "700ms", "3s"] {
        let ran = network.run(["up", EXAMPLE, "--check", "--timeout", timeout]).exits(6);
        assert_eq!(ran.stdout, "");
        network.assert_ended();
        assert_eq!(list(&network.home().join("tmp")), NOTHING);
    }
}

#[test]
fn up_ends_cleanly_and_continues_later() {
    let mut network = Network::started(&QUICK);
    let before = network.json(&["status"]);
    let nodes = network.settle();
    assert_eq!(nodes.len(), 20);
    let twice = network.run(["up", EXAMPLE, "--dir", network.dir().to_str().unwrap()]).exits(1);
    assert!(twice.stderr.contains("is up already"), "{}", twice.stderr);

    drop(network.interrupt().success());
    network.assert_ended();

    network.up(EXAMPLE, &QUICK);
    let after = network.json(&["status"]);
    for same in ["service", "revision", "epoch", "seed", "operators"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(after["block"].as_u64() > before["block"].as_u64());
    let again = network.settle();
    assert!(nodes.keys().eq(again.keys()));
    assert!(nodes.values().all(|pid| !again.values().any(|new| new == pid)));

    // `down` has the effect of Ctrl-C; another `up` finds the chain unchanged.
    let down = network.json(&["down"]);
    assert_eq!(down["purged"], false);
    network.assert_ended();
    drop(network.wait_ended());
    let restarted = network
        .run(["up", EXAMPLE, "--check", "--json", "--dir", network.dir().to_str().unwrap()])
        .json();
    assert_eq!(restarted["service"], before["service"]);
    network.assert_ended();
}

pub(crate) fn rows<'a>(data: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    data[name].as_array().unwrap().iter()
}

pub(crate) fn text<'a>(data: &'a Value, name: &str) -> &'a str {
    data[name].as_str().unwrap_or_else(|| panic!("{name} is no text in {data}"))
}
