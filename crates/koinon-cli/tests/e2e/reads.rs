//! Every command that only reads, on one network.

use std::fs;

use serde_json::Value;
use serde_json::json;

use crate::network::EXAMPLE;
use crate::network::Network;
use crate::network::QUICK;
use crate::up::assert_healthy;
use crate::up::rows;
use crate::up::text;

#[test]
fn every_reading_command_reads_the_chain() {
    let network = Network::started(&QUICK);
    network.settle();
    let status = status(&network);
    service(&network, &status);
    operators(&network, &status);
    epochs(&network, &status);
    allocation(&network, &status);
    proposals(&network);
    exports(&network, &status);
    templates(&network);
}

fn status(network: &Network) -> Value {
    let mut status = network.json(&["status"]);
    status["healthy"] = json!(true);
    assert_healthy(&status);
    let shown = network.on(&["status"]).success().stdout;
    assert_eq!(shown.matches(" running").count(), 20, "{shown}");
    assert_eq!(shown.matches(" blocks ago").count(), 20, "{shown}");
    assert_eq!(status["overdue"], Value::Null);
    let ignored = fs::read_to_string(network.dir().join(".gitignore")).unwrap();
    assert_eq!(ignored, "*\n");
    let head = format!("service {}\nrevision 1, epoch 1, block ", text(&status, "service"));
    assert!(shown.to_lowercase().starts_with(&head), "{shown}");
    status
}

fn service(network: &Network, status: &Value) {
    let listed = network.json(&["service", "list"]);
    let [only] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!(only["address"], status["service"]);
    assert_eq!(only["name"], "myDapp");
    assert!(network.on(&["service", "list"]).success().stdout.contains("myDapp"));

    let shown = network.json(&["service", "show"]);
    assert_eq!([&shown["revision"], &shown["epoch"]], [1, 1]);
    let parameters = json!({
        "epoch_interval": 100_000, "max_operator_number": 5000, "min_reputation": 0,
        "shards": 4, "stake_threshold": 100, "workers_per_shard": 5,
    });
    for (name, value) in parameters.as_object().unwrap() {
        assert_eq!(&shown["parameters"][name], value, "{name} of {}", shown["parameters"]);
    }
    assert_eq!(shown["contracts"].as_object().unwrap().len(), 11);
    assert!(network.on(&["service", "show"]).success().stdout.contains("parameter shards = 4\n"));

    let verified = network.json(&["service", "verify"]);
    assert_eq!(verified["verified"], true);
    let checks: Vec<&Value> = rows(&verified, "checks").collect();
    assert!(checks.len() > 20, "{verified}");
    assert!(checks.iter().all(|check| check["verdict"] == "good"), "{verified}");
    let shown = network.on(&["service", "verify"]).success().stdout;
    assert_eq!(shown.lines().count(), checks.len(), "{shown}");
    assert!(shown.lines().all(|line| line.starts_with('✔')), "{shown}");
}

fn operators(network: &Network, status: &Value) {
    let listed = network.json(&["operator", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert!(network.on(&["operator", "list"]).success().stdout.contains("dave@myDapp"));
    for row in rows(status, "operators") {
        let shown = network.json(&["operator", "show", text(row, "name")]);
        assert_eq!(shown["operator"]["account"], row["account"]);
        assert_eq!(shown["slots"].as_array().unwrap().len() as u64, row["nodes"].as_u64().unwrap());
        assert_eq!(network.json(&["operator", "show", text(row, "account")]), shown);
    }
    let alice = network.json(&["operator", "show", "alice"]);
    assert_eq!(alice["operator"]["name"], "alice@myDapp");
    let shown = network.on(&["operator", "show", "alice@myDapp"]).success().stdout;
    assert!(shown.contains("stake        1000\n"), "{shown}");
}

fn epochs(network: &Network, status: &Value) {
    let shown = network.json(&["epoch", "show"]);
    assert_eq!(shown["current"]["seed"], status["seed"]);
    assert_eq!([&shown["current"]["number"], &shown["current"]["units"]], [1, 28]);
    assert_eq!(shown["current"]["dealt"], true);
    let opens = shown["current"]["opened_at"].as_u64().unwrap() + 100_000;
    assert_eq!(shown["next"]["opens_at"], opens);
    let people = network.on(&["epoch", "show"]).success().stdout;
    assert!(people.contains("dealt     4 operators, 28 units\n"), "{people}");
}

fn allocation(network: &Network, status: &Value) {
    let shown = network.json(&["allocation", "show"]);
    assert_eq!(network.on(&["allocation", "show"]).success().stdout.lines().count(), 21);
    for (dealt, node) in shown.as_array().unwrap().iter().zip(rows(status, "nodes")) {
        assert_eq!([&dealt["slot"], &dealt["name"]], [&node["slot"], &node["operator"]]);
        let explained = network.json(&["allocation", "explain", text(node, "slot")]);
        assert_eq!(explained["contract_agrees"], true, "{explained}");
        let same = [&explained["name"], &explained["unit"], &explained["operator"]];
        assert_eq!(same, [&node["operator"], &node["unit"], &dealt["operator"]]);
    }
    let people = network.on(&["allocation", "explain", "worker/3/4"]).success().stdout;
    assert!(people.ends_with("contract  agrees\n"), "{people}");
}

fn proposals(network: &Network) {
    let listed = network.json(&["proposal", "list"]);
    let [only] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!(only["state"], "executed");
    assert!(text(only, "description").starts_with("Change "), "{only}");
    let id = text(only, "proposal");
    let shown = network.json(&["proposal", "show", id]);
    assert_eq!(network.json(&["proposal", "show", "latest"]), shown);
    assert_eq!(network.json(&["proposal", "show", &id[..4]]), shown);
    assert_eq!(shown["votes"], json!({ "for": "2800", "against": "0", "abstain": "0" }));
    assert!(shown["change"]["edits"].as_array().unwrap().len() > 10, "{shown}");
    assert_eq!(shown["change"]["parameters"]["shards"], 4);
    let people = network.on(&["proposal", "show", id]).success().stdout;
    assert!(people.contains("+ topology/node_types/MyDappWorker\n"), "{people}");
}

fn exports(network: &Network, status: &Value) {
    let yaml = network.on(&["export"]).success().stdout;
    assert!(yaml.starts_with("tosca_definitions_version: tosca_2_0\n"), "{yaml}");
    let exported = network.on(&["export", "--format", "json"]).json();
    assert_eq!(network.json(&["export"]), exported);
    let topology = network.json(&["export", "--module", "topology"]);
    assert_eq!(
        topology["node_types/MyDappWorker"], exported["node_types"]["MyDappWorker"],
        "{topology}"
    );

    // Before the first execution there is nothing to export; later every block keeps its content.
    let early = network.on(&["export", "--block", "0"]);
    assert_ne!(early.code(), 0);
    let before = status["block"].to_string();
    assert_eq!(network.change(EXAMPLE, &[&QUICK[..], &["-I", "min_reputation=1"]].concat()), 2);
    let now = network.json(&["export"]);
    assert_ne!(now, exported);
    assert_eq!(network.json(&["export", "--block", &before]), exported);
    assert_eq!(now["service_template"]["inputs"]["min_reputation"]["default"], 1, "{now}");
}

fn templates(network: &Network) {
    let local = [
        "-I",
        "worker_image=bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
        "-I",
        "certificates={alice: a, bob: b, carol: c, dave: d}",
    ];
    let valid = network.run(["validate", EXAMPLE, "--json"]).json();
    assert_eq!(valid, json!({ "valid": true, "diagnostics": [] }));
    drop(
        network.run(["validate", EXAMPLE, "--inputs", &format!("{EXAMPLE}/paper.yaml")]).success(),
    );
    let facts = network.run([&["compile", EXAMPLE, "--facts", "--json"], &local[..]].concat());
    let facts = facts.json();
    assert_eq!(facts["name"], "myDapp");
    assert_eq!(facts["parameters"]["shards"], 4);

    let same = [&["diff", EXAMPLE], &QUICK[..], &["-I", "min_reputation=1"]].concat();
    let nothing = network.on(&same).success();
    assert_eq!([&nothing.stdout[..], &nothing.stderr], ["", "nothing differs from revision 2\n"]);
    let nothing = network.json(&same);
    assert_eq!(nothing["change"]["edits"], json!([]));
    assert_eq!(nothing["allocation"]["slots"], json!([20, 20]));

    for shell in ["bash", "zsh", "fish"] {
        let script = network.run(["completions", shell]).success().stdout;
        assert!(script.contains("koinon") && script.contains("allocation"), "{script}");
    }
    let help = network.run(["--help"]).success().stdout;
    assert!(help.contains("Exit codes:"), "{help}");
    drop(fs::read(network.dir().join("network.json")).unwrap());
}
